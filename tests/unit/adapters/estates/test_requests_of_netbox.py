# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``netbox`` sends no request that it can do without, and none the less learns what it needs to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.exceptions import RecordProblem
from dsync.plan.result import Result
from dsync.records.definition import data_model
from estate_server import NetBoxEstate
from netbox_estate import dataset
from rest_api import Reply, Request, served

MODELS: dict[str, Any] = {
    "region": {"identifiers": ["name"], "attributes": {"slug": "str"}},
    "manufacturer": {"identifiers": ["name"], "attributes": {"slug": "str"}},
    "device_role": {"identifiers": ["name"], "attributes": {"slug": "str", "color": "str"}},
    "device_type": {"identifiers": {"manufacturer": {"ref": "manufacturer"}, "model": "str"}, "attributes": {"slug": "str"}},
    "site": {"identifiers": ["name"], "attributes": {"slug": "str", "status": "str", "region": {"ref": "region"}}},
    "device": {
        "identifiers": ["name"],
        "attributes": {
            "site": {"ref": "site"},
            "role": {"ref": "device_role"},
            "device_type": {"ref": "device_type"},
            "status": "str",
            "serial": "str",
        },
    },
}
SITES: dict[str, Any] = {"site": {"identifiers": ["name"], "attributes": {"status": "str"}}}
ROWS: dict[str, list[dict[str, Any]]] = {
    "region": [{"name": name, "slug": name} for name in ("north", "south")],
    "manufacturer": [{"name": "Acme", "slug": "acme"}],
    "device_role": [{"name": "leaf", "slug": "leaf", "color": "00ff00"}],
    "device_type": [{"manufacturer": "Acme", "model": "S1", "slug": "s1"}],
    "site": [
        {"name": f"s{number}", "slug": f"s{number}", "status": "active", "region": ("north", "south")[number % 2]}
        for number in range(500)
    ],
    "device": [
        {"name": f"d{number}", "site": f"s{number}", "role": "leaf", "device_type": "Acme__S1", "status": "active", "serial": "1"}
        for number in range(300)
    ],
}
"""An estate of the size of that which bench/netbox.py measures."""


@pytest.fixture
def netbox() -> Iterator[NetBoxEstate]:
    estate = NetBoxEstate()
    estate.status = {"netbox-version": "4.7.3"}
    with served(estate.api):
        yield estate


def adapter(estate: NetBoxEstate, declared: Any, **options: Any) -> NetBoxAdapter:
    models = data_model(declared, base=RecordModel)
    made: NetBoxAdapter = NetBoxAdapter.bound(models)(url=estate.api.url, token="0" * 40, tries=1, **options)
    made.load()
    return made


def wanted(declared: Any, **rows: Any) -> DSync:
    return dataset(data_model(declared, base=RecordModel), rows)


def synchronised(target: NetBoxAdapter, source: DSync) -> Result:
    result: Result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    return result


def paths(requests: list[Request]) -> list[str]:
    return [request.path.removeprefix("/api/").strip("/") for request in requests]


def test_a_first_load_and_a_run_without_changes_take_a_list_a_kind_and_a_request_for_each_batch(netbox: NetBoxEstate) -> None:
    source = wanted(MODELS, **ROWS)
    target = adapter(netbox, MODELS)
    synchronised(target, source).raise_for_failure()
    lists, batches = len(MODELS), 4 + 500 // 100 + 300 // 100
    assert len(netbox.api.requests) == target.result_records()["requests"] == lists + batches == 18
    netbox.api.requests.clear()
    again = adapter(netbox, MODELS)
    assert not again.diff_from(source).has_diffs()
    assert len(netbox.api.requests) == again.result_records()["requests"] == lists
    assert again.result_records()["netbox_version"] == "4.7"


@pytest.mark.parametrize("release", ["4.5.9", "4.7.3"])
def test_the_page_that_tells_the_release_is_read_once_for_each_load(release: str, netbox: NetBoxEstate) -> None:
    netbox.status = {"netbox-version": release}
    for number in reversed(range(5)):
        netbox.add("dcim/sites", name=f"s{number}", status="active", slug=f"s{number}")
    target = adapter(netbox, SITES, page_size=2)
    assert len(target.get_all("site")) == 5
    assert "status" not in paths(netbox.api.requests)
    netbox.add("dcim/sites", name="new", status="active", slug="new")
    netbox.change("dcim/sites", 1, status="planned")
    assert {(one.name, one.status) for one in adapter(netbox, SITES, page_size=2).get_all("site")} == {
        *((f"s{number}", "active") for number in range(4)),
        ("s4", "planned"),
        ("new", "active"),
    }


@pytest.mark.parametrize("headers", [{}, {"API-Version": "2.4"}, {"API-Version": "unknown"}])
def test_an_answer_that_does_not_show_netbox_is_not_taken_for_one_of_it(headers: dict[str, str], netbox: NetBoxEstate) -> None:
    usual = netbox.api.intervene
    netbox.api.intervene = lambda request: (usual(request) or Reply())._replace(headers=headers)
    assert adapter(netbox, SITES).result_records()["netbox_version"] == "4.7.3"
    netbox.refusing["GET status"] = Reply(200, {"nautobot-version": "3.2.7"})
    with pytest.raises(RecordProblem, match="does not identify itself as NetBox"):
        adapter(netbox, SITES)


def test_only_values_that_have_to_be_looked_up_are(netbox: NetBoxEstate) -> None:
    netbox.choices["status"] = [{"value": name, "display_name": name} for name in ("active", "planned")]
    synchronised(adapter(netbox, SITES), wanted(SITES, site=[{"name": "a", "status": "active"}])).raise_for_failure()
    assert not netbox.api.sent("OPTIONS")
    rows = [{"name": "a", "status": "planned"}, *({"name": f"b{number}", "status": "planned"} for number in range(300))]
    synchronised(adapter(netbox, SITES), wanted(SITES, site=rows)).raise_for_failure()
    assert paths(netbox.api.sent("OPTIONS")) == ["dcim/sites"]
    before = len(netbox.api.sent("PATCH"))
    (failed,) = synchronised(adapter(netbox, SITES), wanted(SITES, site=[{**rows[0], "status": "plan"}, *rows[1:]])).failures
    assert failed.message == 'status: NetBox has no choice "plan" for it (did you mean "planned"? known: active, planned)'
    assert len(netbox.api.sent("PATCH")) == before


def test_a_field_that_not_every_release_has_is_looked_up(netbox: NetBoxEstate) -> None:
    declared: Any = {"device_role": {"identifiers": ["name"], "attributes": {"color": "str", "parent": "str | None"}}}
    roles = [{"name": name, "color": "ff0000", "parent": None} for name in ("a", "b")]
    synchronised(adapter(netbox, declared), wanted(declared, device_role=roles)).raise_for_failure()
    assert not netbox.api.sent("OPTIONS")
    netbox.described["dcim/device-roles"] = {"name": {"type": "string"}, "color": {"type": "string"}}
    roles[1] = {**roles[1], "parent": "a"}
    (failed,) = synchronised(adapter(netbox, declared), wanted(declared, device_role=roles)).failures
    assert failed.message.startswith('NetBox has no field "parent" of device_role objects that can be written')
    assert not netbox.api.sent("PATCH")


def test_new_objects_are_recognized_in_an_answer_of_any_order(netbox: NetBoxEstate) -> None:
    usual = netbox.api.intervene

    def reversed_and_trimmed(request: Request) -> Reply | None:
        reply = usual(request)
        if request.method != "POST" or reply is None:
            return reply
        for one in reply.body:
            one["name"] = one["name"].upper()
        return reply._replace(body=reply.body[::-1])

    netbox.api.intervene = reversed_and_trimmed
    target = adapter(netbox, SITES)
    synchronised(target, wanted(SITES, site=[{"name": f"s{number}", "status": "active"} for number in range(5)]))
    netbox.api.intervene = usual
    rows = [{"name": f"s{number}", "status": "planned" if number == 1 else "active"} for number in range(5)]
    synchronised(target, wanted(SITES, site=rows)).raise_for_failure()
    assert {one["name"] for one in netbox.table("dcim/sites").values() if one["status"] == "planned"} == {"s1"}


@pytest.mark.parametrize("body", [[{"id": 7, "name": "a"}], {"id": 7}, b"<html>"])
def test_objects_that_an_answer_does_not_tell_apart_are_not_created_twice(body: Any, netbox: NetBoxEstate) -> None:
    usual = netbox.api.intervene
    netbox.api.intervene = lambda request: Reply(201, body) if request.method == "POST" and usual(request) else usual(request)
    rows = [{"name": name, "status": "active"} for name in ("a", "b", "c")]
    result = synchronised(adapter(netbox, SITES), wanted(SITES, site=rows))
    assert len(netbox.api.sent("POST")) == 1
    assert {one.maybe for one in result.failures} == {True}
    assert len(result.failures) == len(rows)
