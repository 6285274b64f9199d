# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program on the page for authors of adapters prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dsync

PAGE = (Path(__file__).parents[2] / "docs" / "authors.md").read_text(encoding="utf-8")
PROGRAM = re.compile(r"<!-- program -->\n```python\n(.*?)```\n.*?<!-- output -->\n```text\n(.*?)```", re.DOTALL)


def test_the_program_prints_what_the_page_says() -> None:
    ((program, output),) = PROGRAM.findall(PAGE)
    environment = {**os.environ, "PYTHONPATH": str(Path(dsync.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == (output, "")
