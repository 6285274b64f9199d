# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A small server in memory that has branches as NetBox has them with the plugin netbox-branching."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

from dsync.adapters.estates.netbox.kinds import KINDS
from estate_server import Native, NetBoxEstate
from rest_api import Reply, Request

HEADER = "X-NetBox-Branch"
BRANCHES = "plugins/branching/branches"


class BranchingEstate(NetBoxEstate):
    """Main, and branches of it; a test can make it misbehave.

    Attributes:
        branches: id → a branch.
        reads_until_ready: how often a new branch is read before it is ready; None for never, as without a worker.
        deaf_to: returns whether a request is answered as if it named no branch.
        uncovered: endpoints whose objects no branch has.
        conflicts: what hinders the merge of any branch, as the server reports it.
        job: the status of the job that merges, and its error.
        names_requests: whether answers name their requests.
        log_refused: whether nobody may read the change log.
    """

    def __init__(self) -> None:
        super().__init__()
        self.status = {"netbox-version": "4.7.3", "plugins": {"netbox_branching": "1.2.2"}, "rq-workers-running": 1}
        self.branches: dict[int, Native] = {}
        self.reads_until_ready: int | None = 1
        self.deaf_to: Callable[[Request], bool] = lambda request: False
        self.uncovered = {"extras/custom-fields"}
        self.conflicts: list[Native] = []
        self.job: tuple[str, str] = ("completed", "")
        self.names_requests, self.log_refused = True, False
        self._main = self.tables
        self._of_branch: dict[str, dict[str, dict[Any, Native]]] = {}
        self._logs: dict[str | None, list[tuple[str, Native]]] = {}
        self._requests = itertools.count(1)
        self._reads: dict[int, int] = {}

    # ------------------------------------------------------------------ for tests

    def add_branch(self, name: str, status: str = "ready") -> str:
        """Add a branch that is like main, and return its schema id."""
        number = len(self.branches) + 1
        schema = f"schema{number:02}"
        self.branches[number] = {"id": number, "name": name, "schema_id": schema, "status": status}
        self._of_branch[schema] = copy.deepcopy(self._main)
        return schema

    def names_in(self, schema: str, endpoint: str) -> set[str]:
        """Return the names of the objects of a branch."""
        return {native["name"] for native in self._of_branch[schema].get(endpoint, {}).values()}

    def statuses(self) -> dict[str, str]:
        return {one["name"]: one["status"] for one in self.branches.values()}

    def writes(self) -> list[Request]:
        """Return the requests that would change objects."""
        found = [one for one in self.api.requests if one.method not in ("GET", "OPTIONS")]
        return [one for one in found if "/plugins/branching/" not in one.path]

    # ------------------------------------------------------------------ answers

    def answer(self, request: Request) -> Reply:
        schema = None if self.deaf_to(request) else request.headers.get(HEADER)
        ready = {one["schema_id"] for one in self.branches.values() if one["status"] == "ready"}
        if schema is not None and schema not in ready:
            return Reply(400, b"Invalid branch identifier")
        path = request.path.removeprefix("/api/").strip("/")
        if path.startswith("plugins/branching/"):
            return self._branching(path.removeprefix("plugins/branching/").split("/"), request)
        if path == "core/object-types":
            return _listed([self._type(number, kind.endpoint) for number, kind in enumerate(KINDS)])
        if path == "core/object-changes" and self.log_refused:
            return Reply(403, {"detail": "No permission."})
        if path == "core/object-changes":
            asked = request.query.get("request_id")
            return _listed([native for name, native in self._logs.get(schema, []) if asked in (None, name)])
        if path.startswith("core/jobs/"):
            return self._job_done(int(path.split("/")[2]))
        return self._in(schema, request)

    def _in(self, schema: str | None, request: Request) -> Reply:
        """Answer a request about objects of a branch, or of main."""
        self.tables = self._main if schema is None else self._of_branch[schema]
        before = copy.deepcopy(self.tables)
        try:
            reply = super().answer(request)
            if request.method in ("GET", "OPTIONS") or reply.status >= 400:
                return reply
            name = f"request-{next(self._requests)}"
            log = self._logs.setdefault(schema, [])
            for endpoint in {*before, *self.tables}:
                old, new = before.get(endpoint, {}), self.tables.get(endpoint, {})
                changed = [one for one in {**old, **new} if _timeless(old.get(one)) != _timeless(new.get(one))]
                log += [(name, {"object_repr": {**old, **new}[one]["name"], "id": one}) for one in changed]
            return reply._replace(headers={"X-Request-ID": name} if self.names_requests else {})
        finally:
            self.tables = self._main

    def _type(self, number: int, endpoint: str) -> Native:
        features = ["tags"] if endpoint in self.uncovered else ["tags", "branching"]
        return {"id": number, "rest_api_endpoint": f"/netbox/api/{endpoint}/", "features": features}

    def _branching(self, parts: list[str], request: Request) -> Reply:
        if parts[0] == "changes":
            schema = self.branches[int(request.query["branch_id"])]["schema_id"]
            changed = [native for _name, native in self._logs.get(schema, [])]
            return _listed(self.conflicts if "has_conflicts" in request.query else changed)
        if request.method == "POST" and parts[1:]:
            return Reply(200, {"id": int(parts[1]), "status": {"value": "pending", "label": "Pending"}})
        if request.method == "POST":
            self.add_branch(request.body["name"], "new")
            return Reply(201, self._shown_branch(len(self.branches)))
        if parts[1:]:
            return self._read_branch(int(parts[1]))
        name = request.query.get("name")
        return _listed([self._shown_branch(number) for number, one in self.branches.items() if name in (None, one["name"])])

    def _read_branch(self, number: int) -> Reply:
        self._reads[number] = self._reads.get(number, 0) + 1
        branch = self.branches[number]
        if branch["status"] in ("new", "provisioning") and self.reads_until_ready is not None:
            branch["status"] = "ready" if self._reads[number] >= self.reads_until_ready else "provisioning"
        return Reply(200, self._shown_branch(number))

    def _shown_branch(self, number: int) -> Native:
        branch = self.branches[number]
        return {**branch, "status": {"value": branch["status"], "label": branch["status"].title()}}

    def _job_done(self, number: int) -> Reply:
        status, error = self.job
        branch = self.branches[number]
        if status == "completed":
            self._main.clear()
            self._main.update(copy.deepcopy(self._of_branch[branch["schema_id"]]))
            branch["status"] = "merged"
        return Reply(200, {"id": number, "status": {"value": status, "label": status.title()}, "error": error})


def _listed(found: list[Native]) -> Reply:
    return Reply(200, {"count": len(found), "next": None, "results": found})


def _timeless(native: Native | None) -> Any:
    return None if native is None else {name: value for name, value in native.items() if name != "last_updated"}
