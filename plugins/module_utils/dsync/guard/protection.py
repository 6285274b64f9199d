# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Protected differences: marked in a diff, and refused by a plan that is made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..dataset.dataset import Dataset
from ..diff.diff import Diff, DiffElement
from ..diff.moves import remaking
from ..diff.selectors import Selector, selecting
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..plan.protection import declared_protection


def protect(diff: Diff, selectors: Sequence[Selector], models: Mapping[str, Any]) -> None:
    """Mark the protected differences. They stay in the diff, and a plan that is made from it refuses them.

    If an object must not be created or deleted, all objects below it are protected too. The objects above an object that must not
    be deleted are not deleted either, since the remote system might delete both; other objects below them are deleted one by one.
    An object that must not be moved keeps its old place, so nothing above it there is deleted or moved below it. An object that
    must not be renamed keeps its old identity, so nothing below it is created or renamed, and vice versa. In a system that cannot
    move objects, an object does not move either if it, or an object that would move along, must not be deleted or created.

    Args:
        diff: its elements are marked; existing marks are kept.
        selectors: the differences to protect, in addition to those whose action is in ``_protected`` of their model's class.
        models: model name → class.
    """
    rules = _Rules(diff, selectors, models)
    while True:
        for element in diff.get_children():
            rules.protect(element, "", "")
        if not rules.hold_places():
            return


def protect_unclear(diff: Diff, source: Dataset, target: Dataset) -> None:
    """Mark the differences of objects whose identity is unclear in a dataset (:attr:`.Dataset.unclear`).

    Args:
        diff: its elements are marked; existing marks are kept.
        source: one side; not changed.
        target: the other side; not changed.
    """
    sides = [side.unclear for side in (source, target) if side.unclear]
    for element in diff.walk() if sides else ():
        if element.action not in (None, DSyncAction.UPDATE) and not element.protected:
            named = [unclear.get(element.type, {}).get(uid, "") for unclear in sides for uid in (element.uid, element.before_uid)]
            reason = next(filter(None, named), "")
            if reason:
                element.protected, diff.may_be_protected = f"protected: {reason}", True


def protect_unknown(diff: Diff, source: Dataset) -> None:
    """Mark the creates of objects that need a value that the source does not know (:attr:`.Dataset.unknown_values`).

    Args:
        diff: its elements are marked; existing marks are kept.
        source: the dataset with the desired state; not changed.
    """
    for element in diff.walk() if source.unknown_values else ():
        unknown = source.unknown_values.get(element.type, {}).get(element.uid, frozenset())
        if unknown and element.action == DSyncAction.CREATE and not element.protected:
            needed = [name for name, value in (element.source_attrs or {}).items() if name in unknown and value is not None]
            if needed:
                element.protected = f"protected: the value of {', '.join(needed)} is not known in {source.name}"
                diff.may_be_protected = True


class _Rules:
    """What is protected of one diff."""

    def __init__(self, diff: Diff, selectors: Sequence[Selector], models: Mapping[str, Any]) -> None:
        self._selectors, self._models, self._carried = selectors, models, diff.carried
        self._moves = list(diff.moves())
        self._moved = {_ref(element): element for element in self._moves}
        self._pairs = _pairs(diff)
        self._deletes = {_ref(element): (element, above) for element, above in _deletes(diff)}
        self._named_after = list(_named_after(diff))

    def protect(self, element: DiffElement, above: str, name_above: str) -> str:
        """Mark an element and those below it; return the name of an object in it that must not be deleted, or an empty string.

        Args:
            element: the element.
            above: why nothing below an object above may be changed; empty if it may.
            name_above: why nothing below an object above may get a name; empty if it may.
        """
        action, named = element.action, f'{element.type} "{element.uid}"'
        if element.spared or not element.protected:
            gets_name = action == DSyncAction.CREATE or _is_renamed(element)
            reason = (above if action is not None else "") or (name_above if gets_name else "") or self._reason(element, action)
            if reason:
                element.protected, element.spared = reason, False
        direct = element.protected and not element.spared and action in (DSyncAction.CREATE, DSyncAction.DELETE)
        inherited = f"protected with {named}" if direct else ""
        name = f"protected with {named}" if element.protected and _is_renamed(element) else name_above
        kept = next(filter(None, [self.protect(child, inherited, name) for child in element.get_children()]), "")
        remade = action == DSyncAction.MOVE and remaking(self._carried, _ref(element)) is element
        if kept and not element.protected and (action == DSyncAction.DELETE or remade):
            element.protected, element.spared = f"protected because of {kept} below it", action == DSyncAction.DELETE
        if action == DSyncAction.DELETE:
            return named if element.protected else ""
        return kept

    def hold_places(self) -> bool:
        """Protect deletes above the old places of objects that do not move; return whether anything was marked."""
        marked = [pair for pair in self._pairs if _hold_together(*pair)]
        above = [element for element in self._moves if element.protected and self._hold_above(element)]
        below = [element for element in self._moves if not element.protected and self._stays_above(element)]
        leaders = [pair for pair in self._named_after if _hold_name(*pair)]
        return bool(marked or above or below or leaders)

    def _stays_above(self, element: DiffElement) -> bool:
        """Protect a move below an object that does not leave its place below the moved one; return whether it was marked."""
        for ref in element.move.risen if element.move else ():
            if self._moved[ref].protected:
                element.protected = f'protected because of {ref.model} "{ref.id}" below it'
        return bool(element.protected)

    def _hold_above(self, element: DiffElement) -> bool:
        why, marked = f'protected because of {element.type} "{element.uid}" below it', False
        place = None if element.move is None else element.move.before
        while place is not None:
            gone, above = self._deletes.get(place, (None, None))
            move = remaking(self._carried, place)
            holder = gone if gone is not None else move
            if holder is not None and holder is not element and not holder.protected:
                holder.protected, holder.spared, marked = why, holder is gone, True
            place = above if gone is not None else self._carried[place].place if place in self._carried else None
        return marked

    def _reason(self, element: DiffElement, action: DSyncAction | None) -> str:
        if action is None:
            return ""
        reason = _reason(element, action, self._selectors, self._models)
        if reason or action != DSyncAction.MOVE or remaking(self._carried, _ref(element)) is not element:
            return reason
        for ref, one in self._carried.items():
            if remaking(self._carried, ref) is element:
                for step in (DSyncAction.DELETE, DSyncAction.CREATE):
                    reason = reason or _reason(one.element, step, self._selectors, self._models)
        return reason


def _ref(element: DiffElement) -> ObjectRef:
    return ObjectRef(element.type, element.uid)


def _is_renamed(element: DiffElement) -> bool:
    return element.move is not None and element.move.was is not None


def _named_after(diff: Diff) -> Iterator[tuple[DiffElement, DiffElement]]:
    """Yield each element that is renamed because one above it is, and that one."""
    todo: list[tuple[DiffElement, DiffElement | None]] = [(element, None) for element in diff.get_children()]
    while todo:
        element, leader = todo.pop()
        if element.move is not None and element.move.named_after and leader is not None:
            yield element, leader
        todo += [(child, element if _is_renamed(element) else leader) for child in element.get_children()]


def _hold_name(element: DiffElement, leader: DiffElement) -> bool:
    """Protect the rename of an object if one below it must keep its name; return whether it was marked."""
    if not element.protected or leader.protected:
        return False
    leader.protected = f'protected because of {element.type} "{element.before_uid}" below it'
    return True


def _deletes(diff: Diff) -> Iterator[tuple[DiffElement, ObjectRef | None]]:
    """Yield each element that is deleted, with its parent."""
    todo: list[tuple[DiffElement, ObjectRef | None]] = [(element, None) for element in diff.get_children()]
    while todo:
        element, above = todo.pop()
        if element.source_attrs is None:
            yield element, above
        todo += [(child, _ref(element)) for child in element.get_children()]


def _pairs(diff: Diff) -> list[tuple[DiffElement, DiffElement]]:
    """Return the two elements, delete and create, of each object that is moved by two changes."""
    gone, made = {}, {}
    for element in diff.walk():
        if element.source_attrs is None:
            gone[element.type, element.uid] = element
        elif element.dest_attrs is None:
            made[element.type, element.uid] = element
    return [(element, made[key]) for key, element in gone.items() if key in made]


def _hold_together(gone: DiffElement, made: DiffElement) -> bool:
    """Protect one half of a move if the other is protected; return whether anything was marked."""
    if gone.protected and not made.protected:
        made.protected = "protected: its delete in its old place is protected"
    elif made.protected and not gone.protected:
        gone.protected = "protected: its create in its new place is protected"
    else:
        return False
    return True


def _reason(element: DiffElement, action: DSyncAction, selectors: Sequence[Selector], models: Mapping[str, Any]) -> str:
    declared = declared_protection(element.type, action, models)
    if declared:
        return declared
    values = (element.source_attrs, element.keys), (element.dest_attrs, element.before_keys)
    sides = [None if attrs is None else {**keys, **attrs} for attrs, keys in values]
    names = dict.fromkeys((element.uid, element.before_uid))
    found = (selecting(selectors, element.type, uid, action, *sides) for uid in names)
    chosen = next((selector for selector in found if selector is not None), None)
    return "" if chosen is None else f"protected by {chosen.text(element.sensitive)}"
