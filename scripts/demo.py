# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the demo: shows the drift, repairs it, and shows that nothing is left to do.

Plays on a copy of examples/demo, so that the example's data stays as it is, with the ansible-core of the interpreter
that runs this script. The collection is the working tree's, or the one installed under --collections.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import collection

CHECK = ("play.yml", "--check", "--diff")
RUN = ("play.yml", "--diff")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
RECAP = re.compile(r"^\S+ +: +(ok=\d+ .*)$", re.MULTILINE)


class DemoFailed(Exception):
    """A step failed, or its recap is not what the demo is there to show."""


def play(work: Path, collections: Path) -> None:
    """Play the demo in the new directory `work`. Raises DemoFailed."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(collection.ROOT / "examples" / "demo", work)
    environment = _environment(collections)
    _run([sys.executable, "prepare.py"], work, environment)
    playbook = str(Path(sys.executable).with_name("ansible-playbook"))
    if not _changes(_run([playbook, *CHECK], work, environment)):
        raise DemoFailed("the first check found no drift")
    if not _changes(_run([playbook, *RUN], work, environment)):
        raise DemoFailed("the run repaired nothing")
    if left := _changes(_run([playbook, *CHECK], work, environment)):
        raise DemoFailed(f"the last check still found drift (changed={left})")


def _environment(collections: Path) -> dict[str, str]:
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "PYTHONUNBUFFERED": "1",
    }
    if sys.stdout.isatty():
        settings["ANSIBLE_FORCE_COLOR"] = "true"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {**inherited, **settings}


def _run(command: list[str], work: Path, environment: dict[str, str]) -> str:
    """Run a step, its output shown as it comes, and return that output. Raises DemoFailed."""
    print(f"\n$ {shlex.join([Path(command[0]).name, *command[1:]])}", flush=True)
    with subprocess.Popen(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise DemoFailed(f"{Path(command[0]).name} exited with {process.returncode}")
    return "".join(lines)


def _changes(output: str) -> int:
    """Return how many tasks changed something, on all hosts of the recap. Raises DemoFailed if there is no recap."""
    recaps = RECAP.findall(COLOUR.sub("", output))
    if not recaps:
        raise DemoFailed("the playbook ended without a recap")
    return sum(int(count) for recap in recaps for count in re.findall(r"\bchanged=(\d+)", recap))


def main() -> int:
    """Play the demo from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=collection.BUILD / "demo", help="folder to play in, made anew")
    parser.add_argument("--collections", type=Path, help="where the collection is installed, if not the working tree's")
    options = parser.parse_args()
    try:
        play(options.work, options.collections or collection.lay_out(collection.BUILD / "collections"))
    except DemoFailed as failure:
        print(f"\ndemo: failed: {failure}", file=sys.stderr)
        return 1
    print("\ndemo: in sync")
    return 0


if __name__ == "__main__":
    sys.exit(main())
