# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""When a request is sent: not more of them than so many per second, and how long after one that failed."""

from __future__ import annotations

import email.utils
import random
import threading
import time

_FIRST_WAIT = 0.5
_LONGEST_PAUSE = 60.0


class Pace:
    """Spreads requests, so that there are no more than so many a second."""

    def __init__(self, rate: float | None) -> None:
        self._gap = 0.0 if rate is None else 1.0 / rate
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> float:
        """Take the next place, and return the seconds until then."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap
        return at - now


def pause(attempt: int, error: BaseException | None) -> float:
    """Return the seconds before the next try: what the server asks for, or twice as long each time and more at random."""
    asked: float | None = getattr(error, "wait", None)
    return asked if asked is not None else min(_LONGEST_PAUSE, _FIRST_WAIT * (2 ** (attempt - 1) + random.random()))


def retry_after(text: str | None) -> float | None:
    """Return the seconds that a header Retry-After has; None if it has none."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
