# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Where each value of a YAML document is in its text, by the events of PyYAML, with libyaml where it is there."""

from __future__ import annotations

from typing import Any

from .yaml_scalars import CannotChange, library


class Node:
    """A value in the text.

    Attributes:
        kind: ``scalar``, ``map``, ``list`` or ``alias``.
        start, end: where its text is; comments and blank lines after it are not part of it.
        tail: end of a string in lines of its own with the blank lines after it.
        column: that of its first character in its line.
        flow: whether it is written with brackets.
        style: how a scalar is quoted; empty for not at all.
        anchor: the name by which aliases refer to a scalar; empty for none.
        keys: of a map, in the order of ``items``.
        items: the values in it.
    """

    __slots__ = ("anchor", "column", "end", "flow", "items", "keys", "kind", "line", "start", "style", "tail", "value")

    def __init__(self, kind: str, event: Any) -> None:
        self.kind = kind
        self.start: int = event.start_mark.index
        self.end: int = event.end_mark.index
        self.tail = self.end
        self.line: int = event.start_mark.line + 1
        self.column: int = event.start_mark.column
        self.flow = bool(getattr(event, "flow_style", False))
        self.style: str = getattr(event, "style", None) or ""
        self.anchor: str = (event.anchor or "") if kind == "scalar" else ""
        self.value: str = getattr(event, "value", None) or ""
        self.keys: list[Node] = []
        self.items: list[Node] = []

    @property
    def empty(self) -> bool:
        """Whether there is no text at all."""
        return self.kind == "scalar" and self.start == self.end


def nodes_of(text: str) -> Node | None:
    """Return the root of a document that can be read, or None if it is empty. Raises LibraryMissing."""
    yaml = library()
    stack: list[Node] = []
    root: Node | None = None
    for event in yaml.parse(text, Loader=loader_of(yaml)):
        kind = _KINDS.get(type(event).__name__)
        if kind == "end":
            _close(stack.pop(), event, text)
        elif kind is not None:
            node = Node(kind, event)
            if stack:
                _add(stack[-1], node)
            elif root is None:
                root = node
            if type(event).__name__.endswith("StartEvent"):
                stack.append(node)
            elif node.style in ("|", ">"):
                node.end = before_blanks(text, node.end)
    return root


def loader_of(yaml: Any) -> Any:
    """Return the loader for documents that can be read: that of libyaml, or else that of PyYAML itself."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_KINDS = {
    "ScalarEvent": "scalar",
    "AliasEvent": "alias",
    "MappingStartEvent": "map",
    "SequenceStartEvent": "list",
    "MappingEndEvent": "end",
    "SequenceEndEvent": "end",
}


def _add(holder: Node, node: Node) -> None:
    if holder.kind == "map" and len(holder.keys) == len(holder.items):
        holder.keys.append(node)
    else:
        holder.items.append(node)


def _close(node: Node, event: Any, text: str) -> None:
    node.end = event.end_mark.index if node.flow or not node.items else node.items[-1].end
    first = node.keys[0] if node.kind == "map" and node.keys else None
    if first is not None and not node.flow:
        node.column = first.column
    elif node.kind == "list" and node.items and not node.flow:
        node.column = dash_of(text, node.items[0]) - line_start(text, dash_of(text, node.items[0]))


def line_start(text: str, place: int) -> int:
    """Return where the line of a place begins."""
    return text.rfind("\n", 0, place) + 1


def before_blanks(text: str, place: int) -> int:
    """Return the end of what precedes a place and the blanks and line ends before it."""
    while place > 0 and text[place - 1].isspace():
        place -= 1
    return place


def line_end(text: str, place: int) -> int:
    """Return the end of a line, before what ends it."""
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    return end - 1 if text[max(end - 1, 0) : end] == "\r" else end


def dash_of(text: str, item: Node) -> int:
    """Return the position of the dash of an item. Raises CannotChange if it is not directly before it."""
    place = text.rfind("-", 0, item.start)
    if place < 0 or text[place + 1 : item.start].strip(" \t"):
        raise CannotChange(f"line {item.line}")
    return place
