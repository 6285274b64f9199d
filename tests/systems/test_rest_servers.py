# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter rest against servers that others wrote: PowerDNS, and json-server with its three ways to divide a collection."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import provision
import pytest
import rest_servers
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.rest import RestAdapter
from dsync.exceptions import RecordProblem
from dsync.flags import DSyncFlags
from dsync.plan.plan import Plan
from dsync.records.definition import data_model

ZONES: dict[str, Any] = {
    "zone": {"identifiers": ["name"], "attributes": {"kind": "str"}, "children": ["rrset"]},
    "rrset": {
        "identifiers": ["name", "type"],
        "attributes": {"ttl": "int", "records": {"type": "list[dict[str, any]]", "compare": "unordered"}},
    },
}
PATCH = {"method": "patch", "path": "/zones/{parent.id}", "wrap": "rrsets", "bulk": True, "extra": {"changetype": "REPLACE"}}
POWERDNS: dict[str, Any] = {
    "zone": {"from": {"list": "/zones", "update": {"method": "put", "send": "changed"}}},
    "rrset": {
        "from": {
            "list": "/zones/{parent.id}",
            "records": "rrsets",
            "create": PATCH,
            "update": {**PATCH, "send": "whole"},
            "delete": {**PATCH, "send": ["name", "type"], "extra": {"changetype": "DELETE"}},
        },
        "drop": 'type in ["SOA", "NS"]',
    },
}
DEVICES: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {"note": "str | None"}, "children": ["device"]},
    "device": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int | None"}},
}


def started(server: AbstractContextManager[rest_servers.Server]) -> Iterator[rest_servers.Server]:
    """Yield the server; skip where it cannot be had, but fail in CI."""
    try:
        running = server.__enter__()
    except provision.ProgramMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


def dataset(models: dict[str, Any], rows: dict[str, list[dict[str, Any]]], parent_id: str) -> Any:
    """Return a dataset in memory; each row of the second model names its parent under `parent_id`."""
    declared = data_model(models, base=RecordModel)
    made: Any = type("Wanted", (DSync,), {**declared.models, "top_level": list(declared.top_level)})()
    parent, child = models
    made.add_rows(parent, rows[parent])
    made.add_rows(child, rows[child], parent=parent, parent_ids={"name": parent_id})
    return made


def synchronised(target: Any, source: Any, flags: DSyncFlags = DSyncFlags.NONE) -> Any:
    target.load()
    return target.apply(Plan.from_diff(target.diff_from(source)), source, flags)


# ---------------------------------------------------------------------- PowerDNS


@pytest.fixture
def pdns(tmp_path: Path) -> Iterator[rest_servers.Server]:
    yield from started(rest_servers.powerdns(tmp_path))


def dns(server: rest_servers.Server, key: str = rest_servers.API_KEY, mapping: Any = None, **options: Any) -> Any:
    cls = RestAdapter.bound(data_model(ZONES, base=RecordModel), mapping or POWERDNS)
    base = f"{server.url}/api/v1/servers/localhost"
    one = {"workers": 1, **options}  # PowerDNS answers 500 to whoever writes while its SQLite database is locked
    return cls(base_url=base, token=key, auth_header="X-API-Key", **one)


def zones(zone_names: list[str], hosts: int, address: str = "192.0.2.1", ttl: int = 60, kind: str = "Native") -> Any:
    rrsets = [
        {
            "zone": zone,
            "name": f"h{number}.{zone}",
            "type": "A",
            "ttl": ttl + number,
            "records": [{"content": address, "disabled": False}],
        }
        for zone in zone_names
        for number in range(hosts)
    ]
    rows = {"zone": [{"name": name, "kind": kind} for name in zone_names], "rrset": rrsets}
    return dataset(ZONES, rows, "zone")


ESTATE = ["example.org.", "2.0.192.in-addr.arpa.", "64/26.2.0.192.in-addr.arpa.", "xn--bcher-kva.example."]


def test_powerdns_is_filled_changed_and_emptied(pdns: rest_servers.Server) -> None:
    before, after = zones(ESTATE, 5), zones([*ESTATE[1:], "new.example."], 4, "192.0.2.9", ttl=90, kind="Master")
    target = dns(pdns)
    assert synchronised(target, before).counts["done"] == 4 + 20
    for source in (before, after, zones([], 0)):
        target = dns(pdns)
        result = synchronised(target, source)
        assert not result.failures, result.failures
        assert result.changed is (source is not before)
        assert not target.diff_from(source).has_diffs(), "the adapter's own objects are out of step"
        again = dns(pdns)
        assert not synchronised(again, source).outcomes, "a second run changes something"
    assert len(again) == 0


def test_powerdns_keeps_what_the_mapping_does_not_name(pdns: rest_servers.Server) -> None:
    synchronised(dns(pdns), zones(["example.org."], 1)).raise_for_failure()
    body = {"name": "h0.example.org.", "type": "A", "ttl": 60, "changetype": "REPLACE"}
    comments = [{"content": "ticket 4711", "account": "netops", "modified_at": 1}]
    record = {"content": "192.0.2.1", "disabled": False}
    _patch(pdns, "example.org.", {"rrsets": [{**body, "records": [record], "comments": comments}]})
    synchronised(dns(pdns), zones(["example.org."], 1, ttl=7)).raise_for_failure()
    target = dns(pdns)
    target.load()
    (found,) = [record for _obj, record in target.records("rrset")]
    assert (found["ttl"], found["comments"][0]["content"]) == (7, "ticket 4711")


def _patch(server: rest_servers.Server, zone: str, body: Any) -> None:
    request = urllib.request.Request(
        f"{server.url}/api/v1/servers/localhost/zones/{zone}",
        json.dumps(body).encode(),
        {"X-API-Key": rest_servers.API_KEY, "Content-Type": "application/json"},
        method="PATCH",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 204


def test_powerdns_reports_what_it_refuses(pdns: rest_servers.Server) -> None:
    source = zones(["example.org."], 8)
    source.get("rrset", {"name": "h3.example.org.", "type": "A"}).records = [{"content": "nonsense", "disabled": False}]
    result = synchronised(dns(pdns), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [outcome.change.ids["name"] for outcome in result.failures] == ["h3.example.org."]
    said = "PATCH /api/v1/servers/localhost/zones/example.org.: the server answers 422: Record h3.example.org./A 'nonsense'"
    assert result.failures[0].message.startswith(said)
    assert result.counts["done"] == 8


def test_powerdns_does_not_know_the_key(pdns: rest_servers.Server) -> None:
    with pytest.raises(RecordProblem) as caught:
        dns(pdns, key="wrong-horse-battery").load()
    said = "GET /api/v1/servers/localhost/zones: the server answers 401: Unauthorized"
    assert str(caught.value) == f"{said}; check the token, or the username and password"


def one_by_one() -> Any:
    """Return the mapping with a request for each set of records."""
    place = POWERDNS["rrset"]["from"]
    single = {name: {**place[name], "wrap": "rrsets.*", "bulk": False} for name in ("create", "update", "delete")}
    return {**POWERDNS, "rrset": {**POWERDNS["rrset"], "from": {**place, **single}}}


@pytest.mark.parametrize("bulk", [False, True])
def test_powerdns_dies_in_the_middle(bulk: bool, pdns: rest_servers.Server) -> None:
    source = zones(["example.org."], 300)
    target = dns(pdns, mapping=None if bulk else one_by_one(), batch_size=20, tries=2)
    target.load()
    plan = Plan.from_diff(target.diff_from(source))
    seen: list[int] = []

    def watch(stage: str, done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 6:
            threading.Timer(0.01, pdns.kill).start()

    result = target.apply(plan, source, callback=watch)
    assert result.stopped
    assert 100 <= result.counts["done"] < 301
    pdns.start()
    there = dns(pdns)
    there.load()
    found = {(model, obj.get_unique_id()) for model in ZONES for obj in there.get_all(model)}
    done = {(outcome.change.model, outcome.change.id) for outcome in result.outcomes if outcome.status == "done"}
    perhaps = {(one.change.model, one.change.id) for one in result.outcomes if "may have been done all the same" in one.message}
    assert done <= found, "something is reported as done that is not there"
    assert found - done <= perhaps, "something is there that is reported as surely not done"
    assert len(perhaps) <= (20 if bulk else 2)
    second = synchronised(dns(pdns), source)
    assert (len(second.failures), second.counts["done"]) == (0, 301 - len(found))
    assert not synchronised(dns(pdns), source).outcomes


# ---------------------------------------------------------------------- json-server


@pytest.fixture
def jsons(tmp_path: Path) -> Iterator[rest_servers.Server]:
    yield from started(rest_servers.json_server(tmp_path, {"sites": [], "devices": []}))


PAGINATIONS: dict[str, Any] = {
    "link": {"type": "link", "size_param": "_limit", "size": 7},
    "page": {"type": "page", "param": "_page", "size_param": "_limit", "size": 7},
    "offset": {"type": "offset", "param": "_start", "size_param": "_limit", "size": 7},
}


def collections(server: rest_servers.Server, pagination: str = "offset", **options: Any) -> Any:
    first = "?_page=1" if pagination == "link" else ""
    mapping = {
        "site": {"from": {"list": f"/sites{first}"}},
        "device": {"from": {"list": f"/devices{first}"}, "parent": {"match": {"siteId": "id"}}},
    }
    cls = RestAdapter.bound(data_model(DEVICES, base=RecordModel), mapping)
    return cls(base_url=server.url, pagination=PAGINATIONS[pagination], **options)


def devices(sites: int, each: int, role: str = "router") -> Any:
    rows = {
        "site": [{"name": f"s{site}", "note": None if site % 2 else "ü"} for site in range(sites)],
        "device": [
            {"name": f"s{site}d{number}", "role": role, "mtu": 1500 if number % 2 else None, "site": f"s{site}"}
            for site in range(sites)
            for number in range(each)
        ],
    }
    return dataset(DEVICES, rows, "site")


@pytest.mark.parametrize("update_method", ["patch", "put"])
@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_json_server_is_filled_changed_and_emptied(pagination: str, update_method: str, jsons: rest_servers.Server) -> None:
    for source in (devices(9, 3), devices(8, 4, "switch"), devices(0, 0)):
        target = collections(jsons, pagination, update_method=update_method)
        result = synchronised(target, source)
        assert not result.failures, result.failures
        assert result.changed
        assert not target.diff_from(source).has_diffs(), "the adapter's own objects are out of step"
        assert not synchronised(collections(jsons, pagination), source).outcomes, "a second run changes something"


def test_json_server_has_nested_collections(jsons: rest_servers.Server) -> None:
    item = "/devices/{id}"
    place = {"list": "/sites/{parent.id}/devices", "pagination": "none", "update": item, "delete": item}
    cls = RestAdapter.bound(data_model(DEVICES, base=RecordModel), {"site": {"from": "/sites"}, "device": {"from": place}})
    for source in (devices(4, 3), devices(3, 4, "switch")):
        result = synchronised(cls(base_url=jsons.url), source)
        assert not result.failures, result.failures
        assert not synchronised(cls(base_url=jsons.url), source).outcomes


def test_json_server_says_that_something_is_gone(jsons: rest_servers.Server) -> None:
    synchronised(collections(jsons), devices(1, 2)).raise_for_failure()
    target, other = collections(jsons), collections(jsons)
    target.load()
    synchronised(other, devices(1, 1)).raise_for_failure()
    source = devices(1, 2, "switch")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [outcome.change.id for outcome in result.failures] == ["s0d1"]
    assert result.failures[0].message.endswith(": the server answers 404: Not Found")


def test_a_server_that_has_gone_is_named(jsons: rest_servers.Server) -> None:
    jsons.kill()
    with pytest.raises(RecordProblem) as caught:
        collections(jsons, tries=1).load()
    assert str(caught.value) == f"GET /sites: {jsons.url} refuses the connection"


def test_several_at_a_time_are_as_good_as_one(jsons: rest_servers.Server) -> None:
    source, took = devices(3, 100), {}
    for workers in (1, 8):
        target = collections(jsons, workers=workers)
        target.load()
        plan = Plan.from_diff(target.diff_from(source))
        begin = time.perf_counter()
        target.apply(plan, source).raise_for_failure()
        took[workers] = time.perf_counter() - begin
        assert not synchronised(collections(jsons), source).outcomes
        synchronised(collections(jsons), devices(0, 0)).raise_for_failure()
    assert took[8] < took[1]
    print(f"303 records: {took[1]:.2f} s with 1 worker, {took[8]:.2f} s with 8")
