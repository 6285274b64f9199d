# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suite that every adapter passes, for ``sql`` and ``rest``, against real databases and a real service."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import provision
import pytest
import rest_servers
import sql_servers
import sqlalchemy
from dsync import DSync
from dsync.adapters.rest import RestAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.records.definition import DataModel
from dsync.testing.conformance import SECRET, AdapterConformance

TABLES = (
    "CREATE TABLE site (id {serial}, name varchar(60) NOT NULL UNIQUE, note varchar(60), floors int NOT NULL)",
    "CREATE TABLE device (id {serial}, site_id int NOT NULL, name varchar(60) NOT NULL, role varchar(60) NOT NULL, rack int, "
    "active {boolean} NOT NULL, password varchar(60) NOT NULL, UNIQUE (site_id, name), FOREIGN KEY (site_id) REFERENCES site (id))",
    "CREATE TABLE place (id {serial}, name varchar(60) NOT NULL UNIQUE)",
    "CREATE TABLE thing (id {serial}, name varchar(60) NOT NULL UNIQUE, label varchar(60), note varchar(60), "
    "place_id int NOT NULL, FOREIGN KEY (place_id) REFERENCES place (id))",
    "CREATE TABLE holder (device_id int NOT NULL, FOREIGN KEY (device_id) REFERENCES device (id))",
)
TYPES = {
    "sqlite": {"serial": "integer PRIMARY KEY", "boolean": "boolean"},
    "postgresql": {"serial": "serial PRIMARY KEY", "boolean": "boolean"},
    "mariadb": {"serial": "int AUTO_INCREMENT PRIMARY KEY", "boolean": "boolean"},
}
DRIVERS = {"postgresql": ("postgresql+psycopg", "postgres"), "mariadb": ("mariadb+pymysql", "mysql")}
MAPPING = {"device": {"fields": {"site_name": {"parent": "name"}}}}
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=list(TYPES))
def database(request: pytest.FixtureRequest) -> Iterator[sql_servers.Server | None]:
    """A running server; None for SQLite, which needs none."""
    with ExitStack() as stack:
        running = None
        if request.param != "sqlite":
            try:
                running = stack.enter_context(getattr(sql_servers, request.param)())
            except provision.ProgramMissing as missing:
                if os.environ.get("CI"):
                    raise
                pytest.skip(str(missing))
        yield running


class TestSql(AdapterConformance):
    """Tables with keys that the database gives, whole runs in one transaction."""

    options: dict[str, Any] = {}
    shared = True

    @pytest.fixture(autouse=True)
    def _tables(self, database: sql_servers.Server | None, tmp_path: Path) -> None:
        self.kind = "sqlite" if database is None else database.kind
        if database is None:
            self.url = self.whole = f"sqlite:///{tmp_path / 'kit.db'}"
            (tmp_path / "kit.db").touch()
            self.given: dict[str, Any] = {"url": self.url}
        else:
            driver, first = DRIVERS[self.kind]
            name = f"kit{next(_numbers)}"
            owner = f"{driver}://{database.user}:{quote(sql_servers.PASSWORD, safe='')}@127.0.0.1:{database.port}"
            self.whole = f"{owner}/{first}"
            self.execute(f"CREATE DATABASE {name}")
            self.whole, self.given = f"{owner}/{name}", {"url": database.url(name), "password": sql_servers.PASSWORD}
        self.execute(*(table.format(**TYPES[self.kind]) for table in TABLES))

    def execute(self, *statements: str) -> None:
        engine = sqlalchemy.create_engine(self.whole, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def adapter(self) -> DSync:
        return SqlAdapter.bound(self.data_model, MAPPING)(**self.given, **self.options)

    def break_it(self, adapter: DSync) -> Callable[[], None]:
        if self.kind == "sqlite":
            refuses = "BEGIN SELECT RAISE(ABORT, 'no changed roles'); END"
            self.execute(f"CREATE TRIGGER no_change BEFORE UPDATE ON device WHEN NEW.role = 'changed' {refuses}")
            return lambda: self.execute("DROP TRIGGER no_change")
        self.execute("ALTER TABLE device ADD CONSTRAINT no_change CHECK (role <> 'changed')")
        return lambda: self.execute("ALTER TABLE device DROP CONSTRAINT no_change")

    def places(self, models: DataModel) -> DSync:
        return SqlAdapter.bound(models)(**self.given, **self.options)

    def break_removal(self, adapter: DSync) -> Callable[[], None]:
        self.execute("INSERT INTO holder SELECT max(id) FROM device")
        return lambda: self.execute("DELETE FROM holder")

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        kind = SqlAdapter.bound(self.data_model, MAPPING)
        yield lambda: kind(**self.given, transaction="some"), "options.transaction"
        yield lambda: kind(**self.given, batch_size=0), "options.batch_size"
        yield lambda: kind(url="nowhere"), "options.url"
        yield lambda: SqlAdapter.bound(self.data_model, {**MAPPING, "site": {"from": "sites"}})(**self.given).load(), "site"

    def secrets(self) -> list[str]:
        return [SECRET, sql_servers.PASSWORD]


class TestSqlBatches(TestSql):
    """Each batch by itself, and small ones."""

    options = {"transaction": "batch", "batch_size": 2}


class TestRest(AdapterConformance):
    """json-server, which gives its records ids."""

    shared = True

    @pytest.fixture(autouse=True)
    def _service(self, tmp_path: Path) -> Iterator[None]:
        try:
            with rest_servers.json_server(tmp_path, {name: [] for name in ("site", "device", "place", "thing")}) as server:
                self.url = server.url
                self.file = tmp_path / "db.json"
                yield
        except provision.ProgramMissing as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(missing))

    def adapter(self) -> DSync:
        mapping = {"site": {"from": "/site"}, "device": {"from": "/device"}}
        return RestAdapter.bound(self.data_model, mapping)(base_url=self.url)

    def places(self, models: DataModel) -> DSync:
        mapping = {"place": {"from": "/place"}, "thing": {"from": "/thing", "parent": {"match": {"place": "id"}}}}
        return RestAdapter.bound(models, mapping)(base_url=self.url)

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        yield lambda: RestAdapter.bound(self.data_model)(base_url=self.url, workers=0), "options.workers"

    def test_what_was_written_is_in_the_file_of_the_service(self) -> None:
        self.filled()
        assert {site["name"] for site in json.loads(self.file.read_text())["site"]} == {
            one.name for one in self.before().get_all("site")
        }
