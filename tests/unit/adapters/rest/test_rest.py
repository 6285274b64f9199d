# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter rest against a small API behind a real HTTP server: what it sends, what it makes of answers, and how it fails."""

from __future__ import annotations

import base64
import gc
import logging
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from dsync.adapters.core.base import ChangedRecord, NewRecord, RecordModel
from dsync.adapters.rest import RestAdapter
from dsync.apply.retry import retrying
from dsync.exceptions import DefinitionError, LibraryMissing, RecordProblem
from dsync.flags import DSyncAction, DSyncFlags
from dsync.plan.outcome import OutcomeStatus
from dsync.plan.plan import Plan
from dsync.records.definition import data_model
from dsync.testing.conformance import SECRET, AdapterConformance
from rest_api import Api, Reply, Request, served

TOKEN = "s3cr3t-t0ken/+="
DEVICES = data_model({"device": {"identifiers": ["name"], "attributes": {"role": "str | None"}}}, base=RecordModel)
TREE = data_model(
    {
        "site": {"identifiers": ["name"], "attributes": {}, "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"role": "str | None"}},
    },
    base=RecordModel,
)


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as running:
        yield running


def adapter(api: Api, place: Any = "/devices", mapping: Any = None, lookups: Any = None, **options: Any) -> Any:
    cls = RestAdapter.bound(DEVICES, mapping or {"device": {"from": place}}, lookups)
    return cls(**{"base_url": api.url, "introspect": False, **options})  # test_rest_fields is about these requests


def loaded(api: Api, place: Any = "/devices", **options: Any) -> Any:
    target = adapter(api, place, **options)
    target.load()
    return target


def source(*rows: tuple[str, str | None]) -> Any:
    from dsync import DSync

    cls = type("Source", (DSync,), {**DEVICES.models, "top_level": ["device"]})
    made = cls()
    made.add_rows("device", [{"name": name, "role": role} for name, role in rows])
    return made


def names(target: Any) -> list[str]:
    return [obj.name for obj in target.get_all("device")]


def children(obj: Any) -> list[str]:
    (field,) = obj.get_children_mapping().values()
    return list(getattr(obj, field))


def synchronised(target: Any, wanted: Any, flags: DSyncFlags = DSyncFlags.NONE) -> Any:
    return target.apply(Plan.from_diff(target.diff_from(wanted)), wanted, flags)


def press_ctrl_c() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def problem_of(call: Callable[[], Any]) -> str:
    with pytest.raises(RecordProblem) as caught:
        call()
    return str(caught.value)


def records(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"d{number}", "role": "x"} for number in range(1, count + 1)]


# ---------------------------------------------------------------------- conformance


class TestPlain(AdapterConformance):
    """Collections with ids that the server gives, one after the other or many at once."""

    options: dict[str, Any] = {}
    shared = True

    @pytest.fixture(autouse=True)
    def _server(self, api: Api) -> None:
        self.api = api

    def places(self, models: Any) -> Any:
        mapping = {"place": {"from": "/places"}, "thing": {"from": "/things", "parent": {"match": {"place_id": "id"}}}}
        return RestAdapter.bound(models, mapping)(base_url=self.api.url, token=TOKEN, **self.options)

    def break_removal(self, adapter: Any) -> Callable[[], None]:
        chosen: list[str] = []

        def intervene(request: Request) -> Reply | None:
            if request.method == "DELETE" and not chosen:
                chosen.append(request.path)
            return Reply(409, {"detail": "in use"}) if request.method == "DELETE" and request.path in chosen else None

        self.api.intervene = intervene
        return self._mend

    def adapter(self) -> Any:
        endpoints = {"site": "/sites", "device": "/devices"}
        return RestAdapter.bound(self.data_model)(base_url=self.api.url, token=TOKEN, endpoints=endpoints, **self.options)

    def break_it(self, adapter: Any) -> Callable[[], None]:
        self.api.intervene = lambda request: (
            Reply(400, {"role": ["is refused"]}) if request.method != "GET" and "changed" in str(request.body) else None
        )
        return self._mend

    def _mend(self) -> None:
        self.api.intervene = lambda request: None

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        yield lambda: RestAdapter.bound(self.data_model)(base_url="nowhere"), "options.base_url"
        yield lambda: RestAdapter.bound(self.data_model)(base_url=self.api.url, endpoints={"site": {"lst": "/x"}}), "lst"

    def secrets(self) -> list[str]:
        return [SECRET, TOKEN]


class TestWhole(TestPlain):
    """The same, with whole records put, and one worker."""

    options = {"update_method": "put", "workers": 1}


class TestNested(TestPlain):
    """Collections below their parents, whose names, chosen by users, are in the addresses."""

    def adapter(self) -> Any:
        self.api.keys = {"sites": "name", "devices": "name"}
        devices = "/sites/{parent.name}/devices"
        mapping = {
            "site": {"from": {"list": "/sites", "key": "name"}, "fields": {"floors": "shape.floors"}},
            "device": {"from": {"list": devices, "key": "name", "create": {"method": "put", "path": f"{devices}/{{name}}"}}},
        }
        return RestAdapter.bound(self.data_model, mapping)(base_url=self.api.url, token=TOKEN)


# ---------------------------------------------------------------------- options and places


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": ""}, "options.base_url: this should be a string"),
        ({"base_url": "ftp://x"}, "options.base_url: this should be an address such as https"),
        ({"base_url": "http://"}, "options.base_url: this should be an address"),
        ({"base_url": "http://x:y"}, "options.base_url: this is not an address"),
        ({"base_url": "http://bob:geheim@x"}, "options.base_url: an address cannot contain a user name or password"),
        ({"base_url": "http://x/?key=geheim"}, 'has no "?" and no "#"'),
        ({"endpoints": []}, "options.endpoints: this should be a dictionary"),
        ({"endpoints": {"device": "devices"}}, 'options.endpoints.device.list: a path begins with "/"'),
        ({"pagination": "pages"}, 'did you mean "page"?'),
        ({"pagination": {"type": "link", "param": "x"}}, 'options.pagination: there is no key "param" here'),
        ({"pagination": {"type": "page", "size_param": "x"}}, "options.pagination.size_param: it names the parameter of a size"),
        ({"pagination": {"type": "page", "end": 400}}, "options.pagination.end: this should be a list"),
        ({"pagination": {"type": "keyset", "total": "count"}}, 'options.pagination: there is no key "total" here'),
        ({"pagination": {"type": "link", "max_pages": 0}}, "options.pagination.max_pages: this should be a whole number of 1 or"),
        ({"pagination": {"type": "page", "end": [500, 200]}}, "options.pagination.end[1]: this should be a status of 400 or more"),
        ({"pagination": {"type": "page", "first": -1}}, "options.pagination.first: this should be a whole number of 0 or more"),
        ({"pagination": {"type": "next", "next": "a..b"}}, "options.pagination.next: 'a..b' is not a path"),
        ({"pagination": {}}, "options.pagination.type: "),
        ({"pagination": {"type": "page", "size": 0}}, "options.pagination.size: this should be a whole number of 1 or more"),
        ({"update_method": "post"}, "options.update_method: 'post' is not possible here (known: patch, put)"),
        ({"password": "geheim"}, "secrets.password: there is a password and no username"),
        ({"username": "a:b"}, 'options.username: it cannot have ":" in it'),
        ({"token": "geheim", "username": "x"}, "secrets.token: there are a token and a username"),
        ({"token": "geheim\n"}, "secrets.token: it has a character that no header can have"),
        ({"token": ""}, "secrets.token: this should be a string, and not an empty one"),
        ({"token": "geheim", "auth_header": "X Y"}, "options.auth_header: 'X Y' is not a valid name of a header"),
        ({"token": "geheim", "auth_scheme": "A B"}, "options.auth_scheme: this should be one word"),
        ({"auth_header": "X-Key"}, "options.auth_header: it determines how a token is sent"),
        ({"headers": {"X": 1}}, "options.headers.X: the value of a header should be a string"),
        ({"headers": {"X:": "1"}}, "options.headers.X:: this is not a valid name of a header"),
        ({"secret_headers": {"X": "geheim\r\n"}}, "secrets.secret_headers.X: its value has a character"),
        ({"connect_timeout": 0}, "options.connect_timeout: this should be a number of seconds above 0"),
        ({"read_timeout": True}, "options.read_timeout: this should be a number of seconds above 0"),
        ({"rate_limit": "5"}, "options.rate_limit: this should be a number above 0"),
        ({"verify": "no"}, "options.verify: this should be true or false"),
        ({"ca_file": "/nowhere.pem"}, "options.ca_file: /nowhere.pem cannot be read: No such file"),
        ({"ca_file": __file__}, "has no certificates in PEM"),
        ({"verify": False, "ca_file": __file__}, "options.ca_file: with verify: false"),
        ({"client_key": "x"}, "options.client_key: there is a key and no client_cert"),
        ({"client_cert": "/nowhere.pem"}, "options.client_cert: /nowhere.pem cannot be read"),
        ({"trust_env": 1}, "options.trust_env: this should be true or false"),
        ({"tries": 0}, "options.tries: this should be a whole number of 1 or more"),
        ({"retry_unsafe": None}, "options.retry_unsafe: this should be true or false"),
        ({"workers": 0}, "options.workers: this should be a whole number of 1 or more"),
        ({"batch_size": 1.5}, "options.batch_size: this should be a whole number of 1 or more"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        RestAdapter.bound(DEVICES)(**{"base_url": "http://127.0.0.1", **options})
    assert words in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (None, "mapping.device.from: it does not say where the records of a device are; add a path such as /api/devices."),
        ("device", "mapping.device.from: 'device' is neither a path, which begins with \"/\", nor an endpoint"),
        ("devicse", 'did you mean "devices"?'),
        (7, "mapping.device.from: this should be a path, the name of an endpoint or a description"),
        ({"records": "x"}, 'mapping.device.from: it has no "list"; add it.'),
        ({"list": "/x", "empty": [200]}, "mapping.device.from.empty[0]: this should be a status of 400 or more, and is 200."),
        ({"list": "/x", "null_as": 5}, "mapping.device.from.null_as: this should be a string, and is 5."),
        ({"list": "/x", "update": {"send": [""]}}, "mapping.device.from.update.send[0]: "),
        ({"list": "/x", "create": {"returns": {"id": "a..b"}}}, "mapping.device.from.create.returns: 'a..b' is not a path"),
        ({"list": "/x", "create": {"job": {"done": "ok"}}}, "create.job.done: this should be a list, and is 'ok'; write [ok]."),
        ({"list": "/x", "get": {"method": "POST"}}, 'mapping.device.from.get: there is no key "method" here'),
        ({"list": "/x/{id}"}, "mapping.device.from.list: only fields of the parent can be in the path of a list"),
        ({"list": "/x/{parent.id}"}, "has a field of the parent in it, and a device has no parent"),
        ({"list": "/x", "create": "/x/{id"}, "mapping.device.from.create.path: '/x/{id' is not a path"),
        ({"list": "/x", "update": "/x/{id | lower}"}, '"{id | lower}": the name of a field is all that can be between braces'),
        ({"list": "/x", "update": "/x/{}"}, '"{}": the name of a field is all'),
        ({"list": "/x", "update": "/x#y"}, "is not a path"),
        ({"list": "/x", "update": {"path": "/y/{parent.id}"}}, "only if the path of the list has one as well"),
        ({"list": "/x", "update": {"path": "/y/{id}", "bulk": True}}, "with bulk: true many records share the path"),
        ({"list": "/x", "delete": {"method": "kill"}}, "mapping.device.from.delete.method: 'KILL' is not possible here"),
        ({"list": "/x", "create": {"send": "whole"}}, 'mapping.device.from.create: there is no key "send"'),
        ({"list": "/x", "update": {"send": "hole"}}, 'did you mean "whole"?'),
        ({"list": "/x", "update": {"wrap": "*.x"}}, '"*" can only be the last name'),
        ({"list": "/x", "update": {"extra": 1}}, "mapping.device.from.update.extra: this should be a dictionary"),
        ({"list": "/x", "create": {"job": {"stat": "x"}}}, 'mapping.device.from.create.job: there is no key "stat" here'),
        ({"list": "/x", "create": {"job": {"path": "/x/{parent.id}"}}}, "only fields of the answer that begins the job"),
        (
            {"list": "/x", "create": {"job": {"every": 0}}},
            "mapping.device.from.create.job.every: this should be a number of seconds above 0",
        ),
        ({"list": "/x", "if_match": True, "update": {"bulk": True}}, "an ETag is of one record, and update has bulk: true"),
        ({"list": "/x", "update": True}, "mapping.device.from.update: this should be a dictionary"),
        ({"list": "/x", "pagination": "curser"}, 'did you mean "cursor"?'),
    ],
)
def test_a_wrong_place_is_named(place: Any, words: str, api: Api) -> None:
    with pytest.raises(DefinitionError) as caught:
        loaded(api, place, endpoints={"devices": "/devices"})
    assert words in str(caught.value)
    assert api.requests == []


def test_an_endpoint_can_be_named(api: Api) -> None:
    api.collections = {"devices": records(2)}
    assert names(loaded(api, "devs", endpoints={"devs": "/devices"})) == ["d1", "d2"]


def test_a_table_has_no_parent(api: Api) -> None:
    fields = {"role": {"from": "role", "lookup": {"from": "/x/{parent.id}", "key": "id", "value": "name"}}}
    api.collections = {"devices": records(1)}
    with pytest.raises(DefinitionError, match="the path of a table has no parent"):
        adapter(api, mapping={"device": {"from": "/devices", "fields": fields}}).load()


@pytest.mark.parametrize("library", ["httpx", "tenacity"])
def test_a_missing_library_is_named(library: str, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(LibraryMissing) as caught:
        adapter(api)
    assert caught.value.library == library


def test_without_repetition_tenacity_is_not_needed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tenacity", None)
    assert names(loaded(api, tries=1)) == []


# ---------------------------------------------------------------------- pages


def pager(kind: str, all_records: list[dict[str, Any]], size: int = 3) -> Callable[[Request], Reply]:
    """Return what divides a collection into pages, as servers do."""

    def answer(request: Request) -> Reply:
        query = request.query
        if kind == "page":
            start = (int(query["page"]) - 1) * size
        elif kind == "offset":
            start = int(query["offset"])
        else:
            start = int(query.get("after", 0))
        part, end = all_records[start : start + size], start + size
        more = end < len(all_records)
        if kind == "link":
            links = (
                f'</devices?after=0>; rel="first", </devices?after={end}>; rel="next"'
                if more
                else '</devices?after=0>; rel="first"'
            )
            return Reply(200, part, {"Link": links})
        body = {"results": part, "count": len(all_records), "cursor": end if more else None}
        return Reply(200, {**body, "next": f"{request.path}?after={end}" if more else None})

    return answer


PAGINATIONS: dict[str, Any] = {
    "page": "page",
    "page with total": {"type": "page", "total": "count"},
    "offset": {"type": "offset", "size": 3},
    "offset with total": {"type": "offset", "total": "count"},
    "cursor": {"type": "cursor", "param": "after", "next": "cursor"},
    "link": "link",
    "next": "next",
}


@pytest.mark.parametrize("count", [0, 1, 3, 7])
@pytest.mark.parametrize("name", PAGINATIONS)
def test_all_pages_are_read(name: str, count: int, api: Api) -> None:
    kind = name.split(maxsplit=1)[0]
    api.intervene = pager(kind, records(count))
    place = {"list": "/devices?kind=router", "pagination": PAGINATIONS[name]}
    if kind != "link":
        place["records"] = "results"
    assert names(loaded(api, place)) == [record["name"] for record in records(count)]
    if kind != "link" and kind != "next":
        assert all(request.query["kind"] == "router" for request in api.requests)
    if "total" in name:
        once = max(1, -(-count // 3))
        assert len(api.requests) == (2 * once if once > 1 else once)


@pytest.mark.parametrize("name", PAGINATIONS)
def test_probing_reads_the_first_page_alone(name: str, api: Api) -> None:
    kind = name.split(maxsplit=1)[0]
    api.intervene = pager(kind, records(7))
    place = {"list": "/devices", "pagination": PAGINATIONS[name], **({} if kind == "link" else {"records": "results"})}
    target = adapter(api, place)
    assert target.probe()
    assert (len(api.requests), target.count("device")) == (1, 0)
    api.intervene = lambda request: Reply(403, {"detail": "No."})
    assert "403" in problem_of(adapter(api, place).probe)


def test_a_page_behind_the_last_may_be_not_found(api: Api) -> None:
    pages = pager("page", records(3))
    api.intervene = lambda request: pages(request) if request.query["page"] == "1" else Reply(404, {"detail": "Invalid page."})
    assert len(names(loaded(api, {"list": "/devices", "records": "results", "pagination": "page"}))) == 3


def test_an_offset_behind_the_last_may_be_not_found(api: Api) -> None:
    pages = pager("offset", records(3))
    api.intervene = lambda request: pages(request) if request.query["offset"] == "0" else Reply(404, {"detail": "out of range"})
    assert len(names(loaded(api, {"list": "/devices", "records": "results", "pagination": "offset"}))) == 3


def test_a_short_page_that_comes_again_is_the_last(api: Api) -> None:
    pages = pager("page", records(5))
    last = Request("GET", "/devices?page=2", {}, None)
    api.intervene = lambda request: pages(request if int(request.query["page"]) < 3 else last)
    place = {"list": "/devices", "records": "results", "pagination": {"type": "page", "size": 3}}
    assert len(names(loaded(api, place))) == 5


def test_the_header_says_how_many_records_there_are(api: Api) -> None:
    pages = pager("offset", records(6))
    api.intervene = lambda request: Reply(200, pages(request).body["results"], {"X-Total-Count": "6"})
    pagination = {"type": "offset", "total": "X-Total-Count", "verify": False}
    assert len(names(loaded(api, {"list": "/devices", "pagination": pagination}))) == 6
    assert len(api.requests) == 3


def test_a_total_may_be_a_string(api: Api) -> None:
    pages = pager("offset", records(6))
    api.intervene = lambda request: Reply(200, {**pages(request).body, "count": "6"})
    pagination = {"type": "offset", "total": "count", "verify": False}
    assert len(names(loaded(api, {"list": "/devices", "records": "results", "pagination": pagination}))) == 6
    assert len(api.requests) == 3


MOVING: dict[str, Any] = {
    "page": {"type": "page", "total": "count"},
    "offset": {"type": "offset", "total": "count"},
    "next": "next",
}


@pytest.mark.parametrize("kind", MOVING)
def test_what_moves_to_a_page_that_was_read_already_is_not_missed(kind: str, api: Api) -> None:
    there = records(8)

    def answer(request: Request) -> Reply:
        found = pager(kind, there)(request)
        if len(api.requests) == 1:
            del there[0]  # what was first on the second page is now last on the first one
        return Reply(200, {**found.body, "previous": None})

    api.intervene = answer
    place = {"list": "/devices", "records": "results", "pagination": MOVING[kind]}
    assert names(loaded(api, place)) == [record["name"] for record in records(8)[1:]]


def test_a_collection_that_never_stops_changing_is_not_half_read(api: Api) -> None:
    there = records(9)

    def answer(request: Request) -> Reply:
        there[:] = [*there[1:], {**there[0], "id": there[-1]["id"] + 1}]
        return pager("page", there)(request)

    api.intervene = answer
    place = {"list": "/devices", "records": "results", "pagination": {"type": "page", "total": "count"}}
    assert "GET /devices: records were added, removed or moved each of the 5 times" in problem_of(lambda: loaded(api, place))


def test_a_record_that_is_on_two_pages_is_one_object_and_a_new_one_is_read(api: Api) -> None:
    there = records(5)

    def answer(request: Request) -> Reply:
        found = pager("page", there)(request)
        if len(api.requests) == 1:
            there.insert(0, {"id": 99, "name": "new", "role": "x"})
        return found

    api.intervene = answer
    assert names(loaded(api, {"list": "/devices", "records": "results", "pagination": "page"})) == [
        "new",
        "d1",
        "d2",
        "d3",
        "d4",
        "d5",
    ]


def test_a_first_page_that_is_not_found_is_an_error(api: Api) -> None:
    api.intervene = lambda request: Reply(404, {"detail": "Invalid page."})
    assert "answers 404: Invalid page." in problem_of(lambda: loaded(api, {"list": "/devices", "pagination": "page"}))


@pytest.mark.parametrize(
    ("pagination", "body", "headers", "words"),
    [
        ("page", records(2), {}, "GET /devices: the same page comes again for page=2"),
        ("offset", records(2), {}, "GET /devices: the same page comes again for offset=1"),
        ({"type": "cursor", "next": "after"}, {"results": [], "after": "x"}, {}, "the pages have no end"),
        ("next", {"results": [], "next": "/devices"}, {}, "the pages have no end"),
        ("link", [], {"Link": '</devices>; rel="next"'}, "the pages have no end"),
        (
            "next",
            {"results": [], "next": "http://evil.example/x"},
            {},
            "links to http://evil.example, and not to http://127.0.0.1",
        ),
        ("link", [], {"Link": "<//evil.example/x>; rel=next"}, "links to http://evil.example"),
        ("next", {"results": [], "next": 7}, {}, 'what the answer has at "next" does not lead to a next page'),
        (
            {"type": "offset", "total": "count"},
            {"results": [], "count": 5},
            {},
            "the server reports 5 records, and returned 0",
        ),
        ({"type": "page", "total": "count"}, {"results": [], "count": "five"}, {}, 'no number of records at "count"'),
        (None, {"results": [], "next": "/devices?page=2"}, {}, "add pagination: next"),
        (None, [], {"Link": '</devices>; rel="next"'}, "add pagination: link"),
    ],
)
def test_pages_that_lead_nowhere_are_an_error(pagination: Any, body: Any, headers: dict[str, str], words: str, api: Api) -> None:
    api.intervene = lambda request: Reply(200, body, headers)
    place = {"list": "/devices", "pagination": pagination, **({"records": "results"} if isinstance(body, dict) else {})}
    if pagination is None:
        del place["pagination"]
    assert words in problem_of(lambda: loaded(api, place, token=TOKEN))
    assert len(api.requests) <= 3


@pytest.mark.parametrize(
    ("place", "reply"),
    [
        ({"list": "/devices", "records": "results"}, Reply(200, {"results": None})),
        ({"list": "/devices", "records": "items"}, Reply(200, {"kind": "devices", "totalItems": 0})),
        ("/devices", Reply(204)),
        ("/devices", Reply(200, b"null")),
    ],
)
def test_an_answer_may_say_in_other_ways_that_there_are_no_records(place: Any, reply: Reply, api: Api) -> None:
    api.intervene = lambda request: reply
    assert names(loaded(api, place)) == []


def test_one_record_in_the_place_of_a_list_is_one_record(api: Api) -> None:
    api.intervene = lambda request: Reply(200, {"result": {"entry": {"name": "d1", "role": "x"}}})
    assert names(loaded(api, {"list": "/devices", "records": "result.entry", "key": "name"})) == ["d1"]


def test_one_page_is_enough_where_the_user_says_so(api: Api) -> None:
    api.intervene = lambda request: Reply(200, records(2), {"Link": '</devices>; rel="next"'})
    assert len(names(loaded(api, {"list": "/devices", "pagination": "none"}))) == 2


# ---------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("place", "body", "words"),
    [
        ("/devices", {"results": []}, 'the answer is a dictionary, and should be a list; name the key of the list with "records"'),
        ({"list": "/devices", "records": "result"}, {"results": []}, 'no list at "result" (did you mean "results"?'),
        ("/devices", "text", "the answer is a str, and should be a list"),
        ("/devices", [1], "record 1 is a int, and should be a dictionary"),
        ("/devices", b"<html>hello</html>", 'the answer is not JSON: it begins with "<html>hello</html>"'),
        ("/devices", b"", "the answer is not JSON: it is empty"),
        ({"list": "/devices", "records": "items"}, {"total": 3}, 'no list at "items" (known: total); if it is absent where'),
        ({"list": "/devices", "records": "items"}, {"items": {"nme": 1}}, 'should be a list, or one record that has "id"'),
        ({"list": "/devices", "records": "items"}, {"items": "none"}, 'there is a str at "items", and should be a list'),
        ("/devices", [{"id": 7}], '/devices, id 7: device.name: the record has no "name"'),
        ("/devices", [{"nme": 7}], '/devices, record 1: device.name: the record has no "name" (did you mean "nme"?'),
    ],
)
def test_an_answer_that_does_not_fit_is_named(place: Any, body: Any, words: str, api: Api) -> None:
    api.intervene = lambda request: Reply(200, body)
    assert words in problem_of(lambda: loaded(api, place))


@pytest.mark.parametrize(
    ("place", "status", "body", "there"),
    [
        ("/devices", 204, None, []),
        ("/devices", 200, None, None),
        ({"list": "/devices", "records": "items"}, 200, {"items": None}, []),
        ({"list": "/devices", "records": "items"}, 200, {"totalItems": 0}, []),
        ({"list": "/devices", "records": "items", "records_optional": True}, 200, {"kind": "x"}, []),
        ({"list": "/devices", "records": "items"}, 200, {"items": {"id": 1, "name": "a"}}, ["a"]),
        ({"list": "/devices", "records": "a.b", "key": "name"}, 200, {"a": {"b": {"name": "a"}}}, ["a"]),
    ],
)
def test_none_and_one_have_many_shapes(place: Any, status: int, body: Any, there: list[str] | None, api: Api) -> None:
    api.intervene = lambda request: Reply(status, body if there is not None else b"null")
    assert names(loaded(api, place)) == (there or [])


def test_records_can_be_the_values_of_a_dictionary(api: Api) -> None:
    store = {"a b": {"role": "x"}}

    def answer(request: Request) -> Reply:
        if request.method == "PUT":
            store[request.path.rsplit("/", 1)[1].replace("%20", " ")] = request.body
        return Reply(200, {"devices": store})

    api.intervene = answer
    item = {"method": "put", "path": "/devices/{name}"}
    place = {"list": "/devices", "records": "devices", "key": "name", "create": item, "update": item}
    target = adapter(api, mapping={"device": {"from": place, "key": "name"}})
    target.load()
    synchronised(target, source(("a b", "y"), ("c d", None))).raise_for_failure()
    assert store == {"a b": {"role": "y"}, "c d": {"role": None}}


def test_a_table_is_looked_up(api: Api) -> None:
    api.collections = {"roles": [{"id": 7, "slug": "core"}], "devices": [{"id": 1, "name": "a", "role": 7}]}
    mapping = {"device": {"from": "/devices", "fields": {"role": {"from": "role", "lookup": "roles"}}}}
    target = adapter(api, mapping=mapping, lookups={"roles": {"from": "/roles", "key": "id", "value": "slug"}})
    target.load()
    assert target.get("device", "a").role == "core"


def test_secret_keys_are_not_in_places(api: Api) -> None:
    models = data_model({"pass": {"identifiers": ["name"], "attributes": {"code": "secret"}}}, base=RecordModel)
    target = RestAdapter.bound(models, {"pass": {"from": {"list": "/passes", "key": "code"}}})(base_url=api.url)
    api.collections = {"passes": [{"name": "a", "code": SECRET}, {"name": "a", "code": SECRET}]}
    said = problem_of(target.load)
    assert "/passes, record 1" in said
    assert SECRET not in said


# ---------------------------------------------------------------------- who one is


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({"token": TOKEN}, "Authorization", f"Bearer {TOKEN}"),
        ({"token": TOKEN, "auth_scheme": "Token"}, "Authorization", f"Token {TOKEN}"),
        ({"token": TOKEN, "auth_header": "X-API-Key"}, "X-API-Key", TOKEN),
        ({"username": "bob", "password": "pä:ss"}, "Authorization", "Basic " + base64.b64encode("bob:pä:ss".encode()).decode()),
        ({"secret_headers": {"X-Secret": TOKEN}}, "X-Secret", TOKEN),
        ({"headers": {"X-Tenant": "acme"}}, "X-Tenant", "acme"),
        ({"headers": {"accept": "application/vnd.api+json"}}, "accept", "application/vnd.api+json"),
    ],
)
def test_one_says_who_one_is(options: dict[str, Any], header: str, value: str, api: Api) -> None:
    loaded(api, **options)
    assert [request.headers[header] for request in api.requests] == [value]


@pytest.mark.parametrize(
    "options", [{"token": TOKEN}, {"username": "bob", "password": TOKEN}, {"secret_headers": {"X-Key": TOKEN}}]
)
def test_secrets_are_nowhere_to_be_seen(options: dict[str, Any], api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(request: Request) -> Reply:
        mine = request.headers.get("Authorization") or request.headers["X-Key"]
        return Reply(403, {"detail": f"{mine} and {TOKEN} are not known"}, {"X-Echo": mine, "X-Again": TOKEN})

    api.intervene = echo
    said = problem_of(lambda: loaded(api, "/devices?key=4711-geheim", **options))
    assert "GET /devices: the server answers 403: " in said
    assert "receive_response_headers.complete" in caplog.text, "nothing was logged, so nothing was tested"
    for text in (said, caplog.text):
        assert TOKEN not in text
        assert base64.b64encode(f"bob:{TOKEN}".encode()).decode() not in text
    assert "geheim" not in said


# ---------------------------------------------------------------------- refusals and faults


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "no", "title": "x"}, "answers 400: no"),
        ({"message": "no"}, "answers 400: no"),
        ({"error": {"code": 7}}, 'answers 400: {"code": 7}'),
        ({"errors": ["a", "b"]}, 'answers 400: ["a", "b"]'),
        ({"title": "no"}, "answers 400: no"),
        ({"name": ["is required"]}, 'answers 400: {"name": ["is required"]}'),
        (["no"], 'answers 400: ["no"]'),
        (b"plain\n  text", "answers 400: plain text"),
        (b"", "answers 400: Bad Request"),
        (b"x" * 5000, "answers 400: " + "x" * 199 + "…"),
        (b"\xff", "answers 400: \ufffd"),
    ],
)
def test_the_servers_own_message_is_reported(body: Any, words: str, api: Api) -> None:
    api.intervene = lambda request: Reply(400, body) if request.method == "POST" else None
    result = synchronised(loaded(api), source(("a", "x")))
    assert [outcome.message for outcome in result.outcomes] == [f"POST /devices: the server {words}"]


def test_a_redirection_is_not_followed(api: Api) -> None:
    api.intervene = lambda request: Reply(301, None, {"Location": "https://elsewhere.example/devices?token=geheim"})
    said = problem_of(lambda: loaded(api, token=TOKEN))
    assert said.startswith("GET /devices: the server answers 301 and sends one on to https://elsewhere.example; give the address")
    assert len(api.requests) == 1


def test_a_server_that_is_not_there(api: Api) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        assert problem_of(lambda: loaded(api, base_url=url, tries=2)) == f"GET /devices: {url} refuses the connection"
    assert "has no address" in problem_of(lambda: loaded(api, base_url="http://no.such.host.invalid", tries=1))


def test_a_server_that_says_nothing(api: Api) -> None:
    api.delay = 0.6
    said = problem_of(lambda: loaded(api, read_timeout=0.1, tries=1))
    assert said == f"GET /devices: {api.url} gave no answer within 0.1 seconds"


def test_what_passes_is_tried_again(api: Api) -> None:
    answers = iter([Reply(503), Reply(0), Reply(200, records(1))])
    api.intervene = lambda request: next(answers)
    assert names(loaded(api)) == ["d1"]
    assert len(api.requests) == 3


def test_it_is_not_tried_forever(api: Api) -> None:
    api.intervene = lambda request: Reply(502, {"message": "bad gateway"}, {"Retry-After": "0"})
    assert "answers 502: bad gateway" in problem_of(lambda: loaded(api))
    assert len(api.requests) == 3


@pytest.mark.parametrize("date", [False, True])
def test_the_server_says_when(date: bool, api: Api) -> None:
    when = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True) if date else "1"
    answers = iter([Reply(429, None, {"Retry-After": when}), Reply(200, [])])
    api.intervene = lambda request: next(answers)
    begin = time.monotonic()
    loaded(api)
    assert time.monotonic() - begin >= 0.9


def test_who_wants_too_much_patience_is_not_asked_again(api: Api) -> None:
    api.intervene = lambda request: Reply(503, {"error": "maintenance"}, {"Retry-After": "3600"})
    assert "answers 503: maintenance" in problem_of(lambda: loaded(api))
    assert len(api.requests) == 1


@pytest.mark.parametrize(("unsafe", "tries"), [(False, 1), (True, 3)])
@pytest.mark.parametrize("status", [503, 0])
def test_what_is_not_idempotent_is_not_repeated(status: int, unsafe: bool, tries: int, api: Api) -> None:
    api.intervene = lambda request: Reply(status) if request.method == "POST" else None
    result = synchronised(loaded(api, retry_unsafe=unsafe), source(("a", "x")))
    assert len(api.sent("POST")) == tries
    assert ("it may have been done all the same" in result.outcomes[0].message) is (status == 0)


def test_a_run_that_has_patience_sends_again_what_may_pass(api: Api) -> None:
    busy = {"b"}

    def be_busy(request: Request) -> Reply | None:
        name = request.body["name"] if request.method == "POST" else None
        if name in busy:
            busy.discard(name)
            return Reply(503, {"error": "busy"})
        return None

    api.intervene = be_busy
    target, wanted = loaded(api, retry_unsafe=True, tries=1), source(("a", "x"), ("b", "x"), ("c", "x"))
    result = target.apply(Plan.from_diff(target.diff_from(wanted)), wanted, retry=retrying(2, target.is_transient, first_wait=0))
    result.raise_for_failure()
    assert sorted(request.body["name"] for request in api.sent("POST")) == ["a", "b", "b", "c"]
    assert names(target) == ["a", "b", "c"]


def test_what_is_gone_when_a_deletion_is_repeated_was_deleted(api: Api) -> None:
    api.collections = {"devices": records(1)}

    def break_off(request: Request) -> Reply | None:
        if request.method == "DELETE" and len(api.sent("DELETE")) == 1:
            api.collections["devices"].clear()
            return Reply(0)
        return None

    target = loaded(api)
    api.intervene = break_off
    synchronised(target, source()).raise_for_failure()
    assert len(api.sent("DELETE")) == 2


@pytest.mark.parametrize("status", [404, 410])
def test_what_somebody_else_deleted_is_gone(status: int, api: Api) -> None:
    api.collections = {"devices": records(1)}
    target = loaded(api)
    api.intervene = lambda request: Reply(status) if request.method == "DELETE" else None
    synchronised(target, source()).raise_for_failure()
    assert names(target) == []


def test_a_collection_that_is_not_there_is_no_deleted_record(api: Api) -> None:
    api.collections = {"devices": records(1)}
    api.intervene = lambda request: Reply(404) if request.method == "DELETE" else None
    result = synchronised(loaded(api, {"list": "/devices", "delete": {"path": "/gone", "send": ["id"]}}), source())
    assert [outcome.message for outcome in result.outcomes] == ["DELETE /gone: the server answers 404: Not Found"]


def test_what_json_cannot_say_is_not_sent(api: Api) -> None:
    target = loaded(api)
    made = target.create_records(target._maps["device"], [NewRecord({("name",): float("nan")}, None)])
    assert "cannot be written as JSON" in str(made[0])
    assert api.sent("POST") == []


# ---------------------------------------------------------------------- writing


def test_a_record_is_patched_with_what_changed(api: Api) -> None:
    api.collections = {"devices": [{"id": 1, "name": "a", "at": {"role": "x", "rack": 7}, "extra": [1]}]}
    target = adapter(api, mapping={"device": {"from": "/devices", "fields": {"role": "at.role"}}})
    target.load()
    synchronised(target, source(("a", "y"))).raise_for_failure()
    assert [(request.target, request.body) for request in api.sent("PATCH")] == [("/devices/1", {"at": {"role": "y", "rack": 7}})]


@pytest.mark.parametrize("as_option", [True, False])
def test_a_record_is_put_whole(as_option: bool, api: Api) -> None:
    api.collections = {"devices": [{"id": 1, "name": "a", "role": "x", "extra": [1]}]}
    place = "/devices" if as_option else {"list": "/devices", "update": {"method": "put"}}
    target = loaded(api, place, **({"update_method": "put"} if as_option else {}))
    synchronised(target, source(("a", "y"))).raise_for_failure()
    assert [request.body for request in api.sent("PUT")] == [{"id": 1, "name": "a", "role": "y", "extra": [1]}]


def test_a_record_that_is_put_whole_keeps_the_digits_of_its_numbers(api: Api) -> None:
    api.intervene = lambda request: (
        Reply(200, b'[{"id": 1, "name": "a", "role": "x", "lat": 52.520008123456789012, "at": {"lon": 1.10}}]')
        if request.method == "GET"
        else None
    )
    target = loaded(api, {"list": "/devices", "update": {"method": "put"}})
    synchronised(target, source(("a", "y"))).raise_for_failure()
    (request,) = api.sent("PUT")
    assert request.content == b'{"id": 1, "name": "a", "role": "y", "lat": 52.520008123456789012, "at": {"lon": 1.10}}'


def test_the_end_of_a_path_is_kept(api: Api) -> None:
    api.collections = {"devices": records(1)}
    synchronised(loaded(api, "/devices/"), source(("d1", "y"), ("new", "x"))).raise_for_failure()
    assert sorted(request.target for request in api.requests[1:]) == ["/devices/", "/devices/1/"]


def test_what_is_sent_is_as_the_endpoint_says(api: Api) -> None:
    api.collections = {"devices": records(2)}
    wrapped = {"wrap": "data.items.*", "extra": {"op": "set"}}
    place = {
        "list": "/devices",
        "create": {"wrap": "device", "returns": "device"},
        "update": {**wrapped, "method": "post", "path": "/devices/{id}/set", "send": ["id", "name"]},
        "delete": {"method": "post", "path": "/gone", "extra": {"op": "del"}, "send": ["name"]},
    }
    target = loaded(api, place)
    api.intervene = lambda request: (
        Reply(201, {"device": {**request.body["device"], "id": 77}}) if request.target == "/devices" else Reply(204)
    )
    synchronised(target, source(("d1", "y"), ("new", None))).raise_for_failure()
    assert sorted((request.target, str(request.body)) for request in api.sent("POST")) == [
        ("/devices", "{'device': {'name': 'new', 'role': None}}"),
        ("/devices/1/set", "{'data': {'items': [{'id': 1, 'name': 'd1', 'role': 'y', 'op': 'set'}]}}"),
        ("/gone", "{'name': 'd2', 'op': 'del'}"),
    ]
    assert target.record_of(target.get("device", "new"))["id"] == 77


def test_what_cannot_be_done_is_said(api: Api) -> None:
    api.collections = {"devices": records(1)}
    target = loaded(api, {"list": "/devices", "delete": False})
    assert [target.refuses("device", action) for action in (DSyncAction.CREATE, DSyncAction.UPDATE)] == ["", ""]
    assert target.refuses("device", DSyncAction.DELETE) == "/devices: its endpoint says delete: false, so this cannot be done there"
    result = synchronised(target, source())
    assert [outcome.message for outcome in result.outcomes] == [
        "/devices: its endpoint says delete: false, so this cannot be done there"
    ]


@pytest.mark.parametrize("how", ["location", "get"])
def test_what_the_answer_does_not_have_is_read_back(how: str, api: Api) -> None:
    def answer(request: Request) -> Reply | None:
        if request.method != "POST":
            return None
        api.collections["devices"].append({"id": 9, **request.body})
        return Reply(201, None, {"Location": "/devices/9"}) if how == "location" else Reply(202, {"id": "task-1"})

    place: dict[str, Any] = {"list": "/devices"}
    if how == "get":
        place["get"] = "/devices/{name}"
        api.keys = {"devices": "name"}
    target = loaded(api, place)
    api.intervene = answer
    synchronised(target, source(("a", "x"))).raise_for_failure()
    assert target.record_of(target.get("device", "a"))["id"] == 9


def test_what_cannot_be_read_back_was_made_all_the_same(api: Api) -> None:
    api.intervene = lambda request: Reply(201, None, {"Location": "http://evil.example/9"}) if request.method == "POST" else None
    target = loaded(api)
    assert synchronised(target, source(("a", "x"))).changed
    assert [request.method for request in api.requests] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("value", "target_path"),
    [("a/b", "/devices/a%2Fb"), ("ü ?#%&", "/devices/%C3%BC%20%3F%23%25%26"), ("a{id}", "/devices/a%7Bid%7D"), (7, "/devices/7")],
)
def test_values_in_addresses_are_encoded(value: Any, target_path: str, api: Api) -> None:
    api.collections = {"devices": [{"id": value, "name": "a"}]}
    synchronised(loaded(api), source()).raise_for_failure()
    assert [request.target for request in api.sent("DELETE")] == [target_path]


@pytest.mark.parametrize("value", [None, "", "..", ".", True, [1], {"x": 1}])
def test_what_cannot_be_in_an_address_is_not_sent(value: Any, api: Api) -> None:
    api.collections = {"devices": [{"id": value, "name": "a"}]}
    result = synchronised(loaded(api), source())
    assert "/devices/{id}" in result.outcomes[0].message
    assert api.sent("DELETE") == []


def test_grandparents_are_in_addresses(api: Api) -> None:
    models = data_model(
        {
            "region": {"identifiers": ["name"], "attributes": {}, "children": ["site"]},
            "site": {"identifiers": ["name"], "attributes": {}, "children": ["rack"]},
            "rack": {"identifiers": ["name"], "attributes": {"units": "int"}},
        },
        base=RecordModel,
    )
    sites, racks = "/regions/{parent.id}/sites", "/regions/{parent.parent.id}/sites/{parent.id}/racks"
    mapping = {"region": {"from": "/regions"}, "site": {"from": sites}, "rack": {"from": racks}}
    api.collections = {"regions": [{"id": 1, "name": "emea"}], "regions/1/sites": [{"id": 2, "name": "par"}]}
    api.collections["regions/1/sites/2/racks"] = [{"id": 3, "name": "r1", "units": 40}]
    cls = RestAdapter.bound(models, mapping)
    target, other = cls(base_url=api.url), cls(base_url=api.url)
    target.load()
    other.load()
    other.get("rack", "r1").units = 42
    target.sync_from(other)
    assert [request.target for request in api.sent("PATCH")] == ["/regions/1/sites/2/racks/3"]
    assert children(target.get("site", "par")) == ["r1"]


def test_a_parent_that_cannot_be_in_an_address_is_named(api: Api) -> None:
    api.collections = {"sites": [{"name": "s1"}]}
    target: Any = RestAdapter.bound(TREE, {"site": {"from": "/sites"}, "device": {"from": "/sites/{parent.id}/devices"}})(
        base_url=api.url
    )
    assert (
        problem_of(target.load) == '/sites, record 1: the record of its parent has no "id" to put into /sites/{parent.id}/devices'
    )


def test_a_field_inside_what_is_no_dictionary_is_not_sent(api: Api) -> None:
    api.collections = {"devices": [{"id": 1, "name": "a", "at": "x"}]}
    fields = {"role": {"from": "at", "write": {"at.role": "role"}}}
    target = adapter(api, mapping={"device": {"from": "/devices", "fields": fields}})
    target.load()
    result = synchronised(target, source(("a", "y")))
    assert [outcome.message for outcome in result.outcomes] == [
        '/devices, id 1: "at.role" cannot be set: there is no dictionary at "at"'
    ]
    assert api.sent("PATCH") == []


def test_a_field_that_is_to_be_sent_has_to_be_there(api: Api) -> None:
    api.collections = {"devices": records(1)}
    result = synchronised(loaded(api, {"list": "/devices", "delete": {"send": ["type"]}}), source())
    assert [outcome.message for outcome in result.outcomes] == ['the record has no "type", which DELETE /devices/{id} needs']


# ---------------------------------------------------------------------- what an answer to a change says


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "message": "name is taken"},
        {"success": False, "message": "name is taken"},
        {"error": "name is taken"},
        {"errors": ["name is taken"]},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_an_answer_that_says_that_it_failed_is_a_failure(body: dict[str, Any], method: str, api: Api) -> None:
    api.collections = {"devices": [{"id": 1, "name": "d1", "role": "x"}]}
    api.intervene = lambda request: Reply(200, body) if request.method == method else None
    wanted = {"POST": source(("d1", "x"), ("d2", "x")), "PATCH": source(("d1", "y")), "DELETE": source()}[method]
    (outcome,) = synchronised(loaded(api), wanted).outcomes
    assert outcome.status is OutcomeStatus.FAILED
    assert "the server answers 200, and reports an error: " in outcome.message
    assert "name is taken" in outcome.message


def test_a_record_may_have_a_status_of_its_own(api: Api) -> None:
    api.intervene = lambda request: Reply(201, {"id": 7, "name": "d1", "status": "failed"}) if request.method == "POST" else None
    synchronised(loaded(api), source(("d1", "x"))).raise_for_failure()


def test_what_was_only_accepted_is_not_taken_for_the_record(api: Api) -> None:
    answer = Reply(202, {"id": "task-9", "state": "queued"}, {"Location": "/jobs/task-9"})
    api.intervene = lambda request: answer if request.method in ("POST", "PATCH") else None
    target = loaded(api)
    synchronised(target, source(("d1", "x"))).raise_for_failure()
    assert "id" not in target.record_of(target.get("device", "d1"))
    assert all(request.path != "/jobs/task-9" for request in api.requests)
    assert "id" in problem_at(target, source(("d1", "y")))
    api.collections = {"devices": [{"id": 1, "name": "d1", "role": "x"}]}
    target = loaded(api)
    synchronised(target, source(("d1", "y"))).raise_for_failure()
    assert target.record_of(target.get("device", "d1"))["id"] == 1


def problem_at(target: RestAdapter, wanted: Any) -> str:
    (outcome,) = synchronised(target, wanted).outcomes
    assert outcome.status is OutcomeStatus.FAILED
    return outcome.message


def test_an_answer_is_read_in_the_charset_of_its_header(api: Api) -> None:
    body = '[{"id": 1, "name": "Zürich", "role": "x"}]'.encode("latin-1")
    api.intervene = lambda request: Reply(200, body, {"Content-Type": "application/json; charset=iso-8859-1"})
    assert names(loaded(api)) == ["Zürich"]
    api.intervene = lambda request: Reply(200, body)
    assert "the answer is not JSON in UTF-8, and its header names no charset" in problem_of(lambda: loaded(api))


# ---------------------------------------------------------------------- many at once

BULK = {"list": "/devices", "create": {"bulk": True}, "update": {"bulk": True}, "delete": {"bulk": True}}


def bulky(api: Api, refuse: str = "nothing") -> None:
    def answer(request: Request) -> Reply | None:
        there = api.collections.setdefault("devices", [])
        if request.method == "GET":
            return None
        if any(record.get("name") == refuse for record in request.body):
            return Reply(422, {"message": f"{refuse} is refused"})
        if request.method == "POST":
            made = [{"id": next(api.ids), **record} for record in request.body]
            there.extend(made)
            return Reply(201, made)
        for record in request.body:
            found = next(one for one in there if one["id"] == record["id"])
            if request.method == "DELETE":
                there.remove(found)
            else:
                found.update(record)
        return Reply(204)

    api.intervene = answer


def test_many_records_are_one_request(api: Api) -> None:
    bulky(api)
    target = loaded(api, BULK)
    synchronised(target, source(*((f"d{number}", "x") for number in range(120)))).raise_for_failure()
    assert [len(request.body) for request in api.sent("POST")] == [50, 50, 20]
    assert target.record_of(target.get("device", "d7"))["id"] == 8
    synchronised(target, source(("d7", "y"))).raise_for_failure()
    assert [request.body for request in api.sent("PATCH")] == [[{"id": 8, "role": "y"}]]
    assert sum(len(request.body) for request in api.sent("DELETE")) == 119
    assert api.sent("DELETE")[0].body[0] == {"id": 1}
    assert not loaded(api, BULK).diff_from(source(("d7", "y"))).has_diffs()


def test_one_bad_record_does_not_hold_up_the_others(api: Api) -> None:
    bulky(api, refuse="d3")
    wanted = source(*((f"d{number}", "x") for number in range(9)))
    result = synchronised(loaded(api, BULK), wanted, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [outcome.change.id for outcome in result.failures] == ["d3"]
    assert "d3 is refused" in result.failures[0].message
    assert {record["name"] for record in api.collections["devices"]} == {f"d{number}" for number in range(9)} - {"d3"}


def test_some_done_and_some_not_is_a_failure(api: Api) -> None:
    target = loaded(api, BULK)
    api.intervene = lambda request: Reply(207, [{"status": 201}, {"status": 400}])
    result = synchronised(target, source(("a", "x"), ("b", "x")))
    assert all("answers 207" in outcome.message for outcome in result.outcomes)
    assert len(api.sent("POST")) == 1


# ---------------------------------------------------------------------- several at a time


@pytest.mark.parametrize("workers", [1, 8])
def test_so_many_requests_are_under_way(workers: int, api: Api) -> None:
    api.delay = 0.03 if workers == 1 else 0.5  # long enough for all threads to begin, on a busy machine as well
    target = loaded(api, workers=workers)
    wanted = source(*((f"d{number}", "x") for number in range(16)))
    synchronised(target, wanted).raise_for_failure()
    assert api.busiest == workers
    for number in range(16):
        record = target.record_of(target.get("device", f"d{number}"))
        assert record["name"] == f"d{number}"


def test_what_is_at_one_address_is_changed_by_one_at_a_time(api: Api) -> None:
    api.collections = {"devices": records(8)}
    api.delay = 0.02
    place = {"list": "/devices", "update": {"path": "/all", "send": ["id"]}}
    target = loaded(api, place, workers=8)
    api.intervene = lambda request: Reply(204)
    synchronised(target, source(*((f"d{number}", "y") for number in range(1, 9)))).raise_for_failure()
    assert (len(api.sent("PATCH")), api.busiest) == (8, 1)


def test_parents_are_listed_several_at_a_time(api: Api) -> None:
    api.collections = {"sites": [{"id": number, "name": f"s{number}"} for number in range(12)]}
    api.collections.update({f"sites/{number}/devices": [{"id": 1, "name": f"d{number}"}] for number in range(12)})
    api.delay = 0.02
    mapping = {"site": {"from": "/sites"}, "device": {"from": "/sites/{parent.id}/devices"}}
    target: Any = RestAdapter.bound(TREE, mapping)(base_url=api.url, workers=6)
    target.load()
    assert api.busiest > 1
    there = {site.name: children(site) for site in target.get_all("site")}
    assert there == {f"s{number}": [f"d{number}"] for number in range(12)}


def test_a_parent_that_cannot_be_listed_ends_the_loading(api: Api) -> None:
    api.collections = {"sites": [{"id": number, "name": f"s{number}"} for number in range(50)]}
    api.intervene = lambda request: Reply(500, {"error": "out of order"}) if "devices" in request.target else None
    mapping = {"site": {"from": "/sites"}, "device": {"from": "/sites/{parent.id}/devices"}}
    target: Any = RestAdapter.bound(TREE, mapping)(base_url=api.url)
    assert "/devices: the server answers 500: out of order" in problem_of(target.load)
    assert len(api.requests) < 20


def test_a_server_that_dies_is_not_asked_for_every_record(api: Api) -> None:
    with served(Api()) as mortal:
        target = loaded(mortal, tries=2)
    wanted = source(*((f"d{number}", "x") for number in range(40)))
    result = synchronised(target, wanted, DSyncFlags.CONTINUE_ON_FAILURE)
    assert {outcome.status for outcome in result.outcomes} == {OutcomeStatus.FAILED}
    assert "refuses the connection" in result.outcomes[0].message
    assert "it was not sent because the server could not be reached before" in result.outcomes[-1].message


def test_requests_are_spread(api: Api) -> None:
    target = loaded(api, rate_limit=40, workers=8)
    begin = time.monotonic()
    synchronised(target, source(*((f"d{number}", "x") for number in range(20)))).raise_for_failure()
    assert time.monotonic() - begin >= 0.45


def test_an_interruption_ends_the_run_between_requests(api: Api) -> None:
    target = loaded(api, workers=2)
    api.delay = 0.1
    begun, pressed = threading.Event(), threading.Event()

    def note(request: Request) -> Reply | None:
        begun.set()
        pressed.wait(20)  # however busy the machine is, no third request has ended before Ctrl-C
        return None

    def press() -> None:
        begun.wait(20)
        press_ctrl_c()
        pressed.set()

    api.intervene = note
    threading.Thread(target=press, daemon=True).start()
    result = synchronised(target, source(*((f"d{number}", "x") for number in range(40))))
    assert isinstance(result.interrupted, KeyboardInterrupt)
    sent = len(api.sent("POST"))
    assert 2 <= sent < 8
    assert len(api.collections["devices"]) == sent, "a request was cut off in the middle"
    assert all(outcome.maybe for outcome in result.outcomes)
    api.delay = 0
    assert len(names(loaded(api))) == sent
    assert not target._client.stopping.is_set()


def test_an_interruption_ends_waiting(api: Api) -> None:
    target = loaded(api, tries=2)
    begun = threading.Event()

    def busy(request: Request) -> Reply:
        begun.set()
        return Reply(503, None, {"Retry-After": "30"})

    api.collections = {"devices": records(1)}
    target.load()
    api.intervene = busy
    threading.Thread(target=lambda: (begun.wait(5), time.sleep(0.2), press_ctrl_c()), daemon=True).start()
    begin = time.monotonic()
    result = synchronised(target, source())
    assert isinstance(result.interrupted, KeyboardInterrupt)
    assert time.monotonic() - begin < 30  # as the server asked for


# ---------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def pem(folder: Path, name: str, blob: Any) -> str:
    path = folder / name
    blob.write_to_path(str(path))
    return str(path)


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Api]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with served(Api({"devices": records(1)}), context) as running:
        yield running


def test_a_certificate_is_trusted_by_its_authority(secure: Api, authority: trustme.CA, tmp_path: Path) -> None:
    assert names(loaded(secure, ca_file=pem(tmp_path, "ca.pem", authority.cert_pem))) == ["d1"]


def test_a_certificate_of_another_authority_is_refused(secure: Api, tmp_path: Path) -> None:
    other = pem(tmp_path, "other.pem", trustme.CA().cert_pem)
    for options in ({"ca_file": other}, {}):
        said = problem_of(lambda options=options: loaded(secure, token=TOKEN, **options))
        assert said.startswith(f"GET /devices: the certificate of {secure.url} is not trusted (")
        assert said.endswith("; set ca_file to the certificate of its issuer")
    assert secure.requests == []


def test_a_certificate_for_another_host_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("cmdb.example.com").configure_cert(context)
    with served(Api(), context) as running:
        assert "is not trusted" in problem_of(lambda: loaded(running, ca_file=pem(tmp_path, "ca.pem", authority.cert_pem)))


def test_without_verification_any_certificate_will_do(secure: Api) -> None:
    assert names(loaded(secure, verify=False)) == ["d1"]


@pytest.mark.parametrize("shown", [True, False])
def test_a_client_shows_its_own_certificate(shown: bool, authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    own = authority.issue_cert("client.example.com")
    options = {"ca_file": pem(tmp_path, "ca.pem", authority.cert_pem)}
    if shown:
        options["client_cert"] = pem(tmp_path, "own.pem", own.cert_chain_pems[0])
        options["client_key"] = pem(tmp_path, "own.key", own.private_key_pem)
    with served(Api({"devices": records(1)}), context) as running:
        if shown:
            assert names(loaded(running, **options)) == ["d1"]
        else:
            assert "GET /devices: " in problem_of(lambda: loaded(running, tries=1, **options))
            assert running.requests == []


def test_plain_http_where_tls_is_expected(api: Api) -> None:
    said = problem_of(lambda: loaded(api, base_url=api.url.replace("http", "https"), tries=1))
    assert "TLS with https://127.0.0.1" in said


# ---------------------------------------------------------------------- connections


def test_connections_are_closed_with_the_adapter(api: Api) -> None:
    target = loaded(api)
    other = loaded(api)
    http, closed = target._client._http, other._client._http
    del target
    gc.collect()
    other.close()
    assert (http.is_closed, closed.is_closed) == (True, True)


def test_a_server_that_hangs_up_after_a_refusal_is_no_other_records_affair(api: Api) -> None:
    api.hangs_up = True
    api.intervene = lambda request: Reply(403, {"detail": "no"}) if request.body == {"name": "b", "role": "x"} else None
    target = loaded(api, workers=1)
    result = synchronised(target, source(*((name, "x") for name in "abcd")), DSyncFlags.CONTINUE_ON_FAILURE)
    assert {one.change.id: one.message for one in result.failures} == {"b": "POST /devices: the server answers 403: no"}
    assert [request.body["name"] for request in api.sent("POST")] == ["a", "b", "c", "d"]


def test_the_records_that_were_read_are_never_changed(api: Api) -> None:
    api.collections = {"devices": records(1)}
    target = loaded(api)
    record = target.record_of(target.get("device", "d1"))
    api.intervene = lambda request: Reply(400)
    made = target.change_records(target._maps["device"], [ChangedRecord(record, {("role",): "y"})])
    assert isinstance(made[0], RecordProblem)
    assert record == records(1)[0]


# ---------------------------------------------------------------------- objects in the way of new ones


@pytest.mark.parametrize(("status", "kept"), [(422, "A"), (409, "A"), (400, "CNAME"), (403, "CNAME"), (500, "CNAME")])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_record_that_is_in_the_way_of_a_new_one_is_deleted_first_if_the_server_rejects_that(
    api: Api, status: int, kept: str, workers: int
) -> None:
    api.collections["devices"] = [{"id": 9, "name": "www", "role": "CNAME"}]

    def intervene(request: Request) -> Reply | None:
        taken = request.method == "POST" and any(one["name"] == "www" for one in api.collections["devices"])
        return Reply(status, {"detail": "it conflicts with another record"}) if taken else None

    api.intervene = intervene
    models = data_model({"device": {"identifiers": ["name", "role"]}}, base=RecordModel)
    cls = RestAdapter.bound(models, {"device": {"from": "/devices"}}, None)
    target, wanted = cls(base_url=api.url, workers=workers), cls(base_url=api.url)
    target.load()
    wanted.add(wanted.device(name="www", role="A"))
    result = synchronised(target, wanted)
    assert bool(result.failures) is (kept == "CNAME")
    assert [one["role"] for one in api.collections["devices"]] == [kept]
