# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What adapters of records inherit from: they read and write plain records, and the models and mappings of a task do the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ..._util.pydantic import ValidationError
from ...adapter import DSync
from ...exceptions import DefinitionError, DSyncException, ObjectAlreadyExists, ObjectNotFound, RecordProblem
from ...flags import DSyncAction, DSyncModelFlags
from ...model.model import Creation, DSyncModel, Moving, Updating
from ...records.declaration_reader import Declared
from ...records.definition import DataModel, derived
from ...records.mapping import Filter, ModelMap, ParentMap, Record, Values, model_map, plain_value
from ...records.path import MISSING, Path, read
from ...records.types import or_none
from .absent import unmanaged
from .fields import Fields, check_fields, unwritable
from .invalid import problems_in
from .lookups import Tables, bound_tables, check_table, in_order
from .parents import Parents
from .read_back import ReadBack

if TYPE_CHECKING:
    from typing_extensions import Self

    from ...plan.plan import Plan
    from ...plan.result import Result

_ATTRIBUTES_NAMED = 3
"""How many attributes that would tell two objects apart an error names."""


class NewRecord(NamedTuple):
    """A native record that is to be made.

    Attributes:
        values: path of a native field → its value, plain.
        parent: the native record of the object's parent; None at the top level.
    """

    values: Values
    parent: Record | None


class ChangedRecord(NamedTuple):
    """A native record that is to be changed.

    Attributes:
        record: as it was read.
        values: path of a native field → its new value, plain; other fields are to be left alone.
    """

    record: Record
    values: Values


class MovedRecord(NamedTuple):
    """A native record that is to have another parent, other identifiers, or both.

    Attributes:
        record: as it was read.
        values: path of a native field → its new value, plain: the fields that hold the parent, and those that change along; other
            fields are to be left alone.
        parent: the native record of the parent that it is to have, None at the top level.
    """

    record: Record
    values: Values
    parent: Record | None


class RecordModel(DSyncModel):
    """A model whose objects are kept as native records by a :class:`RecordAdapter`, to which it leaves the writing."""

    model_flags = DSyncModelFlags.NATURAL_DELETION_ORDER

    @classmethod
    def create_many(cls, dsync: Any, items: Sequence[Creation]) -> Sequence[Self | Exception | None]:
        return dsync._create_objects(cls, items)  # type: ignore[no-any-return]  # the adapter is of any class here

    @classmethod
    def update_many(cls, dsync: Any, items: Sequence[Updating]) -> Sequence[DSyncModel | Exception | None]:
        return dsync._update_objects(cls, items)  # type: ignore[no-any-return]  # as above

    @classmethod
    def move_many(cls, dsync: Any, items: Sequence[Moving]) -> Sequence[DSyncModel | Exception | None]:
        return dsync._move_objects(cls, items)  # type: ignore[no-any-return]  # as above

    @classmethod
    def delete_many(cls, dsync: Any, items: Sequence[DSyncModel]) -> Sequence[DSyncModel | Exception | None]:
        return dsync._delete_objects(cls, items)  # type: ignore[no-any-return]  # as above


class RecordAdapter(DSync):
    """A dataset that is read from native records, plain dictionaries, and written back into them.

    A subclass says where records come from and how they are written, and knows nothing of models: it defines :meth:`read`,
    :meth:`create_records`, :meth:`change_records` and :meth:`remove_records`, and what it needs of the other methods. Its class is
    joined with the models and the mapping of a task by :meth:`bound`, and its own ``__init__`` takes only its own options.

    A class that cannot write defines :meth:`read` alone and sets ``writable`` to False.
    """

    writable: ClassVar[bool] = True
    """Whether there are methods for writing."""

    empty_is_none: ClassVar[bool] = False
    """Whether an empty text in a record stands for nothing, as in CSV, wherever an attribute may be nothing."""

    kept_types: ClassVar[tuple[type[Any], ...]] = ()
    """Types besides text, number, truth value, list and dictionary that records can hold, such as ``datetime``."""

    marks_deleted: ClassVar[bool] = False
    """Whether records can stay where they are when their objects are deleted, marked as ``deleted`` in a mapping says."""

    free_fields: ClassVar[bool] = False
    """Whether each record may have fields of its own, unlike the rows of a table."""

    data_model: ClassVar[DataModel]
    _maps: ClassVar[Mapping[str, ModelMap]]
    _tables: ClassVar[dict[str, Declared]]

    # ------------------------------------------------------------------ for subclasses to define

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        """Yield the native records at the place of a model, those of other models that are there too included.

        A record is given back to the methods below as the same Python object.

        Args:
            mapped: its ``place`` (``place.value`` is what the user wrote behind ``from``, None if nothing) and ``key`` matter here.

        Raises:
            RecordProblem: the records cannot be read.
        """
        raise NotImplementedError

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        """Make native records and return, for each, the record as it is now (with a key that the system gave it), or why not.

        Raises:
            Exception: nothing of all that was done.
        """
        raise NotImplementedError

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        """Change native records and return, for each, the record as it is now, or why not. Otherwise as above."""
        raise NotImplementedError

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        """Let native records have other parents or identifiers and return, for each, the record as it is now, or why not. Otherwise
        as above.

        Here the fields are changed that hold the parent. A class that has records whose place tells the parent (:meth:`parent_of`)
        defines this, and :meth:`can_move`, if it can move a whole record, fields that no attribute names included; else the object
        is deleted and created again.
        """
        return self.change_records(mapped, [ChangedRecord(one.record, one.values) for one in records])

    def can_move(self, model: str) -> bool:
        return super().can_move(model) and not self.knows_parents(self._maps[model])

    def can_rename(self, model: str) -> bool:
        return super().can_rename(model) and self._maps[model].key is None

    def renamed(self, obj: DSyncModel, before: str) -> None:
        super().renamed(obj, before)
        records = self._records[obj.get_type()]
        if before in records:
            records[obj.get_unique_id()] = records.pop(before)

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        """Remove native records and return, for each, None or why not. Otherwise as above."""
        raise NotImplementedError

    def describe(self, mapped: ModelMap, record: Record) -> str:
        """Return where a native record is, as a person finds it, such as ``devices.csv, line 4``; no value of it that is secret."""
        return self.name

    def parent_of(self, mapped: ModelMap, record: Record) -> Record | None:
        """Return the native record of an object's parent where the place of the record tells; None where it does not."""
        return None

    def knows_parents(self, mapped: ModelMap) -> bool:
        """Return whether :meth:`parent_of` tells the parents of a model's records."""
        return False

    def match_of(self, mapped: ModelMap, parent: ModelMap) -> Mapping[Path, Path]:
        """Return native field of a child → native field of its parent, as a foreign key tells; empty where nothing does."""
        return {}

    def fields_of(self, mapped: ModelMap) -> Fields | None:
        """Return the native fields that the system documents for the records of a model: :meth:`load` refuses a mapping that names
        others, and writes none that take no value. None, as here, where only the records show their fields.

        Args:
            mapped: as for :meth:`read`.

        Raises:
            RecordProblem: the system cannot be asked.
            DefinitionError: the place does not exist.
        """
        return None

    def check_place(self, mapped: ModelMap) -> None:
        """Raise DefinitionError when what a mapping says of a model's place cannot be."""

    def read_table(self, place: Declared) -> Iterable[Record]:
        """Yield the native records of a lookup that is declared with ``from``. Raises DefinitionError where there is none."""
        place.wrong(f"the adapter {self.type} has no tables to look things up in.")

    # ------------------------------------------------------------------ joined with models and a mapping

    @classmethod
    def own_models(cls) -> DataModel | None:
        """Return the models that the adapter brings along where a task declares none; None, as here, where a task has to."""
        return getattr(cls, "data_model", None)

    @classmethod
    def bound(cls, data_model: DataModel, mapping: Any = None, lookups: Any = None, place: str = "mapping") -> type[Self]:
        """Return a subclass that has these models, mapped as declared.

        Args:
            data_model: the models.
            mapping: model's name → how its records are mapped (:mod:`...records.mapping`); None to take everything as it is.
            lookups: name → table: native value → attribute's value, or where to read it.
            place: what the mapping is called in messages; the lookups' place is beside it.

        Raises:
            DefinitionError: naming the place.
        """
        tables = Declared({} if lookups is None else lookups, f"{place.removesuffix('mapping')}lookups")
        declared = Declared({} if mapping is None else mapping, place)
        first_model = next(iter(data_model.models))
        dict(
            declared.mapping(
                data_model.models, f"; its keys are models, whose fields are mapped as in {place}.{first_model}.fields"
            )
        )
        found = dict(tables.mapping())
        for table in found.values():
            check_table(table, data_model)
        maps: dict[str, ModelMap] = {}
        for name, model in data_model.models.items():
            parent = data_model.models.get(data_model.parents.get(name, ""))
            chosen = Tables(found, data_model)
            first = model_map(model, parent, declared.at(name), chosen)
            unwritable = first.unwritable()
            own = _writable_part(model, unwritable) if unwritable else model
            maps[name] = model_map(own, parent, declared.at(name), chosen)
            if maps[name].deleted is not None and not cls.marks_deleted:
                declared.at(name).at("deleted").wrong(f"the adapter {cls.type} removes deleted records, and cannot mark them.")
        settings: dict[str, Any] = {name: mapped.model for name, mapped in maps.items()}
        settings.update(data_model=data_model, _maps=maps, _tables=found, top_level=list(data_model.top_level))
        try:
            return type(cls.__name__, (cls,), {**settings, "__module__": cls.__module__})
        except DSyncException as error:
            raise DefinitionError(f"models: {str(error).removeprefix(f'{cls.__name__}: ')}.") from error

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(cls, "_maps"):
            raise DefinitionError(
                f"{cls.__name__} has no models; {cls.__name__}.bound(data_model(…)) is a class that has them, to make adapters of."
            )
        instance: Any = super().__new__(cls, *args, **kwargs)
        instance._records = {name: {} for name in cls._maps}
        instance._belonging = {}
        instance.records_read = {}
        instance._read_back = ReadBack()
        instance._silent = {}
        return instance

    _records: dict[str, dict[str, Record]]

    _silent: Mapping[str, frozenset[str]]
    """Model → attributes of which the source of the run says nothing."""

    _belonging: dict[str, Values]
    """Model's name → what a new record of it has to hold, as its records have it."""

    _read_back: ReadBack

    records_read: dict[str, Sequence[Any]]
    """Model's name → the native records of it that were read so far, while :meth:`load` runs; for others to see how far it is."""

    # ------------------------------------------------------------------ loading

    def probe(self) -> bool:
        """Look whether the system can be reached and has what the mapping names, without loading the records.

        Returns:
            Whether the system was asked; False, as here, where nothing is known before the records are loaded.

        Raises:
            RecordProblem: it cannot be reached, or refuses.
            DefinitionError: the mapping does not fit what is there.
        """
        return False

    def load(self) -> None:
        """Read all records and add an object for each.

        Raises:
            RecordProblem: a record does not fit, naming its place; or two of them stand for one object.
            DefinitionError: the mapping does not fit what is there.
        """
        self.load_warnings.clear()
        self.check_fields()
        for table in bound_tables(self._maps):
            table.serve(self)
        for mapped in in_order(self._maps):
            self.check_place(mapped)
            self._load(mapped)
        self.records_read = {}

    def check_fields(self) -> None:
        """Compare the mapping with the fields that the system documents, and let attributes be read-only that take no value.

        Raises:
            DefinitionError: the mapping names a field that does not exist; or as :meth:`fields_of`.
            RecordProblem: as :meth:`fields_of`.
        """
        for mapped in self._maps.values():
            fields = self.fields_of(mapped)
            if fields is not None:
                check_fields(mapped, fields)
                if names := unwritable(mapped, fields):
                    self.leave_alone(mapped.name, names)

    def leave_alone(self, model: str, names: Sequence[str]) -> None:
        """Let attributes be read-only from now on, which the system gives their values, as only it can tell.

        Args:
            model: name of the model.
            names: of attributes, not of identifiers.
        """
        mapped, cls = self._maps[model], self.__class__
        own = _writable_part(mapped.model, names)
        fields = {name: replace(one, nullable=True, written=False) if name in names else one for name, one in mapped.fields.items()}
        maps = {**self._maps, model: replace(mapped, model=own, fields=fields)}
        self.__class__ = type(cls.__name__, (cls,), {model: own, "_maps": maps, "__module__": cls.__module__})

    def _load(self, mapped: ModelMap) -> None:
        records: list[Record] = []
        self.records_read[mapped.name] = records
        rows: list[dict[str, Any]] = []
        parents = self._parents(mapped)
        chosen = Filter(mapped.where, f"{mapped.place.place.removesuffix('.from')}.where", self.free_fields)
        for record in self.read(mapped):
            try:
                if not chosen.lets(record) or not mapped.keeps(record):
                    continue
                above = {} if parents is None else parents.ids_of(record)
                row = mapped.row(record, self.empty_is_none, above)
                if parents is not None:
                    row.update((parents.keys[name], value) for name, value in above.items())
            except RecordProblem as problem:
                raise RecordProblem(f"{self.describe(mapped, record)}: {problem}") from problem
            records.append(record)
            rows.append(row)
        self.warn(chosen.check())
        self.unmanaged[mapped.name] = unmanaged(mapped, records)
        self._belonging[mapped.name] = {path: read(record, path) for record in records[:1] for path in mapped.belonging()}
        self._add(mapped, records, rows, None if parents is None else parents.keys)

    def _add(
        self, mapped: ModelMap, records: list[Record], rows: list[dict[str, Any]], parent_ids: Mapping[str, str] | None
    ) -> None:
        parent = None if parent_ids is None else self._parent_map(mapped).name
        try:
            self.add_rows(mapped.name, rows, parent=parent, parent_ids=parent_ids)
        except ValidationError as error:
            raise self._unfit(mapped, records, rows, error) from error
        except (ObjectAlreadyExists, ObjectNotFound) as error:
            raise self._contradicting(mapped, records, rows, error) from error
        self._records[mapped.name] = dict(zip(self.store.uids(mapped.name), records))

    def _unfit(
        self, mapped: ModelMap, records: list[Record], rows: list[dict[str, Any]], error: ValidationError
    ) -> ValidationError | RecordProblem:
        """Return what to raise when a row does not validate: the same, naming the record's place."""
        for record, row in zip(records, rows):
            try:
                mapped.model(**{name: value for name, value in row.items() if name in mapped.model.model_fields})
            except ValidationError as found:
                return RecordProblem(f"{self.describe(mapped, record)}: {found.title}: {problems_in(mapped.model, row, found)}")
        return error

    def _contradicting(
        self, mapped: ModelMap, records: list[Record], rows: list[dict[str, Any]], error: DSyncException
    ) -> RecordProblem:
        """Return what to raise when two records stand for one object, or the parent of one is not there."""
        first: dict[str, int] = {}
        for place, row in enumerate(rows):
            obj = mapped.model(**{name: value for name, value in row.items() if name in mapped.model.model_fields})
            uid = obj.get_unique_id()
            if isinstance(error, ObjectAlreadyExists) and uid in first:
                both = " and ".join(self._shown(mapped, records[at], rows[at]) for at in (first[uid], place))
                way_out = self._told_apart(mapped, rows[first[uid]], row)
                return RecordProblem(f'two records represent the {mapped.name} "{uid}": {both}{way_out}')
            if isinstance(error, ObjectNotFound) and f'"{uid}"' in str(error):
                return RecordProblem(f"{self.describe(mapped, records[place])}: {error}")
            first[uid] = place
        return RecordProblem(str(error))

    @staticmethod
    def _told_apart(mapped: ModelMap, one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
        """Return which attributes would tell two objects of one identity apart; empty where none would."""
        hidden = mapped.model.get_sensitive_fields()
        names = [name for name in mapped.model._attributes if name not in hidden and one.get(name) != other.get(name)]
        such = " or ".join(f'"{name}"' for name in names[:_ATTRIBUTES_NAMED])
        return f"; if these are two objects, add an identifier that tells them apart, such as {such}" if names else ""

    def _shown(self, mapped: ModelMap, record: Record, row: Mapping[str, Any]) -> str:
        """Return a record's place and values, without those that nobody may see."""
        hidden = mapped.model.get_sensitive_fields()
        values = ", ".join(f"{name}: {row[name]}" for name in mapped.fields if name in row and name not in hidden)
        return f"{self.describe(mapped, record)} ({values if len(values) <= 200 else values[:197] + '…'})"

    # ------------------------------------------------------------------ parents

    def _parent_map(self, mapped: ModelMap) -> ModelMap:
        return self._maps[self.data_model.parents[mapped.name]]

    def _parents(self, mapped: ModelMap) -> Parents | None:
        if mapped.name not in self.data_model.parents:
            return None
        parent, declared = self._parent_map(mapped), mapped.parent
        if declared is None or declared.by_name:
            if self.knows_parents(mapped):
                declared = ParentMap()
            elif declared is None:
                declared = ParentMap(match=self.match_of(mapped, parent))
                if not declared.match:
                    raise DefinitionError(
                        f"{mapped.place.place.removesuffix('.from')}: it does not say how a {mapped.name} finds its {parent.name}; "
                        f'add "parent: {{{parent.model._identifiers[0]}: the field that holds it}}".'
                    )
        return Parents(self, mapped, parent, declared)

    # ------------------------------------------------------------------ writing

    def record_of(self, obj: DSyncModel) -> Record:
        """Return the native record of an object. Raises RecordProblem where it is not known."""
        try:
            return self._records[obj.get_type()][obj.get_unique_id()]
        except KeyError:
            raise RecordProblem(f"{self.name} does not know the record of {obj!r}") from None

    def records(self, model: str) -> Iterator[tuple[DSyncModel, Record]]:
        """Yield the objects of a model with their native records."""
        for uid, record in self._records[model].items():
            obj = self.store.find(model, uid)
            if obj is not None:
                yield obj, record

    def _natives(self, mapped: ModelMap, obj: DSyncModel, names: Iterable[str], ids: Mapping[str, Any] | None = None) -> Values:
        """Return what a native record has to hold for these fields of an object, whose identifiers are perhaps to be others."""
        given = {name: getattr(obj, name) for name in mapped.fields}
        fields = {name: plain_value(value, self.kept_types) for name, value in {**given, **(ids or {})}.items()}
        told = self.knows_parents(mapped)
        return mapped.written(fields, [name for name in names if not (told and mapped.fields[name].implied)])

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
        self._silent = source.unmanaged
        return super().apply(plan, source, *args, **more)

    def _stated(self, mapped: ModelMap, item: Creation) -> list[str]:
        """Return the fields that a new object is written with: all but attributes of which the source of the run says nothing, for
        which the system has values of its own."""
        silent = {name for name in self._silent.get(mapped.name, ()) if item.attrs.get(name) is None}
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
                results[place] = self._completed(mapped, obj, found)
        return results

    def _noted(self, mapped: ModelMap, uid: str, record: Record | Exception) -> Record:
        """Remember the record that an object has now, and return it. Raises what stands in the place of one."""
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
                results[place] = obj
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
                results[place] = item.obj
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


def _writable_part(model: type[DSyncModel], unwritable: Sequence[str]) -> type[DSyncModel]:
    """Return the model with attributes that this side cannot be given: compared, shown and left alone."""
    names = [name for name in unwritable if name in model._attributes]
    return derived(
        model.__name__,
        model,
        {name: or_none(model.model_fields[name].rebuild_annotation()) for name in unwritable},
        {
            **dict.fromkeys(unwritable),
            "_read_only": (*model._read_only, *(name for name in names if name not in model._read_only)),
            "_create_only": tuple(name for name in model._create_only if name not in names),
        },
    )
