# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The native record of each object, by model and unique id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...records.mapping import Record


class NativeRecords(dict[str, dict[str, Record]]):
    """Model → unique id → native record. Those of a model are put together when somebody asks for one of them.

    Args:
        models: names of the models; each has no records at first.
    """

    def __init__(self, models: Iterable[str]) -> None:
        super().__init__((model, {}) for model in models)
        self._loaded: dict[str, tuple[Sequence[str], Sequence[Record]]] = {}

    def load(self, model: str, uids: Sequence[str], records: Sequence[Record]) -> None:
        """Replace the records of a model.

        Args:
            model: its name.
            uids: the unique id of the object of each record; kept, and not changed.
            records: kept, and not changed.
        """
        self._loaded[model] = uids, records
        self.pop(model, None)

    def __missing__(self, model: str) -> dict[str, Record]:
        return self.setdefault(model, dict(zip(*self._loaded[model])))
