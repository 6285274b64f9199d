# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetBox and Nautobot have in common as servers for tests: a database restored or migrated, users, emptying, faults."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from backends import PostgreSQL, Process, ServerFailed, Valkey
from environments import ENVIRONMENTS, ROOT, Environment, EnvironmentUnavailable
from ports import free_port

PASSWORD = "correct-Horse-battery-7"
LOGGED_WITHIN = 20.0
"""Seconds after which a request that was answered is in the log, on a machine that is busy."""

LOGIN_TABLES = "^(django_|auth_|social_auth_|users_(user|token|group|objectpermission)|core_objecttype)"
"""The tables that :meth:`Server.reset` leaves alone: who may log in with what, and what the application's own schema describes."""

REMEMBER = """
CREATE SCHEMA pristine;
DO $$
DECLARE t record; filled boolean;
BEGIN
  FOR t IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '{kept}' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t.name) INTO filled;
    IF filled THEN EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', t.name, t.name); END IF;
  END LOOP;
END $$;
"""
# Rows are deleted, not truncated: that waits for no reader, and is ten times as quick for the few rows that a test leaves.
RESET = """
SET session_replication_role = replica;
DO $$
DECLARE t record; filled boolean;
BEGIN
  FOR t IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '{kept}' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t.name) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM public.%I', t.name); END IF;
    IF to_regclass(format('pristine.%I', t.name)) IS NOT NULL THEN
      EXECUTE format('INSERT INTO public.%I SELECT * FROM pristine.%I', t.name, t.name);
    END IF;
  END LOOP;
  FOR t IN SELECT s.oid::regclass AS sequence, c.relname AS name, a.attname AS field
    FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    JOIN pg_class c ON c.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace AND c.relname !~ '{kept}' LOOP
    EXECUTE format('SELECT setval(%L, coalesce(max(%I), 0) + 1, false) FROM public.%I', t.sequence, t.field, t.name);
  END LOOP;
END $$;
"""

UNAVAILABLE = (ServerFailed, EnvironmentUnavailable, subprocess.CalledProcessError)
"""What is raised when a server cannot be had."""

S = TypeVar("S", bound="Server")


class Server(ABC):
    """A real server with a database of its own.

    Attributes:
        url: where it answers, without a slash at the end.
        token: a superuser's API token; NetBox's is of version 1.
        access_log: a file with one line a request.
    """

    name: str
    environment: str
    version: str
    labels: Collection[str] = ("circuits", "dcim", "extras", "ipam", "tenancy", "virtualization", "vpn", "wireless")
    type_list: str
    """The path of the API under which the server lists the types of its objects."""

    def __init__(self, folder: Path, database: PostgreSQL, cache: Valkey) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = secrets.token_hex(20)
        self.access_log = folder / "access.log"
        self.bin = self.programs().bin
        self._database, self._cache = database, cache
        self.configure(database, cache)
        self._process = Process(self.command(), self.port, folder / "server.log", self.variables())

    @classmethod
    def programs(cls) -> Environment:
        """Return the environment with the server's own programs; its backends are those of :attr:`environment`."""
        return ENVIRONMENTS[cls.environment]

    @abstractmethod
    def configure(self, database: PostgreSQL, cache: Valkey) -> None:
        """Write the configuration."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return the command that serves."""

    @abstractmethod
    def variables(self) -> dict[str, str]:
        """Return the environment variables of the server's programs."""

    @abstractmethod
    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed. Raises ServerFailed."""

    @abstractmethod
    def migrate(self) -> None:
        """Make the tables in an empty database. Raises ServerFailed."""

    @abstractmethod
    def new_token(self, user: int | str, name: str) -> str:
        """Make an API token for a user whose password is :data:`PASSWORD`. Raises ServerFailed."""

    @abstractmethod
    def add_superuser(self) -> None:
        """Make the user that the tokens are of. Raises ServerFailed."""

    def more(self) -> dict[str, str]:
        """Return what else there is to tell about it, such as further tokens."""
        return {}

    @property
    def pid(self) -> int:
        """The process id of the web server's master."""
        return self._process.pid

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a superuser's request."""
        return {"Authorization": f"Token {self.token}", "Accept": "application/json"}

    def prepare(self) -> None:
        """Fill the database, make the superuser, and serve. Raises ServerFailed."""
        dump = _dump(f"{self.name}-{self.version}.sql.gz")
        if dump.exists():
            self._database.restore(dump)
        else:
            self.migrate()
            self._database.dump(dump)
        self._database.execute(REMEMBER.format(kept=LOGIN_TABLES))
        failed: list[Exception] = []
        user = threading.Thread(target=_catching, args=(self.add_superuser, failed))
        user.start()
        try:
            self.start()
        finally:
            user.join()
        if failed:
            raise failed[0]

    def start(self) -> None:
        """Serve, again on the same port after a stop or a kill. Raises ServerFailed."""
        self._process.start(self._answers)

    def stop(self) -> None:
        """End it in good order."""
        self._process.stop()

    def kill(self) -> None:
        """End it as a power cut would; the database stays."""
        self._process.kill()

    def pause(self) -> None:
        """Let it take connections and answer nothing until `resume`."""
        self._process.pause()

    def resume(self) -> None:
        """Let it answer again."""
        self._process.resume()

    def reset(self) -> None:
        """Bring all data back to what it was after the migrations; users, tokens and their permissions stay."""
        self._empty()
        self._cache.clear()

    def _empty(self) -> None:
        self._database.execute(RESET.format(kept=LOGIN_TABLES))

    def requests(self) -> int:
        """Return how many requests were answered since the first start; the last of them may not be in the log yet."""
        return self._logged("")

    def requests_with(self, mark: str, number: int) -> int:
        """Return how many requests have a text in their address, once there are so many in the log, or after some seconds.

        A server writes a request to its log a moment after it has answered.
        """
        deadline = time.monotonic() + LOGGED_WITHIN
        while self._logged(mark) < number and time.monotonic() < deadline:
            time.sleep(0.01)
        return self._logged(mark)

    def _logged(self, mark: str) -> int:
        with self.access_log.open("rb") as log:
            return sum(mark.encode() in line for line in log)

    def add_user(self, name: str, *, read_only: Collection[str] = ()) -> str:
        """Make a user who may do everything to the models' objects, but only view those of `read_only`; return a token.

        Args:
            name: the user's, not used before.
            read_only: models such as `dcim.device`.

        Raises ServerFailed.
        """
        user = self.call("POST", "users/users/", {"username": name, "password": PASSWORD})["id"]
        models = self._models()
        for verb, types, actions in (
            ("writes", models - set(read_only), ["view", "add", "change", "delete"]),
            ("reads", set(read_only), ["view"]),
        ):
            permission = {"name": f"{name} {verb}", "object_types": sorted(types), "actions": actions, "users": [user]}
            if types:
                self.call("POST", "users/permissions/", {**permission, "enabled": True, "groups": []})
        return self.new_token(user, name)

    def call(self, method: str, path: str, body: object = None, *, login: str = "") -> Any:
        """Send a request to the API and return the answer: the superuser's, or a user's by :data:`PASSWORD`.

        Raises ServerFailed.
        """
        headers = {**self.headers, "Content-Type": "application/json"}
        if login:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{login}:{PASSWORD}".encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                raise ServerFailed(f"{self.name} refused {method} {path}: {error.read().decode(errors='replace')[:500]}") from None

    def _models(self) -> set[str]:
        listed = self.call("GET", self.type_list)["results"]
        return {f"{one['app_label']}.{one['model']}" for one in listed if one["app_label"] in self.labels}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/login/", timeout=30) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _catching(work: Callable[[], None], failed: list[Exception]) -> None:
    try:
        work()
    except Exception as error:
        failed.append(error)


def _dump(name: str) -> Path:
    """Return where the dump of a migrated database is: the one shared by checkouts, else one to be kept for the user."""
    shared = Path(os.environ.get("DSYNC_SHARED_DATA", ROOT.parent / "shared" / "data")) / "servers" / name
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return shared if shared.exists() else caches / "dsync" / "servers" / name


@contextmanager
def serving(kind: type[S], folder: Path) -> Iterator[S]:
    """Run a server meanwhile, with what it keeps in `folder`. Its environments are made first if need be.

    Raises one of :data:`UNAVAILABLE`.
    """
    environment = ENVIRONMENTS[kind.environment]
    environment.make()
    kind.programs().make()
    with ExitStack() as stack:
        data = Path(tempfile.mkdtemp(prefix="dsync-pg-", dir="/tmp"))  # where the unprivileged user may go
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        database, cache = PostgreSQL(environment, data), Valkey(environment, folder)
        for backend in (database, cache):
            stack.callback(backend.stop)
            backend.start()
        server = kind(folder, database, cache)
        stack.callback(server.kill)
        server.prepare()
        yield server


def serve(served: Callable[[Path], AbstractContextManager[Server]]) -> None:
    """Serve from a temporary directory until SIGTERM or Ctrl-C; print a line of JSON that says where."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with tempfile.TemporaryDirectory(prefix="dsync-server-") as folder, served(Path(folder)) as server:
            told = {"url": server.url, "token": server.token, "pid": os.getpid(), "access_log": str(server.access_log)}
            print(json.dumps({**told, **server.more()}), flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        pass
    except UNAVAILABLE as problem:
        sys.exit(f"No server: {problem}")
