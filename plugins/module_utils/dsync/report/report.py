# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A report of a comparison, a plan or a run, as plain data for all renderers.

A report contains JSON values only. Sensitive values in it are masked, and every string in it can be encoded as UTF-8.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ..apply.preview import preview
from ..diff.diff import COUNTERS, Diff, DiffElement
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.plan import Plan
from ..storage.provenance import VERSION, now

FORMAT, FORMAT_VERSION = "dsync-report", 1

Counts = Mapping[str, Mapping[str, int]]
"""Model → ``creates``, ``updates``, ``moves``, ``deletes``, ``unchanged``, ``skipped`` → number of objects."""

Hide = Callable[[str], str]
"""Returns a string without secrets."""

Above = Mapping[ObjectRef, ObjectRef]
"""Object without a change of its own → its parent."""

COUNTED = tuple(COUNTERS.values())
_ACTIONS = tuple(action.value for action in DSyncAction)


class State(str, enum.Enum):
    """The state of a change for the reader of a report."""

    DONE = "done"
    """It was made, or was already in effect."""

    OPEN = "open"
    """It is pending."""

    REFUSED = "refused"
    """It must not be made: it is protected, or the target does not match the expected state."""

    FAILED = "failed"
    """It was attempted, and failed."""

    __str__ = str.__str__


_STATES = {
    OutcomeStatus.DONE.value: State.DONE,
    OutcomeStatus.ALREADY_DONE.value: State.DONE,
    OutcomeStatus.FAILED.value: State.FAILED,
    OutcomeStatus.REFUSED.value: State.REFUSED,
    OutcomeStatus.NOT_ATTEMPTED.value: State.OPEN,
}
_SAID = {
    OutcomeStatus.DONE.value: "made",
    OutcomeStatus.ALREADY_DONE.value: "there already",
    OutcomeStatus.FAILED.value: "failed",
    OutcomeStatus.REFUSED.value: "refused",
    OutcomeStatus.NOT_ATTEMPTED.value: "not attempted",
}
_ATTEMPTED = {OutcomeStatus.DONE.value, OutcomeStatus.ALREADY_DONE.value, OutcomeStatus.FAILED.value}


@dataclass(frozen=True)
class Entry:
    """One change of a report.

    Attributes:
        action: ``create``, ``update``, ``move`` or ``delete``.
        model: the model's name.
        id: the object's unique id.
        ids: the identifiers' values.
        parent: the object's parent, None at the top level.
        before: attributes in the old state: for an update or a move those that differ, for a delete all, for a create None.
        after: attributes in the desired state, in the same way; for a delete None.
        status: the outcome, a value of :class:`~.outcome.OutcomeStatus`.
        message: the reason.
        before_parent: for a move the old parent, None at the top level.
        before_id: of a move the unique id that the object had; None for any other change.
        before_ids: of a move the identifiers' values that the object had; None for any other change.
    """

    action: str
    model: str
    id: str
    ids: Mapping[str, Any]
    parent: ObjectRef | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    status: str
    message: str
    before_parent: ObjectRef | None = None
    before_id: str | None = None
    before_ids: Mapping[str, Any] | None = None

    @property
    def is_rename(self) -> bool:
        """Whether the object has another name afterwards."""
        return self.before_id not in (None, self.id)

    @property
    def state(self) -> State:
        """The state of the change for the reader."""
        return _STATES[self.status]

    def record(self) -> dict[str, Any]:
        """Return the entry as a new dict of JSON values."""
        before, parent = (None if ref is None else ref._asdict() for ref in (self.before_parent, self.parent))
        record = {name: value for name, value in vars(self).items() if name not in ("before_parent", "before_id", "before_ids")}
        record["parent"] = parent
        if self.action == DSyncAction.MOVE:
            record["from"] = {"id": self.before_id, "ids": self.before_ids, "parent": before}
            record["to"] = {"id": self.id, "ids": self.ids, "parent": parent}
        return record


@dataclass(frozen=True)
class ReportSide:
    """One of the two datasets.

    Attributes:
        name: its display name.
        adapter: its adapter, as named in the task; empty if unknown.
        total: the number of its objects, None if unknown.
    """

    name: str
    adapter: str = ""
    total: int | None = None


class Line(NamedTuple):
    """One line of a report's tree.

    Attributes:
        depth: its depth in the tree.
        model: the object's model.
        id: its unique id.
        entry: the change; None for an object that is only shown because an object below it changes.
        note: the outcome of the change, empty if it is obvious.
    """

    depth: int
    model: str
    id: str
    entry: Entry | None
    note: str


@dataclass(frozen=True)
class Report:
    """The report of a comparison, a plan, or a run.

    Attributes:
        title: the title of the report.
        source: the dataset with the desired state.
        target: the dataset that is compared with it.
        created: the time at which the report was made, in UTC.
        entries: the changes, in the order in which they are made.
        models: numbers of objects to create, update, move and delete, of unchanged and of skipped objects, by model.
        outcomes: status → number of changes that ended with it; their sum is the number of all changes.
        problems: reasons why a run is refused, and other errors.
        warnings: other remarks.
        above: the parents of objects that do not change but have changes below them.
    """

    title: str
    source: ReportSide
    target: ReportSide
    created: str
    entries: tuple[Entry, ...]
    models: Counts
    outcomes: Mapping[str, int]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    above: Above = field(default_factory=dict, repr=False)

    @classmethod
    def from_diff(cls, diff: Diff, *, title: str = "", hide: Hide | None = None) -> Report:
        """Return the report of a comparison; the diff is not changed."""
        outcomes = preview(Plan.from_diff(diff))[0]
        sides = ReportSide(diff.source_name), ReportSide(diff.dest_name)
        more: dict[str, Any] = {"models": counts_by_model(diff), "warnings": diff.warnings, "above": above(diff)}
        return cls.from_outcomes(outcomes, *sides, title=title, hide=hide, **more)

    @classmethod
    def from_plan(cls, plan: Plan, source: ReportSide, target: ReportSide, *, title: str = "", hide: Hide | None = None) -> Report:
        """Return the report of changes that were not attempted yet."""
        return cls.from_outcomes(preview(plan)[0], source, target, title=title, hide=hide)

    @classmethod
    def from_outcomes(cls, outcomes: Iterable[Outcome], source: ReportSide, target: ReportSide, **more: Any) -> Report:
        """Return the report of outcomes, such as :attr:`Result.outcomes <dsync.Result.outcomes>`; arguments as for
        :meth:`from_records`."""
        records = ({**one.change.record(), "status": one.status.value, "message": one.message} for one in outcomes)
        return cls.from_records(records, source, target, **more)

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        source: ReportSide,
        target: ReportSide,
        *,
        models: Counts | None = None,
        outcomes: Mapping[str, int] | None = None,
        problems: Sequence[str] = (),
        warnings: Sequence[str] = (),
        above: Above | None = None,
        title: str = "",
        hide: Hide | None = None,
    ) -> Report:
        """Return the report of changes in the form of a task's result.

        Args:
            records: dicts of action, model, id, ids, parent, before, after, status and message.
            source: the dataset with the desired state.
            target: the dataset that is compared with it.
            models: counts of all objects by model. Defaults to those of the records.
            outcomes: counts of all changes by status, even if ``records`` has only some. Defaults to those of the records.
            problems: reasons why a run is refused, and other errors.
            warnings: other remarks.
            above: the parents of objects that do not change, as returned by :func:`above`.
            title: title of the report. Defaults to the names of the two datasets.
            hide: removes secrets from a string.

        Raises:
            KeyError: a record is incomplete.
        """
        clean = _Cleaner(hide)
        entries = tuple(_entry(clean.value(record)) for record in records)
        found = {str(name): number for name, number in (outcomes or Counter(entry.status for entry in entries)).items()}
        made = any(found.get(status) for status in _ATTEMPTED)
        joined = "synchronised from" if made else "compared with"
        return cls(
            title=clean.text(title or f"{target.name} {joined} {source.name}"),
            source=clean.side(source),
            target=clean.side(target),
            created=now(),
            entries=entries,
            models={clean.text(name): _counted(counts) for name, counts in (models or _tallied(entries)).items()},
            outcomes={status.value: found.get(status.value, 0) for status in OutcomeStatus},
            problems=tuple(map(clean.text, problems)),
            warnings=tuple(map(clean.text, warnings)),
            above={clean.ref(ref): clean.ref(parent) for ref, parent in (above or {}).items()},
        )

    @cached_property
    def total(self) -> int:
        """The number of all changes, including those without an entry."""
        return sum(self.outcomes.values())

    @property
    def omitted(self) -> int:
        """The number of changes without an entry."""
        return self.total - len(self.entries)

    @cached_property
    def summary(self) -> dict[str, int]:
        """Numbers of objects of all models to create, update, move and delete, of unchanged and of skipped objects."""
        return {key: sum(counts[key] for counts in self.models.values()) for key in COUNTED}

    @property
    def attempted(self) -> bool:
        """Whether any of the changes was attempted."""
        return any(self.outcomes[status] for status in _ATTEMPTED)

    @property
    def in_sync(self) -> bool:
        """Whether no changes are pending, and nothing failed."""
        return not self.problems and all(not self.outcomes[status] for status, state in _STATES.items() if state != State.DONE)

    @property
    def headline(self) -> str:
        """A summary in one line."""
        if not self.total:
            return "a problem, see below" if self.problems else "in sync: nothing differs"
        changes = "1 change" if self.total == 1 else f"{self.total:,} changes"
        if self.attempted:
            return f"{changes}: {', '.join(f'{number:,} {_SAID[status]}' for status, number in self.outcomes.items() if number)}"
        refused = self.outcomes[OutcomeStatus.REFUSED.value]
        actions = ", ".join(
            f"{self.summary[COUNTERS[action]]:,} to {action}" for action in _ACTIONS if self.summary[COUNTERS[action]]
        )
        return f"{changes}: {actions}{f'; {refused:,} refused' if refused else ''}"

    def note(self, entry: Entry) -> str:
        """Return the outcome of a change, with the reason; empty if it is obvious."""
        if entry.state == State.OPEN and not self.attempted:
            return ""
        return ": ".join(filter(None, (_SAID[entry.status], entry.message)))

    def lines(self) -> list[Line]:
        """Return the changes as a tree, each below the parent of its object."""
        return _Tree(self).lines()

    def data(self) -> dict[str, Any]:
        """Return the report as a new dict of JSON values, as docs/schemas/report-1.json describes it."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "dsync": VERSION,
            "title": self.title,
            "headline": self.headline,
            "created": self.created,
            "in_sync": self.in_sync,
            "source": vars(self.source),
            "target": vars(self.target),
            "summary": self.summary,
            "models": self.models,
            "outcomes": self.outcomes,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            "changes": [entry.record() for entry in self.entries],
            "changes_omitted": self.omitted,
        }


def counts_by_model(diff: Diff) -> Counts:
    """Return the counts of the objects of each model in a diff."""
    return {
        model: {COUNTERS[category]: number for category, number in counts.items()}
        for model, counts in diff.summary_by_model().items()
    }


def above(diff: Diff) -> Above:
    """Return the parents of the elements of a diff that are not changes themselves; the diff is not changed."""
    found: dict[ObjectRef, ObjectRef] = {}
    todo: list[DiffElement] = list(diff.get_children())
    while todo:
        element = todo.pop()
        for child in element.get_children():
            todo.append(child)
            if child.action is None:
                found[ObjectRef(child.type, child.uid)] = ObjectRef(element.type, element.uid)
    return found


def _entry(record: Mapping[str, Any]) -> Entry:
    before = record["from"] if record["action"] == DSyncAction.MOVE else {}
    return Entry(
        action=DSyncAction(record["action"]).value,
        model=str(record["model"]),
        id=str(record["id"]),
        ids=record["ids"],
        parent=_ref(record["parent"]),
        before_parent=_ref(before.get("parent")),
        before_id=None if not before else str(before["id"]),
        before_ids=before.get("ids"),
        before=record["before"],
        after=record["after"],
        status=OutcomeStatus(record["status"]).value,
        message=str(record["message"]),
    )


def _ref(place: Mapping[str, Any] | None) -> ObjectRef | None:
    return None if place is None else ObjectRef(str(place["model"]), str(place["id"]))


def _tallied(entries: Iterable[Entry]) -> Counts:
    counts: dict[str, dict[str, int]] = {}
    for entry in entries:
        of_model = counts.setdefault(entry.model, dict.fromkeys(COUNTED, 0))
        of_model[COUNTERS[entry.action]] += 1
    return counts


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {key: counts.get(key, 0) for key in COUNTED}


class _Cleaner:
    """Converts values to a form without secrets that every format can represent."""

    def __init__(self, hide: Hide | None) -> None:
        self._hide = hide or (lambda text: text)

    def text(self, text: str) -> str:
        text = self._hide(str(text))
        return text if text.isascii() else text.encode("utf-8", "replace").decode()

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self.value(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    def ref(self, ref: ObjectRef) -> ObjectRef:
        return ObjectRef(self.text(ref.model), self.text(ref.id))

    def side(self, side: ReportSide) -> ReportSide:
        return ReportSide(self.text(side.name), self.text(side.adapter), side.total)


class _Node:
    """A place in the tree."""

    __slots__ = ("below", "entry", "ref")

    def __init__(self, ref: ObjectRef, entry: Entry | None) -> None:
        self.ref, self.entry = ref, entry
        self.below: list[_Node] = []


class _Tree:
    """Puts each change below the parent of its object. An object that moves has two places, the old and the new one, and
    objects that move along are below the corresponding one."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._nodes = [_Node(ObjectRef(entry.model, entry.id), entry) for entry in report.entries]
        self._places: dict[tuple[ObjectRef, bool], _Node] = {}
        for node in self._nodes:
            self._places.setdefault((node.ref, _is_gone(node)), node)
        for node in self._nodes:
            if node.entry is not None and node.entry.is_rename:
                self._places.setdefault((ObjectRef(node.entry.model, str(node.entry.before_id)), False), node)
        self._top: list[_Node] = []
        for node in self._nodes:
            self._put(node)

    def _put(self, node: _Node) -> None:
        """Put a node below that of its parent, which is created if it is not a change, and so on upwards."""
        parent, gone = None if node.entry is None else node.entry.parent, _is_gone(node)
        while parent is not None:
            above = self._places.get((parent, gone)) or self._places.get((parent, not gone))
            if above is not None:
                above.below.append(node)
                return
            above = self._places[parent, gone] = _Node(parent, None)
            above.below.append(node)
            node, parent = above, self._report.above.get(parent)
        self._top.append(node)

    def lines(self) -> list[Line]:
        lines: list[Line] = []
        seen: set[int] = set()
        self._walk(self._top, lines, seen)
        for node in self._nodes:  # nodes that are their own ancestors, in data from unknown sources
            if id(node) not in seen:
                self._walk([node], lines, seen)
        return lines

    def _walk(self, top: list[_Node], lines: list[Line], seen: set[int]) -> None:
        todo = [(0, node) for node in reversed(top)]
        while todo:
            depth, node = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            note = "" if node.entry is None else self._report.note(node.entry)
            lines.append(Line(depth, *node.ref, node.entry, note))
            todo += ((depth + 1, child) for child in reversed(node.below))


def _is_gone(node: _Node) -> bool:
    return node.entry is not None and node.entry.action == DSyncAction.DELETE
