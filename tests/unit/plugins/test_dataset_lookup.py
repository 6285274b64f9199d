# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lookup finds by identifier, and what it says of one that is not there, or is there twice."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="lookups run on the controller, which needs ansible-core")

from ansible_collections.dsync.core.plugins.plugin_utils.dataset_lookup import LookupQuery, look_up
from ansible_collections.dsync.core.plugins.plugin_utils.local_dataset import DatasetError, files_in

NOTHING = {"only_models": None, "only": None, "exclude": None, "attributes": None}
MODELS = {
    "site": {"identifiers": ["name"], "attributes": {"region": "str"}},
    "device": {"identifiers": ["name"], "attributes": {"role": "str"}},
}


@pytest.fixture(autouse=True)
def _the_library_of_the_other_tests() -> Iterator[None]:
    """Reading a dataset on the controller replaces the library of the process by the one that the collection has."""

    def loaded() -> dict[str, Any]:
        return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "dsync"}

    before, finders = loaded(), list(sys.meta_path)
    yield
    for name in loaded():
        del sys.modules[name]
    sys.modules.update(before)
    sys.meta_path[:] = finders


def look(folder: Path, *ids: Any, model: str | None = None, **scope: Any) -> list[tuple[str, str]]:
    """Return model and id of what is found in a file of two sites and a device that is called like one of them."""
    records = {"site": [{"name": "a", "region": "x"}, {"name": "7", "region": "x"}], "device": [{"name": "a", "role": "r"}]}
    (folder / "estate.json").write_text(json.dumps(records))
    side = {"adapter": "file", "options": {"path": "estate.json"}, "secrets": {}, "name": None, "mapping": None, "lookups": None}
    wanted = LookupQuery(ids, model, {**NOTHING, **scope})
    found = look_up(side, {"models": MODELS, "top_level": None}, wanted, folder, files_in(folder), lambda sentence: None)
    return [(record["model"], record["id"]) for record in found]


def test_what_is_found(tmp_path: Path) -> None:
    assert look(tmp_path) == [("site", "a"), ("site", "7"), ("device", "a")]
    assert look(tmp_path, model="site") == [("site", "a"), ("site", "7")]
    assert look(tmp_path, 7, "a", model="site") == [("site", "7"), ("site", "a")]
    assert look(tmp_path, only=[{"model": "device"}]) == [("device", "a")]


@pytest.mark.parametrize(
    ("ids", "more", "words"),
    [
        (["b"], {}, r'^there is no object "b" among those that are selected \(known: a, 7\)'),
        (["a"], {"model": "devices"}, r'^model: there is no model "devices" \(did you mean "device"\? known: site, device\)'),
        (["7"], {"model": "device"}, r'^there is no device "7" among those that are selected'),
        (["a"], {}, r'^"a" is the identifier of several objects, of the models site, device; name one with model\.$'),
        ([], {"only": [{"action": "create"}]}, r"^only\[0\]\.action: nothing is compared here"),
    ],
)
def test_what_is_not_found(tmp_path: Path, ids: list[Any], more: dict[str, Any], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        look(tmp_path, *ids, **more)
