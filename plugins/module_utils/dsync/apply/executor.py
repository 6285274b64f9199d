# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What the attempts of a run have in common: the target, the present names of objects, retries, and what must not be shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import cached_property

from .._util.redaction import Redactor
from ..exceptions import DSyncException
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..plan.change import Change, new_names, ref_of
from .conflicts import Conflict, Conflicts
from .failures import all_messages, explain, may_be_made
from .operations import keep_created
from .target import Target

Retry = Callable[[Callable[[], str]], str]
"""Calls a function, calls it again after a transient error, and returns or raises its last result."""

Hidden = Callable[[], Collection[str]]
"""Returns strings that must not be shown."""


class Executor:
    """Makes changes in one target.

    Args:
        target: the dataset to change.
        retry: calls each attempt, and calls it again after a transient error.
        hidden: returns strings that no message may contain; called if there is a message.
        goes_on: whether changes that do not depend on a failed one are still attempted.
        changes: all changes of the run; not changed.
        conflicts: the conflicts that creates among them may have.

    Attributes:
        names: the objects that the changes rename: old name → new name.
    """

    def __init__(
        self,
        target: Target,
        retry: Retry | None,
        hidden: Hidden | None,
        goes_on: bool,
        changes: Iterable[Change],
        conflicts: Conflicts,
    ) -> None:
        self.target, self.goes_on, self.conflicts = target, goes_on, conflicts
        self.names = new_names(changes)
        self._other_names = {**self.names, **{new: old for old, new in self.names.items()}}
        self.classes = target.models()
        self._retry, self._asked = retry, hidden
        self._in_bulk: dict[tuple[str, DSyncAction], bool] = {}

    @cached_property
    def hidden(self) -> Redactor:
        """Masks in a string what must not be shown."""
        return Redactor(() if self._asked is None else self._asked())

    def presentable(self, error: Exception, secrets: Callable[[], Collection[str]]) -> Exception:
        """Return an exception without secrets: the given one, or one with the same message, masked.

        Args:
            error: not changed.
            secrets: returns sensitive values as strings.
        """
        try:
            own, hidden = Redactor(secrets()), self.hidden
        except Exception:  # whatever a store raises that does not have them any more
            return DSyncException(type(error).__name__).with_traceback(error.__traceback__)
        whole = all_messages(error)
        if hidden.redact(own.redact(whole)) == whole:
            return error
        message = " ".join(hidden.redact(own.redact(explain(error))).split())
        return DSyncException(message).with_traceback(error.__traceback__)

    def in_bulk(self, change: Change) -> bool:
        """Return whether the model has a batch method for changes like this one."""
        known = self._in_bulk.get((change.model, change.action))
        if known is None:
            kind = self.classes.get(change.model)
            known = kind is not None and kind.overrides(f"{change.action.value}_many")
            self._in_bulk[change.model, change.action] = known
        return known and not change.cascade

    def conflict(self, change: Change, error: BaseException | None) -> Conflict | None:
        """Return the conflict because of which a change may have failed with an exception; None if there is none."""
        if error is None or not getattr(error, "rejected", False) or may_be_made(error) or self.target.is_transient(error):
            return None
        return self.conflicts.of(change)

    def located(self, change: Change) -> Change:
        """Return a change with the current names of its parents and its object, if some of them are renamed in the run."""
        if not self._other_names:
            return change
        parent, before = map(self._name_now, (change.parent, change.before_parent))
        here = self._name_now(ref_of(change)) if change.action == DSyncAction.UPDATE else None
        if (parent, before) == (change.parent, change.before_parent) and here in (None, ref_of(change)):
            return change
        return replace(change, id=change.id if here is None else here.id, parent=parent, before_parent=before)

    def _name_now(self, ref: ObjectRef | None) -> ObjectRef | None:
        other = None if ref is None or self.target.store.find(*ref) is not None else self._other_names.get(ref)
        return ref if other is None or self.target.store.find(*other) is None else other

    def trying(self, make: Callable[[], str]) -> str:
        """Call the function that makes a change, and call it again after a transient error."""
        return make() if self._retry is None else self._retry(make)

    def join(self, change: Change) -> None:
        """Add an existing object to its parent's children; the parent may have just been created."""
        obj = self.target.store.find(change.model, change.id)
        if obj is not None:
            keep_created(self.target, self.located(change), obj)
