# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changing values in a text of JSON: what is not changed stays as it is, character by character.

A number that Python would round, an escape, a list in one line, the spaces between keys: all this is lost when a text is read and
written anew. So lists and dictionaries remember here what their items looked like, and only what is new is written.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from .edits import Carried, Edits, Way, at

_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().raw_decode
_BLANK = re.compile(r"[ \t\n\r]*")


def changed_text(text: str, edits: Edits) -> str:
    """Return the text with some changes made in it.

    Args:
        text: valid JSON without a key that is there twice, or nothing but blanks.
        edits: the changes.
    """
    style = Style(text)
    if not text.strip():
        return style.written(edits.made_in(None), "") + "\n"
    start = _after_blanks(text, 0)
    before, end = _parsed(text, start, _touched(edits))
    raw = _Raw("", "", text[start:end])
    shift = edits.shifts(before)
    carried = {way: _text_of(record) for way, (record, _keyed) in edits.added.items() if isinstance(record, Carried)}
    after = edits.made_in(before)
    style.carried.update((id(at(after, shift(way))), piece) for way, piece in carried.items() if piece)
    return text[:start] + _rendered(after, before, raw, style, "") + text[end:]


def _text_of(carried: Carried) -> str:
    """Return the text of a carried record as it was, with its changes; an empty one if it has to be rewritten."""
    text, way = carried.text(), carried.way
    try:
        if isinstance(way[0], int) and text.lstrip().startswith("{"):  # JSON Lines
            text, way = [line for line in text.split("\n") if line.strip()][way[0]], way[1:]
        item, _end = _parsed(text, _after_blanks(text, 0), _steps([way]))
        raw, margin = _Raw("", "", ""), ""
        for step in way:
            raw, item = item.layout.raw[step], item[step]
            margin = raw.lead.rpartition("\n")[2] if "\n" in raw.lead else margin
        piece = raw.value.replace("\n" + margin, "\n")
        return changed_text(piece, carried.edits) if item == carried.tree else ""
    except (ValueError, IndexError, KeyError, AttributeError):
        return ""


class Style:
    """How new values are written in a text, like those that are there.

    Args:
        text: of one document or record.

    Attributes:
        indent: by how much lines are further in than what they belong to; None if all is in one line.
        space: what follows a comma in one line.
        flat: the same, all in one line.
        carried: id of a record that is carried elsewhere → its text.
    """

    def __init__(self, text: str) -> None:
        found = re.search(r"[\[{]\r?\n([ \t]+)\S", text)
        self.indent = found.group(1) if found else "  " if not text.strip() or "\n" in text.strip() else None
        dense = re.search(r'":\S', text) is not None
        self._colon = ":" if dense else ": "
        self._comma = "," if dense or (re.search(r',["{\[]', text) and not re.search(r", ", text)) else ", "
        self.space = self._comma[1:]
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._ascii = text.isascii() and re.search(r"\\u[0-9a-fA-F]{4}", text) is not None
        self.carried: dict[int, str] = {}
        self.flat = copy.copy(self)
        self.flat.indent, self.flat.flat = None, self.flat

    def written(self, value: Any, margin: str) -> str:
        """Return a new value; ``margin`` is what its further lines begin with, if it has some."""
        if id(value) in self.carried:
            return self.carried[id(value)].replace("\n", "\n" + margin)
        if self.carried and value and isinstance(value, (dict, list)):
            return self._around(value, margin)
        separators = (self._comma if self.indent is None else ",", self._colon)
        found = json.dumps(value, indent=self.indent, separators=separators, ensure_ascii=self._ascii)
        return found.replace("\n", self._newline + margin)

    def _around(self, value: Any, margin: str) -> str:
        """Return a new list or dictionary in which there may be a carried record."""
        inner = margin + (self.indent or "")
        pieces: list[str] = []
        for key, item in _keyed(value):
            name = self.key(str(key)) if isinstance(value, dict) else ""
            pieces.append(self.lead(margin, not pieces) + name + self.written(item, inner))
        end = "" if self.indent is None else self._newline + margin
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return f"{opening}{','.join(pieces)}{end}{closing}"

    def lead(self, margin: str, first: bool) -> str:
        """Return what precedes an item of a list or dictionary that shows no style of its own."""
        if self.indent is not None:
            return self._newline + margin + self.indent
        return "" if first else self.space

    def key(self, key: str) -> str:
        """Return a key and what is between it and its value."""
        return json.dumps(key, ensure_ascii=self._ascii) + self._colon


class _Raw(NamedTuple):
    """An item as it is in the text: what is before it, its key with the colon, its value, and the blanks before a comma."""

    lead: str
    key: str
    value: str
    rest: str = ""


class _Layout:
    """A list or dictionary that knows how its items were written.

    Attributes:
        held: key or number → item, as it was read; an item that is still the same object was not exchanged.
        raw: key or number → how it is written, in order.
        tail: what precedes the bracket at the end.
    """

    def __init__(self) -> None:
        self.held: dict[Hashable, Any] = {}
        self.raw: dict[Hashable, _Raw] = {}
        self.tail = ""

    def note(self, key: Hashable, item: Any, raw: _Raw) -> None:
        self.held[key], self.raw[key] = item, raw


class _Map(dict[str, Any]):
    """A dictionary in the text."""

    layout: _Layout


class _List(list[Any]):
    """A list in the text."""

    layout: _Layout


# ---------------------------------------------------------------------- reading


def _after_blanks(text: str, place: int) -> int:
    return _BLANK.match(text, place).end()  # type: ignore[union-attr]  # nothing matches as well


def _touched(edits: Edits) -> dict[Any, Any]:
    """Return the keys and positions on the ways to what changes: each with those after it."""
    return _steps([*edits.added, *edits.removed, *(way + path for way, values in edits.changed.items() for path in values)])


def _steps(ways: Iterable[Way]) -> dict[Any, Any]:
    touched: dict[Any, Any] = {}
    for way in ways:
        there = touched
        for step in way:
            there = there.setdefault(step, {})
    return touched


def _parsed(text: str, place: int, touched: dict[Any, Any] | None) -> tuple[Any, int]:
    """Return the value that begins at a place, and where it ends.

    Args:
        text: the whole.
        place: where it begins.
        touched: what changes in it; None for nothing, and then it need not know how it was written.
    """
    if touched is None or text[place] not in "[{":
        return _scan(text, place)
    made: Any = _Map() if text[place] == "{" else _List()
    made.layout = layout = _Layout()
    begin = place + 1
    place = _after_blanks(text, begin)
    while text[place] not in "]}":
        lead, start = text[begin:place], place
        key: Any = len(made)
        if made.__class__ is _Map:
            key, place = _scan(text, place)
            place = _after_blanks(text, _after_blanks(text, place) + 1)
        item, end = _parsed(text, place, touched.get(key, touched.get(str(key))))
        layout.note(key, item, _Raw(lead, text[start:place], text[place:end]))
        if made.__class__ is _Map:
            made[key] = item
        else:
            made.append(item)
        place = _after_blanks(text, end)
        if text[place] == ",":
            layout.raw[key] = layout.raw[key]._replace(rest=text[end:place])
            begin = place + 1
            place = _after_blanks(text, begin)
        else:
            layout.tail = text[end:place]
    return made, place + 1


# ---------------------------------------------------------------------- writing


def _rendered(value: Any, before: Any, raw: _Raw, style: Style, margin: str) -> str:
    """Return the text of a value.

    Args:
        value: the new value.
        before: what stood there, which may be the same object with changes in it.
        raw: how that was written.
        style: that of the text.
        margin: the beginning of the line that it is in.
    """
    if value is not before:
        return (style.flat if before and _is_in_one_line(raw) else style).written(value, margin)
    if not isinstance(value, (_Map, _List)) or _is_as_it_was(value):
        return raw.value
    style = style.flat if value.layout.held and _is_in_one_line(raw) else style
    if not value:
        return raw.value[0] + raw.value[-1]
    return raw.value[0] + ",".join(_items(value, style, margin)) + _tail(value.layout, style, margin) + raw.value[-1]


def _is_in_one_line(raw: _Raw) -> bool:
    """Return whether an item is a list or dictionary in one line."""
    return raw.value[:1] in ("[", "{") and "\n" not in raw.value


def _is_as_it_was(value: Any) -> bool:
    """Return whether nothing in a list or dictionary was exchanged, added or removed, at whatever depth."""
    if not isinstance(value, (_Map, _List)):
        return True
    held = value.layout.held
    if len(value) != len(held):
        return False
    return all(item is held.get(key, held) and _is_as_it_was(item) for key, item in _keyed(value))


def _keyed(value: Any) -> Iterator[tuple[Hashable, Any]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value))


def _items(value: Any, style: Style, margin: str) -> Iterator[str]:
    """Yield the items of a list or dictionary as text, each with what precedes it."""
    layout: _Layout = value.layout
    raws = list(layout.raw.values())
    like = style.flat if raws and _is_in_one_line(raws[-1]) else style
    inner = raws[0].lead.rpartition("\n")[2] if raws and "\n" in raws[0].lead else margin
    inner = inner if raws else margin + (style.indent or "")
    places = {id(item): place for place, item in layout.held.items()}
    for number, (key, item) in enumerate(_keyed(value)):
        old = key if isinstance(value, dict) else places.get(id(item), -1)
        raw = layout.raw.get(old)
        lead = _lead(raws, raw, number, style, margin)
        if raw is None:
            yield lead + (style.key(str(key)) if isinstance(value, dict) else "") + like.written(item, inner)
        else:
            rest = raw.rest if number < len(value) - 1 else ""
            yield lead + raw.key + _rendered(item, layout.held[old], raw, style, inner) + rest


def _lead(raws: list[_Raw], raw: _Raw | None, number: int, style: Style, margin: str) -> str:
    """Return what precedes an item, which may be new, or have come to the beginning."""
    if not raws:
        return style.lead(margin, not number)
    if not number:
        return raws[0].lead
    if raw is not None and raw is not raws[0]:
        return raw.lead
    return raws[-1].lead if len(raws) > 1 or "\n" in raws[0].lead else style.space


def _tail(layout: _Layout, style: Style, margin: str) -> str:
    """Return what precedes the bracket at the end."""
    return layout.tail if layout.raw else style.lead(margin, True).removesuffix(style.indent or "")
