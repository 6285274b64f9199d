# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small API with collections in memory, behind a real HTTP server on 127.0.0.1; a test can make it misbehave."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote


class Request(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any
    content: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.target.partition("?")[2]).items()}


class Reply(NamedTuple):
    """What is answered; a body of bytes is sent as it is. The connection just ends where the status is 0."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = {}


@dataclass
class Api:
    """The collections, and what happened.

    A path with an even number of parts is a record of the collection before it, whose key is the last part: the value of the field
    that `keys` has for the collection's own name, or of `id`. With `hangs_up` a connection ends after a refusal, and not before the
    next request has come, as that of a server does which has not read the body.
    """

    collections: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    intervene: Callable[[Request], Reply | None] = lambda request: None
    delay: float = 0.0
    hangs_up: bool = False
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    busiest: int = 0
    url: str = ""
    _busy: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    def sent(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        time.sleep(self.delay)
        with self._lock:
            self._busy -= 1
            return self.intervene(request) or self.usual(request)

    def usual(self, request: Request) -> Reply:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if len(parts) % 2:
            return self._collection(request, self.collections.setdefault("/".join(parts), []))
        there = self.collections.setdefault("/".join(parts[:-1]), [])
        key = self.keys.get(parts[-2], "id")
        found = next((record for record in there if str(record.get(key)) == parts[-1]), None)
        if found is None and request.method != "PUT":
            return Reply(404, {"detail": "Not found."})
        if request.method == "PUT":
            if found is None:
                there.append(found := {})
            found.clear()
            found.update(request.body)
        elif request.method == "PATCH":
            found.update(request.body)
        elif request.method == "DELETE":
            there.remove(found)
            return Reply(204)
        return Reply(200, found)

    def _collection(self, request: Request, there: list[dict[str, Any]]) -> Reply:
        if request.method == "GET":
            return Reply(200, there)
        if request.method == "POST":
            record = {"id": next(self.ids), **request.body, "made_by": "the server"}
            there.append(record)
            return Reply(201, record)
        return Reply(405, {"error": "not here"})


def _body(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:  # a form
        return content.decode()


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        refused = False

        def _handle(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.refused and api.hangs_up:
                self.close_connection = True
                return
            reply = api.answer(Request(self.command, self.path, dict(self.headers), _body(content), content))
            if not reply.status:
                self.close_connection = True
                return
            self.refused = reply.status >= 400
            data = reply.body if isinstance(reply.body, bytes) else b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(data)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler._handle)
    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away, and those that do not trust the certificate

    def hang_up(self) -> None:
        """End all connections, those as well that wait for another request."""
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def served(api: Api, context: ssl.SSLContext | None = None) -> Iterator[Api]:
    """Serve an API on a free port, over TLS where there is a context."""
    server = _Server(("127.0.0.1", 0), _handler(api))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.hang_up()
        thread.join()
        server.server_close()
