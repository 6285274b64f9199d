# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports the code that the action plugin shipped with the task, straight from memory: nothing of it touches the disk."""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import decode_source, spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

from .sibling_imports import compile_with_neighbours

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Code:
    """A Python module that came with the task.

    Attributes:
        source: its text.
        path: where it is on the controller; it becomes the ``__file__`` that tracebacks name.
        package: whether it is a package.
        neighbours: a name that it imports → the package in front of it, for names that mean files beside it.
    """

    source: str
    path: str
    package: bool
    neighbours: Mapping[str, str]


@dataclass(frozen=True)
class Cargo:
    """All that came with the task.

    Attributes:
        adapters: an adapter's name as the user wrote it → name of the Python module that holds its class.
        modules: dotted name → code.
        inventories: side → inventory of the play, for the sides that read it.
        host: what the inventory calls the host that the task runs on; empty where nobody says.
    """

    adapters: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, Code] = field(default_factory=dict)
    inventories: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""

    @classmethod
    def unpack(cls, packed: str) -> Cargo:
        """Read what the action plugin packed; an empty text holds nothing."""
        if not packed:
            return cls()
        with zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(packed)))) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            modules = {
                name: Code(
                    source=decode_source(archive.read(entry["file"])),
                    path=entry["path"],
                    package=entry["package"],
                    neighbours=entry["neighbours"],
                )
                for name, entry in manifest["modules"].items()
            }
        return cls(manifest["adapters"], modules, manifest["inventories"], manifest["host"])

    def install(self) -> None:
        """Make the shipped modules importable, before any others of the same names."""
        if self.modules:
            sys.meta_path.insert(0, CargoFinder(self.modules))


class CargoFinder(MetaPathFinder):
    """Finds shipped modules.

    Their names win, so that a host's own Ansible of another release is not mixed in. What is not shipped, such as those
    modules of a shared package that travelled with the Ansible module itself, is found where it always was.
    """

    def __init__(self, modules: Mapping[str, Code]) -> None:
        self._modules = modules

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        code = self._modules.get(fullname)
        if code is None:
            return None
        spec = spec_from_file_location(fullname, code.path, loader=CargoLoader(fullname, code))
        if spec is not None and code.package:
            elsewhere = PathFinder.find_spec(fullname, path)
            spec.submodule_search_locations = list((elsewhere and elsewhere.submodule_search_locations) or ())
        return spec


class CargoLoader(ExecutionLoader):
    """Loads one shipped module."""

    def __init__(self, name: str, code: Code) -> None:
        self._name = name
        self._code = code

    def get_filename(self, fullname: str) -> str:
        return self._code.path

    def get_source(self, fullname: str) -> str:
        return self._code.source

    def is_package(self, fullname: str) -> bool:
        return self._code.package

    def get_code(self, fullname: str) -> CodeType:
        return compile_with_neighbours(self._code.source, self._code.path, self._code.neighbours)
