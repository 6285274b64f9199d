# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A report as Markdown for GitHub and GitLab, short enough for a comment on a merge request.

All data from the datasets is in ``<code>``, and its characters with a meaning in Markdown or HTML are
entities: so nothing in it is formatted, linked, or interpreted as a mention of a user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..report import Line, Report, State
from .phrases import CAPPED, HEADINGS, Attribute, attributes, facts, more_changes, one_line, phrase, table

MOST_BYTES = 60_000
"""The default maximum size of a report in bytes; GitHub accepts comments of 65,536 characters."""

LONGEST_VALUE = 300
"""Maximum number of characters shown of an attribute's values."""

MOST_ATTRIBUTES = 30
"""Maximum number of attributes shown for one change."""

_SPECIAL = re.compile(r"""[&<>"'`*_\\|~\[\](){}!@:$]|(?<=www)\.""", re.IGNORECASE)
_REFERENCE = re.compile(r"[@#!~%$&^:]")
_ROOM_FOR_NOTES = 600


def render(report: Report, *, max_bytes: int = MOST_BYTES) -> str:
    """Return a report as Markdown with a trailing newline.

    Args:
        report: the report.
        max_bytes: maximum size in bytes of UTF-8; content that does not fit is omitted and counted.
    """
    page = _Page(max_bytes - _ROOM_FOR_NOTES)
    page.add(f"### {_title(report.title)}\n\n", [f"**{report.headline}**\n"], "\n")
    rows = [f"| {_code(model)} | {' | '.join(map(str, counts))} |\n" for model, counts in table(report)]
    page.add(f"| model | {' | '.join(HEADINGS)} |\n|---|{'---:|' * len(HEADINGS)}\n", rows, "\n")
    page.add("", [" · ".join(f"{name} {_code(text)}" for name, text in facts(report))], "\n\n")
    for name, sentences in (("problem", report.problems), ("warning", report.warnings)):
        left = page.add(f"#### {name.capitalize()}s\n\n", [f"- {_code(sentence)}\n" for sentence in sentences], "\n")
        page.note(f"{left} more {name}s are not shown." if left else "")
    page.note(more_changes(left, ", because the report is limited in size") if (left := _add_changes(page, report)) else "")
    page.note(more_changes(report.omitted, CAPPED) if report.omitted else "")
    return page.text()


def _add_changes(page: _Page, report: Report) -> int:
    """Add the changes, first those that were not made, then model by model, and return the number of those that do not fit."""
    groups: dict[str, list[Line]] = {}
    for line in report.lines():
        if line.entry is not None:
            groups.setdefault("" if line.entry.state in _URGENT else line.model, []).append(line)
    left = 0
    for model in sorted(groups, key=lambda name: name != ""):
        lines = groups[model]
        count = f"{len(lines)} not made" if not model else "1 change" if len(lines) == 1 else f"{len(lines)} changes"
        summary = f"{_code(model)}: {count}" if model else count
        start = f"<details{'' if model else ' open'}><summary>{summary}</summary>\n\n| | object | change |\n|---|---|---|\n"
        left += page.add(start, map(_row, lines), "\n</details>\n\n", len(lines))
    return left


_URGENT = (State.FAILED, State.REFUSED)


def _row(line: Line) -> str:
    if line.entry is None:
        raise ValueError("a line without a change has no row")
    found = list(attributes(line.entry))
    cells = [f"{_code(item.name)} {_code(_short(item))}" for item in found[:MOST_ATTRIBUTES]]
    if len(found) > MOST_ATTRIBUTES:
        cells.append(f"and {len(found) - MOST_ATTRIBUTES} more")
    note = [f"**{_code(line.note)}**"] if line.note else []
    return f"| {line.entry.action} | {_code(f'{line.model} {line.id}')} | {'<br>'.join(note + cells)} |\n"


def _short(attribute: Attribute) -> str:
    text = phrase(attribute)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def _code(text: str) -> str:
    return f"<code>{_escaped(one_line(text))}</code>"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)


def _title(text: str) -> str:
    """Return a string with invisible spaces that keep GitHub and GitLab from interpreting anything as a reference."""
    return "".join(_escaped(char) + ("&#8203;" if _REFERENCE.match(char) else "") for char in one_line(text))


class _Page:
    """A string of limited length."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._parts: list[str] = []

    def add(self, start: str, items: Iterable[str], end: str, number: int | None = None) -> int:
        """Add as many items as fit, between a start and an end, and return the number of those that do not.

        Args:
            start: the text before them; it is omitted if no item is added.
            items: the items, which are read only while there is room.
            end: the text after them.
            number: number of items, if they are not a list.
        """
        room = self._room - _size(start + end)
        taken: list[str] = []
        for item in items:
            if _size(item) > room:
                break
            room -= _size(item)
            taken.append(item)
        if taken:
            self._room = room
            self._parts += (start, *taken, end)
        return (len(items) if isinstance(items, list) else number or 0) - len(taken)

    def note(self, sentence: str) -> None:
        """Add a sentence, for which room is reserved."""
        if sentence:
            self._parts.append(f"{sentence}\n\n")

    def text(self) -> str:
        return "".join(self._parts).rstrip("\n") + "\n"


def _size(text: str) -> int:
    return len(text.encode())
