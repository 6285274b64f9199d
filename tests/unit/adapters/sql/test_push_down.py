# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push-down of the adapter `sql`: the database compares its own tables, and the changes are those of a complete comparison."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dsync import Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.exceptions import DiffException
from dsync.records.definition import data_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy")

ATTRIBUTES: dict[str, Any] = {"size": "int | None", "note": "str | None", "ratio": "float | None", "up": "bool | None"}
MODELS = data_model({"device": {"identifiers": ["name"], "attributes": ATTRIBUTES}}, base=RecordModel)
COLUMNS = "id INTEGER PRIMARY KEY, {column} TEXT {collation} NOT NULL UNIQUE, size INTEGER, note TEXT, ratio REAL, up BOOLEAN"


def made(base: Path, tables: dict[str, str], rows: dict[str, list[tuple[Any, ...]]]) -> Path:
    with closing(sqlite3.connect(base)) as connection:
        for table, columns in tables.items():
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(f"CREATE TABLE {table} ({columns})")
            connection.executemany(f"INSERT INTO {table} VALUES (NULL, ?, ?, ?, ?, ?)", rows[table])
        connection.commit()
    return base


def sides(base: Path, models: Any = MODELS, narrow: bool = True, **mappings: Any) -> tuple[Any, Any, list[str]]:
    """Return source and target, loaded, and why objects were loaded although the database was asked."""
    found = {"source": {"from": "wanted"}, "target": {"from": "present", "fields": {"name": "hostname"}}, **mappings}
    model = next(iter(models.models))
    source, target = (SqlAdapter.bound(models, {model: found[role]})(url=f"sqlite:///{base}") for role in ("source", "target"))
    reasons = target.narrow(source) if narrow else []
    source.load()
    target.load()
    return source, target, reasons


def tables(source: str = "", target: str = "") -> dict[str, str]:
    return {
        "wanted": COLUMNS.format(column="name", collation=source),
        "present": COLUMNS.format(column="hostname", collation=target),
    }


def changes(source: Any, target: Any) -> tuple[list[Any], dict[str, int]]:
    diff = target.diff_from(source)
    found = [(str(one.action), one.id, one.before, one.after) for one in Plan.from_diff(diff)]
    return sorted(found, key=repr), diff.summary()


texts = st.sampled_from(["a", "A", "b", "b ", "é", "e\u0301", "", "1", "01"])
rows = st.lists(
    st.tuples(
        texts.filter(bool),
        st.sampled_from([None, 0, 1, 2**40]),
        st.none() | texts,
        st.sampled_from([None, 0.0, -0.0, 1.0, 1, 0.1]),
        st.sampled_from([None, 0, 1]),
    ),
    max_size=6,
    unique_by=lambda row: row[0].lower(),
)
collations = st.sampled_from(["", "COLLATE NOCASE", "COLLATE RTRIM"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(wanted=rows, present=rows, source=collations, target=collations)
def test_the_changes_are_those_of_a_complete_comparison(
    tmp_path: Path, wanted: list[Any], present: list[Any], source: str, target: str
) -> None:
    try:
        base = made(tmp_path / "cmdb.db", tables(source, target), {"wanted": wanted, "present": present})
    except sqlite3.IntegrityError:  # equal to a collation
        return
    whole, narrowed = sides(base, narrow=False), sides(base)
    assert narrowed[2] == []
    assert changes(*narrowed[:2]) == changes(*whole[:2])
    assert [one.count("device") for one in narrowed[:2]] == [len(wanted), len(present)]


def test_only_rows_that_differ_are_read(tmp_path: Path) -> None:
    same = [(f"sw{number}", number, "", 0.5, 1) for number in range(2000)]
    more = [(f"core{number}", 1, None, None, 0) for number in range(700)]
    present = [*same[:-1], ("sw1999", 7, "", 0.5, 1), ("old", 1, None, None, None)]
    base = made(tmp_path / "cmdb.db", tables(), {"wanted": same + more, "present": present})
    source, target, reasons = sides(base)
    assert (reasons, source.store.count(), target.store.count()) == ([], 701, 2)
    assert target.diff_from(source).summary() == {
        "create": 700, "update": 1, "move": 0, "delete": 1, "no-change": 1999, "skip": 0,
    }  # fmt: skip
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    source, target, reasons = sides(base)
    assert (reasons, source.store.count(), target.store.count()) == ([], 0, 0)
    assert not target.diff_from(source).has_diffs()
    assert target.count("device") == 2700


def test_rows_are_distinguished_by_several_columns_and_a_condition(tmp_path: Path) -> None:
    models = data_model({"port": {"identifiers": ["device", "name"], "attributes": {"speed": "int"}}}, base=RecordModel)
    columns = "device TEXT NOT NULL, name TEXT NOT NULL, speed INTEGER, site TEXT, PRIMARY KEY (device, name)"
    base = tmp_path / "cmdb.db"
    with closing(sqlite3.connect(base)) as connection:
        for table, speed in (("wanted", 10), ("present", 1)):
            connection.execute(f"CREATE TABLE {table} ({columns})")
            ports = [(f"sw{number}", "Gi1", speed if number == 3 else 5, "nyc" if number < 5 else "ams") for number in range(9)]
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", ports)
        connection.commit()
    where = {"site": "nyc"}
    source, target, reasons = sides(
        base, models, source={"from": "wanted", "where": where}, target={"from": "present", "where": where}
    )
    assert (reasons, source.store.count(), target.count("port")) == ([], 1, 5)
    assert changes(source, target)[0] == [("update", "sw3__Gi1", {"speed": 1}, {"speed": 10})]


def test_datasets_that_were_not_loaded_together_are_not_compared(tmp_path: Path) -> None:
    same = [("sw1", 1, None, None, None)]
    base = made(tmp_path / "cmdb.db", tables(), {"wanted": same, "present": same})
    source, target, _reasons = sides(base)
    source.load()
    with pytest.raises(DiffException, match="were not loaded together, and lack different objects; load both again"):
        target.diff_from(source)
    target.load()
    assert target.diff_from(source).summary()["no-change"] == 1


REFUSED: list[tuple[Any, Any, str]] = [
    ({"fields": {"note": {"from": "note", "lookup": {"1": "1"}}}}, {}, "note is not the value of a column as it is"),
    ({"fields": {"size": {"expr": "size + 1", "write": False}}}, {}, "size is not the value of a column as it is"),
    ({"fields": {"size": {"from": "size", "default": 3}}}, {}, "size has different defaults on both sides"),
    ({"keep": "size"}, {}, "the mapping has keep or drop"),
    ({"deleted": {"up": False}}, {}, "the mapping has deleted"),
    ({"where": {"ratio": 0.5}}, {}, "the condition in where cannot be checked by the database"),
    ({"from": {"query": "SELECT * FROM wanted"}}, {}, "is read-only and not a table or view"),
    ({}, {"match": ["note"]}, "the model has match keys"),
    (
        {},
        {"identifiers": {"name": {"type": "str", "compare": "case_insensitive"}}},
        "an identifier is compared otherwise than by its value",
    ),
    ({}, {"attributes": {**ATTRIBUTES, "note": "bool | None"}}, "note is a boolean in a text column"),
    ({}, {"attributes": {**ATTRIBUTES, "ratio": "str | None"}}, "ratio is a number in a text column"),
    ({}, {"identifiers": ["note"], "attributes": {"size": "int"}}, "wanted has no unique key over note without null"),
]


@pytest.mark.parametrize(("mapping", "model", "why"), REFUSED, ids=[why for _mapping, _model, why in REFUSED])
def test_a_model_is_loaded_completely_where_the_database_cannot_tell(
    tmp_path: Path, mapping: dict[str, Any], model: dict[str, Any], why: str
) -> None:
    rows = [("sw1", 1, "1", 0.5, 1)]
    base = made(tmp_path / "cmdb.db", tables(), {"wanted": rows, "present": rows})
    models = data_model({"device": {"identifiers": ["name"], "attributes": ATTRIBUTES, **model}}, base=RecordModel)
    named = {} if "note" in model.get("identifiers", "") else {"fields": {"name": "hostname"}}
    maps = ({"from": "wanted", **mapping}, {"from": "present", **named})
    source, target = (SqlAdapter.bound(models, {"device": one})(url=f"sqlite:///{base}") for one in maps)
    (reason,) = target.narrow(source)
    assert reason.startswith(f"{target.name}: device objects are loaded completely: ")
    assert why in reason
    assert source._to_read == target._to_read == {}


def test_models_with_children_and_other_databases_are_loaded_completely(tmp_path: Path) -> None:
    rows = [("sw1", 1, "1", 0.5, 1)]
    base = made(tmp_path / "cmdb.db", tables(), {"wanted": rows, "present": rows})
    other = made(tmp_path / "other.db", tables(), {"wanted": rows, "present": rows})
    one, two = (SqlAdapter.bound(MODELS, {"device": {"from": "wanted"}})(url=f"sqlite:///{path}") for path in (base, other))
    assert two.narrow(one) == [f"{two.name}: device objects are loaded completely: SQLite has no checksums"]
    memory = MemoryAdapter.bound(MODELS)(records=[])
    assert two.narrow(memory) == [
        f"{two.name} is loaded completely: the source is not read by the same adapter with the same models"
    ]
    assert memory.narrow(two) == [f"{memory.name} is loaded completely: the adapter memory cannot compare objects in its system"]
