# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the progress of a task to a small file, which the controller reads and displays."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ...dsync import DSync
from ...dsync.dataset.memory_store import MemoryStore

SILENT = 2.5
"""Seconds before the first write; most tasks end earlier."""

INTERVAL = 1.0
"""Seconds between two writes."""

READABLE = 0o644
"""The mode of the file: the controller may connect as another user than the one that runs the task."""

NOTHING_YET = ("", 0, 0)
"""The arguments of a callback that has not been called yet."""

Callback = Callable[[str, int, int], None]
Retry = Callable[[Callable[[], str]], str]


class Progress:
    """The progress of a task: names of stages and models, and numbers, never a value.

    As a context manager it writes them to a file from a thread, and removes the file at the end. The task does not fail if the file
    cannot be written.

    Args:
        path: the file; without it nothing is recorded or written.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._stage: Mapping[str, Any] = {}
        self._look: Callable[[], Mapping[str, Any]] = dict
        self._loading: list[tuple[Mapping[str, Any], Callable[[], Mapping[str, Any]]]] = []
        self._began = 0.0
        self._last_call: tuple[Any, ...] = NOTHING_YET
        self._retries = 0

    def __enter__(self) -> Progress:
        if self._path is not None:
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._path is None:
            return
        self._ended.set()
        self._thread.join()
        with suppress(OSError):
            Path(self._path).unlink()

    # ------------------------------------------------------------------ what the stages report

    @contextmanager
    def loading(self, stage: str, side: str, adapter: str, dataset: DSync) -> Iterator[None]:
        """Report how much of a dataset is loaded; of two that are loaded concurrently, the one that started last."""
        mine = ({"stage": stage, "side": side, "adapter": adapter}, Growth(dataset).record)
        self._loading.append(mine)
        self._begin(*mine)
        try:
            yield
        finally:
            self._loading.remove(mine)
            self._begin(*(self._loading[-1] if self._loading else ({}, dict)))

    @contextmanager
    def waiting(self, stage: str) -> Iterator[None]:
        """Report a stage in which nothing can be counted."""
        self._begin({"stage": stage}, dict)
        try:
            yield
        finally:
            self._begin({}, dict)

    def counting(self, stage: str) -> Callback | None:
        """Begin a stage, and return what is to be called with its name, how much is done, and how much there is; None if nothing
        is told."""
        if self._path is None:
            return None
        self._last_call, self._retries = NOTHING_YET, 0
        self._begin({"stage": stage}, self._counted)
        return self._note

    def retrying(self, retry: Retry) -> Retry:
        """Return ``retry``, wrapped to count the retries."""
        return retry if self._path is None else self._counting_retries(retry)

    def _begin(self, stage: Mapping[str, Any], look: Callable[[], Mapping[str, Any]]) -> None:
        self._began, self._look, self._stage = time.monotonic(), look, stage

    def _note(self, *told: Any) -> None:  # called for every change: nothing is cheaper than to keep all the arguments
        self._last_call = told

    def _counted(self) -> Mapping[str, Any]:
        _stage, done, total = self._last_call
        return {"count": done, "total": total, "rate": rate(done, self._began), "retries": self._retries} if total else {}

    def _counting_retries(self, retry: Retry) -> Retry:
        def call(make: Callable[[], str]) -> str:
            first = iter([0])

            def attempt() -> str:
                self._retries += next(first, 1)
                return make()

            return retry(attempt)

        return call

    # ------------------------------------------------------------------ what is written

    def _work(self) -> None:
        wait = SILENT
        while not self._ended.wait(wait):
            with suppress(Exception):
                self._write()
            wait = INTERVAL

    def _write(self) -> None:
        stage = self._stage
        if not stage or self._path is None:
            return
        told = {**stage, **self._look()}
        new = Path(f"{self._path}.new")
        new.unlink(missing_ok=True)
        with new.open("x", encoding="ascii") as stream:
            os.fchmod(stream.fileno(), READABLE)
            json.dump(told, stream)
        new.replace(self._path)


class Growth:
    """The number of objects of a dataset while it is loaded, and their model.

    Args:
        dataset: not loaded yet.
    """

    def __init__(self, dataset: DSync) -> None:
        self._dataset = dataset
        self._counts: dict[str, int] = {}
        self._model = ""
        self._began = time.monotonic()

    def record(self) -> Mapping[str, Any]:
        """Return the model that has grown most since the last call, the number of its objects, and all objects per second."""
        before = self._counts
        self._counts = {name: max(count, before.get(name, 0)) for name, count in self._now().items()}
        grown = {name: count - before.get(name, 0) for name, count in self._counts.items()}
        most = max(grown, key=grown.__getitem__, default="")
        if grown.get(most):
            self._model = most
        if not self._model:
            return {}
        total = sum(self._counts.values())
        return {"model": self._model, "count": self._counts[self._model], "rate": rate(total, self._began)}

    def _now(self) -> dict[str, int]:
        """Return the number of objects of each model, or of native records from which objects will be made."""
        holder: Any = getattr(self._dataset, "original", self._dataset)
        made = {name: holder.count(name) for name in self._dataset.models()} if in_memory(holder.store) else {}
        reading = {name: len(records) for name, records in dict(getattr(self._dataset, "records_read", {})).items()}
        return {name: max(made.get(name, 0), reading.get(name, 0)) for name in made | reading}


def in_memory(store: Any) -> bool:
    """Return whether a store, this library's or DiffSync's, can be counted from another thread."""
    return isinstance(store, MemoryStore) or type(store).__name__ == "LocalStore"


def rate(count: int, began: float) -> float:
    """Return the number per second."""
    return round(count / max(time.monotonic() - began, 0.001), 1)
