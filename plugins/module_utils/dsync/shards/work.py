# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Tasks in other processes: what a worker runs, and how the coordinator has it run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, as_completed
from typing import TypeAlias

from .._util.gc import relaxed_collector
from ..dataset.shard import Shard
from ..exceptions import DiffException, DSyncException
from .messages import Answer, Task, answer_text, failure_text, read_answer
from .shard_comparison import compare_shard

Workers: TypeAlias = "Executor | Callable[[], Executor]"
"""What runs the tasks: an executor, or a function that returns a new one, as often as workers die."""

MOST_DEATHS = 3
"""Number of executors that may break before a comparison gives up."""


def run(text: str) -> str:
    """Compare one shard. A worker calls this; the argument and the result are JSON.

    Args:
        text: a :class:`.messages.Task`.
    """
    task = Task.of_text(text)
    shard = Shard(task.number, task.of)
    try:
        with relaxed_collector():
            source, target = task.source.make(), task.target.make()
            source.load_shard(shard)
            target.load_shard(shard)
            return answer_text(compare_shard(source, target, task.flags, task.question))
    except DSyncException as error:
        return failure_text(error)
    except Exception as error:  # whatever an adapter raises
        return failure_text(DiffException(f"{shard} could not be compared: {type(error).__name__}: {error}"))


def answers_of(workers: Workers, tasks: Mapping[int, Task]) -> dict[int, Answer]:
    """Have tasks run, and return the answers by number.

    Args:
        workers: an executor; or a function that returns a new one, if tasks are to be run again after a worker died. Executors that
            the function returned are shut down.
        tasks: number → task.

    Raises:
        DSyncException: what the first task in order raised that failed.
        concurrent.futures.BrokenExecutor: a worker died, and there is no function, or it happened too often.
    """
    texts: dict[int, str] = {}
    if isinstance(workers, Executor):
        _run_missing(workers, tasks, texts)
    else:
        _run_until_done(workers, tasks, texts)
    found: dict[int, Answer] = {}
    for number in tasks:
        answer = read_answer(texts.pop(number))
        if isinstance(answer, DSyncException):
            raise answer
        found[number] = answer
    return found


def _run_until_done(workers: Callable[[], Executor], tasks: Mapping[int, Task], texts: dict[int, str]) -> None:
    for deaths in range(MOST_DEATHS + 1):
        executor = workers()
        try:
            _run_missing(executor, tasks, texts)
        except BrokenExecutor:
            if deaths == MOST_DEATHS:
                raise
        finally:
            executor.shutdown(cancel_futures=True)
        if len(texts) == len(tasks):
            return


def _run_missing(executor: Executor, tasks: Mapping[int, Task], texts: dict[int, str]) -> None:
    """Run the tasks that have no result, and add the results of those that end."""
    futures = {executor.submit(run, task.text()): number for number, task in tasks.items() if number not in texts}
    broken: BrokenExecutor | None = None
    for future in as_completed(futures):
        try:
            texts[futures[future]] = future.result()
        except BrokenExecutor as error:
            broken = error
    if broken is not None:
        raise broken
