# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter `sql` and what a database lets no two rows have: what gives it up comes first, and swaps go through null."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.exceptions import ReferenceCycle
from dsync.model.declaration import Unique
from dsync.records.definition import data_model
from test_sql import database, rows

pytest.importorskip("sqlalchemy")

MODELS: dict[str, Any] = {
    "device": {"identifiers": ["name"], "attributes": {"serial": "str", "rack": "str | None", "unit": "int | None"}}
}
TABLE = (
    "CREATE TABLE device (name TEXT PRIMARY KEY, serial TEXT NOT NULL UNIQUE CHECK (serial <> 'broken'), rack TEXT, unit INTEGER,"
    "UNIQUE (rack, unit), UNIQUE (name, unit))"
)


def devices(*given: tuple[str, str, str | None, int | None]) -> list[dict[str, Any]]:
    return [dict(zip(("name", "serial", "rack", "unit"), one)) for one in given]


def sides(tmp_path: Path, there: str, wanted: list[dict[str, Any]], table: str = TABLE, **more: Any) -> tuple[Any, Any, Path]:
    base = database(tmp_path / "cmdb.db", table, f"INSERT INTO device VALUES {there}")
    models = data_model({"device": {**MODELS["device"], **more}}, base=RecordModel)
    target = SqlAdapter.bound(models)(url=f"sqlite:///{base}", transaction="batch")
    source = MemoryAdapter.bound(models)(records=wanted)
    target.load()
    source.load()
    return target, source, base


def synchronised(tmp_path: Path, there: str, wanted: list[dict[str, Any]], flags: DSyncFlags = DSyncFlags.NONE) -> tuple[Any, Any]:
    target, source, base = sides(tmp_path, there, wanted)
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags)
    return result, rows(base, "SELECT name, serial, rack, unit FROM device ORDER BY name")


def test_constraints_are_found(tmp_path: Path) -> None:
    target, _source, _base = sides(tmp_path, "('a', 'x', 'r', 1)", [])
    assert list(target.unique_fields("device")) == [Unique(("rack", "unit"), ("rack", "unit")), Unique(("serial",), ())]


def test_a_declaration_stands_and_says_what_the_database_takes(tmp_path: Path) -> None:
    table = TABLE.replace("rack TEXT", "rack TEXT NOT NULL")
    target, _source, _base = sides(tmp_path, "('a', 'x', 'r', 1)", [], table, unique=[["rack", "unit"]])
    assert list(target.unique_fields("device")) == [Unique(("rack", "unit"), ("unit",))]


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ("('a', 'x', 'r', 1), ('b', 'y', 'r', 2)", devices(("a", "x", "r", 2), ("b", "y", "r", 1))),
        ("('a', 'x', 'r', 1), ('b', 'y', 'r', 2)", devices(("a", "x", "r", 2), ("b", "y", "r", 3))),
        ("('old', 'x', 'r', 1)", devices(("new", "x", "r", 1))),
        ("('old', 'x', 'r', 1), ('b', 'y', NULL, NULL)", devices(("b", "x", "r", 1))),
    ],
)
def test_whatever_takes_values_comes_second(tmp_path: Path, there: str, wanted: list[dict[str, Any]]) -> None:
    result, found = synchronised(tmp_path, there, wanted)
    result.raise_for_failure()
    assert found == [tuple(one.values()) for one in wanted]


def test_a_row_whose_replacement_is_refused_stays(tmp_path: Path) -> None:
    wanted = devices(("new", "broken", "r", 1), ("other", "z", None, None))
    result, found = synchronised(tmp_path, "('old', 'x', 'r', 1)", wanted, DSyncFlags.CONTINUE_ON_FAILURE)
    assert {one.change.id: str(one.status) for one in result.outcomes} == {"old": "failed", "new": "failed", "other": "done"}
    assert found == [("old", "x", "r", 1), ("other", "z", None, None)]


def test_a_swap_of_what_is_never_null_is_refused_before_the_first_write(tmp_path: Path) -> None:
    wanted = devices(("a", "y", None, None), ("b", "x", None, None))
    target, source, _base = sides(tmp_path, "('a', 'x', NULL, NULL), ('b', 'y', NULL, NULL)", wanted)
    with pytest.raises(ReferenceCycle, match=r'update device "a" \(serial\) needs update device "b" \(serial\) needs the first'):
        Plan.from_diff(target.diff_from(source))
