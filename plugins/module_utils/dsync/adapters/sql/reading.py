# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading a database: the tables behind a mapping, their rows as of one moment, and what keys and constraints say of them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ...adapter import DSync
from ...model.references import References
from ...records.declaration_reader import Declared
from ...records.mapping import ModelMap, Record
from ...records.path import Path
from ...records.record_table import RecordTable
from ...records.types import Zone
from ..core.base import RecordAdapter
from ..core.cells import Words
from ..core.fields import Fields
from ..core.lookups import BoundLookup, bound_tables
from ..core.schema import Schema
from .collations import Spelling
from .database import Database
from .mapping import (
    check_key,
    check_match,
    check_parts,
    columns_in,
    columns_of,
    described,
    matching,
    may_be_null,
    spellings_of,
    unique_of,
    with_key,
)
from .marks import HiddenRows, unmarked
from .options import SqlOptions
from .reflection import relation_at
from .schema import schema_of, table_names
from .sharding import identifying_column, is_divisible, rows_of_shard
from .tables import Relation, columns_of_rows, rows_of, unpadded
from .writing import Alone, Together

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from ...model.declaration import Unique
    from .checksums import Groups
    from .narrowing import Tables
    from .push_down import Rows

_TRANSACTIONS: dict[str, type[Together] | type[Alone]] = {"all": Together, "batch": Alone}


class SqlReader(RecordAdapter):
    """The part of :class:`.adapter.SqlAdapter` that reads.

    Args:
        options: those of :class:`.options.SqlOptions`.

    Raises:
        DefinitionError: an option is wrong.
        LibraryMissing: SQLAlchemy or the database's driver is not installed.
    """

    loads_parts = True

    Options = SqlOptions

    def __init__(self, **options: Any) -> None:
        super().__init__()
        given = self.Options.read(options, self.type)
        self.batch_size = given.batch_size
        self._schema, self._upsert, self._read_only = given.schema_, given.upsert, given.read_only
        self._database = Database(given)
        self.name = self._database.shown
        self._transaction: Together | Alone = _TRANSACTIONS[given.transaction](self._database)
        self.transactional = given.transaction == "all"
        self._session: Connection | None = None
        self._relations: dict[str, Relation] = {}
        self._fetched: dict[str, list[dict[str, Any]]] = {}
        self._words_of: dict[tuple[str, str], Words] = {}
        self._zones_of: dict[str, dict[Path, Zone]] = {}
        self._hidden = HiddenRows()
        self._to_read: dict[str, Rows | Groups] = {}

    def load(self) -> None:
        """Read all records, all as of one moment, and add an object for each; otherwise as the base class."""
        self._relations.clear()
        self._words_of.clear()
        self._hidden.clear()
        self.unread = {model: rows.equal for model, rows in self._to_read.items()}
        try:
            with self._reading():
                super().load()
        finally:
            self._to_read = {}

    def narrow(self, source: DSync) -> list[str]:
        """Have the database compare its own tables, or two servers add up checksums; otherwise as the base class."""
        if not isinstance(source, SqlReader) or source.data_model is not self.data_model:
            return [f"{self.name} is loaded completely: the source is not read by the same adapter with the same models"]
        if len(self) or len(source):
            return ["all objects are loaded: one of the datasets has objects already"]
        self._to_read, source._to_read = {}, {}
        reasons = {name: self._narrow(name, source) for name in self._maps}
        return [f"{self.name}: {name} objects are loaded completely: {reason}" for name, reason in reasons.items() if reason]

    def _narrow(self, model: str, source: SqlReader) -> str:
        """Let only those rows of a model be read that differ from the source's, and return why not; empty if so."""
        if self._dependants(self._maps[model]) or model in self.data_model.parents:
            return "they have parents or children, or are looked up by others"
        references = References.of(self.models())
        if references is not None and model in {*references.models, *references.referred}:
            return "they refer to other objects, or others refer to them"
        from .narrowing import different  # only here, since few tasks ask for it

        found, reason = different(model, source._sql_tables(), self._sql_tables())
        if found is not None:
            source._to_read[model], self._to_read[model] = found
        return reason

    def _sql_tables(self) -> Tables:
        from .narrowing import Tables  # only here, since few tasks ask for it
        from .push_down import Place

        return Tables(self._database, self._reading, lambda model: Place(self._maps[model], self._relation(self._maps[model])))

    def probe(self) -> bool:
        with self._reading():
            self.check_fields()
        return True

    def check_fields(self) -> None:
        super().check_fields()
        for mapped in self._maps.values():
            check_parts(mapped, self._relation(mapped))

    def fields_of(self, mapped: ModelMap) -> Fields:
        """Return the columns of a table, view or query."""
        return columns_in(self._relation(mapped))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Have a connection to read with, the same one for all that is read meanwhile; what is written already is there to it."""
        there = self._transaction.connection if self._session is None else self._session
        if there is not None:
            yield there
            return
        with contextlib.closing(self._database.connect(writing=False)) as connection:
            self._session = connection
            try:
                yield connection
            finally:
                self._session = None
                self._fetched.clear()

    def _relation(self, mapped: ModelMap) -> Relation:
        """Return what is at the place of a model. Raises DefinitionError, RecordProblem."""
        if mapped.name not in self._relations:
            self._relations[mapped.name] = with_key(mapped, self._relation_at(mapped.place, mapped.name))
        return self._relations[mapped.name]

    def _relation_at(self, place: Declared, default: str) -> Relation:
        with self._reading() as connection, self._database.wrap_errors(self._database.shown):
            relation = relation_at(connection, place, default, self._schema)
        if relation.query is None:
            return relation
        columns, self._fetched[relation.query] = self._queried(relation)
        for column in columns:
            if columns.count(column) > 1:
                place.at("query").wrong(f'it gives two columns called "{column}"; give one of them another name, with AS.')
        return replace(relation, columns=columns)

    def _queried(self, relation: Relation) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
        """Return the columns and rows of a query, which is handed to the database as it was written."""
        with self._reading() as connection, self._database.wrap_errors(relation.title):
            result = connection.exec_driver_sql(relation.query or "", execution_options={"no_parameters": True})
            return tuple(result.keys()), rows_of(result)

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        """Return the rows at the place of a model; where its ``where`` finds none, one of the others, so that this is noticed."""
        relation = self._relation(mapped)
        columns = self._columns(mapped, relation)
        deleted = mapped.deleted
        if mapped.name in self._to_read:
            clauses = self._to_read[mapped.name].clauses(relation)
            return [row for one in clauses for row in self._rows(relation, mapped.where, columns, one)]
        clause = None if deleted is None or relation.table is None or self._dependants(mapped) else unmarked(deleted, relation)
        found = self._shard_rows(mapped, relation, columns)
        if found is None:
            found = self._rows(relation, mapped.where, columns, clause)
        if not found and mapped.where:
            return self._rows(relation, {}, columns, clause, most=1)
        shown = self._hidden.shown(mapped, found, self._belongings(mapped))
        if mapped.key is not None:
            check_key(mapped, relation, shown)
        return shown

    def read_columns(self, mapped: ModelMap) -> RecordTable | None:
        relation = self._relation(mapped)
        selective = self._division is not None or mapped.name in self._to_read or mapped.deleted is not None
        if selective or mapped.key is not None or relation.query is not None or relation.padded:
            return None
        with self._reading() as connection, self._database.wrap_errors(relation.title):
            return RecordTable(columns_of_rows(connection.execute(relation.select({}, self._columns(mapped, relation)))))

    def is_divided(self, mapped: ModelMap) -> bool:
        return is_divisible(mapped, self._relation(mapped))

    def _shard_rows(self, mapped: ModelMap, relation: Relation, columns: Collection[str]) -> list[dict[str, Any]] | None:
        """Return the rows of the shard that is loaded, or any row where there are none of it; None to read all rows."""
        if self._division is None or self._division.needs_all(mapped) or not identifying_column(mapped, relation):
            return None
        rows_where = partial(self._rows, relation, mapped.where, columns)
        found = rows_of_shard(self._database.kind, mapped, relation, self._division.shard, rows_where)
        return found or rows_where(most=1)

    def _belongings(self, mapped: ModelMap) -> Iterator[tuple[Mapping[Path, Path], str]]:
        """Yield column of a model → column of another one, and the other's name, for rows that belong to rows of others."""
        fields = [*(mapped.fields[name] for name in mapped.model._identifiers), *(mapped.parent.fields if mapped.parent else ())]
        for one in fields:
            lookup = one.lookups[0] if one.source is not None and one.lookups else None
            if one.source is not None and isinstance(lookup, BoundLookup) and lookup.model is not None:
                yield {one.source: lookup.key}, lookup.model
        if mapped.name in self.data_model.parents:
            parent = self._parent_map(mapped)
            match = self.match_of(mapped, parent) if mapped.parent is None else mapped.parent.match
            if match:
                yield match, parent.name

    def _dependants(self, mapped: ModelMap) -> bool:
        """Return whether rows of other models may belong to those of a model."""
        looked_up = any(lookup.model == mapped.name for lookup in bound_tables(self._maps))
        return looked_up or mapped.name in self.data_model.parents.values()

    def _columns(self, mapped: ModelMap, relation: Relation) -> set[str]:
        """Return the columns that are read of the rows of a model; none for all of them."""
        children = (other for name, other in self._maps.items() if self.data_model.parents.get(name) == mapped.name)
        matched = [path for child in children for path in self._matched(child, mapped)]
        looked_up = [lookup.key for lookup in bound_tables(self._maps) if lookup.model == mapped.name]
        return columns_of(mapped, relation, [*matched, *looked_up])

    def _matched(self, child: ModelMap, parent: ModelMap) -> Iterable[Path]:
        """Return the columns of a parent by which its children find it."""
        if child.parent is None:
            return self.match_of(child, parent).values()
        return child.parent.match.values()

    def read_table(self, place: Declared) -> Iterable[Record]:
        """Return the rows of a table, view or query."""
        if place.value is None:
            place.wrong("it does not say which table.")
        return self._rows(self._relation_at(place, place.place.rpartition(".")[0]), {}, ())

    def places(self) -> Sequence[Any]:
        """Return the names of the tables."""
        with self._reading() as connection, self._database.wrap_errors(self._database.shown):
            return table_names(connection, self._schema)

    def discover(self, place: Declared) -> tuple[Sequence[Record], Schema]:
        """Return the rows of a table, view or query, and what the database reports of its columns and keys."""
        with self._reading():
            relation = self._relation_at(place, place.place)
            return self._rows(relation, {}, ()), schema_of(relation)

    def _rows(
        self,
        relation: Relation,
        where: Mapping[Path, tuple[Any, ...]],
        columns: Collection[str],
        clause: ColumnElement[bool] | None = None,
        most: int | None = None,
    ) -> list[dict[str, Any]]:
        if relation.query is not None:
            fetched = self._fetched.pop(relation.query, None)
            return self._queried(relation)[1] if fetched is None else fetched
        with self._reading() as connection, self._database.wrap_errors(relation.title):
            found = rows_of(connection.execute(relation.select(where, columns, clause).limit(most)))
        return unpadded(found, relation.padded)

    def check_place(self, mapped: ModelMap) -> None:
        """Raise DefinitionError where the mapping names a table or a column that is not there."""
        relation = self._relation(mapped)
        if mapped.parent is not None and mapped.parent.match:
            check_match(mapped, self._relation(self._parent_map(mapped)))
        elif mapped.parent is None and mapped.name in self.data_model.parents:
            matching(mapped, relation, self._relation(self._parent_map(mapped)))

    def match_of(self, mapped: ModelMap, parent: ModelMap) -> Mapping[Path, Path]:
        """Return column of a child → column of its parent, according to the foreign key."""
        return matching(mapped, self._relation(mapped), self._relation(parent))

    def unique_fields(self, model: str) -> Iterable[Unique]:
        """Return the fields of which no two rows may have the same values: those that are declared, or else those that have a
        unique constraint, a unique index or the primary key in the database."""
        declared, mapped, relation = tuple(super().unique_fields(model)), self._maps[model], self._relations.get(model)
        if relation is None or relation.table is None:
            return declared
        found = {one.fields: one for one in unique_of(mapped, relation, self.transactional)}
        if declared:
            return [found.get(one.fields, one._replace(nullable=may_be_null(mapped, relation, one.nullable))) for one in declared]
        return found.values()

    def equal_spellings(self, model: str) -> Mapping[str, Spelling]:
        """Return identifier → what is the same for all spellings that a unique key of the database takes for one."""
        relation = self._relations.get(model)
        return {} if relation is None else spellings_of(self._maps[model], relation, self.equal_spellings)

    def can_rename(self, model: str) -> bool:
        """Return whether a row can have other identifiers, also where they are what the mapping names as its key."""
        return DSync.can_rename(self, model)

    def describe(self, mapped: ModelMap, record: Record) -> str:
        """Return the table of a row and its key, or what identifies its object, without what is sensitive."""
        relation = self._relation(mapped)
        identifying = [field.source[0] for name in mapped.model._identifiers if (field := mapped.fields[name]).source]
        hidden = self._hidden_columns(mapped)
        return described(relation, record, [name for name in relation.key or identifying if name not in hidden])

    def _hidden_columns(self, mapped: ModelMap) -> set[str]:
        """Return the columns that hold what is sensitive."""
        fields = [mapped.fields[name] for name in mapped.model.get_sensitive_fields() if name in mapped.fields]
        paths = [path for field in fields for path in (field.source, *(field.write or ())) if path]
        return {path[0] for path in paths}
