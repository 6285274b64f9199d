# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that are paths of YAML files on the controller: models, mappings and lookups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.validation import check_type_dict
from ansible.parsing.dataloader import DataLoader
from ansible.template import is_trusted_as_template

from ..module_utils._module.errors import TaskFailure
from .code_bundle.find import FindFile

DATASET_ARGUMENTS = ("mapping", "lookups")
"""Arguments of a dataset that may be the path of a file."""

TEMPLATES = "{{", "{%"
EXPRESSION = "expr"
"""The key of an expression in a mapping, which reports a template itself."""


class YamlArguments:
    """Reads the files.

    Args:
        loader: reads files as Ansible does.
        find_file: returns the path of a file of the task, and the places where it was searched.
    """

    def __init__(self, loader: DataLoader, find_file: FindFile) -> None:
        self._loader, self._find_file = loader, find_file

    def of_models(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments ``models``, and perhaps ``top_level``, read from ``models_file`` or parsed from JSON; an empty dict
        if there is nothing to replace. Raises TaskFailure."""
        models, path = arguments.get("models"), arguments.get("models_file")
        if path is None:
            return {} if models is None or isinstance(models, Mapping) else {"models": _declarations(models)}
        if models is not None:
            raise TaskFailure("models and models_file are mutually exclusive; declare the models in one of them.")
        found = self._read("models_file", str(path))
        both = set(found) <= {"models", "top_level"} and isinstance(found.get("models"), dict)
        return found if both else {"models": found}

    def of_side(self, arguments: Mapping[str, Any], side: str = "") -> dict[str, Any]:
        """Return the arguments of a dataset that are paths or JSON, as given with ``-e``, replaced with their content. Raises
        TaskFailure."""
        place = f"{side}." if side else ""
        texts = {name: arguments[name] for name in DATASET_ARGUMENTS if isinstance(arguments.get(name), str)}
        return {name: self._read_or_parsed(f"{place}{name}", text) for name, text in texts.items()}

    def _read_or_parsed(self, argument: str, text: str) -> dict[str, Any]:
        if not text.lstrip().startswith("{"):
            return self._read(argument, text)
        try:
            found: dict[str, Any] = check_type_dict(text.strip())
        except TypeError as error:
            raise TaskFailure(
                f"{argument} should be a dictionary, JSON, or the path of a YAML file; this is no JSON: {error}"
            ) from error
        return found

    def _read(self, argument: str, path: str) -> dict[str, Any]:
        file, searched = self._find_file(path)
        if file is None:
            raise TaskFailure(f'{argument}: the file "{path}" was not found on the controller; searched: {_listed(searched)}.')
        try:
            content = self._loader.load_from_file(str(file), trusted_as_template=False) or {}
        except AnsibleError as error:
            raise TaskFailure(f"{argument}: {file} on the controller cannot be read: {' '.join(str(error).split())}") from error
        if not isinstance(content, dict):
            raise TaskFailure(f"{argument}: {file} on the controller should hold a dictionary.")
        option = argument.rpartition(".")[2].removesuffix("_file")
        evaluated = f"{{{{ lookup('ansible.builtin.template', '{path}') | from_yaml }}}}"
        refuse_templates(self._loader, argument, file, content, f'set {option} to "{evaluated}" to evaluate them')
        return content


def refuse_templates(loader: DataLoader, argument: str, file: Path, content: Any, way_out: str) -> None:
    """Raise TaskFailure if a file contains a template, which is evaluated in a task but not in the file.

    Args:
        loader: reads files as Ansible does.
        argument: the argument that names the file.
        file: the file.
        content: what it contains, read as untrusted.
        way_out: what to do instead, as the beginning of a sentence's end.
    """
    if not any(_templates(content)):
        return
    trusted = loader.load_from_file(str(file), cache="none", trusted_as_template=True)
    place = next(_templates(trusted, only=is_trusted_as_template), None)
    if place is not None:
        raise TaskFailure(
            f"{argument}: {file} on the controller, {place}: templates in this file are not evaluated; "
            f"{way_out}, or tag the string with !unsafe to use it as it is."
        )


def _templates(value: Any, only: Callable[[str], bool] = bool, place: str = "") -> Iterator[str]:
    """Yield the place of each string that contains a template and for which ``only`` is true; not those of expressions."""
    if isinstance(value, str):
        if any(start in value for start in TEMPLATES) and only(value):
            yield place
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _templates(key, only, place)
            if key != EXPRESSION:
                yield from _templates(item, only, f"{place}.{key}".lstrip("."))
    elif isinstance(value, Sequence):
        for number, item in enumerate(value):
            yield from _templates(item, only, f"{place}[{number}]")


def _listed(places: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(places))


def _declarations(models: Any) -> dict[str, Any]:
    """Return models parsed from JSON. Raises TaskFailure."""
    try:
        found: dict[str, Any] = check_type_dict(models.strip() if isinstance(models, str) else models)
    except TypeError as error:
        raise TaskFailure(
            f"models should be a dictionary that declares models, and is {models!r}. "
            "Use models_file for the path of a file, and only_models for names of models."
        ) from error
    return found
