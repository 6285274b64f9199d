# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a result keep to their room, whatever is in the datasets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.side import Side
from ansible_collections.dsync.core.plugins.module_utils._module.output.result import MOST_WARNINGS, ROOM_FOR_DIFF, ResultBuilder
from ansible_collections.dsync.core.plugins.module_utils.dsync import Change, DSync, DSyncAction, Plan

SECRET = "s3cr3t-token"


def report(**options: Any) -> ResultBuilder:
    params = {"adapter": "a.py:A", "options": options, "secrets": {"token": SECRET}, "name": None}
    sides = []
    for role in ("source", "target"):
        side = Side(role, params)
        side.dataset = DSync(f"the {role}")
        sides.append(side)
    return ResultBuilder({"source": params, "target": params, "max_changes": 500, "plan_key": None}, *sides)


@pytest.mark.parametrize("character", ["a", "ü", "☃", "😀", '"', "\0"])
def test_before_and_after_keep_to_their_room_as_json(character: str) -> None:
    values = {"before": {"note": character * 90}, "after": {"note": character * 91}}
    plan = Plan(Change(DSyncAction.UPDATE, "site", f"s{number}", {"name": f"s{number}"}, **values) for number in range(3000))
    shown = report().before_after(plan)
    for text in (shown["before"], shown["after"]):
        assert ROOM_FOR_DIFF / 4 < len(json.dumps(text)) <= ROOM_FOR_DIFF
    assert shown["before_header"] == "the target as it is"
    assert shown["after_header"] == "the target as the source has it"
    assert report().before_after(plan, undoes=True)["after_header"] == "the target as it was before the run"


def test_secrets_are_not_in_before_and_after() -> None:
    change = Change(DSyncAction.CREATE, "site", "s", {"name": "s"}, after={"note": f"with {SECRET}"})
    assert "with ********" in report().before_after(Plan([change]))["after"]


def test_warnings_are_counted_when_there_are_many() -> None:
    warnings = report().warnings([f"{number} {SECRET} " + "x" * 9000 for number in range(100)])
    assert len(warnings) == MOST_WARNINGS + 1
    assert warnings[-1] == "There are 80 more warnings like these."
    assert all(len(warning) < 2100 and SECRET not in warning for warning in warnings)
    assert report().warnings(["one"]) == ["one"]


def test_arguments_are_shown_without_secrets_and_truncated() -> None:
    told = report(data="x" * 100_000)._arguments()
    assert told["target"]["secrets"] == {"token": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}
    assert len(json.dumps(told)) < 10_000
    assert report(path="p")._arguments()["source"]["options"] == {"path": "p"}
