# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the objects of a dataset on the controller, for the lookup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..module_utils._module.argspec import DATASET
from ..module_utils._module.datasets.selection import check_no_action, select
from ..module_utils._module.datasets.side import Side
from ..module_utils._module.errors import TaskFailure
from ..module_utils._module.output.result import Recorder
from ..module_utils._module.run.guards import scope_in
from ..module_utils.dsync._util.suggestions import known
from .code_bundle.find import FindFile
from .local_dataset import Records, read_records


@dataclass(frozen=True)
class LookupQuery:
    """The objects that a lookup returns.

    Attributes:
        ids: their unique ids; empty for all.
        model: their model; None for all.
        scope: the arguments ``only_models``, ``only``, ``exclude`` and ``attributes``.
    """

    ids: Sequence[Any] = ()
    model: str | None = None
    scope: Mapping[str, Any] = field(default_factory=dict)


def look_up(
    params: Mapping[str, Any],
    models: Mapping[str, Any],
    wanted: LookupQuery,
    folder: Path,
    find_file: FindFile,
    warn: Callable[[str], None],
) -> Records:
    """Load a dataset and return plain data for each object of a query.

    Args:
        params: the arguments of the dataset.
        models: the arguments ``models`` and ``top_level``.
        wanted: the query.
        folder: the directory that relative paths of the adapter refer to.
        find_file: returns the path of a file of the user, and the places where it was searched.
        warn: called with each warning.

    Raises:
        DatasetError: the dataset cannot be read, or has no object with one of the ids.
    """

    def use(side: Side) -> Records:
        check_no_action(wanted.scope)
        scope = scope_in(wanted.scope, side.dataset, side.dataset, "attributes")
        names = list(side.dataset.models())
        if wanted.model is not None and wanted.model not in names:
            raise TaskFailure(f'model: there is no model "{wanted.model}"{known(wanted.model, names)}.')
        side.load()
        chosen = [one for one in select(side.dataset, scope) if wanted.model in (None, one.obj.get_type())]
        recorder = Recorder(side.secrets())
        found = [recorder.clean(one.record(scope.attributes)) for one in chosen]
        return _by_id(found, wanted) if wanted.ids else found

    narrowing = {"only_models": wanted.scope.get("only_models")}
    return read_records(Side(DATASET, params), {**models, **narrowing}, folder, find_file, use, warn)


def _by_id(found: Records, wanted: LookupQuery) -> Records:
    by_id: dict[str, Records] = {}
    for record in found:
        by_id.setdefault(record["id"], []).append(record)
    records = []
    for uid in map(str, wanted.ids):
        several = by_id.get(uid, [])
        if len(several) > 1:
            models = ", ".join(record["model"] for record in several)
            raise TaskFailure(f'"{uid}" is the identifier of several objects, of the models {models}; name one with model.')
        if not several:
            what = wanted.model or "object"
            raise TaskFailure(f'there is no {what} "{uid}" among those that are selected{known(uid, by_id)}.')
        records += several
    return records
