# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Branches of a NetBox with the plugin netbox-branching: found, created, waited for and merged. All of this is asked of main."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ...._util.suggestions import known
from ....exceptions import RecordProblem
from ....records.declaration_reader import Declared
from ...http.answers import Answer, HttpProblem
from ..session import objects_in

HEADER = "X-NetBox-Branch"
"""The header that names the branch of a request by its schema id."""

PLUGIN = "netbox_branching"
SINCE = (4, 4)
"""The release of NetBox since which it reports for each type of objects whether branches have them."""

TYPES = "core/object-types"
_BRANCHES = "/api/plugins/branching/branches/"
_CHANGES = "/api/plugins/branching/changes/"
_FEATURE = "branching"
_NO_BRANCH = "no-such-branch"
"""Longer than any schema id."""

_KEYS = ("name", "create", "merge", "timeout")
_LONGEST_NAME = 100
_CONFLICT, _BAD_REQUEST = 409, 400
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_READY, _MERGED = "ready", "merged"
_CLOSED = {
    _MERGED: "takes no more changes; choose another name, or delete it in NetBox",
    "archived": "takes no more changes; choose another name, or delete it in NetBox",
    "failed": "cannot be used; its jobs in NetBox say why",
    "pending-migrations": "cannot be used before its action Migrate has run in NetBox",
}
"""Status of a branch that does not become ready by itself → what that means."""

_MOST_NAMED = 3


@dataclass(frozen=True)
class Branch:
    """The option ``branch``.

    Attributes:
        name: of the branch.
        create: whether it is created before the first change, if there is none.
        merge: whether it is merged at the end of a run without failures.
        timeout: how many seconds NetBox may take to provision it, and to merge it.
    """

    name: str
    create: bool = False
    merge: bool = False
    timeout: float = 600.0


def branch_of(declared: Declared) -> Branch:
    """Return the branch that an option declares, by its name or in a dictionary. Raises DefinitionError."""
    value = declared.value
    if not isinstance(value, Mapping):
        return Branch(_name_of(declared))
    given = dict(declared.mapping(_KEYS))
    if "name" not in given:
        declared.wrong("it has no name.")
    timeout = given["timeout"].value if "timeout" in given else Branch.timeout
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
        given["timeout"].wrong(f"this should be a number of seconds above 0, and is {given['timeout'].shown()}.")
    flags = {key: given[key].truth() for key in ("create", "merge") if key in given}
    return Branch(_name_of(given["name"]), timeout=float(timeout), **flags)


def _name_of(declared: Declared) -> str:
    name = declared.text()
    if len(name) > _LONGEST_NAME or name != name.strip():
        declared.wrong(f"the name of a branch has at most {_LONGEST_NAME} characters, and no blank at its beginning or end.")
    return name


Send = Callable[..., Answer]
"""Sends a request to main: the method, the path, a body, headers. Raises HttpProblem."""


class Branches:
    """The branches of a NetBox.

    Args:
        wanted: the branch that is used.
        server: what the server is called in messages.
        send: sends a request to main.
        address_of: returns the address of a path with parameters.
        sleep: waits for seconds; raises HttpProblem when the run is interrupted.
    """

    def __init__(
        self,
        wanted: Branch,
        server: str,
        send: Send,
        address_of: Callable[[str, Mapping[str, Any]], str],
        sleep: Callable[[float], None],
    ) -> None:
        self._wanted, self._server, self._send = wanted, server, send
        self._address_of, self._sleep = address_of, sleep
        self.title = f'the branch "{wanted.name}" of {server}'

    # ------------------------------------------------------------------ what the server can do

    def check_plugin(self, status: Mapping[str, Any], release: tuple[int, int]) -> None:
        """Raise RecordProblem when the server has no branches, or does not let a request choose one."""
        plugins = status.get("plugins")
        if release < SINCE or not isinstance(plugins, Mapping) or PLUGIN not in plugins:
            needs = f"NetBox {SINCE[0]}.{SINCE[1]} or newer with the plugin {PLUGIN}"
            raise RecordProblem(f"{self._server} has no branches; options.branch needs {needs}")
        try:
            self._send("GET", self._address_of(f"/api/{TYPES}/", {"limit": 1}), None, {HEADER: _NO_BRANCH})
        except HttpProblem as problem:
            if problem.status == _BAD_REQUEST:
                return
            raise
        raise RecordProblem(
            f"{self._server} ignores the header {HEADER}, so changes would be made in main; look whether a proxy removes it"
        )

    @staticmethod
    def covered(types: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Return the endpoints whose objects branches have, such as ``dcim/sites``; NetBox keeps others only once.

        Args:
            types: those of objects, as the server lists them.
        """
        addresses = [one.get("rest_api_endpoint") or "" for one in types if _FEATURE in (one.get("features") or ())]
        return frozenset(address.partition("/api/")[2].strip("/") for address in addresses) - {""}

    # ------------------------------------------------------------------ one branch

    def find(self) -> Mapping[str, Any] | None:
        """Return the branch, ready; None if there is none and it will be created. Raises RecordProblem."""
        there = self._listed(_BRANCHES, {"name": self._wanted.name})
        found = next((one for one in there if one.get("name") == self._wanted.name), None)
        if found is not None:
            return self._ready(found)
        if not self._wanted.create:
            names = [one["name"] for one in self._listed(_BRANCHES, {"brief": "true", "limit": 1000})]
            hint = known(self._wanted.name, names)
            raise RecordProblem(f'{self._server} has no branch "{self._wanted.name}"{hint}; choose one, or set create: true')
        return None

    def new(self) -> Mapping[str, Any]:
        """Create the branch, and return it when it is ready. Raises RecordProblem."""
        made: Mapping[str, Any] = self._send("POST", _BRANCHES, {"name": self._wanted.name}).json()
        return self._ready(made)

    def _ready(self, branch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a branch as soon as it is ready. Raises RecordProblem when it does not become ready in time."""
        waiting = _Waiting(self._wanted.timeout, self._sleep)
        while _status(branch) != _READY:
            if _status(branch) in _CLOSED:
                raise RecordProblem(f"{self.title} is {_status(branch)} and {_CLOSED[_status(branch)]}")
            if not waiting.goes_on():
                self._late(f'still "{_status(branch)}"')
            branch = self._read(branch)
        return branch

    def _read(self, branch: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._send("GET", f"{_BRANCHES}{branch['id']}/").json()
        return found

    def _late(self, state: str) -> NoReturn:
        """Raise RecordProblem: NetBox has not done in time what its workers do."""
        status = self._send("GET", "/api/status/").json()
        idle = isinstance(status, Mapping) and status.get("rq-workers-running") == 0
        hint = "no worker runs in NetBox; start one (netbox-rq)" if idle else "its jobs in NetBox say why"
        raise RecordProblem(f"{self.title} is {state} after {self._wanted.timeout:g} seconds (options.branch.timeout); {hint}")

    # ------------------------------------------------------------------ merging

    def has_changes(self, branch: Mapping[str, Any]) -> bool:
        """Return whether something was changed in a branch."""
        return bool(self._listed(_CHANGES, {"branch_id": branch["id"], "limit": 1}))

    def merge(self, branch: Mapping[str, Any]) -> None:
        """Merge a branch into main, and wait until that is done.

        Raises:
            RecordProblem: it is not merged, because main has changed the same objects, or NetBox cannot; or it is not known to be.
        """
        self._refuse(self._listed(_CHANGES, {"branch_id": branch["id"], "has_conflicts": "true"}))
        try:
            job = self._send("POST", f"{_BRANCHES}{branch['id']}/merge/", {"commit": True}).json()
        except HttpProblem as problem:
            self._refuse(_conflicts_in(problem))
            raise
        waiting = _Waiting(self._wanted.timeout, self._sleep)
        while True:
            job = self._send("GET", f"/api/core/jobs/{job['id']}/").json()
            if _status(job) == "completed" and _status(self._read(branch)) == _MERGED:
                return
            if _status(job) in ("completed", "errored", "failed"):
                why = " ".join(str(job.get("error") or "its jobs in NetBox say why").split())
                raise RecordProblem(f"{self.title} is not merged: {why}")
            if not waiting.goes_on():
                self._late("not merged")

    def _refuse(self, conflicts: Sequence[Mapping[str, Any]]) -> None:
        """Raise RecordProblem when there are conflicts."""
        if conflicts:
            named = ", ".join(
                f'{one.get("object_type")} "{one.get("object_repr")}" ({", ".join(one.get("conflicts") or ("deleted",))})'
                for one in conflicts[:_MOST_NAMED]
            )
            more = ", …" if len(conflicts) > _MOST_NAMED else ""
            objects = f"{len(conflicts)} of its objects {'has' if len(conflicts) == 1 else 'have'}"
            raise RecordProblem(
                f"{self.title} is not merged: {objects} been changed in main as well, {named}{more}; merge it in NetBox, where "
                "conflicts can be acknowledged"
            )

    def _listed(self, path: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return objects_in(self._send("GET", self._address_of(path, parameters)))


class _Waiting:
    """Waits in growing pauses, and not for ever.

    Args:
        timeout: seconds in all.
        sleep: waits for seconds.
    """

    def __init__(self, timeout: float, sleep: Callable[[float], None]) -> None:
        self._until, self._sleep, self._pause = time.monotonic() + timeout, sleep, _FIRST_PAUSE

    def goes_on(self) -> bool:
        """Wait for a while, and return whether there is still time."""
        left = self._until - time.monotonic()
        if left <= 0:
            return False
        self._sleep(min(self._pause, left))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return True


def _status(native: Mapping[str, Any]) -> str:
    """Return the status of a branch or a job, which some releases give with a label."""
    status = native.get("status")
    return str(status.get("value") if isinstance(status, Mapping) else status)


def _conflicts_in(problem: HttpProblem) -> Sequence[Mapping[str, Any]]:
    """Return the conflicts for which a merge was refused; none if it was refused for another reason."""
    try:
        told = json.loads(problem.content) if problem.status == _CONFLICT else {}
    except ValueError:
        return ()
    found = told.get("conflicts") if isinstance(told, Mapping) else None
    return found if isinstance(found, list) else ()
