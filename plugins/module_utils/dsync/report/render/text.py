# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A report as text for a terminal::

Cmdb compared with SourceOfTruth
3 changes: 2 to create, 1 to update

model   create  update  move  delete  unchanged  skipped
site         0       1     0       0          3        0
device       2       0     0       0         91        0

~ site nyc
    contact_phone: "555-0100" → "555-0199"
  + device rtr-2
      role: "router"
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from ..report import Line, Report, State
from .phrases import CAPPED, HEADINGS, SIGNS, details, facts, more_changes, one_line, table

STEP = 2
"""The indentation of each level."""

_BOLD, _RED, _GREEN, _YELLOW, _CYAN, _DIM = 1, 31, 32, 33, 36, 2
_COLOURS = {"create": _GREEN, "update": _YELLOW, "move": _CYAN, "delete": _RED}
_NOTES = {State.DONE: _GREEN, State.OPEN: _DIM, State.REFUSED: _YELLOW, State.FAILED: _RED}


def render(report: Report, *, color: bool = False) -> str:
    """Return a report as text with a trailing newline.

    Args:
        report: the report.
        color: whether to color it with the escape sequences of terminals.
    """
    return "\n".join((*_Text(color).lines(report), ""))


class _Text:
    def __init__(self, color: bool) -> None:
        self._color = color

    def _paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._color and text else text

    def lines(self, report: Report) -> Iterator[str]:
        yield self._paint(one_line(report.title), _BOLD)
        yield report.headline
        yield ""
        yield from _aligned([[name, text] for name, text in facts(report)], numbers=False)
        if report.models:
            yield ""
            yield from self._table(report)
        yield from self._sentences("problems", report.problems, _RED)
        yield from self._sentences("warnings", report.warnings, _YELLOW)
        if report.entries:
            yield ""
        for line in report.lines():
            yield from self._change(line)
        if report.omitted:
            yield ""
            yield more_changes(report.omitted, CAPPED)

    def _table(self, report: Report) -> Iterator[str]:
        heading, *rows = _aligned([["model", *HEADINGS], *([name, *map(str, counts)] for name, counts in table(report))])
        yield self._paint(heading, _BOLD)
        yield from rows

    def _sentences(self, what: str, sentences: tuple[str, ...], colour: int) -> Iterator[str]:
        if sentences:
            yield ""
            yield self._paint(what, _BOLD)
        for sentence in sentences:
            yield f"{self._paint('!', colour)} {one_line(sentence)}"

    def _change(self, line: Line) -> Iterator[str]:
        margin, entry = line.depth * STEP * " ", line.entry
        name = one_line(f"{line.model} {line.id}")
        if entry is None:
            yield f"{margin}  {self._paint(name, _DIM)}"
            return
        note = self._paint(f"  ({one_line(line.note)})", _NOTES[entry.state]) if line.note else ""
        yield f"{margin}{self._paint(f'{SIGNS[entry.action]} {name}', _COLOURS[entry.action])}{note}"
        for text in details(entry):
            yield f"{margin}{2 * STEP * ' '}{text}"


def _aligned(rows: list[list[str]], numbers: bool = True) -> Iterator[str]:
    """Yield the rows of a table; all columns except the first are right-aligned if they contain numbers."""
    widths = [max(map(_width, column)) for column in zip(*rows)]
    for row in rows:
        cells = [_padded(cell, width, right=numbers and place > 0) for place, (cell, width) in enumerate(zip(row, widths))]
        yield "  ".join(cells).rstrip()


def _padded(text: str, width: int, right: bool) -> str:
    room = (width - _width(text)) * " "
    return f"{room}{text}" if right else f"{text}{room}"


def _width(text: str) -> int:
    """Return the width of a string in columns of a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
