# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The list of children's ids behaves as a plain list, whatever is done to it."""

from __future__ import annotations

import copy
import pickle

import pytest
from dsync.model.child_ids import INDEX_FROM, ChildIds, ChildrenField, add_uid, discard_uid, extend_uids
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

UIDS = st.sampled_from([f"u{number}" for number in range(30)])


class Holder:
    field = ChildrenField("field")


class ChildIdsMachine(RuleBasedStateMachine):
    """Does the same things to a ChildIds behind its field and to a plain list without duplicates."""

    def __init__(self) -> None:
        super().__init__()
        self.holder = Holder()
        self.holder.field = ChildIds(["u0", "u1"])
        self.model = ["u0", "u1"]

    @rule(uid=UIDS)
    def add(self, uid: str) -> None:
        assert add_uid(self.holder.__dict__, "field", uid) is (uid not in self.model)
        if uid not in self.model:
            self.model.append(uid)

    @rule(uid=UIDS)
    def discard(self, uid: str) -> None:
        assert discard_uid(self.holder.__dict__, "field", uid) is (uid in self.model)
        if uid in self.model:
            self.model.remove(uid)

    @rule(uid=UIDS)
    def discard_and_add_again(self, uid: str) -> None:
        self.discard(uid)
        self.add(uid)

    @rule(uids=st.lists(UIDS, unique=True, max_size=4))
    def extend(self, uids: list[str]) -> None:
        new = set(uids).isdisjoint(self.model)
        assert extend_uids(self.holder.__dict__, "field", list(uids)) is new
        if new:
            self.model.extend(uids)

    @rule(uid=UIDS)
    def append_and_remove_as_a_list(self, uid: str) -> None:
        if uid in self.model:
            self.holder.field.remove(uid)
            self.model.remove(uid)
        else:
            self.holder.field.append(uid)
            self.model.append(uid)

    @rule(uid=UIDS)
    def index(self, uid: str) -> None:
        assert (uid in self.holder.field) is (uid in self.model)
        if uid in self.model:
            assert self.holder.field.index(uid) == self.model.index(uid)

    @rule()
    def reverse(self) -> None:
        self.holder.field.reverse()
        self.model.reverse()

    @rule()
    def pop(self) -> None:
        if self.model:
            assert self.holder.field.pop() == self.model.pop()

    @rule(uids=st.lists(UIDS, unique=True, max_size=20))
    def replace(self, uids: list[str]) -> None:
        self.holder.field = list(uids)
        self.model = list(uids)

    @rule()
    def read(self) -> None:
        assert self.holder.field == self.model
        assert len(self.holder.field) == len(self.model)

    @invariant()
    def a_copy_has_the_same_ids(self) -> None:
        uids = self.holder.__dict__["field"]
        if isinstance(uids, ChildIds):
            assert pickle.loads(pickle.dumps(uids)) == self.model


ChildIdsMachine.TestCase.settings = settings(stateful_step_count=30)
TestChildIds = ChildIdsMachine.TestCase


def test_every_way_to_change_a_list_settles_it_first() -> None:
    uids = ChildIds(map(str, range(20)))
    assert uids.discard("3")
    uids += ["x"]
    assert uids == [str(number) for number in range(20) if number != 3] + ["x"]
    assert not uids.discard("3")
    assert not uids.add("x")
    uids.insert(0, "first")
    del uids[1]
    assert uids[0] == "first"
    assert uids.discard("first")
    uids[0:2] = ["p", "q"]
    assert uids[:3] == ["p", "q", "4"]
    uids.sort()
    uids.clear()
    assert uids.add("p")
    assert uids == ["p"]


def test_a_copy_is_a_plain_list() -> None:
    uids = ChildIds(["a", "b", "c"])
    uids.discard("b")
    assert copy.deepcopy(uids) == ["a", "c"]
    assert copy.deepcopy(uids).__class__ is list


def test_the_field_is_no_attribute_of_its_class() -> None:
    with pytest.raises(AttributeError):
        Holder.field  # noqa: B018 - reading it is what is tested
    with pytest.raises(AttributeError):
        Holder().field  # noqa: B018 - reading it is what is tested


def test_a_long_list_gets_an_index_when_a_child_is_removed() -> None:
    fields = {"field": [str(number) for number in range(100)]}
    assert discard_uid(fields, "field", "5")
    assert isinstance(fields["field"], ChildIds)
    assert not discard_uid(fields, "field", "5")


@pytest.mark.parametrize("number", [1, 10, INDEX_FROM - 1, INDEX_FROM, 100])
def test_all_children_can_be_removed_while_going_through_them(number: int) -> None:
    fields = {"devices": [f"d{place}" for place in range(number)]}
    for uid in fields["devices"]:
        assert discard_uid(fields, "devices", uid)
    add_uid(fields, "devices", "new")
    settled = fields["devices"]
    if isinstance(settled, ChildIds):
        settled.settle()
    assert settled == ["new"]


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_a_child_can_be_removed_whatever_collection_a_model_has(kind: type[list[str]]) -> None:
    fields = {"devices": kind(["a", "b"])}
    assert discard_uid(fields, "devices", "a")
    assert not discard_uid(fields, "devices", "c")
    if isinstance(fields["devices"], ChildIds):
        fields["devices"].settle()
    assert list(fields["devices"]) == ["b"]
