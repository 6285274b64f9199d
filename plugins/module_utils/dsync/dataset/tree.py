# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The tree of a dataset: parents and children."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..flags import DSyncModelFlags
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from .dataset import Dataset

_KEPT = DSyncModelFlags.IGNORE | DSyncModelFlags.SKIP_UNMATCHED_DST


def parents_of(dataset: Dataset, models: Iterable[str]) -> dict[ObjectRef, ObjectRef]:
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


def is_kept(dataset: Dataset, ref: ObjectRef) -> bool:
    """Return whether the flags of an object prevent it from being deleted."""
    obj = dataset.store.find(*ref)
    return obj is not None and bool(obj.model_flags & _KEPT)
