# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models, mappings and lookups in YAML files: what is evaluated in a task is refused in a file, in which nobody evaluates it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="this runs on the controller, which needs ansible-core")

from ansible.parsing.dataloader import DataLoader
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.plugin_utils.local_dataset import files_in
from ansible_collections.dsync.core.plugins.plugin_utils.yaml_arguments import YamlArguments


def read(folder: Path, text: str, argument: str = "mapping") -> Any:
    """Return what a YAML file holds as an argument of a task."""
    (folder / "given.yml").write_text(text)
    files = YamlArguments(DataLoader(), files_in(folder))
    if argument == "models_file":
        return files.of_models({argument: "given.yml"})["models"]
    return files.of_side({argument: "given.yml"}, "source")[argument]


@pytest.mark.parametrize(
    ("argument", "text", "place"),
    [
        ("mapping", 'device: {fields: {role: {value: "{{ role }}"}}}', "source.mapping: {}, device.fields.role.value"),
        ("lookups", 'role: [{from: "{% if x %}core{% endif %}"}]', "source.lookups: {}, role[0].from"),
        ("lookups", 'role: {"{{ key }}": core}', "source.lookups: {}, role"),
        (
            "models_file",
            'device: {identifiers: [name], attributes: {role: "{{ kind }}"}}',
            "models_file: {}, device.attributes.role",
        ),
    ],
)
def test_a_template_in_a_file_is_refused_with_its_place(tmp_path: Path, argument: str, text: str, place: str) -> None:
    with pytest.raises(TaskFailure) as failure:
        read(tmp_path, text, argument)
    file = f"{tmp_path / 'given.yml'} on the controller"
    assert str(failure.value).startswith(f"{place.format(file)}: templates in this file are not evaluated; ")


def test_what_is_marked_as_no_template_is_taken_as_it_is(tmp_path: Path) -> None:
    text = 'device: {fields: {role: {value: !unsafe "{{ x }}"}, mtu: {expr: "{{ record.mtu }}"}, note: {value: "{ x } 5% {}"}}}'
    fields = read(tmp_path, text)["device"]["fields"]
    assert fields["role"] == {"value": "{{ x }}"}
    assert fields["note"] == {"value": "{ x } 5% {}"}
    assert fields["mtu"] == {"expr": "{{ record.mtu }}"}  # the expression itself says how it is written
