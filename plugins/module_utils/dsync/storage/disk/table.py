# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The objects of one model as rows of a table in a private SQLite database, which become objects when somebody asks for one.

A row is an object as it was added: the encodings of its values (:mod:`.storage.disk.values`), its number in the order of the model,
and the objects above it as one string. The children of an object are found by that string; no row lists them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, repeat
from typing import Any, NamedTuple

from ...model.columns import Columns, ColumnValidation, row_validation_of
from ...model.construction import GivenFields
from ...model.identity import ObjectRef
from ...model.model import DSyncModel, of_fields
from ...model.owner import Owner
from .database import Database
from .values import FieldCodec, Unstorable, is_storable

END = "\0"
"""What ends a model's name and a unique id in a place; no id in a table contains it."""

UNSURE = "\1"
"""The start of the place of an object that is, or may be, below an object in memory, whose list of children is what counts."""

_MOST_VALUES = 900
"""Maximum number of values of a statement, of which an old SQLite takes 999."""


class EncodedColumns(NamedTuple):
    """The values of many objects, as :class:`.model.columns.Columns`, and their encodings by field."""

    values: Mapping[str, list[Any]]
    given: list[GivenFields]
    uids: list[str]
    encoded: Mapping[str, Sequence[Any]]


class Row(NamedTuple):
    """An object as it was added.

    Attributes:
        uid: its unique id.
        number: its number in the order of its model.
        place: the objects above it, as :func:`place_below` makes it; None if it has no parent.
        obj: a new object without children, which no store has.
    """

    uid: str
    number: int
    place: str | None
    obj: DSyncModel


def place_below(place: str | None, ref: ObjectRef) -> str:
    """Return the place of the children of an object.

    Args:
        place: its own place; None if it has no parent.
        ref: the object.
    """
    return f"{place or ''}{ref.model}{END}{ref.id}{END}"


def objects_above(place: str | None) -> list[ObjectRef]:
    """Return the objects above a place, from the top down."""
    parts = (place or "").lstrip(UNSURE).split(END)
    return [ObjectRef(*pair) for pair in zip(parts[::2], parts[1::2])]


class DiskTable:
    """The rows of one model.

    Args:
        model: the class of the objects.
        owner: the dataset that holds them.
        validation: validates their rows.
        database: holds the table.
        name: the name of the table, a word.

    Attributes:
        model: the class of the objects.
        size: the number of rows.
        has_tops: whether an object has no parent.
        lists: the fields that hold the ids of children, which no row has.
    """

    def __init__(self, model: type[DSyncModel], owner: Owner, validation: ColumnValidation, database: Database, name: str) -> None:
        self.model, self.size, self.has_tops = model, 0, False
        self._is_unsure = self._is_indexed = False
        self._owner, self._validation, self._database, self._name = owner, validation, database, name
        self.lists = frozenset(model._children.values())
        self._codecs = {field: FieldCodec(info.annotation) for field, info in model.model_fields.items() if field not in self.lists}
        self._numbers = {field: f"f{at}" for at, field in enumerate(self._codecs)}
        self._given: dict[int, GivenFields] = {}  # by number, as rows hold it
        self._given_numbers: dict[int, int] = {}  # by id of the set, which stays
        fields = "".join(f", {column}" for column in self._numbers.values())
        database.run(f"CREATE TABLE {name} (uid TEXT PRIMARY KEY, number, place, given{fields}) WITHOUT ROWID")
        self._insert = f"INSERT INTO {name} VALUES ({', '.join(['?'] * (4 + len(self._numbers)))})"
        self._select = f"SELECT uid, number, place, given{fields} FROM {name}"

    def holds(self, model: type[DSyncModel], owner: Owner) -> bool:
        """Return whether rows of a class can be added for a dataset."""
        return self.model is model and self._owner is owner

    # ------------------------------------------------------------------ adding

    def validated(self, rows: Sequence[Any]) -> EncodedColumns | None:
        """Return the values of the objects of some rows; None if a value does not fit, or an object is held in memory."""
        columns = self._validation.columns(rows)
        if columns is None or any(any(columns.values[field]) for field in self.lists):
            return None
        uids = "".join(columns.uids)
        if END in uids or not is_storable(uids):
            return None
        try:
            encoded = {field: codec.encoded(columns.values[field]) for field, codec in self._codecs.items()}
        except Unstorable:
            return None
        return EncodedColumns(columns.values, columns.given, columns.uids, encoded)

    def obj(self, columns: Columns | EncodedColumns, place: int) -> DSyncModel:
        """Return a new object with the values at one place of some columns; it is not in the table."""
        fields = {name: column[place] for name, column in columns.values.items()}
        return of_fields(self.model, fields, columns.given[place if len(columns.given) > 1 else 0], self._owner)

    def add(self, columns: EncodedColumns, number: int, places: Mapping[str, str]) -> bool:
        """Add objects unless the id of one of them is taken or occurs twice; return whether they were added.

        Args:
            columns: as :meth:`validated` returns them.
            number: the number of the first of them; the others follow.
            places: unique id → place; an object without one has no parent.
        """
        numbers = [self._number_of(given) for given in columns.given]
        rows = zip(
            columns.uids,
            count(number),
            map(places.get, columns.uids),
            numbers if len(numbers) > 1 else repeat(numbers[0]),
            *columns.encoded.values(),
        )
        try:
            self._database.add(self._insert, rows)
        except sqlite3.IntegrityError:
            return False
        self.size += len(columns.uids)
        self.has_tops = self.has_tops or len(places) < len(columns.uids)
        self._is_unsure = self._is_unsure or any(place.startswith(UNSURE) for place in {*places.values()})
        return True

    def _number_of(self, given: GivenFields) -> int:
        number = self._given_numbers.get(id(given))
        if number is None:
            number = self._given_numbers[id(given)] = len(self._given)
            self._given[number] = given
        return number

    # ------------------------------------------------------------------ reading

    def has(self, uid: str) -> bool:
        """Return whether there is a row with an id."""
        return bool(self._database.rows(f"SELECT 1 FROM {self._name} WHERE uid = ?", [uid]))

    def place(self, uid: str) -> str | None:
        """Return the place of an object; None if it has no row, or no parent."""
        found = self._database.rows(f"SELECT place FROM {self._name} WHERE uid = ?", [uid])
        return found[0][0] if found else None

    def places(self, uids: Sequence[str]) -> dict[str, str | None]:
        """Return id → place of the rows with some ids."""
        found: dict[str, str | None] = {}
        for start in range(0, len(uids), _MOST_VALUES):
            some = uids[start : start + _MOST_VALUES]
            marks = ", ".join("?" * len(some))
            found.update(self._database.rows(f"SELECT uid, place FROM {self._name} WHERE uid IN ({marks})", some))
        return found

    def row(self, uid: str) -> Row | None:
        """Return the row with an id, or None."""
        found = self._database.rows(f"{self._select} WHERE uid = ?", [uid])
        return self._row(found[0]) if found else None

    def rows(self) -> Iterator[Row]:
        """Yield every row, in order."""
        return map(self._row, self._database.stream(f"{self._select} ORDER BY number"))

    def _row(self, stored: Sequence[Any]) -> Row:
        uid, number, place, given, *values = stored
        return Row(uid, number, place, self._made(dict(zip(self._codecs, values)), self._given[given]))

    def _made(self, stored: Mapping[str, Any], given: GivenFields) -> DSyncModel:
        fields: dict[str, Any] = {
            name: [] if name in self.lists else self._codecs[name].decoded(stored[name]) for name in self.model.model_fields
        }
        return of_fields(self.model, fields, given, self._owner)

    def uids(self) -> Iterator[tuple[int, str]]:
        """Yield number and id of every row, in order."""
        return self._database.stream(f"SELECT number, uid FROM {self._name} ORDER BY number")

    def children(self, place: str) -> list[str]:
        """Return the ids of the objects whose parent's children are at a place, in order."""
        self.index()
        return [uid for (uid,) in self._database.rows(f"SELECT uid FROM {self._name} WHERE place = ? ORDER BY number", [place])]

    def values(self, field: str) -> Iterator[tuple[int, str, Any]]:
        """Yield number, id and value of a field of every row, in order."""
        codec, column = self._codecs[field], self._numbers[field]
        found = self._database.stream(f"SELECT number, uid, {column} FROM {self._name} ORDER BY number")
        return ((number, uid, codec.decoded(value)) for number, uid, value in found)

    def encoded(self, fields: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield blocks of (id, place, encodings of some fields), in the order of the ids."""
        columns = "".join(f", {self._numbers[field]}" for field in fields)
        return self._database.blocks(f"SELECT uid, place{columns} FROM {self._name} ORDER BY uid")

    def is_same(self, obj: DSyncModel) -> bool:
        """Return whether an object is still as its row; its children are not considered."""
        found = self._database.rows(f"{self._select} WHERE uid = ?", [obj.get_unique_id()])
        if not found or obj.__class__ is not self.model:
            return False
        try:
            return all(
                codec.encoded([getattr(obj, field)])[0] == stored
                for (field, codec), stored in zip(self._codecs.items(), found[0][4:])
            )
        except Unstorable:
            return False

    # ------------------------------------------------------------------ what a comparison has to look at

    def without_parent(self) -> Iterator[str]:
        """Yield the ids of the objects that have no parent."""
        return (uid for (uid,) in self._database.stream(f"SELECT uid FROM {self._name} WHERE place IS NULL"))

    def mixed(self, fields: Sequence[str]) -> Iterator[str]:
        """Yield the ids of the siblings that do not all have the same values in some fields."""
        unlike = " OR ".join(f"MIN({self._numbers[field]}) IS NOT MAX({self._numbers[field]})" for field in fields)
        groups = f"SELECT place FROM {self._name} GROUP BY place HAVING {unlike}"
        places = [place for (place,) in self._database.stream(groups)]
        found = (self._database.stream(f"SELECT uid FROM {self._name} WHERE place IS ?", [place]) for place in places)
        return (uid for (uid,) in chain.from_iterable(found))

    def empty(self, fields: Sequence[str]) -> Iterator[str]:
        """Yield the ids of the objects that have an empty string in one of some fields."""
        either = " OR ".join(f"{self._numbers[field]} = ''" for field in fields)
        return (uid for (uid,) in self._database.stream(f"SELECT uid FROM {self._name} WHERE {either}")) if fields else iter(())

    def unsure(self) -> Iterator[str]:
        """Yield the ids of the objects that may be below objects in memory."""
        return self.starting_with(UNSURE) if self._is_unsure else iter(())

    def starting_with(self, place: str) -> Iterator[str]:
        """Yield the ids of the objects whose places start with a place, or with a part of one."""
        self.index()
        found = self._database.stream(f"SELECT uid FROM {self._name} WHERE place >= ? AND place < ?", [place, place + "\U0010ffff"])
        return (uid for (uid,) in found)

    def index(self) -> None:
        """Have places found without reading all rows; does nothing the second time."""
        if not self._is_indexed:
            self._database.run(f"CREATE INDEX {self._name}_places ON {self._name} (place, number)")
            self._is_indexed = True


def disk_table(model: type[DSyncModel], owner: Owner, database: Database, name: str) -> DiskTable | None:
    """Return a new table for the objects of a class; None if these have to be made one by one.

    Args:
        model: the class.
        owner: the dataset that holds the objects.
        database: holds the table.
        name: the name of the table, a word.
    """
    validation = row_validation_of(model)
    if validation is None or len(model.model_fields) > _MOST_VALUES:
        return None
    return DiskTable(model, owner, validation, database, name)
