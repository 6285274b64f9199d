# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The quick way from plain values to the fields of an object, or of many objects at once.

Pydantic makes, besides an object's dict of fields, a set of the fields that were given: for an object of five fields or more that
is most of its memory. Here the fields are validated by pydantic's own core into the dict alone, and objects that were given the
same fields share one set. What a class adds to that (validators of the whole model, private attributes, aliases) is left to
pydantic's own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ._pydantic import SchemaError, SchemaValidator, core_schema

_MOST_SETS = 256
"""So many different sets of given fields are shared a class; it is one, or a few, unless somebody generates field names."""

_SCHEMA_PARTS = {"type", "schema", "cls", "config", "custom_init", "root_model", "ref", "metadata", "serialization", "frozen"}
_FIELDS_PARTS = {"type", "fields", "model_name", "computed_fields", "extra_behavior", "ref", "metadata", "serialization"}
_FIELD_PARTS = {"type", "schema", "metadata", "serialization_alias", "serialization_exclude", "frozen"}


class GivenFields(set[str]):
    """The names of the fields that were given, shared by many objects: never to be changed."""


class Construction:
    """Makes the fields of one class's objects.

    Attributes:
        one: validates a mapping of field name → value and returns a new dict of all fields.
        many: does the same for a list of mappings.
    """

    def __init__(self, names: Iterable[str], schema: Any, config: Any) -> None:
        self._names = frozenset(names)
        self._given: dict[tuple[str, ...], GivenFields] = {}
        self.one: Callable[[Mapping[str, Any]], dict[str, Any]] = SchemaValidator(schema, config).validate_python
        rows = core_schema.list_schema(schema)
        self.many: Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]] = SchemaValidator(rows, config).validate_python

    def given(self, names: tuple[str, ...]) -> GivenFields:
        """Return the set of the fields among ``names``, one and the same set whenever the same names come in the same order."""
        try:
            return self._given[names]
        except KeyError:
            fields = GivenFields(self._names.intersection(names))
            if len(self._given) < _MOST_SETS:
                self._given[names] = fields
            return fields


def construction_of(cls: type[Any]) -> Construction | None:
    """Return the quick way to make objects of a complete model class, or None where only pydantic's own way will do."""
    schema = cls.__dict__.get("__pydantic_core_schema__")
    if not isinstance(schema, dict) or schema.get("type") != "model" or not schema.keys() <= _SCHEMA_PARTS:
        return None
    inner = schema["schema"]
    if inner.get("type") != "model-fields" or not inner.keys() <= _FIELDS_PARTS:
        return None
    config: Any = schema.get("config") or {}
    if inner.get("extra_behavior", "ignore") != "ignore":
        return None
    if cls.__private_attributes__ or schema.get("root_model") or config.get("extra_fields_behavior", "ignore") != "ignore":
        return None
    if not all(field.keys() <= _FIELD_PARTS for field in inner["fields"].values()):
        return None
    fields = {name: _typed_dict_field(field["schema"]) for name, field in inner["fields"].items()}
    try:
        return Construction(fields, core_schema.typed_dict_schema(fields, config=config), config)
    except SchemaError:
        return None


def _typed_dict_field(schema: Any) -> Any:
    return core_schema.typed_dict_field(schema, required=schema["type"] != "default")
