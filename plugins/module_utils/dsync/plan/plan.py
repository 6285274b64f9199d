# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A plan: the changes that bring the target in line with the source, frozen, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .._util.gc import relaxed_collector
from ..diff.diff import Diff, DiffElement
from ..flags import DSyncAction, DSyncModelFlags
from ..model.identity import ObjectRef
from ..model.placeholders import DigestedSecret, Lost
from ..model.values import copied
from .change import Change, ChangeKey, by_names_to_find
from .outcome import Verdict
from .uniqueness import handovers


class Plan:
    """An ordered list of changes.

    Attributes:
        changes: in the order in which they are made: parents before children, except deletes if a model asks for its
            natural order; a move after everything that its new place needs and before its old place is deleted; an object that
            refers to another is created after it and deleted before it (:mod:`.plan.ordering`).
        verdicts: outcomes of changes that need no attempt, as found by :func:`.guard.preparation.prepare`; None unless the plan
            was compared with its target.
        undoes: whether the changes reverse an earlier run, so that the source is not the desired state.
    """

    undoes: bool = False

    def __init__(self, changes: Iterable[Change] = (), verdicts: Mapping[ChangeKey, Verdict] | None = None) -> None:
        self.changes: tuple[Change, ...] = tuple(changes)
        self.verdicts = verdicts

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def unready(self, target: str, checked: bool) -> str:
        """Return why the plan cannot be applied, as a sentence that says what to do first; an empty string if it can.

        Args:
            target: the name of the dataset to change.
            checked: whether the plan was compared with it.
        """
        for change in self.changes:
            for one in (change, *change.parts):
                for name, value in (one.after or {}).items():
                    if isinstance(value, (DigestedSecret, Lost)) and not change.protected:
                        return (
                            f"{change!r} has no real value for {name}; "
                            f"apply the plan that prepare_plan(plan, source, {target}) returns"
                        )
        return ""

    @classmethod
    def from_diff(cls, diff: Diff) -> Plan:
        """Return the plan for a diff; the diff is not changed.

        Raises:
            ReferenceCycle: objects refer to one another in a cycle without an optional reference, or take unique
                values from one another in a cycle.
        """
        with relaxed_collector():
            moved = _moved(diff)
            changes = list(_ordered(diff, moved))
            moves = moved or any(change.action == DSyncAction.MOVE for change in changes)
            found = handovers(diff)
            if moves or diff.references is not None or found:
                from .ordering import arranged  # only here, since few plans need it

                changes = arranged(changes, diff.references, diff.carried, found)
            if diff.carried:
                from .parts import with_parts  # likewise

                changes = with_parts(changes, diff.carried)
            return cls(by_names_to_find(changes) if moves else changes)


class _Place(NamedTuple):
    """The place of an element in the tree: its parent, and the nearest changes above on which it depends."""

    parent: ObjectRef | None = None
    above: tuple[ChangeKey, ...] = ()
    cascade: bool = False


_Moved = frozenset[ObjectRef]
"""Objects that are deleted in one place of the tree and created in another, by two changes: those of models that do not move."""


def _ordered(diff: Diff, moved: _Moved) -> Iterator[Change]:
    """Yield all changes: first those that take moved objects out of their old place, then the others in the tree's order."""
    for element, parent in _leaving(diff, None, moved):
        yield from _changes(element, _Place(parent), frozenset())
    for element in diff.get_children():
        yield from _changes(element, _Place(), moved)


def _moved(diff: Diff) -> _Moved:
    created, deleted = set(), set()
    for element in diff.walk():
        if element.dest_attrs is None:
            created.add(_ref(element))
        elif element.source_attrs is None:
            deleted.add(_ref(element))
    return frozenset(created & deleted)


def _leaving(diff: Diff, parent: ObjectRef | None, moved: _Moved) -> Iterator[tuple[DiffElement, ObjectRef | None]]:
    """Yield (element, its parent) of each moved object at its old place; what moves along below it is not named again."""
    if not moved:
        return
    for element in diff.get_children():
        if element.source_attrs is None and _ref(element) in moved:
            yield element, parent
        else:
            yield from _leaving(element.child_diff, _ref(element), moved)


def _ref(element: DiffElement) -> ObjectRef:
    return ObjectRef(element.type, element.uid)


def _changes(element: DiffElement, place: _Place, moved: _Moved) -> Iterator[Change]:
    """Yield the changes of an element and of all below it, in order, without what left its old place already."""
    here, action = _ref(element), element.action
    if action is None:
        yield from _below(element, place._replace(parent=here), moved)
    elif action == DSyncAction.DELETE:
        if here not in moved:
            yield from _deletes(element, place, moved)
    else:
        left, diffs = (ChangeKey(DSyncAction.DELETE, *here),) if here in moved else (), element.get_attrs_diffs()
        if element.read_only and not element.protected:
            diffs = {sign: _writable(values, element.read_only) for sign, values in diffs.items()}
        if element.move is not None and element.move.along:
            yield _change(element, action, {sign: {} for sign in diffs}, place, place.above)
            if diffs["+"]:
                yield _change(element, DSyncAction.UPDATE, diffs, place, (ChangeKey(action, *here),))
        else:
            yield _change(element, action, diffs, place, place.above + left)
        alone = element.protected and action == DSyncAction.UPDATE  # what is below it does not wait for it
        if element.protected and action == DSyncAction.MOVE:
            below = _Place(here)  # it stays where it is
        else:
            below = place._replace(parent=here) if alone else _Place(here, (ChangeKey(action, *here),))
        yield from _below(element, below, moved)


def _writable(values: dict[str, Any], read_only: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in read_only}


def _deletes(element: DiffElement, place: _Place, moved: _Moved) -> Iterator[Change]:
    """Yield the deletes of an element and of all below it: the element first, unless its model asks for the natural order."""
    here, delete, diffs = _ref(element), DSyncAction.DELETE, element.get_attrs_diffs()
    place = place._replace(above=tuple(key for key in place.above if key.action != DSyncAction.MOVE))  # whether it moved or not
    takes_all = bool(element.flags & DSyncModelFlags.SKIP_CHILDREN_ON_DELETE)
    natural = bool(element.flags & DSyncModelFlags.NATURAL_DELETION_ORDER) and not takes_all and not place.cascade
    left: tuple[ChangeKey, ...] = ()
    if natural or takes_all:
        left = tuple(ChangeKey(delete, *_ref(gone)) for gone, _parent in _leaving(element.child_diff, here, moved))
    if natural:
        first = list(_below(element, place._replace(parent=here), moved))
        yield from first
        yield _change(element, delete, diffs, place, place.above + left + tuple(change.key for change in first))
    else:
        yield _change(element, delete, diffs, place, place.above + left, removes_children=takes_all)
        below = _Place(here, (ChangeKey(delete, *here),), place.cascade or takes_all)
        yield from _below(element, place._replace(parent=here) if element.protected else below, moved)


def _below(element: DiffElement, place: _Place, moved: _Moved) -> Iterator[Change]:
    for child in element.get_children():
        yield from _changes(child, place, moved)


def _change(
    element: DiffElement,
    action: DSyncAction,
    diffs: dict[str, dict[str, Any]],
    place: _Place,
    requires: tuple[ChangeKey, ...],
    removes_children: bool = False,
) -> Change:
    move = element.move if action == DSyncAction.MOVE else None
    was = None if move is None else move.was
    return Change(
        action=action,
        model=element.type,
        id=element.uid,
        ids=dict(element.keys),
        before=copied(diffs["-"]) if "-" in diffs else None,
        after=copied(diffs["+"]) if "+" in diffs else None,
        parent=place.parent,
        sensitive=element.sensitive,
        protected=element.protected,
        cascade=place.cascade or (move is not None and move.along),
        removes_children=removes_children,
        requires=requires,
        before_parent=None if move is None else move.before,
        before_id=None if was is None else was.uid,
        before_ids=None if was is None else dict(was.keys),
    )
