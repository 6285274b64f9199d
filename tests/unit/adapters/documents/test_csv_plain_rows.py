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

pieces = st.sampled_from(["a", "b", " ", ",", ",", "\n", "\n", "\r\n", '"', '""', '"x\ny"', "\\", "é"])
texts = st.lists(pieces, max_size=14).map("".join)


def read(text: str) -> Any:
    try:
        rows = CsvFormat().read(text, "f")
    except RecordProblem as problem:
        return str(problem)
    return list(rows), rows.columns


@given(texts, st.sampled_from(["n,m\n", "n\n", "n,,m\n", "n,m,\r\n", "\nn,m\n", ""]))
def test_rows_are_read_as_one_after_the_other(text: str, header: str) -> None:
    found = read(header + text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_format._Table, "plain_cells", lambda table: None)
        assert read(header + text) == found


def test_a_plain_table_is_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(csv_format._Table, "rows")
    assert read('n,m\n1,"a\nb"\n\n2,\n') == ([{"n": "1", "m": "a\nb"}, {"n": "2", "m": ""}], ("n", "m"))
