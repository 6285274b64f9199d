# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workbooks: what is in their cells is read, what is changed is read again, and all else in them stays."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.records.definition import data_model
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font
from openpyxl.worksheet.table import Table
from test_file import FileConformance

PORTS = data_model(
    {
        "port": {
            "identifiers": ["name"],
            "attributes": {
                "vlan": "str | None",
                "mtu": {"type": "int", "default": 1500},
                "up": "bool | None",
                "since": "date | None",
                "price": "decimal | None",
                "tags": {"type": "list[str]", "default": []},
            },
        }
    },
    base=RecordModel,
)
HEADER = ["name", "vlan", "mtu", "up", "since", "price", "tags"]


class TestXlsx(FileConformance):
    end = ".xlsx"
    of_places: Any = {"thing": {"parent": {"name": "place"}}}


def workbook(path: Path, *rows: Sequence[Any], title: str = "port") -> Any:
    """Return a new workbook with one sheet, saved."""
    book = openpyxl.Workbook()
    sheet = book[book.sheetnames[0]]
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return book


def opened(path: Path, models: Any = PORTS, mapping: Any = None, **options: Any) -> FileAdapter:
    adapter = FileAdapter.bound(models, mapping)(path=str(path), **options)
    adapter.load()
    return adapter


def wanted(*records: dict[str, Any]) -> MemoryAdapter:
    adapter = MemoryAdapter.bound(PORTS, None)(records=list(records))
    adapter.load()
    return adapter


def cells(path: Path, title: str = "port") -> list[list[Any]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(path)[title].iter_rows()]


def values(adapter: FileAdapter, name: str) -> dict[str, Any]:
    found: dict[str, Any] = adapter.get("port", name).get_attrs()
    return found


def test_cells_are_read_as_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    workbook(path, HEADER, ["e1", 10, 9000, True, date(2024, 1, 2), 1.5, "a, b"], ["007", "0123", None, None, None, None, None])
    found = opened(path)
    assert values(found, "e1") == {
        "vlan": "10",
        "mtu": 9000,
        "up": True,
        "since": date(2024, 1, 2),
        "price": Decimal("1.5"),
        "tags": ["a", "b"],
    }
    assert values(found, "007") == {"vlan": "0123", "mtu": 1500, "up": None, "since": None, "price": None, "tags": []}


def test_what_is_around_a_table_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    workbook(path, [], [" name ", "vlan", None, ""], ["e1", "x", None, None], [None, " "], [], ["e2", "y"], title="Sheet1")
    assert sorted(one.name for one in opened(path).get_all("port")) == ["e1", "e2"]


def test_errors_and_formulas_are_not_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    book = workbook(path, HEADER, ["e1", "#N/A"], ["e2", '=IF(B2<>"","a","b")'])
    book["port"]["B2"].data_type = "e"
    book.save(path)
    found = opened(path)
    assert (values(found, "e1")["vlan"], values(found, "e2")["vlan"]) == ("#N/A", '=IF(B2<>"","a","b")')


def test_only_the_changed_cells_change(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    rest = [None, None, None]
    book = workbook(path, [*HEADER, "note"], ["e1", "a", 1, True, *rest, "keep"], ["e2", "b", 2, False, *rest, "x"])
    sheet = book["port"]
    sheet["B2"].font = sheet["B3"].font = Font(bold=True)
    sheet.column_dimensions["A"].width = 40
    notes = book.create_sheet("Notes")
    notes.append(["free text", 1])
    book.save(path)
    source = wanted({"name": "e1", "vlan": "=c", "mtu": 1, "up": True}, {"name": "e3", "vlan": "d", "since": date(2025, 6, 7)})
    result = opened(path)
    result.sync_from(source)
    assert cells(path) == [
        [*HEADER, "note"],
        ["e1", "=c", 1, True, None, None, None, "keep"],
        ["e3", "d", 1500, None, datetime(2025, 6, 7), None, None, None],
    ]
    after = openpyxl.load_workbook(path)
    assert after["port"]["B2"].font.bold
    assert after["port"]["B3"].font.bold
    assert after["port"]["B2"].data_type == "s"
    assert after["port"].column_dimensions["A"].width == 40
    assert cells(path, "Notes") == [["free text", 1]]
    assert not opened(path).diff_from(source).has_diffs()


def test_rows_stay_where_they_are_if_something_refers_to_them(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    book = workbook(path, ["name", "vlan"], ["e1", "a"], ["e2", "b"], ["e3", "c"])
    book.create_sheet("Summary").append(["=port!B4"])
    book["port"].add_table(Table(displayName="Ports", ref="A1:B4"))
    book.save(path)
    models = data_model({"port": {"identifiers": ["name"], "attributes": {"vlan": "str"}}}, base=RecordModel)
    target = opened(path, models)
    source = MemoryAdapter.bound(models, None)(records=[{"name": name, "vlan": "c"} for name in ("e1", "e3", "e4")])
    source.load()
    target.sync_from(source)
    assert cells(path) == [["name", "vlan"], ["e1", "c"], [None, None], ["e3", "c"], ["e4", "c"]]
    assert openpyxl.load_workbook(path)["port"].tables["Ports"].ref == "A1:B5"


def test_what_cannot_be_kept_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    book = workbook(path, ["name", "mtu"], ["e1", 1])
    chart = BarChart()
    chart.add_data(Reference(book["port"], min_col=2, min_row=1, max_row=2))
    book["port"].add_chart(chart, "E5")
    book.save(path)
    before = path.read_bytes()
    with pytest.raises(Exception, match=r"holds (charts|drawings), which would be lost"):
        opened(path).sync_from(wanted({"name": "e1", "mtu": 2}))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vlan": "a\x01"}, "B2 cannot hold"),
        ({"vlan": "x" * 40000}, "B2 cannot hold more than 32767 characters"),
        ({"price": "1.2345678901234567890"}, "a cell holds 15 digits"),
        ({"mtu": 12345678901234567}, "a cell holds 15 digits"),
        ({"up": True}, "D2 is a formula"),
    ],
)
def test_what_a_cell_cannot_hold_is_refused(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    path = tmp_path / "ports.xlsx"
    workbook(path, HEADER, ["e1", "a", 1500, "=FALSE()" if "up" in change else None])
    path.write_bytes(_with_value(path, "D2", "0") if "up" in change else path.read_bytes())
    before = path.read_bytes()
    record = {"name": "e1", "vlan": "a", **change}
    with pytest.raises(Exception, match=re.escape(sentence)):
        opened(path).sync_from(wanted(record))
    assert path.read_bytes() == before


def _with_value(path: Path, cell: str, value: str) -> bytes:
    """Return a workbook in which a formula has a value, as a spreadsheet program saves it."""
    made = path.with_suffix(".new")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith("sheet1.xml"):
                pattern = rb'(<c r="%s"[^>]*?)( t="\w+")?(><f>.*?</f>)<v ?/?>(</v>)?' % cell.encode()
                part = re.sub(pattern, rb'\1 t="b"\3<v>%s</v>' % value.encode(), part)
            new.writestr(name, part)
    return made.read_bytes()


def test_sheets_that_are_no_tables_matter_only_where_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    book = workbook(path, HEADER, ["e1"])
    for title, rows in {"twice": [["a", "a"], ["b", "c"]], "stray": [["name", None], ["b", "c"]]}.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    assert opened(path).count() == 1
    with pytest.raises(RecordProblem, match='sheet twice, row 1: the column "a" occurs twice'):
        opened(path, mapping={"port": {"from": "twice"}})
    with pytest.raises(RecordProblem, match="sheet stray, row 2: cell 2 is in a column that has no name in row 1"):
        opened(path, mapping={"port": {"from": "stray"}})


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ports.xlsx"
    path.write_bytes(b"name,vlan\n")
    with pytest.raises(RecordProblem, match=r"ports\.xlsx is not a workbook of XLSX that can be read"):
        opened(path)
    with pytest.raises(DefinitionError, match="a workbook is read as one file"):
        opened(tmp_path / "*.xlsx")


def test_a_row_holds_no_records(tmp_path: Path) -> None:
    sites = {"site": {"identifiers": ["name"], "children": ["port"]}, "port": {"identifiers": ["name"]}}
    models, mapping = data_model(sites, base=RecordModel), {"site": {"from": "site"}, "port": {"from": "site.*.ports"}}
    source = MemoryAdapter.bound(models, mapping)(records={"site": [{"name": "nyc", "ports": [{"name": "e1"}]}]})
    source.load()
    with pytest.raises(Exception, match=r"site\[0\]\.ports\[0\]: a row cannot hold records; give their model a sheet of its own"):
        opened(tmp_path / "new.xlsx", models, mapping, create=True).sync_from(source)


def test_a_new_workbook_has_a_sheet_for_each_model(tmp_path: Path) -> None:
    path = tmp_path / "new.xlsx"
    opened(path, create=True).sync_from(wanted({"name": "e1", "vlan": "10"}))
    assert cells(path)[0][:2] == ["name", "vlan"]
    assert cells(path)[1][:3] == ["e1", "10", 1500]
