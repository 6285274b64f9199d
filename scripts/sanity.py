# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares `ansible-test sanity` to run on a laid-out collection, away from the user's home, on every Python here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pythons
from environments import Environment

# Asks the installed ansible-test which Python versions it knows, and which pip it puts into its own environments.
ASK = """
import types
from ansible_test._internal.constants import SUPPORTED_PYTHON_VERSIONS
from ansible_test._internal.python_requirements import get_venv_packages
for version in SUPPORTED_PYTHON_VERSIONS:
    print(version, get_venv_packages(types.SimpleNamespace(version=version))["pip"])
"""

# Stands in for the bootstrap script of this name that ansible-test would download: it leaves the same pip behind.
BOOTSTRAP = """\
import subprocess
import sys

for arguments in (["ensurepip"], ["pip", "install", "-qq", "--disable-pip-version-check", "pip=={pip}"]):
    subprocess.run([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, check=True)
"""


def prepare(environment: Environment, content: Path) -> dict[str, str]:
    """Return the variables to run this environment's ansible-test with, on the collection in the directory `content`."""
    home = environment.folder / "sanity-home"
    interpreters = environment.folder / "sanity-pythons"
    cache = home / ".ansible" / "test" / "cache"
    for folder in (cache, interpreters, home / ".config"):
        folder.mkdir(parents=True, exist_ok=True)
    _link(home / ".config" / "pip", Path.home() / ".config" / "pip")  # where the user's pip finds its packages
    known = subprocess.run([environment.python, "-c", ASK], capture_output=True, text=True, check=True).stdout
    for version, pip in (line.split() for line in known.splitlines()):
        (cache / f"get_pip_{pip.replace('.', '_')}.py").write_text(BOOTSTRAP.format(pip=pip))
        found = pythons.find(version)
        _link(interpreters / f"python{version}", found.path if found else None)
    return {
        "ANSIBLE_TEST_CONTENT_ROOT": str(content),  # or it asks git, which ignores the build directory that this is in
        "HOME": str(home),
        "PATH": os.pathsep.join((str(environment.bin), str(interpreters), os.environ["PATH"])),
    }


def _link(link: Path, target: Path | None) -> None:
    link.unlink(missing_ok=True)
    if target is not None:
        link.symlink_to(target)
