# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What is refused before the first write: protected differences, limits, an empty or shrunken source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import Change, Diff, DSync, DSyncAction, DSyncFlags, DSyncModel, DSyncModelFlags, Plan, prepare_plan
from dsync.diff.scope import Scope
from dsync.diff.selectors import Selector, classes_by_model, selectors
from dsync.exceptions import DeclarationError, EmptySource, LimitExceeded, Refused, SelectorError, SourceShrank
from dsync.guard.limits import Limit, limits, over_limits
from dsync.guard.protection import protect
from dsync.guard.refusals import refuse
from dsync.guard.source_size import empty_source, object_counts, shrunken_source
from dsync.guard.staleness import check
from dsync.guard.writability import not_writable, refusal_of
from dsync.plan.undo import undo_plan
from dsync.storage.plan_file import load, save
from estate import PLANTED, SOURCE, TARGET, Device, Estate, Folder, Interface, Moving, Site, dataset, estate

NONE, NATURAL = DSyncModelFlags.NONE, DSyncModelFlags.NATURAL_DELETION_ORDER
CASCADE = DSyncModelFlags.SKIP_CHILDREN_ON_DELETE
FLAGS = [NONE, NATURAL, CASCADE, NATURAL | CASCADE]
GO_ON = DSyncFlags.CONTINUE_ON_FAILURE


def flagged(made: Estate, flags: DSyncModelFlags) -> Estate:
    for model in ("site", "device", "folder"):
        for obj in made.get_all(model):
            obj.model_flags = flags
    return made


def protected_diff(target: Estate, source: Estate, *said: dict[str, Any]) -> Diff:
    diff = target.diff_from(source)
    protect(diff, selectors(said, "protect", classes_by_model(source, target)), target.models())
    return diff


def why(diff: Diff) -> dict[str, str]:
    """Return what is protected, as "action model id", and why."""
    return {f"{change.action} {change.model} {change.id}": change.protected for change in Plan.from_diff(diff) if change.protected}


def ends(target: Estate, source: Estate, *said: dict[str, Any], flags: DSyncFlags = DSyncFlags.NONE) -> dict[str, str]:
    """Apply what is not protected; return how each change ended."""
    diff = protected_diff(target, source, *said)
    result = target.apply(Plan.from_diff(diff), source, flags=flags, diff=diff)
    result.raise_for_failure()
    return {
        f"{outcome.change.action} {outcome.change.model} {outcome.change.id}": str(outcome.status) for outcome in result.outcomes
    }


# ---------------------------------------------------------------------- protection


def test_an_update_is_protected_alone() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    diff = protected_diff(target, source, {"model": "site", "id": "nyc"})
    assert why(diff) == {"update site nyc": "protected by model: site, id: nyc"}
    assert diff.summary() == target.diff_from(source).summary()
    found = ends(target, source, {"model": "site", "id": "nyc"})
    assert [key for key, end in found.items() if end != "done"] == ["update site nyc"]
    assert found["update site nyc"] == "refused"
    assert ("update", "site", "nyc") not in target.log
    assert target.get("site", "nyc").contact == "555-0"
    assert target.get("site", "nyc").devices == ["rtr-1", "sw-1"]


def test_what_is_unchanged_is_not_marked() -> None:
    diff = estate(SOURCE).diff_from(estate(SOURCE), flags=DSyncFlags.LOG_UNCHANGED_RECORDS)
    protect(diff, [Selector(model="site")], {})
    assert not any(element.protected for element in diff.walk())
    diff = protected_diff(estate(TARGET), estate(SOURCE), {"id": "rtr-1"})
    assert why(diff) == {}


def test_a_protected_create_takes_what_is_below_along() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    found = ends(target, source, {"model": "site", "action": "create"})
    assert [key for key, end in found.items() if end == "refused"] == [
        "create site ams",
        "create device rtr-2",
        "create interface rtr-2__eth0",
    ]
    assert set(found.values()) == {"done", "refused"}
    diff = protected_diff(estate(TARGET), source, {"model": "site", "action": "create"})
    assert why(diff)["create interface rtr-2__eth0"] == 'protected with device "rtr-2"'


@pytest.mark.parametrize("flags", FLAGS, ids=repr)
def test_a_protected_delete_takes_what_is_below_along(flags: DSyncModelFlags) -> None:
    target = flagged(estate(TARGET), flags)
    before = len(target)
    found = ends(target, estate({}), {"model": "site"})
    assert set(found.values()) == {"refused"}
    assert (target.log, len(target), target.completed) == ([], before, [])


@pytest.mark.parametrize("flags", FLAGS, ids=repr)
def test_what_is_above_a_protected_delete_stays_and_what_is_beside_it_goes(flags: DSyncModelFlags) -> None:
    sites = {"a": ("1", {"d": ("x", {"e0": 1, "e1": 1}), "f": ("x", {"e2": 1})}), "b": "1"}
    target = flagged(estate(sites), flags)
    found = ends(target, estate({}), {"model": "interface", "id": "d__e0"})
    assert found["delete interface d__e0"] == found["delete device d"] == found["delete site a"] == "refused"
    done = [key for key, end in found.items() if end == "done"]
    assert sorted(done) == ["delete device f", "delete interface d__e1", "delete interface f__e2", "delete site b"]
    assert set(target.store.uids("site")) == {"a"}
    assert target.get("site", "a").devices == ["d"]
    assert target.get("device", "d").interfaces == ["d__e0"]
    assert target.get_or_none("interface", "d__e0") is not None
    assert ("delete", "interface", "d__e1") in target.log
    assert (("delete", "interface", "f__e2") in target.log) is not bool(flags & CASCADE)
    assert len(target) == 3
    assert why(protected_diff(target, estate({}), {"id": "d__e0"})) == {
        "delete interface d__e0": "protected by id: d__e0",
        "delete device d": 'protected because of interface "d__e0" below it',
        "delete site a": 'protected because of device "d" below it',
    }


def test_an_object_that_moves_is_not_lost_when_it_may_not_be_created_anew() -> None:
    for action in ("create", "delete", None):
        target, source = (
            estate({"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}),
            estate({"a": "1", "b": ("1", {"d": ("x", {"e": 1})})}),
        )
        found = ends(target, source, {"model": "device", **({"action": action} if action else {})})
        assert found == {"move device d": "refused"}
        assert target.get("site", "a").devices == ["d"]
        assert target.get("device", "d").interfaces == ["d__e"]
        assert target.log == []
    target = estate({"a": ("1", {"d": "x"}), "b": "1"})
    diff = protected_diff(target, estate({"a": "1", "b": ("1", {"d": "x"})}), {"action": "create"})
    assert why(diff) == {"move device d": "protected by action: create"}


@pytest.mark.parametrize("flags", FLAGS, ids=repr)
def test_nothing_moves_to_a_new_parent_that_is_not_made_nor_away_with_a_child_that_stays(flags: DSyncModelFlags) -> None:
    target = flagged(estate({"a": ("1", {"d": ("x", {"e0": 1, "e1": 1}), "f": "x"})}), flags)
    found = ends(target, estate({"new": ("1", {"d": ("x", {"e0": 1, "e1": 1})})}), {"model": "site", "id": "new"})
    assert {key for key, end in found.items() if end == "done"} == {"delete device f"}
    assert set(found.values()) == {"done", "refused"}
    assert target.get("device", "d").interfaces == ["d__e0", "d__e1"]
    target = flagged(estate({"a": ("1", {"d": ("x", {"e0": 1, "e1": 1, "e2": 1})})}), flags)
    source = estate({"b": ("1", {"d": ("x", {"e0": 1, "e1": 1})})})
    found = ends(target, source, {"model": "interface", "id": "d__e0", "action": "delete"})
    assert {key for key, end in found.items() if end == "done"} == {"create site b", "delete interface d__e2"}
    assert set(found.values()) == {"done", "refused"}
    assert target.get("device", "d").interfaces == ["d__e0", "d__e1"]
    assert target.get("site", "a").devices == ["d"]
    assert target.get("site", "b").devices == []


@pytest.mark.parametrize("flags", FLAGS, ids=repr)
def test_self_nested_objects(flags: DSyncModelFlags) -> None:
    target = flagged(estate(folders={"a": (1, {"b": (1, {"c": 1, "d": 1}), "e": 1})}), flags)
    found = ends(target, estate(), {"id": "c"})
    assert {key for key, end in found.items() if end == "refused"} == {f"delete folder {path}" for path in "abc"}
    assert [folder.path for folder in target.get_all("folder")] == ["a", "b", "c"]


def test_an_attribute_of_either_side_selects() -> None:
    target, source = estate({"a": "prod", "b": "lab", "c": "lab"}), estate({"a": "lab", "b": "prod", "c": "test"})
    found = ends(target, source, {"attributes": {"contact": "prod"}})
    assert found == {"update site a": "refused", "update site b": "refused", "update site c": "done"}


def test_attributes_that_are_not_compared_select_all_the_same() -> None:
    target, source = estate({"a": ("1", {"d": "prod"})}), estate({"a": ("1", {"d": "lab"})})
    source.get("device", "d").facts = 1
    diff = target.diff_from(source, scope=Scope.of(source, target, attributes={"device": ["facts"]}))
    protect(diff, [Selector(attributes=(("role", "prod"),))], {})
    assert why(diff) == {"update device d": "protected by attributes: {'role': 'prod'}"}
    assert diff.summary()["update"] == 1
    (change,) = Plan.from_diff(diff)
    assert (change.before, change.after) == ({"facts": None}, {"facts": 1})


@pytest.mark.parametrize("position", [0, 1])
def test_identifiers_select(position: int) -> None:
    target, source = estate(TARGET), estate(SOURCE)
    sides = (target, source)[position], (source, target)[position]
    assert set(why(protected_diff(*sides, {"attributes": {"device": "rtr-1", "name": "eth1"}}))) == {
        ("create" if position == 0 else "delete") + " interface rtr-1__eth1"
    }


def test_point_9_the_reason_shows_no_secret() -> None:
    target, source = (estate({"a": ("1", {"d": ("x", {"e": 1})})}) for _side in range(2))
    source.get("interface", "d__e").password = PLANTED
    diff = target.diff_from(source)
    protect(diff, [Selector(attributes=(("password", PLANTED),))], {})
    assert why(diff) == {"update interface d__e": "protected by attributes: {'password': '********'}"}


class Keeper(Estate):
    class device(Device):  # noqa: N801 - it is found by the model's name
        _protected = ("delete",)


@pytest.mark.parametrize("flags", FLAGS, ids=repr)
def test_a_model_may_declare_what_is_protected(flags: DSyncModelFlags) -> None:
    target, source = flagged(estate(TARGET, kind=Keeper), flags), estate(SOURCE)
    diff = target.sync_from(source)
    assert why(diff)["delete device rtr-3"] == "protected: the model device declares it"
    assert {obj.name for obj in target.get_all("device")} == {"rtr-1", "old-1", "rtr-2", "sw-1", "rtr-3"}
    assert {obj.name for obj in target.get_all("site")} == {"nyc", "ams", "lon"}
    assert target.get("site", "lon").devices == ["rtr-3"]
    assert {str(change) for change in Plan.from_diff(target.diff_from(source))} == {
        f"delete {what}"
        for what in ('site "lon"', 'device "rtr-3"', 'interface "rtr-3__eth0"', 'device "old-1"', 'interface "old-1__eth9"')
    }
    # protecting more later does not make more of what was marked before
    protect(diff, [Selector(model="site", action=DSyncAction.UPDATE)], target.models())
    marks = why(diff)
    assert marks["update site nyc"] == "protected by model: site, action: update"
    protect(diff, (), {})
    assert why(diff) == marks


def test_a_move_is_limited_as_a_move() -> None:
    target, source = estate({"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}), estate({"a": "1", "b": ("1", {"d": ("x", {"e": 1})})})
    plan = Plan.from_diff(target.diff_from(source))
    models = target.models()
    assert not list(over_limits(plan, limits({"create": 0, "delete": 0, "update": 0, "move": 1}, models), source, target))
    for allowed in ({"move": 0}, {"device": {"move": "10%"}}):
        (refusal,) = over_limits(plan, limits(allowed, models), source, target)
        assert "1 to move" in str(refusal)


def test_a_move_that_is_protected_keeps_its_old_place() -> None:
    sites = {"a": ("1", {"d": ("x", {"e": 1})}), "b": "1"}
    for kind in (Estate, Moving):
        target, source = estate(sites, kind=kind), estate({"b": ("1", {"d": ("x", {"e": 2})})}, kind=kind)
        diff = protected_diff(target, source, {"model": "device", "action": "move"})
        assert why(diff) == {
            "move device d": "protected by model: device, action: move",
            "delete site a": 'protected because of device "d" below it',
        }
        target.apply(Plan.from_diff(diff), source)
        assert target.get("site", "a").devices == ["d"]
        assert target.get("interface", "d__e").mtu == 2
    for kind, held in ((Estate, {"move device d": "protected by model: interface, action: delete"}), (Moving, {})):
        target, source = estate(sites, kind=kind), estate({"a": "1", "b": ("1", {"d": ("x", {"e": 1})})}, kind=kind)
        assert why(protected_diff(target, source, {"model": "interface", "action": "delete"})) == held


@pytest.mark.parametrize("kind", [Estate, Moving])
def test_nothing_moves_below_what_stays_below_it(tmp_path: Path, kind: type[Estate]) -> None:
    upside_down = {"a": (None, {"x": (None, {"b": None})})}, {"b": (None, {"x": (None, {"a": None})})}
    target, source = (estate(folders=folders, kind=kind) for folders in upside_down)
    diff = protected_diff(target, source, {"id": "b"})
    assert why(diff) == {
        "move folder b": "protected by id: b",
        "move folder x": 'protected because of folder "b" below it',
        "move folder a": 'protected because of folder "b" below it',
    }
    assert not target.apply(Plan.from_diff(diff), source).changed


class Box(DSyncModel):
    _modelname = "box"
    _identifiers = ("name",)
    _children = {"crate": "crates"}
    name: str
    crates: list[str] = []

    def move(self, parent: Any, ids: Any, attrs: Any) -> Any:
        return super().move(parent, ids, attrs)


class Crate(Box):
    _modelname = "crate"
    _children = {"box": "crates"}


def test_nothing_of_a_stored_plan_moves_below_what_stays_below_it(tmp_path: Path) -> None:
    def sides(crate: type[Box] = Crate) -> tuple[DSync, DSync]:
        inside = dataset(Box, crate, objects=[Box(name="a", crates=["b"]), crate(name="b")])
        return inside, dataset(Box, crate, objects=[Box(name="a"), crate(name="b", crates=["a"])])

    target, source = sides()
    plan = Plan.from_diff(target.diff_from(source))
    assert [repr(change) for change in plan] == ['move crate "b"', 'move box "a"']
    save(plan, tmp_path / "plan", source=source, target=target)
    live = sides(type("Crate", (Crate,), {"_protected": ("move",)}))[0]
    assert live.apply(prepare_plan(load(tmp_path / "plan"), source, live), source).counts["refused"] == 2
    assert (live.get("box", "a").crates, live.get("crate", "b").crates) == (["b"], [])


def keeper(*actions: str, model: type[DSyncModel] = Device) -> type[Estate]:
    """Return a dataset that has the same models, of which one is protected."""
    return type("Estate", (Estate,), {model.get_type(): type(model.__name__, (model,), {"_protected": actions})})


MOVED = {"b": ("1", {"d": ("x", {"e0": 1, "e1": 1})})}, {"a": ("1", {"d": ("x", {"e0": 1, "e2": 1})}), "b": "2"}


@pytest.mark.parametrize("flags", FLAGS, ids=repr)
@pytest.mark.parametrize("sites", [(SOURCE, TARGET), ({}, TARGET), MOVED, MOVED[::-1]], ids=["sync", "empty", "moved", "back"])
@pytest.mark.parametrize("model", [Site, Device, Interface])
@pytest.mark.parametrize("actions", [("create",), ("update",), ("delete",), ("create", "update", "delete")], ids=",".join)
def test_a_plan_from_a_file_protects_what_is_declared_since(
    tmp_path: Path, actions: tuple[str, ...], model: type[DSyncModel], sites: Any, flags: DSyncModelFlags
) -> None:
    def target(kind: type[Estate]) -> Estate:
        return flagged(estate(sites[1], kind=kind), flags)

    source, protecting = estate(sites[0]), keeper(*actions, model=model)
    save(Plan.from_diff(target(Estate).diff_from(source)), tmp_path / "plan", source=source, target=target(Estate))
    live = target(protecting)
    bound = load(tmp_path / "plan").resolve(source, live)
    marks = {f"{change.action} {change.model} {change.id}": change.protected for change in bound if change.protected}
    direct = target(protecting)
    diff = direct.diff_from(source)
    assert marks.keys() == why(diff).keys()
    live.apply(bound, source, GO_ON, verdicts=check(bound, live))
    direct.apply(Plan.from_diff(diff), source, GO_ON)
    assert live.dict() == direct.dict()


def test_an_undo_from_a_file_keeps_what_is_protected_from_deletion(tmp_path: Path) -> None:
    plan = Plan.from_diff(estate({}).diff_from(estate({"a": ("1", {"d": "x"})})))
    save(undo_plan(plan), tmp_path / "undo", source=None, target=estate({}), purpose="undo")
    live = estate({"a": ("1", {"d": "x"})}, kind=keeper("delete"))
    bound = load(tmp_path / "undo").resolve(None, live)
    assert {change.model: change.protected for change in bound} == {
        "device": "protected: the model device declares it",
        "site": 'protected because of device "d" below it',
    }


def test_protecting_twice_keeps_what_may_go() -> None:
    target = estate({"a": ("1", {"d": "x", "f": "x"})})
    diff = protected_diff(target, estate({}), {"id": "d"})
    marks = why(diff)
    assert set(marks) == {"delete device d", "delete site a"}
    protect(diff, (), {})
    assert why(diff) == marks
    protect(diff, [Selector(model="site")], {})
    assert why(diff) == {
        "delete device d": "protected by id: d",
        "delete site a": "protected by model: site",
        "delete device f": 'protected with site "a"',
    }


def test_impossible_declarations() -> None:
    with pytest.raises(DeclarationError, match="_protected names 'remove'"):
        type("Bad", (DSyncModel,), {"_protected": ("remove",)})
    with pytest.raises(DeclarationError, match="_protected must be a tuple"):
        type("Bad", (DSyncModel,), {"_protected": "delete"})


# ---------------------------------------------------------------------- limits


def over(said: dict[str, Any], target: Estate, source: Estate, *protecting: dict[str, Any]) -> list[str]:
    plan = Plan.from_diff(protected_diff(target, source, *protecting))
    return [str(refusal) for refusal in over_limits(plan, limits(said, target.models()), source, target)]


@pytest.mark.parametrize(
    ("said", "exceeded"),
    [
        ({}, 0),
        ({"delete": 5}, 0),
        ({"delete": 4}, 1),
        ({"delete": "5"}, 0),
        ({"delete": 0, "create": 0, "update": 0}, 3),
        ({"delete": "62.5%"}, 0),
        ({"delete": "62.4%"}, 1),
        ({"delete": "62.5 %"}, 0),
        ({"create": "62.5%"}, 0),
        ({"create": "62%"}, 1),
        ({"update": "0%"}, 1),
        ({"update": "200%"}, 0),
        ({"site": {"delete": 0}}, 1),
        ({"site": {"delete": 1}, "device": {"delete": 1, "create": 2}}, 1),
        ({"device": {"delete": "67%"}}, 0),
        ({"device": {"delete": "66%"}}, 1),
        ({"folder": {"create": 0, "delete": "0%"}}, 0),
        ({"interface": {}}, 0),
    ],
    ids=repr,
)
def test_limits(said: dict[str, Any], exceeded: int) -> None:
    assert len(over(said, estate(TARGET), estate(SOURCE))) == exceeded


def test_creates_are_a_share_of_the_source_and_the_others_of_the_target() -> None:
    few, many = {"a": ""}, {"a": "", "b": ""}
    assert over({"create": "50%"}, estate(few), estate(many)) == []
    assert over({"delete": "50%"}, estate(many), estate(few)) == []
    assert len(over({"update": "50%"}, estate(few), estate({"a": "x", "b": ""}))) == 1


def test_what_a_refusal_says() -> None:
    target, source = estate({str(n): "" for n in range(7)}), estate({"x": ""})
    assert over({"delete": 6, "site": {"create": 0, "delete": "50%"}}, target, source) == [
        'limits.delete: 6 is exceeded: 7 to delete (site "0", site "1", site "2", site "3", site "4", …)',
        'limits.site.create: 0 is exceeded: 1 to create (site "x")',
        'limits.site.delete: 50% is exceeded: 7 to delete, 100% of 7 (site "0", site "1", site "2", site "3", site "4", …)',
    ]


def test_what_is_protected_is_not_counted_and_what_is_deleted_along_is() -> None:
    target = flagged(estate(TARGET), CASCADE)
    assert len(over({"delete": 7}, target, estate({}))) == 1
    assert over({"delete": 8}, target, estate({})) == []
    assert over({"delete": 0}, target, estate({}), {"model": "site"}) == []
    assert over({"delete": 0}, target, estate({}), {"model": "interface"}) == []
    assert len(over({"delete": 2}, target, estate({}), {"id": "lon"})) == 1


def test_percentages_are_exact_and_empty_datasets_have_no_share() -> None:
    every = _deletes(1000)
    for tenths in range(1, 1000):
        number = tenths
        target, plan = _Counted(1000), Plan(every[:number])
        assert not [*over_limits(plan, limits({"delete": f"{tenths / 10}%"}, ()), target, target)], tenths
        if tenths % 100 == 0:
            plan = Plan(every[: number + 1])
            assert [*over_limits(plan, limits({"delete": f"{tenths / 10}%"}, ()), target, target)]
    empty: Any = _Counted(0)
    assert not [*over_limits(Plan(), limits({"delete": "0%", "create": "0%", "update": 0}, ()), empty, empty)]
    (refusal,) = over_limits(Plan(_deletes(1)), limits({"delete": "99%"}, ()), empty, empty)
    assert "1 to delete, 100% of 0" in str(refusal)


class _Counted:
    def __init__(self, number: int) -> None:
        self.number = number

    def count(self, _model: str | None) -> int:
        return self.number


def _deletes(number: int) -> list[Any]:
    return [Change(DSyncAction.DELETE, "site", str(position), {}, before={}) for position in range(number)]


@pytest.mark.parametrize("value", [-1, 1.5, "5.5", "-5%", "%", "", "ten", None, True, False, [], {}, "1e3", "5%%", "10 percent"])
def test_values_that_are_no_limit(value: Any) -> None:
    with pytest.raises(SelectorError, match=r"limits.delete: expected a number or a percentage such as 10%, not "):
        limits({"delete": value}, ["site"])
    with pytest.raises(SelectorError, match=r"limits.site.create: expected a number or a percentage such as 10%, not "):
        limits({"site": {"create": value}}, ["site"])


def test_names_that_are_no_limit() -> None:
    with pytest.raises(SelectorError, match=r"limits: unknown action or model 'deletes' \(did you mean .delete.\? known: "):
        limits({"deletes": 1}, ["site"])
    with pytest.raises(SelectorError, match=r"limits.site: unknown action 'remove'"):
        limits({"site": {"remove": 1}}, ["site"])
    with pytest.raises(SelectorError, match=r"limits.site: expected a dictionary of action to limit, not 3"):
        limits({"site": 3}, ["site"])
    assert limits({"site": {"delete": "7.5%"}}, ["site"]) == [Limit(DSyncAction.DELETE, "site", percent=7.5)]


# ---------------------------------------------------------------------- the source


def test_an_empty_source() -> None:
    target, source = estate(TARGET, name="cmdb"), estate({"nyc": "", "lon": ""}, name="sot")
    plan = Plan.from_diff(target.diff_from(source))
    assert [str(refusal) for refusal in empty_source(plan, source, target)] == [
        "sot was loaded and has no device objects, while cmdb has 3: "
        '3 would be deleted (device "rtr-1", device "old-1", device "rtr-3")',
        "sot was loaded and has no interface objects, while cmdb has 3: "
        '3 would be deleted (interface "rtr-1__eth0", interface "old-1__eth9", interface "rtr-3__eth0")',
    ]
    assert not [*empty_source(Plan.from_diff(protected_diff(target, source, {"action": "delete"})), source, target)]
    plan = Plan.from_diff(target.diff_from(source, flags=DSyncFlags.SKIP_UNMATCHED_DST))
    assert not [*empty_source(plan, source, target)]
    assert not [*empty_source(Plan.from_diff(estate().diff_from(estate())), estate(), estate())]


@pytest.mark.parametrize(
    ("before", "most", "refused"),
    [
        ({}, "0%", []),
        ({"site": 2, "device": 3, "interface": 3}, "0%", []),
        ({"site": 3}, "33%", ["site"]),
        ({"site": 3}, "33.4%", []),
        ({"site": 4}, "50%", []),
        ({"site": 4, "device": 9}, "50%", ["device"]),
        ({"site": 1, "device": 0, "folder": 0}, "0%", []),
        ({"folder": 1}, "100%", []),
        ({"folder": 1, "ship": 2}, "99%", ["folder", "ship"]),
    ],
)
def test_a_source_that_shrank(before: dict[str, int], most: str, refused: list[str]) -> None:
    refusals = [str(refusal) for refusal in shrunken_source(estate(SOURCE, name="sot"), before, most)]
    assert [text.split(" objects")[0].split()[-1] for text in refusals] == refused


def test_the_messages_about_a_source_that_has_shrunk() -> None:
    (refusal,) = shrunken_source(estate(SOURCE, name="sot"), {"site": 3}, "20%")
    assert isinstance(refusal, SourceShrank)
    assert str(refusal) == "sot has shrunk: 2 site objects, 3 at the last successful run, 33.3% fewer; max_shrink is 20%"
    for most in ("20", "many", "-1%"):
        with pytest.raises(SelectorError, match=r"max_shrink: expected a percentage such as"):
            list(shrunken_source(estate(SOURCE), {}, most))


def test_object_counts() -> None:
    assert object_counts(estate(SOURCE)) == {"site": 2, "folder": 0, "device": 3, "interface": 3}
    half = dataset(Site, top_level=["site"])
    half.add(Folder(path="a"))
    assert object_counts(half) == {"site": 0, "folder": 1}


def test_refusing() -> None:
    refuse([])
    one, other = LimitExceeded("too many"), EmptySource("nothing")
    with pytest.raises(LimitExceeded) as caught:
        refuse([one])
    assert caught.value is one
    with pytest.raises(Refused, match=r"^too many; nothing$"):
        refuse([one, other])


def test_the_declared_protection_of_a_dataset_goes_for_its_own_objects() -> None:
    source = estate(SOURCE, kind=Keeper)
    source.sync_to(estate(TARGET))
    target = estate(TARGET)
    target.sync_from(source)
    assert target.get_or_none("device", "rtr-3") is None
    assert isinstance(target.get("interface", "rtr-1__eth0"), Interface)


# ---------------------------------------------------------------------- the target


class Archive(Estate):
    """An estate of which nothing is ever deleted."""

    def refuses(self, model: str, action: DSyncAction) -> str:
        return "an archive keeps everything" if action == DSyncAction.DELETE else ""


def test_a_target_says_what_it_cannot_do_and_is_asked_of_nothing_that_is_protected() -> None:
    target, source = estate(TARGET, kind=Archive), estate(SOURCE)
    plan = Plan.from_diff(target.diff_from(source))
    deletes = [change for change in plan if change.action == DSyncAction.DELETE]
    found = not_writable(plan, target)
    assert [change for change, _reason in found] == deletes
    refusal = refusal_of(found, len(plan))
    assert [reason for _change, reason in refusal.changes] == ["an archive keeps everything"] * len(deletes)
    assert str(refusal).startswith(f"{len(deletes)} of {len(plan)} changes cannot be made in the target (delete of ")
    diff = protected_diff(target, source, {"action": "delete"})
    assert not not_writable(Plan.from_diff(diff), target)
    assert not not_writable(plan, estate(TARGET))


class Cascading(Estate):
    """An estate in which devices cannot be deleted by themselves."""

    def refuses(self, model: str, action: DSyncAction) -> str:
        return "devices go with their site" if (model, action) == ("device", DSyncAction.DELETE) else ""


@pytest.mark.parametrize(("flags", "blamed"), [(NONE, ["rtr"]), (CASCADE, [])])
def test_a_target_is_not_asked_of_what_it_deletes_by_itself(flags: DSyncModelFlags, blamed: list[str]) -> None:
    target = flagged(estate({"gone": ("x", {"rtr": "router"}), "kept": "y"}, kind=Cascading), flags)
    plan = Plan.from_diff(target.diff_from(estate({"kept": "y"})))
    assert [change.id for change, _reason in not_writable(plan, target)] == blamed
