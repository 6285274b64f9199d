# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``sql``: rows of a database's tables, views and queries, read and written through SQLAlchemy.

What a mapping calls a field is a column. A place is the name of a table or view, ``devices`` or ``inventory.devices``, the model's
own name if there is none, or ``{query: "SELECT …"}``, which is only read. A child finds its parent by the foreign key of its table.
A path such as ``data.color`` leads into a column of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..._util.redaction import secret_strings
from ...adapter import DSync
from ...exceptions import RecordProblem
from ...flags import DSyncAction, DSyncFlags
from ...records.mapping import ModelMap, Record, Values
from ...records.path import Path
from ...records.written import WrittenFloat
from ..core.base import ChangedRecord, MovedRecord, NewRecord
from ..core.cells import Words, words_in
from .mapping import equal_row, zones_of
from .marks import check_values, deletion, restoration
from .reading import SqlReader
from .tables import Relation
from .writing import Change, NotAllThere, Row, delete, filled, held, insert, prepared, read_back, update, written_columns

if TYPE_CHECKING:
    import logging

    from sqlalchemy import Connection

    from ...diff.diff import Diff

_T = TypeVar("_T")


class SqlAdapter(SqlReader):
    """Rows of a database: SQLite, PostgreSQL, MariaDB or MySQL.

    Args:
        options: those of :class:`.options.SqlOptions`.

    Raises:
        DefinitionError: an option is wrong.
        LibraryMissing: SQLAlchemy or the database's driver is not installed.
    """

    type = "sql"
    marks_deleted = True
    kept_types = (datetime, date, time, timedelta, Decimal, bytes, WrittenFloat)

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        """Insert rows."""

        def make(relation: Relation, connection: Connection, todo: Sequence[NewRecord], singly: bool) -> Sequence[Any]:
            new = {} if mapped.deleted is None else restoration(mapped.deleted, relation)
            rows, results = prepared(todo, lambda one: relation.row(self._checked(mapped, relation, {**new, **one.values})))
            made = self._made(mapped, relation, connection, rows, singly)
            return filled(results, read_back(connection, relation, made, written_columns(rows)))

        try:
            return self._write(mapped, records, lambda record: record.values, make)
        except RecordProblem as problem:
            there = self._records[mapped.name].values()
            equal = next(filter(None, (equal_row(mapped, new.values, there) for new in records)), "")
            if problem.maybe or not equal:
                raise
            raise RecordProblem(f"{problem}; {equal}") from None

    def _made(
        self, mapped: ModelMap, relation: Relation, connection: Connection, rows: Sequence[Row], singly: bool
    ) -> Sequence[Row]:
        """Insert rows, and restore those that are in the table and hidden; return them all."""
        there = self._hidden.same(connection, mapped, relation, rows, self._parent_columns(mapped))
        restored = [Change(relation.key_of(old), rows[place], {}) for place, old in there.items()]
        if any(update(connection, relation, restored, singly)):
            raise RecordProblem(f"{relation.title}: a deleted row was removed while it was being restored; run this again")
        rest = [row for place, row in enumerate(rows) if place not in there]
        inserted = iter(insert(connection, relation, rest, self._upsert, singly) if rest else ())
        return [{**there[place], **row} if place in there else next(inserted) for place, row in enumerate(rows)]

    def _parent_columns(self, mapped: ModelMap) -> Iterable[Path]:
        """Return the columns by which an object finds its parent."""
        if mapped.name not in self.data_model.parents:
            return ()
        if mapped.parent is None:
            return self.match_of(mapped, self._parent_map(mapped))
        return [*mapped.parent.match, *(one.source for one in mapped.parent.fields if one.source is not None)]

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        """Change rows, found by their key; a row that is no longer there fails by itself."""

        def make(relation: Relation, connection: Connection, todo: Sequence[ChangedRecord], singly: bool) -> Sequence[Any]:
            def change(changed: ChangedRecord) -> Change:
                key = relation.key_of(changed.record)
                there = partial(held, connection, relation, key)
                row = relation.row(self._checked(mapped, relation, changed.values), there)
                return Change(key, row, changed.record, mark)

            mark = (mapped.deleted.field[0],) if mapped.deleted is not None else ()
            changes, results = prepared(todo, change)
            gone = update(connection, relation, changes, singly)
            written = [{**one.record, **one.row} for one in changes]
            there = read_back(connection, relation, written, written_columns(one.row for one in changes))
            return filled(results, [problem or row for problem, row in zip(gone, there)])

        return self._write(mapped, records, lambda changed: changed.values, make, self._keyless(mapped))

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        """Change rows, including the columns that hold their parents and identifiers."""
        try:
            return super().move_records(mapped, records)
        except RecordProblem as problem:
            equal = next(filter(None, (equal_row(mapped, one.values, [one.record]) for one in records)), "")
            if problem.maybe or not equal:
                raise
            raise RecordProblem(f"{problem}; {equal}") from None

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        """Delete rows, found by their key, or mark them as deleted; a row that is no longer there fails by itself."""

        deleted = mapped.deleted

        def make(relation: Relation, connection: Connection, todo: Sequence[Record], singly: bool) -> Sequence[Exception | None]:
            if deleted is not None:
                row = relation.row(self._worded(mapped, relation, deletion(deleted, relation)))
                changes, results = prepared(todo, lambda record: Change(relation.key_of(record), row, record))
                return filled(results, update(connection, relation, changes, singly))
            keys, results = prepared(todo, relation.key_of)
            return filled(results, delete(connection, relation, keys, singly) if keys else ())

        return self._write(mapped, records, lambda record: {}, make, self._keyless(mapped))

    def _checked(self, mapped: ModelMap, relation: Relation, values: Values) -> Values:
        """Return values as columns keep them. Raises RecordProblem where they would mark the row as deleted."""
        check_values(mapped, values)
        return self._worded(mapped, relation, values)

    def _worded(self, mapped: ModelMap, relation: Relation, values: Values) -> Values:
        """Return values as columns keep them: a boolean as the word of a column of strings, a time without the zone."""
        booleans = [path for path, value in values.items() if value.__class__ is bool and relation.holds_strings(path[0])]
        words: Values = {path: self._words(mapped, path[0])[values[path]] for path in booleans if len(path) == 1}
        if mapped.name not in self._zones_of:
            self._zones_of[mapped.name] = zones_of(mapped)
        zones = self._zones_of[mapped.name]
        times = {
            path: zones[path].local(value) for path, value in values.items() if path in zones and relation.keeps_no_zone(path[0])
        }
        return {**values, **words, **times}

    def _words(self, mapped: ModelMap, column: str) -> Words:
        if (mapped.name, column) not in self._words_of:
            cells = (record.get(column) for record in self._records[mapped.name].values())
            self._words_of[mapped.name, column] = words_in(cell for cell in cells if isinstance(cell, str))
        return self._words_of[mapped.name, column]

    def _keyless(self, mapped: ModelMap) -> str:
        relation = self._relation(mapped)
        if relation.key or relation.table is None:
            return ""
        return (
            f"{relation.title} has neither a primary key nor a unique constraint over columns that are never empty, "
            "so its rows can be read and added, and not be changed or deleted; give it one, or name a column that identifies "
            f'its rows with "key" in the mapping of {mapped.name}'
        )

    def _write(
        self,
        mapped: ModelMap,
        records: Sequence[_T],
        values_of: Callable[[_T], Values],
        make: Callable[[Relation, Connection, Sequence[_T], bool], Sequence[Any]],
        unwritable: str = "",
    ) -> Sequence[Any]:
        """Write records in one batch, and again one by one where some of them are no longer there."""
        relation = self._relation(mapped)
        if reason := self._only_read(mapped) or unwritable:
            return [RecordProblem(reason)] * len(records)
        hidden = self._hidden_columns(mapped)
        values = (values_of(one).items() for one in records if hidden)
        secrets = secret_strings(value for pairs in values for path, value in pairs if path[0] in hidden)
        try:
            return self._transaction.run(lambda connection: make(relation, connection, records, False), relation.title, secrets)
        except NotAllThere:
            return self._transaction.run(lambda connection: make(relation, connection, records, True), relation.title, secrets)

    def _only_read(self, mapped: ModelMap) -> str:
        if self._relation(mapped).table is not None:
            return ""
        return f"a {mapped.name} is read from a query, which cannot be written; name a table or view as its from"

    def refuses(self, model: str, action: DSyncAction) -> str:
        mapped = self._maps[model]
        keyless = "" if action == DSyncAction.CREATE else self._keyless(mapped)
        return super().refuses(model, action) or self._only_read(mapped) or keyless

    def _check_writable(self) -> None:
        super()._check_writable()
        if self._read_only:
            raise RecordProblem(f"{self._database.shown} is not to be written: the option read_only is set")

    def sync_complete(
        self, source: DSync, diff: Diff, flags: DSyncFlags = DSyncFlags.NONE, logger: logging.Logger | None = None
    ) -> None:
        """Keep all changes for good.

        Raises:
            NothingKept: none of them was kept.
            RecordProblem: they may have been kept.
        """
        self._transaction.commit()

    def roll_back(self) -> None:
        """Roll back all changes that are not kept for good."""
        self._transaction.roll_back()
