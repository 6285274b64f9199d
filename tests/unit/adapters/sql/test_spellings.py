# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter `sql` and keys that a database takes for the same: the row that is there is renamed; no second one is inserted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.adapters.sql.collations import _mysql_spelling, lowered_key
from dsync.exceptions import ObjectCrudException
from dsync.plan.undo import undo_plan
from dsync.records.definition import data_model
from test_sql import database, rows

pytest.importorskip("sqlalchemy")

MODELS: dict[str, Any] = {"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}
NESTED: dict[str, Any] = {
    "device": {"identifiers": ["name"], "attributes": {"role": "str"}, "children": ["port"]},
    "port": {"identifiers": ["device_name", "name"], "attributes": {"speed": "int"}},
}
NESTED_TABLES = (
    "CREATE TABLE device (id integer PRIMARY KEY, name text NOT NULL UNIQUE COLLATE NOCASE, role text, note text);"
    "CREATE TABLE port (device_id integer REFERENCES device (id), name text COLLATE NOCASE, speed integer, note text,"
    " PRIMARY KEY (device_id, name));"
    "INSERT INTO device VALUES (7, 'R1', 'core', 'kept'), (8, 'SW', 'edge', 'kept');"
    "INSERT INTO port VALUES (7, 'Ge0', 100, 'kept'), (7, 'Ge1', 100, 'kept');"
)


def target(base: Path, models: Any = None, mapping: Any = None) -> Any:
    made = SqlAdapter.bound(data_model(models or MODELS, base=RecordModel), mapping)(url=f"sqlite:///{base}")
    made.load()
    return made


def source(records: Any, models: Any = None, mapping: Any = None) -> Any:
    made = MemoryAdapter.bound(data_model(models or MODELS, base=RecordModel), mapping)(records=records)
    made.load()
    return made


def device_table(path: Path, column: str, *names: str) -> Path:
    values = ", ".join(f"('{name}', 'x', 'kept')" for name in names)
    return database(path / "x.db", f"CREATE TABLE device (name {column}, role text, note text); INSERT INTO device VALUES {values}")


@pytest.mark.parametrize(
    ("column", "there"),
    [
        ("text PRIMARY KEY COLLATE NOCASE", "R1"),
        ("text PRIMARY KEY COLLATE RTRIM", "r1  "),
        ("text COLLATE NOCASE NOT NULL UNIQUE", "R1"),
    ],
)
def test_a_row_with_another_spelling_of_the_key_is_renamed(tmp_path: Path, column: str, there: str) -> None:
    base = device_table(tmp_path, column, there, "other")
    wanted = source([{"name": "r1", "role": "y"}, {"name": "other", "role": "x"}])
    plan = Plan.from_diff(target(base).diff_from(wanted))
    assert [(str(one.action), one.before_id, one.id) for one in plan] == [("move", there, "r1")]
    target(base).sync_from(wanted)
    assert rows(base, "SELECT name, role, note FROM device ORDER BY name") == [("other", "x", "kept"), ("r1", "y", "kept")]
    assert not target(base).diff_from(wanted).has_diffs()


def test_undo_gives_the_row_its_spelling_again(tmp_path: Path) -> None:
    base = device_table(tmp_path, "text PRIMARY KEY COLLATE NOCASE", "R1")
    wanted, there = source([{"name": "r1", "role": "y"}]), target(base)
    plan = Plan.from_diff(there.diff_from(wanted))
    there.apply(plan, wanted).raise_for_failure()
    target(base).apply(undo_plan(plan), wanted).raise_for_failure()
    assert rows(base, "SELECT * FROM device") == [("R1", "x", "kept")]


def test_without_pruning_no_second_row_is_created(tmp_path: Path) -> None:
    base = device_table(tmp_path, "text PRIMARY KEY COLLATE NOCASE", "R1", "other")
    diff = target(base).diff_from(source([{"name": "r1", "role": "y"}]), flags=DSyncFlags.SKIP_UNMATCHED_DST)
    (element,) = diff.walk()
    assert element.protected == f'protected: {base} has it as "R1", which was not compared'


def test_the_collation_of_the_index_counts_not_that_of_the_column(tmp_path: Path) -> None:
    base = device_table(tmp_path, "text COLLATE NOCASE", "R1")
    database(base, "CREATE UNIQUE INDEX exact ON device (name COLLATE BINARY)")
    plan = Plan.from_diff(target(base).diff_from(source([{"name": "r1", "role": "x"}])))
    assert sorted(str(one.action) for one in plan) == ["create", "delete"]
    database(base, "CREATE UNIQUE INDEX loose ON device (name) WHERE role = 'y'")
    assert len(Plan.from_diff(target(base).diff_from(source([{"name": "r1", "role": "x"}]))).changes) == 2


def test_a_name_that_is_there_as_it_is_stays_the_object_of_that_name(tmp_path: Path) -> None:
    base = device_table(tmp_path, "text PRIMARY KEY COLLATE NOCASE", "R1")
    wanted = source([{"name": "R1", "role": "x"}, {"name": "r1", "role": "x"}])
    with pytest.raises(ObjectCrudException, match='"r1" and "R1", which is there, are equal to the database'):
        target(base).sync_from(wanted)
    assert rows(base, "SELECT name, note FROM device") == [("R1", "kept")]


def test_of_several_spellings_in_the_source_none_is_chosen(tmp_path: Path) -> None:
    base = device_table(tmp_path, "text PRIMARY KEY COLLATE NOCASE", "rack")
    wanted = source([{"name": "Rack", "role": "x"}, {"name": "RACK", "role": "x"}])
    assert sorted(str(one.action) for one in Plan.from_diff(target(base).diff_from(wanted))) == ["create", "create", "delete"]
    with pytest.raises(ObjectCrudException, match="are equal to the database"):
        target(base).sync_from(wanted)
    assert rows(base, "SELECT name, note FROM device") == [("rack", "kept")]


def test_children_go_along_and_have_other_spellings_themselves(tmp_path: Path) -> None:
    base = database(tmp_path / "x.db", NESTED_TABLES)
    mapping = {"port": {"fields": {"device_name": {"from": "device_id", "lookup": {"model": "device", "key": "id"}}}}}
    records = {
        "device": [{"name": "r1", "role": "core"}, {"name": "SW", "role": "edge"}],
        "port": [
            {"device_name": "r1", "name": "ge0", "speed": 1000},
            {"device_name": "r1", "name": "Ge1", "speed": 100},
        ],
    }
    wanted = source(records, NESTED)
    target(base, NESTED, mapping).sync_from(wanted)
    assert rows(base, "SELECT id, name, note FROM device ORDER BY id") == [(7, "r1", "kept"), (8, "SW", "kept")]
    found = rows(base, "SELECT device_id, name, speed, note FROM port ORDER BY name COLLATE NOCASE")
    assert found == [(7, "ge0", 1000, "kept"), (7, "Ge1", 100, "kept")]
    assert not target(base, NESTED, mapping).diff_from(wanted).has_diffs()


def test_a_row_that_the_mapping_finds_by_that_column_is_renamed(tmp_path: Path) -> None:
    base = device_table(tmp_path, "text COLLATE NOCASE UNIQUE", "R1")
    target(base, mapping={"device": {"key": "name"}}).sync_from(source([{"name": "r1", "role": "x"}]))
    assert rows(base, "SELECT name, note FROM device") == [("r1", "kept")]


@pytest.mark.parametrize(
    ("collation", "same", "other"),
    [
        ("utf8mb4_general_ci", ("Zürich", "ZURICH "), "Zuric"),
        ("utf8mb4_uca1400_ai_ci", ("Zürich", "zurich "), "Zuric"),
        ("utf8mb4_uca1400_as_ci", ("Zürich", "ZÜRICH"), "Zurich"),
        ("latin1_swedish_ci", ("Ärlig", "ärlig "), "Arlig"),
        ("utf8mb4_0900_ai_ci", ("Zürich", "zurich"), "zurich "),
        ("utf8mb4_general_nopad_ci", ("Zürich", "zurich"), "zurich "),
        ("utf8mb4_bin", ("r1", "r1 "), "R1"),
    ],
)
def test_collations_of_mysql_by_their_names(collation: str, same: tuple[str, str], other: str) -> None:
    spelling: Any = _mysql_spelling(collation)
    assert spelling(same[0]) == spelling(same[1]) != spelling(other)


def test_what_compares_strings_as_they_are_has_no_spelling() -> None:
    assert _mysql_spelling("binary") is None
    assert _mysql_spelling("utf8mb4_0900_as_cs") is None
    assert lowered_key(['lower(name) COLLATE "C"']) is None


def test_an_index_over_lower_case_is_understood() -> None:
    key: Any = lowered_key(["site", "upper((name)::text)"])
    assert key["site"] is None
    assert key["name"]("R1") == key["name"]("r1")
