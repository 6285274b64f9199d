# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records are bounded in number, in their own length and in that of each value, and hold no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.output.result import LONGEST_VALUE, Recorder
from ansible_collections.dsync.core.plugins.module_utils.dsync import Change, DSyncAction, ObjectRef, Outcome, OutcomeStatus


def outcome(number: int = 1, message: str = "", **after: Any) -> Outcome:
    change = Change(DSyncAction.CREATE, "device", f"d{number}", {"name": f"d{number}"}, after=after, parent=ObjectRef("site", "s"))
    return Outcome(change, OutcomeStatus.FAILED if message else OutcomeStatus.DONE, message)


def test_a_record() -> None:
    assert Recorder(()).record(outcome(role="router")) == {
        "action": "create",
        "model": "device",
        "id": "d1",
        "ids": {"name": "d1"},
        "parent": {"model": "site", "id": "s"},
        "before": None,
        "after": {"role": "router"},
        "status": "done",
        "message": "",
    }


@pytest.mark.parametrize(("most", "room", "number"), [(3, 10_000, 3), (0, 10_000, 0), (100, 10_000, 10), (100, 0, 0)])
def test_as_many_as_are_wanted_and_fit(most: int, room: int, number: int) -> None:
    outcomes = [outcome(number, note="x" * 770) for number in range(100, 200)]
    records = Recorder(()).records(outcomes, most, room)
    assert len(records) == number
    assert len(json.dumps(records)) <= max(room, 2)


@pytest.mark.parametrize("value", ["x" * 5000, ["x" * 700] * 7, {"a": {"b": "x" * 5000}}, list(range(2000))])
def test_long_values_are_cut_and_say_so(value: Any) -> None:
    shown = Recorder(()).record(outcome(note=value))["after"]["note"]
    whole = value if isinstance(value, str) else json.dumps(value)
    assert shown == f"{whole[:LONGEST_VALUE]}… (the first {LONGEST_VALUE} of {len(whole)} characters)"


def test_long_messages_and_ids_are_cut() -> None:
    record = Recorder(()).record(outcome(int("9" * 3000), message="m" * 3000))
    assert len(record["id"]) < 2100
    assert len(record["ids"]["name"]) < 2100
    assert len(record["message"]) < 2100


def test_secrets_are_masked_before_anything_is_cut() -> None:
    secret = "s" * 3000
    record = Recorder({secret, "tok"}).record(outcome(message="by tok", note=secret, deep={"er": ["tok", f"-{secret}-"]}, size=1))
    assert record["message"] == "by ********"
    assert record["after"] == {"note": "********", "deep": {"er": ["********", "-********-"]}, "size": 1}
