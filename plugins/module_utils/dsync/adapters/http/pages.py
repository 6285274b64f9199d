# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How a collection is divided into pages, and what the answer with a page reports about the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...exceptions import RecordProblem
from ...records.path import MISSING, Path, read, text_of_path
from .answers import Answer

MAX_PAGES = 100_000
"""Default maximum number of pages of a reading."""

_COUNTS = ("count", "total", "totalCount", "total_count", "totalItems")
_COUNTING_HEADERS = ("X-Total-Count", "X-Total", "Total-Count")


@dataclass(frozen=True)
class Pages:
    """How a collection is divided into pages.

    Attributes:
        kind: ``none``, ``page``, ``offset``, ``keyset``, ``cursor``, ``link`` or ``next``; ``unsaid`` where nothing was declared,
            and further pages are then an error.
        param: the parameter that selects the page.
        size_param: the parameter for the size of pages.
        size: how large; None to leave that to the server.
        first: the number of the first page; of a keyset what comes before every key, None to leave the parameter out at first.
        beyond: what is added to the last key to ask for what comes after it.
        next: where an answer, or a header of it, has the next cursor or address; of a keyset whether there is more, empty if it
            does not say.
        total: where an answer has the number of records; None if it has none.
        end: statuses that answer a request for a page after the last, in addition to 404 and 416.
        sorted: whether a collection with offsets is sorted by its key.
        verify: whether a collection is read a second time if nothing else shows that it did not change in the meantime.
        max_pages: how many pages one reading has at most; a server that has no end is left then.
    """

    kind: str = "unsaid"
    param: str = ""
    size_param: str = "limit"
    size: int | None = None
    first: int | None = 1
    beyond: int = 0
    next: Path = ("next",)
    total: Path | None = None
    end: tuple[int, ...] = ()
    sorted: bool = False
    verify: bool = True
    max_pages: int = MAX_PAGES

    @property
    def sizes(self) -> dict[str, Any]:
        """The parameters that ask for pages of a size."""
        return {} if self.size is None else {self.size_param: self.size}


def total_in(answer: Answer, place: Path) -> int:
    """Return how many records there are, as an answer or a header of it has it at a place. Raises RecordProblem."""
    total = read(answer.json_if_any(), place)
    if total is MISSING:
        total = answer.headers.get(text_of_path(place))
    if isinstance(total, str) and total.isdecimal():
        total = int(total)
    if isinstance(total, bool) or not isinstance(total, int):
        raise RecordProblem(f'{answer.said}: the answer has no number of records at "{text_of_path(place)}"')
    return total


def counts_in(answer: Answer, size: int) -> Iterator[int]:
    """Yield how many records there are as answers often have it, unless that is how many there are on this page."""
    value = answer.json_if_any()
    told = [value.get(name) for name in _COUNTS] if isinstance(value, dict) else []
    told += [int(text) for text in (answer.headers.get(name, "") for name in _COUNTING_HEADERS) if text.isdecimal()]
    yield from (one for one in told if isinstance(one, int) and not isinstance(one, bool) and one != size)


def check_whole(answer: Answer) -> None:
    """Raise RecordProblem if an answer reports that it is incomplete, and no option defines how to request the rest."""
    value = answer.json_if_any()
    link = value.get("next") if isinstance(value, dict) else None
    kind = (
        "link" if answer.next_link() else "next" if isinstance(link, str) and link.startswith(("http://", "https://", "/")) else ""
    )
    if kind:
        raise RecordProblem(
            f"{answer.said}: this is only a part, because the answer links to a next page; add pagination: {kind} "
            "(or none for this page alone)"
        )
