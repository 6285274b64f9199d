# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets against fakes of their systems: filled, changed, and emptied.

The fakes are no proof of how the systems behave; the pages of these presets say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.rest import RestAdapter
from dsync.adapters.rest.preset import merged, read_preset
from dsync.plan.plan import Plan
from dsync.records.definition import DataModel, data_model
from dsync.testing.conformance import AdapterConformance
from fake_system import FakeSystem
from rest_api import Api, served

ROOT = Path(__file__).parents[4]
PRESETS = ROOT / "plugins/module_utils/dsync/adapters/rest/presets"
FAKES = sorted((Path(__file__).parent / "fakes").glob("*.yml"))


def content(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


class Setup:
    """A preset, a fake of its system, and the objects with which it is filled."""

    def __init__(self, name: str, api: Api, removable: bool = False) -> None:
        self.fake_description = content(Path(__file__).parent / "fakes" / f"{name}.yml")
        self.fake = FakeSystem(self.fake_description)
        api.intervene = self.fake
        self.declared = read_preset(name, content(PRESETS / f"{name}.yml"), self.fake_description.get("variables", {}))
        self.models = data_model(self.declared.models, self.declared.top_level, base=RecordModel)
        self.mapping = self.declared.mapping
        self.left_out: set[str] = set()
        self.lost: dict[str, set[str]] = {}
        if removable:
            self.left_out = self._fixed()
            gone = {name for name in self.left_out if name not in self.models.parents}  # a model needs the models below it
            self.lost = {name: self._lost(name, gone) for name in self.declared.models if name not in gone}
            declared = {name: self._without(name, self.declared.models[name], "attributes") for name in self.lost}
            self.models = data_model(declared, base=RecordModel)
            self.mapping = {name: self._without(name, one, "fields") for name, one in self.mapping.items() if name not in gone}
        self.url = api.url

    def adapter(self) -> Any:
        cls = RestAdapter.bound(self.models, self.mapping, self.declared.lookups)
        return cls(
            **{**self.declared.options, "base_url": self.url, "tries": 1, "rate_limit": None, **self.fake_description["given"]}
        )

    def _fixed(self) -> set[str]:
        """Return the models whose objects cannot be deleted, and those whose identifiers refer to them."""
        endpoints = self.declared.options["endpoints"]
        fixed = {name for name, one in endpoints.items() if not isinstance(one, str) and one.get("delete") is False}
        lost = fixed
        while lost:
            others = {name: model for name, model in self.models.models.items() if name not in fixed}
            lost = {
                name
                for name, model in others.items()
                if any(fixed & set(model._references.get(one, ())) for one in model._identifiers)
            }
            fixed |= lost
        return fixed

    def _lost(self, name: str, gone: set[str]) -> set[str]:
        """Return the attributes of a model that refer to some models."""
        attributes = self.declared.models[name].get("attributes", {})
        return {one for one, about in attributes.items() if isinstance(about, dict) and gone & {*_listed(about.get("ref", ()))}}

    def _without(self, name: str, declared: dict[str, Any], key: str) -> dict[str, Any]:
        """Return a declaration without the attributes that are lost."""
        return {**declared, key: {one: about for one, about in declared.get(key, {}).items() if one not in self.lost[name]}}

    def dataset(self, state: str) -> Any:
        rows = self.fake_description["objects"][state]
        kept = {name: listed for name, listed in rows.items() if name not in self.left_out}
        lost = {name: self.lost.get(name, ()) for name in kept}
        return wanted(
            self.models,
            {name: [{key: one for key, one in row.items() if key not in lost[name]} for row in kept[name]] for name in kept},
        )

    def synchronised(self, state: str) -> Any:
        target, source = self.adapter(), self.dataset(state)
        target.load()
        result = target.apply(Plan.from_diff(target.diff_from(source)), source)
        return target, result, source


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def wanted(models: DataModel, rows: dict[str, list[dict[str, Any]]]) -> Any:
    made: Any = type("Wanted", (DSync,), {**models.models, "top_level": list(models.top_level)})(name="wanted")
    for name, model in models.models.items():
        above = models.parents.get(name)
        parent_ids = None if above is None else {one: f"{above}_{one}" for one in models.models[above]._identifiers}
        silent = {field for field in model._attributes if not any(field in row for row in rows.get(name, ()))}
        made.unmanaged[name] = frozenset(silent)
        fields = {field: model.model_fields[field] for field in model._attributes}
        empty = {field: None if one.is_required() else one.get_default() for field, one in fields.items()}
        complete = [{**empty, **row} for row in rows.get(name, ())]
        made.add_rows(name, complete, parent=above, parent_ids=parent_ids)
    return made


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as running:
        yield running


@pytest.mark.parametrize("name", [file.stem for file in FAKES])
def test_a_fake_is_filled_changed_and_emptied(name: str, api: Api) -> None:
    setup = Setup(name, api)
    for state in ("before", "after", "empty"):
        target, result, source = setup.synchronised(state)
        assert not result.failures, [failure.message for failure in result.failures]
        assert result.changed
        assert target.altered_values() == ""
        assert not target.diff_from(source).has_diffs(), "the adapter's own objects are out of step"
        again = setup.adapter()
        again.load()
        difference = again.diff_from(source)
        assert not difference.has_diffs(), difference.str()
    seeds = {name: len(about.get("seed", ())) for name, about in setup.fake_description["collections"].items()}
    left = {name: len(records) - seeds[name] for name, records in setup.fake.records.items()}
    assert left == {name: len(setup.fake_description["objects"]["empty"].get(name, ())) for name in left}


@pytest.mark.parametrize(
    ("name", "collection", "record"),
    [
        ("librenms", "location", {"location": "reported by a device", "lat": None, "lng": None}),
        ("gitea", "team", {"id": 9, "name": "guests", "permission": "none", "units": [], "$parent": "netops"}),
    ],
)
def test_what_the_system_makes_itself_is_read(name: str, collection: str, record: dict[str, Any], api: Api) -> None:
    setup = Setup(name, api)
    setup.synchronised("before")
    setup.fake.records[collection].append(record)
    target = setup.adapter()
    target.load()
    assert target.count(collection) == len(setup.fake.records[collection])


def test_folders_of_phpipam_are_no_subnets(api: Api) -> None:
    setup = Setup("phpipam", api)
    setup.synchronised("before")
    parent = setup.fake.records["section"][0]["id"]
    for number in (1, 2):
        folder = {"id": str(number), "subnet": "0.0.0.0", "mask": "", "sectionId": parent, "isFolder": "1", "$parent": parent}
        setup.fake.records["subnet"].append(folder)
    target = setup.adapter()
    target.load()
    assert not target.diff_from(setup.dataset("before")).has_diffs()


@pytest.mark.long
def test_defaults_of_passwords_in_surveys_are_compared_with_what_was_sent_last(tmp_path: Path, api: Api) -> None:
    setup = Setup("awx", api)
    sensitive = {"job_template": {"attributes": {"survey": {"sensitive": True}}}}
    setup.models = data_model(merged(setup.declared.models, sensitive), base=RecordModel)
    fields = {"job_template": {"fields": {"survey": {"from": "survey", "write_only": "$encrypted$"}}}}
    setup.mapping = merged(setup.mapping, fields)
    setup.fake_description["given"].update(sent_values=str(tmp_path / "sent.json"), sent_key="a phrase")
    template = setup.fake_description["objects"]["before"]["job_template"][0]
    question = {"type": "password", "question_name": "Key?", "variable": "key", "required": True, "default": "first"}
    template["survey"]["spec"].append(question)
    assert setup.synchronised("before")[1].changed
    assert not setup.synchronised("before")[1].outcomes
    question["default"] = "second"
    changed = setup.synchronised("before")[1]
    assert [(one.change.model, one.change.id, list(one.change.after or ())) for one in changed.outcomes] == [
        ("job_template", "Audit", ["survey"])
    ]
    assert setup.fake.records["job_template"][0]["$survey"]["spec"][1]["default"] == "second"
    assert not setup.synchronised("before")[1].outcomes
    assert "second" not in (tmp_path / "sent.json").read_text()


@pytest.mark.parametrize("name", [file.stem for file in FAKES])
def test_a_wrong_secret_is_refused(name: str, api: Api) -> None:
    setup = Setup(name, api)
    given = setup.fake_description["given"]
    secret = "password" if "password" in given else "client_secret" if "client_secret" in given else "token"
    setup.fake_description["given"] = {**given, secret: "wrong"}
    with pytest.raises(Exception, match=r"40\d|not logged in|unknown user"):
        setup.adapter().load()


@pytest.mark.parametrize("name", [file.stem for file in sorted(PRESETS.glob("*.yml"))])
def test_a_preset_says_what_it_is_tested_with(name: str) -> None:
    fake = (Path(__file__).parent / "fakes" / f"{name}.yml").exists()
    assert fake is ("tested" not in content(PRESETS / f"{name}.yml"))


@pytest.mark.long
class FakeConformance(AdapterConformance):
    """The conformance suite against the fake of a preset's system."""

    preset: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _server(self, api: Api) -> None:
        self.setup = Setup(self.preset, api, removable=True)

    def adapter(self) -> Any:
        return self.setup.adapter()

    def before(self) -> Any:
        return self.setup.dataset("before")

    def after(self) -> Any:
        return self.setup.dataset("after")

    def secrets(self) -> list[str]:
        given = self.setup.fake_description["given"]
        return [given[name] for name in ("token", "password", "client_secret") if name in given]


for _file in FAKES:
    globals()[f"TestFake{_file.stem.title()}"] = type(f"TestFake{_file.stem.title()}", (FakeConformance,), {"preset": _file.stem})
