# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What a narrowed comparison looks at, and that nothing else is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from dsync import Diff, DSync, DSyncFlags, DSyncModel, DSyncModelFlags, Plan
from dsync.diff.scope import Scope
from dsync.diff.selectors import classes_by_model, selectors
from dsync.exceptions import SelectorError
from dsync.guard.protection import protect
from estate import SOURCE, TARGET, Device, Estate, Folder, Interface, InTwo, Site, dataset, estate
from hypothesis import given
from hypothesis import strategies as st
from test_plan import check_plan, estates

CASCADE = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE


def compared(target: DSync, source: DSync, **scope: Any) -> Diff:
    return target.diff_from(source, scope=Scope.of(source, target, **scope))


def found(diff: Diff, protected: bool = False) -> list[str]:
    """Return the changes that may, or must not, be made, as "action id"."""
    return [f"{change.action} {change.id}" for change in Plan.from_diff(diff) if bool(change.protected) is protected]


def sync(target: Estate, diff: Diff) -> dict[str, int]:
    """Apply a diff; return how many changes ended how, without the zeros."""
    result = target.apply(Plan.from_diff(diff), estate(), diff=diff)
    result.raise_for_failure()
    return {status: number for status, number in result.counts.items() if number}


# ---------------------------------------------------------------------- models, only, exclude


@pytest.mark.parametrize(
    ("scope", "changes"),
    [
        ({}, 12),
        ({"models": None, "only": None, "exclude": [], "attributes": None}, 12),
        ({"models": ["interface"]}, ["update rtr-1__eth0", "create rtr-1__eth1"]),
        ({"models": ["device"]}, ["create sw-1"]),
        ({"models": ["site"]}, ["update nyc", "create ams"]),
        ({"models": ["site", "device"]}, ["update nyc", "create sw-1", "create ams", "create rtr-2"]),
        ({"models": ["folder"]}, []),
        ({"only": [{"model": "site", "id": "ams"}]}, ["create ams", "create rtr-2", "create rtr-2__eth0"]),
        ({"only": [{"id": "rtr-1"}]}, ["update rtr-1__eth0", "create rtr-1__eth1"]),
        ({"only": [{"id": "rtr-3"}]}, []),  # its site is gone from the source, and not in scope
        ({"only": [{"model": "interface"}]}, ["update rtr-1__eth0", "create rtr-1__eth1"]),
        ({"only": [{"id": "sw-1"}, {"id": "rtr-1__eth1"}]}, ["create rtr-1__eth1", "create sw-1"]),
        ({"only": [{"action": "update"}]}, ["update nyc", "update rtr-1__eth0"]),
        (
            {"only": [{"action": "delete"}]},
            ["delete old-1", "delete old-1__eth9", "delete lon", "delete rtr-3", "delete rtr-3__eth0"],
        ),
        (
            {"only": [{"action": "create"}]},
            ["create rtr-1__eth1", "create sw-1", "create ams", "create rtr-2", "create rtr-2__eth0"],
        ),
        ({"only": [{"attributes": {"contact": "555-1"}}], "models": ["site"]}, ["update nyc"]),
        ({"only": [{"attributes": {"contact": "555-0"}}], "models": ["site"]}, ["update nyc"]),
        ({"only": [{"attributes": {"role": "switch"}}]}, ["create sw-1"]),
        ({"exclude": [{"model": "site"}]}, []),
        ({"exclude": [{"model": "device"}]}, ["update nyc", "create ams"]),
        ({"exclude": [{"action": "delete"}, {"action": "create"}]}, ["update nyc", "update rtr-1__eth0"]),
        ({"exclude": [{"action": "update"}, {"action": "delete"}], "models": ["device"]}, ["create sw-1"]),
        ({"exclude": [{"action": "update"}, {"id": "nyc"}, {"id": "lon"}]}, ["create ams", "create rtr-2", "create rtr-2__eth0"]),
        (
            {"only": [{"id": "nyc"}], "exclude": [{"id": "rtr-1"}]},
            ["update nyc", "create sw-1", "delete old-1", "delete old-1__eth9"],
        ),
        ({"only": [{"id": "rtr-1"}], "exclude": [{"id": "nyc"}]}, []),
    ],
    ids=repr,
)
def test_what_is_in_scope(scope: dict[str, Any], changes: Any) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    diff = compared(target, source, **scope)
    assert (len(found(diff)) if isinstance(changes, int) else found(diff)) == changes
    assert sum(diff.summary().values()) == 13
    assert sync(target, diff) == {
        **({"done": len(found(diff))} if found(diff) else {}),
        **({"refused": len(found(diff, True))} if found(diff, True) else {}),
    }
    again = compared(target, source, **scope)
    assert found(again) == []


def test_an_object_is_not_deleted_while_something_below_it_is_out_of_scope() -> None:
    for flags in (DSyncModelFlags.NONE, DSyncModelFlags.NATURAL_DELETION_ORDER, CASCADE):
        target = estate({"a": ("1", {"d": ("x", {"e": 1}), "f": ("x", {"g": 1})}), "b": "1"})
        for model in ("site", "device"):
            for obj in target.get_all(model):
                obj.model_flags = flags
        diff = compared(target, estate({}), exclude=[{"id": "d__e"}])
        assert set(found(diff)) == {"delete f", "delete f__g", "delete b"}
        assert [change.protected for change in Plan.from_diff(diff) if change.id == "d"] == [
            'protected: interface "d__e" below it is out of scope'
        ]
        assert sync(target, diff) == {"done": 3, "refused": 2}
        assert len(target) == 3
        assert target.get("site", "a").devices == ["d"]
    diff = compared(estate(TARGET), estate({}), models=["site"])
    assert found(diff, True) == ["delete nyc", "delete lon"]
    assert found(compared(estate({"a": "1"}), estate({}), models=["site"])) == ["delete a"]


def test_an_object_whose_other_place_is_out_of_scope_is_neither_lost_nor_made_twice() -> None:
    old, new = {"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}, {"a": "1", "b": ("1", {"d": ("x", {"e": 1})})}
    for site, action in (("a", "delete"), ("b", "create")):
        target, source = estate(old, name="cmdb"), estate(new, name="sot")
        diff = compared(target, source, only=[{"id": site}])
        assert found(diff, True) == [f"{action} d", f"{action} d__e"]
        owner = "sot" if action == "delete" else "cmdb"
        assert Plan.from_diff(diff).changes[0].protected == f"protected: {owner} has it in another place, which was not compared"
        assert sync(target, diff) == {"refused": 2}
        assert target.get("site", "a").devices == ["d"]
    target = estate(old)
    assert sync(target, compared(target, estate(new), only=[{"model": "site"}])) == {"done": 1}
    assert target.get("site", "b").devices == ["d"]


@pytest.mark.parametrize(
    ("scope", "changes"),
    [
        ({"only": [{"action": "move"}]}, ["move d", "update d__e"]),
        ({"exclude": [{"action": "delete"}, {"action": "create"}]}, ["move d", "update d__e"]),
        ({"exclude": [{"action": "move"}]}, ["create new", "delete old"]),
        ({"only": [{"attributes": {"role": "before"}}]}, ["move d", "update d__e"]),
        ({"only": [{"attributes": {"role": "after"}}]}, ["move d", "update d__e"]),
        ({"only": [{"action": "update"}]}, []),
        ({"only": [{"action": "delete"}, {"action": "create"}]}, ["create new", "delete old"]),
    ],
    ids=repr,
)
def test_a_move_is_selected_as_one(scope: dict[str, Any], changes: list[str]) -> None:
    target = estate({"a": ("1", {"d": ("before", {"e": 1}), "old": "x"}), "b": "1"})
    source = estate({"a": "1", "b": ("1", {"d": ("after", {"e": 2}), "new": "x"})})
    diff = compared(target, source, **scope)
    assert sorted(found(diff)) == sorted(changes)
    assert found(diff, True) == []
    assert sync(target, diff) == ({"done": len(changes)} if changes else {})
    assert found(compared(target, source, **scope)) == []


def test_nested_in_itself() -> None:
    target, source = estate(folders={"a": (1, {"b": (1, {"c": 1})})}), estate(folders={"a": (2, {"b": (2, {"c": 2})})})
    assert found(compared(target, source, only=[{"id": "b"}])) == ["update b", "update c"]
    assert found(compared(target, source, exclude=[{"id": "b"}])) == ["update a"]
    assert found(compared(target, source, exclude=[{"id": "b", "action": "update"}])) == ["update a", "update c"]
    assert found(compared(target, source, only=[{"id": "b", "action": "update"}])) == ["update b"]
    diff = compared(target, source, only=[{"id": "c"}])
    assert diff.summary() == {"create": 0, "update": 1, "move": 0, "delete": 0, "no-change": 0, "skip": 2}
    assert str(diff).split("\n")[:3] == ["  folder a", "      folder b", "        ~ folder c"]


def test_unchanged_objects_that_are_kept() -> None:
    diff = estate(SOURCE).diff_from(
        estate(SOURCE), flags=DSyncFlags.LOG_UNCHANGED_RECORDS, scope=Scope.of(estate(), estate(), models=["device"])
    )
    assert [element.type for element in diff.walk() if element.action is not None] == []
    assert diff.summary() == {"create": 0, "update": 0, "move": 0, "delete": 0, "no-change": 3, "skip": 5}
    assert not diff.has_diffs()


# ---------------------------------------------------------------------- attributes


def test_attributes() -> None:
    def sides() -> tuple[Estate, Estate]:
        made = estate({"a": ("1", {"d": "x"})}), estate({"a": ("2", {"d": "y", "new": "z"})})
        made[1].get("device", "d").facts = 1
        return made

    for attributes, changes in (
        ({"device": ["facts"]}, {"a": {"contact": "2"}, "d": {"facts": 1}, "new": {"role": "z", "facts": None}}),
        (["facts"], {"d": {"facts": 1}, "new": {"role": "z", "facts": None}}),
        (["role", "contact"], {"a": {"contact": "2"}, "d": {"role": "y"}, "new": {"role": "z", "facts": None}}),
        ({"device": []}, {"a": {"contact": "2"}, "new": {"role": "z", "facts": None}}),
        (None, {"a": {"contact": "2"}, "d": {"role": "y", "facts": 1}, "new": {"role": "z", "facts": None}}),
    ):
        target, source = sides()
        diff = compared(target, source, attributes=attributes)
        assert {change.id: change.after for change in Plan.from_diff(diff)} == changes
        assert diff.summary()["update"] == len(changes) - 1
        assert sum(diff.summary().values()) == 3
        sync(target, diff)
        assert compared(target, source, attributes=attributes).has_diffs() is False
        assert (target.get("device", "d").role == "y") is ("role" in changes.get("d", {}))


@pytest.mark.parametrize("said", ["models", "only", "attributes"])
def test_an_empty_list_means_neither_everything_nor_nothing(said: str) -> None:
    with pytest.raises(SelectorError, match=f"^{said} is empty, so there is nothing to compare; omit it"):
        Scope.of(estate(), estate(), **{said: []})


def test_attributes_of_a_class_that_gives_its_own() -> None:
    class Partial(Site):
        def get_attrs(self) -> dict[str, Any]:
            return {} if self.name == "none" else {"contact": self.contact.lower()}

    target = dataset(
        Partial, Device, Interface, objects=[Partial(name=name, contact="A") for name in ("none", "a")], top_level=["site"]
    )
    source = dataset(Site, Device, Interface, objects=[Site(name=name, contact="a") for name in ("none", "a")], top_level=["site"])
    for one, other in ((target, source), (source, target)):
        diff = compared(one, other, attributes={"site": ["contact"]})
        assert diff.summary()["no-change"] == 2
        assert not diff.has_diffs()


def test_the_sides_may_have_different_attributes() -> None:
    class Other(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        _attributes = ("owner", "contact")
        name: str
        owner: str = ""
        contact: str = ""

    target = dataset(Other, objects=[Other(name="a", owner="me", contact="1"), Other(name="b", owner="you", contact="1")])
    source = dataset(Site, Device, Interface, objects=[Site(name=name, contact="2") for name in "ab"], top_level=["site"])
    for one, other in ((target, source), (source, target)):
        assert found(compared(one, other, only=[{"attributes": {"owner": "me"}}], attributes=["owner", "contact"])) == ["update a"]
        assert found(compared(one, other, attributes={"site": ["owner"]})) == []


# ---------------------------------------------------------------------- what is impossible


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"models": ["site", "devices"]}, r"models\[1\]: unknown model 'devices' \(did you mean .device.\? known: "),
        ({"only": [{"model": "ship"}]}, r"only\[0\].model: unknown model 'ship' \(known: site, folder, device, interface\)"),
        ({"exclude": [{"id": "a"}, {}]}, r"exclude\[1\]: it is empty"),
        ({"attributes": {"ship": []}}, r"attributes: unknown model 'ship'"),
        ({"attributes": {"site": ["contac"]}}, r"attributes.site: unknown attribute 'contac' \(did you mean .contact.\? known: "),
        ({"attributes": {"site": ["role"]}}, r"attributes.site: unknown attribute 'role' \(known: contact\)"),
        ({"attributes": ["contact", "name"]}, r"attributes\[1\]: unknown attribute 'name'"),
    ],
    ids=repr,
)
def test_impossible_scopes(scope: dict[str, Any], words: str) -> None:
    with pytest.raises(SelectorError, match=words):
        Scope.of(estate(), estate(), **scope)


def test_a_scope_of_everything_is_none() -> None:
    assert not Scope()
    assert not Scope.of(estate(), estate())
    for scope in ({"models": ["site"]}, {"only": [{"id": "a"}]}, {"exclude": [{"id": "a"}]}, {"attributes": ["role"]}):
        assert Scope.of(estate(), estate(), **scope)


# ---------------------------------------------------------------------- generated trees against an oracle

Path = tuple[tuple[str, str], ...]
"""Model and unique id of an object, after those of what is above it."""

HAS = {"contact": "site", "label": "folder", "facts": "device", "mtu": "interface"}
"""Which model has an attribute; a name has every model but folders."""


def _makes_sense(said: dict[str, Any]) -> bool:
    names, model = said.get("attributes", {}), said.get("model")
    return model is None or all(HAS[name] == model if name in HAS else model != "folder" for name in names)


SELECTORS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["site", "device", "interface", "folder"]),
        "id": st.sampled_from(["a", "b", "a*", "~_", "*b"]),
        "attributes": st.sampled_from(
            [{"contact": "a"}, {"label": 1}, {"label": True}, {"facts": None}, {"mtu": 0}, {"name": "b"}]
        ),
        "action": st.sampled_from(["create", "update", "delete"]),
    },
).filter(lambda said: bool(said) and _makes_sense(said))
LISTS = st.lists(SELECTORS, max_size=2)
MODELS = st.none() | st.lists(st.sampled_from(["site", "device", "interface", "folder"]), min_size=1, max_size=3)
ATTRIBUTES = st.sampled_from([None, ["facts", "mtu", "label"], {"device": ["role"], "folder": []}])
CHILDREN: dict[str, dict[str, str]] = {kind.get_type(): kind.get_children_mapping() for kind in (Site, Device, Interface, Folder)}


def tree(data: Estate) -> dict[Path, dict[str, Any]]:
    """Return the attributes of every object by its place."""

    def below(path: Path, obj: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
        yield path, obj.get_attrs()
        for model, field in CHILDREN[path[-1][0]].items():
            for uid in getattr(obj, field):
                yield from below((*path, (model, uid)), data.get(model, uid))

    nested = {uid for folder in data.get_all("folder") for uid in folder.folders}
    tops = [
        obj for model in ("site", "folder") for obj in data.get_all(model) if model == "site" or obj.get_unique_id() not in nested
    ]
    return {path: attrs for obj in tops for path, attrs in below(((obj.get_type(), obj.get_unique_id()),), obj)}


class Oracle:
    """What is to become of every place, worked out slowly."""

    def __init__(self, source: Estate, target: Estate, scope: dict[str, Any], protected: list[dict[str, Any]]) -> None:
        self.source, self.target, self.scope = tree(source), tree(target), scope
        self.ids = {data: {path[-1]: data.get(*path[-1]).get_identifiers() for path in tree(data)} for data in (source, target)}
        self.sides = (source, target)
        self.paths = list({**self.source, **self.target})
        self.changes = {path for path in self.paths if self.action(path) and self.in_scope(path)}
        self.kept = {path for path in self.changes if any(self.selects(one, path) for one in protected)}
        self.kept |= {path for path in self.changes if any(other not in self.changes for other in self.elsewhere(path))}
        torn = {()}
        while torn:
            self.kept |= {path for path in self.changes if any(above in self.kept for above in self.lone_above(path))}
            self.stuck = self.kept | {path for path in self.changes if self.action(path) == "delete" and self.holds(path)}
            torn = {path for path in self.changes - self.stuck if any(other in self.stuck for other in self.elsewhere(path))}
            self.kept |= torn

    def names(self, model: str) -> Any:
        said = self.scope["attributes"]
        return said.get(model) if isinstance(said, dict) else said

    def action(self, path: Path) -> str | None:
        if path not in self.target:
            return "create"
        if path not in self.source:
            return "delete"
        names = self.names(path[-1][0])
        new, old = self.source[path], self.target[path]
        return "update" if any(repr(new[name]) != repr(old[name]) for name in new if names is None or name in names) else None

    def selects(self, said: dict[str, Any], path: Path) -> bool:
        model, uid = path[-1]
        pattern = said.get("id", "*")
        fits = [
            all(
                name in {**values, **ids} and repr({**values, **ids}[name]) == repr(value)
                for name, value in said["attributes"].items()
            )
            for side, values, ids in (
                (side, side[path], self.ids[data][path[-1]])
                for data, side in zip(self.sides, (self.source, self.target))
                if path in side
            )
            if "attributes" in said
        ]
        return (
            said.get("model", model) == model
            and said.get("action", self.action(path)) == self.action(path)
            and bool(re.search(pattern[1:], uid) if pattern[0] == "~" else fnmatchcase(uid, pattern))
            and ("attributes" not in said or any(fits))
        )

    def reached(self, key: str, path: Path) -> bool:
        above = [path[:length] for length in range(1, len(path) + 1)]
        return any(
            self.selects(one, place) and (place == path or one.get("action") != "update")
            for one in self.scope[key]
            for place in above
        )

    def in_scope(self, path: Path) -> bool:
        return (
            not self.reached("exclude", path)
            and (not self.scope["only"] or self.reached("only", path))
            and (self.scope["models"] is None or path[-1][0] in self.scope["models"])
            and all(map(self.in_scope, self.lone_above(path)))
        )

    def holds(self, path: Path) -> bool:
        """Whether something of the target below a place stays."""
        below = [other for other in self.target if other[: len(path)] == path and other != path]
        return any(other not in self.changes or other in self.kept for other in below)

    def lone_above(self, path: Path) -> list[Path]:
        """Return the places above one that only one side has."""
        return [path[:length] for length in range(1, len(path)) if self.action(path[:length]) in ("create", "delete")]

    def elsewhere(self, path: Path) -> list[Path]:
        """Return the other place of an object that moves."""
        other = {"create": self.target, "delete": self.source}.get(str(self.action(path)), {})
        return [place for place in other if place[-1] == path[-1]]

    def after(self) -> dict[Path, dict[str, Any]]:
        """Return what the target is to be like."""
        result = {}
        for path in self.paths:
            made = path in self.changes - self.stuck
            attrs = self.target.get(path)
            if made and self.action(path) == "update":
                names = self.names(path[-1][0])
                new = self.source[path]
                attrs = {name: new[name] if names is None or name in names else old for name, old in self.target[path].items()}
            elif made:
                attrs = self.source.get(path)
            if attrs is not None:
                result[path] = attrs
        return result

    def summary(self) -> dict[str, int]:
        counted = {"create": 0, "update": 0, "move": 0, "delete": 0, "no-change": 0, "skip": 0}
        for path in self.paths:
            counted[(self.action(path) or "no-change") if self.in_scope(path) else "skip"] += 1
        return counted


@given(
    target=estates(InTwo),
    source=estates(InTwo),
    scope=st.fixed_dictionaries({"models": MODELS, "only": LISTS, "exclude": LISTS, "attributes": ATTRIBUTES}),
    protected=LISTS,
)
def test_generated_trees_change_in_scope_and_unprotected_only(
    target: Estate, source: Estate, scope: dict[str, Any], protected: list[dict[str, Any]]
) -> None:
    scope = {name: said or ([] if name == "exclude" else None) for name, said in scope.items()}
    oracle, before = Oracle(source, target, scope, protected), tree(source)
    expected, summary = oracle.after(), oracle.summary()
    diff = compared(target, source, **scope)
    protect(diff, selectors(protected, "protect", classes_by_model(source, target)), target.models())
    plan = Plan.from_diff(diff)
    check_plan(plan)
    assert diff.summary() == summary
    assert {(str(change.action), change.model, change.id) for change in plan} == {
        (oracle.action(path), *path[-1]) for path in oracle.changes
    }
    free = {change.key for change in plan if not change.protected}
    for change in plan:
        assert change.protected or free.issuperset(change.requires)
    result = target.apply(plan, source, diff=diff)
    assert result.counts == {
        "done": len(free), "refused": len(plan) - len(free), "already_done": 0, "failed": 0, "not_attempted": 0,
    }  # fmt: skip
    assert _texts(tree(target)) == _texts(expected)
    assert len(target) == len(expected)
    assert tree(source) == before
    again = compared(target, source, **scope)
    protect(again, selectors(protected, "protect", classes_by_model(source, target)), target.models())
    assert sum(again.summary().values()) == len({**tree(source), **tree(target)})


def _texts(values: dict[Path, dict[str, Any]]) -> dict[Path, str]:
    """Return the same in a form in which ``1`` and ``True`` differ."""
    return {path: repr(attrs) for path, attrs in values.items()}
