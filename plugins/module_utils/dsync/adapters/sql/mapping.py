# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether a mapping fits the tables of a database, and what their foreign keys say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..._util.suggestions import known
from ...model.declaration import Unique
from ...records.declaration_reader import Declared
from ...records.mapping import FieldMap, ModelMap, Record
from ...records.path import Path, text_of_path
from .tables import Relation

if TYPE_CHECKING:
    from sqlalchemy import Column


def check_mapping(mapped: ModelMap, relation: Relation) -> None:
    """Raise DefinitionError where a mapping names a column that is not there."""
    place = mapped.place.place.removesuffix(".from")
    for name, one in mapped.fields.items():
        _check_field(Declared(None, f"{place}.fields.{name}"), one, relation)
    for path in mapped.where:
        _check_path(Declared(None, f"{place}.where.{text_of_path(path)}"), path, relation)
    if mapped.parent is not None:
        for one in mapped.parent.fields:
            _check_field(Declared(None, f"{place}.parent.{one.name}"), one, relation)
        for path in mapped.parent.match:
            _check_path(Declared(None, f"{place}.parent.match"), path, relation)


def unique_of(mapped: ModelMap, relation: Relation) -> Iterator[Unique]:
    """Yield the fields of a model of which the database lets no two rows have the same values, besides the identifiers."""
    fields = {
        one.source[0]: name
        for name, one in mapped.fields.items()
        if one.source is not None and len(one.source) == 1 and one.write is None and one.written
    }
    for columns in dict.fromkeys((relation.key, *relation.uniques)):
        names = tuple(fields[column] for column in columns if column in fields)
        known_ids = set(mapped.model._identifiers) <= set(names)
        if columns and len(names) == len(columns) and not known_ids and columns not in relation.deferred:
            yield Unique(names, may_be_null(mapped, relation, names))


def may_be_null(mapped: ModelMap, relation: Relation, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of some fields that both the model and the database let be null."""
    columns = {name: (mapped.fields[name].source or ("",))[0] for name in names}
    table = relation.rows_of_table.c
    nullable = mapped.model._declaration.nullable
    return tuple(name for name, column in columns.items() if name in nullable and column in table and table[column].nullable)


def _check_field(declared: Declared, one: FieldMap, relation: Relation) -> None:
    if one.source is not None:
        _check_path(declared, one.source, relation)
    for path in one.write or ():
        _check_path(declared.at("write"), path, relation)


def _check_path(declared: Declared, path: Path, relation: Relation) -> None:
    if path[0] not in relation.columns:
        declared.wrong(f'{relation.title} has no column "{path[0]}"{known(path[0], relation.columns)}.')
    if len(path) > 1 and relation.table is not None and not _has_parts(relation.table.c[path[0]]):
        declared.wrong(f'the column "{path[0]}" of {relation.title} is no JSON, so there is no "{text_of_path(path)}" in it.')


def _has_parts(column: Column[Any]) -> bool:
    import sqlalchemy as sa

    return isinstance(column.type, (sa.JSON, sa.ARRAY, sa.types.NullType))


def check_match(mapped: ModelMap, above: Relation) -> None:
    """Raise DefinitionError where a mapping matches a child with a column that its parent has not."""
    declared = Declared(None, f"{mapped.place.place.removesuffix('.from')}.parent.match")
    for path in (mapped.parent.match if mapped.parent else {}).values():
        _check_path(declared, path, above)


def matching(mapped: ModelMap, relation: Relation, above: Relation) -> dict[Path, Path]:
    """Return column of a child → column of its parent, as the foreign key tells; empty where there is none.

    Raises:
        DefinitionError: there are several.
    """
    if above.table is None:
        return {}
    there = [one for one in relation.references if (one.schema, one.table) == (above.schema, above.table.name)]
    if len(there) > 1:
        columns = " and ".join(", ".join(one.columns) for one in there)
        example = "{match: {" + f"{there[0].columns[0]}: {there[0].referred[0]}" + "}}"
        Declared(None, f"{mapped.place.place.removesuffix('.from')}.parent").wrong(
            f'{relation.title} has several foreign keys to {above.title} ({columns}); say which, with "parent: {example}".'
        )
    return {(mine,): (theirs,) for one in there for mine, theirs in zip(one.columns, one.referred)}


def described(relation: Relation, record: Record, columns: Sequence[str]) -> str:
    """Return which row a record is, by the values of some columns."""
    values = ", ".join(f"{name}: {record[name]}" for name in columns if name in record)
    return f"{relation.title} ({values})" if values else relation.title
