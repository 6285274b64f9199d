# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The adapter ``nautobot``, as far as it needs no Nautobot."""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from dsync import DSync, DSyncModel
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.adapters.estates.nautobot.joins import Joins
from dsync.adapters.estates.nautobot.kinds import ADDRESSES, FOR_ALL, JOINS, KINDS, LISTS, PREFIXES
from dsync.adapters.estates.nautobot.order import Place, WithPrefixes
from dsync.adapters.http.answers import HttpProblem
from dsync.exceptions import DefinitionError, LibraryMissing, RecordProblem
from dsync.records.definition import data_model
from hypothesis import given
from hypothesis import strategies as st

GIVEN = {"url": "http://127.0.0.1:9", "token": "0" * 40}
MODELS = {"location": {"identifiers": ["name"], "attributes": {"status": "str"}}}


def adapter(models: Any = None, mapping: Any = None, **options: Any) -> NautobotAdapter:
    kind = NautobotAdapter.bound(data_model(MODELS if models is None else models, base=RecordModel), mapping)
    made: NautobotAdapter = kind(**{**GIVEN, **options})
    return made


def test_the_kinds_are_models_whose_references_are_known() -> None:
    models = NautobotAdapter.own_models().models
    assert set(models) == {kind.name for kind in KINDS}
    for kind in KINDS:
        assert set(kind.refs.values()) <= set(models), kind
        assert models[kind.name]._references == {name: (other,) for name, other in kind.refs.items()}
    assert {name for joins in JOINS.values() for name in joins} <= LISTS
    for endpoint, joins in JOINS.items():
        kind = KINDS.at(endpoint)
        assert {name: KINDS[kind.refs[name]].endpoint for name in joins} == {name: join.listed for name, join in joins.items()}
    assert all(KINDS.at(endpoint).known for endpoint in FOR_ALL)


@pytest.mark.parametrize(
    ("content", "sent", "found"),
    [
        ([{}, {"name": ["Too long.", "Taken."]}, {}], 3, [(1, "name: Too long. Taken.")]),
        ([{"__all__": ["Exists already."]}], 1, [(0, "Exists already.")]),
        ({"name": ["Too long."]}, 3, []),
        ({"name": ["Too long."]}, 1, [(0, "name: Too long.")]),
        ({"detail": "1 dependent objects were found: R9"}, 1, [(0, "1 dependent objects were found: R9")]),
        ("no JSON", 1, []),
    ],
)
def test_refusals_are_reported_by_position_where_nautobot_gives_it(content: Any, sent: int, found: list[tuple[int, str]]) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    problem = HttpProblem("refused", 400, content=text.encode())
    assert [tuple(one) for one in adapter().refusals_in(problem, [{"id": number} for number in range(sent)])] == found


def test_lists_are_asked_for_only_where_they_are_wanted() -> None:
    def asked(model: str, *fields: str) -> str:
        return str(adapter().fields_parameters(KINDS[model], {"id", *fields})["exclude_m2m"])

    assert asked("location", "name", "status") == "true"
    assert asked("location", "name", "tags") == "false"
    assert asked("ip_address", "address", "namespace") == "true"
    assert asked("ip_address", "address", "interfaces") == "false"
    assert asked("vrf", "name", "import_targets") == "false", "what the adapter does not know may be such a list"
    assert adapter().fields_parameters(KINDS["vlan"], None) == {"depth": 0, "exclude_m2m": "false"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 0}, "options.workers"),
        ({"page_size": "many"}, "options.page_size"),
        ({"filters": {"locaton": {}}}, 'did you mean "location"'),
        ({"url": "nautobot"}, "options.url"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        adapter(**options)


def test_without_the_library_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(LibraryMissing, match="HTTP requires the library httpx, which is not installed"):
        adapter()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(RecordProblem, match=r"GET /api/: http://127.0.0.1:9 refuses the connection"):
        adapter(tries=1).load()


def test_lists_are_taken_out_of_what_is_sent() -> None:
    bodies = [{"address": "10.0.0.1/24", "interfaces": ["a", "b"]}, {"id": 7, "interfaces": None}, {"id": 8, "interfaces": "a"}]
    plain, lists = Joins.split(ADDRESSES, bodies)
    assert plain == [{"address": "10.0.0.1/24"}, {"id": 7}, {"id": 8}]
    assert lists == [{"interfaces": ["a", "b"]}, {"interfaces": []}, {"interfaces": ["a"]}]
    assert Joins.split("dcim/devices", [{"interfaces": 1}]) == ([{"interfaces": 1}], [{}])


# ---------------------------------------------------------------------- addresses and prefixes


class Prefix(DSyncModel):
    _modelname = "net"
    _identifiers = ("cidr",)
    cidr: str


class Address(DSyncModel):
    _modelname = "host"
    _identifiers = ("ip",)
    ip: str


class Nets(DSync):
    net = Prefix
    host = Address
    top_level = ["host", "net"]


def around(address: str, moving: list[str], staying: Sequence[str] = (), space: str | None = None) -> list[str]:
    places = Place("host", "ip", space and "space"), Place("net", "cidr", space and "space")
    beside = {} if space is None else {"space": space}
    references = WithPrefixes(
        Nets.models(),
        *places,
        [({"cidr": cidr, **beside}, f"net {cidr}") for cidr in moving],
        [{"cidr": cidr, **beside} for cidr in staying],
        ({}, lambda content_type: ()),
    )
    return [ref.id for named in references.named("host", {"ip": address}, {"space": "x"}) for ref in named.choices]


def test_an_address_needs_the_prefixes_that_come_or_go_around_it() -> None:
    assert around("10.0.0.7/25", ["10.0.0.0/24", "10.0.0.0/8", "10.0.1.0/24"]) == ["net 10.0.0.0/24", "net 10.0.0.0/8"]
    assert around("10.0.0.7/25", ["10.0.0.0/24"], ["10.0.0.0/8"]) == [], "there is one all the time"
    assert around("2001:db8::1/64", ["2001:db8::/32", "0.0.0.0/0"]) == ["net 2001:db8::/32"]
    assert around("10.0.0.7/25", ["10.0.0.0/24"], space="x") == ["net 10.0.0.0/24"]
    assert around("10.0.0.7/25", ["10.0.0.0/24"], space="y") == []
    assert Place("host", "ip", None).of({"ip": "10.0.0.7/25"}) == ("Global", ipaddress.ip_network("10.0.0.0/25"))
    assert around("nonsense", ["10.0.0.0/24", "nonsense"]) == []


@given(st.ip_addresses(v=4), st.lists(st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), max_size=8))
def test_what_is_around_an_address_is_what_holds_it(address: ipaddress.IPv4Address, others: list[tuple[Any, int]]) -> None:
    networks = {str(ipaddress.ip_network(f"{other}/{length}", strict=False)) for other, length in others}
    expected = {f"net {cidr}" for cidr in networks if address in ipaddress.ip_network(cidr)}
    assert set(around(f"{address}/32", sorted(networks))) == expected


def test_the_models_of_addresses_and_prefixes_are_found_by_their_endpoints() -> None:
    models = {
        "subnet": {"identifiers": {"space": "str", "cidr": "ip_network"}},
        "ip_address": {"identifiers": {"address": "ip_interface"}},
    }
    made = adapter(models, {"subnet": {"from": "prefix", "fields": {"cidr": "prefix", "space": "namespace"}}})
    assert made._place_of(PREFIXES, "prefix") == Place("subnet", "cidr", "space")
    assert made._place_of(ADDRESSES, "address") == Place("ip_address", "address", None)
    assert adapter()._place_of(PREFIXES, "prefix") is None
