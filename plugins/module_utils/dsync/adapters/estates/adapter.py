# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What adapters of sources of truth have in common: objects under names instead of a server's numbers, read and written in bulk.

A subclass has :attr:`EstateAdapter.kinds`, and defines how its server lists objects and receives changes. What a record of it
looks like to models and mappings is described in :mod:`.records`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...adapter import DSync
from ...diff.diff import Diff
from ...diff.moves import remaking
from ...exceptions import DSyncException, RecordProblem
from ...flags import DSyncAction
from ...guard.protection import protect
from ...model.declaration import Unique
from ...model.references import References
from ...plan.plan import Plan
from ...plan.result import Result
from ...records.mapping import ModelMap, Record, Values
from ...records.written import WrittenFloat
from ..core.base import ChangedRecord, MovedRecord, NewRecord
from ..http.answers import HttpProblem
from .fields import Fields
from .identity import Native, ServerId
from .kinds import CUSTOM_FIELDS, TAGS, Kind, slug_of
from .options import EstateOptions
from .order import Implied, WithImplied
from .reading import EstateReader
from .records import CF, OWNED, Bodies, as_names, fitted, natives_of
from .sending import Refusal, Remembered, refusal_in, sentence_of


class EstateAdapter(EstateReader):
    """Objects of a source of truth, read and written over its API.

    Args:
        options: those of :class:`.options.EstateOptions`.

    Raises:
        DefinitionError: naming the option.
    """

    thread_safe = True

    _fields: Fields
    """What the server lets be written; a subclass sets it."""
    kept_types = (WrittenFloat,)

    def __init__(self, options: EstateOptions) -> None:
        super().__init__(options)
        self.batch_size = options.batch_size
        self._bodies = Bodies(self.names, self.kinds, self._typed)
        self._remembered = Remembered(self.refusals_in)
        self._outer: dict[str, dict[str, Kind]] = {}
        self._owning = threading.Lock()
        self._owner: ServerId | None = None

    # ------------------------------------------------------------------ for subclasses to define

    def send_new(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        """Create objects with one request, and return them as they are, in order.

        Raises:
            HttpProblem: none of them was created; what :meth:`refusals_in` finds in it is to blame.
        """
        raise NotImplementedError

    def send_changed(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        """Change objects, whose ids are in the bodies, with one request. Otherwise as above; an object that is gone is left out."""
        raise NotImplementedError

    def send_removed(self, endpoint: str, server_ids: Sequence[ServerId]) -> None:
        """Delete objects with one request. Otherwise as above; an object that is gone already is no error."""
        raise NotImplementedError

    def refusals_in(self, problem: HttpProblem, sent: Sequence[Mapping[str, Any]]) -> list[Refusal]:
        """Return which of the objects of a request that was refused are to blame, as far as the server reports: in a list with an
        entry for each object, which is empty if nothing is wrong with it, or in anything else about the only object."""
        said = refusal_in(problem)
        if isinstance(said, list):
            return [Refusal(place, sentence_of(errors)) for place, errors in enumerate(said) if errors]
        return [Refusal(0, sentence_of(said))] if len(sent) == 1 and said else []

    # ------------------------------------------------------------------ who may delete what

    def diff_from(self, source: Any, *args: Any, **more: Any) -> Diff:
        """Return what has to change, as every adapter does; in it are protected the deletes of objects that lack the owner tag, and
        the moves in which such an object would be deleted and created again."""
        diff = super().diff_from(source, *args, **more)
        changed = (element for element in diff.walk() if element.action and element.source_attrs is not None)
        self._expect((element.type, {**element.keys, **(element.source_attrs or {})}) for element in changed)
        if self._implied():
            diff.references = self.references_with(source)
        if diff.references is not None:
            diff.references.tied = self._tied()
        if self._owner_tag is None:
            return diff
        deleted = [element for element in diff.walk() if element.action == DSyncAction.DELETE]
        moves = [(one.element, remaking(diff.carried, ref)) for ref, one in diff.carried.items()]
        for element, change in [*((element, element) for element in deleted), *moves]:
            record = self._records[element.type].get(element.before_uid)
            if change is not None and not change.protected and record is not None and not record.get(OWNED):
                it = "it" if change is element else f'{element.type} "{element.uid}" below it'
                change.protected = f'protected: {it} does not have the tag "{self._owner_tag}"'
        protect(diff, (), self.models())
        return diff

    def references_with(self, source: DSync) -> References | None:
        implied = self._implied()
        if not implied:
            return super().references_with(source)
        return WithImplied({**source.models(), **self.models()}, implied, self._models_typed)

    def apply(self, plan: Plan, source: Any, *args: Any, **more: Any) -> Result:
        self._expect((change.model, {**change.ids, **change.after}) for change in plan if change.after is not None)
        return super().apply(plan, source, *args, **more)

    def _expect(self, objects: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Take note of the objects to which these will refer, so that the server is asked for several of them at a time.

        Args:
            objects: the model of each, and its values.
        """
        found: dict[str, tuple[Kind, set[str]]] = {}
        for model, values in objects:
            for name, other in self._outer_references(model).items():
                value = values.get(name)
                uids = found.setdefault(other.name, (other, set()))[1]
                uids.update(str(one) for one in (value if isinstance(value, (list, tuple)) else (value,)) if one not in (None, ""))
        for kind, uids in found.values():
            self.names.expect(kind, uids)

    def _outer_references(self, model: str) -> dict[str, Kind]:
        """Return the fields of a model that refer to objects of one kind → that kind."""
        if model not in self._outer and model in self._maps:
            mapped = self._maps[model]
            kind = self._kind(mapped)
            plain = {name: one.source for name, one in mapped.fields.items() if one.source is not None and not one.lookups}
            kinds = {name: self._bodies.referred(kind, mapped, source, self._kind_of) for name, source in plain.items()}
            self._outer[model] = {name: other for name, other in kinds.items() if other is not None}
        return self._outer.get(model, {})

    def _implied(self) -> dict[str, list[Implied]]:
        """Return model → its fields that refer to objects of any kind."""
        found: dict[str, list[Implied]] = {}
        for mapped in self._maps.values():
            kind = self._kind(mapped)
            names = {one.source[0]: name for name, one in mapped.fields.items() if one.source is not None and len(one.source) == 1}
            fields = [Implied(names[one], names.get(f"{one}_type")) for one in sorted(kind.generic & names.keys())]
            fields = [one for one in fields if one.type_field is not None]
            fields += [Implied(names[one], None) for one in sorted(kind.ends & names.keys())]
            if fields:
                found[mapped.name] = fields
        return found

    def _models_typed(self, content_type: Any) -> Sequence[str]:
        kind = self._typed(content_type)
        return () if kind is None else [mapped.name for mapped in self._models_of.get(kind.name, ())]

    def _tied(self) -> dict[tuple[str, str], frozenset[str]]:
        """Return the references that depend on fields of the objects to which they refer (:attr:`.kinds.Kind.tied`)."""
        found = {}
        for mapped in self._maps.values():
            for native, others in self._kind(mapped).tied.items():
                for name, models in mapped.model._references.items():
                    if native in natives_of(mapped.fields[name]):
                        fields = [one for model in as_names(models) for one in self._maps[model].fields.values()]
                        found[mapped.name, name] = frozenset(one.name for one in fields if natives_of(one) & {*others})
        return found

    def unique_fields(self, model: str) -> Iterable[Unique]:
        """Return the fields that are unique together: those that the model declares, and those of which the server requires it."""
        mapped, declared = self._maps[model], tuple(super().unique_fields(model))
        names = {one.source[0]: name for name, one in mapped.fields.items() if one.source is not None and one.write is None}
        nullable, known = mapped.model._declaration.nullable, {one.fields for one in declared}
        groups = [(fields, spare) for fields, spare in self._kind(mapped).unique.items() if {*fields} <= names.keys()]
        found = [(tuple(names[one] for one in fields), names[spare]) for fields, spare in groups]
        return (*declared, *(Unique(fields, (spare,)) for fields, spare in found if fields not in known and spare in nullable))

    def _owner_id(self) -> ServerId:
        """Return the id of the owner tag, which is made if the server has none."""
        with self._owning:
            if self._owner is None:
                self._owner = self._found_owner(self._owner_tag or "")
            return self._owner

    def _found_owner(self, tag: str) -> ServerId:
        endpoint = self.kinds["tag"].endpoint
        there = list(self.list_natives(endpoint, {"name": tag})) or self.send_new(endpoint, [{"name": tag, "slug": slug_of(tag)}])
        found: ServerId = there[0]["id"]
        return found

    def _tagged(self, kind: Kind, body: dict[str, Any], owned: bool) -> dict[str, Any]:
        """Return a body with the owner tag among its tags, if the object is, or becomes, one that was created here."""
        if owned and self._owner_tag is not None and kind.taggable:
            body[TAGS] = [*body.get(TAGS, ()), self._owner_id()]
        return body

    # ------------------------------------------------------------------ writing

    def is_transient(self, error: BaseException) -> bool:
        """Return whether a change is worth trying again: what it was sent with may be sent again without harm."""
        return super().is_transient(error) or (isinstance(error, HttpProblem) and error.passes)

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        kind, above = self._kind(mapped), self._parent_field(mapped)

        def body_of(new: NewRecord) -> dict[str, Any]:
            body = _below(self._body(kind, mapped, new.values, {}), above, new.parent)
            if kind.slugs and not body.get("slug"):
                body["slug"] = slug_of(str(next((body[name] for name in ("name", "model") if body.get(name)), "")))
            return self._tagged(kind, body, True)

        return self._sent(mapped, records, body_of, lambda bodies: self.send_new(kind.endpoint, bodies))

    def _body(self, kind: Kind, mapped: ModelMap, values: Values, record: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._schema.with_fields(kind, (path[0] for path in values if path[0] != CF))
        body = self._bodies.body(kind, mapped, values, self._kind_of, record)
        self._fields.check(kind, body)
        return body

    def without_empty(self, model: str) -> frozenset[str]:
        mapped = self._maps.get(model)
        if mapped is None:
            return frozenset()
        kind = self._kind(mapped)
        plain = [field for field in mapped.fields.values() if field.nullable and len(field.source or ()) == 1]
        return frozenset(field.name for field in plain for name in field.source or () if kind.may_be_none(name))

    def can_move(self, model: str) -> bool:
        return not self._kind(self._maps[model]).fixed

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        return self.change_records(mapped, records)

    def change_records(
        self, mapped: ModelMap, records: Sequence[ChangedRecord] | Sequence[MovedRecord]
    ) -> Sequence[Record | Exception]:
        kind, above = self._kind(mapped), self._parent_field(mapped)

        def body_of(changed: ChangedRecord | MovedRecord) -> dict[str, Any]:
            body = self._body(kind, mapped, _without_gone(changed), changed.record)
            if isinstance(changed, MovedRecord):
                body = _below(body, above, changed.parent)
            if TAGS in body:
                body = self._tagged(kind, body, bool(changed.record.get(OWNED)))
            return {"id": changed.record["id"], **body}

        def send(bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
            found = {native["id"]: native for native in self.send_changed(kind.endpoint, bodies)}
            return [found.get(body["id"], {}) for body in bodies]

        return self._sent(mapped, records, body_of, send)

    def _sent(
        self,
        mapped: ModelMap,
        items: Sequence[Any],
        body_of: Callable[[Any], dict[str, Any]],
        send: Callable[[Sequence[dict[str, Any]]], Sequence[Native]],
    ) -> Sequence[Record | Exception]:
        """Send bodies with one request, and return what becomes of each; raise when the server refuses them together, or one of
        several cannot be sent."""
        results: list[Any] = [None] * len(items)
        bodies: list[tuple[int, dict[str, Any]]] = []
        for place, item in enumerate(items):
            try:
                bodies.append((place, body_of(item)))
            except DSyncException as problem:
                if len(items) > 1:  # it is halved, so that nothing is sent that comes after this one
                    raise
                results[place] = problem
        if bodies:
            sent = [body for _place, body in bodies]
            natives = self._remembered.send(mapped.name, sent, send)
            for number, (place, _body) in enumerate(bodies):
                results[place] = natives if isinstance(natives, HttpProblem) else self._returned(mapped, natives[number])
        return results

    def _returned(self, mapped: ModelMap, native: Native) -> Record | Exception:
        if "id" not in native:
            return RecordProblem("the object no longer exists on the server")
        kind = self._kind(mapped)
        uid_fields = self._identity(kind)
        self.names.met(kind, [native])
        record = self._converted.whole(kind, native, self._wanted_fields(mapped))
        uid = None if uid_fields is None else uid_fields.of(record, native)
        if uid is not None:
            self.names.note(kind, record["id"], uid)
        return fitted(kind, mapped, record)

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        kind = self._kind(mapped)
        results: list[Exception | None] = [None] * len(records)
        todo: list[tuple[int, Record]] = []
        for place, record in enumerate(records):
            if self._owner_tag is not None and not record.get(OWNED):
                results[place] = RecordProblem(f'it does not have the tag "{self._owner_tag}", so it is not deleted')
            else:
                todo.append((place, record))
        problem = None
        if todo:
            bodies = [{"id": record["id"]} for _place, record in todo]
            problem = self._remembered.send(mapped.name, bodies, lambda sent: self._removed(kind, sent), asks_again=True)
        for place, record in todo:
            results[place] = problem
            if problem is None:
                self.names.forget(kind, record["id"])
        return results

    def _removed(self, kind: Kind, bodies: Sequence[dict[str, Any]]) -> None:
        self.send_removed(kind.endpoint, [body["id"] for body in bodies])


def _below(body: dict[str, Any], field: str | None, parent: Record | None) -> dict[str, Any]:
    """Return what is sent of an object that is to have a parent, which the server has in a field of the object."""
    return body if field is None or parent is None else {**body, field: parent["id"]}


def _without_gone(changed: ChangedRecord | MovedRecord) -> Values:
    """Return what is written of an object: custom fields as a whole with null for those that go, since servers keep the others."""
    value = changed.values.get((CUSTOM_FIELDS,))
    if not isinstance(value, dict):
        return changed.values
    gone = dict.fromkeys(name for name in changed.record.get(CUSTOM_FIELDS) or () if name not in value)
    return {**changed.values, (CUSTOM_FIELDS,): {**gone, **value}}
