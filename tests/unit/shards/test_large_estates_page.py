# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/large_estates.md find and make the difference of two files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dsync

PAGE = (Path(__file__).parents[3] / "docs" / "large_estates.md").read_text(encoding="utf-8")


CHANGES = ["~ site s7", "    phone: '1' → '2'"]


def output(script: str, folder: Path) -> list[str]:
    """Return the lines that a script prints."""
    run = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(Path(dsync.__file__).parents[1])},
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.splitlines()


def test_the_examples_run(tmp_path: Path) -> None:
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(text)
    for name, phone in (("wanted", "2"), ("there", "1")):
        rows = [f"s{number},{phone if number == 7 else 0}" for number in range(100)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["name,phone", *rows]))
    assert output("on_disk.py", tmp_path) == CHANGES
    assert output("compare.py", tmp_path) == [*CHANGES, "99 sites are the same, of which 99 are not in this process"]
