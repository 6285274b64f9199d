# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Undo: whatever was done, reversing it restores the beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import Change, DSyncAction, DSyncModel, ObjectRef, Plan
from dsync.exceptions import RecordError, SecretMoved
from dsync.guard.staleness import check
from dsync.plan.change import ChangeKey
from dsync.plan.outcome import OutcomeStatus
from dsync.plan.undo import undo_plan
from dsync.storage import digests as seal
from dsync.storage.plan_file import load, save
from estate import PLANTED, SOURCE, TARGET, dataset, estate
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from richtree import KINDS, Spec, Tree, content, specs, tree, whole


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_COST", {"n": 2, "r": 1, "p": 1})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("undo") / "undo.jsonl"


def check_order(plan: Plan) -> None:
    """Keys are unique, what is required comes before, and so do parents of what is created and children of what is deleted."""
    place = {change.key: number for number, change in enumerate(plan)}
    assert len(place) == len(plan)
    for change in plan:
        assert all(place[key] < place[change.key] for key in change.requires)
        above = (change.action, *(change.parent or ("", "")))
        if change.action == DSyncAction.MOVE:
            assert place.get(ChangeKey(DSyncAction.CREATE, *(change.parent or ("", ""))), -1) < place[change.key]
            assert place.get(ChangeKey(DSyncAction.DELETE, *(change.before_parent or ("", ""))), len(place)) > place[change.key]
        elif above in place and change.action != DSyncAction.UPDATE:
            assert (place[above] < place[change.key]) is (change.action == DSyncAction.CREATE)


@given(specs(), specs(), st.sampled_from(KINDS), st.integers(0, 30))
def test_undo_restores_the_beginning(left: Spec, right: Spec, kind: type[Tree], cut: int) -> None:
    source, target = tree(left, kind), tree(right, kind)
    plan = Plan.from_diff(target.diff_from(source))
    result = target.apply(whole(plan, cut), source)
    assert not result.failures
    undo = undo_plan(outcome.change for outcome in result.outcomes)
    check_order(undo)
    assert check(undo, target) == {}
    undone = target.apply(undo, source)
    assert not undone.failures
    assert content(target) == content(tree(right, kind))
    assert len(check(undo, target)) == len(undo)


@given(specs(secrets=False), specs(secrets=False), st.sampled_from(KINDS))
def test_undo_from_a_file_restores_the_beginning(shared: Path, left: Spec, right: Spec, kind: type[Tree]) -> None:
    source, target = tree(left, kind), tree(right, kind)
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(plan, source)
    save(undo_plan(plan), shared, source=None, target=target, purpose="undo")
    bound = load(shared).resolve(None, target)
    target.apply(bound, source, verdicts=check(bound, target))
    assert content(target) == content(tree(right, kind))


@given(specs(), specs(), st.sampled_from(KINDS), st.integers(0, 30))
def test_what_may_have_been_done_is_settled(left: Spec, right: Spec, kind: type[Tree], cut: int) -> None:
    source, target = tree(left, kind), tree(right, kind)
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(whole(plan, cut), source)
    undo = undo_plan(plan)  # of all, although only a half was done
    verdicts = check(undo, target)
    assert {verdict.status for verdict in verdicts.values()} <= {OutcomeStatus.ALREADY_DONE}
    target.apply(undo, source, verdicts=verdicts)
    assert content(target) == content(tree(right, kind))


def test_a_whole_estate_there_and_back() -> None:
    target = estate(TARGET)
    plan = Plan.from_diff(target.diff_from(estate(SOURCE)))
    target.apply(plan, estate(SOURCE))
    undo = undo_plan(plan)
    check_order(undo)
    target.apply(undo, estate(SOURCE))
    assert not target.diff_from(estate(TARGET)).has_diffs()


def test_references_are_reversed_too() -> None:
    def change(action: DSyncAction, uid: str, requires: tuple[Change, ...] = (), parent: str | None = None) -> Change:
        values = {DSyncAction.CREATE: (None, {}), DSyncAction.DELETE: ({}, None)}[action]
        ref = None if parent is None else ObjectRef("m", parent)
        keys = tuple(one.key for one in requires)
        return Change(action, "m", uid, {"id": uid}, *values, parent=ref, requires=keys)

    used = change(DSyncAction.CREATE, "used")
    user = change(DSyncAction.CREATE, "user", (used,))
    old_user = change(DSyncAction.DELETE, "old_user")
    old_used = change(DSyncAction.DELETE, "old_used", (old_user,))
    undo = undo_plan([used, user, old_user, old_used])
    assert [repr(one) for one in undo] == ['create m "old_used"', 'create m "old_user"', 'delete m "user"', 'delete m "used"']
    assert [len(one.requires) for one in undo] == [0, 1, 0, 1]
    around = [change(DSyncAction.CREATE, "a", (user,)), change(DSyncAction.CREATE, "user", (change(DSyncAction.CREATE, "a"),))]
    check_order(undo_plan(around))


class Street(BaseModel):
    name: str
    number: int = 1


class Person(DSyncModel):
    _modelname = "person"
    _identifiers = ("name",)
    _attributes = ("role", "home", "homes")
    name: str
    role: str
    home: Street
    homes: list[Street]

    def model_post_init(self, context: Any, /) -> None:
        self.role.strip()


def test_a_nested_value_beside_required_attributes_comes_back_from_a_file(tmp_path: Path) -> None:
    person = Person(name="x", role="r", home=Street(name="s"), homes=[Street(name="t")])
    source, target = dataset(Person), dataset(Person, objects=[person])
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(plan, source)
    save(undo_plan(plan), tmp_path / "undo", source=None, target=target, purpose="undo")
    undo = load(tmp_path / "undo").resolve(None, target)
    target.apply(undo, source, verdicts=check(undo, target))
    assert target.get("person", "x").get_attrs() == person.get_attrs()


def test_changes_of_two_runs_are_refused() -> None:
    plan = Plan.from_diff(estate(TARGET).diff_from(estate(SOURCE)))
    with pytest.raises(RecordError, match="occurs twice"):
        undo_plan([*plan, plan.changes[0]])


def test_a_deep_tree_needs_no_deep_stack() -> None:
    deletes = [
        Change(DSyncAction.DELETE, "m", str(depth), {}, {}, None, parent=ObjectRef("m", str(depth - 1)) if depth else None)
        for depth in range(5000)
    ]
    assert [change.id for change in undo_plan(deletes)] == [str(depth) for depth in range(5000)]


def test_secrets_are_restored_from_memory_and_refused_from_a_file(tmp_path: Path) -> None:
    old = {"a": (None, {"password": PLANTED, "number": 1}), "b": (None, {"password": PLANTED})}
    new = {"a": (None, {"password": "hunter2-new", "number": 2}), "c": (None, {"password": "hunter2-new"})}
    source, target = tree(new), tree(old)
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(plan, source)
    undo = undo_plan(plan)
    save(undo, tmp_path / "undo", source=None, target=target, purpose="undo")
    assert "hunter2" not in (tmp_path / "undo").read_text()
    target.apply(undo, source)
    assert content(target) == content(tree(old))

    target = tree(new)
    with pytest.raises(SecretMoved, match='any more: password of node "b", password of node "a"') as caught:
        load(tmp_path / "undo").resolve(None, target)
    assert "hunter2" not in str(caught.value)
    bound = load(tmp_path / "undo").resolve(None, target, lost_secrets="leave")
    assert len(bound.warnings) == 2
    result = target.apply(bound, source, verdicts=check(bound, target))
    assert {str(outcome.change): str(outcome.status) for outcome in result.outcomes} == {
        'update node "a"': "done",
        'delete node "c"': "done",
        'create node "b"': "refused",
    }
    assert content(target)["node a"][0]["password"] == "hunter2-new"
    assert content(target)["node a"][0]["number"] == 1
    assert "node b" not in content(target)

    whole = load(tmp_path / "undo").resolve(tree(old), tree(new))  # a dataset that still has them, such as a backup
    assert not whole.warnings
