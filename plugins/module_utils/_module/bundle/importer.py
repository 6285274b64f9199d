# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports the code that came with the task from memory."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import decode_source, spec_from_file_location
from types import CodeType, ModuleType

from .compiled import CompiledModules

OWN_CODE = f"{__name__.rsplit('.', 3)[0]}."
"""The beginning of the names of this collection's modules, whose compiled code may be kept."""


@dataclass(frozen=True)
class Code:
    """A Python module that came with the task.

    Attributes:
        source: the content of its file.
        path: the file's path on the controller, which becomes ``__file__`` and is shown in tracebacks.
        package: whether it is a package.
        siblings: a name that it imports → the package in front of it, for names that mean files beside it.
    """

    source: bytes
    path: str
    package: bool
    siblings: Mapping[str, str]


def install(modules: Mapping[str, Code], compiled: CompiledModules) -> None:
    """Make modules importable, dotted name → code, before any others of the same names."""
    sys.meta_path.insert(0, BundleFinder(modules, compiled))


class BundleFinder(MetaPathFinder):
    """Finds modules of a bundle.

    Their names win, so that another release of Ansible on the managed node is not mixed in. What is not in the bundle, such as
    modules of the same package that Ansible has packed with the module, is found where it is found otherwise.
    """

    def __init__(self, modules: Mapping[str, Code], compiled: CompiledModules) -> None:
        self._modules = modules
        self._compiled = compiled

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        code = self._modules.get(fullname)
        if code is None:
            return None
        spec = spec_from_file_location(fullname, code.path, loader=BundleLoader(fullname, code, self._compiled))
        if spec is not None and code.package:
            elsewhere = PathFinder.find_spec(fullname, path)
            spec.submodule_search_locations = list((elsewhere and elsewhere.submodule_search_locations) or ())
        return spec


class BundleLoader(ExecutionLoader):
    """Loads one module of a bundle."""

    def __init__(self, name: str, code: Code, compiled: CompiledModules) -> None:
        self._name = name
        self._code = code
        self._compiled = compiled

    def get_filename(self, fullname: str) -> str:
        return self._code.path

    def get_source(self, fullname: str) -> str:
        return decode_source(self._code.source)

    def is_package(self, fullname: str) -> bool:
        return self._code.package

    def get_code(self, fullname: str) -> CodeType:
        code = self._code
        if fullname.startswith(OWN_CODE):
            return self._compiled.code(fullname, code.source, code.path)
        if not code.siblings:
            return compile(code.source, code.path, "exec", dont_inherit=True)
        rewriting = importlib.import_module(".sibling_imports", __package__)  # it came with the task, like its adapter
        found: CodeType = rewriting.compile_with_siblings(self.get_source(fullname), code.path, code.siblings)
        return found
