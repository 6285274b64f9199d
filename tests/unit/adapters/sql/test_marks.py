# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter `sql` and soft deletes: marked rows are not there, a delete marks a row, and a marked row is restored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.sql import SqlAdapter
from dsync.exceptions import DefinitionError, ObjectCrudException
from dsync.plan.undo import undo_plan
from dsync.records.definition import DataModel, data_model
from dsync.testing.conformance import AdapterConformance
from test_sql import database, rows

pytest.importorskip("sqlalchemy")

MODELS: dict[str, Any] = {"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}
NESTED: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {"phone": "str | None"}, "children": ["device"]},
    "device": {"identifiers": ["site", "name"], "attributes": {"role": "str"}},
}
TREE = (
    "CREATE TABLE site (id integer PRIMARY KEY, name text NOT NULL UNIQUE, phone text, deleted_at datetime);"
    "CREATE TABLE device (id integer PRIMARY KEY, site_id integer NOT NULL REFERENCES site (id), name text, role text, note text,"
    " UNIQUE (site_id, name));"
    "INSERT INTO site VALUES (1, 'nyc', '1', NULL), (2, 'par', '2', '2026-01-02 03:04:05');"
    "INSERT INTO device VALUES (1, 1, 'r1', 'core', 'kept'), (2, 2, 'r2', 'core', 'kept'), (3, 2, 'r3', 'edge', 'kept');"
)


def target(base: Path, mapping: Any, models: Any = None, **options: Any) -> Any:
    made = SqlAdapter.bound(data_model(models or MODELS, base=RecordModel), mapping)(url=f"sqlite:///{base}", **options)
    made.load()
    return made


def wanted(records: Any, models: Any = None, mapping: Any = None) -> Any:
    made = MemoryAdapter.bound(data_model(models or MODELS, base=RecordModel), mapping)(records=records)
    made.load()
    return made


def devices(*names: str) -> Any:
    return wanted([{"name": name, "role": "new"} for name in names])


def table(path: Path, column: str, *values: str) -> Path:
    given = ", ".join(f"({number}, 'd{number}', 'old', 'kept', {value})" for number, value in enumerate(values))
    return database(
        path / "x.db",
        f"CREATE TABLE device (id integer PRIMARY KEY, name text UNIQUE, role text, note text, {column})",
        f"INSERT INTO device VALUES {given}" if values else "",
    )


MARKS = [
    ("deleted_at datetime", "NULL", "'2026-01-02 03:04:05'", {"deleted_at": "now"}),
    ("deleted_at integer NOT NULL DEFAULT 0", "0", "1767322800", {"deleted_at": {"value": "now", "restored": 0}}),
    ("is_active integer NOT NULL", "1", "0", {"is_active": 0}),
    ("is_active boolean DEFAULT 1", "1", "0", {"is_active": False}),
    ("is_deleted boolean NOT NULL DEFAULT 0", "0", "1", {"is_deleted": True}),
    ("active text", "'Yes'", "'No'", {"active": False}),
    ("state text", "'in use'", "'gone'", {"state": {"value": "gone", "restored": "in use"}}),
    ("since text", "'x'", "NULL", {"since": {"value": None, "restored": "x"}}),
]


@pytest.mark.parametrize(("column", "live", "gone", "deleted"), MARKS)
def test_deletes_creates_and_what_comes_back(tmp_path: Path, column: str, live: str, gone: str, deleted: Any) -> None:
    base, mapping = table(tmp_path, column, live, gone, live), {"device": {"deleted": deleted}}
    assert [obj.name for obj in target(base, mapping).get_all("device")] == ["d0", "d2"]
    source = devices("d0", "d1", "new")
    assert str(Plan.from_diff(target(base, mapping).diff_from(source)).changes[0].action) == "update"
    target(base, mapping).sync_from(source)
    name = column.partition(" ")[0]
    found = rows(base, f"SELECT id, name, role, note FROM device WHERE {name} IS {live} ORDER BY id")
    assert found == [(0, "d0", "new", "kept"), (1, "d1", "new", "kept"), (3, "new", "new", None)]
    ((kept, mark),) = rows(base, f"SELECT note, {name} FROM device WHERE {name} IS NOT {live}")
    assert kept == "kept"
    if deleted == {"deleted_at": "now"}:
        passed = datetime.now(timezone.utc).replace(tzinfo=None) - datetime.fromisoformat(mark)
        assert timedelta() <= passed < timedelta(minutes=5)
    assert not target(base, mapping).diff_from(source).has_diffs()


def test_of_several_deleted_rows_none_is_chosen(tmp_path: Path) -> None:
    base = database(
        tmp_path / "x.db",
        "CREATE TABLE device (id integer PRIMARY KEY, name text, role text, deleted_at text)",
        "CREATE UNIQUE INDEX one ON device (name) WHERE deleted_at IS NULL",
        "INSERT INTO device VALUES (1, 'a', 'old', '2025'), (2, 'a', 'old', '2026'), (3, 'b', 'old', '2026')",
    )
    target(base, {"device": {"deleted": {"deleted_at": "now"}}}).sync_from(devices("a", "b"))
    assert rows(base, "SELECT id, name FROM device WHERE deleted_at IS NULL ORDER BY id") == [(3, "b"), (4, "a")]


def test_an_attribute_may_be_the_mark(tmp_path: Path) -> None:
    base = table(tmp_path, "state text", "'planned'", "'gone'")
    models = {"device": {"identifiers": ["name"], "attributes": {"state": "str"}}}
    mapping = {"device": {"deleted": {"state": "gone"}}}
    source = wanted([{"name": "d0", "state": "planned"}, {"name": "d1", "state": "active"}], models)
    target(base, mapping, models).sync_from(source)
    assert rows(base, "SELECT id, state FROM device ORDER BY id") == [(0, "planned"), (1, "active")]
    for name in ("d0", "d5"):
        source = wanted([{"name": name, "state": "gone"}], models)
        with pytest.raises(ObjectCrudException, match='its "state" would mark the row as deleted'):
            target(base, mapping, models).sync_from(source, flags=DSyncFlags.SKIP_UNMATCHED_DST)
    assert rows(base, "SELECT id, state FROM device ORDER BY id") == [(0, "planned"), (1, "active")]


def test_children_of_a_deleted_parent_are_not_there_and_come_back_with_it(tmp_path: Path) -> None:
    base = database(tmp_path / "x.db", TREE)
    looked_up = {"from": "site_id", "lookup": {"model": "site", "key": "id"}}
    for fields in ({"site": {"parent": "name"}}, {"site": looked_up}):
        mapping = {"site": {"deleted": {"deleted_at": "now"}}, "device": {"fields": fields}}
        assert [obj.get_unique_id() for obj in target(base, mapping, NESTED).get_all("device")] == ["nyc__r1"]
    records = {
        "site": [{"name": "par", "phone": "9"}],
        "device": [{"site": "par", "name": "r2", "role": "spare"}, {"site": "par", "name": "r4", "role": "spare"}],
    }
    source = wanted(records, NESTED, {"device": {"parent": "site"}})
    target(base, mapping, NESTED).sync_from(source)
    assert rows(base, "SELECT id, name, phone, deleted_at IS NULL FROM site ORDER BY id") == [
        (1, "nyc", "1", 0),
        (2, "par", "9", 1),
    ]
    found = rows(base, "SELECT id, name, role, note FROM device ORDER BY id")
    assert found == [(2, "r2", "spare", "kept"), (3, "r3", "edge", "kept"), (4, "r4", "spare", None)]


def test_undo_restores_deleted_rows_and_marks_those_that_came_back(tmp_path: Path) -> None:
    base, mapping = table(tmp_path, "deleted_at text", "NULL", "NULL", "'2026'"), {"device": {"deleted": {"deleted_at": "now"}}}
    state = "SELECT id, name, role, note, deleted_at IS NULL FROM device ORDER BY id"
    before = rows(base, state)
    source, there = wanted([{"name": "d0", "role": "new"}, {"name": "d2", "role": "old"}]), target(base, mapping)
    plan = Plan.from_diff(there.diff_from(source))
    there.apply(plan, source).raise_for_failure()
    assert [row[4] for row in rows(base, state)] == [1, 0, 1]
    target(base, mapping).apply(undo_plan(plan), source).raise_for_failure()
    assert rows(base, state) == before


def test_a_row_that_somebody_else_has_deleted_is_no_longer_there(tmp_path: Path) -> None:
    base, mapping = table(tmp_path, "deleted_at text", "NULL", "NULL"), {"device": {"deleted": {"deleted_at": "now"}}}
    there, source = target(base, mapping), devices("d0")
    plan = Plan.from_diff(there.diff_from(source))
    database(base, "UPDATE device SET deleted_at = '2026-01-01'")
    result = there.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [str(one.status) for one in result.outcomes] == ["failed", "failed"]
    assert rows(base, "SELECT role, deleted_at FROM device") == [("old", "2026-01-01")] * 2


def test_queries_and_views_hide_deleted_rows(tmp_path: Path) -> None:
    base = table(tmp_path, "is_active integer", "1", "0")
    for place in ({"query": "SELECT * FROM device"}, "shown"):
        database(base, "CREATE VIEW IF NOT EXISTS shown AS SELECT * FROM device")
        assert len(target(base, {"device": {"from": place, "deleted": {"is_active": 0}}})) == 1


@pytest.mark.parametrize(
    ("deleted", "said"),
    [
        ("now", r"mapping\.device\.deleted: this should be a dictionary"),
        ({"a": 1, "b": 1}, r"mapping\.device\.deleted: this should be one field with the value that marks a deleted record"),
        ({"name": "x"}, r'mapping\.device\.deleted\.name: "name" identifies the object'),
        (
            {"state": "gone"},
            r"deleted\.state: it does not name the value of records that are not deleted: \{state: \{value: gone, r",
        ),
        ({"state": {"restored": 1}}, r'deleted\.state: it does not name the value of deleted records; add "value"'),
        ({"state": {"value": 1, "restored": 1}}, r"deleted\.state: deleted and restored records have the same value"),
        ({"state": {"value": 1, "restore": 1}}, r'deleted\.state: there is no key "restore" here'),
        ({"state": [1]}, r"deleted\.state: this should be a single value"),
        ({"gone_at": "now"}, r'mapping\.device\.deleted: device has no column "gone_at"'),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path: Path, deleted: Any, said: str) -> None:
    base = table(tmp_path, "state text", "'x'")
    with pytest.raises(DefinitionError, match=said):
        target(base, {"device": {"deleted": deleted}})


def test_an_adapter_that_removes_records_says_so() -> None:
    with pytest.raises(DefinitionError, match=r"mapping\.device\.deleted: the adapter memory removes deleted records"):
        wanted([], mapping={"device": {"deleted": {"gone": True}}})


def test_a_hidden_row_that_is_refused_stays_hidden(tmp_path: Path) -> None:
    base, mapping = (
        table(tmp_path, "deleted_at text CHECK (role <> 'new')", "'2026'"),
        {"device": {"deleted": {"deleted_at": "now"}}},
    )
    with pytest.raises(ObjectCrudException, match="CHECK constraint failed"):
        target(base, mapping).sync_from(devices("d0"))
    assert rows(base, "SELECT role, deleted_at FROM device") == [("old", "2026")]


CONFORMING = (
    "CREATE TABLE site (id integer PRIMARY KEY, name text NOT NULL UNIQUE, note text, floors int NOT NULL, gone datetime);"
    "CREATE TABLE device (id integer PRIMARY KEY, site_id int NOT NULL REFERENCES site (id), name text NOT NULL,"
    " role text NOT NULL, rack int, active boolean NOT NULL, password text NOT NULL, gone datetime, UNIQUE (site_id, name));"
    "CREATE TABLE place (id integer PRIMARY KEY, name text NOT NULL UNIQUE, gone datetime);"
    "CREATE TABLE thing (id integer PRIMARY KEY, name text NOT NULL UNIQUE, label text, note text, gone datetime,"
    " place_id int NOT NULL REFERENCES place (id));"
)
GONE: dict[str, Any] = {"deleted": {"gone": "now"}}


class TestConformance(AdapterConformance):
    """What every adapter keeps, where no row is ever removed."""

    shared = True

    @pytest.fixture(autouse=True)
    def _tables(self, tmp_path: Path) -> None:
        self.base = database(tmp_path / "x.db", CONFORMING)

    def adapter(self) -> DSync:
        mapping = {"site": GONE, "device": {**GONE, "fields": {"site_name": {"parent": "name"}}}}
        return SqlAdapter.bound(self.data_model, mapping)(url=f"sqlite:///{self.base}")

    def places(self, models: DataModel) -> DSync:
        return SqlAdapter.bound(models, {"place": GONE, "thing": GONE})(url=f"sqlite:///{self.base}")

    def break_it(self, adapter: DSync) -> Callable[[], None]:
        return self._refused("NEW.role = 'changed'")

    def break_removal(self, adapter: DSync) -> Callable[[], None]:
        return self._refused("NEW.gone IS NOT NULL AND OLD.id = (SELECT max(id) FROM device)")

    def _refused(self, when: str) -> Callable[[], None]:
        """Let the database refuse an update of a device, and return what lets it be."""
        database(self.base, f"CREATE TRIGGER no BEFORE UPDATE ON device WHEN {when} BEGIN SELECT RAISE(ABORT, 'no'); END")

        def let() -> None:
            database(self.base, "DROP TRIGGER no")

        return let

    def test_no_row_is_ever_removed(self) -> None:
        database(self.base, "CREATE TABLE removed (what text)")
        for table in ("site", "device"):
            noted = f"BEGIN INSERT INTO removed VALUES ('{table}'); END"
            database(self.base, f"CREATE TRIGGER of_{table} BEFORE DELETE ON {table} {noted}")
        for wanted in (self.before(), self.after(), self.before()):
            _target, result = self.synchronised(wanted)
            result.raise_for_failure()
            assert not self.loaded().diff_from(wanted).has_diffs()
        assert rows(self.base, "SELECT * FROM removed") == []
        assert rows(self.base, "SELECT count(*) - count(DISTINCT name) FROM site") == [(0,)]
