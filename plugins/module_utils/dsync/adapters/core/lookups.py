# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The lookups of a side: tables that are written down, or read from the adapter that they serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..._util.suggestions import known
from ...exceptions import DefinitionError
from ...model.model import DSyncModel
from ...model.references import referred_id
from ...records.declaration_reader import Declared
from ...records.definition import DataModel
from ...records.expression import Evaluate, compiled
from ...records.filters import Filter, where_of
from ...records.lookups import LOOKUP_KEYS, Lookup
from ...records.mapping import ModelMap, plain_value
from ...records.path import MISSING, Path, path_of, read, text_of_path

if TYPE_CHECKING:
    from .contract import RecordContract


class BoundLookup(Lookup):
    """A lookup whose table is read from the adapter that it serves.

    Attributes:
        model: the model whose records it is read from; None for another table.
        key: the native field that holds the native values.
    """

    def __init__(self, name: str, declared: Declared) -> None:
        super().__init__(name, self._pairs_there)
        self._declared = declared
        self._adapter: RecordContract | None = None
        self.model: str | None = declared.at("model").value if declared.has("model") else None
        self.key = path_of(declared.at("key"))

    def serve(self, adapter: RecordContract) -> None:
        """Read from this adapter from now on."""
        self._adapter = adapter
        self._there = None

    def native_of(self, value: Any) -> Any:
        return super().native_of(value if value is None or not self._gives_ids else referred_id(self._model, value))

    @property
    def _model(self) -> type[DSyncModel] | None:
        return None if self._adapter is None or self.model is None else self._adapter._maps[self.model].model

    @property
    def _gives_ids(self) -> bool:
        """Whether it gives unique ids, as references hold them: no identifier alone identifies an object of the model."""
        return self._model is not None and len(self._model._identifiers) > 1 and not self._declared.has("value")

    def _pairs_there(self) -> Iterator[tuple[Any, Any]]:
        declared, adapter = self._declared, self._adapter
        if adapter is None:
            return
        key = self.key
        if self.model is not None:
            name = declared.at("value").value or adapter._maps[self.model].model._identifiers[0]
            for obj, record in adapter.records(self.model):
                yield read(record, key), obj.get_unique_id() if self._gives_ids else plain_value(getattr(obj, name))
            return
        value = _value_of(declared.at("value"))
        where = where_of(declared.at("where")) if declared.has("where") else {}
        chosen = Filter(where, f"{declared.place}.where", adapter.free_fields)
        for record in adapter.read_table(declared.at("from")):
            if not chosen.lets(record):
                continue
            for name, path in (("key", key), ("value", value)):
                if isinstance(path, tuple) and read(record, path) is MISSING:
                    wrong = text_of_path(path)
                    declared.at(name).wrong(f'a record of this table has no "{wrong}"{known(wrong, record)}.')
            yield read(record, key), read(record, value) if isinstance(value, tuple) else value({**record, "record": record})
        chosen.check()


class Tables:
    """Gives the lookups of a side: by name, or as they are written in a mapping."""

    def __init__(self, named: Mapping[str, Declared], data_model: DataModel) -> None:
        self._named, self._data_model = named, data_model

    def __call__(self, declared: Declared) -> Lookup:
        name = declared.place
        if isinstance(declared.value, str):
            name = declared.one_of(self._named)
            declared = self._named[name]
        else:
            check_table(declared, self._data_model)
        if _is_read(declared):
            return BoundLookup(name, declared)
        pairs = list(declared.value.items())
        return Lookup(name, lambda: pairs)


def _value_of(declared: Declared) -> Path | Evaluate:
    """Return where a record has the value of a table, or the expression that computes it."""
    return compiled(declared.at("expr")) if isinstance(declared.value, Mapping) else path_of(declared)


def _is_read(declared: Declared) -> bool:
    """Return whether a table is read from somewhere, rather than written down: its keys then say so."""
    return (
        isinstance(declared.value, Mapping) and ("from" in declared.value or "model" in declared.value) and "key" in declared.value
    )


def check_table(declared: Declared, data_model: DataModel) -> None:
    """Raise DefinitionError if a lookup is not valid."""
    if not isinstance(declared.value, Mapping):
        declared.wrong(f"a lookup is a dictionary: native value → value, or from, key and value; this is {declared.shown()}.")
    if not _is_read(declared):
        for key, value in declared.value.items():
            if isinstance(value, (Mapping, list)):
                declared.wrong(f'the value of "{key}" should be a single one; a table that is read somewhere needs "key" as well.')
        return
    dict(declared.mapping(LOOKUP_KEYS))
    if declared.has("model"):
        if declared.has("from"):
            declared.wrong("it has both from and model; the table is read from one of them.")
        model = data_model.models[declared.at("model").one_of(data_model.models)]
        if declared.has("where"):
            declared.at("where").wrong("the records of a model are filtered by its mapping.")
        if declared.has("value"):
            declared.at("value").one_of([*model._identifiers, *model._attributes])
    elif not declared.has("value"):
        declared.wrong('it does not say which field holds the values; add "value".')
    path_of(declared.at("key"))
    if isinstance(declared.at("value").value, Mapping):
        dict(declared.at("value").mapping(("expr",)))
        _value_of(declared.at("value"))
    if declared.has("where"):
        where_of(declared.at("where"))


def _lookups_of(mapped: ModelMap) -> Iterator[BoundLookup]:
    fields = [*mapped.fields.values(), *(mapped.parent.fields if mapped.parent else ())]
    return (lookup for one in fields for lookup in one.lookups if isinstance(lookup, BoundLookup))


def bound_tables(maps: Mapping[str, ModelMap]) -> Iterator[BoundLookup]:
    return (lookup for mapped in maps.values() for lookup in _lookups_of(mapped))


def in_order(maps: Mapping[str, ModelMap]) -> list[ModelMap]:
    """Return the models in an order in which those that others look things up in, and parents, come first.

    Raises:
        DefinitionError: models look things up in one another.
    """
    done: dict[str, ModelMap] = {}
    waiting = dict(maps)
    while waiting:
        ready = [mapped for mapped in waiting.values() if _needs(mapped, maps) <= done.keys()]
        if not ready:
            for mapped in waiting.values():
                if mapped.name in _needs(mapped, maps):
                    place = mapped.place.place.removesuffix(".from")
                    raise DefinitionError(
                        f"{place}: a {mapped.name} is looked up among the objects of its own model, which are not there before "
                        'it is; read the table with "from", "key" and "value" instead of "model".'
                    )
            names = ", ".join(waiting)
            raise DefinitionError(
                f"mapping: the models {names} look things up in one another, so none of them can be loaded first."
            )
        for mapped in ready:
            done[mapped.name] = waiting.pop(mapped.name)
    return list(done.values())


def _needs(mapped: ModelMap, maps: Mapping[str, ModelMap]) -> set[str]:
    parents = {name for name, other in maps.items() if mapped.name in other.model.get_children_mapping()}
    return parents | {lookup.model for lookup in _lookups_of(mapped) if lookup.model is not None}
