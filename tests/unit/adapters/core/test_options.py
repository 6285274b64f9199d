# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Options are one model: it checks what is given, says what is wrong in one sentence, and describes itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import dsync
import pytest
from dsync._util.pydantic import AfterValidator, Field
from dsync.adapters.core.options import Count, Described, Kind, Names, Number, Options, Seconds, Text
from dsync.exceptions import DefinitionError
from dsync.records.declaration_reader import Declared

SECRET = "open-sesame-4711"


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("this should be an even number.")
    return value


def _nested(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if value is not None:
        dict(Declared(value, "options.login").mapping(["path"]))
    return value


class ShelfOptions(Options):
    path: Text = Field(description="The file.")
    mode: Literal["fast", "safe"] = "safe"
    places: Text | Names = "here"
    names: Names | None = None
    workers: Count = Field(4, description="How many.")
    even: Annotated[int, AfterValidator(_even), Kind("an even number", "{:03d}")] = 8
    timeout: Seconds = 60
    rate: Number | None = None
    create: bool = False
    login: Annotated[Mapping[str, Any] | None, AfterValidator(_nested)] = None
    token: Text | None = Field(None, repr=False)
    headers: Mapping[str, str] | None = Field(None, repr=False)
    copy_: Text | None = Field(None, alias="copy")


class HostedOptions(ShelfOptions):
    environment = {"url": ("SHELF_URL", "SHELF_API")}

    url: Text = Field(description="The address.")
    timeout: Seconds = 90


def read(**given: Any) -> ShelfOptions:
    return ShelfOptions.read({"path": "a", **given}, "shelf")


def test_what_is_given_is_kept_and_the_rest_has_its_default() -> None:
    given = read(places=["a", "b"], timeout=5, token=SECRET)
    assert (given.path, given.places, given.timeout, given.token) == ("a", ["a", "b"], 5, SECRET)
    assert (given.workers, given.mode, given.create, given.rate) == (4, "safe", False, None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"pth": 1},
            'the adapter shelf takes no option pth (did you mean "path"? known: path, mode, places, names, workers, even, ',
        ),
        ({"wokers": 1, "create": 5}, 'the adapter shelf takes no option wokers (did you mean "workers"?'),
        ({"path": ""}, "options.path: this should be a string, and is ''."),
        ({"path": None}, "options.path: this should be a string, and is empty."),
        ({"path": ["a"]}, "options.path: this should be a string, and is a list."),
        ({"mode": "fats"}, "options.mode: 'fats' is not possible here (did you mean \"fast\"? known: fast, safe)."),
        ({"mode": 1}, "options.mode: this should be one of fast, safe, and is 1."),
        ({"places": 1}, "options.places: this should be a string or a list of strings, and is 1."),
        ({"names": "a"}, "options.names: this should be a list of strings, and is 'a'; write [a]."),
        ({"places": ["a", 1]}, "options.places[1]: this should be a string, and is 1."),
        ({"places": ["a", "a"]}, 'options.places: "a" is named twice.'),
        ({"workers": 0}, "options.workers: this should be a whole number of 1 or more, and is 0."),
        ({"workers": True}, "options.workers: this should be a whole number of 1 or more, and is True."),
        ({"workers": "4"}, "options.workers: this should be a whole number of 1 or more, and is '4'."),
        ({"workers": 1.5}, "options.workers: this should be a whole number of 1 or more, and is 1.5."),
        ({"even": 3}, "options.even: this should be an even number."),
        ({"timeout": 0}, "options.timeout: this should be a number of seconds above 0, and is 0."),
        ({"timeout": float("inf")}, "options.timeout: this should be a number of seconds above 0, and is inf."),
        ({"rate": True}, "options.rate: this should be a number above 0, and is True."),
        ({"copy": 5}, "options.copy: this should be a string, and is 5."),
        ({"copi": "a"}, 'the adapter shelf takes no option copi (did you mean "copy"?'),
        ({"create": "yes"}, "options.create: this should be true or false, and is 'yes'."),
        ({"login": {"pth": 1}}, 'options.login: there is no key "pth" here (did you mean "path"? known: path).'),
        ({"login": SECRET}, "options.login: this should be a dictionary, and is "),
    ],
)
def test_what_is_wrong_is_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(**given)
    assert str(caught.value).startswith(sentence)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(DefinitionError, match=r"^the adapter shelf needs the option path; give it in options\.$"):
        ShelfOptions.read({}, "shelf")
    with pytest.raises(DefinitionError, match=r"^the adapter shelf takes no option paht \(did you mean \"path\"\?"):
        ShelfOptions.read({"paht": "a"}, "shelf")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"token": [SECRET]}, "secrets.token: this should be a string."),
        ({"token": ""}, "secrets.token: this should be a string, and not an empty one."),
        ({"headers": SECRET}, "secrets.headers: this should be a dictionary."),
        ({"headers": {"X": [SECRET]}}, "secrets.headers: this should be a dictionary."),
    ],
)
def test_a_secret_is_never_shown(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(**given)
    assert str(caught.value) == sentence
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(read(token=SECRET, headers={"X": SECRET}))


def test_the_environment_holds_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHELF_URL", raising=False)
    monkeypatch.delenv("SHELF_API", raising=False)
    for absent in ({}, {"url": None}):
        with pytest.raises(
            DefinitionError, match=r"^options\.url: give it, or set the environment variable SHELF_URL or SHELF_API\.$"
        ):
            HostedOptions.read({"path": "a", **absent}, "shelf")
    with pytest.raises(DefinitionError, match=r"^the adapter shelf takes no option ulr \(did you mean \"url\"\?"):
        HostedOptions.read({"path": "a", "ulr": "x"}, "shelf")
    monkeypatch.setenv("SHELF_API", "second")
    assert HostedOptions.read({"path": "a", "url": None}, "shelf").url == "second"
    monkeypatch.setenv("SHELF_URL", "first")
    assert HostedOptions.read({"path": "a"}, "shelf").url == "first"
    assert HostedOptions.read({"path": "a", "url": "given"}, "shelf").url == "given"


def test_options_of_a_class_are_described_before_those_of_its_ancestors() -> None:
    described = list(HostedOptions.described())
    assert [one.name for one in described] == ["url", *ShelfOptions.fields()]
    assert (described[0].required, described[0].environment) == (False, ("SHELF_URL", "SHELF_API"))
    assert {one.name: one.default for one in described}["timeout"] == "90"


def test_options_describe_themselves() -> None:
    described = {one.name: one for one in ShelfOptions.described()}
    assert list(described) == [*(name for name in ShelfOptions.model_fields if name != "copy_"), "copy"]
    assert described["path"] == Described("path", "a string", True, "", False, "The file.")
    assert described["workers"] == Described("workers", "a whole number of 1 or more", False, "4", False, "How many.")
    assert (described["mode"].kind, described["mode"].default) == ("one of fast, safe", "safe")
    assert (described["timeout"].default, described["create"].default, described["even"].default) == ("60", "false", "008")
    assert {name for name, one in described.items() if one.secret} == {"token", "headers"}


def test_without_pydantic_options_can_be_declared_and_are_refused() -> None:
    code = """
import json, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pydantic", "pydantic_core"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
from dsync.adapters.core.options import Options, Text
from dsync.exceptions import PydanticMissing
class Own(Options):
    path: Text
try:
    Own.read({"path": "a"}, "own")
except PydanticMissing as error:
    print(json.dumps(str(error)))
"""
    place = str(Path(dsync.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": place}
    )
    assert json.loads(ran.stdout).startswith("dsync needs pydantic ")
