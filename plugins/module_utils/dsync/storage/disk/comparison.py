# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of two datasets on disk: a filter, so that only objects that may differ are held in memory and compared.

The rows of both sides are read once, in the order of their ids. An object is left out if both sides have it at the same place
with the same encodings of all compared attributes: then it, and all objects above it, are on both sides, and it neither moves nor
differs. All others are compared as objects always are, together with the objects above them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, compress, count
from operator import itemgetter, ne
from typing import Any, NamedTuple

from ...dataset.dataset import Dataset
from ...dataset.memory_store import MemoryStore
from ...dataset.tree import children_of
from ...diff.matching import Matching, matching_of
from ...exceptions import ModelMismatch
from ...model.child_ids import extend_uids
from ...model.identity import ObjectRef
from ...model.model import DSyncModel
from .store import DiskStore
from .table import objects_above, place_below

_AT_FIRST = 32
"""Number of rows that are compared in the first step; it doubles as long as they are equal."""

Block = list[tuple[Any, ...]]
"""Rows of a stream: unique id, place, encodings of the compared attributes."""

Wanted = dict[str, set[str]]
"""Model → the ids of the objects to compare."""


class Narrowed(NamedTuple):
    """Two datasets without the objects that are certainly the same.

    Attributes:
        source: the source; to be compared, and not to be changed.
        target: the target; to be compared, and not to be changed.
        same: model → number of the objects that were left out, the same on both sides.
    """

    source: Dataset
    target: Dataset
    same: dict[str, int]


class PartStore(MemoryStore):
    """Some of the objects of a store.

    Args:
        whole: the store; not changed.
    """

    def __init__(self, whole: DiskStore) -> None:
        super().__init__()
        self._whole = whole

    def values(self, modelname: str, name: str) -> Iterator[Any]:
        return self._whole.values(modelname, name)

    def kinds(self, modelname: str) -> set[type[DSyncModel]]:
        return self._whole.kinds(modelname)


def narrowed(source: Dataset, target: Dataset) -> Narrowed | None:
    """Return two datasets without the objects that are certainly the same; None if these cannot be told.

    Args:
        source: the dataset with the desired state, all objects of which are compared; not changed.
        target: the dataset to change; not changed.
    """
    stores = source.store, target.store
    if not isinstance(stores[0], DiskStore) or not isinstance(stores[1], DiskStore) or not _are_alike(source, target):
        return None
    sides = (_Part(source, stores[0]), _Part(target, stores[1]))
    try:
        wanted = _wanted(*sides)
    except ModelMismatch:  # the comparison itself says so
        return None
    if any(wanted.values()):
        for side in sides:
            side.index()  # now, and not when a change is made
    left, right = (side.dataset_of(wanted) for side in sides)
    counts = {model: target.store.count(model) - right.store.count(model) for model in target.store.model_names()}
    return Narrowed(left, right, {model: number for model, number in counts.items() if number})


def _are_alike(source: Dataset, target: Dataset) -> bool:
    """Return whether two datasets have the same models at the same places."""
    left, right = source.models(), target.models()
    if {*source.top_level} != {*target.top_level} or left.keys() != right.keys():
        return False
    return all(kind._children.keys() == right[name]._children.keys() for name, kind in left.items())


def _wanted(source: _Part, target: _Part) -> Wanted:
    """Return the objects that may differ, or move, and all objects above them. Raises ModelMismatch."""
    wanted: Wanted = {}
    for model in dict.fromkeys(chain(source.store.known_models(), target.store.known_models())):
        matching = matching_of(model, source.dataset, target.dataset)
        wanted[model] = {uid for side in (source, target) for uid in side.unsure(matching)}
        left, right = source.store.table(model), target.store.table(model)
        if left is not None and right is not None:
            emptied = [name for name in matching.by.names if name in target.dataset.without_empty(model)]
            wanted[model].update(left.empty(emptied), _unlike(*(table.encoded(matching.by.names) for table in (left, right))))
        else:
            wanted[model].update(uid for table in (left, right) if table is not None for _number, uid in table.uids())
    todo = {ref for side in (source, target) for ref in side.touched()}
    todo.update(ObjectRef(model, uid) for model, uids in wanted.items() for uid in uids)
    while todo:
        for ref in todo:
            wanted.setdefault(ref.model, set()).add(ref.id)
        above = {one for ref in todo for side in (source, target) for one in objects_above(side.place(ref))}
        todo = {ref for ref in above if ref.id not in wanted.get(ref.model, ())}
    return wanted


class _Part:
    """One side of a comparison, and the objects of it in memory that are not as their rows any more.

    Args:
        dataset: the side; not changed.
        store: its store.
    """

    def __init__(self, dataset: Dataset, store: DiskStore) -> None:
        self.dataset, self.store = dataset, store
        self._tables = {model: table for model in store.known_models() if (table := store.table(model)) is not None}
        self._lost = [model for model, table in self._tables.items() if table.has_tops and model not in dataset.top_level]
        self._changed = {
            ObjectRef(model, uid): obj
            for model in store.model_names()
            for uid, (_number, obj) in store.in_memory(model).items()
            if not self._is_as_added(model, obj)
        }

    def _is_as_added(self, model: str, obj: DSyncModel) -> bool:
        """Return whether an object in memory is still as its row."""
        table, uid = self._tables.get(model), obj.get_unique_id()
        if table is None or uid in self.store.removed(model) or obj.model_flags or not table.is_same(obj):
            return False
        ids = self.store.row_children(ObjectRef(model, uid), table.place(uid))
        return all(getattr(obj, field) == ids.get(child, []) for child, field in obj._children.items())

    def unsure(self, matching: Matching) -> Iterator[str]:
        """Yield the ids of the rows of a model that are compared in any case: those that may be nowhere in the tree, or below an
        object in memory, and those of siblings that may have the same short name."""
        table = self._tables.get(matching.model)
        if table is None:
            return
        if matching.model in self._lost:
            yield from table.without_parent()
        yield from table.unsure()
        for lost in self._lost:
            yield from table.starting_with(place_below(None, ObjectRef(lost, ""))[:-1])
        names = [one.shortnames.names for one in (matching.source, matching.target) if one.shortnames is not None]
        if any(not some or not set(some) <= set(matching.identifiers) for some in names):
            yield from (uid for _number, uid in table.uids())
        elif names:
            yield from table.mixed([name for name in matching.identifiers if any(name not in some for some in names)])

    def touched(self) -> Iterator[ObjectRef]:
        """Yield the objects in memory that changed, and all those below them and below removed ones, before and now."""
        yield from self._changed
        for model in self._tables:
            yield from (ObjectRef(model, uid) for uid in self.store.removed(model))
        removed = [ObjectRef(model, uid) for model in self._tables for uid in self.store.removed(model)]
        children = [child for obj in self._changed.values() for child in children_of(obj)]
        yield from children
        for ref in (*self._changed, *removed, *children):
            below = place_below(self.place(ref), ref)
            for model, table in self._tables.items():
                yield from (ObjectRef(model, uid) for uid in table.starting_with(below))

    def index(self) -> None:
        """Have children found without reading all rows."""
        for table in self._tables.values():
            table.index()

    def place(self, ref: ObjectRef) -> str | None:
        """Return the place of the row of an object; None if it has no row, or no parent."""
        table = self._tables.get(ref.model)
        return None if table is None else table.place(ref.id)

    def dataset_of(self, wanted: Wanted) -> Dataset:
        """Return a dataset with some of the objects, which may be the objects themselves, in the same order."""
        store = PartStore(self.store)
        rows: dict[ObjectRef, DSyncModel] = {}
        listed: dict[str, list[tuple[int, ObjectRef]]] = {}
        for model in self.store.known_models():
            memory, removed, found = self.store.in_memory(model), self.store.removed(model), []
            for uid in wanted.get(model, ()):
                ref = ObjectRef(model, uid)
                row = self._tables[model].row(uid) if model in self._tables else None
                if row is not None and row.place is not None:
                    listed.setdefault(row.place, []).append((row.number, ref))
                if ref in self._changed:
                    found.append(memory[uid])
                elif row is not None and uid not in removed:
                    found.append((row.number, row.obj))
                    rows[ref] = row.obj
            for _number, obj in sorted(found, key=itemgetter(0)):
                store.put(model, obj.get_unique_id(), obj)
        for place, children in listed.items():
            self._list_children(rows.get(objects_above(place)[-1]), [ref for _number, ref in sorted(children)])
        twin: Dataset = object.__new__(type(self.dataset))
        twin.__dict__.update(self.dataset.__dict__, store=store)
        return twin

    @staticmethod
    def _list_children(parent: DSyncModel | None, children: Sequence[ObjectRef]) -> None:
        """Add children to the lists of a parent, unless it is an object that lists its children itself."""
        for model, field in () if parent is None else parent._children.items():
            uids = [ref.id for ref in children if ref.model == model]
            if parent is not None and uids:
                extend_uids(parent.__dict__, field, uids)


# ---------------------------------------------------------------------- two streams


def _unlike(left: Iterator[Block], right: Iterator[Block]) -> Iterator[str]:
    """Yield the ids of the rows of two streams, both in the order of their ids, that have no equal row in the other one."""
    mine, theirs = _Window(left), _Window(right)
    while mine.rows and theirs.rows:
        if mine.pass_equal(theirs):
            continue
        one, other = mine.rows[mine.at], theirs.rows[theirs.at]
        yield min(one[0], other[0])
        if one[0] <= other[0]:
            mine.step(1)
        if other[0] <= one[0]:
            theirs.step(1)
    for window in (mine, theirs):
        while window.rows:
            yield window.rows[window.at][0]
            window.step(1)


class _Window:
    """A place in a stream.

    Attributes:
        rows: a block of it; empty at the end.
        at: the place in the block.
    """

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks, self.at = blocks, 0
        self.rows = next(blocks, [])

    def step(self, number: int) -> None:
        """Pass some rows, no more than the block has."""
        self.at += number
        if self.at == len(self.rows):
            self.rows, self.at = next(self._blocks, []), 0

    def pass_equal(self, other: _Window) -> bool:
        """Pass the rows of both streams as long as they are equal, up to the end of a block; return whether any were."""
        step, passed = _AT_FIRST, False
        while True:
            number = min(step, len(self.rows) - self.at, len(other.rows) - other.at)
            some, others = self.rows[self.at : self.at + number], other.rows[other.at : other.at + number]
            if some != others:
                number = next(compress(count(), map(ne, some, others)), number)
            if number:
                passed = True
                ends = self.at + number == len(self.rows) or other.at + number == len(other.rows)
                self.step(number)
                other.step(number)
                if ends:
                    return True
            if some != others or not number:
                return passed
            step *= 2
