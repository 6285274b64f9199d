# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the stages of the test run, two at a time, and reports at the end what it ran.

Without a stage's name it runs those of `make test`. A failing stage stops no other. A stage whose interpreter is missing has
failed in CI (CI=true); elsewhere it is reported as not run. The results are also written to .build/last_run.json.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import changes
import collection
import provision
import results
from environments import ENVIRONMENTS, ROOT, EnvironmentUnavailable
from results import FAILED, NOT_RUN, PASSED, Outcome
from stages import STAGES, Job, Stage, When

AT_A_TIME = 2
SERVED = {"integration", "systems", "long-integration", "long-systems"}
"""The stages in which tests start servers that others wrote."""

PROVISIONS: tuple[tuple[str, tuple[Callable[[], Path], ...], set[str]], ...] = (
    ("ssh", (provision.find_ssh, provision.find_sshd), {"integration", "long-integration"}),
    ("PostgreSQL", (provision.find_postgresql,), SERVED),
    ("MariaDB", (provision.find_mariadb,), {"systems", "long-systems"}),
    ("Chromium", (provision.find_chromium,), {"systems", "long-systems"}),
)
BESIDE = (
    ("library-3.10", {"integration", "long-integration"}),
    ("netbox", {"systems", "long-systems"}),
    ("nautobot", {"systems", "long-systems"}),
)
"""Environments that tests start programs of, and the stages of those tests."""

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
LOGS = collection.BUILD / "tests"
LAST_RUN = collection.BUILD / "last_run.json"
END_OF_LOG = 60
"""How many lines of a failed stage's log are shown."""

screen = threading.Lock()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen stages and return the exit code."""
    options, started = _options(arguments), time.monotonic()
    chosen, left_out = _chosen(options)
    collections = collection.lay_out(collection.BUILD / "collections")
    names = {stage.name for stage in chosen}
    with ThreadPoolExecutor(AT_A_TIME) as pool, ThreadPoolExecutor(1) as installer:
        provided = [installer.submit(_provide, what, find) for what, find, stages in PROVISIONS if names & stages]
        beside = [name for name, stages in BESIDE if names & stages]
        made = {name: pool.submit(_make, name) for name in dict.fromkeys([*(stage.environment for stage in chosen), *beside])}
        needed = [*provided, *(made[name] for name in beside)]
        deadline = started + options.within if options.within else None
        runs = [pool.submit(_run, stage, made[stage.environment], needed, collections, deadline) for stage in chosen]
        outcomes = [future.result() for future in (*made.values(), *provided, *runs)]
    seconds = time.monotonic() - started
    print(results.summary(outcomes, left_out, seconds))
    commit, clean = changes.describe(ROOT)
    results.write(LAST_RUN, outcomes, commit=commit, clean=clean, seconds=seconds)
    return int(any(outcome.result == FAILED for outcome in outcomes))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = list(dict.fromkeys(stage.name for stage in STAGES))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", nargs="*", help=f"{', '.join(names)}; those of `make test` by default")
    parser.add_argument("--environment", action="append", choices=sorted(ENVIRONMENTS), help="only on this one")
    parser.add_argument("--all", action="store_true", help="run every stage")
    parser.add_argument("--changed", action="store_true", help="run those of `make test`, and others that the change can break")
    parser.add_argument("--base", default="", metavar="COMMIT", help="what --changed compares with; by default half a day back")
    parser.add_argument("--within", type=float, metavar="SECONDS", help="begin no further stage that would not end by then")
    options = parser.parse_args(arguments)
    if unknown := set(options.stage) - set(names):
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    return options


def _chosen(options: argparse.Namespace) -> tuple[list[Stage], list[str]]:
    """Return the stages to run, and a line for each that is not chosen for this change."""
    if options.stage or options.environment:
        named = options.stage or [stage.name for stage in STAGES if stage.when is not When.QUICK]
        placed = options.environment or list(ENVIRONMENTS)
        return [stage for stage in STAGES if stage.name in named and stage.environment in placed], []
    proving = [stage for stage in STAGES if stage.when is When.TEST]
    further = [stage for stage in STAGES if stage.when is When.ALL]
    if options.all:
        return proving + further, []
    if not options.changed:
        return proving, []
    files = changes.changed_files(ROOT, options.base)
    breakable = [stage for stage in further if files is None or _can_break(files, stage)]
    return proving + breakable, [f"{stage}: not chosen for this change" for stage in further if stage not in breakable]


def _can_break(files: Sequence[str], stage: Stage) -> bool:
    return any(file.startswith(stage.broken_by) for file in files)


def _make(name: str) -> Outcome:
    """Make an environment. The outcome of one that cannot be made says why."""
    started = time.monotonic()
    try:
        ENVIRONMENTS[name].make()
        result, note = PASSED, ENVIRONMENTS[name].describe()
    except EnvironmentUnavailable as missing:
        result, note = FAILED if IN_CI else NOT_RUN, str(missing)
    except (OSError, subprocess.CalledProcessError) as error:
        result, note = FAILED, str(error)
    return Outcome(name, "environment", result, time.monotonic() - started, note)


def _provide(what: str, find: Sequence[Callable[[], Path]]) -> Outcome:
    """Find programs, and install what is missing. Without them the tests that need them fail, or outside of CI are skipped."""
    started = time.monotonic()
    try:
        result, note = PASSED, ", ".join(str(program()) for program in find)
    except provision.ProgramMissing as missing:
        result, note = FAILED if IN_CI or what == "ssh" else NOT_RUN, str(missing)
    return Outcome("machine", what, result, time.monotonic() - started, note)


def _run(
    stage: Stage, environment: Future[Outcome], needed: Sequence[Future[Outcome]], collections: Path, deadline: float | None
) -> Outcome:
    """Run a stage once what it needs is there. What goes wrong is not raised: the outcome says so."""
    made = environment.result()
    if made.result != PASSED:
        return Outcome(stage.environment, stage.name, made.result, note=made.note)
    if stage.name in SERVED:
        for future in needed:
            future.result()
    started = time.monotonic()
    if deadline is not None and stage.when is When.ALL and started + stage.seconds > deadline:
        return Outcome(stage.environment, stage.name, NOT_RUN, note="there is not enough time left for it")
    folder = LOGS / stage.environment / stage.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _show(f"start {stage}")
    with (folder / "log").open("w") as log:
        job = Job(ENVIRONMENTS[stage.environment], folder, collections, log)
        try:
            succeeded = stage.work(job)
        except Exception:
            succeeded = False
            job.say(traceback.format_exc())
    outcome = Outcome(
        stage.environment,
        stage.name,
        PASSED if succeeded else FAILED,
        time.monotonic() - started,
        tests=job.tests,
        skipped=job.skipped,
    )
    _show("\n".join([f"{outcome.result} {stage} ({outcome.seconds:.0f} s)", *_failure(outcome, folder / "log")]))
    return outcome


def _failure(outcome: Outcome, log: Path) -> Iterator[str]:
    """Yield what a person needs first of a failed stage: the tests that failed, or else the end of its log."""
    if outcome.result != FAILED:
        return
    failures = outcome.tests.failures if outcome.tests else ()
    for failure in failures:
        yield f"===== {failure}"
    if not failures:
        yield from log.read_text(errors="replace").splitlines()[-END_OF_LOG:]
    yield f"The whole log is {log.relative_to(ROOT)}."


def _show(text: str) -> None:
    with screen:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
