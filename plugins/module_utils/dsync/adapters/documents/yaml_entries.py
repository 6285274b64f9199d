# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The text of new values and entries in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .yaml_blocks import block
from .yaml_comments import Piece
from .yaml_layout import STEP, Layout
from .yaml_scalars import in_one_line, is_tagged


class NewText:
    """Writes values as they are usual in a text.

    Args:
        layout: of the text that they are written into.

    Attributes:
        carried: ``id`` of a list or dictionary and position or key in it → the text of an entry that is carried there.
    """

    def __init__(self, layout: Layout) -> None:
        self.carried: Mapping[tuple[int, Any], Piece] = {}
        self._layout, self._newline = layout, layout.newline
        self._open: list[str] = []

    def ended(self, text: str) -> str:
        """Return a whole text, with a line end where it ends in a string that needs one."""
        return text + self._newline if text.endswith(tuple(self._open)) else text

    def noted(self, found: str, string: str) -> str:
        """Return a string in lines of its own, and take note of it where a line end has to follow."""
        if string.endswith("\n"):
            self._open.append(found)
        return found

    def scalar(self, value: Any, column: int) -> str:
        """Return a new value that is neither a list nor a dictionary; ``column`` is that of what it is in."""
        if is_tagged(value) and "\n" in value.value:
            found = block(value.value, value.tag, column, column + STEP, self._newline)
            if found is not None:
                return self.noted(found, value.value)
        return in_one_line(value)

    def item_of(self, value: Any, column: int, lead: str, piece: Piece | None) -> str:
        """Return an item in lines of its own; ``lead`` is the margin and the dash with the blanks after it."""
        if piece is None:
            return lead + self.block(value, len(lead)).lstrip(" ")
        body = self._in_column(piece.body, len(lead)) if piece.body else " " * len(lead) + in_one_line(value)
        above = self._in_column(piece.above + piece.remark.strip(), column, True)
        if body.lstrip(" \r\n").startswith("#"):
            return above + f"{lead.rstrip()}{self._newline}{body}"
        return above + lead + body.lstrip(" ")

    def entry(self, key: Any, value: Any, column: int, piece: Piece | None) -> str:
        """Return an entry of a dictionary in lines of its own; ``piece`` is its text if it is carried there."""
        lead = f"{' ' * column}{in_one_line(key)}:"
        below = column + (self._layout.step_of_lists() if isinstance(value, list) else STEP)
        if piece is not None:
            lead = self._in_column(piece.above, column, True) + lead
            if not piece.body or piece.is_inline():
                return f"{lead}{' ' * bool(piece.body)}{piece.body.rstrip()}{piece.remark}"
            return f"{lead}{piece.remark}{self._newline}{self._in_column(piece.body, below)}"
        if not isinstance(value, (dict, list)) or not value:
            return f"{lead} {self.scalar(value, column)}"
        return f"{lead}{self._newline}{self.block(value, below)}"

    def _in_column(self, text: str, column: int, ended: bool = False) -> str:
        """Return lines that begin at a column; ``ended`` is whether the last one has a line end."""
        lines = text.rstrip("\r\n").splitlines() if text else []
        found = self._newline.join(" " * column + line if line else line for line in lines)
        return found + self._newline if ended and lines else found

    def block(self, value: Any, column: int) -> str:
        """Return a value in lines of its own, which begin at a column."""
        if not isinstance(value, (dict, list)) or not value:
            return " " * column + self.scalar(value, column - STEP)
        carried = self.carried
        if isinstance(value, dict):
            lines = [self.entry(key, item, column, carried.get((id(value), key))) for key, item in value.items()]
        else:
            lead = " " * column + "- "
            lines = [self.item_of(item, column, lead, carried.get((id(value), place))) for place, item in enumerate(value)]
        return self._newline.join(lines)
