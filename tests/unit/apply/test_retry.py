# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Retrying: how often, how long, and what never."""

from __future__ import annotations

import sys
import time

import pytest
from dsync import DSyncException, DSyncFlags, OutcomeStatus, Plan
from dsync.apply.retry import retrying
from dsync.exceptions import LibraryMissing, TransientError
from estate import Estate, estate


class Flaky:
    """Fails so many times, and counts its calls."""

    def __init__(self, times: int, error: BaseException) -> None:
        self.times, self.error, self.calls = times, error, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "made"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def transient(error: BaseException) -> bool:
    return isinstance(error, (TransientError, KeyboardInterrupt, SystemExit))


def test_what_passes_is_tried_again(waits: list[float]) -> None:
    flaky = Flaky(3, TransientError("busy"))
    assert retrying(5, transient)(flaky) == "made"
    assert flaky.calls == 4
    for wait, least in zip(waits, (0.5, 1.0, 2.0)):
        assert least <= wait <= least + 0.5
    assert len(waits) == 3


def test_the_last_failure_is_raised(waits: list[float]) -> None:
    flaky = Flaky(9, TransientError("busy"))
    with pytest.raises(TransientError, match="busy"):
        retrying(3, transient)(flaky)
    assert (flaky.calls, len(waits)) == (3, 2)


def test_waits_are_bounded(waits: list[float]) -> None:
    retrying(40, transient, first_wait=1, max_wait=7)(Flaky(39, TransientError()))
    assert max(waits) == 7
    assert retrying(2, transient, first_wait=0, max_wait=0)(Flaky(1, TransientError())) == "made"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), ValueError("no")])
def test_other_failures_are_raised_at_once(waits: list[float], error: BaseException) -> None:
    flaky = Flaky(1, error)
    with pytest.raises(type(error)):
        retrying(5, transient)(flaky)
    assert (flaky.calls, waits) == (1, [])


def test_an_interrupt_ends_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    flaky = Flaky(5, TransientError())
    with pytest.raises(KeyboardInterrupt):
        retrying(5, transient)(flaky)
    assert flaky.calls == 1


def test_one_attempt_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tenacity", None)
    with pytest.raises(TransientError):
        retrying(1, transient)(Flaky(1, TransientError()))
    with pytest.raises(LibraryMissing, match="library tenacity, which is not installed") as caught:
        retrying(2, transient)
    assert caught.value.library == "tenacity"
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, DSyncException)


@pytest.mark.parametrize("given", [(0, 1.0, 1.0), (2, -1.0, 1.0), (2, 1.0, -1.0)])
def test_impossible_numbers(given: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="at least 1 attempt"):
        retrying(given[0], transient, given[1], given[2])


def test_in_a_run(waits: list[float]) -> None:
    class Busy(Estate):
        left = 2

        def operate(self, key: tuple[str, str, str]) -> bool:
            super().operate(key)
            self.left -= 1
            if self.left >= 0:
                raise TransientError("busy")
            return True

    target, source = estate({}, kind=Busy), estate({"a": "x"})
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(plan, source, retry=retrying(3, target.is_transient))
    assert [outcome.status for outcome in result.outcomes] == [OutcomeStatus.DONE]
    assert target.log == [("create", "site", "a")] * 3
    target.left = 9
    plan = Plan.from_diff(target.diff_from(estate({"a": "y"}), flags=DSyncFlags.NONE))
    assert target.apply(plan, source, retry=retrying(3, target.is_transient)).counts["failed"] == 1
