# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and groups that get other groups or other names: one change each, which keeps variables, comments and files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.inventory import InventoryAdapter
from dsync.adapters.inventory.files import InventoryFiles
from dsync.adapters.inventory.programs import Programs
from dsync.adapters.inventory.vault import Vault
from dsync.exceptions import RecordProblem
from dsync.plan.result import Result
from dsync.records.definition import data_model

PROGRAM = Path(sys.executable).with_name("ansible-inventory")

needs_ansible = pytest.mark.skipif(not PROGRAM.is_file(), reason="ansible-inventory is not installed")

HOSTS = """\
# the lab
all:
  children:
    web:
      vars: {tier: front}
      hosts:
        # about w1
        w1:  # the oldest
          ansible_host: 10.0.0.1  # by hand
          # in the cellar
          rack: "07"
        # about w2
        w2:
        w[3:4]:
      children:
        # about inner
        inner:
          hosts: {i1: {rack: 0x1F}}
    db:
      hosts:
        d1: {}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """An inventory in a directory."""
    folder = tmp_path / "lab"
    (folder / "host_vars" / "w2" / "more").mkdir(parents=True)
    (folder / "group_vars").mkdir()
    (folder / "hosts.yml").write_text(HOSTS)
    (folder / "host_vars" / "w1.yml").write_text("# of w1\nrole: x  # kept\n")
    (folder / "host_vars" / "w2" / "main.yml").write_text("role: y\n")
    (folder / "host_vars" / "w2" / "more" / "notes.txt").write_bytes(b"\xff notes")
    (folder / "group_vars" / "inner.json").write_text('{"x": 1}')
    return folder


def written(lab: Path, *todo: Any) -> dict[str, str]:
    """Return what is in the files after some changes: name of a method of the files, and its arguments."""
    files = InventoryFiles(lab, Vault(None, Programs(None, 60)))
    for name, *arguments in todo:
        getattr(files, name)(*arguments)()
    files.commit()
    return {str(path.relative_to(lab)): path.read_text("latin-1") for path in sorted(lab.rglob("*")) if path.is_file()}


W1 = """\
        # about w1
        w1:  # the oldest
          ansible_host: 10.0.0.1  # by hand
          # in the cellar
          rack: "07"
"""
W2 = "        # about w2\n        w2:\n"
INNER = "        # about inner\n        inner:\n          hosts: {i1: {rack: 0x1F}}\n"


def test_a_host_moves_with_what_is_written_at_it(lab: Path) -> None:
    after = written(lab, ("regrouping", "w1", ["web"], ["db"]))
    assert after["hosts.yml"] == HOSTS.replace(W1, "").replace("        d1: {}\n", "        d1: {}\n" + W1)
    after = written(lab, ("regrouping", "w2", ["web"], ["db"]))
    assert after["hosts.yml"] == HOSTS.replace(W1 + W2, "").replace("        d1: {}\n", "        d1: {}\n" + W1 + W2)


def test_a_host_moves_to_a_group_that_is_new(lab: Path) -> None:
    after = written(lab, ("regrouping", "w1", ["web"], ["mail"]))
    assert after["hosts.yml"] == HOSTS.replace(W1, "") + "    mail:\n      hosts:\n" + W1


def test_a_host_that_is_in_several_groups_keeps_its_variables(lab: Path) -> None:
    after = written(lab, ("regrouping", "w1", ["web"], ["web", "db"]))
    assert after["hosts.yml"] == HOSTS + "        w1: {}\n"
    after = written(lab, ("regrouping", "w1", ["db", "web"], ["db"]))
    assert after["hosts.yml"].startswith(HOSTS.replace(W1, "")[:-1])
    assert after["hosts.yml"].endswith("        w1:\n          ansible_host: 10.0.0.1\n          rack: '07'\n")


def test_a_group_moves_with_what_is_written_of_it(lab: Path) -> None:
    after = written(lab, ("relating", "inner", ["web"], ["db"]))
    assert after["hosts.yml"] == HOSTS.replace("      children:\n" + INNER, "      children: {}\n") + "      children:\n" + INNER
    after = written(lab, ("relating", "inner", ["db"], []))
    assert after["hosts.yml"].endswith(
        INNER.replace("        inner", "    inner").replace("        #", "    #").replace("          h", "      h")
    )


def test_a_host_is_renamed_where_it_is(lab: Path) -> None:
    before = written(lab)
    after = written(lab, ("renaming", "host", "w1", "w1.example.com", ["web"]))
    assert after.pop("hosts.yml") == HOSTS.replace(" w1: ", " w1.example.com: ")
    assert after["host_vars/w1.example.com.yml"] == before["host_vars/w1.yml"]
    assert "host_vars/w1.yml" not in after


def test_all_files_in_the_directory_of_a_renamed_host_go_along(lab: Path) -> None:
    (lab / "host_vars" / "w2" / "main.yml").chmod(0o640)
    after = written(lab, ("renaming", "host", "w2", "n2", ["web"]), ("setting", "host", "n2", {("role",): "z"}, {}, set()))
    assert (after["host_vars/n2/main.yml"], after["host_vars/n2/more/notes.txt"]) == ("role: z\n", "\xff notes")
    assert not (lab / "host_vars" / "w2").exists()
    assert (lab / "host_vars" / "n2" / "main.yml").stat().st_mode & 0o777 == 0o640


def test_a_host_is_renamed_while_it_moves(lab: Path) -> None:
    after = written(lab, ("regrouping", "w1", ["web"], ["db"]), ("renaming", "host", "w1", "n1", ["db"]))
    assert after["hosts.yml"] == HOSTS.replace(W1, "") + W1.replace(" w1:", " n1:")


def test_names_go_round(lab: Path) -> None:
    after = written(lab, ("renaming", "host", "w2", "w9", ["web"]), ("renaming", "host", "w1", "w2", ["web"]))
    assert after["hosts.yml"] == HOSTS.replace(" w2:", " w9:").replace(" w1:", " w2:")
    assert (after["host_vars/w9/main.yml"], after["host_vars/w2.yml"]) == ("role: y\n", "# of w1\nrole: x  # kept\n")


def test_a_group_is_renamed_wherever_it_is_written(lab: Path) -> None:
    (lab / "hosts.yml").write_text(HOSTS + "      children:\n        inner:\n")
    after = written(lab, ("renaming", "group", "inner", "core", []), ("renaming", "group", "web", "front", []))
    assert after["hosts.yml"] == (HOSTS + "      children:\n        inner:\n").replace(" inner:", " core:").replace(
        " web:", " front:"
    )
    assert after["group_vars/core.json"] == '{"x": 1}'


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("host", "w3", "n3", 'cannot be taken out of the group "web": it is not written out there'),
        ("host", "w1", "../x", "cannot be the name of a host"),
        ("group", "nowhere", "x", 'the group "nowhere" cannot be renamed: it is not written out'),
        ("host", "w1", "w2", "is there already, so the host w1 cannot have it"),
    ],
)
def test_what_cannot_be_renamed(lab: Path, kind: str, old: str, new: str, said: str) -> None:
    with pytest.raises(RecordProblem) as caught:
        InventoryFiles(lab, Vault(None, Programs(None, 60))).renaming(kind, old, new, ["web"])
    assert said in str(caught.value)


# ---------------------------------------------------------------------- through the adapter

MODELS = {
    "group": {"identifiers": ["name"], "children": ["host"]},
    "host": {"identifiers": ["name"], "attributes": {"role": "str | None", "serial": "str | None"}, "match": ["serial"]},
}
MAPPING = {"group": {"from": "groups"}, "host": {"parent": {"name": "groups.0"}}}


def synchronised(lab: Path, hosts: dict[str, tuple[str, str | None, str | None]], groups: list[str]) -> list[str]:
    """Make an inventory so that it has hosts (name → group, role, serial); return the changes, after which nothing is left."""
    models = data_model(MODELS, base=RecordModel)

    def opened() -> Any:
        adapter = InventoryAdapter.bound(models, MAPPING)(source=str(lab))
        adapter.load()
        return adapter

    wanted: DSync = type("Wanted", (DSync,), {**models.models, "top_level": list(models.top_level)})()
    wanted.add_rows("group", [{"name": name} for name in groups])
    rows = [{"name": name, "role": role, "serial": serial, "at": at} for name, (at, role, serial) in hosts.items()]
    wanted.add_rows("host", rows, parent="group", parent_ids={"name": "at"})
    target = opened()
    result: Result = target.apply(Plan.from_diff(target.diff_from(wanted)), wanted)
    result.raise_for_failure()
    assert not target.diff_from(wanted).has_diffs()
    assert not opened().diff_from(wanted).has_diffs()
    return [f"{outcome.change.action} {outcome.change.id}" for outcome in result.outcomes]


@needs_ansible
def test_moves_and_renames_through_the_adapter(tmp_path: Path) -> None:
    (tmp_path / "host_vars").mkdir()
    text = "web:\n  hosts:\n    # about a\n    a: {serial: s1, keep: 1}  # here\n    # about b\n    b:\ndb:\n  hosts:\n    c:\n"
    (tmp_path / "hosts.yml").write_text(text)
    (tmp_path / "host_vars" / "a.yml").write_text("role: x  # kept\n")
    hosts = {"n": ("db", "x", "s1"), "b": ("web", None, None), "c": ("db", None, None)}
    done = synchronised(tmp_path, hosts, ["db", "web"])
    assert len(done) == 1
    assert done[0].startswith("move ")
    assert (tmp_path / "hosts.yml").read_text() == (
        "web:\n  hosts:\n    # about b\n    b:\ndb:\n  hosts:\n    c:\n    # about a\n    n: {serial: s1, keep: 1}  # here\n"
    )
    assert [path.name for path in (tmp_path / "host_vars").iterdir()] == ["n.yml"]
    assert (tmp_path / "host_vars" / "n.yml").read_text() == "role: x  # kept\n"
