# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Mapped fields that no record has: typing errors in a name, which are refused, and attributes that a side does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from ...exceptions import DefinitionError
from ...records.mapping import FieldMap, ModelMap, Record
from ...records.path import MISSING, Path, read, text_of_path
from ...records.record_table import RecordTable

_NEARLY = 0.85
"""How similar two names are of which one is a typing error: like role and rolle, unlike site and site_id."""


def unmanaged(mapped: ModelMap, records: Sequence[Record]) -> frozenset[str]:
    """Return the attributes that no record has a field for, and to which no default gives a meaning.

    Args:
        mapped: the model.
        records: all its records; without any, nothing is known.

    Raises:
        DefinitionError: a field is in no record, and one that nothing reads has nearly its name.
    """
    if isinstance(records, RecordTable):
        records = records[:1]  # the others have the same fields
    absent = {name: field for name, field in mapped.fields.items() if records and _is_absent(field, records)}
    for name, field in absent.items():
        _check(mapped, name, field.source or (), records)
    return frozenset(name for name in absent if name in mapped.model._attributes and mapped.model.model_fields[name].is_required())


def _is_absent(field: FieldMap, records: Sequence[Record]) -> bool:
    source = field.source
    if source is None or field.default is not MISSING or field.implied is not None or not field.written:
        return False
    return all(read(record, source) is MISSING for record in records)


def _check(mapped: ModelMap, name: str, source: Path, records: Sequence[Record]) -> None:
    """Raise DefinitionError where records have a field that nothing reads and that is called nearly the same."""
    depth = next(depth for depth in range(len(source)) if all(read(one, source[: depth + 1]) is MISSING for one in records))
    read_already = {path[: depth + 1] for path in _paths_of(mapped)}
    there = dict.fromkeys(
        key
        for record in records
        if isinstance(holder := read(record, source[:depth]), Mapping)
        for key in holder
        if isinstance(key, str) and (*source[:depth], key) not in read_already
    )
    meant = _nearest(source[depth], list(there))
    if meant is not None:
        place = mapped.place.place.removesuffix(".from")
        raise DefinitionError(
            f'{place}.fields.{name}: no {mapped.name} has a field "{text_of_path(source)}", and there is '
            f'"{text_of_path((*source[:depth], meant))}"; name that one, or set "default" for records without it.'
        )


def _paths_of(mapped: ModelMap) -> Iterator[Path]:
    yield from (field.source for field in mapped.fields.values() if field.source is not None)
    yield from mapped.where
    if mapped.key is not None:
        yield mapped.key
    if mapped.parent is not None:
        yield from (field.source for field in mapped.parent.fields if field.source is not None)
        yield from mapped.parent.match


def _nearest(wanted: str, there: Sequence[str]) -> str | None:
    """Return the name that another one is nearly, or that differs from it in case and blanks alone."""
    same = (name for name in there if name.strip().casefold() == wanted.strip().casefold())
    return next(same, None) or next(iter(difflib.get_close_matches(wanted, there, n=1, cutoff=_NEARLY)), None)
