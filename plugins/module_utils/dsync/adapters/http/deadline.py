# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A bound on how long a request takes as a whole.

A read timeout starts again with every piece of an answer, so a server that sends a byte now and then is never too slow for it.
Here every read and write of a connection ends at the deadline of the request that it serves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_OPENED = (".connect_tcp.complete", ".start_tls.complete")


class Deadlines:
    """The deadlines of the requests of one client; each thread has one request under way."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """Let what the current thread sends and receives in the block end at a moment of ``time.monotonic()``."""
        self._local.moment = moment
        try:
            yield
        finally:
            del self._local.moment

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Bound the reads and writes of each connection that is opened; the ``trace`` extension of httpcore calls it."""
        if event.endswith(_OPENED):
            import httpcore

            stream = info["return_value"]
            stream.read = self._bounded(stream.read, httpcore.ReadTimeout)
            stream.write = self._bounded(stream.write, httpcore.WriteTimeout)

    def _bounded(self, call: Callable[..., Any], late: type[Exception]) -> Callable[..., Any]:
        def bounded(what: Any, timeout: float | None = None) -> Any:
            moment = getattr(self._local, "moment", None)
            if moment is None:
                return call(what, timeout)
            left = moment - time.monotonic()
            if left <= 0:
                raise late("the request has taken too long")
            return call(what, left if timeout is None else min(timeout, left))

        return bounded
