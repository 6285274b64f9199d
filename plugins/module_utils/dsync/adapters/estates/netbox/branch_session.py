# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Sends the requests of a branch, and nothing that could change main: each write is proved to have been made in the branch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....exceptions import RecordProblem
from ...http.answers import Answer, HttpProblem
from ..options import EstateOptions
from ..session import REQUEST_ID, Session
from .branches import HEADER, TYPES, Branch, Branches

_READING = ("GET", "OPTIONS")
_LOG = "/api/core/object-changes/"
_FORBIDDEN = 403

Listed = Callable[[str], Sequence[Mapping[str, Any]]]
"""Returns the objects at an endpoint of the server."""


class BranchSession(Session):
    """A session in a branch. Before the branch exists, main is read.

    Args:
        options: of the adapter.
        auth_scheme: the word in front of the token.
        connections: how many requests may be under way at a time.
        wanted: the branch.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: a library is not installed.
    """

    def __init__(self, options: EstateOptions, auth_scheme: str, connections: int, wanted: Branch) -> None:
        super().__init__(options, auth_scheme, connections)
        self._wanted, self._lock = wanted, threading.Lock()
        self._branches = Branches(wanted, options.url, self.in_main, self.address_of, self.sleep)
        self._branch: Mapping[str, Any] | None = None
        self._covered: frozenset[str] = frozenset()
        self._unprovable = self._doubt = ""
        self._merged = False

    @property
    def title(self) -> str:
        """What the branch is called in messages."""
        return self._branches.title

    @property
    def schema(self) -> str | None:
        """The id by which requests name the branch; None if it does not exist yet."""
        return None if self._branch is None else str(self._branch["schema_id"])

    # ------------------------------------------------------------------ the branch

    def open(
        self, status: Mapping[str, Any], release: tuple[int, int], listed: Callable[[str], Sequence[Mapping[str, Any]]]
    ) -> None:
        """Find the branch, before anything else is read.

        Args:
            status: what the server reports about itself.
            release: of the server.
            listed: returns the objects at an endpoint.

        Raises:
            RecordProblem: the server has no branches, or not this one and it is not to be created; or it cannot be used.
        """
        self._branches.check_plugin(status, release)
        self._covered = self._branches.covered(listed(TYPES))
        self._unprovable = self._log_refused()
        self._branch = self._branches.find()

    def record(self) -> dict[str, Any]:
        """Return what the result reports about the branch."""
        return {"name": self._wanted.name, "schema_id": self.schema, "merged": self._merged}

    def why_not(self, endpoint: str) -> str:
        """Return why objects at an endpoint cannot be changed in a branch; empty if they can."""
        if endpoint.strip("/") in self._covered:
            return self._unprovable
        return f"branches of NetBox do not have {endpoint}, so a change would be made in main; omit options.branch for this model"

    def has_unmerged_changes(self) -> bool:
        """Return whether :meth:`merge` would merge something."""
        if not self._wanted.merge or self._merged or self._branch is None:
            return False
        return self._branches.has_changes(self._branch)

    def merge(self) -> bool:
        """Merge the branch if that is asked for, and return whether there was something to merge. Raises RecordProblem."""
        if self._branch is None or not self.has_unmerged_changes():
            return False
        self._branches.merge(self._branch)
        self._merged = True
        return True

    # ------------------------------------------------------------------ requests

    def in_main(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request as a session without a branch does."""
        return super().request(method, url, body, headers)

    def request(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request to the branch; one that changes something is refused unless it is certain where the change is made.

        Raises:
            HttpProblem: as that of the base class; or it is not certain, and then nothing more is sent that changes something.
        """
        if method in _READING:
            return super().request(method, url, body, {**(headers or {}), **self._header()})
        endpoint = _endpoint_of(url)
        if why := self.why_not(endpoint):
            raise HttpProblem(why)
        self._enter()
        answer = super().request(method, url, body, {**(headers or {}), **self._header()})
        try:
            doubt = self._doubt_of(answer, method, endpoint, body)
        except RecordProblem as problem:
            doubt = f"{answer.said} cannot be proved to have changed the branch: {problem}"
        if doubt:
            self._doubt = f"{self.title}: {doubt}; nothing more is written"
            raise HttpProblem(self._doubt, maybe=True)
        return answer

    def _header(self) -> dict[str, str]:
        return {} if self.schema is None else {HEADER: self.schema}

    def _enter(self) -> None:
        """See to it that there is a branch to write to. Raises HttpProblem, for all requests from then on."""
        with self._lock:
            if not self._doubt and self._branch is None:
                try:
                    self._branch = self._branches.new()
                except RecordProblem as problem:
                    self._doubt = str(problem)
            if self._doubt:
                raise HttpProblem(self._doubt)

    # ------------------------------------------------------------------ the proof

    def _log_refused(self) -> str:
        """Return why nothing can be proved; empty if the change log may be read."""
        try:
            self.in_main("GET", self.address_of(_LOG, {"limit": 1}))
        except HttpProblem as problem:
            if problem.status == _FORBIDDEN:
                return f"changes are proved to be in the branch by the change log, and {problem}"
            raise
        return ""

    def _doubt_of(self, answer: Answer, method: str, endpoint: str, body: Any) -> str:
        """Return why it is not certain that a request changed the branch and nothing else; empty if it is.

        The change log of main has none of the request's changes, and that of the branch has them. A change that alters nothing is
        in no change log: then no object has the time of the answer in main.
        """
        name = answer.headers.get(REQUEST_ID)
        if not name:
            return f"{answer.said} cannot be proved to have changed the branch, because the answer has no {REQUEST_ID}"
        stray = self._log_of(name, {})
        if stray["count"]:
            shown = ", ".join(f'"{one.get("object_repr") or one.get("display")}"' for one in stray["results"])
            return f"{answer.said} changed main instead, {stray['count']} objects such as {shown}"
        recorded = self._log_of(name, self._header())["count"]
        if recorded >= (len(body) if method == "POST" and isinstance(body, list) else 1):
            return ""
        if method == "PATCH" and not self._shared_times(answer, endpoint):
            return ""
        return f"{answer.said} cannot be proved to have changed the branch, whose change log lacks it"

    def _log_of(self, name: str, header: Mapping[str, str]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.in_main("GET", self.address_of(_LOG, {"request_id": name, "limit": 1}), None, header).json()
        return found

    def _shared_times(self, answer: Answer, endpoint: str) -> bool:
        """Return whether main has one of the objects of an answer as the answer has it, by the time of its last change."""
        times = {one["id"]: one.get("last_updated") for one in answer.json()}
        path = self.address_of(f"/api/{endpoint}/", {"id": list(times), "fields": "id,last_updated", "limit": len(times)})
        there = self.in_main("GET", path).json()["results"]
        return any(one["last_updated"] == times[one["id"]] for one in there)


def _endpoint_of(url: str) -> str:
    """Return the endpoint of the path of a list, or of an object in it."""
    parts = url.partition("/api/")[2].strip("/").split("/")
    return "/".join(parts[:-1] if parts[-1].isdecimal() else parts)
