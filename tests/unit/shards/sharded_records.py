# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Datasets of records that any process can make from JSON, for the tests of comparisons in shards."""

from __future__ import annotations

from typing import Any

from dsync import DSync
from dsync.adapters import RecordModel, built_in
from dsync.records.definition import data_model


def records(adapter: str, models: dict[str, Any], options: dict[str, Any], mapping: Any = None, lookups: Any = None) -> DSync:
    """Return a dataset of a built-in adapter, bound to declared models."""
    bound: Any = built_in(adapter)
    made: DSync = bound.bound(data_model(models, base=RecordModel), mapping, lookups)(**options)
    return made
