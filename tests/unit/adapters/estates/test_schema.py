# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Kinds that no adapter knows, as a small server describes them in memory."""

# pylint: disable=dangerous-default-value  # the defaults are never changed

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.adapters.estates.schema import Listed, paired, singulars, walked
from dsync.exceptions import DefinitionError, MissingReference
from dsync.plan.result import Result
from dsync.records.definition import data_model
from estate_server import NetBoxEstate
from netbox_estate import dataset
from rest_api import Reply, served

NESTED = {"type": "nested object", "children": {"id": {}, "url": {}, "name": {}}}
LIST = {"type": "field", "child": NESTED}
ENDS = {"type": "field", "child": {"type": "nested object", "children": {"object_type": {}, "object_id": {}}}}
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
MODELS: dict[str, Any] = {
    "site": {"identifiers": ["name"]},
    "provider": {"identifiers": ["name"], "attributes": {"asns": {"type": "list[str]", "compare": "unordered"}}},
    "provider_network": {
        "identifiers": ["name"],
        "attributes": {
            "provider": "str",
            "role": "str | None",
            "vlan": "int | None",
            "tags": {"type": "list[str]", "compare": "unordered"},
        },
    },
    "assignment": {"identifiers": {"object_type": "str", "object": "str"}, "attributes": {"note": "str"}},
    "cable": {"identifiers": ["label"], "attributes": {"a_ends": {"type": "list[str]", "compare": "unordered"}}},
}
MAPPING = {"assignment": {"from": "plugins/contacts/assignments"}}
ROWS: dict[str, Any] = {
    "site": [{"name": "Paris"}, {"name": "Lyon"}],
    "provider": [{"name": "Acme", "asns": []}, {"name": "Telco", "asns": []}],
    "provider_network": [{"name": "mpls", "provider": "Acme", "role": "Core", "vlan": None, "tags": ["prod"]}],
    "assignment": [{"object_type": "dcim.site", "object": "Paris", "note": "call"}],
    "cable": [{"label": "c1", "a_ends": ["dcim.site:Paris", "circuits.provider:Acme"]}],
}


@pytest.fixture
def netbox() -> Iterator[NetBoxEstate]:
    """A NetBox with kinds that no table has, one of a plugin among them."""
    estate = NetBoxEstate()
    estate.described = {
        "circuits/providers": {"name": TEXT, "slug": {"type": "slug"}, "asns": LIST},
        "circuits/provider-networks": {"name": TEXT, "provider": NESTED, "role": NESTED, "vlan": NUMBER, "tags": LIST},
        "plugins/contacts/assignments": {"object_type": {"type": "field"}, "object_id": NUMBER, "note": TEXT},
        "dcim/cables": {"label": TEXT, "a_ends": ENDS},
    }
    for endpoint, content_type in (
        ("dcim/sites", "dcim.site"),
        ("circuits/providers", "circuits.provider"),
        ("circuits/provider-networks", "circuits.providernetwork"),
        ("dcim/device-roles", "dcim.devicerole"),
        ("plugins/contacts/assignments", "contacts.assignment"),
        ("dcim/cables", "dcim.cable"),
        (None, "core.session"),
    ):
        app, _dot, model = content_type.partition(".")
        address = None if endpoint is None else f"/netbox/api/{endpoint}/"
        estate.add("core/object-types", app_label=app, model=model, rest_api_endpoint=address)
    estate.types = {
        "ProviderNetworkType": {"provider": ("NON_NULL", "ProviderType"), "role": ("NON_NULL", "DeviceRoleType")},
        "ProviderType": {},
        "SessionType": {},
    }
    estate.add("extras/tags", name="prod", slug="prod")
    estate.add("dcim/device-roles", name="Core", slug="core")
    with served(estate.api):
        yield estate


def adapter(estate: NetBoxEstate, declared: Any = MODELS, mapping: Any = MAPPING) -> NetBoxAdapter:
    made = NetBoxAdapter.bound(data_model(declared, base=RecordModel), mapping)(url=estate.api.url, token="0" * 40, tries=1)
    made.load()
    return made


def wanted(rows: Any = ROWS, declared: Any = MODELS) -> DSync:
    return dataset(data_model(declared, base=RecordModel), rows)


def synchronised(estate: NetBoxEstate, source: DSync) -> Result:
    target = adapter(estate)
    return target.apply(Plan.from_diff(target.diff_from(source)), source, DSyncFlags.CONTINUE_ON_FAILURE)


def show_objects(estate: NetBoxEstate) -> None:
    """Let objects of kinds that the small server knows nothing of be told as NetBox tells them: references are objects."""
    shown = estate.shown

    def told(endpoint: str, native: dict[str, Any]) -> dict[str, Any]:
        found = shown(endpoint, native)
        for name, other in (("provider", "circuits/providers"), ("role", "dcim/device-roles")):
            if endpoint == "circuits/provider-networks" and found.get(name):
                found[name] = estate.brief(other, found[name])
        if endpoint in estate.described and "tags" in found:
            found["tags"] = [estate.brief("extras/tags", one) for one in found["tags"]]
        return found

    estate.shown = told  # type: ignore[method-assign]


def test_kinds_that_no_table_has_are_written_read_back_and_repaired(netbox: NetBoxEstate) -> None:
    show_objects(netbox)
    synchronised(netbox, wanted()).raise_for_failure()
    ids = {one["name"]: one["id"] for endpoint in ("dcim/sites", "circuits/providers") for one in netbox.table(endpoint).values()}
    (network,) = netbox.table("circuits/provider-networks").values()
    (assignment,) = netbox.table("plugins/contacts/assignments").values()
    (cable,) = netbox.table("dcim/cables").values()
    (role,), (tag,) = netbox.table("dcim/device-roles"), netbox.table("extras/tags")
    assert (network["provider"], network["role"], network["tags"]) == (ids["Acme"], role, [tag])
    assert (assignment["object_type"], assignment["object_id"]) == ("dcim.site", ids["Paris"])
    assert {(one["object_type"], one["object_id"]) for one in cable["a_ends"]} == {
        ("dcim.site", ids["Paris"]), ("circuits.provider", ids["Acme"]),
    }  # fmt: skip
    assert netbox.named("circuits/providers", "Acme")["slug"] == "acme"
    assert not adapter(netbox).diff_from(wanted()).has_diffs()
    netbox.change("circuits/provider-networks", network["id"], provider=ids["Telco"], tags=[])
    netbox.change("dcim/cables", cable["id"], a_ends=[])
    result = synchronised(netbox, wanted())
    assert sorted(str(one.change) for one in result.outcomes) == ['update cable "c1"', 'update provider_network "mpls"']
    assert not adapter(netbox).diff_from(wanted()).has_diffs()


def test_a_release_that_lists_its_types_elsewhere_and_without_endpoints(netbox: NetBoxEstate) -> None:
    show_objects(netbox)
    netbox.status, netbox.refusing = {"netbox-version": "4.2.9"}, {"GET core/object-types": Reply(404, {})}
    indexes: dict[str, dict[str, str]] = {}
    for one in netbox.tables.pop("core/object-types").values():
        address = one.pop("rest_api_endpoint")
        netbox.add("extras/object-types", **one)
        parts = address.removeprefix("/netbox/api/").strip("/").split("/") if address else []
        for place, part in enumerate(parts):
            path = "/".join(("/api", *parts[:place], ""))
            indexes.setdefault(path, {})[part] = f"http://behind.a.proxy{path}{part}/"
    usual = netbox.api.intervene
    netbox.api.intervene = lambda request: Reply(200, indexes[request.path]) if request.path in indexes else usual(request)
    synchronised(netbox, wanted()).raise_for_failure()
    assert not adapter(netbox).diff_from(wanted()).has_diffs()
    (assignment,) = netbox.table("plugins/contacts/assignments").values()
    assert assignment["object_type"] == "dcim.site"


def test_the_server_is_asked_once_however_many_objects_there_are(netbox: NetBoxEstate) -> None:
    show_objects(netbox)
    providers = [{"name": f"p{number}", "asns": []} for number in range(5)]
    networks = [{**ROWS["provider_network"][0], "name": f"n{number}", "provider": f"p{number}"} for number in range(5)]
    synchronised(netbox, wanted({**ROWS, "provider": providers, "provider_network": networks, "cable": []})).raise_for_failure()
    paths = [request.path for request in netbox.api.sent("POST")]
    assert paths.count("/graphql/") == 3  # the names of all types, and those of the two kinds that refer to others
    described = [request.path for request in netbox.api.sent("OPTIONS")]
    assert sorted(described) == sorted({*described})


def test_a_token_that_may_only_read_reads_the_same(netbox: NetBoxEstate) -> None:
    show_objects(netbox)
    synchronised(netbox, wanted()).raise_for_failure()
    netbox.described = {endpoint: {} for endpoint in netbox.described}
    ends = {name: declared for name, declared in MODELS.items() if name != "assignment"}
    rows = {name: some for name, some in ROWS.items() if name != "assignment"}
    assert not adapter(netbox, ends, {}).diff_from(wanted(rows, ends)).has_diffs()


def test_an_object_of_another_type_with_the_same_name_is_another_object(netbox: NetBoxEstate) -> None:
    show_objects(netbox)
    rows = {**ROWS, "provider": [{"name": "Paris", "asns": []}], "provider_network": [], "cable": []}
    declared = {**MODELS, "assignment": {"identifiers": ["note"], "attributes": {"object_type": "str", "object": "str"}}}
    source = wanted(rows, declared)
    target = adapter(netbox, declared)
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    source.get("assignment", "call").object_type = "circuits.provider"
    target = adapter(netbox, declared)
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    (assignment,), (provider,) = netbox.table("plugins/contacts/assignments").values(), netbox.table("circuits/providers")
    assert (assignment["object_type"], assignment["object_id"]) == ("circuits.provider", provider)


def test_objects_of_any_kind_are_there_before_what_refers_to_them_and_go_after_it(netbox: NetBoxEstate) -> None:
    show_objects(netbox)
    first = {name: MODELS[name] for name in ("cable", "assignment")}
    declared = {**first, **MODELS}
    source, empty = wanted(ROWS, declared), wanted({}, declared)
    target = adapter(netbox, declared)
    plan = Plan.from_diff(target.diff_from(source))
    places = {str(change): place for place, change in enumerate(plan)}
    assert places['create site "Paris"'] < places['create assignment "dcim.site__Paris"']
    assert max(places['create site "Paris"'], places['create provider "Acme"']) < places['create cable "c1"']
    target.apply(plan, source).raise_for_failure()
    plan = Plan.from_diff(adapter(netbox, declared).diff_from(empty))
    places = {str(change): place for place, change in enumerate(plan)}
    assert places['delete assignment "dcim.site__Paris"'] < places['delete site "Paris"']
    assert places['delete cable "c1"'] < places['delete provider "Acme"']


def test_an_end_that_nobody_has_is_refused_before_anything_is_written(netbox: NetBoxEstate) -> None:
    rows = {**ROWS, "cable": [{"label": "c1", "a_ends": ["dcim.site:Nowhere"]}]}
    with pytest.raises(MissingReference, match=r'cable "c1": its a_ends refers to site "Nowhere"'):
        adapter(netbox).sync_from(wanted(rows))
    assert not netbox.table("dcim/sites")


def test_an_object_to_which_one_of_any_kind_refers_is_not_deleted(netbox: NetBoxEstate) -> None:
    synchronised(netbox, wanted()).raise_for_failure()
    source = wanted({**ROWS, "site": [{"name": "Lyon"}]})
    with pytest.raises(MissingReference, match=r'site "Paris": .* refers to it'):
        adapter(netbox).sync_from(source)
    assert netbox.names("dcim/sites") == {"Paris", "Lyon"}


def test_a_type_that_the_server_does_not_have_is_named(netbox: NetBoxEstate) -> None:
    show_objects(netbox)
    rows = {
        **ROWS,
        "assignment": [{"object_type": "dcim.sites", "object": "Paris", "note": ""}],
        "cable": [{"label": "c1", "a_ends": ["Paris"]}],
    }
    said = {one.change.model: one.message for one in synchronised(netbox, wanted(rows)).failures}
    assert said == {
        "assignment": 'object: the server has no type of objects "dcim.sites"; one is written like dcim.site',
        "cable": 'a_ends: "Paris" should be a type and a name, such as dcim.interface:rt-1__eth0',
    }


def test_what_a_reference_refers_to_has_to_be_declared_where_the_server_does_not_report_it(netbox: NetBoxEstate) -> None:
    netbox.types = None
    show_objects(netbox)
    (failure,) = synchronised(netbox, wanted({**ROWS, "assignment": [], "cable": []})).failures
    assert str(failure.change) == 'create provider_network "mpls"'
    assert failure.message == (
        "provider: the server does not report to what it refers; add that to the models, and declare the reference with ref"
    )
    network = {"identifiers": ["name"], "attributes": {"provider": {"ref": "provider"}}}
    declared = {"provider": MODELS["provider"], "provider_network": network}
    source = wanted({"provider": ROWS["provider"], "provider_network": [{"name": "mpls", "provider": "Acme"}]}, declared)
    target = adapter(netbox, declared, {})
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    assert netbox.named("circuits/provider-networks", "mpls")["provider"]["name"] == "Acme"


def test_a_field_beside_those_of_a_known_kind_may_be_a_reference(netbox: NetBoxEstate) -> None:
    netbox.described["dcim/sites"] = {"name": TEXT, "slug": TEXT, "operator": NESTED}
    netbox.types = {"SiteType": {"operator": ("NON_NULL", "ProviderType")}, "ProviderType": {}}
    provider = netbox.add("circuits/providers", name="Acme", slug="acme")
    declared = {"site": {"identifiers": ["name"], "attributes": {"operator": "str | None"}}}
    source = wanted({"site": [{"name": "Paris", "operator": "Acme"}]}, declared)
    target = adapter(netbox, declared, {})
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    (site,) = netbox.table("dcim/sites").values()
    assert site["operator"] == provider


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "provider_netwrok",
            r'there is no "provider_netwrok" in netbox \(did you mean "provider_network"\? known: .*dcim/sites\.',
        ),
        ("session", r'there is no "session" in netbox'),
        ("prefix_list", r'"prefix_list" are the objects of several endpoints of netbox: write one of plugins/a/.*, plugins/b/'),
    ],
)
def test_a_kind_that_no_server_has_or_several_have_is_named(netbox: NetBoxEstate, model: str, message: str) -> None:
    for plugin in ("a", "b"):
        address = f"/api/plugins/{plugin}/prefix-lists/"
        netbox.add("core/object-types", app_label=plugin, model="prefixlist", rest_api_endpoint=address)
    with pytest.raises(DefinitionError, match=message):
        adapter(netbox, {model: {"identifiers": ["name"]}}, {})


def test_nothing_is_asked_about_kinds_that_the_adapter_knows(netbox: NetBoxEstate) -> None:
    adapter(netbox, {"site": {"identifiers": ["name"], "attributes": {"status": "str"}}}, {})
    assert {request.path for request in netbox.api.sent("GET")} == {"/api/dcim/sites/"}
    assert not netbox.api.sent("OPTIONS")
    assert not netbox.api.sent("POST")


# ---------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("circuits/provider-networks", "provider_network"),
        ("extras/statuses", "status"),
        ("ipam/prefixes", "prefix"),
        ("dcim/device-families", "device_family"),
        ("dcim/virtual-chassis", "virtual_chassis"),
        ("plugins/bgp/address-families", "address_family"),
    ],
)
def test_what_an_object_at_an_endpoint_is_called(endpoint: str, name: str) -> None:
    assert name in singulars(endpoint)


def test_endpoints_have_the_types_of_their_app_or_of_a_plugin() -> None:
    endpoints = ["dcim/software-versions", "load-balancers/pools", "virtualization/interfaces", "plugins/bgp/sessions"]
    types = ["dcim.softwareversion", "load_balancers.pool", "dcim.interface", "nautobot_bgp.session"]
    assert paired(endpoints, types) == [
        Listed("dcim/software-versions", "dcim.softwareversion"),
        Listed("load-balancers/pools", "load_balancers.pool"),
        Listed("virtualization/interfaces", ""),
        Listed("plugins/bgp/sessions", "nautobot_bgp.session"),
    ]


def test_an_index_is_followed_to_apps_and_plugins() -> None:
    base = "https://na.example.com/x/api"
    pages: dict[str, Any] = {
        "": {"dcim": f"{base}/dcim/", "plugins": f"{base}/plugins/", "status": f"{base}/status/"},
        "dcim": {"sites": f"{base}/dcim/sites/", "racks": f"{base}/dcim/racks/"},
        "plugins": {"bgp": f"{base}/plugins/bgp/", "installed-plugins": f"{base}/plugins/installed-plugins/"},
        "plugins/bgp": {"sessions": f"{base}/plugins/bgp/sessions/"},
        "plugins/installed-plugins": [{"name": "BGP"}],
        "status": {"nautobot-version": "3.2.7", "plugins": {}},
    }
    assert walked(lambda path: pages[path]) == ["dcim/sites", "dcim/racks", "plugins/bgp/sessions"]
