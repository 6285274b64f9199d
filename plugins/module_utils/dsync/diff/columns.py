# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of objects whose values are in columns: a filter, so that only objects that may differ are made and compared.

Values of two columns that are equal belong to objects that are equal; all other objects are made, and compared as any other
objects are. So are those that were made before, because somebody may have changed them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, count
from operator import ne
from typing import TYPE_CHECKING, TypeAlias

from ..dataset.columns import Rows
from ..model.model import DSyncModel

if TYPE_CHECKING:
    from .matching import Matching
    from .traversal import Side

    Pair: TypeAlias = "tuple[DSyncModel | None, DSyncModel | None]"
    """The objects with one identity in source and target; one of them may be missing."""

    Siblings: TypeAlias = tuple[list[str], Rows]
    """Unique ids, and the objects with them, as columns."""

    AnySiblings: TypeAlias = tuple[Sequence[str], Sequence[DSyncModel]]
    """Unique ids, and the objects with them."""

_AT_ONCE = 4096
"""Maximum number of ids that are compared in one step."""

_AT_FIRST = 32
"""Number of ids that are compared in the first step; it doubles as long as they are equal."""

_LOOK_AHEAD = 500
"""Maximum number of ids to skip in order to find one that both sides have, in another order."""

_MOST_MISSES = 100
"""Number of ids that are not found in this way, before all are looked up instead."""


class ColumnFilter:
    """The objects of one model that may differ between two sides.

    Args:
        matching: how its objects are compared.
        names: the compared attributes.
        sides: source and target.
        objs: the ids of all objects of each side, and the objects.
    """

    def __init__(self, matching: Matching, names: Sequence[str], sides: Sequence[Side], objs: Sequence[Siblings]) -> None:
        self._model, self._sides = matching.model, sides
        self._source, self._target = objs
        self._columns = [tuple(rows.column(name) for _uids, rows in objs) for name in names]
        self._unsure = {uids[at] for uids, rows in objs for at in rows.made()}
        at = self._walk()
        if at is not None:
            self._look_up(at)
        self._columns = []
        self._apart = [self._source[1].column(name) for name in _fields_above(matching)]

    def are_same(self, uids: Sequence[str]) -> bool:
        """Return whether siblings, which have these ids on both sides, are certainly the same; if so, mark them as visited."""
        if not self._unsure.isdisjoint(uids):
            return False
        starts = [side.scan(self._model).place(uids) for side in self._sides]
        start, number = starts[0], len(uids)
        if min(starts) < 0 or any(column[start : start + number].count(column[start]) < number for column in self._apart):
            return False
        for side, place in zip(self._sides, starts):
            side.visit(self._model, place, uids)
        return True

    def differing(self, source: AnySiblings, target: AnySiblings) -> tuple[list[Pair], int] | None:
        """Return the pairs of siblings with one identity that may differ, or of which one is missing, and the number of others.

        Args:
            source: ids and objects of some siblings in the source.
            target: the same of the target.

        Returns:
            First the pairs with an object of the source, in its order, then those that only the target has. None if an id occurs
            twice on one side.
        """
        (uids, lefts), (others, rights) = source, target
        if uids == others:
            if self._unsure.isdisjoint(uids):
                return [], len(uids)
            unlike = [at for at, uid in enumerate(uids) if uid in self._unsure]
            return [(lefts[at], rights[at]) for at in unlike], len(uids) - len(unlike)
        here, there = {*uids}, {*others}
        if len(here) < len(uids) or len(there) < len(others):
            return None
        wanted = (here ^ there) | (self._unsure & here)
        places = {uid: at for at, uid in enumerate(others) if uid in wanted}
        pairs: list[Pair] = []
        for at, uid in enumerate(uids):
            if uid in wanted:
                place = places.pop(uid, None)
                pairs.append((lefts[at], None if place is None else rights[place]))
        unlike_of_both = len(pairs) - sum(right is None for _left, right in pairs)
        same = len(here & there) - unlike_of_both
        return [*pairs, *((None, rights[place]) for place in places.values())], same

    def _walk(self) -> int | None:
        """Compare the columns wherever the two sides have the same ids in the same order; return the place in the source from
        which on the order differs too often, or None."""
        (source, lefts), (target, rights) = self._source, self._target
        of_source, of_target = lefts.ids(), rights.ids()
        at, there, misses = 0, 0, 0
        while at < len(source) and there < len(target):
            number = _equal(source, at, target, there)
            if number:
                self._compare(at, there, number)
                at, there = at + number, there + number
            elif source[at] not in of_target:
                at += 1
            elif target[there] not in of_source:
                there += 1
            else:
                try:
                    there = target.index(source[at], there, there + _LOOK_AHEAD)
                except ValueError:
                    misses += 1
                    if misses > _MOST_MISSES:
                        return at
                    self._unsure.add(source[at])
                    at += 1
        self._unsure.update(filter(of_target.__contains__, source[at:]))
        return None

    def _compare(self, at: int, there: int, number: int) -> None:
        """Compare the columns of objects with the same ids."""
        for some, others in self._columns:
            left, right = some[at : at + number], others[there : there + number]
            if left != right:
                self._unsure.update(compress(self._source[0][at : at + number], map(ne, left, right)))

    def _look_up(self, at: int) -> None:
        """Compare the columns of the objects from a place of the source on with those of the target, which are looked up."""
        numbers = dict(zip(self._target[0], count()))
        places = [place for place in range(at, len(self._source[0])) if self._source[0][place] in numbers]
        uids = [*map(self._source[0].__getitem__, places)]
        others = [*map(numbers.__getitem__, uids)]
        for left, right in self._columns:
            self._unsure.update(compress(uids, map(ne, map(left.__getitem__, places), map(right.__getitem__, others))))


def _equal(source: Sequence[str], at: int, target: Sequence[str], there: int) -> int:
    """Return how many ids from two places on are equal, up to :data:`_AT_ONCE`."""
    step = _AT_FIRST
    while True:
        some, others = source[at : at + step], target[there : there + step]
        if some != others:
            return next(compress(count(), map(ne, some, others)), min(len(some), len(others)))
        if step >= _AT_ONCE or len(some) < step:
            return len(some)
        step *= 2


def _fields_above(matching: Matching) -> list[str]:
    """Return the identifiers of which siblings have the same values if their short names are different."""
    names = [one.shortnames.names for one in (matching.source, matching.target) if one.shortnames is not None]
    return [name for name in matching.identifiers if any(name not in some for some in names)]


def column_filter(matching: Matching, names: Sequence[str], source: Side, target: Side) -> ColumnFilter | None:
    """Return the objects of a model that may differ; None unless those of both sides are columns, with different identities as long
    as their short names are different.

    Args:
        matching: how the objects are compared.
        names: the compared attributes.
        source: the side with the desired state; not changed.
        target: the side to change; not changed.
    """
    objs: list[Siblings] = []
    for side, reader in ((source, matching.source), (target, matching.target)):
        along = side.scan(matching.model).along
        if along is None or not isinstance(along[1], Rows):
            return None
        if reader.shortnames is not None and not set(matching.identifiers).issuperset(reader.shortnames.names):
            return None
        objs.append((along[0], along[1]))
    return ColumnFilter(matching, names, (source, target), objs)
