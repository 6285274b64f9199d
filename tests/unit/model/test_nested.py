# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Pydantic models and dataclasses as values of attributes: compared by what is in them, and written as they are."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, DSyncModel, Plan, load_plan, save_plan
from dsync.exceptions import RecordError
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, SecretStr, computed_field, field_serializer


class Hidden(BaseModel):
    shown: int
    hidden: int = Field(exclude=True)


class Base(BaseModel):
    a: int = 1


class Derived(Base):
    b: int = 1


class One(BaseModel):
    x: int = 1


class Other(BaseModel):
    x: int = 1


class Computing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    v: int

    @computed_field
    @property
    def twice(self) -> int:
        return 2 * self.v


class Aliased(BaseModel):
    name: str = Field(alias="Name")


class Serialized(BaseModel):
    v: int

    @field_serializer("v")
    def write(self, value: int) -> str:
        return "the same"


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")


class Noting(BaseModel):
    v: int
    _seen: int = PrivateAttr(default=0)


class Names(RootModel[list[str]]):
    pass


@dataclasses.dataclass
class Pair:
    one: int
    more: list[Base] = dataclasses.field(default_factory=list)


VALUES: dict[str, tuple[Any, Any, Any]] = {
    "a field that is excluded": (Hidden, Hidden(shown=1, hidden=1), Hidden(shown=1, hidden=2)),
    "a subclass": (Base, Derived(b=1), Derived(b=2)),
    "another class of a union": (One | Other, One(), Other()),
    "a computed field that is forbidden": (Computing, Computing(v=1), Computing(v=2)),
    "an alias": (Aliased, Aliased(Name="a"), Aliased(Name="b")),
    "a serializer": (Serialized, Serialized(v=1), Serialized(v=2)),
    "what was given besides": (Extra, Extra(a=1), Extra(a=2)),
    "a root model": (Names, Names(["a"]), Names(["b"])),
    "a dataclass": (Pair, Pair(1, [Base()]), Pair(1, [Base(a=2)])),
    "a list": (list[Base], [Derived(b=1)], [Derived(b=2)]),
    "a dict": (dict[str, Hidden], {"k": Hidden(shown=1, hidden=1)}, {"k": Hidden(shown=1, hidden=2)}),
    "a boolean and a number": (Extra, Extra(a=1), Extra(a=True)),
}


def model_of(annotation: Any) -> type[DSyncModel]:
    space = {
        "__module__": __name__,
        "_modelname": "thing",
        "_identifiers": ("name",),
        "_attributes": ("v",),
        "__annotations__": {"name": str, "v": annotation},
    }
    return type("Thing", (DSyncModel,), space)


def loaded(model: type[DSyncModel], name: str, **things: Any) -> DSync:
    made: DSync = type("Things", (DSync,), {"thing": model, "top_level": ["thing"]})(name)
    for thing, value in things.items():
        made.add(model(name=thing, v=value))
    return made


@pytest.mark.parametrize("case", VALUES)
def test_it_is_compared_by_what_is_in_it_and_written_as_it_is(case: str) -> None:
    annotation, old, new = VALUES[case]
    model = model_of(annotation)
    source, target = loaded(model, "source", a=new, b=new, c=old), loaded(model, "target", b=old, c=old)
    assert target.diff_from(source).summary() == {"create": 1, "update": 1, "move": 0, "delete": 0, "no-change": 1, "skip": 0}
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    for name in "ab":
        assert type(target.get("thing", name).v) is type(new)
    assert loaded(model, "old", b=old).diff_from(target).summary()["update"] == 1


def test_what_an_object_holds_besides_its_fields_is_no_difference() -> None:
    old, new = Noting(v=1), Noting(v=1)
    new._seen = 1
    model = model_of(Noting)
    assert not loaded(model, "target", a=old).diff_from(loaded(model, "source", a=new)).has_diffs()


def test_a_change_keeps_its_value_whatever_becomes_of_the_object() -> None:
    model, value = model_of(Base), Base(a=2)
    source, target = loaded(model, "source", a=value), loaded(model, "target", a=Base(a=1))
    plan = Plan.from_diff(target.diff_from(source))
    value.a = 3
    target.apply(plan, source)
    assert target.get("thing", "a").v == Base(a=2)


def test_classes_of_two_sides_that_have_the_same_fields_are_compared_and_given_by_these() -> None:
    source, target = loaded(model_of(One | None), "source", a=One(x=1), b=One(x=2)), loaded(model_of(Other), "target", a=Other(x=1))
    assert target.diff_from(source).summary() == {"create": 1, "update": 0, "move": 0, "delete": 0, "no-change": 1, "skip": 0}
    target.sync_from(source)
    assert target.get("thing", "b").v == Other(x=2)


class Login(BaseModel):
    user: str
    password: SecretStr


def test_it_is_shown_as_a_dict_and_a_secret_in_it_never() -> None:
    model = model_of(dict[str, Any])
    source = loaded(model, "source", a={"k": Login(user="u", password=SecretStr("hunter22")), "n": Names(["x"])})
    diff = loaded(model, "target", a={}).diff_from(source)
    assert diff.str().endswith("v: {} → {'k': {'user': 'u', 'password': '********'}, 'n': ['x']}")
    assert diff.dict() == {"thing": {"a": {"-": {"v": {}}, "+": {"v": {"k": {"user": "u", "password": "********"}, "n": ["x"]}}}}}


def test_what_differs_in_its_class_alone_is_shown_with_it() -> None:
    model = model_of(One | Other)
    diff = loaded(model, "target", a=One()).diff_from(loaded(model, "source", a=Other()))
    assert "v: {'x': 1} (One) → {'x': 1} (Other)" in diff.str()


@pytest.mark.parametrize("case", ["a field that is excluded", "a computed field that is forbidden", "a root model", "a dataclass"])
def test_a_stored_plan_has_it(case: str, tmp_path: Path) -> None:
    annotation, old, new = VALUES[case]
    model = model_of(annotation)
    source, target = loaded(model, "source", a=new, b=new), loaded(model, "target", b=old)
    save_plan(Plan.from_diff(target.diff_from(source)), tmp_path / "plan", source=source, target=target)
    plan = load_plan(tmp_path / "plan").resolve(None, target)
    assert [change.after for change in plan] == [{"v": new}, {"v": new}]


@pytest.mark.parametrize("case", ["a subclass", "another class of a union"])
def test_a_stored_plan_does_not_make_another_value_of_it(case: str, tmp_path: Path) -> None:
    annotation, _old, new = VALUES[case]
    model = model_of(annotation)
    source, target = loaded(model, "source", a=new), loaded(model, "target")
    save_plan(Plan.from_diff(target.diff_from(source)), tmp_path / "plan", source=source, target=target)
    stored = load_plan(tmp_path / "plan")
    assert [type(change.after["v"]) for change in stored.resolve(source, target) if change.after] == [type(new)]
    with pytest.raises(RecordError, match='thing "a": the file does not say which class its v was of'):
        stored.resolve(None, target)


class Written(DSyncModel):
    model_config = ConfigDict(serialize_by_alias=True) if "serialize_by_alias" in ConfigDict.__annotations__ else ConfigDict()
    _modelname = "thing"
    _identifiers = ("name",)
    _attributes = ("v",)
    name: str
    v: Base = Field(default=Base(), serialization_alias="V")


def test_an_alias_for_serialisation_makes_no_second_attribute() -> None:
    assert list(Written(name="a").get_attrs()) == ["v"]
