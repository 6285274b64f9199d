# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests, each stage on each environment that it belongs to, two at a time, and says at the end what it ran.

A failing stage stops no other. A stage whose interpreter is missing has failed in CI (CI=true); elsewhere it is
reported as not run.
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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import collection
import provision
import results
from environments import ENVIRONMENTS, EnvironmentUnavailable
from results import FAILED, NOT_RUN, PASSED, Outcome
from stages import STAGES, Job, Stage

AT_A_TIME = 2
SERVED = {"integration", "systems"}
"""The stages in which tests start servers that others wrote."""

PROVISIONS: tuple[tuple[str, tuple[Callable[[], Path], ...], set[str]], ...] = (
    ("ssh", (provision.find_ssh, provision.find_sshd), {"integration"}),
    ("PostgreSQL", (provision.find_postgresql,), SERVED),
    ("MariaDB", (provision.find_mariadb,), {"systems"}),
    ("Chromium", (provision.find_chromium,), {"systems"}),
)
SERVERS = (("netbox", {"systems"}), ("nautobot", {"systems"}))
"""The environments of servers that tests start, and the stages of those tests."""

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
LOGS = collection.BUILD / "tests"

screen = threading.Lock()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen stages, all of them by default, and return the exit code."""
    options = _options(arguments)
    work = [
        (stage, name)
        for stage in STAGES
        if stage.name in (options.stage or [stage.name])
        for name in stage.environments
        if name in (options.environment or [name])
    ]
    collections = collection.lay_out(collection.BUILD / "collections")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        chosen = {stage.name for stage, name in work}
        served = [name for name, stages in SERVERS if chosen & stages]
        names = dict.fromkeys([*(name for stage, name in work), *served])
        made = {outcome.environment: outcome for outcome in pool.map(_make, names)}
        outcomes = list(made.values())
        outcomes += [_provide(what, find) for what, find, stages in PROVISIONS if chosen & stages]
        runs = [pool.submit(_run, stage, made[name], collections) for stage, name in work]
        outcomes += [run.result() for run in runs]
    print(results.summary(outcomes))
    return int(any(outcome.result == FAILED for outcome in outcomes))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", nargs="*", help=f"{', '.join(stage.name for stage in STAGES)}; all by default")
    parser.add_argument("--environment", action="append", choices=sorted(ENVIRONMENTS), help="only on this one")
    options = parser.parse_args(arguments)
    if unknown := set(options.stage) - {stage.name for stage in STAGES}:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    return options


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


def _run(stage: Stage, made: Outcome, collections: Path) -> Outcome:
    """Run a stage on the environment that was made and show its log. What goes wrong is not raised: it has failed."""
    name = made.environment
    if made.result != PASSED:
        return Outcome(name, stage.name, made.result, note=made.note)
    folder = LOGS / name / stage.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _show(f"start {name} {stage.name}")
    started = time.monotonic()
    with (folder / "log").open("w") as log:
        job = Job(ENVIRONMENTS[name], folder, collections, log)
        try:
            succeeded = stage.work(job)
        except Exception:
            succeeded = False
            job.say(traceback.format_exc())
    outcome = Outcome(
        name,
        stage.name,
        PASSED if succeeded else FAILED,
        time.monotonic() - started,
        tests=job.tests,
        skipped=job.skipped,
    )
    _show(f"===== {name} {stage.name}: {outcome.result}\n{(folder / 'log').read_text(errors='replace')}=====")
    return outcome


def _show(text: str) -> None:
    with screen:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
