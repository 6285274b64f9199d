# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``file``: records in YAML, JSON, JSON Lines, CSV, TSV, TOML and XLSX files.

One file holds records at the places of the models: at its root if there is one model, else under the model's name, or where
``from`` gives, such as ``sites.*.devices`` for the devices inside the sites.

With a glob (``sites/*.yml``) or a directory each file is one record of the only model at the top level; a model for which ``from``
is given has its records at that place inside of each file. ``key`` then names the field that holds the file's name without its end,
or what matches the ``*``: a new object makes a file of this name, and a deleted one takes its file away. Where the files are
lists, as CSV files are, their items are the records, which can be changed and removed; a new one has no place there, unless there
is one file alone.

Changes are made in memory. At the end of a run all new contents are made and read again; then all files are changed in one commit
(:mod:`..documents.commit`): all of them or none, also when the process is killed meanwhile. Loading finishes the commit of a run
that was killed. Where someone else changed a file meanwhile, all stay as they are.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...exceptions import RecordError, RecordProblem
from ...records.declaration_reader import Declared
from ...records.mapping import ModelMap, Record, Values
from ...records.path import EVERY, MISSING, path_of
from ...records.path import Path as FieldPath
from ...storage.files import wrap_os_errors
from ...storage.paths import file_error
from ..core.fields import Fields
from ..core.schema import FieldSchema, Schema
from ..documents.adapter import DocumentAdapter
from ..documents.commit import FileChange, commit, digest_of, nothing_kept, recover
from ..documents.document import Document, Located, settle
from ..documents.edits import at, text_of_way
from ..documents.format import Format, Rows, Table
from ..documents.formats import FORMATS, format_of
from ..documents.sources import fetched, inner_name, is_address, is_compressed, shown, unpacked
from ..documents.yaml_documents import documents_in, exchanged, in_its_lines
from .cells import Cells
from .document import File, as_problem, bytes_of, encoding_of
from .options import FileOptions

_MAGIC = "*?["


_WAY_OUT = "check the path; a target that this run creates needs create: true"


class FileAdapter(DocumentAdapter):
    """Records in files.

    Args:
        options: those of :class:`.options.FileOptions`.

    Raises:
        DefinitionError: an option is wrong.
    """

    type = "file"
    Options = FileOptions

    def __init__(self, **options: Any) -> None:
        super().__init__()
        given = self.Options.read(options, self.type)
        path = given.path
        self._fetched = is_address(path)
        self._path = path if self._fetched else os.fspath(Path(path).expanduser()) + os.sep * path.endswith(os.sep)
        self.name = shown(path) if self._fetched else self._path
        self._storage = dict(given.storage_options or {})
        self._may_make, self._mode = given.create, given.mode
        self._encoding, self._delimiter, self._cells = given.encoding, given.delimiter, Cells(given.list_separator)
        self._format, self._document = given.format, given.document
        self._files: list[File] | None = None
        self._many = not self._fetched and (
            _is_directory(self._path) or (any(one in self._path for one in _MAGIC) and not Path(self._path).is_file())
        )
        names = self._names_for_kinds(given)
        kinds = [self._kind_of(name) for name in names]
        if self._many and any(kind.typed for kind in kinds):
            given.wrong("path", "a workbook is read as one file, with a sheet for each model; give the path of one.")
        self.writable = not self._fetched and not any(map(is_compressed, names))  # type: ignore[misc]  # it depends on the files
        self.empty_is_none = any(kind.cells for kind in kinds)  # type: ignore[misc]  # it depends on the format
        self.free_fields = not self.empty_is_none  # type: ignore[misc]  # as above
        self.kept_types = tuple(  # type: ignore[misc]  # as above
            kept for kept in (kinds[0].kept_types if kinds else ()) if all(kept in kind.kept_types for kind in kinds)
        )

    # ------------------------------------------------------------------ which files there are

    def _names_for_kinds(self, given: FileOptions) -> list[str]:
        """Return names whose suffixes identify the formats. Raises DefinitionError if a suffix identifies no format."""
        names = [self._path] if self._fetched else [os.fspath(one) for one in self._paths()] or [self._path]
        for name in names if self._format is None else ():
            if format_of(inner_name(name)) is None and not (self._many and name == self._path):
                seen = shown(name) if self._fetched else name
                ends = ", ".join(end for kind in FORMATS.values() for end in kind.suffixes)
                given.wrong("path", f'"{seen}" has no extension that determines the format ({ends}); set "format".')
        return names

    def _kind_of(self, name: str) -> Format:
        return FORMATS[self._format or format_of(inner_name(name)) or "yaml"](self._delimiter)

    def _paths(self) -> list[Path]:
        if not self._many:
            return [Path(self._path)]
        if not _is_directory(self._path):
            return [Path(name) for name in sorted(glob.glob(self._path, recursive=True)) if Path(name).is_file()]  # noqa: PTH207  # absolute or not
        folder = Path(self._path)
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        return [one for one in there if one.is_file() and not one.name.startswith(".") and self._is_ours(one.name)]

    def _directory(self) -> Path:
        """Return the directory that all files are below."""
        if not self._many:
            return Path(os.path.realpath(self._path)).parent
        if _is_directory(self._path):
            return Path(self._path)
        parts = Path(self._path).parts[:-1]
        return Path(*itertools.takewhile(lambda part: not any(one in part for one in _MAGIC), parts))

    def _is_ours(self, name: str) -> bool:
        kind = format_of(inner_name(name))
        return kind is not None and self._format in (None, kind)

    def documents(self) -> Sequence[File]:
        if self._files is None and self._fetched:
            self._files = self._fetch()
        if self._files is None:
            recover(self._directory())
            with as_problem(), wrap_os_errors(self._path, "read"):
                paths = self._paths()
            if self._many and not paths and not self._may_make:
                raise file_error(RecordProblem, self._path, f"{self._nothing_there()}; {_WAY_OUT}")
            self._files = [file for path in paths for file in self._read(path)]
        return self._files

    def _nothing_there(self) -> str:
        if Path(self._path).is_dir():
            return "contains no file to read"
        return "does not exist" if _is_directory(self._path) else "matches no file"

    def _read(self, path: Path) -> list[File]:
        kind = self._kind_of(path.name)
        raw = bytes_of(path)
        if raw is None and not self._may_make:
            raise file_error(RecordProblem, path, f"does not exist; {_WAY_OUT}")
        text = "" if raw is None else self._decoded(raw, path, kind)
        return self._parsed(text, File(path, kind, None, digest_of(raw), self._many, self._stem(path)))

    def _parsed(self, text: str, file: File) -> list[File]:
        """Return the documents in a text. Raises RecordProblem.

        Args:
            text: of a file.
            file: returned where it is one document.
        """
        pieces = documents_in(text) if file.format.several else [text]
        if self._document is not None and self._document > len(pieces):
            raise file_error(RecordProblem, file.path, f"has {len(pieces)} documents, and no document {self._document}")
        if len(pieces) == 1:
            file.tree = file.format.table(text, file.name) or file.format.read(text, file.name)
            file.single = self._many and not isinstance(file.tree, list)
            return [file]
        found = []
        for place in range(len(pieces)) if self._document is None else [self._document - 1]:
            tree = file.format.read(in_its_lines(pieces, place), file.name)
            if self._many and not isinstance(tree, list):
                raise file_error(
                    RecordProblem, file.path, "has several documents, and so is not one record; give it as a path alone"
                )
            made = File(file.path, file.format, tree, file.digest, False, "")
            made.name, made.part = file.name, place
            found.append(made)
        return found

    def _fetch(self) -> list[File]:
        kind = self._kind_of(self._path)
        text = self._decoded(fetched(self._path, self._storage), Path(inner_name(self._path)), kind, self._path)
        made = File(Path(inner_name(self._path)), kind, None, None, False, "")
        made.name = self.name
        return self._parsed(text, made)

    def _decoded(self, raw: bytes, path: Path, kind: Format, packed: str = "") -> str:
        raw = unpacked(raw, packed or os.fspath(path))
        if kind.encoding is not None:
            return raw.decode(kind.encoding)
        try:
            return raw.decode(self._encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise RecordProblem(
                f'{path}, line {line}: this is not valid {self._encoding}; set "encoding" to its encoding'
            ) from None

    def text_of(self, document: Document) -> str:
        if not isinstance(document, File):
            return ""
        return document.alone_in(self._decoded(bytes_of(document.path) or b"", document.path, document.format))

    def each_alone(self) -> bool:
        return self._many and not any(isinstance(document.tree, list) for document in self.documents())

    def only_lists(self, document: Document, place: FieldPath) -> bool:
        if isinstance(document, File) and document.format.rows and (document.format.cells or place[0] != EVERY):
            return True
        return super().only_lists(document, place)

    def place_of(self, mapped: ModelMap) -> FieldPath:
        """Return the path of a model's records; in a workbook the sheet of the model's name, or the only one.

        Raises:
            DefinitionError: the path of no records.
        """
        place = super().place_of(mapped)
        if mapped.place.value is not None or place or self._many or not self._kind_of(self._path).typed:
            return place
        sheets = list(self.documents()[0].tree or ())
        return (sheets[0] if len(sheets) == 1 else mapped.name,)

    def fields_of(self, mapped: ModelMap) -> Fields | None:
        """Return the columns of CSV, TSV and XLSX; None if there is no header, or if records have fields of their own."""
        place = self.place_of(mapped)
        trees = ((document.table or document.tree) if not place else document.tree for document in self.documents())
        tables = [table for tree in trees if (table := at(tree, place)) not in (MISSING, None)]
        columns = dict.fromkeys(name for table in tables if isinstance(table, (Rows, Table)) for name in table.columns)
        if not columns or not all(isinstance(table, (Rows, Table)) for table in tables):
            return None
        return Fields(columns, title=self.name, word="column", extensible=True)

    def places(self) -> Sequence[Any]:
        """Return the sheets of a workbook, and the names of the lists in other files; the root where a file is a list."""
        trees = [document.tree for document in self.documents()]
        if self.each_alone() or not all(isinstance(tree, dict) for tree in trees):
            return ([],)
        lists = (name for tree in trees for name, there in tree.items() if _is_table(there))
        return tuple(dict.fromkeys(lists))

    def discover(self, place: Declared) -> tuple[Sequence[Record], Schema]:
        """Return the records at a place, and the columns of CSV, TSV and XLSX, which there may be without any row."""
        tables = [at(document.tree, path_of(place)) for document in self.documents()]
        columns = dict.fromkeys(name for table in tables if isinstance(table, Rows) for name in table.columns)
        records: Sequence[Record] = () if columns and not any(tables) else list(self.read_table(place))
        return records, Schema(dict.fromkeys(columns, FieldSchema()))

    def new_document(self, mapped: ModelMap, key: Any) -> Document:
        path = self._new_path(str(key))
        if self._kind_of(path.name).rows:
            raise file_error(
                RecordProblem, path, "cannot be created for one record, because it would hold a list; use yaml, json or toml"
            )
        there = next((document for document in self.documents() if document.path == path), None)
        if there is not None:
            if () not in there.edits.removed:
                raise file_error(RecordProblem, path, "is there already")
            return there
        if os.path.lexists(path):
            raise file_error(RecordProblem, path, "is there already")
        made = File(path, self._kind_of(path.name), None, None, True, str(key))
        if self._files is None:
            raise AssertionError("documents() has read the files")
        self._files.append(made)
        return made

    def _stem(self, path: Path) -> str:
        """Return what of a file's name is the key of its record: what matches the only * of a glob, else all but the end."""
        before, star, behind = Path(self._path).name.partition("*")
        if star and not any(one in before + behind for one in _MAGIC) and not _is_directory(self._path):
            return path.name[len(before) : len(path.name) - len(behind)]
        return path.stem

    def _new_path(self, stem: str) -> Path:
        if not stem or stem.startswith(".") or "/" in stem or "\0" in stem:
            raise RecordProblem(f'"{stem}" cannot be the name of a file')
        if _is_directory(self._path):
            return Path(self._path) / (stem + self._usual_end())
        folder, pattern = os.path.split(self._path)
        if any(one in folder for one in _MAGIC) or pattern.count("*") != 1 or any(one in pattern for one in "?["):
            raise RecordProblem(
                f"the path of a new file is unknown: {self._path} should have one * in the name of the file, and none before"
            )
        return Path(folder) / pattern.replace("*", stem)

    def _usual_end(self) -> str:
        ends = [document.path.suffix for document in self.documents() if document.digest is not None]
        return max(ends, key=ends.count) if ends else FORMATS[self._format or "yaml"].suffixes[0]

    # ------------------------------------------------------------------ records

    def as_documents_have_them(self, mapped: ModelMap) -> bool:
        return self._cells.are_values(mapped) or not any(document.format.cells for document in self.documents())

    def from_document(self, mapped: ModelMap, record: Located) -> None:
        self._cells.read(mapped, record)

    def to_document(self, mapped: ModelMap, values: Values, document: Document) -> Values:
        return self._cells.written(values, document)

    def load(self) -> None:
        try:
            super().load()
        except RecordProblem as problem:
            named = (one.name for one in self._files or () if str(problem).startswith(one.name))
            problem.file = problem.file or next(named, "")
            raise

    def describe(self, mapped: ModelMap, record: Record) -> str:
        if not isinstance(record, Located) or not isinstance(record.document, File):
            return self.name
        document = record.document
        line, way = self._line_of(record, document), text_of_way(record.way)
        number = "" if document.part is None else f"document {document.part + 1}"
        parts = [document.name, number, f"line {line}" if line else "", "" if document.format.rows else way]
        return ", ".join(part for part in parts if part)

    def _line_of(self, record: Located, document: File) -> int | None:
        with contextlib.suppress(RecordProblem):
            raw = None if self._fetched else bytes_of(document.path)
            if raw is not None and digest_of(raw) == document.digest and not document.edits:
                text = document.alone_in(self._decoded(raw, document.path, document.format))
                return document.format.line(text, record.way, document.name)
        return None

    # ------------------------------------------------------------------ keeping the changes

    def sync_complete(self, source: Any, diff: Any, flags: Any = None, logger: Any = None) -> None:
        """Write what was changed: all files, or none.

        Raises:
            NothingKept: a file cannot be written, or is not as it was read; nothing was written.
            RecordProblem: a file cannot be put in its place, or removed, after others were; the next load does that.
        """
        changed = [document for document in self.changed_documents() if isinstance(document, File)]
        gone = [document for document in changed if () in document.edits.removed]
        with nothing_kept((RecordError, RecordProblem)):
            left = [document for document in changed if document not in gone]
            texts = [self._new_bytes([one for one in left if one.path == path]) for path in dict.fromkeys(one.path for one in left)]
            for document in gone:
                self._unchanged_bytes(document)
            for document in changed if self._may_make else ():
                with wrap_os_errors(document.path, "written"):
                    document.path.parent.mkdir(parents=True, exist_ok=True)
        written = [FileChange(self._place_of(parts[0][0]), parts[0][0].digest, new, self._mode) for new, parts in texts]
        removed = [FileChange(self._place_of(document), document.digest, None) for document in gone]
        commit(self._directory(), [*written, *removed])
        digests = {parts[0][0].path: digest_of(new) for new, parts in texts}
        for document in self.documents():
            document.digest = digests.get(document.path, document.digest)
        settle(self.documents(), [one for _new, parts in texts for one in parts] + [(document, None) for document in gone])
        self._files = [document for document in self.documents() if document not in gone]

    def _place_of(self, document: File) -> Path:
        return document.path if self._many else Path(os.path.realpath(document.path))

    def roll_back(self) -> None:
        super().roll_back()
        self._files = [document for document in self.documents() if document.digest is not None or not self._many]

    def _unchanged_bytes(self, document: File) -> bytes:
        """Return what is in a file. Raises RecordProblem where it is not what was read."""
        raw = bytes_of(document.path)
        if digest_of(raw) != document.digest:
            raise RecordProblem(
                f"{document.path} was changed by someone else after it was read; nothing was written; run the task again"
            )
        return raw or b""

    def _new_bytes(self, documents: Sequence[File]) -> tuple[bytes, list[tuple[File, Any]]]:
        """Return what a file is to hold, and the trees of its documents in which something changes. Raises RecordProblem."""
        path, kind = documents[0].path, documents[0].format
        raw = self._unchanged_bytes(documents[0])
        text = self._decoded(raw, path, kind)
        pieces = [text] if documents[0].part is None else documents_in(text)
        for document in documents:
            place = document.part or 0
            exchanged(pieces, place, kind.changed(in_its_lines(pieces, place), document.edits, document.name))
        text = "".join(pieces)
        trees = [(document, kind.read(document.alone_in(text), document.name)) for document in documents]
        if kind.encoding is not None:
            return text.encode(kind.encoding), trees
        encoding, mark = encoding_of(raw, self._encoding)
        try:
            return mark + text.encode(encoding), trees
        except UnicodeEncodeError as error:
            raise RecordProblem(f"{path}: a string to be written has a character that {error.encoding} does not have") from None


def _is_table(there: Any) -> bool:
    """Return whether a value in a file is a list of records, or a sheet, which may have none."""
    return isinstance(there, Rows) or (isinstance(there, list) and bool(there) and all(isinstance(one, Mapping) for one in there))


def _is_directory(path: str) -> bool:
    return path.endswith(os.sep) or Path(path).is_dir()
