# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of an adapter that runs on the controller, as plain records for an inventory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..module_utils._module.datasets.side import Side
from ..module_utils._module.errors import TaskFailure
from ..module_utils.dsync import DSync, DSyncModel
from ..module_utils.dsync._util import suggestions
from ..module_utils.dsync._util.plain_json import Unwritable, plain
from ..module_utils.dsync.dataset.tree import parents_of
from ..module_utils.dsync.model.identity import ObjectRef
from .local_dataset import found_in, records_of

ROLE = "adapter"
"""What the only side of an inventory is called in messages."""


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

    def use(side: Side) -> list[dict[str, Any]]:
        _check(wanted, side.dataset)
        side.load()
        return list(_records(side.dataset, wanted))

    return records_of(Side(ROLE, params), models, folder, found_in(folder), use, warn)


def _check(wanted: Wanted, dataset: DSync) -> None:
    models = dataset.models()
    if wanted.model not in models:
        raise TaskFailure(f'host_model: there is no model "{wanted.model}"{suggestions.known(wanted.model, models)}.')
    names = [*models[wanted.model]._identifiers, *models[wanted.model]._attributes]
    for name in wanted.named:
        if name not in names:
            raise TaskFailure(f'vars: a {wanted.model} has no attribute "{name}"{suggestions.known(name, names)}.')


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
