# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays examples/demo as a newcomer does: see the drift, repair it, find nothing left to do."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from conftest import RunPlaybook

DEMO = Path(__file__).parents[2] / "examples" / "demo"
DRIFT = "create 10, update 9, delete 5, unchanged 81"
IN_SYNC = "create 0, update 0, delete 0, unchanged 100"

Rows = dict[str, set[tuple[object, ...]]]


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A copy of the demo with its CMDB made."""
    folder = tmp_path / "demo"
    shutil.copytree(DEMO, folder)
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True)
    return folder


def rows_of_the_yaml(path: Path) -> Rows:
    """Read the source of truth without its adapter: the rows that the CMDB's tables should hold."""
    sites = yaml.safe_load(path.read_text(encoding="utf-8"))["sites"]
    devices = [(site["name"], device) for site in sites for device in site["devices"]]
    return {
        "site": {(site["name"], site["city"], site["contact_phone"]) for site in sites},
        "device": {(device["name"], site, device["role"]) for site, device in devices},
        "interface": {
            (
                device["name"],
                interface["name"],
                interface["description"],
                interface.get("mtu", 1500),
                int(interface.get("enabled", True)),
                interface.get("address"),
            )
            for _site, device in devices
            for interface in device["interfaces"]
        },
    }


def rows_of_the_cmdb(path: Path) -> Rows:
    """Read the CMDB's tables without its adapter."""
    with closing(sqlite3.connect(path)) as db:
        return {table: set(db.execute(f"SELECT * FROM {table}")) for table in ("site", "device", "interface")}


def changed(output: str) -> int:
    """The number of changed tasks in the recap of the one host."""
    (count,) = re.findall(r"^localhost +: .*\bchanged=(\d+) .*\bfailed=0\b", output, re.MULTILINE)
    return int(count)


def assert_drift_is_shown(output: str) -> None:
    """A phone number, a device that is missing, and one that only the target has are in the diff."""
    for line in (
        r"^-.*\+49 30 23125 112",
        r"^\+.*\+49 30 23125 480",
        r"^\+  nyc1-sw-03  role: ",
        r"^-  lon1-rtr-00  role: ",
        r"^-.*Transit Example Telecom EX-08857",
        r"^\+.*Transit Example Telecom EX-20077",
    ):
        assert re.search(line, output, re.MULTILINE), f"{line} is not on the screen:\n{output}"


def test_see_repair_see_again(run_playbook: RunPlaybook, demo: Path) -> None:
    cmdb, play = demo / "cmdb.sqlite", demo / "play.yml"
    truth = rows_of_the_yaml(demo / "sot.yml")
    drifted = cmdb.read_bytes()
    assert sum(map(len, truth.values())) == 100
    assert rows_of_the_cmdb(cmdb) != truth

    check = run_playbook(play, "--check", "--diff", cwd=demo)
    assert check.returncode == 0, check.stdout + check.stderr
    assert changed(check.stdout) == 1
    assert DRIFT in check.stdout
    assert_drift_is_shown(check.stdout)
    assert cmdb.read_bytes() == drifted

    repair = run_playbook(play, "--diff", cwd=demo)
    assert repair.returncode == 0, repair.stdout + repair.stderr
    assert changed(repair.stdout) == 1
    assert DRIFT in repair.stdout
    assert_drift_is_shown(repair.stdout)
    assert rows_of_the_cmdb(cmdb) == truth
    repaired = cmdb.read_bytes()

    again = run_playbook(play, "--check", "--diff", cwd=demo)
    assert again.returncode == 0, again.stdout + again.stderr
    assert changed(again.stdout) == 0
    assert IN_SYNC in again.stdout
    assert re.findall(r"^[-+]", again.stdout, re.MULTILINE) == []
    assert cmdb.read_bytes() == repaired


def test_the_audit_writes_nothing_and_can_fail(run_playbook: RunPlaybook, demo: Path) -> None:
    cmdb, audit = demo / "cmdb.sqlite", demo / "audit.yml"
    drifted = cmdb.read_bytes()

    report = run_playbook(audit, "--diff", cwd=demo)
    assert report.returncode == 0, report.stdout + report.stderr
    assert changed(report.stdout) == 1
    assert DRIFT in report.stdout
    assert_drift_is_shown(report.stdout)

    alarm = run_playbook(audit, "--extra-vars", "fail_on_drift=true", cwd=demo)
    assert alarm.returncode == 2, alarm.stdout + alarm.stderr
    assert "10 to create, 9 to update, 5 to delete" in alarm.stdout + alarm.stderr
    assert cmdb.read_bytes() == drifted

    repair = run_playbook(demo / "play.yml", cwd=demo)
    assert repair.returncode == 0, repair.stdout + repair.stderr
    calm = run_playbook(audit, "--extra-vars", "fail_on_drift=true", cwd=demo)
    assert calm.returncode == 0, calm.stdout + calm.stderr
    assert changed(calm.stdout) == 0
