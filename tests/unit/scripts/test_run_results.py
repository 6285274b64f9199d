# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test run reports: of a real pytest run, the failing test first, the slowest tests, and the file that keeps it all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import results
from results import FAILED, PASSED, Outcome

TESTS = """
import pytest

def test_passes():
    pass

def test_fails():
    assert 1 == 2, "one is not two"

@pytest.fixture
def broken():
    raise ValueError("no fixture")

def test_errs(broken):
    pass

@pytest.mark.skip(reason="not here")
def test_is_skipped():
    pass
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> results.Tests:
    folder = tmp_path_factory.mktemp("ran")
    (folder / "test_some.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    report = folder / "report.xml"
    slowest = re.sub(r'(name="test_passes" time=)"[0-9.]+"', r'\1"50.000"', report.read_text())  # however slow this machine is
    report.write_text(slowest)
    read = results.read_report(report)
    assert read is not None
    return read


def test_a_report_is_counted_and_names_what_failed(ran: results.Tests) -> None:
    assert (ran.passed, ran.failed, ran.skipped) == (1, 2, 1)
    assert ran.reasons == ("test_some::test_is_skipped: not here",)
    failed, erred = ran.failures
    assert failed.startswith("test_some::test_fails\n")
    assert "one is not two" in failed
    assert erred.startswith("test_some::test_errs\n")
    assert "no fixture" in erred


def test_the_summary_has_the_slowest_test_and_closes_with_the_sum(ran: results.Tests) -> None:
    lines = results.summary([Outcome("here", "unit", FAILED, 1.5, tests=ran)], ["there unit: no changed file can break it"], 90)
    told = lines.splitlines()
    assert next(line for line in told if line.startswith("slow:")).endswith("here test_some::test_passes")
    assert "left out: there unit: no changed file can break it" in told
    assert told[-3:] == ["FAILED: here unit", "90 seconds in all", "1 passed, 2 failed, 1 skipped"]


def test_what_a_run_came_to_is_kept(ran: results.Tests, tmp_path: Path) -> None:
    outcomes = [Outcome("here", "unit", FAILED, 1.5, tests=ran), Outcome("here", "lint", PASSED, 2.0)]
    results.write(tmp_path / "build" / "last_run.json", outcomes, commit="abc", clean=True, seconds=3.5)
    kept = json.loads((tmp_path / "build" / "last_run.json").read_text())
    assert (kept["commit"], kept["clean"], kept["seconds"], kept["failed"]) == ("abc", True, 3.5, ["here unit"])
    assert [(stage["stage"], stage["result"], stage["seconds"]) for stage in kept["stages"]] == [
        ("unit", FAILED, 1.5),
        ("lint", PASSED, 2.0),
    ]
    assert len(kept["stages"][0]["failures"]) == 2
    assert kept["slowest"][0]["test"].endswith("test_passes")


def test_no_report_is_no_result(tmp_path: Path) -> None:
    assert results.read_report(tmp_path / "none.xml") is None
