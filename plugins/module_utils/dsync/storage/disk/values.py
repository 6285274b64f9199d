# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The encoding of values in a store on disk: what has the same encoding is equal wherever objects are compared.

Strings, integers of 64 bits and null are what SQLite holds. Every other value is a blob that begins with a letter for its type and
contains all that makes the value, so that 1, 1.0 and True differ, as do ``Decimal('1.0')`` and ``Decimal('1.00')``. The reverse is
not required: two values with different encodings are compared as values.

A value without an encoding, such as a model, a secret of pydantic, or a NaN or a member of an enumeration in a list, raises
:class:`Unstorable`. Its object is then held in memory.
"""

from __future__ import annotations

import enum
import ipaddress
import json
import math
import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from ...model.comparison import ComparedText, Unordered, text_kind
from ...model.values import leaf_types

_LARGEST = 2**63 - 1
_NATIVE = ({str}, {str, type(None)}, {type(None)})
_ADDRESSES = (
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)
_AS_TEXT: dict[type[Any], tuple[str, Callable[[str], Any]]] = {
    UUID: ("uuid", UUID),
    date: ("date", date.fromisoformat),
    **{kind: (kind.__name__, kind) for kind in _ADDRESSES},
}
"""Types whose values are made from their strings → tag, and what makes a value."""

_FROM_TEXT = dict(_AS_TEXT.values())
_LISTS: dict[str, type[Any]] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "unordered": Unordered}
_TAGS = {kind: tag for tag, kind in _LISTS.items()}


class Unstorable(ValueError):
    """A value has no encoding."""


class FieldCodec:
    """Encodes the values of one field.

    Args:
        annotation: the type of the field.
    """

    def __init__(self, annotation: Any) -> None:
        self._enumerations = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in leaf_types(annotation) if _is_texts(kind)}

    def encoded(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the encodings of some values, which are not changed. Raises Unstorable if one of them has none."""
        kinds = {*map(type, values)}
        if kinds in _NATIVE:
            if is_storable("".join(value for value in values if value is not None)):
                return values
        elif kinds == {int} and min(values) >= -_LARGEST and max(values) <= _LARGEST:
            return values
        return [*map(self._encoded, values)]

    def _encoded(self, value: Any) -> Any:
        if value is None or (value.__class__ is int and -_LARGEST <= value <= _LARGEST):
            return value
        if value.__class__ is str and is_storable(value):
            return value
        if value.__class__ is float:
            return b"f" + struct.pack(">d", value)
        if value.__class__ is bytes:
            return b"b" + value
        if value.__class__ is bool:
            return b"1" if value else b"0"
        name = f"{value.__class__.__module__}.{value.__class__.__qualname__}"
        if self._enumerations.get(name) is value.__class__:
            return b"e" + json.dumps([name, value.name, value.value]).encode()
        try:
            return b"j" + json.dumps(_nested(value), separators=(",", ":")).encode()
        except (ValueError, TypeError, RecursionError):  # an integer with too many digits, keys without an order
            raise Unstorable(f"a {type(value).__name__}") from None

    def decoded(self, stored: Any) -> Any:
        """Return a new value from its encoding."""
        if stored.__class__ is not bytes:
            return stored
        tag, rest = stored[:1], stored[1:]
        if tag == b"f":
            return struct.unpack(">d", rest)[0]
        if tag == b"b":
            return rest
        if tag == b"e":
            name, member, _text = json.loads(rest)
            return self._enumerations[name][member]
        return _value(json.loads(rest)) if tag == b"j" else tag == b"1"


# ---------------------------------------------------------------------- values without a form of their own


def _nested(value: Any) -> Any:
    """Return a value as JSON, in which a list is a tag and what makes the value."""
    kind = value.__class__
    if kind in (str, int, bool, type(None)):
        return value
    if kind in _TAGS:
        items = [_nested(item) for item in value]
        return [_TAGS[kind], *(sorted(items, key=json.dumps) if kind in (set, frozenset) else items)]
    if kind is dict:
        return ["dict", *([_nested(key), _nested(item)] for key, item in value.items())]
    if kind in _AS_TEXT:
        return [_AS_TEXT[kind][0], str(value)]
    if kind is float and not math.isnan(value):
        return ["float", repr(value)]
    if kind is bytes:
        return ["bytes", value.hex()]
    if kind is Decimal and value.is_finite():
        return ["Decimal", str(value)]
    if kind is timedelta:
        return ["timedelta", value.days, value.seconds, value.microseconds]
    if kind in (datetime, time) and not value.fold and _has_simple_zone(value):
        return [kind.__name__, value.isoformat()]
    if isinstance(value, ComparedText):
        return ["compared", list(value._names), str(value)]
    raise Unstorable(f"a {kind.__name__}")


def _value(nested: Any) -> Any:
    if nested.__class__ is not list:
        return nested
    tag, *rest = nested
    if tag in _LISTS:
        return _LISTS[tag](map(_value, rest))
    if tag == "dict":
        return {_value(key): _value(item) for key, item in rest}
    if tag in _FROM_TEXT:
        return _FROM_TEXT[tag](rest[0])
    if tag == "compared":
        return text_kind(rest[0])(rest[1])
    return _OTHERS[tag](*rest)


_OTHERS: dict[str, Callable[..., Any]] = {
    "Decimal": Decimal,
    "bytes": bytes.fromhex,
    "datetime": datetime.fromisoformat,
    "float": float,
    "time": time.fromisoformat,
    "timedelta": timedelta,
}


def is_storable(text: str) -> bool:
    """Return whether SQLite can hold a string: not if it contains half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_simple_zone(value: datetime | time) -> bool:
    zone = value.tzinfo
    return zone is None or isinstance(zone, timezone) or type(zone).__name__ == "TzInfo"  # that of pydantic


def _is_texts(kind: Any) -> bool:
    """Return whether a type is an enumeration of strings, whose members compare by these."""
    if not isinstance(kind, type) or not issubclass(kind, enum.Enum) or not all(one.value.__class__ is str for one in kind):
        return False
    return kind.__eq__ in (object.__eq__, enum.Enum.__eq__, str.__eq__)
