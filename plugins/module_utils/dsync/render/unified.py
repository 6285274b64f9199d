# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Two texts, before and after, of which Ansible shows the difference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..plan import Change, Plan


def before_after(plan: Plan, max_bytes: int = 100_000) -> tuple[str, str]:
    """Return the objects that a plan changes as they are and as they are to be, grouped by model.

    Args:
        plan: the changes.
        max_bytes: length of either text, in bytes of UTF-8, from which on no more changes are added; both then end with a line
            that says how many are missing.

    Returns:
        Two texts of the same groups in the same order, sensitive values masked; both are empty for an empty plan.
    """
    before: list[str] = []
    after: list[str] = []
    room, shown, model = max_bytes, 0, None
    for change in sorted(plan, key=_models_in_order(plan)):
        heading = [] if change.model == model else [f"{change.model}:"]
        old, new = _sides(change)
        room -= max(_size(heading + old), _size(heading + new))
        if room < 0:
            break
        before += heading + old
        after += heading + new
        shown, model = shown + 1, change.model
    if shown < len(plan):
        note = f"({len(plan) - shown} more changes are not shown)"
        before.append(note)
        after.append(note)
    return _text(before), _text(after)


def _models_in_order(plan: Plan) -> Any:
    order: dict[str, int] = {}
    for change in plan:
        order.setdefault(change.model, len(order))
    return lambda change: order[change.model]


def _sides(change: Change) -> tuple[list[str], list[str]]:
    record = change.record()
    title = f"  {change.model} {change.id}"
    return _lines(title, record["before"]), _lines(title, record["after"])


def _lines(title: str, values: dict[str, Any] | None) -> list[str]:
    return [] if values is None else [title, *_attribute_lines(values)]


def _attribute_lines(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, str) and "\n" in value:
            yield f"    {name}: |"
            yield from (f"      {line}" for line in value.splitlines())
        else:
            yield f"    {name}: {json.dumps(value, ensure_ascii=False)}"


def _size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
