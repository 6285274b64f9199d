# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Unique values: the object that releases one is changed before the object that takes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ..diff.diff import Diff, DiffElement
from ..flags import DSyncAction
from ..model.declaration import Unique
from .change import ChangeKey

_Claim = tuple[str, tuple[str, ...], tuple[Any, ...]]
"""A model, fields of it that are unique together, and values of these."""


class Handover(NamedTuple):
    """A change that must follow another one because it takes a value that the other one releases.

    Attributes:
        taker: the change after which an object has the value.
        giver: the change after which another object no longer has it.
        fields: the fields that are unique together.
        field: one of them that can be set to null in the giver's object first, to release its values; empty for none.
        value: the current value of that field in the giver's object.
    """

    taker: ChangeKey
    giver: ChangeKey
    fields: tuple[str, ...]
    field: str = ""
    value: Any = None


def handovers(diff: Diff) -> list[Handover]:
    """Return the changes of a comparison that take unique values that others release, in the order of the comparison.

    None is not a value unless the system counts it as one. Protected changes neither release nor take values.

    Args:
        diff: not changed; its ``unique`` says which fields count.
    """
    given: dict[_Claim, tuple[ChangeKey, str, Any]] = {}
    taken: dict[_Claim, ChangeKey] = {}
    references = frozenset() if diff.references is None else diff.references.fields
    for element in diff.walk() if diff.unique else ():
        action = element.action
        if action is None or element.protected:
            continue
        if element.move is not None and element.move.along and element.get_attrs_diffs()["+"].keys() - element.read_only:
            action = DSyncAction.UPDATE  # the rename itself writes nothing
        key = ChangeKey(action, element.type, element.uid)
        old, new = _old(element), _new(element, action)
        for unique in diff.unique.get(element.type, ()):
            before, after = _values(old, unique), _values(new, unique)
            if before == after:
                continue
            if before is not None:
                field = _spare(element, unique, old or {}, new or {}, references)
                given[element.type, unique.fields, before] = key, field, (old or {}).get(field)
            if after is not None:
                taken[element.type, unique.fields, after] = key
    return list(_met(taken, given))


def _met(taken: dict[_Claim, ChangeKey], given: dict[_Claim, tuple[ChangeKey, str, Any]]) -> Iterator[Handover]:
    for claim, taker in taken.items():
        giver, field, value = given.get(claim, (taker, "", None))
        if giver != taker:
            yield Handover(taker, giver, claim[1], field, value)


def _spare(
    element: DiffElement, unique: Unique, old: dict[str, Any], new: dict[str, Any], references: Collection[tuple[str, str]]
) -> str:
    """Return a field of an object that can temporarily be null, or an empty string: preferably one that changes, and one that does
    not refer to another object."""
    compared, action = element.compared, element.action
    names = [
        name
        for name in unique.nullable
        if name in old and name not in element.read_only and (action == DSyncAction.DELETE or compared is None or name in compared)
    ]
    return min(names, key=lambda name: (old[name] == new.get(name), (element.type, name) in references), default="")


def _old(element: DiffElement) -> dict[str, Any] | None:
    return None if element.dest_attrs is None else {**element.dest_attrs, **element.before_keys}


def _new(element: DiffElement, action: DSyncAction) -> dict[str, Any] | None:
    if element.source_attrs is None:
        return None
    wanted = element.source_attrs if action == DSyncAction.CREATE else element.get_attrs_diffs()["+"]
    written = {name: value for name, value in wanted.items() if name not in element.read_only}
    return {**(element.dest_attrs or {}), **written, **element.keys}


def _values(side: dict[str, Any] | None, unique: Unique) -> tuple[Any, ...] | None:
    """Return the values of fields that are unique together; None if there are none, or if one is null and does not count."""
    if side is None:
        return None
    values = tuple(_hashable(side.get(name)) for name in unique.fields)
    return values if unique.null_counts or None not in values else None


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value
