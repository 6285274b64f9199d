# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Model classes: declarations, identity, values, children, create/update/delete, texts."""

# ruff: noqa: UP007, UP045 - the older ways of writing a type are tested as well

from __future__ import annotations

import copy
import enum
import ipaddress
import pickle
import statistics
import time
import typing
import warnings
from typing import Any, Literal, NewType, Optional, Union

import pytest
from dsync import (
    DeclarationError,
    DSyncModel,
    DSyncModelFlags,
    DSyncStatus,
    ObjectAlreadyExists,
    ObjectNotFound,
    ObjectNotUpdated,
    ObjectStoreWrongType,
)
from estate import PLANTED, Device, Interface, Site, dataset, estate
from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    SecretBytes,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)


class Port(DSyncModel):
    _modelname = "port"
    _identifiers = ("device", "name")
    _shortname = ("name",)
    _attributes = ("speed", "tags")
    device: str
    name: str
    speed: int = 0
    tags: list[str] = []
    note: str = ""


class Vault(DSyncModel):
    _modelname = "vault"
    _identifiers = ("name",)
    _attributes = ("plain", "secret", "raw", "maybe", "listed", "nested")
    _sensitive = ("plain", "listed", "nested")
    name: str
    plain: str = ""
    secret: SecretStr = SecretStr("")
    raw: SecretBytes = SecretBytes(b"")
    maybe: SecretStr | None = None
    listed: list[str] = []
    nested: dict[str, Any] = {}


def full_vault(name: str = "v", text: str = PLANTED) -> Vault:
    return Vault(name=name, plain=text, secret=text, raw=text.encode(), maybe=text, listed=[text], nested={"a": {"b": [text]}})


# ---------------------------------------------------------------------- declarations


def declare(**body: Any) -> type[DSyncModel]:
    annotations = {"name": str, "extra": str, "kids": list, **body.pop("annotations", {})}
    return type("Broken", (DSyncModel,), {"__annotations__": annotations, "__module__": __name__, "kids": [], **body})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"_identifiers": ("nam",)}, ["Broken", "_identifiers", "'nam'", 'did you mean "name"?', "known: "]),
        ({"_attributes": ("zzz",)}, ["Broken", "_attributes", "'zzz'", "type annotation"]),
        ({"_shortname": ("zzz",)}, ["Broken", "_shortname", "'zzz'"]),
        ({"_sensitive": ("zzz",)}, ["Broken", "_sensitive", "'zzz'"]),
        ({"_children": {"kid": "zzz"}}, ["Broken", "_children", "'zzz'"]),
        ({"_identifiers": ("name",), "_attributes": ("name",)}, ["Broken", "'name'", "_identifiers", "_attributes"]),
        ({"_identifiers": ("kids",), "_children": {"k": "kids"}}, ["Broken", "'kids'", "_identifiers", "_children"]),
        ({"_attributes": ("kids",), "_children": {"k": "kids"}}, ["Broken", "'kids'", "_attributes", "_children"]),
        ({"_identifiers": ("name", "name")}, ["Broken", "'name'", "twice"]),
        ({"_children": {"a": "kids", "b": "kids"}}, ["Broken", "'kids'", "twice"]),
        ({"_identifiers": "name"}, ["Broken", "_identifiers", "tuple"]),
        ({"_children": ["kids"]}, ["Broken", "_children", "dict"]),
        ({"_identifiers": ("name",), "_sensitive": ("name",)}, ["Broken", "'name'", "sensitive"]),
        ({"_identifiers": ("pin",), "annotations": {"pin": SecretStr}}, ["Broken", "'pin'", "sensitive"]),
        ({"_shortname": ("pin",), "annotations": {"pin": Optional[SecretBytes]}}, ["Broken", "'pin'", "_shortname"]),
    ],
)
def test_a_wrong_declaration_names_class_and_field(body: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(DeclarationError) as caught:
        declare(**body)
    assert isinstance(caught.value, AttributeError)
    for word in words:
        assert word in str(caught.value)


def test_a_field_may_not_be_called_dsync() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's own, which says as much
        with pytest.raises(DeclarationError, match="'dsync'"):
            declare(annotations={"dsync": str})


def test_a_subclass_may_extend_what_its_base_declares() -> None:
    class FastPort(Port):
        _attributes = ("speed", "tags", "duplex")
        duplex: str = "full"

    port = FastPort(device="d", name="n")
    assert port.get_unique_id() == "d__n"
    assert port.get_attrs() == {"speed": 0, "tags": [], "duplex": "full"}
    assert Port(device="d", name="n").get_attrs() == {"speed": 0, "tags": []}


# ---------------------------------------------------------------------- identity and values


def test_identity_methods() -> None:
    port = Port(device="rtr", name="eth0", speed=10)
    assert Port.get_type() == port.get_type() == "port"
    assert port.get_unique_id() == "rtr__eth0" == Port.create_unique_id(name="eth0", device="rtr") == str(port)
    assert port.get_shortname() == "eth0"
    assert port.get_identifiers() == {"device": "rtr", "name": "eth0"}
    assert port.get_attrs() == {"speed": 10, "tags": []}
    assert Port.get_children_mapping() == {}
    assert repr(port) == 'port "rtr__eth0"'
    assert Site(name="nyc").get_shortname() == "nyc"
    with pytest.raises(KeyError, match="name"):
        Port.create_unique_id(device="rtr")


def test_point_1_different_identities_never_collide() -> None:
    assert Port(device="a__b", name="c").get_unique_id() != Port(device="a", name="b__c").get_unique_id()
    dataset(Port, objects=[Port(device="a__b", name="c"), Port(device="a", name="b__c"), Port(device="a_", name="_b__c")])


def test_identity_follows_an_identifier_that_is_set_later() -> None:
    port = Port(device="rtr", name="eth0")
    assert port.get_unique_id() == "rtr__eth0"
    port.name = "eth1"
    assert port.get_unique_id() == "rtr__eth1"


def test_identity_of_a_changed_copy() -> None:
    port = Port(device="rtr", name="eth0")
    assert port.get_unique_id() == "rtr__eth0"
    assert port.model_copy(update={"name": "eth1"}).get_unique_id() == "rtr__eth1"


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Mixed(enum.Enum):
    NUMBER = 1
    TEXT = "1"


@pytest.mark.parametrize(
    ("annotation", "one", "other"),
    [
        (Optional[str], None, "None"),
        (Optional[str], None, "\\None"),
        (Any, 1, "1"),
        (Any, True, 1),
        (Union[int, str], 1, "1"),
        (Union[int, str], 1, "\\int:1"),
        (Literal[1, "1"], 1, "1"),
        (Union[ipaddress.IPv4Address, str], ipaddress.IPv4Address("10.0.0.1"), "10.0.0.1"),
        (Mixed, Mixed.NUMBER, Mixed.TEXT),
        (Any, ("a", 1), ("a", "1")),
        (Any, ["a"], "['a']"),
        (Optional[Colour], None, Colour.RED),
    ],
)
def test_point_1_identifiers_of_different_types_never_collide(annotation: Any, one: Any, other: Any) -> None:
    kind = declare(_modelname="thing", _identifiers=("name",), annotations={"name": annotation, "extra": Any}, extra="")
    assert kind(name=one).get_unique_id() != kind(name=other).get_unique_id()
    pair = declare(_modelname="pair", _identifiers=("name", "extra"), annotations={"name": annotation})
    assert pair(name=one, extra="x").get_unique_id() != pair(name=other, extra="x").get_unique_id()


def test_enumerations_and_addresses_look_plain_in_an_id() -> None:
    class Lamp(DSyncModel):
        _identifiers = ("colour", "address")
        colour: Colour
        address: ipaddress.IPv4Address

    lamp = Lamp(colour="red", address="10.0.0.1")
    assert lamp.get_unique_id() == "red__10.0.0.1"
    assert Lamp.create_unique_id(colour=Colour.RED, address="10.0.0.1") == "red__10.0.0.1"


class Peculiar(DSyncModel):
    """Overrides everything that says who an object is and what it holds."""

    _modelname = "peculiar"
    _identifiers = ("name",)
    _attributes = ("size",)
    name: str
    size: int = 0

    def get_attrs(self) -> dict[str, Any]:
        return {"size": self.size // 10}

    def get_shortname(self) -> str:
        return f"short-{self.name}"

    def get_identifiers(self) -> dict[str, Any]:
        return {"name": self.name.lower()}

    @classmethod
    def create_unique_id(cls, **identifiers: Any) -> str:
        return f"<{identifiers['name']}>"


def test_overridden_readers_decide() -> None:
    left, right = (dataset(Peculiar, objects=[Peculiar(name=name, size=size)]) for name, size in (("A", 11), ("a", 19)))
    assert left.get("peculiar", {"name": "a"}).get_unique_id() == "<a>"
    assert not left.diff_from(right).has_diffs()
    right.get("peculiar", "<a>").size = 20
    diff = left.diff_from(right)
    (element,) = diff.get_children()
    assert (element.name, element.uid, element.keys) == ("short-a", "<a>", {"name": "a"})
    assert element.get_attrs_diffs() == {"-": {"size": 1}, "+": {"size": 2}}


def test_overridden_unique_id() -> None:
    class Lower(DSyncModel):
        _modelname = "lower"
        _identifiers = ("name",)
        name: str

        def get_unique_id(self) -> str:
            return self.name.lower()

    one, other = dataset(Lower, objects=[Lower(name="ABC")]), dataset(Lower, objects=[Lower(name="abc")])
    assert one.get("lower", "abc").name == "ABC"
    assert not one.diff_from(other).has_diffs()


def test_nested_models_stay_objects() -> None:
    class Place(BaseModel):
        rack: Any = None

    class Box(DSyncModel):
        _modelname = "box"
        _identifiers = ("name",)
        _attributes = ("place",)
        name: str
        place: Place = Place()

    assert Box(name="a", place=Place(rack=1)).get_attrs() == {"place": Place(rack=1)}
    one, other = (dataset(Box, objects=[Box(name="a", place=Place(rack=rack))]) for rack in (1, True))
    assert one.diff_from(other).has_diffs()


# ---------------------------------------------------------------------- flags and status


def test_flags_of_class_and_object() -> None:
    class Bare(DSyncModel):
        _identifiers = ("name",)
        model_flags = DSyncModelFlags.IGNORE
        name: str

    class Annotated(DSyncModel):
        _identifiers = ("name",)
        model_flags: DSyncModelFlags = DSyncModelFlags.SKIP_UNMATCHED_SRC
        name: str

    class Heir(Bare):
        pass

    assert Bare(name="a").model_flags == Heir(name="a").model_flags == DSyncModelFlags.IGNORE
    assert Annotated(name="a").model_flags == DSyncModelFlags.SKIP_UNMATCHED_SRC
    assert "model_flags" not in Annotated.model_fields
    assert Bare(name="a", model_flags=DSyncModelFlags.NONE).model_flags == DSyncModelFlags.NONE
    plain = Port(device="d", name="n")
    assert plain.model_flags == DSyncModelFlags.NONE
    plain.model_flags |= DSyncModelFlags.IGNORE
    assert plain.model_flags == DSyncModelFlags.IGNORE
    assert Port(device="d", name="n").model_flags == DSyncModelFlags.NONE


def test_flags_survive_a_copy() -> None:
    site = Site(name="nyc", devices=[str(number) for number in range(40)], model_flags=DSyncModelFlags.IGNORE)
    site.remove_child(Device(name="3"))
    for twin in (copy.copy(site), copy.deepcopy(site), site.model_copy(), pickle.loads(pickle.dumps(site))):
        assert twin.model_flags == DSyncModelFlags.IGNORE
        assert twin.dsync is None
        assert twin == site
        assert len(twin.devices) == 39
    twin = copy.deepcopy(Site(name="nyc"))
    assert twin.model_flags == DSyncModelFlags.NONE


def test_status() -> None:
    site = Site(name="nyc")
    assert site.get_status() == (DSyncStatus.SUCCESS, "")
    site.set_status(DSyncStatus.ERROR, "oops")
    assert site.get_status() == (DSyncStatus.ERROR, "oops")


# ---------------------------------------------------------------------- children


def test_children_are_unique_ids() -> None:
    site, device = Site(name="nyc"), Device(name="rtr")
    site.add_child(device)
    assert site.devices == ["rtr"]
    with pytest.raises(ObjectAlreadyExists, match='site "nyc" has the child device "rtr" already'):
        site.add_child(device)
    site.remove_child(device)
    assert site.devices == []
    with pytest.raises(ObjectNotFound, match='site "nyc" has no child device "rtr"'):
        site.remove_child(device)
    for change in (site.add_child, site.remove_child):
        with pytest.raises(ObjectStoreWrongType, match=r'site "nyc" cannot have the child port "d__n".*of model device'):
            change(Port(device="d", name="n"))


def test_children_are_not_shared_between_objects() -> None:
    one, other = Site(name="a"), Site(name="b")
    one.add_child(Device(name="rtr"))
    assert other.devices == Site(name="c").devices == []


def test_a_children_field_may_be_absent() -> None:
    class Shelf(DSyncModel):
        _modelname = "shelf"
        _identifiers = ("name",)
        _children = {"device": "devices"}
        name: str
        devices: list[str] | None = None

    shelf = Shelf(name="s")
    with pytest.raises(ObjectNotFound):
        shelf.remove_child(Device(name="rtr"))
    data = dataset(Shelf, Device, objects=[shelf], top_level=["shelf"])
    assert not data.diff_from(dataset(Shelf, Device, objects=[Shelf(name="s")], top_level=["shelf"])).has_diffs()
    data.remove(shelf, remove_children=True)
    shelf.add_child(Device(name="rtr"))
    assert shelf.devices == ["rtr"]


def _cost(size: int) -> float:
    """Return the median cost of adding and removing one child of many."""
    devices = [Device(name=f"d{number}") for number in range(300)]
    site = Site(name="nyc", devices=[f"x{number}" for number in range(size)])
    site.add_child(Device(name="warm"))
    site.remove_child(Device(name="warm"))
    samples = []
    for _round in range(7):
        begin = time.perf_counter()
        for device in devices:
            site.add_child(device)
        for device in devices:
            site.remove_child(device)
        samples.append(time.perf_counter() - begin)
    return statistics.median(samples)


def test_point_8_add_and_remove_child_cost_the_same_at_any_size() -> None:
    assert _cost(100_000) < 5 * _cost(10)


def test_point_8_no_child_is_compared_one_by_one() -> None:
    class Counted(str):
        comparisons = 0
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            Counted.comparisons += 1
            return str.__eq__(self, other)

    for added in (0, 100):
        site = Site(name="nyc", devices=[])
        site.devices.extend(Counted(number) for number in range(1000))
        Counted.comparisons = 0
        for number in range(added):
            site.add_child(Device(name=f"new-{number}"))
        for number in range(500, 600):
            site.remove_child(Device(name=str(number)))
        assert Counted.comparisons <= 300
        assert len(site.devices) == 900 + added


# ---------------------------------------------------------------------- create, update, delete


def test_update_sets_all_values_or_none() -> None:
    port = Port(device="rtr", name="eth0", speed=10)
    assert port.update({"speed": "20", "tags": ["a"]}) is port
    assert (port.speed, port.tags) == (20, ["a"])
    with pytest.raises(ValidationError, match='port "rtr__eth0"'):
        port.update({"tags": ["b"], "speed": "fast"})
    assert (port.speed, port.tags) == (20, ["a"])
    with pytest.raises(ObjectNotUpdated, match="'sped'"):
        port.update({"sped": 1})


def test_update_leaves_other_objects_alone() -> None:
    one, other = Port(device="rtr", name="eth0"), Port(device="rtr", name="eth1")
    one.update({"speed": 1})
    one.note = "x"
    assert one.model_fields_set == {"device", "name", "speed", "note"}
    assert other.model_fields_set == {"device", "name"}


class Pool(DSyncModel):
    _modelname = "pool"
    _identifiers = ("name",)
    _attributes = ("first", "last", "secret")
    _sensitive = ("secret",)
    name: str
    first: int
    last: int
    secret: str = ""
    _checks: list[tuple[Any, Any]] = PrivateAttr(default_factory=list)

    @field_validator("last")
    @classmethod
    def is_not_before_first(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("first", value):
            raise ValueError("last is before first")
        return value

    @model_validator(mode="after")
    def check(self) -> Any:
        self._checks.append((self.first, self.last))
        if self.first > self.last:
            raise ValueError("first is after last")
        if self.secret == PLANTED and self.first == 0:
            raise ValueError(f"{self.secret} is too weak for a pool that begins with 0")
        return self


@pytest.mark.parametrize("attrs", [{"first": 20, "last": 30}, {"last": "30", "first": "20"}, {"first": "0", "last": "0"}])
def test_validators_see_all_new_values_of_an_update(attrs: dict[str, Any]) -> None:
    pool = Pool(name="p", first=1, last=10)
    pool.update(attrs)
    assert (pool.first, pool.last) == (int(attrs["first"]), int(attrs["last"]))
    assert pool._checks == [(1, 10), (pool.first, pool.last)]
    assert pool.model_fields_set == {"name", "first", "last"}


@pytest.mark.parametrize(
    ("attrs", "error"),
    [
        ({"first": 20, "last": 11}, ValidationError),
        ({"secret": "x", "first": 20}, ValidationError),
        ({"first": 2, "last": "many"}, ValidationError),
        ({"first": 2, "lst": 3}, ObjectNotUpdated),
    ],
)
def test_an_update_that_fails_changes_nothing(attrs: dict[str, Any], error: type[Exception]) -> None:
    pool = Pool(name="p", first=1, last=10)
    with pytest.raises(error):
        pool.update(attrs)
    assert pool == Pool(name="p", first=1, last=10)
    assert pool.model_fields_set == {"name", "first", "last"}
    assert pool._checks == [(1, 10)]


def test_an_update_that_a_validator_breaks_off_changes_nothing() -> None:
    class Broken(Port):
        @model_validator(mode="after")
        def check(self) -> Any:
            if self.speed == 1:
                raise LookupError("no such speed")
            return self

    port = Broken(device="rtr", name="eth0")
    with pytest.raises(LookupError):
        port.update({"speed": 1})
    assert (port.speed, port.model_fields_set) == (0, {"device", "name"})


def test_the_message_of_an_update_that_a_whole_model_refuses() -> None:
    source = dataset(Pool, objects=[Pool(name="p", first=0, last=10)])
    target = dataset(Pool, objects=[Pool(name="p", first=1, last=10, secret="x")])
    source.get("pool", "p").secret = PLANTED
    with pytest.raises(ObjectNotUpdated) as caught:
        target.sync_from(source)
    assert str(caught.value) == ('pool "p" was not updated: Value error, ******** is too weak for a pool that begins with 0')


def test_create_and_delete() -> None:
    data = estate()
    port = Port.create(dsync=data, ids={"device": "d", "name": "n"}, attrs={"speed": 1})
    assert (port.dsync, port.speed) == (data, 1)
    assert port.delete() is port


# ---------------------------------------------------------------------- validation errors


def test_a_validation_error_names_the_object() -> None:
    with pytest.raises(ValidationError, match='port "rtr__eth0"\nspeed'):
        Port(device="rtr", name="eth0", speed="fast")
    with pytest.raises(ValidationError, match="port without"):
        Port()

    class Braces(Port):
        @field_validator("speed")
        @classmethod
        def refuse(cls, value: int) -> int:
            raise ValueError("of {braces}")

    with pytest.raises(ValidationError, match=r"error, of \{braces\} "):
        Braces(device="a", name="b", speed=1)


def _leaky() -> list[type[DSyncModel]]:
    class Typed(DSyncModel):
        _identifiers = ("name",)
        _sensitive = ("secret",)
        name: str
        secret: dict[str, Literal["x"]]

    class Whole(DSyncModel):
        _identifiers = ("name",)
        name: str
        secret: SecretStr

        @model_validator(mode="after")
        def refuse(self) -> Any:
            raise ValueError(f"what a bad {self.secret.get_secret_value()}")

    class Aliased(DSyncModel):
        _identifiers = ("name",)
        _sensitive = ("hidden",)
        name: str
        hidden: str = Field(alias="secret")

        @field_validator("hidden")
        @classmethod
        def refuse(cls, value: str) -> str:
            raise ValueError(f"what a bad {value}")

    return [Typed, Whole, Aliased]


@pytest.mark.parametrize("kind", _leaky(), ids=lambda kind: kind.__name__)
def test_point_9_a_validation_error_shows_no_secret(kind: type[DSyncModel]) -> None:
    value: Any = {PLANTED: PLANTED} if kind.__name__ == "Typed" else PLANTED
    with pytest.raises(ValidationError) as caught:
        kind(name="a", secret=value)
    assert PLANTED not in f"{caught.value} {caught.value!r} {caught.value.errors()} {caught.value.json()}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("attrs", [{"first": 0}, {"first": 0, "last": 5}, {"first": 0, "secret": PLANTED}])
def test_a_model_validator_that_refuses_an_update_shows_no_secret(attrs: dict[str, Any]) -> None:
    pool = Pool(name="p", first=1, last=10, secret=PLANTED)
    with pytest.raises(ValidationError) as caught:
        pool.update(attrs)
    assert PLANTED not in f"{caught.value} {caught.value!r} {caught.value.errors()} {caught.value.json()}"


def test_point_9_a_failed_update_shows_no_secret() -> None:
    vault = full_vault()
    with pytest.raises(ValidationError) as caught:
        vault.update({"listed": {PLANTED: 1}})
    assert PLANTED not in f"{caught.value} {caught.value!r} {caught.value.errors()}"
    assert vault == full_vault()


# ---------------------------------------------------------------------- texts


def test_point_9_no_text_of_an_object_shows_a_secret() -> None:
    vault = full_vault()
    texts = [repr(vault), str(vault), vault.str(), repr(vault.dict()), vault.json(), vault.json(indent=2)]
    texts += [repr(list(vault.__repr_args__())), repr(vault.dict(mode="json"))]
    for text in texts:
        assert PLANTED not in text
    assert vault.dict()["secret"] == vault.dict()["maybe"] == vault.dict()["plain"] == "********"
    assert Vault(name="v").dict()["maybe"] is None
    assert vault.dict(show_sensitive=True)["plain"] == PLANTED
    assert vault.get_attrs()["plain"] == PLANTED
    assert Vault.get_sensitive_fields() == {"plain", "secret", "raw", "maybe", "listed", "nested"}


class Inner(BaseModel):
    token: SecretStr = SecretStr("")
    below: Inner | None = None


def test_point_9_secrets_hide_in_any_annotation() -> None:
    Password = NewType("Password", SecretStr)

    class Outer(DSyncModel):
        _identifiers = ("name",)
        _attributes = ("inner", "table", "renamed", "noted", "anything", "open_too")
        name: str
        inner: Inner = Inner()
        table: dict[str, list[SecretStr]] = {}
        renamed: Password = SecretStr("")
        noted: typing.Annotated[SecretBytes | None, "x"] = None
        anything: Any = None
        open_too: Any = None

    assert Outer.get_sensitive_fields() == {"inner", "table", "renamed", "noted"}
    secret = SecretStr(PLANTED)
    outer = Outer(name="a", anything=[{"k": secret}], open_too=("x", 1))
    assert "'anything': [{'k': '********'}]" in outer.str()
    assert outer.dict()["open_too"] == ("x", 1)


def test_text_of_an_object_with_children() -> None:
    data = estate({"nyc": ("555", {"rtr": ("router", {"eth0": 1500})})})
    site = data.get("site", "nyc")
    assert site.str() == (
        "site: nyc: {'contact': '555'}\n"
        "  devices\n"
        "    device: rtr: {'role': 'router', 'facts': None}\n"
        "      interfaces\n"
        "        interface: rtr__eth0: {'mtu': 1500, 'password': None}"
    )
    assert site.str(include_children=False) == "site: nyc: {'contact': '555'}\n  devices: ['rtr']"
    site.devices.append("ghost")
    assert "device: ghost: (not in the dataset)" in site.str()
    assert Site(name="nyc").str(indent=2) == "  site: nyc: {'contact': ''}\n    devices: []"
    assert site.json(exclude={"devices"}) == '{"name":"nyc","contact":"555"}'
    assert '"mtu": 9000' in Interface(device="a", name="b", mtu=9000).json(indent=2)


def test_equality_and_dump_ignore_what_was_removed() -> None:
    one = Site(name="nyc", devices=[str(number) for number in range(20)])
    other = Site(name="nyc", devices=[str(number) for number in range(20) if number != 7])
    one.remove_child(Device(name="7"))
    assert one == other
    assert other == one
    one.remove_child(Device(name="8"))
    assert one.model_dump()["devices"] == one.devices
    assert '"8"' not in one.model_dump_json()
    assert one != "nyc"
