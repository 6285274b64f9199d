# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the imports of a module take: `imports.py FOLDER MODULE` imports what was shipped as the target does, prints JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time
from functools import partial
from pathlib import Path


def main(folder: str, module: str) -> None:
    """Import what the module needs, one after the other, and print the seconds of each.

    The folder holds an archive of what Ansible packed, and the arguments of the task, with what the action plugin packed. The first
    call compiles the library and keeps the compiled code in the directory, which the next ones use.
    """
    sys.path.insert(0, f"{folder}/payload.zip")
    shipped = json.loads(Path(folder, "args").read_text(encoding="utf-8"))["ANSIBLE_MODULE_ARGS"]["_bundle"]
    entry = module.replace(".modules.", ".module_utils._module.").rpartition(".")[0]

    def engine() -> None:
        importlib.import_module(module)
        compiled = importlib.import_module(f"{entry}.bundle.compiled")
        kept = compiled.CompiledModules(compiled.directory_in(folder))
        importlib.import_module(f"{entry}.bundle.format").Bundle.unpack(shipped).install(kept)
        importlib.import_module(f"{entry}.run.diff")
        kept.keep()

    seconds = {}
    for name, work in (
        ("ansible.module_utils.basic", partial(importlib.import_module, "ansible.module_utils.basic")),
        ("pydantic.main", partial(importlib.import_module, "pydantic.main")),
        (module, engine),
    ):
        started = time.perf_counter()
        work()
        seconds[name] = time.perf_counter() - started
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
