# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`shards` in the modules: the same changes with and without them, limits of the sums, and workers that are killed."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from conftest import HERE, THERE, Play

MODELS = {"site": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int | None"}}}
SITES = [(f"sw{number:03}", "leaf", 1500) for number in range(200)]
SECRET = "correct-horse-battery-staple"

ADAPTER = '''\
"""Sites in a JSON file, of which any process can load a part."""

import json
import os
import signal
from pathlib import Path

from dsync import DSync, DSyncModel, ObjectRef
from dsync.shards import Shard


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("role",)
    name: str
    role: str


class Sites(DSync):
    site = Site
    top_level = ["site"]

    def __init__(self, path, token, deadly="", times=0):
        super().__init__(path)
        self.path, self.token, self.deadly, self.times = Path(path), token, deadly, times

    def load(self):
        self.load_shard(Shard())

    def load_shard(self, shard):
        if self.deadly and shard.of > 1:
            with open(self.deadly, "a") as log:
                log.write(f"{os.getpid()}\\n")
            told = Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes()
            if self.token.encode() in told:
                raise ValueError("the secret can be seen")
            if len(Path(self.deadly).read_text().splitlines()) <= self.times:
                os.kill(os.getpid(), signal.SIGKILL)
        rows = json.loads(self.path.read_text())
        self.add_rows("site", [row for row in rows if shard.holds(ObjectRef("site", row["name"]))])


class Whole(Sites):
    """The same, without load_shard."""

    load_shard = DSync.load_shard

    def load(self):
        self.add_rows("site", json.loads(self.path.read_text()))
'''


def estate(folder: Path) -> dict[str, Any]:
    """Return the arguments of a task whose source is a CSV file and whose target is a table."""
    wanted = [("sw000", "spine", ""), *SITES[1:-5]]
    (folder / "wanted.csv").write_text("\n".join(["name,role,mtu", *(",".join(map(str, row)) for row in wanted)]))
    with closing(sqlite3.connect(folder / "cmdb.db")) as connection:
        connection.execute("CREATE TABLE site (name TEXT NOT NULL PRIMARY KEY, role TEXT, mtu INTEGER)")
        connection.executemany("INSERT INTO site VALUES (?, ?, ?)", SITES)
        connection.commit()
    return {
        "source": {"adapter": "file", "options": {"path": str(folder / "wanted.csv")}},
        "target": {"adapter": "sql", "options": {"url": f"sqlite:///{folder / 'cmdb.db'}"}},
        "models": MODELS,
    }


def task(name: str, module: str, sides: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return {"name": name, f"dsync.core.{module}": {**sides, **arguments}, "ignore_errors": True}


def test_the_same_changes_in_shards(play: Play, tmp_path: Path) -> None:
    sides, plans = estate(tmp_path), [str(tmp_path / "whole.plan"), str(tmp_path / "shards.plan")]
    four = {"shards": 4, "shard_workers": 2}
    journal = str(tmp_path / "journal")
    wrong = {**sides, "source": {**sides["source"], "mapping": {"site": {"fields": {"mtu": "role"}}}}}
    tasks = [
        task("whole", "dsync_diff", sides, plan_dest=plans[0]),
        task("in shards", "dsync_diff", sides, plan_dest=plans[1], **four),
        task("in part", "dsync_diff", sides, only=[{"id": "sw000"}], **four),
        task("wrong whole", "dsync_diff", wrong),
        task("wrong", "dsync_diff", wrong, **four),
        task("too many", "dsync_sync", sides, limits={"delete": 4}, **four),
        task("both", "dsync_diff", sides, push_down=True, **four),
        task("none", "dsync_diff", sides, shards=0),
        task("verified", "dsync_sync", sides, verify=True, journal=journal, baseline=str(tmp_path / "baseline"), **four),
        task("again", "dsync_sync", sides, **four),
        task("undone", "dsync_sync", sides, undo_journal=journal, **four),
    ]
    played = play(tasks)
    whole, there = played.result("whole"), played.result("in shards")
    assert there["summary"] == whole["summary"] == {**whole["summary"], "updates": 1, "deletes": 5, "unchanged": 194}
    assert there["changes"] == whole["changes"]
    assert there["plan"]["digest"] == whole["plan"]["digest"]
    assert [there[side]["counts"] for side in ("source", "target")] == [{"site": 195}, {"site": 200}]
    assert "warnings" not in there
    (warning,) = played.result("in part")["warnings"]
    assert warning == "shards: all objects are loaded in one process: only some objects or attributes are compared."
    first = f"source (file): load() failed: {tmp_path / 'wanted.csv'} on here, line "
    assert all(played.result(name)["msg"].startswith(first) for name in ("wrong", "wrong whole")), played.result("wrong")
    refused = played.result("too many")
    assert refused["failed"] is True
    assert "limits.delete: 4 is exceeded: 5 to delete" in refused["msg"]
    assert played.result("both")["msg"] == "push_down and shards are two ways to load less; set one of them."
    assert played.result("none")["msg"] == "shards is 0; it should be 1 or more."
    verified = played.result("verified")
    assert (verified["verified"], verified["source"]["total"]) == (True, 195), verified
    assert json.loads((tmp_path / "baseline").read_text())["counts"] == {"site": 195}
    again = played.result("again")
    assert (again["changed"], again["summary"]["unchanged"]) == (False, 195)
    undone = played.result("undone")
    assert undone["summary"]["creates"] == 5, undone
    assert any("the changes come from a file" in warning for warning in undone["warnings"])
    with closing(sqlite3.connect(tmp_path / "cmdb.db")) as connection:
        assert sorted(connection.execute("SELECT * FROM site")) == SITES


def test_workers_that_are_killed(play: Play, tmp_path: Path) -> None:
    (tmp_path / "sites.py").write_text(ADAPTER)
    for name in ("wanted", "there"):
        rows = [{"name": f"s{number}", "role": name if number < 3 else "leaf"} for number in range(50)]
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))

    def sides(adapter: str, times: int) -> dict[str, Any]:
        def side(name: str, **more: Any) -> dict[str, Any]:
            options = {"path": str(tmp_path / f"{name}.json"), **more}
            return {"adapter": f"{tmp_path}/sites.py:{adapter}", "options": options, "secrets": {"token": SECRET}}

        return {"source": side("wanted"), "target": side("there", deadly=str(tmp_path / f"deaths{times}"), times=times)}

    tasks = [
        task("whole", "dsync_diff", sides("Sites", 2), shards=1),
        task("twice", "dsync_diff", sides("Sites", 2), shards=6, shard_workers=2),
        task("too often", "dsync_diff", sides("Sites", 1000), shards=6, shard_workers=2),
        task("no parts", "dsync_diff", sides("Whole", 0), shards=6),
    ]
    for one in tasks:
        one["ignore_errors"] = True
    played = play(tasks, hosts="all")
    for host in (HERE, THERE):
        whole, twice = played.result("whole", host), played.result("twice", host)
        assert twice["summary"] == whole["summary"] == {**whole["summary"], "updates": 3, "unchanged": 47}, twice
        assert twice["changes"] == whole["changes"]
        assert played.result("too often", host)["msg"] == (
            "comparing in shards: a worker process died, and its shard was tried again in vain. If the system has killed it for "
            "lack of memory, set more shards, or fewer shard_workers."
        )
        (warning,) = played.result("no parts", host)["warnings"]
        assert "cannot load a part of its objects" in warning
    pids = {int(line) for line in (tmp_path / "deaths2").read_text().splitlines()}
    assert len(pids) > 3
    deadline = time.monotonic() + 10
    while any(map(_is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [*filter(_is_running, pids)]
    assert SECRET not in played.screen


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
