# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the ids of many objects are distinct, found with little memory where they come in order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from operator import lt
from typing import NamedTuple

_SPAN = 10_000
"""Minimum number of ids of which the least and the greatest are noted, except for the last ones."""

_EFFORT = 4
"""Maximum number of ids to read again for each id that is added; if more are needed, all ids are put into a set."""


class _Span(NamedTuple):
    """Successive ids: the positions at which they begin and end, the least and the greatest of them."""

    start: int
    stop: int
    least: str
    greatest: str


class DistinctIds:
    """Decides whether new ids are distinct from one another and from all that were added before.

    Most systems return objects in order, so that few earlier ids, or none, are between the least and the greatest id of a batch.
    Only these are compared. A set of all ids takes more memory than their list, and a cache miss for each id.
    """

    def __init__(self) -> None:
        self._spans: list[_Span] = []
        self._read = 0
        self._all: set[str] | None = None

    def admit(self, uids: Sequence[str], known: Sequence[str]) -> bool:
        """Return whether ids, at least one, are distinct from one another and from all known ones; then they are known, too.

        Args:
            uids: the new ids; not changed.
            known: all ids for which this method returned True, in order; not changed, the caller appends the new ones.
        """
        ascending = all(map(lt, uids, islice(uids, 1, None)))
        new = None if ascending else {*uids}
        if new is not None and len(new) < len(uids):
            return False
        if self._all is None:
            least, greatest = (uids[0], uids[-1]) if ascending else (min(uids), max(uids))
            rivals = self._between(known, least, greatest)
            if rivals is not None:
                if rivals and not ({*uids} if new is None else new).isdisjoint(rivals):
                    return False
                self._note(_Span(len(known), len(known) + len(uids), least, greatest))
                return True
            self._all = {*known}
            self._spans.clear()
        if not self._all.isdisjoint(uids):
            return False
        self._all.update(uids)
        return True

    def _between(self, known: Sequence[str], least: str, greatest: str) -> list[str] | None:
        """Return the known ids between two ids; None if too many would have to be read."""
        found: list[str] = []
        for span in self._spans:
            if span.least <= greatest and least <= span.greatest:
                self._read += span.stop - span.start
                if self._read > _EFFORT * (len(known) + _SPAN):
                    return None
                found += [uid for uid in known[span.start : span.stop] if least <= uid <= greatest]
        return found

    def _note(self, span: _Span) -> None:
        last = self._spans[-1] if self._spans else None
        if last is not None and last.stop - last.start < _SPAN:
            both = (min(last.least, span.least), max(last.greatest, span.greatest))
            self._spans[-1] = _Span(last.start, span.stop, *both)
        else:
            self._spans.append(span)
