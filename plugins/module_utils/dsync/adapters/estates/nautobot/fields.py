# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What can be written: Nautobot says nothing of a field or a custom field of which it takes no notice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ...._util.suggestions import known
from ....exceptions import RecordProblem
from ...http.answers import Answer
from ..kinds import CUSTOM_FIELDS, Kind
from ..names import Natives
from .kinds import JOINS


class Fields:
    """The fields and custom fields that can be written; may be used by several threads.

    Args:
        request: sends a request, of a method to a path.
        listed: returns the objects at an endpoint, with parameters.
    """

    def __init__(self, request: Callable[[str, str], Answer], listed: Callable[[str, Mapping[str, Any]], Natives]) -> None:
        self._request, self._listed = request, listed
        self._lock = threading.RLock()
        self._fields: dict[str, frozenset[str]] = {}
        self._custom: frozenset[str] | None = None

    def check(self, kind: Kind, body: Mapping[str, Any]) -> None:
        """Raise RecordProblem when there is a field of which Nautobot would take no notice."""
        taken = self._fields_of(kind.endpoint)
        for name in body:
            if taken and name not in taken:
                raise RecordProblem(
                    f'Nautobot has no field "{name}" of {kind.name} objects that can be written{known(name, taken)}'
                )
        for name in body.get(CUSTOM_FIELDS) or ():
            there = self._custom_fields()
            if name not in there:
                raise RecordProblem(f'Nautobot has no custom field "{name}"{known(name, there)}')

    def _fields_of(self, endpoint: str) -> frozenset[str]:
        """Return the fields that can be written; none where Nautobot does not tell, as to somebody who may not write."""
        with self._lock:
            if endpoint not in self._fields:
                actions = self._request("OPTIONS", f"/api/{endpoint}/").json().get("actions", {})
                told = actions.get("POST") or actions.get("PUT") or {}
                writable = {name for name, about in told.items() if not about.get("read_only")}
                self._fields[endpoint] = frozenset(writable and writable | JOINS.get(endpoint, {}).keys())
            return self._fields[endpoint]

    def _custom_fields(self) -> frozenset[str]:
        with self._lock:
            if self._custom is None:
                found = self._listed("extras/custom-fields", {"depth": 0, "exclude_m2m": "true"})
                self._custom = frozenset(native["key"] for native in found)
            return self._custom
