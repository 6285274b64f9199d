# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dsync_info returns the objects of a dataset, bounded and with secrets masked, and changes nothing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

from conftest import Play

SECRET, TOKEN = "pl4nted-p4ssword", "t0ken-that-nobody-sees"
MODELS = {
    "site": {"identifiers": ["name"], "attributes": {"region": "str"}, "children": ["device"]},
    "device": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int | None", "pin": "secret"}},
}
ADAPTER = """
from dsync import DSync, DSyncModel


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("note",)
    name: str
    note: str


class Sites(DSync):
    site = Site
    top_level = ["site"]

    def __init__(self, token, **kwargs):
        super().__init__(**kwargs)
        self.token = token

    def load(self):
        print("no part of the result")
        self.add(Site(name="nyc", note=f"read with {self.token}"))
        self.warn("one site was skipped")
"""


def devices(folder: Path, number: int) -> str:
    """Write so many devices to a file, and return its path."""
    path = folder / "devices.json"
    records = [
        {"name": f"rtr-{one:04}", "role": "router" if one % 2 else "switch", "mtu": one, "pin": SECRET} for one in range(number)
    ]
    path.write_text(json.dumps(records))
    return str(path)


def info(task: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": task, "dsync.core.dsync_info": arguments, "ignore_errors": True}


def test_a_dataset_in_a_variable(play: Play, tmp_path: Path) -> None:
    (tmp_path / "sites.py").write_text(ADAPTER)
    (tmp_path / "models.yml").write_text(json.dumps({"device": MODELS["device"]}))
    before = (path := Path(devices(tmp_path, 1200))).read_bytes()
    file = {"adapter": "file", "options": {"path": str(path)}, "models_file": "models.yml"}
    chosen = {**file, "only": [{"attributes": {"role": "router"}}], "exclude": [{"id": "rtr-0001"}], "attributes": ["mtu"]}
    tasks = [
        info("all", **file),
        {**info("chosen", **chosen, max_objects=2), "check_mode": True, "register": "found"},
        {"name": "shown", "ansible.builtin.debug": {"msg": "{{ found.objects | map(attribute='attributes.mtu') }}"}},
        info("own", adapter="sites.py:Sites", secrets={"token": TOKEN}, name="our sites"),
        info("nothing to narrow", **file, only=[{"model": "devize"}]),
        info("action", **file, only=[{"action": "delete"}]),
        info("absent", **{**file, "options": {"path": str(tmp_path / "none.json")}}),
        info("negative", **file, max_objects=-1),
        info("no file of models", **{**file, "models_file": "modells.yml"}),
    ]
    played = play(tasks, "-vvv", "--diff").ok()
    found = played.result("all")
    assert found["changed"] is False
    assert (len(found["objects"]), found["objects_truncated"]) == (1000, 200)
    assert found["warnings"] == ["objects holds 1000 of 1200 objects; see max_objects."]
    assert found["objects"][0] == {
        "model": "device",
        "id": "rtr-0000",
        "ids": {"name": "rtr-0000"},
        "parent": None,
        "attributes": {"role": "switch", "mtu": 0, "pin": "********"},
    }
    assert found["dataset"] == {"name": str(path), "adapter": "file", "counts": {"device": 1200}, "total": 1200}
    few = played.result("chosen")
    assert [(one["id"], one["attributes"]) for one in few["objects"]] == [("rtr-0003", {"mtu": 3}), ("rtr-0005", {"mtu": 5})]
    assert few["selected"] == {"counts": {"device": 599}, "total": 599}
    assert few["dataset"]["total"] == 1200
    assert played.result("shown")["msg"] == [3, 5]
    own = played.result("own")
    assert own["objects"][0]["attributes"] == {"note": "read with ********"}
    assert (own["dataset"]["name"], own["warnings"]) == ("our sites", ["our sites: one site was skipped"])
    messages = {name: played.result(name)["msg"] for name in ("nothing to narrow", "action", "absent", "negative")}
    assert messages["nothing to narrow"] == "only[0].model: unknown model 'devize' (did you mean \"device\"? known: device)."
    assert "only.action" in messages["action"]
    assert messages["absent"].startswith("dataset (file): load() failed: ")
    assert messages["negative"] == "max_objects is -1; it should be 0 or more."
    assert 'models_file: the file "modells.yml" was not found on the controller' in played.result("no file of models")["msg"]
    assert path.read_bytes() == before
    assert SECRET not in played.screen
    assert TOKEN not in played.screen
    assert "Traceback" not in played.screen


def test_objects_of_a_size_that_a_result_can_hold(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text(json.dumps([{"name": f"n{number}", "note": "n" * 300_000} for number in range(4)]))
    models = {"note": {"identifiers": ["name"], "attributes": {"note": "str"}}}
    found = play([info("it", adapter="file", options={"path": str(path)}, models=models)]).ok().result("it")
    assert [len(one["attributes"]["note"]) for one in found["objects"]] == [300_000] * 3
    assert found["objects_truncated"] == 1


def test_a_dataset_is_validated_without_loading_it(play: Play, tmp_path: Path) -> None:
    (tmp_path / "sites.py").write_text(ADAPTER)
    with contextlib.closing(sqlite3.connect(tmp_path / "cmdb.sqlite")) as database:
        database.execute("create table device (name text primary key, role text, mtu text)")
        database.execute("insert into device values ('r1', 'router', 'no number')")
        database.commit()
    device = {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int"}}
    sql = {
        "adapter": "sql",
        "options": {"url": f"sqlite:///{tmp_path}/cmdb.sqlite"},
        "models": {"device": device},
        "validate_only": True,
    }
    rest = {
        **sql,
        "adapter": "rest",
        "options": {"base_url": "http://127.0.0.1:1", "tries": 1},
        "mapping": {"device": {"from": {"list": "/devices"}}},
    }
    tasks = [
        info("sql", **sql),
        info("own", adapter="sites.py:Sites", secrets={"token": TOKEN}, validate_only=True),
        info("no table", **{**sql, "models": {"devize": device}}),
        info("no column", **{**sql, "mapping": {"device": {"fields": {"role": "rolle"}}}}),
        info("no file", **{**sql, "adapter": "file", "options": {"path": str(tmp_path / "none.csv")}}),
        info("no server", **rest),
        info("no model", **sql, only_models=["site"]),
    ]
    played = play(tasks).ok()
    found = played.result("sql")
    assert (found["validated"], found["objects"], found["dataset"]["total"]) == ({"models": ["device"], "reached": True}, [], 0)
    own = played.result("own")
    assert own["validated"] == {"models": ["site"], "reached": False}
    assert own["warnings"] == ["The adapter sites.py:Sites cannot check without loading whether its system can be reached."]
    messages = {name: str(played.result(name).get("msg")) for name in ("no table", "no column", "no file", "no server", "no model")}
    for name, words in {
        "no table": "devize",
        "no column": "rolle",
        "no file": f"dataset (file): probe() failed: {tmp_path / 'none.csv'} on here does not exist",
        "no server": "127.0.0.1:1",
        "no model": "only_models[0]: unknown model 'site'",
    }.items():
        assert words in messages[name], messages[name]
    assert TOKEN not in played.screen
