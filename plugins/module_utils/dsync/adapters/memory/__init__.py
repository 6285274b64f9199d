# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Records in memory."""

from .adapter import MemoryAdapter

__all__ = ("MemoryAdapter",)
