# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""References to nothing, found before the first write. No I/O but what an adapter's ``holds`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..dataset.dataset import Dataset
from ..exceptions import MissingReference
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.references import Named, References
from ..plan.change import Change, ref_of

_NAMED = 3
_CREATE, _UPDATE, _DELETE = DSyncAction.CREATE, DSyncAction.UPDATE, DSyncAction.DELETE


def missing_references(changes: Iterable[Change], target: Dataset, references: References | None) -> list[tuple[Change, str]]:
    """Return the changes that would leave an object which refers to another one that is not there, each with a sentence.

    These are creates and updates whose new values name an object that the target neither has nor gets, and deletes of objects that
    others in the target still refer to afterwards. The target is asked for what it has not loaded
    (:meth:`.dataset.Dataset.holds`).

    Args:
        changes: a plan with real values; protected changes are passed over.
        target: the dataset that is to be changed, loaded; not changed.
        references: which fields name other objects; None for none.
    """
    if references is None:
        return []
    return list(_Look(list(changes), target, references).found())


class _Look:
    """What the changes of one plan leave in one target."""

    def __init__(self, changes: list[Change], target: Dataset, references: References) -> None:
        self._changes, self._target, self._references = changes, target, references
        self._known = target.models()
        self._created = {ref_of(change) for change in changes if change.action == _CREATE and not change.protected}
        self._deleted = {ref_of(change) for change in changes if change.action == _DELETE and not change.protected} - self._created
        self._there: dict[ObjectRef, bool] = {}

    def found(self) -> Iterator[tuple[Change, str]]:
        for change in self._changes:
            if change.action != _DELETE and not change.protected:
                for named in self._references.named(change.model, change.ids if change.action == _CREATE else None, change.after):
                    if not self._is_there(named):
                        yield change, self._sentence(change, named)
        yield from self._still_referred_to()

    def _is_there(self, named: Named) -> bool:
        choices = [ref for ref in named.choices if ref.model in self._known]
        return not choices or any(map(self._stays, choices))

    def _stays(self, ref: ObjectRef) -> bool:
        if ref not in self._there:
            self._there[ref] = ref in self._created or (ref not in self._deleted and self._target.holds(*ref))
        return self._there[ref]

    def _sentence(self, change: Change, named: Named) -> str:
        models = " or ".join(named.reference.models)
        value = "********" if named.reference.field in change.sensitive else named.choices[0].id
        goes = next((ref for ref in named.choices if ref in self._deleted), None)
        why = "which is to be deleted" if goes else f"which {self._target.name} does not have and is not to get"
        return f'its {named.reference.field} refers to {models} "{value}", {why}'

    def _still_referred_to(self) -> Iterator[tuple[Change, str]]:
        """Yield the deletes of objects that something in the target refers to and goes on referring to."""
        wanted = {ref for ref in self._deleted if ref.model in self._references.referred}
        if not wanted:
            return
        updates = {ref_of(change): change.after for change in self._changes if change.action == _UPDATE and not change.protected}
        holders: dict[ObjectRef, str] = {}
        for model in sorted(self._references.models & set(self._known)):
            for obj in self._target.get_all(model):
                here = ObjectRef(model, obj.get_unique_id())
                if here not in self._deleted:
                    values = {**obj.get_identifiers(), **obj.get_attrs(), **(updates.get(here) or {})}
                    for named in self._references.named(model, values):
                        for ref in wanted.intersection(named.choices):
                            holders.setdefault(ref, f'{model} "{here.id}" refers to it ({named.reference.field}) and stays')
        for change in self._changes:
            if change.action == _DELETE and not change.protected and ref_of(change) in holders:
                yield change, holders[ref_of(change)]


def refusal(found: list[tuple[Change, str]], number: int) -> MissingReference:
    """Return what a run is refused with.

    Args:
        found: what :func:`missing_references` returned, at least one.
        number: how many changes the plan has.
    """
    named = "; ".join(f'{change.action} of {change.model} "{change.id}": {sentence}' for change, sentence in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    blamed = len({change.key for change, _sentence in found})
    return MissingReference(f"{blamed} of {number} changes would leave a reference to nothing: {named}{more}", found)
