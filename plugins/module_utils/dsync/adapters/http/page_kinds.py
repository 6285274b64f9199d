# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of pages, each of which is asked for in its own way from the beginning of a collection to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...exceptions import RecordProblem
from ...records.path import MISSING, read, text_of_path
from .reading import Reading, Record

IDLE = 5
"""How many pages without a new record are read before a reading ends."""


def read_once(reading: Reading) -> None:
    """Read a collection from its beginning to its end. Raises RecordProblem."""
    ways: dict[str, Callable[[Reading], None]] = {"page": _by_number, "offset": _by_offset, "keyset": _by_key}
    ways.get(reading.of.pages.kind, _by_link)(reading)


def _by_number(reading: Reading) -> None:
    """Read pages that are asked for by number."""
    pages = reading.of.pages
    number, before, idle = pages.first or 0, list[Record](), 0
    reading.positional = True
    while True:
        page = reading.page(reading.asked({pages.param: number}))
        if not page:
            return
        if reading.is_page(page, before):
            reading.check_end(page, number)
            return
        idle = 0 if reading.add(page) else idle + 1
        if (reading.total is not None and len(reading.records) >= reading.total) or idle > IDLE:
            return
        number, before = number + 1, page


def _by_offset(reading: Reading) -> None:
    """Read pages that are asked for by how many records are before them, each with the last record of the one before."""
    param = reading.of.pages.param
    reading.positional = True
    start, nothing_from, idle = 0, None, 0
    while idle <= IDLE + len(reading.records) // max(1, reading.largest):
        page = reading.page(reading.asked({param: start}))
        if not page:
            if start == 0:
                return
            nothing_from, start, idle = start, max(0, start - reading.largest), idle + 1
            continue
        if reading.pages == 1 and (not reading.keyed or reading.largest == 1):
            _without_overlap(reading, page)
            return
        if not reading.keyed:
            key = text_of_path(reading.of.key)
            raise RecordProblem(f'{reading.of.name}: "{key}" occurs twice on a page, or in some records only')
        reading.overlapping = True
        places = [place for place, record in enumerate(page) if reading.of.key_of(record) in reading.keys]
        if reading.keys and not places and start > 0:
            start, idle = max(0, start - reading.largest), idle + 1
            continue
        if start > 0 and len(places) == len(page) == len(reading.keys):
            reading.check_end(page, start)
        reading.moved |= bool(reading.keys) and places != [0]
        fresh = page[places[-1] + 1 if places else 0 :]
        for record in fresh:
            reading.follow(record)
        behind, idle = start + len(page), 0 if fresh else idle + 1
        if reading.total is not None and behind >= reading.total:
            return
        if not fresh and (len(page) < reading.largest or (nothing_from is not None and behind >= nothing_from)):
            return
        start, nothing_from = max(behind - 1, start), None if fresh else nothing_from
    reading.moved, reading.ordered = True, False


def _without_overlap(reading: Reading, page: list[Record]) -> None:
    """Read the rest of pages whose records have no keys, or that have one record each."""
    before: list[Record] = []
    while page:
        if page == before:
            reading.check_end(page, len(reading.records))
            return
        reading.add(page)
        if reading.total is not None and len(reading.records) >= reading.total:
            return
        before, page = page, reading.page(reading.asked({reading.of.pages.param: len(reading.records)}))


def _by_key(reading: Reading) -> None:
    """Read pages that are asked for by the key of the last record."""
    pages, name, key = reading.of.pages, reading.of.name, text_of_path(reading.of.key)
    after: Any = pages.first
    while True:
        answer = reading.asked({} if after is None else {pages.param: after})
        page = reading.page(answer)
        if not page or answer is None:
            return
        if not reading.keyed:
            raise RecordProblem(f'{name}: a record has no "{key}" of its own, which pages by key need')
        if reading.add(page) < len(page) or not reading.ordered:
            raise RecordProblem(
                f'{name}: the records are not sorted by {key}, or the server ignores "{pages.param}"; '
                "both are needed for pages by key"
            )
        more = read(answer.json(), pages.next) if pages.next else True
        if more is MISSING or not more:
            return
        last = reading.of.key_of(page[-1])
        after = last + pages.beyond if isinstance(last, int) else last


def _by_link(reading: Reading) -> None:
    """Read pages each of which names the next one."""
    pages, client = reading.of.pages, reading.of.client
    url: str | None = client.address_of(reading.of.path, pages.sizes)
    seen: set[str] = set()
    while url is not None:
        if url in seen:
            raise RecordProblem(f"{reading.of.name}: the pages have no end: one comes again after {len(seen)}")
        seen.add(url)
        answer = reading.of.answer_at(url)
        reading.add(reading.page(answer))
        url = reading.next_address(answer)
        numbered = pages.kind != "cursor" or reading.headed
        reading.positional |= url is not None and numbered and reading.is_position(url)
