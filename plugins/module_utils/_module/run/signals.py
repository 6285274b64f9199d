# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C, and the signals by which a runner ends a job: at once before anything is written, and else between two changes.

While the changes of a run are made permanent every signal is held back, for nobody could say what an interrupted commit has kept.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ...dsync.exceptions import AskedToEnd

GRACE = 10.0
"""Seconds that a change has to come to its end; then it is cut off, and the journal says that it may have been made. A runner that
ends a job waits about as long before it kills what is left."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """What asks a task to end.

    The first signal while changes are made is kept for :meth:`received`, and so is every signal that arrives while signals are held
    back; any other one raises KeyboardInterrupt where it arrives.
    """

    def __init__(self) -> None:
        self._kept: KeyboardInterrupt | None = None
        self._between_changes = False
        self._held_back = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Let signals end the task in an orderly way, as Ctrl-C does; those that are to be ignored stay so."""
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
        """Let the first signal wait until the change at hand has come to its end."""
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
        """Let no signal interrupt what is being done; :meth:`received` returns the first one afterwards."""
        self._held_back = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            yield
        finally:
            self._held_back = False

    def received(self) -> KeyboardInterrupt | None:
        """Return what asks for the end of the run, or None."""
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
