# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The scope of a comparison: the objects and attributes that are compared.

- An object that matches ``exclude`` is ignored, with everything below it.
- Other objects of a model in ``models`` are in scope if they, or an object above them, match ``only``.
- An object that moves has the action "move" and the values of both sides, at its old and at its new place. An object that moves
  along with it does not count as one that is on one side only.
- A selector with the action "update" applies to the object alone, not to those below it.
- An object that is out of scope is neither compared nor changed. If it is on both sides, its children are compared nevertheless;
  if it is on one side only, everything below it is ignored too.
- An object is not deleted while an object below it is out of scope. An object that is out of scope in another place on the other
  side is neither deleted nor created. These differences are shown as protected.
- ``attributes`` restricts which attributes are compared and updated: a list of names applies to every model, a dict to the models
  that it names. An object is still created with all its attributes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..dataset.dataset import Dataset
from ..exceptions import SelectorError
from ..flags import DSyncAction
from ..model.model import DSyncModel
from .selectors import Selector, check_known, classes_by_model, selectors


class Stance(enum.Enum):
    """How a comparison treats an object."""

    IN = "compared"
    AROUND = "not compared, but its children are"
    OUT = "skipped with everything below it"


@dataclass(frozen=True)
class Scope:
    """The objects and attributes that are compared.

    Attributes:
        models: names of the models that are compared; None for all.
        only: selectors of objects that are compared, with everything below them; empty for all.
        exclude: selectors of objects that are ignored, with everything below them.
        attributes: model → names of the attributes that are compared; all attributes for a model that is not named.
    """

    models: frozenset[str] | None = None
    only: tuple[Selector, ...] = ()
    exclude: tuple[Selector, ...] = ()
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        source: Dataset,
        target: Dataset,
        models: Iterable[str] | None = None,
        only: Iterable[Any] | None = None,
        exclude: Iterable[Any] = (),
        attributes: Mapping[str, Iterable[str]] | Iterable[str] | None = None,
    ) -> Scope:
        """Return the scope that plain data describes.

        Args:
            source: one side; the models of both sides are the known models.
            target: the other side.
            models: names of models; None for all.
            only: dicts as for :func:`.selectors.selectors`; None for all objects.
            exclude: dicts as for ``only``; empty for none.
            attributes: names of attributes by model, or a list of names that applies to every model; None for all.

        Raises:
            SelectorError: a name is unknown, or an empty list is ambiguous between everything and nothing.
        """
        for name, said in (("models", models), ("only", only), ("attributes", attributes)):
            if said is not None and not list(said):
                raise SelectorError(f"{name} is empty, so there is nothing to compare; omit it to compare everything")
        known = classes_by_model(source, target)
        for position, name in enumerate(models or ()):
            check_known(name, known, f"models[{position}]", "model")
        return cls(
            models=frozenset(models) if models else None,
            only=selectors(only or (), "only", known),
            exclude=selectors(exclude, "exclude", known),
            attributes=_attributes(attributes or {}, known),
        )

    def __bool__(self) -> bool:
        """Whether anything is out of scope."""
        return bool(self.models is not None or self.only or self.exclude or self.attributes)

    def stance(
        self,
        model: str,
        action: DSyncAction | None,
        source: DSyncModel | None,
        target: DSyncModel | None,
        inside: bool,
        alone: bool,
    ) -> tuple[Stance, bool]:
        """Return how an object is treated, and whether it, or an object above it, matches ``only``.

        Args:
            model: the model's name.
            action: what would be done to the object.
            source: the source's object, if there is one.
            target: the target's object, if there is one; where it has another name, it is selected by either.
            inside: whether an object above it matches.
            alone: whether only one side has the object at this place.
        """
        sides = [None if obj is None else {**obj.get_identifiers(), **obj.get_attrs()} for obj in (source, target)]
        uids = {obj.get_unique_id() for obj in (source, target) if obj is not None}
        excluded, chosen = (
            [selector for selector in selectors if any(selector.matches(model, uid, action, *sides) for uid in uids)]
            for selectors in (self.exclude, self.only)
        )
        if any(map(_goes_down, excluded)):
            return Stance.OUT, False
        below = inside or not self.only or any(map(_goes_down, chosen))
        if (below or chosen) and not excluded and (self.models is None or model in self.models):
            return Stance.IN, below
        return (Stance.OUT if alone else Stance.AROUND), below


def _goes_down(selector: Selector) -> bool:
    """Return whether a selector also applies to the objects below those that it matches."""
    return selector.action != DSyncAction.UPDATE


def _attributes(said: Any, models: Mapping[str, Sequence[type[DSyncModel]]]) -> dict[str, frozenset[str]]:
    has = {model: [name for kind in kinds for name in kind._attributes] for model, kinds in models.items()}
    if isinstance(said, Mapping):
        for model, names in said.items():
            check_known(model, models, "attributes", "model")
            for name in names:
                check_known(name, has[model], f"attributes.{model}", "attribute")
        return {model: frozenset(names) for model, names in said.items()}
    names = frozenset(said)
    for position, name in enumerate(said):
        check_known(name, sorted({name for some in has.values() for name in some}), f"attributes[{position}]", "attribute")
    return {model: names.intersection(some) for model, some in has.items()}
