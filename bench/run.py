# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures this library beside diffsync and csv-diff, in turns, and through Ansible; writes docs/benchmarks.md.

A run of less than everything prints its report and leaves docs/benchmarks.md as it is, unless --output names a file.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import report
import through_ansible
import through_csv
from shapes import SHAPES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/benchmarks.md"
RESULTS = ROOT / ".build/bench/results.json"
MEASURE = ROOT / "bench/measure.py"

SIZES = (10_000, 100_000, 1_000_000)
OTHER_SHAPES_SIZE = 100_000
FAMILY_LIMIT = 20_000
"""diffsync looks through all children for each that is added: with 100,000 of them it takes minutes a side."""
REPEATS = {10_000: 9}
USUAL_REPEATS = 1
SHORT = ("dsync", "bulk")
SHORT_REPEATS = {1_000_000: 3}
"""Kinds of measurement that take seconds where diffsync takes minutes: made more often at this size, before and after it."""
LARGE_PLAYBOOK_REPEATS = 3
PLAYBOOK_REPEATS = 7
CSV_REPEATS = 3
PARTS = ("library", "ansible", "csv")


class Case(NamedTuple):
    """A shape and size, and the kinds of measurement that are made of it, in turns."""

    shape: str
    size: int
    kinds: tuple[str, ...] = ("diffsync", "dsync", "bulk")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for and return the exit code."""
    options = _options(arguments)
    started = time.monotonic()
    found: dict[str, Any] = {"about": _about(), "cases": [], "ansible": None, "csv": None}
    try:
        if "library" in options.parts:
            cases = [case for case in _cases(options.sizes) if case.shape in options.shapes]
            found["cases"] = [_measure_case(case, options.repeats, started) for case in cases]
        if "ansible" in options.parts:
            size, repeats = min(OTHER_SHAPES_SIZE, max(options.sizes)), options.repeats
            say = _sayer(started)
            found["ansible"] = through_ansible.measure(size, repeats or PLAYBOOK_REPEATS, repeats or LARGE_PLAYBOOK_REPEATS, say)
        if "csv" in options.parts:
            size = min(OTHER_SHAPES_SIZE, max(options.sizes))
            found["csv"] = through_csv.measure(size, options.repeats or CSV_REPEATS, _sayer(started))
    except (subprocess.CalledProcessError, through_ansible.PlaybookFailed) as failure:
        print(f"bench: failed: {failure}", file=sys.stderr)
        return 1
    found["about"]["minutes"] = (time.monotonic() - started) / 60
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1))
    _write(found, options.output)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="objects a side; %(default)s by default")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=tuple(SHAPES), help="all by default")
    parser.add_argument("--repeats", type=int, help="of every measurement, instead of a number for each size")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="all by default")
    parser.add_argument("--output", type=Path, help="write the report there; docs/benchmarks.md for a run of everything")
    options = parser.parse_args(arguments)
    whole = (SIZES, tuple(SHAPES), PARTS)
    if options.output is None and (tuple(options.sizes), tuple(options.shapes), tuple(options.parts)) == whole:
        options.output = None if options.repeats else DOCUMENT
    return options


def _cases(sizes: Sequence[int]) -> list[Case]:
    size = min(OTHER_SHAPES_SIZE, max(sizes))
    cases = [Case("tree", each, (*Case("tree", each).kinds, "machine")) for each in sizes] + [
        Case("flat", size),
        Case("wide", size),
    ]
    cases.append(Case("family", min(size, FAMILY_LIMIT)))
    if size > FAMILY_LIMIT:
        cases.append(Case("family", size, ("dsync", "bulk")))
    return [*cases, Case("different", size)]


def _measure_case(case: Case, repeats: int | None, started: float) -> dict[str, Any]:
    """Measure a case as often as it is to be, its kinds in turns. Raises CalledProcessError."""
    say = _sayer(started)
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in case.kinds}
    for kind in _turns(case, repeats):
        result = _measure(case, kind)
        runs[kind].append(result)
        seconds = ", ".join(f"{stage} {report.duration(value)}" for stage, value in result["seconds"].items())
        say(f"{case.shape} {case.size:,} {kind}: {seconds}, {report.megabytes(result['memory'])}")
    summaries = [result["summary"] for results in runs.values() for result in results if result["summary"] is not None]
    if any(summary != summaries[0] for summary in summaries):
        raise SystemExit(f"bench: the libraries do not find the same in {case.shape} {case.size}: {summaries}")
    return {"shape": case.shape, "size": case.size, "runs": runs}


def _turns(case: Case, repeats: int | None) -> list[str]:
    """Return the kinds of measurement of a case in the order in which they are made."""
    turns = [*case.kinds] * (repeats or REPEATS.get(case.size, USUAL_REPEATS))
    more = [] if repeats else [*SHORT] * ((SHORT_REPEATS.get(case.size, 1) - 1) // 2)
    return [*more, *turns, *more]


def _measure(case: Case, kind: str) -> dict[str, Any]:
    library = "diffsync" if kind == "diffsync" else "dsync"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ran = subprocess.run(
        [sys.executable, MEASURE, case.shape, str(case.size), *([f"--{kind}"] if kind in ("bulk", "machine") else [])],
        env={**inherited, "BENCH_LIBRARY": library, "PYTHONPATH": str(ROOT / "plugins/module_utils")},
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


def _about() -> dict[str, Any]:
    packages = {name: importlib.metadata.version(name) for name in ("diffsync", "csv-diff", "pydantic", "ansible-core")}
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": packages,
        "version": _version(),
    }


def _version() -> str:
    """Return this library's version, and the commit where there is one."""
    version = "".join(re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        status = [*git, "status", "--porcelain", "--", "plugins"]
        dirty = subprocess.run(status, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version
    return f"{version} (commit {commit}{', with changes since' if dirty else ''})"


def _sayer(started: float) -> Any:
    return lambda line: print(f"[{time.monotonic() - started:6.0f} s] {line}", flush=True)


def _write(found: dict[str, Any], output: Path | None) -> None:
    document = report.render(found, report.reading_of(DOCUMENT))
    print(f"\n{document}")
    if output is None:
        print(f"Not the whole run: {DOCUMENT.relative_to(ROOT)} was left as it is.")
    else:
        output.write_text(document)
        print(f"Written to {output}.")


if __name__ == "__main__":
    sys.exit(main())
