# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes that a target does not support."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..dataset.dataset import Dataset
from ..exceptions import TargetNotWritable
from ..flags import DSyncAction
from ..plan.change import Change


def not_writable(changes: Iterable[Change], target: Dataset) -> list[tuple[Change, str]]:
    """Return the changes that the target does not support (:meth:`.dataset.Dataset.refuses`), each with the reason.

    Args:
        changes: those of a plan; protected ones, and deletes that the target makes by itself (``cascade``), are skipped.
        target: the loaded dataset to change; it is not changed here.
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
    """Return the exception with which a run is refused.

    Args:
        found: the result of :func:`not_writable`, not empty.
        number: number of changes in the plan.
    """
    kinds: dict[str, set[str]] = {}
    for change, reason in found:
        kinds.setdefault(reason, set()).add(f"{change.action} of {change.model}")
    told = "; ".join(f"{', '.join(sorted(named))}: {reason}" for reason, named in kinds.items())
    return TargetNotWritable(
        f"{len(found)} of {number} changes cannot be made in the target ({told}); omit such changes with flags, only or exclude",
        found,
    )
