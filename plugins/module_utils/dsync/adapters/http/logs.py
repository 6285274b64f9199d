# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Keeps secrets out of what the libraries for HTTP log."""

from __future__ import annotations

import logging
import weakref

from ..._util.redaction import Redactor

_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


class Filter(logging.Filter):
    """Keeps the secrets of all clients out of what the libraries for HTTP log, such as headers of answers."""

    def __init__(self) -> None:
        super().__init__()
        self._redactors: weakref.WeakSet[Redactor] = weakref.WeakSet()

    def hide(self, redactor: Redactor) -> None:
        """Keep what this one knows out of the logs as long as it is there."""
        self._redactors.add(redactor)
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for redactor in list(self._redactors):
            text = redactor.redact(text)
        record.msg, record.args = text, ()
        return True


FILTER = Filter()
"""The one filter of the process."""
