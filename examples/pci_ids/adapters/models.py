# SPDX-License-Identifier: Apache-2.0
"""The PCI ID database as a tree: vendors, their devices, the devices' subsystems. An id is four hexadecimal digits."""

from dsync import DSyncModel


class Vendor(DSyncModel):
    _modelname = "vendor"
    _identifiers = ("vendor_id",)
    _attributes = ("name",)
    _children = {"device": "devices"}

    vendor_id: str
    name: str
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("vendor_id", "device_id")
    _shortname = ("device_id",)
    _attributes = ("name",)
    _children = {"subsystem": "subsystems"}

    vendor_id: str
    device_id: str
    name: str
    subsystems: list[str] = []


class Subsystem(DSyncModel):
    _modelname = "subsystem"
    _identifiers = ("vendor_id", "device_id", "subvendor_id", "subdevice_id")
    _shortname = ("subvendor_id", "subdevice_id")
    _attributes = ("name",)

    vendor_id: str
    device_id: str
    subvendor_id: str
    subdevice_id: str
    name: str
