# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a task: load, compare, plan, guard, apply, report. dsync_diff and check mode are the same without apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ..dsync import Outcome, Result
from ..dsync._pydantic import HAS_PYDANTIC, PYDANTIC_IMPORT_ERROR, PYDANTIC_MINIMUM, PYDANTIC_PROBLEM
from ..dsync.collector import patient_collector
from ..dsync.exceptions import LibraryMissing, Refused
from ..dsync.lock import locked
from ..dsync.planfile import save
from . import alias
from .applying import Application, Applied
from .arguments import AdapterModule
from .failure import TaskFailure
from .guards import Guards
from .quiet import streams_aside
from .results import Report
from .sentences import LONGEST_TRACEBACK, drift, failures, refused, stage, told, traceback_of
from .sides import Side, both_sides
from .work import FromFile, Work, compared


@dataclass(frozen=True)
class Ending:
    """How a task ends.

    Attributes:
        changed: as Ansible means it.
        result: what else is returned.
        sentence: why the task failed; empty if it did not.
        error: the exception behind that.
    """

    changed: bool
    result: dict[str, Any] = field(default_factory=dict)
    sentence: str = ""
    error: BaseException | None = None


def run_diff(module: AdapterModule) -> None:
    """Compare the target from the source, and say what would be done to the target."""
    _run(module, _diff)


def run_sync(module: AdapterModule) -> None:
    """Make the target like the source, or in check mode say what would be done."""
    _run(module, _sync)


def _run(module: AdapterModule, work: Callable[[AdapterModule, list[Side]], Ending]) -> None:
    """Do the work of a task with the module's streams aside, and end the module."""
    _require_pydantic(module)
    alias.install()
    sides = both_sides(module.params)
    try:
        _check_numbers(module.params)
        with streams_aside(), patient_collector():
            ending = work(module, sides)
    except TaskFailure as failure:
        ending = Ending(False, {}, _sentence(failure), failure.__cause__ or failure)
    if ending.sentence:
        module.fail_json(**_scrubbed(sides, ending.sentence, ending.error), changed=ending.changed, **ending.result)
    module.exit_json(changed=ending.changed, **ending.result)


def _require_pydantic(module: AdapterModule) -> None:
    if not HAS_PYDANTIC:
        library = missing_required_lib(f"pydantic >= {PYDANTIC_MINIMUM}")
        module.fail_json(msg=f"{library} ({PYDANTIC_PROBLEM})", exception=PYDANTIC_IMPORT_ERROR)


def _check_numbers(params: dict[str, Any]) -> None:
    for name in ("max_changes", "retries", "lock_timeout"):
        if params.get(name, 0) < 0:
            raise TaskFailure(f"{name} is {params[name]:g}; it should be 0 or more.")


def _sentence(failure: TaskFailure) -> str:
    cause = failure.__cause__
    return (
        missing_required_lib(cause.library, reason=f"for this task: {cause}") if isinstance(cause, LibraryMissing) else str(failure)
    )


# ---------------------------------------------------------------------- the two tasks


def _diff(module: AdapterModule, sides: list[Side]) -> Ending:
    guards = _opened(module, sides)
    _load(sides)
    source, target = sides
    work = compared(module.params, guards, source, target)
    saved = {"plan": _save_plan(module.params, work, source, target)} if module.params["plan"] else {}
    outcomes, made = work.foreseen("nothing but compared")
    result = {**_report(module, sides, work, outcomes, guards, work.refusals), **saved}
    sentence = drift(made) if module.params["fail_on_drift"] and made else ""
    return Ending(bool(work.plan.changes), result, sentence)


def _sync(module: AdapterModule, sides: list[Side]) -> Ending:
    params = module.params
    guards = _opened(module, sides)
    stored = FromFile(params) if params["plan"] or params["undo_journal"] else None
    with _lock(module, sides[1]):
        _load(sides)
        source, target = sides
        work = stored.work(guards, source, target) if stored else compared(params, guards, source, target)
        if module.check_mode or work.refusals:
            outcomes, made = work.foreseen("check mode")
            if module.check_mode:
                return Ending(bool(made), _report(module, sides, work, outcomes, guards, work.refusals))
            sentence = refused(work.refusals, params["target"]["adapter"])
            return Ending(False, _report(module, sides, work, outcomes, guards), sentence, work.refusals[0])
        application = Application(params, sides, guards)
        applied = application.apply(work)
        sentence = failures(applied.result, target.params["adapter"])
        if not sentence:
            application.conclude(applied, work, module.cargo)
    result = {**_report(module, [source, target], work, applied.result.outcomes, guards), **applied.records}
    return _ended(applied, sentence, result)


def _ended(applied: Applied, sentence: str, report: dict[str, Any]) -> Ending:
    result: Result = applied.result
    error = result.interrupted or result.complete_error or next((failure.error for failure in result.failures), None)
    return Ending(result.changed, report, " ".join(filter(None, (sentence, *applied.problems))), error or applied.error)


# ---------------------------------------------------------------------- their stages


def _opened(module: AdapterModule, sides: list[Side]) -> Guards:
    """Make both adapters, and read what the task says about what may be changed."""
    for side in sides:
        side.open(module.cargo)
    source, target = sides
    return Guards(module.params, source.dataset, target.dataset)


def _load(sides: list[Side]) -> None:
    for side in sides:
        side.load()


@contextmanager
def _lock(module: AdapterModule, target: Side) -> Iterator[None]:
    """Hold the lock that a task asks for; a run that writes nothing needs none."""
    params = module.params
    with ExitStack() as stack:
        if params["lock"] and not module.check_mode:
            with stage("locking"):
                stack.enter_context(locked(params["lock"], params["lock_timeout"], f"dsync_sync of {target.dataset.name}"))
        yield


def _save_plan(params: dict[str, Any], work: Work, source: Side, target: Side) -> dict[str, Any]:
    with stage("saving the plan"):
        digest = save(
            work.plan,
            params["plan"],
            source=source.dataset,
            target=target.dataset,
            flags=params["flags"],
            adapters=(source.params["adapter"], target.params["adapter"]),
            key=params["plan_key"],
        )
    return {"path": params["plan"], "digest": digest, "changes": len(work.plan)}


# ---------------------------------------------------------------------- what is returned


def _report(
    module: AdapterModule,
    sides: list[Side],
    work: Work,
    outcomes: list[Outcome],
    guards: Guards,
    foreseen: Sequence[Refused] = (),
) -> dict[str, Any]:
    """Return what a task tells of its work; what a run would be refused for is a warning, too."""
    source, target = sides
    report = Report(module.params, source, target)
    found = [] if work.diff is None else work.diff.warnings
    notes = [f"{module.params['baseline']} is not there yet, so no shrinking can be noticed."] if guards.first_run else []
    for warning in report.warnings([*found, *work.warnings, *notes, *(f"A run is refused: {error}." for error in foreseen)]):
        module.warn(warning)
    parts = {**report.comparison(work), **report.outcomes(outcomes), "refusals": report.refusals(work.refusals)}
    if work.saved is not None:
        parts["plan"] = {"path": module.params["plan"], "digest": work.saved.digest, "changes": len(work.plan)}
    return {**parts, "diff": report.before_after(work.plan)} if module._diff else parts


def _scrubbed(sides: list[Side], sentence: str, error: BaseException | None) -> dict[str, str]:
    """Return the message and the traceback of a failure, without anything that nobody may see."""
    hidden = set().union(*(side.secrets() | side.sensitive_values() for side in sides))
    return {"msg": told(sentence, hidden), "exception": told(traceback_of(error), hidden, LONGEST_TRACEBACK)}
