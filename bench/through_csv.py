# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two CSV files compared by whole processes: by this library, by an earlier commit of it, and by csv-diff."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from report import EARLIER
from shapes import SHAPES

ROOT = Path(__file__).resolve().parent.parent
SIDES = ROOT / "bench/csv_sides.py"
LIBRARY = "plugins/module_utils"

Counts = tuple[int, int, int]
"""How many objects are new, changed and gone."""


class CsvBench:
    """A folder with two CSV files, and the commands that compare them."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        for name, side in zip(("source", "target"), SHAPES["flat"](size)):
            rows = side.tables["host"]
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows({**row, "enabled": str(row["enabled"]).lower()} for row in rows)

    def ways(self) -> dict[str, Callable[[], Counts]]:
        """Return name → what compares the files once; the earlier commit is missing where git does not have it."""
        ways = {"dsync": lambda: self._by_library(ROOT / LIBRARY), "csv-diff": self._by_csv_diff}
        earlier = self._earlier()
        if earlier is not None:
            ways[EARLIER] = lambda: self._by_library(earlier)
        return ways

    def _earlier(self) -> Path | None:
        packed = subprocess.run(["git", "-C", ROOT, "archive", EARLIER, LIBRARY], capture_output=True, check=False)
        if packed.returncode:
            return None
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(self._folder / "earlier", filter="data")
        return self._folder / "earlier" / LIBRARY

    def _by_library(self, library: Path) -> Counts:
        found = json.loads(self._run([sys.executable, SIDES, self._folder], PYTHONPATH=str(library)))
        return found["create"], found["update"], found["delete"]

    def _by_csv_diff(self) -> Counts:
        command = [Path(sys.executable).with_name("csv-diff"), "target.csv", "source.csv", "--key=name", "--json"]
        found = json.loads(self._run(command))
        return len(found["added"]), len(found["changed"]), len(found["removed"])

    def _run(self, command: list[Any], **environment: str) -> str:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        ran = subprocess.run(
            command, cwd=self._folder, env={**inherited, **environment}, stdout=subprocess.PIPE, text=True, check=True
        )
        return ran.stdout


def measure(size: int, repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Compare two CSV files in each way, in turns, and return the seconds of each run; the first one is not counted.

    Args:
        size: rows a side.
        repeats: how often each way is measured.
        say: prints a line of progress.

    Raises:
        CalledProcessError: a process failed.
        SystemExit: the ways do not find the same numbers of objects.
    """
    seconds: dict[str, list[float]] = {}
    found: dict[str, Counts] = {}
    with tempfile.TemporaryDirectory() as folder:
        ways = CsvBench(Path(folder), size).ways()
        for repeat in range(repeats + 1):
            for name, compare in ways.items():
                started = time.perf_counter()
                found[name] = compare()
                took = time.perf_counter() - started
                if repeat:
                    seconds.setdefault(name, []).append(took)
            if repeat:
                say(f"CSV, {size:,} rows a side: {', '.join(f'{name} {runs[-1]:.2f} s' for name, runs in seconds.items())}")
    if len({*found.values()}) > 1:
        raise SystemExit(f"bench: not all find the same in two CSV files: {found}")
    return {"size": size, "seconds": seconds, "found": found["dsync"]}
