# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the loaded objects of a dataset live."""

from __future__ import annotations

from .base import BaseStore
from .memory import MemoryStore

__all__ = ("BaseStore", "MemoryStore")
