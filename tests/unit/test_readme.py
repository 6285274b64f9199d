# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The README is short; it and the pages link to existing files, and those of the roles name existing variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

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


def test_nothing_is_installed_from_where_it_is_not_published() -> None:
    """The collection has no address yet, on Galaxy or elsewhere, and the library is not on the index of Python packages."""
    if "repository:" in (ROOT / "galaxy.yml").read_text(encoding="utf-8"):
        return
    published = re.compile(r"install (?:--force )?'?dsync(?!-core-)|(?:name|COLLECTION): dsync\.core$|dsync\.git", re.MULTILINE)
    examples = [path for path in ROOT.glob("examples/**/*.yml") if path.is_file()]
    for page in (*PAGES, *examples):
        text = page.read_text(encoding="utf-8").replace("git.example.com/netops/dsync.git", "")
        assert published.findall(text) == [], page


def test_a_first_release_breaks_nothing() -> None:
    """C17: until something is released, no fragment of the changelog announces what breaks, is deprecated or removed."""
    if yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]:
        return
    fragments = sorted((ROOT / "changelogs" / "fragments").glob("*.yml"))
    sections = {section for path in fragments for section in yaml.safe_load(path.read_text(encoding="utf-8"))}
    assert sections & {"breaking_changes", "deprecated_features", "removed_features"} == set()


@pytest.mark.parametrize("role", ["audit", "discover", "export", "reconcile", "rollback"])
def test_the_page_of_a_role_names_its_variables_and_has_no_link_that_galaxy_cannot_follow(role: str) -> None:
    page = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    named = set(re.findall(rf"(?<!default )`({role}_\w+)`", page))
    assert named <= options.keys()
    assert {name for name, option in options.items() if option.get("required")} <= named
    for name, default in re.findall(rf"\| `({role}_\w+)` \|.*; default `([^`]+)` \|", page):
        assert yaml.safe_load(default) == options[name].get("default", yaml.safe_load(default))
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        given = yaml.safe_load(block)
        assert given.keys() <= options.keys()
        assert {name for name, option in options.items() if option.get("required")} <= given.keys()
    assert "](" not in page


def test_every_page_is_in_a_table_of_contents_of_the_site() -> None:
    listed: set[Path] = set()
    for page in ROOT.glob("docs/**/*.md"):
        folder = ROOT / "docs" if page.parent.name == "site" else page.parent
        for block in re.findall(r"```{toctree}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {found for name in names for found in folder.glob(f"{name}.md")}
    pages = {page for page in ROOT.glob("docs/**/*.md") if page.parent.name != "site"}
    assert sorted(str(page.relative_to(ROOT)) for page in pages - listed) == []
