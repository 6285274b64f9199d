# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports the class of an adapter."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, TypeGuard

from ...dsync import DSync
from ...dsync._util.suggestions import known
from ...dsync.exceptions import LibraryMissing
from ..bundle.format import Bundle
from ..errors import TaskFailure
from ..output.messages import adapter_line, error_context
from .adapter_ref import FORMS, OWN_FORMS, AdapterKind, AdapterRef

READ_BY = {
    "file": ("csv", "json", "jsonl", "toml", "tsv", "xlsx", "yaml", "yml"),
    "sql": ("mariadb", "mysql", "postgres", "postgresql", "sqlite"),
    "rest": ("http", "https"),
}
"""Built-in adapter → names of formats and systems that it reads."""

DIFFSYNC = "diffsync"
"""The package whose adapters are supported through the bridge."""


def adapter_class(reference: AdapterRef, bundle: Bundle) -> type[DSync]:
    """Return an adapter's class, imported from the bundle or by the interpreter; for one of DiffSync's adapters, its bridge.

    Raises:
        TaskFailure: it cannot be imported, does not exist, or is not an adapter.
    """
    if reference.kind is AdapterKind.BUILT_IN:
        return _built_in(reference.text)
    module = _import_module(bundle.adapters.get(reference.text, reference.place), reference)
    found = getattr(module, reference.class_name, None)
    if isinstance(found, type) and issubclass(found, DSync):
        return found
    if _is_for_diffsync(found):
        from ...dsync.adapters.diffsync.bridge import bridged

        with error_context(f"reading what {reference.class_name} declares"):
            return bridged(found)
    adapters = f"{known(reference.class_name, _adapters_in(module))}."
    if found is None:
        raise TaskFailure(f"{reference.holder} has no class {reference.class_name}{adapters}")
    raise TaskFailure(
        f"{reference.class_name} in {reference.holder} is not an adapter, "
        f"which is a class that inherits from dsync.DSync or from diffsync.Adapter{adapters}"
    )


def _built_in(name: str) -> type[DSync]:
    from ...dsync.adapters import BUILT_IN, built_in  # only here, since most tasks need none of them

    if name not in BUILT_IN:
        reader = next((adapter for adapter, names in READ_BY.items() if name in names), "")
        if reader:
            raise TaskFailure(
                f'there is no built-in adapter "{name}"; {name} is read by the adapter {reader}, so set adapter: {reader}.'
            )
        raise TaskFailure(f'there is no built-in adapter "{name}"{known(name, BUILT_IN)}. Name one of these, {OWN_FORMS}.')
    with error_context(f"importing the adapter {name}"):
        return built_in(name)


def _is_for_diffsync(found: object) -> TypeGuard[type[Any]]:
    if DIFFSYNC not in sys.modules:
        return False
    from ...dsync.adapters.diffsync.bridge import is_for_diffsync  # only here, since most tasks do without DiffSync

    return is_for_diffsync(found)


def _adapters_in(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if _is_for_diffsync(value) or (isinstance(value, type) and issubclass(value, DSync) and value is not DSync)
    ]


def _import_module(name: str, reference: AdapterRef) -> ModuleType:
    try:
        with error_context(f"importing {reference.holder}"):
            return importlib.import_module(name)
    except TaskFailure as failure:
        explained, cause = _explain(failure, reference), failure.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name == DIFFSYNC:
            raise TaskFailure(explained) from LibraryMissing(f"{reference.holder} is written for it{adapter_line(cause)}", DIFFSYNC)
        raise TaskFailure(explained) from cause


def _explain(failure: TaskFailure, reference: AdapterRef) -> str:
    """Return the message for a failed import, with a way out if the cause suggests one."""
    cause = failure.__cause__
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        forms = f" {FORMS}." if reference.kind is AdapterKind.IMPORTABLE else ""
        return (
            f"it needs the Python module {cause.name}, which {sys.executable} on the host does not have{adapter_line(cause)}. "
            f"Install it there.{forms}"
        )
    if isinstance(cause, SyntaxError):
        return f"{cause.filename}, line {cause.lineno}: this is not valid Python for {sys.executable} on the host: {cause.msg}."
    return str(failure)
