# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""APIs that are called: JSON-RPC, keys with slashes, answers with a key alone, and changes that need a last call."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.rest import RestAdapter
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.plan.plan import Plan
from dsync.records.definition import data_model
from rest_api import Api, Reply, Request, served

GROUPS = data_model({"group": {"identifiers": ["name"], "attributes": {"note": "str | None"}}}, base=RecordModel)


def call(method: str, params: Any = None) -> dict[str, Any]:
    envelope = {"jsonrpc": "2.0", "method": f"group.{method}", "id": 1}
    return envelope if params is None else {**envelope, "params": params}


RPC = {
    "list": "/rpc",
    "request": {"body": call("get", {"output": "extend"})},
    "records": "result",
    "key": "groupid",
    "create": {"path": "/rpc", "wrap": "params", "envelope": call("create"), "returns": {"groupid": "result.groupids.0"}},
    "update": {"method": "POST", "path": "/rpc", "wrap": "params", "envelope": call("update"), "send": ["groupid"]},
    "delete": {"method": "POST", "path": "/rpc", "wrap": "params.*", "envelope": call("delete"), "send": "key"},
}


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as running:
        yield running


def wanted(*rows: dict[str, Any]) -> Any:
    made: Any = type("Wanted", (DSync,), {**GROUPS.models, "top_level": ["group"]})()
    made.add_rows("group", list(rows))
    return made


def synchronised(api: Api, place: Any, *rows: dict[str, Any]) -> Any:
    target = RestAdapter.bound(GROUPS, {"group": {"from": place}})(base_url=api.url)
    target.load()
    source = wanted(*rows)
    return target.apply(Plan.from_diff(target.diff_from(source)), source)


class Rpc:
    """Calls of JSON-RPC, all at one path."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.ids = itertools.count(10)

    def __call__(self, request: Request) -> Reply:
        assert (request.method, request.path) == ("POST", "/rpc")
        assert set(request.body) == {"jsonrpc", "method", "params", "id"}
        name, params = request.body["method"], request.body["params"]
        if name == "group.get":
            return Reply(200, {"jsonrpc": "2.0", "result": list(self.groups.values()), "id": 1})
        if name == "group.create":
            if params["name"] == "taken":
                return Reply(
                    200, {"jsonrpc": "2.0", "error": {"code": -32602, "message": "Invalid params.", "data": "taken"}, "id": 1}
                )
            params = {"groupid": str(next(self.ids)), **params}
            self.groups[params["groupid"]] = params
        elif name == "group.update":
            self.groups[params["groupid"]].update(params)
        else:
            for one in params:
                del self.groups[one]
        return Reply(200, {"jsonrpc": "2.0", "result": {"groupids": [params[0] if name == "group.delete" else params["groupid"]]}})


def test_json_rpc(api: Api) -> None:
    api.intervene = rpc = Rpc()
    for rows in ([{"name": "a", "note": "1"}, {"name": "b", "note": None}], [{"name": "a", "note": "2"}], []):
        result = synchronised(api, RPC, *rows)
        assert not result.failures, result.failures
        there = sorted(rpc.groups.values(), key=lambda one: one["name"])
        assert [{"name": one["name"], "note": one["note"]} for one in there] == rows
        assert not synchronised(api, RPC, *rows).outcomes
    assert call("delete", ["10"]) in [one.body for one in api.requests]


def test_an_error_of_json_rpc_is_a_failure(api: Api) -> None:
    api.intervene = Rpc()
    (failure,) = synchronised(api, RPC, {"name": "taken", "note": None}).failures
    assert "Invalid params." in failure.message


def test_a_key_with_slashes_stays_a_path(api: Api) -> None:
    there = [{"_ref": "group/ZG5z:a/default", "name": "a", "note": None}]
    api.collections["groups"] = there
    seen: list[str] = []

    def intervene(request: Request) -> Reply | None:
        if request.method != "PUT":
            return None
        seen.append(request.path)
        return Reply(200, {**there[0], **request.body})

    api.intervene = intervene
    place = {"list": "/groups", "key": "_ref", "update": {"method": "PUT", "path": "/wapi/{+_ref}", "send": "changed"}}
    synchronised(api, place, {"name": "a", "note": "new"}).raise_for_failure()
    assert seen == ["/wapi/group/ZG5z:a/default"]


def test_a_last_call_makes_changes_count_once(api: Api) -> None:
    place = {"list": "/groups", "finish": {"path": "/apply"}}
    api.intervene = lambda request: Reply(200, {"status": "ok"}) if request.path == "/apply" else None
    synchronised(api, place, {"name": "a", "note": "1"}, {"name": "b", "note": "1"}).raise_for_failure()
    synchronised(api, place, {"name": "a", "note": "1"}, {"name": "b", "note": "1"})
    assert [one.path for one in api.sent("POST")] == ["/groups", "/groups", "/apply"]


def test_a_last_call_that_fails_is_reported(api: Api) -> None:
    place = {"list": "/groups", "finish": {"path": "/apply"}}
    api.intervene = lambda request: Reply(200, {"result": "failed", "message": "busy"}) if request.path == "/apply" else None
    result = synchronised(api, place, {"name": "a", "note": "1"})
    assert "POST /apply: the changes were made, but are not in effect yet: busy" in str(result.complete_error)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"create": {"envelope": {"id": 1}}}, 'from.create.envelope: it is a sibling of what is wrapped; add "wrap".'),
        ({"finish": {}}, 'from.finish: it has no "path"; add it.'),
        ({"finish": {"path": "/a/{id}"}}, "from.finish.path: no field of a record can be in this path."),
        (
            {"request": {"metod": "POST"}},
            'from.request: there is no key "metod" here (did you mean "method"? known: method, body).',
        ),
    ],
)
def test_a_wrong_description_is_named(place: dict[str, Any], said: str, api: Api) -> None:
    adapter = RestAdapter.bound(GROUPS, {"group": {"from": {"list": "/groups", **place}}})(base_url=api.url)
    with pytest.raises(DefinitionError) as caught:
        adapter.load()
    assert str(caught.value) == f"mapping.group.{said}"


def test_a_status_means_that_there_are_no_records(api: Api) -> None:
    api.intervene = lambda request: Reply(404, {"message": "none"}) if request.path == "/groups" else None
    for pagination in ("none", "page", "offset", "link"):
        place = {"list": "/groups", "empty": [404], "pagination": pagination, "create": False}
        assert not synchronised(api, place).outcomes
    with pytest.raises(RecordProblem, match="GET /groups: the server answers 404: none"):
        synchronised(api, {"list": "/groups", "empty": [410]})
