# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""References in the spelling of the ids that they are: ``a__2001:db8::1/64`` for ``a__2001:DB8:0::1/64``.

The id of an object is made of values, which have one string form each. A reference to it is a string that somebody wrote, and would
otherwise differ from the same reference of the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any
from uuid import UUID

from .._util.pydantic import TypeAdapter, ValidationError, core_schema
from ..model.identity import Key, id_reader
from ..model.model import DSyncModel
from ..model.values import leaf_types

_SPELLED = (
    IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, UUID, Decimal, float, date, datetime, time,
    timedelta,
)  # fmt: skip

_KEPT = 10_000
"""How many references are remembered with their spelling."""


def has_spellings(annotation: Any) -> bool:
    """Return whether strings of different spelling are equal values of a type, as those of addresses are."""
    leaves = set(leaf_types(annotation))
    return str not in leaves and not leaves.isdisjoint(_SPELLED)


class ReferenceSpelling:
    """Gives references to objects of a model their spelling; part of the metadata of a field that holds strings, or a list of them.

    Args:
        model: name of the model.
        classes: name of a model → its class; has the model when the first value is validated.
    """

    def __init__(self, model: str, classes: Mapping[str, type[DSyncModel]]) -> None:
        self._model, self._classes = model, classes

    @cached_property
    def _spelled(self) -> Callable[[str], str]:
        cls = self._classes[self._model]
        keys = [_key(cls.model_fields[name].rebuild_annotation()) for name in cls._identifiers]
        return lru_cache(_KEPT)(id_reader(cls._declaration.mixed, keys))

    def value_of(self, value: Any) -> Any:
        """Return a reference, or a list of references, in its spelling; any other value as it is. It is not changed."""
        if isinstance(value, list):
            return [self.value_of(item) for item in value]
        return self._spelled(value) if value.__class__ is str and value else value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self.value_of, handler(source))


def _key(annotation: Any) -> Key | None:
    """Return the function that returns the value that a string of an identifier is; None where it is a string."""
    if not has_spellings(annotation):
        return None
    adapter = TypeAdapter(annotation)

    def key(value: Any) -> Any:
        try:
            return adapter.validate_python(value)
        except ValidationError:
            return value

    return key
