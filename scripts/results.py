# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the test stages came to: read from pytest's reports, shown as one table and one closing line, and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PASSED = "passed"
FAILED = "FAILED"
NOT_RUN = "not run"
SLOWEST = 10


@dataclass(frozen=True)
class Tests:
    """How many tests of a pytest run passed, failed and were skipped.

    Attributes:
        reasons: why tests were skipped, each with its test.
        failures: what failed, each with its test first.
        seconds: how long each test took, setup and teardown included.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    seconds: tuple[tuple[float, str], ...] = ()

    def __add__(self, other: Tests) -> Tests:
        return Tests(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.reasons + other.reasons,
            self.failures + other.failures,
            self.seconds + other.seconds,
        )

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
    failures = tuple(f"{_name(case)}\n{_text(found)}" for case in cases for found in _failed(case))
    failed = sum(bool(_failed(case)) for case in cases)
    reasons = tuple(f"{_name(case)}: {_reason(skipped)}" for case in cases for skipped in case.findall("skipped"))
    seconds = tuple((float(case.get("time") or 0), _name(case)) for case in cases)
    return Tests(len(cases) - failed - len(reasons), failed, len(reasons), reasons, failures, seconds)


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname')}::{case.get('name')}"


def _text(found: ElementTree.Element) -> str:
    return (found.text or found.get("message") or "").strip()


def _failed(case: ElementTree.Element) -> list[ElementTree.Element]:
    return [*case.findall("failure"), *case.findall("error")]


def _reason(skipped: ElementTree.Element) -> str:
    """Return why a test was skipped. Of a file skipped as a whole, pytest keeps the reason in the element's text."""
    message = skipped.get("message") or ""
    return (skipped.text or "").strip() if message == "collection skipped" else message


def summary(outcomes: Sequence[Outcome], left_out: Sequence[str] = (), seconds: float = 0.0) -> str:
    """Return the end of a report: what was skipped and why, the slowest tests, a table of what ran, and the sum of tests."""
    skipped = [f"skipped: {outcome.environment} {outcome.stage}: {why}" for outcome in outcomes for why in _why(outcome)]
    slowest = [f"slow: {taken:6.1f} s  {where}" for taken, where in _slowest(outcomes)]
    verdict = [f"{result}: {_named(outcomes, result)}" for result in (NOT_RUN, FAILED)]
    unneeded = [f"left out: {why}" for why in left_out]
    took = f"{seconds:.0f} seconds in all"
    return "\n".join([*skipped, "", *slowest, "", *_table(outcomes), "", *unneeded, *verdict, took, str(_total(outcomes))])


def write(path: Path, outcomes: Sequence[Outcome], *, commit: str, clean: bool, seconds: float) -> None:
    """Write what a run came to as JSON: the commit, whether the working tree held just that, and each stage."""
    stages = [
        {
            "environment": outcome.environment,
            "stage": outcome.stage,
            "result": outcome.result,
            "seconds": round(outcome.seconds, 1),
            "note": outcome.note,
            **({"tests": str(outcome.tests), "failures": list(outcome.tests.failures)} if outcome.tests else {}),
        }
        for outcome in outcomes
    ]
    slowest = [{"seconds": round(taken, 1), "test": where} for taken, where in _slowest(outcomes)]
    failed = [f"{outcome.environment} {outcome.stage}" for outcome in outcomes if outcome.result == FAILED]
    told = {"commit": commit, "clean": clean, "seconds": round(seconds, 1), "failed": failed, "stages": stages, "slowest": slowest}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _slowest(outcomes: Iterable[Outcome]) -> list[tuple[float, str]]:
    ran = ((taken, f"{one.environment} {name}") for one in outcomes if one.tests for taken, name in one.tests.seconds)
    return sorted(ran, reverse=True)[:SLOWEST]


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
    return sum((outcome.tests for outcome in outcomes if outcome.tests), Tests())
