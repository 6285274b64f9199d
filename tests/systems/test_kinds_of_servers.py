# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds that no adapter knows, as real servers describe them: written, read back unchanged, repaired after a drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.adapter import EstateAdapter
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.exceptions import DefinitionError
from dsync.records.definition import data_model
from estate_life import Hand
from nautobot_server import Nautobot
from netbox_estate import dataset
from netbox_server import NetBox
from platform_servers import Server

SOME = {"type": "list[str]", "compare": "unordered"}
PORT = {"identifiers": {"device": "str", "name": "str"}, "attributes": {"type": "str"}}

NETBOX: dict[str, Any] = {
    "tag": {"identifiers": ["name"]},
    "site": {"identifiers": ["name"], "attributes": {"status": "str"}},
    "manufacturer": {"identifiers": ["name"]},
    "device_type": {"identifiers": {"manufacturer": {"ref": "manufacturer"}, "model": "str"}},
    "device_role": {"identifiers": ["name"]},
    "device": {
        "identifiers": ["name"],
        "attributes": {"device_type": {"ref": "device_type"}, "role": {"ref": "device_role"}, "site": {"ref": "site"}},
        "children": ["interface"],
    },
    "interface": {**PORT, "shortname": ["name"]},
    "virtual_device_context": {
        "identifiers": {"device": {"ref": "device"}, "name": "str"},
        "attributes": {"status": "str", "identifier": "int | None"},
    },
    "provider": {"identifiers": ["name"], "attributes": {"description": "str"}},
    "provider_network": {
        "identifiers": {"provider": {"ref": "provider"}, "name": "str"},
        "attributes": {"service_id": "str", "tags": SOME},
    },
    "wireless_lan_group": {"identifiers": ["name"]},
    "wireless_lan": {
        "identifiers": ["ssid"],
        "attributes": {
            "group": {"ref": "wireless_lan_group", "type": "str | None"},
            "vlan": "str | None",
            "status": "str",
            "auth_type": "str | None",
        },
    },
    "contact_role": {"identifiers": ["name"]},
    "contact": {"identifiers": ["name"], "attributes": {"email": "str"}},
    "contact_assignment": {
        "identifiers": {"object_type": "str", "object": "str", "contact": {"ref": "contact"}, "role": {"ref": "contact_role"}},
        "attributes": {"priority": "str | None"},
    },
    "cable": {"identifiers": ["label"], "attributes": {"a_terminations": SOME, "b_terminations": SOME, "status": "str"}},
}
NETBOX_ROWS: dict[str, Any] = {
    "tag": [{"name": "prod"}],
    "site": [{"name": name, "status": "planned"} for name in ("Paris", "Lyon")],
    "manufacturer": [{"name": "Acme"}],
    "device_type": [{"manufacturer": "Acme", "model": "RT-1"}],
    "device_role": [{"name": "Core"}],
    "device": [{"name": f"rt-{one}", "device_type": "Acme__RT-1", "role": "Core", "site": "Paris"} for one in (1, 2)],
    "interface": [{"device": f"rt-{one}", "name": "eth0", "type": "1000base-t"} for one in (1, 2)],
    "virtual_device_context": [
        {"device": "rt-1", "name": "blue", "status": "active", "identifier": 7},
        {"device": "rt-1", "name": "red", "status": "planned", "identifier": None},
    ],
    "provider": [{"name": "Telco", "description": "fibre"}],
    "provider_network": [{"provider": "Telco", "name": "mpls", "service_id": "S1", "tags": ["prod"]}],
    "wireless_lan_group": [{"name": "Guests"}],
    "wireless_lan": [
        {"ssid": "guest", "group": "Guests", "vlan": "__Paris__10", "status": "active", "auth_type": "wpa-personal"},
        {"ssid": "staff", "group": None, "vlan": None, "status": "disabled", "auth_type": None},
    ],
    "contact_role": [{"name": "Operator"}],
    "contact": [{"name": name, "email": f"{name.lower()}@example.com"} for name in ("Ann", "Bob")],
    "contact_assignment": [
        {"object_type": "dcim.site", "object": "Paris", "contact": "Ann", "role": "Operator", "priority": "primary"},
        {"object_type": "dcim.device", "object": "rt-1", "contact": "Bob", "role": "Operator", "priority": None},
    ],
    "cable": [
        {
            "label": "c1",
            "a_terminations": ["dcim.interface:rt-1__eth0"],
            "b_terminations": ["dcim.interface:rt-2__eth0"],
            "status": "connected",
        }
    ],
}

NAUTOBOT: dict[str, Any] = {
    "location_type": {"identifiers": ["name"], "attributes": {"content_types": SOME}},
    "location": {"identifiers": ["name"], "attributes": {"location_type": {"ref": "location_type"}, "status": "str"}},
    "manufacturer": {"identifiers": ["name"]},
    "platform": {"identifiers": ["name"], "attributes": {"manufacturer": {"ref": "manufacturer"}}},
    "device_type": {"identifiers": {"manufacturer": {"ref": "manufacturer"}, "model": "str"}},
    "role": {"identifiers": ["name"], "attributes": {"content_types": SOME}},
    "device": {
        "identifiers": ["name"],
        "attributes": {
            "device_type": {"ref": "device_type"},
            "role": {"ref": "role"},
            "location": {"ref": "location"},
            "status": "str",
        },
        "children": ["interface"],
    },
    "interface": {**PORT, "shortname": ["name"], "attributes": {"type": "str", "status": "str"}},
    "software_version": {
        "identifiers": {"platform": {"ref": "platform"}, "version": "str"},
        "attributes": {"status": "str", "alias": "str", "pre_release": "bool"},
    },
    "controller": {
        "identifiers": ["name"],
        "attributes": {
            "status": "str",
            "location": {"ref": "location"},
            "platform": "str | None",
            "controller_device": {"ref": "device", "type": "str | None"},
        },
    },
    "contact": {"identifiers": ["name"], "attributes": {"email": "str"}},
    "contact_association": {
        "identifiers": {
            "associated_object_type": "str",
            "associated_object": "str",
            "contact": {"ref": "contact"},
            "role": {"ref": "role"},
        },
        "attributes": {"status": "str"},
    },
    "cable": {
        "identifiers": {"termination_a_type": "str", "termination_a": "str"},
        "attributes": {"termination_b_type": "str", "termination_b": "str", "status": "str", "label": "str"},
    },
}
ACTIVE = {"status": "Active"}
NAUTOBOT_ROWS: dict[str, Any] = {
    "location_type": [{"name": "Site", "content_types": ["dcim.device", "dcim.controller"]}],
    "location": [{"name": name, "location_type": "Site", **ACTIVE} for name in ("Paris", "Lyon")],
    "manufacturer": [{"name": "Acme"}],
    "platform": [{"name": "AcmeOS", "manufacturer": "Acme"}],
    "device_type": [{"manufacturer": "Acme", "model": "RT-1"}],
    "role": [
        {"name": "Core", "content_types": ["dcim.device"]},
        {"name": "Operator", "content_types": ["extras.contactassociation"]},
    ],
    "device": [{"name": f"rt-{one}", "device_type": "Acme__RT-1", "role": "Core", "location": "Paris", **ACTIVE} for one in (1, 2)],
    "interface": [{"device": f"rt-{one}", "name": "eth0", "type": "1000base-t", **ACTIVE} for one in (1, 2)],
    "software_version": [{"platform": "AcmeOS", "version": "4.1", **ACTIVE, "alias": "", "pre_release": False}],
    "controller": [
        {"name": "ctl", **ACTIVE, "location": "Paris", "platform": "AcmeOS", "controller_device": "rt-1"},
        {"name": "spare", **ACTIVE, "location": "Lyon", "platform": None, "controller_device": None},
    ],
    "contact": [{"name": "Ann", "email": "ann@example.com"}],
    "contact_association": [
        {
            "associated_object_type": "dcim.location",
            "associated_object": "Paris",
            "contact": "Ann",
            "role": "Operator",
            **ACTIVE,
        }
    ],
    "cable": [
        {
            "termination_a_type": "dcim.interface",
            "termination_a": "rt-1__eth0",
            "termination_b_type": "dcim.interface",
            "termination_b": "rt-2__eth0",
            "status": "Connected",
            "label": "c1",
        }
    ],
}

Drift = Sequence[tuple[str, str, dict[str, Any]]]
"""Endpoints, queries that find one object there, and what somebody changes of it."""


def loaded(server: Server, kind: Any, declared: Any) -> EstateAdapter:
    made: EstateAdapter = kind.bound(data_model(declared, base=RecordModel))(url=server.url, token=server.token)
    made.load()
    return made


def synchronised(server: Server, kind: Any, declared: Any, source: DSync) -> list[str]:
    """Bring a server in line with a source, and return the changes. What the server brings along is kept."""
    target, kept = loaded(server, kind, declared), DSyncFlags.SKIP_UNMATCHED_DST
    result = target.apply(Plan.from_diff(target.diff_from(source, flags=kept)), source, kept)
    assert [(str(one.change), one.message) for one in result.failures] == []
    assert not loaded(server, kind, declared).diff_from(source, flags=kept).has_diffs()
    return sorted(str(one.change) for one in result.outcomes)


def repaired(server: Server, kind: Any, declared: Any, rows: Any, drift: Drift) -> list[str]:
    """Write rows, let a server drift, and return the changes of the run that repairs it."""
    source = dataset(data_model(declared, base=RecordModel), rows)
    assert len(synchronised(server, kind, declared, source)) == sum(map(len, rows.values()))
    for endpoint, query, values in drift:
        Hand(server).change(endpoint, query, **values)
    return synchronised(server, kind, declared, source)


@pytest.mark.long
def test_kinds_of_netbox_that_no_table_has(netbox: NetBox) -> None:
    site = netbox.call("POST", "dcim/sites/", {"name": "Paris", "slug": "paris"})["id"]
    netbox.call("POST", "ipam/vlans/", {"name": "guests", "vid": 10, "site": site})
    drift: Drift = [
        ("circuits/provider-networks", "name=mpls", {"service_id": "S2", "tags": []}),
        ("wireless/wireless-lans", "ssid=guest", {"group": None, "vlan": None, "auth_type": "wep"}),
        ("dcim/virtual-device-contexts", "name=blue", {"identifier": None, "status": "offline"}),
        ("tenancy/contact-assignments", "object_type=dcim.site", {"priority": "tertiary"}),
        ("dcim/cables", "label=c1", {"status": "planned"}),
    ]
    assert repaired(netbox, NetBoxAdapter, NETBOX, NETBOX_ROWS, drift) == [
        'update cable "c1"',
        'update contact_assignment "dcim.site__Paris__Ann__Operator"',
        'update provider_network "Telco__mpls"',
        'update virtual_device_context "rt-1__blue"',
        'update wireless_lan "guest"',
    ]


@pytest.mark.long
def test_kinds_of_nautobot_that_no_table_has(nautobot: Nautobot) -> None:
    drift: Drift = [
        ("dcim/software-versions", "version=4.1", {"alias": "four", "pre_release": True}),
        ("dcim/controllers", "name=ctl", {"controller_device": None, "platform": None}),
        ("dcim/cables", "label=c1", {"status": {"name": "Planned"}}),
    ]
    assert repaired(nautobot, NautobotAdapter, NAUTOBOT, NAUTOBOT_ROWS, drift) == [
        'update cable "dcim.interface__rt-1\\_\\_eth0"',
        'update controller "ctl"',
        'update software_version "AcmeOS__4.1"',
    ]


def test_an_unknown_kind_is_named_with_the_nearest_that_netbox_has(netbox: NetBox) -> None:
    with pytest.raises(DefinitionError, match=r'there is no "provider_netwrok" in netbox \(did you mean "provider_network"\?'):
        loaded(netbox, NetBoxAdapter, {"provider_netwrok": {"identifiers": ["name"]}})
