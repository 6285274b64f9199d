# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the test stages came to: read from pytest's reports, shown as one table and one closing line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PASSED = "passed"
FAILED = "FAILED"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Tests:
    """How many tests of a pytest run passed, failed and were skipped, and why those were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Outcome:
    """What one stage on one environment came to."""

    environment: str
    stage: str
    result: str
    seconds: float = 0.0
    note: str = ""
    tests: Tests | None = None
    skipped: tuple[str, ...] = ()
    """What the stage left out by itself, each with its reason."""


def read_report(path: Path) -> Tests | None:
    """Return what pytest's JUnit report says, or None if there is none, as when pytest could not start."""
    if not path.is_file():
        return None
    cases = list(ElementTree.parse(path).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    reasons = tuple(
        f"{case.get('classname')}::{case.get('name')}: {_reason(skipped)}" for case in cases for skipped in case.findall("skipped")
    )
    return Tests(len(cases) - failed - len(reasons), failed, len(reasons), reasons)


def _reason(skipped: ElementTree.Element) -> str:
    """Return why a test was skipped. Of a file skipped as a whole, pytest keeps the reason in the element's text."""
    message = skipped.get("message") or ""
    return (skipped.text or "").strip() if message == "collection skipped" else message


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the closing words: what was skipped and why, the table of what ran, and the sum of the pytest runs."""
    skipped = [f"skipped: {outcome.environment} {outcome.stage}: {why}" for outcome in outcomes for why in _why(outcome)]
    verdict = [f"{result}: {_named(outcomes, result)}" for result in (NOT_RUN, FAILED)]
    return "\n".join([*skipped, "", *_table(outcomes), "", *verdict, str(_total(outcomes))])


def _named(outcomes: Iterable[Outcome], result: str) -> str:
    named = [f"{outcome.environment} {outcome.stage}" for outcome in outcomes if outcome.result == result]
    return ", ".join(named) or "none"


def _why(outcome: Outcome) -> Iterable[str]:
    yield from outcome.skipped
    if outcome.tests:
        yield from outcome.tests.reasons


def _table(outcomes: Iterable[Outcome]) -> list[str]:
    rows = [("environment", "stage", "result", "seconds", "what")]
    for outcome in outcomes:
        what = "; ".join(str(part) for part in (outcome.tests, outcome.note) if part)
        rows.append((outcome.environment, outcome.stage, outcome.result, f"{outcome.seconds:.1f}", what))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _total(outcomes: Iterable[Outcome]) -> Tests:
    runs = [outcome.tests for outcome in outcomes if outcome.tests]
    return Tests(sum(run.passed for run in runs), sum(run.failed for run in runs), sum(run.skipped for run in runs))
