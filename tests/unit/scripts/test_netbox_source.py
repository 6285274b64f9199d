# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a source tree of NetBox, which the systems tests run against if they are told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends import ServerFailed
from environments import ENVIRONMENTS
from netbox_server import NetBox, from_source
from netbox_source import SourceEnvironment, packages


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "netbox").mkdir()
    (tmp_path / "netbox" / "release.yaml").write_text('version: "4.5.9"\nedition: "Community"\n')
    lines = ["Django==5.2.13", "gunicorn==25.3.0", "mkdocs-material==9.7.6", "psycopg[c,pool]==3.3.3  # a driver", "", "# none"]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    return tmp_path


def test_a_tree_has_its_release_and_an_environment_beside_the_packaged_one(tree: Path) -> None:
    server = from_source(tree)
    assert (server.version, server.environment) == ("4.5.9", NetBox.environment)
    programs = server.programs()
    assert isinstance(programs, SourceEnvironment)
    assert programs.folder.name.startswith("netbox-source-")
    assert programs.folder.parent == ENVIRONMENTS["netbox"].folder.parent
    assert NetBox.programs() == ENVIRONMENTS["netbox"]


def test_what_would_be_compiled_or_only_makes_a_manual_is_not_installed(tree: Path) -> None:
    assert packages(tree / "requirements.txt") == ["Django==5.2.13", "psycopg[binary,pool]==3.3.3"]


def test_what_is_no_source_of_netbox_is_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="elsewhere is no source tree of NetBox: "):
        from_source(tmp_path / "elsewhere")
    (tree / "netbox" / "release.yaml").write_text("edition: Community\n")
    with pytest.raises(ServerFailed, match="has no version"):
        from_source(tree)
