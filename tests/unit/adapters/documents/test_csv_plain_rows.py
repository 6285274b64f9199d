# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables that are read without a look at each row are read as those with one, errors included."""

from __future__ import annotations

from typing import Any

import pytest
from dsync.adapters.documents import csv_format
from dsync.adapters.documents.csv_format import CsvFormat
from dsync.exceptions import RecordProblem
from hypothesis import given
from hypothesis import strategies as st

pieces = st.sampled_from(["a", "b", " ", ",", ",", "\n", "\n", "\r\n", "\r", '"', '""', '"x\ny"', "\\", "é", "\0", "\u2028"])
texts = st.lists(pieces, max_size=14).map("".join)
headers = st.sampled_from(["n,m\n", "sep=,\nn,m\n", "sep=;\n", "n\n", "n,,m\n", "n,m,\r\n", "\nn,m\n", "n,m\r", '"n",m\n', ""])
numbers = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", " ", "x"])), max_size=4)


def read(text: str) -> Any:
    try:
        rows = CsvFormat().read(text, "f")
    except RecordProblem as problem:
        return str(problem)
    return list(rows), rows.columns


def as_columns(text: str) -> Any:
    try:
        table = CsvFormat().table(text, "f")
    except RecordProblem as problem:
        return str(problem)
    return None if table is None else (table.rows(), tuple(table.columns))


@given(texts, headers)
def test_columns_are_those_of_rows(text: str, header: str) -> None:
    assert as_columns(header + text) in (None, read(header + text))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@given(numbers)
def test_tables_without_quotation_marks_need_no_reader(end: str, rows: list[tuple[int, str]]) -> None:
    text = "".join(f"{number},{word}{end}" for number, word in [("n", "m"), *rows])
    found = as_columns(text)
    assert found == (read(text) if rows else None)


def test_a_plain_table_is_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(csv_format._Table, "rows")
    rows = [{"n": "1", "m": "a\nb"}, {"n": "2", "m": ""}]
    assert as_columns('n,m\n1,"a\nb"\n\n2,\n') == (rows, ("n", "m"))
