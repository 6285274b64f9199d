# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tasks have in common: how they begin, how they report, and how they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ...dsync import Outcome
from ...dsync._util.gc import relaxed_collector
from ...dsync._util.pydantic import HAS_PYDANTIC, PYDANTIC_IMPORT_ERROR, PYDANTIC_MINIMUM, PYDANTIC_PROBLEM
from ...dsync._util.redaction import Redactor
from ...dsync.exceptions import LibraryMissing, Refused
from ...dsync.plan.change import Change
from ...dsync.storage.paths import file_error
from ..bundle import library_alias as alias
from ..datasets.declarations import declared_models
from ..datasets.side import Side, both_sides, hidden_texts
from ..entry import AdapterModule
from ..errors import TaskFailure
from ..output.messages import LONGEST_TRACEBACK, on_host, stage, told, traceback_of
from ..output.progress import Progress
from ..output.report_files import ReportFile, report_files, write_reports
from ..output.result import Report
from .changeset import Work, file_record
from .files import check_distinct
from .guards import Guards
from .streams import streams_aside

_PATIENCE = 2.0
"""Seconds that an interrupted task waits for the loading beside it to come to its end."""


@dataclass(frozen=True)
class Ending:
    """How a task ends.

    Attributes:
        changed: as Ansible means it.
        result: what else is returned.
        sentence: why the task failed; empty if it did not.
        error: the exception behind that.
        changes: what was attempted; the sensitive values in them may be nowhere else any more, but in what an exception says.
        work: what was to be done, if it came to that.
        outcomes: how it ended.
        problems: what of ``sentence`` reports tell, besides what the run is refused for.
    """

    changed: bool
    result: dict[str, Any] = field(default_factory=dict)
    sentence: str = ""
    error: BaseException | None = None
    changes: Sequence[Change] = ()
    work: Work | None = None
    outcomes: Sequence[Outcome] = ()
    problems: str = ""


def end_with(module: AdapterModule, work: Callable[[AdapterModule, list[Side]], Ending]) -> None:
    """Do the work of a task with the module's streams aside, and end the module."""
    _require_pydantic(module)
    alias.install()
    progress = Progress(module.progress)
    sides = both_sides(module.params, progress)
    try:
        _check_numbers(module.params)
        check_distinct(module.params)
        with streams_aside(), relaxed_collector(), module.signals.heeded(), progress:
            reports = report_files(module.params) if module.params.get("reports") else []
            ending = work(module, sides)
            if reports and ending.work is not None:
                ending = _reported(reports, sides, ending, ending.work)
    except TaskFailure as failure:
        ending = Ending(False, {}, _sentence(failure), failure.__cause__ or failure)
    if ending.sentence:
        module.fail_json(**_redacted(sides, ending, module.cargo.host), changed=ending.changed, **ending.result)
    module.exit_json(changed=ending.changed, **ending.result)


def _require_pydantic(module: AdapterModule) -> None:
    if not HAS_PYDANTIC:
        library = missing_required_lib(f"pydantic >= {PYDANTIC_MINIMUM}")
        module.fail_json(msg=f"{library} ({PYDANTIC_PROBLEM})", exception=PYDANTIC_IMPORT_ERROR)


def _check_numbers(params: dict[str, Any]) -> None:
    for name in ("max_changes", "max_objects", "retries", "lock_timeout"):
        if params.get(name, 0) < 0:
            raise TaskFailure(f"{name} is {params[name]:g}; it should be 0 or more.")
    if params.get("workers", 1) < 1:
        raise TaskFailure(f"workers is {params['workers']}; it should be 1 or more.")


def _sentence(failure: TaskFailure) -> str:
    cause = failure.__cause__
    return (
        missing_required_lib(cause.library, reason=f"for this task: {cause}") if isinstance(cause, LibraryMissing) else str(failure)
    )


# ---------------------------------------------------------------------- the stages that they share


def opened(module: AdapterModule, sides: list[Side]) -> Guards:
    """Make both adapters, and read what the task says about what may be changed."""
    models = declared_models(module.params)
    for side in sides:
        side.models = models
        side.open(module.cargo)
    source, target = sides
    return Guards(module.params, source.dataset, target.dataset)


def load(sides: list[Side]) -> None:
    """Load both sides, at the same time if one of them can be loaded in a thread of its own. Raises TaskFailure."""
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
    with beside.named(), stage("load()"):
        thread.join(_PATIENCE if interrupted else None)
    for side in sides:
        if side.role in failures:
            raise failures[side.role]


def _load(side: Side, failures: dict[str, BaseException]) -> None:
    try:
        side.load()
    except BaseException as error:
        failures[side.role] = error


def report_of(
    module: AdapterModule,
    sides: list[Side],
    work: Work,
    outcomes: list[Outcome],
    guards: Guards,
    foreseen: Sequence[Refused] = (),
    on_screen: bool = False,
) -> dict[str, Any]:
    """Return what a task tells of its work; what a run would be refused for is a warning, too. With ``on_screen``, no more of it
    than a screen holds."""
    source, target = sides
    report = Report(module.params, source, target, on_screen)
    loading = [sentence for side in sides for sentence in side.dataset.load_warnings]
    found = loading if work.diff is None else work.diff.warnings
    notes = [_first_run(module)] if guards.first_run else []
    refused = (f"A run would be refused: {error}." for error in foreseen)
    for warning in report.warnings([*found, *work.warnings, *notes, *filter(None, [target.dataset.altered_values()]), *refused]):
        module.warn(warning)
    parts = {**report.comparison(work), **report.outcomes(outcomes), "refusals": report.refusals(work.refusals)}
    if work.saved is not None:
        parts["plan"] = file_record(work.saved.origin, work.saved.digest, work.plan)
    return {**parts, "diff": report.before_after(work.plan)} if module._diff else parts


def _first_run(module: AdapterModule) -> str:
    missing = file_error(TaskFailure, module.params["baseline"], "does not exist yet, so a loss of objects cannot be detected.")
    return on_host(str(missing), missing, module.cargo.host)


def _reported(files: list[ReportFile], sides: list[Side], ending: Ending, work: Work) -> Ending:
    """Write the reports, and return the ending with what is told of them; that one cannot be written takes nothing back."""
    hidden = hidden_texts(sides, ending.changes)
    own = sides[0].secrets() | sides[1].secrets()
    said = [*(str(refusal) for refusal in work.refusals), *filter(None, [ending.problems])]
    problems = [told(sentence, hidden) for sentence in said]
    written: list[dict[str, str]] = []
    sentence, error = ending.sentence, ending.error
    try:
        for file in write_reports(files, sides, work, ending.outcomes, Redactor(own).redact, problems):
            written.append(file.record())
    except TaskFailure as failure:
        sentence, error = " ".join(filter(None, (sentence, str(failure)))), error or failure.__cause__ or failure
    return replace(ending, result={**ending.result, "reports": written}, sentence=sentence, error=error)


def _redacted(sides: list[Side], ending: Ending, host: str) -> dict[str, str]:
    """Return the message and the traceback of a failure, without anything that nobody may see."""
    hidden = hidden_texts(sides, ending.changes)
    sentence = on_host(ending.sentence, ending.error, host)
    return {"msg": told(sentence, hidden), "exception": told(traceback_of(ending.error), hidden, LONGEST_TRACEBACK)}
