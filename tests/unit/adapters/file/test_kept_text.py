# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file in which one value changes keeps the text of all others, as its format has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.file import FileAdapter
from dsync.exceptions import RecordProblem
from dsync.records.definition import data_model

PARTS: dict[str, Any] = {"part": {"identifiers": ["name"], "attributes": {"serial": "str"}}}
PORTS: dict[str, Any] = {"port": {"identifiers": ["name"], "attributes": {"mtu": "int", "up": "bool", "tags": "list[str]"}}}
CARDS: dict[str, Any] = {"card": {"identifiers": ["name"], "attributes": {"code": "str", "mac": "str | None", "at": "str | None"}}}


def opened(path: Path, declared: dict[str, Any]) -> FileAdapter:
    adapter = FileAdapter.bound(data_model(declared, base=RecordModel))(path=str(path))
    adapter.load()
    return adapter


def synchronised(path: Path, declared: dict[str, Any], *rows: dict[str, Any]) -> FileAdapter:
    models = data_model(declared)
    source: Any = type("Source", (DSync,), {**models.models, "top_level": list(models.top_level)})()
    source.add_rows(next(iter(declared)), rows)
    target = opened(path, declared)
    target.sync_from(source)
    return target


def test_numbers_and_short_lists_of_json_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    text = (
        '[\n  {"name": "a", "serial": "x1", "cost": 0.12345678901234567891, "big": 1E400, "e": 1.10, "u": "a\\/b"},\n'
        '  {"name": "b", "serial": "x2", "vlans": [1, 2, 3]}\n]\n'
    )
    path.write_text(text)
    synchronised(path, PARTS, {"name": "a", "serial": "y1"}, {"name": "b", "serial": "x2"})
    assert path.read_text() == text.replace("x1", "y1")


@pytest.mark.parametrize(
    "text",
    ["- name:\ta\n  serial: x1\n", "- name: a\n  serial:\tx1\n", "- name: a\n  serial: x1\t# old\n  note: b\tc\n"],
)
def test_tabs_of_yaml_are_read_and_stay(tmp_path: Path, text: str) -> None:
    path = tmp_path / "parts.yml"
    path.write_text(text)
    synchronised(path, PARTS, {"name": "a", "serial": "y1"})
    assert path.read_text() == text.replace("x1", "y1")


def test_a_value_of_a_wrong_type_beside_a_tab_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ports.yml"
    path.write_text("- name:\ta\n  mtu: lots\n  up: true\n  tags: []\n")
    with pytest.raises(RecordProblem, match=r'ports.yml, line 1, \[0\]: port "a": mtu: Input should be a valid integer'):
        opened(path, PORTS)


def test_each_file_of_a_glob_has_the_lists_numbers_and_booleans_of_its_format(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('name,mtu,up,tags\na,1500,true,"x,y"\n')
    (tmp_path / "b.json").write_text('[{"name": "b", "mtu": 1500, "up": true, "tags": ["x"]}]')
    row = {"mtu": 9000, "up": False, "tags": ["y", "z"]}
    synchronised(tmp_path / "*.*", PORTS, {"name": "a", **row}, {"name": "b", **row})
    assert (tmp_path / "a.csv").read_text() == 'name,mtu,up,tags\na,9000,false,"y,z"\n'
    assert (tmp_path / "b.json").read_text() == '[{"name": "b", "mtu": 9000, "up": false, "tags": ["y", "z"]}]'


def test_codes_addresses_and_times_of_yaml_are_the_text_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cards.yml"
    text = "- name: a\n  code: 0123\n  mac: 10:20:30:40:50:55\n  at: 12:30\n"
    path.write_text(text)
    there = {"name": "a", "code": "0123", "mac": "10:20:30:40:50:55", "at": "12:30"}
    (card,) = synchronised(path, CARDS, there).get_all("card")
    assert {**card.get_identifiers(), **card.get_attrs()} == there
    assert path.read_text() == text
    synchronised(path, CARDS, {**there, "code": "0124"})
    assert path.read_text().replace("'", "").replace('"', "") == text.replace("0123", "0124")
    assert opened(path, CARDS).get("card", "a").code == "0124"
