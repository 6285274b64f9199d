# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter ``netbox`` against a real NetBox."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.plan.result import Result
from dsync.records.definition import DataModel, data_model
from dsync.testing.conformance import SECRET, AdapterConformance
from netbox_estate import DEVICE_MODELS, DEVICES, EVERYTHING, dataset
from netbox_server import NetBox

CONTINUE = DSyncFlags.CONTINUE_ON_FAILURE
SITES = {"site": {"identifiers": ["name"], "attributes": {"slug": "str", "status": "str"}}}


def models(declared: Any = None) -> DataModel:
    return NetBoxAdapter.own_models() if declared is None else data_model(declared, base=RecordModel)


def adapter(server: NetBox, declared: Any = None, mapping: Any = None, loaded: bool = True, **options: Any) -> NetBoxAdapter:
    made: NetBoxAdapter = NetBoxAdapter.bound(models(declared), mapping)(**{"url": server.url, "token": server.token, **options})
    if loaded:
        made.load()
    return made


def synchronised(target: NetBoxAdapter, source: DSync, flags: DSyncFlags = DSyncFlags.NONE) -> Result:
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags)
    assert target.diff_from(source).summary()["no-change"] >= 0
    return result


def sites(server: NetBox, *names: str, **options: Any) -> NetBoxAdapter:
    """Let NetBox have these sites, all of them active, and return the adapter that did it."""
    target = adapter(server, SITES, **options)
    rows = [{"name": name, "slug": name.lower(), "status": "active"} for name in names]
    assert not synchronised(target, dataset(models(SITES), {"site": rows})).failures
    return target


def listed(server: NetBox, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.call("GET", path)["results"]
    return found


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
    "site": {"fields": {"note": "cf.note", "floors": "cf.floors"}},
    "device": {
        "where": {"device_type": "Acme__RT-1", "status": "active"},
        "fields": {"site_name": "site", "rack": "cf.rack_number", "active": "cf.active", "password": "cf.password"},
        "parent": {"name": "site"},
    },
}

PLACES: dict[str, Any] = {
    "place": {"from": "site", "where": {"status": "active"}},
    "thing": {
        "from": "device",
        "where": {"device_type": "Acme__RT-1", "status": "active", "role": "router"},
        "parent": {"name": "site"},
    },
}


class TestKit(AdapterConformance):
    """The suite that every adapter passes."""

    @pytest.fixture(autouse=True)
    def _server(self, netbox: NetBox) -> None:
        self.server = netbox
        for name, kind in CUSTOM:
            types = ["dcim.site", "dcim.device"]
            netbox.call("POST", "extras/custom-fields/", {"name": name, "type": kind, "object_types": types, "required": False})
        netbox.call("POST", "dcim/manufacturers/", {"name": "Acme", "slug": "acme"})
        netbox.call("POST", "dcim/device-types/", {"manufacturer": {"name": "Acme"}, "model": "RT-1", "slug": "rt-1"})
        for name in ("router", "changed"):
            netbox.call("POST", "dcim/device-roles/", {"name": name, "slug": name, "color": "ff0000"})

    def adapter(self) -> DSync:
        return NetBoxAdapter.bound(self.data_model, MAPPING)(url=self.server.url, token=self.server.token)

    def places(self, models: DataModel) -> DSync:
        fields = {name: f"cf.{name}" for name in models.models["thing"]._attributes}
        mapping = {**PLACES, "thing": {**PLACES["thing"], "fields": fields}}
        return NetBoxAdapter.bound(models, mapping)(url=self.server.url, token=self.server.token)

    def break_it(self, adapter: DSync) -> Callable[[], None]:
        role = listed(self.server, "dcim/device-roles/?name=changed")[0]
        self.server.call("DELETE", f"dcim/device-roles/{role['id']}/")
        return lambda: self.server.call("POST", "dcim/device-roles/", {"name": "changed", "slug": "changed", "color": "ff0000"})

    @pytest.mark.long
    def test_a_failure_leaves_nothing_half_done(self) -> None:
        super().test_a_failure_leaves_nothing_half_done()

    @pytest.mark.long
    def test_an_empty_string_and_null_come_back_alike_every_time(self) -> None:
        super().test_an_empty_string_and_null_come_back_alike_every_time()

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        kind, given = NetBoxAdapter.bound(self.data_model, MAPPING), {"url": self.server.url, "token": self.server.token}
        yield lambda: kind(**given, workers=0), "options.workers"
        yield lambda: kind(**given, page_size="many"), "options.page_size"
        yield lambda: kind(**given, filters={"devise": {}}), "device"
        yield lambda: kind(**given, full_every="often"), "options.full_every"
        yield lambda: kind(**{**given, "url": "netbox"}), "options.url"
        yield lambda: kind(**{**given, "token": "0" * 40}).load(), "Invalid"
        yield lambda: kind(**{**given, "url": "http://127.0.0.1:9"}, tries=1).load(), "refuses the connection"

    def secrets(self) -> list[str]:
        return [SECRET, self.server.token]


# ---------------------------------------------------------------------- every model


def test_every_model_is_written_read_back_unchanged_and_deleted_again(netbox: NetBox) -> None:
    source = dataset(models(), EVERYTHING)
    target = adapter(netbox)
    result = synchronised(target, source)
    assert [(str(one.change), one.message) for one in result.failures] == []
    assert set(EVERYTHING) == {kind.name for kind in NetBoxAdapter.kinds}
    again = adapter(netbox)
    none = {"create": 0, "update": 0, "move": 0, "delete": 0}
    assert again.diff_from(source).summary() == {**none, "no-change": len(source), "skip": 0}
    assert not target.diff_from(source).has_diffs()
    result = synchronised(again, type(source)(name="empty"))
    assert [(str(one.change), one.message) for one in result.failures] == []
    assert len(adapter(netbox)) == 0


def test_what_the_adapter_does_not_ask_about_is_as_the_server_describes_it(netbox: NetBox) -> None:
    for kind in NetBoxAdapter.kinds:
        described = netbox.call("OPTIONS", f"{kind.endpoint}/")["actions"]["POST"]
        names = {*kind.identifiers, *kind.attributes} - kind.placed.keys()
        names |= {native for placed in kind.placed.values() for native in placed.natives[:2]}
        assert {name for name in names if described.get(name, {"read_only": True})["read_only"]} == set(), kind.name
        assert {name for name in names if described[name].get("choices")} <= (kind.checked or {}).keys(), kind.name


def test_an_update_changes_what_differs_and_nothing_else(netbox: NetBox) -> None:
    synchronised(adapter(netbox, DEVICE_MODELS), dataset(models(DEVICE_MODELS), DEVICES))
    netbox.call("PATCH", "dcim/devices/1/", {"airflow": "front-to-rear"})
    rows = {**DEVICES, "device": [{**row, "status": "offline", "site": "Lyon"} for row in DEVICES["device"]]}
    result = synchronised(adapter(netbox, DEVICE_MODELS), dataset(models(DEVICE_MODELS), rows))
    assert [(one.change.action, one.change.model) for one in result.outcomes] == [("update", "device")] * 2
    device = listed(netbox, "dcim/devices/?name=rt-1")[0]
    assert (device["status"]["value"], device["site"]["name"], device["airflow"]["value"]) == ("offline", "Lyon", "front-to-rear")


def test_narrower_models_refer_to_what_they_do_not_load(netbox: NetBox) -> None:
    synchronised(adapter(netbox, DEVICE_MODELS), dataset(models(DEVICE_MODELS), DEVICES))
    netbox.call("POST", "dcim/device-roles/", {"name": "Edge", "slug": "edge", "color": "ff0000"})
    attributes = {"site": "str", "role": "str", "rack": "str | None", "device_type": "str", "serial": "str"}
    declared = {"device": {"identifiers": ["name"], "attributes": attributes}}
    target = adapter(netbox, declared)
    row = {"site": "Paris", "role": "Core", "rack": None, "device_type": "Acme__RT-1", "serial": ""}
    assert target.get("device", "rt-1").get_attrs() == row
    rows = [{**row, "name": "rt-1", "role": "Edge"}, {**row, "name": "rt-2", "role": "Nowhere"}]
    result = synchronised(target, dataset(models(declared), {"device": rows}), CONTINUE)
    assert [one.message for one in result.failures] == ['role: the server has no device_role "Nowhere" (known: Core, Edge)']
    assert listed(netbox, "dcim/devices/?name=rt-1")[0]["role"]["name"] == "Edge"


def test_a_model_of_an_endpoint_that_the_adapter_does_not_know(netbox: NetBox) -> None:
    declared = {
        **SITES,
        "panel": {"identifiers": {"site": {"ref": "site"}, "name": "str"}, "attributes": {"description": "str"}},
    }
    target = adapter(netbox, declared, {"panel": {"from": "dcim/power-panels"}})
    rows = {
        "site": [{"name": "Paris", "slug": "p", "status": "active"}],
        "panel": [{"site": "Paris", "name": "P1", "description": "x"}],
    }
    assert not synchronised(target, dataset(models(declared), rows)).failures
    again = adapter(netbox, declared, {"panel": {"from": "dcim/power-panels"}})
    assert not again.diff_from(dataset(models(declared), rows)).has_diffs()


def test_a_kind_that_does_not_exist_is_named(netbox: NetBox) -> None:
    with pytest.raises(DefinitionError, match=r'mapping.sitez.from: there is no "sitez" in netbox .*did you mean "site"'):
        adapter(netbox, {"sitez": SITES["site"]})
    with pytest.raises(RecordProblem, match="sites cannot be loaded: GET /api/dcim/nothings/: the server answers 404"):
        adapter(netbox, {"sites": SITES["site"]}, {"sites": {"from": "dcim/nothings"}})


def test_single_custom_fields_and_unknown_ones(netbox: NetBox) -> None:
    field = {"name": "owner", "type": "text", "object_types": ["dcim.site"], "required": False}
    netbox.call("POST", "extras/custom-fields/", field)
    declared = {"site": {"identifiers": ["name"], "attributes": {"owner": "str | None"}}}
    mapping = {"site": {"fields": {"owner": "cf.owner"}}}
    sites(netbox, "Paris")
    rows = {"site": [{"name": "Paris", "owner": "Zoë"}, {"name": "Lyon", "owner": None}]}
    assert not synchronised(adapter(netbox, declared, mapping), dataset(models(declared), rows)).failures
    assert listed(netbox, "dcim/sites/?name=Paris")[0]["custom_fields"] == {"owner": "Zoë"}
    assert not adapter(netbox, declared, mapping).diff_from(dataset(models(declared), rows)).has_diffs()
    wrong = {"site": {"fields": {"owner": "cf.owners"}}}
    with pytest.raises(RecordProblem, match=r'site.owner: the record has no "cf.owners"'):
        adapter(netbox, {"site": {"identifiers": ["name"], "attributes": {"owner": "str"}}}, wrong)
    with pytest.raises(DefinitionError, match=r'site.fields.owner: no site has a field "cf.owners", and there is "cf.owner"'):
        adapter(netbox, declared, wrong)


def test_a_custom_field_refers_to_objects_if_the_model_says_so(netbox: NetBox) -> None:
    for name, kind in (("owner", "object"), ("users", "multiobject")):
        field = {"name": name, "type": kind, "related_object_type": "tenancy.tenant", "object_types": ["dcim.site"]}
        netbox.call("POST", "extras/custom-fields/", field)
    declared = {
        "tenant": {"identifiers": ["name"]},
        "site": {
            "identifiers": ["name"],
            "attributes": {
                "owner": {"ref": "tenant", "type": "str | None"},
                "users": {"ref": "tenant", "type": "list[str] | None"},
            },
        },
    }
    mapping = {"site": {"fields": {"owner": "cf.owner", "users": "cf.users"}}}
    rows = {
        "tenant": [{"name": "Red"}, {"name": "Blue"}],
        "site": [{"name": "Paris", "owner": "Red", "users": ["Blue", "Red"]}, {"name": "Lyon", "owner": None, "users": None}],
    }
    synchronised(adapter(netbox, declared, mapping), dataset(models(declared), rows)).raise_for_failure()
    (paris,) = listed(netbox, "dcim/sites/?name=Paris")
    assert paris["custom_fields"]["owner"]["name"] == "Red"
    assert {one["name"] for one in paris["custom_fields"]["users"]} == {"Red", "Blue"}
    assert not adapter(netbox, declared, mapping).diff_from(dataset(models(declared), rows)).has_diffs()


# ---------------------------------------------------------------------- in bulk, and some of them wrong


def test_one_request_creates_many_and_the_change_log_names_them(netbox: NetBox) -> None:
    target = sites(netbox, *(f"S{number}" for number in range(40)), changelog_message="from the inventory")
    told = target.result_records()
    assert (told["netbox_version"], len(told["request_ids"])) == (netbox.version, 1)
    assert told["requests"] <= 4
    log = listed(netbox, f"core/object-changes/?request_id={told['request_ids'][0]}&limit=1")
    assert log[0]["message"] == "from the inventory"


def test_objects_that_netbox_refuses_are_named_and_the_others_written(netbox: NetBox) -> None:
    names = [f"S{number}" for number in range(16)]
    rows = [{"name": name, "slug": name.lower(), "status": "active"} for name in names]
    rows[3]["status"], rows[11]["slug"] = "sleeping", "no slug"
    target = adapter(netbox, SITES)
    loading = target.result_records()["requests"]
    result = synchronised(target, dataset(models(SITES), {"site": rows}), CONTINUE)
    said = {one.change.id: one.message for one in result.failures}
    assert said.keys() == {"S3", "S11"}
    assert said["S3"].startswith("status: ")
    assert "sleeping" in said["S3"]
    assert said["S11"].startswith("slug: ")
    assert {site["name"] for site in listed(netbox, "dcim/sites/?limit=50")} == set(names) - {"S3", "S11"}
    assert target.result_records()["requests"] - loading <= 9, "what NetBox has refused already is asked for again"


def test_without_continue_nothing_is_written_after_the_first_refusal(netbox: NetBox) -> None:
    rows = [{"name": f"S{number}", "slug": f"s{number}", "status": "active"} for number in range(8)]
    rows[2]["status"] = "sleeping"
    result = synchronised(adapter(netbox, SITES), dataset(models(SITES), {"site": rows}))
    assert [one.change.id for one in result.failures] == ["S2"]
    assert {site["name"] for site in listed(netbox, "dcim/sites/")} == {"S0", "S1"}


def test_a_delete_that_others_depend_on_names_them(netbox: NetBox) -> None:
    sites(netbox, "Paris", "Lyon", "Nice")
    paris = listed(netbox, "dcim/sites/?name=Paris")[0]
    netbox.call("POST", "dcim/locations/", {"name": "Cellar", "slug": "cellar", "site": paris["id"]})
    netbox.call("POST", "ipam/vlans/", {"name": "v1", "vid": 1, "site": paris["id"]})
    rack = {"name": "R9", "site": paris["id"]}
    netbox.call("POST", "dcim/racks/", rack)
    result = synchronised(adapter(netbox, SITES), dataset(models(SITES), {}), CONTINUE)
    said = {one.change.id: one.message for one in result.failures}
    assert said.keys() == {"Paris"}
    assert "dependent objects were found" in said["Paris"]
    assert "R9" in said["Paris"]
    assert [site["name"] for site in listed(netbox, "dcim/sites/")] == ["Paris"]


def test_what_is_gone_meanwhile_is_reported_or_no_error(netbox: NetBox) -> None:
    sites(netbox, "Paris", "Lyon", "Nice")
    target = adapter(netbox, SITES)
    for name in ("Paris", "Lyon"):
        netbox.call("DELETE", f"dcim/sites/{listed(netbox, f'dcim/sites/?name={name}')[0]['id']}/")
    rows = [{"name": name, "slug": name.lower(), "status": "planned"} for name in ("Paris", "Nice")]
    result = synchronised(target, dataset(models(SITES), {"site": rows}), CONTINUE)
    assert {one.change.id: one.message for one in result.failures}.keys() == {"Paris"}
    assert re.search("does not exist|no longer exists", result.failures[0].message)  # before 4.6 NetBox passes over it
    assert [(site["name"], site["status"]["value"]) for site in listed(netbox, "dcim/sites/")] == [("Nice", "planned")]


# ---------------------------------------------------------------------- who owns what


def test_only_what_was_created_here_is_deleted(netbox: NetBox) -> None:
    sites(netbox, "Foreign")
    sites_of_ours = {"site": [{"name": "Ours", "slug": "ours", "status": "active"}]}
    kept = {"site": [*sites_of_ours["site"], {"name": "Foreign", "slug": "foreign", "status": "active"}]}
    assert not synchronised(adapter(netbox, SITES, owner_tag="made by Ansible"), dataset(models(SITES), kept)).failures
    there = {site["name"]: [tag["name"] for tag in site["tags"]] for site in listed(netbox, "dcim/sites/")}
    assert there == {"Ours": ["made by Ansible"], "Foreign": []}
    target = adapter(netbox, SITES, owner_tag="made by Ansible")
    diff = target.diff_from(dataset(models(SITES), {}))
    assert {child.uid: child.protected for child in diff.get_children()} == {
        "Foreign": 'protected: it does not have the tag "made by Ansible"', "Ours": "",
    }  # fmt: skip
    synchronised(target, dataset(models(SITES), {}), CONTINUE)
    assert [site["name"] for site in listed(netbox, "dcim/sites/")] == ["Foreign"]


def test_the_owner_tag_is_neither_seen_nor_lost(netbox: NetBox) -> None:
    declared = {
        "tag": {"identifiers": ["name"], "attributes": {"slug": "str"}},
        "site": {"identifiers": ["name"], "attributes": {"slug": "str", "tags": {"type": "list[str]", "ref": "tag"}}},
    }
    rows = {"tag": [{"name": "prod", "slug": "prod"}], "site": [{"name": "Paris", "slug": "paris", "tags": []}]}
    assert not synchronised(adapter(netbox, declared, owner_tag="ours"), dataset(models(declared), rows)).failures
    rows["site"][0]["tags"] = ["prod"]
    assert not synchronised(adapter(netbox, declared, owner_tag="ours"), dataset(models(declared), rows)).failures
    assert sorted(tag["name"] for tag in listed(netbox, "dcim/sites/")[0]["tags"]) == ["ours", "prod"]
    assert not adapter(netbox, declared, owner_tag="ours").diff_from(dataset(models(declared), rows)).has_diffs()


# ---------------------------------------------------------------------- loading


def test_pages_filters_and_tokens_of_both_versions(netbox: NetBox) -> None:
    sites(netbox, "A", "B", "C", "D", "E")
    assert adapter(netbox, SITES, page_size=2).count("site") == 5
    assert adapter(netbox, SITES, token=netbox.token_v2).count("site") == 5
    chosen = adapter(netbox, SITES, filters={"site": {"name": ["A", "C"]}})
    assert {site.name for site in chosen.get_all("site")} == {"A", "C"}
    with pytest.raises(RecordProblem, match=r"site cannot be loaded: GET /api/dcim/sites/: the server answers 400.*status"):
        adapter(netbox, SITES, filters={"site": {"status": "sleeping"}})


@pytest.mark.parametrize(
    "filters",
    [
        {"status": "active", "name__n": "Z", "status__n": "retired"},
        {"name__empty": "false", "name__ic": "", "name__nisw": "Z", "q": ""},
        {"created__gte": "2000-01-01", "id__gt": 0, "latitude__empty": "true"},
        {"name": ["A", "B", "C"]},
    ],
)
def test_filters_that_let_everything_through_are_filters(netbox: NetBox, filters: dict[str, Any]) -> None:
    sites(netbox, "A", "B", "C")
    assert adapter(netbox, SITES, filters={"site": filters}).count("site") == 3


@pytest.mark.parametrize("name", ["regoin", "limit", "ordering", "status__in", "cf_nothing", "brief"])
def test_a_filter_that_netbox_does_not_know_is_refused(netbox: NetBox, name: str) -> None:
    sites(netbox, "A", "B", "C")
    with pytest.raises(RecordProblem, match=f'site cannot be loaded: dcim/sites has no filter "{name}", and NetBox ignores'):
        adapter(netbox, SITES, filters={"site": {"status": "active", name: "1"}})


def test_a_reference_to_what_a_filter_leaves_out_is_known(netbox: NetBox) -> None:
    synchronised(adapter(netbox, DEVICE_MODELS), dataset(models(DEVICE_MODELS), DEVICES))
    target = adapter(netbox, DEVICE_MODELS, filters={"site": {"name": "Lyon"}})
    assert target.get("device", "rt-1").site == "Paris"
    assert target.holds("site", "Paris")
    assert not target.holds("site", "Nice")


def test_two_devices_of_one_name_are_left_alone_and_a_warning_shows_both(netbox: NetBox) -> None:
    synchronised(adapter(netbox, DEVICE_MODELS), dataset(models(DEVICE_MODELS), DEVICES))
    netbox.call("POST", "dcim/devices/", {"name": "rt-1", "role": 1, "device_type": 1, "site": {"name": "Lyon"}})
    target = adapter(netbox, DEVICE_MODELS)
    assert [one.name for one in target.get_all("device")] == ["rt-2"]
    assert '"rt-1": dcim/devices/1, site Paris and dcim/devices/3, site Lyon' in target.load_warnings[0]
    synchronised(target, dataset(models(DEVICE_MODELS), DEVICES))
    assert len(listed(netbox, "dcim/devices/")) == 3
    netbox.call("PATCH", "dcim/devices/3/", {"name": None})
    target = adapter(netbox, DEVICE_MODELS)
    assert (target.count("device"), target.result_records()["not_loaded"]) == (2, {"device": 1})


def test_the_next_load_asks_only_for_what_has_changed(netbox: NetBox, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    options = {"cache": str(path), "full_every": 3}
    sites(netbox, "A", "B", "C", "D")
    first = adapter(netbox, SITES, **options)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert netbox.token not in path.read_text()
    a, b = (listed(netbox, f"dcim/sites/?name={name}")[0]["id"] for name in "AB")
    netbox.call("PATCH", f"dcim/sites/{a}/", {"status": "planned"})
    netbox.call("DELETE", f"dcim/sites/{b}/")
    netbox.call("POST", "dcim/sites/", {"name": "E", "slug": "e"})
    kept = json.loads(path.read_text())
    for one in kept["listings"].values():
        for record in one["records"]:
            record["last_updated"] = "2020-01-01T00:00:00Z" if record["name"] == "C" else record["last_updated"]
            record["slug"] = "from the cache" if record["name"] == "C" else record["slug"]
    path.write_text(json.dumps(kept))
    second = adapter(netbox, SITES, **options)
    assert {site.name: site.status for site in second.get_all("site")} == {
        "A": "planned",
        "C": "active",
        "D": "active",
        "E": "active",
    }
    assert first.count("site") == 4
    adapter(netbox, SITES, **options)
    full = adapter(netbox, SITES, **options)
    assert full.get("site", "C").slug == "c", "the fourth load is a full one"
    other = adapter(netbox, SITES, filters={"site": {"name": "D"}}, **options)
    assert other.count("site") == 1, "what was loaded with another filter is of no use"


# ---------------------------------------------------------------------- what the server does not allow


def test_a_user_without_permission_for_one_model(netbox: NetBox) -> None:
    token = netbox.add_user("reader", read_only=["dcim.site"])
    declared = {**SITES, "tag": {"identifiers": ["name"], "attributes": {"slug": "str"}}}
    rows = {"site": [{"name": "A", "slug": "a", "status": "active"}], "tag": [{"name": "t", "slug": "t"}]}
    target, source = adapter(netbox, declared, token=token), dataset(models(declared), rows)
    result = synchronised(target, source, CONTINUE)
    assert [(one.change.model, one.message) for one in result.failures] == [
        ("site", "You do not have permission to perform this action.")
    ]
    assert [tag["name"] for tag in listed(netbox, "extras/tags/")] == ["t"]
    user = netbox.call("POST", "users/users/", {"username": "nobody", "password": "Zx9-quiet-harbour"})
    with pytest.raises(
        RecordProblem, match=r"site cannot be loaded: GET /api/dcim/sites/: the server answers 403: You do not have"
    ):
        adapter(netbox, SITES, token=netbox.new_token(user["id"], "nobody"))


def test_a_server_that_is_none_or_does_not_let_one_in(netbox: NetBox) -> None:
    with pytest.raises(RecordProblem, match="the server answers 403: Invalid v1 token; check the token"):
        adapter(netbox, SITES, token="0" * 40)
    with pytest.raises(RecordProblem, match=r"404.*check that this is the address of a NetBox, without /api"):
        adapter(netbox, SITES, url=f"{netbox.url}/api")
    with pytest.raises(RecordProblem, match="refuses the connection"):
        adapter(netbox, SITES, url="http://127.0.0.1:9", tries=1)
