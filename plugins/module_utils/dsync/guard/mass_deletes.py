# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The default limit: a run that would delete a large part of a model is refused unless a limit of deletes allows it.

The two numbers are those of octoDNS. Refusals are returned, so that a dry run can report why a run would be refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..dataset.dataset import Dataset
from ..exceptions import LimitExceeded, Refused
from ..flags import DSyncAction
from ..plan.change import Change, ref_of
from ..plan.plan import Plan
from .limits import Limit
from .refusals import named

MOST_PERCENT = 30
"""Percentage of a model's objects in the target that may be deleted without a stated limit."""

FEWEST_OBJECTS = 10
"""Number of objects of a model in the target from which the default limit applies."""


def mass_deletes(plan: Plan, allowed: Sequence[Limit], source: Dataset, target: Dataset) -> Iterator[Refused]:
    """Yield a refusal for each model of which too many objects would be deleted.

    Deletes of protected objects, of objects that move, and of objects that are already gone are not counted. A model of which the
    source has no object is left to :func:`.source_size.empty_source`.

    Args:
        plan: the changes.
        allowed: the stated limits; one of all deletes, or of the deletes of a model, replaces the default limit.
        source: the loaded source.
        target: the loaded target.
    """
    stated = {limit.model for limit in allowed if limit.action == DSyncAction.DELETE}
    if None in stated:
        return
    deletes: dict[str, list[Change]] = {}
    for change in plan:
        if change.action == DSyncAction.DELETE and not change.protected and change.model not in stated:
            deletes.setdefault(change.model, []).append(change)
    for model, changes in deletes.items():
        whole = target.count(model)
        if whole < FEWEST_OBJECTS or not source.count(model) or not _is_mass(changes, whole):
            continue
        created = {ref_of(change) for change in plan if change.action == DSyncAction.CREATE}
        left = [change for change in changes if ref_of(change) not in created]
        real = [change for change in left if target.get_or_none(model, change.ids) is not None]
        if _is_mass(real, whole):
            yield LimitExceeded(
                f"{len(real)} of {whole} {model} objects would be deleted, {100 * len(real) / whole:.3g}% ({named(real)}); "
                f"to allow more than {MOST_PERCENT}%, set a limit such as limits: {{{model}: {{delete: {len(real)}}}}}"
            )


def _is_mass(changes: Sequence[Change], whole: int) -> bool:
    return 100 * len(changes) > MOST_PERCENT * whole
