# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of a task: the signals that end it, and its standard streams.

Ctrl-C, and the signals by which a runner ends a job, end a task at once before anything is written, and else between two changes.
While the changes of a run are made permanent every signal is deferred, since nobody could say what an interrupted commit has kept.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ...dsync.exceptions import AskedToEnd

GRACE = 10.0
"""Seconds until a change in progress is interrupted, and recorded in the journal as one that may have been made. Runners wait about
as long before they kill a job."""

STREAMS = (0, 1, 2)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """The signals that end a task.

    The first signal during changes is kept for :meth:`received`, and so is every signal that arrives while signals are held back.
    Any other signal raises KeyboardInterrupt at once.
    """

    def __init__(self) -> None:
        self._kept: KeyboardInterrupt | None = None
        self._between_changes = False
        self._held_back = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals, so that they end the task in an orderly way; signals that are ignored stay ignored."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def between_changes(self) -> Iterator[None]:
        """Defer the first signal until the end of the change in progress."""
        self._between_changes = True
        alarm = signal.signal(signal.SIGALRM, self._handle)
        try:
            yield
        finally:
            self._between_changes = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Defer all signals; :meth:`received` returns the first one afterwards."""
        self._held_back = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            yield
        finally:
            self._held_back = False

    def received(self) -> KeyboardInterrupt | None:
        """Return the exception of a deferred signal, or None."""
        return self._kept

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        asked = KeyboardInterrupt() if number == signal.SIGINT else AskedToEnd(signal.Signals(number).name)
        if self._held_back:
            self._kept = self._kept or (None if number == signal.SIGALRM else asked)
            return
        if number == signal.SIGALRM and self._kept is not None:
            raise self._kept
        if not self._between_changes or self._kept is not None:
            raise asked
        self._kept = asked
        signal.setitimer(signal.ITIMER_REAL, GRACE)


@contextmanager
def detached_streams() -> Iterator[None]:
    """Discard what Python code and the programs that it runs print, and let them read nothing.

    The module's output is one JSON document, and its input may never end. Standard error is discarded too: on a terminal it is the
    same stream, and Ansible shows it at ``-vvv``, secrets included.
    """
    kept = {stream: os.dup(stream) for stream in STREAMS}
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in STREAMS:
        os.dup2(nowhere, stream)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, copy in kept.items():
            os.dup2(copy, stream)
            os.close(copy)
