# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of examples/awx_slices: several ansible-playbook processes divide the shards of a comparison over PostgreSQL, one
of them is killed, and what is planned and applied is what one process would plan and apply."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import provision
import pytest
import sql_servers
from sql_servers import PASSWORD, Server
from test_sql_servers import Base, database

pytestmark = pytest.mark.long

EXAMPLE = Path(__file__).parents[2] / "examples" / "awx_slices"
TIME_LIMIT = 240
SHARDS = 8
ROWS = [(f"d{number:04}", "leaf", 1500) for number in range(600)]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    try:
        with sql_servers.postgresql() as running:
            yield running
    except provision.ProgramMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


def table(server: Server, rows: list[tuple[Any, ...]]) -> Base:
    base = database(server, "CREATE TABLE device (name text PRIMARY KEY, role text NOT NULL, mtu int);")
    with base.engine.connect() as connection:
        for row in rows:
            connection.exec_driver_sql("INSERT INTO device VALUES (%s, %s, %s)", row)
    return base


class Estate:
    """The playbooks of the example in a directory, and the databases that they use."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.folder = Path(shutil.copytree(EXAMPLE, folder / "slices"))
        text = (self.folder / "estate.yml").read_text(encoding="utf-8")
        assert "shards: 64\n" in text
        (self.folder / "estate.yml").write_text(text.replace("shards: 64\n", f"shards: {SHARDS}\n"), encoding="utf-8")
        self.wanted = table(
            server, [("d0000", "spine", None), *ROWS[1:40], ("d0041", "leaf", 9000), *ROWS[42:], ("new", "leaf", 1)]
        )
        self.present = table(server, ROWS)
        self.store = database(server, "SELECT 1;")
        self.variables = {
            **{f"{name}_url": getattr(self, name).url for name in ("wanted", "present", "store")},
            **{f"{name}_password": PASSWORD for name in ("wanted", "present", "store")},
            "plan_directory": str(folder),
            "ansible_python_interpreter": sys.executable,
            "shard_workers": 2,
        }

    def begin(self, playbook: str, inventory: str = "localhost,", **variables: Any) -> subprocess.Popen[str]:
        given = {**self.variables, "ansible_connection": "local", **variables}
        return subprocess.Popen(
            [Path(sys.executable).with_name("ansible-playbook"), playbook, "-i", inventory, "-e", json.dumps(given), "-v"],
            cwd=self.folder,
            env={**os.environ, "ANSIBLE_SHOW_CUSTOM_STATS": "true", "ANSIBLE_NOCOLOR": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )

    def play(self, playbook: str, fails: bool = False, **variables: Any) -> str:
        """Play a playbook to its end and return what is on the screen."""
        with self.begin(playbook, **variables) as process:
            screen = process.communicate(timeout=TIME_LIMIT)[0]
        assert (process.returncode != 0) is fails, screen
        assert PASSWORD not in screen
        return screen

    def plan(self, **variables: Any) -> str:
        """Return the digest of the plan."""
        found = re.search(
            r"approved_digest: (sha256:\w+)|\"approved_digest\": \"(sha256:\w+)\"", self.play("plan.yml", **variables)
        )
        assert found
        return found[1] or found[2]

    def rows(self) -> list[tuple[Any, ...]]:
        return self.present.rows("SELECT name, role, mtu FROM device ORDER BY name")

    def shards(self, condition: str = "answer IS NOT NULL") -> int:
        return int(self.store.rows(f"SELECT count(*) FROM dsync_shards WHERE {condition}")[0][0])


def descendants(pid: int) -> list[int]:
    """Return a process and all that it has begun, in whatever session."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def test_slices_side_by_side_of_which_one_is_killed(postgresql: Server, tmp_path: Path) -> None:
    estate = Estate(postgresql, tmp_path)
    alone = estate.plan(comparison="alone")  # no slice has compared anything for it
    assert estate.rows() == ROWS

    with estate.present.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("LOCK TABLE device IN ACCESS EXCLUSIVE MODE")
        doomed = estate.begin("compare.yml", comparison="nightly")
        deadline = time.monotonic() + TIME_LIMIT
        while not estate.present.rows(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            assert doomed.poll() is None, doomed.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for pid in reversed(descendants(doomed.pid)):
            os.kill(pid, signal.SIGKILL)
        doomed.communicate()
        connection.exec_driver_sql("ROLLBACK")
    assert estate.shards("run = 'nightly'") == SHARDS
    assert estate.shards("run = 'nightly' AND answer IS NOT NULL") == 0

    slices = [estate.begin("compare.yml", f"{name},", comparison="nightly") for name in ("slice-1", "slice-2")]
    screens = [one.communicate(timeout=TIME_LIMIT)[0] for one in slices]
    compared = [json.loads(found) for screen in screens for found in re.findall(r'"compared": (\[[^\]]*\])', screen)]
    assert len(compared) == 2, screens
    assert sorted(compared[0] + compared[1]) == list(range(SHARDS))
    assert estate.shards("run = 'nightly' AND answer IS NOT NULL") == SHARDS

    assert "exceeded: 2 to update" in estate.play("plan.yml", fails=True, comparison="nightly", limits={"update": 1})
    screen = estate.play("plan.yml", comparison="nightly")
    assert alone in screen
    assert "were compared by this one" not in screen
    refused = estate.play("apply.yml", fails=True, comparison="nightly", approved_digest=f"sha256:{'0' * 64}")
    assert f"the changes have the digest {alone}, and sha256:{'0' * 64} was approved" in refused
    assert "exceeded" in estate.play("apply.yml", fails=True, comparison="nightly", approved_digest=alone, limits={"update": 1})
    assert estate.rows() == ROWS

    estate.play("apply.yml", comparison="nightly", approved_digest=alone)
    wanted = estate.wanted.rows("SELECT name, role, mtu FROM device ORDER BY name")
    assert estate.rows() == wanted
    assert estate.shards("run = 'nightly'") == 0
    assert '"planned_changes": 0' in estate.play("plan.yml", comparison="again")


def test_a_store_that_cannot_be_used_is_named(postgresql: Server, tmp_path: Path) -> None:
    estate = Estate(postgresql, tmp_path)
    screen = estate.play("compare.yml", fails=True, comparison="x", store_password="wrong")
    assert "comparing in shards failed: the database postgresql://" in screen
    assert (
        "shard_store.url: the store is a database of PostgreSQL, such as postgresql://dsync@db/dsync, not of sqlite."
        in estate.play("compare.yml", fails=True, comparison="x", store_url=f"sqlite:///{tmp_path}/store.db")
    )
