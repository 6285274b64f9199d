# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the pages of a collection, which :mod:`..http.reader` reads.

::

    pagination: none                                     # one answer has everything
    pagination: {type: page, param: page, size_param: per_page, size: 100, first: 1, total: count}
    pagination: {type: offset, param: offset, size_param: limit, size: 100, total: X-Total-Count, sorted: true}
    pagination: {type: keyset, param: id__gt, size_param: limit, size: 100}   # what comes after the last key of the endpoint
    pagination: {type: cursor, param: after, next: meta.cursor, size_param: limit, size: 100}
    pagination: {type: link, size_param: per_page, size: 100}       # the header Link of RFC 8288
    pagination: {type: next, next: next, size_param: limit, size: 100}   # the address of the next page is in the answer

All but ``type`` can be left out, and then the type alone is enough: ``pagination: link``. :class:`PaginationOptions` describes the
keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from ..._util.pydantic import AfterValidator, Field
from ...records.declaration_reader import Declared
from ..core.options import AnswerPath, Count, Kind, NestedOptions, Text
from ..http.pages import MAX_PAGES, Pages

_SIZES = ("size_param", "size", "max_pages")
_KEYS: dict[str, tuple[str, ...]] = {
    "none": (),
    "page": ("param", "first", "total", "end", "verify", *_SIZES),
    "offset": ("param", "total", "end", "sorted", "verify", *_SIZES),
    "keyset": ("param", "end", *_SIZES),
    "cursor": ("param", "next", *_SIZES),
    "link": ("verify", *_SIZES),
    "next": ("next", "verify", *_SIZES),
}
_PARAMETERS = {"page": "page", "offset": "offset", "keyset": "id__gt", "cursor": "cursor"}


def _status(value: int) -> int:
    if value < _FIRST_ERROR:
        raise ValueError(f"this should be a status of {_FIRST_ERROR} or more, and is {value}.")
    return value


_FIRST_ERROR = 400

Status = Annotated[int, AfterValidator(_status)]
"""A status of HTTP that is an error."""


class PaginationOptions(NestedOptions):
    """The option ``pagination``."""

    option = "pagination"

    type: Literal["none", "page", "offset", "keyset", "cursor", "link", "next"] = Field(
        description="`none`: one answer has everything. `page`, `offset`, `keyset`, `cursor`: a parameter selects the page; for "
        "`keyset` it is the last key of the page before. `link`: the header Link of RFC 8288. `next`: the answer has the address "
        "of the next page."
    )
    param: Text | None = Field(
        None, description="That parameter. Defaults to `page`, `offset`, `cursor`, or `id__gt` for `keyset`."
    )
    size_param: Text = Field("limit", description="Parameter for the size of the pages.")
    size: Count | None = Field(None, description="Size of the pages. Defaults to that of the server.")
    first: Annotated[int, Field(ge=0), Kind("a whole number of 0 or more")] = Field(
        1, description="Number of the first page, for `page`."
    )
    next: AnswerPath = Field(
        ("next",),
        description="Where the answer, or the header of this name, has the next cursor or address, for `cursor` and `next`.",
    )
    total: AnswerPath = Field(
        None, description="Where the answer, or the header of this name, has the number of records, for `page` and `offset`."
    )
    end: list[Status] = Field(
        [],
        description="Statuses of the answer to a page after the last, in addition to 404 and 416, for `page`, `offset`, and "
        "`keyset`.",
    )
    sorted: bool = Field(
        False, description="Whether the collection is sorted by its key, for `offset`. Then it need not be read twice."
    )
    verify: bool = Field(
        True, description="Whether a collection is read again where nothing else shows that it did not change in the meantime."
    )
    max_pages: Count = Field(MAX_PAGES, description="Number of pages from which a collection counts as one that has no end.")


def pages_of(declared: Declared) -> Pages:
    """Return how a collection is divided, as it was declared. Raises DefinitionError."""
    if declared.value is None:
        return Pages()
    if not isinstance(declared.value, Mapping):
        declared = Declared({"type": declared.one_of(_KEYS)}, declared.place)
    kind = declared.at("type").one_of(_KEYS)
    keys = dict(declared.mapping(("type", *_KEYS[kind])))
    if "size_param" in keys and "size" not in keys:
        keys["size_param"].wrong("it names the parameter of a size, and there is no size.")
    given = PaginationOptions.part(declared)
    return Pages(
        kind=kind,
        param=given.param or _PARAMETERS.get(kind, ""),
        size_param=given.size_param,
        size=given.size,
        first=None if kind == "keyset" else given.first,
        next=() if kind == "keyset" else given.next,
        total=given.total,
        end=tuple(given.end),
        sorted=given.sorted,
        verify=given.verify,
        max_pages=given.max_pages,
    )
