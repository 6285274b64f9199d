# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the adapter rest makes of answers to changes: jobs, errors with a status of success, ETags, records in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.rest import RestAdapter
from dsync.plan.result import Result
from dsync.records.definition import data_model
from rest_api import Api, Reply, Request, served

CONTINUE = DSyncFlags.CONTINUE_ON_FAILURE
DEVICES = data_model({"device": {"identifiers": ["name"], "attributes": {"role": "str | None"}}}, base=RecordModel)
SITES = data_model(
    {"site": {"identifiers": ["name"], "attributes": {}, "children": ["device"]}, "device": {"identifiers": ["name"]}},
    base=RecordModel,
)


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as running:
        yield running


def loaded(api: Api, place: Any = "/devices", **options: Any) -> Any:
    target = RestAdapter.bound(DEVICES, {"device": {"from": place}})(base_url=api.url, introspect=False, **options)
    target.load()
    return target


def source(**roles: str | None) -> Any:
    made: Any = type("Source", (DSync,), {**DEVICES.models, "top_level": ["device"]})()
    made.add_rows("device", [{"name": name, "role": role} for name, role in roles.items()])
    return made


def synchronised(target: Any, wanted: Any, flags: DSyncFlags = DSyncFlags.NONE) -> Result:
    result: Result = target.apply(Plan.from_diff(target.diff_from(wanted)), wanted, flags)
    return result


def messages(result: Result) -> list[str]:
    return [outcome.message for outcome in result.outcomes]


# ---------------------------------------------------------------------- jobs


def with_jobs(api: Api, states: list[Any], header: bool = False) -> Callable[[Request], Reply | None]:
    """Return what accepts new devices, and makes them when the job has gone through its states."""
    waiting: list[Any] = []

    def answer(request: Request) -> Reply | None:
        if request.method == "POST":
            waiting[:] = [{"id": 7, **request.body}]
            return Reply(202, {"id": "task-9"}, {"Location": "/jobs/task-9"} if header else {})
        if request.path != "/jobs/task-9":
            return None
        state = states.pop(0)
        if state == "Completed":
            api.collections.setdefault("devices", []).extend(waiting)
        return Reply(200, {"state": state, "result": {"device": waiting[0]}, "message": "out of space"})

    return answer


JOB = {"path": "/jobs/{id}", "status": "state", "every": 0.01, "returns": "result.device"}


@pytest.mark.parametrize("header", [False, True])
def test_a_job_is_followed_to_its_end(header: bool, api: Api) -> None:
    job = {name: value for name, value in JOB.items() if not header or name != "path"}
    target = loaded(api, {"list": "/devices", "create": {"job": job}})
    api.intervene = with_jobs(api, ["Queued", "Running", "Completed"], header)
    synchronised(target, source(a="x")).raise_for_failure()
    assert [request.path for request in api.requests[1:]] == ["/devices", *["/jobs/task-9"] * 3]
    assert target.record_of(target.get("device", "a"))["id"] == 7


@pytest.mark.parametrize(
    ("job", "states", "words", "maybe"),
    [
        ({}, ["Queued", "Failed"], 'POST /devices: its job ended as "Failed": out of space', False),
        ({"failed": ["Parked"]}, ["Parked"], 'its job ended as "Parked"', False),
        ({"timeout": 0.005}, ["Queued"], 'may be done all the same; GET /jobs/task-9: the job is still "Queued" after 0.005', True),
        ({"status": "progress"}, ["Queued"], 'GET /jobs/task-9: the job has no "progress"', True),
        ({"path": "/nowhere/{id}/x"}, [], "may be done all the same; GET /nowhere/task-9/x: the server answers", True),
        ({"path": "/jobs/{number}"}, [], 'the record has no "number" to put into /jobs/{number}', True),
    ],
)
def test_a_job_that_does_not_end_well_is_a_failure(
    job: dict[str, Any], states: list[str], words: str, maybe: bool, api: Api
) -> None:
    target = loaded(api, {"list": "/devices", "create": {"job": {**JOB, **job}}})
    jobs = with_jobs(api, states)
    api.intervene = lambda request: Reply(404) if request.path.startswith("/nowhere") else jobs(request)
    (outcome,) = synchronised(target, source(a="x")).outcomes
    assert words in outcome.message
    assert outcome.maybe is maybe


def test_the_id_of_a_job_is_not_the_id_of_a_record(api: Api) -> None:
    mapping = {"site": {"from": "/sites"}, "device": {"from": "/sites/{parent.id}/devices"}}
    target: Any = RestAdapter.bound(SITES, mapping)(base_url=api.url)
    target.load()
    wanted: Any = type("Source", (DSync,), {**SITES.models, "top_level": ["site"]})()
    wanted.add_rows("site", [{"name": "s"}])
    device = SITES.models["device"](name="d")
    wanted.add(device)
    wanted.get("site", "s").add_child(device)
    api.intervene = lambda request: Reply(202, {"id": "task-9"}) if request.method == "POST" else None
    result = synchronised(target, wanted, CONTINUE)
    assert 'the record of its parent has no "id" to put into /sites/{parent.id}/devices' in messages(result)[1]
    assert [request.path for request in api.sent("POST")] == ["/sites"]


# ---------------------------------------------------------------------- errors with a status of success


@pytest.mark.parametrize("place", ["/devices", {"list": "/devices", "create": {"bulk": True}}])
def test_an_error_with_a_status_of_success_is_a_failure(place: Any, api: Api) -> None:
    target = loaded(api, place)
    api.intervene = lambda request: Reply(200, {"status": "error", "message": "name is taken"})
    (outcome,) = synchronised(target, source(a="x")).outcomes
    assert outcome.message == "POST /devices: the server answers 200, and reports an error: name is taken"


def test_a_record_that_looks_like_an_error_is_a_record(api: Api) -> None:
    target = loaded(api)
    api.intervene = lambda request: Reply(201, {"id": 4, **request.body, "status": "failed", "error": "fan 2 is broken"})
    synchronised(target, source(a="x")).raise_for_failure()
    assert target.record_of(target.get("device", "a"))["id"] == 4


# ---------------------------------------------------------------------- somebody else's changes


class Tagged:
    """Devices with ETags; a change needs one that is up to date."""

    def __init__(self, api: Api, demands: bool = True) -> None:
        self.api, self.demands, self.version = api, demands, 1
        self.meanwhile: Callable[[], None] = lambda: None
        api.collections = {"devices": [{"id": 1, "name": "a", "role": "x", "note": "n", "at": {"rack": 1}}]}
        api.intervene = self.answer

    @property
    def record(self) -> dict[str, Any]:
        return self.api.collections["devices"][0]

    def change(self, **fields: Any) -> None:
        self.record.update(fields)
        self.version += 1

    def answer(self, request: Request) -> Reply | None:
        if request.path == "/devices":
            return None
        if request.method == "GET":
            reply = Reply(200, dict(self.record), {"ETag": f'"{self.version}"'})
            self.meanwhile()
            return reply
        match = request.headers.get("If-Match")
        if match is None:
            return Reply(428, {"message": "If-Match is required"}) if self.demands else None
        if match != f'"{self.version}"':
            return Reply(412, {"message": "out of date"})
        self.version += 1
        return None


@pytest.mark.parametrize("always", [True, False])
def test_an_etag_that_is_demanded_is_sent(always: bool, api: Api) -> None:
    server = Tagged(api)
    synchronised(loaded(api, {"list": "/devices", "if_match": always}), source(a="y")).raise_for_failure()
    assert server.record["role"] == "y"
    assert len(api.sent("PATCH")) == (1 if always else 2)
    synchronised(loaded(api, {"list": "/devices", "if_match": always}), source()).raise_for_failure()
    assert api.collections["devices"] == []


def test_no_etag_is_asked_for_where_none_is_demanded(api: Api) -> None:
    Tagged(api, demands=False)
    synchronised(loaded(api), source(a="y")).raise_for_failure()
    assert [request.method for request in api.requests] == ["GET", "PATCH"]


@pytest.mark.parametrize("wanted", [{"a": "y"}, {}])
def test_what_somebody_else_changed_is_not_overwritten(wanted: dict[str, str], api: Api) -> None:
    server = Tagged(api, demands=False)
    target = loaded(api, {"list": "/devices", "if_match": True})
    server.change(role="z")
    (outcome,) = synchronised(target, source(**wanted)).outcomes
    assert outcome.message.startswith('/devices, id 1: someone else changed "role" since it was read, so nothing was overwritten')
    assert server.record["role"] == "z"
    assert (api.sent("PATCH"), api.sent("DELETE")) == ([], [])


def test_a_change_between_a_look_and_a_write_is_not_overwritten(api: Api) -> None:
    server = Tagged(api)
    server.meanwhile = lambda: server.change(role="z")
    (outcome,) = synchronised(loaded(api), source(a="y")).outcomes
    assert outcome.message.endswith(
        "answers 412: out of date; it was changed by someone else meanwhile, and nothing was overwritten"
    )
    assert (server.record["role"], outcome.maybe) == ("z", False)


def test_other_fields_are_put_as_somebody_else_left_them(api: Api) -> None:
    server = Tagged(api, demands=False)
    target = loaded(api, {"list": "/devices", "if_match": True, "update": {"method": "put"}})
    server.change(note="by somebody else")
    synchronised(target, source(a="y")).raise_for_failure()
    assert [request.body for request in api.sent("PUT")] == [
        {"id": 1, "name": "a", "role": "y", "note": "by somebody else", "at": {"rack": 1}}
    ]


PUT = {"list": "/devices", "update": {"method": "put"}}


def test_a_whole_record_is_put_with_what_others_wrote_since_it_was_read(api: Api) -> None:
    server = Tagged(api, demands=False)
    target = loaded(api, PUT)
    server.change(note="by somebody else")
    server.change(at={"rack": 2})
    synchronised(target, source(a="y")).raise_for_failure()
    assert [request.body for request in api.sent("PUT")] == [
        {"id": 1, "name": "a", "role": "y", "note": "by somebody else", "at": {"rack": 2}}
    ]


def test_a_field_that_somebody_else_changed_is_not_overwritten_by_a_whole_record(api: Api) -> None:
    server = Tagged(api, demands=False)
    target = loaded(api, PUT)
    server.change(role="z")
    (outcome,) = synchronised(target, source(a="y")).outcomes
    assert 'someone else changed "role" since it was read' in outcome.message
    assert api.sent("PUT") == []


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_whole_record_is_put_as_it_was_read_where_it_cannot_be_read_alone(status: int, api: Api) -> None:
    api.collections = {"devices": [{"id": number, "name": name, "role": "x", "note": ""} for number, name in enumerate("abc", 1)]}
    api.intervene = lambda request: Reply(status) if request.method == "GET" and request.path != "/devices" else None
    synchronised(loaded(api, PUT, workers=1), source(a="y", b="y", c="y")).raise_for_failure()
    assert {record["role"] for record in api.collections["devices"]} == {"y"}
    assert len(api.sent("GET")) == (2 if status == 405 else 4)


def test_a_field_that_one_record_shows_in_another_form_is_put_as_the_list_has_it(api: Api) -> None:
    api.collections = {
        "devices": [{"id": 1, "name": "a", "role": "x", "site": 7, "note": None, "at": {"rack": 1}, "u": 1, "gone": 1}]
    }
    alone = {"id": 1, "name": "a", "role": "x", "site": {"id": 7}, "note": "n", "at": {"rack": 1, "row": 2}, "u": 1.5, "more": 1}
    api.intervene = lambda request: Reply(200, alone) if request.method == "GET" and request.path != "/devices" else None
    synchronised(loaded(api, PUT), source(a="y")).raise_for_failure()
    (request,) = api.sent("PUT")
    assert request.body == {"id": 1, "name": "a", "role": "y", "site": 7, "note": "n", "at": {"rack": 1}, "u": 1.5, "gone": 1}


def test_a_server_without_etags_is_named(api: Api) -> None:
    api.collections = {"devices": [{"id": 1, "name": "a", "role": "x"}]}
    (outcome,) = synchronised(loaded(api, {"list": "/devices", "if_match": True}), source(a="y")).outcomes
    assert outcome.message.startswith("GET /devices/1: the answer has no ETag")
    assert api.sent("PATCH") == []


# ---------------------------------------------------------------------- many records in any order


class Shuffled:
    """Takes many records in one request, and answers in another order."""

    def __init__(self, api: Api, shuffle: Callable[[list[Any]], Any]) -> None:
        self.api, self.shuffle = api, shuffle
        api.intervene = self.answer

    def answer(self, request: Request) -> Reply | None:
        there = self.api.collections.setdefault("devices", [])
        if request.method == "GET":
            return None
        if request.method == "POST":
            made = [{"id": next(self.api.ids), **record} for record in request.body]
            there.extend(made)
            return Reply(201, self.shuffle([dict(one) for one in made]))
        by_id = {record["id"]: record for record in there}
        for record in request.body:
            if request.method == "DELETE":
                there.remove(by_id[record["id"]])
            else:
                by_id[record["id"]].update(record)
        return Reply(200, self.shuffle([dict(by_id[record["id"]]) for record in request.body]))


BULK = {"list": "/devices", "create": {"bulk": True}, "update": {"bulk": True}, "delete": {"bulk": True}}
NAMES = [f"d{number}" for number in range(40)]


def test_answers_in_any_order_are_matched_by_identity(api: Api) -> None:
    Shuffled(api, lambda made: random.Random(7).sample(made, len(made)))
    target = loaded(api, BULK)
    synchronised(target, source(**dict.fromkeys(NAMES, "x"))).raise_for_failure()
    there = {record["name"]: record["id"] for record in api.collections["devices"]}
    assert {name: target.record_of(target.get("device", name))["id"] for name in NAMES} == there
    synchronised(target, source(**{name: "y" for name in NAMES if name != "d7"})).raise_for_failure()
    assert {record["name"]: record["role"] for record in api.collections["devices"]} == {
        name: "y" for name in NAMES if name != "d7"
    }


@pytest.mark.parametrize("how", ["without names", "another name", "one missing", "one doubled", "no list"])
def test_an_id_that_is_not_certain_is_not_used(how: str, api: Api) -> None:
    def shuffle(made: list[Any]) -> Any:
        first = {"without names": {"id": 1}, "another name": {"id": 1, "name": "A"}, "one doubled": {"id": 99, "name": "b"}}
        return None if how == "no list" else [*([first[how]] if how in first else []), *made[1:]]

    Shuffled(api, shuffle)
    target = loaded(api, BULK)
    synchronised(target, source(a="x", b="x")).raise_for_failure()
    known = {name for name in "ab" if "id" in target.record_of(target.get("device", name))}
    assert known == (set() if how in ("one doubled", "no list") else {"b"})


def test_an_id_that_is_not_certain_is_read_back(api: Api) -> None:
    Shuffled(api, lambda made: [{"id": one["id"]} for one in reversed(made)])
    api.keys = {"devices": "name"}
    target = loaded(api, {**BULK, "get": "/devices/{name}"})
    synchronised(target, source(a="x", b="x")).raise_for_failure()
    assert [target.record_of(target.get("device", name))["id"] for name in "ab"] == [1, 2]
