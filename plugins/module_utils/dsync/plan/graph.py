# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What needs what: the order of a graph, and its circles."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

_Key = TypeVar("_Key", bound=Hashable)


def in_order(graph: Mapping[_Key, Iterable[_Key]], ranks: Mapping[_Key, Any]) -> Iterator[_Key]:
    """Yield the keys by rank, each after those that it needs; without those that need one another, or what does.

    Args:
        graph: key → the keys that it needs; those that have no entry do not matter. Not changed.
        ranks: key → where it would be if nothing spoke against it.
    """
    waiting = {key: sum(need in graph for need in needs) for key, needs in graph.items()}
    followers: dict[_Key, list[_Key]] = defaultdict(list)
    for key, needs in graph.items():
        for need in needs:
            followers[need].append(key)
    ready = [(ranks[key], key) for key, number in waiting.items() if not number]
    heapq.heapify(ready)
    while ready:
        key = heapq.heappop(ready)[1]
        yield key
        for follower in followers[key]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, (ranks[follower], follower))


def circles(graph: Mapping[_Key, Iterable[_Key]]) -> list[set[_Key]]:
    """Return the sets of keys that all need one another (Tarjan's strongly connected components of more than one)."""
    index: dict[_Key, int] = {}
    low: dict[_Key, int] = {}
    open_keys: list[_Key] = []
    is_open: set[_Key] = set()
    found: list[set[_Key]] = []
    for start in graph:
        if start in index:
            continue
        line: list[tuple[_Key, Iterator[_Key]]] = []
        upcoming: _Key | None = start
        while upcoming is not None or line:
            if upcoming is not None:
                index[upcoming] = low[upcoming] = len(index)
                open_keys.append(upcoming)
                is_open.add(upcoming)
                line.append((upcoming, iter([need for need in graph[upcoming] if need in graph])))
            key, needs = line[-1]
            upcoming = None
            for need in needs:
                if need not in index:
                    upcoming = need
                    break
                if need in is_open:
                    low[key] = min(low[key], index[need])
            if upcoming is not None:
                continue
            line.pop()
            if line:
                above = line[-1][0]
                low[above] = min(low[above], low[key])
            if low[key] == index[key]:
                place = open_keys.index(key, index[key] - len(index))
                circle = set(open_keys[place:])
                del open_keys[place:]
                is_open -= circle
                if len(circle) > 1:
                    found.append(circle)
    return found
