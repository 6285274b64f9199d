# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes in a text of JSON leave everything else as it is, character by character."""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest
from dsync.adapters.documents.edits import Edits
from dsync.adapters.documents.json_text import changed_text
from hypothesis import given
from hypothesis import strategies as st

LINES = r"""[
  {"name": "a", "lat": 12.34567890123456789, "price": 1.10, "far": 1E5, "huge": 1e400, "tags": ["a", "b"], "u": "\u00e9\/"},

  {"name": "b", "of": {}, "ports": [ 1 , 2 ]},
  {"name": "c"}
]
"""

DEEP = """{
    "sites": [
        {
            "name": "nyc", "lat": 40.70,
            "tags": ["a"]
        }
    ]
}"""


def edits(changed: Any = None, added: Any = None, removed: Any = ()) -> Edits:
    found = Edits()
    found.changed = {way: dict(values) for way, values in (changed or {}).items()}
    found.added = {way: (record, isinstance(way[-1], str)) for way, record in (added or {}).items()}
    found.removed = set(removed)
    return found


@pytest.mark.parametrize(
    ("text", "these", "expected"),
    [
        (LINES, {"changed": {(2,): {("name",): "ü", ("n",): 1}}}, ['-  {"name": "c"}', r'+  {"name": "\u00fc", "n": 1}']),
        (
            LINES,
            {"changed": {(1,): {("of", "x"): [1], ("ports",): [3]}}},
            ['-  {"name": "b", "of": {}, "ports": [ 1 , 2 ]},', '+  {"name": "b", "of": {"x": [1]}, "ports": [3]},'],
        ),
        (LINES, {"removed": [(2,)], "added": {(3,): {"name": "d"}}}, ['-  {"name": "c"}', '+  {"name": "d"}']),
        (DEEP, {"changed": {("sites", 0): {("tags",): ["b"]}}}, ['-            "tags": ["a"]', '+            "tags": ["b"]']),
        (
            DEEP,
            {"added": {("sites", 1): {"name": "par", "tags": []}}},
            ["+        },", "+        {", '+            "name": "par",', '+            "tags": []'],
        ),
        (
            DEEP,
            {"changed": {("sites", 0): {("lat",): 41.5}}},
            ['-            "name": "nyc", "lat": 40.70,', '+            "name": "nyc", "lat": 41.5,'],
        ),
    ],
)
def test_only_what_is_changed_changes(text: str, these: dict[str, Any], expected: list[str]) -> None:
    new = changed_text(text, edits(**these))
    lines = difflib.unified_diff(text.splitlines(), new.splitlines(), n=0, lineterm="")
    found = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "these", "expected"),
    [
        ("", {"added": {(0,): {"a": 1}}}, '[\n  {\n    "a": 1\n  }\n]\n'),
        (" [ ]\n", {"added": {(0,): {"a": 1}}}, ' [{"a": 1}]\n'),
        (
            '{"a":[],"b":{"x":1}}',
            {"added": {("a", 0): {"n": 1, "m": 2}, ("a", 1): {"n": 2}}},
            '{"a":[{"n":1,"m":2},{"n":2}],"b":{"x":1}}',
        ),
        ('{\r\n\t"a": []\r\n}', {"added": {("a", 0): {"n": 1}}}, '{\r\n\t"a": [\r\n\t\t{\r\n\t\t\t"n": 1\r\n\t\t}\r\n\t]\r\n}'),
        ('[{"a": 1}, {"a": 2.0}]', {"removed": [(0,)]}, '[{"a": 2.0}]'),
        ('[{"a": 1}]', {"removed": [(0,)]}, "[]"),
        (
            '{"a": {"n": 1.10}, "b": {"n": 2}}',
            {"removed": [("b",)], "added": {("c",): {"n": 3}}},
            '{"a": {"n": 1.10}, "c": {"n": 3}}',
        ),
        ('{"n": 1}', {"changed": {(): {(): {"m": 2}}}}, '{"m": 2}'),
        ('[{"n": 1.0}]', {"changed": {(0,): {("k",): {"m": 2}}}}, '[{"n": 1.0, "k": {"m": 2}}]'),
    ],
)
def test_new_items_are_written_like_those_that_are_there(text: str, these: dict[str, Any], expected: str) -> None:
    assert changed_text(text, edits(**these)) == expected


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES), max_size=4)


@given(
    records=RECORDS,
    new=RECORDS,
    data=st.data(),
    indent=st.sampled_from([None, 1, 4, "\t"]),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,  ", " : ")]),
)
def test_any_changes_can_be_made_in_any_json(records: Any, new: Any, data: Any, indent: Any, separators: Any) -> None:
    text = json.dumps({"top": records, "end": [1, 2.0]}, indent=indent, separators=separators)
    these = Edits()
    for place in range(len(records)):
        action = data.draw(st.sampled_from(["keep", "change", "remove"]))
        if action == "remove":
            these.removed.add(("top", place))
        elif action == "change":
            these.changed["top", place] = {(data.draw(st.sampled_from("abx")),): data.draw(VALUES)}
    for number, record in enumerate(new):
        these.added["top", len(records) + number] = (record, False)
    found = changed_text(text, these)
    assert json.loads(found) == these.made_in(json.loads(text))
    if not these:
        assert found == text
