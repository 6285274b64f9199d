# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Many changes in one batch, and targets that keep all changes or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from dsync import DSync, DSyncFlags, DSyncModel, OutcomeStatus, Plan, Result
from dsync.apply.retry import retrying
from dsync.apply.scheduler import batches
from dsync.exceptions import AskedToEnd, NothingKept, RecordProblem, TransientError
from dsync.model.model import Creation, Updating


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("note",)
    _children = {"device": "devices"}
    name: str
    note: str = ""
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role",)
    name: str
    role: str = ""
    calls: ClassVar[list[tuple[str, tuple[str, ...]]]] = []
    bad: ClassVar[set[str]] = set()
    raising: ClassVar[list[BaseException]] = []

    @classmethod
    def _take(cls, action: str, names: Sequence[str]) -> None:
        """Note a call; refuse it as a whole if one of the names is bad."""
        cls.calls.append((action, tuple(names)))
        if cls.raising:
            raise cls.raising.pop()
        found = sorted(cls.bad & {*names})
        if found:
            raise ValueError(f"{found[0]} is no good")

    @classmethod
    def create_many(cls, dsync: DSync, items: Sequence[Creation]) -> Sequence[Any]:
        cls._take("create", [item.ids["name"] for item in items])
        assert all(item.parent is not None and item.parent.get_type() == "site" for item in items)
        return [cls(**item.ids, **item.attrs) for item in items]

    @classmethod
    def update_many(cls, dsync: DSync, items: Sequence[Updating]) -> Sequence[Any]:
        cls._take("update", [item.obj.name for item in items])
        for item in items:
            item.obj.update_base(item.attrs)
        return [ValueError("odd one") if item.obj.name == "odd" else item.obj for item in items]

    @classmethod
    def delete_many(cls, dsync: DSync, items: Sequence[DSyncModel]) -> Sequence[Any]:
        cls._take("delete", [item.get_unique_id() for item in items])
        return [None if item.get_unique_id() == "none" else item for item in items]


class Estate(DSync):
    site = Site
    device = Device
    top_level = ["site"]
    batch_size = 100

    def fill(self, **sites: dict[str, str]) -> Any:
        for name, devices in sites.items():
            site = Site(name=name)
            self.add(site)
            for device, role in devices.items():
                obj = Device(name=device, role=role)
                self.add(obj)
                site.add_child(obj)
        return self


class Kept(Estate):
    """Keeps all changes or none."""

    transactional = True

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.error = error
        self.ended: list[str] = []

    def sync_complete(self, *args: Any, **kwargs: Any) -> None:
        self.ended.append("kept")
        if self.error is not None:
            raise self.error

    def roll_back(self) -> None:
        self.ended.append("rolled back")


@pytest.fixture(autouse=True)
def _nothing_is_bad() -> None:
    Device.calls.clear()
    Device.bad.clear()
    Device.raising.clear()


def apply(source: DSync, target: DSync, flags: DSyncFlags = DSyncFlags.NONE, **watch: Any) -> Result:
    return target.apply(Plan.from_diff(target.diff_from(source)), source, flags, **watch)


def ended(result: Result) -> dict[str, str]:
    return {outcome.change.id: outcome.status.value for outcome in result.outcomes}


def test_changes_of_several_parents_come_together() -> None:
    source = Estate().fill(a={"a1": "x", "a2": "x"}, b={"b1": "x", "b2": "new"})
    target = Estate().fill(b={"b2": "old", "b3": "x", "b4": "x"})
    result = apply(source, target)
    assert sorted(Device.calls) == [("create", ("a1", "a2")), ("create", ("b1",)), ("delete", ("b3", "b4")), ("update", ("b2",))]
    assert set(ended(result).values()) == {"done"}
    assert not target.diff_from(source).has_diffs()


def test_what_needs_nothing_else_is_in_one_tier_and_in_batches_of_the_size_that_is_asked_for() -> None:
    source = Estate().fill(a={f"a{n}": "" for n in range(5)}, b={f"b{n}": "" for n in range(5)})
    target = Estate().fill(a={}, b={})
    target.batch_size = 4
    apply(source, target)
    assert [len(names) for _action, names in Device.calls] == [4, 4, 2]


def test_one_at_a_time_keeps_the_order_of_the_plan() -> None:
    source, target = Estate().fill(a={"a1": ""}, b={"b1": ""}), Estate()
    target.batch_size = 1
    plan = Plan.from_diff(target.diff_from(source))
    assert [change for (change,) in batches(plan, lambda change: True)] == list(plan)
    apply(source, target)
    assert [names for _action, names in Device.calls] == [("a1",), ("b1",)]


def test_outcomes_are_in_the_order_of_the_plan() -> None:
    source, target = Estate().fill(a={"a1": ""}, b={"b1": ""}), Estate()
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(plan, source)
    assert [outcome.change for outcome in result.outcomes] == list(plan)
    assert len(batches(plan, lambda change: True, target.batch_size)) == 2  # the sites, then the devices


def test_a_batch_that_is_refused_is_halved_until_the_bad_ones_stand_alone() -> None:
    Device.bad.update({"d3", "d6"})
    source, target = Estate().fill(a={f"d{n}": "" for n in range(8)}), Estate().fill(a={})
    result = apply(source, target, DSyncFlags.CONTINUE_ON_FAILURE)
    assert {name for name, status in ended(result).items() if status == "failed"} == {"d3", "d6"}
    assert {outcome.message for outcome in result.failures} == {"ValueError: d3 is no good", "ValueError: d6 is no good"}
    assert target.count("device") == 6
    assert not result.stopped


def test_without_going_on_nothing_is_attempted_after_the_bad_one() -> None:
    Device.bad.add("d3")
    source, target = Estate().fill(a={f"d{n}": "" for n in range(8)}), Estate().fill(a={})
    result = apply(source, target)
    statuses = [ended(result)[f"d{n}"] for n in range(8)]
    assert statuses == ["done"] * 3 + ["failed"] + ["not_attempted"] * 4
    assert result.stopped
    assert target.count("device") == 3


def test_what_a_batch_holds_is_not_shown() -> None:
    device = Device(name="d", role="r")
    creation = Creation({"name": "d"}, {"role": "secret-word", "note": 1}, None)
    assert repr(creation) == "Creation(ids={'name': 'd'}, attrs=role, note, parent=None)"
    assert repr(Updating(device, {"role": "secret-word"})) == f"Updating(obj={device!r}, attrs=role)"
    assert creation.attrs["role"] == "secret-word"


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_not_updated_holds_its_old_values(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def update_many(cls: Any, dsync: DSync, items: Sequence[Updating]) -> Sequence[Any]:
        for item in items:
            item.obj.update_base(item.attrs)
        cls._take("update", [item.obj.name for item in items])
        return [item.obj for item in items]

    monkeypatch.setattr(Device, "update_many", classmethod(update_many))
    monkeypatch.setattr(Estate, "thread_safe", True)
    Device.bad.add("d1")
    source = Estate().fill(a={f"d{n}": "new" for n in range(4)})
    target = Estate().fill(a={f"d{n}": "old" for n in range(4)})
    apply(source, target, DSyncFlags.CONTINUE_ON_FAILURE, workers=workers)
    assert [target.get("device", f"d{n}").role for n in range(4)] == ["new", "old", "new", "new"]
    Device.raising.append(KeyboardInterrupt())
    result = apply(source, target)
    assert isinstance(result.interrupted, KeyboardInterrupt)
    assert target.get("device", "d1").role == "old"


def test_single_results_may_be_failures() -> None:
    source = Estate().fill(a={"odd": "new", "even": "new"})
    target = Estate().fill(a={"odd": "old", "even": "old", "none": "", "gone": ""})
    result = apply(source, target, DSyncFlags.CONTINUE_ON_FAILURE)
    assert ended(result) == {"odd": "failed", "even": "done", "none": "failed", "gone": "done"}
    assert target.get("device", "odd").role == "old"
    assert target.get("device", "even").role == "new"


def test_after_a_wrong_number_of_results_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(Device, "create_many", classmethod(lambda cls, dsync, items: calls.append(len(items)) or []))
    result = apply(Estate().fill(a={"d1": "", "d2": "", "d3": ""}), Estate().fill(a={}), DSyncFlags.CONTINUE_ON_FAILURE)
    assert {one.message for one in result.failures} == {"create_many() returned 0 results for 3 objects"}
    assert (calls, [one.maybe for one in result.failures]) == ([3], [True] * 3)


def test_a_batch_that_may_have_been_made_is_not_sent_again() -> None:
    Device.raising.append(RecordProblem("the connection was lost", maybe=True))
    source, target = Estate().fill(a={f"d{n}": "" for n in range(4)}), Estate().fill(a={})
    result = apply(source, target, DSyncFlags.CONTINUE_ON_FAILURE)
    assert Device.calls == [("create", ("d0", "d1", "d2", "d3"))]
    assert [(one.message, one.maybe) for one in result.failures] == [("the connection was lost", True)] * 4


def test_a_batch_is_tried_again_as_a_whole() -> None:
    Device.raising.append(TransientError("busy"))
    source, target = Estate().fill(a={"d1": "", "d2": ""}), Estate().fill(a={})
    result = apply(source, target, retry=retrying(2, target.is_transient, first_wait=0))
    assert set(ended(result).values()) == {"done"}
    assert Device.calls == [("create", ("d1", "d2"))] * 2


def test_of_a_batch_only_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {"d2": 1, "d3": 5}

    def create_many(cls: type[Device], dsync: DSync, items: Sequence[Creation]) -> Sequence[Any]:
        cls._take("create", [item.ids["name"] for item in items])
        return [one(cls, item) for item in items]

    def one(cls: type[Device], item: Creation) -> Device | Exception:
        name = item.ids["name"]
        left[name] = left.get(name, 0) - 1
        if name == "d4":
            return ValueError("no good")
        return TransientError("busy") if left[name] >= 0 else cls(**item.ids, **item.attrs)

    monkeypatch.setattr(Device, "create_many", classmethod(create_many))
    source, target = Estate().fill(a={f"d{n}": "" for n in range(1, 5)}), Estate().fill(a={})
    retry = retrying(3, target.is_transient, first_wait=0)
    result = apply(source, target, DSyncFlags.CONTINUE_ON_FAILURE, retry=retry)
    assert Device.calls == [("create", ("d1", "d2", "d3", "d4")), ("create", ("d2", "d3")), ("create", ("d3",))]
    assert ended(result) == {"d1": "done", "d2": "done", "d3": "failed", "d4": "failed"}
    assert [outcome.message for outcome in result.failures] == ["busy", "ValueError: no good"]


def test_an_object_that_is_tried_again_is_as_it_was_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def update_many(cls: type[Device], dsync: DSync, items: Sequence[Updating]) -> Sequence[Any]:
        seen.extend(item.obj.role for item in items)
        for item in items:
            item.obj.update_base(item.attrs)
        return [TransientError("busy") if len(seen) == 1 else item.obj for item in items]

    monkeypatch.setattr(Device, "update_many", classmethod(update_many))
    source, target = Estate().fill(a={"d1": "new"}), Estate().fill(a={"d1": "old"})
    result = apply(source, target, retry=retrying(2, target.is_transient, first_wait=0))
    assert ended(result) == {"d1": "done"}
    assert seen == ["old", "old"]
    assert target.get("device", "d1").role == "new"


def test_an_interruption_leaves_the_whole_batch_in_doubt_and_the_rest_alone() -> None:
    Device.raising.append(KeyboardInterrupt())
    source, target = Estate().fill(a={"d1": "", "d2": "", "d3": ""}), Estate().fill(a={})
    target.batch_size = 2
    result = apply(source, target)
    assert ended(result) == {"d1": "failed", "d2": "failed", "d3": "not_attempted"}
    assert [outcome.maybe for outcome in result.outcomes] == [True, True, False]
    assert isinstance(result.interrupted, KeyboardInterrupt)


class Log:
    """Records what a journal is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, tuple[str, ...]]] = []

    def intend(self, *changes: Any) -> None:
        self.lines.append(("intend", tuple(change.id for change in changes)))

    def record(self, *outcomes: Any) -> None:
        self.lines.append(("record", tuple(f"{outcome.change.id} {outcome.status.value}" for outcome in outcomes)))


def test_a_journal_records_a_batch_before_and_after_it() -> None:
    log = Log()
    apply(Estate().fill(a={"d1": "", "d2": ""}), Estate().fill(a={}), journal=log)
    assert log.lines == [("intend", ("d1", "d2")), ("record", ("d1 done", "d2 done"))]


# ---------------------------------------------------------------------- all or nothing


def kept(error: BaseException | None = None, **sites: dict[str, str]) -> Kept:
    target = Kept(error)
    target.fill(**sites)
    return target


def test_a_transactional_target_keeps_all_at_the_end() -> None:
    target = kept(a={})
    result = apply(Estate().fill(a={"d1": ""}), target)
    assert target.ended == ["kept"]
    assert result.changed


def test_a_transactional_target_that_reports_that_nothing_was_kept_has_done_nothing() -> None:
    target, log = kept(NothingKept("no space left"), a={}), Log()
    result = apply(Estate().fill(a={"d1": "", "d2": ""}), target, journal=log)
    assert set(ended(result).values()) == {"failed"}
    assert not result.changed
    assert isinstance(result.complete_error, NothingKept)
    assert {outcome.message for outcome in result.outcomes} == {"it was rolled back: the changes could not be committed"}
    assert not any(outcome.maybe for outcome in result.outcomes)
    assert log.lines[-1] == ("record", ("d1 failed", "d2 failed"))


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (OSError("no space left"), "failed"),
        (RecordProblem("a file cannot be removed"), "failed"),
        (KeyboardInterrupt(), "was interrupted (KeyboardInterrupt)"),
        (AskedToEnd("SIGTERM"), "was interrupted (SIGTERM)"),
        (SystemExit(1), "was interrupted (SystemExit)"),
    ],
    ids=repr,
)
def test_after_any_other_end_of_a_commit_every_change_may_have_been_made(error: BaseException, how: str) -> None:
    result = apply(Estate().fill(a={"d1": "", "d2": ""}), kept(error, a={}))
    assert {(outcome.status, outcome.maybe) for outcome in result.outcomes} == {(OutcomeStatus.FAILED, True)}
    assert {outcome.message for outcome in result.outcomes} == {
        f"it may have been created nevertheless: committing the changes {how}"
    }
    assert result.changed
    assert result.complete_error is error


@pytest.mark.parametrize("bad", ["", "d2"])
def test_signals_are_held_back_while_changes_are_kept_or_rolled_back(bad: str) -> None:
    Device.bad.add(bad)
    target = kept(a={})

    @contextmanager
    def held_back() -> Iterator[None]:
        target.ended.append("held back")
        yield
        target.ended.append("released")

    apply(Estate().fill(a={"d1": "", "d2": ""}), target, held_back=held_back)
    assert target.ended == ["held back", "rolled back" if bad else "kept", "released"]


def test_a_transactional_target_rolls_everything_back_when_the_run_stops() -> None:
    Device.bad.add("d2")
    target = kept(a={})
    result = apply(Estate().fill(a={"d1": "", "d2": "", "d3": ""}), target)
    assert target.ended == ["rolled back"]
    assert ended(result) == {"d1": "failed", "d2": "failed", "d3": "not_attempted"}
    assert not result.changed
    assert not any(outcome.maybe for outcome in result.outcomes)


def test_a_transactional_target_that_goes_on_keeps_the_good_ones() -> None:
    Device.bad.add("d2")
    target = kept(a={})
    result = apply(Estate().fill(a={"d1": "", "d2": "", "d3": ""}), target, DSyncFlags.CONTINUE_ON_FAILURE)
    assert target.ended == ["kept"]
    assert ended(result) == {"d1": "done", "d2": "failed", "d3": "done"}


def test_a_transactional_target_rolls_everything_back_when_it_is_interrupted() -> None:
    target, log = kept(a={}), Log()
    target.batch_size = 1
    source = Estate().fill(a={"d1": "", "d2": ""})
    Device.raising[:] = [KeyboardInterrupt()]
    result = apply(source, target, journal=log)
    assert target.ended == ["rolled back"]
    assert not any(outcome.maybe for outcome in result.outcomes)
    assert OutcomeStatus.DONE not in {outcome.status for outcome in result.outcomes}
    assert [kind for kind, _names in log.lines] == ["intend", "record"]


def test_what_cannot_be_rolled_back_may_have_been_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Kept) -> None:
        raise OSError("the line is dead")

    monkeypatch.setattr(Kept, "roll_back", fails)
    Device.bad.add("d2")
    result = apply(Estate().fill(a={"d1": "", "d2": ""}), kept(a={}))
    assert [outcome.maybe for outcome in result.outcomes if outcome.change.id == "d1"] == [True]
    assert isinstance(result.complete_error, OSError)
