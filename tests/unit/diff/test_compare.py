# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Comparing: what is found, what is skipped and counted, and what contradictions are reported."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from dsync import (
    Diff,
    DiffException,
    DSync,
    DSyncFlags,
    DSyncModel,
    DSyncModelFlags,
    ModelMismatch,
    ObjectAlreadyExists,
    ObjectNotFound,
    Plan,
)
from estate import SOURCE, TARGET, Device, Estate, Folder, Interface, Site, dataset, estate, progress

SKIPS = [DSyncFlags.SKIP_UNMATCHED_SRC, DSyncFlags.SKIP_UNMATCHED_DST]


def counts(**found: int) -> dict[str, int]:
    return {
        "create": 0,
        "update": 0,
        "move": 0,
        "delete": 0,
        "no-change": 0,
        "skip": 0,
        **{key.replace("_", "-"): n for key, n in found.items()},
    }


# ---------------------------------------------------------------------- what is found


def test_a_comparison_finds_counts_and_changes_nothing() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    before = target.dict(), source.dict()
    diff = target.diff_from(source)
    assert diff.summary() == counts(create=5, update=2, delete=5, no_change=1)
    assert diff.summary_by_model()["site"] == counts(create=1, update=1, delete=1)
    assert diff.summary_by_model()["interface"] == counts(create=2, update=1, delete=2)
    assert (target.dict(), source.dict()) == before
    assert target.log == source.log == []
    assert diff.warnings == []
    assert source.diff_to(target).dict() == diff.dict()


def test_equal_datasets() -> None:
    diff = estate(SOURCE).diff_from(estate(SOURCE))
    assert not diff.has_diffs()
    assert diff.summary() == counts(no_change=8)
    assert len(diff) == 0
    assert diff.children == {}


def test_the_order_of_objects_does_not_matter() -> None:
    turned = estate(dict(reversed(SOURCE.items())))
    turned.get("device", "rtr-1").interfaces.reverse()
    assert not estate(SOURCE).diff_from(turned).has_diffs()


def test_unchanged_objects_are_kept_when_asked_for() -> None:
    diff = estate(SOURCE).diff_from(estate(SOURCE), flags=DSyncFlags.LOG_UNCHANGED_RECORDS)
    assert len(diff) == 8
    assert not diff.has_diffs()
    assert diff.summary() == counts(no_change=8)
    assert len(Plan.from_diff(diff)) == 0


@pytest.mark.parametrize(
    ("left", "right", "differ"),
    [
        (1, True, True),
        (1, 1.0, False),
        ([1], [True], True),
        (None, "None", True),
        ({"a": [0]}, {"a": [False]}, True),
        ([], [], False),
    ],
)
def test_point_5_untyped_values(left: Any, right: Any, differ: bool) -> None:
    one, other = estate(folders={"a": left}), estate(folders={"a": right})
    assert one.diff_from(other).has_diffs() is differ
    assert one.diff_from(other, flags=DSyncFlags.LOG_UNCHANGED_RECORDS).has_diffs() is differ
    assert len(Plan.from_diff(one.diff_from(other))) == differ


def test_point_5_numeric_fields() -> None:
    class Whole(DSyncModel):
        _modelname = "number"
        _identifiers = ("name",)
        _attributes = ("value",)
        name: str
        value: int = 0

    class Real(Whole):
        value: float = 0.0

    class Either(Whole):
        value: float | None = None

    def diff(left: DSyncModel, right: DSyncModel) -> bool:
        return dataset(type(left), objects=[left]).diff_from(dataset(type(right), objects=[right])).has_diffs()

    assert not diff(Whole(name="a", value=1), Real(name="a", value=1.0))
    assert not diff(Real(name="a", value=float("nan")), Either(name="a", value=float("nan")))
    assert diff(Real(name="a", value=float("nan")), Either(name="a", value=None))


def test_unhashable_values_are_compared() -> None:
    one, other = (estate({"a": ("1", {"d": "x"})}) for _side in range(2))
    one.get("device", "d").facts, other.get("device", "d").facts = {"a": [{"b": {1}}]}, {"a": [{"b": {2}}]}
    assert one.diff_from(other).summary() == counts(update=1, no_change=1)


def test_attributes_of_one_side_only_are_not_compared() -> None:
    class Slim(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        name: str

    slim = dataset(Slim, objects=[Slim(name="nyc")])
    full = dataset(Site, Device, objects=[Site(name="nyc", contact="x")], top_level=["site"])
    assert not slim.diff_from(full).has_diffs()
    assert not full.diff_from(slim).has_diffs()


def test_a_subclass_among_the_objects_is_asked_itself() -> None:
    class Loud(Site):
        def get_attrs(self) -> dict[str, Any]:
            return {"contact": self.contact.upper()}

    one, other = estate({"nyc": "abc"}), estate({"ams": "abc"})
    one.add(Loud(name="lon", contact="abc"))
    one.add(Site(name="ams", contact="abc"))
    other.add(Site(name="lon", contact="ABC"))
    other.add(Site(name="nyc", contact="ABC"))
    assert [element.name for element in one.diff_from(other).get_children()] == ["nyc"]


# ---------------------------------------------------------------------- flags


@pytest.mark.parametrize(
    "flags", [a | b for a, b in itertools.product([DSyncFlags.NONE, SKIPS[0]], [DSyncFlags.NONE, SKIPS[1]])], ids=repr
)
@pytest.mark.parametrize("keep", [DSyncFlags.NONE, DSyncFlags.LOG_UNCHANGED_RECORDS], ids=repr)
def test_flags_of_a_comparison(flags: DSyncFlags, keep: DSyncFlags) -> None:
    summary = estate(TARGET).diff_from(estate(SOURCE), flags=flags | keep).summary()
    created = 0 if flags & SKIPS[0] else 5
    deleted = 0 if flags & SKIPS[1] else 5
    assert summary == counts(create=created, delete=deleted, update=2, no_change=1, skip=10 - created - deleted)
    assert SKIPS[0] | SKIPS[1] == DSyncFlags.SKIP_UNMATCHED_BOTH


M = DSyncModelFlags


@pytest.mark.parametrize(
    ("flag", "on_source", "on_target", "found"),
    [
        (M.IGNORE, "ams", None, counts(update=2, create=2, delete=5, no_change=1, skip=3)),
        (M.IGNORE, None, "lon", counts(update=2, create=5, delete=2, no_change=1, skip=3)),
        (M.IGNORE, "nyc", None, counts(create=3, delete=3, skip=7)),
        (M.IGNORE, None, "nyc", counts(create=3, delete=3, skip=7)),
        (M.SKIP_UNMATCHED_SRC, "ams", None, counts(update=2, create=2, delete=5, no_change=1, skip=3)),
        (M.SKIP_UNMATCHED_SRC, "nyc", "lon", counts(update=2, create=5, delete=5, no_change=1)),
        (M.SKIP_UNMATCHED_DST, None, "lon", counts(update=2, create=5, delete=2, no_change=1, skip=3)),
        (M.SKIP_UNMATCHED_DST, "ams", "nyc", counts(update=2, create=5, delete=5, no_change=1)),
        (M.SKIP_UNMATCHED_BOTH, "ams", "lon", counts(update=2, create=2, delete=2, no_change=1, skip=6)),
        (M.IGNORE | M.NATURAL_DELETION_ORDER, "ams", "lon", counts(update=2, create=2, delete=2, no_change=1, skip=6)),
    ],
)
def test_flags_of_an_object(flag: M, on_source: str | None, on_target: str | None, found: dict[str, int]) -> None:
    source, target = estate(SOURCE), estate(TARGET)
    if on_source:
        source.get("site", on_source).model_flags = flag
    if on_target:
        target.get("site", on_target).model_flags = flag
    # nyc: site, rtr-1 with eth0 and eth1, sw-1, old-1 with eth9
    assert target.diff_from(source).summary() == {**found}
    assert sum(found.values()) == 13


def test_flags_of_a_class() -> None:
    class Ignored(Device):
        model_flags = M.IGNORE

    class Half(Estate):
        device = Ignored

    diff = estate(TARGET, kind=Half).diff_from(estate(SOURCE, kind=Half))
    assert {element.type for element in diff.walk()} == {"site"}
    assert diff.summary() == counts(update=1, create=1, delete=1, skip=10)


# ---------------------------------------------------------------------- point 1: contradictions


def test_point_1_two_siblings_of_one_short_name() -> None:
    data = estate({"nyc": ("1", {"rtr": ("x", {"eth0": 1})})}, name="cmdb")
    twin = Interface(device="other", name="eth0")
    data.add(twin)
    data.get("device", "rtr").add_child(twin)
    words = 'in cmdb, under device "rtr", the interface objects "rtr__eth0" and "other__eth0" have the same short name "eth0"'
    for one, other in ((data, estate()), (estate(), data), (data, data)):
        with pytest.raises(ObjectAlreadyExists) as caught:
            one.diff_from(other)
        assert str(caught.value) == words
        assert caught.value.existing.get_unique_id() == "rtr__eth0"
        assert caught.value.new is caught.value.existing_object or caught.value.new is twin


def test_point_1_two_top_level_objects_of_one_short_name() -> None:
    class Named(DSyncModel):
        _modelname = "named"
        _identifiers = ("serial",)
        _shortname = ("label",)
        _attributes = ("label",)
        serial: int
        label: str

    with pytest.raises(ObjectAlreadyExists, match='at the top level, the named objects "1" and "2" have the same short name "x"'):
        dataset(Named, objects=[Named(serial=1, label="x"), Named(serial=2, label="x")]).diff_from(dataset(Named))
    # the same name on either side is a replacement
    one, other = (dataset(Named, objects=[Named(serial=serial, label="x")]) for serial in (1, 2))
    diff = one.diff_from(other)
    assert diff.dict() == {"named": {"x": {"+": {"label": "x"}}, "1": {"-": {"label": "x"}}}}
    one.sync_from(other)
    assert [obj.serial for obj in one.get_all("named")] == [2]


def test_point_1_a_child_that_was_never_added() -> None:
    data = estate({"nyc": "1"}, name="cmdb")
    data.get("site", "nyc").add_child(Device(name="ghost"))
    for one, other in ((data, estate()), (estate(), data)):
        with pytest.raises(ObjectNotFound, match='in cmdb, site "nyc" has the child device "ghost", which was never added'):
            one.diff_from(other)


@pytest.mark.parametrize("orphan", [False, True])
def test_point_1_an_object_with_two_parents(orphan: bool) -> None:
    data = estate({"nyc": ("1", {"rtr": "x"}), "ams": "1"}, name="cmdb")
    data.get("site", "ams").add_child(data.get("device", "rtr"))
    if orphan:
        data.add(Device(name="orphan"))
    for one, other in ((data, estate()), (estate(), data), (data, data)):
        with pytest.raises(ObjectAlreadyExists, match='in cmdb, device "rtr" is a child of both site "nyc" and site "ams"'):
            one.diff_from(other)


def test_point_1_a_child_listed_twice() -> None:
    data = estate({"nyc": ("1", {"rtr": "x"})})
    data.get("site", "nyc").devices.append("rtr")
    with pytest.raises(ObjectAlreadyExists, match='device "rtr" is a child of both'):
        data.diff_from(estate())


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("flag", SKIPS)
def test_what_moves_stays_where_it_is_if_a_flag_leaves_its_other_place_aside(flag: DSyncFlags, by_class: bool) -> None:
    """Otherwise it would be deleted and not created anew, or it could not be created."""

    class Flagged(Device):
        model_flags = DSyncModelFlags[flag.name] if by_class else DSyncModelFlags.NONE

    target = dataset(Site, Flagged, Interface, top_level=["site"], objects=[Site(name="a"), Site(name="b"), Flagged(name="rtr")])
    source = dataset(Site, Flagged, Interface, top_level=["site"], objects=[Site(name="a"), Site(name="b"), Flagged(name="rtr")])
    target.get("site", "a").add_child(target.get("device", "rtr"))
    source.get("site", "b").add_child(source.get("device", "rtr"))
    diff = target.diff_from(source, flags=DSyncFlags.NONE if by_class else flag)
    (change,) = Plan.from_diff(diff)
    assert change.protected.endswith("has it in another place, which was not compared")
    assert target.apply(Plan.from_diff(diff), source).counts["refused"] == 1
    assert target.get("site", "a").devices == ["rtr"]
    assert target.get_all("device") != []


def test_what_the_source_loaded_without_linking_it_is_not_deleted() -> None:
    target, source = estate({"nyc": ("1", {"rtr": ("x", {"eth0": 1})})}), estate({"nyc": "1"}, name="sot")
    for obj in (Device(name="rtr"), Interface(device="rtr", name="eth0")):
        source.add(obj)
    diff = target.diff_from(source)
    reasons = {change.model: change.protected for change in Plan.from_diff(diff)}
    assert reasons == dict.fromkeys(("device", "interface"), "protected: sot has it in another place, which was not compared")
    assert target.apply(Plan.from_diff(diff), source).counts["refused"] == 2
    assert target.get("site", "nyc").devices == ["rtr"]


def test_a_parent_of_what_the_source_loaded_without_linking_it_is_not_deleted_either() -> None:
    target, source = estate({"nyc": ("1", {"rtr": "x", "old": "x"})}), estate({}, name="sot")
    source.add(Device(name="rtr"))
    plan = Plan.from_diff(target.diff_from(source))
    assert {change.id: bool(change.protected) for change in plan} == {"nyc": True, "rtr": True, "old": False}


def test_what_the_target_loaded_without_linking_it_is_not_created_again() -> None:
    target, source = estate({"nyc": "1"}, name="cmdb"), estate({"nyc": ("1", {"rtr": "x"})})
    target.add(Device(name="rtr"))
    (change,) = Plan.from_diff(target.diff_from(source))
    assert change.protected == "protected: cmdb has it in another place, which was not compared"


class Rack(DSyncModel):
    _modelname = "rack"
    _identifiers = ("name",)
    _children = {"device": "devices"}
    name: str
    devices: list[str] = []


class BareRack(DSyncModel):
    _modelname = "rack"
    _identifiers = ("name",)
    name: str


class RackedSite(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _children = {"device": "devices", "rack": "racks"}
    model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    name: str
    devices: list[str] = []
    racks: list[str] = []


def test_what_the_source_has_below_a_kind_of_parent_that_the_target_lacks_is_not_deleted() -> None:
    source = dataset(RackedSite, Rack, Device, Interface, top_level=["site"], name="sot", objects=[RackedSite(name="nyc")])
    target = dataset(RackedSite, BareRack, Device, Interface, top_level=["site"], objects=[RackedSite(name="nyc")])
    for side, rack in ((source, Rack(name="r1")), (target, BareRack(name="r1"))):
        side.add(rack)
        side.get("site", "nyc").add_child(rack)
        side.add(Device(name="rtr"))
    source.get("rack", "r1").add_child(source.get("device", "rtr"))
    target.get("site", "nyc").add_child(target.get("device", "rtr"))
    (change,) = Plan.from_diff(target.diff_from(source))
    assert (change.action, change.protected) == ("delete", "protected: sot has it in another place, which was not compared")


def test_an_object_is_not_deleted_with_what_the_source_has_below_it_and_is_not_compared() -> None:
    source = dataset(RackedSite, BareRack, Device, Interface, top_level=["site"], name="sot", objects=[Device(name="rtr")])
    target = dataset(RackedSite, Rack, Device, Interface, top_level=["site"], objects=[RackedSite(name="nyc"), Rack(name="r1")])
    target.add(Device(name="rtr"))
    target.get("site", "nyc").add_child(target.get("rack", "r1"))
    target.get("rack", "r1").add_child(target.get("device", "rtr"))
    plan = Plan.from_diff(target.diff_from(source))
    assert [(change.model, change.protected) for change in plan] == [
        ("site", 'protected: device "rtr" below it is in sot, and was not compared'),
        ("rack", 'protected: device "rtr" below it is in sot, and was not compared'),
    ]


@pytest.mark.parametrize("look_ahead", [1, 2, 500])
def test_the_order_in_which_a_store_was_filled_makes_no_difference(look_ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsync.diff.traversal._LOOK_AHEAD", look_ahead)
    home = {"a": "nyc", "b": "nyc", "c": "ams", "d": "lon"}
    for order in itertools.permutations(home):
        data = estate(dict.fromkeys(("nyc", "ams", "lon"), "1"))
        for name in order:
            data.add(Device(name=name, role=name))
        for name, site in home.items():
            data.get("site", site).add_child(data.get("device", name))
        other = estate({"nyc": ("1", {"b": "b"}), "lon": ("1", {"d": "x"}), "ams": "1"})
        diff = data.diff_from(other)
        assert diff.warnings == []
        assert diff.summary_by_model()["device"] == counts(delete=2, update=1, no_change=1)
        for name, lost in itertools.permutations(home, 2):
            twice = estate()
            twice.load_from_dict(data.dict(show_sensitive=True))
            devices = twice.get("site", home[lost]).devices
            devices[devices.index(lost)] = name
            with pytest.raises(ObjectAlreadyExists, match=f'device "{name}" is a child of both'):
                twice.diff_from(other)


@pytest.mark.parametrize("below_top", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_objects_nested_in_a_circle(length: int, below_top: bool) -> None:
    data = estate(folders={"top": "1"}, name="cmdb")
    folders = [Folder(path=str(number)) for number in range(length)]
    for folder in folders:
        data.add(folder)
    for folder, child in zip(folders, [*folders[1:], folders[0]]):
        folder.add_child(child)
    if below_top:
        data.get("folder", "top").add_child(folders[0])
    for one, other in ((data, estate()), (estate(), data), (data, data)):
        with pytest.raises((ModelMismatch, ObjectAlreadyExists), match=r"in cmdb, .*(nested in a cycle|child of both)"):
            one.diff_from(other)


def test_deep_nesting_is_compared_or_refused_clearly() -> None:
    def nested(depth: int) -> Estate:
        made, parent = estate(), None
        for number in range(depth):
            folder = Folder(path=str(number))
            made.add(folder)
            if parent is not None:
                parent.add_child(folder)
            parent = folder
        return made

    target = estate()
    target.sync_from(nested(100))
    assert not target.diff_from(nested(100)).has_diffs()
    with pytest.raises(DiffException, match="nested too deeply"):
        estate().diff_from(nested(5000))


def test_orphans_are_warned_about() -> None:
    data = estate({"nyc": ("1", {"rtr": "x"})}, name="cmdb")
    for number in range(5):
        data.add(Device(name=f"lost-{number}"))
    data.get("device", "lost-0").add_child(Interface(device="lost-0", name="eth0"))
    data.add(Interface(device="lost-0", name="eth0"))
    diff = estate({"nyc": ("1", {"rtr": "x"})}).diff_from(data)
    assert diff.warnings == [
        "cmdb: 5 of its device objects are neither top level nor a child of another object, and were not compared: "
        '"lost-0", "lost-1", "lost-2", …'
    ]
    assert diff.summary() == counts(no_change=2)


# ---------------------------------------------------------------------- point 6: sides that differ in their classes


def test_point_6_differing_child_field_names() -> None:
    class Place(Site):
        _children = {"device": "machines"}
        machines: list[str] = []

    class Other(Estate):
        site = Place

    target, source = Other(), estate(SOURCE)
    target.sync_from(source)
    assert target.get("site", "nyc").machines == ["rtr-1", "sw-1"]
    assert not target.diff_from(source).has_diffs()
    assert not source.diff_from(target).has_diffs()
    source.sync_from(Other())
    assert len(source) == 0


def test_point_6_children_that_only_one_side_knows() -> None:
    class Lone(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        _attributes = ("contact",)
        name: str
        contact: str = ""

    slim = dataset(Lone, objects=[Lone(name="nyc", contact="555-1")], name="slim")
    full = dataset(Site, Device, Interface, top_level=["site"], name="full")
    for obj in estate({"nyc": ("555-1", {"rtr": ("x", {"eth0": 1})}), "ams": ("2", {"sw": "x"})}).store.objects("site"):
        full.add(obj)
    for device in ("rtr", "sw"):
        full.add(Device(name=device))
    for one, other, change in ((slim, full, "create"), (full, slim, "delete")):
        diff = one.diff_from(other)
        assert diff.summary() == counts(**{change: 1, "no_change": 1, "skip": 2})
        assert diff.warnings == ["device is a child of site in full only: ignored"]
    slim.sync_from(full)
    assert not slim.diff_from(full).has_diffs()


def test_point_6_a_child_class_only_on_one_side() -> None:
    class Half(DSync):
        site = Site
        top_level = ["site"]

    half = Half()
    half.add(Site(name="nyc"))
    for one, other in ((half, estate(SOURCE)), (estate(SOURCE), half)):
        with pytest.raises(ModelMismatch, match=r'Half has no model "device", which Estate has.*its models: site'):
            one.diff_from(other)


def test_point_6_differing_identifiers() -> None:
    class Numbered(DSyncModel):
        _modelname = "site"
        _identifiers = ("name", "number")
        name: str
        number: int = 0

    class Loose(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        name: Any

    with pytest.raises(ModelMismatch, match=r'"site" is identified by \(name\) in Estate, but by \(name, number\) in Dataset'):
        dataset(Numbered).diff_from(estate(SOURCE))
    with pytest.raises(
        ModelMismatch, match=r'the identifier "name" of the model "site" may hold strings as well .* in loose, but not in'
    ):
        dataset(Loose, name="loose").diff_from(estate(SOURCE))


def test_no_common_model() -> None:
    with pytest.raises(ModelMismatch, match=r"no top-level model is common to Estate \(site, folder\) and Dataset \(device\)"):
        dataset(Device).diff_from(estate())
    with pytest.raises(ModelMismatch, match=r"and DSync \(none\)"):
        DSync().diff_from(estate())


def test_a_top_level_model_of_one_side_is_skipped_and_reported() -> None:
    sites = dataset(Site, Device, Interface, objects=[Site(name="nyc")], top_level=["site"], name="sites")
    diff = sites.diff_from(estate({"nyc": ""}, folders={"a": (1, {"b": 2})}))
    assert diff.warnings == ["folder is a top-level model of Estate only, not of sites: ignored"]
    assert diff.summary() == counts(no_change=1, skip=2)


# ---------------------------------------------------------------------- order, diff_class, progress


class Sorted(Diff):
    completed = 0

    def complete(self) -> None:
        type(self).completed += 1

    @classmethod
    def order_children_default(cls, children: Any) -> Any:
        yield from (children[name] for name in sorted(children))

    @classmethod
    def order_children_device(cls, children: Any) -> Any:
        yield from (children[name] for name in sorted(children, reverse=True))


def test_diff_class_and_order_hooks() -> None:
    Sorted.completed = 0
    target, source = estate(TARGET), estate(SOURCE)
    diff = target.sync_from(source, diff_class=Sorted)
    assert diff.__class__ is Sorted
    assert all(element.child_diff.__class__ is Sorted for element in diff.walk())
    assert Sorted.completed == 1
    assert [element.name for element in diff.get_children()] == ["ams", "lon", "nyc"]
    assert [uid for _action, model, uid in target.log if model == "device"] == ["rtr-2", "rtr-3", "sw-1", "old-1"]
    assert [uid for _action, model, uid in target.log if model == "interface"][-2:] == ["rtr-1__eth1", "old-1__eth9"]


def test_point_7_progress_of_a_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    for one, other in ((estate(TARGET), estate(SOURCE)), (estate(), estate()), (estate(SOURCE), estate(SOURCE))):
        for flags in (DSyncFlags.NONE, DSyncFlags.SKIP_UNMATCHED_BOTH):
            calls, callback = progress()
            one.diff_from(other, callback=callback, flags=flags)
            total = len(one) + len(other)
            assert calls[-1] == ("diff", total, total)
            done = [number for _stage, number, _total in calls]
            assert done == sorted(done)
            assert done.count(total) == 1
    orphaned = estate(SOURCE)
    orphaned.add(Device(name="lost"))
    calls, callback = progress()
    orphaned.diff_from(estate(), callback=callback)
    assert calls[-1] == ("diff", 9, 9)
    assert capsys.readouterr() == ("", "")
