# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The values of many objects of one class, validated field by field instead of object by object.

The validators are those of the fields, in pydantic's own core, and the values are the ones that the constructor would set. Only
what does not depend on an object is validated in this way: a class whose validators see other fields, or that overrides how its
objects are made, identified or read, is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from .._util.pydantic import SchemaValidator, ValidationError, core_schema
from .construction import Construction, GivenFields, fields_schema, typed_dict_field
from .identity import SEPARATOR
from .model import DSyncModel

METHODS = (
    "__init__",
    "__setattr__",
    "create_unique_id",
    "from_rows",
    "get_attrs",
    "get_children_mapping",
    "get_identifiers",
    "get_shortname",
    "get_unique_id",
    "unique_ids_of",
)
"""Methods that make, identify or read an object; if a class overrides one, it is called for every object."""

_Validate = Callable[[Sequence[Any]], list[Any]]

Rows = Sequence[Mapping[str, Any]]
"""Field name → value, for each object."""

_Validator = Callable[[Any], Any]

_NONE: frozenset[type[Any]] = frozenset((type(None),))
_KEPT: dict[Any, frozenset[type[Any]]] = {}
"""Validator → types of which it keeps values."""


def keeps(*kinds: type[Any]) -> Callable[[_Validator], _Validator]:
    """Declare that a validator returns None and values of some types, not of subclasses, as they are: it is not called for them."""

    def declare(validator: _Validator) -> _Validator:
        _KEPT[validator] = frozenset((*kinds, type(None)))
        return validator

    return declare


class ColumnRows(Sequence[Mapping[str, Any]]):
    """Rows that have the same fields, held as columns; a row is made when it is read.

    Attributes:
        columns: field name → its value in each row; at least one field.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return min(map(len, self.columns.values()))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, values)) for values in zip(*self.columns.values()))

    def __getitem__(self, at: Any) -> Any:
        part = {name: column[at] for name, column in self.columns.items()}
        return ColumnRows(part) if isinstance(at, slice) else part


class Columns(NamedTuple):
    """The values of many objects.

    Attributes:
        values: field → its value in each object.
        given: for each object, the names of the fields that were given; one set if they are the same for all.
        uids: the unique id of each object.
    """

    values: Mapping[str, list[Any]]
    given: list[GivenFields]
    uids: list[str]


class ColumnValidation:
    """Validates the rows of one class.

    Args:
        cls: a class whose objects are their fields and nothing else, see :func:`column_validation_of`.
        construction: its constructor of fields.
    """

    def __init__(self, cls: type[DSyncModel], construction: Construction) -> None:
        schema, _definitions, self._config = fields_schema(cls)
        self._schemas = {name: field["schema"] for name, field in schema["fields"].items()}
        self._cls, self._construction = cls, construction
        self._validators: dict[str | tuple[str, ...], _Validate] = {}
        self._with_kept = {name for name, schema in self._schemas.items() if _for_kinds(schema, _NONE) != schema}
        self._for_kinds: dict[tuple[str, frozenset[type[Any]]], _Validate] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return column_validation_of, (self._cls,)

    def columns(self, rows: Rows) -> Columns | None:
        """Return the values of the objects of some rows; None if a value does not fit.

        Args:
            rows: at least one; keys that are not fields are ignored. They are not changed.
        """
        try:
            values, given = self._uniform(rows) or self._ragged(rows)
        except ValidationError:
            return None
        return Columns(values, given, unique_ids(self._cls, [values[name] for name in self._cls._identifiers]))

    def _uniform(self, rows: Rows) -> tuple[dict[str, list[Any]], list[GivenFields]] | None:
        """Return values and given fields if all rows are dicts with the same fields."""
        names = [name for name in self._schemas if name in (rows.columns if isinstance(rows, ColumnRows) else rows[0])]
        absent = tuple(name for name in self._schemas if name not in names)
        columns = {name: rows.columns[name] for name in names} if isinstance(rows, ColumnRows) else _columns(rows, names, absent)
        if columns is None:
            return None
        values = {name: self._validated(name, column) for name, column in columns.items()}
        if absent:
            defaults = self._validator(absent)([{}] * len(rows))
            values.update((name, [fields[name] for fields in defaults]) for name in absent)
        return {name: values[name] for name in self._schemas}, [self._construction.given(tuple(names))]

    def _ragged(self, rows: Rows) -> tuple[dict[str, list[Any]], list[GivenFields]]:
        objs = self._construction.many(rows)
        values = {name: [fields[name] for fields in objs] for name in self._schemas}
        return values, [self._construction.given(tuple(row)) for row in rows]

    def _validated(self, name: str, column: Sequence[Any]) -> list[Any]:
        """Return the values of a field, validated without the validators that keep values of all their types."""
        if name not in self._with_kept:
            return self._validator(name)(column)
        kinds = frozenset(map(type, column))
        validate = self._for_kinds.get((name, kinds))
        if validate is None:
            schema = core_schema.list_schema(_for_kinds(self._schemas[name], kinds))
            validate = self._for_kinds[name, kinds] = SchemaValidator(schema, self._config).validate_python
        return validate(column)

    def _validator(self, what: str | tuple[str, ...]) -> _Validate:
        """Return the validator of a list of values of one field, or of a list of dicts of several fields."""
        if what not in self._validators:
            if isinstance(what, str):
                schema = self._schemas[what]
            else:
                schema = core_schema.typed_dict_schema({name: typed_dict_field(self._schemas[name]) for name in what})
            self._validators[what] = SchemaValidator(core_schema.list_schema(schema), self._config).validate_python
        return self._validators[what]


def _columns(rows: Rows, names: Sequence[str], absent: Collection[str]) -> dict[str, list[Any]] | None:
    """Return the values of some fields; None unless all rows are dicts with these fields and without the absent ones."""
    if {*map(type, rows)} != {dict} or any(not row.keys().isdisjoint(absent) for row in (rows if absent else ())):
        return None
    try:
        return {name: list(map(itemgetter(name), rows)) for name in names}
    except KeyError:
        return None


def _for_kinds(schema: Any, kinds: frozenset[type[Any]]) -> Any:
    """Return the schema of a field for values of some types, without the validators that keep all of these."""
    if schema["type"] == "function-before" and kinds <= _KEPT.get(schema["function"]["function"], frozenset()):
        return _for_kinds(schema["schema"], kinds)
    return {**schema, "schema": _for_kinds(schema["schema"], kinds)} if schema["type"] in ("default", "nullable") else schema


def unique_ids(cls: type[DSyncModel], columns: Sequence[Sequence[Any]], as_given: bool = False) -> list[str]:
    """Return the unique ids of many objects.

    Args:
        cls: their class, which does not override how ids are made.
        columns: for each identifier its value in each object; at least one.
        as_given: whether the values are as a user gives them, not validated.
    """
    declaration = cls._declaration
    build = declaration.unique_id_given if as_given else declaration.unique_id
    compared = any(name in declaration.comparisons for name in declaration.identifiers)
    if build is declaration.unique_id and not compared and _are_simple(columns):
        return list(columns[0] if len(columns) == 1 else map(SEPARATOR.join, zip(*columns)))
    return list(map(build, zip(*columns)))


def _are_simple(columns: Sequence[Sequence[Any]]) -> bool:
    """Return whether identifiers are strings, none of which needs an escape in a unique id (:mod:`.model.identity`)."""
    if any({*map(type, column)} != {str} for column in columns):
        return False
    texts = list(map("".join, columns))
    return not any("\\" in text or ("_" in text and len(columns) > 1) for text in texts)


def _is_plain(cls: type[DSyncModel]) -> bool:
    """Return whether the objects of a class are their fields and nothing else, which are validated each by itself."""
    if not cls._identifiers or cls._flags_matter or any(map(cls.overrides, METHODS)):
        return False
    return not _depends_on_object(fields_schema(cls)[0]["fields"])


def _depends_on_object(schema: Any) -> bool:
    """Return whether a validator in a schema sees other fields of the object, or leaves out a value."""
    if isinstance(schema, dict):
        if schema.get("type") == "with-info" or schema.get("default_factory_takes_data") or schema.get("on_error") == "omit":
            return True
        parts: Iterable[Any] = schema.values()
    else:
        parts = schema if isinstance(schema, (list, tuple)) else ()
    return any(map(_depends_on_object, parts))


def column_validation_of(cls: type[DSyncModel]) -> ColumnValidation | None:
    """Return what validates the rows of a class field by field, whose values are compared as they are; None if its objects are
    made one by one."""
    return None if cls._children or cls._declaration.exact else row_validation_of(cls)


def row_validation_of(cls: type[DSyncModel]) -> ColumnValidation | None:
    """Return what validates the rows of a class field by field; None if its objects are made one by one."""
    construction = cls._construction
    return ColumnValidation(cls, construction) if construction is not None and _is_plain(cls) else None
