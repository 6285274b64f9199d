# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Moves in a system that cannot move: whatever is refused, and wherever a run is cut off, no object is lost for good."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncFlags, OutcomeStatus, Plan
from dsync.guard.staleness import check
from dsync.storage import digests as seal
from dsync.storage.journal import Journal, read
from richtree import KINDS, NAMES, Node, Spec, Tree, content, tree

NEVER = 10_000


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_COST", {"n": 2, "r": 1, "p": 1})


class Killed(BaseException):
    """Ends a process: nothing that comes after it is seen by anybody."""


class WatchedNode(Node):
    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        dsync.meet()
        return super().create(dsync=dsync, ids=ids, attrs=attrs)

    def update(self, attrs: dict[str, Any]) -> Any:
        self.dsync.meet()
        return super().update(attrs)

    def delete(self) -> Any:
        self.dsync.meet()
        return super().delete()


class WatchedTree(Tree):
    """Meets something before each create, update and delete."""

    meet: Callable[[], None] = staticmethod(lambda: None)


WATCHED: list[type[WatchedTree]] = [
    type(f"Watched{kind.__name__}", (WatchedTree,), {"node": type("WatchedNode", (WatchedNode, kind.node), {})}) for kind in KINDS
]


def spec(seed: str) -> Spec:
    """Return a random tree of all names, so that most of its objects move where it becomes another one."""
    chance = random.Random(seed)
    made: dict[str, tuple[str | None, dict[str, Any]]] = {}
    for name in chance.sample(NAMES, len(NAMES)):
        made[name] = (chance.choice([None, *made]), {"number": chance.randrange(2)})
    return made


def names(dataset: DSync) -> set[str]:
    return set(dataset.store.uids("node"))


def as_spec(dataset: Tree) -> Spec:
    """Return what somebody finds who loads a dataset anew; what is below nothing is at the top."""
    parents = {child: node.name for node in dataset.get_all("node") for child in node.nodes}
    found = {node.name: (parents.get(node.name), {"number": node.number}) for node in dataset.get_all("node")}
    made: dict[str, tuple[str | None, dict[str, Any]]] = {}
    while len(made) < len(found):
        for name, (parent, values) in found.items():
            if name not in made and (parent is None or parent in made):
                made[name] = (parent, values)
    return made


@pytest.mark.parametrize("flags", [DSyncFlags.NONE, DSyncFlags.CONTINUE_ON_FAILURE])
@pytest.mark.parametrize("kind", WATCHED)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_when_one_step_is_refused(seed: int, kind: type[WatchedTree], flags: DSyncFlags) -> None:
    left, right = spec(f"{seed} left"), spec(f"{seed} right")
    for step in range(1, NEVER):
        source, target = tree(left, kind), tree(right, kind)
        count = itertools.count(1)

        def refuse(count: Any = count, step: int = step) -> None:
            if next(count) == step:
                raise ValueError("no")

        target.meet = refuse
        plan = Plan.from_diff(target.diff_from(source))
        result = target.apply(plan, source, flags)
        if not result.failures:
            break
        target.meet = lambda: None
        assert names(target) >= set(left) & set(right)
        assert [outcome.maybe for outcome in result.failures] == [False]
        done = [one.change for one in result.outcomes if one.status == OutcomeStatus.DONE]
        anew = tree(right, kind)
        assert not anew.apply(Plan(done), source).failures
        assert content(target) == content(anew), [repr(change) for change in done]
        target.sync_from(source)
        assert content(target) == content(source)
    assert step > 2


@pytest.mark.parametrize("kind", WATCHED)
@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_killed_can_be_finished_and_undone(tmp_path: Path, seed: int, kind: type[WatchedTree]) -> None:
    left, right = spec(f"{seed} left"), spec(f"{seed} right")
    for step in range(1, NEVER):
        source, target, path = tree(left, kind), tree(right, kind), tmp_path / str(step)
        plan = Plan.from_diff(target.diff_from(source))
        found = killed_at(step, target, plan, source, path)
        if found is None:
            break
        again = tree(found, kind)
        verdicts = check(plan, again)
        assert not again.apply(plan, source, verdicts=verdicts).failures
        assert content(again) == content(source)
        back = tree(found, kind)
        (report,) = read(path)
        assert len(report.maybe) == 1
        undo = report.undo().resolve(None, back)
        assert not back.apply(undo, back, verdicts=check(undo, back)).failures
        assert content(back) == content(tree(right, kind))
    assert step > 2


def killed_at(step: int, target: WatchedTree, plan: Plan, source: Tree, path: Path) -> Spec | None:
    """Apply a plan up to a step, and return what is there then; None if it came to its end."""
    count, found = itertools.count(1), []
    journal = Journal(path, plan, source=source, target=target)

    def kill() -> None:
        if next(count) == step:
            found.append(as_spec(target))
            journal.close()
            raise Killed

    target.meet = kill
    target.apply(plan, source, journal=journal)
    journal.close()
    return found[0] if found else None
