# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Files of several YAML documents, each of which begins with ``---``."""

from __future__ import annotations

import re

_BEGINS = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_CONTENT = re.compile(r"^[ \t]*[^\s#]", re.MULTILINE)


def documents_in(text: str) -> list[str]:
    """Return the pieces of a text that are one document each; joined, they are the text. Blank lines and comments are not one.

    A line that begins with three dashes begins a document wherever it is. A text with directives, such as ``%YAML``, is one piece.
    """
    starts = [found.start() for found in _BEGINS.finditer(text)]
    if text.startswith("%") or "\n%" in text or not starts:
        return [text]
    if _CONTENT.search(text[: starts[0]]):
        starts.insert(0, 0)
    starts[0] = 0
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)])]


def in_its_lines(pieces: list[str], place: int) -> str:
    """Return one of the pieces of a text, with blank lines before it, so that its lines have the numbers that they have there."""
    return "\n" * "".join(pieces[:place]).count("\n") + pieces[place]


def exchanged(pieces: list[str], place: int, new: str) -> None:
    """Put a changed document, with the blank lines before it, in the place of a piece; ``pieces`` is changed."""
    newline = "\r\n" if "\r\n" in pieces[place] else "\n"
    found = new[len(in_its_lines(pieces, place)) - len(pieces[place]) :]
    pieces[place] = found if found.endswith("\n") or place == len(pieces) - 1 else found + newline
