# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate in a fake of AWX: what is exported is what is there, drift is found by field, and a new secret is sent."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Play
from fake_system import FakeSystem
from rest_api import Api, served

DESCRIPTION = yaml.safe_load((Path(__file__).parents[1] / "unit/adapters/rest/fakes/awx.yml").read_text(encoding="utf-8"))
ESTATE: dict[str, Any] = DESCRIPTION["objects"]["before"]
KEY = "phrase-of-the-digests"


@pytest.fixture
def awx() -> Iterator[tuple[FakeSystem, dict[str, Any]]]:
    with served(Api()) as api:
        fake = FakeSystem(DESCRIPTION)
        api.intervene = fake
        yield fake, {"adapter": "rest", "preset": "awx", "options": {"base_url": api.url}, "secrets": dict(DESCRIPTION["given"])}


def sync(name: str, path: str, target: Any, **more: Any) -> dict[str, Any]:
    source = {"adapter": "file", "options": {"path": path}}
    return {"name": name, "dsync.core.dsync_sync": {"source": source, "target": target, **more}}


def with_another_secret() -> dict[str, Any]:
    changed = copy.deepcopy(ESTATE)
    changed["credential"][0]["inputs"]["token"] = "t9"
    return changed


@pytest.mark.long
def test_an_estate_in_awx(play: Play, tmp_path: Path, awx: tuple[FakeSystem, dict[str, Any]]) -> None:
    fake, plain = awx
    target = copy.deepcopy(plain)
    target["options"]["sent_values"] = str(tmp_path / "sent.json")
    target["secrets"]["sent_key"] = KEY
    (tmp_path / "estate.json").write_text(json.dumps(ESTATE))
    (tmp_path / "secret.json").write_text(json.dumps(with_another_secret()))
    export = {"name": "export", "dsync.core.dsync_export": {**plain, "path": str(tmp_path / "exported.yml")}}
    played = play([sync("load", "estate.json", target), sync("again", "estate.json", target), export]).ok()
    assert (played.result("load")["changed"], played.result("again")["changed"]) == (True, False)

    for name, field, value in (("job_template", "forks", 9), ("workflow_node", "$success_nodes", [])):
        for record in fake.records[name]:
            if record.get("name") == "Audit" or record.get("$success_nodes"):
                record[field] = value
    played = play(
        [
            sync("drift", "estate.json", target),
            sync("import", "exported.yml", plain),
            sync("secret", "secret.json", target),
            sync("sent", "secret.json", target),
        ]
    ).ok()
    changes = {one["id"]: one for one in played.result("drift")["changes"]}
    assert set(changes) == {"Audit", "Release__audit"}
    assert (changes["Audit"]["before"], changes["Audit"]["after"]) == ({"forks": 9}, {"forks": 0})
    assert changes["Release__audit"]["after"] == {"success": ["Release__ask"]}
    assert not played.result("import")["changed"]
    assert [one["id"] for one in played.result("secret")["changes"]] == ["git"]
    assert not played.result("sent")["changed"]
    assert "t9" in [one["inputs"]["token"] for one in fake.records["credential"]]
    assert not any(value in json.dumps(played.results) + played.screen for value in ('"t9"', KEY, DESCRIPTION["given"]["token"]))
    assert not any(value in (tmp_path / "exported.yml").read_text() for value in ("t1", "p1", "second"))
