# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that a system documents: others are refused before a record is read, and those that take no value are never written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from dsync.adapters import Fields
from dsync.adapters.core.base import ChangedRecord, RecordAdapter, RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError
from dsync.records.definition import data_model
from dsync.records.mapping import ModelMap, Record

MODELS: dict[str, Any] = {
    "site": {"identifiers": ["name"], "children": ["device"]},
    "device": {"identifiers": ["name"], "attributes": {"role": "str", "total": "int"}},
}


class Documented(RecordAdapter):
    """A system with a schema."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.changes: list[Any] = []

    def fields_of(self, mapped: ModelMap) -> Fields | None:
        device = Fields(("name", "role", "total", "site", "data"), read_only=("total",), title="the table devices", word="column")
        return device if mapped.name == "device" else None

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        self.reads += 1
        return [{"name": "r1", "role": "core", "total": 1, "site": "nyc"}] if mapped.name == "device" else [{"name": "nyc"}]

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record]:
        self.changes += [one.values for one in records]
        return [{**one.record, **{path[0]: value for path, value in one.values.items()}} for one in records]


def documented(mapping: Any) -> Any:
    return Documented.bound(data_model(MODELS, base=RecordModel), {"device": {"parent": "site", **mapping}})()


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (
            {"fields": {"role": "rolle"}},
            'mapping.device.fields.role: the table devices has no column "rolle" (did you mean',
        ),
        (
            {"fields": {"role": {"expr": "role", "write": {"rol": "role"}}}},
            "mapping.device.fields.role.write: the table devices",
        ),
        ({"where": {"kind": 1}}, 'mapping.device.where.kind: the table devices has no column "kind" (known: name, role, total'),
        ({"key": "id"}, 'mapping.device.key: the table devices has no column "id"'),
        ({"parent": "sites"}, 'mapping.device.parent.name: the table devices has no column "sites" (did you mean "site"?'),
        ({"parent": {"match": {"site_id": "id"}}}, 'mapping.device.parent.match: the table devices has no column "site_id"'),
    ],
)
def test_a_field_that_does_not_exist_is_refused_before_anything_is_read(mapping: Any, said: str) -> None:
    adapter = documented(mapping)
    with pytest.raises(DefinitionError) as caught:
        adapter.load()
    assert str(caught.value).startswith(said)
    assert adapter.reads == 0


def test_a_field_that_takes_no_value_is_compared_and_not_written() -> None:
    adapter = documented({})
    adapter.load()
    records = {"site": [{"name": "nyc"}], "device": [{"name": "r1", "role": "edge", "total": 2, "site": "nyc"}]}
    source = MemoryAdapter.bound(data_model(MODELS, base=RecordModel), {"device": {"parent": "site"}})(records=records)
    source.load()
    (element,) = (one for one in adapter.diff_from(source).walk() if one.type == "device")
    assert element.get_attrs_diffs()["+"] == {"role": "edge", "total": 2}
    adapter.sync_from(source)
    assert adapter.changes == [{("role",): "edge"}]
