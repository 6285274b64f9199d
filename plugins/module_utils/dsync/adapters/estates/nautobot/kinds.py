# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What Nautobot keeps, and what identifies it: what Nautobot itself lets be there only once, or else what people call it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..kinds import CUSTOM_FIELDS, TAGS, Kind, Kinds, part, ref, refs

CONTENT_TYPES = "content_types"
"""The field of a tag, a role, a status or a location type that lists the kinds of objects it can be assigned to."""

GLOBAL = "Global"
"""The namespace that Nautobot has from the beginning."""

NAMESPACE = "namespace"
"""The field of an address for what it is unique in; Nautobot takes it and returns only the prefix around the address."""

ADDRESSES = "ipam/ip-addresses"
PREFIXES = "ipam/prefixes"
NAMESPACES = "ipam/namespaces"


@dataclass(frozen=True)
class Join:
    """A list of other objects that Nautobot keeps as objects of their own, one for each pair.

    Attributes:
        endpoint: where these are listed.
        own: their field for the object that has the list.
        other: their field for the object in it.
        listed: where the objects in it are listed.
    """

    endpoint: str
    own: str
    other: str
    listed: str


JOINS: Mapping[str, Mapping[str, Join]] = {
    ADDRESSES: {"interfaces": Join("ipam/ip-address-to-interface", "ip_address", "interface", "dcim/interfaces")},
    "ipam/vlans": {"locations": Join("ipam/vlan-location-assignments", "vlan", "location", "dcim/locations")},
    PREFIXES: {
        "locations": Join("ipam/prefix-location-assignments", "prefix", "location", "dcim/locations"),
        "vrfs": Join("ipam/vrf-prefix-assignments", "prefix", "vrf", "ipam/vrfs"),
    },
}
"""Endpoint → field of its objects → how its list is kept."""

LISTS = frozenset({CONTENT_TYPES, TAGS, "tagged_vlans", *(name for joins in JOINS.values() for name in joins)})
"""Fields that Nautobot reports only if it is asked for lists of other objects."""

_TAGGED = (
    "dcim.device", "dcim.devicetype", "dcim.interface", "dcim.location", "dcim.rack", "dcim.rackgroup", "ipam.ipaddress",
    "ipam.namespace", "ipam.prefix", "ipam.vlan", "ipam.vlangroup", "ipam.vrf", "tenancy.tenant", "tenancy.tenantgroup",
)  # fmt: skip

FOR_ALL: Mapping[str, tuple[str, ...]] = {
    "extras/tags": tuple(one for one in _TAGGED if one not in ("dcim.rackgroup", "ipam.vlangroup", "tenancy.tenantgroup")),
    "extras/roles": ("dcim.device", "dcim.interface", "dcim.rack", "ipam.ipaddress", "ipam.prefix", "ipam.vlan"),
    "extras/statuses": (
        "dcim.device", "dcim.interface", "dcim.location", "dcim.rack", "ipam.ipaddress", "ipam.prefix", "ipam.vlan", "ipam.vrf",
    ),
    "dcim/location-types": (
        "dcim.device", "dcim.rack", "dcim.rackgroup", "ipam.namespace", "ipam.prefix", "ipam.vlan", "ipam.vlangroup",
    ),
}  # fmt: skip
"""Endpoint → the kinds of objects that its objects may be of, if a new one does not name it."""

_NAME: dict[str, Any] = {"name": "str"}
_TEXT: dict[str, Any] = {"type": "str", "default": ""}
_MAYBE: dict[str, Any] = {"type": "str | None", "default": None}
_NUMBER: dict[str, Any] = {"type": "int | None", "default": None}
_NO: dict[str, Any] = {"type": "bool", "default": False}
_TYPES: dict[str, Any] = {CONTENT_TYPES: {"type": "list[str]", "compare": "unordered"}}
_CUSTOM: dict[str, Any] = {CUSTOM_FIELDS: {"type": "dict[str, any]", "default": {}}}
_PLAIN: dict[str, Any] = {"description": _TEXT, **_CUSTOM}
_COMMON: dict[str, Any] = {**_PLAIN, TAGS: refs("tag")}
_STATUS: dict[str, Any] = {"status": ref("status", optional=False)}

KINDS = Kinds(
    [
        Kind("status", "extras/statuses", _NAME, {"color": "str", **_TYPES, **_PLAIN}),
        Kind("role", "extras/roles", _NAME, {"color": "str", "weight": _NUMBER, **_TYPES, **_PLAIN}),
        Kind("tag", "extras/tags", _NAME, {"color": "str", **_TYPES, **_PLAIN}),
        Kind("tenant_group", "tenancy/tenant-groups", _NAME, {"parent": ref("tenant_group"), **_PLAIN}),
        Kind("tenant", "tenancy/tenants", _NAME, {"tenant_group": ref("tenant_group"), "comments": _TEXT, **_COMMON}),
        Kind("location_type", "dcim/location-types", _NAME, {"parent": ref("location_type"), "nestable": _NO, **_TYPES, **_PLAIN}),
        Kind(
            "location",
            "dcim/locations",
            {"parent": part("location"), "name": "str"},
            {
                "location_type": ref("location_type", optional=False),
                **_STATUS,
                "tenant": ref("tenant"),
                "facility": _TEXT,
                "asn": _NUMBER,
                "time_zone": _MAYBE,
                "physical_address": _TEXT,
                "shipping_address": _TEXT,
                "contact_name": _TEXT,
                "contact_phone": _TEXT,
                "contact_email": _TEXT,
                "comments": _TEXT,
                **_COMMON,
            },
            called=("name",),
            match=(("name",),),
            twins=True,
        ),
        Kind(
            "rack_group",
            "dcim/rack-groups",
            {"location": part("location"), "name": "str"},
            {"parent": ref("rack_group"), **_PLAIN},
        ),
        Kind(
            "rack",
            "dcim/racks",
            {"location": part("location"), "name": "str"},
            {
                **_STATUS,
                "rack_group": ref("rack_group"),
                "role": ref("role"),
                "tenant": ref("tenant"),
                "serial": _TEXT,
                "asset_tag": _MAYBE,
                "u_height": "int",
                "comments": _TEXT,
                **_CUSTOM,
                TAGS: refs("tag"),
            },
        ),
        Kind("manufacturer", "dcim/manufacturers", _NAME, _PLAIN),
        Kind(
            "device_type",
            "dcim/device-types",
            {"manufacturer": part("manufacturer"), "model": "str"},
            {
                "part_number": _TEXT,
                "u_height": "int",
                "is_full_depth": {"type": "bool", "default": True},
                "comments": _TEXT,
                **_CUSTOM,
                TAGS: refs("tag"),
            },
        ),
        Kind(
            "platform",
            "dcim/platforms",
            _NAME,
            {"manufacturer": ref("manufacturer"), "network_driver": _TEXT, "napalm_driver": _TEXT, **_PLAIN},
        ),
        Kind(
            "device",
            "dcim/devices",
            _NAME,
            {
                **_STATUS,
                "role": ref("role", optional=False),
                "device_type": ref("device_type", optional=False),
                "location": ref("location", optional=False),
                "rack": ref("rack"),
                "position": _NUMBER,
                "face": _MAYBE,
                "tenant": ref("tenant"),
                "platform": ref("platform"),
                "serial": _TEXT,
                "asset_tag": _MAYBE,
                "primary_ip4": ref("ip_address"),
                "primary_ip6": ref("ip_address"),
                "comments": _TEXT,
                **_CUSTOM,
                TAGS: refs("tag"),
            },
            children=("interface",),
            unique={("rack", "position", "face"): "position", ("asset_tag",): "asset_tag"},
            twins=True,
            tied=dict.fromkeys(("primary_ip4", "primary_ip6"), ("interfaces",)),
        ),
        Kind(
            "interface",
            "dcim/interfaces",
            {"device": part("device"), "name": "str"},
            {
                **_STATUS,
                "type": "str",
                "role": ref("role"),
                "label": _TEXT,
                "enabled": {"type": "bool", "default": True},
                "mgmt_only": _NO,
                "mtu": _NUMBER,
                "mac_address": _MAYBE,
                "lag": ref("interface"),
                "parent_interface": ref("interface"),
                "mode": _MAYBE,
                "untagged_vlan": ref("vlan"),
                "tagged_vlans": refs("vlan"),
                "vrf": ref("vrf"),
                **_COMMON,
            },
        ),
        Kind("namespace", "ipam/namespaces", _NAME, {"location": ref("location"), "tenant": ref("tenant"), **_COMMON}),
        Kind(
            "vrf",
            "ipam/vrfs",
            {NAMESPACE: part("namespace"), "name": "str", "rd": "str | None"},
            {"status": ref("status"), "tenant": ref("tenant"), **_COMMON},
            called=(NAMESPACE, "name"),
            match=((NAMESPACE, "rd"), (NAMESPACE, "name")),
            twins=True,
        ),
        Kind("rir", "ipam/rirs", _NAME, {"is_private": _NO, **_PLAIN}),
        Kind("vlan_group", "ipam/vlan-groups", _NAME, {"location": ref("location"), **_PLAIN}),
        Kind(
            "vlan",
            "ipam/vlans",
            {"vlan_group": part("vlan_group"), "vid": "int"},
            {
                "name": "str",
                **_STATUS,
                "role": ref("role"),
                "tenant": ref("tenant"),
                "locations": refs("location"),
                **_COMMON,
            },
        ),
        Kind(
            "prefix",
            "ipam/prefixes",
            {NAMESPACE: part("namespace"), "prefix": "ip_network"},
            {
                "type": {"type": "str", "default": "network"},
                **_STATUS,
                "role": ref("role"),
                "tenant": ref("tenant"),
                "vlan": ref("vlan"),
                "rir": ref("rir"),
                "locations": refs("location"),
                "vrfs": refs("vrf"),
                **_COMMON,
            },
        ),
        Kind(
            "ip_address",
            "ipam/ip-addresses",
            {NAMESPACE: part("namespace"), "address": "ip_interface"},
            {
                "type": {"type": "str", "default": "host"},
                **_STATUS,
                "role": ref("role"),
                "tenant": ref("tenant"),
                "dns_name": {"type": "str", "default": "", "compare": "case_insensitive"},
                "interfaces": refs("interface"),
                **_COMMON,
            },
        ),
    ]
)
"""The kinds that the adapter knows, those that others refer to first."""
