# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dsync_diff does, without Ansible: `alone.py AllAtOnce FOLDER` compares the folder's two files and prints the summary."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import inventory
from dsync.diff.diff import COUNTERS


def main(adapter: str, folder: Path) -> None:
    """Load both files, compare them and print the summary."""
    source, target = (getattr(inventory, adapter)(path=folder / f"{side}.json") for side in ("source", "target"))
    source.load()
    target.load()
    print(json.dumps({COUNTERS[category]: number for category, number in target.diff_from(source).summary().items()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
