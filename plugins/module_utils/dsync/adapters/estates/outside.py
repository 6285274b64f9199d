# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects to which others refer and that no model of a task has: those that are named are asked for, or all of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from ..http.answers import HttpProblem
from .identity import Native, ServerId
from .kinds import Kind

Listed = Callable[[Kind, Mapping[str, Any]], Iterable[Native]]
"""Returns what the server lists of a kind with some parameters, as far as it identifies the objects."""

IN_ADDRESS = 50
"""How many objects one request names at most."""

_LONGEST = 2500
"""How many characters of an address name objects: web servers do not take longer ones as they are set up."""

MOST = 20
"""How many requests for named objects of a kind there are before all of its objects are asked for."""

_BAD_REQUEST = 400


class Outside:
    """Asks for objects of kinds that are not loaded.

    Args:
        listed: asks the server.
    """

    def __init__(self, listed: Listed) -> None:
        self._listed = listed
        self._requests: dict[str, int] = {}
        self._whole: set[str] = set()

    def has_all(self, kind: Kind) -> bool:
        """Return whether all objects of a kind were asked for."""
        return kind.name in self._whole

    def all(self, kind: Kind) -> list[Native]:
        """Return all objects of a kind; none if they were requested already. Raises RecordProblem."""
        if kind.name in self._whole:
            return []
        self._whole.add(kind.name)
        return list(self._listed(kind, {}))

    def by_ids(self, kind: Kind, server_ids: Sequence[ServerId]) -> list[Native]:
        """Return the objects with these ids, or all of the kind where that takes fewer requests. Raises RecordProblem."""
        return self.by_fields(kind, [{"id": one} for one in server_ids])

    def by_fields(self, kind: Kind, wanted: Sequence[Mapping[str, Any]]) -> list[Native]:
        """Return the objects that have these values, and maybe others.

        Args:
            kind: theirs.
            wanted: field → value, for each object; all objects are asked for where one of them has none.

        Raises:
            RecordProblem: the server cannot be asked.
        """
        if kind.name in self._whole or not wanted:
            return []
        queries = list(_queries(wanted))
        requests = self._requests.get(kind.name, 0) + len(queries)
        if requests > MOST or not all(queries):
            return self.all(kind)
        self._requests[kind.name] = requests
        found: list[Native] = []
        for query in queries:
            natives = self._chosen(kind, query)
            if natives is None:
                return self.all(kind)
            found += natives
        return found

    def _chosen(self, kind: Kind, query: Mapping[str, Sequence[Any]]) -> list[Native] | None:
        """Return the objects that have some values; None if the list has no such filter, and refuses or ignores it."""
        try:
            natives = list(self._listed(kind, query))
        except HttpProblem as problem:
            if problem.status != _BAD_REQUEST:
                raise
            return None
        texts = {name: {str(value) for value in values} for name, values in query.items()}
        ignored = any(str(native.get(name)) not in values for native in natives for name, values in texts.items())
        return None if ignored else natives


def _queries(wanted: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, list[Any]]]:
    """Yield the parameters of requests: values of the fields that all objects of a request have."""
    for chunk in chunks(wanted, lambda one: len(urlencode(one)) + 1):
        shared = set(chunk[0]).intersection(*chunk[1:])
        yield {name: list(dict.fromkeys(one[name] for one in chunk)) for name in sorted(shared)}


def chunks(items: Iterable[Any], length: Callable[[Any], int] = lambda one: len(str(one)) + 4) -> Iterator[list[Any]]:
    """Yield items in lists that the address of one request has room for.

    Args:
        items: what is named, such as ids.
        length: returns how many characters an item takes.
    """
    chunk: list[Any] = []
    room = 0
    for item in items:
        room -= length(item)
        if not chunk or len(chunk) == IN_ADDRESS or room < 0:
            if chunk:
                yield chunk
            chunk, room = [], _LONGEST - length(item)
        chunk.append(item)
    if chunk:
        yield chunk
