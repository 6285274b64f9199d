# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making changes together or not at all: if one of them is refused, those before it are undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..flags import DSyncAction
from ..plan.change import Change, ChangeKey
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.undo import undo_plan
from .preview import MADE, MISSED, depending

Make = Callable[[Change], Outcome]
"""Makes one change, updates the dataset accordingly, and returns the outcome."""

DELETED_ALONG = "deleted together with its parent"
"""The message for the delete of an object that the remote system deletes by itself."""


def make_together(changes: Sequence[Change], make: Make, settled: Mapping[ChangeKey, Outcome]) -> list[Outcome]:
    """Make changes and return the outcome of each, in order.

    If one is refused, those that were made before are undone, and fail. If it is unknown whether it was made, nothing is
    undone. Changes that an earlier run made, which was killed, are undone as well, unless an object was created by one of them:
    somebody else may have created it meanwhile.

    Args:
        changes: in an order in which they can be made; not changed.
        make: called for each change that the remote system does not make by itself, and to undo changes.
        settled: the outcomes of those that are not attempted; not changed.
    """
    ended: dict[ChangeKey, Outcome] = dict(settled)
    for place, change in enumerate(changes):
        outcome = settled.get(change.key) or _made(change, make)
        ended[change.key] = outcome
        if outcome.status not in MADE:
            ended.update((left.key, settled.get(left.key) or depending(left, outcome)) for left in changes[place + 1 :])
            if not outcome.maybe:
                done = _to_undo([ended[one.key] for one in changes[:place]])
                ended.update((one.change.key, one) for one in _undone(done, outcome, make))
            break
    return [ended[change.key] for change in changes]


def _made(change: Change, make: Make) -> Outcome:
    if change.cascade and change.action == DSyncAction.DELETE:
        return Outcome(change, OutcomeStatus.DONE, DELETED_ALONG)
    return make(change)


def _to_undo(made: Sequence[Outcome]) -> list[Change]:
    """Return the changes to undo: those that were made now, and those of an earlier run."""
    earlier = [one.change for one in made if one.status == OutcomeStatus.ALREADY_DONE]
    kept = any(change.action == DSyncAction.CREATE for change in earlier)
    return [one.change for one in made if not (kept and one.status == OutcomeStatus.ALREADY_DONE)]


def is_half_made(outcomes: Sequence[Outcome | None]) -> bool:
    """Return whether an earlier run made some changes of a unit, and others cannot be made now.

    Args:
        outcomes: of the changes of the unit; None for those that are attempted.
    """
    missed = [one for one in outcomes if one is not None and one.status not in MADE]
    earlier = [one for one in outcomes if one is not None and one.status == OutcomeStatus.ALREADY_DONE]
    return bool(earlier) and bool(missed) and not any(one.skipped for one in missed)


def _undone(done: Sequence[Change], refused: Outcome, make: Make) -> list[Outcome]:
    """Undo changes, and return their new outcomes; those that could not be undone are done."""
    why = f'the {refused.change.action} of {refused.change.model} "{refused.change.id}" {MISSED[refused.status]}'
    for back in undo_plan(done):
        outcome = make(back)
        if outcome.status != OutcomeStatus.DONE:
            message = f"{why}, and it could not be undone: {outcome.message}"
            return [Outcome(change, OutcomeStatus.FAILED, message, maybe=True) for change in done]
    return [Outcome(change, OutcomeStatus.FAILED, f"it was undone, since {why}", taken_back=True) for change in done]
