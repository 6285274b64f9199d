# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables that translate native values into values of attributes, and back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from dsync.exceptions import RecordProblem
from dsync.records.lookups import Lookup


def test_a_lookup_of_a_list_or_in_one_is_reported() -> None:
    for table, wanted in (({1: "a"}, [1]), ({1: "a"}, {"a": 1}), ({1: "a"}, {1})):
        with pytest.raises(RecordProblem, match='the lookup roles has no "'):
            Lookup("roles", table.items).value_of(wanted)
        with pytest.raises(RecordProblem, match='the lookup roles has no "'):
            Lookup("roles", table.items).native_of(wanted)
    for bad in ({1: [1]}, {1: {"a": 1}}, {1: {1}}):
        with pytest.raises(RecordProblem, match=r"the lookup roles contains .*, and must contain only single values"):
            Lookup("roles", bad.items).value_of(1)


@pytest.mark.parametrize("value", ["5", 5])
def test_a_value_of_several_natives_cannot_be_written_however_it_is_spelled(value: Any) -> None:
    lookup = Lookup("roles", {1: "5", 2: "5"}.items)
    assert lookup.value_of(1) == "5"
    with pytest.raises(RecordProblem, match='the lookup roles has "5" for several native values'):
        lookup.native_of(value)


def test_one_lookup_serves_several_threads_while_it_is_read_again() -> None:
    reads = itertools.count()

    def pairs() -> Iterator[tuple[int, str]]:
        yield from ((number, f"role {number}") for number in range(200))
        yield 1000 + next(reads), "another"

    lookup, problems = Lookup("roles", pairs), []

    def look(misses: bool) -> None:
        for _round in range(150):
            try:
                assert lookup.native_of(lookup.value_of(199)) == 199
            except Exception as problem:  # whatever another thread's reading leads to
                problems.append(problem)
            if misses:
                with pytest.raises(RecordProblem):
                    lookup.value_of("missing")

    threads = [threading.Thread(target=look, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
