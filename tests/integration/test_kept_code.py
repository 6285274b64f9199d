# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled code that a task keeps on its host: the next task runs it, unless others could have written it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from conftest import Play

KEPT = f"dsync-compiled-{os.geteuid()}"

REPLACE = dedent("""
    import marshal, pathlib, sys, zlib
    (file,) = pathlib.Path(sys.argv[1]).iterdir()
    modules = marshal.loads(file.read_bytes()[4:])
    (name,) = (name for name in modules if name.endswith("._module.run.diff"))
    modules[name] = (modules[name][0], marshal.dumps(compile("raise SystemExit('kept code ran')", name, "exec")))
    content = marshal.dumps(modules)
    file.write_bytes(zlib.crc32(content).to_bytes(4, "big") + content)
""")
"""Exchanges the kept code of a module, and leaves the permissions of the file alone."""


def test_kept_code_runs_unless_others_may_read_it(play: Play, tmp_path: Path) -> None:
    records = {"adapter": "memory", "options": {"records": {"device": [{"name": "rtr-1"}]}}}
    diff: dict[str, Any] = {"models": {"device": {"identifiers": ["name"]}}, "source": records, "target": records}
    folder = tmp_path / "remote" / KEPT
    played = play(
        [
            {"name": "first", "dsync.core.dsync_diff": diff},
            {"name": "replace", "ansible.builtin.command": {"argv": [sys.executable, "-c", REPLACE, str(folder)]}},
            {"name": "second", "dsync.core.dsync_diff": diff, "ignore_errors": True},
            {"name": "open", "ansible.builtin.file": {"path": str(folder), "mode": "0644", "recurse": True}},
            {"name": "third", "dsync.core.dsync_diff": diff},
        ],
        env={"ANSIBLE_REMOTE_TMP": str(tmp_path / "remote"), "PYTHONDONTWRITEBYTECODE": ""},
    ).ok()
    assert not played.result("first")["changed"]
    assert "kept code ran" in str(played.result("second"))
    assert not played.result("third").get("failed")
