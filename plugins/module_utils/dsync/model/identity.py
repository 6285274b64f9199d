# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
r"""The unique id of an object, a string made from the values of its identifiers.

The parts are joined by ``__``, and two different identities never result in the same string. Most ids are simple:
``("nyc", "rtr-1")`` becomes ``nyc__rtr-1``. Ambiguous parts are escaped:

- in an id of several parts a backslash is doubled, and an underscore at either end of a part, or next to another underscore,
  is preceded by a backslash: ``("a__b", "c")`` becomes ``a\_\_b__c``;
- in a field that may hold strings and other values (``Optional[str]``, ``Any``) other values are marked with their type, so that
  ``None`` (``\None``) is not ``"None"``, and a backslash in a string is doubled there too.

Equal identities have the same id: values that are equal by their type, such as decimal numbers and moments in time, have one
string form, and values of an identifier with a comparison are represented by their key (:mod:`.model.comparison`).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .comparison import canonical

SEPARATOR = "__"
"""The separator between the parts of a unique id."""

_MISTAKABLE = re.compile(r"\\|\A_|_\Z|_(?=_)|(?<=_)_")


class ObjectRef(NamedTuple):
    """An object named by its model and unique id."""

    model: str
    id: str


def escape_part(text: str) -> str:
    """Return ``text``, escaped as a part of an id."""
    if "_" not in text and "\\" not in text:
        return text
    return _MISTAKABLE.sub(r"\\\g<0>", text)


def _double_backslashes(text: str) -> str:
    return text.replace("\\", "\\\\")


def _as_string(value: Any) -> str:
    """Return an identifier's value as a string; an enumeration's member is represented by its value."""
    if value.__class__ is int:
        return str(value)
    return str(canonical(value.value if isinstance(value, enum.Enum) else value))


def _plain_encoder(escape: Callable[[str], str] | None) -> Callable[[Any], str]:
    if escape is None:
        return lambda value: value if value.__class__ is str else _as_string(value)
    return lambda value: escape(value if value.__class__ is str else _as_string(value))


def _marking_encoder(escape: Callable[[str], str]) -> Callable[[Any], str]:
    def encode(value: Any) -> str:
        plain = value.value if isinstance(value, enum.Enum) else value
        if isinstance(plain, str):
            return escape(plain)
        return "\\None" if plain is None else f"\\{type(plain).__name__}:{escape(_as_string(plain))}"

    return encode


Key = Callable[[Any], Any]
"""Returns the form of an identifier's value in an id: the same for equal values."""


def unique_id_builder(mixed: Sequence[bool], keys: Sequence[Key | None] = ()) -> Callable[[Sequence[Any]], str]:
    """Return the function that turns identifier values into a unique id.

    Args:
        mixed: for each identifier, in order: whether its field may hold strings as well as other values.
        keys: for each identifier: how its values compare, None for equality by type; empty if that applies to all.

    Returns:
        A function of the identifiers' values, in the same order, that returns the id. It does not change its argument.
    """
    if any(keys):
        build_of_keys = unique_id_builder(mixed)
        return lambda values: build_of_keys([value if key is None else key(value) for key, value in zip(keys, values)])
    if len(mixed) == 1:
        encode = _marking_encoder(_double_backslashes) if mixed[0] else _plain_encoder(None)
        return lambda values: encode(values[0])
    encoders = [_marking_encoder(escape_part) if mark else _plain_encoder(escape_part) for mark in mixed]

    plain_underscores = len(SEPARATOR) * (len(mixed) - 1)
    any_mixed = any(mixed)

    def build(values: Sequence[Any]) -> str:
        if not any_mixed:
            try:
                joined = SEPARATOR.join(values)
            except TypeError:
                pass
            else:
                if joined.count("_") == plain_underscores and "\\" not in joined:
                    return joined
        return SEPARATOR.join([encode(value) for encode, value in zip(encoders, values)])

    return build


_PART = re.compile(r"(?:\\.|(?!__)[^\\])*", re.DOTALL)
_MARKED = re.compile(r"\\[^\\_]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def id_reader(mixed: Sequence[bool], keys: Sequence[Key | None]) -> Callable[[str], str]:
    """Return the function that turns a unique id, in any spelling of its parts, into the spelling that objects have.

    Args:
        mixed: as for :func:`unique_id_builder`.
        keys: the same, and not empty.

    Returns:
        A function of a string; a string that is not a unique id with this number of identifiers is returned unchanged.
    """
    build, read = unique_id_builder(mixed, keys), parts_reader(mixed)

    def same(text: str) -> str:
        values = read(text)
        return text if values is None else build(values)

    return same


def parts_reader(mixed: Sequence[bool]) -> Callable[[str], list[str | None] | None]:
    """Return the function that turns a unique id into its parts.

    Args:
        mixed: as for :func:`unique_id_builder`.

    Returns:
        A function of a string that returns the identifiers' values, each a string or None; or None for a string that is not a
        unique id with this number of identifiers, or has a value of another type.
    """

    def read(text: str) -> list[str | None] | None:
        parts = [text] if len(mixed) == 1 else _parts(text)
        if len(parts) != len(mixed):
            return None
        escaped = len(mixed) > 1 or mixed[0]
        values = [None if mark and part == "\\None" else _unescaped(part) if escaped else part for mark, part in zip(mixed, parts)]
        marked = any(mark and value == part and part.startswith("\\") for mark, value, part in zip(mixed, values, parts))
        return None if marked else values

    return read


def _unescaped(part: str) -> str:
    """Return a part of an id without its escapes; a part that is marked with a type is unchanged."""
    return part if _MARKED.match(part) else _ESCAPE.sub(r"\1", part)


def _parts(text: str) -> list[str]:
    """Return the parts of a unique id, still escaped."""
    parts, place = [], 0
    while True:
        found = _PART.match(text, place)
        end = place if found is None else found.end()
        parts.append(text[place:end])
        if not text.startswith(SEPARATOR, end):
            return parts if end == len(text) else []
        place = end + len(SEPARATOR)
