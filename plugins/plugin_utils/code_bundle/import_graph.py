# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that an adapter imports, directly and indirectly: all that a task needs to run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...module_utils._module.bundle.importer import Code
from .roots import FileRoot, Roots
from .source import Source

ALWAYS_THERE = frozenset({"ansible", "ansible.module_utils", "ansible_collections"})
"""Packages that Ansible's own packaging provides."""


@dataclass
class ImportGraph:
    """The modules of a bundle.

    Attributes:
        sources: dotted name → module.
        siblings: dotted name of a module → each name that it imports from its own directory → the package in front of that name.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    siblings: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, sources: Iterable[Source]) -> None:
        """Add modules without following their imports."""
        for source in sources:
            self.sources[source.name] = source
            self.siblings[source.name] = {}

    def modules(self) -> dict[str, Code]:
        """Return the code of all modules, and of the packages that they are in, by dotted name. Raises TaskFailure."""
        found = {}
        for name, source in self.sources.items():
            found[name] = Code(source.code, str(source.path), source.is_package, self.siblings[name])
        bare = self._packages() - self.sources.keys() - ALWAYS_THERE
        return {**found, **{name: Code(b"", f"{name}/__init__.py", True, {}) for name in bare}}

    def _packages(self) -> set[str]:
        """Return the names of the packages that the modules are in."""
        found: set[str] = set()
        for name in self.sources:
            package = name.rpartition(".")[0]
            while package and package not in found:
                found.add(package)
                package = package.rpartition(".")[0]
        return found


def follow_imports(starts: Iterable[Source], roots: Roots) -> ImportGraph:
    """Return some modules and all modules that they import, directly and indirectly, as far as the roots have them.

    Other imports are left to Python on the managed node. Raises TaskFailure if a file is not valid Python.

    Args:
        starts: the modules to start from.
        roots: where the modules are.
    """
    found = ImportGraph()
    todo = list(starts)
    while todo:
        source = todo.pop()
        if source.name in found.sources:
            continue
        found.sources[source.name] = source
        found.siblings[source.name] = {}
        todo.extend(_imported(source, roots, found.siblings[source.name]))
        root = roots.of(source.name)
        todo.extend(root.parent_packages(source) if root else ())
    return found


def _imported(source: Source, roots: Roots, siblings: dict[str, str]) -> Iterator[Source]:
    """Yield what a module imports, and add to ``siblings`` the names that mean files beside it."""
    own_root = roots.of(source.name)
    for name, relative in source.imports():
        if not relative and isinstance(own_root, FileRoot):
            beside = own_root.sibling(name, source)
            if beside:
                siblings[name.split(".", 1)[0]] = beside[0]
                yield beside[1]
                continue
        root = roots.of(name)
        found = root.find_longest(name) if root else None
        if found:
            yield found
