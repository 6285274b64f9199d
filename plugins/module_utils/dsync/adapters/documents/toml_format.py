# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""TOML: comments and order are kept, by tomlkit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import date, datetime, time
from typing import Any

from ...exceptions import LibraryMissing, RecordProblem
from ...records.path import MISSING
from ...records.written import WrittenNumber
from .edits import Carried, Edits, at, same_tree
from .format import Format


class TomlFormat(Format):
    suffixes = (".toml",)
    kept_types = (datetime, date, time)
    none_is_absent = True

    def read(self, text: str, name: str) -> Any:
        return _unwrapped(_toml(text, name)) or None

    def changed(self, text: str, edits: Edits, name: str) -> str:
        after = edits.made_in(self.read(text, name) or {}, self.none_is_absent)
        why = "be changed without changing more than intended; write it with tables, [[…]]"
        for these, mark in (_with_items(edits, text), (edits, _mark([text]))):
            try:
                found = self._made(text, these, mark, name)
                if same_tree(_pruned(self.read(found, name) or {}), _pruned(after)):
                    return found
            except (TypeError, ValueError) as error:
                why = f"hold such a value: {error}"
            except RecordProblem:  # tomlkit has written a table into the line of another
                continue
        raise RecordProblem(f"{name} cannot {why}")

    def _made(self, text: str, edits: Edits, mark: str, name: str) -> str:
        """Return the text with changes made by tomlkit."""
        import tomlkit

        document = _with_owners(text, mark, name)
        for way, (record, keyed) in edits.added.items():
            holder = at(document, way[:-2])
            if isinstance(record, Carried) and not keyed and way[-1] == 0 and isinstance(holder, MutableMapping):
                holder.setdefault(way[-2], tomlkit.aot())  # an ordinary list would lose the comments
        found = _with_comments_above(tomlkit.dumps(edits.made_in(document, self.none_is_absent)), mark)
        return re.sub("\r?\n", "\r\n", found) if "\r\n" in text else found


def _with_items(edits: Edits, text: str) -> tuple[Edits, str]:
    """Return changes in which records that are carried have their comments, and the mark of the comments above tables."""
    carried = [(way, one, keyed) for way, (one, keyed) in edits.added.items() if isinstance(one, Carried)]
    texts = [one.text() for _way, one, _keyed in carried]
    found, mark = Edits(), _mark([text, *texts])
    found.changed, found.removed, found.added = edits.changed, edits.removed, dict(edits.added)
    for (way, one, keyed), source in zip(carried, texts):
        item = at(_with_owners(source, mark, ""), one.way)
        if item is not MISSING:
            whole = Carried(item, one.text, one.way)
            whole.edits = one.edits
            found.added[way] = (whole, keyed)
    return found, mark


def _with_owners(text: str, mark: str, name: str) -> Any:
    """Return a document in which the comments above a table are in that table, each after a mark."""
    document = _toml(text, name)
    moved = _toml(_with_comments_inside(text, mark), name)
    return moved if same_tree(_unwrapped(moved), _unwrapped(document)) else document  # what looks like a table is in a string


_COMMENTED = re.compile(r"(?:\A|(?<=\n))(?P<comments>(?:[ \t]*#[^\n]*\n)+)(?P<table>[ \t]*\[[^\n]*\n?)")
"""Matches the head of a table with the comment lines directly above it, except for those with which a text begins."""


def _mark(texts: Iterable[str]) -> str:
    """Return the beginning of a comment that does not occur in any of some strings."""
    number = 0
    while any(f"#above-{number}" in text for text in texts):
        number += 1
    return f"#above-{number} "


def _with_comments_inside(text: str, mark: str) -> str:
    """Return a text in which the comments above a table, which tomlkit counts to the table before, are below its head."""

    def inside(found: re.Match[str]) -> str:
        if not found.start():
            return found[0]
        comments = (f"{mark}{line}\n" for line in found["comments"].split("\n")[:-1])
        return f"{found['table'].rstrip(chr(10))}\n{''.join(comments)}"

    return _COMMENTED.sub(inside, text)


def _with_comments_above(text: str, mark: str) -> str:
    """Return a text whose comments are above their tables again."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith(mark):
            lines.insert(len(lines) - 1, line.removeprefix(mark))
        else:
            lines.append(line)
    return "\n".join(lines)


def _unwrapped(item: Any) -> Any:
    """Return what an item of TOML represents."""
    if isinstance(item, Mapping):
        return {str(key): _unwrapped(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_unwrapped(value) for value in item]
    plain = item.unwrap() if hasattr(item, "unwrap") else item
    return WrittenNumber.of(plain, item.as_string()) if plain.__class__ is int and plain is not item else plain


def _pruned(value: Any) -> Any:
    """Return a tree without empty tables, which may leave no trace in the text, and the lists of them."""
    if isinstance(value, dict):
        pruned = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ({}, [])}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def _toml(text: str, name: str) -> Any:
    try:
        import tomlkit
    except ImportError:
        raise LibraryMissing("TOML files can only be read with the library tomlkit, which is not installed", "tomlkit") from None
    try:
        return tomlkit.parse(text)
    except (tomlkit.exceptions.ParseError, tomlkit.exceptions.KeyAlreadyPresent) as error:
        line = f", line {error.line}" if hasattr(error, "line") else ""
        raise RecordProblem(f"{name}{line}: {error}") from None
