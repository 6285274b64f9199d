# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change records of bounded size, with nothing secret in them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ...dsync import Outcome
from ...dsync._util.redaction import Redactor

LONGEST_VALUE = 2000


def fitting(records: Iterable[dict[str, Any]], most: int, room: int) -> Iterator[dict[str, Any]]:
    """Yield the first records: not more than ``most``, and not more than fit in ``room`` bytes of JSON."""
    for record in islice(records, most):
        room -= len(json.dumps(record)) + 2
        if room < 0:
            return
        yield record


class Recorder:
    """Makes records of outcomes.

    Args:
        secrets: texts that are masked wherever they stand.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        self._redactor = Redactor(secrets)

    def records(self, outcomes: Iterable[Outcome], most: int, room: int) -> list[dict[str, Any]]:
        """Return the first records: not more than ``most``, and not more than fit in ``room`` bytes of JSON."""
        return list(fitting(map(self.record, outcomes), most, room))

    def record(self, outcome: Outcome) -> dict[str, Any]:
        """Return one record, each of its values of bearable length."""
        return self.bounded_record({**outcome.change.record(), "status": outcome.status.value, "message": outcome.message})

    def bounded_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record of plain JSON values, each of them of bearable length."""
        return {key: self._bounded_values(value) for key, value in record.items()}

    def _bounded_values(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.bounded(item) for name, item in value.items()}
        return self.bounded(value)

    def bounded(self, value: Any) -> Any:
        """Return a JSON value without secrets; as a text that is cut when it is long."""
        value = self.clean(value)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text) <= LONGEST_VALUE:
            return value
        return f"{text[:LONGEST_VALUE]}… (the first {LONGEST_VALUE} of {len(text)} characters)"

    def clean(self, value: Any) -> Any:
        """Return a JSON value without secrets, as long as it is."""
        if isinstance(value, str):
            return self._redactor.redact(value)
        if isinstance(value, dict):
            return {name: self.clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.clean(item) for item in value]
        return value
