# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables, views and queries of a database: what their columns are, and what these take."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.mapping import Record, Values, plain_value
from ...records.path import Path, write
from .collations import Key, loose_keys, lowered_key

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Inspector, Select, Table

_PLACE_KEYS = ("query",)
_JSON_CHECKS = (
    "SELECT check_clause FROM information_schema.check_constraints "
    "WHERE constraint_schema = COALESCE(:place, DATABASE()) AND table_name = :named"
)
_DEFERRABLE = (
    "SELECT constraint_name FROM information_schema.table_constraints "
    "WHERE table_schema = :place AND table_name = :named AND constraint_type = 'UNIQUE' AND is_deferrable = 'YES'"
)
_JSON_CHECK = re.compile(r"json_valid\(`?(.+?)`?\)", re.IGNORECASE)
"""The check by which MariaDB knows a column of JSON from one of text."""

Fit = Callable[[Any], Any]
"""Returns a value as the driver takes it for a column. Raises RecordProblem."""


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


@dataclass(frozen=True)
class Relation:
    """A table or view, or what a query gives.

    Attributes:
        title: what it is called in messages.
        columns: names of its columns.
        table: the table or view; None for a query.
        query: the query; None for a table.
        key: the columns that tell its rows apart and are never empty; empty where there are none.
        uniques: other columns that tell rows apart.
        loose: the unique keys in which the database takes several strings for the same.
        deferred: those of them of which a transaction may break the rule for a while.
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
    deferred: frozenset[tuple[str, ...]] = frozenset()
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

    def select(self, where: Mapping[Path, tuple[Any, ...]], columns: Collection[str]) -> Select[Any]:
        """Return the statement that reads the rows, ordered by their key.

        Args:
            where: as in a mapping; what surely means the same to the database is asked of it, the rest is ignored.
            columns: names of those to read; empty for all.
        """
        import sqlalchemy as sa

        statement = sa.select(*(column for column in self.rows_of_table.columns if not columns or column.name in columns))
        for path, values in where.items():
            if len(path) == 1 and all(_means_the_same(self.rows_of_table.c[path[0]], value) for value in values):
                statement = statement.where(_one_of(self.rows_of_table.c[path[0]], values))
        return statement.order_by(*(self.rows_of_table.c[name] for name in self.key))

    def row(self, values: Values, there: Callable[[str], Any] = lambda column: None) -> dict[str, Any]:
        """Return column → value for what is to be written. Raises RecordProblem.

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
        """Return the values of the key's columns. Raises RecordProblem where there is none."""
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
            self._fits[name] = _fit_for(self.title, self.rows_of_table.c[name])
        return self._fits[name]


def rows_of(result: Any) -> list[dict[str, Any]]:
    """Return all rows of a result as plain dictionaries."""
    names = list(result.keys())
    return [dict(zip(names, row)) for row in result]


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


# ---------------------------------------------------------------------- what columns take


def _fit_for(title: str, column: Column[Any]) -> Fit:
    """Return what makes values fit a column."""
    import sqlalchemy as sa
    from sqlalchemy.dialects.mysql import SET

    kind = column.type
    if isinstance(kind, sa.JSON):
        return plain_value
    if isinstance(kind, (sa.ARRAY, SET)):
        return lambda value: value
    loose, rounding = isinstance(kind, _loose_type()), bool(column.info.get(_ROUNDING))
    number, text, zoneless = (
        isinstance(kind, sa.Integer) and not loose,
        isinstance(kind, sa.String) and not isinstance(kind, sa.Enum),
        isinstance(kind, sa.DateTime) and not kind.timezone,
    )

    def fit(value: Any) -> Any:
        if text and value.__class__ in (list, dict):
            return json.dumps(plain_value(value), ensure_ascii=False)
        if value.__class__ in (list, dict):
            what = "list" if isinstance(value, list) else "dictionary"
            raise RecordProblem(f'the column "{column.name}" of {title} cannot hold a {what}; map a text, with "expr" and "write"')
        if number and isinstance(value, str):
            return _whole(title, column.name, value)
        if rounding and isinstance(value, Decimal) and not _is_kept(value):
            raise RecordProblem(
                f'the column "{column.name}" of {title} keeps 15 digits, and the value has more; make it a column of text'
            )
        if (loose or text) and isinstance(value, (datetime, date, time, timedelta, Decimal)):
            return value.isoformat(" ") if isinstance(value, datetime) else plain_value(value)
        if text and value.__class__ in (int, float):
            return str(value)
        if zoneless and isinstance(value, datetime) and value.tzinfo is not None:
            raise RecordProblem(
                f'the column "{column.name}" of {title} keeps no time zone, and the value has one; declare its timezone'
            )
        return value

    return fit


def _whole(title: str, name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise RecordProblem(f'the column "{name}" of {title} holds whole numbers, and the value is another text') from None


_ROUNDING = "dsync rounding"
"""Key in the notes on a column whose numbers SQLite keeps as floats."""


def _is_kept(value: Decimal) -> bool:
    """Return whether SQLite keeps all digits of a number."""
    return not value.is_finite() or Decimal(repr(float(value))) == value or (value == int(value) and abs(value) < 2**63)


def _loose_type() -> type[Any]:
    from sqlalchemy.types import NullType

    return NullType


# ---------------------------------------------------------------------- finding out what is there


def relation_at(connection: Connection, declared: Declared, default: str, schema: str | None) -> Relation:
    """Return what stands behind ``from``, the columns of a query not included.

    Args:
        connection: of which it is asked.
        declared: a table's name, with its schema or not, or ``{query: …}``; None for the default.
        default: the table's name if nothing was declared.
        schema: where tables are whose schema is not named; None for where the database looks by itself.

    Raises:
        DefinitionError: there is no such thing.
    """
    if isinstance(declared.value, Mapping):
        return Relation(f"the query of {default}", (), query=_query(declared))
    import sqlalchemy as sa

    inspector = sa.inspect(connection)
    whole = default if declared.value is None else declared.text()
    named = whole if inspector.has_table(whole, schema=schema) else whole.rpartition(".")[2]
    place = schema if named == whole else whole.rpartition(".")[0]
    if not inspector.has_table(named, schema=place):
        _unknown(inspector, declared, named, place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # of types that it does not know; their values come as text
        return _reflected(inspector, connection, whole, named, place)


def _query(declared: Declared) -> str:
    query = dict(declared.mapping(_PLACE_KEYS)).get("query")
    if query is None:
        declared.wrong('this should be the name of a table or view, or {query: "SELECT …"}.')
    text = query.text().strip().rstrip(";")
    plain = re.sub(r"/\*.*?\*/|--[^\n]*", " ", text, flags=re.DOTALL).split(None, 1)
    if not plain or plain[0].rstrip("(").upper() not in ("SELECT", "WITH", ""):
        query.wrong("a query only reads, so it begins with SELECT or WITH.")
    return text


def _unknown(inspector: Inspector, declared: Declared, named: str, place: str | None) -> None:
    if place is not None and place not in inspector.get_schema_names():
        declared.wrong(f'there is no schema "{place}" in the database{known(place, inspector.get_schema_names())}.')
    names = [*inspector.get_table_names(place), *inspector.get_view_names(place)]
    where = "database" if place is None else f'schema "{place}"'
    declared.wrong(f'there is no table or view "{named}" in the {where}{known(named, names)}.')


def _reflected(inspector: Inspector, connection: Connection, title: str, name: str, schema: str | None) -> Relation:
    import sqlalchemy as sa

    adjusting = [("column_reflect", lambda _inspector, _table, column: _adjust(connection.dialect.name, column))]
    table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False, listeners=adjusting)
    if getattr(connection.dialect, "is_mariadb", False):
        _mark_json(connection, table)
    uniques = list(_uniques(inspector, table))
    primary = tuple(column.name for column in table.primary_key.columns)
    whole = [names for names in uniques if not any(table.c[column].nullable for column in names)]
    return Relation(
        title,
        tuple(column.name for column in table.columns),
        table=table,
        key=primary or (whole[0] if whole else ()),
        uniques=tuple(uniques),
        loose=(*loose_keys(connection, table, [primary, *uniques]), *_lowered(inspector, table)),
        deferred=_deferred(inspector, connection, table),
        references=tuple(_references(inspector, table)),
        schema=schema or inspector.default_schema_name,
        padded=padded_columns(connection.dialect.name, table),
        generated=tuple(column.name for column in table.columns if _is_generated(column)),
        counted=connection.dialect.name != "sqlite" or name not in inspector.get_view_names(schema),
    )


def padded_columns(dialect: str, table: Table) -> tuple[str, ...]:
    """Return the columns whose values a database returns with blanks at their ends; MariaDB takes them off, SQLite adds none."""
    import sqlalchemy as sa

    return tuple(column.name for column in table.columns if dialect == "postgresql" and isinstance(column.type, sa.CHAR))


def _is_generated(column: Column[Any]) -> bool:
    return column.computed is not None or (column.identity is not None and bool(column.identity.always))


def _adjust(dialect: str, column: Any) -> None:
    """Let the values of a column be of types that records hold, and as exact as the database has them."""
    import sqlalchemy as sa

    kind = column["type"]
    if isinstance(kind, sa.JSON):
        kind.none_as_null = True
    elif isinstance(kind, sa.Uuid):
        column["type"] = sa.Uuid(as_uuid=False)
    elif isinstance(kind, sa.Float):
        kind.asdecimal = False
    if dialect == "sqlite" and not isinstance(kind, (sa.JSON, sa.String, sa.Integer, sa.LargeBinary)):
        column["info"] = {_ROUNDING: isinstance(kind, sa.Numeric)}
        column["type"] = sa.types.NullType()  # SQLite keeps whatever value it is given in such a column


def _mark_json(connection: Connection, table: Table) -> None:
    """Let the columns be of JSON that MariaDB keeps as texts with a check."""
    import sqlalchemy as sa

    for clause in connection.execute(sa.text(_JSON_CHECKS), {"place": table.schema, "named": table.name}).scalars():
        matched = _JSON_CHECK.fullmatch(str(clause))
        if matched and matched.group(1) in table.c:
            table.c[matched.group(1)].type = sa.JSON(none_as_null=True)


def _uniques(inspector: Inspector, table: Table) -> Iterator[tuple[str, ...]]:
    """Yield the columns of which no two rows have the same values."""
    found = [constraint["column_names"] for constraint in inspector.get_unique_constraints(table.name, table.schema)]
    for index in inspector.get_indexes(table.name, table.schema):
        if index["unique"] and not _is_partial(index) and None not in index["column_names"]:
            found.append([str(name) for name in index["column_names"]])
    yield from dict.fromkeys(tuple(names) for names in found if all(name in table.c for name in names))


def _lowered(inspector: Inspector, table: Table) -> Iterator[Key]:
    """Yield the unique indexes over columns in lower or upper case."""
    for index in inspector.get_indexes(table.name, table.schema):
        key = lowered_key(map(str, index.get("expressions", ()))) if index["unique"] and not _is_partial(index) else None
        if key:
            yield key


def _is_partial(index: Any) -> bool:
    return any(key.endswith("_where") for key in index.get("dialect_options", {}))


def _deferred(inspector: Inspector, connection: Connection, table: Table) -> frozenset[tuple[str, ...]]:
    """Return the columns of unique constraints that PostgreSQL can check at the end of a transaction."""
    import sqlalchemy as sa

    if connection.dialect.name != "postgresql":
        return frozenset()
    place = table.schema or inspector.default_schema_name
    names = set(connection.execute(sa.text(_DEFERRABLE), {"place": place, "named": table.name}).scalars())
    constraints = inspector.get_unique_constraints(table.name, table.schema)
    return frozenset(tuple(one["column_names"]) for one in constraints if one["name"] in names)


def _references(inspector: Inspector, table: Table) -> Iterator[Reference]:
    for key in inspector.get_foreign_keys(table.name, table.schema):
        yield Reference(
            tuple(key["constrained_columns"]),
            key["referred_schema"] or table.schema or inspector.default_schema_name,
            key["referred_table"],
            tuple(key["referred_columns"]),
        )
