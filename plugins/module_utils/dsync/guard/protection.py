# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Differences that must not be repaired: marked in a diff, refused by a plan made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..diff.diff import Diff, DiffElement
from ..diff.selectors import Selector, selecting
from ..flags import DSyncAction
from ..plan.protection import declared_protection


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
    declared = declared_protection(element.type, action, models)
    if declared:
        return declared
    sides = [None if attrs is None else {**element.keys, **attrs} for attrs in (element.source_attrs, element.dest_attrs)]
    chosen = selecting(selectors, element.type, element.uid, action, *sides)
    return "" if chosen is None else f"protected by {chosen.text(element.sensitive)}"
