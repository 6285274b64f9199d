# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a task: checks that no file is used twice, and holds the lock."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import combinations
from typing import Any

from ...dsync.storage.lock import locked
from ...dsync.storage.paths import absolute
from ..errors import TaskFailure
from ..output.messages import error_context
from ..output.progress import Progress

FILES = ("plan_src", "plan_dest", "undo_journal", "journal", "undo", "baseline", "lock")
"""The arguments that name files, besides reports."""

APPENDED = {"undo_journal", "journal"}
"""Two arguments that may name the same file, to which a run only appends."""


def check_distinct(params: Mapping[str, Any]) -> None:
    """Raise TaskFailure if two arguments name the same file, so that writing one would overwrite the other."""
    given = {name: params[name] for name in FILES if params.get(name)}
    given.update({f"reports[{place}]": said["path"] for place, said in enumerate(params.get("reports") or ())})
    real = {name: os.path.realpath(path) for name, path in given.items()}
    for one, other in combinations(given, 2):
        if real[one] == real[other] and {one, other} != APPENDED:
            raise TaskFailure(f"{one} and {other} are the same file, {absolute(given[one])}; each needs its own.")


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
