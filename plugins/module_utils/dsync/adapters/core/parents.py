# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How the objects of one model find their parents among native records, and how a new record names its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...model.model import DSyncModel
from ...model.references import referred_id
from ...records.lookups import spellings
from ...records.mapping import FieldMap, ModelMap, ParentMap, Record, Values, plain_value
from ...records.path import MISSING, read

if TYPE_CHECKING:
    from .contract import RecordContract

_PARENT = "parent {}"
"""The key in a row that holds an identifier of the object's parent; no field can have such a name."""


class Parents:
    """How the objects of one model find their parents, and how a new record names its own.

    Args:
        adapter: what the records are read from.
        mapped: the model.
        parent: the model of its parents.
        declared: by which fields, match or reference; none of them if the record's place determines the parent.

    Attributes:
        keys: identifier of the parent → key in a row that holds it.
    """

    def __init__(self, adapter: RecordContract, mapped: ModelMap, parent: ModelMap, declared: ParentMap) -> None:
        self._adapter, self._mapped, self._parent = adapter, mapped, parent
        self._fields, self._match, self._reference = declared.fields, declared.match, declared.reference
        self._names = parent.model._identifiers
        self._index: dict[tuple[Any, ...], DSyncModel] | None = None
        self.keys = {name: _PARENT.format(name) for name in self._names}

    def ids_of(self, record: Record) -> dict[str, Any]:
        """Return the identifiers of a record's parent. Raises RecordProblem."""
        if self._fields:
            return {name: self._value_in(record, mapped) for mapped, name in zip(self._fields, self._names)}
        if self._reference is not None:
            parent = self._referred(record, self._reference)
        else:
            parent = self._matching(record) if self._match else self._around(record)
        return {name: getattr(parent, name) for name in self._names}

    def id_of(self, record: Record) -> str:
        """Return the unique id of a record's parent. Raises RecordProblem."""
        return self._parent.model.create_unique_id(**self.ids_of(record))

    def _value_in(self, record: Record, mapped: FieldMap) -> Any:
        value = mapped.value_of(record)
        if value is MISSING or value is None:
            where = ".".join(mapped.source or ())
            raise RecordProblem(
                f'it does not say which {self._parent.name} it belongs to: it has no "{where}"{known(where, record)}'
            )
        return value

    def _referred(self, record: Record, reference: FieldMap) -> DSyncModel:
        uid = referred_id(self._parent.model, self._value_in(record, reference))
        found = self._adapter.store.find(self._parent.name, uid)
        if found is None:
            near = known(uid, self._adapter.store.uids(self._parent.name))
            raise RecordProblem(f'"{reference.name}" refers to no {self._parent.name} that is loaded: "{uid}"{near}')
        return found

    def _around(self, record: Record) -> DSyncModel:
        above = self._adapter.parent_of(self._mapped, record)
        found = None if above is None else self._by(id, above)
        if found is None:
            raise RecordProblem(f"it is not inside a record of a {self._parent.name}")
        return found

    def _by(self, key: Any, above: Record) -> DSyncModel | None:
        if self._index is None:
            self._index = {(key(record),): obj for obj, record in self._adapter.records(self._parent.name)}
        return self._index.get((key(above),))

    def _matching(self, record: Record) -> DSyncModel:
        if self._index is None:
            self._index = {
                tuple(read(above, path) for path in self._match.values()): obj
                for obj, above in self._adapter.records(self._parent.name)
            }
        values = tuple(read(record, path) for path in self._match)
        found = next((self._index[keys] for keys in _spelled(values) if keys in self._index), None)
        if found is None:
            named = ", ".join(
                f"{'.'.join(path)}: {'nothing' if value is MISSING else value}" for path, value in zip(self._match, values)
            )
            raise RecordProblem(f"there is no {self._parent.name} for it ({named})")
        return found

    def values_of(self, parent: DSyncModel, above: Record) -> Values:
        """Return what a new record has to hold for it to be a child of this parent. Raises RecordProblem."""
        if self._match:
            values = {mine: read(above, theirs) for mine, theirs in self._match.items()}
            for mine, theirs in self._match.items():
                if values[mine] is MISSING:
                    raise RecordProblem(f'the record of {parent!r} has no "{".".join(theirs)}" to put into "{".".join(mine)}"')
            return values
        found: Values = {}
        if self._reference is not None:
            found.update(self._reference.natives_of(self._naming(parent), {self._reference.name: self._naming(parent)}))
        ids = {name: plain_value(getattr(parent, name)) for name in self._names}
        for mapped, name in zip(self._fields, self._names):
            found.update(mapped.natives_of(ids[name], ids))
        return found

    def _naming(self, parent: DSyncModel) -> Any:
        """Return the value that refers to a parent."""
        return parent.get_unique_id() if len(self._names) > 1 else plain_value(getattr(parent, self._names[0]))


def _spelled(values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of a match, first as they are, then with numbers as strings and the other way round."""
    yield values
    each = [[one for one in spellings(value) if isinstance(one, bool) is isinstance(value, bool)] for value in values]
    yield from product(*each)
