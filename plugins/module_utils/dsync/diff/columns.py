# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of objects whose values are in columns: a filter, so that only objects that may differ are made and compared.

Values of two columns that are equal belong to objects that are equal; all other objects are made, and compared as any other
objects are. So are those that were made before, because somebody may have changed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
"""Number of equal ids after which the columns of their objects are compared."""

_AT_FIRST = 64
"""Number of ids that are compared in the first step; it doubles as long as they are equal."""

_WINDOWS = (4, 64, 512)
"""Numbers of ids of each side among which to look for the next one that both sides have, one after the other."""

_MOST_MISSES = 100
"""Number of times that none is found, before all ids are looked up instead."""


class ColumnFilter:
    """The objects of one model that may differ between two sides.

    The ids of both sides are walked once, in order. Where they are the same and the columns are equal, an object of the source and
    one of the target are certainly the same: a pair. As the walk never goes back, the pairs are in the same order on both sides, so
    two groups of siblings have the same pairs if they have as many, and the first and the last one of both is the same.

    Args:
        matching: how its objects are compared.
        names: the compared attributes.
        sides: source and target.
        objs: the ids of all objects of each side, and the objects.
    """

    def __init__(self, matching: Matching, names: Sequence[str], sides: Sequence[Side], objs: Sequence[Siblings]) -> None:
        self._sides, self._model = sides, matching.model
        self._scans = [side.scan(matching.model) for side in sides]
        self._source, self._target = (uids for uids, _rows in objs)
        self._made = {uids[at] for uids, rows in objs for at in rows.made()}
        self._columns = [tuple(rows.column(name) for _uids, rows in objs) for name in names]
        self._alone = [bytearray(b"\1") * len(uids) for uids, _rows in objs]  # for each object whether it is not in a pair
        self._walked = self._walk()
        self._unlike = set() if self._walked[0] == len(self._source) else self._look_up(self._walked[0])
        self._unsure: set[str] | None = None
        self._columns = []
        self._above = [[rows.column(name) for name in _fields_above(matching)] for _uids, rows in objs]

    def are_same(self, uids: Sequence[str], others: Sequence[str]) -> bool:
        """Return whether siblings, which have these ids in source and target, are certainly the same; if so, mark them visited."""
        number, (one, other) = len(uids), self._scans
        if number != len(others):
            return False
        here, there = one.place(uids), other.place(others)
        if here < 0 or there < 0:
            return False
        if here + number <= self._walked[0] and there + number <= self._walked[1]:
            if uids[0] != others[0] or self._any_alone(0, here, number) or self._any_alone(1, there, number):
                return False
        elif uids != others or not self._all_unsure().isdisjoint(uids):
            return False
        if not self._are_below_one(0, here, here + number):
            return False
        for side, start, ids in ((self._sides[0], here, uids), (self._sides[1], there, others)):
            side.visit(self._model, start, ids)
        return True

    def have_distinct_names(self, *siblings: AnySiblings) -> bool:
        """Return whether the siblings of each side certainly have different short names, as their ids are different."""
        for side, (_uids, objs) in enumerate(siblings):
            if len(objs) > 1:
                block = None if self._made else _block_of(objs)
                if block is None or not self._are_below_one(side, block.start, block.stop):
                    return False
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
        here, there = _block_of(source[1]), _block_of(target[1])
        if here is not None and there is not None and here.stop <= self._walked[0] and there.stop <= self._walked[1]:
            left, right = self._alone[0][here.start : here.stop], self._alone[1][there.start : there.stop]
            if _have_same_pairs(source[0], target[0], left, right):
                places = [*compress(count(), left)]
                return _pairs(source, target, places, compress(count(), right)), len(left) - len(places)
        (uids, _lefts), (others, _rights) = source, target
        of_source, of_target = {*uids}, {*others}
        if len(of_source) < len(uids) or len(of_target) < len(others):
            return None
        wanted = (of_source ^ of_target) | (self._all_unsure() & of_source)
        places, rest = ([at for at, uid in enumerate(ids) if uid in wanted] for ids in (uids, others))
        return _pairs(source, target, places, rest), len(uids) - len(places)

    def _all_unsure(self) -> set[str]:
        """Return the ids that are not certainly those of equal objects, among those that both sides have."""
        if self._unsure is None:
            self._unsure = {*compress(self._source[: self._walked[0]], self._alone[0])} | self._unlike | self._made
        return self._unsure

    def _any_alone(self, side: int, start: int, number: int) -> bool:
        return self._alone[side].find(1, start, start + number) >= 0

    def _are_below_one(self, side: int, start: int, stop: int) -> bool:
        """Return whether objects of one side have the same values in all identifiers except their short names."""
        return all(column[start:stop].count(column[start]) == stop - start for column in self._above[side])

    def _walk(self) -> tuple[int, int]:
        """Compare the columns wherever the two sides have the same ids in the same order; return the places of source and target
        from which on the order differs too often, or the ends of both sides."""
        source, target = self._source, self._target
        at, there, misses = 0, 0, 0
        while at < len(source) and there < len(target):
            number = _equal(source, at, target, there)
            if number:
                self._compare(at, there, number)
                at, there = at + number, there + number
                continue
            found = _next_equal(source, at, target, there)
            if found is None:
                misses += 1
                if misses > _MOST_MISSES:
                    return at, there
                found = at + _WINDOWS[-1], there + _WINDOWS[-1]
            at, there = found
        return len(source), len(target)

    def _compare(self, at: int, there: int, number: int) -> None:
        """Compare the columns of objects with the same ids."""
        end, stop = at + number, there + number
        alone = bytearray(number)
        for some, others in self._columns:
            left, right = some[at:end], others[there:stop]
            if left != right:
                for place in compress(count(), map(ne, left, right)):
                    alone[place] = 1
        if self._made:
            for place in compress(count(), map(self._made.__contains__, self._source[at:end])):
                alone[place] = 1
        self._alone[0][at:end] = self._alone[1][there:stop] = alone

    def _look_up(self, at: int) -> set[str]:
        """Return the ids of objects, from a place of the source on, whose columns differ from those of the target's object; look
        it up."""
        numbers = dict(zip(self._target, count()))
        places = [place for place in range(at, len(self._source)) if self._source[place] in numbers]
        uids = [*map(self._source.__getitem__, places)]
        others = [*map(numbers.__getitem__, uids)]
        unlike: set[str] = set()
        for left, right in self._columns:
            unlike.update(compress(uids, map(ne, map(left.__getitem__, places), map(right.__getitem__, others))))
        return unlike


def _block_of(objs: Sequence[DSyncModel]) -> range | None:
    """Return the places of objects in a table where they follow one another; None if they do not."""
    places = objs.places if isinstance(objs, Rows) else None
    return places if isinstance(places, range) and places.step == 1 else None


def _have_same_pairs(uids: Sequence[str], others: Sequence[str], here: bytearray, there: bytearray) -> bool:
    """Return whether two groups of siblings have the same pairs, given for each object whether it is alone."""
    number = here.count(0)
    return number == there.count(0) and (not number or uids[here.index(0)] == others[there.index(0)])


def _pairs(source: AnySiblings, target: AnySiblings, places: Sequence[int], others: Iterable[int]) -> list[Pair]:
    """Return the objects at some positions of siblings in pairs with one identity, or alone."""
    (uids, lefts), (ids, rights) = source, target
    alone = {ids[place]: place for place in others}
    pairs: list[Pair] = []
    for place in places:
        other = alone.pop(uids[place], None)
        pairs.append((lefts[place], None if other is None else rights[other]))
    return [*pairs, *((None, rights[other]) for other in alone.values())]


def _equal(source: Sequence[str], at: int, target: Sequence[str], there: int) -> int:
    """Return how many ids from two places on are equal, up to :data:`_AT_ONCE`."""
    number, step = 0, _AT_FIRST
    while True:
        start, place = at + number, there + number
        some, others = source[start : start + step], target[place : place + step]
        if number and some == others:
            equal = len(some)
        else:
            equal = next(compress(count(), map(ne, some, others)), min(len(some), len(others)))
        number += equal
        if equal < step or number >= _AT_ONCE:
            return number
        step = number


def _next_equal(source: Sequence[str], at: int, target: Sequence[str], there: int) -> tuple[int, int] | None:
    """Return the places, from two places on, of the nearest id that both sides have; None if there is none nearby."""
    for number in _WINDOWS:
        places = dict(zip(source[at : at + number], count()))
        best, found = 2 * number, None
        for skipped, uid in enumerate(target[there : there + number]):
            if skipped >= best:
                break
            place = places.get(uid)
            if place is not None and place + skipped < best:
                best, found = place + skipped, (at + place, there + skipped)
        if found is not None:
            return found
    return None


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
