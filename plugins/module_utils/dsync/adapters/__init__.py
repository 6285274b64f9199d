# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The built-in adapters, by the names that tasks use, and what adapters of records inherit from."""

from __future__ import annotations

import importlib

from .base import RecordAdapter, RecordModel

BUILT_IN = {
    "file": ("file", "FileAdapter"),
    "inventory": ("inventory", "InventoryAdapter"),
    "memory": ("memory", "MemoryAdapter"),
    "nautobot": ("nautobot", "NautobotAdapter"),
    "netbox": ("netbox", "NetBoxAdapter"),
    "rest": ("rest", "RestAdapter"),
    "sql": ("sql", "SqlAdapter"),
}
"""Name of an adapter → the file that it is in, and its class."""


def built_in(name: str) -> type[RecordAdapter]:
    """Return the class of a built-in adapter, whose file is imported only now. Raises KeyError."""
    file, class_name = BUILT_IN[name]
    found: type[RecordAdapter] = getattr(importlib.import_module(f".{file}", __package__), class_name)
    return found


__all__ = ("BUILT_IN", "RecordAdapter", "RecordModel", "built_in")
