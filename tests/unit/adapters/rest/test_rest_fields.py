# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that an endpoint describes when it is asked with OPTIONS: when it is asked, what is refused, and what is not written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.core.schema import FieldSchema
from dsync.adapters.rest import RestAdapter
from dsync.adapters.rest import fields as rest_fields
from dsync.exceptions import DefinitionError
from dsync.guard.preparation import prepare
from dsync.records.declaration_reader import Declared
from dsync.records.definition import data_model
from dsync.storage import plan_file
from rest_api import Api, Reply, Request, served

DEVICES = data_model(
    {"device": {"identifiers": ["name"], "attributes": {"role": "str | None", "uptime": "int"}}},
    base=RecordModel,
)
ROW = {"id": 1, "name": "r1", "role": "core", "uptime": 5}
ABOUT: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "read_only": True},
    "name": {"type": "string", "required": True, "read_only": False},
    "role": {"type": "string", "read_only": False},
    "uptime": {"type": "integer", "read_only": True},
    "serial": {"type": "string", "read_only": False},
}


def described(action: str = "POST", **more: Any) -> Callable[[Request], Reply | None]:
    """Return what answers OPTIONS as Django REST framework does, and takes no value for what is read-only."""
    about = {**ABOUT, **more}

    def answer(request: Request) -> Reply | None:
        if request.method == "OPTIONS":
            return Reply(200, {"name": "Devices", "actions": {action: about}})
        for name in [name for name, one in about.items() if one["read_only"] and isinstance(request.body, dict)]:
            request.body.pop(name, None)
        if request.method == "POST":
            request.body["uptime"] = 0
        return None

    return answer


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api({"devices": [dict(ROW)]}, intervene=described())) as running:
        yield running


def adapter(api: Api, mapping: Any = None, models: Any = DEVICES, **options: Any) -> Any:
    return RestAdapter.bound(models, {"device": {"from": "/devices", **(mapping or {})}})(base_url=api.url, **options)


def loaded(api: Api, mapping: Any = None, **options: Any) -> Any:
    made = adapter(api, mapping, **options)
    made.load()
    return made


def source(*rows: tuple[str, str | None, int]) -> Any:
    made: Any = type("Source", (DSync,), {**DEVICES.models, "top_level": ["device"]})()
    made.add_rows("device", [dict(zip(("name", "role", "uptime"), row)) for row in rows])
    return made


def asked(api: Api) -> int:
    return len(api.sent("OPTIONS"))


# ---------------------------------------------------------------------- read-only fields


@pytest.mark.parametrize("action", ["POST", "PUT"])
def test_a_field_that_takes_no_value_is_compared_and_not_written(action: str, api: Api) -> None:
    api.intervene = described(action)
    target, wanted = loaded(api), source(("r1", "edge", 9))
    (element,) = target.diff_from(wanted).walk()
    assert (element.get_attrs_diffs()["+"], set(element.read_only)) == ({"role": "edge", "uptime": 9}, {"uptime"})
    target.sync_from(wanted)
    assert [request.body for request in api.sent("PATCH")] == [{"role": "edge"}]
    assert asked(api) == 1


def test_a_difference_in_such_fields_alone_is_protected(api: Api) -> None:
    target = loaded(api)
    diff = target.diff_from(source(("r1", "core", 9)))
    (element,) = diff.walk()
    assert element.protected == f"protected: uptime is read-only in {api.url}"
    assert diff.may_be_protected
    target.sync_from(source(("r1", "core", 9)))
    assert not api.sent("PATCH")


def test_a_new_object_gets_the_value_of_the_server(api: Api) -> None:
    target = loaded(api)
    target.sync_from(source(("r1", "core", 5), ("r2", "edge", 9)))
    (request,) = api.sent("POST")
    assert request.body == {"name": "r2", "role": "edge", "uptime": 0}
    assert target.get("device", "r2").uptime == 0
    assert not loaded(api).diff_from(source(("r1", "core", 5), ("r2", "edge", 0))).has_diffs()


def test_a_stored_plan_is_applied_to_the_models_as_they_were_declared(api: Api, tmp_path: Path) -> None:
    target, wanted = loaded(api), source(("r1", "edge", 9), ("r2", None, 7))
    path = tmp_path / "plan"
    plan_file.save(Plan.from_diff(target.diff_from(wanted)), path, source=wanted, target=target)
    later = loaded(api)
    before = later.models()
    later.apply(prepare(plan_file.load(path), wanted, later), wanted).raise_for_failure()
    assert [(row["name"], row["role"], row["uptime"]) for row in api.collections["devices"]] == [("r1", "edge", 5), ("r2", None, 0)]
    assert later.models() == before
    assert all("uptime" not in request.body for request in api.sent("PATCH"))


def test_objects_are_made_changed_moved_and_deleted_in_one_run(api: Api) -> None:
    attributes = {"role": "str | None", "uptime": "int"}
    models = data_model(
        {
            "site": {"identifiers": ["name"], "children": ["device"]},
            "device": {"identifiers": ["name"], "attributes": attributes, "match": ["role"]},
        },
        base=RecordModel,
    )
    api.collections["sites"] = [{"id": 1, "name": "nyc"}, {"id": 2, "name": "ams"}]
    api.collections["devices"] = [{**ROW, "id": n, "name": f"r{n}", "role": f"role {n}", "site": "nyc"} for n in range(1, 5)]
    api.intervene = described(site={"type": "string", "read_only": False})
    target = RestAdapter.bound(models, {"site": {"from": "/sites"}, "device": {"from": "/devices", "parent": "site"}})(
        base_url=api.url
    )
    target.load()
    wanted: Any = type("Source", (DSync,), {**models.models, "top_level": ["site"]})()
    wanted.add_rows("site", [{"name": "nyc"}, {"name": "ams"}])
    rows = [("r1", "role 1", "ams"), ("r2", "other", "nyc"), ("new", "role 3", "nyc"), ("r5", "role 5", "ams")]
    wanted.add_rows(
        "device",
        [{"name": name, "role": role, "uptime": 9, "site": site} for name, role, site in rows],
        parent="site",
        parent_ids={"name": "site"},
    )
    target.sync_from(wanted)
    assert sorted((row["name"], row["role"], row["site"]) for row in api.collections["devices"]) == sorted(rows)
    assert {row["uptime"] for row in api.collections["devices"]} == {0, 5}
    again = type(target)(base_url=api.url)
    again.load()
    for one in (target, again):
        assert all(element.protected for element in one.diff_from(wanted).walk() if element.action)


def test_a_write_of_its_own_is_sent_whatever_the_endpoint_describes(api: Api) -> None:
    target = loaded(api, {"fields": {"uptime": {"from": "uptime", "write": {"uptime": "uptime"}}}})
    (element,) = target.diff_from(source(("r1", "core", 9))).walk()
    assert not element.protected
    assert not element.read_only


# ---------------------------------------------------------------------- names


MISTYPED: list[tuple[Any, str, list[Any]]] = [
    ({"role": "rolle"}, '/devices has no field "rolle" (did you mean "role"?', []),
    ({"role": "rolle"}, 'no device has a field "rolle", and there is "role"', [ROW]),
    ({"role": "purpose"}, '/devices has no field "purpose" (known: id, name, role', []),
    ({"role": "purpose"}, '/devices has no field "purpose" (known: id, name, role', [ROW]),
    ({"role": {"expr": "role", "write": {"purpose": "role"}}}, '/devices has no field "purpose"', [ROW]),
]


@pytest.mark.parametrize(("fields", "said", "records"), MISTYPED)
def test_a_field_that_neither_records_nor_the_endpoint_have_is_refused(
    fields: Any, said: str, records: list[Any], api: Api
) -> None:
    api.collections["devices"] = records
    with pytest.raises(DefinitionError) as caught:
        loaded(api, {"fields": fields})
    assert str(caught.value).startswith("mapping.device.fields.role")
    assert said in str(caught.value)


def test_a_field_that_was_missing_is_looked_for_again_by_the_next_load(api: Api) -> None:
    api.collections["devices"] = []
    target = adapter(api, {"fields": {"role": "purpose"}})
    with pytest.raises(DefinitionError, match='no field "purpose"'):
        target.load()
    api.collections["devices"] = [{**ROW, "purpose": "core"}]
    target.load()
    assert target.get("device", "r1").role == "core"


def test_an_attribute_whose_name_is_nearly_that_of_a_field_is_refused_on_an_empty_list(api: Api) -> None:
    api.collections["devices"] = []
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"serials": "str | None"}}}, base=RecordModel)
    with pytest.raises(DefinitionError, match='no device has a field "serials", and there is "serial"'):
        adapter(api, models=models).load()


def test_what_records_parts_and_the_mapping_itself_name_exists(api: Api) -> None:
    place = {"list": "/devices", "key": "uuid", "parts": {"tags": {"get": "/devices/{uuid}/tags"}}}
    models = data_model(
        {"device": {"identifiers": ["name"], "attributes": {"rank": "int | None", "tags": "any"}}}, base=RecordModel
    )
    mapping = {"from": place, "where": {"kind": "router"}, "fields": {"rank": "level.rank", "tags": "tags"}}
    api.collections["devices"] = []
    with pytest.raises(DefinitionError, match=r'no field "level\.rank"'):
        adapter(api, mapping, models).load()
    api.collections = {"devices": [{"uuid": "a", "name": "r1", "kind": "router", "level": {"rank": 1}}], "devices/a/tags": []}
    made = adapter(api, mapping, models)
    made.load()
    assert made.count("device") == 1


def test_a_discovery_knows_what_an_endpoint_describes(api: Api) -> None:
    role = {"type": "choice", "read_only": False, "choices": [{"value": name, "display_name": name} for name in ("core", "edge")]}
    api.intervene = described(role=role)
    records, schema = adapter(api).discover(Declared("/devices", "from"))
    assert (records, list(schema.fields)) == ([ROW], ["id", "name", "role", "uptime"])
    assert schema.fields["role"] == FieldSchema(choices=("core", "edge"))
    assert schema.fields["uptime"].read_only
    api.collections["devices"] = []
    _none, empty = adapter(api).discover(Declared({"list": "/devices", "create": False, "update": False}, "from"))
    assert {name: one.type for name, one in empty.fields.items()} == {
        "id": "int",
        "name": "str",
        "role": "str",
        "uptime": "int",
        "serial": "str",
    }


# ---------------------------------------------------------------------- what is asked, and what an answer may be


def test_no_request_is_sent_where_nothing_depends_on_it(api: Api) -> None:
    target = loaded(api)
    assert not target.diff_from(source(("r1", "core", 5))).has_diffs()
    target.sync_from(source())
    assert [request.method for request in api.requests] == ["GET", "DELETE"]


def test_an_endpoint_is_asked_once(api: Api) -> None:
    api.collections["devices"] = []
    target = loaded(api)
    for _time in range(2):
        target.load()
        target.diff_from(source(("r1", "edge", 9)))
    assert asked(api) == 1


@pytest.mark.parametrize(
    ("place", "options"),
    [
        ("/devices", {"introspect": False}),
        ({"list": "/devices", "request": {"method": "GET", "body": {"all": True}}}, {}),
        ({"list": "/devices", "create": "/devices/add"}, {}),
        ({"list": "/devices", "create": {"wrap": "device"}}, {}),
        ({"list": "/devices", "create": False}, {}),
    ],
)
def test_endpoints_that_are_not_asked(place: Any, options: Any, api: Api) -> None:
    target = loaded(api, {"from": place}, **options)
    target.diff_from(source(("r1", "edge", 9)))
    assert asked(api) == 0


def test_endpoints_that_ask_a_parent_are_not_asked(api: Api) -> None:
    models = data_model(
        {"site": {"identifiers": ["name"], "children": ["rack"]}, "rack": {"identifiers": ["name"], "attributes": {"size": "int"}}},
        base=RecordModel,
    )
    api.collections = {"sites": [{"id": 1, "name": "nyc"}], "sites/1/racks": []}
    mapping = {"site": {"from": "/sites"}, "rack": {"from": "/sites/{parent.id}/racks", "fields": {"size": "units"}}}
    RestAdapter.bound(models, mapping)(base_url=api.url).load()
    assert asked(api) == 0


ANSWERS = [
    *(Reply(status, {"detail": "no"}) for status in (301, 401, 403, 404, 405, 429, 500, 501, 503)),
    Reply(204),
    Reply(200, b"<html>OPTIONS</html>", {"Content-Type": "text/html"}),
    *(Reply(200, body) for body in ([], "text", {"methods": ["GET"]}, {"actions": ["POST"]}, {"actions": {"POST": ["role"]}})),
    *(Reply(200, body) for body in ({"actions": {"POST": {"role": "string"}}}, {"actions": {"POST": None, "PUT": {}}})),
    Reply(0),
]


@pytest.mark.parametrize("reply", ANSWERS, ids=lambda reply: f"{reply.status}-{str(reply.body)[:20]}")
def test_an_endpoint_that_describes_nothing_is_read_and_written_as_before(reply: Reply, api: Api) -> None:
    api.collections["devices"] = []
    api.intervene = lambda request: reply if request.method == "OPTIONS" else None
    target = loaded(api, {"fields": {"role": "rolle"}}, tries=3)
    target.sync_from(source(("r1", "edge", 9)))
    assert [request.body for request in api.sent("POST")] == [{"name": "r1", "rolle": "edge", "uptime": 9}] * len(api.sent("POST"))
    assert len(api.sent("POST")) == 1
    assert asked(api) == 1


def test_a_server_that_is_silent_is_waited_for_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_fields, "_WITHIN", 0.1)
    models = data_model({name: {"identifiers": ["name"]} for name in ("device", "rack", "cable")}, base=RecordModel)

    def silent(request: Request) -> Reply | None:
        if request.method == "OPTIONS":
            time.sleep(0.3)
        return None

    api.intervene, api.collections = silent, {}
    mapping = {name: {"from": f"/{name}s", "fields": {"name": "label"}} for name in models.models}
    RestAdapter.bound(models, mapping)(base_url=api.url, tries=3).load()
    assert asked(api) == 1


def test_a_server_that_hangs_up_after_its_refusal_gets_the_change_all_the_same(api: Api) -> None:
    api.hangs_up, api.intervene = True, lambda request: Reply(405) if request.method == "OPTIONS" else None
    loaded(api).sync_from(source(("r1", "edge", 9)))
    assert api.collections["devices"][0]["role"] == "edge"


def test_nobody_logs_in_again_for_it(api: Api) -> None:
    def refusing(request: Request) -> Reply | None:
        if request.path == "/login":
            return Reply(200, {"token": "t0ken"})
        return Reply(401) if request.method == "OPTIONS" else None

    api.collections["devices"], api.intervene = [], refusing
    login = {"path": "/login", "token": "token"}
    loaded(api, {"fields": {"role": "rolle"}}, login=login, username="bob", password="s3cret").close()
    assert [request.path for request in api.requests] == ["/login", "/devices", "/devices"]
    assert api.sent("OPTIONS")[0].headers["Authorization"] == "Bearer t0ken"
