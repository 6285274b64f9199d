# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_sync: load, compare, plan, guard, apply, report. In check mode it is the same without apply."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import combinations
from typing import Any

from ..dsync import Result
from ..dsync.storage.lock import locked
from .applying import Application, Applied
from .arguments import AdapterModule
from .failure import TaskFailure
from .running import Ending, end_with, load, opened, report_of
from .sentences import failures, refused, stage
from .sides import Side
from .spec import NARROWING
from .stored import FromFile
from .work import Work, compared, possible

FILES = ("plan_src", "undo_journal", "journal", "undo", "baseline", "lock")
APPENDED = {"undo_journal", "journal"}
"""The arguments that name files, and two of them that may name the same, to which a run only appends."""


def run(module: AdapterModule) -> None:
    """Make the target like the source, or in check mode say what would be done."""
    end_with(module, _sync)


def _sync(module: AdapterModule, sides: list[Side]) -> Ending:
    params = module.params
    _check_narrowing(params)
    _check_files(params)
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
            if module.check_mode:
                result = report_of(module, sides, work, outcomes, guards, work.refusals)
                return Ending(bool(made), result, work=work, outcomes=outcomes)
            sentence = refused(work.refusals, params["target"]["adapter"])
            result = report_of(module, sides, work, outcomes, guards)
            return Ending(False, result, sentence, work.refusals[0], work=work, outcomes=outcomes)
        application = Application(params, sides, guards, module.signals)
        applied = application.apply(work)
        sentence = failures(applied.result, target.params["adapter"])
        if not sentence:
            application.conclude(applied, work, module.cargo)
    result = {**report_of(module, [source, target], work, applied.result.outcomes, guards), **applied.records}
    return _ended(applied, work, sentence, result)


def _check_narrowing(params: dict[str, Any]) -> None:
    """Raise TaskFailure if the changes of a plan or a journal would be narrowed."""
    narrowing = [name for name in NARROWING if params[name] is not None]
    clashes = [f"{way}|{name}" for way in ("plan_src", "undo_journal") if params[way] for name in narrowing]
    if clashes:
        raise TaskFailure(f"parameters are mutually exclusive: {', '.join(clashes)}; a plan or a journal is followed as a whole.")


def _check_files(params: dict[str, Any]) -> None:
    """Raise TaskFailure if two of a task's files are one, so that writing the one would destroy the other."""
    given = {name: os.path.realpath(params[name]) for name in FILES if params[name]}
    for one, other in combinations(given, 2):
        if given[one] == given[other] and {one, other} != APPENDED:
            raise TaskFailure(f"{one} and {other} are the same file, {params[one]}; each needs its own.")


def _ended(applied: Applied, work: Work, sentence: str, report: dict[str, Any]) -> Ending:
    result: Result = applied.result
    error = result.interrupted or result.complete_error or next((failure.error for failure in result.failures), None)
    sentences = " ".join(filter(None, (sentence, *applied.problems)))
    changes = [outcome.change for outcome in result.outcomes]
    return Ending(result.changed, report, sentences, error or applied.error, changes, work, result.outcomes, sentences)


@contextmanager
def _lock(module: AdapterModule, target: Side) -> Iterator[None]:
    """Hold the lock that a task asks for; a run that writes nothing needs none."""
    params = module.params
    with ExitStack() as stack:
        if params["lock"] and not module.check_mode:
            with stage("locking"), target.progress.waiting("lock"):
                stack.enter_context(locked(params["lock"], params["lock_timeout"], f"dsync_sync of {target.dataset.name}"))
        yield
        with suppress(KeyboardInterrupt):  # the work is done, and the lock is free at the latest when this process has ended
            stack.close()
