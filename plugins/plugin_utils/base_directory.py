# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that relative paths refer to: that of the playbook, but never the installed collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible.parsing.dataloader import DataLoader

OWN_COLLECTION = Path(__file__).resolve().parents[2]


def base_directory(loader: DataLoader) -> Path:
    """Return the directory that relative paths refer to: the playbook's, or for a playbook of this collection the current one."""
    folder = Path(loader.get_basedir()).resolve()
    return Path.cwd() if folder.is_relative_to(OWN_COLLECTION) else folder


@contextmanager
def using_base_directory(loader: DataLoader) -> Iterator[None]:
    """Let Ansible search files and run local modules in the base directory meanwhile."""
    before = loader.get_basedir()
    loader.set_basedir(str(base_directory(loader)))
    try:
        yield
    finally:
        loader.set_basedir(before)
