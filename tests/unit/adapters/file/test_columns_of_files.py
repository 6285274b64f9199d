# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are read as columns: records are made only where something is written, and know where they are then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.documents.document import Document, LocatedTable
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import RecordProblem
from dsync.records.definition import data_model
from hypothesis import given
from hypothesis import strategies as st

PORTS = data_model({"port": {"identifiers": ["name"], "attributes": {"mtu": "int | None", "note": "str"}}}, base=RecordModel)
estates = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(st.sampled_from([None, 1500, 9000]), st.sampled_from(["", "x", '"', ",", "é"]))
)


def text_of(ports: Mapping[str, tuple[Any, str]]) -> str:
    quoted = {'"': '""""', ",": '","'}
    rows = (f"{name},{mtu or ''},{quoted.get(note, note)},kept\n" for name, (mtu, note) in ports.items())
    return "".join(["name,mtu,note,other\n", *rows])


def opened(path: Path) -> FileAdapter:
    adapter = FileAdapter.bound(PORTS)(path=str(path))
    adapter.load()
    return adapter


def memory(ports: Mapping[str, tuple[Any, str]]) -> MemoryAdapter:
    adapter = MemoryAdapter.bound(PORTS)(
        records={"port": [{"name": name, "mtu": mtu, "note": note} for name, (mtu, note) in ports.items()]}
    )
    adapter.load()
    return adapter


def test_no_record_is_made_for_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = memory({"a": (1500, "x"), "b": (1500, "y"), "d": (None, "z")})
    made: list[int] = []
    record = LocatedTable._record
    monkeypatch.setattr(LocatedTable, "_record", lambda table, place: made.append(place) or record(table, place))
    monkeypatch.setattr(Document, "tree", property(None, Document.tree.fset))
    path = tmp_path / "ports.csv"
    path.write_text(text_of({"a": (1500, "x"), "b": (9000, "y"), "c": (None, "z")}))
    summary = opened(path).diff_from(source).summary()
    assert (summary["create"], summary["update"], summary["delete"], summary["no-change"]) == (1, 1, 1, 1)
    assert {*made} <= {0}, "more is made than the first record, which shows the fields"


@given(st.lists(estates, min_size=2, max_size=4))
def test_records_know_where_they_are_after_each_run(tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("files") / "ports.csv"
    path.write_text(text_of(states[0]))
    target = opened(path)
    for state in states[1:]:
        target.sync_from(memory(state))
        assert not opened(path).diff_from(memory(state)).has_diffs()


def test_what_is_wrong_with_a_row_is_said_as_for_records(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    path.write_text("name,mtu,note\na,1500,x\nb,many,y\n")
    with pytest.raises(RecordProblem, match=r"ports\.csv, line 3: .*mtu"):
        opened(path)
    path.write_text("name,mtu,note\na,1500,x\nb,1,y\na,2,z\n")
    with pytest.raises(RecordProblem, match=r'two records represent the port "a": .*line 2.*line 4'):
        opened(path)


def test_a_column_that_no_row_has_is_no_attribute_of_the_side(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    path.write_text("name,note\na,x\n")
    assert opened(path).unmanaged["port"] == frozenset({"mtu"})
