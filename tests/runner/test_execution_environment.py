# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder reads what the collection needs, and makes the context of an image from the example."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import yaml
from conftest import ROOT, TIME_LIMIT, program


def builder(environment: dict[str, str], *arguments: str | Path) -> str:
    command = [program("ansible-builder"), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=TIME_LIMIT).stdout


def lines(name: str) -> set[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def test_what_the_collection_needs_is_found(environment: dict[str, str]) -> None:
    found = yaml.safe_load(builder(environment, "introspect", environment["ANSIBLE_COLLECTIONS_PATH"]))
    needed = {kind: {re.split(r"\s+#", line)[0] for line in found[kind]} for kind in ("python", "system")}
    left_out = {"PyYAML>=6"}  # ansible-core brings it
    assert needed == {"python": lines("requirements/execution-environment.txt") - left_out, "system": lines("bindep.txt")}


def test_the_example_makes_a_context(environment: dict[str, str], tarball: Path, tmp_path: Path) -> None:
    """In which the collection is installed from its tarball, as the image does it."""
    example = shutil.copytree(ROOT / "examples" / "execution_environment", tmp_path / "example")
    shutil.copy(tarball, example)
    said = builder(
        environment,
        *("create", "--file", example / "execution-environment.yml"),
        *("--context", tmp_path / "context", "--output-filename", "Containerfile"),
    )
    assert "Complete!" in said
    assert "ansible-core>=2.19" in (tmp_path / "context" / "Containerfile").read_text()
    installed = {**environment, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    install = [program("ansible-galaxy"), "collection", "install", "--offline", "-r", "requirements.yml", "-p", tmp_path]
    subprocess.run(install, cwd=tmp_path / "context" / "_build", env=installed, check=True, capture_output=True, timeout=TIME_LIMIT)
    assert (tmp_path / "ansible_collections" / "dsync" / "core" / "bindep.txt").is_file()
    listed = subprocess.run(
        [program("ansible-galaxy"), "collection", "list", "--format", "json"], env=installed, check=True, capture_output=True
    ).stdout
    assert "dsync.core" in json.loads(listed)[str(tmp_path / "ansible_collections")]
    assert "pydantic>=2.6" in builder(installed, "introspect", tmp_path)
