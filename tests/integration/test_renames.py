# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renames in real playbooks: a device that is found by its serial number keeps its record, and what is ambiguous is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conftest import Play
from test_results import task

MODELS = {
    "device": {"identifiers": ["name"], "attributes": {"serial": "str"}, "match": ["serial"], "children": ["port"]},
    "port": {"identifiers": ["device", "name"], "attributes": {"speed": "int"}},
}
MAPPING = {
    "device": {"from": "devices"},
    "port": {"from": "devices.*.ports", "fields": {"device": {"parent": "name"}}},
}


def devices(path: Path, *named: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Write a file of devices, each with a port, and return the side of a task that reads it."""
    ports = [{"name": "p1", "speed": 1}]
    path.write_text(json.dumps({"devices": [{"name": name, "serial": serial, "ports": ports, **more} for name, serial in named]}))
    return {"adapter": "file", "options": {"path": str(path)}, "mapping": MAPPING}


def test_a_device_is_renamed_where_it_is(play: Play, tmp_path: Path) -> None:
    target = devices(tmp_path / "cmdb.json", ("sw-1", "A"), ("sw-3", "C"), note="kept")
    sides = {"models": MODELS, "source": devices(tmp_path / "truth.json", ("sw-2", "A"), ("sw-3", "C")), "target": target}
    doubled = {**sides, "source": devices(tmp_path / "doubled.json", ("sw-8", "A"), ("sw-9", "A"))}
    played = play(
        [
            task("refused", "dsync_sync", doubled, ignore_errors=True),
            task("check", "dsync_sync", sides, check_mode=True, diff=True),
            task("excluded", "dsync_sync", {**sides, "exclude": [{"model": "device", "id": "sw-1"}]}),
            task("sync", "dsync_sync", sides),
            task("again", "dsync_sync", sides),
        ]
    ).ok()
    assert 'the device objects "sw-8" and "sw-9" of ' in played.result("refused")["msg"]
    assert not played.result("excluded")["changed"]
    for name in ("check", "sync"):
        result = played.result(name)
        assert {key: number for key, number in result["summary"].items() if key != "by_model" and number} == {
            "moves": 2,
            "unchanged": 2,
            "move": 2,
            "no_change": 2,
        }
        assert [(change["action"], change["from"]["id"], change["to"]["id"]) for change in result["changes"]] == [
            ("move", "sw-1", "sw-2"),
            ("move", "sw-1__p1", "sw-2__p1"),
        ]
    assert not played.result("again")["changed"]
    written = json.loads((tmp_path / "cmdb.json").read_text())["devices"]
    assert [(device["name"], device["note"]) for device in written] == [("sw-2", "kept"), ("sw-3", "kept")]
