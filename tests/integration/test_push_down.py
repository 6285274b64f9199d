# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`push_down` in the modules: the same changes with and without it, a warning where it cannot be done, limits of all objects."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from conftest import Play

MODELS = {"device": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int | None"}}}
DEVICES = [(f"sw{number:02}", "leaf", 1500) for number in range(40)]


def database(folder: Path) -> str:
    path = folder / "cmdb.db"
    with closing(sqlite3.connect(path)) as connection:
        for table, rows in (("wanted", DEVICES[:-5]), ("present", [("sw00", "spine", None), *DEVICES[1:]])):
            connection.execute(f"CREATE TABLE {table} (name TEXT NOT NULL PRIMARY KEY, role TEXT, mtu INTEGER)")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
        connection.commit()
    return str(path)


def task(name: str, module: str, path: str, **arguments: Any) -> dict[str, Any]:
    sides = {
        side: {"adapter": "sql", "options": {"url": f"sqlite:///{path}"}, "mapping": {"device": {"from": table}}}
        for side, table in (("source", "wanted"), ("target", "present"))
    }
    return {"name": name, f"dsync.core.{module}": {**sides, "models": MODELS, **arguments}, "ignore_errors": True}


def test_the_same_changes_by_the_database(play: Play, tmp_path: Path) -> None:
    path = database(tmp_path)
    narrowed = {"push_down": True}
    plans = [str(tmp_path / "whole.plan"), str(tmp_path / "narrowed.plan")]
    tasks = [
        task("whole", "dsync_diff", path, plan_dest=plans[0]),
        task("narrowed", "dsync_diff", path, plan_dest=plans[1], **narrowed),
        task("in part", "dsync_diff", path, only=[{"id": "sw00"}], **narrowed),
        task("too many", "dsync_sync", path, limits={"device": {"delete": "10%"}}, **narrowed),
        task("verified", "dsync_sync", path, verify=True, **narrowed),
        task("again", "dsync_sync", path, **narrowed),
    ]
    played = play(tasks).ok()
    whole, there = played.result("whole"), played.result("narrowed")
    assert there["summary"] == whole["summary"] == {**whole["summary"], "updates": 1, "deletes": 5, "unchanged": 34}
    assert there["changes"] == whole["changes"]
    assert there["plan"]["digest"] == whole["plan"]["digest"]
    assert [there[side]["counts"] for side in ("source", "target")] == [{"device": 35}, {"device": 40}]
    assert "warnings" not in there
    (warning,) = played.result("in part")["warnings"]
    assert warning == "push_down: all objects are loaded: only some objects or attributes are compared."
    refused = played.result("too many")
    assert refused["failed"] is True
    assert "5 to delete, 12.5% of 40" in refused["msg"]
    assert any(one.startswith("push_down: all objects are loaded: verify") for one in played.result("verified")["warnings"])
    assert played.result("verified")["verified"] is True
    again = played.result("again")
    assert (again["changed"], again["summary"]["unchanged"]) == (False, 35)
