# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What pynetbox and pynautobot send their requests with: the client of the adapter ``rest``, which tries again, keeps to a rate,
checks certificates and tells every failure in a sentence."""

from __future__ import annotations

import json as json_text
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ..http.answers import Answer
from ..http.client import Client
from ..http.options import address, credentials, manners, tls

REQUEST_ID = "X-Request-ID"
"""The header in which a server names the request, as its change log does."""


_READINGS = 4
"""How often a list that changes meanwhile is read at most."""


def client_of(options: Declared, auth_scheme: str, connections: int) -> Client:
    """Return what sends requests to a server.

    Args:
        options: ``url``, ``token`` and those of the adapter ``rest`` of the same names: ``connect_timeout``, ``read_timeout``,
            ``total_timeout``, ``max_wait``, ``verify``, ``ca_file``, ``trust_env``, ``tries``, ``retry_unsafe`` and ``rate_limit``.
        auth_scheme: the word in front of the token.
        connections: how many requests may be under way at a time.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: a library is not installed.
    """
    absent = dict.fromkeys(("username", "password", "auth_header", "headers", "secret_headers", "client_cert", "client_key"))
    given = {**absent, **options.value, "auth_scheme": auth_scheme, "base_url": address(options.at("url"))}
    return Client(given["base_url"], credentials(given), tls(given), manners(options, connections, rewrite_links=True))


class Response:
    """An answer, as pynetbox and pynautobot read it; a refusal never becomes one, for the client raises it."""

    ok = True

    def __init__(self, answer: Answer, totals: set[int] | None = None) -> None:
        self._answer, self._totals = answer, totals
        self.status_code, self.headers, self.text = answer.status, answer.headers, answer.text
        self.url, self.reason = answer.url, ""

    def json(self) -> Any:
        """Return the value that the answer is. Raises HttpProblem when it is not JSON."""
        value = self._answer.json()
        if self._totals is not None and isinstance(value, dict) and isinstance(value.get("count"), int):
            self._totals.add(value["count"])
        return value


class Session:
    """Takes the place of ``http_session`` in pynetbox and pynautobot; may be used by several threads.

    Args:
        client: sends the requests.

    Attributes:
        sent: how many requests were sent, those that were sent again not counted.
        request_ids: the ids that the server gave to requests that changed something, the last thousand of them.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.sent = 0
        self.request_ids: list[str] = []

    def get(self, url: str, **given: Any) -> Response:
        """Send a GET. ``params`` are its parameters; headers are the client's own affair."""
        return Response(self.answer("GET", url, **given))

    def steadily(self, where: str, read: Callable[[Any], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Return the objects of a list, each of them once, read again where they are not as many as every page says.

        What is deleted while pages are read moves another object to a page that was read already, where it would be missed; and in
        an order that leaves open which of two objects comes first, one may be on two pages and the other on none.

        Args:
            where: the list, for the message.
            read: returns the objects, given a session that it sends its requests with.

        Raises:
            RecordProblem: their number changes each time.
        """
        for _time in range(_READINGS):
            totals: set[int] = set()
            found = {native["id"]: native for native in read(_Watched(self, totals))}
            if totals <= {len(found)}:
                return list(found.values())
        raise RecordProblem(
            f"{where}: the number of objects changed while they were read, {_READINGS} times; run this again when fewer changes "
            "are made there"
        )

    def options(self, url: str, **given: Any) -> Response:
        """Send an OPTIONS."""
        return Response(self.answer("OPTIONS", url, **given))

    def post(self, url: str, **given: Any) -> Response:
        """Send a POST; ``json`` or ``data`` is its body."""
        return Response(self.answer("POST", url, **given))

    def patch(self, url: str, **given: Any) -> Response:
        """Send a PATCH."""
        return Response(self.answer("PATCH", url, **given))

    def delete(self, url: str, **given: Any) -> Response:
        """Send a DELETE."""
        return Response(self.answer("DELETE", url, **given))

    def answer(
        self,
        method: str,
        url: str,
        headers: Any = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
    ) -> Answer:
        """Send a request and return the answer. Raises HttpProblem."""
        with self._lock:
            self.sent += 1
        body = json_text.loads(data) if json is None and isinstance(data, str) else json
        answer = self._client.request(method, self._client.address_of(self._own(url), dict(params or {})), body)
        name = answer.headers.get(REQUEST_ID)
        if name and method not in ("GET", "OPTIONS"):
            with self._lock:
                self.request_ids = [*self.request_ids[-999:], name]
        return answer

    def _own(self, url: str) -> str:
        """Return an address as one of the server that was named: behind a proxy, links often name another one."""
        parts, own = urlsplit(url), urlsplit(self._client.base)
        return parts._replace(scheme=own.scheme, netloc=own.netloc).geturl()


class _Watched:
    """Takes the place of a session while a list is read, and notes how many objects each answer says that there are."""

    def __init__(self, session: Session, totals: set[int]) -> None:
        self._session, self._totals = session, totals

    def get(self, url: str, **given: Any) -> Response:
        """Send a GET as the session does."""
        return Response(self._session.answer("GET", url, **given), self._totals)
