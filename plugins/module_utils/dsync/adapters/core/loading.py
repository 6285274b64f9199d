# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading native records, and adding an object for each; what is said of a record that does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._util.pydantic import ValidationError
from ...dataset.shard import Shard, keep
from ...exceptions import DefinitionError, DSyncException, ObjectAlreadyExists, ObjectNotFound, RecordProblem
from ...model.columns import Rows
from ...model.model import DSyncModel
from ...records.columns import reads_columns, rows_of
from ...records.definition import derived
from ...records.filters import Filter
from ...records.mapping import ModelMap, ParentMap, Record, by_reference
from ...records.path import read
from ...records.types import or_none
from .absent import unmanaged
from .contract import RecordContract
from .division import Division, Part
from .fields import check_fields, unwritable
from .invalid import problems_in
from .lookups import bound_tables, in_order
from .parents import Parents

_ATTRIBUTES_NAMED = 3
"""How many attributes that would distinguish two objects an error names."""


class RecordLoader(RecordContract):
    """The part of :class:`.base.RecordAdapter` that reads."""

    _division: Division | None = None
    """Selects the records while a shard is loaded."""

    def probe(self) -> bool:
        """Look whether the system can be reached and has what the mapping names, without loading the records.

        Returns:
            Whether the system was asked; False, as here, if nothing is known before the records are loaded.

        Raises:
            RecordProblem: it cannot be reached, or refuses.
            DefinitionError: the mapping does not fit what is there.
        """
        return False

    def load(self) -> None:
        """Read all records and add an object for each.

        Raises:
            RecordProblem: a record does not fit, naming its place; or two of them represent one object.
            DefinitionError: the mapping does not fit what is there.
        """
        self.load_warnings.clear()
        self.records_read = {}
        self.check_fields()
        for table in bound_tables(self._maps):
            table.serve(self)
        for mapped in in_order(self._maps):
            self.check_place(mapped)
            self._load(mapped)
        self.records_read = {}

    def load_shard(self, shard: Shard) -> None:
        """Read all records, and add an object for each that belongs to a shard; otherwise as :meth:`load`."""
        if not self.loads_parts:
            super().load_shard(shard)
            return
        looked_up = (lookup.model for lookup in bound_tables(self._maps) if lookup.model is not None)
        whole = {*looked_up, *self.data_model.parents.values()}
        self._division = Division(self, shard, self.data_model.parents, whole, self.empty_is_none)
        try:
            self.load()
            if not self._division.is_exact:
                keep(self, shard)
        finally:
            self._division = None

    def check_fields(self) -> None:
        """Compare the mapping with the fields that the system documents, and let attributes be read-only that take no value.

        Raises:
            DefinitionError: the mapping names a field that does not exist; or as :meth:`fields_of`.
            RecordProblem: as :meth:`fields_of`.
        """
        for mapped in self._maps.values():
            fields = self.fields_of(mapped)
            if fields is not None:
                check_fields(mapped, fields)
                if names := unwritable(mapped, fields):
                    self.leave_alone(mapped.name, names)

    def leave_alone(self, model: str, names: Sequence[str]) -> None:
        """Let attributes be read-only from now on, to which the system gives their values, as only it knows.

        Args:
            model: name of the model.
            names: of attributes, not of identifiers.
        """
        mapped, cls = self._maps[model], self.__class__
        own = writable_part(mapped.model, names)
        fields = {name: replace(one, nullable=True, written=False) if name in names else one for name, one in mapped.fields.items()}
        maps = {**self._maps, model: replace(mapped, model=own, fields=fields)}
        self.__class__ = type(cls.__name__, (cls,), {model: own, "_maps": maps, "__module__": cls.__module__})

    def _load(self, mapped: ModelMap) -> None:
        parents = self._parents(mapped)
        if self._division is not None and not self.is_divided(mapped):
            self._division.take_all(mapped.name)
        chosen = Filter(mapped.where, f"{mapped.place.place.removesuffix('.from')}.where", self.free_fields)
        records: Sequence[Record] | None = self.read_columns(mapped) if parents is None and reads_columns(mapped) else None
        if records is None:
            records = self._read_each(mapped, chosen)
        else:
            self.records_read[mapped.name] = records
        self._belonging[mapped.name] = {path: read(record, path) for record in records[:1] for path in mapped.belonging()}
        part = Part(records) if self._division is None else self._division.part(mapped, records, parents)
        self._load_records(mapped, part.records, parents, chosen)
        if self._division is not None and not self._division.fits(mapped, part):
            for uid in [*self.store.uids(mapped.name)]:
                self.store.discard(mapped.name, uid)
            self._load_records(mapped, records, parents, chosen)

    def _read_each(self, mapped: ModelMap, chosen: Filter) -> list[Record]:
        """Return the records of a model, read one by one."""
        records: list[Record] = []
        self.records_read[mapped.name] = records
        if not (mapped.where or mapped.keep or mapped.drop):
            records.extend(self.read(mapped))
            return records
        for record in self.read(mapped):
            try:
                if chosen.lets(record) and mapped.keeps(record):
                    records.append(record)
            except RecordProblem as problem:
                raise RecordProblem(f"{self.describe(mapped, record)}: {problem}") from problem
        return records

    def _load_records(self, mapped: ModelMap, records: Sequence[Record], parents: Parents | None, chosen: Filter) -> None:
        rows: Rows | None = rows_of(mapped, records, self.empty_is_none) if parents is None else None
        if rows is None:
            rows = self._each_row(mapped, records, parents)
        self.warn(chosen.check())
        self.unmanaged[mapped.name] = unmanaged(mapped, records)
        self._add(mapped, records, rows, None if parents is None else parents.keys)

    def _each_row(self, mapped: ModelMap, records: Sequence[Record], parents: Parents | None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for record in records:
            try:
                above = {} if parents is None else parents.ids_of(record)
                row = mapped.row(record, self.empty_is_none, above)
                if parents is not None:
                    row.update((parents.keys[name], value) for name, value in above.items())
            except RecordProblem as problem:
                raise RecordProblem(f"{self.describe(mapped, record)}: {problem}{self.hint(mapped, record)}") from problem
            rows.append(row)
        return rows

    def _add(self, mapped: ModelMap, records: Sequence[Record], rows: Rows, parent_ids: Mapping[str, str] | None) -> None:
        parent = None if parent_ids is None else self._parent_map(mapped).name
        try:
            self.add_rows(mapped.name, rows, parent=parent, parent_ids=parent_ids)
        except ValidationError as error:
            raise self._unfit(mapped, records, rows, error) from error
        except (ObjectAlreadyExists, ObjectNotFound) as error:
            raise self._contradicting(mapped, records, rows, error) from error
        self._records.load(mapped.name, self.store.uids(mapped.name), records)

    def _unfit(
        self, mapped: ModelMap, records: Sequence[Record], rows: Rows, error: ValidationError
    ) -> ValidationError | RecordProblem:
        """Return what to raise when a row does not validate: the same, naming the record's place."""
        for record, row in zip(records, rows):
            try:
                mapped.model(**{name: value for name, value in row.items() if name in mapped.model.model_fields})
            except ValidationError as found:
                return RecordProblem(f"{self.describe(mapped, record)}: {found.title}: {problems_in(mapped.model, row, found)}")
        return error

    def _contradicting(self, mapped: ModelMap, records: Sequence[Record], rows: Rows, error: DSyncException) -> RecordProblem:
        """Return what to raise when two records represent one object, or the parent of one does not exist."""
        first: dict[str, int] = {}
        for place, row in enumerate(rows):
            obj = mapped.model(**{name: value for name, value in row.items() if name in mapped.model.model_fields})
            uid = obj.get_unique_id()
            if isinstance(error, ObjectAlreadyExists) and uid in first:
                both = " and ".join(self._shown(mapped, records[at], rows[at]) for at in (first[uid], place))
                way_out = self._distinguished(mapped, rows[first[uid]], row)
                return RecordProblem(f'two records represent the {mapped.name} "{uid}": {both}{way_out}')
            if isinstance(error, ObjectNotFound) and f'"{uid}"' in str(error):
                return RecordProblem(f"{self.describe(mapped, records[place])}: {error}")
            first[uid] = place
        return RecordProblem(str(error))

    @staticmethod
    def _distinguished(mapped: ModelMap, one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
        """Return which attributes would distinguish two objects of one identity; empty if none would."""
        hidden = mapped.model.get_sensitive_fields()
        names = [name for name in mapped.model._attributes if name not in hidden and one.get(name) != other.get(name)]
        such = " or ".join(f'"{name}"' for name in names[:_ATTRIBUTES_NAMED])
        return f"; if these are two objects, add an identifier that tells them apart, such as {such}" if names else ""

    def _shown(self, mapped: ModelMap, record: Record, row: Mapping[str, Any]) -> str:
        """Return a record's place and values, without those that nobody may see."""
        hidden = mapped.model.get_sensitive_fields()
        values = ", ".join(f"{name}: {row[name]}" for name in mapped.fields if name in row and name not in hidden)
        return f"{self.describe(mapped, record)} ({values if len(values) <= 200 else values[:197] + '…'})"

    # ------------------------------------------------------------------ parents

    def _parents(self, mapped: ModelMap) -> Parents | None:
        if mapped.name not in self.data_model.parents:
            return None
        parent, declared = self._parent_map(mapped), mapped.parent
        if declared is None or declared.by_name:
            if self.knows_parents(mapped):
                declared = ParentMap()
            elif declared is None:
                match = self.match_of(mapped, parent)
                declared = ParentMap(match=match) if match else by_reference(mapped, parent)
                if declared is None:
                    fields = ", ".join(f"{name}: the field that holds it" for name in parent.model._identifiers)
                    raise DefinitionError(
                        f"{mapped.place.place.removesuffix('.from')}: it does not say how a {mapped.name} finds its {parent.name}; "
                        f'add "parent: {{{fields}}}".'
                    )
        return Parents(self, mapped, parent, declared)


def writable_part(model: type[DSyncModel], unwritable: Sequence[str]) -> type[DSyncModel]:
    """Return the model with attributes that this side cannot be given: compared, shown and left alone."""
    names = [name for name in unwritable if name in model._attributes]
    return derived(
        model.__name__,
        model,
        {name: or_none(model.model_fields[name].rebuild_annotation()) for name in unwritable},
        {
            **dict.fromkeys(unwritable),
            "_read_only": (*model._read_only, *(name for name in names if name not in model._read_only)),
            "_create_only": tuple(name for name in model._create_only if name not in names),
        },
    )
