# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Diffs and their elements, as values and as data."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import Diff, DiffElement, DSyncAction, ObjectAlreadyExists
from estate import PLANTED, SOURCE, TARGET, Interface, estate


def element(name: str = "a", kind: str = "site", **sides: Any) -> DiffElement:
    made = DiffElement(kind, name, {"name": name})
    made.add_attrs(**sides)
    return made


def test_an_element_by_hand() -> None:
    made = DiffElement("interface", "eth0", {"device": "rtr", "name": "eth0"})
    assert (made.uid, made.source_name, made.dest_name, made.action) == ("rtr__eth0", "source", "dest", None)
    assert made.get_attrs_diffs() == {}
    assert made.get_attrs_keys() == []
    made.add_attrs(source={"a": 1, "b": 2})
    assert made.action == DSyncAction.CREATE
    assert made.get_attrs_diffs() == {"+": {"a": 1, "b": 2}}
    made.add_attrs(dest={"b": 3, "c": 4})
    assert made.action == DSyncAction.UPDATE
    assert made.get_attrs_keys() == ["b"]
    assert made.get_attrs_diffs() == {"+": {"b": 2}, "-": {"b": 3}}
    assert repr(made) == 'interface "rtr__eth0": update'
    assert element(dest={"a": 1}).action == DSyncAction.DELETE
    assert element(dest={"a": 1}).get_attrs_diffs() == {"-": {"a": 1}}
    same = element(source={"a": 1}, dest={"a": 1})
    assert (same.action, same.dict(), repr(same)) == (None, {}, 'site "a": no-change')


def test_only_what_is_compared_makes_a_difference() -> None:
    sides = {"source": {"a": 1, "b": 2}, "dest": {"a": 0, "b": 0, "c": 0}}
    for compared, new in ((None, {"a": 1, "b": 2}), ({"b", "c"}, {"b": 2}), ({"c"}, {}), (set(), {})):
        made = element(**sides)
        made.compared = None if compared is None else frozenset(compared)
        assert made.get_attrs_keys() == list(new)
        assert made.get_attrs_diffs()["+"] == new
        assert made.action == (DSyncAction.UPDATE if new else None)
        assert made.source_attrs == sides["source"]
    alone = element(source={"a": 1})
    alone.compared = frozenset()
    assert alone.get_attrs_diffs() == {"+": {"a": 1}}


def test_a_protected_element_differs_and_counts_all_the_same() -> None:
    made = element(source={"a": 1}, dest={"a": 2})
    assert (made.protected, made.spared) == ("", False)
    made.protected = "hands off"
    assert made.action == DSyncAction.UPDATE
    assert made.has_diffs()
    assert made.summary()["update"] == 1
    assert made.dict() == {"+": {"a": 1}, "-": {"a": 2}}


def test_elements_are_counted_sorted_and_true() -> None:
    assert sorted([element("b"), element("a")])[0].name == "a"
    assert bool(element())
    assert bool(Diff())
    parent = element(source={}, dest={})
    parent.add_child(element("d", "device", source={}))
    assert len(parent) == 2
    assert parent.has_diffs()
    assert not parent.has_diffs(include_children=False)
    assert parent.summary() == {"create": 1, "update": 0, "move": 0, "delete": 0, "no-change": 1, "skip": 0}
    assert parent.dict() == {"device": {"d": {"+": {}}}}
    assert [child.name for child in parent.walk_children()] == ["d"]


def test_a_diff_by_hand() -> None:
    diff = Diff()
    diff.complete()
    diff.add(element("a", source={}, dest={}))
    diff.add(element("b", source={"x": 1}))
    diff.add(element("d", "device", dest={}))
    with pytest.raises(ObjectAlreadyExists, match='has an element site "a" already') as caught:
        diff.add(element("a"))
    assert caught.value.existing is diff.children["site"]["a"]
    assert diff.groups() == ["site", "device"]
    assert len(diff) == 3
    assert diff.has_diffs()
    assert diff.summary() == {"create": 1, "update": 0, "move": 0, "delete": 1, "no-change": 1, "skip": 0}
    assert diff.summary_by_model()["site"]["create"] == 1
    assert diff.dict() == {"site": {"b": {"+": {"x": 1}}}, "device": {"d": {"-": {}}}}


def test_elements_of_one_name_and_two_identities() -> None:
    diff = Diff()
    for uid in ("1", "2"):
        diff.add(DiffElement("thing", "x", {"serial": uid}))
    assert list(diff.children["thing"]) == ["x", "2"]


def test_the_summary_follows_what_is_added_later() -> None:
    diff = estate(TARGET).diff_from(estate(SOURCE))
    assert diff.summary()["no-change"] == 1
    diff.add(element("zzz", source={}))
    assert diff.summary()["create"] == 6


def test_a_dict_of_a_diff() -> None:
    assert estate(TARGET).diff_from(estate(SOURCE)).dict() == {
        "site": {
            "nyc": {
                "+": {"contact": "555-1"},
                "-": {"contact": "555-0"},
                "device": {
                    "rtr-1": {
                        "interface": {
                            "eth0": {"+": {"mtu": 9000}, "-": {"mtu": 1500}},
                            "eth1": {"+": {"mtu": 1500, "password": None}},
                        }
                    },
                    "sw-1": {"+": {"role": "switch", "facts": None}},
                    "old-1": {
                        "-": {"role": "router", "facts": None},
                        "interface": {"eth9": {"-": {"mtu": 1500, "password": None}}},
                    },
                },
            },
            "ams": {
                "+": {"contact": "555-2"},
                "device": {
                    "rtr-2": {
                        "+": {"role": "router", "facts": None},
                        "interface": {"eth0": {"+": {"mtu": 1500, "password": None}}},
                    }
                },
            },
            "lon": {
                "-": {"contact": "555-3"},
                "device": {
                    "rtr-3": {
                        "-": {"role": "router", "facts": None},
                        "interface": {"eth0": {"-": {"mtu": 1500, "password": None}}},
                    }
                },
            },
        }
    }


@pytest.mark.parametrize("other", [None, "something-else", PLANTED])
def test_point_9_sensitive_fields_are_compared_by_value_and_hidden(other: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sides = [estate({"nyc": ("1", {"rtr": "x"})}) for _side in range(2)]
    for side, password in zip(sides, (PLANTED, other)):
        interface = Interface(device="rtr", name="eth0", password=password)
        side.add(interface)
        side.get("device", "rtr").add_child(interface)
    for one, two in (sides, reversed(sides)):
        diff = one.diff_from(two)
        assert diff.has_diffs() is (other != PLANTED)
        diff.print_detailed()
        elements = list(diff.walk())
        shown = f"{diff} {diff.str()} {diff.dict()} {[str(e) + repr(e) + repr(e.dict()) for e in elements]} {capsys.readouterr()}"
        assert PLANTED not in shown
        assert ("********" in shown) is (other != PLANTED)
