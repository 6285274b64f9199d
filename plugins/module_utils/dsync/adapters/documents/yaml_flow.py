# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists and dictionaries of YAML that are written with brackets: what has to go for some of their entries to be gone.

Entries in lines of their own go with their lines, and with the comments after them; the others go with their commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from .yaml_nodes import Node, line_start

_BLANK_OR_REMARK = re.compile(r"(?:\s|(?<=\s)#[^\n]*)*")
_END_OF_ENTRY = re.compile(r"[ \t]*,?[ \t]*(?:(?<=[ \t])#[^\n]*)?\r?\n")

Piece = tuple[int, int]
"""Where a piece of text begins and ends."""


def cuts(text: str, holder: Node, gone: Set[int], more: bool) -> Iterator[Piece]:
    """Yield the pieces to take out of a text.

    Args:
        text: of the document.
        holder: the list or dictionary.
        gone: positions of the entries that are to go, not of all.
        more: whether new ones are added at :func:`end_of_last`.
    """
    last = max(set(range(len(holder.items))) - gone)
    if not in_own_lines(text, holder, gone):
        for place in sorted(gone):
            if place < last:
                yield _start(holder, place), _start(holder, place + 1)
        if last + 1 < len(holder.items):
            yield holder.items[last].end, holder.items[-1].end
        return
    for place in gone:
        yield line_start(text, _start(holder, place)), _end_of_lines(text, holder, place)
    comma = _comma_after(text, holder.items[last].end)
    if last + 1 < len(holder.items) and not more and comma is not None and _comma_after(text, holder.items[-1].end) is None:
        yield comma, comma + 1


def end_of_last(text: str, holder: Node, gone: Set[int]) -> int:
    """Return where new entries are inserted: after the last one that stays, or after what is cut out there."""
    last = max(set(range(len(holder.items))) - gone)
    tail = set(range(last + 1, len(holder.items)))
    return holder.items[-1 if tail and not in_own_lines(text, holder, gone) else last].end


def in_own_lines(text: str, holder: Node, places: Set[int]) -> bool:
    """Return whether each of some entries shares its lines with nothing but a comment after it."""
    return all(
        not text[line_start(text, _start(holder, place)) : _start(holder, place)].strip()
        and _END_OF_ENTRY.match(text, holder.items[place].end)
        for place in places
    )


def _start(holder: Node, place: int) -> int:
    return (holder.keys if holder.kind == "map" else holder.items)[place].start


def _end_of_lines(text: str, holder: Node, place: int) -> int:
    matched = _END_OF_ENTRY.match(text, holder.items[place].end)
    return matched.end() if matched else holder.items[place].end


def _comma_after(text: str, place: int) -> int | None:
    """Return the position of the comma after an entry; None if there is none."""
    matched = _BLANK_OR_REMARK.match(text, place)
    end = matched.end() if matched else place
    return end if text[end : end + 1] == "," else None
