# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Model classes as declarations, and that a file which is declared so holds the same objects."""

from __future__ import annotations

import enum
from datetime import date
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path
from typing import Any, Literal

import pytest
from dsync import DSync, DSyncModel
from dsync._util.pydantic import SecretStr
from dsync.adapters import RecordModel, built_in
from dsync.records.definition import data_model
from dsync.records.description import describe, type_of, unlisted


class Status(enum.Enum):
    ACTIVE = "active"
    PLANNED = "planned"


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("region", "key", "serial")
    _sensitive = ("key",)
    _read_only = ("serial",)
    _children = {"device": "devices", "room": "rooms"}
    name: str
    region: str | None = None
    key: str = "opal-17"
    serial: str = ""
    devices: list[str] = []
    rooms: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("site", "name")
    _shortname = ("name",)
    _attributes = ("mtu", "tags", "pin", "peer", "made")
    _references = {"peer": ("device",)}
    _create_only = ("made",)
    site: str
    name: str
    mtu: int | None = None
    tags: list[str] = []
    pin: SecretStr = SecretStr("1234")
    peer: str | None = None
    made: date = date(2020, 1, 2)


class Room(DSyncModel):
    _modelname = "room"
    _identifiers = ("name",)
    name: str


class Estate(DSync):
    site, device, room = Site, Device, Room
    top_level = ["site"]


def estate() -> Estate:
    made = Estate("estate")
    for name in ("nyc", "par"):
        site = Site(name=name, region="eu" if name == "par" else None)
        made.add(site)
        for obj in (Device(site=name, name="rtr", mtu=1500, tags=["a", "b"]), Room(name=f"{name}-1")):
            made.add(obj)
            site.add_child(obj)
    return made


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, "str"),
        (bool, "bool"),
        (int | None, "int | None"),
        (IPv4Network | None, "ipv4_network | None"),
        (IPv4Address | IPv6Address, "ip_address"),
        (Decimal, "decimal"),
        (str | int, "str | int"),
        (list[str], "list[str]"),
        (list[Status], "list[str]"),
        (set[int] | None, "set[int] | None"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (Literal["a", 1], ["a", 1]),
        (Status, ["active", "planned"]),
        (Status | None, "str | None"),
        (type("Name", (str,), {}), "str"),
        (list, "any"),
        (Any, "any"),
        (object, "any"),
    ],
)
def test_types(annotation: Any, expected: Any) -> None:
    assert type_of(annotation) == expected


def test_a_class_is_declared_without_what_is_secret_or_read_only() -> None:
    found = describe(estate())
    assert found.models == {
        "site": {"identifiers": ["name"], "attributes": {"region": "str | None"}, "children": ["device", "room"]},
        "device": {
            "identifiers": ["site", "name"],
            "attributes": {
                "mtu": "int | None",
                "tags": "list[str]",
                "peer": {"type": "str | None", "ref": ["device"]},
                "made": {"type": "date", "compare": "create_only"},
            },
            "shortname": ["name"],
        },
        "room": {"identifiers": ["name"], "attributes": {}},
    }
    assert found.top_level == ["site"]
    assert found.left_out == {"site": ["key", "serial"], "device": ["pin"]}
    assert found.mapping == {"device": {"parent": {"name": "site"}}, "room": {"parent": {"name": "site_name"}}}


def test_a_field_that_does_not_hold_the_parent_is_not_taken_for_it() -> None:
    moved = estate()
    moved.get("site", "nyc").devices, moved.get("site", "par").devices = ["par__rtr"], ["nyc__rtr"]
    assert describe(moved).mapping["device"] == {"parent": {"name": "site_name"}}


def test_what_was_declared_stays_as_it_was_declared() -> None:
    models = {
        "device": {"identifiers": ["name"], "attributes": {"tags": {"type": "list[str]", "compare": "unordered"}, "pin": "secret"}}
    }
    bound = built_in("memory").bound(data_model(models, base=RecordModel))
    dataset = bound(records=[{"name": "a", "tags": ["x"], "pin": "1"}])
    dataset.load()
    kept = {"device": {"identifiers": ["name"], "attributes": {"tags": {"type": "list[str]", "compare": "unordered"}}}}
    assert describe(dataset).models == kept
    assert models["device"]["attributes"]["pin"] == "secret"


def test_a_file_that_is_declared_so_holds_the_same(tmp_path: Path) -> None:
    source, path = estate(), tmp_path / "estate.yml"
    found = describe(source)

    def file() -> DSync:
        models = data_model(found.models, found.top_level, base=RecordModel)
        made = built_in("file").bound(models, found.mapping)(path=str(path), create=True)
        made.load()
        return made

    file().sync_from(source)
    text = path.read_text(encoding="utf-8")
    assert "opal-17" not in text
    assert "1234" not in text
    assert {name: file().count(name) for name in ("site", "device", "room")} == {"site": 2, "device": 2, "room": 2}
    assert not file().diff_from(source).has_diffs()
    assert file().get("site", "par").device_ids == ["par__rtr"]


def test_objects_that_no_parent_lists_are_counted() -> None:
    dataset = estate()
    dataset.add(Device(site="", name="spare"))
    assert unlisted(dataset) == {"device": 1}
    assert unlisted(estate()) == {}
