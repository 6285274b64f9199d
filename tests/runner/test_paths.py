# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks by their full names: relative paths start from where the user is, and nothing is written below the collection."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import MODELS, TIME_LIMIT, files, program, statistic


@pytest.fixture
def collections(environment: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """A collection of our own that cannot be written to."""
    source = Path(environment["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections/dsync/core"
    folder = tmp_path / "collections"
    copied = folder / "ansible_collections/dsync/core"
    for name in ("playbooks", "plugins", "roles", "meta"):
        shutil.copytree(source / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source / "galaxy.yml", copied)
    _allow(folder, 0o555)
    yield folder
    _allow(folder, 0o755)


def _allow(folder: Path, mode: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(mode)


def entries(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_a_user_stands_in_a_directory(environment: dict[str, str], collections: Path, tmp_path: Path) -> None:
    here, before = tmp_path / "here", entries(collections)
    here.mkdir()
    files(here, "audit")
    (here / "models.yml").write_text(json.dumps(MODELS))
    shared: dict[str, Any] = {
        "models_file": "models.yml",
        "source": {"adapter": "file", "options": {"path": "truth.json"}, "name": "truth"},
        "target": {"adapter": "file", "options": {"path": "cmdb.json"}, "name": "cmdb"},
    }

    def play(name: str, **more: Any) -> subprocess.CompletedProcess[str]:
        variables = {f"{name}_{key}": value for key, value in {**shared, **more}.items()}
        (here / "variables.json").write_text(json.dumps(variables))
        return subprocess.run(
            [program("ansible-playbook"), f"dsync.core.{name}", "-e", "@variables.json"],
            cwd=here,
            env={
                **environment,
                "ANSIBLE_COLLECTIONS_PATH": str(collections),
                "ANSIBLE_SHOW_CUSTOM_STATS": "true",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )

    audit = play("audit", reports=[{"path": str(here / "drift.md")}])
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert statistic(audit, "audit_summary")["changes"]["total"] == 3
    for name, more, path in (
        ("audit", {"reports": [{"path": "drift.html"}]}, "drift.html"),
        ("audit", {"baseline": "base", "max_shrink": "5%"}, "base"),
        ("reconcile", {"directory": "runs"}, "runs"),
        ("reconcile", {"directory": str(here), "reports": [{"path": "done.html"}]}, "done.html"),
    ):
        refused = play(name, **more)
        screen = " ".join((refused.stdout + refused.stderr).split())
        assert refused.returncode != 0, screen
        assert f'"{path}" is not an absolute path.' in screen
    reconciled = play("reconcile", directory=str(here / "runs"))
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert statistic(reconciled, "reconcile_summary")["state"] == "applied"
    assert {path.suffix for path in (here / "runs").iterdir()} == {".plan", ".journal", ".undo", ".lock"}
    assert entries(collections) == before
    assert sorted(path.name for path in here.iterdir()) == [
        *("cmdb.json", "drift.md", "models.yml", "runs", "truth.json", "variables.json")
    ]
