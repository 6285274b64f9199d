# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what the docs site is built from: the pages under docs, the contributors' guide, and docs/site itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from collection import ROOT

OWN = ROOT / "docs" / "site"


def gather(folder: Path) -> Path:
    """Make `folder` hold Sphinx's sources, all but the generated reference, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("site"))
    shutil.copytree(OWN, folder, dirs_exist_ok=True)
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    (folder / "contributing.md").write_text(guide.replace("](docs/", "]("))
    (folder / "collections").mkdir(mode=0o755)
    return folder
