# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter ``nautobot`` against a real Nautobot."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.plan.result import Result
from dsync.records.definition import DataModel, data_model
from dsync.testing.conformance import SECRET, AdapterConformance
from nautobot_estate import EVERYTHING, LOCATION_MODELS, LYON, NETWORK_MODELS
from nautobot_server import Nautobot
from netbox_estate import dataset

CONTINUE = DSyncFlags.CONTINUE_ON_FAILURE
BUILT_IN = {"status", "role", "namespace"}
"""Models of which Nautobot has objects from the beginning."""


@pytest.fixture
def server(nautobot: Nautobot) -> Nautobot:
    """A Nautobot that holds what its migrations made."""
    return nautobot


def models(declared: Any = None) -> DataModel:
    return NautobotAdapter.own_models() if declared is None else data_model(declared, base=RecordModel)


def adapter(server: Nautobot, declared: Any = None, mapping: Any = None, loaded: bool = True, **options: Any) -> NautobotAdapter:
    kind = NautobotAdapter.bound(models(declared), mapping)
    made: NautobotAdapter = kind(**{"url": server.url, "token": server.token, **options})
    if loaded:
        made.load()
    return made


def synchronised(target: NautobotAdapter, source: DSync, flags: DSyncFlags = DSyncFlags.NONE) -> Result:
    return target.apply(Plan.from_diff(target.diff_from(source, flags=flags)), source, flags)


def said(result: Result) -> list[tuple[str, str]]:
    return [(str(one.change), one.message) for one in result.failures]


def listed(server: Nautobot, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.call("GET", path)["results"]
    return found


def locations(server: Nautobot, *names: str, **options: Any) -> NautobotAdapter:
    """Let Nautobot have these locations, all of them active, and return the adapter that did it."""
    target = adapter(server, LOCATION_MODELS, **options)
    assert said(synchronised(target, sites(names))) == []
    return target


def sites(names: Sequence[str], **more: Any) -> DSync:
    rows = [{"name": name, "location_type": "Site", "status": "Active", "facility": "", **more} for name in names]
    return dataset(models(LOCATION_MODELS), {"location_type": [{"name": "Site", "nestable": False}], "location": rows})


# ---------------------------------------------------------------------- what every adapter does

CUSTOM = [
    ("note", "text"),
    ("floors", "integer"),
    ("rack_number", "integer"),
    ("active", "boolean"),
    ("password", "text"),
    ("label", "text"),
]
MAPPING = {
    "site": {
        "from": "location",
        "where": {"location_type": "Site", "status": "Active"},
        "fields": {"note": "cf.note", "floors": "cf.floors"},
    },
    "device": {
        "where": {"device_type": "Acme__RT-1", "status": "Active"},
        "fields": {"site_name": "location", "rack": "cf.rack_number", "active": "cf.active", "password": "cf.password"},
        "parent": {"name": "location"},
    },
}

PLACES: dict[str, Any] = {
    "place": {"from": "location", "where": {"location_type": "Site", "status": "Active"}},
    "thing": {
        "from": "device",
        "where": {"device_type": "Acme__RT-1", "status": "Active", "role": "router"},
        "parent": {"name": "location"},
    },
}


class TestKit(AdapterConformance):
    """The suite that every adapter passes."""

    @pytest.fixture(autouse=True)
    def _server(self, server: Nautobot) -> None:
        self.server = server
        for key, kind in CUSTOM:
            types = ["dcim.location", "dcim.device"]
            server.call("POST", "extras/custom-fields/", {"key": key, "label": key, "type": kind, "content_types": types})
        server.call("POST", "dcim/location-types/", {"name": "Site", "content_types": ["dcim.device"]})
        server.call("POST", "dcim/manufacturers/", {"name": "Acme"})
        server.call("POST", "dcim/device-types/", {"manufacturer": {"name": "Acme"}, "model": "RT-1"})
        for name in ("router", "changed"):
            self.add_role(name)

    def add_role(self, name: str) -> None:
        self.server.call("POST", "extras/roles/", {"name": name, "content_types": ["dcim.device"]})

    def adapter(self) -> DSync:
        return NautobotAdapter.bound(self.data_model, MAPPING)(url=self.server.url, token=self.server.token)

    def places(self, models: DataModel) -> DSync:
        fields = {name: f"cf.{name}" for name in models.models["thing"]._attributes}
        mapping = {**PLACES, "thing": {**PLACES["thing"], "fields": fields}}
        return NautobotAdapter.bound(models, mapping)(url=self.server.url, token=self.server.token)

    def break_it(self, adapter: DSync) -> Callable[[], None]:
        role = listed(self.server, "extras/roles/?name=changed")[0]
        self.server.call("DELETE", f"extras/roles/{role['id']}/")
        return lambda: self.add_role("changed")

    @pytest.mark.long
    def test_it_can_be_made_empty_again(self) -> None:
        super().test_it_can_be_made_empty_again()

    @pytest.mark.long
    def test_comparing_changes_nothing(self) -> None:
        super().test_comparing_changes_nothing()

    @pytest.mark.long
    def test_a_failure_leaves_nothing_half_done(self) -> None:
        super().test_a_failure_leaves_nothing_half_done()

    @pytest.mark.long
    def test_secrets_stay_hidden(self) -> None:
        super().test_secrets_stay_hidden()

    @pytest.mark.long
    def test_a_move_is_one_change_that_keeps_unmapped_fields(self) -> None:
        super().test_a_move_is_one_change_that_keeps_unmapped_fields()

    @pytest.mark.long
    def test_a_rename_is_one_change_that_keeps_unmapped_fields(self) -> None:
        super().test_a_rename_is_one_change_that_keeps_unmapped_fields()

    @pytest.mark.long
    def test_an_empty_string_and_null_come_back_alike_every_time(self) -> None:
        super().test_an_empty_string_and_null_come_back_alike_every_time()

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        kind, given = NautobotAdapter.bound(self.data_model, MAPPING), {"url": self.server.url, "token": self.server.token}
        yield lambda: kind(**given, workers=0), "options.workers"
        yield lambda: kind(**given, filters={"devise": {}}), "device"
        yield lambda: kind(**{**given, "url": "nautobot"}), "options.url"
        yield lambda: kind(**{**given, "token": "0" * 40}).load(), "Invalid token"
        yield lambda: kind(**{**given, "url": "http://127.0.0.1:9"}, tries=1).load(), "refuses the connection"

    def secrets(self) -> list[str]:
        return [SECRET, self.server.token]


# ---------------------------------------------------------------------- every model


def test_every_model_is_written_read_back_unchanged_and_deleted_again(server: Nautobot) -> None:
    source = dataset(models(), EVERYTHING)
    kept = DSyncFlags.SKIP_UNMATCHED_DST
    target = adapter(server)
    before = len(target)
    assert said(synchronised(target, source, kept)) == []
    assert set(EVERYTHING) == {kind.name for kind in NautobotAdapter.kinds}
    again = adapter(server)
    assert again.diff_from(source, flags=kept).summary() == {
        "create": 0, "update": 0, "move": 0, "delete": 0, "no-change": len(source), "skip": before,
    }  # fmt: skip
    assert not target.diff_from(source, flags=kept).has_diffs(), "the adapter's own objects were not kept in step"
    own = {name: {row["name"] for row in rows} for name, rows in EVERYTHING.items() if name in BUILT_IN}
    rows = {name: [obj.dict() for obj in again.get_all(name) if obj.get_unique_id() not in own[name]] for name in own}
    nothing = dataset(models(), rows)
    assert said(synchronised(again, nothing)) == []
    assert len(adapter(server)) == before


def test_lists_that_nautobot_keeps_beside_its_objects_are_changed(server: Nautobot) -> None:
    kept = DSyncFlags.SKIP_UNMATCHED_DST
    assert said(synchronised(adapter(server), dataset(models(), EVERYTHING), kept)) == []
    rows: dict[str, Any] = json.loads(json.dumps(EVERYTHING))
    rows["prefix"][1]["locations"] = [LYON]
    rows["prefix"][2]["vrfs"] = []
    rows["vlan"][1]["locations"] = []
    rows["vlan"][2]["locations"] = [LYON]
    rows["ip_address"][1]["interfaces"] = ["rt-2__lag1", "rt-2__eth0/0"]
    rows["ip_address"][0]["dns_name"] = "c.d"
    target, source = adapter(server), dataset(models(), rows)
    result = synchronised(target, source, kept)
    assert said(result) == []
    assert sorted({one.change.model for one in result.outcomes}) == ["ip_address", "prefix", "vlan"]
    assert not target.diff_from(source, flags=kept).has_diffs()
    assert not adapter(server).diff_from(source, flags=kept).has_diffs()


def test_addresses_come_after_the_prefixes_around_them_and_go_before(server: Nautobot) -> None:
    rows = {
        "prefix": [{"prefix": "10.0.0.0/24", "status": "Active"}, {"prefix": "2001:db8::/32", "status": "Active"}],
        "ip_address": [{"address": "10.0.0.7/25", "status": "Active"}, {"address": "2001:db8::7/64", "status": "Active"}],
    }
    source = dataset(models(NETWORK_MODELS), rows)
    backwards = {"ip_address": NETWORK_MODELS["ip_address"], "prefix": NETWORK_MODELS["prefix"]}
    target = adapter(server, backwards)
    assert said(synchronised(target, source)) == []
    again = adapter(server, NETWORK_MODELS)
    assert not again.diff_from(source).has_diffs()
    assert said(synchronised(again, type(source)(name="empty"))) == []
    assert listed(server, "ipam/prefixes/") == []


def test_a_prefix_that_comes_or_goes_around_addresses_that_stay(server: Nautobot) -> None:
    outer, inner = ({"prefix": prefix, "status": "Active"} for prefix in ("10.0.0.0/8", "10.0.0.0/24"))
    address = {"address": "10.0.0.7/24", "status": "Active"}
    for prefixes in ([outer], [outer, inner], [inner], [outer]):
        source = dataset(models(NETWORK_MODELS), {"prefix": prefixes, "ip_address": [address]})
        assert said(synchronised(adapter(server, NETWORK_MODELS), source)) == []
        assert not adapter(server, NETWORK_MODELS).diff_from(source).has_diffs()


def test_an_address_without_a_prefix_is_refused_in_nautobots_words(server: Nautobot) -> None:
    source = dataset(models(NETWORK_MODELS), {"ip_address": [{"address": "10.0.0.7/24", "status": "Active"}]})
    ((_change, message),) = said(synchronised(adapter(server, NETWORK_MODELS), source))
    assert message == "namespace: No suitable parent Prefix for 10.0.0.7 exists in Namespace Global"


# ---------------------------------------------------------------------- what Nautobot says nothing of


def test_a_field_that_nautobot_would_ignore_is_reported_first(server: Nautobot) -> None:
    locations(server, "Paris")
    declared = {"location": {"identifiers": ["name"], "attributes": {"status": "str", "colour": "str | None"}}}
    mapping = {"location": {"fields": {"colour": {"from": "colour", "default": None}}}}
    target = adapter(server, declared, mapping)
    source = dataset(models(declared), {"location": [{"name": "Paris", "status": "Active", "colour": "red"}]})
    ((_change, message),) = said(synchronised(target, source))
    assert message.startswith('Nautobot has no field "colour" of location objects that can be written (known: ')


def test_custom_fields_and_unknown_ones(server: Nautobot) -> None:
    field = {"key": "owner", "label": "Owner", "type": "text", "content_types": ["dcim.location"]}
    server.call("POST", "extras/custom-fields/", field)
    locations(server, "Paris", "Lyon")
    declared = {"location": {"identifiers": ["name"], "attributes": {"custom_fields": "dict[str, any]"}}}
    rows = {"location": [{"name": "Paris", "custom_fields": {"owner": "Zoë"}}, {"name": "Lyon", "custom_fields": {"owners": "x"}}]}
    result = synchronised(adapter(server, declared), dataset(models(declared), rows), CONTINUE)
    assert said(result) == [
        ('update location "Lyon"', 'Nautobot has no custom field "owners" (did you mean "owner"? known: owner)')
    ]
    assert listed(server, "dcim/locations/?name=Paris")[0]["custom_fields"] == {"owner": "Zoë"}


def test_what_is_gone_meanwhile_is_reported_or_no_error(server: Nautobot) -> None:
    locations(server, "Paris", "Lyon", "Nice")
    target = adapter(server, LOCATION_MODELS)
    for name in ("Paris", "Lyon"):
        server.call("DELETE", f"dcim/locations/{listed(server, f'dcim/locations/?name={name}')[0]['id']}/")
    result = synchronised(target, sites(["Paris", "Nice"], facility="new"), CONTINUE)
    assert said(result) == [('update location "Paris"', "the object no longer exists on the server")]
    assert [(one["name"], one["facility"]) for one in listed(server, "dcim/locations/")] == [("Nice", "new")]


def test_a_delete_that_is_not_done_is_no_success(server: Nautobot) -> None:
    token = server.add_user("careful")
    permissions = listed(server, "users/permissions/?limit=100")
    locations(server, "Paris", "Lyon")
    for permission in permissions:
        if "delete" in permission["actions"] and "careful" in json.dumps(permission):
            server.call("PATCH", f"users/permissions/{permission['id']}/", {"actions": ["view", "add", "change"]})
    user = listed(server, "users/users/?username=careful")[0]
    only = {
        "name": "only Lyon",
        "object_types": ["dcim.location"],
        "actions": ["delete"],
        "constraints": {"name": "Lyon"},
        "users": [user["id"]],
    }
    server.call("POST", "users/permissions/", only)
    result = synchronised(adapter(server, LOCATION_MODELS, token=token), sites([]), CONTINUE)
    assert said(result) == [
        (
            'delete location "Paris"',
            "Nautobot answers that it is deleted, and it is still there; check that the token has permission to delete it",
        )
    ]
    assert [one["name"] for one in listed(server, "dcim/locations/")] == ["Paris"]


# ---------------------------------------------------------------------- in bulk, and some of them wrong


def test_objects_that_nautobot_refuses_are_named_and_the_others_written(server: Nautobot) -> None:
    names = [f"S{number}" for number in range(12)]
    locations(server)
    target, source = adapter(server, LOCATION_MODELS), sites(names)
    source.get("location", "S3").location_type = "Nowhere"
    source.get("location", "S8").facility = "x" * 300
    result = synchronised(target, source, CONTINUE)
    told = dict(said(result))
    assert told.keys() == {'create location "S3"', 'create location "S8"'}
    assert told['create location "S8"'] == "facility: Ensure this field has no more than 255 characters."
    assert {one["name"] for one in listed(server, "dcim/locations/?limit=50")} == set(names) - {"S3", "S8"}


def test_bulk_changes_are_halved_down_to_the_one_to_blame(server: Nautobot) -> None:
    names = [f"S{number}" for number in range(8)]
    locations(server, *names)
    source = sites(names, facility="new")
    source.get("location", "S5").facility = "x" * 300
    result = synchronised(adapter(server, LOCATION_MODELS), source, CONTINUE)
    assert said(result) == [('update location "S5"', "facility: Ensure this field has no more than 255 characters.")]
    there = {one["name"]: one["facility"] for one in listed(server, "dcim/locations/?limit=50")}
    assert there == {name: "" if name == "S5" else "new" for name in names}


def test_a_delete_that_others_depend_on_names_them(server: Nautobot) -> None:
    locations(server, "Paris", "Lyon")
    paris = listed(server, "dcim/locations/?name=Paris")[0]["id"]
    server.call("POST", "dcim/racks/", {"name": "R9", "location": paris, "status": {"name": "Active"}})
    ((change, message),) = said(synchronised(adapter(server, LOCATION_MODELS), sites([]), CONTINUE))
    assert change == 'delete location "Paris"'
    assert "1 dependent objects were found: R9" in message
    assert [one["name"] for one in listed(server, "dcim/locations/")] == ["Paris"]


# ---------------------------------------------------------------------- who owns what


def test_only_what_was_created_here_is_deleted(server: Nautobot) -> None:
    locations(server, "Foreign")
    tagged = {"owner_tag": "made by Ansible"}
    assert said(synchronised(adapter(server, LOCATION_MODELS, **tagged), sites(["Foreign", "Ours"]))) == []
    target = adapter(server, LOCATION_MODELS, **tagged)
    diff = target.diff_from(sites([]))
    assert {element.uid: element.protected for element in diff.walk()} == {
        "Foreign": 'protected: it does not have the tag "made by Ansible"', "Ours": "",
    }  # fmt: skip
    synchronised(target, sites([]), CONTINUE)
    assert [one["name"] for one in listed(server, "dcim/locations/")] == ["Foreign"]


# ---------------------------------------------------------------------- loading


def test_pages_and_filters(server: Nautobot) -> None:
    locations(server, "A", "B", "C", "D", "E")
    assert adapter(server, LOCATION_MODELS, page_size=2).count("location") == 5
    chosen = adapter(server, LOCATION_MODELS, filters={"location": {"name": ["A", "C"]}})
    assert {obj.name for obj in chosen.get_all("location")} == {"A", "C"}
    with pytest.raises(RecordProblem, match=r"location cannot be loaded: GET /api/dcim/locations/: .*400.*Unknown filter field"):
        adapter(server, LOCATION_MODELS, filters={"location": {"nme": "A"}})


def test_two_locations_of_one_name_are_left_alone_and_a_warning_shows_both(server: Nautobot) -> None:
    locations(server, "Paris", "Lyon")
    there = {one["name"]: one["id"] for one in listed(server, "dcim/locations/")}
    kind = listed(server, "dcim/location-types/")[0]["id"]
    server.call("PATCH", f"dcim/location-types/{kind}/", {"nestable": True})
    again = {"name": "Paris", "location_type": kind, "status": {"name": "Active"}, "parent": there["Lyon"]}
    server.call("POST", "dcim/locations/", again)
    target = adapter(server, LOCATION_MODELS)
    assert [one.name for one in target.get_all("location")] == ["Lyon"]
    assert f"dcim/locations/{there['Paris']}" in target.load_warnings[0]
    assert [one.name for one in adapter(server).get_all("location")].count("Paris") == 2


def test_the_next_load_asks_only_for_what_has_changed(server: Nautobot, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    options = {"cache": str(path), "full_every": 3}
    locations(server, "A", "B", "C")
    adapter(server, LOCATION_MODELS, **options)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.token not in path.read_text()
    there = {one["name"]: one["id"] for one in listed(server, "dcim/locations/")}
    server.call("PATCH", f"dcim/locations/{there['A']}/", {"facility": "new"})
    server.call("DELETE", f"dcim/locations/{there['B']}/")
    second = adapter(server, LOCATION_MODELS, **options)
    assert {obj.name: obj.facility for obj in second.get_all("location")} == {"A": "new", "C": ""}


def test_a_kind_that_does_not_exist_is_named(server: Nautobot) -> None:
    with pytest.raises(DefinitionError, match=r'there is no "sites" in nautobot'):
        adapter(server, {"sites": LOCATION_MODELS["location_type"]})


# ---------------------------------------------------------------------- what the server does not allow


def test_a_user_without_permission_for_one_model(server: Nautobot) -> None:
    token = server.add_user("reader", read_only=["dcim.location"])
    locations(server)
    declared = {**LOCATION_MODELS, "tenant": {"identifiers": ["name"], "attributes": {"description": "str"}}}
    rows = {
        "location_type": [{"name": "Site", "nestable": False}],
        "location": [{"name": "A", "location_type": "Site", "status": "Active", "facility": ""}],
        "tenant": [{"name": "t", "description": ""}],
    }
    result = synchronised(adapter(server, declared, token=token), dataset(models(declared), rows), CONTINUE)
    assert said(result) == [('create location "A"', "You do not have permission to perform this action.")]
    assert [one["name"] for one in listed(server, "tenancy/tenants/")] == ["t"]


def test_a_server_that_is_none_or_does_not_let_one_in(server: Nautobot) -> None:
    with pytest.raises(RecordProblem, match="the server answers 403: Invalid token; check the token"):
        adapter(server, LOCATION_MODELS, token="0" * 40)
    with pytest.raises(RecordProblem, match=r"404.*check that this is the address of a Nautobot, without /api"):
        adapter(server, LOCATION_MODELS, url=f"{server.url}/api")
