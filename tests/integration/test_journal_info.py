# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dsync_journal_info reports what an interrupted run did, and nothing secret."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync, DSyncModel, Outcome, OutcomeStatus, Plan
from ansible_collections.dsync.core.plugins.module_utils.dsync.storage.journal import Journal
from conftest import Play

COUNTS = {
    "total": "{{ (journal | dsync.core.counts).total }}",
    "maybe": "{{ (journal | dsync.core.counts).by_status.maybe }}",
    "ids": "{{ journal | dsync.core.changes(status='maybe') | map(attribute='id') }}",
}
PASSWORD = "pl4nted-p4ssword"


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("password", "note")
    _sensitive = ("password",)
    name: str
    password: str = PASSWORD
    note: str = ""


class Sites(DSync):
    site = Site
    top_level = ["site"]


def broken_off(path: Path, sites: int, note: str = "") -> str:
    """Write the journal of a run that made one change, was in the middle of a second, and had some left; return its id."""
    source, target = Sites("truth"), Sites("cmdb")
    for number in range(sites):
        source.add(Site(name=f"s{number:04}", note=note))
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(path, plan, source=source, target=target) as journal:
        first, second, *_others = plan
        journal.intend(first)
        journal.record(Outcome(first, OutcomeStatus.DONE))
        journal.intend(second)
    return journal.run


def test_what_was_done_may_have_been_and_was_not(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first, last = broken_off(path, 3), broken_off(path, 900, note="n" * 500)
    (tmp_path / "other").write_text("no journal\n")
    tasks = [
        {"name": "last", "dsync.core.dsync_journal_info": {"path": str(path)}, "register": "journal"},
        {"name": "counts", "ansible.builtin.debug": {"msg": COUNTS}},
        {
            "name": "chosen",
            "dsync.core.dsync_journal_info": {"path": str(path), "run": first, "max_changes": 2},
            "check_mode": True,
        },
        *(
            {"name": name, "dsync.core.dsync_journal_info": arguments, "ignore_errors": True}
            for name, arguments in {
                "unknown run": {"path": str(path), "run": "nobody"},
                "no journal": {"path": str(tmp_path / "other")},
                "absent": {"path": str(tmp_path / "absent")},
                "negative": {"path": str(path), "max_changes": -1},
            }.items()
        ),
    ]
    played = play(tasks).ok()
    found = played.result("last")
    assert [run["run"] for run in found["runs"]] == [first, last]
    assert found["run"]["run"] == last
    assert (found["run"]["ended"], found["run"]["purpose"], found["run"]["target"]) == (False, "sync", "cmdb")
    assert found["run"]["outcomes"] == {
        "done": 1, "maybe": 1, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 898,
    }  # fmt: skip
    assert found["outcomes"] == found["run"]["outcomes"]
    assert (found["summary"]["creates"], found["summary"]["by_model"]["site"]["creates"]) == (900, 900)
    assert played.result("counts")["msg"] == {"total": 900, "maybe": 1, "ids": ["s0001"]}
    assert [record["status"] for record in found["changes"][:3]] == ["done", "maybe", "not_attempted"]
    assert len(found["changes"]) < 300
    assert len(found["changes"]) + found["changes_truncated"] == 900
    chosen = played.result("chosen")
    assert [(record["id"], record["status"]) for record in chosen["changes"]] == [("s0000", "done"), ("s0001", "maybe")]
    assert chosen["changes_truncated"] == 1
    assert chosen["changes"][0]["after"] == {"password": "********", "note": ""}
    messages = {name: played.result(name)["msg"] for name in ("unknown run", "no journal", "absent", "negative")}
    reading = "reading the journal failed:"
    assert messages == {
        "unknown run": f"{path} on here contains no run nobody.",
        "no journal": f"{reading} {tmp_path / 'other'} on here cannot be used as a journal: it is not a journal of dsync.",
        "absent": f"{tmp_path / 'absent'} on here does not exist; dsync_sync writes a journal with journal.",
        "negative": "max_changes is -1; it should be 0 or more.",
    }
    assert PASSWORD not in played.screen
    assert "Traceback" not in played.screen
