# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models and adapters that are measured: the same code for both libraries."""

from __future__ import annotations

from typing import ClassVar

from library import Adapter, Model
from shapes import Side


class Site(Model):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact",)
    _children = {"device": "devices"}

    name: str
    contact: str
    devices: list[str] = []


class Device(Model):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role", "site_name")
    _children = {"interface": "interfaces"}

    name: str
    role: str
    site_name: str
    interfaces: list[str] = []


class Interface(Model):
    _modelname = "interface"
    _identifiers = ("device_name", "name")
    _shortname = ("name",)
    _attributes = ("mtu", "description", "enabled")

    device_name: str
    name: str
    mtu: int
    description: str
    enabled: bool


class Host(Model):
    _modelname = "host"
    _identifiers = ("name",)
    _attributes = ("address", "port", "enabled")

    name: str
    address: str
    port: int
    enabled: bool


class Record(Model):
    _modelname = "record"
    _identifiers = ("name",)
    _attributes = tuple(f"{kind}_{place}" for kind in ("text", "number", "truth") for place in range(10))

    name: str
    text_0: str
    text_1: str
    text_2: str
    text_3: str
    text_4: str
    text_5: str
    text_6: str
    text_7: str
    text_8: str
    text_9: str
    number_0: int
    number_1: int
    number_2: int
    number_3: int
    number_4: int
    number_5: int
    number_6: int
    number_7: int
    number_8: int
    number_9: int
    truth_0: bool
    truth_1: bool
    truth_2: bool
    truth_3: bool
    truth_4: bool
    truth_5: bool
    truth_6: bool
    truth_7: bool
    truth_8: bool
    truth_9: bool


class Group(Model):
    _modelname = "group"
    _identifiers = ("name",)
    _attributes = ("label",)
    _children = {"member": "members"}

    name: str
    label: str
    members: list[str] = []


class Member(Model):
    _modelname = "member"
    _identifiers = ("group_name", "name")
    _shortname = ("name",)
    _attributes = ("rank", "label")

    group_name: str
    name: str
    rank: int
    label: str


class Estate(Adapter):
    """One side, loaded from rows that are there already."""

    def __init__(self, side: Side) -> None:
        super().__init__()
        self.side = side

    def load_bulk(self) -> None:
        """Load all rows of each model at once; only this library can."""
        raise NotImplementedError


class Tree(Estate):
    site = Site
    device = Device
    interface = Interface
    top_level: ClassVar[list[str]] = ["site"]

    def load(self) -> None:
        for site_row, devices in self.side.nested:
            site = self.site(**site_row)
            self.add(site)
            for device_row, interfaces in devices:
                device = self.device(**device_row)
                self.add(device)
                site.add_child(device)
                for interface_row, _none in interfaces:
                    interface = self.interface(**interface_row)
                    self.add(interface)
                    device.add_child(interface)

    def load_bulk(self) -> None:
        tables = self.side.tables
        self.add_rows("site", tables["site"])
        self.add_rows("device", tables["device"], parent="site", parent_ids={"name": "site_name"})
        self.add_rows("interface", tables["interface"], parent="device", parent_ids={"name": "device_name"})


class Flat(Estate):
    host = Host
    top_level: ClassVar[list[str]] = ["host"]

    def load(self) -> None:
        for row, _none in self.side.nested:
            self.add(self.host(**row))

    def load_bulk(self) -> None:
        self.add_rows("host", self.side.tables["host"])


class Wide(Estate):
    record = Record
    top_level: ClassVar[list[str]] = ["record"]

    def load(self) -> None:
        for row, _none in self.side.nested:
            self.add(self.record(**row))

    def load_bulk(self) -> None:
        self.add_rows("record", self.side.tables["record"])


class Family(Estate):
    group = Group
    member = Member
    top_level: ClassVar[list[str]] = ["group"]

    def load(self) -> None:
        for group_row, members in self.side.nested:
            group = self.group(**group_row)
            self.add(group)
            for row, _none in members:
                member = self.member(**row)
                self.add(member)
                group.add_child(member)

    def load_bulk(self) -> None:
        self.add_rows("group", self.side.tables["group"])
        self.add_rows("member", self.side.tables["member"], parent="group", parent_ids={"name": "group_name"})


ESTATES: dict[str, type[Estate]] = {"tree": Tree, "flat": Flat, "wide": Wide, "family": Family, "different": Tree}
"""Shape → adapter."""
