# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making one change, or a batch of one kind, in the remote system, and updating the dataset accordingly.

:meth:`Attempt.make` may run in any thread; the dataset is updated (:meth:`Attempt.outcomes`) in the thread that applies the plan.
"""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from .._util.pydantic import ValidationError
from .._util.redaction import Redactor
from ..dataset.tree import parents_of
from ..diff.moves import by_itself
from ..exceptions import DSyncException, ObjectAlreadyExists, ObjectNotFound
from ..flags import DSyncAction, DSyncStatus
from ..model.construction import problems_of
from ..model.identity import ObjectRef
from ..model.model import Creation, DSyncModel, Moving, Snapshot, Updating
from ..model.values import copied
from ..plan.change import Change, ChangeKey, new_names, ref_of, secrets_of
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.result import PAST, cause_of
from ..plan.together import Unit
from .conflicts import Conflict, Conflicts
from .remake import Remake
from .renaming import rename_below
from .target import Target
from .together import make_together

logger = logging.getLogger("dsync")

Retry = Callable[[Callable[[], str]], str]
"""Calls a function, calls it again after a transient error, and returns or raises its last result."""

Hidden = Callable[[], Collection[str]]
"""Returns strings that must not be shown."""


class _Failure(DSyncException):
    """A failed change, described by the library itself.

    Attributes:
        maybe: whether it may have been made nevertheless.
    """

    def __init__(self, message: str, maybe: bool = False) -> None:
        super().__init__(message)
        self.maybe = maybe


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
        """Takes out of a text what nobody may see."""
        return Redactor(() if self._asked is None else self._asked())

    def presentable(self, error: Exception, secrets: Callable[[], Collection[str]]) -> Exception:
        """Return an exception without secrets: the given one, or one with the same message, masked.

        Args:
            error: not changed.
            secrets: returns the texts of sensitive values.
        """
        try:
            own, hidden = Redactor(secrets()), self.hidden
        except Exception:  # whatever a store raises that does not tell them any more
            return DSyncException(type(error).__name__).with_traceback(error.__traceback__)
        whole = _whole(error)
        if hidden.redact(own.redact(whole)) == whole:
            return error
        message = " ".join(hidden.redact(own.redact(_explain(error))).split())
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
        if error is None or not getattr(error, "rejected", False) or _may_be_made(error) or self.target.is_transient(error):
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
            _keep_created(self.target, self.located(change), obj)


class _AttemptResult(NamedTuple):
    """The result of an attempt at one change.

    Attributes:
        made: the object that the remote system has now, or had; None if the change failed.
        said: the message of the adapter.
        error: the exception with which it failed.
        undo: resets the object to its earlier state; None if that is done.
        maybe: whether it may have been made, completely or partly, although it failed.
        outcome: the outcome, if the dataset has already been updated.
    """

    made: DSyncModel | None = None
    said: str = ""
    error: BaseException | None = None
    undo: Callable[[], None] | None = None
    maybe: bool = False
    outcome: Outcome | None = None


class Attempt:
    """An attempt at changes that are made in one batch.

    Args:
        executor: makes the calls.
        changes: one change; or several of one model and action, whose model has a batch method; or those of a
            :class:`.plan.together.Unit`.
        ends_here: called before each call; returns whether the run has ended in the meantime.
        settled: the outcomes of changes of a unit that are not attempted; not changed.
    """

    def __init__(
        self,
        executor: Executor,
        changes: Sequence[Change],
        ends_here: Callable[[], bool],
        settled: Mapping[ChangeKey, Outcome] = MappingProxyType({}),
    ) -> None:
        self.changes = changes
        self._executor, self._target, self._ends_here = executor, executor.target, ends_here
        self._tried: dict[int, _AttemptResult] = {}
        self._halted = False
        self._is_unit, self._settled = isinstance(changes, Unit), settled

    @property
    def in_steps(self) -> bool:
        """Whether this is the move of an object whose system cannot move it, or changes that are made together or not at all. Then
        :meth:`make` updates the dataset after each of its steps, and must be called in the thread that applies the plan."""
        return self._is_unit or self._is_remake()

    def _is_remake(self) -> bool:
        change = self.changes[0]
        if change.action != DSyncAction.MOVE or change.cascade or change.model not in self._executor.classes:
            return False
        return not by_itself(self._target, change.model, change.parent != change.before_parent, change.before_id is not None)

    def make(self) -> None:
        """Make the changes in the remote system. Exceptions are kept for :meth:`outcomes`; nothing is raised."""
        if self._is_unit:
            for place, outcome in enumerate(make_together(self.changes, self._step, self._settled)):
                self._tried[place] = _AttemptResult(outcome=outcome)
        elif self._is_remake():
            self._tried[0] = self._remade(self.changes[0])
        elif self._executor.in_bulk(self.changes[0]):
            self._make_many()
        else:
            self._tried[0] = self._single(self.changes[0])

    def _single(self, change: Change) -> _AttemptResult:
        obj: DSyncModel | None = None

        def make() -> str:
            nonlocal obj
            obj = None
            obj = _MAKERS[change.action](self._target, self._executor.classes, self._executor.located(change))
            return _status_message(obj, change)

        try:
            return _AttemptResult(error=None, said=self._executor.trying(make), made=obj)
        except BaseException as error:
            return _AttemptResult(error=error, made=obj)

    def _remade(self, change: Change) -> _AttemptResult:
        if not change.parts:
            why = "the plan does not contain the objects to delete and create again; make a new plan from a comparison"
            return _AttemptResult(error=_Failure(why))
        whole = self._executor.located(replace(change, parts=(self._executor.located(change.parts[0]), *change.parts[1:])))
        remake = Remake(self._target, whole, self._step)
        try:
            return _AttemptResult(outcome=replace(remake.outcome(), change=change))
        except BaseException as error:
            return _AttemptResult(error=error, maybe=remake.begun)

    def _step(self, change: Change) -> Outcome:
        """Make one change of several, or one create or delete of a move, and keep the dataset in step with it."""
        attempt = Attempt(self._executor, [change], lambda: False)
        attempt.make()
        return next(attempt.outcomes())

    def _make_many(self) -> None:
        bulk = Bulk(self._target, self._executor.classes[self.changes[0].model], self.changes[0].action)
        items: list[tuple[int, Any]] = []
        for place, change in enumerate(self.changes):
            try:
                items.append((place, bulk.item(self._executor.located(change))))
            except _Failure as failure:
                self._fail(failure, place)
        self._halve(bulk, items)

    def _fail(self, error: BaseException, *places: int) -> None:
        for place in places:
            self._tried[place] = _AttemptResult(error=error)
        again = all(self._executor.conflict(self.changes[place], error) is not None for place in places)
        if not isinstance(error, (Exception, SystemExit)) or not (self._executor.goes_on or again):
            self._halted = True

    def _halve(self, bulk: Bulk, items: Sequence[tuple[int, Any]]) -> None:
        """Make changes in one batch, and in halves if they are refused as a whole."""
        if not items or self._halted or self._ends_here():
            return
        results: dict[int, Any] = {}
        waiting = list(items)

        def make() -> str:
            if results:
                for _place, item in waiting:
                    bulk.restore(item)
            made = bulk.make([item for _place, item in waiting])
            results.update((place, one) for (place, _item), one in zip(waiting, made))
            waiting[:] = [(place, item) for place, item in waiting if self._may_pass(results[place])]
            if waiting:
                raise results[waiting[0][0]]
            return ""

        try:
            self._executor.trying(make)
        except BaseException as error:
            if not any(error is one for one in results.values()):
                for place, _item in waiting:
                    results.pop(place, None)
                self._refused(bulk, waiting, error)
        for place, item in items:
            if place in results:
                self._take(bulk, place, item, results[place])

    def _may_pass(self, made: Any) -> bool:
        return isinstance(made, Exception) and self._target.is_transient(made)

    def _refused(self, bulk: Bulk, items: Sequence[tuple[int, Any]], error: BaseException) -> None:
        """Split a rejected batch and retry each half, unless it has one item, the error is transient, or it may have been made.

        Fields of the objects that the method may have set are reset first.
        """
        for _place, item in items:
            bulk.restore(item)
        middle = len(items) // 2
        if middle and isinstance(error, Exception) and not self._target.is_transient(error) and not _may_be_made(error):
            self._halve(bulk, items[:middle])
            self._halve(bulk, items[middle:])
        else:
            self._fail(error, *(place for place, _item in items))

    def _take(self, bulk: Bulk, place: int, item: Any, made: Any) -> None:
        obj: DSyncModel | None = None
        change = self.changes[place]
        try:
            if isinstance(made, BaseException):
                raise made
            obj = _checked(made, self._executor.located(change))
            self._tried[place] = _AttemptResult(obj, _status_message(obj, change), undo=lambda: bulk.restore(item))
        except BaseException as error:
            self._fail(error, place)
            self._tried[place] = _AttemptResult(obj, error=error)
            bulk.restore(item)

    def outcomes(self) -> Iterator[Outcome]:
        """Update the dataset after the changes, and yield the outcome of each, in order."""
        for place, change in enumerate(self.changes):
            tried = self._tried.get(place)
            yield not_attempted(change) if tried is None else self._outcome(change, tried)

    def _outcome(self, change: Change, tried: _AttemptResult) -> Outcome:
        if tried.outcome is not None:
            return tried.outcome
        if tried.error is not None:
            return self._failure(change, tried.error, tried.made, tried.maybe)
        try:
            if tried.made is not None:
                _KEEPERS[change.action](self._target, self._executor.located(change), tried.made)
                if change.before_id is not None:
                    rename_below(self._target, tried.made, (change.before_id, change.before_ids or {}), self._executor.names)
            message = tried.said and self._executor.hidden.redact(tried.said)
        except BaseException as error:
            if tried.undo is not None:
                tried.undo()
            return self._failure(change, error, tried.made)
        logger.info('%s "%s" was %s', change.model, change.id, PAST[change.action])
        return Outcome(change, OutcomeStatus.DONE, "renamed together with its parent" if change.cascade else message)

    def _failure(self, change: Change, error: BaseException, made: DSyncModel | None, maybe: bool = False) -> Outcome:
        """Return the outcome of a change that failed, or after which the target's objects could not be updated."""
        cleaned = self._cleaning(change)
        message = type(error).__name__ if cleaned is None else " ".join(cleaned(_explain(error)).split())
        if not isinstance(error, (Exception, SystemExit)):
            message = f"it was interrupted ({message}), and may have been {PAST[change.action]} nevertheless"
        elif made is not None and not isinstance(error, _Failure):
            message = f"it was {PAST[change.action]}, but {self._target.name} could not record that: {message}"
        logger.error('%s "%s" was not %s: %s', change.model, change.id, PAST[change.action], message)
        whole = _whole(error)
        return Outcome(
            change,
            OutcomeStatus.FAILED,
            message,
            error=None if isinstance(error, _Failure) else error,
            presentable=cleaned is not None and cleaned(whole) == whole,
            maybe=maybe or made is not None or not isinstance(error, Exception) or _may_be_made(error),
        )

    def _cleaning(self, change: Change) -> Callable[[str], str] | None:
        """Return the redactor of an object's secrets; None if the store can no longer provide them."""
        try:
            secrets, hidden = secrets_of(change, self._target.store.find(change.model, change.id)), self._executor.hidden
        except Exception:
            return None
        return lambda text: hidden.redact(Redactor(secrets).redact(text))


def not_attempted(change: Change, interruption: BaseException | None = None) -> Outcome:
    """Return the outcome of a change after the run has stopped or was interrupted."""
    why = "stopped at an earlier failure" if interruption is None else f"was interrupted ({cause_of(interruption)})"
    return Outcome(change, OutcomeStatus.NOT_ATTEMPTED, f"the run {why}")


def _may_be_made(error: BaseException) -> bool:
    """Return whether a change that failed may have been made nevertheless, according to the exception."""
    return bool(getattr(error, "maybe", False))


def _whole(error: BaseException) -> str:
    """Return the messages of an exception and of its causes."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=0))


def _explain(error: BaseException) -> str:
    """Return a message about what went wrong; it may contain sensitive values."""
    if isinstance(error, ValidationError):
        return "; ".join(problems_of(error))
    if isinstance(error, DSyncException):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _written(kind: type[DSyncModel], change: Change) -> dict[str, Any]:
    """Return a copy of the attributes that a create or an update writes, which an adapter may keep or change."""
    return kind._declaration.as_declared(copied(kind._declaration.counted(change.action, change.after or {})))


def _checked(obj: Any, change: Change) -> DSyncModel:
    """Return the result of create, update, move or delete if it means that the change was made."""
    if obj is None:
        raise _Failure(f"{change.action}() returned None")
    if not isinstance(obj, DSyncModel) or obj.get_type() != change.model:
        kind = type(obj).__name__
        raise _Failure(f"{change.action}() returned a {kind}, not the {change.model} object")
    if obj.get_unique_id() == change.before_id:
        obj.move_base(copied(change.ids), {})
    if obj.get_unique_id() != change.id:
        raise _Failure(f"{change.action}() returned another object: {obj!r}")
    status, message = obj.get_status()
    if status in (DSyncStatus.FAILURE, DSyncStatus.ERROR):
        raise _Failure(message or f"the object's status is {status.value}")
    obj.set_status(DSyncStatus.SUCCESS, message)
    return obj


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
        """Return the item for the batch method that represents a change. Raises _Failure."""
        if self._action == DSyncAction.CREATE:
            parent = _parent_of_new(self._target, change)
            return Creation(copied(change.ids), _written(self._kind, change), parent)
        obj = _existing(self._target, change)
        if self._action == DSyncAction.DELETE:
            return obj
        self._before[id(obj)] = Snapshot(obj)
        if self._action == DSyncAction.MOVE:
            return Moving(obj, _new_parent(self._target, change), copied(change.ids), _written(type(obj), change))
        return Updating(obj, _written(type(obj), change))

    def make(self, items: Sequence[Any]) -> Sequence[Any]:
        """Call the method, and return its result for each item."""
        method = getattr(self._kind, f"{self._action.value}_many")
        made: Sequence[Any] = method(dsync=self._target, items=items)
        if len(made) != len(items):
            raise _Failure(f"{self._action.value}_many() returned {len(made)} results for {len(items)} objects", maybe=True)
        return made

    def restore(self, item: Any) -> None:
        """Reset the fields of an object whose update failed."""
        if isinstance(item, (Updating, Moving)):
            self._before[id(item.obj)].restore()


def _parent_of_new(target: Target, change: Change) -> DSyncModel | None:
    """Return the parent of an object to create, None at the top level. Raises _Failure if the object cannot be created."""
    if target.store.find(change.model, change.id) is not None:
        place = parents_of(target, [change.model]).get(ObjectRef(change.model, change.id))
        where = "" if place == change.parent else f" {_below(place)}, not {_below(change.parent)}"
        raise _Failure(f"{target.name} has it already{where}")
    return _new_parent(target, change)


def _below(place: ObjectRef | None) -> str:
    return "at the top level" if place is None else f'below {place.model} "{place.id}"'


def _new_parent(target: Target, change: Change) -> DSyncModel | None:
    """Return the new parent of an object, None at the top level. Raises _Failure if it does not exist."""
    parent = _parent(target, change)
    if parent is None and change.parent is not None:
        raise _Failure(f'{target.name} has no {change.parent.model} "{change.parent.id}", which would be its parent')
    return parent


def _create(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    if change.model not in classes:
        raise _Failure(f'{target.name} has no model "{change.model}"')
    _parent_of_new(target, change)
    made = classes[change.model].create(dsync=target, ids=copied(change.ids), attrs=_written(classes[change.model], change))
    return _checked(made, change)


def _keep_created(target: Target, change: Change, obj: DSyncModel) -> None:
    kept, _added = target.get_or_add_model_instance(obj)
    if kept is not obj:
        raise _Failure(f"create() returned {obj!r}, and {target.name} has another object of that identity already")
    parent = _parent(target, change)
    if parent is not None:
        try:
            parent.add_child(obj)
        except ObjectAlreadyExists:
            logger.debug('%s "%s" is a child of its parent already', change.model, change.id)
        target.update(parent)


def _update(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    obj = _existing(target, change)
    before = Snapshot(obj)
    try:
        return _checked(obj.update(attrs=_written(type(obj), change)), change)
    except BaseException:
        before.restore()
        raise


def _keep_updated(target: Target, change: Change, obj: DSyncModel) -> None:
    target.update(obj)


def _move(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    obj, parent = _existing(target, change), _new_parent(target, change)
    before = Snapshot(obj)
    try:
        if change.cascade:
            return _checked(obj.move_base(copied(change.ids), {}), change)
        return _checked(obj.move(parent, copied(change.ids), _written(type(obj), change)), change)
    except BaseException:
        before.restore()
        raise


def _keep_moved(target: Target, change: Change, obj: DSyncModel) -> None:
    old, new = (None if ref is None else target.store.find(*ref) for ref in (change.before_parent, change.parent))
    if change.before_id is not None:
        target.renamed(obj, change.before_id)
    if old is not None:
        with contextlib.suppress(ObjectNotFound):  # its own move() may have taken it out already
            old.remove_child_id(obj, change.before_ref.id)
        target.update(old)
    if new is not None:
        with contextlib.suppress(ObjectAlreadyExists):
            new.add_child(obj)
        target.update(new)
    target.update(obj)


def _delete(target: Target, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    return _checked(_existing(target, change).delete(), change)


def _keep_deleted(target: Target, change: Change, obj: DSyncModel) -> None:
    parent = _parent(target, change)
    if parent is not None:
        with contextlib.suppress(ObjectNotFound):  # its own delete() may have taken it out already
            parent.remove_child(obj)
        target.update(parent)
    with contextlib.suppress(ObjectNotFound):
        target.remove(obj, remove_children=change.removes_children)


_MAKERS: dict[DSyncAction, Callable[[Any, dict[str, type[DSyncModel]], Change], DSyncModel]] = {
    DSyncAction.CREATE: _create,
    DSyncAction.UPDATE: _update,
    DSyncAction.MOVE: _move,
    DSyncAction.DELETE: _delete,
}
"""They make a change in the remote system."""

_KEEPERS: dict[DSyncAction, Callable[[Any, Change, DSyncModel], None]] = {
    DSyncAction.CREATE: _keep_created,
    DSyncAction.UPDATE: _keep_updated,
    DSyncAction.MOVE: _keep_moved,
    DSyncAction.DELETE: _keep_deleted,
}
"""They update the target's objects after a change that was made; they are never retried."""


def _existing(target: Target, change: Change) -> DSyncModel:
    obj = target.store.find(change.model, change.id if change.before_id is None else change.before_id)
    if change.before_id is not None:
        there = target.store.find(*ref_of(change))
        if obj is not None and there is not None:
            raise _Failure(f"{target.name} has another object of that name already")
        obj = obj or there
    if obj is None:
        raise _Failure(f"{target.name} has no such object any more")
    obj.set_status(DSyncStatus.UNKNOWN)
    return obj


def _parent(target: Target, change: Change) -> DSyncModel | None:
    return None if change.parent is None else target.store.find(*change.parent)


def _status_message(obj: DSyncModel, change: Change) -> str:
    """Return the message of the object's status, without sensitive values."""
    message = obj.get_status()[1]
    return Redactor(secrets_of(change, obj)).redact(message) if message else ""
