# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record whose object is renamed is changed where it is: its key, its unmapped fields and what is below it stay."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.rest import RestAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.plan.undo import undo_plan
from dsync.records.definition import data_model
from rest_api import Api, served

MODELS = data_model(
    {
        "device": {"identifiers": ["name"], "attributes": {"serial": "str"}, "match": ["serial"], "children": ["port"]},
        "port": {"identifiers": ["device", "name"], "attributes": {"speed": "int"}},
    },
    base=RecordModel,
)
FLAT: Any = {"device": {"from": "devices"}, "port": {"from": "ports", "parent": {"name": "device"}}}
NESTED: Any = {"device": {"from": "devices"}, "port": {"from": "devices.*.ports", "fields": {"device": {"parent": "name"}}}}
KEYED: Any = {
    "device": {"from": "devices", "key": "name"},
    "port": {"from": "devices.*.ports", "key": "name", "fields": {"device": {"parent": "name"}}},
}


def network(devices: dict[str, tuple[str, dict[str, int]]]) -> DSync:
    """Return a dataset: device → (serial number, port → speed)."""
    made: DSync = type("Network", (DSync,), {**MODELS.models, "top_level": ["device"]})()
    made.add_rows("device", [{"name": name, "serial": serial} for name, (serial, _ports) in devices.items()])
    ports = [
        {"device": device, "name": name, "speed": speed, "at": device}
        for device, (_serial, ports) in devices.items()
        for name, speed in ports.items()
    ]
    made.add_rows("port", ports, parent="device", parent_ids={"name": "at"})
    return made


NEW = network({"sw-2": ("A", {"p1": 1, "p2": 10})})


def renamed(make: Any) -> Any:
    """Rename in a target and look at it again; return the target, what the run did, and its plan."""
    target = make()
    target.load()
    plan = Plan.from_diff(target.diff_from(NEW))
    result = target.apply(plan, NEW)
    result.raise_for_failure()
    assert not target.diff_from(NEW).has_diffs()
    again = make()
    again.load()
    assert not again.diff_from(NEW).has_diffs()
    return target, [f"{outcome.change.action} {outcome.change.id}" for outcome in result.outcomes], plan


def test_a_row_keeps_its_key(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "cmdb.db")
    base.executescript(
        """
        CREATE TABLE devices (id integer PRIMARY KEY, name text UNIQUE, serial text, note text);
        CREATE TABLE ports (id integer PRIMARY KEY, name text, speed integer, note text,
            device_id integer REFERENCES devices (id) ON DELETE CASCADE);
        INSERT INTO devices VALUES (7, 'sw-1', 'A', 'precious');
        INSERT INTO ports VALUES (1, 'p1', 1, 'one', 7), (2, 'p2', 1, 'two', 7);
        """
    )
    mapping: Any = {
        "device": {"from": "devices"},
        "port": {"from": "ports", "fields": {"device": {"parent": "name"}}},
    }
    _target, done, _plan = renamed(lambda: SqlAdapter.bound(MODELS, mapping)(url=f"sqlite:///{tmp_path / 'cmdb.db'}"))
    assert done == ["move sw-2", "move sw-2__p1", "move sw-2__p2"]
    assert base.execute("SELECT * FROM devices").fetchall() == [(7, "sw-2", "A", "precious")]
    assert base.execute("SELECT * FROM ports").fetchall() == [(1, "p1", 1, "one", 7), (2, "p2", 10, "two", 7)]
    base.close()


FILES = [
    (FLAT, "devices:\n- {name: sw-1, serial: A, note: n}  # kept\nports:\n- {device: sw-1, name: p1, speed: 1, note: 1}\n"
           "- {device: sw-1, name: p2, speed: 1, note: 2}  # too\n"),
    (NESTED, "devices:\n- name: sw-1  # kept\n  serial: A\n  note: n\n  ports:\n  - {name: p1, speed: 1, note: 1}\n"
             "  - {name: p2, speed: 1, note: 2}  # too\n"),
    (KEYED, "devices:\n  sw-1:  # kept\n    serial: A\n    note: n\n    ports:\n      p1: {speed: 1, note: 1}\n"
            "      p2: {speed: 1, note: 2}  # too\n"),
]  # fmt: skip


@pytest.mark.parametrize(("mapping", "text"), FILES[:2], ids=["flat", "nested"])
def test_the_name_in_a_file_is_changed_and_nothing_else(tmp_path: Path, mapping: Any, text: str) -> None:
    path = tmp_path / "f.yml"
    path.write_text(text)
    renamed(lambda: FileAdapter.bound(MODELS, mapping)(path=str(path)))
    assert path.read_text() == text.replace("sw-1", "sw-2").replace("speed: 1, note: 2", "speed: 10, note: 2")


@pytest.mark.parametrize(("mapping", "text"), FILES, ids=["flat", "nested", "keyed"])
def test_a_rename_in_a_file_is_undone(tmp_path: Path, mapping: Any, text: str) -> None:
    path = tmp_path / "f.yml"
    path.write_text(text)
    kind = FileAdapter.bound(MODELS, mapping)
    _target, _done, plan = renamed(lambda: kind(path=str(path)))
    back = kind(path=str(path))
    back.load()
    back.apply(undo_plan(plan), NEW).raise_for_failure()
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(text)


def test_the_key_of_a_record_is_changed(tmp_path: Path) -> None:
    mapping, text = FILES[2]
    path = tmp_path / "f.yml"
    path.write_text(text)
    renamed(lambda: FileAdapter.bound(MODELS, mapping)(path=str(path)))
    ports = {"p1": {"speed": 1, "note": 1}, "p2": {"speed": 10, "note": 2}}
    assert yaml.safe_load(path.read_text()) == {"devices": {"sw-2": {"serial": "A", "note": "n", "ports": ports}}}


def test_a_renamed_record_in_a_task_keeps_its_other_fields() -> None:
    ports = {"p1": {"speed": 1}, "p2": {"speed": 1, "note": "x"}}
    target = MemoryAdapter.bound(MODELS, KEYED)(records={"devices": {"sw-1": {"serial": "A", "note": "n", "ports": ports}}})
    target.load()
    target.apply(Plan.from_diff(target.diff_from(NEW)), NEW).raise_for_failure()
    ports = {"p1": {"speed": 1}, "p2": {"speed": 10, "note": "x"}}
    assert target.result_records() == {"devices": {"sw-2": {"serial": "A", "note": "n", "ports": ports}}}


def test_a_line_of_csv_keeps_its_other_fields(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    text = 'kind,name,device,serial,speed,note\ndevice,{0},,A,,"kept"\nport,p1,{0},,1,one\nport,p2,{0},,{1},"two"\n'
    path.write_text(text.format("sw-1", 1))
    mapping = {model: {**FLAT[model], "from": [], "where": {"kind": model}} for model in FLAT}
    renamed(lambda: FileAdapter.bound(MODELS, mapping)(path=str(path)))
    assert path.read_text() == text.format("sw-2", 10)


def test_a_resource_is_patched_and_those_below_it_stay() -> None:
    devices = [{"id": 7, "name": "sw-1", "serial": "A", "note": "precious"}]
    ports = [{"id": 1, "name": "p1", "speed": 1, "device_id": 7}, {"id": 2, "name": "p2", "speed": 1, "device_id": 7}]
    mapping: Any = {
        "device": {"from": "/devices"},
        "port": {"from": "/ports", "parent": {"match": {"device_id": "id"}}, "fields": {"device": {"parent": "name"}}},
    }
    with served(Api({"devices": devices, "ports": ports})) as api:
        renamed(lambda: RestAdapter.bound(MODELS, mapping)(base_url=api.url, introspect=False))
        assert api.collections["devices"] == [{"id": 7, "name": "sw-2", "serial": "A", "note": "precious"}]
        assert [port["device_id"] for port in api.collections["ports"]] == [7, 7]
        assert {request.method for request in api.requests} == {"GET", "PATCH"}
