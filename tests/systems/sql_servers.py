# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and MariaDB for tests: from Debian's packages, each on a free port, with a folder of its own, stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import provision
from ports import free_port

PASSWORD = "correct horse/battery@staple"
_SECONDS = 60
_REQUEST = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
_REQUEST += ["-addext", "subjectAltName=IP:127.0.0.1"]


@dataclass
class Server:
    """A running server.

    Attributes:
        kind: the beginning of its urls.
        port: where it listens on 127.0.0.1.
        user: who may do everything, with :data:`PASSWORD`.
        folder: what it keeps.
        ca_file: the certificate with which it proves who it is.
        start: starts it again after it was killed.
        kill: ends it as a power cut would.
    """

    kind: str
    port: int
    user: str
    folder: Path
    ca_file: Path
    start: Callable[[], None] = field(repr=False)
    kill: Callable[[], None] = field(repr=False)

    def url(self, database: str) -> str:
        """Return the url of a database, without the password."""
        return f"{self.kind}://{self.user}@127.0.0.1:{self.port}/{database}"


@contextmanager
def postgresql() -> Iterator[Server]:
    """Run PostgreSQL meanwhile. Raises ProgramMissing."""
    programs = provision.find_postgresql()
    with _folder("postgres") as (folder, drop):
        data, port = folder / "data", free_port()
        secret = folder / "password"
        secret.write_text(PASSWORD)
        _own(folder, "postgres")
        initdb = [programs / "initdb", "-D", data, "-U", "dsync", f"--pwfile={secret}", "--auth=scram-sha-256", "-E", "UTF8"]
        _run([*drop, *initdb, "--no-locale", "--no-sync"])
        certificate = _certificate(data, "postgres")
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c ssl=on"
        begin = [*drop, programs / "pg_ctl", "-D", data, "-w", "-t", str(_SECONDS), "-l", folder / "log", "-o", options, "start"]
        stop = [*drop, programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"]
        _run(begin)
        try:
            yield Server("postgresql", port, "dsync", folder, certificate, lambda: _run(begin), lambda: _run(stop))
        finally:
            if (data / "postmaster.pid").exists():
                _run(stop)


@contextmanager
def mariadb() -> Iterator[Server]:
    """Run MariaDB meanwhile. Raises ProgramMissing."""
    program = provision.find_mariadb()
    with _folder("mysql") as (folder, drop):
        data, port = folder / "data", free_port()
        data.mkdir()
        certificate = _certificate(folder, "mysql")
        first = folder / "first.sql"
        first.write_text(f"CREATE USER dsync@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO dsync@'127.0.0.1';\n")
        _own(folder, "mysql")
        _run([*drop, "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"])
        command = [
            *drop, program, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
            f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--log-error={folder / 'log'}", "--skip-name-resolve",
            f"--ssl-cert={certificate}", f"--ssl-key={folder / 'server.key'}", "--innodb-buffer-pool-size=64M",
        ]  # fmt: skip
        running = _MariaDB(command, port)
        running.start(f"--init-file={first}")
        try:
            yield Server("mariadb", port, "dsync", folder, certificate, running.start, running.kill)
        finally:
            running.kill()


class _MariaDB:
    def __init__(self, command: list[object], port: int) -> None:
        self._command, self._port = command, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        command = [str(part) for part in (*self._command, *more)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _SECONDS
        while not _listens(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start: {' '.join(command)}")
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _folder(user: str) -> Iterator[tuple[Path, list[str]]]:
    """Make a directory for a server; return it with what a command begins with that must not be run by root."""
    folder = Path(tempfile.mkdtemp(prefix="dsync-sql-", dir="/tmp"))
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if os.geteuid() == 0 else []
    try:
        yield folder, drop
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _certificate(folder: Path, user: str) -> Path:
    """Make a key and a certificate for 127.0.0.1 that is its own authority."""
    key, certificate = folder / "server.key", folder / "server.crt"
    _run([*_REQUEST, "-keyout", key, "-out", certificate])
    key.chmod(0o600)
    _own(folder, user)
    return certificate


def _own(folder: Path, user: str) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user, user)


def _run(command: list[object]) -> None:
    parts = [str(part) for part in command]
    ran = subprocess.run(parts, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, text=True)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(parts)} failed: {ran.stderr.strip()}")


def another_certificate(folder: Path) -> Path:
    """Make a certificate of which no server has the key."""
    key, certificate = folder / "other.key", folder / "other.crt"
    _run([*_REQUEST, "-keyout", key, "-out", certificate])
    return certificate
