# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""DSync: declarations, the objects of a dataset, and its forms as text and data."""

from __future__ import annotations

import copy
import gc
import logging
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from dsync import (
    DeclarationError,
    Diff,
    DiffClassMismatch,
    DSync,
    DSyncModel,
    DSyncModelFlags,
    ObjectAlreadyExists,
    ObjectCrudException,
    ObjectNotFound,
    ObjectStoreWrongType,
)
from dsync.dataset.memory_store import MemoryStore
from dsync.exceptions import RecordError
from estate import PLANTED, SOURCE, TARGET, Device, Estate, Interface, Site, dataset, estate
from pydantic import BaseModel, ConfigDict, Field, SecretStr

# ---------------------------------------------------------------------- declarations


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"place": Site}, 'Broken.place is the class Site, whose _modelname is "site"'),
        ({"top_level": ["site"]}, "Broken.top_level names 'site'.*it has: none"),
        ({"top_level": ["site"], "device": Device}, "Broken.top_level names 'site'.*it has: device"),
        ({"top_level": "site", "site": Site}, "Broken.top_level must be a list"),
    ],
)
def test_a_wrong_declaration_is_reported(body: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        type("Broken", (DSync,), body)


@pytest.mark.parametrize("name", ["store", "name", "load", "type", "top_level", "get"])
def test_a_model_may_not_take_the_name_of_something_else(name: str) -> None:
    model = type("Odd", (DSyncModel,), {"_modelname": name, "__module__": __name__})
    with pytest.raises(DeclarationError, match=f'a model cannot be called "{name}"'):
        type("Broken", (DSync,), {name: model})


def test_models_are_inherited_and_may_be_replaced() -> None:
    class Better(Site):
        pass

    class Child(Estate):
        site = Better

    assert list(Child.models()) == ["site", "folder", "device", "interface"]
    assert Child.models()["site"] is Better
    assert Estate.models()["site"] is Site


def test_tree_traversal() -> None:
    assert Estate.get_tree_traversal(as_dict=True) == {
        "site": {"device": {"interface": {}}},
        "folder": {"folder": {}},
    }
    assert Estate.get_tree_traversal() == ("Estate\n├── site\n│   └── device\n│       └── interface\n└── folder\n    └── folder")
    assert DSync.get_tree_traversal() == "DSync"


def test_names() -> None:
    class Typed(Estate):
        type = "CMDB"

    class Named(Estate):
        name = "main"

    assert [(made.type, made.name, str(made)) for made in (Estate(), Estate("x"), Typed(), Typed("x"), Named())] == [
        ("Estate", "Estate", "Estate"),
        ("Estate", "x", 'Estate "x"'),
        ("CMDB", "CMDB", "CMDB"),
        ("CMDB", "x", 'CMDB "x"'),
        ("Named", "main", 'Named "main"'),
    ]
    assert repr(Estate()) == "<Estate>"


def test_an_adapter_need_not_call_the_base_classs_init() -> None:
    class Thing(DSyncModel):
        _modelname = "thing"
        _identifiers = ("name",)
        name: str

    class Careless(DSync):
        thing = Thing
        top_level = ["thing"]

        def __init__(self, url: str) -> None:
            self.url = url

    one, other = Careless("a"), Careless(url="b")
    other.add(Thing(name="nyc"))
    one.sync_from(other)
    assert one.count() == other.count() == 1
    assert one.name == "Careless"


def test_a_store_may_be_given() -> None:
    store = MemoryStore()
    assert DSync(internal_storage_engine=store).store is store
    assert DSync(internal_storage_engine=MemoryStore).store.__class__ is MemoryStore


# ---------------------------------------------------------------------- the objects


def test_add_get_count_remove() -> None:
    data = estate(SOURCE, name="cmdb")
    site = data.get("site", "nyc")
    assert site.dsync is data
    assert data.get(Site, {"name": "nyc"}) is data.get("site", {"name": "nyc"}) is data.get(site, "nyc") is site
    assert data.get("interface", {"device": "rtr-1", "name": "eth0"}).mtu == 9000
    assert data.get_or_none("site", "zzz") is None
    with pytest.raises(ObjectNotFound, match='cmdb has no site "zzz"'):
        data.get("site", "zzz")
    with pytest.raises(ValueError, match='no model "ship"'):
        data.get("ship", {"name": "x"})
    assert [obj.name for obj in data.get_all("site")] == [obj.name for obj in data.get_all(Site)] == ["nyc", "ams"]
    assert data.get_all("ship") == []
    assert data.get_by_uids(["ams", "nyc"], "site") == [data.get("site", "ams"), site]
    with pytest.raises(ObjectNotFound):
        data.get_by_uids(["ams", "zzz"], Site)
    assert (len(data), data.count(), data.count("site"), data.count(Device), data.count(site), data.count("ship")) == (
        8,
        8,
        2,
        3,
        2,
        0,
    )
    assert data.get_all_model_names() == {"site", "device", "interface"}
    assert bool(Estate())
    data.remove(site)
    assert (site.dsync, len(data)) == (None, 7)
    with pytest.raises(ObjectNotFound, match='cmdb has no site "nyc"'):
        data.remove(site)
    data.get("site", "ams").devices.append("ghost")
    data.remove(data.get("site", "ams"), remove_children=True)
    assert data.get_all_model_names() == {"device", "interface"}
    assert data.count("device") == 2


def test_an_object_is_found_without_looking_at_every_declared_model(monkeypatch: pytest.MonkeyPatch) -> None:
    data = estate(SOURCE)

    def models(cls: Any) -> Any:
        raise AssertionError("all models are looked at, which takes ten times as long as finding the object")

    monkeypatch.setattr(Estate, "models", classmethod(models))
    site = data.get("site", {"name": "nyc"})
    assert data.get_or_none("site", {"name": "nyc"}) is data.get_by_uids(["nyc"], "site")[0] is site
    assert data.get_or_none("device", {"name": "nyc"}) is None


def test_point_1_a_duplicate_object_is_refused_when_it_is_added() -> None:
    data = estate({"nyc": "1"}, name="cmdb")
    first, second = data.get("site", "nyc"), Site(name="nyc", contact="1")
    data.add(first)
    with pytest.raises(ObjectAlreadyExists, match='cmdb has two site objects with the identity "nyc"') as caught:
        data.add(second)
    assert caught.value.existing is caught.value.existing_object is first
    assert caught.value.new is second
    data.update(second)
    assert data.get("site", "nyc") is second
    assert second.dsync is data


def test_only_objects_of_the_declared_classes_are_held() -> None:
    class Other(DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        name: str

    class Sub(Site):
        pass

    data = Estate()
    with pytest.raises(ObjectStoreWrongType, match="holds site objects of class Site, not Other"):
        data.add(Other(name="a"))
    data.add(Sub(name="a"))
    for junk in (1, None, "x", Site):
        with pytest.raises(ObjectStoreWrongType, match="not a DSyncModel"):
            data.add(junk)


def test_get_or_make() -> None:
    data = Estate()
    site, made = data.get_or_instantiate(Site, {"name": "a"}, {"contact": "1"})
    assert made
    assert data.get_or_instantiate(Site, {"name": "a"}, {"contact": "2"}) == (site, False)
    assert site.contact == "1"
    assert data.get_or_instantiate(Site, {"name": "b"})[1]
    assert data.update_or_instantiate(Site, {"name": "a"}, {"contact": "2"}) == (site, False)
    assert site.contact == "2"
    assert data.update_or_instantiate(Site, {"name": "c"}, {"contact": "3"})[1]
    twin = Site(name="a", contact="9")
    assert data.get_or_add_model_instance(twin) == (site, False)
    assert site.contact == "2"
    assert data.update_or_add_model_instance(twin) == (site, False)
    assert site.contact == "9"
    assert data.update_or_add_model_instance(site) == (site, False)
    new = Site(name="d")
    assert data.get_or_add_model_instance(new) == (new, True)
    assert data.update_or_add_model_instance(Site(name="e"))[1]
    assert data.count() == 5
    assert all(obj.dsync is data for obj in data.get_all("site"))


# ---------------------------------------------------------------------- as text and data


def test_dict_and_back() -> None:
    data = estate(SOURCE, {"a": (1, {"b": [None, {"c": 1.5}]})})
    data.get("interface", "rtr-1__eth0").password = PLANTED
    assert PLANTED not in repr(data.dict()) + data.str()
    assert data.dict()["interface"]["rtr-1__eth0"] == {"device": "rtr-1", "name": "eth0", "mtu": 9000, "password": "********"}
    assert data.dict(exclude_defaults=False)["interface"]["rtr-1__eth1"]["mtu"] == 1500
    twin = Estate()
    twin.load_from_dict(data.dict(show_sensitive=True))
    assert not twin.diff_from(data).has_diffs()
    assert twin.dict(show_sensitive=True) == data.dict(show_sensitive=True)
    with pytest.raises(ObjectStoreWrongType, match='has no model "ship"'):
        twin.load_from_dict({"site": {"x": {"name": "x"}}, "ship": {}})
    assert twin.get_or_none("site", "x") is None


class Login(BaseModel):
    user: str
    password: SecretStr


class Account(DSyncModel):
    _modelname = "account"
    _identifiers = ("name",)
    _attributes = ("pin", "words", "login", "note")
    _sensitive = ("pin", "words")
    name: str
    pin: int | None = Field(default=None, alias="code")
    words: list[str] = []
    login: Login | None = None
    note: str = ""
    model_config = ConfigDict(populate_by_name=True)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"pin": "********"}, "pin"),
        ({"code": "********"}, "pin"),
        ({"words": "********"}, "words"),
        ({"words": ["a", "********"]}, "words"),
        ({"login": {"user": "x", "password": "********"}}, "login"),
    ],
)
def test_masked_values_are_not_loaded(values: Any, name: str) -> None:
    data = dataset(Account, name="cmdb")
    with pytest.raises(RecordError) as caught:
        data.load_from_dict({"account": {"a": {"name": "a"}, "b": {"name": "b", **values}}})
    way_out = f"make the data with dict(show_sensitive=True), or omit {name}"
    assert str(caught.value) == f'cmdb cannot load account "b": its {name} is masked; {way_out}'
    assert len(data) == 0
    data.load_from_dict({"account": {"a": {"name": "a", "note": "********"}}})
    assert data.get("account", "a").note == "********"


def test_text() -> None:
    data = estate({"nyc": "1"}, {"a": (1, {"b": 2})})
    assert data.str() == (
        "site\n  site: nyc: {'contact': '1'}\n    devices: []\n"
        "folder\n  folder: a: {'label': 1}\n    folders\n      folder: b: {'label': 2}\n        folders: []"
    )
    assert Estate().str(indent=2) == "  site: []\n  folder: []"


# ---------------------------------------------------------------------- comparing and synchronising


def test_a_diff_must_be_of_the_class_asked_for() -> None:
    class Own(Diff):
        pass

    with pytest.raises(DiffClassMismatch, match="is a Diff, not a Own"):
        estate(TARGET).sync_from(estate(SOURCE), diff_class=Own, diff=Diff())
    own = Own()
    assert estate(TARGET).sync_from(estate(SOURCE), diff=own) is own


def test_a_stored_diff_is_applied() -> None:
    target, source = estate(TARGET), estate(SOURCE)
    diff = target.diff_from(source)
    source.get("site", "ams").contact = "changed meanwhile"
    assert source.sync_to(target, diff=diff) is diff
    assert target.get("site", "ams").contact == "555-2"


@pytest.mark.parametrize("trouble", [False, True])
def test_nothing_of_the_process_is_left_changed(trouble: bool, capsys: pytest.CaptureFixture[str]) -> None:
    thresholds, level, handlers = gc.get_threshold(), logging.getLogger("dsync").level, list(logging.getLogger("dsync").handlers)
    target = estate(TARGET)
    if trouble:
        target.trouble["create", "site", "ams"] = None
    try:
        target.sync_from(estate(SOURCE))
    except ObjectCrudException:
        assert trouble
    assert gc.get_threshold() == thresholds
    assert (logging.getLogger("dsync").level, logging.getLogger("dsync").handlers) == (level, handlers)
    assert capsys.readouterr() == ("", "")


def test_a_dataset_equals_itself() -> None:
    data = estate(SOURCE)
    assert not data.sync_from(data).has_diffs()
    assert data.log == []


def test_flags_set_on_an_object_after_a_comparison_count() -> None:
    class Fresh(DSyncModel):
        _modelname = "fresh"
        _identifiers = ("name",)
        _attributes = ("size",)
        name: str
        size: int = 0

    one, other = dataset(Fresh, objects=[Fresh(name="a")]), dataset(Fresh, objects=[Fresh(name="a", size=1)])
    assert one.diff_from(other).has_diffs()
    one.get("fresh", "a").model_flags = DSyncModelFlags.IGNORE
    assert not one.diff_from(other).has_diffs()


def test_interfaces_of_an_estate_share_short_names() -> None:
    data = estate(SOURCE)
    assert data.get("interface", "rtr-1__eth0").get_shortname() == data.get("interface", "rtr-2__eth0").get_shortname()
    assert Interface.create_unique_id(device="a", name="b") == "a__b"


def test_flags_of_objects_count_in_another_process() -> None:
    data = estate({"nyc": "1"})
    data.get("site", "nyc").model_flags = DSyncModelFlags.IGNORE
    script = "import pickle, sys; data = pickle.load(sys.stdin.buffer); print(data.diff_from(type(data)()).summary()['delete'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(data),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert (done.stdout.decode().strip(), done.stderr.decode()) == ("0", "")


def test_copies_and_pickles_of_a_dataset_own_their_objects() -> None:
    original = Copied()
    original.add(CopiedModel(name=" a ", model_flags=DSyncModelFlags.IGNORE))
    for copied in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
        obj = copied.get("copied", "a")
        assert obj.dsync is copied
        assert obj.model_flags == DSyncModelFlags.IGNORE
    assert copy.copy(original).get("copied", "a").dsync is original
    assert original.get("copied", "a").model_copy().dsync is None


class CopiedModel(DSyncModel):
    model_config = {"str_strip_whitespace": True, "frozen": True}
    _modelname = "copied"
    _identifiers = ("name",)
    name: str


class Copied(DSync):
    copied = CopiedModel
    top_level = ["copied"]
