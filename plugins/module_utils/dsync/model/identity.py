# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
r"""How the values of an object's identifiers become its unique id, a text.

The parts are joined by ``__``, and two different identities never give the same text. Most ids look as plain as that:
``("nyc", "rtr-1")`` becomes ``nyc__rtr-1``. Where a part could be mistaken, it is escaped:

- in an id of several parts a backslash is doubled, and an underscore at either end of a part, or beside another underscore,
  gets a backslash in front: ``("a__b", "c")`` becomes ``a\_\_b__c``;
- in a field that may hold text and other things (``Optional[str]``, ``Any``) what is not text is marked with its type, so that
  ``None`` (``\None``) is not ``"None"``, and a backslash of a text is doubled there too.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

SEPARATOR = "__"
"""What stands between the parts of a unique id."""

_MISTAKABLE = re.compile(r"\\|\A_|_\Z|_(?=_)|(?<=_)_")


class ObjectRef(NamedTuple):
    """An object named by its model and unique id."""

    model: str
    id: str


def escape_part(text: str) -> str:
    """Return ``text`` fit to stand beside other parts of an id."""
    if "_" not in text and "\\" not in text:
        return text
    return _MISTAKABLE.sub(r"\\\g<0>", text)


def _double_backslashes(text: str) -> str:
    return text.replace("\\", "\\\\")


def _as_text(value: Any) -> str:
    """Return an identifier's value as text; an enumeration's member stands for its value."""
    return str(value.value if isinstance(value, enum.Enum) else value)


def _plain_encoder(escape: Callable[[str], str] | None) -> Callable[[Any], str]:
    if escape is None:
        return lambda value: value if value.__class__ is str else _as_text(value)
    return lambda value: escape(value if value.__class__ is str else _as_text(value))


def _marking_encoder(escape: Callable[[str], str]) -> Callable[[Any], str]:
    def encode(value: Any) -> str:
        plain = value.value if isinstance(value, enum.Enum) else value
        if isinstance(plain, str):
            return escape(plain)
        return "\\None" if plain is None else f"\\{type(plain).__name__}:{escape(str(plain))}"

    return encode


def unique_id_builder(mixed: Sequence[bool]) -> Callable[[Sequence[Any]], str]:
    """Return the function that turns identifier values into a unique id.

    Args:
        mixed: one entry an identifier, in order: whether its field may hold text as well as something else.

    Returns:
        A function of the identifiers' values, in the same order, that returns the id. It does not change its argument.
    """
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
