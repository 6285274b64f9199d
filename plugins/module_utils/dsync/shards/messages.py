# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The messages between the coordinator and the workers, as JSON: names of objects, digests and numbers, never values."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from .. import exceptions
from ..exceptions import DiffException, DSyncException
from ..flags import DSyncFlags
from ..model.identity import ObjectRef
from .keys import Keys
from .side import Side

Unmanaged = Mapping[str, frozenset[str]]
"""Model → attributes of which the source says nothing."""


class Question(NamedTuple):
    """What the coordinator asks of a shard beyond the trees that differ.

    Attributes:
        wanted: digests of objects whose trees it needs.
        referring: digests of objects; it needs the trees of the target with objects that refer to them.
        unmanaged: the attributes of which the whole source says nothing; None if only what the shard shows is known.
    """

    wanted: frozenset[bytes] = frozenset()
    referring: frozenset[bytes] = frozenset()
    unmanaged: Unmanaged | None = None


class Answer(NamedTuple):
    """What the comparison of a shard found.

    Attributes:
        tops: the tops of the trees that the coordinator has to compare.
        equal: model → number of objects in all other trees, which are the same on both sides.
        keys: digests of these objects' names.
        referred: digests of the objects to which these objects refer.
        held: the models of which the source has objects.
        unmanaged: model → attributes of which the source says nothing.
        warnings: those of loading the source, and of loading the target.
    """

    tops: frozenset[ObjectRef]
    equal: Mapping[str, int]
    keys: Keys
    referred: Keys
    held: frozenset[str]
    unmanaged: Unmanaged
    warnings: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


class Task(NamedTuple):
    """The comparison of one shard.

    Attributes:
        source: how the source is made.
        target: how the target is made.
        number: the number of the shard.
        of: the number of shards.
        flags: the differences to ignore.
        question: what else is asked.
    """

    source: Side
    target: Side
    number: int
    of: int
    flags: DSyncFlags
    question: Question

    def text(self) -> str:
        """Return the task as JSON. Raises DiffException if an argument of a factory is not a value of JSON."""
        question = {
            "wanted": sorted(map(bytes.hex, self.question.wanted)),
            "referring": sorted(map(bytes.hex, self.question.referring)),
            "unmanaged": _unmanaged_data(self.question.unmanaged),
        }
        sides = [[side.factory, dict(side.arguments)] for side in (self.source, self.target)]
        try:
            return json.dumps([*sides, self.number, self.of, self.flags.value, question])
        except (TypeError, ValueError) as error:
            raise DiffException(f"the arguments of {self.source.factory} or {self.target.factory} are not JSON: {error}") from error

    @classmethod
    def of_text(cls, text: str) -> Task:
        """Return the task that :meth:`text` returned as JSON."""
        source, target, number, of, flags, question = json.loads(text)
        return cls(
            Side(*source),
            Side(*target),
            number,
            of,
            DSyncFlags(flags),
            Question(
                frozenset(map(bytes.fromhex, question["wanted"])),
                frozenset(map(bytes.fromhex, question["referring"])),
                _unmanaged(question["unmanaged"]),
            ),
        )


def answer_text(answer: Answer) -> str:
    """Return an answer as JSON."""
    return json.dumps(
        {
            "tops": sorted(answer.tops),
            "equal": dict(answer.equal),
            "keys": b64encode(answer.keys.data).decode(),
            "referred": b64encode(answer.referred.data).decode(),
            "held": sorted(answer.held),
            "unmanaged": _unmanaged_data(answer.unmanaged),
            "warnings": answer.warnings,
        }
    )


def failure_text(error: DSyncException, message: str, side: str) -> str:
    """Return the failure of a task as JSON.

    Args:
        error: the exception.
        message: its text, without sensitive values.
        side: the side that could not be loaded; empty if both were.
    """
    return json.dumps({"error": [type(error).__name__, message, error.file, side]})


def read_answer(text: str) -> Answer | DSyncException:
    """Return the answer, or the failure, that is in this JSON."""
    data: dict[str, Any] = json.loads(text)
    if "error" in data:
        return _failure(*data["error"])
    return Answer(
        frozenset(ObjectRef(*top) for top in data["tops"]),
        data["equal"],
        Keys.of_data(b64decode(data["keys"])),
        Keys.of_data(b64decode(data["referred"])),
        frozenset(data["held"]),
        _unmanaged(data["unmanaged"]) or {},
        (tuple(data["warnings"][0]), tuple(data["warnings"][1])),
    )


def _failure(name: str, message: str, file: str, side: str) -> DSyncException:
    kind = getattr(exceptions, name, DiffException)
    try:
        error: DSyncException = kind(message)
    except TypeError:  # it needs more than a message
        error = DiffException(message)
    error.file, error.side = file, side
    return error


def _unmanaged_data(unmanaged: Unmanaged | None) -> dict[str, list[str]] | None:
    return None if unmanaged is None else {model: sorted(names) for model, names in unmanaged.items()}


def _unmanaged(data: Mapping[str, list[str]] | None) -> Unmanaged | None:
    return None if data is None else {model: frozenset(names) for model, names in data.items()}
