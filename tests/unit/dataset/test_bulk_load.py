# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Adding many objects at once from plain dicts."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import DSync, DSyncModel, ObjectAlreadyExists, ObjectNotFound, ObjectStoreWrongType
from dsync.dataset import bulk_load as rows
from pydantic import ValidationError


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("region", "name")
    _children = {"device": "devices"}
    region: str
    name: str
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role",)
    name: str
    role: str = "router"
    site: str


class Shouting(Device):
    def get_unique_id(self) -> str:
        return self.name.upper()


class Estate(DSync):
    site = Site
    device = Device
    top_level = ["site"]


class Loud(Estate):
    device = Shouting


SITES = [{"region": "eu", "name": "zrh"}, {"region": "us", "name": "nyc"}]
DEVICES = [
    {"name": "r1", "site": "zrh", "of": "eu", "rack": 1},
    {"name": "r2", "site": "nyc", "of": "us"},
    {"name": "r3", "site": "zrh", "of": "eu", "role": "switch"},
]
BELONGS = {"region": "of", "name": "site"}


def loaded(cls: type[DSync] = Estate, devices: Any = None, **family: Any) -> DSync:
    dataset = cls()
    dataset.add_rows("site", SITES)
    dataset.add_rows("device", DEVICES if devices is None else devices, **(family or {"parent": "site", "parent_ids": BELONGS}))
    return dataset


def one_by_one() -> DSync:
    dataset = Estate()
    for row in SITES:
        dataset.add(Site(**row))
    for row in DEVICES:
        device = Device(**row)
        dataset.add(device)
        dataset.get("site", {"region": row["of"], "name": row["site"]}).add_child(device)
    return dataset


def test_rows_make_the_same_dataset_as_objects_one_by_one() -> None:
    many, single = loaded(), one_by_one()
    assert many.dict(exclude_defaults=False) == single.dict(exclude_defaults=False)
    assert not many.diff_from(single).has_diffs()
    assert all(obj.dsync is many for obj in many.get_all("device"))


def test_the_number_of_objects_is_returned_and_rows_may_come_from_a_generator() -> None:
    dataset = Estate()
    assert dataset.add_rows(Site, (row for row in SITES)) == 2
    assert dataset.add_rows("device", []) == 0
    assert len(dataset) == 2


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH", 1)
    assert loaded().dict() == one_by_one().dict()


def test_an_overridden_unique_id_is_honoured() -> None:
    dataset = loaded(Loud)
    assert dataset.get("device", "R1").name == "r1"
    assert dataset.get("site", "eu__zrh").devices == ["R1", "R3"]


def test_children_that_were_listed_before_stay() -> None:
    dataset = loaded()
    dataset.add_rows("device", [{"name": "r4", "site": "zrh", "of": "eu"}], parent="site", parent_ids=BELONGS)
    assert dataset.get("site", "eu__zrh").devices == ["r1", "r3", "r4"]


@pytest.mark.parametrize("devices", [[*DEVICES, DEVICES[0]], [{**DEVICES[0], "role": "x"}, DEVICES[0]]])
def test_a_row_that_comes_twice_is_refused_and_nothing_is_added(devices: Any) -> None:
    dataset = loaded(devices=[])
    with pytest.raises(ObjectAlreadyExists, match='Estate has two device objects with the identity "r1"') as caught:
        dataset.add_rows("device", devices, parent="site", parent_ids=BELONGS)
    assert caught.value.existing.name == caught.value.new.name == "r1"
    assert dataset.count("device") == 0
    assert dataset.get("site", "eu__zrh").devices == []


def test_a_row_that_is_there_already_is_refused() -> None:
    dataset = loaded()
    with pytest.raises(ObjectAlreadyExists, match='"r2"'):
        dataset.add_rows("device", [{"name": "r9", "site": "zrh", "of": "eu"}, DEVICES[1]], parent="site", parent_ids=BELONGS)
    assert dataset.count("device") == 3
    assert dataset.get("site", "eu__zrh").devices == ["r1", "r3"]


def test_a_row_that_does_not_fit_is_named_and_nothing_is_added() -> None:
    dataset = Estate()
    with pytest.raises(ValidationError, match='site "us__1"'):
        dataset.add_rows("site", [*SITES, {"region": "us", "name": 1}])
    assert len(dataset) == 0


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"name": "r9", "site": "rome", "of": "eu"}, 'the parent of device "r9" is not in Estate: no site "eu__rome"'),
        ({"name": "r9", "site": "rome"}, "the row of device \"r9\" does not say which site it belongs to: it has no 'of'"),
    ],
)
def test_a_row_without_a_parent_is_named_and_nothing_is_added(row: Any, sentence: str) -> None:
    dataset = loaded(devices=[])
    with pytest.raises(ObjectNotFound) as caught:
        dataset.add_rows("device", [DEVICES[0], row], parent="site", parent_ids=BELONGS)
    assert str(caught.value) == sentence
    assert dataset.count("device") == 0
    assert dataset.get("site", "eu__zrh").devices == []


@pytest.mark.parametrize(
    ("model", "family", "error", "sentence"),
    [
        ("rack", {}, ObjectStoreWrongType, 'Estate has no model "rack" (it has: site, device)'),
        ("site", {"parent": "device", "parent_ids": {"name": "x"}}, ObjectStoreWrongType, "a site cannot be the child of a device"),
        (
            "device",
            {"parent": "site", "parent_ids": {"name": "site"}},
            ValueError,
            "each identifier of site (region, name), and names name",
        ),
        ("device", {"parent": "site"}, ValueError, "names none"),
    ],
)
def test_a_wrong_call_is_explained(model: str, family: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        Estate().add_rows(model, DEVICES, **family)
    assert sentence in str(caught.value)
