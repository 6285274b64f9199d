# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The children of one parent that are of one model, in both datasets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..exceptions import ObjectAlreadyExists
from ..flags import DSyncAction
from ..model.model import DSyncModel
from .matching import ShortNames
from .traversal import Side

if TYPE_CHECKING:
    Pair: TypeAlias = "tuple[DSyncModel | None, DSyncModel | None]"
    """The objects with one identity in source and target; one of them may be missing."""

Siblings: TypeAlias = tuple[Sequence[str], Sequence[DSyncModel]]
"""Their unique ids, and the objects."""

NO_SIBLINGS: Siblings = ((), ())
"""No objects."""


def aligned(source: Siblings, target: Siblings) -> Iterable[Pair]:
    """Return the objects of both sides in pairs with one identity: first all of the source, in its order, then those that
    only the target has."""
    if source[0] == target[0]:
        return zip(source[1], target[1])
    of_source, of_target = dict(zip(*source)), dict(zip(*target))
    return [*zip(of_source.values(), map(of_target.get, of_source)), *target_only(of_source, of_target)]


def target_only(of_source: dict[str, DSyncModel], of_target: dict[str, DSyncModel]) -> list[Pair]:
    """Return the objects, given by their unique ids, that only the target has."""
    return [(None, obj) for uid, obj in of_target.items() if uid not in of_source]


def refuse_same_name(
    side: Side, model: str, shortnames: ShortNames, siblings: Sequence[DSyncModel], parent: DSyncModel | None
) -> None:
    """Raise ObjectAlreadyExists that names two siblings with the same short name."""
    first: dict[Any, DSyncModel] = {}
    for name, obj in zip(shortnames.read(siblings), siblings):
        other = first.setdefault(name, obj)
        if other is not obj:
            where = f"under {parent!r}" if parent is not None else "at the top level"
            raise ObjectAlreadyExists(
                f'in {side.dataset.name}, {where}, the {model} objects "{other.get_unique_id()}" and '
                f'"{obj.get_unique_id()}" have the same short name "{obj.get_shortname()}"',
                other,
                obj,
            )


def action_of(source: DSyncModel | None, target: DSyncModel | None) -> DSyncAction:
    """Return the action for two objects with one identity that differ."""
    if source is None:
        return DSyncAction.DELETE
    return DSyncAction.CREATE if target is None else DSyncAction.UPDATE
