# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values of attributes read back from plain JSON.

A value is validated by the field that it is meant for, which makes an address of the string again. A field that takes anything gets
plain JSON: what was a set there comes back as a list.
"""

from __future__ import annotations

import base64
from typing import Any

from .._util.plain_json import BYTES
from .._util.pydantic import SchemaValidator, core_schema
from ..model.construction import fields_schema

SEALED, LOST = "$hmac", "$lost"
"""The keys of dicts that represent a sensitive value and one that could not be written."""


def from_plain(value: Any) -> Any:
    """Return the Python value that plain JSON stands for, before any field's validation."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        key, item = next(iter(value.items()))
        if key == BYTES:
            return base64.b64decode(item, validate=True)
        if key.startswith("$$"):
            return {key[1:]: from_plain(item)}
    return {key: from_plain(item) for key, item in value.items()}


class Fields:
    """Validates values for the fields of one class, one by one, as making an object does, and gives them as get_attrs() does.

    Args:
        cls: a complete model class.
    """

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls
        self._nested = cls._declaration.nested
        schema, self._definitions, self._config = fields_schema(cls)
        self._schemas = {name: field["schema"] for name, field in schema["fields"].items()}
        self._validators: dict[str, SchemaValidator] = {}

    def valid(self, name: str, value: Any) -> Any:
        """Return what the field ``name`` makes of a value; a name that is no field takes it as it is.

        Raises:
            pydantic.ValidationError: the value does not fit; or whatever a validator raises.
        """
        if name not in self._schemas:
            return value
        if name not in self._validators:
            schema = core_schema.definitions_schema(self._schemas[name], self._definitions)
            self._validators[name] = SchemaValidator(schema, self._config)
        made = self._validators[name].validate_python(value)
        return self._dumped(name, made) if name in self._nested else made

    def _dumped(self, name: str, value: Any) -> Any:
        """Return a field's value as an object of the class gives it out, without making one, which would need all fields."""
        obj: Any = object.__new__(self._cls)
        slots = {
            "__dict__": {name: value},
            "__pydantic_fields_set__": {name},
            "__pydantic_extra__": None,
            "__pydantic_private__": None,
        }
        for slot, content in slots.items():
            object.__setattr__(obj, slot, content)
        return obj.model_dump(include={name}).get(name, value)
