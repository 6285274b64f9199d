# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables are read as columns; records are made only where something is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.records.definition import data_model
from dsync.records.record_table import RecordTable

PORTS = data_model({"port": {"identifiers": ["name"], "attributes": {"mtu": "int | None", "up": "bool"}}}, base=RecordModel)


def opened(path: Path) -> SqlAdapter:
    adapter = SqlAdapter.bound(PORTS)(url=f"sqlite:///{path}")
    adapter.load()
    return adapter


def test_records_are_made_of_rows_that_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sqlalchemy")
    made: list[int] = []
    record = RecordTable._record
    monkeypatch.setattr(RecordTable, "_record", lambda table, place: made.append(place) or record(table, place))
    path = tmp_path / "ports.db"
    connection = sqlite3.connect(path)
    with closing(connection), connection:
        connection.execute("CREATE TABLE port (name TEXT PRIMARY KEY, mtu INTEGER, up BOOLEAN, other TEXT)")
        connection.executemany("INSERT INTO port VALUES (?, ?, ?, 'kept')", [("a", 1500, 1), ("b", None, 0), ("c", 9000, 1)])
    source = MemoryAdapter.bound(PORTS)(
        records=[{"name": "a", "mtu": 1500, "up": True}, {"name": "b", "mtu": 1500, "up": False}, {"name": "d", "up": True}]
    )
    source.load()
    target = opened(path)
    diff = target.diff_from(source)
    assert {key: number for key, number in diff.summary().items() if number} == {
        "create": 1,
        "update": 1,
        "delete": 1,
        "no-change": 1,
    }
    assert {*made} <= {0}, "more is made than the first record, which shows the fields"
    target.sync_from(source, diff=diff)
    assert {1, 2} <= {*made}
    assert not opened(path).diff_from(source).has_diffs()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT * FROM port ORDER BY name").fetchall()
    assert rows == [("a", 1500, 1, "kept"), ("b", 1500, 0, "kept"), ("d", None, 1, None)]
