# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the objects of a dataset on the controller, as plain data for the inventory plugin."""

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
from .local_dataset import files_in, read_records

ROLE = "adapter"
"""The name of the dataset in messages."""


@dataclass(frozen=True)
class InventoryQuery:
    """The objects and attributes of a dataset that an inventory needs.

    Attributes:
        model: the model whose objects become hosts.
        named: attributes that the user names, which are returned even if they are sensitive.
    """

    model: str
    named: Collection[str] = ()


def load_records(
    params: Mapping[str, Any], models: Mapping[str, Any], wanted: InventoryQuery, folder: Path, warn: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Load a dataset and return plain data for each object of a model.

    Each has ``id``, ``values`` (attribute or identifier → plain value), and ``above``: its ancestors, the nearest first, each with
    ``model``, ``id`` and ``values``. Sensitive values are omitted unless the user names them.

    Args:
        params: the arguments of the dataset.
        models: the arguments ``models`` and ``top_level``.
        wanted: the model and the attributes to return.
        folder: the directory that relative paths refer to, in which the adapter runs.
        warn: called with each warning.

    Raises:
        DatasetError: the dataset cannot be read.
        KeyboardInterrupt: the user interrupted it.
    """

    def use(side: Side) -> list[dict[str, Any]]:
        _check(wanted, side.dataset)
        side.load()
        return list(_records(side.dataset, wanted))

    return read_records(Side(ROLE, params), models, folder, files_in(folder), use, warn)


def _check(wanted: InventoryQuery, dataset: DSync) -> None:
    models = dataset.models()
    if wanted.model not in models:
        raise TaskFailure(f'host_model: there is no model "{wanted.model}"{suggestions.known(wanted.model, models)}.')
    names = [*models[wanted.model]._identifiers, *models[wanted.model]._attributes]
    for name in wanted.named:
        if name not in names:
            raise TaskFailure(f'vars: a {wanted.model} has no attribute "{name}"{suggestions.known(name, names)}.')


def _records(dataset: DSync, wanted: InventoryQuery) -> Iterator[dict[str, Any]]:
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
    """Return the identifiers and attributes of an object, without sensitive ones that are not named."""
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
