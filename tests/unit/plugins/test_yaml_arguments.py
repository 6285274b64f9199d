# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models, mappings, lookups and presets in YAML files, or given as JSON; templates are not evaluated in files, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="this runs on the controller, which needs ansible-core")

from ansible.parsing.dataloader import DataLoader
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.plugin_utils.local_dataset import files_in
from ansible_collections.dsync.core.plugins.plugin_utils.preset_files import preset_of
from ansible_collections.dsync.core.plugins.plugin_utils.yaml_arguments import YamlArguments


def read(folder: Path, text: str, argument: str = "mapping") -> Any:
    """Return what a YAML file holds as an argument of a task."""
    (folder / "given.yml").write_text(text)
    files = YamlArguments(DataLoader(), files_in(folder))
    if argument == "preset":
        given = {"adapter": "rest", "preset": {"name": "./given.yml", "room": "lab"}}
        return preset_of(given, DataLoader(), files_in(folder))
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
        ("preset", 'options: {endpoints: {box: "/{{ room }}/boxes"}}', "preset: {}, options.endpoints.box"),
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
    preset = read(tmp_path, f'{{options: {{endpoints: {{box: !unsafe "{{{{ x }}}}"}}}}, mapping: {{{text}}}}}', "preset")
    assert preset["content"]["options"]["endpoints"] == {"box": "{{ x }}"}
    assert preset["content"]["mapping"]["device"]["fields"]["mtu"] == {"expr": "{{ record.mtu }}"}
    assert preset["variables"] == {"room": "lab"}


def test_arguments_may_be_json(tmp_path: Path) -> None:
    """As those of ``-e``, which are strings; a string that is not JSON is the path of a file, where there may be one."""
    arguments = YamlArguments(DataLoader(), files_in(tmp_path))
    models = {"device": {"identifiers": ["name"]}}
    mapping = {"device": {"fields": {"name": "hostname"}}}
    assert arguments.of_models({"models": f"\n{json.dumps(models)}\n"}) == {"models": models}
    given = {"mapping": f" {json.dumps(mapping)}", "lookups": "{}", "options": "{}"}
    assert arguments.of_side(given, "target") == {"mapping": mapping, "lookups": {}}
    with pytest.raises(TaskFailure, match=r"^models should be a dictionary that declares models, and is '\{device'\. Use "):
        arguments.of_models({"models": "{device"})
    broken = r"^target.mapping should be a dictionary, JSON, or the path of a YAML file; this is no JSON: "
    with pytest.raises(TaskFailure, match=broken):
        arguments.of_side({"mapping": '{"device": '}, "target")
    with pytest.raises(TaskFailure, match=r'^lookups: the file "roles.yml" was not found on the controller; searched: '):
        arguments.of_side({"lookups": "roles.yml"})
