# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether a mapping fits the tables of a database, and what their foreign keys say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..._util.suggestions import known
from ...model.declaration import Unique
from ...records.declaration_reader import Declared
from ...records.mapping import FieldMap, ModelMap, Record, Values
from ...records.path import Path, read, text_of_path
from ...records.types import Zone, zone_in
from ..core.lookups import BoundLookup
from .collations import Spelling
from .tables import Relation, Rule

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


def unique_of(mapped: ModelMap, relation: Relation, whole: bool) -> Iterator[Unique]:
    """Yield the fields of a model of which the database lets no two rows have the same values, besides the identifiers.

    Args:
        mapped: the model.
        relation: what its rows are in.
        whole: whether all changes are one transaction, so that what is checked at its end needs no order.
    """
    fields = {
        one.source[0]: name
        for name, one in mapped.fields.items()
        if one.source is not None and len(one.source) == 1 and one.write is None and one.written
    }
    for columns in dict.fromkeys((relation.key, *relation.uniques)):
        names = tuple(fields[column] for column in columns if column in fields)
        known_ids = set(mapped.model._identifiers) <= set(names)
        rule = relation.rules.get(columns, Rule())
        if columns and len(names) == len(columns) and not known_ids and not (whole and rule.deferred):
            yield Unique(names, () if rule.null_counts else may_be_null(mapped, relation, names), rule.null_counts)


def spellings_of(mapped: ModelMap, relation: Relation, of_model: Callable[[str], Mapping[str, Spelling]]) -> dict[str, Spelling]:
    """Return identifier → how the database compares it, where it takes several spellings of one for the same.

    Args:
        mapped: the model.
        relation: what its rows are in.
        of_model: returns the same for a model whose identifiers this one has, too.
    """
    fields = [mapped.fields[name] for name in mapped.model._identifiers]
    columns = {one.source[0]: one.name for one in fields if one.source is not None and len(one.source) == 1 and one.write is None}
    above = {column for reference in relation.references for column in reference.columns}
    if mapped.parent is not None:
        above |= {path[0] for path in (*mapped.parent.match, *(one.source for one in mapped.parent.fields)) if path}
    key = next((key for key in relation.loose if set(key) <= {*columns, *above}), {})
    own = {columns[column]: spelling for column, spelling in key.items() if spelling is not None and column in columns}
    return {**dict(_inherited(fields, of_model)), **own} if own else {}


def _inherited(fields: Iterable[FieldMap], of_model: Callable[[str], Mapping[str, Spelling]]) -> Iterator[tuple[str, Spelling]]:
    """Yield identifiers that are those of another model, by which they are looked up."""
    for one in fields:
        for lookup in one.lookups if len(one.lookups) == 1 else ():
            there = of_model(lookup.model) if isinstance(lookup, BoundLookup) and lookup.model is not None else {}
            if len(there) == 1:
                yield one.name, next(iter(there.values()))


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


def with_key(mapped: ModelMap, relation: Relation) -> Relation:
    """Return a relation whose rows are found by the column that the mapping names, if it names one. Raises DefinitionError."""
    if mapped.key is None:
        return relation
    declared = Declared(text_of_path(mapped.key), f"{mapped.place.place.removesuffix('.from')}.key")
    _check_path(declared, mapped.key, relation)
    if len(mapped.key) > 1:
        declared.wrong("this should be the name of one column.")
    if relation.table is None:
        declared.wrong("a query is only read, so its rows need no key; leave it out.")
    return replace(relation, key=mapped.key)


def check_key(mapped: ModelMap, relation: Relation, rows: Sequence[Record]) -> None:
    """Raise DefinitionError where the column that the mapping names as the key does not tell rows apart."""
    values = [relation.key_of(row) for row in rows]
    twice = next((value for value, number in Counter(values).items() if number > 1), None)
    if twice is not None:
        Declared(None, f"{mapped.place.place.removesuffix('.from')}.key").wrong(
            f'several rows of {relation.title} have the same value in "{relation.key[0]}", so it does not tell them apart.'
        )


def generated_fields(mapped: ModelMap, relation: Relation) -> list[str]:
    """Return the attributes that are in columns to which the database alone gives values, and that would be written."""
    return [
        name
        for name, field in mapped.fields.items()
        if field.written and name in mapped.model._attributes and relation.generated and _is_in(field, relation.generated)
    ]


def _is_in(field: FieldMap, columns: Collection[str]) -> bool:
    return field.write is None and field.source is not None and field.source[0] in columns


def columns_of(mapped: ModelMap, relation: Relation, others: Iterable[Path]) -> set[str]:
    """Return the columns of a model's rows that anything is read from; none where that may be any.

    Args:
        mapped: the model.
        relation: what its rows are in.
        others: what other models read of the rows.
    """
    fields = [*mapped.fields.values(), *(mapped.parent.fields if mapped.parent else ())]
    if mapped.keep or mapped.drop or any(field.expression for field in fields):
        return set()
    paths = [field.source for field in fields if field.source is not None]
    paths += [path for field in fields for path in field.write or ()]
    paths += [*mapped.where, *(mapped.parent.match if mapped.parent else ()), *others]
    mine = [column for one in relation.references for column in one.columns] if mapped.parent is None else []
    return {*relation.key, *mine, *(path[0] for path in paths)}


def equal_row(mapped: ModelMap, values: Values, rows: Iterable[Record]) -> str:
    """Return a sentence where a database finds a new row equal to one that is there but for case, or for blanks at its end."""
    sources = {name: field.source for name in mapped.model._identifiers if (field := mapped.fields[name]).source in values}
    named = {name: values[path] for name, path in sources.items() if path is not None and isinstance(values[path], str)}
    folded = {name: text.casefold().rstrip() for name, text in named.items()}
    for row in rows if named else ():
        there = {name: read(row, sources[name] or ()) for name in named}
        if any(not isinstance(text, str) or text.casefold().rstrip() != folded[name] for name, text in there.items()):
            continue
        name = next((name for name, text in there.items() if text != named[name]), None)
        if name is not None:
            same = named[name].rstrip() == there[name].rstrip()
            how = "stripped" if same else "case_insensitive"
            return (
                f'"{named[name]}" and "{there[name]}", which is there, are equal to the database; declare "compare: {how}" for '
                f"the identifier {name} of {mapped.name}, so that they are one object"
            )
    return ""


def zones_of(mapped: ModelMap) -> dict[Path, Zone]:
    """Return column → the time zone that is declared for its attribute."""
    fields = ((one.source, zone_in(mapped.model.model_fields[name].metadata)) for name, one in mapped.fields.items())
    return {source: zone for source, zone in fields if source is not None and zone is not None}


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
