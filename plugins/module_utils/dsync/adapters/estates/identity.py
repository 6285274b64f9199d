# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How the unique id of an object is made of what a server reports of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ..._util.pydantic import TypeAdapter, ValidationError
from ...exceptions import RecordProblem
from ...model.identity import id_reader, parts_reader
from ...records.mapping import FieldMap, ModelMap
from ...records.path import MISSING
from .kinds import Kind

ServerId: TypeAlias = "int | str"
"""What a server calls an object by."""

Native = Mapping[str, Any]
Natives = list[dict[str, Any]]
"""An object as a server reports it."""


class Identity:
    """How the unique id of an object is made of what the server reports of it.

    Args:
        kind: the object's.
        maps: the models that are made of objects of that kind: those of the task, or the adapter's own.
        wider: the identity that distinguishes objects which have the same one here; None if there is none.
    """

    def __init__(self, kind: Kind, maps: Sequence[ModelMap], wider: Identity | None = None) -> None:
        self.kind, self._maps, self.wider = kind, maps, wider
        self._checks = {
            (mapped.name, name): TypeAdapter(mapped.model.model_fields[name].rebuild_annotation())
            for mapped in maps
            for name in mapped.model._identifiers
        }
        found = {name: None for mapped in maps for name in _sources(mapped)}
        self.fields: tuple[str, ...] = tuple(found)
        """The fields of a record that make up the unique id, as far as no expression looks for others."""

    def of(self, record: Mapping[str, Any], native: Native) -> str | None:
        """Return the unique id of an object; None if something that identifies it is missing, or no model has it.

        Args:
            record: of the object; it has :attr:`fields` at least.
            native: what the record was made of.
        """
        for mapped in self._maps:
            try:
                if len(self._maps) > 1 and not mapped.wants(record):
                    continue
                return None if lacking(self.kind, mapped, record, native) else self._unique_id(mapped, record)
            except RecordProblem:
                continue
        return None

    def spelled(self, uid: str) -> str:
        """Return a unique id as objects have it, such as with ``2001:db8::1`` for ``2001:DB8:0::1``; another string as it is."""
        for mapped in self._maps:
            checks = [self._checks[mapped.name, name].validate_python for name in mapped.model._identifiers]
            with contextlib.suppress(ValidationError):
                return id_reader(mapped.model._declaration.mixed, checks)(uid)
        return uid

    def named(self, uid: str) -> dict[str, Any]:
        """Return the server's fields that hold parts of a unique id → these; without references, and without what is empty.

        Empty where it is not known, as of several models, or of values that a mapping computes.
        """
        if len(self._maps) != 1:
            return {}
        (mapped,) = self._maps
        parts = parts_reader(mapped.model._declaration.mixed)(self.spelled(uid)) or ()
        found = {}
        for name, value in zip(mapped.model._identifiers, parts):
            field = mapped.fields[name]
            compared = mapped.model._declaration.comparisons.get(name)
            plain = field.source is not None and len(field.source) == 1 and not field.lookups
            if (
                plain
                and (compared is None or compared.key is None)
                and _head(field) not in self.kind.refs
                and value not in (None, "")
            ):
                found[_head(field)] = value
        return found

    def _unique_id(self, mapped: ModelMap, record: Mapping[str, Any]) -> str | None:
        ids = {}
        for name in mapped.model._identifiers:
            field = mapped.fields[name]
            value = field.value_of(record)
            if value == "" and field.nullable:
                value = None
            elif value is None and not field.nullable and _head(field) in self.kind.refs:
                value = ""
            elif value is MISSING or (value is None and not field.nullable):
                return None
            try:
                ids[name] = self._checks[mapped.name, name].validate_python(value)
            except ValidationError:
                return None
        return mapped.model.create_unique_id(**ids)


def lacking(kind: Kind, mapped: ModelMap, record: Mapping[str, Any], native: Native) -> list[str]:
    """Return the fields of a record without which it does not identify an object.

    Null identifies where the identifier may be null, and where it is a reference by which the server distinguishes objects. A
    reference to an object that has no unique id itself never does.
    """
    found = []
    for name in mapped.model._identifiers:
        field = mapped.fields[name]
        head = _head(field)
        empty = field.nullable or field.default is not MISSING or (head in kind.refs and head in kind.identifiers)
        if record.get(head, MISSING) is None and (kind.holds(native, head) or not empty):
            found.append(head)
    return found


def _head(field: FieldMap) -> str:
    return field.source[0] if field.source else ""


def _sources(mapped: ModelMap) -> Iterable[str]:
    fields = [mapped.fields[name] for name in mapped.model._identifiers]
    return (field.source[0] for field in fields if field.source)
