# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The default store: dicts in this process's memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..exceptions import ObjectNotFound
from ..model.model import DSyncModel
from .store import BaseStore


class _Table(dict[str, DSyncModel]):
    """The objects of one model by id, and their classes."""

    __slots__ = ("kinds",)

    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[type[DSyncModel]] = set()


_EMPTY = _Table()


class MemoryStore(BaseStore):
    """Stores the objects themselves; changes to an object are changes in the store."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

    def _table(self, modelname: str, kind: type[DSyncModel]) -> _Table:
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

    def find(self, modelname: str, uid: str) -> DSyncModel | None:
        return self._tables.get(modelname, _EMPTY).get(uid)

    def discard(self, modelname: str, uid: str) -> bool:
        return self._tables.get(modelname, _EMPTY).pop(uid, None) is not None

    def uids(self, modelname: str) -> list[str]:
        return list(self._tables.get(modelname, _EMPTY))

    def objects(self, modelname: str) -> list[DSyncModel]:
        return list(self._tables.get(modelname, _EMPTY).values())

    def scan(self, modelname: str) -> tuple[list[str], list[DSyncModel]] | None:
        return self.uids(modelname), self.objects(modelname)

    def model_names(self) -> list[str]:
        return [name for name, table in self._tables.items() if table]

    def count(self, modelname: str | None = None) -> int:
        if modelname is not None:
            return len(self._tables.get(modelname, _EMPTY))
        return sum(map(len, self._tables.values()))

    def kinds(self, modelname: str) -> set[type[DSyncModel]]:
        return set(self._tables.get(modelname, _EMPTY).kinds)

    def objects_of(self, modelname: str, uids: Iterable[str]) -> list[DSyncModel]:
        try:
            return list(map(self._tables.get(modelname, _EMPTY).__getitem__, uids))
        except KeyError as error:
            raise ObjectNotFound(f'no {modelname} "{error.args[0]}"', error.args[0]) from None
