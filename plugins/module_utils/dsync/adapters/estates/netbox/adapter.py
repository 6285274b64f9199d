# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``netbox``: the objects of a NetBox, under names.

Which models there are, and what identifies their objects, is told in :mod:`.kinds`; what all sources of truth have in common
in :mod:`..adapter`. NetBox makes all changes of a request or none of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ....exceptions import RecordProblem
from ....records.declaration_reader import Declared
from ...http.answers import HttpProblem
from ...http.options import from_environment
from ...http.pages import Pages
from ..adapter import EstateAdapter
from ..kinds import Kind
from ..names import Native, Natives, ServerId
from ..sending import Refusal, told
from ..session import Session
from .filters import ignored
from .kinds import KINDS

OLDEST = (4, 2)
"""The oldest release of NetBox whose API is as this adapter expects it."""

MESSAGES_SINCE = (4, 4)
"""The release of NetBox since which a change can be given a message for the change log."""

CURSORS_SINCE = (4, 6)
"""The release of NetBox since which pages stay in step with objects that come and go meanwhile, and are not counted each time."""

_V2_TOKEN = "nbt_"
_VERSION = re.compile(r"(\d+)\.(\d+)")
_HEAVY = "config_context"


class NetBoxAdapter(EstateAdapter):
    """The objects of a NetBox.

    Args:
        url: NetBox's address, without ``/api``; by default that of the environment variable NETBOX_URL or NETBOX_API.
        token: an API token of version 1 or 2; a secret; by default that of NETBOX_TOKEN.
        filters: model → parameters of NetBox's list, such as ``{device: {site: [nyc, par]}}``; only what they let through is
            loaded, compared and deleted.
        page_size: how many objects a page has at most; NetBox may allow fewer.
        workers: how many requests are under way at a time while it is loaded.
        batch_size: how many objects are written with one request.
        owner_tag: a tag that new objects get; only objects that have it are ever deleted.
        changelog_message: what NetBox's change log is to say of every change.
        cache: a file that keeps the last load, so that the next one asks only for changes.
        full_every: after what length of time, or how many loads, everything is loaded anew in spite of the cache.
        connect_timeout: seconds.
        read_timeout: seconds without a sign of the server.
        total_timeout: seconds for a request from its beginning to the end of its answer, everything that is sent again included.
        max_wait: seconds; a server that asks to wait longer before a request is sent again is not asked again.
        verify: whether the server's certificate is checked.
        ca_file: certificates in PEM to trust in place of the system's.
        trust_env: whether proxies, and .netrc, of the environment count.
        tries: how often a request is sent at most when it fails in a way that may pass; one that creates or changes something only
            if it was not sent at all, or the server answers that it did nothing (429, or 503 with Retry-After).
        retry_unsafe: whether requests that create or change something may be repeated as well.
        rate_limit: requests a second at most.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: httpx or tenacity is not installed.
    """

    type = "netbox"
    kinds = KINDS

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        filters: Mapping[str, Any] | None = None,
        page_size: int = 1000,
        workers: int = 4,
        batch_size: int = 100,
        owner_tag: str | None = None,
        changelog_message: str | None = None,
        cache: str | None = None,
        full_every: str | int = "P1D",
        connect_timeout: float = 10.0,
        read_timeout: float = 120.0,
        total_timeout: float = 600.0,
        max_wait: float = 60.0,
        verify: bool = True,
        ca_file: str | None = None,
        trust_env: bool = False,
        tries: int = 3,
        retry_unsafe: bool = False,
        rate_limit: float | None = None,
    ) -> None:
        url = from_environment(url, "options.url", "NETBOX_URL", "NETBOX_API")
        token = from_environment(token, "options.token", "NETBOX_TOKEN")
        options = Declared({name: value for name, value in locals().items() if name not in ("self", "__class__")}, "options")
        super().__init__(options)
        self._page_size = options.at("page_size").number(1)
        self._message = None if changelog_message is None else options.at("changelog_message").text()
        scheme = "Bearer" if isinstance(token, str) and token.startswith(_V2_TOKEN) else "Token"
        self._session = Session(options, scheme, self._workers)
        self._version, self._cursors = "", False

    def close(self) -> None:
        """Close the connections to the server; that happens by itself when nothing refers to the adapter any more."""
        self._session.close()

    def result_records(self) -> dict[str, Any]:
        """Return what the result tells of the server and the requests: its release, how many, and their ids in the change log."""
        return {
            "netbox_version": self._version,
            "requests": self._session.sent,
            "request_ids": list(self._session.request_ids),
            "left_aside": self.left_aside(),
        }

    # ------------------------------------------------------------------ the server

    def about_server(self) -> Any:
        try:
            status = self._session.request("GET", "/api/status/").json()
        except HttpProblem as problem:
            hint = "; is the token right?" if problem.status in (401, 403) else ""
            hint = "; is this the address of a NetBox, without /api?" if problem.status == 404 else hint
            raise RecordProblem(f"{problem}{hint}") from None
        self._version = str(status.get("netbox-version", "")) if isinstance(status, Mapping) else ""
        found = _VERSION.match(self._version)
        if found is None:
            raise RecordProblem(f"{self.name} does not say that it is a NetBox; is this its address, without /api?")
        release = (int(found.group(1)), int(found.group(2)))
        if release < OLDEST:
            raise RecordProblem(f"{self.name} is NetBox {self._version}, and this adapter needs {OLDEST[0]}.{OLDEST[1]} or newer")
        if self._message is not None and release < MESSAGES_SINCE:
            since = ".".join(map(str, MESSAGES_SINCE))
            raise RecordProblem(f"{self.name} is NetBox {self._version}, which takes no changelog_message; that came with {since}")
        self._cursors = release >= CURSORS_SINCE
        return self._version

    def list_natives(self, endpoint: str, parameters: Mapping[str, Any], found: Natives | None = None) -> Natives:
        if self._cursors:
            pages = Pages("keyset", "start", size=self._page_size, first=0, beyond=1)
            return self._session.listed(endpoint, parameters, pages, found)
        pages = Pages("keyset", "id__gt", size=self._page_size, first=None)
        return self._session.listed(endpoint, {"ordering": "id", **parameters}, pages, found)

    def _count(self, endpoint: str, parameters: Mapping[str, Any]) -> int:
        answer = self._session.request("GET", self._session.address_of(f"/api/{endpoint}/", {**parameters, "limit": 1}))
        return int(answer.json()["count"])

    def fields_parameters(self, kind: Kind, fields: set[str] | None) -> dict[str, Any]:
        return {"omit": _HEAVY} if fields is None else {"fields": ",".join(sorted(fields))}

    def check_filters(self, kind: Kind, filters: Mapping[str, Any]) -> None:
        unknown = ignored(filters, lambda probe: self._count(kind.endpoint, probe))
        if unknown is not None:
            raise RecordProblem(
                f'{kind.endpoint} has no filter "{unknown}", and NetBox takes no notice of filters that it does not know; '
                "the names are those of the parameters in its API documentation"
            )

    @staticmethod
    def plain_value(value: Any) -> Any:
        """Return the value of a choice, which NetBox gives with a label."""
        return value["value"] if isinstance(value, Mapping) and value.keys() == {"value", "label"} else value

    # ------------------------------------------------------------------ writing

    def _logged(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [body if self._message is None else {**body, "changelog_message": self._message} for body in bodies]

    def send_new(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        return self._session.changed("POST", endpoint, self._logged(bodies))

    def send_changed(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        return self._session.changed("PATCH", endpoint, self._logged(bodies))

    def send_removed(self, endpoint: str, server_ids: Sequence[ServerId]) -> None:
        if len(server_ids) > 1:
            self._session.changed("DELETE", endpoint, self._logged([{"id": one} for one in server_ids]))
            return
        try:
            body = None if self._message is None else {"changelog_message": self._message}
            self._session.request("DELETE", f"/api/{endpoint}/{server_ids[0]}/", body)
        except HttpProblem as problem:
            if problem.status != 404:
                raise

    def refusals_in(self, problem: HttpProblem, sent: Sequence[Mapping[str, Any]]) -> list[Refusal]:
        try:
            said = json.loads(problem.content)
        except ValueError:
            return []
        if isinstance(said, list):  # as servers before 4.7 say it: one entry for each object, empty where nothing is wrong
            return [Refusal(place, told(errors)) for place, errors in enumerate(said) if errors]
        places = {body.get("id"): place for place, body in enumerate(sent) if "id" in body}
        found = []
        for entry in said.get("errors", ()) if isinstance(said, dict) else ():
            place = entry.get("index", places.get(entry.get("id")))
            if place is not None:
                found.append(Refusal(place, told(entry.get("errors"))))
        if not found and len(sent) == 1:
            found.append(Refusal(0, told(said)))
        return found
