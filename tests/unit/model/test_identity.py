# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Two identities never give the same unique id."""

from __future__ import annotations

from typing import Any

import pytest
from dsync.model.identity import escape_part, unique_id_builder
from hypothesis import given
from hypothesis import strategies as st

AWKWARD = st.text(alphabet="_\\ab:N", max_size=6) | st.text(max_size=6) | st.sampled_from(["None", "\\None", "\\int:1", "1"])
MIXED = AWKWARD | st.none() | st.booleans() | st.integers(-3, 3)


def _identities(parts: int, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.tuples(*[values] * parts), min_size=2, max_size=8)


def _typed(identity: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((type(value), value) for value in identity)


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("mixed", [False, True])
def test_point_1_the_encoding_is_injective(parts: int, mixed: bool) -> None:
    build = unique_id_builder([mixed] * parts)

    @given(_identities(parts, MIXED if mixed else AWKWARD))
    def check(identities: list[tuple[Any, ...]]) -> None:
        assert len({build(identity) for identity in identities}) == len({_typed(identity) for identity in identities})

    check()


@pytest.mark.parametrize(
    ("parts", "uid"),
    [
        (("nyc", "rtr-1"), "nyc__rtr-1"),
        (("a_b", "c"), "a_b__c"),
        (("a__b", "c"), "a\\_\\_b__c"),
        (("_a", "b_"), "\\_a__b\\_"),
        (("a\\", "b"), "a\\\\__b"),
        (("", ""), "__"),
    ],
)
def test_point_1_what_could_be_mistaken_is_escaped(parts: tuple[str, ...], uid: str) -> None:
    assert unique_id_builder([False, False])(parts) == uid


def test_a_single_text_is_its_own_id() -> None:
    assert unique_id_builder([False])(["a__b\\"]) == "a__b\\"
    assert escape_part("plain") == "plain"


def test_a_mixed_field_marks_what_is_no_text() -> None:
    build = unique_id_builder([True])
    assert [build([value]) for value in ("None", None, 1, "1")] == ["None", "\\None", "\\int:1", "1"]
