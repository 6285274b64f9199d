# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the programs that tests work with, an ssh client and server and databases, and installs them where it may."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

APT_POLICY = Path("/usr/sbin/policy-rc.d")
NO_SERVICE_STARTS = "#!/bin/sh\nexit 101\n"
TRIES = 10
PAUSE = 15.0
"""How often, and how many seconds apart, apt-get is run: another apt-get that is at work just then makes it fail."""


class ProgramMissing(Exception):
    """A program is not on this machine and cannot be installed from here."""


def find_ssh() -> Path:
    """Return the ssh client, installed first if need be. Raises ProgramMissing."""
    return find("ssh", "openssh-client")


def find_sshd() -> Path:
    """Return the ssh server, installed first if need be, able to start on a port of its own. Raises ProgramMissing."""
    sshd = find("sshd", "openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where a server started by root drops its privileges
    return sshd


def find_postgresql() -> Path:
    """Return the directory of the programs of the newest PostgreSQL, installed first if need be. Raises ProgramMissing."""
    there = Path("/usr/lib/postgresql")  # where Debian has them, beside one another
    if not any(there.glob("*/bin/postgres")):
        install("postgres", "postgresql")
    found = max(there.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]), default=None)
    if found is None:
        raise ProgramMissing("postgres is still not on this machine after the package postgresql was installed.")
    return found.parent


def find_mariadb() -> Path:
    """Return MariaDB's server, installed first if need be. Raises ProgramMissing."""
    return find("mariadbd", "mariadb-server")


def find_chromium() -> Path:
    """Return a Chromium that needs no screen, installed first if need be. Raises ProgramMissing."""
    for program in ("chromium-headless-shell", "chromium", "google-chrome"):
        if found := _which(program):
            return found
    return find("chromium-headless-shell", "chromium-headless-shell")


def find(program: str, package: str) -> Path:
    found = _which(program)
    if found is None:
        install(program, package)
        found = _which(program)
    if found is None:
        raise ProgramMissing(f"{program} is still not on this machine after the package {package} was installed.")
    return found


def _which(program: str) -> Path | None:
    found = shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")))
    return Path(found) if found else None


def install(program: str, package: str) -> None:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise ProgramMissing(f"{program} is not on this machine: install it (package {package}), or run as root on Debian.")
    with _no_service_starts():
        for tries_left in reversed(range(TRIES)):
            failed = _failing_step(apt, package)
            if failed is None:
                return
            if tries_left:
                time.sleep(PAUSE)
    raise ProgramMissing(f"{program} is not on this machine, and apt-get {failed} failed {TRIES} times.")


def _failing_step(apt: str, package: str) -> str | None:
    """Install a package with lists that are up to date, and return the step that failed, if any."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", package]):
        ran = subprocess.run([apt, "-q", *arguments], env=environment, stdin=subprocess.DEVNULL, check=False)
        if ran.returncode:
            return arguments[0]
    return None


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Keep packages from starting their services while they are installed."""
    if APT_POLICY.exists():
        yield
        return
    APT_POLICY.write_text(NO_SERVICE_STARTS)
    APT_POLICY.chmod(0o755)
    try:
        yield
    finally:
        APT_POLICY.unlink()


if __name__ == "__main__":
    print(find_ssh(), find_sshd(), sep="\n")
