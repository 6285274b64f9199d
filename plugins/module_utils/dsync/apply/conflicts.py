# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects in the way of new ones: a system may refuse to create an object as long as another one is there that a later change of
the plan deletes, such as a CNAME record of the same name. If nothing declares that, it is found when the create is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..plan.change import Change, ChangeKey, new_names, ref_of
from ..plan.outcome import OutcomeStatus, Verdict
from ..plan.together import Unit, units
from .target import Target

_Claim = tuple[str, "ObjectRef | None", str, str]
"""A model, a parent, an identifier and its value."""


class Conflict(NamedTuple):
    """The deletes after which a create that was refused may be made.

    Attributes:
        deletes: of the one object that has the value of an identifier in common with the new one, and of those below it; in order.
        needs: the other changes of the plan that they require.
    """

    deletes: tuple[Change, ...]
    needs: frozenset[ChangeKey]


class Conflicts:
    """The conflicts that the creates of a plan may have.

    There is one if exactly one object of the same model and parent that a later change deletes has an identifier with the same
    value. Values do not count that refer to other objects, or name the parent: they are where an object is, not what it is.

    Args:
        changes: of the run, in order; not changed.
        target: the dataset to change; not changed.
        verdicts: outcomes of changes that are decided in advance; not changed.
    """

    def __init__(self, changes: Sequence[Change], target: Target, verdicts: Mapping[ChangeKey, Verdict]) -> None:
        self._changes, self._target, self._verdicts = changes, target, verdicts

    def of(self, change: Change) -> Conflict | None:
        """Return the conflict that a change may have; None if there is none."""
        return self._found.get(change.key) if change.action == DSyncAction.CREATE else None

    def creates_first(self) -> dict[ChangeKey, list[ChangeKey]]:
        """Return the creates that a delete should not come before, so that it is known whether they are refused."""
        found: dict[ChangeKey, list[ChangeKey]] = defaultdict(list)
        places = {change.key: place for place, change in enumerate(self._changes)} if self._found else {}
        for create, conflict in self._found.items():
            for delete in conflict.deletes:
                if places[create] < places[delete.key]:
                    found[delete.key].append(create)
        return found

    @cached_property
    def _found(self) -> dict[ChangeKey, Conflict]:
        going: dict[_Claim, list[int]] = defaultdict(list)
        keys = {change.key for change in self._changes}
        bound = {change.key for unit in units(self._changes) if isinstance(unit, Unit) for change in unit}
        for place, change in enumerate(self._changes):
            if change.action == DSyncAction.DELETE and not change.cascade and self._is_free(change, keys, bound):
                for claim in self._claims(change):
                    going[claim].append(place)
        found = {}
        for place, change in enumerate(self._changes if going else ()):
            if change.action == DSyncAction.CREATE and change.key not in bound:
                others = {other for claim in self._claims(change) for other in going.get(claim, ()) if other > place}
                deletes = self._with_those_below(self._changes[others.pop()]) if len(others) == 1 else ()
                if deletes and all(self._is_free(delete, keys, bound) for delete in deletes):
                    own = {delete.key for delete in deletes}
                    needs = {key for delete in deletes for key in delete.requires if key in keys and key not in own}
                    found[change.key] = Conflict(deletes, frozenset(needs))
        return found

    def _is_free(self, delete: Change, keys: set[ChangeKey], bound: set[ChangeKey]) -> bool:
        """Return whether a delete is made, or was made by an earlier run, and not together with other changes already."""
        verdict = self._verdicts.get(delete.key)
        if delete.protected or delete.key in bound or ChangeKey(DSyncAction.CREATE, *ref_of(delete)) in keys:
            return False
        return verdict is None or verdict.status == OutcomeStatus.ALREADY_DONE

    def _claims(self, change: Change) -> Iterator[_Claim]:
        kind = self._classes.get(change.model)
        if kind is None or len(change.ids) < 2:
            return
        left_out = {reference.field for reference in kind._declaration.references}
        above = None if change.parent is None else self._target.store.find(*change.parent)
        of_parent = set() if change.parent is None else {change.parent.id}
        of_parent.update(map(str, () if above is None else above.get_identifiers().values()))
        parent = change.parent and self._names.get(change.parent, change.parent)
        for name, value in change.ids.items():
            if name not in left_out and value not in (None, "") and str(value) not in of_parent:
                comparison = kind._declaration.comparisons.get(name)
                yield change.model, parent, name, repr(value if comparison is None else comparison.key(value))

    @cached_property
    def _classes(self) -> dict[str, type[DSyncModel]]:
        return self._target.models()

    @cached_property
    def _names(self) -> dict[ObjectRef, ObjectRef]:
        return new_names(self._changes)

    @cached_property
    def _below(self) -> dict[ObjectRef, list[Change]]:
        found: dict[ObjectRef, list[Change]] = defaultdict(list)
        for change in self._changes:
            if change.action == DSyncAction.DELETE and change.parent is not None:
                found[change.parent].append(change)
        return found

    def _with_those_below(self, delete: Change) -> tuple[Change, ...]:
        """Return a delete and those of the objects below it, in order."""
        found, todo = {delete.key}, [delete]
        while todo:
            below = [change for change in self._below.get(ref_of(todo.pop()), ()) if change.key not in found]
            found.update(change.key for change in below)
            todo += below
        return tuple(change for change in self._changes if change.key in found) if len(found) > 1 else (delete,)
