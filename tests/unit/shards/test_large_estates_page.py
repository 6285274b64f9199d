# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The example of docs/large_estates.md finds and makes the difference of two files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dsync

PAGE = (Path(__file__).parents[3] / "docs" / "large_estates.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(text)
    for name, phone in (("wanted", "2"), ("there", "1")):
        rows = [f"s{number},{phone if number == 7 else 0}" for number in range(100)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["name,phone", *rows]))
    run = subprocess.run(
        [sys.executable, "-W", "error", "compare.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(Path(dsync.__file__).parents[1])},
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        "~ site s7",
        "    phone: '1' → '2'",
        "99 sites are the same, of which 99 are not in this process",
    ]
