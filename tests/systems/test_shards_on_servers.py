# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and MariaDB select the rows of a shard by themselves: each row is in one shard, the one in which files have it too."""

from __future__ import annotations

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.dataset.shard import Shard
from dsync.model.identity import ObjectRef
from dsync.records.definition import data_model
from sql_servers import Server
from test_sql_servers import adapter, database, server

__all__ = ["server"]

MODELS = data_model({"device": {"identifiers": ["name"], "attributes": {"size": "int | None"}}}, base=RecordModel)
NAMES = [
    *(f"d{number}" for number in range(200)),
    "é",
    "É",
    "naïve %s:x",
    "\\",
    "__",
    "日本",
    "\N{SNOWMAN} \N{GRINNING FACE}",
    "a b",
]


@pytest.mark.parametrize("kind", ["text", "varchar(60)"])
def test_each_row_is_in_one_shard(server: Server, kind: str) -> None:
    column = f"{kind} CHARACTER SET utf8mb4" if server.kind == "mariadb" else kind
    base = database(server, f"CREATE TABLE device (name {column} NOT NULL, size int);")
    with base.engine.connect() as connection:
        for name in NAMES:
            connection.exec_driver_sql("INSERT INTO device VALUES (%s, 1)", (name,))
    found: list[str] = []
    for number in range(3):
        part = adapter(base, MODELS, {"device": {}})
        part.load_shard(Shard(number, 3))
        uids = [*part.store.uids("device")]
        assert all(Shard(number, 3).holds(ObjectRef("device", uid)) for uid in uids)
        found += uids
    assert sorted(found) == sorted(NAMES)
    part = adapter(base, MODELS, {"device": {}})
    part.load_shard(Shard(tops=[ObjectRef("device", name) for name in ("É", "d7", "nothing")]))
    assert sorted(part.store.uids("device")) == ["d7", "É"]
