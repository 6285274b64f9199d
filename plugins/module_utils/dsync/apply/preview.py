# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Which changes end without being attempted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..plan.change import Change, ChangeKey
from ..plan.outcome import Outcome, OutcomeStatus, Verdict
from ..plan.plan import Plan
from ..plan.together import Unit, units

if TYPE_CHECKING:
    from ..storage.stored_plan import StoredPlan

MISSED = {"failed": "failed", "refused": "was refused", "not_attempted": "was not attempted"}
"""How a change that was not made ended, for messages."""

MADE = (OutcomeStatus.DONE, OutcomeStatus.ALREADY_DONE)
"""How a change ended that is in effect."""


def depending(change: Change, missed: Outcome) -> Outcome:
    """Return the outcome of a change that is not attempted because another one was not made."""
    key, how = missed.change.key, MISSED[missed.status]
    why = f'it depends on the {key.action} of {key.model} "{key.id}", which {how}'
    return Outcome(change, OutcomeStatus.NOT_ATTEMPTED, why, skipped=missed.skipped)


class SkipRules:
    """The changes that end without being attempted: protected, with a verdict, or dependent on one that was not made."""

    def __init__(self, verdicts: Mapping[ChangeKey, Verdict]) -> None:
        self._verdicts = verdicts
        self._missed: dict[ChangeKey, Outcome] = {}

    def outcome_of(self, change: Change) -> Outcome | None:
        """Return the outcome of a change that is not attempted, or None if it is. Call it in the plan's order."""
        if change.protected:
            return Outcome(change, OutcomeStatus.REFUSED, change.protected, skipped=True)
        verdict = self._verdicts.get(change.key) if self._verdicts else None
        if verdict is not None:
            return Outcome(change, verdict.status, verdict.message, skipped=verdict.skipped)
        obstacles = [self._missed[key] for key in change.requires if key in self._missed] if self._missed else []
        if not obstacles:
            return None
        return depending(change, next((outcome for outcome in obstacles if not outcome.skipped), obstacles[0]))

    def outcomes_of(self, changes: Sequence[Change]) -> list[Outcome | None]:
        """Return the same for each of several changes. Of those that are made together or not at all, none is attempted if one is
        not made."""
        found = [self.outcome_of(changes[0])]
        for place, change in enumerate(changes[1:]):
            before = found[place]
            if before is not None:
                self.note(before)
            found.append(self.outcome_of(change))
        if isinstance(changes, Unit):
            missed = next((outcome for outcome in found if outcome is not None and outcome.status not in MADE), None)
            if missed is not None:
                found = [outcome or depending(change, missed) for change, outcome in zip(changes, found)]
        return found

    def note(self, outcome: Outcome) -> None:
        """Record the outcome of a change."""
        if outcome.status not in MADE:
            self._missed[outcome.change.key] = outcome


def preview(
    plan: Plan | StoredPlan, verdicts: Mapping[ChangeKey, Verdict] | None = None, why: str = ""
) -> tuple[list[Outcome], list[Change]]:
    """Return how every change would end, and which of them a run would make if none of them fails. No I/O.

    Args:
        plan: the changes; not changed.
        verdicts: as for :func:`apply`.
        why: the message in the outcomes of the changes that a run would make; their status is ``not_attempted``.
    """
    rules = SkipRules(verdicts or {})
    outcomes, made = [], []
    for batch in units(plan.changes):
        for change, outcome in zip(batch, rules.outcomes_of(batch)):
            if outcome is None:
                made.append(change)
            else:
                rules.note(outcome)
            outcomes.append(outcome or Outcome(change, OutcomeStatus.NOT_ATTEMPTED, why))
    return outcomes, made
