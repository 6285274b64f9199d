# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records that are given in a task: read, changed in a copy, and returned as they are afterwards."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from dsync._util.redaction import MASK
from dsync.adapters.core.base import RecordModel
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.records.definition import data_model
from dsync.testing.conformance import AdapterConformance

ESTATE = data_model(
    {
        "site": {"identifiers": ["name"], "attributes": {"phone": "str | None"}, "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"role": "str", "password": "secret"}},
    },
    base=RecordModel,
)
NESTED = {"site": {"from": "sites", "key": "name"}, "device": {"from": "sites.*.devices", "fields": {"password": "auth.secret"}}}
USERS = data_model({"user": {"identifiers": ["name"], "attributes": {"uid": "int"}}}, base=RecordModel)

OURS = {
    "sites": {
        "nyc": {
            "phone": "1",
            "note": "kept",
            "devices": [{"name": "sw1", "role": "core", "auth": {"secret": "hunter2", "user": "u"}}],
        },
        "par": None,
        10: {"phone": "3"},
    }
}
THEIRS = {
    "sites": {
        "nyc": {"phone": "2", "devices": []},
        "ber": {"phone": None, "devices": [{"name": "sw1", "role": "edge", "auth": {"secret": "hunter3"}}]},
        10: {"phone": "4"},
    }
}


def estate(records: Any) -> MemoryAdapter:
    adapter = MemoryAdapter.bound(ESTATE, NESTED)(records=records)
    adapter.load()
    return adapter


def users(records: Any, mapping: Any = None) -> MemoryAdapter:
    adapter = MemoryAdapter.bound(USERS, mapping)(records=records)
    adapter.load()
    return adapter


def test_a_list_is_not_that_of_several_models() -> None:
    several = MemoryAdapter.bound(data_model({name: {"identifiers": ["name"]} for name in ("site", "rack")}, base=RecordModel))
    with pytest.raises(DefinitionError, match='nothing is at "site" in records, which is a list'):
        several(records=[{"name": "nyc"}]).load()
    empty = several(records=[])
    empty.load()
    assert len(empty) == 0


def test_nested_records_become_those_of_the_other_side() -> None:
    given = copy.deepcopy(OURS)
    estate_ours, theirs = estate(given), estate(THEIRS)
    estate_ours.sync_from(theirs)
    assert given == OURS
    assert estate_ours.result_records(reveal=True) == {
        "sites": {
            "nyc": {"phone": "2", "note": "kept", "devices": []},
            10: {"phone": "4"},
            "ber": {"phone": None, "devices": [{"name": "sw1", "role": "edge", "auth": {"secret": "hunter3", "user": "u"}}]},
        }
    }
    again = estate(estate_ours.result_records(reveal=True))
    assert not again.diff_from(theirs).has_diffs()


def test_one_adapter_can_be_made_like_one_and_then_like_another() -> None:
    adapter = estate(OURS)
    for other in (THEIRS, OURS, {"sites": {}}, THEIRS, None, OURS):
        adapter.sync_from(estate(other))
        assert not estate(adapter.result_records(reveal=True)).diff_from(estate(other)).has_diffs()


def test_what_is_sensitive_is_masked_unless_it_is_asked_for() -> None:
    adapter = estate(OURS)
    assert adapter.result_records()["sites"]["nyc"]["devices"][0]["auth"] == {"secret": MASK, "user": "u"}
    assert adapter.result_records(reveal=True) == OURS


def test_changes_that_are_rolled_back_leave_no_trace() -> None:
    adapter = estate(OURS)
    mapped = adapter._maps["device"]
    assert not isinstance(adapter.remove_records(mapped, [adapter.record_of(adapter.get("device", "sw1"))])[0], Exception)
    adapter.roll_back()
    adapter.sync_complete(adapter, None)
    assert adapter.result_records(reveal=True) == OURS


@pytest.mark.parametrize("records", [[{"name": "a", "uid": 1}], {"user": [{"name": "a", "uid": 1}]}])
def test_records_of_one_model_need_no_name(records: Any) -> None:
    adapter = users(records)
    adapter.sync_from(users([{"name": "b", "uid": 2}, {"name": "a", "uid": 3}]))
    expected = [{"name": "a", "uid": 3}, {"name": "b", "uid": 2}]
    assert adapter.result_records() == (expected if isinstance(records, list) else {"user": expected})


def test_a_dictionary_of_records_is_kept_one() -> None:
    adapter = users({"a": {"uid": 1}, "b": {"uid": 2}}, {"user": {"key": "name"}})
    adapter.sync_from(users([{"name": "a", "uid": 7}, {"name": "c", "uid": 3}]))
    assert adapter.result_records() == {"a": {"uid": 7}, "c": {"uid": 3}}


def test_nothing_at_all_is_no_records() -> None:
    adapter = users(None)
    assert adapter.count() == 0
    adapter.sync_from(users([{"name": "a", "uid": 1}]))
    assert adapter.result_records() == [{"name": "a", "uid": 1}]


def test_a_new_record_without_a_key_is_reported() -> None:
    adapter = users({"a": {"uid": 1, "name": "a"}})
    with pytest.raises(Exception, match=r'a new user needs a key, and mapping\.user does not say which field holds it; add "key"'):
        adapter.sync_from(users([{"name": "c", "uid": 3}]))
    assert adapter.result_records() == {"a": {"uid": 1, "name": "a"}}


@pytest.mark.parametrize("wrong", ["text", 1, True])
def test_invalid_records_are_reported(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match=r"^options.records: this should be a list of records"):
        MemoryAdapter.bound(USERS)(records=wrong)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([{"name": "a", "uid": 1}, 5], "records, [1] should be a record, a dictionary, and is a single value"),
        ({"a": [1]}, "records, a should be a record, a dictionary, and is a list"),
        ([{"name": "a", "uid": "x"}], 'records, [0]: user "a": uid'),
        ([{"name": "a", "uid": 1}, {"name": "a", "uid": 2}], 'two records represent the user "a": records, [0]'),
        ({"user": 5}, "records, user is neither a list nor a dictionary of records"),
    ],
)
def test_records_that_do_not_fit_are_named(records: Any, expected: str) -> None:
    with pytest.raises(RecordProblem) as caught:
        users(records)
    assert expected in str(caught.value)


class TestConformance(AdapterConformance):
    @pytest.fixture(autouse=True)
    def _nothing(self) -> None:
        self.records: Any = None

    def adapter(self) -> MemoryAdapter:
        return self.kept(self.data_model, {"site": {"from": "sites"}, "device": {"from": "sites.*.devices"}})

    def places(self, models: Any) -> MemoryAdapter:
        return self.kept(models, {"place": {"from": "places"}, "thing": {"from": "places.*.things"}})

    def kept(self, models: Any, mapping: Any) -> MemoryAdapter:
        suite = self

        class Kept(MemoryAdapter):
            def sync_complete(self, *args: Any, **kwargs: Any) -> None:
                super().sync_complete(*args, **kwargs)
                suite.records = self.result_records(reveal=True)

        return Kept.bound(models, mapping)(records=self.records)
