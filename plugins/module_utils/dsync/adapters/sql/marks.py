# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Soft deletes: rows that stay in their table when their objects are deleted, and are marked by the value of a column."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ...exceptions import RecordProblem
from ...records.mapping import NOW, Deleted, ModelMap, Record, Values
from ...records.path import MISSING, Path, read
from .tables import Relation, rows_of, unpadded
from .writing import Row, one_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


def unmarked(deleted: Deleted, relation: Relation) -> ColumnElement[bool] | None:
    """Return the clause for rows that are not deleted; None if only their values, once read, show it."""
    import sqlalchemy as sa

    column = relation.rows_of_table.c[deleted.field[0]]
    value = _fitted(deleted.restored if deleted.value == NOW else deleted.value, relation, column.name)
    exact = (
        (value is None and not isinstance(column.type, sa.JSON))
        or (value.__class__ is bool and isinstance(column.type, sa.Boolean))
        or (value.__class__ is int and isinstance(column.type, sa.Integer))
    )
    if not exact:
        return None
    return column.is_not_distinct_from(value) if deleted.value == NOW else column.is_distinct_from(value)


def deletion(deleted: Deleted, relation: Relation) -> Values:
    """Return what marks a row as deleted."""
    return {deleted.field: _fitted(deleted.value, relation, deleted.field[0])}


def restoration(deleted: Deleted, relation: Relation) -> Values:
    """Return what makes a row one that is not deleted; nothing where an attribute does."""
    return {} if deleted.restored is MISSING else {deleted.field: _fitted(deleted.restored, relation, deleted.field[0])}


def check_values(mapped: ModelMap, values: Values) -> None:
    """Raise RecordProblem where the values of an object would mark its row as deleted."""
    deleted = mapped.deleted
    if deleted is not None and deleted.field in values and deleted.marks(values[deleted.field]):
        raise RecordProblem(f'its "{deleted.field[0]}" would mark the row as deleted; correct it, or delete the object')


def _fitted(value: Any, relation: Relation, name: str) -> Any:
    """Return a mark as its column has it: the moment as a time, a boolean as a number, or the reverse."""
    import sqlalchemy as sa

    kind = relation.rows_of_table.c[name].type
    if value == NOW:
        now = datetime.now(timezone.utc)
        if isinstance(kind, sa.Integer):
            return int(time.time())
        if isinstance(kind, sa.Date):
            return now.date()
        return now if isinstance(kind, sa.DateTime) and kind.timezone else now.replace(tzinfo=None)
    if isinstance(kind, sa.Boolean) and value in (0, 1):
        return bool(value)
    return int(value) if isinstance(kind, sa.Integer) and isinstance(value, bool) else value


class HiddenRows:
    """The rows of deleted objects, and those that belong to them, as they were read."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Record]] = {}

    def clear(self) -> None:
        """Forget all rows."""
        self._rows.clear()

    def shown(
        self, mapped: ModelMap, rows: list[dict[str, Any]], belongings: Iterable[tuple[Mapping[Path, Path], str]]
    ) -> list[dict[str, Any]]:
        """Return the rows of a model that are not hidden, and remember the others.

        Args:
            mapped: the model.
            rows: its rows.
            belongings: column → column of another model, to whose rows they belong, and the name of that model.
        """
        deleted = mapped.deleted
        gone = [
            ([path[0] for path in match], {tuple(read(row, path) for path in match.values()) for row in self._rows[model]})
            for match, model in belongings
            if self._rows.get(model)
        ]
        if deleted is None and not gone:
            return rows
        shown: list[dict[str, Any]] = []
        hidden = self._rows.setdefault(mapped.name, [])
        for row in rows:
            marked = deleted is not None and deleted.marks(row.get(deleted.field[0]))
            below = any(tuple(row.get(name) for name in names) in values for names, values in gone)
            (hidden if marked or below else shown).append(row)
        return shown

    def same(
        self, connection: Connection, mapped: ModelMap, relation: Relation, rows: Sequence[Row], parent: Iterable[Path]
    ) -> dict[int, Record]:
        """Return place of a new row → the row of the same identity that is in the table and hidden, if there is exactly one.

        Args:
            connection: that the rows are written with.
            mapped: the model.
            relation: where they are.
            rows: the new rows.
            parent: the columns by which they find their parents.
        """
        deleted = mapped.deleted
        if not relation.key or (deleted is None and not self._rows.get(mapped.name)):
            return {}
        keys = {relation.key_of(row) for row in self._rows.get(mapped.name, ())}

        def is_hidden(row: Record) -> bool:
            marked = deleted is not None and deleted.marks(row.get(deleted.field[0]))
            return marked or relation.key_of(row) in keys

        columns = _identifying(mapped, parent)
        names = [name for name in relation.columns if name in columns]
        asked = [place for place, row in enumerate(rows) if names and all(row.get(name) is not None for name in names)]
        if not any(_found(connection, relation, names, [rows[place] for place in asked], is_hidden)):
            return {}
        found = {place: _found(connection, relation, names, [rows[place]], is_hidden) for place in asked}
        return {place: same[0] for place, same in found.items() if len(same) == 1}


def _identifying(mapped: ModelMap, parent: Iterable[Path]) -> set[str]:
    """Return the columns that hold the identifiers of a model's objects, those of the parent included if they are."""
    fields = [mapped.fields[name] for name in mapped.model._identifiers]
    paths = [path for one in fields for path in ([one.source] if one.source is not None and one.write is None else one.write or ())]
    if any(one.parent is not None or not one.written for one in fields):
        paths += parent
    return {path[0] for path in paths}


def _found(
    connection: Connection, relation: Relation, names: Sequence[str], rows: Sequence[Row], is_hidden: Callable[[Record], bool]
) -> list[Record]:
    """Return the hidden rows that have the same values in some columns as one of these rows."""
    import sqlalchemy as sa

    if not rows:
        return []
    table = relation.rows_of_table
    clause = one_of([table.c[name] for name in names], [tuple(row[name] for name in names) for row in rows])
    there = unpadded(rows_of(connection.execute(sa.select(table).where(clause))), relation.padded)
    return [row for row in there if is_hidden(row)]
