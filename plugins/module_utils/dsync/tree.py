# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Where a dataset's objects stand: who is whose parent, and what stands below something that is to be deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .change import Change, ChangeKey, ObjectRef
from .flags import DSyncAction, DSyncModelFlags
from .model import DSyncModel

if TYPE_CHECKING:
    from .adapter import DSync

_KEPT = DSyncModelFlags.IGNORE | DSyncModelFlags.SKIP_UNMATCHED_DST


def parents_of(dataset: DSync, models: Iterable[str]) -> dict[ObjectRef, ObjectRef]:
    """Return object → parent for all objects of these models that have one."""
    wanted = set(models)
    found: dict[ObjectRef, ObjectRef] = {}
    for parents in dataset.store.model_names():
        if not any(wanted & kind._children.keys() for kind in dataset.store.kinds(parents)):
            continue
        for parent in dataset.store.objects(parents):
            here = ObjectRef(parents, parent.get_unique_id())
            found.update((child, here) for child in children_of(parent) if child.model in wanted)
    return found


def children_of(parent: DSyncModel) -> Iterator[ObjectRef]:
    """Yield the children that an object lists."""
    for model, field in parent.get_children_mapping().items():
        for uid in getattr(parent, field) or ():
            yield ObjectRef(model, uid)


def staying(dataset: DSync, change: Change, deleted: set[ChangeKey]) -> Iterator[ObjectRef]:
    """Yield the children of an object to be deleted that are there and are not deleted themselves."""
    obj = dataset.store.find(change.model, change.id)
    for child in () if obj is None else children_of(obj):
        if ChangeKey(DSyncAction.DELETE, *child) not in deleted and dataset.store.find(*child) is not None:
            yield child


def left_aside(changes: Iterable[Change], dataset: DSync) -> dict[ChangeKey, frozenset[ObjectRef]]:
    """Return, for each delete that does not delete all the children, those that it leaves aside now."""
    deletes = [change for change in changes if change.action == DSyncAction.DELETE]
    deleted = {change.key for change in deletes}
    found = {change.key: frozenset(staying(dataset, change, deleted)) for change in deletes}
    return {key: children for key, children in found.items() if children}


def is_kept(dataset: DSync, ref: ObjectRef) -> bool:
    """Return whether an object's own flags say that it is not to be deleted."""
    obj = dataset.store.find(*ref)
    return obj is not None and bool(obj.model_flags & _KEPT)
