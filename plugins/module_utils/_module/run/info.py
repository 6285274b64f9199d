# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_info: load, select, report."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..datasets.declarations import declared_models
from ..datasets.selection import select
from ..datasets.side import Side
from ..entry import AdapterModule
from ..output.messages import error_context
from ..output.result import Recorder, first_warnings, fit
from .guards import scope_in
from .lifecycle import TaskEnd, run_task

ROOM_FOR_OBJECTS = 1_000_000
"""Bytes of JSON for the objects that a task returns."""


def run(module: AdapterModule) -> None:
    """Load a dataset and return its objects."""
    run_task(module, _info)


def _info(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    params, (side,) = module.params, sides
    side.models = declared_models(params)
    side.open(module.bundle)
    scope = scope_in(params, side.dataset, side.dataset, "attributes")
    if params["validate_only"]:
        return _validated(module, side)
    side.load()
    with error_context("selecting objects"):
        found = list(select(side.dataset, scope))
        recorder = Recorder(side.secrets())
        records = (recorder.clean(one.record(scope.attributes)) for one in found)
        objects = list(fit(records, params["max_objects"], ROOM_FOR_OBJECTS))
    left = len(found) - len(objects)
    missing = [f"objects holds {len(objects)} of {len(found)} objects; see max_objects."] if left else []
    for warning in first_warnings([*missing, *side.dataset.load_warnings], side.secrets()):
        module.warn(warning)
    result = {
        "objects": objects,
        "objects_truncated": left,
        "selected": {"counts": dict(sorted(Counter(one.obj.get_type() for one in found).items())), "total": len(found)},
        "dataset": {name: value for name, value in side.record().items() if name != "records"},
    }
    return TaskEnd(False, result)


def _validated(module: AdapterModule, side: Side) -> TaskEnd:
    """Return the end of a task that only checks whether its dataset could be loaded. Raises TaskFailure."""
    dataset: Any = side.dataset
    with side.error_prefix(), error_context("probe()"):
        reached = hasattr(dataset, "bound") and dataset.probe()  # an adapter of records
    if not reached:
        module.warn(f"The adapter {side.params['adapter']} cannot check without loading whether its system can be reached.")
    models = sorted(side.dataset.models())
    return TaskEnd(
        False,
        {
            "objects": [],
            "objects_truncated": 0,
            "selected": {"counts": {}, "total": 0},
            "dataset": {name: value for name, value in side.record().items() if name != "records"},
            "validated": {"models": models, "reached": reached},
        },
    )
