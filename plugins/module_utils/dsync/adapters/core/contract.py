# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What a subclass of an adapter of records defines: where native records come from, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from ...adapter import DSync
from ...exceptions import RecordProblem
from ...model.model import DSyncModel
from ...records.declaration_reader import Declared
from ...records.definition import DataModel
from ...records.mapping import ModelMap, Record, Values
from ...records.path import Path
from ...records.record_table import RecordTable
from .fields import Fields
from .native_records import NativeRecords
from .read_back import ReadBack
from .schema import Schema
from .sent_values import SentValues


class NewRecord(NamedTuple):
    """A native record to create.

    Attributes:
        values: path of a native field → its value, plain.
        parent: the native record of the object's parent; None at the top level.
    """

    values: Values
    parent: Record | None


class ChangedRecord(NamedTuple):
    """A native record to change.

    Attributes:
        record: as it was read.
        values: path of a native field → its new value, plain; other fields stay unchanged.
    """

    record: Record
    values: Values


class MovedRecord(NamedTuple):
    """A native record that is to have another parent, other identifiers, or both.

    Attributes:
        record: as it was read.
        values: path of a native field → its new value, plain: the fields that hold the parent, and those that change along; other
            fields stay unchanged.
        parent: the native record of the parent that it is to have, None at the top level.
    """

    record: Record
    values: Values
    parent: Record | None


class RecordContract(DSync):
    """The methods of :class:`.base.RecordAdapter` that a subclass defines or may define, and the state of all of them."""

    writable: ClassVar[bool] = True
    """Whether there are methods for writing."""

    empty_is_none: ClassVar[bool] = False
    """Whether an empty string in a record represents null, as in CSV, wherever an attribute may be null."""

    kept_types: ClassVar[tuple[type[Any], ...]] = ()
    """Types other than string, number, boolean, list and dictionary that records can hold, such as ``datetime``."""

    marks_deleted: ClassVar[bool] = False
    """Whether records can stay where they are when their objects are deleted, marked as ``deleted`` in a mapping describes."""

    free_fields: ClassVar[bool] = False
    """Whether each record may have fields of its own, unlike the rows of a table."""

    loads_parts: ClassVar[bool] = False
    """Whether :meth:`load_shard` makes objects of the records of a shard only; records of others are not needed for writing."""

    data_model: ClassVar[DataModel]
    _maps: ClassVar[Mapping[str, ModelMap]]
    _tables: ClassVar[dict[str, Declared]]

    _records: NativeRecords

    _silent: Mapping[str, frozenset[str]]
    """Model → attributes that the source of the run does not have."""

    _unknown: Mapping[str, Mapping[str, frozenset[str]]]
    """Model → unique id → attributes of which the source of the run does not know the value."""

    _belonging: dict[str, Values]
    """Model's name → what a new record of it has to hold, as its records have it."""

    _read_back: ReadBack

    sent_values: SentValues | None = None
    """The values that were last sent and that the system does not show; None if they are not kept."""

    records_read: dict[str, Sequence[Any]]
    """Model's name → the native records of it that were read so far, while :meth:`load` runs; for others to see how far it is."""

    # ------------------------------------------------------------------ for subclasses to define

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        """Yield the native records at the place of a model, those of other models that are there too included.

        A record is given back to the methods below as the same Python object.

        Args:
            mapped: its ``place`` (``place.value`` is what the user wrote after ``from``, None if nothing) and ``key`` matter here.

        Raises:
            RecordProblem: the records cannot be read.
        """
        raise NotImplementedError

    def read_columns(self, mapped: ModelMap) -> RecordTable | None:
        """Return what :meth:`read` yields as columns, faster; None, as here, if the records have to be read one by one.

        Args:
            mapped: as for :meth:`read`; each attribute is a native field as it is, and all records there are of the model.

        Raises:
            RecordProblem: as :meth:`read`.
        """
        return None

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        """Make native records and return, for each, the record as it is now (with a key that the system gave it), or why not.

        Raises:
            Exception: nothing of all that was done.
        """
        raise NotImplementedError

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        """Change native records and return, for each, the record as it is now, or why not. Otherwise as above."""
        raise NotImplementedError

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        """Let native records have other parents or identifiers and return, for each, the record as it is now, or why not. Otherwise
        as above.

        Here the fields are changed that hold the parent. A class whose records are found below their parent (:meth:`parent_of`)
        defines this, and :meth:`can_move`, if it can move a whole record, fields that no attribute names included; else the object
        is deleted and created again.
        """
        return self.change_records(mapped, [ChangedRecord(one.record, one.values) for one in records])

    def can_move(self, model: str) -> bool:
        return super().can_move(model) and not self.knows_parents(self._maps[model])

    def can_rename(self, model: str) -> bool:
        return super().can_rename(model) and self._maps[model].key is None

    def renamed(self, obj: DSyncModel, before: str) -> None:
        super().renamed(obj, before)
        records = self._records[obj.get_type()]
        if before in records:
            records[obj.get_unique_id()] = records.pop(before)

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        """Remove native records and return, for each, None or why not. Otherwise as above."""
        raise NotImplementedError

    def describe(self, mapped: ModelMap, record: Record) -> str:
        """Return where a native record is, as a person finds it, such as ``devices.csv, line 4``; no value of it that is secret."""
        return self.name

    def hint(self, mapped: ModelMap, record: Record) -> str:
        """Return what may help if a native record does not fit, to end a sentence; an empty string if nothing does."""
        return ""

    def is_divided(self, mapped: ModelMap) -> bool:
        """Return whether the records of a model that do not belong to a shard are needed for nothing, not even for writing."""
        return True

    def parent_of(self, mapped: ModelMap, record: Record) -> Record | None:
        """Return the native record of an object's parent if the record's place determines it; None otherwise."""
        return None

    def knows_parents(self, mapped: ModelMap) -> bool:
        """Return whether :meth:`parent_of` returns the parents of a model's records."""
        return False

    def match_of(self, mapped: ModelMap, parent: ModelMap) -> Mapping[Path, Path]:
        """Return native field of a child → native field of its parent, according to a foreign key; empty if there is none."""
        return {}

    def fields_of(self, mapped: ModelMap) -> Fields | None:
        """Return the native fields that the system documents for the records of a model: :meth:`load` refuses a mapping that names
        others, and writes none that take no value. None, as here, if only the records show their fields.

        Args:
            mapped: as for :meth:`read`.

        Raises:
            RecordProblem: the system cannot be asked.
            DefinitionError: the place does not exist.
        """
        return None

    def check_place(self, mapped: ModelMap) -> None:
        """Raise DefinitionError if what a mapping gives as a model's place is impossible."""

    def read_table(self, place: Declared) -> Iterable[Record]:
        """Yield the native records of a lookup that is declared with ``from``. Raises DefinitionError if there is none."""
        place.wrong(f"the adapter {self.type} has no tables to look things up in.")

    # ------------------------------------------------------------------ discovery

    def places(self) -> Sequence[Any]:
        """Return the places of records that the system lists, each as written in ``from``; none, as here, where it lists none."""
        return ()

    def discover(self, place: Declared) -> tuple[Sequence[Record], Schema]:
        """Return the native records at a place, and what the system reports of them, for which no model is declared.

        Args:
            place: as in ``from``.

        Raises:
            DefinitionError: there is no such place.
            RecordProblem: the records cannot be read.
        """
        return list(self.read_table(place)), Schema({})

    # ------------------------------------------------------------------ what is there

    def record_of(self, obj: DSyncModel) -> Record:
        """Return the native record of an object. Raises RecordProblem where it is not known."""
        try:
            return self._records[obj.get_type()][obj.get_unique_id()]
        except KeyError:
            raise RecordProblem(f"{self.name} does not know the record of {obj!r}") from None

    def records(self, model: str) -> Iterator[tuple[DSyncModel, Record]]:
        """Yield the objects of a model with their native records."""
        for uid, record in self._records[model].items():
            obj = self.store.find(model, uid)
            if obj is not None:
                yield obj, record

    def _parent_map(self, mapped: ModelMap) -> ModelMap:
        return self._maps[self.data_model.parents[mapped.name]]
