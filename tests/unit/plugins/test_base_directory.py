# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where relative paths start from."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="this runs on the controller, which needs ansible-core")

from ansible.parsing.dataloader import DataLoader
from ansible_collections.dsync.core.plugins.plugin_utils.base_directory import OWN_COLLECTION, base_directory, using_base_directory


def loader_at(folder: Path) -> DataLoader:
    loader = DataLoader()
    loader.set_basedir(str(folder))
    return loader


def test_a_playbook_of_the_user_starts_beside_itself(tmp_path: Path) -> None:
    loader = loader_at(tmp_path)
    assert base_directory(loader) == tmp_path.resolve()
    with using_base_directory(loader):
        assert loader.get_basedir() == str(tmp_path.resolve())


def test_a_playbook_of_the_collection_starts_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    playbooks = OWN_COLLECTION / "playbooks"
    assert (playbooks / "audit.yml").is_file()
    loader = loader_at(playbooks)
    with using_base_directory(loader):
        assert loader.get_basedir() == str(tmp_path)
    assert loader.get_basedir() == str(playbooks)
