# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""YAML that is lists of records with single values, as most large files are, read by its lines instead of by a parser.

Everything else is left to the parser: nested values, flow style, anchors, tags, comments behind values, strings of several lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_INSIDE = "[!-9;-~À-ɏ]|:(?=[!-~])"
_PLAIN = rf"(?:[A-Za-z0-9_./+~À-ɏ]|-(?=[A-Za-z0-9.]))(?:{_INSIDE}| (?=[!\"$-~À-ɏ]))*"
_QUOTED = r"\"[ !#-\[\]-~À-ɏ]*\"|'[ -&(-~À-ɏ]*'"
_ENTRY = re.compile(rf"^( *)(- )?([A-Za-z_][A-Za-z0-9_-]{{0,99}}):(?: ({_PLAIN}|{_QUOTED}))?$", re.MULTILINE)
_IGNORED = re.compile(r"^(?: *#[ -~À-ɏ]*)?\n", re.MULTILINE)
_START = re.compile(r"\A(?:(?: *#[ -~À-ɏ]*)?\n)*---\n")


class _NotPlain(Exception):
    """The text needs a parser."""


class Scalars(NamedTuple):
    """What reads scalars without quotation marks.

    Attributes:
        patterns: first character → tags of the scalars with it that are no strings, each with a pattern of these; none for any
            character.
        value_of: returns the value of a scalar with a tag. Raises ValueError if it has none.
    """

    patterns: Mapping[str | None, list[tuple[str, re.Pattern[str]]]]
    value_of: Callable[[str, str], Any]


class _Values(dict[str, Any]):
    """Scalar as it is written → its value.

    Args:
        scalars: what reads scalars without quotation marks.
    """

    def __init__(self, scalars: Scalars) -> None:
        super().__init__({"": None})
        self._value_of, self._others = scalars.value_of, scalars.patterns.get(None, [])
        self._patterns = {first: [*patterns, *self._others] for first, patterns in scalars.patterns.items()}

    def __missing__(self, text: str) -> Any:
        first, value = text[0], text
        if first in "\"'":
            value = text[1:-1]
        else:
            for tag, pattern in self._patterns.get(first, self._others):
                if pattern.match(text):
                    value = self._value_of(tag, text)
                    break
        self[text] = value
        return value


def plain_tree(text: str, scalars: Scalars) -> Any:
    """Return what a text represents if it is a list of records with single values, or a dictionary of such lists; otherwise None.

    Args:
        text: of one document.
        scalars: what reads scalars without quotation marks.
    """
    body = _IGNORED.sub("", _START.sub("", text))
    entries = _ENTRY.findall(body)
    if not entries or len(entries) != body.count("\n") + (not body.endswith("\n")):
        return None
    values = _Values(scalars)
    try:
        if any(values[key].__class__ is not str for key in {entry[2] for entry in entries}):
            return None
        return _tree(entries, values)
    except (_NotPlain, ValueError):
        return None


def _tree(entries: list[tuple[str, str, str, str]], values: _Values) -> Any:
    """Return the tree of some lines, given as the blanks before them, the dash, the key and the scalar. Raises _NotPlain."""
    lists: dict[str, list[dict[str, Any]]] = {}
    records: list[dict[str, Any]] | None = [] if entries[0][1] else None
    root, record = records, {}
    outer, inner = (None, None) if records is None else ("", "  ")  # the blanks before the dash of a record, and its other keys
    for blanks, dash, key, text in entries:
        if dash:
            if records is None:
                raise _NotPlain
            if outer is None:
                outer, inner = blanks, blanks + "  "
            if blanks != outer:
                raise _NotPlain
            record = {key: values[text]}
            records.append(record)
        elif blanks == inner and key not in record:
            record[key] = values[text]
        elif blanks or text or root is not None or key in lists or records == []:
            raise _NotPlain
        else:
            records = lists[key] = []
            outer = inner = None
    if records == []:
        raise _NotPlain
    return lists if root is None else root
