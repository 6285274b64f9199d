# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making one change in the remote system, and updating the dataset after it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from .._util.redaction import Redactor
from ..dataset.tree import parents_of
from ..exceptions import ObjectAlreadyExists, ObjectNotFound
from ..flags import DSyncAction, DSyncStatus
from ..model.identity import ObjectRef
from ..model.model import DSyncModel, Snapshot
from ..model.values import copied
from ..plan.change import Change, ref_of, secrets_of
from .failures import Failure
from .target import Target

logger = logging.getLogger("dsync")


def written(kind: type[DSyncModel], change: Change) -> dict[str, Any]:
    """Return a copy of the attributes that a create or an update writes, which an adapter may keep or change."""
    return kind._declaration.as_declared(copied(kind._declaration.counted(change.action, change.after or {})))


def checked(obj: Any, change: Change) -> DSyncModel:
    """Return the result of create, update, move or delete if it means that the change was made."""
    if obj is None:
        raise Failure(f"{change.action}() returned None")
    if not isinstance(obj, DSyncModel) or obj.get_type() != change.model:
        kind = type(obj).__name__
        raise Failure(f"{change.action}() returned a {kind}, not the {change.model} object")
    if obj.get_unique_id() == change.before_id:
        obj.move_base(copied(change.ids), {})
    if obj.get_unique_id() != change.id:
        raise Failure(f"{change.action}() returned another object: {obj!r}")
    status, message = obj.get_status()
    if status in (DSyncStatus.FAILURE, DSyncStatus.ERROR):
        raise Failure(message or f"the object's status is {status.value}")
    obj.set_status(DSyncStatus.SUCCESS, message)
    return obj


def parent_of_new(target: Target, change: Change) -> DSyncModel | None:
    """Return the parent of an object to create, None at the top level. Raises Failure if the object cannot be created."""
    if target.store.find(change.model, change.id) is not None:
        place = parents_of(target, [change.model]).get(ObjectRef(change.model, change.id))
        where = "" if place == change.parent else f" {_below(place)}, not {_below(change.parent)}"
        raise Failure(f"{target.name} has it already{where}")
    return new_parent(target, change)


def _below(place: ObjectRef | None) -> str:
    return "at the top level" if place is None else f'below {place.model} "{place.id}"'


def new_parent(target: Target, change: Change) -> DSyncModel | None:
    """Return the new parent of an object, None at the top level. Raises Failure if it does not exist."""
    parent = _parent(target, change)
    if parent is None and change.parent is not None:
        raise Failure(f'{target.name} has no {change.parent.model} "{change.parent.id}", which would be its parent')
    return parent


def _create(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    if change.model not in classes:
        raise Failure(f'{target.name} has no model "{change.model}"')
    parent_of_new(target, change)
    made = classes[change.model].create(dsync=target, ids=copied(change.ids), attrs=written(classes[change.model], change))
    return checked(made, change)


def keep_created(target: Target, change: Change, obj: DSyncModel) -> None:
    kept, _added = target.get_or_add_model_instance(obj)
    if kept is not obj:
        raise Failure(f"create() returned {obj!r}, and {target.name} has another object of that identity already")
    parent = _parent(target, change)
    if parent is not None:
        try:
            parent.add_child(obj)
        except ObjectAlreadyExists:
            logger.debug('%s "%s" is a child of its parent already', change.model, change.id)
        target.update(parent)


def _update(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    obj = existing(target, change)
    before = Snapshot(obj)
    try:
        return checked(obj.update(attrs=written(type(obj), change)), change)
    except BaseException:
        before.restore()
        raise


def _keep_updated(target: Target, change: Change, obj: DSyncModel) -> None:
    target.update(obj)


def _move(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    obj, parent = existing(target, change), new_parent(target, change)
    before = Snapshot(obj)
    try:
        if change.cascade:
            return checked(obj.move_base(copied(change.ids), {}), change)
        return checked(obj.move(parent, copied(change.ids), written(type(obj), change)), change)
    except BaseException:
        before.restore()
        raise


def _keep_moved(target: Target, change: Change, obj: DSyncModel) -> None:
    old, new = (None if ref is None else target.store.find(*ref) for ref in (change.before_parent, change.parent))
    if change.before_id is not None:
        target.renamed(obj, change.before_id)
    if old is not None:
        with contextlib.suppress(ObjectNotFound):  # its own move() may have taken it out already
            old.remove_child_id(obj, change.before_ref.id)
        target.update(old)
    if new is not None:
        with contextlib.suppress(ObjectAlreadyExists):
            new.add_child(obj)
        target.update(new)
    target.update(obj)


def _delete(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    return checked(existing(target, change).delete(), change)


def _keep_deleted(target: Target, change: Change, obj: DSyncModel) -> None:
    parent = _parent(target, change)
    if parent is not None:
        with contextlib.suppress(ObjectNotFound):  # its own delete() may have taken it out already
            parent.remove_child(obj)
        target.update(parent)
    with contextlib.suppress(ObjectNotFound):
        target.remove(obj, remove_children=change.removes_children)


MAKERS: dict[DSyncAction, Callable[[Any, dict[str, type[DSyncModel]], Change], DSyncModel]] = {
    DSyncAction.CREATE: _create,
    DSyncAction.UPDATE: _update,
    DSyncAction.MOVE: _move,
    DSyncAction.DELETE: _delete,
}
"""They make a change in the remote system."""

KEEPERS: dict[DSyncAction, Callable[[Any, Change, DSyncModel], None]] = {
    DSyncAction.CREATE: keep_created,
    DSyncAction.UPDATE: _keep_updated,
    DSyncAction.MOVE: _keep_moved,
    DSyncAction.DELETE: _keep_deleted,
}
"""They update the target's objects after a change that was made; they are never retried."""


def existing(target: Target, change: Change) -> DSyncModel:
    obj = target.store.find(change.model, change.id if change.before_id is None else change.before_id)
    if change.before_id is not None:
        there = target.store.find(*ref_of(change))
        if obj is not None and there is not None:
            raise Failure(f"{target.name} has another object of that name already")
        obj = obj or there
    if obj is None:
        raise Failure(f"{target.name} has no such object any more")
    obj.set_status(DSyncStatus.UNKNOWN)
    return obj


def _parent(target: Target, change: Change) -> DSyncModel | None:
    return None if change.parent is None else target.store.find(*change.parent)


def status_message(obj: DSyncModel, change: Change) -> str:
    """Return the message of the object's status, without sensitive values."""
    message = obj.get_status()[1]
    return Redactor(secrets_of(change, obj)).redact(message) if message else ""
