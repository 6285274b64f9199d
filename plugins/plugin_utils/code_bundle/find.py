# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the modules that define adapters, on the controller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...module_utils._module.datasets.adapter_ref import AdapterKind, AdapterRef
from ...module_utils._module.errors import TaskFailure
from ..suggestions import known
from .roots import Roots, collection_directories
from .source import Source

FindFile = Callable[[str], tuple[Path | None, Sequence[str]]]


def find_adapter(reference: AdapterRef, roots: Roots, find_file: FindFile) -> Source | None:
    """Return the module that defines an adapter's class, or None if the managed node imports it without the controller's help.

    Args:
        reference: the adapter's name.
        roots: where the modules are.
        find_file: returns the path of a file of the task, and the places where it was searched.

    Raises:
        TaskFailure: the file, the collection, the module or the class does not exist, or the file is not valid Python.
    """
    if reference.kind in (AdapterKind.IMPORTABLE, AdapterKind.BUILT_IN):
        return None
    source = _file(reference, roots, find_file) if reference.kind is AdapterKind.FILE else _collection_module(reference, roots)
    if not source.may_define(reference.class_name):
        raise TaskFailure(f"{source.path} has no class {reference.class_name}{known(reference.class_name, source.classes())}.")
    return source


def _file(reference: AdapterRef, roots: Roots, find_file: FindFile) -> Source:
    path, searched = find_file(reference.place)
    if path is None:
        raise TaskFailure(
            f'the adapter file "{reference.place}" was not found on the controller; searched: {", ".join(dict.fromkeys(searched))}.'
        )
    if path.suffix != ".py":
        raise TaskFailure(f'the adapter file "{reference.place}" is not a Python file: its name should end in .py.')
    return roots.adapter_file(path)


def _collection_module(reference: AdapterRef, roots: Roots) -> Source:
    namespace, name, *module = reference.holder.split(".")
    collection = f"{namespace}.{name}"
    root = roots.of(reference.place)
    folders = collection_directories(namespace, name)
    if root is None or not folders:
        raise TaskFailure(f'the collection {collection} of the adapter "{reference.text}" is not installed on the controller.')
    source = root.find(reference.place)
    if source is None:
        file = "/".join(["plugins", "module_utils", *module])
        raise TaskFailure(
            f'the adapter "{reference.text}" should be in {file}.py of the collection {collection}, which has no such file.'
        )
    return source
