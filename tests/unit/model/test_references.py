# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that refer to one another: the order of changes, two steps where there is a circle, references to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from dsync import DSync, DSyncAction, DSyncFlags, DSyncModel, OutcomeStatus, Plan
from dsync.exceptions import DeclarationError, MissingReference, ReferenceCycle
from dsync.guard.limits import limits, over_limits
from dsync.guard.staleness import check
from dsync.plan.change import Change, ChangeKey
from dsync.plan.undo import undo_plan
from dsync.storage.journal import Journal, read
from dsync.storage.plan_file import load, save
from hypothesis import given
from hypothesis import strategies as st


class Enforcing(DSyncModel):
    """An object of a system that refuses what would leave a reference to a missing object, as a database with foreign keys does."""

    def _naming(self) -> Iterator[tuple[str, str]]:
        for name, model in self._references.items():
            value = getattr(self, name)
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    yield str(model), one

    @classmethod
    def _check(cls, dsync: Any, values: Mapping[str, Any]) -> None:
        for name, model in cls._references.items():
            value = values.get(name)
            for one in value if isinstance(value, list) else [value]:
                if one is not None and dsync.get_or_none(model, one) is None:
                    raise ValueError(f"{name} names {one}, which is not there")

    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        cls._check(dsync, {**ids, **attrs})
        return super().create(dsync=dsync, ids=ids, attrs=attrs)

    def update(self, attrs: dict[str, Any]) -> Any:
        self._check(self.dsync, attrs)
        return super().update(attrs)

    def delete(self) -> Any:
        here = (self.get_type(), self.get_unique_id())
        for other in self.dsync.get_all_objects() if self.dsync else ():
            if other is not self and here in set(other._naming()):
                raise ValueError(f"{other!r} refers to it")
        return super().delete()


class Role(Enforcing):
    _modelname = "role"
    _identifiers = ("name",)
    _attributes = ("color",)
    name: str
    color: str = ""


class Device(Enforcing):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role", "primary", "peers")
    _references: ClassVar[dict[str, Any]] = {"role": "role", "primary": "address", "peers": "device"}
    _children: ClassVar[dict[str, str]] = {"interface": "interfaces"}
    name: str
    role: str
    primary: str | None = None
    peers: list[str] = []
    interfaces: list[str] = []


class Interface(Enforcing):
    _modelname = "interface"
    _identifiers = ("device", "name")
    _references: ClassVar[dict[str, Any]] = {"device": "device"}
    device: str
    name: str


class Address(Enforcing):
    _modelname = "address"
    _identifiers = ("address",)
    _attributes = ("interface",)
    _references: ClassVar[dict[str, Any]] = {"interface": "interface"}
    address: str
    interface: str | None = None


class Estate(DSync):
    role = Role
    device = Device
    interface = Interface
    address = Address
    top_level = ("device", "address", "role")

    def get_all_objects(self) -> list[Any]:
        return [obj for model in ("role", "device", "interface", "address") for obj in self.get_all(model)]


def estate(devices: Mapping[str, Mapping[str, Any]], roles: tuple[str, ...] = ("leaf", "spine")) -> Estate:
    """Return an estate of devices, each with an interface and an address on it, which is its primary one if it says so."""
    made = Estate()
    for role in roles:
        made.add(Role(name=role))
    for number, (name, said) in enumerate(devices.items()):
        address = f"10.0.0.{number}"
        device = Device(
            name=name, role=said.get("role", "leaf"), primary=address if said.get("primary") else None, peers=said.get("peers", [])
        )
        interface = Interface(device=name, name="eth0")
        made.add(device)
        made.add(interface)
        device.add_child(interface)
        made.add(Address(address=address, interface=interface.get_unique_id()))
    return made


TWO = {"a": {"primary": True, "peers": ["b"]}, "b": {"primary": True, "peers": ["a"], "role": "spine"}}


def texts(plan: Plan) -> list[str]:
    return [f"{change.action} {change.model} {change.id}" for change in plan]


def test_creates_go_after_what_they_refer_to_and_a_circle_is_cut_at_the_primary_address() -> None:
    plan = Plan.from_diff(Estate().diff_from(estate({"a": {"primary": True}})))
    assert texts(plan) == [
        "create role leaf",
        "create device a",
        "create interface a__eth0",
        "create address 10.0.0.0",
        "create role spine",
        "update device a",
    ]
    assert plan.changes[1].after == {"role": "leaf", "primary": None, "peers": []}
    assert (plan.changes[5].before, plan.changes[5].after) == ({"primary": None}, {"primary": "10.0.0.0"})


def test_deletes_go_before_what_they_refer_to() -> None:
    plan = Plan.from_diff(estate({"a": {"primary": True}}).diff_from(Estate()))
    order = texts(plan)
    assert order.index("update device a") < order.index("delete address 10.0.0.0") < order.index("delete interface a__eth0")
    assert order.index("delete interface a__eth0") < order.index("delete device a") < order.index("delete role leaf")


def test_a_step_is_no_update_for_a_limit() -> None:
    source, target = estate(TWO), Estate()
    plan = Plan.from_diff(target.diff_from(source))
    assert [change.action.value for change in plan].count("update") == 2
    assert not list(over_limits(plan, limits({"update": 0}, target.models()), source, target))


def test_what_does_not_refer_to_anything_stays_in_its_order() -> None:
    plan = Plan.from_diff(estate({}, ()).diff_from(estate({}, ("x", "y", "z"))))
    assert texts(plan) == ["create role x", "create role y", "create role z"]


names = st.sampled_from(["a", "b", "c", "d"])
devices = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {"role": st.sampled_from(["leaf", "spine"]), "primary": st.booleans(), "peers": st.lists(names, unique=True, max_size=3)}
    ),
)


def whole(said: dict[str, dict[str, Any]]) -> Estate:
    return estate({name: {**one, "peers": [peer for peer in one["peers"] if peer in said]} for name, one in said.items()})


@given(devices, devices)
def test_a_system_that_enforces_references_never_refuses_a_plan_and_its_undo(before: Any, after: Any) -> None:
    target, source, original = whole(before), whole(after), whole(before)
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(plan, source)
    result.raise_for_failure()
    assert not target.diff_from(source).has_diffs()
    assert set(check(plan, target).values()) == set() or all(
        verdict.status == OutcomeStatus.ALREADY_DONE for verdict in check(plan, target).values()
    )
    undo = undo_plan([outcome.change for outcome in result.outcomes])
    assert not check(undo, target)
    target.apply(undo, source).raise_for_failure()
    assert not target.diff_from(original).has_diffs()


@given(devices, devices, st.data())
def test_a_plan_that_was_cut_short_is_finished_by_the_same_plan(before: Any, after: Any, data: Any) -> None:
    target, source = whole(before), whole(after)
    plan = Plan.from_diff(target.diff_from(source))
    if len(plan):
        cut = data.draw(st.integers(0, len(plan)))
        target.apply(Plan(plan.changes[:cut]), source).raise_for_failure()
        target.apply(plan, source, verdicts=check(plan, target)).raise_for_failure()
    assert not target.diff_from(source).has_diffs()


def test_a_plan_in_two_steps_goes_by_way_of_a_file_and_a_journal(tmp_path: Any) -> None:
    source, target = estate(TWO), Estate()
    plan = Plan.from_diff(target.diff_from(source))
    save(plan, str(tmp_path / "plan"), source=source, target=target)
    bound = load(str(tmp_path / "plan")).resolve(source, target)
    journal = Journal(str(tmp_path / "journal"), bound, source=source, target=target)
    result = target.apply(bound, source, verdicts=check(bound, target), journal=journal)
    journal.finish(result)
    journal.close()
    result.raise_for_failure()
    assert not target.diff_from(source).has_diffs()
    undo = read(str(tmp_path / "journal"))[-1].undo().resolve(None, target)
    target.apply(undo, source, verdicts=check(undo, target)).raise_for_failure()
    assert target.count() == 0


# ---------------------------------------------------------------------- references to nothing


def test_a_reference_to_nothing_is_named_before_the_first_write() -> None:
    source, target = estate({"a": {"role": "ghost"}, "b": {}}), Estate()
    with pytest.raises(MissingReference) as caught:
        target.sync_from(source)
    assert str(caught.value) == (
        '1 of 8 changes would leave a reference to a missing object: create of device "a": its role refers to role "ghost", '
        "which Estate does not have and will not get"
    )
    assert target.count() == 0


def test_the_object_that_a_reference_to_nothing_may_mean_is_named() -> None:
    source, target = estate({name: {"role": "leav"} for name in "abcd"}), Estate()
    with pytest.raises(MissingReference) as caught:
        target.sync_from(source)
    said = 'its role refers to role "leav", which Estate does not have and will not get'
    ends = [' (did you mean "leaf"?)'] * 3 + [""]  # only the first are searched for, as only they are named
    assert [sentence for _change, sentence in caught.value.changes] == [f"{said}{end}" for end in ends]


def test_where_a_run_goes_on_only_the_change_itself_is_left_out() -> None:
    source, target = estate({"a": {"role": "ghost"}, "b": {}}), Estate()
    target.sync_from(source, flags=DSyncFlags.CONTINUE_ON_FAILURE)
    assert {obj.get_unique_id() for obj in target.get_all("device")} == {"b"}
    assert {obj.get_unique_id() for obj in target.get_all("address")} == {"10.0.0.1"}


def test_what_is_still_referred_to_is_not_deleted() -> None:
    source, target = estate({"a": {}}, ()), estate({"a": {}})
    with pytest.raises(MissingReference, match=r'delete of role "leaf": device "a" refers to it \(role\) and is not deleted'):
        target.sync_from(source)
    assert target.count("role") == 2


def test_an_adapter_is_asked_for_what_it_has_not_loaded() -> None:
    class Narrow(Estate):
        def holds(self, model: str, unique_id: str) -> bool:
            return (model, unique_id) == ("role", "ghost") or super().holds(model, unique_id)

    source, target = estate({"a": {"role": "ghost"}}, ()), Narrow()
    plan = Plan.from_diff(target.diff_from(source))
    assert "create device a" in texts(plan)
    with pytest.raises(Exception, match="role names ghost"):  # the system itself has the last word
        target.sync_from(source)


# ---------------------------------------------------------------------- circles that cannot be cut


def test_a_circle_without_an_optional_reference_is_printed() -> None:
    class Egg(DSyncModel):
        _modelname = "egg"
        _identifiers = ("name",)
        _attributes = ("layer",)
        _references: ClassVar[dict[str, Any]] = {"layer": "hen"}
        name: str
        layer: str

    class Hen(DSyncModel):
        _modelname = "hen"
        _identifiers = ("name",)
        _attributes = ("shell",)
        _references: ClassVar[dict[str, Any]] = {"shell": "egg"}
        name: str
        shell: str

    class Farm(DSync):
        egg = Egg
        hen = Hen
        top_level = ("hen", "egg")

    source = Farm()
    source.add(Egg(name="e", layer="h"))
    source.add(Hen(name="h", shell="e"))
    with pytest.raises(ReferenceCycle) as caught:
        Farm().sync_from(source)
    assert 'create egg "e" (layer) needs create hen "h" (shell) needs the first again' in str(caught.value)


def test_wrong_declarations_are_reported() -> None:
    with pytest.raises(DeclarationError, match=r"_references names 'rol', but Wrong has no such field \(did you mean \"role\"\?"):
        type("Wrong", (Device,), {"_references": {"rol": "role"}})
    with pytest.raises(
        DeclarationError, match="_references names 'interfaces', which is not one of its identifiers and attributes"
    ):
        type("Wrong", (Device,), {"_references": {"interfaces": "role"}})
    with pytest.raises(DeclarationError, match="must be a model's name, or a tuple of such names, not 5"):
        type("Wrong", (Device,), {"_references": {"role": 5}})


def test_a_model_may_be_named_by_a_dict_of_its_identifiers_and_one_of_several_models() -> None:
    class Port(DSyncModel):
        _modelname = "port"
        _identifiers = ("name",)
        _attributes = ("on",)
        _references: ClassVar[dict[str, Any]] = {"on": ("role", "interface")}
        name: str
        on: Any = None

    class Rack(Estate):
        port = Port
        top_level = ("port", "device", "address", "role")

    source = Rack()
    source.add(Port(name="p", on={"device": "a", "name": "eth0"}))
    device, interface = Device(name="a", role="leaf"), Interface(device="a", name="eth0")
    source.add(Role(name="leaf"))
    source.add(device)
    source.add(interface)
    device.add_child(interface)
    plan = Plan.from_diff(Rack().diff_from(source))
    order = texts(plan)
    assert order.index("create interface a__eth0") < order.index("create port p")
    created: Change = next(change for change in plan if change.model == "port")
    assert ChangeKey(DSyncAction.CREATE, "interface", "a__eth0") in created.requires
