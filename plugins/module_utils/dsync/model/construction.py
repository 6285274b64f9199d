# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Fast construction of the fields of one object, or of many objects in bulk, from plain values.

In addition to an object's dict of fields, pydantic creates a set of the given fields: for an object of five fields or more
this is most of its memory. Here pydantic's own core validates the fields into the dict only, and objects with the same
given fields share one set. Classes with more than that (validators of the whole model, private attributes, aliases) are
constructed by pydantic itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .._util.pydantic import SchemaError, SchemaValidator, ValidationError, core_schema

_MOST_SETS = 256
"""Maximum number of shared field sets cached per class. Usually one or two."""

_SCHEMA_PARTS = {"type", "schema", "cls", "config", "custom_init", "root_model", "ref", "metadata", "serialization", "frozen"}
_FIELDS_PARTS = {"type", "fields", "model_name", "computed_fields", "extra_behavior", "ref", "metadata", "serialization"}
_FIELD_PARTS = {"type", "schema", "metadata", "serialization_alias", "serialization_exclude", "frozen"}


_MEMBERS = ("lax-or-strict[", "json-or-python[", "function-plain[", "function-before[", "function-after[", "is-instance[")
_NETWORKS = ("ip_v4_network", "ip_v6_network")
_HOST_BITS = " (the host bits of a network are zero; with others it is an ip_interface)"


class GivenFields(set[str]):
    """The names of the fields that were given, shared by many objects; never changed."""


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
        """Return the set of the fields among ``names``, the same object for the same names in the same order."""
        try:
            return self._given[names]
        except KeyError:
            fields = GivenFields(self._names.intersection(names))
            if len(self._given) < _MOST_SETS:
                self._given[names] = fields
            return fields


class Assignment:
    """Validates new values of several fields of one class's objects before the validators of the whole model run.

    Args:
        cls: a complete model class.
    """

    def __init__(self, cls: type[Any]) -> None:
        schema, definitions, config = fields_schema(cls)
        self._order = tuple(schema["fields"])
        self._validator = SchemaValidator(core_schema.definitions_schema(schema, definitions), config)

    def valid(self, fields: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        """Return new values as validated by their fields, in the order of the fields; each validator sees the earlier values.

        Args:
            fields: all values of the object; not changed.
            new: field name → value; every name is a field.

        Raises:
            pydantic.ValidationError: a value does not fit.
        """
        values = {name: value for name, value in fields.items() if name not in new}
        for name in self._order:
            if name in new:
                made: Any = self._validator.validate_assignment(values, name, new[name])
                values = made[0]
        return {name: values[name] for name in new}


def fields_schema(cls: type[Any]) -> tuple[Any, list[Any], Any]:
    """Return the schema of a complete model class's fields, without the validators of the whole model; the definitions that it
    refers to; and the class's configuration."""
    schema: Any = cls.__pydantic_core_schema__
    definitions: list[Any] = []
    config: Any = {}
    while schema["type"] != "model-fields":
        if schema["type"] == "definitions":
            definitions += schema["definitions"]
        config = schema.get("config") or config
        if schema["type"] == "definition-ref":
            schema = next(one for one in definitions if one.get("ref") == schema["schema_ref"])
        else:
            schema = schema["schema"]
    return schema, definitions, config


def problems_of(error: ValidationError, ways_out: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return a message for each value that does not fit: the place of the value, if it has one, and the problem.

    What pydantic says of each member of a union is one message. It may contain sensitive values, but not the value itself.

    Args:
        error: the exception of pydantic.
        ways_out: name of a field → what can be done about a value of it that does not fit.
    """
    found: dict[str, list[str]] = {}
    hints = {name: f" ({text})" for name, text in ways_out.items()}
    for line in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in line["loc"] if not _is_member(part))
        messages = found.setdefault(place, [])
        if line["msg"] not in messages:
            messages.append(line["msg"])
        if line["type"] in _NETWORKS:
            hints[place] = _HOST_BITS
    return [": ".join(filter(None, (place, ", or: ".join(said) + hints.get(place, "")))) for place, said in found.items()]


def _is_member(part: int | str) -> bool:
    """Return whether a part of a place is what pydantic calls a member of a union, and no key that someone gave."""
    return isinstance(part, str) and part.startswith(_MEMBERS)


def construction_of(cls: type[Any]) -> Construction | None:
    """Return the fast constructor of a complete model class, or None if only pydantic's own can be used."""
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
    fields = {name: typed_dict_field(field["schema"]) for name, field in inner["fields"].items()}
    try:
        return Construction(fields, core_schema.typed_dict_schema(fields, config=config), config)
    except SchemaError:
        return None


def typed_dict_field(schema: Any) -> Any:
    """Return the schema of a field of a model as that of a field of a dict."""
    return core_schema.typed_dict_field(schema, required=schema["type"] != "default")
