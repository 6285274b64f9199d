# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, groups and variables of Ansible inventories: read by the real ansible-inventory, written into YAML files."""

# pylint: disable=dangerous-default-value  # the defaults are never changed

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dsync import DSync
from dsync.adapters.core.base import RecordModel
from dsync.adapters.inventory import InventoryAdapter
from dsync.adapters.inventory import files as inventory_files
from dsync.adapters.inventory.files import check_name
from dsync.adapters.inventory.programs import Programs
from dsync.adapters.inventory.vault import Vault
from dsync.adapters.memory import MemoryAdapter
from dsync.exceptions import DefinitionError, LibraryMissing, ObjectCrudException, RecordProblem
from dsync.records.definition import DataModel, data_model
from dsync.testing.conformance import AdapterConformance, estate

BESIDE = Path(sys.executable).with_name("ansible-inventory")
PROGRAM = str(BESIDE) if BESIDE.is_file() else shutil.which("ansible-inventory")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="ansible-inventory is not installed")


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count no coverage in ansible-inventory, which runs none of the library and takes twice as long with it."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(autouse=True)
def _programs_of_others_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no coverage be counted in ansible-inventory, which is none of the library's, and takes much longer that way."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


HOSTS = """\
# hosts of the lab
all:
  children:
    web:
      hosts:
        web1:  # the oldest
          ansible_host: 10.0.0.1
          rack: "12"
        # a range
        web[02:03]:
      vars:
        tier: front
        snmp: {location: nyc, community: open}
    db:
      hosts:
        db1:
          rack: '07'   # in the cellar
        web1:
    europe:
      children:
        web:
        db:
  hosts:
    lone:
"""

WEB1 = """\
---
# web1 itself
role: frontend   # since 2020

notes:
    - first
    - "{{ inventory_hostname }}"
"""

DEVICE = {
    "device": {
        "identifiers": ["name"],
        "attributes": {
            "role": "str | None",
            "rack": "str | None",
            "tier": "str | None",
            "groups": "set[str]",
            "ansible_host": "str | None",
        },
    }
}
GROUP = {"group": {"identifiers": ["name"], "attributes": {"children": "set[str]", "tier": "str | None"}}}
OF_GROUPS = {"group": {"from": "groups"}}


def test_a_number_has_the_string_that_its_file_has(tmp_path: Path) -> None:
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "hosts.yml").write_text(
        "all:\n  vars: {code: 0024, plain: 7}\n  hosts:\n"
        "    vm1: {mac: 40:41:42:43:44:45, ports: {code: 1_000, uses: 010}}\n    vm2:\n"
    )
    (tmp_path / "host_vars" / "vm2.yml").write_text("both: 020\ncode: 0x14\n")
    (tmp_path / "host_vars" / "vm1.yml").write_text("both: 16\nlist: [0b11, 3]\n")
    attributes = {
        "mac": "str | None",
        "code": "str",
        "port": "str | None",
        "uses": "int | None",
        "both": "str",
        "list": "list[str] | None",
    }
    models = {"host": {"identifiers": ["name"], "attributes": attributes}}
    mapping = {"host": {"fields": {"port": "ports.code", "uses": "ports.uses"}}}
    first, second = opened(tmp_path / "hosts.yml", models, mapping).get_all("host")
    assert (first.mac, first.port, first.uses, first.both, first.list) == ("40:41:42:43:44:45", "1_000", 8, "16", ["3", "3"])
    assert (first.code, second.code) == ("20", "20")  # two files write it, in different ways
    (tmp_path / "host_vars" / "vm2.yml").write_text("both: 020\n")
    again = opened(tmp_path / "hosts.yml", models, mapping)
    assert [host.code for host in again.get_all("host")] == ["0024", "0024"]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """An inventory in a directory: hosts, groups, a file of a group's variables and one of a host's."""
    folder = tmp_path / "lab"
    for part in ("group_vars", "host_vars"):
        (folder / part).mkdir(parents=True)
    (folder / "hosts.yml").write_text(HOSTS)
    (folder / "group_vars" / "all.yml").write_text("role: none\nntp: [a, b]\n")
    (folder / "host_vars" / "web1.yml").write_text(WEB1)
    return folder


def opened(source: Any, models: Any = DEVICE, mapping: Any = None, lookups: Any = None, **options: Any) -> InventoryAdapter:
    adapter = InventoryAdapter.bound(data_model(models, base=RecordModel), mapping, lookups)(source=_text(source), **options)
    adapter.load()
    return adapter


def _text(source: Any) -> Any:
    return [str(one) for one in source] if isinstance(source, list) else str(source)


def memory(records: list[dict[str, Any]], models: Any = DEVICE) -> MemoryAdapter:
    adapter = MemoryAdapter.bound(data_model(models, base=RecordModel))(records=records)
    adapter.load()
    return adapter


def rows(adapter: DSync, model: str = "device") -> dict[str, dict[str, Any]]:
    return {obj.get_unique_id(): obj.get_attrs() for obj in adapter.get_all(model)}


def changed(source: Path, model: str = "device", models: Any = DEVICE, mapping: Any = None, **changes: Any) -> InventoryAdapter:
    """Give objects other attributes, None to take one away, make the inventory so, and return it read again."""
    target = opened(source, models, mapping)
    wanted = {uid: {**attrs, **(changes.get(uid) or {})} for uid, attrs in rows(target, model).items()}
    wanted.update({uid: attrs for uid, attrs in changes.items() if uid not in wanted})
    records = [{"name": uid, **attrs} for uid, attrs in wanted.items() if changes.get(uid, {}) is not None]
    wished = memory(records, models)
    target.sync_from(wished)
    again = opened(source, models, mapping)
    assert [element for element in again.diff_from(wished).walk() if element.action] == []
    return again


def records_of(adapter: DSync, model: str = "device", **changes: Any) -> list[dict[str, Any]]:
    """Return a record for each object, some of them with other values."""
    return [{"name": uid, **attrs, **changes.get(uid, {})} for uid, attrs in rows(adapter, model).items()]


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def problem(work: Callable[[], Any], kind: type[Exception] = RecordProblem) -> str:
    with pytest.raises(kind) as caught:
        work()
    return str(caught.value)


# ---------------------------------------------------------------------- reading


def test_hosts(lab: Path) -> None:
    found = rows(opened(lab))
    assert list(found) == ["db1", "lone", "web02", "web03", "web1"]
    assert found["web1"] == {"role": "frontend", "rack": "12", "tier": "front", "groups": {"web", "db"}, "ansible_host": "10.0.0.1"}
    assert found["web02"]["tier"] == "front"
    assert found["lone"] == {"role": "none", "rack": None, "tier": None, "groups": set(), "ansible_host": None}


def test_groups(lab: Path) -> None:
    models = {"group": {"identifiers": ["name"], "attributes": dict.fromkeys(("hosts", "children", "parents"), "list[str]")}}
    found = rows(opened(lab, models, OF_GROUPS), "group")
    assert found["web"] == {"hosts": ["web02", "web03", "web1"], "children": [], "parents": ["europe"]}
    assert found["europe"] == {"hosts": [], "children": ["db", "web"], "parents": []}
    assert list(found) == ["db", "europe", "web"]


def test_hosts_of_a_group(lab: Path) -> None:
    assert list(rows(opened(lab, mapping={"device": {"from": {"group": "europe"}}}))) == ["db1", "web02", "web03", "web1"]
    assert list(rows(opened(lab, mapping={"device": {"from": {"group": "db"}}}))) == ["db1", "web1"]
    said = problem(lambda: opened(lab, mapping={"device": {"from": {"group": "wbe"}}}), DefinitionError)
    assert said == 'mapping.device.from.group: there is no group "wbe" (did you mean "web"? known: db, europe, web).'


def test_nested_fields_and_expressions(lab: Path) -> None:
    models = {"device": {"identifiers": ["name"], "attributes": {"location": "str", "around": "list[str]", "site": "str"}}}
    mapping = {
        "device": {
            "from": {"group": "web"},
            "keep": "'web' in groups",
            "fields": {"location": "snmp.location", "around": "group_names", "site": {"expr": "snmp.location ~ '-' ~ name"}},
        }
    }
    found = rows(opened(lab, models, mapping))
    assert found["web02"] == {"location": "nyc", "around": ["europe", "web"], "site": "nyc-web02"}


def test_other_sources(lab: Path, tmp_path: Path) -> None:
    """INI, a script, several sources, a list of hosts: all that ansible-inventory reads."""
    ini, script = tmp_path / "lab.ini", tmp_path / "lab.sh"
    ini.write_text("[web]\nini1 rack=3 tier=ini\n")
    script.write_text('#!/bin/sh\necho \'{"web": {"hosts": ["sh1"]}, "_meta": {"hostvars": {"sh1": {"tier": "script"}}}}\'\n')
    script.chmod(0o755)
    found = rows(opened([ini, script]))
    assert {name: one["tier"] for name, one in found.items()} == {"ini1": "ini", "sh1": "script"}
    assert list(rows(opened("a1,a2,"))) == ["a1", "a2"]
    assert list(rows(opened(lab, limit="web:!web1"))) == ["web02", "web03"]


def test_variables(lab: Path) -> None:
    found = rows(opened(lab, variables=["tier"]))["web1"]
    assert (found["tier"], found["role"]) == ("front", None)


def test_what_is_marked_as_unsafe_is_no_template(lab: Path) -> None:
    (lab / "host_vars" / "lone.yml").write_text("rack: !unsafe \"{{ lookup('pipe', 'id') }}\"\n")
    adapter = opened(lab)
    assert rows(adapter)["lone"]["rack"] == "{{ lookup('pipe', 'id') }}"
    assert adapter.load_warnings == []


def test_settings_of_ansible_do_no_harm(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user has set for Ansible, or a play hands on to its modules, changes nothing, and no log keeps what was read."""
    log = tmp_path / "log"
    truths = ("DEBUG", "FORCE_COLOR", "INVENTORY_EXPORT", "ASK_PASS", "BECOME_ASK_PASS", "NO_LOG")
    settings = {"VERBOSITY": "4", "LOG_PATH": str(log), "STDOUT_CALLBACK": "tree", "CALLBACK_RESULT_FORMAT": "yaml"}
    for name, value in {**dict.fromkeys(truths, "true"), **settings, "DISPLAY_OK_HOSTS": "false", "STRATEGY": "free"}.items():
        monkeypatch.setenv(f"ANSIBLE_{name}", value)
    monkeypatch.setenv("LC_ALL", "C")
    (lab / "host_vars" / "lone.yml").write_text("rack: '{{ inventory_hostname }}'\n")
    found = opened(lab)
    assert (rows(found)["web02"]["tier"], rows(found)["lone"]["rack"], found.load_warnings) == ("front", "lone", [])
    assert not log.exists()


def test_what_cannot_be_read(lab: Path, tmp_path: Path) -> None:
    """An inventory that cannot be read is never an empty one, after which everything else would be deleted."""
    assert problem(lambda: opened(tmp_path / "none.yml")) == (
        f"{tmp_path / 'none.yml'} does not exist; name the file or directory of an inventory"
    )
    (lab / "hosts.yml").write_text("all: [\n")
    assert f"ansible-inventory cannot read {lab}: " in problem(lambda: opened(lab))
    (lab / "hosts.yml").write_text("all: {hosts: {a: {}}}\n")
    assert "cannot be run: No such file" in problem(lambda: opened(lab, ansible_inventory="/nowhere/ansible-inventory"))
    script = tmp_path / "slow"
    script.write_text("#!/bin/sh\nexec sleep 30\n")
    script.chmod(0o755)
    assert "took longer than 0.2 seconds" in problem(lambda: opened(lab, ansible_inventory=str(script), timeout=0.2))
    script.write_text("#!/bin/sh\necho hello\n")
    assert "printed something else" in problem(lambda: opened(lab, ansible_inventory=str(script)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source": 3}, "options.source: this should be a string or a list of strings, and is 3."),
        ({"source": []}, "options.source: it is empty."),
        ({"source": ["play", "x"]}, "options.source: the inventory of the play comes alone; name its files instead."),
        ({"source": "x", "variables": "a"}, "options.variables: this should be a list of strings, and is 'a'; write [a]."),
        ({"source": "x", "limit": ""}, "options.limit: this should be a string, and is ''."),
        ({"source": "x", "timeout": 0}, "options.timeout: this should be a number of seconds above 0, and is 0."),
        ({"source": "x", "vault_password_file": 5}, "options.vault_password_file: this should be a string, and is 5."),
    ],
)
def test_wrong_options(options: dict[str, Any], said: str) -> None:
    adapter = InventoryAdapter.bound(data_model(DEVICE, base=RecordModel))
    assert problem(lambda: adapter(**options), DefinitionError) == said


def test_wrong_places(lab: Path) -> None:
    for place, said in (
        ("host", "mapping.device.from: 'host' is not possible here (did you mean \"hosts\"? known: hosts, groups)."),
        ({"grup": "x"}, 'mapping.device.from: there is no key "grup" here (did you mean "group"? known: group).'),
    ):
        assert problem(lambda place=place: opened(lab, mapping={"device": {"from": place}}), DefinitionError) == said
    assert "no play here" in problem(lambda: opened("play"), DefinitionError)


# ---------------------------------------------------------------------- writing hosts


def test_a_variable_changes_where_the_host_defines_it(lab: Path) -> None:
    before = content(lab)
    changed(lab, web1={"role": "proxy", "rack": "13"}, db1={"rack": "08"})
    after = content(lab)
    assert after["host_vars/web1.yml"] == WEB1.replace("frontend ", "proxy ")
    assert after["hosts.yml"] == HOSTS.replace('"12"', '"13"').replace("'07'", "'08'")
    assert after["group_vars/all.yml"] == before["group_vars/all.yml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_is_kept(lab: Path) -> None:
    path = lab / "host_vars" / "web1.yml"
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    changed(lab, web1={"role": "proxy"})
    there = path.stat()
    assert (there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode)) == (12345, 23456, 0o640)


def test_what_a_group_defines_is_set_at_the_host(lab: Path) -> None:
    again = changed(lab, web02={"tier": "middle", "role": None})
    assert content(lab)["hosts.yml"] == HOSTS
    assert sorted(content(lab)["host_vars/web02.yml"].splitlines()) == ["---", "role: null", "tier: middle"]
    assert rows(again)["web03"] == {"role": "none", "rack": None, "tier": "front", "groups": {"web"}, "ansible_host": None}


def test_part_of_a_dictionary_that_a_group_defines(lab: Path) -> None:
    models = {"device": {"identifiers": ["name"], "attributes": {"location": "str | None"}}}
    mapping = {"device": {"from": {"group": "web"}, "fields": {"location": "snmp.location"}}}
    changed(lab, models=models, mapping=mapping, web03={"location": "par"})
    assert content(lab)["host_vars/web03.yml"] == "---\nsnmp:\n  community: open\n  location: par\n"
    changed(lab, models=models, mapping=mapping, web03={"location": "ber"})
    assert content(lab)["host_vars/web03.yml"] == "---\nsnmp:\n  community: open\n  location: ber\n"


def test_a_new_host(lab: Path) -> None:
    new = {"role": "yes", "rack": "1.10", "tier": None, "groups": {"db", "mail"}, "ansible_host": "10.0.0.9"}
    again = changed(lab, new1=new)
    assert rows(again)["new1"] == new
    after = content(lab)
    assert "role: 'yes'" in after["host_vars/new1.yml"]
    assert after["hosts.yml"].startswith(HOSTS[: HOSTS.index("    europe")].rstrip())
    assert stat.S_IMODE((lab / "host_vars" / "new1.yml").stat().st_mode) == stat.S_IMODE((lab / "hosts.yml").stat().st_mode)


def test_a_new_host_inline(lab: Path) -> None:
    """Without a directory host_vars the variables are in the file of hosts."""
    shutil.rmtree(lab / "host_vars")
    changed(lab, new1={"role": "x", "rack": None, "tier": "front", "groups": {"web"}, "ansible_host": None})
    assert not (lab / "host_vars").exists()
    assert "        new1:\n          role: x\n          tier: front\n" in content(lab)["hosts.yml"]


def test_a_host_without_groups(lab: Path) -> None:
    changed(lab, new1={"role": "x", "rack": None, "tier": None, "groups": set(), "ansible_host": None})
    assert content(lab)["hosts.yml"].rstrip().splitlines()[-2:] == ["    lone:", "    new1: {}"]


def test_into_an_empty_inventory(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("# nothing yet\nall: {hosts: {}}\n")
    changed(tmp_path / "hosts.yml", a={"role": "x", "rack": "1", "tier": None, "groups": {"g", "h"}, "ansible_host": None})
    assert path.read_text().startswith("# nothing yet\n")


def test_a_new_host_of_a_group(lab: Path) -> None:
    mapping = {"device": {"from": {"group": "europe"}}}
    target = opened(lab, mapping=mapping)
    wanted = [{"name": uid, **attrs} for uid, attrs in rows(target).items()]
    target.sync_from(memory([*wanted, {"name": "n1", "role": "r", "rack": None, "tier": None, "groups": [], "ansible_host": None}]))
    assert rows(opened(lab, mapping=mapping))["n1"]["groups"] == {"europe"}


def test_other_groups(lab: Path) -> None:
    """Variables in an entry that goes move to one that stays."""
    again = changed(lab, web1={"groups": {"db"}}, lone={"groups": {"db", "new"}})
    assert rows(again)["web1"]["rack"] == "12"
    assert rows(again)["lone"]["groups"] == {"db", "new"}
    again = changed(lab, db1={"groups": set()})
    assert rows(again)["db1"] == {"role": "none", "rack": "07", "tier": None, "groups": set(), "ansible_host": None}


def test_a_deleted_host(lab: Path) -> None:
    again = changed(lab, web1=None)
    assert "web1" not in rows(again)
    after = content(lab)
    assert "host_vars/web1.yml" not in after
    assert "web1" not in after["hosts.yml"]
    assert "# a range" in after["hosts.yml"]


def test_a_range_is_not_taken_apart(lab: Path) -> None:
    before = content(lab)
    said = problem(lambda: changed(lab, web02=None), ObjectCrudException)
    assert 'the host "web02" cannot be taken out of the group "web": it is not written out there' in said
    assert content(lab) == before


def test_tags_stay(lab: Path) -> None:
    text = "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\nrack: 5\n"
    (lab / "host_vars" / "lone.yml").write_text(text)
    changed(lab, lone={"rack": "6"})
    assert content(lab)["host_vars/lone.yml"] == text.replace("rack: 5", "rack: '6'")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("hosts.yml", "all:\n  hosts:\n    r1: {x: 1\n", ["flow mapping"]),
        ("hosts.ini", "[web]\nr1\n[web:nonsense]\nr2\n", ["nonsense"]),
    ],
)
def test_why_a_source_cannot_be_read_is_reported(tmp_path: Path, name: str, text: str, words: list[str]) -> None:
    (tmp_path / name).write_text(text)
    said = problem(lambda: opened(tmp_path / name))
    assert f"ansible-inventory cannot read {tmp_path / name}: " in said
    assert all(word in said for word in words), said
    assert "\n" not in said


@pytest.mark.parametrize("written", ['"{{ site }}-1"', '["{{ site }}", b]', '{deep: "{{ site }}"}'])
def test_a_template_is_not_written_over(lab: Path, written: str) -> None:
    (lab / "host_vars" / "lone.yml").write_text(f"site: nyc\nrack: {written}  # by site\n")
    models = {"device": {"identifiers": ["name"], "attributes": {"rack": {"type": "any", "default": None}}}}
    target = opened(lab, models)
    assert rows(target)["lone"]["rack"] in ("nyc-1", ["nyc", "b"], {"deep": "nyc"})
    assert not target.diff_from(memory(records_of(target), models)).has_diffs()
    records = records_of(target, lone={"rack": "x-1"}, db1={"rack": "9"})
    (lone,) = (element for element in target.diff_from(memory(records, models)).walk() if element.protected)
    said = f'the template "{yaml.safe_load(written)}"' if written.startswith('"') else "a template"
    assert lone.protected == (
        f'protected: "rack" of the host lone is {said} in {lab / "host_vars" / "lone.yml"}; change it by hand'
    )
    target.sync_from(memory(records, models))
    assert (lab / "host_vars" / "lone.yml").read_text() == f"site: nyc\nrack: {written}  # by site\n"
    assert rows(opened(lab, models))["db1"]["rack"] == "9"


def test_the_other_attributes_of_a_host_with_a_template_are_changed(lab: Path) -> None:
    (lab / "host_vars" / "lone.yml").write_text("rack: '{{ inventory_hostname }}'\nrole: old\n")
    target = opened(lab)
    wished = memory(records_of(target, lone={"rack": "x", "role": "new", "groups": {"db"}}))
    diff = target.diff_from(wished)
    assert diff.warnings == [
        'device "lone": "rack" of the host lone is the template "{{ inventory_hostname }}" in '
        f"{lab / 'host_vars' / 'lone.yml'}; change it by hand"
    ]
    (lone,) = diff.walk()
    assert set(lone.get_attrs_diffs()["+"]) == {"rack", "role", "groups"}
    target.sync_from(wished)
    assert (lab / "host_vars" / "lone.yml").read_text() == "rack: '{{ inventory_hostname }}'\nrole: new\n"


def test_a_template_of_a_group_is_evaluated_for_each_host(lab: Path) -> None:
    """The value of one host is written at that host, where the template does not stand."""
    (lab / "group_vars" / "web.yml").write_text("rack: '{{ inventory_hostname }}-{{ tier }}'\nvlan: '{{ base + 1 }}'\nbase: 9\n")
    models = {"device": {"identifiers": ["name"], "attributes": {"rack": "str | None", "vlan": "int | None"}}}
    target = opened(lab, models)
    assert {name: row["rack"] for name, row in rows(target).items()} == {
        "web1": "12", "web02": "web02-front", "web03": "web03-front", "db1": "07", "lone": None,
    }  # fmt: skip
    assert rows(target)["web1"]["vlan"] == 10
    target.sync_from(memory(records_of(target, web02={"rack": "7"}), models))
    assert {name: row["rack"] for name, row in rows(opened(lab, models)).items() if name > "web0"} == {
        "web1": "12", "web02": "7", "web03": "web03-front",
    }  # fmt: skip


def test_a_template_without_a_value_is_neither_compared_nor_cleared(lab: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    (lab / "host_vars" / "lone.yml").write_text(
        f"rack: \"{{{{ lookup('pipe', 'touch {touched}') }}}}\"\nrole: '{{{{ nothing }}}}'\n"
    )
    (lab / "host_vars" / "db1.yml").write_text("role: '{{ tier_of_db }}'\n")
    (lab / "group_vars" / "db.yml").write_text("tier_of_db: '{{ role_of_db }}'\nrole_of_db: '{{ q(\"pipe\", \"id\") }}'\n")
    before, target = content(lab), opened(lab)
    assert target.load_warnings == [
        f"inventory {lab}: 3 values are templates that are not evaluated, so they are neither compared nor changed; the first is "
        '"role" of the host db1: it calls a lookup, and lookups are not called'
    ]
    assert target.unknown_values == {"device": {"db1": {"role"}, "lone": {"rack", "role"}}}
    wished = memory(records_of(target, lone={"rack": None, "role": "x"}, db1={"role": "y"}))
    assert not target.diff_from(wished).has_diffs()
    target.sync_from(wished)
    assert content(lab) == before
    assert not touched.exists()


def test_a_value_that_the_source_does_not_know_is_not_written(lab: Path) -> None:
    (lab / "host_vars" / "lone.yml").write_text("rack: '{{ nothing }}'\nrole: x\n")
    models = {"device": {"identifiers": ["name"], "attributes": {"rack": "str | None", "role": "str | None"}}}
    source, target = opened(lab, models), memory([{"name": "lone", "rack": "7", "role": "old"}], models)
    target.sync_from(source)
    assert rows(target)["lone"] == {"rack": "7", "role": "x"}
    needed = {"device": {"identifiers": ["name"], "attributes": {"rack": {"type": "str", "default": ""}}}}
    diff = memory([], needed).diff_from(opened(lab, needed))
    (lone,) = (element for element in diff.walk() if element.uid == "lone")
    assert lone.protected == f"protected: the value of rack is not known in inventory {lab}"


def test_templates_of_groups_are_not_evaluated(lab: Path) -> None:
    (lab / "group_vars" / "db.yml").write_text("tier: '{{ inventory_hostname }}'\n")
    target = opened(lab, GROUP, OF_GROUPS)
    assert target.load_warnings == [
        f'inventory {lab}: "tier" of the group db is a template that is not evaluated, so it is neither compared nor changed: the '
        "template of a group has values for its hosts only"
    ]
    wished = memory(records_of(target, model="group", db={"tier": "back"}), GROUP)
    assert not target.diff_from(wished).has_diffs()


def test_text_from_outside_never_becomes_a_template(lab: Path) -> None:
    evil = "{{ lookup('pipe', 'touch /tmp/never') }}"
    again = changed(
        lab, lone={"rack": evil}, new1={"role": "{% x %}", "rack": None, "tier": None, "groups": set(), "ansible_host": None}
    )
    assert rows(again)["lone"]["rack"] == evil
    assert "rack: !unsafe '{{ lookup(" in content(lab)["host_vars/lone.yml"]
    assert "role: !unsafe '{% x %}'" in content(lab)["host_vars/new1.yml"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", ".hidden", "", "a b", "web1.yml", "x.json", "a[1:3]", "{{ x }}", "a\nb", "-e", "a:22"]
)
def test_dangerous_names(lab: Path, name: str) -> None:
    before = content(lab)
    assert "cannot be the name of a host" in problem(lambda: check_name("host", name))
    new = {"role": "x", "rack": None, "tier": None, "groups": set(), "ansible_host": None}
    target = opened(lab)
    hosts = [{"name": uid, **attrs} for uid, attrs in rows(target).items()]
    problem(lambda: target.sync_from(memory([*hosts, {"name": name, **new}])), ObjectCrudException if name else RecordProblem)
    target = opened(lab)
    wished = memory([{"name": uid, **attrs} for uid, attrs in rows(target).items()] + [{"name": "fine", **new, "groups": {name}}])
    problem(lambda: target.sync_from(wished), ObjectCrudException)
    assert content(lab) == before


def test_names_that_are_fine() -> None:
    for name in ("web1", "web-1.example.com", "10.0.0.1", "fe80::1", "münchen_1"):
        check_name("host", name)
    problem(lambda: check_name("group", "all"))


def test_what_the_mapping_leaves_out_is_not_overwritten(lab: Path) -> None:
    before = content(lab)
    new = {"role": "x", "rack": None, "tier": None, "groups": set(), "ansible_host": None}
    for mapping, options in (({"device": {"from": {"group": "db"}}}, {}), (None, {"limit": "db"})):
        target = opened(lab, mapping=mapping, **options)
        wished = memory([{"name": uid, **attrs} for uid, attrs in rows(target).items()] + [{"name": "web02", **new}])
        said = problem(lambda target=target, wished=wished: target.sync_from(wished), ObjectCrudException)
        assert 'there is a host "web02" already' in said
        assert content(lab) == before


# ---------------------------------------------------------------------- writing groups


def test_groups_are_made_changed_and_removed(lab: Path) -> None:
    again = changed(
        lab,
        "group",
        GROUP,
        OF_GROUPS,
        web={"tier": "back"},
        asia={"children": {"db", "tokyo"}, "tier": "far"},
        tokyo={"children": set(), "tier": None},
        europe=None,
    )
    assert sorted(rows(again, "group")) == ["asia", "db", "tokyo", "web"]
    after = content(lab)
    assert "tier: back" in after["hosts.yml"]
    assert after["group_vars/asia.yml"] == "---\ntier: far\n"
    assert rows(opened(lab))["web02"]["tier"] == "back"
    assert rows(opened(lab))["web1"]["groups"] == {"web", "db"}


def test_a_group_with_hosts_and_children_goes(lab: Path) -> None:
    """What is in a group that is deleted stays, and what is said of it inside that group moves."""
    (lab / "hosts.yml").write_text(
        "all:\n  children:\n    outer:\n      hosts:\n        a: {rack: 1}\n"
        "      children:\n        inner:\n          hosts:\n            b:\n"
    )
    (lab / "group_vars" / "outer.yml").write_text("tier: x\n")
    changed(lab, "group", GROUP, OF_GROUPS, outer=None)
    found = rows(opened(lab))
    assert (found["a"]["groups"], found["a"]["rack"], found["a"]["tier"]) == (set(), "1", None)
    assert found["b"]["groups"] == {"inner"}
    assert "group_vars/outer.yml" not in content(lab)


def test_circles_of_groups_are_refused(lab: Path) -> None:
    said = problem(lambda: changed(lab, "group", GROUP, OF_GROUPS, web={"children": {"europe"}}), ObjectCrudException)
    assert 'the group "europe" cannot be a child of "web", which is in it' in said


# ---------------------------------------------------------------------- what is never written


def test_sources_that_are_not_written(lab: Path, tmp_path: Path) -> None:
    ini, script, plugin = tmp_path / "a.cfg", tmp_path / "b", tmp_path / "c.yml"
    ini.write_text("[web]\na1\n")
    script.write_text("#!/bin/sh\necho '{}'\n")
    script.chmod(0o755)
    plugin.write_text("plugin: ansible.builtin.constructed\nstrict: false\n")
    cases = {
        str(ini): "only YAML and INI are written",
        str(script): "only YAML and INI are written",
        str(plugin): "configures an inventory plugin",
    }
    new = {"name": "n", "role": "x", "rack": None, "tier": None, "groups": [], "ansible_host": None}
    for source, said in cases.items():
        target = opened(source)
        with pytest.raises((RecordProblem, ObjectCrudException), match=said):
            target.sync_from(memory([new]))
    with pytest.raises((RecordProblem, ObjectCrudException), match="several inventories cannot be written at once"):
        opened([lab, ini]).sync_from(memory([new]))
    adapter = InventoryAdapter.bound(data_model(DEVICE, base=RecordModel))()
    adapter.receive({"_meta": {"hostvars": {"a": {"role": "r"}}}, "all": {"hosts": ["a"]}})
    adapter.load()
    with pytest.raises((RecordProblem, ObjectCrudException), match="the inventory of the play cannot be written"):
        adapter.sync_from(memory([new]))


def test_a_file_that_moved_on(lab: Path) -> None:
    for moved in ("hosts.yml", "host_vars/web1.yml"):
        target = opened(lab)
        wished = [{"name": uid, **attrs} for uid, attrs in rows(target).items()]
        wished[-1]["role"], wished[0]["rack"] = "other", "99"
        (lab / moved).write_text((lab / moved).read_text() + "# by hand\n")
        before = content(lab)
        with pytest.raises(ObjectCrudException) as caught:
            target.sync_from(memory(wished))
        assert caught.value.result is not None
        assert any("was changed by someone else after it was read" in one.message for one in caught.value.result.outcomes)
        assert content(lab) == before


def test_a_file_that_moves_on_meanwhile(lab: Path) -> None:
    for moved in ("hosts.yml", "host_vars/web1.yml", "host_vars/lone.yml"):
        files = inventory_files.InventoryFiles(lab, Vault(None, Programs(None, 60)))
        for host, variable in (("db1", "rack"), ("web1", "role"), ("lone", "rack")):
            files.setting("host", host, {(variable,): "new"}, {}, set())()
        with (lab / moved).open("a") as stream:
            stream.write("# by hand\n")
        before = content(lab)
        assert "was changed by someone else after it was read" in problem(files.commit)
        assert content(lab) == before


@pytest.mark.parametrize("first", [1, 2, 4])
def test_a_disk_that_fails_at_one_of_the_files_leaves_none_or_the_rest_for_the_next_load(
    lab: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    (lab / "host_vars" / "lone.yml").write_text("rack: 3\n")
    before, real = content(lab), Path.replace
    target, calls = opened(lab), []
    wished = [{"name": uid, **attrs, "rack": "77", "role": "x"} for uid, attrs in rows(target).items()]

    def failing(self: Path, place: Any) -> Path:
        calls.append(place)
        if len(calls) == first:
            raise OSError(28, "No space left on device")
        return real(self, place)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(RecordProblem, match="No space left"):
            target.sync_from(memory(wished))
    assert len(calls) >= first
    if first == 1:
        assert content(lab) == before
        return
    again = opened(lab)
    assert not again.diff_from(memory(wished)).has_diffs()
    assert not list(lab.rglob(".dsync-*"))


def test_a_run_that_stops_keeps_nothing(lab: Path) -> None:
    before = content(lab)
    target = opened(lab)
    wished = [{"name": uid, **attrs} for uid, attrs in rows(target).items() if uid != "web03"]
    wished[0]["rack"] = "1"
    problem(lambda: target.sync_from(memory(wished)), ObjectCrudException)
    assert content(lab) == before


def test_two_runs_with_one_adapter(lab: Path) -> None:
    target = opened(lab)
    wished = [{"name": uid, **attrs} for uid, attrs in rows(target).items()]
    for rack in ("1", "2"):
        wished[0]["rack"] = rack
        target.sync_from(memory(wished))
    assert rows(opened(lab))["db1"]["rack"] == "2"


# ---------------------------------------------------------------------- Ansible Vault


SECRET = {"device": {"identifiers": ["name"], "attributes": {"password": "secret", "rack": "str | None"}}}
OPEN = {"device": {"identifiers": ["name"], "attributes": {"password": "str | None"}}}


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("open sesame\n")
    return path


def encrypted(text: str, password: Path) -> str:
    return vault_program("encrypt", text, f"--vault-password-file={password}")


def decrypted(text: str, password: Path) -> str:
    return vault_program("decrypt", text, f"--vault-password-file={password}")


def test_encrypting_as_ansible_does(password: Path) -> None:
    vault = Vault(password, Programs(None, 60))
    texts = ["x", "größer\nthan\n" * 40]
    hidden = [encrypted(text, password) for text in texts]
    vault.decrypt_all(hidden)
    assert [vault.decrypt(text) for text in hidden] == texts
    assert decrypted(vault.encrypt(texts[-1]), password) == texts[-1]
    other = password.with_name("other")
    other.write_text("#!/bin/sh\necho something else\n")
    other.chmod(0o755)
    said = problem(lambda: Vault(other, Programs(None, 60)).decrypt(hidden[0]))
    assert said.startswith("ansible-vault cannot decrypt it: ")
    assert "\n" not in said


@pytest.mark.parametrize(
    "way", ["environment", pytest.param("ansible.cfg", marks=pytest.mark.long), pytest.param("option", marks=pytest.mark.long)]
)
def test_several_vaults_and_labels(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Passwords are those that Ansible has; a changed value keeps its label, and one that does not change its text."""
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"password {name}\n")
    names = ("two",) if way == "option" else ("one", "two")
    identities = ",".join(f"{name}@{tmp_path / name}" for name in names)
    options: dict[str, Any] = {}
    if way == "environment":
        monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY_LIST", identities)
    elif way == "ansible.cfg":
        (tmp_path / "ansible.cfg").write_text(f"[defaults]\nvault_identity_list = {identities}\n")
        monkeypatch.chdir(tmp_path)
    else:
        options["vault_password_file"] = str(tmp_path / "two")
    for host, text in (("lone", "first"), ("db1", "second")):
        hidden = vault_program("encrypt", text, f"--vault-id=two@{tmp_path / 'two'}", "--encrypt-vault-id=two")
        block = "".join(f"  {line}\n" for line in hidden.splitlines())
        (lab / "host_vars" / f"{host}.yml").write_text(f"password: !vault |  # secret\n{block}rack: 1\n")
    (lab / "group_vars" / "web.yml").write_text(
        vault_program("encrypt", "tier: x\n", f"--vault-id={names[0]}@{tmp_path / names[0]}", f"--encrypt-vault-id={names[0]}")
    )
    before = content(lab)
    models = {"device": {"identifiers": ["name"], "attributes": {"password": "secret | None"}}}
    target = opened(lab, models, **options)
    assert target.get("device", "lone").password.get_secret_value() == "first"
    records = [{"name": name, "password": None} for name in ("web1", "web02", "web03")]
    wished = memory([*records, {"name": "lone", "password": "changed"}, {"name": "db1", "password": "second"}], models)
    target.sync_from(wished)
    after = content(lab)
    assert [name for name in after if after[name] != before[name]] == ["host_vars/lone.yml"]
    head, rest = after["host_vars/lone.yml"].split("\n", 1)
    assert head == "password: !vault |  # secret"
    assert rest.startswith("  $ANSIBLE_VAULT;1.2;AES256;two\n")
    assert rest.endswith("\nrack: 1\n")
    again = opened(lab, models, **options)
    assert again.get("device", "lone").password.get_secret_value() == "changed"


def vault_program(action: str, text: str, *arguments: str) -> str:
    """Return what the real ansible-vault makes of a text."""
    command = [str(Path(str(PROGRAM)).with_name("ansible-vault")), action, *arguments, "--output=-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def one(tmp_path: Path, password: Path) -> Path:
    """One host with an encrypted variable."""
    folder = tmp_path / "one"
    (folder / "host_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text("all: {hosts: {h1: {}}}\n")
    hidden = "".join(f"  {line}\n" for line in encrypted("hunter2", password).splitlines())
    (folder / "host_vars" / "h1.yml").write_text(f"password: !vault |\n{hidden}rack: 1\n")
    return folder


def test_encrypted_variables(one: Path, password: Path) -> None:
    adapter = opened(one, SECRET, vault_password_file=str(password))
    assert adapter.get("device", "h1").password.get_secret_value() == "hunter2"
    said = problem(lambda: opened(one, OPEN, vault_password_file=str(password)))
    assert said == (
        'host h1: "password" is kept encrypted by Ansible Vault, and device.password would show it; declare that attribute as '
        "secret, or map it onto something else"
    )
    assert 'say where the password is with "vault_password_file"' in problem(lambda: opened(one, SECRET))
    assert rows(opened(one, {"device": {"identifiers": ["name"], "attributes": {"rack": "str"}}}))["h1"] == {"rack": "1"}
    said = problem(
        lambda: opened(one, OPEN, {"device": {"fields": {"password": {"expr": "password"}}}}, vault_password_file=str(password))
    )
    assert "'password' is undefined" in said
    assert "hunter2" not in said


def test_a_template_that_refers_to_a_secret_is_evaluated_for_a_secret_only(one: Path, password: Path) -> None:
    hidden = (one / "host_vars" / "h1.yml").read_text()
    (one / "host_vars" / "h1.yml").write_text(f"{hidden}url: 'http://u:{{{{ login }}}}@h'\nlogin: '{{{{ password }}}}'\n")
    models = {"device": {"identifiers": ["name"], "attributes": {"url": "str | None", "rack": "str"}}}
    shown = opened(one, models, vault_password_file=str(password))
    assert rows(shown)["h1"] == {"url": None, "rack": "1"}
    (warning,) = shown.load_warnings
    assert warning.endswith("changed: it refers to a secret, and the attribute is not declared as one")
    models["device"]["attributes"]["url"] = "secret | None"
    adapter = opened(one, models, vault_password_file=str(password))
    assert adapter.get("device", "h1").url.get_secret_value() == "http://u:hunter2@h"
    assert adapter.load_warnings == []
    diff = adapter.diff_from(memory([{"name": "h1", "url": "other", "rack": "1"}], models))
    assert "is a template in" in next(diff.walk()).protected
    assert "hunter2" not in f"{diff}{next(diff.walk()).protected}"


def test_encrypted_variables_are_written_encrypted(one: Path, password: Path) -> None:
    wished = memory(
        [{"name": "h1", "password": "new secret", "rack": "1"}, {"name": "h2", "password": "other", "rack": None}], SECRET
    )
    opened(one, SECRET, vault_password_file=str(password)).sync_from(wished)
    after = content(one)
    assert "new secret" not in "".join(after.values())
    assert "other" not in "".join(after.values())
    again = opened(one, SECRET, vault_password_file=str(password))
    assert not [element for element in again.diff_from(wished).walk() if element.action]
    unknown = opened(one, {"device": {"identifiers": ["name"], "attributes": {"rack": "str | None"}}})
    assert list(rows(unknown)) == ["h1", "h2"]


def test_files_that_are_encrypted_as_a_whole(one: Path, password: Path) -> None:
    (one / "host_vars" / "h1.yml").write_text(encrypted("password: hunter3\nrack: 1\n", password))
    options = {"vault_password_file": str(password)}
    assert (
        opened(one, SECRET, {"device": {"fields": {"rack": {"value": None}}}}, **options)
        .get("device", "h1")
        .password.get_secret_value()
        == "hunter3"
    )
    assert "would show it" in problem(lambda: opened(one, OPEN, **options))
    target = opened(one, {"device": {"identifiers": ["name"], "attributes": {"password": "secret"}}}, **options)
    wished = memory([{"name": "h1", "password": "x"}], {"device": {"identifiers": ["name"], "attributes": {"password": "secret"}}})
    said = problem(lambda: target.sync_from(wished), ObjectCrudException)
    assert "which is encrypted as a whole and so not changed" in said


def test_missing_programs(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setitem(os.environ, "PATH", "/nowhere")
    assert "ansible-inventory, which is not installed" in problem(lambda: opened(lab), LibraryMissing)


def test_names_of_the_main_file(tmp_path: Path) -> None:
    assert "none of them" in problem(lambda: inventory_files.main_file(tmp_path))
    for name in ("hosts.yml", "inventory.yaml"):
        (tmp_path / name).touch()
    assert "several of them" in problem(lambda: inventory_files.main_file(tmp_path))


# ---------------------------------------------------------------------- the suite that every adapter passes


class TestConformance(AdapterConformance):
    """Sites are groups, and devices the hosts in them, which are called after both."""

    shared = True
    mapping = {
        "site": {"from": "groups"},
        "device": {
            "keep": "'--' in record.name",
            "fields": {
                "site_name": "groups.0",
                "name": {"expr": "record.name.split('--')[1]", "write": {"name": "site_name ~ '--' ~ name"}},
            },
        },
    }

    @pytest.fixture(
        autouse=True, params=[pytest.param("one file", marks=pytest.mark.long), pytest.param("a vault", marks=pytest.mark.long)]
    )
    def _folder(self, request: pytest.FixtureRequest, tmp_path: Path, password: Path) -> None:
        self.folder, self.options = tmp_path / "inventory", {}
        self.folder.mkdir()
        (self.folder / "hosts.yml").write_text("---\n# all that there is\nall:\n  hosts:\n    localhost:\n")
        if request.param != "one file":
            for name in ("host_vars", "group_vars"):
                (self.folder / name).mkdir()
        if request.param == "a vault":
            self.options["vault_password_file"] = str(password)

    def adapter(self) -> InventoryAdapter:
        return InventoryAdapter.bound(self.data_model, self.mapping)(source=str(self.folder), **self.options)

    def places(self, models: DataModel) -> DSync:
        mapping = {"place": {"from": "groups"}, "thing": {"keep": "groups", "parent": {"name": "groups.0"}}}
        return InventoryAdapter.bound(models, mapping)(source=str(self.folder), **self.options)

    def before(self) -> DSync:
        return self.renamed(estate(self.data_model))

    def after(self) -> DSync:
        return self.renamed(estate(self.data_model, changed=True))

    def renamed(self, dataset: DSync) -> DSync:
        """Return the dataset with a name in it that a group can have."""
        fine: DSync = type(dataset)(name="estate")
        for model, name in (("site", "name"), ("device", "site_name")):
            objects = dataset.get_all(model)
            found = [{**one.get_identifiers(), **one.get_attrs()} for one in objects]
            for row in found:
                row[name] = "über" if row[name].startswith("ü") else row[name]
            parent = {} if model == "site" else {"parent": "site", "parent_ids": {"name": "site_name"}}
            fine.add_rows(model, found, **parent)
        return fine

    def break_it(self, adapter: DSync) -> Callable[[], None]:
        main = self.folder / "hosts.yml"
        there = main.stat()
        os.utime(main, ns=(there.st_atime_ns, there.st_mtime_ns + 1))
        return lambda: None

    break_removal = break_it

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        kind = InventoryAdapter.bound(self.data_model, self.mapping)
        yield lambda: kind(source=[]), "options.source"
        yield lambda: kind(source="x", variables=3), "options.variables"
        yield lambda: kind(source="x", timeout="long"), "options.timeout"
        yield lambda: kind(source="/nowhere/at/all").load(), "/nowhere/at/all"
