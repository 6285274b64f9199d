# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories in INI: read as ansible-inventory reads them, and changed line by line."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.inventory import InventoryAdapter
from dsync.adapters.inventory.files import InventoryFiles
from dsync.adapters.inventory.ini import IniFormat, text_of, value_of
from dsync.adapters.inventory.programs import Programs
from dsync.adapters.inventory.vault import Vault
from dsync.exceptions import NothingKept, RecordProblem
from dsync.records.definition import data_model
from hypothesis import assume, given
from hypothesis import strategies as st

PROGRAM = Path(sys.executable).with_name("ansible-inventory")

needs_ansible = pytest.mark.skipif(not PROGRAM.is_file(), reason="ansible-inventory is not installed")

HOSTS = """\
; the lab
lone rack=5  # alone

# about web
[web]
# about w1
w1 ansible_host=10.0.0.1 rack="'07'" note="a b"  # the oldest
w2:2222   x=1
w[03:04] tier=range

[web:vars]
tier = front  # kept
ports=[80, 443]

[db]
d1
w1

[europe:children]
web
db
"""


def written(path: Path, *todo: Any) -> list[str]:
    """Return the lines of a file that are other ones after some changes: name of a method of the files, and its arguments."""
    before = path.read_bytes().decode()
    files = InventoryFiles(path, Vault(None, Programs(None, 60)))
    for name, *arguments in todo:
        getattr(files, name)(*arguments)()
    files.commit()
    lines = difflib.unified_diff(before.splitlines(), path.read_bytes().decode().splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.ini"
    path.write_text(HOSTS)
    return path


def setting(kind: str, name: str, **values: Any) -> Any:
    return ("setting", kind, name, {(key,): value for key, value in values.items()}, {}, set())


CASES: list[tuple[list[Any], list[str]]] = [
    (
        [setting("host", "w1", rack="08", new="x y")],
        [
            """-w1 ansible_host=10.0.0.1 rack="'07'" note="a b"  # the oldest""",
            """+w1 ansible_host=10.0.0.1 rack=08 note="a b"  # the oldest""",
            "-w1",
            "+w1 new='x y'",
        ],
    ),
    ([setting("host", "w2", ansible_port=22, x=None)], ["-w2:2222   x=1", "+w2:22   x=None"]),
    ([setting("host", "lone", rack=6)], ["-lone rack=5  # alone", "+lone rack=6  # alone"]),
    (
        [setting("group", "web", tier="back", ports=[80])],
        ["-tier = front  # kept", "-ports=[80, 443]", "+tier = back", "+ports=[80]"],
    ),
    ([setting("group", "db", tier=True)], ["+", "+[db:vars]", "+tier=True"]),
    ([("regrouping", "lone", [], ["db"])], ["+lone"]),
    ([("regrouping", "d1", ["db"], ["mail"])], ["-d1", "+", "+[mail]", "+d1"]),
    ([("adding_host", "n1", ["web"]), setting("host", "n1", rack=1)], ["+n1 rack=1"]),
    ([("removing_host", "w1", ["web", "db"])], ["-# about w1", "-" + HOSTS.splitlines()[6], "-w1"]),
    ([("removing_group", "db")], ["-[db]", "-d1", "-w1", "-db", "+", "+[all]", "+d1"]),
    (
        [("renaming", "host", "w1", "n1", ["web", "db"])],
        ["-" + HOSTS.splitlines()[6], "+n" + HOSTS.splitlines()[6][1:], "-w1", "+n1"],
    ),
    ([("renaming", "group", "web", "www", [])], ["-[web]", "+[www]", "-[web:vars]", "+[www:vars]", "-web", "+www"]),
    ([("relating", "db", ["europe"], ["asia"])], ["+", "+[asia:children]"]),
    ([("adding_group", "empty")], ["+", "+[empty]"]),
]


@pytest.mark.parametrize(("todo", "expected"), CASES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_lines_of_what_is_changed_change(hosts: Path, todo: list[Any], expected: list[str], newline: str) -> None:
    hosts.write_bytes(HOSTS.replace("\n", newline).encode())
    assert sorted(written(hosts, *todo)) == sorted(expected)
    assert hosts.read_bytes().decode().replace(newline, "").count("\n") == 0


def test_a_host_moves_with_its_line_and_the_comment_above_it(hosts: Path) -> None:
    hosts.write_text(HOSTS.replace("\nd1\nw1\n", "\nd1\n"))
    line = HOSTS.splitlines()[6]
    assert written(hosts, ("regrouping", "w1", ["web"], ["db"])) == ["-# about w1", "-" + line, "+# about w1", "+" + line]


@pytest.mark.parametrize(
    ("todo", "said"),
    [
        (("removing_host", "w03", ["web"]), "part of a range"),
        (setting("host", "lone", rack="{{ x }}"), "has a template in it, which INI would evaluate"),
        (("adding_host", "a b", []), "cannot be the name of a host"),
    ],
)
def test_what_is_refused(hosts: Path, todo: Any, said: str) -> None:
    with pytest.raises((RecordProblem, NothingKept), match=said):
        written(hosts, todo)
    assert hosts.read_text() == HOSTS


def test_what_ini_cannot_hold_goes_to_a_file_of_variables(hosts: Path) -> None:
    assert written(hosts, setting("host", "d1", fine=1)) == ["-d1", "+d1 fine=1"]
    assert written(hosts, setting("host", "d1", evil="{{ x }}")) == []
    assert (hosts.parent / "host_vars" / "d1.yml").read_text() == "---\nevil: !unsafe '{{ x }}'\n"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(value=VALUES)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    assume("{" not in str(value))
    assert repr(value_of(text_of(value, "x"))) == repr(value)
    text = "h a=1 b=2\n[all:vars]\nv=1\n"
    after = {"ungrouped": {"hosts": {"h": {"a": value, "b": 2}}}, "all": {"vars": {"v": value}}}
    kind = IniFormat()
    assert repr(kind.read(kind.made(text, after, "f"), "f")) == repr(after)


@needs_ansible
def test_it_is_read_as_ansible_reads_it(hosts: Path) -> None:
    listed = subprocess.run([PROGRAM, "-i", hosts, "--list", "--export"], capture_output=True, text=True, check=True).stdout
    found, tree = json.loads(listed), IniFormat().read(HOSTS, "f")
    assert found["_meta"]["hostvars"]["w1"] == tree["web"]["hosts"]["w1"]
    assert found["_meta"]["hostvars"]["w2"] == tree["web"]["hosts"]["w2"]
    assert found["web"]["vars"] == tree["web"]["vars"]
    assert found["europe"]["children"] == ["db", "web"] or found["europe"]["children"] == ["web", "db"]


@needs_ansible
def test_through_the_adapter(hosts: Path) -> None:
    models = data_model(
        {"host": {"identifiers": ["name"], "attributes": {"rack": "str | None", "groups": "set[str]"}}}, base=RecordModel
    )

    def opened() -> Any:
        adapter = InventoryAdapter.bound(models)(source=str(hosts))
        adapter.load()
        return adapter

    target = opened()
    rows = [{**one.get_identifiers(), **one.get_attrs()} for one in target.get_all("host")]
    rows = [{**row, "rack": "09"} if row["name"] == "w1" else row for row in rows if row["name"] != "d1"]
    wanted: DSync = type("Wanted", (DSync,), {**models.models, "top_level": list(models.top_level)})()
    wanted.add_rows("host", [*rows, {"name": "n1", "rack": "1.10", "groups": {"db"}}])
    target.apply(Plan.from_diff(target.diff_from(wanted)), wanted).raise_for_failure()
    assert not opened().diff_from(wanted).has_diffs()
