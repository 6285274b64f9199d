# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What is below an object that is to be deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..dataset.dataset import Dataset
from ..dataset.tree import children_of
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from .change import Change, ChangeKey


def staying(dataset: Dataset, change: Change, deleted: set[ChangeKey]) -> Iterator[ObjectRef]:
    """Yield the children of an object to be deleted that are there and are not deleted themselves."""
    obj = dataset.store.find(change.model, change.id)
    for child in () if obj is None else children_of(obj):
        if ChangeKey(DSyncAction.DELETE, *child) not in deleted and dataset.store.find(*child) is not None:
            yield child


def left_aside(changes: Iterable[Change], dataset: Dataset) -> dict[ChangeKey, frozenset[ObjectRef]]:
    """Return, for each delete that does not delete all the children, those that it leaves aside now."""
    deletes = [change for change in changes if change.action == DSyncAction.DELETE]
    deleted = {change.key for change in deletes}
    found = {change.key: frozenset(staying(dataset, change, deleted)) for change in deletes}
    return {key: children for key, children in found.items() if children}
