# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Stores keep objects by model and id; a comparison does not mind which one it reads."""

from __future__ import annotations

import copy

import pytest
from dsync import DSyncModel, ObjectNotFound
from dsync.dataset.memory_store import MemoryStore
from dsync.dataset.store import BaseStore
from estate import EXPECTED, SOURCE, TARGET, Device, Estate, Site, estate


class CopyingStore(BaseStore):
    """Gives out copies, as a store on disk does: what is changed is only kept by ``put``."""

    def __init__(self) -> None:
        self.inner = MemoryStore()

    @staticmethod
    def _copy(obj: DSyncModel | None) -> DSyncModel | None:
        if obj is None:
            return None
        twin = copy.deepcopy(obj)
        twin.dsync = obj.dsync
        return twin

    def put(self, modelname: str, uid: str, obj: DSyncModel) -> None:
        obj.dsync = self.owner
        self.inner.put(modelname, uid, self._copy(obj))

    def put_new(self, modelname: str, uid: str, obj: DSyncModel) -> DSyncModel:
        if self.inner.find(modelname, uid) is None:
            self.put(modelname, uid, obj)
            return obj
        return self.find(modelname, uid)

    def find(self, modelname: str, uid: str) -> DSyncModel | None:
        return self._copy(self.inner.find(modelname, uid))

    def discard(self, modelname: str, uid: str) -> bool:
        return self.inner.discard(modelname, uid)

    def uids(self, modelname: str) -> list[str]:
        return self.inner.uids(modelname)

    def objects(self, modelname: str) -> list[DSyncModel]:
        return [self._copy(obj) for obj in self.inner.objects(modelname)]

    def model_names(self) -> list[str]:
        return self.inner.model_names()

    def count(self, modelname: str | None = None) -> int:
        return self.inner.count(modelname)


def copying(data: Estate) -> Estate:
    made = Estate(internal_storage_engine=CopyingStore)
    made.store.owner = made
    for model in data.store.model_names():
        for obj in data.get_all(model):
            made.add(obj)
    return made


@pytest.mark.parametrize("store", [MemoryStore, CopyingStore])
def test_the_contract(store: type[BaseStore]) -> None:
    kept = store()
    kept.owner = None
    site, twin = Site(name="a"), Site(name="a", contact="x")
    assert kept.put_new("site", "a", site) is site
    assert kept.put_new("site", "a", twin) == site
    assert kept.find("site", "a") == site
    kept.put("site", "a", twin)
    assert kept.find("site", "a") == twin
    assert kept.find("site", "b") is kept.find("ship", "b") is None
    kept.put("device", "d", Device(name="d"))
    assert kept.uids("site") == ["a"]
    assert kept.uids("ship") == kept.objects("ship") == []
    assert kept.objects("site") == kept.objects_of("site", ["a"]) == [twin]
    assert kept.objects_of("site", []) == []
    with pytest.raises(ObjectNotFound, match="b") as caught:
        kept.objects_of("site", ["a", "b"])
    assert caught.value.args[1] == "b"
    assert kept.model_names() == ["site", "device"]
    assert (kept.count(), kept.count("site"), kept.count("ship")) == (2, 1, 0)
    assert kept.kinds("site") == {Site}
    assert kept.kinds("ship") == set()
    assert kept.discard("site", "a")
    assert not kept.discard("site", "a")
    assert not kept.discard("ship", "a")
    assert kept.model_names() == ["device"]


def test_a_store_that_gives_out_copies_is_synchronised() -> None:
    target, source = copying(estate(TARGET)), copying(estate(SOURCE))
    target.sync_from(source)
    assert target.log == EXPECTED
    assert not target.diff_from(source).has_diffs()
    assert target.get("site", "nyc").devices == ["rtr-1", "sw-1"]
    target.sync_from(estate())
    assert len(target) == 0
