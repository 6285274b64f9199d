# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which sources of truth are asked and changed: nothing is on two pages, and nothing holds a value that is taken."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.records.definition import data_model
from estate_server import NautobotEstate, NetBoxEstate
from rest_api import Reply, Request, served

PREFIXES: dict[str, Any] = {
    "prefix": {"identifiers": {"namespace": "str", "prefix": "ip_network"}, "attributes": {"description": "str"}}
}


@pytest.mark.parametrize("unique", [[], [["asset_tag"]]])
def test_a_device_that_is_replaced_gives_its_asset_tag_up_first(unique: list[Any]) -> None:
    declared: dict[str, Any] = {"device": {"identifiers": ["name"], "attributes": {"asset_tag": "str | None"}, "unique": unique}}
    models = data_model(declared, base=RecordModel)
    estate = NetBoxEstate()
    devices = estate.table("dcim/devices")
    estate.add("dcim/devices", name="old", asset_tag="A1")

    def complaint(_method: str, endpoint: str, body: dict[str, Any]) -> Any:
        tag, taken = body.get("asset_tag"), {one["asset_tag"] for key, one in devices.items() if key != body.get("id")}
        return {"asset_tag": ["A device with this asset tag already exists."]} if tag and tag in taken else None

    estate.complaint = complaint
    source: Any = type("Source", (DSync,), {**models.models, "top_level": list(models.top_level)})()
    source.add_rows("device", [{"name": "new", "asset_tag": "A1"}])
    with served(estate.api):
        target = NetBoxAdapter.bound(models)(url=estate.api.url, token="0" * 40, tries=1)
        target.load()
        target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    assert [(one["name"], one["asset_tag"]) for one in devices.values()] == [("new", "A1")]


def test_prefixes_that_nautobot_has_in_no_order_are_all_read() -> None:
    estate = NautobotEstate()
    spaces = [estate.add("ipam/namespaces", name=name) for name in ("A", "B")]
    for network, space in (("10.0.0.0/24", 0), ("10.0.1.0/24", 0), ("10.0.1.0/24", 1), ("10.0.2.0/24", 0)):
        estate.add("ipam/prefixes", prefix=network, namespace=spaces[space])
    usual = estate.api.intervene

    def without_an_order(request: Request) -> Reply | None:
        reply = usual(request)
        unsorted_page = request.path == "/api/ipam/prefixes/" and request.query.get("sort") is None
        if reply is not None and unsorted_page and request.query.get("offset", "0") != "0":
            reply.body["results"].reverse()
        return reply

    estate.api.intervene = without_an_order
    with served(estate.api):
        target = NautobotAdapter.bound(data_model(PREFIXES, base=RecordModel))(url=estate.api.url, token="0" * 40, page_size=2)
        target.load()
    assert sorted(one.get_unique_id() for one in target.get_all("prefix")) == [
        "A__10.0.0.0/24", "A__10.0.1.0/24", "A__10.0.2.0/24", "B__10.0.1.0/24",
    ]  # fmt: skip
    assert all(one.query["sort"] for one in estate.asked("GET", "ipam/prefixes"))
