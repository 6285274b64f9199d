# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of applying a plan."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import NoReturn

from ..exceptions import AskedToEnd, ObjectCrudException, ObjectNotCreated, ObjectNotDeleted, ObjectNotMoved, ObjectNotUpdated
from ..flags import DSyncAction
from .outcome import Outcome, OutcomeStatus

CRUD_EXCEPTIONS: dict[DSyncAction, type[ObjectCrudException]] = {
    DSyncAction.CREATE: ObjectNotCreated,
    DSyncAction.UPDATE: ObjectNotUpdated,
    DSyncAction.MOVE: ObjectNotMoved,
    DSyncAction.DELETE: ObjectNotDeleted,
}
"""The exception for the failure of each action."""

PAST = {
    DSyncAction.CREATE: "created",
    DSyncAction.UPDATE: "updated",
    DSyncAction.MOVE: "moved",
    DSyncAction.DELETE: "deleted",
}
"""The past participle of each action, for messages."""

_FAILURES = (OutcomeStatus.FAILED, OutcomeStatus.REFUSED)


def cause_of(interruption: BaseException) -> str:
    """Return what interrupted a run, such as the name of a signal, or else of the exception."""
    return interruption.signal if isinstance(interruption, AskedToEnd) else type(interruption).__name__


@dataclass
class Result:
    """The result of applying a plan: one outcome for each change, in the plan's order.

    Attributes:
        outcomes: the outcome of every change.
        stopped: whether the run ended before all possible changes were attempted.
        interrupted: the exception from outside the changes (Ctrl-C, a callback) that ended the run.
        complete_error: the exception that the target's ``sync_complete`` raised, or a masked one if that shows a secret.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    stopped: bool = False
    interrupted: BaseException | None = None
    complete_error: BaseException | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was changed, or may have been."""
        return any(outcome.status == OutcomeStatus.DONE or outcome.maybe for outcome in self.outcomes)

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes of the changes that failed or were refused, as a new list: first those that failed themselves, then those
        that were rolled back, then those that were refused.

        There are two kinds of refused changes. One that cannot be made, such as one that would leave a reference to an object that
        does not exist, is a failure, with and without CONTINUE_ON_FAILURE. One that the user asked to skip, because it is protected
        or stale, is not (:attr:`.outcome.Outcome.skipped`). Changes that were not attempted are never listed: they depend on one of
        the others, or the run was interrupted or stopped at one.
        """
        failed = (outcome for outcome in self.outcomes if outcome.status in _FAILURES and not outcome.skipped)
        return sorted(failed, key=lambda outcome: (_FAILURES.index(outcome.status), outcome.taken_back))

    @property
    def counts(self) -> dict[str, int]:
        """How many changes ended with each status."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status.value: found[status] for status in OutcomeStatus}

    def raise_for_failure(self) -> None:
        """Raise what ended the run early or ``sync_complete`` raised, or an exception for a failure. Its ``result`` is this object.

        Raises:
            ObjectCrudException: a change is one of :attr:`failures`.
            BaseException: what interrupted the run, or what ``sync_complete`` raised.
        """
        self.raise_for_end()
        if self.failures:
            self._raise(_crud_exception(self.failures[0]))

    def raise_for_end(self) -> None:
        """Raise what ended the run early, or what ``sync_complete`` raised; not for failures after which the run continued.

        Raises:
            ObjectCrudException: the run stopped at a failure; its ``result`` is this object.
            BaseException: what interrupted the run, or what ``sync_complete`` raised; its ``result`` is this object.
        """
        error = self.interrupted
        if error is None and self.stopped:
            failed = [outcome for outcome in self.failures if outcome.status == OutcomeStatus.FAILED]
            alone = [outcome for outcome in failed if not outcome.taken_back]
            error = _crud_exception((alone or failed)[-1])
        error = error or self.complete_error
        if error is not None:
            self._raise(error)

    def _raise(self, error: BaseException) -> NoReturn:
        with contextlib.suppress(AttributeError):  # an exception that takes no attributes
            error.result = self  # type: ignore[attr-defined]  # only some exceptions declare it
        raise error


def _crud_exception(outcome: Outcome) -> ObjectCrudException:
    """Return the exception for a failed outcome: the adapter's own one unless it shows a secret."""
    change, error = outcome.change, outcome.error if outcome.presentable else None
    if isinstance(error, ObjectCrudException):
        return error
    raised = CRUD_EXCEPTIONS[change.action](f'{change.model} "{change.id}" was not {PAST[change.action]}: {outcome.message}')
    raised.__cause__ = error
    return raised
