# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How the values of a field compare if the type is not sufficient: one vocabulary for identifiers and attributes.

A class declares it in ``_compare``, a model in YAML with ``compare``; both add a :class:`Comparison` to the metadata of the
field. Its values then belong to a class whose equality is as declared, wherever they are compared, and are shown and written
unchanged. The unique id of an object consists of the keys of its identifiers, which are the same for equal values.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address, ip_interface
from itertools import combinations
from typing import Any, ClassVar

from .._util.pydantic import core_schema
from .._util.visible import INVISIBLE
from ..exceptions import DeclarationError
from .values import members_of

UNORDERED = "unordered"
"""The comparison of lists regardless of order."""

_INVISIBLE_ENDS = re.compile(rf"\A[\s{INVISIBLE}]+|[\s{INVISIBLE}]+\Z")
_MAC = re.compile(
    r"[0-9a-f]{2}(?:([:-])(?:[0-9a-f]{2}\1){4}(?:(?:[0-9a-f]{2}\1){2})?[0-9a-f]{2}|[0-9a-f]{10}(?:[0-9a-f]{4})?)", re.I
)
_MAC_IN_FOURS = re.compile(r"[0-9a-f]{4}([.:-])[0-9a-f]{4}\1[0-9a-f]{4}(?:\1[0-9a-f]{4})?", re.I)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,6})?\s?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    re.ASCII,
)


def number_string(value: Decimal) -> str:
    """Return a finite decimal number as a string that is the same for equal numbers: ``10`` for 10.0 and 1E+1, ``0.5`` for 0.50."""
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return "0"
    shorter = text.rstrip("0")
    point = int(exponent) + len(text)  # where the decimal point is, counted from the first digit
    if not -_LONGEST < point <= _LONGEST:
        plain = f"{shorter}E{point - len(shorter)}"
    elif point >= len(shorter):
        plain = shorter.ljust(point, "0")
    else:
        plain = f"{shorter[:point]}.{shorter[point:]}" if point > 0 else f"0.{shorter.rjust(len(shorter) - point, '0')}"
    return f"-{plain}" if sign else plain


_LONGEST = 64
"""Maximum number of digits before the decimal point, or zeros after it, that are written out."""


def canonical(value: Any) -> Any:
    """Return the form of a value in a unique id: the same for values that are equal by their type; the value itself if its
    string form is already the same. The value is not changed."""
    if isinstance(value, (Decimal, float)):
        return _canonical_number(value)
    if isinstance(value, (datetime, time)):
        return _in_utc(value) if value.utcoffset() is not None else value
    if isinstance(value, tuple):
        return tuple(map(canonical, value))
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(repr(canonical(item)) for item in value))}}}"
    return value


def _canonical_number(value: Decimal | float) -> Any:
    if isinstance(value, Decimal):
        return number_string(value) if value.is_finite() else value
    return number_string(Decimal(value)) if value.is_integer() and abs(value) < 1e16 else value


def _in_utc(value: datetime | time) -> Any:
    if isinstance(value, datetime):
        try:
            return value.astimezone(timezone.utc)
        except OverflowError:  # at either end of the calendar
            return value
    since = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return f"{since - (value.utcoffset() or timedelta())}+00:00"


# ---------------------------------------------------------------------- the keys of strings


def _mac(text: str) -> str:
    bare = text.strip()
    if not (_MAC.fullmatch(bare) or _MAC_IN_FOURS.fullmatch(bare)):
        return text
    digits = re.sub(r"[^0-9a-f]", "", bare.lower())
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))


def _ip(text: str) -> str:
    try:
        return str((ip_interface if "/" in text else ip_address)(text.strip()))
    except ValueError:
        return text


def _number(text: str) -> str:
    bare = text.strip()
    return number_string(Decimal(bare)) if _NUMBER.fullmatch(bare) else text


def _moment(text: str) -> str:
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return text
    day, minute, second, fraction, zone = found.groups()
    zone = (zone or "").upper().replace("Z", "+00:00")
    if zone and len(zone) < 6:
        zone = f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    try:
        return str(canonical(datetime.fromisoformat(f"{day}T{minute}{second or ':00'}{(fraction or '.0').ljust(7, '0')}{zone}")))
    except ValueError:
        return text


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _stripped(text: str) -> str:
    return _INVISIBLE_ENDS.sub("", text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "stripped": _stripped,
    "case_insensitive": str.casefold,
    "unicode_nfc": _composed,
}
"""Comparisons of strings that can be combined → the key of a string. They are applied in this order."""

MEANINGS: dict[str, Callable[[str], str]] = {"mac": _mac, "ip": _ip, "number": _number, "moment": _moment}
"""Comparisons of strings by their meaning → the key of a string; a string without such a meaning is compared as a string."""

COMPARISONS = (*SPELLINGS, *MEANINGS, UNORDERED)
"""All comparisons that a field may declare."""


def key_of_string(names: Sequence[str]) -> Callable[[str], str]:
    """Return the function that returns the same key for strings that are equal by these of :data:`COMPARISONS`."""
    steps = [step for name, step in {**SPELLINGS, **MEANINGS}.items() if name in names]

    def key(text: str) -> str:
        text = str.__str__(text)
        for step in steps:
            text = step(text)
        return text

    return key


SECTION = re.compile(r"\.[0-9]*[1-9][0-9]*0\Z")
"""Matches strings that may be numbers or may be sections or releases, for which 1.1 and 1.10 are different."""

_CANDIDATES = (
    *((name,) for name in (*SPELLINGS, *MEANINGS)),
    *(names for number in range(2, len(SPELLINGS) + 1) for names in combinations(SPELLINGS, number)),
)
"""The comparisons of strings that a field may declare, the least tolerant first."""


def remedy_for(value: Any, other: Any, declared: Sequence[str] = ()) -> str:
    """Return the declaration by which two values are equal, such as ``"compare: stripped"`` with the quotation marks.

    Args:
        value: one value.
        other: the other one.
        declared: the comparisons that their field declares already.

    Returns:
        The fewest comparisons that suffice, with the declared ones; an empty string if none do, or if the values are not strings.
    """
    if not isinstance(value, str) or not isinstance(other, str):
        return ""
    fitting = (names for names in _CANDIDATES if set(declared) <= set(names))
    names = next((names for names in fitting if key_of_string(names)(value) == key_of_string(names)(other)), ())
    if not names or (names == ("number",) and (SECTION.search(value) or SECTION.search(other))):
        return ""
    return f'"compare: {names[0]}"' if len(names) == 1 else f'"compare: [{", ".join(names)}]"'


# ---------------------------------------------------------------------- the classes of the values


class ComparedText(str):
    """A string that equals any string with the same key."""

    __slots__ = ()
    _names: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def key(text: str) -> str:
        """Return the same key for equal strings."""
        return str.__str__(text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return NotImplemented
        return str.__eq__(self, other) or self.key(self) == self.key(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.key(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return _text_of_kind, (self._names, str(self))

    def __str__(self) -> str:
        return str.__str__(self)


_KINDS: dict[tuple[str, ...], type[ComparedText]] = {}


def text_kind(names: Sequence[str]) -> type[ComparedText]:
    """Return the class of strings that compare by these of :data:`COMPARISONS`: the same class for the same names."""
    chosen = tuple(name for name in (*SPELLINGS, *MEANINGS) if name in names)
    if chosen not in _KINDS:
        space = {"__slots__": (), "key": staticmethod(key_of_string(chosen)), "_names": chosen}
        _KINDS[chosen] = type("ComparedText", (ComparedText,), space)
    return _KINDS[chosen]


def _text_of_kind(names: tuple[str, ...], text: str) -> ComparedText:
    return text_kind(names)(text)


class Unordered(list[Any]):
    """A list that equals any list with the same items, the same number of times, in any order."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list) or len(self) != len(other):
            return False
        if list.__eq__(self, other):
            return True
        kind = next((type(item) for item in (*self, *other) if isinstance(item, ComparedText)), None)
        mine, others = (items if kind is None else list(map(_in_kind(kind), items)) for items in (self, other))
        try:
            return Counter(mine) == Counter(others)
        except TypeError:  # an item that has no hash
            return _same_items(mine, others)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as that of any list


def _in_kind(kind: type[ComparedText]) -> Callable[[Any], Any]:
    return lambda item: kind(item) if isinstance(item, str) else item


def _same_items(some: list[Any], others: list[Any]) -> bool:
    left = list(others)
    for item in some:
        if item not in left:
            return False
        left.remove(item)
    return True


class Comparison:
    """How the values of a field compare; part of the metadata of its annotation.

    Args:
        names: some of :data:`COMPARISONS`, as :func:`comparison_of` checks them.

    Attributes:
        names: the names of the comparisons.
        key: returns the same key for equal strings, and other values unchanged.
    """

    __slots__ = ("_text", "names")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(name for name in COMPARISONS if name in names)
        self._text = text_kind(self.names) if set(self.names) - {UNORDERED} else None

    def key(self, value: Any) -> Any:
        return self._text.key(value) if self._text is not None and isinstance(value, str) else value

    def value_of(self, value: Any) -> Any:
        """Return a value as an instance of the class that compares as declared, including items of a list. It is not changed."""
        if isinstance(value, str):
            return value if self._text is None or value.__class__ is self._text else self._text(value)
        if isinstance(value, list):
            items = value if self._text is None else list(map(self.value_of, value))
            return Unordered(items) if UNORDERED in self.names else items
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self.value_of, handler(source))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Comparison) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"Comparison({', '.join(self.names)})"


def comparison_of(names: Sequence[str], annotation: Any) -> Comparison:
    """Return how the values of a field compare.

    Args:
        names: some of :data:`COMPARISONS`; at least one.
        annotation: the field's type; it may allow None.

    Raises:
        DeclarationError: part of a sentence: the comparisons are unknown, cannot be combined, or do not fit the type.
    """
    for name in names:
        if name not in COMPARISONS:
            raise DeclarationError(f'there is no comparison "{name}" (known: {", ".join(COMPARISONS)})')
    meanings = [name for name in names if name in MEANINGS]
    if meanings and len(set(names) - {UNORDERED}) > 1:
        raise DeclarationError(f"compare: {meanings[0]} cannot be combined with others")
    kinds = list(members_of(annotation))
    lists = [kind for kind in kinds if kind is list or getattr(kind, "__origin__", None) is list]
    if UNORDERED in names and not lists:
        raise DeclarationError("compare: unordered requires a list (a set has no order anyway)")
    items = [item for kind in lists for item in getattr(kind, "__args__", ())]
    texts = [name for name in names if name != UNORDERED]
    if texts and not any(_is_string(kind) for one in (*kinds, *items) for kind in members_of(one)):
        raise DeclarationError(f"compare: {texts[0]} requires a string")
    return Comparison(names)


def _is_string(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, str)


def comparison_in(metadata: Sequence[Any]) -> Comparison | None:
    """Return the comparison among a field's metadata, or None."""
    return next((one for one in metadata if isinstance(one, Comparison)), None)
