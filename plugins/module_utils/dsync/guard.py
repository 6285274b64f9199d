# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What is refused before the first write: protected objects, too many changes, a source that is empty or has shrunk.

The functions that look for reasons to refuse a run return them, so that a dry run can report what a run would be refused for;
:func:`refuse` raises them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .change import Change, ChangeKey, ObjectRef, steps_of
from .diff import Diff, DiffElement
from .exceptions import EmptySource, LimitExceeded, Refused, SelectorError, SourceShrank, TargetNotWritable
from .flags import DSyncAction
from .plan import Plan
from .select import Selector, check_known, selecting
from .tree import parents_of

if TYPE_CHECKING:
    from .adapter import DSync

_PERCENTAGE = re.compile(r"\d+(\.\d+)?\s*%")

_EXAMPLES = 5
"""How many objects a refusal names."""


# ---------------------------------------------------------------------- protection


def protect(diff: Diff, selectors: Sequence[Selector], models: Mapping[str, Any]) -> None:
    """Mark the differences that must not be repaired; they stay in the diff, and a plan made of it refuses them.

    An object that must not be created or deleted takes what is below it along; and what is above an object that must not be
    deleted is not deleted either, since the remote system might delete both. What else is below that is deleted by itself. An
    object that moves keeps its old place unless both halves of the move may be made.

    Args:
        diff: its elements are marked; marks that are there already stay.
        selectors: which differences; besides, those of a model whose class has their action in ``_protected``.
        models: model name → class.
    """
    moves = _moves(diff)
    while True:
        for element in diff.get_children():
            _protect(element, selectors, models, "")
        if not [move for move in moves if _hold_together(*move)]:
            return


def _protect(element: DiffElement, selectors: Sequence[Selector], models: Mapping[str, Any], above: str) -> str:
    """Mark an element and what is below it; return what it is called if it is not deleted for being protected."""
    action, named = element.action, f'{element.type} "{element.uid}"'
    if element.spared or not element.protected:
        reason = (above if action is not None else "") or _reason(element, action, selectors, models)
        if reason:
            element.protected, element.spared = reason, False
    direct = element.protected and not element.spared and action in (DSyncAction.CREATE, DSyncAction.DELETE)
    inherited = f"protected with {named}" if direct else ""
    kept = [_protect(child, selectors, models, inherited) for child in element.get_children()]
    if action == DSyncAction.DELETE and any(kept) and not element.protected:
        element.protected, element.spared = f"protected for the sake of {next(filter(None, kept))} below it", True
    return named if action == DSyncAction.DELETE and element.protected else ""


def _moves(diff: Diff) -> list[tuple[DiffElement, DiffElement]]:
    """Return the two elements, delete and create, of each object that moves to another place of the tree."""
    gone, made = {}, {}
    for element in diff.walk():
        if element.source_attrs is None:
            gone[element.type, element.uid] = element
        elif element.dest_attrs is None:
            made[element.type, element.uid] = element
    return [(element, made[key]) for key, element in gone.items() if key in made]


def _hold_together(gone: DiffElement, made: DiffElement) -> bool:
    """Protect one half of a move if the other is protected; return whether anything was marked."""
    if gone.protected and not made.protected:
        made.protected = "protected: its delete in its old place is protected"
    elif made.protected and not gone.protected:
        gone.protected = "protected: its create in its new place is protected"
    else:
        return False
    return True


def _reason(element: DiffElement, action: DSyncAction | None, selectors: Sequence[Selector], models: Mapping[str, Any]) -> str:
    if action is None:
        return ""
    declared = _declared(element.type, action, models)
    if declared:
        return declared
    sides = [None if attrs is None else {**element.keys, **attrs} for attrs in (element.source_attrs, element.dest_attrs)]
    chosen = selecting(selectors, element.type, element.uid, action, *sides)
    return "" if chosen is None else f"protected by {chosen.text(element.sensitive)}"


def _declared(model: str, action: DSyncAction, models: Mapping[str, Any]) -> str:
    protects = action.value in getattr(models.get(model), "_protected", ())
    return f"protected: the model {model} is declared so" if protects else ""


def protect_changes(changes: Sequence[Change], target: DSync) -> list[Change]:
    """Return the changes of a plan that is older than what the models declare, with those marked that must not be made; as
    :func:`protect` marks them in a diff.

    Args:
        changes: of one plan, in its order; not changed.
        target: the dataset that is to be changed, loaded; not changed.
    """
    if not any(kind._protected for kind in target.models().values()) and not any(change.protected for change in changes):
        return list(changes)
    marks = _Marks(changes, target)
    while marks.spread():
        pass
    return [marks.marked(change) for change in changes]


class _Marks:
    """What is protected of a plan, and why."""

    def __init__(self, changes: Sequence[Change], target: DSync) -> None:
        self._target, self._models = target, target.models()
        self._by_key = {change.key: change for change in changes}
        self._downwards = sorted(changes, key=self._depth)
        self._before = {change.key: change.protected for change in changes if change.protected}  # has spread when it was marked
        self._why: dict[ChangeKey, str] = {}
        self._spared: dict[ChangeKey, str] = {}

    def spread(self) -> bool:
        """Mark what is protected itself, or because of what is marked; return whether anything was marked."""
        before = len(self._why), len(self._spared)
        for change in self._downwards:
            self._mark(change, _declared(change.model, change.action, self._models) or self._above(change))
        for change in reversed(self._downwards):
            if change.action == DSyncAction.DELETE and (change.key in self._why or change.key in self._spared):
                self._spare_above(change)
        for change in self._downwards:
            if change.key not in self._before:
                self._mark(change, self._other_half(change))
        return before != (len(self._why), len(self._spared))

    def _mark(self, change: Change, why: str) -> None:
        if why:
            self._why.setdefault(change.key, why)

    def _depth(self, change: Change) -> int:
        """Return how many objects above are created, or deleted, too."""
        depth, above = 0, change.parent
        while above is not None and ChangeKey(change.action, *above) in self._by_key and depth < len(self._by_key):
            depth, above = depth + 1, self._by_key[ChangeKey(change.action, *above)].parent
        return depth

    def _above(self, change: Change) -> str:
        """Return the reason if an object above is not created or deleted for its own sake."""
        if change.parent is None or change.action == DSyncAction.UPDATE:
            return ""
        held = ChangeKey(change.action, *change.parent) in self._why
        return f'protected with {change.parent.model} "{change.parent.id}"' if held else ""

    def _other_half(self, change: Change) -> str:
        """Return the reason if the other half of a move is protected."""
        gone, made = (ChangeKey(action, change.model, change.id) for action in (DSyncAction.DELETE, DSyncAction.CREATE))
        if change.key == made and (gone in self._why or gone in self._spared):
            return "protected: its delete in its old place is protected"
        held = change.key == gone and made in self._why and gone not in self._spared
        return "protected: its create in its new place is protected" if held else ""

    def _spare_above(self, change: Change) -> None:
        above = None if change.parent is None else ChangeKey(DSyncAction.DELETE, *change.parent)
        if above in self._by_key and above not in self._why and above not in self._before:
            self._spared.setdefault(above, f'protected for the sake of {change.model} "{change.id}" below it')

    def marked(self, change: Change) -> Change:
        """Return a change as it is protected now. One below a protected update, or below a delete that is protected for the sake of
        something else, neither waits for that any more nor goes along with it."""
        requires: list[ChangeKey] = []
        todo = list(change.requires)
        while todo:
            key = todo.pop(0)
            passed_over = key in self._spared if key.action == DSyncAction.DELETE else key.action == DSyncAction.UPDATE
            if passed_over and key in self._held and self._is_below(change, ObjectRef(key.model, key.id)):
                todo = [*self._by_key[key].requires, *todo]
            else:
                requires.append(key)
        alone = change.parent is not None and ChangeKey(DSyncAction.DELETE, *change.parent) in self._spared
        return replace(
            change,
            protected=self._held.get(change.key, ""),
            cascade=change.cascade and not alone,
            requires=tuple(dict.fromkeys(requires)),
        )

    @cached_property
    def _held(self) -> dict[ChangeKey, str]:
        return {**self._spared, **self._why, **self._before}

    @cached_property
    def _parents(self) -> dict[ObjectRef, ObjectRef]:
        return parents_of(self._target, self._models)

    def _is_below(self, change: Change, ref: ObjectRef) -> bool:
        above, seen = change.parent, set[ObjectRef]()
        while above is not None and above != ref and above not in seen:
            seen.add(above)
            above = self._parents.get(above)
        return above == ref


# ---------------------------------------------------------------------- limits


@dataclass(frozen=True)
class Limit:
    """The most changes of one kind that a run may make.

    Attributes:
        action: create, update or delete.
        model: the model that it is said of; None for all together.
        number: how many.
        percent: how many of a hundred objects: of those that the source has for creates, else of those that the target has.
    """

    action: DSyncAction
    model: str | None
    number: int | None = None
    percent: float | None = None

    def __str__(self) -> str:
        allowed = f"{self.percent:g}%" if self.percent is not None else str(self.number)
        return f"limits{'' if self.model is None else f'.{self.model}'}.{self.action}: {allowed}"


def limits(said: Mapping[str, Any], models: Iterable[str]) -> list[Limit]:
    """Return the limits that plain data describes.

    Args:
        said: ``create``, ``update`` or ``delete`` → a number or a percentage such as ``"10%"``; a model's name → such a dict.
        models: the names of the models that there are.

    Raises:
        SelectorError: something is named that there is not, or a value is no limit.
    """
    actions, known = [action.value for action in DSyncAction], list(models)
    found = []
    for name, value in said.items():
        if name in actions:
            found.append(_limit(name, None, value, f"limits.{name}"))
            continue
        check_known(name, [*actions, *known], "limits", "action or model")
        if not isinstance(value, Mapping):
            raise SelectorError(f"limits.{name}: a dict of action to limit is wanted, not {value!r}")
        for action, allowed in value.items():
            check_known(action, actions, f"limits.{name}", "action")
            found.append(_limit(action, name, allowed, f"limits.{name}.{action}"))
    return found


def _limit(action: str, model: str | None, value: Any, place: str) -> Limit:
    text = str(value).strip()
    if not isinstance(value, bool) and re.fullmatch(r"\d+", text):
        return Limit(DSyncAction(action), model, number=int(text))
    if _PERCENTAGE.fullmatch(text):
        return Limit(DSyncAction(action), model, percent=percentage(value, place))
    raise SelectorError(f"{place}: a number or a percentage such as 10% is wanted, not {value!r}")


def percentage(said: Any, place: str) -> float:
    """Return the number in a text such as ``"20%"``.

    Raises:
        SelectorError: it is no percentage; the sentence begins with ``place``.
    """
    text = str(said).strip()
    if not _PERCENTAGE.fullmatch(text):
        raise SelectorError(f"{place}: a percentage such as 20% is wanted, not {said!r}")
    return float(text.rstrip("% "))


def over_limits(plan: Plan, allowed: Sequence[Limit], source: DSync, target: DSync) -> Iterator[Refused]:
    """Yield a refusal for each limit that the plan's changes exceed, protected ones aside, and those that are steps of others."""
    steps = steps_of(plan) if allowed else frozenset()
    for limit in allowed:
        changes = [
            change
            for change in plan
            if change.action == limit.action
            and limit.model in (None, change.model)
            and not change.protected
            and change.key not in steps
        ]
        whole = (source if limit.action == DSyncAction.CREATE else target).count(limit.model)
        percent = (100 * len(changes) / whole if whole else 100.0) if changes else 0.0
        if len(changes) > limit.number if limit.number is not None else percent > (limit.percent or 0):
            share = "" if limit.percent is None else f", {percent:.3g}% of {whole}"
            yield LimitExceeded(f"{limit} is exceeded: {len(changes)} to {limit.action}{share} ({_named(changes)})")


def _named(changes: Sequence[Change]) -> str:
    names = ", ".join(f'{change.model} "{change.id}"' for change in changes[:_EXAMPLES])
    return names + (", …" if len(changes) > _EXAMPLES else "")


# ---------------------------------------------------------------------- the target


def not_writable(changes: Iterable[Change], target: DSync) -> list[tuple[Change, str]]:
    """Return the changes that the target cannot make at all (:meth:`.adapter.DSync.refuses`), each with the reason.

    Args:
        changes: of a plan; protected ones are passed over, and deletes that the target makes by itself (``cascade``).
        target: the dataset that is to be changed, loaded; not changed.
    """
    reasons: dict[tuple[str, DSyncAction], str] = {}
    found = []
    for change in changes:
        if change.protected or change.cascade:
            continue
        kind = (change.model, change.action)
        if kind not in reasons:
            reasons[kind] = target.refuses(*kind)
        if reasons[kind]:
            found.append((change, reasons[kind]))
    return found


def refusal_of(found: Sequence[tuple[Change, str]], number: int) -> TargetNotWritable:
    """Return what a run is refused with.

    Args:
        found: what :func:`not_writable` returned, at least one.
        number: how many changes the plan has.
    """
    kinds: dict[str, set[str]] = {}
    for change, reason in found:
        kinds.setdefault(reason, set()).add(f"{change.action} of {change.model}")
    told = "; ".join(f"{', '.join(sorted(named))}: {reason}" for reason, named in kinds.items())
    return TargetNotWritable(
        f"{len(found)} of {number} changes cannot be made in the target ({told}); "
        "leave such changes out with flags, only or exclude",
        found,
    )


# ---------------------------------------------------------------------- the source


def empty_source(plan: Plan, source: DSync, target: DSync) -> Iterator[Refused]:
    """Yield a refusal for each model of which the source loaded nothing, and of which objects of the target would be deleted."""
    deleted: dict[str, list[Change]] = {}
    for change in plan:
        if change.action == DSyncAction.DELETE and not change.protected:
            deleted.setdefault(change.model, []).append(change)
    for model, changes in deleted.items():
        if source.count(model) == 0:
            yield EmptySource(
                f"{source.name} was loaded and has no {model} at all, while {target.name} has {target.count(model)}: "
                f"{len(changes)} would be deleted ({_named(changes)})"
            )


def shrunken_source(source: DSync, before: Mapping[str, int], most: str) -> Iterator[Refused]:
    """Yield a refusal for each model of which the source has lost too many objects since the last good run.

    Args:
        source: the loaded source.
        before: model → how many objects the source had then.
        most: the share that it may have lost, such as ``"20%"``.

    Raises:
        SelectorError: ``most`` is no percentage.
    """
    percent = percentage(most, "max_shrink")
    for model, number in before.items():
        lost = number - source.count(model)
        if number and 100 * lost / number > percent:
            yield SourceShrank(
                f"{source.name} has shrunk: {source.count(model)} {model} objects, {number} at the last good run; "
                f"{100 * lost / number:.3g}% fewer, and max_shrink is {percent:g}%"
            )


def object_counts(dataset: DSync) -> dict[str, int]:
    """Return model → how many objects of it a dataset has, models without any included."""
    counts = Counter({model: dataset.count(model) for model in dataset.store.model_names()})
    return {model: counts[model] for model in {**dataset.models(), **counts}}


def refuse(refusals: Sequence[Refused]) -> None:
    """Raise the refusals, if there are any: the only one itself, or one that says them all."""
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise Refused("; ".join(map(str, refusals)))
