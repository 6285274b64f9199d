# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the imports of a shipped module take: `imports.py ZIP MODULE` imports from the zip as the target does, prints JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time


def main(archive: str, module: str) -> None:
    """Import what the module needs, one after the other, and print the seconds of each."""
    sys.path.insert(0, archive)
    seconds = {}
    for name in ("ansible.module_utils.basic", "pydantic.main", module):
        started = time.perf_counter()
        importlib.import_module(name)
        seconds[name] = time.perf_counter() - started
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
