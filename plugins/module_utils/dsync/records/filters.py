# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``where`` of a mapping: the values that a native record must have to be one of a model's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from .._util.suggestions import known
from .declaration_reader import Declared
from .path import MISSING, Path, read, text_of_path


def where_of(declared: Declared) -> dict[Path, tuple[Any, ...]]:
    """Return native field → values, one of which a record must have. Raises DefinitionError."""
    found: dict[Path, tuple[Any, ...]] = {}
    for name, piece in declared.mapping():
        values = piece.value if isinstance(piece.value, list) else [piece.value]
        if any(isinstance(value, (list, Mapping)) for value in values):
            piece.wrong("this should be a value, or a list of values, one of which the record has.")
        found[tuple(name.split("."))] = tuple(values)
    return found


def has_values(record: Mapping[str, Any], where: Mapping[Path, tuple[Any, ...]]) -> bool:
    """Return whether a record has one of the required values of each field.

    A string and a number, or a string and a boolean, are equal if the string is the written form of that value, as in a CSV cell.
    A field that a record does not have is null.
    """
    return all(is_one_of(read(record, path), values) for path, values in where.items())


def is_one_of(native: Any, wanted: tuple[Any, ...]) -> bool:
    """Return whether a native value is one of those that are wanted, or is written like one; a field that is absent is null."""
    if native is MISSING or native is None:
        return None in wanted
    return native in wanted or any(_spells(native, one) for one in wanted)


def _spells(one: Any, other: Any) -> bool:
    """Return whether one of two values is a string, and the written form of the other one, which has another type."""
    if isinstance(one, str) is isinstance(other, str):
        return False
    text, value = (one.strip(), other) if isinstance(one, str) else (other.strip(), one)
    if isinstance(value, bool):
        return text.lower() in _BOOLEANS[value]
    if isinstance(value, (int, float, Decimal)):
        exact = Decimal(int(value) if isinstance(value, int) else str(value))
        return text == str(value) or (_NUMBER(text) is not None and Decimal(text) == exact)
    return isinstance(value, (date, time)) and text in (value.isoformat(), str(value))


_BOOLEANS = {True: ("true", "yes", "on", "t", "y", "1"), False: ("false", "no", "off", "f", "n", "0")}
"""Boolean → the strings that are read as it, in lower case."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII).fullmatch
"""Matches a string that is a number; 010 is not one but a code."""


_NEARLY = 0.75
"""The similarity from which one of two names is probably a typing error: as vlan and vlna, unlike kind and id."""


class Filter:
    """Applies a ``where`` to records, and checks whether it fits them.

    Args:
        where: native field → values, one of which a record must have.
        place: the place of the declaration, for messages.
        free: whether records may have any fields, so that a field which no record has is not necessarily a mistake.
    """

    def __init__(self, where: Mapping[Path, tuple[Any, ...]], place: str, free: bool = False) -> None:
        self._where, self._place, self._free = where, place, free
        self._unmet: dict[Path, dict[str, None]] = {path: {} for path in where}
        self._any_seen = self._any_through = False

    def lets(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record passes, and record its fields."""
        if not self._where:
            return True
        self._any_seen = True
        for path in [path for path in self._unmet if read(record, path) is not MISSING]:
            del self._unmet[path]
        for path, names in self._unmet.items():
            above = read(record, path[:-1])
            beside, way = (above, path[:-1]) if isinstance(above, Mapping) else (record, ())
            names.update(dict.fromkeys(text_of_path((*way, str(name))) for name in beside))
        passes = has_values(record, self._where)
        self._any_through = self._any_through or passes
        return passes

    def check(self) -> str:
        """Return a warning if no record passed although there are some; otherwise an empty string.

        Raises:
            DefinitionError: no record has a field of that name; if records may have any fields, only if there is a similar one.
        """
        if not self._any_seen:
            return ""
        for path, names in self._unmet.items():
            name = text_of_path(path)
            if not self._free or difflib.get_close_matches(name, names, n=1, cutoff=_NEARLY):
                Declared(None, f"{self._place}.{name}").wrong(f'no record has a field "{name}"{known(name, names)}.')
        if self._any_through:
            return ""
        wanted = ", ".join(f"{text_of_path(path)}: {' or '.join(map(str, values))}" for path, values in self._where.items())
        return f"{self._place}: there are records, but none of them has {wanted}"
