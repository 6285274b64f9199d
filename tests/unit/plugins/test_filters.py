# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters and the test for playbooks, on results as tasks return them."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="filters run on the controller, which needs ansible-core")

from ansible.errors import AnsibleFilterError
from ansible_collections.dsync.core.plugins.filter import changes as changes_file
from ansible_collections.dsync.core.plugins.filter.changes import changes
from ansible_collections.dsync.core.plugins.filter.counts import counts
from ansible_collections.dsync.core.plugins.filter.report import report
from ansible_collections.dsync.core.plugins.filter.unknown_names import unknown_names
from ansible_collections.dsync.core.plugins.test.in_sync import in_sync

ZERO = {"creates": 0, "updates": 0, "moves": 0, "deletes": 0, "unchanged": 0, "skipped": 0}
NONE = {"done": 0, "maybe": 0, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 0}


def record(action: str, uid: str, model: str = "device", status: str = "not_attempted") -> dict[str, Any]:
    sides = {"before": None if action == "create" else {"x": 1}, "after": None if action == "delete" else {"x": 2}}
    return {
        "action": action,
        "model": model,
        "id": uid,
        "ids": {"name": uid},
        "parent": None,
        "status": status,
        "message": "",
    } | sides


def result(*records: dict[str, Any], more: int = 0, **values: Any) -> dict[str, Any]:
    """Return what a task returns that has found these changes, and more of which it has no records."""
    by_model: dict[str, dict[str, int]] = {"device": {**ZERO}}
    outcomes = {**NONE, "not_attempted": more}
    by_model["device"]["updates"] = more
    for one in records:
        by_model.setdefault(one["model"], {**ZERO})[f"{one['action']}s"] += 1
        outcomes[one["status"]] += 1
    side = {"name": "cmdb", "adapter": "file", "counts": {"device": 3}, "total": 3}
    summary = {**{key: sum(numbers[key] for numbers in by_model.values()) for key in ZERO}, "by_model": by_model}
    found = {"changes": list(records), "changes_truncated": more, "outcomes": outcomes, "summary": summary, "failures": []}
    found["models"] = sorted({*by_model, "port"})
    return {**found, "refusals": [], "source": side, "target": {**side, "name": "box"}, "changed": bool(records), **values}


RECORDS = (record("create", "rtr-1"), record("delete", "rtr-2"), record("delete", "sw-1"), record("update", "nyc", "site"))
LOAD_FAILED = {"failed": True, "msg": "source (file): load() failed.", "changed": False}
SKIPPED = {"skipped": True, "changed": False}


# ---------------------------------------------------------------------- changes


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["rtr-1", "rtr-2", "sw-1", "nyc"]),
        ({"model": "site"}, ["nyc"]),
        ({"model": ["site", "device"], "action": ["create", "update"]}, ["rtr-1", "nyc"]),
        ({"action": "delete", "id": "rtr-*"}, ["rtr-2"]),
        ({"id": "~^rtr-[0-9]$"}, ["rtr-1", "rtr-2"]),
        ({"status": "failed"}, []),
        ({"model": []}, []),
        ({"model": "port"}, []),
        ({"action": []}, []),
        ({"status": [], "id": "rtr-*"}, []),
    ],
)
def test_changes(asked: dict[str, Any], expected: list[str]) -> None:
    assert [one["id"] for one in changes(result(*RECORDS), **asked)] == expected
    assert [one["id"] for one in changes(list(RECORDS), **asked)] == expected


def test_changes_of_a_loop() -> None:
    looped = {"results": [result(RECORDS[0]), result(*RECORDS[1:])], "changed": True, "msg": "All items completed"}
    assert changes(looped) == list(RECORDS)


def test_skipped_items_of_a_loop_are_left_out() -> None:
    looped = {"results": [SKIPPED, result(*RECORDS), {**SKIPPED, "item": "x"}], "changed": True}
    assert changes(looped) == list(RECORDS)
    assert counts(looped) == counts(result(*RECORDS))
    assert not in_sync(looped)
    assert in_sync({"results": [SKIPPED, result()]})
    with pytest.raises(AnsibleFilterError, match="every item of the loop was skipped"):
        in_sync({"results": [SKIPPED]})


def journal(*records: dict[str, Any], more: int = 0) -> dict[str, Any]:
    """Return what dsync_journal_info returns of a run that made these changes, and more of which it has no records."""
    found = result(*records, more=more)
    maybe = sum(one["status"] == "maybe" for one in records)
    outcomes = {**NONE, "done": len(records) - maybe, "maybe": maybe, "not_attempted": more}
    return {
        "changes": list(records),
        "changes_truncated": more,
        "outcomes": outcomes,
        "summary": found["summary"],
        "runs": [],
        "run": {"source": "truth", "target": "cmdb"},
        "changed": False,
    }


def test_a_journal_is_counted_with_what_may_have_been_done() -> None:
    found = journal(record("create", "a", status="done"), record("delete", "b", status="maybe"), more=3)
    assert [one["id"] for one in changes(found, status="maybe", model="device")] == ["b"]
    numbers = counts(found)
    assert (numbers["creates"], numbers["deletes"], numbers["total"]) == (1, 1, 5)
    assert numbers["by_status"] == {**NONE, "done": 1, "maybe": 1, "not_attempted": 3}
    assert counts(found["changes"])["by_status"] == {**NONE, "done": 1, "maybe": 1}
    assert changes(found, model="a model that no change of the run is of") == []
    for function in (report, in_sync):
        with pytest.raises(AnsibleFilterError, match="dsync_plan_info, but this one has no source, target"):
            function(found)


def test_changes_that_a_result_does_not_hold_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(changes_file.display, "warning", warnings.append)
    assert len(changes(result(*RECORDS, more=7))) == 4
    assert len(warnings) == 1
    assert "7 more changes" in warnings[0]


@pytest.mark.parametrize(
    ("value", "asked", "words"),
    [
        (result(), {"action": "rename"}, "there is no 'rename' .*known: create, update, move, delete."),
        (result(), {"status": ["done", "over"]}, "there is no 'over'"),
        (result(), {"id": "~("}, "not a valid regular expression"),
        ("cmdb", {}, "expected a registered result of .*, not a string"),
        ({"changed": False, "msg": "pong"}, {}, "dsync_journal_info, but this one has no changes, outcomes, summary"),
        (
            result(*RECORDS),
            {"model": "devize"},
            r"model: there is no 'devize' \(did you mean \"device\"\? known: device, port, site\)",
        ),
        ({"results": [result(), SKIPPED]}, {"model": ["device", "rack"]}, "model: there is no 'rack'"),
        ({"results": [SKIPPED, SKIPPED], **SKIPPED}, {}, "every item of the loop was skipped, so there is no result"),
        ([{"id": "a"}], {}, "expected a list of changes, but it contains a dictionary that is not one"),
        (SKIPPED, {}, "was skipped"),
        (LOAD_FAILED, {}, r"failed before it had compared anything: source \(file\): load\(\) failed"),
        (result(), {"model": 5}, r"^dsync\.core\.changes: model should be a name or a list of names, and is 5\.$"),
        (result(), {"action": True}, "action should be a name or a list of names, and is True"),
        (result(), {"status": {"done": 1}}, "status should be a name or a list of names, and is {'done': 1}"),
        (result(), {"model": ["device", None]}, "model should be a name or a list of names, and is "),
        (result(), {"id": 5}, "id should be a pattern, which is a string, and is 5"),
        (result(), {"id": ["rtr-*"]}, "id should be a pattern, which is a string, and is "),
    ],
)
def test_what_changes_cannot_select_from(value: Any, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        changes(value, **asked)


# ---------------------------------------------------------------------- counts


def test_counts() -> None:
    found = counts(result(*RECORDS))
    assert {key: found[key] for key in ("creates", "updates", "deletes", "total")} == {
        "creates": 1,
        "updates": 1,
        "deletes": 2,
        "total": 4,
    }
    assert found["by_model"]["site"] == {"creates": 0, "updates": 1, "moves": 0, "deletes": 0, "total": 1}
    assert found["by_status"] == {**NONE, "not_attempted": 4}
    assert counts(changes(result(*RECORDS))) == found


def test_counts_of_a_result_count_also_what_it_does_not_hold() -> None:
    found = counts(result(record("create", "a", "site"), more=9))
    assert (found["total"], found["updates"], found["by_status"]["not_attempted"]) == (10, 9, 10)


def test_counts_of_a_loop_are_added_up() -> None:
    found = counts({"results": [result(*RECORDS), result(*RECORDS)]})
    assert (found["total"], found["by_model"]["device"]["deletes"]) == (8, 4)


# ---------------------------------------------------------------------- in_sync


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (result(), True),
        (result(RECORDS[0]), False),
        (result(record("create", "a", status="done"), record("update", "b", status="already_done")), True),
        (result(record("create", "a", status="refused")), False),
        (result(record("create", "a", status="failed"), failed=True), False),
        (result(failed=True), False),
        (LOAD_FAILED, False),
        ({"results": [result(), result()]}, True),
        ({"results": [result(), result(RECORDS[0])]}, False),
    ],
)
def test_in_sync(value: Any, expected: bool) -> None:
    assert in_sync(value) is expected


def test_in_sync_but_for_what_is_refused() -> None:
    assert in_sync(result(record("create", "a", status="refused")), allow_refused=True)
    assert not in_sync(result(record("create", "a", status="refused"), RECORDS[0]), allow_refused=True)


@pytest.mark.parametrize("said", ["no", "false", 0])
def test_what_represents_false_is_false(said: Any) -> None:
    assert not in_sync(result(record("create", "a", status="refused")), allow_refused=said)
    assert "\x1b[" not in report(result(*RECORDS), "text", color=said)


@pytest.mark.parametrize("said", ["maybe", None, []])
def test_what_is_not_a_boolean_is_refused(said: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^dsync\.core\.in_sync: allow_refused should be true or false, and is "):
        in_sync(result(), allow_refused=said)
    with pytest.raises(AnsibleFilterError, match=r"^dsync\.core\.report: color should be true or false, and is "):
        report(result(), "text", color=said)


@pytest.mark.parametrize("value", [SKIPPED, {**SKIPPED, "results": []}, {"changed": False}, None])
def test_in_sync_of_something_else_is_an_error(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"dsync\.core\.in_sync: "):
        in_sync(value)


# ---------------------------------------------------------------------- report


def test_report() -> None:
    made = report(result(*RECORDS), title="What changes")
    assert made.startswith("### What changes\n\n**4 changes: 1 to create, 1 to update, 2 to delete**")
    assert json.loads(report(result(*RECORDS), "json"))["source"] == {"name": "cmdb", "adapter": "file", "total": 3}
    assert "\x1b[" in report(result(*RECORDS), "text", color=True)
    assert "\x1b[" not in report(result(*RECORDS), "text")
    assert len(report(result(*RECORDS), max_bytes=1200).encode()) <= 1200


def test_report_of_a_capped_result_says_so() -> None:
    assert "7 more changes are not shown, because the result" in report(result(*RECORDS, more=7))


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        (result(RECORDS[0], failed=True, msg="Drift: 1 to create."), []),
        (
            result(RECORDS[0], failed=True, msg="refused", refusals=["limits.create: 0 is exceeded"]),
            ["limits.create: 0 is exceeded"],
        ),
        (result(failed=True, msg="the baseline cannot be written"), ["the baseline cannot be written"]),
        (result(record("create", "a", status="failed"), failed=True, msg="1 of 1 changes failed"), ["1 of 1 changes failed"]),
    ],
)
def test_a_report_contains_what_went_wrong(value: Any, problems: list[str]) -> None:
    assert json.loads(report(value, "json"))["problems"] == problems


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (result(), "pdf", "there is no 'pdf' .known: text, markdown, html, junit, json."),
        ({"results": [result(), result()]}, "text", "a loop has 2"),
        (LOAD_FAILED, "text", "failed before it had compared anything"),
        ({**result(), "changes": [{"id": "a"}]}, "text", "not as a task returned it"),
        ({**result(), "source": {}}, "text", "not as a task returned it"),
    ],
)
def test_what_no_report_can_be_made_of(value: Any, kind: str, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        report(value, kind)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"format": None}, "format: there is no None .known: text, markdown, html, junit, json."),
        ({"format": ["text"]}, "format: there is no .*text.*known: text, markdown, html, junit, json."),
        ({"max_bytes": "many"}, "max_bytes should be a number of bytes, and is 'many'"),
        ({"max_bytes": 0}, "max_bytes should be a number of bytes, and is 0"),
        ({"max_bytes": True}, "max_bytes should be a number of bytes, and is True"),
    ],
)
def test_what_a_report_cannot_be_made_like(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"^dsync\.core\.report: {words}\.$"):
        report(result(*RECORDS), **asked)


@pytest.mark.parametrize(
    ("ask", "tampered"),
    [
        *product((changes, counts, in_sync, report), ({"summary": {}}, {"summary": 5}, {"outcomes": 5}, {"changes": 5})),
        *product((in_sync, report), [{"source": None}]),
    ],
)
def test_a_result_that_was_tampered_with_is_none(ask: Any, tampered: dict[str, Any]) -> None:
    with pytest.raises(AnsibleFilterError, match=r"expected a registered result of .*, but this one has no "):
        ask(result(*RECORDS, **tampered))


def test_a_number_may_come_as_a_text() -> None:
    assert report(result(*RECORDS), max_bytes="1200", title=2026) == report(result(*RECORDS), max_bytes=1200, title="2026")


def test_a_controller_needs_no_pydantic(tmp_path: Path) -> None:
    """The filters run where the playbook does, and the adapters may run elsewhere."""
    stored = tmp_path / "result.json"
    stored.write_text(json.dumps(result(*RECORDS)))
    code = f"""
        import sys
        sys.path[:0] = {sys.path!r}
        sys.modules["pydantic"] = sys.modules["pydantic_core"] = None
        import json
        from ansible_collections.dsync.core.plugins.filter.changes import changes
        from ansible_collections.dsync.core.plugins.filter.counts import counts
        from ansible_collections.dsync.core.plugins.filter.report import report
        result = json.load(open({str(stored)!r}))
        print(len(changes(result, id="rtr-*")), counts(result)["total"], len(report(result, "html")) > 10000)
    """
    script = tmp_path / "script.py"
    script.write_text("\n".join(line[8:] for line in code.splitlines()))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout == "2 4 True\n", done.stderr


# ---------------------------------------------------------------------- unknown_names


def test_unknown_names() -> None:
    known = ["audit_limits", "audit_source"]
    assert unknown_names(["audit_source", "audit_colour", "audit_limit"], known) == [
        "audit_colour",
        'audit_limit (did you mean "audit_limits"?)',
    ]
    assert unknown_names(known, known) == []
