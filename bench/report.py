# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run as Markdown. `report.py RESULTS` renders what an earlier run has left in .build/bench/results.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

METHOD = Path(__file__).with_name("method.md")
DOCUMENT = METHOD.parent.parent / "docs/benchmarks.md"
NOTHING, TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
OPENING, CLOSING = "<!-- reading -->", "<!-- /reading -->"
STAGES = ("load", "bulk load", "compare", "bulk compare", "summary", "plan", "apply", "text")
RATIO_STAGES = ("load", "bulk load", "compare", "bulk compare", "summary", "apply", "text", "memory", "bulk memory")
BULK = {"bulk load": "load", "bulk compare": "compare", "bulk memory": "memory"}
"""Stage of rows that are added in bulk → the stage of diffsync beside which it is put, since diffsync adds object by object."""
SMALL, LARGE = 10_000, 1_000_000
PARTS = ("load", "compare", "apply")
WHOLE = ", ".join(PARTS)
"""All that a run makes of the objects, from their rows to a target that is like the source."""
SHAPES = {
    "tree": "three levels",
    "flat": "flat",
    "wide": "wide, 30 attributes",
    "family": "one parent",
    "different": "three levels, all different",
}
EARLIER = "9df53a9"
"""The earlier commit of this library beside which CSV files are compared."""
LOADING = {"OneByOne": "object by object", "AllAtOnce": "with `add_rows`"}

Found = dict[str, Any]


class Case:
    """All runs of one shape and size: medians of them."""

    def __init__(self, case: Found) -> None:
        self.shape, self.size = case["shape"], case["size"]
        self._runs = case["runs"]

    @property
    def title(self) -> str:
        return f"{SHAPES[self.shape]}, {self.size:,}"

    @property
    def repeats(self) -> str:
        """How many measurements of each kind there are."""
        numbers = {kind: len(runs) for kind, runs in self._runs.items()}
        if len({*numbers.values()}) == 1:
            return str(max(numbers.values()))
        return ", ".join(f"{number} ({kind})" for kind, number in numbers.items())

    def value(self, library: str, stage: str) -> float | None:
        """Return the median of a stage's seconds, or of the bytes of ``memory`` and ``bulk memory``; None if not measured.

        That of :data:`WHOLE` is the median of the sums.
        """
        if library == "diffsync":
            stage = BULK.get(stage, stage)
        runs = self._runs.get("bulk" if stage in BULK else library, ())
        if stage.endswith("memory"):
            values = [run["memory"] for run in runs]
        elif stage == WHOLE:
            values = [sum(run["seconds"][part] for part in PARTS) for run in runs]
        else:
            values = [run["seconds"][stage] for run in runs if stage in run["seconds"]]
        return median(values) if values else None

    def ratio(self, stage: str) -> float | None:
        """Return how many times diffsync's value is this library's."""
        theirs, ours = self.value("diffsync", stage), self.value("dsync", stage)
        return None if theirs is None or not ours else theirs / ours

    def cost(self, library: str, stage: str) -> float | None:
        """Return a stage's cost: of load and memory for each object loaded, of compare for each identity, else for each change."""
        value = self.value(library, stage)
        run = next(iter(self._runs.values()))[0]
        counts = run["summary"]
        changes = counts["create"] + counts["update"] + counts["delete"]
        each = sum(counts.values()) if BULK.get(stage, stage) == "compare" else run["objects"]
        number = changes if stage in ("apply", "plan", "text") else each
        return None if value is None else value / number

    def contents(self) -> str:
        """Return what the comparison found, in words."""
        counts = next(iter(self._runs.values()))[0]["summary"]
        words = {"create": "new", "update": "changed", "delete": "gone", "no-change": "the same"}
        return ", ".join(f"{counts[key]:,} {word}" for key, word in words.items())


class Target(NamedTuple):
    """One line of what must be reached; a value of None was not measured."""

    what: str
    least: str
    aim: str
    measured: str
    reached: bool | None


# ------------------------------------------------------------------ numbers


def duration(seconds: float | None) -> str:
    """Return a time with three digits, in the unit that suits it."""
    if seconds is None:
        return NOTHING
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{_digits(seconds * factor)} {unit}"
    return f"{_digits(seconds * 1e6)} µs"


def megabytes(value: float | None) -> str:
    """Return a number of bytes in MB."""
    return NOTHING if value is None else f"{_digits(value / 1e6)} MB"


def _kilobytes(value: float) -> str:
    return f"{value / 1000:,.0f} kB"


def times(ratio: float | None) -> str:
    """Return a ratio; beyond a thousand only that it is."""
    if ratio is None:
        return NOTHING
    return f"> 1,000 {TIMES}" if ratio > 1000 else f"{_digits(ratio)} {TIMES}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _growth(cases: Sequence[Case], library: str, stage: str) -> float | None:
    costs = {case.size: case.cost(library, stage) for case in cases}
    first, last = costs.get(SMALL), costs.get(LARGE)
    return None if not first or last is None else last / first


# ------------------------------------------------------------------ the document


def reading_of(document: Path) -> str:
    """Return the reading that is kept by hand between its markers in a document."""
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    if OPENING not in text or CLOSING not in text:
        return ""
    return text.split(OPENING, 1)[1].split(CLOSING, 1)[0].strip("\n")


def render(found: Found, reading: str) -> str:
    """Return the whole report of a run.

    Args:
        found: what the run measured.
        reading: the paragraph on where the time goes, to be kept as it is.
    """
    cases = [Case(case) for case in found["cases"]]
    trees = [case for case in cases if case.shape == "tree"]
    parts = [
        _head(found["about"]),
        "## Targets",
        _targets(trees, found["ansible"], found.get("csv")),
        *(["## Speed and memory compared with diffsync", _ratios(cases)] if cases else []),
        *(["## Cost of an object", _costs(trees)] if trees else []),
        "## Where the time goes",
        f"{OPENING}\n{reading}\n{CLOSING}",
        *(["## Through Ansible", _ansible(found["ansible"])] if found["ansible"] else []),
        *(["## Two CSV files", _csv(found["csv"])] if found.get("csv") else []),
        "## Method",
        METHOD.read_text(encoding="utf-8").strip(),
        *(["## Every stage", *map(_stages, cases)] if cases else []),
    ]
    return "\n\n".join(parts) + "\n"


def _head(about: Found) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    return (
        "# Benchmarks\n\n"
        "Generated by `make bench`, except for the section on where the time goes. All numbers are from one run.\n\n"
        f"{about['date']}, dsync {about['version']}, Python {about['python']}, {packages}, {about['cores']} cores, "
        f"{about['system']}; the run took {about['minutes']:.0f} minutes."
    )


def _targets(trees: Sequence[Case], ansible: Found | None, tables: Found | None) -> str:
    rows = [
        (target.what, target.least, target.aim, target.measured, _word(target.reached))
        for target in (*_library_targets(trees), *_ansible_targets(ansible), *_csv_targets(tables))
    ]
    table = _table(("", "at least", "aim", "this run", ""), rows)
    return f"Three levels with {LARGE:,} objects per side, compared with diffsync in the same run; and through Ansible.\n\n{table}"


def _word(reached: bool | None) -> str:
    return "not measured" if reached is None else "reached" if reached else "**not reached**"


def _library_targets(trees: Sequence[Case]) -> Iterator[Target]:
    large = next((case for case in trees if case.size == LARGE), None)
    for what, stage, least, aim in (
        ("compare", "compare", 30, 50),
        ("load, same `load()`", "load", 4, 6),
        ("bulk load, against diffsync's load", "bulk load", 12, 15),
        ("compare, loaded in bulk", "bulk compare", 60, 80),
        ("apply", "apply", 10, 20),
    ):
        ratio = large.ratio(stage) if large else None
        yield Target(what, f"{least} {TIMES} faster", f"{aim} {TIMES}", times(ratio), None if ratio is None else ratio >= least)
    for what, stage, least, aim in (
        ("peak memory of load, compare, apply", "memory", 4, 6),
        ("peak memory of bulk load and compare, against that", "bulk memory", 10, 12),
    ):
        ratio = large.ratio(stage) if large else None
        share = NOTHING if ratio is None else f"1/{_digits(ratio)}"
        yield Target(what, f"1/{least}", f"1/{aim}", share, None if ratio is None else ratio >= least)
    growth = _growth(trees, "dsync", WHOLE)
    what = f"cost of an object, {SMALL:,} → {LARGE:,}, loaded, compared and applied, grows"
    yield Target(what, f"at most 1.2 {TIMES}", "flat", times(growth), None if growth is None else growth <= 1.2)


def _ansible_targets(ansible: Found | None) -> Iterator[Target]:
    few = median(ansible["few"]) / median(ansible["ping"]) if ansible else None
    what = "playbook with `dsync_diff` on twenty objects, against one with `ping`"
    yield Target(what, f"at most 1.3 {TIMES}", "", times(few), None if few is None else few <= 1.3)
    large = ansible["large"]["OneByOne"] if ansible else None
    ratio = median(large["playbook"]) / median(large["alone"]) if large else None
    objects = f"{large['objects']:,} objects" if large else "many objects"
    what = f"playbook with `dsync_diff` on {objects} a side from JSON, against the library alone"
    yield Target(what, f"at most 2 {TIMES}", "", times(ratio), None if ratio is None else ratio <= 2)
    size = max(large["result_bytes"] for large in ansible["large"].values()) if ansible else None
    told = NOTHING if size is None else _kilobytes(size)
    yield Target("the result of that task", "under 500 kB", "", told, None if size is None else size < 500_000)


def _csv_targets(tables: Found | None) -> Iterator[Target]:
    seconds = {} if tables is None else tables["seconds"]
    ratio = median(seconds[EARLIER]) / median(seconds["dsync"]) if EARLIER in seconds else None
    what = f"two CSV files, beside commit {EARLIER}"
    yield Target(what, f"3 {TIMES} faster", "", times(ratio), None if ratio is None else ratio >= 3)


def _csv(tables: Found) -> str:
    runs_of_dsync = tables["seconds"]["dsync"]
    ours = median(runs_of_dsync)
    rows = [(name, duration(median(runs)), times(median(runs) / ours)) for name, runs in tables["seconds"].items()]
    new, changed, gone = tables["found"]
    return (
        f"{_table(('whole process', 'time', 'beside dsync'), rows)}\n\n"
        f"{tables['size']:,} rows a side, {new:,} new, {changed:,} changed, {gone:,} gone; medians of {len(runs_of_dsync)} "
        f"alternating runs. dsync and {EARLIER}, an earlier commit of it, read both files with models declared without Python, "
        "validate each value, and count the differences; csv-diff compares strings, and prints the differences as JSON."
    )


def _ratios(cases: Sequence[Case]) -> str:
    rows = [(case.title, *(times(case.ratio(stage)) for stage in RATIO_STAGES)) for case in cases]
    unmeasured = [case.title for case in cases if case.value("diffsync", "load") is None]
    note = (
        f"\n\nNo ratio for {', '.join(unmeasured)}: diffsync searches all children of a parent for each child that it adds, "
        "so it was measured with fewer, and its numbers are not extrapolated."
    )
    return _table(("shape, objects a side", *RATIO_STAGES), rows) + (note if unmeasured else "")


def _costs(trees: Sequence[Case]) -> str:
    stages = ("load", "bulk load", "compare", "bulk compare", "plan", "apply", WHOLE, "memory", "bulk memory")
    rows = []
    for library in ("dsync", "diffsync", "machine"):
        for stage in ("copy",) if library == "machine" else stages:
            costs = [case.cost(library, stage) for case in trees]
            if any(cost is not None for cost in costs) and not (library == "diffsync" and stage in BULK):
                told = [_bytes(cost) if stage.endswith("memory") else duration(cost) for cost in costs]
                rows.append((f"{library} {stage}", *told, times(_growth(trees, library, stage))))
    table = _table(("three levels", *(f"{case.size:,}" for case in trees), "growth"), rows)
    return (
        f"Load, memory, and {WHOLE} together: per loaded object of both sides. Compare: per identity. "
        "Plan and apply: per change. "
        f"Growth: from {SMALL:,} to {LARGE:,}.\n\n{table}"
    )


def _bytes(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f} B"


def _stages(case: Case) -> str:
    rows = []
    for stage in STAGES:
        theirs = None if stage in BULK else case.value("diffsync", stage)
        rows.append((stage, duration(theirs), duration(case.value("dsync", stage)), times(case.ratio(stage))))
    for stage in ("memory", "bulk memory"):
        theirs = case.value("diffsync", stage) if stage == "memory" else None
        name = "peak memory" if stage == "memory" else "peak memory of bulk load and compare"
        rows.append((name, megabytes(theirs), megabytes(case.value("dsync", stage)), times(case.ratio(stage))))
    table = _table(("", "diffsync", "dsync", "ratio"), rows)
    return f"### {case.title[0].upper()}{case.title[1:]}\n\n{case.contents()}; medians of {case.repeats}.\n\n{table}"


def _ansible(ansible: Found) -> str:
    ping, few = median(ansible["ping"]), median(ansible["few"])
    imports = {name: median(each[name] for each in ansible["imports"]) for name in ansible["imports"][0]}
    basic, pydantic, module = imports.values()
    rows: list[tuple[str, ...]] = [("`ansible.builtin.ping`", "", duration(ping), "")]
    rows.append(("`dsync_diff`, twenty objects", "", duration(few), f"{times(few / ping)} ping"))
    for way, large in ansible["large"].items():
        alone, playbook = median(large["alone"]), median(large["playbook"])
        what = f"`dsync_diff`, {large['objects']:,} objects a side, {LOADING[way]}"
        rows.append((what, duration(alone), duration(playbook), f"{times(playbook / alone)} alone"))
    table = _table(("playbook with one task", "library alone", "playbook", ""), rows)
    sizes = ", ".join(_kilobytes(large["result_bytes"]) for large in ansible["large"].values())
    return (
        f"{table}\n\nMedians of {len(ansible['few'])} alternating runs for each of the small playbooks, and of "
        f"{len(next(iter(ansible['large'].values()))['alone'])} for the large ones; whole processes, from start to end. "
        f"The results of the large tasks: {sizes}.\n\n"
        f"Payload that Ansible sends to the managed node: {_kilobytes(ansible['payload'])}, "
        f"for a ping {_kilobytes(ansible['ping_payload'])}. "
        f"Importing the payload: {duration(basic)} for the parts of Ansible that every module needs, then "
        f"{duration(pydantic)} for pydantic, then {duration(module)} for the module with the library, which is unpacked and "
        "whose compiled code an earlier task has kept."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(render(json.loads(Path(sys.argv[1]).read_text()), reading_of(DOCUMENT)), end="")
