# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The native fields that a system documents, before any record is read: which there are, and which can be written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..._util.suggestions import known
from ...records.declaration_reader import Declared
from ...records.mapping import FieldMap, ModelMap
from ...records.path import MISSING, Path, text_of_path, write
from .absent import unmanaged


@dataclass(frozen=True)
class Fields:
    """The native fields of the records of a model.

    Attributes:
        names: the names of all of them.
        read_only: those that take no value, such as generated columns.
        title: where they are, for messages, such as the name of a table.
        word: what messages call one of them.
        extensible: whether a record with a field that does not exist adds it, as a new column of a file. Then only the fields that
            a mapping chooses have to exist: not those that have the name of their attribute, or a default.
    """

    names: Collection[str]
    read_only: Collection[str] = ()
    title: str = "the system"
    word: str = "field"
    extensible: bool = False


def check_fields(mapped: ModelMap, fields: Fields) -> None:
    """Raise DefinitionError where a mapping names a field that does not exist; the message names the most similar one."""
    for declared, path in paths_of(mapped, chosen=fields.extensible):
        check_path(declared, path, fields)
    if fields.extensible:
        record: dict[str, Any] = dict.fromkeys(fields.names)
        for _place, path in paths_of(mapped):
            if path[0] not in record and text_of_path(path) in record:
                write(record, path, None)
        unmanaged(mapped, [record])


def check_path(declared: Declared, path: Path, fields: Fields) -> None:
    """Raise DefinitionError where a path begins with a field that does not exist."""
    name = text_of_path(path) if fields.extensible else path[0]
    if not {path[0], name} & set(fields.names):
        declared.wrong(f'{fields.title} has no {fields.word} "{name}"{known(name, fields.names)}.')


def unwritable(mapped: ModelMap, fields: Fields) -> list[str]:
    """Return the attributes that a mapping would write to fields that take no value."""
    written = {name: one for name, one in mapped.fields.items() if one.written and one.write is None and one.source is not None}
    return [name for name in mapped.model._attributes if name in written and (written[name].source or ("",))[0] in fields.read_only]


def paths_of(mapped: ModelMap, chosen: bool = False) -> Iterator[tuple[Declared, Path]]:
    """Yield each native field that a mapping names, with the place where it does.

    Args:
        mapped: the mapping.
        chosen: whether to leave out the fields that have the name of their attribute, or a default.
    """
    place = Declared(None, mapped.place.place.removesuffix(".from"))
    for name, one in mapped.fields.items():
        open_source = chosen and (one.source == (name,) or one.default is not MISSING)
        yield from _paths_of_field(place.at(f"fields.{name}"), replace(one, source=None) if open_source else one)
    for path in mapped.where:
        yield place.at(f"where.{text_of_path(path)}"), path
    if mapped.key is not None:
        yield place.at("key"), mapped.key
    if mapped.deleted is not None:
        yield place.at("deleted"), mapped.deleted.field
    if mapped.parent is not None:
        for one in mapped.parent.fields if not (chosen and mapped.parent.by_name) else ():
            yield from _paths_of_field(place.at(f"parent.{one.name}"), one)
        for path in mapped.parent.match:
            yield place.at("parent.match"), path


def _paths_of_field(declared: Declared, one: FieldMap) -> Iterator[tuple[Declared, Path]]:
    if one.source is not None:
        yield declared, one.source
    for path in one.write or ():
        yield declared.at("write"), path
