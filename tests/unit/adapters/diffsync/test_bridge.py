# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Adapters written for the released DiffSync, held against what DiffSync itself does with them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, Plan
from dsync.adapters.diffsync.bridge import DiffSyncBridge, bridged, is_for_diffsync
from dsync.exceptions import DeclarationError, ModelMismatch, ObjectAlreadyExists, ObjectNotFound
from dsync.flags import DSyncModelFlags
from dsync.plan.outcome import OutcomeStatus
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, computed_field

pytest.importorskip("diffsync", reason="diffsync is installed beside ansible-core, and has no release for Python 3.14")

from diffsync import Adapter, DiffSyncModel
from diffsync.enum import DiffSyncFlags, DiffSyncModelFlags, DiffSyncStatus
from diffsync.exceptions import ObjectAlreadyExists as DiffSyncObjectAlreadyExists
from diffsync.exceptions import ObjectCrudException, ObjectNotCreated

Key = tuple[str, str, str]


class Noted(DiffSyncModel):
    """Notes each operation, and what its adapter has just then; fails where its adapter's ``trouble`` says so."""

    @classmethod
    def create(cls, adapter: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        if not adapter.operate(("create", cls.get_type(), cls.create_unique_id(**ids)), attrs):
            return None
        return super().create(adapter=adapter, ids=ids, attrs=attrs)

    def update(self, attrs: dict[str, Any]) -> Any:
        if not self.adapter.operate(("update", self.get_type(), self.get_unique_id()), attrs):
            return None
        return super().update(attrs)

    def delete(self) -> Any:
        if not self.adapter.operate(("delete", self.get_type(), self.get_unique_id()), {}):
            return None
        return super().delete()


class Site(Noted):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact", "size")
    _children = {"device": "devices", "vlan": "vlans"}
    name: str
    contact: str | None = None
    size: int = 0
    devices: list[str] = []
    vlans: list[str] = []


class Device(Noted):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role",)
    _children = {"interface": "interfaces"}
    name: str
    role: str = ""
    interfaces: list[str] = []


class Interface(Noted):
    _modelname = "interface"
    _identifiers = ("device", "name")
    _shortname = ("name",)
    _attributes = ("mtu",)
    device: str
    name: str
    mtu: int = 1500

    @classmethod
    def create(cls, adapter: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        adapter.seen.append(("device", adapter.get("device", ids["device"]).role))
        return super().create(adapter=adapter, ids=ids, attrs=attrs)


class Vlan(Noted):
    _modelname = "vlan"
    _identifiers = ("site", "vid")
    _attributes = ("label",)
    site: str
    vid: int
    label: str = ""


Tree = Mapping[str, Mapping[str, Any]]
"""Site → its values, ``devices`` (name → role, interfaces as name → mtu, flags) and ``vlans`` (vid → label) among them."""


class Estate(Adapter):
    site = Site
    device = Device
    interface = Interface
    vlan = Vlan
    top_level = ["site"]

    def __init__(self, tree: Tree, name: str | None = None, trouble: Mapping[Key, Any] | None = None) -> None:
        super().__init__(name=name)
        self.tree, self.trouble = tree, trouble or {}
        self.log: list[Any] = []
        self.seen: list[Any] = []
        self.completed: list[Any] = []

    def load(self) -> None:
        for name, values in self.tree.items():
            site = Site(name=name, contact=values.get("contact"), size=values.get("size", 0))
            site.model_flags = values.get("flags", DiffSyncModelFlags.NONE)
            self.add(site)
            for device_name, (role, ports, flags) in values.get("devices", {}).items():
                device = Device(name=device_name, role=role, model_flags=flags)
                self.add(device)
                site.add_child(device)
                for port, mtu in ports.items():
                    interface = Interface(device=device_name, name=port, mtu=mtu)
                    self.add(interface)
                    device.add_child(interface)
            for vid, label in values.get("vlans", {}).items():
                vlan = Vlan(site=name, vid=vid, label=label)
                self.add(vlan)
                site.add_child(vlan)

    def operate(self, key: Key, attrs: dict[str, Any]) -> bool:
        self.log.append((*key, dict(attrs), sorted(f"{obj}" for name in ("site", "device") for obj in self.get_all(name))))
        trouble = self.trouble.get(key, True)
        if isinstance(trouble, Exception):
            raise trouble
        return bool(trouble)

    def sync_complete(self, source: Any, diff: Any, flags: Any = DiffSyncFlags.NONE, logger: Any = None) -> None:
        logger.debug("complete", number=len(diff))
        self.completed.append((source, diff, flags))


def plain(adapter: Adapter) -> Any:
    return {name: dict(objs) for name, objs in adapter.dict(exclude_defaults=False).items() if objs}


def loaded(tree: Tree, name: str, **options: Any) -> DiffSyncBridge:
    side = bridged(Estate)(tree=tree, name=name, **options)
    side.load()
    return side


def own(tree: Tree, name: str, **options: Any) -> Estate:
    side = Estate(tree, name, **options)
    side.load()
    return side


NONE = DiffSyncModelFlags.NONE
OLD: dict[str, Any] = {
    "ams": {"contact": "a", "devices": {"a1": ("leaf", {"et1": 1500, "et2": 9000}, NONE), "a2": ("leaf", {}, NONE)}},
    "fra": {"contact": "f", "devices": {"f1": ("spine", {"et1": 1500}, NONE)}, "vlans": {10: "x", 20: "y"}},
}
NEW: dict[str, Any] = {
    "ams": {"contact": None, "devices": {"a1": ("spine", {"et1": 9000, "et3": 1500}, NONE)}, "vlans": {5: "new"}},
    "nyc": {"size": 3, "devices": {"n1": ("leaf", {"et1": 1500}, NONE)}},
}

# ---------------------------------------------------------------------- the same as DiffSync does


def test_the_same_calls_in_the_same_order_on_the_same_data_as_diffsync_itself_makes() -> None:
    theirs = own(OLD, "target")
    theirs.sync_from(own(NEW, "source"))
    ours = loaded(OLD, "target")
    ours.sync_from(loaded(NEW, "source"))
    assert ours.original.log == theirs.log
    assert ours.original.seen == theirs.seen
    assert plain(ours.original) == plain(theirs)
    assert len(ours.original.log) == 15


def test_a_second_run_changes_nothing() -> None:
    source, target = loaded(NEW, "source"), loaded(OLD, "target")
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    target.original.log.clear()
    target.sync_from(source)
    assert target.original.log == []


def flattened(diff: Any, above: tuple[str, ...] = ()) -> dict[Any, Any]:
    found = {}
    for element in diff.get_children():
        place = (*above, element.type, element.name)
        if element.action is not None:
            found[place] = (str(element.action), element.keys, element.get_attrs_diffs())
        found.update(flattened(element.child_diff, place))
    return found


FLAGS = st.sampled_from([flags for number in range(32) for flags in [DiffSyncModelFlags(number)]])
PORTS = st.dictionaries(st.sampled_from(["et1", "et2", "et3"]), st.sampled_from([1500, 9000]), max_size=3)
ROLES = st.sampled_from(["leaf", "spine"])


def devices_of(site: str, flags: st.SearchStrategy[Any]) -> Any:
    return st.dictionaries(st.sampled_from([f"{site}{n}" for n in range(3)]), st.tuples(ROLES, PORTS, flags), max_size=3)


def trees(flags: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def site(name: str) -> Any:
        return st.fixed_dictionaries(
            {
                "contact": st.sampled_from([None, "x", "y"]),
                "size": st.integers(0, 2),
                "flags": flags,
                "devices": devices_of(name, flags),
                "vlans": st.dictionaries(st.integers(1, 4), st.sampled_from(["", "l"]), max_size=3),
            }
        )

    names = ("a", "b", "c")
    return st.fixed_dictionaries({}, optional={name: site(name) for name in names})


@given(trees(FLAGS), trees(FLAGS), st.sampled_from(list(range(0, 8, 2))))
def test_the_diff_is_diffsyncs(old: Tree, new: Tree, flags: int) -> None:
    theirs = own(old, "target").diff_from(own(new, "source"), flags=DiffSyncFlags(flags))
    ours = loaded(old, "target").diff_from(loaded(new, "source"), flags=DSyncFlags(flags))
    assert flattened(ours) == flattened(theirs)


QUIET = st.sampled_from([DiffSyncModelFlags(number) for number in (0, 1, 2, 4, 8, 12, 16)])


@given(trees(QUIET), trees(QUIET))
def test_the_run_is_diffsyncs(old: Tree, new: Tree) -> None:
    theirs = own(old, "target")
    theirs.sync_from(own(new, "source"))
    ours = loaded(old, "target")
    ours.sync_from(loaded(new, "source"))
    assert ours.original.log == theirs.log
    assert plain(ours.original) == plain(theirs)


PLAIN = st.sampled_from([DiffSyncModelFlags(number) for number in (0, 1, 4, 8)])
TROUBLES = st.dictionaries(
    st.tuples(
        st.sampled_from(["create", "update", "delete"]),
        st.sampled_from(["site", "device"]),
        st.sampled_from(["a", "b", "a0", "a1", "b0", "b1"]),
    ),
    st.sampled_from([False, ObjectCrudException("refused")]),
    max_size=6,
)


@given(trees(PLAIN), trees(PLAIN), TROUBLES)
def test_a_run_that_goes_on_after_failures_is_diffsyncs(old: Tree, new: Tree, trouble: Any) -> None:
    theirs = own(old, "target", trouble=trouble)
    theirs.sync_from(own(new, "source"), flags=DiffSyncFlags.CONTINUE_ON_FAILURE)
    ours = loaded(old, "target", trouble=trouble)
    ours.sync_from(loaded(new, "source"), flags=DSyncFlags.CONTINUE_ON_FAILURE)
    assert ours.original.log == theirs.log
    assert plain(ours.original) == plain(theirs)


def test_sync_complete_is_called_with_what_diffsync_gives_it() -> None:
    source, target = loaded(NEW, "source"), loaded(OLD, "target")
    target.sync_from(source, flags=DSyncFlags.CONTINUE_ON_FAILURE)
    (given_source, diff, flags), *others = target.original.completed
    assert not others
    assert given_source is source.original
    assert flags is DiffSyncFlags.CONTINUE_ON_FAILURE
    theirs = own(OLD, "target").diff_from(own(NEW, "source"))
    assert diff.dict() == theirs.dict()
    assert {key: diff.summary()[key] for key in ("create", "update", "delete", "skip")} == {
        key: theirs.summary()[key] for key in ("create", "update", "delete", "skip")
    }
    target.sync_from(source)
    assert len(target.original.completed) == 1, "nothing was changed"


# ---------------------------------------------------------------------- one side of each kind


class OurSite(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact", "size")
    _children: ClassVar[dict[str, str]] = {"device": "devices"}
    name: str
    contact: str | None = None
    size: int = 0
    devices: list[str] = []


class OurDevice(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role",)
    name: str
    role: str = ""


class Ours(DSync):
    site = OurSite
    device = OurDevice
    top_level = ["site"]


def ours_with(*names: str) -> Ours:
    side = Ours("ours")
    for name in names:
        site, device = OurSite(name=name, contact="o"), OurDevice(name=f"{name}1", role="leaf")
        side.add(site)
        side.add(device)
        site.add_child(device)
    return side


def test_a_source_of_ours_and_a_target_of_diffsyncs() -> None:
    source, target = ours_with("ams", "nyc"), loaded(OLD, "target")
    target.sync_from(source)
    assert plain(target.original)["site"].keys() == {"ams", "nyc"}
    assert plain(target.original)["device"]["nyc1"]["role"] == "leaf"
    assert target.original.completed[0][0] is source
    assert not target.diff_from(source).has_diffs()


def test_a_source_of_diffsyncs_and_a_target_of_ours() -> None:
    source, target = loaded(OLD, "source"), ours_with("ams", "old")
    target.sync_from(source)
    assert sorted(target.dict()["site"]) == ["ams", "fra"]
    assert sorted(target.dict()["device"]) == ["a1", "a2", "f1"]
    assert not target.diff_from(source).has_diffs()


# ---------------------------------------------------------------------- failures


def outcomes(tree: Tree, trouble: Mapping[Key, Any], flags: DSyncFlags = DSyncFlags.NONE) -> tuple[DiffSyncBridge, dict[Any, Any]]:
    source, target = loaded(tree, "source"), loaded({}, "target", trouble=trouble)
    diff = target.diff_from(source)
    result = target.apply(Plan.from_diff(diff), source, flags=flags, diff=diff)
    return target, {(outcome.change.model, outcome.change.id): outcome for outcome in result.outcomes}


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (False, "create() returned None"),
        (ObjectNotCreated("the API says no"), "the API says no"),
        (OSError("no route"), "OSError: no route"),
    ],
)
def test_a_failure_stops_the_run_or_leaves_out_what_is_below(trouble: Any, sentence: str) -> None:
    key = ("create", "site", "ams")
    target, stopped = outcomes(OLD, {key: trouble})
    assert stopped["site", "ams"].message == sentence
    assert {outcome.status for outcome in stopped.values()} == {OutcomeStatus.FAILED, OutcomeStatus.NOT_ATTEMPTED}
    assert len(target.original) == 0
    target, went_on = outcomes(OLD, {key: trouble}, DSyncFlags.CONTINUE_ON_FAILURE)
    assert went_on["device", "a1"].status is OutcomeStatus.NOT_ATTEMPTED
    assert went_on["device", "f1"].status is OutcomeStatus.DONE
    assert target.original.count("site") == target.count("site") == 1


def test_after_a_failed_update_the_old_values_are_there() -> None:
    target = loaded(OLD, "target", trouble={("update", "site", "ams"): False})
    target.sync_from(loaded({**OLD, "ams": {**OLD["ams"], "contact": "new"}}, "source"), flags=DSyncFlags.CONTINUE_ON_FAILURE)
    assert target.get("site", "ams").get_attrs()["contact"] == "a" == target.original.get("site", "ams").contact


def test_what_creating_one_object_adds_besides_is_not_created_again() -> None:
    class Eager(Site):
        @classmethod
        def create(cls, adapter: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            if ids["name"] == "ams":
                adapter.add(Device(name="a1", role="eager"))
            return super().create(adapter=adapter, ids=ids, attrs=attrs)

    class EagerEstate(Estate):
        site = Eager

    target = bridged(EagerEstate)(tree={})
    source = loaded(OLD, "source")
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(plan, source, flags=DSyncFlags.CONTINUE_ON_FAILURE)
    failed = {outcome.change.id: outcome.message for outcome in result.failures}
    assert failed == {"a1": "EagerEstate has it already: it was added while another object was created or changed"}


def test_the_status_and_the_message_of_an_object_report_its_failure() -> None:
    class Moody(Vlan):
        @classmethod
        def create(cls, adapter: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            made = cls.create_base(adapter=adapter, ids=ids, attrs=attrs)
            made.set_status(DiffSyncStatus.FAILURE if ids["vid"] == 10 else DiffSyncStatus.SUCCESS, f"ticket {ids['vid']}")
            return made

    class MoodyEstate(Estate):
        vlan = Moody

    target, source = bridged(MoodyEstate)(tree={}), loaded(OLD, "source")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags=DSyncFlags.CONTINUE_ON_FAILURE)
    told = {outcome.change.id: (outcome.status, outcome.message) for outcome in result.outcomes if outcome.change.model == "vlan"}
    assert told == {"fra__10": (OutcomeStatus.FAILED, "ticket 10"), "fra__20": (OutcomeStatus.DONE, "ticket 20")}


def test_what_is_no_object_is_no_result() -> None:
    class Truthful(Vlan):
        @classmethod
        def create(cls, adapter: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            return True

    class TruthfulEstate(Estate):
        vlan = Truthful

    target, source = bridged(TruthfulEstate)(tree={}), loaded({"fra": {"vlans": {10: ""}}}, "source")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert result.failures[0].message == "create() returned a bool, not the vlan object"


def test_two_objects_of_one_identity_and_a_child_that_was_never_added() -> None:
    class Doubled(Estate):
        def load(self) -> None:
            self.add(Site(name="ams"))
            self.add(Site(name="ams"))

    with pytest.raises(ObjectAlreadyExists, match=r'^Doubled has two site objects with the identity "ams"$'):
        bridged(Doubled)(tree={}).load()

    class Childless(Estate):
        def load(self) -> None:
            self.add(Site(name="ams", devices=["ghost"]))

    side = bridged(Childless)(tree={})
    side.load()
    with pytest.raises(ObjectNotFound, match='site "ams" has the child device "ghost", which was never added'):
        loaded({}, "target").diff_from(side)


# ---------------------------------------------------------------------- what models may declare


class Colour(enum.Enum):
    RED = "red"


class Address(BaseModel):
    street: str
    door_code: SecretStr | None = None


class Rich(DiffSyncModel):
    _modelname = "rich"
    _identifiers = ("key", "colour")
    _attributes = ("address", "password", "token", "tags")
    _sensitive = ("token",)
    name: str
    colour: Colour
    address: Address
    password: SecretStr
    token: str = ""
    tags: dict[str, Any] = {}
    local_id: int = 0

    @computed_field
    @property
    def key(self) -> str:
        return self.name.lower()

    def get_shortname(self) -> str:
        return f"<{self.name}>"


class RichEstate(Adapter):
    rich = Rich
    top_level = ["rich"]

    def __init__(self, objs: list[Rich]) -> None:
        super().__init__()
        self.objs = objs

    def load(self) -> None:
        for obj in self.objs:
            self.add(obj)


def rich(**values: Any) -> DiffSyncBridge:
    given = {
        "name": "A",
        "colour": Colour.RED,
        "address": Address(street="s", door_code="4711x"),
        "password": "pw-hidden",
        **values,
    }
    side = bridged(RichEstate)(objs=[Rich(**given)])
    side.load()
    return side


def test_rich_models_are_compared_by_value_and_shown_without_secrets() -> None:
    assert not rich().diff_from(rich(local_id=9)).has_diffs()
    diff = rich().diff_from(rich(password="other-hidden", token="tok-hidden", tags={"a": True}))
    assert diff.dict() == {
        "rich": {
            "<A>": {
                "+": {"password": "********", "token": "********", "tags": {"a": True}},
                "-": {"password": "********", "token": "********", "tags": {}},
            }
        }
    }
    gone = bridged(RichEstate)(objs=[]).diff_to(rich(address=Address(street="s", door_code="4711x")))
    assert "hidden" not in gone.str()
    assert "4711x" not in gone.str()
    assert rich().get("rich", "a__red").get_identifiers() == {"key": "a", "colour": Colour.RED}


def test_values_are_handed_on_as_diffsync_hands_them_on() -> None:
    class Kept(Rich):
        @classmethod
        def create(cls, adapter: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            adapter.given = (ids, attrs)
            return super().create(adapter=adapter, ids={**ids, "name": "A"}, attrs=attrs)

    class KeptEstate(RichEstate):
        rich = Kept

    theirs, ours = KeptEstate([]), bridged(KeptEstate)(objs=[])
    ours.sync_from(rich())
    theirs.sync_from(rich().original)
    assert ours.original.given == theirs.given


def test_an_identity_of_its_own_making_is_kept() -> None:
    class Numbered(Vlan):
        @classmethod
        def create_unique_id(cls, **identifiers: Any) -> str:
            return f"{identifiers['site']}/{identifiers['vid']}"

    class NumberedEstate(Estate):
        vlan = Numbered

        def load(self) -> None:
            site = Site(name="fra")
            self.add(site)
            for vid in (10, 20):
                vlan = Numbered(site="fra", vid=vid)
                self.add(vlan)
                site.add_child(vlan)

    side, target = bridged(NumberedEstate)(tree={}), bridged(NumberedEstate)(tree={})
    side.load()
    assert side.get("site", "fra").vlans == ["fra/10", "fra/20"]
    target.sync_from(side)
    assert target.original.get("site", "fra").vlans == ["fra/10", "fra/20"]
    assert not target.diff_from(side).has_diffs()


def test_names_that_diffsync_joins_alike_are_distinguished() -> None:
    class Odd(Adapter):
        interface = Interface
        top_level = ["interface"]
        seen: ClassVar[list[Any]] = []

        def load(self) -> None:
            self.add(Interface(device="a_", name="b"))

    side = bridged(Odd)()
    side.load()
    assert [obj.get_unique_id() for obj in side.get_all("interface")] == ["a\\___b"]


def test_objects_of_a_class_that_the_adapter_does_not_declare() -> None:
    class Long(Site):
        region: str = "eu"

    class Undeclared(Adapter):
        site = Site
        top_level = ["site"]

        def load(self) -> None:
            site, device = Long(name="ams"), Device(name="a1")
            self.add(site)
            self.add(device)
            site.add_child(device)

    side = bridged(Undeclared)()
    side.load()
    assert {(obj.get_type(), str(obj)) for name in side.get_all_model_names() for obj in side.get_all(name)} == {
        ("site", "ams"),
        ("device", "a1"),
    }
    target = loaded({}, "target")
    target.sync_from(side)
    assert target.original.get("device", "a1").role == ""
    with pytest.raises(ModelMismatch, match="which source has"):
        bridged(Undeclared)().diff_from(loaded(NEW, "source"))


@pytest.mark.parametrize("error", [ObjectNotCreated("no"), DiffSyncObjectAlreadyExists("no", None)])
def test_what_diffsyncs_exceptions_say(error: Exception) -> None:
    _target, failed = outcomes({"ams": {}}, {("create", "site", "ams"): error})
    assert failed["site", "ams"].message == "no"


def test_what_no_model_may_declare_is_reported() -> None:
    class Wrong(DiffSyncModel):
        _modelname = "wrong"
        _identifiers = ("name",)
        _attributes = ("dsync",)
        name: str
        dsync: str

    class WrongEstate(Adapter):
        wrong = Wrong
        top_level = ["wrong"]

    with pytest.raises(DeclarationError, match="Wrong has a field 'dsync', which is a name that every model uses already"):
        bridged(WrongEstate)


@pytest.mark.parametrize(
    ("found", "expected"), [(Estate, True), (Adapter, False), (Ours, False), (Site, False), (Estate({}), False), (None, False)]
)
def test_which_classes_are_for_diffsync(found: Any, expected: bool) -> None:
    assert is_for_diffsync(found) is expected


def test_the_name_of_a_task_is_the_adapters_name_too() -> None:
    side = bridged(Estate)(tree={})
    assert (side.name, side.type) == ("Estate", "Estate")
    side.name = "cmdb"
    side.load()
    assert side.original.name == "cmdb"


def test_the_flags_of_both_are_numbered_alike() -> None:
    for ours, theirs in ((DSyncFlags, DiffSyncFlags), (DSyncModelFlags, DiffSyncModelFlags)):
        assert {name: flag.value for name, flag in ours.__members__.items()} == {
            name: flag.value for name, flag in theirs.__members__.items()
        }
