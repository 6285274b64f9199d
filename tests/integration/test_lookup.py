# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup returns objects of a dataset on the controller; it evaluates nothing, and shows nothing secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conftest import Play

SECRET, TOKEN = "pl4nted-p4ssword", "t0ken-that-nobody-sees"
TEMPLATE = "{{ lookup('ansible.builtin.pipe', 'touch evaluated') }}"
MODELS = {"device": {"identifiers": ["name"], "attributes": {"role": "str", "note": "str", "pin": "secret"}}}
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
        if self.token != "t0ken-that-nobody-sees":
            raise RuntimeError(f"{self.token} is refused")
        self.add(Site(name="nyc", note=f"read with {self.token}"))
"""
CALLS = {
    "all": "query('dsync.core.dsync', **file)",
    "routers": "query('dsync.core.dsync', only=[{'attributes': {'role': 'router'}}], attributes=['role'], **file)",
    "one": "lookup('dsync.core.dsync', 'sw-1', **file).attributes.role",
    "two": "query('dsync.core.dsync', 'sw-1', 'rtr-1', model='device', **file) | map(attribute='id')",
    "own": "lookup('dsync.core.dsync', adapter='sites.py:Sites', secrets={'token': token})",
    "absent": "lookup('dsync.core.dsync', 'sw-2', **file)",
    "no model": "lookup('dsync.core.dsync', model='devize', **file)",
    "no file": "lookup('dsync.core.dsync', adapter='file', options={'path': 'none.json'}, models_file=file.models_file)",
    "refused": "lookup('dsync.core.dsync', adapter='sites.py:Sites', secrets={'token': 'wr0ng-token'})",
    "unknown option": "lookup('dsync.core.dsync', adapter='file', option={})",
    "no adapter": "lookup('dsync.core.dsync')",
}


def test_objects_on_the_controller(play: Play, tmp_path: Path) -> None:
    records = [
        {"name": "rtr-1", "role": "router", "note": TEMPLATE, "pin": SECRET},
        {"name": "sw-1", "role": "switch", "note": "", "pin": SECRET},
    ]
    (tmp_path / "devices.json").write_text(json.dumps(records))
    (tmp_path / "models.yml").write_text(json.dumps(MODELS))
    (tmp_path / "sites.py").write_text(ADAPTER)
    variables = {"file": {"adapter": "file", "options": {"path": "devices.json"}, "models_file": "models.yml"}, "token": TOKEN}
    tasks: list[dict[str, Any]] = [
        {"name": name, "ansible.builtin.debug": {"msg": "{{ " + call + " }}"}, "ignore_errors": True}
        for name, call in CALLS.items()
    ]
    played = play(tasks, vars=variables).ok()
    found = {name: played.result(name)["msg"] for name in CALLS}
    assert found["all"][0] == {
        "model": "device",
        "id": "rtr-1",
        "ids": {"name": "rtr-1"},
        "parent": None,
        "attributes": {"role": "router", "note": TEMPLATE, "pin": "********"},
    }
    assert not (tmp_path / "evaluated").exists()
    assert [(one["id"], one["attributes"]) for one in found["routers"]] == [("rtr-1", {"role": "router"})]
    assert (found["one"], found["two"]) == ("switch", ["sw-1", "rtr-1"])
    assert found["own"]["attributes"] == {"note": "read with ********"}
    assert 'there is no object "sw-2" among those that are selected (did you mean "sw-1"? known: rtr-1, sw-1).' in found["absent"]
    assert 'there is no model "devize" (did you mean "device"? known: device).' in found["no model"]
    assert "dataset (file): load() failed: " in found["no file"]
    assert "dataset (sites.py:Sites): load() raised RuntimeError: ******** is refused" in found["refused"]
    assert 'there is no option "option" (did you mean "options"? known: ' in found["unknown option"]
    assert "adapter" in found["no adapter"]
    for secret in (SECRET, TOKEN, "wr0ng-token is"):
        assert secret not in json.dumps(played.results) + played.screen
    assert "no part of the result" not in played.screen
