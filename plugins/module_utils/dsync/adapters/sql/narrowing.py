# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Has databases find the rows of a model that differ: one database in its own tables, two servers by checksums."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ...exceptions import DSyncException
from .checksums import DIALECTS, Side, different_groups, kind_of
from .database import Database
from .push_down import Place, different_rows, kind_in_one_database, obstacle
from .tables import Relation

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .checksums import Groups
    from .push_down import Rows

Found: TypeAlias = "tuple[Rows, Rows] | tuple[Groups, Groups] | None"
"""What the source and the target have to read of a model; None for everything."""


class Tables(NamedTuple):
    """The tables that an adapter reads.

    Attributes:
        database: they are in.
        reading: returns a context with a connection to read with.
        place_of: returns where the rows of a model are; raises RecordProblem.
    """

    database: Database
    reading: Callable[[], AbstractContextManager[Connection]]
    place_of: Callable[[str], Place]


def different(model: str, source: Tables, target: Tables) -> tuple[Found, str]:
    """Return what source and target have to read of a model, and why it is everything; an empty string if most rows differ."""
    compared = _compared_here if target.database.is_same(source.database) else _compared_by_checksums
    try:
        with target.reading() as connection, target.database.wrap_errors(model):
            return compared(model, source, target, connection)
    except DSyncException as error:
        return None, str(error)


def _compared_here(model: str, source: Tables, target: Tables, connection: Connection) -> tuple[Found, str]:
    """Compare two tables of one database; otherwise as :func:`different`."""
    one, other = source.place_of(model), target.place_of(model)
    if not target.database.is_same_user(source.database) and not (_has_schema(one.relation) and _has_schema(other.relation)):
        return None, "source and target are read as different users; write the tables with their schema in from"
    dialect = connection.dialect.name
    reason = obstacle(kind_in_one_database, (dialect, one), (dialect, other))
    return (None if reason else different_rows(connection, one, other)), reason


def _compared_by_checksums(model: str, source: Tables, target: Tables, connection: Connection) -> tuple[Found, str]:
    """Compare tables of two databases; otherwise as :func:`different`."""
    with source.reading() as there, source.database.wrap_errors(model):
        one, other = Side(there, source.place_of(model)), Side(connection, target.place_of(model))
        dialects = [side.connection.dialect.name for side in (one, other)]
        if not DIALECTS.issuperset(dialects):
            return None, "SQLite has no checksums"
        reason = obstacle(kind_of, (dialects[0], one.place), (dialects[1], other.place))
        return (None if reason else different_groups(one, other)), reason


def _has_schema(relation: Relation) -> bool:
    return relation.table is not None and relation.table.schema is not None
