# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes that a target cannot make at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..dataset.dataset import Dataset
from ..exceptions import TargetNotWritable
from ..flags import DSyncAction
from ..plan.change import Change


def not_writable(changes: Iterable[Change], target: Dataset) -> list[tuple[Change, str]]:
    """Return the changes that the target cannot make at all (:meth:`.dataset.Dataset.refuses`), each with the reason.

    Args:
        changes: of a plan; protected ones are passed over, and deletes that the target makes by itself (``cascade``).
        target: the dataset that is to be changed, loaded; not changed.
    """
    reasons: dict[tuple[str, DSyncAction], str] = {}
    found = []
    for change in changes:
        if change.protected or change.cascade:
            continue
        kind = (change.model, change.action)
        if kind not in reasons:
            actions = (DSyncAction.DELETE, DSyncAction.CREATE) if change.parts else (change.action,)
            reasons[kind] = next(filter(None, (target.refuses(change.model, action) for action in actions)), "")
        if reasons[kind]:
            found.append((change, reasons[kind]))
    return found


def refusal_of(found: Sequence[tuple[Change, str]], number: int) -> TargetNotWritable:
    """Return what a run is refused with.

    Args:
        found: what :func:`not_writable` returned, at least one.
        number: how many changes the plan has.
    """
    kinds: dict[str, set[str]] = {}
    for change, reason in found:
        kinds.setdefault(reason, set()).add(f"{change.action} of {change.model}")
    told = "; ".join(f"{', '.join(sorted(named))}: {reason}" for reason, named in kinds.items())
    return TargetNotWritable(
        f"{len(found)} of {number} changes cannot be made in the target ({told}); "
        "leave such changes out with flags, only or exclude",
        found,
    )
