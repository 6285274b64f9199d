# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger copies the README and the tutorial block by block; each wrong turn ends in a sentence that names the next step.

The playbooks run as they are printed, several in one start of ansible-playbook. The test of the tutorial runs its commands one by
one after its installation.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RunPlaybook

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
BLOCK = re.compile(r"(?:<!-- (?P<marker>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
PAGES = {name: list(BLOCK.finditer((ROOT / name).read_text(encoding="utf-8"))) for name in ("README.md", "docs/tutorial.md")}
FILES = {
    block["marker"].removeprefix("file: "): block["text"]
    for blocks in PAGES.values()
    for block in blocks
    if (block["marker"] or "").startswith("file: ") and "systemd" not in block["marker"]
}
Turns = list[tuple[str, dict[str, tuple[dict[str, Any], str]]]]
"""Modules, each with what a stranger does → its arguments, and what its message contains."""

CMDB = "SELECT hostname, mtu, owner FROM hosts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with every file of both pages."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "keyed.yml").write_text("rtr-1: {role: router, mtu: 1500}\n", encoding="utf-8")
    (tmp_path / "wrapped.yml").write_text("devices: [{name: rtr-1, role: router, mtu: 1500}]\n", encoding="utf-8")
    make_cmdb(tmp_path)
    return tmp_path


def make_cmdb(folder: Path) -> None:
    subprocess.run([sys.executable, "make_cmdb.py"], cwd=folder, check=True)


def outputs(page: str, first: str) -> list[str]:
    """Return the lines that a page says its commands print, from the command that begins with ``first`` to the next output."""
    begun, lines = False, []
    for block in PAGES[page]:
        begun = begun or (block["language"] == "console" and first in block["text"])
        if begun and (block["marker"] or "").startswith("output"):
            lines = block["text"].splitlines()
            break
    assert lines, first
    return lines


def commands() -> list[str]:
    """Return every ansible-playbook command of both pages, without the options that a shell computes."""
    lines = (
        line
        for blocks in PAGES.values()
        for block in blocks
        if block["language"] == "console"
        for line in block["text"].splitlines()
    )
    return [line.removeprefix("$ ").partition(" || ")[0] for line in lines if line.startswith("$ ansible-playbook")]


def test_the_pages_are_copied_block_by_block(folder: Path, run_playbook: RunPlaybook) -> None:
    """Each command of the pages is played, in as few starts as their options allow."""
    played: list[str] = []

    def run(*names: str, options: str = "") -> str:
        played.extend(shlex.join(["ansible-playbook", name, *shlex.split(options)]) for name in names)
        ran = run_playbook(*(folder / name for name in names), *shlex.split(options), cwd=folder)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    screen = run("first.yml", "sync.yml", options="--check --diff")
    assert "\n".join(outputs("README.md", "first.yml --check --diff")) in screen
    assert (folder / "export.csv").read_text() == FILES["export.csv"]

    screen = run("audit.yml", "plan.yml", options="--diff")
    assert not [
        line for line in [*outputs("docs/tutorial.md", "audit.yml"), *outputs("docs/tutorial.md", "plan.yml")] if line not in screen
    ]
    digest = re.search(r"approve (sha256:[0-9a-f]+)", screen)[1]
    assert f'"{digest}"' in (folder / "cmdb.plan").read_text().splitlines()[-1]

    screen = run("show.yml", "apply.yml", options=f"-e approved={digest}")
    lines = [*outputs("docs/tutorial.md", "show.yml"), *outputs("docs/tutorial.md", "apply.yml")]
    assert not [line for line in lines if line not in screen]
    screen = run("undo.yml", options="--check --diff")
    assert not [line for line in outputs("docs/tutorial.md", "undo.yml") if line not in screen]

    make_cmdb(folder)
    screen = run("report.yml", "first.yml", "first.yml", "sync.yml", "sync.yml")
    assert re.findall(r"changed=(\d)", screen) == ["1", "2", "2", "3", "3"], "Ansible adds up; a second run changes nothing"
    assert (folder / "export.csv").read_text() == "name,role,mtu,bought\nrtr-1,router,1500,2024-03-01\nsw-1,switch,9000,\n"
    assert outputs("docs/tutorial.md", "report.yml")[0] in (folder / "drift.md").read_text().splitlines()
    with contextlib.closing(sqlite3.connect(folder / "cmdb.sqlite")) as cmdb:
        rows = [str(row) for row in cmdb.execute(CMDB)]
    assert rows == outputs("docs/tutorial.md", "import sqlite3")

    printed = {re.sub(r"approved=.*", f"approved={digest}", line) for line in commands()}
    played.append("ansible-playbook show.yml")  # with an option that it does not use, so that it is played with the next one
    assert printed - set(played) == {"ansible-playbook report.yml -e strict=true"}, "a command of a page is not played"


def test_the_collection_is_installed_again_after_a_change(ansible_environment: dict[str, str], tmp_path: Path) -> None:
    """C19: each command of README that installs from a directory or a tarball replaces what an earlier one has installed."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    of_a_directory = re.search(r"^\$ (ansible-galaxy collection install .*)$", readme, re.M)[1]
    of_a_tarball = re.search(r"^\| a tarball \| `(.*)`, then `(.*)` \|$", readme, re.M).groups()
    clone, installed = tmp_path / "clone", tmp_path / "ansible_collections/dsync/core/plugins/README.md"
    for name in ("galaxy.yml", "README.md", "meta/runtime.yml"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    (clone / "plugins").mkdir()
    environment = {**ansible_environment, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    for number, commands in enumerate(((of_a_directory,), of_a_tarball, of_a_tarball)):
        (clone / "plugins/README.md").write_text(f"version {number}")
        for command in commands:
            program, *arguments = shlex.split(command)
            ran = subprocess.run(
                [PROGRAMS / program, *arguments], cwd=clone, env=environment, capture_output=True, text=True, check=False
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
        assert installed.read_text() == f"version {number}"


def file(path: str) -> dict[str, Any]:
    return {"adapter": "file", "options": {"path": path}}


OPEN = {"models": {"device": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int"}}}}
SOT, EXPORT = file("sot.yml"), file("export.csv")
CMDB_SIDE = {"adapter": "sql", "options": {"url": "sqlite:///{{ playbook_dir }}/cmdb.sqlite"}}
FIELDS = {"name": "hostname", "site": "location", "role": "kind", "mgmt_ip": "address"}


def models(**device: Any) -> dict[str, Any]:
    return {"models": {"device": {"identifiers": ["name"], **device}}}


def files(source: Any = None, target: Any = None, **more: Any) -> dict[str, Any]:
    return {**OPEN, "source": source or SOT, "target": target or EXPORT, **more}


def mapped(mapping: Any, **options: Any) -> dict[str, Any]:
    target = {**CMDB_SIDE, "options": {**CMDB_SIDE["options"], **options}, **({"mapping": mapping} if mapping else {})}
    return {"models_file": "models.yml", "source": "{{ devices }}", "target": target}


WRONG_TURNS = {
    "a selector is a word": (
        files(protect="old-1"),
        'protect should be a list of selectors such as [{model: device, id: "old-*"}], and has the string "old-1".',
    ),
    "a selector is no list": (files(only={"model": "device"}), 'such as [{model: device, id: "old-*"}], and is a dictionary.'),
    "models is a word": (files(models="device"), "Use models_file for the path of a file, and only_models for names of models."),
    "models.yml is misspelt": (
        {**mapped(None), "models_file": "model.yml"},
        'models_file: the file "model.yml" was not found on the controller; searched: ',
    ),
    "a side is a path": (files("sot.yml"), "source should be a dictionary such as {adapter: file, options: {path: devices.csv}}"),
    "sot.yml is misspelt": (files(file("sto.yml")), "/sto.yml on localhost does not exist; check the path"),
    "the adapter is a format": (files(target={**EXPORT, "adapter": "csv"}), "csv is read by the adapter file"),
    "an option is misspelt": (files(target={"adapter": "file", "options": {"paht": "export.csv"}}), 'did you mean "path"?'),
    "a cell is empty": (
        files(file("devices.csv")),
        '/devices.csv on localhost, line 3: device "nyc-sw-1": mtu: Input should be a valid integer, unable to parse string as an '
        'integer (the field is empty; add "| None" to the type of the attribute if it may be).',
    ),
    "a token is a number": (
        files(target={"adapter": "netbox", "options": {"url": "http://127.0.0.1:1"}, "secrets": {"token": 4711}}),
        "target (netbox): secrets.token: this should be a string.",
    ),
    "a preset is misspelt": (files(target={"adapter": "rest", "preset": "grafna"}), 'no preset "grafna" (did you mean "grafana"?'),
}
"""What a stranger does → the arguments of dsync_diff, and what its message contains."""

MORE_WRONG_TURNS = {
    "attributes are a list": (
        files(**models(attributes=["role"])),
        "a dictionary of names and types, such as {role: str}, and is a list",
    ),
    "records have keys": (
        files(file("keyed.yml")),
        '(known: role, mtu); if its key is the name, add "key: name" to mapping.device.',
    ),
    "records are further in": (files(file("wrapped.yml")), 'name the path of the records with "from" in the mapping.'),
    "the target is not there": (files(target=file("new.csv")), "a target that this run creates needs create: true"),
    "a column is misspelt": (files(**models(attributes={"rol": "str"})), 'the record has no "rol" (did you mean "role"?'),
    "a role is no choice": (files(**models(attributes={"role": ["router"]})), "add its value to the choices of the attribute"),
    "identifiers is no list": (files(**models(identifiers="name")), "this should be a list, and is 'name'; write [name]."),
    "no models": ({"source": SOT, "target": EXPORT}, "the task must declare models: set models or models_file"),
    "no mapping": (mapped(None), 'mapping.device.from: there is no table or view "device" in the database (known: hosts)'),
    "the mapping is of fields": (mapped(FIELDS), "its keys are models, whose fields are mapped as in mapping.device.fields"),
    "the address is a path": (mapped(None, url="/cmdb.sqlite"), "write it like sqlite:///cmdb.db or postgresql://"),
    "a path is no option": (files(target={"adapter": "file", "path": "export.csv"}), "target.path. Supported parameters include: "),
    "the server is down": (
        files(target={"adapter": "rest", "options": {"base_url": "http://127.0.0.1:1", "endpoints": {"device": "/devices"}}}),
        "target (rest): load() failed: GET /devices: http://127.0.0.1:1 refuses the connection.",
    ),
    "a token is missing": (
        files(target={"adapter": "netbox", "options": {"url": "http://127.0.0.1:1"}}),
        "target (netbox): secrets.token: give it, or set the environment variable NETBOX_TOKEN.",
    ),
    "there is no directory for the plan": (files(plan_dest="plans/cmdb.plan"), "cannot be written: there is no directory "),
    "a limit is misspelt": (files(limits={"deletes": 2}), 'did you mean "delete"?'),
}
"""More of them, whose messages unit tests know too."""

OF_A_RUN = {
    "no plan yet": (files(plan_src="cmdb.plan"), "cmdb.plan on localhost does not exist; dsync_diff writes a plan with plan_dest."),
    "a limit is exceeded": (files(limits={"delete": 0}), "limits.delete: 0 is exceeded: 1 to delete"),
}
"""The same for dsync_sync."""


def play_wrong_turns(folder: Path, run_playbook: RunPlaybook, turns: Turns, *plays: dict[str, Any]) -> str:
    """Play wrong turns and other plays, and return the screen. Each turn names the next step, and changes nothing."""
    tasks = [
        {"name": name, f"dsync.core.{module}": arguments, "ignore_errors": True}
        for module, cases in turns
        for name, (arguments, _said) in cases.items()
    ]
    play = {"hosts": "localhost", "gather_facts": False, "vars_files": "vars.yml", "tasks": tasks}
    (folder / "wrong.yml").write_text(yaml.safe_dump([play, *plays], sort_keys=False))
    before = (folder / "export.csv").read_text()
    ran = run_playbook(folder / "wrong.yml", cwd=folder)
    screens = dict(re.findall(r"^TASK \[(.*?)\] \*+\n(.*?)(?=^TASK|^PLAY|\Z)", ran.stdout, re.M | re.S))
    for _module, cases in turns:
        for name, (_arguments, said) in cases.items():
            assert said in screens[name].replace('\\"', '"'), f"{name}: {screens[name]}"
            assert "Traceback" not in screens[name]
    assert ran.returncode == (2 if plays else 0)
    assert (folder / "export.csv").read_text() == before
    return ran.stdout


def test_each_wrong_turn_names_the_next_step(folder: Path, run_playbook: RunPlaybook) -> None:
    strict = {"name": "strict", "ansible.builtin.import_playbook": "report.yml", "vars": {"strict": True}}
    screen = play_wrong_turns(folder, run_playbook, [("dsync_diff", WRONG_TURNS), ("dsync_sync", OF_A_RUN)], strict)
    assert outputs("docs/tutorial.md", "strict=true")[0].rstrip(".") not in screen
    assert '"msg": "Drift: 1 to create, 2 to update, 1 to delete."' in screen


@pytest.mark.long
def test_more_wrong_turns_name_the_next_step(folder: Path, run_playbook: RunPlaybook) -> None:
    play_wrong_turns(folder, run_playbook, [("dsync_diff", MORE_WRONG_TURNS)])
