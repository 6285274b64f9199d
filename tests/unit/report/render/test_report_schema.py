# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reports as JSON are as docs/schemas/report-1.json says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dsync.report.render import json_document
from dsync.report.report import Report, ReportSide
from estate import SOURCE, TARGET, estate
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

SCHEMA = json.loads((Path(__file__).parents[4] / "docs/schemas/report-1.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def made(report: Report) -> Any:
    return json.loads(json_document.render(report))


def drift() -> Report:
    return Report.from_diff(estate(TARGET).diff_from(estate(SOURCE)))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def moved() -> Report:
    target, source = estate({"a": ("1", {"d": "x"}), "b": "1"}), estate({"a": "1", "b": ("1", {"d": "y"})})
    return Report.from_diff(target.diff_from(source))


@pytest.mark.parametrize("make", [drift, moved, lambda: Report.from_records([], ReportSide("a"), ReportSide("b", "file", 0))])
def test_reports_are_as_the_schema_says(make: Any) -> None:
    VALIDATOR.validate(made(make()))


def test_the_schema_describes_every_member() -> None:
    data = made(drift())
    assert data.keys() == SCHEMA["properties"].keys() == set(SCHEMA["required"])
    properties = SCHEMA["$defs"]["change"]["properties"].keys()
    assert data["changes"][0].keys() == properties - {"from", "to"}
    move = next(change for change in made(moved())["changes"] if change["action"] == "move")
    assert move.keys() == properties


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ([], "version", 2),
        ([], "created", "yesterday"),
        (["outcomes"], "failed", -1),
        (["changes", 0], "action", "rename"),
        (["changes", 0], "before", None),
    ],
)
def test_the_schema_refuses_what_is_no_report(place: list[Any], name: str, value: Any) -> None:
    data = at = made(drift())
    for key in place:
        at = at[key]
    at[name] = value
    with pytest.raises(ValidationError):
        VALIDATOR.validate(data)
