# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Native records that have the same fields, held as columns; a record is made when somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Record = dict[str, Any]


class RecordTable(Sequence[Record]):
    """The rows of a table.

    Args:
        columns: field name → its value in each record, none of which is a list or a dictionary with fields to be mapped; at least
            one field. The lists are kept, and not changed.

    Attributes:
        columns: the same.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = columns
        self._size = len(next(iter(columns.values())))
        self._made: dict[int, Record] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, at: Any) -> Any:
        """Return the record at a position, always the same object, or a list of records."""
        if isinstance(at, slice):
            return [self[place] for place in range(self._size)[at]]
        place = range(self._size)[at]
        made = self._made.get(place)
        return self._made.setdefault(place, self._record(place)) if made is None else made

    def _record(self, place: int) -> Record:
        """Return a new record with the values at a position."""
        return {name: column[place] for name, column in self.columns.items()}
