# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A change: one create, update, move or delete of one object of the target, as a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from .._util.plain_json import displayed
from .._util.redaction import MASK, secret_strings
from ..flags import DSyncAction
from ..model.identity import ObjectRef

if TYPE_CHECKING:
    from ..model.model import DSyncModel


class ChangeKey(NamedTuple):
    """The key of a change: its action and its object; unique within a plan.

    Attributes:
        action: create, update, move or delete.
        model: the model's name.
        id: the object's unique id.
        step: 1 for an update that sets values of the object to null before its other changes; otherwise 0.
    """

    action: DSyncAction
    model: str
    id: str
    step: int = 0


@dataclass(frozen=True)
class Change:
    """One change to one object of the target. Its values are copies, which do not change with the objects.

    Attributes:
        action: create, update, move or delete.
        model: the model's name.
        id: the object's unique id.
        ids: the identifiers' values.
        before: attributes in the expected current state: for an update or a move those that differ, for a delete all, for a create
            None.
        after: attributes in the desired state: for an update or a move those that differ, for a create all, for a delete None.
        parent: the parent of the object, None at the top level; for a move the new parent.
        before_parent: for a move the current parent of the object, None at the top level.
        before_id: for a move that renames its object the current unique id; otherwise None.
        before_ids: for a move that renames its object the current values of the identifiers; otherwise None.
        step: 1 for an update that sets values to null before the object's update, move or delete, so that other objects can take
            them or the referenced objects can be deleted (:mod:`.plan.ordering`); otherwise 0.
        parts: for a move whose object is deleted and created again: that object and all below it, parents first. Each is a move
            with all attributes of the object, in the current state and in the state in which it is created again. Their old
            parents have their old names.
        sensitive: attributes that are never shown.
        protected: the reason why this change must not be made; empty if it may be made.
        cascade: a delete, or a rename, that the remote system makes by itself when the parent is deleted or renamed; nothing is
            called.
        removes_children: a delete that also deletes the children.
        requires: changes that must be made before this one.
    """

    action: DSyncAction
    model: str
    id: str
    ids: dict[str, Any]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    parent: ObjectRef | None = None
    sensitive: frozenset[str] = field(default=frozenset(), repr=False)
    protected: str = ""
    cascade: bool = False
    removes_children: bool = False
    requires: tuple[ChangeKey, ...] = field(default=(), repr=False)
    before_parent: ObjectRef | None = None
    parts: tuple[Change, ...] = field(default=(), repr=False)
    step: int = 0
    before_id: str | None = None
    before_ids: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f'{self.action} {self.model} "{self.id}"'

    @cached_property
    def key(self) -> ChangeKey:
        """The action and the object of this change."""
        return ChangeKey(self.action, self.model, self.id, self.step)

    @property
    def before_ref(self) -> ObjectRef:
        """The object with its name before the change."""
        return ObjectRef(self.model, self.id if self.before_id is None else self.before_id)

    def record(self) -> dict[str, Any]:
        """Return the change as a new dict of plain JSON values, sensitive ones masked: action, model, id, ids, parent (model
        and id, or None), before and after; of a move also ``from`` and ``to``, the old and the new id, ids and parent."""
        places = {"from": self._from(), "to": self._to()} if self.action == DSyncAction.MOVE else {}
        return {
            "action": self.action.value,
            "model": self.model,
            "id": self.id,
            "ids": _shown(self.ids, frozenset()),
            "parent": _place(self.parent),
            **places,
            "before": None if self.before is None else _shown(self.before, self.sensitive),
            "after": None if self.after is None else _shown(self.after, self.sensitive),
        }

    def _from(self) -> dict[str, Any]:
        ids = self.ids if self.before_ids is None else self.before_ids
        return {"id": self.before_ref.id, "ids": _shown(ids, frozenset()), "parent": _place(self.before_parent)}

    def _to(self) -> dict[str, Any]:
        return {"id": self.id, "ids": _shown(self.ids, frozenset()), "parent": _place(self.parent)}


def _place(ref: ObjectRef | None) -> dict[str, Any] | None:
    return None if ref is None else ref._asdict()


def _shown(values: dict[str, Any], sensitive: frozenset[str]) -> dict[str, Any]:
    return {name: MASK if name in sensitive and value is not None else displayed(value) for name, value in values.items()}


def ref_of(change: Change) -> ObjectRef:
    """Return the object that a change affects."""
    return ObjectRef(change.model, change.id)


def new_names(changes: Iterable[Change]) -> dict[ObjectRef, ObjectRef]:
    """Return the objects that changes rename: old name → new name."""
    return {change.before_ref: ref_of(change) for change in changes if change.before_id is not None}


def by_new_names(changes: Iterable[Change]) -> list[Change]:
    """Return changes in which renamed parents have their new names, so that each object has one name."""
    every = list(changes)
    names = new_names(every)
    return [_with_parents(change, names, names) for change in every] if names else every


def by_names_to_find(changes: Iterable[Change]) -> list[Change]:
    """Return changes in which renamed parents have the names by which they are found, and by which an undo finds them: the old name
    where an object is deleted or leaves, since that is not undone with the rename, and where the rename is protected."""
    every = list(changes)
    renames = [change for change in every if change.before_id is not None]
    old = {ref_of(change): change.before_ref for change in renames}
    kept = {ref_of(change): change.before_ref for change in renames if change.protected}

    def named(change: Change) -> Change:
        return _with_parents(change, old if change.action == DSyncAction.DELETE else kept, old)

    if not renames:
        return every
    return [replace(named(one), parts=(named(one.parts[0]), *one.parts[1:])) if one.parts else named(one) for one in every]


def _with_parents(change: Change, names: Mapping[ObjectRef, ObjectRef], before: Mapping[ObjectRef, ObjectRef]) -> Change:
    """Return a change with other names of its parents: of the one that it has afterwards and of the one that it has before."""
    new = change.parent and names.get(change.parent, change.parent)
    old = change.before_parent and before.get(change.before_parent, change.before_parent)
    return change if (new, old) == (change.parent, change.before_parent) else replace(change, parent=new, before_parent=old)


def steps_of(changes: Iterable[Change]) -> frozenset[ChangeKey]:
    """Return the updates that are steps of another of the changes: their object is created, moved or deleted by it, or it is the
    object's update, before which they set values to null."""
    found = list(changes)
    updates = [change for change in found if change.action == DSyncAction.UPDATE]
    whole = {ref_of(change) for change in found if change.action != DSyncAction.UPDATE}
    updated = {ref_of(change) for change in updates if not change.step}
    return frozenset(change.key for change in updates if ref_of(change) in (whole | updated if change.step else whole))


def secrets_of(change: Change, obj: DSyncModel | None = None) -> set[str]:
    """Return all sensitive values of a change and of its object, as strings."""
    sides = [side for one in (change, *change.parts) for side in (one.before, one.after) if side]
    sensitive = change.sensitive.union(*(part.sensitive for part in change.parts))
    values = [side[name] for side in sides for name in sensitive if name in side]
    if obj is not None:
        values.extend(getattr(obj, name, None) for name in obj.get_sensitive_fields())
    return secret_strings(values) | secret_strings((value for side in sides for value in side.values()), everything=False)
