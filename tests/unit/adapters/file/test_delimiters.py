# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The delimiter that a CSV file has is found, and kept when the file is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.exceptions import RecordProblem
from dsync.records.definition import data_model

PARTS = data_model({"part": {"identifiers": ["name"], "attributes": {"price": "str | None"}}}, base=RecordModel)


def loaded(path: Path, **options: Any) -> FileAdapter:
    adapter = FileAdapter.bound(PARTS)(path=str(path), delimiter="auto", **options)
    adapter.load()
    return adapter


def source(*rows: dict[str, Any]) -> Any:
    made: Any = type("Source", (DSync,), {**PARTS.models, "top_level": ["part"]})()
    made.add_rows("part", rows)
    return made


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("name;price\na;1,5\n", "name;price\na;2,5\nb;3\n"),
        ("name\tprice\r\na\t1,5\r\n", "name\tprice\r\na\t2,5\r\nb\t3\r\n"),
        ('name,price\na,"1,5"\n', 'name,price\na,"2,5"\nb,3\n'),
        ("name|price\n\na|1,5\n", "name|price\n\na|2,5\nb|3\n"),
        ('"name";"price";"of, or by"\n"a";"1,5";"x"\n', '"name";"price";"of, or by"\n"a";"2,5";"x"\n"b";"3";""\n'),
        ("name;price;of, or by\na;1,5;x\nc;4;y\n", "name;price;of, or by\na;2,5;x\nb;3;\n"),
    ],
)
def test_the_delimiter_of_a_file_is_found_and_kept(tmp_path: Path, text: str, changed: str) -> None:
    path = tmp_path / "parts.csv"
    path.write_bytes(text.encode())
    loaded(path).sync_from(source({"name": "a", "price": "2,5"}, {"name": "b", "price": "3"}))
    assert path.read_bytes().decode() == changed
    assert loaded(path).get("part", "a").price == "2,5"


@pytest.mark.parametrize(("name", "text"), [("new.csv", "name,price\na,1\n"), ("new.tsv", "name\tprice\na\t1\n")])
def test_a_new_file_has_the_delimiter_of_its_format(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    loaded(path, create=True).sync_from(source({"name": "a", "price": "1"}))
    assert path.read_text() == text


def test_each_file_of_a_glob_has_its_own_delimiter(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name;price\na;1\n")
    (tmp_path / "b.csv").write_text("name|price\nb|2\n")
    found = loaded(tmp_path / "*.csv").get_all("part")
    assert [(part.name, part.price) for part in found] == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize("row", ["a;1,2", "a;1;2,3,4"])
def test_a_file_that_may_have_several_delimiters_is_refused(tmp_path: Path, row: str) -> None:
    path = tmp_path / "parts.csv"
    path.write_text(f"name;price,note\n{row}\n")
    with pytest.raises(RecordProblem, match=r"parts.csv: it is not clear whether ',' or ';' is the delimiter; set the option"):
        loaded(path)


def test_a_row_that_does_not_have_the_delimiter_of_the_header_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text("name;price\na;1\nb,2\n")
    with pytest.raises(RecordProblem, match=r"parts.csv, line 3: it has 1 cell, and the header has 2"):
        loaded(path)


@pytest.mark.parametrize("option", ["auto", None])
@pytest.mark.parametrize("begin", ["sep=;\r\n", '"sep=;"\r\n', "\ufeffsep=;\r\n", "sep=;;\r\n"])
def test_the_line_by_which_excel_is_told_the_delimiter_is_read_and_kept(tmp_path: Path, begin: str, option: str | None) -> None:
    path = tmp_path / "parts.csv"
    path.write_bytes(f"{begin}name;price\r\na;1,5\r\nnut;x\r\n".encode())
    adapter = FileAdapter.bound(PARTS)(path=str(path), delimiter=option)
    adapter.load()
    adapter.sync_from(source({"name": "a", "price": "2,5"}, {"name": "b", "price": "3;4"}))
    assert path.read_bytes().decode() == f'{begin}name;price\r\na;2,5\r\nb;"3;4"\r\n'


def test_the_header_of_an_empty_file_is_written_below_that_line(tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text("sep=|\n")
    loaded(path).sync_from(source({"name": "a", "price": "2"}))
    assert path.read_text() == "sep=|\nname|price\na|2\n"


def test_an_option_that_contradicts_that_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    path.write_text("sep=;\nname;price\na;1\n")
    with pytest.raises(
        RecordProblem, match=r"parts.csv, line 1: it names ';' as the delimiter, and the option delimiter ','; leave"
    ):
        FileAdapter.bound(PARTS)(path=str(path), delimiter=",").load()
