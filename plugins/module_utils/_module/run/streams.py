# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps adapters away from the module's own streams: its output is one JSON document, and its input may never end."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

STREAMS = (0, 1, 2)


@contextlib.contextmanager
def streams_aside() -> Iterator[None]:
    """Let nothing be read, and let what is printed, by Python code or by programs that it runs, go nowhere.

    Not even to standard error: on a terminal that is the same stream, and Ansible shows it at ``-vvv``, secrets included.
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
