# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The quick way to make objects: the same objects as pydantic's own way, for every class that it is used for."""

from __future__ import annotations

import datetime
import enum
import ipaddress
from typing import Annotated, Any

import pytest
from dsync import DSyncModel
from dsync.model.construction import problems_of
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator


class Colour(enum.Enum):
    RED = "red"


class Rich(DSyncModel):
    _modelname = "rich"
    _identifiers = ("name",)
    _attributes = ("size", "address", "tags", "colour", "secret", "day")
    model_config = {"str_strip_whitespace": True}
    name: str
    size: int = Field(default=3, ge=1)
    address: ipaddress.IPv4Interface | None = None
    tags: list[str] = Field(default_factory=list)
    colour: Colour = Colour.RED
    secret: SecretStr | None = None
    day: Annotated[datetime.date, Field(gt=datetime.date(2000, 1, 1))] = datetime.date(2001, 1, 1)

    @field_validator("size")
    @classmethod
    def doubled(cls, value: int, info: Any) -> int:
        assert "name" in info.data
        return value * 2


class Aliased(DSyncModel):
    _modelname = "aliased"
    _identifiers = ("name",)
    name: str = Field(alias="Name")


class Whole(DSyncModel):
    _modelname = "whole"
    _identifiers = ("name",)
    name: str
    size: int = 1

    @model_validator(mode="after")
    def set_size(self) -> Whole:
        object.__setattr__(self, "size", 9)
        return self


class Private(DSyncModel):
    _modelname = "private"
    _identifiers = ("name",)
    name: str
    _counter: int = 3

    def model_post_init(self, _context: Any) -> None:
        self._counter = 7


class Open(DSyncModel):
    model_config = {"extra": "allow"}
    _modelname = "open"
    _identifiers = ("name",)
    name: str


class Closed(DSyncModel):
    model_config = {"extra": "forbid"}
    _modelname = "closed"
    _identifiers = ("name",)
    name: str


class Own(DSyncModel):
    _modelname = "own"
    _identifiers = ("name",)
    name: str

    def __init__(self, /, **data: Any) -> None:
        super().__init__(**{**data, "name": data["name"].upper()})


ROWS = [
    {"name": " a ", "size": "4", "address": "192.0.2.1/24", "tags": ["x"], "secret": "hidden", "junk": 1},
    {"name": "b"},
    {"day": "2020-02-02", "name": "c", "colour": "red"},
]


def pydantics_own(cls: type[DSyncModel], row: dict[str, Any]) -> DSyncModel:
    """Make an object as pydantic itself would."""
    obj = cls.__new__(cls)
    cls.__pydantic_validator__.validate_python(row, self_instance=obj)
    return obj


@pytest.mark.skipif(
    "post_init" in Rich.__pydantic_core_schema__,
    reason="this old pydantic calls a function after making any model",
)
def test_the_quick_way_is_used_for_ordinary_models() -> None:
    assert Rich._construction is not None


@pytest.mark.parametrize("row", ROWS)
def test_objects_equal_those_of_pydantics_own_way(row: dict[str, Any]) -> None:
    own = pydantics_own(Rich, row)
    for obj in (Rich(**row), Rich.from_rows([row])[0]):
        assert obj == own
        assert obj.__dict__ == own.__dict__
        assert obj.model_fields_set == own.model_fields_set
        assert obj.model_dump(exclude_unset=True) == own.model_dump(exclude_unset=True)
        assert obj.model_dump_json() == own.model_dump_json()


def test_objects_share_no_mutable_value() -> None:
    first, second = Rich.from_rows([{"name": "a"}, {"name": "b"}])
    first.tags.append("x")
    assert second.tags == Rich(name="c").tags == []


def test_setting_a_field_of_one_object_does_not_count_as_given_for_others() -> None:
    first, second = Rich.from_rows([{"name": "a"}, {"name": "b"}])
    first.colour = Colour.RED
    second.update_base({"size": 5})
    assert first.model_fields_set == {"name", "colour"}
    assert second.model_fields_set == {"name", "size"}
    assert Rich(name="c").model_fields_set == {"name"}


@pytest.mark.parametrize(
    ("cls", "row", "field", "value"),
    [
        (Aliased, {"Name": "a"}, "name", "a"),
        (Whole, {"name": "a"}, "size", 9),
        (Private, {"name": "a"}, "_counter", 7),
        (Open, {"name": "a", "more": 1}, "more", 1),
        (Own, {"name": "a"}, "name", "A"),
    ],
)
def test_what_a_class_adds_is_honoured_one_by_one_and_in_rows(
    cls: type[DSyncModel], row: dict[str, Any], field: str, value: Any
) -> None:
    assert getattr(cls(**row), field) == value
    assert [getattr(obj, field) for obj in cls.from_rows([row, row])] == [value, value]


@pytest.mark.parametrize("make", [lambda row: Closed(**row), lambda row: Closed.from_rows([row])])
def test_fields_that_are_forbidden_are_refused(make: Any) -> None:
    with pytest.raises(ValidationError, match="more"):
        make({"name": "a", "more": 1})


def test_the_first_row_that_does_not_fit_is_named() -> None:
    with pytest.raises(ValidationError, match='rich "b"') as caught:
        Rich.from_rows([{"name": "a"}, {"name": "b", "size": "many", "secret": "hidden"}, {"name": "c", "size": "none"}])
    assert [error["loc"] for error in caught.value.errors()] == [("size",)]
    assert "hidden" not in str(caught.value)


class Networks(DSyncModel):
    _modelname = "networks"
    _identifiers = ("network",)
    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    others: dict[str, ipaddress.IPv4Address | ipaddress.IPv6Address] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        (
            {"network": "10.193.0.62/26"},
            [
                "network: Input is not a valid IPv4 network, or: Input is not a valid IPv6 network "
                "(the host bits of a network are zero; with others it is an ip_interface)"
            ],
        ),
        (
            {"network": "10.0.0.0/8", "others": {"is-instance": "x"}},
            ["others.is-instance: Input is not a valid IPv4 address, or: Input is not a valid IPv6 address"],
        ),
        ({}, ["network: Field required"]),
    ],
)
def test_a_problem_is_one_sentence_of_one_value(given: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Networks(**given)
    assert problems_of(caught.value) == problems
