# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The client against small servers: what is sent again and when, where nothing is sent, and how long it takes at most."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dsync.adapters.http.answers import HttpProblem
from dsync.adapters.http.client import Client
from dsync.adapters.http.options import Credentials, Manners, tls
from rest_api import Api, Reply, Request, served

TOKEN = "t0ken-that-stays-here"


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as running:
        yield running


def client(url: str, **manners: Any) -> Client:
    options = {"base_url": url, "verify": True, "trust_env": False}
    absent = dict.fromkeys(("ca_file", "client_cert", "client_key", "client_key_password"))
    who = Credentials({"Authorization": f"Bearer {TOKEN}"}, (TOKEN,))
    return Client(url, who, tls({**absent, **options}), Manners(**manners))


def problem_of(one: Client, method: str = "GET", url: str = "/x", body: Any = None) -> HttpProblem:
    with pytest.raises(HttpProblem) as caught:
        one.request(method, url, body)
    return caught.value


# ---------------------------------------------------------------------- what is sent again


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(("status", "headers"), [(429, {}), (429, {"Retry-After": "0"}), (503, {"Retry-After": "0"})])
def test_what_was_not_done_is_sent_again(method: str, status: int, headers: dict[str, str], api: Api) -> None:
    answers = iter([Reply(status, None, headers), Reply(200, {"id": 1})])
    api.intervene = lambda request: next(answers)
    assert client(api.url).request(method, "/x", {}).json() == {"id": 1}
    assert len(api.requests) == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_may_have_been_done_is_sent_once(method: str, status: int, api: Api) -> None:
    api.intervene = lambda request: Reply(status)
    problem = problem_of(client(api.url), method, body={})
    assert (len(api.requests), problem.passes) == (1, False)


def test_a_wait_that_the_server_asks_for_is_reported(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dsync")
    answers = iter([Reply(429, {"detail": "slow down"}, {"Retry-After": "1"}), Reply(200, {})])
    api.intervene = lambda request: next(answers)
    begin = time.monotonic()
    client(api.url).request("POST", "/x", {})
    assert time.monotonic() - begin >= 1
    said = "POST /x: the server answers 429: slow down; it asks to wait 1 seconds; sent again in 1.0 s"
    assert [record.getMessage() for record in caplog.records if record.name == "dsync"] == [said]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wait_beyond_the_limit_is_refused_and_reported(method: str, api: Api) -> None:
    api.intervene = lambda request: Reply(429, {"message": "Rate limit exceeded"}, {"Retry-After": "90"})
    problem = problem_of(client(api.url, max_wait=60), method)
    assert str(problem).endswith("answers 429: Rate limit exceeded; it asks to wait 90 seconds, and max_wait is 60")
    assert (len(api.requests), problem.passes, problem.wait) == (1, False, 90)


# ---------------------------------------------------------------------- how long it takes


@contextmanager
def dripping(head: bytes, piece: bytes, pause: float = 0.05) -> Iterator[tuple[str, list[bytes]]]:
    """Serve answers that begin with `head` and go on with `piece` after `piece`; yield the address and what was asked."""
    over, asked = threading.Event(), []

    def serve(connection: socket.socket) -> None:
        with connection:
            asked.append(connection.recv(65536))
            try:
                connection.sendall(head)
                while not over.wait(pause):
                    connection.sendall(piece)
            except OSError:
                return

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=_until(over, accept), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        finally:
            over.set()
            thread.join(5)


def _until(over: threading.Event, accept: Any) -> Any:
    def run() -> None:
        while not over.is_set():
            accept()

    return run


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"", b"H"),
    ],
)
def test_an_answer_in_drips_ends_at_the_deadline(head: bytes, piece: bytes) -> None:
    if not head:
        piece = b""
    with dripping(head, piece) as (url, asked):
        begin = time.monotonic()
        problem = problem_of(client(url, total_timeout=0.6, read_timeout=5), "POST", body={})
        assert 0.5 <= time.monotonic() - begin < 3
    assert str(problem) == (
        f"POST /x: {url} did not end its answer within 0.6 seconds (total_timeout); it may have been done all the same"
    )
    assert (problem.maybe, problem.passes, len(asked)) == (True, False, 1)


def test_what_is_sent_again_ends_at_the_deadline_too(api: Api) -> None:
    api.intervene = lambda request: Reply(503)
    begin = time.monotonic()
    problem_of(client(api.url, total_timeout=0.3, tries=10))
    assert time.monotonic() - begin < 2


def test_a_connection_that_is_used_again_has_a_new_deadline(api: Api) -> None:
    one = client(api.url, total_timeout=0.4)
    for _time in range(3):
        api.delay = 0.2
        one.request("GET", "/x")
    assert len(api.requests) == 3


# ---------------------------------------------------------------------- where nothing is sent


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_carries_nothing_elsewhere(status: int, method: str, api: Api) -> None:
    with served(Api()) as other:
        api.intervene = lambda request: Reply(status, None, {"Location": f"{other.url}/x"})
        problem = problem_of(client(api.url), method, body={} if method == "POST" else None)
        assert str(problem).endswith(
            f"answers {status} and sends one on to {other.url}; give the address that answers itself as base_url"
        )
        assert other.requests == []


def test_a_redirect_on_the_same_server_names_the_path(api: Api) -> None:
    api.intervene = lambda request: Reply(301, None, {"Location": "/x/?token=geheim"})
    assert str(problem_of(client(api.url))) == "GET /x: the server answers 301 and sends one on to /x/; give that path"


@pytest.mark.parametrize("link", ["http://inner.example:8001/x?page=2", "https://{own}/x?page=2", "//inner.example/x?page=2"])
def test_a_link_to_another_server_is_refused_or_rewritten(link: str, api: Api) -> None:
    link = link.format(own=api.url.partition("//")[2])
    one = client(api.url)
    with pytest.raises(HttpProblem, match=r"another server is not sent the credentials.*set rewrite_links: true"):
        one.joined(one.request("GET", "/x"), link)
    allowed = client(api.url, rewrite_links=True)
    assert allowed.joined(allowed.request("GET", "/x"), link) == f"{api.url}/x?page=2"


# ---------------------------------------------------------------------- answers


def test_an_answer_is_read_in_its_own_characters(api: Api) -> None:
    content = json.dumps({"city": "Zürich"}, ensure_ascii=False).encode("latin-1")

    def answer(request: Request) -> Reply:
        return Reply(200, content, {"Content-Type": f"application/json; charset={request.query['charset']}"})

    api.intervene = answer
    assert client(api.url).request("GET", "/x?charset=iso-8859-1").json() == {"city": "Zürich"}
    for charset in ("utf-8", "no-such-thing"):
        with pytest.raises(HttpProblem, match="the answer is not JSON"):
            client(api.url).request("GET", f"/x?charset={charset}").json()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"status": "error", "message": "name is taken"}, "name is taken"),
        ({"success": False, "errors": ["no"]}, '["no"]'),
        ({"ok": False, "detail": "no"}, "no"),
        ({"error": {"code": 7}}, '{"code": 7}'),
        ({"error": 500, "status": "Icinga is reloading"}, "Icinga is reloading"),
        ({"error": 7, "status": "failed"}, '{"error": 7, "status": "failed"}'),
        ({"id": 1, "status": "active", "error": None, "errors": []}, ""),
        ([{"error": "x"}], ""),
        (None, ""),
    ],
)
def test_an_error_in_an_answer_of_success_is_found(body: Any, complaint: str, api: Api) -> None:
    api.intervene = lambda request: Reply(200, body)
    assert client(api.url).request("POST", "/x", {}).complaint() == complaint
