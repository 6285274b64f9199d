# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_info: load, select, report."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..datasets.declarations import declared_models
from ..datasets.selection import selected
from ..datasets.side import Side
from ..entry import AdapterModule
from ..output.messages import stage
from ..output.records import Recorder, fitting
from ..output.result import first_warnings
from .guards import scope_in
from .lifecycle import Ending, end_with

ROOM_FOR_OBJECTS = 1_000_000
"""Bytes of JSON for the objects that a task returns."""


def run(module: AdapterModule) -> None:
    """Load a dataset and return its objects."""
    end_with(module, _info)


def _info(module: AdapterModule, sides: list[Side]) -> Ending:
    params, (side,) = module.params, sides
    side.models = declared_models(params)
    side.open(module.cargo)
    scope = scope_in(params, side.dataset, side.dataset, "attributes")
    if params["validate_only"]:
        return _validated(module, side)
    side.load()
    with stage("selecting objects"):
        found = list(selected(side.dataset, scope))
        recorder = Recorder(side.secrets())
        records = (recorder.clean(one.record(scope.attributes)) for one in found)
        objects = list(fitting(records, params["max_objects"], ROOM_FOR_OBJECTS))
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
    return Ending(False, result)


def _validated(module: AdapterModule, side: Side) -> Ending:
    """Return the ending of a task that only looks whether its dataset could be loaded. Raises TaskFailure."""
    dataset: Any = side.dataset
    with side.named(), stage("probe()"):
        reached = hasattr(dataset, "bound") and dataset.probe()  # an adapter of records
    if not reached:
        module.warn(f"The adapter {side.params['adapter']} does not tell without loading whether its system can be reached.")
    models = sorted(side.dataset.models())
    return Ending(
        False,
        {
            "objects": [],
            "objects_truncated": 0,
            "selected": {"counts": {}, "total": 0},
            "dataset": {name: value for name, value in side.record().items() if name != "records"},
            "validated": {"models": models, "reached": reached},
        },
    )
