# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects that no model has are asked for by name or id, until all objects of their kind take fewer requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from dsync.adapters.estates.kinds import Kind
from dsync.adapters.estates.outside import IN_ADDRESS, MOST, Outside
from dsync.adapters.http.answers import HttpProblem

SITE = Kind("site", "dcim/sites", {"name": "str"})


class Listing:
    """A list of sites that has some filters, and remembers what it was asked for."""

    def __init__(self, number: int, filters: tuple[str, ...] = ("id", "name"), status: int = 400) -> None:
        self.sites = [{"id": one, "name": f"s{one}"} for one in range(number)]
        self.filters, self.status = filters, status
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, _kind: Kind, chosen: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.asked.append(chosen)
        if not chosen.keys() <= {*self.filters}:
            raise HttpProblem("unknown filter", self.status)
        return [site for site in self.sites if all(site[name] in values for name, values in chosen.items())]


def test_named_objects_are_asked_for_in_addresses_that_are_not_long() -> None:
    listing = Listing(200)
    found = Outside(listing).by_fields(SITE, [{"name": f"s{one}"} for one in range(120)])
    assert [one["id"] for one in found] == list(range(120))
    assert [len(chosen["name"]) for chosen in listing.asked] == [IN_ADDRESS, IN_ADDRESS, 20]
    names = [{"name": f"{'long ' * 40}{number}"} for number in range(30)]
    listing.asked.clear()
    Outside(listing).by_fields(SITE, names)
    assert sum(len(chosen["name"]) for chosen in listing.asked) == 30
    assert max(len(urlencode(chosen, doseq=True)) for chosen in listing.asked) < 3000


def test_all_objects_are_asked_for_once_where_naming_them_takes_more_requests() -> None:
    listing = Listing(3000)
    outside = Outside(listing)
    assert len(outside.by_ids(SITE, range(MOST * IN_ADDRESS))) == MOST * IN_ADDRESS
    assert not outside.has_all(SITE)
    assert len(outside.by_ids(SITE, [2999])) == 3000
    assert outside.has_all(SITE)
    assert outside.by_ids(SITE, [1]) == outside.all(SITE) == []
    assert len(listing.asked) == MOST + 1


def test_only_what_all_objects_of_a_request_have_is_asked_for() -> None:
    listing = Listing(3)
    assert [one["id"] for one in Outside(listing).by_fields(SITE, [{"name": "s1", "id": 1}, {"name": "s2"}])] == [1, 2]
    assert len(Outside(listing).by_fields(SITE, [{"name": "s1"}, {"id": 1}])) == 3
    assert listing.asked == [{"name": ["s1", "s2"]}, {}]


def test_a_list_without_such_a_filter_is_read_as_a_whole() -> None:
    listing = Listing(3, filters=("id",))
    assert len(Outside(listing).by_fields(SITE, [{"name": "s1"}])) == 3
    with pytest.raises(HttpProblem):
        Outside(Listing(3, filters=(), status=500)).by_fields(SITE, [{"name": "s1"}])


def test_a_list_that_ignores_a_filter_is_read_as_a_whole_once() -> None:
    listing = Listing(120)
    outside = Outside(lambda kind, chosen: listing(kind, {}))
    assert len(outside.by_fields(SITE, [{"name": f"s{one}"} for one in range(110)])) == 120
    assert outside.has_all(SITE)
    assert len(listing.asked) == 2
