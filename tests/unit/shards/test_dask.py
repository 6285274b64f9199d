# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Shards that are compared by the workers of a Dask cluster: a real scheduler and real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import Plan
from dsync.shards import Side, compare

distributed = pytest.importorskip("distributed", reason="only the environment dask has it")

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with distributed.Client(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as connected:
        yield connected


def side(name: str, contact: str, deadly: str = "") -> Side:
    rows = {
        "site": [{"name": f"s{number}", "contact": contact if number == 3 else "noc"} for number in range(40)],
        "device": [
            {"name": f"d{number}", "_in": [["site", f"s{number if contact == 'noc' else number // 2}"]]} for number in range(40)
        ],
    }
    return Side("sharded_estate:Streamed", {"rows": rows, "name": name, "deadly": deadly})


def changes(source: Side, target: Side) -> list[str]:
    """Return the changes that are found without shards."""
    one, other = source.make(), target.make()
    one.load()
    other.load()
    return [*map(repr, Plan.from_diff(other.diff_from(one)).changes)]


@pytest.mark.parametrize("shards", [1, 7, 64])
def test_a_cluster_finds_what_one_process_finds(client: Any, shards: int) -> None:
    source, target = side("want", "changed"), side("have", "noc")
    found = compare(client.get_executor(), source, target, shards)
    assert [*map(repr, Plan.from_diff(found.diff).changes)] == changes(source, target)


def test_the_shard_of_a_worker_that_was_killed_is_compared_by_another(client: Any, tmp_path: Path) -> None:
    source, target = side("want", "changed"), side("have", "noc")
    deadly = tmp_path / "deadly"
    for _time in range(3):
        deadly.touch()
        found = compare(client.get_executor(), side("want", "changed", str(deadly)), target, 7)
        assert not deadly.exists()
        assert [*map(repr, Plan.from_diff(found.diff).changes)] == changes(source, target)
