# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The reader of pages against a server whose collection changes while it is read: nothing is skipped, and nothing comes twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from dsync.adapters.http.answers import Answer
from dsync.adapters.http.client import Client
from dsync.adapters.http.options import Credentials, Manners, tls
from dsync.adapters.http.pages import Pages
from dsync.adapters.http.reader import PageReader
from dsync.adapters.http.reading import Collection
from dsync.exceptions import RecordProblem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_api import Api, Reply, Request, served

OPTIONS = {"base_url": "http://x", "verify": True, "trust_env": False}
ABSENT = dict.fromkeys(("ca_file", "client_cert", "client_key", "client_key_password"))
Change = Callable[["Moving"], None]


class Moving:
    """A collection in pages, in which something happens before the pages are answered."""

    def __init__(self, size: int, ids: list[int], events: list[tuple[str, int]], by_id: bool) -> None:
        self.size, self.ids, self.events, self.by_id = size, ids, list(events), by_id
        self.always, self.next_id, self.asked = set(ids), 1000, 0
        self.changed: list[bool] = []

    def happen(self) -> None:
        """Let the next thing happen: an object is added at a place or removed there, or one goes to the front or to the end."""
        if not self.events:
            return
        what, place = self.events.pop(0)
        place %= len(self.ids) + 1
        if what == "add":
            self.next_id += 1
            self.ids.insert(len(self.ids) if self.by_id else place, self.next_id)
        elif what != "nothing" and place < len(self.ids):
            one = self.ids.pop(place)
            if what == "remove":
                self.always.discard(one)
            elif self.by_id:
                self.ids.insert(place, one)
            else:
                self.ids.insert(0 if what == "to front" else len(self.ids), one)

    def answer(self, request: Request) -> Reply:
        query, there, before = request.query, self.ids, list(self.ids)
        self.happen()
        self.asked += 1
        if query.get("offset", "0") == "0" and query.get("page", "1") == "1":
            self.changed.append(False)
        elif there != before:
            self.changed[-1] = True
        if "id__gt" in query or "keyset" in query:
            after = int(query.get("id__gt", 0))
            page = sorted(one for one in there if one > after)[: self.size]
            return Reply(200, {"results": [{"id": one} for one in page]})
        start = int(query["offset"]) if "offset" in query else (int(query.get("page", 1)) - 1) * self.size
        page, end = there[start : start + self.size], start + self.size
        body: dict[str, Any] = {"results": [{"id": one} for one in page], "n": len(there)}
        body["next"] = f"{request.path}?offset={end}" if end < len(there) else None
        if body["next"] is None:
            return Reply(200, body, {"X-Next-Page": ""})
        number = str(end // self.size + 1)
        return Reply(200, body, {"Link": f'<{request.path}?page={number}>; rel="next"', "X-Next-Page": number})


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with served(Api()) as running:
        yield running


@pytest.fixture(scope="module")
def client(api: Api) -> Client:
    return Client(api.url, Credentials({}), tls({**ABSENT, **OPTIONS}), Manners())


def records_in(answer: Answer, later: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def read(client: Client, pages: Pages, path: str = "/x") -> list[int]:
    return [record["id"] for record in PageReader(Collection(client, path, pages, records_in, ("id",))).read()]


KINDS: dict[str, tuple[Pages, str]] = {
    "offset": (Pages("offset", "offset"), "/x"),
    "offset with total": (Pages("offset", "offset", total=("n",)), "/x"),
    "sorted": (Pages("offset", "offset", sorted=True), "/x"),
    "sorted with total": (Pages("offset", "offset", sorted=True, total=("n",)), "/x"),
    "page": (Pages("page", "page"), "/x"),
    "page with total": (Pages("page", "page", total=("n",)), "/x"),
    "next": (Pages("next"), "/x"),
    "link": (Pages("link"), "/x"),
    "header": (Pages("cursor", "page", next=("x-next-page",)), "/x"),
    "keyset": (Pages("keyset", "id__gt", first=None, next=()), "/x?keyset=1"),
}
EVENTS = st.lists(st.tuples(st.sampled_from(["add", "remove", "to front", "to end", "nothing"]), st.integers(0, 40)), max_size=15)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 4), count=st.integers(0, 12), events=EVENTS, by_id=st.booleans())
def test_nothing_is_skipped_and_nothing_comes_twice(
    kind: str, size: int, count: int, events: list[tuple[str, int]], by_id: bool, api: Api, client: Client
) -> None:
    pages, path = KINDS[kind]
    moving = Moving(size, list(range(1, count + 1)), events, by_id or pages.sorted)
    api.intervene = moving.answer
    del api.requests[:]
    try:
        found = read(client, pages, path)
    except RecordProblem as problem:
        refusals = ("of the 5 times that it was read", "the server says", "the same page comes again")
        assert any(one in str(problem) for one in refusals)  # noqa: PT017  # it need not be raised
        assert kind != "keyset"
        return
    assert len(found) == len(set(found)), "an object came twice"
    if kind == "keyset" or pages.sorted or moving.changed[-2:] != [True, True]:
        assert moving.always <= set(found), "an object was skipped"


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_removed_meanwhile_does_not_hide_another(kind: str, api: Api, client: Client) -> None:
    pages, path = KINDS[kind]
    moving = Moving(2, [1, 2, 3, 4, 5], [("nothing", 0), ("remove", 0)], by_id=True)
    api.intervene = moving.answer
    assert set(read(client, pages, path)) >= {2, 3, 4, 5}


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_goes_while_another_comes_does_not_hide_a_third(kind: str, api: Api, client: Client) -> None:
    """The number of objects stays the same, so that only the objects themselves show it."""
    moving = Moving(2, [1, 2, 3, 4, 5], [], by_id=True)
    pages, path = KINDS[kind]

    def answer(request: Request) -> Reply:
        if moving.asked == 1:
            moving.ids[:] = [2, 3, 4, 5, 6]
        return moving.answer(request)

    api.intervene = answer
    assert set(read(client, pages, path)) >= {2, 3, 4, 5}


@pytest.mark.parametrize(
    ("kind", "requests"), [("sorted", 5), ("sorted with total", 4), ("offset", 10), ("page with total", 6), ("keyset", 4)]
)
def test_a_collection_that_rests_costs_so_many_requests(kind: str, requests: int, api: Api, client: Client) -> None:
    pages, path = KINDS[kind]
    moving = Moving(2, [1, 2, 3, 4, 5], [], by_id=True)
    api.intervene = moving.answer
    assert read(client, pages, path) == [1, 2, 3, 4, 5]
    assert moving.asked == requests


def test_a_collection_that_never_rests_is_refused(api: Api, client: Client) -> None:
    moving = Moving(2, list(range(1, 9)), [("remove", 0), ("add", 3)] * 100, by_id=False)
    api.intervene = moving.answer
    with pytest.raises(RecordProblem, match="added, removed or moved each of the 5 times that it was read"):
        read(client, Pages("page", "page"))


def growing(at_the_end: bool) -> Moving:
    """Return a collection to which as many records are added before each page as a page has."""
    moving = Moving(2, [1, 2, 3, 4, 5], [], by_id=True)

    def happen() -> None:
        for _time in range(moving.size):
            moving.next_id += 1
            moving.ids.insert(len(moving.ids) if at_the_end else 0, moving.next_id)

    moving.happen = happen
    return moving


@pytest.mark.parametrize("kind", KINDS)
def test_a_collection_that_grows_for_ever_is_refused(kind: str, api: Api, client: Client) -> None:
    pages, path = KINDS[kind]
    moving = growing(at_the_end=True)
    api.intervene = moving.answer
    with pytest.raises(RecordProblem) as caught:
        read(client, replace(pages, max_pages=50), path)
    said = "there were 7 records at first, and 3[56] came" if pages.total else "there is no end after 50 pages; if the collection"
    assert re.match(f"GET /x: {said}", str(caught.value))
    assert moving.asked <= 51


@pytest.mark.parametrize("kind", [kind for kind, (pages, _path) in KINDS.items() if pages.kind != "keyset" and not pages.sorted])
def test_a_collection_that_grows_at_its_beginning_for_ever_is_refused(kind: str, api: Api, client: Client) -> None:
    pages, path = KINDS[kind]
    moving = growing(at_the_end=False)
    api.intervene = moving.answer
    ends = {"page": "the same page comes again for page=2", "page with total": "each of the 5 times that it was read"}
    with pytest.raises(RecordProblem, match=ends.get(kind, "there is no end after 25 pages")):
        read(client, replace(pages, max_pages=25), path)
    assert moving.asked <= 5 * 26


def test_records_without_keys_that_never_end_are_refused(api: Api, client: Client) -> None:
    api.intervene = lambda request: Reply(200, {"results": [{"name": request.query["offset"]}]})
    with pytest.raises(RecordProblem, match="no end after 25 pages"):
        read(client, Pages("offset", "offset", max_pages=25))


def test_verification_can_be_left_out(api: Api, client: Client) -> None:
    moving = Moving(2, [1, 2, 3, 4, 5], [], by_id=True)
    api.intervene = moving.answer
    assert read(client, Pages("page", "page", total=("n",), verify=False)) == [1, 2, 3, 4, 5]
    assert moving.asked == 3


@pytest.mark.parametrize("keyset", [{}, {"id__gt": "1"}])
def test_a_server_that_knows_no_keyset_is_refused(keyset: dict[str, str], api: Api, client: Client) -> None:
    there = [1, 2] if not keyset else [2, 1]
    api.intervene = lambda request: Reply(200, {"results": [{"id": one} for one in there]})
    with pytest.raises(RecordProblem, match='not sorted by id, or the server ignores "id__gt"'):
        read(client, Pages("keyset", "id__gt", first=None, next=()))


def test_the_same_record_on_two_pages_is_one(api: Api, client: Client) -> None:
    pages = {"1": [1, 2], "2": [2, 3]}
    api.intervene = lambda request: Reply(200, {"results": [{"id": one} for one in pages.get(request.query["page"], [])]})
    assert read(client, Pages("page", "page")) == [1, 2, 3]


@pytest.mark.parametrize(("status", "end"), [(404, ()), (416, ()), (204, ()), (400, (400,))])
@pytest.mark.parametrize("kind", ["page", "offset"])
def test_a_page_behind_the_last_has_many_shapes(kind: str, status: int, end: tuple[int, ...], api: Api, client: Client) -> None:
    first = {"page": "1", "offset": "0"}[kind]

    def answer(request: Request) -> Reply:
        return Reply(200, {"results": [{"id": 1}, {"id": 2}]}) if request.query[kind] == first else Reply(status)

    api.intervene = answer
    pages = Pages(kind, kind, end=end)
    of = Collection(client, "/x", pages, lambda one, later: [] if one.status == 204 else records_in(one, later), ("id",))
    found = PageReader(of).read()
    assert [record["id"] for record in found] == [1, 2]


def test_a_bad_request_is_no_end_unless_one_says_so(api: Api, client: Client) -> None:
    api.intervene = lambda request: Reply(200, {"results": [{"id": 1}]}) if request.query["page"] == "1" else Reply(400)
    with pytest.raises(RecordProblem, match=r"answers 400: Bad Request; if it answers so .* add end: \[400\] to the pagination"):
        read(client, Pages("page", "page"))


@pytest.mark.parametrize("size", [None, 2])
def test_a_last_page_that_comes_again_is_the_end(size: int | None, api: Api, client: Client) -> None:
    def answer(request: Request) -> Reply:
        return Reply(200, {"results": [{"id": 1}, {"id": 2}] if request.query["page"] == "1" else [{"id": 3}]})

    api.intervene = answer
    assert read(client, Pages("page", "page", size=size)) == [1, 2, 3]


def test_records_without_keys_are_read_as_they_come(api: Api, client: Client) -> None:
    def answer(request: Request) -> Reply:
        start = int(request.query["offset"])
        return Reply(200, {"results": [{"name": one} for one in "abcde"[start : start + 2]], "n": 5})

    api.intervene = answer
    reader = PageReader(Collection(client, "/x", Pages("offset", "offset", total=("n",)), records_in, ("id",)))
    assert [record["name"] for record in reader.read()] == list("abcde")
