# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The types that values fit: those of one column, and one for the values of two columns.

Nothing is lost by a proposed type. Strings of digits stay strings where a number would drop something: a leading zero, a plus
sign, a trailing zero; and where they look like codes, such as postal codes, whose next value may have one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import ip_interface
from typing import Any

from .._util.plain_json import displayed, text_of

ANY = "any"
NUMBERS = ("int", "float", "decimal")
COMPARED_AS_TEXT = ("mac", "ip")
"""Comparisons of strings by what they mean."""

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}").fullmatch
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9.]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?").fullmatch
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}").fullmatch
_WORDS = {"false": False, "no": False, "n": False, "off": False, "f": False, "0": False}
_WORDS.update({"true": True, "yes": True, "y": True, "on": True, "t": True, "1": True})
_SURE_WORDS = {"true", "false"}
_CODE_NAME = re.compile(
    r"(?i).*(?:zip|post|plz|phone|fax|serial|asset|tag|code|number|nummer|sku|ean|isbn|account|iban|vat|version|release).*"
).fullmatch
_SHORTEST_CODE, _FEWEST_CODES = 5, 3
"""Strings of as many digits each are codes if they have at least so many digits, and there are at least so many of them."""

_TYPED: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
    (bool, ("bool",)),
    (int, ("int", "float", "decimal", "str")),
    (float, ("float", "decimal")),
    (Decimal, ("decimal", "float")),
    (datetime, ("datetime",)),
    (date, ("date",)),
    (time, ("time",)),
    (timedelta, ("timedelta",)),
)
"""Class of a value → the types that it fits, the narrowest first."""

_FITTING = {"int": ("int", "float", "decimal", "str"), "float": ("float", "decimal"), "decimal": ("decimal", "float")}
"""Type that a system reports → the types that its values fit, where these are several."""


@dataclass(frozen=True)
class Kind:
    """What is known of the type of values.

    Attributes:
        fits: the types that all of them fit, the narrowest first; empty if there are no values.
        typed: whether they have a type of their own; else they are strings, in which numbers may be written.
        code: whether they are strings of digits that look like codes.
    """

    fits: tuple[str, ...] = ()
    typed: bool = False
    code: bool = False


def kind_of(values: Collection[Any], name: str, reported: str = "") -> Kind:
    """Return the kind of values that are not null.

    Args:
        values: the values.
        name: of their column.
        reported: the type that the system reports of them; empty if it reports none.
    """
    if reported and reported != "str":
        return Kind(_FITTING.get(reported, (reported,)), True)
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        return _kind_of_strings(texts, name) if texts else Kind(("str",) if reported else ())
    if any(hasattr(value, "written") for value in values):  # a number that only looks like one, such as 0755
        return Kind(("str",), True)
    found = [_fits(value) for value in values]
    fits = tuple(one for one in found[0] if all(one in other for other in found)) if found[0] else ()
    fits = fits or _fits_of_numbers(found)
    if fits[:1] == ("int",) and {int(value) for value in values if isinstance(value, int)} <= {0, 1}:
        fits = (*fits, "bool")
    return Kind(fits or (ANY,), True)


def _fits_of_numbers(found: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the types that mixed values fit, whose first value is not of the widest type."""
    every = [one for one in (*NUMBERS, "str") if all(one in fits for fits in found)]
    return tuple(every)


def _fits(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return ("str",)
    if isinstance(value, list):
        kinds = {"str" if isinstance(one, str) else "int" if _is_whole(one) else ANY for one in value}
        inner = kinds.pop() if len(kinds) == 1 else ANY
        return (f"list[{inner}]", f"list[{ANY}]") if value else ("list[str]", "list[int]", f"list[{ANY}]")
    if isinstance(value, dict):
        return ("dict[str, any]",)
    return next((fits for kind, fits in _TYPED if isinstance(value, kind)), (ANY,))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind_of_strings(texts: Sequence[str], name: str) -> Kind:
    stripped = [text for text in texts if text]
    if not stripped:
        return Kind(("str",))
    checks: tuple[tuple[str, Callable[[str], Any]], ...] = (
        ("int", _INTEGER),
        ("decimal", _DECIMAL),
        ("date", _is_date),
        ("datetime", _MOMENT),
        ("bool", lambda text: text.lower() in _WORDS),
    )
    fits = [kind for kind, check in checks if all(map(check, stripped))]
    more = ["float"] if "decimal" in fits else []
    lengths = {len(text) for text in stripped}
    many = len(lengths) == 1 and max(lengths) >= _SHORTEST_CODE and len(set(stripped)) >= _FEWEST_CODES
    return Kind((*fits, *more, "str"), False, many or _CODE_NAME(name) is not None)


def _is_date(text: str) -> bool:
    try:
        return _DATE(text) is not None and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def own_type(kind: Kind, values: Iterable[Any]) -> str:
    """Return the type of a column alone, given its values: for strings one whose values are written in one way only."""
    if kind.typed and kind.fits:
        return kind.fits[0]
    if "int" in kind.fits and not kind.code:
        return "int"
    if "date" in kind.fits:
        return "date"
    words = {value.lower() for value in values if isinstance(value, str) and value}
    return "bool" if words and words <= _SURE_WORDS else "str"


def joint_type(one: Kind, other: Kind, words: Iterable[Any] = ()) -> str:
    """Return the type that the values of two columns fit.

    Args:
        one: the kind of a column.
        other: that of the other one.
        words: the values of both.
    """
    if not one.fits or not other.fits:
        known = one if one.fits else other
        return own_type(known, words)
    if not one.typed and not other.typed:
        return own_type(Kind(tuple(kind for kind in one.fits if kind in other.fits), False, one.code or other.code), words)
    first, second = (one, other) if one.typed else (other, one)
    return next((kind for kind in first.fits if kind in second.fits), ANY)


# ---------------------------------------------------------------------- values


def spelling(value: Any, kind: str) -> str | None:
    """Return a string that equal values of a type share; None for null, and for an empty string unless the type is ``any``, which
    tells the two apart."""
    if value is None or (value == "" and kind != "any"):
        return None
    if kind == "bool" and not isinstance(value, bool):
        known = _WORDS.get(str(value).strip().lower())
        return str(value) if known is None else str(known)
    if kind in NUMBERS:
        return _number(value)
    if kind == "datetime":
        return _moment(value)
    if isinstance(value, (str, bool, int)):
        return str(value)
    shown = displayed(value)
    return shown if isinstance(shown, str) else text_of(shown)


def _number(value: Any) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    whole = number == number.to_integral_value() and abs(number) < 10**18
    return str(number.quantize(Decimal(1)) if whole else number.normalize())


def _moment(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value).replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return text


def compared_as(texts: Collection[str]) -> str:
    """Return the comparison by which strings are compared by what they mean, ``mac`` or ``ip``; empty if they mean nothing else."""
    if texts and all(map(_MAC, texts)):
        return "mac"
    return "ip" if texts and all(map(_is_address, texts)) else ""


def _is_address(text: str) -> bool:
    try:
        ip_interface(text)
    except ValueError:
        return False
    return "." in text or ":" in text


def meaning(text: str, names: Sequence[str]) -> str:
    """Return a string that texts share which are equal by some comparisons of :func:`compared_as`, or ``case_insensitive`` and
    ``stripped``."""
    if "stripped" in names:
        text = text.strip()
    if "case_insensitive" in names:
        text = text.casefold()
    if "mac" in names:
        return re.sub(r"[^0-9a-f]", "", text.lower())
    if "ip" in names:
        return str(ip_interface(text)) if _is_address(text) else text
    return text
