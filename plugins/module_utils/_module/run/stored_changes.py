# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes from a file: a saved plan, or a run in a journal, reversed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...dsync.exceptions import StaleTarget
from ...dsync.guard.staleness import check
from ...dsync.storage.journal import RunReport, read
from ...dsync.storage.paths import absolute, file_error
from ...dsync.storage.plan_file import PLACEHOLDER, SavedPlan, load, path_of
from ...dsync.storage.stored_plan import StoredPlan
from ..argspec import COMPARISON_FLAGS, scope_of
from ..datasets.side import Side
from ..errors import TaskFailure
from ..output.messages import error_context
from .changeset import UNDO, ChangeSet, flag_names, flags_of
from .files import JOURNAL_WRITTEN_BY, PLAN_WRITTEN_BY, check_exists
from .guards import Guards


class StoredChanges:
    """A saved plan, or a run in a journal, reversed.

    Args:
        params: the task's arguments, of which ``plan_src`` or ``undo_journal`` is set.

    Raises:
        TaskFailure: the file cannot be used.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params, self._path = params, absolute(params["plan_src"] or params["undo_journal"])
        self._saved: SavedPlan | None = None
        self._stored: StoredPlan
        if params["plan_src"]:
            self._path = _own_path(self._path, params["plan_digest"])
            with error_context("reading the plan"):
                self._stored = self._saved = load(self._path, params["plan_digest"])
            self._target, self._undoes = self._saved.header["target"].get("name", ""), self._saved.header["purpose"] == UNDO
            self._check_flags(self._saved.header["flags"])
            self._check_scope(self._saved.header["scope"])
        else:
            check_exists(self._path, JOURNAL_WRITTEN_BY)
            with error_context("reading the journal"):
                run = _run_of(self._path, params["undo_run"], read(self._path))
                self._stored, self._target, self._undoes = run.undo(), run.target, True
            self._check_scope(run.scope)

    def _check_flags(self, planned: list[str]) -> None:
        said = self._params["flags"] if self._undoes else flag_names(self._params)
        narrowing = [name for name in said if name in COMPARISON_FLAGS]
        if narrowing and flags_of(narrowing) != flags_of([name for name in planned if name in COMPARISON_FLAGS]):
            raise TaskFailure(
                f"flags: a plan is applied as it was made, and {self._path} was made with {', '.join(planned) or 'no flags'}; "
                f"omit {', '.join(narrowing)}{'' if self._params['prune'] else ' (prune: false sets skip_unmatched_dst)'}."
            )

    def _check_scope(self, planned: Mapping[str, Any]) -> None:
        """Raise TaskFailure if the task narrows its changes in another way than the plan or the run was narrowed."""
        for name, value in scope_of(self._params).items():
            if planned.get(name) != value:
                made = f"with another {name}" if name in planned else f"without {name}"
                raise file_error(TaskFailure, self._path, f"was made {made}, and is applied as a whole; omit {name}, or plan anew.")

    def changeset(self, guards: Guards, source: Side, target: Side) -> ChangeSet:
        """Return the changes, both datasets loaded. Raises TaskFailure."""
        params, name = self._params, target.dataset.name
        if name != self._target:
            raise file_error(
                TaskFailure, self._path, f"was made for the target {self._target}, and the target of this task is {name}."
            )
        flags = flags_of(flag_names(params))
        with error_context("checking the plan"):
            bound = self._stored.resolve(source.dataset, target.dataset, params["plan_key"], lost_secrets=params["lost_secrets"])
            verdicts, dangling = guards.references(bound, flags)
            refusals = guards.refusals(bound, self._undoes) + dangling
            try:
                verdicts = {**verdicts, **check(bound, target.dataset, params["on_stale"])}
            except StaleTarget as error:
                refusals.append(error)
            if self._undoes:
                refusals += guards.protected(change for change in bound if change.key not in verdicts)
        return ChangeSet(bound, None, flags, self._saved, self._undoes, verdicts, refusals, list(bound.warnings))


def _own_path(path: str, digest: str | None) -> str:
    """Return the path of a plan, with its digest filled in. Raises TaskFailure."""
    if digest is None and PLACEHOLDER in Path(path).name:
        raise TaskFailure(f"plan_src contains {PLACEHOLDER}, so plan_digest is required.")
    found = path_of(path, digest or "")
    if found != path and not os.path.lexists(found):
        raise file_error(TaskFailure, found, f"does not exist, so no plan with the digest {digest} waits there.")
    check_exists(found, PLAN_WRITTEN_BY)
    return found


def _run_of(path: str, wanted: str | None, runs: list[RunReport]) -> RunReport:
    """Return a run of a journal: the one with an id, or the last one that made changes, or may have made some, and did not undo
    another run."""
    found = [run for run in runs if (wanted is None and run.purpose != UNDO) or run.run == wanted]
    if not found:
        known = ", ".join(run.run for run in runs[-3:]) or "none"
        raise file_error(TaskFailure, path, f"contains no run {wanted or 'to undo'} (its last runs: {known}).")
    return next((run for run in reversed(found) if run.done or run.maybe), found[-1])
