# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measurement, in this process of its own: `BENCH_LIBRARY=dsync python bench/measure.py tree 10000` prints it as JSON."""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from estates import ESTATES, Estate
from library import LIBRARY
from shapes import SHAPES

MEMORY = Path("/proc/self/status")
PEAK_RESET = Path("/proc/self/clear_refs")
SLOWEST = 25
FEW = 40
"""Size of what is done once before the measurement."""


class Clock:
    """Times the stages, or profiles one of them."""

    def __init__(self, profiled: str | None) -> None:
        self.seconds: dict[str, float] = {}
        self._profiled = profiled

    def time(self, stage: str, work: Callable[[], Any]) -> Any:
        """Do the work, note how long it took, and return what it returned."""
        profile = cProfile.Profile() if stage == self._profiled else None
        started = time.perf_counter()
        result = profile.runcall(work) if profile else work()
        self.seconds[stage] = time.perf_counter() - started
        if profile:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(SLOWEST)
        return result


def measure(shape: str, size: int, clock: Clock) -> dict[str, Any]:
    """Measure load, compare, summary, apply and text, the peak of memory up to apply; and the plan, which diffsync has not."""
    _imports(shape)
    source, target = _made(shape, size)
    before = _settled()
    clock.time("load", partial(_each, source.load, target.load))
    objects = len(source) + len(target)
    diff = clock.time("compare", lambda: target.diff_from(source))
    summary = clock.time("summary", diff.summary)
    clock.time("apply", lambda: target.sync_from(source, diff=diff))
    memory = _peak() - before
    if len(target) != len(source):
        raise SystemExit(f"after apply the target has {len(target)} objects, the source {len(source)}")
    if LIBRARY == "dsync":
        from dsync import Plan

        clock.time("plan", lambda: Plan.from_diff(diff))
    text = clock.time("text", diff.str)
    return {"objects": objects, "summary": _common(summary), "memory": memory, "text": len(text), "seconds": clock.seconds}


def _common(summary: dict[str, int]) -> dict[str, int]:
    """Return what both libraries count: diffsync knows no moves, which are a create and a delete there."""
    moves = summary.get("move", 0)
    counted = {action: number for action, number in summary.items() if action != "move"}
    return {**counted, "create": counted["create"] + moves, "delete": counted["delete"] + moves}


def measure_bulk(shape: str, size: int, clock: Clock) -> dict[str, Any]:
    """Measure the bulk load, a comparison, and the peak of memory during both."""
    source, target = _made(shape, size)
    before = _settled()
    clock.time("bulk load", partial(_each, source.load_bulk, target.load_bulk))
    diff = clock.time("bulk compare", lambda: target.diff_from(source))
    memory = _peak() - before
    return {"objects": len(source) + len(target), "summary": _common(diff.summary()), "memory": memory, "seconds": clock.seconds}


def measure_machine(shape: str, size: int, clock: Clock) -> dict[str, Any]:
    """Measure what memory alone costs on this machine: a copy of each row as a plain dict, kept by a text, without any library."""
    sides = SHAPES[shape](size)
    rows = [row for side in sides for table in side.tables.values() for row in table]
    _settled()

    def copied() -> dict[str, dict[str, Any]]:
        return {f"{place}__{len(row)}": dict(row) for place, row in enumerate(rows)}

    kept = clock.time("copy", copied)
    return {"objects": len(kept), "summary": None, "memory": 0, "seconds": clock.seconds}


def _imports(shape: str) -> None:
    """Do everything once with few objects, so that no stage includes the import of what it uses."""
    source, target = _made(shape, FEW)
    _each(source.load, target.load)
    diff = target.diff_from(source)
    diff.str()
    target.sync_from(source, diff=diff)


def _made(shape: str, size: int) -> tuple[Estate, Estate]:
    source, target = SHAPES[shape](size)
    return ESTATES[shape](source), ESTATES[shape](target)


def _each(*works: Callable[[], None]) -> None:
    for work in works:
        work()


def _settled() -> int:
    """Return how many bytes are in use now that the data is made, and have the peak counted from here where Linux can do that."""
    gc.collect()
    try:
        PEAK_RESET.write_text("5")
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    """Return the most bytes that were in use since then."""
    if MEMORY.exists():
        return _status("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _status(name: str) -> int:
    (line,) = (line for line in MEMORY.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("size", type=int)
    parser.add_argument("--bulk", action="store_true", help="the bulk load instead of all other stages")
    parser.add_argument("--machine", action="store_true", help="a copy of the rows instead, which needs no library")
    parser.add_argument("--profile", metavar="STAGE", help="print where the time of this stage goes; the times then mean nothing")
    options = parser.parse_args()
    work = measure_machine if options.machine else measure_bulk if options.bulk else measure
    print(json.dumps(work(options.shape, options.size, Clock(options.profile))))


if __name__ == "__main__":
    main()
