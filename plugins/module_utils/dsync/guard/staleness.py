# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks before the first write whether the target still matches a plan. No I/O.

A change is pending if its object matches the state before the change, and already in effect if it matches the state after it.
Anything else is stale. A partial update, where each attribute matches one of the two states, is pending. An object that is
renamed is looked up by its old and by its new identity; if both exist, the change is stale. A stale object is never deleted, nor is
an object above it. An object that cannot be created in its new place is not deleted in its old one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from .._util.redaction import masked
from ..dataset.dataset import Dataset
from ..dataset.tree import is_kept, parents_of
from ..exceptions import StaleTarget
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..model.values import python_string, same_value
from ..plan.change import Change, ChangeKey, by_new_names, new_names, ref_of
from ..plan.outcome import OutcomeStatus, Verdict
from ..plan.plan import Plan
from ..plan.subtrees import leaving, staying

OnStale = Literal["fail", "skip"]

_NAMED = 3
_LONGEST = 60
_CREATE, _UPDATE, _MOVE, _DELETE = DSyncAction.CREATE, DSyncAction.UPDATE, DSyncAction.MOVE, DSyncAction.DELETE


def check(plan: Plan, target: Dataset, on_stale: OnStale = "fail") -> dict[ChangeKey, Verdict]:
    """Compare every change of a plan with the live target. Neither is changed.

    Args:
        plan: a plan with real values: a resolved one, if it comes from a file.
        target: the loaded dataset to change.
        on_stale: ``fail`` raises if a change is stale; ``skip`` refuses stale changes and the changes that depend on them, and does
            not count them as failures.

    Returns:
        The ``verdicts`` for :func:`.apply.apply`: changes that are already in effect, and changes that are refused. Pending and
        protected changes are not included.

    Raises:
        StaleTarget: a change is stale; its ``stale`` contains every such change with a sentence.
    """
    named = by_new_names(plan)
    look = _Look(named, getattr(plan, "leaves", {}), target)
    verdicts: dict[ChangeKey, Verdict] = {}
    stale: list[tuple[Change, str]] = []
    for change, by_name in zip(plan, named):
        if change.protected:
            continue
        verdict = look.verdict(by_name)
        if verdict is not None:
            verdicts[change.key] = verdict
            if verdict.status == OutcomeStatus.REFUSED:
                colon = ":" if verdict.message.startswith("its ") else ""
                stale.append((change, f'{change.model} "{change.id}"{colon} {verdict.message}'))
    if stale and on_stale == "fail":
        raise StaleTarget(_message(target, plan, stale), stale)
    _refuse_with_them(plan, verdicts, look)
    return verdicts


def _message(target: Dataset, plan: Plan, stale: list[tuple[Change, str]]) -> str:
    named = "; ".join(sentence for _change, sentence in stale[:_NAMED])
    more = f"; and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
    changes = f"{'change' if len(plan) == 1 else 'changes'} {'is' if len(stale) == 1 else 'are'}"
    return f"{target.name} does not match the plan; {len(stale)} of {len(plan)} {changes} stale: {named}{more}"


def _stale(why: str) -> Verdict:
    return Verdict(OutcomeStatus.REFUSED, why, skipped=True)


def _already(why: str) -> Verdict:
    return Verdict(OutcomeStatus.ALREADY_DONE, why)


def _named(ref: ObjectRef | None) -> str:
    return "at the top level" if ref is None else f'below {ref.model} "{ref.id}"'


_NO_STEP = Change(_UPDATE, "", "", {})


class _Look:
    """The comparison of one plan with one live target."""

    def __init__(self, plan: Sequence[Change], leaves: Mapping[ChangeKey, Collection[ObjectRef]], target: Dataset) -> None:
        self._target, self._leaves = target, leaves
        self._parents = parents_of(target, {change.model for change in plan})
        self._order = {change.key: place for place, change in enumerate(plan)}
        self._created = {ref_of(change): change for change in plan if change.action == _CREATE}
        self._old_places = {ref_of(change): change.parent for change in plan if change.action == _DELETE}
        self._steps: dict[ObjectRef, list[Change]] = {}
        for change in plan:
            if change.action == _UPDATE:
                self._steps.setdefault(ref_of(change), []).append(change)
        self._leaving = leaving(plan)
        self._moves = {ref_of(change): change for change in plan if change.action == _MOVE}
        self._new_names = new_names(plan)
        self._old_names = {new: old for old, new in self._new_names.items()}
        self._cut_off: set[ObjectRef] = set()
        self._left = set(self._moved_already())
        self._seen: set[ObjectRef] = set()

    def _moved_already(self) -> Iterator[ObjectRef]:
        """Yield the objects, moved by a delete and a create, that are already in their new place; parents before children."""
        left: set[ObjectRef] = set()
        for ref, create in self._created.items():
            stands = self._find(ref) is not None and self._place(ref) == create.parent
            if ref in self._old_places and stands and (create.parent in left or self._old_places[ref] != create.parent):
                left.add(ref)
                yield ref

    def _find(self, ref: ObjectRef) -> DSyncModel | None:
        return self._target.store.find(*ref)

    def _place(self, ref: ObjectRef) -> ObjectRef | None:
        """Return the parent that an object has now, by its new name if it is one that is renamed."""
        parent = self._parents.get(ref)
        return parent and self._new_names.get(parent, parent)

    def live_parents(self, change: Change) -> set[ObjectRef]:
        """Return the parents that the object of a change, and each object that moves along with it, has in the target now."""
        names = {name for part in (change, *change.parts) for name in (part.before_ref, ref_of(part))}
        return {parent for name in names if (parent := self._parents.get(name)) is not None}

    def _is_there(self, parent: ObjectRef) -> bool:
        """Return whether a parent is there, or gets there before."""
        return parent in self._seen or self._is_found(parent)

    def _is_found(self, ref: ObjectRef) -> bool:
        """Return whether an object is there, by its old name if it is one that is renamed."""
        return any(self._find(name) is not None for name in (ref, self._old_names.get(ref, ref)))

    def verdict(self, change: Change) -> Verdict | None:
        """Return the outcome of a change that need not be attempted, or None for a pending one. Call it in the plan's order."""
        obj, ref = self._find(ref_of(change)), ref_of(change)
        if change.action == _CREATE:
            self._seen.add(ref)
            return self._create(change, ref, obj)
        if change.action == _UPDATE:
            return self._update(change, ref, obj)
        if change.action == _MOVE:
            self._seen.add(ref)
            verdict = self._move(change, ref)
            if verdict is None and any(self._part(part) is None for part in change.parts):
                self._cut_off.update(ref_of(part) for part in change.parts)
            return verdict
        return self._delete(change, ref, obj)

    def _create(self, change: Change, ref: ObjectRef, obj: DSyncModel | None) -> Verdict | None:
        parent = change.parent
        if parent is not None and not self._is_there(parent):
            return _stale(f'cannot be created because its parent {parent.model} "{parent.id}" is gone')
        if obj is None or (ref in self._old_places and ref not in self._left):
            return None
        if self._place(ref) != parent and not self._is_orphan(change, ref):
            return _stale(f"is there already, {_named(self._place(ref))}")
        after = change.after or {}
        others = _others(obj, after, *(step.after for step in self._steps_of(ref)))
        if others:
            return _stale(f"is there already, and {_differences(change, obj.get_attrs(), after, others)}")
        return _already("it is there already")

    def _update(self, change: Change, ref: ObjectRef, obj: DSyncModel | None) -> Verdict | None:
        if ref in self._created and (obj is None or (ref in self._old_places and ref not in self._left)):
            return None
        if ref in self._cut_off and (obj is None or self._place(ref) != change.parent):
            return None
        at = self._moves[ref].before_ref if obj is None and ref in self._moves else ref
        if at != ref and self._find(at) is not None:
            if not change.step:
                return None
            obj = self._find(at)
        if obj is None:
            remade = change.step and ref in self._moves and self._moves[ref].parts
            return _already("it is gone already") if remade or ref in self._old_places else _stale("is gone")
        if self._place(at) not in self._places_of(change, ref):
            return _stale(f"is {_named(self._place(at))} now")
        mains = (*self._steps_of(ref), self._moves.get(ref)) if change.step and ref not in self._old_places else ()
        if any(self._is_made(main) for main in mains if main != change):
            return _already("it was like that before its object was changed")
        attrs, before, after = obj.get_attrs(), _counted(obj, change.before), _counted(obj, change.after)
        earlier, later = self._around(change, ref)
        as_before = {name for name in before if name in attrs and _is_one_of(obj, name, attrs[name], before, *earlier)}
        as_after = {name for name in after if name in attrs and _is_one_of(obj, name, attrs[name], after, *later)}
        others = [name for name in before if name not in as_before | as_after]
        if others:
            return _stale(_differences(change, attrs, before, others))
        return _already("it has these values already") if as_after >= set(after) and len(as_before) < len(before) else None

    def _places_of(self, change: Change, ref: ObjectRef) -> tuple[ObjectRef | None, ...]:
        """Return where an object may be that is updated; one that moves as well may be at either place."""
        move = self._moves.get(ref)
        return (change.parent,) if move is None else (change.parent, move.parent, move.before_parent)

    def _is_made(self, change: Change | None) -> bool:
        """Return whether an update or a move was made already."""
        if change is None:
            return False
        obj, ref = self._find(ref_of(change)), ref_of(change)
        verdict = self._update(change, ref, obj) if change.action == _UPDATE else self._move(change, ref)
        return verdict is not None and verdict.status == OutcomeStatus.ALREADY_DONE

    def _around(self, change: Change, ref: ObjectRef) -> tuple[list[dict[str, Any] | None], list[dict[str, Any] | None]]:
        """Return the values that an object has before an earlier change of it, and those that it has after a later one."""
        others = [step for step in self._steps_of(ref) if step.key != change.key]
        if change.action == _UPDATE and ref in self._moves:
            others.append(self._moves[ref])
        place = self._order[change.key]
        earlier = [other.before for other in others if self._order[other.key] < place]
        return earlier, [other.after for other in others if self._order[other.key] > place]

    def _part(self, part: Change) -> DSyncModel | None:
        """Return the object of a move, or one that moves along with it, by its old or its new name."""
        return self._find(part.before_ref) or self._find(ref_of(part))

    def _move(self, change: Change, ref: ObjectRef) -> Verdict | None:
        old, obj = change.before_ref, self._find(change.before_ref)
        renamed = old != ref and (obj is None or self._find(ref) is not None)
        if renamed and obj is not None:
            return _stale(f'cannot be renamed from "{old.id}", because both exist now')
        if renamed:
            obj = self._find(ref)
        parent, place = change.parent, self._place(ref if renamed else old)
        if parent is not None and not self._is_there(parent):
            return _stale(f'cannot be moved because its new parent {parent.model} "{parent.id}" is gone')
        if ref in self._cut_off:
            return None
        if obj is None:  # a run that ended between its delete and its create makes it again, with what moves along
            return self._parts(change, False) if change.parts else _stale("is gone")
        if place not in (parent, change.before_parent):
            return _stale(f"is {_named(place)} now")
        attrs, before, after = obj.get_attrs(), _counted(obj, change.before), _counted(obj, change.after)
        earlier, later = self._around(change, ref)
        as_after = {name for name in after if name in attrs and _is_one_of(obj, name, attrs[name], after, *later)}
        as_before = {name for name in before if name in attrs and _is_one_of(obj, name, attrs[name], before, *earlier)}
        others = [name for name in before if name not in as_before | as_after]
        if others:
            return _stale(_differences(change, attrs, before, others))
        arrived = place == parent and renamed is (old != ref)
        verdict = self._parts(change, arrived)
        if verdict is not None or not arrived or len(as_after) < len(after):
            return verdict
        stays = [part for part in change.parts if ref_of(part) == ref or not self._goes_elsewhere(ref_of(part))]
        done = "it is there already" if old == ref else "it has that name already"
        return _already(done) if all(self._find(ref_of(part)) for part in stays) else None

    def _goes_elsewhere(self, ref: ObjectRef) -> bool:
        """Return whether an object that moves along leaves the one that takes it along, or is deleted."""
        move = self._moves.get(ref)
        return ref in self._old_places or (move is not None and not move.cascade)

    def _parts(self, move: Change, arrived: bool) -> Verdict | None:
        """Return the refusal to remake objects that do not match the plan, or to delete children that the plan does not contain."""
        held = {ref_of(part) for part in move.parts}
        held.update(part.before_ref for part in move.parts)
        for part in move.parts:
            obj = self._part(part)
            if obj is None:
                continue
            own, before = self._moves.get(ref_of(part), _NO_STEP), part.before or {}
            steps = [side for step in self._steps_of(ref_of(part), part.before_ref) for side in (step.before, step.after)]
            others = _others(obj, before, part.after, own.before, own.after, *steps)
            if others:
                below = "" if part.id == move.id and part.model == move.model else f'{part.model} "{part.id}" moves along, and '
                return _stale(below + _differences(part, obj.get_attrs(), before, others))
            for child in () if arrived else staying(self._target, part, held | self._leaving):
                return _stale(f'has the child {child.model} "{child.id}", which the plan does not move')
        return None

    def _delete(self, change: Change, ref: ObjectRef, obj: DSyncModel | None) -> Verdict | None:
        if obj is None:
            return _already("it is gone already")
        if ref in self._cut_off:
            return None
        if ref in self._left:
            return _already("it has left this place already")
        place, orphan = self._place(ref), self._is_orphan(change, ref)
        if orphan and change.cascade:
            return _stale("still exists, although its parent, with which it should have been deleted, is gone")
        if place != change.parent and not orphan:
            return _stale(f"is {_named(place)} now")
        attrs, before = obj.get_attrs(), change.before or {}
        befores = [step.before for step in self._steps_of(ref)]
        others = [name for name in _counted(obj, before) if name not in attrs] + _others(obj, before, *befores)
        if others:
            return _stale(_differences(change, attrs, before, others))
        return self._children(change)

    def _steps_of(self, *names: ObjectRef) -> list[Change]:
        """Return the updates of an object by each of its names, which may be steps of its create, move or delete, or of one
        another."""
        return [step for name in dict.fromkeys(names) for step in self._steps.get(name, ())]

    def _is_orphan(self, change: Change, ref: ObjectRef) -> bool:
        """Return whether an object is an orphan because its parent is gone, as after a run that ended between the two deletes."""
        return self._place(ref) is None and change.parent is not None and not self._is_found(change.parent)

    def _children(self, change: Change) -> Verdict | None:
        """Return the refusal to delete an object with children that the plan does not contain."""
        known = self._leaves.get(change.key, ())
        for child in staying(self._target, change, self._leaving):
            if child not in known and not is_kept(self._target, child):
                return _stale(f'has the child {child.model} "{child.id}", which the plan does not delete')
        return None


def _same(obj: DSyncModel, name: str, live: Any, expected: Any) -> bool:
    return same_value(live, expected, name in obj._declaration.exact)


def _is_one_of(obj: DSyncModel, name: str, live: Any, *sides: dict[str, Any] | None) -> bool:
    """Return whether an attribute has the value that one of some sides has for it."""
    return any(side and name in side and _same(obj, name, live, side[name]) for side in sides)


def _counted(obj: DSyncModel, values: dict[str, Any] | None) -> dict[str, Any]:
    """Return the attributes that are compared to decide whether a change is in effect."""
    return obj._declaration.counted(_UPDATE, values or {})


def _others(obj: DSyncModel, expected: dict[str, Any], *steps: dict[str, Any] | None) -> list[str]:
    """Return the attributes of an object that match neither the expected state nor a state of another step of the change."""
    attrs, found = obj.get_attrs(), []
    for name in _counted(obj, expected):
        values = [side[name] for side in (expected, *steps) if side and name in side]
        if name in attrs and not any(_same(obj, name, attrs[name], value) for value in values):
            found.append(name)
    return found


def _differences(change: Change, live: dict[str, Any], expected: dict[str, Any], names: Iterable[str]) -> str:
    """Return a description of the differences, without sensitive values."""
    return ", ".join(_difference(change, name, live, expected[name]) for name in names)


def _difference(change: Change, name: str, live: dict[str, Any], expected: Any) -> str:
    if name in change.sensitive or name not in live:
        return f"its {name} is not as expected"
    return f"its {name} is {_shown(live[name])}, expected {_shown(expected)}"


def _shown(value: Any) -> str:
    text = python_string(masked({"": value}, ())[""])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# ---------------------------------------------------------------------- what depends on a refusal


def _refuse_with_them(plan: Plan, verdicts: dict[ChangeKey, Verdict], look: _Look) -> None:
    """Refuse the deletes and moves that would destroy objects that another refusal keeps."""
    changes = {change.key: change for change in plan}
    refused = {key for key, verdict in verdicts.items() if verdict.status == OutcomeStatus.REFUSED}
    while refused or any(change.protected for change in plan):
        more = {key: why for key, why in _endangered(plan, changes, refused, look) if key not in verdicts}
        if not more:
            return
        verdicts.update({key: _stale(why) for key, why in more.items()})
        refused.update(more)


def _remade(plan: Plan) -> dict[ObjectRef, tuple[ChangeKey, set[ObjectRef]]]:
    """Return object → the move by which it is deleted and created again, and all objects that this move takes along, by old and
    new names."""
    found: dict[ObjectRef, tuple[ChangeKey, set[ObjectRef]]] = {}
    for move in plan:
        taken = {name for part in move.parts for name in (part.before_ref, ref_of(part))}
        found.update(dict.fromkeys(taken, (move.key, taken)))
    return found


def _endangered(
    plan: Plan, changes: dict[ChangeKey, Change], refused: set[ChangeKey], look: _Look
) -> Iterator[tuple[ChangeKey, str]]:
    """Yield (change, reason against it): deletes above an object that stays because its delete or move is refused, moves above it
    that are made by a delete and a create and do not take it along, and deletes of moved objects that cannot be created in their
    new place."""
    blocked: set[ChangeKey] = set()
    remade = _remade(plan)
    for change in plan:
        if change.key not in refused and not change.protected and blocked.isdisjoint(change.requires):
            continue
        blocked.add(change.key)
        if change.action == _CREATE:
            above = [ChangeKey(_DELETE, change.model, change.id)]
            why = "stays where it is because it cannot be created in its new place"
        else:
            parents = {change.parent, *look.live_parents(change)} if change.action == _DELETE else look.live_parents(change)
            above = [ChangeKey(_DELETE, *ref) for ref in parents if ref is not None and change.action != _UPDATE]
            own = {change.before_ref, ref_of(change)}
            above += [move for ref in parents if ref in remade for move, taken in [remade[ref]] if own.isdisjoint(taken)]
            why = f'is kept because of {change.model} "{change.before_ref.id}" below it'
        yield from ((key, why) for key in above if key in changes and not changes[key].protected)
