# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter `sql` with files of SQLite: places and options that are wrong are named, transactions are whole, nothing is lost."""

# pylint: disable=dangerous-default-value  # the defaults are never changed

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import dsync
import pytest
from dsync import DSyncAction, DSyncFlags, Plan
from dsync.adapters.core.base import RecordAdapter, RecordModel
from dsync.adapters.sql import SqlAdapter
from dsync.adapters.sql.reflection import padded_columns
from dsync.adapters.sql.tables import unpadded
from dsync.exceptions import DefinitionError, LibraryMissing, NothingKept, ObjectCrudException, RecordProblem, TransientError
from dsync.records.definition import data_model

sa = pytest.importorskip("sqlalchemy")

TABLES = """
    CREATE TABLE sites (id integer PRIMARY KEY, name text NOT NULL UNIQUE, phone text, note text DEFAULT 'kept');
    CREATE TABLE devices (id integer PRIMARY KEY, name text NOT NULL UNIQUE, role text NOT NULL CHECK (role <> 'forbidden'),
        kind text DEFAULT 'switch', data json, password text, site_id integer NOT NULL REFERENCES sites (id));
"""
MODELS = data_model(
    {
        "site": {"identifiers": ["name"], "attributes": {"phone": "str | None"}, "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"role": "str", "password": "secret | None"}},
    },
    base=RecordModel,
)
MAPPING: dict[str, Any] = {"site": {"from": "sites"}, "device": {"from": "devices"}}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return database(tmp_path / "cmdb.db", TABLES, "INSERT INTO sites (id, name, phone) VALUES (7, 'nyc', '1'), (8, 'par', '2')")


def database(path: Path, *scripts: str) -> Path:
    connection = sqlite3.connect(path)
    for script in scripts:
        connection.executescript(script)
    connection.close()
    return path


def rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def adapter(base: Path, mapping: Any = MAPPING, models: Any = MODELS, lookups: Any = None, **options: Any) -> Any:
    return SqlAdapter.bound(models, mapping, lookups)(**{"url": f"sqlite:///{base}", **options})


def loaded(base: Path, mapping: Any = MAPPING, **more: Any) -> Any:
    made = adapter(base, mapping, **more)
    made.load()
    return made


class Given(RecordAdapter):
    """Records that a test gives, by the names of the models."""

    given: Any = {}

    def read(self, mapped: Any) -> Any:
        return self.given.get(mapped.name, ())


def given(records: Any, models: Any = MODELS, mapping: Any = None) -> Any:
    made: Any = Given.bound(models, mapping or {"device": {"parent": "site"}})()
    made.given = records
    made.load()
    return made


def estate(devices: int, **more: Any) -> Any:
    return given(
        {
            "site": [{"name": "nyc", "phone": "1"}, {"name": "lon", "phone": "3"}],
            "device": [{"name": f"d{n}", "role": "core", "password": None, "site": "lon", **more} for n in range(devices)],
        }
    )


def thing(base: Path, kind: str, column: str, value: Any) -> Any:
    """Write a value into a column of a new table, and return the adapter that has read it again."""
    database(base, f"CREATE TABLE things (name text PRIMARY KEY, value {column})")
    models = data_model({"thing": {"identifiers": ["name"], "attributes": {"value": kind}}}, base=RecordModel)
    mapping = {"thing": {"from": "things"}}
    source = given({"thing": [{"name": "x", "value": value}]}, models, {"thing": {}})
    loaded(base, mapping, models=models).sync_from(source)
    again = loaded(base, mapping, models=models)
    assert not again.diff_from(source).has_diffs()
    return again


# ---------------------------------------------------------------------- reading and writing


def test_create_change_and_delete_and_then_nothing(base: Path) -> None:
    source = estate(1200)
    loaded(base).sync_from(source)
    assert not loaded(base).diff_from(source).has_diffs()
    assert rows(base, "SELECT count(*), count(DISTINCT site_id), min(kind) FROM devices") == [(1200, 1, "switch")]
    assert rows(base, "SELECT id, name, note FROM sites ORDER BY id") == [(7, "nyc", "kept"), (9, "lon", "kept")]


def test_loading_twice_gives_the_same(base: Path) -> None:
    loaded(base).sync_from(estate(5))
    assert loaded(base).dict() == loaded(base).dict()
    assert [obj.name for obj in loaded(base).get_all("device")] == [f"d{n}" for n in range(5)]


def test_a_filter_is_asked_of_the_database_and_given_to_new_rows(base: Path) -> None:
    database(base, "INSERT INTO devices (name, role, kind, site_id) VALUES ('r1', 'x', 'router', 7), ('s1', 'x', 'switch', 7)")
    mapping = {**MAPPING, "device": {"from": "devices", "where": {"kind": "router"}}}
    target = loaded(base, mapping)
    assert [obj.name for obj in target.get_all("device")] == ["r1"]
    target.sync_from(estate(2))
    assert rows(base, "SELECT name, kind FROM devices ORDER BY name") == [("d0", "router"), ("d1", "router"), ("s1", "switch")]


@pytest.mark.parametrize("value", ["x' OR '1'='1", "%", ":name", None, 5, True, "2024-01-01"])
def test_a_filter_is_a_value_whatever_it_looks_like(base: Path, value: Any) -> None:
    mapping = {**MAPPING, "site": {"from": "sites", "where": {"name": [value, "nyc"]}}}
    assert [obj.name for obj in loaded(base, mapping).get_all("site")] == ["nyc"]


@pytest.mark.parametrize(("kind", "value"), [("text", 20), ("integer", "20"), ("numeric", "20"), ("text", [20, 30])])
def test_a_filter_finds_a_number_in_text_and_the_other_way_round(tmp_path: Path, kind: str, value: Any) -> None:
    rows = "INSERT INTO site VALUES ('a', '20'), ('b', '21')"
    base = database(tmp_path / "x.db", f"CREATE TABLE site (name text PRIMARY KEY, vlan {kind})", rows)
    models = data_model({"site": {"identifiers": ["name"]}}, base=RecordModel)
    target = loaded(base, {"site": {"where": {"vlan": value}}}, models=models)
    assert [obj.get_unique_id() for obj in target.get_all("site")] == ["a"]


@pytest.mark.parametrize("value", ["30", 30])
def test_a_filter_that_finds_nothing_is_a_warning(base: Path, value: Any) -> None:
    loaded(base).sync_from(estate(2))
    mapping = {**MAPPING, "device": {"from": "devices", "where": {"kind": value}}}
    (warning,) = loaded(base, mapping).load_warnings
    assert warning.endswith("mapping.device.where: there are records, but none of them has kind: 30")


def test_the_blanks_of_a_column_of_fixed_width_mean_nothing() -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("name", sa.VARCHAR(3)), sa.Column("kind", sa.CHAR(4)))
    assert padded_columns("postgresql", table) == ("kind",)
    assert padded_columns("sqlite", table) == ()
    assert unpadded([{"name": "a  ", "kind": " b  "}, {"name": "c", "kind": None}], ("kind",)) == [
        {"name": "a  ", "kind": " b"},
        {"name": "c", "kind": None},
    ]


def test_values_and_names_are_never_part_of_a_statement(tmp_path: Path) -> None:
    names = 'na"me', "drop table; --", "per%cent(s)", "a:b"
    columns = ", ".join('"{}" text'.format(name.replace('"', '""')) for name in names)
    base = database(tmp_path / "x.db", f'CREATE TABLE "odd ""table" (id integer PRIMARY KEY, {columns}, UNIQUE ("a:b"))')
    models = data_model({"thing": {"identifiers": ["a"], "attributes": {"b": "str", "c": "str", "d": "str"}}}, base=RecordModel)
    fields = {"a": ["a:b"], "b": [names[0]], "c": [names[1]], "d": [names[2]]}
    mapping = {"thing": {"from": 'odd "table', "fields": fields}}
    for values in ("';", ":x", "%s"), ("%(b)s", "\\'", '"'):
        source = given({"thing": [{"a": "k' --", **dict(zip("bcd", values))}]}, models, {"thing": {}})
        loaded(base, mapping, models=models).sync_from(source)
        assert not loaded(base, mapping, models=models).diff_from(source).has_diffs()


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        ("datetime", "datetime", "2024-02-29T10:11:12.5+02:00"),
        ("date", "date", "2024-02-29"),
        ("time", "time", "10:11:12"),
        ("timedelta", "text", "P3DT4H"),
        ("decimal", "decimal(12, 3)", "1234567.125"),
        ("decimal", "text", "0.10"),
        ("float", "real", 0.1 + 0.2),
        ("int", "bigint", 2**62),
        ("int", "text", 5),
        ("str", "integer", "12"),
        ("bool", "boolean", False),
        ("uuid", "uuid", "8c5ae2a6-5ad4-4c9e-a0be-111111111111"),
        ("ip_interface", "text", "10.0.0.1/24"),
        ("set[str]", "json", ["b", "a"]),
        ("dict[str, int] | None", "json", None),
        ("list[date]", "json", ["2026-01-02"]),
        ("list[date]", "text", ["2026-01-02"]),
        ("dict[str, any]", "varchar(99)", {"b": [1, 2], "a": None}),
        ("dict[str, decimal]", "json", {"a": "0.10"}),
        ("list[datetime]", "json", ["2024-02-29T10:11:12+02:00"]),
        ("bool", "text", True),
        ("decimal", "numeric", "123456789012345.5"),
        ("decimal", "numeric", "9007199254740993"),
        ("decimal", "text", "12345678901234567.89"),
        ("secret", "text", "x"),
    ],
)
def test_a_value_comes_back_as_it_was(tmp_path: Path, kind: str, column: str, value: Any) -> None:
    thing(tmp_path / "x.db", kind, column, value)


def test_nothing_in_a_column_of_json_is_null(tmp_path: Path) -> None:
    thing(tmp_path / "x.db", "dict[str, int] | None", "json", None)
    assert rows(tmp_path / "x.db", "SELECT value IS NULL FROM things") == [(1,)]


@pytest.mark.parametrize(
    ("kind", "column", "value", "said"),
    [
        ("list[str]", "integer", ["a"], 'the column "value" of things cannot hold a list'),
        ("dict[str, int]", "integer", {"a": 1}, 'the column "value" of things cannot hold a dictionary'),
        ("str", "integer", "abc", 'the column "value" of things holds whole numbers'),
        ("decimal", "numeric(20, 2)", "12345678901234567.89", 'the column "value" of things keeps 15 digits'),
    ],
)
def test_a_value_that_a_column_cannot_hold_is_named(tmp_path: Path, kind: str, column: str, value: Any, said: str) -> None:
    with pytest.raises(ObjectCrudException, match=said):
        thing(tmp_path / "x.db", kind, column, value)


@pytest.mark.parametrize(
    ("cells", "written"),
    [("'Y', 'Y'", ["N", "Y"]), ("'no', 'no'", ["no", "yes"]), ("'T', 'F'", ["F", "T"]), ("NULL, NULL", ["false", "true"])],
)
def test_a_boolean_in_a_column_of_strings_is_a_word_of_the_column(tmp_path: Path, cells: str, written: list[str]) -> None:
    first, second = cells.split(", ")
    table = f"CREATE TABLE device (name text PRIMARY KEY, up text); INSERT INTO device VALUES ('a', {first}), ('b', {second})"
    base = database(tmp_path / "x.db", table)
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"up": "bool | None"}}}, base=RecordModel)
    source = given({"device": [{"name": "a", "up": False}, {"name": "b", "up": True}]}, models, {"device": {}})
    loaded(base, {}, models=models).sync_from(source)
    assert [up for (up,) in rows(base, "SELECT up FROM device ORDER BY name")] == written
    assert not loaded(base, {}, models=models).diff_from(source).has_diffs()


GENERATED = "CREATE TABLE device (name text PRIMARY KEY, n integer, dbl integer GENERATED ALWAYS AS (n * 2) STORED)"


def test_a_generated_column_is_compared_and_not_written(tmp_path: Path) -> None:
    base = database(tmp_path / "x.db", GENERATED, "INSERT INTO device (name, n) VALUES ('a', 1)")
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"n": "int", "dbl": "int"}}}, base=RecordModel)
    wanted = [{"name": "a", "n": 5, "dbl": 99}, {"name": "b", "n": 7, "dbl": 14}]
    source = given({"device": wanted}, models, {"device": {}})
    target = loaded(base, {}, models=models)
    target.sync_from(source)
    assert rows(base, "SELECT name, n, dbl FROM device ORDER BY name") == [("a", 5, 10), ("b", 7, 14)]
    assert target.get("device", "b").dbl == 14
    assert loaded(base, {}, models=models).get("device", "a").dbl == 10


def test_a_generated_column_cannot_identify_what_is_created(tmp_path: Path) -> None:
    base = database(tmp_path / "x.db", GENERATED)
    models = data_model({"device": {"identifiers": ["dbl"], "attributes": {"name": "str", "n": "int"}}}, base=RecordModel)
    source = given({"device": [{"name": "a", "n": 5, "dbl": 10}]}, models, {"device": {}})
    with pytest.raises(ObjectCrudException, match='the column "dbl" of device is generated by the database'):
        loaded(base, {}, models=models).sync_from(source)


def test_a_view_is_written_by_the_key_that_the_mapping_names(base: Path) -> None:
    database(
        base,
        "CREATE VIEW named AS SELECT name, phone FROM sites",
        "CREATE TRIGGER changed INSTEAD OF UPDATE ON named BEGIN UPDATE sites SET phone = new.phone WHERE name = old.name; END",
        "CREATE TRIGGER gone INSTEAD OF DELETE ON named BEGIN DELETE FROM sites WHERE name = old.name; END",
    )
    models = data_model({"site": {"identifiers": ["name"], "attributes": {"phone": "str | None"}}}, base=RecordModel)
    source = given({"site": [{"name": "nyc", "phone": "9"}, {"name": "par", "phone": "2"}]}, models, {"site": {}})
    with pytest.raises(ObjectCrudException, match='name a column that identifies its rows with "key" in the mapping of site'):
        loaded(base, {"site": {"from": "named"}}, models=models).sync_from(source)
    loaded(base, {"site": {"from": "named", "key": "name"}}, models=models).sync_from(source)
    assert rows(base, "SELECT name, phone FROM sites ORDER BY name") == [("nyc", "9"), ("par", "2")]
    stale = loaded(base, {"site": {"from": "named", "key": "name"}}, models=models)
    database(base, "UPDATE sites SET phone = '7' WHERE name = 'nyc'")
    with pytest.raises(ObjectCrudException, match="the row was changed by someone else"):
        stale.sync_from(given({"site": [{"name": "nyc", "phone": "5"}, {"name": "par", "phone": "2"}]}, models, {"site": {}}))
    loaded(base, {"site": {"from": "named", "key": "name"}}, models=models).sync_from(given({"site": []}, models, {"site": {}}))
    assert rows(base, "SELECT count(*) FROM sites") == [(0,)]


def test_a_key_that_does_not_distinguish_rows_is_refused(base: Path) -> None:
    database(base, "UPDATE sites SET phone = '1'")
    with pytest.raises(DefinitionError, match=r'^mapping\.site\.key: several rows of sites have the same value in "phone"'):
        loaded(base, {**MAPPING, "site": {"from": "sites", "key": "phone"}})


def test_only_the_columns_are_read_that_something_needs(base: Path) -> None:
    loaded(base).sync_from(estate(2))
    target = loaded(base)
    assert {key for _obj, record in target.records("device") for key in record} == {"id", "name", "role", "password", "site_id"}
    assert {key for _obj, record in target.records("site") for key in record} == {"id", "name", "phone"}
    whole = {**MAPPING, "device": {"from": "devices", "fields": {"role": {"expr": "role", "write": {"role": "role"}}}}}
    assert {key for _obj, record in loaded(base, whole).records("device") for key in record} >= {"kind", "data"}
    lookups = {"notes": {"model": "site", "key": "note"}}
    fields = {"role": {"from": "kind", "lookup": "notes"}}
    database(base, "UPDATE devices SET kind = 'kept'", "UPDATE sites SET note = name WHERE name <> 'nyc'")
    looked_up = loaded(base, {**MAPPING, "device": {"from": "devices", "fields": fields}}, lookups=lookups)
    assert {obj.role for obj in looked_up.get_all("device")} == {"nyc"}


@pytest.mark.parametrize(
    ("column", "there", "how"),
    [("text PRIMARY KEY COLLATE NOCASE", "R1", "case_insensitive"), ("text PRIMARY KEY COLLATE RTRIM", "r1 ", "stripped")],
)
def test_what_the_database_finds_equal_is_reported(tmp_path: Path, column: str, there: str, how: str) -> None:
    base = database(
        tmp_path / "x.db", f"CREATE TABLE device (name {column}, role text); INSERT INTO device VALUES ('{there}', 'x')"
    )
    plain = data_model({"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}, base=RecordModel)
    source = given({"device": [{"name": "r1", "role": "y"}, {"name": there, "role": "x"}]}, plain, {"device": {}})
    with pytest.raises(ObjectCrudException, match=f'"r1" and "{there}", which is there, are equal .* declare "compare: {how}"'):
        loaded(base, {}, models=plain).sync_from(source)
    declared = {"device": {"identifiers": {"name": {"type": "str", "compare": how}}, "attributes": {"role": "str"}}}
    models = data_model(declared, base=RecordModel)
    loaded(base, {}, models=models).sync_from(given({"device": [{"name": "r1", "role": "y"}]}, models, {"device": {}}))
    assert rows(base, "SELECT count(*), min(role) FROM device") == [(1, "y")]


def test_a_path_into_json_leaves_the_rest_of_it_alone(base: Path) -> None:
    database(base, """INSERT INTO devices (name, role, data, site_id) VALUES ('d', 'x', '{"color": "red", "size": 1}', 7)""")
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"color": "str"}}}, base=RecordModel)
    mapping = {"device": {"from": "devices", "fields": {"color": "data.color"}}}
    target = loaded(base, mapping, models=models)
    database(base, """UPDATE devices SET data = '{"color": "red", "size": 2, "new": [1]}'""")
    target.sync_from(given({"device": [{"name": "d", "color": "blue"}]}, models, {"device": {}}))
    ((_obj, record),) = loaded(base, mapping, models=models).records("device")
    assert record["data"] == {"color": "blue", "size": 2, "new": [1]}


@pytest.mark.parametrize("column", ["json", "text"])
def test_decimals_in_json_have_all_their_digits(tmp_path: Path, column: str) -> None:
    base = database(
        tmp_path / "x.db",
        f"CREATE TABLE device (name text PRIMARY KEY, prices {column})",
        """INSERT INTO device VALUES ('a', '{"x": [1.10, 12345678901234567.89, -1E+400]}')""",
    )
    models = data_model(
        {"device": {"identifiers": ["name"], "attributes": {"prices": "dict[str, list[decimal]]"}}}, base=RecordModel
    )
    there = loaded(base, {}, models=models).get("device", "a")
    assert there.prices == {"x": [Decimal("1.10"), Decimal("12345678901234567.89"), Decimal("-1E+400")]}
    source = given({"device": [{"name": "a", "prices": {"x": ["0.12345678901234567890123", "1.5"]}}]}, models, {"device": {}})
    loaded(base, {}, models=models).sync_from(source)
    assert not loaded(base, {}, models=models).diff_from(source).has_diffs()


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64])
def test_a_number_of_more_than_64_bits_is_refused(tmp_path: Path, value: int) -> None:
    with pytest.raises(ObjectCrudException, match='the column "value" of things holds whole numbers of 64 bits'):
        thing(tmp_path / "x.db", "int", "integer", value)
    assert rows(tmp_path / "x.db", "SELECT * FROM things") == []


def test_numbers_beside_a_changed_one_in_json_are_written_as_they_were(base: Path) -> None:
    data = '{"color": "red", "lat": 52.52000812345679012, "big": [1E400, 0.10, 123456789012345678901234567890], "at": "1.0"}'
    database(base, f"INSERT INTO devices (name, role, data, site_id) VALUES ('d', 'x', '{data}', 7)")
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"color": "str"}}}, base=RecordModel)
    mapping = {"device": {"from": "devices", "fields": {"color": "data.color"}}}
    loaded(base, mapping, models=models).sync_from(given({"device": [{"name": "d", "color": "blue"}]}, models, {"device": {}}))
    assert rows(base, "SELECT data FROM devices") == [(data.replace("red", "blue"),)]


def test_tables_with_other_keys(tmp_path: Path) -> None:
    models = data_model({"thing": {"identifiers": ["a", "b"], "attributes": {"c": "int"}}}, base=RecordModel)
    for number, key in enumerate(("PRIMARY KEY (b, a)", "UNIQUE (a, b)", "")):
        base = database(
            tmp_path / f"{number}.db", f"CREATE TABLE thing (a text NOT NULL, b text NOT NULL, c int {',' if key else ''}{key})"
        )
        full = given({"thing": [{"a": f"a{n % 30}", "b": f"b{n}", "c": n} for n in range(700)]}, models, {"thing": {}})
        half = given({"thing": [{"a": f"a{n % 30}", "b": f"b{n}", "c": n + 1} for n in range(350)]}, models, {"thing": {}})
        loaded(base, {}, models=models).sync_from(full)
        assert not loaded(base, {}, models=models).diff_from(full).has_diffs()
        if key:
            loaded(base, {}, models=models).sync_from(half)
            assert not loaded(base, {}, models=models).diff_from(half).has_diffs()
        else:
            with pytest.raises(ObjectCrudException, match="thing has neither a primary key nor a unique constraint"):
                loaded(base, {}, models=models).sync_from(half)
            assert not loaded(base, {}, models=models).diff_from(full).has_diffs()


def test_keys_come_back_from_a_database_that_cannot_return_rows(base: Path) -> None:
    target = loaded(base)
    target._database._engine.dialect.insert_executemany_returning = False
    target.sync_from(estate(20))
    assert not loaded(base).diff_from(estate(20)).has_diffs()


def test_two_rows_of_one_identity_are_both_shown(tmp_path: Path) -> None:
    base = database(
        tmp_path / "x.db", "CREATE TABLE site (id integer PRIMARY KEY, name); INSERT INTO site VALUES (1, 'a'), (2, 'a')"
    )
    models = data_model({"site": {"identifiers": ["name"]}}, base=RecordModel)
    with pytest.raises(RecordProblem, match=r"site \(id: 1\).*site \(id: 2\)"):
        loaded(base, {}, models=models)


def test_a_batch_of_rows_is_one_statement(base: Path) -> None:
    from sqlalchemy import event

    target, seen = loaded(base), []
    event.listen(target._database._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    target.sync_from(estate(1000))
    assert len([text for text in seen if text.startswith("INSERT INTO devices")]) <= 8
    assert not [text for text in seen if "ROLLBACK" in text]


# ---------------------------------------------------------------------- transactions


def test_the_failure_of_one_takes_all_back(base: Path) -> None:
    before = rows(base, "SELECT * FROM sites")
    source = estate(1000)
    source.get("device", "d500").role = "forbidden"
    target = loaded(base)
    with pytest.raises(ObjectCrudException) as caught:
        target.sync_from(source)
    assert caught.value.result.counts["done"] == 0
    said = {failure.change.id: failure.message for failure in caught.value.result.failures}
    assert said["d500"] == "devices: CHECK constraint failed: role <> 'forbidden'"
    assert rows(base, "SELECT * FROM sites") == before
    assert rows(base, "SELECT count(*) FROM devices") == [(0,)]
    rows(base, "BEGIN EXCLUSIVE")


def test_a_commit_that_the_database_refuses_has_kept_nothing(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("sqlalchemy.engine.default.DefaultDialect.do_commit", refuse)
    source = given({"site": [{"name": "nyc", "phone": "9"}]})
    target = loaded(base)
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert isinstance(result.complete_error, NothingKept)
    assert not result.changed
    assert rows(base, "SELECT name, phone FROM sites") == [("nyc", "1"), ("par", "2")]


def test_a_commit_that_is_interrupted_may_have_kept_everything(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.engine.default import DefaultDialect

    real = DefaultDialect.do_commit

    def interrupted(self: Any, connection: Any) -> None:
        real(self, connection)
        raise KeyboardInterrupt

    monkeypatch.setattr(DefaultDialect, "do_commit", interrupted)
    source = given({"site": [{"name": "nyc", "phone": "9"}]})
    target = loaded(base)
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert rows(base, "SELECT name, phone FROM sites") == [("nyc", "9")]
    assert {outcome.maybe for outcome in result.outcomes} == {True}
    assert result.changed


@pytest.mark.parametrize("transaction", ["all", "batch"])
def test_the_failure_of_one_is_its_own_where_the_run_goes_on(base: Path, transaction: str) -> None:
    source = estate(1000)
    source.get("device", "d500").role = "forbidden"
    target = loaded(base, transaction=transaction)
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [failure.change.id for failure in result.failures] == ["d500"]
    assert rows(base, "SELECT count(*) FROM devices") == [(999,)]


@pytest.mark.parametrize("transaction", ["all", "batch"])
def test_rows_that_refer_to_new_ones_of_their_own_table(tmp_path: Path, transaction: str) -> None:
    base = database(
        tmp_path / "cmdb.db",
        "CREATE TABLE node (id integer PRIMARY KEY, name text UNIQUE NOT NULL, up integer REFERENCES node (id))",
    )
    models = data_model(
        {"node": {"identifiers": ["name"], "attributes": {"up": {"ref": "node", "type": "str | None"}}}}, base=RecordModel
    )
    wanted = [("c", "b"), ("b", "a"), ("a", None), ("d", "a")]
    source = given({"node": [{"name": name, "up": up} for name, up in wanted]}, models, {"node": {}})
    mapping = {"node": {"fields": {"up": {"lookup": {"from": "node", "key": "id", "value": "name"}}}}}
    loaded(base, mapping, models=models, transaction=transaction).sync_from(source)
    assert not loaded(base, mapping, models=models).diff_from(source).has_diffs()
    found = rows(base, "SELECT node.name, above.name FROM node LEFT JOIN node AS above ON above.id = node.up")
    assert sorted(found, key=str) == sorted(wanted, key=str)


def test_each_batch_is_kept_by_itself(base: Path) -> None:
    source = estate(100)
    source.get("device", "d55").role = "forbidden"
    with pytest.raises(ObjectCrudException):
        loaded(base, transaction="batch", batch_size=10).sync_from(source)
    assert rows(base, "SELECT count(*) FROM devices") == [(55,)]


def test_a_failure_at_the_very_end_takes_all_back(tmp_path: Path) -> None:
    base = database(
        tmp_path / "x.db",
        "CREATE TABLE site (name text PRIMARY KEY, boss text REFERENCES site (name) DEFERRABLE INITIALLY DEFERRED)",
    )
    models = data_model({"site": {"identifiers": ["name"], "attributes": {"boss": "str"}}}, base=RecordModel)
    source = given({"site": [{"name": "a", "boss": "b"}, {"name": "c", "boss": "c"}]}, models, {"site": {}})
    target = loaded(base, {}, models=models)
    with pytest.raises(RecordProblem, match="FOREIGN KEY constraint failed"):
        target.sync_from(source)
    assert rows(base, "SELECT * FROM site") == []
    rows(base, "BEGIN EXCLUSIVE")


def test_another_writer_is_waited_for_and_named(base: Path) -> None:
    target, source = loaded(base, connect_timeout=0.2), estate(3)
    other = sqlite3.connect(base, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    seen: list[BaseException] = []
    create = target.create_records

    def create_records(mapped: Any, records: Any) -> Any:
        try:
            return create(mapped, records)
        except BaseException as error:
            seen.append(error)
            raise

    target.create_records = create_records
    with pytest.raises(ObjectCrudException, match="database is locked"):
        target.sync_from(source)
    assert all(isinstance(error, TransientError) and target.is_transient(error) for error in seen)
    other.execute("ROLLBACK")
    other.close()
    target = loaded(base)
    target.sync_from(source)


def test_rows_that_are_gone_fail_alone(base: Path) -> None:
    loaded(base).sync_from(estate(6))
    target, source = loaded(base), estate(6)
    for n in range(3):
        source.get("device", f"d{n}").role = "edge"
    for n in range(3, 6):
        gone = source.get("device", f"d{n}")
        source.get("site", "lon").remove_child(gone)
        source.remove(gone)
    database(base, "DELETE FROM devices WHERE name IN ('d1', 'd4')")
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert {failure.change.id: failure.message for failure in result.failures} == {
        "d1": "devices: the row is no longer there",
        "d4": "devices: the row is no longer there",
    }
    assert rows(base, "SELECT name, role FROM devices ORDER BY name") == [("d0", "edge"), ("d2", "edge")]


@pytest.mark.parametrize("meanwhile", ["'777'", "NULL"])
def test_what_somebody_else_changed_meanwhile_is_not_written_over(base: Path, meanwhile: str) -> None:
    target = loaded(base)
    database(base, f"UPDATE sites SET phone = {meanwhile} WHERE name = 'nyc'")
    wanted = given({"site": [{"name": "nyc", "phone": "11"}, {"name": "par", "phone": "22"}], "device": []})
    result = target.apply(Plan.from_diff(target.diff_from(wanted)), wanted, DSyncFlags.CONTINUE_ON_FAILURE)
    (failure,) = result.failures
    assert failure.change.id == "nyc"
    assert "sites: the row was changed by someone else after it was read" in failure.message
    assert rows(base, "SELECT name, phone FROM sites ORDER BY name") == [
        ("nyc", None if meanwhile == "NULL" else "777"),
        ("par", "22"),
    ]


def test_what_somebody_else_changed_in_another_column_is_no_hindrance(base: Path) -> None:
    target = loaded(base)
    database(base, "UPDATE sites SET note = 'new' WHERE name = 'nyc'", "UPDATE sites SET phone = NULL WHERE name = 'par'")
    target = loaded(base)
    wanted = given({"site": [{"name": "nyc", "phone": None}, {"name": "par", "phone": "22"}], "device": []})
    target.apply(Plan.from_diff(target.diff_from(wanted)), wanted).raise_for_end()
    assert rows(base, "SELECT name, phone, note FROM sites ORDER BY name") == [("nyc", None, "new"), ("par", "22", "kept")]


def test_upsert_takes_over_what_the_mapping_does_not_see(base: Path) -> None:
    mapping = {"site": {"from": "sites", "where": {"phone": "3"}}}
    models = data_model({"site": {"identifiers": ["name"], "attributes": {"phone": "str"}}}, base=RecordModel)
    source = given({"site": [{"name": name, "phone": "3"} for name in ("nyc", "lon")]}, models, {"site": {}})
    with pytest.raises(ObjectCrudException, match="UNIQUE constraint failed"):
        loaded(base, mapping, models=models).sync_from(source)
    loaded(base, mapping, models=models, upsert=True).sync_from(source)
    assert rows(base, "SELECT id, name, phone FROM sites ORDER BY id") == [(7, "nyc", "3"), (8, "par", "2"), (9, "lon", "3")]


def test_what_is_only_read_is_not_written(base: Path) -> None:
    with pytest.raises(ObjectCrudException, match="is not to be written: the option read_only is set"):
        loaded(base, read_only=True).sync_from(estate(1))
    mapping = {"site": {"from": {"query": "SELECT id, name, phone FROM sites"}}}
    models = data_model({"site": {"identifiers": ["name"], "attributes": {"phone": "str"}}}, base=RecordModel)
    with pytest.raises(ObjectCrudException, match="a site is read from a query, which cannot be written"):
        loaded(base, mapping, models=models).sync_from(given({"site": []}, models, {"site": {}}))
    assert "read_only is set" in loaded(base, read_only=True).refuses("site", DSyncAction.CREATE)
    assert "is read from a query" in loaded(base, mapping, models=models).refuses("site", DSyncAction.UPDATE)
    assert not loaded(base).refuses("site", DSyncAction.DELETE)
    assert len(rows(base, "SELECT * FROM sites")) == 2


def test_a_secret_of_a_row_is_not_shown(base: Path) -> None:
    database(base, "CREATE TRIGGER t BEFORE INSERT ON devices BEGIN SELECT RAISE(ABORT, 'open sesame is bad'); END")
    target, source = loaded(base), estate(1, password="open sesame")
    with pytest.raises(ObjectCrudException) as caught:
        target.sync_from(source)
    told = [str(caught.value), *(outcome.message for outcome in caught.value.result.outcomes)]
    assert any("is bad" in text for text in told)
    assert not any("sesame" in text for text in told)


# ---------------------------------------------------------------------- what is wrong is named

WRONG_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"url": "nonsense"}, "options.url: this is not the URL of a database"),
    ({"url": ""}, "options.url: this should be a string"),
    ({"url": "postgresql://u:p@x:notaport/db"}, "options.url: this is not the URL of a database"),
    ({"url": "postgres://h/db"}, 'options.url: there is no kind of database "postgres" (did you mean "postgresql"?'),
    ({"url": "mysql+mysqldb://h/db"}, 'options.url: the driver "mysqldb" is not possible here; write mysql+pymysql://'),
    ({"url": "sqlite://"}, "options.url: it names no file"),
    ({"url": "mariadb://h"}, "options.url: it does not say which database"),
    ({"transaction": "al"}, "options.transaction: 'al' is not possible here (did you mean \"all\"?"),
    ({"batch_size": 0}, "options.batch_size: this should be a whole number of 1 or more"),
    ({"connect_timeout": -1}, "options.connect_timeout: this should be a number of seconds"),
    ({"statement_timeout": 5}, "options.statement_timeout: SQLite has no such limit"),
    ({"ca_file": "/x"}, "options.ca_file: a file of SQLite is not reached through a network"),
    ({"upsert": "yes"}, "options.upsert: this should be true or false"),
    ({"read_only": 1}, "options.read_only: this should be true or false"),
    ({"schema": 5}, "options.schema: this should be a string"),
    ({"password": 12345}, "secrets.password: this should be a string."),
    ({"password": "p"}, "password: a file of SQLite has no users; omit it."),
    ({"username": "u"}, "username: a file of SQLite has no users; omit it."),
]


@pytest.mark.parametrize(("options", "said"), WRONG_OPTIONS)
def test_a_wrong_option_is_named(base: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(said)) as caught:
        adapter(base, **options)
    assert "u:p" not in str(caught.value)


WRONG_PLACES: list[tuple[dict[str, Any], str]] = [
    ({"site": {"from": "sitse"}}, 'mapping.site.from: there is no table or view "sitse" in the database (did you mean "sites"?'),
    ({"site": {}}, 'mapping.site.from: there is no table or view "site" in the database'),
    ({"site": {"from": "other.sites"}}, 'mapping.site.from: there is no schema "other" in the database'),
    ({"site": {"from": 5}}, "mapping.site.from: this should be a string"),
    ({"site": {"from": {}}}, "mapping.site.from: this should be the name of a table or view"),
    ({"site": {"from": {"sql": "x"}}}, 'mapping.site.from: there is no key "sql" here'),
    ({"site": {"from": {"query": "DELETE FROM sites"}}}, "mapping.site.from.query: a query only reads"),
    ({"site": {"from": {"query": "SELECT 1 AS name, 2 AS name"}}}, 'mapping.site.from.query: it gives two columns called "name"'),
    ({"site": {"from": {"query": "SELECT name FROM sites"}}}, 'mapping.site.fields.phone: the query of site has no column "phone"'),
    ({"site": {"fields": {"phone": "fone"}}}, 'mapping.site.fields.phone: sites has no column "fone" (did you mean "phone"?'),
    ({"site": {"fields": {"phone": "phone.home"}}}, 'mapping.site.fields.phone: the column "phone" of sites is no JSON'),
    ({"site": {"where": {"kin": 1}}}, 'mapping.site.where.kin: sites has no column "kin"'),
    (
        {"site": {"fields": {"phone": {"expr": "1", "write": {"fone": "phone"}}}}},
        'mapping.site.fields.phone.write: sites has no column "fone"',
    ),
    ({"device": {"parent": {"match": {"sit_id": "id"}}}}, 'mapping.device.parent.match: devices has no column "sit_id"'),
    ({"device": {"parent": {"match": {"site_id": "idd"}}}}, 'mapping.device.parent.match: sites has no column "idd"'),
    ({"device": {"parent": "sitename"}}, 'mapping.device.parent.name: devices has no column "sitename"'),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG_PLACES)
def test_a_wrong_place_is_named(base: Path, wrong: dict[str, Any], said: str) -> None:
    mapping = {name: {**MAPPING[name], **wrong.get(name, {})} for name in MAPPING}
    if wrong.get("site") == {}:
        mapping["site"] = {}
    with pytest.raises(DefinitionError, match=re.escape(said)):
        loaded(base, mapping)


def test_several_foreign_keys_to_a_parent_are_named(base: Path) -> None:
    database(base, "ALTER TABLE devices ADD COLUMN home_id integer REFERENCES sites (id)")
    with pytest.raises(
        DefinitionError, match=r"mapping\.device\.parent: devices has several foreign keys to sites \(.*home_id.*\); say which"
    ):
        loaded(base)
    loaded(base, {**MAPPING, "device": {"from": "devices", "parent": {"match": {"site_id": "id"}}}})


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(RecordProblem, match=r"x\.db does not exist: SQLite would"):
        loaded(tmp_path / "x.db")
    assert not (tmp_path / "x.db").exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("hello, hello, hello" * 100)
    with pytest.raises(RecordProblem, match=r"x\.db.*: file is not a database$"):
        loaded(tmp_path / "x.db")


def test_a_query_cannot_write(base: Path) -> None:
    mapping = {**MAPPING, "site": {"from": {"query": "WITH x AS (SELECT 1) DELETE FROM sites RETURNING *"}}}
    with pytest.raises(RecordProblem, match="the query of site: attempt to write a readonly database"):
        loaded(base, mapping)
    assert len(rows(base, "SELECT * FROM sites")) == 2


@pytest.mark.parametrize(
    ("absent", "url", "library"),
    [
        ("sqlalchemy", "sqlite:///x", "sqlalchemy"),
        ("psycopg", "postgresql://h/d", "psycopg[binary]"),
        ("pymysql", "mysql://h/d", "pymysql"),
    ],
)
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, absent: str, url: str, library: str) -> None:
    bound = SqlAdapter.bound(MODELS, MAPPING)
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(LibraryMissing) as caught:
        bound(url=url)
    assert caught.value.library == library


def test_it_is_imported_only_when_it_is_used() -> None:
    code = "import sys, dsync.adapters.sql; sys.exit('sqlalchemy' in sys.modules)"
    folder = str(Path(str(dsync.__file__)).parents[1])
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": folder}, check=True)
