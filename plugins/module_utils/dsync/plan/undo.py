# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The plan that undoes a run: creates become deletes, updates restore the old values, moves are reversed,
deletes become creates.

A plan from the changes in memory right after a run is complete, including sensitive values. A plan from a journal or a file
contains digests of them: a value that no live object has any more is refused when the plan is prepared (docs/decisions/0004).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..exceptions import RecordError
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from .change import Change, ChangeKey, ref_of
from .plan import Plan
from .together import gathered

_REVERSE = {
    DSyncAction.CREATE: DSyncAction.DELETE,
    DSyncAction.UPDATE: DSyncAction.UPDATE,
    DSyncAction.MOVE: DSyncAction.MOVE,
    DSyncAction.DELETE: DSyncAction.CREATE,
}


def undo_plan(done: Iterable[Change]) -> Plan:
    """Return the plan that reverses changes of one run.

    Args:
        done: the changes that were made, in order; also those that may have been made, if the plan is checked before it is
            applied.

    Returns:
        A plan in which children are deleted before their parents and created after them, and an object that was moved or renamed
        is moved or renamed back. One that was moved by two changes is deleted where it is before it is created where it was.
        Nothing in it is protected, and no delete is left to cascade.

    Raises:
        RecordError: a change occurs twice, so these are not the changes of one run.
    """
    plan = Plan(gathered(list(_reversed(list(done)))))
    plan.undoes = True
    return plan


def reaching(plan: Iterable[Change], done: Iterable[Change], maybe: Iterable[Change] = ()) -> list[Change]:
    """Return the changes of a plan that its undo has to reverse, in order.

    In addition to the changes that were made, these are the deletes below a delete that was made: their objects may have been
    deleted with it, or left without a parent if the run ended between the two. Checking the undo plan determines which.

    If the object above was created again since, such an object may be below it again, and would be lost with it when the undo
    deletes that. A create of it follows, so that the undo deletes it before and creates it after.

    Args:
        plan: all changes of the run, in order.
        done: those that were done.
        maybe: those that may have been done.
    """
    certain = {change.key for change in done}
    keys = certain | {change.key for change in maybe}
    found: list[Change] = []
    for change in plan:
        if change.action == DSyncAction.DELETE and change.parent and ChangeKey(DSyncAction.DELETE, *change.parent) in keys:
            keys.add(change.key)
        if change.key in keys:
            found.append(change)
    remade = {ref_of(change) for change in found if change.action == DSyncAction.CREATE}
    for change in list(found):
        unsure = change.action == DSyncAction.DELETE and change.key not in certain
        if unsure and change.parent in remade and ref_of(change) not in remade:
            remade.add(ref_of(change))
            found.append(replace(change, action=DSyncAction.CREATE, before=None, after=change.before, requires=()))
    return found


def _reversed(done: list[Change]) -> Iterator[Change]:
    keys = {change.key: key for change, key in zip(done, _undone(done))}
    if len(keys) < len(done):
        raise RecordError("a change occurs twice, so these are not the changes of one run")
    undone = {keys[change.key]: change for change in reversed(done)}
    needed = _needed(undone, done, keys)
    finished: set[ChangeKey] = set()
    for key in _in_order(undone, needed):
        finished.add(key)
        requires = tuple(other for other in needed[key] if other in finished)
        yield _reverse(undone[key], key, requires)


def _undone(done: list[Change]) -> Iterator[ChangeKey]:
    """Yield what reverses each change. Of two updates of an object, the one that came first comes last, and is no step any more."""
    stepped = {ref_of(change) for change in done if change.step}
    for change in done:
        second = change.action == DSyncAction.UPDATE and not change.step and ref_of(change) in stepped
        yield ChangeKey(_REVERSE[change.action], *change.before_ref, 1 if second else 0)


def _reverse(change: Change, key: ChangeKey, requires: tuple[ChangeKey, ...]) -> Change:
    moves, renames = key.action == DSyncAction.MOVE, change.before_id is not None
    return replace(
        change,
        action=key.action,
        step=key.step,
        id=change.before_ref.id,
        ids=change.ids if change.before_ids is None else change.before_ids,
        before=change.after,
        after=change.before,
        parent=change.before_parent if moves else change.parent,
        parts=tuple(_reverse(part, part.key, ()) for part in change.parts),
        protected="",
        cascade=change.cascade and moves,
        removes_children=False,
        requires=requires,
        before_parent=change.parent if moves else None,
        before_id=change.id if renames else None,
        before_ids=change.ids if renames else None,
    )


def _needed(
    undone: dict[ChangeKey, Change], done: list[Change], keys: dict[ChangeKey, ChangeKey]
) -> dict[ChangeKey, list[ChangeKey]]:
    """Return, for each change of the undo, those that must come before it: the order of the tree, and the reverse of the
    requirements among the changes that were made."""
    needed: dict[ChangeKey, dict[ChangeKey, None]] = defaultdict(dict)
    renamed = {change.before_ref: key for key, change in undone.items() if change.before_id is not None}
    for key, change in undone.items():
        if key.action == DSyncAction.CREATE and change.parent in renamed:
            needed[key][renamed[change.parent]] = None
        if change.parent is not None:
            parent = ChangeKey(key.action, *change.parent)
            if key.action == DSyncAction.CREATE and parent in undone:
                needed[key][parent] = None
            if key.action == DSyncAction.DELETE and parent in undone:
                needed[parent][key] = None
        leaves_first = ChangeKey(DSyncAction.DELETE, key.model, key.id)
        if key.action == DSyncAction.CREATE and leaves_first in undone:
            needed[key][leaves_first] = None
    deleted = {ref_of(change): change.parent for change in done if change.action == DSyncAction.DELETE}
    for key, change in undone.items():
        for required in change.requires:
            earlier = keys.get(required)
            if earlier is None or _is_below(change, required, deleted):
                continue
            if _is_named_after(change, undone[earlier]):
                needed[key][earlier] = None
            else:
                needed[earlier][key] = None
    return {key: list(needed[key]) for key in undone}


def _is_named_after(change: Change, other: Change) -> bool:
    """Return whether an object was renamed with its parent, or got the new name of a renamed object in one of its fields: undoing
    that, the other object comes first, too."""
    if other.before_id is None:
        return False
    if change.before_id is not None and (change.cascade or change.parent == ref_of(other)):
        return True
    old = {**(change.before_ids or {}), **(change.before or {})}
    new = {**(change.ids if change.before_ids else {}), **(change.after or {})}
    return any(_holds(value, other.id) and _holds(old.get(name), other.before_id) for name, value in new.items())


def _holds(value: Any, name: str) -> bool:
    return value == name or (isinstance(value, (list, tuple, set, frozenset)) and name in value)


def _is_below(change: Change, required: ChangeKey, deleted: dict[ObjectRef, ObjectRef | None]) -> bool:
    """Return whether both are deletes and the required one's object was above the other's; its undo comes first."""
    if change.action != DSyncAction.DELETE or required.action != DSyncAction.DELETE:
        return False
    above, seen = change.parent, set[ObjectRef]()
    while above is not None and above not in seen:
        if above == (required.model, required.id):
            return True
        seen.add(above)
        above = deleted.get(above)
    return False


def _in_order(undone: Iterable[ChangeKey], needed: dict[ChangeKey, list[ChangeKey]]) -> Iterator[ChangeKey]:
    """Yield the keys in their order, each after those that it requires."""
    begun: set[ChangeKey] = set()
    for first in undone:
        line = [(first, iter(needed[first]))] if first not in begun else []
        begun.add(first)
        while line:
            other = next((other for other in line[-1][1] if other not in begun), None)
            if other is None:
                yield line.pop()[0]
            else:
                begun.add(other)
                line.append((other, iter(needed[other])))
