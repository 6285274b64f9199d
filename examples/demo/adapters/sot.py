# SPDX-License-Identifier: Apache-2.0
"""The source of truth: a YAML file of sites, their devices, and the devices' interfaces. It is only read."""

from pathlib import Path
from typing import Any

import yaml

from dsync import DSync
from models import Device, Interface, Site


class SourceOfTruth(DSync):
    site = Site
    device = Device
    interface = Interface
    top_level = ["site"]

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = Path(path)

    def load(self) -> None:
        for entry in yaml.safe_load(self.path.read_text(encoding="utf-8"))["sites"]:
            devices = entry.pop("devices")
            site = self.site(**entry)
            self.add(site)
            for device in devices:
                self.load_device(site, device)

    def load_device(self, site: Site, entry: dict[str, Any]) -> None:
        interfaces = entry.pop("interfaces")
        device = self.device(site_name=site.name, **entry)
        self.add(device)
        site.add_child(device)
        for fields in interfaces:
            interface = self.interface(device_name=device.name, **fields)
            self.add(interface)
            device.add_child(interface)
