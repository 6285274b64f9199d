# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of objects without children, of which those with equal attributes need no further check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress
from operator import ne
from typing import TYPE_CHECKING

from ..model.model import DSyncModel
from .columns import ColumnFilter
from .matching import FieldComparison, Matching
from .siblings import target_only

if TYPE_CHECKING:
    from .siblings import Pair, Siblings


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

    def have_distinct_names(self, source: Siblings, target: Siblings) -> bool:
        """Return whether the columns show that the siblings of each side have different short names."""
        return self.columns is not None and self.columns.have_distinct_names(source, target)

    def differing(self, source: Siblings, target: Siblings) -> tuple[list[Pair], int]:
        """Return the pairs of siblings that differ, or of which one is missing, and the number of other pairs.

        The pairs are in the order of :func:`.siblings.aligned`.
        """
        found = None if self.columns is None else self.columns.differing(source, target)
        unlike, same = self._compared(source, target) if found is None else found
        if not unlike:
            return unlike, same
        differ = self._by.differ
        pairs = [(left, right) for left, right in unlike if left is None or right is None or differ(left, right)]
        return pairs, same + len(unlike) - len(pairs)

    def _compared(self, source: Siblings, target: Siblings) -> tuple[list[Pair], int]:
        """Return the pairs that may differ and the number of others."""
        uids, lefts = source
        if uids == target[0]:
            unlike: list[Pair] = [*compress(zip(lefts, target[1]), self._unequal(lefts, target[1]))]
            return unlike, len(lefts) - len(unlike)
        of_target = dict(zip(*target))
        on_both = [*map(of_target.__contains__, uids)]
        if not all(on_both):
            uids, lefts = [*compress(uids, on_both)], [*compress(lefts, on_both)]
        differs = [*self._unequal(lefts, map(of_target.__getitem__, uids))]
        same, of_common = differs.count(False), iter(differs)
        wanted = (not here or next(of_common, True) for here in on_both)
        unlike = []
        if same < len(on_both):
            unlike = [(obj, of_target.get(uid)) for uid, obj in compress(zip(*source), wanted)]
        if len(uids) < len(of_target):
            unlike += target_only(dict(zip(*source)), of_target)
        return unlike, same

    def _unequal(self, lefts: Iterable[DSyncModel], rights: Iterable[DSyncModel]) -> Iterator[bool]:
        return map(ne, self._by.values(lefts), self._by.values(rights))
