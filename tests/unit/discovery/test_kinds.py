# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The types that are proposed for values: none that loses something."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from dsync.discovery.kinds import joint_type, kind_of, meaning, own_type, spelling
from dsync.records.written import WrittenNumber


def alone(values: list[Any], name: str = "column") -> str:
    filled = [value for value in values if value is not None and value != ""]
    return own_type(kind_of(filled, name), values)


def both(one: list[Any], two: list[Any], name: str = "column") -> str:
    return joint_type(kind_of(one, name), kind_of(two, name), [*one, *two])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1500", "9000"], "int"),
        (["0", "-4", ""], "int"),
        (["007", "12"], "str"),  # a leading zero would be lost
        (["+49", "12"], "str"),
        (["1.10", "1.20"], "str"),  # as a number 1.10 is 1.1
        (["10115", "20095", "80331"], "str"),  # as many digits each: a code, whose next value may begin with a zero
        (["true", "FALSE"], "bool"),
        (["yes", "no"], "str"),
        (["2026-02-28"], "date"),
        (["2026-02-30"], "str"),
        (["12:30"], "str"),
        (["1" * 25], "str"),
        ([], "str"),
        ([1500, 9000], "int"),
        ([True, False], "bool"),
        ([1, 2.5], "float"),
        ([2.5, 1], "float"),
        ([Decimal("1.5"), 2], "decimal"),
        ([WrittenNumber.of(493, "0755")], "str"),
        ([1, "a"], "str"),
        ([2.5, "a"], "any"),
        ([True, "a"], "any"),
        ([date(2026, 1, 1)], "date"),
        ([datetime(2026, 1, 1)], "datetime"),
        ([["a"], []], "list[str]"),
        ([[], [1]], "list[int]"),
        ([[1, "a"]], "list[any]"),
        ([{"a": 1}], "dict[str, any]"),
    ],
)
def test_a_column_has_the_narrowest_type_that_loses_nothing(values: list[Any], kind: str) -> None:
    assert alone(values) == kind


@pytest.mark.parametrize("name", ["zip", "Serial Number", "asset_tag", "phone", "version"])
def test_columns_that_are_called_like_codes_are_strings(name: str) -> None:
    assert alone(["12", "345"], name) == "str"


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        (["1500", "9000"], [1500], "int"),
        (["10115", "20095", "80331"], [10115], "int"),  # the other side has numbers
        (["yes", "no"], [True], "bool"),
        (["0", "1"], [True], "bool"),
        ([0, 1], [True, False], "bool"),
        (["1.50", "2"], [Decimal("1.5")], "decimal"),
        (["1.50", "2"], [1.5], "float"),
        ([1, 2], [1.5], "float"),
        (["2026-01-01"], [date(2026, 1, 1)], "date"),
        (["2026-01-01T10:00:00Z"], [datetime(2026, 1, 1)], "datetime"),
        (["007", "12"], [7], "str"),
        (["many"], [1500], "str"),
        (["many"], [1.5], "any"),
        (["007"], ["7"], "str"),
        ([], [1500], "int"),
        (["5"], [], "int"),
        ([], [], "str"),
    ],
)
def test_two_columns_have_a_type_that_the_values_of_both_fit(one: list[Any], two: list[Any], kind: str) -> None:
    assert both(one, two) == both(two, one) == kind


def test_the_type_that_a_system_reports_counts_where_there_is_no_value() -> None:
    assert joint_type(kind_of([], "mtu", "int"), kind_of(["1500"], "mtu"), ["1500"]) == "int"
    assert joint_type(kind_of([], "name", "str"), kind_of(["1500"], "name"), ["1500"]) == "str"


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        ("1500", 1500, "int"),
        ("1.50", Decimal("1.5"), "decimal"),
        ("1e2", 100.0, "float"),
        ("Yes", True, "bool"),
        ("0", False, "bool"),
        ("2026-01-01T10:00:00Z", datetime.fromisoformat("2026-01-01T10:00:00+00:00"), "datetime"),
        ("", None, "str"),
        (["b"], ["b"], "list[str]"),
    ],
)
def test_equal_values_of_a_type_are_spelled_alike(one: Any, two: Any, kind: str) -> None:
    assert spelling(one, kind) == spelling(two, kind)


def test_strings_are_equal_by_what_they_mean() -> None:
    assert meaning("AA:BB:CC:00:00:01", ["mac"]) == meaning("aabb.cc00.0001", ["mac"])
    assert meaning("2001:DB8:0::1", ["ip"]) == meaning("2001:db8::1", ["ip"]) != meaning("2001:db8::2", ["ip"])
    assert meaning(" RTR ", ["stripped", "case_insensitive"]) == "rtr"
