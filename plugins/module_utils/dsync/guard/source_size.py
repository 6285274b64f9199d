# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A source that is empty, or has much less than before.

The functions return refusals, so that a dry run can report what a run would be refused for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from ..dataset.dataset import Dataset
from ..exceptions import EmptySource, Refused, SourceShrank
from ..flags import DSyncAction
from ..plan.change import Change
from ..plan.plan import Plan
from .limits import percentage
from .refusals import named


def empty_source(plan: Plan, source: Dataset, target: Dataset) -> Iterator[Refused]:
    """Yield a refusal for each model of which the source loaded nothing, and of which objects of the target would be deleted."""
    deleted: dict[str, list[Change]] = {}
    for change in plan:
        if change.action == DSyncAction.DELETE and not change.protected:
            deleted.setdefault(change.model, []).append(change)
    for model, changes in deleted.items():
        if source.count(model) == 0:
            yield EmptySource(
                f"{source.name} was loaded and has no {model} at all, while {target.name} has {target.count(model)}: "
                f"{len(changes)} would be deleted ({named(changes)})"
            )


def shrunken_source(source: Dataset, before: Mapping[str, int], most: str) -> Iterator[Refused]:
    """Yield a refusal for each model of which the source has lost too many objects since the last good run.

    Args:
        source: the loaded source.
        before: model → how many objects the source had then.
        most: the share that it may have lost, such as ``"20%"``.

    Raises:
        SelectorError: ``most`` is no percentage.
    """
    percent = percentage(most, "max_shrink")
    for model, number in before.items():
        lost = number - source.count(model)
        if number and 100 * lost / number > percent:
            yield SourceShrank(
                f"{source.name} has shrunk: {source.count(model)} {model} objects, {number} at the last good run; "
                f"{100 * lost / number:.3g}% fewer, and max_shrink is {percent:g}%"
            )


def object_counts(dataset: Dataset) -> dict[str, int]:
    """Return model → how many objects of it a dataset has, models without any included."""
    counts = Counter({model: dataset.count(model) for model in dataset.store.model_names()})
    return {model: counts[model] for model in {**dataset.models(), **counts}}
