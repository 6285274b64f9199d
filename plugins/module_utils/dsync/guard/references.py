# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""References to objects that do not exist, found before the first write. No I/O except in an adapter's ``holds``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .._util.suggestions import nearest
from ..dataset.dataset import Dataset
from ..exceptions import MissingReference
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.references import Named, References
from ..plan.change import Change, ref_of

_NAMED = 3
_MOST_COMPARED = 10_000
"""Objects of a model beyond which no near name is looked for, which would take seconds."""

_CREATE, _UPDATE, _DELETE = DSyncAction.CREATE, DSyncAction.UPDATE, DSyncAction.DELETE


def missing_references(changes: Iterable[Change], target: Dataset, references: References | None) -> list[tuple[Change, str]]:
    """Return the changes that would leave a reference to a missing object, each with a sentence.

    These are creates and updates whose new values refer to an object that the target neither has nor will get, and deletes of
    objects to which others in the target still refer afterwards. Objects that were not loaded are looked up with
    :meth:`.dataset.Dataset.holds`.

    Args:
        changes: a plan with real values; protected changes are skipped.
        target: the loaded dataset to change; it is not changed here.
        references: the fields that refer to other objects; None for none.
    """
    if references is None:
        return []
    return list(_Look(list(changes), target, references).found())


class _Look:
    """The objects of a target after the changes of a plan."""

    def __init__(self, changes: list[Change], target: Dataset, references: References) -> None:
        self._changes, self._target, self._references = changes, target, references
        self._known = target.models()
        renames = [change for change in changes if change.before_id is not None and not change.protected]
        self._old_names = {change.before_ref for change in renames}
        self._created = {ref_of(change) for change in changes if change.action == _CREATE and not change.protected}
        self._created.update(map(ref_of, renames))
        self._deleted = {ref_of(change) for change in changes if change.action == _DELETE and not change.protected} - self._created
        self._there: dict[ObjectRef, bool] = {}
        self._suggested = 0

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
            gone = ref in self._deleted or ref in self._old_names
            self._there[ref] = ref in self._created or (not gone and self._target.holds(*ref))
        return self._there[ref]

    def _sentence(self, change: Change, named: Named) -> str:
        models = " or ".join(named.reference.models)
        value = "********" if named.reference.field in change.sensitive else named.choices[0].id
        choices = set(named.choices)
        why = "deleted" if choices & self._deleted else "renamed" if choices & self._old_names else ""
        why = f"which will be {why}" if why else f"which {self._target.name} does not have and will not get"
        near = "" if named.reference.field in change.sensitive else self._near(named.choices[0])
        return f'its {named.reference.field} refers to {models} "{value}", {why}{near}'

    def _near(self, ref: ObjectRef) -> str:
        """Return the end of a sentence that suggests another object; only for the references that a refusal names."""
        model = self._known.get(ref.model)
        if self._suggested == _NAMED or model is None or {*model._identifiers} & {*model.get_sensitive_fields()}:
            return ""
        self._suggested += 1
        gone = self._deleted | self._old_names
        created, lost = ({one.id for one in some if one.model == ref.model} for some in (self._created, gone))
        names = ({*self._target.store.uids(ref.model)} - lost) | created
        found = "" if len(names) > _MOST_COMPARED else nearest(ref.id, sorted(names))
        return f' (did you mean "{found}"?)' if found else ""

    def _still_referred_to(self) -> Iterator[tuple[Change, str]]:
        """Yield the deletes of objects to which an object in the target still refers after the run."""
        wanted = {ref for ref in self._deleted if ref.model in self._references.referred}
        if not wanted:
            return
        updates = {ref_of(change): change.after for change in self._changes if change.action == _UPDATE and not change.protected}
        holders: dict[ObjectRef, str] = {}
        for model in sorted(self._references.models & set(self._known)):
            for obj in self._target.store.each(model):
                here = ObjectRef(model, obj.get_unique_id())
                if here not in self._deleted:
                    values = {**obj.get_identifiers(), **obj.get_attrs(), **(updates.get(here) or {})}
                    for named in self._references.named(model, values):
                        for ref in wanted.intersection(named.choices):
                            holders.setdefault(
                                ref, f'{model} "{here.id}" refers to it ({named.reference.field}) and is not deleted'
                            )
        for change in self._changes:
            if change.action == _DELETE and not change.protected and ref_of(change) in holders:
                yield change, holders[ref_of(change)]


def refusal(found: list[tuple[Change, str]], number: int) -> MissingReference:
    """Return the exception with which a run is refused.

    Args:
        found: the result of :func:`missing_references`, not empty.
        number: number of changes in the plan.
    """
    named = "; ".join(f'{change.action} of {change.model} "{change.id}": {sentence}' for change, sentence in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    blamed = len({change.key for change, _sentence in found})
    return MissingReference(f"{blamed} of {number} changes would leave a reference to a missing object: {named}{more}", found)
