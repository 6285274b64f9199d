# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The pages of a collection: how one asks for the next, and when there is none.

::

    pagination: none                                     # one answer has everything
    pagination: {type: page, param: page, size_param: per_page, size: 100, first: 1, total: count}
    pagination: {type: offset, param: offset, size_param: limit, size: 100, total: count}
    pagination: {type: cursor, param: after, next: meta.cursor, size_param: limit, size: 100}
    pagination: {type: link, size_param: per_page, size: 100}       # the header Link of RFC 8288
    pagination: {type: next, next: next, size_param: limit, size: 100}   # the address of the next page is in the answer

All but ``type`` can be left out, and then the type alone is enough: ``pagination: link``. A size is asked for only where it is
given. Pages and offsets end with an empty page, with a short page that comes again, or with the last record where ``total``, or the
header X-Total-Count, says how many there are.

What is added or deleted while pages are read moves records from one page to another, so that one can be missed. Where the answers
say how many records there are, and this number changes, all pages are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, path_of, read, text_of_path
from ..http.answers import Answer, HttpProblem
from ..http.client import Client

_SIZES = ("size_param", "size")
_KEYS: dict[str, tuple[str, ...]] = {
    "none": (),
    "page": ("param", "first", "total", *_SIZES),
    "offset": ("param", "total", *_SIZES),
    "cursor": ("param", "next", *_SIZES),
    "link": _SIZES,
    "next": ("next", *_SIZES),
}
_PARAMETERS = {"page": "page", "offset": "offset", "cursor": "cursor"}
_BEHIND_THE_LAST = (404, 416)
_TOTAL_HEADER = "X-Total-Count"
_READINGS = 4
"""How often a collection that changes meanwhile is read at most."""

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Pages:
    """How a collection is divided into pages.

    Attributes:
        kind: one of the types above; ``unsaid`` where nothing was declared, and further pages are then an error.
        param: the parameter that says which page.
        size_param: the parameter that says how large pages are to be.
        size: how large; None to leave that to the server.
        first: the number of the first page.
        next: where an answer has the next cursor or address.
        total: where an answer says how many records there are; None for nowhere.
    """

    kind: str = "unsaid"
    param: str = ""
    size_param: str = "limit"
    size: int | None = None
    first: int = 1
    next: Path = ("next",)
    total: Path | None = None

    @property
    def sizes(self) -> dict[str, Any]:
        """The parameters that ask for pages of a size."""
        return {} if self.size is None else {self.size_param: self.size}


def pages_of(declared: Declared) -> Pages:
    """Return how a collection is divided, as it was declared. Raises DefinitionError."""
    if declared.value is None:
        return Pages()
    if not isinstance(declared.value, Mapping):
        kind = declared.one_of(_KEYS)
        return Pages(kind, _PARAMETERS.get(kind, ""))
    kind = declared.at("type").one_of(_KEYS)
    keys = dict(declared.mapping(("type", *_KEYS[kind])))
    if "size_param" in keys and "size" not in keys:
        keys["size_param"].wrong("it says how one asks for a size, and there is no size.")
    return Pages(
        kind,
        keys["param"].text() if "param" in keys else _PARAMETERS.get(kind, ""),
        keys["size_param"].text() if "size_param" in keys else "limit",
        keys["size"].number(1) if "size" in keys else None,
        keys["first"].number() if "first" in keys else 1,
        path_of(keys["next"]) if "next" in keys else ("next",),
        path_of(keys["total"]) if "total" in keys else None,
    )


def all_pages(client: Client, path: str, pages: Pages, records_in: Callable[[Answer], Records]) -> Iterator[Records]:
    """Yield the records of each page, when all have been read without a change of how many records there are.

    Args:
        client: sends the requests.
        path: the collection's.
        pages: how it is divided.
        records_in: returns the records of an answer.

    Raises:
        RecordProblem: a page cannot be read, comes a second time, or leads to another server; records are missing at the end, or
            their number changes each time that they are read.
    """
    reading = _numbered if pages.kind in ("page", "offset") else _linked
    for _time in range(_READINGS):
        found: list[Records] = []
        totals: set[int] = set()
        for answer, records in reading(client, path, pages, records_in):
            found.append(records)
            totals.update(_watched(answer, pages))
            if len(totals) > 1:
                break
        else:
            return iter(found)
    raise RecordProblem(
        f"GET {path.partition('?')[0]}: the number of records changed while they were read, {_READINGS} times; run this again when "
        "fewer changes are made there"
    )


def _watched(answer: Answer, pages: Pages) -> Iterator[int]:
    """Yield how many records there are, where an answer says it."""
    total = _total(answer, pages)
    if total is not None:
        yield total
    elif pages.kind == "next":
        value = answer.json()
        count = value.get("count") if isinstance(value, dict) and "previous" in value else None  # as Django REST framework answers
        if isinstance(count, int) and not isinstance(count, bool):
            yield count


def _numbered(client: Client, path: str, pages: Pages, records_in: Callable[[Answer], Records]) -> Iterator[tuple[Answer, Records]]:
    """Yield pages that are asked for by number, or by how many records were before them."""
    count, number = 0, pages.first if pages.kind == "page" else 0
    before: Records = []
    while True:
        answer = _page(client, path, {**pages.sizes, pages.param: number}, count > 0)
        if answer is None:
            return
        records = records_in(answer)
        if records and records == before:
            if len(records) < (pages.size or 0):
                return
            raise RecordProblem(
                f"{answer.said}: the same page comes again for {pages.param}={number}; the server does not know "
                f'"{pages.param}", or repeats its last page, and then "total" has to say where it tells how many records there are'
            )
        count += len(records)
        total = _total(answer, pages)
        yield answer, records
        if total is not None and count >= total:
            return
        if not records:
            if total is not None:
                raise RecordProblem(f"{answer.said}: there are {total} records, the server says, and it gave {count}")
            return
        number, before = (number + 1 if pages.kind == "page" else count), records


def _page(client: Client, path: str, parameters: Mapping[str, Any], may_be_behind: bool) -> Answer | None:
    """Return a page; None for one behind the last, where it may be."""
    try:
        return client.request("GET", client.address_of(path, parameters))
    except HttpProblem as problem:
        if may_be_behind and problem.status in _BEHIND_THE_LAST:
            return None
        raise


def _total(answer: Answer, pages: Pages) -> int | None:
    """Return how many records there are in all; None where the answer does not say it."""
    if pages.total is None:
        said = answer.headers.get(_TOTAL_HEADER, "")
        return int(said) if said.isdecimal() else None
    total = read(answer.json(), pages.total)
    if isinstance(total, str) and total.isdecimal():
        return int(total)
    if isinstance(total, bool) or not isinstance(total, int):
        raise RecordProblem(f'{answer.said}: the answer has no number of records at "{text_of_path(pages.total)}"')
    return total


def _linked(client: Client, path: str, pages: Pages, records_in: Callable[[Answer], Records]) -> Iterator[tuple[Answer, Records]]:
    """Yield pages each of which says what comes after it."""
    url: str | None = client.address_of(path, pages.sizes)
    seen: set[str] = set()
    while url is not None:
        if url in seen:
            raise RecordProblem(f"GET {path.partition('?')[0]}: the pages have no end: one comes again after {len(seen)}")
        seen.add(url)
        answer = client.request("GET", url)
        yield answer, records_in(answer)
        url = _next(client, path, pages, answer)


def _next(client: Client, path: str, pages: Pages, answer: Answer) -> str | None:
    """Return the address of the next page; None behind the last."""
    if pages.kind == "none":
        return None
    if pages.kind == "unsaid":
        _check_whole(answer)
        return None
    if pages.kind == "link":
        link = answer.next_link()
        return None if link is None else client.joined(answer, link)
    found = read(answer.json(), pages.next)
    if found is MISSING or found is None or found is False or found == "":
        return None
    if isinstance(found, (dict, list)) or (pages.kind == "next" and not isinstance(found, str)):
        raise RecordProblem(f'{answer.said}: what the answer has at "{text_of_path(pages.next)}" does not lead to a next page')
    if pages.kind == "next":
        return client.joined(answer, found)
    return client.address_of(path, {**pages.sizes, pages.param: found})


def _check_whole(answer: Answer) -> None:
    """Raise RecordProblem when an answer says that it is not all there is, and nobody said how to ask for the rest."""
    value = answer.json()
    link = value.get("next") if isinstance(value, dict) else None
    kind = (
        "link" if answer.next_link() else "next" if isinstance(link, str) and link.startswith(("http://", "https://", "/")) else ""
    )
    if kind:
        raise RecordProblem(
            f"{answer.said}: this is a part of what there is, for the answer leads on to a next page; add pagination: {kind} "
            "(or none for this page alone)"
        )
