# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a task is, written to a small file while it runs, for the controller to tell."""

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
"""Seconds before anything is written: most tasks have ended by then."""

INTERVAL = 1.0
"""Seconds between two looks."""

READABLE = 0o644
"""The permissions of the file: the controller may come as another user than the one that runs the task."""

NOTHING_YET = ("", 0, 0)
"""What a callback was called with before it was called."""

Callback = Callable[[str, int, int], None]
Retry = Callable[[Callable[[], str]], str]


class Progress:
    """Where a task is: names of stages and models, and numbers, never a value.

    As a context manager it writes that to a file, from a thread, and removes the file at the end. That it cannot be written is no
    failure of the task.

    Args:
        path: the file; nothing is noted or written without it.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._stage: Mapping[str, Any] = {}
        self._look: Callable[[], Mapping[str, Any]] = dict
        self._loading: list[tuple[Mapping[str, Any], Callable[[], Mapping[str, Any]]]] = []
        self._began = 0.0
        self._told: tuple[Any, ...] = NOTHING_YET
        self._again = 0

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

    # ------------------------------------------------------------------ what the stages tell

    @contextmanager
    def loading(self, stage: str, side: str, adapter: str, dataset: DSync) -> Iterator[None]:
        """Tell how much of a dataset there is, while it is loaded; of two at the same time, of the one that was begun last."""
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
        """Tell that a stage goes on of which nothing can be counted."""
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
        self._told, self._again = NOTHING_YET, 0
        self._begin({"stage": stage}, self._counted)
        return self._note

    def retrying(self, retry: Retry) -> Retry:
        """Return the same, and count how often something is tried again."""
        return retry if self._path is None else self._noting(retry)

    def _begin(self, stage: Mapping[str, Any], look: Callable[[], Mapping[str, Any]]) -> None:
        self._began, self._look, self._stage = time.monotonic(), look, stage

    def _note(self, *told: Any) -> None:  # called for every change: nothing is cheaper than to keep all the arguments
        self._told = told

    def _counted(self) -> Mapping[str, Any]:
        _stage, done, total = self._told
        return {"count": done, "total": total, "rate": rate(done, self._began), "retries": self._again} if total else {}

    def _noting(self, retry: Retry) -> Retry:
        def call(make: Callable[[], str]) -> str:
            first = iter([0])

            def attempt() -> str:
                self._again += next(first, 1)
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
    """How many objects of a dataset there are while it is being loaded, and of which model they are.

    Args:
        dataset: one that is about to be loaded.
    """

    def __init__(self, dataset: DSync) -> None:
        self._dataset = dataset
        self._counts: dict[str, int] = {}
        self._model = ""
        self._began = time.monotonic()

    def record(self) -> Mapping[str, Any]:
        """Return the model that has grown most since the last time, how many there are of it, and how many objects a second."""
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
        """Return how many objects there are of each model, or native records of which objects are going to be made."""
        holder: Any = getattr(self._dataset, "original", self._dataset)
        made = {name: holder.count(name) for name in self._dataset.models()} if in_memory(holder.store) else {}
        reading = {name: len(records) for name, records in dict(getattr(self._dataset, "records_read", {})).items()}
        return {name: max(made.get(name, 0), reading.get(name, 0)) for name in made | reading}


def in_memory(store: Any) -> bool:
    """Return whether a store, this library's or DiffSync's, can be asked by another thread how much it holds."""
    return isinstance(store, MemoryStore) or type(store).__name__ == "LocalStore"


def rate(count: int, began: float) -> float:
    """Return how many that is a second."""
    return round(count / max(time.monotonic() - began, 0.001), 1)
