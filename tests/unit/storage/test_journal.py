# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The journal: after a kill at any moment it tells what was done, what may have been and what was not, and undo restores."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, Plan
from dsync.exceptions import RecordError, Refused
from dsync.guard.staleness import check
from dsync.plan.outcome import OutcomeStatus
from dsync.storage import digests as seal
from dsync.storage.journal import Journal, RunReport, read
from dsync.storage.plan_file import load, save
from estate import PLANTED, SOURCE, TARGET, Estate, estate
from hypothesis import given
from hypothesis import strategies as st
from richtree import KINDS, Spec, TakingTree, Tree, content, specs, tree, whole


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_COST", {"n": 2, "r": 1, "p": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def run(path: Path, source: DSync, target: DSync, **options: Any) -> Any:
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(path, plan, source=source, target=target) as journal:
        result = target.apply(plan, source, journal=journal, **options)
        journal.finish(result)
    return result


def names(changes: Any) -> list[str]:
    return [repr(change) for change in changes]


# ---------------------------------------------------------------------- what it tells


def test_a_whole_run(path: Path) -> None:
    source, target = estate(SOURCE, name="sot"), estate(TARGET, name="cmdb")
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(path, plan, source=source, target=target, flags=["b", "a"], plan_digest="sha256:1") as journal:
        result = target.apply(plan, source, journal=journal)
        journal.finish(result)
    journal.close()
    (report,) = read(path)
    assert (report.run, report.source, report.target, report.flags) == (journal.run, "sot", "cmdb", ("a", "b"))
    assert (report.plan_digest, report.ended, report.torn, report.complete_error) == ("sha256:1", True, False, None)
    assert report.when.endswith("Z")
    assert "@" in report.by
    assert names(report.done) == names(plan)
    assert (report.maybe, report.failed, report.refused, report.not_attempted, report.already_done) == ((),) * 5
    assert report.counts == result.counts
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_outcome(path: Path) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    target.trouble = {("update", "interface", "rtr-1__eth0"): ValueError("no"), ("delete", "site", "lon"): None}
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(Plan(plan.changes[:1]), source)
    verdicts = check(plan, target)
    with Journal(path, plan, source=source, target=target) as journal:
        result = target.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE, journal=journal, verdicts=verdicts)
        journal.finish(result)
    (report,) = read(path)
    assert names(report.already_done) == ['update site "nyc"']
    assert [(repr(change), message) for change, message in report.failed] == [
        ('update interface "rtr-1__eth0"', "ValueError: no"),
        ('delete site "lon"', "delete() returned None"),
    ]
    assert names(report.not_attempted) == ['delete device "rtr-3"', 'delete interface "rtr-3__eth0"']
    assert len(report.done) == 7
    assert report.counts == result.counts


def test_what_was_interrupted_may_have_been_done(path: Path) -> None:
    target = estate(TARGET)
    target.trouble = {("create", "device", "sw-1"): KeyboardInterrupt()}
    run(path, estate(SOURCE), target)
    (report,) = read(path)
    assert names(report.maybe) == ['create device "sw-1"']
    assert (len(report.done), len(report.not_attempted)) == (3, 8)
    assert report.ended


def test_what_goes_along_may_have_gone_too(path: Path) -> None:
    spec = {"a": (None, {}), "b": ("a", {}), "c": ("b", {})}
    source, target = TakingTree(), tree(spec, TakingTree)
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(path, plan, source=source, target=target) as journal:
        journal.intend(plan.changes[0])
    (report,) = read(path)
    assert len(report.maybe) == 3
    for live in (tree({}, TakingTree), tree(spec, TakingTree)):
        undo = report.undo().resolve(None, live)
        live.apply(undo, source, verdicts=check(undo, live))
        assert content(live) == content(tree(spec, TakingTree))


def test_several_runs_append(path: Path) -> None:
    run(path, estate(SOURCE), estate(TARGET))
    run(path, estate(TARGET), estate(SOURCE))
    first, second = read(path)
    assert first.run != second.run
    assert len(first.done) == len(second.done) == 12


def two_runs(path: Path) -> tuple[list[Any], list[Journal]]:
    """Return two targets with a source and a plan each, and a journal of each run in one file, neither of which has begun."""
    sides = [(estate({name: "1"}), estate({})) for name in ("one", "two")]
    runs = [(source, target, Plan.from_diff(target.diff_from(source))) for source, target in sides]
    return runs, [Journal(path, plan, source=source, target=target) for source, target, plan in runs]


def test_two_runs_at_the_same_time_are_distinguished(path: Path) -> None:
    runs, journals = two_runs(path)
    source, target, plan = runs[0]
    journals[0].finish(target.apply(plan, source, journal=journals[0]))
    first, second = read(path)
    assert (names(first.done), first.ended, first.run) == (['create site "one"'], True, journals[0].run)
    assert (names(second.not_attempted), second.ended, second.run) == (['create site "two"'], False, journals[1].run)
    assert names(first.undo()) == ['delete site "one"']
    source, target, plan = runs[1]
    journals[1].finish(target.apply(plan, source, journal=journals[1]))
    assert [names(report.done) for report in read(path)] == [['create site "one"'], ['create site "two"']]
    for journal in journals:
        journal.close()


def test_what_a_run_could_not_write_takes_no_line_of_another_run_along(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, journals = two_runs(path)
    source, target, plan = runs[0]
    journals[0].finish(target.apply(plan, source, journal=journals[0]))
    before = path.read_bytes()

    def full(descriptor: int, data: Any) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RecordError, match="No space left"):
        journals[1].intend(*runs[1][2])
    assert path.read_bytes() == before


def test_a_torn_line_is_of_a_run_that_has_not_ended(path: Path) -> None:
    runs, journals = two_runs(path)
    source, target, plan = runs[1]
    journals[1].finish(target.apply(plan, source, journal=journals[1]))
    journals[0].intend(*runs[0][2])
    path.write_bytes(path.read_bytes()[:-9])
    assert [(report.torn, report.ended) for report in read(path)] == [(True, False), (False, True)]


def test_a_journal_whose_lines_do_not_name_their_run_is_read(path: Path) -> None:
    run(path, estate(SOURCE), estate(TARGET))
    run(path, estate(TARGET), estate(SOURCE))
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    old = [{key: value for key, value in line.items() if key != "run" or line["line"] == "run"} for line in lines]
    reports = read(path)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in old))
    assert [(one.run, names(one.done), one.ended, one.counts) for one in read(path)] == [
        (one.run, names(one.done), one.ended, one.counts) for one in reports
    ]


def test_no_secret_is_written(path: Path) -> None:
    target = tree({"a": (None, {"password": PLANTED, "number": 2})})
    run(path, tree({"a": (None, {"password": f"{PLANTED}-new", "number": 3})}), target)
    assert PLANTED not in path.read_text()
    (report,) = read(path)
    assert report.undo().resolve(tree({"a": (None, {"password": PLANTED})}), target).changes[0].after["password"] == PLANTED


def test_a_value_without_a_json_form_is_lost_and_not_restored(path: Path) -> None:
    target = tree({"a": (None, {"facts": object(), "number": 2})})
    run(path, tree({"a": (None, {"facts": 1, "number": 3})}), target)
    undo = read(path)[0].undo()
    assert repr(undo.changes[0].after["facts"]) == "<a object that could not be written>"
    with pytest.raises(Refused, match='any more: facts of node "a"'):
        undo.resolve(None, target)
    assert undo.resolve(None, target, lost_secrets="leave").changes[0].after == {"number": 2}


def test_an_undo_is_written_to_a_file(path: Path, tmp_path: Path) -> None:
    target = estate(TARGET)
    run(path, estate(SOURCE), target)
    save(read(path)[0].undo(), tmp_path / "undo", source=None, target=target, purpose="undo")
    undo = load(tmp_path / "undo").resolve(None, target)
    target.apply(undo, target, verdicts=check(undo, target))
    assert not target.diff_from(estate(TARGET)).has_diffs()


@given(specs(secrets=False), specs(secrets=False), st.sampled_from(KINDS), st.integers(0, 20))
def test_undo_from_a_journal(tmp_path_factory: Any, left: Spec, right: Spec, kind: type[Tree], cut: int) -> None:
    path = tmp_path_factory.mktemp("journals") / "journal"
    source, target = tree(left, kind), tree(right, kind)
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(path, plan, source=source, target=target) as journal:
        target.apply(whole(plan, cut), source, journal=journal)
    (report,) = read(path)
    assert len(report.done) + len(report.not_attempted) == len(plan)
    undo = report.undo().resolve(None, target)
    assert check(undo, target) == {}
    target.apply(undo, source, verdicts={})
    assert content(target) == content(tree(right, kind))


# ---------------------------------------------------------------------- damage


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.long)])
def test_a_journal_cut_anywhere_reports_nothing_false(path: Path, every: int) -> None:
    run(path, estate(SOURCE), estate(TARGET))
    data = path.read_bytes()
    ready = data.index(b'{"line":"ready"')
    ends = [end for place, byte in enumerate(data) if byte == ord("\n") for end in (place, place + 1)]
    for cut in [*range(0, ready, 211), *range(ready, len(data), every), *ends]:
        path.write_bytes(data[:cut])
        try:
            reports = read(path)
        except RecordError as error:
            pytest.fail(str(error))
        outcomes = data[:cut].count(b'"status":"done"') - (0 if data[:cut].endswith(b"\n") else _torn_outcome(data, cut))
        for report in reports:
            assert len(report.done) == outcomes
            assert len(report.maybe) <= 1
            assert report.torn is not data[:cut].endswith(b"\n")


def _torn_outcome(data: bytes, cut: int) -> int:
    return data[:cut].rpartition(b"\n")[2].count(b'"status":"done"')


def test_after_a_torn_line_the_next_run_appends(path: Path) -> None:
    run(path, estate(SOURCE), estate(TARGET))
    path.write_bytes(path.read_bytes()[:-20])
    run(path, estate(SOURCE), estate(TARGET))
    first, second = read(path)
    assert (first.torn, first.ended, second.torn, second.ended) == (True, False, False, True)


def test_what_is_no_journal(path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be read: No such file"):
        read(path)
    path.write_bytes(b"")
    assert read(path) == []
    run(path, estate(SOURCE), estate(TARGET))
    lines = path.read_bytes().splitlines(keepends=True)
    for content_, why in (
        (b"hello\nworld\n", "line 1 is malformed"),
        (b'{"line":"end"}\n{"line":"end"}\n', "it is not a journal of dsync"),
        (b"".join([*lines[:4], b"torn\n", *lines[5:]]), "line 5 is malformed$"),
        (b"".join([*lines[:4], *lines[5:]]), "line 5 is malformed: a change is out of place"),
        (b"".join([*lines[:12], *lines[13:]]), "line 13 is malformed: changes are missing before it"),
        (b"".join([*lines[:4], b'{"line":"poem"}\n', *lines[4:]]), "line 5 is malformed: its kind is unknown"),
        (b"".join([*lines[:14], b'{"line":"intent","n":99}\n']), "line 15 is malformed: there is no such change"),
        (b"".join([*lines[:14], b'{"line":"intent","run":"x","n":0}\n']), "line 15 is malformed: its run has no header"),
        (b"".join([*lines[:14], b'{"line":"intent","run":[],"n":0}\n']), "line 15 is malformed"),
        (lines[0].replace(b'"version":3', b'"version":4') * 2, "version 4, and this dsync"),
        (lines[0].replace(b"dsync-journal", b"else") * 2, "not a line of a dsync journal"),
        (lines[0].replace(b'"target":"Estate"', b'"target":1') * 2, "the header is incomplete"),
    ):
        path.write_bytes(content_)
        with pytest.raises(RecordError, match=why):
            read(path)


@pytest.mark.parametrize(
    ("version", "unknown"),
    [(1, {"before_parent", "parts", "step", "before_id", "before_ids"}), (2, {"step", "before_id", "before_ids"})],
)
def test_a_journal_of_an_earlier_release_is_read(path: Path, version: int, unknown: set[str]) -> None:
    moved = estate({"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}), estate({"a": "1", "b": ("1", {"d": ("x", {"e": 1})})})
    run(path, *((estate(SOURCE), estate(TARGET)) if version == 1 else reversed(moved)))
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    lines[0]["version"] = version
    for line in lines:
        if line["line"] == "change":
            assert version == 1 or line["change"]["parts"]
            for change in (line["change"], *line["change"]["parts"]):
                for name in unknown:
                    del change[name]
    (whole,) = read(path)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (report,) = read(path)
    assert report.done == whole.done


@pytest.mark.parametrize("rounds", [300, pytest.param(1500, marks=pytest.mark.long)])
def test_fuzzed_journals_are_read_or_refused(path: Path, rounds: int) -> None:
    run(path, estate(SOURCE), estate(TARGET))
    good, chance = path.read_bytes(), random.Random(3)
    for _round in range(rounds):
        data = bytearray(good)
        place = chance.randrange(len(good))
        data[place : place + chance.randrange(4)] = chance.choice([b"", b"null", b"1", b"[", b"\0\xff", b'"'])
        path.write_bytes(bytes(data))
        try:
            assert all(isinstance(report, RunReport) for report in read(path))
        except RecordError as error:
            assert "\n" not in str(error)  # noqa: PT017 - it need not be raised


# ---------------------------------------------------------------------- nowhere to write


@pytest.mark.parametrize("where", ["/dev/full", "no/journal", ".", f"{__file__}/journal"])
def test_nowhere_to_write(tmp_path: Path, where: str) -> None:
    target = estate(TARGET)
    with pytest.raises(RecordError):
        run(tmp_path / where, estate(SOURCE), target)
    assert target.log == []


@pytest.mark.parametrize("step", range(1, 30, 3))
def test_a_disk_that_is_full_at_any_moment(path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    run(path, estate(SOURCE), estate(TARGET))
    before = path.read_bytes()
    real, left = os.write, [step]

    def write(descriptor: int, data: Any) -> int:
        left[0] -= 1
        if left[0] == 0:
            return real(descriptor, data[: len(data) // 2])
        if left[0] < 0:
            raise OSError(28, os.strerror(28))
        return real(descriptor, data)

    target = estate(TARGET)
    monkeypatch.setattr(os, "write", write)
    try:
        result = run(path, estate(SOURCE), target)
    except RecordError as error:
        assert str(error) == f"{path} cannot be written: No space left on device"  # noqa: PT017 - it need not be raised
        result = None
    monkeypatch.undo()
    assert path.read_bytes().startswith(before)
    assert path.read_bytes().endswith(b"\n")
    reports = read(path)
    told = [] if len(reports) < 2 else [*names(reports[1].done), *names(reports[1].maybe)]
    assert [f'{action} {model} "{uid}"' for action, model, uid in target.log] == told
    assert result is None or isinstance(result.interrupted, (RecordError, type(None)))


def test_a_failing_fsync_ends_the_run_before_the_change(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(path, plan, source=source, target=target) as journal:

        def full(_descriptor: int) -> None:
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(os, "fsync", full)
        result = target.apply(plan, source, journal=journal)
    assert isinstance(result.interrupted, RecordError)
    assert target.log == []
    assert not result.changed


# ---------------------------------------------------------------------- a real process, killed


OPENED: list[sqlite3.Connection] = []
"""Connections that the test closes."""


class Row(DSyncModel):
    """An object in a table, written at once; a number of steps later the process kills itself."""

    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        columns = {**ids, **attrs}
        marks = ", ".join("?" * len(columns))
        dsync.execute(f"insert into {cls._modelname} ({', '.join(columns)}) values ({marks})", *columns.values())
        return super().create(dsync=dsync, ids=ids, attrs=attrs)

    def update(self, attrs: dict[str, Any]) -> Any:
        for name, value in attrs.items():  # one by one, so that it may be killed in between
            self.dsync.execute(f"update {self._modelname} set {name} = ? where name = ?", value, self.name)
        return super().update(attrs)

    def delete(self) -> Any:
        self.dsync.execute(f"delete from {self._modelname} where name = ?", self.name)
        return super().delete()


class Site(Row):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact", "phone")
    _children = {"device": "devices"}
    name: str
    contact: str = ""
    phone: str = ""
    devices: list[str] = []


class Device(Row):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("site", "role")
    name: str
    site: str
    role: str = ""


class Database(DSync):
    site, device = Site, Device
    top_level = ["site", "device"]

    def __init__(self, file: Path, steps: int = -1) -> None:
        super().__init__("database")
        self.file, self.steps = file, steps
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("pragma synchronous = off")  # a kill loses nothing, only a power cut would
        OPENED.append(self.connection)

    def execute(self, statement: str, *values: Any) -> Any:
        kill_at(self)
        result = self.connection.execute(statement, values)
        kill_at(self)
        return result

    def load(self) -> None:
        for name, contact, phone in self.connection.execute("select name, contact, phone from site order by name"):
            self.add(self.site(name=name, contact=contact, phone=phone))
        for name, site, role in self.connection.execute("select name, site, role from device order by name"):
            self.add(device := self.device(name=name, site=site, role=role))
            parent = self.get_or_none("site", site)
            if parent is not None:
                parent.add_child(device)


def kill_at(database: Database) -> None:
    database.steps -= 1
    if database.steps == 0:
        os.kill(os.getpid(), signal.SIGKILL)


BEFORE = {"nyc": ("a", "1", {"r1": "router", "r2": "router"}), "lon": ("b", "2", {"r3": "switch", "r4": ""})}
AFTER = {"nyc": ("z", "9", {"r1": "switch", "r3": "switch"}), "ams": ("c", "3", {"r5": "x"})}


def database(file: Path, rows: dict[str, Any] | None = None) -> Database:
    """Return the loaded database, made with these rows if they are given."""
    made = Database(file)
    if rows is not None:
        made.connection.executescript(
            "create table site (name primary key, contact, phone); create table device (name primary key, site, role);"
        )
        for name, (contact, phone, devices) in rows.items():
            made.connection.execute("insert into site values (?, ?, ?)", (name, contact, phone))
            made.connection.executemany("insert into device values (?, ?, ?)", [(one, name, devices[one]) for one in devices])
    made.load()
    return made


def dump(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return sorted(connection.iterdump())


def one_run(folder: Path, steps: int) -> None:
    """Bring the database to what AFTER holds, with a journal, and be killed after so many steps."""
    target = Database(folder / "live.db", -1)
    target.load()
    goal = database(folder / "goal.db")
    plan = load(folder / "plan").resolve(goal, target)
    verdicts = check(plan, target)
    target.steps = steps
    with pytest.MonkeyPatch.context() as patch:
        for name in ("write", "fsync"):
            patch.setattr(os, name, dangerous(getattr(os, name), target))
        with Journal(folder / "journal", plan, source=goal, target=target) as journal:
            result = target.apply(plan, goal, journal=journal, verdicts=verdicts)
            journal.finish(result)


def dangerous(real: Any, target: Database) -> Any:
    def call(*args: Any) -> Any:
        kill_at(target)
        result = real(*args)
        kill_at(target)
        return result

    return call


def killed_runs(tmp_path: Path) -> Iterator[tuple[Path, bool]]:
    """Yield a directory for each step at which the process was killed, and one for the whole run."""
    folder = tmp_path / "made"
    folder.mkdir()
    live, goal = database(folder / "live.db", BEFORE), database(folder / "goal.db", AFTER)
    save(Plan.from_diff(live.diff_from(goal)), folder / "plan", source=goal, target=live)
    program = f"import sys; sys.path[:0] = {sys.path!r}\nimport os, shutil, pathlib, test_journal\n" + (
        "made = pathlib.Path(sys.argv[1])\n"
        "for steps in range(1, 1000):\n"
        "    folder = made.parent / f'{steps:03}'\n"
        "    shutil.copytree(made, folder)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        test_journal.one_run(folder, steps)\n"
        "        os._exit(0)\n"
        "    if os.waitpid(child, 0)[1] == 0:\n"
        "        break\n"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True)
    folders = sorted(one for one in tmp_path.iterdir() if one.name.isdigit())
    for one in folders:
        yield one, one is folders[-1]


@pytest.mark.long
def test_a_process_that_is_killed_at_every_step(tmp_path: Path) -> None:
    beginning, seen, steps = None, set(), 0
    for folder, is_last in killed_runs(tmp_path):
        steps += 1
        beginning = beginning or dump(tmp_path / "made" / "live.db")
        report = next(iter(read(folder / "journal")), None)
        seen.add(None if report is None else (len(report.done), len(report.maybe)))
        if report is not None:
            assert report.ended or not is_last
            _check_truth(folder / "live.db", report)
            _check_undo(folder, report, beginning)
        one_run(folder, -1)
        assert dump(folder / "live.db") == dump(folder / "goal.db")
        while OPENED:
            OPENED.pop().close()
    assert steps > 60
    assert {(0, 0), (0, 1), (1, 0), (5, 1), None} <= seen


def _check_truth(file: Path, report: RunReport) -> None:
    """What is done is seen in the database, what was not attempted is not."""
    live = database(file)
    after = check(Plan(report.stored.resolve(None, live)), live, "skip")
    for change in report.done:
        later = [one for one in (*report.done, *report.maybe) if (one.model, one.id) == (change.model, change.id)][-1]
        if later is change:
            assert after[change.key].status == OutcomeStatus.ALREADY_DONE, f"{change} was not done"
    for change in report.not_attempted:
        earlier = [one for one in (*report.done, *report.maybe) if (one.model, one.id) == (change.model, change.id)]
        if not earlier:
            assert change.key not in after, f"{change} was done"
    assert len(report.maybe) <= 1


def _check_undo(folder: Path, report: RunReport, beginning: list[str]) -> None:
    copy = folder / "undone.db"
    copy.write_bytes((folder / "live.db").read_bytes())
    live = database(copy)
    undo = report.undo().resolve(None, live)
    result = live.apply(undo, live, verdicts=check(undo, live))
    assert not result.failures
    assert dump(copy) == beginning


def test_a_source_that_cannot_be_undone_for_other_models(path: Path) -> None:
    run(path, estate(SOURCE), estate(TARGET))
    with pytest.raises(Refused, match="no longer matches the target"):
        read(path)[0].undo().resolve(None, Tree())
    assert json.loads(path.read_text().splitlines()[0])["declared"].keys() == {"source", "target"}
    assert read(path)[0].undo().resolve(None, Estate()).changes


def test_one_line_that_is_no_line_of_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("buy milk\n")
    with pytest.raises(RecordError, match=r"notes cannot be used as a journal: it is not a journal of dsync$"):
        read(path)
