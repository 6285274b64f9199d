# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a task: load, compare, plan, apply, report. dsync_diff and check mode are the same without apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ..dsync import Diff, DSyncFlags, Outcome, OutcomeStatus, Plan, Result
from ..dsync._pydantic import HAS_PYDANTIC, PYDANTIC_IMPORT_ERROR, PYDANTIC_MINIMUM, PYDANTIC_PROBLEM
from ..dsync.collector import patient_collector
from . import alias
from .arguments import AdapterModule
from .failure import TaskFailure
from .quiet import streams_aside
from .results import Report
from .sentences import LONGEST_TRACEBACK, drift, failures, stage, told, traceback_of
from .sides import Side, both_sides


@dataclass(frozen=True)
class Comparison:
    """Both sides, loaded and compared, and what is to be done to the target."""

    source: Side
    target: Side
    flags: DSyncFlags
    diff: Diff
    plan: Plan


def run_diff(module: AdapterModule) -> None:
    """Compare the target from the source, and say what would be done to the target."""
    with _task(module) as sides:
        compared = _compare(module, *sides)
        report = _report(module, compared, _not_attempted(compared.plan, "nothing but compared"))
    changed = bool(compared.plan.changes)
    if changed and module.params["fail_on_drift"]:
        module.fail_json(msg=drift(compared.diff.summary()), changed=changed, **report)
    module.exit_json(changed=changed, **report)


def run_sync(module: AdapterModule) -> None:
    """Make the target like the source, or in check mode say what would be done."""
    with _task(module) as sides:
        compared = _compare(module, *sides)
        result = Result(_not_attempted(compared.plan, "check mode")) if module.check_mode else _apply(compared)
        report = _report(module, compared, result.outcomes)
        sentence = failures(result, compared.target.params["adapter"])
    if sentence:
        _fail(module, sides, sentence, result, report)
    module.exit_json(changed=bool(compared.plan.changes) if module.check_mode else result.changed, **report)


@contextmanager
def _task(module: AdapterModule) -> Iterator[tuple[Side, Side]]:
    """Run the stages of a task on its two sides, with the module's streams aside; a failure of theirs ends the module."""
    _require_pydantic(module)
    alias.install()
    sides = both_sides(module.params)
    try:
        _check_maximum(module.params["max_changes"])
        with streams_aside(), patient_collector():
            yield sides
    except TaskFailure as failure:
        module.fail_json(**_scrubbed(sides, str(failure), failure.__cause__ or failure))


def _require_pydantic(module: AdapterModule) -> None:
    if not HAS_PYDANTIC:
        library = missing_required_lib(f"pydantic >= {PYDANTIC_MINIMUM}")
        module.fail_json(msg=f"{library} ({PYDANTIC_PROBLEM})", exception=PYDANTIC_IMPORT_ERROR)


def _check_maximum(max_changes: int) -> None:
    if max_changes < 0:
        raise TaskFailure(f"max_changes is {max_changes}; it should be 0 or more.")


def _compare(module: AdapterModule, source: Side, target: Side) -> Comparison:
    for side in (source, target):
        side.open(module.cargo)
    for side in (source, target):
        side.load()
    flags = reduce(or_, (DSyncFlags[name.upper()] for name in module.params["flags"]), DSyncFlags.NONE)
    with stage("comparing source and target"):
        diff = target.dataset.diff_from(source.dataset, flags=flags)
        return Comparison(source, target, flags, diff, Plan.from_diff(diff))


def _apply(compared: Comparison) -> Result:
    source, target = compared.source, compared.target
    with target.named(), stage("synchronising"):
        return target.dataset.apply(compared.plan, source.dataset, flags=compared.flags, diff=compared.diff)


def _not_attempted(plan: Plan, reason: str) -> list[Outcome]:
    return [Outcome(change, OutcomeStatus.NOT_ATTEMPTED, reason) for change in plan]


def _report(module: AdapterModule, compared: Comparison, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    report = Report(module.params, compared.source, compared.target)
    for warning in report.warnings(compared.diff.warnings):
        module.warn(warning)
    parts = {**report.comparison(compared.diff), **report.outcomes(outcomes)}
    return {**parts, "diff": report.before_after(compared.plan)} if module._diff else parts


def _fail(module: AdapterModule, sides: tuple[Side, Side], sentence: str, result: Result, report: dict[str, Any]) -> None:
    error = result.interrupted or result.complete_error or result.failures[0].error
    module.fail_json(**_scrubbed(sides, sentence, error), changed=result.changed, **report)


def _scrubbed(sides: tuple[Side, Side], sentence: str, error: BaseException | None) -> dict[str, str]:
    """Return the message and the traceback of a failure, without anything that nobody may see."""
    hidden = set().union(*(side.secrets() | side.sensitive_values() for side in sides))
    return {"msg": told(sentence, hidden), "exception": told(traceback_of(error), hidden, LONGEST_TRACEBACK)}
