# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The garbage collector is patient meanwhile, and afterwards as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from dsync._util.gc import PATIENT, relaxed_collector, relaxed_gc


@pytest.fixture(autouse=True)
def _thresholds_as_they_were() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("own", "meanwhile"),
    [
        ((700, 10, 10), PATIENT),
        ((500_000, 10, 5), (500_000, PATIENT[1], PATIENT[2])),
        ((700, 10_000, 10), (PATIENT[0], 10_000, PATIENT[2])),
        ((0, 10, 10), (0, 10, 10)),
    ],
)
def test_what_is_more_patient_already_stays_and_what_is_off_stays_off(
    own: tuple[int, int, int], meanwhile: tuple[int, int, int]
) -> None:
    gc.set_threshold(*own)
    with relaxed_collector():
        with relaxed_collector():
            pass
        assert gc.get_threshold() == meanwhile
    assert gc.get_threshold() == own


def test_a_function_that_raises_leaves_the_collector_as_it_was() -> None:
    def fail() -> None:
        raise KeyError(*gc.get_threshold())

    gc.set_threshold(700, 10, 10)
    with pytest.raises(KeyError) as raised:
        relaxed_gc(fail)()
    assert raised.value.args == PATIENT
    assert gc.get_threshold() == (700, 10, 10)
