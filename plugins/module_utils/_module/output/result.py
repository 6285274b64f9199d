# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task returns: bounded in size whatever the size of the datasets, because callbacks and runners keep it whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ...dsync import Diff, Outcome, OutcomeStatus, Plan, Result
from ...dsync._util.redaction import Redactor
from ...dsync.diff.diff import Tally
from ...dsync.exceptions import Refused
from ...dsync.plan.change import Change, steps_of
from ...dsync.report.render.unified import before_after
from ..argspec import SIDES
from ..datasets.side import Side
from ..masking import masked
from ..run.changeset import Work
from .messages import told
from .records import Recorder

ROOM_FOR_CHANGES = 150_000
ROOM_FOR_FAILURES = 50_000
ROOM_FOR_DIFF = 100_000
"""Bytes of JSON for the change records, for the failures' records, and for each of the texts before and after."""

ROOMS_ON_SCREEN = 3000, 1000
"""Bytes of JSON for the change records, and for the failures' records, in a result that Ansible shows whole."""

MOST_WARNINGS = 20
BOUNDED = ("options", "mapping", "lookups")
"""The arguments of a side that may be as long as the user likes."""

FAILED = (OutcomeStatus.FAILED, OutcomeStatus.REFUSED)
NOT_SHOWN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class Report:
    """Makes the parts of a task's result.

    Args:
        params: the task's arguments.
        source: the side that the target is compared from, loaded.
        target: the other side, loaded.
        on_screen: whether Ansible shows the result whole, so that it is to hold no more than a screen does.
    """

    def __init__(self, params: Mapping[str, Any], source: Side, target: Side, on_screen: bool = False) -> None:
        self._params = params
        self._rooms = ROOMS_ON_SCREEN if on_screen else (ROOM_FOR_CHANGES, ROOM_FOR_FAILURES)
        self._source = source
        self._target = target
        self._secrets = source.secrets() | target.secrets()
        self._recorder = Recorder(self._secrets)

    def comparison(self, work: Work) -> dict[str, Any]:
        """Return what is told of what was found; where no comparison was made, what the plan's changes count."""
        return {
            "summary": summary_of(tallied(work.plan) if work.diff is None else work.diff),
            "models": sorted({**self._source.dataset.models(), **self._target.dataset.models()}),
            "source": self._source.record(),
            "target": self._target.record(),
            "invocation": {"module_args": self._arguments()},
        }

    def outcomes(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Return what is told of how the changes ended."""
        most = self._params["max_changes"]
        room, room_for_failures = self._rooms
        changes = self._recorder.records(outcomes, most, room)
        failed = (outcome for outcome in outcomes if outcome.status in FAILED)
        return {
            "outcomes": Result(list(outcomes)).counts,
            "changes": changes,
            "changes_truncated": len(outcomes) - len(changes),
            "failures": self._recorder.records(failed, most, room_for_failures),
        }

    def refusals(self, refusals: Sequence[Refused]) -> list[str]:
        """Return why the run is refused."""
        return [told(str(refusal), self._secrets) for refusal in refusals]

    def warnings(self, warnings: Sequence[str]) -> list[str]:
        """Return the first warnings, and a last one that says how many there are more."""
        return first_warnings(warnings, self._secrets)

    def before_after(self, plan: Plan) -> dict[str, str]:
        """Return the target before and after, as Ansible shows it with --diff."""
        redactor = Redactor(self._secrets)
        before, after = (_cut(redactor.redact(text)) for text in before_after(plan, ROOM_FOR_DIFF))
        source, target = self._source.dataset.name, self._target.dataset.name
        return {
            "before": before,
            "after": after,
            "before_header": f"{target} as it is",
            "after_header": f"{target} as {source} has it",
        }

    def _arguments(self) -> dict[str, Any]:
        """Return the task's arguments without the secrets, and with long options cut."""
        sides = {role: {**self._params[role]} for role in SIDES}
        for side in sides.values():
            side["options"] = masked(side["options"], NOT_SHOWN)
            side["name"] = masked(side["name"])
            for name in BOUNDED:
                side[name] = self._recorder.bounded(side.get(name))
            side["secrets"] = dict.fromkeys(side["secrets"], NOT_SHOWN)
            if isinstance(side["options"], dict) and "records" in side["options"]:
                side["options"]["records"] = NOT_SHOWN  # they may hold sensitive values; the side's own record has them masked
        hidden = {"plan_key": NOT_SHOWN} if self._params["plan_key"] is not None else {}
        models = self._params.get("models")
        shown = {"models": self._recorder.bounded(models)} if isinstance(models, dict) else {}
        return {**self._params, **sides, **hidden, **shown}


def first_warnings(warnings: Sequence[str], secrets: Collection[str]) -> list[str]:
    """Return the first warnings without secrets, and a last one that says how many there are more."""
    shown = [told(warning, secrets) for warning in warnings[:MOST_WARNINGS]]
    more = len(warnings) - len(shown)
    return [*shown, f"There are {more} more warnings like these."] if more else shown


def summary_of(diff: Diff) -> dict[str, Any]:
    """Return how many objects of a diff are created, updated, deleted, unchanged and skipped, in all and by model."""
    by_model = {model: _counts(counts) for model, counts in diff.summary_by_model().items()}
    return {**_counts(diff.summary()), "by_model": by_model}


def tallied(changes: Iterable[Change]) -> Diff:
    """Return an empty diff that counts changes, such as those of a plan; an object that is changed in several steps counts once."""
    listed = list(changes)
    diff, tally, steps = Diff(), Tally(), steps_of(listed)
    for change in listed:
        if change.key not in steps:
            tally.count(change.model, change.action)
    diff.set_tally(tally)
    return diff


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {name.replace("-", "_"): count for name, count in counts.items()}


def _cut(text: str) -> str:
    """Return as much of a text as makes JSON of the room for it; characters outside of ASCII take more there."""
    while (excess := len(json.dumps(text)) - ROOM_FOR_DIFF) > 0:
        text = text[: -max(excess // 12, 1)]
    return text
