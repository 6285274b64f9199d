# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record that gets another parent is changed where it is, or carried to its new place: its unmapped fields are never lost."""

# pylint: disable=dangerous-default-value  # the defaults are never changed

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.rest import RestAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.plan.result import Result
from dsync.records.definition import data_model
from hypothesis import given, settings
from hypothesis import strategies as st
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
    target = RestAdapter.bound(MODELS, MATCHED)(base_url=api.url, introspect=False)
    assert moved(target, estate({"nyc": [], "par": ["d1"]})) == ["move d1"]
    assert api.collections["devices"] == [{"id": 7, "name": "d1", "role": "x", "site_id": 2, "note": "precious"}]
    assert [(one.method, one.body) for one in api.requests if one.method != "GET"] == [("PATCH", {"site_id": 2})]


def test_a_resource_whose_move_is_refused_stays_where_it_is(api: Api) -> None:
    api.intervene = lambda request: Reply(400, {"site_id": ["is full"]}) if request.method == "PATCH" else None
    before = [dict(record) for record in api.collections["devices"]]
    target = RestAdapter.bound(MODELS, MATCHED)(base_url=api.url, introspect=False)
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


# ---------------------------------------------------------------------- the place is the parent

NESTED: Any = {"site": {"from": "sites"}, "device": {"from": "sites.*.devices"}}
TREE = """\
# all sites
sites:
  - name: nyc
    devices:
      # precious
      - name: d1  # the first
        role: x
        serial: 0123  # by hand

        ports: {a: [1, 0x1F]}
        banner: |
          welcome
            to d1
      - name: d2
        role: x
  - name: par
    floor: 3
    devices:
    - name: d3
      role: x
"""


def in_a_file(tmp_path: Path, name: str, text: str, source: DSync, models: Any = MODELS, mapping: Any = NESTED) -> str:
    """Return what is in a file that held a text, and was made like a dataset; one run is enough."""
    (tmp_path / name).write_text(text)
    synchronised(FileAdapter.bound(models, mapping)(path=str(tmp_path / name)), source).raise_for_failure()
    again = FileAdapter.bound(models, mapping)(path=str(tmp_path / name))
    again.load()
    assert not again.diff_from(source).has_diffs()
    return (tmp_path / name).read_text()


def test_a_record_of_yaml_is_carried_with_everything_in_it(tmp_path: Path) -> None:
    found = in_a_file(tmp_path, "f.yml", TREE, estate({"nyc": ["d2"], "par": ["d3", "d1"]}))
    assert (
        found
        == """\
# all sites
sites:
  - name: nyc
    devices:
      - name: d2
        role: x
  - name: par
    floor: 3
    devices:
    - name: d3
      role: x
    # precious
    - name: d1  # the first
      role: x
      serial: 0123  # by hand

      ports: {a: [1, 0x1F]}
      banner: |
        welcome
          to d1
"""
    )


def test_a_record_of_yaml_is_changed_while_it_is_carried(tmp_path: Path) -> None:
    found = in_a_file(tmp_path, "f.yml", TREE, estate({"nyc": ["d2"], "par": ["d3"], "new": ["d1"]}, role="z"))
    assert found.endswith(
        """\
  - name: new
    devices:
      # precious
      - name: d1  # the first
        role: z
        serial: 0123  # by hand

        ports: {a: [1, 0x1F]}
        banner: |
          welcome
            to d1
"""
    )


JSON = """\
{"sites": [
    {"name": "nyc", "devices": [
        {
            "name": "d1", "role": "x",
            "cost": 1.10, "big": 12345678901234567.891,
            "tags": ["a",  "b"]
        },
        {"name": "d2", "role": "x", "cost": 0.10}
    ]},
    {"name": "par", "devices": [
        {"name": "d3", "role": "x"}
    ]}
]}
"""


def test_a_record_of_json_keeps_its_digits_when_it_is_carried(tmp_path: Path) -> None:
    found = in_a_file(tmp_path, "f.json", JSON, estate({"nyc": ["d2"], "par": ["d3", "d1"]}))
    assert (
        found
        == """\
{"sites": [
    {"name": "nyc", "devices": [
        {"name": "d2", "role": "x", "cost": 0.10}
    ]},
    {"name": "par", "devices": [
        {"name": "d3", "role": "x"},
        {
            "name": "d1", "role": "x",
            "cost": 1.10, "big": 12345678901234567.891,
            "tags": ["a",  "b"]
        }
    ]}
]}
"""
    )


def test_a_record_of_json_is_changed_while_it_is_carried_to_a_new_one(tmp_path: Path) -> None:
    found = in_a_file(tmp_path, "f.json", JSON, estate({"nyc": ["d1"], "par": ["d3"], "new": ["d2"]}, role="y"))
    assert '{"name": "d2", "role": "y", "cost": 0.10}' in found
    assert '"cost": 1.10, "big": 12345678901234567.891,' in found


def test_a_record_is_carried_to_another_line(tmp_path: Path) -> None:
    lines = """\
{"name": "nyc", "devices": [{"name":"d1","role":"x","cost":1.10}, {"name": "d2", "role": "x"}], "n": 1e2}
{"name": "par", "devices": []}
"""
    mapping: Any = {"site": {"from": []}, "device": {"from": "*.devices"}}
    found = in_a_file(tmp_path, "f.jsonl", lines, estate({"nyc": ["d2"], "par": ["d1"]}), mapping=mapping)
    assert (
        found
        == """\
{"name": "nyc", "devices": [{"name": "d2", "role": "x"}], "n": 1e2}
{"name": "par", "devices": [{"name":"d1","role":"x","cost":1.10}]}
"""
    )
    source = estate({"nyc": ["d2"], "par": [], "new": ["d1"]})
    found = in_a_file(tmp_path, "f.jsonl", found, source, mapping=mapping)
    assert found.endswith('{"name": "new", "devices": [{"name":"d1","role":"x","cost":1.10}]}\n')


def test_a_record_of_toml_is_carried(tmp_path: Path) -> None:
    text = """\
[[sites]]
name = "nyc"
[[sites.devices]]
name = "d1"
role = "x"
cost = 1.10
seen = 2024-01-01T00:00:00Z

[[sites]]
name = "par"  # two
[[sites.devices]]
name = "d2"
role = "x"
"""
    found = in_a_file(tmp_path, "f.toml", text, estate({"nyc": [], "par": ["d2", "d1"]}))
    assert 'name = "par"  # two' in found
    assert found.index("d2") < found.index("seen = 2024-01-01")


def test_a_record_of_toml_is_carried_with_its_comments(tmp_path: Path) -> None:
    d1 = '# about d1\n[[sites.devices]]\nname = "d1"  # on d1\nrole = "x"\nserial = 0x1F\n'
    d2 = '[[sites.devices]]\nname = "d2"\nrole = "x"\n'
    text = f'[[sites]]\nname = "nyc"\n\n{d1}\n{d2}\n[[sites]]\nname = "par"  # two\n'
    found = in_a_file(tmp_path, "f.toml", text, estate({"nyc": ["d2"], "par": ["d1"]}))
    assert found == f'[[sites]]\nname = "nyc"\n\n{d2}\n[[sites]]\nname = "par"  # two\n{d1}\n'


def test_a_record_under_a_key_is_carried_to_a_list(tmp_path: Path) -> None:
    """Where places differ in form, the key becomes a field, and a field the key."""
    text = """\
sites:
  nyc:
    devices:
      d1: {role: x, note: 0x1F}  # the first
  par:
    devices:
    - name: d2
      role: x
      note: n  # the second
"""
    mapping: Any = {"site": {"from": "sites", "key": "name"}, "device": {"from": "sites.*.devices", "key": "name"}}
    found = in_a_file(tmp_path, "f.yml", text, estate({"nyc": ["d2"], "par": ["d1"]}), mapping=mapping)
    assert "note: 0x1F" in found
    assert "note: n  # the second" in found


def test_a_record_is_carried_to_another_file(tmp_path: Path) -> None:
    (tmp_path / "nyc.yml").write_text("# NYC\ndevices:\n- name: d1  # the first\n  role: x\n  note: 010\n- {name: d2, role: x}\n")
    (tmp_path / "par.yml").write_text("# Paris\nfloor: 3\n")
    (tmp_path / "old.yml").write_text("devices:\n- {name: d4, role: x, note: 010}\n")
    mapping: Any = {"site": {"from": [], "key": "name"}, "device": {"from": "devices"}}
    kind = FileAdapter.bound(MODELS, mapping)
    target = kind(path=f"{tmp_path}/", format="yaml")
    synchronised(target, estate({"nyc": ["d2"], "par": ["d1", "d4"]})).raise_for_failure()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nyc.yml", "par.yml"]
    assert (tmp_path / "nyc.yml").read_text() == "# NYC\ndevices:\n- {name: d2, role: x}\n"
    assert (tmp_path / "par.yml").read_text() == (
        "# Paris\nfloor: 3\ndevices:\n  - name: d1  # the first\n    role: x\n    note: 010\n  - {name: d4, role: x, note: 010}\n"
    )
    result = target.apply(
        Plan.from_diff(target.diff_from(source := estate({"nyc": ["d2", "d1"], "par": ["d4"]}, role="z"))), source
    )
    result.raise_for_failure()
    assert (tmp_path / "nyc.yml").read_text() == (
        "# NYC\ndevices:\n- {name: d2, role: z}\n- name: d1  # the first\n  role: z\n  note: 010\n"
    )


def test_what_is_made_and_changed_below_a_carried_record_goes_along(tmp_path: Path) -> None:
    models = data_model(
        {
            "site": {"identifiers": ["name"], "children": ["device"]},
            "device": {"identifiers": ["name"], "attributes": {"role": "str"}, "children": ["port"]},
            "port": {"identifiers": ["name"], "attributes": {"speed": "int"}},
        },
        base=RecordModel,
    )
    mapping: Any = {**NESTED, "port": {"from": "sites.*.devices.*.ports"}}
    text = """\
sites:
- name: nyc
  devices:
  - name: d1
    role: x
    ports:
    - {name: p1, speed: 1, note: a}
    - {name: p2, speed: 1, note: b}
    - {name: p3, speed: 1, note: c}
  - name: d2
    role: x
    ports:
    - {name: p4, speed: 1, note: d}
- name: par
"""
    source: Any = type("Estate", (DSync,), {**models.models, "top_level": ["site"]})()
    source.add_rows("site", [{"name": "nyc"}, {"name": "par"}])
    at = {"d1": "par", "d2": "nyc"}
    source.add_rows(
        "device", [{"name": name, "role": "x", "at": at[name]} for name in at], parent="site", parent_ids={"name": "at"}
    )
    ports = {"p1": ("d1", 10), "p3": ("d2", 1), "p4": ("d1", 40), "p5": ("d1", 5)}
    rows = [{"name": name, "speed": speed, "at": device} for name, (device, speed) in ports.items()]
    source.add_rows("port", rows, parent="device", parent_ids={"name": "at"})
    found = in_a_file(tmp_path, "f.yml", text, source, models, mapping)
    for note in ("p1, speed: 10, note: a", "p3, speed: 1, note: c", "p4, speed: 40, note: d"):
        assert f"{{name: {note}}}" in found
    assert "note: b" not in found
    assert found.index("name: par") < found.index("name: d1") < found.index("name: p5")


def test_records_change_places(tmp_path: Path) -> None:
    text = "sites:\n- name: nyc\n  devices:\n  - {}\n- name: par\n  devices:\n  - {}\n"
    one, other = "{name: d1, role: x, n: 010}", "{name: d2, role: x, n: 020}"
    found = in_a_file(tmp_path, "f.yml", text.format(one, other), estate({"nyc": ["d2"], "par": ["d1"]}))
    assert found == text.format(other, one)


SITES = ("nyc", "par", "lon")
PLACES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(SITES), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    before=PLACES, after=PLACES, role=st.sampled_from(["x", "z"]), end=st.sampled_from(["yml", "json", "jsonl", "toml", "files"])
)
def test_whatever_moves_keeps_its_unmapped_fields(before: Any, after: Any, role: str, end: str) -> None:
    sites = [
        {"name": site, "devices": [{"name": name, "role": "x", "note": [site, name]} for name in before if before[name] == site]}
        for site in SITES
    ]
    lines = {"jsonl": "".join(json.dumps(site) + "\n" for site in sites), "json": json.dumps({"sites": sites}, indent=2)}
    places: Any = {"jsonl": {"site": {"from": []}, "device": {"from": "*.devices"}}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"f.{end}"
        if end == "files":
            path.mkdir()
            for site in sites:
                (path / f"{site['name']}.yml").write_text(yaml.safe_dump({"devices": site["devices"]}))
            places["files"] = {"site": {"from": [], "key": "name"}, "device": {"from": "devices"}}
        else:
            written = {"yml": yaml.safe_dump, "toml": tomlkit.dumps}.get(end, lambda tree: lines[end])({"sites": sites})
            path.write_text(written)
        kind = FileAdapter.bound(MODELS, places.get(end, NESTED))
        source = estate({site: [name for name in after if after[name] == site] for site in SITES}, role)
        target = kind(path=str(path))
        synchronised(target, source).raise_for_failure()
        again = kind(path=str(path))
        again.load()
        assert not again.diff_from(source).has_diffs()
        for name in before.keys() & after.keys():
            assert again.record_of(again.get("device", name))["note"] == [before[name], name]
        back = estate({site: [name for name in before if before[name] == site] for site in SITES})
        target.apply(Plan.from_diff(target.diff_from(back)), back).raise_for_failure()
        again = kind(path=str(path))
        again.load()
        assert not again.diff_from(back).has_diffs()
        for name in before.keys() & after.keys():
            assert again.record_of(again.get("device", name))["note"] == [before[name], name]


def test_records_in_a_task_are_carried() -> None:
    records = {"sites": [{"name": "nyc", "devices": [{"name": "d1", "role": "x", "note": "n"}]}, {"name": "par"}]}
    target = MemoryAdapter.bound(MODELS, NESTED)(records=records)
    assert moved(target, estate({"nyc": [], "par": ["d1"]})) == ["move d1"]
    assert target.result_records()["sites"][1]["devices"] == [{"name": "d1", "role": "x", "note": "n"}]
    source = estate({"nyc": ["d1"], "par": []}, role="z")
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    assert target.result_records()["sites"][0]["devices"] == [{"name": "d1", "role": "z", "note": "n"}]


def test_a_place_that_is_taken_leaves_the_record_where_it_was() -> None:
    """A record of another model, or one that the mapping excludes, has the key."""
    mapping: Any = {
        "site": {"from": "sites", "key": "name"},
        "device": {"from": "sites.*.devices", "key": "name", "drop": "hidden"},
    }
    records = {
        "sites": {
            "nyc": {"devices": {"d1": {"role": "x", "hidden": False}}},
            "par": {"devices": {"d1": {"role": "other", "hidden": True}}},
        }
    }
    target = MemoryAdapter.bound(MODELS, mapping)(records=records)
    result = synchronised(target, estate({"nyc": [], "par": ["d1"]}))
    assert [one.message for one in result.failures] == ["there is something at sites.par.devices.d1 in records already"]
    assert target.result_records() == records
