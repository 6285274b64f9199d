# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that is read by its lines is read as by the parser, errors included."""

from __future__ import annotations

from typing import Any

import pytest
from dsync.adapters.documents import yaml_format
from dsync.adapters.documents.yaml_format import YamlFormat
from dsync.exceptions import RecordProblem
from hypothesis import example, given
from hypothesis import strategies as st

scalars = [
    *("a", "a b", "a  b", " a", "a ", "é", "数", "~", "null", "yes", "Off", "0", "-5", "- 5", "-", "--", "---"),
    *("...", "+1", "0755", "0x1f", "1_000", "1.5", "1e3", ".inf", ".nan", ".", "12:30", "12:30:45", "10.0.0.1"),
    *("10.0.0.0/8", "2001:db8::1", "2026-01-02", "2026-13-45", "2026-01-02T03:04:05Z", "a:", "a: b", "a:b", "a #b"),
    *("a#b", "#b", "=", "<<", "x=1", "[1, 2]", "{a: 1}", "*a", "&a b", "!t b", "%a", "@a", "`a", "| ", ">", "?"),
    *("? a", ",a", "a,b", "a]", '""', '"a b"', '"a\\nb"', '"a#b: c"', "'a'", "'it''s'", "'a: b'", '"it\'s"'),
    *('"a" b', "a\tb", "\ta", "a'b", 'a"b', "a\\b", "a  # b", "a\xa0b", "a\x85b", "-1-2", "1__0", "_", "y", "n"),
]
keys = ["name", "mtu", "on", "null", "a-b", "_x", "1a", "<<", '"q"', "a b", "é", "-", "k" * 120]
lines = st.builds(
    lambda blanks, dash, key, value: f"{blanks}{dash}{key}:{value}",
    st.sampled_from(["", "  ", "  ", "    "]),
    st.sampled_from(["", "- ", "- ", "-  ", "-"]),
    st.sampled_from(keys) | st.sampled_from(["name", "mtu", "x"]),
    st.just("") | st.just(" ") | st.sampled_from(scalars).map(" {}".format),
)
others = st.sampled_from(["", "# a", "  # a", "---", "...", "  ", "hosts:", "hosts: x", "- 1", "-", "  - - a: 1", "%YAML 1.1", "a"])
end = st.sampled_from(["\n", "\n", "\r\n", ""])


def values_of(tree: Any) -> Any:
    """Return a tree in which values are with their types."""
    if isinstance(tree, dict):
        return {"dict": [(values_of(key), values_of(value)) for key, value in tree.items()]}
    if isinstance(tree, list):
        return ["list", *map(values_of, tree)]
    return type(tree), repr(tree), getattr(tree, "written", None)


def read(text: str) -> Any:
    try:
        return values_of(YamlFormat().read(text, "f"))
    except RecordProblem as problem:
        return str(problem)


def parsed(text: str) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(yaml_format, "plain_tree", lambda text, scalars: None)
        return read(text)


@given(st.lists(lines | lines | lines | others, max_size=8), end)
@example(["hosts:", "- a: 1", "  b: 2", "sites:", "    - a: 1", "      b: 2"], "\n")
@example(["- a: 1", "hosts:", "- a: 1"], "\n")
@example(["hosts:", "hosts:"], "\n")
def test_lines_are_read_as_by_the_parser(lines: list[str], end: str) -> None:
    text = end.join([*lines, ""])
    assert read(text) == parsed(text)


records = st.lists(
    st.dictionaries(st.sampled_from(["name", "mtu", "up", "note"]), st.sampled_from(scalars), min_size=1), min_size=1, max_size=5
)


@given(records, st.sampled_from([None, "hosts"]), st.sampled_from(["", "  "]))
def test_records_are_read_as_by_the_parser(records: list[dict[str, str]], key: str | None, blanks: str) -> None:
    before = blanks if key else ""
    rows = [
        f"{before}{'  ' if at else '- '}{name}: {value}" for record in records for at, (name, value) in enumerate(record.items())
    ]
    text = "\n".join(["---", "# ports", *([f"{key}:"] if key else []), *rows, ""])
    assert read(text) == parsed(text)


@pytest.mark.parametrize("value", scalars)
def test_each_value_is_read_as_by_the_parser(value: str) -> None:
    text = f"- name: a\n  value: {value}\n"
    assert read(text) == parsed(text)


def test_plain_files_need_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_format.library(), "load", None)
    text = "---\nhosts:\n  - name: a\n    mtu: 1500\n    up: yes\n\n  # the last one\n  - name: 'b'\n    mtu:\n"
    assert YamlFormat().read(text, "f") == {"hosts": [{"name": "a", "mtu": 1500, "up": True}, {"name": "b", "mtu": None}]}
