# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Columns are a filter: what they find is what the same rows find as objects."""

from __future__ import annotations

import copy
import enum
import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncModel, ObjectAlreadyExists, Plan
from dsync.dataset.columns import ColumnTable, Rows
from dsync.dataset.memory_store import MemoryStore
from dsync.diff import columns as filters
from dsync.diff import traversal
from dsync.storage.plan_file import save
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError, field_validator


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact",)
    _children = {"port": "ports"}
    name: str
    contact: str = ""
    ports: list[str] = []


class Port(DSyncModel):
    _modelname = "port"
    _identifiers = ("site_name", "name")
    _shortname = ("name",)
    _attributes = ("mtu", "ratio", "price", "colour", "tags", "label")
    site_name: str
    name: str
    mtu: int | None = None
    ratio: float = 0.0
    price: Decimal = Decimal(1)
    colour: Colour | str = "red"
    tags: list[str] = []
    label: str | None = None
    rack: str = "not compared"


class Address(DSyncModel):
    _modelname = "address"
    _identifiers = ("ip",)
    _attributes = ("facts",)
    ip: str
    facts: Any = None


class Estate(DSync):
    site = Site
    port = Port
    address = Address
    top_level = ["site", "address"]

    def fill(self, sites: Any, ports: Any, addresses: Any) -> DSync:
        self.add_rows("site", sites)
        self.add_rows("port", ports, parent="site", parent_ids={"name": "site_name"})
        self.add_rows("address", addresses)
        return self


class Socket(DSyncModel):
    """A port with values of simple types."""

    _modelname = "port"
    _identifiers = ("site_name", "name")
    _shortname = ("name",)
    _attributes = ("mtu",)
    site_name: str
    name: str
    mtu: int = 1500


class Wall(Estate):
    port = Socket


class ObjectStore(MemoryStore):
    """Holds objects only."""

    def columns(self, model: Any, owner: Any) -> None:
        return None


NAMES = ["a", "b", "c_", "d__e", "f\\"]
FLOATS = [0.0, -0.0, 1.0, float("nan"), 2.5]
FACTS = [None, 1, True, 1.0, "1", float("nan"), [1, True], {"a": [1.0]}, {"a": [True]}, Colour.RED, "red", Decimal("1.0")]
ports = st.lists(
    st.fixed_dictionaries(
        {"site_name": st.sampled_from(NAMES[:3]), "name": st.sampled_from(NAMES)},
        optional={
            "mtu": st.sampled_from([None, 0, 1, 1500]),
            "ratio": st.sampled_from(FLOATS),
            "price": st.sampled_from(["1", "1.0", "1.00", "2"]),
            "colour": st.sampled_from([Colour.RED, "red", "blue", "green"]),
            "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
            "label": st.sampled_from([None, "", "x"]),
            "rack": st.sampled_from(["r1", "r2"]),
        },
    ),
    max_size=12,
    unique_by=lambda row: (row["site_name"], row["name"]),
)
addresses = st.lists(
    st.fixed_dictionaries({"ip": st.sampled_from(NAMES), "facts": st.sampled_from(FACTS)}), unique_by=lambda row: row["ip"]
)
sides = st.tuples(ports, addresses)
SITES = [{"name": name, "contact": "noc"} for name in NAMES[:3]]


def results(dataset: DSync, source: DSync, path: Path) -> tuple[Any, ...]:
    diff = target_diff = dataset.diff_from(source)
    plan = Plan.from_diff(target_diff)
    digest = save(plan, path, source=source, target=dataset, created="2026-11-23T03:00:00Z", by="ops", salt="00" * 16)
    kinds = [(type(obj), repr(obj), obj.model_fields_set, obj.dsync is dataset) for obj in dataset.get_all("port")]
    return repr(diff.dict()), diff.str(), diff.summary(), diff.warnings, [*map(repr, plan.changes)], digest, kinds


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans") / "plan.jsonl"


@given(sides, sides, st.booleans(), st.lists(st.integers(0, 11), max_size=3))
def test_what_columns_find_is_what_objects_find(path: Path, source: Any, target: Any, in_order: bool, touched: list[int]) -> None:
    found = []
    for store in (MemoryStore, ObjectStore):
        estates = []
        for rows, addressed in (source, target):
            ordered = sorted(rows, key=lambda row: row["site_name"]) if in_order else rows
            estates.append(Estate(internal_storage_engine=store).fill(SITES, ordered, addressed))
        for at in touched:
            if at < len(target[0]):
                obj = estates[1].get("port", {key: target[0][at][key] for key in ("site_name", "name")})
                obj.mtu = 9000
                if at % 2:
                    estates[1].get("site", obj.site_name).remove_child(obj)
                    estates[1].remove(obj)
                    estates[1].add(Port(site_name=obj.site_name, name=obj.name, label="again"))
                    estates[1].get("site", obj.site_name).add_child(obj)
        found.append(results(estates[1], estates[0], path))
        estates[1].sync_from(estates[0])
        found[-1] += (repr(estates[1].dict(exclude_defaults=False)), estates[1].diff_from(estates[0]).has_diffs())
    assert found[0] == found[1]


def tree(store: type[MemoryStore], changed: range = range(0), gone: range = range(0), backwards: bool = False) -> DSync:
    """Sites of 25 sockets, in which only some of the ports differ."""
    numbers = [number for number in range(2000) if number not in gone]
    rows = [{"site_name": f"s{n // 25:02}", "name": f"p{n:04}", "mtu": 1500 + (n in changed)} for n in numbers]
    sites = [{"name": f"s{number:02}"} for number in range(80)]
    return Wall(internal_storage_engine=store).fill(sites, [*reversed(rows)] if backwards else rows, [])


@pytest.mark.skipif(Socket._construction is None, reason="an older pydantic makes each object by itself")
@pytest.mark.parametrize("backwards", [False, True])
def test_only_what_may_differ_becomes_an_object(monkeypatch: pytest.MonkeyPatch, backwards: bool) -> None:
    monkeypatch.setattr(filters, "_MOST_MISSES", 0)
    source, target = (
        tree(MemoryStore, changed=range(100, 2000, 500)),
        tree(MemoryStore, gone=range(40, 2000, 400), backwards=backwards),
    )
    summary = target.diff_from(source).summary()
    assert (summary["create"], summary["update"], summary["no-change"]) == (5, 4, 80 + 2000 - 9)
    scanned = [dataset.store.scan("port") for dataset in (source, target)]
    made = [len(rows.made()) for _uids, rows in scanned if isinstance(rows, Rows)]
    assert made == [9, 4]


@pytest.mark.parametrize("limit", [("_AT_FIRST", 1), ("_WINDOWS", (1,)), ("_WINDOWS", (2, 30)), ("_MOST_MISSES", 1)])
def test_how_columns_are_walked_makes_no_difference(monkeypatch: pytest.MonkeyPatch, limit: tuple[str, Any]) -> None:
    differences = {"changed": range(30, 1900, 70), "gone": range(11, 1800, 90)}
    wanted = tree(ObjectStore, backwards=True).diff_from(tree(ObjectStore, **differences)).dict()
    monkeypatch.setattr(filters, *limit)
    monkeypatch.setattr(traversal, "_LOOK_BACK", 3)
    assert tree(MemoryStore, backwards=True).diff_from(tree(MemoryStore, **differences)).dict() == wanted


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda dataset: pickle.loads(pickle.dumps(dataset))])
def test_a_copy_has_the_same_objects_and_takes_more_rows(copied: Callable[[DSync], DSync]) -> None:
    dataset = tree(MemoryStore)
    dataset.get("port", "s00__p0001").mtu = 3
    twin = copied(dataset)
    assert twin.dict() == dataset.dict()
    assert twin.get("port", "s00__p0001").mtu == 3
    twin.add_rows("address", [{"ip": "192.0.2.1"}])
    twin.add_rows("port", [{"site_name": "s00", "name": "new"}], parent="site", parent_ids={"name": "site_name"})
    assert twin.get("site", "s00").ports[-1] == "s00__new"


class Checked(Port):
    """Its label must not be the name, so that a validator sees two fields."""

    @field_validator("label")
    @classmethod
    def _check(cls, value: Any, info: Any) -> Any:
        if value == info.data["name"]:
            raise ValueError("the label is the name")
        return value


class Shouting(Port):
    def get_attrs(self) -> dict[str, Any]:
        return {**super().get_attrs(), "label": "LOUD"}


@pytest.mark.parametrize("kind", [Checked, Shouting])
def test_a_class_that_needs_the_whole_object_gets_objects(kind: type[Port]) -> None:
    estate = type("Special", (Estate,), {"port": kind})()
    estate.fill(SITES, [{"site_name": "a", "name": "x", "label": "y"}], [])
    assert not isinstance(estate.store._tables["port"], ColumnTable)
    if kind is Checked:
        with pytest.raises(ValidationError, match="the label is the name"):
            estate.add_rows("port", [{"site_name": "a", "name": "z", "label": "z"}])


def test_two_short_names_of_siblings_are_refused_as_for_objects() -> None:
    for store in (MemoryStore, ObjectStore):
        rows = [{"site_name": "a", "name": "x"}, {"site_name": "b", "name": "x"}]
        dataset = Estate(internal_storage_engine=store)
        dataset.add_rows("site", SITES)
        dataset.add_rows("port", [{**row, "rack": "a"} for row in rows], parent="site", parent_ids={"name": "rack"})
        with pytest.raises(ObjectAlreadyExists, match='have the same short name "x"'):
            dataset.diff_from(dataset)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.booleans()), min_size=1, max_size=12))
def test_siblings_with_as_many_equal_objects_need_not_be_the_same(ports: list[tuple[str, str, bool]]) -> None:
    """Each port has the racks in which it is in source and target, and whether it differs."""
    found = []
    for store in (MemoryStore, ObjectStore):
        sides = []
        for side in (0, 1):
            rows = [{"site_name": f"n{at}", "name": "x", "rack": port[side]} for at, port in enumerate(ports)]
            changed = [{**row, "mtu": 9000 if side and port[2] else 1500} for row, port in zip(rows, ports)]
            dataset = Estate(internal_storage_engine=store)
            dataset.add_rows("site", [{"name": name} for name in "abc"])
            dataset.add_rows("port", changed, parent="site", parent_ids={"name": "rack"})
            sides.append(dataset)
        try:
            diff = sides[1].diff_from(sides[0])
            found.append((repr(diff.dict()), diff.summary(), diff.warnings))
        except ObjectAlreadyExists as error:
            found.append((str(error), {}, []))
    assert found[0] == found[1]
