# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode returns is what a run does: on generated estates, on both hosts, for both modules."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from conftest import HERE, THERE, Play
from generated import estate, save, side

SEEDS = {HERE: range(3), THERE: range(3, 4)}
CASCADE = "deleted together with its parent"


def tasks(folder: Path, seed: int, host: str) -> list[dict[str, Any]]:
    """Compare, check, run and run again, with one seed's estates."""
    save(folder / f"{seed}.source", estate(random.Random(f"{seed} source"), sites=6))
    save(folder / f"{seed}.{host}.target", estate(random.Random(f"{seed} target"), sites=6))
    target = side(folder / f"{seed}.{host}.target", log=str(folder / f"{seed}.{host}.log"))
    sides = {"source": side(folder / f"{seed}.source"), "target": target, "empty_source": "allow", "limits": {"delete": "100%"}}
    on_host = {"when": f"inventory_hostname == '{host}'"}
    return [
        {"name": f"{seed} diff {host}", "dsync.core.dsync_diff": sides, **on_host},
        {"name": f"{seed} check {host}", "dsync.core.dsync_sync": sides, "check_mode": True, "diff": True, **on_host},
        {"name": f"{seed} run {host}", "dsync.core.dsync_sync": sides, "diff": True, **on_host},
        {"name": f"{seed} again {host}", "dsync.core.dsync_sync": sides, "check_mode": True, **on_host},
    ]


def predicted(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key not in ("status", "message")} for record in result["changes"]]


def test_check_run_and_diff_say_the_same(play: Play, tmp_path: Path) -> None:
    work = [task for host in SEEDS for seed in SEEDS[host] for task in tasks(tmp_path, seed, host)]
    played = play(work, hosts="all", strategy="free").ok()
    changed = 0
    for host, seeds in SEEDS.items():
        for seed in seeds:
            diff, check, run, again = (played.result(f"{seed} {name} {host}", host) for name in ("diff", "check", "run", "again"))
            assert predicted(diff) == predicted(check) == predicted(run)
            assert diff["summary"] == check["summary"] == run["summary"]
            assert check["source"] == run["source"]
            assert check["target"] == run["target"]
            assert check.get("diff") == run.get("diff")
            assert diff["changed"] == check["changed"] == run["changed"] == bool(run["changes"])
            assert {record["status"] for record in check["changes"] + diff["changes"]} <= {"not_attempted"}
            assert {record["status"] for record in run["changes"]} <= {"done"}
            assert (again["changed"], again["changes"]) == (False, [])
            assert again["summary"]["unchanged"] == again["source"]["total"]
            assert_made(tmp_path / f"{seed}.{host}.log", run)
            changed += len(run["changes"])
    assert changed > 100


def assert_made(log: Path, run: dict[str, Any]) -> None:
    """The adapter was asked for exactly the changes that were returned, in their order, and for nothing else."""
    made = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    asked = [record for record in run["changes"] if record["message"] != CASCADE]
    assert [(entry["action"], entry["model"], entry["id"]) for entry in made[:-1]] == [
        (record["action"], record["model"], record["id"]) for record in asked
    ]
    assert [entry["action"] for entry in made[-1:]] == ["sync_complete"] * bool(asked)
    for entry, record in zip(made[:-1], asked, strict=True):
        if record["action"] != "delete":
            assert {**entry["attrs"], **masked(entry["attrs"])} == record["after"]


def masked(attrs: dict[str, Any]) -> dict[str, Any]:
    return {"password": "********"} if attrs.get("password") else {}


@pytest.mark.parametrize(
    "flag", ["skip_unmatched_src", pytest.param("skip_unmatched_dst", marks=pytest.mark.long), "skip_unmatched_both"]
)
def test_flags_leave_things_aside(play: Play, tmp_path: Path, flag: str) -> None:
    sides = {
        "source": side(save(tmp_path / "source", estate(random.Random("flags source"), sites=9))),
        "target": side(save(tmp_path / "target", estate(random.Random("flags target"), sites=9))),
    }
    plain = {"name": "plain", "dsync.core.dsync_diff": sides}
    flagged = {"name": "flagged", "dsync.core.dsync_diff": {**sides, "flags": [flag]}}
    played = play([plain, flagged]).ok()
    actions = {record["action"] for record in played.result("flagged")["changes"]}
    left = {
        "skip_unmatched_src": {"update", "delete"},
        "skip_unmatched_dst": {"create", "update"},
        "skip_unmatched_both": {"update"},
    }
    assert {record["action"] for record in played.result("plain")["changes"]} == {"create", "update", "delete"}
    assert actions == left[flag]
    assert played.result("flagged")["summary"]["skipped"] > 0
