# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies changes, with the journal and the undo plan of the task written before anything is written to the target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...dsync import OutcomeStatus, Plan, Result
from ...dsync.apply.retry import retrying
from ...dsync.exceptions import DSyncException
from ...dsync.guard.source_size import object_counts
from ...dsync.plan.change import Change
from ...dsync.storage.files import check_writable
from ..argspec import scope_of
from ..bundle.format import Bundle
from ..datasets.side import Side, hidden_strings
from ..errors import TaskFailure
from ..output.messages import describe, error_context
from .changeset import UNDO, ChangeSet, file_record, flag_names, guarded_diff
from .files import file_mode
from .guards import Guards
from .process import Signals

if TYPE_CHECKING:
    from ...dsync.storage.journal import Journal

MOST_NAMED = 5


@dataclass
class ApplyResult:
    """The end of a run.

    Attributes:
        result: the outcomes of all changes.
        records: the entries of written files in the task's result.
        problems: messages about failures after the changes were made.
        error: the exception behind the first of them.
        published: whether changes were published in the end, as by merging a branch.
    """

    result: Result
    records: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    error: BaseException | None = None
    published: bool = False

    def failed(self, sentence: str, error: BaseException | None = None) -> None:
        """Add a message about a failure."""
        self.problems.append(sentence)
        self.error = self.error or error


class Application:
    """Applies the changes of a task.

    Args:
        params: the task's arguments.
        sides: source and target, loaded; a dataset that is loaded for verification is appended, so that its secrets are known.
        guards: the task's scope, protection and limits.
        signals: the signals that end the task.
    """

    def __init__(self, params: Mapping[str, Any], sides: list[Side], guards: Guards, signals: Signals) -> None:
        self._params, self._sides, self._guards, self._signals = params, sides, guards, signals
        self._source, self._target = sides
        self._mode = file_mode(params["mode"], "mode")

    def apply(self, work: ChangeSet) -> ApplyResult:
        """Make the changes, and return the end of the run.

        The undo plan is written before the run for all changes, and again after it for those that were made. If a change may have
        been made, the first one is kept, since applying it finds out what to undo.

        Raises:
            TaskFailure: the run could not be prepared, and nothing was changed.
        """
        params, target = self._params, self._target
        records: dict[str, Any] = {}
        with error_context("preparing the run"):
            retry = target.progress.retrying(retrying(params["retries"] + 1, target.dataset.is_transient))
            if params["baseline"]:
                check_writable(params["baseline"])
            expected = work.preview("")[1]
            journal = self._journal(work) if params["journal"] else None
        try:
            with error_context("preparing the run"):
                if params["undo"] and expected:
                    records["undo"] = self._save_undo(expected)  # after all else, for it may take the place of an earlier run's
            workers = self._workers(work)
            with target.error_prefix(), error_context("synchronising"), self._signals.between_changes():
                result = target.dataset.apply(
                    work.plan,
                    self._source.dataset,
                    work.flags,
                    work.diff,
                    target.progress.counting("apply"),
                    verdicts=work.verdicts,
                    journal=journal,
                    retry=retry,
                    hidden=partial(hidden_strings, self._sides, work.plan),
                    workers=workers,
                    stop=self._signals.received,
                    held_back=self._signals.held_back,
                )
            applied = ApplyResult(result, records)
            if journal is not None:
                applied.records["journal"] = {"path": params["journal"], "run": journal.run}
                self._write_record(applied, lambda: journal.finish(result))
        finally:
            if journal is not None:
                journal.close()
        if "undo" in records and not any(outcome.maybe for outcome in result.outcomes):
            self._write_record(applied, lambda: records.update(undo=self._save_undo(_done(result))))
        return applied

    def _workers(self, work: ChangeSet) -> int:
        """Return how many changes may be made concurrently."""
        asked: int = self._params["workers"]
        if asked == 1 or self._target.dataset.thread_safe:
            return asked
        name = self._target.params["adapter"]
        work.warnings.append(f"workers: {asked} has no effect because the target's adapter {name} makes one change at a time.")
        return 1

    def finish(self, applied: ApplyResult, work: ChangeSet, bundle: Bundle) -> None:
        """After a run without failures: verify that the target is in the desired state, publish it, and write the baseline."""
        asked = self._signals.received()
        if asked is not None and (self._params["verify"] or self._params["baseline"]):
            applied.failed(f"All changes were made, but not verified, and no baseline was kept: the task {describe(asked)}", asked)
            return
        if self._params["verify"]:
            try:
                left = self._remaining_changes(applied.result, work, bundle)
            except TaskFailure as failure:
                applied.failed(f"The changes were made, but not verified: {failure}", failure.__cause__ or failure)
                return
            applied.records["verified"] = not left
            if left:
                altered = self._target.dataset.altered_values()
                applied.failed(" ".join(filter(None, (_remaining_changes_message(left), altered and f"{altered}."))))
        if not applied.problems:
            self._publish(applied)
        if self._params["baseline"] and not work.undoes and not applied.problems:
            from ...dsync.storage.baseline import write_baseline  # only here, since importing it takes a while

            counts = object_counts(self._source.dataset)
            self._write_record(
                applied, lambda: write_baseline(self._params["baseline"], self._source.dataset.name, counts, self._mode)
            )

    def _publish(self, applied: ApplyResult) -> None:
        """Publish the changes of a target that keeps them apart until then."""
        try:
            with self._target.error_prefix(), error_context("publishing them"):
                asked = self._signals.received()
                if asked is None:
                    applied.published = self._target.dataset.publish()
                elif self._target.dataset.unpublished():
                    raise asked
        except TaskFailure as failure:
            applied.failed(f"The changes were made, but not published: {failure}", failure.__cause__ or failure)

    @staticmethod
    def _write_record(applied: ApplyResult, write: Any) -> None:
        """Write a record of the run; if that fails, nothing is rolled back."""
        try:
            write()
        except (DSyncException, KeyboardInterrupt) as error:
            applied.failed(f"Keeping a record of what was done {describe(error)}", error)

    def _journal(self, work: ChangeSet) -> Journal:
        from ...dsync.storage.journal import Journal  # only here, since importing it takes a while

        return Journal(
            self._params["journal"],
            work.plan,
            source=self._source.dataset,
            target=self._target.dataset,
            flags=flag_names(self._params),
            plan_digest=work.saved.digest if work.saved else None,
            purpose=UNDO if work.undoes else "sync",
            scope=scope_of(self._params),
            key=self._params["plan_key"],
            mode=self._mode,
        )

    def _save_undo(self, changes: Iterable[Change]) -> dict[str, Any]:
        """Write the plan that reverses changes, and return its entry in the result."""
        from ...dsync.plan.undo import undo_plan  # only here, since importing it takes a while
        from ...dsync.storage.plan_file import save

        plan, path = undo_plan(changes), self._params["undo"]
        adapters = (None, self._target.params["adapter"])
        digest = save(
            plan,
            path,
            source=None,
            target=self._target.dataset,
            adapters=adapters,
            purpose=UNDO,
            scope=scope_of(self._params),
            key=self._params["plan_key"],
            mode=self._mode,
        )
        return file_record(path, digest, plan)

    def _remaining_changes(self, result: Result, work: ChangeSet, bundle: Bundle) -> list[Change]:
        """Reload the target and return the changes that it still lacks."""
        fresh = Side(self._target.role, self._target.params, self._target.models, self._target.progress)
        self._sides.append(fresh)
        fresh.open(bundle)
        source = self._source
        if self._params["shards"] > 1 and work.diff is not None and source.dataset.unread:
            from .shards import load_differing  # only here, since importing it takes a while

            source = Side(source.role, source.params, source.models, source.progress)
            self._sides.append(source)
            load_differing(self._params, [source, fresh], bundle)
        else:
            fresh.load("verify")
        with error_context("verifying"):
            if work.diff is None:
                from ...dsync.guard.staleness import check  # only here, since importing it takes a while

                live = check(work.plan, fresh.dataset, "skip")
                there = {key for key, verdict in live.items() if verdict.status == OutcomeStatus.ALREADY_DONE}
                made = (outcome.change for outcome in result.outcomes if outcome.status == OutcomeStatus.DONE)
                return [change for change in made if change.key not in there]
            diff = guarded_diff(work.flags, self._guards, source, fresh)
            return [change for change in Plan.from_diff(diff) if not change.protected]


def _done(result: Result) -> list[Change]:
    """Return the changes that were made, and the deletes below a delete that was made."""
    from ...dsync.plan.undo import reaching  # only here, since importing it takes a while

    done = [outcome.change for outcome in result.outcomes if outcome.status == OutcomeStatus.DONE]
    return reaching([outcome.change for outcome in result.outcomes], done)


def _remaining_changes_message(left: list[Change]) -> str:
    named = ", ".join(map(repr, left[:MOST_NAMED])) + (", …" if len(left) > MOST_NAMED else "")
    lacking = "1 change" if len(left) == 1 else f"{len(left)} changes"
    return f"The target has not converged: loaded anew, it still lacks {lacking} ({named})."
