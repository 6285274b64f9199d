# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a source tree of NetBox: an environment with its requirements, for a server of a release that is no package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backends import ServerFailed
from environments import REQUIREMENTS, Environment, install

_RELEASE = re.compile(r'^version: "?([\d.]+[\w.-]*)"?$', re.MULTILINE)
_ANOTHER = ("gunicorn", "mkdocs")
"""Packages of which the tree's pins are not used: the web server is that of the other NetBox, and the manual is not built."""


@dataclass(frozen=True)
class SourceEnvironment(Environment):
    """An environment with what a source tree of NetBox requires.

    Attributes:
        tree: where the source is.
    """

    tree: Path = Path()

    @property
    def lock(self) -> Path:
        return self.tree / "requirements.txt"

    def fill(self) -> None:
        (gunicorn,) = (line for line in _lines(REQUIREMENTS / "netbox.txt") if line.startswith("gunicorn=="))
        install(self.python, gunicorn, *packages(self.lock))


def packages(requirements: Path) -> list[str]:
    """Return what is installed of a tree's requirements: none has to be compiled."""
    wanted = (line for line in _lines(requirements) if not line.startswith(_ANOTHER))
    return [line.replace("psycopg[c,", "psycopg[binary,") for line in wanted]


def _lines(requirements: Path) -> Iterator[str]:
    lines = (line.partition("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    yield from filter(None, lines)


def release_of(tree: Path) -> str:
    """Return the release of a source tree, as `git archive` or the archive of a release has it. Raises ServerFailed."""
    try:
        found = _RELEASE.search((tree / "netbox" / "release.yaml").read_text(encoding="utf-8"))
    except OSError as error:
        raise ServerFailed(f"{tree} is no source tree of NetBox: {error}") from None
    if found is None:
        raise ServerFailed(f"{tree} is no source tree of NetBox: its netbox/release.yaml has no version")
    return found.group(1)
