# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker processes of a task: they end with it, one that dies fails its own work only, and killing them changes no result."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import wait
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible")

from ansible_collections.dsync.core.plugins.module_utils._module.run.forks import Forks, WorkerDied
from dsync import DSync, DSyncModel, ObjectRef, Plan
from dsync.shards import Shard, Side, compare

SHORT = 0.05


def pid_of(_text: str) -> str:
    return str(os.getpid())


def echoed(text: str) -> str:
    time.sleep(SHORT)
    return text[::-1]


def deadly(text: str) -> str:
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return text


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_tasks_are_done_by_other_processes_which_end() -> None:
    forks = Forks(2)
    found = [forks.submit(echoed, text) for text in ("ab", "é\udc80\n", "x" * 3_000_000, "")]
    assert [future.result(30) for future in found] == ["ba", "\n\udc80é", "x" * 3_000_000, ""]
    pid = int(forks.submit(pid_of, "").result(30))
    assert pid != os.getpid()
    forks.shutdown()
    assert not is_running(pid)


def test_a_worker_that_dies_fails_its_own_task_only() -> None:
    forks = Forks(2)
    try:
        futures = [forks.submit(deadly, text) for text in ("a", "die", "b", "c")]
        wait(futures, 30)
        assert [future.exception() is None for future in futures] == [True, False, True, True]
        assert isinstance(futures[1].exception(), WorkerDied)
        last = [forks.submit(deadly, text) for text in ("die", "d", "e")]
        wait(last, 30)
        assert [type(future.exception()) for future in last] == [WorkerDied] * 3
        assert isinstance(forks.submit(deadly, "f").exception(30), WorkerDied)
    finally:
        forks.shutdown()


def test_shutting_down_does_not_wait_for_busy_workers() -> None:
    forks = Forks(1)
    future = forks.submit(long, "")
    while not future.running():
        time.sleep(SHORT)
    began = time.monotonic()
    forks.shutdown()
    assert time.monotonic() - began < 20
    assert isinstance(future.exception(), WorkerDied)


def long(_text: str) -> str:
    time.sleep(60)
    return ""


PARENT = """
import os, signal, sys
sys.path[:0] = {path!r}
from ansible_collections.dsync.core.plugins.module_utils._module.run.forks import Forks
forks = Forks(3)
print(*(pid for pid, _connection in forks._workers), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_when_the_module_is_killed() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PARENT.format(path=sys.path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    pids = [*map(int, run.stdout.split())]
    assert len(pids) == 3
    deadline = time.monotonic() + 30
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(SHORT)
    assert not [*filter(is_running, pids)]


# ---------------------------------------------------------------------- comparisons whose workers are killed


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("phone",)
    name: str
    phone: str

    @classmethod
    def create(cls, dsync: Any, ids: Any, attrs: Any) -> Any:
        dsync.write({**ids, **attrs})
        return super().create(dsync, ids, attrs)

    def update(self, attrs: Any) -> Any:
        self.dsync.write({"name": self.name, **attrs})  # type: ignore[union-attr]  # it is in a dataset
        return super().update(attrs)

    def delete(self) -> Any:
        self.dsync.write({"name": self.name, "gone": True})  # type: ignore[union-attr]  # as above
        return super().delete()


class Ledger(DSync):
    """Sites in a file of lines, to which each write adds one; so that a write that is made twice can be seen."""

    site = Site
    top_level = ["site"]

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = Path(path)

    def load(self) -> None:
        self.load_shard(Shard())

    def load_shard(self, shard: Shard) -> None:
        rows: dict[str, dict[str, Any]] = {}
        for line in self.path.read_text().splitlines():
            row = json.loads(line)
            rows[row["name"]] = row
        kept = [row for row in rows.values() if not row.get("gone") and shard.holds(ObjectRef("site", row["name"]))]
        self.add_rows("site", kept)

    def write(self, row: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def ledger(path: Path, phones: dict[str, str]) -> Side:
    path.write_text("".join(json.dumps({"name": name, "phone": phone}) + "\n" for name, phone in phones.items()))
    return Side(f"{__name__}:Ledger", {"path": str(path)})


class Killed(Forks):
    """Workers of which a random one is killed after a random time.

    Args:
        number: how many processes.
        chance: decides about which and when.
        kills: the times at which workers were killed are added to it.
        most: no worker is killed if so many were.
    """

    def __init__(self, number: int, chance: random.Random, kills: list[float], most: int) -> None:
        super().__init__(number)
        if len(kills) < most:
            pid = chance.choice(self._workers)[0]
            threading.Timer(chance.random() * 0.1, self._kill, [pid, kills]).start()

    @staticmethod
    def _kill(pid: int, kills: list[float]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            kills.append(time.monotonic())


@pytest.mark.long
def test_a_hundred_killed_workers_change_no_result(tmp_path: Path) -> None:
    """Each comparison loses a worker up to three times; every change is made once, and the next comparison finds none."""
    chance, kills = random.Random(20), list[float]()
    there = {f"s{number}": "0" for number in range(3000)}
    for round_ in range(80):
        changed = {f"s{chance.randrange(3000)}": "1" for _change in range(10)}
        lost, new = f"s{chance.randrange(3000)}", f"new{round_}"
        wanted = {name: phone for name, phone in {**there, **changed, new: "2"}.items() if name != lost}
        source, target = ledger(tmp_path / "wanted", wanted), ledger(tmp_path / "there", there)
        one, other = source.make(), target.make()
        one.load()
        other.load()
        expected = [*map(repr, Plan.from_diff(other.diff_from(one)).changes)]
        before = len((tmp_path / "there").read_text().splitlines())
        found = compare(partial(Killed, 3, chance, kills, len(kills) + 3), source, target, 12)
        assert [*map(repr, Plan.from_diff(found.diff).changes)] == expected
        found.target.sync_from(found.source, diff=found.diff)
        assert len((tmp_path / "there").read_text().splitlines()) - before == len(expected)
        again = compare(partial(Forks, 3), source, target, 12)
        assert not Plan.from_diff(again.diff).changes
        there = wanted
        if len(kills) >= 100:
            return
    pytest.fail(f"only {len(kills)} workers were killed")
