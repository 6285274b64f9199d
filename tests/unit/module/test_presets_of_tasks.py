# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a task with the presets of its datasets: what counts, what is missing, and what is shown."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="the module's side needs ansible-core")

from ansible.parsing.dataloader import DataLoader
from ansible.utils.display import Display
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.declarations import with_presets
from ansible_collections.dsync.core.plugins.module_utils._module.entry import AdapterModule
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure

PRESETS = Path(__file__).parents[3] / "plugins/module_utils/dsync/adapters/rest/presets"
PRESET: dict[str, Any] = {
    "requires": {"token": {"description": "A token."}},
    "options": {"endpoints": {"box": "/boxes", "item": "/items"}, "workers": 2},
    "models": {
        "box": {"identifiers": ["name"], "attributes": {"size": "int"}, "children": ["item"]},
        "item": {"identifiers": ["box_name", "name"]},
    },
    "top_level": ["box"],
    "mapping": {"box": {"fields": {"size": "dimensions.size"}}, "item": {"drop": "hidden"}},
}
GIVEN = {"name": "shelf", "content": PRESET, "variables": {}}


def side(**given: Any) -> dict[str, Any]:
    return {"adapter": "rest", "options": {}, "secrets": {"token": "x"}, "mapping": None, "lookups": None, **given}


def task(**given: Any) -> dict[str, Any]:
    return {"source": side(), "target": side(), "models": None, "top_level": None, "only_models": None, **given}


def test_what_a_task_declares_is_laid_over_its_preset() -> None:
    given = task(
        target=side(options={"workers": 8, "endpoints": {"item": None}}, mapping={"item": None, "box": {"keep": "size"}}),
        models={"item": None, "box": {"children": None, "attributes": {"note": "str"}}},
    )
    before, preset = copy.deepcopy(given), copy.deepcopy(PRESET)
    found = with_presets(given, {"target": GIVEN})
    assert (given, preset) == (before, PRESET)
    assert found["models"] == {"box": {"identifiers": ["name"], "attributes": {"size": "int", "note": "str"}}}
    assert found["top_level"] == ["box"]
    assert found["target"]["options"] == {"introspect": False, "workers": 8, "endpoints": {"box": "/boxes"}}
    assert found["target"]["mapping"] == {"box": {"fields": {"size": "dimensions.size"}, "keep": "size"}}
    assert found["source"] == given["source"]


def test_only_models_narrows_what_a_preset_declares() -> None:
    found = with_presets(task(only_models=["box"]), {"source": GIVEN})
    assert list(found["models"]) == ["box"]
    assert found["models"]["box"]["protected"] == ["delete"]
    assert list(found["source"]["mapping"]) == ["box"]
    assert list(with_presets(task(only_models=["bx"]), {"source": GIVEN})["models"]) == ["box", "item"]


def test_a_task_of_one_dataset() -> None:
    found = with_presets({**side(), "models": None, "top_level": None}, {"dataset": GIVEN})
    assert (found["models"], found["mapping"]) == (PRESET["models"], PRESET["mapping"])
    assert found["options"] == {"introspect": False, **PRESET["options"]}


def test_without_presets_nothing_changes() -> None:
    assert with_presets(task(), {}) == task()


@pytest.mark.parametrize(
    ("given", "presets", "said"),
    [
        (
            task(target=side(secrets={})),
            {"target": GIVEN},
            "target (rest): the preset shelf needs the option token: A token. Give it",
        ),
        (
            task(),
            {
                "source": GIVEN,
                "target": {**GIVEN, "content": {**PRESET, "models": {"box": PRESET["models"]["item"]}, "top_level": None}},
            },
            "source and target have presets whose models differ; use a preset on one side, and a mapping ",
        ),
        (task(), {"source": {**GIVEN, "content": None}}, "source (rest): preset shelf: this should be a dictionary, and is empty."),
    ],
)
def test_what_is_wrong_is_one_sentence(given: dict[str, Any], presets: dict[str, Any], said: str) -> None:
    if "mapping" in str(said):
        presets["target"]["content"]["mapping"] = {}
    with pytest.raises(TaskFailure) as caught:
        with_presets(given, presets)
    assert str(caught.value).startswith(said)


def test_the_arguments_that_were_given_are_shown() -> None:
    module: Any = AdapterModule.__new__(AdapterModule)
    module.params = {"target": {"adapter": "rest", "preset": "shelf", "options": {}, "secrets": {}}}
    module.complete({"target": {"adapter": "rest", "preset": "shelf", "options": PRESET["options"], "secrets": {}}})
    assert module.params["target"]["options"] == PRESET["options"]
    assert module._shown()["target"] == {"adapter": "rest", "preset": "shelf", "options": {}, "secrets": {}}


@pytest.mark.parametrize("file", sorted(PRESETS.glob("*.yml")), ids=lambda file: file.stem)
def test_ansible_reads_a_preset_without_a_warning(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML lets a key take the place of a merged one; Ansible warns every user of the preset of a duplicate key."""
    said: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _display, msg, **_more: said.append(msg))
    assert DataLoader().load_from_file(str(file), trusted_as_template=False)
    assert said == []
