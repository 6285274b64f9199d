# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_sync: load, compare, plan, guard, apply, report. In check mode all but apply."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ...dsync import Result
from ...dsync.exceptions import Refused
from ..datasets.side import Side
from ..entry import AdapterModule
from ..output.messages import error_context, failure_message, refusal_message
from .changeset import ChangeSet, compare, plan_content, refuse_unwritable
from .files import holding_lock
from .lifecycle import TaskEnd, load_to_compare, open_datasets, run_task, shard_store, task_result

if TYPE_CHECKING:
    from .apply import ApplyResult
    from .stored_changes import StoredChanges


def run(module: AdapterModule) -> None:
    """Bring the target in line with the source, or in check mode report the changes that a run would make."""
    run_task(module, _sync)


def _sync(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    params = module.params
    guards = open_datasets(module, sides)
    store = shard_store(params)
    with _lock(module, sides[1]):  # what an earlier run writes is read only after its end
        guards.read_baseline()
        stored = _stored(params) if params["plan_src"] or params["undo_journal"] else None
        notes = load_to_compare(module, sides, guards)
        source, target = sides
        wanted = stored.changeset(guards, source, target) if stored else compare(params, guards, source, target)
        wanted.warnings.extend(notes)
        if params["approved"]:
            wanted.refusals.extend(_unapproved(params, wanted, source, target))
        work = refuse_unwritable(wanted, target.dataset)
        if module.check_mode or work.refusals:
            outcomes, made = work.preview("check mode")
            result = task_result(module, sides, work, outcomes, guards, on_screen=bool(work.refusals))
            if not work.refusals:
                changed = bool(made) or target.dataset.unpublished()
                return TaskEnd(changed, result, work=work, outcomes=outcomes)
            sentence = refusal_message(work.refusals, params["target"]["adapter"])
            return TaskEnd(False, result, sentence, work.refusals[0], work=work, outcomes=outcomes)
        from .apply import Application  # only here, since importing it takes a while

        application = Application(params, sides, guards, module.signals)
        applied = application.apply(work)
        sentence = failure_message(applied.result, target.params["adapter"])
        if not sentence:
            application.finish(applied, work, module.bundle)
            if store is not None and not applied.problems:
                store.clear()
    result = {**task_result(module, [source, target], work, applied.result.outcomes, guards), **applied.records}
    return _ended(applied, work, sentence, result)


def _unapproved(params: dict[str, Any], work: ChangeSet, source: Side, target: Side) -> Iterator[Refused]:
    """Yield why the run is refused if the changes are not those that were approved."""
    from ...dsync.storage.plan_file import digest_of  # only here, since importing it takes a while

    with error_context("computing the digest of the plan"):
        digest = digest_of(work.plan, **plan_content(params, source, target))
    if digest.removeprefix("sha256:") != params["approved"].strip().lower().removeprefix("sha256:"):
        yield Refused(f"the changes have the digest {digest}, and {params['approved']} was approved; plan and approve anew")


def _stored(params: dict[str, Any]) -> StoredChanges:
    from .stored_changes import StoredChanges  # only here, since importing it takes a while

    return StoredChanges(params)


def _ended(applied: ApplyResult, work: ChangeSet, sentence: str, report: dict[str, Any]) -> TaskEnd:
    result: Result = applied.result
    error = result.interrupted or result.complete_error or next((failure.error for failure in result.failures), None)
    sentences = " ".join(filter(None, (sentence, *applied.problems)))
    changes = [outcome.change for outcome in result.outcomes]
    return TaskEnd(
        result.changed or applied.published, report, sentences, error or applied.error, changes, work, result.outcomes, sentences
    )


def _lock(module: AdapterModule, target: Side) -> AbstractContextManager[None]:
    """Return a context manager that holds the lock of the task; check mode needs none."""
    if module.check_mode:
        return nullcontext()
    return holding_lock(module.params, f"dsync_sync of {target.dataset.name}", target.progress)
