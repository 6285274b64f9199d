# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Two texts, before and after, whose difference Ansible shows.

Every line contains the id of its object, so that lines of different objects never match, and an object
that is updated has a line that is the same in both texts, so that its old and new values are shown together::

     device
    -  old-1  role: "router"
    +  rtr-2  role: "router"
       sw-1
    -  sw-1  role: "hub"
    +  sw-1  role: "switch"
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..._util.redaction import MASK
from ..._util.visible import visible
from ...flags import DSyncAction
from ...plan.change import Change
from ...plan.plan import Plan

_PATIENCE = 20
"""The number of changes that may not fit before no more are tried: there may be a million of them."""

_ORDER = {DSyncAction.DELETE: 0, DSyncAction.CREATE: 1, DSyncAction.MOVE: 2, DSyncAction.UPDATE: 3}


def before_after(plan: Plan, max_bytes: int = 100_000) -> tuple[str, str]:
    """Return the objects of a plan in their current and desired states, grouped by model, parents' models first.

    Args:
        plan: the changes.
        max_bytes: maximum length of either text, in bytes of UTF-8; changes that do not fit are omitted, and both texts
            then end with a line that counts them.

    Returns:
        Two texts with the same groups in the same order, and in each group the deleted, created, moved and
        updated objects; sensitive values are masked. Both are empty for an empty plan.
    """
    before: list[str] = []
    after: list[str] = []
    rank = _ranks(plan)
    room, shown, misfits, model = max_bytes, 0, 0, None
    for change in sorted(plan, key=lambda change: (rank[change.model], _ORDER[change.action])):
        heading = [] if change.model == model else [change.model]
        old, new = (heading + lines for lines in _sides(change))
        size = max(_size(old), _size(new))
        if size > room:
            misfits += 1
            if misfits == _PATIENCE:
                break
            continue
        before += old
        after += new
        room, shown, model = room - size, shown + 1, change.model
    if shown < len(plan):
        note = f"({len(plan) - shown} more changes are not shown)"
        before.append(note)
        after.append(note)
    return _text(before), _text(after)


def _ranks(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return model → its position: by the number of models above it, then by its first occurrence in the plan."""
    above: dict[str, set[str]] = {}
    for change in plan:
        parents = above.setdefault(change.model, set())
        if change.parent is not None and change.parent.model != change.model:
            parents.add(change.parent.model)

    def depth(model: str, below: frozenset[str]) -> int:
        return 1 + max((depth(parent, below | {model}) for parent in above.get(model, set()) - below), default=0)

    return {model: (depth(model, frozenset()), position) for position, model in enumerate(above)}


def _sides(change: Change) -> tuple[list[str], list[str]]:
    record = change.record()
    if change.action in (DSyncAction.UPDATE, DSyncAction.MOVE):  # masked values look alike on both sides, and have changed
        record["after"] |= dict.fromkeys(change.sensitive & record["after"].keys(), f"{MASK} (changed)")
    label = f"  {change.id} (protected)" if change.protected else f"  {change.id}"
    if change.action == DSyncAction.MOVE:
        label = visible(label)
        places = record["from"], record["to"]
        named = {"id", "parent"} if places[0]["parent"] != places[1]["parent"] else {"id"}
        if change.before_id is None:
            named.discard("id")
        sides = zip(places, (record["before"], record["after"]))
        old, new = ([*_places(label, place, named), *_lines(label, values or None)] for place, values in sides)
        return [label, *old], [label, *new]
    anchor = [visible(label)] if change.action == DSyncAction.UPDATE else []
    return anchor + _lines(label, record["before"]), anchor + _lines(label, record["after"])


def _places(label: str, place: dict[str, Any], named: set[str]) -> Iterator[str]:
    """Yield one line each for the id and the parent of an object that moves, those that are named."""
    if "id" in named:
        yield f"{label}  id: {_shown(place['id'])}"
    if "parent" in named:
        parent = place["parent"]
        text = "(top level)" if parent is None else f"{parent['model']} {parent['id']}"
        yield f"{label}  parent: {_shown(text)}"


def _shown(text: str) -> str:
    return visible(text if text.isascii() else text.encode("utf-8", "replace").decode())


def _lines(label: str, values: dict[str, Any] | None) -> list[str]:
    if values is None:
        return []
    lines = [line for name, value in values.items() for line in _value_lines(f"{label}  {name}:", value)] or [label]
    return [visible(line).encode("utf-8", "replace").decode() for line in lines]


def _value_lines(title: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value:
        yield f"{title} |"
        yield from (f"{title} | {line}" for line in value.splitlines())
    else:
        yield f"{title} {json.dumps(value, ensure_ascii=False)}"


def _size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
