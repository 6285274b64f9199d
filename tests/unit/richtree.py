# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Random trees of objects with attributes of every kind of value, for the tests of plans, journals and undo."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from dsync import DSync, DSyncAction, DSyncModel, DSyncModelFlags, Plan
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int = 0
    label: str = ""


class Node(DSyncModel):
    _modelname = "node"
    _identifiers = ("name",)
    _attributes = (
        "address", "day", "moment", "span", "tags", "price", "raw", "colour", "point", "points", "facts", "ratio", "number",
        "token", "password", "uuid", "pair",
    )  # fmt: skip
    _sensitive = ("password",)
    _children = {"node": "nodes"}
    name: str
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    day: date | None = None
    moment: datetime | None = None
    span: timedelta | None = None
    tags: set[str] = set()
    price: Decimal | None = None
    raw: bytes = b""
    colour: Colour | None = None
    point: Point | None = None
    points: dict[int, Point] = {}
    facts: Any = None
    ratio: float = 0.0
    number: int | bool = 0
    token: SecretStr | None = None
    password: str = "factory"
    uuid: UUID | None = None
    pair: tuple[int, str] | None = None
    nodes: list[str] = []


class NaturalNode(Node):
    model_flags: DSyncModelFlags = DSyncModelFlags.NATURAL_DELETION_ORDER


class TakingNode(Node):
    model_flags: DSyncModelFlags = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE


class Tree(DSync):
    node = Node
    top_level = ["node"]


class NaturalTree(Tree):
    node = NaturalNode


class TakingTree(Tree):
    node = TakingNode


KINDS = (Tree, NaturalTree, TakingTree)
Spec = Mapping[str, tuple[str | None, Mapping[str, Any]]]
"""Name → (name of an earlier one, the parent, or None; values of attributes)."""


def tree(spec: Spec, kind: type[Tree] = Tree, name: str = "tree") -> Tree:
    made = kind(name)
    for one, (parent, values) in spec.items():
        obj = made.node(name=one, **values)
        made.add(obj)
        if parent is not None:
            made.get("node", parent).add_child(obj)
    return made


def content(dataset: DSync) -> dict[str, Any]:
    """Return all that a dataset holds, children as sets, in a form that can be compared."""
    return {
        f"{model} {obj.get_unique_id()}": (
            obj.get_attrs(),
            {kind: sorted(getattr(obj, field)) for kind, field in obj.get_children_mapping().items()},
        )
        for model in dataset.get_all_model_names()
        for obj in dataset.get_all(model)
    }


def whole(plan: Plan, cut: int) -> Plan:
    """Return the first changes of a plan, so many that no object is left whose parent is deleted."""
    while cut < len(plan) and _goes_down(plan, cut):
        cut += 1
    return Plan(plan.changes[:cut])


def _goes_down(plan: Plan, cut: int) -> bool:
    change = plan.changes[cut]
    return change.action == DSyncAction.DELETE and change.parent in {
        (one.model, one.id) for one in plan.changes[:cut] if one.action == DSyncAction.DELETE
    }


texts = st.text(max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("$bytes") | st.just("$hmac"), inner, max_size=3),
    max_leaves=6,
)
points = st.builds(Point, x=st.integers(-5, 5), label=texts)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "address": st.none() | st.ip_addresses(),
    "day": st.none() | st.dates(),
    "moment": st.none() | st.datetimes(timezones=st.just(timezone.utc)),
    "span": st.none() | st.timedeltas(min_value=timedelta(-10), max_value=timedelta(10)),
    "tags": st.sets(texts, max_size=3),
    "price": st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=2),
    "raw": st.binary(max_size=4),
    "colour": st.none() | st.sampled_from(Colour),
    "point": st.none() | points,
    "points": st.dictionaries(st.integers(-3, 3), points, max_size=2),
    "facts": json_values,
    "ratio": st.floats(allow_nan=False),
    "number": st.booleans() | st.integers(),
    "token": st.none() | st.builds(SecretStr, st.sampled_from(["hunter2-a", "hunter2-b"])),
    "password": st.sampled_from(["hunter2-c", "hunter2-d"]),
    "uuid": st.none() | st.uuids(),
    "pair": st.none() | st.tuples(st.integers(), texts),
}
NAMES = ["a", "b", "c", "d__e", "é\x85\u2028\n", "f"]


@st.composite
def specs(draw: st.DrawFn, secrets: bool = True) -> Spec:
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    made: dict[str, tuple[str | None, Mapping[str, Any]]] = {}
    for name in names:
        parent = draw(st.none() | st.sampled_from(list(made))) if made else None
        chosen = draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=3))
        values = {one: draw(VALUES[one]) for one in sorted(chosen) if secrets or one not in ("token", "password")}
        made[name] = (parent, values)
    return made
