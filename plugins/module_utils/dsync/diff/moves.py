# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects that have another parent in the source than in the target: a comparison of trees finds each of them twice, and here the
two elements become one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..dataset.dataset import Dataset
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from .diff import Carried, Diff, DiffElement, Move, Tally


class _Place(NamedTuple):
    """Where an element of one side is in a diff: in which tree of siblings, and below which element."""

    element: DiffElement
    siblings: Diff
    above: _Place | None

    @property
    def parent(self) -> ObjectRef | None:
        return None if self.above is None else _ref(self.above.element)


def join_moves(diff: Diff, lone: Sequence[DiffElement], target: Dataset, tally: Tally, keep_unchanged: bool) -> None:
    """Make one element of the two of each object that the source has below another parent.

    The element is where the object is to be. It holds the attributes of both sides, and its ``move`` names both parents. What is
    below the object on both sides moves along: it is compared there, and is left out if it is unchanged. What only the target
    has below it is deleted from there. Elements of models with ``_moves = False`` stay as they are: one delete, one create.

    Args:
        diff: changed in place.
        lone: its elements of objects that are on one side only.
        target: the dataset that is to be changed; not changed.
        tally: the counts of the comparison; changed in place.
        keep_unchanged: whether elements without a difference stay.
    """
    created = {(element.type, element.uid) for element in lone if element.dest_attrs is None}
    if not any(element.source_attrs is None and (element.type, element.uid) in created for element in lone):
        return
    old, new = _lone(diff)
    classes = target.models()
    joined: dict[ObjectRef, tuple[_Place, _Place]] = {}
    for ref, place in new.items():
        may_move = ref in old and ref.model in classes and classes[ref.model]._moves
        if may_move and (old[ref].parent != place.parent or place.parent in joined):
            joined[ref] = old[ref], place
    if not joined:
        return
    for before, _after in joined.values():
        before.siblings.discard(before.element)
    roots: dict[ObjectRef, DiffElement] = {}
    for ref, (before, after) in joined.items():
        _join(before, after, _risen(before, after, joined), tally)
        root = roots[ref] = after.element if after.element.move or before.parent is None else roots[before.parent]
        if before.element.protected and not root.protected and not target.can_move(root.type):
            root.protected = before.element.protected
    if not all(target.can_move(model) for model in {root.type for root in roots.values()}):
        diff.carried = {ref: _carried(*places, classes[ref.model], target) for ref, places in joined.items()}
    if not keep_unchanged:
        for before, after in reversed([*joined.values()]):
            _prune(after)
            _prune(before.above)


def remaking(carried: Mapping[ObjectRef, Carried], ref: ObjectRef) -> DiffElement | None:
    """Return the element of the move in which an object is deleted and created again: its own, or that of an object above it; None
    where there is none.

    Args:
        carried: of the diff; not changed.
        ref: the object.
    """
    while ref in carried:
        one = carried[ref]
        if one.element.move is not None:
            return None if one.moves_itself else one.element
        if one.place is None:
            return None
        ref = one.place
    return None


def _lone(diff: Diff) -> tuple[dict[ObjectRef, _Place], dict[ObjectRef, _Place]]:
    """Return the elements of objects that only the target has at their place, and those that only the source has, parents first."""
    old: dict[ObjectRef, _Place] = {}
    new: dict[ObjectRef, _Place] = {}
    for place in _places(diff):
        if place.element.source_attrs is None:
            old[_ref(place.element)] = place
        elif place.element.dest_attrs is None:
            new[_ref(place.element)] = place
    return old, new


def _places(diff: Diff) -> Iterator[_Place]:
    todo: list[_Place] = [_Place(element, diff, None) for element in diff.get_children()][::-1]
    while todo:
        place = todo.pop()
        yield place
        below = [_Place(child, place.element.child_diff, place) for child in place.element.get_children()]
        todo += below[::-1]


def _ref(element: DiffElement) -> ObjectRef:
    return ObjectRef(element.type, element.uid)


def _risen(before: _Place, after: _Place, joined: Mapping[ObjectRef, tuple[_Place, _Place]]) -> tuple[ObjectRef, ...]:
    """Return the moving objects that are below an object before, and above it afterwards."""
    found = []
    above = after.above
    while above is not None:
        ref = _ref(above.element)
        if ref in joined:
            old, new = joined[ref]
            place = old.above if old.parent != new.parent else None
            while place is not None and place.element is not before.element:
                place = place.above
            found += [] if place is None else [ref]
        above = above.above
    return tuple(found)


def _join(before: _Place, after: _Place, risen: tuple[ObjectRef, ...], tally: Tally) -> None:
    gone, element = before.element, after.element
    element.add_attrs(dest=gone.dest_attrs)
    element.flags = gone.flags
    if before.parent != after.parent:
        element.move = Move(before.parent, after.parent, risen)
    else:
        element.protect_read_only()
    for child in [*gone.get_children()]:
        element.add_child(child)
    for key in ("create", "delete"):
        tally.count(element.type, key, -1)
    tally.count(element.type, element.action or "no-change")


def _carried(before: _Place, after: _Place, kind: type[DSyncModel], target: Dataset) -> Carried:
    source = after.element.source_attrs or {}
    create_only = {name: source[name] for name in kind._create_only if name in source}
    return Carried(after.element, before.parent, create_only, target.can_move(after.element.type))


def _prune(place: _Place | None) -> None:
    """Take an element out that says nothing any more, and then those above it that do not either."""
    while place is not None and place.element.action is None and next(place.element.get_children(), None) is None:
        if place.siblings.children.get(place.element.type, {}).get(place.element.name) is not place.element:
            return
        place.siblings.discard(place.element)
        place = place.above
