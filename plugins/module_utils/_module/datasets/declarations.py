# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task declares as data: its models, their mapping for each dataset, and what presets add to both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...dsync import DSync
from ...dsync.exceptions import DefinitionError
from ..argspec import DATASET, dataset_arguments
from ..errors import TaskFailure

if TYPE_CHECKING:
    from ...dsync.adapters.rest.preset import Declarations
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


def with_presets(params: Mapping[str, Any], presets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the arguments of a task, with what presets declare laid below what the task says.

    Args:
        params: the arguments; not changed.
        presets: role of a dataset → ``name``, ``content`` and ``variables`` of its preset.

    Raises:
        TaskFailure: a preset is wrong, or lacks an option that the task has to give.
    """
    if not presets:
        return dict(params)
    from ...dsync.adapters.rest.preset import merged, narrowed, read_preset  # only here, since most tasks have no preset

    sides = dataset_arguments(params) or {DATASET: params}
    found: dict[str, Declarations] = {}
    for role, given in presets.items():
        with _definition_errors(f"{role} ({sides[role]['adapter']}): "):
            found[role] = read_preset(given["name"], given["content"], given["variables"])
    first, *others = found.values()
    if any(one.models != first.models for one in others):
        raise TaskFailure(
            "source and target have presets whose models differ; use a preset on one side, and a mapping to its models on the "
            "other."
        )
    models, only = merged(first.models, params["models"] or {}), params.get("only_models") or ()
    if only and all(name in models for name in only):
        models = narrowed(models, only)
    completed = {**params, "models": models, "top_level": params["top_level"] or _still(first.top_level, models)}
    for role, declared in found.items():
        own = _completed(sides[role], declared, models, role)
        completed = {**completed, **own} if role == DATASET else {**completed, role: {**sides[role], **own}}
    return completed


def _still(names: Any, models: Mapping[str, Any]) -> Any:
    return names and [name for name in names if name in models]


def _completed(side: Mapping[str, Any], declared: Declarations, models: Mapping[str, Any], role: str) -> dict[str, Any]:
    """Return the arguments of a dataset that its preset completes. Raises TaskFailure."""
    from ...dsync.adapters.rest.preset import merged

    for name, what in declared.requires.items():
        if name not in side["options"] and name not in side["secrets"]:
            raise TaskFailure(
                f"{role} ({side['adapter']}): the preset {declared.name} needs the option {name}: {what.rstrip('.')}. "
                "Give it in options, or in secrets."
            )
    mapping = merged(declared.mapping, side["mapping"] or {})
    return {
        "options": merged(declared.options, side["options"]),
        "mapping": {name: one for name, one in mapping.items() if name in models} if isinstance(mapping, Mapping) else mapping,
        "lookups": merged(declared.lookups, side["lookups"] or {}) or None,
    }


@contextmanager
def _definition_errors(place: str = "") -> Iterator[None]:
    try:
        yield
    except DefinitionError as error:
        raise TaskFailure(f"{place}{error}") from error
