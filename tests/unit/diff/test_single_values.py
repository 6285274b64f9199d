# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of single objects that a dataset does not know, or must keep."""

from __future__ import annotations

from typing import Any, ClassVar

from dsync import DSync, DSyncModel


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _children: ClassVar[dict[str, str]] = {"rack": "racks"}
    name: str
    racks: list[Any] = []


class Rack(DSyncModel):
    _modelname = "rack"
    _identifiers = ("name",)
    _attributes = ("serial", "height", "role")
    _match = ("serial",)
    name: str
    serial: str | None = None
    height: int | None = None
    role: str | None = None


class Estate(DSync):
    site, rack = Site, Rack
    top_level: ClassVar[list[str]] = ["site"]


def estate(**racks: dict[str, Any]) -> Estate:
    """Return two sites with racks, each in the site of its first letter."""
    found = Estate("estate")
    for name in ("a", "b"):
        site = Site(name=name)
        found.add(site)
        for rack, values in racks.items():
            if values.get("site", rack[0]) == name:
                made = Rack(name=rack, **{key: value for key, value in values.items() if key != "site"})
                found.add(made)
                site.add_child(made)
    return found


def told(source: Estate, target: Estate) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return unique id → action, why it is protected, and the new values, of each difference."""
    diff = target.diff_from(source)
    return {
        one.uid: (str(one.action), one.protected, one.get_attrs_diffs().get("+", {}))
        for one in diff.walk()
        if one.action is not None
    }


def test_what_a_side_does_not_know_is_not_compared() -> None:
    for side in ("source", "target"):
        source = estate(a1={"height": 1, "role": "x"}, a2={"height": 1})
        target = estate(a1={"height": 2, "role": "y"}, a2={"height": 2})
        (source if side == "source" else target).unknown_values = {"rack": {"a1": frozenset({"height"})}}
        assert told(source, target) == {"a1": ("update", "", {"role": "x"}), "a2": ("update", "", {"height": 1})}
        source.get("rack", "a1").role = "y"
        assert list(told(source, target)) == ["a2"]
        assert target.diff_from(source).summary()["no-change"] == 3


def test_what_an_object_must_keep_is_shown_and_protected() -> None:
    source, target = estate(a1={"height": 1}, a2={"height": 1, "role": "x"}), estate(a1={"height": 2}, a2={"height": 2})
    target.kept_values = {"rack": {name: {"height": f"{name} was made that high"} for name in ("a1", "a2")}}
    assert told(source, target) == {
        "a1": ("update", "protected: a1 was made that high", {"height": 1}),
        "a2": ("update", "", {"height": 1, "role": "x"}),
    }
    assert target.diff_from(source).warnings == ['rack "a2": a2 was made that high']
    target.sync_from(source)
    assert [(rack.height, rack.role) for rack in target.get_all("rack")] == [(2, None), (2, "x")]


def test_an_object_keeps_its_value_with_another_name_and_in_another_place() -> None:
    source = estate(a9={"serial": "S1", "height": 1}, a2={"site": "b", "height": 1, "role": "x"})
    target = estate(a1={"serial": "S1", "height": 2}, a2={"height": 2})
    target.kept_values = {"rack": {name: {"height": f"{name} was made that high"} for name in ("a1", "a2")}}
    target.unknown_values = {"rack": {"a2": frozenset({"role"})}}
    assert {uid: action for uid, (action, *_rest) in told(source, target).items()} == {"a9": "move", "a2": "move"}
    target.sync_from(source)
    assert {rack.name: (rack.height, rack.role) for rack in target.get_all("rack")} == {"a9": (2, None), "a2": (2, None)}


def test_an_object_is_not_made_with_a_value_that_is_not_known() -> None:
    source, target = estate(a1={"height": 1}, a2={}), estate()
    source.unknown_values = {"rack": {name: frozenset({"height"}) for name in ("a1", "a2")}}
    assert {uid: why for uid, (_action, why, _new) in told(source, target).items()} == {
        "a1": "protected: the value of height is not known in estate",
        "a2": "",
    }
    target.sync_from(source)
    assert [rack.name for rack in target.get_all("rack")] == ["a2"]
