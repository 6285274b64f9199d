# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans, journals and undo: exactly what was approved is done, exactly what was done is rolled back, and anything else is refused
before the first write."""

from __future__ import annotations

import json
import random
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from conftest import Play, Played, Result
from generated import Entry, estate, save, side, site
from test_check_equals_run import assert_made, predicted
from test_results import both, calls, task

ANY_DELETES = {"limits": {"delete": 1000}}
"""For estates that have drifted so far that the default limit would refuse the run."""

REFUSED = "nothing was changed. The run is refused: "


def scene(folder: Path, old: list[Entry], new: list[Entry], **options: Any) -> dict[str, Any]:
    """Return the two sides of tasks that have their own directory."""
    folder.mkdir()
    return both(folder, old, new, **options)


def content(path: Path) -> list[str]:
    """Return what an estate in a file holds, in any order; what is omitted of an object is its default."""
    defaults = {"note": None, "size": None, "tags": [], "password": None}
    entries = json.loads(path.read_text(encoding="utf-8"))
    return sorted(json.dumps({**entry, "fields": {**defaults, **entry["fields"]}}, sort_keys=True) for entry in entries)


def statuses(result: Result) -> dict[str, str]:
    return {f"{record['action']} {record['id']}": record["status"] for record in result["changes"]}


def whole_estate(seed: str) -> list[Entry]:
    """Return a generated estate that has objects of every model, so that it is not refused as a source."""
    chance = random.Random(seed)
    while True:
        entries = estate(chance, sites=6)
        if {entry["model"] for entry in entries} == {"site", "rack", "device", "port", "tag"}:
            return entries


def refusal(played: Played, name: str) -> str:
    """Return the message of a task that failed, changing nothing: one line, and no traceback on the screen."""
    result = played.result(name)
    assert result["failed"], result
    assert not result.get("changed"), result
    assert "Traceback" not in played.screen
    sentence = str(result["msg"])
    assert "\n" not in sentence
    return sentence


# ---------------------------------------------------------------------- plans


def test_what_narrows_every_task_of_a_play_fits_its_own_plans(play: Play, tmp_path: Path) -> None:
    """Such as module_defaults of the action group; another narrowing is refused, and so is undoing what is protected now."""
    folder = tmp_path / "work"
    sides = scene(folder, [site("old"), site("kept")], [site("new"), site("other")])
    scope = {
        "only_models": ["site"],
        "exclude": [{"model": "site", "id": "other"}],
        "compare_attributes": ["note", "size"],
        "protect": [{"model": "site", "id": "kept", "action": "delete"}],
    }
    every = {"group/dsync.core.dsync": {**sides, **scope, **ANY_DELETES, "mode": "u=rw,g=r"}}
    plan, journal, undo, baseline = (str(tmp_path / name) for name in ("plan", "journal", "undo", "baseline"))
    written = {"plan_src": plan, "journal": journal, "undo": undo, "baseline": baseline, "max_shrink": "90%"}
    applied = play([task("plan", "dsync_diff", {"plan_dest": plan}), task("apply", "dsync_sync", written)], module_defaults=every)
    assert applied.ok().result("apply")["outcomes"]["done"] == 2
    assert content(folder / "target.json") == content(save(tmp_path / "wanted", [site("kept"), site("new")]))
    files = (plan, journal, undo, baseline)
    assert {Path(path).stat().st_mode & 0o777 for path in files} == {0o640}, "all of them have the mode of the task"
    other = {"protect": [{"model": "site", "id": "new", "action": "delete"}], **ANY_DELETES}
    refused = play(
        [
            task("other plan", "dsync_sync", {**sides, **other, "plan_src": plan}, ignore_errors=True),
            task("other run", "dsync_sync", {**sides, **other, "undo_journal": journal}, ignore_errors=True),
            task("only", "dsync_sync", {**sides, "only": [{"id": "new"}], "undo_journal": journal}, ignore_errors=True),
            task("mode", "dsync_sync", {**sides, "journal": journal, "mode": "0044"}, ignore_errors=True),
        ]
    ).ok()
    assert refusal(refused, "mode").startswith("mode: '0044' cannot be used; use octal digits such as '0644', or symbols")
    for name, path in (("other plan", plan), ("other run", journal)):
        assert f"{path} on here was made with another protect, and is applied as a whole; omit protect" in refusal(refused, name)
    assert f"{journal} on here was made without only, and is applied as a whole; omit only" in refusal(refused, "only")
    back = play([task("undo", "dsync_sync", {"plan_src": undo})], module_defaults=every).ok()
    assert back.result("undo")["outcomes"]["done"] == 2
    assert content(folder / "target.json") == content(save(tmp_path / "before", [site("old"), site("kept")]))


def test_what_is_protected_is_not_undone(play: Play, tmp_path: Path) -> None:
    sides = scene(tmp_path / "work", [], [site("a"), site("b")])
    journal = str(tmp_path / "journal")
    held = {**sides, **ANY_DELETES, "protect": [{"model": "site", "id": "a", "action": "delete"}], "journal": journal}
    back = {name: value for name, value in held.items() if name != "journal"}
    played = play(
        [
            task("run", "dsync_sync", held),
            task("held", "dsync_sync", {**back, "undo_journal": journal}, ignore_errors=True),
            task("undo", "dsync_sync", {**sides, **ANY_DELETES, "undo_journal": journal}),
        ]
    ).ok()
    sentence = 'delete site "a" is protected by model: site, id: a, action: delete; omit protect to undo it all the same'
    assert sentence in refusal(played, "held")
    assert played.result("held")["outcomes"]["refused"] == 1
    assert content(tmp_path / "work" / "target.json") == []


def test_a_journal_that_was_renamed_can_still_be_undone(play: Play, tmp_path: Path) -> None:
    """So that a journal does not grow for ever: the next run begins a new one."""
    sides = {**scene(tmp_path / "work", [site("a", note="old")], [site("a", note="new"), site("b")]), **ANY_DELETES}
    target, journal, older = tmp_path / "work" / "target.json", tmp_path / "journal", tmp_path / "journal-2026-11"
    before = content(target)
    play([task("run", "dsync_sync", {**sides, "journal": str(journal)})]).ok()
    journal.rename(older)
    kept = older.read_bytes()
    played = play(
        [
            task("gone", "dsync_sync", {**sides, "undo_journal": str(journal)}, ignore_errors=True),
            task("undo", "dsync_sync", {**sides, "undo_journal": str(older), "journal": str(journal)}),
        ]
    ).ok()
    assert f"{journal} on here does not exist; dsync_sync writes a journal with journal." in refusal(played, "gone")
    assert played.result("undo")["outcomes"]["done"] == 2
    assert content(target) == before
    assert older.read_bytes() == kept
    assert played.result("undo")["journal"]["run"] in journal.read_text()


def test_a_plan_that_waits_for_approval_is_never_overwritten(play: Play, tmp_path: Path) -> None:
    """Not by check mode, and not by a second night with more changes."""
    sides = scene(tmp_path / "work", [site("a")], [site("b")])
    later = {**sides, "source": side(save(tmp_path / "later", [site("b"), site("c")]))}
    named = {"plan_dest": str(tmp_path / "plans" / "{digest}.plan"), **ANY_DELETES}
    (tmp_path / "plans").mkdir()
    planned = play(
        [
            task("first", "dsync_diff", {**sides, **named}),
            task("check", "dsync_diff", {**sides, **named}, check_mode=True),
            task("second", "dsync_diff", {**later, **named}),
        ]
    ).ok()
    first, check, second = (planned.result(name)["plan"] for name in ("first", "check", "second"))
    assert first == check
    assert {Path(plan["path"]) for plan in (first, second)} == set((tmp_path / "plans").iterdir())
    approved = {**later, "plan_src": str(tmp_path / "plans" / "{digest}.plan"), **ANY_DELETES}
    applied = play(
        [
            task("unknown", "dsync_sync", {**approved, "plan_digest": f"sha256:{'0' * 64}"}, ignore_errors=True),
            task("no digest", "dsync_sync", approved, ignore_errors=True),
            task("apply", "dsync_sync", {**approved, "plan_digest": first["digest"]}),
        ]
    ).ok()
    unknown = tmp_path / "plans" / f"{'0' * 16}.plan"
    assert f"{unknown} on here does not exist, so no plan with the digest sha256:0" in refusal(applied, "unknown")
    assert "plan_src contains {digest}, so plan_digest is required" in refusal(applied, "no digest")
    assert applied.result("apply")["plan"] == first
    assert content(tmp_path / "work" / "target.json") == content(save(tmp_path / "wanted", [site("b")]))


def test_exactly_the_plan_is_applied(play: Play, tmp_path: Path) -> None:
    """Not what the source says by then; once, whoever applies it how often, and only if it is the one that was approved."""
    new, old = whole_estate("plan source"), whole_estate("plan target")
    sides = {**scene(tmp_path / "work", old, new), **ANY_DELETES}
    target, plan, checked = (tmp_path / "work" / name for name in ("target.json", "plan", "checked"))
    moved_on = {**sides, "source": side(save(tmp_path / "moved on", [*new, site("later")]))}
    before = content(target)
    first = play(
        [
            task("plan", "dsync_diff", {**sides, "plan": str(plan)}),
            task("checked", "dsync_diff", {**sides, "plan": str(checked)}, check_mode=True),
            task("check", "dsync_sync", {**sides, "plan": str(plan)}, check_mode=True, diff=True),
            task("another", "dsync_sync", {**sides, "plan": str(checked), "plan_digest": "sha256:" + "0" * 64}, ignore_errors=True),
        ]
    ).ok()
    assert content(target) == before
    assert calls(tmp_path / "work") == []
    planned, check = first.result("plan"), first.result("check")
    assert planned["plan"] == {"path": str(plan), "digest": planned["plan"]["digest"], "changes": len(planned["changes"])}
    assert check["plan"] == planned["plan"]
    assert predicted(first.result("checked")) == predicted(planned) == predicted(check)
    assert (check["changed"], check["refusals"], set(statuses(check).values())) == (True, [], {"not_attempted"})
    assert {record["action"] for record in planned["changes"]} == {"create", "update", "delete"}
    assert check["diff"]["before"] != check["diff"]["after"]
    assert not any(secret in plan.read_text(encoding="utf-8") for secret in ("hunter2", "s3cret"))
    sentence = refusal(first, "another")
    assert f"{checked} on here is not the approved plan: its digest is {first.result('checked')['plan']['digest']}" in sentence

    approved = {"plan": str(plan), "plan_digest": planned["plan"]["digest"]}
    second = play(
        [
            task("apply", "dsync_sync", {**moved_on, **approved, "verify": True}),
            task("again", "dsync_sync", {**moved_on, **approved, "verify": True, "undo": str(tmp_path / "undo")}),
            task("predict again", "dsync_sync", {**moved_on, **approved}, check_mode=True),
            task("calm", "dsync_diff", sides),
        ]
    ).ok()
    apply, again = second.result("apply"), second.result("again")
    assert predicted(apply) == predicted(planned)
    assert apply["plan"] == planned["plan"]
    uncounted = dict.fromkeys(("unchanged", "skipped", "no_change", "skip"), 0)
    assert apply["summary"] == {**planned["summary"], **uncounted, "by_model": apply["summary"]["by_model"]}
    assert (apply["changed"], apply["verified"], again["changed"], again["verified"]) == (True, True, False, True)
    assert set(statuses(apply).values()) == {"done"}
    assert_made(tmp_path / "work" / "log", apply)
    for result in (again, second.result("predict again")):
        assert (result["changed"], set(statuses(result).values())) == (False, {"already_done"})
        assert result["outcomes"]["already_done"] == len(planned["changes"])
    assert second.result("calm")["changes"] == []
    assert not (tmp_path / "undo").exists()


def test_a_target_that_has_moved(play: Play, tmp_path: Path) -> None:
    old = [site("a", note=1), site("b", note=1), site("c"), site("d"), site("same")]
    sides = scene(tmp_path / "work", old, [site("a", note=2), site("b", note=2), site("e"), site("same")])
    now = [site("a", note=3), site("b", note=1), site("c", size=9), site("d"), site("e"), site("same")]
    target = save(tmp_path / "moved", now)
    moved = {**sides, "target": side(target, log=str(tmp_path / "log")), "plan": str(tmp_path / "plan")}
    untouched = content(target)
    first = play(
        [
            task("plan", "dsync_diff", {**sides, "plan": str(tmp_path / "plan")}),
            task("fail", "dsync_sync", moved, ignore_errors=True),
            task("check", "dsync_sync", moved, check_mode=True, ignore_errors=True),
            task("skip check", "dsync_sync", {**moved, "on_stale": "skip"}, check_mode=True),
        ]
    ).ok()
    assert content(target) == untouched
    assert calls(tmp_path) == []
    sentence = refusal(first, "fail")
    fail, check = first.result("fail"), first.result("check")
    assert REFUSED in sentence
    assert fail["refusals"] == check["refusals"] == [sentence.partition(REFUSED)[2].removesuffix(".")]
    assert fail["refusals"][0].startswith("Tree does not match the plan; 2 of 5 changes are stale: ")
    for moved_object in ('site "a": its note is 3, expected 1', 'site "c": its size is 9, expected None'):
        assert moved_object in sentence
    assert not check["changed"]
    assert refusal(first, "check") == sentence
    stale = {"update a": "refused", "delete c": "refused"}
    rest = dict.fromkeys(("update b", "create e", "delete d"), "not_attempted")
    assert statuses(fail) == statuses(check) == {**stale, **rest}
    assert {record["id"] for record in fail["failures"]} == {"a", "c"}
    foreseen = {**stale, "update b": "not_attempted", "create e": "already_done", "delete d": "not_attempted"}
    assert statuses(first.result("skip check")) == foreseen
    assert first.result("skip check")["changed"]

    second = play([task("skip", "dsync_sync", {**moved, "on_stale": "skip"})]).ok()
    skip = second.result("skip")
    assert statuses(skip) == {**foreseen, "update b": "done", "delete d": "done"}
    assert (skip["changed"], skip["refusals"]) == (True, [])
    left = [site("a", note=3), site("b", note=2), site("c", size=9), site("e"), site("same")]
    assert content(target) == content(save(tmp_path / "left", left))


@pytest.mark.long
def test_secrets_of_a_plan(play: Play, tmp_path: Path) -> None:
    old, new = [site("a", password="opal-17", note=1), site("b")], [site("a", password="onyx-18", note=2), site("b", note=3)]
    sides = scene(tmp_path / "work", old, new)
    source = side(save(tmp_path / "rotated", [site("a", password="jade-19", note=2), site("b", note=3)]))
    target = tmp_path / "work" / "target.json"
    plain, keyed = ({"plan": str(tmp_path / name)} for name in ("plain", "keyed"))
    untouched = content(target)
    first = play(
        [
            task("plan", "dsync_diff", {**sides, **plain}),
            task("keyed plan", "dsync_diff", {**sides, **keyed, "plan_key": "open sesame"}),
            task("rotated", "dsync_sync", {**sides, "source": source, **plain}, ignore_errors=True),
            task("no key", "dsync_sync", {**sides, **keyed}, ignore_errors=True),
            task("wrong key", "dsync_sync", {**sides, **keyed, "plan_key": "open barley"}, ignore_errors=True),
            task("needless key", "dsync_sync", {**sides, **plain, "plan_key": "open sesame"}, ignore_errors=True),
        ],
        "-vvv",
    ).ok()
    assert content(target) == untouched
    assert calls(tmp_path / "work") == []
    assert 'has the original values any more: password of site "a"' in refusal(first, "rotated")
    assert "keyed on here was written with a key, but no key was given" in refusal(first, "no key")
    assert "keyed on here was written with another key than the given one" in refusal(first, "wrong key")
    assert "plain on here was written without a key, but one was given" in refusal(first, "needless key")
    for secret in ("open sesame", "open barley"):
        assert secret not in first.screen + json.dumps(first.results)

    leave = {**sides, "source": source, **plain, "lost_secrets": "leave"}
    second = play(
        [task("leave", "dsync_sync", leave), task("right key", "dsync_sync", {**sides, **keyed, "plan_key": "open sesame"})]
    )
    left, keyed_run = second.ok().result("leave"), second.result("right key")
    assert any("the value of password cannot be found any more, so it is not changed" in one for one in left["warnings"])
    assert statuses(left) == {"update a": "done", "update b": "done"}
    assert statuses(keyed_run) == {"update a": "done", "update b": "already_done"}
    assert content(target) == content(tmp_path / "work" / "source.json")


OTHER_MODELS = """
    from trees import Tree
    from tree_models import Site
    class Place(Site):
        floor: int = 0
        _attributes = (*Site._attributes, "floor")
    class Tree(Tree):
        site = Place
"""


def test_plans_that_do_not_fit(play: Play, tmp_path: Path) -> None:
    """Plans of another target, of other models, and tasks that want something else than the plan says."""
    sides = scene(tmp_path / "work", [site("gone")], [site("a")])
    target = tmp_path / "work" / "target.json"
    for name in ("trees.py", "tree_models.py"):
        (tmp_path / name).write_text((Path(__file__).parent / "fixtures" / "adapters" / name).read_text(encoding="utf-8"))
    (tmp_path / "places.py").write_text(dedent(OTHER_MODELS))
    plan = {"plan": str(tmp_path / "plan")}
    lab, pattern = {**sides["target"], "name": "lab"}, [{"model": "site"}]
    narrowed = {"only_models": ["site"], "only": pattern, "exclude": pattern, "compare_attributes": ["note"], "protect": pattern}
    other_models = {role: {**sides[role], "adapter": "places.py:Tree"} for role in ("source", "target")}
    wrong = {
        "other name": ({**plan, "target": lab}, "was made for the target Tree, and the target of this task is lab"),
        "other models": ({**plan, **other_models}, "; declare the models as they were then, or make the plan again."),
        "flags": ({**plan, "flags": ["skip_unmatched_src"]}, "made with skip_unmatched_dst; omit skip_unmatched_src"),
        **{
            name: ({**plan, name: value}, f"was made without {name}, and is applied as a whole; omit {name}")
            for name, value in narrowed.items()
        },
        "digest": ({"plan_digest": "x"}, "missing parameter(s) required by 'plan_digest': plan_src"),
        "one file": ({"journal": f"{tmp_path}/x", "undo": f"{tmp_path}/./x"}, "journal and undo are the same file, {tmp}/x; each"),
        "no file": ({"plan": str(tmp_path / "nowhere")}, "{tmp}/nowhere on here does not exist; dsync_diff writes a plan"),
        "no journal": ({"undo_journal": plan["plan"]}, "plan on here cannot be used as a journal: it is not a journal of dsync"),
    }  # fmt: skip
    untouched = content(target)
    tasks = [task(name, "dsync_sync", {**sides, **arguments}, ignore_errors=True) for name, (arguments, _said) in wrong.items()]
    planned = {**sides, **plan, "flags": ["skip_unmatched_dst"]}
    unwritable = {**sides, "plan": str(target / "plan")}
    right = task("right", "dsync_sync", {**sides, **plan, "flags": ["skip_unmatched_dst", "continue_on_failure"]}, check_mode=True)
    not_written = task("unwritable", "dsync_diff", unwritable, ignore_errors=True)
    played = play([task("plan", "dsync_diff", planned), *tasks, not_written, right]).ok()
    for name, (_arguments, said) in wrong.items():
        assert said.format(tmp=tmp_path) in refusal(played, name)
    assert "saving the plan failed: " in refusal(played, "unwritable")
    assert played.result("right")["changed"]
    assert content(target) == untouched
    assert calls(tmp_path / "work") == []


# ---------------------------------------------------------------------- damaged plans


def damaged(data: bytes, chance: random.Random) -> dict[str, bytes]:
    """Return variants of a plan's file, by what was done to it."""
    lines = data.splitlines(keepends=True)
    header = json.loads(lines[0])
    middle = chance.randrange(2, len(lines) - 1)
    variants = {
        "empty": b"",
        "newer": json.dumps({**header, "version": header["version"] + 1}).encode() + b"\n" + b"".join(lines[1:]),
        "huge line": lines[0] + b'{"x": "' + b"x" * (17 * 1024 * 1024) + b'"}\n' + b"".join(lines[1:]),
        "deep line": lines[0] + b"[" * 200_000 + b"\n" + b"".join(lines[1:]),
        "reordered": b"".join([*lines[:1], *reversed(lines[1:-1]), lines[-1]]),
        "swapped": b"".join([*lines[: middle - 1], lines[middle], lines[middle - 1], *lines[middle + 1 :]]),
        "a line less": b"".join([*lines[:middle], *lines[middle + 1 :]]),
        "a line twice": b"".join([*lines[:middle], lines[middle], *lines[middle:]]),
        "twice": data + data,
        "no footer": b"".join(lines[:-1]),
        "windows": data.replace(b"\n", b"\r\n"),
        "text after": data + b"\n",
        "another value": data.replace(b'"note":"new"', b'"note":"bad"', 1),
        "binary": chance.randbytes(2000),
    }
    assert variants["another value"] != data
    variants.update({f"truncated at {cut}": data[:cut] for cut in (chance.randrange(1, len(data)) for _turn in range(4))})
    for _turn in range(7):
        place, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        variants[f"bit {bit} of byte {place}"] = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
    return variants


def test_a_plan_fits_the_file_at_its_path(play: Play, tmp_path: Path) -> None:
    """C22: an identical file at another path is another target, unless both have the same name; stale ones are refused even so."""
    files = {name: tmp_path / name / "export.csv" for name in ("planned", "identical", "other")}
    for name, path in files.items():
        path.parent.mkdir()
        path.write_text(f"name,role\nrtr-1,{'hub' if name == 'other' else 'switch'}\n")
    models = {"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}
    source = {"adapter": "memory", "options": {"records": [{"name": "rtr-1", "role": "router"}]}}

    def work(file: str, plan: str, **more: Any) -> dict[str, Any]:
        target = {"adapter": "file", "options": {"path": str(files[file])}, **more}
        return {"models": models, "source": source, "target": target, plan: str(tmp_path / f"plan of {more.get('name', 'a path')}")}

    tasks = [
        task("planned", "dsync_diff", work("planned", "plan_dest")),
        task("elsewhere", "dsync_sync", work("identical", "plan_src"), ignore_errors=True),
        task("planned by name", "dsync_diff", work("planned", "plan_dest", name="export")),
        task("other content", "dsync_sync", work("other", "plan_src", name="export"), ignore_errors=True),
        task("same name", "dsync_sync", work("identical", "plan_src", name="export")),
    ]
    played = play(tasks).ok()
    refused = f"was made for the target {files['planned']}, and the target of this task is {files['identical']}."
    assert refused in refusal(played, "elsewhere")
    assert 'device "rtr-1"' in refusal(played, "other content")
    assert played.result("same name")["outcomes"]["done"] == 1
    assert [path.read_text().splitlines()[1] for path in files.values()] == ["rtr-1,switch", "rtr-1,router", "rtr-1,hub"]


@pytest.mark.long
def test_no_damaged_plan_is_ever_applied(play: Play, tmp_path: Path) -> None:
    old = [site(f"s{number}", note="old", password="hunter2") for number in range(6)]
    sides = scene(tmp_path / "work", old, [site(f"s{number}", note="new", password="s3cret") for number in range(3, 9)])
    target, plan = tmp_path / "work" / "target.json", tmp_path / "plan"
    play([task("plan", "dsync_diff", {**sides, "plan": str(plan)})]).ok()
    variants, untouched = damaged(plan.read_bytes(), random.Random("damage")), target.read_bytes()
    for number, data in enumerate(variants.values()):
        (tmp_path / str(number)).write_bytes(data)
    loop = [str(tmp_path / str(number)) for number in range(len(variants))]
    copied = {"src": str(target), "dest": str(tmp_path / "afterwards"), "remote_src": True}
    played = play(
        [
            task("damaged", "dsync_sync", {**sides, "plan": "{{ item }}"}, loop=loop, ignore_errors=True),
            {"name": "copy", "ansible.builtin.copy": copied},
            task("sound", "dsync_sync", {**sides, "plan": str(plan)}),
        ]
    ).ok()
    results = played.result("damaged")["results"]
    for name, result in zip(variants, results, strict=True):
        assert "changes" not in result, name
        assert result["msg"].startswith(f"reading the plan failed: {result['item']}"), (name, result["msg"])
        assert "\n" not in result["msg"], name
        assert not result["changed"], name
    assert "Traceback" not in played.screen
    assert set(statuses(played.result("sound")).values()) == {"done"}
    assert calls(tmp_path / "work")[-1] == "sync_complete"
    assert len(calls(tmp_path / "work")) == 10
    assert (tmp_path / "afterwards").read_bytes() == untouched != target.read_bytes()


# ---------------------------------------------------------------------- undo


def without_secrets(entries: list[Entry]) -> list[Entry]:
    return [{**entry, "fields": {**entry["fields"], "password": None}} for entry in entries]


@pytest.mark.long
def test_undo_restores_exactly(play: Play, tmp_path: Path) -> None:
    """By the file that a run leaves, or by the journal, of which any run can be chosen; twice changes nothing more."""
    old, middle, new = (without_secrets(whole_estate(f"undo {number}")) for number in range(3))
    sides = {**scene(tmp_path / "work", old, middle), **ANY_DELETES}
    onward = {**sides, "source": side(save(tmp_path / "new", new))}
    target, undo, journal = tmp_path / "work" / "target.json", str(tmp_path / "undo"), str(tmp_path / "journal")
    recorded = {"undo": undo, "journal": journal}
    kept = [content(save(tmp_path / "kept", entries)) for entries in (old, middle, new)]

    first = play(
        [task("run", "dsync_sync", {**sides, **recorded}), task("check", "dsync_sync", {**sides, "plan": undo}, check_mode=True)]
    )
    run = first.ok().result("run")
    assert content(target) == kept[1]
    assert (run["undo"]["path"], run["undo"]["changes"]) == (undo, len(run["changes"]))
    assert run["journal"] == {"path": journal, "run": run["journal"]["run"]}
    undone = play(
        [
            task("undo", "dsync_sync", {**sides, "plan": undo, "plan_digest": run["undo"]["digest"], "verify": True}),
            task("again", "dsync_sync", {**sides, "plan": undo, "journal": journal}),
        ]
    ).ok()
    assert content(target) == kept[0]
    assert predicted(first.result("check")) == predicted(undone.result("undo"))
    assert undone.result("undo")["outcomes"]["done"] == len(run["changes"])
    assert not undone.result("again")["changed"]

    there = play([task("run", "dsync_sync", {**sides, **recorded}), task("onward", "dsync_sync", {**onward, **recorded})]).ok()
    runs = [there.result(name)["journal"]["run"] for name in ("run", "onward")]
    assert content(target) == kept[2]
    by_journal = {**sides, "undo_journal": journal}
    back = play(
        [
            task("too early", "dsync_sync", {**by_journal, "undo_run": runs[0]}, ignore_errors=True),
            task("unknown", "dsync_sync", {**by_journal, "undo_run": "0123"}, ignore_errors=True),
            task("last", "dsync_sync", {**by_journal, "journal": journal, "verify": True}),
        ]
    ).ok()
    assert "changes are stale: " in refusal(back, "too early")
    assert f"{journal} on here contains no run 0123 (its last runs: " in refusal(back, "unknown")
    assert back.result("last")["verified"]
    assert content(target) == kept[1]
    again = play(
        [
            task("last again", "dsync_sync", {**by_journal, "journal": journal}),
            task("chosen check", "dsync_sync", {**by_journal, "undo_run": runs[0]}, check_mode=True),
            task("chosen", "dsync_sync", {**by_journal, "undo_run": runs[0], "undo": undo}),
            task("chosen again", "dsync_sync", {**by_journal, "undo_run": runs[0]}),
        ]
    ).ok()
    changed = {name: again.result(name)["changed"] for name in again.results}
    assert changed == {"last again": False, "chosen check": True, "chosen": True, "chosen again": False}
    assert predicted(again.result("chosen check")) == predicted(again.result("chosen"))
    assert content(target) == kept[0]
    redo = play([task("redo", "dsync_sync", {**sides, "plan": undo})]).ok()
    assert redo.result("redo")["changed"]
    assert content(target) == kept[1]


@pytest.mark.long
def test_secrets_and_undo(play: Play, tmp_path: Path) -> None:
    """A saved undo holds no secret: it asks for one that has them, or leaves what needs them."""
    old, new = (
        [site("a", password="opal-17", note=1), site("gone", password="onyx-18"), site("b")],
        [site("a", password="jade-19"), site("b", note=2)],
    )
    sides = scene(tmp_path / "work", old, new)
    backup = {**sides, "source": side(save(tmp_path / "backup", old))}
    target, undo, journal = tmp_path / "work" / "target.json", tmp_path / "undo", tmp_path / "journal"
    run = play(
        [
            task("run", "dsync_sync", {**sides, "undo": str(undo), "journal": str(journal)}),
            task("undo", "dsync_sync", {**sides, "plan": str(undo)}, ignore_errors=True),
            task("by journal", "dsync_sync", {**sides, "undo_journal": str(journal)}, ignore_errors=True),
        ]
    ).ok()
    assert content(target) == content(tmp_path / "work" / "source.json")
    assert not any(secret in path.read_text() for path in (undo, journal) for secret in ("opal-17", "onyx-18", "jade-19"))
    for name in ("undo", "by journal"):
        assert "any more: " in refusal(run, name)
        assert 'password of site "a"' in refusal(run, name)
        assert 'password of site "gone"' in refusal(run, name)
    left = play([task("left", "dsync_sync", {**sides, "plan": str(undo), "lost_secrets": "leave"})]).ok().result("left")
    assert content(target) == content(save(tmp_path / "left", [site("a", password="jade-19", note=1), site("b")]))
    assert statuses(left) == {"update a": "done", "update b": "done", "create gone": "refused"}
    assert len(left["warnings"]) == 2
    restored = play([task("restored", "dsync_sync", {**backup, "undo_journal": str(journal)})]).ok().result("restored")
    assert restored["changed"]
    assert content(target) == content(tmp_path / "backup")


def test_undo_of_what_was_done_by_half_before(play: Play, tmp_path: Path) -> None:
    """A password that is the new one already keeps neither the plan from being finished, nor the rest from being undone."""
    sides = scene(tmp_path / "work", [site("a", password="opal-17", note=1)], [site("a", password="jade-19", note=2)])
    half = save(tmp_path / "half", [site("a", password="jade-19", note=1)])
    before, there = content(half), {**sides, "target": side(half)}
    plan, undo = str(tmp_path / "plan"), str(tmp_path / "undo")
    played = play(
        [
            task("plan", "dsync_diff", {**sides, "plan": plan}),
            task("finish", "dsync_sync", {**there, "plan": plan, "undo": undo, "verify": True}),
            task("undo", "dsync_sync", {**there, "plan": undo}, ignore_errors=True),
            task("left", "dsync_sync", {**there, "plan": undo, "lost_secrets": "leave"}),
        ]
    ).ok()
    assert statuses(played.result("finish")) == {"update a": "done"}
    assert 'any more: password of site "a"' in refusal(played, "undo")
    assert statuses(played.result("left")) == {"update a": "done"}
    assert content(half) == before


# ---------------------------------------------------------------------- verification and retries


@pytest.mark.long
def test_verification_and_retries(play: Play, tmp_path: Path) -> None:
    new = [site("a"), site("b"), site("c")]
    folders = [tmp_path / name for name in ("sound", "lossy", "lossy plan", "busy", "too busy", "never")]
    sound = scene(folders[0], [], new)
    lossy = scene(folders[1], [site("old")], new, failing={"b": "lose", "c": "lose"})
    lossy_plan = scene(folders[2], [site("old")], new, failing={"c": "lose"})
    busy = scene(folders[3], [], new, failing={"b": 2})
    too_busy = scene(folders[4], [], new, failing={"b": 2})
    never = scene(folders[5], [], new, failing={"b": 1})
    plan = {"plan": str(tmp_path / "plan")}
    kept = {"baseline": str(tmp_path / "baseline")}
    played = play(
        [
            task("sound", "dsync_sync", {**sound, "verify": True}),
            task("lossy", "dsync_sync", {**lossy, "verify": True, **kept}, ignore_errors=True),
            task("plan", "dsync_diff", {**lossy_plan, **plan}),
            task("lossy plan", "dsync_sync", {**lossy_plan, **plan, "verify": True}, ignore_errors=True),
            task("busy", "dsync_sync", {**busy, "retries": 2}),
            task("too busy", "dsync_sync", {**too_busy, "retries": 1}, ignore_errors=True),
            task("never", "dsync_sync", never, ignore_errors=True),
            task("negative", "dsync_sync", {**never, "retries": -1}, ignore_errors=True),
        ]
    ).ok()
    assert played.result("sound")["verified"]
    lost = {"lossy": '2 changes (create site "b", create site "c")', "lossy plan": '1 change (create site "c")'}
    for name, lacking in lost.items():
        result = played.result(name)
        assert result["failed"], name
        assert (result["verified"], result["changed"]) == (False, True)
        assert result["msg"] == f"The target has not converged: loaded anew, it still lacks {lacking}."
    assert not (tmp_path / "baseline").exists()
    assert calls(folders[3]) == ["create a", "create b", "create c", "sync_complete"]
    assert set(statuses(played.result("busy")).values()) == {"done"}
    for name in ("too busy", "never"):
        result = played.result(name)
        assert "1 of 3 changes failed" in result["msg"]
        assert "the remote system is busy with b" in result["msg"]
        assert statuses(result) == {"create a": "done", "create b": "failed", "create c": "not_attempted"}
    assert "retries is -1; it should be 0 or more." in refusal(played, "negative")
    assert "Traceback" not in played.screen
