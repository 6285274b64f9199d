# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making changes together or not at all: if one of them is refused, those before it are undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..flags import DSyncAction
from ..plan.change import Change, ChangeKey
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.undo import undo_plan
from .preview import MADE, MISSED, depending

Make = Callable[[Sequence[Change]], Sequence[Outcome]]
"""Makes one change, or several of one model and action, updates the dataset accordingly, and returns the outcome of each."""

DELETED_ALONG = "deleted together with its parent"
"""The message for the delete of an object that the remote system deletes by itself."""


def make_together(units: Sequence[Sequence[Change]], make: Make, settled: Mapping[ChangeKey, Outcome]) -> list[Outcome]:
    """Make the changes of each unit together or not at all, and return the outcome of each change, in order.

    If one is refused, those of its unit that were made before are undone, and fail. If it is unknown whether it was made, nothing
    is undone. Changes that an earlier run made, which was killed, are undone as well, unless an object was created by one of
    them: someone else may have created it meanwhile.

    Args:
        units: each in an order in which its changes can be made; not changed. Several have changes of the same models and actions,
            and those in the same place are made in one batch.
        make: called for changes that the remote system does not make by itself, and to undo changes.
        settled: the outcomes of those that are not attempted; not changed.
    """
    ended: dict[ChangeKey, Outcome] = dict(settled)
    going = list(units)
    for place in range(max(map(len, units))):
        ended.update((one.change.key, one) for one in _made([unit[place] for unit in going], make, settled))
        for unit in going:
            outcome = ended[unit[place].key]
            if outcome.status not in MADE:
                ended.update((left.key, settled.get(left.key) or depending(left, outcome)) for left in unit[place + 1 :])
                if not outcome.maybe:
                    done = _to_undo([ended[one.key] for one in unit[:place]])
                    ended.update((one.change.key, one) for one in _undone(done, outcome, make))
        going = [unit for unit in going if place + 1 < len(unit) and ended[unit[place].key].status in MADE]
    return [ended[change.key] for unit in units for change in unit]


def _made(changes: Sequence[Change], make: Make, settled: Mapping[ChangeKey, Outcome]) -> Iterator[Outcome]:
    """Make changes in the same place of several units, and yield the outcomes of those that are not settled."""
    todo = []
    for change in changes:
        if change.key not in settled:
            if change.cascade and change.action == DSyncAction.DELETE:
                yield Outcome(change, OutcomeStatus.DONE, DELETED_ALONG)
            else:
                todo.append(change)
    yield from make(todo) if todo else ()


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
        (outcome,) = make([back])
        if outcome.status != OutcomeStatus.DONE:
            message = f"{why}, and it could not be undone: {outcome.message}"
            return [Outcome(change, OutcomeStatus.FAILED, message, maybe=True) for change in done]
    return [Outcome(change, OutcomeStatus.FAILED, f"it was undone, since {why}", taken_back=True) for change in done]
