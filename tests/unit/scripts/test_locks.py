# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock files: one for each environment, pinned with hashes, within the ranges that they were compiled from, naming no index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from environments import ENVIRONMENTS, LOCKS, REQUIREMENTS, Environment

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[\w,]+\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, list[str]]:
    """Return the versions to which a lock pins each package; there are several where they differ by Python or platform."""
    found: dict[str, list[str]] = {}
    for pin in PIN.finditer(lock.read_text(encoding="utf-8")):
        found.setdefault(normalised(pin["name"]), []).append(pin["version"])
    return found


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def ranges(requirements: Path) -> Iterator[str]:
    """Yield the lines of a requirements file and of those that it includes."""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            yield from ranges(requirements.parent / line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            yield line


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_a_lock_holds_every_requirement_within_its_range(environment: Environment) -> None:
    requirement = pytest.importorskip("packaging.requirements")
    locked = pins(environment.lock)
    for line in ranges(environment.requirements):
        wanted = requirement.Requirement(line)
        versions = locked[normalised(wanted.name)]
        assert all(wanted.specifier.contains(version, prereleases=True) for version in versions), (
            f"{line}: {versions}; run make lock"
        )


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda lock: lock.stem)
def test_every_pin_has_a_hash_and_no_index_is_named(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    requirements = [part for part in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE) if part[:1].isalnum()]
    assert requirements
    assert all(PIN.match(part) and "--hash=sha256:" in part for part in requirements)
    assert "://" not in text
    assert "--index" not in text


def test_every_lock_has_its_requirements() -> None:
    assert {lock.name for lock in LOCKS.glob("*.txt")} == {*(f"{name}.txt" for name in ENVIRONMENTS), "awx.txt"}
    assert all((REQUIREMENTS / lock.name).is_file() for lock in LOCKS.glob("*.txt"))
