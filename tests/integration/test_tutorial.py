# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger can follow the tutorial: its files and commands are played in an empty home, the collection's tarball is installed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import distributions, version
from pathlib import Path

import collection
import pytest

pytestmark = pytest.mark.long

TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"(?:<!-- (?P<marker>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
STEP = "@@ step {} @@"
TIME_LIMIT = 300


@pytest.fixture(scope="module")
def home() -> Path:
    """A home with nothing in it but the clone that the tutorial asks for, and the user's settings of pip."""
    folder = Path(collection.BUILD / "tutorial" / f"core-{version('ansible-core')}")
    shutil.rmtree(folder, ignore_errors=True)
    settings = folder / ".config"
    settings.mkdir(parents=True)
    pip = Path.home() / ".config" / "pip"
    if pip.exists():
        (settings / "pip").symlink_to(pip)
    (folder / "dsync").symlink_to(Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / collection.COLLECTION)
    return folder


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    """The variables of a stranger: Python is the one of these tests, and packages come in the releases under test."""
    constraints = home / "constraints.txt"
    installed = {one.name: one.version for one in distributions()}
    constraints.write_text("".join(f"{name}=={release}\n" for name, release in installed.items()))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "DSYNC_"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {**inherited, "HOME": str(home), "PATH": path, "PIP_CONSTRAINT": str(constraints), "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def screens(home: Path, environment: dict[str, str]) -> list[str]:
    """What each console block of the page printed, in their order; all of them are played in one shell."""
    played = _bash(_script(), home, environment)
    assert played.returncode == 0, played.stdout
    return re.split(r"@@ step \d+ @@\n", played.stdout)[1:]


def _script() -> str:
    """Return the page as a shell script: it writes the files and runs the commands, in the order of the page."""
    lines, steps = ["set -e"], 0
    for block in BLOCK.finditer(TUTORIAL):
        if block["language"] == "console":
            lines += [f"echo {shlex.quote(STEP.format(steps))}", *(_command(line) for line in block["text"].splitlines())]
            steps += 1
        elif (block["marker"] or "").startswith("file: "):
            name = shlex.quote(block["marker"].removeprefix("file: "))
            lines += [f"mkdir -p $(dirname {name})", f"cat > {name} <<'END OF FILE'\n{block['text']}END OF FILE"]
    return "\n".join(lines) + "\n"


def _command(line: str) -> str:
    assert line.startswith("$ "), f"a console block has a line that is no command: {line}"
    return line.removeprefix("$ ")


def _bash(script: str, home: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )


def _expected() -> list[tuple[int, str]]:
    """Return the number of a console block and a line that the page says it prints, for each such line."""
    expected, step = [], -1
    for block in BLOCK.finditer(TUTORIAL):
        step += block["language"] == "console"
        if block["marker"] == "output":
            expected += [(step, line) for line in block["text"].splitlines()]
    return expected


def test_every_block_of_the_page_is_played_or_compared() -> None:
    left = [block["text"] for block in BLOCK.finditer(TUTORIAL) if block["language"] != "console" and not block["marker"]]
    assert not left
    assert len(re.findall("^```", TUTORIAL, re.MULTILINE)) == 2 * len(list(BLOCK.finditer(TUTORIAL)))
    assert len(_expected()) > 10


def test_each_step_prints_what_the_page_says(screens: list[str]) -> None:
    missing = [(step, line) for step, line in _expected() if line not in screens[step]]
    assert not missing, "\n".join(screens)


def test_the_collection_is_the_one_that_the_tutorial_installed(screens: list[str], home: Path) -> None:
    assert "dsync.core:0.1.0 was installed successfully" in screens[0]
    installed = home / ".ansible" / "collections" / collection.COLLECTION / "MANIFEST.json"
    assert installed.is_file()


def test_the_line_for_cron_reports_drift(screens: list[str], home: Path, environment: dict[str, str]) -> None:
    (line,) = (block["text"] for block in BLOCK.finditer(TUTORIAL) if block["marker"] == "cron")
    when, command = re.fullmatch(r"((?:\S+ ){5})(.*)\n", line).groups()
    assert all(re.fullmatch(r"[\d*]+", part) for part in when.split())
    assert "%" not in command, "cron reads a percent sign as the end of the line"
    played = _bash(command, home, {"HOME": str(home), "PATH": "/usr/bin:/bin"})
    assert "Drift: 1 to delete." in played.stdout
    assert (home / "netops" / "audit.log").read_text() == played.stdout


def test_the_units_of_systemd_run_the_audit(screens: list[str], home: Path, environment: dict[str, str]) -> None:
    folder = home / ".config" / "systemd" / "user"
    units = {path.suffix: ConfigParser(interpolation=None) for path in folder.iterdir()}
    for path in folder.iterdir():
        units[path.suffix].read(path)
    assert units[".timer"]["Install"]["WantedBy"] == "timers.target"
    service = {key: value.replace("%h", str(home)) for key, value in units[".service"]["Service"].items()}
    played = _bash(
        f"cd {service['workingdirectory']} && {service['execstart']}", home, {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    )
    assert played.returncode == 2
    assert "Drift: 1 to delete." in played.stdout
