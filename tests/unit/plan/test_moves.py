# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Moves: one change of one object, after what the new place needs and before the old place goes, so that no failure loses any."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import Change, DSyncAction, DSyncFlags, DSyncModel, DSyncModelFlags, ObjectRef, Plan
from dsync.plan.undo import undo_plan
from estate import Estate, InTwo, Moving, dataset, estate
from hypothesis import given
from hypothesis import strategies as st
from test_plan import FLAGS, check_plan, estates, keys

DEVICES = {f"d{number}": ("x", {"e": 1}) for number in range(3)}
KINDS = [Estate, Moving, InTwo]


def with_flag(dataset: Estate, flag: DSyncModelFlags) -> Estate:
    for model in ("site", "device", "interface"):
        for obj in dataset.get_all(model):
            obj.model_flags = flag
    return dataset


# ---------------------------------------------------------------------- what a move is


def test_a_move_is_one_change_of_one_object() -> None:
    target = estate({"a": ("1", {"d": ("x", {"e": 1, "f": 1, "g": 1})}), "b": "1"})
    source = estate({"a": "1", "b": ("1", {"d": ("y", {"e": 1, "f": 2, "h": 1})})})
    diff = target.diff_from(source)
    plan = Plan.from_diff(diff)
    move = plan.changes[1]
    assert keys(plan) == [
        ("delete", "interface", "d__g"),
        ("move", "device", "d"),
        ("update", "interface", "d__f"),
        ("create", "interface", "d__h"),
    ]
    assert (move.before_parent, move.parent) == (ObjectRef("site", "a"), ObjectRef("site", "b"))
    assert (move.before, move.after, move.ids) == ({"role": "x"}, {"role": "y"}, {"name": "d"})
    assert diff.summary() == {"create": 1, "update": 1, "move": 1, "delete": 1, "no-change": 3, "skip": 0}
    assert move.record()["from"] == {"id": "d", "ids": {"name": "d"}, "parent": {"model": "site", "id": "a"}}
    assert move.record()["to"] == {"id": "d", "ids": {"name": "d"}, "parent": {"model": "site", "id": "b"}}
    assert move.record()["parent"] == {"model": "site", "id": "b"}
    assert [(element.type, element.uid) for element in diff.moves()] == [("device", "d")]
    assert "> device d (from site a)\n        role: 'x' → 'y'" in str(diff)
    assert diff.dict()["site"]["b"]["device"]["d"][">"] == {side: move.record()[side] for side in ("from", "to")}
    undo = undo_plan(plan)
    back = next(change for change in undo if change.action == DSyncAction.MOVE)
    assert (back.before_parent, back.parent, back.before, back.after) == (move.parent, move.before_parent, move.after, move.before)


def test_only_what_a_system_that_cannot_move_needs_is_in_a_move() -> None:
    sides = {"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}, {"a": "1", "b": ("1", {"d": ("x", {"e": 1})})}
    (move,) = Plan.from_diff(estate(sides[0]).diff_from(estate(sides[1])))
    assert [(repr(part), part.parent, part.before_parent) for part in move.parts] == [
        ('move device "d"', ObjectRef("site", "b"), ObjectRef("site", "a")),
        ('move interface "d__e"', ObjectRef("device", "d"), ObjectRef("device", "d")),
    ]
    (move,) = Plan.from_diff(estate(sides[0], kind=Moving).diff_from(estate(sides[1])))
    assert move.parts == ()


def test_a_moved_object_takes_along_what_is_below_it() -> None:
    target = estate({"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}, kind=Moving)
    kept = target.get("device", "d"), target.get("interface", "d__e")
    target.sync_from(estate({"a": "1", "b": ("1", {"d": ("y", {"e": 1})})}))
    assert target.log == [("move", "device", "d")]
    assert (target.get("device", "d"), target.get("interface", "d__e")) == kept
    assert target.get("site", "a").devices == []
    assert target.get("site", "b").devices == ["d"]
    assert kept[0].role == "y"


def test_values_that_are_set_on_new_objects_are_set_again() -> None:
    class Host(DSyncModel):
        _modelname = "host"
        _identifiers = ("name",)
        _attributes = ("initial", "size")
        _create_only = ("initial",)
        _children = {"host": "hosts"}
        name: str
        initial: str | None = None
        size: int = 0
        hosts: list[str] = []

    def hosts(initial: str | None, *parents: str | None) -> Any:
        made = dataset(Host, objects=[Host(name=name, initial=initial) for name in "abcd"])
        for name, parent in zip("abcd", parents):
            if parent is not None:
                made.get("host", parent).add_child(made.get("host", name))
        return made

    target = hosts(None, None, None, "a", "c")
    target.sync_from(hosts("day-one", None, None, "b", "c"))
    assert [target.get("host", name).initial for name in "abcd"] == [None, None, "day-one", "day-one"]


# ---------------------------------------------------------------------- the order


@pytest.mark.parametrize("going_on", [DSyncFlags.NONE, DSyncFlags.CONTINUE_ON_FAILURE])
@pytest.mark.parametrize("flag", FLAGS, ids=repr)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_touched_for_a_place_that_cannot_be_made(
    kind: type[Estate], going_on: DSyncFlags, flag: DSyncModelFlags, workers: int
) -> None:
    target, source = with_flag(estate({"old": ("1", DEVICES)}, kind=kind), flag), estate({"new": ("1", DEVICES)}, kind=kind)
    before = target.dict()
    target.trouble["create", "site", "new"] = RuntimeError("the quota is exceeded")
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(plan, source, going_on, workers=workers)
    assert target.log == [("create", "site", "new")]
    assert target.dict() == before
    assert result.counts["not_attempted"] == len(plan) - 1


@pytest.mark.parametrize("flag", FLAGS, ids=repr)
def test_each_object_is_created_right_after_it_is_deleted_and_the_old_place_goes_last(flag: DSyncModelFlags) -> None:
    target = with_flag(estate({"old": ("1", DEVICES)}, kind=InTwo), flag)
    source = estate({"new": ("1", DEVICES)}, kind=InTwo)
    plan = Plan.from_diff(target.diff_from(source))
    check_plan(plan)
    order = [key for key in keys(plan) if key[1] != "interface"]
    assert order[0] == ("create", "site", "new")
    assert order[-1] == ("delete", "site", "old")
    assert order[1:-1] == [(action, "device", name) for name in DEVICES for action in ("delete", "create")]


@pytest.mark.parametrize("flag", FLAGS, ids=repr)
def test_a_move_comes_between_its_two_places(flag: DSyncModelFlags) -> None:
    target, source = with_flag(estate({"old": ("1", DEVICES)}), flag), estate({"new": ("1", DEVICES)})
    plan = Plan.from_diff(target.diff_from(source))
    check_plan(plan)
    moves = [("move", "device", name) for name in DEVICES]
    assert keys(plan) == [("create", "site", "new"), *moves, ("delete", "site", "old")]
    target.apply(plan, source)
    assert [key for key in target.log if key[1] == "device"] == [(step, "device", name) for name in DEVICES for step in STEPS]
    assert not target.diff_from(source).has_diffs()


STEPS = ("delete", "create")


@pytest.mark.parametrize("flag", FLAGS, ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_the_old_place_stays_while_an_object_in_it_could_not_be_moved(kind: type[Estate], flag: DSyncModelFlags) -> None:
    target, source = with_flag(estate({"old": ("1", DEVICES)}, kind=kind), flag), estate({"new": ("1", DEVICES)}, kind=kind)
    target.trouble["move" if kind is Moving else "delete", "device", "d1"] = RuntimeError("it is locked")
    target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert target.get("site", "old").devices == ["d1"]
    assert sorted(target.get("site", "new").devices) == ["d0", "d2"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hierarchy_that_is_turned_upside_down_is_still_turned(kind: type[Estate]) -> None:
    target = estate(folders={"a": (1, {"b": (1, {"c": (1, {"d": 1})})})}, kind=kind)
    source = estate(folders={"d": (1, {"c": (1, {"b": (1, {"a": 1})})})}, kind=kind)
    plan = Plan.from_diff(target.diff_from(source))
    check_plan(plan)
    assert kind is InTwo or keys(plan) == [("move", "folder", name) for name in "dcba"]
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()


def test_what_cannot_leave_before_goes_along() -> None:
    """The folder d is to be below n, which can only be created when c, that d is in, has moved."""
    target = estate(folders={"a": 1, "b": 1, "c": (1, {"d": (1, {"e": 1})})})
    source = estate(folders={"a": 1, "b": (1, {"c": (1, {"n": (1, {"d": (1, {"e": 1})})})})})
    plan = Plan.from_diff(target.diff_from(source))
    assert keys(plan) == [("move", "folder", "c"), ("create", "folder", "n"), ("move", "folder", "d")]
    assert [[part.id for part in change.parts] for change in plan] == [["c", "d", "e"], [], ["d", "e"]]
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    undo = undo_plan(plan)
    assert not target.apply(undo, target).failures
    assert not target.diff_from(estate(folders={"a": 1, "b": 1, "c": (1, {"d": (1, {"e": 1})})})).has_diffs()


# ---------------------------------------------------------------------- nothing vanishes


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_wherever_a_run_ends_only_what_is_in_hand_is_missing(kind: type[Estate], data: st.DataObject) -> None:
    target, source = data.draw(estates(kind)), data.draw(estates(kind))
    wanted = {ref for ref in places(target) if ref in places(source)}
    missing: list[set[ObjectRef]] = []
    operate = target.operate

    def watched(key: Any) -> bool:
        missing.append(wanted - places(target))
        return operate(key)

    target.operate = watched
    target.sync_from(source)
    for lost in missing:
        assert not (lost and kind is Moving)
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
@pytest.mark.parametrize("kind", [Estate, InTwo])
def test_a_run_that_is_interrupted_finishes_the_move_in_hand(kind: type[Estate], flag: DSyncModelFlags, workers: int) -> None:
    target, source = with_flag(estate({"old": ("1", DEVICES)}, kind=kind), flag), estate({"new": ("1", DEVICES)}, kind=kind)

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


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_beside_a_move_does_not_leave_it_half_made(kind: type[Estate]) -> None:
    made = type("Batches", (kind,), {"batch_size": 10})
    target = estate({"a": ("1", {"d": "x"}), "b": ("1", {"old": "x"})}, kind=made)
    source = estate({"a": "1", "b": ("1", {"d": "x"})}, kind=made)
    target.trouble["delete", "device", "old"] = RuntimeError("it is locked")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert result.stopped
    assert "d" in target.get("site", "a").devices + target.get("site", "b").devices


def test_what_goes_with_a_moved_object_is_recorded_at_once() -> None:
    target = estate({"old": ("1", {"d": ("x", {"e": 1})}), "other": "1"}, kind=InTwo)
    source = estate({"other": ("1", {"d": ("x", {"e": 1})})}, kind=InTwo)
    target.get("device", "d").model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    order = keys(Plan.from_diff(target.diff_from(source)))
    first = order.index(("delete", "device", "d"))
    assert order[first + 1] == ("delete", "interface", "d__e")


# ---------------------------------------------------------------------- what is refused is put back


@pytest.mark.parametrize("flag", FLAGS, ids=repr)
@pytest.mark.parametrize("refused", [("device", "d"), ("interface", "d__e"), ("interface", "d__f")])
def test_what_cannot_be_created_in_the_new_place_is_put_back(flag: DSyncModelFlags, refused: tuple[str, str]) -> None:
    sites = {"a": ("1", {"d": ("x", {"e": 1, "f": 2})}), "b": "1"}
    target = with_flag(estate(sites), flag)
    source = estate({"a": "1", "b": ("1", {"d": ("y", {"e": 1, "f": 2})})})
    trouble_once(target, ("create", *refused), RuntimeError("no room"))
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    (failure,) = result.failures
    assert failure.message == "RuntimeError: no room; it was restored in its old place"
    assert not failure.maybe
    assert not result.changed
    assert not target.diff_from(estate(sites)).has_diffs()
    assert target.get("site", "b").devices == []


@pytest.mark.parametrize("refused", [("interface", "d__e"), ("interface", "d__f")])
def test_what_cannot_be_deleted_whole_is_put_back(refused: tuple[str, str]) -> None:
    sites = {"a": ("1", {"d": ("x", {"e": 1, "f": 2})}), "b": "1"}
    target, source = estate(sites), estate({"a": "1", "b": ("1", {"d": ("x", {"e": 1, "f": 2})})})
    trouble_once(target, ("delete", *refused), RuntimeError("it is locked"))
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert [failure.message for failure in result.failures] == ["RuntimeError: it is locked; it was restored in its old place"]
    assert not target.diff_from(estate(sites)).has_diffs()


def test_what_cannot_be_put_back_is_said() -> None:
    target, source = estate({"a": ("1", {"d": "x"}), "b": "1"}), estate({"a": "1", "b": ("1", {"d": "x"})})
    target.trouble["create", "device", "d"] = RuntimeError("no room")
    (failure,) = target.apply(Plan.from_diff(target.diff_from(source)), source).failures
    assert failure.message == "RuntimeError: no room; and it could not be restored in its old place: RuntimeError: no room"
    assert failure.maybe


def trouble_once(target: Estate, key: tuple[str, str, str], error: BaseException) -> None:
    """Let an operation fail when it is asked for first."""
    operate = target.operate

    def failing(asked: Any) -> bool:
        if asked == key and key not in target.log:
            target.log.append(key)
            raise error
        return operate(asked)

    target.operate = failing


def test_a_move_without_parts_is_refused_where_they_are_needed() -> None:
    target = estate({"a": ("1", {"d": "x"}), "b": "1"})
    places = {"parent": ObjectRef("site", "b"), "before_parent": ObjectRef("site", "a")}
    (failure,) = target.apply(Plan([Change(DSyncAction.MOVE, "device", "d", {"name": "d"}, {}, {}, **places)]), target).failures
    assert failure.message.startswith("the plan does not contain the objects to delete and create again")
    assert target.log == []


def test_a_move_that_a_model_refuses_changes_nothing() -> None:
    class Refusing(Moving):
        device = type("Device", (Moving.device,), {"move": lambda self, parent, ids, attrs: setattr(self, "role", "half")})

    target = estate({"a": ("1", {"d": "x"}), "b": "1"}, kind=Refusing)
    result = target.apply(Plan.from_diff(target.diff_from(estate({"a": "1", "b": ("1", {"d": "y"})}))), target)
    assert [failure.message for failure in result.failures] == ["move() returned None"]
    assert target.get("device", "d").role == "x"
    assert target.get("site", "a").devices == ["d"]


def test_moves_are_handed_over_in_bulk() -> None:
    class Bulky(Moving):
        batch_size = 10

    asked: list[list[str]] = []

    def move_many(cls: Any, dsync: Any, items: Any) -> Any:
        asked.append([f"{item.obj.name} to {item.parent.name}: {item.attrs}" for item in items])
        return [RuntimeError("no") if item.obj.name == "d1" else item.obj.update_base(item.attrs) for item in items]

    Bulky.device = type("Device", (Moving.device,), {"move_many": classmethod(move_many)})
    target = estate({"a": ("1", DEVICES), "b": "1"}, kind=Bulky)
    source = estate({"a": "1", "b": ("1", {**DEVICES, "d2": ("y", {"e": 1})})})
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert asked == [["d0 to b: {}", "d1 to b: {}", "d2 to b: {'role': 'y'}"]]
    assert result.counts["done"] == 2
    assert (target.get("site", "a").devices, target.get("site", "b").devices) == (["d1"], ["d0", "d2"])
