# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Making the changes of objects in native records."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._util.pydantic import ValidationError
from ...adapter import DSync
from ...exceptions import RecordProblem
from ...flags import DSyncAction
from ...model.model import Creation, DSyncModel, Moving, Updating
from ...records.mapping import FieldMap, ModelMap, Record, Values, plain_value
from ...records.path import MISSING
from .contract import ChangedRecord, MovedRecord, NewRecord
from .loading import RecordLoader
from .parents import Parents
from .sent_values import NOT_SHOWN, same

if TYPE_CHECKING:
    from ...diff.diff import Diff
    from ...plan.plan import Plan
    from ...plan.result import Result


logger = logging.getLogger("dsync")


class RecordWriter(RecordLoader):
    """The part of :class:`.base.RecordAdapter` that writes."""

    def _natives(self, mapped: ModelMap, obj: DSyncModel, names: Iterable[str], ids: Mapping[str, Any] | None = None) -> Values:
        """Return what a native record has to hold for these fields of an object, whose identifiers are perhaps to be others."""
        given = {name: getattr(obj, name) for name in mapped.fields}
        fields = {name: plain_value(value, self.kept_types) for name, value in {**given, **(ids or {})}.items()}
        told = self.knows_parents(mapped)
        unknown = {name for name, one in mapped.fields.items() if one.write_only and fields[name] == NOT_SHOWN}
        return mapped.written(
            fields, [name for name in names if name not in unknown and not (told and mapped.fields[name].implied)]
        )

    def diff_from(self, source: DSync, *args: Any, **more: Any) -> Diff:
        """Compare as :meth:`.DSync.diff_from` does, after attributes that the system hides are what the source has, if that is what
        was last sent, or if nobody knows what was."""
        for mapped in self._maps.values():
            for field in mapped.fields.values():
                if field.write_only:
                    self._recognize(mapped, field, source)
        return super().diff_from(source, *args, **more)

    def _recognize(self, mapped: ModelMap, field: FieldMap, source: DSync) -> None:
        for obj, record in self.records(mapped.name):
            uid = obj.get_unique_id()
            other = source.store.find(mapped.name, uid)
            value = None if other is None else getattr(other, field.name, None)
            wanted = plain_value(value)
            if other is None or wanted is None:
                continue
            shown = plain_value(field.value_of(record, empty_is_none=self.empty_is_none))
            if same(self.sent_values, mapped.name, uid, field.name, shown, wanted, field.concealed):
                obj.update_base({field.name: value})
            elif field.concealed is None:
                with contextlib.suppress(ValidationError):
                    obj.update_base({field.name: NOT_SHOWN})

    def _note_sent(self, mapped: ModelMap, obj: DSyncModel, names: Iterable[str], uid: str) -> None:
        """Remember what was sent of an object that the system does not show."""
        for name in names:
            value = plain_value(getattr(obj, name)) if name in mapped.fields and mapped.fields[name].write_only else None
            if self.sent_values is not None and value is not None and value != NOT_SHOWN:
                self.sent_values.note(mapped.name, uid, name, value)

    def _save_sent(self) -> None:
        """Write down what was sent; if that is not possible, it is sent again by the next run."""
        try:
            if self.sent_values is not None:
                self.sent_values.save()
        except RecordProblem as problem:
            logger.warning("%s; the values are sent again by the next run", problem)

    def without_empty(self, model: str) -> frozenset[str]:
        mapped = self._maps.get(model)
        fields = {} if mapped is None or not self.empty_is_none else mapped.fields
        return frozenset(
            name for name, field in fields.items() if field.nullable and field.source is not None and not field.lookups
        )

    def altered_values(self) -> str:
        return self._read_back.sentence(self.name)

    def refuses(self, model: str, action: DSyncAction) -> str:
        try:
            self._check_writable()
        except RecordProblem as problem:
            return str(problem)
        return super().refuses(model, action)

    def _check_writable(self) -> None:
        if not self.writable:
            raise RecordProblem(f"{self.name} cannot be written: the adapter {self.type} only reads here")

    def apply(self, plan: Plan, source: DSync, *args: Any, **more: Any) -> Result:
        self._silent, self._unknown = ({}, {}) if plan.undoes else (source.unmanaged, source.unknown_values)
        return super().apply(plan, source, *args, **more)

    def _stated(self, mapped: ModelMap, item: Creation) -> list[str]:
        """Return the fields that a new object is written with: all but attributes that the source of the run does not have, for
        which the system has values of its own."""
        silent = {name for name in self._silent.get(mapped.name, ()) if item.attrs.get(name) is None}
        if unknown := self._unknown.get(mapped.name):
            silent |= unknown.get(mapped.model.create_unique_id(**item.ids), frozenset())
        return [name for name in mapped.fields if name not in silent and (name in item.ids or name in item.attrs)]

    def _create_objects(self, model: type[DSyncModel], items: Sequence[Creation]) -> Sequence[DSyncModel | Exception]:
        self._check_writable()
        mapped, results, todo = self._maps[model.get_type()], _Results(items), []
        parents = self._parents(mapped)
        for place, item in enumerate(items):
            with results.catching(place):
                obj = model(dsync=self, **item.ids, **item.attrs)
                natives = self._natives(mapped, obj, self._stated(mapped, item))
                values = {**mapped.belonging(), **self._belonging.get(mapped.name, {}), **natives}
                above = None if item.parent is None else self.record_of(item.parent)
                if parents is not None and item.parent is not None and above is not None:
                    values.update(parents.values_of(item.parent, above))
                todo.append((place, obj, NewRecord(values, above)))
        made = self.create_records(mapped, [new for _place, _obj, new in todo]) if todo else ()
        for (place, obj, _new), record in zip(todo, made):
            with results.catching(place):
                found = self._noted(mapped, obj.get_unique_id(), record)
                self._read_back.check(mapped, obj, self._stated(mapped, items[place]), found, self.empty_is_none)
                self._note_sent(mapped, obj, self._stated(mapped, items[place]), obj.get_unique_id())
                results[place] = self._completed(mapped, obj, found)
        self._save_sent()
        return results

    def _noted(self, mapped: ModelMap, uid: str, record: Record | Exception) -> Record:
        """Remember the record that an object has now, and return it. Raises the exception that takes the place of one."""
        if isinstance(record, Exception):
            raise record
        self._records[mapped.name][uid] = record
        return record

    def _completed(self, mapped: ModelMap, obj: DSyncModel, record: Record) -> DSyncModel:
        """Return a new object with what only the system could give it: the attributes that cannot be written."""
        for name in mapped.model._read_only:
            try:
                value = mapped.fields[name].value_of(record)
                if value is not MISSING:
                    obj.update_base({name: value})
            except (RecordProblem, ValidationError):
                continue
        return obj

    def _update_objects(self, model: type[DSyncModel], items: Sequence[Updating]) -> Sequence[DSyncModel | Exception]:
        self._check_writable()
        mapped, results, todo = self._maps[model.get_type()], _Results(items), []
        for place, item in enumerate(items):
            with results.catching(place):
                there = self.record_of(item.obj)
                item.obj.update_base(item.attrs)
                todo.append((place, item.obj, ChangedRecord(there, self._natives(mapped, item.obj, item.attrs))))
        made = self.change_records(mapped, [changed for _place, _obj, changed in todo]) if todo else ()
        for (place, obj, _changed), record in zip(todo, made):
            with results.catching(place):
                found = self._noted(mapped, obj.get_unique_id(), record)
                self._read_back.check(mapped, obj, items[place].attrs, found, self.empty_is_none)
                self._note_sent(mapped, obj, items[place].attrs, obj.get_unique_id())
                results[place] = obj
        self._save_sent()
        return results

    def _move_objects(self, model: type[DSyncModel], items: Sequence[Moving]) -> Sequence[DSyncModel | Exception]:
        self._check_writable()
        mapped, results, todo = self._maps[model.get_type()], _Results(items), []
        parents = self._parents(mapped)
        for place, item in enumerate(items):
            with results.catching(place):
                if parents is not None and item.parent is None:
                    raise RecordProblem(f"{self.name} has no place for a {mapped.name} without a parent")
                there, above = self.record_of(item.obj), None if item.parent is None else self.record_of(item.parent)
                renamed = [name for name, value in item.ids.items() if getattr(item.obj, name) != value]
                item.obj.update_base(item.attrs)
                values = self._natives(mapped, item.obj, [*renamed, *item.attrs], item.ids)
                if parents is not None and item.parent is not None and above is not None:
                    values = {**values, **self._held(mapped, parents, item.parent, above)}
                todo.append((place, item, MovedRecord(there, values, above)))
        made = self.move_records(mapped, [moved for _place, _item, moved in todo]) if todo else ()
        for (place, item, _moved), record in zip(todo, made):
            with results.catching(place):
                found = self._noted(mapped, item.obj.get_unique_id(), record)
                meant = item.obj.model_copy(update=item.ids)
                self._read_back.check(mapped, meant, [*item.ids, *item.attrs], found, self.empty_is_none)
                self._note_sent(mapped, item.obj, item.attrs, meant.get_unique_id())
                results[place] = item.obj
        self._save_sent()
        return results

    def _held(self, mapped: ModelMap, parents: Parents, parent: DSyncModel, above: Record) -> Values:
        """Return what a record has to hold to be a child of a parent."""
        held = parents.values_of(parent, above)
        if not held and not self.knows_parents(mapped):
            raise RecordProblem(f'the mapping of "{mapped.name}" does not say how its parent is written; add "write"')
        return held

    def _delete_objects(self, model: type[DSyncModel], items: Sequence[DSyncModel]) -> Sequence[DSyncModel | Exception]:
        self._check_writable()
        mapped, results, todo = self._maps[model.get_type()], _Results(items), []
        for place, obj in enumerate(items):
            with results.catching(place):
                todo.append((place, obj, self.record_of(obj)))
        made = self.remove_records(mapped, [record for _place, _obj, record in todo]) if todo else ()
        for (place, obj, _record), problem in zip(todo, made):
            results[place] = obj if problem is None else problem
            if problem is None:
                del self._records[mapped.name][obj.get_unique_id()]
        return results


class _Results(list[Any]):
    """What becomes of each of some items; what goes wrong about one of them is its result."""

    def __init__(self, items: Sequence[Any]) -> None:
        super().__init__([None] * len(items))

    def catching(self, place: int) -> _Catching:
        return _Catching(self, place)


class _Catching:
    def __init__(self, results: _Results, place: int) -> None:
        self._results, self._place = results, place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, where: Any) -> bool:
        if isinstance(error, Exception):
            self._results[self._place] = error
            return True
        return False
