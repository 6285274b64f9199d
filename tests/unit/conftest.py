# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes :mod:`estate` importable from the tests in subfolders too, and property tests small and the same in every run.

No test waits before a request is sent again, unless its server asks for that.

DSYNC_LONG_TESTS, a whole number, makes them look further: it is how many times more examples they try than usual, and every run
tries others. What fails then is told with the line by which it can be tried again.
"""

from __future__ import annotations

import os

import pytest
from dsync.adapters.http import pace
from hypothesis import HealthCheck, settings

EXAMPLES = 30
LONGER = int(os.environ.get("DSYNC_LONG_TESTS") or 0)

settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],  # the examples depend on what was imported before
)
settings.register_profile(
    "long",
    deadline=None,
    derandomize=False,
    max_examples=EXAMPLES * max(LONGER, 1),
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
settings.load_profile("long" if LONGER else "steady")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_FIRST_WAIT", 0.01)
