# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Has a database compare two of its own tables, so that only the rows that differ are read.

It is a filter, not a judge: rows are left out only if every value that a mapping reads is the same in both, and of the same type.
The objects of all other rows are loaded and compared as always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ...model.values import members_of
from ...records.mapping import FieldMap, ModelMap
from ...records.path import MISSING, text_of_path
from .tables import Relation

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

    KindOf: TypeAlias = Callable[[str, Relation, FieldMap], "str | None"]
    """Returns what a column holds; the same for columns that can be compared, None if it is not sure."""

_PER_STATEMENT = 500
"""How many rows are asked for in one statement."""

FEW = 10_000
"""So many rows are read one by one even if they are most of a table."""

MOST = 0.25
"""The share of a table's rows above which the whole table is read, since that is faster."""

_NETWORK = frozenset({"INET", "CIDR", "MACADDR", "MACADDR8"})


class Place(NamedTuple):
    """Where a side has the rows of a model.

    Attributes:
        mapped: how they are mapped.
        relation: what they are in.
    """

    mapped: ModelMap
    relation: Relation


class Rows(NamedTuple):
    """The rows of a model that a side has to read.

    Attributes:
        columns: those that hold the identifiers.
        keys: their values, row by row.
        equal: the number of all other rows, which are the same on both sides.
    """

    columns: tuple[str, ...]
    keys: list[tuple[Any, ...]]
    equal: int

    def clauses(self, relation: Relation) -> Iterator[ColumnElement[bool]]:
        """Yield conditions that together find the rows."""
        import sqlalchemy as sa

        columns = [relation.rows_of_table.c[name] for name in self.columns]
        for start in range(0, len(self.keys), _PER_STATEMENT):
            keys = self.keys[start : start + _PER_STATEMENT]
            if len(columns) == 1:
                yield columns[0].in_([key[0] for key in keys])
            else:
                yield sa.tuple_(*columns).in_(keys)


# ---------------------------------------------------------------------- whether it can be done


def obstacle(kind_of: KindOf, source: tuple[str, Place], target: tuple[str, Place]) -> str:
    """Return why databases cannot compare the rows of a model; empty if they can.

    Args:
        kind_of: returns what a column holds, the same if the columns can be compared; None if it is not sure.
        source: SQLAlchemy's name of the kind of database, and where the source has the rows.
        target: the same of the target.
    """
    return next(filter(None, _obstacles(kind_of, source, target)), "")


def _obstacles(kind_of: KindOf, source: tuple[str, Place], target: tuple[str, Place]) -> Iterator[str]:
    declaration = target[1].mapped.model._declaration
    if declaration.match:
        yield "the model has match keys"
    if declaration.comparisons.keys() & set(declaration.identifiers):
        yield "an identifier is compared otherwise than by its value"
    for dialect, (mapped, relation) in (source, target):
        if relation.table is None:
            yield f"{relation.title} is read-only and not a table or view"
            return
        if mapped.keep or mapped.drop:
            yield "the mapping has keep or drop"
        if mapped.deleted is not None:
            yield "the mapping has deleted"
        conditions = [(path, value) for path, values in mapped.where.items() for value in values]
        text = dialect in ("mysql", "mariadb") and any(isinstance(value, str) for _path, value in conditions)
        if text or not all(relation.asks(path, value) for path, value in conditions):
            yield "the condition in where cannot be checked by the database"
    for name in target[1].mapped.fields:
        yield _field_obstacle(kind_of, name, source, target)
    for _dialect, place in (source, target):
        if not _distinguishes(place):
            columns = ", ".join(columns_of_attributes(place, declaration.identifiers))
            yield f"{place.relation.title} has no unique key over {columns} without null"


def _field_obstacle(kind_of: KindOf, name: str, source: tuple[str, Place], target: tuple[str, Place]) -> str:
    one, other = source[1].mapped.fields[name], target[1].mapped.fields[name]
    if not (is_plain(one) and is_plain(other)):
        return f"{name} is not the value of a column as it is"
    if one.default is not other.default and one.default != other.default:
        return f"{name} has different defaults on both sides"
    kinds = {kind_of(dialect, place.relation, field) for (dialect, place), field in ((source, one), (target, other))}
    if len(kinds) > 1 or None in kinds:
        return f"the columns of {name} are of types that cannot be compared exactly"
    members = set(members_of(target[1].mapped.model.model_fields[name].annotation))
    kind = next(iter(kinds))
    if kind in ("text", "padded text") and bool in members:
        return f"{name} is a boolean in a text column"
    if str(kind).startswith(("decimal", "any")) and members & {str, Any, object}:
        return f"{name} is a number in a text column"
    return ""


def is_plain(field: FieldMap) -> bool:
    """Return whether an attribute is the value of a column as it is."""
    return (
        field.source is not None
        and len(field.source) == 1
        and field.constant is MISSING
        and not field.lookups
        and not field.implied
    )


def kind_in_one_database(dialect: str, relation: Relation, field: FieldMap) -> str | None:
    """Return what a column holds; None if it may not be comparable, or two values that the database finds equal may be read as
    different ones."""
    import sqlalchemy as sa

    name = (field.source or ("",))[0]
    column = relation.rows_of_table.c.get(name)
    kind = None if column is None else column.type
    if isinstance(kind, (sa.Enum, sa.JSON, sa.ARRAY, sa.types.TypeDecorator)):
        return None
    if type(kind).__name__ in _NETWORK:
        return type(kind).__name__
    if isinstance(kind, sa.DateTime):
        return "moment" if kind.timezone else "time of day and date"
    if isinstance(kind, sa.String):
        return "padded text" if name in relation.padded else "text"
    names: dict[Any, str] = {
        sa.Integer: "integer",
        sa.Boolean: "boolean",
        sa.Date: "date",
        sa.Time: "time",
        sa.Numeric: "decimal",
        sa.Float: "decimal",
        sa.LargeBinary: "bytes",
        sa.Uuid: "uuid",
    }
    found = next((text for cls, text in names.items() if isinstance(kind, cls)), None)
    return "any" if found is None and dialect == "sqlite" and isinstance(kind, sa.types.NullType) else found


def columns_of_attributes(place: Place, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of some attributes."""
    return tuple(text_of_path(place.mapped.fields[name].source or ()) for name in names)


def _distinguishes(place: Place) -> bool:
    """Return whether the database ensures that no two rows have the same identifiers, and that none of them is null."""
    relation = place.relation
    wanted = set(columns_of_attributes(place, place.mapped.model._identifiers))
    keys = [relation.key, *(key for key in relation.uniques if not relation.rules.get(key))]
    found = any(key and set(key) <= wanted for key in keys)
    return found and not any(relation.rows_of_table.c[name].nullable for name in wanted)


# ---------------------------------------------------------------------- the comparison


def different_rows(connection: Connection, source: Place, target: Place) -> tuple[Rows, Rows] | None:
    """Have the database compare the rows of a model, and return those that source and target have to read.

    Args:
        connection: to the database.
        source: where the source has the rows; nothing prevents it, see :func:`obstacle`.
        target: where the target has them.

    Returns:
        The rows; None if so many differ that reading everything is faster.

    Raises:
        SQLAlchemyError: the database refuses, for example since it cannot compare the columns' collations.
    """
    names = target.mapped.model._identifiers
    numbers = [_count(connection, place) for place in (source, target)]
    most = max(FEW, int(MOST * max(numbers)))
    found: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]] = ([], [])
    joined, alone = _statements(connection.dialect.name, source, target)
    _collect(connection, joined.limit(most + 1), found)
    matched = numbers[0] - (len(found[0]) - len(found[1]))
    if len(found[0]) <= most and matched != numbers[1]:  # the target has rows that the source has not
        _collect(connection, alone.limit(most + 1), found)
    if max(map(len, found)) > most:
        return None
    equal = [number - len(keys) for number, keys in zip(numbers, found)]
    if equal[0] != equal[1]:
        return None  # rows of one side are the same as several of the other, as collations see it
    one, other = (Rows(columns_of_attributes(place, names), keys, equal[0]) for place, keys in zip((source, target), found))
    return one, other


def chosen_rows(dialect: str, place: Place, columns: Sequence[str]) -> Select[Any]:
    """Return the statement that reads columns of the rows that are a model's, where strings are compared exactly."""
    import sqlalchemy as sa

    collation = {"postgresql": "C", "sqlite": "BINARY"}.get(dialect)
    mapped, relation = place
    exact = [
        sa.collate(relation.rows_of_table.c[path[0]], collation).in_(values)
        for path, values in mapped.where.items()
        if collation is not None and values and all(isinstance(value, str) for value in values)
    ]
    return relation.select(mapped.where, set(columns), sa.and_(*exact) if exact else None).order_by(None)


def _collect(connection: Connection, statement: Select[Any], found: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]) -> None:
    """Add the identifiers that a statement finds: the source's, then the target's; null where one has no such row."""
    for row in connection.execute(statement):
        half = len(row) // 2
        for keys, key in zip(found, (tuple(row[:half]), tuple(row[half:]))):
            if None not in key:
                keys.append(key)


def _count(connection: Connection, place: Place) -> int:
    import sqlalchemy as sa

    chosen = chosen_rows(connection.dialect.name, place, place.relation.key).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(chosen)).scalar_one())


def _statements(dialect: str, source: Place, target: Place) -> tuple[Select[Any], Select[Any]]:
    """Return two statements that find the identifiers of rows, the source's, then the target's: of those of the source that differ
    or that the target has not, and of those that only the target has.

    One outer join of both would do; PostgreSQL divides the work of a left one among several processes.
    """
    import sqlalchemy as sa

    names = list(target.mapped.fields)
    mine, theirs = (columns_of_attributes(place, names) for place in (source, target))
    one = chosen_rows(dialect, source, mine).subquery("one")
    other = chosen_rows(dialect, target, theirs).subquery("other")
    pairs = [(one.c[name], other.c[same]) for name, same in zip(mine, theirs, strict=True)]
    keys = [pairs[names.index(name)] for name in target.mapped.model._identifiers]
    same_key = sa.and_(*(_key(dialect, first) == _key(dialect, second) for first, second in keys))
    differs = sa.or_(*(clause for first, second in pairs for clause in _differing(dialect, first, second)))
    columns = [*(first for first, _second in keys), *(second for _first, second in keys)]
    joined = sa.select(*columns).select_from(one.outerjoin(other, same_key)).where(differs)
    alone = sa.select(*columns).select_from(other.outerjoin(one, same_key)).where(keys[0][0].is_(None))
    return joined, alone


def _key(dialect: str, column: Any) -> Any:
    """Return a column as rows are joined by it: SQLite joins by the collation of the first one, which may not be the other's."""
    import sqlalchemy as sa

    return sa.collate(column, "BINARY") if dialect == "sqlite" and isinstance(column.type, sa.String) else column


def _differing(dialect: str, mine: Any, theirs: Any) -> Iterator[ColumnElement[bool]]:
    """Yield conditions of which one is true if two columns are not exactly the same."""
    import sqlalchemy as sa

    is_text = isinstance(mine.type, sa.String)
    if dialect == "sqlite":
        yield sa.func.typeof(mine) != sa.func.typeof(theirs)
        yield _key(dialect, mine).is_distinct_from(_key(dialect, theirs))
    elif is_text and dialect == "postgresql":
        yield sa.collate(mine, "C").is_distinct_from(sa.collate(theirs, "C"))
    elif is_text:  # as characters, since the columns may be encoded differently, and as bytes, since collations ignore differences
        yield mine.is_distinct_from(theirs)
        yield sa.cast(mine, sa.LargeBinary).is_distinct_from(sa.cast(theirs, sa.LargeBinary))
    else:
        yield mine.is_distinct_from(theirs)
        if dialect == "postgresql" and isinstance(mine.type, (sa.Numeric, sa.Float)):
            yield mine == sa.cast(sa.literal(Decimal("NaN")), mine.type)  # which is equal only to the database
