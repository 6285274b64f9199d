# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Which comments belong to an entry of a YAML document, and the text of an entry that is carried elsewhere with them.

The comment lines directly above an entry belong to it, but for those with which the file begins, and those further in than it. The
comment lines directly below an entry that are further in than it belong to it too. A blank line ends them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .yaml_nodes import Node, before_blanks, line_end, line_start, nodes_of


class Piece(NamedTuple):
    """The text of an entry, which begins in the first column.

    Attributes:
        above: the comment lines above it, each with its line end.
        remark: the comment after its key, with the blanks before it.
        body: its value, as a document of its own with the comments in it.
    """

    above: str
    remark: str
    body: str

    def is_inline(self) -> bool:
        """Return whether the value goes into the line of its key: it is empty, or written with brackets."""
        root = nodes_of(self.body)
        return root is None or root.flow or root.kind == "scalar"


def start_with_comments(text: str, start: int) -> int:
    """Return where the comment lines above an entry begin, or where its line does if there are none.

    Args:
        text: of the document.
        start: where the entry begins with its dash or key.
    """
    found = line_start(text, start)
    column, place = start - found, found
    while place > 0:
        before = line_start(text, place - 1)
        if text.startswith("---", before):
            break
        if _comment_column(text[before : place - 1]) not in range(column + 1):
            return place
        place = before
    return found


def end_with_comments(text: str, end: int, column: int) -> int:
    """Return the end of the line in which an entry ends, or of the last of the comment lines below that are further in than it.

    Args:
        text: of the document.
        end: of the entry's value.
        column: of the entry.
    """
    found = line_end(text, end)
    while True:
        after = text.find("\n", found) + 1
        if not after or _comment_column(text[after : line_end(text, after)]) <= column:
            return found
        found = line_end(text, after)


def _comment_column(line: str) -> int:
    """Return in which column the comment of a comment line begins; -1 for another line."""
    content = line.lstrip(" \t")
    return len(line) - len(content) if content.startswith("#") else -1


def piece_of_entry(text: str, start: int, key: Node | None, node: Node, newline: str) -> Piece | None:
    """Return the text of an entry; None if its value is not a dictionary, or is not written so that its text can be carried.

    Args:
        text: of the document.
        start: where the entry begins with its dash or key.
        key: None for an item of a list.
        node: the entry's value.
        newline: line end of the text.
    """
    if node.kind != "map" and not node.empty:
        return None
    first, line = start_with_comments(text, start), line_start(text, start)
    above = _dedented(text[first:line], start - line)
    remark, begin = "", node.start
    if key is not None:
        end = line_end(text, key.end)
        _colon, _mark, remark = text[key.end : end].partition(":")
        if node.empty or node.start > end:
            if remark.strip() and not remark.lstrip().startswith("#"):
                return None
            between = text[end : line_start(text, node.start)] if node.start > end else ""
            if any(line.strip() and _comment_column(line) < 0 for line in between.splitlines()):
                return None
            begin = end + len(newline) if between.strip() else node.start
        else:
            remark = ""
    remark = remark if remark.strip() else ""
    if node.empty:
        return Piece(above, remark, "")
    column = node.start - line_start(text, node.start)
    end = line_end(text, node.end) if node.flow else end_with_comments(text, node.end, start - line)
    lead = "" if begin < node.start else " " * column
    return Piece(above, remark, _dedented(lead + text[begin:end], column) + newline)


def _dedented(text: str, columns: int) -> str:
    return re.sub(rf"^[ \t]{{0,{columns}}}", "", text, flags=re.MULTILINE)


def lead_of(text: str, node: Node, column: int) -> tuple[int, str]:
    """Return where a value begins with what precedes it after its key, and the blanks that belong there.

    The comments above the first entry of a list or dictionary in lines of its own are part of that entry, and so of the value.

    Args:
        text: of the document.
        node: the value.
        column: where another value in a line of its own can begin at the earliest.
    """
    line = line_start(text, node.start)
    place = start_with_comments(text, node.start - len(text[line : node.start]) + node.column) if is_in_lines(node) else node.start
    place = place if place < line else node.start
    end = before_blanks(text, place)
    if text[end - 1 : end] == ":" and "#" not in text[line_start(text, end) : end]:
        return end, " "
    return place, " " * max(node.column, column) if place < line else ""


def is_in_lines(node: Node) -> bool:
    """Return whether a value is a list or dictionary in lines of its own."""
    return node.kind in ("map", "list") and not node.flow
