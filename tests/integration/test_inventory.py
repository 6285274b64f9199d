# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter inventory in real playbooks: the play's own inventory, files that are written, Ansible Vault, and the example."""

# pylint: disable=dangerous-default-value  # the defaults are never changed

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Play, RunPlaybook
from test_results import task

EXAMPLE = Path(__file__).parents[2] / "examples" / "inventory_csv"

MODELS = {"device": {"identifiers": ["name"], "attributes": {"role": "str | None", "address": "str | None", "groups": "set[str]"}}}
MAPPING = {"device": {"fields": {"address": "ansible_host"}}}


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """An inventory with templates, a secret, and strings from outside."""
    folder = tmp_path / "estate"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "host_vars").mkdir()
    (folder / "hosts.yml").write_text(
        f"""\
all:
  hosts:
    here: {{ansible_connection: local, ansible_python_interpreter: {sys.executable}, role: controller}}
  children:
    web:
      hosts:
        web1: {{ansible_host: 10.0.0.1}}
        web2: {{ansible_host: 10.0.0.2, role: proxy}}
    europe:
      children: {{web: }}
"""
    )
    (folder / "group_vars" / "web.yml").write_text('role: "{{ inventory_hostname }}-{{ suffix }}"\nsuffix: front\n')
    return folder


def into_memory(mapping: Any = MAPPING, models: Any = MODELS, **options: Any) -> dict[str, Any]:
    return {
        "models": models,
        "source": {"adapter": "inventory", "mapping": mapping, "options": options},
        "target": {"adapter": "memory", "options": {"records": []}},
    }


def created(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {change["id"]: change["after"] for change in result["changes"]}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def vaulted(text: str, password: Path) -> str:
    command = [Path(sys.executable).with_name("ansible-vault"), "encrypt", "--vault-password-file", password, "--output", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


# ---------------------------------------------------------------------- the play's own inventory


def test_the_plays_inventory(play: Play, estate: Path) -> None:
    """Templates are evaluated for each host; groups are those that it is directly in; --limit of the play does not matter."""
    played = play([task("diff", "dsync_diff", into_memory())], "-i", estate, "--limit", "here").ok()
    found = created(played.result("diff"))
    assert found["web1"] == {"role": "web1-front", "address": "10.0.0.1", "groups": ["web"]}
    assert found["web2"] == {"role": "proxy", "address": "10.0.0.2", "groups": ["web"]}
    assert found["here"]["role"] == "controller"


def test_a_limit_and_facts(play: Play, estate: Path) -> None:
    tasks = [
        {"ansible.builtin.set_fact": {"role": "from a fact"}, "name": "fact"},
        task("limit", "dsync_diff", into_memory(limit="web:!web2")),
        task("group", "dsync_diff", into_memory({"device": {"from": {"group": "europe"}, **MAPPING["device"]}})),
        task("host", "dsync_diff", into_memory(limit="here")),
    ]
    played = play(tasks, "-i", estate).ok()
    assert list(created(played.result("limit"))) == ["web1"]
    assert list(created(played.result("group"))) == ["web1", "web2"]
    assert created(played.result("host"))["here"]["role"] == "from a fact"


def test_groups(play: Play, estate: Path) -> None:
    models = {
        "group": {"identifiers": ["name"], "attributes": {"children": "list[str]", "hosts": "list[str]", "suffix": "str | None"}}
    }
    played = play([task("diff", "dsync_diff", into_memory({"group": {"from": "groups"}}, models))], "-i", estate).ok()
    found = created(played.result("diff"))
    assert found["web"] == {"children": [], "hosts": ["web1", "web2"], "suffix": "front"}
    assert found["europe"]["children"] == ["web"]


def test_expressions(play: Play, estate: Path) -> None:
    """What an expression names is sent along, and with the whole record everything that the inventory defines."""
    models = {"device": {"identifiers": ["name"], "attributes": {"fqdn": "str", "all": "list[str]"}}}
    fields = {"fqdn": {"expr": "role ~ '.' ~ suffix"}, "all": {"expr": "record.keys() | sort"}}
    mapping = {"device": {"from": {"group": "web"}, "keep": "'web' in groups", "fields": fields}}
    found = created(play([task("diff", "dsync_diff", into_memory(mapping, models))], "-i", estate).ok().result("diff"))
    assert found["web1"]["fqdn"] == "web1-front.front"
    assert found["web1"]["all"] == ["ansible_host", "group_names", "groups", "name", "role", "suffix"]


def test_a_template_that_fails(play: Play, estate: Path) -> None:
    (estate / "host_vars" / "web2.yml").write_text('role: "{{ nowhere }}"\nunused: "{{ nowhere }}"\n')
    played = play([task("diff", "dsync_diff", into_memory(), ignore_errors=True)], "-i", estate)
    assert played.result("diff")["msg"] == (
        "source (inventory): host web2: the variable \"role\" cannot be evaluated: 'nowhere' is undefined"
    )
    (estate / "host_vars" / "web2.yml").write_text('unused: "{{ nowhere }}"\n')
    play([task("diff", "dsync_diff", into_memory())], "-i", estate).ok()


def test_the_plays_inventory_is_not_written(play: Play, estate: Path) -> None:
    before = content(estate)
    sides = {
        "models": MODELS,
        "source": {"adapter": "memory", "options": {"records": [{"name": "n", "role": "r", "address": None, "groups": []}]}},
        "target": {"adapter": "inventory", "mapping": MAPPING},
    }
    played = play([task("sync", "dsync_sync", sides, ignore_errors=True)], "-i", estate)
    assert "the inventory of the play cannot be written; name its file or directory as the source" in played.result("sync")["msg"]
    assert content(estate) == before


def test_text_from_outside_is_never_evaluated(play: Play, estate: Path, tmp_path: Path) -> None:
    """A string with braces in a spreadsheet stays one in the inventory, and in every later play."""
    touched = tmp_path / "touched"
    evil = f"{{{{ lookup('pipe', 'touch {touched}') }}}}"
    path = tmp_path / "outside.jsonl"
    records = [{"name": name, "role": evil, "address": None, "groups": ["web"]} for name in ("web1", "new")]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    sides = {
        "models": MODELS,
        "source": {"adapter": "file", "options": {"path": str(path)}},
        "target": {
            "adapter": "inventory",
            "options": {"source": str(estate)},
            "mapping": {"device": {**MAPPING["device"], "from": {"group": "web"}}},
        },
    }
    play([task("sync", "dsync_sync", sides)], "-i", estate).ok()
    assert not touched.exists()
    shown = {"ansible.builtin.debug": {"msg": "{{ hostvars['web1'].role }} and {{ hostvars['new'].role }}"}, "name": "show"}
    again = task("diff", "dsync_diff", into_memory({"device": {**MAPPING["device"], "from": {"group": "web"}}}))
    played = play([shown, again], "-i", estate).ok()
    assert played.result("show")["msg"] == f"{evil} and {evil}"
    assert created(played.result("diff"))["new"]["role"] == evil
    assert not touched.exists()


@pytest.mark.long
def test_a_template_is_compared_by_its_value_in_check_mode_as_in_a_run(play: Play, estate: Path, tmp_path: Path) -> None:
    (estate / "host_vars" / "web1.yml").write_text('role: "{{ suffix }}-1"\n')
    (estate / "host_vars" / "web2.yml").write_text('role: "{{ nowhere }}"\n')
    (estate / "host_vars" / "here.yml").write_text('role: "{{ inventory_hostname }}"\n')
    path = tmp_path / "wanted.jsonl"
    records = [("here", "here", "10.0.0.9"), ("web1", "back", "10.0.0.1"), ("web2", "any", "10.0.0.2")]
    path.write_text("".join(json.dumps({"name": name, "role": role, "address": address}) + "\n" for name, role, address in records))
    sides = {
        "models": {"device": {"identifiers": ["name"], "attributes": {"role": "str | None", "address": "str | None"}}},
        "source": {"adapter": "file", "options": {"path": str(path)}},
        "target": {"adapter": "inventory", "options": {"source": str(estate)}, "mapping": MAPPING},
    }
    played = play([task("check", "dsync_sync", sides, check_mode=True), task("sync", "dsync_sync", sides)], "-i", estate).ok()
    for name in ("check", "sync"):
        result = played.result(name)
        assert {change["id"]: change["after"] for change in result["changes"]} == {
            "here": {"address": "10.0.0.9"},
            "web1": {"role": "back"},
        }, played.screen
        (refused,) = result["failures"]
        assert refused["message"] == (
            f'protected: "role" of the host web1 is the template "{{{{ suffix }}}}-1" in {estate / "host_vars" / "web1.yml"}; '
            "change it by hand"
        )
        assert any('"role" of the host web2 is a template that is not evaluated' in one for one in result["warnings"])
    assert (estate / "host_vars" / "web1.yml").read_text() == 'role: "{{ suffix }}-1"\n'
    assert (estate / "host_vars" / "web2.yml").read_text() == 'role: "{{ nowhere }}"\n'


def test_a_renamed_host_moves_to_another_group(play: Play, estate: Path, tmp_path: Path) -> None:
    """One change in the result; its variables, its file and the comments at it stay with it."""
    (estate / "host_vars" / "web2.yml").write_text("# of the second\nserial: S2  # kept\nnote: unmapped\n")
    hosts = (estate / "hosts.yml").read_text()
    hosts = hosts.replace("        web2:", "        # the second\n        web2:")
    (estate / "hosts.yml").write_text(hosts)
    path = tmp_path / "wanted.jsonl"
    path.write_text('{"name": "mail1", "serial": "S2", "groups": ["mail"]}\n')
    sides = {
        "models": {
            "device": {
                "identifiers": ["name"],
                "attributes": {"serial": "str | None", "groups": "set[str]"},
                "match": ["serial"],
            }
        },
        "source": {"adapter": "file", "options": {"path": str(path)}},
        "target": {"adapter": "inventory", "options": {"source": str(estate), "limit": "web2"}},
    }
    played = play([task("sync", "dsync_sync", sides), task("again", "dsync_diff", sides, ignore_errors=True)], "-i", estate)
    assert played.result("sync")["summary"]["moves"] == 1, played.screen
    line = "        # the second\n        web2: {ansible_host: 10.0.0.2, role: proxy}\n"
    assert (estate / "hosts.yml").read_text() == hosts.replace(line, "") + (
        "    mail:\n      hosts:\n" + line.replace("web2", "mail1")
    )
    assert (estate / "host_vars" / "mail1.yml").read_text() == "# of the second\nserial: S2  # kept\nnote: unmapped\n"
    assert not (estate / "host_vars" / "web2.yml").exists()


# ---------------------------------------------------------------------- secrets


SECRETS = {"device": {"identifiers": ["name"], "attributes": {"password": "secret"}}}
OPEN = {"device": {"identifiers": ["name"], "attributes": {"password": "str"}}}


@pytest.mark.parametrize(
    "way", ["value", pytest.param("file", marks=pytest.mark.long), pytest.param("reference", marks=pytest.mark.long)]
)
def test_encrypted_variables(play: Play, estate: Path, tmp_path: Path, way: str) -> None:
    """They are read where the attribute is secret, refused where it is not, and never on the screen or in a result."""
    password = tmp_path / "password"
    password.write_text("open sesame")
    hidden = "".join(f"  {line}\n" for line in vaulted("hunter2!", password).splitlines())
    texts = {
        "value": f"password: !vault |\n{hidden}",
        "file": vaulted("password: hunter2!\n", password),
        "reference": f'hidden: !vault |\n{hidden}password: "{{{{ hidden }}}}"\n',
    }
    (estate / "host_vars" / "web1.yml").write_text(texts[way])
    tasks = []
    for source in ("play", str(estate)):
        options = {"source": source, "limit": "web1"}
        if source != "play":
            options["vault_password_file"] = str(password)
        for name, models in (("secret", SECRETS), ("open", OPEN)):
            tasks.append(task(f"{name} {source}", "dsync_diff", into_memory(None, models, **options), ignore_errors=True))
    arguments = ("-i", estate, "--vault-password-file", password, "-vvv", "--diff")
    played = play(tasks, *arguments, env={"ANSIBLE_DEBUG": "true"})
    assert "hunter2!" not in played.screen
    assert "hunter2!" not in json.dumps(played.results)
    sources = ("play",) if way == "reference" else ("play", str(estate))  # a template is a string where no play evaluates it
    for source in sources:
        assert "changes" in played.result(f"secret {source}"), played.screen
        assert list(created(played.result(f"secret {source}"))) == ["web1"]
        said = 'host web1: "password" is kept encrypted by Ansible Vault, and device.password would show it; declare that attribute'
        assert said in played.result(f"open {source}")["msg"]


def test_connection_secrets_stay(play: Play, estate: Path) -> None:
    """Passwords of connections are not sent along with everything, and nothing that was sent is in a result."""
    with (estate / "group_vars" / "web.yml").open("a") as stream:
        stream.write("ansible_become_password: hunter2!\nansible_ssh_private_key_file: /hunter2!\nunmapped: canary!\n")
    models = {"device": {"identifiers": ["name"], "attributes": {"all": "list[str]"}}}
    mapping = {"device": {"from": {"group": "web"}, "fields": {"all": {"expr": "record.keys() | sort"}}}}
    played = play(
        [task("diff", "dsync_diff", into_memory(mapping, models))], "-i", estate, "-vvv", env={"ANSIBLE_DEBUG": "true"}
    ).ok()
    assert not [
        name for name in created(played.result("diff"))["web1"]["all"] if name.startswith("ansible_") and name != "ansible_host"
    ]
    assert "unmapped" in created(played.result("diff"))["web1"]["all"]
    for text in (played.screen, json.dumps(played.results)):
        assert "hunter2!" not in text
        assert "canary!" not in text


# ---------------------------------------------------------------------- speed


@pytest.mark.long
def test_many_hosts(play: Play, tmp_path: Path) -> None:
    """Two thousand hosts of the play, each with a template, are there before anybody wonders."""
    folder = tmp_path / "many"
    folder.mkdir()
    hosts = "".join(f"    h{number:04}: {{ansible_host: 10.0.{number // 250}.{number % 250}}}\n" for number in range(2000))
    (folder / "hosts.yml").write_text(
        f"all:\n  vars: {{role: '{{{{ inventory_hostname }}}}.x', unused: '{{{{ nowhere }}}}'}}\n  hosts:\n{hosts}"
    )
    plain = {"name": "plain", "ansible.builtin.ping": {}}
    began = time.monotonic()
    play([plain], "-i", folder).ok()
    between = time.monotonic()
    played = play([task("diff", "dsync_diff", {**into_memory(limit="h*:!here"), "max_changes": 5000})], "-i", folder).ok()
    assert played.result("diff")["summary"]["creates"] == 2000
    assert created(played.result("diff"))["h0099"]["role"] == "h0099.x"
    assert time.monotonic() - between < 10 * (between - began)


# ---------------------------------------------------------------------- the example


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return a copy of the example, with an export whose lines end as a spreadsheet ends them."""
    copied = Path(shutil.copytree(EXAMPLE, tmp_path / "inventory_csv"))
    export = copied / "export.csv"
    export.write_bytes(export.read_bytes().replace(b"\n", b"\r\n"))
    return copied


def summary(run_playbook: RunPlaybook, folder: Path, playbook: str, *arguments: str) -> str:
    """Play a playbook of the example and return what it says at its end."""
    done = run_playbook(folder / playbook, "-i", folder / "inventory", *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = re.findall(r'"msg": "(.*)"', done.stdout)
    return str(said)


DRIFT = "create 1, update 3, delete 1, unchanged 2"
IN_SYNC = "create 0, update 0, delete 0, unchanged 6"


@pytest.mark.long
def test_the_example_from_csv(run_playbook: RunPlaybook, example: Path) -> None:
    before = content(example)
    assert summary(run_playbook, example, "audit.yml") == DRIFT
    assert summary(run_playbook, example, "from_csv.yml", "--check") == DRIFT
    assert content(example) == before
    assert summary(run_playbook, example, "from_csv.yml") == DRIFT
    assert summary(run_playbook, example, "from_csv.yml") == IN_SYNC
    assert summary(run_playbook, example, "audit.yml") == IN_SYNC
    router = (example / "inventory" / "host_vars" / "nyc1-rtr-01.yml").read_text()
    assert router == (EXAMPLE / "inventory" / "host_vars" / "nyc1-rtr-01.yml").read_text().replace("rack: A01", "rack: A02")
    assert "nyc1-sw-01:  # the old one in the basement" in (example / "inventory" / "hosts.yml").read_text()


def test_the_example_to_csv(run_playbook: RunPlaybook, example: Path) -> None:
    inventory = content(example / "inventory")
    assert summary(run_playbook, example, "to_csv.yml") == DRIFT
    assert summary(run_playbook, example, "to_csv.yml") == IN_SYNC
    assert content(example / "inventory") == inventory
    lines = (example / "export.csv").read_bytes().split(b"\r\n")
    assert b"nyc1-rtr-01,nyc1,router,10.11.0.1,A01,FDO2311Q0A1,moved on Friday" in lines
    assert b'nyc1-sw-01,nyc1,access,10.11.0.11,B01,,"to be replaced, some day"' in lines
