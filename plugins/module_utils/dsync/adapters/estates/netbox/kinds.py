# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What NetBox keeps, and what identifies it: what NetBox itself lets be there only once, or else what people call it by."""

from __future__ import annotations

from typing import Any

from ..kinds import CUSTOM_FIELDS, TAGS, Kind, Kinds, Placed, part, ref, refs

_TEXT: dict[str, Any] = {"type": "str", "default": ""}
_MAYBE: dict[str, Any] = {"type": "str | None", "default": None}
_NUMBER: dict[str, Any] = {"type": "int | None", "default": None}
_COMMON: dict[str, Any] = {
    "description": _TEXT,
    CUSTOM_FIELDS: {"type": "dict[str, any]", "default": {}},
    TAGS: refs("tag"),
}
_COMMENTED: dict[str, Any] = {"comments": _TEXT, **_COMMON}
_SLUG: dict[str, Any] = {"slug": "str"}
_CHOICES: dict[str, Any] = {"status": "active", "width": 19, "face": None, "mode": None, "type": None, "role": None}
"""Fields with choices in NetBox that are not references → the value that it sets if none is given."""


def _kind(name: str, endpoint: str, identifiers: dict[str, Any], attributes: dict[str, Any], **more: Any) -> Kind:
    chosen = {field for field, declared in attributes.items() if not (isinstance(declared, dict) and "ref" in declared)}
    checked = {**{field: value for field, value in _CHOICES.items() if field in chosen}, **more.pop("checked", {})}
    return Kind(name, endpoint, identifiers, attributes, slugs="slug" in attributes, checked=checked, **more)


def _scoped(prefix: str) -> dict[str, Placed]:
    """Return the fields that determine where something is in force, of which at most one is set."""
    places = {"region": "dcim.region", "site_group": "dcim.sitegroup", "site": "dcim.site", "location": "dcim.location"}
    return {name: Placed(name, content_type, prefix) for name, content_type in places.items()}


_SCOPE: dict[str, Any] = {name: ref(name) for name in _scoped("scope")}
_IN_SCOPE: dict[str, Any] = {name: part(name) for name in _scoped("scope")}
_NAME = {"name": "str"}
_NESTED: dict[str, Any] = {"called": ("name",), "match": (("name",),), "twins": True}
"""Of kinds whose objects have a name that is unique in what is around them."""
_ASSIGNED = {
    "interface": Placed("interface", "dcim.interface", "assigned_object"),
    "vm_interface": Placed("vm_interface", "virtualization.vminterface", "assigned_object"),
}
_PRIMARY = {name: tuple(_ASSIGNED) for name in ("primary_ip4", "primary_ip6")}
_PORT: dict[str, Any] = {
    "enabled": {"type": "bool", "default": True},
    "mtu": _NUMBER,
    "mode": _MAYBE,
    "untagged_vlan": ref("vlan"),
    "tagged_vlans": refs("vlan"),
    "vrf": ref("vrf"),
}

KINDS = Kinds(
    [
        _kind("tag", "extras/tags", _NAME, {**_SLUG, "color": "str", "description": _TEXT}),
        _kind("tenant_group", "tenancy/tenant-groups", _NAME, {**_SLUG, "parent": ref("tenant_group"), **_COMMON}),
        _kind("tenant", "tenancy/tenants", _NAME, {**_SLUG, "group": ref("tenant_group"), **_COMMENTED}, twins=True),
        _kind("region", "dcim/regions", {"parent": part("region"), **_NAME}, {**_SLUG, **_COMMON}, **_NESTED),
        _kind("site_group", "dcim/site-groups", {"parent": part("site_group"), **_NAME}, {**_SLUG, **_COMMON}, **_NESTED),
        _kind(
            "site",
            "dcim/sites",
            _NAME,
            {
                **_SLUG,
                "status": "str",
                "region": ref("region"),
                "group": ref("site_group"),
                "tenant": ref("tenant"),
                "facility": _TEXT,
                "time_zone": _MAYBE,
                "physical_address": _TEXT,
                **_COMMENTED,
            },
        ),
        _kind(
            "location",
            "dcim/locations",
            {"site": part("site"), "parent": part("location"), "name": "str"},
            {**_SLUG, "status": "str", "tenant": ref("tenant"), **_COMMON},
            called=("site", "name"),
            match=(("site", "name"),),
            twins=True,
        ),
        _kind("rack_role", "dcim/rack-roles", _NAME, {**_SLUG, "color": "str", **_COMMON}),
        _kind(
            "rack",
            "dcim/racks",
            {"site": part("site"), "location": part("location"), "name": "str"},
            {
                "status": "str",
                "tenant": ref("tenant"),
                "role": ref("rack_role"),
                "u_height": "int",
                "width": "int",
                "serial": _TEXT,
                **_COMMENTED,
            },
            called=("site", "name"),
            match=(("site", "name"),),
            twins=True,
        ),
        _kind("manufacturer", "dcim/manufacturers", _NAME, {**_SLUG, **_COMMON}),
        _kind(
            "device_type",
            "dcim/device-types",
            {"manufacturer": part("manufacturer"), "model": "str"},
            {
                **_SLUG,
                "part_number": _TEXT,
                "u_height": "decimal",
                "is_full_depth": {"type": "bool", "default": True},
                **_COMMENTED,
            },
        ),
        _kind(
            "device_role",
            "dcim/device-roles",
            _NAME,
            {**_SLUG, "color": "str", "vm_role": {"type": "bool", "default": True}, "parent": ref("device_role"), **_COMMON},
            twins=True,
            checked={"parent": None},  # since NetBox 4.3
        ),
        _kind("platform", "dcim/platforms", _NAME, {**_SLUG, "manufacturer": ref("manufacturer"), **_COMMON}, twins=True),
        _kind(
            "device",
            "dcim/devices",
            _NAME,
            {
                "status": "str",
                "device_type": ref("device_type", optional=False),
                "role": ref("device_role", optional=False),
                "site": ref("site", optional=False),
                "location": ref("location"),
                "rack": ref("rack"),
                "position": {"type": "decimal | None", "default": None},
                "face": _MAYBE,
                "tenant": ref("tenant"),
                "platform": ref("platform"),
                "cluster": ref("cluster"),
                "serial": _TEXT,
                "asset_tag": _MAYBE,
                "primary_ip4": ref("ip_address"),
                "primary_ip6": ref("ip_address"),
                **_COMMENTED,
            },
            children=("interface",),
            unique={("rack", "position", "face"): "position", ("asset_tag",): "asset_tag"},
            tied=_PRIMARY,
        ),
        _kind(
            "interface",
            "dcim/interfaces",
            {"device": part("device"), "name": "str"},
            {
                "type": "str",
                "label": _TEXT,
                "mgmt_only": {"type": "bool", "default": False},
                "lag": ref("interface"),
                "parent": ref("interface"),
                **_PORT,
                **_COMMON,
            },
            fixed=True,
        ),
        _kind("cluster_type", "virtualization/cluster-types", _NAME, {**_SLUG, **_COMMON}),
        _kind("cluster_group", "virtualization/cluster-groups", _NAME, {**_SLUG, **_COMMON}),
        _kind(
            "cluster",
            "virtualization/clusters",
            _NAME,
            {
                "type": ref("cluster_type", optional=False),
                "group": ref("cluster_group"),
                "status": "str",
                "tenant": ref("tenant"),
                **_SCOPE,
                **_COMMENTED,
            },
            placed=_scoped("scope"),
            twins=True,
        ),
        _kind(
            "virtual_machine",
            "virtualization/virtual-machines",
            {"cluster": part("cluster"), "name": "str"},
            {
                "status": "str",
                "site": ref("site"),
                "role": ref("device_role"),
                "tenant": ref("tenant"),
                "platform": ref("platform"),
                "vcpus": {"type": "decimal | None", "default": None},
                "memory": _NUMBER,
                "primary_ip4": ref("ip_address"),
                "primary_ip6": ref("ip_address"),
                **_COMMENTED,
            },
            children=("vm_interface",),
            called=("name",),
            match=(("name",),),
            tied=_PRIMARY,
        ),
        _kind(
            "vm_interface",
            "virtualization/interfaces",
            {"virtual_machine": part("virtual_machine"), "name": "str"},
            {"parent": ref("vm_interface"), **_PORT, **_COMMON},
        ),
        _kind(
            "vrf",
            "ipam/vrfs",
            {"name": "str", "rd": "str | None"},
            {"tenant": ref("tenant"), "enforce_unique": "bool", **_COMMENTED},
            called=("name",),
            match=(("rd",), ("name",)),
            twins=True,
        ),
        _kind("prefix_role", "ipam/roles", _NAME, {**_SLUG, "weight": "int", **_COMMON}),
        _kind("rir", "ipam/rirs", _NAME, {**_SLUG, "is_private": "bool", **_COMMON}),
        _kind(
            "aggregate",
            "ipam/aggregates",
            {"prefix": "ip_network"},
            {"rir": ref("rir", optional=False), "tenant": ref("tenant"), **_COMMENTED},
        ),
        _kind("vlan_group", "ipam/vlan-groups", {**_IN_SCOPE, **_NAME}, {**_SLUG, **_COMMON}, placed=_scoped("scope"), **_NESTED),
        _kind(
            "vlan",
            "ipam/vlans",
            {"group": part("vlan_group"), "site": part("site"), "vid": "int"},
            {"name": "str", "status": "str", "tenant": ref("tenant"), "role": ref("prefix_role"), **_COMMENTED},
        ),
        _kind(
            "prefix",
            "ipam/prefixes",
            {"vrf": part("vrf"), "prefix": "ip_network"},
            {
                "status": "str",
                "tenant": ref("tenant"),
                "vlan": ref("vlan"),
                "role": ref("prefix_role"),
                "is_pool": {"type": "bool", "default": False},
                **_SCOPE,
                **_COMMENTED,
            },
            placed=_scoped("scope"),
        ),
        _kind(
            "ip_address",
            "ipam/ip-addresses",
            {"vrf": part("vrf"), "address": "ip_interface"},
            {
                "status": "str",
                "role": _MAYBE,
                "tenant": ref("tenant"),
                "dns_name": {"type": "str", "default": "", "compare": "case_insensitive"},
                **{name: ref(placed.kind) for name, placed in _ASSIGNED.items()},
                **_COMMENTED,
            },
            placed=_ASSIGNED,
        ),
    ]
)
"""The kinds that the adapter knows, those that others refer to first."""
