# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in each format with changes made in them: what was not changed is as it was, line by line."""

from __future__ import annotations

import difflib
import re
from datetime import date, datetime, timezone
from typing import Any

import pytest
import yaml
from dsync.adapters.documents.edits import Carried, Edits, same_tree
from dsync.adapters.documents.formats import FORMATS, format_of
from dsync.adapters.documents.yaml_format import Tagged
from dsync.exceptions import RecordProblem
from hypothesis import assume, given
from hypothesis import strategies as st


def edits(changed: Any = None, added: Any = None, removed: Any = ()) -> Edits:
    found = Edits()
    found.changed = {way: dict(values) for way, values in (changed or {}).items()}
    found.added = {way: (record, isinstance(way[-1], str)) for way, record in (added or {}).items()}
    found.removed = set(removed)
    return found


def difference(kind: str, text: str, these: Edits) -> list[str]:
    """Return the lines that are gone and the lines that are new."""
    new = FORMATS[kind]().changed(text, these, "f")
    lines = difflib.unified_diff(text.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


SITES = """\
# The sites of the company
---
version: 1.10    # a number that is easily damaged
enabled: yes
nothing: ~
sites:
    # the first
    - name:   nyc     # aligned
      phone: "555"
      tags: [a,b]
      password: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          6162
      devices:
      - { name: sw1, role: core, mtu: 1500 }
      - { name: sw2, role: core }

    # the second
    - name: par
      phone:
      tags:
        - x  # keep
        - y
      devices:
      - name: sw3
        role: 'edge'
        mtu: 0x10

# the end
base: &base {b: 1}
more: *base
merged:
  <<: *base
  c: 2
long: this is a text
  that goes on in another line
"""

CASES = [
    ({"changed": {("sites", 0): {("phone",): "556"}}}, ['-      phone: "555"', '+      phone: "556"']),
    ({"changed": {("sites", 0): {("name",): "NO"}}}, ["-    - name:   nyc     # aligned", "+    - name:   'NO'     # aligned"]),
    ({"changed": {("sites", 1): {("phone",): "1"}}}, ["-      phone:", "+      phone: '1'"]),
    ({"changed": {("sites", 1): {("phone",): "1e3"}}}, ["-      phone:", "+      phone: '1e3'"]),
    ({"changed": {("sites", 1): {("phone",): "a\nb"}}}, ["-      phone:", '+      phone: "a\\nb"']),
    ({"changed": {("sites", 1): {("phone",): 'é "x" #'}}}, ["-      phone:", "+      phone: 'é \"x\" #'"]),
    ({"changed": {("sites", 0): {("tags",): ["a", "b", "c"]}}}, ["-      tags: [a,b]", "+      tags: [a,b, c]"]),
    ({"changed": {("sites", 0): {("tags",): []}}}, ["-      tags: [a,b]", "+      tags: []"]),
    ({"changed": {("sites", 1): {("tags",): ["x", "y", "z"]}}}, ["+        - z"]),
    ({"changed": {("sites", 1): {("tags",): ["x"]}}}, ["-        - y"]),
    (
        {"changed": {("sites", 1): {("tags",): []}}},
        ["-      tags:", "-        - x  # keep", "-        - y", "+      tags: []"],
    ),
    ({"removed": [("merged",)]}, ["-merged:", "-  <<: *base", "-  c: 2"]),
    ({"changed": {("sites", 1): {("a", "b"): 1.5}}}, ["+      a:", "+        b: 1.5"]),
    (
        {"changed": {("sites", 0, "devices", 0): {("mtu",): 9000, ("x",): True}}},
        ["-      - { name: sw1, role: core, mtu: 1500 }", "+      - { name: sw1, role: core, mtu: 9000, x: true }"],
    ),
    ({"added": {("sites", 0, "devices", 2): {"name": "sw9", "role": None}}}, ["+      - { name: sw9, role: null }"]),
    (
        {"added": {("sites", 1, "devices", 1): {"name": "sw4", "tags": ["a"]}}},
        ["+      - name: sw4", "+        tags:", "+        - a"],
    ),
    (
        {"added": {("sites", 2): {"name": "ber"}, ("sites", 2, "devices", 0): {"name": "b1"}}},
        ["+    - name: ber", "+      devices:", "+      - name: b1", "+"],
    ),
    ({"removed": [("sites", 0, "devices", 0)]}, ["-      - { name: sw1, role: core, mtu: 1500 }"]),
    ({"changed": {("merged",): {("b",): 3}}}, ["+  b: 3"]),
    ({"changed": {("more",): {("b",): 2}}}, ["-more: *base", "+more:", "+  b: 2"]),
    ({"changed": {(): {("long",): "short"}}}, ["-long: this is a text", "-  that goes on in another line", "+long: short"]),
    (
        {
            "added": {("sites", 2): {"name": "ber"}},
            "removed": [("sites", 0, "devices", 1)],
            "changed": {("sites", 1): {("phone",): "1"}},
        },
        ["-      - { name: sw2, role: core }", "-      phone:", "+      phone: '1'", "+", "+    - name: ber"],
    ),
    ({"added": {("more_sites", 0): {"name": "x"}}}, ["+more_sites:", "+- name: x"]),
]


@pytest.mark.parametrize(("these", "expected"), CASES)
def test_only_what_is_changed_in_yaml_changes(these: dict[str, Any], expected: list[str]) -> None:
    assert difference("yaml", SITES, edits(**these)) == expected


def test_a_comment_goes_with_the_record_below_it() -> None:
    new = FORMATS["yaml"]().changed(SITES, edits(removed=[("sites", 0)]), "f")
    assert [comment in new for comment in ("# the first", "# the second", "# the end", "# keep")] == [False, True, True, True]
    assert [site["name"] for site in yaml.safe_load(new)["sites"]] == ["par"]


COMMENTED = """\
# devices of the lab

# about a
# in two lines
- name: a  # on a
  role: x
  # of a as well
# about b
- name: b

# of nobody

- name: c
  # of c
# the end
"""


@pytest.mark.parametrize(
    ("text", "these", "expected"),
    [
        (
            COMMENTED,
            {"removed": [(0,)]},
            ["-# about a", "-# in two lines", "-- name: a  # on a", "-  role: x", "-  # of a as well"],
        ),
        (COMMENTED, {"removed": [(1,)]}, ["-# about b", "-- name: b"]),
        (COMMENTED, {"removed": [(2,)]}, ["-- name: c", "-  # of c"]),
        (COMMENTED, {"added": {(3,): {"name": "d"}}}, ["+", "+- name: d"]),
        (COMMENTED, {"removed": [(2,)], "added": {(3,): {"name": "d"}}}, ["-- name: c", "-  # of c", "+- name: d"]),
        ("# the file\n- name: a\n- name: b\n", {"removed": [(0,)]}, ["-- name: a"]),
        ("---\n# the file\n- name: a\n- name: b\n", {"removed": [(0,)]}, ["-- name: a"]),
        ("\n# about a\n- name: a\n", {"removed": [(0,)]}, ["-# about a", "-- name: a", "+[]"]),
        (
            "\n# about a\n- a: 1\n  # of a\n",
            {"removed": [(0,)], "added": {(1,): {"a": 2}}},
            ["-# about a", "-- a: 1", "-  # of a", "+- a: 2"],
        ),
        (
            "top:\n  # about a\n  - a: 1  # x\nend: 1\n",
            {"removed": [("top", 0)]},
            ["-top:", "-  # about a", "-  - a: 1  # x", "+top: []"],
        ),
        ("top:  # all\n# about a\n- a: 1\n", {"removed": [("top", 0)]}, ["-# about a", "-- a: 1", "+  []"]),
        ("k:\n  # about a\n  a: {x: 1}\n  # about b\n  b: {x: 1}\n", {"removed": [("k", "b")]}, ["-  # about b", "-  b: {x: 1}"]),
        ("- text: |\n    # no comment\n- name: b\n", {"removed": [(1,)]}, ["-- name: b"]),
        ("top:\n  - a: [x]\n    # of a\n# about end\nend: 1\n", {"removed": [("end",)]}, ["-# about end", "-end: 1"]),
    ],
)
def test_which_comments_go_with_a_record(text: str, these: dict[str, Any], expected: list[str]) -> None:
    assert sorted(difference("yaml", text, edits(**these))) == sorted(expected)


CARRIED = """\
a:
  # about one
  one:  # remarked

    # inside
    x: 1  # of x
  # about two
  two: {x: 2}  # flat
  # about three
  three:  # nothing
b:
  last: {x: 0}
list:
- name: n
"""


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("one", ["  # about one", "  one:  # remarked", "", "    # inside", "    x: 1  # of x"]),
        ("two", ["  # about two", "  two: {x: 2}  # flat"]),
        ("three", ["  # about three", "  three:  # nothing"]),
    ],
)
def test_the_comments_of_a_record_are_carried_with_it(name: str, lines: list[str]) -> None:
    kind, text = FORMATS["yaml"](), CARRIED
    tree = kind.read(text, "f")["a"][name]
    for target, keyed in ((("b", name), True), (("new", name), True), (("list", 1), False)):
        these = Edits()
        these.removed.add(("a", name))
        these.added[target] = (Carried(tree, lambda: CARRIED, ("a", name)), keyed)
        new = kind.changed(text, these, "f")
        assert not set(lines) & set(new[: new.index("b:")].splitlines()) - {""}
        if keyed:
            assert "\n".join(lines) in new
        else:
            assert all(line.partition("# ")[2] in new for line in lines)
        assert same_tree(kind.read(new, "f"), these.made_in(kind.read(text, "f")))


@pytest.mark.parametrize(
    ("text", "these", "expected"),
    [
        ("", {"added": {(0,): {"a": 1}}}, "- a: 1\n"),
        ("# only this\n", {"added": {("x",): {"a": 1}}}, "# only this\nx:\n  a: 1\n"),
        ("a: 1", {"changed": {(): {("b",): 2}}}, "a: 1\nb: 2"),
        ("a:\r\n- b: 1\r\n", {"added": {("a", 1): {"b": 2}}}, "a:\r\n- b: 1\r\n- b: 2\r\n"),
        ("a: {x: {r: 1}}\n", {"added": {("a", "z"): {"r": 2}}}, "a: {x: {r: 1}, z: {r: 2}}\n"),
        ("a:\n  x:\n  y: {r: 1}\n", {"changed": {("a", "x"): {("r",): 2}}}, "a:\n  x:\n    r: 2\n  y: {r: 1}\n"),
        ("10: {a: 1}\n20: {a: 2}\n", {"changed": {(20,): {("a",): 3}}, "removed": [(10,)]}, "20: {a: 3}\n"),
        ("- a: |\n    x\n    y\n\n- a: 2\n", {"changed": {(0,): {("a",): "z"}}}, "- a: |-\n    z\n\n- a: 2\n"),
        ("- a: |\n    x\n\n- a: 2\n", {"removed": [(0,)]}, "\n- a: 2\n"),
        ("x: []  # none yet\n", {"added": {("x", 0): {"a": 1}}}, "x:\n  - a: 1  # none yet\n"),
        ("x:\n# none yet\ny: 1\n", {"added": {("x", 0): {"a": 1}}}, "x:\n  - a: 1\n# none yet\ny: 1\n"),
        ("- a: 1\n- a: 2\n", {"removed": [(1,)], "added": {(2,): {"a": 3}}}, "- a: 1\n- a: 3\n"),
        ("- a: 1\n  b:\n", {"changed": {(0,): {("b",): 1, ("a0",): 2}}}, "- a: 1\n  b: 1\n  a0: 2\n"),
        ("x:\n- a: 1  # one\n- a: 2  # two\n# end\n", {"removed": [("x", 0), ("x", 1)]}, "x: []\n# end\n"),
        ("[{a: 1}, {a: 2}]\n", {"removed": [(0,)]}, "[{a: 2}]\n"),
        ("- a: x\t# tab\n", {"changed": {(0,): {("a",): "z"}}}, "- a: z\t# tab\n"),
        ("---\n# none\n", {"added": {(0,): {"a": 1}}}, "---\n# none\n- a: 1\n"),
        ("---", {"added": {(0,): {"a": 1}}}, "---\n- a: 1\n"),
        ("---\n...\n", {"added": {(0,): {"a": 1}}}, "---\n- a: 1\n...\n"),
        ("a: 1\n", {"changed": {(): {("b",): date(2026, 1, 2), ("c",): 1e20}}}, "a: 1\nb: 2026-01-02\nc: 1.0e+20\n"),
    ],
)
def test_yaml_in_other_forms(text: str, these: dict[str, Any], expected: str) -> None:
    assert FORMATS["yaml"]().changed(text, edits(**these), "f") == expected


BLOCKS = """\
sites:
  - banner: |  # shown at the login
      Welcome

      to R1
    motto: >-
      one two three
      four five six

      seven

    code: &code !vault |
          $ANSIBLE_VAULT;1.1;AES256
          6162
    deep: |2
        x
    kept: |+
      a

    last: >
      end
"""


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("banner", "Welcome\n\nto R2\n", ["-      to R1", "+      to R2"]),
        ("banner", "\u00fc: #x\n\ty", ["-  - banner: |  # shown at the login", "+  - banner: |-  # shown at the login"]),
        ("banner", "  deeper\n", ["+  - banner: |2  # shown at the login", "+        deeper"]),
        ("banner", "", ["+  - banner: ''  # shown at the login"]),
        ("motto", "one two three four five six\neight", ["-      seven", "+      eight"]),
        ("motto", "one two three four five sixes\nseven", ["-      four five six", "+      four five", "+      sixes"]),
        ("motto", "a\n\n  b\nc\n", ["-    motto: >-", "+    motto: >", "+        b"]),
        ("code", Tagged("!vault", "$ANSIBLE_VAULT;1.1;AES256\n99\n"), ["-          6162", "+          99"]),
        ("code", "x", ["-    code: &code !vault |", "+    code: &code |-"]),
        ("deep", "y\n", ["-    deep: |2", "+    deep: |"]),
        ("kept", "b\n\n\n", ["-      a", "+      b", "+"]),
        ("kept", "b\n", ["-    kept: |+", "-      a", "+    kept: |", "+      b"]),
        ("last", "the end\n", ["-      end", "+      the end"]),
        ("last", "the end\n\n", ["-    last: >", "-      end", "+    last: >+", "+      the end", "+"]),
        ("new", Tagged("!vault", "1.1\n99\n"), ["+    new: !vault |", "+      1.1", "+      99"]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_string_in_lines_of_its_own_stays_one(field: str, value: Any, expected: list[str], newline: str) -> None:
    text = BLOCKS.replace("\n", newline)
    these = edits({("sites", 0): {(field,): value}})
    found = FORMATS["yaml"]().changed(text, these, "f")
    assert found.replace(newline, "").count("\n") == 0
    assert set(expected) <= set(difference("yaml", text, these))


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_string_in_lines_of_its_own_at_the_end_of_a_file(end: str) -> None:
    kind = FORMATS["yaml"]()
    assert kind.changed(f"a: |\n  x{end}", edits({(): {("a",): "y\n"}}), "f") == "a: |\n  y\n"
    assert kind.changed(f"a: |-\n  x{end}", edits({(): {("a",): "y"}}), "f") == f"a: |-\n  y{end}"


BRACKETS = """\
[
  {n: a},  # one
  # about c
  {n: 'c', l: [1,2]},  # two
  {n: d}  # three
]
"""


@pytest.mark.parametrize(
    ("text", "these", "expected"),
    [
        (BRACKETS, {"removed": [(0,)]}, ["-  {n: a},  # one"]),
        (BRACKETS, {"removed": [(1,)]}, ["-  {n: 'c', l: [1,2]},  # two"]),
        (BRACKETS, {"removed": [(2,)]}, ["-  {n: 'c', l: [1,2]},  # two", "-  {n: d}  # three", "+  {n: 'c', l: [1,2]}  # two"]),
        (
            BRACKETS,
            {"removed": [(0,), (2,)], "added": {(3,): {"m": 1}}, "changed": {(1,): {("l",): [2]}}},
            [
                "-  {n: a},  # one",
                "-  {n: 'c', l: [1,2]},  # two",
                "-  {n: d}  # three",
                "+  {n: 'c', l: [2]}, {m: 1},  # two",
            ],
        ),
        ("[{a: 1.0}, {a: 2} ,{a: 0x3}, ]\n", {"removed": [(1,)]}, ["-[{a: 1.0}, {a: 2} ,{a: 0x3}, ]", "+[{a: 1.0}, {a: 0x3}, ]"]),
        ("[{a: 1.0}, {a: 2}]\n", {"removed": [(1,)], "added": {(2,): {"a": 3}}}, ["-[{a: 1.0}, {a: 2}]", "+[{a: 1.0}, {a: 3}]"]),
        ("{x: {a: 'q'}, z: {}}\n", {"removed": [("z",)]}, ["-{x: {a: 'q'}, z: {}}", "+{x: {a: 'q'}}"]),
        ("{x: {}, z: {a: 'q'}}\n", {"removed": [("x",)]}, ["-{x: {}, z: {a: 'q'}}", "+{z: {a: 'q'}}"]),
    ],
)
def test_what_goes_from_brackets_takes_nothing_with_it(text: str, these: dict[str, Any], expected: list[str]) -> None:
    assert difference("yaml", text, edits(**these)) == expected


def test_what_is_yaml_for_one_library_alone_is_not_written() -> None:
    with pytest.raises(RecordProblem, match=r"f cannot be changed without changing more than intended \(line 2\)"):
        FORMATS["yaml"]().changed("- \n  - a\n", edits(added={(1,): {"a": 1}}), "f")
    assert FORMATS["yaml"]().line("- \n  - a\n", (0,), "f") is None


@pytest.mark.parametrize(
    "these",
    [
        {"changed": {("base",): {("b",): 2}}},
        {"changed": {(): {("base",): "x"}}},
    ],
)
def test_what_an_alias_repeats_is_not_changed_in_silence(these: dict[str, Any]) -> None:
    with pytest.raises(RecordProblem, match="cannot be changed without changing more"):
        FORMATS["yaml"]().changed(SITES, edits(**these), "f")


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.dates(),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8),
    st.sampled_from(
        [
            "yes",
            "NO",
            "~",
            "null",
            "010",
            "1_0",
            "12:30:45",
            "1e3",
            "0o7",
            "=",
            "<<",
            "- a",
            "a: b",
            "#",
            "&a",
            "*a",
            "!x",
            "a\nb\n",
            " x ",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1), min_size=1, max_size=5)


@given(
    records=RECORDS,
    new=st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1), max_size=2),
    data=st.data(),
    flow=st.sampled_from([False, True, None]),
    indent=st.sampled_from([2, 4]),
)
def test_any_changes_can_be_made_in_any_yaml(records: Any, new: Any, data: Any, flow: bool | None, indent: int) -> None:
    text = yaml.safe_dump({"top": records, "end": 1}, default_flow_style=flow, indent=indent, allow_unicode=True, sort_keys=False)
    assume(same_tree(yaml.safe_load(text), {"top": records, "end": 1}) and "&" not in text)
    these = Edits()
    for place in range(len(records)):
        action = data.draw(st.sampled_from(["keep", "change", "remove"]))
        if action == "remove":
            these.removed.add(("top", place))
        elif action == "change":
            these.changed["top", place] = {(data.draw(st.sampled_from("abx")),): data.draw(VALUES)}
    for number, record in enumerate(new):
        these.added["top", len(records) + number] = (record, False)
    assume(these)
    kind = FORMATS["yaml"]()
    found = kind.read(kind.changed(text, these, "f"), "f")
    assert same_tree(found, these.made_in(kind.read(text, "f")))


WRITTEN = [
    "core", "1.10", "0x1F", "yes", "", "2026-01-02", "'it''s'", '"a\\tb \\u00e9"', "a\tb", "[1, a,b]", "{x: 1,  y: [2]}",
    "&{name} 5", "!x 7", "some text\n        in two lines", "|  # about\n        one\n\n          two",
    "|-\n          deep", ">\n        one two\n        three\n\n        four",
    "\n      - a  # one\n      - 'b'", "\n        x: 1.0\n        y: ~",
]  # fmt: skip
"""Values of a field as someone may have written them."""


@st.composite
def documents(draw: Any) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Return records: what stands before one, and its fields: what stands before a field, its key, its value, what is behind it."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        fields = []
        for place, key in enumerate(draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))):
            written = draw(st.sampled_from(WRITTEN)).replace("{name}", f"n{number}{key}")
            lead = draw(st.sampled_from(["", "      # about it\n", "\n"])) if place else ""
            blank = draw(st.sampled_from([" ", "   ", "\t"])) if written and written[0] != "\n" else ""
            behind = "" if "\n" in written else draw(st.sampled_from(["", "  # a comment", "\t# one"]))
            fields.append((lead, f"{key}:", blank + written, behind + "\n"))
        found.append((draw(st.sampled_from(["", "    # the next\n", "\n"])), fields))
    return found


@given(records=documents(), data=st.data(), newline=st.sampled_from(["\n", "\r\n"]))
def test_nothing_changes_in_any_yaml_but_what_is_changed(records: Any, data: Any, newline: str) -> None:
    text, pattern, these = "# all\ntop:\n", re.escape(f"# all{newline}top:{newline}"), Edits()
    more = data.draw(st.booleans())
    for number, (before, fields) in enumerate(records):
        action = data.draw(st.sampled_from(["keep", "change", "remove" if 0 < number < len(records) - more else "keep"]))
        goes_along = action == "remove" and "#" in before
        pattern += "" if goes_along else re.escape(before.replace("\n", newline))
        text += before
        changed = data.draw(st.sampled_from([key for _lead, key, _value, _behind in fields])) if action == "change" else None
        if action == "remove":
            these.removed.add(("top", number))
        for place, (lead, key, value, behind) in enumerate(fields):
            start = lead + ("      " if place else "    - ") + key
            text += start + value + behind
            if action != "remove":
                parts = [re.escape(part.replace("\n", newline)) for part in (start, value, behind)]
                pattern += parts[0] + ("(?s:.*?)" if key == changed else parts[1]) + parts[2]
        if changed:
            these.changed["top", number] = {(changed[:-1],): data.draw(VALUES | st.text("ab \n", max_size=20))}
    if more:
        these.added["top", len(records)] = ({"a": data.draw(VALUES)}, False)
    pattern += ("(?s:.*?)" if more else "") + re.escape(f"# the end{newline}last: 0x10{newline}")
    text = (text + "# the end\nlast: 0x10\n").replace("\n", newline)
    kind = FORMATS["yaml"]()
    new = kind.changed(text, these, "f") if these else text
    assert re.fullmatch(pattern, new), new
    assert new.replace(newline, "").count("\n") == 0
    assert same_tree(kind.read(new, "f"), these.made_in(kind.read(text, "f")))


@pytest.mark.parametrize("old", [1, [], {}, [None], [1, 2], {"a": None}, {"a": [None]}, [[None]], [{"a": None}]])
@pytest.mark.parametrize("indent", [2, 4])
def test_a_list_in_the_column_of_its_key_gives_place_to_whatever_it_may_be(old: Any, indent: int) -> None:
    text = yaml.safe_dump({"top": [{"b": 1, "a": old, "c": 2}], "end": 1}, indent=indent, sort_keys=False)
    kind = FORMATS["yaml"]()
    for new in (1, [], {}, [None], {"a": None}, {"a": [None], "x": {"y": 1}}, [[1]]):
        these = Edits()
        these.changed["top", 0] = {("a",): new}
        assert same_tree(kind.read(kind.changed(text, these, "f"), "f"), {"top": [{"b": 1, "a": new, "c": 2}], "end": 1})


# ---------------------------------------------------------------------- reading YAML


def test_yaml_is_read_as_ansible_reads_it() -> None:
    found = FORMATS["yaml"]().read("a: yes\nb: 010\nc: 2026-01-02\nd: !vault abc\ne: !x [1]\nf: !y {a: 1}\n", "f")
    assert (found["a"], found["b"], found["c"]) == (True, 8, date(2026, 1, 2))
    assert found["d"] == Tagged("!vault", "abc")
    assert "abc" not in repr(found["d"])
    assert found["e"].tag == "!x"
    assert found["f"].tag == "!y"


@pytest.mark.parametrize(
    ("kind", "number", "value"),
    [
        *(("yaml", *pair) for pair in [("010", 8), ("0x2A", 42), ("0b101", 5), ("2_000", 2000), ("+4989", 4989), ("10:15", 615)]),
        *(("toml", *pair) for pair in [("0o17", 15), ("0x2A", 42), ("0b101", 5), ("2_000", 2000), ("+4989", 4989)]),
    ],
)
def test_a_number_keeps_how_it_is_written(kind: str, number: str, value: int) -> None:
    text = f"a: {number} # n\nb: [{number}]\nc: 1\n" if kind == "yaml" else f"a = {number} # n\nb = [{number}]\nc = 1\n"
    found = FORMATS[kind]().read(text, "f")
    assert found == {"a": value, "b": [value], "c": 1}
    assert [str(found["a"]), str(found["b"][0]), f"{found['a']}", found["c"].__class__] == [number, number, number, int]
    if kind == "yaml":
        flow = f"- {{a: [{number}, 1], b: {{c: {number}}}, d: 1}}\n"
        assert difference(kind, flow, edits({(0,): {("a",): [2]}})) == [f"-{flow[:-1]}", f"+- {{a: [2], b: {{c: {number}}}, d: 1}}"]
    last = text.splitlines()[2]
    assert difference(kind, text, edits({(): {("c",): 2}})) == [f"-{last}", f"+{last.replace('1', '2')}"]


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_a_fraction_of_json_keeps_its_digits(kind: str) -> None:
    found = FORMATS[kind]().read('{"a": 1.10, "b": 12345678901234567.89, "c": 2.5}', "f")
    record = found if kind == "json" else found[0]
    assert [str(value) for value in record.values()] == ["1.10", "12345678901234567.89", "2.5"]
    assert record["a"] == 1.1
    assert record["c"].__class__ is float


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("yaml", "a: 1\nb: 2\na: 3\n", 'f, line 3: the key "a" occurs twice'),
        ("yaml", "a:\n  b: 1\n\tc: 2\n", "f, line 3: a tab is used for indentation, but YAML requires spaces"),
        ("yaml", "a: [1,\nb: 2\n", "f, line 3: "),
        ("yaml", "a: 1\n---\nb: 2\n", "f, line 2: "),
        ("yaml", "a: *x\n", "f, line 1: found undefined alias"),
        ("json", '{"a": 1,\n "b" 2}', "f, line 2: Expecting ':' delimiter (column 6)"),
        ("json", '[{"a": 1},\n {"a": 1,\n  "b": "{\\"",\n  "a": 2}]', 'f, line 4: the key "a" occurs twice; remove one of them'),
        ("json", '{"x": {"n": [{}],\n"m": 1, "\\u006e" : 2}}', 'f, line 2: the key "n" occurs twice'),
        ("jsonl", '{"a": {"b": 1}}\n{"a": {"b": 1, "b": 1}}\n', 'f, line 2: the key "b" occurs twice'),
        ("jsonl", '{"a": 1}\n\n{"b" 2}\n', "f, line 3: Expecting ':' delimiter (column 6)"),
        ("csv", "a,b\n1,2\n1,2,3\n", "f, line 3: it has 3 cells, and the header only 2; check whether ',' is the delimiter"),
        (
            "csv",
            "a,b,c\n1,2,3\n4,5",
            "f, line 3: it has 2 cells, and the header has 3; the file may be truncated. Otherwise add a ',' for each",
        ),
        ("csv", "a,b\n1\n2,3\n", "f, line 2: it has 1 cell, and the header has 2; the file may be truncated."),
        (
            "tsv",
            "a\tb\n1\n",
            "f, line 2: it has 1 cell, and the header has 2; the file may be truncated. Otherwise add a '\\t' for each",
        ),
        ("csv", "a;b\n1;2\n", "f, line 1: there is only one column, \"a;b\"; check whether ',' is the delimiter"),
        ("tsv", "a,b\n1,2\n", "f, line 1: there is only one column, \"a,b\"; check whether '\\t' is the delimiter"),
        ("csv", "a,b,a\n1,2,3\n", 'f, line 1: the column "a" occurs twice'),
        ("csv", 'a,b\n1,"2\n', "f, line 2: unexpected end of data"),
        ("toml", "a = 1\nb = \n", "f, line 2: "),
        ("toml", "a = 1\na = 2\n", "f"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_line(kind: str, text: str, expected: str) -> None:
    with pytest.raises(RecordProblem) as caught:
        FORMATS[kind]().read(text, "f")
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------- the other formats


TABLES = """\
# all

# about a
[[s]]
name = "a"  # on a

# about b
# in two lines
[[s]]
name = "b"

# about t
[t]
x = 0x10
"""


@pytest.mark.parametrize(
    ("kind", "text", "these", "expected"),
    [
        (
            "json",
            '{\n    "b": [\n        {\n            "a": "é"\n        }\n    ],\n    "c": 1\n}\n',
            {"changed": {("b", 0): {("a",): 1}}},
            ['-            "a": "é"', '+            "a": 1'],
        ),
        ("json", '[{"a": 1}, {"a": 2}]', {"removed": [(0,)]}, ['-[{"a": 1}, {"a": 2}]', '+[{"a": 2}]']),
        ("json", '[{"a":1,"b":2}]\n', {"added": {(1,): {"a": 2}}}, ['-[{"a":1,"b":2}]', '+[{"a":1,"b":2},{"a":2}]']),
        ("json", '[\n\t{\n\t\t"a": 1\n\t}\n]\n', {"changed": {(0,): {("a",): 2}}}, ['-\t\t"a": 1', '+\t\t"a": 2']),
        ("json", '{\n  "a": "\\u00e9",\n  "b": 1\n}', {"changed": {(): {("b",): "ü"}}}, ['-  "b": 1', '+  "b": "\\u00fc"']),
        (
            "jsonl",
            '{"a": 1}\n{"a":2,  "b": 1}\n\n{"a": 3}\n',
            {"changed": {(0,): {("a",): 9}}, "removed": [(2,)], "added": {(3,): {"a": 4}}},
            ['-{"a": 1}', '+{"a": 9}', '-{"a": 3}', '+{"a": 4}'],
        ),
        ("jsonl", '{"a":1}', {"added": {(1,): {"a": 4, "b": 1}}}, ['+{"a":4,"b":1}']),
        (
            "csv",
            'a,b,c\n1,"x, y",3\n"2","b","c"\n3,,\n',
            {"changed": {(0,): {("c",): "4"}, (1,): {("b",): 'q"'}}, "removed": [(2,)]},
            ['-1,"x, y",3', '-"2","b","c"', "-3,,", '+1,"x, y",4', '+"2","q""","c"'],
        ),
        (
            "csv",
            '"a","b",c,d\n"1","2 ""x""",3," 4"\n',
            {"changed": {(0,): {("a",): "9", ("c",): "x,y"}}},
            ['-"1","2 ""x""",3," 4"', '+"9","2 ""x""","x,y"," 4"'],
        ),
        ("csv", 'a,b,c\n"1",2,3\n', {"changed": {(0,): {("a",): "", ("b",): ""}}}, ['-"1",2,3', '+"",,3']),
        ("csv", "a,b,c\n,x,y\n", {"changed": {(0,): {("b",): ""}}}, ["-,x,y", "+,,y"]),
        ("csv", "a,b\n1,2\n,\n3,4\n", {"changed": {(1,): {("b",): "5"}}}, ["-3,4", "+3,5"]),
        ("csv", "a,b\n , \n1,2\n", {"removed": [(0,)]}, ["-1,2"]),
        ("csv", "a,b\n1,2\n", {"added": {(1,): {"b": "x", "a": ""}}}, ["+,x"]),
        ("csv", 'a,b\n1,"2\n3"\n4,5\n', {"changed": {(1,): {("b",): "6"}}}, ["-4,5", "+4,6"]),
        ("csv", "a,b\n1,2\n", {"added": {(1,): {"a": "3", "n": "x"}}}, ["-a,b", "-1,2", "+a,b,n", "+1,2,", "+3,,x"]),
        ("csv", "", {"added": {(0,): {"a": "3", "n": "x"}}}, ["+a,n", "+3,x"]),
        ("csv", "a,b", {"added": {(0,): {"a": "3"}}}, ["+3,"]),
        ("tsv", "a\tb\n1\t2\n", {"changed": {(0,): {("b",): "x,y"}}}, ["-1\t2", "+1\tx,y"]),
        (
            "toml",
            '# c\nx = 1.50 # k\n\n[[s]]\nname = "a" # n\nd = 2026-01-02\n\n[[s]]\nname = "b"\n',
            {"changed": {("s", 0): {("name",): "z"}}},
            ['-name = "a" # n', '+name = "z" # n'],
        ),
        (
            "toml",
            '[[s]]\nname = "a"\n\n[[s]]\nname = "b"\n',
            {"added": {("s", 2): {"name": "c", "n": None}}, "removed": [("s", 0)]},
            ['-name = "a"', "-", "-[[s]]", "+[[s]]", '+name = "c"'],
        ),
        ("toml", "a = 1\nb = 2\n", {"changed": {(): {("a",): None}}}, ["-a = 1"]),
        ("toml", TABLES, {"removed": [("s", 0)]}, ["-# about a", "-[[s]]", '-name = "a"  # on a', "-"]),
        ("toml", TABLES, {"removed": [("s", 1)]}, ["-# about b", "-# in two lines", "-[[s]]", '-name = "b"', "-"]),
        ("toml", TABLES, {"changed": {("s", 1): {("name",): "c"}}}, ['-name = "b"', '+name = "c"']),
        ("toml", TABLES, {"removed": [("t",)]}, ["-# about t", "-[t]", "-x = 0x10"]),
        ("toml", "# all\n# of it\n[[s]]\na = 1\n[[s]]\na = 2\n", {"removed": [("s", 0)]}, ["-[[s]]", "-a = 1"]),
        ("toml", 'a = """\n# x\n[[s]]\n"""\nb = 1\n', {"changed": {(): {("b",): 2}}}, ["-b = 1", "+b = 2"]),
    ],
)
def test_only_what_is_changed_changes(kind: str, text: str, these: dict[str, Any], expected: list[str]) -> None:
    assert sorted(difference(kind, text, edits(**these))) == sorted(expected)


@pytest.mark.parametrize("row", ["", ",", ",,", " , ", '"",""', "\t,\u00a0"])
def test_a_row_of_blank_cells_is_not_a_record(row: str) -> None:
    assert FORMATS["csv"]().read(f"a,b\n1,2\n{row}\n3,4\n{row}\n", "f") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize("these", [{"changed": {(0,): {("a",): "", ("b",): " "}}}, {"added": {(1,): {"a": "", "b": ""}}}])
def test_a_row_that_would_be_blank_is_not_written(these: Any) -> None:
    with pytest.raises(RecordProblem, match="f: a row whose cells are all blank is not a record"):
        FORMATS["csv"]().changed("a,b\n1,2\n", edits(**these), "f")


def test_line_ends_are_kept() -> None:
    for kind, text in (
        ("csv", "a,b\r\n1,2\r\n"),
        ("json", '[\r\n  {\r\n    "a": 1\r\n  }\r\n]\r\n'),
        ("toml", "[[s]]\r\na = 1\r\n"),
        ("jsonl", '{"a": 1}\r\n'),
    ):
        way = ("s", 0) if kind == "toml" else (0,)
        for these in (edits({way: {("a",): "9" if kind == "csv" else 9}}), edits(added={(*way[:-1], 1): {"a": "7"}})):
            new = FORMATS[kind]().changed(text, these, "f")
            assert new != text
            assert new.replace("\r\n", "").count("\n") == 0, (kind, new)


def test_json_with_a_key_twice_is_not_written() -> None:
    with pytest.raises(RecordProblem, match='the key "a" occurs twice'):
        FORMATS["json"]().changed('[{"a": 1, "a": 2}]', edits({(0,): {("b",): 1}}), "f")


def test_dates_and_times_are_kept() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    for kind in ("yaml", "toml"):
        text = FORMATS[kind]().changed("a: 1\n" if kind == "yaml" else "a = 1\n", edits({(): {("b",): when}}), "f")
        assert FORMATS[kind]().read(text, "f")["b"] == when


def test_the_extension_of_a_name_determines_the_format() -> None:
    names = {
        "a.yml": "yaml",
        "a.YAML": "yaml",
        "a.json": "json",
        "a.ndjson": "jsonl",
        "a.csv": "csv",
        "a.tsv": "tsv",
        "a.toml": "toml",
        "a.txt": None,
    }
    assert {name: format_of(name) for name in names} == names
