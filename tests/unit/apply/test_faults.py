# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A fault at every operation, every call of the store and every write of a file: what is told is what happened, nothing else is
touched, and running again finishes it."""

from __future__ import annotations

import os
import random
import resource
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from dsync import Change, DSync, DSyncAction, DSyncFlags, Outcome, OutcomeStatus, Plan, Result
from dsync.dataset.memory_store import MemoryStore
from dsync.exceptions import RecordError, StaleTarget
from dsync.guard.staleness import check
from dsync.plan.change import ChangeKey
from dsync.plan.undo import undo_plan
from dsync.storage import digests as seal
from dsync.storage.journal import Journal, RunReport, read
from dsync.storage.plan_file import load, save
from dsync.storage.stored_plan import StoredPlan
from estate import SOURCE, TARGET, Estate, estate
from richtree import KINDS, NAMES, Node, Spec, Tree, content, tree

GO_ON = DSyncFlags.CONTINUE_ON_FAILURE
FULL = OSError(28, os.strerror(28))


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_COST", {"n": 2, "r": 1, "p": 1})


class Fault:
    """Raises at one of its calls, and if it lasts at all later ones."""

    def __init__(self, at: int, error: BaseException, lasts: bool = False) -> None:
        self._left, self._error, self._lasts = at, error, lasts

    @property
    def struck(self) -> bool:
        return self._left <= 0

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0 or (self._lasts and self._left < 0):
            raise self._error


# ---------------------------------------------------------------------- operations and the store


class FaultyNode(Node):
    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        make = partial(super().create, dsync=dsync, ids=ids, attrs=attrs)
        return dsync.operate(DSyncAction.CREATE, cls.create_unique_id(**ids), make)

    def update(self, attrs: dict[str, Any]) -> Any:
        return self.dsync.operate(DSyncAction.UPDATE, self.get_unique_id(), partial(super().update, attrs))

    def move(self, parent: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        return self.dsync.operate(DSyncAction.MOVE, self.get_unique_id(), partial(super().move, parent, ids, attrs))

    def delete(self) -> Any:
        return self.dsync.operate(DSyncAction.DELETE, self.get_unique_id(), super().delete)


class FaultyStore(MemoryStore):
    """Meets a fault when it is asked for something."""

    fault: Callable[[], None] = staticmethod(lambda: None)


def _faulty(name: str) -> Callable[..., Any]:
    def call(self: FaultyStore, *args: Any) -> Any:
        self.fault()
        return getattr(super(FaultyStore, self), name)(*args)

    return call


for _name in ("put", "put_new", "put_all_new", "find", "discard", "uids", "objects", "objects_of", "model_names", "count", "kinds"):
    setattr(FaultyStore, _name, _faulty(_name))


class FaultyTree(Tree):
    """Notes what it is asked for and what it has made, and meets a fault before and after each of them."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name, FaultyStore)
        self.asked: list[ChangeKey] = []
        self.made: list[ChangeKey] = []
        self.completed = 0
        self.fault: Callable[[], None] = lambda: None

    def operate(self, action: DSyncAction, uid: str, make: Callable[[], Any]) -> Any:
        key = ChangeKey(action, "node", uid)
        self.asked.append(key)
        self.fault()
        obj = make()
        self.made.append(key)
        self.fault()
        return obj

    def sync_complete(self, *_args: Any, **_keywords: Any) -> None:
        self.completed += 1


FAULTY: list[type[FaultyTree]] = [
    type(f"Faulty{kind.__name__}", (FaultyTree,), {"node": type("FaultyNode", (FaultyNode, kind.node), {})}) for kind in KINDS
]


def spec(chance: random.Random) -> Spec:
    """Return a random tree of most of the names."""
    made: dict[str, tuple[str | None, dict[str, Any]]] = {}
    for name in chance.sample(NAMES, len(NAMES) - 1):
        values = {
            "number": chance.randrange(2),
            "password": chance.choice(("hunter2-c", "hunter2-d")),
            "tags": {chance.choice("ab")},
        }
        made[name] = (chance.choice([None, *made]), values)
    return made


class Notes:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.intended: list[ChangeKey] = []
        self.outcomes: list[Outcome] = []

    def intend(self, change: Change) -> None:
        self.intended.append(change.key)

    def record(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def keys(result: Result, *statuses: OutcomeStatus) -> list[ChangeKey]:
    """Return the changes that ended so, but for those that went along with their parents."""
    return [one.change.key for one in result.outcomes if one.status in statuses and not one.change.cascade]


def only(plan: Plan, made: Collection[tuple[str, str, str]], target: DSync) -> dict[str, Any]:
    """Return what a target holds when these changes of a plan are made in it, with what goes along with them, and no others."""
    wanted = [change for change in plan if change.key in made or (change.cascade and not set(made).isdisjoint(change.requires))]
    assert not target.apply(Plan(wanted), target).failures
    return content(target)


def deletion(change: Change) -> ChangeKey:
    """Return the key of the delete of the same object."""
    return ChangeKey(DSyncAction.DELETE, change.model, change.id)


def assert_told(target: FaultyTree, plan: Plan, result: Result, notes: Notes) -> None:
    """The result says what was asked for, what was made, and nothing else; each change has one outcome, in the plan's order."""
    assert [outcome.change for outcome in result.outcomes] == list(plan)
    done, failed = keys(result, OutcomeStatus.DONE), keys(result, OutcomeStatus.FAILED)
    assert target.asked == [key for key in notes.intended if key in set(target.asked)]
    assert set(target.asked) <= {*done, *failed}
    assert notes.intended == keys(result, OutcomeStatus.DONE, OutcomeStatus.FAILED)
    assert notes.outcomes == result.outcomes[: len(notes.outcomes)]
    assert set(done) <= set(target.made) <= {*done, *failed}
    assert target.completed == int(OutcomeStatus.DONE in {outcome.status for outcome in result.outcomes})


ERRORS: dict[str, BaseException] = {"an error": ValueError("no"), "an exit": SystemExit(3), "Ctrl-C": KeyboardInterrupt()}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", FAULTY)
def test_every_operation(error: str, kind: type[FaultyTree]) -> None:
    left, right = spec(random.Random(f"{error} left")), spec(random.Random(f"{error} right"))
    for flags in (DSyncFlags.NONE, GO_ON):
        for lasts in (False, True):
            for step in range(1, 1000):
                source, target, notes = tree(left, kind), tree(right, kind), Notes()
                plan = Plan.from_diff(target.diff_from(source))
                target.fault = fault = Fault(step, ERRORS[error], lasts)
                result = target.apply(plan, source, flags, journal=notes)
                if not fault.struck:
                    assert not result.failures
                    break
                assert_told(target, plan, result, notes)
                assert target.asked == keys(result, OutcomeStatus.DONE, OutcomeStatus.FAILED)
                done = {outcome.change.key for outcome in result.outcomes if outcome.status == OutcomeStatus.DONE}
                more = lasts and error != "Ctrl-C"
                later = [one.change for one in result.failures[1:] if not (more and flags == GO_ON)]
                # What was deleted to be moved is created after the run has stopped, and a fault that lasts strikes that, too.
                assert all(more and change.action == DSyncAction.CREATE and deletion(change) in done for change in later)
                reached = only(plan, done, tree(right, kind))
                assert content(target) == reached
                target.fault = lambda: None
                assert_finished(plan, target, source)


@pytest.mark.parametrize("kind", FAULTY)
@pytest.mark.parametrize("seed", range(3))
def test_every_call_of_the_store(seed: int, kind: type[FaultyTree]) -> None:
    left, right = spec(random.Random(f"{seed} left")), spec(random.Random(f"{seed} right"))
    for flags in (DSyncFlags.NONE, GO_ON):
        for lasts in (False, True):
            for step in range(1, 1000):
                source, target, notes = tree(left, kind), tree(right, kind), Notes()
                plan = Plan.from_diff(target.diff_from(source))
                fault = Fault(step, FULL, lasts)
                target.store.fault = fault
                result = target.apply(plan, source, flags, journal=notes)
                target.store.fault = lambda: None
                if not fault.struck:
                    assert not result.failures
                    break
                assert result.interrupted is None
                assert_told(target, plan, result, notes)
                made = set(target.made)
                assert {one.change.key: one.maybe for one in result.failures} == {
                    key: key in made for key in keys(result, OutcomeStatus.FAILED)
                }
                anew = tree(right, kind)
                only(plan, made, anew)
                assert_finished(plan, anew, source)


def assert_finished(plan: Plan, target: FaultyTree, source: FaultyTree) -> None:
    """The same plan, applied again, makes the target like the source; where a run that went on after a failure left an object
    without its parent, it may be refused, and a new comparison does."""
    before = content(target)
    try:
        verdicts = check(plan, target)
    except StaleTarget:
        assert content(target) == before
        plan, verdicts = Plan.from_diff(target.diff_from(source)), {}
    assert not target.apply(plan, source, verdicts=verdicts).failures
    assert not target.diff_from(source).has_diffs()
    assert content(target) == content(source)


# ---------------------------------------------------------------------- Ctrl-C anywhere


BEFORE = {"nyc": ("a", {"r1": "router"}), "lon": ("b", {"r2": "switch"})}
AFTER = {"nyc": ("z", {"r1": "router", "r3": "switch"})}


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is not waited for, which takes most of the time where so much is written."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    ("workers", "every"), [(1, 4), pytest.param(1, 1, marks=pytest.mark.long), pytest.param(2, 1, marks=pytest.mark.long)]
)
def test_ctrl_c_at_every_line(tmp_path: Path, workers: int, every: int) -> None:
    """Wherever in a run Ctrl-C comes, the result and the journal tell no lie, and the journal can undo it."""
    ended = set()
    for step in range(1, 5000, every):
        source, target, path = estate(AFTER), estate(BEFORE), tmp_path / str(step)
        plan, result, fault = Plan.from_diff(target.diff_from(source)), None, Fault(step, KeyboardInterrupt())
        with Journal(path, plan, source=source, target=target) as journal:
            try:
                with interrupting(fault):
                    result = target.apply(plan, source, journal=journal, workers=workers)
            except KeyboardInterrupt:
                ended.add("without a result")
        if not fault.struck:
            break
        if result is not None:
            assert_no_lie(target, result)
            ended.update(outcome.status for outcome in result.outcomes)
        assert_journal(path, target, workers)
        assert_undone(path, target, BEFORE, source)
    assert ended == {"without a result", OutcomeStatus.DONE, OutcomeStatus.FAILED, OutcomeStatus.NOT_ATTEMPTED}
    assert 200 < step < 4999


@contextmanager
def interrupting(fault: Fault) -> Iterator[None]:
    """Call a fault before every line of what applies a plan and keeps its journal, in this thread."""

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        file = Path(frame.f_code.co_filename)
        if file.parent.name != "apply" and file.name != "journal.py":
            return None
        if event == "line":
            fault()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def assert_no_lie(target: Estate, result: Result) -> None:
    """What is done was done, what was not attempted was not, and what is between may have been."""
    ends = {(str(one.change.action), one.change.model, one.change.id): one for one in result.outcomes}
    assert len(ends) == len(result.outcomes)
    assert {key for key, one in ends.items() if one.status == OutcomeStatus.DONE} <= set(target.log)
    assert {key for key, one in ends.items() if one.status == OutcomeStatus.NOT_ATTEMPTED}.isdisjoint(target.log)
    assert all(one.maybe for one in result.failures)
    assert len(target.log) == len(set(target.log))


def assert_journal(path: Path, target: Estate, workers: int = 1) -> RunReport | None:
    """The journal tells no lie either."""
    reports = read(path) if path.exists() else []
    told = {name: {(str(one.action), one.model, one.id) for one in getattr(reports[-1], name)} for name in LISTS} if reports else {}
    done, maybe, not_attempted = (told.get(name, set()) for name in LISTS)
    assert done <= set(target.log) <= done | maybe
    assert not_attempted.isdisjoint(target.log)
    assert len(maybe) <= workers
    return reports[-1] if reports else None


LISTS = ("done", "maybe", "not_attempted")


def assert_undone(path: Path, target: Estate, beginning: dict[str, Any], goal: Estate) -> None:
    """What the journal tells of, reversed in the target as it would be loaded anew, gives the beginning."""
    anew = estate(beginning)
    only(Plan.from_diff(anew.diff_from(goal)), target.log, anew)
    for report in read(path)[-1:]:
        reverse(report.undo(), anew, beginning)


def reverse(stored: StoredPlan, target: Estate, beginning: dict[str, Any]) -> None:
    """A plan that reverses a run gives the beginning. What is below a new parent is found there only when it is loaded anew."""
    undo = stored.resolve(None, target)
    assert not target.apply(undo, target, verdicts=check(undo, target)).failures
    assert {name: attrs for name, (attrs, _children) in content(target).items()} == {
        name: attrs for name, (attrs, _children) in content(estate(beginning)).items()
    }


# ---------------------------------------------------------------------- files


CALLS = {"write": (os, "write"), "fsync": (os, "fsync"), "open": (os, "open"), "replace": (Path, "replace"), "close": (os, "close")}


@dataclass
class Recorded:
    """A run with a plan, a plan that reverses it, and a journal; and what became of it."""

    folder: Path
    source: Estate = field(default_factory=lambda: estate(SOURCE))
    target: Estate = field(default_factory=lambda: estate(TARGET))
    result: Result | None = None

    def run(self) -> None:
        source, target, plan_path, undo_path = self.source, self.target, self.folder / "plan", self.folder / "undo"
        save(Plan.from_diff(target.diff_from(source)), plan_path, source=source, target=target)
        plan = load(plan_path).resolve(source, target)
        save(undo_plan(plan), undo_path, source=None, target=target, purpose="undo")
        with Journal(self.folder / "journal", plan, source=source, target=target) as journal:
            self.result = target.apply(plan, source, GO_ON, journal=journal, verdicts=check(plan, target))
            journal.finish(self.result)
        done = [one.change for one in self.result.outcomes if one.status == OutcomeStatus.DONE or one.maybe]
        save(undo_plan(done), undo_path, source=None, target=target, purpose="undo")

    def check(self, error: BaseException | None) -> None:
        """See that every file is whole or not there, that result and journal tell no lie, and that both ways back lead back."""
        assert {one.name for one in self.folder.iterdir()} <= {"plan", "undo", "journal"}
        if self.result is None:
            assert error is not None
            assert self.target.log == []
        else:
            assert_no_lie(self.target, self.result)
            assert load(self.folder / "plan").header["purpose"] == "sync"
            anew = estate(TARGET)
            only(Plan.from_diff(anew.diff_from(self.source)), self.target.log, anew)
            reverse(load(self.folder / "undo"), anew, TARGET)
        assert_journal(self.folder / "journal", self.target)
        if (self.folder / "journal").exists():
            assert_undone(self.folder / "journal", self.target, TARGET, self.source)
        again = Recorded(self.folder, target=self.target)
        again.run()
        assert not self.target.diff_from(self.source).has_diffs()


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("call", CALLS)
def test_every_call_that_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, lasts: bool) -> None:
    where, name = CALLS[call]
    real = getattr(where, name)
    for step in range(1, 1000):
        run, fault, error = Recorded(tmp_path / str(step)), Fault(step, FULL, lasts), None
        run.folder.mkdir()

        def failing(*args: Any, fault: Fault = fault, **keywords: Any) -> Any:
            if call == "close":
                real(*args, **keywords)
            fault()
            return None if call == "close" else real(*args, **keywords)

        with monkeypatch.context() as patch:
            patch.setattr(where, name, failing)
            try:
                run.run()
            except (RecordError, OSError) as caught:
                error = caught
        if not fault.struck:
            assert error is None
            break
        assert error is None or call == "close" or isinstance(error, RecordError)
        run.check(error)
    assert step > {"write": 20, "fsync": 25, "open": 3, "replace": 2, "close": 1}[call]


@pytest.mark.usefixtures("no_waiting")
def test_every_size_that_a_file_can_grow_to(tmp_path: Path) -> None:
    """A real limit: no file can be longer than so many bytes, as if the disk were full there."""
    ended = set()
    for size in [*range(0, 30_000, 53), 1_000_000]:
        run, error = Recorded(tmp_path / str(size)), None
        run.folder.mkdir()
        _soft, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            run.run()
        except RecordError as caught:
            error = caught
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        ended.add((run.result is not None, bool(run.target.log), error is not None))
        run.check(error)
        if error is None:
            break
    assert ended == {(False, False, True), (True, False, True), (True, True, True), (True, True, False)}
