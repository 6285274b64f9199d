# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Datasets that any process can make from JSON, for the tests of comparisons in shards."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from dsync import DSync, DSyncModel, DSyncModelFlags, ObjectRef
from dsync.shards import Shard
from estate import Folder, Key, Site


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role", "serial", "address")
    _children = {"port": "ports"}
    _match = ("serial", "address")
    _references = {"role": "role"}
    _unique = ("address",)
    name: str
    role: str | None = None
    serial: str | None = None
    address: str | None = None
    ports: list[str] = []


class Port(DSyncModel):
    _modelname = "port"
    _identifiers = ("device", "name")
    _shortname = ("name",)
    _attributes = ("mtu", "peer")
    _references = {"peer": "port"}
    device: str
    name: str
    mtu: int = 1500
    peer: str | None = None


class Role(DSyncModel):
    _modelname = "role"
    _identifiers = ("name",)
    _attributes = ("colour",)
    name: str
    colour: str = "red"


class Tag(DSyncModel):
    """An object whose short name must be unique at the top level."""

    _modelname = "tag"
    _identifiers = ("scope", "name")
    _shortname = ("name",)
    _attributes = ("weight",)
    scope: str
    name: str
    weight: int = 0


class Estate(DSync):
    """A dataset of the rows that it is given.

    Args:
        rows: model → rows; a row may have ``_in``, the (model, id) of each parent, and ``_ignored``. Nothing is said of an
            attribute that no row of a model has.
        name: its name.
        deadly: a file; a process that loads the dataset kills itself if it can delete the file.
    """

    type = "estate"
    site = Site
    device = Device
    port = Port
    role = Role
    tag = Tag
    folder = Folder
    top_level = ["site", "role", "tag", "folder"]

    def __init__(self, rows: dict[str, list[dict[str, Any]]], name: str, deadly: str = "") -> None:
        super().__init__(name)
        self.rows, self._deadly = rows, deadly

    def operate(self, key: Key) -> bool:
        """Let every change be made."""
        return True

    def load(self) -> None:
        if self._deadly and Path(self._deadly).exists():
            Path(self._deadly).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        for model in ("site", "role", "tag", "folder", "device", "port"):
            if self.rows.get(model):
                fields = {name for row in self.rows[model] for name in row}
                self.unmanaged[model] = frozenset(getattr(self, model)._attributes) - fields
            for row in self.rows.get(model, ()):
                obj = getattr(self, model)(**{name: value for name, value in row.items() if not name.startswith("_")})
                if row.get("_ignored"):
                    obj.model_flags = DSyncModelFlags.IGNORE
                self.add(obj)
                for above in row.get("_in", ()):
                    self.get(*above).add_child(obj)
                if row.get("mtu") == 9000:
                    self.warn(f"{obj.get_unique_id()} has jumbo frames")


class Streamed(Estate):
    """An estate that reads the rows of its shard only, as a system can that finds rows by what is above them."""

    def load_shard(self, shard: Shard) -> None:
        above: dict[ObjectRef, list[ObjectRef | None]] = {}
        for model, rows in self.rows.items():
            for row in rows:
                ids = {name: row[name] for name in getattr(self, model)._identifiers}
                parents = [ObjectRef(*parent) for parent in row.get("_in", ())] or [None]
                above.setdefault(ObjectRef(model, getattr(self, model).create_unique_id(**ids)), []).extend(parents)
        whole, self.rows = self.rows, {}
        for model, rows in whole.items():
            for row in rows:
                ids = {name: row[name] for name in getattr(self, model)._identifiers}
                own = ObjectRef(model, getattr(self, model).create_unique_id(**ids))
                near = [ObjectRef(*parent) for parent in row.get("_in", ())]
                mine = [list(one) for one in near if any(map(shard.holds, _tops(one, above)))]
                if mine or (not near and shard.holds(own)):
                    self.rows.setdefault(model, []).append({**row, "_in": mine})
        self.load()


def _tops(ref: ObjectRef, above: dict[ObjectRef, list[ObjectRef | None]]) -> set[ObjectRef]:
    """Return the objects at the top of the trees that an object is in; those around it if it is in a circle without a top."""
    found, seen, waiting = set(), {ref}, [ref]
    while waiting:
        one = waiting.pop()
        parents = above.get(one, [None])
        found.update([one] if None in parents else [])
        new = [parent for parent in parents if parent is not None and parent not in seen]
        seen.update(new)
        waiting += new
    return found or seen
