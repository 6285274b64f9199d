# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the code that a task ships, as ``_module.bundle`` unpacks it on the host."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from ...module_utils._module.bundle.importer import MANIFEST
from .import_graph import Closure

ALWAYS_THERE = frozenset({"ansible", "ansible.module_utils", "ansible_collections"})


def pack(adapters: Mapping[str, str], shipped: Closure, inventories: Mapping[str, Any] | None = None, host: str = "") -> str:
    """Return a text that holds all the code, and the inventory of the play for the sides that read it.

    Args:
        adapters: an adapter's name as the user wrote it → name of the Python module that holds its class.
        shipped: that module and all that it imports.
        inventories: side → inventory.
        host: what the inventory calls the host that the task runs on.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:  # compressed as a whole, which is smaller by a third than file by file
        modules = dict(_entries(shipped, archive))
        manifest = {"adapters": adapters, "modules": modules, "inventories": inventories or {}, "host": host}
        archive.writestr(MANIFEST, json.dumps(manifest))
    return base64.b64encode(zlib.compress(packed.getvalue())).decode("ascii")


def _entries(shipped: Closure, archive: zipfile.ZipFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """Write every module to the archive and yield its name and what the manifest says of it."""
    for name, source in sorted(shipped.sources.items()):
        file = f"{name}.py"
        archive.writestr(file, source.code)
        neighbours = shipped.neighbours[name]
        yield name, {"file": file, "path": str(source.path), "package": source.is_package, "neighbours": neighbours}
    for name in sorted(_bare_packages(shipped)):
        archive.writestr(f"{name}.py", b"")
        yield name, {"file": f"{name}.py", "path": f"{name}/__init__.py", "package": True, "neighbours": {}}


def _bare_packages(shipped: Closure) -> set[str]:
    """Return the packages that the modules are in and that have no code of their own."""
    parts = [name.split(".") for name in shipped.sources]
    packages = {".".join(part[:length]) for part in parts for length in range(1, len(part))}
    return packages - shipped.sources.keys() - ALWAYS_THERE
