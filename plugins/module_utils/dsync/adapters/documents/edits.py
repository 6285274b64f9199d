# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes to trees of lists and dictionaries, written down and made all at once.

The places of :class:`Edits` are those of the tree as it was read; to take the changes back is to forget them.
"""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

from ...model.values import same_value
from ...records.mapping import Values
from ...records.path import MISSING, read, write

Way = tuple[Any, ...]
"""The keys and positions on the way from the root of a tree to what is meant."""


def text_of_way(way: Way) -> str:
    """Return a way as it is written, such as ``sites[2].devices[0]``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).removeprefix(".")


def at(tree: Any, way: Way) -> Any:
    """Return what is at the end of a way, or MISSING."""
    for step in way:
        if isinstance(step, str):
            tree = read(tree, (step,))
        else:
            try:
                tree = tree[step]
            except (KeyError, IndexError, TypeError):
                return MISSING
        if tree is MISSING:
            return MISSING
    return tree


def same_tree(left: Any, right: Any) -> bool:
    """Return whether two trees are the same, in the types of their values as well."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_tree(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_tree, left, right))
    return type(left) is type(right) and same_value(left, right)


class Edits:
    """Changes to a tree that are still to be made. All ways are those of the tree before them; what is added to a list is numbered
    on from its last item.

    Attributes:
        changed: way of a record → path in it → new value; the path of nothing represents the whole record.
        added: way of a new record → the record, and whether it is the value of a dictionary.
        removed: ways of records.
        carried: way of a record that is removed here and added elsewhere → the record.
    """

    def __init__(self) -> None:
        self.changed: dict[Way, Values] = {}
        self.added: dict[Way, tuple[dict[str, Any] | Carried, bool]] = {}
        self.removed: set[Way] = set()
        self.carried: dict[Way, Carried] = {}
        self._sizes: dict[Way, int] = {}

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.removed)

    def new_records(self) -> dict[Way, dict[str, Any]]:
        """Return the new records, except for those that were removed again and those that are carried."""
        added = self.added.items()
        return {way: record for way, (record, _keyed) in added if way not in self.removed and isinstance(record, dict)}

    def at_step(self) -> dict[Any, Edits]:
        """Return first step of a way → the changes inside of what is there, whose ways begin there."""
        found: dict[Any, Edits] = {}
        for way, values in self.changed.items():
            found.setdefault(way[0], Edits()).changed[way[1:]] = values
        for way, added in self.added.items():
            if way[1:]:
                found.setdefault(way[0], Edits()).added[way[1:]] = added
        for way in self.removed:
            if way[1:]:
                found.setdefault(way[0], Edits()).removed.add(way[1:])
        return found

    def next_position(self, tree: Any, container: Way) -> int:
        """Return the number of the next record that is added to a list, of which there may be nothing yet."""
        if container not in self._sizes:
            there = at(tree, container)
            self._sizes[container] = len(there) if isinstance(there, Sequence) and not isinstance(there, str) else 0
        self._sizes[container] += 1
        return self._sizes[container] - 1

    def hand_over(self) -> None:
        """Let the records that are carried elsewhere have the changes inside them."""
        outer = {way: one for way, one in self.carried.items() if not _holder(way, self.carried, len(way) - 1)}
        for way in [way for way in self.changed if _holder(way, outer, len(way))]:
            one, inner = _within(way, outer, len(way))
            one.edits.changed[inner] = self.changed.pop(way)
        for way in [way for way in self.added if _holder(way, outer, len(way) - 1)]:
            one, inner = _within(way, outer, len(way) - 1)
            one.edits.added[inner] = self.added.pop(way)
        for way in [way for way in self.removed if _holder(way, outer, len(way) - 1)]:
            one, inner = _within(way, outer, len(way) - 1)
            one.edits.removed.add(inner)
            self.removed.discard(way)
        for way in [way for way in self.carried if way not in outer]:
            one, inner = _within(way, outer, len(way) - 1)
            one.edits.carried[inner] = self.carried.pop(way)
        for one in outer.values():
            one.edits.hand_over()

    def made_in(self, tree: Any, none_is_absent: bool = False) -> Any:
        """Make the changes and return the tree, which may be another object if it was empty.

        Args:
            tree: changed.
            none_is_absent: whether the tree cannot hold nothing, so that a field without a value is left out.
        """
        for way, values in self.changed.items():
            tree = _changed(tree, way, values, none_is_absent)
        for way, (record, keyed) in self.added.items():
            if isinstance(record, Carried):
                whole = record.whole(none_is_absent)
            else:
                whole = _filled(record) if none_is_absent else copy.deepcopy(record)
            tree = _added(tree, way, whole, keyed)
        for container, steps in self._removed_of().items():
            holder = at(tree, container)
            for step in sorted(steps, reverse=True) if isinstance(holder, MutableSequence) else steps:
                del holder[step]
        return tree

    def _removed_of(self) -> dict[Way, list[Any]]:
        """Return way of a list or dictionary → what is removed from it, the innermost first."""
        found: dict[Way, list[Any]] = {}
        for way in sorted(self.removed, key=len, reverse=True):
            if way:
                found.setdefault(way[:-1], []).append(way[-1])
        return found

    def shifts(self, tree: Any) -> Shifts:
        """Return how ways change when the changes are made in a tree, which is as it was before."""
        keyed = {way[:-1] for way, (_record, is_value) in self.added.items() if is_value}
        removed = self._removed_of().items()
        return Shifts({way: steps for way, steps in removed if way not in keyed and not isinstance(at(tree, way), Mapping)})


class Carried:
    """A record that is carried to another place, with everything in it.

    Args:
        tree: the record as it was read; never changed.
        text: returns the text that it is in; an empty string if there is none.
        way: where it is in that text.

    Attributes:
        edits: the changes in it.
    """

    def __init__(self, tree: Any, text: Callable[[], str], way: Way) -> None:
        self.tree, self.text, self.way = tree, text, way
        self.edits = Edits()

    def whole(self, none_is_absent: bool = False) -> Any:
        """Return the record with its changes; ``none_is_absent`` as for :meth:`Edits.made_in`."""
        filled = none_is_absent and self.tree.__class__ is dict  # an item of tomlkit has comments as well
        return self.edits.made_in(_filled(self.tree) if filled else copy.deepcopy(self.tree), none_is_absent)


def _holder(way: Way, carried: Mapping[Way, Carried], longest: int) -> Way | None:
    """Return the way of the carried record, at most so long, that another way leads into; None if there is none."""
    return next((way[:depth] for depth in range(1, longest + 1) if way[:depth] in carried), None)


def _within(way: Way, carried: Mapping[Way, Carried], longest: int) -> tuple[Carried, Way]:
    """Return the carried record that a way leads into, and the rest of the way."""
    holder = _holder(way, carried, longest) or ()
    return carried[holder], way[len(holder) :]


class Shifts:
    """From the ways before some changes to those after them."""

    def __init__(self, removed: Mapping[Way, Iterable[Any]]) -> None:
        self._removed = {way: sorted(step for step in steps if isinstance(step, int)) for way, steps in removed.items()}

    def __call__(self, way: Way) -> Way:
        """Return the way after the changes of what was, or was added, at ``way``."""
        if not self._removed:
            return way
        return tuple(
            step - bisect_left(self._removed.get(way[:place], ()), step) if isinstance(step, int) else step
            for place, step in enumerate(way)
        )


def _filled(value: Any) -> Any:
    """Return a value without what is nothing in dictionaries."""
    if isinstance(value, Mapping):
        return {key: _filled(item) for key, item in value.items() if item is not None}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def _changed(tree: Any, way: Way, values: Values, none_is_absent: bool) -> Any:
    if () in values or at(tree, way) is None:
        whole = copy.deepcopy(values.get((), {}))
        for path, value in values.items():
            if path:
                write(whole, path, value)
        return _added(tree, way, _filled(whole) if none_is_absent else whole, True)
    for path, value in values.items():
        if value is None and none_is_absent:
            holder = read(at(tree, way), path[:-1])
            if isinstance(holder, MutableMapping):
                holder.pop(path[-1], None)
        else:
            write(at(tree, way), path, _filled(value) if none_is_absent else copy.deepcopy(value))
    return tree


def _added(tree: Any, way: Way, record: Any, keyed: bool) -> Any:
    if not way:
        return record
    *above, last = way
    holder = at(tree, tuple(above))
    if holder is MISSING or holder is None:
        made: Any = {last: record} if keyed or isinstance(last, str) else [record]
        return _added(tree, tuple(above), made, True)
    if isinstance(holder, MutableSequence) and last == len(holder):
        holder.append(record)
    else:
        holder[last] = record
    return tree
