# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of an endpoint as its answer to OPTIONS describes them, in the form of Django REST framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.schema import FieldSchema

About = Mapping[str, Any]
"""What the answer describes of a field, such as ``{"type": "string", "required": true, "read_only": false}``."""

_ACTIONS = ("POST", "PUT")
"""The actions whose fields are described alike; the first one that an answer has counts."""

_ENUMERATED = ("choice", "field", "string")
"""Types of fields whose choices are all their values; those of references are objects, and those of lists are values of items."""

_TYPES = {
    "string": "str",
    "email": "str",
    "url": "str",
    "slug": "str",
    "choice": "str",
    "integer": "int",
    "float": "float",
    "decimal": "decimal",
    "boolean": "bool",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
}
"""Type in an answer → the type of an attribute."""


def described_fields(answer: Any) -> dict[str, About]:
    """Return field → what an answer describes of it; empty if it describes none, as for a user who may not write.

    Args:
        answer: the value of the answer, whatever it is.
    """
    actions = answer.get("actions") if isinstance(answer, Mapping) else None
    found = [actions[name] for name in _ACTIONS if actions.get(name)] if isinstance(actions, Mapping) else []
    fields = found[0] if found and isinstance(found[0], Mapping) else {}
    return {name: about for name, about in fields.items() if isinstance(about, Mapping)}


def is_read_only(about: About) -> bool:
    """Return whether a field takes no value."""
    return about.get("read_only") is True


def choices_of(about: About) -> tuple[str | int, ...]:
    """Return the values of which a field has one; none where it can have others."""
    given = about.get("choices") if about.get("type") in _ENUMERATED else None
    values = [one.get("value") for one in given or () if isinstance(one, Mapping)]
    return tuple(value for value in values if isinstance(value, (str, int)))


def field_schema(about: About, typed: bool) -> FieldSchema:
    """Return what is known of a field.

    Args:
        about: what the answer describes of it.
        typed: whether its type matters, as that of a field without values does. The answer does not say whether it can be null.
    """
    kind = _TYPES.get(str(about.get("type")), "") if typed else ""
    return FieldSchema(kind, choices=choices_of(about), read_only=is_read_only(about))
