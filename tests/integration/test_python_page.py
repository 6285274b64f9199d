# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook of docs/python.md, copied from it file by file, does what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_playbook_finds_repairs_and_then_leaves_alone(copied: Path, run_playbook) -> None:
    before = (copied / "cmdb.json").read_text()

    check = run_playbook(copied / "play.yml", "--check", "--diff", cwd=copied)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "changed=1" in check.stdout
    for line in ('-  old-1  role: "router"', '+  sw-1  role: "switch"', "-  rtr-1  mtu: 1400", "+  rtr-1  mtu: 1500"):
        assert line in check.stdout
    assert (copied / "cmdb.json").read_text() == before

    run = run_playbook(copied / "play.yml", cwd=copied)
    assert "1 created, 1 updated, 1 deleted" in run.stdout
    assert {device["name"]: device["mtu"] for device in json.loads((copied / "cmdb.json").read_text())} == {
        "rtr-1": 1500,
        "sw-1": 9000,
    }

    again = run_playbook(copied / "play.yml", "--check", cwd=copied)
    assert "changed=0" in again.stdout
