# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Comparisons in shards find what comparisons of whole datasets find."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from dsync import DiffException, DSync, DSyncException, DSyncFlags, ObjectAlreadyExists, Plan
from dsync.guard.limits import limits, over_limits
from dsync.guard.mass_deletes import mass_deletes
from dsync.guard.references import missing_references
from dsync.guard.source_size import empty_source
from dsync.shards import Side, compare
from dsync.storage.plan_file import save
from hypothesis import given
from hypothesis import strategies as st

Rows = dict[str, list[dict[str, Any]]]

BOTH = ("estate", "estate")


class Here(Executor):
    """Runs each task in this process, when it is submitted, and keeps the texts that a worker would be sent and send."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        self.texts += [*args, future.result()]
        return future


def side(rows: Rows, name: str, kind: str = "Estate", **arguments: Any) -> Side:
    return Side(f"sharded_estate:{kind}", {"rows": rows, "name": name, **arguments})


def whole(source: Side, target: Side, flags: DSyncFlags = DSyncFlags.NONE) -> tuple[DSync, DSync, Any]:
    """Compare two datasets without shards."""
    one, other = source.make(), target.make()
    one.load()
    other.load()
    return one, other, other.diff_from(one, flags=flags)


def results(path: Path, source: DSync, target: DSync, diff: Any) -> dict[str, Any]:
    """Return all that is decided from a comparison."""
    plan = Plan.from_diff(diff)
    allowed = limits({"create": "20%", "delete": 0, "update": "1%", "move": "10%", "port": {"create": 1}}, target.models())
    refusals = [*over_limits(plan, allowed, source, target), *mass_deletes(plan, (), source, target)]
    refusals += empty_source(plan, source, target)
    missing = missing_references(plan, target, diff.references)
    return {
        "diff": diff.dict(),
        "text": diff.str(),
        "summary": diff.summary(),
        "by model": {model: counts for model, counts in diff.summary_by_model().items() if any(counts.values())},
        "warnings": diff.warnings,
        "changes": [*map(repr, plan.changes)],
        "digest": save(plan, path, source=source, target=target, adapters=BOTH, created="2026-11-23T03:00:00Z", by="ops"),
        "refusals": [*map(str, refusals)],
        "missing": [(change.key, sentence.partition(" (did you mean")[0]) for change, sentence in missing],
    }


NAMES = ["a", "b", "c", "d__e", "é\u2028"]
names = st.sampled_from(NAMES)
few = st.sampled_from([None, "x", "y"])
maybe_ignored = st.sampled_from([False] * 9 + [True])


@st.composite
def estates(draw: st.DrawFn, sound: bool) -> Rows:
    """Return the rows of a dataset; unless it is sound, with two parents, two rows of one identity, cycles and missing children."""

    def many(model: str, keys: list[Any], **values: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
        rows = [{**key, **{name: draw(each) for name, each in values.items()}} for key in keys]
        return rows + ([] if sound or not rows or draw(st.integers(0, 5)) else [{**rows[0], "_in": rows[-1].get("_in", [])}])

    def chosen(most: int = 5) -> list[str]:
        return draw(st.lists(names, unique=True, max_size=most))

    def inside(model: str, parents: list[str]) -> st.SearchStrategy[Any]:
        one = st.sampled_from(parents).map(lambda name: [[model, name]])
        two = st.lists(st.sampled_from(parents), min_size=2, max_size=2, unique=len(parents) > 1)
        return one if sound else one | st.just([]) | two.map(lambda both: [[model, name] for name in both])

    sites = chosen()
    devices = chosen() if sites else []
    ports = [(device, name) for device in devices for name in chosen(2)]
    folders = chosen()
    found = {
        "site": many("site", [{"name": name} for name in sites], contact=st.sampled_from(["", "noc"]), _ignored=maybe_ignored),
        "role": many("role", [{"name": name} for name in chosen()], colour=st.sampled_from(["red", "blue"])),
        "tag": many("tag", [{"scope": draw(few) or "s", "name": name} for name in chosen()], weight=st.integers(0, 1)),
        "folder": many("folder", [{"path": path} for path in folders], label=few),
        "device": many(
            "device",
            [{"name": name} for name in devices],
            role=st.none() | names,
            serial=few,
            address=few,
            _in=inside("site", sites or ["a"]),
            _ignored=maybe_ignored,
        ),
        "port": many(
            "port",
            [{"device": device, "name": name} for device, name in ports],
            mtu=st.sampled_from([1500, 9000]),
            peer=st.none() | st.sampled_from(ports or [("a", "a")]).map("__".join),
        ),
    }
    for row in found["port"]:
        row["_in"] = [["device", row["device"]]]
    for at, row in enumerate(found["folder"]):
        row["_in"] = [["folder", folders[draw(st.integers(0, min(at, len(folders)) - 1))]]] if at and draw(st.booleans()) else []
    return found


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """Return the rows of two datasets, which are mostly the same."""
    sound = draw(st.booleans())
    one = draw(estates(sound))
    if draw(st.booleans()):
        return one, draw(estates(sound))
    other = {model: [dict(row) for row in rows] for model, rows in one.items()}
    for _change in range(draw(st.integers(0, 3))):
        model = draw(st.sampled_from(sorted(other)))
        if other[model]:
            row = draw(st.sampled_from(other[model]))
            field = draw(
                st.sampled_from([name for name in row if name not in ("_in", "_ignored", "device", "name", "scope", "path")])
            )
            row[field] = draw(st.sampled_from([one_row[field] for one_row in one[model] if field in one_row] or [row[field]]))
    return one, other


def decided(path: Path, found: Any) -> Any:
    """Return all that is decided from a comparison, or how it fails."""
    try:
        return results(path, *found())
    except DSyncException as error:
        return type(error)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans") / "plan.jsonl"


@given(pairs(), st.sampled_from([1, 2, 7, 64]), st.sampled_from(["Estate", "Streamed"]), st.booleans())
def test_shards_decide_what_a_whole_comparison_decides(path: Path, rows: Any, shards: int, kind: str, prune: bool) -> None:
    flags = DSyncFlags.NONE if prune else DSyncFlags.SKIP_UNMATCHED_DST
    source, target = side(rows[0], "want"), side(rows[1], "have")
    wanted = decided(path, lambda: whole(source, target, flags))
    parts = [one._replace(factory=f"sharded_estate:{kind}") for one in (source, target)]
    assert decided(path, lambda: compare(Here(), *parts, shards, flags)) == wanted


# ---------------------------------------------------------------------- what shards alone cannot see


def network(changed: int = -1, moved: int = -1, contact: str = "noc") -> Rows:
    """Return 40 sites of two devices, which have one of three roles; one device has another role, one is at another site."""
    sites = [{"name": f"s{number}", "contact": contact if number == 0 else "noc"} for number in range(40)]
    devices = [
        {"name": f"d{number}", "role": "r9" if number == changed else f"r{number % 3}", "_in": [["site", f"s{number // 2}"]]}
        for number in range(80)
    ]
    if moved >= 0:
        devices[moved]["_in"] = [["site", "s39"]]
    return {"site": sites, "device": devices, "role": [{"name": f"r{number}", "colour": "red"} for number in range(3)]}


def test_only_trees_that_differ_are_loaded_and_all_objects_count(path: Path) -> None:
    found = compare(Here(), side(network(moved=3), "want", "Streamed"), side(network(), "have", "Streamed"), 7)
    assert sorted(obj.get_unique_id() for obj in found.target.get_all("site")) == ["s1", "s39"]
    assert found.target.unread == {"site": 38, "device": 76, "role": 3}
    assert found.target.count() == found.source.count() == 123
    assert found.diff.summary() == {"create": 0, "update": 0, "move": 1, "delete": 0, "no-change": 122, "skip": 0}


def test_two_objects_of_one_identity_in_different_shards_are_refused() -> None:
    rows = network()
    rows["device"].append({"name": "d0", "role": "r1", "_in": [["site", "s30"]]})
    with pytest.raises(ObjectAlreadyExists, match='want has two device objects with the identity "d0"'):
        compare(Here(), side(rows, "want", "Streamed"), side(rows, "have", "Streamed"), 64)


def test_two_parents_in_different_shards_are_refused() -> None:
    rows = network()
    rows["device"][0]["_in"] = [["site", "s0"], ["site", "s30"]]
    for other in (rows, network()):
        with pytest.raises(ObjectAlreadyExists, match='in want, device "d0" is a child of both'):
            compare(Here(), side(rows, "want"), side(other, "have"), 64)


def test_two_top_level_objects_of_one_short_name_in_different_shards_are_refused() -> None:
    tags = {"tag": [{"scope": f"s{number}", "name": f"t{number % 9}"} for number in range(10)]}
    with pytest.raises(ObjectAlreadyExists, match='the same short name "t0"'):
        compare(Here(), side(tags, "want"), side(tags, "have"), 64)


def test_a_reference_to_an_object_that_is_the_same_is_found_and_one_to_nothing_is_missed() -> None:
    rows = network()
    rows["port"] = [
        {"device": f"d{number}", "name": "p", "peer": f"d{number ^ 1}__p", "_in": [["device", f"d{number}"]]}
        for number in range(80)
    ]
    wanted = {**rows, "port": [dict(row) for row in rows["port"]], "role": rows["role"]}
    wanted["port"][10]["peer"] = "d60__p"
    wanted["port"][11]["peer"] = "d99__p"
    found = compare(Here(), side(wanted, "want", "Streamed"), side(rows, "have", "Streamed"), 16)
    missing = missing_references(Plan.from_diff(found.diff), found.target, found.diff.references)
    assert [(change.id, sentence.partition(" (did")[0]) for change, sentence in missing] == [
        ("d11__p", 'its peer refers to port "d99__p", which have does not have and will not get')
    ]
    assert found.target.get("port", "d60__p")


def test_an_object_to_which_one_in_another_shard_refers_is_not_deleted() -> None:
    lacking = network()
    del lacking["role"][1]
    found = compare(Here(), side(lacking, "want", "Streamed"), side(network(), "have", "Streamed"), 16)
    missing = missing_references(Plan.from_diff(found.diff), found.target, found.diff.references)
    assert [(change.id, sentence.partition(" refers")[0]) for change, sentence in missing] == [("r1", 'device "d1"')]


def test_a_limit_that_is_exceeded_only_in_the_sum_refuses_the_run() -> None:
    wanted = network()
    for number in range(0, 80, 2):
        wanted["device"][number]["role"] = None
    found = compare(Here(), side(wanted, "want"), side(network(), "have"), 16)
    plan = Plan.from_diff(found.diff)
    for allowed, refused in (({"update": 40}, []), ({"update": 39}, ["40"]), ({"update": "49%"}, ["40"]), ({"update": "50%"}, [])):
        each = over_limits(plan, limits({"device": allowed}, found.target.models()), found.source, found.target)
        assert [str(one).partition("exceeded: ")[2][:2] for one in each] == refused


@pytest.mark.parametrize("said", [True, False])
def test_all_shards_together_decide_of_what_the_source_says_nothing(said: bool) -> None:
    """A shard may have no record with a field that records of others have."""
    silent = network()
    for row in silent["device"][int(said) :]:
        del row["role"]
    source, target = side(silent, "want", "Streamed"), side(network(), "have", "Streamed")
    found, (_source, _target, wanted) = compare(Here(), source, target, 16), whole(source, target)
    assert found.diff.summary() == wanted.summary()
    assert found.diff.summary()["update"] == (79 if said else 0)
    assert found.diff.warnings == wanted.warnings
    assert any("has a field for role" in line for line in wanted.warnings) is not said


def test_after_a_sync_both_are_the_same() -> None:
    found = compare(Here(), side(network(contact="changed", moved=3), "want"), side(network(), "have"), 7)
    assert found.diff.summary()["update"] == found.diff.summary()["move"] == 1
    found.target.sync_from(found.source, diff=found.diff)
    assert found.target.diff_from(found.source).summary()["no-change"] == 123


def test_answers_hold_names_and_digests_and_no_values() -> None:
    here = Here()
    compare(here, side(network(contact="a value"), "want"), side(network(contact="another value"), "have"), 3)
    answers = [text for text in here.texts if text.startswith('{"tops"')]
    assert len(answers) == 3
    assert '"s0"' in "".join(answers)
    assert "value" not in "".join(answers)


@pytest.mark.parametrize(
    ("factory", "why"),
    [("nowhere:Estate", "cannot be imported"), ("sharded_estate", "cannot be imported"), ("builtins:dict", "returned {}")],
)
def test_a_factory_that_makes_no_dataset_is_named(factory: str, why: str) -> None:
    with pytest.raises(DiffException, match=f'the factory "{factory}" {why}'):
        compare(Here(), Side(factory), side({}, "have"), 2)


def test_arguments_are_values_of_json() -> None:
    with pytest.raises(DiffException, match=r"the arguments of sharded_estate:Estate or .* are not JSON: Object of type set"):
        compare(Here(), side({}, "want")._replace(arguments={"rows": {1, 2}}), side({}, "have"), 1)


def test_a_shard_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(DiffException, match=r'shard 0 of 2 could not be compared: ValidationError: .*site "a"'):
        compare(Here(), side({"site": [{"name": "a", "contact": 1}]}, "want"), side({}, "have"), 2)


@pytest.mark.parametrize("shards", [0, -1])
def test_there_is_at_least_one_shard(shards: int) -> None:
    with pytest.raises(ValueError, match=f"shards is {shards}; it should be 1 or more"):
        compare(Here(), side({}, "want"), side({}, "have"), shards)


# ---------------------------------------------------------------------- processes


def pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def test_processes_find_what_one_process_finds(path: Path) -> None:
    source, target = side(network(moved=3, contact="changed"), "want", "Streamed"), side(network(), "have", "Streamed")
    with pool(2) as processes:
        assert results(path, *compare(processes, source, target, 7)) == results(path, *whole(source, target))


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_processes_and_shards_finds_the_same(path: Path, workers: int) -> None:
    source, target = side(network(moved=3, contact="changed"), "want"), side(network(changed=7), "have")
    with pool(workers) as processes:
        found = [results(path, *compare(processes, source, target, shards)) for shards in (1, 7, 64)]
    assert found == [results(path, *whole(source, target))] * 3


def test_the_work_of_a_worker_that_was_killed_is_done_again(path: Path, tmp_path: Path) -> None:
    deadly = tmp_path / "deadly"
    source, target = side(network(moved=3), "want", deadly=str(deadly)), side(network(), "have")
    wanted = results(path, *whole(source, target))
    deadly.touch()
    with pool(1) as processes, pytest.raises(BrokenProcessPool):
        compare(processes, source, target, 2)
    deadly.touch()
    assert results(path, *compare(lambda: pool(1), source, target, 2)) == wanted
    assert not deadly.exists()


def test_no_processes_are_begun_where_nothing_more_is_asked() -> None:
    made: list[Executor] = []

    def workers() -> Executor:
        made.append(Here())
        return made[-1]

    compare(workers, side(network(moved=3), "want", "Streamed"), side(network(), "have", "Streamed"), 7)
    assert len(made) == 1
