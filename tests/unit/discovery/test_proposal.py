# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What is proposed for one dataset or two: identifiers, partners of columns, references; and that every proposal can be loaded."""

from __future__ import annotations

from typing import Any

import pytest
from dsync.adapters import RecordModel, built_in
from dsync.adapters.core.schema import FieldSchema, Schema
from dsync.discovery.overview import overview, records_of
from dsync.discovery.proposal import SOURCE, TARGET, Model, Proposal, Side, model_name, propose
from dsync.discovery.tables import Table, table_of
from dsync.records.definition import data_model
from hypothesis import given
from hypothesis import strategies as st

EXPORT = [
    {"Hostname": "RTR-1", "Site": "nyc", "MTU": "9000", "Serial": "00123", "Owner": "ann"},
    {"Hostname": "rtr-2", "Site": "par", "MTU": "1500", "Serial": "00124", "Owner": ""},
    {"Hostname": "sw-1", "Site": "nyc", "MTU": "1500", "Serial": "00125", "Owner": "bob"},
]
DEVICES = [
    {"id": 11, "name": "rtr-1", "site_id": 1, "mtu": 9000, "serial_no": "00123", "created": "2026-01-01"},
    {"id": 12, "name": "rtr-2", "site_id": 2, "mtu": 1400, "serial_no": "00124", "created": "2026-01-02"},
    {"id": 13, "name": "old", "site_id": 2, "mtu": 1500, "serial_no": "00999", "created": "2026-01-02"},
]
SITES = [{"id": 1, "name": "nyc"}, {"id": 2, "name": "par"}]
OF_DEVICES = Schema(
    {name: FieldSchema(kind) for name, kind in (("id", "int"), ("name", "str"), ("site_id", "int"), ("mtu", "int"))},
    key=("id",),
    references={"site_id": ("sites", "id")},
)


def table(records: list[dict[str, Any]], place: Any = None, schema: Schema | None = None, cells: bool = False) -> Table:
    return table_of([] if place is None else place, str(place), records, schema or Schema({}), cells)


def pair_of(source: list[dict[str, Any]], target: list[dict[str, Any]]) -> Model:
    (model,) = propose(Side({"thing": table(source)}), Side({"thing": table(target)})).models
    return model


def partners(model: Model) -> dict[str, str]:
    return {pair.source.name: pair.target.name for pair in model.names.values() if pair.target}


def test_columns_of_an_export_find_those_of_a_table_through_its_foreign_keys() -> None:
    devices, sites = table(DEVICES, "devices", OF_DEVICES), table(SITES, "sites", Schema({}, key=("id",)))
    proposal = propose(Side({"export": table(EXPORT, cells=True)}), Side({"device": devices}, {"sites": sites}))
    (model,) = proposal.models
    assert model.declaration() == {
        "identifiers": {"hostname": {"type": "str", "compare": "case_insensitive"}},
        "attributes": {"site": "str | None", "mtu": "int | None", "serial": "str"},
    }
    assert model.mapping(SOURCE, True) == {"fields": {"hostname": "Hostname", "site": "Site", "mtu": "MTU", "serial": "Serial"}}
    assert model.mapping(TARGET, True) == {
        "from": "devices",
        "fields": {"hostname": "name", "site": {"from": "site_id", "lookup": "site"}, "serial": "serial_no"},
    }
    assert proposal.lookups == {SOURCE: {}, TARGET: {"site": {"from": "sites", "key": "id", "value": "name"}}}
    assert [column.name for column in model.left_out(SOURCE)] == ["Owner"]
    assert [column.name for column in model.left_out(TARGET)] == ["id", "created"]
    assert model.match.common == 2
    found = {one["name"]: (one["matches"], one["compared"]) for one in records_of(model)["attributes"]}
    assert found == {"hostname": (2, 2), "site": (2, 2), "mtu": (1, 2), "serial": (2, 2)}


def test_a_foreign_key_to_a_table_that_is_compared_becomes_a_reference() -> None:
    sides = [
        Side({"site": table(SITES, "sites"), "device": table(DEVICES, "devices", OF_DEVICES)}),
        Side({"device": table(DEVICES, "devices", OF_DEVICES), "site": table(SITES, "sites")}),
    ]
    proposal = propose(*sides)
    assert [model.name for model in proposal.models] == ["site", "device"]
    assert proposal.models[1].declaration()["attributes"]["site"] == {"type": "str | None", "ref": "site"}
    assert proposal.lookups[TARGET] == {"site": {"model": "site", "key": "id"}}


@pytest.mark.parametrize(
    ("records", "identifiers"),
    [
        ([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], ["name"]),
        ([{"id": 1, "note": "x"}, {"id": 2, "note": "x"}], ["id"]),
        ([{"note": "x", "name": "a"}, {"note": "y", "name": "b"}], ["name"]),
        ([{"name": "a", "site": "x"}, {"name": "a", "site": "y"}, {"name": "b", "site": "y"}], ["name", "site"]),
        ([{"name": "a", "code": None}, {"name": "a", "code": 2}], ["name"]),  # nothing identifies them
        ([{"tags": ["a"], "label": "x"}, {"tags": ["b"], "label": "y"}], ["label"]),
    ],
)
def test_a_record_is_identified_by_what_is_unique_and_never_empty(records: list[dict[str, Any]], identifiers: list[str]) -> None:
    (model,) = propose(Side({"thing": table(records)}), None).models
    assert model.identifiers == identifiers


def test_a_unique_constraint_counts_more_than_values_that_happen_to_differ() -> None:
    records = [{"id": 1, "name": "a", "slot": 1, "rack": "r"}, {"id": 2, "name": "b", "slot": 2, "rack": "r"}]
    fields = {name: FieldSchema("str", nullable=False) for name in records[0]}
    (model,) = propose(Side({"t": table(records, "t", Schema(fields, ("id",), [("rack", "slot")]))}), None).models
    assert model.identifiers == ["rack", "slot"]


def test_several_columns_identify_a_record_on_both_sides() -> None:
    ours = [{"site": site, "name": name, "vid": number} for number, (site, name) in enumerate([("a", "x"), ("a", "y"), ("b", "x")])]
    theirs = [{"pk": one, "location": row["site"], "vlan_name": row["name"], "site": row["site"]} for one, row in enumerate(ours)]
    model = pair_of(ours, theirs)
    assert model.identifiers == ["site", "name"]
    assert partners(model)["name"] == "vlan_name"


def test_numbers_that_both_systems_count_up_do_not_identify() -> None:
    ours = [{"id": number, "hostname": f"h{number}", "ram": 8 * number} for number in range(1, 6)]
    theirs = [{"id": number, "name": f"h{6 - number}", "memory": 8 * (6 - number)} for number in range(1, 6)]
    assert partners(pair_of(ours, theirs)) == {"hostname": "name", "ram": "memory"}


def test_columns_with_one_name_are_partners_although_no_value_matches_and_others_only_where_values_show_it() -> None:
    ours = [{"name": "a", "mtu": 1, "kind": "x", "flag": True}, {"name": "b", "mtu": 2, "kind": "y", "flag": True}]
    theirs = [{"name": "a", "mtu": 8, "role": "x", "on": True}, {"name": "b", "mtu": 9, "role": "y", "on": True}]
    model = pair_of(ours, theirs)
    assert partners(model) == {"name": "name", "mtu": "mtu", "kind": "role"}
    assert "flag (2 of 2 match on)" in overview(Proposal([model]))


def test_choices_come_from_the_system_alone_and_fit_the_values_of_both() -> None:
    schema = Schema({"name": FieldSchema("str", False), "state": FieldSchema("str", False, ("on", "off"))})
    ours = table([{"name": "a", "state": "on"}], "t", schema)
    for other, kind in (("off", ["on", "off"]), ("broken", "str")):
        theirs = table([{"name": "a", "state": other}])
        (model,) = propose(Side({"t": ours}), Side({"t": theirs})).models
        assert model.declared("state") == kind


def test_what_is_called_like_a_secret_is_one_and_no_value_is_shown() -> None:
    records = [{"name": "a", "snmp_community": "opal-17"}, {"name": "b", "snmp_community": "opal-18"}]
    proposal = propose(Side({"t": table(records)}), Side({"t": table(records)}))
    assert proposal.models[0].declared("snmp_community") == "secret"
    assert "opal" not in overview(proposal) + str(records_of(proposal.models[0]))


def test_addresses_compare_as_addresses_and_an_empty_string_beside_null_is_null() -> None:
    ours = [{"name": "a", "mac": "AA:BB:CC:00:00:01", "note": ""}, {"name": "b", "mac": "AA:BB:CC:00:00:02", "note": None}]
    theirs = [{"name": "a", "mac": "aabb.cc00.0001", "note": None}, {"name": "b", "mac": "aabb.cc00.0002", "note": None}]
    attributes = pair_of(ours, theirs).declaration()["attributes"]
    assert attributes == {"mac": {"type": "str", "compare": "mac"}, "note": {"type": "str | None", "empty": None}}


def test_models_that_only_one_side_has_are_named() -> None:
    tables = {"site": table(SITES, "sites"), "device": table(DEVICES, "devices")}
    proposal = propose(Side(dict(tables)), Side({"site": table(SITES, "sites"), "rack": table(SITES, "racks")}))
    assert (proposal.unpaired[SOURCE], proposal.unpaired[TARGET]) == (["device"], ["rack"])
    assert "Only the target has rack;" in overview(proposal)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("dcim_devices", "dcim_device"),
        ("/api/v1/ip-addresses/", "ip_address"),
        ("net.boxes", "box"),
        ([], "export"),
        ("1st", "record_1st"),
        ("status", "status"),
        ("policies", "policy"),
    ],
)
def test_a_model_is_named_after_the_place_of_its_records(place: Any, name: str) -> None:
    assert model_name(place, "export") == name


# ---------------------------------------------------------------------- every proposal can be loaded

NAMES = st.sampled_from(
    ["name", "Site Name", "1st", "class", "models", "add", "mtu", "état", "a.b", "sys_id", "_ref", "password", "x"]
)
CELLS = st.one_of(
    st.sampled_from(["", "a", "A", "b ", "007", "12", "1.50", "true", "no", "2026-01-01", "10.0.0.1"]), st.text(max_size=3)
)
VALUES = st.one_of(
    st.none(), CELLS, st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False, width=16), st.lists(CELLS, max_size=2),
    st.dictionaries(st.sampled_from(["p", "q"]), st.integers(0, 3), min_size=1),
)  # fmt: skip


@st.composite
def columns(draw: st.DrawFn, count: int, values: st.SearchStrategy[Any]) -> dict[str, list[Any]]:
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    kinds = [draw(st.sampled_from([values, CELLS, st.integers(0, 3), st.booleans()])) for _name in names]
    return {name: draw(st.lists(kind, min_size=count, max_size=count)) for name, kind in zip(names, kinds)}


def loaded(proposal: Proposal, role: str, records: list[dict[str, Any]]) -> Any:
    models = data_model({model.name: model.declaration() for model in proposal.models}, base=RecordModel)
    mapping = {model.name: model.mapping(role, True) for model in proposal.models}
    dataset = built_in("memory").bound(models, mapping)(records=records)
    dataset.load()
    return dataset


@given(st.data())
def test_whatever_is_proposed_loads_and_differs_from_itself_in_nothing(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    there = data.draw(columns(count, VALUES))
    records = [{"key": f"k{row}", **{name: values[row] for name, values in there.items()}} for row in range(count)]
    proposal = propose(Side({"thing": table(records)}), None)
    assert not proposal.models[0].match.duplicates
    source, target = (loaded(proposal, SOURCE, [dict(one) for one in rows]) for rows in (records, records[::-1]))
    assert not target.diff_from(source).has_diffs()


@given(st.data())
def test_whatever_is_proposed_for_two_datasets_loads_on_both_sides(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    ours, theirs = (data.draw(columns(count, VALUES)) for _side in range(2))
    sides = [
        [{"key": f"k{row}", **{name: values[row] for name, values in there.items()}} for row in range(count)]
        for there in (ours, theirs)
    ]
    proposal = propose(Side({"thing": table(sides[0])}), Side({"thing": table(sides[1])}))
    source, target = loaded(proposal, SOURCE, sides[0]), loaded(proposal, TARGET, sides[1])
    differing = {element.uid for element in target.diff_from(source).get_children()}
    (model,) = proposal.models
    assert model.match.common == count
    if all(pair.matches == pair.compared for pair in model.names.values()):
        assert differing == set()
