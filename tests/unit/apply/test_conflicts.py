# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A create that is rejected while an object is there that a later change deletes, in a system whose models do not declare that."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, OutcomeStatus, Plan, Result, TransientError
from dsync.exceptions import RecordProblem
from dsync.guard.preparation import prepare
from dsync.plan.undo import undo_plan
from dsync.storage import digests
from dsync.storage.journal import Journal, read
from dsync.storage.plan_file import load, save
from in_batches import in_batches

GO_ON = DSyncFlags.CONTINUE_ON_FAILURE
WAYS = [(1, 1), (1, 10), (3, 1), (3, 10)]


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_COST", {"n": 2, "r": 1, "p": 1})


class Written(DSyncModel):
    """An object that a server keeps."""

    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        dsync.write("create", ids, attrs)
        return super().create(dsync, ids, attrs)

    def delete(self) -> Any:
        self.dsync.write("delete", self.get_identifiers(), {})
        return super().delete()


class Record(Written):
    """A record of a name server, which has no other record beside a CNAME record of the same name."""

    _modelname = "record"
    _identifiers = ("name", "type")
    _attributes = ("content",)
    _children = {"note": "notes"}
    name: str
    type: str
    content: str = ""
    notes: list[str] = []


class Note(Written):
    _modelname = "note"
    _identifiers = ("record", "text")
    record: str
    text: str


class Zone(DSync):
    """The records of a zone.

    Attributes:
        records: what the server has: name and type → content.
        refused: record that the server rejects in any case.
        steps: after so many further steps the process kills itself; a step is before and after each write.
    """

    record = Record
    top_level = ["record"]
    thread_safe = True

    def __init__(self, *records: str) -> None:
        super().__init__("zone")
        self.records: dict[tuple[str, str], str] = {}
        self.log: list[str] = []
        self.refused, self.steps, self.file = "", -1, Path()
        self.error: Exception = RecordProblem("422: it conflicts with another record", rejected=True)
        for text in records:
            name, kind, content = text.split()
            self.records[name, kind] = content
            self.add(self.record(name=name, type=kind, content=content))

    def write(self, action: str, ids: dict[str, Any], attrs: dict[str, Any]) -> None:
        name, kind = ids.get("name", "a note"), ids.get("type", ids.get("text"))
        self.log.append(f"{action} {name} {kind}")
        others = {of for one, of in self.records if one == name}
        if action == "create" and (f"{name} {kind}" == self.refused or "CNAME" in others or (kind == "CNAME" and others)):
            raise self.error
        self._step()
        if action == "create":
            self.records[name, kind] = attrs.get("content", "")
        else:
            self.records.pop((name, kind), None)
        if self.file.name:
            self.file.write_text("\n".join(self.lines()))
        self._step()

    def lines(self) -> list[str]:
        return sorted(" ".join((*key, content)) for key, content in self.records.items())

    def _step(self) -> None:
        self.steps -= 1
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Bulk(Zone):
    record = in_batches(Record)


CNAME, ADDRESS = "www CNAME web", "www A 192.0.2.1"


def zones(before: list[str], after: list[str], size: int = 1) -> tuple[Zone, Zone, Plan]:
    kind = Bulk if size > 1 else Zone
    target, source = kind(*before), kind(*after)
    target.batch_size = size
    return target, source, Plan.from_diff(target.diff_from(source))


def statuses(result: Result) -> dict[str, str]:
    return {f"{one.change.action} {one.change.id}": str(one.status) for one in result.outcomes}


@pytest.mark.parametrize(("workers", "size"), WAYS)
@pytest.mark.parametrize("flags", [DSyncFlags.NONE, GO_ON])
@pytest.mark.parametrize("after", [[ADDRESS], [ADDRESS, "www AAAA ::1"], [ADDRESS, "ftp A 192.0.2.2"]])
def test_what_is_in_the_way_is_deleted_first(flags: DSyncFlags, after: list[str], workers: int, size: int) -> None:
    target, source, plan = zones([CNAME], after, size)
    result = target.apply(plan, source, flags, workers=workers)
    assert set(statuses(result).values()) == {"done"}
    assert target.lines() == sorted(after)
    assert target.log.count("delete www CNAME") == 1
    assert not target.diff_from(source).has_diffs()


@pytest.mark.parametrize(("workers", "size"), WAYS)
@pytest.mark.parametrize("flags", [DSyncFlags.NONE, GO_ON])
def test_it_is_restored_if_the_create_is_rejected_again(flags: DSyncFlags, workers: int, size: int) -> None:
    target, source, plan = zones([CNAME], [ADDRESS], size)
    target.refused = "www A"
    result = target.apply(plan, source, flags, workers=workers)
    assert statuses(result) == {"create www__A": "failed", "delete www__CNAME": "failed"}
    assert target.log == ["create www A", "delete www CNAME", "create www A", "create www CNAME"]
    assert target.lines() == [CNAME]
    (gone,) = (one for one in result.outcomes if one.taken_back)
    assert gone.message == 'it was undone, since the create of record "www__A" failed'
    assert not any(one.maybe for one in result.outcomes)
    assert not target.diff_from(Zone(CNAME)).has_diffs()


@pytest.mark.parametrize(
    "error",
    [
        RecordProblem("the connection broke", maybe=True, rejected=True),
        RecordProblem("there is no such lookup"),
        ValueError("no"),
        type("Busy", (TransientError,), {"rejected": True})("later"),
    ],
)
def test_nothing_is_deleted_unless_the_system_rejects_the_create(error: Exception) -> None:
    target, source, plan = zones([CNAME], [ADDRESS])
    target.error = error
    assert statuses(target.apply(plan, source)) == {"create www__A": "failed", "delete www__CNAME": "not_attempted"}
    assert target.log == ["create www A"]


def test_a_create_whose_result_is_unknown_is_not_undone() -> None:
    target, source, plan = zones([CNAME], [ADDRESS])
    errors = iter([target.error, RecordProblem("the connection broke", maybe=True)])
    target.refused = "www A"
    write = target.write

    def writing(action: str, ids: dict[str, Any], attrs: dict[str, Any]) -> None:
        if action == "create":
            target.error = next(errors)
        write(action, ids, attrs)

    target.write = writing  # type: ignore[method-assign]
    result = target.apply(plan, source)
    assert statuses(result) == {"create www__A": "failed", "delete www__CNAME": "done"}
    assert [one.change.id for one in result.outcomes if one.maybe] == ["www__A"]
    assert target.log == ["create www A", "delete www CNAME", "create www A"]


@pytest.mark.parametrize(("before", "protected"), [([CNAME, "www TXT spf"], ()), (["web CNAME www"], ()), ([CNAME], ("delete",))])
def test_only_one_delete_of_what_has_the_name_comes_first(before: list[str], protected: tuple[str, ...]) -> None:
    target, source, plan = zones(before, [ADDRESS])
    target.refused = "www A"
    held = [replace(one, protected="no" if protected and one.before else "") for one in plan]
    result = target.apply(Plan(held), source)
    assert target.log == ["create www A"]
    assert statuses(result)["create www__A"] == "failed"


class Place(DSyncModel):
    _modelname = "place"
    _identifiers = ("name",)
    _children = {"port": "ports"}
    name: str
    ports: list[str] = []


class Port(Written):
    _modelname = "port"
    _identifiers = ("name", "type", "other")
    _references = {"other": "place"}
    name: str
    type: str
    other: str


class Ports(Zone):
    place = Place
    port = Port
    top_level = ["place"]


def test_the_name_of_the_parent_and_references_are_not_what_two_objects_share() -> None:
    target, source = Ports(), Ports()
    for made, name in ((target, "a"), (source, "b")):
        made.add(place := Place(name="sw"))
        made.add(port := Port(name=name, type="sw", other="sw"))
        place.add_child(port)
    target.refused = "b sw"
    target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert target.log == ["create b sw"]


def test_what_is_below_it_goes_and_comes_back_with_it() -> None:
    class Noted(Zone):
        note = Note

    target, source = Noted(CNAME), Noted(ADDRESS)
    target.add(note := Note(record="www", text="old"))
    target.get("record", "www__CNAME").add_child(note)
    plan = Plan.from_diff(target.diff_from(source))
    target.refused = "www A"
    target.apply(plan, source, GO_ON)
    assert target.get("record", "www__CNAME").notes == ["www__old"]
    target.refused = ""
    target.apply(plan, source).raise_for_failure()
    assert target.count("note") == 0
    target.apply(undo_plan(plan), source).raise_for_failure()
    assert target.get("record", "www__CNAME").notes == ["www__old"]
    assert target.lines() == ["a note old ", CNAME]


def test_a_journal_holds_both_and_undoes_both(tmp_path: Path) -> None:
    target, source, plan = zones([CNAME], [ADDRESS])
    with Journal(tmp_path / "journal", plan, source=source, target=target) as journal:
        journal.finish(target.apply(plan, source, journal=journal))
    (report,) = read(tmp_path / "journal")
    assert sorted(change.id for change in report.done) == ["www__A", "www__CNAME"]
    target.apply(prepare(report.undo(), source, target), source).raise_for_failure()
    assert target.lines() == [CNAME]


def run(folder: Path, steps: int = -1, refused: str = "") -> Result:
    """Apply the plan in a directory to its zone, which may have been left by a run that was killed."""
    target, source = Zone(*(folder / "zone").read_text().splitlines()), Zone(ADDRESS)
    target.file, target.steps, target.refused = folder / "zone", steps, refused
    plan = prepare(load(folder / "plan"), source, target)
    with Journal(folder / "journal", plan, source=source, target=target) as journal:
        result = target.apply(plan, source, journal=journal)
        journal.finish(result)
    return result


def killed_runs(folder: Path) -> Iterator[Path]:
    """Yield a copy of a directory for each step at which a run that was killed there has left it."""
    program = f"import sys; sys.path[:0] = {sys.path!r}\nimport os, shutil, pathlib, test_conflicts\n" + (
        "made = pathlib.Path(sys.argv[1])\n"
        "for steps in range(1, 100):\n"
        "    folder = made.parent / f'{steps:03}'\n"
        "    shutil.copytree(made, folder)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        test_conflicts.run(folder, steps)\n"
        "        os._exit(0)\n"
        "    if os.waitpid(child, 0)[1] == 0:\n"
        "        break\n"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True)
    yield from sorted(one for one in folder.parent.iterdir() if one.name.isdigit())


def test_a_run_that_was_killed_is_finished_or_what_it_deleted_is_restored(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "zone").write_text(CNAME)
    target, source, plan = zones([CNAME], [ADDRESS])
    save(plan, folder / "plan", source=source, target=target)
    left = set()
    for number, killed in zip(itertools.count(), killed_runs(folder)):
        left.add((killed / "zone").read_text())
        (again := tmp_path / f"again {number}").mkdir()
        for one in killed.iterdir():
            (again / one.name).write_bytes(one.read_bytes())
        begun = (again / "zone").read_text()
        result = run(again, refused="www A")
        assert (again / "zone").read_text() == (ADDRESS if begun == ADDRESS else CNAME)
        assert not any(one.maybe for one in result.outcomes)
        assert all(one.status in (OutcomeStatus.DONE, OutcomeStatus.ALREADY_DONE) for one in run(killed).outcomes)
        assert (killed / "zone").read_text() == ADDRESS
    assert left == {CNAME, "", ADDRESS}
