# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The file that tells what a source had: whole, read back as it was written, and never taken for something that it is not."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from dsync.exceptions import RecordError
from dsync.storage.baseline import read_baseline, write_baseline

COUNTS = {"site": 3, "device": 0, "ünïcode ☃": 2}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "baseline"


def test_what_is_written_is_read(path: Path) -> None:
    assert read_baseline(path, "sot") is None
    write_baseline(path, "sot", {"site": 9})
    write_baseline(path, "sot", COUNTS)
    assert read_baseline(path, "sot") == COUNTS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["baseline"]


def test_it_is_of_one_source(path: Path) -> None:
    write_baseline(path, "sot", COUNTS)
    with pytest.raises(RecordError, match=f"^{path} is the baseline of the source 'sot', not of 'lab'$"):
        read_baseline(path, "lab")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": "dsync-plan"}, "is not a baseline of dsync; remove it to start again"),
        ({"version": 2}, "cannot be used as a baseline: its format has version 2, and this dsync"),
        ({"version": None}, "cannot be used as a baseline: its format has version None"),
        ({"counts": None}, "it is malformed"),
        ({"counts": [1]}, "it is malformed"),
        ({"counts": {"site": -1}}, "it is malformed"),
        ({"counts": {"site": True}}, "it is malformed"),
        ({"counts": {"site": "3"}}, "it is malformed"),
        ({"source": None}, "is the baseline of the source None, not of 'sot'"),
    ],
)
def test_a_file_that_says_something_else(path: Path, change: dict[str, object], why: str) -> None:
    write_baseline(path, "sot", COUNTS)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RecordError, match=f"^{path} .*{why}"):
        read_baseline(path, "sot")


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b" " * 2**20 + b"1}"])
def test_a_file_that_is_no_baseline(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(RecordError, match=f"^{path} is not a baseline of dsync; remove it to start again$"):
        read_baseline(path, "sot")


def test_every_cut_of_a_file_is_noticed(path: Path) -> None:
    write_baseline(path, "sot", COUNTS)
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(RecordError):
            read_baseline(path, "sot")


def test_places_where_there_can_be_no_file(path: Path) -> None:
    path.mkdir()
    missing = path / "no" / "baseline"
    with pytest.raises(RecordError, match="is a directory"):
        read_baseline(path, "sot")
    with pytest.raises(RecordError, match="is a directory"):
        write_baseline(path, "sot", COUNTS)
    with pytest.raises(RecordError, match=f"^{missing} cannot be written: there is no directory {missing.parent}$"):
        write_baseline(missing, "sot", COUNTS)


def test_a_link_to_nowhere_is_not_a_first_run(path: Path) -> None:
    path.symlink_to(path.parent / "unmounted" / "baseline")
    with pytest.raises(RecordError, match=r"cannot be read: there is no directory .*/unmounted"):
        read_baseline(path, "sot")
