# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of AWX in examples/awx, held against the modules of the collection awx.awx."""

from __future__ import annotations

import http.server
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from conftest import ROOT, TIME_LIMIT, missing, program, statistic

EXAMPLE = ROOT / "examples" / "awx" / "configure.yml"
PROJECT = EXAMPLE.with_name("project")
COLLECTION = "ansible_collections/awx/awx/"
KEPT = ROOT / ".build" / "awx"


@pytest.fixture(scope="session")
def awx(environment: dict[str, str]) -> dict[str, str]:
    """Variables with which Ansible finds awx.awx, taken out of a package that is kept; without it the tests are skipped."""
    lock = ROOT / "requirements" / "locks" / "awx.txt"
    wanted = lock.read_text(encoding="utf-8")
    stamp = KEPT / "stamp"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        KEPT.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--ignore-requires-python"]
        got = subprocess.run(
            [*command, "--require-hashes", "-d", KEPT, "-r", lock],
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
    assert len(modules) == 10
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


def test_what_is_handed_on_is_what_the_role_publishes() -> None:
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


def job_templates() -> dict[str, dict[str, Any]]:
    return {
        task["awx.awx.job_template"]["name"]: task["awx.awx.job_template"] for task in tasks() if "awx.awx.job_template" in task
    }


def nodes() -> dict[str, dict[str, Any]]:
    (workflow,) = [task["awx.awx.workflow_job_template"] for task in tasks() if "awx.awx.workflow_job_template" in task]
    return {node["identifier"]: node for node in workflow["workflow_nodes"]}


def test_what_is_named_is_configured_before_it_is_used() -> None:
    known: dict[str, set[str]] = {}
    for task in tasks():
        (module,) = [key for key in task if key.startswith("awx.awx.")]
        given = task[module]
        for option, where in (
            ("execution_environment", "execution_environment"),
            ("inventory", "inventory"),
            ("project", "project"),
            ("credential_type", "credential_type"),
            ("unified_job_template", "job_template"),
        ):
            assert given.get(option, "") in {"", *known.get(f"awx.awx.{where}", ())}, f"{task['name']}: {option}"
        assert set(given.get("instance_groups", ())) <= known.get("awx.awx.instance_group", set())
        assert set(given.get("credentials", ())) <= known.get("awx.awx.credential", set())
        known.setdefault(module, set()).add(given["name"])
    assert all((PROJECT / template["playbook"]).is_file() for template in job_templates().values())
    asked = {
        node["unified_job_template"]["name"] for node in nodes().values() if node["unified_job_template"]["type"] == "job_template"
    }
    assert asked == job_templates().keys()
    follow = {one["identifier"] for node in nodes().values() for listed in node.get("related", {}).values() for one in listed}
    assert follow == nodes().keys() - {"audit"}


def test_both_jobs_keep_their_files_in_the_mounted_directory() -> None:
    (group,) = [task["awx.awx.instance_group"] for task in tasks() if "awx.awx.instance_group" in task]
    spec = yaml.safe_load(group["pod_spec_override"])["spec"]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount["name"] in {volume["name"] for volume in spec["volumes"]}
    for name in ("CMDB plan", "CMDB apply"):
        assert job_templates()[name]["extra_vars"]["reconcile_directory"] == mount["mountPath"]
        assert job_templates()[name]["instance_groups"] == [group["name"]]


def test_the_workflow_does_what_it_says(environment: dict[str, str], tmp_path: Path) -> None:
    """The project's playbooks, with the extra variables of the job templates and what each node hands on to the next."""
    devices = {
        1: {"id": 1, "name": "rtr-1", "role": "router", "mtu": 1400},
        2: {"id": 2, "name": "old-1", "role": "router", "mtu": 1},
    }
    handed_on: dict[str, Any] = {}

    def launch(name: str, **more: Any) -> subprocess.CompletedProcess[str]:
        template = job_templates()[name]
        given = {**json.loads(json.dumps(template.get("extra_vars", {}))), "cmdb_url": url, "cmdb_token": "opal-17", **more}
        if "reconcile_directory" in given:
            given["reconcile_directory"] = str(tmp_path / "records")
        command = [program("ansible-playbook"), PROJECT / template["playbook"], "-e", json.dumps({**given, **handed_on})]
        ran = subprocess.run(
            [*command, *["--check"] * (template["job_type"] == "check"), *["--diff"] * template.get("diff_mode", False)],
            env={**environment, "ANSIBLE_SHOW_CUSTOM_STATS": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        assert "opal-17" not in ran.stdout + ran.stderr
        return ran

    with cmdb(devices) as (url, tokens):
        audit = launch("CMDB audit", **nodes()["audit"]["extra_data"])
        assert audit.returncode != 0
        assert "CMDB differs from source of truth: 1 to create, 1 to update, 1 to delete" in audit.stdout + audit.stderr
        plan = launch("CMDB plan")
        assert plan.returncode == 0, plan.stdout + plan.stderr
        assert {device["name"] for device in devices.values()} == {"rtr-1", "old-1"}
        handed_on = {"reconcile_summary": statistic(plan, "reconcile_summary")}
        devices[99] = {"id": 99, "name": "old-2", "role": "router", "mtu": 1500}  # the next night, nobody has approved anything yet
        assert statistic(launch("CMDB plan"), "reconcile_summary")["changes"]["deletes"] == 2
        applied = launch("CMDB apply")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert statistic(applied, "reconcile_summary")["state"] == "applied"
        assert {device["name"]: device["mtu"] for device in devices.values()} == {"rtr-1": 1500, "sw-1": 9000, "old-2": 1500}
        del devices[99]
        assert launch("CMDB audit", **nodes()["audit"]["extra_data"]).returncode == 0
    assert tokens == {"Bearer opal-17"}


@contextmanager
def cmdb(devices: dict[int, dict[str, Any]]) -> Iterator[tuple[str, set[str | None]]]:
    """A server that keeps devices, and the authorisations that it was asked with."""
    tokens: set[str | None] = set()

    class Api(http.server.BaseHTTPRequestHandler):
        def answer(self, what: object = None) -> None:
            tokens.add(self.headers["Authorization"])
            text = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def sent(self) -> dict[str, Any]:
            return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def number(self) -> int:
            return int(self.path.rpartition("/")[2])

        def do_GET(self) -> None:
            self.answer(list(devices.values()))

        def do_POST(self) -> None:
            number = max(devices, default=0) + 1
            devices[number] = {**self.sent(), "id": number}
            self.answer(devices[number])

        def do_PATCH(self) -> None:
            devices[self.number()].update(self.sent())
            self.answer(devices[self.number()])

        def do_DELETE(self) -> None:
            self.answer(devices.pop(self.number()))

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", tokens
        finally:
            server.shutdown()


def test_the_page_shows_the_files() -> None:
    page = (ROOT / "docs" / "awx.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", page, re.DOTALL))
    wanted = [EXAMPLE, *PROJECT.iterdir(), ROOT / "examples" / "execution_environment" / "execution-environment.yml"]
    assert shown == {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in wanted}
