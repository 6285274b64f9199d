# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of which the source says nothing: a new record is made without them, and nothing is reported about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dsync.adapters import RecordAdapter, RecordModel, built_in
from dsync.plan.plan import Plan
from dsync.records.definition import data_model

MODELS = {"site": {"identifiers": ["name"], "attributes": {"note": "str | None", "region": "str | None"}}}


def system(records: list[dict[str, Any]]) -> Any:
    class Forms(RecordAdapter):
        """A system that has a note of its own where none is given."""

        def read(self, mapped: Any) -> Any:
            return records

        def create_records(self, mapped: Any, made: Any) -> Any:
            records.extend({"note": "made here", **{path[0]: value for path, value in one.values.items()}} for one in made)
            return records[-len(made) :]

    return Forms.bound(data_model(MODELS, base=RecordModel))()


@pytest.mark.parametrize(
    ("given", "made", "said"),
    [
        ({}, {"note": "made here"}, ""),
        ({"note": "ours"}, {"note": "ours"}, ""),
        ({"note": None}, {"note": None}, ""),
    ],
)
def test_a_new_record_has_only_what_the_source_says(given: dict[str, Any], made: dict[str, Any], said: str, tmp_path: Path) -> None:
    file, records = tmp_path / "sites.json", list[dict[str, Any]]()
    file.write_text(json.dumps([{"name": "nyc", "region": "us", **given}]))
    source: Any = built_in("file").bound(data_model(MODELS, base=RecordModel), {"site": {"from": []}})(path=str(file))
    target = system(records)
    for one in (source, target):
        one.load()
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    assert records == [{"name": "nyc", "region": "us", **made}]
    assert target.altered_values() == said
    again = system(records)
    again.load()
    assert not again.diff_from(source).has_diffs()
