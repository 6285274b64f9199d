# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``netbox`` and ``nautobot`` against small servers in memory: what is sent, what is read back, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.apply.retry import retrying
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.plan.result import Result
from dsync.plan.undo import undo_plan
from dsync.records.definition import DataModel, data_model
from estate_server import Estate, NautobotEstate, NetBoxEstate
from nautobot_estate import EVERYTHING as NAUTOBOT_ROWS
from netbox_estate import EVERYTHING as NETBOX_ROWS
from netbox_estate import dataset
from rest_api import Reply, Request, served

CONTINUE = DSyncFlags.CONTINUE_ON_FAILURE
SITES: dict[str, Any] = {"site": {"identifiers": ["name"], "attributes": {"status": "str"}}}
DEVICES: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {}},
    "device": {"identifiers": ["name"], "attributes": {"site": {"ref": "site"}, "serial": "str"}},
}
RACKS: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {}, "children": ["rack"]},
    "rack": {"identifiers": {"site": "str", "name": "str"}, "shortname": ["name"], "attributes": {"u_height": "int"}},
}
LOCATIONS: dict[str, Any] = {"location": {"identifiers": ["name"], "attributes": {"status": "str", "facility": "str"}}}
SOME = {"type": "list[str]", "compare": "unordered", "ref": "location"}
MAYBE_LOCATION = {"type": "str | None", "ref": "location"}
PREFIXES: dict[str, Any] = {
    "location": {"identifiers": ["name"]},
    "prefix": {"identifiers": ["prefix"], "attributes": {"locations": SOME}},
}
PLACES = [{"name": name} for name in ("a", "b", "c")]
BOTH = ("GET dcim/sites", "GET status")


@pytest.fixture
def netbox() -> Iterator[Estate]:
    estate = NetBoxEstate()
    with served(estate.api):
        yield estate


@pytest.fixture
def nautobot() -> Iterator[NautobotEstate]:
    estate = NautobotEstate()
    for rows in NAUTOBOT_ROWS.values():
        for status in {str(row["status"]) for row in rows if "status" in row} - {"Dreaming", *estate.names("extras/statuses")}:
            estate.add("extras/statuses", name=status)
    estate.add("extras/roles", name="Anycast")
    with served(estate.api):
        yield estate


def adapter(estate: Estate, declared: Any = None, mapping: Any = None, loaded: bool = True, **options: Any) -> Any:
    kind: Any = NautobotAdapter if isinstance(estate, NautobotEstate) else NetBoxAdapter
    models = kind.own_models() if declared is None else data_model(declared, base=RecordModel)
    made = kind.bound(models, mapping)(**{"url": estate.api.url, "token": "0" * 40, "tries": 1, **options})
    if loaded:
        made.load()
    return made


def wanted(declared: Any, **rows: Any) -> DSync:
    models: DataModel = data_model(declared, base=RecordModel)
    return dataset(models, rows)


def synchronised(target: Any, source: DSync, flags: DSyncFlags = DSyncFlags.NONE) -> Result:
    result: Result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags)
    return result


def messages(result: Result) -> dict[str, str]:
    return {one.change.id: one.message for one in result.failures}


# ---------------------------------------------------------------------- everything, there and back


def test_netbox_keeps_what_it_is_given(netbox: Estate) -> None:
    rows = dataset(NetBoxAdapter.own_models(), NETBOX_ROWS)
    synchronised(adapter(netbox), rows).raise_for_failure()
    again = adapter(netbox, page_size=2).diff_from(rows).summary()
    assert {action: count for action, count in again.items() if count} == {"no-change": sum(map(len, NETBOX_ROWS.values()))}
    (device,) = (one for one in netbox.table("dcim/devices").values() if one["name"] == "rt-2")
    assert netbox.table("ipam/ip-addresses")[device["primary_ip4"]]["address"] == "10.0.0.2/24"
    empty = dataset(NetBoxAdapter.own_models(), {})
    synchronised(adapter(netbox), empty).raise_for_failure()
    assert not any(netbox.tables.values())


def test_nautobot_keeps_what_it_is_given(nautobot: NautobotEstate) -> None:
    declared = NautobotAdapter.own_models()
    rows = dataset(declared, NAUTOBOT_ROWS)
    flags = DSyncFlags.SKIP_UNMATCHED_DST
    target = adapter(nautobot)
    target.apply(Plan.from_diff(target.diff_from(rows, flags=flags)), rows, flags).raise_for_failure()
    again = adapter(nautobot, page_size=2).diff_from(rows, flags=flags)
    assert not again.has_diffs(), again.str()
    (vlan,) = (one for one in nautobot.table("ipam/vlans").values() if one["vid"] == 10)
    assert [pair["vlan"] for pair in nautobot.table("ipam/vlan-location-assignments").values()].count(vlan["id"]) == 1
    left = {"namespace", "status", "role"}
    for kind in NautobotAdapter.kinds:
        mine = {row.get("name") for row in NAUTOBOT_ROWS.get(kind.name, ())} if kind.name in left else None
        table = nautobot.table(kind.endpoint)
        assert table, kind.name
        if mine is not None:
            assert mine <= {one["name"] for one in table.values()}


# ---------------------------------------------------------------------- reading


def test_references_to_what_is_not_loaded_are_looked_up_once(netbox: Estate) -> None:
    for number in range(3):
        netbox.add("dcim/sites", name=f"s{number}", slug=f"s{number}")
    declared = {"device": {"identifiers": ["name"], "attributes": {"site": "str"}}}
    source = wanted(declared, device=[{"name": f"d{number}", "site": f"s{number}"} for number in range(3)])
    target = adapter(netbox, declared)
    synchronised(target, source).raise_for_failure()
    assert len(netbox.asked("GET", "dcim/sites")) == 1
    assert {one["name"]: one["site"]["name"] for one in (netbox.named("dcim/devices", d) for d in ("d0", "d2"))} == {
        "d0": "s0",
        "d2": "s2",
    }
    assert target.holds("site", "s1")
    assert not target.holds("site", "s9")
    wrong = wanted(declared, device=[{"name": "d9", "site": "s"}])
    assert messages(synchronised(adapter(netbox, declared, filters={"device": {"name": "d9"}}), wrong)) == {
        "d9": 'site: the server has no site "s" (did you mean "s2"? known: s0, s1, s2)'
    }


def test_only_the_objects_that_others_refer_to_are_asked_for(netbox: Estate) -> None:
    regions = [netbox.add("dcim/regions", name=f"r{number}", parent=None) for number in range(200)]
    for number, region in enumerate((regions[3], regions[7], regions[3])):
        netbox.add("dcim/sites", name=f"s{number}", region=region)
    target = adapter(netbox, REGIONS)
    assert [one.region for one in target.get_all("site")] == ["r3", "r7", "r3"]
    (asked,) = netbox.asked("GET", "dcim/regions")
    assert sorted(parse_qs(asked.target.partition("?")[2])["name"]) == ["r3", "r7"]
    source = wanted(REGIONS, site=[{"name": f"s{number}", "region": f"r{number}"} for number in range(60)])
    synchronised(target, source).raise_for_failure()
    assert len(netbox.asked("GET", "dcim/regions")) == 1 + 2, "60 names, 50 in a request"
    assert not adapter(netbox, REGIONS).diff_from(source).has_diffs()


def test_objects_outside_the_models_are_asked_for_by_their_ids_and_names(nautobot: NautobotEstate) -> None:
    places = [nautobot.add("dcim/locations", name=f"l{number}") for number in range(200)]
    spaces = [nautobot.add("ipam/namespaces", name=name) for name in ("Lab", "Test")]
    for number, space in enumerate(spaces):
        nautobot.add("ipam/prefixes", prefix="10.0.0.0/8", namespace=space)
        nautobot.add("ipam/prefixes", prefix=f"10.{number}.0.0/16", namespace=space)
        nautobot.add("ipam/ip-addresses", address=f"10.{number}.0.1/32", namespace=space)
        nautobot.add("dcim/racks", name=f"r{number}", location=places[number])
    declared = {
        "rack": {"identifiers": {"location": "str", "name": "str"}},
        "ip_address": {"identifiers": {"namespace": "str", "address": "ip_interface"}},
    }
    target = adapter(nautobot, declared)
    assert [one.get_unique_id() for one in target.get_all("rack")] == ["l0__r0", "l1__r1"]
    assert [one.namespace for one in target.get_all("ip_address")] == ["Lab", "Test"]
    first, second = nautobot.asked("GET", "dcim/locations")
    assert parse_qs(first.target.partition("?")[2])["id"] == places[:2]
    assert sorted(parse_qs(second.target.partition("?")[2])["name"]) == ["l0", "l1"]
    (prefixes,) = nautobot.asked("GET", "ipam/prefixes")
    assert len(parse_qs(prefixes.target.partition("?")[2])["id"]) == 2


def test_a_reference_is_found_in_any_spelling_of_an_address(netbox: Estate) -> None:
    netbox.add("ipam/ip-addresses", address="2001:db8::1/64", vrf=None)
    declared = {"device": {"identifiers": ["name"], "attributes": {"primary_ip6": "str | None"}}}
    source = wanted(declared, device=[{"name": "d1", "primary_ip6": "__2001:DB8:0::1/64"}, {"name": "d2", "primary_ip6": "__what"}])
    target = adapter(netbox, declared)
    said = messages(synchronised(target, source, CONTINUE))
    assert set(said) == {"d2"}
    assert 'the server has no ip_address "__what"' in said["d2"]
    (address,) = netbox.table("ipam/ip-addresses").values()
    assert netbox.named("dcim/devices", "d1")["primary_ip6"]["id"] == address["id"]
    assert target.holds("ip_address", "__2001:DB8::1/64")


def test_a_filter_chooses_and_one_that_netbox_does_not_know_is_refused(netbox: Estate) -> None:
    for name, status in (("a", "active"), ("b", "active"), ("c", "planned")):
        netbox.add("dcim/sites", name=name, status=status)
    assert {one.name for one in adapter(netbox, SITES, filters={"site": {"status": "active"}}).get_all("site")} == {"a", "b"}
    assert adapter(netbox, SITES, filters={"site": {"name": ["a", "b", "c"]}}).count("site") == 3
    with pytest.raises(RecordProblem, match='site cannot be loaded: dcim/sites has no filter "regoin", and NetBox ignores'):
        adapter(netbox, SITES, filters={"site": {"regoin": "fr"}})


def test_what_has_no_name_or_no_parent_is_skipped_and_counted(netbox: Estate) -> None:
    paris = netbox.add("dcim/sites", name="Paris")
    for name, site in (("r1", paris), ("r2", netbox.add("dcim/sites", name="Lyon"))):
        netbox.add("dcim/racks", name=name, site=site, u_height=42)
    target = adapter(netbox, RACKS, filters={"site": {"name": "Paris"}})
    assert [one.get_unique_id() for one in target.get_all("rack")] == ["Paris__r1"]
    assert target.result_records()["not_loaded"] == {"rack": 1}
    url = netbox.api.url
    assert target.load_warnings == [
        f"{url}: 1 rack object not loaded: the site that each is part of is not loaded (dcim/racks/4, site Lyon, r2)"
    ]
    netbox.add("dcim/devices", name=None, site=paris)
    target = adapter(netbox, DEVICES)
    assert (target.count("device"), target.result_records()["not_loaded"]) == (0, {"device": 1})
    assert target.diff_from(wanted(DEVICES)).warnings == [
        f'{url}: 1 device object not loaded: null in "name" does not identify; declare that it may be, as in str | None, or '
        "identify by other fields (dcim/devices/5, site Paris)"
    ]
    assert adapter(netbox, DEVICES, {"device": {"where": {"serial": "x"}}}).result_records()["not_loaded"] == {}


REGIONS: dict[str, Any] = {"site": {"identifiers": ["name"], "attributes": {"region": "str | None"}}}
METRO = (
    '"Metro" is the name of 2 region objects, such as dcim/regions/1 and dcim/regions/2; write "Metro__Metro" or "__Metro", or '
    "add region to the models, with identifiers that distinguish them"
)


@pytest.fixture
def metros(netbox: Estate) -> Estate:
    """A NetBox with two regions of one name, and a third one."""
    for name, parent in (("Metro", None), ("Metro", 1), ("Coast", None)):
        netbox.add("dcim/regions", name=name, parent=parent)
    return netbox


@pytest.mark.parametrize(("region", "name"), [(1, "__Metro"), (2, "Metro__Metro"), (3, "Coast")])
def test_objects_of_one_name_that_are_not_loaded_are_distinguished_by_their_surroundings(
    metros: Estate, region: int, name: str
) -> None:
    metros.add("dcim/sites", name="Paris", region=region)
    target = adapter(metros, REGIONS)
    assert target.get("site", "Paris").region == name
    source = wanted(REGIONS, site=[{"name": "Lyon", "region": name}, {"name": "Paris", "region": name}])
    synchronised(adapter(metros, REGIONS), source).raise_for_failure()
    assert [one["region"] for one in metros.table("dcim/sites").values()] == [region, region]
    assert not adapter(metros, REGIONS).diff_from(source).has_diffs()


def test_objects_of_one_name_that_nothing_distinguishes_have_no_name(netbox: Estate) -> None:
    for rd in (None, None, "65000:1"):
        netbox.add("ipam/vrfs", name="blue", rd=rd)
    netbox.add("ipam/prefixes", prefix="10.0.0.0/24", vrf=2)
    declared = {"prefix": {"identifiers": {"prefix": "ip_network"}, "attributes": {"vrf": "str | None"}}}
    assert adapter(netbox, declared).get("prefix", "10.0.0.0/24").vrf == "blue (ipam/vrfs/2)"
    source = wanted(declared, prefix=[{"prefix": "10.0.0.0/24", "vrf": "blue__65000:1"}])
    synchronised(adapter(netbox, declared), source).raise_for_failure()
    assert netbox.table("ipam/prefixes")[4]["vrf"] == 3


def test_a_name_of_several_objects_that_are_not_loaded_is_not_written(metros: Estate) -> None:
    metros.add("dcim/sites", name="Paris", region=3)
    target = adapter(metros, REGIONS)
    result = synchronised(target, wanted(REGIONS, site=[{"name": "Paris", "region": "Metro"}]))
    assert messages(result) == {"Paris": f"region: {METRO}"}
    assert target.holds("region", "Metro")
    assert metros.table("dcim/sites")[4]["region"] == 3


def test_objects_of_one_name_are_distinguished_by_the_models_of_a_task(metros: Estate) -> None:
    metros.add("dcim/sites", name="Paris", region=2)
    declared = {**REGIONS, "region": {"identifiers": {"parent": {"type": "str | None", "ref": "region"}, "name": "str"}}}
    target = adapter(metros, declared)
    inner = target.get("site", "Paris").region
    assert inner == target.get("region", {"parent": r"\None__Metro", "name": "Metro"}).get_unique_id()


def test_devices_of_one_name_that_are_not_loaded(netbox: Estate) -> None:
    devices = [netbox.add("dcim/devices", name="r1", site=netbox.add("dcim/sites", name=site)) for site in ("Paris", "Lyon")]
    declared = {"interface": {"identifiers": {"device": "str", "name": "str"}, "attributes": {"label": "str"}}}
    source = wanted(declared, interface=[{"device": "r1", "name": "eth1", "label": "new"}])
    (message,) = messages(synchronised(adapter(netbox, declared), source)).values()
    assert message.startswith('device: "r1" is the name of 2 device objects, such as dcim/devices/2 and dcim/devices/4; add device')
    for device, name in zip(devices, ("eth0", "eth1")):
        netbox.add("dcim/interfaces", name=name, device=device)
    with pytest.raises(RecordProblem, match='"r1" is the name of 2 device objects'):
        adapter(netbox, declared)


def test_what_is_identified_by_one_of_several_objects_is_neither_loaded_nor_created_nor_deleted(nautobot: NautobotEstate) -> None:
    first = nautobot.add("dcim/locations", name="a")
    nautobot.add("dcim/locations", name="a", parent=first)
    nautobot.add("dcim/racks", name="r", location=first)
    declared = {"rack": {"identifiers": {"location": "str", "name": "str"}}}
    target = adapter(nautobot, declared)
    warning = (
        f'{nautobot.api.url}: 1 rack object not loaded: "location" is "a", which is the name of several location objects; '
        "add location to the models, with identifiers that distinguish them"
    )
    assert [one.partition(" (dcim")[0] for one in target.load_warnings] == [warning]
    one = wanted(declared, rack=[{"location": "a", "name": "r"}])
    for diff in (target.diff_from(one), one.diff_from(target)):
        assert [bool(element.protected) for element in diff.walk()] == [True]


NULLABLE: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("vrf", {"name": "str", "rd": "str | None"}, {"name": "red", "rd": None}, {"name": "red", "rd": "65000:1"}),
    ("vlan_group", {"site": "str | None", "name": "str"}, {"site": None, "name": "all"}, {"site": "Paris", "name": "all"}),
    (
        "region",
        {"parent": {"type": "str | None", "ref": "region"}, "name": "str"},
        {"parent": None, "name": "all"},
        {"parent": r"\None__all", "name": "sub"},
    ),
    ("device", {"site": "str", "name": "str | None"}, {"site": "Paris", "name": None}, {"site": "Paris", "name": "x"}),
    (
        "rack",
        {"site": "str", "location": "str | None", "name": "str"},
        *({"site": "Paris", "location": None, "name": n} for n in "ab"),
    ),
    ("cluster", {"group": "str | None", "name": "str"}, *({"group": None, "name": name} for name in "ab")),
    (
        "ip_address",
        {"address": "ip_interface", "interface": "str | None"},
        *({"address": f"10.0.0.{number}/32", "interface": None} for number in (1, 2)),
    ),
]


@pytest.mark.parametrize(("model", "identifiers", "first", "second"), NULLABLE)
def test_null_identifies_where_an_identifier_may_be_null(
    netbox: Estate, model: str, identifiers: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    netbox.add("dcim/sites", name="Paris")
    declared = {model: {"identifiers": identifiers, "attributes": {"description": "str"}}}
    rows = [{**first, "description": "1"}, {**second, "description": "2"}]
    source = wanted(declared, **{model: rows})
    synchronised(adapter(netbox, declared), source).raise_for_failure()
    again = adapter(netbox, declared)
    assert not again.diff_from(source).has_diffs()
    assert again.load_warnings == []
    synchronised(again, wanted(declared, **{model: [{**first, "description": "3"}]})).raise_for_failure()
    (left,) = netbox.table(NetBoxAdapter.kinds[model].endpoint).values()
    assert left["description"] == "3"


TWINS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "location": (
        {"site": "str", "parent": {"type": "str | None", "ref": "location"}, "name": "str"},
        [
            {"site": "Paris", "parent": None, "name": "hall"},
            {"site": "Paris", "parent": r"Paris__\None__hall", "name": "room"},
            {"site": "Paris", "parent": None, "name": "room"},
        ],
    ),
    "rack": (
        {"site": "str", "location": "str | None", "name": "str"},
        [{"site": "Paris", "location": "Paris__hall", "name": "r1"}, {"site": "Paris", "location": None, "name": "r1"}],
    ),
    "ip_address": (
        {"vrf": "str | None", "address": "ip_interface", "interface": "str | None"},
        [{"vrf": None, "address": "10.0.0.1/32", "interface": f"d__eth{number}"} for number in (0, 1)],
    ),
}


@pytest.mark.parametrize("model", TWINS)
def test_objects_of_one_name_are_distinguished_by_the_documented_identifiers(netbox: Estate, model: str) -> None:
    paris = netbox.add("dcim/sites", name="Paris")
    if model == "rack":
        netbox.add("dcim/locations", name="hall", site=paris)
    device = netbox.add("dcim/devices", name="d", site=paris)
    for number in (0, 1):
        netbox.add("dcim/interfaces", name=f"eth{number}", device=device)
    identifiers, rows = TWINS[model]
    declared = {model: {"identifiers": identifiers}}
    source = wanted(declared, **{model: rows})
    synchronised(adapter(netbox, declared), source).raise_for_failure()
    again = adapter(netbox, declared)
    assert (again.count(model), again.load_warnings) == (len(rows), [])
    assert not again.diff_from(source).has_diffs()


def test_a_reference_to_an_object_that_nothing_identifies_is_not_null(netbox: Estate) -> None:
    paris = netbox.add("dcim/sites", name="Paris")
    nameless = netbox.add("dcim/devices", name=None, site=paris)
    netbox.add("dcim/interfaces", name="eth0", device=nameless)
    declared = {"interface": {"identifiers": {"device": "str | None", "name": "str"}}}
    target = adapter(netbox, declared)
    assert target.count("interface") == 0
    assert "1 interface object not loaded" in target.load_warnings[0]


def test_null_identifies_in_nautobot(nautobot: NautobotEstate) -> None:
    declared = {"location": {"identifiers": {"parent": MAYBE_LOCATION, "name": "str"}, "attributes": {"facility": "str"}}}
    rows = [{"parent": None, "name": "a", "facility": "1"}, {"parent": r"\None__a", "name": "a", "facility": "2"}]
    source = wanted(declared, location=rows)
    synchronised(adapter(nautobot, declared), source).raise_for_failure()
    again = adapter(nautobot, declared)
    assert not again.diff_from(source).has_diffs()
    assert len(nautobot.table("dcim/locations")) == 2


def test_parents_and_their_parts(netbox: Estate) -> None:
    source = wanted({"site": RACKS["site"], "rack": RACKS["rack"]}, site=[{"name": "Paris"}])
    rack = source.models()["rack"](site="Paris", name="r1", u_height=42)
    source.add(rack)
    source.get("site", "Paris").add_child(rack)
    synchronised(adapter(netbox, RACKS), source).raise_for_failure()
    assert netbox.named("dcim/racks", "r1")["site"]["name"] == "Paris"
    assert not adapter(netbox, RACKS).diff_from(source).has_diffs()


def test_an_endpoint_that_the_adapter_does_not_know(netbox: Estate) -> None:
    netbox.table("dcim/power-panels")[7] = {"id": 7, "name": "p", "site": {"id": 1, "url": "/api/dcim/sites/1/", "name": "Paris"}}
    netbox.add("dcim/sites", name="Paris")
    declared = {"panel": {"identifiers": {"site": "str", "name": "str"}}}
    target = adapter(netbox, declared, {"panel": {"from": "dcim/power-panels"}})
    assert [one.get_unique_id() for one in target.get_all("panel")] == ["Paris__p"]
    with pytest.raises(DefinitionError, match='there is no "panels" in netbox'):
        adapter(netbox, declared, {"panel": {"from": "panels"}})


def test_two_objects_of_one_identity_are_left_alone_and_a_warning_shows_both(netbox: Estate) -> None:
    for site in ("Paris", "Lyon"):
        netbox.add("dcim/devices", name="d", site=netbox.add("dcim/sites", name=site))
    netbox.add("dcim/devices", name="e", site=1)
    declared = {"device": {"identifiers": ["name"], "attributes": {"site": "str"}}}
    target = adapter(netbox, declared)
    assert [one.name for one in target.get_all("device")] == ["e"]
    assert target.result_records()["not_loaded"] == {"device": 2}
    assert target.load_warnings == [
        f'{netbox.api.url}: 2 device objects not loaded: others have the same identity ("d": dcim/devices/2, site Paris and '
        'dcim/devices/4, site Lyon); if these are two objects, add an identifier that tells them apart, such as "site"'
    ]
    source = wanted(declared, device=[{"name": "d", "site": "Paris"}])
    diff = target.diff_from(source)
    reason = f"protected: {netbox.api.url} has 2 device objects of this identity"
    assert {(element.uid, str(element.action), element.protected) for element in diff.walk()} == {
        ("d", "create", reason),
        ("e", "delete", ""),
    }
    assert diff.warnings == target.load_warnings
    synchronised(target, source)
    assert len(netbox.table("dcim/devices")) == 2
    assert [(element.uid, element.protected) for element in source.diff_from(adapter(netbox, declared)).walk()] == [("d", reason)]


def test_what_is_part_of_objects_of_one_identity_is_left_alone(netbox: Estate) -> None:
    for name in ("d", "d", "e"):
        netbox.add("dcim/interfaces", name="eth0", device=netbox.add("dcim/devices", name=name))
    parts = {"device": PARTS["device"], "interface": {"identifiers": {"device": "str", "name": "str"}}}
    target, source = adapter(netbox, parts), wanted(parts, device=[{"name": "d"}], interface=[{"device": "d", "name": "eth0"}])
    assert [one.get_unique_id() for one in target.get_all("interface")] == ["e__eth0"]
    assert target.result_records()["not_loaded"] == {"device": 2, "interface": 2}
    synchronised(target, source)
    assert [one["name"] for one in netbox.table("dcim/devices").values()] == ["d", "d"]
    assert len(netbox.table("dcim/interfaces")) == 2


@pytest.mark.parametrize(
    ("model", "one", "other", "names"),
    [
        ("prefix", {"status": "active"}, {"status": "reserved"}, '"status"'),
        ("tenant", {"slug": "a", "description": ""}, {"slug": "b", "description": "d"}, '"slug" or "description"'),
    ],
)
def test_the_warning_of_objects_of_one_identity_names_the_way_out(
    netbox: Estate, model: str, one: dict[str, Any], other: dict[str, Any], names: str
) -> None:
    kind = NetBoxAdapter.kinds[model]
    for given in (one, other):
        netbox.add(kind.endpoint, name="twin", prefix="10.0.0.0/24", **given)
    attributes = {name: kind.attributes[name] for name in one}
    target = adapter(netbox, {model: {"identifiers": {"name": "str"}, "attributes": attributes}})
    assert target.load_warnings[0].endswith(f"add an identifier that tells them apart, such as {names}")


PLACES_OF_TWINS: dict[str, list[dict[str, Any]]] = {
    "region": [{"parent": None}, {"parent": "outer"}, {"parent": "other"}],
    "site_group": [{"parent": None}, {"parent": "outer"}, {"parent": "other"}],
    "location": [{"site": "Paris", "parent": None}, {"site": "Paris", "parent": "outer"}, {"parent": "other"}],
    "rack": [{"site": "Paris", "location": None}, {"site": "Paris", "location": "hall"}, {"location": "room"}],
    "virtual_machine": [{"cluster": None}, {"cluster": "c1"}, {"cluster": "c2"}],
    "vrf": [{"rd": None}, {"rd": "65000:1"}, {"rd": "65000:2"}],
    "vlan_group": [{}, {"scope_type": "dcim.site", "scope_id": "Paris"}, {"scope_type": "dcim.region", "scope_id": "Europe"}],
}
"""Model → places of objects of the same name; nothing is at the last one."""


@pytest.mark.parametrize("model", PLACES_OF_TWINS)
def test_objects_that_netbox_distinguishes_are_all_loaded_and_stay_when_they_move(netbox: Estate, model: str) -> None:
    endpoint = NetBoxAdapter.kinds[model].endpoint
    ids = {"Paris": netbox.add("dcim/sites", name="Paris"), "Europe": netbox.add("dcim/regions", name="Europe")}
    ids.update((name, netbox.add("dcim/locations", name=name, site=ids["Paris"])) for name in ("hall", "room"))
    ids.update((name, netbox.add("virtualization/clusters", name=name)) for name in ("c1", "c2"))
    if model in ("region", "site_group", "location"):
        above = {"site": ids["Paris"]} if model == "location" else {}
        ids.update((name, netbox.add(endpoint, name=name, **above)) for name in ("outer", "other"))
    *places, free = ({name: ids.get(value, value) for name, value in place.items()} for place in PLACES_OF_TWINS[model])
    twins = [netbox.add(endpoint, name="twin", enforce_unique=True, note="kept", **place) for place in places]
    before = adapter(netbox)
    assert [one.name for one in before.get_all(model)].count("twin") == len(twins)
    assert before.load_warnings == []
    as_it_was = dict(netbox.table(endpoint)[twins[1]])
    netbox.table(endpoint)[twins[1]].update(free)
    target = adapter(netbox)
    result = synchronised(target, before)
    assert [str(one.change.action) for one in result.outcomes] == ["move"]
    as_it_was["last_updated"] = netbox.table(endpoint)[twins[1]]["last_updated"]
    assert netbox.table(endpoint)[twins[1]] == as_it_was
    assert not adapter(netbox).diff_from(before).has_diffs()


def test_a_reference_to_objects_of_one_identity_is_not_taken_for_one_of_them(netbox: Estate) -> None:
    groups = [netbox.add("virtualization/cluster-groups", name=name) for name in ("g1", "g2")]
    clusters = [netbox.add("virtualization/clusters", name="c", group=group) for group in groups]
    for cluster in clusters:
        netbox.add("virtualization/virtual-machines", name="vm", cluster=cluster)
    target = adapter(netbox)
    assert target.result_records()["not_loaded"] == {"cluster": 2, "virtual_machine": 2}
    copy = dataset(NetBoxAdapter.own_models(), {"virtual_machine": [{"cluster": "c", "name": "vm", "status": "active"}]})
    assert [(one.uid, bool(one.protected)) for one in copy.diff_from(target).walk() if one.type == "virtual_machine"] == [
        ("c__vm", True)
    ]


@pytest.mark.parametrize("empty", [None, []])
def test_a_list_of_a_custom_field_that_is_empty_is_no_difference(empty: Any, netbox: Estate) -> None:
    netbox.add("dcim/sites", name="Paris", custom_fields={"owners": empty})
    declared: Any = {"site": {"identifiers": ["name"], "attributes": {"owners": {"type": "list[str]", "compare": "unordered"}}}}
    target = adapter(netbox, declared, {"site": {"fields": {"owners": "cf.owners"}}})
    assert not target.diff_from(wanted(declared, site=[{"name": "Paris", "owners": []}])).has_diffs()


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({"GET dcim/sites": Reply(403, {"detail": "No permission."})}, "site cannot be loaded: .*answers 403: No permission"),
        (dict.fromkeys(BOTH, Reply(403, {"detail": "Invalid token"})), "answers 403: Invalid token; check the token"),
        (dict.fromkeys(BOTH, Reply(404, {})), "check that this is the address of a NetBox, without /api"),
        ({"GET dcim/sites": Reply(200, b"<html>")}, "JSON"),
    ],
)
def test_a_server_that_does_not_let_one_in(netbox: Estate, refused: dict[str, Reply], said: str) -> None:
    netbox.refusing.update(refused)
    with pytest.raises(RecordProblem, match=said):
        adapter(netbox, SITES)


def test_custom_fields_have_names_and_expressions_see_whole_objects(netbox: Estate) -> None:
    netbox.add("dcim/sites", name="Paris", custom_fields={"floors": 3}, slug="paris")
    declared = {"site": {"identifiers": ["name"], "attributes": {"floors": "int", "where": "str"}}}
    mapping = {"site": {"fields": {"floors": "cf.floors", "where": {"expr": "slug | upper"}}}}
    (site,) = adapter(netbox, declared, mapping).get_all("site")
    assert (site.floors, site.where) == (3, "PARIS")
    assert "omit=config_context" in netbox.asked("GET", "dcim/sites")[-1].target
    narrow = {"site": {"identifiers": ["name"], "attributes": {"floors": "int"}}}
    target = adapter(netbox, narrow, {"site": {"fields": {"floors": "cf.floors"}}})
    source = wanted(narrow, site=[{"name": "Paris", "floors": 4}])
    synchronised(target, source).raise_for_failure()
    assert netbox.asked("PATCH", "dcim/sites")[-1].body == [{"id": 1, "custom_fields": {"floors": 4}}]


# ---------------------------------------------------------------------- writing


def test_many_are_written_with_one_request_and_a_message(netbox: Estate) -> None:
    rows = [{"name": f"s{number}", "status": "active"} for number in range(5)]
    target = adapter(netbox, SITES, batch_size=3, changelog_message="nightly")
    synchronised(target, wanted(SITES, site=rows)).raise_for_failure()
    posts = netbox.asked("POST", "dcim/sites")
    assert [len(one.body) for one in posts] == [3, 2]
    assert posts[0].body[0] == {"name": "s0", "slug": "s0", "status": "active", "changelog_message": "nightly"}
    synchronised(adapter(netbox, SITES, changelog_message="x"), wanted(SITES, site=rows[:1])).raise_for_failure()
    assert netbox.names("dcim/sites") == {"s0"}
    assert adapter(netbox, SITES, changelog_message="x").result_records()["netbox_version"] == "4.5.1"


@pytest.mark.parametrize("which", ["netbox", "nautobot"])
def test_those_to_blame_are_named_and_the_others_written(which: str, request: pytest.FixtureRequest) -> None:
    estate: Estate = request.getfixturevalue(which)
    declared, model, endpoint = (SITES, "site", "dcim/sites") if which == "netbox" else (LOCATIONS, "location", "dcim/locations")
    estate.complaint = lambda method, place, body: {"name": ["Too odd."]} if body.get("name") in ("s2", "s5") else None
    rows = [{"name": f"s{number}", "status": "Active", "facility": ""} for number in range(7)]
    rows = rows if which == "nautobot" else [{"name": row["name"], "status": "active"} for row in rows]
    result = synchronised(adapter(estate, declared), wanted(declared, **{model: rows}), CONTINUE)
    assert messages(result) == {"s2": "name: Too odd.", "s5": "name: Too odd."}
    assert estate.names(endpoint) == {"s0", "s1", "s3", "s4", "s6"}


@pytest.mark.parametrize("which", ["netbox", "nautobot"])
def test_only_what_has_the_owner_tag_is_deleted(which: str, request: pytest.FixtureRequest) -> None:
    estate: Estate = request.getfixturevalue(which)
    declared, model, endpoint = (SITES, "site", "dcim/sites") if which == "netbox" else (LOCATIONS, "location", "dcim/locations")
    status = "active" if which == "netbox" else next(iter(estate.table("extras/statuses")))
    estate.add(endpoint, name="theirs", status=status)
    row = {"name": "ours", "status": "active" if which == "netbox" else "Active", **({} if which == "netbox" else {"facility": ""})}
    synchronised(adapter(estate, declared, owner_tag="robot"), wanted(declared, **{model: [row]}))
    assert estate.names(endpoint) == {"ours", "theirs"}
    target = adapter(estate, declared, owner_tag="robot")
    diff = target.diff_from(wanted(declared))
    assert {one.uid: one.protected for one in diff.walk() if one.protected} == {
        "theirs": 'protected: it does not have the tag "robot"'
    }
    synchronised(target, wanted(declared))
    assert estate.names(endpoint) == {"theirs"}
    assert estate.names("extras/tags") == {"robot"}
    assert adapter(estate, {"tag": {"identifiers": ["name"]}}, owner_tag="robot").count("tag") == 0


PARTS: Any = {
    "device": {"identifiers": ["name"], "children": ["interface"]},
    "interface": {"identifiers": ["name"], "attributes": {"type": "str"}},
}


def test_a_device_is_moved_to_another_site_by_one_patch(netbox: Estate) -> None:
    declared: Any = {
        "site": {"identifiers": ["name"], "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"serial": "str"}},
    }
    sites = {name: netbox.add("dcim/sites", name=name) for name in ("Paris", "Lyon")}
    there = netbox.add("dcim/devices", name="theirs", site=sites["Paris"], serial="s", comments="precious")
    source = wanted(declared, site=[{"name": "Paris"}, {"name": "Lyon"}], device=[{"name": "theirs", "serial": "t"}])
    source.get("site", "Lyon").add_child(source.get("device", "theirs"))
    target = adapter(netbox, declared, owner_tag="robot")
    result = synchronised(target, source)
    assert [(str(one.change.action), one.status.value) for one in result.outcomes] == [("move", "done")]
    device = netbox.table("dcim/devices")[there]
    assert (device["site"], device["serial"], device["comments"]) == (sites["Lyon"], "t", "precious")
    assert netbox.asked("PATCH", "dcim/devices")[0].body == [{"id": there, "serial": "t", "site": sites["Lyon"]}]
    assert not adapter(netbox, declared).diff_from(source).has_diffs()


def test_a_device_is_renamed_by_one_patch_and_keeps_its_interfaces(netbox: Estate) -> None:
    """NetBox names its interfaces after it by itself, so that nothing is sent of them."""
    declared: Any = {
        "device": {"identifiers": ["name"], "attributes": {"serial": "str"}, "match": ["serial"], "children": ["interface"]},
        "interface": {"identifiers": {"device": "str", "name": "str"}, "shortname": ["name"], "attributes": {"mtu": "int | None"}},
    }
    there = netbox.add("dcim/devices", name="old", serial="S1", comments="precious")
    ports = [netbox.add("dcim/interfaces", name=name, device=there, type="virtual", mtu=1500) for name in ("e0", "e1")]
    rows = [{"device": "new", "name": name, "mtu": mtu} for name, mtu in (("e0", 1500), ("e1", 9000))]
    source = wanted(declared, device=[{"name": "new", "serial": "S1"}], interface=rows)
    target = adapter(netbox, declared)
    plan = Plan.from_diff(target.diff_from(source))
    assert [(str(one.change.action), one.message) for one in target.apply(plan, source).outcomes] == [
        ("move", ""),
        ("move", "renamed together with its parent"),
        ("move", "renamed together with its parent"),
        ("update", ""),
    ]
    assert not target.diff_from(source).has_diffs()
    device = netbox.table("dcim/devices")[there]
    assert (device["name"], device["comments"]) == ("new", "precious")
    assert [(request.path, request.body) for request in netbox.api.sent("PATCH")] == [
        ("/api/dcim/devices/", [{"id": there, "name": "new"}]),
        ("/api/dcim/interfaces/", [{"id": ports[1], "mtu": 9000}]),
    ]
    assert not netbox.api.sent("POST")
    assert not netbox.api.sent("DELETE")
    again = adapter(netbox, declared)
    assert not again.diff_from(source).has_diffs()
    assert not again.apply(undo_plan(plan), source).failures
    assert netbox.table("dcim/devices")[there]["name"] == "old"


PRIMARIES: dict[str, Any] = {
    "device": {"identifiers": ["name"], "attributes": {"primary_ip4": {"type": "str | None", "ref": "ip_address"}}},
    "interface": {"identifiers": {"device": {"ref": "device"}, "name": "str"}},
    "ip_address": {
        "identifiers": {"address": "ip_interface"},
        "attributes": {"interface": {"type": "str | None", "ref": "interface"}},
    },
}


def test_what_refers_to_parts_of_a_renamed_device_follows_and_is_undone(netbox: Estate) -> None:
    declared: Any = {
        "device": {"identifiers": ["name"], "attributes": {"serial": "str"}, "match": ["serial"], "children": ["interface"]},
        "interface": {
            "identifiers": {"device": "str", "name": "str"},
            "shortname": ["name"],
            "attributes": {"lag": {"type": "str | None", "ref": "interface"}},
        },
        "ip_address": {**PRIMARIES["ip_address"]},
    }
    there = netbox.add("dcim/devices", name="old", serial="S1")
    lag = netbox.add("dcim/interfaces", name="lag1", device=there)
    port = netbox.add("dcim/interfaces", name="eth0", device=there, lag=lag)
    netbox.add("ipam/ip-addresses", address="10.0.0.1/24", assigned_object_type="dcim.interface", assigned_object_id=port)
    before = {name: dict(table) for name, table in netbox.tables.items()}
    was = adapter(netbox, declared)
    source = wanted(
        declared,
        device=[{"name": "new", "serial": "S1"}],
        interface=[{"device": "new", "name": "lag1"}, {"device": "new", "name": "eth0", "lag": "new__lag1"}],
        ip_address=[{"address": "10.0.0.1/24", "interface": "new__eth0"}],
    )
    target = adapter(netbox, declared)
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(plan, source).raise_for_failure()
    assert not adapter(netbox, declared).diff_from(source).has_diffs()
    for name, table in before.items():
        assert netbox.table(name).keys() == table.keys()
    again = adapter(netbox, declared)
    again.apply(undo_plan(plan), source).raise_for_failure()
    assert not adapter(netbox, declared).diff_from(was).has_diffs()


def test_a_vlan_group_gets_another_scope_with_its_vlans_and_what_refers_to_them(netbox: Estate) -> None:
    sites = [netbox.add("dcim/sites", name=name) for name in ("Paris", "Lyon")]
    group = netbox.add("ipam/vlan-groups", name="access", scope_type="dcim.site", scope_id=sites[0])
    vlan = netbox.add("ipam/vlans", vid=10, name="v10", group=group)
    port = netbox.add("dcim/interfaces", name="eth0", device=netbox.add("dcim/devices", name="d"), tagged_vlans=[vlan])
    was = adapter(netbox)
    netbox.change("ipam/vlan-groups", group, scope_id=sites[1])
    drifted, target = adapter(netbox), adapter(netbox)
    plan = Plan.from_diff(target.diff_from(was))
    target.apply(plan, was).raise_for_failure()
    assert not adapter(netbox).diff_from(was).has_diffs()
    adapter(netbox).apply(undo_plan(plan), was).raise_for_failure()
    assert not adapter(netbox).diff_from(drifted).has_diffs()
    assert (netbox.table("ipam/vlan-groups")[group]["scope_id"], netbox.table("dcim/interfaces")[port]["tagged_vlans"]) == (
        sites[1],
        [vlan],
    )


@pytest.fixture
def strict(netbox: Estate) -> Estate:
    """A NetBox that refuses a primary address of another device, and to reassign one, with devices that have one."""

    def complaint(method: str, endpoint: str, body: dict[str, Any]) -> Any:
        ports, devices = netbox.table("dcim/interfaces"), netbox.table("dcim/devices")
        if endpoint == "dcim/devices" and body.get("primary_ip4"):
            port = netbox.table("ipam/ip-addresses")[body["primary_ip4"]]["assigned_object_id"]
            if port is None or ports[port]["device"] != body.get("id"):
                return {"primary_ip4": ["It is not assigned to this device."]}
        if endpoint == "ipam/ip-addresses" and method == "PATCH" and "assigned_object_id" in body:
            holder = next((key for key, one in devices.items() if one["primary_ip4"] == body["id"]), None)
            port = body["assigned_object_id"]
            if holder is not None and (port is None or ports[port]["device"] != holder):
                return ["Cannot reassign IP address while it is designated as the primary IP."]
        return None

    for number in (1, 2):
        device = netbox.add("dcim/devices", name=f"d{number}")
        port = netbox.add("dcim/interfaces", name="eth0", device=device)
        assigned = {"assigned_object_type": "dcim.interface", "assigned_object_id": port}
        address = netbox.add("ipam/ip-addresses", address=f"10.0.0.{number}/24", **assigned)
        netbox.change("dcim/devices", device, primary_ip4=address)
    netbox.complaint = complaint
    return netbox


def primaries(addresses: dict[str, tuple[str | None, str | None]]) -> DSync:
    """Return devices of which some have a primary address, and their addresses: address → (device with it, device whose it is)."""
    first = {device: address for address, (_port, device) in addresses.items()}
    devices = sorted({one for some in addresses.values() for one in some if one})
    return wanted(
        PRIMARIES,
        device=[{"name": name, "primary_ip4": first.get(name)} for name in devices],
        interface=[{"device": name, "name": "eth0"} for name in devices],
        ip_address=[{"address": address, "interface": port and f"{port}__eth0"} for address, (port, _device) in addresses.items()],
    )


@pytest.mark.parametrize(
    "addresses",
    [
        {"10.0.0.1/24": ("d2", "d2"), "10.0.0.2/24": ("d1", "d1")},
        {"10.0.0.1/24": ("d2", "d2"), "10.0.0.2/24": ("d2", None), "10.0.0.3/24": ("d1", "d1")},
        {"10.0.0.1/24": ("d3", "d3"), "10.0.0.2/24": ("d2", "d2")},
        {"10.0.0.1/24": (None, None), "10.0.0.2/24": ("d1", "d1")},
    ],
    ids=["swapped", "moved", "to a new device, the old one goes", "taken away, the other one's device goes"],
)
def test_primary_addresses_move_between_devices_in_one_run(strict: Estate, addresses: dict[str, Any]) -> None:
    source = primaries(addresses)
    before = dict(strict.table("ipam/ip-addresses"))
    target = adapter(strict, PRIMARIES)
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(plan, source).raise_for_failure()
    assert not adapter(strict, PRIMARIES).diff_from(source).has_diffs()
    assert before.keys() <= strict.table("ipam/ip-addresses").keys()
    adapter(strict, PRIMARIES).apply(undo_plan(plan), source).raise_for_failure()
    original = primaries({f"10.0.0.{number}/24": (f"d{number}", f"d{number}") for number in (1, 2)})
    assert not adapter(strict, PRIMARIES).diff_from(original).has_diffs()


def test_rack_positions_are_swapped_through_an_empty_one(netbox: Estate) -> None:
    rack = netbox.add("dcim/racks", name="R1", site=netbox.add("dcim/sites", name="Paris"))
    for number in (1, 2):
        netbox.add("dcim/devices", name=f"d{number}", rack=rack, face="front", position=number)

    def complaint(_method: str, endpoint: str, body: dict[str, Any]) -> Any:
        taken = {one["position"] for key, one in netbox.table(endpoint).items() if key != body.get("id")}
        return {"position": ["It is already occupied."]} if body.get("position") in taken - {None} else None

    netbox.complaint = complaint
    attributes = {"rack": "str | None", "position": "int | None", "face": "str | None"}
    declared = {"device": {"identifiers": ["name"], "attributes": attributes}}
    rows = [{"name": f"d{number}", "rack": "Paris__R1", "face": "front", "position": 3 - number} for number in (1, 2)]
    synchronised(adapter(netbox, declared), wanted(declared, device=rows)).raise_for_failure()
    assert {one["name"]: one["position"] for one in netbox.table("dcim/devices").values()} == {"d1": 2, "d2": 1}


def test_an_object_of_nautobot_is_moved_by_one_patch(nautobot: NautobotEstate) -> None:
    declared: Any = {
        "location": {"identifiers": ["name"], "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"serial": "str"}},
    }
    places = {name: nautobot.add("dcim/locations", name=name) for name in ("Paris", "Lyon")}
    there = nautobot.add("dcim/devices", name="d1", location=places["Paris"], serial="s", comments="precious")
    source = wanted(declared, location=[{"name": "Paris"}, {"name": "Lyon"}], device=[{"name": "d1", "serial": "s"}])
    source.get("location", "Lyon").add_child(source.get("device", "d1"))
    synchronised(adapter(nautobot, declared), source).raise_for_failure()
    device = nautobot.table("dcim/devices")[there]
    assert (device["location"], device["comments"]) == (places["Lyon"], "precious")
    assert not nautobot.api.sent("POST")
    assert not nautobot.api.sent("DELETE")


def test_what_lacks_the_owner_tag_is_not_deleted_to_be_moved(netbox: Estate) -> None:
    """NetBox never moves an interface to another device, so it would be deleted and created again."""
    devices = {name: netbox.add("dcim/devices", name=name) for name in ("one", "other")}
    there = netbox.add("dcim/interfaces", name="theirs", device=devices["one"], type="virtual")
    source = adapter(netbox, PARTS)
    source.get("device", "one").remove_child(source.get("interface", "theirs"))
    source.get("device", "other").add_child(source.get("interface", "theirs"))
    target = adapter(netbox, PARTS, owner_tag="robot")
    diff = target.diff_from(source)
    assert [(str(one.action), one.protected) for one in diff.walk() if one.action] == [
        ("move", 'protected: it does not have the tag "robot"')
    ]
    synchronised(target, source)
    assert netbox.table("dcim/interfaces")[there]["device"] == devices["one"]
    synchronised(adapter(netbox, PARTS), source).raise_for_failure()
    assert [one["device"] for one in netbox.table("dcim/interfaces").values()] == [devices["other"]]


def test_tags_are_changed_and_the_owner_tag_stays(netbox: Estate) -> None:
    declared = {"site": {"identifiers": ["name"], "attributes": {"tags": {"type": "list[str]", "compare": "unordered"}}}}
    netbox.add("extras/tags", name="blue")
    source = wanted(declared, site=[{"name": "Paris", "tags": []}])
    synchronised(adapter(netbox, declared, owner_tag="robot"), source).raise_for_failure()
    source = wanted(declared, site=[{"name": "Paris", "tags": ["blue"]}])
    synchronised(adapter(netbox, declared, owner_tag="robot"), source).raise_for_failure()
    assert {tag["name"] for tag in netbox.named("dcim/sites", "Paris")["tags"]} == {"blue", "robot"}
    assert not adapter(netbox, declared, owner_tag="robot").diff_from(source).has_diffs()


def test_a_delete_names_what_depends_on_it(netbox: Estate) -> None:
    acme = netbox.add("dcim/manufacturers", name="Acme")
    netbox.add("dcim/manufacturers", name="Other")
    netbox.add("dcim/device-types", model="RT", manufacturer=acme)
    declared = {"manufacturer": {"identifiers": ["name"]}}
    result = synchronised(adapter(netbox, declared), wanted(declared), CONTINUE)
    assert messages(result) == {"Acme": "Unable to delete object. 1 dependent objects were found: dcim/device-types (3)"}
    assert netbox.names("dcim/manufacturers") == {"Acme"}


def test_what_somebody_else_deleted_meanwhile(netbox: Estate) -> None:
    rows = [{"name": name, "status": "active"} for name in ("a", "b")]
    synchronised(adapter(netbox, SITES), wanted(SITES, site=rows)).raise_for_failure()
    target = adapter(netbox, SITES)
    netbox.table("dcim/sites").clear()
    result = synchronised(target, wanted(SITES, site=[{"name": "a", "status": "planned"}]), CONTINUE)
    assert messages(result) == {"a": "id: No such object."}
    assert {one.change.id for one in result.outcomes} == {"a", "b"}


def test_nautobot_passes_over_what_is_gone(nautobot: NautobotEstate) -> None:
    rows = [{"name": name, "status": "Active", "facility": ""} for name in ("a", "b")]
    synchronised(adapter(nautobot, LOCATIONS), wanted(LOCATIONS, location=rows)).raise_for_failure()
    target = adapter(nautobot, LOCATIONS)
    nautobot.table("dcim/locations").clear()
    changed = [{**row, "facility": "new"} for row in rows]
    result = synchronised(target, wanted(LOCATIONS, location=changed), CONTINUE)
    assert set(messages(result).values()) == {"the object no longer exists on the server"}


def test_nautobot_is_not_believed_that_it_has_deleted(nautobot: NautobotEstate) -> None:
    status = next(iter(nautobot.table("extras/statuses")))
    nautobot.add("dcim/locations", name="a", status=status)
    nautobot.keeps.add("dcim/locations")
    result = synchronised(adapter(nautobot, LOCATIONS), wanted(LOCATIONS), CONTINUE)
    assert messages(result) == {
        "a": "Nautobot answers that it is deleted, and it is still there; check that the token has permission to delete it"
    }


def test_fields_of_which_nautobot_would_take_no_notice(nautobot: NautobotEstate) -> None:
    declared = {"location": {"identifiers": ["name"], "attributes": {"status": "str", "faculty": "str"}}}
    result = synchronised(
        adapter(nautobot, declared), wanted(declared, location=[{"name": "a", "status": "Active", "faculty": "x"}]), CONTINUE
    )
    said = 'Nautobot has no field "faculty" of location objects that can be written (did you mean "facility"? known: '
    assert messages(result)["a"].startswith(said)
    nautobot.table("extras/custom-fields")["1"] = {"id": "1", "key": "owner"}
    declared = {"location": {"identifiers": ["name"], "attributes": {"status": "str", "owner": "str"}}}
    source = wanted(declared, location=[{"name": "a", "status": "Active", "owner": "x"}])
    result = synchronised(adapter(nautobot, declared, {"location": {"fields": {"owner": "cf.ovner"}}}), source, CONTINUE)
    assert messages(result) == {"a": 'Nautobot has no custom field "ovner" (did you mean "owner"? known: owner)'}
    synchronised(adapter(nautobot, declared, {"location": {"fields": {"owner": "cf.owner"}}}), source).raise_for_failure()
    assert nautobot.named("dcim/locations", "a")["custom_fields"] == {"owner": "x"}


def test_what_netbox_would_ignore_and_what_is_no_choice_is_refused_before_it_is_sent(netbox: Estate) -> None:
    netbox.choices["status"] = [{"value": name, "display_name": name.title()} for name in ("active", "planned")]
    rows = [{"name": name, "status": status} for name, status in (("a", "active"), ("b", "activ"), ("c", "planned"))]
    said = messages(synchronised(adapter(netbox, SITES), wanted(SITES, site=rows)))
    assert said == {"b": 'status: NetBox has no choice "activ" for it (did you mean "active"? known: active, planned)'}
    assert netbox.names("dcim/sites") == {"a"}
    declared = {"site": {"identifiers": ["name"], "attributes": {"display": "str"}}}
    netbox.change("dcim/sites", 1, display="a")
    said = messages(synchronised(adapter(netbox, declared), wanted(declared, site=[{"name": "a", "display": "x"}])))
    assert said["a"].startswith('NetBox has no field "display" of site objects that can be written')
    assert not netbox.api.sent("PATCH")
    assert len(netbox.asked("OPTIONS", "dcim/sites")) == 2


@pytest.fixture
def prefixes(nautobot: NautobotEstate) -> NautobotEstate:
    """A Nautobot with three locations and a prefix in two of them."""
    locations = [nautobot.add("dcim/locations", name=name, status=None) for name in ("a", "b", "c")]
    prefix = nautobot.add("ipam/prefixes", prefix="10.0.0.0/8", namespace=next(iter(nautobot.table("ipam/namespaces"))))
    for location in locations[:2]:
        nautobot.add("ipam/prefix-location-assignments", prefix=prefix, location=location)
    return nautobot


def located(estate: NautobotEstate) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pair in estate.table("ipam/prefix-location-assignments").values():
        prefix, location = estate.table("ipam/prefixes")[pair["prefix"]], estate.table("dcim/locations")[pair["location"]]
        found.setdefault(prefix["prefix"], set()).add(location["name"])
    return found


def test_lists_that_nautobot_keeps_beside_objects(prefixes: NautobotEstate) -> None:
    rows = [{"prefix": "10.0.0.0/8", "locations": ["b", "c"]}, {"prefix": "11.0.0.0/8", "locations": ["a"]}]
    source = wanted(PREFIXES, location=PLACES, prefix=rows)
    synchronised(adapter(prefixes, PREFIXES), source).raise_for_failure()
    assert located(prefixes) == {"10.0.0.0/8": {"b", "c"}, "11.0.0.0/8": {"a"}}
    assert not adapter(prefixes, PREFIXES).diff_from(source).has_diffs()


@pytest.mark.parametrize("refused", ["POST ipam/prefix-location-assignments", "PATCH ipam/prefixes"])
def test_a_list_that_is_refused_leaves_nothing_behind(prefixes: NautobotEstate, refused: str) -> None:
    prefixes.refusing[refused] = Reply(400, {"detail": "Not today."})
    rows = [{"prefix": "10.0.0.0/8", "locations": ["b", "c"]}, {"prefix": "11.0.0.0/8", "locations": ["a"]}]
    rows = rows if refused.startswith("POST") else rows[:1]
    result = synchronised(adapter(prefixes, PREFIXES), wanted(PREFIXES, location=PLACES, prefix=rows), CONTINUE)
    assert set(messages(result)) == {row["prefix"] for row in rows}
    assert all("Not today" in message for message in messages(result).values())
    assert located(prefixes) == {"10.0.0.0/8": {"a", "b"}}
    assert [one["prefix"] for one in prefixes.table("ipam/prefixes").values()] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("refused", "undo", "prefix"),
    [
        ("POST ipam/prefix-location-assignments", "DELETE ipam/prefixes", "11.0.0.0/8"),
        ("PATCH ipam/prefixes", "DELETE ipam/prefix-location-assignments", "10.0.0.0/8"),
    ],
)
@pytest.mark.parametrize("status", [400, 503])
def test_what_cannot_be_rolled_back_may_have_been_made(
    prefixes: NautobotEstate, refused: str, undo: str, prefix: str, status: int
) -> None:
    prefixes.refusing[refused] = Reply(400, {"detail": "Not today."})
    prefixes.refusing[undo] = Reply(status, {"detail": "Nor tomorrow."})
    rows = [{"prefix": "10.0.0.0/8", "locations": ["a", "b"]}, {"prefix": prefix, "locations": ["a", "b", "c"]}]
    target, source = adapter(prefixes, PREFIXES), wanted(PREFIXES, location=PLACES, prefix=rows[-1:] if prefix[1] == "0" else rows)
    (failure,) = target.apply(
        Plan.from_diff(target.diff_from(source)), source, CONTINUE, retry=retrying(3, target.is_transient, first_wait=0)
    ).failures
    assert "Not today" in failure.message
    assert "could not be rolled back" in failure.message
    assert failure.maybe
    assert len(prefixes.asked("POST", "ipam/prefixes")) <= 1, "what may have been made is not made again"


def test_what_is_left_in_a_list_is_reported(prefixes: NautobotEstate) -> None:
    prefixes.refusing["DELETE ipam/prefix-location-assignments"] = Reply(400, {"detail": "Not today."})
    rows = [{"prefix": "10.0.0.0/8", "locations": ["b", "c"]}]
    (failure,) = synchronised(adapter(prefixes, PREFIXES), wanted(PREFIXES, location=PLACES, prefix=rows), CONTINUE).failures
    assert "Not today" in failure.message
    assert "everything was changed except removals from its lists" in failure.message
    assert failure.maybe
    assert located(prefixes) == {"10.0.0.0/8": {"a", "b", "c"}}


def test_nautobot_does_not_let_one_in(nautobot: NautobotEstate) -> None:
    nautobot.refusing["GET "] = Reply(403, {"detail": "Invalid token"})
    with pytest.raises(RecordProblem, match="Invalid token; check the token"):
        adapter(nautobot, LOCATIONS)


# ---------------------------------------------------------------------- the last load in a file


@pytest.mark.parametrize("which", ["netbox", "nautobot"])
def test_the_next_load_asks_for_changes_and_misses_no_deletion(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    estate: Estate = request.getfixturevalue(which)
    endpoint, declared = (
        ("dcim/sites", {"site": {"identifiers": ["name"], "attributes": {"description": "str"}}})
        if which == "netbox"
        else ("dcim/locations", {"location": {"identifiers": ["name"], "attributes": {"description": "str"}}})
    )
    (model,) = declared
    ids = [estate.add(endpoint, name=f"s{number}", status=None) for number in range(4)]
    options = {"cache": str(tmp_path / "cache.json"), "full_every": 3}

    def loaded() -> dict[str, str]:
        return {one.name: one.description for one in adapter(estate, declared, **options).get_all(model)}

    assert loaded() == dict.fromkeys(("s0", "s1", "s2", "s3"), "")
    estate.change(endpoint, ids[1], description="changed")
    del estate.table(endpoint)[ids[2]]
    estate.add(endpoint, name="new", status=None)
    before = len(estate.api.requests)
    assert loaded() == {"s0": "", "s1": "changed", "s3": "", "new": ""}
    asked = [one.target for one in estate.api.requests[before:] if one.path == f"/api/{endpoint}/"]
    assert any("last_updated__gte=" in target for target in asked)
    estate.table(endpoint)[ids[0]]["description"] = "without a trace"
    assert loaded()["s0"] == ""
    assert loaded()["s0"] == "without a trace"


# ---------------------------------------------------------------------- pages


def moving(estate: Estate, endpoint: str, always: bool = False) -> None:
    """Let the first object of a list be deleted whenever its first page, or any page, was answered."""

    def answer(request: Request) -> Reply:
        reply = estate.answer(request)
        pages = [one for one in estate.api.sent("GET") if one.path == f"/api/{endpoint}/"]
        if request.path == f"/api/{endpoint}/" and (always or len(pages) == 1):
            estate.table(endpoint).pop(next(iter(estate.table(endpoint))), None)
        return reply

    estate.api.intervene = answer


@pytest.mark.parametrize("which", ["netbox", "nautobot"])
def test_what_moves_to_a_page_that_was_read_already_is_not_missed(which: str, request: pytest.FixtureRequest) -> None:
    estate: Estate = request.getfixturevalue(which)
    declared: Any = {"tag": {"identifiers": ["name"]}}
    for number in range(7):
        estate.add("extras/tags", name=f"t{number}")
    moving(estate, "extras/tags")
    target = adapter(estate, declared, page_size=2)
    assert {tag.name for tag in target.get_all("tag")} >= {f"t{number}" for number in range(1, 7)}


@pytest.mark.parametrize("which", ["netbox", "nautobot"])
def test_a_list_that_never_stops_changing_hides_nothing_that_stays(which: str, request: pytest.FixtureRequest) -> None:
    estate: Estate = request.getfixturevalue(which)
    for number in range(30):
        estate.add("extras/tags", name=f"t{number}")
    moving(estate, "extras/tags", always=True)
    found = {tag.name for tag in adapter(estate, {"tag": {"identifiers": ["name"]}}, page_size=2).get_all("tag")}
    assert {tag["name"] for tag in estate.table("extras/tags").values()} <= found


def test_what_is_on_no_page_while_another_is_on_two_is_not_missed(nautobot: NautobotEstate) -> None:
    ids = [nautobot.add("extras/tags", name=f"t{number}") for number in range(4)]

    def answer(request: Request) -> Reply:
        reply = nautobot.answer(request)
        if request.query.get("offset") == "2" and len([one for one in nautobot.api.requests if "offset=2" in one.target]) == 1:
            again = nautobot.shown("extras/tags", nautobot.table("extras/tags")[ids[1]])
            return reply._replace(body={**reply.body, "results": [again, *reply.body["results"][1:]]})
        return reply

    nautobot.api.intervene = answer
    assert len(adapter(nautobot, {"tag": {"identifiers": ["name"]}}, page_size=2).get_all("tag")) == 4
    assert nautobot.asked("GET", "extras/tags")[0].query["sort"] == "id"


def test_an_object_that_is_on_two_pages_is_there_once(nautobot: NautobotEstate) -> None:
    ids = [nautobot.add("extras/tags", name=f"t{number}") for number in range(4)]

    def answer(request: Request) -> Reply:
        reply = nautobot.answer(request)
        if request.query.get("offset") == "2":
            repeated = nautobot.shown("extras/tags", nautobot.table("extras/tags")[ids[1]])
            return reply._replace(body={**reply.body, "results": [repeated, *reply.body["results"]]})
        return reply

    nautobot.api.intervene = answer
    assert len(adapter(nautobot, {"tag": {"identifiers": ["name"]}}, page_size=2).get_all("tag")) == 4


# ---------------------------------------------------------------------- custom fields as a whole

CUSTOM: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {"custom_fields": {"type": "dict[str, any]", "default": {}}}}
}


def with_custom_fields(estate: Estate) -> None:
    """Let a server tell of every custom field, of null where it is empty, and keep those that it is not sent, as NetBox does."""

    def answer(request: Request) -> Reply:
        if request.method == "PATCH":
            for body in request.body:
                there = estate.table("dcim/sites")[body["id"]]["custom_fields"]
                body["custom_fields"] = {**there, **body.get("custom_fields", {})}
        return estate.answer(request)

    estate.api.intervene = answer


@pytest.mark.parametrize("given", [{}, {"code": "7"}, {"owner": "me", "code": "7"}])
def test_custom_fields_as_a_whole_converge(given: dict[str, str], netbox: Estate) -> None:
    netbox.add("dcim/sites", name="a", custom_fields={"owner": "you", "code": None})
    with_custom_fields(netbox)
    source = wanted(CUSTOM, site=[{"name": "a", "custom_fields": given}])
    synchronised(adapter(netbox, CUSTOM), source).raise_for_failure()
    assert netbox.named("dcim/sites", "a")["custom_fields"] == {"owner": None, "code": None, **given}
    assert not adapter(netbox, CUSTOM).diff_from(source).has_diffs()


def test_what_an_owner_tag_is_given_to_can_be_deleted_at_a_custom_endpoint(netbox: Estate) -> None:
    own = netbox.add("extras/tags", name="own", slug="own")

    def answer(request: Request) -> Reply:
        reply = netbox.answer(request)
        for panel in reply.body["results"] if request.method == "GET" and "power-panels" in request.path else ():
            if "tags" in panel:
                panel["tags"] = [netbox.brief("extras/tags", own) for _tag in panel["tags"] or ()]
        return reply

    netbox.api.intervene = answer
    declared: Any = {"panel": {"identifiers": ["name"]}}
    mapping = {"panel": {"from": "dcim/power-panels"}}
    target = adapter(netbox, declared, mapping, owner_tag="own")
    synchronised(target, wanted(declared, panel=[{"name": "p1"}])).raise_for_failure()
    synchronised(adapter(netbox, declared, mapping, owner_tag="own"), wanted(declared, panel=[])).raise_for_failure()
    assert not netbox.table("dcim/power-panels")


@pytest.mark.parametrize("release", ["4.5.1", "4.7.3"])
def test_netbox_objects_that_go_while_pages_are_read_hide_no_others(release: str, netbox: Estate) -> None:
    netbox.status = {"netbox-version": release}
    _check_that_none_is_hidden(netbox, "dcim/sites", "site", SITES)


def test_nautobot_objects_that_go_while_pages_are_read_hide_no_others(nautobot: NautobotEstate) -> None:
    _check_that_none_is_hidden(nautobot, "dcim/locations", "location", LOCATIONS)


def _check_that_none_is_hidden(estate: Estate, endpoint: str, model: str, declared: Any) -> None:
    ids = [estate.add(endpoint, name=f"s{number}", status="active", slug=f"s{number}") for number in range(7)]
    usual = estate.api.intervene

    def remove_behind_the_first_page(request: Any) -> Reply | None:
        reply = usual(request)
        if request.method == "GET" and endpoint in request.path and estate.table(endpoint).pop(ids[0], None):
            estate.add(endpoint, name="new", status="active", slug="new")
        return reply

    target = adapter(estate, declared, loaded=False, page_size=2)
    estate.api.intervene = remove_behind_the_first_page
    target.load()
    assert {f"s{number}" for number in range(1, 7)} <= {obj.name for obj in target.get_all(model)}
