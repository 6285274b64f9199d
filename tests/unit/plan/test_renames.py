# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Renames: one change of one object, which keeps what is below it, in systems that rename objects and in those that cannot."""

# pylint: disable=dangerous-default-value  # the defaults are never changed

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from dsync import DSyncAction, DSyncFlags, DSyncModel, ObjectRef, Plan, load_plan, prepare_plan
from dsync.diff.selectors import classes_by_model, selectors
from dsync.exceptions import StaleTarget
from dsync.guard.protection import protect
from dsync.guard.references import missing_references
from dsync.guard.staleness import check
from dsync.plan.undo import reaching, undo_plan
from dsync.storage.journal import Journal, read
from dsync.storage.plan_file import save
from estate import Device, Estate, Interface, Movable, Recorded, Site
from hypothesis import given
from hypothesis import strategies as st
from test_plan import check_plan, keys

MOVE, UPDATE = DSyncAction.MOVE, DSyncAction.UPDATE


class Keyed(Device):
    _attributes = ("role", "serial", "password")
    _match = ("serial",)
    _sensitive = ("password",)
    serial: str | None = None
    password: str | None = None


class Remade(Estate):
    """A system that can neither move nor rename."""

    device = type("Device", (Keyed,), {})


class Renaming(Estate):
    """A system that renames objects, with what is below them."""

    device = type("Device", (Movable, Keyed), {})


class Flat(Renaming):
    """A system that renames objects, and each of those below them, which hold the name."""

    interface = type("Interface", (Movable, Interface), {})


KINDS = [Remade, Renaming, Flat]
BEFORE = {"sw-1": ("A", {"e0": 1, "e1": 2, "e9": 9}), "sw-3": ("C", {"e0": 3})}
AFTER = {"sw-2": ("A", {"e0": 1, "e1": 3, "e5": 5}), "sw-3": ("C", {"e0": 3})}
Devices = dict[str, tuple[str, dict[str, int]]]


def network(devices: Devices, kind: type[Estate] = Remade, password: str | None = None) -> Estate:
    """Return a dataset of one site with devices: name → (serial number, interface → MTU)."""
    made = kind()
    site = kind.site(name="ams")
    made.add(site)
    for name, (serial, interfaces) in devices.items():
        device = kind.device(name=name, serial=serial, password=password)
        made.add(device)
        site.add_child(device)
        for interface, mtu in interfaces.items():
            port = kind.interface(device=name, name=interface, mtu=mtu)
            made.add(port)
            device.add_child(port)
    return made


def planned(kind: type[Estate], before: Devices, after: Devices) -> tuple[Estate, Estate, Plan]:
    target, source = network(before, kind), network(after, kind)
    return target, source, Plan.from_diff(target.diff_from(source))


# ---------------------------------------------------------------------- what a rename is


@pytest.mark.parametrize("kind", KINDS)
def test_a_rename_is_one_change_of_each_object_that_has_the_name(kind: type[Estate]) -> None:
    _target, _source, plan = planned(kind, BEFORE, AFTER)
    found = keys(plan)
    assert found[:3] == [("delete", "interface", "sw-1__e9"), ("move", "device", "sw-2"), ("move", "interface", "sw-2__e0")]
    assert set(found[3:]) == {("move", "interface", "sw-2__e1"), ("create", "interface", "sw-2__e5")} | (
        set() if kind is Flat else {("update", "interface", "sw-2__e1")}
    )
    move, along = plan.changes[1], plan.changes[2]
    assert (move.before_id, move.before_ids, move.ids) == ("sw-1", {"name": "sw-1"}, {"name": "sw-2"})
    assert move.parent == move.before_parent == ObjectRef("site", "ams")
    assert (along.cascade, along.before_ids) == (kind is not Flat, {"device": "sw-1", "name": "e0"})
    assert bool(move.parts) is (kind is Remade)
    assert not along.parts


def test_a_record_shows_both_names() -> None:
    _target, _source, plan = planned(Renaming, {"a": ("A", {})}, {"b": ("A", {})})
    (move,) = plan
    place = {"model": "site", "id": "ams"}
    assert move.record()["from"] == {"id": "a", "ids": {"name": "a"}, "parent": place}
    assert move.record()["to"] == {"id": "b", "ids": {"name": "b"}, "parent": place}
    assert (move.record()["id"], move.record()["parent"]) == ("b", place)


CALLS = {
    Remade: [
        *[("delete", "device", "sw-1"), ("delete", "interface", "sw-1__e0"), ("delete", "interface", "sw-1__e1")],
        *[("create", "device", "sw-2"), ("create", "interface", "sw-2__e0"), ("create", "interface", "sw-2__e1")],
        ("update", "interface", "sw-2__e1"),
    ],
    Renaming: [("move", "device", "sw-1"), ("update", "interface", "sw-2__e1")],
    Flat: [("move", "device", "sw-1"), ("move", "interface", "sw-1__e0"), ("move", "interface", "sw-1__e1")],
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_system_does_what_it_can(kind: type[Estate], workers: int) -> None:
    target, source, plan = planned(kind, BEFORE, AFTER)
    kept = {name: target.get("interface", f"sw-1__{name}") for name in ("e0", "e1")}
    result = target.apply(plan, source, workers=workers)
    assert not result.failures
    assert [outcome.change for outcome in result.outcomes] == list(plan)
    assert target.log[0] == ("delete", "interface", "sw-1__e9")
    calls = [one for one in target.log[1:] if one[2] != "sw-2__e5"]
    assert calls[:1] == CALLS[kind][:1]
    assert (calls if workers == 1 else sorted(calls)) == (CALLS[kind] if workers == 1 else sorted(CALLS[kind]))
    assert not target.diff_from(source).has_diffs()
    assert target.get("site", "ams").devices == ["sw-3", "sw-2"]
    assert target.get_or_none("device", "sw-1") is None
    if kind is not Remade:
        assert all(target.get("interface", f"sw-2__{name}") is obj for name, obj in kept.items())


@pytest.mark.parametrize("kind", KINDS)
def test_an_undo_renames_back(kind: type[Estate]) -> None:
    target, source, plan = planned(kind, BEFORE, AFTER)
    target.apply(plan, source)
    undo = undo_plan(plan)
    assert check(undo, target) == {}
    assert not target.apply(undo, source).failures
    assert not target.diff_from(network(BEFORE)).has_diffs()
    assert sorted(target.get("device", "sw-1").interfaces) == ["sw-1__e0", "sw-1__e1", "sw-1__e9"]


# ---------------------------------------------------------------------- files and journals


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_from_a_file_renames(kind: type[Estate], tmp_path: Path) -> None:
    target, source, plan = planned(kind, BEFORE, AFTER)
    save(plan, tmp_path / "plan", source=source, target=target)
    target.apply(prepare_plan(load_plan(tmp_path / "plan"), source, target), source)
    assert not target.diff_from(source).has_diffs()
    target.log.clear()
    result = target.apply(prepare_plan(load_plan(tmp_path / "plan"), source, target), source)
    assert target.log == []
    assert result.counts["already_done"] == len(plan)


@pytest.mark.parametrize("kind", KINDS)
def test_an_undo_of_a_journal_finds_the_secrets(kind: type[Estate], tmp_path: Path) -> None:
    before, after = {"sw-1": ("A", {})}, {"sw-2": ("A", {})}
    target, source = network(before, kind, "old"), network(after, kind, "new")
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(tmp_path / "journal", plan, source=source, target=target) as journal:
        journal.finish(target.apply(plan, source, journal=journal))
    undo = prepare_plan(read(tmp_path / "journal")[-1].undo(), network(before, kind, "old"), target)
    assert not target.apply(undo, source).failures
    assert target.get("device", "sw-1").password == "old"


# ---------------------------------------------------------------------- a target that has moved


def verdict(plan: Plan, live: Estate) -> str:
    try:
        found = {str(one.status) for one in check(plan, live).values()}
    except StaleTarget as error:
        return str(error)
    return found.pop() if len(found) == 1 else "to do"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"a": ("A", {"e": 1})}, "to do"),
        ({"b": ("A", {"e": 1})}, "already_done"),
        ({"a": ("A", {"e": 1}), "b": ("B", {})}, 'device "b" cannot be renamed from "a", because both exist now'),
        ({}, "gone"),
    ],
)
def test_the_objects_of_the_system_decide_what_is_done(kind: type[Estate], live: Devices, words: str) -> None:
    _target, _source, plan = planned(kind, {"a": ("A", {"e": 1})}, {"b": ("A", {"e": 1})})
    if kind is not Remade or live:
        assert words in verdict(plan, network(live, kind))


def test_a_name_that_is_taken_meanwhile_is_not_overwritten() -> None:
    target, source, plan = planned(Renaming, {"a": ("A", {})}, {"b": ("A", {})})
    target.add(target.device(name="b"))
    (failure,) = target.apply(plan, source).failures
    assert failure.message.endswith("has another object of that name already")
    assert target.log == []


# ---------------------------------------------------------------------- protection


def protected(kind: type[Estate], said: list[dict[str, Any]], before: Devices = BEFORE, after: Devices = AFTER) -> dict[str, str]:
    target, source = network(before, kind), network(after, kind)
    diff = target.diff_from(source)
    protect(diff, selectors(said, "protect", classes_by_model(source, target)), target.models())
    plan = Plan.from_diff(diff)
    result = target.apply(plan, source)
    assert not [outcome for outcome in result.failures if str(outcome.status) == "failed"]
    assert (target.get_or_none("device", "sw-1") is None) is not any(
        change.protected for change in plan if change.model == "device"
    )
    return {change.id: change.protected for change in plan if change.protected}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["sw-1", "sw-2"])
def test_an_object_that_keeps_its_name_keeps_those_below_it(kind: type[Estate], name: str) -> None:
    found = protected(kind, [{"model": "device", "id": name}])
    assert found.keys() == {"sw-2", "sw-2__e0", "sw-2__e1", "sw-2__e5"}
    assert found["sw-2__e0"] == 'protected with device "sw-2"'


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_not_renamed_without_those_that_are_named_after_it(kind: type[Estate]) -> None:
    found = protected(kind, [{"model": "interface", "id": "sw-1__e0"}])
    why = "by model: interface, id: sw-1__e0" if kind is Remade else 'because of interface "sw-1__e0" below it'
    assert found["sw-2"] == f"protected {why}"
    assert found.keys() == {"sw-2", "sw-2__e0", "sw-2__e1", "sw-2__e5"}


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_done_below_an_object_that_kept_its_name_is_undone(kind: type[Estate], refused: bool) -> None:
    target, source = network(BEFORE, kind), network({**AFTER, "sw-2": ("A", {"e0": 1, "e1": 2})}, kind)
    diff = target.diff_from(source)
    if refused:
        target.trouble["delete" if kind is Remade else "move", "device", "sw-1"] = RuntimeError("no")
    else:
        protect(diff, selectors([{"id": "sw-1"}], "protect", classes_by_model(source, target)), target.models())
    result = target.apply(Plan.from_diff(diff), source, DSyncFlags.CONTINUE_ON_FAILURE)
    done = [outcome.change for outcome in result.outcomes if str(outcome.status) == "done"]
    assert keys(Plan(done)) == [("delete", "interface", "sw-1__e9")]
    undo = undo_plan(done)
    assert check(undo, target) == {}
    assert not target.apply(undo, source).failures
    assert not target.diff_from(network(BEFORE)).has_diffs()


@pytest.mark.parametrize("model", ["device", "interface"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_from_a_file_is_held_to_the_protection_of_now(kind: type[Estate], model: str, tmp_path: Path) -> None:
    target, source, plan = planned(kind, BEFORE, AFTER)
    save(plan, tmp_path / "plan", source=source, target=target)
    guarded = type("Guarded", (kind,), {model: type("Model", (getattr(kind, model),), {"_protected": ("move",)})})
    live = network(BEFORE, guarded)
    held = {change.id for change in prepare_plan(load_plan(tmp_path / "plan"), source, live) if change.protected}
    assert held == {"sw-2", "sw-2__e0", "sw-2__e1", "sw-2__e5"}


# ---------------------------------------------------------------------- references and unique values


class Named(Recorded):
    _modelname = "named"
    _identifiers = ("name",)
    _attributes = ("serial", "peer", "address")
    _match = ("serial",)
    _references = {"peer": "named"}
    _unique = ("address",)
    name: str
    serial: str | None = None
    peer: str | None = None
    address: str | None = None


class Names(Estate):
    named = type("Named", (Movable, Named), {})
    top_level = ["named"]


def names(*objs: dict[str, Any]) -> Estate:
    made = Names()
    for values in objs:
        made.add(Names.named(**values))
    return made


def test_what_refers_to_a_renamed_object_is_updated_after_it() -> None:
    target = names({"name": "x", "peer": "a"}, {"name": "a", "serial": "A"})
    source = names({"name": "x", "peer": "b"}, {"name": "b", "serial": "A"})
    diff = target.diff_from(source)
    plan = Plan.from_diff(diff)
    assert missing_references(plan, target, diff.references) == []
    assert keys(plan) == [("move", "named", "b"), ("update", "named", "x")]
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    undo = undo_plan(plan)
    assert keys(undo) == [("move", "named", "a"), ("update", "named", "x")]
    assert [[need.model for need in one.requires] for one in undo] == [[], ["named"]]


def test_an_object_may_be_renamed_and_refer_to_itself() -> None:
    target, source = names({"name": "a", "serial": "A", "peer": "a"}), names({"name": "b", "serial": "A", "peer": "b"})
    plan = Plan.from_diff(target.diff_from(source))
    assert keys(plan) == [("move", "named", "b"), ("update", "named", "b")]
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    undone = undo_plan(plan)
    target.apply(undone, source)
    assert not target.diff_from(names({"name": "a", "serial": "A", "peer": "a"})).has_diffs()


def test_a_reference_to_the_old_name_is_refused() -> None:
    target = names({"name": "x"}, {"name": "a", "serial": "A"})
    source = names({"name": "x", "peer": "a"}, {"name": "b", "serial": "A"})
    diff = target.diff_from(source)
    ((change, sentence),) = missing_references(Plan.from_diff(diff), target, diff.references)
    assert (change.id, sentence) == ("x", 'its peer refers to named "a", which will be renamed')


def test_a_reference_to_a_name_that_is_protected_is_refused() -> None:
    target = names({"name": "x", "peer": "a"}, {"name": "a", "serial": "A"})
    source = names({"name": "x", "peer": "b"}, {"name": "b", "serial": "A"})
    diff = target.diff_from(source)
    protect(diff, selectors([{"id": "a"}], "protect", classes_by_model(source, target)), target.models())
    assert [change.id for change, _why in missing_references(Plan.from_diff(diff), target, diff.references)] == ["x"]


def test_a_rename_takes_a_unique_value_after_it_was_given_up() -> None:
    target = names({"name": "a", "serial": "A"}, {"name": "x", "address": "1"})
    source = names({"name": "b", "serial": "A", "address": "1"}, {"name": "x"})
    assert keys(Plan.from_diff(target.diff_from(source))) == [("update", "named", "x"), ("move", "named", "b")]


# ---------------------------------------------------------------------- what is refused


def test_what_cannot_be_created_by_its_new_name_is_restored_by_the_old_one() -> None:
    target, source, plan = planned(Remade, BEFORE, AFTER)
    target.trouble["create", "interface", "sw-2__e1"] = RuntimeError("no room")
    (failure,) = target.apply(plan, source).failures
    assert failure.message == "RuntimeError: no room; it was restored in its old place"
    expected: Devices = {**BEFORE, "sw-1": ("A", {"e0": 1, "e1": 2})}
    assert not target.diff_from(network(expected)).has_diffs()


@pytest.mark.parametrize("kind", [Renaming, Flat])
def test_a_rename_that_is_refused_changes_nothing(kind: type[Estate]) -> None:
    target, source, plan = planned(kind, BEFORE, AFTER)
    target.trouble["move", "device", "sw-1"] = None
    (failure,) = target.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE).failures[:1]
    assert failure.message == "move() returned None"
    assert not target.diff_from(network({**BEFORE, "sw-1": ("A", {"e0": 1, "e1": 2})})).has_diffs()


def test_a_failed_delete_does_not_prevent_a_rename() -> None:
    target, source, plan = planned(Renaming, BEFORE, AFTER)
    target.trouble["delete", "interface", "sw-1__e9"] = RuntimeError("it is locked")
    result = target.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [failure.change.id for failure in result.failures] == ["sw-1__e9"]
    assert sorted(target.get("device", "sw-2").interfaces) == ["sw-2__e0", "sw-2__e1", "sw-2__e5", "sw-2__e9"]


@pytest.mark.parametrize(("kind", "name"), [(Renaming, "sw-2__e9"), (Flat, "sw-1__e9")])
def test_what_is_kept_below_a_renamed_object_is_named_after_it_if_its_system_does_that(kind: type[Estate], name: str) -> None:
    target, source = network(BEFORE, kind), network(AFTER, kind)
    diff = target.diff_from(source)
    protect(diff, selectors([{"id": "sw-1__e9"}], "protect", classes_by_model(source, target)), target.models())
    result = target.apply(Plan.from_diff(diff), source)
    assert sorted(target.get("device", "sw-2").interfaces) == sorted(["sw-2__e0", "sw-2__e1", "sw-2__e5", name])
    assert f"{target.get('interface', name).device}__e9" == name
    assert target.count("interface") == 5
    target.apply(undo_plan(outcome.change for outcome in result.outcomes if str(outcome.status) == "done"), source)
    assert not target.diff_from(network(BEFORE)).has_diffs()


class Port(Recorded):
    _modelname = "port"
    _identifiers = ("name", "device")
    _children = {"address": "addresses"}
    _references = {"device": "device"}
    name: str
    device: str
    addresses: list[str] = []


class Address(Recorded):
    _modelname = "address"
    _identifiers = ("device", "port", "ip")
    device: str
    port: str
    ip: str


class Ported(Movable, Keyed):
    _children = {"port": "ports"}
    ports: list[str] = []


class Deep(Renaming):
    device = type("Device", (Ported,), {})
    port = Port
    address = Address


def deep(name: str, port: str = "p", addresses: Iterable[str] = ()) -> Deep:
    """Return a dataset of one device with one port, if that has addresses."""
    made = Deep()
    made.add(site := made.site(name="ams"))
    made.add(device := made.device(name=name, serial="A"))
    site.add_child(device)
    for ip in addresses:
        above, _added = made.get_or_add_model_instance(made.port(name=port, device=name))
        if not device.ports:
            device.add_child(above)
        made.add(address := made.address(device=name, port=above.get_unique_id(), ip=ip))
        above.add_child(address)
    return made


def test_what_is_named_after_a_renamed_object_at_any_depth_is_renamed_with_it() -> None:
    """The port has the name of its device as its own: only the field that refers to the device changes."""
    target, source = deep("a", "a", ["::1"]), deep("b")
    diff = target.diff_from(source)
    protect(diff, selectors([{"model": "address"}], "protect", classes_by_model(source, target)), target.models())
    target.apply(Plan.from_diff(diff), source)
    assert target.get("device", "b").ports == ["a__b"]
    (address,) = target.get_by_uids(target.get("port", "a__b").addresses, "address")
    assert address.get_identifiers() == {"device": "b", "port": "a__b", "ip": "::1"}


@pytest.mark.parametrize(("workers", "size"), [(1, 1), (3, 1), (1, 10)])
def test_what_goes_below_a_renamed_object_goes_before_it_is_renamed(workers: int, size: int) -> None:
    before = {"a": ("A", {}), "b": ("B", {"e9": 1})}
    target, source, plan = planned(Renaming, before, {"c": ("A", {}), "d": ("B", {})})
    target.batch_size = size
    target.apply(plan, source, workers=workers).raise_for_failure()
    assert target.log.index(("delete", "interface", "b__e9")) < target.log.index(("move", "device", "b"))


@pytest.mark.parametrize(("workers", "size"), [(1, 1), (3, 1), (1, 10)])
def test_what_goes_below_what_is_named_after_a_renamed_object_goes_first(workers: int, size: int) -> None:
    target, source = deep("a", addresses=["::1", "::2"]), deep("b", addresses=["::1"])
    target.batch_size = size
    target.apply(Plan.from_diff(target.diff_from(source)), source, workers=workers).raise_for_failure()
    assert [entry[:2] for entry in target.log] == [("delete", "address"), ("move", "device")]
    assert not target.diff_from(source).has_diffs()


def test_a_run_that_stops_notes_what_was_renamed_along() -> None:
    target, source, plan = planned(Renaming, BEFORE, AFTER)

    def stop() -> BaseException | None:
        return KeyboardInterrupt() if ("move", "device", "sw-1") in target.log else None

    result = target.apply(plan, source, stop=stop)
    done = {outcome.change.id: outcome.message for outcome in result.outcomes if str(outcome.status) == "done"}
    assert done["sw-2__e0"] == done["sw-2__e1"] == "renamed together with its parent"
    assert ("update", "interface", "sw-2__e1") not in target.log
    assert sorted(target.get("device", "sw-2").interfaces) == ["sw-2__e0", "sw-2__e1"]


def test_many_are_renamed_at_once() -> None:
    asked: list[list[str]] = []

    def move_many(cls: Any, dsync: Any, items: Any) -> Any:
        asked.append([f"{item.obj.name} → {item.ids['name']} below {item.parent.name}" for item in items])
        return [RuntimeError("no") if item.obj.name == "a" else item.obj.update_base(item.attrs) for item in items]

    class Bulky(Renaming):
        batch_size = 10
        device = type("Device", (Renaming.device,), {"move_many": classmethod(move_many)})

    target, source, plan = planned(Bulky, {"a": ("A", {}), "b": ("B", {"e": 1})}, {"c": ("A", {}), "d": ("B", {"e": 1})})
    result = target.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert asked == [["a → c below ams", "b → d below ams"]]
    assert result.counts["done"] == 2
    assert target.get("site", "ams").devices == ["a", "d"]
    assert target.get("device", "d").interfaces == ["d__e"]


# ---------------------------------------------------------------------- renames and moves together


@pytest.mark.parametrize("kind", KINDS)
def test_what_moves_out_of_a_renamed_place_and_into_another(kind: type[Estate]) -> None:
    class Places(kind):
        site = type(
            "Site",
            (kind.site if kind is Remade else type("Site", (Movable, Site), {}),),
            {"_match": ("contact",)},
        )

    def estate_of(first: str, second: str, device: str) -> Estate:
        made = Places()
        for name, contact in ((first, "1"), (second, "2")):
            made.add(Places.site(name=name, contact=contact))
        moved = Places.device(name=device, serial="A")
        made.add(moved)
        port = Places.interface(device=device, name="e")
        made.add(port)
        moved.add_child(port)
        return made

    target, source = estate_of("a", "b", "sw-1"), estate_of("c", "d", "sw-2")
    target.get("site", "a").add_child(target.get("device", "sw-1"))
    source.get("site", "d").add_child(source.get("device", "sw-2"))
    plan = Plan.from_diff(target.diff_from(source))
    assert {change.action for change in plan} == {MOVE}
    before = copy.deepcopy(target)
    assert not target.apply(plan, source).failures
    assert not target.diff_from(source).has_diffs()
    undo = undo_plan(plan)
    assert check(undo, target) == {}
    assert not target.apply(undo, source).failures
    assert not target.diff_from(before).has_diffs()


def test_only_identifiers_of_models_are_renamed() -> None:
    """A model whose class makes its ids in its own way is renamed by them."""

    class Own(DSyncModel):
        _modelname = "own"
        _identifiers = ("name",)
        _attributes = ("serial",)
        _match = ("serial",)
        name: str
        serial: str

        @classmethod
        def create_unique_id(cls, **identifiers: Any) -> str:
            return f"<{identifiers['name']}>"

        def move(self, parent: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            return self.update_base(attrs)

    class Owns(Estate):
        own = Own
        top_level = ["own"]

    target, source = Owns(), Owns()
    target.add(Own(name="a", serial="A"))
    source.add(Own(name="b", serial="A"))
    target.sync_from(source)
    assert [obj.get_unique_id() for obj in target.get_all("own")] == ["<b>"]
    assert target.get("own", "<b>").name == "b"


# ---------------------------------------------------------------------- nothing vanishes


class Stop(BaseException):
    """Ends a run from outside."""


@st.composite
def networks(draw: st.DrawFn, kind: type[Estate]) -> Estate:
    """Draw devices that are known by their serial numbers, in two sites, by names of a few."""
    made = kind()
    sites = [kind.site(name=name) for name in ("ams", "rtm")]
    for site in sites:
        made.add(site)
    serials = draw(st.lists(st.sampled_from("ABCD"), unique=True, max_size=3))
    called = draw(st.lists(st.sampled_from("abcde"), unique=True, min_size=3, max_size=3))
    for serial, name in zip(serials, called):
        device = kind.device(name=name, serial=serial, role=draw(st.sampled_from("xy")))
        made.add(device)
        draw(st.sampled_from(sites)).add_child(device)
        for port in draw(st.lists(st.sampled_from(["e", "f", "a"]), unique=True, max_size=2)):
            interface = kind.interface(device=name, name=port, mtu=draw(st.integers(0, 1)))
            made.add(interface)
            device.add_child(interface)
    return made


def serials(dataset: Estate) -> set[str]:
    return {str(device.serial) for device in dataset.get_all("device")}


def fail_at(target: Estate, place: int, error: BaseException) -> None:
    """Let one operation fail, counted from 0."""
    operate = target.operate

    def failing(key: Any) -> bool:
        if len(target.log) == place:
            target.log.append(key)
            raise error
        return operate(key)

    target.operate = failing


def twice(data: st.DataObject, kind: type[Estate]) -> tuple[Estate, Estate, set[str]]:
    """Draw a target and a source, and return which serial numbers both have by identities that can be told."""
    target, source = data.draw(networks(kind)), data.draw(networks(kind))
    by_name = {str(device.get_unique_id()): device for device in source.get_all("device")}
    told = {str(device.serial) for device in target.get_all("device") if device.get_unique_id() not in by_name}
    lone = {str(one.serial) for name, one in by_name.items() if target.get_or_none("device", name) is None}
    return target, source, told & lone


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_renamed_object_is_missing_at_any_time_but_the_one_in_hand(kind: type[Estate], data: st.DataObject) -> None:
    target, source, wanted = twice(data, kind)
    before, missing = copy.deepcopy(target), [set[str]()]
    operate = target.operate

    def watched(key: Any) -> bool:
        missing.append(wanted - serials(target))
        return operate(key)

    target.operate = watched
    plan = Plan.from_diff(target.diff_from(source))
    check_plan(plan)
    assert not target.apply(plan, source).failures
    assert not target.diff_from(source).has_diffs()
    assert max(map(len, missing)) <= (kind is Remade)
    undo = undo_plan(plan)
    assert check(undo, target) == {}
    assert not target.apply(undo, source).failures
    assert not target.diff_from(before).has_diffs()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), place=st.integers(0, 12))
def test_a_fault_at_any_step_loses_nothing(kind: type[Estate], data: st.DataObject, place: int) -> None:
    target, source, wanted = twice(data, kind)
    fail_at(target, place, RuntimeError("the disk is full"))
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert wanted <= serials(target)
    assert len(result.failures) == (len(target.log) > place)
    del target.operate
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), place=st.integers(0, 12))
def test_a_run_that_is_killed_at_any_step_can_be_finished_or_undone(
    kind: type[Estate], data: st.DataObject, place: int, back: bool
) -> None:
    target, source, wanted = twice(data, kind)
    before, plan = copy.deepcopy(target), Plan.from_diff(target.diff_from(source))
    fail_at(target, place, Stop())
    result = target.apply(plan, source)
    assert len(wanted - serials(target)) <= (kind is Remade)
    del target.operate
    again = (
        undo_plan(reaching(plan, [one.change for one in result.outcomes if one.maybe or str(one.status) == "done"]))
        if back
        else plan
    )
    assert not target.apply(again, source, verdicts=check(again, target)).failures
    assert not target.diff_from(before if back else source).has_diffs()
