# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes made side by side: the outcomes and the end are those of one worker."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, OutcomeStatus, Plan, TransientError
from dsync.apply.apply import apply
from dsync.apply.retry import retrying
from dsync.exceptions import AskedToEnd
from dsync.model.model import Creation, DSyncModel, Updating
from dsync.plan.result import Result
from estate import Device, Estate, Site, estate
from hypothesis import given
from hypothesis import strategies as st
from richtree import content

names = st.sampled_from([f"d{number}" for number in range(5)])
places = st.sampled_from(["nyc", "lon", "rio"])
trees = st.dictionaries(places, st.tuples(st.sampled_from("xy"), st.dictionaries(names, st.sampled_from("ab"))))


def distinct(said: dict[str, Any]) -> dict[str, Any]:
    """Return the sites with devices of their own: one device stands below one site."""
    return {
        site: (contact, {f"{site}-{name}": role for name, role in devices.items()}) for site, (contact, devices) in said.items()
    }


def ends(result: Result) -> list[tuple[str, str, str]]:
    return [(repr(outcome.change), outcome.status.value, outcome.message) for outcome in result.outcomes]


@given(trees, trees, st.integers(2, 6), st.data())
def test_outcomes_and_end_are_those_of_one_worker(before: Any, after: Any, workers: int, data: Any) -> None:
    source, before = estate(distinct(after)), distinct(before)
    plan = Plan.from_diff(estate(before).diff_from(source))
    keys = [(str(change.action), change.model, change.id) for change in plan]
    broken = data.draw(st.sets(st.sampled_from(keys), max_size=3)) if keys else set()
    results, ended = [], []
    for number in (1, workers):
        target = estate(before)
        target.trouble = {key: ValueError("no") for key in broken}
        results.append(apply(plan, source, target, DSyncFlags.CONTINUE_ON_FAILURE, workers=number))
        ended.append(content(target))
        assert len(target.log) == len(set(target.log))
    assert ends(results[0]) == ends(results[1])
    assert ended[0] == ended[1]


class Meeting(Estate):
    """Creates of devices wait for one another, so that they only succeed side by side."""

    parties = 4

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.barrier = threading.Barrier(self.parties, timeout=5)
        self.threads: Counter[str] = Counter()

    def operate(self, key: Any) -> bool:
        self.threads[threading.current_thread().name] += 1
        if key[1] == "device":
            self.barrier.wait()
        return super().operate(key)


FOUR = {"nyc": ("x", {f"d{number}": "a" for number in range(4)})}


def test_independent_changes_are_made_at_the_same_time_and_after_what_they_require() -> None:
    before = threading.active_count()
    target = estate({}, kind=Meeting)
    source = estate(FOUR)
    result = apply(Plan.from_diff(target.diff_from(source)), source, target, workers=4)
    result.raise_for_failure()
    assert target.log[0] == ("create", "site", "nyc")
    assert not target.diff_from(source).has_diffs()
    assert isinstance(target, Meeting)
    assert len(target.threads) == 4
    assert threading.active_count() == before


def test_after_a_failure_nothing_new_is_begun() -> None:
    class Slow(Estate):
        def operate(self, key: Any) -> bool:
            time.sleep(0.2 if key[2] == "d1" else 0)
            return super().operate(key)

    target, source = estate({}, kind=Slow), estate({"nyc": ("x", {f"d{number}": "a" for number in range(9)})})
    target.trouble = {("create", "device", "d0"): ValueError("no")}
    result = apply(Plan.from_diff(target.diff_from(source)), source, target, workers=2)
    status = {outcome.change.id: outcome.status for outcome in result.outcomes}
    assert status["d0"] == OutcomeStatus.FAILED
    assert status["d1"] == OutcomeStatus.DONE, "it had been begun, and came to its end"
    assert result.counts["not_attempted"] >= 6
    assert {key[2] for key in target.log} == {name for name, one in status.items() if one != OutcomeStatus.NOT_ATTEMPTED}


def test_a_target_that_is_not_thread_safe_refuses_several_workers() -> None:
    class Alone(Estate):
        thread_safe = False

    target = estate({}, kind=Alone)
    with pytest.raises(ValueError, match="2 workers are not possible: Alone is not thread-safe"):
        apply(Plan(), estate({}), target, workers=2)
    with pytest.raises(ValueError, match="no workers"):
        apply(Plan(), estate({}), target, workers=0)


def test_each_attempt_is_tried_again_by_itself() -> None:
    class Shaky(Estate):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.tries: Counter[str] = Counter()

        def operate(self, key: Any) -> bool:
            self.tries[key[2]] += 1
            if self.tries[key[2]] == 1:
                raise TransientError("later")
            return super().operate(key)

    target, source = estate({}, kind=Shaky), estate(FOUR)
    retry = retrying(2, target.is_transient, first_wait=0.01, max_wait=0.01)
    apply(Plan.from_diff(target.diff_from(source)), source, target, workers=4, retry=retry).raise_for_failure()
    assert isinstance(target, Shaky)
    assert set(target.tries.values()) == {2}


class Batched(Device):
    @classmethod
    def create_many(cls, dsync: Any, items: list[Creation]) -> list[Any]:
        dsync.calls.append(len(items))
        if any(item.ids["name"] == "d3" for item in items):
            raise ValueError("d3 is bad")
        return [cls.create(dsync=dsync, ids=item.ids, attrs=item.attrs) for item in items]

    @classmethod
    def update_many(cls, dsync: Any, items: list[Updating]) -> list[Any]:
        raise NotImplementedError

    @classmethod
    def delete_many(cls, dsync: Any, items: list[DSyncModel]) -> list[Any]:
        raise NotImplementedError


class InBatches(Estate):
    site = Site
    device = Batched
    batch_size = 4

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[int] = []


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_are_made_side_by_side_and_halved(workers: int) -> None:
    target = estate({}, kind=InBatches)
    source = estate({"nyc": ("x", {f"d{number}": "a" for number in range(12)})}, kind=InBatches)
    plan = Plan.from_diff(target.diff_from(source))
    result = apply(plan, source, target, DSyncFlags.CONTINUE_ON_FAILURE, workers=workers)
    assert {outcome.change.id for outcome in result.failures} == {"d3"}
    assert target.count("device") == 11
    assert isinstance(target, InBatches)
    assert sorted(target.calls) == [1, 1, 2, 2, 4, 4, 4]


# ---------------------------------------------------------------------- the end from outside


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_that_is_asked_to_stop_does_so_between_changes(workers: int) -> None:
    target, source = estate({}), estate({"nyc": ("x", {f"d{number}": "a" for number in range(20)})})
    asked = AskedToEnd("SIGTERM")
    result = apply(
        Plan.from_diff(target.diff_from(source)),
        source,
        target,
        workers=workers,
        stop=lambda: asked if len(target.log) >= 5 else None,
    )
    assert result.interrupted is asked
    assert not result.failures
    assert 5 <= result.counts["done"] < 5 + workers
    left = [outcome.message for outcome in result.outcomes if outcome.status == OutcomeStatus.NOT_ATTEMPTED]
    assert set(left) == {"the run was interrupted (SIGTERM)"}
    assert len(target.log) == result.counts["done"]


def test_what_was_begun_when_the_journal_breaks_may_have_been_made() -> None:
    class Breaking:
        def intend(self, *changes: Any) -> None:
            pass

        def record(self, *outcomes: Any) -> None:
            raise OSError("disk full")

    target: DSync = estate({}, kind=Estate)
    source = estate({site: ("x", {}) for site in ("a", "b", "c", "d")})
    result = apply(Plan.from_diff(target.diff_from(source)), source, target, workers=2, journal=Breaking())
    assert isinstance(result.interrupted, OSError)
    maybe = {outcome.change.id for outcome in result.failures if outcome.maybe}
    assert {key[2] for key in target.log} <= maybe | {o.change.id for o in result.outcomes if o.status == OutcomeStatus.DONE}
