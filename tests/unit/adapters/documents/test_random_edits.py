# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Random changes of random JSON, JSON Lines, CSV and TOML change no byte of anything else; for YAML see test_formats.py.

A document is made of pieces of text as someone may have written them. What is expected is a pattern: all pieces as they are, with
any text in the place of a value that is changed, and without the pieces of a record that is removed.
"""

from __future__ import annotations

import re
from typing import Any

from dsync.adapters.documents.edits import Edits, same_tree
from dsync.adapters.documents.formats import FORMATS
from hypothesis import assume, given
from hypothesis import strategies as st

KEYS = st.lists(st.sampled_from("abcd"), min_size=1, unique=True)
ACTIONS = st.sampled_from(["keep", "change", "remove"])
PLAIN = st.sampled_from(["new", 7, 1.5, True, ["x"]])
NEW = PLAIN | st.just({"y": 1})
NEWLINES = st.sampled_from(["\n", "\r\n"])

Field = tuple[str, str, str]
"""What stands before a value, the value, and what stands behind it."""

ANY = "(?s:.*?)"


def pattern_of(fields: list[Field], changed: int | None) -> str:
    """Return the pattern of some fields, of which the value of one may have become any other."""
    return "".join(
        re.escape(before) + (ANY if place == changed else re.escape(value)) + re.escape(behind)
        for place, (before, value, behind) in enumerate(fields)
    )


def text_of(fields: list[Field]) -> str:
    return "".join(before + value + behind for before, value, behind in fields)


def check(kind: str, text: str, these: Edits, pattern: str) -> None:
    """Check that a text is changed as it should be, and that it is of a pattern then."""
    found = FORMATS[kind]()
    new = found.changed(text, these, "f") if these else text
    assert re.fullmatch(pattern, new), (text, new, pattern)
    assert same_tree(found.read(new, "f"), these.made_in(found.read(text, "f"), found.none_is_absent))


# ---------------------------------------------------------------------- JSON

JSON_VALUES = st.sampled_from(
    ["1.10", "1E5", "12345678901234567.891", "-0", '"\\u00e9\\/"', '"é"', "[ 1 ,2]", '{ "x":[] }', "null", "true", '"a, b]}"', "[]"]
)
BLANKS = st.sampled_from(["", " ", "  ", "\n    ", "\t"])


@st.composite
def json_record(draw: Any) -> tuple[list[str], list[Field]]:
    keys = draw(KEYS)
    fields = []
    for place, key in enumerate(keys):
        lead = "{" if not place else ","
        end = "}" if place == len(keys) - 1 else ""
        before = f'{lead}{draw(BLANKS)}"{key}"{draw(BLANKS)}:{draw(BLANKS)}'
        fields.append((before, draw(JSON_VALUES), draw(BLANKS) + end))
    return keys, fields


@given(records=st.lists(json_record(), min_size=1, max_size=4), data=st.data(), newline=NEWLINES)
def test_nothing_changes_in_any_json_but_what_is_changed(records: Any, data: Any, newline: str) -> None:
    text, pattern, these = '{"first": 1.0,\n "top": [', re.escape(f'{{"first": 1.0,{newline} "top": ['), Edits()
    for number, (keys, fields) in enumerate(records):
        fields = [tuple(part.replace("\n", newline) for part in field) for field in fields]
        comma = "" if not number else f",{newline}  "
        changed = data.draw(st.none() | st.integers(0, len(keys) - 1))
        if changed is not None:
            these.changed["top", number] = {(keys[changed],): data.draw(NEW)}
        text += comma + text_of(fields)
        pattern += re.escape(comma) + pattern_of(fields, changed)
    text = re.sub("\r?\n", newline, text)
    check("json", text + '], "last": 0.10}\n', these, pattern + re.escape('], "last": 0.10}\n'))


@given(records=st.lists(json_record(), min_size=1, max_size=4), data=st.data())
def test_records_that_stay_in_json_keep_their_text(records: Any, data: Any) -> None:
    texts = [text_of(fields) for _keys, fields in records]
    these = Edits()
    these.removed = {(number,) for number in range(len(texts)) if data.draw(st.booleans())}
    text = f"[{', '.join(texts)}]"
    kept = [re.escape(one) for number, one in enumerate(texts) if (number,) not in these.removed]
    check("json", text, these, r"\[\s*" + r"\s*,\s*".join(kept) + r"\s*\]")


@given(records=st.lists(json_record(), min_size=1, max_size=4), data=st.data(), newline=NEWLINES)
def test_nothing_changes_in_any_json_lines_but_what_is_changed(records: Any, data: Any, newline: str) -> None:
    text, pattern, these = "", "", Edits()
    for number, (keys, fields) in enumerate(records):
        fields = [tuple(part.replace("\n", " ") for part in field) for field in fields]
        action = data.draw(ACTIONS)
        changed = data.draw(st.integers(0, len(keys) - 1)) if action == "change" else None
        text += text_of(fields) + newline
        if action == "remove":
            these.removed.add((number,))
            continue
        pattern += pattern_of(fields, changed) + re.escape(newline)
        if changed is not None:
            these.changed[number,] = {(keys[changed],): data.draw(NEW)}
    check("jsonl", text, these, pattern)


# ---------------------------------------------------------------------- CSV

CELLS = st.sampled_from(["x", " x", '"x"', '"a, b"', '"say ""hi"""', "0123", "1.10", "", '""', "'x'", "é", "yes"])


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5), data=st.data(), newline=NEWLINES)
def test_nothing_changes_in_any_csv_but_what_is_changed(rows: Any, data: Any, newline: str) -> None:
    text, pattern, these = f'"a",b, c{newline}', re.escape(f'"a",b, c{newline}'), Edits()
    for number, (first, *cells) in enumerate(rows):
        cells = [f"k{number}{first.strip(chr(34) + ' ')[:1].replace(',', '')}", *cells]
        fields = [(",", cell, "") if place else ("", cell, "") for place, cell in enumerate(cells)]
        action = data.draw(ACTIONS)
        text += text_of(fields) + newline
        if action == "remove":
            these.removed.add((number,))
            continue
        changed = data.draw(st.integers(1, 2)) if action == "change" else None
        pattern += pattern_of(fields, changed) + re.escape(newline)
        if changed is not None:
            these.changed[number,] = {
                (("b", " c")[changed - 1],): data.draw(st.sampled_from(["new", "a,b", 'say "x"', "0123", ""]))
            }
    check("csv", text, these, pattern)


# ---------------------------------------------------------------------- TOML

TOML_VALUES = st.sampled_from(
    [
        *("0x1F", "1_000", "1.10", "1e5", '"\\u00e9"', "'a # b'", "[ 1 ,2 ]", "{ x = 1 }", "2026-01-02", "true"),
        *('"""\ntwo\nlines"""', "[\n  1, # one\n  2,\n]"),
    ]
)

TOML_RECORDS = st.lists(st.tuples(st.sampled_from("abcd"), TOML_VALUES), min_size=1, unique_by=lambda one: one[0])


@given(records=st.lists(TOML_RECORDS, min_size=1, max_size=4), data=st.data())
def test_nothing_changes_in_any_toml_but_what_is_changed(records: Any, data: Any) -> None:
    text, pattern, these = "# all\nfirst = 0o17\n\n", re.escape("# all\nfirst = 0o17\n\n"), Edits()
    for number, record in enumerate(records):
        head = data.draw(st.sampled_from(["[[top]]\n", "# about it\n[[top]]  # head\n", "[[top]]\n# in it\n"]))
        fields = [("", head, "")]
        for key, value in record:
            behind = "" if "\n" in value else data.draw(st.sampled_from(["", "  # behind"]))
            fields.append((f"{key} = ", value, behind + "\n"))
        fields.append(("", "\n", ""))
        action = data.draw(ACTIONS)
        text += text_of(fields)
        if action == "remove":
            these.removed.add(("top", number))
            continue
        changed = data.draw(st.integers(1, len(record))) if action == "change" else None
        pattern += pattern_of(fields, changed)
        if changed is not None:
            these.changed["top", number] = {(record[changed - 1][0],): data.draw(PLAIN)}
    assume(len(these.removed) < len(records))
    end = "# about the end\n[end]\nlast = 0x10\n"
    check("toml", text + end, these, pattern + re.escape(end))
