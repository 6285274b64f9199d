# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The formats of files: text → tree of lists and dictionaries, and text with some changes made in it, all else as it was.

::

    yaml   only the changed values are exchanged in the text (:mod:`.yaml_text`); read as Ansible reads it
    toml   comments and order are kept, by tomlkit
    json   only what is changed is written anew (:mod:`.json_text`)
    jsonl  a record a line; other lines than those of changed records are kept
    csv    a record a row; other rows than those of changed records are kept, as are the columns' order and the marks around cells
    tsv    the same with tabs
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, ClassVar

from ...exceptions import LibraryMissing, RecordProblem
from . import json_text
from .document import Edits, Way, same_tree


class Format:
    """One format, that reads and changes texts.

    Args:
        delimiter: what stands between the cells of a row, where there are rows.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    kept_types: ClassVar[tuple[type[Any], ...]] = ()
    cells: ClassVar[bool] = False
    """Whether all values are texts."""
    rows: ClassVar[bool] = False
    """Whether the root is always a list."""
    none_is_absent: ClassVar[bool] = False

    def __init__(self, delimiter: str | None = None) -> None:
        self.delimiter = delimiter

    def read(self, text: str, name: str) -> Any:
        """Return what a text stands for; None for a text without anything in it.

        Args:
            text: with its own line ends, without a mark of its byte order.
            name: of the file, for messages.

        Raises:
            RecordProblem: it is not of the format; the sentence names the line.
            LibraryMissing: what reads it is not installed.
        """
        raise NotImplementedError

    def changed(self, text: str, edits: Edits, name: str) -> str:
        """Return the text with some changes made in it. Raises as :meth:`read` does."""
        raise NotImplementedError

    def line(self, text: str, way: Way, name: str) -> int | None:
        """Return in which line something stands; None where that is not told."""
        return None


class YamlFormat(Format):
    suffixes = (".yml", ".yaml")
    kept_types = (datetime, date)

    def read(self, text: str, name: str) -> Any:
        try:
            import yaml
        except ImportError:
            raise LibraryMissing("YAML files can only be read with the library PyYAML, which is not installed", "PyYAML") from None
        try:
            return yaml.load(text, Loader=_loader())  # a safe loader, with more checks
        except yaml.MarkedYAMLError as error:
            raise RecordProblem(f"{name}{_line(error)}: {_yaml_problem(error, text)}") from None
        except (yaml.YAMLError, ValueError) as error:
            raise RecordProblem(f"{name} is no YAML: {' '.join(str(error).split())}") from None
        except RecursionError:
            raise RecordProblem(f"{name} is nested too deeply") from None

    def changed(self, text: str, edits: Edits, name: str) -> str:
        from . import yaml_text
        from .yaml_scalars import CannotChange

        after = edits.made_in(_unshared(self.read(text, name)))
        try:
            found = yaml_text.changed_text(text, edits, self.read(text, name), after)
            if same_tree(self.read(found, name), after):
                return found
            where = ""
        except CannotChange as error:
            where = f" ({error})"
        except RecordProblem:
            where = ""
        raise RecordProblem(
            f"{name} cannot be changed without changing more than was asked{where}: a value stands where an anchor, an alias or an "
            "unusual form of YAML is; write it out there"
        )

    def line(self, text: str, way: Way, name: str) -> int | None:
        from . import yaml_text
        from .yaml_scalars import CannotChange

        try:
            return yaml_text.line_of(text, way, self.read(text, name))
        except (CannotChange, LibraryMissing):
            return None


def _line(error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark is not None else ""


def _yaml_problem(error: Any, text: str) -> str:
    mark = error.problem_mark
    line = text.split("\n")[mark.line] if mark is not None and mark.line < text.count("\n") + 1 else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab is used for indentation, where YAML wants spaces"
    return f"{error.problem}{f' ({error.context})' if error.context else ''}"


class Tagged:
    """A value with a tag that only others understand, such as ``!vault``; adapters of files leave it alone.

    Attributes:
        tag: with its exclamation mark.
        value: what stands behind it.
    """

    def __init__(self, tag: str, value: Any) -> None:
        self.tag, self.value = tag, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tagged) and (self.tag, self.value) == (other.tag, other.value)

    __hash__ = None  # type: ignore[assignment]  # as that of a list

    def __repr__(self) -> str:
        return f"<a value with the tag {self.tag}>"


class WrittenNumber(int):
    """A whole number that a file writes in another way than in plain decimal, such as ``010``, ``0x1F``, ``12:30`` or ``+49``.

    It is that number, and the string of it is what is written: for a string attribute the number is only how the format reads it.

    Attributes:
        written: as in the file.
    """

    written: str

    @classmethod
    def of(cls, value: int, written: str) -> int:
        """Return a number; a plain one where it is written in plain decimal."""
        if str(value) == written:
            return value
        made = cls(value)
        made.written = written
        return made

    def __str__(self) -> str:
        return self.written


_loaders: list[Any] = []


def _loader() -> Any:
    """Return a loader that reads as Ansible's does, and finds keys that are there twice."""
    if not _loaders:
        _loaders.append(_made_loader())
    return _loaders[0]


def _made_loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]  # the base is of one of two classes
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(keys)) < len(keys):
                self._check_keys(node)
            return super().construct_mapping(node, deep)

        def _check_keys(self, node: Any) -> None:
            seen = set()
            for key, _value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if (key.tag, key.value) in seen:
                        raise yaml.constructor.ConstructorError(None, None, f'the key "{key.value}" is there twice', key.start_mark)
                    seen.add((key.tag, key.value))

    def tagged(loader: Any, _suffix: str, node: Any) -> Tagged:
        construct = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
        made = construct.get(type(node))
        return Tagged(node.tag, made(node) if made else loader.construct_mapping(node, deep=True))

    def whole_number(loader: Any, node: Any) -> int:
        return WrittenNumber.of(loader.construct_yaml_int(node), loader.construct_scalar(node))

    Loader.add_multi_constructor("!", tagged)
    Loader.add_constructor("tag:yaml.org,2002:int", whole_number)
    return Loader


def _unshared(value: Any) -> Any:
    """Return a copy in which nothing is there twice, as the same object, by way of an alias."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


class TomlFormat(Format):
    suffixes = (".toml",)
    kept_types = (datetime, date, time)
    none_is_absent = True

    def read(self, text: str, name: str) -> Any:
        return _unwrapped(_toml(text, name)) or None

    def changed(self, text: str, edits: Edits, name: str) -> str:
        document = _toml(text, name)
        after = edits.made_in(_unwrapped(document), self.none_is_absent)
        import tomlkit

        try:
            found = tomlkit.dumps(edits.made_in(document, self.none_is_absent))
        except (TypeError, ValueError) as error:
            raise RecordProblem(f"{name} cannot hold such a value: {error}") from None
        if "\r\n" in text:
            found = re.sub("\r?\n", "\r\n", found)
        if not same_tree(_pruned(self.read(found, name) or {}), _pruned(after)):
            raise RecordProblem(f"{name} cannot be changed without changing more than was asked; write it with tables, [[…]]")
        return found


def _unwrapped(item: Any) -> Any:
    """Return what an item of TOML stands for."""
    if isinstance(item, Mapping):
        return {str(key): _unwrapped(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_unwrapped(value) for value in item]
    plain = item.unwrap() if hasattr(item, "unwrap") else item
    return WrittenNumber.of(plain, item.as_string()) if plain.__class__ is int and plain is not item else plain


def _pruned(value: Any) -> Any:
    """Return a tree without the empty tables, of which nothing may be left in a text, and the lists of them."""
    if isinstance(value, dict):
        pruned = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ({}, [])}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def _toml(text: str, name: str) -> Any:
    try:
        import tomlkit
    except ImportError:
        raise LibraryMissing("TOML files can only be read with the library tomlkit, which is not installed", "tomlkit") from None
    try:
        return tomlkit.parse(text)
    except (tomlkit.exceptions.ParseError, tomlkit.exceptions.KeyAlreadyPresent) as error:
        line = f", line {error.line}" if hasattr(error, "line") else ""
        raise RecordProblem(f"{name}{line}: {error}") from None


class JsonFormat(Format):
    suffixes = (".json",)

    def read(self, text: str, name: str) -> Any:
        return _json(text, name)

    def changed(self, text: str, edits: Edits, name: str) -> str:
        _json(text, name)
        return json_text.changed_text(text, edits)


def _json(text: str, name: str, line: int = 0) -> Any:
    """Return the value of a JSON text. Raises RecordProblem, also where a key is there twice, since one of them would be lost.

    Args:
        text: of a file or, with ``line``, of one line in it.
        name: of the file.
        line: number of the line; 0 for a whole file.
    """
    if not line and not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise RecordProblem(f"{name}, line {line or error.lineno}: {error.msg} (column {error.colno})") from None
    except _DoubledKey:
        key, place = _doubled_key(text)
        raise RecordProblem(f'{name}, line {line or place}: the key "{key}" is there twice; remove one of them') from None
    except ValueError as error:
        raise RecordProblem(f"{name}{f', line {line}' if line else ''}: {error}") from None
    except RecursionError:
        raise RecordProblem(f"{name} is nested too deeply") from None


class _DoubledKey(Exception):
    """A key is there twice."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DoubledKey
    return found


_JSON_TOKEN = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")(?P<key>\s*:)?|[{}\[\]]')


def _doubled_key(text: str) -> tuple[str, int]:
    """Return a key that is in an object twice, and the line of the second one, of valid JSON that has such a key."""
    within: list[set[str]] = []
    for token in _JSON_TOKEN.finditer(text):
        if token["key"]:
            key = json.loads(token["text"])
            if key in within[-1]:
                return key, text.count("\n", 0, token.start()) + 1
            within[-1].add(key)
        elif token[0] in ("{", "["):
            within.append(set())
        elif token[0] in ("}", "]"):
            within.pop()
    raise AssertionError("a key is there twice")


class JsonLinesFormat(Format):
    suffixes = (".jsonl", ".ndjson")
    rows = True

    def read(self, text: str, name: str) -> Any:
        return [_json(line, name, number) for number, line in _lines(text)]

    def changed(self, text: str, edits: Edits, name: str) -> str:
        self.read(text, name)
        lines = text.split("\n")
        places = [number - 1 for number, _line in _lines(text)]
        style = json_text.Style(lines[places[0]] if places else "{}")
        found: list[str | None] = [*lines]
        for way, values in edits.changed.items():
            place = places[way[0]]
            record = Edits()
            record.changed[()] = values
            found[place] = json_text.changed_text(lines[place], record)
        for way in edits.removed:
            if way not in edits.added:
                found[places[way[0]]] = None
        new = [style.flat.written(record, "") for way, (record, _keyed) in edits.added.items() if way not in edits.removed]
        return _with_lines([line for line in found if line is not None], new, "\r\n" if "\r\n" in text else "\n")

    def line(self, text: str, way: Way, name: str) -> int | None:
        return next((number for place, (number, _line) in enumerate(_lines(text)) if way[:1] == (place,)), None)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _with_lines(lines: list[str], new: list[str], newline: str) -> str:
    """Return lines that were parted at line feeds, with new ones at their end."""
    text = "\n".join(lines)
    if new and text and not text.endswith("\n"):
        text += newline
    return text + "".join(line + newline for line in new)


class CsvFormat(Format):
    suffixes = (".csv",)
    cells = True
    rows = True
    default: ClassVar[str] = ","

    def read(self, text: str, name: str) -> Any:
        table = _Table(text, self.delimiter or self.default, name)
        return list(table.records())

    def changed(self, text: str, edits: Edits, name: str) -> str:
        return _Rows(_Table(text, self.delimiter or self.default, name)).changed(edits)

    def line(self, text: str, way: Way, name: str) -> int | None:
        table = _Table(text, self.delimiter or self.default, name)
        places = [start for start, _end, _cells in table.rows()]
        return places[way[0]] + 1 if way and way[0] < len(places) else None


class TsvFormat(CsvFormat):
    suffixes = (".tsv",)
    default = "\t"


_DELIMITERS = (",", ";", "\t", "|")
"""What stands between cells, usually; in the name of an only column it means that another delimiter was expected."""


class _Table:
    """The rows of a text, below a header."""

    def __init__(self, text: str, delimiter: str, name: str) -> None:
        self.lines, self.delimiter, self.name = io.StringIO(text, newline="").readlines(), delimiter, name
        self.header: list[str] = []
        self.header_end = 0
        reader = csv.reader(self.lines, delimiter=delimiter, strict=True)
        for cells in self._told(reader):
            if any(cells):
                self.header, self.header_end = cells, reader.line_num
                break
        if len(self.header) == 1 and any(other in self.header[0] for other in _DELIMITERS):
            raise RecordProblem(
                f'{name}, line {self.header_end}: there is one column alone, "{self.header[0]}"; is the delimiter '
                f"{delimiter!r} right?"
            )
        twice = {cell for cell in self.header if self.header.count(cell) > 1}
        if twice:
            raise RecordProblem(f'{name}, line {self.header_end}: the column "{sorted(twice)[0]}" is there twice')
        self._reader = reader

    def _told(self, reader: Any) -> Iterator[list[str]]:
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
        for cells in self._told(self._reader):
            end = self._reader.line_num
            if not _is_blank(cells):
                self._check_width(cells, width, start + 1)
                yield start, end, cells
            start = end

    def _check_width(self, cells: Sequence[str], width: int, line: int) -> None:
        """Raise RecordProblem where a row has more or fewer cells than the header."""
        if len(cells) > width:
            raise RecordProblem(
                f"{self.name}, line {line}: it has {len(cells)} cells, and the header only {width}; is the delimiter "
                f"{self.delimiter!r} right?"
            )
        if len(cells) < width:
            cell = "cell" if len(cells) == 1 else "cells"
            raise RecordProblem(
                f"{self.name}, line {line}: it has {len(cells)} {cell}, and the header has {width}; "
                f"is the file truncated? Add a {self.delimiter!r} for each empty cell at the end of a row"
            )

    def records(self) -> Iterator[dict[str, str]]:
        header = self.header
        for _start, _end, cells in self.rows():
            yield dict(zip(header, cells))


def _is_blank(cells: Iterable[str]) -> bool:
    """Return whether a row has nothing but white space in its cells; spreadsheets export such rows, and they are not records."""
    return not any(cell.strip() for cell in cells)


class _Rows:
    """The text of a table with some changes made in it."""

    def __init__(self, table: _Table) -> None:
        self._table = table
        self._rows = list(table.rows())
        self._newline = "\r\n" if any(line.endswith("\r\n") for line in table.lines[:1]) else "\n"
        self._columns = list(table.header)

    def changed(self, edits: Edits) -> str:
        new = {way: record for way, (record, _keyed) in edits.added.items() if way not in edits.removed}
        before = len(self._columns)
        values = [*({path[0]: None for path in one} for one in edits.changed.values()), *new.values()]
        self._columns += dict.fromkeys(name for one in values for name in one if name not in self._columns)
        more = len(self._columns) - before
        lines: list[str] = [self._head(more)]
        done = self._table.header_end
        for place, (start, end, cells) in enumerate(self._rows):
            lines += self._table.lines[done:start]
            if (place,) not in edits.removed:
                lines.append(self._row("".join(self._table.lines[start:end]), cells, edits.changed.get((place,)), more))
            done = end
        lines += self._table.lines[done:]
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
        head = "".join(self._table.lines[: self._table.header_end])
        if not more:
            return head
        if not self._table.header:
            return head + self._written(self._columns, csv.QUOTE_MINIMAL)
        added = self._written(self._columns[-more:], self._quoting(head, self._table.header)).rstrip("\r\n")
        return _appended(head, self._table.delimiter + added)

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
        """Return the cells of a row as they are written; none where they cannot be told."""
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
            return self._quoting("".join(self._table.lines[: self._table.header_end]), self._table.header)
        start, end, cells = self._rows[-1]
        return self._quoting("".join(self._table.lines[start:end]), cells)


def _appended(raw: str, more: str) -> str:
    """Return a row with more at its end."""
    bare = raw.rstrip("\r\n")
    return bare + more + raw[len(bare) :]


FORMATS: dict[str, type[Format]] = {
    "yaml": YamlFormat,
    "json": JsonFormat,
    "jsonl": JsonLinesFormat,
    "csv": CsvFormat,
    "tsv": TsvFormat,
    "toml": TomlFormat,
}
"""Name of a format → what reads and changes texts in it."""


def format_of(file_name: str) -> str | None:
    """Return the format that a file's name tells by its end, or None."""
    return next((name for name, kind in FORMATS.items() if file_name.lower().endswith(kind.suffixes)), None)
