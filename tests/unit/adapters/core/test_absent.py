# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Fields that no record has: a slip of a name is refused, and a source that says nothing of an attribute changes nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError
from dsync.records.definition import data_model

DEVICE = {"device": {"identifiers": ["name"], "attributes": {"role": "str | None", "mtu": {"type": "int", "default": 1500}}}}


def memory(records: list[dict[str, Any]], mapping: Any = None, models: Any = None) -> DSync:
    adapter = MemoryAdapter.bound(data_model(models or DEVICE, None, base=RecordModel), mapping)(records={"device": records})
    adapter.load()
    return adapter


def file(path: Path, mapping: Any = None) -> DSync:
    adapter = FileAdapter.bound(data_model(DEVICE, None, base=RecordModel), mapping)(path=str(path))
    adapter.load()
    return adapter


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "name,rolle\nr1,core\n"),
        ("a.csv", "name, role\nr1, core\n"),
        ("a.csv", "name,Role\nr1,core\n"),
        ("a.yml", "- {name: r1, rolle: core}\n- {name: r2}\n"),
        ("a.json", '[{"name": "r1", "rolle": "core"}]'),
    ],
)
def test_a_field_that_no_record_has_is_refused_where_one_is_called_nearly_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(
        DefinitionError, match=r'mapping\.device\.fields\.role: no device has a field "role", and there is " ?[rR]ol'
    ):
        file(path)


def test_a_slip_in_the_mapping_and_one_further_in_are_refused() -> None:
    with pytest.raises(DefinitionError, match='no device has a field "rolle", and there is "role"'):
        memory([{"name": "r1", "role": "core"}], {"device": {"fields": {"role": "rolle"}}})
    with pytest.raises(DefinitionError, match=r'no device has a field "meta\.rolle", and there is "meta\.role"'):
        memory([{"name": "r1", "meta": {"role": "core"}}, {"name": "r2"}], {"device": {"fields": {"role": "meta.rolle"}}})


def test_a_default_says_what_an_absent_field_means() -> None:
    mapping = {"device": {"fields": {"role": {"from": "rolle", "default": None}}}}
    source = memory([{"name": "r1", "role": "core"}], mapping)
    assert source.get("device", "r1").role is None
    target = memory([{"name": "r1", "role": "core"}])
    assert target.diff_from(source).summary()["update"] == 1


def test_a_field_that_another_attribute_reads_is_not_what_was_meant() -> None:
    models = {
        "device": {"identifiers": ["name"], "attributes": {"ip4": "str | None", "ip6": "str | None", "asset_tag": "str | None"}}
    }
    both = {"device": {"fields": {"ip6": "address6", "ip4": "address4"}}}
    assert memory([{"name": "r1", "address4": "192.0.2.1"}], both, models).get("device", "r1").ip6 is None


def test_a_source_that_says_nothing_of_an_attribute_leaves_it_as_it_is() -> None:
    source, target = memory([{"name": "r1"}, {"name": "r2"}]), memory([{"name": "r1", "role": "core", "mtu": 9000}])
    diff = target.diff_from(source)
    plan = Plan.from_diff(diff)
    assert [(change.id, change.after) for change in plan if change.id == "r1"] == [("r1", {"mtu": 1500})]
    assert [sentence for sentence in diff.warnings if "has a field for role" in sentence]
    assert not [sentence for sentence in source.diff_from(target).warnings if "has a field for" in sentence]
    target.apply(plan, source).raise_for_end()
    assert target.get("device", "r1").role == "core"
    assert target.get("device", "r2").role is None


def test_a_target_without_the_field_is_given_it() -> None:
    source, target = memory([{"name": "r1", "role": "core"}]), memory([{"name": "r1"}])
    target.apply(Plan.from_diff(target.diff_from(source)), source).raise_for_end()
    assert target.get("device", "r1").role == "core"


@pytest.mark.parametrize("rows", ["", "r1,core\n"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"role": "funktion"}, r'fields\.role: .*a\.csv has no column "funktion" \(known: name, role\)'),
        ({"role": "rolle"}, r'fields\.role: .*a\.csv has no column "rolle" \(did you mean "role"'),
        ({"mtu": {"from": "mtu", "write": {"mtu_bytes": "mtu"}}}, r'fields\.mtu\.write: .*a\.csv has no column "mtu_bytes"'),
    ],
)
def test_the_header_of_a_file_says_which_columns_there_are(tmp_path: Path, rows: str, fields: Any, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"name,role\n{rows}")
    with pytest.raises(DefinitionError, match=rf"mapping\.device\.{said}"):
        file(path, {"device": {"fields": fields}})
    assert path.read_text() == f"name,role\n{rows}"


def test_a_slip_in_the_header_of_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,rolle\n")
    with pytest.raises(DefinitionError, match='no device has a field "role", and there is "rolle"'):
        file(path)
    with pytest.raises(DefinitionError, match=r'where\.rol: .* has no column "rol" \(did you mean "rolle"'):
        file(path, {"device": {"where": {"rol": 1}, "fields": {"role": "rolle"}}})


def test_a_column_that_only_a_default_describes_may_be_absent_and_is_added_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name\nr1\n")
    target = file(path, {"device": {"fields": {"role": {"from": "funktion", "default": None}}}})
    target.sync_from(memory([{"name": "r1", "role": "core", "mtu": 9000}]))
    assert path.read_text() == "name,funktion,mtu\nr1,core,9000\n"
