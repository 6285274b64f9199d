# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What is deleted and created again when an object moves whose system cannot move it: the object and all that is below it then."""

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
    """Return the changes of a plan, those moves with their parts that need them.

    Args:
        changes: in the order in which they are made; not changed.
        carried: what the comparison knows of the objects that move or move along.
    """
    below = _Below(changes, carried)
    found = []
    for change in changes:
        if change.action == _MOVE and not change.protected:
            if not carried[ref_of(change)].moves_itself:
                change = replace(change, parts=tuple(below.parts(change)))
            below.put(ref_of(change), change.parent)
        elif change.action == _DELETE and not change.protected:
            below.put(ref_of(change), None)
        found.append(change)
    return found


class _Below:
    """The objects that move, move along or are deleted, each below its parent at some point of a run."""

    def __init__(self, changes: Sequence[Change], carried: Mapping[ObjectRef, Carried]) -> None:
        self._carried = carried
        self._deletes = {ref_of(change): change for change in changes if change.action == _DELETE}
        self._above: dict[ObjectRef, ObjectRef | None] = {}
        self._children: dict[ObjectRef, dict[ObjectRef, None]] = defaultdict(dict)
        for ref, one in carried.items():
            self.put(ref, one.place)
        for ref, change in self._deletes.items():
            self.put(ref, change.parent)

    def put(self, ref: ObjectRef, parent: ObjectRef | None) -> None:
        """Let an object be below another one, or below none, from now on."""
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
            yield self._part(move, ref, parent, parent, {})
            todo += [(ref, child) for child in self._children[ref]][::-1]

    def _part(
        self, move: Change, ref: ObjectRef, parent: ObjectRef | None, before_parent: ObjectRef | None, new: dict[str, Any]
    ) -> Change:
        if ref in self._carried:
            one = self._carried[ref]
            ids, sensitive, before = one.element.keys, one.element.sensitive, one.element.dest_attrs or {}
            after = {**before, **one.create_only, **new}
        else:
            gone = self._deletes[ref]
            ids, sensitive, before = gone.ids, gone.sensitive, gone.before or {}
            after = before
        return Change(
            _MOVE, *ref, dict(ids), copied(before), copied(after), parent, sensitive=sensitive, before_parent=before_parent
        )
