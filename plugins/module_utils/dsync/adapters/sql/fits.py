# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What the columns of a table take, and the forms that values need for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ...exceptions import RecordProblem
from ...records.mapping import plain_value
from ...records.written import WrittenFloat, json_dumps

if TYPE_CHECKING:
    from sqlalchemy import Column

Fit = Callable[[Any], Any]
"""Returns a value as the driver takes it for a column. Raises RecordProblem."""


def fit_for(title: str, column: Column[Any]) -> Fit:
    """Return what makes values fit a column."""
    import sqlalchemy as sa
    from sqlalchemy.dialects.mysql import SET

    kind = column.type
    if isinstance(kind, sa.JSON):
        return lambda value: plain_value(value, (WrittenFloat,))
    if isinstance(kind, (sa.ARRAY, SET)):
        return lambda value: value
    loose, rounding = isinstance(kind, _loose_type()), bool(column.info.get(ROUNDING))
    number, text, zoneless = (
        isinstance(kind, sa.Integer) and not loose,
        isinstance(kind, sa.String) and not isinstance(kind, sa.Enum),
        isinstance(kind, sa.DateTime) and not kind.timezone,
    )

    def fit(value: Any) -> Any:
        if text and value.__class__ in (list, dict):
            return json_dumps(plain_value(value, (WrittenFloat,)), ensure_ascii=False)
        if value.__class__ in (list, dict):
            what = "list" if isinstance(value, list) else "dictionary"
            raise RecordProblem(f'the column "{column.name}" of {title} cannot hold a {what}; map it with "expr" and "write"')
        if number and value.__class__ in (int, str):
            return _whole(title, column, value)
        if rounding and isinstance(value, Decimal) and not _is_kept(value):
            raise RecordProblem(
                f'the column "{column.name}" of {title} keeps 15 digits, and the value has more; make it a column of text'
            )
        if (loose or text) and isinstance(value, (datetime, date, time, timedelta, Decimal)):
            return value.isoformat(" ") if isinstance(value, datetime) else plain_value(value)
        if text and value.__class__ in (int, float):
            return str(value)
        if zoneless and isinstance(value, datetime) and value.tzinfo is not None:
            raise RecordProblem(
                f'the column "{column.name}" of {title} keeps no time zone, and the value has one; declare its timezone'
            )
        return value

    return fit


def _whole(title: str, column: Column[Any], value: int | str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise RecordProblem(f'the column "{column.name}" of {title} holds whole numbers, and the value is another string') from None
    if not -_LARGEST <= number < (2 * _LARGEST if getattr(column.type, "unsigned", False) else _LARGEST):
        raise RecordProblem(f'the column "{column.name}" of {title} holds whole numbers of 64 bits, and the value is larger')
    return number


_LARGEST = 2**63
"""What a number of 64 bits with a sign is less than."""

ROUNDING = "dsync rounding"
"""Key in the notes on a column whose numbers SQLite keeps as floats."""


def _is_kept(value: Decimal) -> bool:
    """Return whether SQLite keeps all digits of a number."""
    return not value.is_finite() or Decimal(repr(float(value))) == value or (value == int(value) and abs(value) < 2**63)


def _loose_type() -> type[Any]:
    from sqlalchemy.types import NullType

    return NullType
