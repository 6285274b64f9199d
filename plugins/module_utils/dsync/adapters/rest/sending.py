# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Sending records: what goes into a request, what the record is afterwards, and which requests can be under way together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...exceptions import DSyncException, RecordProblem
from ...records.mapping import Record
from ...records.path import MISSING, Path, nested, read, text_of_path, write
from ..http.answers import Answer, HttpProblem
from ..http.client import Client
from ..http.matching import matched
from .endpoint import Action, Endpoint
from .jobs import ACCEPTED, ended

logger = logging.getLogger("dsync")

_DIVISIBLE = (400, 409, 413, 422)
"""Refusals of many records at once that may be the fault of one of them."""

_GONE = (404, 410)
_NO_SUCH_REQUEST = (405, 501)
_CHANGED, _UNCONDITIONAL = 412, 428


@dataclass(frozen=True)
class Call:
    """A request for one record.

    Attributes:
        url: the path.
        body: what is sent of the record.
        record: the record as it is afterwards if the server does not say more.
        ancestors: the records of its parent, of the parent of that, and so on.
        again: returns the request for the record as the server has it now. It raises RecordProblem where somebody else changed what
            is to be changed. None for a new record.
        seen: the record as it was read; empty for a new one.
        parts: part of the record that is to be changed → its value before and after.
        only_parts: whether nothing else of the record is to be changed.
    """

    url: str
    body: Mapping[str, Any]
    record: dict[str, Any]
    ancestors: Sequence[Record]
    again: Callable[[Mapping[str, Any]], Call] | None = None
    seen: Record = field(default_factory=dict)
    parts: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    only_parts: bool = False


class Sending:
    """Sends the requests of one action; may be used by several threads.

    Args:
        client: sends them.
        endpoint: the collection's.
        action: the action.
        name: its name.
        identity: the fields that identify a record.
    """

    def __init__(self, client: Client, endpoint: Endpoint, action: Action, name: str, identity: Sequence[Path]) -> None:
        self._client, self._endpoint, self._action, self._name, self._identity = client, endpoint, action, name, identity
        self._down: HttpProblem | None = None
        self._reads = name == "update" and action.send == "whole" and bool(endpoint.get or action.path.asks_record)

    def send(self, calls: Sequence[Call]) -> list[Any]:
        """Return what becomes of the records of some calls that share an address: the record, or an exception."""
        if self._action.bulk:
            return self._in_bulk(calls)
        return [self._caught(self._one, call) for call in calls]

    def _body(self, calls: Sequence[Call]) -> Any:
        if self._endpoint.pairs is not None:
            name, value = self._endpoint.pairs
            return self._action.body([{call.record[name]: call.record.get(value)} for call in calls])
        null_as = self._endpoint.null_as
        return self._action.body([call.body if null_as is None else _without_null(call.body, null_as) for call in calls])

    def _caught(self, work: Callable[[Call], Any], call: Call) -> Any:
        try:
            return work(call)
        except DSyncException as problem:
            return problem

    def _request(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request, unless the server could not be reached a moment ago."""
        if self._down is not None:
            raise HttpProblem(
                f"it was not sent because the server could not be reached before: {self._down}", down=True, passes=True
            )
        try:
            answer = self._client.request(self._action.method, url, body, headers)
        except HttpProblem as problem:
            if problem.down:
                self._down = problem
            raise
        complaint = "" if self._has_key(self._returned(answer)) else answer.complaint()
        if complaint:
            raise HttpProblem(
                f"{answer.said}: the server answers {answer.status}, and reports an error: {complaint}", answer.status, maybe=True
            )
        return answer

    def _one(self, call: Call) -> dict[str, Any]:
        record = call.record if call.only_parts else self._whole(call)
        return self._with_parts(call, record) if call.parts else record

    def _with_parts(self, call: Call, record: dict[str, Any]) -> dict[str, Any]:
        """Change the parts of a record that have requests of their own; what is to go goes first, for it may be in the way."""
        parts = [(part, *call.parts[part.name]) for part in self._endpoint.parts if part.name in call.parts]
        requests = [one for part, before, after in parts for one in part.removals(before, after)]
        requests += [one for part, before, after in parts for one in part.additions(before, after)]
        for number, one in enumerate(requests):
            try:
                url = one.path.filled({**record, "item": one.item}, call.ancestors)
                answer = self._client.request(one.method, url, one.body)
                complaint = answer.complaint()
                if complaint:
                    raise HttpProblem(f"{answer.said}: the server answers {answer.status}, and reports an error: {complaint}")
            except RecordProblem as problem:
                if call.only_parts and not number:
                    raise
                raise HttpProblem(f"{problem}; what belongs to the record was changed in part only", maybe=True) from None
        return {**record, **{part.name: after for part, _before, after in parts}}

    def _whole(self, call: Call) -> dict[str, Any]:
        try:
            if self._endpoint.if_match and call.again:
                call, answer = self._conditional(call)
            else:
                call = self._refreshed(call)
                answer = self._plain(call)
        except HttpProblem as problem:
            if problem.status == _UNCONDITIONAL and call.again is not None:
                call, answer = self._conditional(call)
            elif self._was_gone(problem):
                return call.record
            else:
                raise
        value = self._value(answer)
        return call.record if self._name == "delete" else self._after(call, answer, value)

    def _value(self, answer: Answer) -> Any:
        """Return what the server has where the record should be, when all is done."""
        if answer.status != ACCEPTED:
            return None if self._name == "delete" else self._returned(answer)
        if self._action.job is not None:
            return ended(self._client, self._action.job, answer)
        logger.warning("%s: the server answers 202, so it may not be done yet; describe the job in the endpoint", answer.said)
        return None

    def _returned(self, answer: Answer) -> Any:
        """Return what an answer has where the record should be, or the fields of it that it has."""
        value = answer.json_if_any()
        if not self._action.gives:
            return read(value, self._action.returns)
        found = {field: read(value, place) for field, place in self._action.gives.items()}
        return nested({field: one for field, one in found.items() if one is not MISSING})

    def _was_gone(self, problem: HttpProblem) -> bool:
        """Return whether a deletion failed since there is no such record any more."""
        one = self._action.method == "DELETE" and self._action.path.asks_record
        return one and self._name == "delete" and problem.status in _GONE

    def _plain(self, call: Call, headers: Mapping[str, str] | None = None) -> Answer:
        return self._request(call.url, self._body([call]) if self._action.has_body else None, headers)

    def _fresh(self, call: Call) -> tuple[Answer, Any]:
        """Return the answer to a request for a record, and what it has where the record should be."""
        get = self._endpoint.get
        there = self._client.request("GET", get.path.filled(call.record, call.ancestors) if get else call.url)
        return there, read(there.json(), get.returns if get else self._action.returns)

    def _refreshed(self, call: Call) -> Call:
        """Return a request that sends a whole record, with what the server has now in the fields that are not changed, so that it
        does not undo what others changed since the record was read. Where it cannot be read, the request is as it was."""
        if not self._reads or call.again is None:
            return call
        try:
            _there, fresh = self._fresh(call)
        except HttpProblem as problem:
            self._reads = problem.status not in _NO_SUCH_REQUEST
            return call
        except RecordProblem:
            return call
        key = self._endpoint.key
        if not self._has_key(fresh) or read(fresh, key) != read(call.seen, key):
            return call
        return call.again(
            {**call.seen, **{name: fresh[name] for name in call.seen if _is_alike(call.seen[name], fresh.get(name, MISSING))}}
        )

    def _conditional(self, call: Call) -> tuple[Call, Answer]:
        """Send a request that only counts for the record as it is now, after a look whether somebody else changed it."""
        there, fresh = self._fresh(call)
        tag = there.headers.get("ETag")
        if tag is None or not isinstance(fresh, Mapping) or call.again is None:
            raise RecordProblem(f"{there.said}: the answer has no ETag, or no record, so it is unknown whether it was changed")
        now = call.again(fresh)
        try:
            return now, self._plain(now, {"If-Match": tag})
        except HttpProblem as problem:
            if problem.status != _CHANGED:
                raise
            raise HttpProblem(
                f"{problem}; it was changed by someone else meanwhile, and nothing was overwritten", _CHANGED
            ) from None

    def _in_bulk(self, calls: Sequence[Call]) -> list[Any]:
        """Send many records at once, halved as long as they are refused in a way for which one of them may be to blame."""
        try:
            answer = self._request(calls[0].url, self._body(calls))
            value = self._value(answer)
        except HttpProblem as problem:
            middle = len(calls) // 2
            if middle and problem.status in _DIVISIBLE:
                return [*self._in_bulk(calls[:middle]), *self._in_bulk(calls[middle:])]
            return [problem] * len(calls)
        if self._name == "delete":
            return [call.record for call in calls]
        by = self._identity if self._name == "create" else (self._endpoint.key,)
        each = matched([call.record for call in calls], value if isinstance(value, list) else (), by)
        return [self._caught(partial(self._after, answer=answer, value=one), call) for call, one in zip(calls, each)]

    def _after(self, call: Call, answer: Answer, value: Any) -> dict[str, Any]:
        """Return the record after a change: from the answer, as the server returns it when it is asked, or as it was sent."""
        if self._has_key(value) and not self._action.gives:
            return {**call.record, **value} if self._name == "update" else dict(value)
        if self._name == "update":
            return call.record
        known_now = {**call.record, **(value if isinstance(value, dict) else {})}
        return self._read_back(call, answer, known_now) or (known_now if self._action.gives else call.record)

    def _has_key(self, value: Any) -> bool:
        return isinstance(value, dict) and read(value, self._endpoint.key) not in (MISSING, None)

    def _read_back(self, call: Call, answer: Answer, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the created record as the server has it; None if it cannot be found, although it was created."""
        get = self._endpoint.get
        try:
            if answer.location and answer.status != ACCEPTED and not self._action.bulk:
                url = self._client.joined(answer, answer.location)
            elif get is not None:
                url = get.path.filled(record, call.ancestors)
            else:
                return None
            value = read(self._client.request("GET", url).json(), get.returns if get else self._action.returns)
        except RecordProblem:
            return None
        return dict(value) if self._has_key(value) else None


def _is_alike(seen: Any, fresh: Any) -> bool:
    """Return whether two values of a field have one form, which a list of records and a single record may show differently."""
    if isinstance(seen, Mapping) and isinstance(fresh, Mapping):
        return seen.keys() == fresh.keys()
    if fresh is MISSING or seen is None or fresh is None:
        return fresh is not MISSING
    kinds: Any = (int, float) if isinstance(seen, (int, float)) and not isinstance(seen, bool) else type(seen)
    return isinstance(fresh, kinds)


def _without_null(record: Mapping[str, Any], null_as: str) -> dict[str, Any]:
    """Return a record with a string in the place of null, also in dictionaries in it."""
    return {
        name: null_as if value is None else _without_null(value, null_as) if isinstance(value, Mapping) else value
        for name, value in record.items()
    }


def sent(action: Action, record: Mapping[str, Any], changed: Collection[Path]) -> dict[str, Any]:
    """Return what is sent of a record. Raises RecordProblem where a field is missing.

    Args:
        action: describes what is to be sent.
        record: as it is to be.
        changed: paths of what was changed; fields are sent with all that is in them, for not every server merges.
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
    if action.send == "values":
        return nested({path: read(record, path) for path in changed})
    names = {path[0] for path in changed}
    return {**body, **{name: record[name] for name in record if name in names}}


def without(record: Mapping[str, Any], key: Path | None) -> dict[str, Any]:
    """Return a record without the field that holds its key in a dictionary, if the record itself does not have that field."""
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
