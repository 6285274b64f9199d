# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Completes the arguments of a task with what the presets of its datasets declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...dsync.exceptions import DefinitionError
from ..argspec import DATASET, dataset_arguments
from ..errors import TaskFailure

if TYPE_CHECKING:
    from ...dsync.adapters.rest.preset import Declarations


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
        try:
            found[role] = read_preset(given["name"], given["content"], given["variables"])
        except DefinitionError as error:
            raise TaskFailure(f"{role} ({sides[role]['adapter']}): {error}") from error
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
