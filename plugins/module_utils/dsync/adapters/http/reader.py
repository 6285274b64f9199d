# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads collections that are divided into pages, so that no record is skipped and none comes twice.

While pages are read, others add, remove and reorder records, and what is on a page that was not read yet can move to one that was.
So records are distinguished by their key, and

- with a keyset, the server is asked for what comes after the last record: nothing can move in between;
- with offsets in a collection that is sorted by its key, each page begins with the last record of the page before. Where that is
  not on it, one goes back until a record comes that was read already: nothing that follows it can have been read, or be skipped;
- with cursors, this is the server's affair;
- with other offsets, numbers of pages, and links that have numbers in them, a collection of several pages is read until two
  readings in succession have the same records, and the same pages if one of them shows that something changed. What is skipped
  then was hidden by changes during both of them; only a keyset or a sorted collection excludes that.

A reading is repeated too when a record comes twice, when the number of records changes, or when it is another one in the end.
The pages of a reading and the number of readings are bounded, so that a server that gives new records for ever is refused.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ...exceptions import RecordProblem
from .answers import Answer
from .page_kinds import read_once
from .reading import Collection, Reading, Record

READINGS = 5
"""How often a collection is read at most that changes meanwhile."""


class _Read(Exception):
    """The first page was read."""


class _FirstPage(Reading):
    """A reading that ends after the first page."""

    def page(self, answer: Answer | None) -> list[Record]:
        super().page(answer)
        raise _Read


class PageReader:
    """Reads a collection.

    Args:
        collection: to read.
        records: gets the records as they come, for others to see how far it is; emptied when a reading begins.
    """

    def __init__(self, collection: Collection, records: list[Record] | None = None) -> None:
        self._of, self._records = collection, [] if records is None else records

    def read(self) -> list[Record]:
        """Return all records.

        Raises:
            RecordProblem: a page cannot be read, comes a second time, or leads to another server; records are missing at the end;
                the collection changed each time that it was read; or it has no end.
        """
        before: Reading | None = None
        moved = False
        for _time in range(READINGS):
            del self._records[:]
            reading = Reading(self._of, self._records)
            read_once(reading)
            if self._is_certain(reading) or (before is not None and self._agree(before, reading)):
                return list(reading.records)
            moved |= reading.moved
            before = replace(reading, records=[], keys=dict(reading.keys))
        if not moved and before is not None and before.total is not None and len(before.keys) != before.total:
            raise RecordProblem(f"{self._of.name}: the server reports {before.total} records, and returned {len(before.keys)}")
        raise RecordProblem(
            f"{self._of.name}: records were added, removed or moved each of the {READINGS} times that it was read, so some may be "
            "missing; run it again, or use pagination: {type: keyset} where the server can list what comes after a key"
        )

    def probe(self) -> None:
        """Read the first page. Raises RecordProblem."""
        with suppress(_Read):
            read_once(_FirstPage(self._of, []))

    def _is_certain(self, reading: Reading) -> bool:
        if not reading.keyed or reading.pages <= 1:
            self._check_complete(reading)
            return True
        if self._of.pages.sorted and reading.overlapping and reading.ordered:
            return reading.missing <= 0 or (reading.moved and reading.missing < reading.largest)
        moved = reading.moved or reading.missing != 0 or len(reading.counts) > 1
        return not moved and not (reading.positional and self._of.pages.verify)

    def _agree(self, before: Reading, reading: Reading) -> bool:
        same = before.layout == reading.layout or not (before.moved or reading.moved)
        return same and before.keys.keys() == reading.keys.keys() and reading.missing == 0

    def _check_complete(self, reading: Reading) -> None:
        if reading.missing > 0:
            raise RecordProblem(f"{self._of.name}: the server reports {reading.total} records, and returned {len(reading.records)}")
