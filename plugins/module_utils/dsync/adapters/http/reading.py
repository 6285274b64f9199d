# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""One reading of a collection: what came so far, and what shows that the collection changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ...exceptions import RecordProblem
from ...records.path import MISSING, Path, read, text_of_path
from .answers import Answer, HttpProblem
from .client import Client
from .pages import Pages, check_whole, counts_in, total_in

_BEHIND_THE_LAST = (404, 416)
_BAD_REQUEST = 400
_FACTOR, _PAGES_MORE = 2, 10
"""How many times the records that there were at first, and how many pages of records more, a reading has at most."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Collection:
    """A collection of records on a server.

    Attributes:
        client: sends the requests.
        path: the collection's.
        pages: how it is divided.
        records_in: returns the records of an answer; of another page than the first if the second argument is true, where there may
            be none.
        key: the field that distinguishes records.
        method: how pages are asked for.
        body: what is sent with it; None for nothing.
        empty: statuses of answers that mean that there are no records.
    """

    client: Client
    path: str
    pages: Pages
    records_in: Callable[[Answer, bool], list[Record]]
    key: Path
    method: str = "GET"
    body: Any = None
    empty: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"{self.method} {urlsplit(self.path).path}"

    def answer_at(self, url: str) -> Answer:
        """Return what the server answers for a page. Raises HttpProblem."""
        try:
            return self.client.request(self.method, url, self.body)
        except HttpProblem as problem:
            if problem.status not in self.empty:
                raise
            return Answer(self.name, None)

    def key_of(self, record: Record) -> Any:
        """Return what distinguishes a record; None if it has nothing that could."""
        value = read(record, self.key)
        return value if isinstance(value, (str, int)) and not isinstance(value, bool) else None


@dataclass
class Reading:
    """One reading of a collection, from its beginning to its end.

    Attributes:
        of: the collection.
        records: in the order in which they came.
        keys: the keys of these; the same number of them as long as the records have keys.
        keyed: whether every record has a key, and no page the same one twice.
        pages: how many pages were read.
        layout: a hash of the keys on each page.
        largest: how many records the largest of them had.
        moved: whether something shows that the collection changed meanwhile.
        positional: whether pages were asked for by a position, which moves with what is before it.
        headed: whether a header named the next page; what it has is the number of a page more often than a cursor.
        overlapping: whether each page began with the last record of the one before.
        ordered: whether each new record came after all others in the order of the keys.
        counts: the numbers of records that answers gave without being asked for them.
        at_first: how many records there were, as the first answer has it; None if it does not.
        total: the same of the last answer.
    """

    of: Collection
    records: list[Record]
    keys: dict[Any, None] = field(default_factory=dict)
    keyed: bool = True
    pages: int = 0
    layout: list[int] = field(default_factory=list)
    largest: int = 0
    moved: bool = False
    positional: bool = False
    headed: bool = False
    overlapping: bool = False
    ordered: bool = True
    counts: set[int] = field(default_factory=set)
    at_first: int | None = None
    total: int | None = None

    @property
    def missing(self) -> int:
        """How many records the server reports in addition to those that came."""
        return 0 if self.total is None else self.total - len(self.records)

    def asked(self, parameters: Mapping[str, Any]) -> Answer | None:
        """Return a page; None for one after the last."""
        of = self.of
        try:
            return of.answer_at(of.client.address_of(of.path, {**of.pages.sizes, **parameters}))
        except HttpProblem as problem:
            if self.pages and problem.status in (*_BEHIND_THE_LAST, *of.pages.end):
                return None
            if self.pages and problem.status == _BAD_REQUEST:
                hint = "if it answers so after the last page, add end: [400] to the pagination"
                raise RecordProblem(f"{problem}; {hint}") from None
            raise

    def page(self, answer: Answer | None) -> list[Record]:
        """Return the records of a page, after a look at the number that the server reports.

        Raises:
            RecordProblem: they cannot be read; or there have been so many that the collection has no end.
        """
        if answer is None:
            return []
        self._check_bounds()
        page = self.of.records_in(answer, self.pages > 0)
        self.pages += 1
        self.largest = max(self.largest, len(page))
        if self.of.pages.total is not None:
            self.moved |= self.total not in (None, total := total_in(answer, self.of.pages.total))
            self.total = total
            self.at_first = total if self.at_first is None else self.at_first
        self.counts.update(counts_in(answer, len(page)))
        keys = [self.of.key_of(record) for record in page]
        self.keyed &= None not in keys and len(set(keys)) == len(keys)
        self.layout.append(hash(tuple(keys)))
        return page

    def _check_bounds(self) -> None:
        if self.at_first is not None and len(self.records) > _FACTOR * self.at_first + _PAGES_MORE * self.largest:
            raise RecordProblem(
                f"{self.of.name}: there were {self.at_first} records at first, and {len(self.records)} came without an end; they "
                "are added faster than they can be read, so run this again when fewer are"
            )
        if self.pages >= self.of.pages.max_pages:
            raise RecordProblem(
                f"{self.of.name}: there is no end after {self.pages} pages; if the collection is as large as that, ask for larger "
                "pages with size, or set max_pages in the pagination"
            )

    def add(self, page: list[Record]) -> int:
        """Add what is new on a page, and return how much that is."""
        if not self.keyed:
            self.records.extend(page)
            return len(page)
        new = [record for record in page if self.of.key_of(record) not in self.keys]
        self.moved |= len(new) < len(page)
        for record in new:
            self.follow(record)
        return len(new)

    def follow(self, record: Record) -> None:
        """Add a new record, which comes after all others in the order of the keys, or not."""
        last, key = next(reversed(self.keys), None), self.of.key_of(record)
        self.ordered &= last is None or (type(last) is type(key) and last < key)
        self.records.append(record)
        self.keys[key] = None

    def is_page(self, page: list[Record], before: list[Record]) -> bool:
        """Return whether a page has the same records as the one before it."""
        keys = [self.of.key_of(one) for one in page]
        return page == before or (self.keyed and keys == [self.of.key_of(one) for one in before])

    def check_end(self, page: list[Record], place: int) -> None:
        """Raise RecordProblem when a page that comes a second time does not show that it is the last."""
        pages = self.of.pages
        short = pages.size is not None and len(page) < pages.size
        if self.pages <= 2 and not short and not self.moved:
            raise RecordProblem(
                f"{self.of.name}: the same page comes again for {pages.param}={place}; the server does not know "
                f'"{pages.param}", or repeats its last page; then name with "total" the field that holds the number of records'
            )

    def next_address(self, answer: Answer) -> str | None:
        """Return the address of the next page, as an answer has it; None after the last. Raises RecordProblem."""
        kind, place, client = self.of.pages.kind, self.of.pages.next, self.of.client
        if kind == "none":
            return None
        if kind == "unsaid":
            check_whole(answer)
            return None
        if kind == "link":
            link = answer.next_link()
            return None if link is None else client.joined(answer, link)
        found = read(answer.json_if_any(), place)
        if found is MISSING and text_of_path(place) in answer.headers:
            found, self.headed = answer.headers[text_of_path(place)], True
        if found is MISSING or found is None or found is False or found == "":
            return None
        if isinstance(found, (dict, list)) or (kind == "next" and not isinstance(found, str)):
            raise RecordProblem(f'{answer.said}: what the answer has at "{text_of_path(place)}" does not lead to a next page')
        if kind == "next":
            return client.joined(answer, found)
        return client.address_of(self.of.path, {**self.of.pages.sizes, self.of.pages.param: found})

    def is_position(self, url: str) -> bool:
        """Return whether the address of a page has a position in it: the records before it, or the number of a page."""
        positions = {str(len(self.records)), str(self.pages), str(self.pages + 1)}
        return any(value in positions for _name, value in parse_qsl(urlsplit(url).query))
