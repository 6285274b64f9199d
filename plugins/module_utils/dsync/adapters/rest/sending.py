# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Sending records: what goes into a request, what the record is afterwards, and which requests can be under way together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...exceptions import DSyncException, RecordProblem
from ...records.mapping import Record
from ...records.path import MISSING, Path, read, text_of_path, write
from ..http.answers import Answer, HttpProblem, message_of
from ..http.client import Client
from .endpoint import Action, Endpoint

_DIVISIBLE = (400, 409, 413, 422)
"""Refusals of many records at once that may be the fault of one of them."""

_ACCEPTED = 202
_PRECONDITION_FAILED = 412
_PRECONDITION_REQUIRED = 428
_FAILED = ("error", "fail", "failed", "failure")
_CHANGED_MEANWHILE = "it was changed by somebody else since it was read; nothing was written, so run this again"


@dataclass(frozen=True)
class Call:
    """A request for one record.

    Attributes:
        url: the path.
        body: what is sent of the record.
        record: the record as it is afterwards if the server does not say more.
        ancestors: the records of its parent, of the parent of that, and so on.
        before: the record as it was read; None for one that is to be made.
    """

    url: str
    body: Mapping[str, Any]
    record: dict[str, Any]
    ancestors: Sequence[Record]
    before: Record | None = None


class Sending:
    """Sends the requests of one action; may be used by several threads.

    Args:
        client: sends them.
        endpoint: the collection's.
        action: the action.
        name: its name.
        identifying: the fields that identify a record that is made, whose key only the server knows.
    """

    def __init__(self, client: Client, endpoint: Endpoint, action: Action, name: str, identifying: Sequence[Path] = ()) -> None:
        self._client, self._endpoint, self._action, self._name = client, endpoint, action, name
        self._identifying = identifying if name == "create" else (endpoint.key,)
        self._down: HttpProblem | None = None

    def send(self, calls: Sequence[Call]) -> list[Any]:
        """Return what becomes of the records of some calls that share an address: the record, or an exception."""
        if self._action.bulk:
            return self._in_bulk(calls)
        return [self._caught(self._one, call) for call in calls]

    def _caught(self, work: Callable[[Call], Any], call: Call) -> Any:
        try:
            return work(call)
        except DSyncException as problem:
            return problem

    def _request(self, url: str, body: Any) -> Answer:
        """Send a request, unless the server could not be reached a moment ago."""
        if self._down is not None:
            raise HttpProblem(f"it was not sent, for the server could not be reached before: {self._down}", down=True, passes=True)
        try:
            return self._client.request(self._action.method, url, body)
        except HttpProblem as problem:
            if problem.down:
                self._down = problem
            raise

    def _one(self, call: Call) -> dict[str, Any]:
        answer = self._conditionally(call, self._action.body([call.body]) if self._action.has_body else None)
        self._check(answer)
        if self._name == "delete":
            return call.record
        value = answer.json_if_any()
        return self._after(call, answer, read(value, self._action.returns))

    def _conditionally(self, call: Call, body: Any) -> Answer:
        """Send a request for one record, with the mark of the record's state where the server wants it.

        Raises:
            HttpProblem: the server refuses it, or has another record than was read.
        """
        try:
            return self._request(call.url, body)
        except HttpProblem as problem:
            if problem.status != _PRECONDITION_REQUIRED or call.before is None:
                raise
        there = self._client.request("GET", call.url)
        mark = there.headers.get("ETag")
        if mark is None or not self._is_as_read(call.before, there):
            raise HttpProblem(f"{there.said}: {_CHANGED_MEANWHILE if mark else 'the server wants If-Match, and gives no ETag'}")
        try:
            return self._client.request(self._action.method, call.url, body, {"If-Match": mark})
        except HttpProblem as problem:
            if problem.status == _PRECONDITION_FAILED:
                raise HttpProblem(f"{there.said}: {_CHANGED_MEANWHILE}", problem.status) from None
            raise

    def _is_as_read(self, before: Record, there: Answer) -> bool:
        get = self._endpoint.get
        now = read(there.json(), get.returns if get else self._action.returns)
        return isinstance(now, dict) and all(now.get(name, value) == value for name, value in before.items())

    def _check(self, answer: Answer) -> None:
        """Raise HttpProblem where an answer that is no refusal says that the change failed."""
        value = answer.json_if_any()
        if not isinstance(value, dict) or self._has_key(read(value, self._action.returns)):
            return
        status = value.get("status")
        failed = isinstance(status, str) and status.lower() in _FAILED
        if failed or value.get("success") is False or value.get("ok") is False or value.get("error") or value.get("errors"):
            why = message_of(answer.text.encode())
            raise HttpProblem(f"{answer.said}: the server answers {answer.status}, and says that it failed: {why}", maybe=True)

    def _in_bulk(self, calls: Sequence[Call]) -> list[Any]:
        """Send many records at once, halved as long as they are refused in a way for which one of them may be to blame."""
        try:
            answer = self._request(calls[0].url, self._action.body([call.body for call in calls]))
        except HttpProblem as problem:
            middle = len(calls) // 2
            if middle and problem.status in _DIVISIBLE:
                return [*self._in_bulk(calls[:middle]), *self._in_bulk(calls[middle:])]
            return [problem] * len(calls)
        self._check(answer)
        if self._name == "delete":
            return [call.record for call in calls]
        each = self._each(calls, read(answer.json_if_any(), self._action.returns))
        return [self._caught(partial(self._after, answer=answer, value=one), call) for call, one in zip(calls, each)]

    def _each(self, calls: Sequence[Call], value: Any) -> list[Any]:
        """Return which of the records of an answer is that of each call; None for a call of which that is not known.

        An answer may have its records in another order than the request, so they are told apart by what identifies them; only where
        none of them is known by that, their order counts.
        """
        if not isinstance(value, list):
            return [None] * len(calls)
        asked, answered = [self._identity(call.record) for call in calls], [self._identity(one) for one in value]
        if set(asked) & (set(answered) - {None}):
            found = {name: one for name, one in zip(answered, value) if answered.count(name) == 1}
            return [found.get(name) if name is not None and asked.count(name) == 1 else None for name in asked]
        return value if len(value) == len(calls) else [None] * len(calls)

    def _identity(self, record: Any) -> tuple[str, ...] | None:
        values = [read(record, path) for path in self._identifying] if isinstance(record, dict) else []
        return tuple(map(str, values)) if values and MISSING not in values else None

    def _after(self, call: Call, answer: Answer, value: Any) -> dict[str, Any]:
        """Return the record as it is after a change: as the answer says, as the server says when it is asked, or as it was sent."""
        if answer.status == _ACCEPTED:
            value = None  # what the answer describes, and leads to, is the work that is still to be done
        if self._has_key(value):
            return {**call.record, **value} if self._name == "update" else dict(value)
        if self._name == "update" or self._action.bulk:
            return call.record
        known_now = {**call.record, **(value if isinstance(value, dict) else {})}
        return self._read_back(call, answer, known_now) or call.record

    def _has_key(self, value: Any) -> bool:
        return isinstance(value, dict) and read(value, self._endpoint.key) not in (MISSING, None)

    def _read_back(self, call: Call, answer: Answer, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what was made as the server has it, None where it cannot be found; that it was made stands all the same."""
        get = self._endpoint.get
        try:
            if answer.location and answer.status != _ACCEPTED:
                url = self._client.joined(answer, answer.location)
            elif get is not None:
                url = get.path.filled(record, call.ancestors)
            else:
                return None
            value = read(self._client.request("GET", url).json(), get.returns if get else self._action.returns)
        except RecordProblem:
            return None
        return dict(value) if self._has_key(value) else None


def sent(action: Action, record: Mapping[str, Any], changed: set[str]) -> dict[str, Any]:
    """Return what is sent of a record. Raises RecordProblem where a field is missing.

    Args:
        action: says what is to be sent.
        record: as it is to be.
        changed: the fields in which something was changed; sent with all that is in them, for not every server merges.
    """
    if action.send == "whole":
        return dict(record)
    if action.send == "nothing":
        return {}
    body: dict[str, Any] = {}
    for path in action.send if isinstance(action.send, tuple) else ():
        value = read(record, path)
        if value is MISSING:
            raise RecordProblem(f'the record has no "{text_of_path(path)}", which {action.method} {action.path.text} needs')
        write(body, path, value)
    return {**body, **{name: record[name] for name in record if name in changed}}


def without(record: Mapping[str, Any], key: Path | None) -> dict[str, Any]:
    """Return a record without the field that holds the key under which it stands in a dictionary, and that it has not itself."""
    return {name: value for name, value in record.items() if (name,) != key}


def grouped(action: Action, calls: Sequence[tuple[int, Call]]) -> list[list[tuple[int, Call]]]:
    """Return the calls in groups, within which one is made after the other, or all are made in one request.

    Two requests that change what is at the same address could undo one another; two that add something to it do not.
    """
    if action.method == "POST" and not action.bulk:
        return [[one] for one in calls]
    groups: dict[str, list[tuple[int, Call]]] = {}
    for place, call in calls:
        groups.setdefault(call.url, []).append((place, call))
    return list(groups.values())
