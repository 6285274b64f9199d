# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""CSV and TSV: a record a row below a header; what is not changed is kept, the marks around cells too."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import Any, ClassVar

from ...exceptions import RecordProblem
from .edits import Edits, Way
from .format import Format, Rows, Table

AUTO = "auto"
"""Represents the delimiter that a text has."""


class CsvFormat(Format):
    suffixes = (".csv",)
    cells = True
    rows = True
    default: ClassVar[str] = ","

    def read(self, text: str, name: str) -> Any:
        rows = self._table(text, name)
        return Rows(rows.records(), [name for name in rows.header if name])

    def table(self, text: str, name: str) -> Table | None:
        rows = self._table(text, name)
        columns = rows.columns()
        return None if columns is None else Table(dict(zip(rows.header, columns)))

    def changed(self, text: str, edits: Edits, name: str) -> str:
        return _Editor(self._table(text, name)).changed(edits)

    def line(self, text: str, way: Way, name: str) -> int | None:
        table = self._table(text, name)
        places = [start for start, _end, _cells in table.rows()]
        return places[way[0]] + 1 if way and way[0] < len(places) else None

    def _table(self, text: str, name: str) -> _Table:
        named = _named_delimiter(text)
        if named and self.delimiter not in (AUTO, None, named):
            raise RecordProblem(
                f"{name}, line 1: it names {named!r} as the delimiter, and the option delimiter {self.delimiter!r}; "
                "leave the option out"
            )
        if self.delimiter == AUTO and not named:
            return _Table(text, _found_delimiter(text, self.default, name), name)
        return _Table(text, named or self.delimiter or self.default, name)


class TsvFormat(CsvFormat):
    suffixes = (".tsv",)
    default = "\t"


_LONGEST_CELL = 2**31 - 1
"""The library csv reads no longer ones than 128 KiB by default."""

_DELIMITERS = (",", ";", "\t", "|")
"""What is usually between cells; in the name of an only column it means that another delimiter was expected."""


_SEP = re.compile(r'"?sep=([^"\r\n])"?[ ,;\t]*(?:[\r\n]|\Z)')
"""Matches a first line by which Excel is told the delimiter; it is not a row."""


def _named_delimiter(text: str) -> str:
    """Return the delimiter that the first line of a text names for Excel; an empty string if it names none."""
    found = _SEP.match(text)
    return "" if found is None else found[1]


def _found_delimiter(text: str, default: str, name: str) -> str:
    """Return the delimiter of a text: the one that its header has, or with which all rows have as many cells as the header.

    Args:
        text: the rows.
        default: the delimiter of a text whose header is empty, or has one column.
        name: of the file.

    Raises:
        RecordProblem: there are several such delimiters, or none of those that the header has fits all rows.
    """
    csv.field_size_limit(_LONGEST_CELL)
    headed = [one for one in _DELIMITERS if next(_widths(text, one), 0) > 1]
    if len(headed) < 2:
        return next(iter(headed), default)
    fitting = [one for one in headed if len({*_widths(text, one)}) == 1]
    if len(fitting) != 1:
        several = " or ".join(map(repr, fitting or headed))
        raise RecordProblem(
            f"{name}: it is not clear whether {several} is the delimiter; set the option delimiter to the one that the file has"
        )
    return fitting[0]


def _widths(text: str, delimiter: str) -> Iterator[int]:
    """Yield how many cells each row has that is not blank, the header first; 0 for a row that is not one with this delimiter."""
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if not _is_blank(cells):
                yield len(cells)
    except csv.Error:
        yield 0


class _Table:
    """The rows of a text, below a header."""

    def __init__(self, text: str, delimiter: str, name: str) -> None:
        self.text, self.delimiter, self.name = text, delimiter, name
        self.header: list[str] = []
        self.header_start = self.header_end = 1 if _named_delimiter(text) else 0
        csv.field_size_limit(_LONGEST_CELL)
        lines: Iterator[str] = iter(io.StringIO(text, newline=""))
        if self.header_start:
            lines = chain(["\n"], islice(lines, 1, None))  # the numbers of the lines stay
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        for cells in self._rows_of(reader):
            if any(cells):
                self.header, self.header_end = cells, reader.line_num
                break
        if len(self.header) == 1 and any(other in self.header[0] for other in _DELIMITERS):
            raise RecordProblem(
                f'{name}, line {self.header_end}: there is only one column, "{self.header[0]}"; check whether '
                f"{delimiter!r} is the delimiter"
            )
        twice = {cell for cell in self.header if cell and self.header.count(cell) > 1}
        if twice:
            raise RecordProblem(f'{name}, line {self.header_end}: the column "{sorted(twice)[0]}" occurs twice')
        self._nameless = [place for place, cell in enumerate(self.header) if not cell]
        self._reader = reader

    def _rows_of(self, reader: Any) -> Iterator[list[str]]:
        try:
            yield from reader
        except csv.Error as error:
            raise RecordProblem(f"{self.name}, line {reader.line_num}: {error}") from None

    def rows(self) -> Iterator[tuple[int, int, list[str]]]:
        """Yield the rows with the numbers of the first line and of that after the last one; to be called once.

        A row whose cells are all blank is not a record and is skipped.

        Raises:
            RecordProblem: a row has more or fewer cells than the header.
        """
        start, width = self.header_end, len(self.header)
        for cells in self._rows_of(self._reader):
            end = self._reader.line_num
            if not _is_blank(cells):
                self._check_width(cells, width, start + 1)
                self._check_nameless(cells, start + 1)
                yield start, end, cells
            start = end

    def columns(self) -> list[Sequence[str]] | None:
        """Return the cells of each column, faster than :meth:`rows` and instead of it. None if a row has to be read by itself:
        because its cells are all blank, it has more or fewer of them than the header, or a column has no name."""
        if self._nameless or not self.header:
            return None
        columns: list[Sequence[str]] | None = self._split()
        if columns is None:
            try:
                rows = list(filter(None, self._reader))
            except csv.Error:
                return None
            columns = [*map(list, zip(*rows))] if {*map(len, rows)} == {len(self.header)} else None
        return columns if columns and any(all(map(str.strip, column)) for column in columns) else None

    def _split(self) -> list[Sequence[str]] | None:
        """Return the cells of each column where no cell has a quotation mark, so that delimiters are between cells only; otherwise
        None."""
        width, text = len(self.header), self.text.replace("\r\n", "\n")
        if self.header_end != 1 or any(mark in text for mark in '"\r\0'):
            return None
        lines = text.partition("\n")[2].rstrip("\n").split("\n")
        if {*map(str.count, lines, repeat(self.delimiter))} != {width - 1} or "" in lines:
            return None
        cells = self.delimiter.join(lines).split(self.delimiter)
        return [cells[place::width] for place in range(width)]

    def _check_width(self, cells: Sequence[str], width: int, line: int) -> None:
        """Raise RecordProblem where a row has more or fewer cells than the header."""
        if len(cells) > width:
            raise RecordProblem(
                f"{self.name}, line {line}: it has {len(cells)} cells, and the header only {width}; check whether "
                f"{self.delimiter!r} is the delimiter"
            )
        if len(cells) < width:
            cell = "cell" if len(cells) == 1 else "cells"
            raise RecordProblem(
                f"{self.name}, line {line}: it has {len(cells)} {cell}, and the header has {width}; "
                f"the file may be truncated. Otherwise add a {self.delimiter!r} for each empty cell at the end of a row"
            )

    def _check_nameless(self, cells: Sequence[str], line: int) -> None:
        """Raise RecordProblem where there is something in a column without a name; spreadsheets export such columns, empty."""
        for place in self._nameless:
            if cells[place].strip():
                raise RecordProblem(
                    f"{self.name}, line {line}: cell {place + 1} is in a column that has no name in line {self.header_end}; give "
                    "it one"
                )

    def records(self) -> Iterator[dict[str, str]]:
        header = self.header
        for _start, _end, cells in self.rows():
            record = dict(zip(header, cells))
            if self._nameless:
                del record[""]
            yield record


def _is_blank(cells: Iterable[str]) -> bool:
    """Return whether a row has nothing but white space in its cells; spreadsheets export such rows, and they are not records."""
    return not any(cell.strip() for cell in cells)


class _Editor:
    """The text of a table with some changes made in it."""

    def __init__(self, table: _Table) -> None:
        self._table = table
        self._rows = list(table.rows())
        self._lines = io.StringIO(table.text, newline="").readlines()
        first = self._lines[0] if self._lines else ""
        self._newline = next((end for end in ("\r\n", "\r") if first.endswith(end)), "\n")
        self._columns = list(table.header)

    def changed(self, edits: Edits) -> str:
        new = edits.new_records()
        before = len(self._columns)
        values = [*({path[0]: None for path in one} for one in edits.changed.values()), *new.values()]
        self._columns += dict.fromkeys(name for one in values for name in one if name not in self._columns)
        more = len(self._columns) - before
        lines: list[str] = [self._head(more)]
        done = self._table.header_end
        for place, (start, end, cells) in enumerate(self._rows):
            lines += self._lines[done:start]
            if (place,) not in edits.removed:
                lines.append(self._row("".join(self._lines[start:end]), cells, edits.changed.get((place,)), more))
            done = end
        lines += self._lines[done:]
        text = "".join(lines)
        if new and text and not text.endswith(("\n", "\r")):
            text += self._newline
        quoting = self._quoting_of_last()
        return text + "".join(
            self._written(self._checked([record.get(name, "") for name in self._columns]), quoting) for record in new.values()
        )

    def _checked(self, cells: list[str]) -> list[str]:
        """Return the cells of a row that is to be written. Raises RecordProblem where it would not be read as a record."""
        if _is_blank(cells):
            raise RecordProblem(
                f"{self._table.name}: a row whose cells are all blank is not a record; delete the object, or give it a value"
            )
        return cells

    def _head(self, more: int) -> str:
        start, end = self._table.header_start, self._table.header_end
        mark, head = "".join(self._lines[:start]), "".join(self._lines[start:end])
        if not more:
            return mark + head
        if not self._table.header:
            return mark + head + self._written(self._columns, csv.QUOTE_MINIMAL)
        added = self._written(self._columns[-more:], self._quoting(head, self._table.header)).rstrip("\r\n")
        return mark + _appended(head, self._table.delimiter + added)

    def _row(self, raw: str, cells: list[str], values: Mapping[Any, Any] | None, more: int) -> str:
        if values is None:
            return _appended(raw, self._table.delimiter * more)
        record = dict(zip(self._columns, cells))
        record.update((path[0], value) for path, value in values.items())
        self._checked(list(record.values()))
        end = raw[len(raw.rstrip("\r\n")) :]
        pieces, quoting = self._pieces(raw, cells), self._quoting(raw, cells)
        written = []
        for place, name in enumerate(self._columns):
            old = pieces[place] if place < len(pieces) else ""
            as_old = csv.QUOTE_ALL if old.startswith('"') else quoting
            kept = place < len(pieces) and (name,) not in values
            written.append(old if kept else self._cell(record.get(name, ""), as_old))
        return self._table.delimiter.join(written) + end

    def _pieces(self, raw: str, cells: list[str]) -> list[str]:
        """Return the cells of a row as they are written; none if they are not certain."""
        mark = re.escape(self._table.delimiter)
        found = re.findall(rf'("(?:[^"]|"")*"|[^{mark}]*)(?:{mark}|\Z)', raw.rstrip("\r\n"))
        return found[: len(cells)] if len(found) in (len(cells), len(cells) + 1) else []

    def _cell(self, text: str, quoting: Any) -> str:
        return self._written([text], quoting).removesuffix(self._newline) if text or quoting == csv.QUOTE_ALL else ""

    def _written(self, cells: Sequence[str], quoting: Any) -> str:
        stream = io.StringIO(newline="")
        csv.writer(stream, delimiter=self._table.delimiter, lineterminator=self._newline, quoting=quoting).writerow(cells)
        return stream.getvalue()

    def _quoting(self, raw: str, cells: list[str]) -> Any:
        """Return how a row is quoted: everywhere, or where it has to be."""
        everywhere = self._written(cells, csv.QUOTE_ALL).rstrip("\r\n")
        return csv.QUOTE_ALL if raw.rstrip("\r\n") == everywhere else csv.QUOTE_MINIMAL

    def _quoting_of_last(self) -> Any:
        if not self._rows:
            if not self._table.header:
                return csv.QUOTE_MINIMAL
            head = self._lines[self._table.header_start : self._table.header_end]
            return self._quoting("".join(head), self._table.header)
        start, end, cells = self._rows[-1]
        return self._quoting("".join(self._lines[start:end]), cells)


def _appended(raw: str, more: str) -> str:
    """Return a row with more at its end."""
    bare = raw.rstrip("\r\n")
    return bare + more + raw[len(bare) :]
