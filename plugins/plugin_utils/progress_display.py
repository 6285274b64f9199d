# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Displays the progress of a running task, which the module writes to a small file."""

from __future__ import annotations

import copy
import json
import shlex
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

VARIABLE = "dsync_progress"
"""The variable that sets the default of the argument ``progress``."""

FIRST, LONGEST = 5.0, 120.0
"""Seconds before the first line, and the longest time between two lines."""

SHORTEST, SHORTEST_REMOTE = 5.0, 10.0
"""The shortest time between two lines, for this machine and for a remote host."""

PATIENCE, PATIENCE_REMOTE = 1.0, 5.0
"""The time between two attempts to read a file that does not exist yet, on this machine and on a remote host."""

GROWTH = 3
"""The time between two lines is the elapsed time divided by this number."""

CROWD = 10
"""The number of concurrent hosts above which the time between two lines of each host grows."""

REMOTE_FOLDER = "/tmp"
"""The directory of the file on a remote host; its name cannot be guessed."""

MOST_READ = 4096
LONGEST_NAME = 60

Read = Callable[[], "str | None"]

_LOADING = ("load", "verify")
_COUNTED = ("shards", "compare", "apply")
_WAITING = {"lock": "waiting for the lock"}


def next_line_due(elapsed: float, shortest: float = SHORTEST) -> float:
    """Return the time in seconds of a task at which the next line is due, after one at ``elapsed``."""
    return elapsed + max(min(elapsed / GROWTH, LONGEST), shortest)


def crowd_factor(hosts: int, forks: int) -> float:
    """Return the factor by which the time between two lines grows with the number of hosts and of forks."""
    return max(min(hosts, forks) / CROWD, 1.0)


def progress_line(state: Any) -> str | None:
    """Return the line for what a module has written; None if it contains nothing to show.

    It comes from another host, so only numbers and the printable characters of names are used.
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


class ProgressDisplay(threading.Thread):
    """Reads the progress of a task periodically, and shows it.

    Args:
        read: returns what the module has written, or None; its exceptions are ignored.
        say: shows a line.
        shortest: minimum seconds between two lines.
        patience: seconds between two reads as long as nothing is written.
        wait: the factor for all these times, and for the time before the first line.
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
                self._update()
            elapsed = time.monotonic() - began
            due = next_line_due(elapsed, self._shortest) if self.has_read else elapsed + self._patience

    def _update(self) -> None:
        text = self._read()
        if text is None:
            return
        self.has_read = True
        line = progress_line(json.loads(text))
        if line is not None and not self._ended.is_set():
            self._say(line)

    def end(self) -> None:
        """Stop. Waits at most one second for a read in progress."""
        self._ended.set()
        self.join(timeout=1.0)


@contextmanager
def progress_displayed(action: ActionBase, task_vars: Mapping[str, Any], wrap_async: bool) -> Iterator[str | None]:
    """Display the progress of a task whose module runs inside the ``with``; yields the path for the module to write to, or None if
    the progress of this task is not displayed."""
    connection: Any = action._connection
    if wrap_async or action._task.async_val or not is_enabled(action, task_vars) or connection.transport not in ("local", "ssh"):
        yield None
        return
    name = f"dsync-{uuid.uuid4().hex}"
    here = connection.transport == "local"
    path = str(Path(constants.DEFAULT_LOCAL_TMP, name)) if here else f"{REMOTE_FOLDER}/{name}"
    say = _line_writer(action, task_vars)
    pace = (SHORTEST, PATIENCE) if here else (SHORTEST_REMOTE, PATIENCE_REMOTE)
    teller = ProgressDisplay(_reader(path) if here else _fetcher(connection, path), say, *pace, _crowded(action, task_vars))
    with _signals_left_to_this_thread() if here else nullcontext():
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


@contextmanager
def _signals_left_to_this_thread() -> Iterator[None]:
    """Let no thread that starts inside the ``with`` take a signal that ends the task: while this one waits for a module on the
    controller, Python runs no handler before the module has ended, unless the signal interrupts this thread."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def is_enabled(action: ActionBase, task_vars: Mapping[str, Any]) -> bool:
    """Return whether the progress of a task is displayed: as set by the task, or else by the variable; never with ``no_log``."""
    if action._task.no_log:
        return False
    said = action._task.args.get("progress", task_vars.get(VARIABLE, True))
    try:
        return bool(boolean(action._templar.template(said)))
    except TypeError:
        return True  # the module rejects what is not a boolean


def _crowded(action: ActionBase, task_vars: Mapping[str, Any]) -> float:
    hosts = 1 if action._task.run_once else len(task_vars.get("ansible_play_batch", ()))
    return crowd_factor(hosts, int(context.CLIARGS.get("forks") or constants.DEFAULT_FORKS))


def _line_writer(action: ActionBase, task_vars: Mapping[str, Any]) -> Callable[[str], None]:
    """Return a function that prints a line to standard error; standard output is the callback's, and a program may read it."""
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
    """Return a function that reads the file through a second ssh process.

    It uses a copy of the connection, separate from the module's process, and only if both share one connection to the host
    (ControlPersist), so that there is no login for each line.
    """
    own = copy.copy(connection)

    def read() -> str | None:
        if not getattr(connection, "_persistent", False):
            return None
        code, output, _errors = own.exec_command(f"cat {shlex.quote(path)}", sudoable=False)
        return output[:MOST_READ].decode("ascii") if code == 0 else None

    return read
