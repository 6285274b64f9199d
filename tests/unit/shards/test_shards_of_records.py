# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapters of records load the objects of a shard, and no others; all that is found and done is the same as without shards."""

from __future__ import annotations

import csv
import sqlite3
from concurrent.futures import Executor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dsync import DSyncException, ObjectRef, Plan
from dsync.dataset.shard import Shard
from dsync.records.columns import rows_of
from dsync.shards import Side, compare
from hypothesis import given, settings
from hypothesis import strategies as st

FLAT: dict[str, Any] = {"site": {"identifiers": ["name"], "attributes": {"phone": "str | None", "floors": "int | None"}}}
TREE: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {"phone": "str | None"}, "children": ["device"]},
    "device": {"identifiers": ["name"], "attributes": {"role": "str | None"}, "children": ["port"]},
    "port": {"identifiers": ["device", "name"], "attributes": {"mtu": "int | None"}},
    "role": {"identifiers": ["name"], "attributes": {"colour": "str | None"}},
}

texts = st.text(st.sampled_from("aB_\\é1 ,\u2028"), min_size=1, max_size=4).map(lambda text: f"n{text}n")


class Here(Executor):
    """Runs each task in this process, when it is submitted."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def side(adapter: str, options: dict[str, Any], models: Any = None, **more: Any) -> Side:
    return Side("sharded_records:records", {"adapter": adapter, "models": models or FLAT, "options": options, **more})


def changes(source: Side, target: Side, shards: int = 0) -> list[str] | str:
    """Return the changes that are found, with or without shards, or why there are none."""
    try:
        if shards:
            return [*map(repr, Plan.from_diff(compare(Here(), source, target, shards).diff).changes)]
        one, other = source.make(), target.make()
        one.load()
        other.load()
        return [*map(repr, Plan.from_diff(other.diff_from(one)).changes)]
    except DSyncException as error:
        return str(error)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


def in_table(path: Path, rows: list[dict[str, Any]], column: str = "name TEXT NOT NULL PRIMARY KEY") -> str:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE site ({column}, phone TEXT, floors INTEGER)")
        connection.executemany("INSERT INTO site VALUES (:name, :phone, :floors)", rows)
        connection.commit()
    return f"sqlite:///{path}"


def sites(number: int, changed: int = -1) -> list[dict[str, Any]]:
    return [{"name": f"s{at}", "phone": "1" if at == changed else "0", "floors": at % 3} for at in range(number)]


# ---------------------------------------------------------------------- the same as without shards


@st.composite
def two_lists(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    row = st.fixed_dictionaries({"name": texts, "phone": st.sampled_from(["", "0", "1"]), "floors": st.sampled_from([1, 2])})
    one = draw(st.lists(row, min_size=1, max_size=6, unique_by=lambda row: row["name"]))
    other = [{**each, **draw(st.sampled_from([{}, {"phone": "1"}]))} for each in one if draw(st.booleans())]
    return one, [*other, *draw(st.lists(row, min_size=1, max_size=2))]


@settings(max_examples=8)
@given(two_lists(), st.sampled_from(["", "COLLATE NOCASE"]))
def test_files_and_tables_in_shards_give_the_changes_of_a_whole_comparison(
    tmp_path_factory: pytest.TempPathFactory, lists: Any, collation: str
) -> None:
    pytest.importorskip("sqlalchemy")
    folder = tmp_path_factory.getbasetemp()
    source = side("file", {"path": str(written(folder / "source.csv", lists[0]))})
    target = side("file", {"path": str(written(folder / "target.csv", lists[1]))})
    assert changes(source, target, 3) == changes(source, target)
    rows = [*{row["name"].casefold(): row for row in lists[1]}.values()]
    table = side("sql", {"url": in_table(folder / "site.db", rows, f"name TEXT {collation} PRIMARY KEY")})
    assert changes(source, table, 3) == changes(source, table)


def tree(changed: int = -1, moved: int = -1) -> dict[str, Any]:
    """Return records of six sites with two devices each, which have one port each."""
    devices = [
        {"name": f"d{at}", "role": f"r{at % 2}", "site": "s5" if at == moved else f"s{at // 2}", "phone": "0"} for at in range(12)
    ]
    ports = [{"device": f"d{at}", "name": "p", "mtu": 9000 if at == changed else 1500} for at in range(12)]
    return {
        "site": [{"name": f"s{at}", "phone": "0"} for at in range(6)],
        "device": devices,
        "port": ports,
        "role": [{"name": f"r{at}", "colour": "red", "code": at} for at in range(2)],
    }


PARENTS = {"device": {"parent": {"name": "site"}}, "port": {"parent": {"name": "device"}}}


@pytest.mark.parametrize("shards", [2, 7])
@pytest.mark.parametrize(("changed", "moved"), [(3, -1), (-1, 2), (4, 0)])
def test_children_are_in_the_shard_of_the_object_at_the_top(shards: int, changed: int, moved: int) -> None:
    source = side("memory", {"records": tree(changed, moved)}, TREE, mapping=PARENTS)
    target = side("memory", {"records": tree()}, TREE, mapping=PARENTS)
    assert changes(source, target, shards) == changes(source, target) != []


def test_children_inside_the_records_of_their_parents_are_in_their_shard() -> None:
    models = {name: model for name, model in TREE.items() if name != "role"}
    mapping = {"device": {"from": "site.*.devices"}, "port": {"from": "site.*.devices.*.ports"}}

    def nested(mtu: int) -> Side:
        sites = [
            {
                "name": f"s{at}",
                "phone": "0",
                "devices": [
                    {"name": f"d{at}", "role": "r", "ports": [{"device": f"d{at}", "name": "p", "mtu": mtu if at == 2 else 1}]}
                ],
            }
            for at in range(5)
        ]
        return side("memory", {"records": {"site": sites}}, models, mapping=mapping)

    assert changes(nested(9), nested(1), 7) == changes(nested(9), nested(1)) != []


def test_what_others_are_looked_up_in_is_there_in_each_shard() -> None:
    mapping = {**PARENTS, "device": {"parent": {"name": "site"}, "fields": {"role": {"from": "code", "lookup": "roles"}}}}
    lookups = {"roles": {"model": "role", "key": "code"}}

    def looking(changed: int) -> Side:
        records = tree(changed)
        for at, device in enumerate(records["device"]):
            device["code"] = at % 2
        return side("memory", {"records": records}, TREE, mapping=mapping, lookups=lookups)

    assert changes(looking(3), looking(-1), 7) == changes(looking(3), looking(-1)) != []


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": [{"name": "d0", "role": "r", "site": "nowhere"}]},
        {"device": [{"name": "d0", "role": "r", "site": ""}]},
        {"site": [{"name": "", "phone": "0"}]},
        {"site": [{"phone": "0"}]},
        {"site": [{"name": "s0", "phone": "0"}, {"name": "s0", "phone": "1"}]},
        {"port": [{"device": "d1", "name": "p", "mtu": "wide"}]},
    ],
)
def test_a_wrong_record_is_refused_with_the_words_of_a_whole_comparison(wrong: dict[str, Any]) -> None:
    source = side("memory", {"records": {**tree(), **wrong}}, TREE, mapping=PARENTS)
    target = side("memory", {"records": tree()}, TREE, mapping=PARENTS)
    expected = changes(source, target)
    assert isinstance(expected, str)
    assert changes(source, target, 7) == expected


@pytest.mark.parametrize(("where", "warned"), [({"kind": "b"}, False), ({"kind": "c"}, True)])
def test_a_where_that_selects_nothing_in_one_shard_is_no_mistake(where: dict[str, str], warned: bool, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        connection.execute("CREATE TABLE site (name TEXT NOT NULL PRIMARY KEY, phone TEXT, floors INTEGER, kind TEXT)")
        connection.executemany("INSERT INTO site VALUES (?, '0', 1, ?)", [(f"s{at}", "b" if at == 3 else "a") for at in range(9)])
        connection.commit()
    table = side("sql", {"url": f"sqlite:///{tmp_path / 'site.db'}"}, mapping={"site": {"where": where}})
    found = compare(Here(), side("memory", {"records": [{"name": "new", "phone": "0", "floors": 1}]}), table, 5)
    assert any("none of them has kind" in warning for warning in found.target.load_warnings) is warned
    found.target.sync_from(found.source, diff=found.diff)
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        assert connection.execute("SELECT kind FROM site WHERE name = 'new'").fetchone() == (where["kind"],)


# ---------------------------------------------------------------------- nothing of others


@pytest.mark.parametrize("adapter", ["file", "sql"])
def test_objects_are_made_of_the_records_of_the_shard_only(adapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if adapter == "sql":
        pytest.importorskip("sqlalchemy")
        options = {"url": in_table(tmp_path / "site.db", sites(1000))}
    else:
        options = {"path": str(written(tmp_path / "site.csv", sites(1000)))}
    made: list[int] = []

    def counted(mapped: Any, records: Any, empty_is_none: bool) -> Any:
        made.append(len(records))
        return rows_of(mapped, records, empty_is_none)

    monkeypatch.setattr("dsync.adapters.core.loading.rows_of", counted)
    uids: list[str] = []
    for number in range(4):
        dataset = side(adapter, options).make()
        dataset.load_shard(Shard(number, 4))
        uids += dataset.store.uids("site")
    assert sorted(uids) == sorted(f"s{at}" for at in range(1000))
    assert sum(made) == 1000
    assert max(made) < 300
    dataset = side(adapter, options).make()
    dataset.load_shard(Shard(tops=[ObjectRef("site", "s7"), ObjectRef("site", "none")]))
    assert [*dataset.store.uids("site")] == ["s7"]


def test_a_table_is_not_read_in_shards_if_the_database_computes_other_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlalchemy")
    table = side("sql", {"url": in_table(tmp_path / "site.db", sites(20))})
    monkeypatch.setattr("dsync.adapters.sql.database.hash_of_cell", lambda cell: 0)
    dataset = table.make()
    with pytest.raises(DSyncException, match="site: the database computes other digests of name"):
        dataset.load_shard(Shard(0, 4))


def test_words_for_true_and_false_are_those_of_the_whole_column(tmp_path: Path) -> None:
    models = {"site": {"identifiers": ["name"], "attributes": {"phone": "str | None", "up": "bool | None"}}}
    pytest.importorskip("sqlalchemy")
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        connection.execute("CREATE TABLE site (name TEXT NOT NULL PRIMARY KEY, phone TEXT, up TEXT)")
        connection.executemany("INSERT INTO site VALUES (?, '0', ?)", [(f"s{at}", "no" if at % 2 else "yes") for at in range(9)])
        connection.commit()
    rows = [{"name": f"s{at}", "phone": "0", "up": at % 2 == 0} for at in range(10)]
    table = side("sql", {"url": f"sqlite:///{tmp_path / 'site.db'}"}, models)
    found = compare(Here(), side("memory", {"records": rows}, models), table, 5)
    found.target.sync_from(found.source, diff=found.diff)
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        assert connection.execute("SELECT up FROM site WHERE name = 's9'").fetchone() == ("no",)
