# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of a run are changed together, or none, wherever the process is killed and whatever fails."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan, Result
from dsync.adapters.core.base import RecordModel
from dsync.adapters.documents import commit as file_commit
from dsync.adapters.documents.commit import FileChange, commit, digest_of, recover
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import NothingKept, RecordProblem
from dsync.records.definition import data_model

BEFORE = {"a.yml": b"a: 1\n", "b.yml": b"b: 1\n", "gone.yml": b"gone: 1\n", "below/c.yml": b"c: 1\n"}
AFTER = {"a.yml": b"a: 2\n", "b.yml": b"b: 2\n", "below/c.yml": b"c: 2\n", "below/new.yml": b"new: 2\n"}


def content(folder: Path) -> dict[str, bytes]:
    """Return everything that is in a directory, hidden files included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def hidden(folder: Path) -> list[Path]:
    return list(folder.rglob(".dsync-*"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path / "files")


def filled(folder: Path) -> Path:
    for name, text in BEFORE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return folder


def changes(folder: Path) -> list[FileChange]:
    names = [*AFTER, *(name for name in BEFORE if name not in AFTER)]
    return [FileChange(folder / name, digest_of(BEFORE.get(name)), AFTER.get(name)) for name in names]


# ---------------------------------------------------------------------- killed


def steps(act: Callable[[int], None]) -> None:
    """Call a function before and after each sync and write of this process, and before each open, rename and removal."""
    counter = itertools.count(1)

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            act(next(counter))
            made = real(*arguments)
            act(next(counter))
            return made

        return call

    def hear(event: str, arguments: Any) -> None:
        if event in ("os.rename", "os.remove", "os.truncate") or (event == "open" and ".dsync-" in str(arguments[0])):
            act(next(counter))

    os.fsync, os.write = around(os.fsync), around(os.write)
    sys.addaudithook(hear)


def in_child(work: Callable[[], object], at: int) -> bool:
    """Do something in a process that is killed at one of its steps; return whether it came to its end before."""
    pid = os.fork()
    if pid == 0:
        try:
            steps(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == at else None)
            work()
        finally:
            os._exit(0)
    return not os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def killed_everywhere(prepare: Callable[[Path], object], work: Callable[[Path], object], tmp_path: Path) -> Iterator[Path]:
    """Yield a directory for every step of some work, in which the process that did it was killed there."""
    for at in itertools.count(1):
        folder = tmp_path / f"killed{at}"
        folder.mkdir()
        prepare(folder)
        if in_child(lambda folder=folder: work(folder), at):
            return
        yield folder


def test_killed_at_every_step_either_all_files_are_changed_or_none(tmp_path: Path) -> None:
    found = []
    for folder in killed_everywhere(filled, lambda folder: commit(folder, changes(folder)), tmp_path):
        recover(folder)
        assert content(folder) in (BEFORE, AFTER)
        found.append(content(folder) == AFTER)
    assert found == sorted(found)
    assert len(found) > 20
    assert {True, False} == set(found)


reached: dict[str, int] = {}
"""The step at which a commit has to be killed to leave a state behind, once it was found."""


def left(folder: Path, state: str, is_reached: Callable[[], bool]) -> None:
    """Leave a commit that was killed at the first step at which a state is reached."""
    for at in itertools.count(reached.get(state, 1)):
        shutil.rmtree(folder)
        filled(folder)
        in_child(lambda: commit(folder, changes(folder)), at)
        if is_reached():
            reached[state] = at
            return


def half_committed(folder: Path) -> None:
    """Leave a commit that was killed when one of its files was in its place."""
    left(folder, "committed", lambda: content(folder).get("a.yml") == AFTER["a.yml"])


def half_prepared(folder: Path) -> None:
    """Leave a commit that was killed when some of its temporary files were written."""
    left(folder, "prepared", lambda: len(hidden(folder)) > 2)


@pytest.mark.parametrize(("prepare", "end"), [(half_committed, AFTER), (half_prepared, BEFORE)])
def test_a_recovery_that_is_killed_is_recovered_from(
    tmp_path: Path, prepare: Callable[[Path], None], end: dict[str, bytes]
) -> None:
    number = 0
    for folder in killed_everywhere(prepare, recover, tmp_path):
        recover(folder)
        assert content(folder) == end
        number += 1
    assert number > 3


# ---------------------------------------------------------------------- failing


def failing(monkeypatch: pytest.MonkeyPatch, method: str, fails: Callable[[Path], bool]) -> None:
    real = getattr(Path, method)

    def call(self: Path, *arguments: Any, **keywords: Any) -> Any:
        if fails(Path(arguments[0]) if arguments else self):
            raise PermissionError(1, "Operation not permitted")
        return real(self, *arguments, **keywords)

    monkeypatch.setattr(Path, method, call)


def test_when_the_first_file_cannot_be_changed_nothing_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "replace", lambda path: path.name == "a.yml")
    with pytest.raises(NothingKept, match=r"a\.yml cannot be written: Operation not permitted"):
        commit(folder, changes(folder))
    assert content(folder) == BEFORE


def test_when_a_file_cannot_be_written_nothing_is_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NothingKept, match=r"a\.yml cannot be written: No space left on device"):
        commit(folder, changes(folder))
    assert content(folder) == BEFORE


@pytest.mark.parametrize("size", [0, 1, 100, 900, 1000])
def test_when_the_disk_is_full_nothing_is_changed(folder: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    real, left = os.write, [size]

    def write(descriptor: int, data: Any) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        written = real(descriptor, data[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(NothingKept, match="cannot be written: No space left on device"):
        commit(folder, changes(folder))
    assert content(folder) == BEFORE


@pytest.mark.parametrize(("method", "name"), [("unlink", "gone.yml"), ("replace", "c.yml")])
def test_a_later_file_that_cannot_be_changed_is_changed_by_the_next_load(
    folder: Path, monkeypatch: pytest.MonkeyPatch, method: str, name: str
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, method, lambda path: path.name == name)
        with pytest.raises(RecordProblem, match=f"{name} cannot be .*: Operation not permitted") as caught:
            commit(folder, changes(folder))
        assert not isinstance(caught.value, NothingKept)
        assert caught.value.maybe
        with pytest.raises(RecordProblem, match=f"{name} cannot be .*: Operation not permitted"):
            recover(folder)
    recover(folder)
    assert content(folder) == AFTER


# ---------------------------------------------------------------------- trust


def left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a commit of which one file is in its place; return the manifest."""
    with monkeypatch.context() as patch:
        failing(patch, "replace", lambda path: path.name != "a.yml")
        failing(patch, "unlink", lambda path: path.name == "gone.yml")
        with pytest.raises(RecordProblem):
            commit(folder, changes(folder))
    (manifest,) = folder.glob(".dsync-*.commit")
    return manifest


@pytest.mark.parametrize("name", ["a.yml", "b.yml", "gone.yml", "below/new.yml"])
def test_what_somebody_else_changed_meanwhile_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    manifest = left_behind(folder, monkeypatch)
    (folder / name).write_bytes(b"mine\n")
    there = content(folder)
    with pytest.raises(RecordProblem, match=rf"{name} was changed by someone else meanwhile; remove {manifest} to keep"):
        recover(folder)
    assert content(folder) == there


def test_a_commit_that_is_whole_needs_no_look_at_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        failing(patch, "unlink", lambda path: path.suffix == ".commit")
        with pytest.raises(RecordProblem):
            commit(folder, changes(folder))
    (folder / "a.yml").write_bytes(b"mine\n")
    recover(folder)
    assert content(folder) == {**AFTER, "a.yml": b"mine\n"}


@pytest.mark.parametrize("name", ["../outside.yml", "/outside.yml", "below/../../outside.yml", "link/outside.yml"])
def test_a_manifest_is_not_trusted_for_files_outside_of_its_directory(folder: Path, name: str) -> None:
    outside = folder.parent / "outside.yml"
    outside.write_bytes(b"precious\n")
    (folder / "link").symlink_to(folder.parent)
    place = str(outside) if name.startswith("/") else name
    first = json.dumps(
        {"format": "dsync-commit", "version": 1, "files": [{"name": place, "temporary": None, "before": digest_of(b"precious\n")}]}
    )
    last = json.dumps({"files": digest_of(f"{first}\n".encode()), "after": [None]})
    (folder / ".dsync-0123456789ab.commit").write_text(f"{first}\n{last}\n")
    with pytest.raises(RecordProblem, match="names a file that is not below its directory"):
        recover(folder)
    assert outside.read_bytes() == b"precious\n"


@pytest.mark.parametrize("text", ["", "{", '{"files": 1}', "\x00" * 100, '{"format": "dsync-commit", "version": 1, "files": []}'])
def test_a_torn_manifest_is_removed(folder: Path, text: str) -> None:
    (folder / ".dsync-0123456789ab.commit").write_text(text)
    recover(folder)
    assert content(folder) == BEFORE


def test_a_process_that_is_committing_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = left_behind(folder, monkeypatch)
    monkeypatch.setattr(file_commit, "PATIENCE", 0.2)
    with manifest.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(RecordProblem, match="another run is still writing the files"):
            recover(folder)
    monkeypatch.setattr(file_commit, "PATIENCE", 0)  # nobody is waited for any more
    recover(folder)
    assert content(folder) == AFTER


def test_a_link_is_followed_and_one_that_leads_out_is_refused(folder: Path) -> None:
    (folder.parent / "shared").mkdir()
    (folder.parent / "shared" / "x.yml").write_bytes(b"x: 1\n")
    (folder / "x.yml").symlink_to("../shared/x.yml")
    (folder / "shared").symlink_to("../shared")
    commit(folder, [FileChange(folder / "x.yml", digest_of(b"x: 1\n"), b"x: 2\n")])
    assert (folder / "x.yml").is_symlink()
    assert content(folder.parent / "shared") == {"x.yml": b"x: 2\n"}
    with pytest.raises(NothingKept, match="a link leads out of"):
        commit(folder, [FileChange(folder / "shared" / "x.yml", digest_of(b"x: 2\n"), b"x: 3\n")])


# ---------------------------------------------------------------------- as an adapter uses it

MODELS = data_model(
    {
        "site": {"identifiers": ["name"], "attributes": {"region": "str"}, "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"mtu": "int"}},
    },
    base=RecordModel,
)
OLD = {"a": {"region": "eu", "devices": [{"name": "d1", "mtu": 1500}]}, "b": {"region": "eu", "devices": []}}
NEW = {"b": {"region": "eu", "devices": [{"name": "d1", "mtu": 1500}]}, "c": {"region": "us", "devices": []}}


def estate(folder: Path, sites: dict[str, Any]) -> Path:
    for name, site in sites.items():
        (folder / f"{name}.yml").write_text(json.dumps(site) + "\n")
    return folder


def loaded(folder: Path) -> DSync:
    made: Any = FileAdapter.bound(MODELS, {"site": {"key": "name"}, "device": {"from": "devices"}})(path=f"{folder}/")
    made.load()
    return made


def goal(sites: dict[str, Any]) -> DSync:
    records = [{"name": name, **site} for name, site in sites.items()]
    mapping = {"site": {"from": "sites"}, "device": {"from": "sites.*.devices"}}
    made: Any = MemoryAdapter.bound(MODELS, mapping)(records={"sites": records})
    made.load()
    return made


def synchronised(folder: Path) -> Result:
    target, source = loaded(folder), goal(NEW)
    return target.apply(Plan.from_diff(target.diff_from(source)), source)


def test_an_object_that_moves_between_files_is_in_one_of_them_after_every_kill(tmp_path: Path) -> None:
    ends = [goal(OLD).dict(), goal(NEW).dict()]
    found = set()
    for folder in killed_everywhere(lambda folder: estate(folder, OLD), synchronised, tmp_path):
        live = loaded(folder)
        found.add(ends.index(live.dict()))
        assert hidden(folder) == []
        assert not synchronised(folder).failures
        assert loaded(folder).dict() == ends[1]
    assert found == {0, 1}


def test_a_deleted_file_that_cannot_be_removed_leaves_changes_that_may_have_been_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate(tmp_path, OLD)
    with monkeypatch.context() as patch:
        failing(patch, "unlink", lambda path: path.name == "a.yml")
        result = synchronised(tmp_path)
    assert {(str(outcome.status), outcome.maybe) for outcome in result.outcomes} == {("failed", True)}
    assert "a.yml cannot be removed: Operation not permitted" in str(result.complete_error)
    assert loaded(tmp_path).dict() == goal(NEW).dict()


# ---------------------------------------------------------------------- attributes


ACL = bytes.fromhex("0200000001000600ffffffff020006000100000004000000ffffffff10000600ffffffff20000000ffffffff")
"""Read and write for the owner and the user 1; nothing for the group and others. The mode shows 0660 for it."""


def test_a_file_keeps_its_access_control_list_and_other_attributes(folder: Path) -> None:
    kept = {"user.note": b"by hand", "system.posix_acl_access": ACL}
    try:
        for name, value in kept.items():
            os.setxattr(folder / "a.yml", name, value)
    except OSError as error:
        pytest.skip(f"the file system has no extended attributes: {error}")
    commit(folder, changes(folder))
    assert content(folder) == AFTER
    assert {name: os.getxattr(folder / "a.yml", name) for name in kept} == kept


def test_a_file_whose_access_control_list_cannot_be_kept_is_not_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listxattr", lambda path: ["user.note", "system.posix_acl_access"])
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"not one")  # which the system refuses to set
    with pytest.raises(RecordProblem, match=r"a\.yml cannot be written"):
        commit(folder, changes(folder))
    assert content(folder) == BEFORE
