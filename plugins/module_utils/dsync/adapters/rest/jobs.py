# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Jobs: a server answers 202, and does what it was asked for later.

::

    create: {job: {path: "/jobs/{job_id}", status: state, done: [completed], failed: [aborted], returns: result.device}}

All keys can be left out. ``path`` has fields of the answer in it; without it the job is where the header Location leads. It is
read every ``every`` seconds (1), for ``timeout`` seconds at most (300), until its ``status`` (the field of that name) is one of
``done`` or ``failed``; letters count in whatever case. ``returns`` is where the job has the record when it is done.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, path_of, read, text_of_path
from ..http.answers import Answer, HttpProblem, message_of
from ..http.client import Client
from .template import Template

ACCEPTED = 202
"""The status of an answer to what is only begun."""

_KEYS = ("path", "status", "done", "failed", "every", "timeout", "returns")
_DONE = ("done", "success", "successful", "succeeded", "complete", "completed", "finished", "ok")
_FAILED = ("failed", "failure", "fail", "error", "errored", "aborted", "cancelled", "canceled")


@dataclass(frozen=True)
class Job:
    """How a job is followed.

    Attributes:
        path: where it is, with fields of the answer that begins it; None for where the header Location leads.
        status: where the job says how far it is.
        done: what it says when it is done, in lower case.
        failed: what it says when it has failed, in lower case.
        every: seconds between two looks.
        timeout: seconds for all of them.
        returns: where a job that is done has the record.
    """

    path: Template | None = None
    status: Path = ("status",)
    done: frozenset[str] = frozenset(_DONE)
    failed: frozenset[str] = frozenset(_FAILED)
    every: float = 1.0
    timeout: float = 300.0
    returns: Path = ()


def job_of(declared: Declared) -> Job:
    """Return how a job is followed, as it was declared. Raises DefinitionError."""
    keys = dict(declared.mapping(_KEYS))
    path = Template(keys["path"]) if "path" in keys else None
    if path is not None and path.asks_parent:
        keys["path"].wrong("only fields of the answer that begins the job can be in its path, such as {id}.")
    return Job(
        path,
        path_of(keys["status"]) if "status" in keys else Job.status,
        _words(keys["done"]) if "done" in keys else Job.done,
        _words(keys["failed"]) if "failed" in keys else Job.failed,
        _seconds(keys["every"]) if "every" in keys else Job.every,
        _seconds(keys["timeout"]) if "timeout" in keys else Job.timeout,
        path_of(keys["returns"]) if "returns" in keys else Job.returns,
    )


def _seconds(declared: Declared) -> float:
    value = declared.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        declared.wrong(f"this should be a number of seconds above 0, and is {declared.shown()}.")
    return float(value)


def _words(declared: Declared) -> frozenset[str]:
    return frozenset(str(item.value).lower() for item in declared.items())


def ended(client: Client, job: Job, answer: Answer) -> Any:
    """Wait until a job is done, and return what it has where the record should be.

    Args:
        client: asks.
        job: how it is followed.
        answer: the one that began it.

    Raises:
        HttpProblem: it failed; or it cannot be followed to its end, and then it may be done all the same.
    """
    begun = time.monotonic()
    try:
        url = _address(client, job, answer)
        while True:
            there = client.request("GET", url)
            value = there.json()
            state = read(value, job.status)
            if state is MISSING or state is None:
                raise RecordProblem(f'{there.said}: the job has no "{text_of_path(job.status)}"')
            if str(state).lower() in job.done:
                return read(value, job.returns)
            if str(state).lower() in job.failed:
                break
            if time.monotonic() - begun + job.every > job.timeout:
                raise RecordProblem(f'{there.said}: the job is still "{state}" after {job.timeout:g} seconds')
            client.sleep(job.every)
    except RecordProblem as problem:
        raise HttpProblem(f"{answer.said}: the server began a job, which may be done all the same; {problem}", maybe=True) from None
    raise HttpProblem(f'{answer.said}: its job ended as "{state}": {message_of(there.content)}')


def _address(client: Client, job: Job, answer: Answer) -> str:
    if job.path is not None:
        told = answer.json()
        return job.path.filled(told if isinstance(told, Mapping) else {})
    if answer.location is None:
        raise RecordProblem("the answer has no header Location; give the path of the job")
    return client.joined(answer, answer.location)
