# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins do: find the adapters' code on the controller, and run the module with that code shipped along."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFileNotFound
from ansible.module_utils.common.validation import check_type_dict
from ansible.plugins.action import ActionBase

from ..module_utils._module.argspec import DATASET, PROGRESS, SHIPPED, SIDES
from ..module_utils._module.datasets.adapter_ref import Form, Reference
from ..module_utils._module.errors import TaskFailure
from .base_directory import starting_there
from .code_bundle.find import locate
from .code_bundle.import_graph import closure
from .code_bundle.pack import pack
from .code_bundle.roots import BUILT_IN, CORE_FAMILY, DIFFSYNC_FAMILY, FAMILIES, Roots, families_of, needs_reports, own_code
from .play_inventory import PlayInventory, is_wanted, needed
from .progress_display import told
from .yaml_arguments import DeclaredFiles

GROUP = "group/dsync.core.dsync"
"""The key of ``module_defaults`` for the modules that roles use."""

OF_ROLE = "__dsync_role"
"""The variable of a role's task: ``module_defaults`` count for its omitted arguments, which Ansible lets an omission cancel."""


class ShippingAction(ActionBase):
    """Runs the module of the same name on the host, with the code of the adapters that the controller has."""

    _supports_check_mode = True
    _supports_async = True
    _roles: Sequence[str] = SIDES
    """The datasets of a task: arguments of it, or the task itself where it has but one."""
    _writes_with: frozenset[str] = frozenset()
    """The families of the adapter that the module itself writes with, whatever adapters its datasets have."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if (task_vars or {}).get(OF_ROLE):
            self._task.args = {**self._module_defaults(), **self._task.args}
        with starting_there(self._loader):
            return self._ran(super().run(tmp, task_vars), task_vars)

    def _ran(self, result: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        try:
            module_args = {**self._task.args, **self._files_read()}
            module_args[SHIPPED] = self._pack(dict(self._inventories(module_args, task_vars or {})), self._host(task_vars or {}))
        except TaskFailure as failure:
            return {**result, "failed": True, "msg": str(failure), "exception": traceback.format_exc()}
        wrap_async = self._task.async_val and not self._connection.has_native_async
        with told(self, task_vars or {}, wrap_async) as path:
            given = module_args if path is None else {**module_args, PROGRESS: path}
            result.update(self._execute_module(module_args=given, task_vars=task_vars, wrap_async=wrap_async))
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _module_defaults(self) -> dict[str, Any]:
        """Return the defaults that a play or a block sets for the module, by its name or by its action group."""
        names = (GROUP, self._task.resolved_action)
        layers = {name: value for defaults in self._task.module_defaults or () for name, value in defaults.items()}
        found = [self._templar.template(layers[name]) for name in names if name in layers]
        return {name: value for layer in found for name, value in layer.items()}

    def _host(self, task_vars: Mapping[str, Any]) -> str:
        return str(self._task.delegate_to or task_vars.get("inventory_hostname") or "")

    def _pack(self, inventories: Mapping[str, Any], host: str) -> str:
        roots = Roots()
        found = {}
        families = {*self._writes_with, *([CORE_FAMILY] if self._declares_models() else [])}
        for side, arguments in self._sides():
            name = arguments.get("adapter")
            if not isinstance(name, str):
                continue
            try:
                reference = Reference.parse(name)
                source = locate(reference, roots, self._find_file)
            except TaskFailure as failure:
                raise TaskFailure(f"{side}: {failure}") from failure
            if source is not None:
                found[name] = source
            families.update(_families_for(reference))
        shipped = closure(found.values(), roots)
        sources = shipped.sources.values()
        about_reports = bool(self._task.args.get("reports")) or needs_reports(sources)
        shipped.add(own_code(families | families_of(sources), about_reports))
        return pack({name: source.name for name, source in found.items()}, shipped, inventories, host)

    def _declares_models(self) -> bool:
        """Return whether the task declares the models of its adapters."""
        return any(self._task.args.get(name) is not None for name in ("models", "models_file"))

    def _inventories(self, arguments: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the inventory of the play for each side that reads it. Raises TaskFailure."""
        for side, given in self._sides():
            completed = arguments if side == DATASET else arguments.get(side)
            own = {**given, **completed} if isinstance(completed, Mapping) else given
            if not is_wanted(own):
                continue
            try:
                inventory = PlayInventory(task_vars["hostvars"], self._loader)
                yield side, inventory.listed(*needed(arguments.get("models"), own), (own.get("options") or {}).get("limit"))
            except TaskFailure as failure:
                raise TaskFailure(f"{side} (inventory): {failure}") from failure

    def _sides(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the sides with their arguments; what is missing is for the module to tell."""
        for side in self._roles:
            arguments = self._task.args if side == DATASET else self._task.args.get(side)
            try:
                yield side, check_type_dict(arguments or {})
            except TypeError as error:
                said = "a text that cannot be read as one" if isinstance(arguments, str) else _kind_of(arguments)
                raise TaskFailure(f"{side} should be a dictionary that names an adapter, and is {said}.") from error

    def _files_read(self) -> dict[str, Any]:
        """Return the arguments in which the path of a YAML file stands for what is in it, with that in its place."""
        files = DeclaredFiles(self._loader, self._find_file)
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


class DatasetAction(ShippingAction):
    """Runs a module that reads one dataset, which the arguments of the task name."""

    _roles = (DATASET,)


class ExportAction(DatasetAction):
    """Runs a module that reads one dataset, and writes its objects to a file."""

    _writes_with = BUILT_IN["file"]


def _families_for(reference: Reference) -> Collection[str]:
    """Return the families of adapters that a task needs for an adapter, but for those that its code imports where it is shipped."""
    if reference.form is Form.BUILT_IN:
        return BUILT_IN.get(reference.text, ())
    return FAMILIES if reference.form is Form.IMPORTABLE else (DIFFSYNC_FAMILY,)


def _is_dict(text: str) -> bool:
    """Return whether Ansible reads a string as a dictionary."""
    try:
        return bool(check_type_dict(text))
    except TypeError:
        return False


def _kind_of(value: Any) -> str:
    """Return what a value is, without what it holds, which may be secret."""
    return "a list" if isinstance(value, list) else repr(value)
