# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that a task declares in data, and their mapping on each side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..dsync import DSync
from ..dsync.exceptions import DefinitionError
from .failure import TaskFailure

if TYPE_CHECKING:
    from ..dsync.records.definition import DataModel


def declared_models(params: Mapping[str, Any]) -> DataModel | None:
    """Return the models that a task declares, or None when its adapters bring their own. Raises TaskFailure."""
    models, top_level = params["models"], params["top_level"]
    if models is None or isinstance(models, list):
        if top_level is not None:
            raise TaskFailure("top_level says with which of the declared models to begin, and models declares none.")
        return None
    if not isinstance(models, Mapping):
        raise TaskFailure(
            f"models should be a dictionary that declares models, the path of a YAML file that does, or a list of the names of "
            f"models to look at, and is {models!r}."
        )
    from ..dsync.adapters import RecordModel  # only here, since most tasks need none of it
    from ..dsync.records.definition import data_model

    with _placed():
        return data_model(models, top_level, base=RecordModel)


def scope_of(params: Mapping[str, Any]) -> list[str] | None:
    """Return the names of the models that a task is to look at; None for all."""
    models = params["models"]
    if not isinstance(models, list):
        return None
    for name in models:
        if not isinstance(name, str):
            raise TaskFailure(f"models should be a list of the names of models to look at, and one of them is {name!r}.")
    return models


def joined(adapter: type[DSync], data_model: DataModel | None, params: Mapping[str, Any]) -> type[DSync]:
    """Return an adapter's class with the models and the mapping of a task, if it is one of records. Raises TaskFailure."""
    given = [name for name in ("mapping", "lookups") if params[name] is not None]
    for name in given:
        if not isinstance(params[name], Mapping):
            raise TaskFailure(f"{name} should be a dictionary, or the path of a YAML file that holds one, and is {params[name]!r}.")
    bound: Any = getattr(adapter, "bound", None)
    own = adapter.own_models() if hasattr(adapter, "own_models") else None
    if bound is None:
        if given:
            raise TaskFailure(
                f"{given[0]} is for adapters of records, such as file or sql; {adapter.__name__} has models of its own."
            )
        return adapter
    if data_model is None and own is None:
        raise TaskFailure("this adapter reads records, so the task has to say what they are: declare them under models.")
    if data_model is None and not given and hasattr(adapter, "data_model"):
        return adapter
    with _placed():
        joint: type[DSync] = bound(data_model or own, params["mapping"], params["lookups"])
        return joint


@contextmanager
def _placed() -> Iterator[None]:
    try:
        yield
    except DefinitionError as error:
        raise TaskFailure(str(error)) from error
