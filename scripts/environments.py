# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environments of this repository, made under .venvs on first use and kept until their requirements change.

`python scripts/environments.py NAME` makes one.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pythons

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
NEWEST = ("3.14", "3.13", "3.12")


class EnvironmentUnavailable(Exception):
    """No interpreter of the versions that an environment asks for is on this machine."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment: the first of `pythons` that is on the machine, with a requirements file's packages."""

    name: str
    pythons: tuple[str, ...]
    requirements: str

    @property
    def folder(self) -> Path:
        return VENVS / self.name

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python"

    def make(self) -> None:
        """Make the virtual environment unless it is there and up to date.

        Raises EnvironmentUnavailable, or CalledProcessError when venv or pip fail.
        """
        interpreter = pythons.find_first(self.pythons)
        if interpreter is None:
            raise EnvironmentUnavailable(f"no Python {' or '.join(self.pythons)} with venv and pip on this machine")
        requirements = ROOT / "requirements" / self.requirements
        stamp = self.folder / "stamp"
        wanted = _digest(interpreter, requirements)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        print(f"making {self.folder.relative_to(ROOT)} with {interpreter}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run([interpreter, "-m", "venv", self.folder], check=True)
        subprocess.run([self.python, "-m", "pip", "install", "-qq", "-r", requirements], check=True)
        stamp.write_text(wanted)

    def describe(self) -> str:
        """Return the versions that matter, such as `Python 3.13.0, ansible-core 2.21.5, pydantic 2.14.3`."""
        return subprocess.run([self.python, "-c", DESCRIBE], capture_output=True, text=True, check=True).stdout.strip()


DESCRIBE = """
import importlib.metadata, platform
print("Python", platform.python_version(), end="")
for package in ("ansible-core", "netbox", "nautobot", "pydantic"):
    if list(importlib.metadata.distributions(name=package)):
        print(",", package, importlib.metadata.version(package), end="")
"""

ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment("demo", (*NEWEST, "3.11"), "demo.txt"),
        Environment("library-3.10", ("3.10",), "library-oldest.txt"),
        Environment("core-2.19", ("3.11",), "core-2.19.txt"),
        Environment("core-newest", NEWEST, "core-newest.txt"),
        Environment("lint", (*NEWEST, "3.11"), "lint.txt"),
        Environment("galaxy", ("3.13", "3.12", "3.11"), "galaxy.txt"),
        Environment("docs", (*NEWEST, "3.11"), "docs.txt"),
        Environment("runner", NEWEST, "runner.txt"),
        Environment("bench", ("3.13", "3.12", "3.11"), "bench.txt"),  # the newest that diffsync runs on
        Environment("bench-netbox", (*NEWEST, "3.11"), "bench-netbox.txt"),
        Environment("netbox", ("3.13", "3.12"), "netbox-server.txt"),
        Environment("nautobot", ("3.13", "3.12", "3.11"), "nautobot-server.txt"),
    )
}


def _digest(interpreter: Path, requirements: Path) -> str:
    """Return a hash of the interpreter's version and of the requirements with the files that they include."""
    version = subprocess.run([interpreter, "-VV"], capture_output=True, text=True, check=True).stdout
    return hashlib.sha256(f"{interpreter} {version} {_expanded(requirements)}".encode()).hexdigest()


def _expanded(requirements: Path) -> str:
    lines = requirements.read_text().splitlines()
    return "\n".join(
        _expanded(requirements.parent / line.removeprefix("-r ").strip()) if line.startswith("-r ") else line for line in lines
    )


if __name__ == "__main__":
    try:
        ENVIRONMENTS[sys.argv[1]].make()
    except (EnvironmentUnavailable, subprocess.CalledProcessError) as error:
        sys.exit(f"The environment {sys.argv[1]} cannot be made: {error}.")
