# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a system holds after a write is compared with what it was given; what it cannot hold apart is no difference."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.core.read_back import ReadBack
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.rest import RestAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.exceptions import DefinitionError
from dsync.plan.result import Result
from dsync.records.definition import data_model
from rest_api import Api, Reply, Request, served


def models(**attributes: Any) -> Any:
    return data_model({"device": {"identifiers": ["name"], "attributes": attributes}}, base=RecordModel)


def wanted(data: Any, *rows: dict[str, Any]) -> DSync:
    made: DSync = type("Wanted", (DSync,), {**data.models, "top_level": ["device"]})(name="wanted")
    made.add_rows("device", rows)
    return made


def synchronised(target: Any, source: DSync) -> Result:
    target.load()
    result: Result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    result.raise_for_failure()
    return result


def database(path: Path, *statements: str) -> str:
    with sqlite3.connect(path) as base:
        base.executescript(";".join(statements))
    base.close()
    return f"sqlite:///{path}"


# ---------------------------------------------------------------------- databases


TABLE = "CREATE TABLE device (id integer PRIMARY KEY, name text, role text, price numeric)"
LOWER = "CREATE TRIGGER {0} AFTER {1} ON device BEGIN UPDATE device SET {2} = lower({2}) WHERE {2} <> lower({2}); END"


def test_a_trigger_that_alters_what_is_inserted_is_named(tmp_path: Path) -> None:
    url = database(tmp_path / "a.db", TABLE, LOWER.format("low", "INSERT", "name"))
    data = models(role="str")
    target = SqlAdapter.bound(data)(url=url)
    synchronised(target, wanted(data, {"name": "R1", "role": "x"}, {"name": "r2", "role": "x"}))
    assert target.altered_values() == (
        f"{target.name} keeps other values than were written, so the next run finds them changed again: "
        "name of device \"R1\" is 'r1' instead of 'R1'. "
        'Declare "compare: case_insensitive" for name of device to compare them as equal'
    )


def test_a_trigger_that_alters_what_is_updated_is_named(tmp_path: Path) -> None:
    url = database(
        tmp_path / "a.db",
        TABLE,
        LOWER.format("low", "UPDATE", "role"),
        "INSERT INTO device VALUES (1, 'r1', 'x', 1), (2, 'r2', 'x', 1)",
    )
    data = models(role="str")
    target = SqlAdapter.bound(data)(url=url)
    synchronised(target, wanted(data, {"name": "r1", "role": "Core"}, {"name": "r2", "role": "edge"}))
    assert ": role of device \"r1\" is 'core' instead of 'Core'. Declare" in target.altered_values()
    again = SqlAdapter.bound(data)(url=url)
    synchronised(again, wanted(data, {"name": "r1", "role": "core"}, {"name": "r2", "role": "core"}))
    assert again.altered_values() == ""


def test_a_number_in_another_form_is_the_same(tmp_path: Path) -> None:
    url = database(tmp_path / "a.db", TABLE)
    data = models(price="decimal")
    target = SqlAdapter.bound(data)(url=url)
    synchronised(target, wanted(data, {"name": "r1", "price": Decimal("10.50")}))
    assert target.altered_values() == ""


# ---------------------------------------------------------------------- REST


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api({"devices": [{"id": 1, "name": "r1", "description": "old"}]})) as running:
        yield running


def trimming(api: Api) -> Any:
    """Let the server trim every text that it is sent."""

    def intervene(request: Request) -> Reply | None:
        if isinstance(request.body, dict):
            request.body.update({name: value.strip() for name, value in request.body.items() if isinstance(value, str)})
        return None

    api.intervene = intervene


def test_a_server_that_trims_is_named(api: Api) -> None:
    trimming(api)
    data = models(description="str")
    target = RestAdapter.bound(data, {"device": {"from": "/devices"}})(base_url=api.url)
    synchronised(target, wanted(data, {"name": "r1", "description": "new "}, {"name": "r2", "description": " two\u00a0"}))
    said = target.altered_values()
    assert "description of device \"r1\" is 'new' instead of 'new '" in said
    assert "description of device \"r2\" is 'two' instead of ' two\\xa0'" in said
    assert said.endswith('. Declare "compare: stripped" for description of device to compare them as equal')


def test_a_value_that_the_model_holds_to_be_equal_is_no_other(api: Api) -> None:
    trimming(api)
    data = models(description={"type": "str", "compare": "stripped"})
    target = RestAdapter.bound(data, {"device": {"from": "/devices"}})(base_url=api.url)
    synchronised(target, wanted(data, {"name": "r1", "description": "new "}))
    assert target.altered_values() == ""


def test_no_secret_is_shown(api: Api) -> None:
    trimming(api)
    data = models(description={"type": "str", "sensitive": True})
    target = RestAdapter.bound(data, {"device": {"from": "/devices"}})(base_url=api.url)
    synchronised(target, wanted(data, {"name": "r1", "description": "hunter2 "}))
    assert target.altered_values().endswith(': description of device "r1"')


def test_an_answer_without_the_record_says_nothing(api: Api) -> None:
    api.intervene = lambda request: Reply(204) if request.method == "PATCH" else None
    data = models(description="str")
    target = RestAdapter.bound(data, {"device": {"from": "/devices"}})(base_url=api.url)
    synchronised(target, wanted(data, {"name": "r1", "description": "new "}))
    assert target.altered_values() == ""


@pytest.mark.parametrize(
    ("declared", "held", "given", "remedy"),
    [
        ("stripped", "core", " Core", '"compare: [stripped, case_insensitive]"'),
        ("mac", "AA", "BB", ""),
        ([], "1.1", "1.10", ""),
        ([], "10", "10.0", '"compare: number"'),
        ([], "aa:bb:cc:00:11:22", "AABB.CC00.1122", '"compare: mac"'),
    ],
)
def test_the_sentence_names_the_comparison_by_which_the_values_are_equal(declared: Any, held: str, given: str, remedy: str) -> None:
    data = models(role={"type": "str", "compare": declared} if declared else "str")
    mapped, noted = MemoryAdapter.bound(data)(records=[])._maps["device"], ReadBack()
    noted.check(mapped, data.models["device"](name="r1", role=given), ["role"], {"name": "r1", "role": held}, False)
    said = noted.sentence("cmdb")
    assert f"role of device \"r1\" is '{held}' instead of '{given}'" in said
    assert said.endswith(f"Declare {remedy} for role of device to compare them as equal" if remedy else f"of '{given}'")


@pytest.mark.parametrize(
    ("kind", "held", "given", "said"),
    [
        ("decimal", "10.01", "10.005", 'price of device "r1" is 10.01 instead of 10.005'),
        (
            "datetime",
            "2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00",
            'price of device "r1" is 2026-03-01T10:00:00+00:00 instead of 2026-03-01T10:00:00. '
            'Declare "timezone: UTC" for price of device to compare them as equal',
        ),
        (
            "datetime",
            "2026-03-01T10:00:00+05:30",
            "2026-03-01T10:00:00",
            'price of device "r1" is 2026-03-01T10:00:00+05:30 instead of 2026-03-01T10:00:00. '
            'Declare "timezone: +05:30" for price of device to compare them as equal',
        ),
        (
            "datetime",
            "2026-03-01T09:00:00Z",
            "2026-03-01T10:00:00",
            'price of device "r1" is 2026-03-01T09:00:00+00:00 instead of 2026-03-01T10:00:00',
        ),
    ],
)
def test_numbers_and_times_are_shown_as_they_are_written(kind: str, held: str, given: str, said: str) -> None:
    data = models(price=kind)
    device = data.models["device"]
    mapped, noted = MemoryAdapter.bound(data)(records=[])._maps["device"], ReadBack()
    kept = device(name="r1", price=held).price
    noted.check(mapped, device(name="r1", price=given), ["price"], {"name": "r1", "price": kept}, False)
    assert noted.sentence("cmdb").endswith(f"the next run finds them changed again: {said}")


def test_the_named_time_zone_ends_the_difference() -> None:
    data = models(price={"type": "datetime", "timezone": "+05:30"})
    device = data.models["device"]
    assert device(name="r1", price="2026-03-01T10:00:00").price == device(name="r1", price="2026-03-01T04:30:00Z").price


def test_many_values_are_one_sentence() -> None:
    data = models(role="str")
    target = MemoryAdapter.bound(data)(records=[])
    mapped, noted = target._maps["device"], ReadBack()
    for number in range(8):
        obj = data.models["device"](name=f"r{number}", role="x" * 100)
        noted.check(mapped, obj, ["name", "role"], {"name": f"r{number}", "role": "y"}, False)
    said = noted.sentence("cmdb")
    assert said.count("role of device") == 5
    assert said.endswith(", and 3 more")
    assert len(said) < 800


# ---------------------------------------------------------------------- what a system cannot hold apart


@pytest.mark.parametrize("verb", ["create", "update", "nothing"])
def test_an_empty_string_and_null_are_the_same_in_a_cell(tmp_path: Path, verb: str) -> None:
    (tmp_path / "f.csv").write_text("name,note\n" + {"create": "", "update": "r1,old\n", "nothing": "r1,\n"}[verb])
    data = models(note="str | None")
    source = wanted(data, {"name": "r1", "note": ""}, {"name": "r2", "note": "n"})
    kind = FileAdapter.bound(data)
    target = kind(path=str(tmp_path / "f.csv"))
    result = synchronised(target, source)
    assert [(str(one.change.action), one.change.id) for one in result.outcomes if one.change.id == "r1"] == (
        [] if verb == "nothing" else [(verb, "r1")]
    )
    assert target.altered_values() == ""
    assert (tmp_path / "f.csv").read_text() == "name,note\nr1,\nr2,n\n"
    again = kind(path=str(tmp_path / "f.csv"))
    again.load()
    assert not again.diff_from(source).has_diffs()
    other = MemoryAdapter.bound(data)(records=[{"name": "r1", "note": None}, {"name": "r2", "note": "n"}])
    other.load()
    assert [one.get_attrs_diffs() for one in other.diff_from(source).walk()] == [{"+": {"note": ""}, "-": {"note": None}}]


def test_a_declaration_says_that_an_empty_string_is_null() -> None:
    data = models(note={"type": "str | None", "empty": None})
    target = MemoryAdapter.bound(data)(records=[{"name": "r1", "note": None}])
    target.load()
    source = wanted(data, {"name": "r1", "note": ""})
    assert source.get("device", "r1").note is None
    assert not target.diff_from(source).has_diffs()


@pytest.mark.parametrize("declared", [{"type": "str", "empty": None}, {"type": "str | None", "empty": "x"}])
def test_a_wrong_declaration_of_what_is_empty_is_named(declared: Any) -> None:
    with pytest.raises(DefinitionError, match=r"models\.device\.attributes\.note\.empty: .*null"):
        models(note=declared)


@pytest.mark.parametrize("item", [" a", "b ", "", "x,y"])
def test_an_item_that_a_cell_cannot_hold_is_refused(tmp_path: Path, item: str) -> None:
    (tmp_path / "f.csv").write_text("name,tags\nr1,\n")
    data = models(tags="list[str]")
    target = FileAdapter.bound(data)(path=str(tmp_path / "f.csv"))
    target.load()
    source = wanted(data, {"name": "r1", "tags": ["a", item]})
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert [one.message for one in result.failures] == [
        'an item of "tags" is empty, has blanks at its ends, or contains ",", which separates items: a cell cannot hold it'
    ]
