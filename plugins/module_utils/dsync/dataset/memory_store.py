# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The default store: dicts in this process's memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..exceptions import ObjectNotFound
from ..model.model import DSyncModel
from ..model.owner import Owner
from .columns import ColumnTable, column_table
from .store import BaseStore


class _Table(dict[str, DSyncModel]):
    """The objects of one model by id, and their classes."""

    __slots__ = ("kinds",)

    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[type[DSyncModel]] = set()


_EMPTY = _Table()


class MemoryStore(BaseStore):
    """Stores the objects themselves; changes to an object are changes in the store.

    Plain objects that are added in bulk are made when somebody asks for them (:mod:`.dataset.columns`).
    """

    def __init__(self) -> None:
        self._tables: dict[str, _Table | ColumnTable] = {}

    def _table(self, modelname: str, kind: type[DSyncModel]) -> _Table | ColumnTable:
        """Return the table of a model to which an object of class ``kind`` is added next."""
        table = self._tables.setdefault(modelname, _Table())
        table.kinds.add(kind)
        return table

    def put(self, modelname: str, uid: str, obj: DSyncModel) -> None:
        self._table(modelname, obj.__class__)[uid] = obj

    def put_new(self, modelname: str, uid: str, obj: DSyncModel) -> DSyncModel:
        table = self._tables.get(modelname)
        if table is None or obj.__class__ not in table.kinds:
            table = self._table(modelname, obj.__class__)
        return table.setdefault(uid, obj)

    def put_all_new(self, modelname: str, uids: Sequence[str], objs: Sequence[DSyncModel]) -> int | None:
        new = dict(zip(uids, objs))
        table = self._tables.setdefault(modelname, _Table())
        if len(new) < len(uids) or not table.keys().isdisjoint(new):
            return super().put_all_new(modelname, uids, objs)
        table.kinds.update(map(type, objs))
        table.update(new)
        return None

    def columns(self, model: type[DSyncModel], owner: Owner) -> ColumnTable | None:
        table = self._tables.get(model.get_type())
        if not table:
            table = column_table(model, owner)
            if table is not None:
                self._tables[model.get_type()] = table
        return table if isinstance(table, ColumnTable) and table.holds(model, owner) else None

    def find(self, modelname: str, uid: str) -> DSyncModel | None:
        return self._tables.get(modelname, _EMPTY).get(uid)

    def discard(self, modelname: str, uid: str) -> bool:
        return self._tables.get(modelname, _EMPTY).pop(uid, None) is not None

    def uids(self, modelname: str) -> list[str]:
        return list(self._tables.get(modelname, _EMPTY))

    def objects(self, modelname: str) -> list[DSyncModel]:
        return list(self._tables.get(modelname, _EMPTY).values())

    def scan(self, modelname: str) -> tuple[list[str], Sequence[DSyncModel]] | None:
        table = self._tables.get(modelname, _EMPTY)
        return (table.ids(), table.scan()) if isinstance(table, ColumnTable) else (list(table), list(table.values()))

    def values(self, modelname: str, name: str) -> Iterable[Any]:
        table = self._tables.get(modelname)
        return table.values_now(name) if isinstance(table, ColumnTable) else super().values(modelname, name)

    def model_names(self) -> list[str]:
        return [name for name, table in self._tables.items() if table]

    def count(self, modelname: str | None = None) -> int:
        if modelname is not None:
            return len(self._tables.get(modelname, _EMPTY))
        return sum(map(len, self._tables.values()))

    def kinds(self, modelname: str) -> set[type[DSyncModel]]:
        return set(self._tables.get(modelname, _EMPTY).kinds)

    def objects_of(self, modelname: str, uids: Iterable[str]) -> Sequence[DSyncModel]:
        table = self._tables.get(modelname, _EMPTY)
        try:
            return table.of_ids(uids) if isinstance(table, ColumnTable) else list(map(table.__getitem__, uids))
        except KeyError as error:
            raise ObjectNotFound(f'no {modelname} "{error.args[0]}"', error.args[0]) from None
