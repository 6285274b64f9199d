# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How identifiers and attributes compare where equality is too strict, and that equal identities are one object."""

from __future__ import annotations

import copy
import datetime
import pickle
from decimal import Decimal
from typing import Any

import pytest
from dsync import DSync, DSyncModel, Plan
from dsync.exceptions import DeclarationError, ModelMismatch, ObjectAlreadyExists
from dsync.model.comparison import COMPARISONS, Unordered, canonical, key_of_string, number_string, text_kind
from hypothesis import given
from hypothesis import strategies as st

ZONES = st.integers(-23, 23).map(lambda hours: datetime.timezone(datetime.timedelta(hours=hours)))


@pytest.mark.parametrize(
    ("compare", "one", "other", "same"),
    [
        ("case_insensitive", "R1", "r1", True),
        ("case_insensitive", "STRASSE", "straße", True),
        ("case_insensitive", "r1", "r2", False),
        ("unicode_nfc", "Zu\u0308rich", "Z\u00fcrich", True),
        ("unicode_nfc", "Zurich", "Z\u00fcrich", False),
        ("stripped", " r1\u00a0", "r1", True),
        ("stripped", "\ufeffr1\u200b", "r1", True),
        ("stripped", "r 1", "r1", False),
        (("stripped", "case_insensitive", "unicode_nfc"), " ZU\u0308RICH ", "z\u00fcrich", True),
        ("mac", "AA:BB:CC:00:00:01", "aabb.cc00.0001", True),
        ("mac", "AA-BB-CC-00-00-01", "aabbcc000001", True),
        ("mac", "aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02", False),
        ("mac", "aa:bb-cc:00:00:01", "aa:bb:cc:00:00:01", False),
        ("mac", "00:11:22:33:44:55:66:77", "0011223344556677", True),
        ("mac", "none", "None", False),
        ("ip", "2001:DB8:0::1", "2001:db8::1", True),
        ("ip", "10.0.0.1/255.255.255.0", "10.0.0.1/24", True),
        ("ip", "10.0.0.1", "10.0.0.1/32", False),
        ("ip", "10.0.0.010", "10.0.0.10", False),
        ("number", "10", "10.0", True),
        ("number", "010", "1e1", True),
        ("number", "-0.50", "-.5", True),
        ("number", "0", "-0.00", True),
        ("number", "1_0", "10", False),
        ("number", "ten", "10", False),
        ("moment", "2026-03-01T12:00:00+02:00", "2026-03-01 10:00Z", True),
        ("moment", "2026-03-01T10:00:00.500Z", "2026-03-01T10:00:00.5+0000", True),
        ("moment", "2026-03-01T10:00:00", "2026-03-01T10:00:00Z", False),
        ("moment", "2026-03-01T10:00:00.0000001Z", "2026-03-01T10:00:00Z", False),
        ("moment", "2026-13-01T10:00:00Z", "2026-13-01T10:00:00+00:00", False),
    ],
)
def test_what_is_the_same(compare: Any, one: str, other: str, same: bool) -> None:
    kind = text_kind((compare,) if isinstance(compare, str) else compare)
    left, right = kind(one), kind(other)
    assert (left == right, left != right, left == other, one == right) == (same, not same, same, same)
    assert (hash(left) == hash(right)) is same
    assert (str(left), left.__str__().__class__) == (one, str)


@given(st.text(max_size=8), st.text(max_size=8), st.sampled_from([name for name in COMPARISONS if name != "unordered"]))
def test_a_key_is_its_own_key_and_equal_texts_share_it(one: str, other: str, name: str) -> None:
    kind, key = text_kind([name]), key_of_string([name])
    assert key(key(one)) == key(one)
    assert (kind(one) == kind(other)) is (key(one) == key(other))


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_equal_numbers_have_one_text(one: Decimal, other: Decimal) -> None:
    assert Decimal(number_string(one)) == one
    assert (number_string(one) == number_string(other)) is (one == other)


@given(st.datetimes(), ZONES, ZONES)
def test_one_moment_has_one_text(naive: datetime.datetime, here: Any, there: Any) -> None:
    moment = naive.replace(tzinfo=here)
    try:
        elsewhere = moment.astimezone(there)
        moment.astimezone(datetime.timezone.utc)
    except OverflowError:
        return
    assert canonical(moment) == moment
    assert str(canonical(moment)) == str(canonical(elsewhere))


def test_values_that_are_equal_by_their_type_have_one_text() -> None:
    noon = datetime.time(12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    for one, other in (
        (0.0, -0.0),
        (10.0, 10),
        (Decimal("1E+3"), Decimal(1000)),
        (noon, datetime.time(10, tzinfo=datetime.timezone.utc)),
        ((Decimal("1.0"), "a"), (Decimal(1), "a")),
    ):
        assert str(canonical(one)) == str(canonical(other))
    assert [str(canonical(value)) for value in (0.1, Decimal("NaN"), Decimal("1E+999999"))] == ["0.1", "NaN", "1E999999"]


def test_a_text_that_compares_is_copied_and_pickled_as_such() -> None:
    text = text_kind(["case_insensitive"])("R1")
    for copied in (copy.deepcopy(text), pickle.loads(pickle.dumps(text))):
        assert (copied, str(copied), type(copied)) == ("r1", "R1", type(text))


def test_lists_without_an_order_of_any_length_compare_in_one_go() -> None:
    many = list(range(200_000))
    assert Unordered(many) == many[::-1]
    assert Unordered(many) != [*many[:-1], 0]
    assert Unordered([[1], [2]]) == [[2], [1]]
    assert Unordered([1, 1, 2]) != [1, 2, 2]
    caseless = text_kind(["case_insensitive"])
    assert Unordered([caseless("A"), caseless("b")]) == ["B", "a"]


# ---------------------------------------------------------------------- models


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _children = {"port": "ports"}
    _compare = {"name": ("case_insensitive", "stripped")}
    name: str
    ports: list[str] = []


class Port(DSyncModel):
    _modelname = "port"
    _identifiers = ("site", "mac")
    _attributes = ("label", "tags", "uplink")
    _compare = {"site": ("case_insensitive", "stripped"), "mac": "mac", "label": "unicode_nfc", "tags": ("unordered", "stripped")}
    _references = {"uplink": "port"}
    site: str
    mac: str
    label: str = ""
    tags: list[str] = []
    uplink: str | None = None


class Estate(DSync):
    site = Site
    port = Port
    top_level = ["site"]


def estate(name: str, *ports: dict[str, Any], site: str = "NYC") -> Estate:
    made = Estate(name)
    objs = [Port(**port) for port in ports]
    made.add(Site(name=site, ports=[f"{port.site}__{port.mac}" for port in objs]))
    for obj in objs:
        made.add(obj)
    return made


def test_objects_whose_identities_compare_equal_are_one_and_attributes_compare_alike() -> None:
    source = estate("source", {"site": " NYC", "mac": "AA:BB:CC:00:00:01", "label": "Z\u00fcrich", "tags": ["b", "a "]})
    target = estate("target", {"site": "nyc", "mac": "aabb.cc00.0001", "label": "Zu\u0308rich", "tags": ["a", "b"]}, site="nyc")
    diff = target.diff_from(source)
    assert (diff.summary(), diff.warnings) == ({"create": 0, "update": 0, "move": 0, "delete": 0, "no-change": 2, "skip": 0}, [])


def test_what_is_created_has_the_spelling_of_the_source_and_what_is_updated_keeps_that_of_the_target() -> None:
    source = estate("source", {"site": "NYC", "mac": "AA", "label": "x"}, {"site": "NYC", "mac": "BB"})
    target = estate("target", {"site": "nyc", "mac": "AA"}, site="Nyc")
    target.sync_from(source)
    assert {
        uid: (str(obj.site), str(obj.mac), obj.label) for uid in ("nyc__AA", "nyc__BB") for obj in [target.get("port", uid)]
    } == {
        "nyc__AA": ("nyc", "AA", "x"),
        "nyc__BB": ("NYC", "BB", ""),
    }
    assert target.get("site", "NYC ").ports == ["nyc__AA", "nyc__BB"]
    assert not target.diff_from(source).has_diffs()


def test_two_objects_of_one_dataset_are_refused_with_both_spellings() -> None:
    said = (
        r"""source has two site objects with the identity "nyc": name 'NYC' and name 'nyc\\xa0' are equal as the model compares"""
    )
    one = Estate("source")
    one.add(Site(name="NYC"))
    with pytest.raises(ObjectAlreadyExists, match=said):
        one.add(Site(name="nyc\u00a0"))
    with pytest.raises(ObjectAlreadyExists, match=said):
        Estate("source").add_rows("site", [{"name": "NYC"}, {"name": "nyc\u00a0"}])


def test_references_parents_and_gets_find_an_object_by_any_spelling() -> None:
    source = estate(
        "source", {"site": "NYC", "mac": "aabb.cc00.0001"}, {"site": "nyc", "mac": "AA", "uplink": "Nyc__AA:BB:CC:00:00:01"}
    )
    plan = Plan.from_diff(estate("target").diff_from(source))
    assert [(change.id, [one.id for one in change.requires]) for change in plan] == [
        ("nyc__aa:bb:cc:00:00:01", []),
        ("nyc__AA", ["nyc__aa:bb:cc:00:00:01"]),
    ]
    assert source.get("port", {"site": " nyc", "mac": "AABBCC000001"}) is source.get_by_uids(["NYC__AABB.CC00.0001"], "port")[0]
    rows = Estate("rows")
    rows.add(Site(name="nyc"))
    rows.add_rows("port", [{"site": "NYC", "mac": "m"}], parent="site", parent_ids={"name": "site"})
    assert rows.get("site", "nyc").ports == ["nyc__m"]


def test_a_plan_of_a_class_that_compares_otherwise_does_not_fit() -> None:
    exact = type("Exact", (DSync,), {"site": plain_site(), "top_level": ["site"]})("exact")
    with pytest.raises(ModelMismatch, match="compares stripped, case_insensitive in source, but by equality in exact") as caught:
        exact.diff_from(estate("source"))
    assert "identifier" in str(caught.value)


def plain_site() -> type[DSyncModel]:
    class Plain(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        name: str

    return Plain


def test_a_subclass_compares_as_its_base_does_unless_it_says_otherwise() -> None:
    class Narrow(Site):
        _compare = {"name": "stripped"}

    class Alike(Site):
        role: str = ""

    assert Alike(name="R1 ").get_unique_id() == "r1"
    assert Narrow(name="R1 ").get_unique_id() == "R1"
    assert Site(name="R1 ").get_unique_id() == "r1"


class Reading(DSyncModel):
    _modelname = "reading"
    _identifiers = ("number", "at")
    number: Decimal
    at: datetime.datetime


def test_numbers_and_moments_are_one_by_their_type() -> None:
    class Log(DSync):
        reading = Reading
        top_level = ["reading"]

    one, other = Log("one"), Log("other")
    one.add(Reading(number="10", at="2026-03-01T10:00:00Z"))
    other.add(Reading(number="10.0", at="2026-03-01T12:00:00+02:00"))
    assert not one.diff_from(other).has_diffs()
    assert one.get("reading", "10.00__2026-03-01T11:00:00+01:00") is one.get_all("reading")[0]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"_compare": {"nam": "mac"}}, "_compare names 'nam', but Bad has no such field (did you mean \"name\"? known: "),
        ({"_compare": {"own": "mac"}}, "_compare names 'own', which is not one of its identifiers and attributes"),
        ({"_compare": {"name": "lax"}}, "_compare['name']: there is no comparison \"lax\" (known: stripped, case_insensitive, "),
        ({"_compare": {"number": "number"}}, "compare: number requires a string"),
        ({"_compare": {"name": ("mac", "stripped")}}, "compare: mac cannot be combined with others"),
        ({"_compare": {"name": "unordered"}}, "compare: unordered requires a list (a set has no order anyway)"),
        ({"_compare": {"names": "unordered"}, "_identifiers": ("names",)}, "the identifier 'names' cannot be unordered"),
        (
            {"_identifiers": ("some",)},
            "the identifier 'some' cannot be a set or a dict, whose string form can vary",
        ),
        ({"_compare": ("name",)}, "_compare must be a dict of field name to comparison"),
    ],
)
def test_what_cannot_be_declared(space: dict[str, Any], said: str) -> None:
    fields = {"name": str, "own": str, "number": int, "names": list[str], "some": tuple[frozenset[str], ...]}
    base = {"_modelname": "bad", "_identifiers": ("name",), "_attributes": ("number",), "__annotations__": fields}
    with pytest.raises(DeclarationError) as caught:
        type("Bad", (DSyncModel,), {"__module__": __name__, **base, **space})
    assert said in str(caught.value)
