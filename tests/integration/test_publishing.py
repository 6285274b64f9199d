# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets whose changes are kept apart until the end of a run without failures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from conftest import ADAPTERS, Play

MODELS = {"site": {"identifiers": ["name"], "attributes": {}}}


def sync(name: str, folder: Path, sites: list[str], **more: Any) -> dict[str, Any]:
    """Return a task that writes sites to a draft; ``how`` is the signal that the run receives."""
    options = {
        "path": str(folder / "draft.yml"),
        "published": str(folder / "published.yml"),
        "create": True,
        "how": more.pop("how", ""),
    }
    arguments = {
        "models": MODELS,
        "source": {"adapter": "memory", "options": {"records": {"site": [{"name": site} for site in sites]}}},
        "target": {"adapter": f"{ADAPTERS / 'drafts.py'}:Draft", "options": options},
    }
    return {"name": name, "dsync.core.dsync_sync": arguments, **more}


def test_changes_are_published_after_a_run_without_failures(play: Play, tmp_path: Path) -> None:
    published = tmp_path / "published.yml"
    asks = {"ansible.builtin.stat": {"path": str(published)}}
    played = play(
        [
            sync("planned", tmp_path, ["Paris"], check_mode=True),
            sync("interrupted", tmp_path, ["Paris"], how="SIGTERM", ignore_errors=True),
            {"name": "held back", **asks},
            sync("left", tmp_path, ["Paris"], check_mode=True),
            sync("published", tmp_path, ["Paris"]),
            {"name": "there", **asks},
            sync("again", tmp_path, ["Paris"]),
        ]
    ).ok()
    changed = {name: played.result(name)["changed"] for name in ("planned", "interrupted", "left", "published", "again")}
    assert changed == {"planned": True, "interrupted": True, "left": True, "published": True, "again": False}
    assert [played.result(name)["stat"]["exists"] for name in ("held back", "there")] == [False, True]
    said = r"The changes were made, but not published: target \(.*drafts\.py:Draft\): publishing them was interrupted \(SIGTERM\)\."
    assert re.search(said, played.result("interrupted")["msg"])
    assert played.result("left")["changes"] == []
    assert published.read_bytes() == (tmp_path / "draft.yml").read_bytes()


def test_changes_that_cannot_be_published_fail_the_task_and_stay(play: Play, tmp_path: Path) -> None:
    (tmp_path / "published.yml").mkdir()
    (tmp_path / "draft.yml").write_text("[]")
    played = play([sync("refused", tmp_path, ["Lyon"], ignore_errors=True)]).ok()
    result = played.result("refused")
    assert (result["failed"], result["changed"]) == (True, True)
    assert re.search("made, but not published: .* publishing them raised IsADirectoryError", result["msg"])
    assert "Lyon" in (tmp_path / "draft.yml").read_text()
