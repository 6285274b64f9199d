# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Applying a plan: the only place that calls create, update and delete."""

from __future__ import annotations

import contextlib
import copy
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ._pydantic import ValidationError
from .change import Change, ChangeKey
from .diff import Diff
from .exceptions import (
    DSyncException,
    ObjectAlreadyExists,
    ObjectCrudException,
    ObjectNotCreated,
    ObjectNotDeleted,
    ObjectNotFound,
    ObjectNotUpdated,
)
from .flags import DSyncAction, DSyncFlags, DSyncStatus
from .model import Creation, DSyncModel, Updating
from .outcome import Outcome, OutcomeStatus, Recorder, Verdict
from .plan import Plan
from .redact import Scrubber, scrub, secret_texts

if TYPE_CHECKING:
    from .adapter import DSync

logger = logging.getLogger("dsync")
logger.addHandler(logging.NullHandler())

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how many changes are done, and how many there are."""

Retry = Callable[[Callable[[], str]], str]
"""Calls a function, again when it fails in a way that may pass, and returns or raises what it did last."""

Hidden = Callable[[], Collection[str]]
"""Returns texts that nobody may see."""

CRUD_EXCEPTIONS: dict[DSyncAction, type[ObjectCrudException]] = {
    DSyncAction.CREATE: ObjectNotCreated,
    DSyncAction.UPDATE: ObjectNotUpdated,
    DSyncAction.DELETE: ObjectNotDeleted,
}
"""The exception that stands for the failure of each action."""

_MISSED = {"failed": "failed", "refused": "was refused", "not_attempted": "was not attempted"}
_PAST = {DSyncAction.CREATE: "created", DSyncAction.UPDATE: "updated", DSyncAction.DELETE: "deleted"}


@dataclass
class Result:
    """What became of a plan: one outcome for each change, in the plan's order.

    Attributes:
        outcomes: how every change ended.
        stopped: whether the run ended before every change had been attempted that could have been.
        interrupted: the exception that came from outside the changes (Ctrl-C, a callback) and ended the run.
        complete_error: the exception that the target's ``sync_complete`` raised.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    stopped: bool = False
    interrupted: BaseException | None = None
    complete_error: BaseException | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was really changed."""
        return any(outcome.status == OutcomeStatus.DONE for outcome in self.outcomes)

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes of the changes that failed: first those that failed by themselves, then those that were taken back."""
        failed = (outcome for outcome in self.outcomes if outcome.status == OutcomeStatus.FAILED)
        return sorted(failed, key=lambda outcome: outcome.taken_back)

    @property
    def counts(self) -> dict[str, int]:
        """How many changes ended with each status."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status.value: found[status] for status in OutcomeStatus}

    def raise_for_failure(self) -> None:
        """Raise what ended the run early, or what ``sync_complete`` raised.

        Raises:
            ObjectCrudException: the run stopped at a failure; its ``result`` is this object.
        """
        if self.interrupted is not None:
            raise self.interrupted
        if self.stopped:
            alone = [outcome for outcome in self.failures if not outcome.taken_back]
            raise _crud_exception((alone or self.failures)[-1], self)
        if self.complete_error is not None:
            raise self.complete_error


def _crud_exception(outcome: Outcome, result: Result) -> ObjectCrudException:
    """Return the exception that stands for a failed outcome; an adapter's own one is kept unless it shows a secret."""
    change, error = outcome.change, outcome.error if outcome.presentable else None
    if isinstance(error, ObjectCrudException):
        error.result = result
        return error
    raised = CRUD_EXCEPTIONS[change.action](f'{change.model} "{change.id}" was not {_PAST[change.action]}: {outcome.message}')
    raised.result = result
    raised.__cause__ = error
    return raised


def apply(
    plan: Plan,
    source: DSync,
    target: DSync,
    flags: DSyncFlags = DSyncFlags.NONE,
    diff: Diff | None = None,
    callback: Progress | None = None,
    *,
    verdicts: Mapping[ChangeKey, Verdict] | None = None,
    journal: Recorder | None = None,
    retry: Retry | None = None,
    hidden: Hidden | None = None,
) -> Result:
    """Make the changes of a plan in the target and return how each of them ended.

    What an object's own create, update or delete raises is recorded, never raised. Without CONTINUE_ON_FAILURE nothing more is
    attempted after the first failure; with it only what depends on a failed change is not attempted. When anything was
    changed, ``target.sync_complete`` is called, also after a failure, so that what is reported as done is written. A
    transactional target takes everything back instead when the run did not come to its end, and then nothing was done.

    Changes of models that have methods for many at once are handed to them in batches of the target's ``batch_size``, tier by
    tier of what requires what. A batch that is refused as a whole is halved until the changes to blame stand alone.

    Args:
        plan: the changes; not changed.
        source: handed to ``sync_complete``.
        target: the dataset to change; its objects are kept in step with what was done.
        flags: CONTINUE_ON_FAILURE and LOG_UNCHANGED_RECORDS matter here.
        diff: handed to ``sync_complete``; the plan's own diff, if there is one.
        callback: called as ``callback("sync", done, total)``, the last time with ``done == total``.
        verdicts: how changes end that are settled beforehand: they are not attempted.
        journal: told of each change before it is attempted, and of each outcome.
        retry: calls each attempt, again when it fails in a way that may pass.
        hidden: what no message may hold besides the sensitive values of the object at hand; called once there is a message.
    """
    run = _Run(target, flags, verdicts or {}, journal, retry, hidden)
    ended: dict[ChangeKey, Outcome] = {}
    interrupted: BaseException | None = None
    if diff is not None and flags & DSyncFlags.LOG_UNCHANGED_RECORDS:
        _log_unchanged(diff)
    try:
        for batch in batches(plan, target):
            outcomes = run.outcomes_of(batch)
            ended.update((outcome.change.key, outcome) for outcome in outcomes)
            if journal is not None and not target.transactional:
                journal.record(*outcomes)
            if run.interrupted is not None:
                break
            if callback is not None and len(ended) < len(plan):
                callback("sync", len(ended), len(plan))
    except BaseException as error:
        interrupted, callback = error, None
        ended.update((change.key, _cut_off(change, error)) for change in run.begun if change.key not in ended)
    interrupted = interrupted or run.interrupted
    left = f"the run was interrupted ({type(interrupted).__name__})"
    outcomes = [ended.get(change.key) or Outcome(change, OutcomeStatus.NOT_ATTEMPTED, left) for change in plan]
    result = Result(outcomes, run.stopped, interrupted)
    _complete(result, source, target, flags, diff)
    if journal is not None and target.transactional:
        journal.record(*result.outcomes)
    if callback is not None:
        callback("sync", len(plan), len(plan))
    return result


def batches(plan: Plan, target: DSync) -> Iterable[Sequence[Change]]:
    """Return the changes of a plan in the order in which they are to be made, those that are made at one stroke together.

    As long as the target takes one at a time that is the plan's own order. Else changes that wait for equally long rows of other
    changes are brought together by model and action.
    """
    if target.batch_size <= 1:
        return [[change] for change in plan]
    tiers: dict[ChangeKey, int] = {}
    groups: dict[tuple[int, str, DSyncAction], list[Change]] = {}
    for change in plan:
        tier = tiers[change.key] = 1 + max((tiers.get(key, 0) for key in change.requires), default=0)
        groups.setdefault((tier, change.model, change.action), []).append(change)
    ordered = [groups[key] for key in sorted(groups, key=lambda key: key[0])]
    size = target.batch_size
    return [group[start : start + size] for group in ordered for start in range(0, len(group), size)]


def _cut_off(change: Change, error: BaseException) -> Outcome:
    """Return the outcome of a change that was begun, and of which nobody knows how it ended."""
    message = f"it was interrupted ({type(error).__name__}), and may have been {_PAST[change.action]} all the same"
    return Outcome(change, OutcomeStatus.FAILED, message, error=error, presentable=False, maybe=True)


def _complete(result: Result, source: DSync, target: DSync, flags: DSyncFlags, diff: Diff | None) -> None:
    """Call the target's ``sync_complete`` if something was changed, keeping what it raises; or have it all taken back."""
    maybe = any(outcome.maybe for outcome in result.outcomes)
    if not result.changed and not (target.transactional and maybe):
        return
    kept = not (target.transactional and (result.stopped or result.interrupted is not None))
    try:
        if kept:
            target.sync_complete(source, diff if diff is not None else Diff(), flags, logger)
        else:
            target.roll_back()
            _take_back(result, "the run did not come to its end")
    except BaseException as error:
        result.complete_error = error
        if not isinstance(error, Exception):
            result.interrupted = result.interrupted or error
        if target.transactional:
            why = "the changes could not be kept" if kept else "the run did not come to its end"
            _take_back(result, why, sure=kept and not getattr(error, "maybe", False))
        logger.error("%s: sync_complete failed with %s", target.name, type(error).__name__)


def _take_back(result: Result, why: str, sure: bool = True) -> None:
    """Let no change count as done, since all of them were taken back; or, if that is not sure, may have been."""
    for place, outcome in enumerate(result.outcomes):
        if outcome.status == OutcomeStatus.DONE:
            message = f"it was taken back: {why}" if sure else f"it may have been taken back: {why}"
            result.outcomes[place] = Outcome(outcome.change, OutcomeStatus.FAILED, message, maybe=not sure, taken_back=True)
        elif outcome.maybe and sure:
            result.outcomes[place] = replace(outcome, maybe=False)


def _log_unchanged(diff: Diff) -> None:
    for element in diff.walk():
        if element.action is None:
            logger.debug('%s "%s": unchanged', element.type, element.uid)


class _Failure(DSyncException):
    """Says in the library's own words why a change failed."""


class _Settling:
    """Which changes end without being attempted: protected ones, those with a verdict, what depends on one that was not made."""

    def __init__(self, verdicts: Mapping[ChangeKey, Verdict]) -> None:
        self._verdicts = verdicts
        self._missed: dict[ChangeKey, OutcomeStatus] = {}

    def outcome_of(self, change: Change) -> Outcome | None:
        """Return how a change ends that is not to be attempted; None for one that is. To be asked in the plan's order."""
        if change.protected:
            return Outcome(change, OutcomeStatus.REFUSED, change.protected)
        verdict = self._verdicts.get(change.key)
        if verdict is not None:
            return Outcome(change, verdict.status, verdict.message)
        obstacle = next((key for key in change.requires if key in self._missed), None)
        if obstacle is None:
            return None
        how = _MISSED[self._missed[obstacle]]
        why = f'it depends on the {obstacle.action} of {obstacle.model} "{obstacle.id}", which {how}'
        return Outcome(change, OutcomeStatus.NOT_ATTEMPTED, why)

    def note(self, outcome: Outcome) -> None:
        """Take note of how a change ended."""
        if outcome.status not in (OutcomeStatus.DONE, OutcomeStatus.ALREADY_DONE):
            self._missed[outcome.change.key] = outcome.status


def foresee(plan: Plan, verdicts: Mapping[ChangeKey, Verdict] | None = None, why: str = "") -> tuple[list[Outcome], list[Change]]:
    """Return how every change would end, and which of them a run would make if none of them fails. No I/O.

    Args:
        plan: the changes; not changed.
        verdicts: as for :func:`apply`.
        why: the message of the outcomes of those that a run would make; their status is ``not_attempted``.
    """
    settling = _Settling(verdicts or {})
    outcomes, made = [], []
    for change in plan:
        outcome = settling.outcome_of(change)
        if outcome is None:
            made.append(change)
            outcome = Outcome(change, OutcomeStatus.NOT_ATTEMPTED, why)
        else:
            settling.note(outcome)
        outcomes.append(outcome)
    return outcomes, made


class _Run:
    """One run over a plan: which changes were made, and whether it has stopped.

    Attributes:
        begun: the last changes that were attempted.
        stopped: whether a failure has ended the run.
        interrupted: the exception from outside the changes that has.
    """

    def __init__(
        self,
        target: DSync,
        flags: DSyncFlags,
        verdicts: Mapping[ChangeKey, Verdict],
        journal: Recorder | None,
        retry: Retry | None,
        hidden: Hidden | None,
    ) -> None:
        self._target = target
        self._classes = target.models()
        self._journal, self._retry, self._asked = journal, retry, hidden
        self._goes_on = bool(flags & DSyncFlags.CONTINUE_ON_FAILURE)
        self._settling = _Settling(verdicts)
        self.begun: Sequence[Change] = ()
        self._made: DSyncModel | None = None
        self.stopped = False
        self.interrupted: BaseException | None = None

    @cached_property
    def _hidden(self) -> Scrubber:
        return Scrubber(() if self._asked is None else self._asked())

    def outcomes_of(self, batch: Sequence[Change]) -> list[Outcome]:
        """Attempt changes unless the run has stopped or something they depend on was not done; none of them requires another."""
        settled = {change.key: outcome for change in batch if (outcome := self._settled(change)) is not None}
        todo = [change for change in batch if change.key not in settled]
        if todo:
            if self._journal is not None:
                self._journal.intend(*todo)
            self.begun = todo
            many = self._in_bulk(todo[0])
            made = self._attempt_many(todo) if many else [self._attempt(change) for change in todo]
            settled.update((outcome.change.key, outcome) for outcome in made)
        outcomes = [settled[change.key] for change in batch]
        for outcome in outcomes:
            self._settling.note(outcome)
            if outcome.status == OutcomeStatus.ALREADY_DONE and outcome.change.action == DSyncAction.CREATE:
                self._join(outcome.change)
        return outcomes

    def _settled(self, change: Change) -> Outcome | None:
        """Return how a change ends that is not to be attempted now."""
        outcome = self._settling.outcome_of(change)
        if outcome is None and self._ends_here():
            return _not_attempted(change)
        if outcome is None and change.cascade:
            return Outcome(change, OutcomeStatus.DONE, "deleted together with its parent")
        return outcome

    def _ends_here(self) -> bool:
        return self.stopped or self.interrupted is not None

    def _in_bulk(self, change: Change) -> bool:
        kind = self._classes.get(change.model)
        return kind is not None and kind.overrides(f"{change.action.value}_many")

    def _join(self, change: Change) -> None:
        """Let an object that is there already be a child of its parent, which may have been created just now."""
        obj = self._target.store.find(change.model, change.id)
        if obj is not None:
            _keep_created(self._target, change, obj)

    def _attempt(self, change: Change) -> Outcome:
        if self._ends_here():
            return _not_attempted(change)
        make = partial(self._make, change)
        self._made = None
        try:
            message = make() if self._retry is None else self._retry(make)
            self._keep(change)
            message = message and self._hidden.scrub(message)
        except BaseException as error:
            return self._failed(change, error)
        return self._done(change, message)

    def _done(self, change: Change, message: str) -> Outcome:
        logger.info('%s "%s" was %s', change.model, change.id, _PAST[change.action])
        return Outcome(change, OutcomeStatus.DONE, message)

    def _failed(self, change: Change, error: BaseException) -> Outcome:
        """Note that a change failed, and return its outcome."""
        if isinstance(error, (Exception, SystemExit)):
            self.stopped = self.stopped or not self._goes_on
        else:
            self.interrupted = error
        return self._failure(change, error)

    # ------------------------------------------------------------------ many at once

    def _attempt_many(self, changes: Sequence[Change]) -> list[Outcome]:
        """Attempt changes of one model and action at one stroke; halve them when they are refused as a whole."""
        outcomes: dict[ChangeKey, Outcome] = {}
        bulk = Bulk(self._target, self._classes[changes[0].model], changes[0].action)
        items: list[tuple[Change, Any]] = []
        for change in changes:
            self._made = None
            try:
                items.append((change, bulk.item(change)))
            except _Failure as failure:
                outcomes[change.key] = self._failed(change, failure)
        self._halve(bulk, items, outcomes)
        return [outcomes[change.key] for change in changes]

    def _halve(self, bulk: Bulk, items: Sequence[tuple[Change, Any]], outcomes: dict[ChangeKey, Outcome]) -> None:
        if self._ends_here() or not items:
            outcomes.update((change.key, _not_attempted(change)) for change, _item in items)
            return
        found: list[Any] = []

        def make() -> str:
            found[:] = bulk.make([item for _change, item in items])
            return ""

        self._made = None
        try:
            make() if self._retry is None else self._retry(make)
        except BaseException as error:
            middle = len(items) // 2
            if middle and isinstance(error, Exception) and not self._target.is_transient(error):
                self._halve(bulk, items[:middle], outcomes)
                self._halve(bulk, items[middle:], outcomes)
            else:
                outcomes.update((change.key, self._failed(change, error)) for change, _item in items)
            return
        for (change, item), made in zip(items, found):
            outcomes[change.key] = self._one_of_many(bulk, change, item, made)

    def _one_of_many(self, bulk: Bulk, change: Change, item: Any, made: Any) -> Outcome:
        self._made = None
        try:
            if isinstance(made, BaseException):
                raise made
            obj = self._made = _checked(made, change)
            message = _said(obj, change)
            self._keep(change)
            message = message and self._hidden.scrub(message)
        except BaseException as error:
            bulk.restore(item)
            return self._failed(change, error)
        return self._done(change, message)

    def _make(self, change: Change) -> str:
        """Make a change in the remote system, and return what the adapter said of it."""
        self._made = _MAKERS[change.action](self._target, self._classes, change)
        return _said(self._made, change)

    def _keep(self, change: Change) -> None:
        if self._made is not None:
            _KEEPERS[change.action](self._target, change, self._made)

    def _failure(self, change: Change, error: BaseException) -> Outcome:
        """Return the outcome of a change that failed, be it only because the target's objects could not be kept in step with it."""
        cleaned = self._cleaning(change)
        message = type(error).__name__ if cleaned is None else " ".join(cleaned(_explain(error)).split())
        if self.interrupted is error:
            message = f"it was interrupted ({message}), and may have been {_PAST[change.action]} all the same"
        elif self._made is not None and not isinstance(error, _Failure):
            message = f"it was {_PAST[change.action]}, but {self._target.name} could not take note of that: {message}"
        logger.error('%s "%s" was not %s: %s', change.model, change.id, _PAST[change.action], message)
        whole = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=0))
        return Outcome(
            change,
            OutcomeStatus.FAILED,
            message,
            error=None if isinstance(error, _Failure) else error,
            presentable=cleaned is not None and cleaned(whole) == whole,
            maybe=self._made is not None or not isinstance(error, Exception) or bool(getattr(error, "maybe", False)),
        )

    def _cleaning(self, change: Change) -> Callable[[str], str] | None:
        """Return what takes out of a text what nobody may see; None where the store does not tell it any more."""
        try:
            secrets, hidden = secrets_of(change, self._target.store.find(change.model, change.id)), self._hidden
        except Exception:
            return None
        return lambda text: hidden.scrub(scrub(text, secrets))


def secrets_of(change: Change, obj: DSyncModel | None = None) -> set[str]:
    """Return the texts of all sensitive values that a change, or the object that it changes, holds."""
    sides = [side for side in (change.before, change.after) if side]
    values = [side[name] for side in sides for name in change.sensitive if name in side]
    if obj is not None:
        values.extend(getattr(obj, name, None) for name in obj.get_sensitive_fields())
    return secret_texts(values) | secret_texts((value for side in sides for value in side.values()), everything=False)


def _explain(error: BaseException) -> str:
    """Return a text that says what went wrong; it may hold sensitive values."""
    if isinstance(error, ValidationError):
        lines = error.errors(include_url=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, line['loc']))}: {line['msg']}" for line in lines)
    if isinstance(error, DSyncException):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _values(values: dict[str, Any] | None) -> dict[str, Any]:
    """Return a copy of attribute values that an adapter may keep or change without touching the plan."""
    return {name: copy.deepcopy(value) if isinstance(value, (list, dict, set)) else value for name, value in (values or {}).items()}


def _checked(obj: Any, change: Change) -> DSyncModel:
    """Return what create, update or delete returned, if it says that the change was made."""
    if obj is None:
        raise _Failure(f"{change.action}() returned None")
    if not isinstance(obj, DSyncModel) or obj.get_type() != change.model:
        kind = type(obj).__name__
        raise _Failure(f"{change.action}() returned a {kind}, not the {change.model} object")
    if obj.get_unique_id() != change.id:
        raise _Failure(f"{change.action}() returned another object: {obj!r}")
    status, message = obj.get_status()
    if status in (DSyncStatus.FAILURE, DSyncStatus.ERROR):
        raise _Failure(message or f"the object's status is {status.value}")
    obj.set_status(DSyncStatus.SUCCESS, message)
    return obj


def _not_attempted(change: Change) -> Outcome:
    return Outcome(change, OutcomeStatus.NOT_ATTEMPTED, "the run stopped at an earlier failure")


class Bulk:
    """Changes of one model and action, handed to the model's method for many at once.

    Args:
        target: the dataset to change.
        kind: the model's class.
        action: the action.
    """

    def __init__(self, target: DSync, kind: type[DSyncModel], action: DSyncAction) -> None:
        self._target, self._kind, self._action = target, kind, action
        self._before: dict[int, dict[str, Any]] = {}

    def item(self, change: Change) -> Any:
        """Return what the method is given for a change. Raises _Failure."""
        if self._action == DSyncAction.CREATE:
            parent = _parent_of_new(self._target, change)
            return Creation(_values(change.ids), _values(change.after), parent)
        obj = _existing(self._target, change)
        if self._action == DSyncAction.DELETE:
            return obj
        self._before[id(obj)] = _copy_of_fields(obj)
        return Updating(obj, _values(change.after))

    def make(self, items: Sequence[Any]) -> Sequence[Any]:
        """Call the method, and return what it returned for each item."""
        method = getattr(self._kind, f"{self._action.value}_many")
        made: Sequence[Any] = method(dsync=self._target, items=items)
        if len(made) != len(items):
            raise _Failure(f"{self._action.value}_many() returned {len(made)} results for {len(items)} objects")
        return made

    def restore(self, item: Any) -> None:
        """Set the fields of an object whose update failed to what they were."""
        if isinstance(item, Updating):
            item.obj.restore(self._before[id(item.obj)])


def _copy_of_fields(obj: DSyncModel) -> dict[str, Any]:
    return {**obj.__dict__, **_values({name: obj.__dict__[name] for name in obj._attributes})}


def _parent_of_new(target: DSync, change: Change) -> DSyncModel | None:
    """Return the parent of an object that is to be created, None at the top level. Raises _Failure when it cannot be created."""
    if target.store.find(change.model, change.id) is not None:
        raise _Failure(f"{target.name} has it already, in another place of the tree")
    parent = _parent(target, change)
    if parent is None and change.parent is not None:
        raise _Failure(f'{target.name} has no {change.parent.model} "{change.parent.id}", which is to be its parent')
    return parent


def _create(target: DSync, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    if change.model not in classes:
        raise _Failure(f'{target.name} has no model "{change.model}"')
    _parent_of_new(target, change)
    made = classes[change.model].create(dsync=target, ids=_values(change.ids), attrs=_values(change.after))
    return _checked(made, change)


def _keep_created(target: DSync, change: Change, obj: DSyncModel) -> None:
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


def _update(target: DSync, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    obj = _existing(target, change)
    before = _copy_of_fields(obj)
    try:
        return _checked(obj.update(attrs=_values(change.after)), change)
    except BaseException:
        obj.restore(before)
        raise


def _keep_updated(target: DSync, change: Change, obj: DSyncModel) -> None:
    target.update(obj)


def _delete(target: DSync, classes: dict[str, type[DSyncModel]], change: Change) -> DSyncModel:
    return _checked(_existing(target, change).delete(), change)


def _keep_deleted(target: DSync, change: Change, obj: DSyncModel) -> None:
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
    DSyncAction.DELETE: _delete,
}
"""They make a change in the remote system."""

_KEEPERS: dict[DSyncAction, Callable[[Any, Change, DSyncModel], None]] = {
    DSyncAction.CREATE: _keep_created,
    DSyncAction.UPDATE: _keep_updated,
    DSyncAction.DELETE: _keep_deleted,
}
"""They keep the target's objects in step with a change that was made; that is never tried again."""


def _existing(target: DSync, change: Change) -> DSyncModel:
    obj = target.store.find(change.model, change.id)
    if obj is None:
        raise _Failure(f"{target.name} has no such object any more")
    obj.set_status(DSyncStatus.UNKNOWN)
    return obj


def _parent(target: DSync, change: Change) -> DSyncModel | None:
    return None if change.parent is None else target.store.find(*change.parent)


def _said(obj: DSyncModel, change: Change) -> str:
    """Return what the object's status says, without sensitive values."""
    message = obj.get_status()[1]
    return scrub(message, secrets_of(change, obj)) if message else ""
