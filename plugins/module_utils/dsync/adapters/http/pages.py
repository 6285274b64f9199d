# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads collections that are divided into pages, so that no record is skipped and none comes twice.

While pages are read, others add, remove and reorder records, and what is on a page that was not read yet can move to one that was.
So records are told apart by their key, and

- with a keyset, the server is asked for what comes after the last record: nothing can move in between;
- with offsets in a collection that is sorted by its key, each page begins with the last record of the page before. Where that is
  not on it, one goes back until a record comes that was read already: nothing that follows it can have been read, or be skipped;
- with cursors, this is the server's affair;
- with other offsets, numbers of pages, and links that have numbers in them, a collection of several pages is read until two
  readings in succession have the same records.

A reading is repeated too when a record comes twice, when the number of records changes, or when it is another one in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ...exceptions import RecordProblem
from ...records.path import MISSING, Path, read, text_of_path
from .answers import Answer, HttpProblem
from .client import Client

READINGS = 5
"""How often a collection is read at most that changes meanwhile."""

_BEHIND_THE_LAST = (404, 416)
_BAD_REQUEST = 400
_COUNTS = ("count", "total", "totalCount", "total_count", "totalItems")
_COUNTING_HEADERS = ("X-Total-Count", "X-Total", "Total-Count")

Record = dict[str, Any]


@dataclass(frozen=True)
class Pages:
    """How a collection is divided into pages.

    Attributes:
        kind: ``none``, ``page``, ``offset``, ``keyset``, ``cursor``, ``link`` or ``next``; ``unsaid`` where nothing was declared,
            and further pages are then an error.
        param: the parameter that says which page.
        size_param: the parameter that says how large pages are to be.
        size: how large; None to leave that to the server.
        first: the number of the first page; of a keyset what comes before every key, None to leave the parameter out at first.
        beyond: what is added to the last key to ask for what comes after it.
        next: where an answer has the next cursor or address; of a keyset whether there is more, empty where it does not say.
        total: where an answer says how many records there are; None for nowhere.
        end: statuses that answer a request for a page behind the last, besides 404 and 416.
        sorted: whether a collection with offsets is sorted by its key.
        verify: whether a collection is read a second time where nothing else shows that it did not change meanwhile.
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

    @property
    def sizes(self) -> dict[str, Any]:
        """The parameters that ask for pages of a size."""
        return {} if self.size is None else {self.size_param: self.size}


@dataclass
class _Reading:
    """One reading of a collection, from its beginning to its end.

    Attributes:
        records: in the order in which they came.
        keys: the keys of these; the same number of them as long as the records have keys.
        keyed: whether every record has a key, and no page the same one twice.
        pages: how many pages were read.
        largest: how many records the largest of them had.
        moved: whether something shows that the collection changed meanwhile.
        positional: whether pages were asked for by a position, which moves with what is before it.
        overlapping: whether each page began with the last record of the one before.
        ordered: whether each new record came after all others in the order of the keys.
        counts: the numbers of records that answers gave without being asked for them.
        total: how many records there are, as the last answer has it; None where it does not say.
    """

    records: list[Record]
    keys: dict[Any, None] = field(default_factory=dict)
    keyed: bool = True
    pages: int = 0
    largest: int = 0
    moved: bool = False
    positional: bool = False
    overlapping: bool = False
    ordered: bool = True
    counts: set[int] = field(default_factory=set)
    total: int | None = None

    @property
    def missing(self) -> int:
        """How many records the server says that there are besides those that came."""
        return 0 if self.total is None else self.total - len(self.records)

    def follow(self, key: Any) -> None:
        """Note the key of a new record, which comes after all others or not."""
        last = next(reversed(self.keys), None)
        self.ordered &= last is None or (type(last) is type(key) and last < key)
        self.keys[key] = None


class PageReader:
    """Reads a collection.

    Args:
        client: sends the requests.
        path: the collection's.
        pages: how it is divided.
        records_in: returns the records of an answer; of another page than the first if the second argument is true, where there may
            be none.
        key: the field that tells records apart.
        records: gets the records as they come, for others to see how far it is; emptied when a reading begins.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        pages: Pages,
        records_in: Callable[[Answer, bool], list[Record]],
        key: Path,
        records: list[Record] | None = None,
    ) -> None:
        self._client, self._path, self._pages, self._records_in, self._key = client, path, pages, records_in, key
        self._records: list[Record] = [] if records is None else records
        self._name = f"GET {urlsplit(path).path}"

    def read(self) -> list[Record]:
        """Return all records.

        Raises:
            RecordProblem: a page cannot be read, comes a second time, or leads to another server; records are missing at the end;
                or the collection changed each time that it was read.
        """
        before: _Reading | None = None
        for _time in range(READINGS):
            del self._records[:]
            reading = _Reading(self._records)
            self._read_once(reading)
            if self._is_certain(reading) or (before is not None and self._agree(before, reading)):
                return list(reading.records)
            before = _Reading([], dict(reading.keys), total=reading.total)
        if before is not None and before.total is not None and len(before.keys) != before.total:
            raise RecordProblem(f"{self._name}: there are {before.total} records, the server says, and it gave {len(before.keys)}")
        raise RecordProblem(
            f"{self._name}: records were added, removed or moved each of the {READINGS} times that it was read, so some may be "
            "missing; run it again, or use pagination: {type: keyset} where the server can list what comes after a key"
        )

    def _is_certain(self, reading: _Reading) -> bool:
        if not reading.keyed or reading.pages <= 1:
            self._check_complete(reading)
            return True
        if self._pages.sorted and reading.overlapping and reading.ordered:
            return reading.missing <= 0 or (reading.moved and reading.missing < reading.largest)
        moved = reading.moved or reading.missing != 0 or len(reading.counts) > 1
        return not moved and not (reading.positional and self._pages.verify)

    def _agree(self, before: _Reading, reading: _Reading) -> bool:
        return before.keys.keys() == reading.keys.keys() and reading.missing == 0

    def _check_complete(self, reading: _Reading) -> None:
        if reading.missing > 0:
            raise RecordProblem(
                f"{self._name}: there are {reading.total} records, the server says, and it gave {len(reading.records)}"
            )

    def _read_once(self, reading: _Reading) -> None:
        ways = {"page": self._by_number, "offset": self._by_offset, "keyset": self._by_key}
        ways.get(self._pages.kind, self._by_link)(reading)

    # ------------------------------------------------------------------ pages

    def _asked(self, reading: _Reading, parameters: Mapping[str, Any]) -> Answer | None:
        """Return a page; None for one behind the last."""
        try:
            answer = self._client.request("GET", self._client.address_of(self._path, {**self._pages.sizes, **parameters}))
        except HttpProblem as problem:
            if reading.pages and problem.status in (*_BEHIND_THE_LAST, *self._pages.end):
                return None
            if reading.pages and problem.status == _BAD_REQUEST:
                hint = "if that is how it answers behind the last page, add end: [400] to the pagination"
                raise RecordProblem(f"{problem}; {hint}") from None
            raise
        return answer

    def _taken(self, reading: _Reading, answer: Answer | None) -> list[Record]:
        """Return the records of a page, after a look at how many the server says that there are."""
        if answer is None:
            return []
        page = self._records_in(answer, reading.pages > 0)
        reading.pages += 1
        reading.largest = max(reading.largest, len(page))
        if self._pages.total is not None:
            reading.moved |= reading.total not in (None, total := _total(answer, self._pages.total))
            reading.total = total
        reading.counts.update(_counts(answer, len(page)))
        keys = [self._key_of(record) for record in page]
        reading.keyed &= None not in keys and len(set(keys)) == len(keys)
        return page

    def _key_of(self, record: Record) -> Any:
        value = read(record, self._key)
        return value if isinstance(value, (str, int)) and not isinstance(value, bool) else None

    def _added(self, reading: _Reading, page: list[Record]) -> int:
        """Add what is new on a page, and return how much that is."""
        if not reading.keyed:
            reading.records.extend(page)
            return len(page)
        new = [record for record in page if self._key_of(record) not in reading.keys]
        reading.moved |= len(new) < len(page)
        for record in new:
            reading.records.append(record)
            reading.follow(self._key_of(record))
        return len(new)

    # ------------------------------------------------------------------ the kinds of pages

    def _by_number(self, reading: _Reading) -> None:
        """Read pages that are asked for by number."""
        number, before, idle = self._pages.first or 0, list[Record](), 0
        reading.positional = True
        while True:
            answer = self._asked(reading, {self._pages.param: number})
            page = self._taken(reading, answer)
            if not page:
                return
            if page == before or self._same(reading, page, before):
                self._check_end(reading, page, number)
                return
            idle = 0 if self._added(reading, page) else idle + 1
            if (reading.total is not None and len(reading.records) >= reading.total) or idle > READINGS:
                return
            number, before = number + 1, page

    def _same(self, reading: _Reading, page: list[Record], before: list[Record]) -> bool:
        return reading.keyed and [self._key_of(one) for one in page] == [self._key_of(one) for one in before]

    def _check_end(self, reading: _Reading, page: list[Record], number: int) -> None:
        """Raise RecordProblem when a page that comes a second time does not show that it is the last."""
        short = self._pages.size is not None and len(page) < self._pages.size
        if reading.pages <= 2 and not short:
            raise RecordProblem(
                f"{self._name}: the same page comes again for {self._pages.param}={number}; the server does not know "
                f'"{self._pages.param}", or repeats its last page; then say with "total" where it tells how many records there are'
            )

    def _by_offset(self, reading: _Reading) -> None:
        """Read pages that are asked for by how many records are before them, each with the last record of the one before."""
        reading.positional = True
        start, nothing_from, idle = 0, None, 0
        while idle <= READINGS + len(reading.records) // max(1, reading.largest):
            page = self._taken(reading, self._asked(reading, {self._pages.param: start}))
            if not page:
                if start == 0:
                    return
                nothing_from, start, idle = start, max(0, start - reading.largest), idle + 1
                continue
            if reading.pages == 1 and (not reading.keyed or reading.largest == 1):
                self._without_overlap(reading, page)
                return
            if not reading.keyed:
                raise RecordProblem(f'{self._name}: "{text_of_path(self._key)}" is there twice on a page, or in some records only')
            reading.overlapping = True
            places = [place for place, record in enumerate(page) if self._key_of(record) in reading.keys]
            if reading.keys and not places and start > 0:
                start, idle = max(0, start - reading.largest), idle + 1
                continue
            if start > 0 and len(places) == len(page) == len(reading.keys):
                self._check_end(reading, page, start)
            reading.moved |= bool(reading.keys) and places != [0]
            last = places[-1] + 1 if places else 0
            fresh = page[last:]
            for record in fresh:
                reading.records.append(record)
                reading.follow(self._key_of(record))
            behind, idle = start + len(page), 0 if fresh else idle + 1
            if reading.total is not None and behind >= reading.total:
                return
            if not fresh and (len(page) < reading.largest or (nothing_from is not None and behind >= nothing_from)):
                return
            start, nothing_from = max(behind - 1, start), None if fresh else nothing_from
        reading.moved, reading.ordered = True, False

    def _without_overlap(self, reading: _Reading, page: list[Record]) -> None:
        """Read the rest of pages whose records have no keys, or that have one record each."""
        before: list[Record] = []
        while page:
            if page == before:
                self._check_end(reading, page, len(reading.records))
                return
            self._added(reading, page)
            if reading.total is not None and len(reading.records) >= reading.total:
                return
            before, page = page, self._taken(reading, self._asked(reading, {self._pages.param: len(reading.records)}))

    def _by_key(self, reading: _Reading) -> None:
        """Read pages that are asked for by the key of the last record."""
        after: Any = self._pages.first
        while True:
            answer = self._asked(reading, {} if after is None else {self._pages.param: after})
            page = self._taken(reading, answer)
            if not page or answer is None:
                return
            if not reading.keyed:
                raise RecordProblem(
                    f'{self._name}: a record has no "{text_of_path(self._key)}" of its own, which pages by key need'
                )
            if self._added(reading, page) < len(page) or not reading.ordered:
                raise RecordProblem(
                    f"{self._name}: the records are not sorted by {text_of_path(self._key)}, or the server takes no notice of "
                    f'"{self._pages.param}"; both are needed for pages by key'
                )
            more = read(answer.json(), self._pages.next) if self._pages.next else True
            if more is MISSING or not more:
                return
            last = self._key_of(page[-1])
            after = last + self._pages.beyond if isinstance(last, int) else last

    def _by_link(self, reading: _Reading) -> None:
        """Read pages each of which says what comes after it."""
        url: str | None = self._client.address_of(self._path, self._pages.sizes)
        seen: set[str] = set()
        while url is not None:
            if url in seen:
                raise RecordProblem(f"{self._name}: the pages have no end: one comes again after {len(seen)}")
            seen.add(url)
            answer = self._client.request("GET", url)
            self._added(reading, self._taken(reading, answer))
            url = self._next(answer)
            reading.positional |= url is not None and self._pages.kind != "cursor" and _is_position(url, reading)

    def _next(self, answer: Answer) -> str | None:
        """Return the address of the next page; None behind the last."""
        kind, place = self._pages.kind, self._pages.next
        if kind == "none":
            return None
        if kind == "unsaid":
            _check_whole(answer)
            return None
        if kind == "link":
            link = answer.next_link()
            return None if link is None else self._client.joined(answer, link)
        found = read(answer.json_if_any(), place)
        if found is MISSING or found is None or found is False or found == "":
            return None
        if isinstance(found, (dict, list)) or (kind == "next" and not isinstance(found, str)):
            raise RecordProblem(f'{answer.said}: what the answer has at "{text_of_path(place)}" does not lead to a next page')
        if kind == "next":
            return self._client.joined(answer, found)
        return self._client.address_of(self._path, {**self._pages.sizes, self._pages.param: found})


def _total(answer: Answer, place: Path) -> int:
    total = read(answer.json_if_any(), place)
    if total is MISSING:
        total = answer.headers.get(text_of_path(place))
    if isinstance(total, str) and total.isdecimal():
        total = int(total)
    if isinstance(total, bool) or not isinstance(total, int):
        raise RecordProblem(f'{answer.said}: the answer has no number of records at "{text_of_path(place)}"')
    return total


def _counts(answer: Answer, size: int) -> Iterator[int]:
    """Yield how many records there are as answers often have it, unless that is how many there are on this page."""
    value = answer.json_if_any()
    told = [value.get(name) for name in _COUNTS] if isinstance(value, dict) else []
    told += [int(text) for text in (answer.headers.get(name, "") for name in _COUNTING_HEADERS) if text.isdecimal()]
    yield from (one for one in told if isinstance(one, int) and not isinstance(one, bool) and one != size)


def _is_position(url: str, reading: _Reading) -> bool:
    """Return whether the address of a page has a position in it: the records before it, or the number of a page."""
    positions = {str(len(reading.records)), str(reading.pages), str(reading.pages + 1)}
    return any(value in positions for _name, value in parse_qsl(urlsplit(url).query))


def _check_whole(answer: Answer) -> None:
    """Raise RecordProblem when an answer says that it is not all there is, and nobody said how to ask for the rest."""
    value = answer.json_if_any()
    link = value.get("next") if isinstance(value, dict) else None
    kind = (
        "link" if answer.next_link() else "next" if isinstance(link, str) and link.startswith(("http://", "https://", "/")) else ""
    )
    if kind:
        raise RecordProblem(
            f"{answer.said}: this is a part of what there is, for the answer leads on to a next page; add pagination: {kind} "
            "(or none for this page alone)"
        )
