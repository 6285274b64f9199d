# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the target is as a plan expects it: every way in which it may have moved on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncAction, DSyncFlags, DSyncModel, DSyncModelFlags, OutcomeStatus, Plan
from dsync.exceptions import Refused, StaleTarget
from dsync.guard.staleness import check
from dsync.plan.change import ChangeKey
from dsync.plan.subtrees import ignored_children
from dsync.plan.undo import undo_plan
from dsync.storage.plan_file import load, save
from dsync.storage.stored_plan import ResolvedPlan
from estate import PLANTED, SOURCE, TARGET, Device, Estate, Folder, Interface, InTwo, Site, dataset, estate
from hypothesis import given
from hypothesis import strategies as st
from richtree import KINDS, Spec, TakingTree, Tree, content, specs, tree

DONE, ALREADY, REFUSED = OutcomeStatus.DONE, OutcomeStatus.ALREADY_DONE, OutcomeStatus.REFUSED
NONE: dict[str, Any] = {}


def plan_of(source: DSync, target: DSync) -> Plan:
    return Plan.from_diff(target.diff_from(source))


def said(plan: Plan, target: DSync) -> dict[str, str]:
    """Return what is stale, by change, as told when it is skipped; and see that ``fail`` tells the same."""
    verdicts = check(plan, target, "skip")
    stale = {f"{key.action} {key.id}": verdict.message for key, verdict in verdicts.items() if verdict.status == REFUSED}
    if stale:
        with pytest.raises(StaleTarget) as caught:
            check(plan, target)
        told = {f"{change.action} {change.id}": sentence for change, sentence in caught.value.changes}
        assert told.keys() <= stale.keys()
        assert all(stale[key] in sentence for key, sentence in told.items())
        assert f"{len(told)} of {len(plan)} change" in str(caught.value)
    else:
        assert check(plan, target) == verdicts
    return stale


def already(plan: Plan, target: DSync) -> list[str]:
    return [f"{key.action} {key.id}" for key, verdict in check(plan, target, "skip").items() if verdict.status == ALREADY]


# ---------------------------------------------------------------------- nothing stale


def test_nothing_is_stale_in_what_was_just_compared() -> None:
    assert check(plan_of(estate(SOURCE), estate(TARGET)), estate(TARGET)) == {}


def test_all_is_done_already_in_what_was_just_changed() -> None:
    plan, target = plan_of(estate(SOURCE), estate(TARGET)), estate(TARGET)
    target.apply(plan, estate(SOURCE))
    assert len(already(plan, target)) == len(plan)
    assert said(plan, target) == {}


@given(specs(), specs(), st.sampled_from(KINDS), st.integers(0, 20))
def test_a_run_that_was_cut_short_is_finished(left: Spec, right: Spec, kind: type[Tree], cut: int) -> None:
    source, target = tree(left, kind), tree(right, kind)
    plan = plan_of(source, target)
    first = Plan(plan.changes[:cut])
    while first.changes and cut < len(plan) and plan.changes[len(first)].cascade:  # what goes along, goes at once
        first = Plan(plan.changes[: len(first) + 1])
        cut = len(first)
    target.apply(first, source)
    verdicts = check(plan, target)
    assert {verdict.status for verdict in verdicts.values()} <= {ALREADY}
    assert not target.apply(plan, source, verdicts=verdicts).failures
    assert content(target) == content(source)


@given(specs(), specs(), specs(), st.sampled_from(KINDS))
def test_nothing_is_written_over_that_is_not_known(left: Spec, right: Spec, actual: Spec, kind: type[Tree]) -> None:
    source, live = tree(left, kind), tree(actual, kind)
    plan = plan_of(source, tree(right, kind))
    before = content(live)
    verdicts = check(plan, live, "skip")
    result = live.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE, verdicts=verdicts)
    after = content(live)
    goal, expected = content(source), content(tree(right, kind))
    for name, (attrs, _children) in before.items():
        known = (expected.get(name, (NONE,))[0], goal.get(name, (NONE,))[0])
        for attribute, value in attrs.items():
            if all(side.get(attribute, value) != value for side in known) and any(known):
                assert name in after, f"{name} is lost: {[repr(one) for one in result.outcomes]}"
                assert after[name][0][attribute] == value
    for name in before.keys() - expected.keys():
        assert name in after, f"the plan does not know {name}, and deleted it"


def test_what_moves_along_is_not_written_over_when_the_moved_object_is_gone() -> None:
    source = tree({"a": (None, {}), "b": (None, {}), "c": ("b", {})})
    plan = plan_of(source, tree({"a": (None, {}), "b": ("a", {}), "c": ("b", {})}))
    live = tree({"a": (None, {}), "c": (None, {"number": 7})})
    assert said(plan, live) == {"move b": 'node "c" moves along, and its number is 7, expected 0'}
    live.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE, verdicts=check(plan, live, "skip"))
    assert live.get("node", "c").number == 7


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_deleted_above_an_object_whose_move_is_refused(kind: type[Tree]) -> None:
    source = tree({"a": (None, {}), "b": (None, {})}, kind)
    plan = plan_of(source, tree({"a": (None, {}), "b": ("a", {}), "c": (None, {})}, kind))
    live = tree({"a": (None, {}), "c": (None, {}), "b": ("c", {})}, kind)
    assert said(plan, live) == {"move b": 'is below node "c" now', "delete c": 'is kept because of node "b" below it'}
    live.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE, verdicts=check(plan, live, "skip"))
    assert content(live) == content(tree({"a": (None, {}), "c": (None, {}), "b": ("c", {})}, kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("between", [(), ("x",)])
def test_what_stays_below_an_object_is_not_lost_when_that_is_moved_by_a_delete_and_a_create(
    kind: type[Tree], between: tuple[str, ...]
) -> None:
    """The delete would take along what is below the object and unknown to its move."""
    inner = {name: ("a", {}) for name in between}
    above = between[-1] if between else "a"
    source = tree({"c": (None, {}), "b": ("c", {}), "a": ("c", {}), **inner}, kind)
    plan = plan_of(source, tree({"a": (None, {}), "b": (None, {}), **inner}, kind))
    live = tree({"a": (None, {}), **inner, "b": (above, {"number": 7})}, kind)
    live.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE, verdicts=check(plan, live, "skip"))
    assert live.get("node", "b").number == 7
    stays = said(plan, live).get("move a")
    assert stays is None or stays == 'is kept because of node "b" below it'


# ---------------------------------------------------------------------- what moved on


def test_updates() -> None:
    target = estate({"a": "old", "b": "old", "c": "new", "d": "else"})
    plan = plan_of(estate(dict.fromkeys("abcd", "new")), estate(dict.fromkeys("abcd", "old")))
    target.remove(target.get("site", "b"))
    assert said(plan, target) == {"update b": "is gone", "update d": "its contact is 'else', expected 'old'"}
    assert already(plan, target) == ["update c"]


def test_an_update_that_was_made_by_half_is_finished() -> None:
    before, after = {"a": (None, {"number": 1, "ratio": 1.0})}, {"a": (None, {"number": 2, "ratio": 2.0})}
    plan = plan_of(tree(after), tree(before))
    half = tree({"a": (None, {"number": 2, "ratio": 1.0})})
    assert check(plan, half) == {}
    assert said(plan, tree({"a": (None, {"number": 2, "ratio": 9.0})})) == {"update a": "its ratio is 9.0, expected 1.0"}


def test_creates() -> None:
    plan = plan_of(estate({"a": ("x", {"d": "role"}), "b": "x"}), estate({"a": "x"}))
    assert check(plan, estate({"a": "x", "b": "x"}))[ChangeKey(DSyncAction.CREATE, "site", "b")].status == ALREADY
    assert said(plan, estate({"a": "x", "b": "y"})) == {"create b": "is there already, and its contact is 'y', expected 'x'"}
    assert said(plan, estate({"z": ("x", {"d": "role"}), "a": "x"})) == {"create d": 'is there already, below site "z"'}
    assert said(plan, estate({})) == {"create d": 'cannot be created because its parent site "a" is gone'}


def test_deletes() -> None:
    plan = plan_of(estate({}), estate({"a": ("x", {"d": "role"})}))
    assert already(plan, estate({})) == ["delete a", "delete d"]
    assert said(plan, estate({"a": ("y", {"d": "role"})})) == {"delete a": "its contact is 'y', expected 'x'"}
    assert said(plan, estate({"a": "x", "b": ("x", {"d": "role"})})) == {
        "delete d": 'is below site "b" now',
        "delete a": 'is kept because of device "d" below it',
    }


def test_what_came_into_being_below_something_is_not_lost() -> None:
    plan = plan_of(estate({}), estate({"a": ("x", {"d": "role"})}))
    live = estate({"a": ("x", {"d": ("role", {"eth7": 1500})})})
    assert said(plan, live) == {
        "delete d": 'has the child interface "d__eth7", which the plan does not delete',
        "delete a": 'is kept because of device "d" below it',
    }
    result = live.apply(plan, estate({}), verdicts=check(plan, live, "skip"))
    assert not result.changed
    assert live.get("interface", "d__eth7")


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_that_moved_on_keeps_its_parents(kind: type[Tree]) -> None:
    spec = {"a": (None, {}), "b": ("a", {}), "c": ("b", {"number": 1}), "f": ("a", {})}
    plan = plan_of(tree({}, kind), tree(spec, kind))
    live = tree({**spec, "c": ("b", {"number": 7})}, kind)
    before = content(live)
    verdicts = check(plan, live, "skip")
    live.apply(plan, tree({}, kind), DSyncFlags.CONTINUE_ON_FAILURE, verdicts=verdicts)
    kept = content(live)
    assert {"node a", "node b", "node c"} <= kept.keys()
    assert kept["node c"] == before["node c"]


def test_what_was_to_go_along_and_did_not() -> None:
    plan = plan_of(TakingTree(), tree({"a": (None, {}), "b": ("a", {})}, TakingTree))
    assert already(plan, TakingTree()) == ["delete a", "delete b"]
    assert said(plan, tree({"b": (None, {})}, TakingTree)) == {
        "delete b": "still exists, although its parent, with which it should have been deleted, is gone"
    }


def test_an_orphan_is_deleted_all_the_same() -> None:
    plan = plan_of(tree({}), tree({"a": (None, {}), "b": ("a", {})}))
    assert check(plan, tree({"b": (None, {})})).keys() == {ChangeKey(DSyncAction.DELETE, "node", "a")}


def test_moves() -> None:
    old = {"a": (None, {}), "b": (None, {}), "x": ("a", {}), "y": ("x", {})}
    new = {"a": (None, {}), "b": (None, {}), "x": ("b", {}), "y": ("x", {})}
    plan = plan_of(tree(new), tree(old))
    assert check(plan, tree(old)) == {}
    assert already(plan, tree(new)) == ["move x"]
    assert said(plan, tree({**old, "x": (None, {})})) == {"move x": "is at the top level now"}
    gone = {"a": (None, {}), "x": ("a", {}), "y": ("x", {})}
    assert said(plan, tree(gone)) == {"move x": 'cannot be moved because its new parent node "b" is gone'}
    assert said(plan, tree({**old, "y": ("x", {"number": 7})})) == {
        "move x": 'node "y" moves along, and its number is 7, expected 0'
    }
    assert said(plan, tree({**old, "z": ("y", {})})) == {"move x": 'has the child node "z", which the plan does not move'}
    assert check(plan, tree({**new, "z": ("y", {})}))[ChangeKey(DSyncAction.MOVE, "node", "x")].status == ALREADY
    live = tree(gone)
    assert not live.apply(plan, tree(new), verdicts=check(plan, live, "skip")).changed


def test_what_is_left_of_a_move_that_was_cut_off_is_moved() -> None:
    old = {"a": (None, {}), "b": (None, {}), "x": ("a", {"number": 1}), "y": ("x", {}), "z": ("y", {})}
    new = {"a": (None, {}), "b": (None, {}), "x": ("b", {"number": 2}), "y": ("x", {}), "z": ("y", {})}
    plan = plan_of(tree(new), tree(old))
    left: list[Spec] = [
        {"a": (None, {}), "b": (None, {}), "y": (None, {}), "z": ("y", {})},
        {"a": (None, {}), "b": (None, {}), "x": ("a", {"number": 1})},
        {"a": (None, {}), "b": (None, {})},
        {"a": (None, {}), "b": (None, {}), "x": ("b", {"number": 2})},
        {"a": (None, {}), "b": (None, {}), "x": ("b", {"number": 2}), "y": ("x", {})},
    ]
    for spec in left:
        live = tree(spec)
        assert check(plan, live) == {}
        assert not live.apply(plan, tree(new), verdicts=check(plan, live)).failures
        assert content(live) == content(tree(new))


def test_moves_by_two_changes() -> None:
    old, new = {"a": ("1", {"d": "x"}), "b": "1"}, {"a": "1", "b": ("1", {"d": "x"})}
    plan = plan_of(estate(new, kind=InTwo), estate(old, kind=InTwo))
    assert check(plan, estate(old, kind=InTwo)) == {}
    assert already(plan, estate(new, kind=InTwo)) == ["delete d", "create d"]
    assert said(plan, estate({"a": ("1", {"d": "x"})}, kind=InTwo)) == {
        "delete d": "stays where it is because it cannot be created in its new place",
        "create d": 'cannot be created because its parent site "b" is gone',
    }
    assert already(plan, estate({"a": "1", "b": "1"}, kind=InTwo)) == ["delete d"]


def test_a_moved_object_that_was_only_taken_out_is_created() -> None:
    old, new = {"a": (None, {}), "x": ("a", {})}, {"a": (None, {}), "x": (None, {})}
    plan = plan_of(tree(new), tree(old))
    live = tree({"a": (None, {})})
    assert already(plan, live) == []
    live.apply(plan, tree(new), verdicts=check(plan, live))
    assert content(live) == content(tree(new))


# ---------------------------------------------------------------------- what is not written


class Board(DSyncModel):
    _modelname = "board"
    _identifiers = ("name",)
    _attributes = ("role", "initial", "serial")
    _create_only = ("initial",)
    _read_only = ("serial",)
    name: str
    role: str = ""
    initial: str | None = None
    serial: str | None = None

    @classmethod
    def create(cls, dsync: DSync, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        assert "serial" not in attrs
        return super().create(dsync=dsync, ids=ids, attrs=attrs)


def boards(**values: Any) -> DSync:
    return dataset(Board, objects=[Board(name="b", **values)])


def test_what_the_system_does_not_give_back_is_not_stale() -> None:
    source, live = boards(role="r", initial="day-one", serial="s1"), boards(role="r", serial="s2")
    plan = plan_of(source, dataset(Board))
    assert already(plan, live) == ["create b"]
    assert check(undo_plan(plan), live) == {}
    assert said(plan, boards(role="x")) == {"create b": "is there already, and its role is 'x', expected 'r'"}


def test_what_the_system_sets_itself_does_not_keep_an_object_from_being_deleted() -> None:
    plan = plan_of(dataset(Board), boards(role="r", initial="day-one", serial="s1"))
    assert check(plan, boards(role="r", serial="s2")) == {}
    assert said(plan, boards(role="x")) == {"delete b": "its role is 'x', expected 'r'"}


def test_undoing_a_delete_writes_no_read_only_attribute() -> None:
    live = boards(role="r", serial="s1")
    plan = plan_of(dataset(Board), live)
    live.apply(plan, live)
    assert live.apply(undo_plan(plan), live).counts["done"] == 1
    assert live.get("board", "b").get_attrs() == {"role": "r", "initial": None, "serial": None}


def test_undoing_a_delete_from_a_file_shows_no_read_only_attribute(tmp_path: Path) -> None:
    live = boards(role="r", serial="s1")
    plan = plan_of(dataset(Board), live)
    save(undo_plan(plan), tmp_path / "undo", source=None, target=live, purpose="undo")
    bound = load(tmp_path / "undo").resolve(None, dataset(Board))
    assert bound.changes[0].after == {"role": "r", "initial": None}


def test_what_is_declared_read_only_since_refuses_the_plan(tmp_path: Path) -> None:
    source, target = estate({"a": "new"}), estate({"a": "old"})
    save(plan_of(source, target), tmp_path / "plan", source=source, target=target)

    class ReadSite(Site):
        _read_only = ("contact",)

    live = dataset(ReadSite, Device, Interface, Folder, top_level=["site", "folder"], objects=[ReadSite(name="a", contact="old")])
    with pytest.raises(Refused, match=r'the model "site" of .* is declared differently now'):
        load(tmp_path / "plan").resolve(None, live)


# ---------------------------------------------------------------------- what is skipped


class Note(DSyncModel):
    _modelname = "note"
    _identifiers = ("name",)
    name: str


class Noted(DSyncModel):
    _modelname = "folder"
    _identifiers = ("path",)
    _attributes = ()
    _children = {"note": "notes"}
    path: str
    notes: list[str] = []


class Plain(DSyncModel):
    _modelname = "folder"
    _identifiers = ("path",)
    path: str


def noted(*notes: str, flags: DSyncModelFlags = DSyncModelFlags.NONE) -> DSync:
    made = dataset(Noted, Note, objects=[Noted(path="a", notes=list(notes))], top_level=["folder"])
    for name in notes:
        made.add(Note(name=name, model_flags=flags))
    return made


def test_children_that_were_skipped_are_known() -> None:
    plan = plan_of(dataset(Plain), noted("n"))
    assert said(plan, noted("n")) == {"delete a": 'has the child note "n", which the plan does not delete'}
    known = ResolvedPlan(plan, "plan.jsonl", ignored_children(plan, noted("n")))
    assert check(known, noted("n")) == {}
    assert said(known, noted("n", "m")) == {"delete a": 'has the child note "m", which the plan does not delete'}


def test_children_that_keep_themselves_are_known() -> None:
    source, flags = dataset(Noted, Note, top_level=["folder"]), DSyncModelFlags.SKIP_UNMATCHED_DST
    assert check(plan_of(source, noted("n", flags=flags)), noted("n", flags=flags)) == {}


# ---------------------------------------------------------------------- sentences


def test_sentences_hide_secrets_and_are_short() -> None:
    before = {name: (None, {"password": PLANTED, "facts": "x" * 200}) for name in "abcde"}
    after = {name: (None, {"password": "new", "facts": ""}) for name in "abcde"}
    live = {name: (None, {"password": f"{PLANTED}-moved", "facts": "y" * 200}) for name in "abcde"}
    with pytest.raises(StaleTarget, match=r"5 of 5 changes are stale: .*; and 2 more$") as caught:
        check(plan_of(tree(after), tree(before)), tree(live))
    assert PLANTED not in str(caught.value.args) + str(caught.value.changes)
    assert len(str(caught.value)) < 1000
    assert len(caught.value.changes) == 5


def test_protected_changes_are_not_looked_at() -> None:
    from dataclasses import replace

    plan = plan_of(estate({"a": "new"}), estate({"a": "old"}))
    assert check(Plan(replace(change, protected="why") for change in plan), Estate()) == {}
