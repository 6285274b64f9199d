# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes that are made together or not at all.

- The delete of an object whose unique values a new object takes, the deletes of objects below it, and that create:
  otherwise the old object could be deleted without the new one being created.
- The updates of objects that take unique values from one another in a cycle, from the one that sets a value to null to the one
  that sets it again; also the changes that are made while an optional reference is null.

They are adjacent in a plan, unless another change must come between them. Then each of them is made separately.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ..flags import DSyncAction
from ..model.identity import ObjectRef
from .change import Change, ChangeKey, ref_of
from .graph import circles, in_order

_CREATE, _UPDATE, _MOVE, _DELETE = DSyncAction.CREATE, DSyncAction.UPDATE, DSyncAction.MOVE, DSyncAction.DELETE


class Unit(tuple[Change, ...]):
    """Changes that are made together or not at all, in order."""


class Units(tuple[Change, ...]):
    """The changes of several units of the same shape, which have no objects in common and do not require one another.

    Attributes:
        units: the units.
    """

    units: Sequence[Unit]

    @classmethod
    def of(cls, units: Sequence[Unit]) -> Units:
        """Return the changes of some units."""
        made = cls(change for unit in units for change in unit)
        made.units = units
        return made


def units_of(batch: Sequence[Change]) -> Sequence[Unit]:
    """Return the units that a batch consists of; none if its changes are made separately."""
    if isinstance(batch, Units):
        return batch.units
    return [batch] if isinstance(batch, Unit) else []


def gathered(changes: Sequence[Change]) -> list[Change]:
    """Return changes in an order in which those that are made together are adjacent, if possible.

    Args:
        changes: each after those that it requires; not changed.
    """
    groups = _groups(changes)
    while groups:
        unit_of = {place: group[0] for group in groups for place in group}
        places = {change.key: unit_of.get(place, place) for place, change in enumerate(changes)}
        graph: dict[int, set[int]] = defaultdict(set)
        for change in changes:
            unit = places[change.key]
            graph[unit].update(places[key] for key in change.requires if key in places and places[key] != unit)
        bad = {unit for circle in circles(graph) for unit in circle}
        if not bad:
            members = {group[0]: _deletes_first(changes, group) for group in groups}
            order = in_order(graph, {unit: unit for unit in graph})
            return [changes[place] for unit in order for place in members.get(unit, (unit,))]
        groups = [group for group in groups if group[0] not in bad]
    return list(changes)


def _deletes_first(changes: Sequence[Change], group: Sequence[int]) -> Iterator[int]:
    """Yield the positions of a group in an order in which all deletes come before values are taken."""
    places = {changes[place].key: place for place in group}
    graph = {place: [places[key] for key in changes[place].requires if key in places] for place in group}
    return in_order(graph, {place: (changes[place].action != _DELETE, place) for place in group})


def units(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Yield changes in their order, and adjacent changes that are made together as one :class:`Unit`."""
    lengths = {group[0]: len(group) for group in _groups(changes) if group[-1] - group[0] == len(group) - 1}
    if not lengths:
        yield from ((change,) for change in changes)
        return
    place = 0
    while place < len(changes):
        if place in lengths:
            yield Unit(changes[place : place + lengths[place]])
        else:
            yield (changes[place],)
        place += lengths.get(place, 1)


def _groups(changes: Sequence[Change]) -> list[list[int]]:
    """Return the positions of changes that are made together, each group in order."""
    pairs = [(change, key) for change in changes if change.requires for key in change.requires if _binds(change, key)]
    if not pairs:
        return []
    places = {change.key: place for place, change in enumerate(changes)}
    joined = _Joined()
    for change, key in pairs:
        if key in places:
            joined.join(places[change.key], places[key])
    steps = [change for change in changes if change.step]
    for first in steps:
        for action in (_UPDATE, _MOVE):
            last = places.get(ChangeKey(action, first.model, first.id))
            for place in () if last is None else _between(changes, places, places[first.key], last):
                joined.join(places[first.key], place)
    deletes = {ref_of(change): place for place, change in enumerate(changes) if change.action == _DELETE}
    bound = joined.members()
    for place in deletes.values():
        above = _bound_above(changes, deletes, place, bound)
        if above is not None:
            joined.join(above, place)
    return [sorted(group) for group in joined.groups()]


def _binds(change: Change, key: ChangeKey) -> bool:
    """Return whether a change is made together with one that it requires, because that one releases a value for it."""
    other = (key.model, key.id) != (change.model, change.id)
    return other and ((bool(key.step) and change.action != _DELETE) or (key.action == _DELETE and change.action == _CREATE))


def _between(changes: Sequence[Change], places: dict[ChangeKey, int], first: int, last: int) -> set[int]:
    """Return the positions of the first and the last change and of those between them in the order of requirements; empty if there
    are no changes between them."""
    needed, todo = {last}, [last]
    while todo:
        for key in changes[todo.pop()].requires:
            place = places.get(key, -1)
            if place >= first and place not in needed:
                needed.add(place)
                todo.append(place)
    found = {first}
    for place in sorted(needed):
        if any(places.get(key) in found for key in changes[place].requires):
            found.add(place)
    return found if len(found) > 2 else set()


def _bound_above(changes: Sequence[Change], deletes: dict[ObjectRef, int], place: int, bound: set[int]) -> int | None:
    """Return the position of the delete of an object above that is made together with other changes; None if there is none."""
    above, seen = changes[place].parent, set[ObjectRef]()
    while above in deletes and above not in seen:
        if deletes[above] in bound:
            return deletes[above]
        seen.add(above)
        above = changes[deletes[above]].parent
    return None


class _Joined:
    """Numbers that belong together (a disjoint-set forest)."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def _top(self, one: int) -> int:
        self._above.setdefault(one, one)
        while self._above[one] != one:
            self._above[one] = one = self._above[self._above[one]]
        return one

    def join(self, one: int, other: int) -> None:
        """Merge the groups of two numbers."""
        self._above[self._top(one)] = self._top(other)

    def members(self) -> set[int]:
        """Return all numbers that are in a group with another one."""
        return set(self._above)

    def groups(self) -> Iterable[list[int]]:
        """Return the groups of numbers."""
        found: dict[int, list[int]] = defaultdict(list)
        for one in self._above:
            found[self._top(one)].append(one)
        return [group for group in found.values() if len(group) > 1]
