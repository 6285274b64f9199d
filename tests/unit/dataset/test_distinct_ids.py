# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Ids are found distinct, or not, as a set of all of them would find it."""

from __future__ import annotations

import pytest
from dsync.dataset import distinct_ids
from dsync.dataset.distinct_ids import DistinctIds
from hypothesis import given
from hypothesis import strategies as st

IDS = [f"{letter}__{number}" for letter in "abc" for number in range(12)]
batches = st.lists(st.lists(st.sampled_from(IDS), min_size=1, max_size=6), max_size=12)


@pytest.mark.parametrize("span", [1, 3, 10_000])
@pytest.mark.parametrize("effort", [0, 1, 4])
@given(batches, st.booleans())
def test_ids_are_admitted_unless_one_was_added_or_occurs_twice(
    span: int, effort: int, batches: list[list[str]], in_order: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct_ids, "_SPAN", span)
        patch.setattr(distinct_ids, "_EFFORT", effort)
        ids, known = DistinctIds(), []
        for batch in map(sorted, batches) if in_order else batches:
            fits = len({*batch}) == len(batch) and {*known}.isdisjoint(batch)
            assert ids.admit(batch, known) is fits
            known += batch if fits else []


@pytest.mark.parametrize("padded", [True, False])
def test_only_ids_without_order_are_put_into_a_set(padded: bool) -> None:
    names = [f"{number:06}" if padded else f"{number * 7919 % 200_000}" for number in range(200_000)]
    ids = DistinctIds()
    for start in range(0, len(names), 10_000):
        assert ids.admit(names[start : start + 10_000], names[:start])
    assert (ids._all is None) is padded
    assert not ids.admit(["zz", names[70_001]], names)
