# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Datasets as they were at one moment, in files."""

from .adapter import SnapshotAdapter
from .snapshot_file import left_out_of, write_snapshot

__all__ = ("SnapshotAdapter", "left_out_of", "write_snapshot")
