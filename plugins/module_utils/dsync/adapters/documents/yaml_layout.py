# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the values of a tree are in the text of a YAML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .edits import Way, at
from .yaml_nodes import Node, dash_of, nodes_of
from .yaml_scalars import CannotChange

STEP = 2
"""How much further in than its key something begins, if the text does not show another width."""


class Layout:
    """The text of one document, and what it represents.

    Args:
        text: the text.
        tree: what it represents.

    Raises:
        LibraryMissing: PyYAML is not installed.
    """

    def __init__(self, text: str, tree: Any) -> None:
        self.text, self.tree = text, tree
        self.root = nodes_of(text)
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self._keys: dict[int, dict[Any, int]] = {}
        self._list_step: int | None = None

    def find(self, way: Way) -> tuple[Node | None, int]:
        """Return the node furthest on a way, and how many steps lead to it."""
        node, tree = self.root, self.tree
        for depth, step in enumerate(way):
            if node is None:
                return None, depth
            place = self.place(node, step, tree)
            if place is None:
                return node, depth
            node, tree = node.items[place], at(tree, (step,))
        return node, len(way)

    def place(self, node: Node, step: Any, tree: Any) -> int | None:
        """Return the position of an entry in a list or dictionary, which represents ``tree``; None if it has no such entry."""
        if node.kind == "list":
            number = int(step) if isinstance(step, str) and step.isdigit() else step
            return number if isinstance(number, int) and number < len(node.items) else None
        if node.kind != "map":
            return None
        if id(node) not in self._keys:
            self._keys[id(node)] = _places(node, tree)
        return self._keys[id(node)].get(step)

    def start_of_entry(self, way: Way) -> int:
        """Return where an entry begins with its dash or its key. Raises CannotChange."""
        key = self.key_of(way)
        node, _depth = self.find(way)
        if node is None:
            raise CannotChange("an alias")
        return key.start if key is not None else dash_of(self.text, node)

    def key_of(self, way: Way) -> Node | None:
        """Return the key of an entry; None for an item of a list. Raises CannotChange."""
        holder, depth = self.find(way[:-1])
        place = None if holder is None or depth < len(way) - 1 else self.place(holder, way[-1], at(self.tree, way[:-1]))
        if holder is None or place is None:
            raise CannotChange("an alias")
        return holder.keys[place] if holder.kind == "map" else None

    def column_of(self, way: Way) -> int:
        """Return the column of what something is in."""
        holder, _depth = self.find(way[:-1])
        return holder.column if holder is not None else 0

    def step_of_lists(self) -> int:
        """Return how much further in than its key a list begins, as is usual in the text."""
        if self._list_step is None:
            steps = list(_list_steps(self.root)) if self.root else []
            self._list_step = max(set(steps), key=steps.count) if steps else STEP
        return self._list_step

    def is_inside_flow(self, way: Way) -> bool:
        """Return whether something is in a list or dictionary in brackets."""
        nodes = (self.find(way[:depth])[0] for depth in range(len(way)))
        return any(node is not None and node.flow for node in nodes)


def _list_steps(node: Node) -> Iterator[int]:
    for key, item in zip(node.keys, node.items):
        if item.kind == "list" and item.items and not item.flow and not node.flow:
            yield item.column - key.column
    for item in node.items:
        yield from _list_steps(item)


def _places(node: Node, tree: Any) -> dict[Any, int]:
    """Return key → position in a map; keys that are not strings are determined by the tree that was read."""
    found: dict[Any, int] = {key.value: place for place, key in enumerate(node.keys)}
    others = [key for key in tree if not isinstance(key, str)] if isinstance(tree, Mapping) else []
    if others:
        if len(tree) != len(node.keys):
            raise CannotChange(f"line {node.line}")
        found.update((key, place) for place, key in enumerate(tree))
    return found
