# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The order of changes in a system that enforces parents, references and unique values at once: whatever the engine accepts is
refused by nobody, and what it refuses could be made in no order at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from dsync import DSync, DSyncAction, DSyncModel, DSyncModelFlags, Plan
from dsync.exceptions import ReferenceCycle
from dsync.guard.staleness import check
from dsync.model.identity import ObjectRef
from dsync.plan.outcome import OutcomeStatus
from dsync.plan.undo import undo_plan
from hypothesis import given
from hypothesis import strategies as st


class Held(NamedTuple):
    """An object of the system: its parent, and its attributes."""

    parent: ObjectRef | None
    attrs: dict[str, Any]


State = Mapping[ObjectRef, Held]

UNIQUE = {"site": (), "role": (("tag",),), "device": (("serial",), ("rack", "unit"))}
REFERENCES: dict[str, dict[str, str]] = {"site": {}, "role": {"lead": "device"}, "device": {"role": "role", "mate": "device"}}


def is_valid(state: State) -> bool:
    """Return whether the system lets its objects be like this."""
    taken = set()
    for ref, one in state.items():
        if one.parent is not None and one.parent not in state:
            return False
        for name, model in REFERENCES[ref.model].items():
            if one.attrs[name] is not None and ObjectRef(model, one.attrs[name]) not in state:
                return False
        for fields in UNIQUE[ref.model]:
            claim = (ref.model, fields, *(one.attrs[name] for name in fields))
            if claim in taken:
                return False
            if None not in claim:
                taken.add(claim)
    return True


class Enforced(DSyncModel):
    """An object of that system."""

    model_flags = DSyncModelFlags.NATURAL_DELETION_ORDER

    def _after(self, **attrs: Any) -> dict[ObjectRef, Held]:
        state = state_of(self.dsync)
        ref = ObjectRef(self.get_type(), self.get_unique_id())
        return {**state, ref: Held(state[ref].parent, {**state[ref].attrs, **attrs})}

    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        state = state_of(dsync)
        state[ObjectRef(cls.get_type(), ids["name"])] = Held(None, attrs)
        assert is_valid(state)
        return super().create(dsync, ids, attrs)

    def update(self, attrs: dict[str, Any]) -> Any:
        assert is_valid(self._after(**attrs))
        return super().update(attrs)

    def delete(self) -> Any:
        state = state_of(self.dsync)
        del state[ObjectRef(self.get_type(), self.get_unique_id())]
        assert is_valid(state)
        return super().delete()


class Site(Enforced):
    _modelname = "site"
    _identifiers = ("name",)
    _children = {"device": "devices"}
    name: str
    devices: list[str] = []


class RemadeDevice(Enforced):
    """A device that the system can only delete and create again in another place."""

    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("serial", "rack", "unit", "role", "mate")
    _unique = ("serial", ("rack", "unit"))
    _references = {"role": "role", "mate": "device"}
    name: str
    serial: str
    rack: str
    unit: int | None
    role: str
    mate: str | None


class Device(RemadeDevice):
    def move(self, parent: DSyncModel | None, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        assert is_valid(self._after(**attrs))
        return super().update(attrs)


class Role(Enforced):
    _modelname = "role"
    _identifiers = ("name",)
    _attributes = ("tag", "lead")
    _unique = ("tag",)
    _references = {"lead": "device"}
    name: str
    tag: str | None
    lead: str | None


class System(DSync):
    site = Site
    device = Device
    role = Role
    top_level = ("role", "site")


class Remaking(System):
    device = RemadeDevice


def state_of(dataset: DSync) -> dict[ObjectRef, Held]:
    parents = {ObjectRef("device", name): ObjectRef("site", site.name) for site in dataset.get_all("site") for name in site.devices}
    refs = [(ObjectRef(obj.get_type(), obj.get_unique_id()), obj) for model in UNIQUE for obj in dataset.get_all(model)]
    return {ref: Held(parents.get(ref), obj.get_attrs()) for ref, obj in refs}


def system(state: State, kind: type[System] = System) -> System:
    made = kind()
    for ref, one in state.items():
        obj = made.models()[ref.model](name=ref.id, **one.attrs)
        made.add(obj)
        if one.parent is not None:
            made.get("site", one.parent.id).add_child(obj)
    return made


@st.composite
def states(draw: st.DrawFn) -> State:
    devices = sorted(draw(st.sets(st.sampled_from("abc"))))
    roles = sorted(draw(st.sets(st.sampled_from("rst"), min_size=1)))
    sites = sorted(draw(st.sets(st.sampled_from("pq"), min_size=1)))
    serials = draw(st.permutations("wxyz"))
    places = draw(st.permutations([1, 2, 3, None, None]))
    tags = draw(st.permutations(["k", "l", None, None]))
    named = st.sampled_from([None, *devices])
    state = {ObjectRef("site", name): Held(None, {}) for name in sites}
    for name, serial, unit in zip(devices, serials, places):
        attrs = {"serial": serial, "rack": draw(st.sampled_from("12")), "unit": unit, "role": draw(st.sampled_from(roles))}
        state[ObjectRef("device", name)] = Held(ObjectRef("site", draw(st.sampled_from(sites))), {**attrs, "mate": draw(named)})
    for name, tag in zip(roles, tags):
        state[ObjectRef("role", name)] = Held(None, {"tag": tag, "lead": draw(named)})
    return state


def can_be_reached(old: State, new: State, moves: bool = True) -> bool:
    """Return whether the system lets each object be changed once, in some order.

    Args:
        old: the objects at the beginning.
        new: the objects at the end.
        moves: whether the system moves objects; otherwise one that moves is away for a moment.
    """
    changing = frozenset(ref for ref in {**old, **new} if old.get(ref) != new.get(ref))
    tried: set[frozenset[ObjectRef]] = set()

    def follow(done: frozenset[ObjectRef]) -> bool:
        if done in tried or not is_valid(dict(_mixed(old, new, done))):
            return False
        tried.add(done)
        return done == changing or any(follow(done | {ref}) for ref in changing - done if moves or may_be_away(done, ref))

    def may_be_away(done: frozenset[ObjectRef], ref: ObjectRef) -> bool:
        if ref not in old or ref not in new or old[ref].parent == new[ref].parent:
            return True
        return is_valid({other: one for other, one in _mixed(old, new, done) if other != ref})

    return follow(frozenset())


def _mixed(old: State, new: State, done: frozenset[ObjectRef]) -> Iterator[tuple[ObjectRef, Held]]:
    for ref in {**old, **new}:
        side = new if ref in done or old.get(ref) == new.get(ref) else old
        if ref in side:
            yield ref, side[ref]


@given(old=states(), new=states())
def test_what_is_accepted_is_refused_by_nobody_and_what_is_refused_has_no_order(old: State, new: State) -> None:
    target, source = system(old), system(new)
    try:
        plan = Plan.from_diff(target.diff_from(source))
    except ReferenceCycle:
        assert not can_be_reached(old, new)
        return
    assert check(plan, target) == {}
    target.apply(plan, source).raise_for_failure()
    assert state_of(target) == new
    assert {verdict.status for verdict in check(plan, target).values()} <= {OutcomeStatus.ALREADY_DONE}
    assert len(check(plan, target)) == len(plan)
    target.apply(undo_plan(plan), source).raise_for_failure()
    assert state_of(target) == old


@given(old=states(), new=states(), data=st.data())
def test_a_run_that_is_cut_off_anywhere_is_finished_or_undone(old: State, new: State, data: st.DataObject) -> None:
    target, source = system(old), system(new)
    try:
        plan = Plan.from_diff(target.diff_from(source))
    except ReferenceCycle:
        return
    done = [*plan][: data.draw(st.integers(0, len(plan)))]
    target.apply(Plan(done), source).raise_for_failure()
    kept = [ref for ref in old if ref in new and ref not in state_of(target)]
    assert not kept
    if data.draw(st.booleans()):
        back = undo_plan(done)
        target.apply(Plan(back, check(back, target)), source).raise_for_failure()
        assert state_of(target) == old
    else:
        target.apply(Plan(plan, check(plan, target)), source).raise_for_failure()
        assert state_of(target) == new


def test_a_value_that_changes_again_after_a_move_is_no_obstacle_to_the_undo() -> None:
    """The move takes a reference away, and an update after it sets another; the undo has the two in the other order."""

    def device(site: str, serial: str, mate: str | None) -> Held:
        return Held(ObjectRef("site", site), {"serial": serial, "rack": "1", "unit": 1, "role": "r", "mate": mate})

    sites = {ObjectRef("site", name): Held(None, {}) for name in "pq"}
    sites[ObjectRef("role", "r")] = Held(None, {"tag": None, "lead": None})
    old = {**sites, ObjectRef("device", "a"): device("q", "x", "a")}
    other = Held(ObjectRef("site", "p"), {"serial": "x", "rack": "1", "unit": 2, "role": "r", "mate": None})
    new = {**sites, ObjectRef("device", "a"): device("p", "w", "c"), ObjectRef("device", "c"): other}
    target, source = system(old), system(new)
    plan = Plan.from_diff(target.diff_from(source))
    assert [str(change.action) for change in plan] == ["move", "create", "update"]
    target.apply(plan, source).raise_for_failure()
    undo = undo_plan(plan)
    assert check(undo, target) == {}
    target.apply(undo, source).raise_for_failure()
    assert state_of(target) == old
    assert {verdict.status for verdict in check(undo, target).values()} == {OutcomeStatus.ALREADY_DONE}


def keeps_a_reference(old: State, new: State) -> bool:
    """Return whether an object refers to one that moves both before and afterwards."""
    away = {ref.id for ref in old if ref in new and old[ref].parent != new[ref].parent}
    both = [(old[ref].attrs, new[ref].attrs, REFERENCES[ref.model]) for ref in old if ref in new]
    return any(
        model == "device" and before[name] == after[name] and after[name] in away
        for before, after, fields in both
        for name, model in fields.items()
    )


def sets_a_reference_too_early(plan: Plan) -> bool:
    """Return whether an update makes an object refer to one that moves later, which takes a unique value from it."""
    moves = {change.id: place for place, change in enumerate(plan) if change.action == DSyncAction.MOVE}
    updates = [(place, change) for place, change in enumerate(plan) if change.action == DSyncAction.UPDATE]
    fields = [(place, change.after or {}, REFERENCES[change.model]) for place, change in updates]
    return any(moves.get(after.get(name), -1) > place for place, after, names in fields for name in names)


@given(old=states(), new=states())
def test_what_is_deleted_and_created_again_is_the_only_object_that_is_away(old: State, new: State) -> None:
    target, source = system(old, Remaking), system(new)
    try:
        plan = Plan.from_diff(target.diff_from(source))
    except ReferenceCycle:
        assert not can_be_reached(old, new, moves=False)
        return
    stay = [ref for ref in old if ref in new]
    seen = [len([ref for ref in stay if ref not in state_of(target)])]

    def watch(_stage: str, _done: int, _total: int) -> None:
        seen.append(len([ref for ref in stay if ref not in state_of(target)]))

    result = target.apply(plan, source, callback=watch)
    assert set(seen) == {0}
    if keeps_a_reference(old, new) or sets_a_reference_too_early(plan):
        assert is_valid(state_of(target))
        return
    result.raise_for_failure()
    assert state_of(target) == new
    target.apply(undo_plan(plan), source).raise_for_failure()
    assert state_of(target) == old


def device(serial: str, role: str, site: str = "p", **more: Any) -> Held:
    return Held(ObjectRef("site", site), {"serial": serial, "rack": "1", "unit": None, "role": role, "mate": None, **more})


FRAME = {
    ObjectRef("role", "r"): Held(None, {"tag": None, "lead": None}),
    **{ObjectRef("site", name): Held(None, {}) for name in "pq"},
}


def test_the_undo_of_a_move_restores_what_was_there_right_before_it() -> None:
    old = {**FRAME, ObjectRef("device", "b"): device("x", "r", unit=1)}
    new = {**FRAME, ObjectRef("device", "a"): device("y", "r", unit=1), ObjectRef("device", "b"): device("x", "r", "q", mate="a")}
    target = system(old, Remaking)
    plan = Plan.from_diff(target.diff_from(system(new)))
    assert [(str(change.action), change.id) for change in plan] == [("update", "b"), ("create", "a"), ("move", "b")]
    target.apply(plan, target).raise_for_failure()
    target.apply(undo_plan(plan), target).raise_for_failure()
    assert state_of(target) == old


@pytest.mark.parametrize("kind", [System, Remaking])
def test_a_move_drops_a_reference_to_what_is_deleted_even_if_the_new_one_is_set_later(kind: type[System]) -> None:
    old = {**FRAME, ObjectRef("device", "b"): device("x", "r", mate="c"), ObjectRef("device", "c"): device("y", "r")}
    new = {**FRAME, ObjectRef("device", "b"): device("z", "r", "q", mate="a"), ObjectRef("device", "a"): device("x", "r")}
    target = system(old, kind)
    plan = Plan.from_diff(target.diff_from(system(new)))
    target.apply(plan, target).raise_for_failure()
    assert state_of(target) == new


@pytest.mark.parametrize("mate", ["a", "b"])
def test_what_refers_to_an_object_that_is_replaced_lets_go_of_it(mate: str) -> None:
    common = {ObjectRef("role", "r"): Held(None, {"tag": None, "lead": None}), ObjectRef("site", "p"): Held(None, {})}
    old = {**common, ObjectRef("device", "a"): device("x", "r"), ObjectRef("device", "c"): device("y", "r", mate="a")}
    new = {**common, ObjectRef("device", "b"): device("x", "r"), ObjectRef("device", "c"): device("y", "r", mate="b")}
    target = system(old)
    plan = Plan.from_diff(target.diff_from(system(new)))
    assert [(str(change.action), change.id, change.step) for change in plan] == [
        (DSyncAction.UPDATE, "c", 1),
        (DSyncAction.DELETE, "a", 0),
        (DSyncAction.CREATE, "b", 0),
        (DSyncAction.UPDATE, "c", 0),
    ]
    target.apply(plan, system(new)).raise_for_failure()
    assert state_of(target) == new
