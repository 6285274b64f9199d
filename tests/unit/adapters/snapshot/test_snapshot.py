# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A snapshot is the dataset as it was, whatever it is compared with; what cannot be in one is refused."""

from __future__ import annotations

import json
import stat
from datetime import datetime, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from dsync import DiskStore, DSync, DSyncModel, DSyncModelFlags, Plan
from dsync._util.plain_json import displayed
from dsync._util.redaction import MASK
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.adapters.snapshot import SnapshotAdapter, write_snapshot
from dsync.exceptions import DSyncException, RecordError
from dsync.records.definition import data_model
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

SECRET = "hunter2-planted"


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact",)
    _children = {"device": "devices"}
    _compare = {"name": "case_insensitive"}
    name: str
    contact: str | None = None
    devices: list[str] = []


class Port(BaseModel):
    speed: int
    label: str = ""


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("address", "price", "seen", "facts", "port", "tags", "password", "raw")
    _sensitive = ("password",)
    _match = ("address",)
    pk: int
    name: str
    address: IPv4Address | None = None
    price: Decimal = Decimal(1)
    seen: datetime | None = None
    facts: Any = None
    port: Port | None = None
    tags: set[str] = set()
    password: str
    raw: bytes = b""


class Estate(DSync):
    site = Site
    device = Device
    top_level = ["site"]


def estate(rows: list[dict[str, Any]], store: Any = None) -> DSync:
    made = Estate("estate", store)
    made.add_rows("site", [{"name": "Lyon"}, {"name": "b__\\", "contact": "noc"}])
    below = ({"pk": at, "password": SECRET, "in": "Lyon", **row} for at, row in enumerate(rows))
    made.add_rows("device", below, "site", {"name": "in"})
    return made


RICH = {
    "name": "rtr 1",
    "address": "10.0.0.1",
    "price": "1.50",
    "seen": datetime(2026, 2, 3, tzinfo=timezone.utc),
    "facts": {"a": [1, True, None, 2**80, "\ud800", 1.5]},
    "port": {"speed": 10},
    "tags": {"b", "a"},
    "raw": b"\xff",
}


def snapshot(dataset: DSync, path: Path, like: DSync | None = None) -> SnapshotAdapter:
    """Write a snapshot of a dataset, and return it, loaded."""
    write_snapshot(dataset, path)
    made = SnapshotAdapter(path=str(path))
    if like is not None:
        made.read_as(like)
    made.load()
    return made


def differences(target: DSync, source: DSync) -> tuple[Any, ...]:
    """Return all differences, except for the attribute that a snapshot leaves out of objects."""
    diff = target.diff_from(source)
    found = repr(displayed(diff.dict()))
    for value in ("None", f"{MASK!r}"):
        found = found.replace(f"'password': {value}, ", "")
    return found, diff.summary(), [*map(repr, Plan.from_diff(diff))]


values = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "A_", "b\\", "c"])},
    optional={
        "address": st.sampled_from(["10.0.0.1", None, "10.0.0.2"]),
        "price": st.decimals(allow_nan=False, allow_infinity=False),
        "seen": st.datetimes(timezones=st.just(timezone.utc) | st.none()),
        "facts": st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists),
        "port": st.none() | st.fixed_dictionaries({"speed": st.integers(), "label": st.text()}),
        "tags": st.sets(st.text(), max_size=3),
        "raw": st.binary(),
    },
)
rows = st.lists(values, max_size=4, unique_by=lambda row: row["name"])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("snapshots") / "estate.snapshot"


@given(rows, rows, st.sampled_from([None, DiskStore]))
def test_a_snapshot_differs_as_its_dataset_does(path: Path, one: Any, other: Any, store: Any) -> None:
    here, there = estate(one, store), estate(other, store)
    kept = snapshot(here, path, there)
    assert differences(there, kept) == differences(there, here)
    assert not here.diff_from(snapshot(here, path, here)).has_diffs()


def test_two_snapshots_compare_without_the_adapter(tmp_path: Path) -> None:
    before = snapshot(estate([RICH, {"name": "x"}, {"name": "old", "address": "10.0.0.9"}]), tmp_path / "before")
    rows = [{**RICH, "port": {"speed": 100}}, {"name": "x"}, {"name": "new", "address": "10.0.0.9"}]
    after = snapshot(estate(rows), tmp_path / "after")
    assert not before.diff_from(before).has_diffs()
    changes = [(change.action, change.id) for change in Plan.from_diff(before.diff_from(after))]
    assert changes == [("update", "rtr 1"), ("move", "new")]


def test_objects_of_declared_models_keep_their_types_parents_and_flags(tmp_path: Path) -> None:
    models = {
        "site": {"identifiers": ["name"], "children": ["device"]},
        "device": {"identifiers": {"number": "int"}, "attributes": {"mac": {"type": "str", "compare": "mac"}, "seen": "date"}},
    }
    mapping = {"device": {"parent": {"name": "site"}}}
    adapter = MemoryAdapter.bound(data_model(models, base=RecordModel), mapping)
    records = {"site": [{"name": "a"}], "device": [{"number": 7, "site": "a", "mac": "AA:BB:CC:00:11:22", "seen": "2026-02-03"}]}
    live = adapter(records=records)
    live.load()
    live.get("device", "7").model_flags = DSyncModelFlags.IGNORE
    kept = snapshot(live, tmp_path / "kept")
    records["device"][0]["mac"] = "aabb.cc00.1122"
    again = adapter(records=records)
    again.load()
    assert kept.get("device", "7").model_flags is DSyncModelFlags.IGNORE
    kept.get("device", "7").model_flags = DSyncModelFlags.NONE
    assert not again.diff_from(kept).has_diffs()
    assert not kept.diff_from(again).has_diffs()


def test_what_is_sensitive_is_neither_in_the_file_nor_compared(tmp_path: Path) -> None:
    live = estate([RICH])
    kept = snapshot(live, tmp_path / "kept", live)
    assert SECRET not in (tmp_path / "kept").read_text()
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600
    live.get("device", "rtr 1").password = "another"
    assert not live.diff_from(kept).has_diffs()
    assert not kept.diff_from(live).has_diffs()


def test_what_cannot_be_in_a_snapshot_is_refused_and_no_file_is_left(tmp_path: Path) -> None:
    partial, odd = estate([]), estate([{"name": "a", "facts": object()}])
    partial.unread = {"device": 3}
    for dataset, why in (
        (partial, "was not loaded completely"),
        (odd, "facts of .* cannot be in a snapshot"),
    ):
        with pytest.raises(DSyncException, match=why):
            write_snapshot(dataset, tmp_path / "none")
    assert not [*tmp_path.iterdir()]


def test_a_file_that_was_cut_or_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    snapshot(estate([RICH, {"name": "x"}]), path)
    lines = path.read_bytes().splitlines(keepends=True)
    for spoilt in (lines[:-1], lines[:-2] + lines[-1:], [*lines, b"{}\n"], [one.replace(b"Lyon", b"Paris") for one in lines]):
        path.write_bytes(b"".join(spoilt))
        with pytest.raises(RecordError, match="is incomplete, or was changed after it was written"):
            SnapshotAdapter(path=str(path)).load()
    header = json.loads(lines[0])
    for text, why in (
        (b"{}\n", "is not a snapshot of dsync"),
        (b"", "is not a snapshot of dsync"),
        (json.dumps({**header, "version": 99}).encode(), "its format has version 99, and this dsync"),
        (json.dumps({**header, "models": []}).encode(), "its first line is malformed"),
    ):
        path.write_bytes(text)
        with pytest.raises(RecordError, match=why):
            SnapshotAdapter(path=str(path))


def test_a_snapshot_is_only_read(tmp_path: Path) -> None:
    kept = snapshot(estate([]), tmp_path / "kept")
    source = estate([{"name": "x"}])
    assert kept.refuses("device", Plan.from_diff(kept.diff_from(source)).changes[0].action) == "a snapshot is only read"
