# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Unique values: what gives one up comes before what takes it, in a system that refuses anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, DSyncModelFlags, Plan, prepare_plan
from dsync.adapters.core.base import RecordModel
from dsync.exceptions import DeclarationError, DefinitionError, ReferenceCycle
from dsync.guard.limits import limits, over_limits
from dsync.guard.staleness import check
from dsync.plan.undo import undo_plan
from dsync.records.definition import data_model
from dsync.storage.journal import Journal, read
from dsync.storage.plan_file import load, save
from hypothesis import given
from hypothesis import strategies as st
from test_plan import check_plan, keys


class Strict:
    """A model whose system lets no two objects have a serial number, or a place in a rack, and no site go that has devices."""

    @classmethod
    def create(cls: Any, dsync: Any, ids: Any, attrs: Any) -> Any:
        dsync.check(cls.get_type(), None, {**ids, **attrs})
        return super().create(dsync, ids, attrs)

    def update(self: Any, attrs: Any) -> Any:
        self.dsync.check(self.get_type(), self, {**self.get_attrs(), **attrs})
        return super().update(attrs)

    def delete(self: Any) -> Any:
        assert not getattr(self, "devices", []), "it has devices"
        return super().delete()


class Site(Strict, DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _children = {"device": "devices"}
    model_flags = DSyncModelFlags.NATURAL_DELETION_ORDER
    name: str
    devices: list[str] = []


class Device(Strict, DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("serial", "rack", "unit")
    _unique = ("serial", ("rack", "unit"))
    name: str
    serial: str | None = None
    rack: str | None = None
    unit: int | None = None


class System(DSync):
    site = Site
    device = Device
    top_level = ("site",)

    def check(self, model: str, own: Any, values: dict[str, Any]) -> None:
        if model == "device":
            for other in self.get_all("device"):
                for fields in (("serial",), ("rack", "unit")):
                    wanted = [values[name] for name in fields]
                    assert other is own or None in wanted or wanted != [getattr(other, name) for name in fields], "it is taken"


def system(sites: dict[str, dict[str, dict[str, Any]]], kind: type[System] = System) -> System:
    made = kind()
    for name, devices in sites.items():
        site = made.site(name=name)
        made.add(site)
        for device, values in devices.items():
            made.add(made.device(name=device, **values))
            site.add_child(made.get("device", device))
    return made


def plan_of(old: dict[str, Any], new: dict[str, Any]) -> tuple[System, System, Plan]:
    target, source = system({"a": old}), system({"a": new})
    return target, source, Plan.from_diff(target.diff_from(source))


@pytest.mark.parametrize(
    ("old", "new", "order"),
    [
        ({"d1": {"serial": "x"}}, {"d2": {"serial": "x"}}, ["delete d1", "create d2"]),
        ({"d1": {"serial": "x"}, "d2": {}}, {"d1": {}, "d2": {"serial": "x"}}, ["update d1", "update d2"]),
        ({"d1": {}, "d2": {"serial": "x"}}, {"d1": {"serial": "x"}, "d2": {}}, ["update d2", "update d1"]),
        (
            {"d1": {"serial": "x"}, "d2": {"serial": "y"}, "d3": {"serial": "z"}},
            {"d1": {"serial": "y"}, "d2": {"serial": "z"}, "d3": {"serial": "new"}},
            ["update d3", "update d2", "update d1"],
        ),
        (
            {"d1": {"rack": "r", "unit": 1}, "d2": {"rack": "r", "unit": 2}},
            {"d1": {"rack": "r", "unit": 2}, "d2": {"rack": "q", "unit": 2}},
            ["update d2", "update d1"],
        ),
    ],
)
def test_what_gives_a_value_up_comes_first(old: dict[str, Any], new: dict[str, Any], order: list[str]) -> None:
    target, source, plan = plan_of(old, new)
    assert [f"{action} {name}" for action, _model, name in keys(plan)] == order
    check_plan(plan)
    target.apply(plan, source).raise_for_end()
    assert not target.diff_from(source).has_diffs()
    undo = undo_plan(plan)
    assert [f"{change.id}" for change in undo] == [line.split()[1] for line in order[::-1]]


def test_a_change_that_waits_for_a_value_is_not_attempted_when_it_is_not_given_up() -> None:
    target, source, plan = plan_of({"d1": {"serial": "x"}, "d2": {}}, {"d1": {}, "d2": {"serial": "x"}})

    def refuse(*_arguments: Any) -> None:
        raise RuntimeError("refused")

    target.check = refuse
    result = target.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [str(outcome.status) for outcome in result.outcomes] == ["failed", "not_attempted"]


BEFORE = {"d1": {"serial": "x"}, "d2": {"serial": "y"}, "d3": {"rack": "r", "unit": 1}, "d4": {"rack": "r", "unit": 2}}
SWAPPED = {"d1": {"serial": "y"}, "d2": {"serial": "x"}, "d3": {"rack": "r", "unit": 2}, "d4": {"rack": "r", "unit": 1}}


def test_a_swap_goes_through_null() -> None:
    target, source, plan = plan_of(BEFORE, SWAPPED)
    assert [(change.id, change.step, change.before, change.after) for change in plan] == [
        ("d1", 1, {"serial": "x"}, {"serial": None}),
        ("d2", 0, {"serial": "y"}, {"serial": "x"}),
        ("d1", 0, {"serial": None}, {"serial": "y"}),
        ("d3", 1, {"unit": 1}, {"unit": None}),
        ("d4", 0, {"unit": 2}, {"unit": 1}),
        ("d3", 0, {"unit": None}, {"unit": 2}),
    ]
    assert check(plan, target) == {}
    target.apply(plan, source).raise_for_end()
    assert not target.diff_from(source).has_diffs()


def test_of_a_circle_one_object_is_updated_twice() -> None:
    names = "abcde"
    old = {name: {"serial": name} for name in names}
    target, source, plan = plan_of(old, {name: {"serial": names[place - 1]} for place, name in enumerate(names)})
    assert len(plan) == len(names) + 1
    target.apply(plan, source).raise_for_end()
    assert not target.diff_from(source).has_diffs()


def test_an_object_that_is_updated_twice_counts_once() -> None:
    target, source, plan = plan_of(BEFORE, SWAPPED)
    assert not list(over_limits(plan, limits({"update": 4}, target.models()), source, target))
    assert list(over_limits(plan, limits({"update": 3}, target.models()), source, target))
    back = undo_plan(plan)
    assert not list(over_limits(back, limits({"update": 4}, target.models()), source, target))


@pytest.mark.parametrize("end", range(7))
def test_a_swap_that_ends_anywhere_is_finished_or_undone(end: int, tmp_path: Path) -> None:
    target, source, plan = plan_of(BEFORE, SWAPPED)
    path = tmp_path / "plan"
    save(plan, path, source=source, target=target)
    with Journal(tmp_path / "journal", plan, source=source, target=target) as journal:
        for place, change in enumerate([*plan][: end + 1]):
            journal.intend(change)
            if place < end:
                journal.record(*target.apply(Plan([change]), source).outcomes)
    (run,) = read(tmp_path / "journal")
    undone = system({"a": {name: dict(target.get("device", name).get_attrs()) for name in BEFORE}})
    undone.apply(prepare_plan(run.undo(), None, undone), source).raise_for_end()
    assert not undone.diff_from(system({"a": BEFORE})).has_diffs()
    target.apply(prepare_plan(load(path), source, target), source).raise_for_end()
    assert not target.diff_from(source).has_diffs()
    assert set(check(plan, target)) == {change.key for change in plan}
    target.apply(undo_plan(plan), source).raise_for_end()
    assert not target.diff_from(system({"a": BEFORE})).has_diffs()


def test_a_swap_of_values_that_cannot_be_null_is_refused_and_printed() -> None:
    kind = type("Device", (Device,), {"serial": "", "__annotations__": {"serial": str}})
    rigid = type("Rigid", (System,), {"device": kind})
    target, source = (system({"a": {"d1": {"serial": one}, "d2": {"serial": two}}}, rigid) for one, two in ("xy", "yx"))
    with pytest.raises(ReferenceCycle) as caught:
        Plan.from_diff(target.diff_from(source))
    assert str(caught.value) == (
        'the changes cannot be ordered because objects take unique values from one another in a cycle: update device "d1" '
        '(serial) needs update device "d2" (serial) needs the first again; make one of these fields optional (a type with | None), '
        "so that it can be null for a while, or set one of these values to another one in the target first"
    )


def test_what_is_never_written_is_taken_by_nobody() -> None:
    kind = type("Device", (Device,), {"_read_only": ("serial",)})
    both = [type("Read", (System,), {"device": kind})() for _side in range(2)]
    for made, serials in zip(both, ("xy", "yx")):
        site = made.site(name="a")
        made.add(site)
        for number, serial in enumerate(serials):
            made.add(made.device(name=f"d{number}", serial=serial, unit=len(made.get_all("device")) + (made is both[0])))
            site.add_child(made.get("device", f"d{number}"))
    assert len(Plan.from_diff(both[0].diff_from(both[1]))) == 2


DEVICES = st.dictionaries(
    st.sampled_from("abcd"),
    st.fixed_dictionaries(
        {"serial": st.sampled_from([None, "x", "y", "z"]), "rack": st.just("r"), "unit": st.sampled_from([None, 1, 2, 3])}
    ),
)


def _is_valid(sites: dict[str, dict[str, dict[str, Any]]]) -> bool:
    names = [name for devices in sites.values() for name in devices]
    values = [value for devices in sites.values() for value in devices.values()]
    taken = [[one[field] for one in values if one[field] is not None] for field in ("serial", "unit")]
    return all(len(set(some)) == len(some) for some in (names, *taken))


SYSTEMS = st.dictionaries(st.sampled_from("pq"), DEVICES).filter(_is_valid)


@given(old=SYSTEMS, new=SYSTEMS)
def test_a_system_that_enforces_uniqueness_refuses_nothing_of_a_plan(old: Any, new: Any) -> None:
    target, source = system(old), system(new)
    try:
        plan = Plan.from_diff(target.diff_from(source))
    except ReferenceCycle:
        return
    check_plan(plan)
    target.apply(plan, source).raise_for_end()
    assert not target.diff_from(source).has_diffs()
    back = undo_plan(plan)
    target.apply(back, source).raise_for_end()
    assert not target.diff_from(system(old)).has_diffs()


@pytest.mark.parametrize(
    ("unique", "words"),
    [
        (("seriall",), "Bad._unique names 'seriall', but Bad has no such field"),
        (("serial", ("serial", "serial")), "names the field 'serial' twice"),
        ("serial", "must be a tuple of field names, or of tuples of such"),
        (("devices",), "Bad._unique names 'devices', which is not one of its identifiers and attributes"),
    ],
)
def test_wrong_declarations(unique: Any, words: str) -> None:
    body = {"_modelname": "bad", "_identifiers": ("name",), "_attributes": ("serial",), "_children": {"device": "devices"}}
    annotations = {"name": str, "serial": str, "devices": list[str]}
    with pytest.raises(DeclarationError, match=words):
        type("Bad", (DSyncModel,), {**body, "_unique": unique, "__annotations__": annotations})


def test_unique_in_yaml() -> None:
    device = {"identifiers": ["name"], "attributes": {"serial": "str | None", "rack": "str", "unit": "int"}}
    models = {"device": {**device, "unique": ["serial", ["rack", "unit"]]}}
    assert data_model(models, None, base=RecordModel).models["device"]._declaration.unique == (("serial",), ("rack", "unit"))
    for wrong, words in (
        (["seriall"], r'unique\[0\]: .*did you mean "serial"'),
        ("serial", "should be a list"),
        ([["rack", "u"]], r"unique\[0\]\[1\]"),
    ):
        with pytest.raises(DefinitionError, match=words):
            data_model({"device": {**device, "unique": wrong}}, None, base=RecordModel)
