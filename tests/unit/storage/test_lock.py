# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Locks: one holder at a time, named to the others, let go of whatever happens; and nothing made or destroyed by the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dsync
import pytest
from dsync.exceptions import LibraryMissing, LockHeld, RecordError
from dsync.storage.lock import locked

HOLDER = """
import sys
from dsync.storage.lock import locked
with locked(sys.argv[1], what="the night shift"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@contextmanager
def holding(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold a lock from another process."""
    environment = {**os.environ, "PYTHONPATH": str(Path(str(dsync.__file__)).parents[1])}
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


def test_the_holder_is_named_until_it_ends(path: Path) -> None:
    with holding(path) as holder:
        whose = f"by the night shift, process {holder.pid} of .+@.+, since "
        with pytest.raises(LockHeld, match=f"^{path} is locked {whose}"), locked(path):
            pytest.fail("two have the lock")
        with pytest.raises(LockHeld, match=f"^{path} is locked after 0.1 seconds {whose}"), locked(path, 0.1):
            pytest.fail("two have the lock")
        holder.communicate()
        with locked(path):
            assert "night shift" not in path.with_name("lock.holder").read_text()
    assert not path.with_name("lock.holder").exists()


@pytest.mark.parametrize("said", [None, "", "[1]", '{"by": "x"}', "\udcff"])
def test_a_holder_that_says_nothing_of_itself(path: Path, said: str | None) -> None:
    with holding(path):
        about = path.with_name("lock.holder")
        about.unlink()
        if said is not None:
            about.write_bytes(said.encode("utf-8", "surrogateescape"))
        with pytest.raises(LockHeld, match="is locked by another run; try again"), locked(path):
            pytest.fail("two have the lock")


def test_the_lock_of_a_dead_holder_is_free(path: Path) -> None:
    with holding(path) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        assert path.with_name("lock.holder").exists()
        with locked(path):
            assert str(os.getpid()) in path.with_name("lock.holder").read_text()


def test_it_is_let_go_of_when_what_is_done_meanwhile_fails(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    with locked(path):
        pass


def test_links_to_one_file_are_one_lock(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    with holding(path), pytest.raises(LockHeld, match="the night shift"), locked(link):
        pytest.fail("two have the lock")


def test_paths_that_are_no_lock(path: Path, tmp_path: Path) -> None:
    path.touch()
    cases = {
        tmp_path: "is a directory",
        path / "below": "cannot be used as a lock: Not a directory",
        tmp_path / "no" / "lock": f"cannot be used as a lock: there is no directory {tmp_path / 'no'}$",
    }
    for wrong, why in cases.items():
        with pytest.raises(RecordError, match=f"^{wrong} {why}"), locked(wrong):
            pytest.fail("it was locked")
    assert [entry.name for entry in tmp_path.iterdir()] == ["lock"]


def test_without_the_library(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(LibraryMissing, match="locking requires the Python library filelock") as caught, locked(path):
        pytest.fail("it was locked")
    assert caught.value.library == "filelock"
    assert not path.exists()
