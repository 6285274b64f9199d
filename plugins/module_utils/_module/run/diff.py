# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_diff: load, compare, plan, report."""

from __future__ import annotations

from typing import Any

from ..datasets.side import Side
from ..entry import AdapterModule
from ..errors import TaskFailure
from ..output.messages import drift_message, error_context
from .changeset import ChangeSet, compare, file_record, plan_content
from .files import file_mode, holding_lock
from .guards import Guards
from .lifecycle import TaskEnd, load_to_compare, open_datasets, run_task, shard_store, task_result


def run(module: AdapterModule) -> None:
    """Compare the target with the source, and report the changes that a run would make."""
    run_task(module, _diff)


def _diff(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    guards = open_datasets(module, sides)
    if module.params["compare_only"]:
        return _compare_for_others(module, sides, guards)
    source, target = sides
    with holding_lock(module.params, f"dsync_diff of {target.dataset.name}", target.progress):
        guards.read_baseline()
        notes = load_to_compare(module, sides, guards)
        work = compare(module.params, guards, source, target)
        work.warnings.extend(notes)
        saved = {"plan": _save_plan(module.params, work, source, target)} if module.params["plan_dest"] else {}
    outcomes = work.preview("not applied: comparison only")[0]
    drifted = [change for change in work.plan if not change.protected]
    sentence = drift_message(drifted) if module.params["fail_on_drift"] and drifted else ""
    report = task_result(module, sides, work, outcomes, guards, work.refusals, on_screen=bool(sentence))
    result = {**report, "drift": bool(drifted), **saved}
    return TaskEnd(bool(work.plan.changes), result, sentence, work=work, outcomes=outcomes)


def _compare_for_others(module: AdapterModule, sides: list[Side], guards: Guards) -> TaskEnd:
    """Compare shards for another task, which reads the answers from the store."""
    from .shards import compare_for_others, obstacle  # only here, since few tasks do it

    store, reason = shard_store(module.params), obstacle(module.params, sides, bool(guards.scope))
    if store is None or reason:
        raise TaskFailure(f"compare_only: it cannot be compared in shards: {reason}.")
    compared = compare_for_others(module.params, sides, module.bundle, store)
    return TaskEnd(False, {"shards": {"total": store.shards, "compared": compared}})


def _save_plan(params: dict[str, Any], work: ChangeSet, source: Side, target: Side) -> dict[str, Any]:
    from ...dsync.storage.plan_file import save_once  # only here, since importing it takes a while

    with error_context("saving the plan"):
        mode = file_mode(params["mode"], "mode")
        path, digest = save_once(work.plan, params["plan_dest"], mode=mode, **plan_content(params, source, target))
    return file_record(path, digest, work.plan)
