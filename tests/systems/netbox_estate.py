# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates in memory for tests against NetBox: a little of everything that it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dsync import DSync
from dsync.model.identity import escape_part
from dsync.records.definition import DataModel

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def uid(*parts: str) -> str:
    """Return the unique id of an object with several identifiers."""
    return "__".join(map(escape_part, parts))


EUROPE = uid("", "Europe")
FRANCE = uid(EUROPE, "France")
ROOM = uid("Paris", uid("Paris", "", "Floor_1"), "Room")
RACK = uid("Paris", ROOM, "R1")
WAN = uid(EUROPE, "", "", "", "Wan")
BLUE = uid("blue", "65000:1")
VM = uid("c1", "vm1")

EVERYTHING: Rows = {
    "tag": [{"name": "prod", "slug": "prod", "color": "ff0000"}],
    "tenant_group": [{"name": "Customers", "slug": "customers"}],
    "tenant": [{"name": "Ärzte & Co", "slug": "aerzte", "group": "Customers"}],
    "region": [{"name": "Europe", "slug": "eu"}, {"name": "France", "slug": "fr", "parent": EUROPE}],
    "site_group": [{"name": "Campus", "slug": "campus"}],
    "site": [
        {"name": "Paris", "slug": "paris", "status": "active", "region": FRANCE, "group": uid("", "Campus"), "tags": ["prod"]},
        {"name": "Lyon", "slug": "lyon", "status": "planned", "tenant": "Ärzte & Co", "time_zone": "Europe/Paris"},
    ],
    "location": [
        {"site": "Paris", "name": "Floor_1", "slug": "floor-1", "status": "active"},
        {"site": "Paris", "name": "Room", "slug": "room", "status": "active", "parent": uid("Paris", "", "Floor_1")},
    ],
    "rack_role": [{"name": "Compute", "slug": "compute", "color": "00ff00"}],
    "rack": [
        {
            "site": "Paris",
            "name": "R1",
            "status": "active",
            "location": ROOM,
            "role": "Compute",
            "u_height": 42,
            "width": 19,
        }
    ],
    "manufacturer": [{"name": "Acme", "slug": "acme"}],
    "device_type": [{"manufacturer": "Acme", "model": "RT-1", "slug": "rt-1", "u_height": "1.5"}],
    "device_role": [{"name": "Core", "slug": "core", "color": "0000ff"}],
    "platform": [{"name": "AcmeOS", "slug": "acmeos", "manufacturer": "Acme"}],
    "device": [
        {
            "name": f"rt-{number}",
            "status": "active",
            "device_type": "Acme__RT-1",
            "role": "Core",
            "site": "Paris",
            "location": ROOM,
            "rack": RACK,
            "position": 10 * number,
            "face": "front",
            "platform": "AcmeOS",
            "primary_ip4": f"__10.0.0.{number}/24",
            "tags": ["prod"],
        }
        for number in (1, 2)
    ],
    "interface": [
        interface
        for number in (1, 2)
        for interface in (
            {"device": f"rt-{number}", "name": "lag1", "type": "lag"},
            {
                "device": f"rt-{number}",
                "name": "eth0/0",
                "type": "1000base-t",
                "lag": f"rt-{number}__lag1",
                "mtu": 9000,
                "mode": "tagged",
                "untagged_vlan": "__Paris__10",
                "tagged_vlans": [uid(WAN, "", "40"), "__Paris__20"],
            },
        )
    ],
    "cluster_type": [{"name": "KVM", "slug": "kvm"}],
    "cluster_group": [{"name": "Clusters", "slug": "clusters"}],
    "cluster": [{"name": "c1", "type": "KVM", "group": "Clusters", "status": "active", "site": "Paris"}],
    "virtual_machine": [
        {"name": "vm1", "status": "active", "cluster": "c1", "site": "Paris", "vcpus": 2, "primary_ip4": uid(BLUE, "10.9.0.1/24")}
    ],
    "vm_interface": [{"virtual_machine": VM, "name": "eth0", "vrf": BLUE}],
    "vrf": [{"name": "blue", "rd": "65000:1", "enforce_unique": True}],
    "prefix_role": [{"name": "Users", "slug": "users", "weight": 1000}],
    "rir": [{"name": "Private", "slug": "private", "is_private": True}],
    "aggregate": [{"prefix": "10.0.0.0/8", "rir": "Private"}],
    "vlan_group": [{"name": "Wan", "slug": "wan", "region": EUROPE}],
    "vlan": [
        *({"group": "", "site": "Paris", "vid": vid, "name": f"v{vid}", "status": "active", "role": "Users"} for vid in (10, 20)),
        {"group": WAN, "site": "", "vid": 40, "name": "v40", "status": "reserved"},
    ],
    "prefix": [
        {"vrf": "", "prefix": "10.0.0.0/24", "status": "active", "site": "Paris", "vlan": "__Paris__10", "role": "Users"},
        {"vrf": BLUE, "prefix": "10.9.0.0/24", "status": "container"},
    ],
    "ip_address": [
        *(
            {
                "vrf": "",
                "address": f"10.0.0.{number}/24",
                "status": "active",
                "interface": f"rt-{number}__eth0/0",
                "dns_name": "a.b",
            }
            for number in (1, 2)
        ),
        {"vrf": BLUE, "address": "10.9.0.1/24", "status": "active", "vm_interface": uid(VM, "eth0")},
        {"vrf": BLUE, "address": "2001:db8::1/64", "status": "dhcp", "role": "anycast"},
    ],
}
"""Objects of every model of the adapter, with references of every kind, in circles too."""

DEVICES: Rows = {
    "site": [{"name": name, "slug": name.lower(), "status": "active"} for name in ("Paris", "Lyon")],
    "manufacturer": [{"name": "Acme", "slug": "acme"}],
    "device_type": [{"manufacturer": "Acme", "model": "RT-1", "slug": "rt-1"}],
    "device_role": [{"name": "Core", "slug": "core", "color": "0000ff"}],
    "device": [
        {"name": f"rt-{number}", "status": "active", "device_type": "Acme__RT-1", "role": "Core", "site": "Paris"}
        for number in (1, 2)
    ],
}
"""A few devices, and what they need."""

DEVICE_MODELS = {
    "site": {"identifiers": ["name"], "attributes": {"slug": "str", "status": "str"}},
    "manufacturer": {"identifiers": ["name"], "attributes": {"slug": "str"}},
    "device_type": {"identifiers": {"manufacturer": {"ref": "manufacturer"}, "model": "str"}, "attributes": {"slug": "str"}},
    "device_role": {"identifiers": ["name"], "attributes": {"slug": "str", "color": "str"}},
    "device": {
        "identifiers": ["name"],
        "attributes": {
            "status": "str",
            "device_type": {"ref": "device_type"},
            "role": {"ref": "device_role"},
            "site": {"ref": "site"},
        },
    },
}
"""The models of :data:`DEVICES`, as a task would declare them."""

PARENTS = {"interface": ("device", "device"), "vm_interface": ("virtual_machine", "virtual_machine")}
"""Model → the model of its parents, and the field that names them."""


def dataset(models: DataModel, rows: Rows) -> DSync:
    """Return objects in memory; what a row does not say is nothing, or an empty text."""
    made: DSync = type("Estate", (DSync,), {**models.models, "top_level": list(models.top_level)})(name="estate")
    for name in (*(name for name in rows if name not in PARENTS), *(name for name in rows if name in PARENTS)):
        model = models.models[name]
        for row in rows[name]:
            empty = {
                field: None if "None" in str(info.annotation) else ""
                for field, info in model.model_fields.items()
                if info.is_required()
            }
            obj = model(**{**empty, **row})
            made.add(obj)
            if name in PARENTS and models.parents.get(name):
                parent, field = PARENTS[name]
                made.get(parent, row[field]).add_child(obj)
    return made
