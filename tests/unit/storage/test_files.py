# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there, whatever goes wrong while they are written; who wrote them; and the release's number."""

from __future__ import annotations

import getpass
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dsync.exceptions import RecordError
from dsync.storage import provenance as stamp
from dsync.storage.files import lines_of, reading, replacing

ROOT = Path(__file__).parents[3]


def write(path: Path, text: str = "new\n", mode: int = 0o600) -> None:
    with replacing(path, mode) as stream:
        stream.write(text)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    old = os.umask(0o777)
    try:
        write(tmp_path / "a")
        write(tmp_path / "b", "é\n", 0o640)
    finally:
        os.umask(old)
    write(tmp_path / "a", "newer")
    assert (tmp_path / "a").read_text() == "newer"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["a", "b"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "real")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_text() == "new\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, RecordError])
def test_what_is_raised_meanwhile_leaves_no_half_file(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a").write_text("old")

    def fail() -> None:
        with replacing(tmp_path / "a") as stream:
            stream.write("x" * 100_000)
            raise error("why")

    with pytest.raises(error, match="why"):
        fail()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("step", ["write", "fsync", "replace", "fchmod", "open"])
def test_a_full_disk_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    (tmp_path / "a").write_text("old")

    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, os.strerror(28))

    if step == "replace":
        monkeypatch.setattr(Path, "replace", full)
    elif step == "write":
        monkeypatch.setattr(os, "fdopen", lambda descriptor, *_args, **_options: _Full(descriptor))
    else:
        monkeypatch.setattr(os, step, full)
    with pytest.raises(RecordError, match=r"a cannot be written: No space left on device$"):
        write(tmp_path / "a")
    monkeypatch.undo()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


class _Full:
    """A stream that fails when it is written, and again when it is closed, as one with a full buffer does."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, _text: str) -> None:
        raise OSError(28, os.strerror(28))

    def close(self) -> None:
        os.close(self._descriptor)
        raise OSError(28, os.strerror(28))


def test_a_limit_of_file_size(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    result = run(f"write(Path({str(tmp_path / 'a')!r}), 'x' * 100_000)", limit)
    assert "RecordError" in result
    assert "a cannot be written: File too large" in result
    assert names(tmp_path) == []


def run(code: str, before: Callable[[], None]) -> str:
    program = f"import sys; sys.path[:0] = {sys.path!r}\nfrom pathlib import Path\nfrom test_files import write\n{code}\n"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, preexec_fn=before, check=False).stderr


def test_only_ordinary_files_are_touched(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in ((tmp_path, "is a directory"), (tmp_path / "pipe", "is no ordinary file"), (Path("/dev/null"), "no ordinary")):
        with pytest.raises(RecordError, match=why):
            write(path)
        with pytest.raises(RecordError, match=why), reading(path):
            pass
    assert not Path("/dev/null").is_file()


def test_reading_what_is_not_there_or_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecordError, match=r"/x cannot be read: No such file or directory$"), reading(tmp_path / "x"):
        pass
    (tmp_path / "x").touch()

    def forbidden(*_args: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(RecordError, match=r"/x cannot be read: Permission denied$"), reading(tmp_path / "x"):
        pass


def test_a_directory_that_cannot_be_synced_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - pathlib would open the file
            raise OSError(22, os.strerror(22))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "a")
    assert names(tmp_path) == ["a"]


def test_other_value_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), replacing(tmp_path / "a"):
        raise ValueError("mine")


def test_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\r\n\ntwo\x0bthree\xff\nlast")
    with reading(tmp_path / "a") as stream:
        assert list(lines_of(stream, "a", 12)) == [b"one\r\n", b"\n", b"two\x0bthree\xff\n", b"last"]
    with reading(tmp_path / "a") as stream, pytest.raises(RecordError, match=r"/a cannot be used: line 3 is longer than 8 bytes$"):
        list(lines_of(stream, "a", 8))


def test_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp.now())
    assert re.fullmatch(r"[^@]+@[^@]+", stamp.whoami())

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert stamp.whoami().startswith(f"{os.getuid()}@")


def test_the_version_is_that_of_the_package() -> None:
    assert f'version = "{stamp.VERSION}"' in (ROOT / "pyproject.toml").read_text()
    assert f"version: {stamp.VERSION}" in (ROOT / "galaxy.yml").read_text()


def test_errors_name_the_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name, what in {"x": "cannot be read: No such file or directory", "folder/../folder": "is a directory"}.items():
        with pytest.raises(RecordError) as caught, reading(name):
            pass
        path = os.path.abspath(name)  # noqa: PTH100  # Path.absolute() keeps ".."
        assert (str(caught.value), caught.value.file) == (f"{path} {what}", path)
