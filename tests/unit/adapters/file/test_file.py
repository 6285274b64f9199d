# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in files: one file, a glob, a directory; written whole or not at all."""

# pylint: disable=dangerous-default-value  # the defaults are never changed

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.documents.formats import FORMATS
from dsync.adapters.file import FileAdapter
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError, ObjectCrudException, RecordProblem
from dsync.records.definition import data_model
from dsync.testing.conformance import AdapterConformance

ESTATE = data_model(
    {
        "site": {"identifiers": ["name"], "attributes": {"phone": "str | None"}, "children": ["device"]},
        "device": {"identifiers": ["name"], "attributes": {"role": "str", "tags": "list[str]", "password": "secret"}},
    },
    base=RecordModel,
)
USERS = data_model(
    {
        "user": {
            "identifiers": ["name"],
            "attributes": {"uid": "int", "shell": "str | None", "groups": "set[str]", "active": "bool"},
        }
    },
    base=RecordModel,
)
NESTED = {"site": {"from": "sites"}, "device": {"from": "sites.*.devices"}}
KEYED = {"site": {"from": "sites", "key": "name"}, "device": {"from": "sites.*.devices", "key": "name"}}
A_FILE_EACH = {"site": {"key": "name"}, "device": {"from": "devices", "key": "name"}}


def device(name: str, role: str = "core", tags: Sequence[str] = (), password: str = "hunter2") -> dict[str, Any]:
    return {"name": name, "role": role, "tags": list(tags), "password": password}


FULL = {
    "sites": [
        {"name": "nyc", "phone": "1", "devices": [device("sw1", tags=["a", "b"]), device("sw2", "NO")]},
        {"name": "par", "phone": None, "devices": [device("sw3", "é: #")]},
    ]
}
OTHER = {
    "sites": [
        {"name": "nyc", "phone": "2", "devices": [device("sw2", "edge", ["x"], "s3cret"), device("sw4")]},
        {"name": "ber", "phone": "3", "devices": [device("sw1", "core", ["a"])]},
    ]
}


def memory(records: Any, models: Any = ESTATE, mapping: Any = NESTED) -> MemoryAdapter:
    adapter = MemoryAdapter.bound(models, mapping if models is ESTATE else None)(records=records)
    adapter.load()
    return adapter


def opened(path: Path | str, mapping: Any = NESTED, models: Any = ESTATE, **options: Any) -> FileAdapter:
    adapter = FileAdapter.bound(models, mapping)(path=str(path), **options)
    adapter.load()
    return adapter


def users(path: Path | str, **options: Any) -> FileAdapter:
    return opened(path, None, USERS, **options)


def same(left: Any, right: Any) -> bool:
    return not left.diff_from(right).has_diffs()


def user(name: str, uid: int = 1, shell: str | None = None, groups: Sequence[str] = (), active: bool = True) -> dict[str, Any]:
    return {"name": name, "uid": uid, "shell": shell, "groups": list(groups), "active": active}


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


# ---------------------------------------------------------------------- one file


@pytest.mark.parametrize("end", ["yml", "json", "toml"])
@pytest.mark.parametrize("mapping", [NESTED, KEYED])
def test_a_file_is_made_like_one_source_and_then_like_another(tmp_path: Path, end: str, mapping: Any) -> None:
    path = tmp_path / f"sot.{end}"
    adapter = opened(path, mapping, create=True)
    for records in (FULL, OTHER, FULL, None, OTHER):
        adapter.sync_from(memory(records))
        assert same(opened(path, mapping), memory(records)), (records, path.read_text())
        fresh = opened(path, mapping)
        before = path.stat().st_mtime_ns
        fresh.sync_from(memory(records))
        assert path.stat().st_mtime_ns == before
    assert names(tmp_path) == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("end", ["yaml", "json", "jsonl", "ndjson", "csv", "tsv", "toml"])
def test_one_model_in_each_format(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"users.{end}"
    mapping = {"user": {"from": "user"}} if end == "toml" else None
    adapter = opened(path, mapping, USERS, create=True)
    first = [user("ann", 1, "/bin/sh", ["a", "b"]), user("bob", 2, None, [], False), user("x, y", 3)]
    second = [user("ann", 9, None, ["c"]), user("eve", 4, '"q"', ["ä"]), user("bob", 2, "/bin/sh", [], True)]
    for records in (first, second, [], first):
        adapter.sync_from(memory(records, USERS))
        assert same(opened(path, mapping, USERS), memory(records, USERS)), path.read_text()


def test_a_spreadsheet_keeps_its_form(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(
        '\ufeffname;uid;note;groups;active;shell\r\nann;1;"a; b";a|b;true;\r\n"bob";"2";"x";"";"no";"/bin/sh"\r\n'.encode()
    )
    path.chmod(0o640)
    adapter = users(path, delimiter=";", list_separator="|")
    assert adapter.get("user", "ann").groups == {"a", "b"}
    assert adapter.get("user", "ann").shell is None
    adapter.sync_from(memory([user("ann", 5, None, ["a", "b"]), user("bob", 2, None, ["z"], False), user("eve", 3)], USERS))
    assert path.read_bytes().decode() == (
        '\ufeffname;uid;note;groups;active;shell\r\nann;5;"a; b";a|b;true;\r\n"bob";"2";"x";"z";"no";""\r\n'
        '"eve";"3";"";"";"true";""\r\n'
    )
    assert path.stat().st_mode & 0o777 == 0o640


def test_another_encoding_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes("name,uid,groups,active\nañn,1,,true\n".encode("latin-1"))
    with pytest.raises(RecordProblem, match='line 2: this is not valid utf-8; set "encoding" to its encoding'):
        users(path)
    users(path, encoding="latin-1").sync_from(memory([user("añn", 2)], USERS))
    assert path.read_bytes() == "name,uid,groups,active\nañn,2,,true\n".encode("latin-1")
    adapter = users(path, encoding="latin-1")
    with pytest.raises(RecordProblem, match="has a character that"):
        adapter.sync_from(memory([user("añn", 2), user("\u4e00", 2)], USERS))
    assert path.read_bytes() == "name,uid,groups,active\nañn,2,,true\n".encode("latin-1")


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-16-le", b"\xff\xfe"), ("utf-16", b"\xfe\xff"), ("utf-16", b"\xff\xfe"), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-be", b"")],
)
def test_the_mark_and_the_order_of_bytes_are_kept(tmp_path: Path, encoding: str, mark: bytes) -> None:
    path = tmp_path / "users.csv"
    exact = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark, encoding)
    path.write_bytes(mark + "name,uid,groups,active\nañ,1,,true\n".encode(exact))
    users(path, encoding=encoding).sync_from(memory([user("añ", 2)], USERS))
    assert path.read_bytes() == mark + "name,uid,groups,active\nañ,2,,true\n".encode(exact)


def test_json_in_a_cell_is_a_list_or_dictionary(tmp_path: Path) -> None:
    attributes = {"facts": "dict[str, any]", "tags": "list[str]", "ports": "list[int]"}
    models = data_model({"device": {"identifiers": ["name"], "attributes": attributes}}, base=RecordModel)
    path = tmp_path / "d.csv"
    path.write_text('name,facts,tags,ports\na,"{""b"": [1, 2], ""a"": 1}",x,"[1, 2]"\nb,{},"y,z",[]\n')
    first = {"name": "a", "facts": {"a": 1, "b": [1, 2]}, "tags": ["x"], "ports": [1, 2]}
    second = {"name": "b", "facts": {}, "tags": ["y", "z"], "ports": []}
    assert same(opened(path, None, models), memory([first, second], models))
    wanted = [{**first, "ports": [3]}, {**second, "facts": {"é": None}, "tags": ["[1", "2]"]}]
    opened(path, None, models).sync_from(memory(wanted, models))
    assert path.read_text() == (
        'name,facts,tags,ports\na,"{""b"": [1, 2], ""a"": 1}",x,"[3]"\nb,"{""é"": null}","[""[1"", ""2]""]",[]\n'
    )
    assert same(opened(path, None, models), memory(wanted, models))


def test_a_class_without_models_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"FileAdapter has no models; FileAdapter\.bound\("):
        FileAdapter(path=str(tmp_path / "x.yml"))


def test_a_key_of_yaml_that_is_a_number_is_on_a_path(tmp_path: Path) -> None:
    models = data_model({"vlan": {"identifiers": ["name"], "attributes": {"role": "str", "mode": "str"}}}, base=RecordModel)
    path = tmp_path / "v.yml"
    text = "vlans:\n  10:\n  - {name: a, ports: {1: {mode: x}}}\n  20: []\n"
    path.write_text(text)
    mapping = {"vlan": {"from": "vlans.10", "fields": {"role": "name", "mode": "ports.1.mode"}}}
    target = opened(path, mapping, models)
    assert target.get("vlan", "a").mode == "x"
    target.sync_from(memory([{"name": "a", "role": "a", "mode": "y"}], models))
    assert path.read_text() == text.replace("mode: x", "mode: y")


def test_where_null_finds_a_record_without_the_field(tmp_path: Path) -> None:
    models = data_model({"site": {"identifiers": ["name"]}}, base=RecordModel)
    path = tmp_path / "s.yml"
    path.write_text("- {name: a}\n- {name: b, gone: null}\n- {name: c, gone: 2026}\n")
    assert [obj.name for obj in opened(path, {"site": {"where": {"gone": None}}}, models).get_all("site")] == ["a", "b"]


def test_a_field_that_no_attribute_names_stays(tmp_path: Path) -> None:
    path = tmp_path / "sot.json"
    path.write_text('{"sites": [{"name": "nyc", "phone": "1", "lat": 1.5, "devices": []}], "other": [1]}')
    opened(path).sync_from(memory({"sites": [{"name": "nyc", "phone": "2", "devices": []}]}))
    assert path.read_text() == '{"sites": [{"name": "nyc", "phone": "2", "lat": 1.5, "devices": []}], "other": [1]}'


def test_a_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text('[{"name": "a", "uid": 1, "groups": [], "active": true, "shell": null}]')
    (tmp_path / "link.json").symlink_to("real.json")
    users(tmp_path / "link.json").sync_from(memory([user("a", 7)], USERS))
    assert (tmp_path / "link.json").is_symlink()
    assert '"uid": 7' in (tmp_path / "real.json").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[]")
    path.chmod(0o4750)
    os.chown(path, 12345, 23456)
    path.chmod(0o750)
    users(path).sync_from(memory([user("a")], USERS))
    there = path.stat()
    assert (there.st_uid, there.st_gid, there.st_mode & 0o777) == (12345, 23456, 0o750)


# ---------------------------------------------------------------------- whole or not at all


def test_a_file_that_somebody_else_changed_stays(tmp_path: Path) -> None:
    for name in ("nyc.yml", "par.yml"):
        (tmp_path / name).write_text("phone: '1'\n")
    adapter = opened(tmp_path, A_FILE_EACH)
    (tmp_path / "par.yml").write_text("phone: '3'\n")
    with pytest.raises(RecordProblem, match=r"par\.yml was changed by someone else after it was read; nothing was written"):
        adapter.sync_from(
            memory({"sites": [{"name": "nyc", "phone": "2"}, {"name": "par", "phone": "2"}, {"name": "ber"}]}, mapping=PHONES)
        )
    assert (tmp_path / "nyc.yml").read_text() == "phone: '1'\n"
    assert names(tmp_path) == ["nyc.yml", "par.yml"]


PHONES = {"site": {"from": "sites", "fields": {"phone": {"from": "phone", "default": None}}}, "device": {"from": "sites.*.devices"}}


def test_a_file_that_came_meanwhile_stays(tmp_path: Path) -> None:
    adapter = users(tmp_path / "a.json", create=True)
    (tmp_path / "a.json").write_text("mine")
    with pytest.raises(RecordProblem, match="was changed by someone else"):
        adapter.sync_from(memory([user("a")], USERS))
    assert (tmp_path / "a.json").read_text() == "mine"


def test_when_one_file_cannot_be_written_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nyc.yml", "par.yml", "ber.yml"):
        (tmp_path / name).write_text("phone: '1'\n")
    adapter = opened(tmp_path, A_FILE_EACH)
    calls = []
    real = os.fsync

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordProblem, match="cannot be written: No space left on device"):
        adapter.sync_from(memory({"sites": [{"name": "nyc", "phone": "2"}, {"name": "par", "phone": "2"}]}, mapping=PHONES))
    assert {(tmp_path / name).read_text() for name in names(tmp_path)} == {"phone: '1'\n"}
    assert names(tmp_path) == ["ber.yml", "nyc.yml", "par.yml"]


def test_changes_that_are_rolled_back_leave_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "sot.yml"
    opened(path, create=True).sync_from(memory(FULL))
    text = path.read_text()
    adapter = opened(path)
    mapped = adapter._maps["site"]
    adapter.remove_records(mapped, [adapter.record_of(adapter.get("site", "par"))])
    adapter.roll_back()
    adapter.sync_complete(adapter, None)
    assert path.read_text() == text


def test_a_run_that_stops_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    text = "name,uid,groups,active\nann,1,,true\n"
    path.write_text(text)
    adapter = users(path)
    with pytest.raises(
        ObjectCrudException, match='an item of "groups" is empty, has blanks at its ends, or contains ",", which separates items'
    ):
        adapter.sync_from(memory([user("bob", groups=["a,b"]), user("ann", 5)], USERS))
    assert path.read_text() == text


def test_where_finds_the_cells_of_a_number_and_a_boolean(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    head = "name,uid,shell,groups,active,floor,staff\n"
    path.write_text(f"{head}ann,1,,,true,3,Yes\nbob,2,,,true,4,Yes\neve,3,,,true,3,No\n")
    adapter = opened(path, {"user": {"where": {"floor": 3, "staff": True}}}, USERS)
    adapter.sync_from(memory([user("ann"), user("new", 9)], USERS))
    assert path.read_text() == f"{head}ann,1,,,true,3,Yes\nbob,2,,,true,4,Yes\neve,3,,,true,3,No\nnew,9,,,true,3,Yes\n"


def test_a_dot_in_the_name_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("name,id.unix,shell,groups,active,at.site\nann,1,,,true,nyc\nbob,2,,,true,par\n")
    mapping = {"user": {"where": {"at.site": "nyc"}, "fields": {"uid": "id.unix"}}}
    opened(path, mapping, USERS).sync_from(memory([user("ann", 5), user("new", 9)], USERS))
    assert path.read_text() == "name,id.unix,shell,groups,active,at.site\nann,5,,,true,nyc\nbob,2,,,true,par\nnew,9,,,true,nyc\n"
    with pytest.raises(DefinitionError, match=r'where.at.stie: .*users.csv has no column "at.stie" \(did you mean "at.site"\?'):
        opened(path, {"user": {"where": {"at.stie": "nyc"}, "fields": {"uid": "id.unix"}}}, USERS)


@pytest.mark.parametrize("kind", ["yml", "toml"])
def test_a_string_attribute_is_what_is_written(tmp_path: Path, kind: str) -> None:
    models = data_model(
        {"card": {"identifiers": ["code"], "attributes": {"pin": "str", "uses": "int", "note": "str | None"}}}, base=RecordModel
    )
    path = tmp_path / f"cards.{kind}"
    path.write_text(
        "- {code: 0x1A, pin: +0042, uses: 0x10, note: 1_0}\n"
        if kind == "yml"
        else "[[card]]\ncode = 0x1A\npin = +42\nuses = 0x10\nnote = 1_0\n"
    )
    before = path.read_text()
    mapping = {"card": {"from": "card"}} if kind == "toml" else None
    pin = "+0042" if kind == "yml" else "+42"
    adapter = opened(path, mapping, models)
    (card,) = adapter.get_all("card")
    assert (card.get_unique_id(), card.get_attrs()) == ("0x1A", {"pin": pin, "uses": 16, "note": "1_0"})
    same_card = {"code": "0x1A", "pin": pin, "uses": 16, "note": "1_0"}
    adapter.sync_from(memory([same_card], models))
    assert path.read_text() == before
    adapter.sync_from(memory([{**same_card, "pin": "0043"}], models))
    assert opened(path, mapping, models).get("card", "0x1A").get_attrs()["pin"] == "0043"


def test_a_key_is_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "users.yml"
    path.write_text("user:\n  007: {uid: 1, groups: [], active: true}\n  12:30: {uid: 2, groups: [], active: true}\n")
    adapter = opened(path, {"user": {"from": "user", "key": "name"}}, USERS)
    assert [one.get_unique_id() for one in adapter.get_all("user")] == ["007", "12:30"]
    adapter.sync_from(memory([user("007", 3, None, [])], USERS))
    assert path.read_text().startswith("user:\n  007: {uid: 3, groups: [], active: true")
    assert "12:30" not in path.read_text()


def test_where_may_name_a_field_that_new_records_alone_will_have(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.write_text('[{"name": "ann"}]')
    adapter = opened(path, {"user": {"where": {"managed": True}}}, USERS)
    assert adapter.load_warnings == [f"{path}: mapping.user.where: there are records, but none of them has managed: True"]
    adapter.sync_from(memory([user("new", 9)], USERS))
    assert json.loads(path.read_text())[1]["managed"] is True
    with pytest.raises(DefinitionError, match='no record has a field "nmae"'):
        opened(path, {"user": {"where": {"nmae": "ann"}}}, USERS)


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("users.csv", "name,uid,groups,active\nann,1,,true\n ,2,,true\n", "users.csv, line 3: "),
        ("users.jsonl", '{"name": "", "uid": 2, "groups": [], "active": true}\n', "users.jsonl, line 1: "),
        ("users.yml", "- {name: '', uid: 2, groups: [], active: true}\n", "users.yml, line 1, [0]: "),
    ],
)
def test_a_record_with_a_blank_identifier_is_refused(tmp_path: Path, name: str, text: str, where: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(RecordProblem) as caught:
        users(tmp_path / name)
    assert str(caught.value) == (
        f'{tmp_path / where}user: name is blank, so nothing identifies the object; fill it in, or exclude such records with "drop"'
    )


def test_a_blank_identifier_beside_another_one_identifies(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    models = data_model({"port": {"identifiers": ["device", "name"], "attributes": {"mtu": "int"}}}, base=RecordModel)
    path.write_text("device,name,mtu\nr1,,1500\n,,\n")
    assert [port.get_identifiers() for port in opened(path, None, models).get_all("port")] == [{"device": "r1", "name": ""}]
    path.write_text("device,name,mtu\n,,1500\n")
    with pytest.raises(RecordProblem, match="line 2: port: device, name are all blank"):
        opened(path, None, models)


def test_a_secret_in_a_file_is_in_no_message(tmp_path: Path) -> None:
    path = tmp_path / "sot.yml"
    path.write_text("sites:\n- name: nyc\n  phone: '1'\n  devices:\n  - {name: a, role: [hunter2], tags: [], password: hunter2}\n")
    with pytest.raises(RecordProblem) as caught:
        opened(path)
    assert str(caught.value).startswith(f"{path}, line 5, sites[0].devices[0]: device")
    assert "hunter2" not in str(caught.value)


def test_a_value_in_the_vault_is_not_taken_for_a_text(tmp_path: Path) -> None:
    path = tmp_path / "sot.yml"
    path.write_text("sites:\n- name: nyc\n  phone: '1'\n  devices:\n  - {name: a, role: x, tags: [], password: !vault abc}\n")
    with pytest.raises(RecordProblem, match=r"device \"a\": password: "):
        opened(path)


# ---------------------------------------------------------------------- many files


def test_a_directory_has_a_file_for_each_record(tmp_path: Path) -> None:
    adapter = opened(f"{tmp_path}/sites/", A_FILE_EACH, create=True, mode="0640")
    for records in (FULL, OTHER, FULL, None, OTHER):
        adapter.sync_from(memory(records))
        assert same(opened(f"{tmp_path}/sites", A_FILE_EACH, create=True), memory(records))
    assert names(tmp_path / "sites") == ["ber.yml", "nyc.yml"]
    assert (tmp_path / "sites" / "ber.yml").stat().st_mode & 0o777 == 0o640
    assert "name: nyc" not in (tmp_path / "sites" / "nyc.yml").read_text()


def test_the_part_that_matches_the_star_of_a_glob_is_the_key_of_old_and_new_files(tmp_path: Path) -> None:
    (tmp_path / "site-nyc.example.net.json").write_text('{"phone": "1", "devices": []}\n')
    (tmp_path / "else.json").write_text("{}")
    adapter = opened(tmp_path / "site-*.json", {"site": {"key": "name"}, "device": {"from": "devices"}})
    assert [obj.name for obj in adapter.get_all("site")] == ["nyc.example.net"]
    source = opened(tmp_path / "else.json", {"site": {"from": "sites"}, "device": {"from": "sites.*.devices"}})
    source.add_rows("site", [{"name": "par.example.net", "phone": "3"}])
    adapter = opened(tmp_path / "site-*.json", {"site": {"key": "name"}, "device": {"from": "devices"}})
    adapter.sync_from(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["else.json", "site-par.example.net.json"]
    assert json.loads((tmp_path / "site-par.example.net.json").read_text()) == {"phone": "3"}


def test_each_file_of_a_glob_may_be_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,uid,groups,active\nann,1,,true\n")
    (tmp_path / "b.csv").write_text("name,uid,groups,active\nbob,2,,true\neve,3,,true\n")
    adapter = users(tmp_path / "*.csv")
    adapter.sync_from(memory([user("ann", 7), user("bob", 2)], USERS))
    assert (tmp_path / "a.csv").read_text() == "name,uid,groups,active\nann,7,,true\n"
    assert (tmp_path / "b.csv").read_text() == "name,uid,groups,active\nbob,2,,true\n"
    with pytest.raises(ObjectCrudException, match="the place of a new user is unknown: there are 2 files"):
        adapter.sync_from(memory([user("ann", 7), user("bob", 2), user("new", 2)], USERS))


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "a\0b"])
def test_a_key_that_is_no_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "sites").mkdir()
    adapter = opened(tmp_path / "sites", A_FILE_EACH, create=True)
    with pytest.raises(ObjectCrudException, match="cannot be the name of a file"):
        adapter.sync_from(memory({"sites": [{"name": name, "phone": "1", "devices": []}]}))
    assert names(tmp_path) == ["sites"]
    assert names(tmp_path / "sites") == []


# ---------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"path": ""}, "options.path: this should be a string, and is ''."),
        ({"path": 5}, "options.path: this should be a string, and is 5."),
        ({"path": "a.yml", "format": "yalm"}, "options.format: 'yalm' is not possible here (did you mean \"yaml\"? known: yaml,"),
        ({"path": "a.txt"}, 'options.path: "a.txt" has no extension that determines the format (.yml, '),
        ({"path": "a.csv", "delimiter": ";;"}, "options.delimiter: this should be one character"),
        ({"path": "a.csv", "list_separator": ""}, "options.list_separator: this should be a string"),
        ({"path": "a.csv", "encoding": "utf-88"}, "options.encoding: unknown encoding 'utf-88'; use utf-8 or latin-1"),
        ({"path": "a.csv", "create": "yes"}, "options.create: this should be true or false, and is 'yes'."),
        ({"path": "a.csv", "mode": "rw"}, "options.mode: these are not permissions such as \"0640\": 'rw'."),
        ({"path": "a.csv", "mode": 0o17777}, "options.mode: these are not permissions"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        FileAdapter.bound(USERS)(**options)
    assert str(caught.value).startswith(expected)


def test_every_format_can_be_chosen() -> None:
    kinds = {one.name: one.kind for one in FileAdapter.Options.described()}
    assert kinds["format"] == f"one of {', '.join(FORMATS)}"


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, what in {
        "a.yml": "does not exist",
        "*.yml": "matches no file",
        "sites/": "does not exist",
        "empty/": "contains no file to read",
    }.items():
        with pytest.raises(RecordProblem) as caught:
            users(f"{tmp_path}/{name}")
        path = str(tmp_path / name)
        assert str(caught.value) == f"{path} {what}; check the path; a target that this run creates needs create: true"
        assert caught.value.file == path


def test_a_relative_path_is_reported_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.yml").mkdir()
    for name, what in {"a.yml": "does not exist", "folder/../b.yml": "does not exist", "*.csv": "matches no file"}.items():
        with pytest.raises(RecordProblem, match=f"^{re.escape(os.path.abspath(name))} {what}; ") as caught:  # noqa: PTH100  # the name keeps its ..
            users(name)
        assert caught.value.file == os.path.abspath(name)  # noqa: PTH100  # as above


@pytest.mark.parametrize(
    ("text", "mapping", "said"),
    [
        ("site: []\n", NESTED, 'mapping.site.from: there is no "sites" in {} (did you mean "site"? known: site).'),
        (
            "sites: []\ndevice: []\n",
            {},
            'mapping.site.from: there is no "site" in {} (did you mean "sites"? known: sites, device).',
        ),
        (
            "a: {sites: []}\nb: 1\n",
            {"site": {"from": "a.site"}},
            'mapping.site.from: there is no "site" in {} (did you mean "sites"? known: sites).',
        ),
    ],
)
def test_a_place_of_a_similar_name_is_suggested(tmp_path: Path, text: str, mapping: Any, said: str) -> None:
    path = tmp_path / "sot.yml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        opened(path, mapping)
    assert str(caught.value) == said.format(path)


def test_a_place_that_is_not_there_yet_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "sot.yml"
    path.write_text("site_groups: []\nsites: 5\n")
    assert len(opened(path, {"site": {"from": "site"}, "device": {"from": "site.*.devices"}})) == 0
    models = data_model({name: {"identifiers": ["name"]} for name in ("site", "sites")}, base=RecordModel)
    path.write_text("sites: [{name: a}]\n")
    assert len(opened(path, None, models)) == 1


@pytest.mark.parametrize("end", ["csv", "jsonl", "yml", "json"])
def test_several_models_in_a_file_of_records(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"all.{end}"
    path.write_text({"csv": "name,role\na,b\n", "jsonl": '{"name": "a"}\n'}.get(end, '[{"name": "a"}]\n'))
    with pytest.raises(DefinitionError, match=f'mapping.site.from: nothing is at "site" in {path}, which is a list of records'):
        opened(path, {})
    models = data_model({name: {"identifiers": ["name"]} for name in ("site", "rack")}, base=RecordModel)
    mapping = {name: {"from": [], "where": {"kind": name}} for name in ("site", "rack")}
    source = MemoryAdapter.bound(models)(records={"site": [{"name": "a"}], "rack": [{"name": "a"}]})
    source.load()
    target = opened(tmp_path / f"new.{end}", mapping, models, create=True)
    target.sync_from(source)
    assert same(opened(tmp_path / f"new.{end}", mapping, models), source)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_of_records_is_not_made_for_one(tmp_path: Path, kind: str) -> None:
    target = opened(f"{tmp_path}/users/", {"user": {"key": "name"}}, USERS, format=kind, create=True)
    with pytest.raises(ObjectCrudException, match=f"a.{kind} cannot be created for one record, because it would hold a list"):
        target.sync_from(memory([user("a")], USERS))


def test_a_mark_of_the_byte_order_is_made_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    users(path, create=True, encoding="utf-8-sig").sync_from(memory([user("ä")], USERS))
    assert path.read_bytes().startswith(b"\xef\xbb\xbfname")
    assert same(users(path), memory([user("ä")], USERS))


def test_what_is_not_a_record_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "sot.yml"
    path.write_text("sites: [1]\n")
    with pytest.raises(RecordProblem, match=r"sot\.yml, sites\[0\] should be a record, a dictionary, and is a single value"):
        opened(path)
    path.write_text("sites: 5\n")
    with pytest.raises(RecordProblem, match=r"sot\.yml, sites is neither a list nor a dictionary of records"):
        opened(path)
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "folder.yml" / "a.yml").write_text("a: 1")
    with pytest.raises(RecordProblem, match=r"a\.yml, line 1: user\.name: "):
        users(tmp_path / "folder.yml")


def test_two_records_for_one_object_are_both_named_by_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text('name,uid,groups,active\nann,1,"a\n",true\n\nann,2,,true\n')
    with pytest.raises(RecordProblem) as caught:
        users(path)
    assert f"{path}, line 2" in str(caught.value)
    assert f"{path}, line 5" in str(caught.value)


# ---------------------------------------------------------------------- what every adapter has to do

SIDE_BY_SIDE = {
    "site": {"from": [], "where": {"kind": "site"}},
    "device": {"from": [], "where": {"kind": "device"}, "parent": {"name": "site_name"}},
}
INSIDE = {"site": {"from": "sites"}, "device": {"from": "sites.*.devices"}}


BESIDE: Any = {
    "place": {"from": [], "where": {"kind": "place"}},
    "thing": {"from": [], "where": {"kind": "thing"}, "parent": {"name": "place"}},
}
WITHIN: Any = {"place": {"from": "places"}, "thing": {"from": "places.*.things"}}


class FileConformance(AdapterConformance):
    end = ""
    mapping: Any = None
    of_places: Any = WITHIN
    shared = True

    def places(self, models: Any) -> FileAdapter:
        return FileAdapter.bound(models, self.of_places)(path=str(self.path.with_suffix(f".places{self.end}")), create=True)

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / f"estate{self.end}"

    def adapter(self) -> FileAdapter:
        return FileAdapter.bound(self.data_model, self.mapping)(path=str(self.path), create=True)

    def break_it(self, adapter: Any) -> Callable[[], None]:
        text = self.path.read_bytes()
        self.path.write_bytes(text + b"\n")

        def make_whole() -> None:
            self.path.write_bytes(text)

        return make_whole

    break_removal = break_it

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        kind = FileAdapter.bound(self.data_model, self.mapping)
        yield lambda: kind(path="a.yml", format="xml"), "options.format"
        yield lambda: kind(path="a.yml", mode="x"), "options.mode"


class TestYaml(FileConformance):
    end, mapping = ".yml", INSIDE


class TestYamlWithoutPlaces(FileConformance):
    end = ".yml"
    of_places: Any = {"thing": {"parent": {"name": "place"}}}


class TestJson(FileConformance):
    end, mapping = ".json", INSIDE


class TestToml(FileConformance):
    end, mapping = ".toml", INSIDE


class TestJsonLines(FileConformance):
    end, mapping = ".jsonl", SIDE_BY_SIDE
    of_places = BESIDE


class TestCsv(FileConformance):
    end, mapping = ".csv", SIDE_BY_SIDE
    of_places = BESIDE


class TestTsv(FileConformance):
    end, mapping = ".tsv", SIDE_BY_SIDE
    of_places = BESIDE


# ---------------------------------------------------------------------- tables as spreadsheets and people write them

PORTS = data_model(
    {
        "port": {
            "identifiers": ["name"],
            "attributes": {"up": "bool", "mtu": {"type": "int", "default": 1500}, "vlan": "str | None"},
        }
    },
    base=RecordModel,
)


def port(name: str, up: bool, mtu: int = 1500, vlan: str | None = None) -> dict[str, Any]:
    return {"name": name, "up": up, "mtu": mtu, "vlan": vlan}


def ports(path: Path, mapping: Any = None, **options: Any) -> FileAdapter:
    return opened(path, mapping, PORTS, **options)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (("yes", "no"), ("no", "yes")),
        (("Yes", "Yes"), ("No", "Yes")),
        (("Y", "Y"), ("N", "Y")),
        (("1", "0"), ("0", "1")),
        (("TRUE", ""), ("FALSE", "TRUE")),
        (("on", "yes"), ("false", "true")),
    ],
)
def test_a_boolean_is_written_in_the_words_of_its_column(tmp_path: Path, words: tuple[str, str], changed: tuple[str, str]) -> None:
    path = tmp_path / "ports.csv"
    path.write_text(f"name,up,mtu,vlan\np1,{words[0]},1500,\np2,{words[1] or words[0]},1500,\n")
    target = ports(path)
    wanted = [port("p1", not target.get("port", "p1").up), port("p2", target.get("port", "p2").up), port("p3", True)]
    target.sync_from(memory(wanted, PORTS, None))
    assert path.read_text().splitlines()[1] == f"p1,{changed[0]},1500,"
    assert path.read_text().splitlines()[3] == f"p3,{changed[1]},1500,"
    assert same(ports(path), memory(wanted, PORTS, None))


@pytest.mark.parametrize("cell", ["", " "])
def test_columns_without_a_name_are_left_alone_as_long_as_they_are_empty(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "ports.csv"
    path.write_text(f"name,up,mtu,vlan,,\np1,true,1500,,{cell},\n")
    target = ports(path)
    target.sync_from(memory([port("p1", True, 9000), port("p2", True)], PORTS, None))
    assert path.read_text() == f"name,up,mtu,vlan,,\np1,true,9000,,{cell},\np2,true,1500,,,\n"
    path.write_text("name,up,mtu,vlan,,\np1,true,1500,,,x\n")
    with pytest.raises(RecordProblem, match="line 2: cell 6 is in a column that has no name in line 1; give it one"):
        ports(path)


def test_a_cell_may_be_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    path.write_text(f"name,up,mtu,vlan\np1,true,1500,{'x' * 200_000}\n")
    assert len(ports(path).get("port", "p1").vlan) == 200_000


def test_new_rows_end_as_the_others_do(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    path.write_bytes(b"name,up,mtu,vlan\rp1,true,1500,\r")
    ports(path).sync_from(memory([port("p1", True), port("p2", True)], PORTS, None))
    assert path.read_bytes() == b"name,up,mtu,vlan\rp1,true,1500,\rp2,true,1500,\r"


def test_an_empty_cell_is_the_default_where_there_is_one_and_null_where_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    path.write_text("name,up,mtu,vlan\np1,,,\np2,true,9000,1\n")
    lookups = {"vlan": {"from": "vlan", "lookup": {1: "office"}}}
    target = ports(path, {"port": {"fields": {"up": {"from": "up", "default": True}, **lookups}}})
    assert [obj.get_attrs() for obj in target.get_all("port")] == [
        {"up": True, "mtu": 1500, "vlan": None},
        {"up": True, "mtu": 9000, "vlan": "office"},
    ]
    given = {"": "none", 1: "office"}
    named = ports(path, {"port": {"fields": {"up": {"from": "up", "default": True}, "vlan": {"from": "vlan", "lookup": given}}}})
    assert named.get("port", "p1").vlan == "none"


def test_each_file_of_a_glob_is_written_as_its_format_wants(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,up,mtu,vlan\np1,true,1500,\n")
    (tmp_path / "b.json").write_text('[{"name": "p2", "up": true, "mtu": 1500, "vlan": "x"}]\n')
    target = ports(tmp_path / "*.*")
    target.sync_from(memory([port("p1", False, 9000), port("p2", False, 9000, "x")], PORTS, None))
    assert (tmp_path / "a.csv").read_text() == "name,up,mtu,vlan\np1,false,9000,\n"
    assert (tmp_path / "b.json").read_text() == '[{"name": "p2", "up": false, "mtu": 9000, "vlan": "x"}]\n'


PRICES = data_model(
    {"item": {"identifiers": ["name"], "attributes": {"price": "decimal", "more": {"type": "any", "default": None}}}},
    base=RecordModel,
)


@pytest.mark.parametrize("written", ["12345678901234567.89", "0.12345678901234567891", "1.10", "-7.0"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", '[{{"name": "a", "price": {0}, "more": {1}}}]\n'), ("a.yml", "- name: a\n  price: {0}\n  more: {1}\n")],
)
def test_a_decimal_has_every_digit_of_its_file(tmp_path: Path, name: str, text: str, written: str) -> None:
    path = tmp_path / name
    path.write_text(text.format(written, written))
    target = opened(path, None, PRICES)
    assert target.get("item", "a").price == Decimal(written)
    target.sync_from(memory([{"name": "a", "price": Decimal(written), "more": 2.5}], PRICES, None))
    assert path.read_text() == text.format(written, "2.5")
