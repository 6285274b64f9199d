# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playing playbooks of one task against servers, to the end or with something happening half-way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from typing_extensions import Self

TIME_LIMIT = 300


class Played(NamedTuple):
    """What became of a playbook of one task: whether the task failed, its result, and all that was on the screen."""

    failed: bool
    result: dict[str, Any]
    screen: str


class Playing:
    """A playbook that is being played in a process of its own, which is not there any more when the block ends."""

    def __init__(self, playbook: Path, *arguments: str, **variables: Any) -> None:
        (playbook.parent / "ansible.cfg").touch()
        program = Path(sys.executable).with_name("ansible-playbook")
        given = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **variables}
        self.process = subprocess.Popen(
            [program, playbook, "-i", "localhost,", "-e", json.dumps(given), *arguments],
            cwd=playbook.parent,
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "minimal"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # of which its workers hear too, in sessions of their own
        self.process.communicate(timeout=TIME_LIMIT)

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true, which has to be before the playbook ends."""
        give_up = time.monotonic() + TIME_LIMIT
        while not true():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < give_up, "it has not become true"
            time.sleep(0.01)

    def end(self) -> Played:
        """Wait for the end and return what became of it."""
        screen = self.process.communicate(timeout=TIME_LIMIT)[0]
        found = re.search(r"^localhost \| (\w+)!? => (\{.*?^\})", screen, re.MULTILINE | re.DOTALL)
        assert found, screen
        return Played(found.group(1) == "FAILED", json.loads(found.group(2)), screen)


def play(playbook: Path, *arguments: str, fails: bool = False, **variables: Any) -> dict[str, Any]:
    """Play a playbook of one task, and return the task's result."""
    with Playing(playbook, *arguments, **variables) as playing:
        played = playing.end()
    assert played.failed is fails, played.screen
    return played.result


def playbook_of(playbook: Path, module: str, /, **options: Any) -> Path:
    """Write a playbook of one task, and return its path."""
    tasks = [{f"dsync.core.{module}": options}]
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    return playbook
