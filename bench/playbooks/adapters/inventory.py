# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites, devices and interfaces in a JSON file that holds a table of each, loaded in both ways that there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dsync import DSync, DSyncModel


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact",)
    _children = {"device": "devices"}

    name: str
    contact: str
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role", "site_name")
    _children = {"interface": "interfaces"}

    name: str
    role: str
    site_name: str
    interfaces: list[str] = []


class Interface(DSyncModel):
    _modelname = "interface"
    _identifiers = ("device_name", "name")
    _shortname = ("name",)
    _attributes = ("mtu", "description", "enabled")

    device_name: str
    name: str
    mtu: int
    description: str
    enabled: bool


class Inventory(DSync):
    site = Site
    device = Device
    interface = Interface
    top_level = ["site"]

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = Path(path)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Read the file."""
        tables: dict[str, list[dict[str, Any]]] = json.loads(self.path.read_bytes())
        return tables


class OneByOne(Inventory):
    """Makes and adds every object by itself."""

    def load(self) -> None:
        tables = self.tables()
        sites, devices = {}, {}
        for row in tables["site"]:
            sites[row["name"]] = site = self.site(**row)
            self.add(site)
        for row in tables["device"]:
            devices[row["name"]] = device = self.device(**row)
            self.add(device)
            sites[row["site_name"]].add_child(device)
        for row in tables["interface"]:
            interface = self.interface(**row)
            self.add(interface)
            devices[row["device_name"]].add_child(interface)


class AllAtOnce(Inventory):
    """Hands each table over as it is."""

    def load(self) -> None:
        tables = self.tables()
        self.add_rows("site", tables["site"])
        self.add_rows("device", tables["device"], parent="site", parent_ids={"name": "site_name"})
        self.add_rows("interface", tables["interface"], parent="device", parent_ids={"name": "device_name"})
