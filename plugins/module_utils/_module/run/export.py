# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of dsync_export: load, describe, write. In check mode all but write."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ...dsync import Change, Diff, DSync, Plan, Result
from ...dsync._util.plain_json import Unwritable, plain
from ...dsync.diff.scope import Scope
from ...dsync.storage.files import PRIVATE
from ...dsync.storage.paths import absolute, file_error
from ..datasets.declarations import declared_models
from ..datasets.side import Side, hidden_strings
from ..entry import AdapterModule
from ..errors import TaskFailure
from ..output.messages import error_context, failure_message
from ..output.result import first_warnings
from .files import file_mode
from .guards import scope_in
from .lifecycle import TaskEnd, run_task

FILE = "file"
"""The adapter that writes the records."""

SNAPSHOT = "snapshot"
"""The format that the adapter of that name reads."""


def run(module: AdapterModule) -> None:
    """Write the objects of a dataset to a file of records."""
    run_task(module, _export)


def _export(module: AdapterModule, sides: list[Side]) -> TaskEnd:
    params, (side,) = module.params, sides
    path = absolute(params["path"])
    if os.path.lexists(path):
        raise file_error(
            lambda text: TaskFailure(f"path: {text}"),
            path,
            "exists already and is not overwritten; name another file, or remove it.",
        )
    side.models = declared_models(params)
    side.open(module.bundle)
    scope = scope_in({**params, "attributes": None}, side.dataset, side.dataset, "attributes")
    if params["format"] == SNAPSHOT and any(params[name] for name in ("only_models", "only", "exclude")):
        raise TaskFailure("a snapshot holds a whole dataset; omit only_models, only and exclude, or set format: records.")
    side.load()
    return _snapshot(module, side, path) if params["format"] == SNAPSHOT else _records(module, side, path, scope)


def _records(module: AdapterModule, side: Side, path: str, scope: Scope | None) -> TaskEnd:
    from ...dsync.records.description import describe, unlisted  # only here: it is shipped for this task alone

    params = module.params
    with error_context("describing the models"):
        description = describe(side.dataset)
        file = file_of(path, description, file_mode(params["mode"], "mode"))
        diff, plan = plan_of(file, side.dataset, description, scope)
    for warning in first_warnings(
        [*_warnings(description.left_out, unlisted(side.dataset)), *side.dataset.load_warnings], side.secrets()
    ):
        module.warn(warning)
    result = Result([])
    if not module.check_mode:
        with error_context(f"writing {path}"):
            hidden = partial(hidden_strings, [side], plan)
            result = file.apply(plan, side.dataset, diff=diff, hidden=hidden, stop=module.signals.received)
    exported = {
        "path": path,
        "models": {"models": description.models, "top_level": description.top_level},
        "mapping": description.mapping,
        "left_out": description.left_out,
        "exported": {"counts": _counts(plan), "total": len(plan)},
        "dataset": {name: value for name, value in side.record().items() if name != "records"},
    }
    return TaskEnd(bool(plan.changes), exported, failure_message(result, FILE), changes=list(plan))


def _snapshot(module: AdapterModule, side: Side, path: str) -> TaskEnd:
    from ...dsync.adapters.snapshot import left_out_of, write_snapshot  # only here: it is shipped for this task alone

    with error_context(f"writing {path}"):
        left_out = left_out_of(side.dataset)
        if not module.check_mode:
            write_snapshot(side.dataset, path, file_mode(module.params["mode"], "mode"))
    why = (f"{model}: {', '.join(names)} is not in the snapshot because it is sensitive." for model, names in left_out.items())
    for warning in first_warnings([*why, *side.dataset.load_warnings], side.secrets()):
        module.warn(warning)
    exported = {
        "path": path,
        "models": {},
        "mapping": {},
        "left_out": left_out,
        "exported": {"counts": side.counts, "total": sum(side.counts.values())},
        "dataset": {name: value for name, value in side.record().items() if name != "records"},
    }
    return TaskEnd(True, exported)


def plan_of(file: DSync, source: DSync, description: Any, scope: Scope | None) -> tuple[Diff, Plan]:
    """Return the changes that write the objects of a dataset to a file. Raises TaskFailure for a value that cannot be written."""
    diff = file.diff_from(source, scope=scope)
    return diff, Plan(_plain(change, description.left_out.get(change.model, ())) for change in Plan.from_diff(diff))


def file_of(path: str, description: Any, mode: int = PRIVATE) -> DSync:
    """Return an empty dataset of records in a file, which is created with the first write, with the permissions ``mode``."""
    from ...dsync.adapters import RecordModel, built_in
    from ...dsync.records.definition import data_model

    models = data_model(description.models, description.top_level, base=RecordModel)
    adapter: Any = built_in(FILE)
    file: DSync = adapter.bound(models, description.mapping or None)(path=path, create=True, mode=mode)
    file.load()
    return file


def _plain(change: Change, left_out: Collection[str]) -> Change:
    """Return a change with plain values, as in records, for values of any type. Raises TaskFailure."""
    values = [_plain_values(change, side, left_out) for side in (change.ids, change.before, change.after)]
    return replace(change, ids=values[0] or {}, before=values[1], after=values[2], sensitive=frozenset())


def _plain_values(change: Change, values: Mapping[str, Any] | None, left_out: Collection[str]) -> dict[str, Any] | None:
    if values is None:
        return None
    found = {}
    for name, value in values.items():
        if name in left_out:
            continue
        try:
            found[name], secret = plain(value)
        except Unwritable as error:
            raise TaskFailure(f'{change.model} "{change.id}": {name} cannot be written: {error}.') from error
        if secret:
            raise TaskFailure(
                f'{change.model} "{change.id}": {name} holds a secret; declare the attribute as sensitive to leave it out.'
            )
    return found


def _counts(plan: Plan) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in plan:
        counts[change.model] = counts.get(change.model, 0) + 1
    return dict(sorted(counts.items()))


def _warnings(left_out: Mapping[str, list[str]], unlisted: Mapping[str, int]) -> Iterator[str]:
    for model, names in left_out.items():
        yield f"{model}: {', '.join(names)} is not exported because it is sensitive or read-only."
    for model, count in unlisted.items():
        yield f"{model}: {count} objects are not exported because no parent lists them."
