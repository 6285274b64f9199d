# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page for users of DiffSync says of both libraries is true of both."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import dsync
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text()
NAMES = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|$", PAGE, re.MULTILINE)[1:]
Classes = tuple[type[Any], type[Any]]
HERE: Classes = (dsync.DSyncModel, dsync.DSync)


@pytest.fixture
def there() -> Classes:
    diffsync = pytest.importorskip("diffsync")
    pytest.importorskip("structlog").configure(processors=[lambda logger, name, event: _dropped()])
    return diffsync.DiffSyncModel, diffsync.Adapter


def _dropped() -> None:
    raise importlib.import_module("structlog").DropEvent


def _named(package: str, name: str) -> object:
    module, _dot, attribute = f"{package}.{name}".rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _datasets(classes: Classes, source: list[dict[str, Any]], target: list[dict[str, Any]], **methods: Any) -> tuple[Any, Any]:
    """Return two datasets of devices, which are named by two texts and have a value and a pin."""
    model, adapter = classes
    fields = {
        "__annotations__": {"a": str, "b": str, "value": object, "pin": str},
        "value": None,
        "pin": "",
        "__module__": __name__,
    }
    declared = {"_modelname": "device", "_identifiers": ("a", "b"), "_attributes": ("value", "pin"), "_sensitive": ("pin",)}
    device = type("Device", (model,), {**fields, **declared, **methods})
    kind = type("Dataset", (adapter,), {"device": device, "top_level": ["device"]})
    datasets = kind(), kind()
    for dataset, rows in zip(datasets, (source, target), strict=True):
        for row in rows:
            dataset.add(device(**row))
    return datasets


def test_the_page_has_its_table() -> None:
    assert len(NAMES) > 15


@pytest.mark.parametrize("name", [here for there, here in NAMES])
def test_the_names_here_are_there(name: str) -> None:
    assert _named("dsync", name)


@pytest.mark.parametrize("name", [there for there, here in NAMES])
def test_the_names_of_diffsync_are_there(name: str, there: Classes) -> None:
    assert _named("diffsync", name)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("Adapter", "DSync"), ("DiffSyncModel", "DSyncModel"), ("diff.Diff", "Diff"), ("diff.DiffElement", "DiffElement")],
)
def test_methods_keep_their_names(theirs: str, ours: str, there: Classes) -> None:
    public = {name for name in dir(_named("diffsync", theirs)) if not name.startswith("_")}
    assert not public - set(dir(_named("dsync", ours))) - set(dir(importlib.import_module("pydantic").BaseModel))


TWINS = [{"a": "x__y", "b": "z"}, {"a": "x", "b": "y__z", "value": 1}]
OLD, NEW = {"a": "1", "b": "1", "value": 1}, {"a": "1", "b": "1", "value": 2}


def test_identities_do_not_collide_here() -> None:
    source, _target = _datasets(HERE, TWINS, [])
    assert len(source.get_all("device")) == 2


def test_identities_collide_there(there: Classes) -> None:
    with pytest.raises(_named("diffsync", "exceptions.ObjectAlreadyExists")):
        _datasets(there, TWINS, [])


def test_an_update_that_returns_none_stops_a_run_here() -> None:
    source, target = _datasets(HERE, [NEW], [OLD], update=lambda self, attrs: None)
    with pytest.raises(dsync.ObjectNotUpdated):
        target.sync_from(source)


def test_an_update_that_returns_none_is_counted_there(there: Classes) -> None:
    source, target = _datasets(there, [NEW], [OLD], update=lambda self, attrs: None)
    assert target.sync_from(source).summary()["update"] == 1
    assert target.get("device", "1__1").value == 1


@pytest.mark.parametrize(("library", "differs"), [("here", True), ("there", False)])
def test_one_and_true(library: str, differs: bool, request: pytest.FixtureRequest) -> None:
    classes = HERE if library == "here" else request.getfixturevalue("there")
    source, target = _datasets(classes, [{**OLD, "value": True}], [OLD])
    assert target.diff_from(source).has_diffs() is differs


@pytest.mark.parametrize(("library", "shown"), [("here", False), ("there", True)])
def test_sensitive_texts(library: str, shown: bool, request: pytest.FixtureRequest) -> None:
    classes = HERE if library == "here" else request.getfixturevalue("there")
    source, target = _datasets(classes, [{**OLD, "pin": "hunter2"}], [OLD])
    diff = target.diff_from(source)
    assert diff.has_diffs()
    assert ("hunter2" in diff.str() + str(diff.dict())) is shown
