# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_diff: load, compare, plan, report."""

from __future__ import annotations

from typing import Any

from ..argspec import scope_of
from ..datasets.side import Side
from ..entry import AdapterModule
from ..output.messages import drift_message, error_context
from .changeset import ChangeSet, compare, file_record, flag_names
from .files import file_mode, holding_lock
from .lifecycle import TaskEnd, load_to_compare, open_datasets, run_task, task_result


def run(module: AdapterModule) -> None:
    """Compare the target with the source, and report the changes that a run would make."""
    run_task(module, _diff)


def _diff(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    guards = open_datasets(module, sides)
    source, target = sides
    with holding_lock(module.params, f"dsync_diff of {target.dataset.name}", target.progress):
        guards.read_baseline()
        notes = load_to_compare(module.params, sides, bool(guards.scope))
        work = compare(module.params, guards, source, target)
        work.warnings.extend(notes)
        saved = {"plan": _save_plan(module.params, work, source, target)} if module.params["plan_dest"] else {}
    outcomes = work.preview("not applied: comparison only")[0]
    drifted = [change for change in work.plan if not change.protected]
    sentence = drift_message(drifted) if module.params["fail_on_drift"] and drifted else ""
    report = task_result(module, sides, work, outcomes, guards, work.refusals, on_screen=bool(sentence))
    result = {**report, "drift": bool(drifted), **saved}
    return TaskEnd(bool(work.plan.changes), result, sentence, work=work, outcomes=outcomes)


def _save_plan(params: dict[str, Any], work: ChangeSet, source: Side, target: Side) -> dict[str, Any]:
    from ...dsync.storage.plan_file import save_once  # only here, since importing it takes a while

    with error_context("saving the plan"):
        path, digest = save_once(
            work.plan,
            params["plan_dest"],
            source=source.dataset,
            target=target.dataset,
            flags=flag_names(params),
            adapters=(source.params["adapter"], target.params["adapter"]),
            scope=scope_of(params),
            key=params["plan_key"],
            mode=file_mode(params["mode"], "mode"),
        )
    return file_record(path, digest, work.plan)
