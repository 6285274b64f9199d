# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A member of an enumeration of strings is the same as its string, and is written as the target declares it."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from dsync import DSync, DSyncModel, Plan
from dsync.model.values import same_value
from hypothesis import given
from hypothesis import strategies as st


class Role(enum.Enum):
    CORE = "core"
    EDGE = "edge"


class Status(str, enum.Enum):
    CORE = "core"
    OTHER = "1"


class Level(enum.IntEnum):
    LOW = 1


class Mixed(enum.Enum):
    NUMBER = 1
    STRING = "1"


VALUES = [*Role, *Status, *Level, *Mixed, "core", "edge", "1", 1, True, 1.0, None, ""]


@given(left=st.sampled_from(VALUES), right=st.sampled_from(VALUES), third=st.sampled_from(VALUES))
def test_equality_is_one_of_strings(left: Any, right: Any, third: Any) -> None:
    assert same_value(left, left)
    assert same_value(left, right) is same_value(right, left)
    if same_value(left, right) and same_value(right, third):
        assert same_value(left, third)
    texts = [one.value if isinstance(one, enum.Enum) and isinstance(one.value, str) else one for one in (left, right)]
    assert same_value(left, right) is (texts[0] == texts[1])
    assert same_value([left], [right]) is same_value({"key": left}, {"key": right}) is same_value(left, right)
    assert same_value({left}, {right}) is same_value(left, right)


@pytest.mark.parametrize(
    ("left", "right"), [(Level.LOW, "1"), (Mixed.NUMBER, 1), (Mixed.NUMBER, "1"), ({Role.CORE, "core"}, {"core"})]
)
def test_a_number_is_no_string(left: Any, right: Any) -> None:
    assert not same_value(left, right)


def dataset(kind: Any, **devices: Any) -> DSync:
    device = type("Device", (DSyncModel,), {
        "_modelname": "device", "_identifiers": ("name",), "_attributes": ("role",),
        "__annotations__": {"name": str, "role": kind}, "__module__": __name__,
    })  # fmt: skip
    made = type("Devices", (DSync,), {"device": device, "top_level": ("device",)})()
    for name, role in devices.items():
        made.add(device(name=name, role=role))
    return made


@pytest.mark.parametrize(
    ("ours", "theirs", "same", "other", "written"),
    [
        (Role, str, Role.CORE, "edge", "edge"),
        (str, Role, "core", Role.EDGE, Role.EDGE),
        (Role, Status, Role.CORE, Status.OTHER, None),
        (str, Role | str, "core", "edge", "edge"),
        (Role, Role | str, Role.CORE, Role.EDGE, Role.EDGE),
    ],
)
def test_values_are_written_as_the_target_declares_them(ours: Any, theirs: Any, same: Any, other: Any, written: Any) -> None:
    held = next((one for one in VALUES if isinstance(one, theirs) and same_value(one, same)), None)
    assert not dataset(theirs, a=held).diff_from(dataset(ours, a=same)).has_diffs()
    if written is None:
        return
    source = dataset(ours, a=ours("edge"), b=ours("edge"))
    target = dataset(theirs, a=held)
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_failure()
    found = [target.get("device", name).role for name in "ab"]
    assert found == [written, written]
    assert {type(one) for one in found} == {type(written)}
    assert not target.diff_from(source).has_diffs()
