# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Limits on the number of changes that a run may make.

Refusals are returned, so that a dry run can report why a run would be refused; :func:`.refusals.refuse` raises them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..dataset.dataset import Dataset
from ..diff.selectors import check_known
from ..exceptions import LimitExceeded, Refused, SelectorError
from ..flags import DSyncAction
from ..plan.change import steps_of
from ..plan.plan import Plan
from .refusals import named

_PERCENTAGE = re.compile(r"\d+(\.\d+)?\s*%")


@dataclass(frozen=True)
class Limit:
    """The maximum number of changes of one kind that a run may make.

    Attributes:
        action: create, update, move or delete.
        model: the model to which the limit applies; None for all models together.
        number: the maximum as a number.
        percent: the maximum as a percentage of objects: of the source's for creates, otherwise of the target's.
    """

    action: DSyncAction
    model: str | None
    number: int | None = None
    percent: float | None = None

    def __str__(self) -> str:
        allowed = f"{self.percent:g}%" if self.percent is not None else str(self.number)
        return f"limits{'' if self.model is None else f'.{self.model}'}.{self.action}: {allowed}"


def limits(said: Mapping[str, Any], models: Iterable[str]) -> list[Limit]:
    """Return the limits that plain data describes.

    Args:
        said: ``create``, ``update``, ``move`` or ``delete`` → a number or a percentage such as ``"10%"``; a model's
            name → such a dict.
        models: the names of the known models.

    Raises:
        SelectorError: an action or model is unknown, or a value is not a limit.
    """
    actions, known = [action.value for action in DSyncAction], list(models)
    found = []
    for name, value in said.items():
        if name in actions:
            found.append(_limit(name, None, value, f"limits.{name}"))
            continue
        check_known(name, [*actions, *known], "limits", "action or model")
        if not isinstance(value, Mapping):
            raise SelectorError(f"limits.{name}: expected a dictionary of action to limit, not {value!r}")
        for action, allowed in value.items():
            check_known(action, actions, f"limits.{name}", "action")
            found.append(_limit(action, name, allowed, f"limits.{name}.{action}"))
    return found


def _limit(action: str, model: str | None, value: Any, place: str) -> Limit:
    text = str(value).strip()
    if not isinstance(value, bool) and re.fullmatch(r"\d+", text):
        return Limit(DSyncAction(action), model, number=int(text))
    if _PERCENTAGE.fullmatch(text):
        return Limit(DSyncAction(action), model, percent=percentage(value, place))
    raise SelectorError(f"{place}: expected a number or a percentage such as 10%, not {value!r}")


def percentage(said: Any, place: str) -> float:
    """Return the number in a string such as ``"20%"``.

    Raises:
        SelectorError: it is not a percentage; the message begins with ``place``.
    """
    text = str(said).strip()
    if not _PERCENTAGE.fullmatch(text):
        raise SelectorError(f"{place}: expected a percentage such as 20%, not {said!r}")
    return float(text.rstrip("% "))


def over_limits(plan: Plan, allowed: Sequence[Limit], source: Dataset, target: Dataset) -> Iterator[Refused]:
    """Yield a refusal for each limit that the plan exceeds. Protected changes and steps of other changes are not counted."""
    steps = steps_of(plan) if allowed else frozenset()
    for limit in allowed:
        changes = [
            change
            for change in plan
            if change.action == limit.action
            and limit.model in (None, change.model)
            and not change.protected
            and change.key not in steps
        ]
        whole = (source if limit.action == DSyncAction.CREATE else target).count(limit.model)
        percent = (100 * len(changes) / whole if whole else 100.0) if changes else 0.0
        if len(changes) > limit.number if limit.number is not None else percent > (limit.percent or 0):
            share = "" if limit.percent is None else f", {percent:.3g}% of {whole}"
            yield LimitExceeded(f"{limit} is exceeded: {len(changes)} to {limit.action}{share} ({named(changes)})")
