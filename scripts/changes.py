# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a change touches, for a test run that leaves out what the change cannot break."""

from __future__ import annotations

import subprocess
from pathlib import Path

AGE = 12 * 3600
"""Seconds: a change is all commits that are at most this much older than the newest one, where nobody names its first parent."""


def changed_files(root: Path, base: str = "") -> list[str] | None:
    """Return the paths of the files that differ from a commit, those not committed included; None if that is not known.

    Args:
        root: a git checkout.
        base: the commit to compare with; by default the newest one that is older than the newest commit by more than AGE.
    """
    try:
        if not base:
            newest = int(_git(root, "log", "-1", "--format=%ct"))
            base = _git(root, "log", "-1", "--format=%H", f"--before={newest - AGE}")
        if not base:
            return None
        listed = _git(root, "diff", "--name-only", "-z", base) + _git(root, "ls-files", "-z", "--others", "--exclude-standard")
    except (OSError, subprocess.CalledProcessError):
        return None
    return sorted(set(listed.split("\0")) - {""})


def describe(root: Path) -> tuple[str, bool]:
    """Return the commit that is checked out, and whether the working tree holds just that; an empty string outside of git."""
    try:
        return _git(root, "rev-parse", "HEAD"), not _git(root, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "", False


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout.strip()
