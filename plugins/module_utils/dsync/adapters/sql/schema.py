# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What a database reports of a table, for discovery: the types of its columns, its keys, and what its foreign keys refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.schema import FieldSchema, Schema
from .tables import Relation

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection

_TYPES = ("Boolean", "Integer", "Float", "Numeric", "DateTime", "Date", "Time", "Interval", "String", "Uuid")
"""Classes of SQLAlchemy, a class before those that it inherits from."""

_DECLARED = ("bool", "int", "float", "decimal", "datetime", "date", "time", "timedelta", "str", "str")


def table_names(connection: Connection, schema: str | None) -> tuple[str, ...]:
    """Return the names of the tables of a database, sorted."""
    import sqlalchemy as sa

    return tuple(sorted(sa.inspect(connection).get_table_names(schema)))


def schema_of(relation: Relation) -> Schema:
    """Return what is known of the columns of a table, view or query."""
    if relation.table is None:
        return Schema(dict.fromkeys(relation.columns, FieldSchema()))
    single = [one for one in relation.references if len(one.columns) == 1]
    references = {one.columns[0]: (_place(relation, one.schema, one.table), one.referred[0]) for one in single}
    fields = {column.name: _field(column, column.name in relation.generated) for column in relation.table.columns}
    return Schema(fields, relation.key, relation.uniques, references)


def _place(relation: Relation, schema: str | None, table: str) -> str:
    """Return how ``from`` names a table: with its schema where that is another one than that of the relation."""
    return table if schema in (None, relation.schema) else f"{schema}.{table}"


def _field(column: Column[Any], generated: bool) -> FieldSchema:
    import sqlalchemy as sa

    choices = tuple(column.type.enums) if isinstance(column.type, sa.Enum) else ()
    return FieldSchema(_type_of(column.type), bool(column.nullable), choices, generated)


def _type_of(kind: Any) -> str:
    """Return the declared type that the values of a column fit; empty where the values themselves show it better."""
    import sqlalchemy as sa

    return next((declared for name, declared in zip(_TYPES, _DECLARED) if isinstance(kind, getattr(sa, name))), "")
