# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making changes together or not at all: if one of them is refused, those before it are undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..flags import DSyncAction
from ..plan.change import Change, ChangeKey
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.undo import undo_plan
from .preview import depending

Make = Callable[[Change], Outcome]
"""Makes one change, updates the dataset accordingly, and returns the outcome."""

DELETED_ALONG = "deleted together with its parent"
"""The message for the delete of an object that the remote system deletes by itself."""


def make_together(changes: Sequence[Change], make: Make) -> list[Outcome]:
    """Make changes and return the outcome of each, in order.

    If one is refused, those that were made before are undone, and fail. If it is unknown whether it was made, nothing is
    undone.

    Args:
        changes: in an order in which they can be made; not changed.
        make: called for each change that the remote system does not make by itself, and to undo changes.
    """
    ended: dict[ChangeKey, Outcome] = {}
    for place, change in enumerate(changes):
        along = change.cascade and change.action == DSyncAction.DELETE
        outcome = Outcome(change, OutcomeStatus.DONE, DELETED_ALONG) if along else make(change)
        ended[change.key] = outcome
        if outcome.status != OutcomeStatus.DONE:
            ended.update((left.key, depending(left, outcome)) for left in changes[place + 1 :])
            if not outcome.maybe:
                ended.update((one.change.key, one) for one in _undone(changes[:place], outcome, make))
            break
    return [ended[change.key] for change in changes]


def _undone(done: Sequence[Change], refused: Outcome, make: Make) -> list[Outcome]:
    """Undo changes, and return their new outcomes; those that could not be undone are done."""
    why = f'the {refused.change.action} of {refused.change.model} "{refused.change.id}" failed'
    for back in undo_plan(done):
        outcome = make(back)
        if outcome.status != OutcomeStatus.DONE:
            message = f"{why}, and it could not be undone: {outcome.message}"
            return [Outcome(change, OutcomeStatus.FAILED, message, maybe=True) for change in done]
    return [Outcome(change, OutcomeStatus.FAILED, f"it was undone, since {why}", taken_back=True) for change in done]
