# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The one codec of values: what files hold, what is shown and what records hold look alike, in every release of pydantic."""

from __future__ import annotations

import datetime
import enum
import ipaddress
import json
import re
from collections import deque
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from dsync import DSyncModel
from dsync._util.plain_json import Unwritable, displayed, natural, plain, text_of
from dsync.storage.encoding import Fields, from_plain
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl, SecretStr, TypeAdapter

UTC = datetime.timezone.utc
HUGE = 2**20_000


class Colour(enum.Enum):
    RED = "red"
    MANY = 2**20_000


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (datetime.datetime(2026, 3, 1, 10, tzinfo=UTC), "2026-03-01T10:00:00Z"),
        (datetime.datetime(2026, 3, 1, 10, 0, 0, 500), "2026-03-01T10:00:00.000500"),
        (datetime.time(10, tzinfo=UTC), "10:00:00Z"),
        (datetime.date(2026, 3, 1), "2026-03-01"),
        (datetime.timedelta(hours=1), "PT1H"),
        (datetime.timedelta(days=2, minutes=5, microseconds=500_000), "P2DT5M0.5S"),
        (datetime.timedelta(days=-1, hours=23), "-PT1H"),
        (datetime.timedelta(), "PT0S"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (ipaddress.ip_interface("10.0.0.1/24"), "10.0.0.1/24"),
        (ipaddress.ip_network("2001:db8::/32"), "2001:db8::/32"),
        (PurePosixPath("/etc/hosts"), "/etc/hosts"),
        (re.compile("a+"), "a+"),
        (TypeAdapter(AnyUrl).validate_python("HTTP://Example.com/x"), "http://example.com/x"),
        (Colour.RED, "red"),
        (deque([1, (2, 3)]), [1, [2, 3]]),
        ({"b": {1: None}, "a": frozenset({"y", "x"})}, {"a": ["x", "y"], "b": {"1": None}}),
    ],
)
def test_a_value_looks_the_same_everywhere(value: Any, form: Any) -> None:
    assert plain(value) == (form, False)
    assert displayed(value) == form
    assert json.loads(text_of(plain(value)[0])) == form


@pytest.mark.parametrize(
    ("value", "written", "shown"),
    [
        (b"\xff", {"$bytes": "/w=="}, {"$bytes": "/w=="}),
        (HUGE, {"$int": hex(HUGE)}, hex(HUGE)),
        (-HUGE, {"$int": hex(-HUGE)}, hex(-HUGE)),
        (Colour.MANY, {"$int": hex(HUGE)}, hex(HUGE)),
        ({"$int": "ff"}, {"$$int": "ff"}, {"$int": "ff"}),
        (SecretStr("hunter22"), "hunter22", "********"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_has_no_form_for(value: Any, written: Any, shown: Any) -> None:
    assert plain(value)[0] == written
    assert displayed(value) == shown
    assert from_plain(json.loads(text_of(written))) == (
        value.get_secret_value() if isinstance(value, SecretStr) else value.value if isinstance(value, enum.Enum) else value
    )


def test_what_has_no_form_at_all_is_not_written_and_is_shown_as_text() -> None:
    with pytest.raises(Unwritable, match="a Fraction has no JSON form"):
        plain({"a": [Fraction(1, 3)]})
    with pytest.raises(Unwritable, match="a Fraction is no key in JSON"):
        plain({Fraction(1, 3): 1})
    assert displayed({Fraction(1, 3): Fraction(1, 3)}) == {"1/3": "1/3"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({1: "a", "1": "b"}, {"1 (int)": "a", "1": "b"}),
        ({"1": "b", 1: "a"}, {"1": "b", "1 (int)": "a"}),
        ({None: 1, "None": 2, 3: 4}, {"None (NoneType)": 1, "None": 2, "3": 4}),
        ({1: "a", "1": "b", "1 (int)": "c"}, {"1 (int)": "a", "1": "b", "1 (int) (2)": "c"}),
        ({SecretStr("x"): 1, SecretStr("y"): 2}, {"******** (SecretStr)": 1, "******** (SecretStr) (2)": 2}),
        ([{"in": {True: [1], "true": [2]}}], [{"in": {"true (bool)": [1], "true": [2]}}]),
    ],
)
def test_keys_of_a_dict_that_look_the_same_are_all_shown(value: Any, shown: Any) -> None:
    assert json.dumps(displayed(value)) == json.dumps(shown)


class Lasting(DSyncModel):
    _modelname = "lasting"
    _identifiers = ("name",)
    _attributes = ("span", "number", "keys")
    name: str
    span: datetime.timedelta | None = None
    number: int = 0
    keys: dict[int | bool | None, Any] = {}


@given(st.timedeltas())
def test_a_length_of_time_is_read_as_it_was_written(span: datetime.timedelta) -> None:
    assert Fields(Lasting).valid("span", from_plain(plain(span)[0])) == span


@given(st.integers() | st.integers(min_value=2**5000, max_value=2**5001).map(lambda number: -number))
def test_a_number_of_any_length_is_read_as_it_was_written(number: int) -> None:
    assert Fields(Lasting).valid("number", from_plain(json.loads(text_of(plain(number)[0])))) == number


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ({3, 20, 1}, [1, 3, 20]),
        ({"b": {2, 10}, "a": b"raw"}, {"b": [2, 10], "a": "raw"}),
        (datetime.datetime(2026, 3, 1, 10, tzinfo=UTC), "2026-03-01T10:00:00+00:00"),
        (datetime.timedelta(minutes=90), "PT1H30M"),
        (HUGE, HUGE),
        (SecretStr("x"), "x"),
        (Fraction(1, 3), "1/3"),
        ({1: "a"}, {1: "a"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_record_holds(value: Any, held: Any) -> None:
    assert natural(value) == held
    if isinstance(held, dict):
        assert list(natural(value)) == list(held)


def test_a_record_keeps_what_it_can_hold_and_no_bytes_that_are_no_text() -> None:
    assert natural([Decimal("1.10")], (Decimal,)) == [Decimal("1.10")]
    with pytest.raises(Unwritable, match="bytes that are not UTF-8"):
        natural([b"\xff"])
