# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an adapter's code imports, and what that imports in turn: all that has to be shipped for it to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .roots import FileRoot, Roots
from .source import Source


@dataclass
class Closure:
    """The modules to ship.

    Attributes:
        sources: dotted name → module.
        neighbours: dotted name of a module → each name that it imports from beside it → the package in front of that name.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    neighbours: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, sources: Iterable[Source]) -> None:
        """Ship modules besides, without a look at what they import."""
        for source in sources:
            self.sources[source.name] = source
            self.neighbours[source.name] = {}


def closure(starts: Iterable[Source], roots: Roots) -> Closure:
    """Follow the imports of the starting modules as far as they lead to modules that are shipped.

    What is found nowhere is left to the host's Python. Raises TaskFailure when a file is no Python.

    Args:
        starts: the modules to start from.
        roots: where modules are shipped from.
    """
    found = Closure()
    todo = list(starts)
    while todo:
        source = todo.pop()
        if source.name in found.sources:
            continue
        found.sources[source.name] = source
        found.neighbours[source.name] = {}
        todo.extend(_imported(source, roots, found.neighbours[source.name]))
        root = roots.of(source.name)
        todo.extend(root.around(source) if root else ())
    return found


def _imported(source: Source, roots: Roots, neighbours: dict[str, str]) -> Iterator[Source]:
    """Yield what a module imports, and note in ``neighbours`` which of its names mean files beside it."""
    own_root = roots.of(source.name)
    for name, relative in source.imports():
        if not relative and isinstance(own_root, FileRoot):
            beside = own_root.neighbour(name, source)
            if beside:
                neighbours[name.split(".", 1)[0]] = beside[0]
                yield beside[1]
                continue
        root = roots.of(name)
        found = root.longest(name) if root else None
        if found:
            yield found
