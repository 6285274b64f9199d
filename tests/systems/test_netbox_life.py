# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate's own life in a real NetBox: what people do to it by hand is repaired in one run, each object stays the same object
with all that is recorded of it, and undo restores what there was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dsync import Plan
from dsync.adapters.estates.netbox import NetBoxAdapter
from estate_life import Event, Hand, Life, device_renamed, interface_renamed, rack_positions_swapped
from netbox_estate import EVERYTHING, dataset
from netbox_server import NetBox

JOURNAL = "extras/journal-entries"


@pytest.fixture(scope="module")
def estate(netbox_server: NetBox) -> Life:
    """A NetBox with an estate, in which devices have more than the models say."""
    server = netbox_server
    server.reset()
    server.call(
        "POST",
        "extras/custom-fields/",
        {"name": "owner", "type": "text", "object_types": ["dcim.device", "dcim.interface", "ipam.prefix", "ipam.vlangroup"]},
    )
    rows = {name: [dict(row) for row in some] for name, some in EVERYTHING.items()}
    for number, row in enumerate(rows["device"]):
        row.update(serial=f"S{number}")
    for row in rows["interface"]:
        row.update(label=f"port {row['name']}")
    life = Life(server, NetBoxAdapter, JOURNAL)
    target, source = life.loaded(), dataset(life.models, rows)
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    for endpoint in ("dcim/devices", "dcim/interfaces", "ipam/prefixes", "ipam/vlan-groups"):
        for one in life.listed(endpoint):
            server.call("PATCH", f"{endpoint}/{one['id']}/", {"custom_fields": {"owner": f"owner of {one['display']}"}})
    for device in life.listed("dcim/devices"):
        entry = {"assigned_object_type": "dcim.device", "assigned_object_id": device["id"], "comments": "Fan replaced"}
        server.call("POST", f"{JOURNAL}/", entry)
        server.call("PATCH", f"dcim/devices/{device['id']}/", {"airflow": "front-to-rear"})
    life.begin()
    return life


def device_at_another_site(hand: Hand) -> None:
    away = {"site": hand.id("dcim/sites", "name=Lyon"), "location": None, "rack": None, "position": None, "face": ""}
    hand.change("dcim/devices", "name=rt-1", **away)


def primaries_swapped(hand: Hand) -> None:
    ids = {number: hand.id("ipam/ip-addresses", f"address=10.0.0.{number}/24") for number in (1, 2)}
    for number in (1, 2):
        hand.change("dcim/devices", f"name=rt-{number}", primary_ip4=None)
    for number, other in ((1, 2), (2, 1)):
        port = hand.id("dcim/interfaces", f"device=rt-{other}&name=eth0/0")
        hand.change("ipam/ip-addresses", f"address=10.0.0.{number}/24", assigned_object_id=port)
        hand.change("dcim/devices", f"name=rt-{other}", primary_ip4=ids[number])


def primary_moved(hand: Hand) -> None:
    hand.change("dcim/devices", "name=rt-1", primary_ip4=None)
    hand.change("dcim/devices", "name=rt-2", primary_ip4=None)
    port = hand.id("dcim/interfaces", "device=rt-2&name=lag1")
    hand.change("ipam/ip-addresses", "address=10.0.0.1/24", assigned_object_id=port)
    hand.change("dcim/devices", "name=rt-2", primary_ip4=hand.id("ipam/ip-addresses", "address=10.0.0.1/24"))


def vlan_group_in_another_scope(hand: Hand) -> None:
    hand.change("ipam/vlan-groups", "name=Wan", scope_type="dcim.site", scope_id=hand.id("dcim/sites", "name=Lyon"))


def prefix_in_another_vrf(hand: Hand) -> None:
    hand.change("ipam/prefixes", "prefix=10.9.0.0/24", vrf=None)


def region_in_another_region(hand: Hand) -> None:
    hand.change("dcim/regions", "name=France", parent=None)


LIFE = [
    device_renamed,
    *(
        pytest.param(event, marks=pytest.mark.long)
        for event in (
            rack_positions_swapped,
            primaries_swapped,
            device_at_another_site,
            primary_moved,
            vlan_group_in_another_scope,
            prefix_in_another_vrf,
            interface_renamed,
            region_in_another_region,
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
