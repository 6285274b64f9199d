# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that a task declares as data, and their mapping for each dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...dsync import DSync
from ...dsync.exceptions import DefinitionError
from ..errors import TaskFailure

if TYPE_CHECKING:
    from ...dsync.records.definition import DataModel


def declared_models(params: Mapping[str, Any]) -> DataModel | None:
    """Return the models that a task declares, or None if its adapters have their own. Raises TaskFailure."""
    models, top_level = params["models"], params["top_level"]
    if models is None:
        if top_level is not None:
            raise TaskFailure("top_level names root models, but no models are declared; declare them with models or models_file.")
        return None
    from ...dsync.adapters import RecordModel  # only here, since most tasks need none of it
    from ...dsync.records.definition import data_model

    with _definition_errors():
        return data_model(models, top_level, base=RecordModel)


def bind_models(adapter: type[DSync], data_model: DataModel | None, params: Mapping[str, Any]) -> type[DSync]:
    """Return an adapter's class, bound to the models and the mapping of a task if it is record-based. Raises TaskFailure."""
    given = [name for name in ("mapping", "lookups") if params[name] is not None]
    for name in given:
        if not isinstance(params[name], Mapping):
            raise TaskFailure(
                f"{name} should be a dictionary, or the path of a YAML file that contains one, and is {params[name]!r}."
            )
    bound: Any = getattr(adapter, "bound", None)
    own = adapter.own_models() if hasattr(adapter, "own_models") else None
    if bound is None:
        if given:
            raise TaskFailure(
                f"{given[0]} is for record-based adapters, such as file or sql; {adapter.__name__} has its own models."
            )
        return adapter
    if data_model is None and own is None:
        raise TaskFailure("this adapter reads records, so the task must declare models: set models or models_file.")
    if data_model is None and not given and hasattr(adapter, "data_model"):
        return adapter
    with _definition_errors():
        joint: type[DSync] = bound(data_model or own, params["mapping"], params["lookups"])
        return joint


@contextmanager
def _definition_errors() -> Iterator[None]:
    try:
        yield
    except DefinitionError as error:
        raise TaskFailure(str(error)) from error
