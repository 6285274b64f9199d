# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Comparisons in shards: parts of two datasets are compared by other processes, on this machine or on others."""

from __future__ import annotations

from ..dataset.shard import Shard, keep
from .comparison import Comparison, compare
from .side import Side

__all__ = ("Comparison", "Shard", "Side", "compare", "keep")
