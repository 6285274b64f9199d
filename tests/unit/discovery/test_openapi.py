# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The collections that descriptions of APIs, and single answers, show; every endpoint that is proposed is valid."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from dsync.adapters.core.schema import FieldSchema
from dsync.adapters.rest.preset import read_preset
from dsync.discovery.answer import endpoint_of_answer
from dsync.discovery.openapi import collections_of
from dsync.exceptions import DefinitionError

DEVICE: dict[str, Any] = {
    "allOf": [
        {"$ref": "#/components/schemas/Writable"},
        {
            "properties": {
                "id": {"type": "integer", "readOnly": True},
                "created": {"type": "string", "format": "date-time"},
                "secret": {"type": "string", "writeOnly": True},
                "owner": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["id", "owner"],
        },
    ]
}
WRITABLE: dict[str, Any] = {
    "type": "object",
    "required": ["hostname", "mtu"],
    "properties": {
        "hostname": {"type": "string"},
        "mtu": {"type": ["integer", "null"]},
        "state": {"type": "string", "enum": ["on", "off"]},
        "weight": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def content(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


PAGED = {"properties": {"total": {"type": "integer"}, "data": {"type": "array", "items": DEVICE}}}
OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.example.com/v1"}],
    "paths": {
        "/devices": {
            "get": {
                "parameters": [{"name": "page", "in": "query"}, {"$ref": "#/components/parameters/size"}],
                "responses": {"200": content(PAGED)},
            },
            "post": {"requestBody": content({"$ref": "#/components/schemas/Writable"}), "responses": {}},
        },
        "/devices/{device_id}": {
            "put": {"requestBody": content({"$ref": "#/components/schemas/Writable"}), "responses": {}},
            "delete": {"responses": {}},
        },
        "/devices/{device_id}/ports": {"get": {"responses": {"200": content({"type": "array", "items": DEVICE})}}},
        "/users": {
            "get": {"responses": {"200": content({"type": "array", "items": {"properties": {"login": {"type": "string"}}}})}}
        },
        "/users/{login}/": {"patch": {"requestBody": content({"properties": {"login": {}}}), "responses": {}}},
        "/health": {"get": {"responses": {"200": content({"properties": {"ok": {"type": "boolean"}}})}}},
    },
    "components": {
        "schemas": {"Writable": WRITABLE},
        "parameters": {"size": {"name": "per_page", "in": "query"}},
    },
}


def test_a_description_shows_collections_what_can_be_done_and_what_is_known_of_fields() -> None:
    before = copy.deepcopy(OPENAPI)
    found = collections_of(OPENAPI)
    assert before == OPENAPI
    assert list(found) == ["/v1/devices", "/v1/users"]
    devices, users = found.values()
    assert devices.endpoint == {
        "list": "/v1/devices",
        "records": "data",
        "pagination": {"type": "page", "size_param": "per_page", "size": 100},
        "update": {"method": "PUT"},
    }
    assert devices.fields == {
        "hostname": FieldSchema("str", False),
        "mtu": FieldSchema("int", True),
        "state": FieldSchema("str", True, ("on", "off")),
        "weight": FieldSchema("float", True),
        "tags": FieldSchema("list[str]", True),
        "owner": FieldSchema("str", True, (), True),
        "id": FieldSchema("int", False, (), True),
        "created": FieldSchema("datetime", True, (), True),  # no request takes it
    }
    assert users.endpoint == {
        "list": "/v1/users",
        "key": "login",
        "create": False,
        "update": {"path": "/v1/users/{login}/"},
        "delete": False,
    }


def test_the_path_of_the_server_is_not_repeated_where_the_address_has_it() -> None:
    assert "/devices" in collections_of(OPENAPI, "https://proxy.example.com/v1/")


def test_swagger_is_read_as_well() -> None:
    found = collections_of(
        {
            "swagger": "2.0",
            "basePath": "/api",
            "paths": {
                "/racks/": {
                    "get": {"responses": {"200": {"schema": {"properties": {"next": {"type": "string"}, "results": LIST}}}}},
                    "post": {"parameters": [{"in": "body", "schema": {"$ref": "#/definitions/Rack"}}], "responses": {}},
                },
                "/racks/{id}/": {"patch": {"responses": {}}, "delete": {"responses": {}}},
            },
            "definitions": {"Rack": {"properties": {"name": {"type": "string", "x-nullable": True}}, "required": ["name"]}},
        }
    )
    racks = found["/api/racks/"]
    assert racks.endpoint == {"list": "/api/racks/", "records": "results", "pagination": {"type": "next"}, "key": "name"}
    assert racks.fields == {"name": FieldSchema("str", True)}


LIST = {"type": "array", "items": {"$ref": "#/definitions/Rack"}}


@pytest.mark.parametrize("path", ["/v1/devices", "/v1/users"])
def test_an_endpoint_of_a_description_is_one_that_a_preset_may_have(path: str) -> None:
    endpoint = dict(collections_of(OPENAPI)[path].endpoint)
    read_preset("p", {"models": {"thing": {"identifiers": ["name"]}}, "options": {"endpoints": {"thing": endpoint}}}, {})


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ([], 'this is not a description of OpenAPI: it has no "paths".'),
        ({"paths": {"/health": OPENAPI["paths"]["/health"]}}, "it describes no collection"),
        ({"paths": {"/loop": {"get": {"responses": {"200": content({"$ref": "#/paths/~1loop"})}}}}}, "it describes no collection"),
    ],
)
def test_what_is_no_description_of_collections_is_refused(description: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        collections_of(description)


def test_a_schema_that_refers_to_itself_ends() -> None:
    loop: dict[str, Any] = {"type": "array", "items": {"$ref": "#/components/schemas/A"}}
    schemas = {"A": {"allOf": [{"$ref": "#/components/schemas/A"}, {"properties": {"name": {"$ref": "#/components/schemas/A"}}}]}}
    found = collections_of({"paths": {"/a": {"get": {"responses": {"200": content(loop)}}}}, "components": {"schemas": schemas}})
    assert list(found["/a"].fields) == ["name"]


READ_ONLY = {"create": False, "update": False, "delete": False}


@pytest.mark.parametrize(
    ("answer", "has_link", "endpoint"),
    [
        ([{"id": 1}], False, {}),
        ([{"name": "a"}, {"name": "b"}], True, {"pagination": {"type": "link"}, "key": "name"}),
        (
            {"results": [{"id": 1}], "next": "/x?p=2", "errors": []},
            False,
            {"records": "results", "pagination": {"type": "next"}},
        ),
        ({"count": 1, "boxes": [{"uuid": "a"}], "next": None}, False, {"records": "boxes", "key": "uuid"}),
        ({"data": []}, False, {"records": "data"}),
    ],
)
def test_an_answer_shows_where_records_are_and_nothing_is_written_there(
    answer: Any, has_link: bool, endpoint: dict[str, Any]
) -> None:
    assert endpoint_of_answer("/x", answer, has_link) == {"list": "/x", **endpoint, **READ_ONLY}


@pytest.mark.parametrize("answer", [{"a": [{"x": 1}], "b": [{"x": 1}]}, {"id": 1}, "text", None, {"a": [1]}])
def test_an_answer_without_one_list_of_records_is_refused(answer: Any) -> None:
    with pytest.raises(DefinitionError, match="/x: the answer has"):
        endpoint_of_answer("/x", answer, False)
