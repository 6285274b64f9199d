# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The default limit of deletes: from which size on, from which share on, and what replaces it."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import Plan
from dsync.diff.selectors import classes_by_model, selectors
from dsync.guard.limits import limits
from dsync.guard.mass_deletes import mass_deletes
from dsync.guard.protection import protect
from estate import Estate, estate


def sites(number: int) -> Estate:
    return estate({f"s{position:02}": "" for position in range(number)})


def refused(target: Estate, source: Estate, allowed: dict[str, Any] | None = None, *protecting: dict[str, Any]) -> list[str]:
    diff = target.diff_from(source)
    protect(diff, selectors(protecting, "protect", classes_by_model(source, target)), target.models())
    said = limits(allowed or {}, target.models())
    return [str(refusal) for refusal in mass_deletes(Plan.from_diff(diff), said, source, target)]


@pytest.mark.parametrize(
    ("has", "keeps", "is_refused"),
    [(10, 7, False), (10, 6, True), (9, 1, False), (11, 8, False), (11, 7, True), (100, 70, False), (100, 69, True)],
)
def test_more_than_thirty_percent_of_at_least_ten(has: int, keeps: int, is_refused: bool) -> None:
    assert bool(refused(sites(has), sites(keeps))) == is_refused


def test_the_refusal_names_the_objects_and_the_option() -> None:
    assert refused(sites(12), sites(6)) == [
        '6 of 12 site objects would be deleted, 50% (site "s06", site "s07", site "s08", site "s09", site "s10", …); '
        "to allow more than 30%, set a limit such as limits: {site: {delete: 6}}"
    ]


@pytest.mark.parametrize(
    ("allowed", "is_refused"),
    [
        ({"delete": 5}, False),
        ({"site": {"delete": "100%"}}, False),
        ({"site": {"create": 0}, "update": 3, "device": {"delete": 9}}, True),
    ],
)
def test_a_stated_limit_of_deletes_replaces_it(allowed: dict[str, Any], is_refused: bool) -> None:
    assert bool(refused(sites(10), sites(5), allowed)) == is_refused


def test_what_is_protected_is_not_counted() -> None:
    assert refused(sites(10), sites(6), {}, {"model": "site", "id": "s09"}) == []


def test_a_source_without_the_model_is_left_to_the_guard_of_empty_sources() -> None:
    assert refused(sites(10), sites(0)) == []


def test_what_moves_is_not_counted() -> None:
    devices = {f"d{number}": "" for number in range(10)}
    target, source = estate({"lon": ("", devices), "par": ""}), estate({"lon": "", "par": ("", devices)})
    assert len(Plan.from_diff(target.diff_from(source))) == 10
    assert refused(target, source) == []


def test_what_is_already_gone_is_not_counted_when_a_plan_is_finished() -> None:
    source = sites(14)
    plan = Plan.from_diff(sites(20).diff_from(source))
    assert len(plan) == 6
    assert [*mass_deletes(plan, [], source, sites(15))] == []
