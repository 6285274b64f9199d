# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells on the screen where a running task is, as the module writes it to a small file."""

from __future__ import annotations

import copy
import json
import shlex
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

VARIABLE = "dsync_progress"
"""The variable that decides for all tasks that do not say themselves whether progress is told."""

FIRST, LONGEST = 5.0, 120.0
"""Seconds before the first line, and the longest time between two lines."""

SHORTEST, SHORTEST_REMOTE = 5.0, 10.0
"""The shortest time between two lines, here and of a remote host."""

PATIENCE, PATIENCE_REMOTE = 1.0, 5.0
"""The time between two looks for a file that is not there yet, here and on a remote host."""

GROWTH = 3
"""The time between two lines is this part of the time that the task has taken already."""

CROWD = 10
"""So many hosts at the same time tell as often as one does; the more there are, the longer each of them waits."""

REMOTE_FOLDER = "/tmp"
"""Where a remote host has the file, under a name that nobody can guess."""

MOST_READ = 4096
LONGEST_NAME = 60

Read = Callable[[], "str | None"]

_LOADING = ("load", "verify")
_COUNTED = ("compare", "apply")
_WAITING = {"lock": "waiting for the lock"}


def due_after(elapsed: float, shortest: float = SHORTEST) -> float:
    """Return after how many seconds of a task the next line is due, one having been told at ``elapsed``."""
    return elapsed + max(min(elapsed / GROWTH, LONGEST), shortest)


def slower(hosts: int, forks: int) -> float:
    """Return how many times longer each host waits, when so many run the task and so many of them at the same time."""
    return max(min(hosts, forks) / CROWD, 1.0)


def sentence(state: Any) -> str | None:
    """Return what is told of what a module has written; None if that says nothing that can be told.

    It comes from another host: of texts only the printable part of names is taken, and of all else only numbers.
    """
    if not isinstance(state, Mapping):
        return None
    stage, count, total = str(state.get("stage")), _number(state.get("count")), _number(state.get("total"))
    if stage in _WAITING:
        return _WAITING[stage]
    if stage in _COUNTED and count is not None and total is not None:
        retries = _number(state.get("retries"))
        again = f", {retries:,} tried again" if retries else ""
        return f"{stage}: {count:,}/{total:,}{_rate(state)}{again}"
    if stage in _LOADING:
        where = " ".join((stage, _name(state.get("side")), _name(state.get("adapter")))).rstrip()
        model = _name(state.get("model"))
        return f"{where}: {model} {count:,}{_rate(state)}" if model and count is not None else where
    return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _name(value: Any) -> str:
    return "".join(filter(str.isprintable, value))[:LONGEST_NAME] if isinstance(value, str) else ""


def _rate(state: Mapping[str, Any]) -> str:
    found = state.get("rate")
    if not isinstance(found, (int, float)) or isinstance(found, bool) or not 0 < found < float("inf"):
        return ""
    return f" ({found:,.0f}/s)" if found >= 10 else f" ({found:.1f}/s)"


class Teller(threading.Thread):
    """Reads again and again where a task is, and tells it.

    Args:
        read: returns what the module has written, or None; what it raises is left aside.
        say: shows a line.
        shortest: seconds between two lines at least.
        patience: seconds between two looks as long as nothing was written.
        wait: how many times longer than that to wait, for the first line too.
    """

    def __init__(
        self, read: Read, say: Callable[[str], None], shortest: float = SHORTEST, patience: float = PATIENCE, wait: float = 1.0
    ) -> None:
        super().__init__(daemon=True)
        self._first = FIRST * wait
        self._read, self._say, self._shortest, self._patience = read, say, shortest * wait, patience * wait
        self._ended = threading.Event()
        self.has_read = False

    def run(self) -> None:
        began, due = time.monotonic(), self._first
        while not self._ended.wait(max(0.0, began + due - time.monotonic())):
            with suppress(Exception):
                self._tell()
            elapsed = time.monotonic() - began
            due = due_after(elapsed, self._shortest) if self.has_read else elapsed + self._patience

    def _tell(self) -> None:
        text = self._read()
        if text is None:
            return
        self.has_read = True
        line = sentence(json.loads(text))
        if line is not None and not self._ended.is_set():
            self._say(line)

    def end(self) -> None:
        """Tell no more. What is being read meanwhile is not waited for long."""
        self._ended.set()
        self.join(timeout=1.0)


@contextmanager
def told(action: ActionBase, task_vars: Mapping[str, Any], wrap_async: bool) -> Iterator[str | None]:
    """Tell of a task while its module runs inside the ``with``; give the path that the module is to write to, or None if nothing is
    told of this task."""
    connection: Any = action._connection
    if wrap_async or action._task.async_val or not wanted(action, task_vars) or connection.transport not in ("local", "ssh"):
        yield None
        return
    name = f"dsync-{uuid.uuid4().hex}"
    here = connection.transport == "local"
    path = str(Path(constants.DEFAULT_LOCAL_TMP, name)) if here else f"{REMOTE_FOLDER}/{name}"
    say = _speaker(action, task_vars)
    pace = (SHORTEST, PATIENCE) if here else (SHORTEST_REMOTE, PATIENCE_REMOTE)
    teller = Teller(_reader(path) if here else _fetcher(connection, path), say, *pace, _crowded(action, task_vars))
    teller.start()
    try:
        yield path
    finally:
        teller.end()
        with suppress(Exception):
            if here:
                Path(path).unlink(missing_ok=True)
            elif teller.has_read:
                connection.exec_command(f"rm -f {shlex.quote(path)}", sudoable=False)


def wanted(action: ActionBase, task_vars: Mapping[str, Any]) -> bool:
    """Return whether progress of a task is told: as the task says, or else the variable; never with ``no_log``."""
    if action._task.no_log:
        return False
    said = action._task.args.get("progress", task_vars.get(VARIABLE, True))
    try:
        return boolean(action._templar.template(said))
    except TypeError:
        return True  # what is no truth value, the module refuses


def _crowded(action: ActionBase, task_vars: Mapping[str, Any]) -> float:
    hosts = 1 if action._task.run_once else len(task_vars.get("ansible_play_batch", ()))
    return slower(hosts, int(context.CLIARGS.get("forks") or constants.DEFAULT_FORKS))


def _speaker(action: ActionBase, task_vars: Mapping[str, Any]) -> Callable[[str], None]:
    """Return what shows a line on standard error: standard output belongs to the callback, and a program may read it."""
    host, delegate = task_vars.get("inventory_hostname", ""), action._task.delegate_to
    prefix = f"progress: [{host} -> {delegate}] " if delegate else f"progress: [{host}] "
    display = Display()
    return lambda line: display.display(prefix + line, stderr=True)


def _reader(path: str) -> Read:
    def read() -> str | None:
        try:
            with Path(path).open(encoding="ascii") as stream:
                return stream.read(MOST_READ)
        except FileNotFoundError:
            return None

    return read


def _fetcher(connection: Any, path: str) -> Read:
    """Return what reads the file through a second ssh process beside the one that runs the module.

    It uses a copy of the connection, of which the module's process sees nothing, and only when both share one connection to the
    host (ControlPersist), so that nobody logs in again for every line.
    """
    own = copy.copy(connection)

    def read() -> str | None:
        if not getattr(connection, "_persistent", False):
            return None
        code, output, _errors = own.exec_command(f"cat {shlex.quote(path)}", sudoable=False)
        return output[:MOST_READ].decode("ascii") if code == 0 else None

    return read
