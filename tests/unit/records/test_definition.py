# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Models that are declared in data: their types, and how attributes compare."""

from __future__ import annotations

import datetime
import ipaddress
import re
from decimal import Decimal
from typing import Any

import pytest
from dsync import DSync, DSyncModel, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError
from dsync.model.comparison import Unordered, text_kind
from dsync.records.definition import data_model
from dsync.records.types import Near
from dsync.records.written import WrittenNumber
from pydantic import ValidationError


def model_with(**attributes: Any) -> type[DSyncModel]:
    return data_model({"device": {"identifiers": ["name"], "attributes": attributes}}).models["device"]


@pytest.mark.parametrize(
    ("declared", "given", "held"),
    [
        ("str", "a", "a"),
        ("str", 1001, "1001"),
        ("str | None", None, None),
        ("int", "1500", 1500),
        ("float", "1.5", 1.5),
        ("decimal", "1.10", Decimal("1.10")),
        ("bool", "yes", True),
        ("date", "2026-01-02", datetime.date(2026, 1, 2)),
        ("datetime", "2026-01-02T03:04:05", datetime.datetime(2026, 1, 2, 3, 4, 5)),
        ("ip_address", "::1", ipaddress.ip_address("::1")),
        ("ip_interface", "10.0.0.1/24", ipaddress.ip_interface("10.0.0.1/24")),
        ("ip_network", "10.0.0.0/24", ipaddress.ip_network("10.0.0.0/24")),
        ("ipv4_address | None", "10.0.0.1", ipaddress.ip_address("10.0.0.1")),
        ("list[int]", ["1", 2], [1, 2]),
        ("list[int]", " [1, 2]", [1, 2]),
        ("set[str] | None", '["a", 7]', {"a", "7"}),
        ("dict[str, any]", '{"b": [1, 2.5], "a": null}', {"b": [1, 2.5], "a": None}),
        ("list[str] | str", '["a"]', '["a"]'),
        ("dict[str, int] | int", "5", 5),
        ("any", '{"a": 1}', '{"a": 1}'),
        ("int", WrittenNumber.of(493, "0755"), 755),
        ("int | None", WrittenNumber.of(8, "010"), 10),
        (
            "list[int]",
            [WrittenNumber.of(-8, "-0_10"), WrittenNumber.of(31, "0x1F"), WrittenNumber.of(1000, "1_000")],
            [-10, 31, 1000],
        ),
        ("int", WrittenNumber.of(49, "+49"), 49),
        ("int | str", WrittenNumber.of(493, "0755"), 755),
        ("set[str]", ["a", "a"], {"a"}),
        ("dict[str, list[int]]", {"a": ["1"]}, {"a": [1]}),
        ("optional[int]", None, None),
        ("any", {"a": 1}, {"a": 1}),
    ],
)
def test_types_are_those_of_pydantic(declared: str, given: Any, held: Any) -> None:
    assert model_with(value=declared)(name="a", value=given).get_attrs() == {"value": held}


def test_a_secret_is_never_shown() -> None:
    obj = model_with(password="secret")(name="a", password="hunter2")
    assert "hunter2" not in f"{obj!r} {obj.str()} {obj.json()}"
    assert obj.get_sensitive_fields() == {"password"}


def test_one_of_some_values() -> None:
    status = model_with(status=["active", "planned", 3])
    assert status(name="a", status="active").status == "active"
    assert status(name="a", status="3").status == 3
    with pytest.raises(ValueError, match="status"):
        status(name="a", status="gone")


def test_a_default_is_checked_and_converted() -> None:
    obj = model_with(gateway={"type": "ip_address", "default": "10.0.0.1"})(name="a")
    assert obj.get_attrs() == {"gateway": ipaddress.ip_address("10.0.0.1")}


def test_parents_come_first_and_the_top_is_what_nobody_has_as_child() -> None:
    found = data_model(
        {
            "interface": {"identifiers": ["name"]},
            "device": {"identifiers": ["name"], "children": ["interface"]},
            "site": {"identifiers": ["name"], "children": ["device"]},
            "vlan": {"identifiers": {"vid": "int"}},
        }
    )
    assert list(found.models) == ["site", "vlan", "device", "interface"]
    assert found.top_level == ("site", "vlan")
    assert found.parents == {"interface": "device", "device": "site"}


class Side(DSync):
    """One side of a comparison, with a single device."""


def both(left: dict[str, Any], right: dict[str, Any], **attributes: Any) -> tuple[Any, Any]:
    """Return source and target, each with a device of these values."""
    model = model_with(**attributes)
    sides = []
    for name, values in (("source", left), ("target", right)):
        side = type("Side", (DSync,), {"device": model, "top_level": ["device"]})(name=name)
        side.add(model(name="a", **values))
        sides.append(side)
    return sides[0], sides[1]


def differs(declared: Any, left: Any, right: Any) -> bool:
    source, target = both({"value": left}, {"value": right}, value=declared)
    return bool(target.diff_from(source).has_diffs())


@pytest.mark.parametrize(
    ("declared", "left", "right", "same"),
    [
        ("str", "A", "a", False),
        ({"type": "str", "compare": "case_insensitive"}, "Straße", "STRASSE", True),
        ({"type": "str | None", "compare": "case_insensitive"}, None, "a", False),
        ("list[int]", [1, 2], [2, 1], False),
        ({"type": "list[int]", "compare": "unordered"}, [1, 2, 2], [2, 1, 2], True),
        ({"type": "list[int]", "compare": "unordered"}, [1, 2, 2], [2, 1, 1], False),
        ({"type": "list[int]", "compare": "unordered"}, [1, 2], [2, 1, 1], False),
        ({"type": "list[dict[str, int]]", "compare": "unordered"}, [{"a": 1}, {"b": 2}], [{"b": 2}, {"a": 1}], True),
        ({"type": "float", "tolerance": 0.5}, 1.0, 1.5, True),
        ({"type": "float", "tolerance": 0.5}, 1.0, 1.6, False),
        ({"type": "str", "compare": "ignored"}, "a", "b", True),
        ({"type": "str", "compare": "create_only"}, "a", "b", True),
        ({"type": "str", "read_only": True}, "a", "b", False),
    ],
)
def test_how_an_attribute_compares(declared: Any, left: Any, right: Any, same: bool) -> None:
    for pair in ((left, right), (right, left)):
        assert differs(declared, *pair) is not same


def test_what_is_shown_is_what_came() -> None:
    source, target = both(
        {"name_": "SW1", "vlans": [2, 1]}, {"name_": "RT1", "vlans": [3]},
        name_={"type": "str", "compare": "case_insensitive"}, vlans={"type": "list[int]", "compare": "unordered"},
    )  # fmt: skip
    (change,) = Plan.from_diff(target.diff_from(source)).changes
    assert change.record()["after"] == {"name_": "SW1", "vlans": [2, 1]}


@pytest.mark.parametrize("pair", [(text_kind(["case_insensitive"])("A"), "a"), (Unordered([1, 2]), [2, 1]), (Near(0.0), 0.0)])
def test_values_equal_from_both_sides(pair: tuple[Any, Any]) -> None:
    left, right = pair
    assert left == right
    assert right == left
    assert (left != right) is False
    assert left != object()


def test_a_create_only_attribute_is_given_to_what_is_created_and_left_alone_afterwards() -> None:
    source, target = both(
        {"pin": "1", "role": "x"}, {"pin": "2", "role": "y"}, role="str", pin={"type": "str", "compare": "create_only"}
    )
    source.add(source.device(name="new", pin="3", role="z"))
    update, create = Plan.from_diff(target.diff_from(source)).changes
    assert update.after == {"role": "x"}
    assert create.after == {"pin": "3", "role": "z"}
    target.sync_from(source)
    assert target.get("device", "a").pin == "2"
    assert not target.diff_from(source).has_diffs()


def test_a_read_only_attribute_is_shown_and_never_written() -> None:
    declared = {"role": "str", "serial": {"type": "str", "read_only": True}}
    source, target = both({"serial": "1", "role": "x"}, {"serial": "2", "role": "y"}, **declared)
    source.add(source.device(name="new", serial="3", role="z"))
    update, create = Plan.from_diff(target.diff_from(source)).changes
    assert (update.before, update.after) == ({"role": "y"}, {"role": "x"})
    assert create.after == {"role": "z"}
    target.sync_from(source)
    assert target.get("device", "a").serial == "2"
    (left, also) = Plan.from_diff(target.diff_from(source)).changes
    assert left.protected == also.protected == "protected: serial is read-only in target"
    assert (left.before, left.after) == ({"serial": "2"}, {"serial": "1"})


def test_identifiers_compare_as_they_are_declared_and_references_with_them() -> None:
    models = {
        "site": {"identifiers": {"name": {"type": "str", "compare": ["case_insensitive", "stripped"]}}},
        "nic": {
            "identifiers": {"site": {"ref": "site"}, "mac": {"type": "str", "compare": "mac"}},
            "attributes": {"tags": {"type": "list[str]", "compare": ["unordered", "case_insensitive"]}, "other": {"ref": "site"}},
        },
    }
    nic = data_model(models).models["nic"]
    one = nic(site="NYC", mac="AA:BB:CC:00:00:01", tags=["A", "b"], other="LON")
    other = nic(site="nyc ", mac="aabb.cc00.0001", tags=["B", "a"], other="lon")
    assert one.get_unique_id() == other.get_unique_id() == "nyc__aa:bb:cc:00:00:01"
    assert one.get_attrs() == other.get_attrs()
    assert (one.dict()["site"], one.dict()["tags"]) == ("NYC", ["A", "b"])


def test_a_number_of_base_60_is_refused() -> None:
    with pytest.raises(ValidationError, match="YAML reads 12:30 as 750; write that number, or quote it and declare a string"):
        model_with(minutes="int")(name="a", minutes=WrittenNumber.of(750, "12:30"))


@pytest.mark.parametrize(("declared", "given"), [("list[int]", "[1"), ("dict[str, int]", "[1]"), ("list[int]", "1")])
def test_a_string_that_is_not_json_of_the_type_is_refused(declared: str, given: Any) -> None:
    with pytest.raises(ValidationError, match="should be a valid"):
        model_with(it=declared)(name="a", it=given)


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("UTC", "2026-07-01T10:00:00Z"),
        ("+02:30", "2026-07-01T07:30:00Z"),
        ("-01:00", "2026-07-01T11:00:00Z"),
        ("Europe/Paris", "2026-07-01T08:00:00Z"),
    ],
)
def test_a_time_without_a_zone_has_the_declared_one(zone: str, moment: str) -> None:
    model = model_with(at={"type": "datetime | None", "timezone": zone})
    assert model(name="a", at="2026-07-01 10:00:00").at == datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    assert model(name="a", at=moment).at == model(name="a", at="2026-07-01T10:00:00").at
    assert model(name="a", at=None).at is None


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ({"type": "datetime", "timezone": "Europe/Pariss"}, 'timezone: there is no time zone "Europe/Pariss"'),
        ({"type": "datetime", "timezone": "../x"}, 'timezone: there is no time zone "../x"'),
        ({"type": "date", "timezone": "UTC"}, "timezone: timezone is for the type datetime"),
    ],
)
def test_a_zone_that_is_not_one_is_named(attribute: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(said)):
        model_with(at=attribute)


def test_times_of_which_one_has_a_zone_are_a_warning() -> None:
    def side(kind: Any, at: str) -> MemoryAdapter:
        models = data_model({"device": {"identifiers": ["name"], "attributes": {"at": kind}}}, base=RecordModel)
        made = MemoryAdapter.bound(models)(records=[{"name": "a", "at": at}])
        made.load()
        return made

    aware, naive = side("datetime", "2026-01-01T10:00:00Z"), side("datetime", "2026-01-01T10:00:00")
    naive.name = "cmdb"
    (warning,) = aware.diff_from(naive).warnings
    assert warning.startswith("device.at has a time zone in memory and none in cmdb, so its values are never equal; declare")
    zoned = {"type": "datetime", "timezone": "UTC"}
    diff = side(zoned, "2026-01-01T11:00:00+01:00").diff_from(side(zoned, "2026-01-01T10:00:00"))
    assert not diff.has_diffs()
    assert not diff.warnings


def test_a_reference_has_the_type_of_the_identifier_that_it_names() -> None:
    models = {
        "vlan": {"identifiers": {"vid": {"type": "int"}}},
        "port": {"identifiers": ["name"], "attributes": {"vlan": {"ref": "vlan"}}},
    }
    assert data_model(models).models["port"](name="p", vlan="10").vlan == 10


ADDRESSES: dict[str, Any] = {
    "address": {"identifiers": {"vrf": "str", "ip": "ip_interface"}},
    "host": {
        "identifiers": ["name"],
        "attributes": {"primary": {"ref": "address", "type": "str | None"}, "others": {"ref": "address", "type": "list[str]"}},
    },
    "service": {"identifiers": {"address": {"ref": "address"}, "port": "int"}},
}


def test_a_reference_has_the_spelling_of_the_id_that_it_is() -> None:
    kinds = data_model(ADDRESSES).models
    canonical = kinds["address"](vrf="a_b", ip="2001:DB8:0::1/64").get_unique_id()
    host = kinds["host"](name="h", primary="a\\_b__2001:DB8:0:0::1/64", others=["__2001:DB8::2/64", "__10.0.0.1", "what", ""])
    assert (host.primary, host.others) == (canonical, ["__2001:db8::2/64", "__10.0.0.1/32", "what", ""])
    assert kinds["host"](name="h", primary=None, others=[]).primary is None
    assert kinds["service"](address="__2001:DB8::2/64", port=53).address == "__2001:db8::2/64"


@pytest.mark.parametrize("written", ["__2001:DB8:0::1/64", "__2001:db8::1/64"])
def test_a_reference_in_another_spelling_is_no_difference(written: str) -> None:
    models = data_model(ADDRESSES)
    sides = []
    for primary in (written, "__2001:db8::1/64"):
        side: Any = type("Side", (DSync,), {**models.models, "top_level": list(models.top_level)})()
        side.add_rows("address", [{"vrf": "", "ip": "2001:db8::1/64"}])
        side.add_rows("host", [{"name": "h", "primary": primary, "others": [primary]}])
        sides.append(side)
    assert not sides[0].diff_from(sides[1]).has_diffs()


def test_a_wrong_type_of_an_identifier_that_is_referred_to_is_named_by_its_place() -> None:
    wrong = {"host": ADDRESSES["host"], "address": {"identifiers": {"vrf": "str", "ip": "ip_interfac"}}}
    with pytest.raises(DefinitionError, match=r'models.address.identifiers.ip: there is no type "ip_interfac"'):
        data_model(wrong)


@pytest.mark.parametrize(
    ("declared", "given", "held"),
    [
        ("int | str", 5, 5),
        ("int | str", "x", "x"),
        ("str | float", 1.5, 1.5),
        ("str | decimal", Decimal("1.5"), Decimal("1.5")),
        ("bool | str", 5, "5"),
        ("list[str]", [5, "x"], ["5", "x"]),
        ("set[str]", [5], {"5"}),
        ("dict[str, str]", {1: 2}, {"1": "2"}),
        ("list[str] | None", [5], ["5"]),
        ("list[int | str]", [5, "x"], [5, "x"]),
        ("dict[str, list[str]]", {"a": [1]}, {"a": ["1"]}),
    ],
)
def test_a_whole_number_is_a_text_only_where_no_number_can_be(declared: str, given: Any, held: Any) -> None:
    made = model_with(value=declared)(name="a", value=given).value
    assert (made, str(made)) == (held, str(held))
