# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making one change, or many of one kind at once, in the remote system, and keeping the dataset in step with it.

Making (:meth:`Attempt.make`) may happen in any thread; what follows of it for the dataset (:meth:`Attempt.outcomes`) happens in the
thread that applies the plan.
"""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
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
from ..plan.change import Change, new_names, ref_of, secrets_of
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.result import PAST, cause_of
from ..plan.together import Unit
from .remake import Remake
from .target import Target
from .together import make_together

logger = logging.getLogger("dsync")

Retry = Callable[[Callable[[], str]], str]
"""Calls a function, again when it fails in a way that may pass, and returns or raises what it did last."""

Hidden = Callable[[], Collection[str]]
"""Returns texts that nobody may see."""


class _Failure(DSyncException):
    """Says in the library's own words why a change failed.

    Attributes:
        maybe: whether it may have been made all the same.
    """

    def __init__(self, message: str, maybe: bool = False) -> None:
        super().__init__(message)
        self.maybe = maybe


class Executor:
    """Makes changes in one target.

    Args:
        target: the dataset to change.
        retry: calls each attempt, again when it fails in a way that may pass.
        hidden: what no message may hold; called once there is a message.
        goes_on: whether what does not depend on a failed change is attempted all the same.
        changes: all changes of the run; not changed.
    """

    def __init__(
        self, target: Target, retry: Retry | None, hidden: Hidden | None, goes_on: bool, changes: Iterable[Change] = ()
    ) -> None:
        self.target, self.goes_on = target, goes_on
        names = new_names(changes)
        self._other_names = {**names, **{new: old for old, new in names.items()}}
        self.classes = target.models()
        self._retry, self._asked = retry, hidden
        self._in_bulk: dict[tuple[str, DSyncAction], bool] = {}

    @cached_property
    def hidden(self) -> Redactor:
        """Takes out of a text what nobody may see."""
        return Redactor(() if self._asked is None else self._asked())

    def presentable(self, error: Exception, secrets: Callable[[], Collection[str]]) -> Exception:
        """Return an exception that shows nothing that nobody may see: the given one, or else one that says the same, masked.

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
        """Return whether the model has a method that makes many changes like this one at once."""
        known = self._in_bulk.get((change.model, change.action))
        if known is None:
            kind = self.classes.get(change.model)
            known = kind is not None and kind.overrides(f"{change.action.value}_many")
            self._in_bulk[change.model, change.action] = known
        return known and not change.cascade

    def located(self, change: Change) -> Change:
        """Return a change with the names that its parents have now, and its object, where some of them are renamed in the run."""
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
        """Call what makes a change, again if it may pass."""
        return make() if self._retry is None else self._retry(make)

    def join(self, change: Change) -> None:
        """Let an object that is there already be a child of its parent, which may have been created just now."""
        obj = self.target.store.find(change.model, change.id)
        if obj is not None:
            _keep_created(self.target, self.located(change), obj)


class _AttemptResult(NamedTuple):
    """What an attempt at one change came to.

    Attributes:
        made: the object that the remote system has now, or had; None if the change failed.
        said: what the adapter said of it.
        error: why it failed.
        undo: sets the object at hand to what it was; None where that is done.
        maybe: whether it may have been made, wholly or by half, although it failed.
        outcome: how it ended, where the dataset is in step with it already.
    """

    made: DSyncModel | None = None
    said: str = ""
    error: BaseException | None = None
    undo: Callable[[], None] | None = None
    maybe: bool = False
    outcome: Outcome | None = None


class Attempt:
    """An attempt at changes that are made at one stroke.

    Args:
        executor: what they are made with.
        changes: one change; or several of one model and action, whose model has a method for that; or those of a
            :class:`.plan.together.Unit`.
        ends_here: asked before each call whether the run has ended meanwhile.
    """

    def __init__(self, executor: Executor, changes: Sequence[Change], ends_here: Callable[[], bool]) -> None:
        self.changes = changes
        self._executor, self._target, self._ends_here = executor, executor.target, ends_here
        self._tried: dict[int, _AttemptResult] = {}
        self._halted = False
        self._is_unit = isinstance(changes, Unit)

    @property
    def in_steps(self) -> bool:
        """Whether this is the move of an object whose system cannot move it, or changes that are made together or not at all. Then
        :meth:`make` keeps the dataset in step with each of its steps, and is to be called in the thread that applies the plan."""
        return self._is_unit or self._is_remake()

    def _is_remake(self) -> bool:
        change = self.changes[0]
        if change.action != DSyncAction.MOVE or change.cascade or change.model not in self._executor.classes:
            return False
        return not by_itself(self._target, change.model, change.parent != change.before_parent, change.before_id is not None)

    def make(self) -> None:
        """Make the changes in the remote system. Whatever goes wrong is kept for :meth:`outcomes`, and nothing is raised."""
        if self._is_unit:
            for place, outcome in enumerate(make_together(self.changes, self._step)):
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
            why = "the plan does not hold what is to be deleted and created again; make the plan anew, from a comparison"
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
        if not self._executor.goes_on or not isinstance(error, (Exception, SystemExit)):
            self._halted = True

    def _halve(self, bulk: Bulk, items: Sequence[tuple[int, Any]]) -> None:
        """Make changes at one stroke, in halves if they are refused as a whole."""
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
        """Make in halves the changes that were refused together, unless that would help nobody, or make something twice.

        What the method may have set in the objects is taken back before.
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
        """Keep the dataset in step with what was made, and yield how each change ended, in order."""
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
            message = tried.said and self._executor.hidden.redact(tried.said)
        except BaseException as error:
            if tried.undo is not None:
                tried.undo()
            return self._failure(change, error, tried.made)
        logger.info('%s "%s" was %s', change.model, change.id, PAST[change.action])
        return Outcome(change, OutcomeStatus.DONE, "renamed together with its parent" if change.cascade else message)

    def _failure(self, change: Change, error: BaseException, made: DSyncModel | None, maybe: bool = False) -> Outcome:
        """Return the outcome of a change that failed, be it only because the target's objects could not be kept in step with it."""
        cleaned = self._cleaning(change)
        message = type(error).__name__ if cleaned is None else " ".join(cleaned(_explain(error)).split())
        if not isinstance(error, (Exception, SystemExit)):
            message = f"it was interrupted ({message}), and may have been {PAST[change.action]} all the same"
        elif made is not None and not isinstance(error, _Failure):
            message = f"it was {PAST[change.action]}, but {self._target.name} could not take note of that: {message}"
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
        """Return what takes out of a text what nobody may see; None where the store does not tell it any more."""
        try:
            secrets, hidden = secrets_of(change, self._target.store.find(change.model, change.id)), self._executor.hidden
        except Exception:
            return None
        return lambda text: hidden.redact(Redactor(secrets).redact(text))


def not_attempted(change: Change, interruption: BaseException | None = None) -> Outcome:
    """Return the outcome of a change that comes after the run has stopped, or was interrupted."""
    why = "stopped at an earlier failure" if interruption is None else f"was interrupted ({cause_of(interruption)})"
    return Outcome(change, OutcomeStatus.NOT_ATTEMPTED, f"the run {why}")


def _may_be_made(error: BaseException) -> bool:
    """Return whether a change that failed may have been made all the same, as far as the exception tells."""
    return bool(getattr(error, "maybe", False))


def _whole(error: BaseException) -> str:
    """Return the texts of an exception and of those that led to it."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=0))


def _explain(error: BaseException) -> str:
    """Return a text that says what went wrong; it may hold sensitive values."""
    if isinstance(error, ValidationError):
        return "; ".join(problems_of(error))
    if isinstance(error, DSyncException):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _written(kind: type[DSyncModel], change: Change) -> dict[str, Any]:
    """Return the attributes that a create or an update writes, which an adapter may keep or change without touching the plan."""
    return copied(kind._declaration.counted(change.action, change.after or {}))


def _checked(obj: Any, change: Change) -> DSyncModel:
    """Return what create, update, move or delete returned, if it says that the change was made."""
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
    """Changes of one model and action, handed to the model's method for many at once.

    Args:
        target: the dataset to change.
        kind: the model's class.
        action: the action.
    """

    def __init__(self, target: Target, kind: type[DSyncModel], action: DSyncAction) -> None:
        self._target, self._kind, self._action = target, kind, action
        self._before: dict[int, Snapshot] = {}

    def item(self, change: Change) -> Any:
        """Return what the method is given for a change. Raises _Failure."""
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
        """Call the method, and return what it returned for each item."""
        method = getattr(self._kind, f"{self._action.value}_many")
        made: Sequence[Any] = method(dsync=self._target, items=items)
        if len(made) != len(items):
            raise _Failure(f"{self._action.value}_many() returned {len(made)} results for {len(items)} objects", maybe=True)
        return made

    def restore(self, item: Any) -> None:
        """Set the fields of an object whose update failed to what they were."""
        if isinstance(item, (Updating, Moving)):
            self._before[id(item.obj)].restore()


def _parent_of_new(target: Target, change: Change) -> DSyncModel | None:
    """Return the parent of an object that is to be created, None at the top level. Raises _Failure when it cannot be created."""
    if target.store.find(change.model, change.id) is not None:
        place = parents_of(target, [change.model]).get(ObjectRef(change.model, change.id))
        where = "" if place == change.parent else f" {_below(place)}, not {_below(change.parent)}"
        raise _Failure(f"{target.name} has it already{where}")
    return _new_parent(target, change)


def _below(place: ObjectRef | None) -> str:
    return "at the top level" if place is None else f'below {place.model} "{place.id}"'


def _new_parent(target: Target, change: Change) -> DSyncModel | None:
    """Return the object that is to be the parent of another one, None at the top level. Raises _Failure when it is not there."""
    parent = _parent(target, change)
    if parent is None and change.parent is not None:
        raise _Failure(f'{target.name} has no {change.parent.model} "{change.parent.id}", which is to be its parent')
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
"""They keep the target's objects in step with a change that was made; that is never tried again."""


def _existing(target: Target, change: Change) -> DSyncModel:
    obj = target.store.find(*change.before_ref)
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
    """Return what the object's status says, without sensitive values."""
    message = obj.get_status()[1]
    return Redactor(secrets_of(change, obj)).redact(message) if message else ""
