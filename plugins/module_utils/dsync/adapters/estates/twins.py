# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects that a model does not distinguish: none of them is loaded, and nothing is created or deleted in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...records.mapping import ModelMap, Record
from .kinds import Kind, Kinds
from .names import Names


def same_identity(mapped: ModelMap, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return unique id → the positions of the rows that have it, if there are several.

    Args:
        mapped: the rows' model.
        rows: field → value; not changed.
    """
    names = mapped.model._identifiers
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        alike.setdefault(tuple(str(row.get(name)).casefold() for name in names), []).append(place)
    found: dict[str, list[int]] = {}
    fields = mapped.model.model_fields
    for places in alike.values():
        for place in places if len(places) > 1 else ():
            obj = mapped.model(**{name: value for name, value in rows[place].items() if name in fields})
            found.setdefault(obj.get_unique_id(), []).append(place)
    return {uid: places for uid, places in found.items() if len(places) > 1}


def unclear_references(kind: Kind, kinds: Kinds, mapped: ModelMap, record: Record, names: Names) -> dict[str, str]:
    """Return identifier's field of a record → the unique id that several objects have, to one of which it refers.

    Args:
        kind: the object's kind.
        kinds: the kinds that the server has.
        mapped: its model.
        record: of the object.
        names: of all objects.
    """
    found = {}
    for name in mapped.model._identifiers:
        source = mapped.fields[name].source
        head = source[0] if source and len(source) == 1 else ""
        shared = names.shared(kinds[kind.refs[head]], record.get(head)) if head in kind.refs else None
        if shared is not None:
            found[head] = shared
    return found
