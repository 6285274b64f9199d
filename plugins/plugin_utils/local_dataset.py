# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a dataset on the controller, for the inventory plugin and the lookup."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from ..module_utils._module.argspec import DATASET
from ..module_utils._module.bundle import library_alias as alias
from ..module_utils._module.bundle.compiled import CompiledModules
from ..module_utils._module.bundle.format import Bundle
from ..module_utils._module.bundle.importer import BundleFinder
from ..module_utils._module.datasets.adapter_ref import AdapterKind, AdapterRef
from ..module_utils._module.datasets.declarations import declared_models, with_presets
from ..module_utils._module.datasets.side import Side, hidden_strings
from ..module_utils._module.errors import TaskFailure
from ..module_utils._module.output.messages import redact_and_truncate, traceback_of
from ..module_utils._module.run.process import detached_streams
from ..module_utils.dsync._util.gc import relaxed_collector
from ..module_utils.dsync._util.pydantic import HAS_PYDANTIC, PYDANTIC_MINIMUM, PYDANTIC_PROBLEM
from ..module_utils.dsync.exceptions import LibraryMissing
from .code_bundle.find import FindFile, find_adapter
from .code_bundle.import_graph import ImportGraph, follow_imports
from .code_bundle.roots import Roots

Records = list[dict[str, Any]]


class DatasetError(Exception):
    """The dataset cannot be read. Its text is the message for the user.

    Attributes:
        details: the traceback of its cause.
    """

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.details = details


def read_records(
    side: Side,
    models: Mapping[str, Any],
    folder: Path,
    find_file: FindFile,
    use: Callable[[Side], Records],
    warn: Callable[[str], None],
) -> Records:
    """Construct the adapter of a dataset, and return what ``use`` returns.

    Args:
        side: the dataset, not constructed yet; its ``preset`` is ``name``, ``content`` and ``variables`` of one that was read.
        models: the arguments ``models`` and ``top_level``.
        folder: the directory that relative paths refer to, in which the adapter runs.
        find_file: returns the path of an adapter's file, and the places where it was searched.
        use: called with the dataset, its adapter constructed; loads its objects and returns records of them.
        warn: called with each warning.

    Raises:
        DatasetError: the dataset cannot be read.
        KeyboardInterrupt: the user interrupted it.
    """
    if not HAS_PYDANTIC:
        raise DatasetError(f"pydantic >= {PYDANTIC_MINIMUM} is needed by {sys.executable} on the controller ({PYDANTIC_PROBLEM}).")
    alias.install()
    try:
        bundle = _bundle_of(side.params["adapter"], find_file)
        with _imports_of(bundle), _working_in(folder), _discarded_output(), relaxed_collector():
            if side.params.get("preset"):
                completed = with_presets({**side.params, **models}, {DATASET: side.params["preset"]})
                side.params = {**side.params, **{name: completed[name] for name in ("options", "mapping", "lookups")}}
                models = {**models, "models": completed["models"], "top_level": completed["top_level"]}
            side.models = declared_models(models)
            side.open(bundle)
            records = use(side)
        for sentence in side.dataset.load_warnings:
            warn(redact_and_truncate(sentence, hidden_strings([side])))
        return records
    except TaskFailure as failure:
        cause = failure.__cause__
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise _shown(failure, cause, side) from None


def files_in(folder: Path) -> FindFile:
    """Return a function that finds files by paths relative to a directory."""

    def find_file(path: str) -> tuple[Path | None, list[str]]:
        found = folder / Path(path).expanduser()
        return (found.resolve(), []) if found.is_file() else (None, [str(found)])

    return find_file


def _shown(failure: TaskFailure, cause: BaseException | None, side: Side) -> DatasetError:
    """Return the exception to raise for a failure, with secrets masked."""
    hidden = hidden_strings([side])
    sentence = str(failure)
    if isinstance(cause, LibraryMissing):
        sentence = f"{sentence} Install the Python library {cause.library} for {sys.executable} on the controller."
    return DatasetError(redact_and_truncate(sentence, hidden), redact_and_truncate(traceback_of(cause), hidden))


# ---------------------------------------------------------------------- the adapter's code


def _bundle_of(adapter: str, find_file: FindFile) -> Bundle:
    """Return the bundle for an adapter in a file; the controller's Python imports other adapters itself."""
    reference, roots = AdapterRef.parse(adapter), Roots()
    source = find_adapter(reference, roots, find_file)
    if source is None or reference.kind is not AdapterKind.FILE:
        return Bundle()
    package = source.name.partition(".")[0]
    needed = follow_imports([source], roots)
    own = [name for name in needed.sources if name.partition(".")[0] == package]
    shipped = ImportGraph({name: needed.sources[name] for name in own}, {name: needed.siblings[name] for name in own})
    return Bundle({adapter: source.name}, shipped.modules())


@contextmanager
def _imports_of(bundle: Bundle) -> Iterator[None]:
    """Make an adapter's files importable meanwhile, and unload them afterwards: another adapter may have files of these names."""
    finder = BundleFinder(bundle.modules, CompiledModules(None))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in bundle.modules:
            sys.modules.pop(name, None)


@contextmanager
def _discarded_output() -> Iterator[None]:
    """Discard what an adapter prints, also where Ansible captures it, as it does for templates."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        detached_streams(),
    ):
        yield


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
