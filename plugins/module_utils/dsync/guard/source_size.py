# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A source that is empty, or has far fewer objects than before.

The functions return refusals, so that a dry run can report why a run would be refused.
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
    """Yield a refusal for each model without objects in the source of which objects in the target would be deleted."""
    deleted: dict[str, list[Change]] = {}
    for change in plan:
        if change.action == DSyncAction.DELETE and not change.protected:
            deleted.setdefault(change.model, []).append(change)
    for model, changes in deleted.items():
        if source.count(model) == 0:
            yield EmptySource(
                f"{source.name} was loaded and has no {model} objects, while {target.name} has {target.count(model)}: "
                f"{len(changes)} would be deleted ({named(changes)})"
            )


def shrunken_source(source: Dataset, before: Mapping[str, int], most: str) -> Iterator[Refused]:
    """Yield a refusal for each model of which the source has lost too many objects since the last successful run.

    Args:
        source: the loaded source.
        before: model → number of objects in the source at that time.
        most: the maximum share that it may have lost, such as ``"20%"``.

    Raises:
        SelectorError: ``most`` is not a percentage.
    """
    percent = percentage(most, "max_shrink")
    for model, number in before.items():
        lost = number - source.count(model)
        if number and 100 * lost / number > percent:
            yield SourceShrank(
                f"{source.name} has shrunk: {source.count(model)} {model} objects, {number} at the last successful run, "
                f"{100 * lost / number:.3g}% fewer; max_shrink is {percent:g}%"
            )


def object_counts(dataset: Dataset) -> dict[str, int]:
    """Return model → number of its objects in a dataset, including models without objects."""
    counts = Counter({model: dataset.count(model) for model in dataset.store.model_names()})
    return {model: counts[model] for model in {**dataset.models(), **counts}}
