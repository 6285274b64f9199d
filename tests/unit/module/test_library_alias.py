# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inside a module process ``dsync`` and everything below it are the shipped library itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

PACKAGE = "ansible_collections.dsync.core.plugins.module_utils"


def run(code: str, *paths: Path) -> str:
    """Run code in a new interpreter that finds the collection, after the alias was installed."""
    (collections,) = {Path(path) for path in sys.path if (Path(path) / "ansible_collections" / "dsync" / "core").is_dir()}
    text = f"import sys\nsys.path[:0] = {[str(collections), *map(str, paths)]!r}\n" + dedent(code)
    done = subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_one_library_whatever_it_is_called() -> None:
    said = run(f"""
        from {PACKAGE}._module.bundle import library_alias as alias
        alias.install()
        alias.install()
        import dsync, dsync.flags, dsync.report.render.unified as unified
        from dsync import DSync, flags
        from dsync.dataset.memory_store import MemoryStore
        import {PACKAGE}.dsync as shipped
        from {PACKAGE}.dsync.dataset.memory_store import MemoryStore as Shipped
        assert dsync is shipped and flags is dsync.flags is shipped.flags
        assert DSync is shipped.DSync and MemoryStore is Shipped
        assert unified is sys.modules["{PACKAGE}.dsync.report.render.unified"]
        assert flags.__name__ == flags.__spec__.name == "{PACKAGE}.dsync.flags"
        assert sum(type(finder).__name__ == "AliasFinder" for finder in sys.meta_path) == 1
        print("one")
    """)
    assert said == "one"


def test_it_wins_over_an_installed_library_that_is_loaded_already(tmp_path: Path) -> None:
    (tmp_path / "dsync").mkdir()
    (tmp_path / "dsync" / "__init__.py").write_text("STRANGE = True")
    (tmp_path / "dsync" / "own.py").touch()
    said = run(
        f"""
        import dsync, dsync.own
        assert dsync.STRANGE
        from {PACKAGE}._module.bundle import library_alias as alias
        alias.install()
        import dsync
        assert not hasattr(dsync, "STRANGE")
        try:
            import dsync.own
        except ModuleNotFoundError:
            print("gone")
        """,
        tmp_path,
    )
    assert said == "gone"


def test_a_missing_module_of_the_library_is_an_import_error() -> None:
    said = run(f"""
        from {PACKAGE}._module.bundle import library_alias as alias
        alias.install()
        try:
            import dsync.absent
        except ModuleNotFoundError as error:
            print(error.name)
    """)
    assert said == f"{PACKAGE}.dsync.absent"
