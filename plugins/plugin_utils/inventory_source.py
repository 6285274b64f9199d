# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of an adapter that runs on the controller, as plain records for an inventory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..module_utils._module import alias
from ..module_utils._module.choices import choices
from ..module_utils._module.declaring import declared_models
from ..module_utils._module.failure import TaskFailure
from ..module_utils._module.quiet import streams_aside
from ..module_utils._module.reference import Form, Reference
from ..module_utils._module.sentences import told, traceback_of
from ..module_utils._module.shipped import Cargo, CargoFinder
from ..module_utils._module.sides import Side, hidden_texts
from ..module_utils.dsync import DSync, DSyncModel
from ..module_utils.dsync._util.gc import patient_collector
from ..module_utils.dsync._util.plain_json import Unwritable, plain
from ..module_utils.dsync._util.pydantic import HAS_PYDANTIC, PYDANTIC_MINIMUM, PYDANTIC_PROBLEM
from ..module_utils.dsync.dataset.tree import parents_of
from ..module_utils.dsync.exceptions import LibraryMissing
from ..module_utils.dsync.model.identity import ObjectRef
from .adapters import locate
from .cargo import pack
from .closure import Closure, closure
from .roots import Roots

ROLE = "adapter"
"""What the only side of an inventory is called in messages."""


class SourceFailure(Exception):
    """The inventory cannot be read. Its text is the sentence for the user.

    Attributes:
        details: the traceback of what led to it.
    """

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.details = details


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a dataset.

    Attributes:
        model: the model whose objects become hosts.
        named: those of its attributes that are asked for by name, and are given even if they are sensitive.
    """

    model: str
    named: Collection[str] = ()


def loaded(
    params: Mapping[str, Any], models: Mapping[str, Any], wanted: Wanted, folder: Path, warn: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Load a dataset and return a record for every object of the model that is wanted.

    Each has ``id``, ``values`` (attribute or identifier → plain value), and ``above``: the objects above it, the nearest first,
    each with ``model``, ``id`` and ``values``. Sensitive values are left out unless they are asked for by name.

    Args:
        params: the adapter and what belongs to it, as a side of a task has it.
        models: the arguments ``models`` and ``top_level``.
        wanted: what is wanted of it.
        folder: where relative paths start from, in which the adapter runs.
        warn: called with each sentence about what was not loaded.

    Raises:
        SourceFailure: something is wrong.
        KeyboardInterrupt: the user has interrupted it.
    """
    if not HAS_PYDANTIC:
        raise SourceFailure(f"pydantic >= {PYDANTIC_MINIMUM} is needed by {sys.executable} on the controller ({PYDANTIC_PROBLEM}).")
    alias.install()
    side = Side(ROLE, params)
    try:
        cargo = _cargo(params["adapter"], folder)
        with _imports_of(cargo), _working_in(folder), streams_aside(), patient_collector():
            side.models = declared_models(models)
            side.open(cargo)
            _check(wanted, side.dataset)
            side.load()
            records = list(_records(side.dataset, wanted))
        for sentence in side.dataset.load_warnings:
            warn(told(sentence, hidden_texts([side])))
        return records
    except TaskFailure as failure:
        cause = failure.__cause__
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise _shown(failure, cause, side) from None


def _shown(failure: TaskFailure, cause: BaseException | None, side: Side) -> SourceFailure:
    """Return what to raise for a failure, without anything that nobody may see."""
    hidden = hidden_texts([side])
    sentence = str(failure)
    if isinstance(cause, LibraryMissing):
        sentence = f"{sentence} Install the Python library {cause.library} for {sys.executable} on the controller."
    return SourceFailure(told(sentence, hidden), told(traceback_of(cause), hidden))


# ---------------------------------------------------------------------- the adapter's code


def _cargo(adapter: str, folder: Path) -> Cargo:
    """Return the code of an adapter in a file, as a task would ship it; other adapters the controller's Python imports itself."""
    reference, roots = Reference.parse(adapter), Roots()

    def find_file(path: str) -> tuple[Path | None, Sequence[str]]:
        found = folder / Path(path).expanduser()
        return (found.resolve(), ()) if found.is_file() else (None, (str(found),))

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
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


# ---------------------------------------------------------------------- the records


def _check(wanted: Wanted, dataset: DSync) -> None:
    models = dataset.models()
    if wanted.model not in models:
        raise TaskFailure(f'host_model: there is no model "{wanted.model}"{choices(wanted.model, list(models), "there are")}')
    names = [*models[wanted.model]._identifiers, *models[wanted.model]._attributes]
    for name in wanted.named:
        if name not in names:
            raise TaskFailure(f'vars: a {wanted.model} has no attribute "{name}"{choices(name, names)}')


def _records(dataset: DSync, wanted: Wanted) -> Iterator[dict[str, Any]]:
    parents = parents_of(dataset, dataset.models())
    known: dict[ObjectRef, dict[str, Any]] = {}
    for obj in dataset.get_all(wanted.model):
        above = []
        place = parents.get(ObjectRef(wanted.model, obj.get_unique_id()))
        while place is not None:
            if place not in known:
                parent = dataset.get(place.model, place.id)
                known[place] = {"model": place.model, "id": place.id, "values": _values(parent, ())}
            above.append(known[place])
            place = parents.get(place)
        yield {"id": obj.get_unique_id(), "values": _values(obj, wanted.named), "above": above}


def _values(obj: DSyncModel, named: Collection[str]) -> dict[str, Any]:
    """Return the identifiers and attributes of an object, of what is sensitive only what is asked for by name."""
    found = {}
    sensitive = obj.get_sensitive_fields()
    for name, value in {**obj.get_identifiers(), **obj.get_attrs()}.items():
        if name in sensitive and name not in named:
            continue
        try:
            simple, secret = plain(value)
        except Unwritable as error:
            raise TaskFailure(f'{obj.get_type()} "{obj.get_unique_id()}": {name} cannot become a variable: {error}.') from error
        if not secret or name in named:
            found[name] = simple
    return found
