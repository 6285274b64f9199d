# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading values of attributes back from plain JSON.

A value is validated by its field, which for example converts a string back to an address. A field that accepts anything receives
plain JSON: a set in it is read back as a list.
"""

from __future__ import annotations

import base64
from typing import Any

from .._util.contents import contents
from .._util.plain_json import BYTES, INTEGER, plain
from .._util.pydantic import SchemaValidator, TypeAdapter, core_schema
from ..model.construction import fields_schema
from ..model.declaration import is_nested
from ..model.values import leaf_types, same_value

DIGESTED, LOST = "$hmac", "$lost"
"""The keys of dicts that represent a sensitive value and one that could not be written."""


def from_plain(value: Any) -> Any:
    """Return the Python value that plain JSON represents, before any field's validation."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        key, item = next(iter(value.items()))
        if key == BYTES:
            return base64.b64decode(item, validate=True)
        if key == INTEGER:
            return int(item, 16)
        if key.startswith("$$"):
            return {key[1:]: from_plain(item)}
    return {key: from_plain(item) for key, item in value.items()}


class NotTheSame(ValueError):
    """The type of a field does not determine which value was written."""


class Fields:
    """Validates values for the fields of one class, one by one, as the constructor does.

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
        """Return a value as validated by the field ``name``; if there is no such field, the value itself.

        Raises:
            NotTheSame: another value may have been written.
            pydantic.ValidationError: the value does not fit; or whatever a validator raises.
        """
        if name not in self._schemas:
            return value
        if name not in self._validators:
            schema = core_schema.definitions_schema(self._schemas[name], self._definitions)
            self._validators[name] = SchemaValidator(schema, self._config)
        made = self._validators[name].validate_python(value)
        if name in self._nested and self._is_another(name, value, made):
            raise NotTheSame(name)
        return made

    def _is_another(self, name: str, value: Any, made: Any) -> bool:
        """Return whether the written value may differ from the validated one: an object of a subclass, whose own fields are
        lost, or of another class of a union that has the same fields."""
        written = plain(value)[0]
        if not same_value(plain(made)[0], written, exact=True):
            return True
        if contents(made) is None:
            return False
        leaves, own = leaf_types(self._cls.model_fields[name].annotation), made.__class__
        others = (leaf for leaf in leaves if is_nested(leaf) and leaf is not own)
        return any(self._fits(other, value, written) for other in others)

    def _fits(self, kind: Any, value: Any, written: Any) -> bool:
        try:
            return same_value(plain(TypeAdapter(kind).validate_python(value))[0], written, exact=True)
        except Exception:  # whatever a user's own validator raises
            return False
