# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The objects that are deleted and created again in a move that the system cannot make: the object and all objects below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..diff.diff import Carried
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.values import copied
from .change import Change, ref_of

_MOVE, _DELETE = DSyncAction.MOVE, DSyncAction.DELETE


def with_parts(changes: Sequence[Change], carried: Mapping[ObjectRef, Carried]) -> list[Change]:
    """Return the changes of a plan, with parts in the moves that need them.

    Args:
        changes: in the order in which they are made; not changed.
        carried: the objects that move or move along, according to the comparison.
    """
    below = _Below(changes, carried)
    found = []
    for change in changes:
        if change.action == _MOVE and not change.protected:
            if not carried[ref_of(change)].moves_itself and not change.cascade:
                change = replace(change, parts=tuple(below.parts(change)))
            below.put(ref_of(change), change.parent)
            below.made.add(ref_of(change))
        elif change.action == _DELETE and not change.protected:
            below.put(ref_of(change), None)
        elif change.action == DSyncAction.UPDATE and not change.protected:
            below.written.setdefault(ref_of(change), {}).update(change.after or {})
        found.append(change)
    return found


class _Below:
    """The objects that move, move along or are deleted, each below its parent at some point of a run.

    Attributes:
        made: the objects that were moved by then.
        written: object → the values that updates have set by then.
    """

    def __init__(self, changes: Sequence[Change], carried: Mapping[ObjectRef, Carried]) -> None:
        self._carried = carried
        self.made: set[ObjectRef] = set()
        self.written: dict[ObjectRef, dict[str, Any]] = {}
        self._deletes = {ref_of(change): change for change in changes if change.action == _DELETE}
        self._above: dict[ObjectRef, ObjectRef | None] = {}
        self._children: dict[ObjectRef, dict[ObjectRef, None]] = defaultdict(dict)
        for ref, one in carried.items():
            self.put(ref, one.place)
        for ref, change in self._deletes.items():
            self.put(ref, change.parent)

    def put(self, ref: ObjectRef, parent: ObjectRef | None) -> None:
        """Put an object below another one, or at the top level."""
        above = self._above.get(ref)
        if above is not None:
            self._children[above].pop(ref, None)
        self._above[ref] = parent
        if parent is not None:
            self._children[parent][ref] = None

    def parts(self, move: Change) -> Iterator[Change]:
        """Yield the parts of a move, parents first."""
        yield self._part(move, ref_of(move), move.parent, move.before_parent, move.after or {})
        todo = [(ref_of(move), child) for child in self._children[ref_of(move)]][::-1]
        while todo:
            parent, ref = todo.pop()
            before, after = self._names(move, parent)
            yield self._part(move, ref, after, before, {})
            todo += [(ref, child) for child in self._children[ref]][::-1]

    def _names(self, move: Change, ref: ObjectRef) -> tuple[ObjectRef, ObjectRef]:
        """Return what an object is called before and after a move in which it is deleted and created again."""
        one = self._carried.get(ref)
        if one is None or one.element.move is None or one.element.move.was is None:
            return ref, ref
        leader = self._leader(ref)
        old = ObjectRef(ref.model, one.element.before_uid)
        if leader in self.made:
            return ref, ref
        return (old, ref) if leader == ref_of(move) else (old, old)

    def _leader(self, ref: ObjectRef) -> ObjectRef:
        """Return the object by whose move another one is renamed: its own, or that of the one that it is named after."""
        one = self._carried[ref]
        while one.place is not None and one.place in self._carried and (one.element.move is None or one.element.move.named_after):
            ref = one.place
            one = self._carried[ref]
        return ref

    def _part(
        self, move: Change, ref: ObjectRef, parent: ObjectRef | None, before_parent: ObjectRef | None, new: dict[str, Any]
    ) -> Change:
        before_ids: dict[str, Any] = {}
        if ref in self._carried:
            one = self._carried[ref]
            sensitive, before = one.element.sensitive, {**(one.element.dest_attrs or {}), **self.written.get(ref, {})}
            after = {**before, **one.create_only, **new}
            ids, before_ids = one.element.keys, one.element.before_keys
        else:
            gone = self._deletes[ref]
            sensitive, before = gone.sensitive, {**(gone.before or {}), **self.written.get(ref, {})}
            after, ids = before, gone.ids
        was, name = self._names(move, ref)
        return Change(
            _MOVE,
            *name,
            dict(ids if name == ref else before_ids),
            copied(before),
            copied(after),
            parent,
            sensitive=sensitive,
            before_parent=before_parent,
            before_id=None if was == name else was.id,
            before_ids=None if was == name else dict(before_ids),
        )
