# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The last load of a server in a file, so that the next one asks only for what has changed since.

What was changed is asked for by the time of its last change; what was deleted is found since the ids of all objects are asked for
as well. Every now and then everything is loaded anew, for a change that leaves no time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ...exceptions import DefinitionError
from ...records.declaration_reader import Declared
from ...records.types import fitting
from ...storage.files import PRIVATE, reading, replacing

FORMAT = "dsync-estate-cache/1"

CHANGED = "last_updated"
"""The field with the time of the last change of an object."""

_OVERLAP = timedelta(minutes=2)
"""How far before the last change that is known one asks for changes: a transaction may end later than it reports."""

Listing = Callable[[Mapping[str, Any]], Iterable[dict[str, Any]]]
"""Returns what the server lists with some more parameters."""


def period(declared: Declared) -> timedelta | int:
    """Return after what length of time, or how many loads, everything is loaded anew. Raises DefinitionError."""
    if isinstance(declared.value, int):
        return declared.number(1)
    try:
        found: timedelta = fitting(timedelta, declared.value)
    except DefinitionError:
        declared.wrong(f"this should be a number of loads, or a length of time such as P1D or PT12H, and is {declared.shown()}.")
    return found


class Cache:
    """The last load of a server in a file.

    Args:
        path: the file; made with mode 0600 if it is not there.
        about: what the load depends on in addition to the listings: the server's address and release.
        full_every: after what length of time, or how many loads, everything is loaded anew.

    Raises:
        RecordError: the file cannot be read.
    """

    def __init__(self, path: str, about: Any, full_every: timedelta | int) -> None:
        self._path, self._about, self._full_every = path, _digest(about), full_every
        self._kept: dict[str, Any] = {}
        found = self._read()
        self._old: dict[str, Any] = found.get("listings", {}) if found.get("about") == self._about else {}

    def _read(self) -> dict[str, Any]:
        if not Path(self._path).exists():
            return {}
        with reading(self._path) as stream:
            try:
                value = json.load(stream)
            except ValueError:
                return {}
        return value if isinstance(value, dict) and value.get("format") == FORMAT else {}

    def listed(self, name: str, parameters: Mapping[str, Any], listing: Listing) -> list[dict[str, Any]]:
        """Return the objects of a listing as they are now.

        Args:
            name: what is listed.
            parameters: with what; objects have ``id`` and ``last_updated`` among their fields.
            listing: asks the server.
        """
        key, now = f"{name} {_digest(dict(parameters))}", time.time()
        old = self._old.get(key)
        if old is None or self._is_due(old, now):
            records = list(listing({}))
            self._kept[key] = {"full": now, "loads": 1, "records": records}
            return records
        records = _brought_up_to_date(old["records"], listing)
        self._kept[key] = {"full": old["full"], "loads": old["loads"] + 1, "records": records}
        return records

    def _is_due(self, old: Mapping[str, Any], now: float) -> bool:
        if isinstance(self._full_every, int):
            return bool(old["loads"] >= self._full_every)
        return not 0 <= now - old["full"] < self._full_every.total_seconds()

    def keep(self) -> None:
        """Write what was listed. Raises RecordError."""
        with replacing(self._path, PRIVATE) as stream:
            json.dump({"format": FORMAT, "about": self._about, "listings": self._kept}, stream, ensure_ascii=False)


def _brought_up_to_date(records: list[dict[str, Any]], listing: Listing) -> list[dict[str, Any]]:
    times = [record[CHANGED] for record in records if record.get(CHANGED)]
    if not times:
        return list(listing({}))
    since = max(map(datetime.fromisoformat, (text.replace("Z", "+00:00") for text in times))) - _OVERLAP
    found = {record["id"]: record for record in records}
    found.update((record["id"], record) for record in listing({f"{CHANGED}__gte": since.isoformat().replace("+00:00", "Z")}))
    there = [record["id"] for record in listing({"fields": "id"})]
    lost = [one for one in there if one not in found]
    for start in range(0, len(lost), 100):
        found.update((record["id"], record) for record in listing({"id": lost[start : start + 100]}))
    return [found[one] for one in there if one in found]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
