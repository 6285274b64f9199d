# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both sides of a task are loaded, at the same time where one of them can be."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("ansible", reason="the module's side needs ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.datasets.side import Side
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils._module.run.lifecycle import load_datasets
from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync, DSyncModel


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    name: str


class Estate(DSync):
    site = Site
    top_level = ["site"]
    meeting: threading.Barrier | None = None
    trouble: Exception | None = None

    def load(self) -> None:
        if self.meeting is not None:
            self.meeting.wait()
        if self.trouble is not None:
            raise self.trouble
        self.add(Site(name="a"))


def both(*datasets: Estate) -> list[Side]:
    sides = [Side(role, {"adapter": f"{role}.py:Estate"}) for role in ("source", "target")]
    for side, dataset in zip(sides, datasets):
        side.dataset = dataset
    return sides


@pytest.mark.parametrize("safe", [(True, False), (False, True), (True, True)])
def test_a_side_that_is_thread_safe_is_loaded_beside_the_other(safe: tuple[bool, bool]) -> None:
    meeting, datasets = threading.Barrier(2, timeout=10), (Estate(), Estate())
    for dataset, thread_safe in zip(datasets, safe):
        dataset.meeting, dataset.thread_safe = meeting, thread_safe
    sides = both(*datasets)
    load_datasets(sides)
    assert [side.counts for side in sides] == [{"site": 1}, {"site": 1}]


def test_two_that_are_not_are_loaded_one_after_the_other() -> None:
    sides = both(Estate(), Estate())
    load_datasets(sides)
    assert [side.counts for side in sides] == [{"site": 1}, {"site": 1}]


@pytest.mark.parametrize("thread_safe", [False, True])
def test_failures_of_the_source_are_reported_first(thread_safe: bool) -> None:
    datasets = Estate(), Estate()
    for number, dataset in enumerate(datasets):
        dataset.thread_safe, dataset.trouble = thread_safe, ValueError(f"number {number}")
    with pytest.raises(TaskFailure, match=r"source \(source.py:Estate\): load\(\) raised ValueError: number 0"):
        load_datasets(both(*datasets))
