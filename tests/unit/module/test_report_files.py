# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions that a task may ask for a report's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils._module.output.report_files import report_files


def _modes(said: Any, folder: Path) -> list[int]:
    reports = [{"path": str(folder / "drift.md"), "format": None, "title": None, "mode": said}]
    return [file.mode for file in report_files({"reports": reports})]


@pytest.mark.parametrize(("said", "mode"), [("0600", 0o600), ("644", 0o644), ("0o640", 0o640), (0o600, 0o600)])
def test_a_mode_is_octal_digits_or_the_number_that_yaml_makes_of_them(said: Any, mode: int, tmp_path: Path) -> None:
    assert _modes(said, tmp_path) == [mode]


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("u=rw,g=r", 0o640),
        ("u=rw,go=r", 0o644),
        ("a+r", 0o644),
        ("+r,u+x", 0o744),
        ("ug=rw,o=", 0o660),
        ("u+rw", 0o600),
        ("g-w", 0o600),
    ],
)
def test_a_symbolic_mode_changes_a_private_one(said: str, mode: int, tmp_path: Path) -> None:
    assert _modes(said, tmp_path) == [mode]


@pytest.mark.parametrize(
    "said", ["-1", -1, "-0600", 0, "0400", 644, "7777", True, None, "", [384], "u=r", "a-w", "x=rw", "u=s", "u=rw g=r", "u"]
)
def test_anything_else_is_refused(said: Any, tmp_path: Path) -> None:
    with pytest.raises(TaskFailure, match=r"^reports\[0\]\.mode: .* use octal digits such as '0644'"):
        _modes(said, tmp_path)
