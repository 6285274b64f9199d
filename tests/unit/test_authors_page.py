# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each program on the page for authors of adapters prints what the page says below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dsync
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "authors.md").read_text(encoding="utf-8")
PROGRAM = re.compile(r"<!-- program -->\n```python\n(.*?)```\n.*?<!-- output -->\n```text\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize(("program", "output"), PROGRAM.findall(PAGE), ids=["options", "batches"])
def test_the_program_prints_what_the_page_says(program: str, output: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(dsync.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == (output, "")
