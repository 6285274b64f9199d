# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The children of one parent that are of one model, in both datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from operator import ne
from typing import TYPE_CHECKING, Any, TypeAlias

from ..exceptions import ObjectAlreadyExists
from ..flags import DSyncAction
from ..model.model import DSyncModel
from .matching import FieldComparison, ShortNames
from .traversal import Side

if TYPE_CHECKING:
    Pair: TypeAlias = "tuple[DSyncModel | None, DSyncModel | None]"
    """The objects with one identity in source and target; one of them may be missing."""

Siblings: TypeAlias = tuple[Sequence[str], Sequence[DSyncModel]]
"""Their unique ids, and the objects."""


def aligned(source: Siblings, target: Siblings) -> Iterable[Pair]:
    """Return the objects of both sides in pairs with one identity: first all of the source, in its order, then those that
    only the target has."""
    if source[0] == target[0]:
        return zip(source[1], target[1])
    of_source, of_target = dict(zip(*source)), dict(zip(*target))
    return [*zip(of_source.values(), map(of_target.get, of_source)), *_target_only(of_source, of_target)]


def differing(by: FieldComparison, source: Siblings, target: Siblings) -> tuple[list[Pair], int]:
    """Return the pairs, in the order of :func:`aligned`, in which one object is missing or attributes differ, and
    the number of other pairs."""
    if source[0] == target[0]:
        unlike: list[Pair] = [*compress(zip(source[1], target[1]), _unequal(by, source[1], target[1]))]
        return unlike, len(source[1]) - len(unlike)
    of_target = dict(zip(*target))
    on_both = [*map(of_target.__contains__, source[0])]
    uids, lefts = source
    if not all(on_both):
        uids, lefts = [*compress(uids, on_both)], [*compress(lefts, on_both)]
    differs = [*_unequal(by, lefts, map(of_target.__getitem__, uids))]
    same = differs.count(False)
    wanted = differs if uids is source[0] else _spread(differs, on_both)
    unlike = [(obj, of_target.get(uid)) for uid, obj in compress(zip(*source), wanted)] if same < len(on_both) else []
    return (unlike + _target_only(dict(zip(*source)), of_target) if len(uids) < len(of_target) else unlike), same


def _spread(differs: Iterable[bool], on_both: Iterable[bool]) -> list[bool]:
    """Return for each object whether it differs or is on one side only, given that for those on both sides."""
    of_common = iter(differs)
    return [not here or next(of_common, True) for here in on_both]


def _target_only(of_source: dict[str, DSyncModel], of_target: dict[str, DSyncModel]) -> list[Pair]:
    return [(None, obj) for uid, obj in of_target.items() if uid not in of_source]


def _unequal(by: FieldComparison, lefts: Iterable[DSyncModel], rights: Iterable[DSyncModel]) -> Iterator[bool]:
    return map(ne, by.values(lefts), by.values(rights))


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
