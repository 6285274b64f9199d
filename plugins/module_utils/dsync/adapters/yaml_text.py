# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changing values in the text of a YAML file: what is not changed stays as it is, byte by byte.

ruamel.yaml tells where each value stands in the text, and writes the new ones; only their places are exchanged. So comments, blank
lines, quotation marks, the widths of indentation (also where several are used), anchors and unknown tags such as ``!vault`` stay as
they are. What cannot be changed so, such as a value that an alias repeats elsewhere, is noticed by whoever reads the new text and
compares.
"""

from __future__ import annotations

import io
import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from ..exceptions import LibraryMissing
from .document import Edits, Way, at, same_tree

LIBRARY = "ruamel.yaml"

_WIDE = 1_000_000
_STEP = 2


class CannotChange(Exception):
    """The text has a form in which a value cannot be exchanged."""


class Node:
    """A value in the text.

    Attributes:
        kind: ``scalar``, ``map``, ``list`` or ``alias``.
        start, end: where its text is; comments and blank lines behind it are not part of it.
        column: that of its first character in its line.
        flow: whether it is written with brackets.
        style: how a scalar is quoted; empty for not at all.
        keys: of a map, in the order of ``items``.
        items: the values in it.
    """

    __slots__ = ("column", "end", "flow", "items", "keys", "kind", "line", "start", "style", "value")

    def __init__(self, kind: str, event: Any) -> None:
        self.kind = kind
        self.start: int = event.start_mark.index
        self.end: int = event.end_mark.index
        self.line: int = event.start_mark.line + 1
        self.column: int = event.start_mark.column
        self.flow = bool(getattr(event, "flow_style", False))
        self.style: str = getattr(event, "style", None) or ""
        self.value: str = getattr(event, "value", None) or ""
        self.keys: list[Node] = []
        self.items: list[Node] = []

    @property
    def empty(self) -> bool:
        """Whether there is no text at all."""
        return self.kind == "scalar" and self.start == self.end


class Splice(NamedTuple):
    """A piece of text that takes the place of another. At one place what is exchanged comes before what is inserted, and the
    deeper before the higher: it belongs to what ends there."""

    start: int
    inserted: bool
    height: int
    end: int
    text: str

    @classmethod
    def at(cls, way: Way, start: int, end: int, text: str) -> Splice:
        return cls(start, False, -len(way), end, text)

    @classmethod
    def inserting(cls, way: Way, place: int, text: str) -> Splice:
        return cls(place, True, -len(way), place, text)


def nodes_of(text: str) -> Node | None:
    """Return the root of a document, or None where there is none.

    Raises:
        LibraryMissing: ruamel.yaml is not installed.
        ruamel.yaml.error.YAMLError: it is no YAML.
    """
    events = _library().YAML(typ="safe", pure=True).parse(text)
    stack: list[Node] = []
    root: Node | None = None
    for event in events:
        kind = _KINDS.get(type(event).__name__)
        if kind == "end":
            _close(stack.pop(), event, text)
        elif kind is not None:
            node = Node(kind, event)
            if stack:
                _add(stack[-1], node, text)
            elif root is None:
                root = node
            if type(event).__name__.endswith("StartEvent"):
                stack.append(node)
            elif node.style in ("|", ">"):
                node.end = _before_blanks(text, node.end)
    return root


_KINDS = {
    "ScalarEvent": "scalar",
    "AliasEvent": "alias",
    "MappingStartEvent": "map",
    "SequenceStartEvent": "list",
    "MappingEndEvent": "end",
    "SequenceEndEvent": "end",
}


def _library() -> Any:
    try:
        import ruamel.yaml
    except ImportError:
        raise LibraryMissing(
            "YAML files can only be written with the library ruamel.yaml, which is not installed", LIBRARY
        ) from None
    return ruamel.yaml


def _add(holder: Node, node: Node, text: str) -> None:
    if holder.kind == "map" and len(holder.keys) == len(holder.items):
        holder.keys.append(node)
    else:
        if node.empty and holder.kind == "map":  # ruamel.yaml says that it stands before what comes next
            colon = text.find(":", holder.keys[-1].end)
            node.start = node.end = colon + 1 if 0 <= colon < node.end else node.end
        holder.items.append(node)


def _close(node: Node, event: Any, text: str) -> None:
    node.end = event.end_mark.index if node.flow or not node.items else node.items[-1].end
    first = node.keys[0] if node.kind == "map" and node.keys else None
    if first is not None and not node.flow:
        node.column = first.column
    elif node.kind == "list" and node.items and not node.flow:
        node.column = _dash(text, node.items[0]) - _line_start(text, _dash(text, node.items[0]))


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _before_blanks(text: str, place: int) -> int:
    """Return the end of what stands before a place and the blanks and line ends before it."""
    while place > 0 and text[place - 1].isspace():
        place -= 1
    return place


def _line_end(text: str, place: int) -> int:
    """Return the end of a line, before what ends it."""
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    return end - 1 if text[max(end - 1, 0) : end] == "\r" else end


def _dash(text: str, item: Node) -> int:
    """Return where the dash of an item stands. Raises CannotChange where it is not directly before it."""
    place = text.rfind("-", 0, item.start)
    if place < 0 or text[place + 1 : item.start].strip(" \t"):
        raise CannotChange(f"line {item.line}")
    return place


def line_of(text: str, way: Way, tree: Any) -> int | None:
    """Return in which line something stands."""
    found = _Text(text, tree, tree).find(way)
    return found[0].line if found[1] == len(way) and found[0] is not None else None


def changed_text(text: str, edits: Edits, before: Any, after: Any) -> str:
    """Return the text with some changes made in it.

    Args:
        text: of one document.
        edits: the changes.
        before: the tree that the text stands for.
        after: the tree as it is to be; it has the new values.

    Raises:
        CannotChange: the text is of a form that this cannot change.
        LibraryMissing: ruamel.yaml is not installed.
    """
    return _Text(text, before, after).changed(edits)


class _Text:
    def __init__(self, text: str, before: Any, after: Any) -> None:
        self.text, self.before, self.after = text, before, after
        self.root = nodes_of(text)
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self._keys: dict[int, dict[Any, int]] = {}
        self._list_step: int | None = None

    # ------------------------------------------------------------------ where something is

    def find(self, way: Way) -> tuple[Node | None, int]:
        """Return the node furthest on a way, and how many steps lead to it."""
        node, tree = self.root, self.before
        for depth, step in enumerate(way):
            if node is None:
                return None, depth
            place = self._place(node, step, tree)
            if place is None:
                return node, depth
            node, tree = node.items[place], at(tree, (step,))
        return node, len(way)

    def _place(self, node: Node, step: Any, tree: Any) -> int | None:
        if node.kind == "list":
            number = int(step) if isinstance(step, str) and step.isdigit() else step
            return number if isinstance(number, int) and number < len(node.items) else None
        if node.kind != "map":
            return None
        if id(node) not in self._keys:
            self._keys[id(node)] = _places(node, tree)
        return self._keys[id(node)].get(step)

    # ------------------------------------------------------------------ what is to be done

    def changed(self, edits: Edits) -> str:
        edits = self._itemwise(edits)
        shift = edits.shifts(self.before)
        whole, splices = self._planned(edits)
        for way in whole:
            splices.append(self._exchanged(way, at(self.after, shift(way))))
        for way in self._added(edits, whole):
            splices.append(self._inserted(way, at(self.after, shift(way)), edits))
        splices = list(self._before_cuts(splices))
        return "".join(self._joined(sorted(splices, key=lambda splice: splice[:3])))

    def _before_cuts(self, splices: list[Splice]) -> Iterator[Splice]:
        """Yield the pieces, those that would be inserted where lines are cut out at the end of the line before these."""
        cuts: list[tuple[int, int]] = []
        for start, end in sorted((splice.start, splice.end) for splice in splices if splice.end > splice.start and not splice.text):
            if cuts and cuts[-1][1] == start:
                start = cuts.pop()[0]
            cuts.append((start, end))
        for splice in splices:
            place = bisect_left(cuts, (splice.start, 0)) - 1
            if splice.inserted and place >= 0 and splice.start < cuts[place][1]:
                before = _line_end(self.text, max(cuts[place][0] - 1, 0))
                splice = splice._replace(start=before, end=before)
            yield splice

    def _joined(self, splices: list[Splice]) -> Iterator[str]:
        done = 0
        for splice in splices:
            if splice.start < done:
                raise CannotChange(f"line {self.text.count(chr(10), 0, splice.start) + 1}")
            yield self.text[done : splice.start]
            yield splice.text
            done = splice.end
        yield self.text[done:]

    def _itemwise(self, edits: Edits) -> Edits:
        """Return the same changes, with those of lists that lose items and get others at their end as changes of these items."""
        found = Edits()
        found.added, found.removed = dict(edits.added), set(edits.removed)
        for way, values in edits.changed.items():
            for path, value in values.items():
                place = way + path
                before = at(self.before, place)
                kept = _kept_items(before, value) if isinstance(before, list) and isinstance(value, list) else []
                if not kept:
                    found.changed.setdefault(way, {})[path] = value
                    continue
                found.removed.update((*place, number) for number in range(len(before)) if number not in kept)
                for number, item in enumerate(value[len(kept) :]):
                    new = (*place, len(before) + number)
                    found.added[new] = (item, False)
        return found

    def _planned(self, edits: Edits) -> tuple[list[Way], list[Splice]]:
        """Return what is written anew as a whole, none inside another one, and the pieces that are cut out."""
        whole = {way + path for way, values in edits.changed.items() for path in values}
        cut: list[Way] = []
        for container, ways in _by_container(way for way in edits.removed if way not in edits.added).items():
            node, depth = self.find(container)
            if node is None or depth < len(container) or node.flow or len(ways) == len(node.items) or not self._in_own_lines(ways):
                whole.add(container)
            else:
                cut += ways
        for way in edits.added:
            if _inside(way[:-1], edits.added):
                continue
            node, depth = self.find(way[:-1])
            if depth < len(way) - 1 or node is None or not node.items or node.kind == "alias":
                whole.add(way[:-1] if node is None or depth == len(way) - 1 else way[: depth + 1])
        outer = whole | set(cut)
        left = [self._at_an_end(way) for way in _outermost(whole) if not _inside(way, cut)]
        ways = [way for way in cut if not _inside(way, outer - {way})]
        return _outermost(left), [self._cut(way) for way in ways]

    def _at_an_end(self, way: Way) -> Way:
        """Return the way to what has to be written so that ``way`` is there: the first that there is nothing of."""
        node, depth = self.find(way)
        if depth == len(way) or node is None:
            return way[:depth]
        if node.kind != "map" or not node.keys:
            return way[:depth]
        return way[: depth + 1]

    def _added(self, edits: Edits, whole: list[Way]) -> list[Way]:
        found = [way for way in edits.added if way not in edits.removed]
        return [way for way in found if not _inside(way, whole) and way not in whole and not _inside(way[:-1], edits.added)]

    def _in_own_lines(self, ways: Iterable[Way]) -> bool:
        return all(not self.text[_line_start(self.text, start) : start].strip() for start in map(self._start_of_entry, ways))

    def _start_of_entry(self, way: Way) -> int:
        """Return where an entry begins with its dash or its key."""
        holder, depth = self.find(way[:-1])
        place = None if holder is None or depth < len(way) - 1 else self._place(holder, way[-1], at(self.before, way[:-1]))
        if holder is None or place is None:
            raise CannotChange("an alias")
        return holder.keys[place].start if holder.kind == "map" else _dash(self.text, holder.items[place])

    def _cut(self, way: Way) -> Splice:
        node, _depth = self.find(way)
        if node is None:
            raise CannotChange("an alias")
        end = _line_end(self.text, node.end)
        start = _line_start(self.text, self._start_of_entry(way))
        following = self.text.find("\n", end)
        return Splice.at(way, start, len(self.text) if following < 0 else following + 1, "")

    # ------------------------------------------------------------------ pieces of new text

    def _exchanged(self, way: Way, value: Any) -> Splice:
        """Return the piece that makes a value what it is to be."""
        node, depth = self.find(way)
        if node is None:
            lead = self.text if not self.text or self.text.endswith("\n") else self.text + self.newline
            return Splice.at(way, 0, len(self.text), lead + self._block(value, 0) + self.newline)
        if depth < len(way):
            return self._new_key(node, way, value)
        inline = self._inside_flow(way) or not value or not isinstance(value, (dict, list))
        inline = inline or (node.flow and bool(node.items))
        if inline:
            return self._exchanged_inline(node, way, value)
        return self._exchanged_block(node, way, value)

    def _exchanged_inline(self, node: Node, way: Way, value: Any) -> Splice:
        start = node.start
        if node.kind in ("map", "list") and not node.flow and way:
            start = self._end_of_lead(node)
        lead = " " if start != node.start or (node.empty and way) else ""
        return Splice.at(way, start, node.end, lead + _flow(value, node.style))

    def _exchanged_block(self, node: Node, way: Way, value: Any) -> Splice:
        if node.kind in ("map", "list") and not node.flow:
            return Splice.at(way, node.start, node.end, self._block(value, node.column).lstrip(" "))
        if not way:
            return Splice.at(way, node.start, node.end, self._block(value, 0))
        if isinstance(way[-1], int):
            column = node.start - _line_start(self.text, node.start) + (1 if node.empty else 0)
            lead = " " if node.empty else ""
            return Splice.at(way, node.start, node.end, lead + self._block(value, column).lstrip(" "))
        holder, _depth = self.find(way[:-1])
        column = (holder.column if holder else 0) + (self._step_of_lists() if isinstance(value, list) else _STEP)
        start, line = self._end_of_lead(node), _line_start(self.text, node.start)
        if start == node.start and not self.text[line:start].strip():
            return Splice.at(way, line, node.end, self._block(value, max(column, node.column)))
        return Splice.at(way, start, node.end, self.newline + self._block(value, column))

    def _end_of_lead(self, node: Node) -> int:
        """Return where what stands before a value ends: its key's colon, unless there is a comment between."""
        end = _before_blanks(self.text, node.start)
        return end if self.text[end - 1 : end] == ":" and "#" not in self.text[_line_start(self.text, end) : end] else node.start

    def _new_key(self, holder: Node, way: Way, value: Any) -> Splice:
        if holder.kind != "map" or not holder.keys:
            raise CannotChange(f"line {holder.line}")
        if holder.flow:
            return Splice.inserting(way, holder.items[-1].end, f", {_flow(way[-1])}: {_flow(value)}")
        end = _line_end(self.text, holder.end)
        return Splice.inserting(way, end, self.newline + self._entry(way[-1], value, holder.column))

    def _inserted(self, way: Way, value: Any, edits: Edits) -> Splice:
        """Return the piece that adds a record to a list or dictionary in which something is left."""
        container = way[:-1]
        holder, _depth = self.find(container)
        if holder is None or not holder.items:
            raise CannotChange("an alias")
        if holder.kind == "map" and holder.flow:
            return self._new_key(holder, way, value)
        if holder.flow:
            return Splice.inserting(way, holder.items[-1].end, f", {_flow(value)}")
        steps = {one[-1] for one in edits.removed if one[:-1] == container}
        there = at(self.before, container)
        gone = {self._place(holder, step, there) for step in steps}
        last = max(place for place in range(len(holder.items)) if place not in gone)
        end = _line_end(self.text, holder.items[last].end)
        gap = self.newline * (1 + self._gap(holder, last))
        entry = (
            self._entry(way[-1], value, holder.column) if holder.kind == "map" else self._item(holder, value, holder.items[last])
        )
        return Splice.inserting(way, end, gap + entry)

    def _gap(self, holder: Node, last: int) -> int:
        """Return how many blank lines stand before an item, so that a new one after it has as many."""
        if not last:
            return 0
        start = _line_start(self.text, _dash(self.text, holder.items[last]) if holder.kind == "list" else holder.keys[last].start)
        return int(_blank(self.text[_line_end(self.text, holder.items[last - 1].end) : start]))

    def _item(self, holder: Node, value: Any, like: Node) -> str:
        """Return a new item in lines of its own, written like another one."""
        width = max(like.start - _dash(self.text, like), _STEP)
        lead = " " * holder.column + "-" + " " * (width - 1)
        if like.flow and like.kind == "map" and isinstance(value, dict):
            pad = " " if self.text[like.start + 1 : like.start + 2] == " " else ""
            return lead + f"{{{pad}{_flow(value)[1:-1]}{pad}}}"
        return lead + self._block(value, holder.column + width).lstrip(" ")

    def _entry(self, key: Any, value: Any, column: int) -> str:
        lead = f"{' ' * column}{_flow(key)}:"
        if not isinstance(value, (dict, list)) or not value:
            return f"{lead} {_flow(value)}"
        below = column + (self._step_of_lists() if isinstance(value, list) else _STEP)
        return f"{lead}{self.newline}{self._block(value, below)}"

    def _block(self, value: Any, column: int) -> str:
        """Return a value in lines of its own, which begin at a column."""
        if not isinstance(value, (dict, list)) or not value:
            return " " * column + _flow(value)
        lines = []
        if isinstance(value, dict):
            lines = [self._entry(key, item, column) for key, item in value.items()]
        else:
            lines = [f"{' ' * column}- {self._block(item, column + _STEP).lstrip(' ')}" for item in value]
        return self.newline.join(lines)

    def _step_of_lists(self) -> int:
        """Return how much further in than its key a list begins, as is usual in the text."""
        if self._list_step is None:
            steps = list(_list_steps(self.root)) if self.root else []
            self._list_step = max(set(steps), key=steps.count) if steps else _STEP
        return self._list_step

    def _inside_flow(self, way: Way) -> bool:
        nodes = (self.find(way[:depth])[0] for depth in range(len(way)))
        return any(node is not None and node.flow for node in nodes)


def _kept_items(before: list[Any], after: list[Any]) -> list[int]:
    """Return the positions of the items of a list with which another one begins, in the same order."""
    kept: list[int] = []
    for place, item in enumerate(before):
        if len(kept) < len(after) and same_tree(item, after[len(kept)]):
            kept.append(place)
    return kept


def _blank(text: str) -> bool:
    """Return whether there is a blank line."""
    return re.search(r"\n[ \t]*\r?\n", text) is not None


def _list_steps(node: Node) -> Iterator[int]:
    for key, item in zip(node.keys, node.items):
        if item.kind == "list" and item.items and not item.flow and not node.flow:
            yield item.column - key.column
    for item in node.items:
        yield from _list_steps(item)


def _places(node: Node, tree: Any) -> dict[Any, int]:
    """Return key → position in a map; what other keys than texts are is told by the tree that was read."""
    found: dict[Any, int] = {key.value: place for place, key in enumerate(node.keys)}
    others = [key for key in tree if not isinstance(key, str)] if isinstance(tree, Mapping) else []
    if others:
        if len(tree) != len(node.keys):
            raise CannotChange(f"line {node.line}")
        found.update((key, place) for place, key in enumerate(tree))
    return found


def _by_container(ways: Iterable[Way]) -> dict[Way, list[Way]]:
    found: dict[Way, list[Way]] = {}
    for way in ways:
        if way:
            found.setdefault(way[:-1], []).append(way)
    return found


def _inside(way: Way, others: Any) -> bool:
    """Return whether one of some ways leads to ``way`` or to what it is in."""
    return any(way[:depth] in others for depth in range(len(way) + 1))


def _outermost(ways: Iterable[Way]) -> list[Way]:
    there = set(ways)
    return sorted((way for way in there if not _inside(way[:-1], there) or not way), key=lambda way: (len(way), str(way)))


def _flow(value: Any, style: str = "") -> str:
    """Return a value in one line.

    Args:
        value: plain.
        style: the quotation mark that a text is to have, if any.
    """
    if isinstance(value, str):
        return _quoted(value, style)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(getattr(value, "tag", None), str) and isinstance(value.value, str):
        return " ".join((value.tag, _quoted(value.value, "'")))
    if not isinstance(value, float):
        raise CannotChange(f"{value!r} would have to be written anew")
    return _number(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


_PLAIN = re.compile(r"[\w./][\w./@+-]*( [\w./@+-]+)*\Z")


def _quoted(text: str, style: str) -> str:
    if style not in ("'", '"') and _PLAIN.match(text) and not _ambiguous(text):
        return text
    if not text.isprintable():
        return _dumped(_library().scalarstring.DoubleQuotedScalarString(text))
    return json.dumps(text, ensure_ascii=False) if style == '"' else "'" + text.replace("'", "''") + "'"


def _ambiguous(text: str) -> bool:
    """Return whether some version of YAML reads a text without quotation marks as something else."""
    rules: Any = _library().resolver.implicit_resolvers
    return not text or any(pattern.match(text) for _versions, _tag, pattern, _first in rules)


def _dumped(value: Any) -> str:
    yaml: Any = _library().YAML()
    yaml.width = _WIDE
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("\n").removesuffix("\n...")
