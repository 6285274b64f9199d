# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real NetBox for tests and measurements. `python scripts/netbox_server.py` serves one and prints a line of JSON."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backends import PostgreSQL, Process, Valkey, run
from environments import ENVIRONMENTS, Environment
from netbox_source import SourceEnvironment, release_of
from platform_servers import Server, serve, serving
from ports import free_port

SOURCE = "DSYNC_NETBOX_SOURCE"
"""The environment variable with the path of a source tree of NetBox that is served instead of the pinned release."""

CACHING = 1
"""The number of Valkey's database that holds no jobs."""

SUPERUSER = """
from users.models import Token, User
user = User.objects.create_superuser("admin", "admin@example.com", None)
try:
    Token.objects.create(user=user, version=1, token="{token}")
    token = Token.objects.create(user=user, version=2)
    print(token.get_auth_header_prefix() + token.token)
except TypeError:  # before NetBox 4.5 all tokens are of version 1
    Token.objects.create(user=user, key="{token}")
    print("none")
"""
# NetBox's one ICU collation is made from "C", for a PostgreSQL that is built without ICU.
PLAIN_COLLATION = """
from django.contrib.postgres.operations import CreateCollation
CreateCollation.create_collation = lambda self, editor: editor.execute(f'CREATE COLLATION {self.name} FROM "C"')
"""
MIGRATE = """
from netbox.cli import main
main(["migrate", "--no-input"])
"""
MIGRATE_SOURCE = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "migrate", "--no-input"])
"""
# The application is loaded once and no connection to the database is inherited by a worker.
GUNICORN = """
preload_app = True

def pre_fork(server, worker):
    from django.db import connections
    connections.close_all()
"""

# What the plugin's page on installation says, and connections that end with the request: each branch has its own.
BRANCHING = """
from netbox_branching.utilities import DynamicSchemaDict
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES = DynamicSchemaDict(DATABASES)
DATABASE_ROUTERS = ["netbox_branching.database.BranchAwareRouter"]
PLUGINS = ["netbox_branching"]
PLUGINS_CONFIG = {"netbox_branching": {"provision_workers": 1}}
"""
DROP_BRANCHES = """
DO $$
DECLARE s record;
BEGIN
  FOR s IN SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'branch\\_%' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', s.name);
  END LOOP;
END $$;
"""


class NetBox(Server):
    """A NetBox.

    Attributes:
        token_v2: a superuser's token of version 2, whole, as it follows `Bearer` in the header.
    """

    name = "netbox"
    environment = "netbox"
    version = "4.7.3"
    type_list = "core/object-types/?limit=0&public=true"
    token_v2 = ""

    def configure(self, database: PostgreSQL, cache: Valkey) -> None:
        """Write `conf/configuration.py` and `gunicorn.conf.py`."""
        redis = {"HOST": "127.0.0.1", "PORT": cache.port, "SSL": False}
        settings = {
            "ALLOWED_HOSTS": ["*"],
            "DATABASES": {
                "default": {
                    "ENGINE": "django.db.backends.postgresql", "NAME": database.user, "USER": database.user,
                    "PASSWORD": database.password, "HOST": "127.0.0.1", "PORT": database.port, "CONN_MAX_AGE": 300,
                }
            },
            "REDIS": {"tasks": {**redis, "DATABASE": 0}, "caching": {**redis, "DATABASE": CACHING}},
            "SECRET_KEY": secrets.token_hex(32),
            "API_TOKEN_PEPPERS": {1: secrets.token_hex(32)},
            "CENSUS_REPORTING_ENABLED": False,
            "ISOLATED_DEPLOYMENT": True,
            "MAX_PAGE_SIZE": 0,
            "MEDIA_ROOT": str(self.folder / "media"),
        }  # fmt: skip
        conf = self.folder / "conf"
        conf.mkdir()
        (self.folder / "media").mkdir()
        (conf / "__init__.py").touch()
        (self.folder / "gunicorn.conf.py").write_text(GUNICORN)
        (conf / "configuration.py").write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))

    def variables(self) -> dict[str, str]:
        """Return the environment variables of NetBox's programs."""
        return {**os.environ, "NETBOX_ROOT": str(self.folder), "DJANGO_SETTINGS_MODULE": "netbox.settings"}

    def command(self) -> Sequence[str | Path]:
        """Return gunicorn's command: two processes of four threads, connections kept."""
        options = ["--bind", f"127.0.0.1:{self.port}", "--workers", "2", "--threads", "4", "--keep-alive", "60", "--timeout", "120"]
        options += ["--graceful-timeout", "1", "--no-control-socket", "--access-logfile", str(self.access_log)]
        options += ["--config", str(self.folder / "gunicorn.conf.py")]
        return [self.bin / "gunicorn", "netbox.wsgi:application", *options]

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed. Raises ServerFailed."""
        return run([self.bin / "netbox", *arguments], self.variables())

    def migrate(self) -> None:
        """Make the tables in an empty database. Raises ServerFailed."""
        run([self.bin / "python", "-c", PLAIN_COLLATION + MIGRATE], self.variables())

    def add_superuser(self) -> None:
        """Make the user `admin` with a token of each version. Raises ServerFailed."""
        printed = self.manage("shell", "-c", SUPERUSER.format(token=self.token))
        self.token_v2 = printed.split()[-1]

    def new_token(self, user: int | str, name: str) -> str:
        """Make an API token of version 1. Raises ServerFailed."""
        wanted = secrets.token_hex(20)  # NetBox 4.5 takes it and does not show it; others make one of their own
        answer = self.call("POST", "users/tokens/", {"user": user, "version": 1, "token": wanted})
        told: str = answer.get("token") or (wanted if "version" in answer else answer["key"])
        return told

    def more(self) -> dict[str, str]:
        """Return what else there is to tell about it."""
        return {"token_v2": self.token_v2}


class SourceNetBox(NetBox):
    """A NetBox that is served from a source tree. It is migrated once, which takes some minutes.

    Attributes:
        tree: where the source is.
    """

    tree: Path

    @classmethod
    def programs(cls) -> Environment:
        return SourceEnvironment("netbox-source", ENVIRONMENTS[cls.environment].pythons, tree=cls.tree)

    def configure(self, database: PostgreSQL, cache: Valkey) -> None:
        super().configure(database, cache)
        if tuple(map(int, self.version.split(".")[:2])) < (4, 3):
            with (self.folder / "conf" / "configuration.py").open("a") as configuration:
                configuration.write('DATABASE = DATABASES["default"]\n')

    def variables(self) -> dict[str, str]:
        path = os.pathsep.join(map(str, (self.folder, self.tree / "netbox")))
        return {**super().variables(), "PYTHONPATH": path, "NETBOX_CONFIGURATION": "conf.configuration"}

    def manage(self, *arguments: str) -> str:
        return run([self.bin / "python", self.tree / "netbox" / "manage.py", *arguments], self.variables())

    def migrate(self) -> None:
        run([self.bin / "python", "-c", PLAIN_COLLATION + MIGRATE_SOURCE], self.variables())


def from_source(tree: Path) -> type[SourceNetBox]:
    """Return a NetBox that is made from a source tree. Raises ServerFailed."""
    return type("FromSource", (SourceNetBox,), {"tree": tree.resolve(), "version": release_of(tree)})


class BranchingNetBox(NetBox):
    """A NetBox with the plugin netbox-branching, and on demand the worker that provisions and merges branches.

    Attributes:
        works: whether the worker runs.
    """

    version = "4.7.3-branching-1.2.2"
    works = False

    def __init__(self, folder: Path, database: PostgreSQL, cache: Valkey) -> None:
        super().__init__(folder, database, cache)
        command: list[str | Path] = [self.bin / "netbox", "rqworker", "high", "default", "low"]
        self._worker = Process(command, free_port(), folder / "worker.log", self.variables())

    def configure(self, database: PostgreSQL, cache: Valkey) -> None:
        """Write the configuration of a NetBox with the plugin."""
        super().configure(database, cache)
        with (self.folder / "conf" / "configuration.py").open("a") as configuration:
            configuration.write(BRANCHING)

    def start_worker(self) -> None:
        """Let branches be provisioned and merged from now on. Raises ServerFailed."""
        if not self.works:
            self._worker.start(lambda: bool(self.call("GET", "status/")["rq-workers-running"]))
            self.works = True

    def stop_worker(self) -> None:
        """Let jobs wait from now on."""
        self._worker.stop()
        self.works = False

    def kill(self) -> None:
        """End it, and its worker."""
        self._worker.kill()
        self.works = False
        super().kill()

    def reset(self) -> None:
        """Bring all data back to what it was after the migrations, and drop the branches; the worker goes on."""
        self._database.execute(DROP_BRANCHES)
        self._empty()
        self._cache.clear(CACHING)


@contextmanager
def branching_netbox(folder: Path) -> Iterator[BranchingNetBox]:
    """Run a NetBox with branches meanwhile, with what it keeps in `folder`. Raises as `platform_servers.serving` does."""
    with serving(BranchingNetBox, folder) as server:
        yield server


@contextmanager
def netbox(folder: Path) -> Iterator[NetBox]:
    """Run NetBox meanwhile, with what it keeps in `folder`: of a source tree if DSYNC_NETBOX_SOURCE is the path of one.

    Raises as `platform_servers.serving` does.
    """
    tree = os.environ.get(SOURCE)
    with serving(from_source(Path(tree)) if tree else NetBox, folder) as server:
        yield server


if __name__ == "__main__":
    serve(netbox)
