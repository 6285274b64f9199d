# SPDX-License-Identifier: Apache-2.0
"""The PCI ID database as published: the file `pci.ids`, plain or gzipped. It is only read."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsync import DSync, ObjectAlreadyExists
from models import Device, Subsystem, Vendor

LINE = re.compile(r"(\t*)([0-9a-f]{4}(?: [0-9a-f]{4})?)  (.+)")


class PciIds(DSync):
    vendor = Vendor
    device = Device
    subsystem = Subsystem
    top_level = ["vendor"]

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = Path(path)

    def load(self) -> None:
        """Load every line's object. A line of no known form, or an object that an earlier line has, is an error."""
        parents: list[Vendor | Device] = []
        for number, line in self.lines():
            try:
                parents = self.load_line(line, parents)
            except (ValueError, ObjectAlreadyExists) as exc:
                raise ValueError(f"{self.path}, line {number}: {exc}") from exc

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each line but the blank ones, comments, and the device classes (from `C ` on)."""
        opener = gzip.open if self.path.suffix == ".gz" else open
        with opener(self.path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.startswith("C "):
                    return
                if line.strip() and not line.startswith("#"):
                    yield number, line.removesuffix("\n")

    def load_line(self, line: str, parents: list[Vendor | Device]) -> list[Vendor | Device]:
        """Load a line's object below the vendor and the device in `parents`; return the `parents` of the next line."""
        form = LINE.fullmatch(line)
        tabs, ids, name = form.groups() if form else ("", "", "")
        match len(tabs), ids.split(), parents:
            case 0, [vendor_id], _:
                vendor = self.vendor(vendor_id=vendor_id, name=name)
                self.add(vendor)
                return [vendor]
            case 1, [device_id], [vendor, *_]:
                device = self.device(vendor_id=vendor.vendor_id, device_id=device_id, name=name)
                self.add(device)
                vendor.add_child(device)
                return [vendor, device]
            case 2, [subvendor_id, subdevice_id], [_, device]:
                subsystem = self.subsystem(
                    **device.get_identifiers(), subvendor_id=subvendor_id, subdevice_id=subdevice_id, name=name
                )
                self.add(subsystem)
                device.add_child(subsystem)
                return parents
        raise ValueError(f"neither a vendor, nor a device or subsystem of what is above it: {line!r}")
