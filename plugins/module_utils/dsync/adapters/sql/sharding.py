# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Has a database select the rows that belong to a shard, by the digest of the column that identifies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...dataset.shard import HASH_DIGITS, Shard, hash_of
from ...exceptions import RecordProblem
from ...model.values import members_of
from ...records.mapping import ModelMap
from ...records.path import MISSING
from .push_down import is_plain
from .tables import Relation

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

FUNCTION = "dsync_hash"
"""The name under which a connection to SQLite has :func:`hash_of_cell`."""

_PER_STATEMENT = 500
"""How many rows are asked for by name in one statement."""


def hash_of_cell(cell: Any) -> int:
    """Return the number of a cell of SQLite that decides to which shard its row belongs."""
    return hash_of(_cell(cell))


def identifying_column(mapped: ModelMap, relation: Relation) -> str:
    """Return the column whose strings are the unique ids of a model's objects; empty if there is none."""
    import sqlalchemy as sa

    declaration = mapped.model._declaration
    if relation.table is None or len(declaration.identifiers) != 1 or mapped.key is not None:
        return ""
    name = declaration.identifiers[0]
    field = mapped.fields[name]
    if mapped.model.overrides("create_unique_id") or mapped.model.overrides("get_unique_id") or name in declaration.comparisons:
        return ""
    if not is_plain(field) or field.default is not MISSING or mapped.model.model_fields[name].annotation is not str:
        return ""
    column = (field.source or ("",))[0]
    kind = relation.rows_of_table.c[column].type
    is_text = isinstance(kind, sa.String) and not isinstance(kind, sa.Enum)
    return column if is_text and column not in relation.padded else ""


def is_divisible(mapped: ModelMap, relation: Relation) -> bool:
    """Return whether writing a model needs no other rows than those to be written: no column shows which words it has for true and
    false, and no rows are marked as deleted."""
    if relation.table is None or mapped.deleted is not None:
        return False
    fields = ((mapped.model.model_fields[name], one) for name, one in mapped.fields.items() if one.source is not None)
    return not any(
        bool in members_of(info.annotation) and one.source[0] in relation.rows_of_table.c and relation.holds_strings(one.source[0])
        for info, one in fields
        if one.source is not None
    )


def rows_of_shard(
    dialect: str,
    mapped: ModelMap,
    relation: Relation,
    shard: Shard,
    rows_where: Callable[[ColumnElement[bool]], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Return the rows of a shard.

    Args:
        dialect: SQLAlchemy's name of the kind of database.
        mapped: a model that has an :func:`identifying_column`.
        relation: what its rows are in.
        shard: the part of the dataset to load.
        rows_where: returns the rows that meet a condition.

    Raises:
        RecordProblem: the database selects other rows than this process does.
    """
    name = identifying_column(mapped, relation)
    column = relation.rows_of_table.c[name]
    if shard.tops is None:
        found = rows_where(_hash(dialect, column) % shard.of == shard.number)
        if len(shard.places(mapped.name, [_cell(row[name]) for row in found])) != len(found):
            raise RecordProblem(
                f"{relation.title}: the database computes other digests of {name} than this process does, so it cannot be read in "
                "shards; compare it without shards"
            )
        return found
    uids = sorted(top.id for top in shard.tops if top.model == mapped.name and shard.holds(top))
    found = []
    for start in range(0, len(uids), _PER_STATEMENT):
        wanted = uids[start : start + _PER_STATEMENT]
        found += [row for row in rows_where(column.in_(wanted)) if _cell(row[name]) in wanted]  # collations find others as well
    return found


def _cell(value: Any) -> str:
    """Return a cell as the string whose digest counts."""
    return "" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _hash(dialect: str, column: Any) -> ColumnElement[int]:
    """Return the number that decides to which shard a row belongs, as :func:`.dataset.shard.hash_of` does."""
    import sqlalchemy as sa

    cell = sa.func.coalesce(column, "")
    if dialect == "sqlite":
        return sa.func.dsync_hash(cell, type_=sa.Integer)
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import BIT

        digest = sa.func.encode(sa.func.sha256(sa.func.convert_to(cell, "UTF8")), "hex", type_=sa.Text)
        digits = sa.literal("x") + sa.func.substr(digest, 1, HASH_DIGITS)
        return sa.cast(sa.cast(digits, BIT(4 * HASH_DIGITS)), sa.Integer)
    from sqlalchemy.dialects.mysql import CHAR

    digest = sa.func.sha2(sa.cast(cell, CHAR(charset="utf8mb4")), 256)
    return sa.cast(sa.func.conv(sa.func.substr(digest, 1, HASH_DIGITS), 16, 10), sa.Integer)
