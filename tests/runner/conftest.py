# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the roles, with ansible-playbook and as a runner does, each in its own directory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "tests" / "integration" / "fixtures" / "adapters" / "ledger.py"
TIME_LIMIT = 300
MODELS = {"device": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int"}}}

Play = Callable[..., "subprocess.CompletedProcess[str]"]
Variables = dict[str, Any]


def program(name: str) -> Path:
    """Return a program of the environment that runs the tests."""
    return Path(sys.executable).with_name(name)


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """Variables for programs: nothing of the user's own Ansible, and the environment's programs first."""
    with tempfile.TemporaryDirectory(prefix="dsync") as home:
        config = Path(home) / "ansible.cfg"
        config.touch()
        yield {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))},
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_HOME": home,
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "PATH": os.pathsep.join((str(program("python").parent), os.environ["PATH"])),
        }


@pytest.fixture
def play(environment: dict[str, str], tmp_path: Path) -> Play:
    """Play one of the collection's playbooks by its full name with variables; its statistics are on the screen."""

    def run(name: str, variables: Variables, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = tmp_path / "variables.json"
        given.write_text(json.dumps(variables))
        return subprocess.run(
            [program("ansible-playbook"), f"dsync.core.{name}", "-e", f"@{given}", *arguments],
            cwd=tmp_path,
            env={**environment, "ANSIBLE_SHOW_CUSTOM_STATS": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )

    return run


def statistic(played: subprocess.CompletedProcess[str], name: str) -> dict[str, Any]:
    """Return what a play set as a statistic."""
    _before, found, after = played.stdout.partition("RUN: ")
    assert found, played.stdout + played.stderr
    statistics: dict[str, dict[str, Any]] = json.JSONDecoder().raw_decode(after)[0]
    return statistics[name]


def files(folder: Path, role: str) -> Variables:
    """Write a source of truth and a target that has drifted, and return a role's variables for them."""
    (folder / "truth.json").write_text(
        json.dumps([{"name": "rtr-1", "role": "router", "mtu": 1500}, {"name": "sw-1", "role": "switch", "mtu": 9000}])
    )
    (folder / "cmdb.json").write_text(
        json.dumps([{"name": "rtr-1", "role": "router", "mtu": 1400}, {"name": "old-1", "role": "router", "mtu": 1500}])
    )
    return {
        f"{role}_models": MODELS,
        f"{role}_source": {"adapter": "file", "options": {"path": str(folder / "truth.json")}, "name": "truth"},
        f"{role}_target": {"adapter": "file", "options": {"path": str(folder / "cmdb.json")}, "name": "cmdb"},
    }


def ledgers(folder: Path, changes: int, pause: float) -> Variables:
    """Make databases that differ in so many sites, and return the variables of the role that writes them slowly, one by one."""
    for name, sites in (("goal.db", changes), ("live.db", 0)):
        with contextlib.closing(sqlite3.connect(folder / name, isolation_level=None)) as connection:
            connection.execute("create table site (name primary key, contact, phone)")
            connection.execute("create table device (name primary key, site, role)")
            connection.executemany("insert into site values (?, '', '')", [(f"site{number:03}",) for number in range(sites)])
    target = {"path": str(folder / "live.db"), "log": str(folder / "log"), "pid": str(folder / "pid"), "pause": pause}
    return {
        "reconcile_source": {"adapter": f"{LEDGER}:Ledger", "options": {"path": str(folder / "goal.db")}},
        "reconcile_target": {"adapter": f"{LEDGER}:Ledger", "options": target},
        "reconcile_directory": str(folder / "records"),
    }


def rows(path: Path) -> set[str]:
    """Return the names of the sites in a database."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("select name from site")}


def missing(reason: str) -> None:
    """Skip where something cannot be had; fail in CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def tarball(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as it is published."""
    folder = tmp_path_factory.mktemp("built")
    source = shutil.copytree(Path(environment["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections/dsync/core", folder / "source")
    command = [program("ansible-galaxy"), "collection", "build", source, "--output-path", folder]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=TIME_LIMIT)
    (built,) = folder.glob("*.tar.gz")
    return built
