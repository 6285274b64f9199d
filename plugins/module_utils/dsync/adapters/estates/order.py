# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""References to objects of any kind: no declaration names the models to which they refer, and what they refer to comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...model.declaration import Reference
from ...model.references import Named, References

Typed = Callable[[Any], Sequence[str]]
"""Returns the models of a task that are of a server's type of objects, such as ``dcim.site``."""


class Implied(NamedTuple):
    """A field of a model that refers to objects of any kind.

    Attributes:
        field: its name.
        type_field: the field that holds the type of the object; None if the values of a list hold it themselves.
    """

    field: str
    type_field: str | None


class WithImplied(References):
    """References that also know of fields which refer to objects of any kind.

    Args:
        kinds: as of :class:`.references.References`.
        implied: model → its fields that do so.
        typed: returns the models of a type.
    """

    def __init__(self, kinds: Mapping[str, Any], implied: Mapping[str, Sequence[Implied]], typed: Typed) -> None:
        super().__init__(kinds)
        self._implied, self._typed = implied, typed

    @property
    def models(self) -> frozenset[str]:
        return super().models | self._implied.keys()

    @property
    def referred(self) -> frozenset[str]:
        return super().referred | (self._kinds.keys() if self._implied else frozenset())

    def named(self, model: str, *values: Mapping[str, Any] | None) -> Iterator[Named]:
        yield from super().named(model, *values)
        if model in self._implied:
            whole = {name: value for some in values for name, value in (some or {}).items()}
            for implied in self._implied[model]:
                for content_type, uid in _targets(implied, whole):
                    models = tuple(self._typed(content_type))
                    if models:
                        choices = tuple(self._ref(other, uid) for other in models)
                        yield Named(Reference(implied.field, models, False), uid, self._is_later(model, models), choices)


def split_end(text: str) -> tuple[str, str]:
    """Return the type and the unique id in a value such as ``dcim.interface:rt-1__eth0``; no type where it has none."""
    content_type, colon, uid = text.partition(":")
    return (content_type, uid) if colon else ("", text)


def _targets(implied: Implied, values: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    value = values.get(implied.field)
    if implied.type_field is None:
        yield from (split_end(str(one)) for one in value or ())
    elif value not in (None, "") and values.get(implied.type_field):
        yield values[implied.type_field], str(value)
