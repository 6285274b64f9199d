# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A report: what a comparison found, what a plan holds or what a run did, as plain data that every renderer shows in its own way.

A report holds JSON values only. Sensitive values are masked in it already, and every text in it can be written as UTF-8.
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
from ..diff.diff import SUMMARY_KEYS, Diff, DiffElement
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..plan.outcome import Outcome, OutcomeStatus
from ..plan.plan import Plan
from ..storage.provenance import VERSION, now

FORMAT, FORMAT_VERSION = "dsync-report", 1

Counts = Mapping[str, Mapping[str, int]]
"""Model → ``create``, ``update``, ``move``, ``delete``, ``no_change``, ``skip`` → number of objects."""

Hide = Callable[[str], str]
"""Returns a text without what nobody may see."""

Above = Mapping[ObjectRef, ObjectRef]
"""Object that does not change itself → the object that it belongs to."""

COUNTED = tuple(key.replace("-", "_") for key in SUMMARY_KEYS)
_ACTIONS = tuple(action.value for action in DSyncAction)


class State(str, enum.Enum):
    """What a change means to somebody who reads a report."""

    DONE = "done"
    """It was made, or was there already."""

    OPEN = "open"
    """It is still to be made."""

    REFUSED = "refused"
    """It must not be made: it is protected, or the target is not as was expected."""

    FAILED = "failed"
    """It was tried, and failed."""

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
        parent: the object that this one belongs to, None at the top.
        before: attributes as they were: of an update or a move those that differ, of a delete all, of a create None.
        after: attributes as they are to be, likewise; of a delete None.
        status: how it ended, a value of :class:`~.outcome.OutcomeStatus`.
        message: why.
        before_parent: of a move the object that this one belonged to, None at the top.
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
        """What the change means to the reader."""
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
        name: what it is called.
        adapter: its adapter, as it was given; empty if nobody knows.
        total: the number of its objects, None if nobody knows.
    """

    name: str
    adapter: str = ""
    total: int | None = None


class Line(NamedTuple):
    """One line of a report's tree.

    Attributes:
        depth: how many lines are above it in the tree.
        model: the object's model.
        id: its unique id.
        entry: the change; None for an object that is only there because something below it changes.
        note: how the change ended, empty if that goes without saying.
    """

    depth: int
    model: str
    id: str
    entry: Entry | None
    note: str


@dataclass(frozen=True)
class Report:
    """What a comparison found, what a plan holds, or what a run did.

    Attributes:
        title: what stands above it.
        source: the dataset that says how things should be.
        target: the dataset that differs from it, or differed.
        created: when the report was made, in UTC.
        entries: the changes, in the order in which they are made.
        models: model → how many of its objects are to be created, updated, moved and deleted, are unchanged, and were left aside.
        outcomes: status → how many changes ended with it; their sum is the number of all changes.
        problems: why a run is refused, or what went wrong besides.
        warnings: what else there is to say.
        above: to what the objects belong that only have something below them that changes.
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
        """Return the report of what a comparison found; the diff is not changed."""
        outcomes = preview(Plan.from_diff(diff))[0]
        sides = ReportSide(diff.source_name), ReportSide(diff.dest_name)
        more: dict[str, Any] = {"models": diff.summary_by_model(), "warnings": diff.warnings, "above": above(diff)}
        return cls.from_outcomes(outcomes, *sides, title=title, hide=hide, **more)

    @classmethod
    def from_plan(cls, plan: Plan, source: ReportSide, target: ReportSide, *, title: str = "", hide: Hide | None = None) -> Report:
        """Return the report of changes that nobody has attempted yet."""
        return cls.from_outcomes(preview(plan)[0], source, target, title=title, hide=hide)

    @classmethod
    def from_outcomes(cls, outcomes: Iterable[Outcome], source: ReportSide, target: ReportSide, **more: Any) -> Report:
        """Return the report of how changes ended, such as :attr:`Result.outcomes <dsync.Result.outcomes>`; arguments as for
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
        """Return the report of changes as a task's result has them.

        Args:
            records: dicts of action, model, id, ids, parent, before, after, status and message.
            source: the dataset that says how things should be.
            target: the dataset that is compared with it.
            models: counts of all objects by model; without it, those of the records.
            outcomes: counts of all changes by status, of which ``records`` may have only the first; without it, theirs.
            problems: why a run is refused, or what went wrong besides.
            warnings: what else there is to say.
            above: to what objects belong that do not change themselves, as :func:`above` returns it.
            title: what stands above the report, if not which datasets it is of.
            hide: removes from a text what nobody may see.

        Raises:
            KeyError: a record lacks something.
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
        """The number of all changes, whether the report has an entry of each or not."""
        return sum(self.outcomes.values())

    @property
    def omitted(self) -> int:
        """How many changes there are no entries of."""
        return self.total - len(self.entries)

    @cached_property
    def summary(self) -> dict[str, int]:
        """How many objects of all models are to be created, updated, moved and deleted, are unchanged, and were left aside."""
        return {key: sum(counts[key] for counts in self.models.values()) for key in COUNTED}

    @property
    def attempted(self) -> bool:
        """Whether any of the changes was attempted."""
        return any(self.outcomes[status] for status in _ATTEMPTED)

    @property
    def in_sync(self) -> bool:
        """Whether nothing is left to be done, and nothing went wrong."""
        return not self.problems and all(not self.outcomes[status] for status, state in _STATES.items() if state != State.DONE)

    @property
    def headline(self) -> str:
        """One line that says the most important."""
        if not self.total:
            return "a problem, see below" if self.problems else "in sync: nothing differs"
        changes = "1 change" if self.total == 1 else f"{self.total:,} changes"
        if self.attempted:
            return f"{changes}: {', '.join(f'{number:,} {_SAID[status]}' for status, number in self.outcomes.items() if number)}"
        refused = self.outcomes[OutcomeStatus.REFUSED.value]
        actions = ", ".join(f"{self.summary[action]:,} to {action}" for action in _ACTIONS if self.summary[action])
        return f"{changes}: {actions}{f'; {refused:,} refused' if refused else ''}"

    def note(self, entry: Entry) -> str:
        """Return how a change ended, and why; empty if that goes without saying."""
        if entry.state == State.OPEN and not self.attempted:
            return ""
        return ": ".join(filter(None, (_SAID[entry.status], entry.message)))

    def lines(self) -> list[Line]:
        """Return the changes as a tree, each below the object that it belongs to."""
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


def above(diff: Diff) -> Above:
    """Return the parents of those elements of a diff that are no changes themselves; the diff is not changed."""
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
        of_model[entry.action] += 1
    return counts


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    given = {key.replace("-", "_"): number for key, number in counts.items()}
    return {key: given.get(key, 0) for key in COUNTED}


class _Cleaner:
    """Makes values of what may be shown, and what every format has a form for."""

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
    """Puts each change below the object that it belongs to. An object that moves has two places, where it was and where it is to
    be, and what moves along with it is below the one of its own kind."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._nodes = [_Node(ObjectRef(entry.model, entry.id), entry) for entry in report.entries]
        self._places: dict[tuple[ObjectRef, bool], _Node] = {}
        for node in self._nodes:
            self._places.setdefault((node.ref, _is_gone(node)), node)
        self._top: list[_Node] = []
        for node in self._nodes:
            self._put(node)

    def _put(self, node: _Node) -> None:
        """Put a node below that of its parent, which is made if it is no change, and so on upwards."""
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
        for node in self._nodes:  # those that are above themselves, in data of which nobody knows who wrote it
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
