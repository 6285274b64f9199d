# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes that are made together or not at all: an object and the one that takes its unique values, and swaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, DSyncModelFlags, OutcomeStatus, Plan
from dsync.apply.preview import preview
from dsync.guard.staleness import check
from dsync.plan.change import ChangeKey
from dsync.plan.outcome import Verdict
from dsync.plan.together import gathered, units
from dsync.plan.undo import undo_plan
from in_batches import in_batches

FLAGS = [DSyncModelFlags.NONE, DSyncModelFlags.NATURAL_DELETION_ORDER, DSyncModelFlags.SKIP_CHILDREN_ON_DELETE]


class Logged(DSyncModel):
    """An object of a system in which no two devices have the same serial number, and which refuses what it is asked to."""

    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        dsync.check(cls, "create", "__".join(ids.values()), attrs)
        return super().create(dsync, ids, attrs)

    def update(self, attrs: dict[str, Any]) -> Any:
        self.dsync.check(type(self), "update", self.get_unique_id(), attrs)
        return super().update(attrs)

    def delete(self) -> Any:
        self.dsync.check(type(self), "delete", self.get_unique_id(), {})
        return super().delete()


class Device(Logged):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("serial", "role")
    _children = {"port": "ports"}
    _unique = ("serial",)
    name: str
    serial: str | None = None
    role: str = ""
    ports: list[str] = []


class Port(Logged):
    _modelname = "port"
    _identifiers = ("device", "name")
    _attributes = ("speed",)
    device: str
    name: str
    speed: int = 1


class Rack(DSync):
    device = Device
    port = Port
    top_level = ("device",)
    thread_safe = True

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self.trouble: dict[str, BaseException] = {}

    def check(self, kind: type[DSyncModel], action: str, name: str, attrs: dict[str, Any]) -> None:
        self.log.append(f"{action} {name}")
        serial = attrs.get("serial")
        assert serial is None or all(one.serial != serial or one.name == name for one in self.get_all("device")), "it is taken"
        if f"{action} {name}" in self.trouble:
            raise self.trouble[f"{action} {name}"]


def rack(flag: DSyncModelFlags = DSyncModelFlags.NONE, **devices: Any) -> Rack:
    made = Rack()
    for name, (serial, ports) in devices.items():
        device = made.device(name=name, serial=serial)
        device.model_flags = flag
        made.add(device)
        for port in ports:
            made.add(made.port(device=name, name=port, speed=len(ports)))
            device.add_child(made.get("port", {"device": name, "name": port}))
    return made


def statuses(result: Any) -> dict[str, str]:
    return {f"{one.change.action} {one.change.id}": str(one.status) for one in result.outcomes}


def replaced(flag: DSyncModelFlags = DSyncModelFlags.NONE) -> tuple[Rack, Rack, Plan]:
    target, source = rack(flag, old=("x", ("a", "b")), kept=("y", ())), rack(new=("x", ("a",)), kept=("y", ()))
    return target, source, Plan.from_diff(target.diff_from(source))


@pytest.mark.parametrize("flag", FLAGS)
def test_an_object_is_deleted_right_before_the_one_that_takes_its_values(flag: DSyncModelFlags) -> None:
    target, source, plan = replaced(flag)
    assert [f"{change.action} {change.id}" for change in plan][3:] == ["create new", "create new__a"]
    target.apply(plan, source).raise_for_failure()
    assert not target.diff_from(source).has_diffs()


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("flags", [DSyncFlags.NONE, DSyncFlags.CONTINUE_ON_FAILURE])
@pytest.mark.parametrize("workers", [1, 3])
def test_what_cannot_be_replaced_is_put_back(flag: DSyncModelFlags, flags: DSyncFlags, workers: int) -> None:
    target, source, plan = replaced(flag)
    target.trouble["create new"] = ValueError("no licence")
    result = target.apply(plan, source, flags, workers=workers)
    assert statuses(result) == {
        "delete old": "failed",
        "delete old__a": "failed",
        "delete old__b": "failed",
        "create new": "failed",
        "create new__a": "not_attempted",
    }
    assert [str(one.change) for one in result.failures if not one.taken_back] == ['create device "new"']
    assert {one.message for one in result.failures if one.taken_back} == {'it was undone, since the create of device "new" failed'}
    assert not any(one.maybe for one in result.outcomes)
    assert not target.diff_from(replaced(flag)[0]).has_diffs()


def test_what_was_replaced_is_put_back_by_undo() -> None:
    target, source, plan = replaced()
    target.apply(plan, source).raise_for_failure()
    back = undo_plan(plan)
    target.trouble["create old"] = ValueError("no licence")
    assert not any(one.status == OutcomeStatus.DONE for one in target.apply(back, source).outcomes if one.change.id == "new")
    assert target.get_or_none("device", "new") is not None
    target.trouble.clear()
    target.apply(undo_plan(plan), source).raise_for_failure()
    assert not target.diff_from(replaced()[0]).has_diffs()


@pytest.mark.parametrize("status", [OutcomeStatus.REFUSED, None])
def test_nothing_is_deleted_for_what_is_not_to_be_created(status: OutcomeStatus | None) -> None:
    target, source, plan = replaced()
    create = ChangeKey(plan.changes[3].action, "device", "new")
    result = target.apply(plan, source, verdicts={} if status is None else {create: Verdict(status, "no")})
    if status is None:
        assert set(statuses(result).values()) == {"done"}
        return
    assert not target.log
    ends = {"delete old", "delete old__a", "delete old__b", "create new__a"}
    assert statuses(result) == {"create new": "refused", **dict.fromkeys(ends, "not_attempted")}
    foreseen, made = preview(plan, {create: Verdict(status, "no")})
    assert not made
    assert [one.status for one in foreseen] == [one.status for one in result.outcomes]


def test_what_cannot_be_put_back_may_be_gone() -> None:
    target, source, plan = replaced()
    target.trouble.update({"create new": ValueError("no licence"), "create old": ValueError("nor this")})
    result = target.apply(plan, source)
    deletes = [one for one in result.outcomes if str(one.change.action) == "delete"]
    assert all(one.maybe and "could not be undone: ValueError: nor this" in one.message for one in deletes)


def test_nothing_is_put_back_while_nobody_knows_what_was_made() -> None:
    target, source, plan = replaced()
    target.trouble["create new"] = KeyboardInterrupt()
    result = target.apply(plan, source)
    assert target.log[-1] == "create new"
    assert statuses(result)["delete old"] == "done"
    assert [one.change.id for one in result.outcomes if one.maybe] == ["new"]


@pytest.mark.parametrize("skipped", [False, True])
def test_what_an_earlier_run_has_deleted_is_put_back_if_its_replacement_is_refused(skipped: bool) -> None:
    target, source, plan = replaced(DSyncModelFlags.NATURAL_DELETION_ORDER)
    target.apply(Plan(plan.changes[:3]), source).raise_for_failure()
    verdicts = check(plan, target)
    assert {str(verdict.status) for verdict in verdicts.values()} == {"already_done"}
    verdicts[plan.changes[3].key] = Verdict(OutcomeStatus.REFUSED, "no", skipped)
    result = target.apply(plan, source, verdicts=verdicts)
    assert target.diff_from(replaced()[0]).has_diffs() is skipped
    assert statuses(result)["delete old"] == ("already_done" if skipped else "failed")
    assert statuses(result)["create new"] == "refused"
    message = next(one.message for one in result.outcomes if one.change.id == "old")
    assert message == ("it is gone already" if skipped else 'it was undone, since the create of device "new" was refused')


def test_an_object_that_was_there_before_the_run_is_not_deleted_again() -> None:
    target, source = rack(old=("x", ()), older=("y", ())), rack(new=("x", ()), newer=("y", ()))
    plan = Plan.from_diff(target.diff_from(source))
    deletes = [change.key for change in plan if change.before]
    linked = [replace(change, requires=tuple(deletes)) if change.after else change for change in plan]
    changes = gathered(sorted(linked, key=lambda change: change.key not in deletes))
    assert [len(unit) for unit in units(changes)] == [4]
    target.apply(Plan(changes[:3]), source).raise_for_failure()
    target.trouble[f"create {changes[3].id}"] = ValueError("no licence")
    result = target.apply(Plan(changes, check(Plan(changes), target)), source)
    assert [one.status for one in result.outcomes] == [OutcomeStatus.ALREADY_DONE] * 3 + [OutcomeStatus.FAILED]
    assert [one.name for one in target.get_all("device")] == [changes[2].id]


@pytest.mark.parametrize("refused", ["update two", "update one"])
def test_a_swap_that_is_refused_is_undone(refused: str) -> None:
    target, source = rack(one=("x", ()), two=("y", ())), rack(one=("y", ()), two=("x", ()))
    plan = Plan.from_diff(target.diff_from(source))
    assert [(change.id, change.step) for change in plan] == [("one", 1), ("two", 0), ("one", 0)]
    if refused == "update one":
        check = target.check
        asked: list[dict[str, Any]] = []

        def refuse(kind: Any, action: str, name: str, attrs: dict[str, Any]) -> None:
            asked.append(attrs)
            if len(asked) == 3:
                raise ValueError("no")
            check(kind, action, name, attrs)

        target.check = refuse
    else:
        target.trouble[refused] = ValueError("no")
    result = target.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert "done" not in statuses(result).values()
    assert not target.diff_from(rack(one=("x", ()), two=("y", ()))).has_diffs()


def test_a_signal_waits_until_what_is_made_together_is_made() -> None:
    target, source, plan = replaced()
    asked = iter([None, KeyboardInterrupt()])
    result = target.apply(plan, source, stop=lambda: next(asked, None))
    assert statuses(result) == {**dict.fromkeys(statuses(result), "done"), "create new__a": "not_attempted"}


# ---------------------------------------------------------------------- many units in one batch


class Bulky(Rack):
    device = in_batches(Device)

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self.calls: list[int] = []
        self.batch_size = 10
        for name, serial in names.items():
            self.add(self.device(name=name, serial=serial))


SWAPPED = {f"{'ab'[place % 2]}{place // 2}": f"{place ^ 1}" for place in range(16)}
MANY = {
    "replaced": ({f"old{place}": f"{place}" for place in range(24)}, {f"new{place}": f"{place}" for place in range(24)}),
    "swapped": ({name: f"{int(serial) ^ 1}" for name, serial in SWAPPED.items()}, SWAPPED),
}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("case", "calls"), [("replaced", [10, 10, 10, 10, 4, 4]), ("swapped", [8, 8, 8])])
def test_units_of_one_shape_are_made_in_batches(case: str, calls: list[int], workers: int) -> None:
    target, source = map(Bulky, MANY[case])
    target.apply(Plan.from_diff(target.diff_from(source)), source, workers=workers).raise_for_failure()
    assert target.calls == calls
    assert not target.diff_from(source).has_diffs()


@pytest.mark.parametrize("flags", [DSyncFlags.NONE, DSyncFlags.CONTINUE_ON_FAILURE])
@pytest.mark.parametrize(("case", "refused"), [("replaced", "create new5"), ("replaced", "delete old5"), ("swapped", "update b5")])
def test_a_unit_that_is_refused_in_a_batch_is_undone_alone(case: str, refused: str, flags: DSyncFlags) -> None:
    target, source = map(Bulky, MANY[case])
    target.trouble[refused] = ValueError("no")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags)
    made = {one.change.id for one in result.outcomes if one.status == OutcomeStatus.DONE}
    lost = {one.change.id for one in result.outcomes if one.status == OutcomeStatus.FAILED}
    assert not any(one.maybe for one in result.outcomes)
    serials = sorted(MANY[case][0].values())
    assert sorted(one.serial for one in target.get_all("device")) == serials
    assert made.isdisjoint(lost)
    if flags:
        assert len(made) == len({*MANY[case][0], *MANY[case][1]}) - 2
    left = target.diff_from(source)
    target.trouble.clear()
    target.apply(Plan.from_diff(left), source).raise_for_failure()
    assert not target.diff_from(source).has_diffs()
