# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The model of a report: what it says of diffs, plans and runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dsync import Diff, DSyncFlags, ObjectRef, Plan
from dsync._util.redaction import MASK, Redactor
from dsync.report.report import Report, ReportSide, State, above
from estate import EXPECTED, PLANTED, SOURCE, TARGET, Interface, dataset, estate

SIDES = ReportSide("cmdb", "file", 3), ReportSide("box")


def diff() -> Diff:
    return estate(TARGET, name="box").diff_from(estate(SOURCE, name="cmdb"))


def record(action: str = "update", uid: str = "a", status: str = "not_attempted", **more: Any) -> dict[str, Any]:
    """Return a change record as a task's result has them."""
    sides = {"before": {"x": 1} if action != "create" else None, "after": {"x": 2} if action != "delete" else None}
    return {"action": action, "model": "site", "id": uid, "ids": {"name": uid}, "parent": None, "message": "", "status": status} | {
        **sides,
        **more,
    }


def test_of_a_diff() -> None:
    report = Report.from_diff(diff())
    assert [(entry.action, entry.model, entry.id) for entry in report.entries] == EXPECTED
    assert report.title == "box compared with cmdb"
    assert report.headline == "12 changes: 5 to create, 2 to update, 5 to delete"
    assert report.summary == {"creates": 5, "updates": 2, "moves": 0, "deletes": 5, "unchanged": 1, "skipped": 0}
    assert report.models["device"] == {"creates": 2, "updates": 0, "moves": 0, "deletes": 2, "unchanged": 1, "skipped": 0}
    assert report.outcomes == {"done": 0, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 12}
    assert (report.total, report.omitted, report.in_sync, report.attempted) == (12, 0, False, False)
    assert {entry.state for entry in report.entries} == {State.OPEN}


def test_of_a_plan_says_nothing_of_what_stays() -> None:
    report = Report.from_plan(Plan.from_diff(diff()), *SIDES, title="the plan")
    assert report.title == "the plan"
    assert report.summary == {"creates": 5, "updates": 2, "moves": 0, "deletes": 5, "unchanged": 0, "skipped": 0}


def test_of_a_run_that_failed() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    target.trouble["create", "device", "sw-1"] = ValueError("no room")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    report = Report.from_outcomes(result.outcomes, *SIDES, problems=["1 of 12 changes failed."])
    assert report.title == "box synchronised from cmdb"
    assert report.headline == "12 changes: 11 made, 1 failed"
    assert report.attempted
    assert not report.in_sync
    (failed,) = (entry for entry in report.entries if entry.state == State.FAILED)
    assert "no room" in report.note(failed)
    assert report.note(report.entries[0]) == "made"


def test_in_sync() -> None:
    same = Report.from_diff(estate(SOURCE).diff_from(estate(SOURCE)))
    assert same.in_sync
    assert same.headline == "in sync: nothing differs"
    assert Report.from_records([record(status="done"), record(uid="b", status="already_done")], *SIDES).in_sync
    assert not Report.from_records([record(status="refused")], *SIDES).in_sync
    refused = Report.from_records([], *SIDES, problems=["the source is empty"])
    assert not refused.in_sync
    assert refused.headline == "a problem, see below"


def test_what_is_refused_in_a_comparison_is_counted_with_the_reason() -> None:
    report = Report.from_records([record(), record(uid="b", status="refused", message="protected: protect[0]")], *SIDES)
    assert report.headline == "2 changes: 2 to update; 1 refused"
    assert [report.note(entry) for entry in report.entries] == ["", "refused: protected: protect[0]"]


def test_what_a_capped_result_does_not_hold_is_counted() -> None:
    models = {"site": {"creates": 0, "updates": 3000, "moves": 0, "deletes": 0, "unchanged": 1, "skipped": 0}}
    report = Report.from_records([record()], *SIDES, models=models, outcomes={"not_attempted": 3000})
    assert (report.total, report.omitted) == (3000, 2999)
    assert report.headline == "3,000 changes: 3,000 to update"


def test_the_tree_has_each_change_below_its_parent() -> None:
    lines = Report.from_diff(diff()).lines()
    assert [(line.depth, line.model, line.id, line.entry and line.entry.action) for line in lines[:7]] == [
        (0, "site", "nyc", "update"),
        (1, "device", "rtr-1", None),
        (2, "interface", "rtr-1__eth0", "update"),
        (2, "interface", "rtr-1__eth1", "create"),
        (1, "device", "sw-1", "create"),
        (1, "device", "old-1", "delete"),
        (2, "interface", "old-1__eth9", "delete"),
    ]
    assert sum(line.entry is not None for line in lines) == len(EXPECTED)
    assert above(diff()) == {ObjectRef("device", "rtr-1"): ObjectRef("site", "nyc")}


def test_what_moves_has_two_places() -> None:
    parents = {"delete": {"model": "rack", "id": "old"}, "create": {"model": "rack", "id": "new"}}
    records = [record(action, "moved", parent=parent) for action, parent in parents.items()]
    records += [record(action, "along", parent={"model": "site", "id": "moved"}) for action in ("delete", "create")]
    lines = Report.from_records(records, *SIDES).lines()
    assert [(line.depth, line.id, line.entry and line.entry.action) for line in lines] == [
        (0, "old", None), (1, "moved", "delete"), (2, "along", "delete"),
        (0, "new", None), (1, "moved", "create"), (2, "along", "create"),
    ]  # fmt: skip


def test_nothing_is_lost_of_what_is_above_itself() -> None:
    records = [record(uid=one, parent={"model": "site", "id": other}) for one, other in ("ab", "ba", "cc")]
    assert {line.id for line in Report.from_records(records, *SIDES).lines()} == {"a", "b", "c"}


def test_a_deep_tree() -> None:
    records = [record(uid=f"{n}", parent={"model": "site", "id": f"{n - 1}"} if n else None) for n in range(5000)]
    assert Report.from_records(records, *SIDES).lines()[-1].depth == 4999


def test_secrets_are_masked() -> None:
    one, other = Interface(device="d", name="e", password=PLANTED), Interface(device="d", name="e", password="x" + PLANTED)
    report = Report.from_diff(dataset(Interface, objects=[one]).diff_from(dataset(Interface, objects=[other])))
    assert report.entries[0].before == report.entries[0].after == {"password": MASK}
    assert PLANTED not in json.dumps(report.data())


def test_what_nobody_may_see_is_removed_from_every_text() -> None:
    told = record(uid=PLANTED, message=PLANTED, after={PLANTED: [PLANTED]}, ids={"name": PLANTED})
    told["parent"] = {"model": PLANTED, "id": PLANTED}
    side = ReportSide(PLANTED, PLANTED)
    texts = {"problems": [PLANTED], "warnings": [PLANTED], "title": PLANTED, "models": {PLANTED: {}}}
    report = Report.from_records([told], side, side, **texts, hide=Redactor([PLANTED]).redact)
    assert PLANTED not in json.dumps(report.data())


def test_whatever_values_there_are_the_report_is_valid_json() -> None:
    after = {"nan": float("nan"), "inf": [float("-inf")], "lone": "\udc80", "\ud800": {"deep": (1, None)}}
    report = Report.from_records([record(after=after)], *SIDES)
    written = json.dumps(report.data(), allow_nan=False, ensure_ascii=False).encode()
    assert json.loads(written)["changes"][0]["after"] == {"nan": "nan", "inf": ["-inf"], "lone": "?", "?": {"deep": [1, None]}}


@pytest.mark.parametrize("wrong", [{"action": "rename"}, {"status": "perhaps"}])
def test_a_record_of_something_else_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        Report.from_records([record() | wrong], *SIDES)
