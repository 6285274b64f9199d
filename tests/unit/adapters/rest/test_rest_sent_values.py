# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a system takes and does not show are compared by keyed digests of what was last sent."""

from __future__ import annotations

import copy
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.rest import RestAdapter
from dsync.exceptions import DefinitionError, DSyncException
from dsync.plan.plan import Plan
from dsync.records.definition import data_model
from rest_api import Api, Reply, Request, served

SECRET, OTHER = "correct horse", "battery staple"
MODELS: dict[str, Any] = {
    "account": {
        "identifiers": ["name"],
        "attributes": {"inputs": {"type": "dict[str, any] | None", "sensitive": True}, "password": "secret | None"},
    }
}
FIELDS = {"inputs": {"from": "inputs", "write_only": "$hidden"}, "password": {"write_only": True}}
MAPPING: dict[str, Any] = {"account": {"from": "/accounts", "fields": FIELDS}}


class Vault:
    """Accounts whose passwords are never returned, and of whose inputs the item `key` is concealed."""

    def __init__(self) -> None:
        self.accounts: dict[int, dict[str, Any]] = {}

    def __call__(self, request: Request) -> Reply:
        key = int(request.path.removeprefix("/accounts").strip("/") or 0)
        if request.method == "POST":
            key = len(self.accounts) + 1
            self.accounts[key] = {"id": key, **request.body}
        elif request.method == "PATCH":
            self.accounts[key].update(request.body)
        return Reply(200, self.shown(self.accounts[key]) if key else [self.shown(one) for one in self.accounts.values()])

    def shown(self, account: dict[str, Any]) -> dict[str, Any]:
        shown = {name: copy.deepcopy(value) for name, value in account.items() if name != "password"}
        if "key" in (shown.get("inputs") or {}):
            shown["inputs"]["key"] = "$hidden"
        return shown


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as running:
        running.intervene = Vault()
        yield running


def target_of(api: Api, file: Path | None, key: str | None = "phrase", **more: Any) -> Any:
    given = {} if file is None else {"sent_values": str(file), "sent_key": key}
    target = RestAdapter.bound(data_model(MODELS, base=RecordModel), MAPPING)(base_url=api.url, **given, **more)
    target.load()
    return target


def wanted(inputs: Any, password: str | None = "p1") -> Any:
    models = data_model(MODELS, base=RecordModel)
    source: Any = type("Wanted", (DSync,), {**models.models, "top_level": ["account"]})()
    source.add_rows("account", [{"name": "git", "inputs": inputs, "password": password}])
    return source


def changed(target: Any, source: Any) -> set[str]:
    """Apply what is different, and return the attributes that were."""
    plan = Plan.from_diff(target.diff_from(source))
    names = {name for change in plan.changes for name in change.after or {}}
    result = target.apply(plan, source)
    assert not result.failures
    assert target.altered_values() == ""
    return names


def test_a_value_is_sent_again_when_it_is_not_what_was_last_sent(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "sent.json"
    vault: Any = api.intervene
    source = wanted({"user": "ann", "key": SECRET})
    assert changed(target_of(api, file), source) == {"inputs", "password"}
    assert changed(target_of(api, file), source) == set()
    assert changed(target_of(api, file), wanted({"user": "ann", "key": OTHER})) == {"inputs"}
    assert vault.accounts[1]["inputs"] == {"user": "ann", "key": OTHER}
    assert changed(target_of(api, file), wanted({"user": "ann", "key": OTHER}, "p2")) == {"password"}
    assert vault.accounts[1]["password"] == "p2"
    assert changed(target_of(api, file), wanted({"user": "ann", "key": OTHER}, "p2")) == set()
    vault.accounts[1]["inputs"]["user"] = "eve"
    assert changed(target_of(api, file), wanted({"user": "ann", "key": OTHER}, "p2")) == {"inputs"}, "the rest is compared"

    text = file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(value not in text for value in (SECRET, OTHER, "p1", "p2", "phrase", "ann"))


def test_without_the_file_a_value_is_sent_with_new_objects_only(api: Api) -> None:
    vault: Any = api.intervene
    assert changed(target_of(api, None), wanted({"user": "ann", "key": SECRET})) == {"inputs", "password"}
    assert changed(target_of(api, None), wanted({"user": "ann", "key": OTHER}, "p2")) == set()
    assert changed(target_of(api, None), wanted({"user": "bob", "key": OTHER}, "p2")) == {"inputs"}
    assert vault.accounts[1]["inputs"] == {"user": "bob", "key": OTHER}


def test_what_is_not_shown_is_never_written(api: Api, tmp_path: Path) -> None:
    vault: Any = api.intervene
    changed(target_of(api, None), wanted(None))
    target, source = target_of(api, tmp_path / "sent.json"), wanted(None, "p2")
    plan = Plan.from_diff(target.diff_from(source))
    target.apply(plan, source)
    assert "p2" not in str(plan.changes)
    target.get("account", "git").update({"password": "(not shown)"})
    assert vault.accounts[1]["password"] == "p2"


def test_the_digests_of_another_key_are_refused(api: Api, tmp_path: Path) -> None:
    changed(target_of(api, tmp_path / "sent.json"), wanted({"key": SECRET}))
    with pytest.raises(DSyncException, match="was written with another sent_key; give that key, or remove the file"):
        target_of(api, tmp_path / "sent.json", "another phrase")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sent_values": "/x"}, "secrets.sent_key: sent_values needs it; add it."),
        ({"sent_key": "x"}, "options.sent_values: sent_key needs it; add it."),
        ({"sent_values": "x", "sent_key": "x"}, "options.sent_values: this should be absolute"),
    ],
)
def test_wrong_options_are_named(options: dict[str, str], said: str, api: Api) -> None:
    with pytest.raises(DefinitionError) as caught:
        target_of(api, None, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"write_only": "x"}, "a value that the system hides is a secret"),
        ({"write_only": 1}, "this should be true, or the string that the system shows"),
    ],
)
def test_a_wrong_declaration_is_named(declared: Any, said: str) -> None:
    models = data_model({"account": {"identifiers": ["name"], "attributes": {"note": "str | None"}}}, base=RecordModel)
    with pytest.raises(DefinitionError, match=said):
        RestAdapter.bound(models, {"account": {"fields": {"note": declared}}})
