# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The README is short, and it and the pages link to files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
OF_THE_SITE = ("index.rst", "library.rst", "contributing.md")
"""Pages that are put beside the others when the site is built."""


def test_the_readme_has_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)\)", page.read_text(encoding="utf-8"))
    folder = ROOT / "docs" if page.parent.name == "site" else page.parent
    assert [link for link in links if not link.endswith(OF_THE_SITE) and not (folder / link).exists()] == []
