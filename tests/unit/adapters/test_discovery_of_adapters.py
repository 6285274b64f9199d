# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What adapters report of places for which no model is declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync.adapters import RecordModel, built_in
from dsync.adapters.core.schema import FieldSchema, Schema
from dsync.exceptions import DefinitionError
from dsync.records.declaration_reader import Declared
from dsync.records.definition import data_model

ANY = data_model({"record": {"identifiers": ["id"]}}, base=RecordModel)


def adapter(name: str, **options: Any) -> Any:
    return built_in(name).bound(ANY)(**options)


def at(place: Any) -> Declared:
    return Declared(place, "source.tables")


def test_a_header_alone_shows_columns(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text("name,mtu\n")
    file = adapter("file", path=str(tmp_path / "export.csv"))
    assert file.places() == ([],)
    assert file.discover(at([])) == ((), Schema({"name": FieldSchema(), "mtu": FieldSchema()}))


def test_lists_of_a_file_are_places(tmp_path: Path) -> None:
    (tmp_path / "sot.json").write_text('{"sites": [{"name": "nyc"}], "version": 1, "devices": [{"name": "r1"}], "tags": ["a"]}')
    file = adapter("file", path=str(tmp_path / "sot.json"))
    assert file.places() == ("sites", "devices")
    assert file.discover(at("devices"))[0] == [{"name": "r1"}]
    with pytest.raises(DefinitionError, match=r"source\.tables: there is no record at 'racks'"):
        file.discover(at("racks"))


def test_sheets_of_a_workbook_are_places(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    book = openpyxl.Workbook()
    book.active.title = "devices"
    for row in (["name", "mtu"], ["r1", 1500]):
        book.active.append(row)
    book.create_sheet("racks").append(["label"])
    book.save(tmp_path / "estate.xlsx")
    file = adapter("file", path=str(tmp_path / "estate.xlsx"))
    assert file.places() == ("devices", "racks")
    records, schema = file.discover(at("devices"))
    assert ([dict(one) for one in records], list(schema.fields)) == ([{"name": "r1", "mtu": 1500}], ["name", "mtu"])
    assert file.discover(at("racks")) == ((), Schema({"label": FieldSchema()}))


def test_a_database_reports_types_keys_and_references(tmp_path: Path) -> None:
    sa = pytest.importorskip("sqlalchemy")
    engine = sa.create_engine(f"sqlite:///{tmp_path}/cmdb.db")
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE sites (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
            "CREATE TABLE devices (id INTEGER PRIMARY KEY, name TEXT NOT NULL, mtu INTEGER, site_id INTEGER REFERENCES sites (id), "
            "label TEXT GENERATED ALWAYS AS (name || '!') VIRTUAL, UNIQUE (site_id, name))",
            "INSERT INTO devices (id, name, mtu) VALUES (1, 'r1', 1500)",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    database = adapter("sql", url=f"sqlite:///{tmp_path}/cmdb.db")
    assert database.places() == ("devices", "sites")
    records, schema = database.discover(at("devices"))
    assert records == [{"id": 1, "name": "r1", "mtu": 1500, "site_id": None, "label": "r1!"}]
    assert schema.fields["name"] == FieldSchema("str", False)
    assert schema.fields["mtu"] == FieldSchema("int", True)
    assert schema.fields["label"].read_only
    assert (schema.key, schema.uniques) == (("id",), (("site_id", "name"),))
    assert schema.references == {"site_id": ("sites", "id")}
    assert database.discover(at({"query": "SELECT name FROM devices"})) == ([{"name": "r1"}], Schema({"name": FieldSchema()}))


def test_choices_are_those_of_an_enumeration() -> None:
    sa = pytest.importorskip("sqlalchemy")
    from dsync.adapters.sql.schema import schema_of
    from dsync.adapters.sql.tables import Relation

    kinds = {
        "state": sa.Enum("on", "off"),
        "since": sa.DateTime(),
        "cost": sa.Numeric(8, 2),
        "share": sa.Float(),
        "tags": sa.JSON(),
    }
    table = sa.Table("t", sa.MetaData(), *(sa.Column(name, kind) for name, kind in kinds.items()))
    fields = schema_of(Relation("t", tuple(kinds), table=table)).fields
    assert fields["state"] == FieldSchema("str", True, ("on", "off"))
    assert [fields[name].type for name in ("since", "cost", "share")] == ["datetime", "decimal", "float"]


def test_an_adapter_that_lists_no_places_has_none() -> None:
    memory = adapter("memory", records=[{"name": "a"}])
    assert memory.places() == ()
    assert memory.discover(at([]))[0] == [{"name": "a"}]
