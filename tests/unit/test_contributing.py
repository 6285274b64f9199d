# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a newcomer is told to run is there: the targets of make, and the programs of the hooks before a commit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from environments import ENVIRONMENTS

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
CONFIGURATION = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS: list[dict[str, Any]] = [hook for repository in CONFIGURATION["repos"] for hook in repository["hooks"]]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md"])
def test_every_target_of_make_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"(?:^\$ |`)(?:\w+=\S+ )?make ([a-z -]+[a-z])", text, re.MULTILINE)
    assert commands
    assert {target for command in commands for target in command.split()} <= TARGETS


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_every_hook_runs_a_program_that_its_environment_has(hook: dict[str, Any]) -> None:
    program, *arguments = hook["entry"].split()
    assert hook["language"] == "system", "a hook that pre-commit installs by itself is not the one that the lint stage runs"
    if program == "make":
        assert set(arguments) <= TARGETS
        return
    folder, environment, where, name = Path(program).parts
    assert (folder, where) == (".venvs", "bin")
    requirements = ENVIRONMENTS[environment].requirements
    assert re.search(rf"^{re.escape(name)}\b", requirements.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_fragment_of_the_changelog_is_sections_of_texts() -> None:
    config = yaml.safe_load((ROOT / "changelogs" / "config.yaml").read_text(encoding="utf-8"))
    sections = {name for name, _title in config["sections"]} | {config["prelude_section_name"], config["trivial_section_name"]}
    for path in sorted((ROOT / "changelogs" / "fragments").glob("*.yml")):
        for section, texts in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            assert section in sections, path.name
            assert isinstance(texts, str) or all(isinstance(text, str) for text in texts), path.name


@pytest.mark.parametrize("fragment", sorted(ROOT.glob("plugins/doc_fragments/*.py")), ids=lambda path: path.stem)
def test_every_shared_part_of_the_documentation_is_yaml(fragment: Path) -> None:
    texts = re.findall(r'= r"""\n(.*?)"""', fragment.read_text(encoding="utf-8"), re.DOTALL)
    assert texts
    assert all(isinstance(yaml.safe_load(text), dict) for text in texts)
