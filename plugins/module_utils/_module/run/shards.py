# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the datasets of a task in shards, by processes on the managed node; only what may differ is loaded in this one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ...dsync import DSync, DSyncFlags
from ...dsync import shards as library
from ...dsync.exceptions import DSyncException
from ...dsync.shards.messages import Question, Task, read_answer
from ...dsync.shards.work import run
from ..bundle.format import Bundle
from ..datasets.side import Side
from ..errors import TaskFailure
from ..output.messages import describe, error_context
from .changeset import flag_names, flags_of
from .forks import Forks, WorkerDied

if TYPE_CHECKING:
    from .shard_store import ShardStore

_MAKERS: dict[str, Callable[[], DSync]] = {}
"""Role → function that returns a new dataset; workers, which are forks, find the arguments and secrets of the task in it."""


def dataset_of(role: str) -> DSync:
    """Return a new dataset of the task."""
    return _MAKERS[role]()


def obstacle(params: Mapping[str, Any], sides: Sequence[Side], scoped: bool) -> str:
    """Return why a task compares in one process although it has ``shards``; empty if it does not.

    Args:
        params: the task's arguments.
        sides: source and target, constructed.
        scoped: whether not all of the objects and attributes are compared.
    """
    if scoped:
        return "only some objects or attributes are compared"
    if "log_unchanged_records" in params["flags"]:
        return "the flag log_unchanged_records shows every object"
    if params.get("plan_src") or params.get("undo_journal"):
        return "the changes come from a file, and the target is checked against it"
    whole = [f"{side.role} ({side.params['adapter']})" for side in sides if not _loads_parts(side.dataset)]
    if whole:
        return f"the adapter of {' and '.join(whole)} cannot load a part of its objects"
    return ""


def _loads_parts(dataset: DSync) -> bool:
    found: bool = getattr(dataset, "loads_parts", type(dataset).load_shard is not DSync.load_shard)
    return found


def load_differing(params: Mapping[str, Any], sides: Sequence[Side], bundle: Bundle, store: ShardStore | None = None) -> list[str]:
    """Compare two datasets in shards, and replace them with new ones that hold what may differ; the others are ``unread``.

    Args:
        params: the task's arguments.
        sides: source and target, constructed and not loaded; their datasets are replaced.
        bundle: the code of the adapters.
        store: has the answers of other tasks; None if there are none.

    Returns:
        Sentences for the user.

    Raises:
        TaskFailure: a dataset cannot be loaded or compared, or workers died too often.
    """
    source, target = _sides_to_make(sides, bundle)
    number, told = params["shards"], sides[1].progress.counting("shards")
    workers: Callable[[], Executor] = partial(Forks, _processes(params))
    notes = []
    with _failures(sides):
        if store is not None:
            from .shard_store import StoredAnswers  # only here, since few tasks have a store

            answers = store.answers()
            workers = partial(StoredAnswers, answers, workers)
            if len(answers) < number:
                notes.append(
                    f"shard_store: {number - len(answers)} of {number} shards of {store.run} were not compared by other tasks, and "
                    "were compared by this one."
                )
        found = library.compare(workers, source, target, number, _flags(params), told)
    for side, dataset in zip(sides, (found.source, found.target)):
        side.adopt(dataset)
    return notes


def compare_for_others(params: Mapping[str, Any], sides: Sequence[Side], bundle: Bundle, store: ShardStore) -> list[int]:
    """Compare shards that no other task has compared or compares now, and keep the answers in a store.

    Args:
        params: the task's arguments.
        sides: source and target, constructed and not loaded.
        bundle: the code of the adapters.
        store: where the answers are kept.

    Returns:
        The numbers of the shards that were compared.

    Raises:
        TaskFailure: as :func:`load_differing`, or the store cannot be used. Answers that were kept remain.
    """
    source, target = _sides_to_make(sides, bundle)
    number, processes = params["shards"], _processes(params)
    with _failures(sides):
        store.prepare()
        forks = Forks(processes)
        threads = ThreadPoolExecutor(processes)

        def answer(shard: int) -> str:
            text = Task(source, target, shard, number, _flags(params), Question()).text()
            found: str = forks.submit(run, text).result()
            failure = read_answer(found)
            if isinstance(failure, DSyncException):
                raise failure
            return found

        def compared() -> list[int]:
            return [*iter(lambda: store.compare_next(answer), None)]

        try:
            each = [threads.submit(compared) for _process in range(processes)]
            return sorted(shard for future in each for shard in future.result())
        finally:
            forks.shutdown()  # a thread that waits for a worker ends then
            threads.shutdown()


def _sides_to_make(sides: Sequence[Side], bundle: Bundle) -> list[library.Side]:
    for side in sides:
        _MAKERS[side.role] = _maker(side, bundle)
    return [library.Side(f"{__name__}:{dataset_of.__name__}", {"role": side.role}) for side in sides]


@contextmanager
def _failures(sides: Sequence[Side]) -> Iterator[None]:
    """Convert exceptions to a failure of the task, which names the side that could not be loaded."""
    with error_context("comparing in shards"):
        try:
            yield
        except WorkerDied as error:
            raise TaskFailure(
                f"comparing in shards: {error}, and its shard was tried again in vain. If the system has killed it for lack of "
                "memory, set more shards, or fewer shard_workers."
            ) from error
        except DSyncException as error:
            failed = next((side for side in sides if side.role == error.side), None)
            if failed is None:
                raise
            with failed.error_prefix():
                raise TaskFailure(f"load() {describe(error)}") from error


def _flags(params: Mapping[str, Any]) -> DSyncFlags:
    return flags_of(flag_names(params))


def _processes(params: Mapping[str, Any]) -> int:
    number: int = min(params["shard_workers"] or cores(), params["shards"])
    return number


def _maker(side: Side, bundle: Bundle) -> Callable[[], DSync]:
    def make() -> DSync:
        side.open(bundle)
        return side.dataset

    return make


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
