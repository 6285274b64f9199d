# SPDX-License-Identifier: Apache-2.0
"""What the source of truth and the CMDB have in common: sites, their devices, the devices' interfaces."""

from dsync import DSyncModel


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("city", "contact_phone")
    _children = {"device": "devices"}

    name: str
    city: str
    contact_phone: str
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("site_name", "role")
    _children = {"interface": "interfaces"}

    name: str
    site_name: str
    role: str
    interfaces: list[str] = []


class Interface(DSyncModel):
    _modelname = "interface"
    _identifiers = ("device_name", "name")
    _shortname = ("name",)
    _attributes = ("description", "mtu", "enabled", "address")

    device_name: str
    name: str
    description: str = ""
    mtu: int = 1500
    enabled: bool = True
    address: str | None = None
