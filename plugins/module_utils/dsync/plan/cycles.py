# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The graph of changes, and how a cycle in it is cut: an optional reference is set later or cleared first, a unique value is null
for a while."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..exceptions import ReferenceCycle
from ..flags import DSyncAction
from ..model.values import same_value
from .change import Change, ChangeKey, ref_of
from .graph import circles

_CREATE, _UPDATE, _MOVE, _DELETE = DSyncAction.CREATE, DSyncAction.UPDATE, DSyncAction.MOVE, DSyncAction.DELETE
_SHOWN = 8
"""Maximum number of changes of a cycle that are named."""


class Link(NamedTuple):
    """The reason why a change must come after another one, other than the tree.

    Attributes:
        holder: the change whose values name the object.
        field: the field in which they do.
        value: the value that names it.
        later: whether it names an object of a model that is declared after the holder's.
        optional: whether the holder can do without it for a while.
        unique: the fields that are unique together, where the link is not of a reference: the holder gives their values up, which
            the other change takes.
        away: whether the object that is named is deleted and created again, and the link is not required otherwise.
        nullable: whether the field can be null, or a list without the value.
    """

    holder: ChangeKey
    field: str
    value: Any
    later: bool
    optional: bool
    unique: tuple[str, ...] = ()
    away: bool = False
    nullable: bool = False


Graph = dict[ChangeKey, dict[ChangeKey, "Link | None"]]
"""Change → the changes that it must follow, with the reasons; None for an order that the tree requires."""

MoreLinks = dict[tuple[ChangeKey, ChangeKey], "list[Link]"]
"""(change, change that it must follow) → further reasons: references to objects that are deleted and created again."""


def break_cycle(nodes: dict[ChangeKey, Change], graph: Graph, circle: set[ChangeKey], more: MoreLinks) -> None:
    """Cut a cycle, and what remains of it, until none is left."""
    inside = [(key, need) for key in sorted(circle) for need in graph[key] if need in circle]
    habits = [(key, need) for key, need in inside if _is_habit(nodes[key], nodes[need], graph[key][need])]
    if habits:
        for key, need in habits:
            del graph[key][need]
    else:
        links = {edge: link for edge in inside if (link := graph[edge[0]][edge[1]]) is not None and link.optional}
        if not links:
            raise ReferenceCycle(_circle_as_text(graph, circle))
        cut(nodes, graph, _chosen(links), more)
    for smaller in circles({key: graph[key] for key in circle}):
        break_cycle(nodes, graph, smaller, more)


def _chosen(links: Mapping[tuple[ChangeKey, ChangeKey], Link]) -> list[tuple[ChangeKey, ChangeKey]]:
    """Return which links of a cycle to cut: one of unique values, or else all references of one kind."""
    unique = [edge for edge, link in links.items() if link.unique]
    if unique:
        return [min(unique, key=lambda edge: links[edge].holder)]
    kinds = Counter((not link.later, link.holder.model, link.field) for link in links.values())
    chosen = min(kinds, key=lambda kind: (kind[0], kinds[kind], kind))
    return [edge for edge, link in links.items() if (link.holder.model, link.field) == chosen[1:]]


def _is_habit(change: Change, other: Change, link: Link | None) -> bool:
    """Return whether a change waits for another one only because of the order of the tree, or because of a move: an object below an
    updated one for the update, a delete for that of its parent, or for the create of an object that is moved by two changes."""
    if link is not None or change.action != _DELETE:
        return link is None and other.action == _UPDATE and ref_of(other) != ref_of(change)
    return other.action in (_CREATE, _UPDATE) or (other.action == _DELETE and change.parent == ref_of(other) and not change.cascade)


def cut(nodes: dict[ChangeKey, Change], graph: Graph, edges: Iterable[tuple[ChangeKey, ChangeKey]], more: MoreLinks) -> None:
    """Let the holders of references, or of unique values, do without them for a while. Other reasons for the same order remain."""
    for key, need in edges:
        link = graph[key].pop(need)
        if link is None:
            continue
        holder = nodes[link.holder]
        if key == holder.key and holder.action in (_CREATE, _MOVE) and not link.unique:
            step = ChangeKey(_UPDATE, holder.model, holder.id)
            _leave_for_later(nodes, graph, holder, step, link)
            graph[step][need] = None
        else:
            graph[key][_take_away_before(nodes, graph, holder, link)] = None
        others = more.get((key, need))
        if others:
            graph[key][need] = others.pop(0)


def _leave_for_later(nodes: dict[ChangeKey, Change], graph: Graph, holder: Change, step: ChangeKey, link: Link) -> None:
    """Take a reference out of a create or a move, so that an update sets it. A move drops the old one if it can be null for a
    while."""
    before, after = dict(holder.before or {}), dict(holder.after or {})
    whole = nodes.get(step)
    first = {} if whole is None else dict(whole.before or {})
    final = {} if whole is None else dict(whole.after or {})
    final.setdefault(link.field, after[link.field])
    left = _without(after[link.field], link.value)
    if holder.action == _CREATE or (link.nullable and before[link.field] != left):
        first[link.field] = after[link.field] = left
    else:
        first[link.field] = before.pop(link.field)
        del after[link.field]
    nodes[holder.key] = replace(holder, before=before if holder.action == _MOVE else None, after=after)
    nodes[step] = replace(_without_places(holder), action=_UPDATE, before=first, after=final, cascade=False, removes_children=False)
    graph.setdefault(step, {})[holder.key] = None


def _without_places(change: Change) -> Change:
    """Return a change without what only a move has."""
    return replace(change, before_parent=None, before_id=None, before_ids=None)


def _take_away_before(nodes: dict[ChangeKey, Change], graph: Graph, holder: Change, link: Link) -> ChangeKey:
    """Return the update that takes a value away from an object before the object's own change, which is added if need be."""
    before, after = dict(holder.before or {}), None if holder.after is None else dict(holder.after)
    held = before.get(link.field, link.value)
    left = None if link.unique else _without(held, link.value)
    step = ChangeKey(_UPDATE, holder.model, holder.id, 1 if link.unique or holder.action != _DELETE else 0)
    for earlier in (step._replace(step=0), step._replace(step=1)):
        if earlier != holder.key and earlier in nodes and link.field in (nodes[earlier].after or {}) and left == held:
            return earlier
    first = dict(nodes[step].before or {}) if step in nodes else {}
    first.setdefault(link.field, held)
    before[link.field] = left
    if after is not None:
        after.setdefault(link.field, held)
    nodes[holder.key] = replace(holder, before=before, after=after)
    nodes[step] = replace(
        _without_places(holder),
        action=_UPDATE,
        before=first,
        after={name: before[name] for name in first},
        parent=holder.before_parent if holder.action == _MOVE else holder.parent,
        cascade=False,
        removes_children=False,
        step=step.step,
    )
    graph.setdefault(step, {})
    graph[holder.key][step] = None
    return step


def _without(value: Any, one: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(item for item in value if not same_value(item, one, exact=True))
    return None


def _circle_as_text(graph: Graph, circle: set[ChangeKey]) -> str:
    """Return the message that prints one path around a cycle."""
    first = min(circle)
    line, at = [first], first
    while True:
        at = min(need for need in graph[at] if need in circle)
        if at in line:
            line = [*line[line.index(at) :], at]
            break
        line.append(at)
    steps = [f'{key.action} {key.model} "{key.id}"{_by(graph, key, need)}' for key, need in itertools.pairwise(line)]
    shown = " needs ".join(steps[:_SHOWN]) + (" needs …" if len(steps) > _SHOWN else "")
    if any(link is not None and link.unique for link in (graph[key][need] for key, need in itertools.pairwise(line))):
        return (
            f"the changes cannot be ordered because objects take unique values from one another in a cycle: {shown} needs "
            "the first again; make one of these fields optional (a type with | None), so that it can be null for a while, or set "
            "one of these values to another one in the target first"
        )
    return (
        f"the changes cannot be ordered because objects refer to one another in a cycle: {shown} needs the first "
        "again; make one of these references optional (a type with | None), so that an update can set it"
    )


def _by(graph: Graph, key: ChangeKey, need: ChangeKey) -> str:
    link = graph[key][need]
    return "" if link is None else f" ({', '.join(link.unique) or link.field})"
