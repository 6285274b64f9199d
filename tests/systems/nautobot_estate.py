# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates in memory for tests against Nautobot: a little of everything that it keeps."""

from __future__ import annotations

from typing import Any

from netbox_estate import EUROPE, Rows, uid

_ACTIVE = {"status": "Active"}
PARIS, LYON = (uid(EUROPE, name) for name in ("Paris", "Lyon"))


EVERYTHING: Rows = {
    "status": [{"name": "Dreaming", "color": "112233", "content_types": ["dcim.device"]}],
    "role": [
        {"name": "leaf", "color": "00ff00", "content_types": ["dcim.device", "dcim.rack"], "weight": 100},
        {"name": "users", "color": "00ff00", "content_types": ["ipam.prefix", "ipam.vlan", "ipam.ipaddress"]},
    ],
    "tag": [{"name": "prod", "color": "ff0000", "content_types": ["dcim.location", "dcim.device", "ipam.prefix"]}],
    "tenant_group": [{"name": "Customers"}, {"name": "Big ones", "parent": "Customers"}],
    "tenant": [{"name": "Ärzte & Co", "tenant_group": "Big ones", "description": "x"}],
    "location_type": [
        {"name": "Region", "content_types": [], "nestable": True},
        {
            "name": "Building",
            "parent": "Region",
            "content_types": ["dcim.device", "dcim.rack", "dcim.rackgroup", "ipam.prefix", "ipam.vlan", "ipam.vlangroup"],
        },
    ],
    "location": [
        {"name": "Europe", "location_type": "Region", **_ACTIVE},
        {"name": "Paris", "location_type": "Building", "parent": EUROPE, **_ACTIVE, "tags": ["prod"], "asn": 65000},
        {"name": "Lyon", "location_type": "Building", "parent": EUROPE, "status": "Planned", "time_zone": "Europe/Paris"},
    ],
    "rack_group": [{"location": PARIS, "name": "Row_1"}],
    "rack": [{"location": PARIS, "name": "R1", **_ACTIVE, "rack_group": uid(PARIS, "Row_1"), "role": "leaf", "u_height": 42}],
    "manufacturer": [{"name": "Acme"}],
    "device_type": [{"manufacturer": "Acme", "model": "RT-1", "u_height": 1}],
    "platform": [{"name": "AcmeOS", "manufacturer": "Acme", "network_driver": "acme_os"}],
    "device": [
        {
            "name": f"rt-{number}",
            "status": "Active" if number == 1 else "Dreaming",
            "role": "leaf",
            "device_type": "Acme__RT-1",
            "location": PARIS,
            "rack": uid(PARIS, "R1"),
            "position": 10 * number,
            "face": "front",
            "platform": "AcmeOS",
            "primary_ip4": f"Global__10.0.0.{number}/24",
            "tags": ["prod"],
        }
        for number in (1, 2)
    ],
    "interface": [
        interface
        for number in (1, 2)
        for interface in (
            {"device": f"rt-{number}", "name": "lag1", "type": "lag", **_ACTIVE},
            {
                "device": f"rt-{number}",
                "name": "eth0/0",
                "type": "1000base-t",
                **_ACTIVE,
                "lag": f"rt-{number}__lag1",
                "mtu": 9000,
                "mac_address": f"02:00:00:00:00:0{number}",
                "mode": "tagged",
                "untagged_vlan": "Wan__10",
                "tagged_vlans": ["Wan__20", "__30"],
            },
        )
    ],
    "namespace": [{"name": "Lab", "location": LYON, "description": "apart"}],
    "vrf": [{"namespace": "Lab", "name": "blue", "rd": "65000:1", "tenant": "Ärzte & Co"}],
    "rir": [{"name": "Private", "is_private": True}],
    "vlan_group": [{"name": "Wan", "location": PARIS}],
    "vlan": [
        {"vlan_group": "Wan", "vid": 10, "name": "v10", **_ACTIVE, "role": "users", "locations": [PARIS]},
        {"vlan_group": "Wan", "vid": 20, "name": "v20", **_ACTIVE, "locations": [PARIS]},
        {"vlan_group": "", "vid": 30, "name": "v30", "status": "Reserved"},
    ],
    "prefix": [
        {"namespace": "Global", "prefix": "10.0.0.0/8", "type": "container", **_ACTIVE, "rir": "Private"},
        {
            "namespace": "Global",
            "prefix": "10.0.0.0/24",
            **_ACTIVE,
            "role": "users",
            "vlan": "Wan__10",
            "locations": [PARIS, LYON],
            "tags": ["prod"],
        },
        {"namespace": "Lab", "prefix": "10.0.0.0/24", **_ACTIVE, "vrfs": [uid("Lab", "blue", "65000:1")]},
        {"namespace": "Lab", "prefix": "2001:db8::/64", **_ACTIVE},
    ],
    "ip_address": [
        *(
            {
                "namespace": "Global",
                "address": f"10.0.0.{number}/24",
                **_ACTIVE,
                "interfaces": [f"rt-{number}__eth0/0"],
                "dns_name": "a.b",
            }
            for number in (1, 2)
        ),
        {"namespace": "Lab", "address": "10.0.0.1/24", **_ACTIVE, "role": "Anycast"},
        {"namespace": "Lab", "address": "2001:db8::1/64", "status": "Reserved", "type": "host"},
    ],
}
"""Objects of every model of the adapter, with references of every kind, in circles too."""

LOCATION_MODELS: dict[str, Any] = {
    "location_type": {"identifiers": ["name"], "attributes": {"nestable": "bool"}},
    "location": {
        "identifiers": ["name"],
        "attributes": {"location_type": {"ref": "location_type"}, "status": "str", "facility": "str"},
    },
}
"""Two models, as a task would declare them."""

NETWORK_MODELS: dict[str, Any] = {
    "prefix": {"identifiers": {"prefix": "ip_network"}, "attributes": {"status": "str"}},
    "ip_address": {"identifiers": {"address": "ip_interface"}, "attributes": {"status": "str"}},
}
"""Prefixes and addresses, without a word of namespaces or of what is around what."""
