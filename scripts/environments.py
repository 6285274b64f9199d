# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environments of this repository: made under .venvs on first use, from lock files.

`python scripts/environments.py NAME` makes one and prints the path of its interpreter.

An environment's directory is named after the Python release and the lock that it was made from, so a changed lock makes a new
directory beside the old one, and an environment that a test is running in is never replaced. `.venvs/NAME` is a link to the one
made last. `make clean` removes them all.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pythons import Interpreter, find_first

ROOT = Path(__file__).resolve().parent.parent
VENVS = (ROOT / ".venvs").resolve()
REQUIREMENTS = ROOT / "requirements"
LOCKS = REQUIREMENTS / "locks"
VENV = ("-m", "venv")
NEWEST = ("3.14", "3.13", "3.12")


class EnvironmentUnavailable(Exception):
    """No interpreter of the versions that an environment asks for is on this machine."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        name: also that of its requirements (`requirements/NAME.txt`) and of its lock (`requirements/locks/NAME.txt`).
        pythons: versions of Python, the first of which that is on the machine is used.
        compiled: whether all of its modules are compiled when it is made; each is when it is first imported otherwise.
    """

    name: str
    pythons: tuple[str, ...]
    compiled: bool = True

    @property
    def requirements(self) -> Path:
        """The ranges that the lock is compiled from."""
        return REQUIREMENTS / f"{self.name}.txt"

    @property
    def lock(self) -> Path:
        """The pinned requirements, with hashes, that the environment is made from."""
        return LOCKS / f"{self.name}.txt"

    @property
    def oldest_python(self) -> str:
        """The oldest version of Python that the lock has to fit."""
        return min(self.pythons, key=lambda version: [int(part) for part in version.split(".")])

    @cached_property
    def folder(self) -> Path:
        """Where it is. Raises EnvironmentUnavailable."""
        digest = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        return VENVS / "made" / f"{self.name}-{self._interpreter.release}-{digest[:12]}"

    @cached_property
    def _interpreter(self) -> Interpreter:
        found = find_first(self.pythons)
        if found is None:
            raise EnvironmentUnavailable(f"no Python {' or '.join(self.pythons)} with venv and pip on this machine")
        return found

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python"

    def make(self) -> None:
        """Make the virtual environment unless it exists; processes that want the same one wait for each other.

        Raises EnvironmentUnavailable, or CalledProcessError when venv or pip fail.
        """
        with _locked(self.folder):
            if not self._is_complete():
                print(f"making {self.folder} with {self._interpreter.path}", file=sys.stderr, flush=True)
                shutil.rmtree(self.folder, ignore_errors=True)
                subprocess.run([self._interpreter.path, *VENV, self.folder], check=True)
                self.fill()
                self._stamp.write_text(str(self.folder))
            _link(VENVS / self.name, self.folder)

    def fill(self) -> None:
        """Install what its lock pins. Raises CalledProcessError."""
        install(self.python, *(() if self.compiled else ("--no-compile",)), "--require-hashes", "-r", self.lock)

    @property
    def _stamp(self) -> Path:
        return self.folder / "complete"

    def _is_complete(self) -> bool:
        """Return whether it was made to its end, at this place, since its programs name it, and its interpreter still exists."""
        return self._stamp.is_file() and self._stamp.read_text() == str(self.folder) and self.python.exists()

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
        Environment("demo", (*NEWEST, "3.11")),
        Environment("library-3.10", ("3.10",)),
        Environment("core-2.19", ("3.11",)),
        Environment("core-newest", NEWEST),
        Environment("lint", (*NEWEST, "3.11")),
        Environment("galaxy", ("3.13", "3.12", "3.11")),
        Environment("docs", (*NEWEST, "3.11")),
        Environment("runner", NEWEST),
        Environment("wheel", ("3.10",)),
        Environment("dask", NEWEST),
        Environment("bench", ("3.13", "3.12", "3.11")),  # the newest that diffsync runs on
        Environment("bench-netbox", (*NEWEST, "3.11"), compiled=False),  # it has some 100 collections, and uses one
        Environment("netbox", ("3.13", "3.12")),
        Environment("nautobot", ("3.13", "3.12", "3.11")),
        Environment("lock", (*NEWEST, "3.11")),
    )
}


def install(python: Path, *what: str | Path) -> None:
    """Install packages by an interpreter's own pip. Raises CalledProcessError."""
    subprocess.run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *what], stdout=sys.stderr, check=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _link(link: Path, target: Path) -> None:
    """Let `link` lead to `target`, a directory below its own, at no moment to nowhere, and also if the checkout is moved."""
    if link.is_dir() and not link.is_symlink():  # made by an older version of this file
        shutil.rmtree(link)
    fresh = target.with_name(f"{target.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target.relative_to(link.parent))
    fresh.replace(link)


def main(name: str) -> int:
    """Make an environment and print its interpreter, or say on stderr why it cannot be made."""
    try:
        ENVIRONMENTS[name].make()
    except (EnvironmentUnavailable, subprocess.CalledProcessError) as error:
        print(f"The environment {name} cannot be made: {error}.", file=sys.stderr)
        return 1
    print(ENVIRONMENTS[name].python)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
