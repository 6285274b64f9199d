# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Match keys: an object whose identity is on one side only is the one object of the other side that has the same key."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from dsync import AmbiguousMatch, Diff, DSync, DSyncFlags, DSyncModel, DSyncModelFlags
from dsync.diff.scope import Scope
from dsync.exceptions import DefinitionError
from dsync.records.definition import data_model
from estate import dataset


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("serial", "asset_tag", "site", "role", "labels")
    _match = ("serial", ("site", "asset_tag"))
    _children = {"interface": "interfaces"}
    name: str
    serial: str | None = None
    asset_tag: str | None = None
    site: str | None = None
    role: str = "switch"
    labels: list[str] = []
    interfaces: list[str] = []


class Interface(DSyncModel):
    _modelname = "interface"
    _identifiers = ("device", "name")
    _shortname = ("name",)
    _attributes = ("mtu",)
    _children = {"address": "addresses"}
    device: str
    name: str
    mtu: int = 1500
    addresses: list[str] = []


class Address(DSyncModel):
    _modelname = "address"
    _identifiers = ("interface", "text")
    interface: str
    text: str


def devices(*objs: DSyncModel, models: tuple[type[DSyncModel], ...] = (Device, Interface, Address)) -> DSync:
    """Return a dataset of devices, each followed by what is below it: interfaces by their ``device``, addresses by their
    ``interface``."""
    made = dataset(*models, objects=objs, top_level=["device"])
    for obj in objs:
        if isinstance(obj, Interface):
            made.get("device", obj.device).add_child(obj)
        elif isinstance(obj, Address):
            made.get("interface", obj.interface).add_child(obj)
    return made


def difference(old: list[DSyncModel], new: list[DSyncModel], **options: Any) -> Diff:
    return devices(*old).diff_from(devices(*new), **options)


def renames(diff: Diff) -> dict[str, str]:
    return {
        element.before_uid: element.uid for element in diff.moves() if element.move is not None and element.move.was is not None
    }


# ---------------------------------------------------------------------- what is found


def test_an_object_with_another_name_and_the_same_key_is_renamed() -> None:
    diff = difference([Device(name="sw-1", serial="A", role="old")], [Device(name="sw-2", serial="A", role="new")])
    assert str(diff) == "> device sw-1 → sw-2\n    role: 'old' → 'new'"
    assert diff.summary() == {"create": 0, "update": 0, "move": 1, "delete": 0, "no-change": 0, "skip": 0}
    assert diff.dict()["device"]["sw-2"] == {
        "-": {"role": "old"},
        "+": {"role": "new"},
        ">": {
            "from": {"id": "sw-1", "ids": {"name": "sw-1"}, "parent": None},
            "to": {"id": "sw-2", "ids": {"name": "sw-2"}, "parent": None},
        },
    }
    assert diff.warnings == []


@pytest.mark.parametrize("key", [{"serial": "A"}, {"site": "x", "asset_tag": "7"}])
def test_each_key_finds_an_object(key: dict[str, Any]) -> None:
    assert renames(difference([Device(name="a", **key)], [Device(name="b", **key)])) == {"a": "b"}


def test_keys_are_tried_in_their_order() -> None:
    old = [Device(name="a", serial="A", site="x", asset_tag="1"), Device(name="b", serial="B", site="x", asset_tag="2")]
    new = [Device(name="c", serial="B", site="x", asset_tag="1"), Device(name="d", serial="C", site="x", asset_tag="1")]
    assert renames(difference(old, new)) == {"b": "c", "a": "d"}


@pytest.mark.parametrize(
    "key", [{"serial": None}, {"serial": ""}, {"site": "x"}, {"site": "", "asset_tag": "7"}, {"asset_tag": "7"}]
)
def test_a_key_with_a_part_that_is_null_or_empty_finds_nothing(key: dict[str, Any]) -> None:
    diff = difference([Device(name="a", **key)], [Device(name="b", **key)])
    assert diff.summary()["create"] == diff.summary()["delete"] == 1


def test_an_object_whose_identity_is_on_both_sides_is_not_renamed() -> None:
    old = [Device(name="a", serial="A"), Device(name="b", serial="B")]
    assert str(difference(old, [Device(name="a", serial="B"), Device(name="b", serial="A")])).count("~") == 2
    diff = difference([Device(name="a", serial="A")], [Device(name="a", serial="B"), Device(name="b", serial="A")])
    assert (diff.summary()["update"], diff.summary()["create"]) == (1, 1)


def test_values_match_as_they_compare() -> None:
    class Loose(Device):
        _compare = {"serial": ("stripped", "case_insensitive"), "labels": "unordered"}
        _match = ("serial", "labels")

    old, new = (
        dataset(Loose, objects=[Loose(name="a", serial=" ab "), Loose(name="b", labels=["x", "y"])]),
        dataset(Loose, objects=[Loose(name="c", serial="AB"), Loose(name="d", labels=["x", "y"])]),
    )
    assert renames(old.diff_from(new)) == {"a": "c", "b": "d"}
    blank = dataset(Loose, objects=[Loose(name="a", serial="  ")]).diff_from(dataset(Loose, objects=[Loose(name="c", serial=" ")]))
    assert renames(blank) == {}


def test_zero_and_false_are_values() -> None:
    class Rack(DSyncModel):
        _modelname = "rack"
        _identifiers = ("name",)
        _attributes = ("number", "main")
        _match = (("number", "main"),)
        name: str
        number: int
        main: bool

    old, new = (dataset(Rack, objects=[Rack(name=name, number=0, main=False)]) for name in "ab")
    assert renames(old.diff_from(new)) == {"a": "b"}


def test_an_object_may_be_renamed_and_moved() -> None:
    class Folder(DSyncModel):
        _modelname = "folder"
        _identifiers = ("name",)
        _attributes = ("key",)
        _match = ("key",)
        _children: ClassVar[dict[str, str]] = {"folder": "folders"}
        name: str
        key: str = ""
        folders: list[str] = []

    def tree(place: str, name: str) -> DSync:
        made = dataset(Folder, objects=[Folder(name="x"), Folder(name="y"), Folder(name=name, key="k")])
        made.get("folder", place).add_child(made.get("folder", name))
        return made

    diff = tree("x", "a").diff_from(tree("y", "b"))
    assert str(diff) == "  folder y\n    > folder a → b (from folder x)"


def test_the_source_may_be_the_one_that_declares_the_key() -> None:
    class Plain(Device):
        _match = ()

    old, new = dataset(Plain, objects=[Plain(name="a", serial="A")]), dataset(Device, objects=[Device(name="b", serial="A")])
    assert renames(old.diff_from(new)) == {"a": "b"}


def test_models_that_do_not_move_are_not_renamed() -> None:
    class Fixed(Device):
        _moves = False

    old, new = (dataset(Fixed, objects=[Fixed(name=name, serial="A")]) for name in "ab")
    assert renames(old.diff_from(new)) == {}


# ---------------------------------------------------------------------- what cannot be told


UNCLEAR = "have the same serial, so that it is not clear which of them is"
REMEDY = "correct serial of all but one of them, or take it out of the match keys of the model"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ab", "c", f'the device objects "a" and "b" of old {UNCLEAR} "c" of new; {REMEDY}'),
        ("a", "bc", f'the device objects "b" and "c" of new {UNCLEAR} "a" of old; {REMEDY}'),
        ("ab", "cd", f'the device objects "a" and "b" of old {UNCLEAR} "c" and "d" of new; {REMEDY}'),
        ("abcde", "f", f'the device objects "a", "b", "c" and 2 more of old {UNCLEAR} "f" of new; {REMEDY}'),
    ],
)
def test_what_is_ambiguous_is_refused_by_name(old: str, new: str, message: str) -> None:
    sides = [dataset(Device, objects=[Device(name=name, serial="secret") for name in names]) for names in (old, new)]
    sides[0].name, sides[1].name = "old", "new"
    with pytest.raises(AmbiguousMatch, match=message) as caught:
        sides[0].diff_from(sides[1])
    assert "secret" not in str(caught.value)


def test_equal_keys_on_one_side_do_not_matter() -> None:
    diff = difference([Device(name=name, serial="A") for name in "ab"], [Device(name="c", serial="C")])
    assert diff.summary()["delete"] == 2


# ---------------------------------------------------------------------- what is named after a renamed object


def test_what_is_below_a_renamed_object_is_compared_there() -> None:
    old = [
        Device(name="sw-1", serial="A"),
        Interface(device="sw-1", name="e0"),
        Interface(device="sw-1", name="e1"),
        Interface(device="sw-1", name="sw-1"),
        Interface(device="sw-1", name="gone"),
        Address(interface="sw-1__e0", text="::1"),
    ]
    new = [
        Device(name="sw-2", serial="A"),
        Interface(device="sw-2", name="e0"),
        Interface(device="sw-2", name="e1", mtu=9000),
        Interface(device="sw-2", name="sw-1"),
        Interface(device="sw-2", name="new"),
        Address(interface="sw-2__e0", text="::1"),
    ]
    diff = difference(old, new)
    assert renames(diff) == {
        "sw-1": "sw-2",
        "sw-1__e0": "sw-2__e0",
        "sw-1__e1": "sw-2__e1",
        "sw-1__sw-1": "sw-2__sw-1",
        r"sw-1\_\_e0__::1": r"sw-2\_\_e0__::1",
    }
    assert [element.uid for element in diff.moves() if not (element.move and element.move.named_after)] == ["sw-2"]
    assert diff.summary() == {"create": 1, "update": 0, "move": 5, "delete": 1, "no-change": 0, "skip": 0}
    assert "> interface sw-1__e1 → sw-2__e1\n        mtu: 1500 → 9000" in str(diff)


def test_what_is_not_named_after_its_parent_stays_what_it_is() -> None:
    class Port(DSyncModel):
        _modelname = "port"
        _identifiers = ("number",)
        _attributes = ("speed",)
        number: int
        speed: int = 1

    class Switch(Device):
        _modelname = "switch"
        _children = {"port": "ports"}
        ports: list[str] = []

    def switch(name: str, speed: int) -> DSync:
        made = dataset(Switch, Port, objects=[Switch(name=name, serial="A"), *(Port(number=n, speed=speed * n) for n in range(2))])
        for port in made.get_all("port"):
            made.get("switch", name).add_child(port)
        type(made).top_level = ["switch"]
        return made

    diff = switch("a", 1).diff_from(switch("b", 2))
    assert str(diff) == "> switch a → b\n    ~ port 1\n        speed: 1 → 2"
    assert diff.summary() == {"create": 0, "update": 1, "move": 1, "delete": 0, "no-change": 1, "skip": 0}


def test_what_names_a_renamed_object_in_its_identity_is_renamed_too() -> None:
    class Site(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        _attributes = ("code",)
        _match = ("code",)
        name: str
        code: str

    class Host(DSyncModel):
        _modelname = "host"
        _identifiers = ("site", "name")
        _references = {"site": "site"}
        site: str
        name: str

    old, new = (dataset(Host, Site, objects=[Host(site=name, name="h"), Site(name=name, code="1")]) for name in ("ams", "rtm"))
    assert renames(old.diff_from(new)) == {"ams": "rtm", "ams__h": "rtm__h"}


# ---------------------------------------------------------------------- what was not compared


ONLY_ONE = 'protected: {} has it as "{}", which was not compared'


@pytest.mark.parametrize(
    ("options", "protected"),
    [
        ({"flags": DSyncFlags.SKIP_UNMATCHED_DST}, ("b", ONLY_ONE.format("old", "a"))),
        ({"flags": DSyncFlags.SKIP_UNMATCHED_SRC}, ("a", ONLY_ONE.format("new", "b"))),
    ],
)
def test_what_has_its_counterpart_left_out_is_protected(options: dict[str, Any], protected: tuple[str, str]) -> None:
    old, new = dataset(Device, objects=[Device(name="a", serial="A")]), dataset(Device, objects=[Device(name="b", serial="A")])
    old.name, new.name = "old", "new"
    diff = old.diff_from(new, **options)
    assert [(element.uid, element.protected) for element in diff.walk()] == [protected]


def test_an_object_that_is_ignored_is_not_doubled() -> None:
    old, new = dataset(Device, objects=[Device(name="a", serial="A")]), dataset(Device, objects=[Device(name="b", serial="A")])
    old.get("device", "a").model_flags = DSyncModelFlags.IGNORE
    (element,) = old.diff_from(new).walk()
    assert element.protected.endswith('has it as "a", which was not compared')


@pytest.mark.parametrize("said", [{"only": [{"id": "a"}]}, {"only": [{"id": "b"}]}, {"only": [{"action": "move"}]}])
def test_a_selector_sees_either_name(said: dict[str, Any]) -> None:
    old, new = devices(Device(name="a", serial="A"), Device(name="x")), devices(Device(name="b", serial="A"), Device(name="y"))
    diff = old.diff_from(new, scope=Scope.of(old, new, **said))
    assert renames(diff) == {"a": "b"}
    assert diff.summary()["move"] == len(list(diff.walk())) == 1


@pytest.mark.parametrize("name", ["a", "b"])
def test_what_is_excluded_by_either_name_is_left_out(name: str) -> None:
    old, new = devices(Device(name="a", serial="A")), devices(Device(name="b", serial="A"))
    diff = old.diff_from(new, scope=Scope.of(old, new, exclude=[{"id": name}]))
    assert not [element for element in diff.walk() if not element.protected]


# ---------------------------------------------------------------------- declarations


@pytest.mark.parametrize("declared", [("nothing",), "serial", (("serial", 7),), ("interfaces",), ((),)])
def test_a_key_names_identifiers_and_attributes(declared: Any) -> None:
    with pytest.raises(AttributeError, match="_match"):
        type("Wrong", (Device,), {"_match": declared})


def test_keys_in_yaml() -> None:
    declared: Any = {"identifiers": ["name"], "attributes": {"serial": "str", "site": "str"}, "match": ["serial", ["site", "name"]]}
    assert data_model({"device": declared}).models["device"]._declaration.match == (("serial",), ("site", "name"))
    with pytest.raises(DefinitionError, match=r"models.device.match\[0\]: .seriel. is not possible here"):
        data_model({"device": {**declared, "match": ["seriel"]}})
