# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Hiding sensitive values."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

import pytest
from dsync.redact import MASK, collect_secrets, masked, scrub, secret_texts
from estate import PLANTED, Interface, estate
from pydantic import BaseModel, SecretBytes, SecretStr


class Login(BaseModel):
    user: str
    token: SecretStr


@dataclasses.dataclass
class Pair:
    user: str
    token: str


class Choice(enum.Enum):
    ONE = PLANTED


def test_masked() -> None:
    values = {"a": "x", "b": None, "c": 1, "d": SecretStr("x"), "e": [SecretBytes(b"x"), {"k": (SecretStr("x"), 1)}], "f": [1]}
    assert masked(values, {"a", "b"}) == {"a": MASK, "b": None, "c": 1, "d": MASK, "e": [MASK, {"k": [MASK, 1]}], "f": [1]}
    assert masked(values, {"a"})["f"] is values["f"]


@pytest.mark.parametrize(
    "value",
    [
        PLANTED,
        SecretStr(PLANTED),
        SecretBytes(PLANTED.encode()),
        PLANTED.encode(),
        [PLANTED],
        (PLANTED,),
        {PLANTED},
        {"a": {"b": [PLANTED]}},
        Login(user="somebody", token=PLANTED),
        Pair(user="somebody", token=PLANTED),
        Choice.ONE,
    ],
    ids=lambda value: type(value).__name__,
)
def test_point_9_a_secret_of_any_shape_is_scrubbed(value: Any) -> None:
    assert PLANTED not in scrub(f"it was {PLANTED}, you see", secret_texts([value]))


def test_scrub_covers_the_quoted_form_and_the_longest_first() -> None:
    secret = "line\n'quoted'"
    assert scrub(repr(secret), secret_texts([secret])) == f'"{MASK}"'
    assert scrub("abcdef abc", {"abc", "abcdef"}) == f"{MASK} {MASK}"
    assert scrub(str(b"\xffabc"), secret_texts([b"\xffabc"])) == f"b'{MASK}'"
    assert scrub("pin 1234", secret_texts([1234])) == f"pin {MASK}"
    assert scrub("text", None) == "text"


def test_short_and_absent_values_are_not_looked_for() -> None:
    assert secret_texts([None, "", "ab", True]) == set()
    assert secret_texts(["plain", SecretStr("secret")], everything=False) == {"secret"}


def test_collect_secrets() -> None:
    data = estate({"nyc": "555"})
    data.add(Interface(device="a", name="b", password=PLANTED))
    assert collect_secrets(data) == {PLANTED}
