# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of a task: from a comparison, from a saved plan, or reversed from a run in a journal."""

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
from ..argspec import NO_DELETES, scope_of
from ..datasets.side import Side
from ..output.messages import error_context
from .guards import Guards

if TYPE_CHECKING:
    from ...dsync.storage.plan_file import SavedPlan

UNDO = "undo"
"""The purpose of a plan that reverses a run."""


@dataclass(frozen=True)
class ChangeSet:
    """The changes of a task.

    Attributes:
        plan: the changes, with real values.
        diff: the result of the comparison; None without one.
        flags: the flags of the task.
        saved: the plan file, if the changes come from one.
        undoes: whether the changes reverse an earlier run.
        verdicts: outcomes of changes that are decided before the run.
        refusals: why the whole run is refused; empty if it is not.
        warnings: messages for the user.
    """

    plan: Plan
    diff: Diff | None
    flags: DSyncFlags
    saved: SavedPlan | None = None
    undoes: bool = False
    verdicts: Mapping[ChangeKey, Verdict] = field(default_factory=dict)
    refusals: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def preview(self, why: str) -> tuple[list[Outcome], list[Change]]:
        """Return the outcomes that a run would have, and the changes that it would make, whose message is ``why``."""
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


def compare(params: Mapping[str, Any], guards: Guards, source: Side, target: Side) -> ChangeSet:
    """Return the changes that bring the target in line with the source, both loaded."""
    flags = flags_of(flag_names(params))
    with error_context("comparing source and target"):
        diff = guarded_diff(flags, guards, source, target)
        plan = Plan.from_diff(diff)
        verdicts, dangling = guards.references(plan, flags)
    return ChangeSet(plan, diff, flags, verdicts=verdicts, refusals=guards.refusals(plan) + dangling)


def refuse_unwritable(work: ChangeSet, target: DSync) -> ChangeSet:
    """Return the changes; the run is refused if the target cannot make one of them, even with continue_on_failure."""
    found = not_writable((change for change in work.plan if change.key not in work.verdicts), target)
    return work if not found else replace(work, refusals=[*work.refusals, refusal_of(found, len(work.plan))])


def guarded_diff(flags: DSyncFlags, guards: Guards, source: Side, target: Side) -> Diff:
    """Return the differences in the scope of a task, with protected ones marked."""
    told = target.progress.counting("compare")
    diff = target.dataset.diff_from(source.dataset, flags=flags, callback=told, scope=guards.scope)
    guards.protect(diff)
    return diff


def plan_content(params: Mapping[str, Any], source: Side, target: Side) -> dict[str, Any]:
    """Return the arguments of ``storage.plan_file.save`` that are part of a plan besides its changes."""
    return {
        "source": source.dataset,
        "target": target.dataset,
        "flags": flag_names(params),
        "adapters": (source.params["adapter"], target.params["adapter"]),
        "scope": scope_of(params),
        "key": params["plan_key"],
    }


def file_record(path: str, digest: str, plan: Plan | SavedPlan) -> dict[str, Any]:
    """Return the entry of a plan file in a task's result."""
    return {"path": path, "digest": digest, "changes": len(plan)}
