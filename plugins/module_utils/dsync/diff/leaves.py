# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of objects without children, of which those with equal attributes need no further check."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, count
from operator import ne
from typing import TYPE_CHECKING, NamedTuple

from ..model.model import DSyncModel
from .columns import ColumnFilter
from .matching import FieldComparison, Matching
from .siblings import target_only

if TYPE_CHECKING:
    from .siblings import Pair, Siblings


class Ends(NamedTuple):
    """How many ids of two sequences are equal from the start on, and how many of the others from the end on."""

    head: int
    tail: int


def equal_ends(uids: Sequence[str], others: Sequence[str]) -> Ends:
    """Return where two sequences of ids are equal, so that no id in these parts needs to be looked up: few objects come and go."""
    if uids == others:
        return Ends(len(uids), 0)
    shorter = min(len(uids), len(others))
    head = next(compress(count(), map(ne, uids, others)), shorter)
    return Ends(head, next(compress(count(), map(ne, reversed(uids), reversed(others))), shorter - head))


class Leaves:
    """The objects of one model without children, whose compared attributes alone decide whether they are the same.

    Args:
        matching: how its objects are compared.
        by: compares two of them.
        columns: those that may differ; None if the objects of a side are not in columns.
    """

    def __init__(self, matching: Matching, by: FieldComparison, columns: ColumnFilter | None) -> None:
        self.matching, self.columns = matching, columns
        self._by = by

    def have_distinct_names(self, source: Siblings, target: Siblings, ends: Ends) -> bool:
        """Return whether the siblings of each side certainly have different short names.

        Args:
            source: ids and objects of some siblings in the source.
            target: the same of the target.
            ends: as :func:`equal_ends` returns it for their ids.
        """
        if self.columns is not None:
            return self.columns.have_distinct_names(source, target)
        left, right = self.matching.source.shortnames, self.matching.target.shortnames
        if left is None or right is None or not source[0] or not target[0]:
            return left is None and right is None
        start = left.common_start(*source)
        if not start or start != right.start(target[1][0]):
            return False
        return all(uid.startswith(start) for uid in target[0][ends.head : len(target[0]) - ends.tail])

    def differing(self, source: Siblings, target: Siblings, ends: Ends) -> tuple[list[Pair], int]:
        """Return the pairs of siblings that differ, or of which one is missing, and the number of other pairs.

        The pairs are in the order of :func:`.siblings.aligned`. The arguments are those of :meth:`have_distinct_names`.
        """
        found = None if self.columns is None else self.columns.differing(source, target)
        unlike, same = self._compared(source, target, ends) if found is None else found
        if not unlike:
            return unlike, same
        differ = self._by.differ
        pairs = [(left, right) for left, right in unlike if left is None or right is None or differ(left, right)]
        return pairs, same + len(unlike) - len(pairs)

    def _compared(self, source: Siblings, target: Siblings, ends: Ends) -> tuple[list[Pair], int]:
        """Return the pairs that may differ and the number of others."""
        (uids, lefts), (others, rights) = source, target
        head, tail = ends
        if head == len(uids) == len(others):
            unlike = self._unlike(lefts, rights)
            return unlike, head - len(unlike)
        end, other_end = len(uids) - tail, len(others) - tail
        first, last = self._unlike(lefts[:head], rights[:head]), self._unlike(lefts[end:], rights[other_end:])
        middle = (uids[head:end], lefts[head:end]), (others[head:other_end], rights[head:other_end])
        between, same, rest = self._looked_up(*middle)
        return [*first, *between, *last, *rest], head + tail - len(first) - len(last) + same

    def _unlike(self, lefts: Sequence[DSyncModel], rights: Sequence[DSyncModel]) -> list[Pair]:
        """Return the pairs of objects at the same position whose attributes may differ."""
        return [*compress(zip(lefts, rights), map(ne, self._by.values(lefts), self._by.values(rights)))]

    def _looked_up(self, source: Siblings, target: Siblings) -> tuple[list[Pair], int, list[Pair]]:
        """Return the pairs with an object of the source that may differ, the number of other pairs, and the objects that only the
        target has; objects are looked up by their ids."""
        if len(source[0]) + len(target[0]) == 1:
            return [(obj, None) for obj in source[1]], 0, [(None, obj) for obj in target[1]]
        of_source, of_target = dict(zip(*source)), dict(zip(*target))
        pairs: list[Pair] = [*zip(of_source.values(), map(of_target.get, of_source))]
        shared = [(left, right) for left, right in pairs if left is not None and right is not None]
        values = (self._by.values([pair[side] for pair in shared]) for side in (0, 1))
        unlike = iter(map(ne, *values))
        differing = [pair for pair in pairs if pair[1] is None or next(unlike, True)]
        return differing, len(pairs) - len(differing), target_only(of_source, of_target)
