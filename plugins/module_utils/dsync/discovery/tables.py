# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The columns of records whose models nobody has declared yet, and what their values show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..adapters.core.schema import FieldSchema, Schema
from ..records.path import MISSING, Path, read
from .kinds import Kind, compared_as, kind_of, meaning, spelling

_DEEPEST = 3
_MOST_KEYS = 20
"""The most keys of a dictionary whose values are columns of their own; one with more is a value."""

_SURROGATE = re.compile(r"(?i)(?:.*_)?(?:id|pk|uuid|guid|oid|rowid)|_ref|_key").fullmatch
"""Matches the name of a column to which the system itself gives values."""


@dataclass
class Column:
    """A field of the records of a table.

    Attributes:
        path: where a record has it.
        values: its values, by record; :data:`MISSING` where a record does not have it.
        schema: what the system reports of it; None if it reports nothing.
        cells: whether an empty string is how null is written.
        lookup: name of the lookup by which its values are translated; empty for none.
        native: the column before that; itself for none.
    """

    path: Path
    values: Sequence[Any]
    schema: FieldSchema | None = None
    cells: bool = False
    lookup: str = ""
    _spelled: dict[tuple[str, tuple[str, ...]], list[str | None]] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @cached_property
    def filled(self) -> list[Any]:
        """The values that are neither absent, nor null, nor an empty string."""
        return [value for value in self.values if value is not MISSING and value is not None and value != ""]

    @cached_property
    def kind(self) -> Kind:
        return kind_of(self.filled, self.name, self.schema.type if self.schema else "")

    @property
    def empty(self) -> int:
        """The number of records without a value."""
        return len(self.values) - len(self.filled)

    @cached_property
    def nullable(self) -> bool:
        """Whether it may be null: it is somewhere, or the system reports that it can be."""
        reported = self.schema is not None and self.schema.type != "" and self.schema.nullable
        null = any(value is None or value is MISSING for value in self.values)
        return null or reported or (self.cells and self.empty > 0)

    @cached_property
    def has_empty_strings(self) -> bool:
        """Whether an empty string is among its values and is not null."""
        return not self.cells and any(isinstance(value, str) and not value for value in self.values)

    @cached_property
    def address(self) -> str:
        """The comparison of strings that all mean something else, ``mac`` or ``ip``; empty for others."""
        return compared_as([one for one in self.spelled("str") if one is not None])

    @cached_property
    def distinct(self) -> int:
        """The number of different values."""
        return len({*self.spelled("str")} - {None})

    @property
    def is_unique(self) -> bool:
        """Whether each record has a value of its own."""
        return self.distinct == len(self.values)

    @cached_property
    def is_surrogate(self) -> bool:
        """Whether its values are probably given by the system itself, so that another one has other values."""
        return not self.lookup and _SURROGATE(self.path[-1]) is not None

    @property
    def is_nested(self) -> bool:
        """Whether its values are lists of records, which are objects of their own."""
        return any(isinstance(value, list) and any(isinstance(one, Mapping) for one in value) for value in self.filled)

    def spelled(self, kind: str, names: tuple[str, ...] = ()) -> list[str | None]:
        """Return the values as strings that values of a type share which are equal, by the named comparisons; None for none."""
        way = (kind, names)
        if way not in self._spelled and names:
            self._spelled[way] = [None if text is None else meaning(text, names) for text in self.spelled(kind)]
        elif way not in self._spelled:
            self._spelled[way] = [None if value is MISSING else spelling(value, kind) for value in self.values]
        return self._spelled[way]

    def translated(self, lookup: str, table: Mapping[str | None, Any]) -> Column:
        """Return the column with its values translated, which a lookup of this name does."""
        values = [table.get(one, MISSING) if one is not None else None for one in self.spelled("str")]
        schema = FieldSchema("str", self.schema.nullable if self.schema else True)
        return Column(self.path, values, schema, self.cells, lookup)


@dataclass
class Table:
    """The records at a place of a dataset.

    Attributes:
        place: as written in ``from``.
        title: what it is called.
        count: the number of records.
        columns: path → column, in the order of the records' fields.
        schema: what the system reports.
    """

    place: Any
    title: str
    count: int
    columns: dict[Path, Column]
    schema: Schema = field(default_factory=lambda: Schema({}))

    @property
    def is_root(self) -> bool:
        """Whether it is all that the dataset has, so that no name is needed for it."""
        return isinstance(self.place, list) and not self.place

    def uniques(self) -> Iterator[tuple[Path, ...]]:
        """Yield the groups of columns that the system reports to be unique, those that it does not number itself first."""
        reported = [*self.schema.uniques, *([self.schema.key] if self.schema.key else ())]
        groups = [tuple((name,) for name in names) for names in reported]
        known = [group for group in groups if all(path in self.columns for path in group)]
        yield from (group for group in known if not any(self.columns[path].is_surrogate for path in group))


def table_of(place: Any, title: str, records: Sequence[Any], schema: Schema, cells: bool = False) -> Table:
    """Return the columns of records.

    Args:
        place: as written in ``from``.
        title: what they are called.
        records: the native records; not changed.
        schema: what the system reports of them.
        cells: whether an empty string is how null is written.
    """
    there = dict.fromkeys(_paths(records))
    opened = {path[0] for path in there if len(path) > 1}
    paths: dict[Path, None] = {(name,): None for name in schema.fields if name not in opened}
    paths.update(there)
    columns = {}
    for path in paths:
        values = [read(record, path) for record in records]
        columns[path] = Column(path, values, schema.fields.get(path[0]) if len(path) == 1 else None, cells)
    return Table(place, title, len(records), columns, schema)


def _paths(records: Sequence[Any], above: Path = ()) -> Iterator[Path]:
    """Yield the paths of the values of records: those of small dictionaries which all of them have at a place are looked into."""
    names = dict.fromkeys(name for record in records if isinstance(record, Mapping) for name in record if isinstance(name, str))
    for name in names:
        path = (*above, name)
        inner = [record.get(name) for record in records if isinstance(record, Mapping)]
        there = [one for one in inner if one is not None]
        if len(path) < _DEEPEST and there and all(isinstance(one, Mapping) and one for one in there) and _keys(there) <= _MOST_KEYS:
            yield from _paths(there, path)
        else:
            yield path


def _keys(dictionaries: Iterable[Mapping[Any, Any]]) -> int:
    return len({name for one in dictionaries for name in one})
