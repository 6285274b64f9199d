# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables, views and queries of a database, and their rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from ...exceptions import RecordProblem
from ...records.mapping import Record, Values
from ...records.path import Path, write
from .collations import Key
from .fits import Fit, fit_for

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Select, Table


@dataclass(frozen=True)
class Reference:
    """A foreign key.

    Attributes:
        columns: that have it.
        schema: of the table that it points to.
        table: that it points to.
        referred: the columns there.
    """

    columns: tuple[str, ...]
    schema: str | None
    table: str
    referred: tuple[str, ...]


class Rule(NamedTuple):
    """What is special about a unique key.

    Attributes:
        null_counts: whether null is a value that only one row may have.
        deferrable: whether a transaction may defer it, so that an upsert cannot use it.
        deferred: whether it is checked only at the end of a transaction.
    """

    null_counts: bool = False
    deferrable: bool = False
    deferred: bool = False


@dataclass(frozen=True)
class Relation:
    """A table or view, or what a query gives.

    Attributes:
        title: what it is called in messages.
        columns: names of its columns.
        table: the table or view; None for a query.
        query: the query; None for a table.
        key: the columns that distinguish its rows and are never empty; empty if there are none.
        uniques: other columns that distinguish rows.
        loose: the unique keys in which the database takes several strings for the same.
        rules: the columns of a unique key → what is special about it.
        references: its foreign keys.
        schema: where the table is.
        padded: columns of fixed width, which the database fills with blanks that mean nothing.
        generated: columns to which the database alone gives values.
        counted: whether the database says how many rows were changed; SQLite does not for a view, which a trigger writes.
    """

    title: str
    columns: tuple[str, ...]
    table: Table | None = None
    query: str | None = None
    key: tuple[str, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    loose: tuple[Key, ...] = ()
    rules: Mapping[tuple[str, ...], Rule] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    schema: str | None = None
    padded: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    counted: bool = True
    _fits: dict[str, Fit] = field(default_factory=dict, repr=False, compare=False)

    @property
    def rows_of_table(self) -> Table:
        """The table, of what is known to be one."""
        if self.table is None:
            raise AssertionError(f"{self.title} is a query, not a table")
        return self.table

    def select(
        self, where: Mapping[Path, tuple[Any, ...]], columns: Collection[str], clause: ColumnElement[bool] | None = None
    ) -> Select[Any]:
        """Return the statement that reads the rows, ordered by their key.

        Args:
            where: as in a mapping; what surely means the same to the database is asked of it, the rest is ignored.
            columns: names of those to read; empty for all.
            clause: another condition; None for none.
        """
        import sqlalchemy as sa

        statement = sa.select(*(column for column in self.rows_of_table.columns if not columns or column.name in columns))
        for path, values in where.items():
            if all(self.asks(path, value) for value in values):
                statement = statement.where(_one_of(self.rows_of_table.c[path[0]], values))
        if clause is not None:
            statement = statement.where(clause)
        return statement.order_by(*(self.rows_of_table.c[name] for name in self.key))

    def asks(self, path: Path, value: Any) -> bool:
        """Return whether :meth:`select` asks the database for the rows with a value in ``where``, and it finds all of them."""
        return len(path) == 1 and path[0] in self.rows_of_table.c and _means_the_same(self.rows_of_table.c[path[0]], value)

    def row(self, values: Values, there: Callable[[str], Any] = lambda column: None) -> dict[str, Any]:
        """Return column → value to write. Raises RecordProblem.

        Args:
            values: path → value; a path of several names goes into a column that holds a dictionary.
            there: returns what such a column holds now.
        """
        row: dict[str, Any] = {}
        for path, value in values.items():
            if len(path) == 1:
                row[path[0]] = value
                continue
            if path[0] not in row:
                row[path[0]] = there(path[0]) or {}
            try:
                write(row, path, value)
            except TypeError as error:
                raise RecordProblem(f"{self.title}: {error}") from None
        return {name: self._fit(name)(value) for name, value in row.items()}

    def key_of(self, record: Record) -> tuple[Any, ...]:
        """Return the values of the key's columns. Raises RecordProblem if there is none."""
        key = tuple(record.get(name) for name in self.key)
        if None in key:
            raise RecordProblem(f"{self.title}: the row has no {', '.join(self.key)} by which it could be found again")
        return key

    def holds_strings(self, name: str) -> bool:
        """Return whether a column is one of strings."""
        import sqlalchemy as sa

        kind = self.rows_of_table.c[name].type
        return isinstance(kind, sa.String) and not isinstance(kind, sa.Enum)

    def keeps_no_zone(self, name: str) -> bool:
        """Return whether a column is one of times without a zone."""
        import sqlalchemy as sa

        kind = self.rows_of_table.c[name].type
        return isinstance(kind, sa.DateTime) and not kind.timezone

    def _fit(self, name: str) -> Fit:
        if name in self.generated:
            raise RecordProblem(f'the column "{name}" of {self.title} is generated by the database, which takes no value for it')
        if name not in self._fits:
            self._fits[name] = fit_for(self.title, self.rows_of_table.c[name])
        return self._fits[name]


def rows_of(result: Any) -> list[dict[str, Any]]:
    """Return all rows of a result as plain dictionaries."""
    names = list(result.keys())
    return [dict(zip(names, row)) for row in result.fetchall()]


def columns_of_rows(result: Any) -> dict[str, Sequence[Any]]:
    """Return all rows of a result by column."""
    names, rows = list(result.keys()), result.fetchall()
    return dict(zip(names, zip(*rows) if rows else repeat(())))


def unpadded(rows: list[dict[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the same rows, in which values of these columns have lost the blanks at their ends."""
    for row in rows if columns else ():
        row.update({name: row[name].rstrip(" ") for name in columns if isinstance(row.get(name), str)})
    return rows


# ---------------------------------------------------------------------- where clauses


def _one_of(column: Column[Any], values: Sequence[Any]) -> Any:
    import sqlalchemy as sa

    given = [value for value in values if value is not None]
    clauses = [column.in_(given)] if given or None not in values else []
    return sa.or_(*clauses, *([column.is_(None)] if None in values else []))


def _means_the_same(column: Column[Any], value: Any) -> bool:
    """Return whether the database finds at least the rows with this value that Python would find."""
    import sqlalchemy as sa

    if value is None:
        return not isinstance(column.type, sa.JSON)
    if isinstance(value, bool):
        return isinstance(column.type, sa.Boolean)
    if isinstance(value, int):
        return isinstance(column.type, sa.Integer) and -(2**31) <= value < 2**31
    return isinstance(value, str) and type(column.type).__name__.lower() in ("text", "varchar", "string", "longtext")
