# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Selectors: what they select, and what is refused of them."""

from __future__ import annotations

import enum
import ipaddress
from decimal import Decimal
from typing import Any

import pytest
from dsync import DSyncAction, DSyncException, DSyncModel
from dsync.diff.selectors import Selector, classes_by_model, selecting, selectors
from dsync.exceptions import SelectorError
from dsync.model.values import python_string
from estate import PLANTED, Device, Estate, Site, dataset, estate
from pydantic import SecretStr

MODELS = classes_by_model(estate(), estate())


def one(**said: Any) -> Selector:
    (selector,) = selectors([said], "protect", MODELS)
    return selector


@pytest.mark.parametrize(
    ("said", "uid", "matches"),
    [
        ("rtr-*", "rtr-1", True),
        ("rtr-*", "core-rtr-1", False),
        ("rtr-?", "rtr-10", False),
        ("rtr-[12]", "rtr-2", True),
        ("rtr-[!12]", "rtr-2", False),
        ("RTR-1", "rtr-1", False),
        ("rtr-1", "rtr-1\n", False),
        ("*", "two\nlines", True),
        ("rtr.1", "rtr-1", False),
        ("", "rtr-1", False),
        ("~tr", "rtr-1", True),
        ("~^tr", "rtr-1", False),
        ("~^(rtr|sw)-[0-9]+$", "sw-10", True),
        (10, "10", True),
    ],
)
def test_ids(said: Any, uid: str, matches: bool) -> None:
    assert one(id=said).matches("device", uid, None) is matches


def test_what_is_not_said_matters_not_and_all_that_is_said_must_hold() -> None:
    selector = one(model="device", id="rtr-*", attributes={"role": "router"}, action="delete")
    fits: list[Any] = ["device", "rtr-1", DSyncAction.DELETE, None, {"role": "router"}]
    assert selector.matches(*fits)
    for position, other in enumerate(["site", "sw-1", DSyncAction.UPDATE, None, {"role": "switch"}]):
        if other is not None:
            assert not selector.matches(*fits[:position], other, *fits[position + 1 :])
    assert not selector.matches("device", "rtr-1", None, None, {"role": "router"})
    assert one(model="device", id=None, attributes=None, action=None).matches("device", "x", None)


def test_one_side_must_have_all_attributes() -> None:
    selector = one(attributes={"role": "router", "name": "a"})
    assert selector.matches("device", "a", None, {"name": "a", "role": "x"}, {"name": "a", "role": "router"})
    assert selector.matches("device", "a", None, {"name": "a", "role": "router"}, None)
    assert not selector.matches("device", "a", None, {"name": "a", "role": "x"}, {"name": "b", "role": "router"})
    assert not selector.matches("device", "a", None, {"name": "a"}, None)
    assert not selector.matches("device", "a", None)


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("actual", "wanted", "matches"),
    [
        ("x", "x", True),
        (10, 10, True),
        (10, "10", True),
        ("10", 10, True),
        (1.5, "1.5", True),
        (Decimal("1.5"), "1.5", True),
        (Decimal("1.5"), 1.5, True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        ("True", True, False),
        (None, None, True),
        (None, "None", False),
        (None, "", False),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1", True),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.2", False),
        (Colour.RED, "red", True),
        (b"raw", "raw", True),
        (b"\xff", "raw", False),
        (b"\xff", {"$bytes": "/w=="}, True),
        ([b"\xff"], [{"$bytes": "/w=="}], True),
        (10**5000, 10**5000, True),
        (10**5000, "10", False),
        ("10", 10**5000, False),
        ([10**5000], [hex(10**5000)], True),
        ([1, "a"], [1, "a"], True),
        ([1], [True], False),
        ({"a": {1}}, {"a": [1]}, True),
        (("a",), ["a"], True),
    ],
    ids=python_string,
)
def test_values_are_given_as_playbooks_can_write_them(actual: Any, wanted: Any, matches: bool) -> None:
    assert one(attributes={"facts": wanted}).matches("device", "a", None, {"facts": actual}) is matches


def test_the_first_that_selects_is_found() -> None:
    chosen = selectors([{"model": "site"}, {"id": "a*"}, {"id": "ab"}], "only", MODELS)
    assert selecting(chosen, "device", "ab", None) is chosen[1]
    assert selecting(chosen, "device", "b", None) is None
    assert selecting((), "device", "b", None) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, r"protect\[0\]: it is empty; set at least one of model, id, attributes, action"),
        ({"model": None, "id": None}, r"protect\[0\]: it is empty"),
        ({"attributes": {}}, r"protect\[0\]: it is empty"),
        ("site", r"protect\[0\]: a selector is a dict with any of model, id, attributes, action, not a str"),
        (None, r"protect\[0\]: a selector is a dict .*, not a NoneType"),
        ({"modle": "site"}, r"protect\[0\]: unknown key 'modle' \(did you mean .model.\? known: "),
        ({1: "site"}, r"protect\[0\]: unknown key 1"),
        ({"model": "sites"}, r"protect\[0\].model: unknown model 'sites' \(did you mean .site.\? known: "),
        ({"model": ["site"]}, r"protect\[0\].model: unknown model \['site'\]"),
        ({"action": "erase"}, r"protect\[0\].action: unknown action 'erase' \(known: create, update, move, delete\)"),
        ({"id": "~("}, r"protect\[0\].id: '~\(' is not a valid regular expression: "),
        ({"attributes": ["role"]}, r"protect\[0\].attributes: expected a dictionary of attribute to value, not a list"),
        ({"attributes": "", "id": "a"}, r"protect\[0\].attributes: expected a dictionary of attribute to value, not a str"),
        ({"attributes": {"rôle": "x"}}, r"protect\[0\].attributes: unknown attribute 'rôle' \(did you mean .role.\? known: "),
        ({"model": "site", "attributes": {"role": "x"}}, r"protect\[0\].attributes: unknown attribute 'role' .*name, contact"),
    ],
    ids=repr,
)
def test_impossible_selectors(said: Any, words: str) -> None:
    with pytest.raises(SelectorError, match=words) as caught:
        selectors([said], "protect", MODELS)
    assert isinstance(caught.value, (DSyncException, ValueError))
    with pytest.raises(SelectorError, match=r"protect\[1\]"):
        selectors([{"model": "site"}, said], "protect", MODELS)


def test_attributes_that_only_one_side_has_can_be_named() -> None:
    class Slim(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        _attributes = ("owner",)
        name: str
        owner: str = ""

    slim, full = dataset(Slim), dataset(Site, Device, top_level=["site"])
    for models in (classes_by_model(slim, full), classes_by_model(full, slim)):
        assert set(models) == {"site", "device"}
        selectors([{"model": "site", "attributes": {"owner": "x", "contact": "y"}}], "only", models)
    assert classes_by_model(full, full)["site"] == (Site,)


def test_a_class_that_gives_its_own_attributes_may_be_asked_for_any() -> None:
    class Own(Site):
        def get_attrs(self) -> dict[str, Any]:
            return {**super().get_attrs(), "computed": 1}

    models = classes_by_model(dataset(Own, top_level=["site"]), dataset(Own, top_level=["site"]))
    (selector,) = selectors([{"attributes": {"computed": 1}}], "only", models)
    assert selector.matches("site", "a", None, Own(name="a").get_attrs())


@pytest.mark.parametrize("model", [None, "interface"])
def test_point_9_nothing_is_selected_by_a_sensitive_value(model: str | None) -> None:
    with pytest.raises(SelectorError, match=r"'password' is sensitive and never shown") as caught:
        one(model=model, attributes={"password": PLANTED})
    assert PLANTED not in f"{caught.value!r}{caught.value}"


@pytest.mark.parametrize("said", [PLANTED, {"attributes": PLANTED}, {"attributes": [PLANTED]}, {"attributes": {"x": PLANTED}}])
def test_point_9_a_refusal_does_not_repeat_values(said: Any) -> None:
    with pytest.raises(SelectorError) as caught:
        selectors([said], "protect", MODELS)
    assert PLANTED not in f"{caught.value!r}{caught.value}"


def test_texts() -> None:
    selector = Selector("device", "a*", (("role", "router"), ("token", PLANTED), ("key", SecretStr(PLANTED))), DSyncAction.DELETE)
    assert selector.text({"token"}) == (
        "model: device, id: a*, attributes: {'role': 'router', 'token': '********', 'key': '********'}, action: delete"
    )
    assert PLANTED not in f"{selector} {selector!r}"
    assert str(Selector(model="site")) == "model: site"
    assert Selector(model="site") == Selector(model="site") != Selector(model="device")


def test_models_of_both_sides() -> None:
    assert list(classes_by_model(Estate(), dataset(Site, Device, top_level=["site"]))) == ["site", "folder", "device", "interface"]
