# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The store on disk: what is added in bulk is a row in a file, and becomes an object in memory when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from operator import itemgetter
from typing import Any, TypeVar

from ...dataset.store import BaseStore
from ...exceptions import ObjectNotFound
from ...model.identity import ObjectRef
from ...model.model import DSyncModel
from ...model.owner import Owner
from .database import Database, default_directory
from .table import UNSURE, DiskTable, EncodedColumns, Row, disk_table, place_below

_Read = TypeVar("_Read")


class _Objects:
    """The objects of one model: its rows, and the objects in memory, which take the place of rows with their ids.

    Attributes:
        table: the rows; None if the class needs objects.
        made: id → object in memory.
        numbers: id of an object in memory → its number in the order of the model.
        gone: the ids of rows whose objects were removed.
        kinds: the classes of all objects.
    """

    def __init__(self, table: DiskTable | None) -> None:
        self.table = table
        self.made: dict[str, DSyncModel] = {}
        self.numbers: dict[str, int] = {}
        self.gone: set[str] = set()
        self.kinds: set[type[DSyncModel]] = set()
        self._next = 0
        self._replaced = 0  # objects in memory that have rows

    def __len__(self) -> int:
        rows = 0 if self.table is None else self.table.size
        return rows - len(self.gone) + len(self.made) - self._replaced

    def has(self, uid: str) -> bool:
        """Return whether there is an object with an id."""
        return uid in self.made or self.is_row(uid)

    def rows_of(self, uids: Iterable[str]) -> dict[str, str | None]:
        """Return id → place of the rows with some ids, except for those whose objects were removed."""
        places = {} if self.table is None else self.table.places(list(uids))
        return {uid: place for uid, place in places.items() if uid not in self.gone} if self.gone else places

    def is_row(self, uid: str) -> bool:
        """Return whether the object with an id is a row that counts."""
        return uid not in self.made and uid not in self.gone and self.table is not None and self.table.has(uid)

    def next_number(self, number: int = 1) -> int:
        """Return the number of the first of some new objects."""
        self._next += number
        return self._next - number

    def keep(self, uid: str, obj: DSyncModel, number: int | None = None) -> None:
        """Hold an object in memory: from now on it counts, and not its row, which has ``number``."""
        self.kinds.add(obj.__class__)
        if uid not in self.made:
            self._replaced += number is not None
            self.numbers[uid] = self.next_number() if number is None else number
        self.made[uid] = obj

    def remove(self, uid: str) -> bool:
        """Remove an object; return whether it existed."""
        is_row = self.is_row(uid)
        if self.made.pop(uid, None) is not None:
            del self.numbers[uid]
            has_row = uid not in self.gone and self.table is not None and self.table.has(uid)
            self._replaced -= has_row
            is_row = is_row or has_row
        elif not is_row:
            return False
        if is_row:
            self.gone.add(uid)
        return True

    def merged(self, rows: Iterable[tuple[int, str, _Read]], read: Callable[[DSyncModel], _Read]) -> Iterator[_Read]:
        """Yield something of each object, in order.

        Args:
            rows: number, id, and what is to be yielded, for each row in order.
            read: returns the same for an object in memory.
        """
        left_out = {*self.made, *self.gone}  # as they are now: the caller may ask for objects meanwhile
        made = sorted(((self.numbers[uid], obj) for uid, obj in self.made.items()), key=itemgetter(0))
        at = 0
        for number, uid, value in rows:
            while at < len(made) and made[at][0] < number:
                yield read(made[at][1])
                at += 1
            if uid not in left_out:
                yield value
        yield from (read(obj) for _number, obj in made[at:])


class DiskStore(BaseStore):
    """Holds plain objects that are added with :meth:`.dataset.Dataset.add_rows` in a private file, and all others in memory.

    Two datasets that both have such a store are compared without holding more in memory than what differs
    (:mod:`.storage.disk.comparison`). The parents of such objects should be added with ``add_rows``, too. Only this process can
    open the file, and nothing is left of it when the process ends.

    Args:
        directory: where to create the file; None for ``TMPDIR``, or else /var/tmp.

    Raises:
        ObjectStoreException: it cannot be created or written.
    """

    is_on_disk = True

    def __init__(self, directory: str | None = None) -> None:
        self._database = Database(default_directory() if directory is None else directory)
        self._models: dict[str, _Objects] = {}
        self._empty = _Objects(None)

    def _of(self, modelname: str) -> _Objects:
        return self._models.get(modelname, self._empty)

    def _to(self, modelname: str) -> _Objects:
        if modelname not in self._models:
            self._models[modelname] = _Objects(None)
        return self._models[modelname]

    # ------------------------------------------------------------------ rows

    def columns(self, model: type[DSyncModel], owner: Owner) -> DiskTable | None:
        objects = self._to(model.get_type())
        if objects.table is None:
            objects.table = disk_table(model, owner, self._database, f"model{len(self._models)}")
        table = objects.table
        return table if table is not None and table.holds(model, owner) else None

    def add_columns(self, table: Any, columns: Any, parent: str | None, children: Mapping[str, list[str]]) -> int | None:
        objects, uids = self._to(table.model.get_type()), columns.uids
        places = {} if parent is None else self._places_of_children(parent, children)
        are_free = objects.made.keys().isdisjoint(uids) and objects.gone.isdisjoint(uids)
        if are_free and table.add(columns, objects.next_number(len(uids)), places):
            objects.kinds.add(table.model)
            return None
        place = self._put_new_objects(objects, table, columns)
        for parent_uid in children if place is None else ():
            self.find(str(parent), parent_uid)  # in memory, it lists children itself
        return place

    def _put_new_objects(self, objects: _Objects, table: DiskTable, columns: EncodedColumns) -> int | None:
        """Hold new objects in memory, since rows of removed objects have their ids, unless one is taken."""
        seen: set[str] = set()
        for at, uid in enumerate(columns.uids):
            if uid in seen or objects.has(uid):
                return at
            seen.add(uid)
        for at, uid in enumerate(columns.uids):
            objects.keep(uid, table.obj(columns, at))
        return None

    def _places_of_children(self, parent: str, children: Mapping[str, list[str]]) -> dict[str, str]:
        """Return unique id → place of new children."""
        rows, found = self._of(parent).rows_of(children), {}
        for parent_uid, uids in children.items():
            place = place_below(rows.get(parent_uid, UNSURE), ObjectRef(parent, parent_uid))
            found.update(dict.fromkeys(uids, place))
        return found

    def listing(self, modelname: str, uids: Iterable[str]) -> Set[str]:
        objects = self._of(modelname)
        return objects.rows_of(uids).keys() - objects.made.keys()

    def missing(self, modelname: str, uids: Iterable[str]) -> list[str]:
        objects, some = self._of(modelname), list(uids)
        rows = objects.rows_of(some)
        return [uid for uid in some if uid not in rows and uid not in objects.made]

    def _made(self, objects: _Objects, uid: str) -> DSyncModel | None:
        """Return a row as an object in memory, with the ids of its children; None if there is none."""
        row = None if objects.table is None or uid in objects.gone else objects.table.row(uid)
        if row is None:
            return None
        objects.keep(uid, self._with_children(row), row.number)
        return row.obj

    def _with_children(self, row: Row) -> DSyncModel:
        """Return the object of a row, which lists its children now."""
        obj = row.obj
        for child, ids in self.row_children(ObjectRef(obj._modelname, row.uid), row.place).items():
            setattr(obj, obj._children[child], ids)
        return obj

    def row_children(self, ref: ObjectRef, place: str | None) -> dict[str, list[str]]:
        """Return model → ids of the children that were added with an object as their parent, in order.

        Args:
            ref: the object, which has a row.
            place: the place of its row.
        """
        below = place_below(place, ref)
        parents = self.table(ref.model)
        tables = {} if parents is None else {child: self.table(child) for child in parents.model._children}
        return {child: table.children(below) for child, table in tables.items() if table is not None}

    def table(self, modelname: str) -> DiskTable | None:
        """Return the rows of a model; None if it has none."""
        return self._of(modelname).table

    def known_models(self) -> list[str]:
        """Return the names of the models that have objects, or had some."""
        return list(self._models)

    def in_memory(self, modelname: str) -> Mapping[str, tuple[int, DSyncModel]]:
        """Return id → number and object of the objects of a model that are in memory."""
        objects = self._of(modelname)
        return {uid: (objects.numbers[uid], obj) for uid, obj in objects.made.items()}

    def removed(self, modelname: str) -> set[str]:
        """Return the ids of the rows of a model whose objects were removed."""
        return self._of(modelname).gone

    # ------------------------------------------------------------------ the contract of a store

    def put(self, modelname: str, uid: str, obj: DSyncModel) -> None:
        objects = self._to(modelname)
        if uid not in objects.made:
            self._made(objects, uid)  # its row no longer counts
        objects.keep(uid, obj)

    def put_new(self, modelname: str, uid: str, obj: DSyncModel) -> DSyncModel:
        existing = self.find(modelname, uid)
        if existing is None:
            self._to(modelname).keep(uid, obj)
        return obj if existing is None else existing

    def find(self, modelname: str, uid: str) -> DSyncModel | None:
        objects = self._of(modelname)
        found = objects.made.get(uid)
        return self._made(objects, uid) if found is None else found

    def discard(self, modelname: str, uid: str) -> bool:
        return self._of(modelname).remove(uid)

    def uids(self, modelname: str) -> list[str]:
        objects = self._of(modelname)
        rows = () if objects.table is None else objects.table.uids()
        return list(objects.merged(((number, uid, uid) for number, uid in rows), DSyncModel.get_unique_id))

    def objects(self, modelname: str) -> list[DSyncModel]:
        return [*self.objects_of(modelname, self.uids(modelname))]

    def each(self, modelname: str) -> Iterator[DSyncModel]:
        objects = self._of(modelname)
        rows = () if objects.table is None else objects.table.rows()
        return objects.merged(((row.number, row.uid, self._with_children(row)) for row in rows), lambda obj: obj)

    def values(self, modelname: str, name: str) -> Iterator[Any]:
        objects = self._of(modelname)
        if objects.table is None or name not in objects.table.model.model_fields or name in objects.table.lists:
            return iter([getattr(obj, name, None) for obj in self.objects(modelname)])
        return objects.merged(objects.table.values(name), lambda obj: getattr(obj, name, None))

    def model_names(self) -> list[str]:
        return [name for name, objects in self._models.items() if len(objects)]

    def count(self, modelname: str | None = None) -> int:
        return len(self._of(modelname)) if modelname is not None else sum(map(len, self._models.values()))

    def kinds(self, modelname: str) -> set[type[DSyncModel]]:
        return set(self._of(modelname).kinds)

    def objects_of(self, modelname: str, uids: Iterable[str]) -> Sequence[DSyncModel]:
        found = []
        for uid in uids:
            obj = self.find(modelname, uid)
            if obj is None:
                raise ObjectNotFound(f'no {modelname} "{uid}"', uid)
            found.append(obj)
        return found
