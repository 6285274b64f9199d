# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dsync_discover: what it writes runs, it overwrites nothing, and it neither shows nor writes a secret or a value."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import Play, Played, RunPlaybook

SECRET = "opal-17-of-the-task"
VALUE = "opal-18-of-a-record"
DEVICES = [
    {"id": 1, "hostname": "rtr-1", "site": {"name": "nyc"}, "mtu": 9000, "enable_password": VALUE},
    {"id": 2, "hostname": "sw-1", "site": {"name": "par"}, "mtu": 1500, "enable_password": VALUE},
]
FIELDS = {"hostname": {"type": "string"}, "mtu": {"type": "integer"}, "site": {"type": "object"}}
ANSWER = {"type": "object", "properties": {"devices": {"type": "array", "items": {"properties": FIELDS}}}}
OPENAPI = {
    "openapi": "3.0.3",
    "paths": {
        "/devices": {"get": {"responses": {"200": {"content": {"application/json": {"schema": ANSWER}}}}}},
        "/devices/{id}": {"delete": {"responses": {}}},
    },
}


class Handler(BaseHTTPRequestHandler):
    """An API with its description; both only with the token."""

    def do_GET(self) -> None:
        found = {"/openapi.json": OPENAPI, "/devices": {"devices": DEVICES}}.get(self.path)
        status = 200 if found else 404
        if self.headers.get("Authorization") != f"Bearer {SECRET}":
            status, found = 401, None
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Write nothing to the screen."""


@pytest.fixture
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE sites (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
            "CREATE TABLE boxes (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mtu INTEGER, "
            "site_id INTEGER REFERENCES sites (id));"
            "INSERT INTO sites VALUES (1, 'nyc'), (2, 'par');"
            "INSERT INTO boxes VALUES (4, 'RTR-1', 9000, 1), (5, 'SW-1', 9216, 2), (6, 'OLD-1', 1500, 2);"
        )


@pytest.mark.long
def test_a_table_and_an_api_are_compared_by_what_is_written(
    play: Play, run_playbook: RunPlaybook, inventory: Path, api: str, tmp_path: Path
) -> None:
    make_database(tmp_path / "cmdb.db")
    folder = tmp_path / "new" / "discovered"
    arguments = {
        "source": {"adapter": "sql", "options": {"url": f"sqlite:///{tmp_path}/cmdb.db"}, "tables": ["boxes"]},
        "target": {
            "adapter": "rest",
            "options": {"base_url": api},
            "secrets": {"token": SECRET},
            "openapi": f"{api}/openapi.json",
        },
        "directory": str(folder),
    }

    def discover(*options: str, **more: Any) -> Played:
        return play([{"name": "discover", "dsync.core.dsync_discover": {**arguments, **more}}], *options)

    checked = discover("--check", "--diff").ok()
    assert "+      site: str | None" in checked.screen
    assert not folder.exists()
    made = discover().ok()
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert written.keys() == {"preset.yml", "datasets.yml", "compare.yml"}
    assert made.result("discover")["written"] == ["compare.yml", "datasets.yml", "preset.yml"]
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())} == {0o700, 0o600}
    for text in [*written.values(), made.screen, checked.screen, json.dumps(made.results)]:
        assert SECRET not in text
        assert VALUE not in text
    assert not discover().ok().result("discover")["changed"]
    token = json.dumps({"target_token": SECRET})
    compared = run_playbook(folder / "compare.yml", "-i", inventory, "--diff", "-e", token)
    assert compared.returncode == 0, compared.stdout + compared.stderr
    changes = sorted(line for line in compared.stdout.splitlines() if re.match(r"[-+] ", line))
    assert changes == ["+  old-1  mtu: 1500", '+  old-1  site: "par"', "+  sw-1  mtu: 9216", "-  sw-1  mtu: 1500"]

    (folder / "preset.yml").write_text("edited: true\n")
    refused = discover().result("discover")
    assert refused["failed"]
    assert f"{folder}/preset.yml on here exists already and has another content" in refused["msg"]
    assert (folder / "preset.yml").read_text() == "edited: true\n"
    discover(force=True).ok()
    assert (folder / "preset.yml").read_text() == written["preset.yml"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"adapter": "netbox"}, "source (netbox): this adapter knows its models, so there is nothing to discover."),
        (
            {"adapter": "file", "options": {"path": "x.csv"}, "openapi": "x"},
            "source (file): openapi is for the adapter rest; omit it.",
        ),
    ],
)
def test_what_cannot_be_discovered_is_refused(play: Play, source: dict[str, Any], words: str) -> None:
    played = play([{"name": "discover", "dsync.core.dsync_discover": {"source": source}}])
    assert played.result("discover")["msg"] == words
