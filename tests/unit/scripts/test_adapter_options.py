# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the adapters' options is what their declarations say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import adapter_options
import pytest
import yaml
from dsync.adapters import BUILT_IN, built_in

ROOT = Path(__file__).parents[3]


def test_pages_and_ansible_doc_show_the_options_as_they_are_declared() -> None:
    written = dict(adapter_options.documents())
    assert {path.name for path in written} == {"options.py", "records.md", "netbox.md", "nautobot.md"}
    for path, text in written.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, "run scripts/adapter_options.py"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_option_is_described_on_one_page_and_named_in_a_note(name: str) -> None:
    adapter: Any = built_in(name)
    texts = {path.name: text for path, text in adapter_options.documents()}
    space: dict[str, Any] = {}
    exec(texts["options.py"], space)  # a file of this repository, as it is to be
    notes = yaml.safe_load(space["ModuleDocFragment"].DOCUMENTATION)["notes"]
    (note,) = [note for note in notes if f"V({name})" in note]
    rows = (
        texts[adapter_options.PAGES.get(name, adapter_options.PAGE)]
        .partition(f"<!-- options: {name} -->")[2]
        .partition("<!-- /")[0]
    )
    for one in adapter.Options.described():
        assert one.description.endswith("."), f"{one.name} has no description"
        assert f"| `{one.name}` | {one.kind} |" in rows
        assert f"C({one.name})" in note
        assert one.required == ("| required |" in next(row for row in rows.splitlines() if row.startswith(f"| `{one.name}` |")))


def test_a_page_without_a_place_for_the_options_is_refused() -> None:
    with pytest.raises(SystemExit, match="the page of file should have one place that is marked <!-- options: file -->, and has 0"):
        adapter_options._with_table("# Files", "file", "")
