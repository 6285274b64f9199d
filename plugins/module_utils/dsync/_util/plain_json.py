# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values as plain JSON that can be compared and read again, and as plain JSON that may be shown.

What a value looks like is what pydantic writes: an address, a date, a decimal number or an enumeration's member is a string (or
whatever the member's value is), a nested model a dict. Sets are sorted, and so are the keys of dicts, so that equal values look
the same. Bytes are ``{"$bytes": base64}``; a dict of the user's own that could be mistaken for that has its ``$`` doubled.

To be shown, a value becomes JSON of the same form (:func:`displayed`), whatever it is, without any pydantic secret.
"""

from __future__ import annotations

import base64
import enum
import json
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from .contents import contents, is_root
from .pydantic import BaseModel, to_jsonable_python
from .redaction import LONGEST_NUMBER, MASK

BYTES = "$bytes"
"""The key of a dict that represents bytes, for which JSON has no form."""

_SIMPLE = (str, bool, type(None), float)
_ADDRESSES = (IPv4Address, IPv4Network, IPv6Address, IPv6Network)  # of which the oldest pydantic here knows no JSON form


def unshowable(value: Any) -> str:
    """Return what is shown in the place of a value that has no text."""
    return f"<a {type(value).__name__} that cannot be shown>"


class Unwritable(ValueError):
    """A value has no plain JSON form; the text says what kind of value it is, and never the value."""


def text_of(value: Any) -> str:
    """Return plain JSON as one line of canonical text, in which every character can be written to a file."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() or _encodable(text) else json.dumps(value, separators=(",", ":"))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain(value: Any) -> tuple[Any, bool]:
    """Return a value as plain JSON, new and independent, secrets in clear; and whether a pydantic secret was in it.

    Raises:
        Unwritable: it has no such form.
    """
    if value.__class__ in _SIMPLE or (value.__class__ is int and value.bit_length() <= LONGEST_NUMBER):
        return value, False
    writer = _Writer()
    try:
        made = writer.plain(value)
        text_of(made)  # numbers may be too long for JSON
    except Unwritable:
        raise
    except Exception as error:  # whatever a user's own type raises
        raise Unwritable(f"a {type(value).__name__} has no JSON form ({type(error).__name__})") from None
    return made, writer.secret


def displayed(value: Any) -> Any:
    """Return a value as plain JSON that may be shown, new and independent; nothing is raised.

    It looks as it does in a file, but pydantic secrets are masked, dicts keep their order and their keys, and what has no form in
    JSON is a text. Integers that are too long for decimal digits have hexadecimal ones.

    Args:
        value: any value; not changed.
    """
    if value.__class__ in _SIMPLE:
        return value
    try:
        return _Display().plain(value)
    except RecursionError:
        return unshowable(value)


class _Writer:
    """Makes plain JSON of one value, and notes whether a secret is in it."""

    def __init__(self) -> None:
        self.secret = False

    def plain(self, value: Any) -> Any:
        if value.__class__ in _SIMPLE:
            return value
        if hasattr(value, "get_secret_value"):
            self.secret = True
            return self.plain(value.get_secret_value())
        for kinds, write in self._FORMS:
            if isinstance(value, kinds):
                return write(self, value)
        if is_root(value):
            return self.plain(value.root)
        inner = contents(value)
        if inner is not None:
            return {name: self.plain(inner[name]) for name in sorted(inner)}
        return str(value) if isinstance(value, _ADDRESSES) else to_jsonable_python(value, inf_nan_mode="constants")

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        pairs = {_key(key): item for key, item in value.items()}
        if len(pairs) < len(value):
            raise Unwritable("a dict has keys that are the same in JSON")
        if len(pairs) == 1 and next(iter(pairs)).startswith("$"):
            return {f"${key}": self.plain(item) for key, item in pairs.items()}
        return {key: self.plain(pairs[key]) for key in sorted(pairs)}

    def _number(self, value: int) -> Any:
        return int(value)

    _FORMS: tuple[tuple[Any, Callable[[Any, Any], Any]], ...] = (
        (enum.Enum, lambda self, value: self.plain(value.value)),
        (Mapping, lambda self, value: self._mapping(value)),
        ((list, tuple), lambda self, value: [self.plain(item) for item in value]),
        ((set, frozenset), lambda self, value: sorted((self.plain(item) for item in value), key=text_of)),
        ((bytes, bytearray), lambda self, value: {BYTES: base64.b64encode(value).decode()}),
        (str, lambda self, value: str.__str__(value)),
        (int, lambda self, value: self._number(value)),
        (float, lambda self, value: float(value)),
    )


class _Display(_Writer):
    """Makes plain JSON of any value for somebody to see."""

    def plain(self, value: Any) -> Any:
        if hasattr(value, "get_secret_value"):
            return MASK
        try:
            made = super().plain(value)
            if not isinstance(value, self._OWN):
                text_of(made)  # pydantic leaves numbers as long as they are
            return made
        except RecursionError:
            raise
        except Exception:  # whatever a user's own type raises
            return _readable(value)

    _OWN = (str, int, float, type(None), Mapping, list, tuple, set, frozenset, BaseModel)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        return {self._shown_key(key): self.plain(item) for key, item in value.items()}

    def _number(self, value: int) -> Any:
        return int(value) if value.bit_length() <= LONGEST_NUMBER else hex(value)

    def _shown_key(self, key: Any) -> str:
        if hasattr(key, "get_secret_value"):
            return MASK
        try:
            return _key(key)
        except Exception:  # whatever a user's own type raises
            return str(self.plain(key) if isinstance(key, int) else _readable(key))


def _readable(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # whatever a user's own type raises
        return unshowable(value)


def _key(key: Any) -> str:
    if key.__class__ is str:
        return str(key)
    made = to_jsonable_python({key: None}, inf_nan_mode="constants")
    return str(next(iter(made)))
