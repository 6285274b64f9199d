# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Moving or renaming an object in a system that can do neither: it is deleted with all objects below it, and immediately created
again. If that is refused, all of them are created again in the old place, with the old name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..dataset.tree import children_of, parents_of
from ..flags import DSyncAction, DSyncModelFlags
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..plan.change import Change, ref_of
from ..plan.outcome import Outcome, OutcomeStatus
from .target import Target

Make = Callable[[Change], Outcome]
"""Makes one create or delete, updates the dataset accordingly, and returns the outcome."""


class _Refused(Exception):
    """A create or delete was not made.

    Attributes:
        outcome: how it ended.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class Remake:
    """The deletes and creates of one move.

    Args:
        target: the dataset to change.
        move: a move with parts; not changed.
        make: makes one create or delete.
    """

    def __init__(self, target: Target, move: Change, make: Make) -> None:
        self._target, self._move, self._make = target, move, make
        self._deleted: list[Change] = []
        self._created: list[Change] = []
        self._lacks_it = False  # whether an earlier run, which was killed, has deleted the object

    @property
    def begun(self) -> bool:
        """Whether a delete or create was made that has not been reverted."""
        return bool(self._deleted or self._created)

    def outcome(self) -> Outcome:
        """Move the object, or finish the move of an earlier interrupted run, and return the outcome."""
        self._lacks_it = self._find(self._move.before_ref) is None and self._find(ref_of(self._move)) is None
        try:
            if not self._has_arrived():
                for part in [*self._leaving(self._move.parts[0])]:
                    self._delete(_as_before(part))
            for part in self._move.parts:
                if self._find(ref_of(part)) is None:
                    self._create(part)
                    self._created.append(part)
                self._link(part, part.parent)
        except _Refused as refused:
            return self._failed(refused.outcome)
        return Outcome(self._move, OutcomeStatus.DONE)

    def put_back(self) -> None:
        """Delete the objects that were created in the new place, and create the deleted ones again in the old place.

        Raises:
            _Refused: a create or delete was not made.
        """
        while self._created:
            part = self._created[-1]
            self._delete(part)
            self._created.pop()
        for part in map(_as_before, self._move.parts):
            if self._find(ref_of(part)) is None:
                kind = self._target.models()[part.model]
                lacking = {name for name in kind._create_only if (part.before or {}).get(name) is None}
                first = {name: value for name, value in (part.after or {}).items() if name in lacking}
                self._create(replace(part, after={**(part.before or {}), **first}))
            self._link(part, part.parent)
        self._deleted.clear()

    def _failed(self, step: Outcome) -> Outcome:
        """Revert all steps after one that was refused, and return the outcome of the move."""
        ended = replace(step, change=self._move)
        if step.maybe or not isinstance(step.error or Exception(), (Exception, SystemExit)):
            return replace(ended, maybe=True)
        if not self.begun and not self._lacks_it:
            return ended
        try:
            self.put_back()
        except _Refused as refused:
            message = f"{step.message}; and it could not be restored in its old place: {refused.outcome.message}"
            return replace(ended, message=message, maybe=True)
        return replace(ended, message=f"{step.message}; it was restored in its old place")

    def _find(self, ref: ObjectRef) -> DSyncModel | None:
        return self._target.store.find(*ref)

    def _lists(self, parent: ObjectRef | None, ref: ObjectRef) -> bool:
        obj = None if parent is None else self._find(parent)
        return obj is not None and ref in children_of(obj)

    def _has_arrived(self) -> bool:
        """Return whether an earlier run created the object in its new place already."""
        ref, move = ref_of(self._move), self._move
        if self._find(ref) is None:
            return False
        if move.before_id is not None:
            return True
        if move.parent is None:
            return not self._lists(move.before_parent, ref)
        return self._lists(move.parent, ref)

    def _leaving(self, part: Change) -> Iterator[Change]:
        """Yield the parts to delete, in order: an object before those below it, unless its model asks for the
        natural order; nothing below an object whose children are deleted with it."""
        ref, obj = part.before_ref, self._find(part.before_ref)
        flags = DSyncModelFlags.NONE if obj is None else obj.model_flags
        below = [child for child in self._move.parts[1:] if child.before_parent == ref]
        if flags & DSyncModelFlags.SKIP_CHILDREN_ON_DELETE:
            below = []
        natural = bool(flags & DSyncModelFlags.NATURAL_DELETION_ORDER)
        if obj is not None and not natural:
            yield part
        for child in below:
            yield from self._leaving(child)
        if obj is not None and natural:
            yield part

    def _delete(self, part: Change) -> None:
        obj = self._find(ref_of(part))
        takes_all = obj is not None and bool(obj.model_flags & DSyncModelFlags.SKIP_CHILDREN_ON_DELETE)
        self._made(replace(_step(part), action=DSyncAction.DELETE, after=None, removes_children=takes_all))
        self._deleted.append(part)

    def _create(self, part: Change) -> None:
        self._made(replace(_step(part), action=DSyncAction.CREATE, before=None))

    def _made(self, change: Change) -> None:
        outcome = self._make(change)
        if outcome.status != OutcomeStatus.DONE:
            raise _Refused(outcome)

    def _link(self, part: Change, parent: ObjectRef | None) -> None:
        """Add an existing object to its parent's children; the parent may have been created again without it."""
        obj, above = self._find(ref_of(part)), None if parent is None else self._find(parent)
        if obj is None or above is None or ref_of(part) in children_of(above):
            return
        if parents_of(self._target, {part.model}).get(ref_of(part)) is None:
            above.add_child(obj)
            self._target.update(above)


def _as_before(part: Change) -> Change:
    """Return a part with the name and the place of its object before the move."""
    ids = part.ids if part.before_ids is None else part.before_ids
    return replace(_step(part), id=part.before_ref.id, ids=ids, parent=part.before_parent)


def _step(part: Change) -> Change:
    """Return a part without the properties that only moves have."""
    return replace(part, before_parent=None, before_id=None, before_ids=None)
