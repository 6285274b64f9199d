# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What can be written to a server, as the server describes it: it ignores fields that it does not know, or that only it writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ..http.answers import Answer, HttpProblem
from ..http.described import About, choices_of, described_fields, is_read_only
from .kinds import CUSTOM_FIELDS, Kind

_NOT_DESCRIBED = (403, 404, 405, 501)
"""Statuses of answers that mean that a server, or a proxy before it, describes nothing."""

_Fields = Mapping[str, frozenset[str]]
"""Field that can be written → its choices; none if it takes any value."""


class Fields:
    """The fields that can be written, their choices, and custom fields; may be used by several threads.

    Args:
        server: what the server is called in messages.
        request: sends a request, of a method to a path.
        beside: returns the fields of an endpoint that can be written although the server does not describe them.
        custom_fields: returns the names of all custom fields; None if the server itself refuses others.
    """

    def __init__(
        self,
        server: str,
        request: Callable[[str, str], Answer],
        beside: Callable[[str], Iterable[str]] = lambda endpoint: (),
        custom_fields: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._server, self._request, self._beside, self._list_custom = server, request, beside, custom_fields
        self._lock = threading.RLock()
        self._about: dict[str, dict[str, About]] = {}
        self._fields: dict[str, _Fields] = {}
        self._custom: frozenset[str] | None = None

    def check(self, kind: Kind, body: Mapping[str, Any]) -> None:
        """Raise RecordProblem when there is a field that the server would ignore, or a value that is none of a field's choices."""
        taken = {} if self._need_not_ask(kind, body) else self._fields_of(kind.endpoint)
        placing = {native for one in kind.placed.values() for native in one.natives}
        for name, value in body.items():
            if taken and name not in taken:
                raise RecordProblem(
                    f'{self._server} has no field "{name}" of {kind.name} objects that can be written{known(name, taken)}'
                )
            choices = taken.get(name, frozenset())
            if choices and name not in placing and isinstance(value, (str, int)) and value != "" and str(value) not in choices:
                raise RecordProblem(f'{name}: {self._server} has no choice "{value}" for it{known(str(value), sorted(choices))}')
        for name in (body.get(CUSTOM_FIELDS) or ()) if self._list_custom is not None else ():
            there = self._custom_fields()
            if name not in there:
                raise RecordProblem(f'{self._server} has no custom field "{name}"{known(name, sorted(there))}')

    def _need_not_ask(self, kind: Kind, body: Mapping[str, Any]) -> bool:
        with self._lock:
            return kind.endpoint not in self._about and kind.is_certain(body)

    def _fields_of(self, endpoint: str) -> _Fields:
        """Return the fields that can be written; none if the server does not report them, as to someone who may not write."""
        with self._lock:
            if endpoint not in self._fields:
                writable = {name: frozenset(map(str, choices_of(about))) for name, about in self.described(endpoint).items()}
                beside = dict.fromkeys(self._beside(endpoint), frozenset[str]()) if writable else {}
                self._fields[endpoint] = {**writable, **beside}
            return self._fields[endpoint]

    def described(self, endpoint: str) -> Mapping[str, About]:
        """Return field → what the server describes of it, for those that can be written; nothing where it describes none."""
        with self._lock:
            if endpoint not in self._about:
                fields = described_fields(self._described(endpoint))
                self._about[endpoint] = {name: about for name, about in fields.items() if not is_read_only(about)}
            return self._about[endpoint]

    def _described(self, endpoint: str) -> Any:
        try:
            return self._request("OPTIONS", f"/api/{endpoint}/").json()
        except HttpProblem as problem:
            if problem.status not in _NOT_DESCRIBED:
                raise
            return None

    def _custom_fields(self) -> frozenset[str]:
        with self._lock:
            if self._custom is None:
                self._custom = frozenset(() if self._list_custom is None else self._list_custom())
            return self._custom
