# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tasks have in common: their start, their result, and their end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib

from ...dsync import Outcome
from ...dsync._util.gc import relaxed_collector
from ...dsync._util.pydantic import HAS_PYDANTIC, PYDANTIC_IMPORT_ERROR, PYDANTIC_MINIMUM, PYDANTIC_PROBLEM
from ...dsync._util.redaction import Redactor
from ...dsync.exceptions import LibraryMissing, Refused
from ...dsync.plan.change import Change
from ...dsync.storage.paths import file_error
from ..bundle import library_alias as alias
from ..datasets.declarations import declared_models, with_presets
from ..datasets.side import Side, hidden_strings, make_sides
from ..entry import AdapterModule
from ..errors import TaskFailure
from ..output.messages import LONGEST_TRACEBACK, error_context, redact_and_truncate, traceback_of, with_host
from ..output.progress import Progress
from ..output.result import ResultBuilder
from .changeset import ChangeSet, file_record
from .files import check_distinct, file_mode
from .guards import Guards
from .process import detached_streams

if TYPE_CHECKING:
    from ..output.report_files import ReportFile
    from .shard_store import ShardStore

_PATIENCE = 2.0
"""Seconds that an interrupted task waits for a dataset that is loaded in another thread."""


@dataclass(frozen=True)
class TaskEnd:
    """The end of a task.

    Attributes:
        changed: ``changed`` of the result.
        result: other parts of the result.
        sentence: why the task failed; empty if it did not.
        error: the exception behind the failure.
        changes: the attempted changes. Their sensitive values, which an exception may contain, may be in no dataset any more.
        work: the changes of the task; None if it ended before they were known.
        outcomes: the outcomes of the changes.
        problems: the part of ``sentence`` that reports show in addition to refusals.
    """

    changed: bool
    result: dict[str, Any] = field(default_factory=dict)
    sentence: str = ""
    error: BaseException | None = None
    changes: Sequence[Change] = ()
    work: ChangeSet | None = None
    outcomes: Sequence[Outcome] = ()
    problems: str = ""


def run_task(module: AdapterModule, work: Callable[[AdapterModule, list[Side]], TaskEnd]) -> None:
    """Do the work of a task with the module's streams detached, and end the module."""
    _require_pydantic(module)
    alias.install()
    progress = Progress(module.progress)
    sides = make_sides(module.params, progress)
    try:
        if module.bundle.presets:
            module.complete(with_presets(module.params, module.bundle.presets))
            sides = make_sides(module.params, progress)
        _check_numbers(module.params)
        check_distinct(module.params)
        if "mode" in module.params:
            file_mode(module.params["mode"], "mode")
        with detached_streams(), relaxed_collector(), module.signals.handled(), progress:
            reports = _report_files(module.params) if module.params.get("reports") else []
            ending = work(module, sides)
            if reports and ending.work is not None:
                ending = _with_reports(reports, sides, ending, ending.work)
    except TaskFailure as failure:
        ending = TaskEnd(False, {}, _sentence(failure), failure.__cause__ or failure)
    if ending.sentence:
        module.fail_json(**_failure_texts(sides, ending, module.bundle.host), changed=ending.changed, **ending.result)
    module.exit_json(changed=ending.changed, **ending.result)


def _report_files(params: dict[str, Any]) -> list[ReportFile]:
    from ..output.report_files import report_files  # only here, since importing it takes a while

    return report_files(params)


def _require_pydantic(module: AdapterModule) -> None:
    if not HAS_PYDANTIC:
        library = missing_required_lib(f"pydantic >= {PYDANTIC_MINIMUM}")
        module.fail_json(msg=f"{library} ({PYDANTIC_PROBLEM})", exception=PYDANTIC_IMPORT_ERROR)


def _check_numbers(params: dict[str, Any]) -> None:
    for name in ("max_changes", "max_objects", "retries", "lock_timeout"):
        if params.get(name, 0) < 0:
            raise TaskFailure(f"{name} is {params[name]:g}; it should be 0 or more.")
    for name in ("workers", "shards", "shard_workers"):
        if (params.get(name) or 1) < 1 or params.get(name) == 0:
            raise TaskFailure(f"{name} is {params[name]}; it should be 1 or more.")
    if params.get("push_down") and params.get("shards", 1) > 1:
        raise TaskFailure("push_down and shards are two ways to load less; set one of them.")
    if params.get("shard_store") and params["shards"] == 1:
        raise TaskFailure("shard_store is for comparisons in shards; set shards, to the same number in all tasks that share it.")


def _sentence(failure: TaskFailure) -> str:
    cause = failure.__cause__
    return (
        missing_required_lib(cause.library, reason=f"for this task: {cause}") if isinstance(cause, LibraryMissing) else str(failure)
    )


# ---------------------------------------------------------------------- the stages that they share


def open_datasets(module: AdapterModule, sides: list[Side]) -> Guards:
    """Construct both adapters, and return the guards of the task."""
    models = declared_models(module.params)
    for side in sides:
        side.models = models
        side.open(module.bundle)
    source, target = sides
    for side, other in ((source, target), (target, source)):
        snapshot: Any = side.dataset
        if hasattr(snapshot, "read_as"):
            snapshot.read_as(other.dataset)
    return Guards(module.params, source.dataset, target.dataset)


def load_to_compare(module: AdapterModule, sides: list[Side], guards: Guards) -> list[str]:
    """Load both datasets; with ``push_down`` without the objects that the system itself finds the same in both, and with ``shards``
    without those that other processes find the same.

    Args:
        module: the module of the task.
        sides: source and target, constructed.
        guards: the guards of the task, which judge by the loaded datasets then.

    Returns:
        Sentences that say why everything was loaded in this process although ``push_down`` or ``shards`` is set.

    Raises:
        TaskFailure: a dataset cannot be loaded.
    """
    params, scoped = module.params, bool(guards.scope)
    reasons = [f"push_down: {reason}." for reason in _narrowed(params, sides, scoped)] if params["push_down"] else []
    if params["shards"] > 1:
        from . import shards  # only here, since importing it takes a while

        reason = shards.obstacle(params, sides, scoped)
        if not reason:
            notes = shards.load_differing(params, sides, module.bundle, shard_store(params))
            guards.judge(sides[0].dataset, sides[1].dataset)
            return notes
        reasons.append(f"shards: all objects are loaded in one process: {reason}.")
    load_datasets(sides)
    return reasons


def shard_store(params: Mapping[str, Any]) -> ShardStore | None:
    """Return the store by which tasks divide the shards of a comparison; None if the task has none. Raises TaskFailure."""
    if params["shard_store"] is None:
        return None
    from .shard_store import ShardStore  # only here, since few tasks have one

    return ShardStore(params)


def _narrowed(params: Mapping[str, Any], sides: list[Side], scoped: bool) -> list[str]:
    source, target = sides
    if scoped:
        return ["all objects are loaded: only some objects or attributes are compared"]
    if "log_unchanged_records" in params["flags"]:
        return ["all objects are loaded: the flag log_unchanged_records shows every object"]
    if params.get("verify"):
        return ["all objects are loaded: verify loads the target again, which has to be compared with the whole source"]
    if params.get("plan_src") or params.get("undo_journal"):
        return ["all objects are loaded: the changes come from a file, and the target is checked against it"]
    with target.error_prefix(), error_context("comparing in the system"):
        return target.dataset.narrow(source.dataset)


def load_datasets(sides: list[Side]) -> None:
    """Load both datasets, concurrently if one of them is thread-safe. Raises TaskFailure."""
    beside = next((side for side in sides if side.dataset.thread_safe), None)
    if beside is None:
        for side in sides:
            side.load()
        return
    failures: dict[str, BaseException] = {}
    thread = threading.Thread(target=_load, args=(beside, failures), daemon=True)
    thread.start()
    for side in sides:
        if side is not beside:
            _load(side, failures)
    interrupted = any(isinstance(failure.__cause__, KeyboardInterrupt) for failure in failures.values())
    with beside.error_prefix(), error_context("load()"):
        thread.join(_PATIENCE if interrupted else None)
    for side in sides:
        if side.role in failures:
            raise failures[side.role]


def _load(side: Side, failures: dict[str, BaseException]) -> None:
    try:
        side.load()
    except BaseException as error:
        failures[side.role] = error


def task_result(
    module: AdapterModule,
    sides: list[Side],
    work: ChangeSet,
    outcomes: list[Outcome],
    guards: Guards,
    foreseen: Sequence[Refused] = (),
    on_screen: bool = False,
) -> dict[str, Any]:
    """Return the result of a task, and emit its warnings, among them why a run would be refused. With ``on_screen``, the result
    fits on a screen."""
    source, target = sides
    report = ResultBuilder(module.params, source, target, on_screen)
    loading = [sentence for side in sides for sentence in side.dataset.load_warnings]
    found = loading if work.diff is None else work.diff.warnings
    notes = [_first_run(module)] if guards.first_run else []
    refused = (f"A run would be refused: {error}." for error in foreseen)
    for warning in report.warnings([*found, *work.warnings, *notes, *filter(None, [target.dataset.altered_values()]), *refused]):
        module.warn(warning)
    parts = {**report.comparison(work), **report.outcomes(outcomes), "refusals": report.refusals(work.refusals)}
    if work.saved is not None:
        parts["plan"] = file_record(work.saved.origin, work.saved.digest, work.plan)
    return {**parts, "diff": report.before_after(work.plan, work.undoes)} if module._diff else parts


def _first_run(module: AdapterModule) -> str:
    way_out = "a successful run of dsync_sync with this baseline writes it"
    problem = f"does not exist yet, so a loss of objects cannot be detected; {way_out}."
    missing = file_error(TaskFailure, module.params["baseline"], problem)
    return with_host(str(missing), missing, module.bundle.host)


def _with_reports(files: list[ReportFile], sides: list[Side], ending: TaskEnd, work: ChangeSet) -> TaskEnd:
    """Write the reports, and return the end with their entries in the result; a failure to write one rolls nothing back."""
    from ..output.report_files import write_reports  # only here, since importing it takes a while

    hidden = hidden_strings(sides, ending.changes)
    own = sides[0].secrets() | sides[1].secrets()
    said = [*(str(refusal) for refusal in work.refusals), *filter(None, [ending.problems])]
    problems = [redact_and_truncate(sentence, hidden) for sentence in said]
    written: list[dict[str, str]] = []
    sentence, error = ending.sentence, ending.error
    try:
        for file in write_reports(files, sides, work, ending.outcomes, Redactor(own).redact, problems):
            written.append(file.record())
    except TaskFailure as failure:
        sentence, error = " ".join(filter(None, (sentence, str(failure)))), error or failure.__cause__ or failure
    return replace(ending, result={**ending.result, "reports": written}, sentence=sentence, error=error)


def _failure_texts(sides: list[Side], ending: TaskEnd, host: str) -> dict[str, str]:
    """Return the message and the traceback of a failure, with secrets masked."""
    hidden = hidden_strings(sides, ending.changes)
    sentence = with_host(ending.sentence, ending.error, host)
    return {
        "msg": redact_and_truncate(sentence, hidden),
        "exception": redact_and_truncate(traceback_of(ending.error), hidden, LONGEST_TRACEBACK),
    }
