# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Hiding sensitive values."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from dsync._util.redaction import MASK, Redactor, collect_secrets, masked, secret_strings
from estate import PLANTED, Interface, estate
from hypothesis import given
from hypothesis import strategies as st
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
def test_point_9_a_secret_of_any_shape_is_redacted(value: Any) -> None:
    assert PLANTED not in Redactor(secret_strings([value])).redact(f"it was {PLANTED}, you see")


def test_a_redactor_covers_the_quoted_form_and_the_longest_first() -> None:
    secret = "line\n'quoted'"
    assert Redactor(secret_strings([secret])).redact(repr(secret)) == f'"{MASK}"'
    assert Redactor({"abc", "abcdef"}).redact("abcdef abc") == f"{MASK} {MASK}"
    assert Redactor(secret_strings([b"\xffabc"])).redact(str(b"\xffabc")) == f"b'{MASK}'"
    assert Redactor(secret_strings([1234])).redact("pin 1234") == f"pin {MASK}"
    assert Redactor(None).redact("text") == "text"


@pytest.mark.parametrize("between", ["", "'", '"', "'\"", "\n\t", "\\", "\\'", "ü☃𝄞", " /?=é&+%20"])
def test_a_redactor_covers_whatever_quotes_a_secret(between: str) -> None:
    secret = f"{PLANTED}{between}{PLANTED}"
    ways: list[Callable[[str], str]] = [
        str, repr, ascii, json.dumps, quote, quote_plus,
        lambda text: repr(f"{text} isn't"),
        lambda text: repr(f'{text} is "not"'),
        lambda text: repr([text]),
        lambda text: repr(text.encode()),
        lambda text: json.dumps([text], ensure_ascii=False),
        lambda text: json.dumps(json.dumps(text)),
        lambda text: repr(json.dumps({"a": text})),
        lambda text: quote(text, safe="!#$%&'()*+,/:;=?@[]~"),
    ]  # fmt: skip
    secrets = secret_strings([secret])
    for way in ways:
        assert PLANTED not in Redactor(secrets).redact(way(secret))
        assert PLANTED not in Redactor(secrets).redact(way(secret))


SHORT = st.text("abc", max_size=6)


@given(SHORT.map(lambda text: text * 3), st.sets(SHORT.filter(lambda text: len(text) > 2), max_size=5))
def test_a_redactor_masks_every_secret_and_nothing_else(text: str, secrets: set[str]) -> None:
    found = [(start, secret) for secret in secrets for start in range(len(text)) if text.startswith(secret, start)]
    covered = {place for start, secret in found for place in range(start, start + len(secret))}
    shown = Redactor(secrets).redact(text)
    assert shown.replace(MASK, "") == "".join(letter for place, letter in enumerate(text) if place not in covered)
    assert (MASK in shown) is bool(covered)


def test_short_and_absent_values_are_not_looked_for() -> None:
    assert secret_strings([None, "", "ab", True]) == set()
    assert secret_strings(["plain", SecretStr("secret")], everything=False) == {"secret"}


def test_collect_secrets() -> None:
    data = estate({"nyc": "555"})
    data.add(Interface(device="a", name="b", password=PLANTED))
    assert collect_secrets(data) == {PLANTED}


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("s3cret-key-1", True),
        ("hunter22!x", True),
        ("1234567890", True),
        ("AKIAIOSFODNN7EXAMPLE", True),
        ("password", False),
        ("snmp_community", False),
        ("Ethernet1", False),
        ("GigabitEthernet0/1", False),
        ("10.1.200.254", False),
        ("a1b2c3", False),
    ],
)
def test_a_key_of_a_sensitive_dict_is_secret_unless_it_is_a_name(key: str, secret: bool) -> None:
    text = Redactor(secret_strings([{"outer": {key: "value"}}])).redact(f"refused {key}: x")
    assert (key not in text) is secret


def test_keys_of_other_dicts_are_no_secrets() -> None:
    assert secret_strings([{"s3cret-key-1": SecretStr("hunter22")}], everything=False) == {"hunter22"}


def test_a_long_key_is_judged_at_once() -> None:
    assert len(secret_strings([{"a" * 100_000 + "!": 1}])) > 0
