# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making one change, or a batch of one kind, in the remote system, and updating the dataset accordingly.

:meth:`Attempt.make` may run in any thread; the dataset is updated (:meth:`Attempt.outcomes`) in the thread that applies the plan.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from .._util.redaction import Redactor
from ..diff.moves import by_itself
from ..flags import DSyncAction
from ..model.model import DSyncModel
from ..plan.change import Change, ChangeKey, secrets_of
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.result import PAST, cause_of
from ..plan.together import units_of
from .batch import Bulk, Item, Trial
from .executor import Executor
from .failures import Failure, all_messages, explain, may_be_made
from .operations import KEEPERS, MAKERS, checked, status_message
from .remake import Remake
from .renaming import rename_below
from .together import make_together

logger = logging.getLogger("dsync")


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


class _Once:
    """Makes one change each time that it is called.

    Attributes:
        made: the object that the last call made, as :class:`_AttemptResult` has it.
    """

    def __init__(self, executor: Executor, change: Change) -> None:
        self._executor, self._change = executor, change
        self.made: DSyncModel | None = None

    def __call__(self) -> str:
        """Make the change, and return the message of the adapter."""
        self.made = None
        change = self._executor.located(self._change)
        self.made = MAKERS[change.action](self._executor.target, self._executor.classes, change)
        return status_message(self.made, self._change)


class Attempt:
    """An attempt at changes that are made in one batch.

    Args:
        executor: makes the calls.
        changes: one change; or several of one model and action, whose model has a batch method; or those of a
            :class:`.plan.together.Unit`, or of several (:class:`.plan.together.Units`).
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
        self._units, self._settled = units_of(changes), settled

    @property
    def in_steps(self) -> bool:
        """Whether this is the move of an object whose system cannot move it, or changes that are made together or not at all. Then
        :meth:`make` updates the dataset after each of its steps, and must be called in the thread that applies the plan."""
        return bool(self._units) or self._is_remake()

    def _is_remake(self) -> bool:
        change = self.changes[0]
        if change.action != DSyncAction.MOVE or change.cascade or change.model not in self._executor.classes:
            return False
        return not by_itself(self._target, change.model, change.parent != change.before_parent, change.before_id is not None)

    def make(self) -> None:
        """Make the changes in the remote system. Exceptions are kept for :meth:`outcomes`; nothing is raised."""
        if self._units:
            for place, outcome in enumerate(make_together(self._units, self._steps, self._settled)):
                self._tried[place] = _AttemptResult(outcome=outcome)
        elif self._is_remake():
            self._tried[0] = self._remade(self.changes[0])
        elif self._executor.in_bulk(self.changes[0]):
            self._make_many()
        else:
            self._tried[0] = self._single(self.changes[0])

    def _single(self, change: Change) -> _AttemptResult:
        once = _Once(self._executor, change)
        try:
            said = self._executor.trying(once)
            return _AttemptResult(once.made, said)
        except BaseException as error:
            return _AttemptResult(once.made, error=error)

    def _remade(self, change: Change) -> _AttemptResult:
        if not change.parts:
            why = "the plan does not contain the objects to delete and create again; make a new plan from a comparison"
            return _AttemptResult(error=Failure(why))
        whole = self._executor.located(replace(change, parts=(self._executor.located(change.parts[0]), *change.parts[1:])))
        remake = Remake(self._target, whole, self._step)
        try:
            return _AttemptResult(outcome=replace(remake.outcome(), change=change))
        except BaseException as error:
            return _AttemptResult(error=error, maybe=remake.begun)

    def _step(self, change: Change) -> Outcome:
        """Make one create or delete of a move, and keep the dataset in step with it."""
        return self._steps([change])[0]

    def _steps(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Make one change of a unit, or one of each of several units, and keep the dataset in step with it."""
        attempt = Attempt(self._executor, changes, lambda: False)
        attempt.make()
        return [*attempt.outcomes()]

    def _make_many(self) -> None:
        bulk = Bulk(self._target, self._executor.classes[self.changes[0].model], self.changes[0].action)
        items: list[Item] = []
        for place, change in enumerate(self.changes):
            try:
                items.append((place, bulk.item(self._executor.located(change))))
            except Failure as failure:
                self._fail(failure, place)
        self._halve(bulk, items)

    def _fail(self, error: BaseException, *places: int) -> None:
        for place in places:
            self._tried[place] = _AttemptResult(error=error)
        again = all(self._executor.conflict(self.changes[place], error) is not None for place in places)
        if not isinstance(error, (Exception, SystemExit)) or not (self._executor.goes_on or again):
            self._halted = True

    def _halve(self, bulk: Bulk, items: Sequence[Item]) -> None:
        """Make changes in one batch, and in halves if they are refused as a whole."""
        if not items or self._halted or self._ends_here():
            return
        trial = Trial(bulk, items, self._target)
        try:
            self._executor.trying(trial)
        except BaseException as error:
            if trial.is_refused_by(error):
                self._refused(bulk, trial, error)
        for place, item in items:
            if place in trial.results:
                self._take(bulk, place, item, trial.results[place])

    def _refused(self, bulk: Bulk, trial: Trial, error: BaseException) -> None:
        """Split a rejected batch and retry each half, unless it has one item, the error is transient, or it may have been made.

        Fields of the objects that the method may have set are reset first.
        """
        trial.restore()
        items = trial.waiting
        middle = len(items) // 2
        if middle and isinstance(error, Exception) and not self._target.is_transient(error) and not may_be_made(error):
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
            obj = checked(made, self._executor.located(change))
            self._tried[place] = _AttemptResult(obj, status_message(obj, change), undo=partial(bulk.restore, item))
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
                KEEPERS[change.action](self._target, self._executor.located(change), tried.made)
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
        message = type(error).__name__ if cleaned is None else " ".join(cleaned(explain(error)).split())
        if not isinstance(error, (Exception, SystemExit)):
            message = f"it was interrupted ({message}), and may have been {PAST[change.action]} nevertheless"
        elif made is not None and not isinstance(error, Failure):
            message = f"it was {PAST[change.action]}, but {self._target.name} could not record that: {message}"
        logger.error('%s "%s" was not %s: %s', change.model, change.id, PAST[change.action], message)
        whole = all_messages(error)
        return Outcome(
            change,
            OutcomeStatus.FAILED,
            message,
            error=None if isinstance(error, Failure) else error,
            presentable=cleaned is not None and cleaned(whole) == whole,
            maybe=maybe or made is not None or not isinstance(error, Exception) or may_be_made(error),
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
