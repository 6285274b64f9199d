# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds and reads presets on the controller, where PyYAML is always installed; managed nodes get them as plain data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.validation import check_type_dict
from ansible.parsing.dataloader import DataLoader

from ..module_utils._module.errors import TaskFailure
from .code_bundle.find import FindFile
from .suggestions import known
from .yaml_arguments import refuse_templates

PRESETS = Path(__file__).parents[1] / "module_utils" / "dsync" / "adapters" / "rest" / "presets"
"""The directory of the presets that come with the collection."""

ADAPTER = "rest"
"""The adapter that presets are for."""


def built_in_presets() -> list[str]:
    """Return the names of the presets that come with the collection."""
    return sorted(file.stem for file in PRESETS.glob("*.yml"))


def preset_of(side: Mapping[str, Any], loader: DataLoader, find_file: FindFile) -> dict[str, Any] | None:
    """Return ``name``, ``content`` and ``variables`` of the preset of a dataset; None if it has none.

    Args:
        side: the arguments of the dataset; not changed.
        loader: reads files as Ansible does.
        find_file: returns the path of a file of the task, and the places where it was searched.

    Raises:
        TaskFailure: the argument is wrong, there is no such preset, or its file cannot be read or contains a template.
    """
    given = side.get("preset")
    if given is None:
        return None
    name, variables = _name_and_variables(given)
    if side.get("adapter") != ADAPTER:
        raise TaskFailure(f"preset: presets are for the adapter {ADAPTER}, and this is {side.get('adapter')}; omit it.")
    if name in built_in_presets():
        return {"name": name, "content": _read(loader, PRESETS / f"{name}.yml"), "variables": variables}
    if "/" not in name and not name.endswith((".yml", ".yaml")):
        names = built_in_presets()
        raise TaskFailure(
            f'preset: there is no preset "{name}"{known(name, names)}; the path of a file contains "/", such as ./{name}.yml.'
        )
    file, searched = find_file(name)
    if file is None:
        places = ", ".join(dict.fromkeys(map(os.path.normpath, searched)))
        raise TaskFailure(f'preset: the file "{name}" was not found on the controller; searched: {places}.')
    content = _read(loader, file)
    refuse_templates(loader, "preset", file, content, "write <name> for a variable of the preset, and give its value in the task")
    return {"name": f"{file} on the controller", "content": content, "variables": variables}


def _name_and_variables(given: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of a preset, or the path of its file, and the values of its variables. Raises TaskFailure."""
    form = "give its name, the path of its file, or a dictionary of name and variables, such as {name: keycloak, realm: staff}."
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = check_type_dict(given.strip())
        except TypeError as error:
            raise TaskFailure(f"preset: this is not a dictionary; {form}") from error
    values = {"name": given} if isinstance(given, str) else given
    if not isinstance(values, Mapping) or not isinstance(values.get("name"), str) or not values["name"]:
        raise TaskFailure(f"preset: it does not name a preset; {form}")
    return values["name"], {key: value for key, value in values.items() if key != "name"}


def _read(loader: DataLoader, file: Path) -> Any:
    try:
        content = loader.load_from_file(str(file), trusted_as_template=False)
        json.dumps(content)
        return content
    except TypeError as error:
        raise TaskFailure(f"preset: {file} on the controller: put a date or time in quotation marks, because {error}.") from error
    except AnsibleError as error:
        raise TaskFailure(f"preset: {file} on the controller cannot be read: {' '.join(str(error).split())}") from error
