# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible packs by itself for a module: the entry alone, never the library, which travels beside it (docs/decisions/0005)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
COLLECTION = "ansible_collections.dsync.core.plugins."


def imported(file: Path) -> Iterator[Path]:
    """Yield the files of this collection that a file's import statements name, anywhere in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith(COLLECTION)):
            base = file.parents[node.level - 1] if node.level else PLUGINS
            folder = base.joinpath(*(node.module or "").removeprefix(COLLECTION).split("."))
            places = [folder, *(folder / alias.name for alias in node.names)]
            yield from (found for place in places for found in (place.with_suffix(".py"), place / "__init__.py") if found.is_file())


@pytest.mark.parametrize("module", sorted(path.stem for path in (PLUGINS / "modules").glob("*.py")))
def test_ansible_finds_the_entry_and_not_the_library(module: str) -> None:
    found = {PLUGINS / "modules" / f"{module}.py"}
    waiting = list(found)
    while waiting:
        new = set(imported(waiting.pop())) - found
        found |= new
        waiting += new
    packed = {file.relative_to(PLUGINS).as_posix() for file in found}
    assert "module_utils/_module/entry.py" in packed
    assert not {name for name in packed if name.startswith("module_utils/dsync/")}
    assert len(packed) < 10, packed
