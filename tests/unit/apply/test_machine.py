# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Everything that can be done to a target, in any order, by a target that writes to a remote system of its own.

After each step the remote has what the target's objects say, and what an oracle says that it should have.
"""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from dsync import Diff, DSyncFlags, DSyncModelFlags, ObjectRef, Plan, Result
from dsync.apply.preview import preview
from dsync.dataset.tree import children_of
from dsync.diff.scope import Scope
from dsync.diff.selectors import classes_by_model, selectors
from dsync.guard.limits import limits, over_limits
from dsync.guard.protection import protect
from dsync.guard.source_size import empty_source
from dsync.guard.staleness import check
from dsync.plan.change import steps_of
from dsync.plan.outcome import OutcomeStatus
from dsync.plan.undo import undo_plan
from dsync.storage import digests as seal
from dsync.storage.journal import Journal, read
from dsync.storage.plan_file import load, save
from dsync.storage.stored_plan import ResolvedPlan, StoredPlan
from estate import Device, Estate, Folder, Interface, Site, estate
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from test_plan import FLAGS, check_plan, estates
from test_scope import ATTRIBUTES, LISTS, MODELS, Oracle, tree


class Stop(BaseException):
    """Ends a run from outside."""


class Entry(NamedTuple):
    """What the remote system has of an object."""

    ids: dict[str, Any]
    parent: ObjectRef | None
    attrs: dict[str, Any]
    flags: DSyncModelFlags


Remote = dict[ObjectRef, Entry]


class Writing:
    """Writes each operation to the remote system of the adapter; an object that moves is deleted and created by two changes."""

    _moves: ClassVar[bool] = False

    @classmethod
    def create(cls: Any, dsync: Live, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        dsync.write("create", ObjectRef(cls.get_type(), cls.create_unique_id(**ids)), ids, attrs)
        return cls.create_base(dsync=dsync, ids=ids, attrs=attrs)

    def update(self: Any, attrs: dict[str, Any]) -> Any:
        self.dsync.write("update", ObjectRef(self.get_type(), self.get_unique_id()), {}, attrs)
        return self.update_base(attrs)

    def delete(self: Any) -> Any:
        self.dsync.write("delete", ObjectRef(self.get_type(), self.get_unique_id()), {}, {})
        return self.delete_base()


class Moving(Writing):
    """The same for a system that moves objects by itself."""

    _moves: ClassVar[bool] = True

    def move(self: Any, parent: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        place = None if parent is None else ObjectRef(parent.get_type(), parent.get_unique_id())
        self.dsync.write("move", ObjectRef(self.get_type(), self.get_unique_id()), {}, attrs, place)
        return super().move(parent, ids, attrs)


class Renaming(Moving):
    """The same for a system that renames them, too, with what is below them."""

    def move(self: Any, parent: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        place = None if parent is None else ObjectRef(parent.get_type(), parent.get_unique_id())
        old, new = self.get_unique_id(), self.create_unique_id(**ids)
        if old != new:
            self.dsync.rename(ObjectRef(self.get_type(), old), ObjectRef(self.get_type(), new), ids, attrs, place)
            return self.move_base(ids, attrs)
        return super().move(parent, ids, attrs)


class Live(Estate):
    """A target that is loaded from a remote system and writes to it.

    Attributes:
        remote: what it has.
        places: under what a plan creates an object.
        cut: before, or after, which operation the run ends, counted from 0.
    """

    site = type("Site", (Writing, Site), {})
    device = type("Device", (Writing, Device), {})
    interface = type("Interface", (Writing, Interface), {})
    folder = type("Folder", (Writing, Folder), {})

    remote: Remote
    places: Mapping[ObjectRef, ObjectRef | None]
    cut: tuple[int, str] | None = None

    def write(
        self, action: str, ref: ObjectRef, ids: dict[str, Any], attrs: dict[str, Any], parent: ObjectRef | None = None
    ) -> None:
        place = len(self.log)
        self.end(place, "before")
        self.log.append((action, *ref))
        if action == "create":
            assert ref not in self.remote
            self.remote[ref] = Entry(dict(ids), self.places[ref], copy.deepcopy(attrs), DSyncModelFlags.NONE)
        elif action in ("update", "move"):
            entry = self.remote[ref]
            assert entry.attrs.keys() >= attrs.keys()
            assert parent is None or parent in self.remote
            where = parent if action == "move" else entry.parent
            self.remote[ref] = entry._replace(parent=where, attrs={**entry.attrs, **copy.deepcopy(attrs)})
        else:
            takes_all = self.remote.pop(ref).flags & DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
            for below in list(_below(self.remote, ref)) if takes_all else ():
                del self.remote[below]
        self.end(place, "after")

    def end(self, place: int, when: str) -> None:
        """End the run from outside, once, if it is to end here."""
        if self.cut == (place, when):
            self.cut = None
            raise Stop

    def rename(self, old: ObjectRef, new: ObjectRef, ids: dict[str, Any], attrs: dict[str, Any], parent: ObjectRef | None) -> None:
        """Rename an object in the remote system, which keeps what is below it, and names interfaces after their device."""
        place = len(self.log)
        self.end(place, "before")
        self.log.append(("move", *new))
        assert new not in self.remote
        assert parent is None or parent in self.remote
        entry = self.remote.pop(old)
        self.remote[new] = entry._replace(ids=dict(ids), parent=parent, attrs={**entry.attrs, **copy.deepcopy(attrs)})
        for ref, child in list(self.remote.items()):
            if child.parent == old:
                named = {"device": ids["name"]} if ref.model == "interface" else {}
                del self.remote[ref]
                whole = {**child.ids, **named}
                again = ObjectRef(ref.model, self.models()[ref.model].create_unique_id(**whole))
                self.remote[again] = child._replace(ids=whole, parent=new)
        self.end(place, "after")


class LiveMoving(Live):
    """The same for a system that moves objects by itself."""

    site = type("Site", (Moving, Site), {})
    device = type("Device", (Moving, Device), {})
    interface = type("Interface", (Moving, Interface), {})
    folder = type("Folder", (Moving, Folder), {})


class LiveRenaming(Live):
    """The same for a system that renames them, too, with what is below them."""

    site = type("Site", (Renaming, Site), {})
    device = type("Device", (Renaming, Device), {"_match": ("facts",)})
    interface = type("Interface", (Writing, Interface), {"_moves": True})
    folder = type("Folder", (Renaming, Folder), {"_match": ("label",)})


@st.composite
def renamed_estates(draw: st.DrawFn) -> Estate:
    """Draw a dataset in which each device and each folder is known by a key, and some have other names than their keys."""
    drawn = draw(estates())
    made = estate()
    names: dict[ObjectRef, str] = {}
    for model, field in (("device", "name"), ("folder", "path")):
        for obj in drawn.get_all(model):
            name = getattr(obj, field)
            names[ObjectRef(model, name)] = f"{name}{draw(st.sampled_from(['', '', '!', '?']))}"
    for obj in [one for model in ("site", "device", "interface", "folder") for one in drawn.get_all(model)]:
        values = {**obj.get_identifiers(), **obj.get_attrs()}
        if isinstance(obj, Device):
            values.update(name=names[ObjectRef("device", obj.name)], facts=f"key-{obj.name}")
        elif isinstance(obj, Interface):
            values.update(device=names[ObjectRef("device", obj.device)])
        elif isinstance(obj, Folder):
            values.update(path=names[ObjectRef("folder", obj.path)], label=f"key-{obj.path}")
        again = made.models()[obj.get_type()](**values)
        again.model_flags = obj.model_flags
        made.add(again)
    for parents in ("site", "device", "folder"):
        for parent in drawn.get_all(parents):
            above = made.get(parents, names.get(ObjectRef(parents, parent.get_unique_id()), parent.get_unique_id()))
            for child in children_of(parent):
                obj = drawn.get(*child)
                ids = obj.get_identifiers()
                if isinstance(obj, Interface):
                    ids["device"] = names[ObjectRef("device", obj.device)]
                elif child in names:
                    ids = dict.fromkeys(ids, names[child])
                above.add_child(made.get(child.model, ids))
    return made


def _below(remote: Remote, ref: ObjectRef) -> Iterator[ObjectRef]:
    for child in [one for one, entry in remote.items() if entry.parent == ref]:
        yield child
        yield from _below(remote, child)


def loaded(remote: Remote, kind: type[Live] = Live) -> Live:
    """Return a target that is loaded from a remote system, and writes to it."""
    made = kind("cmdb")
    made.remote, made.places = remote, {}
    for ref, entry in remote.items():
        obj = made.models()[ref.model](**entry.ids, **copy.deepcopy(entry.attrs))
        obj.model_flags = entry.flags
        made.add(obj)
    for ref, entry in remote.items():
        if entry.parent in remote:
            made.get(*entry.parent).add_child(made.get(*ref))
    return made


def stored(data: Estate) -> Remote:
    """Return the remote system of which a dataset would be loaded."""
    found = {}
    for path, attrs in tree(data).items():
        obj = data.get(*path[-1])
        parent = ObjectRef(*path[-2]) if len(path) > 1 else None
        found[ObjectRef(*path[-1])] = Entry(obj.get_identifiers(), parent, attrs, obj.model_flags)
    return found


def values(remote: Remote) -> dict[ObjectRef, str]:
    """Return what there is and where, without flags, in a form in which ``1`` and ``True`` differ."""
    return {ref: repr((entry.ids, entry.parent, sorted(entry.attrs.items()))) for ref, entry in remote.items()}


class Filters(NamedTuple):
    """What a run looks at, and what it may do."""

    flags: DSyncFlags
    scope: dict[str, Any]
    protected: list[dict[str, Any]]

    def diff(self, target: Live, source: Estate) -> Diff:
        scope = {name: said or ([] if name == "exclude" else None) for name, said in self.scope.items()}
        found = target.diff_from(source, flags=self.flags, scope=Scope.of(source, target, **scope))
        protect(found, selectors(self.protected, "protect", classes_by_model(source, target)), target.models())
        return found


NO_FILTERS = Filters(DSyncFlags.NONE, {}, [])
FILTERS = st.builds(
    Filters,
    st.sampled_from([0, 0, 0, 1, 2, 4, 6, 8, 15]).map(DSyncFlags),
    st.fixed_dictionaries({"models": MODELS, "only": LISTS, "exclude": LISTS, "attributes": ATTRIBUTES}) | st.just({}),
    LISTS,
)
ALLOWED = st.integers(0, 6) | st.integers(0, 100).map(lambda number: f"{number}%")
LIMITS = st.just({}) | st.fixed_dictionaries(
    {},
    optional={
        "create": ALLOWED,
        "update": ALLOWED,
        "delete": ALLOWED,
        "device": st.fixed_dictionaries({}, optional={"delete": ALLOWED}),
    },
)
WAYS = st.sampled_from(["memory", "file", "journal"])


def expected_refusals(plan: Plan, said: Mapping[str, Any], source: Estate, target: Estate) -> int:
    """Count, slowly, what a run is refused for."""
    flat = [(action, None, value) for action, value in said.items() if action != "device"]
    flat += [(action, "device", value) for action, value in said.get("device", {}).items()]
    steps = steps_of(plan)
    free = [change for change in plan if not change.protected and change.key not in steps]
    refused = 0
    for action, model, value in flat:
        number = sum(change.action == action and model in (None, change.model) for change in free)
        side = source if action == "create" else target
        whole = len(side.get_all(model)) if model else len(side)
        most = int(value.rstrip("%")) * whole / 100 if isinstance(value, str) else value
        refused += number > most + 1e-9
    emptied = {change.model for change in free if change.action == "delete" and not source.get_all(change.model)}
    return refused + len(emptied)


class Done(NamedTuple):
    """A run that can be undone: what there was before, what is needed to reverse it, and where that stands."""

    before: Remote
    plan: Plan
    way: str
    path: Path


class Machine(RuleBasedStateMachine):
    """A source that changes, a remote system that drifts, and runs of all kinds between them."""

    folder: Path
    numbers = itertools.count()
    kind: ClassVar[type[Live]] = Live
    drawn: ClassVar[st.SearchStrategy[Estate]] = estates()

    def __init__(self) -> None:
        super().__init__()
        self.remote: Remote = {}
        self.source = estate()
        self.done: list[Done] = []
        self.target: Live | None = None

    def path(self) -> Path:
        return self.folder / str(next(self.numbers))

    # ------------------------------------------------------------------ what happens by itself

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.source, self.remote = data.draw(self.drawn), stored(data.draw(self.drawn))

    @rule(data=st.data())
    def change_source(self, data: st.DataObject) -> None:
        self.source = data.draw(self.drawn)

    @rule(data=st.data())
    def drift(self, data: st.DataObject) -> None:
        """Somebody changes an attribute, a flag, or deletes an object with all that is below it, in the remote system."""
        self.done.clear()
        if not self.remote:
            return
        ref = data.draw(st.sampled_from(sorted(self.remote)))
        entry = self.remote[ref]
        what = data.draw(st.sampled_from(["value", "flags", "gone"]))
        if what == "gone":
            for below in [ref, *_below(self.remote, ref)]:
                del self.remote[below]
        elif what == "flags":
            self.remote[ref] = entry._replace(flags=data.draw(st.sampled_from(FLAGS)))
        else:
            new = {"site": {"contact": "drift"}, "device": {"role": "drift"}, "interface": {"mtu": 7, "password": "drift"}}
            self.remote[ref] = entry._replace(attrs={**entry.attrs, **new.get(ref.model, {"label": "drift"})})
        self.target = None

    # ------------------------------------------------------------------ runs

    def loaded(self, remote: Remote) -> Live:
        """Return a target that is loaded from a remote system, and writes to it."""
        return loaded(remote, self.kind)

    def run(
        self, remote: Remote, plan: Plan, flags: DSyncFlags = DSyncFlags.NONE, cut: Any = None, **watch: Any
    ) -> tuple[Live, Result]:
        """Apply a plan in a target that is loaded anew."""
        target = self.loaded(remote)
        target.places = {ObjectRef(change.model, change.id): change.parent for change in plan if change.action == "create"}
        target.cut = cut
        result = target.apply(plan, self.source, flags, **watch)
        assert [outcome.change for outcome in result.outcomes] == list(plan)
        assert sum(result.counts.values()) == len(plan)
        assert Counter(str(outcome.status) for outcome in result.outcomes) == +Counter(result.counts)
        if cut is None:
            assert not result.failures
            assert values(stored(target)) == values(remote)
        return target, result

    def bound(self, plan: StoredPlan, remote: Remote, source: Estate | None = None) -> tuple[ResolvedPlan, Any]:
        """Return a plan from a file, made real and checked."""
        target = self.loaded(remote)
        made = plan.resolve(self.source if source is None else source, target)
        return made, check(made, target)

    def planned(self, filters: Filters) -> tuple[Plan, Diff]:
        diff = filters.diff(self.loaded(self.remote), self.source)
        plan = Plan.from_diff(diff)
        check_plan(plan)
        return plan, diff

    def saved(self, plan: Plan) -> Path:
        path = self.path()
        save(plan, path, source=self.source, target=self.loaded(self.remote))
        return path

    @rule(filters=FILTERS, allowed=LIMITS, way=WAYS)
    def sync(self, filters: Filters, allowed: dict[str, Any], way: str) -> None:
        before, target = copy.deepcopy(self.remote), self.loaded(self.remote)
        moves = any(change.action == "move" for change in self.planned(filters)[0])
        filtered = moves and bool(filters.scope or filters.protected)  # which the oracle sees as two changes
        filtered = filtered or self.kind is LiveRenaming  # of which it knows nothing
        oracle = None if filtered or filters.flags & DSyncFlags.SKIP_UNMATCHED_BOTH else _oracle(filters, self.source, target)
        plan, diff = self.planned(filters)
        outcomes, made = preview(plan)
        refusals = [
            *over_limits(plan, limits(allowed, target.models()), self.source, target),
            *empty_source(plan, self.source, target),
        ]
        assert len(refusals) == expected_refusals(plan, allowed, self.source, target)
        if refusals:
            return
        path = self.path()
        with Journal(path, plan, source=self.source, target=target) as journal:
            self.target, result = self.run(self.remote, plan, filters.flags, diff=diff, journal=journal)
            journal.finish(result)
        assert [outcome.change for outcome in result.outcomes if outcome.status == OutcomeStatus.DONE] == made
        assert self.target.log == [(str(change.action), change.model, change.id) for change in made if not change.cascade]
        assert [str(outcome.status) for outcome in outcomes] == [
            "not_attempted" if str(outcome.status) == "done" else str(outcome.status) for outcome in result.outcomes
        ]
        if oracle is not None:
            after = {path[-1]: attrs for path, attrs in oracle.after().items()}
            assert {ref: repr(entry.attrs) for ref, entry in self.remote.items()} == {
                ObjectRef(*key): repr(attrs) for key, attrs in after.items()
            }
        if way == "file":
            save(undo_plan(made), path.with_suffix(".undo"), source=None, target=self.target, purpose="undo")
        self.done.append(Done(before, Plan(made), way, path))

        left = self.planned(filters)[0]
        assert [change for change in left if not change.protected] == []

    @rule(filters=FILTERS)
    def apply_a_saved_plan(self, filters: Filters) -> None:
        """It does what a run does that goes without a file, and nothing when it is applied again."""
        plan, diff = self.planned(filters)
        direct = copy.deepcopy(self.remote)
        self.run(direct, plan, filters.flags, diff=diff)
        path = self.saved(plan)
        before = copy.deepcopy(self.remote)
        bound, verdicts = self.bound(load(path), self.remote)
        assert verdicts == {}
        self.target, result = self.run(self.remote, bound, filters.flags, verdicts=verdicts)
        assert values(self.remote) == values(direct)
        again, verdicts = self.bound(load(path), self.remote)
        target, repeated = self.run(self.remote, again, filters.flags, verdicts=verdicts)
        assert target.log == []
        assert repeated.counts == {**result.counts, "done": 0, "already_done": result.counts["done"]}
        self.done.append(Done(before, Plan(preview(plan)[1]), "memory", path))

    @precondition(lambda self: self.done)
    @rule()
    def undo(self) -> None:
        """What the last run did is reversed, whatever was undone before."""
        before, plan, way, path = self.done.pop()
        reverse: Plan = undo_plan(plan)
        verdicts = check(reverse, self.loaded(self.remote))
        assert verdicts == {}
        if way == "file":
            reverse, verdicts = self.bound(load(path.with_suffix(".undo")), self.remote, self.loaded(before))
        elif way == "journal":
            reverse, verdicts = self.bound(read(path)[-1].undo(), self.remote, self.loaded(before))
        self.target, result = self.run(self.remote, reverse, verdicts=verdicts)
        assert result.counts["done"] == len(plan)
        assert values(self.remote) == values(before)
        self.restore_flags(before)

    def restore_flags(self, before: Remote) -> None:
        """Give objects that were deleted and made again the flags back that the remote system does not keep."""
        self.remote = {ref: self.remote[ref]._replace(flags=entry.flags) for ref, entry in before.items()}
        self.target = None

    @rule(filters=FILTERS, where=st.integers(0, 20), when=st.sampled_from(["before", "after"]), finish=st.booleans())
    def interrupt(self, filters: Filters, where: int, when: str, finish: bool) -> None:
        """A run that ends in the middle is finished by the same plan, or reversed by its journal."""
        plan, diff = self.planned(filters)
        whole = copy.deepcopy(self.remote)
        log = self.run(whole, plan, filters.flags, diff=diff)[0].log
        if not log:
            return
        before, path, file = copy.deepcopy(self.remote), self.path(), self.saved(plan)
        with Journal(path, plan, source=self.source, target=self.loaded(before)) as journal:
            result = self.run(self.remote, plan, filters.flags, (where % len(log), when), diff=diff, journal=journal)[1]
            assert isinstance(result.interrupted, Stop)
        (report,) = read(path)
        assert [repr(change) for change in report.maybe if not change.cascade] == [
            " ".join((*log[where % len(log)][:2], f'"{log[where % len(log)][2]}"'))
        ]
        if finish:
            bound, verdicts = self.bound(load(file), self.remote)
            self.target = self.run(self.remote, bound, filters.flags, verdicts=verdicts)[0]
            assert values(self.remote) == values(whole)
            self.done.append(Done(before, Plan(preview(plan)[1]), "memory", path))
        else:
            undo, verdicts = self.bound(report.undo(), self.remote, self.loaded(before))
            self.run(self.remote, undo, verdicts=verdicts)
            assert values(self.remote) == values(before)
            self.restore_flags(before)

    # ------------------------------------------------------------------ at any time

    @invariant()
    def the_remote_is_what_the_target_says(self) -> None:
        if self.target is not None:
            assert values(stored(self.target)) == values(self.remote)
        assert values(stored(self.loaded(self.remote))) == values(self.remote)


def _oracle(filters: Filters, source: Estate, target: Live) -> Oracle:
    nothing: dict[str, Any] = {"models": None, "only": None, "exclude": [], "attributes": None}
    scope = {name: said or nothing[name] for name, said in {**nothing, **filters.scope}.items()}
    return Oracle(source, target, scope, filters.protected)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(seal, "_COST", {"n": 2, "r": 1, "p": 1})
    monkeypatch.setattr(Machine, "folder", tmp_path, raising=False)


class MovingMachine(Machine):
    """The same for a remote system that moves objects by itself."""

    kind = LiveMoving


class RenamingMachine(Machine):
    """The same for a remote system that renames them, too."""

    kind, drawn = LiveRenaming, renamed_estates()


TestMachine, TestMovingMachine, TestRenamingMachine = Machine.TestCase, MovingMachine.TestCase, RenamingMachine.TestCase
TestMachine.settings = TestMovingMachine.settings = TestRenamingMachine.settings = settings(
    max_examples=max(settings().max_examples // 2, 1), stateful_step_count=12
)


def test_an_object_that_was_left_without_its_parent_gets_it_back() -> None:
    """A run deleted the parent, ended before it deleted the child, and is undone."""
    target, before = estate({"a": ("1", {"d": "x"})}), estate({"a": ("1", {"d": "x"})})
    plan = Plan.from_diff(target.diff_from(estate()))
    target.apply(Plan(plan.changes[:1]), estate())
    undo = undo_plan(plan)
    verdicts = check(undo, target)
    assert [str(verdict.status) for verdict in verdicts.values()] == ["already_done"]
    target.apply(undo, estate(), verdicts=verdicts)
    assert target.get("site", "a").devices == ["d"]
    assert not target.diff_from(before).has_diffs()


def test_what_vanished_with_its_parent_is_made_again(tmp_path: Path) -> None:
    """A run deleted the parent and ended before it deleted the child, which the remote system does not keep without it."""
    target = estate({"a": ("1", {"d": "x"})})
    target.trouble["delete", "site", "a"] = Stop()
    plan = Plan.from_diff(target.diff_from(estate()))
    with Journal(tmp_path / "journal", plan, source=estate(), target=target) as journal:
        target.apply(plan, estate(), journal=journal)
    gone = estate()
    undo = read(tmp_path / "journal")[0].undo().resolve(None, gone)
    gone.apply(undo, estate(), verdicts=check(undo, gone))
    assert not gone.diff_from(estate({"a": ("1", {"d": "x"})})).has_diffs()


def folders(*paths: tuple[str, str | None]) -> Live:
    """Return a target with folders, each with the folder that it is in."""
    made = Live("cmdb")
    for path, _above in paths:
        made.add(made.folder(path=path, label=path))
    for path, above in paths:
        if above is not None:
            made.get("folder", above).add_child(made.get("folder", path))
    return made


@pytest.mark.parametrize("where", [0, 1, 2, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_below_its_parent_again_outlives_the_undo(tmp_path: Path, where: int, when: str) -> None:
    """A folder moves by a delete and a create, and the system keeps what is below it until that is deleted itself."""
    remote = stored(folders(("a", None), ("b", "a"), ("c", "b"), ("d", "c")))
    before, source, target = copy.deepcopy(remote), folders(("a", None), ("b", None)), loaded(remote)
    plan = Plan.from_diff(target.diff_from(source))
    target.places, target.cut = {ObjectRef("folder", "b"): None}, (where, when)
    with Journal(tmp_path / "journal", plan, source=source, target=target) as journal:
        assert isinstance(target.apply(plan, source, journal=journal).interrupted, Stop)
    again = loaded(remote)
    undo = read(tmp_path / "journal")[0].undo().resolve(source, again)
    again.places = {ref: entry.parent for ref, entry in before.items()}
    assert not again.apply(undo, source, verdicts=check(undo, again)).failures
    assert values(remote) == values(before)
