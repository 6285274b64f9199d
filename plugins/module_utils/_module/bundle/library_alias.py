# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ``import dsync`` import the library that came with the module, so that no class of it exists twice."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

NAME = "dsync"
LIBRARY = f"{__package__.rsplit('.', 2)[0]}.{NAME}"


class AliasFinder(MetaPathFinder, Loader):
    """Resolves imports of ``dsync`` and ``dsync.*`` to the modules of the library that came with the task."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.split(".", 1)[0] != NAME:
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(LIBRARY + spec.name.removeprefix(NAME))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec, which the import system has replaced; the module has been executed before."""
        module.__spec__ = getattr(module.__spec__, "loader_state", None)


def install() -> None:
    """Give the library precedence over any other ``dsync`` of the interpreter, loaded or not. May be called repeatedly."""
    if any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        return
    for name in [name for name in sys.modules if name.split(".", 1)[0] == NAME]:
        del sys.modules[name]
    sys.meta_path.insert(0, AliasFinder())
