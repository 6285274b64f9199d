# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Datasets for the tests: sites with devices with interfaces, and folders in folders; the target notes what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dsync import Diff, DSync, DSyncFlags, DSyncModel

PLANTED = "hunter2-planted"
"""A secret that must never be shown."""

Key = tuple[str, str, str]
"""Action, model, unique id."""


class Recorded(DSyncModel):
    """A model whose objects note each operation in their adapter's ``log``, and fail where its ``trouble`` says so."""

    @classmethod
    def create(cls, dsync: Estate, ids: dict[str, Any], attrs: dict[str, Any]) -> Recorded | None:
        made = dsync.operate(("create", cls.get_type(), cls.create_unique_id(**ids)))
        return super().create(dsync=dsync, ids=ids, attrs=attrs) if made else None

    def update(self, attrs: dict[str, Any]) -> Recorded | None:
        changed = self.dsync.operate(("update", self.get_type(), self.get_unique_id()))
        return super().update(attrs) if changed else None

    def delete(self) -> Recorded | None:
        gone = self.dsync.operate(("delete", self.get_type(), self.get_unique_id()))
        return super().delete() if gone else None


class Site(Recorded):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact",)
    _children = {"device": "devices"}
    name: str
    contact: str = ""
    devices: list[str] = []


class Device(Recorded):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role", "facts")
    _children = {"interface": "interfaces"}
    name: str
    role: str = ""
    facts: Any = None
    interfaces: list[str] = []


class Interface(Recorded):
    _modelname = "interface"
    _identifiers = ("device", "name")
    _shortname = ("name",)
    _attributes = ("mtu", "password")
    _sensitive = ("password",)
    device: str
    name: str
    mtu: int = 1500
    password: str | None = None


class Folder(Recorded):
    _modelname = "folder"
    _identifiers = ("path",)
    _attributes = ("label",)
    _children = {"folder": "folders"}
    path: str
    label: Any = None
    folders: list[str] = []


class Estate(DSync):
    thread_safe = True
    site = Site
    device = Device
    interface = Interface
    folder = Folder
    top_level = ["site", "folder"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.log: list[Key] = []
        self.trouble: dict[Key, BaseException | None] = {}
        self.completed: list[Diff] = []
        self.sabotage: BaseException | None = None

    def operate(self, key: Key) -> bool:
        """Note an operation; raise what ``trouble`` holds for it, or return False where it holds None."""
        self.log.append(key)
        if key not in self.trouble:
            return True
        error = self.trouble[key]
        if error is not None:
            raise error
        return False

    def sync_complete(self, source: DSync, diff: Diff, flags: DSyncFlags = DSyncFlags.NONE, logger: Any = None) -> None:
        self.completed.append(diff)
        if self.sabotage is not None:
            raise self.sabotage


class Movable(Recorded):
    """A model whose objects can be moved as they are."""

    def move(self, parent: DSyncModel | None, ids: dict[str, Any], attrs: dict[str, Any]) -> Recorded | None:
        moved = self.dsync.operate(("move", self.get_type(), self.get_unique_id()))
        return super().move(parent, ids, attrs) if moved else None


class Moving(Estate):
    """An estate whose system moves objects by itself."""

    site = type("Site", (Movable, Site), {})
    device = type("Device", (Movable, Device), {})
    interface = type("Interface", (Movable, Interface), {})
    folder = type("Folder", (Movable, Folder), {})


class InTwo(Estate):
    """An estate of which no object moves by one change: each is deleted in its old place and created in its new one."""

    site = type("Site", (Site,), {"_moves": False})
    device = type("Device", (Device,), {"_moves": False})
    interface = type("Interface", (Interface,), {"_moves": False})
    folder = type("Folder", (Folder,), {"_moves": False})


Sites = Mapping[str, Any]
"""Site → contact, or (contact, {device → role, or (role, {interface → mtu})})."""


def _both(value: Any) -> tuple[Any, Mapping[str, Any]]:
    return value if isinstance(value, tuple) else (value, {})


def estate(
    sites: Sites | None = None, folders: Mapping[str, Any] | None = None, kind: type[Estate] = Estate, name: str = ""
) -> Estate:
    """Return a loaded dataset; ``folders`` are given as folder → label, or (label, {folder → …})."""
    made = kind(name or None)
    for site_name, value in (sites or {}).items():
        contact, devices = _both(value)
        site = kind.site(name=site_name, contact=contact)
        made.add(site)
        for device_name, device_value in devices.items():
            role, interfaces = _both(device_value)
            device = kind.device(name=device_name, role=role)
            made.add(device)
            site.add_child(device)
            for interface_name, mtu in interfaces.items():
                interface = kind.interface(device=device_name, name=interface_name, mtu=mtu)
                made.add(interface)
                device.add_child(interface)
    _add_folders(made, None, folders or {})
    return made


def _add_folders(made: Estate, parent: Folder | None, folders: Mapping[str, Any]) -> None:
    for path, value in folders.items():
        label, below = _both(value)
        folder = made.folder(path=path, label=label)
        made.add(folder)
        if parent is not None:
            parent.add_child(folder)
        _add_folders(made, folder, below)


def dataset(*models: type[DSyncModel], objects: Any = (), name: str = "", top_level: list[str] | None = None) -> DSync:
    """Return a dataset of these models, all of them top level unless told otherwise, that holds these objects."""
    names = [model.get_type() for model in models]
    body = {**dict(zip(names, models)), "top_level": names if top_level is None else top_level}
    made: DSync = type("Dataset", (DSync,), body)(name or None)
    for obj in objects:
        made.add(obj)
    return made


def progress() -> tuple[list[tuple[str, int, int]], Callable[[str, int, int], None]]:
    """Return a list and a callback that notes its calls there."""
    calls: list[tuple[str, int, int]] = []
    return calls, lambda stage, done, total: calls.append((stage, done, total))


SOURCE = {
    "nyc": ("555-1", {"rtr-1": ("router", {"eth0": 9000, "eth1": 1500}), "sw-1": "switch"}),
    "ams": ("555-2", {"rtr-2": ("router", {"eth0": 1500})}),
}
TARGET = {
    "nyc": ("555-0", {"rtr-1": ("router", {"eth0": 1500}), "old-1": ("router", {"eth9": 1500})}),
    "lon": ("555-3", {"rtr-3": ("router", {"eth0": 1500})}),
}
EXPECTED = [
    ("update", "site", "nyc"),
    ("update", "interface", "rtr-1__eth0"),
    ("create", "interface", "rtr-1__eth1"),
    ("create", "device", "sw-1"),
    ("delete", "device", "old-1"),
    ("delete", "interface", "old-1__eth9"),
    ("create", "site", "ams"),
    ("create", "device", "rtr-2"),
    ("create", "interface", "rtr-2__eth0"),
    ("delete", "site", "lon"),
    ("delete", "device", "rtr-3"),
    ("delete", "interface", "rtr-3__eth0"),
]
"""What makes TARGET like SOURCE, in order."""
