# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Outcomes and verdicts of changes, and the interface that records them."""

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
        message: the reason, or the message of the adapter; without sensitive values.
        error: the exception that made it fail, if there was one; its own message may contain sensitive values.
        presentable: whether neither the message of ``error`` nor those of its causes contain sensitive values of the object.
        maybe: whether it failed and may have been made nevertheless.
        taken_back: whether it was made, and was rolled back with all others of its run, or may have been (``maybe``).
        skipped: whether it was not made at the user's request: it is protected, it is stale and stale changes are
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
    """The outcome, already done or refused, of a change that is not attempted, and the reason.

    Attributes:
        status: ``already_done`` or ``refused``.
        message: why.
        skipped: whether the user asked for such a change to be skipped, so that it is not a failure.
    """

    status: OutcomeStatus
    message: str = ""
    skipped: bool = False


def verdicts_of(refused: Iterable[tuple[Change, str]]) -> dict[ChangeKey, Verdict]:
    """Return verdicts for refused changes, each with its reason, if the others are still made; they are failures."""
    return {change.key: Verdict(OutcomeStatus.REFUSED, reason) for change, reason in refused}


class Recorder(Protocol):
    """Records a run while it is in progress."""

    def intend(self, *changes: Change) -> None:
        """Record that changes are about to be attempted; an exception from it ends the run before they are made."""

    def record(self, *outcomes: Outcome) -> None:
        """Record the outcomes of changes; an exception from it ends the run."""
