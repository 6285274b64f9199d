# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests that concern many objects: which of them a server refuses, and what need not be asked again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ...exceptions import RecordProblem
from ..http.answers import HttpProblem

_DIVISIBLE = (400, 409, 413, 422)
"""Refusals of many objects together that may be the fault of one of them; after others it is not safe to send them again."""

_Answer = TypeVar("_Answer")
Bodies = Sequence[dict[str, Any]]
Natives = Sequence[Mapping[str, Any]]


class Refusal(NamedTuple):
    """What a server reports about one of many objects that it refused together.

    Attributes:
        place: the object's position in the request.
        message: what is wrong with it, in the server's words.
    """

    place: int
    message: str


class Remembered:
    """Sends requests for many objects, and remembers what the server refuses, so that it is not asked again.

    The run halves a batch that is refused until the objects at fault are alone: those that are known to be at fault need no
    further request.

    Args:
        refusals_in: returns what a server reports about the objects of a request that it refused.
    """

    def __init__(self, refusals_in: Callable[[HttpProblem, Sequence[Mapping[str, Any]]], Sequence[Refusal]]) -> None:
        self._refusals_in = refusals_in
        self._refused: dict[str, str] = {}

    def send(
        self, model: str, bodies: Bodies, send: Callable[[Bodies], _Answer], asks_again: bool = False
    ) -> _Answer | HttpProblem:
        """Send a request, and return what ``send`` returns, or a problem after which nothing of it is to be sent again.

        Args:
            model: the objects' model.
            bodies: what is sent, one for each object.
            send: sends them.
            asks_again: whether the server reports more about an object that is sent alone, so that it is worth a request.

        Raises:
            HttpProblem: the server refused them; if there is only one, with what it reported about it.
            RecordProblem: it is known of one of them that the server refuses it.
        """
        keys = [f"{model} {sorted(body.items(), key=str)}" for body in bodies]
        blamed = next((self._refused[key] for key in keys if key in self._refused), None)
        if blamed is not None and not (asks_again and len(bodies) == 1):
            raise RecordProblem(blamed)
        try:
            return send(bodies)
        except HttpProblem as problem:
            found = self._refusals_in(problem, bodies)
            if len(bodies) == 1 and found:
                raise HttpProblem(found[0].message, problem.status, maybe=problem.maybe) from None
            if not found and problem.status not in _DIVISIBLE:
                return problem
            self._refused.update((keys[one.place], one.message) for one in found if 0 <= one.place < len(keys))
            raise


def in_order(sent: Natives, answered: list[dict[str, Any]], said: str) -> list[dict[str, Any]]:
    """Return the objects of an answer in the order of what they were created from: by what they hold, since that decides.

    A server may hold another value than it was sent, so only fields of which it holds exactly those that were sent are compared.

    Args:
        sent: what was sent, one for each object.
        answered: the new objects.
        said: what was asked, for messages.

    Raises:
        HttpProblem: it is not certain which is which; all may have been created.
    """
    unclear = HttpProblem(f"{said}: the answer does not show which object is which; they may have been created", maybe=True)
    if len(answered) != len(sent):
        raise unclear
    names = [name for name in dict.fromkeys(name for body in sent for name in body) if _same_values(name, sent, answered)]
    wanted, held = ([tuple(_told(one, name) for name in names) for one in some] for some in (sent, answered))
    if wanted == held:
        return answered
    places = {key: place for place, key in enumerate(held)}
    if len(places) < len(held) or {*wanted} != places.keys():
        raise unclear
    return [answered[places[key]] for key in wanted]


def _same_values(name: str, sent: Natives, answered: Natives) -> bool:
    return Counter(_told(one, name) for one in sent) == Counter(_told(one, name) for one in answered)


def _told(one: Mapping[str, Any], name: str) -> str:
    """Return a value as it can be compared: a choice without its label, and the id of an object that is referred to."""
    value = one.get(name)
    values = value if isinstance(value, list) else [value]
    plain = [some.get("value", some.get("id", some)) if isinstance(some, Mapping) else some for some in values]
    return str(sorted(map(str, plain)) if isinstance(value, list) else plain[0])


def refusal_in(problem: HttpProblem) -> Any:
    """Return the value of the answer in which a server refused a request; None where it is not JSON."""
    try:
        return json.loads(problem.content)
    except ValueError:
        return None


def sentence_of(errors: Any) -> str:
    """Return the server's errors about one object, in one line: field by field; what concerns no field has no name."""
    if isinstance(errors, Mapping):
        unnamed = ("__all__", "non_field_errors", "detail")
        return "; ".join(
            sentence_of(error) if name in unnamed else f"{name}: {sentence_of(error)}" for name, error in errors.items()
        )
    if isinstance(errors, list):
        return " ".join(sentence_of(error) for error in errors)
    return " ".join(str(errors).split())
