# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes of which the source says nothing: a new record is made without them, and nothing is reported about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dsync.adapters import RecordAdapter, RecordModel, built_in
from dsync.guard.preparation import prepare
from dsync.plan.plan import Plan
from dsync.plan.undo import undo_plan
from dsync.records.definition import data_model
from dsync.storage.journal import Journal, read
from dsync.storage.plan_file import load, save

MODELS = {"site": {"identifiers": ["name"], "attributes": {"note": "str | None", "region": "str | None"}}}


def system(records: list[dict[str, Any]]) -> Any:
    class Forms(RecordAdapter):
        """A system that has a note of its own where none is given."""

        def read(self, mapped: Any) -> Any:
            return records

        def remove_records(self, mapped: Any, gone: Any) -> Any:
            for one in gone:
                records.remove(one)
            return [None for _one in gone]

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


@pytest.mark.parametrize("way", ["memory", "file", "journal"])
def test_an_undo_makes_a_record_as_it_was(way: str, tmp_path: Path) -> None:
    """Null is what was there, also if the source says nothing of the attribute."""
    (tmp_path / "sites.json").write_text(json.dumps([{"name": "nyc", "region": "us"}]))
    source: Any = built_in("file").bound(data_model(MODELS, base=RecordModel), {"site": {"from": []}})(
        path=str(tmp_path / "sites.json")
    )
    before = [{"name": "nyc", "note": None, "region": "us"}, {"name": "par", "note": None, "region": "eu"}]
    records = [dict(one) for one in before]
    target = system(records)
    for one in (source, target):
        one.load()
    plan = Plan.from_diff(target.diff_from(source))
    with Journal(tmp_path / "journal", plan, source=source, target=target) as journal:
        journal.finish(target.apply(plan, source, journal=journal))
    assert records == before[:1]
    again = system(records)
    again.load()
    if way == "file":
        save(undo_plan(plan), tmp_path / "undo", source=source, target=again, purpose="undo")
    if way == "memory":
        undo = undo_plan(plan)
    else:
        stored = load(tmp_path / "undo") if way == "file" else read(tmp_path / "journal")[0].undo()
        undo = prepare(stored, source, again)
    again.apply(undo, source).raise_for_failure()
    assert records == before
