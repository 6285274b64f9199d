# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A tree that holds records, and its records, which know where in it they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from ...exceptions import RecordProblem
from ...records.path import Path, walk
from ...records.record_table import RecordTable
from .edits import Carried, Edits, Shifts, Way, text_of_way
from .format import Table


class Document:
    """A tree that holds records, and the changes that are to be made in it.

    Attributes:
        tree: as it was read; never changed. The rows of a table are made when somebody asks for them.
        name: what it is called in messages.
        edits: what is to be changed.
        single: whether its root, if it is a dictionary, is one record.
        stem: its name as a record's key; empty if it has none.
        part: which of the documents of its file it is; None if it is the only one.
    """

    part: int | None = None

    def __init__(self, tree: Any, name: str, single: bool = False, stem: str = "") -> None:
        self._tree, self.name, self.single, self.stem = tree, name, single, stem
        self.edits = Edits()
        self._located: list[Located] = []
        self._tables: list[LocatedTable] = []

    @property
    def tree(self) -> Any:
        if isinstance(self._tree, Table):
            self._tree = self._tree.rows()
        return self._tree

    @tree.setter
    def tree(self, tree: Any) -> None:
        self._tree = tree

    @property
    def table(self) -> Table | None:
        """The columns of the tree, if it is a table of which nobody has asked for the rows."""
        return self._tree if isinstance(self._tree, Table) else None

    def located(self) -> list[Located]:
        """Return all records that were read or made, which know where they are in the tree."""
        for table in self._tables:
            deque(table, maxlen=0)
        self._tables.clear()
        return self._located

    def note(self, *records: Located) -> None:
        """Note records that know that they are in this document."""
        self._located += records

    def table_of_records(self, table: Table) -> LocatedTable:
        """Return the rows of a table, the tree of this document, as records that know where they are."""
        self._tables.append(LocatedTable(self, table))
        return self._tables[-1]

    def replace(self, tree: Any) -> None:
        """Make a tree this document's, in which nothing is located, and which nothing is to be changed in."""
        self._tree, self.edits, self._located = tree, Edits(), []


def settle(documents: Sequence[Document], changed: Sequence[tuple[Document, Any]]) -> None:
    """Take note that the changes of some documents were made, and what their trees are now.

    Args:
        documents: all that there are.
        changed: those with changes, each with its new tree.
    """
    places = _Places(documents)
    found = [(record, *places.after(document, record.way)) for document, _tree in changed for record in document.located()]
    for document, tree in changed:
        document.replace(tree)
    for record, document, way in found:
        record.document, record.way = document, way
        document.note(record)


class _Places:
    """Where records are when the changes of some documents are made."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._to: dict[int, tuple[Any, Way]] = {}
        self._shifts: dict[int, Shifts] = {}
        todo: list[Any] = [*documents]
        while todo:
            holder = todo.pop()
            self._shifts[id(holder)] = holder.edits.shifts(holder.tree)
            for way, (record, _keyed) in holder.edits.added.items():
                if isinstance(record, Carried):
                    self._to[id(record)] = holder, way
                    todo.append(record)

    def after(self, holder: Any, way: Way) -> tuple[Any, Way]:
        """Return in which document something is then, and where, that is now in a document or carried record."""
        for depth in range(1, len(way) + 1):
            carried = holder.edits.carried.get(way[:depth])
            if carried is not None:
                return self.after(carried, way[depth:])
        inner = self._shifts[id(holder)](way)
        if not isinstance(holder, Carried):
            return holder, inner
        document, outer = self.after(*self._to[id(holder)])
        return document, (*outer, *inner)


class NotATable(str):
    """Represents, in a tree, a part of a document that holds no records: a sentence with the reason."""


class Located(dict[str, Any]):
    """A native record that knows where it is.

    Attributes:
        document: what it is in.
        way: where it is there.
        keyed: whether it is found by a key, which is not one of its fields in the document.
    """

    __slots__ = ("document", "keyed", "way")

    document: Document
    way: Way
    keyed: bool


def located(values: Mapping[str, Any], document: Document, way: Way, keyed: bool) -> Located:
    """Return a copy of a record that knows where it is; a function, since a constructor takes twice as long."""
    record = Located(values)
    record.document, record.way, record.keyed = document, way, keyed
    document.note(record)
    return record


class LocatedTable(RecordTable):
    """The rows of a table, which know where they are."""

    def __init__(self, document: Document, table: Table) -> None:
        super().__init__(table.columns)
        self._document = document

    def _record(self, place: int) -> Located:
        return located(super()._record(place), self._document, (place,), False)


def located_at(
    document: Document, place: Path, chosen: Callable[[list[dict[str, Any]]], Sequence[int]] | None = None
) -> Iterator[tuple[Located, Any]]:
    """Yield copies of the records at a place that know where they are, with their keys (None in lists).

    Args:
        document: the document.
        place: the place.
        chosen: returns the positions of the records of a list to yield; None for all. Others may be yielded as well.

    Raises:
        RecordProblem: something at the place is not a record.
    """
    for way, found in walk(document.tree, place):
        if isinstance(found, list) and {*map(type, found)} == {dict}:
            positions = range(len(found)) if chosen is None else chosen(found)
            records = list(map(Located, map(found.__getitem__, positions)))
            for position, record in zip(positions, records):
                record.document, record.way, record.keyed = document, (*way, position), False
            document.note(*records)
            yield from zip(records, repeat(None))
        else:
            for inner, key, values in _records_in(document, way, found):
                yield located(values, document, inner, key is not None), key


def records_at(document: Document, place: Path) -> Iterator[tuple[Way, Any, Mapping[str, Any]]]:
    """Yield the records at a place with the ways to them and their keys (None in lists). Raises RecordProblem."""
    for way, found in walk(document.tree, place):
        yield from _records_in(document, way, found)


def _records_in(document: Document, way: Way, found: Any) -> Iterator[tuple[Way, Any, Mapping[str, Any]]]:
    """Yield the records in a list or dictionary of a document."""
    if isinstance(found, NotATable):
        raise RecordProblem(found)
    if document.single and not way and isinstance(found, Mapping):
        yield way, document.stem, found
    elif isinstance(found, Mapping):
        for key, item in found.items():
            yield (*way, key), key, _record({} if item is None else item, document, (*way, key))
    elif isinstance(found, (list, tuple)):
        for position, item in enumerate(found):
            yield (*way, position), None, _record(item, document, (*way, position))
    elif found is not None:
        raise RecordProblem(f"{_where(document, way)} is neither a list nor a dictionary of records")


def _record(item: Any, document: Document, way: Way) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        kind = "a list" if isinstance(item, (list, tuple)) else "a single value"
        raise RecordProblem(
            f"{_where(document, way)} should be a record, a dictionary, and is {kind}; "
            'name the path of the records with "from" in the mapping'
        )
    return item


def _where(document: Document, way: Way) -> str:
    return f"{document.name}, {text_of_way(way)}" if way else f"{document.name}: the root"
