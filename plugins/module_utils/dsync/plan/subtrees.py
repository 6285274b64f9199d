# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The objects below an object that is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..dataset.dataset import Dataset
from ..dataset.tree import children_of
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from .change import Change, ChangeKey, ref_of


def leaving(changes: Iterable[Change]) -> set[ObjectRef]:
    """Return the objects that changes delete, move or rename, by their names before and after."""
    found = [change for change in changes if change.action in (DSyncAction.DELETE, DSyncAction.MOVE)]
    return {ref for change in found for ref in (change.before_ref, ref_of(change))}


def staying(dataset: Dataset, change: Change, gone: set[ObjectRef]) -> Iterator[ObjectRef]:
    """Yield the existing children of an object to delete or move that are not among those that leave."""
    obj = dataset.store.find(*change.before_ref)
    for child in () if obj is None else children_of(obj):
        if child not in gone and dataset.store.find(*child) is not None:
            yield child


def ignored_children(changes: Iterable[Change], dataset: Dataset) -> dict[ChangeKey, frozenset[ObjectRef]]:
    """Return, for each delete that does not delete all children, the children that it ignores."""
    every = list(changes)
    gone = leaving(every)
    deletes = [change for change in every if change.action == DSyncAction.DELETE]
    found = {change.key: frozenset(staying(dataset, change, gone)) for change in deletes}
    return {key: children for key, children in found.items() if children}
