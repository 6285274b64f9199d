# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and secrets become keyword arguments, and wrong ones a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.construct import construct
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync
from ansible_collections.dsync.core.plugins.module_utils.dsync.adapters.core.options import Count, Options, Text
from ansible_collections.dsync.core.plugins.module_utils.dsync.adapters.memory import MemoryAdapter
from ansible_collections.dsync.core.plugins.module_utils.dsync.records.definition import data_model


class Plain(DSync):
    pass


class Closed(DSync):
    def __init__(self, path: str, limit: int = 5, *, token: str = "") -> None:
        super().__init__("closed")
        self.given = (path, limit, token)


class HandsOn(Closed):
    def __init__(self, region: str = "eu", **more: Any) -> None:
        super().__init__(**more)


class Takes(DSync):
    def __init__(self, **more: Any) -> None:
        super().__init__()
        self.more = more


class Open(DSync):
    def __init__(self, path: str, **more: Any) -> None:
        super().__init__(**more)


class ShelfOptions(Options):
    path: Text
    workers: Count = 4


class Shelf(DSync):
    type = "shelf"
    Options = ShelfOptions

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.given = self.Options.read(options, self.type)


class NamedShelf(Shelf):
    type = "named_shelf"


class Wide(Shelf):
    class Options(ShelfOptions):
        depth: Count = 1


class Regional(Shelf):
    def __init__(self, region: str = "eu", **more: Any) -> None:
        super().__init__(**more)
        self.region = region


class Confused(DSync):
    def __init__(self, **more: Any) -> None:
        super().__init__()
        raise TypeError("unhashable")


def test_options_and_secrets_are_keyword_arguments() -> None:
    dataset = construct(Closed, {"path": "a"}, {"token": "t"}, None)
    assert isinstance(dataset, Closed)
    assert dataset.given == ("a", 5, "t")
    assert dataset.name == "closed"
    assert construct(Closed, {"path": "a"}, {}, "other").name == "other"
    assert construct(Plain, {"name": "mine"}, {}, None).name == "mine"


def test_a_class_may_take_anything() -> None:
    dataset = construct(Takes, {"any": 1}, {"thing": 2}, None)
    assert isinstance(dataset, Takes)
    assert dataset.more == {"any": 1, "thing": 2}


@pytest.mark.parametrize(
    ("adapter", "options", "sentence"),
    [
        (Closed, {"path": "a", "limt": 1}, 'Closed takes no option limt (did you mean "limit"? known: path, limit, token).'),
        (Closed, {"pth": "a"}, 'Closed takes no option pth (did you mean "path"? known: path, limit, token).'),
        (Open, {"pth": "a"}, 'Open takes no option pth (did you mean "path"? known: path, name).'),
        (Closed, {"limit": 1}, "Closed needs the option path; give it in options, or in secrets."),
        (HandsOn, {"path": "a", "regoin": 1}, 'HandsOn takes no option regoin (did you mean "region"? known: region, path, '),
        (HandsOn, {}, "making HandsOn raised TypeError: "),
        (Plain, {"x": 1}, "Plain does not take these options: "),
        (Confused, {"x": 1}, "Confused does not take these options: unhashable (known: name)."),
        (Confused, {}, "making Confused raised TypeError: unhashable"),
    ],
)
def test_wrong_arguments(adapter: type[DSync], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TaskFailure) as caught:
        construct(adapter, options, {}, None)
    assert str(caught.value).startswith(sentence)


def test_a_class_may_declare_its_options() -> None:
    for adapter, options in ((Shelf, {}), (NamedShelf, {}), (Wide, {"depth": 3}), (Regional, {"region": "us"})):
        dataset = construct(adapter, {"path": "a", **options}, {"workers": 2}, None)
        assert isinstance(dataset, Shelf)
        assert (dataset.given.path, dataset.given.workers) == ("a", 2)
        assert getattr(dataset, "region", "us") == "us"
        assert getattr(dataset.given, "depth", 3) == 3


@pytest.mark.parametrize(
    ("adapter", "options", "sentence"),
    [
        (Shelf, {"pth": "a"}, 'the adapter shelf takes no option pth (did you mean "path"? known: path, workers).'),
        (NamedShelf, {}, "the adapter named_shelf needs the option path; give it in options."),
        (Shelf, {"path": "a", "workers": 0}, "options.workers: this should be a whole number of 1 or more, and is 0."),
        (
            Wide,
            {"path": "a", "dept": 1},
            'the adapter shelf takes no option dept (did you mean "depth"? known: path, depth, workers).',
        ),
        (
            Regional,
            {"path": "a", "regoin": 1},
            'Regional takes no option regoin (did you mean "region"? known: region, path, workers).',
        ),
        (Regional, {"path": "a", "workers": 0}, "options.workers: this should be a whole number of 1 or more, and is 0."),
        (
            MemoryAdapter.bound(data_model({"site": {"identifiers": ["name"]}})),
            {"recrods": []},
            "the adapter memory takes no option",
        ),
    ],
)
def test_declared_options_are_checked(adapter: type[DSync], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TaskFailure) as caught:
        construct(adapter, options, {}, None)
    assert str(caught.value).startswith(sentence)


def test_an_argument_given_twice() -> None:
    with pytest.raises(TaskFailure, match="path is given in options and in secrets; give it in one of them"):
        construct(Closed, {"path": "a"}, {"path": "b"}, None)
