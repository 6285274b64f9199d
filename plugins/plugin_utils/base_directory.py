# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where relative paths start from: the directory of the playbook, but never the installed collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible.parsing.dataloader import DataLoader

OWN_COLLECTION = Path(__file__).resolve().parents[2]


def start_folder(loader: DataLoader) -> Path:
    """Return where relative paths start from: the directory of the playbook; of a playbook of this collection, the current one."""
    folder = Path(loader.get_basedir()).resolve()
    return Path.cwd() if folder.is_relative_to(OWN_COLLECTION) else folder


@contextmanager
def starting_there(loader: DataLoader) -> Iterator[None]:
    """Let Ansible search files there meanwhile, and run modules there that run on this machine."""
    before = loader.get_basedir()
    loader.set_basedir(str(start_folder(loader)))
    try:
        yield
    finally:
        loader.set_basedir(before)
