# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files of several documents: records of all of them, and the bytes of those in which nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.exceptions import RecordProblem
from dsync.records.definition import data_model

MODELS = data_model(
    {"device": {"identifiers": ["name"], "attributes": {"role": "str"}}, "site": {"identifiers": ["name"]}}, base=RecordModel
)
FIRST = "# the first\n---\n# devices\ndevices:\n- {name: a, role: x}\n"
SECOND = "--- # the second\ndevices:\n# about b\n- name: b  # kept\n  role: 'x'\n- {name: c, role: x}\n...\n"
THIRD = "---\nsites:\n  - name: nyc\n    note: |\n      text\n"
LAST = "---\nother: 0x10"
TEXT = FIRST + SECOND + THIRD + LAST
MAPPING = {"device": {"from": "devices"}, "site": {"from": "sites"}}


def synchronised(path: Path, devices: dict[str, str], sites: Any = ("nyc",), **options: Any) -> str:
    """Return what is in a file that was made so that it has some devices (name → role) and sites."""

    def opened() -> Any:
        adapter = FileAdapter.bound(MODELS, MAPPING)(path=str(path), **options)
        adapter.load()
        return adapter

    wanted: DSync = type("Wanted", (DSync,), {**MODELS.models, "top_level": list(MODELS.top_level)})()
    wanted.add_rows("device", [{"name": name, "role": role} for name, role in devices.items()])
    wanted.add_rows("site", [{"name": name} for name in sites])
    target = opened()
    target.apply(Plan.from_diff(target.diff_from(wanted)), wanted).raise_for_failure()
    assert not opened().diff_from(wanted).has_diffs()
    assert not target.diff_from(wanted).has_diffs()
    return path.read_bytes().decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "all.yml"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_documents_of_what_changes_change(path: Path, newline: str) -> None:
    path.write_bytes(TEXT.replace("\n", newline).encode())
    found = synchronised(path, {"a": "y", "b": "x", "c": "z"}, ["nyc", "par"])
    expected = FIRST.replace("a, role: x", "a, role: y") + SECOND.replace("c, role: x", "c, role: z")
    assert found == (expected + THIRD + "  - name: par\n" + LAST).replace("\n", newline)


def test_a_record_is_removed_with_its_comment(path: Path) -> None:
    path.write_text(TEXT)
    assert synchronised(path, {"a": "x", "c": "x"}) == TEXT.replace("# about b\n- name: b  # kept\n  role: 'x'\n", "")


def test_two_runs_of_one_adapter(path: Path) -> None:
    path.write_text("a: 1\n---\ndevices: [{name: a, role: x}]\n")
    adapter = FileAdapter.bound(
        data_model({"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}, base=RecordModel),
        {"device": {"from": "devices"}},
    )(path=str(path))
    adapter.load()
    for role in ("y", "z"):
        wanted: DSync = type("Wanted", (DSync,), {**adapter.data_model.models, "top_level": ["device"]})()
        wanted.add_rows("device", [{"name": "a", "role": role}, {"name": role, "role": "n"}])
        adapter.apply(Plan.from_diff(adapter.diff_from(wanted)), wanted).raise_for_failure()
        assert not adapter.diff_from(wanted).has_diffs()
    assert path.read_text() == "a: 1\n---\ndevices: [{name: a, role: z}, {name: z, role: n}]\n"


def test_a_new_record_needs_to_know_its_document(path: Path) -> None:
    path.write_text(TEXT)
    wanted = {"a": "x", "b": "x", "c": "x", "new": "n"}
    with pytest.raises(Exception, match=r'2 documents of .* have something at its place; choose one with "document"'):
        synchronised(path, wanted)
    assert path.read_text() == TEXT
    found = synchronised(path, {"b": "x", "c": "x", "new": "n"}, (), document=2)
    assert found == TEXT.replace("{name: c, role: x}\n", "{name: c, role: x}\n- {name: new, role: n}\n")


def test_places_are_those_in_the_file(path: Path) -> None:
    path.write_text(TEXT.replace("- {name: c, role: x}", "- {name: c, role: [1]}"))
    with pytest.raises(RecordProblem, match=r"all.yml, document 2, line 11, devices\[1\]: device .c.: role"):
        synchronised(path, {})
    path.write_text(TEXT.replace("role: 'x'", "role: 'x"))
    with pytest.raises(RecordProblem, match=r"all.yml, line 1\d: "):
        synchronised(path, {})
    path.write_text(TEXT)
    with pytest.raises(RecordProblem, match="has 4 documents, and no document 5"):
        synchronised(path, {}, document=5)


def test_three_dashes_in_a_string_begin_no_document(path: Path) -> None:
    path.write_text("devices:\n- name: a\n  role: |\n    ---\n    x\nsites:\n- name: nyc\n")
    found = synchronised(path, {"a": "---\ny\n"})
    assert found == "devices:\n- name: a\n  role: |\n    ---\n    y\nsites:\n- name: nyc\n"
