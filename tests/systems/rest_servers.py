# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts servers that others wrote, each on a free port of 127.0.0.1 with its data in a directory, and stops them again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import collection
import provision
from ports import free_port

JSON_SERVER = "0.17.4"
API_KEY = "correct-horse-battery"
SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
PATIENCE = 20.0


class Server:
    """A server that can be stopped and started again with the data that it has.

    Attributes:
        url: where it answers.
    """

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self.url, self._command, self._port, self._log = f"http://127.0.0.1:{port}", command, port, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"{self._command[0]} did not start:\n{self._log.read_text()}")

    def kill(self) -> None:
        """End it at once, without giving it a chance to finish anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def _running(command: Callable[[int], list[str]], folder: Path) -> Iterator[Server]:
    port = free_port()
    server = Server(command(port), port, folder / "server.log")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def powerdns(folder: Path) -> Iterator[Server]:
    """Run PowerDNS with an empty SQLite database; its API wants :data:`API_KEY`. Raises ProgramMissing."""
    program = provision.find("pdns_server", "pdns-server")
    if not SCHEMA.exists() or not any(Path("/usr/lib").glob("*/pdns/libgsqlite3backend.so")):
        provision.install("PowerDNS's SQLite backend", "pdns-backend-sqlite3")
    database = folder / "pdns.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.executescript(SCHEMA.read_text())
    connection.close()

    def command(port: int) -> list[str]:
        settings: dict[str, Any] = {
            "launch": "gsqlite3",
            "gsqlite3-database": database,
            "gsqlite3-pragma-synchronous": 0,
            "local-address": "127.0.0.1",
            "local-port": free_port(),
            "webserver": "yes",
            "webserver-address": "127.0.0.1",
            "webserver-port": port,
            "api": "yes",
            "api-key": API_KEY,
            "socket-dir": folder,
            "daemon": "no",
            "guardian": "no",
            "zone-cache-refresh-interval": 0,
        }
        (folder / "pdns.conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return [str(program), f"--config-dir={folder}"]

    with _running(command, folder) as server:
        yield server


@contextmanager
def json_server(folder: Path, data: dict[str, list[dict[str, Any]]]) -> Iterator[Server]:
    """Run json-server with these collections. Raises ProgramMissing."""
    node, script = provision.find("node", "nodejs"), _json_server()
    database = folder / "db.json"
    database.write_text(json.dumps(data))
    command = [str(node), str(script), "--host", "127.0.0.1", "--quiet", str(database)]
    with _running(lambda port: [*command, "--port", str(port)], folder) as server:
        yield server


def _json_server() -> Path:
    """Return json-server's program, fetched with npm if need be. Raises ProgramMissing."""
    folder = collection.BUILD / "systems" / f"json-server-{JSON_SERVER}"
    script = folder / "node_modules" / "json-server" / "lib" / "cli" / "bin.js"
    if not script.exists():
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        npm = provision.find("npm", "npm")
        wanted = [f"json-server@{JSON_SERVER}", "--prefix", str(fresh), "--no-audit", "--no-fund", "--loglevel=error"]
        ran = subprocess.run([npm, "install", *wanted], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if ran.returncode:
            shutil.rmtree(fresh)
            raise provision.ProgramMissing(f"json-server is not on this machine, and npm could not fetch it: {ran.stderr[-300:]}")
        try:
            fresh.rename(folder)
        except OSError:  # another run of tests was faster
            shutil.rmtree(fresh)
    return script
