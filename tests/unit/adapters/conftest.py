# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Lets no test wait before a request is sent again, unless its server asks for that."""

from __future__ import annotations

import pytest
from dsync.adapters.http import pace


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_FIRST_WAIT", 0.01)
