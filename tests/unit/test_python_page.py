# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The example of docs/python.md runs and prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dsync

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def _block(marker: str) -> str:
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"the page has no block marked {marker!r}"
    return found[1]


def test_the_example_prints_what_the_page_says(tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(_block("run: python"))
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(Path(dsync.__file__).parents[1])},
    )
    assert (run.returncode, run.stderr, run.stdout) == (0, "", _block("output"))
