# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Applying: what is called, in what order, and how every change ends, whatever goes wrong."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from dsync import (
    Change,
    Diff,
    DSyncAction,
    DSyncFlags,
    DSyncModel,
    DSyncModelFlags,
    DSyncStatus,
    ObjectCrudException,
    ObjectNotCreated,
    ObjectNotDeleted,
    ObjectNotUpdated,
    ObjectRef,
    Outcome,
    OutcomeStatus,
    Plan,
    Result,
)
from dsync.exceptions import DSyncException, TransientError
from dsync.plan.change import ChangeKey
from dsync.plan.outcome import Verdict
from estate import EXPECTED, PLANTED, SOURCE, TARGET, Device, Estate, Interface, Key, dataset, estate, progress
from pydantic import SecretStr

GO_ON = DSyncFlags.CONTINUE_ON_FAILURE
NATURAL = DSyncModelFlags.NATURAL_DELETION_ORDER


def run(target: Estate, source: Estate, flags: DSyncFlags = GO_ON) -> tuple[Result, dict[Key, str]]:
    """Apply what makes target like source; return the result, and how each change ended by its key."""
    diff = target.diff_from(source, flags=flags)
    result = target.apply(Plan.from_diff(diff), source, flags=flags, diff=diff)
    return result, {tuple(map(str, outcome.change.key[:3])): str(outcome.status) for outcome in result.outcomes}


# ---------------------------------------------------------------------- when all goes well


def test_operations_and_their_order() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    diff = target.sync_from(source)
    assert target.log == EXPECTED
    assert source.log == []
    assert target.completed == [diff]
    assert not target.diff_from(source).has_diffs()
    assert target.dict() == source.dict()
    assert target.get("site", "nyc").devices == ["rtr-1", "sw-1"]


def test_sync_to_is_the_other_way_round() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    source.sync_to(target)
    assert target.log == EXPECTED


def test_what_an_adapter_is_given_is_its_own() -> None:
    class Greedy(DSyncModel):
        _modelname = "greedy"
        _identifiers = ("name",)
        _attributes = ("tags",)
        name: str
        tags: list[str] = []

        @classmethod
        def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            attrs["tags"].append("spoilt")
            ids.clear()
            return cls(name="a", tags=["x"])

        def update(self, attrs: dict[str, Any]) -> Any:
            attrs["tags"].append("spoilt")
            return self

    source, target = dataset(Greedy, objects=[Greedy(name="a", tags=["x"])]), dataset(Greedy)
    target.sync_from(source)
    target.get("greedy", "a").tags.clear()
    target.sync_from(source)
    assert source.get("greedy", "a").tags == ["x"]


def test_an_updated_object_keeps_its_children_and_status_message() -> None:
    class Chatty(Estate):
        class site(Estate.site):  # noqa: N801 - it is found by the model's name
            def update(self, attrs: dict[str, Any]) -> Any:
                self.set_status(DSyncStatus.SUCCESS, "ticket 7")
                return super().update(attrs)

    target, source = estate(TARGET, kind=Chatty), estate(SOURCE)
    result, _ends = run(target, source)
    assert result.outcomes[0].message == "ticket 7"
    assert result.changed
    assert not result.failures
    assert result.counts == {"done": 12, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 0}


# ---------------------------------------------------------------------- point 2: failures

FAILING = [
    (("create", "site", "ams"), [("create", "device", "rtr-2"), ("create", "interface", "rtr-2__eth0")]),
    (("update", "site", "nyc"), EXPECTED[1:6]),
    (("delete", "site", "lon"), [("delete", "device", "rtr-3"), ("delete", "interface", "rtr-3__eth0")]),
]
TROUBLES = [None, RuntimeError("no luck"), KeyError("k"), ObjectNotCreated("not today"), SystemExit(3)]


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
@pytest.mark.parametrize(("failing", "below"), FAILING, ids=lambda value: "-".join(value) if isinstance(value, tuple) else "")
def test_point_2_a_failure_stops_its_children_only(failing: Key, below: list[Key], trouble: Any) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    target.trouble[failing] = trouble
    result, ends = run(target, source)
    assert [key for key, end in ends.items() if end == "failed"] == [failing]
    assert [key for key, end in ends.items() if end == "not_attempted"] == below
    assert target.log == [key for key in EXPECTED if key not in below]
    assert result.changed
    assert not result.stopped
    assert result.counts["failed"] == 1
    assert result.counts["done"] == len(EXPECTED) - 1 - len(below)
    result.raise_for_end()
    with pytest.raises(ObjectCrudException):
        result.raise_for_failure()


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_point_2_without_the_flag_the_run_stops_and_reports(trouble: Any) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    failing = ("create", "device", "sw-1")
    target.trouble[failing] = trouble
    with pytest.raises(ObjectNotCreated) as caught:
        target.sync_from(source)
    result = caught.value.result
    assert result is not None
    assert result.stopped
    assert [outcome.status for outcome in result.outcomes] == [OutcomeStatus.DONE] * 3 + [OutcomeStatus.FAILED] + [
        OutcomeStatus.NOT_ATTEMPTED
    ] * 8
    assert target.log == EXPECTED[:4]
    assert len(target.completed) == 1
    if isinstance(trouble, ObjectCrudException):
        assert caught.value is trouble
    else:
        assert caught.value.__cause__ is trouble or trouble is None


def test_point_2_only_a_failure_means_nothing_changed() -> None:
    target, source = estate({"nyc": "1"}), estate({"nyc": "2"})
    target.trouble["update", "site", "nyc"] = None
    result, ends = run(target, source)
    assert ends == {("update", "site", "nyc"): "failed"}
    assert not result.changed
    assert target.completed == []


@pytest.mark.parametrize(
    ("action", "error"), [("create", ObjectNotCreated), ("update", ObjectNotUpdated), ("delete", ObjectNotDeleted)]
)
def test_point_2_the_exception_fits_the_action(action: str, error: type[Exception]) -> None:
    before, after = {"create": ({}, {"a": "1"}), "update": ({"a": "0"}, {"a": "1"}), "delete": ({"a": "1"}, {})}[action]
    target = estate(before)
    target.trouble[action, "site", "a"] = None
    with pytest.raises(error, match=rf'site "a" was not {action}d: {action}\(\) returned None'):
        target.sync_from(estate(after))


def test_point_2_what_was_never_tried_hinders_what_depends_on_it() -> None:
    target, source = estate({}), estate(SOURCE)
    target.trouble["create", "site", "nyc"] = None
    result, ends = run(target, source)
    assert ends["create", "interface", "rtr-1__eth0"] == "not_attempted"
    messages = {outcome.change.id: outcome.message for outcome in result.outcomes}
    assert messages["rtr-1"] == 'it depends on the create of site "nyc", which failed'
    assert messages["rtr-1__eth0"] == 'it depends on the create of device "rtr-1", which was not attempted'


def test_point_2_a_status_of_failure_is_a_failure() -> None:
    class Gloomy(Estate):
        class site(Estate.site):  # noqa: N801 - it is found by the model's name
            def update(self, attrs: dict[str, Any]) -> Any:
                self.set_status(*self.dsync.gloom)
                return super().update(attrs)

    for gloom, message in (((DSyncStatus.ERROR, "quota"), "quota"), ((DSyncStatus.FAILURE,), "the object's status is failure")):
        target = estate({"a": "0"}, kind=Gloomy)
        target.gloom = gloom
        result, ends = run(target, estate({"a": "1"}))
        assert ends == {("update", "site", "a"): "failed"}
        assert result.failures[0].message == message
        assert target.get("site", "a").contact == "0"


def test_point_2_returning_something_else_is_a_failure() -> None:
    class Odd(DSyncModel):
        _modelname = "odd"
        _identifiers = ("name",)
        name: str

        @classmethod
        def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            return {"true": True, "device": Device(name="a"), "other": cls(name="b")}[ids["name"]]

    target = dataset(Odd)
    source = dataset(Odd, objects=[Odd(name="true"), Odd(name="device"), Odd(name="other")])
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags=GO_ON)
    assert [outcome.message for outcome in result.outcomes] == [
        "create() returned a bool, not the odd object",
        "create() returned a Device, not the odd object",
        'create() returned another object: odd "b"',
    ]
    assert len(target) == 0


def test_create_may_add_the_object_itself() -> None:
    class Eager(Estate):
        class device(Estate.device):  # noqa: N801 - it is found by the model's name
            @classmethod
            def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
                made = super().create(dsync=dsync, ids=ids, attrs=attrs)
                dsync.add(made)
                dsync.get("site", "nyc").add_child(made)
                return made

    target, source = estate({"nyc": "1"}, kind=Eager), estate({"nyc": ("1", {"rtr": "x"})})
    target.sync_from(source)
    assert target.get("site", "nyc").devices == ["rtr"]


def test_create_may_not_add_another_object_of_that_identity() -> None:
    class Twin(DSyncModel):
        _modelname = "twin"
        _identifiers = ("name",)
        name: str

        @classmethod
        def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            dsync.add(cls(**ids))
            return cls(**ids)

    with pytest.raises(ObjectNotCreated, match="another object of that identity"):
        dataset(Twin).sync_from(dataset(Twin, objects=[Twin(name="a")]))


@pytest.mark.parametrize("how", ["both", "parent", "dataset"])
def test_delete_may_take_the_object_out_itself(how: str) -> None:
    class Tidy(Estate):
        class device(Estate.device):  # noqa: N801 - it is found by the model's name
            def delete(self) -> Any:
                data = self.dsync
                if how != "dataset":
                    data.get("site", "nyc").remove_child(self)
                if how != "parent":
                    data.remove(self)
                return self

    target = estate({"nyc": ("1", {"rtr": "x"})}, kind=Tidy)
    target.sync_from(estate({"nyc": "1"}))
    assert target.get("site", "nyc").devices == []
    assert target.count("device") == 0


def test_what_is_there_already_is_reported_with_its_place() -> None:
    source, target = estate({"nyc": ("1", {"rtr": "x"}), "sfo": "2"}), estate({"nyc": "1", "sfo": "2"})
    plan = Plan.from_diff(target.diff_from(source))
    assert target.apply(plan, source).counts["done"] == 1
    again = target.apply(plan, source)
    assert [outcome.message for outcome in again.outcomes] == ["Estate has it already"]
    target.get("site", "nyc").remove_child(target.get("device", "rtr"))
    target.get("site", "sfo").add_child(target.get("device", "rtr"))
    elsewhere = target.apply(plan, source)
    assert [outcome.message for outcome in elsewhere.outcomes] == ['Estate has it already below site "sfo", not below site "nyc"']


def test_plans_that_do_not_fit_the_target_fail_change_by_change() -> None:
    target = estate({"nyc": "1"})
    ref = ObjectRef("site", "gone")
    changes = [
        Change(DSyncAction.CREATE, "device", "d", {"name": "d"}, after={}, parent=ref),
        Change(DSyncAction.CREATE, "site", "nyc", {"name": "nyc"}, after={}),
        Change(DSyncAction.CREATE, "ship", "s", {"name": "s"}, after={}),
        Change(DSyncAction.UPDATE, "site", "gone", {"name": "gone"}, before={}, after={"contact": "x"}),
        Change(DSyncAction.DELETE, "site", "gone2", {"name": "gone2"}, before={}),
    ]
    result = target.apply(Plan(changes), estate({}), flags=GO_ON)
    assert [outcome.message for outcome in result.outcomes] == [
        'Estate has no site "gone", which would be its parent',
        "Estate has it already",
        'Estate has no model "ship"',
        "Estate has no such object any more",
        "Estate has no such object any more",
    ]
    assert target.log == []


# ---------------------------------------------------------------------- point 3: sync_complete


def test_point_3_sync_complete_only_after_a_real_change() -> None:
    target, source = estate(SOURCE), estate(SOURCE)
    target.sync_from(source)
    assert target.completed == []
    target.get("site", "nyc").contact = "x"
    diff = target.sync_from(source)
    assert target.completed == [diff]


def test_point_3_an_empty_diff_is_used_as_it_is() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    empty = Diff()
    assert target.sync_from(source, diff=empty) is empty
    assert target.log == []
    assert target.completed == []
    source.sync_to(target, diff=empty)
    assert target.log == []


def test_sync_complete_without_a_diff_gets_an_empty_one() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert not target.completed[0].has_diffs()


@pytest.mark.parametrize("sabotage", [RuntimeError("disk full"), KeyboardInterrupt()], ids=repr)
def test_sync_complete_that_raises(sabotage: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    target.sabotage = sabotage
    calls, callback = progress()
    with pytest.raises(type(sabotage)) as caught:
        target.sync_from(source, callback=callback)
    assert caught.value is sabotage
    assert calls[-1] == ("sync", 12, 12)
    result, _ends = run(target, estate({}))
    assert result.complete_error is sabotage
    assert result.changed
    assert "sync_complete failed" in caplog.text


# ---------------------------------------------------------------------- point 4: natural deletion order


def natural(sites: Any) -> Estate:
    made = estate(sites)
    for model in ("site", "device"):
        for obj in made.get_all(model):
            obj.model_flags |= NATURAL
    return made


def test_point_4_children_go_first_and_keep_their_parents_when_they_stay() -> None:
    sites = {"a": ("1", {"d": ("x", {"e0": 1, "e1": 1})}), "b": "1"}
    target = natural(sites)
    target.sync_from(estate({}))
    assert target.log == [
        ("delete", "interface", "d__e0"),
        ("delete", "interface", "d__e1"),
        ("delete", "device", "d"),
        ("delete", "site", "a"),
        ("delete", "site", "b"),
    ]
    target = natural(sites)
    target.trouble["delete", "interface", "d__e1"] = None
    _result, ends = run(target, estate({}))
    assert ends["delete", "interface", "d__e0"] == "done"
    assert ends["delete", "device", "d"] == ends["delete", "site", "a"] == "not_attempted"
    assert ends["delete", "site", "b"] == "done"
    assert target.get("site", "a").devices == ["d"]


def test_point_4_a_child_that_cannot_leave_keeps_its_old_parent() -> None:
    target = natural({"a": ("1", {"d": "x"}), "b": "1"})
    source = estate({"b": ("1", {"d": "x"})})
    target.trouble["delete", "device", "d"] = None
    _result, ends = run(target, source)
    assert ends == {
        ("move", "device", "d"): "failed",
        ("delete", "site", "a"): "not_attempted",
    }


# ---------------------------------------------------------------------- point 5: validation and rollback


def test_point_5_a_value_that_does_not_fit_is_the_objects_failure() -> None:
    class Loose(DSyncModel):
        _modelname = "thing"
        _identifiers = ("name",)
        _attributes = ("size",)
        name: str
        size: Any = None

    class Strict(Loose):
        size: int = 0

    target = dataset(Strict, objects=[Strict(name="a"), Strict(name="b")])
    source = dataset(Loose, objects=[Loose(name="a", size="many"), Loose(name="b", size=2), Loose(name="c", size="few")])
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags=GO_ON)
    assert [str(outcome.status) for outcome in result.outcomes] == ["failed", "done", "failed"]
    assert result.outcomes[0].message.startswith("size: Input should be a valid integer")
    assert {obj.name: obj.size for obj in target.get_all("thing")} == {"a": 0, "b": 2}


@pytest.mark.parametrize("end", [None, RuntimeError("no"), KeyboardInterrupt()], ids=repr)
def test_point_5_a_failed_update_leaves_the_object_as_it_was(end: Any) -> None:
    class Torn(DSyncModel):
        _modelname = "torn"
        _identifiers = ("name",)
        _attributes = ("size", "tags")
        name: str
        size: int = 0
        tags: list[str] = []

        def update(self, attrs: dict[str, Any]) -> Any:
            super().update(attrs)
            self.tags.append("half")
            self.name = "other"
            assert self.get_unique_id() == "other"
            if end is not None:
                raise end
            return None

    target = dataset(Torn, objects=[Torn(name="a", tags=["x"])])
    source = dataset(Torn, objects=[Torn(name="a", size=1, tags=["x"])])
    result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags=GO_ON)
    assert result.failures
    assert target.get("torn", "a").model_dump() == {"name": "a", "size": 0, "tags": ["x"]}
    assert target.get("torn", "a").get_unique_id() == "a"


# ---------------------------------------------------------------------- point 7: progress and output


@pytest.mark.parametrize("trouble", ["nothing", "no changes", "failure", "stop", "interrupt", "complete"])
def test_point_7_the_callback_reaches_its_total(trouble: str, capsys: pytest.CaptureFixture[str]) -> None:
    target, source = estate(SOURCE if trouble == "no changes" else TARGET), estate(SOURCE)
    calls, callback = progress()
    if trouble == "complete":
        target.sabotage = RuntimeError("disk full")
    if trouble in ("failure", "stop", "interrupt"):
        target.trouble["create", "device", "sw-1"] = KeyboardInterrupt() if trouble == "interrupt" else None
    flags = GO_ON if trouble == "failure" else DSyncFlags.NONE
    try:
        target.sync_from(source, flags=flags, callback=callback)
    except (ObjectCrudException, KeyboardInterrupt, RuntimeError):
        assert trouble in ("stop", "interrupt", "complete")
    total = 0 if trouble == "no changes" else 12
    assert calls[-1] == ("sync", total, total)
    for stage in ("diff", "sync"):
        numbers = [done for name, done, _total in calls if name == stage]
        assert numbers == sorted(numbers)
        assert len([done for name, done, total in calls if name == stage and done == total]) == 1
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------------- interruptions


def test_interrupted_inside_a_change() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    target.trouble["create", "device", "sw-1"] = KeyboardInterrupt()
    diff = target.diff_from(source)
    result = target.apply(Plan.from_diff(diff), source, flags=GO_ON, diff=diff)
    assert [str(outcome.status) for outcome in result.outcomes] == ["done"] * 3 + ["failed"] + ["not_attempted"] * 8
    assert result.outcomes[3].message == "it was interrupted (KeyboardInterrupt), and may have been created nevertheless"
    assert result.outcomes[4].message == "the run was interrupted (KeyboardInterrupt)"
    assert target.completed == [diff]
    with pytest.raises(KeyboardInterrupt):
        result.raise_for_failure()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("broken bar")], ids=repr)
def test_interrupted_inside_the_callback(error: BaseException) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    calls = []

    def callback(stage: str, done: int, total: int) -> None:
        calls.append(done)
        if stage == "sync" and done == 2:
            raise error

    with pytest.raises(type(error)) as caught:
        target.sync_from(source, callback=callback)
    assert caught.value is error
    assert calls[-1] == 2
    assert target.log == EXPECTED[:2]
    assert len(target.completed) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("broken bar")], ids=repr)
def test_interrupted_inside_the_last_call_of_the_callback(error: BaseException) -> None:
    target, source = estate(TARGET), estate(SOURCE)

    def callback(stage: str, done: int, total: int) -> None:
        if stage == "sync" and done == total:
            raise error

    result = target.apply(Plan.from_diff(target.diff_from(source)), source, callback=callback)
    assert (result.counts["done"], result.interrupted) == (12, error)


@pytest.mark.parametrize("where", ["callback", "complete", "both"])
def test_what_ends_a_synchronisation_says_what_was_done(where: str) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    target.sabotage = LookupError("no room") if where != "callback" else None

    def callback(stage: str, done: int, total: int) -> None:
        if stage == "sync" and done == 2 and where != "complete":
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, LookupError)) as caught:
        target.sync_from(source, callback=callback)
    result: Any = getattr(caught.value, "result", None)
    assert result.counts["done"] == (12 if where == "complete" else 2)
    assert (result.complete_error is None) is (where == "callback")


# ---------------------------------------------------------------------- verdicts, journal, retry, protection


class Notes:
    """A recorder that keeps what it is told, and fails where ``trouble`` says so."""

    def __init__(self, trouble: dict[tuple[str, str], BaseException] | None = None) -> None:
        self.told: list[tuple[str, str]] = []
        self.trouble = trouble or {}

    def _note(self, what: str, change: Change) -> None:
        self.told.append((what, change.id))
        if (what, change.id) in self.trouble:
            raise self.trouble[what, change.id]

    def intend(self, change: Change) -> None:
        self._note("intend", change)

    def record(self, outcome: Outcome) -> None:
        self._note(str(outcome.status), outcome.change)


def watched(target: Estate, source: Estate, flags: DSyncFlags = GO_ON, **watch: Any) -> tuple[Result, dict[str, str]]:
    """Apply what makes target like source; return the result, and how each change ended by its object's id."""
    diff = target.diff_from(source)
    result = target.apply(Plan.from_diff(diff), source, flags=flags, diff=diff, **watch)
    return result, {outcome.change.id: str(outcome.status) for outcome in result.outcomes}


def test_a_verdict_settles_a_change_beforehand() -> None:
    target, notes = estate(TARGET), Notes()
    verdicts = {
        ChangeKey(DSyncAction.UPDATE, "site", "nyc"): Verdict(OutcomeStatus.ALREADY_DONE, "it is so already"),
        ChangeKey(DSyncAction.CREATE, "site", "ams"): Verdict(OutcomeStatus.REFUSED, "it has moved on"),
        ChangeKey(DSyncAction.DELETE, "device", "rtr-3"): Verdict(OutcomeStatus.ALREADY_DONE),
        ChangeKey(DSyncAction.DELETE, "site", "nobody"): Verdict(OutcomeStatus.REFUSED),
    }
    result, ends = watched(target, estate(SOURCE), verdicts=verdicts, journal=notes)
    messages = {outcome.change.id: outcome.message for outcome in result.outcomes}
    assert (ends["nyc"], messages["nyc"]) == ("already_done", "it is so already")
    assert (ends["ams"], messages["ams"]) == ("refused", "it has moved on")
    assert (ends["rtr-2"], messages["rtr-2"]) == ("not_attempted", 'it depends on the create of site "ams", which was refused')
    assert messages["rtr-2__eth0"] == 'it depends on the create of device "rtr-2", which was not attempted'
    assert (ends["sw-1"], ends["rtr-3"], ends["rtr-3__eth0"]) == ("done", "already_done", "done")
    assert result.counts == {"done": 7, "already_done": 2, "failed": 0, "refused": 1, "not_attempted": 2}
    assert not {("update", "site", "nyc"), ("create", "site", "ams"), ("delete", "device", "rtr-3")} & set(target.log)
    assert ("intend", "nyc") not in notes.told
    assert ("already_done", "nyc") in notes.told
    assert not result.stopped


@pytest.mark.parametrize("flags", [GO_ON, DSyncFlags.NONE], ids=str)
def test_refused_changes_and_what_depends_on_them_fail_the_run(flags: DSyncFlags) -> None:
    verdicts = {ChangeKey(DSyncAction.CREATE, "site", "ams"): Verdict(OutcomeStatus.REFUSED, "it refers to nothing")}
    result, ends = watched(estate(TARGET), estate(SOURCE), flags, verdicts=verdicts)
    assert [(outcome.change.id, str(outcome.status)) for outcome in result.failures] == [("ams", "refused")]
    assert (ends["rtr-2"], ends["rtr-2__eth0"]) == ("not_attempted", "not_attempted")
    with pytest.raises(ObjectNotCreated, match='site "ams" was not created: it refers to nothing') as caught:
        result.raise_for_failure()
    assert caught.value.result is result
    result.raise_for_end()
    assert ends["lon"] == "done"


def test_what_the_user_asked_to_skip_and_what_depends_on_it_is_no_failure() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    diff = target.diff_from(source)
    diff.children["site"]["ams"].protected = "hands off"
    stale = {ChangeKey(DSyncAction.DELETE, "site", "lon"): Verdict(OutcomeStatus.REFUSED, "it has moved on", skipped=True)}
    result = target.apply(Plan.from_diff(diff), source, verdicts=stale)
    left = {outcome.change.id for outcome in result.outcomes if outcome.skipped}
    assert (
        left
        == {outcome.change.id for outcome in result.outcomes if outcome.status != OutcomeStatus.DONE}
        >= {"ams", "rtr-2", "lon"}
    )
    assert result.failures == []
    result.raise_for_failure()


def test_what_depends_on_a_failed_and_on_a_protected_change_is_a_failure() -> None:
    target = estate({})
    protected = Change(DSyncAction.CREATE, "site", "a", {"name": "a"}, after={"contact": "1"}, protected="hands off")
    failing = Change(DSyncAction.CREATE, "site", "b", {"name": "b"}, after={"contact": "1"})
    below = Change(DSyncAction.CREATE, "site", "c", {"name": "c"}, after={"contact": "1"}, requires=(protected.key, failing.key))
    target.trouble["create", "site", "b"] = None
    result = target.apply(Plan([protected, failing, below]), estate({}), flags=GO_ON)
    assert [outcome.change.id for outcome in result.failures] == ["b"]
    assert [outcome.skipped for outcome in result.outcomes] == [True, False, False]
    assert result.outcomes[2].message == 'it depends on the create of site "b", which failed'


def test_when_all_is_settled_beforehand_nothing_has_changed() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    plan = Plan.from_diff(target.diff_from(source))
    for status in (OutcomeStatus.ALREADY_DONE, OutcomeStatus.REFUSED):
        result = target.apply(plan, source, verdicts={change.key: Verdict(status) for change in plan})
        assert result.counts[status.value] == len(plan)
        assert not result.changed
    assert (target.log, target.completed) == ([], [])


def test_protection_goes_before_a_verdict() -> None:
    target = estate({"a": "1"})
    change = Change(DSyncAction.DELETE, "site", "a", {"name": "a"}, before={"contact": "1"}, protected="hands off")
    result = target.apply(Plan([change]), estate(), verdicts={change.key: Verdict(OutcomeStatus.ALREADY_DONE)})
    assert [(str(outcome.status), outcome.message) for outcome in result.outcomes] == [("refused", "hands off")]
    assert (target.log, len(target)) == ([], 1)


def test_a_protected_update_does_not_hold_up_what_is_below_it_and_a_failed_one_does() -> None:
    for protected, expected in (("hands off", "done"), ("", "not_attempted")):
        target, source = estate(TARGET), estate(SOURCE)
        target.trouble["update", "site", "nyc"] = None
        diff = target.diff_from(source)
        diff.children["site"]["nyc"].protected = protected
        result = target.apply(Plan.from_diff(diff), source, flags=GO_ON, diff=diff)
        below = {outcome.change.id: str(outcome.status) for outcome in result.outcomes[1:6]}
        assert below == dict.fromkeys(("rtr-1__eth0", "rtr-1__eth1", "sw-1", "old-1", "old-1__eth9"), expected)


def test_the_journal_records_each_change_before_and_after_it() -> None:
    target, notes = estate(TARGET), Notes()
    target.trouble["create", "device", "sw-1"] = None
    result, _ends = watched(target, estate(SOURCE), journal=notes)
    expected: list[tuple[str, str]] = []
    for outcome in result.outcomes:
        expected += [("intend", outcome.change.id), (str(outcome.status), outcome.change.id)]
    assert notes.told == expected
    assert ("failed", "sw-1") in notes.told
    notes = Notes()
    target = estate(TARGET)
    target.trouble["update", "site", "nyc"] = None
    watched(target, estate(SOURCE), DSyncFlags.NONE, journal=notes)
    assert notes.told[:2] == [("intend", "nyc"), ("failed", "nyc")]
    assert {what for what, _uid in notes.told[2:]} == {"not_attempted"}


def test_what_is_deleted_along_is_recorded_without_an_intent() -> None:
    target, notes = estate(TARGET), Notes()
    target.get("site", "lon").model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    watched(target, estate(SOURCE), journal=notes)
    assert notes.told[-4:] == [("intend", "lon"), ("done", "lon"), ("done", "rtr-3"), ("done", "rtr-3__eth0")]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("what", ["intend", "done"])
def test_a_journal_that_cannot_be_written_ends_the_run(what: str, error: BaseException) -> None:
    target = estate(TARGET)
    notes = Notes({(what, "rtr-1__eth1"): error})
    result, ends = watched(target, estate(SOURCE), journal=notes)
    made = 3 if what == "done" else 2
    assert target.log == EXPECTED[:made]
    assert result.counts == {"done": made, "already_done": 0, "failed": 0, "refused": 0, "not_attempted": 12 - made}
    assert result.interrupted is error
    assert len(target.completed) == 1
    assert notes.told[-1] == (what, "rtr-1__eth1")
    with pytest.raises(type(error)):
        result.raise_for_failure()
    assert ends["sw-1"] == "not_attempted"


@pytest.mark.parametrize("what", ["intend", "done"])
def test_a_journal_that_cannot_be_written_at_the_first_change(what: str) -> None:
    target = estate(TARGET)
    result, _ends = watched(target, estate(SOURCE), journal=Notes({(what, "nyc"): OSError("disk full")}))
    assert target.log == (EXPECTED[:1] if what == "done" else [])
    assert bool(target.completed) is result.changed is (what == "done")


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_a_journal_that_cannot_be_written_at_the_end_of_a_transaction_keeps_the_result(error: BaseException) -> None:
    class AllOrNothing(Estate):
        transactional = True

    class Full(Notes):
        def record(self, *outcomes: Outcome) -> None:
            raise error

    target = estate(TARGET, kind=AllOrNothing)
    result, _ends = watched(target, estate(SOURCE), journal=Full())
    assert (result.counts["done"], result.interrupted, len(target.completed)) == (12, error, 1)


class Flaky(Estate):
    """An adapter whose operations fail a number of times, half-way through."""

    failures = 0

    def operate(self, key: Key) -> bool:
        super().operate(key)
        self.failures -= 1
        if self.failures >= 0:
            raise TransientError("come again")
        return True


def three_times(make: Any) -> str:
    for _attempt in range(2):
        try:
            return str(make())
        except TransientError:
            continue
    return str(make())


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("before", "after"), [({}, {"a": "1"}), ({"a": "0"}, {"a": "1"}), ({"a": "1"}, {})], ids=["create", "update", "delete"]
)
def test_what_fails_in_a_way_that_may_pass_is_tried_again(before: Any, after: Any, failures: int) -> None:
    target, source, notes = estate(before, kind=Flaky), estate(after), Notes()
    target.failures = failures
    result, ends = watched(target, source, DSyncFlags.NONE, retry=three_times, journal=notes)
    succeeds = failures < 3
    assert ends == {"a": "done" if succeeds else "failed"}
    assert len(target.log) == min(failures, 2) + 1
    assert notes.told == [("intend", "a"), (ends["a"], "a")]
    assert target.diff_from(source).has_diffs() is not succeeds
    assert result.stopped is not succeeds
    if not succeeds:
        assert result.failures[0].message == "come again"
        assert target.diff_from(estate(before)).has_diffs() is False


def test_each_attempt_gets_values_of_its_own() -> None:
    seen: list[Any] = []

    class Spoiling(DSyncModel):
        _modelname = "spoiling"
        _identifiers = ("name",)
        _attributes = ("tags",)
        name: str
        tags: list[str] = []

        @classmethod
        def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            seen.append(repr((ids, attrs)))
            attrs["tags"].append("spoilt")
            ids["name"] = "other"
            if len(seen) < 3:
                raise TransientError("come again")
            return cls(name="a", tags=["x"])

    target, source = dataset(Spoiling), dataset(Spoiling, objects=[Spoiling(name="a", tags=["x"])])
    target.apply(Plan.from_diff(target.diff_from(source)), source, retry=three_times).raise_for_failure()
    assert seen == ["({'name': 'a'}, {'tags': ['x']})"] * 3


def test_only_attempts_are_tried_again() -> None:
    calls: list[str] = []

    def once(make: Any) -> str:
        calls.append("x")
        return str(make())

    target = estate(TARGET)
    target.get("site", "lon").model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    diff = target.diff_from(estate(SOURCE))
    diff.children["site"]["nyc"].protected = "hands off"
    verdicts = {ChangeKey(DSyncAction.CREATE, "site", "ams"): Verdict(OutcomeStatus.REFUSED)}
    result = target.apply(Plan.from_diff(diff), estate(SOURCE), flags=GO_ON, retry=once, verdicts=verdicts)
    assert result.counts == {"done": 8, "already_done": 0, "failed": 0, "refused": 2, "not_attempted": 2}
    assert len(calls) == len(target.log) == 6


def test_ctrl_c_while_waiting_to_try_again() -> None:
    def impatient(make: Any) -> str:
        raise KeyboardInterrupt

    result, ends = watched(estate({"a": "0", "b": "0"}), estate({"a": "1", "b": "1"}), retry=impatient)
    assert ends == {"a": "failed", "b": "not_attempted"}
    assert isinstance(result.interrupted, KeyboardInterrupt)
    assert "may have been updated nevertheless" in result.outcomes[0].message


def test_what_is_transient_is_for_the_adapter_to_say() -> None:
    class Knowing(Estate):
        def is_transient(self, error: BaseException) -> bool:
            return isinstance(error, TimeoutError) or super().is_transient(error)

    for kind, known in ((Estate, False), (Knowing, True)):
        assert kind().is_transient(TransientError("come again"))
        assert kind().is_transient(TimeoutError()) is known
        assert not kind().is_transient(ObjectNotCreated("no"))


@pytest.mark.parametrize("trouble", [None, RuntimeError("no luck")], ids=repr)
def test_what_was_to_move_away_is_not_deleted_along(trouble: Any) -> None:
    target = estate({"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"})
    target.get("site", "a").model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    target.trouble["delete", "device", "d"] = trouble
    _result, ends = run(target, estate({"b": ("1", {"d": ("x", {"e": 1})})}))
    assert ends == {("move", "device", "d"): "failed", ("delete", "site", "a"): "not_attempted"}
    assert target.get("site", "a").devices == ["d"]
    assert target.log == [("delete", "device", "d")]


# ---------------------------------------------------------------------- point 9: secrets


def secretive(text: str = PLANTED) -> Estate:
    made = estate({"a": "1"})
    made.add(Device(name="d"))
    made.get("site", "a").add_child(made.get("device", "d"))
    made.add(Interface(device="d", name="e", password=text))
    made.get("device", "d").add_child(made.get("interface", "d__e"))
    return made


def _chain(error: BaseException) -> RuntimeError:
    outer = RuntimeError("a harmless text")
    outer.__cause__ = error
    return outer


ERRORS = {
    "plain": RuntimeError(f"login with {PLANTED} failed"),
    "own": ObjectNotUpdated(f"login with {PLANTED} failed"),
    "cause": _chain(ValueError(PLANTED)),
    "many lines": RuntimeError("key:\nBEGIN\nMIIC\nEND\n"),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("action", ["create", "update", "update of another field", "delete"])
def test_point_9_failures_show_no_secret(name: str, action: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = "BEGIN\nMIIC\nEND" if name == "many lines" else PLANTED
    target, source = secretive(secret), secretive(secret)
    if action == "create":
        target.remove(target.get("interface", "d__e"))
        target.get("device", "d").interfaces.clear()
    elif action == "update":
        source.get("interface", "d__e").password = "something-else"
    elif action == "update of another field":
        source.get("interface", "d__e").mtu = 1
    else:
        source.remove(source.get("interface", "d__e"))
        source.get("device", "d").interfaces.clear()
    target.trouble[action.split(maxsplit=1)[0], "interface", "d__e"] = ERRORS[name]
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ObjectCrudException) as caught:
        target.sync_from(source)
    chain: list[Any] = [caught.value]
    while chain[-1] is not None:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)
    (outcome,) = caught.value.result.outcomes
    shown = (
        f"{list(map(repr, chain))} {list(map(str, chain))} {outcome!r} {outcome.message} {caplog.text} {outcome.change.record()}"
    )
    assert secret not in shown
    assert "MIIC" not in shown
    assert not outcome.presentable


class Sealing(Estate):
    error: BaseException = RuntimeError()

    def sync_complete(self, *_args: Any, **_options: Any) -> None:
        raise self.error


@pytest.mark.parametrize("transactional", [False, True])
@pytest.mark.parametrize("name", ERRORS)
def test_point_9_what_sync_complete_raises_shows_no_secret(
    name: str, transactional: bool, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "BEGIN\nMIIC\nEND" if name == "many lines" else PLANTED
    target, source = estate({"a": "0"}, kind=Sealing), estate({"a": "1"})
    target.add(Interface(device="d", name="e", password=secret))
    target.error, target.transactional = ERRORS[name], transactional
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    error: Any = result.complete_error
    assert secret not in f"{error} {error!r} {error.__cause__} {error.__context__} {result} {caplog.text}"
    assert "MIIC" not in f"{error} {error!r}"
    assert (str(error) == "RuntimeError: login with ******** failed") is (name == "plain")
    assert error.__traceback__ is not None
    assert isinstance(error, DSyncException)


def test_point_9_a_harmless_exception_of_sync_complete_is_kept() -> None:
    target, source = estate({"a": "0"}, kind=Sealing), estate({"a": "1"})
    target.error = RuntimeError("disk full")
    assert target.apply(Plan.from_diff(target.diff_from(source)), source).complete_error is target.error
    target.add(Interface(device="d", name="e", password=PLANTED))
    target.error = KeyboardInterrupt(PLANTED)
    assert target.apply(Plan.from_diff(target.diff_from(estate({"a": "2"}))), source).interrupted is target.error


def test_point_9_status_messages_and_untyped_secrets() -> None:
    class Telling(DSyncModel):
        _modelname = "telling"
        _identifiers = ("name",)
        _attributes = ("anything",)
        name: str
        anything: Any = None

        @classmethod
        def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
            made = super().create(dsync=dsync, ids=ids, attrs=attrs)
            made.set_status(DSyncStatus.SUCCESS if ids["name"] == "a" else DSyncStatus.ERROR, f"used {PLANTED}")
            return made

    objects = [Telling(name=name, anything=[SecretStr(PLANTED)]) for name in "ab"]
    target, source = dataset(Telling), dataset(Telling, objects=objects)
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(plan, source, flags=GO_ON)
    assert [outcome.message for outcome in result.outcomes] == ["used ********", "used ********"]
    assert PLANTED not in str([change.record() for change in plan])


def test_point_9_a_harmless_exception_is_kept() -> None:
    target = estate({"a": "0"})
    error = ObjectNotUpdated("the disk is full")
    target.trouble["update", "site", "a"] = error
    with pytest.raises(ObjectNotUpdated) as caught:
        target.sync_from(estate({"a": "1"}))
    assert caught.value is error


def test_logging_of_unchanged_records(caplog: pytest.LogCaptureFixture) -> None:
    target, source = estate(SOURCE), estate(SOURCE)
    caplog.set_level(logging.DEBUG, logger="dsync")
    target.sync_from(source, flags=DSyncFlags.LOG_UNCHANGED_RECORDS)
    assert [record.message for record in caplog.records][:2] == ['site "nyc": unchanged', 'device "rtr-1": unchanged']
    caplog.clear()
    target.sync_from(source)
    assert caplog.records == []


def test_cascade_and_removed_children() -> None:
    target = estate(TARGET)
    for site in target.get_all("site"):
        site.model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE | NATURAL
    result, ends = run(target, estate({}))
    assert target.log == [("delete", "site", "nyc"), ("delete", "site", "lon")]
    assert set(ends.values()) == {"done"}
    assert len(ends) == 8
    assert len(target) == 0
    target = estate(TARGET)
    target.get("site", "lon").model_flags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
    target.trouble["delete", "site", "lon"] = None
    result, ends = run(target, estate({}))
    assert ends["delete", "device", "rtr-3"] == ends["delete", "interface", "rtr-3__eth0"] == "not_attempted"
    assert target.count("interface") == 1
    assert len(result.failures) == 1
