# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Nautobot for tests and measurements. `python scripts/nautobot_server.py` serves one and prints a line of JSON."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backends import PostgreSQL, Valkey, run
from platform_servers import Server, serve, serving

SUPERUSER = """
from django.contrib.auth import get_user_model
from nautobot.users.models import Token
user = get_user_model().objects.create_superuser("admin", "admin@example.com", None)
Token.objects.create(user=user, key="{token}")
"""
# A body that the application has not read, as when it refuses the token, is read all the same (post-buffering): uwsgi would
# otherwise end a connection that is kept, some moment after the answer.
UWSGI = """
[uwsgi]
http = 127.0.0.1:{port}
http-keepalive = 1
http-auto-chunked = true
http-timeout = 120
module = nautobot.core.wsgi:application
need-app = true
master = true
processes = 2
threads = 4
enable-threads = true
buffer-size = 65535
post-buffering = 65536
die-on-term = true
worker-reload-mercy = 3
no-orphans = true
req-logger = file:{access_log}
"""


class Nautobot(Server):
    """A Nautobot."""

    name = "nautobot"
    environment = "nautobot"
    version = "3.2.7"
    type_list = "extras/content-types/?limit=1000"

    def configure(self, database: PostgreSQL, cache: Valkey) -> None:
        """Write `nautobot_config.py` and `uwsgi.ini`, and collect what the environment has to say."""
        (self.folder / "nautobot_config.py").write_text("from nautobot.core.settings import *\n")
        (self.folder / "uwsgi.ini").write_text(UWSGI.format(port=self.port, access_log=self.access_log))
        self._settings = {
            "ROOT": str(self.folder),
            "CONFIG": str(self.folder / "nautobot_config.py"),
            "ALLOWED_HOSTS": "*",
            "SECRET_KEY": secrets.token_hex(32),
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(database.port),
            "DB_NAME": database.user,
            "DB_USER": database.user,
            "DB_PASSWORD": database.password,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(cache.port),
            "INSTALLATION_METRICS_ENABLED": "False",
            "MAX_PAGE_SIZE": "0",
        }

    def variables(self) -> dict[str, str]:
        """Return the environment variables of Nautobot's programs."""
        return {**os.environ, **{f"NAUTOBOT_{name}": value for name, value in self._settings.items()}}

    def command(self) -> Sequence[str | Path]:
        """Return the command of the uwsgi that comes with Nautobot: two processes of four threads, connections kept."""
        return [self.bin / "nautobot-server", "start", "--ini", self.folder / "uwsgi.ini"]

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed. Raises ServerFailed."""
        return run([self.bin / "nautobot-server", *arguments], self.variables())

    def migrate(self) -> None:
        """Make the tables in an empty database. Raises ServerFailed."""
        self.manage("migrate", "--no-input")

    def add_superuser(self) -> None:
        """Make the user `admin` with a token. Raises ServerFailed."""
        self.manage("shell", "-c", SUPERUSER.format(token=self.token))

    def new_token(self, user: int | str, name: str) -> str:
        """Let a user make an API token, as nobody else may make it. Raises ServerFailed."""
        permission = {"name": f"{name} tokens", "object_types": ["users.token"], "actions": ["view", "add"], "users": [user]}
        self.call("POST", "users/permissions/", {**permission, "enabled": True, "groups": []})
        token = secrets.token_hex(20)
        self.call("POST", "users/tokens/", {"key": token}, login=name)
        return token


@contextmanager
def nautobot(folder: Path) -> Iterator[Nautobot]:
    """Run Nautobot meanwhile, with what it keeps in `folder`. Raises as `platform_servers.serving` does."""
    with serving(Nautobot, folder) as server:
        yield server


if __name__ == "__main__":
    serve(nautobot)
