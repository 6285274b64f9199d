# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_journal_info: read, report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...dsync.plan.change import Change
from ...dsync.plan.outcome import OutcomeStatus
from ...dsync.storage.journal import RunReport, read
from ...dsync.storage.paths import file_error
from ..datasets.side import Side
from ..entry import AdapterModule
from ..errors import TaskFailure
from ..output.messages import error_context
from ..output.result import ROOM_FOR_CHANGES, Recorder, count_changes, fit, summary_of
from .files import JOURNAL_WRITTEN_BY, check_exists
from .lifecycle import TaskEnd, run_task

MOST_RUNS = 20

MAYBE = "maybe"
"""The status of a change that was in progress when the run ended."""

STATUSES = (OutcomeStatus.DONE.value, MAYBE, *(status.value for status in OutcomeStatus if status != OutcomeStatus.DONE))


def run(module: AdapterModule) -> None:
    """Report the runs of a journal."""
    run_task(module, _journal_info)


def _journal_info(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    path, wanted = module.params["path"], module.params["run"]
    check_exists(path, JOURNAL_WRITTEN_BY)
    with error_context("reading the journal"):
        runs = read(path)
    chosen = next((run for run in reversed(runs) if wanted in (None, run.run)), None)
    if chosen is None and wanted is not None:
        raise file_error(TaskFailure, path, f"contains no run {wanted}.")
    recorder = Recorder(())
    records = [] if chosen is None else list(fit(_records(chosen, recorder), module.params["max_changes"], ROOM_FOR_CHANGES))
    number = 0 if chosen is None else len(chosen.stored)
    outcomes = dict.fromkeys(STATUSES, 0) if chosen is None else _outcomes(chosen)
    return TaskEnd(
        False,
        {
            "runs": [_run_record(run) for run in runs[-MOST_RUNS:]],
            "run": None if chosen is None else _run_record(chosen),
            "summary": summary_of(count_changes(() if chosen is None else chosen.stored)),
            "changes": records,
            "changes_truncated": number - len(records),
            "outcomes": outcomes,
        },
    )


def _run_record(run: RunReport) -> dict[str, Any]:
    names = ("run", "purpose", "when", "by", "source", "target", "plan_digest", "ended")
    return {**{name: getattr(run, name) for name in names}, "flags": list(run.flags), "outcomes": _outcomes(run)}


def _outcomes(run: RunReport) -> dict[str, int]:
    return {status: len(changes) for status, changes in _by_status(run).items()}


def _by_status(run: RunReport) -> dict[str, list[tuple[Change, str]]]:
    return {
        OutcomeStatus.DONE.value: [(change, "") for change in run.done],
        MAYBE: [(change, run.said.get(change.key, "the run ended in the middle of it")) for change in run.maybe],
        OutcomeStatus.ALREADY_DONE.value: [(change, "") for change in run.already_done],
        OutcomeStatus.FAILED.value: list(run.failed),
        OutcomeStatus.REFUSED.value: list(run.refused),
        OutcomeStatus.NOT_ATTEMPTED.value: [(change, "") for change in run.not_attempted],
    }


def _records(run: RunReport, recorder: Recorder) -> Iterator[dict[str, Any]]:
    """Yield a record of every change, in the order of the plan."""
    ended = {change.key: (status, why) for status, changes in _by_status(run).items() for change, why in changes}
    for change in run.stored:
        status, message = ended[change.key]
        yield recorder.bounded_record({**change.record(), "status": status, "message": message})
