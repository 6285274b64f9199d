# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record that gets another parent is changed where it is, or carried to its new place: its unmapped fields are never lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.rest import RestAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.plan.result import Result
from dsync.records.definition import data_model
from rest_api import Api, Reply, served

MODELS = data_model(
    {
        "site": {"identifiers": ["name"], "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"role": "str"}},
    },
    base=RecordModel,
)
FLAT: Any = {"site": {"from": "sites"}, "device": {"from": "devices", "parent": {"name": "site"}}}
MATCHED: Any = {"site": {"from": "/sites"}, "device": {"from": "/devices", "parent": {"match": {"site_id": "id"}}}}


def estate(places: dict[str, list[str]], role: str = "x") -> DSync:
    """Return a dataset: site → names of its devices."""
    made: DSync = type("Estate", (DSync,), {**MODELS.models, "top_level": list(MODELS.top_level)})()
    made.add_rows("site", [{"name": name} for name in places])
    rows = [{"name": name, "role": role, "at": site} for site, names in places.items() for name in names]
    made.add_rows("device", rows, parent="site", parent_ids={"name": "at"})
    return made


def synchronised(target: Any, source: DSync) -> Result:
    target.load()
    result: Result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    return result


def moved(target: Any, source: DSync) -> list[str]:
    result = synchronised(target, source)
    result.raise_for_failure()
    return [f"{outcome.change.action} {outcome.change.id}" for outcome in result.outcomes]


# ---------------------------------------------------------------------- a field holds the parent


def test_a_row_keeps_its_key_and_what_refers_to_it(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "cmdb.db")
    base.executescript(
        """
        CREATE TABLE sites (id integer PRIMARY KEY, name text UNIQUE);
        CREATE TABLE devices (id integer PRIMARY KEY, name text UNIQUE, role text, note text,
            site_id integer REFERENCES sites (id));
        CREATE TABLE cables (device_id integer REFERENCES devices (id) ON DELETE CASCADE);
        INSERT INTO sites VALUES (1, 'nyc'), (2, 'par');
        INSERT INTO devices VALUES (7, 'd1', 'x', 'precious', 1);
        INSERT INTO cables VALUES (7);
        """
    )
    mapping = {"site": {"from": "sites"}, "device": {"from": "devices"}}
    kind = SqlAdapter.bound(MODELS, mapping)
    url = f"sqlite:///{tmp_path / 'cmdb.db'}"
    assert moved(kind(url=url), estate({"nyc": [], "par": ["d1"]}, role="y")) == ["move d1"]
    assert base.execute("SELECT * FROM devices").fetchall() == [(7, "d1", "y", "precious", 2)]
    assert base.execute("SELECT * FROM cables").fetchall() == [(7,)]
    new = estate({"nyc": [], "par": [], "new": ["d1"]}, role="y")
    assert moved(kind(url=url), new) == ["create new", "move d1"]
    assert base.execute("SELECT id, note, site_id FROM devices").fetchall() == [(7, "precious", 3)]
    base.close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.yml", "sites:\n- name: nyc\n- {name: par}\ndevices:\n- {name: d1, role: x, site: nyc, note: n}  # kept\n"),
        ("f.json", '{"sites":[{"name":"par"},{"name":"nyc"}],"devices":[{"name":"d1","c":1.10,"site":"nyc","role":"x"}]}'),
        ("f.csv", 'kind,name,site,role,note\nsite,nyc,,,\nsite,par,,,\n"device","d1","nyc","x","kept"\n'),
    ],
)
def test_the_field_of_a_file_is_changed_and_nothing_else(tmp_path: Path, name: str, text: str) -> None:
    mapping = FLAT
    if name.endswith("csv"):
        mapping = {model: {**FLAT[model], "from": [], "where": {"kind": model}} for model in FLAT}
    (tmp_path / name).write_text(text)
    assert moved(FileAdapter.bound(MODELS, mapping)(path=str(tmp_path / name)), estate({"nyc": [], "par": ["d1"]})) == ["move d1"]
    before, _found, behind = text.rpartition("nyc")
    assert (tmp_path / name).read_text() == f"{before}par{behind}"


def test_a_record_in_a_task_keeps_its_other_fields() -> None:
    records = {
        "sites": [{"name": "nyc"}, {"name": "par"}],
        "devices": [{"name": "d1", "role": "x", "site": "nyc", "note": "precious"}],
    }
    target = MemoryAdapter.bound(MODELS, FLAT)(records=records)
    assert moved(target, estate({"nyc": [], "par": ["d1"]})) == ["move d1"]
    assert target.result_records()["devices"] == [{"name": "d1", "role": "x", "site": "par", "note": "precious"}]


@pytest.fixture
def api() -> Iterator[Api]:
    sites = [{"id": 1, "name": "nyc"}, {"id": 2, "name": "par"}]
    devices = [{"id": 7, "name": "d1", "role": "x", "site_id": 1, "note": "precious"}]
    with served(Api({"sites": sites, "devices": devices})) as running:
        yield running


def test_a_resource_is_patched(api: Api) -> None:
    target = RestAdapter.bound(MODELS, MATCHED)(base_url=api.url)
    assert moved(target, estate({"nyc": [], "par": ["d1"]})) == ["move d1"]
    assert api.collections["devices"] == [{"id": 7, "name": "d1", "role": "x", "site_id": 2, "note": "precious"}]
    assert [(one.method, one.body) for one in api.requests if one.method != "GET"] == [("PATCH", {"site_id": 2})]


def test_a_resource_whose_move_is_refused_stays_where_it_is(api: Api) -> None:
    api.intervene = lambda request: Reply(400, {"site_id": ["is full"]}) if request.method == "PATCH" else None
    before = [dict(record) for record in api.collections["devices"]]
    target = RestAdapter.bound(MODELS, MATCHED)(base_url=api.url)
    result = synchronised(target, estate({"nyc": [], "par": ["d1"]}))
    assert [(str(one.change.action), one.maybe) for one in result.failures] == [("move", False)]
    assert api.collections["devices"] == before
    assert {one.method for one in api.requests} == {"GET", "PATCH"}
    assert target.get("site", "nyc").device_ids == ["d1"]


def test_a_parent_in_the_address_is_not_moved_to_by_a_patch(api: Api) -> None:
    """There is no request for it, so the object is deleted and created again."""
    place = {"list": "/sites/{parent.id}/devices", "update": "/devices/{id}", "delete": "/devices/{id}", "create": "/devices"}
    target = RestAdapter.bound(MODELS, {"site": {"from": "/sites"}, "device": {"from": place}})(base_url=api.url)
    assert not target.can_move("device")
    assert target.can_move("site")


def test_a_parent_that_is_only_computed_cannot_be_written() -> None:
    mapping: Any = {**FLAT, "device": {"from": "devices", "parent": {"name": {"expr": "site | lower"}}}}
    records = {"sites": [{"name": "nyc"}, {"name": "par"}], "devices": [{"name": "d1", "role": "x", "site": "NYC"}]}
    result = synchronised(MemoryAdapter.bound(MODELS, mapping)(records=records), estate({"nyc": [], "par": ["d1"]}))
    assert [one.message for one in result.failures] == [
        'the mapping of "device" does not say how its parent is written; add "write"'
    ]
