# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The codec of values: plain JSON for comparison and storage, for display, and for native records.

The form of a value does not depend on the release of pydantic: an address, a date, a decimal number or a URL is a string, an
enumeration's member is its value, a duration is a string in ISO 8601, and a nested model is a dict. Sets and the keys of dicts are
sorted, so that equal values have the same form. Bytes are ``{"$bytes": base64}``, and integers that are
too long for decimal digits ``{"$int": hexadecimal}``; in a user's dict that could be confused with these the ``$`` is doubled.

To be shown, a value becomes JSON of the same form (:func:`displayed`), whatever it is, without any pydantic secret. A native record
holds the same strings (:func:`natural`), and bytes as text.
"""

from __future__ import annotations

import base64
import enum
import itertools
import json
import re
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from uuid import UUID

from .contents import contents, is_root
from .redaction import LONGEST_NUMBER, MASK

BYTES, INTEGER = "$bytes", "$int"
"""The keys of dicts that represent bytes, for which JSON has no form, and long integers, for which Python has no decimal digits."""

_SIMPLE = (str, bool, type(None), float)
_AS_TEXT = (Decimal, UUID, IPv4Address, IPv4Network, IPv6Address, IPv6Network)


def _length(value: timedelta) -> str:
    """Return a duration in ISO 8601, such as ``P1DT2H0.5S``."""
    days, rest = abs(value).days, abs(value).seconds
    seconds = f"{rest % 60}.{abs(value).microseconds:06}".rstrip("0").rstrip(".")
    parts = [(rest // 3600, "H"), (rest // 60 % 60, "M"), (seconds, "S")]
    clock = "".join(f"{number}{unit}" for number, unit in parts if str(number) != "0")
    text = f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"
    return f"{'-' if value < timedelta() else ''}{'PT0S' if text == 'P' else text}"


def _text_form(value: Any) -> str | None:
    """Return the string of a value of one of the types that have no JSON form but one string each; None for another type."""
    if isinstance(value, (datetime, time)):
        text = value.isoformat()
        return f"{text[:-6]}Z" if text.endswith("+00:00") else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _length(value)
    if isinstance(value, re.Pattern):
        return str(value.pattern)
    other = hasattr(value, "unicode_string") or hasattr(value, "__fspath__")  # a URL of pydantic's; a path
    return str(value) if other or isinstance(value, _AS_TEXT) else None


def unshowable(value: Any) -> str:
    """Return the replacement for a value without a string form."""
    return f"<a {type(value).__name__} that cannot be shown>"


class Unwritable(ValueError):
    """A value has no plain JSON form; the message contains its kind, never the value."""


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
    except Unwritable:
        raise
    except Exception as error:  # whatever a user's own type raises
        raise Unwritable(f"a {type(value).__name__} has no JSON form ({type(error).__name__})") from None
    return made, writer.secret


def displayed(value: Any) -> Any:
    """Return a value as plain JSON that may be shown, new and independent; nothing is raised.

    It looks as it does in a file, but pydantic secrets are masked, dicts keep their order and their keys, and what has no form in
    JSON is a string. Integers that are too long for decimal digits have hexadecimal ones.

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
    """Converts one value to plain JSON, and records whether it contains a secret."""

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
        text = _text_form(value)
        return self._unknown(value) if text is None else text

    def _unknown(self, value: Any) -> Any:
        raise Unwritable(f"a {type(value).__name__} has no JSON form")

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        pairs = {_key(key): item for key, item in value.items()}
        if len(pairs) < len(value):
            raise Unwritable("a dict has keys that are the same in JSON")
        if len(pairs) == 1 and next(iter(pairs)).startswith("$"):
            return {f"${key}": self.plain(item) for key, item in pairs.items()}
        return {key: self.plain(pairs[key]) for key in sorted(pairs)}

    def _number(self, value: int) -> Any:
        return int(value) if value.bit_length() <= LONGEST_NUMBER else {INTEGER: hex(value)}

    def _sorted(self, items: list[Any]) -> list[Any]:
        return sorted(items, key=text_of)

    def _bytes(self, value: bytes) -> Any:
        return {BYTES: base64.b64encode(value).decode()}

    _FORMS: tuple[tuple[Any, Callable[[Any, Any], Any]], ...] = (
        (enum.Enum, lambda self, value: self.plain(value.value)),
        (Mapping, lambda self, value: self._mapping(value)),
        ((list, tuple, deque), lambda self, value: [self.plain(item) for item in value]),
        ((set, frozenset), lambda self, value: self._sorted([self.plain(item) for item in value])),
        ((bytes, bytearray), lambda self, value: self._bytes(value)),
        (str, lambda self, value: str.__str__(value)),
        (int, lambda self, value: self._number(value)),
        (float, lambda self, value: float(value)),
    )


class _Display(_Writer):
    """Converts any value to plain JSON for display."""

    def plain(self, value: Any) -> Any:
        if hasattr(value, "get_secret_value"):
            return MASK
        try:
            return super().plain(value)
        except RecursionError:
            raise
        except Exception:  # whatever a user's own type raises
            return _readable(value)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        names = [self._shown_key(key) for key in value]
        if len(set(names)) < len(names):
            names = _distinct(names, [*value])
        return {name: self.plain(item) for name, item in zip(names, value.values())}

    def _number(self, value: int) -> Any:
        return int(value) if value.bit_length() <= LONGEST_NUMBER else hex(value)

    def _shown_key(self, key: Any) -> str:
        if hasattr(key, "get_secret_value"):
            return MASK
        try:
            return _key(key)
        except Exception:  # whatever a user's own type raises
            return str(self.plain(key) if isinstance(key, int) else _readable(key))


def _distinct(names: Sequence[str], keys: Sequence[Any]) -> list[str]:
    """Return the names by which the keys of a dict are shown, if several have the same: a key that is no string has its type added,
    and what is still the same a number."""
    uses, found = Counter(names), dict[str, None]()
    for name, key in zip(names, keys):
        form = f"{name} ({type(key).__name__})" if uses[name] > 1 and not isinstance(key, str) else name
        numbered = (f"{form} ({number})" for number in itertools.count(2))
        found[next(one for one in itertools.chain([form], numbered) if one not in found)] = None
    return list(found)


def _readable(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # whatever a user's own type raises
        return unshowable(value)


def _key(key: Any) -> str:
    """Return the key of a dict in its JSON form. Raises Unwritable."""
    if isinstance(key, enum.Enum):
        return _key(key.value)
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, bytes):
        return key.decode()
    if isinstance(key, tuple):
        return ",".join(map(_key, key))
    text = str(key) if key is None or isinstance(key, (int, float)) else _text_form(key)
    if text is None:
        raise Unwritable(f"a {type(key).__name__} is no key in JSON")
    return text


class _Natural(_Writer):
    """Converts values to the form of native records."""

    def __init__(self, keeps: tuple[type[Any], ...]) -> None:
        super().__init__()
        self._keeps = keeps

    def plain(self, value: Any) -> Any:
        if isinstance(value, self._keeps):
            return value
        return value.isoformat() if isinstance(value, (datetime, time)) else super().plain(value)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[Any, Any]:
        return {self.plain(key): self.plain(item) for key, item in value.items()}

    def _number(self, value: int) -> Any:
        return int(value)

    def _sorted(self, items: list[Any]) -> list[Any]:
        try:
            return sorted(items, key=lambda item: (str(type(item)), item))
        except TypeError:  # items that have no order
            return sorted(items, key=lambda item: (str(type(item)), str(item)))

    def _unknown(self, value: Any) -> Any:
        return str(value)

    def _bytes(self, value: bytes) -> Any:
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Unwritable("bytes that are not UTF-8 cannot be written to a record; give the field another type") from None


def natural(value: Any, keeps: tuple[type[Any], ...] = ()) -> Any:
    """Return a value as native records hold it, new and independent: strings, numbers, booleans, lists, dicts; a secret in clear,
    dicts in their order, and what has no such form as its text.

    Args:
        value: any value; not changed.
        keeps: other types that the records can hold.

    Raises:
        Unwritable: it is, or holds, bytes that are no text.
    """
    return _Natural(keeps).plain(value)
