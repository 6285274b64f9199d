# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages, the list, the schema and the notes of presets are made of the presets."""

from __future__ import annotations

from pathlib import Path

import presets
import pytest
import yaml

ROOT = Path(__file__).parents[3]


def test_what_is_made_of_the_presets_is_as_they_are() -> None:
    written = dict(presets.documents())
    for path, text in written.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, "run scripts/presets.py"
    assert {path.name for path in (ROOT / presets.PAGES).iterdir()} == {
        path.name for path in written if path.parent == presets.PAGES
    }


@pytest.mark.parametrize("name", presets.contents())
def test_a_page_begins_with_a_task_of_ten_lines(name: str) -> None:
    preset = presets.contents()[name]
    text = presets.task(name, preset)
    assert len(text.splitlines()) <= 10
    (task,) = yaml.safe_load(text)
    target = task["dsync.core.dsync_sync"]["target"]
    assert {*target["options"], *target.get("secrets", {})} == set(preset["requires"])
    page = presets.page(name, preset)
    assert page.index(text) < page.index("## Models")
    for model, declared in preset["models"].items():
        assert f"### {model}\n" in page
        for field in [*declared["identifiers"], *declared.get("attributes", {})]:
            assert f"| `{field}` |" in page
