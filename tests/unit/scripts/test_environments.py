# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments of this repository: what they are named after, when one is made, and that none in use is replaced."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import environments
import pytest
from environments import Environment

VERSION = "{}.{}".format(*sys.version_info)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """An environment with an empty lock, in a directory of its own."""
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "VENVS", tmp_path / "venvs")
    monkeypatch.setattr(environments, "LOCKS", tmp_path)
    monkeypatch.setattr(environments, "VENV", ("-m", "venv", "--without-pip"))
    monkeypatch.setattr(environments, "install", lambda *_what: None)
    (tmp_path / "some.txt").write_text("# nothing\n")
    return Environment("some", (VERSION,))


def test_it_is_made_once_reached_by_its_name_and_made_anew_if_it_was_not_finished(environment: Environment, tmp_path: Path) -> None:
    environment.make()
    assert (tmp_path / "venvs" / "some").resolve() == environment.folder
    answer = subprocess.run([environment.python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(answer.stdout.strip()) == environment.folder
    (environment.folder / "kept").touch()
    Environment("some", (VERSION,)).make()
    assert (environment.folder / "kept").exists()
    (environment.folder / "complete").unlink()
    environment.make()
    assert (environment.folder / "complete").exists()
    assert not (environment.folder / "kept").exists()


def test_it_is_made_anew_where_the_checkout_was_moved_to(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.make()
    moved = tmp_path / "moved"
    (tmp_path / "venvs").rename(moved)
    monkeypatch.setattr(environments, "VENVS", moved)
    again = Environment("some", (VERSION,))
    (again.folder / "left").touch()
    again.make()
    assert not (again.folder / "left").exists()
    assert (again.folder / "complete").read_text() == str(again.folder)


def test_a_changed_lock_makes_another_one_beside_it(environment: Environment, tmp_path: Path) -> None:
    environment.make()
    (tmp_path / "some.txt").write_text("# something else\n")
    changed = Environment("some", (VERSION,))
    changed.make()
    assert changed.folder != environment.folder
    assert environment.python.exists()
    assert (tmp_path / "venvs" / "some").resolve() == changed.folder


def test_the_path_of_the_interpreter_is_not_in_the_name(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / f"python{VERSION}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert Environment("some", (VERSION,)).folder == environment.folder


@pytest.mark.parametrize("compiled", [True, False])
def test_modules_are_compiled_when_it_is_made_unless_it_says_otherwise(
    compiled: bool, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(environments, "install", lambda *what: asked.append(what))
    Environment(environment.name, environment.pythons, compiled=compiled).make()
    ((_python, *options),) = asked
    assert ("--no-compile" not in options) is compiled
