# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Records that are read field by field give the same rows as records that are read one by one."""

from __future__ import annotations

from typing import Any

import pytest
from dsync.adapters import RecordAdapter, RecordModel
from dsync.exceptions import RecordProblem
from dsync.model.columns import ColumnRows
from dsync.records.columns import rows_of
from dsync.records.definition import data_model
from dsync.records.mapping import ModelMap
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

MODELS = {
    "port": {
        "identifiers": ["site", "name"],
        "attributes": {
            "mtu": "int",
            "label": "str | None",
            "speed": {"type": "int", "default": 1000},
            "note": {"type": "str", "default": ""},
        },
    }
}


class Lists(RecordAdapter):
    """Only its mapping is used."""


def mapped(fields: dict[str, Any] | None = None) -> ModelMap:
    return Lists.bound(data_model(MODELS, base=RecordModel), {"port": {"fields": fields or {}}})._maps["port"]


cells = st.sampled_from(["", "x", "7", " ", None, 7, True])
records = st.fixed_dictionaries(
    {"site": st.sampled_from(["a", "", " "]), "name": st.sampled_from(["x", "y"]), "mtu": cells, "label": cells, "speed": cells},
    optional={"note": cells, "other": cells},
)
FIELDS = [
    {},
    {"label": "other"},
    {"mtu": {"from": "mtu", "default": 1500}},
    {"label": {"value": "x"}},
    {"label": {"expr": "site ~ name"}},
    {"site": "name", "name": "site"},
]


@given(st.lists(records, max_size=5), st.sampled_from(FIELDS), st.booleans())
def test_rows_are_those_of_one_record_after_the_other(many: list[dict[str, Any]], fields: dict[str, Any], empty: bool) -> None:
    one = mapped(fields)
    found = rows_of(one, many, empty)
    if found is not None:
        assert [*found] == [one.row(record, empty) for record in many]


def test_plain_records_are_read_field_by_field() -> None:
    rows = [{"site": "a", "name": "x", "mtu": "1500", "label": "", "speed": "7", "note": "", "more": 1}]
    wanted = {"site": "a", "name": "x", "mtu": "1500", "label": None, "speed": "7", "note": ""}
    assert [*(rows_of(mapped(), rows, True) or ())] == [wanted]


@pytest.mark.parametrize("change", [{"site": " ", "name": ""}, {"speed": ""}, {"label": ...}], ids=["blank", "default", "absent"])
def test_a_record_that_has_to_be_looked_at_is_left_to_others(change: dict[str, Any]) -> None:
    record = {"site": "a", "name": "x", "mtu": "1500", "label": "", "speed": "7", "note": "", **change}
    assert rows_of(mapped(), [{name: value for name, value in record.items() if value is not ...}], True) is None
    if "site" in change:
        with pytest.raises(RecordProblem, match="site, name are all blank"):
            mapped().row(record)


TYPES = ["str", "int", "str | None", "int | None", "float", "bool | None", "list[str]", "str | bool", "list[int | None]"]
values = st.sampled_from(["", "x", "7", "07", "1e3", " 7", "true", '["a", "1"]', "[1]", None, 7, 1.0, True, ["a"], ["1"]])


@given(st.sampled_from(TYPES), st.lists(values, min_size=1, max_size=4))
def test_columns_are_validated_as_objects_are(kind: str, column: list[Any]) -> None:
    models = {"one": {"identifiers": ["at"], "attributes": {"value": kind}}}
    dataset = Lists.bound(data_model(models, base=RecordModel))()
    rows = [{"at": str(at), "value": value} for at, value in enumerate(column)]
    try:
        wanted = [dataset.one(**row).value for row in rows]
    except ValidationError:
        with pytest.raises(ValidationError):
            dataset.add_rows("one", ColumnRows({name: [row[name] for row in rows] for name in ("at", "value")}))
        return
    dataset.add_rows("one", ColumnRows({name: [row[name] for row in rows] for name in ("at", "value")}))
    assert [(type(obj.value), obj.value) for obj in dataset.get_all("one")] == [(type(value), value) for value in wanted]
