# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What adapters print goes nowhere, and nothing can be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import os, subprocess, sys
sys.path.insert(0, {collections!r})
from ansible_collections.dsync.core.plugins.module_utils._module.run.process import detached_streams
print("before")
try:
    with detached_streams():
        print("hidden")
        print("hidden", file=sys.stderr)
        os.write(1, b"hidden")
        subprocess.run(["echo", "hidden"])
        read = sys.stdin.read()
        raise KeyError
except KeyError:
    print("after", repr(read))
"""


def test_detached_streams() -> None:
    (collections,) = {path for path in sys.path if (Path(path) / "ansible_collections" / "dsync" / "core").is_dir()}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(collections=collections)], input="input", capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("before\nafter ''\n", "")
