# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists of other objects that Nautobot keeps as objects of their own: read with the object, written separately."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...http.answers import HttpProblem
from ..identity import ServerId
from .kinds import JOINS, Join

Lists = Mapping[str, Sequence[ServerId]]
"""Field → the ids of the objects in its list; fields that are to stay as they are are not in it."""

_IN_ADDRESS = 50
"""How many ids are in the address of one request."""


class Joins:
    """Writes the lists of objects.

    Args:
        changed: sends a request that changes objects: its method, the endpoint and what is sent of each.
        listed: returns the objects of the list at an endpoint, with the parameters of it.
    """

    def __init__(self, changed: Callable[..., list[dict[str, Any]]], listed: Callable[..., list[dict[str, Any]]]) -> None:
        self._changed, self._listed = changed, listed

    @staticmethod
    def split(endpoint: str, bodies: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, list[ServerId]]]]:
        """Return what is sent of some objects without their lists, and the lists."""
        names = JOINS.get(endpoint, {}).keys()
        plain = [{name: value for name, value in body.items() if name not in names} for body in bodies]
        return plain, [{name: _listed(value) for name, value in body.items() if name in names} for body in bodies]

    def add(self, endpoint: str, server_ids: Sequence[ServerId], lists: Sequence[Lists]) -> None:
        """Fill the lists of new objects.

        Raises:
            HttpProblem: nothing was done, or what was done could not be rolled back, which it then states.
        """
        with self._added(endpoint, {(name, own): list(one[name]) for own, one in zip(server_ids, lists) for name in one}):
            pass

    @contextmanager
    def becoming(self, endpoint: str, server_ids: Sequence[ServerId], lists: Sequence[Lists]) -> Iterator[None]:
        """Let the lists of objects be as they are to be: what is new in them is there before the block, what is old goes after it.

        Raises:
            HttpProblem: as the block raises it, or nothing was done; one that may have been done was done in part.
        """
        wanted = {(name, own): list(one[name]) for own, one in zip(server_ids, lists) for name in one}
        there: dict[tuple[str, ServerId], dict[ServerId, ServerId]] = {(name, own): {} for name, own in wanted}
        for name in {name for name, _own in wanted}:
            join = JOINS[endpoint][name]
            for pair in self._pairs(join, [own for other, own in wanted if other == name]):
                there[name, pair[join.own]["id"]][pair[join.other]["id"]] = pair["id"]
        missing = {key: [one for one in others if one not in there[key]] for key, others in wanted.items()}
        with self._added(endpoint, missing):
            yield
        for name in {name for name, _own in wanted}:
            surplus = [
                pair for key, pairs in there.items() if key[0] == name for other, pair in pairs.items() if other not in wanted[key]
            ]
            if surplus:
                with partly("everything was changed except removals from its lists"):
                    self._changed("DELETE", JOINS[endpoint][name].endpoint, [{"id": pair} for pair in surplus])

    def _pairs(self, join: Join, server_ids: Sequence[ServerId]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(server_ids), _IN_ADDRESS):
            yield from self._listed(join.endpoint, {join.own: list(server_ids[start : start + _IN_ADDRESS]), "depth": 0})

    @contextmanager
    def _added(self, endpoint: str, missing: Mapping[tuple[str, ServerId], Sequence[ServerId]]) -> Iterator[None]:
        """Add to lists, and take it back if that fails half-way, or the block does."""
        made: list[tuple[str, list[ServerId]]] = []

        def remove_again() -> None:
            for place, ids in made:
                self._changed("DELETE", place, [{"id": one} for one in ids])

        with undone_by(remove_again):
            for name in dict.fromkeys(name for name, _own in missing):
                join = JOINS[endpoint][name]
                pairs = [(own, other) for (field, own), others in missing.items() if field == name for other in others]
                if pairs:
                    new = self._sent(join, [{join.own: own, join.other: other} for own, other in pairs])
                    made.append((join.endpoint, [pair["id"] for pair in new]))
            yield

    def _sent(self, join: Join, bodies: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        try:
            sent: Sequence[Mapping[str, Any]] = self._changed("POST", join.endpoint, bodies)
        except HttpProblem as problem:  # the places of the pairs do not show which of the objects is at fault
            raise HttpProblem(str(problem), problem.status, maybe=problem.maybe) from None
        return sent


def _listed(value: Any) -> list[ServerId]:
    """Return a list; a mapping may see only one object in it, or none."""
    if value in (None, ""):
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


@contextmanager
def undone_by(undo: Callable[[], Any]) -> Iterator[None]:
    """Take back what was done before if the server refuses what is done in the block.

    Raises:
        HttpProblem: as the block raises it; where it cannot be rolled back, one after which nothing is to be sent again.
    """
    try:
        yield
    except HttpProblem as refusal:
        with partly(f"{refusal}; what had been done before could not be rolled back"):
            undo()
        raise


@contextmanager
def partly(done: str) -> Iterator[None]:
    """Let a failure of the block be that of something which was done in part, and is not to be sent again.

    Args:
        done: what is to be said of that.

    Raises:
        HttpProblem: the block failed.
    """
    try:
        yield
    except HttpProblem as problem:
        raise HttpProblem(f"{done}: {problem}", maybe=True) from None
