# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a dataset on the controller, for plugins that are no tasks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from ..module_utils._module.bundle import library_alias as alias
from ..module_utils._module.bundle.importer import Cargo, CargoFinder
from ..module_utils._module.datasets.adapter_ref import Form, Reference
from ..module_utils._module.datasets.declarations import declared_models
from ..module_utils._module.datasets.side import Side, hidden_texts
from ..module_utils._module.errors import TaskFailure
from ..module_utils._module.output.messages import told, traceback_of
from ..module_utils._module.run.streams import streams_aside
from ..module_utils.dsync._util.gc import relaxed_collector
from ..module_utils.dsync._util.pydantic import HAS_PYDANTIC, PYDANTIC_MINIMUM, PYDANTIC_PROBLEM
from ..module_utils.dsync.exceptions import LibraryMissing
from .code_bundle.find import FindFile, locate
from .code_bundle.import_graph import Closure, closure
from .code_bundle.pack import pack
from .code_bundle.roots import Roots

Records = list[dict[str, Any]]


class SourceFailure(Exception):
    """The dataset cannot be read. Its text is the sentence for the user.

    Attributes:
        details: the traceback of what led to it.
    """

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.details = details


def records_of(
    side: Side,
    models: Mapping[str, Any],
    folder: Path,
    find_file: FindFile,
    use: Callable[[Side], Records],
    warn: Callable[[str], None],
) -> Records:
    """Make the adapter of a dataset, and return what ``use`` returns of it.

    Args:
        side: the dataset, with the adapter and what belongs to it as a side of a task has it.
        models: the arguments ``models`` and ``top_level``.
        folder: where relative paths start from, in which the adapter runs.
        find_file: gives the path of an adapter's file, and the places where it was searched.
        use: called with the side, its adapter made; it loads the objects, and returns records of them.
        warn: called with each sentence about what was not loaded.

    Raises:
        SourceFailure: something is wrong.
        KeyboardInterrupt: the user has interrupted it.
    """
    if not HAS_PYDANTIC:
        raise SourceFailure(f"pydantic >= {PYDANTIC_MINIMUM} is needed by {sys.executable} on the controller ({PYDANTIC_PROBLEM}).")
    alias.install()
    try:
        cargo = _cargo(side.params["adapter"], find_file)
        with _imports_of(cargo), _working_in(folder), _silent(), relaxed_collector():
            side.models = declared_models(models)
            side.open(cargo)
            records = use(side)
        for sentence in side.dataset.load_warnings:
            warn(told(sentence, hidden_texts([side])))
        return records
    except TaskFailure as failure:
        cause = failure.__cause__
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise _shown(failure, cause, side) from None


def found_in(folder: Path) -> FindFile:
    """Return what finds files by paths that are relative to a directory."""

    def find_file(path: str) -> tuple[Path | None, list[str]]:
        found = folder / Path(path).expanduser()
        return (found.resolve(), []) if found.is_file() else (None, [str(found)])

    return find_file


def _shown(failure: TaskFailure, cause: BaseException | None, side: Side) -> SourceFailure:
    """Return what to raise for a failure, without anything that nobody may see."""
    hidden = hidden_texts([side])
    sentence = str(failure)
    if isinstance(cause, LibraryMissing):
        sentence = f"{sentence} Install the Python library {cause.library} for {sys.executable} on the controller."
    return SourceFailure(told(sentence, hidden), told(traceback_of(cause), hidden))


# ---------------------------------------------------------------------- the adapter's code


def _cargo(adapter: str, find_file: FindFile) -> Cargo:
    """Return the code of an adapter in a file, as a task would ship it; other adapters the controller's Python imports itself."""
    reference, roots = Reference.parse(adapter), Roots()
    source = locate(reference, roots, find_file)
    if source is None or reference.form is not Form.FILE:
        return Cargo()
    package = source.name.partition(".")[0]
    needed = closure([source], roots)
    own = [name for name in needed.sources if name.partition(".")[0] == package]
    shipped = Closure({name: needed.sources[name] for name in own}, {name: needed.neighbours[name] for name in own})
    return Cargo.unpack(pack({adapter: source.name}, shipped))


@contextmanager
def _imports_of(cargo: Cargo) -> Iterator[None]:
    """Let an adapter's files be imported meanwhile, and forget them afterwards: the next source may have others of these names."""
    finder = CargoFinder(cargo.modules)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in cargo.modules:
            sys.modules.pop(name, None)


@contextmanager
def _silent() -> Iterator[None]:
    """Let what an adapter prints go nowhere, also where Ansible collects it, as it does for templates."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        streams_aside(),
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
