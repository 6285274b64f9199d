# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The order in which the changes of a plan are attempted, and how many at the same time."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..plan.change import Change, ChangeKey, ref_of
from ..plan.outcome import Outcome
from ..plan.plan import Plan
from ..plan.together import Unit, Units, units

if TYPE_CHECKING:
    from .attempt import Attempt

Batch = Sequence[Change]
"""Changes that are made in one batch: none of them requires another; or a :class:`.plan.together.Unit`, or several of them."""


class Run(Protocol):
    """Decides which changes are attempted; all methods are called in one thread."""

    interrupted: BaseException | None

    def is_interrupted(self) -> bool:
        """Return whether something from outside has ended the run."""

    def begin(self, batch: Batch) -> Attempt | None:
        """Return the attempt at a batch, None if there is none to make."""

    def end(self, batch: Batch, attempt: Attempt | None) -> list[Outcome]:
        """Return the outcomes of the changes of a batch."""


Later = Mapping[ChangeKey, Sequence[ChangeKey]]
"""Change → changes that must have ended before it begins, although it does not require them."""


def batches(
    plan: Plan, in_bulk: Callable[[Change], bool], size: int = 1, workers: int = 1, later: Later = MappingProxyType({})
) -> list[Batch]:
    """Return the changes of a plan in the order in which they are made, grouped into batches.

    If the target takes one change at a time, in one thread, this is the plan's own order. Otherwise changes with dependency
    chains of the same length are grouped by model and action, and units of several changes by those of all their changes.

    Args:
        plan: the changes; not changed.
        in_bulk: whether a change's model has a batch method for changes like it.
        size: maximum number of changes in a batch.
        workers: number of batches that are made at the same time.
        later: see :data:`Later`; only if there are several workers.
    """
    if size <= 1 and workers <= 1:
        return list(units(plan.changes))
    needs = _needs(plan.changes, later)
    tiers: dict[ChangeKey, int] = {}
    groups: dict[tuple[int, str, DSyncAction], list[Change]] = {}
    found: list[tuple[int, Batch]] = []
    shapes: dict[tuple[Any, ...], list[Unit]] = {}
    for unit in units(plan.changes):
        tier = 1 + max((tiers.get(key, 0) for change in unit for key in needs(change)), default=0)
        tiers.update((change.key, tier) for change in unit)
        if isinstance(unit, Unit):
            at_once = size > 1 and all(change.cascade or in_bulk(change) for change in unit)
            shape = tuple((change.model, change.action, change.step, change.cascade) for change in unit)
            shapes.setdefault((tier, shape) if at_once else (tier, unit[0].key), []).append(unit)
        else:
            groups.setdefault((tier, unit[0].model, unit[0].action), []).append(unit[0])
    for (tier, _model, _action), group in groups.items():
        step = size if in_bulk(group[0]) else 1
        found += [(tier, group[start : start + step]) for start in range(0, len(group), step)]
    found += [(shape[0], batch) for shape, same in shapes.items() for batch in _together(same, size)]
    return [batch for _tier, batch in sorted(found, key=itemgetter(0))]


def _together(same: Sequence[Unit], size: int) -> Iterator[Batch]:
    """Yield units of one tier and one shape in batches, in each of which no object occurs in two units."""
    batch: list[Unit] = []
    there: set[ObjectRef] = set()
    for unit in same:
        refs = {ref for change in unit for ref in (ref_of(change), change.before_ref)}
        if len(batch) == size or not there.isdisjoint(refs):
            yield batch[0] if len(batch) == 1 else Units.of(batch)
            batch, there = [], set()
        batch.append(unit)
        there |= refs
    if batch:
        yield batch[0] if len(batch) == 1 else Units.of(batch)


def _needs(changes: Sequence[Change], later: Later) -> Callable[[Change], Iterable[ChangeKey]]:
    """Return a function that returns the changes that must have ended before a change begins: those that it requires, and whether
    they succeed or not, those that ``later`` names, and before an object is renamed the deletes of objects below it, by the names
    that they have."""
    renames = {change.before_ref: change for change in changes if change.before_id is not None}
    earlier: dict[ChangeKey, list[ChangeKey]] = defaultdict(list, {key: [*needs] for key, needs in later.items()})
    places = {change.key: place for place, change in enumerate(changes)} if renames else {}
    deleted = {ref_of(change): change.parent for change in changes if change.action == DSyncAction.DELETE} if renames else {}
    for ref in deleted:
        delete, above, seen = ChangeKey(DSyncAction.DELETE, *ref), deleted[ref], set[ObjectRef]()
        while above is not None and above not in seen:
            seen.add(above)
            rename = renames.get(above)
            if rename is not None and places[delete] < places[rename.key]:
                earlier[rename.key].append(delete)
            above = rename.before_parent if rename is not None else deleted.get(above)
    return lambda change: (*change.requires, *earlier[change.key]) if change.key in earlier else change.requires


def run_serial(run: Run, ordered: Sequence[Batch]) -> Generator[list[Outcome], None, None]:
    """Attempt batches one after the other, and yield the outcomes of each, until the run is interrupted."""
    for batch in ordered:
        if run.is_interrupted():
            return
        attempt = run.begin(batch)
        if attempt is not None:
            attempt.make()
        yield run.end(batch, attempt)


def run_parallel(run: Run, ordered: Sequence[Batch], workers: int, later: Later) -> Generator[list[Outcome], None, None]:
    """Attempt batches in several threads, each as soon as those that it requires have ended, and yield the outcomes of each.

    If the run is interrupted, no more batches are started, and those in progress are completed.
    """
    line = _ReadyQueue(ordered, later)
    running: dict[Future[None], tuple[int, Attempt]] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="dsync")
    try:
        while running or line.ready:
            while line.ready and len(running) < workers and not run.is_interrupted():
                number = heapq.heappop(line.ready)
                attempt = run.begin(ordered[number])
                if attempt is not None and not attempt.in_steps:
                    running[pool.submit(attempt.make)] = number, attempt
                    continue
                if attempt is not None:
                    attempt.make()
                line.ended(number)
                yield run.end(ordered[number], attempt)
            if not running:
                if run.interrupted is not None:
                    return
                continue
            for future in _finished(run, running):
                number, attempt = running.pop(future)
                line.ended(number)
                yield run.end(ordered[number], attempt)
    finally:
        pool.shutdown(wait=run.interrupted is None, cancel_futures=True)


def _finished(run: Run, running: dict[Future[None], tuple[int, Attempt]]) -> list[Future[None]]:
    """Wait until a batch has ended. The first Ctrl-C in the meantime is recorded as the end of the run; a second one is raised."""
    try:
        done = wait(running, return_when=FIRST_COMPLETED)[0]
    except KeyboardInterrupt as error:
        if run.is_interrupted():
            raise
        run.interrupted = error
        done = wait(running)[0]
    return sorted(done, key=lambda future: running[future][0])


class _ReadyQueue:
    """The batches that may be started.

    Attributes:
        ready: their numbers, as a heap.
    """

    def __init__(self, ordered: Sequence[Batch], later: Later) -> None:
        number_of = {change.key: number for number, batch in enumerate(ordered) for change in batch}
        needs = _needs([change for batch in ordered for change in batch], later)
        self._followers: dict[int, set[int]] = defaultdict(set)
        self._waiting = [0] * len(ordered)
        for number, batch in enumerate(ordered):
            needed = {number_of[key] for change in batch for key in needs(change) if key in number_of} - {number}
            self._waiting[number] = len(needed)
            for other in needed:
                self._followers[other].add(number)
        self.ready = [number for number, waiting in enumerate(self._waiting) if not waiting]

    def ended(self, number: int) -> None:
        """Mark the batches that required this one as ready if everything else that they require has ended."""
        for follower in self._followers.pop(number, ()):
            self._waiting[follower] -= 1
            if not self._waiting[follower]:
                heapq.heappush(self.ready, follower)
