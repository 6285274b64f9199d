# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reflection: the columns, keys and constraints that a database reports of its tables and views."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..._util.suggestions import known
from ...records.declaration_reader import Declared
from .collations import Key, loose_keys, lowered_key
from .fits import ROUNDING
from .tables import Reference, Relation, Rule

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Inspector, Table

_PLACE_KEYS = ("query",)
_JSON_CHECKS = (
    "SELECT check_clause FROM information_schema.check_constraints "
    "WHERE constraint_schema = COALESCE(:place, DATABASE()) AND table_name = :named"
)
_RULES = (
    "SELECT (SELECT array_agg(CAST(a.attname AS text) ORDER BY k.place) "
    "FROM unnest(CAST(i.indkey AS int2[])) WITH ORDINALITY AS k (number, place) "
    "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts), "
    "COALESCE(to_jsonb(i) ->> 'indnullsnotdistinct' = 'true', false), "
    "COALESCE(c.condeferrable, false), COALESCE(c.condeferred, false) "
    "FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('u', 'p') "
    "WHERE i.indrelid = CAST(:named AS regclass) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL"
)
_JSON_CHECK = re.compile(r"json_valid\(`?(.+?)`?\)", re.IGNORECASE)
"""The check by which MariaDB distinguishes a JSON column from a text column."""


def relation_at(connection: Connection, declared: Declared, default: str, schema: str | None) -> Relation:
    """Return what follows ``from``, the columns of a query not included.

    Args:
        connection: where it is queried.
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
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # of types that it does not know; their values are returned as strings
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
        rules=_rules(connection, table),
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
    elif dialect == "postgresql" and type(kind).__name__ == "MONEY":
        column["type"] = _money(kind)
    if dialect == "sqlite" and not isinstance(kind, (sa.JSON, sa.String, sa.Integer, sa.LargeBinary)):
        column["info"] = {ROUNDING: isinstance(kind, sa.Numeric)}
        column["type"] = sa.types.NullType()  # SQLite keeps whatever value it is given in such a column


def _money(kind: Any) -> Any:
    """Return the type of sums of money as decimals; PostgreSQL returns them as a string in the format of the server's locale."""
    import sqlalchemy as sa

    class Money(sa.types.TypeDecorator[Any]):
        impl = sa.Numeric
        cache_ok = True

        def column_expression(self, column: Any) -> Any:
            return sa.cast(column, sa.Numeric)

        def bind_expression(self, bindparam: Any) -> Any:
            return sa.cast(sa.cast(sa.type_coerce(bindparam, sa.Numeric), sa.Numeric), kind)

    return Money()


def _mark_json(connection: Connection, table: Table) -> None:
    """Set the type JSON for columns that MariaDB stores as text with a check."""
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


def _rules(connection: Connection, table: Table) -> dict[tuple[str, ...], Rule]:
    """Return columns → the rules of a unique constraint of PostgreSQL, if not those that all databases have."""
    import sqlalchemy as sa

    if connection.dialect.name != "postgresql":
        return {}
    found: dict[tuple[str, ...], Rule] = {}
    quoted = connection.dialect.identifier_preparer.format_table(table)
    for columns, nulls, deferrable, deferred in connection.execute(sa.text(_RULES), {"named": quoted}):
        other = found.get(tuple(columns), Rule(deferred=True))
        found[tuple(columns)] = Rule(nulls or other.null_counts, deferrable or other.deferrable, deferred and other.deferred)
    return {columns: rule for columns, rule in found.items() if any(rule)}


def _references(inspector: Inspector, table: Table) -> Iterator[Reference]:
    for key in inspector.get_foreign_keys(table.name, table.schema):
        yield Reference(
            tuple(key["constrained_columns"]),
            key["referred_schema"] or table.schema or inspector.default_schema_name,
            key["referred_table"],
            tuple(key["referred_columns"]),
        )
