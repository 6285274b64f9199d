# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Renames in a scope: an object with another name is one object for every selector, and half of a rename is never made."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, DSyncModelFlags
from dsync.diff.scope import Scope
from dsync.model.identity import ObjectRef
from hypothesis import given
from hypothesis import strategies as st


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _children = {"device": "devices"}
    name: str
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("serial", "role")
    _match = ("serial",)
    _children = {"interface": "interfaces"}
    name: str
    serial: str
    role: int = 0
    interfaces: list[str] = []


class Interface(DSyncModel):
    _modelname = "interface"
    _identifiers = ("device", "name")
    _shortname = ("name",)
    _attributes = ("mtu",)
    device: str
    name: str
    mtu: int = 0


class Cable(DSyncModel):
    """Named after a device that is elsewhere in the tree."""

    _modelname = "cable"
    _identifiers = ("device", "port")
    _attributes = ("color",)
    _references = {"device": "device"}
    device: str
    port: str
    color: int = 0


class Estate(DSync):
    site = Site
    device = Device
    interface = Interface
    cable = Cable
    top_level = ("site", "cable")


class Found(NamedTuple):
    """A device: its name, its site, and the ports that have an interface and those that have a cable."""

    name: str
    site: str
    value: int
    interfaces: tuple[str, ...]
    cables: tuple[str, ...]


def estate(devices: dict[str, Found]) -> Estate:
    """Return a dataset of devices by serial number."""
    made = Estate()
    for site in ("x", "y"):
        made.add(Site(name=site))
    for serial, one in devices.items():
        device = Device(name=one.name, serial=serial, role=one.value)
        made.add(device)
        made.get("site", one.site).add_child(device)
        for port in one.interfaces:
            interface = Interface(device=one.name, name=port, mtu=one.value)
            made.add(interface)
            device.add_child(interface)
        for port in one.cables:
            made.add(Cable(device=one.name, port=port, color=one.value))
    return made


def refs(dataset: DSync) -> set[ObjectRef]:
    return {ObjectRef(model, obj.get_unique_id()) for model in dataset.models() for obj in dataset.get_all(model)}


RENAMED = {"A": Found("old", "x", 1, ("e0", "e1"), ("p",))}, {"A": Found("new", "x", 2, ("e0", "e1"), ("p",))}


@pytest.mark.parametrize("uid", ["old__e0", "new__e0"])
def test_what_is_named_after_a_renamed_object_is_excluded_by_either_name(uid: str) -> None:
    target, source = map(estate, RENAMED)
    before = refs(target)
    target.sync_from(source, diff=target.diff_from(source, scope=Scope.of(source, target, exclude=[{"id": uid}])))
    assert refs(target) == before


@pytest.mark.parametrize("said", [{"exclude": [{"action": "delete"}, {"action": "create"}]}, {"only": [{"action": "move"}]}])
def test_what_is_named_after_a_renamed_object_is_a_move_for_selectors(said: dict[str, Any]) -> None:
    target, source = map(estate, RENAMED)
    target.sync_from(source, diff=target.diff_from(source, scope=Scope.of(source, target, **said)))
    assert refs(target) == refs(source)
    assert target.get("interface", "new__e1").mtu == 2


@pytest.mark.parametrize(
    "said", [{"models": ["site", "cable"]}, {"exclude": [{"model": "device"}]}, {"exclude": [{"model": "site"}]}], ids=repr
)
def test_what_is_named_after_an_object_that_is_out_of_scope_keeps_its_name(said: dict[str, Any]) -> None:
    target, source = map(estate, RENAMED)
    target.name, source.name = "cmdb", "sot"
    diff = target.diff_from(source, scope=Scope.of(source, target, **said))
    owners = {element.uid: element.protected for element in diff.walk()}
    why = 'protected: {} has it as "{}__p", which is named after an object that was not compared'
    assert owners == {"new__p": why.format("cmdb", "old"), "old__p": why.format("sot", "new")}
    before = refs(target)
    target.sync_from(source, diff=diff, flags=DSyncFlags.CONTINUE_ON_FAILURE)
    assert refs(target) == before


def test_what_is_named_after_a_renamed_object_and_ignored_is_not_doubled() -> None:
    target, source = map(estate, RENAMED)
    source.get("interface", "new__e0").model_flags = DSyncModelFlags.IGNORE
    target.sync_from(source)
    assert ("interface", "old__e0") in refs(target)


# ---------------------------------------------------------------------- any tree, any scope

_PORTS = st.sets(st.sampled_from(["e0", "e1"])).map(sorted).map(tuple)


@st.composite
def devices(draw: st.DrawFn) -> dict[str, Found]:
    names = draw(st.permutations(["a", "b", "c", "d"]))
    serials = sorted(draw(st.sets(st.sampled_from("ABC"), min_size=1)))
    value = st.integers(0, 1)
    return {
        serial: Found(name, draw(st.sampled_from("xy")), draw(value), draw(_PORTS), draw(_PORTS))
        for serial, name in zip(serials, names)
    }


_MODELS = st.sampled_from(["site", "device", "interface", "cable"])
_SELECTORS = st.fixed_dictionaries(
    {},
    optional={
        "model": _MODELS,
        "id": st.sampled_from(["a", "b*", "c*", "*e0", "x", "~[ab]$"]),
        "action": st.sampled_from(["create", "update", "move", "delete"]),
    },
).filter(bool)
_SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "only": st.lists(_SELECTORS, min_size=1, max_size=2),
        "exclude": st.lists(_SELECTORS, min_size=1, max_size=2),
        "models": st.lists(_MODELS, min_size=1, unique=True),
    },
)
_FLAGS = st.sampled_from([DSyncFlags.NONE, DSyncFlags.SKIP_UNMATCHED_SRC, DSyncFlags.SKIP_UNMATCHED_DST])


@given(old=devices(), new=devices(), said=_SCOPES, flags=_FLAGS)
def test_no_object_of_both_sides_is_lost_or_doubled(
    old: dict[str, Found], new: dict[str, Found], said: dict[str, Any], flags: DSyncFlags
) -> None:
    source, target = estate(new), estate(old)
    pairs = {element.before_uid: element for element in target.diff_from(source).moves()}
    same = {ref: ObjectRef(ref.model, pairs[ref.id].uid if ref.id in pairs else ref.id) for ref in refs(target)}
    same = {ref: other for ref, other in same.items() if other in refs(source)}
    diff = target.diff_from(source, flags=flags, scope=Scope.of(source, target, **said))
    target.sync_from(source, diff=diff, flags=DSyncFlags.CONTINUE_ON_FAILURE)
    there = refs(target)
    for ref, other in same.items():
        assert len({ref, other} & there) == 1, (ref, other)
