# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the working tree reachable as the collection dsync.core, for imports and for ansible-playbook alike,
and lets tests and what they start be interrupted.

The test runner lays the collection out once and names the place in DSYNC_COLLECTIONS; a pytest started by hand lays it
out itself.
"""

from __future__ import annotations

import os
import signal
import sys

import collection
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Lay the collection out before any test file is imported."""
    path = os.environ.get("DSYNC_COLLECTIONS") or str(collection.lay_out(collection.BUILD / "collections"))
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = path
    sys.path.insert(0, path)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs in the background ignore it
