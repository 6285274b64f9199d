# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins do: find the adapters' code on the controller, and run the module with that code in its arguments."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFileNotFound
from ansible.module_utils.common.validation import check_type_dict
from ansible.plugins.action import ActionBase

from ..module_utils._module.argspec import BUNDLE, DATASET, PROGRESS, SELECTING, SIDES
from ..module_utils._module.bundle.format import Bundle
from ..module_utils._module.datasets.adapter_ref import AdapterKind, AdapterRef
from ..module_utils._module.errors import TaskFailure
from .base_directory import using_base_directory
from .code_bundle.find import find_adapter
from .code_bundle.import_graph import follow_imports
from .code_bundle.roots import (
    BUILT_IN,
    CORE_FAMILY,
    DIFFSYNC_FAMILY,
    DISCOVERY,
    FAMILIES,
    SHARD_STORE,
    SHARDS,
    Roots,
    families_of,
    needs_reports,
    own_code,
)
from .local_processes import ended_with_task
from .progress_display import progress_displayed
from .yaml_arguments import YamlArguments

INVENTORY = "inventory"
"""The adapter that may read the inventory of the play."""

OF_ROLE = "__dsync_role"
"""A variable of a role's task: ``module_defaults`` apply to its omitted arguments, which Ansible would not do."""


class AdapterAction(ActionBase):
    """Runs the module of the same name, with the code of its adapters in its arguments."""

    _supports_check_mode = True
    _supports_async = True
    _group = "group/dsync.core.dsync"
    """The action group of the module, as a key of ``module_defaults``."""
    _roles: Sequence[str] = SIDES
    """The datasets of a task: names of arguments, or DATASET if the task itself describes its only one."""
    _writes_with: frozenset[str] = frozenset()
    """The families of the adapter with which the module itself writes, in addition to those of its datasets."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if (task_vars or {}).get(OF_ROLE):
            self._task.args = {**self._module_defaults(), **self._task.args}
        with using_base_directory(self._loader):
            return self._run_module(super().run(tmp, task_vars), task_vars)

    def _run_module(self, result: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        try:
            self._check_internal_arguments()
            self._check_selectors()
            module_args = {**self._task.args, **self._arguments_from_files()}
            presets = dict(self._presets())
            inventories = dict(self._inventories(module_args, presets, task_vars or {}))
            module_args[BUNDLE] = self._bundle(inventories, presets, self._host(task_vars or {}))
        except TaskFailure as failure:
            return {**result, "failed": True, "msg": str(failure), "exception": traceback.format_exc()}
        wrap_async = self._task.async_val and not self._connection.has_native_async
        with progress_displayed(self, task_vars or {}, wrap_async) as path:
            given = module_args if path is None else {**module_args, PROGRESS: path}
            with ended_with_task(self._connection.transport == "local"):
                result.update(self._execute_module(module_args=given, task_vars=task_vars, wrap_async=wrap_async))
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _check_internal_arguments(self) -> None:
        """Raise TaskFailure if the task has an argument that only this plugin sets."""
        for name in (BUNDLE, PROGRESS):
            if name in self._task.args:
                raise TaskFailure(f"{name} is not an option of {self._task.action}; omit it.")

    def _check_selectors(self) -> None:
        """Raise TaskFailure if selectors are not a list of dictionaries; Ansible's own message does not name the option."""
        for name in SELECTING:
            given = self._task.args.get(name)
            listed = given if isinstance(given, list) else [given]
            words = [one for one in listed if isinstance(one, str) and not one.lstrip().startswith("[") and not _is_dict(one)]
            if words or isinstance(given, dict):
                said = f'has the string "{words[0]}"' if words else "is a dictionary"
                raise TaskFailure(f'{name} should be a list of selectors such as [{{model: device, id: "old-*"}}], and {said}.')

    def _module_defaults(self) -> dict[str, Any]:
        """Return the ``module_defaults`` of the module, from its name and its action group."""
        names = (self._group, self._task.resolved_action)
        layers = {name: value for defaults in self._task.module_defaults or () for name, value in defaults.items()}
        found = [self._templar.template(layers[name]) for name in names if name in layers]
        return {name: value for layer in found for name, value in layer.items()}

    def _host(self, task_vars: Mapping[str, Any]) -> str:
        return str(self._task.delegate_to or task_vars.get("inventory_hostname") or "")

    def _bundle(self, inventories: Mapping[str, Any], presets: Mapping[str, Any], host: str) -> str:
        roots = Roots()
        found = {}
        families = {*self._writes_with, *([CORE_FAMILY] if presets or self._declares_models() else [])}
        if self._task.args.get(SHARDS) is not None:
            families.add(SHARDS)
        if self._task.args.get(SHARD_STORE) is not None:
            families |= BUILT_IN["sql"]
        for side, arguments in self._sides():
            name = arguments.get("adapter")
            if not isinstance(name, str):
                continue
            try:
                reference = AdapterRef.parse(name)
                source = find_adapter(reference, roots, self._find_file)
            except TaskFailure as failure:
                raise TaskFailure(f"{side}: {failure}") from failure
            if source is not None:
                found[name] = source
            families.update(_families_for(reference))
        shipped = follow_imports(found.values(), roots)
        sources = shipped.sources.values()
        about_reports = bool(self._task.args.get("reports")) or needs_reports(sources)
        shipped.add(own_code(families | families_of(sources), about_reports))
        adapters = {name: source.name for name, source in found.items()}
        return Bundle(adapters, shipped.modules(), inventories, host, presets).pack()

    def _declares_models(self) -> bool:
        """Return whether the task declares the models of its adapters."""
        return any(self._task.args.get(name) is not None for name in ("models", "models_file"))

    def _presets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the preset of each dataset that has one. Raises TaskFailure."""
        for side, given in self._sides():
            if given.get("preset") is None:
                continue
            from .preset_files import preset_of  # only here, since Ansible compiles it for each run

            try:
                preset = preset_of(given, self._loader, self._find_file)
            except TaskFailure as failure:
                raise TaskFailure(f"{side}: {failure}") from failure
            if preset is not None:
                yield side, preset

    def _inventories(
        self, arguments: Mapping[str, Any], presets: Mapping[str, Any], task_vars: Mapping[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the inventory of the play for each dataset that reads it. Raises TaskFailure."""
        given_models = arguments.get("models")
        models: dict[str, Any] = dict(given_models) if isinstance(given_models, Mapping) else {}
        for preset in presets.values():
            declared = preset["content"].get("models") if isinstance(preset["content"], Mapping) else None
            models = {**(declared if isinstance(declared, Mapping) else {}), **models}
        for side, given in self._sides():
            completed = arguments if side == DATASET else arguments.get(side)
            own = {**given, **completed} if isinstance(completed, Mapping) else given
            if own.get("adapter") != INVENTORY:
                continue
            from .play_inventory import (
                PlayInventory,
                reads_play_inventory,
                required_variables,
            )  # only here, since Ansible compiles it for each run

            if not reads_play_inventory(own):
                continue
            try:
                inventory = PlayInventory(task_vars["hostvars"], self._loader)
                yield (
                    side,
                    inventory.listed(*required_variables(models, own), (own.get("options") or {}).get("limit")),
                )
            except TaskFailure as failure:
                raise TaskFailure(f"{side} (inventory): {failure}") from failure

    def _sides(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the datasets with their arguments; the module validates them."""
        for side in self._roles:
            arguments = self._task.args if side == DATASET else self._task.args.get(side)
            try:
                yield side, check_type_dict(arguments or {})
            except TypeError as error:
                said = "a string" if isinstance(arguments, str) else _kind_of(arguments)
                raise TaskFailure(
                    f"{side} should be a dictionary such as {{adapter: file, options: {{path: devices.csv}}}}, and is {said}."
                ) from error

    def _arguments_from_files(self) -> dict[str, Any]:
        """Return the arguments that are paths of YAML files, replaced with the content of the files."""
        files = YamlArguments(self._loader, self._find_file)
        read = files.of_models(self._task.args)
        for side, arguments in self._sides():
            found = files.of_side(arguments, "" if side == DATASET else side)
            if side == DATASET:
                read.update(found)
            elif found:
                read[side] = {**arguments, **found}
        reports = self._task.args.get("reports")
        if isinstance(reports, str) and not reports.startswith(("[", "{")):
            reports = [reports]
        if isinstance(reports, list):
            read["reports"] = [{"path": one} if isinstance(one, str) and not _is_dict(one) else one for one in reports]
        return read

    def _find_file(self, path: str) -> tuple[Path | None, Sequence[str]]:
        try:
            return Path(self._find_needle("files", path)).resolve(), ()
        except AnsibleFileNotFound as error:
            return None, error.paths or [path]


class DatasetAction(AdapterAction):
    """Runs a module that reads one dataset, which the arguments of the task describe."""

    _group = "group/dsync.core.dataset"
    _roles = (DATASET,)


class ExportAction(DatasetAction):
    """Runs a module that reads one dataset and writes its objects to a file."""

    _writes_with = BUILT_IN["file"] | BUILT_IN["snapshot"]


class DiscoverAction(AdapterAction):
    """Runs a module that proposes models for one dataset or two."""

    _group = "group/dsync.core.discovery"
    _writes_with = frozenset({CORE_FAMILY, DISCOVERY})


def _families_for(reference: AdapterRef) -> Collection[str]:
    """Return the families that a task needs for an adapter, in addition to those that the adapter's own code imports."""
    if reference.kind is AdapterKind.BUILT_IN:
        return BUILT_IN.get(reference.text, ())
    return {*FAMILIES, SHARDS, DISCOVERY} if reference.kind is AdapterKind.IMPORTABLE else (DIFFSYNC_FAMILY,)


def _is_dict(text: str) -> bool:
    """Return whether Ansible reads a string as a dictionary."""
    try:
        return bool(check_type_dict(text))
    except TypeError:
        return False


def _kind_of(value: Any) -> str:
    """Return the kind of a value; the items of a list may be secret."""
    return "a list" if isinstance(value, list) else repr(value)
