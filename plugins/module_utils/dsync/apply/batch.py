# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making changes of one model and action with one call of the model's batch method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..flags import DSyncAction
from ..model.model import Creation, DSyncModel, Moving, Snapshot, Updating
from ..model.values import copied
from ..plan.change import Change
from .failures import Failure
from .operations import existing, new_parent, parent_of_new, written
from .target import Target


class Bulk:
    """Changes of one model and action, passed to the model's batch method.

    Args:
        target: the dataset to change.
        kind: the model's class.
        action: the action.
    """

    def __init__(self, target: Target, kind: type[DSyncModel], action: DSyncAction) -> None:
        self._target, self._kind, self._action = target, kind, action
        self._before: dict[int, Snapshot] = {}

    def item(self, change: Change) -> Any:
        """Return the item for the batch method that represents a change. Raises Failure."""
        if self._action == DSyncAction.CREATE:
            parent = parent_of_new(self._target, change)
            return Creation(copied(change.ids), written(self._kind, change), parent)
        obj = existing(self._target, change)
        if self._action == DSyncAction.DELETE:
            return obj
        self._before[id(obj)] = Snapshot(obj)
        if self._action == DSyncAction.MOVE:
            return Moving(obj, new_parent(self._target, change), copied(change.ids), written(type(obj), change))
        return Updating(obj, written(type(obj), change))

    def make(self, items: Sequence[Any]) -> Sequence[Any]:
        """Call the method, and return its result for each item."""
        method = getattr(self._kind, f"{self._action.value}_many")
        made: Sequence[Any] = method(dsync=self._target, items=items)
        if len(made) != len(items):
            raise Failure(f"{self._action.value}_many() returned {len(made)} results for {len(items)} objects", maybe=True)
        return made

    def restore(self, item: Any) -> None:
        """Reset the fields of an object whose update failed."""
        if isinstance(item, (Updating, Moving)):
            self._before[id(item.obj)].restore()


Item = tuple[int, Any]
"""The place of a change in its batch, and the item that represents it for the batch method."""


class Trial:
    """Calls the batch method for items, each time only for those that have not succeeded or failed for good yet.

    Args:
        bulk: makes the call.
        items: the items; not changed.
        target: determines which exceptions are transient.

    Attributes:
        results: place → what the method returned for the item: an object, None, or an exception.
        waiting: the items without a result, or whose result is a transient exception.
    """

    def __init__(self, bulk: Bulk, items: Sequence[Item], target: Target) -> None:
        self._bulk, self._target = bulk, target
        self.results: dict[int, Any] = {}
        self.waiting = list(items)

    def __call__(self) -> str:
        """Make the call. Raises what the method raises, or the first transient exception that it returns."""
        if self.results:
            self.restore()
        made = self._bulk.make([item for _place, item in self.waiting])
        self.results.update((place, one) for (place, _item), one in zip(self.waiting, made))
        self.waiting = [(place, item) for place, item in self.waiting if self._may_pass(self.results[place])]
        if self.waiting:
            raise self.results[self.waiting[0][0]]
        return ""

    def _may_pass(self, made: Any) -> bool:
        return isinstance(made, Exception) and self._target.is_transient(made)

    def restore(self) -> None:
        """Reset the fields of the waiting items' objects that the method may have set."""
        for _place, item in self.waiting:
            self._bulk.restore(item)

    def is_refused_by(self, error: BaseException) -> bool:
        """Return whether the waiting items were refused as a whole by an exception that a call raised. If so, they have no results
        any more."""
        if any(error is one for one in self.results.values()):
            return False
        for place, _item in self.waiting:
            self.results.pop(place, None)
        return True
