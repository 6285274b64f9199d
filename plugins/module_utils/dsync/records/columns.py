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
from .record_table import RecordTable


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
    columns: dict[str, Sequence[Any]] = {}
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


def _is_native(field: FieldMap) -> bool:
    """Return whether an attribute is the value of one native field as it is."""
    elsewhere = field.constant is not MISSING or field.expression is not None or field.parent is not None
    return not elsewhere and not field.lookups and field.source is not None and len(field.source) == 1


def reads_columns(mapped: ModelMap) -> bool:
    """Return whether each attribute of a model is a native field as it is, and all records at its place are of the model."""
    return not (mapped.where or mapped.keep or mapped.drop) and all(map(_is_native, mapped.fields.values()))


def column_of(field: FieldMap, records: Sequence[Record]) -> Sequence[Any] | None:
    """Return the value of a native field in each record; None if one does not have it, or if it is not the attribute's value."""
    if not _is_native(field) or field.source is None:
        return None
    if isinstance(records, RecordTable):
        return records.columns.get(field.source[0])
    try:
        return list(map(itemgetter(field.source[0]), records))
    except (KeyError, TypeError, IndexError):
        return None
