# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The author, time and release that are recorded in files."""

from __future__ import annotations

import getpass
import os
import platform
from datetime import datetime, timezone

VERSION = "0.1.0"
"""The release of the library; a test holds it to pyproject.toml and galaxy.yml."""


def now() -> str:
    """Return the time in UTC, as in ``2026-11-23T03:00:00Z``."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def whoami() -> str:
    """Return ``user@host``, with the number of a user without a name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user in this container
        user = str(os.getuid())
    return f"{user}@{platform.node() or 'unknown'}"
