# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays the working tree out as the collection dsync.core in a place where Ansible finds it.

A copy, not a link: ansible-test refuses links. `python scripts/collection.py FOLDER` lays out and prints the path to
put in ANSIBLE_COLLECTIONS_PATH.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
COLLECTION = Path("ansible_collections/dsync/core")


def source_files() -> list[Path]:
    """Return the files of the working tree, relative to it: those that git tracks or would add.

    Outside a git checkout, such as in an unpacked archive, all files but those in dotted and generated directories.
    """
    if (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            check=True,
        ).stdout
        files = [Path(os.fsdecode(name)) for name in listing.split(b"\0") if name]
    else:
        files = list(_walk())
    return [file for file in files if (ROOT / file).is_file()]


def lay_out(folder: Path) -> Path:
    """Make `folder` hold the collection as the working tree is now, and return `folder`, a collections path."""
    target = folder / COLLECTION
    files = source_files()
    for file in files:
        _copy(ROOT / file, target / file)
    _remove_all_but({target / file for file in files}, target)
    return folder


def _walk() -> Iterator[Path]:
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if not _is_generated(name, at_root=Path(folder) == ROOT)]
        yield from (Path(folder, name).relative_to(ROOT) for name in names)


def _is_generated(folder: str, *, at_root: bool) -> bool:
    if at_root and (folder.startswith(".") or folder in {"build", "dist"}):
        return True
    return folder == "__pycache__" or folder.endswith(".egg-info")


def _copy(source: Path, target: Path) -> None:
    if target.is_file() and filecmp.cmp(source, target, shallow=False):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _remove_all_but(wanted: set[Path], folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in wanted:
            path.unlink()


if __name__ == "__main__":
    print(lay_out(Path(sys.argv[1]).resolve()))
