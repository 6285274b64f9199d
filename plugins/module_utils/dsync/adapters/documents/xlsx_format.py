# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""XLSX: a sheet for each model, a record a row below a header; read by python-calamine, changed by openpyxl.

Cells are numbers, booleans, dates, times or strings. A cell that shows an error is read as the text it shows, such as ``#N/A``; a
formula whose value is not in the file is read as its own text. Neither is taken for an empty cell. Cell formats, formulas and other
sheets are kept. A workbook that holds what openpyxl does not keep, such as charts and pictures, is not changed.
"""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from ...exceptions import LibraryMissing, RecordProblem
from .document import NotATable
from .edits import Edits, Way, same_tree, text_of_way
from .format import BYTES, Format, Rows

_LOST = re.compile(r"xl/(charts|chartsheets|drawings/drawing|media|embeddings|activeX|ctrlProps|slicers|timelines)")
"""Matches the names of parts of a workbook that openpyxl does not keep."""

_CELL = r'<(?:\w+:)?c\b[^>]*?\br="([A-Z]+)([0-9]+)"[^>]*?'
_ERROR = re.compile(rf'{_CELL}\bt="e"[^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<', re.DOTALL)
_FORMULA = re.compile(rf"{_CELL}>\s*<(?:\w+:)?f\b[^>]*>([^<]*)</(?:\w+:)?f>\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</")
"""Matches a formula whose value is not in the file."""

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_NOT_IN_TITLES = re.compile(r"[\\*?:/\[\]]")
_DEPTH = 2
"""A record is at the title of a sheet and at its number there."""

_LONGEST_TITLE = 31
_LONGEST_TEXT = 32767
_EXACT = 2**53
"""Whole numbers from here on are not exact in a cell, which holds fifteen digits."""


class XlsxFormat(Format):
    suffixes = (".xlsx",)
    encoding = BYTES
    cells = True
    typed = True
    kept_types = (datetime, date, time, Decimal)

    def read(self, text: str, name: str) -> Any:
        return {title: _records(sheet) for title, sheet in _sheets(text, name).items()} if text else None

    def changed(self, text: str, edits: Edits, name: str) -> str:
        before = self.read(text, name) or {}
        wanted = edits.made_in({title: copy.deepcopy(records) for title, records in before.items()})
        found = _changed(text, edits, name)
        if not same_tree(_filled(self.read(found, name)), _filled(wanted)):
            raise RecordProblem(
                f"{name} cannot hold the value: a cell holds 15 digits, a time milliseconds, and formulas are "
                "calculated only by a spreadsheet program"
            )
        return found

    def line(self, text: str, way: Way, name: str) -> int | None:
        sheet = _sheets(text, name).get(way[0]) if len(way) > 1 else None
        return sheet.rows[way[1]].number if sheet is not None and way[1] < len(sheet.rows) else None


class _Row(NamedTuple):
    number: int
    cells: list[Any]


class _Sheet(NamedTuple):
    """A sheet as a table.

    Attributes:
        header: the number of the row with the names of the columns, counted from 1; 0 for an empty sheet.
        columns: name of a column → its number, counted from 1.
        rows: the rows below the header that are not blank.
        problem: why it is no table; empty if it is one.
    """

    header: int
    columns: dict[str, int]
    rows: list[_Row]
    problem: str


# ---------------------------------------------------------------------- reading


def _sheets(text: str, name: str) -> dict[str, _Sheet]:
    """Return the sheets of a workbook by their titles. Raises RecordProblem, LibraryMissing."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise LibraryMissing(
            "XLSX files can only be read with the library python-calamine, which is not installed", "python-calamine"
        ) from None
    import zipfile
    from xml.etree import ElementTree

    raw = text.encode(BYTES)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        tables = {title: book.get_sheet_by_name(title).to_python(skip_empty_area=False) for title in book.sheet_names}
        hidden = _hidden_texts(raw)
    except (CalamineError, zipfile.BadZipFile, ElementTree.ParseError, KeyError) as error:
        raise RecordProblem(f"{name} is not a workbook of XLSX that can be read: {error}") from None
    return {title: _table(f"{name}, sheet {title}", rows, hidden.get(title, {})) for title, rows in tables.items()}


def _hidden_texts(raw: bytes) -> dict[str, dict[tuple[int, int], str]]:
    """Return sheet → (row, column) → what is in a cell that python-calamine reads as an empty one: an error, or a formula without
    a value."""
    import zipfile
    from xml.etree import ElementTree

    found: dict[str, dict[tuple[int, int], str]] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as parts:
        targets = {
            one.get("Id"): str(one.get("Target")) for one in ElementTree.fromstring(parts.read("xl/_rels/workbook.xml.rels"))
        }
        for sheet in ElementTree.fromstring(parts.read("xl/workbook.xml")).iter():
            target = targets.get(sheet.get(_RELATION)) if sheet.tag.endswith("}sheet") else None
            if target is None:
                continue
            part = parts.read(target.removeprefix("/") if target.startswith("/") else f"xl/{target}").decode("utf-8", "replace")
            matches = [(match, "") for match in _ERROR.finditer(part)] + [(match, "=") for match in _FORMULA.finditer(part)]
            found[str(sheet.get("name"))] = {
                (int(match[2]), _number_of(match[1])): start + _unescaped(match[3]) for match, start in matches
            }
    return found


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


def _table(name: str, rows: Sequence[Sequence[Any]], hidden: Mapping[tuple[int, int], str]) -> _Sheet:
    header, columns, found = 0, dict[str, int](), list[_Row]()
    width = max((column for _row, column in hidden), default=0)
    for number, row in enumerate(rows, 1):
        cells = [hidden.get((number, column)) or _value(cell) for column, cell in enumerate(row, 1)]
        cells += [hidden.get((number, column), "") for column in range(len(cells) + 1, width + 1)]
        if all(isinstance(cell, str) and not cell.strip() for cell in cells):
            continue
        if not header:
            names = [str(cell).strip() for cell in cells]
            twice = next((title for title in names if title and names.count(title) > 1), None)
            if twice is not None:
                return _Sheet(number, {}, [], f'{name}, row {number}: the column "{twice}" occurs twice')
            header, columns = number, {title: column for column, title in enumerate(names, 1) if title}
            continue
        named = set(columns.values())
        stray = next((column for column, cell in enumerate(cells, 1) if column not in named and str(cell).strip()), None)
        if stray is not None:
            return _Sheet(header, {}, [], f"{name}, row {number}: cell {stray} is in a column that has no name in row {header}")
        found.append(_Row(number, cells))
    return _Sheet(header, columns, found, "")


def _value(cell: Any) -> Any:
    """Return what a cell represents: all numbers of a workbook are floats."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT else cell


def _records(sheet: _Sheet) -> Any:
    if sheet.problem:
        return NotATable(sheet.problem)
    records = (
        {title: row.cells[column - 1] if column <= len(row.cells) else "" for title, column in sheet.columns.items()}
        for row in sheet.rows
    )
    return Rows(records, [*sheet.columns])


def _filled(tree: Any) -> Any:
    """Return the sheets of a tree with every column in every record, and values as they are read again."""
    found = {}
    for title, records in (tree or {}).items():
        listed = records if isinstance(records, list) else [{"": records}]
        columns = dict.fromkeys(column for record in listed for column in record)
        found[title] = [{column: _as_read(record.get(column)) for column in columns} for record in listed]
    return {title: records for title, records in found.items() if records}


def _as_read(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        near = float(value)
        return _value(near) if Decimal(repr(near)) == value else value
    return _value(value)


# ---------------------------------------------------------------------- changing


def _changed(text: str, edits: Edits, name: str) -> str:
    """Return a workbook with some changes made in it. Raises RecordProblem, LibraryMissing."""
    try:
        import openpyxl
    except ImportError:
        why = "XLSX files can only be changed with the library openpyxl, which is not installed"
        raise LibraryMissing(why, "openpyxl") from None
    inside = next((way for way in (*edits.changed, *edits.added, *edits.removed) if len(way) > _DEPTH), None)
    if inside is not None:
        raise RecordProblem(f"{name}, {text_of_way(inside)}: a row cannot hold records; give their model a sheet of its own")
    raw = text.encode(BYTES)
    if raw:
        _check_keepable(raw, name)
        book = openpyxl.load_workbook(io.BytesIO(raw))
    else:
        book = openpyxl.Workbook()
        del book[book.sheetnames[0]]
    tables = _sheets(text, name) if raw else {}
    for title in dict.fromkeys(str(way[0]) for way in (*edits.changed, *edits.added, *edits.removed)):
        if title not in book.sheetnames:
            book.create_sheet(_checked_title(title, name))
        _Editor(book, title, tables.get(title, _Sheet(0, {}, [], "")), name).change(edits)
    book.calculation.fullCalcOnLoad = True
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue().decode(BYTES)


def _check_keepable(raw: bytes, name: str) -> None:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(raw)) as parts:
        lost = next((match for match in map(_LOST.match, parts.namelist()) if match), None)
    if lost is not None:
        raise RecordProblem(
            f"{name} holds {lost[1].split('/')[0]}, which would be lost if it were changed; keep the table in a workbook of its own"
        )


def _checked_title(title: str, name: str) -> str:
    if len(title) > _LONGEST_TITLE or not title or _NOT_IN_TITLES.search(title):
        raise RecordProblem(f'"{title}" cannot be the title of a sheet of {name}: at most 31 characters, none of \\ * ? : / [ ]')
    return title


class _Editor:
    """Changes one sheet.

    Args:
        book: a workbook of openpyxl.
        title: of the sheet, which is there.
        table: the sheet as it was read.
        name: of the file, for messages.
    """

    def __init__(self, book: Any, title: str, table: _Sheet, name: str) -> None:
        self._book, self._sheet, self._table = book, book[title], table
        self._title, self._name = title, name
        self._columns = dict(table.columns)
        self._header = table.header or 1

    def change(self, edits: Edits) -> None:
        """Make the changes that are this sheet's. Raises RecordProblem."""
        new = [record for way, record in edits.new_records().items() if way[0] == self._title]
        changed = {way[1]: values for way, values in edits.changed.items() if way[0] == self._title and way not in edits.removed}
        self._add_columns(column for record in new for column in record)
        self._add_columns(path[0] for values in changed.values() for path in values)
        for place, values in changed.items():
            for path, value in values.items():
                self._set(self._table.rows[place].number, path[0], value)
        last = self._table.rows[-1].number if self._table.rows else self._header
        self._add(new, last)
        gone = [way[1] for way in edits.removed if way[0] == self._title and way[1] < len(self._table.rows)]
        self._remove([self._table.rows[place].number for place in gone])

    def _add_columns(self, columns: Iterator[Any]) -> None:
        for title in dict.fromkeys(columns):
            if title in self._columns:
                continue
            place = max(self._columns.values(), default=0) + 1
            self._columns[title] = place
            cell = self._sheet.cell(self._header, place)
            if place > 1:
                cell._style = copy.copy(self._sheet.cell(self._header, place - 1)._style)
            self._put(cell, title)

    def _set(self, row: int, column: Any, value: Any) -> None:
        cell = self._sheet.cell(row, self._columns[column])
        if cell.data_type == "f":
            raise RecordProblem(f"{self._name}, sheet {self._title}: {cell.coordinate} is a formula, which is not overwritten")
        self._put(cell, value)

    def _put(self, cell: Any, value: Any) -> None:
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise RecordProblem(
                f"{self._name}, sheet {self._title}: {cell.coordinate} cannot hold more than {_LONGEST_TEXT} characters"
            )
        from openpyxl.utils.exceptions import IllegalCharacterError

        try:
            cell.value = None if value == "" else value
        except (TypeError, ValueError, IllegalCharacterError):  # what they say holds the value, which may be secret
            raise RecordProblem(
                f"{self._name}, sheet {self._title}: {cell.coordinate} cannot hold control characters, or a time with a zone"
            ) from None
        if isinstance(value, str) and value:
            cell.data_type = "s"  # not a formula, whatever it begins with

    def _add(self, records: Sequence[Mapping[Any, Any]], last: int) -> None:
        """Add rows below the last record, formatted as it is."""
        if not records:
            return
        if any(cell.value is not None for row in self._sheet.iter_rows(min_row=last + 1) for cell in row):
            last = self._sheet.max_row
        for number, record in enumerate(records, last + 1):
            for title, column in self._columns.items():
                cell = self._sheet.cell(number, column)
                if last > self._header:
                    cell._style = copy.copy(self._sheet.cell(last, column)._style)
                self._put(cell, record.get(title))
        for table in self._sheet.tables.values():
            start, end = table.ref.split(":")
            if end.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == str(last):
                table.ref = f"{start}:{end.rstrip('0123456789')}{last + len(records)}"
                if table.autoFilter is not None:
                    table.autoFilter.ref = table.ref

    def _remove(self, rows: Sequence[int]) -> None:
        """Remove rows; where something refers to places in the sheet, they are left blank instead."""
        may_shift = bool(rows) and self._may_shift()
        for row in sorted(rows, reverse=True):
            if may_shift:
                self._sheet.delete_rows(row)
                continue
            for cell in self._sheet[row]:
                cell.value = None

    def _may_shift(self) -> bool:
        """Return whether nothing in the workbook refers to the places of cells, so that rows may move up."""
        sheet = self._sheet
        refers = sheet.merged_cells.ranges or sheet.tables or sheet.data_validations.dataValidation or sheet.conditional_formatting
        heights = any(dimension.customFormat or dimension.ht or dimension.hidden for dimension in sheet.row_dimensions.values())
        formulas = any(cell.data_type == "f" for one in self._book.worksheets for row in one.iter_rows() for cell in row)
        return not (refers or heights or formulas or sheet.print_area or sheet.auto_filter.ref or self._book.defined_names)
