# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Sends the requests of sources of truth, counts them, and reads their lists."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ...exceptions import RecordProblem
from ..http.answers import Answer, HttpProblem
from ..http.client import Client
from ..http.options import credentials, manners, tls
from ..http.pages import Pages
from ..http.reader import PageReader
from ..http.reading import Collection
from .options import EstateOptions
from .sending import in_order

REQUEST_ID = "X-Request-ID"
"""The header in which a server names the request, as its change log does."""

_READING = ("GET", "OPTIONS")
_IDS_KEPT = 1000


class Session(Client):
    """Sends requests to a source of truth; may be used by several threads.

    Behind a proxy, its links often name another server: they are taken for links to this one.

    Args:
        options: of the adapter.
        auth_scheme: the word in front of the token.
        connections: how many requests may be under way at a time.

    Attributes:
        sent: how many requests were sent, those that were sent again not counted.
        request_ids: the ids that the server gave to requests that changed something, the last thousand of them.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: a library is not installed.
    """

    def __init__(self, options: EstateOptions, auth_scheme: str, connections: int) -> None:
        absent = dict.fromkeys(("username", "password", "auth_header", "headers", "secret_headers", "client_cert", "client_key"))
        given = {**absent, **dict(options), "auth_scheme": auth_scheme, "base_url": options.url.rstrip("/")}
        super().__init__(given["base_url"], credentials(given), tls(given), manners(options, connections, rewrite_links=True))
        self._counting = threading.Lock()
        self._begun: dict[str, Answer] = {}
        self.sent = 0
        self.request_ids: list[str] = []

    def request(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        with self._counting:
            kept = self._begun.pop(url, None)
            self.sent += kept is None
        if kept is not None:
            return kept
        answer = super().request(method, url, body, headers)
        name = answer.headers.get(REQUEST_ID)
        if name and method not in _READING:
            with self._counting:
                self.request_ids = [*self.request_ids[1 - _IDS_KEPT :], name]
        return answer

    def begun(self, endpoint: str, parameters: Mapping[str, Any], pages: Pages) -> Answer:
        """Ask for the first page of a list of keyset pages, and keep it for the next reading of that list.

        Raises:
            HttpProblem: the server cannot be asked.
        """
        path = self.address_of(f"/api/{endpoint}/", parameters)
        url = self.address_of(path, {**pages.sizes, pages.param: pages.first})
        self._begun.clear()
        answer = self.request("GET", url)
        self._begun[url] = answer
        return answer

    def listed(
        self, endpoint: str, parameters: Mapping[str, Any], pages: Pages, found: list[dict[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Return the objects of a list.

        Args:
            endpoint: such as ``dcim/sites``.
            parameters: of the list.
            pages: how it is divided.
            found: gets the objects as they come, and only those in the end.

        Raises:
            RecordProblem: it cannot be read, or is no list.
        """
        path = self.address_of(f"/api/{endpoint}/", parameters)
        return PageReader(Collection(self, path, pages, objects_in, ("id",)), found).read()

    def queried(self, path: str, query: str) -> Any:
        """Return the data of a GraphQL query; None if the server answers none.

        Args:
            path: of GraphQL, such as ``/graphql/``.
            query: the query.
        """
        with self._counting:
            self.sent += 1
        try:
            value = super().request("POST", path, {"query": query}).json()
        except (HttpProblem, RecordProblem):
            return None
        return value.get("data") if isinstance(value, dict) else None

    def index(self, path: str) -> Any:
        """Return name → address of what a server has below a path of its API; nothing where there is none.

        Args:
            path: such as ``dcim``.

        Raises:
            HttpProblem: the server cannot be asked.
        """
        try:
            return self.request("GET", f"/api/{path}/" if path else "/api/").json()
        except HttpProblem as problem:
            if problem.status not in (403, 404, 405):
                raise
            return {}

    def changed(self, method: str, endpoint: str, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send one request that changes several objects, and return them as they are then; new ones in the order of the bodies.

        Raises:
            HttpProblem: as :meth:`request` does; or the answer does not show what became of the objects.
        """
        answer = self.request(method, f"/api/{endpoint}/", list(bodies))
        if method == "DELETE":
            return []
        try:
            value = answer.json()
        except HttpProblem as problem:
            raise HttpProblem(str(problem), maybe=True) from None
        if not isinstance(value, list):
            what = f"the answer is a {type(value).__name__}, and should be a list of objects"
            raise HttpProblem(f"{answer.said}: {what}", maybe=True)
        return in_order(bodies, value, answer.said) if method == "POST" else value


def objects_in(answer: Answer, _later: bool = False) -> list[dict[str, Any]]:
    """Return the objects of a page of a list. Raises RecordProblem if it is not one."""
    value = answer.json()
    found = value.get("results") if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise RecordProblem(f'{answer.said}: the answer has no list at "results"')
    return found
