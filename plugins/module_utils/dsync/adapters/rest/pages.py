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

All but ``type`` can be left out, and then the type alone is enough: ``pagination: link``. A size is asked for only where it is
given. Pages, offsets and keysets end with an empty page, with one that answers 404, 416 or a status in ``end``, or with the last
record where ``total``, a path in the answer or the name of a header, says how many there are. ``sorted: true`` says that the
collection is sorted by the key of the endpoint; it need not be read twice then. ``verify: false`` reads it once in any case.
``max_pages``, 100000, is how many pages are read before a collection counts as one that has no end.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...records.declaration_reader import Declared
from ...records.path import path_of
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
    first = None if kind == "keyset" else 1
    return Pages(
        kind=kind,
        param=keys["param"].text() if "param" in keys else _PARAMETERS.get(kind, ""),
        size_param=keys["size_param"].text() if "size_param" in keys else "limit",
        size=keys["size"].number(1) if "size" in keys else None,
        first=keys["first"].number() if "first" in keys else first,
        next=path_of(keys["next"]) if "next" in keys else () if kind == "keyset" else ("next",),
        total=path_of(keys["total"]) if "total" in keys else None,
        end=tuple(status.number(400) for status in keys["end"].items()) if "end" in keys else (),
        sorted=keys["sorted"].truth() if "sorted" in keys else False,
        verify=keys["verify"].truth() if "verify" in keys else True,
        max_pages=keys["max_pages"].number(1) if "max_pages" in keys else MAX_PAGES,
    )
