# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What stays below an object that its system renames, and is named after it: the system renames it as well, so the dataset does."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..dataset.tree import children_of
from ..diff.moves import by_itself
from ..diff.renames import Identity, values_of_references, values_of_those_above
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from .target import Target


def rename_below(target: Target, parent: DSyncModel, before: Identity, changing: Collection[ObjectRef]) -> None:
    """Rename the objects below a renamed one that are named after it, in the dataset alone.

    An object whose model the system renames one by one keeps its name, and so does one whose new name is taken.

    Args:
        target: the dataset; its objects are changed.
        parent: the object that was renamed.
        before: its name before.
        changing: the objects that are renamed by changes of their own, by their old names; what is below them as well.
    """
    names = {ObjectRef(parent.get_type(), before[0]): parent.get_unique_id()}
    _rename_below(target, parent, [(before, _identity(parent))], names, changing)


def _rename_below(
    target: Target,
    parent: DSyncModel,
    renamed: list[tuple[Identity, Identity]],
    names: dict[ObjectRef, str],
    changing: Collection[ObjectRef],
) -> None:
    for ref in [*children_of(parent)]:
        child = None if ref in changing else target.store.find(*ref)
        if child is None or by_itself(target, ref.model, False, True):
            continue
        before = _identity(child)
        ids = _new_ids(child, renamed, names)
        uid = child.create_unique_id(**ids)
        if uid != ref.id and target.store.find(ref.model, uid) is None:
            child.move_base(ids, {})
            target.renamed(child, ref.id)
            parent.remove_child_id(child, ref.id)
            parent.add_child(child)
            target.update(parent)
            names[ref] = uid
            _rename_below(target, child, [*renamed, (before, _identity(child))], names, changing)
        else:
            _rename_below(target, child, renamed, names, changing)


def _new_ids(child: DSyncModel, renamed: list[tuple[Identity, Identity]], names: dict[ObjectRef, str]) -> dict[str, Any]:
    """Return the identifiers of an object after renames above it: a field that is declared to refer to a renamed object takes its
    new name, or else the first one that has a part of the old name."""
    ids = child.get_identifiers()
    referring = values_of_references(type(child), ids, names.get)
    taken: set[Any] = set()
    for (name, value), new in (*referring.items(), *values_of_those_above(ids, renamed).items()):
        if value not in taken:
            taken.add(value)
            ids[name] = new
    return ids


def _identity(obj: DSyncModel) -> Identity:
    return obj.get_unique_id(), obj.get_identifiers()
