# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled code that is kept on a host: used only if it is this code, of this user, and of nobody else's making."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.bundle.compiled import CompiledModules, directory_in

NAME, PATH = "ship.near", "/controller/near.py"
SOURCE = b"# coding: latin-1\nWHO = '\xfc'\n"


@pytest.fixture(autouse=True)
def bytecode_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory that holds the compiled code of a module."""
    place = tmp_path / "kept"
    modules = CompiledModules(place)
    modules.code(NAME, SOURCE, PATH)
    modules.keep()
    return place


def file_of(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def compiles(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str = NAME, source: bytes = SOURCE, path: str = PATH) -> bool:
    """Return whether a new process would compile a module, whose code is right in any case."""
    compiled = []

    def counting(*args: object, **options: object) -> object:
        compiled.append(args)
        return compile(*args, **options)  # type: ignore[call-overload]

    module = CompiledModules.__module__
    monkeypatch.setattr(f"{module}.compile", counting, raising=False)
    code = CompiledModules(folder).code(name, source, path)
    found: dict[str, object] = {}
    exec(code, found)
    assert found["WHO"] == ("ü" if source == SOURCE else "other")
    assert code.co_filename == path
    return bool(compiled)


def test_only_the_first_process_compiles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not compiles(monkeypatch, folder)


@pytest.mark.parametrize("change", [{"source": b"WHO = 'other'\n"}, {"path": "/elsewhere/near.py"}, {"name": "ship.far"}])
def test_other_code_is_compiled(folder: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]) -> None:
    assert compiles(monkeypatch, folder, **change)  # type: ignore[arg-type]


def test_the_file_and_its_directory_are_the_users_alone(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file_of(folder).stat().st_mode) == 0o600


def test_code_of_several_processes_is_kept_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = CompiledModules(folder)
    second.code("ship.far", b"WHO = 'other'\n", "/controller/far.py")
    second.keep()
    assert not compiles(monkeypatch, folder)
    assert not compiles(monkeypatch, folder, "ship.far", b"WHO = 'other'\n", "/controller/far.py")


def readable_by_others(folder: Path) -> None:
    file_of(folder).chmod(0o640)


def writable_directory(folder: Path) -> None:
    folder.chmod(0o770)


def of_another_user(folder: Path) -> None:
    os.chown(file_of(folder), 65534, 65534)


def directory_of_another_user(folder: Path) -> None:
    os.chown(folder, 65534, 65534)


def linked(folder: Path) -> None:
    file = file_of(folder)
    file.symlink_to(file.rename(folder.parent / "elsewhere"))


def linked_directory(folder: Path) -> None:
    folder.symlink_to(folder.rename(folder.parent / "elsewhere"))


def a_directory_in_its_place(folder: Path) -> None:
    file = file_of(folder)
    file.unlink()
    file.mkdir(mode=0o700)


def a_pipe_in_its_place(folder: Path) -> None:
    file = file_of(folder)
    file.unlink()
    os.mkfifo(file, 0o600)


def cut_short(folder: Path) -> None:
    file = file_of(folder)
    file.write_bytes(file.read_bytes()[:-3])


def emptied(folder: Path) -> None:
    file_of(folder).write_bytes(b"")


def a_bit_changed(folder: Path) -> None:
    content = bytearray(file_of(folder).read_bytes())
    content[len(content) // 2] ^= 1
    file_of(folder).write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        readable_by_others,
        writable_directory,
        pytest.param(of_another_user, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")),
        pytest.param(directory_of_another_user, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")),
        linked,
        linked_directory,
        a_directory_in_its_place,
        a_pipe_in_its_place,
        cut_short,
        emptied,
        a_bit_changed,
    ],
)
def test_what_is_not_to_be_trusted_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)
    assert compiles(monkeypatch, folder)


def test_nothing_is_written_into_a_directory_that_others_may_write(folder: Path) -> None:
    before = file_of(folder).read_bytes()
    writable_directory(folder)
    modules = CompiledModules(folder)
    modules.code("ship.far", b"WHO = 'other'\n", "/controller/far.py")
    modules.keep()
    assert file_of(folder).read_bytes() == before


def test_a_damaged_file_is_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_short(folder)
    modules = CompiledModules(folder)
    modules.code(NAME, SOURCE, PATH)
    modules.keep()
    assert not compiles(monkeypatch, folder)


@pytest.mark.parametrize("place", [None, Path("/proc/nowhere/kept")])
def test_without_a_place_everything_is_compiled(monkeypatch: pytest.MonkeyPatch, place: Path | None) -> None:
    modules = CompiledModules(place)
    assert modules.code(NAME, SOURCE, PATH).co_filename == PATH
    modules.keep()


def test_nothing_is_kept_where_python_writes_no_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    modules = CompiledModules(tmp_path / "kept")
    modules.code(NAME, SOURCE, PATH)
    modules.keep()
    assert not (tmp_path / "kept").exists()


def test_it_is_kept_below_ansibles_directory_of_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/operator")
    assert directory_in("~/.ansible/tmp") == Path(f"/home/operator/.ansible/tmp/dsync-compiled-{os.geteuid()}")
    assert directory_in("$HOME/tmp") == Path(f"/home/operator/tmp/dsync-compiled-{os.geteuid()}")
    assert directory_in(None) is directory_in("") is directory_in("relative/tmp") is None
