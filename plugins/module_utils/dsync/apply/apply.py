# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Applying a plan: the only place from which create, update, move and delete are called."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace

from .._util.redaction import collect_secrets
from ..diff.diff import Diff
from ..exceptions import NothingKept, PlanNotReady
from ..flags import DSyncAction, DSyncFlags
from ..plan.change import Change, ChangeKey, secrets_of
from ..plan.outcome import Outcome, OutcomeStatus, Recorder, Verdict
from ..plan.plan import Plan
from ..plan.result import PAST, Result, cause_of
from ..plan.together import Unit, Units, units_of
from .attempt import Attempt, not_attempted
from .conflicts import Conflicts
from .executor import Executor, Hidden, Retry
from .preview import MADE, SkipRules
from .scheduler import batches, run_parallel, run_serial
from .target import Target
from .together import DELETED_ALONG, is_half_made

logger = logging.getLogger("dsync")
logger.addHandler(logging.NullHandler())

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how many changes are done, and how many there are."""

Stop = Callable[[], "BaseException | None"]
"""Returns the reason to end the run, such as a signal, or None."""

HeldBack = Callable[[], AbstractContextManager[None]]
"""Returns a context manager in which no signal interrupts what is being done."""


def apply(
    plan: Plan,
    source: Target,
    target: Target,
    flags: DSyncFlags = DSyncFlags.NONE,
    diff: Diff | None = None,
    callback: Progress | None = None,
    *,
    verdicts: Mapping[ChangeKey, Verdict] | None = None,
    journal: Recorder | None = None,
    retry: Retry | None = None,
    hidden: Hidden | None = None,
    workers: int = 1,
    stop: Stop | None = None,
    held_back: HeldBack = nullcontext,
) -> Result:
    """Make the changes of a plan in the target and return the outcome of each.

    Exceptions of create, update, move and delete are recorded, never raised; so are those of the journal and the callback.
    Without CONTINUE_ON_FAILURE nothing more is attempted after the first failure; with it only the changes that depend on a failed
    one are not attempted. In either case an object that was deleted in its old place is still created in its new one. If anything
    was changed, ``target.sync_complete`` is called, also after a failure, so that everything reported as done is written. If a run
    did not complete, a transactional target rolls everything back instead, and nothing counts as done. If ``sync_complete`` of
    a transactional target raises, its changes may have been made, unless it raises :class:`NothingKept`.

    Changes of models with batch methods are passed to them in batches of the target's ``batch_size``, in tiers of dependencies.
    A batch that is refused as a whole is split in halves until the offending changes are isolated.

    Of changes that are made together or not at all (:mod:`.plan.together`), those that were made are undone when one is refused. A
    create that is refused, while an object that a later change deletes may be in its way (:mod:`.conflicts`), is attempted again
    together with that delete.

    With several workers, changes are made concurrently in threads, each as soon as the changes that it requires are done. The
    outcomes are those of one worker, except that after a failure that ends the run, attempts in progress are completed.

    Args:
        plan: the changes; not changed.
        source: passed to ``sync_complete``.
        target: the dataset to change; its objects are updated to match the changes that were made, in the calling thread.
        flags: CONTINUE_ON_FAILURE and LOG_UNCHANGED_RECORDS are used here.
        diff: passed to ``sync_complete``; the plan's own diff, if there is one.
        callback: called as ``callback("sync", done, total)``, the last time with ``done == total``.
        verdicts: outcomes of changes that are decided in advance and not attempted. Defaults to those of the plan.
        journal: records each change before it is attempted, and each outcome.
        retry: calls each attempt, and calls it again after a transient error.
        hidden: returns strings that no message may contain, in addition to the object's sensitive values; called if there is a
            message.
        workers: number of changes, or batches of them, that are made at the same time; above 1 only if the target is thread-safe.
        stop: called before each change; what it returns ends the run as if it had been raised between two changes.
        held_back: returns a context manager that defers signals, in which ``sync_complete`` or ``roll_back`` is called.

    Raises:
        PlanNotReady: the plan comes from a file and was not prepared; nothing was attempted.
        ValueError: ``workers`` is less than 1, or more and the target is not thread-safe.
    """
    verdicts = plan.verdicts if verdicts is None and isinstance(plan, Plan) else verdicts
    _check_ready(plan, target, verdicts is not None, workers)
    conflicts = Conflicts(plan.changes, target, verdicts or {})
    executor = Executor(target, retry, hidden, bool(flags & DSyncFlags.CONTINUE_ON_FAILURE), plan, conflicts)
    run = _Run(plan, executor, verdicts or {}, journal, stop)
    if diff is not None and flags & DSyncFlags.LOG_UNCHANGED_RECORDS:
        _log_unchanged(diff)
    result = _run_changes(run, plan, target, journal, callback, workers)
    _complete(result, source, executor, flags, diff, held_back)
    try:
        if journal is not None and target.transactional:
            journal.record(*result.outcomes)
        if callback is not None and not run.cut_off:
            callback("sync", len(plan), len(plan))
    except BaseException as error:
        result.interrupted = result.interrupted or error
    return result


def _check_ready(plan: Plan, target: Target, checked: bool, workers: int) -> None:
    """Refuse a run that must not start.

    Args:
        checked: whether verdicts on the plan's changes are known.

    Raises:
        PlanNotReady, ValueError: see :func:`apply`.
    """
    if workers < 1 or (workers > 1 and not target.thread_safe):
        raise ValueError(f"{workers} workers are not possible: {target.name} is not thread-safe" if workers > 1 else "no workers")
    if not isinstance(plan, Plan):
        raise PlanNotReady(
            "a plan from a file contains no real values; apply the plan that prepare_plan(plan, source, target) returns"
        )
    unready = plan.unready(target.name, checked)
    if unready:
        raise PlanNotReady(unready)


def _run_changes(
    run: _Run, plan: Plan, target: Target, journal: Recorder | None, callback: Progress | None, workers: int
) -> Result:
    """Attempt the changes of a plan, one by one or several at a time, and return the outcome of each. Never raises."""
    ended, interrupted = run.ended, None
    later = run.executor.conflicts.creates_first() if workers > 1 else {}
    ordered = batches(plan, run.executor.in_bulk, target.batch_size, workers, later)
    try:
        with closing(run_serial(run, ordered) if workers == 1 else run_parallel(run, ordered, workers, later)) as finished:
            for outcomes in finished:
                run.forget(outcomes)
                if journal is not None and not target.transactional:
                    journal.record(*outcomes)
                if callback is not None and len(ended) < len(plan) and run.interrupted is None:
                    callback("sync", len(ended), len(plan))
    except BaseException as error:
        interrupted, run.cut_off = error, True
        ended.update((change.key, _cut_off(change, error)) for change in run.begun.values() if change.key not in ended)
    interrupted = interrupted or run.interrupted
    left = "" if interrupted is None else f"the run was interrupted ({cause_of(interrupted)})"
    outcomes = [ended.get(change.key) or Outcome(change, OutcomeStatus.NOT_ATTEMPTED, left) for change in plan]
    return Result(outcomes, run.stopped, interrupted)


class _Run:
    """One run over a plan: which changes were made, and whether it has stopped.

    Attributes:
        begun: the changes whose attempts are in progress.
        ended: the outcomes of the others that were begun, and of those that were decided without an attempt.
        stopped: whether a failure has ended the run.
        interrupted: the exception from outside the changes that has ended the run.
        cut_off: whether an exception has ended the loop over the changes, so that no more progress is reported.
        executor: makes the changes.
    """

    def __init__(
        self, plan: Plan, executor: Executor, verdicts: Mapping[ChangeKey, Verdict], journal: Recorder | None, stop: Stop | None
    ) -> None:
        self.executor, self._journal, self._stop = executor, journal, stop
        self._creates = {change.key for change in plan if change.action == DSyncAction.CREATE}
        self._followers: dict[ChangeKey, list[ChangeKey]] = {}
        for change in plan if executor.names else ():
            for need in change.requires if change.cascade and change.action == DSyncAction.MOVE else ():
                self._followers.setdefault(need, []).append(change.key)
        self._begun_moves: set[ChangeKey] = set()
        self._skip_rules = SkipRules(verdicts)
        self._settled: dict[ChangeKey, Outcome] = {}
        self.begun: dict[ChangeKey, Change] = {}
        self.ended: dict[ChangeKey, Outcome] = {}
        self.stopped = self.cut_off = False
        self.interrupted: BaseException | None = None

    def ends_here(self) -> bool:
        """Return whether no more changes are attempted."""
        return self.stopped or self.interrupted is not None

    def is_interrupted(self) -> bool:
        """Return whether something from outside has ended the run; it does not while a move is incomplete."""
        if self.interrupted is None and self._stop is not None:
            self.interrupted = self._stop()
        return self.interrupted is not None and not self._begun_moves

    def begin(self, batch: Sequence[Change]) -> Attempt | None:
        """Return the attempt at a batch; None if all of its changes are decided without one."""
        together = units_of(batch)
        parts: Sequence[Sequence[Change]] = together or [batch]
        outcomes = [outcome for part in parts for outcome in self._settled_outcomes(part)]
        settled = {change.key: outcome for change, outcome in zip(batch, outcomes) if outcome is not None}
        todo = [change for change in batch if change.key not in settled]
        self._settled.update(settled)
        going = [unit for unit in together if self._is_attempted(unit, settled)]
        if not todo and not going:
            return None
        if self._journal is not None:
            self._journal.intend(*todo)
        for change in todo:
            self.begun[change.key] = change
        begun = self._begun_moves and any(change.key in self._begun_moves for change in todo)
        if going:
            return Attempt(self.executor, Units.of(going), lambda: False, settled)
        return Attempt(self.executor, todo, (lambda: False) if begun else self.ends_here)

    def _is_attempted(self, unit: Unit, settled: Mapping[ChangeKey, Outcome]) -> bool:
        """Return whether changes of a unit have to be made, or undone because an earlier run made some of them."""
        if any(change.key not in settled for change in unit):
            return True
        return not self.ends_here() and is_half_made([settled[change.key] for change in unit])

    def end(self, batch: Sequence[Change], attempt: Attempt | None) -> list[Outcome]:
        """Update the dataset after an attempt at a batch, and return the outcomes of its changes that have none yet, and of other
        changes that were made with them."""
        settled = [self._settled.pop(change.key) for change in batch if change.key in self._settled] if self._settled else []
        found = {outcome.change.key: outcome for outcome in settled if outcome.change.key not in self.ended}
        together = bool(units_of(batch))
        for made in [] if attempt is None else attempt.outcomes():
            for outcome in [made] if together or made.error is None else self._past_conflict(made):
                found[outcome.change.key] = self.ended[outcome.change.key] = self._noted(outcome)
        outcomes = [*(found.pop(change.key) for change in batch if change.key in found), *found.values()]
        for outcome in outcomes:
            self._skip_rules.note(outcome)
            self._note_move(outcome)
            if outcome.status == OutcomeStatus.ALREADY_DONE and outcome.change.action == DSyncAction.CREATE:
                self.executor.join(outcome.change)
        return outcomes

    def forget(self, outcomes: Sequence[Outcome]) -> None:
        """Remove changes from those in progress, because they ended."""
        for outcome in outcomes:
            self.ended[outcome.change.key] = outcome
            self.begun.pop(outcome.change.key, None)

    def _past_conflict(self, outcome: Outcome) -> list[Outcome]:
        """Attempt a create again that was refused, together with the deletes of what may be in its way, and return the outcomes of
        all of them; otherwise the one outcome.

        If it is refused again, the deletes are undone. If it is unknown whether it was made, there is no other attempt.
        """
        conflict = None if outcome.maybe else self.executor.conflict(outcome.change, outcome.error)
        if conflict is None or self.stopped or self.is_interrupted():
            return [outcome]
        deletes = [change for change in conflict.deletes if change.key not in self.ended]
        decided = {change.key: self._skip_rules.outcome_of(change) for change in deletes}
        settled = {key: one for key, one in decided.items() if one is not None}
        others = [self.ended.get(key) for key in (*conflict.needs, *(one.key for one in conflict.deletes if one not in deletes))]
        if any(change.key in self.begun for change in deletes):
            return [outcome]
        if any(one is None or one.status not in MADE for one in (*others, *settled.values())):
            return [outcome]
        todo = [change for change in deletes if change.key not in settled]
        if self._journal is not None:
            self._journal.intend(*todo)
        self.begun.update((change.key, change) for change in todo)
        attempt = Attempt(self.executor, Unit([*deletes, outcome.change]), lambda: False, settled)
        attempt.make()
        *gone, again = attempt.outcomes()
        return [outcome if again.status == OutcomeStatus.NOT_ATTEMPTED else again, *gone]

    def _note_move(self, outcome: Outcome) -> None:
        """Record that an object was deleted in its old place, so that its create is in progress; or renamed, so that the renames
        of objects named after it are in progress."""
        change = outcome.change
        if self._begun_moves:
            self._begun_moves.discard(change.key)
        if outcome.status != OutcomeStatus.DONE:
            return
        if change.before_id is not None:
            self._begun_moves.update(self._followers.get(change.key, ()))
        if change.action == DSyncAction.DELETE:
            created = ChangeKey(DSyncAction.CREATE, change.model, change.id)
            if created in self._creates:
                self._begun_moves.add(created)

    def _noted(self, outcome: Outcome) -> Outcome:
        """Record whether a failure ends the run."""
        if outcome.status == OutcomeStatus.FAILED:
            error = outcome.error
            if error is None or isinstance(error, (Exception, SystemExit)):
                self.stopped = self.stopped or not self.executor.goes_on
            else:
                self.interrupted = self.interrupted or error
        return outcome

    def _settled_outcomes(self, batch: Sequence[Change]) -> list[Outcome | None]:
        """Return the outcomes of the changes of a batch that are not attempted now, None for the others."""
        outcomes, ends_here = self._skip_rules.outcomes_of(batch), self.ends_here()
        for place, change in enumerate(batch):
            if outcomes[place] is not None:
                continue
            if change.key in self.ended:
                outcomes[place] = self.ended[change.key]
            elif ends_here and change.key not in self._begun_moves:
                outcomes[place] = not_attempted(change, self.interrupted)
            elif change.cascade and change.action == DSyncAction.DELETE and not isinstance(batch, Unit):
                outcomes[place] = Outcome(change, OutcomeStatus.DONE, DELETED_ALONG)
        return outcomes


def _cut_off(change: Change, error: BaseException) -> Outcome:
    """Return the outcome of a change that was started and whose result is unknown."""
    message = f"it was interrupted ({cause_of(error)}), and may have been {PAST[change.action]} nevertheless"
    return Outcome(change, OutcomeStatus.FAILED, message, error=error, presentable=False, maybe=True)


def _complete(
    result: Result, source: Target, executor: Executor, flags: DSyncFlags, diff: Diff | None, held_back: HeldBack
) -> None:
    """Call the target's ``sync_complete`` if something was changed, recording what it raises; or roll everything back.

    Args:
        result: its outcomes are replaced when the changes were rolled back, or may have been.
        source: passed to ``sync_complete``.
        executor: has the dataset that was changed, and masks exceptions.
        flags: passed to ``sync_complete``.
        diff: passed to ``sync_complete``.
        held_back: as for :func:`apply`.
    """
    target = executor.target
    done = any(outcome.status == OutcomeStatus.DONE for outcome in result.outcomes)
    if not done and not (target.transactional and result.changed):
        return
    kept = not (target.transactional and (result.stopped or result.interrupted is not None))
    try:
        with held_back():
            if kept:
                target.sync_complete(source, diff if diff is not None else Diff(), flags, logger)
            else:
                target.roll_back()
        if not kept:
            _roll_back(result, "the run did not complete")
    except BaseException as error:
        if isinstance(error, Exception):
            result.complete_error = executor.presentable(error, lambda: _secrets(result, target))
        else:
            result.complete_error = error
            result.interrupted = result.interrupted or error
        if target.transactional and isinstance(error, NothingKept):
            _roll_back(result, "the changes could not be committed")
        elif target.transactional:
            how = "failed" if isinstance(error, Exception) else f"was interrupted ({cause_of(error)})"
            _leave_open(result, f"{'committing' if kept else 'rolling back'} the changes {how}")
        logger.error("%s: sync_complete failed with %s", target.name, type(error).__name__)


def _secrets(result: Result, target: Target) -> set[str]:
    """Return all sensitive values of a plan's changes and of the target's objects, as strings."""
    return collect_secrets(target).union(*(secrets_of(outcome.change) for outcome in result.outcomes))


def _roll_back(result: Result, why: str) -> None:
    """Mark all changes that are done, or may be, as failed, because they were rolled back."""
    for place, outcome in enumerate(result.outcomes):
        if outcome.status == OutcomeStatus.DONE:
            message = f"it was rolled back: {why}"
            result.outcomes[place] = Outcome(outcome.change, OutcomeStatus.FAILED, message, taken_back=True)
        elif outcome.maybe:
            result.outcomes[place] = replace(outcome, maybe=False)


def _leave_open(result: Result, why: str) -> None:
    """Mark every change that is done as failed and possibly made."""
    for place, outcome in enumerate(result.outcomes):
        if outcome.status == OutcomeStatus.DONE:
            message = f"it may have been {PAST[outcome.change.action]} nevertheless: {why}"
            result.outcomes[place] = Outcome(outcome.change, OutcomeStatus.FAILED, message, maybe=True, taken_back=True)


def _log_unchanged(diff: Diff) -> None:
    for element in diff.walk():
        if element.action is None:
            logger.debug('%s "%s": unchanged', element.type, element.uid)
