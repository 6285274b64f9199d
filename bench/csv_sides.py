# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dsync_diff does with two CSV files, without Ansible: `csv_sides.py FOLDER` prints the summary of their comparison."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dsync.adapters import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.records.definition import data_model

MODELS = {"host": {"identifiers": ["name"], "attributes": {"address": "str", "port": "int", "enabled": "bool"}}}


def main(folder: Path) -> None:
    """Load both files, compare them and print the summary."""
    hosts = FileAdapter.bound(data_model(MODELS, base=RecordModel))
    source, target = (hosts(path=str(folder / f"{side}.csv")) for side in ("source", "target"))
    source.load()
    target.load()
    print(json.dumps(target.diff_from(source).summary()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
