# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Plans: which changes, in what order, depending on what."""

from __future__ import annotations

import collections
import ipaddress
import json
import re
import threading
from typing import Any

import pytest
from dsync import Change, DSyncAction, DSyncFlags, DSyncModel, DSyncModelFlags, ObjectRef, Plan
from dsync.exceptions import StaleTarget
from dsync.guard.staleness import check
from dsync.report.render.formats import FORMATS, rendered
from dsync.report.render.unified import before_after
from dsync.report.report import Report
from estate import EXPECTED, PLANTED, SOURCE, TARGET, Device, Estate, Interface, InTwo, Moving, dataset, estate
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

FLAGS = [DSyncModelFlags.NONE, DSyncModelFlags.NATURAL_DELETION_ORDER, DSyncModelFlags.SKIP_CHILDREN_ON_DELETE]


def keys(plan: Plan) -> list[tuple[str, str, str]]:
    return [(str(change.action), change.model, change.id) for change in plan]


def check_plan(plan: Plan) -> None:
    """Keys are unique, and what a change requires comes before it."""
    seen: set[Any] = set()
    for change in plan:
        assert change.key not in seen
        assert set(change.requires) <= seen
        seen.add(change.key)


def test_changes_in_order() -> None:
    plan = Plan.from_diff(estate(TARGET).diff_from(estate(SOURCE)))
    assert keys(plan) == EXPECTED
    assert len(plan) == 12
    check_plan(plan)
    update, create = plan.changes[0], plan.changes[3]
    assert (update.before, update.after, update.parent) == ({"contact": "555-0"}, {"contact": "555-1"}, None)
    assert (create.before, create.after) == (None, {"role": "switch", "facts": None})
    assert (create.parent, create.ids) == (ObjectRef("site", "nyc"), {"name": "sw-1"})
    assert repr(create) == 'create device "sw-1"'
    assert plan.changes[-1].after is None
    assert list(plan) == list(plan.changes)


def test_a_record_is_plain_json_without_secrets() -> None:
    class Host(DSyncModel):
        _modelname = "host"
        _identifiers = ("address",)
        _attributes = ("facts", "token", "raw", "ratio", "odd")
        _sensitive = ("token",)
        address: ipaddress.IPv4Address
        facts: Any = None
        token: str = ""
        raw: bytes = b""
        ratio: float = 0.0
        odd: Any = None

    host = Host(address="10.0.0.1", facts={"a": {1}, 2: (3,)}, token=PLANTED, raw=b"x", ratio=float("inf"), odd=object)
    (change,) = Plan.from_diff(dataset(Host).diff_from(dataset(Host, objects=[host])))
    record = json.loads(json.dumps(change.record()))
    assert PLANTED not in str(record) + repr(change)
    assert record["action"] == "create"
    assert record["ids"] == {"address": "10.0.0.1"}
    assert record["after"]["facts"] == {"a": [1], "2": [3]}
    assert record["after"]["token"] == "********"
    assert record["parent"] is None
    assert record["before"] is None


class Patched(Device):
    """A device whose update changes the value that it has, as an adapter may."""

    def update(self, attrs: dict[str, Any]) -> Any:
        self.facts[0].append("new")
        return self


@pytest.mark.parametrize("wrap", [list, tuple])
def test_a_change_keeps_its_values_whatever_becomes_of_the_objects(wrap: Any) -> None:
    source = dataset(Patched, Interface, objects=[Patched(name="d", facts=wrap([["old", "new"]]))])
    target = dataset(Patched, Interface, objects=[Patched(name="d", facts=wrap([["old"]]))])
    plan = Plan.from_diff(target.diff_from(source))
    (outcome,) = target.apply(plan, source).outcomes
    source.get("device", "d").facts[0].clear()
    assert (outcome.change.before, outcome.change.after) == ({"facts": wrap([["old"]])}, {"facts": wrap([["old", "new"]])})


def test_a_value_that_cannot_be_copied_is_handed_on_as_it_is() -> None:
    value = [threading.Lock()]
    (change,) = Plan.from_diff(dataset(Thing).diff_from(dataset(Thing, objects=[Thing(name="a", value=value)])))
    assert change.after == {"value": value}


class Hidden(BaseModel):
    word: SecretStr


class Thing(DSyncModel):
    _modelname = "thing"
    _identifiers = ("name",)
    _attributes = ("value",)
    name: str
    value: Any = None


class Breaking:
    def __str__(self) -> str:
        raise LookupError("no text")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"raw", {"$bytes": "cmF3"}),
        ([b"\xff"], [{"$bytes": "/w=="}]),
        (10**5000, hex(10**5000)),
        ({"a": [-(10**5000)]}, {"a": [hex(-(10**5000))]}),
        (collections.deque([10**5000]), [hex(10**5000)]),
        ({b"\xff": 1}, {"b'\\xff'": 1}),
        ({(1, 2): "x"}, {"1,2": "x"}),
        ({10**5000: "x"}, {hex(10**5000): "x"}),
        ({"$ref": 1}, {"$ref": 1}),
        ({"b": 1, "a": 2}, {"b": 1, "a": 2}),
        (Breaking(), "<a Breaking that cannot be shown>"),
        ({"a": Hidden(word=SecretStr(PLANTED))}, {"a": {"word": "********"}}),
        (re.compile("x"), "x"),
        ("a\udcffb", "a\udcffb"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_value_can_be_shown(value: Any, shown: Any) -> None:
    source, target = dataset(Thing, objects=[Thing(name="a", value=value)]), dataset(Thing)
    diff = target.diff_from(source)
    (change,) = Plan.from_diff(diff)
    assert change.record()["after"] == {"value": shown}
    report = Report.from_diff(diff)
    for form in FORMATS:
        assert rendered(report, form)
    assert PLANTED not in rendered(report, "text") + str(diff) + str(source)
    assert [*before_after(Plan([change]))]


def test_a_list_that_holds_itself_can_be_recorded() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    change = Change(DSyncAction.CREATE, "thing", "a", {"name": "a"}, None, {"value": circle})
    assert change.record()["after"] == {"value": "<a list that cannot be shown>"}


def test_a_difference_in_a_number_of_many_digits_is_reported() -> None:
    source, target = (dataset(Thing, objects=[Thing(name="a", value=value)]) for value in (1, 10**5000))
    plan = Plan.from_diff(target.diff_from(source))
    target.get("thing", "a").value = 10**5001
    with pytest.raises(StaleTarget, match='thing "a": its value is <a int that cannot be shown'):
        check(plan, target)


@pytest.mark.parametrize("old_parent_stays", [True, False])
@pytest.mark.parametrize("flag", FLAGS, ids=repr)
def test_what_is_moved_by_two_changes_is_deleted_before_it_is_created(flag: DSyncModelFlags, old_parent_stays: bool) -> None:
    target = estate({"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}, kind=InTwo)
    source = estate({**({"a": "1"} if old_parent_stays else {}), "b": ("1", {"d": ("x", {"e": 1})})}, kind=InTwo)
    for model in ("site", "device", "interface"):
        for obj in target.get_all(model):
            obj.model_flags = flag
    plan = Plan.from_diff(target.diff_from(source))
    check_plan(plan)
    order = keys(plan)
    assert order.index(("delete", "device", "d")) < order.index(("create", "device", "d"))
    assert order.index(("delete", "interface", "d__e")) < order.index(("create", "interface", "d__e"))
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    assert target.get("site", "b").devices == ["d"]
    assert target.get("device", "d").interfaces == ["d__e"]


def test_a_move_whose_delete_fails_is_not_created_anew() -> None:
    target, source = estate({"a": ("1", {"d": "x"}), "b": "1"}), estate({"a": "1", "b": ("1", {"d": "x"})})
    target.trouble["delete", "device", "d"] = None
    target.sync_from(source, flags=DSyncFlags.CONTINUE_ON_FAILURE)
    assert target.log == [("delete", "device", "d")]
    assert target.get("site", "a").devices == ["d"]


def test_parent_and_child_may_swap_places() -> None:
    target, source = estate(folders={"a": (1, {"b": (1, {"c": 1})})}), estate(folders={"b": (1, {"a": (1, {"c": 2})})})
    check_plan(Plan.from_diff(target.diff_from(source)))
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()


def test_cascades_are_marked() -> None:
    target = estate(TARGET)
    target.get("site", "lon").model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    changes = {change.id: change for change in Plan.from_diff(target.diff_from(estate(SOURCE)))}
    assert [changes[uid].cascade for uid in ("lon", "rtr-3", "rtr-3__eth0", "old-1")] == [False, True, True, False]
    assert [changes[uid].removes_children for uid in ("lon", "rtr-3", "old-1")] == [True, False, False]


# ---------------------------------------------------------------------- generated trees

NAMES = st.sampled_from(["a", "b", "c", "a_", "_", "a__b"])
LABELS = st.sampled_from([None, 0, False, 1, True, 1.5, "x", "None", [1], [True], {"k": [0]}])


@st.composite
def estates(draw: st.DrawFn, kind: type[Estate] = Estate) -> Estate:
    """Draw a dataset: sites with devices with interfaces, and a forest of folders."""
    made = estate(kind=kind)
    sites = [made.site(name=name, contact=draw(NAMES)) for name in draw(st.lists(NAMES, unique=True, max_size=3))]
    for site in sites:
        made.add(site)
    for name in draw(st.lists(NAMES, unique=True, max_size=4)) if sites else []:
        device = made.device(name=name, facts=draw(LABELS))
        made.add(device)
        draw(st.sampled_from(sites)).add_child(device)
        for port in draw(st.lists(NAMES, unique=True, max_size=2)):
            mtu, password = draw(st.integers(0, 1)), draw(st.sampled_from([None, "x"]))
            interface = made.interface(device=name, name=port, mtu=mtu, password=password)
            made.add(interface)
            device.add_child(interface)
    folders: list[Any] = []
    for path in draw(st.lists(NAMES, unique=True, max_size=6)):
        folder = made.folder(path=path, label=draw(LABELS))
        parent: Any | None = draw(st.sampled_from([None, *folders]))
        made.add(folder)
        if parent is not None:
            parent.add_child(folder)
        folders.append(folder)
    for model in ("site", "device", "folder"):
        for obj in made.get_all(model):
            obj.model_flags = draw(st.sampled_from(FLAGS))
    return made


@pytest.mark.parametrize("kind", [Estate, Moving, InTwo])
@given(data=st.data())
def test_generated_trees_are_in_sync_after_a_sync(kind: type[Estate], data: st.DataObject) -> None:
    target, source = data.draw(estates(kind)), data.draw(estates(kind))
    plan = Plan.from_diff(target.diff_from(source))
    check_plan(plan)
    before = source.dict()
    target.sync_from(source)
    assert kind is Estate or target.log == [key for key, change in zip(keys(plan), plan) if not change.cascade]
    again = target.diff_from(source)
    assert not again.has_diffs()
    assert again.warnings == []
    assert (again.summary()["no-change"], len(target)) == (len(source), len(source))
    assert source.dict() == before
    assert bool(target.completed) == bool(len(plan))


@pytest.mark.parametrize("kind", [Estate, Moving, InTwo])
@given(data=st.data(), flags=st.sampled_from([1, 2, 4, 6, 8, 15]))
def test_generated_trees_with_flags_and_failures(kind: type[Estate], data: st.DataObject, flags: int) -> None:
    target, source = data.draw(estates(kind)), data.draw(estates(kind))
    flag = DSyncFlags(flags) | DSyncFlags.CONTINUE_ON_FAILURE
    diff = target.diff_from(source, flags=flag)
    plan = Plan.from_diff(diff)
    check_plan(plan)
    summary = diff.summary()
    assert sum(summary.values()) >= max(len(target), len(source))
    assert [summary[str(action)] for action in DSyncAction] == [
        sum(change.action == action for change in plan) for action in DSyncAction
    ]
    for change in plan.changes[::3]:
        target.trouble[str(change.action), change.model, change.id] = None
    result = target.apply(plan, source, flags=flag, diff=diff)
    assert [outcome.change for outcome in result.outcomes] == list(plan)
    ends = {outcome.change.key: str(outcome.status) for outcome in result.outcomes}
    for change in plan:
        if change.protected:
            assert ends[change.key] == "refused"
        elif any(ends[key] != "done" for key in change.requires):
            assert ends[change.key] == "not_attempted"
    unattempted = ("not_attempted", "refused")
    attempted = [key for key, change in zip(keys(plan), plan) if ends[change.key] not in unattempted and not change.cascade]
    assert kind is Estate or [key for key in attempted if key in target.log] == target.log


@given(target=estates(), source=estates())
def test_generated_trees_lose_nothing_when_a_plan_is_written_down(target: Estate, source: Estate) -> None:
    plan = Plan.from_diff(target.diff_from(source))
    records = json.loads(json.dumps([change.record() for change in plan]))
    assert [(record["action"], record["model"], record["id"]) for record in records] == keys(plan)
    for change, record in zip(plan, records):
        assert isinstance(change, Change)
        parent = None if change.parent is None else {"model": change.parent.model, "id": change.parent.id}
        assert record["parent"] == parent
