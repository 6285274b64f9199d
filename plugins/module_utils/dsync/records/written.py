# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Numbers as they are written, of which Python would keep only the value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import uuid4


class WrittenNumber(int):
    """A whole number that a file writes in another way than in plain decimal, such as ``010``, ``0x1F``, ``12:30`` or ``+49``.

    It is that number, and the string of it is what is written: for a string attribute the number is only how the format reads it.

    Attributes:
        written: as in the file.
    """

    written: str

    @classmethod
    def of(cls, value: int, written: str) -> int:
        """Return a number; a plain one where it is written in plain decimal."""
        if str(value) == written:
            return value
        made = cls(value)
        made.written = written
        return made

    def __str__(self) -> str:
        return self.written


class WrittenFloat(float):
    """A number that is written with other digits than those of the nearest float.

    It is the nearest float, and the string of it is what is written: for a decimal attribute no digit is lost.

    Attributes:
        written: as in the file or the column.
    """

    written: str

    @classmethod
    def of(cls, value: float, written: str) -> float:
        """Return a number; a plain one where it is all that is written."""
        try:
            if not isinstance(value, float) or Decimal(written) == Decimal(repr(value)):
                return value
        except InvalidOperation:  # not written as a decimal number, such as .inf
            return value
        made = cls(value)
        made.written = written
        return made

    def __str__(self) -> str:
        return self.written


def json_loads(text: str | bytes, object_of: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of a JSON text, with all digits of its numbers.

    Args:
        text: the text.
        object_of: returns the value of an object with these keys and values; None for a dict, with the last value of each key.

    Raises:
        ValueError: it is not JSON, or ``object_of`` raises it.
    """
    return json.loads(text, object_pairs_hook=object_of, parse_float=_number)


def _number(written: str) -> float:
    value = float(written)
    if repr(value) == written:
        return value
    made = WrittenFloat(value)
    made.written = written
    return made


def json_dumps(value: Any, ensure_ascii: bool = True, allow_nan: bool = True) -> str:
    """Return the JSON text of a value, with all digits of its numbers.

    Raises:
        TypeError: it has none.
        ValueError: it holds NaN or an infinity, and ``allow_nan`` is false.
    """
    mark = uuid4().hex
    text = json.dumps(_marked(value, mark), ensure_ascii=ensure_ascii, allow_nan=allow_nan)
    return re.sub(f'"{mark}([^"]*)"', r"\1", text) if mark in text else text


def _marked(value: Any, mark: str) -> Any:
    """Return a value in which numbers that are written with other digits are strings that begin with a mark."""
    if isinstance(value, WrittenFloat):
        return f"{mark}{value.written}"
    if isinstance(value, Mapping):
        return {key: _marked(item, mark) for key, item in value.items()}
    return [_marked(item, mark) for item in value] if isinstance(value, (list, tuple)) else value
