# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a module that runs on the controller if Ansible no longer waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LONGEST_WAIT = 30.0
"""Seconds to wait for the module: longer than the change in progress may take before it is interrupted."""

INTERVAL = 0.1


@contextmanager
def ended_with_task(runs_here: bool) -> Iterator[None]:
    """End the module that runs inside the ``with`` if that raises, as with the task keyword ``timeout``; wait for it to end.

    The module gets SIGTERM, so it ends between two changes.

    Args:
        runs_here: whether it runs on the controller; otherwise nothing is done.
    """
    try:
        yield
    except BaseException:
        if runs_here:
            end_descendants()
        raise


def end_descendants() -> None:
    """Send SIGTERM to all processes that this process has started, directly and indirectly, and wait until they have ended."""
    for process in _descendants():
        with suppress(OSError):
            os.kill(process, signal.SIGTERM)
    latest = time.monotonic() + LONGEST_WAIT
    while _descendants() and time.monotonic() < latest:
        time.sleep(INTERVAL)


def _descendants() -> list[int]:
    """Return the ids of running processes below this one, without the program that lists them; none if there is no such program."""
    try:
        with subprocess.Popen(["ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True) as listing:
            lines = listing.communicate()[0].splitlines()
    except OSError:  # a small execution environment
        return []
    children: dict[int, list[int]] = {}
    for pid, parent, state in map(str.split, lines):
        if not state.startswith("Z") and int(pid) != listing.pid:
            children.setdefault(int(parent), []).append(int(pid))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
