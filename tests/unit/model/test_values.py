# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""When two values count as the same, and what an annotation says about that."""

# ruff: noqa: UP006, UP007, UP035, UP045 - the older ways of writing a type are tested as well

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Annotated, Any, Dict, List, Literal, NewType, Optional, Union

import pytest
from dsync.model.values import leaf_types, mixes_strings, needs_exact, same_value
from pydantic import BaseModel

NAN = float("nan")


class Letter(enum.Enum):
    A = "a"


class Digit(enum.Enum):
    ONE = 1
    A = "a"


@pytest.mark.parametrize(
    ("left", "right", "loose", "exact"),
    [
        (1, 1, True, True),
        (1, 2, False, False),
        (1, True, True, False),
        (0, False, True, False),
        (True, True, True, True),
        (1, 1.0, True, True),
        (1.0, True, True, False),
        (Decimal("1.0"), 1, True, True),
        (NAN, float("nan"), True, True),
        ([NAN], [float("nan")], True, True),
        (Decimal("nan"), Decimal("nan"), True, True),
        (NAN, 1.0, False, False),
        ([1, [True]], [1, [1]], True, False),
        ({"a": [1]}, {"a": [True]}, True, False),
        ({"a": 1}, {"b": 1}, False, False),
        ({1: "a"}, {True: "a"}, True, False),
        ({"a": 1}, {"a": 1, "b": 2}, False, False),
        ((1,), (True,), True, False),
        ([1], (1,), False, False),
        ([1], [1, 1], False, False),
        ({1, 2}, {True, 2}, True, False),
        ({True}, {True}, True, True),
        (frozenset({1}), {1}, True, True),
        (None, "None", False, False),
        ("1", 1, False, False),
        ([[]], [[]], True, True),
    ],
)
def test_same_value(left: Any, right: Any, loose: bool, exact: bool) -> None:
    for one, other in ((left, right), (right, left)):
        assert same_value(one, other) is loose
        assert same_value(one, other, exact=True) is exact


@pytest.mark.parametrize(
    ("annotation", "exact", "mixed"),
    [
        (str, False, False),
        (int, False, False),
        (bool, False, False),
        (float, False, False),
        (Any, True, True),
        (object, True, True),
        (list, True, True),
        (dict, True, True),
        (List, True, True),
        (Dict, True, True),
        (list[str], False, False),
        (list[Any], True, True),
        (dict[str, Any], True, True),
        (tuple[int, ...], False, False),
        (Optional[str], False, True),
        (Optional[int], False, False),
        (Union[int, bool], True, False),
        (int | bool | None, True, False),
        (Union[int, str], False, True),
        (Annotated[Optional[str], "x"], False, True),
        (Literal["a", "b"], False, False),
        (Literal[1, "1"], False, True),
        (Literal[1, True], True, False),
        (Letter, False, False),
        (Digit, False, True),
        (Optional[Letter], False, True),
        (NewType("Name", str), False, False),
        (NewType("Maybe", Optional[str]), False, True),
        (BaseModel, False, False),
    ],
    ids=str,
)
def test_what_an_annotation_says(annotation: Any, exact: bool, mixed: bool) -> None:
    assert needs_exact(annotation) is exact
    assert mixes_strings(annotation) is mixed


def test_leaf_types() -> None:
    assert list(leaf_types(Optional[dict[str, list[int]]])) == [str, int, type(None)]
