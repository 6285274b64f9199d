# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories on the controller whose Python modules may travel with a task, by the names under which they are imported."""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import ansible.module_utils

from ...module_utils._module.datasets.adapter_ref import MODULE_UTILS
from .source import Source

CORE = "ansible.module_utils"
NEVER_SIBLINGS = frozenset({"ansible", "ansible_collections", "dsync"})
OWN_PACKAGE = MODULE_UTILS.format("dsync", "core")


OWN_FOLDER = Path(__file__).parents[2] / "module_utils"


CORE_FAMILY = "core"
"""The family that declared models and record-based adapters of users need."""

DIFFSYNC_FAMILY = "diffsync"
"""The family that adapters written for DiffSync need."""

BUILT_IN: Mapping[str, frozenset[str]] = {
    "file": frozenset({CORE_FAMILY, "documents", "file"}),
    "inventory": frozenset({CORE_FAMILY, "documents", "inventory"}),
    "memory": frozenset({CORE_FAMILY, "documents", "memory"}),
    "nautobot": frozenset({CORE_FAMILY, "http", "estates", "estates/nautobot"}),
    "netbox": frozenset({CORE_FAMILY, "http", "estates", "estates/netbox"}),
    "rest": frozenset({CORE_FAMILY, "http", "rest"}),
    "snapshot": frozenset({CORE_FAMILY, "snapshot"}),
    "sql": frozenset({CORE_FAMILY, "sql"}),
}
"""Name of a built-in adapter → the families of adapters, directories of the library's ``adapters``, that it runs with."""

FAMILIES = frozenset({DIFFSYNC_FAMILY}).union(*BUILT_IN.values())
"""All families."""

RENDERED_ALWAYS = ("__init__", "unified")
"""Files of the package ``report.render`` that every task needs; only reports need the others."""

SHARDS = "shards"
"""The package of the library that a task needs only if it has the argument of this name, or if an adapter imports it; stated like a
family."""

SHARD_STORE = "shard_store"
"""The argument of a task that uses a database by itself."""

DISCOVERY = "discovery"
"""The package of the library that only the module dsync_discover needs, or an adapter that imports it; stated like a family."""

FOR_AUTHORS = "testing"
"""The package of the library that no task needs."""


def own_code(families: Collection[str], about_reports: bool = False) -> Iterator[Source]:
    """Yield the modules of this collection that a task needs on the managed node.

    Args:
        families: the families of its adapters. The layer ``records`` is yielded only with the family ``core``, and the layers
            ``shards`` and ``discovery`` only if they are named, too.
        about_reports: whether to include modules that only reports need.
    """
    for folder, _folders, files in os.walk(OWN_FOLDER):
        within = Path(folder).relative_to(OWN_FOLDER).parts
        for stem, extension in map(os.path.splitext, files):
            parts = (*within, stem)
            if extension != ".py" or (parts[0] == "dsync" and not _is_needed(parts[1:], families, about_reports)):
                continue
            name = parts[:-1] if stem == "__init__" else parts
            yield Source(".".join([OWN_PACKAGE, *name]), Path(folder, f"{stem}.py"))


def _is_needed(parts: Sequence[str], families: Collection[str], about_reports: bool) -> bool:
    """Return whether a task needs a file of the library, given the parts of its path without the extension."""
    if parts[0] == "adapters":
        return len(parts) == 2 or "/".join(parts[1:-1]) in families
    if parts[0] == "records":
        return CORE_FAMILY in families
    if parts[0] in (SHARDS, DISCOVERY):
        return parts[0] in families
    if parts[:2] == ("report", "render"):
        return about_reports or parts[2] in RENDERED_ALWAYS
    return parts[0] != FOR_AUTHORS


def families_of(sources: Iterable[Source]) -> frozenset[str]:
    """Return the families that some modules import; all families if an import does not name one."""
    found: frozenset[str] = frozenset()
    for name in _imports_of_the_library(sources):
        top, *below = name.split(".")
        if top == "records":
            found |= {CORE_FAMILY}
        elif top == "adapters":
            found |= _family_named(below)
        elif top in (SHARDS, DISCOVERY):
            found |= {top}
    return found


def _family_named(below: Sequence[str]) -> frozenset[str]:
    """Return the families that an import below ``dsync.adapters`` needs."""
    if below and below[0] in ("Fields", "Options", "RecordAdapter", "RecordModel", CORE_FAMILY):
        return frozenset({CORE_FAMILY})
    if below and below[0] == DIFFSYNC_FAMILY:
        return frozenset({DIFFSYNC_FAMILY})
    named = "/".join(below[: 2 if below and below[0] == "estates" else 1])
    users = [families for families in BUILT_IN.values() if named in families]
    return frozenset.union(*users) if users else FAMILIES


def needs_reports(sources: Iterable[Source]) -> bool:
    """Return whether any of some modules imports a renderer of reports."""
    return any(f"{name}.".startswith("report.render.") for name in _imports_of_the_library(sources))


def _imports_of_the_library(sources: Iterable[Source]) -> Iterator[str]:
    """Yield each name of the library that some modules import, such as ``adapters.file``."""
    for source in sources:
        for name, _relative in source.imports():
            own = name.removeprefix(f"{OWN_PACKAGE}.")
            if own.startswith("dsync."):
                yield own.removeprefix("dsync.")


class Root:
    """The directories of the modules of a package."""

    def __init__(self, package: str, folders: Sequence[Path]) -> None:
        self.package = package
        self._folders = folders

    def find(self, name: str) -> Source | None:
        """Return a module below the package, or None if there is no file for it."""
        *parents, last = name.removeprefix(f"{self.package}.").split(".")
        for folder in self._folders:
            place = folder.joinpath(*parents)
            for file in (place / last / "__init__.py", place / f"{last}.py"):
                if file.is_file():
                    return Source(name, file)
        return None

    def find_longest(self, name: str, below: str | None = None) -> Source | None:
        """Return the module that the longest prefix of a dotted name refers to, only below a package; None if there is none."""
        while name != (below or self.package):
            found = self.find(name)
            if found is not None:
                return found
            name = name.rpartition(".")[0]
        return None

    def parent_packages(self, source: Source) -> Iterator[Source]:
        """Yield the packages that a module is in, if they have code."""
        name = source.name.rpartition(".")[0]
        while name.startswith(f"{self.package}."):
            found = self.find(name)
            if found is not None:
                yield found
            name = name.rpartition(".")[0]


class FileRoot(Root):
    """The directory of adapter files, or the directory above the Python package that they are in."""

    def __init__(self, package: str, folder: Path) -> None:
        super().__init__(package, [folder])
        self._with_adapters: set[str] = set()

    def adapter_file(self, path: Path, parts: Sequence[str]) -> Source:
        """Return the module of an adapter file, and register the files beside it as its siblings."""
        source = Source(".".join([self.package, *parts]), path)
        self._with_adapters.add(source.package)
        return source

    def sibling(self, name: str, importer: Source) -> tuple[str, Source] | None:
        """Return the package and the module that an absolute import in a file of this root refers to; None if it is not here.

        As for a script, the files beside an adapter file take precedence. A file in a package can also import from the directory of
        the package.
        """
        if name.split(".", 1)[0] in NEVER_SIBLINGS:
            return None
        beside = [importer.package] if importer.package in self._with_adapters else []
        for package in (*beside, self.package):
            found = self.find_longest(f"{package}.{name}", below=package)
            if found is not None:
                return package, found
        return None


class Roots:
    """All roots of one task."""

    def __init__(self) -> None:
        self._files: dict[Path, FileRoot] = {}
        self._collections: dict[str, Root] = {}

    def adapter_file(self, path: Path) -> Source:
        """Return the module of an adapter file, with the name under which it is imported; files of one directory share a root."""
        folder, parts = path.parent, [path.stem]
        while (folder / "__init__.py").is_file():
            folder, parts = folder.parent, [folder.name, *parts]
        if folder not in self._files:
            self._files[folder] = FileRoot(f"dsync_files_{len(self._files)}", folder)
        return self._files[folder].adapter_file(path, parts)

    def of(self, name: str) -> Root | None:
        """Return the root of a module, or None if it does not travel with the task."""
        if name.startswith(f"{CORE}."):
            return self._core
        parts = name.split(".")
        if len(parts) > 5 and ".".join(parts[:5]) == MODULE_UTILS.format(*parts[1:3]):
            return self._collection(*parts[1:3])
        return next((root for root in self._files.values() if root.package == parts[0]), None)

    @cached_property
    def _core(self) -> Root:
        return Root(CORE, [Path(folder) for folder in ansible.module_utils.__path__])

    def _collection(self, namespace: str, name: str) -> Root | None:
        package = MODULE_UTILS.format(namespace, name)
        if package == OWN_PACKAGE:
            return None
        if package not in self._collections:
            folders = [folder / "plugins" / "module_utils" for folder in collection_directories(namespace, name)]
            self._collections[package] = Root(package, folders)
        return self._collections[package]


def collection_directories(namespace: str, name: str) -> list[Path]:
    """Return the directories of an installed collection; an empty list if it is not installed."""
    try:
        package = importlib.import_module(f"ansible_collections.{namespace}.{name}")
    except ImportError:
        return []
    return [Path(folder) for folder in package.__path__]
