# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_sync: load, compare, plan, guard, apply, report. In check mode it is the same without apply."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ...dsync import Result
from ..datasets.side import Side
from ..entry import AdapterModule
from ..output.messages import failures, refused
from .apply import Application, Applied
from .changeset import Work, compared, possible
from .files import holding_lock
from .lifecycle import Ending, end_with, load, opened, report_of
from .stored_changes import FromFile


def run(module: AdapterModule) -> None:
    """Make the target like the source, or in check mode say what would be done."""
    end_with(module, _sync)


def _sync(module: AdapterModule, sides: list[Side]) -> Ending:
    params = module.params
    guards = opened(module, sides)
    with _lock(module, sides[1]):  # what an earlier run writes is read only when that has ended
        guards.read_baseline()
        stored = FromFile(params) if params["plan_src"] or params["undo_journal"] else None
        load(sides)
        source, target = sides
        wanted = stored.work(guards, source, target) if stored else compared(params, guards, source, target)
        work = possible(wanted, target.dataset)
        if module.check_mode or work.refusals:
            outcomes, made = work.foreseen("check mode")
            result = report_of(module, sides, work, outcomes, guards)
            if not work.refusals:
                return Ending(bool(made), result, work=work, outcomes=outcomes)
            sentence = refused(work.refusals, params["target"]["adapter"])
            return Ending(False, result, sentence, work.refusals[0], work=work, outcomes=outcomes)
        application = Application(params, sides, guards, module.signals)
        applied = application.apply(work)
        sentence = failures(applied.result, target.params["adapter"])
        if not sentence:
            application.conclude(applied, work, module.cargo)
    result = {**report_of(module, [source, target], work, applied.result.outcomes, guards), **applied.records}
    return _ended(applied, work, sentence, result)


def _ended(applied: Applied, work: Work, sentence: str, report: dict[str, Any]) -> Ending:
    result: Result = applied.result
    error = result.interrupted or result.complete_error or next((failure.error for failure in result.failures), None)
    sentences = " ".join(filter(None, (sentence, *applied.problems)))
    changes = [outcome.change for outcome in result.outcomes]
    return Ending(result.changed, report, sentences, error or applied.error, changes, work, result.outcomes, sentences)


def _lock(module: AdapterModule, target: Side) -> AbstractContextManager[None]:
    """Return what holds the lock that a task asks for; a run that writes nothing needs none."""
    if module.check_mode:
        return nullcontext()
    return holding_lock(module.params, f"dsync_sync of {target.dataset.name}", target.progress)
