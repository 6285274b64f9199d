# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of objects whose values are in columns: a filter, so that only objects that may differ are made and compared.

Values of two columns that are equal belong to objects that are equal; all other objects are made, and compared as any other
objects are. So are those that were made before, because somebody may have changed them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
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

_LOOK_AHEAD = 500
"""Maximum number of ids to skip in order to find one that both sides have, in another order."""

_MOST_MISSES = 100
"""Number of ids that are not found in this way, before all are looked up instead."""


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
        self._model, self._sides = matching.model, sides
        self._source, self._target = (uids for uids, _rows in objs)
        self._made = {uids[at] for uids, rows in objs for at in rows.made()}
        self._unsure = {*self._made}
        self._columns = [tuple(rows.column(name) for _uids, rows in objs) for name in names]
        self._alone = [bytearray(b"\1") * len(uids) for uids, _rows in objs]  # for each object whether it is not in a pair
        self._walked = self._walk(*(rows.ids() for _uids, rows in objs))
        if self._walked[0] < len(self._source):
            self._look_up(self._walked[0])
        self._columns = []
        self._above = [[rows.column(name) for name in _fields_above(matching)] for _uids, rows in objs]

    def are_same(self, uids: Sequence[str], others: Sequence[str]) -> bool:
        """Return whether siblings, which have these ids in source and target, are certainly the same; if so, mark them visited."""
        starts = [side.scan(self._model).place(ids) for side, ids in zip(self._sides, (uids, others))]
        if min(starts) < 0 or len(uids) != len(others):
            return False
        here, there = (range(start, start + len(uids)) for start in starts)
        if self._is_walked(here, there):
            if uids[0] != others[0] or self._any_alone(0, here) or self._any_alone(1, there):
                return False
        elif uids != others or not self._unsure.isdisjoint(uids):
            return False
        if not self._are_below_one(0, here):
            return False
        for side, start, ids in zip(self._sides, starts, (uids, others)):
            side.visit(self._model, start, ids)
        return True

    def have_distinct_names(self, *siblings: AnySiblings) -> bool:
        """Return whether the siblings of each side certainly have different short names, as their ids are different."""
        for side, (_uids, objs) in enumerate(siblings):
            block = _block_of(objs)
            if len(objs) > 1 and (self._made or block is None or not self._are_below_one(side, block)):
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
        if here is not None and there is not None and self._is_walked(here, there):
            left, right = self._alone[0][here.start : here.stop], self._alone[1][there.start : there.stop]
            if _have_same_pairs(source[0], target[0], left, right):
                places = [*compress(count(), left)]
                return _pairs(source, target, places, compress(count(), right)), len(left) - len(places)
        (uids, _lefts), (others, _rights) = source, target
        of_source, of_target = {*uids}, {*others}
        if len(of_source) < len(uids) or len(of_target) < len(others):
            return None
        wanted = (of_source ^ of_target) | (self._unsure & of_source)
        places, rest = ([at for at, uid in enumerate(ids) if uid in wanted] for ids in (uids, others))
        return _pairs(source, target, places, rest), len(uids) - len(places)

    def _is_walked(self, here: range, there: range) -> bool:
        """Return whether the walk passed all these places of source and target."""
        return here.stop <= self._walked[0] and there.stop <= self._walked[1]

    def _any_alone(self, side: int, block: range) -> bool:
        return self._alone[side].find(1, block.start, block.stop) >= 0

    def _are_below_one(self, side: int, block: range) -> bool:
        """Return whether objects of one side have the same values in all identifiers except their short names."""
        start, stop = block.start, block.stop
        return all(column[start:stop].count(column[start]) == stop - start for column in self._above[side])

    def _walk(self, of_source: Container[str], of_target: Container[str]) -> tuple[int, int]:
        """Compare the columns wherever the two sides have the same ids in the same order; return the places of source and target
        from which on the order differs too often, or at which one side ends."""
        source, target = self._source, self._target
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
                        return at, there
                    self._unsure.add(source[at])
                    at += 1
        self._unsure.update(filter(of_target.__contains__, source[at:]))
        return len(source), len(target)

    def _compare(self, at: int, there: int, number: int) -> None:
        """Compare the columns of objects with the same ids."""
        uids, alone = self._source[at : at + number], bytearray(number)
        for some, others in self._columns:
            left, right = some[at : at + number], others[there : there + number]
            if left != right:
                for place in compress(range(number), map(ne, left, right)):
                    alone[place] = 1
        if self._made and not self._made.isdisjoint(uids):
            for place in compress(range(number), map(self._made.__contains__, uids)):
                alone[place] = 1
        self._alone[0][at : at + number] = self._alone[1][there : there + number] = alone
        self._unsure.update(compress(uids, alone))

    def _look_up(self, at: int) -> None:
        """Compare the columns of the objects from a place of the source on with those of the target, which are looked up."""
        numbers = dict(zip(self._target, count()))
        places = [place for place in range(at, len(self._source)) if self._source[place] in numbers]
        uids = [*map(self._source.__getitem__, places)]
        others = [*map(numbers.__getitem__, uids)]
        for left, right in self._columns:
            self._unsure.update(compress(uids, map(ne, map(left.__getitem__, places), map(right.__getitem__, others))))


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
