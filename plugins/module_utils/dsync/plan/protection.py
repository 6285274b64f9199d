# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Protection of the changes of a plan if models declare more of it than when the plan was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..dataset.dataset import Dataset
from ..dataset.tree import parents_of
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from .change import Change, ChangeKey, by_names_to_find, by_new_names, new_names, ref_of


def declared_protection(model: str, action: DSyncAction, models: Mapping[str, Any]) -> str:
    """Return why a model's class protects its objects from an action; an empty string if it does not."""
    protects = action.value in getattr(models.get(model), "_protected", ())
    return f"protected: the model {model} declares it" if protects else ""


def protect_changes(changes: Sequence[Change], target: Dataset) -> list[Change]:
    """Return the changes of a plan, with those marked that the models now protect, as ``guard.protection.protect`` marks
    them in a diff.

    Args:
        changes: those of one plan, in its order; not changed.
        target: the loaded dataset to change; it is not changed here.
    """
    if not any(kind._protected for kind in target.models().values()) and not any(change.protected for change in changes):
        return list(changes)
    named = by_new_names(changes)
    marks = _Marks(named, target)
    while marks.spread():
        pass
    return by_names_to_find(marks.marked(change) for change in named)


class _Marks:
    """The protected changes of a plan, and the reasons."""

    def __init__(self, changes: Sequence[Change], target: Dataset) -> None:
        self._target, self._models = target, target.models()
        self._by_key = {change.key: change for change in changes}
        self._downwards = sorted(changes, key=self._depth)
        self._before = {change.key: change.protected for change in changes if change.protected}  # was propagated when it was marked
        self._why: dict[ChangeKey, str] = {}
        self._spared: dict[ChangeKey, str] = {}

    def spread(self) -> bool:
        """Mark changes that are protected themselves or because of marked ones; return whether anything was marked."""
        before = len(self._why), len(self._spared)
        for change in self._downwards:
            self._mark(change, self._declared(change) or self._above(change))
        for change in reversed(self._downwards):
            if change.action in (DSyncAction.DELETE, DSyncAction.MOVE) and (change.key in self._why or change.key in self._spared):
                self._spare_above(change)
        for change in self._downwards:
            if change.key not in self._before:
                self._mark(change, self._other_half(change) or self._circle(change))
        return before != (len(self._why), len(self._spared))

    def _declared(self, change: Change) -> str:
        """Return the reason if a model's class protects its objects from a change, or from a step of a move."""
        reason = declared_protection(change.model, change.action, self._models)
        for part in change.parts:
            for action in (DSyncAction.DELETE, DSyncAction.CREATE):
                reason = reason or declared_protection(part.model, action, self._models)
        return reason

    def _mark(self, change: Change, why: str) -> None:
        if why:
            self._why.setdefault(change.key, why)

    def _depth(self, change: Change) -> int:
        """Return the number of objects above that are created, or deleted, too."""
        depth, above = 0, change.parent
        while above is not None and ChangeKey(change.action, *above) in self._by_key and depth < len(self._by_key):
            depth, above = depth + 1, self._by_key[ChangeKey(change.action, *above)].parent
        return depth

    def _above(self, change: Change) -> str:
        """Return the reason if an object above is not created, deleted or renamed for its own sake."""
        for key in self._renames_above(change) if change.action == DSyncAction.CREATE or change.before_id is not None else ():
            if key in self._why:
                return f'protected with {key.model} "{key.id}"'
        if change.parent is None or change.action == DSyncAction.UPDATE:
            return ""
        above = DSyncAction.CREATE if change.action == DSyncAction.MOVE else change.action
        held = ChangeKey(above, *change.parent) in self._why
        return f'protected with {change.parent.model} "{change.parent.id}"' if held else ""

    def _renames_above(self, change: Change) -> Iterator[ChangeKey]:
        """Yield the renames of objects above one, which come before its own change."""
        for key in change.requires:
            if key.action == DSyncAction.MOVE and key in self._by_key and self._by_key[key].before_id is not None:
                yield key

    def _other_half(self, change: Change) -> str:
        """Return the reason if the other half of a move is protected."""
        gone, made = (ChangeKey(action, change.model, change.id) for action in (DSyncAction.DELETE, DSyncAction.CREATE))
        if change.key == made and (gone in self._why or gone in self._spared):
            return "protected: its delete in its old place is protected"
        held = change.key == gone and made in self._why and gone not in self._spared
        return "protected: its create in its new place is protected" if held else ""

    def _circle(self, change: Change) -> str:
        """Return the reason if an object would move below one that stays below it."""
        if change.action != DSyncAction.MOVE:
            return ""
        place, seen = change.parent, set[ObjectRef]()
        while place is not None and place not in seen:
            seen.add(place)
            move = self._by_key.get(ChangeKey(DSyncAction.MOVE, *place))
            made = self._by_key.get(ChangeKey(DSyncAction.CREATE, *place))
            stays = move is not None and (move.key in self._why or move.key in self._before)
            coming = None if stays else move or made
            above = self._parents.get(place) if coming is None else coming.parent
            if above == ref_of(change):
                return f'protected because of {place.model} "{place.id}" below it'
            place = above
        return ""

    def _spare_above(self, change: Change) -> None:
        """Let what an object that stays is below also stay, and keep the name after which it is named."""
        place = change.before_parent if change.action == DSyncAction.MOVE else change.parent
        above = None if place is None else ChangeKey(DSyncAction.DELETE, *place)
        why = f'protected because of {change.model} "{change.id}" below it'
        if above in self._by_key and above not in self._why and above not in self._before:
            self._spared.setdefault(above, why)
        for key in self._renames_above(change) if change.before_id is not None and change.parent == change.before_parent else ():
            self._mark(self._by_key[key], why)
        if place in self._remade and self._remade[place] != change.key:
            self._mark(self._by_key[self._remade[place]], why)

    def marked(self, change: Change) -> Change:
        """Return a change with its current protection. A change below a protected update, or below a delete that is protected
        because of another object, no longer requires it, and is no longer made together with it."""
        requires: list[ChangeKey] = []
        todo = list(change.requires)
        while todo:
            key = todo.pop(0)
            stays = key.action in (DSyncAction.UPDATE, DSyncAction.MOVE)
            passed_over = key in self._spared if key.action == DSyncAction.DELETE else stays
            if passed_over and key in self._held and self._is_below(change, ObjectRef(key.model, key.id)):
                todo = [*(() if key.action == DSyncAction.MOVE else self._by_key[key].requires), *todo]
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
    def _remade(self) -> dict[ObjectRef, ChangeKey]:
        """The objects that are deleted and created again during a move, with that move."""
        return {ref_of(part): change.key for change in self._downwards for part in change.parts}

    @cached_property
    def _held(self) -> dict[ChangeKey, str]:
        return {**self._spared, **self._why, **self._before}

    @cached_property
    def _parents(self) -> dict[ObjectRef, ObjectRef]:
        names = new_names(self._downwards)
        found = parents_of(self._target, self._models)
        return {names.get(child, child): names.get(parent, parent) for child, parent in found.items()} if names else found

    def _is_below(self, change: Change, ref: ObjectRef) -> bool:
        """Return whether an object is below another one; one that moves, in its old or its new place."""
        moved = (
            self._by_key.get(ChangeKey(DSyncAction.CREATE, change.model, change.id))
            if change.action == DSyncAction.DELETE
            else None
        )
        return self._stands_below(change, ref) or (moved is not None and self._stands_below(moved, ref))

    def _stands_below(self, change: Change, ref: ObjectRef) -> bool:
        above, seen = change.parent, set[ObjectRef]()
        while above is not None and above != ref and above not in seen:
            seen.add(above)
            made = self._by_key.get(ChangeKey(DSyncAction.CREATE, *above)) if change.action == DSyncAction.CREATE else None
            above = self._parents.get(above) if made is None else made.parent
        return above == ref
