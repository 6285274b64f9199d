# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Jobs: a server answers 202, and does what it was asked for later.

::

    create: {job: {path: "/jobs/{job_id}", status: state, done: [completed], failed: [aborted], returns: result.device}}

:class:`.endpoint_options.JobOptions` describes the keys, all of which can be left out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, read, text_of_path
from ..http.answers import Answer, HttpProblem, message_of
from ..http.client import Client
from .endpoint_options import JobOptions
from .template import Template

ACCEPTED = 202
"""The status of an answer to what is only begun."""


@dataclass(frozen=True)
class Job:
    """How a job is followed.

    Attributes:
        path: where it is, with fields of the answer that begins it; None for where the header Location leads.
        status: where the job reports its state.
        done: the states of a finished job, in lower case.
        failed: the states of a failed job, in lower case.
        every: seconds between two looks.
        timeout: seconds for all of them.
        returns: where a job that is done has the record.
    """

    path: Template | None
    status: Path
    done: frozenset[str]
    failed: frozenset[str]
    every: float
    timeout: float
    returns: Path


def job_of(declared: Declared) -> Job:
    """Return how a job is followed, as it was declared. Raises DefinitionError."""
    given = JobOptions.part(declared)
    done, failed = (frozenset(str(one).lower() for one in words) for words in (given.done, given.failed))
    return Job(given.path, given.status, done, failed, given.every, given.timeout, given.returns)


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
