# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What the adapters of sources of truth have in common, without a server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.cache import Cache, period
from dsync.adapters.estates.kinds import Kinds, slug_of
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.adapters.estates.netbox.kinds import KINDS
from dsync.adapters.estates.records import wanted_fields
from dsync.exceptions import DefinitionError, RecordError
from dsync.records.declaration_reader import Declared
from dsync.records.definition import data_model


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Paris 1", "paris-1"),
        ("Île-de-France", "ile-de-france"),
        ("ü ber/&?#%", "u-ber"),
        ("C9300-24.P", "c9300-24-p"),
        ("Straße 5", "strasse-5"),
        ("a" * 120, "a" * 100),
        ("東京", "130016b2"),
        ("Зал 1", "1-6d995550"),
    ],
)
def test_slugs(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_names_with_the_same_slug_get_different_slugs() -> None:
    names = ["東京", "北京", "Москва", "Киев", "Зал 1", "Дом 1", "&", "?", "東" + "a" * 200, "北" + "a" * 200]
    assert len({slug_of(name) for name in names}) == len(names)
    assert all(slug_of(name).isascii() and len(slug_of(name)) <= 100 for name in names)


def test_kinds_are_found_by_name_endpoint_and_address() -> None:
    assert KINDS["device"].endpoint == "dcim/devices"
    assert KINDS.at("/api/dcim/devices/").name == "device"
    assert KINDS.of_address("https://nb.example.com/netbox/api/ipam/vrfs/7/").name == "vrf"
    assert KINDS.of_address("https://nb.example.com/dcim/devices/7/") is None
    unknown = KINDS.at("plugins/bgp/session")
    assert (unknown.known, KINDS.of_address("https://nb/api/plugins/bgp/session/3/")) == (False, unknown)
    assert list(Kinds([])) == []


@pytest.mark.parametrize(
    ("mapping", "fields"),
    [
        ({}, {"id", "name", "status", "device", "site"}),
        ({"fields": {"status": "cf.state"}}, {"id", "name", "custom_fields", "site", "device"}),
        ({"where": {"role": "core"}}, {"id", "name", "status", "role", "site", "device"}),
        ({"keep": "status == 'active'"}, None),
        ({"fields": {"name": {"expr": "name|lower", "write": False}, "status": "status"}}, None),
    ],
)
def test_only_fields_that_are_needed_are_asked_for(mapping: Any, fields: set[str] | None) -> None:
    declared = {"interface": {"identifiers": ["name"], "attributes": {"status": "str", "site": "str"}}}
    mapped = NetBoxAdapter.bound(data_model(declared, base=RecordModel), {"interface": mapping})._maps["interface"]
    assert wanted_fields(KINDS["interface"], mapped, owner_tag=False) == fields


def test_a_reference_of_several_kinds_is_asked_for_by_its_type_and_its_id() -> None:
    declared = {"prefix": {"identifiers": ["prefix"], "attributes": {"site": "str | None"}}}
    mapped = NetBoxAdapter.bound(data_model(declared, base=RecordModel))._maps["prefix"]
    wanted = wanted_fields(KINDS["prefix"], mapped, owner_tag=True)
    assert wanted == {"id", "prefix", "vrf", "scope", "scope_type", "scope_id", "tags"}


# ---------------------------------------------------------------------- the cache


class Server:
    """A listing that counts what it is asked for."""

    def __init__(self, *names: str) -> None:
        self.objects: dict[int, dict[str, Any]] = {}
        self.asked: list[str] = []
        self._clock = 0
        for number, name in enumerate(names, 1):
            self.write(number, name)

    def write(self, number: int, name: str) -> None:
        self._clock += 1
        self.objects[number] = {"id": number, "name": name, "last_updated": f"2026-01-01T{self._clock:02}:00:00Z"}

    def listing(self, more: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        self.asked.append(next(iter(more), "everything"))
        if "last_updated__gte" in more:
            return [dict(one) for one in self.objects.values() if one["last_updated"] >= more["last_updated__gte"]]
        if "id" in more:
            return [dict(self.objects[number]) for number in more["id"]]
        return [{"id": number} for number in self.objects] if "fields" in more else map(dict, self.objects.values())


def load(path: Path, server: Server, about: Any = "nb", every: timedelta | int = 5, **parameters: Any) -> list[str]:
    cache = Cache(str(path), about, every)
    found = cache.listed("dcim/sites", parameters, server.listing)
    cache.keep()
    return [one["name"] for one in found]


def test_a_cached_load_is_what_a_full_one_would_be(tmp_path: Path) -> None:
    server = Server("a", "b", "c")
    assert load(tmp_path / "cache", server) == ["a", "b", "c"]
    server.write(2, "B")
    del server.objects[1]
    server.write(4, "d")
    server.objects[5] = {"id": 5, "name": "old but new here", "last_updated": "2020-01-01T00:00:00Z"}
    server.asked.clear()
    assert load(tmp_path / "cache", server) == ["B", "c", "d", "old but new here"]
    assert server.asked == ["last_updated__gte", "fields", "id"]


def test_everything_is_loaded_anew_every_now_and_then(tmp_path: Path) -> None:
    server = Server("a")
    for _number in range(4):
        load(tmp_path / "cache", server, every=3)
    assert server.asked.count("everything") == 2
    load(tmp_path / "cache", server, every=timedelta(hours=1))
    assert server.asked.count("everything") == 2
    kept = json.loads((tmp_path / "cache").read_text())
    for listing in kept["listings"].values():
        listing["full"] = time.time() - 3601
    (tmp_path / "cache").write_text(json.dumps(kept))
    load(tmp_path / "cache", server, every=timedelta(hours=1))
    assert server.asked.count("everything") == 3


@pytest.mark.parametrize("change", ["server", "parameters", "rubbish", "format"])
def test_a_cache_of_something_else_is_not_used(tmp_path: Path, change: str) -> None:
    server, path = Server("a"), tmp_path / "cache"
    load(path, server)
    if change == "rubbish":
        path.write_text("{")
    if change == "format":
        path.write_text("[]")
    load(path, server, about="other" if change == "server" else "nb", **({"site": "x"} if change == "parameters" else {}))
    assert server.asked == ["everything", "everything"]


def test_a_cache_that_cannot_be_one(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is a directory"):
        Cache(str(tmp_path), "nb", 5)


@pytest.mark.parametrize(("said", "found"), [(7, 7), ("P1D", timedelta(days=1)), ("PT90M", timedelta(minutes=90))])
def test_periods(said: Any, found: Any) -> None:
    assert period(Declared(said, "options.full_every")) == found


@pytest.mark.parametrize("said", ["often", 0, True, None, []])
def test_what_is_no_period(said: Any) -> None:
    with pytest.raises(DefinitionError, match=r"options\.full_every: this should be"):
        period(Declared(said, "options.full_every"))
