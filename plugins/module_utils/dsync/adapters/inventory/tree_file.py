# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A file of an inventory as a tree that can be changed: only what is different then is changed in its text."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...exceptions import RecordProblem
from ...storage.files import PRIVATE
from ...storage.paths import file_error
from ..documents.edits import Carried, Edits, Way
from ..documents.yaml_format import YamlFormat
from .ini import IniFormat
from .values import copied, same
from .vault import MAGIC, Vault, decrypted

Renamed = list[tuple[dict[Any, Any], Any, Any]]
"""Dictionary of a tree, a key in it, and what that key was called when the tree was read."""


class TreeFile:
    """A file of an inventory.

    Args:
        path: where it is.
        raw: its content; None if it does not exist yet.
        vault: decrypts.
        ini: whether it is hosts and groups in INI; YAML otherwise.

    Attributes:
        path: where it is.
        target: its new place.
        raw: its previous content; None if it does not exist yet.
        mode: its permissions.
        tree: what it is to hold.
        renamed: keys of dictionaries in the tree that have other names than before.
        gone: whether it is removed.
        encrypted: whether it is encrypted as a whole, and so cannot be changed.
    """

    def __init__(self, path: Path, raw: bytes | None, vault: Vault, ini: bool = False) -> None:
        self.path, self.target, self.raw, self.gone = path, path, raw, False
        self.mode = PRIVATE if raw is None else stat.S_IMODE(path.stat().st_mode)
        self.text = "" if raw is None else _decoded(raw, path)
        self.encrypted = self.text.startswith(MAGIC)
        self._ini = IniFormat() if ini else None
        self._before = (self._ini or YamlFormat()).read(decrypted(path, vault) if self.encrypted else self.text, str(path))
        if self._before is not None and not isinstance(self._before, dict):
            raise file_error(RecordProblem, path, "should hold a dictionary")
        self.tree: dict[Any, Any] = copied(self._before or {})
        self.renamed: Renamed = []

    @property
    def changed(self) -> bool:
        """Whether something will be written, moved or removed."""
        return self.gone or self.target != self.path or self._other

    @property
    def _other(self) -> bool:
        return bool(self.renamed) or not same(self.tree, self._before or {})

    def rendered(self) -> bytes:
        """Return the bytes that it is to hold. Raises RecordProblem."""
        if not self._other and self.raw is not None:
            return self.raw
        names, first = self._names()
        if self._ini is not None:
            text = self._ini.made(self.text, first, str(self.path))
            return (self._ini.renamed(text, names, str(self.path)) if names else text).encode()
        if self._before:
            edits = differences(self._before, first, self.text)
        else:
            edits = Edits()
            edits.changed[()] = {(): first}
        text = YamlFormat().changed(self.text, edits, str(self.path)) if edits else self.text
        text = YamlFormat().renamed(text, names, str(self.path)) if names else text
        return (text if self.raw is not None else f"---\n{text}").encode()

    def _names(self) -> tuple[dict[Way, Any], Any]:
        """Return way of an entry as it was called first → its name now, and the tree with the first names."""
        firsts: dict[int, dict[Any, Any]] = {}
        for holder, new, old in self.renamed:
            before = firsts.setdefault(id(holder), {})
            before[new] = before.pop(old, old)
        names: dict[Way, Any] = {}

        def first(value: Any, way: Way) -> Any:
            if not isinstance(value, dict):
                return value
            before = firsts.get(id(value), {})
            before = {key: old for key, old in before.items() if key in value and (old in before or old not in value)}
            names.update({(*way, before[key]): key for key in value if key in before})
            return {before.get(key, key): first(item, (*way, before.get(key, key))) for key, item in value.items()}

        tree = first(self.tree, ())
        return names, tree


def _decoded(raw: bytes, path: Path) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise file_error(RecordProblem, path, "is not encoded as UTF-8") from None


# ---------------------------------------------------------------------- what is different


def differences(before: dict[Any, Any], after: dict[Any, Any], text: str = "") -> Edits:
    """Return what makes one tree the other.

    Args:
        before: as it was read.
        after: the desired tree.
        text: that the first tree was read from. With it an entry that goes at one place and is new at another is carried there.
    """
    edits = Edits()
    _note(before, after, (), edits)
    new = [place for way, (value, _keyed) in edits.added.items() for place in _entries(value, way)]
    for way, values in edits.changed.items():
        new += [place for (key,), value in values.items() for place in _inner(value, (*way, key))]
    taken: list[Way] = []
    for way in edits.removed if text else ():
        value = _at(before, way)
        there = [one for one in new if one[0][-1] == way[-1] and _is_entry(one[1]) and not _overlaps(one[0], taken)]
        if _is_entry(value) and there:
            place, item = max(there, key=lambda one: (same(one[1], value), bool(one[1]) is bool(value)))
            _take_out(edits, place)
            edits.added[place] = (_carried(value, item, text, way), True)
            taken.append(place)
    return edits


def _carried(before: Any, after: Any, text: str, way: Way) -> Carried:
    """Return an entry that is carried, with its changes."""
    carried = Carried(before, lambda: text, way)
    if isinstance(before, dict) and before and isinstance(after, dict):
        carried.edits = differences(before, after)
    elif not same(before, after):
        carried.edits.changed[()] = {(): after}
    return carried


def _overlaps(place: Way, others: list[Way]) -> bool:
    """Return whether one of two ways leads into what the other leads to."""
    return any(all(one == two for one, two in zip(place, other)) for other in others)


def _note(before: Mapping[Any, Any], after: Mapping[Any, Any], way: Way, edits: Edits) -> None:
    edits.removed.update((*way, key) for key in before if key not in after)
    for key, value in after.items():
        place = (*way, key)
        if key not in before:
            edits.added[place] = (copied(value), True)
        elif isinstance(value, dict) and isinstance(before[key], dict) and before[key]:
            _note(before[key], value, place, edits)
        elif not same(before[key], value):
            edits.changed.setdefault(way, {})[(key,)] = copied(value)


def _is_entry(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _entries(value: Any, way: Way) -> Iterator[tuple[Way, Any]]:
    """Yield a new entry and those in it, with their ways."""
    yield way, value
    yield from _inner(value, way)


def _inner(value: Any, way: Way) -> Iterator[tuple[Way, Any]]:
    for key, item in value.items() if isinstance(value, dict) else ():
        yield from _entries(item, (*way, key))


def _at(tree: Any, way: Way) -> Any:
    for step in way:
        tree = tree[step]
    return tree


def _take_out(edits: Edits, place: Way) -> None:
    """Take an entry out of the new value that it is in."""
    for depth in range(1, len(place)):
        if place[:depth] in edits.added:
            del _at(edits.added[place[:depth]][0], place[depth:-1])[place[-1]]
            return
        values = edits.changed.get(place[: depth - 1], {})
        if (place[depth - 1],) in values:
            del _at(values[(place[depth - 1],)], place[depth:-1])[place[-1]]
            return
