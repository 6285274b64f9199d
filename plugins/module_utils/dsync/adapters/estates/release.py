# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Which system a server is, and which release of it."""

from __future__ import annotations

import re

from ...exceptions import RecordProblem
from ..http.answers import Answer, HttpProblem
from .session import Session

Release = tuple[int, int]

_RELEASE = re.compile(r"(\d+)\.(\d+)")


def release_in(version: str) -> Release | None:
    """Return the release with which a version begins; None if there is none."""
    found = _RELEASE.match(version)
    return None if found is None else (int(found.group(1)), int(found.group(2)))


def introduction(session: Session, path: str, system: str) -> Answer:
    """Return the answer in which a server says what it is.

    Args:
        session: sends the request.
        path: where each server of the system answers so.
        system: its name.

    Raises:
        RecordProblem: it cannot be reached, or refuses; the sentence says what to check.
    """
    try:
        return session.request("GET", path)
    except HttpProblem as problem:
        hint = "; check the token" if problem.status in (401, 403) else ""
        hint = f"; check that this is the address of a {system}, without /api" if problem.status == 404 else hint
        raise RecordProblem(f"{problem}{hint}") from None


def supported_release(name: str, system: str, version: str, oldest: Release) -> Release:
    """Return the release of a server.

    Args:
        name: of the server, for messages.
        system: what it should be.
        version: what it says.
        oldest: the oldest release whose API is as the adapter expects it.

    Raises:
        RecordProblem: it is older, or something else.
    """
    release = release_in(version)
    if release is None:
        raise RecordProblem(f"{name} does not identify itself as {system}; check that this is its address, without /api")
    if release < oldest:
        raise RecordProblem(f"{name} is {system} {version}, and this adapter needs {oldest[0]}.{oldest[1]} or newer")
    return release
