# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module writes of its progress: names and numbers of every stage, to a file that is gone at the end."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.output import progress as progress_file
from ansible_collections.dsync.core.plugins.module_utils._module.output.progress import Growth, Progress
from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync, DSyncModel
from ansible_collections.dsync.core.plugins.module_utils.dsync.adapters.core.base import RecordAdapter, RecordModel
from ansible_collections.dsync.core.plugins.module_utils.dsync.dataset.memory_store import MemoryStore
from ansible_collections.dsync.core.plugins.module_utils.dsync.records.definition import data_model


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    name: str


class Device(Site):
    _modelname = "device"


class Estate(DSync):
    site, device = Site, Device
    top_level = ["site", "device"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "SILENT", 0.01)
    monkeypatch.setattr(progress_file, "INTERVAL", 0.01)


def written(path: Path, **wanted: Any) -> dict[str, Any]:
    """Wait for the file to say something, and return all that it says then."""
    limit, told = time.monotonic() + 20, None
    while time.monotonic() < limit:
        if path.exists():
            told = json.loads(path.read_text())
            if wanted.items() <= told.items():
                return told
        time.sleep(0.005)
    raise AssertionError(f"{wanted} was never written, but {told}")


@pytest.mark.usefixtures("quick")
def test_every_stage_is_reported_and_the_file_is_gone_at_the_end(tmp_path: Path) -> None:
    path, estate = tmp_path / "progress", Estate()
    with Progress(str(path)) as progress:
        with progress.loading("load", "source", "Estate", estate):
            estate.add(Site(name="a"))
            assert written(path, model="site").keys() == {"stage", "side", "adapter", "model", "count", "rate"}
            for number in range(3):
                estate.add(Device(name=str(number)))
            written(path, stage="load", side="source", adapter="Estate", model="device", count=3)
        callback = progress.counting("apply")
        assert callback is not None
        callback("sync", 2, 5)
        written(path, stage="apply", count=2, total=5, retries=0)
        with progress.waiting("lock"):
            assert written(path, stage="lock") == {"stage": "lock"}
        assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_of_two_that_are_loaded_at_the_same_time_the_one_that_is_left_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    with Progress(str(path)) as progress:
        first, second = (progress.loading("load", side, "Estate", Estate()) for side in ("source", "target"))
        with first:
            with second:
                assert written(path, side="target")
            assert written(path, side="source")


@pytest.mark.usefixtures("quick")
def test_a_file_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    with Progress(str(tmp_path / "absent" / "progress")) as progress, progress.waiting("lock"):
        time.sleep(0.1)


def test_nothing_is_noted_without_a_file() -> None:
    with Progress() as progress, progress.loading("load", "source", "Estate", Estate()):
        assert progress.counting("apply") is None
    retry = str.strip
    assert progress.retrying(retry) is retry


def test_a_short_task_writes_nothing(tmp_path: Path) -> None:
    with Progress(str(tmp_path / "progress")) as progress, progress.waiting("lock"):
        time.sleep(0.05)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_what_is_tried_again_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    with Progress(str(path)) as progress:
        callback = progress.counting("apply")
        retry = progress.retrying(lambda make: make() + make() + make())
        assert retry(lambda: "x") == "xxx"
        assert retry(lambda: "y") == "yyy"
        assert callback is not None
        callback("sync", 1, 2)
        written(path, retries=4)


def test_records_that_are_read_count_before_they_are_objects() -> None:
    seen = []

    class Shelf(RecordAdapter):
        def read(self, mapped: Any) -> Any:
            for number in range(3):
                yield {"name": str(number)}
                seen.append(growth.record())

    shelf = Shelf.bound(data_model({"device": {"identifiers": ["name"], "attributes": {}}}, None, base=RecordModel))()
    growth = Growth(shelf)
    shelf.load()
    assert [(told.get("model"), told.get("count")) for told in seen] == [("device", 1), ("device", 2), ("device", 3)]
    assert growth.record()["count"] == 3
    assert shelf.records_read == {}


def test_a_custom_store_is_not_replaced() -> None:
    class Elsewhere(MemoryStore):
        pass

    class Remote:
        def count(self, modelname: str | None = None) -> int:
            raise AssertionError("asked from another thread")

    estate = Estate(internal_storage_engine=Elsewhere)
    estate.add(Site(name="a"))
    assert Growth(estate).record()["count"] == 1
    estate.store = Remote()
    assert Growth(estate).record() == {}
