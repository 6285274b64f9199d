# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Declarations that are checked with the types as they turn out, and those with which no object could be made."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import DSync, DSyncModel
from dsync.exceptions import DeclarationError, TargetNotWritable
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr


class Early(DSyncModel):
    _modelname = "early"
    _identifiers = ("name", "number")
    _attributes = ("login", "price")
    _compare = {"name": "case_insensitive"}
    name: str
    number: Number
    login: Login | None = None
    price: Number = 0


class Empty(DSyncModel):
    _modelname = "empty"
    _identifiers = ("number",)
    number: Number


class Login(BaseModel):
    password: SecretStr


Number = int


class Late(DSync):
    early = Early
    empty = Empty
    top_level = ["early", "empty"]


def test_types_that_are_known_later_count() -> None:
    made = Early(name="R1", number=1, login=Login(password=SecretStr("hunter22")))
    assert Early.get_sensitive_fields() == {"login"}
    assert Early._declaration.nested == {"login"}
    assert made.get_unique_id() == Early.create_unique_id(name="r1", number=1) == "r1__1"
    assert "hunter22" not in f"{made!r} {made.str()}"


def test_a_class_of_which_there_is_no_object_is_declared_with_them_too() -> None:
    one, other = Late("one"), Late("other")
    one.add(Empty(number=1))
    assert other.diff_from(one).summary()["create"] == 1
    assert Empty.create_unique_id(number=1) == "1"


class Aliased(DSyncModel):
    _modelname = "thing"
    _identifiers = ("name",)
    _attributes = ("role",)
    name: str = Field(alias="Name")
    role: str = Field(validation_alias=AliasChoices("Role", "ROLE"))


class Things(DSync):
    thing = Aliased
    top_level = ["thing"]


def test_a_model_with_aliases_is_synchronised() -> None:
    source, target = Things("source"), Things("target")
    source.add(Aliased(Name="a", ROLE="core"))
    source.add(Aliased(Name="b", Role="edge"))
    target.add(Aliased(Name="b", Role="core"))
    target.sync_from(source)
    assert not target.diff_from(source).has_diffs()
    assert source.get_or_instantiate(Aliased, {"name": "c"}, {"role": "x"})[1]


def declared(space: dict[str, Any]) -> type[DSyncModel]:
    base = {"__module__": __name__, "_modelname": "bad", "_identifiers": ("name",), "__annotations__": {"name": str}}
    return type("Bad", (DSyncModel,), {**base, **space})


def test_an_alias_that_is_the_only_way_to_set_a_field_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Bad: the field 'name' has an alias and cannot be set by its name") as caught:
        declared({"name": Field(alias="Name"), "model_config": ConfigDict(populate_by_name=False)})
    assert "populate_by_name" in str(caught.value)


@pytest.mark.filterwarnings("ignore:Field name")  # pydantic's own
@pytest.mark.parametrize("name", ["delete", "update", "create", "str", "add_child"])
def test_a_field_cannot_hide_a_method(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"Bad has a field '{name}', which is a method of every model; give it another name"):
        declared({"__annotations__": {"name": str, name: bool}})


class ReadOnly(DSyncModel):
    _modelname = "thing"
    _identifiers = ("name",)
    _attributes = ("role", "serial")
    _read_only = ("serial",)
    name: str
    role: str
    serial: str


class Numbering(ReadOnly):
    @classmethod
    def create(cls, dsync: Any, ids: dict[str, Any], attrs: dict[str, Any]) -> Any:
        return super().create(dsync=dsync, ids=ids, attrs={**attrs, "serial": "made by the system"})


def dataset(model: type[DSyncModel], name: str, **roles: str) -> DSync:
    made: DSync = type("Things", (DSync,), {"thing": model, "top_level": ["thing"]})(name)
    for thing, role in roles.items():
        made.add(model(name=thing, role=role, serial="s"))
    return made


def test_no_object_is_created_without_a_required_attribute_that_is_read_only_and_nothing_is_begun() -> None:
    source, target = dataset(ReadOnly, "source", a="core", b="core"), dataset(ReadOnly, "target", a="edge")
    with pytest.raises(TargetNotWritable, match="create of thing: serial of thing is read-only and has no default") as caught:
        target.sync_from(source)
    assert [change.id for change, _why in caught.value.changes] == ["b"]
    assert target.get("thing", "a").role == "edge"


def test_such_a_model_can_be_updated_and_created_by_a_class_that_knows_how() -> None:
    target = dataset(ReadOnly, "target", a="edge")
    target.sync_from(dataset(ReadOnly, "source", a="core"))
    assert target.get("thing", "a").role == "core"
    knowing = dataset(Numbering, "target")
    knowing.sync_from(dataset(ReadOnly, "source", a="core"))
    assert knowing.get("thing", "a").serial == "made by the system"
