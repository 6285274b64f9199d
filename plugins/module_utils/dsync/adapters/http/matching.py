# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Which record of an answer is which of those that were sent together: a server may answer in any order, so identity decides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...records.path import MISSING, Path, read

Record = Mapping[str, Any]


def matched(sent: Sequence[Record], answered: Sequence[Any], identity: Sequence[Path]) -> list[Record | None]:
    """Return for each record that was sent the one of the answer that represents it; None if there is none, or it is not certain.

    Args:
        sent: the records.
        answered: what the server answers; what is no record in it is passed over.
        identity: the fields that identify a record. Those that a record was sent without do not count; one that was sent with none
            of them is compared in all its fields.
    """
    there = [one for one in answered if isinstance(one, Mapping)]
    tables: dict[tuple[Path, ...], dict[str, list[Record]]] = {}
    found: list[Record | None] = []
    for record in sent:
        paths = tuple(path for path in identity if read(record, path) is not MISSING) or tuple((name,) for name in record)
        if paths not in tables:
            table: dict[str, list[Record]] = {}
            for one in there:
                table.setdefault(_values(one, paths), []).append(one)
            tables[paths] = table
        alike = tables[paths].get(_values(record, paths), ())
        found.append(alike[0] if len(alike) == 1 else None)
    times = Counter(id(one) for one in found)
    return [None if times[id(one)] > 1 else one for one in found]


def _values(record: Record, paths: Sequence[Path]) -> str:
    values = [read(record, path) for path in paths]
    return json.dumps([None if value is MISSING else [value] for value in values], sort_keys=True, default=str)
