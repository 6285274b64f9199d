# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of one dataset as records: which are selected, in which order, and with what masked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.selection import check_no_action, select
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync, DSyncModel, DSyncModelFlags
from ansible_collections.dsync.core.plugins.module_utils.dsync.diff.scope import Scope


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("region", "key")
    _sensitive = ("key",)
    _children = {"device": "devices"}
    name: str
    region: str = ""
    key: str | None = None
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("site", "name")
    _attributes = ("role", "mtu")
    site: str
    name: str
    role: str = "router"
    mtu: int | None = None


class Estate(DSync):
    site, device = Site, Device
    top_level = ["site"]


def estate() -> Estate:
    """Return two sites with a device each, one that lists a device which was not loaded, and a device that no site lists."""
    made = Estate("estate")
    for name, region in (("nyc", "us"), ("par", "eu")):
        site = Site(name=name, region=region, key="opal-17" if region == "us" else None)
        made.add(site)
        device = Device(site=name, name=f"rtr-{name}", mtu=1500)
        made.add(device)
        site.add_child(device)
    made.get("site", "par").devices.append("par__gone")
    made.add(Device(site="", name="spare", role="switch"))
    return made


def ids(**scope: Any) -> list[str]:
    dataset = estate()
    return [one.obj.get_unique_id() for one in select(dataset, Scope.of(dataset, dataset, **scope))]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, ["nyc", "nyc__rtr-nyc", "par", "par__rtr-par", "__spare"]),
        ({"models": ["device"]}, ["nyc__rtr-nyc", "par__rtr-par", "__spare"]),
        ({"only": [{"id": "nyc"}]}, ["nyc", "nyc__rtr-nyc"]),
        ({"only": [{"attributes": {"role": "switch"}}]}, ["__spare"]),
        ({"only": [{"id": "nyc"}], "models": ["device"]}, ["nyc__rtr-nyc"]),
        ({"exclude": [{"attributes": {"region": "us"}}]}, ["par", "par__rtr-par", "__spare"]),
        ({"only": [{"id": "nowhere"}]}, []),
    ],
)
def test_what_is_selected(scope: dict[str, Any], expected: list[str]) -> None:
    assert ids(**scope) == expected


def test_an_object_with_flags_is_returned_all_the_same() -> None:
    dataset = estate()
    dataset.get("site", "nyc").model_flags = DSyncModelFlags.IGNORE
    assert "nyc" in [one.obj.get_unique_id() for one in select(dataset, Scope())]


def test_an_object_that_two_parents_list_is_returned_once() -> None:
    dataset = estate()
    dataset.get("site", "par").devices.append("nyc__rtr-nyc")
    found = [one.obj.get_unique_id() for one in select(dataset, Scope())]
    assert found.count("nyc__rtr-nyc") == 1


def test_records_have_parents_and_masked_values() -> None:
    site, device, *_others = (one.record({}) for one in select(estate(), Scope()))
    assert site == {
        "model": "site",
        "id": "nyc",
        "ids": {"name": "nyc"},
        "parent": None,
        "attributes": {"region": "us", "key": "********"},
    }
    assert device["parent"] == {"model": "site", "id": "nyc"}
    assert device["ids"] == {"site": "nyc", "name": "rtr-nyc"}
    assert device["attributes"] == {"role": "router", "mtu": 1500}


def test_a_sensitive_attribute_that_is_not_set_is_null() -> None:
    (par,) = (one.record({}) for one in select(estate(), Scope()) if one.obj.get_unique_id() == "par")
    assert par["attributes"]["key"] is None


def test_attributes_are_chosen_by_model() -> None:
    site, device, *_others = (one.record({"device": {"mtu"}}) for one in select(estate(), Scope()))
    assert (site["attributes"].keys(), device["attributes"]) == ({"region", "key"}, {"mtu": 1500})


def test_a_selector_with_an_action_is_refused() -> None:
    with pytest.raises(TaskFailure, match=r"^exclude\[1\]\.action: nothing is compared here"):
        check_no_action({"only": None, "exclude": [{"id": "a"}, {"model": "device", "action": "delete"}]})
