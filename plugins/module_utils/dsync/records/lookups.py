# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables that translate native values into values of attributes, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .._util.suggestions import known
from ..exceptions import RecordProblem
from .declaration_reader import Declared

LOOKUP_KEYS = ("from", "model", "key", "value", "where")


class _Tables(NamedTuple):
    """A lookup in both directions, never changed.

    Attributes:
        there: native value → attribute's value.
        back: attribute's value → native value.
        twice: attribute's values with several native ones.
    """

    there: Mapping[Any, Any]
    back: Mapping[Any, Any]
    twice: frozenset[Any]


class Lookup:
    """A table from native values to attributes' values; several threads may use one.

    Args:
        name: its name in messages.
        pairs: returns all (native value, attribute's value); called on the first search, and again if a value is not found.
    """

    def __init__(self, name: str, pairs: Callable[[], Iterable[tuple[Any, Any]]]) -> None:
        self._name, self._pairs = name, pairs
        self._tables: _Tables | None = None
        self._met: type[Any] | None = None

    def _filled(self) -> _Tables:
        there: dict[Any, Any] = {}
        back: dict[Any, Any] = {}
        twice: set[Any] = set()
        for native, value in self._pairs():
            for one in (native, value):
                if not _is_key(one):
                    what = "a list" if isinstance(one, list) else "a dictionary" if isinstance(one, Mapping) else type(one).__name__
                    raise RecordProblem(f"the lookup {self._name} contains {what}, and must contain only single values")
            there[native] = value
            if value in back and back[value] != native:
                twice.add(value)
            back[value] = native
        self._tables = _Tables(there, back, frozenset(twice))
        return self._tables

    def has(self, native: Any) -> bool:
        """Return whether the table has a native value. Raises RecordProblem."""
        return _is_key(native) and native in (self._tables or self._filled()).there

    def value_of(self, native: Any) -> Any:
        """Return the attribute's value for a native one. Raises RecordProblem."""
        if native is None:
            return None
        key, tables = self._found(native, lambda tables: tables.there)
        self._met = native.__class__
        return tables.there[key]

    def native_of(self, value: Any) -> Any:
        """Return the native value for an attribute's. Raises RecordProblem."""
        if value is None:
            return None
        key, tables = self._found(value, lambda tables: tables.back)
        if key in tables.twice:
            raise RecordProblem(f'the lookup {self._name} has "{value}" for several native values, so it cannot be written')
        return self._as_met(tables.back[key])

    def _as_met(self, native: Any) -> Any:
        """Return a native value with the type that records use; keys of a table in a task are always strings."""
        forms = spellings(native) if self._met in (bool, int, str) else ()
        return next((one for one in forms if one.__class__ is self._met), native)

    def _found(self, wanted: Any, table: Callable[[_Tables], Mapping[Any, Any]]) -> tuple[Any, _Tables]:
        """Return the key of a value, and the tables that contain it, which are read again if it is missing."""
        known_before = self._tables
        tables = known_before or self._filled()
        while True:
            for key in spellings(wanted):
                if _is_key(key) and key in table(tables):
                    return key, tables
            if tables is not known_before:
                break
            tables = self._filled()
        raise RecordProblem(f'the lookup {self._name} has no "{wanted}"{known(wanted, map(str, table(tables)))}')


def _is_key(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def spellings(value: Any) -> Iterator[Any]:
    """Yield a value, and its other possible forms in a table: a number or boolean as a string, or the reverse."""
    yield value
    if value.__class__ is bool:
        yield str(value).lower()
    elif value in ("true", "false"):
        yield value == "true"
    elif isinstance(value, str) and len(value) < 20 and value.removeprefix("-").isdecimal() and str(int(value)) == value:
        yield int(value)
    yield str(value)


Tables = Callable[[Declared], Lookup]
"""Returns the lookup of a declaration, which is its name or the table itself."""
