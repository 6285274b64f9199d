# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The built-in adapters, by the names that tasks use, and what adapters of records inherit from."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.base import RecordAdapter, RecordModel
    from .core.fields import Fields
    from .core.options import Options

BUILT_IN = {
    "file": ("file", "FileAdapter"),
    "inventory": ("inventory", "InventoryAdapter"),
    "memory": ("memory", "MemoryAdapter"),
    "nautobot": ("estates.nautobot", "NautobotAdapter"),
    "netbox": ("estates.netbox", "NetBoxAdapter"),
    "rest": ("rest", "RestAdapter"),
    "snapshot": ("snapshot", "SnapshotAdapter"),
    "sql": ("sql", "SqlAdapter"),
}
"""Name of an adapter → the family that it is in, and its class."""


def built_in(name: str) -> type[RecordAdapter]:
    """Return the class of a built-in adapter, whose family is imported only now. Raises KeyError."""
    family, class_name = BUILT_IN[name]
    found: type[RecordAdapter] = getattr(importlib.import_module(f".{family}", __package__), class_name)
    return found


_INHERITED = {"Fields": "fields", "Options": "options", "RecordAdapter": "base", "RecordModel": "base"}
"""What adapters of records are made of → the file that it is in."""


def __getattr__(name: str) -> Any:
    """Import the classes that adapters of records use only when they are asked for; DiffSync adapters need none."""
    if name in _INHERITED:
        return getattr(importlib.import_module(f".core.{_INHERITED[name]}", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ("BUILT_IN", "Fields", "Options", "RecordAdapter", "RecordModel", "built_in")
