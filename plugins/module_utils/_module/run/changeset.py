# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task is about to do to the target: what a comparison found, a saved plan, or the reverse of a run in a journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from ...dsync import Diff, DSync, DSyncFlags, Outcome, OutcomeStatus, Plan
from ...dsync.apply.preview import preview
from ...dsync.exceptions import Refused, RefusedChanges
from ...dsync.guard.writability import not_writable, refusal_of
from ...dsync.plan.change import Change, ChangeKey
from ...dsync.plan.outcome import Verdict
from ..argspec import NO_DELETES
from ..datasets.side import Side
from ..output.messages import stage
from .guards import Guards

if TYPE_CHECKING:
    from ...dsync.storage.plan_file import SavedPlan

UNDO = "undo"
"""The purpose of a plan that reverses a run."""


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes:
        plan: the changes, with real values.
        diff: what the comparison found; None where none was made.
        flags: those of the task.
        saved: the plan's file, if it comes from one.
        undoes: whether it reverses an earlier run.
        verdicts: how changes end that are settled beforehand.
        refusals: for what the whole run is refused.
        warnings: what else there is to say.
    """

    plan: Plan
    diff: Diff | None
    flags: DSyncFlags
    saved: SavedPlan | None = None
    undoes: bool = False
    verdicts: Mapping[ChangeKey, Verdict] = field(default_factory=dict)
    refusals: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def foreseen(self, why: str) -> tuple[list[Outcome], list[Change]]:
        """Return how every change would end, and which would be made; ``why`` says why none of those is."""
        if not self.refusals:
            return preview(self.plan, self.verdicts, why)
        blamed = [pair for error in self.refusals if isinstance(error, RefusedChanges) for pair in error.changes]
        refused = {change.key: Verdict(OutcomeStatus.REFUSED, sentence) for change, sentence in blamed}
        return preview(self.plan, {**self.verdicts, **refused}, "the run is refused")[0], []


def flag_names(params: Mapping[str, Any]) -> list[str]:
    """Return the names of the flags of a task, including the one that ``prune: false`` sets."""
    return [*params["flags"], *([NO_DELETES] if not params["prune"] and NO_DELETES not in params["flags"] else [])]


def flags_of(names: list[str]) -> DSyncFlags:
    """Return the flags of these names."""
    return reduce(or_, (DSyncFlags[name.upper()] for name in names), DSyncFlags.NONE)


def compared(params: Mapping[str, Any], guards: Guards, source: Side, target: Side) -> Work:
    """Return what makes the target like the source, both loaded."""
    flags = flags_of(flag_names(params))
    with stage("comparing source and target"):
        diff = guarded_diff(flags, guards, source, target)
        plan = Plan.from_diff(diff)
        verdicts, dangling = guards.references(plan, flags)
    return Work(plan, diff, flags, verdicts=verdicts, refusals=guards.refusals(plan) + dangling)


def possible(work: Work, target: DSync) -> Work:
    """Return the work, refused as a whole if the target cannot be given some of it, be it a run that goes on after a failure."""
    found = not_writable((change for change in work.plan if change.key not in work.verdicts), target)
    return work if not found else replace(work, refusals=[*work.refusals, refusal_of(found, len(work.plan))])


def guarded_diff(flags: DSyncFlags, guards: Guards, source: Side, target: Side) -> Diff:
    """Return what differs in the scope of a task, with what it protects marked."""
    told = target.progress.counting("compare")
    diff = target.dataset.diff_from(source.dataset, flags=flags, callback=told, scope=guards.scope)
    guards.protect(diff)
    return diff


def file_record(path: str, digest: str, plan: Plan) -> dict[str, Any]:
    """Return what a task's result says of a plan's file."""
    return {"path": path, "digest": digest, "changes": len(plan)}
