# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of datasets without Python, played unchanged against real servers."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import provision
import pytest
import rest_servers
import sql_servers

sqlalchemy = pytest.importorskip("sqlalchemy")

EXAMPLES = Path(__file__).parents[2] / "examples"
DUMP = Path(__file__).parents[3] / "shared" / "data" / "netbox-demo" / "dcim.json.gz"


def copied(name: str, tmp_path: Path) -> Path:
    """Return a copy of an example, so that a run leaves the example itself alone."""
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / name))


def missing(what: Exception) -> None:
    """Skip where a server cannot be had; fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(str(what))
    pytest.skip(str(what))


@pytest.fixture(scope="module")
def server() -> Iterator[sql_servers.Server]:
    try:
        with sql_servers.postgresql() as running:
            yield running
    except provision.ProgramMissing as absent:
        missing(absent)


class Database:
    """A database of a running PostgreSQL, made from a schema."""

    def __init__(self, server: sql_servers.Server, name: str, schema: str) -> None:
        self.url = server.url(name)
        owner = f"postgresql+psycopg://{server.user}:{quote(sql_servers.PASSWORD, safe='')}@127.0.0.1:{server.port}"
        self._execute(f"{owner}/postgres", f"CREATE DATABASE {name}")
        self._owner = f"{owner}/{name}"
        self._execute(self._owner, schema)

    @staticmethod
    def _execute(url: str, statement: str) -> Any:
        engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            result = connection.exec_driver_sql(statement)
            return result.fetchall() if result.returns_rows else []

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._execute(self._owner, query)]


def play(run_playbook: Any, playbook: Path, *arguments: str, **variables: Any) -> str:
    """Play a playbook, which must succeed, and return what it printed."""
    ran = run_playbook(playbook, "-e", json.dumps(variables), *arguments, cwd=playbook.parent)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return str(ran.stdout)


@pytest.mark.long
def test_a_yaml_source_of_truth_into_postgresql(server: Any, tmp_path: Path, run_playbook: Any) -> None:
    example = copied("yaml_to_postgresql", tmp_path)
    database = Database(server, "estate", (example / "schema.sql").read_text())
    variables = {"database": database.url, "database_password": sql_servers.PASSWORD}

    check = play(run_playbook, example / "play.yml", "--check", "--diff", **variables)
    assert "changed=1" in check
    assert '+  nyc  phone: "555-0199"' in check
    assert database.rows("SELECT count(*) FROM interfaces") == [(2,)]

    out = play(run_playbook, example / "play.yml", "-vvv", **variables)
    assert "changed=1" in out
    assert sql_servers.PASSWORD not in out
    assert database.rows("SELECT name, contact_phone, floor_plan FROM sites ORDER BY name") == [
        ("nyc", "555-0199", b"PNG"),
        ("par", "555-0142", None),
    ]
    assert database.rows(
        "SELECT kind, assets.name, title, bought::text FROM assets LEFT JOIN roles ON role_id = roles.id ORDER BY 2"
    ) == [
        ("device", "nyc-rtr-1", "core router", "2024-03-01"),
        ("device", "nyc-sw-1", "access switch", None),
        ("device", "par-rtr-1", "core router", None),
        ("shelf", "shelf-7", None, "2020-01-01"),
    ]
    assert "changed=0" in play(run_playbook, example / "play.yml", "--check", **variables)


@pytest.mark.long
@pytest.mark.skipif(not DUMP.exists(), reason=f"the real data is not there: {DUMP.name}")
def test_a_dump_of_a_real_estate_into_postgresql(server: Any, tmp_path: Path, run_playbook: Any) -> None:
    example = copied("netbox_demo", tmp_path)
    dump = tmp_path / "dump.json"
    dump.write_bytes(gzip.decompress(DUMP.read_bytes()))
    database = Database(server, "netbox_demo", (example / "schema.sql").read_text())
    url = database.url.replace("@", f":{quote(sql_servers.PASSWORD, safe='')}@")
    variables = {"dump": str(dump), "database": url}

    out = play(run_playbook, example / "play.yml", **variables)
    assert "2029 created, 0 updated, 0 deleted" in out
    counts = {
        table: database.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("regions", "devices", "interfaces", "addresses")
    }
    assert counts == {"regions": 67, "devices": 72, "interfaces": 1586, "addresses": 180}
    known = {record["pk"]: record["fields"] for record in json.loads(dump.read_text()) if record["model"] == "dcim.interface"}
    assert database.rows("SELECT count(*) FROM interfaces WHERE enabled")[0][0] == sum(one["enabled"] for one in known.values())

    assert "0 created, 0 updated, 0 deleted" in play(run_playbook, example / "play.yml", **variables)

    Database._execute(database._owner, "UPDATE devices SET serial = 'drifted' WHERE name = 'dmi01-akron-rtr01'")
    Database._execute(database._owner, "DELETE FROM interfaces WHERE id IN (SELECT id FROM interfaces ORDER BY id LIMIT 3)")
    assert "3 created, 1 updated, 0 deleted" in play(run_playbook, example / "play.yml", **variables)


@pytest.mark.long
def test_a_rest_service_and_a_database_both_ways(tmp_path: Path, run_playbook: Any) -> None:
    example = copied("rest_and_sql", tmp_path)
    path = tmp_path / "cmdb.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((example / "schema.sql").read_text())
    connection.close()
    folder = tmp_path / "service"
    folder.mkdir()
    try:
        with rest_servers.json_server(folder, json.loads((example / "service.json").read_text())) as service:
            variables = {"database": f"sqlite:///{path}", "service": service.url}
            assert "changed=1" in play(run_playbook, example / "to_service.yml", "--check", "--diff", **variables)
            assert "changed=1" in play(run_playbook, example / "to_service.yml", **variables)
            assert "changed=0" in play(run_playbook, example / "to_service.yml", **variables)
            assert "changed=0" in play(run_playbook, example / "to_database.yml", "--check", **variables)
            kept = json.loads((folder / "db.json").read_text())
            assert kept["sites"][0] == {"id": 1, "name": "nyc", "phone": "555-0199", "timezone": "America/New_York"}
            assert kept["devices"][0]["interface"] == {"mtu": 9000, "speed": "10G"}
            assert sorted(device["name"] for device in kept["devices"]) == ["nyc-rtr-1", "nyc-sw-1", "par-fw-1"]

            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE device SET mtu = 1, role = 'switch' WHERE hostname = 'nyc-rtr-1'")
                connection.execute("DELETE FROM device WHERE hostname = 'par-fw-1'")
            connection.close()
            assert "changed=1" in play(run_playbook, example / "to_database.yml", **variables)
            assert "changed=0" in play(run_playbook, example / "to_database.yml", **variables)
    except provision.ProgramMissing as absent:
        missing(absent)
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT hostname, role, mtu, bought FROM device ORDER BY hostname").fetchall()
    connection.close()
    assert rows == [
        ("nyc-rtr-1", "router", 9000, "2024-03-01"),
        ("nyc-sw-1", "switch", 1500, None),
        ("par-fw-1", "firewall", 1500, None),
    ]
