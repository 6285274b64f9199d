# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Moves: each in one go, after what the new place needs and before the old place goes, so that no failure loses more than one."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import DSyncFlags, DSyncModelFlags, ObjectRef, Plan
from estate import Estate, estate
from hypothesis import given
from test_plan import FLAGS, check_plan, estates, keys

DEVICES = {f"d{number}": ("x", {"e": 1}) for number in range(3)}


def with_flag(dataset: Estate, flag: DSyncModelFlags) -> Estate:
    for model in ("site", "device", "interface"):
        for obj in dataset.get_all(model):
            obj.model_flags = flag
    return dataset


@pytest.mark.parametrize("going_on", [DSyncFlags.NONE, DSyncFlags.CONTINUE_ON_FAILURE])
@pytest.mark.parametrize("flag", FLAGS, ids=repr)
@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_deleted_for_a_place_that_cannot_be_made(going_on: DSyncFlags, flag: DSyncModelFlags, workers: int) -> None:
    target, source = with_flag(estate({"old": ("1", DEVICES)}), flag), estate({"new": ("1", DEVICES)})
    before = target.dict()
    target.trouble["create", "site", "new"] = RuntimeError("the quota is exceeded")
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(plan, source, going_on, workers=workers)
    assert target.log == [("create", "site", "new")]
    assert target.dict() == before
    assert result.counts["not_attempted"] == len(plan) - 1


@pytest.mark.parametrize("flag", FLAGS, ids=repr)
def test_each_object_is_created_right_after_it_is_deleted_and_the_old_place_goes_last(flag: DSyncModelFlags) -> None:
    target = with_flag(estate({"old": ("1", DEVICES)}), flag)
    source = estate({"new": ("1", DEVICES)})
    plan = Plan.from_diff(target.diff_from(source))
    check_plan(plan)
    order = [key for key in keys(plan) if key[1] != "interface"]
    assert order[0] == ("create", "site", "new")
    assert order[-1] == ("delete", "site", "old")
    assert order[1:-1] == [(action, "device", name) for name in DEVICES for action in ("delete", "create")]


@pytest.mark.parametrize("flag", FLAGS, ids=repr)
def test_the_old_place_stays_while_an_object_in_it_could_not_be_moved(flag: DSyncModelFlags) -> None:
    target, source = with_flag(estate({"old": ("1", DEVICES)}), flag), estate({"new": ("1", DEVICES)})
    target.trouble["delete", "device", "d1"] = RuntimeError("it is locked")
    target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert target.get("site", "old").devices == ["d1"]
    assert sorted(target.get("site", "new").devices) == ["d0", "d2"]


def test_a_hierarchy_that_is_turned_upside_down_is_still_turned() -> None:
    target = estate(folders={"a": (1, {"b": (1, {"c": (1, {"d": 1})})})})
    source = estate(folders={"d": (1, {"c": (1, {"b": (1, {"a": 1})})})})
    check_plan(Plan.from_diff(target.diff_from(source)))
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()


@given(target=estates(), source=estates())
def test_wherever_a_run_ends_only_the_device_in_hand_is_missing(target: Estate, source: Estate) -> None:
    wanted = {ref for ref in places(target) if ref in places(source)}
    missing: list[set[ObjectRef]] = []
    operate = target.operate

    def watched(key: Any) -> bool:
        missing.append(wanted - places(target))
        return operate(key)

    target.operate = watched  # type: ignore[method-assign]  # every operation asks it
    target.sync_from(source)
    for lost in missing:
        assert len({device_of(ref, source) for ref in lost}) <= 1, lost


def places(dataset: Estate) -> set[ObjectRef]:
    """Return the devices and interfaces of a dataset."""
    return {ObjectRef(model, obj.get_unique_id()) for model in ("device", "interface") for obj in dataset.get_all(model)}


def device_of(ref: ObjectRef, dataset: Estate) -> str:
    """Return the name of a device, or of the device of an interface."""
    obj: Any = dataset.get(ref.model, ref.id)
    return str(obj.name if ref.model == "device" else obj.device)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("flag", FLAGS, ids=repr)
def test_a_run_that_is_interrupted_finishes_the_move_in_hand(flag: DSyncModelFlags, workers: int) -> None:
    target, source = with_flag(estate({"old": ("1", DEVICES)}), flag), estate({"new": ("1", DEVICES)})

    def stop() -> BaseException | None:
        return KeyboardInterrupt() if ("delete", "device", "d0") in target.log else None

    result = target.apply(Plan.from_diff(target.diff_from(source)), source, workers=workers, stop=stop)
    assert isinstance(result.interrupted, KeyboardInterrupt)
    assert result.counts["failed"] == 0
    assert "d0" in target.get("site", "new").devices
    assert sorted(target.get("site", "new").devices + target.get("site", "old").devices) == sorted(DEVICES)
    missed = [outcome.message for outcome in result.outcomes if str(outcome.status) == "not_attempted"]
    assert "the run was interrupted (KeyboardInterrupt)" in missed
    assert not [message for message in missed if "failure" in message]


def test_a_failure_beside_a_move_does_not_leave_it_half_made() -> None:
    class Batches(Estate):
        batch_size = 10

    target = estate({"a": ("1", {"d": "x"}), "b": ("1", {"old": "x"})}, kind=Batches)
    source = estate({"a": "1", "b": ("1", {"d": "x"})})
    target.trouble["delete", "device", "old"] = RuntimeError("it is locked")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert result.stopped
    assert "d" in target.get("site", "a").devices + target.get("site", "b").devices


def test_what_goes_with_a_moved_object_is_recorded_at_once() -> None:
    target = estate({"old": ("1", {"d": ("x", {"e": 1})}), "other": "1"})
    source = estate({"other": ("1", {"d": ("x", {"e": 1})})})
    target.get("device", "d").model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    order = keys(Plan.from_diff(target.diff_from(source)))
    first = order.index(("delete", "device", "d"))
    assert order[first + 1] == ("delete", "interface", "d__e")
