# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changing values in the text of a YAML file: what is not changed stays as it is, byte by byte.

The events of PyYAML say where each value is in the text; only these places are exchanged. So comments, blank lines, quotation
marks, strings in lines of their own, the widths of indentation (also where several are used), anchors and unknown tags such as
``!vault`` stay as they are. What cannot be changed so, such as a value that an alias repeats elsewhere, is noticed by whoever
reads the new text and compares.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .edits import Edits, Way, at, same_tree
from .yaml_blocks import block_like, remark_of
from .yaml_comments import Piece, end_with_comments, is_in_lines, lead_of, piece_of_entry, start_with_comments
from .yaml_entries import NewText
from .yaml_flow import cuts, end_of_last
from .yaml_layout import STEP, Layout
from .yaml_nodes import Node, dash_of, line_end, line_start
from .yaml_scalars import CannotChange, in_one_line, is_tagged


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


def line_of(text: str, way: Way, tree: Any) -> int | None:
    """Return the line that something is in."""
    found = Layout(text, tree).find(way)
    return found[0].line if found[1] == len(way) and found[0] is not None else None


def piece_of(text: str, way: Way, tree: Any) -> Piece | None:
    """Return the text of an entry with the comments that belong to it; None if that is not possible.

    Args:
        text: of the document that it is in.
        way: where it is; not the root.
        tree: what the text represents.
    """
    try:
        found = Layout(text, tree)
        node, depth = found.find(way)
        if node is None or depth < len(way) or found.is_inside_flow(way):
            return None
        return piece_of_entry(text, found.start_of_entry(way), found.key_of(way), node, found.newline)
    except CannotChange:
        return None


def renamed_text(text: str, names: Mapping[Way, str], tree: Any) -> str:
    """Return the text with other names for some keys.

    Args:
        text: of one document.
        names: way of an entry → its new key.
        tree: what the text represents.

    Raises:
        CannotChange: a key is of a form that this cannot change.
    """
    found = Layout(text, tree)
    keys = [(found.key_of(way), way, new) for way, new in names.items()]
    if any(key is None or key.kind != "scalar" or key.anchor for key, _way, _new in keys):
        raise CannotChange("a key")
    splices = [Splice.at(way, key.start, key.end, in_one_line(new, key.style)) for key, way, new in keys if key is not None]
    return _joined(text, splices)


def changed_text(text: str, edits: Edits, before: Any, after: Any, carried: Mapping[Way, Piece]) -> str:
    """Return the text with some changes made in it.

    Args:
        text: of one document.
        edits: the changes.
        before: the tree that the text represents.
        after: the tree with the new values.
        carried: way of a record that is carried there → its text, with its changes.

    Raises:
        CannotChange: the text is of a form that this cannot change.
        LibraryMissing: PyYAML is not installed.
    """
    return _Text(Layout(text, before), after).changed(edits, carried)


class _Text:
    def __init__(self, layout: Layout, after: Any) -> None:
        self.text, self.before, self.after = layout.text, layout.tree, after
        self.newline, self._layout = layout.newline, layout
        self._new = NewText(layout)
        self._emptied: set[Way] = set()

    # ------------------------------------------------------------------ what is to be done

    def changed(self, edits: Edits, carried: Mapping[Way, Piece]) -> str:
        edits = self._itemwise(edits)
        shift = edits.shifts(self.before)
        places = ((shift(way), piece) for way, piece in carried.items())
        self._new.carried = {(id(at(self.after, way[:-1])), way[-1]): piece for way, piece in places}
        whole, splices = self._planned(edits)
        for way in whole:
            splices.append(self._exchanged(way, at(self.after, shift(way))))
        for way in self._added(edits, whole):
            splices.append(self._inserted(way, shift(way), edits))
        return self._new.ended(_joined(self.text, self._before_cuts(splices)))

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
                before = line_end(self.text, max(cuts[place][0] - 1, 0))
                splice = splice._replace(start=before, end=before)
            yield splice

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
        """Return what is rewritten as a whole, none inside another one, and the pieces that are cut out."""
        whole = {way + path for way, values in edits.changed.items() for path in values}
        cut: list[Way] = []
        flow: dict[Way, list[Way]] = {}
        for container, ways in _by_container(way for way in edits.removed if way not in edits.added).items():
            node, depth = self._layout.find(container)
            if node is None or depth < len(container) or len(ways) == len(node.items):
                whole.add(container)
                self._emptied.add(container)
            elif node.flow:
                flow[container] = ways
            elif self._in_own_lines(ways):
                cut += ways
            else:
                whole.add(container)
        for way in edits.added:
            if _inside(way[:-1], edits.added):
                continue
            node, depth = self._layout.find(way[:-1])
            if depth < len(way) - 1 or node is None or not node.items or node.kind == "alias":
                whole.add(way[:-1] if node is None or depth == len(way) - 1 else way[: depth + 1])
        gone = {*cut, *(way for ways in flow.values() for way in ways)}
        left = [self._at_an_end(way) for way in _outermost(whole) if not _inside(way, gone)]
        splices = [self._cut(way) for way in cut if not _inside(way, (whole | gone) - {way})]
        for container in flow:
            if not _inside(container, whole | gone):
                splices += self._cut_from_flow(container, edits)
        return _outermost(left), splices

    def _at_an_end(self, way: Way) -> Way:
        """Return the way to what has to be written so that ``way`` is there: the first that there is nothing of."""
        node, depth = self._layout.find(way)
        if depth == len(way) or node is None:
            return way[:depth]
        if node.kind != "map" or not node.keys:
            return way[:depth]
        return way[: depth + 1]

    def _added(self, edits: Edits, whole: list[Way]) -> list[Way]:
        found = [way for way in edits.added if way not in edits.removed]
        return [way for way in found if not _inside(way, whole) and way not in whole and not _inside(way[:-1], edits.added)]

    def _in_own_lines(self, ways: Iterable[Way]) -> bool:
        return all(not self.text[line_start(self.text, start) : start].strip() for start in map(self._layout.start_of_entry, ways))

    def _cut(self, way: Way) -> Splice:
        node, _depth = self._layout.find(way)
        if node is None:
            raise CannotChange("an alias")
        begin = self._layout.start_of_entry(way)
        end = end_with_comments(self.text, node.end, begin - line_start(self.text, begin))
        start = start_with_comments(self.text, begin)
        following = self.text.find("\n", end)
        return Splice.at(way, start, len(self.text) if following < 0 else following + 1, "")

    def _cut_from_flow(self, container: Way, edits: Edits) -> list[Splice]:
        holder, _depth = self._layout.find(container)
        if holder is None:
            raise CannotChange("an alias")
        more = any(way[:-1] == container and way not in edits.removed for way in edits.added)
        pieces = cuts(self.text, holder, self._leaving(holder, container, edits), more)
        return [Splice.at(container, start, end, "") for start, end in pieces]

    def _leaving(self, holder: Node, container: Way, edits: Edits) -> set[int]:
        """Return the positions of the entries that are taken out of a list or dictionary."""
        there = at(self.before, container)
        steps = [way[-1] for way in edits.removed if way[:-1] == container and way not in edits.added]
        places = {self._layout.place(holder, step, there) for step in steps}
        return {place for place in places if place is not None}

    # ------------------------------------------------------------------ pieces of new text

    def _exchanged(self, way: Way, value: Any) -> Splice:
        """Return the piece that gives a value its new text."""
        node, depth = self._layout.find(way)
        if node is None:
            lead = self.text if not self.text or self.text.endswith("\n") else self.text + self.newline
            return Splice.at(way, 0, len(self.text), lead + self._new.block(value, 0) + self.newline)
        if depth < len(way):
            return self._new_key(node, way, value)
        inline = self._layout.is_inside_flow(way) or not value or not isinstance(value, (dict, list))
        inline = inline or (node.flow and bool(node.items))
        if inline:
            return self._exchanged_inline(node, way, value)
        return self._exchanged_block(node, way, value)

    def _exchanged_inline(self, node: Node, way: Way, value: Any) -> Splice:
        remark = ""
        if node.style in ("|", ">") and way:
            remark = remark_of(node, self.text)
            splice = self._exchanged_lines(node, way, value)
            if splice is not None:
                return splice
        start, end, lead = node.start, node.end, " " if node.empty and way else ""
        if is_in_lines(node):
            start, lead = lead_of(self.text, node, self._layout.column_of(way) + STEP if way else 0)
            end = end_with_comments(self.text, node.end, node.column)  # with the comment after its last entry
        lead += f"&{node.anchor} " if node.anchor else ""
        if isinstance(value, str) or not way or self._layout.is_inside_flow(way):
            return Splice.at(way, start, end, lead + in_one_line(value, node.style) + remark)
        return Splice.at(way, start, end, lead + self._new.scalar(value, self._layout.column_of(way)) + remark)

    def _exchanged_lines(self, node: Node, way: Way, value: Any) -> Splice | None:
        """Return the piece that exchanges a string in lines of its own; None if the new value cannot be written so."""
        string, tag = (value.value, value.tag) if is_tagged(value) else (value, "")
        if not isinstance(string, str):
            return None
        found = block_like(node, self.text, string, self._layout.column_of(way), self.newline, tag)
        if found is None:
            return None
        if string.endswith("\n\n"):  # blank lines after it belong to it
            return Splice.at(way, node.start, node.tail, found + self.newline)
        return Splice.at(way, node.start, node.end, self._new.noted(found, string))

    def _exchanged_block(self, node: Node, way: Way, value: Any) -> Splice:
        line = line_start(self.text, node.start)
        if is_in_lines(node) and way in self._emptied and not self.text[line : node.start].strip():
            start, end = start_with_comments(self.text, node.start), end_with_comments(self.text, node.end, node.column)
            return Splice.at(way, start, end, self._new.block(value, node.column))
        if is_in_lines(node):
            holder, _depth = self._layout.find(way[:-1]) if way else (None, 0)
            if isinstance(value, dict) and holder is not None and holder.kind == "map" and node.column <= holder.column:
                # only a list may begin in the column of its key
                return Splice.at(way, line_start(self.text, node.start), node.end, self._new.block(value, holder.column + STEP))
            return Splice.at(way, node.start, node.end, self._new.block(value, node.column).lstrip(" "))
        if not way:
            lead = self.newline if node.start != line_start(self.text, node.start) else ""
            return Splice.at(way, node.start, node.end, lead + self._new.block(value, 0) + (self.newline if node.empty else ""))
        if isinstance(way[-1], int):
            column = node.start - line_start(self.text, node.start) + (1 if node.empty else 0)
            lead = " " if node.empty else ""
            return Splice.at(way, node.start, node.end, lead + self._new.block(value, column).lstrip(" "))
        holder, _depth = self._layout.find(way[:-1])
        column = (holder.column if holder else 0) + (self._layout.step_of_lists() if isinstance(value, list) else STEP)
        start, _lead = lead_of(self.text, node, column)
        if start == node.start and not self.text[line:start].strip():
            return Splice.at(way, line, node.end, self._new.block(value, max(column, node.column)))
        return Splice.at(way, start, node.end, self.newline + self._new.block(value, column))

    def _new_key(self, holder: Node, way: Way, value: Any) -> Splice:
        if holder.kind != "map" or not holder.keys:
            raise CannotChange(f"line {holder.line}")
        if holder.flow:
            return Splice.inserting(way, holder.items[-1].end, f", {in_one_line(way[-1])}: {in_one_line(value)}")
        end = line_end(self.text, holder.end)
        return Splice.inserting(way, end, self.newline + self._new.entry(way[-1], value, holder.column, None))

    def _inserted(self, way: Way, new: Way, edits: Edits) -> Splice:
        """Return the piece that adds a record to a list or dictionary in which something is left.

        Args:
            way: of the record.
            new: its way after the changes.
            edits: all of them.
        """
        value, piece = at(self.after, new), self._new.carried.get((id(at(self.after, new[:-1])), new[-1]))
        container = way[:-1]
        holder, _depth = self._layout.find(container)
        if holder is None or not holder.items:
            raise CannotChange("an alias")
        gone = self._leaving(holder, container, edits)
        if holder.flow:
            key = f"{in_one_line(way[-1])}: " if holder.kind == "map" else ""
            return Splice.inserting(way, end_of_last(self.text, holder, gone), f", {key}{in_one_line(value)}")
        last = max(place for place in range(len(holder.items)) if place not in gone)
        end = end_with_comments(self.text, holder.items[last].end, holder.column)
        gap = self.newline * (1 + self._gap(holder, last))
        if holder.kind == "map":
            return Splice.inserting(way, end, gap + self._new.entry(way[-1], value, holder.column, piece))
        return Splice.inserting(way, end, gap + self._item(holder, value, holder.items[last], piece))

    def _gap(self, holder: Node, last: int) -> int:
        """Return how many blank lines precede an item, so that a new one after it has as many."""
        if not last:
            return 0
        start = line_start(self.text, dash_of(self.text, holder.items[last]) if holder.kind == "list" else holder.keys[last].start)
        return int(_blank(self.text[line_end(self.text, holder.items[last - 1].end) : start]))

    def _item(self, holder: Node, value: Any, like: Node, piece: Piece | None) -> str:
        """Return a new item in lines of its own, written like another one."""
        width = max(like.start - dash_of(self.text, like), STEP)
        lead = " " * holder.column + "-" + " " * (width - 1)
        if piece is None and like.flow and like.kind == "map" and isinstance(value, dict):
            pad = " " if self.text[like.start + 1 : like.start + 2] == " " else ""
            return lead + f"{{{pad}{in_one_line(value)[1:-1]}{pad}}}"
        return self._new.item_of(value, holder.column, lead, piece)


def _joined(text: str, splices: Iterable[Splice]) -> str:
    """Return the text with pieces exchanged. Raises CannotChange where two of them overlap."""
    done, found = 0, []
    for splice in sorted(splices, key=lambda splice: splice[:3]):
        if splice.start < done:
            raise CannotChange(f"line {text.count(chr(10), 0, splice.start) + 1}")
        found += [text[done : splice.start], splice.text]
        done = splice.end
    return "".join([*found, text[done:]])


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
