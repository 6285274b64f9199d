# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks with an adapter that was written for DiffSync: the page's first one, both ways round, and what goes wrong."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import THERE, Play

PAGE = (Path(__file__).parents[2] / "docs" / "diffsync.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
MODELS = {"device": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int"}}}
WANTED = {"rtr-1": {"role": "router", "mtu": 9000}, "sw-1": {"role": "switch", "mtu": 1500}}
needs_diffsync = pytest.mark.skipif(sys.version_info >= (3, 14), reason="diffsync has no release for this Python")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def cmdb(folder: Path, name: str = "Cmdb", **more: Any) -> dict[str, Any]:
    return {"adapter": f"cmdb.py:{name}", "options": {"path": str(folder / "cmdb.json")}, **more}


def listed(folder: Path) -> dict[str, Any]:
    return {"adapter": "file", "options": {"path": str(folder / "devices.csv")}}


@needs_diffsync
def test_the_first_task_of_the_page(folder: Path, run_playbook: Any) -> None:
    checked = run_playbook(folder / "drift.yml", "--check", cwd=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for line in ("-  rtr-1  mtu: 1500", "+  rtr-1  mtu: 9000", '+  sw-1  role: "switch"', '-  old-1  role: "switch"'):
        assert line in checked.stdout
    assert (folder / "cmdb.json").read_text() == FILES["cmdb.json"]
    ran = run_playbook(folder / "drift.yml", cwd=folder)
    assert ran.stdout.replace("changed:", "") == checked.stdout.replace("changed:", "")
    assert json.loads((folder / "cmdb.json").read_text()) == WANTED
    assert "changed=0" in run_playbook(folder / "drift.yml", cwd=folder).stdout


@needs_diffsync
def test_the_other_way_round_and_between_two_of_diffsyncs(folder: Path, play: Play) -> None:
    other = {**cmdb(folder), "options": {"path": str(folder / "other.json")}, "name": "other"}
    (folder / "other.json").write_text("{}")
    tasks = [
        {"name": "out", "dsync.core.dsync_sync": {"models": MODELS, "source": cmdb(folder), "target": listed(folder)}},
        {"name": "copy", "dsync.core.dsync_sync": {"source": cmdb(folder), "target": other}},
        {"name": "again", "dsync.core.dsync_sync": {"source": cmdb(folder), "target": other}},
    ]
    played = play(tasks).ok()
    assert (folder / "devices.csv").read_text() == "name,role,mtu\nrtr-1,router,1500\nold-1,switch,1500\n"
    assert json.loads((folder / "other.json").read_text()) == json.loads(FILES["cmdb.json"])
    copied = played.result("copy")
    assert copied["summary"]["creates"] == 2
    assert copied["target"]["name"] == "other"
    assert {change["message"] for change in copied["changes"]} == {"Created successfully"}
    assert not played.result("again")["changed"]


@needs_diffsync
def test_a_saved_plan_is_applied_and_undone(folder: Path, play: Play) -> None:
    (folder / "wanted.json").write_text(json.dumps(WANTED))
    plan, journal = str(folder / "plan.json"), str(folder / "journal.jsonl")
    sides = {"source": {**cmdb(folder), "options": {"path": str(folder / "wanted.json")}}, "target": cmdb(folder)}
    play([{"name": "plan", "dsync.core.dsync_diff": {**sides, "plan": plan}}]).ok()
    assert (folder / "cmdb.json").read_text() == FILES["cmdb.json"]
    play([{"name": "apply", "dsync.core.dsync_sync": {**sides, "plan": plan, "journal": journal, "verify": True}}]).ok()
    assert json.loads((folder / "cmdb.json").read_text()) == WANTED
    play([{"name": "undo", "dsync.core.dsync_sync": {**sides, "undo_journal": journal}}]).ok()
    assert json.loads((folder / "cmdb.json").read_text()) == json.loads(FILES["cmdb.json"])


BROKEN = {
    "load": ('raise RuntimeError("the CMDB is closed")', "load() raised RuntimeError: the CMDB is closed ("),
    "twice": ("self.add(Device(name='a')); self.add(Device(name='a'))", 'has two device objects with the identity "a"'),
}


@needs_diffsync
@pytest.mark.parametrize("broken", BROKEN)
def test_what_goes_wrong_while_loading(broken: str, folder: Path, play: Play) -> None:
    line, sentence = BROKEN[broken]
    with (folder / "cmdb.py").open("a") as file:
        file.write(f"\n\nclass Broken(Cmdb):\n    def load(self):\n        {line}\n")
    played = play([{"name": "it", "dsync.core.dsync_diff": {"source": cmdb(folder), "target": cmdb(folder, "Broken")}}])
    said = played.result("it")["msg"]
    assert said.startswith("target (cmdb.py:Broken): load() ")
    assert sentence in said


HOLDING = """
from diffsync.exceptions import ObjectNotDeleted

class Kept(Device):
    def delete(self):
        raise ObjectNotDeleted(f"{self.name} is in use")

class Holding(Cmdb):
    device = Kept

    def load(self):
        for name, values in self.records.items():
            self.add(Kept(name=name, **values))
"""


@needs_diffsync
def test_a_refused_change_and_wrong_options(folder: Path, play: Play) -> None:
    with (folder / "cmdb.py").open("a") as file:
        file.write(HOLDING)
    sync = {"models": MODELS, "source": listed(folder), "target": cmdb(folder, "Holding"), "flags": ["continue_on_failure"]}
    tasks = [
        {"name": "refused", "dsync.core.dsync_sync": sync, "ignore_errors": True},
        {
            "name": "wrong",
            "dsync.core.dsync_diff": {"source": cmdb(folder), "target": {"adapter": "cmdb.py:Cmdb", "options": {"pth": "x"}}},
            "ignore_errors": True,
        },
        {
            "name": "none",
            "dsync.core.dsync_diff": {"source": cmdb(folder), "target": {"adapter": "cmdb.py:Device"}},
            "ignore_errors": True,
        },
    ]
    played = play(tasks)
    refused = played.result("refused")
    assert refused["changed"]
    assert 'target (cmdb.py:Holding): 1 of 3 changes failed, the first: delete device "old-1": old-1 is in use.' in refused["msg"]
    assert json.loads((folder / "cmdb.json").read_text()) == {**WANTED, "old-1": {"role": "switch", "mtu": 1500}}
    assert 'Cmdb takes no option pth (did you mean "path"? known: path, name).' in played.result("wrong")["msg"]
    assert "which is a class that inherits from dsync.DSync or from diffsync.Adapter (known: " in played.result("none")["msg"]


def test_without_the_package_ansibles_own_sentence_says_so(folder: Path, play: Play) -> None:
    task = {"name": "it", "dsync.core.dsync_diff": {"source": cmdb(folder), "target": cmdb(folder)}}
    played = play([task], hosts=THERE)
    said = played.result("it", THERE)["msg"]
    assert re.match(r"Failed to import the required Python library \(diffsync\) on .*'s Python \S+\. ", said), said
    assert "cmdb.py is written for it" in said
