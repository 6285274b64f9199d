# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of records that have requests of their own, collections that are a dictionary of values, and lookups of lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.rest import RestAdapter
from dsync.exceptions import DefinitionError
from dsync.plan.plan import Plan
from dsync.plan.result import Result
from dsync.records.definition import data_model
from rest_api import Api, Reply, Request, served

TEAMS = data_model(
    {
        "person": {"identifiers": ["login"]},
        "team": {
            "identifiers": ["name"],
            "attributes": {
                "motto": "str | None",
                "members": {"type": "list[str]", "ref": "person", "compare": "unordered"},
                "guests": {"type": "list[str]", "compare": "unordered"},
                "avatar": "dict[str, any] | None",
            },
        },
    },
    base=RecordModel,
)
PLACES: dict[str, Any] = {
    "person": "/people",
    "team": {
        "list": "/teams",
        "parts": {
            "members": {
                "from": "summary.members",
                "item": "id",
                "add": {"path": "/teams/{id}/members", "wrap": "id"},
                "remove": {"path": "/teams/{id}/members", "method": "POST", "wrap": "id", "envelope": {"disassociate": True}},
            },
            "guests": {
                "get": "/teams/{id}/guests",
                "records": "results",
                "item": "login",
                "add": {"path": "/teams/{id}/guests/{item}", "method": "PUT"},
                "remove": "/teams/{id}/guests/{item}",
            },
            "avatar": {
                "get": "/teams/{id}/avatar",
                "only_if": "has_avatar",
                "set": "/teams/{id}/avatar",
                "clear": "/teams/{id}/avatar",
            },
        },
    },
}
FIELDS = {"team": {"fields": {"members": {"from": "members", "lookup": {"from": "person", "key": "id", "value": "login"}}}}}


class Club:
    """Teams whose members, guests and avatars have requests of their own. Somebody is never a member and a guest at a time."""

    def __init__(self) -> None:
        self.people = [{"id": 1, "login": "ann"}, {"id": 2, "login": "bob"}, {"id": 3, "login": "eve"}]
        self.teams: dict[int, dict[str, Any]] = {}
        self.ids = itertools.count(10)
        self.refused = ""

    def named(self, name: str) -> dict[str, Any]:
        (found,) = (team for team in self.teams.values() if team["name"] == name)
        return found

    def shown(self, team: dict[str, Any]) -> dict[str, Any]:
        there = {name: value for name, value in team.items() if name in ("id", "name", "motto")}
        return {**there, "has_avatar": bool(team["avatar"]), "summary": {"members": [{"id": one} for one in team["members"]]}}

    def __call__(self, request: Request) -> Reply:
        _root, kind, *rest = request.path.split("/")
        if kind == "people":
            return Reply(200, self.people)
        if not rest:
            if request.method == "GET":
                return Reply(200, [self.shown(team) for team in self.teams.values()])
            assert set(request.body) <= {"name", "motto"}
            team = {"id": next(self.ids), "members": [], "guests": [], "avatar": None, "motto": None, **request.body}
            return Reply(201, self.shown(self.teams.setdefault(team["id"], team)))
        team = self.teams[int(rest[0])]
        if len(rest) == 1:
            assert request.method == "PATCH"
            assert request.body, "a request without changes"
            team.update(request.body)
            return Reply(200, self.shown(team))
        if rest[1] == self.refused:
            return Reply(400, {"detail": "not allowed"})
        return getattr(self, f"_{rest[1]}")(team, request, rest)

    def _members(self, team: dict[str, Any], request: Request, rest: list[str]) -> Reply:
        assert request.method == "POST"
        key = request.body["id"]
        if request.body.get("disassociate"):
            team["members"].remove(key)
        elif any(one["login"] in team["guests"] for one in self.people if one["id"] == key):
            return Reply(400, {"detail": "is a guest"})
        else:
            team["members"].append(key)
        return Reply(204)

    def _guests(self, team: dict[str, Any], request: Request, rest: list[str]) -> Reply:
        if request.method == "GET":
            return Reply(200, {"results": [{"login": login} for login in team["guests"]]})
        assert request.body is None
        if request.method == "DELETE":
            team["guests"].remove(rest[2])
        elif any(one["id"] in team["members"] for one in self.people if one["login"] == rest[2]):
            return Reply(400, {"detail": "is a member"})
        else:
            team["guests"].append(rest[2])
        return Reply(204)

    def _avatar(self, team: dict[str, Any], request: Request, rest: list[str]) -> Reply:
        if request.method == "GET":
            return Reply(200, team["avatar"])
        team["avatar"] = request.body if request.method == "POST" else None
        return Reply(200)


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as running:
        yield running


@pytest.fixture
def club(api: Api) -> Club:
    made = Club()
    api.intervene = made
    return made


def target_of(api: Api, places: dict[str, Any] | None = None) -> Any:
    target = RestAdapter.bound(TEAMS, FIELDS)(base_url=api.url, endpoints=PLACES if places is None else places)
    target.load()
    return target


def synchronised(api: Api, *teams: dict[str, Any]) -> Result:
    target = target_of(api)
    source: Any = type("Wanted", (DSync,), {**TEAMS.models, "top_level": ["person", "team"]})()
    source.add_rows("person", [{"login": login} for login in ("ann", "bob", "eve")])
    nothing = {"motto": None, "members": [], "guests": [], "avatar": None}
    source.add_rows("team", [{**nothing, **team} for team in teams])
    result: Result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    if not result.failures:
        assert target.altered_values() == ""
        assert not target_of(api).diff_from(source).has_diffs()
    return result


def test_parts_are_written_by_requests_of_their_own(api: Api, club: Club) -> None:
    blue = {"name": "blue", "members": ["ann", "bob"], "guests": ["eve"], "avatar": {"colour": "blue"}}
    synchronised(api, blue, {"name": "red"})
    made = club.named("blue")
    assert (made["members"], made["guests"], made["avatar"]) == ([1, 2], ["eve"], {"colour": "blue"})

    api.requests.clear()
    assert synchronised(api, {**blue, "members": ["eve", "bob"], "guests": ["ann"]}, {"name": "red"}).changed
    assert (made["members"], made["guests"]) == ([2, 3], ["ann"]), "what goes has to go before something else takes its place"
    assert not api.sent("PATCH"), "nothing of the record itself was changed"

    synchronised(api, {"name": "blue", "motto": "up"}, {"name": "red"})
    assert (made["motto"], made["members"], made["guests"], made["avatar"]) == ("up", [], [], None)


def test_a_part_is_asked_for_only_if_the_record_has_it(api: Api, club: Club) -> None:
    synchronised(api, {"name": "blue", "avatar": {"colour": "blue"}}, {"name": "red"})
    api.requests.clear()
    target_of(api)
    asked = [request.path for request in api.requests if "avatar" in request.path]
    assert asked == [f"/teams/{club.named('blue')['id']}/avatar"]


def test_a_refused_part_of_a_new_record_is_a_failure_that_the_next_run_repairs(api: Api, club: Club) -> None:
    club.refused = "guests"
    (failure,) = synchronised(api, {"name": "blue", "members": ["ann"], "guests": ["bob"]}).failures
    assert "not allowed" in failure.message
    assert "what belongs to the record was changed in part only" in failure.message
    assert failure.maybe
    club.refused = ""
    synchronised(api, {"name": "blue", "members": ["ann"], "guests": ["bob"]})


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({}, 'endpoints.team.parts.x: it needs either "get", where it is asked for, or "from", where the record has it.'),
        ({"get": "/x", "from": "x"}, 'endpoints.team.parts.x: it needs either "get"'),
        ({"from": "x", "only_if": "y"}, 'endpoints.team.parts.x: "records" and "only_if" are keys next to "get"; move them there.'),
        ({"from": "x", "add": "/x", "clear": "/x"}, 'endpoints.team.parts.x: "add" and "remove" are for a list of items'),
        ({"from": "x", "add": {"method": "POST"}}, 'endpoints.team.parts.x.add: it has no "path"; add it.'),
        ({"from": "x", "add": {"path": "/x", "method": "SEND"}}, "endpoints.team.parts.x.add.method: "),
        (
            {"from": "x", "add": {"path": "/x", "envelope": {"a": 1}}},
            "endpoints.team.parts.x.add.envelope: it is a sibling of what is",
        ),
        ({"from": "x", "ad": "/x"}, 'endpoints.team.parts.x: there is no key "ad" here (did you mean "add"?'),
    ],
)
def test_a_wrong_part_is_named(part: dict[str, Any], said: str, api: Api) -> None:
    with pytest.raises(DefinitionError) as caught:
        target_of(api, {**PLACES, "team": {"list": "/teams", "parts": {"x": part}}})
    assert said in str(caught.value)


def test_parts_and_bulk_exclude_each_other(api: Api) -> None:
    team = {**PLACES["team"], "create": {"bulk": True}}
    with pytest.raises(DefinitionError, match=r"parts: these records are sent one by one, and create has bulk: true\."):
        target_of(api, {**PLACES, "team": team})


SETTINGS = data_model(
    {"setting": {"identifiers": ["name"], "attributes": {"value": "any"}, "flags": ["skip_unmatched_dst"]}}, base=RecordModel
)


def test_a_dictionary_of_values_is_a_collection_of_pairs(api: Api) -> None:
    values: dict[str, Any] = {"JOBS": 10, "HEADERS": ["A"], "OTHER": None}

    def answer(request: Request) -> Reply:
        if request.method == "PATCH":
            values.update(request.body)
        return Reply(200, {"all": values})

    api.intervene = answer
    place = {"list": "/settings", "records": "all", "pairs": {"key": "name", "value": "value"}, "update": "/settings"}
    target = RestAdapter.bound(SETTINGS, {"setting": {"from": place}})(base_url=api.url)
    target.load()
    source: Any = type("Wanted", (DSync,), {**SETTINGS.models, "top_level": ["setting"]})()
    source.add_rows("setting", [{"name": "JOBS", "value": 20}, {"name": "HEADERS", "value": ["A", "B"]}])
    assert not target.apply(Plan.from_diff(target.diff_from(source)), source).failures
    assert values == {"JOBS": 20, "HEADERS": ["A", "B"], "OTHER": None}
    assert [request.body for request in api.sent("PATCH")] == [{"JOBS": 20}, {"HEADERS": ["A", "B"]}]


NODES = data_model(
    {
        "node": {
            "identifiers": ["flow", "name"],
            "attributes": {"next": {"type": "list[str]", "ref": "node", "compare": "unordered"}, "owner": "str | None"},
        }
    },
    base=RecordModel,
)


def test_a_lookup_translates_each_item_and_can_compute_its_values(api: Api) -> None:
    api.collections["nodes"] = [
        {"id": 11, "flow": "a_", "name": "x", "next_ids": [12], "owner_id": 5},
        {"id": 12, "flow": "a_", "name": "y", "next_ids": [], "owner_id": 0},
    ]
    mapped = {
        "node": {
            "from": "/nodes",
            "fields": {
                "next": {"from": "next_ids", "lookup": "nodes"},
                "owner": {"expr": "owner_id or none", "lookup": {5: "ann", 6: "bob"}, "write": "owner_id"},
            },
        }
    }
    lookups = {"nodes": {"from": "/nodes", "key": "id", "value": {"expr": "[flow, name] | unique_id"}}}
    target = RestAdapter.bound(NODES, mapped, lookups)(base_url=api.url)
    target.load()
    x = target.get("node", {"flow": "a_", "name": "x"})
    assert (x.next, x.owner) == (["a\\___y"], "ann")
    source: Any = type("Wanted", (DSync,), {**NODES.models, "top_level": ["node"]})()
    source.add_rows(
        "node",
        [
            {"flow": "a_", "name": "x", "next": [], "owner": "bob"},
            {"flow": "a_", "name": "y", "next": ["a\\___z"], "owner": None},
            {"flow": "a_", "name": "z", "next": ["a\\___x"], "owner": "ann"},
        ],
    )
    assert not target.apply(Plan.from_diff(target.diff_from(source)), source).failures
    found = {record["name"]: record for record in api.collections["nodes"]}
    assert (found["x"]["next_ids"], found["x"]["owner_id"]) == ([], 6)
    assert (found["y"]["next_ids"], found["y"]["owner_id"]) == ([found["z"]["id"]], 0)
    assert (found["z"]["next_ids"], found["z"]["owner_id"]) == ([11], 5)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"exp": "name"}, 'lookups.nodes.value: there is no key "exp" here (did you mean "expr"?'),
        ({"expr": "name |"}, 'lookups.nodes.value.expr: "name |" is not a valid expression'),
    ],
)
def test_a_wrong_value_of_a_lookup_is_named(value: dict[str, Any], said: str) -> None:
    lookups = {"nodes": {"from": "/nodes", "key": "id", "value": value}}
    with pytest.raises(DefinitionError) as caught:
        RestAdapter.bound(NODES, {}, lookups)
    assert said in str(caught.value)
