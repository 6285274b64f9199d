# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets that a task declares: the records of a task, a custom adapter, and what goes wrong."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RunPlaybook

ROOT = Path(__file__).parents[2]
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", (ROOT / "docs/records.md").read_text(), re.DOTALL))
LINES = {"models": {"device": {"identifiers": ["name"], "attributes": {"role": "str", "pin": "secret"}}}}
SECRET = "hunter2-in-records"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(FILES[name])


def playbook(folder: Path, module: str, **arguments: Any) -> Path:
    """Write a playbook of one task, and one that shows its result."""
    tasks = [{"name": "It", f"dsync.core.{module}": arguments, "register": "it"}, {"ansible.builtin.debug": {"var": "it"}}]
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], sort_keys=False))
    return path


def test_records_of_a_task_come_back_in_its_result_and_are_shown_nowhere_else(tmp_path: Path, run_playbook: Any) -> None:
    sides = {
        "source": {"adapter": "memory", "options": {"records": [{"name": "a", "role": "new", "pin": SECRET}]}},
        "target": {
            "adapter": "memory",
            "options": {
                "records": [{"name": "a", "role": "old", "pin": SECRET, "more": 1}, {"name": "b", "role": "", "pin": SECRET}]
            },
        },
    }
    ran = run_playbook(
        playbook(tmp_path, "dsync_sync", **LINES, **sides), "--diff", cwd=tmp_path, env={"ANSIBLE_STDOUT_CALLBACK": "default"}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    shown = yaml.safe_load(ran.stdout[ran.stdout.index('"it": ') + len('"it": ') : ran.stdout.rindex("}\n\nPLAY RECAP")])
    assert shown["target"]["records"] == [{"name": "a", "role": "new", "pin": "********", "more": 1}]
    loud = run_playbook(tmp_path / "play.yml", "-vvv", "--check", "--diff", cwd=tmp_path)
    for screen in (ran.stdout, loud.stdout.partition("TASK [It]")[2]):
        assert SECRET not in screen


@pytest.mark.parametrize("going_on", [False, True])
def test_check_mode_foresees_what_a_target_that_is_only_read_refuses(tmp_path: Path, run_playbook: Any, going_on: bool) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "cmdb.sqlite")) as database:
        database.execute("CREATE TABLE devices (name TEXT PRIMARY KEY, role TEXT, pin TEXT)")
        database.commit()
    mapping = {"device": {"from": {"query": "SELECT * FROM devices"}}}
    arguments = {
        **LINES,
        "source": {"adapter": "memory", "options": {"records": [{"name": "a", "role": "r", "pin": SECRET}]}},
        "target": {"adapter": "sql", "options": {"url": f"sqlite:///{tmp_path}/cmdb.sqlite"}, "mapping": mapping},
        "flags": ["continue_on_failure"] if going_on else [],
    }
    play = playbook(tmp_path, "dsync_sync", **arguments)
    dry, ran = (run_playbook(play, *more, cwd=tmp_path) for more in (["--check"], []))
    reason = "a device is read from a query, which cannot be written; name a table or view as its from"
    assert (dry.returncode, ran.returncode) == (2, 2), dry.stdout + ran.stdout
    for screen in (dry.stdout + dry.stderr, ran.stdout + ran.stderr):
        assert reason in " ".join(screen.split())
        assert "changed=0" in screen


def test_a_comparison_with_a_target_that_is_only_read_warns_of_nothing(tmp_path: Path, run_playbook: Any) -> None:
    source = {"adapter": "memory", "options": {"records": [{"name": "a", "role": "r", "pin": SECRET}]}}
    models = {"models": {"host": {"identifiers": ["name"], "attributes": {}}}}
    play = playbook(tmp_path, "dsync_diff", **models, source=source, target={"adapter": "inventory"})
    ran = run_playbook(play, "--diff", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "+ " in ran.stdout
    assert "cannot be" not in ran.stdout + ran.stderr


def test_the_custom_adapter_of_records_of_the_page(tmp_path: Path, run_playbook: Any) -> None:
    write(tmp_path, "adapters/shelf.py", "test_shelf.py")
    (tmp_path / "shelf.json").write_text('{"device": [{"name": "old", "role": "x", "pin": "1"}]}')
    arguments = {
        **LINES,
        "source": {"adapter": "memory", "options": {"records": [{"name": "a", "role": "r", "pin": "2"}]}},
        "target": {"adapter": "adapters/shelf.py:Shelf", "options": {"path": str(tmp_path / "shelf.json")}},
    }
    ran = run_playbook(playbook(tmp_path, "dsync_sync", **arguments), cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "shelf.json").read_text() == '{"device": [{"name": "a", "role": "r", "pin": "2"}]}'


def test_the_suite_of_the_page_passes(tmp_path: Path) -> None:
    write(tmp_path, "adapters/shelf.py", "test_shelf.py")
    path = os.pathsep.join((str(tmp_path), str(ROOT / "plugins" / "module_utils")))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, "-c", os.devnull, tmp_path]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "14 passed" in ran.stdout


MEMORY = {"adapter": "memory", "options": {"records": []}}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no models": (
        {},
        "source (memory): this adapter reads records, so the task must declare models: set models or models_file.",
    ),
    "a type": (
        {"models": {"device": {"identifiers": ["name"], "attributes": {"mtu": "integer"}}}},
        'models.device.attributes.mtu: there is no type "integer" (did you mean "int"?',
    ),
    "no file of models": (
        {"models_file": "modles.yml"},
        'models_file: the file "modles.yml" was not found on the controller; searched: ',
    ),
    "a path as models": ({"models": "models.yml"}, "Use models_file for the path of a file, and only_models for names of models."),
    "models twice": ({**LINES, "models_file": "models.yml"}, "models and models_file are mutually exclusive"),
    "a format": (
        {**LINES, "source": {"adapter": "csv"}},
        'no built-in adapter "csv"; csv is read by the adapter file, so set adapter: file.',
    ),
    "a mapping": (
        {**LINES, "target": {**MEMORY, "mapping": {"device": {"fields": {"rol": "x"}}}}},
        'target (memory): mapping.device.fields: there is no key "rol" here (did you mean "role"?',
    ),
    "an expression": (
        {**LINES, "source": {**MEMORY, "mapping": {"device": {"keep": "name =="}}}},
        'source (memory): mapping.device.keep: "name ==" is not a valid expression: ',
    ),
    "an adapter": (
        {**LINES, "source": {"adapter": "memroy"}},
        'there is no built-in adapter "memroy" (did you mean "memory"? known: file, inventory, memory, nautobot, netbox, ',
    ),
    "an option": (
        {**LINES, "source": {"adapter": "file", "options": {"pth": "x"}}},
        'the adapter file takes no option pth (did you mean "path"?',
    ),
    "a file": ({**LINES, "source": {"adapter": "file", "options": {"path": "absent.csv"}}}, "absent.csv"),
    "a record": (
        {**LINES, "source": {"adapter": "memory", "options": {"records": [{"name": "a", "role": "r", "pin": "p"}, {"role": "r"}]}}},
        'device.name: the record has no "name"',
    ),
    "a top level": ({"top_level": ["device"]}, "top_level names root models, but no models are declared"),
    "a database": (
        {
            **LINES,
            "source": {"adapter": "sql", "options": {"url": "postgresql://nobody@127.0.0.1:1/x"}, "secrets": {"password": SECRET}},
        },
        "127.0.0.1",
    ),
    "a service": (
        {
            **LINES,
            "source": {
                "adapter": "rest",
                "options": {"base_url": "http://127.0.0.1:1", "endpoints": {"device": "/devices"}, "tries": 1},
                "secrets": {"token": SECRET},
            },
        },
        "127.0.0.1:1",
    ),
}


@pytest.fixture(scope="module")
def wrong(run_playbook: RunPlaybook, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one playbook of all of them shows, as each of them would alone."""
    tasks = [
        {"name": f"<{name}>", "dsync.core.dsync_diff": {"source": MEMORY, "target": MEMORY, **arguments}, "ignore_errors": True}
        for name, (arguments, _said) in WRONG.items()
    ]
    path = tmp_path_factory.mktemp("wrong") / "play.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], sort_keys=False))
    ran = run_playbook(path, cwd=path.parent)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_reported_in_one_sentence(wrong: str, name: str) -> None:
    _arguments, said = WRONG[name]
    screen = wrong.partition(f"TASK [<{name}>]")[2].partition("\nTASK [")[0]
    found = re.findall(r'"msg": "((?:[^"\\]|\\.)*)"', screen) or re.findall(r"\[ERROR\]: (.*)", screen)
    assert "fatal: " in screen
    assert any(said in text.replace('\\"', '"') for text in found), screen
    assert "Traceback" not in screen


def test_no_secret_is_in_what_is_reported(wrong: str) -> None:
    assert SECRET not in wrong
