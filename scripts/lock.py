# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles the lock files from the requirements, each to the newest releases that the ranges admit.

A lock holds for every Python that its environment may be made with, and names no package index: pip takes the one it is set up for.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environments import ENVIRONMENTS, LOCKS, REQUIREMENTS, ROOT, Environment

FOR_EVERY_PLATFORM = ("--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links")
AWX = REQUIREMENTS / "awx.txt"


def main() -> int:
    """Compile every lock and return the exit code; a lock that cannot be compiled stays as it was."""
    uv = ENVIRONMENTS["lock"]
    if not uv.lock.exists():
        print(
            f"{uv.lock.relative_to(ROOT)} is missing; restore it, since it holds the tool that compiles the locks.", file=sys.stderr
        )
        return 1
    uv.make()
    LOCKS.mkdir(exist_ok=True)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(_compile, uv.bin / "uv", *_wanted(environment)) for environment in ENVIRONMENTS.values()]
        jobs.append(pool.submit(_compile, uv.bin / "uv", AWX, LOCKS / AWX.name, "3.12", "--no-deps"))
        compiled = [job.result() for job in jobs]
    return int(not all(compiled))


def _wanted(environment: Environment) -> tuple[Path, Path, str]:
    return environment.requirements, environment.lock, environment.oldest_python


def _compile(uv: Path, requirements: Path, lock: Path, python: str, *options: str) -> bool:
    """Compile one lock, and print what went wrong if anything did."""
    command: list[str | Path] = [uv, "pip", "compile", *FOR_EVERY_PLATFORM, *options, "--quiet", "--upgrade"]
    command += ["--custom-compile-command", "make lock", "--python-version", python]
    command += ["--output-file", lock.relative_to(ROOT), requirements.relative_to(ROOT)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        print(f"{requirements.relative_to(ROOT)} cannot be locked:\n{ran.stderr}", file=sys.stderr)
    return ran.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
