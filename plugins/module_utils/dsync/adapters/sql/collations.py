# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How a database compares the strings in unique columns: which spellings of a key it takes for the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

Spelling = Callable[[str], str]
"""Returns one string for all strings that a column takes for the same."""

Key = Mapping[str, "Spelling | None"]
"""Each column of a unique key → its spelling; None where strings are compared as they are."""

_MYSQL = (
    "SELECT column_name, collation_name FROM information_schema.columns "
    "WHERE table_schema = COALESCE(:place, DATABASE()) AND table_name = :named AND collation_name IS NOT NULL"
)
_POSTGRESQL = (
    "SELECT a.attname, t.typname, CASE WHEN to_jsonb(c) ->> 'collisdeterministic' = 'false' "
    "THEN COALESCE(to_jsonb(c) ->> 'colliculocale', to_jsonb(c) ->> 'colllocale') END "
    "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation c ON c.oid = a.attcollation "
    "WHERE a.attrelid = CAST(:named AS regclass) AND a.attnum > 0 AND NOT a.attisdropped"
)
_LOWERED = re.compile(r"(?:lower|upper)\(\(?\"?(\w+?)\"?\)?(?:::text)?\)", re.IGNORECASE)
"""The expression of an index that is unique without regard to case."""


def loose_keys(connection: Connection, table: Table, uniques: Iterable[tuple[str, ...]]) -> tuple[Key, ...]:
    """Return the unique keys of a table in which the database takes several strings for the same.

    What is equal by these rules is equal to the database, which may find more strings equal.

    Args:
        connection: where it is queried.
        table: the table.
        uniques: the columns of its unique keys.
    """
    dialect = connection.dialect.name
    if dialect == "sqlite":
        found = _of_sqlite(connection, table)
    else:
        spellings = dict((_of_postgresql if dialect == "postgresql" else _of_mysql)(connection, table))
        found = ({name: spellings.get(name) for name in columns} for columns in uniques)
    return tuple(key for key in found if any(key.values()))


def lowered_key(expressions: Iterable[str]) -> Key | None:
    """Return the unique key that an index over columns, and over such in lower or upper case, is; None where it is another one."""
    key: dict[str, Spelling | None] = {}
    for expression in expressions:
        found = _LOWERED.fullmatch(expression)
        if found is None and not expression.isidentifier():
            return None
        key[expression if found is None else found[1]] = None if found is None else str.lower
    return key


# ---------------------------------------------------------------------- SQLite


def _of_sqlite(connection: Connection, table: Table) -> Iterator[Key]:
    """Yield the unique indexes, which have collations of their own."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    schema = "" if table.schema is None else f"{quote(table.schema)}."
    for _number, name, unique, _origin, partial in connection.exec_driver_sql(
        f"PRAGMA {schema}index_list({quote(table.name)})"
    ).all():
        if not unique or partial:
            continue
        parts = connection.exec_driver_sql(f"PRAGMA {schema}index_xinfo({quote(name)})").all()
        key = {column: _SQLITE.get(str(collation).upper()) for _at, _id, column, _down, collation, is_key in parts if is_key}
        if None not in key:
            yield key


def _ascii_lower(text: str) -> str:
    return text.translate(_TO_LOWER)


_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _unpadded(text: str) -> str:
    return text.rstrip(" ")


_SQLITE: dict[str, Spelling] = {"NOCASE": _ascii_lower, "RTRIM": _unpadded}


# ---------------------------------------------------------------------- PostgreSQL


def _of_postgresql(connection: Connection, table: Table) -> Iterator[tuple[str, Spelling]]:
    import sqlalchemy as sa

    quoted = connection.dialect.identifier_preparer.format_table(table)
    for name, kind, locale in connection.execute(sa.text(_POSTGRESQL), {"named": quoted}):
        if kind == "citext":
            yield name, str.lower
        elif kind == "bpchar":
            yield name, _unpadded
        elif locale is not None and locale.lower().endswith(("ks-level1", "colstrength=primary")):
            yield name, _bare
        elif locale is not None and locale.lower().endswith(("ks-level2", "colstrength=secondary")):
            yield name, _folded


# ---------------------------------------------------------------------- MariaDB, MySQL


def _of_mysql(connection: Connection, table: Table) -> Iterator[tuple[str, Spelling]]:
    import sqlalchemy as sa

    for name, collation in connection.execute(sa.text(_MYSQL), {"place": table.schema, "named": table.name}):
        spelling = _mysql_spelling(collation.lower())
        if spelling is not None:
            yield name, spelling


def _mysql_spelling(collation: str) -> Spelling | None:
    """Return how a collation compares, as its name says it; None where it compares strings as they are."""
    padded = "nopad" not in collation and "_0900_" not in collation and collation != "binary"
    if not collation.endswith("_ci"):
        return _unpadded if padded else None
    case = _bare if _WITHOUT_ACCENTS.fullmatch(collation) else _folded
    return _both(case) if padded else case


_WITHOUT_ACCENTS = re.compile(
    r"(?:utf8(?:mb[34])?|ucs2|utf16(?:le)?|utf32)_(?:general|unicode|unicode_520|0900_ai|uca1400(?:_nopad)?_ai)(?:_nopad)?_ci"
)
"""Matches collations that are not of a language, and for which é is e."""


def _both(case: Spelling) -> Spelling:
    return lambda text: case(_unpadded(text))


# ---------------------------------------------------------------------- case and accents


def _folded(text: str) -> str:
    """Return a string in lower case, as composed characters."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).lower()


def _bare(text: str) -> str:
    """Return a string in lower case and without accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", text)
    return "".join(character for character in parts if not unicodedata.combining(character)).lower()
