# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selects objects of a loaded dataset, and returns them as plain data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from ...dsync import DSync, DSyncModel
from ...dsync._util.plain_json import displayed
from ...dsync._util.redaction import MASK
from ...dsync.dataset.tree import children_of, parents_of
from ...dsync.diff.scope import Scope, Stance
from ...dsync.model.identity import ObjectRef
from ..errors import TaskFailure


class SelectedObject(NamedTuple):
    """An object that is in scope.

    Attributes:
        obj: the object.
        parent: the object that lists it among its children; None at the top level.
    """

    obj: DSyncModel
    parent: ObjectRef | None

    def record(self, attributes: Mapping[str, Collection[str]]) -> dict[str, Any]:
        """Return the object as a new dict of plain JSON values, with sensitive values masked.

        Args:
            attributes: model → names of the attributes to return; all attributes of a model that is not in it.
        """
        obj, sensitive = self.obj, self.obj.get_sensitive_fields()
        wanted = attributes.get(obj.get_type())
        values = {name: value for name, value in obj.get_attrs().items() if wanted is None or name in wanted}
        return {
            "model": obj.get_type(),
            "id": obj.get_unique_id(),
            "ids": _shown(obj.get_identifiers(), sensitive),
            "parent": None if self.parent is None else self.parent._asdict(),
            "attributes": _shown(values, sensitive),
        }


def select(dataset: DSync, scope: Scope) -> Iterator[SelectedObject]:
    """Yield the objects that are in scope: each parent before its children, otherwise in the order in which they were loaded.

    Args:
        dataset: loaded; not changed.
        scope: the objects to select.
    """
    parents = parents_of(dataset, dataset.models())
    seen: set[ObjectRef] = set()
    tops = (ObjectRef(model, obj.get_unique_id()) for model in dataset.models() for obj in dataset.store.objects(model))
    for top in tops:
        if top in parents:
            continue
        todo: list[tuple[ObjectRef, ObjectRef | None, bool]] = [(top, None, False)]
        while todo:
            ref, parent, inside = todo.pop()
            obj = dataset.store.find(*ref)
            if obj is None or ref in seen:  # listed by its parent and not loaded, or listed twice
                continue
            seen.add(ref)
            stance, below = scope.stance(ref.model, None, obj, obj, inside, alone=False)
            if stance == Stance.OUT:
                continue
            if stance == Stance.IN:
                yield SelectedObject(obj, parent)
            todo += reversed([(child, ref, below) for child in children_of(obj)])


def check_no_action(params: Mapping[str, Any]) -> None:
    """Raise TaskFailure if a selector of ``only`` or ``exclude`` has an action, which requires a comparison."""
    for name in ("only", "exclude"):
        for position, selector in enumerate(params[name] or ()):
            if isinstance(selector, Mapping) and selector.get("action") is not None:
                raise TaskFailure(f"{name}[{position}].action: nothing is compared here, so no object has an action; omit it.")


def _shown(values: Mapping[str, Any], sensitive: Collection[str]) -> dict[str, Any]:
    return {name: MASK if name in sensitive and value is not None else displayed(value) for name, value in values.items()}
