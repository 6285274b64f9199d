# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a task: none is used twice, those that are read exist, their mode, and the lock."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import combinations
from typing import Any

from ...dsync.storage.files import PRIVATE
from ...dsync.storage.lock import locked
from ...dsync.storage.paths import absolute, file_error
from ..errors import TaskFailure
from ..output.messages import error_context
from ..output.progress import Progress

FILES = ("plan_src", "plan_dest", "undo_journal", "journal", "undo", "baseline", "lock")
"""The arguments that name files, except reports."""

APPENDED = {"undo_journal", "journal"}
"""Two arguments that may name the same file, to which a run only appends."""

MODES = "use octal digits such as '0644', or symbols such as 'u=rw,g=r'; the owner must be able to read and write the file"

_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<how>[-+=])(?P<what>[rwx]*)")
_BITS = {"r": 4, "w": 2, "x": 1}
_SHIFTS = {"u": 6, "g": 3, "o": 0}


PLAN_WRITTEN_BY = "dsync_diff writes a plan with plan_dest"
JOURNAL_WRITTEN_BY = "dsync_sync writes a journal with journal"


def check_exists(path: str, way_out: str) -> None:
    """Raise TaskFailure if there is nothing at a path, with what to do about it."""
    if not os.path.lexists(path):
        raise file_error(TaskFailure, path, f"does not exist; {way_out}.")


def check_distinct(params: Mapping[str, Any]) -> None:
    """Raise TaskFailure if two arguments name the same file, so that writing one would overwrite the other."""
    given = {name: params[name] for name in FILES if params.get(name)}
    given.update({f"reports[{place}]": said["path"] for place, said in enumerate(params.get("reports") or ())})
    real = {name: os.path.realpath(path) for name, path in given.items()}
    for one, other in combinations(given, 2):
        if real[one] == real[other] and {one, other} != APPENDED:
            raise TaskFailure(f"{one} and {other} are the same file, {absolute(given[one])}; each needs its own.")


def file_mode(said: Any, place: str) -> int:
    """Return the permissions of a ``mode``: octal digits, the number that YAML makes of them, or symbolic changes to 0600.

    Raises:
        TaskFailure: it is not valid, or its file could not be read and written by its owner.
    """
    try:
        mode = said if isinstance(said, int) else int(str(said), 8)
    except ValueError:
        mode = _symbolic(str(said))
    if isinstance(said, bool) or not 0o600 <= mode <= 0o777 or mode & 0o600 != 0o600:
        raise TaskFailure(f"{place}: {said!r} cannot be used; {MODES}.")
    return mode


def _symbolic(said: str) -> int:
    """Return the permissions of a file of mode 0600 after symbolic changes; -1 if they are not valid."""
    mode = PRIVATE
    for found in map(_CLAUSE.fullmatch, said.split(",")):
        if found is None:
            return -1
        bits = sum(_BITS[one] for one in set(found["what"]))
        for one, shift in _SHIFTS.items():
            if one in (found["who"] or "a") or "a" in (found["who"] or "a"):
                kept = mode & ~(7 << shift) if found["how"] == "=" else mode
                mode = kept & ~(bits << shift) if found["how"] == "-" else kept | bits << shift
    return mode


@contextmanager
def holding_lock(params: Mapping[str, Any], what: str, progress: Progress) -> Iterator[None]:
    """Hold the lock of a task, if it has one.

    Args:
        params: the task's arguments ``lock`` and ``lock_timeout``.
        what: the reason that others are shown while the lock is held.
        progress: notified while the lock is awaited.

    Raises:
        TaskFailure: the lock is not free in time, or cannot be used.
    """
    with ExitStack() as stack:
        if params["lock"]:
            with error_context("locking"), progress.waiting("lock"):
                stack.enter_context(locked(params["lock"], params["lock_timeout"], what))
        yield
        with suppress(KeyboardInterrupt):  # the work is done, and the lock is free at the latest when this process has ended
            stack.close()
