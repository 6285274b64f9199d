# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How one change ended, or ends without being attempted, and who is told of it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from .change import Change, ChangeKey


class OutcomeStatus(str, enum.Enum):
    """How one change ended."""

    DONE = "done"
    ALREADY_DONE = "already_done"
    FAILED = "failed"
    REFUSED = "refused"
    NOT_ATTEMPTED = "not_attempted"

    __str__ = str.__str__


@dataclass(frozen=True)
class Outcome:
    """How one change ended.

    Attributes:
        change: the change.
        status: how it ended.
        message: why, or what the adapter said; without sensitive values.
        error: the exception that made it fail, if there was one; its own text may hold sensitive values.
        presentable: whether neither the text of ``error`` nor that of its causes holds sensitive values of the object.
        maybe: whether it failed and may have been made all the same.
        taken_back: whether it was made, and was rolled back with all others of its run, or may have been (``maybe``).
        skipped: whether it was not made because the user asked for that: it is protected, it is stale and stale changes are to be
            skipped, or it depends only on such changes. A skipped change is not a failure.
    """

    change: Change
    status: OutcomeStatus
    message: str = ""
    error: BaseException | None = field(default=None, repr=False)
    presentable: bool = field(default=True, repr=False)
    maybe: bool = False
    taken_back: bool = False
    skipped: bool = False


class Verdict(NamedTuple):
    """How a change ends without being attempted: already done, or refused; and why.

    Attributes:
        status: ``already_done`` or ``refused``.
        message: why.
        skipped: whether the user asked for such a change to be skipped, so that it is not a failure.
    """

    status: OutcomeStatus
    message: str = ""
    skipped: bool = False


def verdicts_of(refused: Iterable[tuple[Change, str]]) -> dict[ChangeKey, Verdict]:
    """Return how changes end that are refused, each for its reason, where the others are made all the same; they are failures."""
    return {change.key: Verdict(OutcomeStatus.REFUSED, reason) for change, reason in refused}


class Recorder(Protocol):
    """Keeps a record of a run while it goes on."""

    def intend(self, *changes: Change) -> None:
        """Record that changes are about to be attempted; what this raises ends the run before they are made."""

    def record(self, *outcomes: Outcome) -> None:
        """Record how changes ended; what this raises ends the run."""
