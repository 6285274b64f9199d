# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dsync_plan_info shows a plan file to a person, checks its approval, and feeds the filters; it shows nothing secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync, DSyncModel, Plan
from ansible_collections.dsync.core.plugins.module_utils.dsync.plan.undo import undo_plan
from ansible_collections.dsync.core.plugins.module_utils.dsync.storage.plan_file import save
from conftest import Play

PASSWORD = "pl4nted-p4ssword"
LINES = "{{ [planned] + (whole | dsync.core.report('text')).splitlines() + [approve] }}"
COUNTS = "{{ whole | dsync.core.counts }}"
WRONG = f"sha256:{64 * '0'}"


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role", "password")
    _sensitive = ("password",)
    name: str
    role: str
    password: str = PASSWORD


class Devices(DSync):
    device = Device
    top_level = ["device"]


def saved(folder: Path) -> tuple[Path, Path, str]:
    """Write a plan of 600 changes and the plan that reverses it; return both paths and the digest of the first."""
    source, target = Devices("truth"), Devices("cmdb")
    for number in range(599):
        source.add(Device(name=f"r{number:03}", role="router"))
    target.add(Device(name="r000", role="switch", password="an old one"))
    target.add(Device(name="old", role="switch"))
    plan = Plan.from_diff(target.diff_from(source))
    digest = save(plan, folder / "plan", source=source, target=target, flags=["continue_on_failure"], by="ann@desk")
    save(undo_plan(plan), folder / "undo", source=None, target=target, purpose="undo")
    return folder / "plan", folder / "undo", digest


def read(task: str, /, path: Path, **more: Any) -> dict[str, Any]:
    return {"name": task, "dsync.core.dsync_plan_info": {"path": str(path), **more}, "ignore_errors": True}


def test_a_plan_as_a_person_sees_it(play: Play, tmp_path: Path) -> None:
    plan, undo, digest = saved(tmp_path)
    (tmp_path / "changed").write_bytes(plan.read_bytes().replace(b"switch", b"router"))
    before = plan.read_bytes()
    tasks = [
        {**read("whole", plan), "register": "whole", "check_mode": True},
        {
            "name": "filters",
            "ansible.builtin.debug": {"msg": [LINES, COUNTS]},
            "vars": {"planned": "by {{ whole.plan.by }}", "approve": "-e approved={{ whole.plan.digest }}"},
        },
        {
            "name": "deleted",
            "ansible.builtin.debug": {"msg": "{{ whole | dsync.core.changes(action='delete') | map(attribute='id') }}"},
        },
        read("approved", plan, approved=digest, max_changes=2),
        read("undo", undo),
        read("another", plan, approved=WRONG),
        read("changed", tmp_path / "changed"),
        read("absent", tmp_path / "absent"),
    ]
    played = play(tasks, module_defaults={"group/dsync.core.info": {"max_changes": 500}}).ok()
    found = played.result("whole")
    assert found["changed"] is False
    assert found["approved"] is False
    created = found["plan"].pop("created")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    assert found["plan"].pop("dsync")
    assert found["plan"] == {
        "path": str(plan),
        "digest": digest,
        "changes": 600,
        "purpose": "sync",
        "by": "ann@desk",
        "flags": ["continue_on_failure"],
    }
    assert (found["source"]["name"], found["target"]["name"], found["target"]["total"]) == ("truth", "cmdb", None)
    assert {key: found["summary"][key] for key in ("creates", "updates", "deletes")} == {"creates": 598, "updates": 1, "deletes": 1}
    assert len(found["changes"]) + found["changes_truncated"] == 600
    (update,) = (change for change in found["changes"] if change["action"] == "update")
    assert update["before"] == {"role": "switch", "password": "********"}
    assert update["after"] == {"role": "router", "password": "********"}
    lines, counts = played.result("filters")["msg"]
    assert lines[0] == "by ann@desk"
    assert "cmdb compared with truth" in lines[1]
    assert "600 changes: 598 to create, 1 to update, 1 to delete" in "".join(lines)
    assert lines[-1] == f"-e approved={digest}"
    assert counts["total"] == 600
    approved = played.result("approved")
    assert (approved["approved"], len(approved["changes"]), approved["changes_truncated"]) == (True, 2, 598)
    assert (played.result("undo")["plan"]["purpose"], played.result("undo")["source"]["name"]) == ("undo", "undo")
    messages = {task: played.result(task)["msg"] for task in ("another", "changed", "absent")}
    assert messages["another"] == (
        f"reading the plan failed: {plan} on here is not the approved plan: its digest is {digest}, approved is {WRONG}."
    )
    assert "was changed after it was written" in messages["changed"]
    assert messages["absent"] == f"{tmp_path / 'absent'} on here does not exist; dsync_diff writes a plan with plan_dest."
    assert plan.read_bytes() == before
    assert PASSWORD not in json.dumps(played.results) + played.screen
    assert "Traceback" not in played.screen
