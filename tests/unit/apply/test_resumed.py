# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A run that is killed within changes that belong together: the next run finishes them, or, if it may not, makes again what was
deleted."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, DSyncModelFlags, Plan, Result
from dsync.guard.preparation import prepare
from dsync.storage import digests
from dsync.storage.plan_file import load, save
from in_batches import in_batches

TABLES = """
pragma foreign_keys = on;
create table device (name text primary key, serial text unique, role text not null);
create table port (device text not null references device, name text not null, speed int, primary key (device, name));
"""


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_COST", {"n": 2, "r": 1, "p": 1})


class Row(DSyncModel):
    """An object in a table, written at once."""

    model_flags = DSyncModelFlags.NATURAL_DELETION_ORDER

    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        values = {**ids, **attrs}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        dsync.write(f"create {cls.create_unique_id(**ids)}", f"insert into {cls._modelname} ({names}) values ({marks})", values)
        return super().create(dsync, ids, attrs)

    def update(self, attrs: dict[str, Any]) -> Any:
        names = ", ".join(f"{name} = ?" for name in attrs)
        self.dsync.write(f"update {self.get_unique_id()}", f"update {self._modelname} set {names} {self._where()}", attrs)
        return super().update(attrs)

    def delete(self) -> Any:
        self.dsync.write(f"delete {self.get_unique_id()}", f"delete from {self._modelname} {self._where()}", {})
        return super().delete()

    def _where(self) -> str:
        return "where " + " and ".join(f"{name} = '{value}'" for name, value in self.get_identifiers().items())


class Device(Row):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("serial", "role")
    _children = {"port": "ports"}
    _unique = ("serial",)
    name: str
    serial: str | None
    role: str
    ports: list[str] = []


class Port(Row):
    _modelname = "port"
    _identifiers = ("device", "name")
    _attributes = ("speed",)
    device: str
    name: str
    speed: int


class Known(Device):
    """A device that is known by its serial number; its system cannot rename it."""

    _match = ("serial",)


class Database(DSync):
    """The rows of a database.

    Attributes:
        steps: after so many further steps the process kills itself; a step is before and after each statement.
        refused: a change that the database does not make, with the serial number that it writes.
    """

    device = Device
    port = Port
    top_level = ("device",)

    def __init__(self, file: Path) -> None:
        super().__init__("database")
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.executescript("pragma synchronous = off; pragma foreign_keys = on")
        self.steps, self.refused = -1, ""

    def write(self, change: str, statement: str, values: dict[str, Any]) -> None:
        if f"{change} {values.get('serial')}" == self.refused:
            raise ValueError("the licence does not allow that")
        self._step()
        self.connection.execute(statement, [*values.values()])
        self._step()

    def _step(self) -> None:
        self.steps -= 1
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def load(self) -> None:
        for name, serial, role in self.connection.execute("select name, serial, role from device order by name"):
            self.add(self.device(name=name, serial=serial, role=role))
        for device, name, speed in self.connection.execute("select device, name, speed from port order by device, name"):
            self.add(port := self.port(device=device, name=name, speed=speed))
            self.get("device", device).add_child(port)


class Inventory(Database):
    device = Known


class InBatches(Database):
    """The same with several rows in a batch, so that what is made together is made in one batch with others."""

    batch_size = 10
    device = in_batches(Device)


@contextlib.contextmanager
def database(file: Path, kind: type[Database]) -> Iterator[Database]:
    made = kind(file)
    with contextlib.closing(made.connection):
        made.load()
        yield made


def made(file: Path, rows: dict[str, tuple[str | None, str, tuple[str, ...]]]) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(TABLES)
        for name, (serial, role, ports) in rows.items():
            connection.execute("insert into device values (?, ?, ?)", (name, serial, role))
            connection.executemany("insert into port values (?, ?, ?)", [(name, port, len(port)) for port in ports])


def content(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return sorted(connection.iterdump())


def run(folder: Path, kind: type[Database], steps: int = -1, refused: str = "") -> Result:
    """Apply the plan in a directory to its database; it may be that an earlier run was killed meanwhile."""
    with database(folder / "live.db", kind) as live, database(folder / "goal.db", kind) as goal:
        plan = prepare(load(folder / "plan"), goal, live)
        live.steps, live.refused = steps, refused
        return live.apply(plan, goal, DSyncFlags.CONTINUE_ON_FAILURE)


def killed_runs(folder: Path, kind: type[Database]) -> Iterator[Path]:
    """Yield a copy of a directory for each step at which a run that was killed there has left it."""
    program = f"import sys; sys.path[:0] = {sys.path!r}\nimport os, shutil, pathlib, test_resumed\n" + (
        "made = pathlib.Path(sys.argv[1])\n"
        "for steps in range(1, 1000):\n"
        "    folder = made.parent / f'{steps:03}'\n"
        "    shutil.copytree(made, folder)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        test_resumed.run(folder, getattr(test_resumed, sys.argv[2]), steps)\n"
        "        os._exit(0)\n"
        "    if os.waitpid(child, 0)[1] == 0:\n"
        "        break\n"
    )
    subprocess.run([sys.executable, "-c", program, str(folder), kind.__name__], check=True)
    yield from sorted(one for one in folder.parent.iterdir() if one.name.isdigit())


CASES = {
    "a replacement": (Database, {"old": ("x", "core", ("a", "bb"))}, {"new": ("x", "edge", ())}, ["create new x"]),
    "a replacement of two": (
        Database,
        {"old": ("x", "core", ("a",)), "older": ("y", "core", ())},
        {"new": ("x", "edge", ()), "newer": ("y", "edge", ())},
        ["create new x", "create newer y"],
    ),
    "a replacement of three in a batch": (
        InBatches,
        {"old": ("x", "core", ()), "older": ("y", "core", ()), "oldest": ("z", "core", ())},
        {"new": ("x", "edge", ()), "newer": ("y", "edge", ()), "newest": ("z", "edge", ())},
        ["create new x", "create newer y"],
    ),
    "two swaps in a batch": (
        InBatches,
        {"one": ("x", "core", ()), "two": ("y", "core", ()), "three": ("v", "core", ()), "four": ("w", "core", ())},
        {"one": ("y", "core", ()), "two": ("x", "core", ()), "three": ("w", "core", ()), "four": ("v", "core", ())},
        ["update two x", "update four v"],
    ),
    "a swap": (
        Database,
        {"one": ("x", "core", ("a",)), "two": ("y", "core", ())},
        {"one": ("y", "core", ("a",)), "two": ("x", "core", ())},
        ["update two x", "update one y"],
    ),
    "a rename": (Inventory, {"old": ("x", "core", ("a", "bb"))}, {"new": ("x", "core", ("a", "bb"))}, ["create new x"]),
}


@pytest.mark.parametrize("case", [pytest.param(case, marks=pytest.mark.long if "swaps" in case else ()) for case in CASES])
def test_what_a_killed_run_has_deleted_is_made_again_unless_its_replacement_is_made(tmp_path: Path, case: str) -> None:
    kind, before, after, refusals = CASES[case]
    folder = tmp_path / "made"
    folder.mkdir()
    made(folder / "live.db", before)
    made(folder / "goal.db", after)
    with database(folder / "live.db", kind) as live, database(folder / "goal.db", kind) as goal:
        save(Plan.from_diff(live.diff_from(goal)), folder / "plan", source=goal, target=live)
    begin, end, steps = content(folder / "live.db"), content(folder / "goal.db"), 0
    left = set()
    for killed in killed_runs(folder, kind):
        steps += 1
        left.add(tuple(content(killed / "live.db")))
        for refused in refusals:
            again = tmp_path / f"{killed.name} {refused}"
            shutil.copytree(killed, again)
            result = run(again, kind, refused=refused)
            assert not [one for one in result.outcomes if one.maybe]
            assert serials(again / "live.db") == {serial for serial, _role, _ports in before.values()}
            if len(refusals) == 1 or kind is Inventory:
                assert content(again / "live.db") in (begin, end)
        assert not run(killed, kind).failures
        assert content(killed / "live.db") == end
    assert steps > 4
    assert len(left) > 2


def serials(file: Path) -> set[str | None]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return {serial for (serial,) in connection.execute("select serial from device")}
