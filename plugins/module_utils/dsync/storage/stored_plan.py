# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Plans from files, and resolving their values.

A file contains plain JSON, with digests instead of sensitive values, so a plan from a file cannot be applied as it is:
:func:`.guard.preparation.prepare` turns it into one that can. Resolving takes each value from the live object that still has it, or
converts the JSON with the target's own field. A sensitive value can only be taken from a live object: from the source, from the
target if the change was already made there, or from the field's default.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

from .._util.gc import relaxed_collector
from .._util.plain_json import Unwritable, plain
from ..dataset.dataset import Dataset
from ..exceptions import RecordError, Refused, SecretMoved
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..model.placeholders import DigestedSecret, Lost
from ..model.values import same_value
from ..plan.change import Change, ref_of
from ..plan.plan import Plan
from ..plan.protection import protect_changes
from ..plan.undo import undo_plan
from .change_lines import Leaves, digested_id
from .digests import SecretDigester
from .encoding import Fields, NotTheSame, from_plain
from .paths import file_error
from .schema import Declared, difference

_NAMED = 3
"""Maximum number of objects that a message names."""

LostSecrets = Literal["fail", "leave"]
"""How to handle a sensitive value that no live object has any more: ``fail`` refuses the plan; ``leave`` makes all other changes,
does not change the attribute of an existing object, and refuses to create an object without it."""


class ResolvedPlan(Plan):
    """A plan from a file with real values. It can be applied after it was checked.

    Attributes:
        origin: the file.
        leaves: delete → children of its object that were ignored when the plan was made.
        warnings: a sentence for each sensitive attribute that is not changed.
    """

    def __init__(self, changes: Iterable[Change], origin: str, leaves: Leaves, warnings: Iterable[str] = ()) -> None:
        super().__init__(changes)
        self.origin, self.leaves = origin, leaves
        self.warnings = tuple(warnings)

    def unready(self, target: str, checked: bool) -> str:
        if not checked:
            return f"the plan of {self.origin} was not compared with {target}; apply the plan that prepare_plan() returns"
        return super().unready(target, checked)


class StoredPlan:
    """A plan as stored in a file: its values are plain JSON, with digests instead of sensitive values. It is not a
    :class:`~.plan.Plan`; :func:`.guard.preparation.prepare` turns it into one.

    Attributes:
        changes: in the order in which they are made.
        origin: the file.
        salt: the salt of the digests.
        key_check: a value that verifies the file's key; None if it has none.
        declared: ``source`` and ``target`` → the declarations of their models.
        leaves: delete → children of its object that were ignored when the plan was made.
        undoes: whether the changes reverse an earlier run.
    """

    undoes: bool = False

    def __init__(
        self,
        changes: Iterable[Change],
        origin: str,
        salt: str,
        key_check: str | None,
        declared: dict[str, Declared],
        leaves: Leaves,
    ) -> None:
        self.changes = tuple(changes)
        self.origin, self.salt, self.key_check = origin, salt, key_check
        self.declared, self.leaves = declared, leaves

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def digester(self, key: str | None = None) -> SecretDigester:
        """Return the digester of this plan.

        Raises:
            Refused: the file requires a key, must not be given one, or was written with another one.
        """
        digester = SecretDigester(self.salt, key)
        if (key is None) is not (self.key_check is None):
            needs = (
                "was written with a key, but no key was given" if key is None else "was written without a key, but one was given"
            )
            raise file_error(Refused, self.origin, needs)
        if key is not None and not hmac.compare_digest(str(digester.check), str(self.key_check)):
            raise file_error(Refused, self.origin, "was written with another key than the given one")
        return digester

    def resolve(
        self, source: Dataset | None, target: Dataset, key: str | None = None, *, lost_secrets: LostSecrets = "fail"
    ) -> ResolvedPlan:
        """Return the plan with real values, in which changes that the target's models now protect are marked.

        It is the first half of :func:`.guard.preparation.prepare`, for callers with other checks than staleness.

        Args:
            source: the loaded dataset from which values are taken; None if there is none, as for an undo.
            target: the loaded dataset to change.
            key: the passphrase that the file was written with.
            lost_secrets: how to handle sensitive values that no live object has any more; see :data:`LostSecrets`.

        Raises:
            Refused: the declarations of the models have changed since the plan was made, or the key is not the file's.
            SecretMoved: a sensitive value cannot be found any more; the message counts such values and names the first ones.
            RecordError: a value does not fit the target's field; it names model, id and attribute.
        """
        digester = self.digester(key)
        self._check_declared(source, target)
        resolver = _Resolver(self.origin, source, target, digester)
        with relaxed_collector():
            changes = [resolver.written(resolver.resolved(change)) for change in self.changes]
        if resolver.missing and lost_secrets == "fail":
            raise SecretMoved(_moved_message(self.origin, resolver.missing))
        protected = protect_changes([_without_lost(change) for change in changes], target)
        plan = ResolvedPlan(protected, self.origin, self.leaves, _warnings(changes))
        plan.undoes = self.undoes
        return plan

    def _check_declared(self, source: Dataset | None, target: Dataset) -> None:
        for side, dataset in (("target", target), ("source", source)):
            if dataset is not None and self.declared.get(side):
                moved = difference(dataset, self.declared[side])
                if moved:
                    way_out = "declare the models as they were then" + ("" if self.undoes else ", or make the plan again")
                    raise file_error(Refused, self.origin, f"no longer matches the {side}: {moved}; {way_out}")


def undo_stored(done: Iterable[Change], stored: StoredPlan) -> StoredPlan:
    """Return the undo plan (:func:`undo_plan`) for changes of a file; it describes the file as ``stored`` does."""
    undo = StoredPlan(undo_plan(done), stored.origin, stored.salt, stored.key_check, stored.declared, {})
    undo.undoes = True
    return undo


class _Live:
    """The live object of a change on one side, and its attributes."""

    def __init__(self, dataset: Dataset | None, *names: ObjectRef) -> None:
        found = (None if dataset is None else dataset.store.find(*name) for name in names)
        self.obj: DSyncModel | None = next((obj for obj in found if obj is not None), None)
        self.attrs: dict[str, Any] = {} if self.obj is None else self.obj.get_attrs()
        self.ids: dict[str, Any] = {} if self.obj is None else self.obj.get_identifiers()


class _Resolver:
    """Resolves the values of changes, and collects the sensitive ones that cannot be found.

    Attributes:
        missing: (change, attribute).
    """

    def __init__(self, origin: str, source: Dataset | None, target: Dataset, digester: SecretDigester) -> None:
        self._origin, self._source, self._target, self._digester = origin, source, target, digester
        self._classes = target.models()
        self._fields: dict[type[DSyncModel], Fields] = {}
        self.missing: list[tuple[Change, str]] = []

    def resolved(self, change: Change) -> Change:
        """Return a change with real values; a value that cannot be found stays a DigestedSecret or Lost."""
        source, target = _Live(self._source, ref_of(change)), _Live(self._target, ref_of(change), change.before_ref)
        cls = self._classes.get(change.model) if target.obj is None else target.obj.__class__
        if cls is None:
            raise file_error(Refused, self._origin, f'does not fit: {self._target.name} has no model "{change.model}"')
        before = None
        if change.before is not None:
            before = {
                name: self._value(change, cls, name, value, _having(name, target.attrs)) for name, value in change.before.items()
            }
        return replace(
            change,
            ids=self._ids(change, cls, change.id, change.ids, source, target),
            before_ids=change.before_ids and self._ids(change, cls, change.before_ref.id, change.before_ids, target),
            before=before,
            after=self._after(change, cls, source, target),
            parts=tuple(map(self.resolved, change.parts)),
        )

    def written(self, change: Change) -> Change:
        """Return a create without read-only attributes, which the undo of a delete has; any other change unchanged."""
        cls = self._classes.get(change.model)
        if change.action != DSyncAction.CREATE or cls is None or change.after is None or change.protected:
            return change
        return replace(change, after=cls._declaration.counted(change.action, change.after))

    def _ids(self, change: Change, cls: type[DSyncModel], uid: str, stored: dict[str, Any], *sides: _Live) -> dict[str, Any]:
        """Return the values of the identifiers that make up ``uid``."""
        live = [side.ids for side in sides]
        ids = {name: self._value(change, cls, name, value, _having(name, *live)) for name, value in stored.items()}
        try:
            made = cls.create_unique_id(**ids)
        except Exception as error:  # whatever a user's own method raises
            raise self._misfit(change, "identity", error) from None
        if made != uid:
            raise RecordError(f'{self._origin}: {change.model} "{uid}": its identifiers are those of "{made}"')
        return ids

    def _after(self, change: Change, cls: type[DSyncModel], source: _Live, target: _Live) -> dict[str, Any] | None:
        if change.after is None:
            return None
        after = {}
        for name, value in change.after.items():
            either = change.action == DSyncAction.MOVE or change.before is None or not _same(change.before[name], value)
            sides = (target.attrs, source.attrs) if either else (source.attrs,)
            candidates = [*_having(name, *sides), *_defaults(cls, name, value)]
            after[name] = self._value(change, cls, name, value, candidates)
            if isinstance(after[name], (DigestedSecret, Lost)):
                self.missing.append((change, name))
        return after

    def _value(self, change: Change, cls: type[DSyncModel], name: str, value: Any, candidates: Iterable[Any]) -> Any:
        """Return the first candidate that equals the stored value; otherwise the stored value, validated by the class's field."""
        if isinstance(value, Lost):
            return value
        for candidate in candidates:
            if self._is_written(change, name, candidate, value):
                return candidate
        if isinstance(value, DigestedSecret):
            return value
        if cls not in self._fields:
            self._fields[cls] = Fields(cls)
        try:
            return self._fields[cls].valid(name, from_plain(value))
        except Exception as error:  # whatever a user's own validator raises
            if isinstance(error, NotTheSame):
                raise RecordError(
                    f'{self._origin}: {change.model} "{change.id}": the file does not say which class its {name} was of'
                ) from None
            raise self._misfit(change, name, error) from None

    def _is_written(self, change: Change, name: str, candidate: Any, value: Any) -> bool:
        try:
            live = plain(candidate)[0]
        except Unwritable:
            return False
        if isinstance(value, DigestedSecret):
            return hmac.compare_digest(self._digester.digest(change.model, digested_id(change), name, live), value.digest)
        return same_value(live, value, exact=True)

    def _misfit(self, change: Change, name: str, error: Exception) -> RecordError:
        return RecordError(
            f'{self._origin}: {change.model} "{change.id}": its {name} does not fit the field in {self._target.name} '
            f"({type(error).__name__})"
        )


def _having(name: str, *sides: dict[str, Any]) -> list[Any]:
    return [side[name] for side in sides if name in side]


def _defaults(cls: type[DSyncModel], name: str, value: Any) -> Iterator[Any]:
    """Yield the default of a field whose sensitive value is searched."""
    field = cls.model_fields.get(name)
    if isinstance(value, DigestedSecret) and field is not None and field.default_factory is None and not field.is_required():
        yield field.default


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, DigestedSecret) and isinstance(after, DigestedSecret):
        return before.digest == after.digest
    return same_value(before, after, exact=True)


# ---------------------------------------------------------------------- sensitive values that cannot be found


def _lost_names(change: Change) -> list[str]:
    whole = (change, *change.parts)
    return [name for one in whole for name, value in (one.after or {}).items() if isinstance(value, (DigestedSecret, Lost))]


def _without_lost(change: Change) -> Change:
    """Return a change without the attributes that cannot be found; a change that makes no sense without them is protected."""
    lost = _lost_names(change)
    if not lost:
        return change
    if (
        change.action == DSyncAction.CREATE
        or change.parts
        or (change.action == DSyncAction.UPDATE and len(lost) == len(change.after or {}))
    ):
        return replace(change, protected=f"the value of {', '.join(lost)} cannot be found any more, and cannot be left empty")
    return replace(change, before=_only(change.before, lost), after=_only(change.after, lost))


def _only(values: dict[str, Any] | None, lost: list[str]) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if name not in lost}


def _warnings(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        lost = ", ".join(_lost_names(change))
        if lost:
            what = "it is not created" if change.action == DSyncAction.CREATE else "it is not changed"
            yield f'{change.model} "{change.id}": the value of {lost} cannot be found any more, so {what}'


def _moved_message(origin: str, missing: list[tuple[Change, str]]) -> str:
    names = ", ".join(f'{name} of {change.model} "{change.id}"' for change, name in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return (
        f"{origin} contains digests instead of sensitive values, and neither source nor target has the original values any more: "
        f"{names}{more}"
    )
