# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: what is reported about a wrong one, how a task is laid over one, and that all those of the collection are right."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from dsync.adapters import RecordModel, built_in
from dsync.adapters.rest.options import RestOptions
from dsync.adapters.rest.preset import Preset, merged, narrowed, read_preset
from dsync.exceptions import DefinitionError
from dsync.records.definition import ATTRIBUTE_KEYS, data_model
from dsync.records.definition import MODEL_KEYS as KEYS_OF_MODELS
from dsync.records.mapping_declaration import MODEL_KEYS as KEYS_OF_MAPPINGS
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[4]
FILES = sorted((ROOT / "plugins/module_utils/dsync/adapters/rest/presets").glob("*.yml"))
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/schemas/rest_preset.json").read_text(encoding="utf-8")))
SHELF: dict[str, Any] = {
    "title": "Shelf",
    "requires": {"token": {"description": "A token."}},
    "variables": {"room": {"description": "A room.", "default": "lab 1"}, "site": {"description": "A site."}},
    "options": {"endpoints": {"box": "/<site>/<room>/boxes", "item": "/items"}, "auth_header": "X-<room>"},
    "models": {
        "box": {"identifiers": ["name"], "children": ["item"]},
        "item": {"identifiers": ["box_name", "name"], "attributes": {"owner": {"ref": "box"}, "size": "int"}},
    },
    "mapping": {"item": {"where": {"kind": "item"}, "fields": {"size": "dimensions.size"}}},
}


def content(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def variables(preset: Any) -> dict[str, str]:
    return {name: "x" for name, one in preset.get("variables", {}).items() if "default" not in one}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_preset_of_the_collection_is_whole(file: Path) -> None:
    preset = content(file)
    assert list(SCHEMA.iter_errors(preset)) == []
    assert {"title", "description", "documentation", "requires", "options", "models", "sample"} <= set(preset)
    declared = read_preset(file.stem, preset, variables(preset))
    assert set(declared.options["endpoints"]) >= set(declared.models)
    assert "base_url" in preset["requires"]
    for name, about in preset["requires"].items():
        assert name in RestOptions.fields()
        assert "example" in about or not RestOptions.fields()[name].repr, f"{name} has no example for the documentation"
    for model in preset["models"].values():
        assert model.get("description", "").endswith(".")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_sample_of_a_preset_has_objects_of_its_models(file: Path) -> None:
    preset = content(file)
    source: Any = built_in("memory").bound(data_model(preset["models"], base=RecordModel))(records=preset["sample"])
    source.load()
    assert {model: source.count(model) for model in preset["sample"]} == {
        model: len(records) for model, records in preset["sample"].items()
    }
    assert not source.load_warnings


def changed(way: tuple[str, ...], value: Any) -> Any:
    made = copy.deepcopy(SHELF)
    there = made
    for name in way[:-1]:
        there = there[name]
    there[way[-1]] = value
    return made


@pytest.mark.parametrize(
    ("way", "value", "said"),
    [
        (("modles",), {}, 'there is no key "modles" here (did you mean "models"? known: title, description, documentation, '),
        (("models", "box", "identifers"), [], 'models.box: there is no key "identifers" here (did you mean "identifiers"? known: '),
        (("models", "box"), {}, 'models.box: it has no "identifiers"; add it.'),
        (("models", "item", "attributes"), [], "models.item.attributes: this should be a dictionary, and is a list."),
        (
            ("models", "item", "attributes", "size"),
            "itn",
            'models.item.attributes.size: there is no type "itn" (did you mean "int"?',
        ),
        (("requires", "token"), "x", "requires.token: this should be a dictionary, and is 'x'."),
        (("options", "endpoint"), {}, "the adapter rest takes no option endpoint (did you mean"),
        (("options", "token"), "s3cret", "the adapter rest takes no option token"),
        (("options", "base_url"), "https://x", "the adapter rest takes no option base_url"),
        (
            ("options", "endpoints", "box"),
            {"lst": "/x"},
            'options.endpoints.box: there is no key "lst" here (did you mean "list"? ',
        ),
        (
            ("options", "endpoints"),
            {"box": "/b"},
            "options.endpoints: it does not say where the records of a item are; add item: /",
        ),
        (
            ("options", "auth_header"),
            "<rom>",
            'options.auth_header: there is no variable "rom" (did you mean "room"? known: room, site).',
        ),
        (("mapping", "itm"), {}, 'mapping: there is no key "itm" here (did you mean "item"? known: box, item).'),
        (("mapping", "item"), {"feilds": {}}, 'mapping.item: there is no key "feilds" here (did you mean "fields"? known: '),
        (("mapping", "item", "fields"), {"sise": "x"}, 'mapping.item.fields: there is no key "sise" here (did you mean "size"? '),
    ],
)
def test_a_wrong_preset_is_one_sentence(way: tuple[str, ...], value: Any, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_preset("/srv/shelf.yml on the controller", changed(way, value), {"site": "x"})
    assert str(caught.value).startswith(f"preset /srv/shelf.yml on the controller: {said}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "it needs the variable site (A site); add it to the preset's name."),
        ({"site": "x", "rom": "y"}, 'it has no variable "rom" (did you mean "room"? known: room, site).'),
        ({"site": ["x"]}, "site: the value of a variable is a string, and this is a list."),
    ],
)
def test_a_wrong_variable_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_preset("shelf", SHELF, given)
    assert str(caught.value) == f"preset shelf: {said}"


def test_variables_are_encoded_in_paths_alone() -> None:
    before = copy.deepcopy(SHELF)
    declared = read_preset("shelf", SHELF, {"site": "a/b"})
    endpoints = {"box": "/a%2Fb/lab%201/boxes", "item": "/items"}
    assert declared.options == {"introspect": False, "endpoints": endpoints, "auth_header": "X-lab 1"}
    assert before == SHELF


def test_a_task_is_laid_over_a_preset() -> None:
    base = {"a": {"b": 1, "c": [1, 2], "d": {"e": 1}}, "f": 1}
    assert merged(base, {"a": {"b": 2, "c": [3], "d": None, "g": {"h": None}}, "i": None}) == {
        "a": {"b": 2, "c": [3], "g": {"h": None}},
        "f": 1,
        "i": None,
    }
    assert base == {"a": {"b": 1, "c": [1, 2], "d": {"e": 1}}, "f": 1}


def test_only_some_models_are_kept_with_those_above_them() -> None:
    models = {
        **SHELF["models"],
        "label": {"identifiers": ["name"], "attributes": {"item": {"ref": ["item", "box"], "default": None}}},
    }
    assert list(narrowed(models, ["item"])) == ["box", "item"]
    assert narrowed(models, ["item"]) == SHELF["models"]
    assert narrowed(models, ["box", "label"]) == {
        "box": {"identifiers": ["name"], "children": [], "protected": ["delete"]},
        "label": {"identifiers": ["name"], "attributes": {"item": {"type": "str", "default": None}}},
    }


def test_the_schema_has_the_keys_of_models_and_mappings() -> None:
    keys = {name: set(part["properties"]) for name, part in Preset.model_json_schema()["$defs"].items() if "properties" in part}
    assert keys["ModelDeclaration"] == set(KEYS_OF_MODELS)
    assert keys["MappingDeclaration"] == set(KEYS_OF_MAPPINGS) - {"deleted"}
    assert keys["PresetOptions"] == {name for name, one in RestOptions.fields().items() if one.repr} - {"base_url"}
    assert "description" in ATTRIBUTE_KEYS
