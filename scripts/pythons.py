# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds Python interpreters: on PATH, and in pyenv's versions directory, whose shims answer only when told a version.

What is found is the interpreter itself, wherever it was met: by a shim, or in the virtual environment that is first on PATH while a
stage runs. So an environment that was made outside of a stage is up to date within it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# An interpreter counts if it says that it is the version asked for and can make a venv with pip in it. Then it says where it is.
PROBE = "import ensurepip, os, platform, sys, venv; print(platform.python_version(), os.path.realpath(sys._base_executable))"


class Interpreter(NamedTuple):
    """A Python interpreter, and its release, such as `3.13.0`."""

    path: Path
    release: str


def find(version: str) -> Interpreter | None:
    """Return an interpreter of this version (`3.11`), or None."""
    return next((found for candidate in _candidates(version) if (found := _interpreter(candidate, version))), None)


def find_first(versions: Iterable[str]) -> Interpreter | None:
    """Return an interpreter of the first of these versions that is on the machine, or None."""
    return next((found for version in versions if (found := find(version))), None)


def _candidates(version: str) -> Iterator[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    releases = sorted(pyenv.glob(f"versions/{version}.*/bin"), key=_release, reverse=True)
    for folder in (*folders, *releases):
        if (path := folder / f"python{version}").is_file():
            yield path


def _release(folder: Path) -> list[int]:
    return [int(part) for part in folder.parent.name.split(".") if part.isdigit()]


def _interpreter(path: Path, version: str) -> Interpreter | None:
    try:
        answer = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, check=False)
    except OSError:
        return None
    release, _space, where = answer.stdout.strip().partition(" ")
    if answer.returncode or not where or not f"{release}.".startswith(f"{version}."):
        return None
    return Interpreter(Path(where), release)
