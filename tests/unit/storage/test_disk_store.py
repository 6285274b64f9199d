# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The store on disk is a filter: what two datasets on disk decide is what the same two in memory decide."""

from __future__ import annotations

import enum
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, DSyncModelFlags, ObjectAlreadyExists, ObjectNotFound, Plan
from dsync.dataset.memory_store import MemoryStore
from dsync.diff.scope import Scope
from dsync.exceptions import ObjectStoreException
from dsync.guard.limits import limits, over_limits
from dsync.guard.mass_deletes import mass_deletes
from dsync.guard.references import missing_references
from dsync.guard.source_size import empty_source
from dsync.storage.disk.comparison import narrowed
from dsync.storage.disk.store import DiskStore
from dsync.storage.plan_file import save
from hypothesis import given
from hypothesis import strategies as st

Rows = dict[str, list[dict[str, Any]]]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Owner(DSyncModel):
    _modelname = "owner"
    _identifiers = ("name",)
    _attributes = ("colour",)
    _protected = ("delete",)
    name: str
    colour: Colour = Colour.RED


class Tag(DSyncModel):
    """An object whose short name must be unique at the top level."""

    _modelname = "tag"
    _identifiers = ("scope", "name")
    _shortname = ("name",)
    _attributes = ("weight",)
    scope: str
    name: str
    weight: int = 0


class Folder(DSyncModel):
    _modelname = "folder"
    _identifiers = ("name",)
    _attributes = ("label",)
    _children = {"folder": "folders"}
    name: str
    label: Any = None
    folders: list[str] = []


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("contact",)
    _children = {"rack": "racks"}
    _compare = {"name": "case_insensitive"}
    name: str
    contact: str = ""
    racks: list[str] = []


class Rack(DSyncModel):
    _modelname = "rack"
    _identifiers = ("name",)
    _attributes = ("owner", "serial", "unit")
    _children = {"port": "ports"}
    _references = {"owner": "owner"}
    _match = ("serial",)
    _unique = ("unit",)
    name: str
    owner: str | None = None
    serial: str | None = None
    unit: int | None = None
    ports: list[str] = []


class Port(DSyncModel):
    _modelname = "port"
    _identifiers = ("rack_name", "name")
    _shortname = ("name",)
    _attributes = ("mtu", "ratio", "price", "facts", "peer")
    _references = {"peer": "port"}
    rack_name: str
    name: str
    mtu: int | None = None
    ratio: float = 0.0
    price: Decimal = Decimal(1)
    facts: Any = None
    peer: str | None = None
    note: str = "not compared"


PARENTS = {"rack": "site", "port": "rack", "folder": "folder"}


class Estate(DSync):
    owner = Owner
    tag = Tag
    folder = Folder
    site = Site
    rack = Rack
    port = Port
    top_level = ["owner", "tag", "folder", "site"]

    def fill(self, rows: Rows) -> DSync:
        """Add rows, each below the object that ``above`` names."""
        for model, some in rows.items():
            for batch in [[row] for row in some] if model == "folder" else [some]:
                below = [row for row in batch if row.get("above") is not None]
                self.add_rows(model, [row for row in batch if row.get("above") is None])
                if below:
                    self.add_rows(model, below, parent=PARENTS[model], parent_ids={"name": "above"})
        return self


NAMES = ["a", "b", "c_", "d\\"]
NAN = float("nan")
FACTS = [None, 1, True, 1.0, "1", "\ud800", NAN, -0.0, 0.0, [1], [True], [NAN], {"a": 1}, {"a": 1.0}, {1, 2}, b"x", Decimal("-0")]
VALUES: dict[str, list[Any]] = {
    "colour": ["red", "blue"],
    "weight": [0, 1],
    "label": FACTS,
    "contact": ["", "noc"],
    "owner": [None, *NAMES],
    "serial": [None, "s1", "s2"],
    "unit": [None, 1, 2],
    "mtu": [None, 1, 2**70],
    "ratio": [0.0, -0.0, NAN],
    "price": ["1.0", "1.00"],
    "facts": FACTS,
    "peer": [None, "a__a", "b__a"],
    "note": ["x", "y"],
}
FIELDS = {model: [name for name in kind.model_fields if name in VALUES] for model, kind in Estate.models().items()}


@st.composite
def estates(draw: st.DrawFn) -> Rows:
    """Return the rows of a dataset: some of them below nothing, below what is not there, or twice there."""

    def many(model: str, keys: list[dict[str, str]], parents: list[str] | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for key in keys:
            row = {**key, **{name: draw(st.sampled_from(VALUES[name])) for name in FIELDS[model]}}
            if parents is not None:
                choices = [row_above["name"] for row_above in rows] if model == "folder" else parents
                rare = draw(st.integers(0, 15))
                row["above"] = draw(st.sampled_from([*choices, None] if model == "folder" else choices or [None]))
                row["above"] = None if not rare else "nowhere" if rare == 15 and draw(st.booleans()) else row["above"]
            rows.append(row)
        return rows + (rows[:1] if not draw(st.integers(0, 40)) else [])

    def chosen(names: list[str], most: int = 4) -> list[str]:
        return draw(st.lists(st.sampled_from(names), unique=True, max_size=most))

    sites, racks = chosen(["a", "B", "c_"]), chosen(NAMES)
    return {
        "owner": many("owner", [{"name": name} for name in chosen(NAMES)]),
        "tag": many("tag", [{"scope": draw(st.sampled_from("xy")), "name": name} for name in chosen(NAMES, 2)]),
        "folder": many("folder", [{"name": name} for name in chosen(NAMES)], []),
        "site": many("site", [{"name": name} for name in sites]),
        "rack": many("rack", [{"name": name} for name in racks], sites),
        "port": many("port", [{"rack_name": rack, "name": name} for rack in racks for name in chosen(NAMES, 3)], racks),
    }


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """Return the rows of two datasets, which are mostly the same."""
    one = draw(estates())
    if not draw(st.integers(0, 3)):
        return one, draw(estates())
    other = {model: [dict(row) for row in rows] for model, rows in one.items()}
    for _edit in range(draw(st.integers(0, 3))):
        model = draw(st.sampled_from([model for model, rows in other.items() if rows] or ["site"]))
        if not other[model]:
            break
        row, how = draw(st.sampled_from(other[model])), draw(st.sampled_from(["value", "value", "place", "name", "drop"]))
        if how == "drop":
            other[model] = [each for each in other[model] if each is not row]
        elif how == "name":
            row["name"] = draw(st.sampled_from(["A" if row["name"] == "a" else "new", *NAMES]))
        elif how == "place" and model in PARENTS:
            row["above"] = draw(st.sampled_from([each["name"] for each in other[PARENTS[model]] if each is not row] or [None]))
        elif FIELDS[model]:
            name = draw(st.sampled_from(FIELDS[model]))
            row[name] = draw(st.sampled_from(VALUES[name]))
    return one, other


touches = st.lists(
    st.tuples(st.sampled_from(["look", "change", "flag", "remove", "move", "orphan", "add"]), st.integers(0, 9)), max_size=2
)
scopes = st.sampled_from(
    [{}] * 5
    + [
        {"only": [{"model": "rack", "id": "a"}]},
        {"exclude": [{"model": "port", "attributes": {"mtu": 1}}]},
        {"models": ["site", "rack"]},
        {"attributes": {"port": ["mtu"]}},
    ]
)
flags = st.just(DSyncFlags.NONE) | st.sampled_from(list(DSyncFlags))


def touch(estate: DSync, touched: list[tuple[str, int]]) -> None:
    """Change some objects of an estate one by one."""
    for how, at in touched:
        racks, ports = estate.store.uids("rack"), estate.store.uids("port")
        rack = estate.get("rack", racks[at % len(racks)]) if racks else None
        if how == "flag" and rack is not None:
            rack.model_flags = DSyncModelFlags.IGNORE
        elif how == "change" and ports:
            estate.get("port", ports[at % len(ports)]).mtu = 9000
        elif how == "remove" and ports:
            estate.remove(estate.get("port", ports[at % len(ports)]))
        elif how == "move" and len(racks) > 1 and rack is not None and rack.ports:
            child = estate.get_or_none("port", rack.ports[0])
            if child is not None:
                rack.remove_child(child)
                estate.get("rack", racks[at % len(racks) - 1]).add_child(child)
        elif how == "orphan" and rack is not None:
            for site in estate.get_all("site"):
                if rack.get_unique_id() in site.racks:
                    site.remove_child(rack)
        elif how == "add" and rack is not None:
            port = Port(rack_name=rack.name, name="added")
            if estate.get_or_none("port", port.get_unique_id()) is None:
                estate.add(port)
                rack.add_child(port)


def decided(target: DSync, source: DSync, path: Path, flag: DSyncFlags, scope: dict[str, Any]) -> Iterator[Any]:
    """Yield all that is decided from a comparison, and what is left of the target when it was applied."""
    diff = target.diff_from(source, flags=flag, scope=Scope.of(source, target, **scope) if scope else None)
    plan = Plan.from_diff(diff)
    yield from (diff.dict(), diff.str(), diff.summary(), diff.warnings)
    yield sorted((model, counts) for model, counts in diff.summary_by_model().items() if any(counts.values()))
    yield [*map(repr, plan)]
    yield save(plan, path, source=source, target=target, created="2026-11-23T03:00:00Z", by="ops", salt="00" * 16)
    allowed = limits({"create": "20%", "delete": 0, "update": "1%", "move": "10%", "port": {"create": 1}}, target.models())
    refusals = [*over_limits(plan, allowed, source, target), *mass_deletes(plan, (), source, target)]
    yield [*map(str, refusals), *map(str, empty_source(plan, source, target))]
    yield [(change.key, sentence) for change, sentence in missing_references(plan, target, diff.references)]
    try:
        target.sync_from(source, flags=flag, diff=diff)
    except Exception as error:  # whatever it is, it is the same
        yield type(error), str(error)
    yield repr(target.dict(exclude_defaults=False))
    yield target.diff_from(source).summary()


def outcome(store: Any, rows: tuple[Rows, Rows], touched: Any, path: Path, flag: DSyncFlags, scope: dict[str, Any]) -> list[Any]:
    Rack._uses_flags = Rack._flags_matter = False  # no flag of an earlier example
    found: list[Any] = []
    try:
        source, target = Estate("source", store), Estate("target", store)
        source.fill(rows[0])
        target.fill(rows[1])
        touch(source, touched[0])
        touch(target, touched[1])
        found.extend(repr(each) for each in decided(target, source, path, flag, scope))
    except Exception as error:  # whatever it is, it is the same
        found += [type(error), str(error)]
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans") / "plan.jsonl"


@given(pairs(), st.just(([], [])) | st.tuples(touches, touches), flags, scopes)
def test_what_is_decided_on_disk_is_what_is_decided_in_memory(path: Path, rows: Any, touched: Any, flag: Any, scope: Any) -> None:
    assert outcome(DiskStore, rows, touched, path, flag, scope) == outcome(MemoryStore, rows, touched, path, flag, scope)


# ---------------------------------------------------------------------- the file


def large(store: Any, size: int = 5000, changed: int = -1) -> DSync:
    """Return an estate with racks of 50 ports, one of which may be changed."""
    estate = Estate("estate", store)
    estate.add_rows("site", [{"name": "a"}])
    estate.add_rows("rack", ({"name": f"r{n}", "above": "a"} for n in range(size // 50)), "site", {"name": "above"})
    ports = ({"rack_name": f"r{n // 50}", "name": f"p{n}", "mtu": 1 + (n == changed)} for n in range(size))
    estate.add_rows("port", ports, "rack", {"name": "rack_name"})
    return estate


needs_columns = pytest.mark.skipif(Port._construction is None, reason="an older pydantic makes each object by itself")


@needs_columns
def test_only_what_differs_is_held_in_memory() -> None:
    source, target = large(DiskStore), large(DiskStore, changed=4321)
    part = narrowed(source, target)
    assert part is not None
    assert (len(part.source), len(part.target), part.same) == (3, 3, {"rack": 99, "port": 4999})
    summary = target.diff_from(source).summary()
    assert (summary["update"], summary["no-change"]) == (1, 5100)
    assert target.sync_from(source).summary()["update"] == 1
    assert [*source.store.in_memory("port"), *target.store.in_memory("port")] == ["r86__p4321"]
    assert not target.diff_from(source).has_diffs()


def test_a_row_that_occurs_twice_is_refused_and_none_of_its_batch_is_added() -> None:
    estate = large(DiskStore)
    with pytest.raises(ObjectAlreadyExists, match="r0__p1"):
        estate.add_rows("port", [{"rack_name": "r0", "name": name} for name in ("new", "p1")], "rack", {"name": "rack_name"})
    assert estate.count("port") == 5000
    assert estate.get_or_none("port", "r0__new") is None


def test_a_child_before_its_parent_is_refused_and_one_below_nothing_is_reported() -> None:
    estate, other = large(DiskStore), large(DiskStore)
    with pytest.raises(ObjectNotFound, match='the parent of port "r100__p" is not in estate: no rack "r100"'):
        estate.add_rows("port", [{"rack_name": "r100", "name": "p"}], "rack", {"name": "rack_name"})
    estate.add_rows("port", [{"rack_name": "r100", "name": "p"}])
    (warning,) = other.diff_from(estate).warnings
    assert "estate: 1 of its port objects are neither top level nor a child of another object" in warning
    assert '"r100__p"' in warning


@needs_columns
def test_no_name_of_the_file_is_left_while_it_is_used(tmp_path: Path) -> None:
    estate = large(lambda: DiskStore(str(tmp_path)))
    assert estate.get("port", "r3__p150").mtu == 1
    assert not [*tmp_path.iterdir()]


def test_objects_can_be_asked_for_while_all_are_read() -> None:
    estate = large(DiskStore)
    estate.remove(estate.get("port", "r2__p100"))
    estate.get("port", "r1__p51").mtu = 7
    values = dict(zip(estate.store.uids("port"), estate.store.values("port", "mtu")))
    assert (len(values), values["r1__p51"], {*values.values()}) == (4999, 7, {1, 7})
    read = []
    for port in estate.store.each("port"):
        read.append(port.get_unique_id())
        estate.get("rack", port.rack_name)
        estate.get("port", f"r99__p{4950 + len(read) % 50}")
    assert read == estate.store.uids("port") == list(values)


def test_a_directory_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    where = "cannot be held in a file in .*: No such file or directory; set the environment variable TMPDIR"
    with pytest.raises(ObjectStoreException, match=where):
        DiskStore(str(tmp_path / "none"))


@needs_columns
def test_a_disk_that_is_full_is_one_sentence_while_loading(tmp_path: Path) -> None:
    """A real limit: no file can be longer than so many bytes, as if the disk were full there."""
    rows = ({"rack_name": "r0", "name": f"n{number}", "note": "x" * 100} for number in range(40_000))
    estate = large(lambda: DiskStore(str(tmp_path)))
    _soft, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))
    try:
        with pytest.raises(ObjectStoreException) as caught:
            estate.add_rows("port", rows, "rack", {"name": "rack_name"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(caught.value).startswith(f"the objects of a dataset cannot be held in a file in {tmp_path}: ")
    assert estate.count("port") % 10_000 == 5000
    assert len(estate.store.uids("port")) == estate.count("port")
    assert not [*tmp_path.iterdir()]


MUCH = """
import resource, sys
from test_disk_store import DiskStore, MemoryStore, large
store, size, room = {"disk": DiskStore, "memory": MemoryStore}[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (room << 20),) * 2)
source, target = large(store, size), large(store, size, changed=size // 2)
target.sync_from(source)
print(target.diff_from(source).summary())
"""


@needs_columns
@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux says how much of its addresses a process uses")
def test_what_memory_cannot_hold_a_disk_can() -> None:
    """The limit is on all that a process may map: 60 MB more than Python and the library."""
    found = {}
    for store in ("disk", "memory"):
        arguments = [sys.executable, "-c", MUCH, store, "200000", "60"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        found[store] = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert "'no-change': 204001" in found["disk"].stdout, found["disk"].stderr
    assert found["memory"].returncode != 0
    assert "MemoryError" in found["memory"].stderr
