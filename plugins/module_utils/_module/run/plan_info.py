# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_plan_info: read, report."""

from __future__ import annotations

from typing import Any

from ...dsync import Result
from ...dsync.apply.preview import preview
from ...dsync.storage.plan_file import SavedPlan, load
from ..datasets.side import Side
from ..entry import AdapterModule
from ..output.messages import error_context
from ..output.result import ROOM_FOR_CHANGES, Recorder, count_changes, summary_of
from .changeset import file_record
from .files import PLAN_WRITTEN_BY, check_exists
from .lifecycle import TaskEnd, run_task

_HEADER = ("purpose", "created", "by", "dsync", "flags")


def run(module: AdapterModule) -> None:
    """Report what a plan file holds."""
    run_task(module, _info)


def _info(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    params = module.params
    check_exists(params["path"], PLAN_WRITTEN_BY)
    with error_context("reading the plan"):
        plan = load(params["path"], params["approved"])
    outcomes = preview(plan, why="not applied: read from a plan")[0]
    changes = Recorder(()).records(outcomes, params["max_changes"], ROOM_FOR_CHANGES)
    result = {
        "plan": {**file_record(params["path"], plan.digest, plan), **{name: plan.header[name] for name in _HEADER}},
        "approved": params["approved"] is not None,
        "summary": summary_of(count_changes(plan)),
        "changes": changes,
        "changes_truncated": len(outcomes) - len(changes),
        "outcomes": Result(outcomes).counts,
        "refusals": [],
        "source": _side(plan, "source"),
        "target": _side(plan, "target"),
    }
    return TaskEnd(False, result)


def _side(plan: SavedPlan, role: str) -> dict[str, Any]:
    """Return what a plan file records about a dataset: its name and adapter, and no number of objects."""
    header = plan.header[role]
    return {"name": header.get("name", plan.header["purpose"]), "adapter": header.get("adapter", ""), "total": None}
