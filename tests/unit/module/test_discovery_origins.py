# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the files of a proposal describe the datasets of the task: with variables for secrets, and so that they work elsewhere."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("ansible", reason="the module needs ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.bundle.format import Bundle
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.discovery import discovered
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.side import Side
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils._module.run.discover import _origin
from ansible_collections.dsync.core.plugins.module_utils.dsync.adapters import RecordModel, built_in
from ansible_collections.dsync.core.plugins.module_utils.dsync.discovery.files import file_texts
from ansible_collections.dsync.core.plugins.module_utils.dsync.discovery.proposal import Side as Tables
from ansible_collections.dsync.core.plugins.module_utils.dsync.discovery.proposal import propose
from ansible_collections.dsync.core.plugins.module_utils.dsync.records.definition import data_model
from rest_api import Api, served


def side(adapter: str, options: dict[str, Any], role: str = "source", **more: Any) -> Side:
    params = {"adapter": adapter, "options": options, "secrets": {}, "name": None, "tables": None, "openapi": None}
    return Side(role, {**params, "read_records": True, **more})


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export.csv").write_text("name\na\n")
    one = side("file", {"path": "export.csv"}, name="the export")
    origin = _origin(one, discovered(one, Bundle()))
    assert (origin.options, origin.name) == ({"path": str(tmp_path / "export.csv")}, "the export")


def test_an_option_with_a_secret_becomes_a_variable(tmp_path: Path) -> None:
    given = {
        "storage_options": {"password": "opal-19"},
        "path": str(tmp_path / "export.csv"),
    }
    (tmp_path / "export.csv").write_text("name\na\n")
    one = side("file", given)
    origin = _origin(one, discovered(one, Bundle()))
    assert origin.options == {"storage_options": "{{ source_storage_options }}", "path": given["path"]}


def test_records_of_a_task_are_a_variable() -> None:
    one = side("memory", {"records": [{"name": "a"}]}, tables={"device": []})
    found = discovered(one, Bundle())
    assert found.tables["device"].count == 1
    assert _origin(one, found).options == {"records": "{{ source_records }}"}


def test_more_tables_than_a_person_reads_have_to_be_named(tmp_path: Path) -> None:
    sa = pytest.importorskip("sqlalchemy")
    engine = sa.create_engine(f"sqlite:///{tmp_path}/cmdb.db")
    with engine.begin() as connection:
        for number in range(31):
            connection.exec_driver_sql(f"CREATE TABLE t{number} (name TEXT)")
    engine.dispose()
    with pytest.raises(TaskFailure, match=r"source \(sql\): there are 31 tables \(known: t0, .*\); name those"):
        discovered(side("sql", {"url": f"sqlite:///{tmp_path}/cmdb.db"}), Bundle())


ESTATE = """\
sites: [{name: nyc}, {name: par}]
devices: [{name: r1, site: nyc, mtu: 9000}, {name: r2, site: par, mtu: 1500}, {name: r3, site: par, mtu: 1500}]
"""


def test_lists_of_a_file_and_tables_with_foreign_keys_differ_in_what_is_different(tmp_path: Path) -> None:
    sa = pytest.importorskip("sqlalchemy")
    (tmp_path / "estate.yml").write_text(ESTATE)
    url = f"sqlite:///{tmp_path}/cmdb.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE sites (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
            "CREATE TABLE devices (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mtu INTEGER NOT NULL, "
            "site_id INTEGER NOT NULL REFERENCES sites (id))",
            "INSERT INTO sites VALUES (7, 'nyc'), (8, 'par')",
            "INSERT INTO devices VALUES (1, 'r1', 9000, 7), (2, 'r2', 1500, 7)",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    sides = [side("file", {"path": str(tmp_path / "estate.yml")}), side("sql", {"url": url}, role="target")]
    found = [discovered(one, Bundle()) for one in sides]
    proposal = propose(*(Tables(one.tables, one.others) for one in found))
    texts = file_texts(proposal, [_origin(*both) for both in zip(sides, found)], "localhost")
    models, datasets = yaml.safe_load(texts["models.yml"])["models"], yaml.safe_load(texts["datasets.yml"])
    assert models["device"] == {"identifiers": ["name"], "attributes": {"site": {"ref": "site"}, "mtu": "int"}}
    loaded = []
    for one in datasets.values():
        adapter = built_in(one["adapter"]).bound(data_model(models, base=RecordModel), one["mapping"], one.get("lookups"))
        loaded.append(adapter(**one["options"]))
        loaded[-1].load()
    source, target = loaded
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    with closing(sqlite3.connect(tmp_path / "cmdb.db")) as database:
        rows = database.execute("SELECT name, mtu, site_id FROM devices ORDER BY name").fetchall()
    assert rows == [("r1", 9000, 7), ("r2", 1500, 8), ("r3", 1500, 8)]


DESCRIPTION = """\
openapi: 3.0.3
paths:
  /boxes:
    get:
      responses:
        200: {content: {application/json: {schema: {type: array, items: {properties: {label: {}, size: {type: integer}}}}}}}
"""


@pytest.mark.parametrize("described", [True, False])
def test_an_api_is_read_by_its_description_or_by_its_answers(tmp_path: Path, described: bool) -> None:
    (tmp_path / "openapi.yml").write_text(DESCRIPTION)
    more = {"openapi": str(tmp_path / "openapi.yml")} if described else {"tables": ["/boxes"]}
    with served(Api(collections={"boxes": [{"id": 1, "label": "a", "size": 3}]})) as api:
        found = discovered(side("rest", {"base_url": api.url}, **more), Bundle())
    assert found.endpoints == {"/boxes": {"list": "/boxes", "create": False, "update": False, "delete": False}}
    assert found.tables["box"].count == 1
    schema = found.tables["box"].columns[("size",)].schema
    assert (schema is not None and schema.type == "int") is described


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"tables": ["boxes"]}, "tables: 'boxes' should be the path of a collection, which begins with \"/\"."),
        ({"openapi": "openapi.yml", "tables": ["/boxs"]}, 'no collection "/boxs" (did you mean "/boxes"? known: /boxes).'),
        ({"openapi": "broken.yml"}, "broken.yml is neither JSON nor YAML"),
        ({"openapi": "absent.yml"}, "absent.yml cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_a_collection_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "openapi.yml").write_text(DESCRIPTION)
    (tmp_path / "broken.yml").write_text("a: [")
    with pytest.raises(TaskFailure, match=re.escape(message)):
        discovered(side("rest", {"base_url": "http://127.0.0.1:9"}, **more), Bundle())
