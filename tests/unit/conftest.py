# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes :mod:`estate` importable from the tests in subfolders too, and property tests the same in every run."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=120, database=None)
settings.load_profile("steady")
