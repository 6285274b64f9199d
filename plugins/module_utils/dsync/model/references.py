# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""References: fields whose values refer to other objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .declaration import Reference
from .identity import ObjectRef

if TYPE_CHECKING:
    from .model import DSyncModel


class Named(NamedTuple):
    """The objects to which one value refers.

    Attributes:
        reference: the field.
        value: the value; one item if it is a list.
        later: whether such objects are of models that are declared after the model of the field.
        choices: the objects to which it may refer, one for each model that the field may refer to.
    """

    reference: Reference
    value: Any
    later: bool
    choices: tuple[ObjectRef, ...]


class References:
    """The references of a set of models.

    Args:
        kinds: model name → its class.

    Attributes:
        tied: (model, field) → fields of the object that it refers to. The remote system permits such a reference only while these
            fields have certain values, as a device's primary address must be assigned to the device: they are changed before the
            reference is made, and after it is ended.
    """

    def __init__(self, kinds: Mapping[str, type[DSyncModel]]) -> None:
        self.tied: Mapping[tuple[str, str], frozenset[str]] = {}
        self._kinds = dict(kinds)
        self._ranks = {model: rank for rank, model in enumerate(downwards(self._kinds, self._kinds))}
        self._of = {model: kind._declaration.references for model, kind in kinds.items() if kind._declaration.references}

    @classmethod
    def of(cls, kinds: Mapping[str, type[DSyncModel]]) -> References | None:
        """Return the references of these models, or None if there are none.

        Args:
            kinds: model name → its class; not changed.
        """
        found = cls(kinds)
        return found if found._of else None

    @property
    def models(self) -> frozenset[str]:
        """The models that have such fields."""
        return frozenset(self._of)

    @property
    def fields(self) -> frozenset[tuple[str, str]]:
        """(model, field) of all such fields."""
        return frozenset((model, reference.field) for model, references in self._of.items() for reference in references)

    @property
    def referred(self) -> frozenset[str]:
        """The models to whose objects fields may refer."""
        return frozenset(model for references in self._of.values() for reference in references for model in reference.models)

    def named(self, model: str, *values: Mapping[str, Any] | None) -> Iterator[Named]:
        """Yield the objects to which the values of an object's fields refer.

        Args:
            model: the object's model.
            values: field → value; missing fields refer to nothing.
        """
        for reference in self._of.get(model, ()):
            for some in values:
                if some and reference.field in some:
                    for value in _each(some[reference.field]):
                        later = self._is_later(model, reference.models)
                        yield Named(reference, value, later, tuple(self._ref(kind, value) for kind in reference.models))

    def _is_later(self, model: str, others: Iterable[str]) -> bool:
        return all(self._ranks.get(other, -1) > self._ranks[model] for other in others)

    def _ref(self, model: str, value: Any) -> ObjectRef:
        return ObjectRef(model, referred_id(self._kinds.get(model), value))


def referred_id(kind: type[DSyncModel] | None, value: Any) -> str:
    """Return the unique id of the object to which a value refers, as the object spells it.

    Args:
        kind: the class of the object; None where it is not known.
        value: its unique id, its single identifier, or its identifiers by name; not changed.
    """
    if isinstance(value, str) or kind is None:
        same = None if kind is None else kind._declaration.same_id
        return str(value) if same is None else same(str(value))
    try:
        ids = dict(value) if isinstance(value, Mapping) else dict.fromkeys(kind._identifiers, value)
        return kind.create_unique_id(**ids)
    except Exception:  # any exception of a user's own method for values that are not an identity
        return str(value)


def downwards(kinds: Mapping[str, type[DSyncModel]], first: Iterable[str]) -> list[str]:
    """Return names of models in their order, each followed by its children, as they are compared.

    Args:
        kinds: model name → its class; not changed.
        first: the models to begin with; those without a class are omitted.
    """
    found: dict[str, None] = {}
    waiting = [name for name in first if name in kinds][::-1]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += [child for child in list(kinds[name]._children)[::-1] if child in kinds]
    return list(found)


def _each(value: Any) -> Iterable[Any]:
    values = value if isinstance(value, (list, tuple, set, frozenset)) else (value,)
    return [one for one in values if one is not None and one != ""]
