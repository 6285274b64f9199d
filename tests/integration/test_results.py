# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules return and show: changes, failures, differences, sizes, and no secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import HERE, THERE, Play
from generated import save, side, site

ROOT = Path(__file__).parents[2]
KEYS = {"outcomes", "refusals", "changed", "summary", "models", "changes", "changes_truncated", "failures", "source", "target"}
RECORD = {"action", "model", "id", "ids", "parent", "before", "after", "status", "message"}
PASSWORD, TOKEN, PIN = "correct horse battery", "tok-4711-secret", 82736455


def both(tmp_path: Path, old: list[Any], new: list[Any], **options: Any) -> dict[str, Any]:
    """Return the two sides of a task whose target is to become from old to new."""
    source = side(save(tmp_path / "source.json", new))
    return {"source": source, "target": side(save(tmp_path / "target.json", old), log=str(tmp_path / "log"), **options)}


def calls(tmp_path: Path) -> list[str]:
    """What the target's adapter was asked to do."""
    log = tmp_path / "log"
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [" ".join(filter(None, (entry["action"], entry.get("id")))) for entry in entries]


def task(name: str, module: str, arguments: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"name": name, f"dsync.core.{module}": arguments, **keywords}


def test_returned_values(play: Play, tmp_path: Path) -> None:
    old = [site("same"), site("gone", note="bye"), site("other", size=1, note="kept")]
    rack = {"model": "rack", "parent": ["site", "same"], "fields": {"site": "same", "name": "r1", "note": ["x"]}}
    sides = both(tmp_path, old, [site("same"), rack, site("other", size=2, note="kept")])
    sides["source"]["name"] = "the truth"
    played = play([task("sync", "dsync_sync", sides)]).ok()
    result = played.result("sync")
    assert set(result) - {"_ansible_no_log", "failed", "invocation"} == KEYS
    assert result["changed"] is True
    numbers = {"creates": 1, "updates": 1, "moves": 0, "deletes": 1, "unchanged": 1, "skipped": 0}
    none = {"creates": 0, "updates": 0, "moves": 0, "deletes": 0, "unchanged": 0, "skipped": 0}
    by_model = {"site": {**none, "updates": 1, "moves": 0, "deletes": 1, "unchanged": 1}, "rack": {**none, "creates": 1}}
    actions = {"create": 1, "update": 1, "move": 0, "delete": 1, "no_change": 1, "skip": 0}
    assert {key: value for key, value in result["summary"].items() if key != "by_model"} == {**numbers, **actions}
    assert {model: counts for model, counts in result["summary"]["by_model"].items() if counts != none} == by_model
    assert result["source"] == {
        "name": "the truth",
        "adapter": sides["source"]["adapter"],
        "counts": {"rack": 1, "site": 2},
        "total": 3,
    }
    assert result["target"] == {"name": "Tree", "adapter": sides["target"]["adapter"], "counts": {"site": 3}, "total": 3}
    assert (result["changes_truncated"], result["failures"]) == (0, [])
    ended = {"status": "done", "message": ""}
    attributes = {"size": None, "tags": [], "password": None}
    site_of = {"model": "site", "parent": None, **ended}
    created = {
        "action": "create",
        "model": "rack",
        "id": "same__r1",
        "ids": {"site": "same", "name": "r1"},
        "parent": {"model": "site", "id": "same"},
        "before": None,
        "after": {"note": ["x"], **attributes},
        **ended,
    }
    assert sorted(result["changes"], key=lambda record: record["action"]) == [
        created,
        {
            "action": "delete",
            "id": "gone",
            "ids": {"name": "gone"},
            "before": {"note": "bye", **attributes},
            "after": None,
            **site_of,
        },
        {"action": "update", "id": "other", "ids": {"name": "other"}, "before": {"size": 1}, "after": {"size": 2}, **site_of},
    ]


def test_changed_diff_and_handlers(play: Play, tmp_path: Path) -> None:
    sides = both(tmp_path, [site("a", note="old\nlines"), site("b")], [site("a", note="new\nlines"), site("c")])
    handlers = [task(f"after {name}", "dsync_diff", sides) for name in ("drift", "repair", "calm")]
    tasks = [
        task("drift", "dsync_diff", sides, notify="after drift"),
        task("check", "dsync_sync", sides, check_mode=True),
        task("repair", "dsync_sync", sides, notify="after repair"),
        task("calm", "dsync_diff", sides, notify="after calm"),
        task("idle", "dsync_sync", sides),
    ]
    played = play(tasks, "--diff", handlers=handlers).ok()
    changed = {name: played.result(name)["changed"] for name in ("drift", "check", "repair", "calm", "idle")}
    assert changed == {"drift": True, "check": True, "repair": True, "calm": False, "idle": False}
    assert set(played.results) == {*changed, "after drift", "after repair"}
    assert calls(tmp_path)[-1:] == ["sync_complete"]
    assert len(calls(tmp_path)) == 4
    drift = played.result("drift")["diff"]
    assert drift == played.result("check")["diff"] == played.result("repair")["diff"]
    for line in ("--- before: Tree as it is", "+++ after: Tree as Tree has it", "-  a  note: | old", "+  a  note: | new"):
        assert played.screen.count(f"\n{line}\n") == 3, played.screen


OF_ANSIBLE = {"_ansible_no_log", "changed", "diff", "failed", "invocation", "warnings"}
OF_A_PATH = {"uid", "gid", "owner", "group", "mode", "state", "size"}
"""What Ansible adds to any result, and to one with a ``path``."""


def returned(module: str) -> dict[str, Any]:
    """Return what the documentation of a module says that it returns."""
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    return yaml.safe_load(text.partition('RETURN = r"""')[2].partition('"""')[0])


def undocumented(result: dict[str, Any], documented: dict[str, Any], place: str = "") -> list[str]:
    """Return the places of values in a result that its documentation does not have."""
    found = [f"{place}{name}" for name in result if name not in documented]
    for name, value in result.items():
        below = documented.get(name, {}).get("contains")
        for one in value if isinstance(value, list) else [value]:
            if below and isinstance(one, dict):
                found += undocumented(one, below, f"{place}{name}.")
    return found


def test_every_value_that_is_returned_is_documented(play: Play, tmp_path: Path) -> None:
    """C5: `target.records` was in no documentation, as whatever a module returns beyond the plain comparison might be."""
    models = {"device": {"identifiers": ["name"], "attributes": {"role": "str"}, "match": ["role"]}}
    records = [{"name": f"d{number}", "role": f"r{number}"} for number in range(4)]
    renamed = [{**records[0], "name": "e0"}, *records[1:3], {"name": "new", "role": "r9"}]
    sides = {"source": {"adapter": "memory", "options": {"records": renamed}}, "target": {"adapter": "file", "options": {}}}
    sides["target"]["options"] = {"path": str(tmp_path / "t.csv")}
    (tmp_path / "t.csv").write_text("name,role\n" + "".join(f"{one['name']},{one['role']}\n" for one in records))
    memory = {"models": models, "source": sides["source"], "target": {"adapter": "memory", "options": {"records": records}}}
    kept = {name: str(tmp_path / name) for name in ("journal", "undo", "baseline", "lock")}
    report = [str(tmp_path / "report.md")]
    work = {"models": models, **sides}
    tasks = [
        task("dsync_diff", "dsync_diff", {**work, "plan_dest": str(tmp_path / "plan"), "reports": report}),
        task("dsync_plan_info", "dsync_plan_info", {"path": str(tmp_path / "plan")}),
        task("dsync_sync", "dsync_sync", {**work, **kept, "max_shrink": "50%", "verify": True, "reports": report}),
        task("dsync_journal_info", "dsync_journal_info", {"path": kept["journal"]}),
        task("dsync_info", "dsync_info", {"models": models, **sides["target"]}),
        task("dsync_export", "dsync_export", {"models": models, **sides["source"], "path": str(tmp_path / "x.yml")}),
        task("dsync_sync of memory", "dsync_sync", memory),
    ]
    played = play(tasks, "--diff").ok()
    for one in tasks:
        documented = returned(one["name"].partition(" ")[0])
        assert set(undocumented(played.result(one["name"]), documented)) <= OF_ANSIBLE | OF_A_PATH
    assert played.result("dsync_sync of memory")["target"]["records"] == renamed
    assert {"plan", "reports"} <= played.result("dsync_diff").keys()
    assert {"journal", "undo", "verified"} <= played.result("dsync_sync").keys()


def test_a_comparison_can_be_kept_from_reporting_a_change(play: Play, tmp_path: Path) -> None:
    """C6: Ansible shows differences of a changed task only. With `changed_when: false` it stays ok, and `drift` tells the rest."""
    sides = {**both(tmp_path, [site("kept", note="old")], [site("kept", note="new")]), "protect": [{"id": "kept"}]}
    tasks = [task("shown", "dsync_diff", sides), task("silent", "dsync_diff", sides, changed_when=False)]
    played = play(tasks, "--diff").ok()
    assert [(played.result(name)["changed"], played.result(name)["drift"]) for name in ("shown", "silent")] == [
        (True, False),
        (False, False),
    ]
    assert played.screen.count("\n+++ after: ") == 1


def test_without_diff_there_is_no_diff(play: Play, tmp_path: Path) -> None:
    played = play([task("drift", "dsync_diff", both(tmp_path, [site("a")], []))]).ok()
    assert "diff" not in played.result("drift")


def test_drift_is_distinguished_from_failure_and_fits_on_a_screen(play: Play, tmp_path: Path) -> None:
    sides = both(tmp_path, [site("a"), site("b")], [site("a", size=1), site("c"), site("d")])
    (tmp_path / "many").mkdir()
    many = both(
        tmp_path / "many", [site(f"kept-{number}") for number in range(50)], [site(f"new-{number}") for number in range(600)]
    )
    protect = [{"action": "delete"}]
    broken = {**sides, "target": {**sides["target"], "adapter": "absent.py:Tree"}}
    tasks = [
        task("drift", "dsync_diff", {**sides, "fail_on_drift": True}, ignore_errors=True),
        task("repair", "dsync_sync", sides),
        task("calm", "dsync_diff", {**sides, "fail_on_drift": True}),
        task("much", "dsync_diff", {**many, "protect": protect, "fail_on_drift": True}, ignore_errors=True),
        task("refused", "dsync_sync", {**many, "protect": protect, "limits": {"create": 10}}, ignore_errors=True),
        task("all of it", "dsync_diff", {**many, "protect": protect}),
        task("broken", "dsync_diff", {**broken, "fail_on_drift": True}, ignore_errors=True),
    ]
    played = play(tasks).ok()
    much = played.result("much")
    assert (much["msg"], much["drift"]) == ("Drift: 600 to create.", True)
    assert 0 < len(much["changes"]) < 20
    assert len(much["changes"]) + much["changes_truncated"] == 650
    assert 0 < len(much["failures"]) < 20
    refused = played.result("refused")
    assert len(refused["changes"]) + refused["changes_truncated"] == 650
    for said in ("Drift: 600", "limits.create: 10 is exceeded"):
        assert 0 < max(len(line) for line in played.screen.splitlines() if said in line) < 6000
    assert len(played.result("all of it")["changes"]) > 300
    assert played.result("all of it")["drift"]
    assert "drift" not in played.result("broken")
    drift = played.result("drift")
    assert drift["drift"]
    assert drift["failed"]
    assert drift["changed"]
    assert drift["msg"] == "Drift: 2 to create, 1 to update, 1 to delete."
    assert set(drift) >= KEYS
    assert len(drift["changes"]) == 4
    assert played.result("calm")["drift"] is False
    assert not played.result("calm")["failed"]
    assert not played.result("calm")["changed"]


@pytest.mark.parametrize("goes_on", [False, True])
def test_failures(play: Play, tmp_path: Path, goes_on: bool) -> None:
    racks = [{"model": "rack", "parent": ["site", "bad"], "fields": {"site": "bad", "name": name}} for name in "xy"]
    new = [site("a"), site("bad", password=PASSWORD), *racks, site("b"), site("none"), site("exit")]
    failing = {"bad": "value error", "none": "none", "exit": "exit"}
    sides = both(tmp_path, [], new, failing=failing)
    sides["target"]["secrets"] = {"token": "{{ hidden }}"}
    flags = ["continue_on_failure"] if goes_on else []
    played = play(
        [task("sync", "dsync_sync", {**sides, "flags": flags})], "-e", f"hidden={TOKEN}", env={"ANSIBLE_DISPLAY_TRACEBACK": "error"}
    )
    result = played.result("sync")
    assert played.returncode == 2
    assert result["failed"]
    assert result["changed"]
    assert set(result) >= KEYS
    ends = {record["id"]: record["status"] for record in result["changes"]}
    if goes_on:
        assert '3 of 7 changes failed, the first: create site "bad": ValueError' in result["msg"]
        assert "2 that depend on them were not attempted" in result["msg"]
        left = {"b": "done", "none": "failed", "exit": "failed"}
    else:
        assert "1 of 7 changes failed" in result["msg"]
        assert "The run stopped there with 5 not attempted; set the flag continue_on_failure to continue." in result["msg"]
        left = {"b": "not_attempted", "none": "not_attempted", "exit": "not_attempted"}
    racks_left = {"bad__x": "not_attempted", "bad__y": "not_attempted"}
    assert ends == {"a": "done", "bad": "failed", **racks_left, **left}
    assert result["failures"] == [record for record in result["changes"] if record["status"] == "failed"]
    assert all(set(record) == RECORD and record["message"] for record in result["failures"])
    assert calls(tmp_path) == ["create a", *(["create b"] if goes_on else []), "sync_complete"]
    assert "ValueError" in json.dumps(result["exception"])
    assert "Traceback" in played.screen
    assert PASSWORD not in played.screen + json.dumps(result)
    assert TOKEN not in played.screen + json.dumps(result)


def test_refused_changes_fail_the_task_and_protected_ones_do_not(play: Play) -> None:
    reference = {"ref": "device", "type": "str | None"}
    models = {"device": {"identifiers": ["name"], "attributes": {"above": reference, "note": "str"}}}

    def records(**above: str | None) -> dict[str, Any]:
        found = [{"name": name, "above": device, "note": "new"} for name, device in above.items()]
        return {"adapter": "memory", "options": {"records": [{"name": "old", "above": None, "note": "new"}, *found]}}

    target = {"adapter": "memory", "options": {"records": [{"name": "old", "above": None, "note": "old"}]}}
    arguments = {"models": models, "target": target, "flags": ["continue_on_failure"], "protect": [{"id": "old"}]}
    tasks = [
        task("refused", "dsync_sync", {**arguments, "source": records(a=None, b="ghost", c="b", d="ghost")}, ignore_errors=True),
        task("protected", "dsync_sync", {**arguments, "source": records(a=None)}),
    ]
    played = play(tasks).ok()
    refused, protected = played.result("refused"), played.result("protected")
    assert refused["outcomes"] == {"done": 1, "already_done": 0, "failed": 0, "refused": 3, "not_attempted": 1}
    assert refused["failed"]
    assert refused["changed"]
    for part in (
        '2 of 5 changes were refused, the first: create device "b": ',
        "ghost",
        'The next: create device "d".',
        "1 that depend on them were not attempted. 1 of 5 changes were made.",
    ):
        assert part in refused["msg"]
    assert not protected["failed"]
    assert protected["outcomes"] == {"done": 1, "already_done": 0, "failed": 0, "refused": 1, "not_attempted": 0}


def test_what_ends_a_run(play: Play, tmp_path: Path) -> None:
    """An interruption and a sync_complete that fails leave the whole report, and one sentence."""
    sides = both(tmp_path, [], [site("a"), site("stop"), site("b")], failing={"stop": "interrupt"})
    folder = tmp_path / "complete"
    folder.mkdir()
    complete = both(folder, [], [site("a")], failing={"sync_complete": "raise"})
    complete["target"]["secrets"] = {"token": TOKEN}
    flags = ["continue_on_failure"]
    tasks = [
        task("interrupted", "dsync_sync", {**sides, "flags": flags}, ignore_errors=True),
        task("incomplete", "dsync_sync", complete, ignore_errors=True),
    ]
    played = play(tasks).ok()
    interrupted, incomplete = played.result("interrupted"), played.result("incomplete")
    assert [record["status"] for record in interrupted["changes"]] == ["done", "failed", "not_attempted"]
    assert interrupted["msg"].endswith("The run was interrupted. 1 changes were not attempted. 1 of 3 changes were made.")
    assert incomplete["changed"]
    assert [record["status"] for record in incomplete["changes"]] == ["done"]
    assert "sync_complete() failed: OSError: disk full, ********" in incomplete["msg"]
    assert "Traceback" not in played.screen


def test_the_result_stays_small_whatever_the_values(play: Play, tmp_path: Path) -> None:
    many = [site(f"s{number}", note="☃" * 700) for number in range(3000)]
    large = [site(f"l{number}", note="x" * 3_000_000) for number in range(3)]
    failing = {f"s{number}": "raise" for number in range(1000, 3000)}
    (tmp_path / "large").mkdir()
    sides = both(tmp_path, [], many)
    tasks = [
        task("few", "dsync_diff", {**sides, "max_changes": 7}),
        task("none", "dsync_diff", {**sides, "max_changes": 0}),
        task("large", "dsync_diff", both(tmp_path / "large", [], large)),
        task(
            "many",
            "dsync_sync",
            {**both(tmp_path, [], many, failing=failing), "max_changes": 3000, "flags": ["continue_on_failure"]},
        ),
    ]
    played = play(tasks, "--diff")
    results = {each["name"]: played.result(each["name"]) for each in tasks}
    for result in results.values():
        assert len(json.dumps(result)) < 500_000
        total = sum(result["summary"][action] for action in ("creates", "updates", "deletes"))
        assert len(result["changes"]) + result["changes_truncated"] == total
    assert 0 < len(results["many"]["changes"]) < 3000
    assert 0 < len(results["many"]["failures"]) < 2000
    assert "2000 of 3000 changes failed" in results["many"]["msg"]
    assert (len(results["few"]["changes"]), results["few"]["changes_truncated"]) == (7, 2993)
    assert (len(results["none"]["changes"]), results["none"]["changes_truncated"]) == (0, 3000)
    assert len(results["large"]["changes"]) == 3
    assert results["large"]["changes"][0]["after"]["note"].endswith("(the first 2000 of 3000000 characters)")


@pytest.mark.long
def test_a_hundred_thousand_objects(play: Play, tmp_path: Path) -> None:
    racks = [{"model": "rack", "parent": ["site", "s"], "fields": {"site": "s", "name": str(number)}} for number in range(99_999)]
    sides = both(tmp_path, [], [site("s"), *racks])
    played = play([task("sync", "dsync_sync", sides)], "--diff").ok()
    result = played.result("sync")
    assert result["summary"]["creates"] == 100_000
    assert result["source"]["total"] == 100_000
    assert (len(result["changes"]), result["changes_truncated"]) == (500, 99_500)
    assert len(json.dumps(result)) < 500_000
    assert len(calls(tmp_path)) == 100_001


@pytest.mark.parametrize("host", [HERE, THERE])
def test_no_secret_is_ever_shown(play: Play, tmp_path: Path, host: str) -> None:
    """Sensitive fields and secrets, as they are and nested, neither in any output at -vvv nor in any result."""
    old = [site("a", password="old " + PASSWORD), site("b", note=f"note with {TOKEN}")]
    new = [site("a", password=PASSWORD), site("b", note=f"other note with {TOKEN} and {PIN}", size=PIN)]
    sides = both(tmp_path, old, new, failing={"a": "value error"})
    sides["target"]["secrets"] = {"token": "{{ hidden }}"}
    hidden = tmp_path / "hidden.json"
    hidden.write_text(json.dumps({"hidden": {"deep": [{"er": TOKEN}, PIN]}}))
    tasks = [
        task("diff", "dsync_diff", sides),
        task("run", "dsync_sync", {**sides, "flags": ["continue_on_failure"]}, ignore_errors=True),
    ]
    everything_on = {"ANSIBLE_DISPLAY_TRACEBACK": "always", "ANSIBLE_INJECT_INVOCATION": "true"}
    played = play(tasks, "-vvv", "--diff", "-e", f"@{hidden}", hosts=host, env=everything_on).ok()
    everything = played.screen + json.dumps(played.results)
    for secret in (PASSWORD, TOKEN, str(PIN)):
        assert secret not in everything
    run = played.result("run", host)
    assert run["invocation"]["module_args"]["target"]["secrets"] == {"token": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}
    assert run["invocation"]["module_args"]["target"]["options"]["path"] == sides["target"]["options"]["path"]
    assert '"_bundle"' not in everything
    assert [record["status"] for record in run["changes"]] == ["failed", "done"]
    assert run["changes"][0]["after"] == {"password": "********"}
    assert "********" in run["changes"][1]["after"]["note"]
