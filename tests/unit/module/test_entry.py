# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible packs by itself for a module: the entry alone, never the library, which travels beside it (docs/decisions/0005)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

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


@pytest.mark.parametrize("work", ["diff", "sync"])
def test_a_task_imports_only_what_it_uses(work: str) -> None:
    """What writes files of a run, or reads them, is imported by the tasks that do so."""
    pytest.importorskip("ansible", reason="the module's side needs ansible-core")
    code = f"""
        import sys
        sys.path[:] = {sys.path!r}
        import {COLLECTION}module_utils._module.run.{work}
        prefix = "{COLLECTION}module_utils."
        print(*(name.removeprefix(prefix) for name in sys.modules if name.startswith(prefix)))
    """
    imported = subprocess.run([sys.executable, "-c", dedent(code)], check=True, capture_output=True, text=True).stdout.split()
    assert "dsync.diff.compare" in imported
    seldom = {"storage.journal", "storage.plan_file", "plan.undo", "report.report", "adapters", "records"}
    assert not {f"dsync.{name}" for name in seldom} & {*imported}
    assert not {"_module.output.report_files", "_module.run.stored_changes"} & {*imported}
