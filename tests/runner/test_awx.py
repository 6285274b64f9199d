# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of AWX in examples/awx, held against the modules of the collection awx.awx."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from conftest import ROOT, TIME_LIMIT, missing, program

EXAMPLE = ROOT / "examples" / "awx" / "configure.yml"
COLLECTION = "ansible_collections/awx/awx/"
KEPT = ROOT / ".build" / "awx"


@pytest.fixture(scope="session")
def awx(environment: dict[str, str]) -> dict[str, str]:
    """Variables with which Ansible finds awx.awx, taken out of a package that is kept; without it the tests are skipped."""
    wanted = (ROOT / "requirements" / "awx.txt").read_text(encoding="utf-8")
    stamp = KEPT / "stamp"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        KEPT.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--ignore-requires-python"]
        got = subprocess.run(
            [*command, "-d", KEPT, "-r", ROOT / "requirements" / "awx.txt"],
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        packages = list(KEPT.glob("ansible-*.whl"))
        if got.returncode or not packages:
            missing(f"the package with the collection awx.awx cannot be had: {got.stderr.strip()[-200:]}")
        with zipfile.ZipFile(packages[0]) as package:
            package.extractall(KEPT, [name for name in package.namelist() if name.startswith(COLLECTION)])
        packages[0].unlink()
        stamp.write_text(wanted, encoding="utf-8")
    return {**environment, "ANSIBLE_COLLECTIONS_PATH": f"{environment['ANSIBLE_COLLECTIONS_PATH']}:{KEPT}"}


def tasks() -> list[dict[str, Any]]:
    (play,) = DataLoader().load_from_file(str(EXAMPLE))
    return list(play["tasks"])


def test_ansible_reads_it(awx: dict[str, str]) -> None:
    command = [program("ansible-playbook"), "--syntax-check", EXAMPLE]
    checked = subprocess.run(command, env=awx, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_task_is_as_its_module_wants_it(awx: dict[str, str]) -> None:
    modules = {name: task[name] for task in tasks() for name in task if name.startswith("awx.awx.")}
    command = [program("ansible-doc"), "--json", "--type", "module", *modules]
    documented = json.loads(subprocess.run(command, env=awx, capture_output=True, timeout=TIME_LIMIT, check=True).stdout)
    assert len(modules) == 7
    for task in tasks():
        (name,) = [key for key in task if key.startswith("awx.awx.")]
        found = ArgumentSpecValidator(specification(documented[name]["doc"]["options"])).validate(
            json.loads(json.dumps(task[name]))
        )
        assert not found.error_messages, f"{task['name']}: {found.error_messages}"


def specification(options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that are documented, in the form in which a module declares them."""
    keys = ("type", "elements", "choices", "required", "aliases")
    spec = {}
    for name, option in options.items():
        spec[name] = {key: option[key] for key in keys if key in option}
        if "suboptions" in option:
            spec[name]["options"] = specification(option["suboptions"])
    return spec


def test_a_mistake_is_found(awx: dict[str, str]) -> None:
    command = [program("ansible-doc"), "--json", "--type", "module", "awx.awx.schedule"]
    documented = json.loads(subprocess.run(command, env=awx, capture_output=True, timeout=TIME_LIMIT, check=True).stdout)
    spec = specification(documented["awx.awx.schedule"]["doc"]["options"])
    assert ArgumentSpecValidator(spec).validate({"name": "x", "cron": "17 4 * * *"}).error_messages


def test_what_is_handed_on_is_what_the_role_tells() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    specs = (ROOT / "roles" / "reconcile" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    assert "{{ reconcile_summary.plan.digest }}" in text
    assert "reconcile_summary.plan.digest" in specs
    options = yaml.safe_load(specs)["argument_specs"]["main"]["options"]
    given = {key for task in tasks() for key in task.get("awx.awx.job_template", {}).get("extra_vars", {})}
    assert given <= options.keys()


def test_the_schedule_is_a_rule_that_comes_round() -> None:
    (rule,) = [task["awx.awx.schedule"]["rrule"] for task in tasks() if "awx.awx.schedule" in task]
    start, _space, what = rule.partition(" ")
    assert start.startswith("DTSTART")
    assert what.startswith("RRULE:FREQ=")
    assert Path(EXAMPLE).exists()
