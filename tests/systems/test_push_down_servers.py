# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push-down of the adapter `sql` on PostgreSQL and MariaDB: the changes are those of a complete comparison."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sql_servers
from dsync import Plan
from dsync.adapters.core.base import RecordModel
from dsync.records.definition import data_model
from sql_servers import Server
from test_sql_servers import Base, adapter, database, server

__all__ = ["server"]

MODELS = data_model(
    {
        "device": {
            "identifiers": ["name", "site"],
            "attributes": {
                "size": "int | None",
                "note": "str | None",
                "power": "decimal | None",
                "ratio": "float | None",
                "seen": "datetime | None",
                "code": "str | None",
            },
        }
    },
    base=RecordModel,
)
TYPES = {
    "postgresql": "note text, power numeric, ratio double precision, seen timestamptz, code char(6)",
    "mariadb": "note varchar(60), power decimal(12, 4), ratio double, seen datetime(6), code char(6)",
}
COLLATED = {"postgresql": '{} COLLATE "und-x-icu"', "mariadb": "{} CHARACTER SET latin1"}
TABLES = ("wanted", "present")
NOTES = (None, "", "a", "A", "a ", "é", "É", "ä", "ae")
POWERS = (None, "0", "1.5", "1.5000", "12345678.0001")
RATIOS = (None, 0.0, -0.0, 0.1, 1.0)
SEEN = (None, "2026-01-01 00:00:00", "2026-01-01 00:00:00.000001")
CODES = (None, "x", "X", "x  ")


def filled(server: Server, collated: bool) -> Base:
    """Return a database with two tables whose rows differ in all ways that a column can."""
    note = TYPES[server.kind]
    text = note.split(",", 1)[0]
    other = note.replace(text, COLLATED[server.kind].format(text), 1) if collated else note
    key = "name varchar(40) NOT NULL, site varchar(40) NOT NULL, size int, {}, PRIMARY KEY (name, site)"
    base = database(
        server, "".join(f"CREATE TABLE {name} ({key.format(kinds)});" for name, kinds in (("wanted", note), ("present", other)))
    )
    insert = "INSERT INTO {} (name, site, size, note, power, ratio, seen, code) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    columns = [NOTES, POWERS, RATIOS, SEEN, CODES]
    first = [values[1] for values in columns]
    rows: dict[str, list[tuple[Any, ...]]] = {"wanted": [], "present": []}
    for place, values in enumerate(columns):
        for number, (one, two) in enumerate(itertools.product(values, repeat=2)):
            for table, value in (("wanted", one), ("present", two)):
                rows[table].append((f"d{place}", f"s{number}", number, *first[:place], value, *first[place + 1 :]))
    if server.kind == "postgresql":
        for table in rows:
            rows[table].append(("nan", "s", 1, *first[:2], "NaN", *first[3:]))
    rows["wanted"] += [("Upper", "s", 1, *first), ("new", "s", 1, *first)]
    rows["present"] += [("upper", "s", 1, *first), ("old", "s", 1, *first)]
    with base.engine.connect() as connection:
        for table, given in rows.items():
            for row in given:
                connection.exec_driver_sql(insert.format(table), row)
    return base


def compared(base: Base, narrow: bool, **mapping: Any) -> tuple[Any, ...]:
    source = adapter(base, MODELS, {"device": {"from": "wanted", **mapping}})
    target = adapter(base, MODELS, {"device": {"from": "present", **mapping}})
    reasons = target.narrow(source) if narrow else []
    source.load()
    target.load()
    diff = target.diff_from(source)
    changes = [(str(change.action), change.id, repr(change.before), repr(change.after)) for change in Plan.from_diff(diff)]
    return sorted(changes), diff.summary(), reasons, target.store.count()


@pytest.mark.parametrize("collated", [False, True])
def test_the_changes_are_those_of_a_complete_comparison(server: Server, collated: bool) -> None:
    base = filled(server, collated)
    whole, narrowed = compared(base, False), compared(base, True)
    assert narrowed[2] == []
    assert narrowed[:2] == whole[:2]
    assert narrowed[3] < whole[3]
    there = compared(base, True, where={"size": 1})
    assert there[:2] == compared(base, False, where={"size": 1})[:2]


def test_a_comparison_that_the_database_refuses_falls_back(server: Server) -> None:
    name = {"postgresql": 'name varchar(40) COLLATE "C"', "mariadb": "name varchar(40) COLLATE utf8mb4_unicode_ci"}[server.kind]
    other = {"postgresql": "name bytea", "mariadb": "name varchar(40) COLLATE utf8mb4_general_ci"}[server.kind]
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"size": "int"}}}, base=RecordModel)
    base = database(
        server,
        "".join(f"CREATE TABLE {table} ({kind} PRIMARY KEY, size int);" for table, kind in (("wanted", name), ("present", other))),
    )
    source, target = (adapter(base, models, {"device": {"from": table}}) for table in ("wanted", "present"))
    (reason,) = target.narrow(source)
    said = {
        "postgresql": "the columns of name are of types that cannot be compared exactly",
        "mariadb": "Illegal mix of collations",
    }
    assert reason.startswith(f"{target.name}: device objects are loaded completely: ")
    assert said[server.kind] in reason
    source.load()
    target.load()
    assert not target.diff_from(source).has_diffs()


TWO_SIDES = {
    "postgresql": "name varchar(40), site varchar(40) NOT NULL, size int, note text, power numeric(12, 4), up boolean, "
    "seen timestamp, day date, code char(6), PRIMARY KEY (name, site)",
    "mariadb": "name varchar(40), site varchar(40) NOT NULL, size int, note varchar(60) CHARACTER SET latin1, "
    "power decimal(12, 4), up boolean, seen datetime(6), day date, code char(6), PRIMARY KEY (name, site)",
}


@pytest.fixture(scope="module")
def other_server() -> Iterator[Server]:
    with sql_servers.postgresql() as running:
        yield running


def narrowed(bases: list[Base], models: Any) -> list[Any]:
    """Return source and target, loaded without what their servers found the same."""
    source, target = (adapter(base, models, {}) for base in bases)
    assert target.narrow(source) == []
    source.load()
    target.load()
    return [source, target]


@pytest.mark.parametrize("rows", [500, 12_000])
def test_two_servers_compare_checksums(server: Server, other_server: Server, rows: int) -> None:
    attributes = {"size": "int | None", "note": "str | None", "power": "decimal | None", "up": "bool | None"}
    attributes |= {"seen": "datetime | None", "day": "date | None", "code": "str | None"}
    models = data_model({"device": {"identifiers": ["name", "site"], "attributes": attributes}}, base=RecordModel)
    bases = [database(one, f"CREATE TABLE device ({TWO_SIDES[one.kind]})") for one in (other_server, server)]
    there: list[tuple[Any, ...]] = [
        (f"sw{number}", "é:1", number, "Zürich", Decimal("1.5"), number % 2 == 1, f"2026-01-01 00:00:{number % 60}", None, "x")
        for number in range(rows)
    ]
    there[5] = ("1:a", "b", None, None, None, None, None, "2026-11-30", None)
    changed = [("1", "a1:b", *there[5][2:]), *there[:5], *there[6:]]
    for place, value in enumerate([7, "Zurich", Decimal("1.5001"), None, "2026-01-01 00:00:00.000001", "2026-01-01", "X"]):
        changed[100 + place] = (*changed[100 + place][: place + 2], value, *changed[100 + place][place + 3 :])
    for base, given in zip(bases, (there, changed[1:])):
        with base.engine.connect() as connection:
            marks = ", ".join(["%s"] * 9)
            for start in range(0, len(given), 500):
                some = given[start : start + 500]
                values = ", ".join([f"({marks})"] * len(some))
                connection.exec_driver_sql(f"INSERT INTO device VALUES {values}", tuple(cell for row in some for cell in row))
    source, target = narrowed(bases, models)
    assert 0 < target.store.count() < rows / 2
    assert (source.count("device"), target.count("device")) == (rows, rows - 1)
    diff = target.diff_from(source)
    assert diff.summary() == {**diff.summary(), "create": 1, "update": 7, "delete": 0, "no-change": rows - 8}
    target.apply(Plan.from_diff(diff), source).raise_for_failure()
    assert target.narrow(source) == ["all objects are loaded: one of the datasets has objects already"]
    source, target = narrowed(bases, models)
    assert (source.store.count(), target.store.count()) == (0, 0)
    assert not target.diff_from(source).has_diffs()


@pytest.mark.long
def test_a_million_equal_rows_take_a_fraction_of_the_time_of_reading_them() -> None:
    """Less is asserted than an idle machine shows, since others may use it."""
    rows = 1_000_000
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"role": "str", "size": "int"}}}, base=RecordModel)
    seconds = {}
    with sql_servers.postgresql() as running:
        base = database(running, "".join(f"CREATE TABLE {name} (name text PRIMARY KEY, role text, size int);" for name in TABLES))
        for name in TABLES:
            numbers = f"generate_series(1, {rows}) AS number"
            base.execute(f"INSERT INTO {name} SELECT 'device-' || number, 'leaf', number FROM {numbers}", f"ANALYZE {name}")
        for narrow in (True, False):
            started = time.monotonic()
            source, target = (adapter(base, models, {"device": {"from": name}}) for name in TABLES)
            assert not narrow or target.narrow(source) == []
            source.load()
            target.load()
            assert target.diff_from(source).summary()["no-change"] == rows
            seconds[narrow] = time.monotonic() - started
    assert seconds[False] / seconds[True] > 8, seconds


def test_tables_of_two_users_need_a_schema(server: Server) -> None:
    base = database(server, "CREATE TABLE device (name varchar(40) PRIMARY KEY, size int)")
    models = data_model({"device": {"identifiers": ["name"], "attributes": {"size": "int"}}}, base=RecordModel)
    source = adapter(base, models, {}, url=base.url.replace(server.user, "somebody"))
    target = adapter(base, models, {})
    said = target.narrow(source)
    assert len(said) == 1
    assert "device objects are loaded completely: " in said[0]
