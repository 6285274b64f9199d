# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Moves and renames: objects that have another parent or name in the source than in the target. A comparison of trees finds each
of them twice; this module merges the two elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..dataset.dataset import Dataset
from ..model.identity import ObjectRef
from .diff import Carried, Diff, DiffElement, Move, Name, Tally


class Place(NamedTuple):
    """The place of an element of one side in a diff: its tree of siblings, and the element above it."""

    element: DiffElement
    siblings: Diff
    above: Place | None

    @property
    def parent(self) -> ObjectRef | None:
        """The object above, None at the top level."""
        return None if self.above is None else ref_of_element(self.above.element)


Lone = Mapping[ObjectRef, Place]
"""Objects of one side → their places."""


class Renamed(NamedTuple):
    """The counterpart in the target of an object that has another name there.

    Attributes:
        old: the object with its name in the target.
        named_after: whether the names differ only in the name of an object above it.
    """

    old: ObjectRef
    named_after: bool


def lone_places(diff: Diff) -> tuple[dict[ObjectRef, Place], dict[ObjectRef, Place]]:
    """Return the places of the objects that only the target has there, and of those that only the source has there; parents
    first."""
    old: dict[ObjectRef, Place] = {}
    new: dict[ObjectRef, Place] = {}
    for place in _places(diff):
        if place.element.source_attrs is None:
            old[ref_of_element(place.element)] = place
        elif place.element.dest_attrs is None:
            new[ref_of_element(place.element)] = place
    return old, new


def _places(diff: Diff) -> Iterator[Place]:
    todo: list[Place] = [Place(element, diff, None) for element in diff.get_children()][::-1]
    while todo:
        place = todo.pop()
        yield place
        below = [Place(child, place.element.child_diff, place) for child in place.element.get_children()]
        todo += below[::-1]


def ref_of_element(element: DiffElement) -> ObjectRef:
    """Return the object of an element."""
    return ObjectRef(element.type, element.uid)


def join_moves(
    diff: Diff, lone: tuple[Lone, Lone], renamed: Mapping[ObjectRef, Renamed], target: Dataset, tally: Tally, keep_unchanged: bool
) -> None:
    """Merge the two elements of each object that has another parent or name in the source.

    The merged element is in the new place. It has the attributes of both sides, and its ``move`` has both parents and the
    old name. Objects below it on both sides move along: they are compared there, and omitted if they are unchanged. Objects that
    only the target has below it are deleted from there. Elements of models with ``_moves = False`` are unchanged: one delete,
    one create.

    Args:
        diff: changed in place.
        lone: the result of :func:`lone_places`.
        renamed: the objects of the source that have another name in the target; none of a model with ``_moves = False``.
        target: the dataset to change; not changed here.
        tally: the counts of the comparison; changed in place.
        keep_unchanged: whether to keep elements without a difference.
    """
    joining = _Joining(lone, renamed, target)
    if joining.found:
        joining.join(diff, tally)
        if not keep_unchanged:
            for before, after in reversed([*joining.found.values()]):
                _prune(after)
                _prune(before.above)


class _Joining:
    """The objects that move, are renamed, or move along.

    Attributes:
        found: each of them, with its name in the source → its places in target and source, parents first.
    """

    def __init__(self, lone: tuple[Lone, Lone], renamed: Mapping[ObjectRef, Renamed], target: Dataset) -> None:
        self._renamed, self._target, self._classes = renamed, target, target.models()
        self._new_names = {one.old: ref for ref, one in renamed.items()}
        self.found: dict[ObjectRef, tuple[Place, Place]] = {}
        old, new = lone
        for ref, place in new.items():
            before = old.get(renamed[ref].old if ref in renamed else ref)
            if before is None or ref.model not in self._classes or not self._classes[ref.model]._moves:
                continue
            if ref in renamed or self._parent(before) != place.parent or place.parent in self.found:
                self.found[ref] = before, place

    def _parent(self, before: Place) -> ObjectRef | None:
        """Return the parent of an object in the target, with its name in the source."""
        parent = before.parent
        return parent and self._new_names.get(parent, parent)

    def join(self, diff: Diff, tally: Tally) -> None:
        """Merge the two elements of each object."""
        for before, _after in self.found.values():
            before.siblings.discard(before.element)
        roots: dict[ObjectRef, DiffElement] = {}
        for ref, (before, after) in self.found.items():
            above = roots.get(self._parent(before))  # type: ignore[arg-type]  # None is in no dict of objects
            move = self._move(ref, before, after, above)
            _join(before, after, move, tally)
            root = roots[ref] = after.element if (move and not move.along) or above is None else above
            if before.element.protected and not root.protected and not self._natively(root):
                root.protected = before.element.protected
        if not all(map(self._natively, roots.values())):
            diff.carried = {ref: self._carried(ref, *places) for ref, places in self.found.items()}

    def _move(self, ref: ObjectRef, before: Place, after: Place, above: DiffElement | None) -> Move | None:
        """Return how an object moves; None if it moves along and keeps its name. ``above`` is the object that moves it along."""
        place, renamed = self._parent(before), self._renamed.get(ref)
        if renamed is None:
            return Move(place, after.parent, self._risen(before, after)) if place != after.parent else None
        gone = before.element
        named_after = renamed.named_after and place == after.parent
        natively = by_itself(self._target, ref.model, True, True) and (above is None or self._natively(above))
        return Move(
            place,
            after.parent,
            self._risen(before, after),
            Name(gone.uid, gone.keys, gone.name),
            named_after,
            named_after and not natively,
        )

    def _natively(self, element: DiffElement) -> bool:
        """Return whether the system itself can move and rename an object as required."""
        move = element.move
        return move is None or by_itself(self._target, element.type, move.before != move.after, move.was is not None)

    def _risen(self, before: Place, after: Place) -> tuple[ObjectRef, ...]:
        """Return the moving objects that are below an object before the moves and above it afterwards."""
        found = []
        above = after.above
        while above is not None:
            ref = ref_of_element(above.element)
            if ref in self.found:
                old, new = self.found[ref]
                place = old.above if self._parent(old) != new.parent else None
                while place is not None and place.element is not before.element:
                    place = place.above
                found += [] if place is None else [ref]
            above = above.above
        return tuple(found)

    def _carried(self, ref: ObjectRef, before: Place, after: Place) -> Carried:
        kind = self._classes[ref.model]
        source = after.element.source_attrs or {}
        create_only = {name: source[name] for name in kind._create_only if name in source}
        return Carried(after.element, self._parent(before), create_only, self._natively(after.element))


def by_itself(target: Dataset, model: str, moved: bool, renamed: bool) -> bool:
    """Return whether the target itself can give an object of a model another parent, another name, or both."""
    return (not moved or target.can_move(model)) and (not renamed or target.can_rename(model))


def remaking(carried: Mapping[ObjectRef, Carried], ref: ObjectRef) -> DiffElement | None:
    """Return the element of the move in which an object is deleted and created again: its own, or that of an object above it; None
    if there is none.

    Args:
        carried: ``carried`` of the diff; not changed.
        ref: the object.
    """
    while ref in carried:
        one = carried[ref]
        if one.element.move is not None and not one.element.move.along:
            return None if one.moves_itself else one.element
        if one.place is None:
            return None
        ref = one.place
    return None


def _join(before: Place, after: Place, move: Move | None, tally: Tally) -> None:
    gone, element = before.element, after.element
    element.add_attrs(dest=gone.dest_attrs)
    element.flags = gone.flags
    element.move = move
    element.kept = {**element.kept, **gone.kept}
    element.read_only |= gone.read_only
    if gone.compared is not None:
        element.compared = gone.compared if element.compared is None else element.compared & gone.compared
    if move is None:
        element.protect_read_only()
    for child in [*gone.get_children()]:
        element.add_child(child)
    for key in ("create", "delete"):
        tally.count(element.type, key, -1)
    tally.count(element.type, element.action or "no-change")


def _prune(place: Place | None) -> None:
    """Remove an element without any differences, and then such elements above it."""
    while place is not None and place.element.action is None and next(place.element.get_children(), None) is None:
        if place.siblings.children.get(place.element.type, {}).get(place.element.name) is not place.element:
            return
        place.siblings.discard(place.element)
        place = place.above
