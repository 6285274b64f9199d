# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What a format of files is, and what the formats share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from .edits import Edits, Way

BYTES = "latin-1"
"""The encoding in which each byte is one character: that of formats that are no text."""


class Rows(list[Mapping[str, Any]]):
    """Records that are rows of a table.

    Attributes:
        columns: the names in its header; none if there is no header yet.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
        super().__init__(records)
        self.columns = tuple(columns)


class Table:
    """The rows of a table as columns.

    Attributes:
        columns: name in its header → the cell of each row; at least one.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = columns

    def rows(self) -> Rows:
        """Return the rows."""
        return Rows((dict(zip(self.columns, row)) for row in zip(*self.columns.values())), [*self.columns])


class Format:
    """One format, which reads and changes strings.

    Args:
        delimiter: what separates the cells of a row, if there are rows.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    kept_types: ClassVar[tuple[type[Any], ...]] = ()
    encoding: ClassVar[str | None] = None
    """The encoding of every file of the format; None if files determine it, or the task does."""
    cells: ClassVar[bool] = False
    """Whether records are rows of cells, none of which holds a list or a dictionary."""
    typed: ClassVar[bool] = False
    """Whether cells hold numbers, booleans and dates; else all of them are strings."""
    rows: ClassVar[bool] = False
    """Whether the root is always a list."""
    none_is_absent: ClassVar[bool] = False
    several: ClassVar[bool] = False
    """Whether a file may hold several documents."""

    def __init__(self, delimiter: str | None = None) -> None:
        self.delimiter = delimiter

    def read(self, text: str, name: str) -> Any:
        """Return what a text represents; None for a text without anything in it.

        Args:
            text: with its own line ends, without a mark of its byte order.
            name: of the file, for messages.

        Raises:
            RecordProblem: it is not of the format; the sentence names the line.
            LibraryMissing: what reads it is not installed.
        """
        raise NotImplementedError

    def table(self, text: str, name: str) -> Table | None:
        """Return the rows that :meth:`read` returns as columns; None, as here, if there are none, or if one must be read by itself.
        Raises as :meth:`read` does."""
        return None

    def changed(self, text: str, edits: Edits, name: str) -> str:
        """Return the text with some changes made in it. Raises as :meth:`read` does."""
        raise NotImplementedError

    def line(self, text: str, way: Way, name: str) -> int | None:
        """Return the line in which something is; None if it is unknown."""
        return None
