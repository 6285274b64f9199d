# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed or interrupted at any moment: its journal is true, running again finishes it, undo reverts it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from conftest import ADAPTERS, TIME_LIMIT, Play, Played, RunPlaybook, player
from dsync.storage.journal import RunReport, read

LEDGER = ADAPTERS / "ledger.py"
Rows = dict[str, tuple[str, str, dict[str, str]]]
TABLES = "create table site (name primary key, contact, phone); create table device (name primary key, site, role);"
BEFORE: Rows = {"nyc": ("a", "1", {"r1": "router", "r2": "router"})}
AFTER: Rows = {"nyc": ("z", "9", {"r1": "router"}), "ams": ("c", "3", {})}


def database(path: Path, rows: Rows) -> Path:
    """Write sites with their devices to a file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"pragma page_size = 512; {TABLES}")
        for name, (contact, phone, devices) in rows.items():
            connection.execute("insert into site values (?, ?, ?)", (name, contact, phone))
            connection.executemany("insert into device values (?, ?, ?)", [(one, name, role) for one, role in devices.items()])
    return path


def dump(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return sorted(connection.iterdump())


@dataclass(frozen=True)
class Bench:
    """Directories in which the same run is repeated: one for each host of an inventory, and the beginning of all of them."""

    folder: Path
    play: Play

    def hosts(self, names: list[str]) -> None:
        """Make the inventory, and a directory with the beginning for each host."""
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (self.folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": dict.fromkeys(names, here)}}))
        for name in names:
            (self.folder / name / "records").mkdir(parents=True)
            shutil.copy(self.folder / "before.db", self.folder / name / "live.db")

    def sync(
        self, name: str, options: dict[str, Any], database: str = "live.db", when: Collection[str] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Return a task that changes a host's database in some way, on some of the hosts."""
        target = {"path": f"{self.at}/{database}", **options}
        sides = {"source": self.side(path=f"{self.folder}/goal.db"), "target": self.side(**target)}
        condition = True if when is None else f"inventory_hostname in {list(when)}"
        return {"name": name, "dsync.core.dsync_sync": {**sides, **arguments}, "ignore_errors": True, "when": condition}

    @staticmethod
    def side(**options: Any) -> dict[str, Any]:
        return {"adapter": f"{LEDGER}:Ledger", "options": options}

    @property
    def at(self) -> str:
        return f"{self.folder}/{{{{ inventory_hostname }}}}"

    def recorded(self, name: str, when: Collection[str] | None = None, **options: Any) -> dict[str, Any]:
        """Return a task that applies the plan with every record that there is."""
        records = f"{self.at}/records"
        files = {name: f"{records}/{name}" for name in ("journal", "undo", "baseline", "lock")}
        options = {"log": f"{self.at}/log", **options}
        return self.sync(name, options, when=when, plan=f"{self.folder}/plan", verify=True, **files)

    def run(self, *tasks: dict[str, Any]) -> Played:
        return self.play(list(tasks), "--forks", str(os.cpu_count() or 1), hosts="all")


@pytest.fixture
def bench(run_playbook: RunPlaybook, tmp_path: Path) -> Bench:
    """A bench with a database to begin with, one to reach, and the plan between them."""
    database(tmp_path / "before.db", BEFORE)
    database(tmp_path / "goal.db", AFTER)
    made = Bench(tmp_path, player(run_playbook, tmp_path / "inventory.yml", tmp_path))
    made.hosts(["first"])
    sides = {"source": made.side(path=f"{tmp_path}/goal.db"), "target": made.side(path=f"{tmp_path}/before.db")}
    made.run({"name": "plan", "dsync.core.dsync_diff": {**sides, "plan": f"{tmp_path}/plan"}}).ok()
    return made


def count_steps(bench: Bench) -> int:
    """Make the whole run once, and return how many steps it takes."""
    played = bench.run(bench.recorded("whole", folder=f"{bench.at}/records", count=f"{bench.at}/count")).ok()
    assert played.result("whole", "first")["changed"]
    assert dump(bench.folder / "first" / "live.db") == dump(bench.folder / "goal.db")
    return int((bench.folder / "first" / "count").read_text())


def touched(folder: Path) -> set[tuple[str, ...]]:
    """Return the changes of which anything was written, as the adapter noted them."""
    log = folder / "log"
    return {tuple(json.loads(line)) for line in log.read_text().splitlines()} if log.exists() else set()


def assert_true(folder: Path) -> RunReport | None:
    """The journal of a host's run reports what was done."""
    journal = folder / "records" / "journal"
    reports = read(journal) if journal.exists() else []
    if not reports:
        assert touched(folder) == set()
        return None
    (report,) = reports
    done, maybe, left = ({(str(one.action), one.model, one.id) for one in part} for part in parts(report))
    assert done <= touched(folder) <= done | maybe
    assert touched(folder).isdisjoint(left)
    assert len(maybe) <= 1
    return report


def parts(report: RunReport) -> Iterator[Any]:
    return iter((report.done, report.maybe, report.not_attempted))


def leftovers(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.rglob(".dsync-*"))


def assert_finished(bench: Bench, names: list[str]) -> None:
    """From what each run left, running again reaches the goal, and both ways back reach the beginning."""
    for name in names:
        for way in ("undone", "taken"):
            shutil.copy(bench.folder / name / "live.db", bench.folder / name / f"{way}.db")
    begun, planned = ([one for one in names if (bench.folder / one / "records" / file).exists()] for file in ("journal", "undo"))
    assert all(name in begun and name in planned for name in names if touched(bench.folder / name))
    played = bench.run(
        bench.sync("undo the journal", {}, "undone.db", undo_journal=f"{bench.at}/records/journal", when=begun),
        bench.sync("apply the undo", {}, "taken.db", plan=f"{bench.at}/records/undo", when=planned),
        bench.recorded("again", when=names),
    )
    for name in names:
        again = played.result("again", name)
        assert again["failed"] is False, again["msg"]
        assert again["verified"] is True
        assert dump(bench.folder / name / "live.db") == dump(bench.folder / "goal.db")
    for task, hosts, way in (("undo the journal", begun, "undone"), ("apply the undo", planned, "taken")):
        for name in hosts:
            assert played.result(task, name)["failed"] is False, played.result(task, name)["msg"]
            assert dump(bench.folder / name / f"{way}.db") == dump(bench.folder / "before.db")


def at_every_step(bench: Bench, how: str) -> tuple[list[str], Played]:
    """Make the run again for every step that it takes, and send its process a signal there; return hosts and results."""
    names = [f"step{step}" for step in range(1, count_steps(bench) + 1)]
    bench.hosts(names)
    at = "{{ inventory_hostname[4:] | int }}"
    return names, bench.run(bench.recorded("meets a signal", folder=f"{bench.at}/records", how=how, at=at))


@pytest.mark.long
def test_killed_at_every_step(bench: Bench) -> None:
    names, played = at_every_step(bench, "SIGKILL")
    seen = set()
    for name in names:
        assert played.result("meets a signal", name)["failed"] is True
        report = assert_true(bench.folder / name)
        seen.add(None if report is None else (len(report.done), len(report.maybe), report.ended))
    assert seen == {None, (0, 0, False), *((done, 1, False) for done in range(3)), (3, 0, True)}
    assert any(leftovers(bench.folder / name) for name in names)
    untouched = [name for name in names if not touched(bench.folder / name)]
    assert_finished(bench, [name for name in names if name not in untouched[1:-2]])


@pytest.mark.long
def test_interrupted_at_every_step(bench: Bench) -> None:
    names, played = at_every_step(bench, "SIGINT")
    for name in names:
        result, folder = played.result("meets a signal", name), bench.folder / name
        done, maybe = (told(result, status) for status in ("done", "failed"))
        assert done <= touched(folder) <= done | maybe
        assert result["changed"] is bool(done)
        assert result["failed"] is (name != names[-1])  # the last step is the end of the lock
        assert ("was interrupted" in result.get("msg", "")) is result["failed"]
        assert_true(folder)
        assert leftovers(folder) == []
    assert_finished(bench, [names[len(names) // 2]])


def told(result: dict[str, Any], status: str) -> set[tuple[str, ...]]:
    """Return the changes that ended so, as the task's result has it."""
    return {(one["action"], one["model"], one["id"]) for one in result.get("changes", ()) if one["status"] == status}


@pytest.mark.long
def test_killed_at_random_moments(bench: Bench) -> None:
    names = [f"random{number}" for number in range(3)]
    bench.hosts(names)
    chance = random.Random("moments")
    with ThreadPoolExecutor() as killers:
        ends = [killers.submit(kill_after, bench.folder / name / "pid", chance.uniform(0, 0.4)) for name in names]
        bench.run(bench.recorded("killed", when=names, pid=f"{bench.at}/pid", pause=0.05))
        for end in ends:
            end.result()
    for name in names:
        assert_true(bench.folder / name)
    assert_finished(bench, names)


def kill_after(pid: Path, seconds: float) -> None:
    """Kill a process so long after it has written down its id."""
    handle = os.pidfd_open(int(waited_for(lambda: pid.exists() and pid.read_text())))
    try:
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)


def waited_for(what: Callable[[], Any]) -> Any:
    """Return what a function gives as soon as that is anything."""
    for _attempt in range(3000):
        given = what()
        if given:
            return given
        time.sleep(0.02)
    raise TimeoutError


def test_ctrl_c(bench: Bench, ansible_environment: dict[str, str]) -> None:
    folder, pressed = bench.folder / "first", bench.folder / "pressed"
    pressing = pressing_ctrl_c(ansible_environment, lambda: touched(folder), pressed.touch)
    interrupted = player(pressing, bench.folder / "inventory.yml", bench.folder)
    played = interrupted([bench.recorded("interrupted", pid=f"{folder}/pid", until=f"{pressed}", pause=4)], hosts="all")
    assert played.returncode != 0
    pid = int((folder / "pid").read_text())
    waited_for(lambda: not Path(f"/proc/{pid}").exists())
    report = assert_true(folder)
    assert report is not None
    assert report.not_attempted, "it was over before Ctrl-C came"
    assert leftovers(folder) == []
    assert_finished(bench, ["first"])


@pytest.mark.long
def test_a_runner_that_ends_the_job_stops_it_between_two_changes(bench: Bench) -> None:
    folder = bench.folder / "first"
    with ThreadPoolExecutor(1) as ending:
        begun = ending.submit(lambda: waited_for(lambda: touched(folder)))
        begun.add_done_callback(lambda _begun: os.kill(int((folder / "pid").read_text()), signal.SIGTERM))
        played = bench.run(bench.recorded("ended", pid=f"{folder}/pid", pause=1))
    assert "was interrupted (SIGTERM)" in played.result("ended", "first")["msg"]
    report = assert_true(folder)
    assert report is not None
    assert report.done, "the change at hand came to its end"
    assert not report.maybe
    assert report.not_attempted
    assert leftovers(folder) == []
    assert_finished(bench, ["first"])


SITES = {"site": {"identifiers": ["name"], "attributes": {"region": "str"}}}
NEW_SITES = {"adapter": "memory", "options": {"records": [{"name": name, "region": "us"} for name in "ab"]}}


def one_host(folder: Path) -> Path:
    """Write an inventory of this machine, and return its path."""
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"here": here}}}))
    return folder / "inventory.yml"


SLOW = """
    import time
    from pathlib import Path
    from dsync import DSync, DSyncModel

    class Device(DSyncModel):
        _modelname = "device"
        _identifiers = ("name",)
        name: str

        @classmethod
        def create(cls, dsync, ids, attrs):
            time.sleep(0.3)
            with dsync.path.open("a") as stream:
                stream.write(ids["name"] + "\\n")
            return super().create(dsync, ids, attrs)

    class Slow(DSync):
        device = Device
        top_level = ["device"]

        def __init__(self, path, number=0):
            super().__init__()
            self.path, self.number = Path(path), number

        def load(self):
            for number in range(self.number):
                self.add(self.device(name=f"device-{number}"))
"""


def test_the_keyword_timeout_leaves_no_writer_behind(play: Play, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(dedent(SLOW))
    written, journal = tmp_path / "written", tmp_path / "journal"
    source, target = ({"adapter": "slow.py:Slow", "options": {"path": str(written), "number": number}} for number in (40, 0))
    arguments = {"source": source, "target": target, "journal": str(journal)}
    work = {"name": "sync", "dsync.core.dsync_sync": arguments, "timeout": 5, "ignore_errors": True}
    look = {"name": "look", "ansible.builtin.command": f"cat {written}"}
    played = play([work, look]).ok()
    assert "Timed out" in played.screen or "timed out" in played.screen, played.screen
    names = played.result("look")["stdout_lines"]
    assert 0 < len(names) < 40
    time.sleep(1)
    assert written.read_text().splitlines() == names
    (run,) = read(journal)
    assert [change.id for change in run.done] == names
    assert not run.maybe


def test_signals_wait_until_the_changes_are_permanent(run_playbook: RunPlaybook, tmp_path: Path) -> None:
    """However often they come: what is reported, journaled and undone is what was committed."""
    play = player(run_playbook, one_host(tmp_path), tmp_path)
    tasks = []
    for how in ("SIGINT", "SIGTERM"):
        folder = tmp_path / how
        (folder / "sites").mkdir(parents=True)
        for name in "ab":
            (folder / "sites" / f"{name}.yml").write_text("region: eu\n")
        with contextlib.closing(sqlite3.connect(folder / "x.sqlite")) as connection:
            connection.executescript("create table site (name text primary key, region text);")
            connection.executescript("insert into site values ('a', 'eu'), ('b', 'eu');")
        targets = {
            "Files": {"options": {"path": f"{folder}/sites/"}, "mapping": {"site": {"key": "name"}}},
            "Rows": {"options": {"url": f"sqlite:///{folder}/x.sqlite"}},
        }
        for kind, target in targets.items():
            made = {**target, "adapter": f"{ADAPTERS / 'commits.py'}:{kind}"}
            made["options"] = {**target["options"], "how": how}
            sides = {"models": SITES, "source": NEW_SITES, "target": made}
            files = {name: f"{folder}/{kind}.{name}" for name in ("journal", "undo")}
            tasks.append({"name": f"{kind} {how}", "dsync.core.dsync_sync": {**sides, **files}, "ignore_errors": True})
    played = play(tasks, hosts="all")
    for task in tasks:
        name, arguments = task["name"], task["dsync.core.dsync_sync"]
        result = played.result(name, "here")
        assert (result["failed"], result["changed"], result["outcomes"]["done"]) == (False, True, 2), result.get("msg")
        assert result["undo"]["changes"] == 2
        (report,) = read(arguments["journal"])
        assert (len(report.done), report.maybe, report.ended) == (2, (), True)
    for how in ("SIGINT", "SIGTERM"):
        assert {(tmp_path / how / "sites" / f"{name}.yml").read_text() for name in "ab"} == {"region: us\n"}
        with contextlib.closing(sqlite3.connect(tmp_path / how / "x.sqlite")) as connection:
            assert connection.execute("select region from site").fetchall() == [("us",), ("us",)]


@pytest.mark.parametrize("way", ["plan", "undo_journal"])
def test_a_commit_that_does_not_report_what_it_kept_can_be_undone(run_playbook: RunPlaybook, tmp_path: Path, way: str) -> None:
    folder = tmp_path / "sites"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.yml").write_text("region: eu\n")
    target = {"options": {"path": f"{folder}/"}, "mapping": {"site": {"key": "name"}}}
    sides = {"models": SITES, "source": NEW_SITES, "target": {**target, "adapter": f"{ADAPTERS / 'commits.py'}:Unsure"}}
    files = {name: f"{tmp_path}/{name}" for name in ("journal", "undo")}
    undo = {**sides, "target": {**target, "adapter": "file"}, way: files["undo" if way == "plan" else "journal"]}
    played = player(run_playbook, one_host(tmp_path), tmp_path)(
        [
            {"name": "run", "dsync.core.dsync_sync": {**sides, **files}, "ignore_errors": True},
            {"name": "undo", "dsync.core.dsync_sync": undo},
        ],
        hosts="all",
    ).ok()
    ran, undone = played.result("run", "here"), played.result("undo", "here")
    assert (ran["failed"], ran["changed"], ran["undo"]["changes"]) == (True, True, 2)
    assert "it may have been updated nevertheless: committing the changes failed" in ran["msg"]
    (report, *_others) = read(files["journal"])
    assert (report.done, len(report.maybe)) == ((), 2)
    assert (undone["changed"], undone["outcomes"]["done"]) == (True, 2)
    assert {path.read_text() for path in folder.iterdir()} == {"region: eu\n"}


def pressing_ctrl_c(environment: dict[str, str], when: Callable[[], Any], afterwards: Callable[[], Any]) -> RunPlaybook:
    """Return what plays a playbook and interrupts it, as a terminal does, as soon as something is true, and then does something."""

    def run(playbook: Path, *arguments: str | Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("ansible-playbook"), playbook, *arguments]
        with subprocess.Popen(
            command,
            env={**environment, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                waited_for(when)
                os.killpg(process.pid, signal.SIGINT)
                afterwards()
                stdout = process.communicate(timeout=TIME_LIMIT)[0]
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, process.returncode, stdout, "")

    return run
