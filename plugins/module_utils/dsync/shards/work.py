# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Tasks in other processes: what a worker runs, and how the coordinator has it run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from typing import TypeAlias

from .._util.gc import relaxed_collector
from .._util.redaction import Redactor, collect_secrets
from ..adapter import DSync
from ..dataset.shard import Shard
from ..exceptions import DiffException, DSyncException
from .messages import Answer, Task, answer_text, failure_text, read_answer
from .shard_comparison import compare_shard

Workers: TypeAlias = "Executor | Callable[[], Executor]"
"""What runs the tasks: an executor, or a function that returns a new one, as often as workers die."""

MOST_DEATHS = 3
"""Number of executors that may break before a comparison gives up."""

_FEW = 10_000
"""Number of objects that a worker does not have removed at once after a shard: that takes a while, and they need little memory."""


def run(text: str) -> str:
    """Compare one shard. A worker calls this; the argument and the result are JSON.

    Args:
        text: a :class:`.messages.Task`.
    """
    loaded: list[DSync] = []
    with relaxed_collector():
        answer = _compared(Task.of_text(text), loaded)
    objects = sum(map(len, loaded))
    loaded.clear()
    if objects > _FEW:
        gc.collect()  # datasets and their objects refer to one another, and a worker has room for one shard
    return answer


def _compared(task: Task, loaded: list[DSync]) -> str:
    """Compare one shard, add its datasets to ``loaded``, and return the answer or failure as JSON."""
    shard, side = Shard(task.number, task.of), ""
    try:
        for role, made in (("source", task.source), ("target", task.target)):
            side = role
            loaded.append(made.make())
            loaded[-1].load_shard(shard)
        side, (source, target) = "", loaded
        answer = compare_shard(source, target, task.flags, task.question)
        return answer_text(answer._replace(warnings=(_shown(loaded, answer.warnings[0]), _shown(loaded, answer.warnings[1]))))
    except DSyncException as error:
        return failure_text(error, _shown(loaded, [str(error)])[0], side)
    except Exception as error:  # whatever an adapter raises
        message = f"{shard} could not be compared: {type(error).__name__}: {error}"
        return failure_text(DiffException(), _shown(loaded, [message])[0], side)


def _shown(loaded: Iterable[DSync], sentences: Sequence[str]) -> tuple[str, ...]:
    """Return sentences without the sensitive values of loaded objects, which only this process knows."""
    hidden = Redactor(set().union(*map(collect_secrets, loaded))) if sentences else Redactor(())
    return tuple(map(hidden.redact, sentences))


def answers_of(workers: Workers, tasks: Mapping[int, Task], done: Callable[[int], None]) -> dict[int, Answer]:
    """Have tasks run, and return the answers by number.

    Args:
        workers: an executor; or a function that returns a new one, if tasks are to be run again after a worker died. Executors that
            the function returned are shut down.
        tasks: number → task.
        done: called with the number of tasks that have ended, after each.

    Raises:
        DSyncException: what the first task in order raised that failed.
        concurrent.futures.BrokenExecutor: a worker died, and there is no function, or it happened too often.
    """
    texts: dict[int, str] = {}
    if not tasks:  # there is no reason to begin processes
        return {}
    if isinstance(workers, Executor):
        _run_missing(workers, tasks, texts, done)
    else:
        _run_until_done(workers, tasks, texts, done)
    found: dict[int, Answer] = {}
    for number in tasks:
        answer = read_answer(texts.pop(number))
        if isinstance(answer, DSyncException):
            raise answer
        found[number] = answer
    return found


def _run_until_done(
    workers: Callable[[], Executor], tasks: Mapping[int, Task], texts: dict[int, str], done: Callable[[int], None]
) -> None:
    for deaths in range(MOST_DEATHS + 1):
        executor = workers()
        try:
            _run_missing(executor, tasks, texts, done)
        except BrokenExecutor:
            if deaths == MOST_DEATHS:
                raise
        finally:
            executor.shutdown(cancel_futures=True)
        if len(texts) == len(tasks):
            return


def _run_missing(executor: Executor, tasks: Mapping[int, Task], texts: dict[int, str], done: Callable[[int], None]) -> None:
    """Run the tasks that have no result, and add the results of those that end."""
    futures = {executor.submit(run, task.text()): number for number, task in tasks.items() if number not in texts}
    broken: BrokenExecutor | None = None
    for future in as_completed(futures):
        try:
            texts[futures[future]] = future.result()
            done(len(texts))
        except BrokenExecutor as error:
            broken = error
    if broken is not None:
        raise broken
