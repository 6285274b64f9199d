# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate's own life in a real Nautobot: what people do to it by hand is repaired in one run, each object stays the same object
with all that is recorded of it, and undo restores what there was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dsync import DSyncFlags, Plan
from dsync.adapters.estates.nautobot import NautobotAdapter
from estate_life import Event, Hand, Life, device_renamed, interface_renamed, rack_positions_swapped
from nautobot_estate import EVERYTHING
from nautobot_server import Nautobot
from netbox_estate import dataset

NOTES = "extras/notes"


@pytest.fixture(scope="module")
def estate(nautobot_server: Nautobot) -> Life:
    """A Nautobot with an estate, in which devices have more than the models say."""
    server = nautobot_server
    server.reset()
    kept = ["dcim.device", "dcim.interface", "ipam.prefix", "ipam.vlangroup"]
    server.call("POST", "extras/custom-fields/", {"key": "owner", "label": "Owner", "type": "text", "content_types": kept})
    rows = {name: [dict(row) for row in some] for name, some in EVERYTHING.items()}
    for number, row in enumerate(rows["device"]):
        row.update(serial=f"S{number}")
    for row in rows["interface"]:
        row.update(label=f"port {row['name']}")
    rows["location"].append({"name": "Asia", "location_type": "Region", "status": "Active"})
    rows["prefix"].append({"namespace": "Lab", "prefix": "172.16.0.0/24", "status": "Active"})
    life = Life(server, NautobotAdapter, NOTES, "limit=0&depth=0&exclude_m2m=false")
    target, source = life.loaded(), dataset(life.models, rows)
    kept_objects = DSyncFlags.SKIP_UNMATCHED_DST
    target.apply(Plan.from_diff(target.diff_from(source, flags=kept_objects)), source, kept_objects).raise_for_failure()
    for endpoint in ("dcim/devices", "dcim/interfaces", "ipam/prefixes", "ipam/vlan-groups"):
        for one in life.listed(endpoint):
            server.call("PATCH", f"{endpoint}/{one['id']}/", {"custom_fields": {"owner": f"owner of {one['display']}"}})
    for device in life.listed("dcim/devices"):
        note = {"assigned_object_type": "dcim.device", "assigned_object_id": device["id"], "note": "Fan replaced"}
        server.call("POST", f"{NOTES}/", note)
        server.call("PATCH", f"dcim/devices/{device['id']}/", {"local_config_context_data": {"ntp": "10.0.0.9"}})
    life.begin()
    return life


def device_at_another_location(hand: Hand) -> None:
    away = {"location": hand.id("dcim/locations", "name=Lyon"), "rack": None, "position": None, "face": ""}
    hand.change("dcim/devices", "name=rt-1", **away)


def _put(hand: Hand, number: int, device: int, port: str) -> None:
    """Take an address from its interface, and assign it to another one."""
    address = hand.id("ipam/ip-addresses", f"address=10.0.0.{number}/24&namespace=Global")
    hand.remove("ipam/ip-address-to-interface", f"ip_address={address}")
    interface = hand.id("dcim/interfaces", f"device=rt-{device}&name={port}")
    hand.add("ipam/ip-address-to-interface", ip_address=address, interface=interface)


def _primary(hand: Hand, number: int) -> str:
    return str(hand.id("ipam/ip-addresses", f"address=10.0.0.{number}/24&namespace=Global"))


def primaries_swapped(hand: Hand) -> None:
    for number in (1, 2):
        hand.change("dcim/devices", f"name=rt-{number}", primary_ip4=None)
    for number, other in ((1, 2), (2, 1)):
        _put(hand, number, other, "eth0/0")
        hand.change("dcim/devices", f"name=rt-{other}", primary_ip4=_primary(hand, number))


def primary_moved(hand: Hand) -> None:
    hand.change("dcim/devices", "name=rt-1", primary_ip4=None)
    hand.change("dcim/devices", "name=rt-2", primary_ip4=None)
    _put(hand, 1, 2, "lag1")
    hand.change("dcim/devices", "name=rt-2", primary_ip4=_primary(hand, 1))


def vlan_group_at_another_location(hand: Hand) -> None:
    hand.change("ipam/vlan-groups", "name=Wan", location=hand.id("dcim/locations", "name=Lyon"))


def prefix_in_another_namespace(hand: Hand) -> None:
    hand.change("ipam/prefixes", "prefix=172.16.0.0/24", namespace=hand.id("ipam/namespaces", "name=Global"))


def prefix_in_no_vrf(hand: Hand) -> None:
    hand.remove("ipam/vrf-prefix-assignments", f"prefix={hand.id('ipam/prefixes', 'prefix=10.0.0.0/24&namespace=Lab')}")


def location_in_another_location(hand: Hand) -> None:
    hand.change("dcim/locations", "name=Paris", parent=hand.id("dcim/locations", "name=Asia"))


LIFE = [
    device_renamed,
    *(
        pytest.param(event, marks=pytest.mark.long)
        for event in (
            prefix_in_no_vrf,
            rack_positions_swapped,
            primaries_swapped,
            device_at_another_location,
            primary_moved,
            vlan_group_at_another_location,
            prefix_in_another_namespace,
            interface_renamed,
            location_in_another_location,
        )
    ),
]


@pytest.fixture
def repaired(estate: Life) -> Iterator[Life]:
    yield estate
    estate.repair()


@pytest.mark.parametrize("event", LIFE, ids=lambda event: str(event.__name__))
def test_what_happens_to_an_estate_is_repaired_in_one_run_and_undone(repaired: Life, event: Event) -> None:
    repaired.check(event)
