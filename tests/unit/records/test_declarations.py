# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong in a declaration is told in one sentence that names the place."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dsync.adapters import RecordAdapter, RecordModel
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.records.declaration_reader import Declared
from dsync.records.definition import data_model
from dsync.records.mapping import ModelMap, Record

BAD = yaml.safe_load((Path(__file__).parent / "bad_declarations.yml").read_text())

MODELS = """
site: {identifiers: [name], attributes: {phone: str}, children: [device]}
device: {identifiers: [name], attributes: {role: str, site_name: str, mtu: int, pw: secret}}
"""


class Tables(RecordAdapter):
    """Records in lists by name."""

    def __init__(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__(name="cmdb")
        self.tables = tables

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        return self.tables.get(mapped.place.value or mapped.name, [])

    def read_table(self, place: Declared) -> Iterable[Record]:
        return self.tables[place.one_of(self.tables)]

    def describe(self, mapped: ModelMap, record: Record) -> str:
        return f"cmdb {mapped.name}[{self.tables[mapped.place.value or mapped.name].index(dict(record))}]"


def load(given: dict[str, Any]) -> None:
    """Declare what is given, and load the tables."""
    models = data_model(given.get("models", yaml.safe_load(MODELS)), given.get("top_level"), base=RecordModel)
    Tables.bound(models, given.get("mapping"), given.get("lookups"))(given.get("tables", {})).load()


def test_there_are_enough_of_them_and_none_is_there_twice() -> None:
    assert len(BAD) >= 60
    assert len({case["said"] for case in BAD}) >= 60


@pytest.mark.parametrize("given", BAD, ids=[case["said"][:60] for case in BAD])
def test_each_is_reported_in_one_sentence(given: dict[str, Any]) -> None:
    with pytest.raises((DefinitionError, RecordProblem)) as caught:
        load({key: value for key, value in given.items() if key != "said"})
    assert str(caught.value) == given["said"]
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_what_is_right_loads() -> None:
    load({"tables": {"site": [{"name": "nyc", "phone": 5}], "device": []}})
