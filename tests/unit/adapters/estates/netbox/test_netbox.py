# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The adapter ``netbox``, as far as it needs no NetBox."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.adapters.estates.netbox.kinds import KINDS
from dsync.adapters.http.answers import HttpProblem
from dsync.exceptions import DefinitionError, LibraryMissing, RecordProblem
from dsync.records.definition import data_model

SITES = {"site": {"identifiers": ["name"], "attributes": {"status": "str"}}}
GIVEN = {"url": "http://127.0.0.1:9", "token": "0" * 40}


def adapter(**options: Any) -> NetBoxAdapter:
    made: NetBoxAdapter = NetBoxAdapter.bound(data_model(SITES, base=RecordModel))(**{**GIVEN, **options})
    return made


def test_the_kinds_are_models_whose_references_are_known() -> None:
    models = NetBoxAdapter.own_models().models
    assert set(models) == {kind.name for kind in KINDS}
    for kind in KINDS:
        assert set(kind.refs.values()) <= set(models), kind
        assert set(kind.placed) <= {*kind.attributes, *kind.identifiers}, kind
        assert models[kind.name]._references == {name: (other,) for name, other in kind.refs.items()}


def test_a_kind_can_be_restated_as_it_is_in_yaml() -> None:
    restated = json.loads(json.dumps(KINDS.declaration()))
    assert data_model(restated, base=RecordModel).models.keys() == NetBoxAdapter.own_models().models.keys()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"detail": "1 of 3", "errors": [{"index": 1, "errors": {"name": ["Too long."]}}]}, [(1, "name: Too long.")]),
        ({"detail": "1 of 3", "errors": [{"id": 9, "errors": {"__all__": ["Needs a rack."]}}]}, [(2, "Needs a rack.")]),
        ([{}, {"slug": ["Taken.", "Long."], "name": ["Taken."]}, {}], [(1, "slug: Taken. Long.; name: Taken.")]),
        ({"detail": "No such thing."}, []),
        ("no JSON", []),
    ],
)
def test_refusals_are_reported_object_by_object(content: Any, found: list[tuple[int, str]]) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    problem = HttpProblem("refused", 400, content=text.encode())
    sent = [{"id": 7}, {"id": 8}, {"id": 9}]
    assert [tuple(one) for one in adapter().refusals_in(problem, sent)] == found


def test_a_refusal_of_a_single_object_is_all_about_that() -> None:
    problem = HttpProblem("refused", 403, content=b'{"detail": "You do not have permission."}')
    assert [tuple(one) for one in adapter().refusals_in(problem, [{"name": "x"}])] == [(0, "You do not have permission.")]


class Answers(BaseHTTPRequestHandler):
    """Answers every GET alike, and refuses every POST."""

    status: ClassVar[dict[str, Any]] = {}
    answer: ClassVar[int] = 500
    posts: ClassVar[int] = 0

    def do_GET(self) -> None:
        self._say(200, self.status)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        Answers.posts += 1
        self._say(self.answer, {})

    def _say(self, answer: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(answer)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "options", "said"),
    [
        ({"netbox-version": "4.1.9"}, {}, r"is NetBox 4\.1\.9, and this adapter needs 4\.2 or newer"),
        ({"netbox-version": "4.3.0"}, {"changelog_message": "x"}, r"takes no changelog_message; that came with 4\.4"),
        ({"version": "9"}, {}, "does not identify itself as NetBox"),
        ({}, {}, "does not identify itself as NetBox"),
    ],
)
def test_a_server_that_does_not_fit_is_refused(
    served: str, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(Answers, "status", status)
    with pytest.raises(RecordProblem, match=said):
        adapter(url=served, **options).load()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "netbox.example.com"}, "options.url: this should be an address"),
        ({"token": "a\nb"}, "secrets.token: it has a character that no header can have"),
        ({"filters": {"sites": {}}}, 'options.filters: there is no key "sites" here .*site'),
        ({"filters": {"site": ["nyc"]}}, "options.filters.site: this should be a dictionary"),
        ({"owner_tag": ""}, "options.owner_tag: this should be a string"),
        ({"full_every": 0}, "options.full_every: this should be a whole number of 1 or more"),
        ({"batch_size": True}, "options.batch_size"),
        ({"rate_limit": -1}, "options.rate_limit"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        adapter(**options)


def test_without_the_library_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(LibraryMissing, match="HTTP requires the library httpx") as raised:
        adapter()
    assert raised.value.library == "httpx"


@pytest.mark.parametrize(("answer", "posts"), [(500, 1), (503, 1), (403, 1), (400, 7)])
def test_only_what_may_be_the_fault_of_an_object_is_sent_again(
    served: str, monkeypatch: pytest.MonkeyPatch, answer: int, posts: int
) -> None:
    monkeypatch.setattr(Answers, "status", {"netbox-version": "4.7.3", "count": 0, "next": None, "results": []})
    monkeypatch.setattr(Answers, "answer", answer)
    monkeypatch.setattr(Answers, "posts", 0)
    target = adapter(url=served)
    target.load()
    source: Any = type("Source", (DSync,), {"site": NetBoxAdapter.bound(data_model(SITES)).site, "top_level": ["site"]})()
    source.add_rows("site", [{"name": f"s{number}", "status": "active"} for number in range(4)])
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert (len(result.failures), Answers.posts) == (4, posts)
    assert {outcome.maybe for outcome in result.failures} == {answer == 500}
