# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What adapters of records inherit from: they read and write plain records, and the models and mappings of a task do the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...exceptions import DefinitionError, DSyncException
from ...flags import DSyncModelFlags
from ...model.model import Creation, DSyncModel, Moving, Updating
from ...records.declaration_reader import Declared
from ...records.definition import DataModel
from ...records.mapping import ModelMap
from ...records.mapping_declaration import model_map
from .contract import ChangedRecord, MovedRecord, NewRecord
from .loading import writable_part
from .lookups import Tables, check_table
from .native_records import NativeRecords
from .read_back import ReadBack
from .writing import RecordWriter

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ("ChangedRecord", "MovedRecord", "NewRecord", "RecordAdapter", "RecordModel")


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


class RecordAdapter(RecordWriter):
    """A dataset that is read from native records, plain dictionaries, and written back into them.

    A subclass defines where records come from and how they are written, and knows nothing of models: it defines :meth:`read`,
    :meth:`create_records`, :meth:`change_records` and :meth:`remove_records`, and what it needs of the other methods. Its class is
    joined with the models and the mapping of a task by :meth:`bound`, and its own ``__init__`` takes only its own options.

    A class that cannot write defines :meth:`read` alone and sets ``writable`` to False.
    """

    @classmethod
    def own_models(cls) -> DataModel | None:
        """Return the models that the adapter brings along if a task declares none; None, as here, if a task has to."""
        return getattr(cls, "data_model", None)

    @classmethod
    def bound(cls, data_model: DataModel, mapping: Any = None, lookups: Any = None, place: str = "mapping") -> type[Self]:
        """Return a subclass that has these models, mapped as declared.

        Args:
            data_model: the models.
            mapping: model's name → how its records are mapped (:mod:`...records.mapping`); None to take everything as it is.
            lookups: name → table: native value → attribute's value, or where to read it.
            place: what the mapping is called in messages, and so are lookups, as its sibling.

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
            own = writable_part(model, unwritable) if unwritable else model
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
        instance._records = NativeRecords(cls._maps)
        instance._belonging = {}
        instance.records_read = {}
        instance._read_back = ReadBack()
        instance._silent = {}
        instance._unknown = {}
        return instance
