# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Native records become objects as a mapping says, and objects are written back into them."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable, Sequence
from decimal import Decimal
from ipaddress import ip_interface
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters import RecordAdapter, RecordModel
from dsync.adapters.core.base import ChangedRecord, NewRecord
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.model.comparison import Unordered, text_kind
from dsync.records.declaration_reader import Declared
from dsync.records.definition import data_model
from dsync.records.mapping import ModelMap, Record, plain_value
from dsync.records.path import nested, write
from dsync.records.types import Near
from pydantic import SecretBytes, SecretStr

Tables = dict[str, list[dict[str, Any]]]
CASELESS = text_kind(["case_insensitive"])

SITES = {
    "site": {"identifiers": ["name"], "attributes": {"phone": "str | None"}, "children": ["device"]},
    "device": {"identifiers": ["name"], "attributes": {"role": "str | None"}},
}


class Cmdb(RecordAdapter):
    """Lists of records by name, each of which gets an id."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(name="cmdb")
        self.tables = tables

    def _table(self, mapped: ModelMap) -> list[dict[str, Any]]:
        return self.tables.setdefault(mapped.place.value or mapped.name, [])

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        return self._table(mapped)

    def read_table(self, place: Declared) -> Iterable[Record]:
        return self.tables[place.one_of(self.tables)]

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        made = [{**nested(record.values), "id": 100 + len(self._table(mapped)) + place} for place, record in enumerate(records)]
        self._table(mapped).extend(made)
        return made

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        for changed in records:
            for path, value in changed.values.items():
                write(changed.record, path, value)
        return [changed.record for changed in records]

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        table = self._table(mapped)
        table[:] = [record for record in table if not any(record is gone for gone in records)]
        return [None] * len(records)


def cmdb(models: Any, tables: Tables, mapping: Any = None, lookups: Any = None) -> Cmdb:
    made = Cmdb.bound(data_model(models, base=RecordModel), mapping, lookups)(tables)
    made.load()
    return made


def values(dataset: DSync, model: str) -> dict[str, dict[str, Any]]:
    return {obj.get_unique_id(): obj.get_attrs() for obj in dataset.get_all(model)}


def one(attributes: dict[str, Any], records: list[dict[str, Any]], mapping: Any = None, lookups: Any = None) -> Cmdb:
    """Return a loaded dataset of the single model thing."""
    models = {"thing": {"identifiers": ["name"], "attributes": attributes}}
    return cmdb(models, {"thing": records}, None if mapping is None else {"thing": mapping}, lookups)


def made_like(target: Cmdb, attributes: dict[str, Any], wanted: list[dict[str, Any]], flags: DSyncFlags = DSyncFlags.NONE) -> Any:
    """Make the records of a target like these, which are as the models have them; return the result."""
    source = one(attributes, wanted)
    return target.apply(Plan.from_diff(target.diff_from(source)), source, flags)


@pytest.mark.parametrize(
    ("field", "record", "value"),
    [
        ("tel", {"tel": "1"}, "1"),
        ("a.b", {"a": {"b": "1"}}, "1"),
        ("a.1", {"a": ["0", "1"]}, "1"),
        (["a.b", "c"], {"a.b": {"c": "1"}}, "1"),
        ({"from": "tel"}, {"tel": "1"}, "1"),
        ({"value": "x"}, {}, "x"),
        ({"from": "tel", "default": "none"}, {}, "none"),
        ({"from": "tel", "lookup": {1: "one"}}, {"tel": 1}, "one"),
        ({"from": "tel", "lookup": {"1": "one"}}, {"tel": 1}, "one"),
        ({"from": "tel", "lookup": {1: "one"}}, {"tel": "1"}, "one"),
        ({"from": "tel", "lookup": {"true": "on", "false": "off"}}, {"tel": False}, "off"),
        ({"from": "tel", "lookup": {True: "on", False: "off"}}, {"tel": "false"}, "off"),
        ({"from": "tel", "lookup": [{1: 2}, {2: "two"}]}, {"tel": 1}, "two"),
        ({"expr": "tel | upper"}, {"tel": "a"}, "A"),
        ({"expr": "record['odd name']"}, {"odd name": "a"}, "a"),
        ({"expr": "tel | regex_replace('[^0-9]', '')"}, {"tel": "+1 2"}, "12"),
        ({"expr": "n | regex_replace('^r', 'x', ignorecase=True, multiline=true)"}, {"n": "R1\nr2"}, "x1\nx2"),
        ({"expr": "n | regex_replace('r', count=1)"}, {"n": "rr"}, "r"),
        ({"expr": "n | regex_search('^R(.)$', multiline=True, ignorecase=True)"}, {"n": "a\nr2"}, "2"),
        ({"expr": "(n | from_json).a | to_json"}, {"n": '{"a": {"b": 1}}'}, '{"b": 1}'),
        ("ports.10.mode", {"ports": {10: {"mode": "x"}}}, "x"),
        ("ports.10.mode", {"ports": {"10": {"mode": "x"}, 10: {"mode": "y"}}}, "x"),
        ({"expr": "tel | regex_search('(\\d+)$')"}, {"tel": "x 12"}, "12"),
        ({"expr": "(tel | split('-')) | last"}, {"tel": "a-b"}, "b"),
        ({"expr": "'yes' if tel is defined else 'no'"}, {}, "no"),
        ({"expr": "'1' ~ ('2' if tel else '3')"}, {"tel": False}, "13"),
    ],
)
def test_where_a_value_comes_from(field: Any, record: dict[str, Any], value: Any) -> None:
    made = one({"phone": "str"}, [{"name": "a", **record}], {"fields": {"phone": field}})
    assert values(made, "thing") == {"a": {"phone": value}}


def test_an_expression_gives_native_values() -> None:
    made = one({"ports": "list[int]"}, [{"name": "a", "n": 3}], {"fields": {"ports": {"expr": "range(n) | list"}}})
    assert values(made, "thing") == {"a": {"ports": [0, 1, 2]}}


@pytest.mark.parametrize(
    "text", ["name.__class__.__mro__", "name.__init__.__globals__", "''.__class__", "record.pop('name')", "range(10**9) | list"]
)
def test_an_expression_cannot_leave_its_sandbox(text: str) -> None:
    with pytest.raises(RecordProblem, match="the expression"):
        one({"phone": "str"}, [{"name": "a"}], {"fields": {"phone": {"expr": text}}})


@pytest.mark.parametrize("name", ["namespace", "dict", "lipsum", "cycler", "joiner"])
def test_a_name_that_only_jinja_knows_is_undefined(name: str) -> None:
    with pytest.raises(RecordProblem, match=f"'{name}' is undefined"):
        one({"x": "str"}, [{"name": "a"}], {"fields": {"x": {"expr": f"{name} ~ name"}}})


def test_text_from_a_record_is_never_evaluated() -> None:
    made = one({"phone": "str"}, [{"name": "a", "tel": "{{ 7 * 7 }}"}], {"fields": {"phone": {"expr": "tel ~ '!'"}}})
    assert values(made, "thing") == {"a": {"phone": "{{ 7 * 7 }}!"}}


@pytest.mark.parametrize(
    ("mapping", "kept"),
    [
        ({"where": {"kind": "x"}}, "a"),
        ({"where": {"kind": ["x", "y"]}}, "ab"),
        ({"where": {"at.site": 1}}, "c"),
        ({"keep": "kind == 'x' or n > 2"}, "ac"),
        ({"drop": "kind == 'x'"}, "bc"),
        ({"where": {"kind": ["x", "y"]}, "drop": "n == 1"}, "b"),
    ],
)
def test_which_records_are_kept(mapping: Any, kept: str) -> None:
    records = [
        {"name": "a", "kind": "x", "n": 1},
        {"name": "b", "kind": "y", "n": 2},
        {"name": "c", "kind": "z", "n": 3, "at": {"site": 1}},
    ]
    assert "".join(values(one({}, records, mapping), "thing")) == kept


@pytest.mark.parametrize(
    ("native", "wanted"),
    [
        ("20", 20), (20, "20"), ("-1.50", -1.5), (Decimal("2.50"), "2.5"), ("true", True), ("Yes", True), ("off", False),
        (True, "true"),
        (datetime.date(2026, 1, 2), "2026-01-02"), (1, True), (" 20 ", 20), ("20", [10, 20]),
    ],
)  # fmt: skip
def test_where_finds_a_value_that_is_written_out(native: Any, wanted: Any) -> None:
    records = [{"name": "a", "vlan": native}, {"name": "b", "vlan": "other"}, {"name": "c"}]
    assert list(values(one({}, records, {"where": {"vlan": wanted}}), "thing")) == ["a"]


@pytest.mark.parametrize(
    ("native", "wanted"), [("020", 20), ("+20", 20), ("2_0", 20), ("2e1", 20), ("true", 1), ("10", True), ("", None)]
)
def test_where_does_not_find_another_value(native: Any, wanted: Any) -> None:
    assert not values(one({}, [{"name": "a", "vlan": native}], {"where": {"vlan": wanted}}), "thing")


def test_a_new_record_has_the_value_of_where_as_the_others_have_it() -> None:
    records = [{"name": "a", "vlan": "20", "up": "Yes"}]
    made_like(one({}, records, {"where": {"vlan": 20, "up": True}}), {}, [{"name": "a"}, {"name": "b"}]).raise_for_failure()
    assert records[1] == {"name": "b", "vlan": "20", "up": "Yes", "id": 101}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"vlna": 20}, 'mapping.thing.where.vlna: no record has a field "vlna" (did you mean "vlan"? known: name, vlan, at).'),
        ({"vlan": 20, "at.stie": 1}, 'mapping.thing.where.at.stie: no record has a field "at.stie" (did you mean "at.site"?'),
    ],
)
def test_where_names_a_field_that_no_record_has(where: Any, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        one({}, [{"name": "a", "vlan": 20, "at": {"site": 1}}, {"name": "b", "vlan": 20}], {"where": where})
    assert str(caught.value).startswith(message)


def test_where_of_a_lookup_names_a_field_that_no_record_has() -> None:
    table = {"from": "all", "key": "id", "value": "label", "where": {"kid": "role"}}
    tables = {"thing": [{"name": "a", "tel": 1}], "all": [{"id": 1, "label": "x", "kind": "role"}]}
    models = {"thing": {"identifiers": ["name"], "attributes": {"phone": "str"}}}
    with pytest.raises(DefinitionError, match=r'where.kid: no record has a field "kid" \(did you mean "kind"'):
        cmdb(models, tables, {"thing": {"fields": {"phone": {"from": "tel", "lookup": table}}}})


def test_where_that_lets_nothing_through_is_a_warning() -> None:
    target = one({}, [{"name": "a", "vlan": 1}, {"name": "b", "vlan": 2}], {"where": {"vlan": [3, "x"]}})
    expected = ["cmdb: mapping.thing.where: there are records, but none of them has vlan: 3 or x"]
    assert target.load_warnings == expected
    assert one({}, [], {"where": {"vlan": 3}}).load_warnings == []
    source = one({}, [{"name": "a", "vlan": 1}], {"where": {"vlan": 1}})
    assert source.load_warnings == []
    assert target.diff_from(source).warnings == expected
    assert source.diff_from(target).warnings == expected


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("tel", {"tel": "1"}, {"tel": "2"}),
        ("a.b", {"a": {"b": "1", "c": 3}}, {"a": {"b": "2", "c": 3}}),
        ({"from": "tel", "lookup": {7: "1", 8: "2"}}, {"tel": 7}, {"tel": 8}),
        ({"from": "tel", "lookup": {"7": "1", "-8": "2"}}, {"tel": 7}, {"tel": -8}),
        ({"from": "tel", "lookup": {7: "1", 8: "2"}}, {"tel": "7"}, {"tel": "8"}),
        ({"from": "tel", "lookup": {"07": "1", "08": "2"}}, {"tel": "07"}, {"tel": "08"}),
        ({"from": "tel", "lookup": {"true": "1", "false": "2"}}, {"tel": True}, {"tel": False}),
        ({"expr": "tel[1:]", "write": {"tel": "'+' ~ phone"}}, {"tel": "+1"}, {"tel": "+2"}),
        ({"from": "tel", "write": {"tel": "phone", "old": "'yes'"}}, {"tel": "1"}, {"tel": "2", "old": "yes"}),
    ],
)
def test_how_a_value_is_written_back(field: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    records = [{"name": "a", "unknown": {"to": ["us"]}, **before}]
    target = one({"phone": "str"}, records, {"fields": {"phone": field}})
    made_like(target, {"phone": "str"}, [{"name": "a", "phone": "2"}]).raise_for_failure()
    assert records == [{"name": "a", "unknown": {"to": ["us"]}, **after}]
    assert all(value.__class__ is records[0][name].__class__ for name, value in after.items())


@pytest.mark.parametrize("field", [{"expr": "tel"}, {"value": "x"}, {"from": "tel", "write": False}])
def test_what_cannot_be_written_is_read_only_there(field: Any) -> None:
    records = [{"name": "a", "tel": "1"}]
    target = one({"phone": "str", "role": "str | None"}, records, {"fields": {"phone": field}})
    wanted = [{"name": "a", "phone": "2", "role": None}, {"name": "b", "phone": "2", "role": "r"}]
    result = made_like(target, {"phone": "str", "role": "str | None"}, wanted, DSyncFlags.CONTINUE_ON_FAILURE)
    assert [outcome.status.value for outcome in result.outcomes] == ["refused", "done"]
    assert result.outcomes[0].message == "protected: phone is read-only in cmdb"
    assert records == [{"name": "a", "tel": "1"}, {"name": "b", "role": "r", "id": 101}]


def test_a_value_that_a_lookup_does_not_have_fails_by_itself() -> None:
    records = [{"name": "a", "tel": 7}]
    target = one({"phone": "str"}, records, {"fields": {"phone": {"from": "tel", "lookup": {7: "1"}}}})
    result = made_like(target, {"phone": "str"}, [{"name": "a", "phone": "9"}])
    assert result.failures[0].message.startswith(
        "thing.phone cannot be written: the lookup mapping.thing.fields.phone.lookup has no"
    )
    assert records == [{"name": "a", "tel": 7}]
    assert target.get("thing", "a").phone == "1"


def test_a_lookup_with_two_ways_back_is_not_written() -> None:
    target = one(
        {"phone": "str"}, [{"name": "a", "tel": 9}], {"fields": {"phone": {"from": "tel", "lookup": {7: "1", 8: "1", 9: "2"}}}}
    )
    result = made_like(target, {"phone": "str"}, [{"name": "a", "phone": "1"}])
    assert 'has "1" for several native values' in result.failures[0].message


def test_a_new_record_belongs_to_its_model() -> None:
    records = [{"name": "a", "kind": "x"}]
    target = one({}, records, {"where": {"kind": "x", "size": [1, 2]}} | {"where": {"kind": "x"}})
    made_like(target, {}, [{"name": "a"}, {"name": "b"}]).raise_for_failure()
    assert records[1] == {"name": "b", "kind": "x", "id": 101}


# ---------------------------------------------------------------------- parents


CHILDREN: list[tuple[Any, dict[str, Any]]] = [
    ({"parent": "at"}, {"at": "nyc"}),
    ({"parent": {"name": "at.site"}}, {"at": {"site": "nyc"}}),
    ({"parent": {"match": {"site_id": "id"}}}, {"site_id": 7}),
    ({"parent": {"name": {"from": "at", "lookup": {1: "nyc", 2: "par"}}}}, {"at": 1}),
]


@pytest.mark.parametrize(("mapping", "belongs"), CHILDREN)
def test_how_a_child_finds_its_parent_and_a_new_one_says_which_it_is(mapping: Any, belongs: dict[str, Any]) -> None:
    tables: Tables = {"site": [{"id": 7, "name": "nyc"}, {"id": 8, "name": "par"}], "device": [{"name": "a", **belongs}]}
    target = cmdb(SITES, tables, {"device": mapping})
    assert target.get("site", "nyc").device_ids == ["a"]
    source = cmdb(
        SITES,
        {"site": [{"name": "nyc"}, {"name": "par"}], "device": [{"name": n, "at": "nyc"} for n in "ab"]},
        {"device": {"parent": "at"}},
    )
    target.sync_from(source)
    assert {key: tables["device"][1][key] for key in belongs} == belongs
    assert not cmdb(SITES, tables, {"device": mapping}).diff_from(source).has_diffs()


@pytest.mark.parametrize(("above", "below"), [(7, "7"), ("7", 7), (7, 7)])
def test_a_match_holds_between_a_number_and_the_string_of_it(above: Any, below: Any) -> None:
    mapping = {"device": {"parent": {"match": {"site_id": "id"}}}}
    tables: Tables = {"site": [{"id": above, "name": "nyc"}], "device": [{"name": "a", "site_id": below}]}
    assert cmdb(SITES, tables, mapping).get("site", "nyc").device_ids == ["a"]


@pytest.mark.parametrize(("above", "below"), [(7, "07"), (1, "true"), ("7", 7.5)])
def test_a_match_does_not_hold_between_other_values(above: Any, below: Any) -> None:
    mapping = {"device": {"parent": {"match": {"site_id": "id"}}}}
    with pytest.raises(RecordProblem, match="there is no site for it"):
        cmdb(SITES, {"site": [{"id": above, "name": "nyc"}], "device": [{"name": "a", "site_id": below}]}, mapping)


def test_a_child_of_a_new_parent_gets_the_key_that_the_system_gave_it() -> None:
    tables: Tables = {}
    mapping = {"device": {"parent": {"match": {"site_id": "id"}}}}
    target = cmdb(SITES, tables, mapping)
    target.sync_from(cmdb(SITES, {"site": [{"name": "nyc"}], "device": [{"name": "a", "at": "nyc"}]}, {"device": {"parent": "at"}}))
    assert tables == {
        "site": [{"name": "nyc", "id": 100}],
        "device": [{"name": "a", "site_id": 100, "id": 100}],
    }


def test_a_parent_by_the_usual_names_needs_no_mapping() -> None:
    models = {**SITES, "device": {"identifiers": ["name"], "attributes": {"site_name": "str"}}}
    loaded = cmdb(models, {"site": [{"name": "nyc"}], "device": [{"name": "a", "site_name": "nyc"}]})
    assert loaded.get("site", "nyc").device_ids == ["a"]


PORTS = {
    "device": {
        "identifiers": {"site": "str", "name": {"type": "str", "compare": "case_insensitive"}},
        "attributes": {},
        "children": ["port"],
    },
    "port": {"identifiers": {"device": {"ref": "device"}, "name": "str"}, "shortname": ["name"]},
}


def test_a_child_that_refers_to_its_parent_needs_no_mapping() -> None:
    device = [{"id": 1, "site": "nyc", "name": "R_1"}, {"id": 2, "site": "par", "name": "r2"}]
    tables: Tables = {"device": device, "port": [{"name": "eth0", "device": "nyc__r_1"}]}
    target = cmdb(PORTS, tables)
    assert target.get("device", "nyc__r_1").port_ids == ["nyc\\_\\_r_1__eth0"]
    wanted = [{"name": name, "device": "par__r2"} for name in ("eth0", "eth1")]
    source = cmdb(PORTS, {"device": device, "port": wanted})
    target.sync_from(source)
    assert [(one["name"], one["device"]) for one in tables["port"]] == [("eth0", "par__r2"), ("eth1", "par__r2")]
    assert not cmdb(PORTS, tables).diff_from(source).has_diffs()


def test_a_child_finds_the_parent_that_a_lookup_names() -> None:
    mapping = {"port": {"fields": {"device": {"from": "device_id", "lookup": {"model": "device", "key": "id"}}}}}
    device = [{"id": 1, "site": "nyc", "name": "R_1"}, {"id": 2, "site": "par", "name": "r2"}]
    tables: Tables = {"device": device, "port": [{"name": "eth0", "device_id": 1}]}
    target = cmdb(PORTS, tables, mapping)
    assert target.get("device", "nyc__r_1").port_ids == ["nyc\\_\\_r_1__eth0"]
    target.sync_from(
        cmdb(PORTS, {"device": device, "port": [{"name": "eth0", "device": "nyc__R_1"}, {"name": "a", "device": "par__r2"}]})
    )
    assert [(one["name"], one["device_id"]) for one in tables["port"]] == [("eth0", 1), ("a", 2)]


@pytest.mark.parametrize("ids", [{"peer": {"ref": "device"}, "device": {"ref": "device"}, "name": "str"}, {"name": "str"}])
def test_a_child_with_several_references_or_none_has_to_name_all_identifiers_of_its_parent(ids: Any) -> None:
    models = {**PORTS, "port": {"identifiers": ids}}
    with pytest.raises(DefinitionError) as caught:
        cmdb(models, {})
    assert str(caught.value).endswith('add "parent: {site: the field that holds it, name: the field that holds it}".')


def test_a_reference_of_a_child_to_a_parent_that_is_not_there_is_named() -> None:
    with pytest.raises(RecordProblem, match=r'"device" refers to no device that is loaded: "nyc__r3"'):
        cmdb(PORTS, {"device": [{"site": "nyc", "name": "r1"}], "port": [{"name": "a", "device": "nyc__r3"}]})


# ---------------------------------------------------------------------- lookups that are read


ROLES = {
    "role": {"identifiers": ["name"]},
    "device": {"identifiers": ["name"], "attributes": {"role": "str | None"}},
}


@pytest.mark.parametrize(
    "lookup",
    [
        {"from": "roles", "key": "id", "value": "label"},
        {"from": "all", "key": "id", "value": "label", "where": {"kind": "role"}},
        {"model": "role", "key": "id"},
        {"model": "role", "key": "id", "value": "name"},
    ],
)
def test_a_lookup_may_be_read_from_the_system(lookup: dict[str, Any]) -> None:
    tables: Tables = {
        "device": [{"name": "a", "role_id": 2}, {"name": "b", "role_id": None}],
        "role": [{"id": 1, "name": "core"}, {"id": 2, "name": "edge"}],
        "roles": [{"id": 1, "label": "core"}, {"id": 2, "label": "edge"}],
        "all": [
            {"id": 2, "kind": "site", "label": "nyc"},
            {"id": 1, "kind": "role", "label": "core"},
            {"id": 2, "kind": "role", "label": "edge"},
        ],
    }
    mapping = {"device": {"fields": {"role": {"from": "role_id", "lookup": "roles"}}}}
    target = cmdb(ROLES, tables, mapping, {"roles": lookup})
    assert values(target, "device") == {"a": {"role": "edge"}, "b": {"role": None}}
    plain = {"role": [{"name": "core"}, {"name": "edge"}], "device": [{"name": "a", "role": "core"}, {"name": "b", "role": "edge"}]}
    target.sync_from(cmdb(ROLES, plain))
    assert [record["role_id"] for record in tables["device"]] == [1, 2]


def test_a_lookup_of_objects_with_several_identifiers_gives_what_references_hold() -> None:
    models = {
        "role": {"identifiers": ["site", "name"]},
        "device": {"identifiers": ["name"], "attributes": {"role": {"ref": "role"}, "site": "str"}},
    }
    role = [{"id": 1, "site": "nyc", "name": "core"}, {"id": 2, "site": "par", "name": "core"}]
    tables: Tables = {"role": role, "device": [{"name": "a", "role_id": 1, "site": "x"}]}
    read = {"role": {"from": "role_id", "lookup": {"model": "role", "key": "id"}}}
    mapping = {
        "device": {"fields": {**read, "site": {"from": "role_id", "lookup": {"model": "role", "key": "id", "value": "site"}}}}
    }
    assert values(cmdb(models, tables, mapping), "device") == {"a": {"role": "nyc__core", "site": "nyc"}}
    target = cmdb(models, tables, {"device": {"fields": read}})
    wanted = [{"name": "a", "role": "par__core", "site": "x"}]
    target.sync_from(cmdb(models, {"role": [{**one} for one in role], "device": wanted}))
    assert tables["device"] == [{"name": "a", "role_id": 2, "site": "x"}]


def test_what_is_created_in_the_same_run_can_be_looked_up() -> None:
    tables: Tables = {"device": [{"name": "a", "role_id": None}]}
    mapping = {"device": {"fields": {"role": {"from": "role_id", "lookup": {"model": "role", "key": "id"}}}}}
    target = cmdb(ROLES, tables, mapping)
    target.sync_from(cmdb(ROLES, {"role": [{"name": "core"}], "device": [{"name": "a", "role": "core"}]}))
    assert tables["device"] == [{"name": "a", "role_id": 100}]


def test_models_that_look_things_up_in_one_another_cannot_be_loaded() -> None:
    models = {name: {"identifiers": ["name"], "attributes": {"other": "str"}} for name in ("one", "two")}
    mapping = {
        name: {"fields": {"other": {"lookup": {"model": other, "key": "id"}}}} for name, other in (("one", "two"), ("two", "one"))
    }
    with pytest.raises(DefinitionError, match="one, two look things up in one another"):
        cmdb(models, {}, mapping)


# ---------------------------------------------------------------------- values


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        ("a", "a"),
        (CASELESS("A"), "A"),
        (Near(1.5), 1.5),
        (Unordered([1, CASELESS("x")]), [1, "x"]),
        ({"b", "a"}, ["a", "b"]),
        ({"a": {ip_interface("10.0.0.1/24")}}, {"a": ["10.0.0.1/24"]}),
        (Colour.RED, "red"),
        (SecretStr("x"), "x"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (Decimal("1.10"), "1.10"),
        (b"raw \xc3\xa9", "raw é"),
        ([SecretBytes(b"x")], ["x"]),
    ],
)
def test_values_are_written_plainly(value: Any, plain: Any) -> None:
    made = plain_value(value)
    assert (made, type(made)) == (plain, type(plain))


def test_bytes_that_are_no_text_are_not_written() -> None:
    with pytest.raises(RecordProblem, match="bytes that are not UTF-8 cannot be written to a record") as caught:
        plain_value({"a": [b"hunter2\xff"]})
    assert "hunter2" not in str(caught.value)


def test_a_length_of_time_is_written_as_it_can_be_read() -> None:
    length = datetime.timedelta(days=3, hours=4)
    plain = plain_value(length)
    assert plain.startswith("P3DT")
    made = one({"age": "timedelta"}, [{"name": "a", "age": plain}])
    assert values(made, "thing") == {"a": {"age": length}}


def test_an_adapter_may_keep_other_types() -> None:
    assert plain_value([Decimal("1.10")], (Decimal,)) == [Decimal("1.10")]


def test_an_adapter_that_only_reads_refuses_to_write() -> None:
    target = one({"phone": "str"}, [{"name": "a", "phone": "1"}])
    type(target).writable = False
    result = made_like(target, {"phone": "str"}, [{"name": "a", "phone": "2"}])
    assert result.failures[0].message == "cmdb cannot be written: the adapter Cmdb only reads here"
