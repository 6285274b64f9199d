# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that cannot be written, on a full disk or in impossible places: one sentence before anything is changed, no half file."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Play
from dsync.storage.journal import read
from dsync.storage.plan_file import load
from generated import Entry, save, side, site

pytestmark = pytest.mark.long

DIFF, SYNC = "dsync.core.dsync_diff", "dsync.core.dsync_sync"
WRITTEN = {"plan": DIFF, "journal": SYNC, "undo": SYNC, "baseline": SYNC, "lock": SYNC}
"""The options that name a file to write, and the module that writes it."""

GOAL = [site(f"new{number}", note="x" * 40) for number in range(12)]
START = [site("old", note="there before")]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own. Who may not mount one skips its tests; tests/unit/test_faults.py has a limit on the size of
    files instead, which anyone may set."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(disk: Path, room: int = 0) -> Path:
    """Fill a file system except for some pages, and return the file that does."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)
    os.truncate(filler, filler.stat().st_size - room * 4096)
    return filler


@dataclass(frozen=True)
class Case:
    """One place for one option's file, and what the message about it contains."""

    option: str
    path: Path
    why: str

    @property
    def name(self) -> str:
        return f"{self.option} {self.path.name}"


def task(case: Case, folder: Path, **more: Any) -> dict[str, Any]:
    """Return a task that writes a file there, with a target of its own."""
    target = side(save(folder / f"{case.name}.target", START), log=str(folder / f"{case.name}.log"))
    arguments = {"source": side(folder / "source"), "target": target, case.option: str(case.path), **more}
    return {"name": case.name, WRITTEN[case.option]: arguments, "ignore_errors": True}


def entries(path: Path) -> list[Entry]:
    found: list[Entry] = json.loads(path.read_text())
    return found


def assert_refused(played: Any, cases: list[Case], folder: Path) -> None:
    """Each task failed with one sentence that names the file, and nothing was written to its target."""
    for case in cases:
        result = played.result(case.name)
        assert result["failed"] is True, case
        assert result["changed"] is False, case
        assert str(case.path) in result["msg"], result["msg"]
        assert case.why in result["msg"], result["msg"]
        assert result["msg"].endswith("."), result["msg"]
        assert result["msg"].count(". ") == 0, result["msg"]
        assert "Traceback" not in played.screen
        assert (folder / f"{case.name}.log").read_text() == "", case
        assert entries(folder / f"{case.name}.target") == START


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a directory and their contents; no temporary file may be left."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not [name for name in found if ".dsync-" in name]
    return found


def test_places_where_no_file_can_be(play: Play, tmp_path: Path) -> None:
    save(tmp_path / "source", GOAL)
    places = tmp_path / "places"
    (places / "directory").mkdir(parents=True)
    (places / "file").write_text("in the way")
    (places / "dangling").symlink_to(places / "nowhere" / "file")
    cases = [
        Case(option, places / place, why)
        for option in WRITTEN
        for place, why in (
            ("directory", "is a directory"),
            ("missing/file", f"there is no directory {places / 'missing'}"),
            ("file/below", "Not a directory"),
            ("dangling", f"there is no directory {places / 'nowhere'}"),
        )
    ]
    before = files(places)
    played = play([task(case, tmp_path) for case in cases])
    assert_refused(played, cases, tmp_path)
    assert files(places) == before
    assert sorted(one.name for one in places.iterdir()) == ["dangling", "directory", "file"]


def test_a_full_disk(play: Play, tmp_path: Path, disk: Path) -> None:
    """What was there before is as it was, and what was not there holds nothing. The plan that is there is not written again."""
    save(tmp_path / "source", GOAL)
    empty = [Case(option, disk / f"{option}.new", "No space left on device") for option in WRITTEN]
    there = [Case(option, disk / f"{option}.old", "No space left on device") for option in WRITTEN]
    undo = tmp_path / "undo"  # where there is room
    more = {"journal.old": {"undo": str(undo)}}
    play([task(case, tmp_path, **more.get(case.path.name, {})) for case in there]).ok()
    before, undo_before = files(disk), undo.read_bytes()
    assert set(before) >= {"plan.old", "journal.old", "undo.old", "baseline.old"}
    fill(disk)
    for case in there:
        (tmp_path / f"{case.name}.log").unlink()
    played = play([task(case, tmp_path, **more.get(case.path.name, {})) for case in (*empty, *there)])
    same, *others = there
    assert_refused(played, [*empty, *others], tmp_path)
    assert played.result(same.name)["plan"]["path"] == str(same.path)
    after = {name: data for name, data in files(disk).items() if name != "filler"}
    assert {name: data for name, data in after.items() if data} == {name: data for name, data in before.items() if data}
    assert undo.read_bytes() == undo_before, "the undo of a run that never began took the place of the last one's"
    load(disk / "plan.old")
    assert len(read(disk / "journal.old")) == 1


def test_a_disk_that_gets_full_in_the_middle_of_a_run(play: Play, tmp_path: Path, disk: Path) -> None:
    sides = {"source": side(save(tmp_path / "source", [site(f"new{number}") for number in range(60)])), "target": None}
    journals = {"measured": tmp_path / "journal", "cut off": disk / "journal"}
    tasks = {}
    for name, journal in journals.items():
        sides["target"] = side(save(tmp_path / f"{name}.target", START), log=str(tmp_path / f"{name}.log"))
        undo = str(tmp_path / f"{name}.undo")
        tasks[name] = {"name": name, SYNC: {**sides, "journal": str(journal), "undo": undo}, "ignore_errors": True}
    play([tasks["measured"]]).ok()
    measured = journals["measured"].read_bytes()
    pages = measured.index(b"\n", measured.index(b'{"line":"ready"')) // 4096 + 1
    assert len(measured) > (pages + 0.5) * 4096
    fill(disk, pages)

    result = play([tasks["cut off"]]).result("cut off")
    done = [one["id"] for one in result["changes"] if one["status"] == "done"]
    log = [json.loads(line) for line in (tmp_path / "cut off.log").read_text().splitlines()]
    assert [entry["id"] for entry in log[:-1]] == done
    assert log[-1]["action"] == "sync_complete"
    assert 0 < len(done) < 60
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["outcomes"] == {"done": len(done), "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 61 - len(done)}
    assert f"{disk / 'journal'} on here cannot be written: No space left on device" in result["msg"]
    (report,) = read(disk / "journal")
    told = {change.id for change in report.done} | {change.id for change in report.maybe}
    assert {change.id for change in report.done} <= set(done) <= told
    assert not report.ended
    assert {change.id for change in load(tmp_path / "cut off.undo")} == set(done)

    (disk / "filler").unlink()
    again = play([tasks["cut off"]]).ok().result("cut off")
    assert len(again["changes"]) == 61 - len(done)
    assert entries(tmp_path / "cut off.target") == entries(tmp_path / "measured.target")
    assert [one.ended for one in read(disk / "journal")] == [False, True]
