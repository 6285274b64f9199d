# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenarios of the roles that converge: check mode, converge, idempotence, verify, cleanup."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, TIME_LIMIT, program

SEQUENCE = ("cleanup", "syntax", "prepare", "check", "verify", "converge", "idempotence", "verify", "cleanup")


ONCE = {"discover", "export", "rollback"}
"""Roles that do one thing once, after which people go on: test_discover.py, test_export.py and test_rollback.py run them."""


def test_there_is_a_scenario_for_every_role_that_converges() -> None:
    scenarios = {path.parent.name for path in (ROOT / "extensions" / "molecule").glob("*/molecule.yml")}
    assert scenarios == {path.name for path in (ROOT / "roles").iterdir()} - ONCE


@pytest.mark.parametrize("scenario", ["audit", "reconcile"])
def test_scenario(environment: dict[str, str], scenario: str) -> None:
    extensions = Path(environment["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections/dsync/core/extensions"
    ran = subprocess.run(
        [program("molecule"), "test", "--scenario-name", scenario],
        cwd=extensions,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    screen = ran.stdout + ran.stderr
    assert ran.returncode == 0, screen
    details = screen.partition("DETAILS")[2].partition("SCENARIO RECAP")[0]
    done = [line.partition(" > ")[2] for line in details.splitlines() if " > " in line]
    assert done == [f"{action}: Executed: Successful" for action in SEQUENCE], screen
