# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Has two database servers add up checksums of their rows, so that only groups of rows whose checksums differ are read.

The groups are made by a digest of the identifiers, so neither side has to sort, and collations do not matter. Groups with different
checksums are divided into smaller ones once. Two groups count as the same if they have as many rows and the sums of 120 bits of the
MD5 digests of their rows are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from ...records.mapping import FieldMap
from .push_down import FEW, MOST, Place, chosen_rows, columns_of_attributes
from .tables import Relation

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

DIALECTS = frozenset({"postgresql", "mysql", "mariadb"})
"""Those with an MD5 function; a file of SQLite is read as fast as its checksums."""

_WIDTHS = (2, 4)
"""Lengths of the names of groups in hexadecimal digits: 256 groups, each of which may be divided by 256."""

_PER_STATEMENT = 2000
"""How many groups are asked for in one statement, which has to look at every row."""

_HALF = 15
"""Hexadecimal digits of a checksum that fit into a number of 64 bits."""


class Side(NamedTuple):
    """A side of a comparison.

    Attributes:
        connection: to its database.
        place: where its rows are.
    """

    connection: Connection
    place: Place


class Groups(NamedTuple):
    """The groups of rows that a side has to read.

    Attributes:
        dialect: SQLAlchemy's name of the kind of database.
        columns: those that hold the identifiers, with the kind of each.
        names: of the groups.
        equal: the number of all other rows, which are the same on both sides.
    """

    dialect: str
    columns: tuple[tuple[str, str], ...]
    names: list[str]
    equal: int

    def clauses(self, relation: Relation) -> Iterator[ColumnElement[bool]]:
        """Yield conditions that together find the rows."""
        columns = [(relation.rows_of_table.c[name], kind) for name, kind in self.columns]
        for start in range(0, len(self.names), _PER_STATEMENT):
            names = self.names[start : start + _PER_STATEMENT]
            yield _group(self.dialect, columns, len(names[0])).in_(names)


def kind_of(dialect: str, relation: Relation, field: FieldMap) -> str | None:
    """Return what a column holds, the same on both sides if its values are written as the same strings for the checksum; None if
    that is not sure."""
    return _kind(relation, (field.source or ("",))[0]) if dialect in DIALECTS else None


def _kind(relation: Relation, name: str) -> str | None:
    import sqlalchemy as sa

    column = relation.rows_of_table.c.get(name)
    kind = None if column is None else column.type
    if isinstance(kind, (sa.Enum, sa.types.TypeDecorator)):
        return None
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return None if kind.scale is None else f"decimal with {kind.scale} digits"
    if isinstance(kind, sa.DateTime):
        return "moment" if kind.timezone else "date and time"
    names: dict[Any, str] = {sa.String: "text", sa.Integer: "integer", sa.Boolean: "integer", sa.Date: "date"}
    return next((text for cls, text in names.items() if isinstance(kind, cls)), None)


def different_groups(source: Side, target: Side) -> tuple[Groups, Groups] | None:
    """Have two databases add up checksums, and return the groups of rows that source and target have to read.

    Args:
        source: the source; nothing prevents it, see :func:`.push_down.obstacle` and :func:`kind_of`.
        target: the target.

    Returns:
        The groups; None if so many rows are in them that reading everything is faster.

    Raises:
        SQLAlchemyError: a database refuses.
    """
    names: list[str] = []
    total = differing = 0
    for width in _WIDTHS:
        sums = [_sums(side, width, names) for side in (source, target)]
        names = sorted(name for name in {*sums[0], *sums[1]} if sums[0].get(name) != sums[1].get(name))
        differing = sum(sums[1].get(name, _NOTHING)[0] for name in names)
        if width == _WIDTHS[0]:
            total = sum(count for count, *_sums_there in sums[1].values())
        if not names or total <= FEW:
            break
    if differing > max(FEW, int(MOST * total)):
        return None
    equal, found = total - differing, []
    for side in (source, target):
        columns = tuple(_kinds(side.place, side.place.mapped.model._identifiers))
        found.append(Groups(side.connection.dialect.name, columns, names, equal))
    return found[0], found[1]


_NOTHING = (0, 0, 0)


def _sums(side: Side, width: int, within: Sequence[str]) -> Mapping[str, tuple[int, int, int]]:
    """Return group → number of rows, and the sums of both halves of their checksums; with ``within``, only of those groups."""
    import sqlalchemy as sa

    dialect, mapped = side.connection.dialect.name, side.place.mapped
    kinds = [*_kinds(side.place, [*mapped.fields])]
    rows = chosen_rows(dialect, side.place, [name for name, _kind in kinds]).subquery()
    keys = [(rows.c[name], kind) for name, kind in _kinds(side.place, mapped.model._identifiers)]
    group, digest = _group(dialect, keys, width), _md5(dialect, [(rows.c[name], kind) for name, kind in kinds])
    halves = [_number(dialect, sa.func.substr(digest, start, _HALF)) for start in (1, 1 + _HALF)]
    statement: Any = sa.select(group.label("name"), halves[0].label("first"), halves[1].label("second"))
    found: dict[str, tuple[int, int, int]] = {}
    statements = [statement]
    if within:
        above = _group(dialect, keys, len(within[0]))
        chunks = [within[start : start + _PER_STATEMENT] for start in range(0, len(within), _PER_STATEMENT)]
        statements = [statement.where(above.in_(chunk)) for chunk in chunks]
    for each in statements:
        parts = each.subquery()
        sums = [sa.func.sum(parts.c[half]) for half in ("first", "second")]
        one = sa.select(parts.c.name, sa.func.count(), *sums).group_by(parts.c.name)
        for name, count, first, second in side.connection.execute(one):
            found[name] = (int(count), int(first), int(second))
    return found


def _kinds(place: Place, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield column and kind of some attributes."""
    import sqlalchemy as sa

    for name in columns_of_attributes(place, names):
        boolean = isinstance(place.relation.rows_of_table.c[name].type, sa.Boolean)
        yield name, "boolean" if boolean else str(_kind(place.relation, name))


def _group(dialect: str, columns: Sequence[tuple[Any, str]], width: int) -> ColumnElement[str]:
    import sqlalchemy as sa

    return sa.func.substr(_md5(dialect, columns), 1, width)


def _md5(dialect: str, columns: Sequence[tuple[Any, str]]) -> ColumnElement[str]:
    """Return the digest of columns, as hexadecimal digits, of a string that is the same for the same values only: each value with
    its length, and null as a letter."""
    import sqlalchemy as sa

    whole = reduce(add, (_with_length(_as_string(dialect, column, kind)) for column, kind in columns))
    return sa.func.md5(sa.func.convert_to(whole, "UTF8") if dialect == "postgresql" else whole)


def _with_length(text: ColumnElement[str]) -> ColumnElement[str]:
    import sqlalchemy as sa

    return sa.func.coalesce(sa.cast(sa.func.char_length(text), sa.Text) + ":" + text, "N", type_=sa.Text)


def _as_string(dialect: str, column: Any, kind: str) -> ColumnElement[str]:
    """Return a column as a string, as all kinds of databases write it."""
    import sqlalchemy as sa

    if dialect != "postgresql":
        from sqlalchemy.dialects.mysql import CHAR

        if kind == "date and time":
            column = sa.func.date_format(column, "%Y-%m-%d %H:%i:%s.%f")
        return sa.type_coerce(sa.cast(column, CHAR(charset="utf8mb4")), sa.Text)
    if kind in ("date and time", "moment"):
        local = sa.func.timezone("UTC", column) if kind == "moment" else column
        finite = sa.func.to_char(local, "YYYY-MM-DD HH24:MI:SS.US")
        return sa.case((sa.func.isfinite(column), finite), else_=sa.cast(column, sa.Text))
    if kind == "boolean":
        column = sa.cast(column, sa.Integer)
    return sa.cast(column, sa.Text)


def _number(dialect: str, digits: ColumnElement[str]) -> ColumnElement[int]:
    """Return hexadecimal digits as a number."""
    import sqlalchemy as sa

    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import BIT

        return sa.cast(sa.cast(sa.literal("x") + digits, BIT(4 * _HALF)), sa.BigInteger)
    from sqlalchemy.dialects.mysql import BIGINT

    return sa.cast(sa.func.conv(digits, 16, 10), BIGINT(unsigned=True))
