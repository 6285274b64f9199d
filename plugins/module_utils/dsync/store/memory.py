# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The default store: dicts in this process's memory."""

from __future__ import annotations

from collections.abc import Iterable

from ..exceptions import ObjectNotFound
from ..model import DSyncModel
from .base import BaseStore


class MemoryStore(BaseStore):
    """Keeps the objects themselves; what is changed on an object is changed in the store."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, DSyncModel]] = {}
        self._kinds: dict[str, set[type[DSyncModel]]] = {}

    def _table(self, modelname: str, kind: type[DSyncModel]) -> dict[str, DSyncModel]:
        """Return the table of a model, noting that it holds objects of class ``kind``."""
        try:
            self._kinds[modelname].add(kind)
            return self._tables[modelname]
        except KeyError:
            self._kinds[modelname] = {kind}
            return self._tables.setdefault(modelname, {})

    def put(self, modelname: str, uid: str, obj: DSyncModel) -> None:
        self._table(modelname, type(obj))[uid] = obj

    def put_new(self, modelname: str, uid: str, obj: DSyncModel) -> DSyncModel:
        return self._table(modelname, type(obj)).setdefault(uid, obj)

    def find(self, modelname: str, uid: str) -> DSyncModel | None:
        return self._tables.get(modelname, {}).get(uid)

    def discard(self, modelname: str, uid: str) -> bool:
        return self._tables.get(modelname, {}).pop(uid, None) is not None

    def uids(self, modelname: str) -> list[str]:
        return list(self._tables.get(modelname, ()))

    def objects(self, modelname: str) -> list[DSyncModel]:
        return list(self._tables.get(modelname, {}).values())

    def model_names(self) -> list[str]:
        return [name for name, table in self._tables.items() if table]

    def count(self, modelname: str | None = None) -> int:
        if modelname is not None:
            return len(self._tables.get(modelname, ()))
        return sum(map(len, self._tables.values()))

    def kinds(self, modelname: str) -> set[type[DSyncModel]]:
        return set(self._kinds.get(modelname, ()))

    def objects_of(self, modelname: str, uids: Iterable[str]) -> list[DSyncModel]:
        try:
            return list(map(self._tables.get(modelname, {}).__getitem__, uids))
        except KeyError as error:
            raise ObjectNotFound(f'no {modelname} "{error.args[0]}"', error.args[0]) from None
