# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused, skipped or waited for before the first write: limits, sources that lack objects, protection, scope, locks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from conftest import Play
from generated import Entry, save, side, site
from test_plans import REFUSED, content, refusal, scene, statuses
from test_results import calls, task

PATIENCE = 60
"""Seconds that a test waits for something that takes far less."""


def tag(name: str, **attributes: Any) -> Entry:
    return {**site(name, **attributes), "model": "tag"}


# ---------------------------------------------------------------------- limits


def test_limits(play: Play, tmp_path: Path) -> None:
    """A refusal is announced by a comparison, and names the limit, the number and the first objects."""
    old = [site(f"s{number}", note=1) for number in range(10)] + [tag("t0"), tag("t1")]
    new = [site(f"s{number}", note=2) for number in range(4)] + [site("new"), tag("t1")]
    sides = scene(tmp_path / "work", old, new)
    target = tmp_path / "work" / "target.json"
    untouched = content(target)
    named = 'site "s4", site "s5", site "s6", site "s7", site "s8", …'
    over = {
        "number": ({"delete": 6}, f"limits.delete: 6 is exceeded: 7 to delete ({named})"),
        "percentage": ({"delete": "50 %"}, f"limits.delete: 50% is exceeded: 7 to delete, 58.3% of 12 ({named})"),
        "model": ({"delete": 7, "site": {"delete": 5}}, f"limits.site.delete: 5 is exceeded: 6 to delete ({named})"),
        "create": ({"create": 0, "delete": "100%"}, 'limits.create: 0 is exceeded: 1 to create (site "new")'),
    }
    tasks = [task(name, "dsync_sync", {**sides, "limits": limits}, ignore_errors=True) for name, (limits, _said) in over.items()]
    two = {**sides, "limits": {"create": 0, "delete": "100%", "site": {"update": "10%"}}}
    wrong = {
        "misspelt": (
            {"delte": 1},
            "limits: unknown action or model 'delte' (did you mean \"delete\"? known: create, update, move, delete",
        ),
        "no limit": (
            {"site": {"delete": "many"}},
            "limits.site.delete: expected a number or a percentage such as 10%, not 'many'.",
        ),
    }
    tasks += [task(name, "dsync_sync", {**sides, "limits": limits}, ignore_errors=True) for name, (limits, _said) in wrong.items()]
    played = play(
        [
            *tasks,
            task("diff", "dsync_diff", two),
            task("check", "dsync_sync", two, check_mode=True, ignore_errors=True),
            task("drift", "dsync_diff", {**two, "fail_on_drift": True}, ignore_errors=True),
        ]
    ).ok()
    assert content(target) == untouched
    assert calls(tmp_path / "work") == []
    for name, (_limits, said) in over.items():
        assert refusal(played, name).endswith(f"{REFUSED}{said}.")
        assert played.result(name)["refusals"] == [said]
        assert set(statuses(played.result(name)).values()) == {"not_attempted"}
    for name, (_limits, said) in wrong.items():
        assert refusal(played, name).startswith(said)
    for name in ("diff", "check", "drift"):
        result = played.result(name)
        assert [said.partition(" is")[0] for said in result["refusals"]] == ["limits.create: 0", "limits.site.update: 10%"]
        if name == "check":  # fails where the run would fail
            assert refusal(played, name).endswith(f"{REFUSED}{'; '.join(result['refusals'])}.")
        else:
            assert all(f"A run would be refused: {said}." in result["warnings"] for said in result["refusals"])
        assert len(result["changes"]) == 12
    assert (played.result("diff")["changed"], played.result("check")["changed"]) == (True, False)
    assert played.result("drift")["msg"] == "Drift: 1 to create, 4 to update, 7 to delete."

    within = {"create": 1, "update": "34%", "move": 0, "delete": "59%", "site": {"delete": 6}, "tag": {"delete": "50%"}}
    ran = play([task("within", "dsync_sync", {**sides, "limits": within})]).ok().result("within")
    assert ran["outcomes"]["done"] == 12
    assert content(target) == content(tmp_path / "work" / "source.json")


def test_the_default_limit_of_deletes(play: Play, tmp_path: Path) -> None:
    """A run that would delete much of a model is refused in check mode, by its plan and for good, unless the task allows it."""
    sites = [site(f"s{number}") for number in range(12)]
    sides = scene(tmp_path / "work", sites, sites[:8])
    target, plan = tmp_path / "work" / "target.json", str(tmp_path / "plan")
    said = (
        '4 of 12 site objects would be deleted, 33.3% (site "s8", site "s9", site "s10", site "s11"); '
        "to allow more than 30%, set a limit such as limits: {site: {delete: 4}}"
    )
    played = play(
        [
            task("diff", "dsync_diff", {**sides, "plan": plan}),
            task("check", "dsync_sync", sides, check_mode=True, ignore_errors=True),
            task("run", "dsync_sync", sides, ignore_errors=True),
            task("by plan", "dsync_sync", {**sides, "plan": plan}, ignore_errors=True),
        ]
    ).ok()
    assert calls(tmp_path / "work") == []
    assert all(played.result(name)["refusals"] == [said] for name in ("diff", "check", "run", "by plan"))
    assert refusal(played, "run").endswith(f"{REFUSED}{said}.")
    assert refusal(played, "check") == refusal(played, "run")
    assert refusal(played, "by plan").endswith(f"{REFUSED}{said}.")

    journal = str(tmp_path / "journal")
    allowed = {**sides, "plan": plan, "limits": {"site": {"delete": 4}}, "journal": journal}
    ran = play([task("allowed", "dsync_sync", allowed), task("undo", "dsync_sync", {**sides, "undo_journal": journal})]).ok()
    assert ran.result("allowed")["outcomes"]["done"] == ran.result("undo")["outcomes"]["done"] == 4
    assert content(target) == content(save(tmp_path / "before", sites))


def test_undoing_is_not_limited_by_default(play: Play, tmp_path: Path) -> None:
    sides = scene(tmp_path / "work", [], [site(f"s{number}") for number in range(12)])
    journal = str(tmp_path / "journal")
    undo = {**sides, "undo_journal": journal, "prune": False}
    played = play([task("run", "dsync_sync", {**sides, "journal": journal}), task("undo", "dsync_sync", undo)]).ok()
    assert played.result("undo")["outcomes"]["done"] == 12
    assert content(tmp_path / "work" / "target.json") == []


def test_prune(play: Play, tmp_path: Path) -> None:
    """Without it nothing is deleted, nor reported to be, and a plan is applied with the setting that it was made with."""
    sides = scene(tmp_path / "work", [site("a", note=1), site("gone")], [site("a", note=2), site("new")])
    kept, pruning, undo = (str(tmp_path / name) for name in ("kept", "pruning", "undo"))
    unpruned = {**sides, "prune": False}
    played = play(
        [
            task("diff", "dsync_diff", {**unpruned, "plan": kept}),
            task("plan with deletes", "dsync_diff", {**sides, "plan": pruning}),
            task("check", "dsync_sync", unpruned, check_mode=True),
            task("clash", "dsync_sync", {**unpruned, "plan": pruning}, ignore_errors=True),
            task("both", "dsync_sync", {**unpruned, "plan": kept, "flags": ["skip_unmatched_dst"]}, check_mode=True),
            task("run", "dsync_sync", {**sides, "plan": kept, "undo": undo, "verify": True}),
            task("again", "dsync_diff", {**unpruned, "fail_on_drift": True}),
            task("back", "dsync_sync", {**unpruned, "plan": undo}),
        ]
    ).ok()
    assert set(statuses(played.result("diff"))) == {"update a", "create new"}
    assert set(statuses(played.result("check"))) == set(statuses(played.result("both"))) == {"update a", "create new"}
    assert refusal(played, "clash") == (
        f"flags: a plan is applied as it was made, and {pruning} was made with no flags; "
        "omit skip_unmatched_dst (prune: false sets skip_unmatched_dst)."
    )
    assert set(statuses(played.result("run")).values()) == set(statuses(played.result("back")).values()) == {"done"}
    assert "delete gone" not in calls(tmp_path / "work")
    before = [site("a", note=1), site("gone")]
    assert content(tmp_path / "work" / "target.json") == content(save(tmp_path / "before", before))


# ---------------------------------------------------------------------- the source


def test_an_empty_source(play: Play, tmp_path: Path) -> None:
    """One that has nothing is not one that could not be loaded, and neither deletes anything."""
    sides = scene(tmp_path / "work", [site("a"), tag("t")], [site("a")])
    target = tmp_path / "work" / "target.json"
    (tmp_path / "broken").write_text("[{")
    untouched = content(target)
    played = play(
        [
            task("empty", "dsync_sync", sides, ignore_errors=True),
            task("broken", "dsync_sync", {**sides, "source": side(tmp_path / "broken")}, ignore_errors=True),
            task("diff", "dsync_diff", sides),
        ]
    ).ok()
    assert content(target) == untouched
    assert calls(tmp_path / "work") == []
    said = 'Tree was loaded and has no tag objects, while Tree has 1: 1 would be deleted (tag "t")'
    assert refusal(played, "empty").endswith(f"{REFUSED}{said}.")
    assert played.result("diff")["refusals"] == [said]
    assert "load() raised JSONDecodeError: " in refusal(played, "broken")
    allowed = play([task("allow", "dsync_sync", {**sides, "empty_source": "allow"})]).ok().result("allow")
    assert statuses(allowed) == {"delete t": "done"}


@pytest.mark.long
def test_a_source_that_shrinks(play: Play, tmp_path: Path) -> None:
    sites = [site(f"s{number}") for number in range(10)]
    sides = scene(tmp_path / "work", [], sites)
    target, path = tmp_path / "work" / "target.json", tmp_path / "baseline"
    guarded = {**sides, "baseline": str(path), "max_shrink": "20%"}

    def source(*names: str) -> dict[str, Any]:
        kept = [entry for entry in sites if entry["fields"]["name"] not in names]
        return {**guarded, "source": side(save(tmp_path / f"without {len(names)}", kept))}

    failing = {**guarded, "target": side(tmp_path / "failed.json", failing={"s3": "raise"})}
    corrupt, unwritable = tmp_path / "corrupt", tmp_path / "work" / "target.json" / "baseline"
    corrupt.write_text('{"format": "dsync-baseline", "version": 1, "source": "Tree", "counts": [1]}')
    first = play(
        [
            task("check", "dsync_sync", guarded, check_mode=True),
            task("diff", "dsync_diff", guarded),
            task("failed", "dsync_sync", failing, ignore_errors=True),
            task("no share", "dsync_sync", {**guarded, "max_shrink": "a fifth"}, ignore_errors=True),
            task("unwritable", "dsync_sync", {**guarded, "baseline": str(unwritable)}, ignore_errors=True),
        ]
    ).ok()
    assert not path.exists()
    missing = (
        f"{path} on here does not exist yet, so a loss of objects cannot be detected; "
        "a successful run of dsync_sync with this baseline writes it."
    )
    assert missing in first.result("check")["warnings"]
    assert missing in first.result("diff")["warnings"]
    assert "1 of 10 changes failed" in first.result("failed")["msg"]
    assert refusal(first, "no share") == "max_shrink: expected a percentage such as 20%, not 'a fifth'."
    assert f"preparing the run failed: {unwritable} on here cannot be written: " in refusal(first, "unwritable")
    assert calls(tmp_path / "work") == []

    second = play(
        [
            task("first", "dsync_sync", guarded),
            task("within", "dsync_sync", source("s0", "s1"), check_mode=True),
            task("shrunken", "dsync_sync", source("s0", "s1", "s2"), ignore_errors=True),
            task("shrunken diff", "dsync_diff", source("s0", "s1", "s2")),
            task("another", "dsync_sync", {**guarded, "source": {**sides["source"], "name": "lab"}}, ignore_errors=True),
            task("corrupt", "dsync_sync", {**guarded, "baseline": str(corrupt)}, ignore_errors=True),
        ]
    ).ok()
    assert missing in second.result("first")["warnings"]
    assert json.loads(path.read_text())["counts"]["site"] == 10
    assert (second.result("within")["refusals"], second.result("within")["changed"]) == ([], True)
    said = "Tree has shrunk: 7 site objects, 10 at the last successful run, 30% fewer; max_shrink is 20%"
    assert refusal(second, "shrunken").endswith(f"{REFUSED}{said}.")
    assert second.result("shrunken diff")["refusals"] == [said]
    assert f"{path} on here is the baseline of the source 'Tree', not of 'lab'" in refusal(second, "another")
    assert f"{corrupt} on here cannot be used as a baseline: it is malformed; remove it to start again" in refusal(
        second, "corrupt"
    )
    assert content(target) == content(tmp_path / "work" / "source.json")

    third = play([task("less", "dsync_sync", source("s0", "s1")), task("idle", "dsync_sync", source("s0", "s1", "s2"))]).ok()
    assert third.result("less")["outcomes"]["done"] == 2
    assert json.loads(path.read_text())["counts"]["site"] == 7  # a third of ten is refused, one of eight is not


# ---------------------------------------------------------------------- protection and scope


PROTECTING = """
    from trees import Tree
    from tree_models import Tag
    class Kept(Tag):
        _protected = ("delete", "update")
    class Tree(Tree):
        tag = Kept
"""


@pytest.mark.long
def test_protection(play: Play, tmp_path: Path) -> None:
    old = [site("core-1", note=1), site("edge-1", note=1), site("core-2"), tag("t", note=1)]
    sides = scene(tmp_path / "work", old, [site("core-1", note=2), site("edge-1", note=2), tag("t", note=1)])
    core = {**sides, "protect": [{"model": "site", "id": "core-*"}]}
    target = tmp_path / "work" / "target.json"
    for name in ("trees.py", "tree_models.py"):
        (tmp_path / name).write_text((Path(__file__).parent / "fixtures" / "adapters" / name).read_text(encoding="utf-8"))
    (tmp_path / "keeping.py").write_text(dedent(PROTECTING))
    tags = scene(tmp_path / "tags", [tag("t", note=1), tag("gone")], [tag("t", note=2)])
    keeping = {**tags, "target": {**tags["target"], "adapter": "keeping.py:Tree"}}
    plan, undo = str(tmp_path / "plan"), tmp_path / "undo"
    played = play(
        [
            task("diff", "dsync_diff", {**core, "plan": plan}),
            task("check", "dsync_sync", core, check_mode=True),
            task("run", "dsync_sync", core),
            task("idle", "dsync_sync", {**core, "verify": True, "undo": str(undo)}),
            task("protected drift", "dsync_diff", {**core, "fail_on_drift": True}),
            task("drift", "dsync_diff", {**sides, "fail_on_drift": True}, ignore_errors=True),
            task("limited", "dsync_sync", {**core, "limits": {"delete": 0}}),
            task("by plan", "dsync_sync", {**sides, "plan": plan}, check_mode=True),
            task("declared diff", "dsync_diff", {**keeping, "fail_on_drift": True}),
            task("declared", "dsync_sync", keeping),
        ]
    ).ok()
    guarded = {"update core-1": "refused", "delete core-2": "refused"}
    assert statuses(played.result("diff")) == statuses(played.result("check")) == {**guarded, "update edge-1": "not_attempted"}
    assert statuses(played.result("run")) == {**guarded, "update edge-1": "done"}
    by_plan = {**guarded, "update edge-1": "already_done"}
    assert statuses(played.result("by plan")) == by_plan
    for name in ("idle", "limited", "protected drift"):
        result = played.result(name)
        assert statuses(result) == guarded
        assert {record["message"] for record in result["failures"]} == {"protected by model: site, id: core-*"}
    changed = {name: played.result(name)["changed"] for name in ("diff", "check", "run", "idle", "limited", "by plan", "declared")}
    assert changed == {**dict.fromkeys(changed, False), "diff": True, "check": True, "run": True}
    assert played.result("idle")["verified"]
    assert not undo.exists()
    assert played.result("drift")["msg"] == "Drift: 1 to update, 1 to delete."
    assert calls(tmp_path / "work") == ["update edge-1", "sync_complete"]
    left = [site("core-1", note=1), site("edge-1", note=2), site("core-2"), tag("t", note=1)]
    assert content(target) == content(save(tmp_path / "left", left))
    for name in ("declared diff", "declared"):
        assert statuses(played.result(name)) == {"update t": "refused", "delete gone": "refused"}
    assert calls(tmp_path / "tags") == []


@pytest.mark.long
def test_scope(play: Play, tmp_path: Path) -> None:
    """What is out of scope is neither reported nor changed; an unknown name is an error."""
    old = [site("a", note=1, size=1), site("b", note=1), site("gone"), tag("t", note=1), tag("gone")]
    new = [site("a", note=2, size=2), site("b", note=2), tag("t", note=2), tag("new")]
    sides = scene(tmp_path / "work", old, new)
    target = tmp_path / "work" / "target.json"
    untouched = content(target)
    in_sites = {"update a", "update b", "delete gone"}
    scopes: dict[str, tuple[dict[str, Any], set[str]]] = {
        "models": ({"only_models": ["site"]}, in_sites),
        "only": ({"only": [{"id": "a"}, {"attributes": {"note": 2}, "model": "tag"}]}, {"update a", "update t"}),
        "exclude": ({"exclude": [{"model": "tag"}, {"action": "delete"}]}, {"update a", "update b"}),
        "by model": ({"only_models": ["site"], "attributes": {"site": ["size"]}}, {"update a", "delete gone"}),
    }
    wrong = {
        "names": ({"models": ["site"]}, "models should be a dictionary that declares models, and is ['site']. "),
        "model": ({"only_models": ["sites"]}, "only_models[0]: unknown model 'sites' (did you mean \"site\"? known: "),
        "key": ({"only": [{"modle": "site"}]}, "Unsupported parameters for (dsync.core.dsync_sync) module: only.modle."),
        "kind": ({"compare_attributes": "note"}, "compare_attributes: expected a list of attributes, or a dictionary of model"),
        "no only": ({"only": []}, "only is empty, so there is nothing to compare; omit it to compare everything."),
    }  # fmt: skip
    played = play(
        [
            *(task(name, "dsync_diff", {**sides, **scope}) for name, (scope, _found) in scopes.items()),
            *(task(name, "dsync_sync", {**sides, **scope}, ignore_errors=True) for name, (scope, _said) in wrong.items()),
        ]
    ).ok()
    assert content(target) == untouched
    for name, (_scope, found) in scopes.items():
        assert set(statuses(played.result(name))) == found, name
    assert {json.dumps(record["after"]) for record in played.result("by model")["changes"]} == {'{"size": 2}', "null"}
    for name, (_scope, said) in wrong.items():
        assert refusal(played, name).startswith(said), name
    ran = play([task("run", "dsync_sync", {**sides, **scopes["by model"][0], "verify": True})]).ok().result("run")
    assert (set(statuses(ran).values()), ran["verified"]) == ({"done"}, True)
    left = [site("a", note=1, size=2), site("b", note=1), tag("t", note=1), tag("gone")]
    assert content(target) == content(save(tmp_path / "left", left))


# ---------------------------------------------------------------------- locks


HOLDER = """
import sys, time
from dsync.storage.lock import locked
with locked(sys.argv[1], what="the night shift"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold a lock from a process of its own, until its standard input is closed, or for as long as this goes on."""
    library = Path(__file__).parents[2] / "plugins" / "module_utils"
    environment = {**os.environ, "PYTHONPATH": str(library)}
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_locks(play: Play, tmp_path: Path) -> None:
    sides = scene(tmp_path / "work", [], [site("a")])
    lock, target = tmp_path / "lock", tmp_path / "work" / "target.json"
    locking = {**sides, "lock": str(lock)}
    untouched = content(target)
    with holding(lock) as holder:
        played = play(
            [
                task("second", "dsync_sync", locking, ignore_errors=True),
                task("impatient", "dsync_sync", {**locking, "lock_timeout": 0.2}, ignore_errors=True),
                task("check", "dsync_sync", locking, check_mode=True),
                task("plan", "dsync_diff", {**locking, "plan_dest": str(tmp_path / "plan")}, ignore_errors=True),
                task("directory", "dsync_sync", {**sides, "lock": str(tmp_path)}, ignore_errors=True),
                task("unwritable", "dsync_sync", {**sides, "lock": str(target / "lock")}, ignore_errors=True),
                task("nowhere", "dsync_sync", {**sides, "lock": str(tmp_path / "no" / "lock")}, ignore_errors=True),
            ]
        ).ok()
        assert content(target) == untouched
        assert calls(tmp_path / "work") == []
        whose = f"by the night shift, process {holder.pid} of "
        assert f"locking failed: {lock} on here is locked {whose}" in refusal(played, "second")
        assert f"locking failed: {lock} on here is locked after 0.2 seconds {whose}" in refusal(played, "impatient")
        assert played.result("check")["changed"]
        assert f"locking failed: {lock} on here is locked {whose}" in refusal(played, "plan")
        assert not (tmp_path / "plan").exists()
        assert f"locking failed: {tmp_path} on here is a directory." in refusal(played, "directory")
        for path in (target / "lock", tmp_path / "no" / "lock"):
            name = "unwritable" if path.parent == target else "nowhere"
            assert f"locking failed: {path} on here cannot be used as a lock: " in refusal(played, name)
        assert not (tmp_path / "no").exists()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        assert play([task("after a crash", "dsync_sync", locking)]).ok().result("after a crash")["changed"]
    assert not lock.with_name("lock.holder").exists()


def test_what_a_run_waits_for_is_done_before_it_looks(play: Play, tmp_path: Path) -> None:
    """A run that waits sees the journal and the baseline as the one before it leaves them."""
    sides = scene(tmp_path / "work", [], [site("a")])
    lock, journal = tmp_path / "lock", tmp_path / "journal"
    recorded = {"journal": str(journal), "baseline": str(tmp_path / "baseline")}
    onward = {**sides, "source": side(save(tmp_path / "onward", [site("a"), site("b")])), **recorded}
    play([task("run", "dsync_sync", {**sides, **recorded}), task("onward", "dsync_sync", onward)]).ok()
    whole = journal.read_text()
    second = whole.index('{"', whole.index('"line":"end"'))
    journal.write_text(whole[: whole.index("\n", second) + 1])
    (tmp_path / "baseline").rename(tmp_path / "elsewhere")
    log = tmp_path / "opened"
    waiting = {
        **sides,
        "target": side(tmp_path / "work" / "target.json", log=str(log)),
        "lock": str(lock),
        "lock_timeout": PATIENCE,
    }
    with holding(lock) as holder:

        def let_go() -> None:
            until(log.exists)
            time.sleep(0.5)
            journal.write_text(whole)
            (tmp_path / "elsewhere").rename(tmp_path / "baseline")
            holder.communicate()

        other = threading.Thread(target=let_go)
        other.start()
        played = play(
            [task("undo", "dsync_sync", {**waiting, "undo_journal": str(journal), "baseline": str(tmp_path / "baseline")})]
        )
        other.join()
    assert statuses(played.ok().result("undo")) == {"delete b": "done"}
    assert "does not exist yet" not in played.screen
