# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate's own life in a real NetBox: what people do to it by hand is repaired in one run, each object stays the same object
with all that is recorded of it, and undo restores what there was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.plan.undo import undo_plan
from dsync.records.definition import DataModel, data_model
from netbox_estate import EVERYTHING, dataset
from netbox_server import NetBox

Natives = dict[str, dict[int, dict[str, Any]]]

MATCH: dict[str, list[Any]] = {"device": ["serial"], "interface": [["device", "label"]], "prefix": ["prefix"]}
"""Model → the match keys that a task declares besides those of the adapter's own models."""

OF_THE_TIME = {"last_updated", "created", "_depth"}
JOURNAL = "extras/journal-entries"


def life_models() -> DataModel:
    declared = NetBoxAdapter.kinds.declaration()
    for model, keys in MATCH.items():
        declared[model]["match"] = keys
    return data_model(declared, base=RecordModel)


def loaded(server: NetBox) -> NetBoxAdapter:
    made: NetBoxAdapter = NetBoxAdapter.bound(life_models())(url=server.url, token=server.token)
    made.load()
    return made


def everything(server: NetBox) -> Natives:
    """Return all objects as NetBox reports them, with the journal, except when they were changed."""
    found = {}
    for endpoint in (JOURNAL, *(kind.endpoint for kind in NetBoxAdapter.kinds)):
        natives = server.call("GET", f"{endpoint}/?limit=0")["results"]
        found[endpoint] = {one["id"]: _without_times(one) for one in natives}
    return found


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(one) for name, one in value.items() if name not in OF_THE_TIME}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


class Hand:
    """Somebody who changes objects by hand."""

    def __init__(self, server: NetBox) -> None:
        self._server = server

    def id(self, endpoint: str, query: str) -> int:
        (found,) = self._server.call("GET", f"{endpoint}/?{query}")["results"]
        return int(found["id"])

    def change(self, endpoint: str, query: str, **values: Any) -> None:
        self._server.call("PATCH", f"{endpoint}/{self.id(endpoint, query)}/", values)


@pytest.fixture(scope="module")
def estate(netbox_server: NetBox) -> tuple[NetBox, DSync, Natives]:
    """A NetBox with an estate, in which devices have more than the models say, and what it holds."""
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
    source = dataset(life_models(), rows)
    target = loaded(server)
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    for endpoint in ("dcim/devices", "dcim/interfaces", "ipam/prefixes", "ipam/vlan-groups"):
        for one in server.call("GET", f"{endpoint}/?limit=0")["results"]:
            server.call("PATCH", f"{endpoint}/{one['id']}/", {"custom_fields": {"owner": f"owner of {one['display']}"}})
    for device in server.call("GET", "dcim/devices/")["results"]:
        entry = {"assigned_object_type": "dcim.device", "assigned_object_id": device["id"], "comments": "Fan replaced"}
        server.call("POST", f"{JOURNAL}/", entry)
        server.call("PATCH", f"dcim/devices/{device['id']}/", {"airflow": "front-to-rear"})
    wanted = loaded(server)
    return server, wanted, everything(server)


def device_renamed(hand: Hand) -> None:
    hand.change("dcim/devices", "name=rt-1", name="renamed")


def device_at_another_site(hand: Hand) -> None:
    away = {"site": hand.id("dcim/sites", "name=Lyon"), "location": None, "rack": None, "position": None, "face": ""}
    hand.change("dcim/devices", "name=rt-1", **away)


def rack_positions_swapped(hand: Hand) -> None:
    hand.change("dcim/devices", "name=rt-1", position=None)
    hand.change("dcim/devices", "name=rt-2", position=10)
    hand.change("dcim/devices", "name=rt-1", position=20)


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


def interface_renamed(hand: Hand) -> None:
    hand.change("dcim/interfaces", "device=rt-1&name=eth0/0", name="Ethernet0/0")


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
def repaired(estate: tuple[NetBox, DSync, Natives]) -> Iterator[tuple[NetBox, DSync, Natives]]:
    yield estate
    target = loaded(estate[0])
    target.apply(Plan.from_diff(target.diff_from(estate[1])), estate[1])


@pytest.mark.parametrize("event", LIFE, ids=lambda event: str(event.__name__))
def test_what_happens_to_an_estate_is_repaired_in_one_run_and_undone(
    repaired: tuple[NetBox, DSync, Natives], event: Callable[[Hand], None]
) -> None:
    server, wanted, whole = repaired
    event(Hand(server))
    drifted = everything(server)
    assert drifted != whole
    target = loaded(server)
    plan = Plan.from_diff(target.diff_from(wanted))
    result = target.apply(plan, wanted)
    assert [(str(one.change), one.message) for one in result.failures] == []
    assert {str(one.change.action) for one in result.outcomes} <= {"move", "update"}
    assert everything(server) == whole
    again = loaded(server)
    assert not again.diff_from(wanted).has_diffs()
    undone = again.apply(undo_plan(plan), wanted)
    assert [(str(one.change), one.message) for one in undone.failures] == []
    assert everything(server) == drifted
