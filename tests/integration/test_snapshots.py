# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dataset is written as it is, and compared with what it has become, by tasks."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from conftest import Play

SECRET = "hunter2-in-snapshots"
MODELS = {
    "site": {"identifiers": ["name"], "children": ["device"]},
    "device": {"identifiers": ["name"], "attributes": {"mac": {"type": "str", "compare": "mac"}, "pin": "secret"}},
}
NETWORK = """
    from ipaddress import ip_address, IPv4Address
    from pathlib import Path

    from dsync import DSync, DSyncModel


    class Host(DSyncModel):
        _modelname = "host"
        _identifiers = ("name",)
        _attributes = ("address",)
        name: str
        address: IPv4Address


    class Network(DSync):
        host = Host
        top_level = ["host"]

        def __init__(self, path):
            super().__init__("network")
            self.path = Path(path)

        def load(self):
            for line in self.path.read_text().splitlines():
                name, address = line.split()
                self.add(Host(name=name, address=address))
"""


def records(mac: str, pin: str = SECRET) -> dict[str, Any]:
    """Return a dataset of one device at one site."""
    return {
        "adapter": "memory",
        "options": {"records": {"site": [{"name": "a"}], "device": [{"name": "d", "site": "a", "mac": mac, "pin": pin}]}},
        "mapping": {"device": {"parent": {"name": "site"}}},
    }


def test_records_are_compared_with_what_they_were(play: Play, tmp_path: Path) -> None:
    path = str(tmp_path / "kept.snapshot")
    kept = {"adapter": "snapshot", "options": {"path": path}}
    export = {"models": MODELS, **records("aa:bb:cc:00:11:22"), "path": path, "format": "snapshot"}
    models = {"models": MODELS}
    other = records("aa:bb:cc:00:11:33", "another")
    tasks: list[dict[str, Any]] = [
        {"name": "dry", "dsync.core.dsync_export": export, "check_mode": True},
        {"name": "partial", "dsync.core.dsync_export": {**export, "only_models": ["site"]}, "ignore_errors": True},
        {"name": "keep", "dsync.core.dsync_export": export},
        {"name": "again", "dsync.core.dsync_export": export, "ignore_errors": True},
        {"name": "same", "dsync.core.dsync_diff": {**models, "source": records("AABB.CC00.1122", "another"), "target": kept}},
        {"name": "drift", "dsync.core.dsync_diff": {**models, "source": other, "target": kept}},
        {"name": "change", "dsync.core.dsync_sync": {**models, "source": other, "target": kept}, "ignore_errors": True},
        {"name": "restore", "dsync.core.dsync_sync": {**models, "source": kept, "target": other}},
        {"name": "read", "dsync.core.dsync_info": {**kept}},
    ]
    played = play(tasks)
    assert (played.result("dry")["exported"], played.result("dry")["changed"]) == (
        {"counts": {"device": 1, "site": 1}, "total": 2},
        True,
    )
    assert "a snapshot holds a whole dataset" in played.result("partial")["msg"]
    assert played.result("keep")["left_out"] == {"device": ["pin"]}
    assert "exists already and is not overwritten" in played.result("again")["msg"]
    assert not played.result("same")["changed"]
    assert [change["after"] for change in played.result("drift")["changes"]] == [{"mac": "aa:bb:cc:00:11:33"}]
    assert "a snapshot is only read" in played.result("change")["msg"]
    target = played.result("restore")["target"]["records"]["device"]
    assert target == [{"name": "d", "site": "a", "mac": "aa:bb:cc:00:11:22", "pin": "********"}]
    assert [one["id"] for one in played.result("read")["objects"]] == ["a", "d"]
    assert SECRET not in Path(path).read_text() + played.screen


def test_a_class_is_compared_with_what_it_loaded_before(play: Play, tmp_path: Path) -> None:
    (tmp_path / "network.py").write_text(dedent(NETWORK))
    (tmp_path / "before").write_text("r1 10.0.0.1\nr2 10.0.0.2\n")
    (tmp_path / "after").write_text("r1 10.0.0.1\nr2 10.0.0.3\n")
    adapter = f"{tmp_path}/network.py:Network"
    before, after = ({"adapter": adapter, "options": {"path": str(tmp_path / name)}} for name in ("before", "after"))
    kept = [{"adapter": "snapshot", "options": {"path": str(tmp_path / f"{name}.snapshot")}} for name in ("before", "after")]
    tasks: list[dict[str, Any]] = [
        {"name": f"keep {at}", "dsync.core.dsync_export": {**side, "format": "snapshot", "path": kept[at]["options"]["path"]}}
        for at, side in enumerate((before, after))
    ]
    tasks += [
        {"name": "same", "dsync.core.dsync_diff": {"source": before, "target": kept[0]}},
        {"name": "drift", "dsync.core.dsync_diff": {"source": after, "target": kept[0]}},
        {"name": "offline", "dsync.core.dsync_diff": {"source": kept[1], "target": kept[0]}},
    ]
    played = play(tasks).ok()
    assert not played.result("same")["changed"]
    for name in ("drift", "offline"):
        assert [(one["id"], one["after"]) for one in played.result(name)["changes"]] == [("r2", {"address": "10.0.0.3"})]
