# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``nautobot`` reads by GraphQL where that is sure to have the values of REST, and by REST otherwise, and says why."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.records.definition import data_model
from estate_server import NautobotEstate
from rest_api import Reply, Request, served

TOKEN = "0" * 34 + "123456"
DECLARED: dict[str, Any] = {
    "location": {"identifiers": ["name"], "attributes": {"asn": "int | None", "floors": "int | None", "status": "str"}},
    "prefix": {"identifiers": {"prefix": "ip_network"}, "attributes": {"type": "str", "location_names": "list[str]"}},
}
MAPPING = {"location": {"fields": {"floors": "cf.floors"}}, "prefix": {"fields": {"location_names": "locations"}}}
_QUERY = re.compile(r"o:(\w+)(?:\((?:limit:(\d+)|id:\$ids)\))?\{")


class GraphQLEstate(NautobotEstate):
    """A Nautobot that also answers the queries of GraphQL which read objects, as its superuser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.between: Callable[[str], None] = lambda query: None
        """Called after each such query."""
        self.altered: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row
        """Changes the rows of an answer."""
        self.queries: list[str] = []
        self.add("users/tokens", display=f"{TOKEN[-6:]} (admin)")
        self.user = self.add("users/users", username="admin", is_superuser=True)

    def answer(self, request: Request) -> Reply:
        if request.path != "/api/graphql/":
            return super().answer(request)
        query = request.body["query"]
        if "__schema{queryType" in query:
            roots = [_root(kind.endpoint) for kind in self.kinds]
            fields = [{"name": one, "type": {"kind": "LIST", "ofType": {"kind": "OBJECT", "name": one}}} for one in roots]
            return Reply(200, {"data": {"__schema": {"queryType": {"fields": fields}}}})
        if "__type" in query:
            return Reply(
                200, {"data": {"__type": {"fields": self._described_fields(query.partition('name:"')[2].partition('"')[0])}}}
            )
        self.queries.append(query)
        root, limit = _QUERY.search(query).groups()  # type: ignore[union-attr]  # every query has both
        endpoint = next(kind.endpoint for kind in self.kinds if _root(kind.endpoint) == root)
        rows = [self.altered(self._row(endpoint, one)) for one in self.table(endpoint).values()]
        ids = (request.body.get("variables") or {}).get("ids")
        rows = [row for row in rows if ids is None or row["id"] in ids][: int(limit or len(rows))]
        self.between(query)
        return Reply(200, {"data": {"o": rows}})

    def _described_fields(self, root: str) -> list[dict[str, Any]]:
        kind = next(kind for kind in self.kinds if _root(kind.endpoint) == root)
        names = {*kind.identifiers, *kind.attributes, "id", "_custom_field_data"} - {"custom_fields"}
        forms = {name: "OBJECT" if name in kind.refs else "ENUM" if name == "type" else "SCALAR" for name in names}
        return [{"name": name, "type": {"kind": form, "name": name}} for name, form in forms.items()]

    def _row(self, endpoint: str, native: dict[str, Any]) -> dict[str, Any]:
        told = self.shown(endpoint, native)
        row = {**told, "_custom_field_data": {name: one for name, one in told.get("custom_fields", {}).items() if one is not None}}
        return {**row, "type": row["type"].upper()} if row.get("type") else row


def _root(endpoint: str) -> str:
    return endpoint.rpartition("/")[2].replace("-", "_")


@pytest.fixture
def estate() -> Iterator[GraphQLEstate]:
    """A Nautobot with 45 locations, one in ten with a number, and 30 prefixes of three types."""
    made = GraphQLEstate()
    status = made.add("extras/statuses", name="Active")
    for number in range(45):
        fields = {"asn": None if number % 10 else number, "custom_fields": {"floors": number % 3 or None, "note": None}}
        made.add("dcim/locations", name=f"l{number}", status=status, **fields)
    places = list(made.table("dcim/locations"))
    space = next(iter(made.table("ipam/namespaces")), None)
    for number in range(30):
        types = ("network", "container", "pool")
        prefix = made.add("ipam/prefixes", prefix=f"10.{number}.0.0/16", namespace=space, type=types[number // 14])
        if number % 2:
            made.add("ipam/prefix-location-assignments", prefix=prefix, location=places[number])
    with served(made.api):
        yield made


def loaded(estate: GraphQLEstate, **options: Any) -> NautobotAdapter:
    made: NautobotAdapter = NautobotAdapter.bound(data_model(DECLARED, base=RecordModel), MAPPING)(
        url=estate.api.url, token=TOKEN, tries=1, **options
    )
    made.load()
    return made


@pytest.mark.parametrize("page_size", [1000, 7])
def test_what_graphql_reports_is_what_rest_does(
    estate: GraphQLEstate, caplog: pytest.LogCaptureFixture, tmp_path: Any, page_size: int
) -> None:
    by_rest = loaded(estate, cache=str(tmp_path / "cache.json"))
    assert estate.queries == []
    with caplog.at_level(logging.INFO, "dsync"):
        found = loaded(estate, page_size=page_size)
    assert found.dict() == by_rest.dict()
    assert "by REST" not in caplog.text
    assert len(estate.asked("GET", "dcim/locations")) == 2, "one page for the cache, and the first objects"
    assert len(estate.queries) == (2 if page_size == 1000 else 2 * 2 + 7 + 5)


def test_objects_that_come_and_go_between_queries_are_neither_skipped_nor_doubled(estate: GraphQLEstate) -> None:
    table = estate.table("dcim/locations")
    last = list(table)[-1]

    def change(query: str) -> None:
        if "o:locations{id}" in query:
            del table[last]
            estate.add("dcim/locations", name="new", status=table[next(iter(table))]["status"])

    estate.between = change
    found = [one.name for one in loaded(estate, page_size=7).get_all("location")]
    assert sorted(found) == sorted(f"l{number}" for number in range(44))


def less(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "asn": None}


REASONS: list[tuple[str, Callable[[GraphQLEstate], Any], dict[str, Any]]] = [
    ("GraphQL shows to what objects refer only", lambda estate: estate.change("users/users", estate.user, is_superuser=False), {}),
    ("GraphQL shows to what objects refer only", lambda estate: estate.table("users/tokens").clear(), {}),
    ("objects are chosen by filters", lambda estate: None, {"filters": {"location": {"name": [f"l{one}" for one in range(45)]}}}),
    ('"asn" of ', lambda estate: setattr(estate, "altered", less), {}),
    ("these are other objects", lambda estate: setattr(estate, "altered", lambda row: {**row, "id": f"x{row['id']}"}), {}),
    ('GraphQL has no "asn"', lambda estate: setattr(estate, "_described_fields", lambda _root: []), {}),
    ("the server answers 404", lambda estate: setattr(estate, "answer", without_graphql(estate)), {}),
]


def without_graphql(estate: GraphQLEstate) -> Callable[[Request], Reply]:
    answer = estate.answer
    estate.api.intervene = lambda request: Reply(404, {}) if request.path == "/api/graphql/" else answer(request)
    return answer


@pytest.mark.parametrize(("reason", "prepare", "options"), REASONS)
def test_rest_is_read_where_graphql_may_have_other_values(
    estate: GraphQLEstate,
    caplog: pytest.LogCaptureFixture,
    reason: str,
    prepare: Callable[[GraphQLEstate], Any],
    options: dict[str, Any],
) -> None:
    prepare(estate)
    with caplog.at_level(logging.INFO, "dsync"):
        found = loaded(estate, **options)
    assert "location objects are read by REST, not by GraphQL: " in caplog.text
    assert reason in found.result_records()["read_by_rest"]["location"]
    assert [found.get("location", f"l{number}").asn for number in (0, 5, 40)] == [0, None, 40]
    assert found.get("prefix", "10.1.0.0/16").location_names == ["l1"]
