# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The values of many records at once, field by field, where each attribute is a native field as it is."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from ..model.columns import ColumnRows
from .mapping import FieldMap, ModelMap, Record
from .path import MISSING


def rows_of(mapped: ModelMap, records: Sequence[Record], empty_is_none: bool) -> ColumnRows | None:
    """Return what :meth:`.ModelMap.row` returns for each record, faster.

    Args:
        mapped: how the records are read.
        records: the native records; not changed.
        empty_is_none: as for :meth:`.ModelMap.row`.

    Returns:
        The values of the objects' fields; None if a field or a record has to be looked at by itself: because the value comes from
        elsewhere or is absent, represents a default, or identifies nothing.
    """
    columns: dict[str, list[Any]] = {}
    for name, field in mapped.fields.items():
        column = column_of(field, records)
        if column is None or (field.default is not MISSING and any(value is None or value == "" for value in column)):
            return None
        if empty_is_none and "" in column:
            if not field.nullable and mapped.default_counts(name):
                return None
            if field.nullable:
                column = [None if value == "" else value for value in column]
        columns[name] = column
    rows = ColumnRows(columns)
    any_blank = all(_may_be_blank(columns[name]) for name in mapped.model._identifiers)
    return None if any_blank and any(map(mapped.is_blank, rows)) else rows


def _may_be_blank(column: Sequence[Any]) -> bool:
    """Return whether a value may be a blank string."""
    try:
        return not all(map(str.strip, column))
    except TypeError:
        return True


def column_of(field: FieldMap, records: Sequence[Record]) -> list[Any] | None:
    """Return the value of a native field in each record; None if one does not have it, or if it is not the attribute's value."""
    elsewhere = field.constant is not MISSING or field.expression is not None or field.parent is not None
    if elsewhere or field.lookups or field.source is None or len(field.source) != 1:
        return None
    try:
        return list(map(itemgetter(field.source[0]), records))
    except (KeyError, TypeError, IndexError):
        return None
