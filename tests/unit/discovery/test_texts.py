# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The files of a proposal: YAML that says what it should, whatever is in it, with the evidence in comments and no secret."""

from __future__ import annotations

from typing import Any

import yaml
from dsync.adapters.core.schema import Schema
from dsync.discovery.files import Origin, file_texts
from dsync.discovery.proposal import Side, propose
from dsync.discovery.tables import table_of
from dsync.discovery.yaml_text import Template, yaml_text
from hypothesis import given
from hypothesis import strategies as st


class Loader(yaml.SafeLoader):
    """Reads a string that is not a template as a string."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))

TRICKY = [
    "yes",
    "NO",
    "null",
    "~",
    "1e3",
    "0x1F",
    "12:30",
    "a: b",
    "a #b",
    "{{ x }}",
    "str | None",
    "list[str]",
    "- a",
    "!x",
    "010",
]
TEXTS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.sampled_from(TRICKY))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.text(max_size=10))
def test_yaml_is_read_as_what_was_written(value: dict[str, Any], note: str) -> None:
    text = yaml_text(value, {(name,): note for name in value})
    assert yaml.load(text, Loader) == value  # a subclass of the safe loader


def test_only_strings_that_are_meant_to_be_are_templates() -> None:
    assert yaml_text({"a": Template("{{ x }}"), "b": "{{ x }}"}) == 'a: "{{ x }}"\nb: !unsafe "{{ x }}"\n'


def origin(role: str, **more: Any) -> Origin:
    return Origin(role, "file", f"{role}.csv", {"path": f"/srv/{role}.csv"}, **more)


def texts(*origins: Origin) -> dict[str, str]:
    rows = [{"Name": "a", "mtu": "1"}, {"Name": "b", "mtu": ""}]
    sides = [Side({"device": table_of("/x" if one.endpoints else [], one.title, rows, Schema({}), True)}) for one in origins]
    return file_texts(propose(sides[0], sides[1] if len(sides) > 1 else None), origins, "localhost")


def test_two_datasets_become_models_mappings_and_a_playbook() -> None:
    files = texts(origin("source"), origin("target", secrets={"password": Template("{{ target_password }}")}))
    assert files.keys() == {"models.yml", "datasets.yml", "compare.yml"}
    models = yaml.safe_load(files["models.yml"])
    assert models == {"models": {"device": {"identifiers": ["name"], "attributes": {"mtu": "int | None"}}}}
    assert "# unique, never empty; 2 records on both sides" in files["models.yml"]
    assert "# 1 of 1 match; 1 of 2 empty in the source; 1 of 2 empty in the target" in files["models.yml"]
    datasets = yaml.safe_load(files["datasets.yml"])
    assert datasets["source"] == {
        "adapter": "file",
        "options": {"path": "/srv/source.csv"},
        "mapping": {"device": {"fields": {"name": "Name"}}},
    }
    assert datasets["target"]["secrets"] == {"password": "{{ target_password }}"}
    assert "# Give target_password elsewhere" in files["datasets.yml"]
    (play,) = yaml.safe_load(files["compare.yml"])
    assert play["tasks"][0]["dsync.core.dsync_diff"] == {
        "source": "{{ source }}",
        "target": "{{ target }}",
        "models_file": "models.yml",
    }


def test_an_api_becomes_a_preset_and_of_two_apis_each_becomes_one() -> None:
    api = {"endpoints": {"/x": {"list": "/x"}}}
    files = texts(origin("source", **api))
    assert files.keys() == {"preset.yml", "datasets.yml", "load.yml"}
    assert yaml.safe_load(files["datasets.yml"])["source"]["preset"] == "./preset.yml"
    files = texts(origin("source", **api), origin("target", **api))
    assert files.keys() == {"source_preset.yml", "target_preset.yml", "datasets.yml", "compare.yml"}


def test_what_was_read_cannot_end_a_comment_or_begin_a_key() -> None:
    one = Origin("source", "file", "a\nplay: evil\x1b[0m", {"path": "x"})
    for text in texts(one).values():
        assert "\nplay" not in text
        assert "\x1b" not in text
