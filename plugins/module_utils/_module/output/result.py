# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a task. Its size is bounded for datasets of any size, since callbacks and runners keep all of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ...dsync import Diff, Outcome, OutcomeStatus, Plan, Result
from ...dsync._util.redaction import Redactor
from ...dsync.diff.diff import COUNTERS, Tally
from ...dsync.exceptions import Refused
from ...dsync.plan.change import Change, steps_of
from ...dsync.report.render.unified import before_after
from ..argspec import SIDES
from ..datasets.side import Side
from ..masking import masked
from ..run.changeset import ChangeSet
from .messages import redact_and_truncate

ROOM_FOR_CHANGES = 150_000
ROOM_FOR_FAILURES = 50_000
ROOM_FOR_DIFF = 100_000
"""Bytes of JSON for the change records, for the records of failures, and for each of the strings before and after."""

ROOMS_ON_SCREEN = 3000, 1000
"""Bytes of JSON for the change records, and for the records of failures, in a result that Ansible prints."""

MOST_WARNINGS = 20
LONGEST_VALUE = 2000
BOUNDED = ("options", "mapping", "lookups")
"""Arguments of a dataset that may be of any length."""

FAILED = (OutcomeStatus.FAILED, OutcomeStatus.REFUSED)
NOT_SHOWN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def fit(records: Iterable[dict[str, Any]], most: int, room: int) -> Iterator[dict[str, Any]]:
    """Yield the first records, at most ``most`` of them and at most ``room`` bytes of JSON."""
    for record in islice(records, most):
        room -= len(json.dumps(record)) + 2
        if room < 0:
            return
        yield record


class Recorder:
    """Makes bounded records with secrets masked.

    Args:
        secrets: strings to mask.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        self._redactor = Redactor(secrets)

    def records(self, outcomes: Iterable[Outcome], most: int, room: int) -> list[dict[str, Any]]:
        """Return the first records of outcomes, at most ``most`` of them and at most ``room`` bytes of JSON."""
        return list(fit(map(self.record, outcomes), most, room))

    def record(self, outcome: Outcome) -> dict[str, Any]:
        """Return the record of an outcome, with long values truncated."""
        return self.bounded_record({**outcome.change.record(), "status": outcome.status.value, "message": outcome.message})

    def bounded_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record of plain JSON values, with long values truncated."""
        return {key: self._bounded_values(value) for key, value in record.items()}

    def _bounded_values(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.bounded(item) for name, item in value.items()}
        return self.bounded(value)

    def bounded(self, value: Any) -> Any:
        """Return a JSON value with secrets masked; as a truncated string if it is long."""
        value = self.clean(value)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text) <= LONGEST_VALUE:
            return value
        return f"{text[:LONGEST_VALUE]}… (the first {LONGEST_VALUE} of {len(text)} characters)"

    def clean(self, value: Any) -> Any:
        """Return a JSON value with secrets masked, of any length."""
        if isinstance(value, str):
            return self._redactor.redact(value)
        if isinstance(value, dict):
            return {name: self.clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.clean(item) for item in value]
        return value


class ResultBuilder:
    """Builds the parts of a task's result.

    Args:
        params: the task's arguments.
        source: loaded.
        target: loaded.
        on_screen: whether Ansible prints the result, so that it has to fit on a screen.
    """

    def __init__(self, params: Mapping[str, Any], source: Side, target: Side, on_screen: bool = False) -> None:
        self._params = params
        self._rooms = ROOMS_ON_SCREEN if on_screen else (ROOM_FOR_CHANGES, ROOM_FOR_FAILURES)
        self._source = source
        self._target = target
        self._secrets = source.secrets() | target.secrets()
        self._recorder = Recorder(self._secrets)

    def comparison(self, work: ChangeSet) -> dict[str, Any]:
        """Return the parts about the comparison; without one, the summary counts the changes of the plan."""
        return {
            "summary": summary_of(count_changes(work.plan) if work.diff is None else work.diff),
            "models": sorted({**self._source.dataset.models(), **self._target.dataset.models()}),
            "source": self._source.record(),
            "target": self._target.record(),
            "invocation": {"module_args": self._arguments()},
        }

    def outcomes(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Return the parts about the outcomes of the changes."""
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
        """Return the messages of refusals."""
        return [redact_and_truncate(str(refusal), self._secrets) for refusal in refusals]

    def warnings(self, warnings: Sequence[str]) -> list[str]:
        """Return the first warnings, and a last one that counts the others."""
        return first_warnings(warnings, self._secrets)

    def before_after(self, plan: Plan, undoes: bool = False) -> dict[str, str]:
        """Return the target before and after the changes, which reverse an earlier run or not, as Ansible shows it with --diff."""
        redactor = Redactor(self._secrets)
        before, after = (_truncate(redactor.redact(text)) for text in before_after(plan, ROOM_FOR_DIFF))
        source, target = self._source.dataset.name, self._target.dataset.name
        return {
            "before": before,
            "after": after,
            "before_header": f"{target} as it is",
            "after_header": f"{target} as it was before the run" if undoes else f"{target} as {source} has it",
        }

    def _arguments(self) -> dict[str, Any]:
        """Return the task's arguments with secrets masked and long options truncated."""
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
    """Return the first warnings with secrets masked, and a last one that counts the others."""
    shown = [redact_and_truncate(warning, secrets) for warning in warnings[:MOST_WARNINGS]]
    more = len(warnings) - len(shown)
    return [*shown, f"There are {more} more warnings like these."] if more else shown


def summary_of(diff: Diff) -> dict[str, Any]:
    """Return the numbers of created, updated, moved, deleted, unchanged and skipped objects, in total and by model; those in total
    by the names of actions, too."""
    by_model = {model: _counts(counts) for model, counts in diff.summary_by_model().items()}
    total = diff.summary()
    by_action = {category.replace("-", "_"): number for category, number in total.items()}
    return {**_counts(total), **by_action, "by_model": by_model}


def count_changes(changes: Iterable[Change]) -> Diff:
    """Return an empty diff that counts changes, such as those of a plan. An object that changes in several steps counts once."""
    listed = list(changes)
    diff, tally, steps = Diff(), Tally(), steps_of(listed)
    for change in listed:
        if change.key not in steps:
            tally.count(change.model, change.action)
    diff.set_tally(tally)
    return diff


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {COUNTERS[category]: number for category, number in counts.items()}


def _truncate(text: str) -> str:
    """Return as much of a string as fits in ROOM_FOR_DIFF as JSON, in which characters outside ASCII are longer."""
    while (excess := len(json.dumps(text)) - ROOM_FOR_DIFF) > 0:
        text = text[: -max(excess // 12, 1)]
    return text
