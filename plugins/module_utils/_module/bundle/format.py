# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that travels with a task, as one string: packed on the controller, unpacked on the managed node."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .importer import Code, install

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """All that travels with a task.

    Attributes:
        adapters: an adapter's name as the user wrote it → name of the Python module that holds its class.
        modules: dotted name → code.
        inventories: side → inventory of the play, for the sides that read it.
        host: the inventory's name for the host that the task runs on; empty if it is unknown.
    """

    adapters: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, Code] = field(default_factory=dict)
    inventories: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""

    def pack(self) -> str:
        """Return the bundle as a string of ASCII characters."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:  # compressed as a whole, which is smaller by a third than file by file
            modules = dict(self._entries(archive))
            manifest = {"adapters": self.adapters, "modules": modules, "inventories": self.inventories, "host": self.host}
            archive.writestr(MANIFEST, json.dumps(manifest))
        return base64.b64encode(zlib.compress(packed.getvalue())).decode("ascii")

    def _entries(self, archive: zipfile.ZipFile) -> Iterator[tuple[str, dict[str, Any]]]:
        """Write every module to the archive, and yield its name and its entry in the manifest."""
        for name, code in sorted(self.modules.items()):
            file = f"{name}.py"
            archive.writestr(file, code.source)
            yield name, {"file": file, "path": code.path, "package": code.package, "siblings": dict(code.siblings)}

    @classmethod
    def unpack(cls, packed: str) -> Bundle:
        """Return the bundle that :meth:`pack` has made a string of; an empty bundle for an empty string."""
        if not packed:
            return cls()
        with zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(packed)))) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            modules = {
                name: Code(archive.read(entry["file"]), entry["path"], entry["package"], entry["siblings"])
                for name, entry in manifest["modules"].items()
            }
        return cls(manifest["adapters"], modules, manifest["inventories"], manifest["host"])

    def install(self) -> None:
        """Make the modules importable, before any others of the same names."""
        if self.modules:
            install(self.modules)
