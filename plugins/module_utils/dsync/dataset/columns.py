# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The objects of one model as columns of values, which become objects when somebody asks for one.

A column is a list of the values that a field has in each object. An object that was made stays, because it may be changed, and
from then on it is what counts, not the columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from itertools import count
from typing import Any

from ..model.columns import Columns, ColumnValidation, column_validation_of
from ..model.model import DSyncModel, of_fields
from ..model.owner import Owner
from .distinct_ids import DistinctIds


class ColumnTable(MutableMapping[str, DSyncModel]):
    """The objects of one model by unique id, in the order in which they were added.

    Args:
        model: the class of the objects that are added as columns.
        owner: the dataset that holds them.
        validation: validates their rows.

    Attributes:
        kinds: the classes of all objects.
    """

    def __init__(self, model: type[DSyncModel], owner: Owner, validation: ColumnValidation) -> None:
        self.kinds: set[type[DSyncModel]] = {model}
        self._model, self._owner, self._validation = model, owner, validation
        self._values: dict[str, list[Any]] = {name: [] for name in model.model_fields}
        self._given: list[Sequence[set[str]]] = []  # for each group of batches; one set if all its objects share it
        self._starts: list[int] = []  # the place of the first object of each group
        self._size = 0  # places, including those of objects that were removed
        self._ids: list[str] = []  # the id of each object, until somebody looks for one
        self._distinct = DistinctIds()
        self._places: dict[str, int] | None = None  # then id → place instead
        self._made: dict[int, DSyncModel] = {}

    def holds(self, model: type[DSyncModel], owner: Owner) -> bool:
        """Return whether rows of a class can be added as columns for a dataset."""
        return self._model is model and self._owner is owner

    # ------------------------------------------------------------------ columns

    def validated(self, rows: Sequence[Any]) -> Columns | None:
        """Return the values of the objects of some rows, as :meth:`.model.columns.ColumnValidation.columns` does."""
        return self._validation.columns(rows)

    def obj(self, columns: Columns, place: int) -> DSyncModel:
        """Return a new object with the values at one place of some columns; it is not in the table."""
        return of_fields(
            self._model,
            {name: column[place] for name, column in columns.values.items()},
            columns.given[place if len(columns.given) > 1 else 0],
            self._owner,
        )

    def add(self, columns: Columns) -> int | None:
        """Add objects unless the id of one of them is taken or occurs twice.

        Returns:
            None if all of them were added; otherwise the position of the first one whose id is taken, and none was added.
        """
        uids = columns.uids
        if self._places is None:
            if not self._distinct.admit(uids, self._ids):
                return self._taken(uids)
            self._ids += uids
        else:
            new = dict(zip(uids, count(self._size)))
            if len(new) < len(uids) or not self._places.keys().isdisjoint(new):
                return self._taken(uids)
            self._places.update(new)
        for name, column in self._values.items():
            column += columns.values[name]
        self._append_given(columns.given, len(uids))
        return None

    def _taken(self, uids: Sequence[str]) -> int:
        """Return the position of the first id that is in the table or occurs before it."""
        numbers, first = self._numbers(), dict(zip(reversed(uids), range(len(uids) - 1, -1, -1)))
        return next(at for at, uid in enumerate(uids) if uid in numbers or first[uid] < at)

    def ids(self) -> list[str]:
        """Return all ids, in order; not to be changed, and the same until the table is changed."""
        return self._ids if self._places is None else [*self._places]

    def scan(self) -> Rows:
        """Return all objects, in order."""
        return Rows(self, range(self._size) if len(self) == self._size else list(self._numbers().values()))

    def of_ids(self, uids: Iterable[str]) -> Rows:
        """Return the objects with these ids. Raises KeyError if one of them does not exist."""
        return Rows(self, list(map(self._numbers().__getitem__, uids)))

    def values_of(self, name: str, places: Sequence[int]) -> Sequence[Any]:
        """Return the values of a field at some places, which are outdated for an object in :meth:`made`; not to be changed."""
        column = self._values[name]
        if isinstance(places, range) and places.step == 1:
            return column if len(places) == len(column) else column[places.start : places.stop]
        return list(map(column.__getitem__, places))

    def values_now(self, name: str) -> list[Any]:
        """Return the value of a field in each object, in order."""
        rows = self.scan()
        values = [*rows.column(name)]
        for at in rows.made():
            values[at] = getattr(rows[at], name, None)
        return values

    def made(self, places: Sequence[int]) -> list[int]:
        """Return the positions, in ``places``, of the objects that were made, so that they may have been changed."""
        if not self._made or self._made.keys().isdisjoint(places):
            return []
        return [at for at, place in enumerate(places) if place in self._made]

    def at(self, place: int) -> DSyncModel:
        """Return the object at one place, always the same one."""
        obj = self._made.get(place)
        if obj is None:
            fields = {name: column[place] for name, column in self._values.items()}
            group = bisect_right(self._starts, place) - 1 if len(self._starts) > 1 else 0
            given = self._given[group]
            names = given[0] if len(given) == 1 else given[place - self._starts[group]]
            obj = self._made[place] = of_fields(self._model, fields, names, self._owner)
        return obj

    def _append_given(self, given: Sequence[set[str]], number: int) -> None:
        last = self._given[-1] if self._given else ()
        if not (len(given) == len(last) == 1 and given[0] is last[0]):
            self._given.append(given)
            self._starts.append(self._size)
        self._size += number

    def _numbers(self) -> dict[str, int]:
        """Return id → place."""
        if self._places is None:
            self._places = dict(zip(self._ids, count()))
            self._ids, self._distinct = [], DistinctIds()
        return self._places

    # ------------------------------------------------------------------ objects by id

    def __len__(self) -> int:
        return len(self._ids if self._places is None else self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids if self._places is None else self._places)

    def __contains__(self, uid: object) -> bool:
        return uid in self._numbers()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the object with an id, or ``default``."""
        place = self._numbers().get(key)
        return default if place is None else self.at(place)

    def __getitem__(self, uid: str) -> DSyncModel:
        return self.at(self._numbers()[uid])

    def __setitem__(self, uid: str, obj: DSyncModel) -> None:
        numbers = self._numbers()
        if uid not in numbers:
            numbers[uid] = self._size
            self._append_given((set(),), 1)
            for column in self._values.values():
                column.append(None)
        self.kinds.add(obj.__class__)
        self._made[numbers[uid]] = obj

    def __delitem__(self, uid: str) -> None:
        self._made.pop(self._numbers().pop(uid), None)


class Rows(Sequence[DSyncModel]):
    """Some objects of a table, which are made when they are read.

    Args:
        table: holds the objects.
        places: their places in it, in order.
    """

    __slots__ = ("_table", "places")

    def __init__(self, table: ColumnTable, places: Sequence[int]) -> None:
        self._table, self.places = table, places

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[DSyncModel]:
        return map(self._table.at, self.places)

    def __getitem__(self, at: Any) -> Any:
        return Rows(self._table, self.places[at]) if isinstance(at, slice) else self._table.at(self.places[at])

    def column(self, name: str) -> Sequence[Any]:
        """Return the value of a field in each object, as it was added; see :meth:`made`."""
        return self._table.values_of(name, self.places)

    def made(self) -> list[int]:
        """Return the positions of the objects that were made, and may have other values than their columns."""
        return self._table.made(self.places)


def column_table(model: type[DSyncModel], owner: Owner) -> ColumnTable | None:
    """Return a new table for the objects of a class; None if these have to be made one by one."""
    validation = column_validation_of(model)
    return None if validation is None else ColumnTable(model, owner, validation)
