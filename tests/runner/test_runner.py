# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles as a runner plays them: the size of events, what it hands on, what is left of a cancelled job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
from conftest import TIME_LIMIT, Variables, ledgers, rows

Event = dict[str, Any]
LONGEST_EVENT = 700_000
SECONDS = 300


@pytest.fixture
def job(environment: dict[str, str], tmp_path: Path) -> Callable[..., ansible_runner.Runner]:
    """Run a playbook or a module with a runner, in a directory as AWX makes one, which also has the data."""
    inventory = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    for folder in ("env", "inventory", "project"):
        (tmp_path / folder).mkdir()
    (tmp_path / "inventory" / "hosts.json").write_text(json.dumps({"all": {"hosts": {"localhost": inventory}}}))
    (tmp_path / "env" / "settings").write_text(json.dumps({"pexpect_timeout": 1, "job_timeout": TIME_LIMIT}))

    def run(variables: Variables | None = None, **keywords: Any) -> ansible_runner.Runner:
        (tmp_path / "env" / "extravars").write_text(json.dumps(variables or {}))
        return ansible_runner.run(private_data_dir=str(tmp_path), envvars=environment, quiet=True, **keywords)

    return run


def screen(run: ansible_runner.Runner) -> str:
    return str(run.stdout.read())


def artifacts(run: ansible_runner.Runner) -> dict[str, Any]:
    """Return what the runner hands on, which AWX gives to the next jobs of a workflow."""
    (found,) = [event["event_data"]["artifact_data"] for event in run.events if event["event"] == "playbook_on_stats"]
    return dict(found)


def records(number: int) -> list[dict[str, str]]:
    return [{"name": f"device-{one:06}", "note": f'rack {one}, <b>"ünit"</b> ' * 12} for one in range(number)]


@pytest.mark.parametrize(
    ("role", "arguments"),
    [("audit", "--diff -vvv"), ("reconcile", "--check")],
)
def test_no_event_is_too_long_with_a_hundred_thousand_changes(
    job: Callable[..., ansible_runner.Runner], tmp_path: Path, role: str, arguments: str
) -> None:
    (tmp_path / "truth.json").write_text(json.dumps(records(100_000)))
    (tmp_path / "cmdb.json").write_text("[]")
    variables = {
        f"{role}_models": {"device": {"identifiers": ["name"], "attributes": {"note": "str"}}},
        f"{role}_source": {"adapter": "file", "options": {"path": str(tmp_path / "truth.json")}},
        f"{role}_target": {"adapter": "file", "options": {"path": str(tmp_path / "cmdb.json")}},
        f"{role}_reports": [{"path": str(tmp_path / "drift.md")}, {"path": str(tmp_path / "drift.xml")}],
        "reconcile_directory": str(tmp_path / "records"),
    }
    run = job(variables, playbook=f"dsync.core.{role}", cmdline=arguments)
    assert (run.status, run.rc) == ("successful", 0), screen(run)
    kept = sorted(Path(run.config.artifact_dir, "job_events").glob("*.json"))
    sizes = {path.name: path.stat().st_size for path in kept}
    assert max(sizes.values()) < LONGEST_EVENT, sizes
    events: list[Event] = [json.loads(path.read_text(encoding="utf-8")) for path in kept]
    (compared,) = [
        event["event_data"]["res"]
        for event in events
        if event["event"] == "runner_on_ok" and event["event_data"]["resolved_action"] == "dsync.core.dsync_diff"
    ]
    assert len(compared["changes"]) + compared["changes_truncated"] == 100_000
    told = artifacts(run)[f"{role}_summary"]
    assert told["changes"]["total"] == 100_000
    assert len(json.dumps(told)) < 2000


def test_statistics_arrive_as_artifacts_for_the_next_job(job: Callable[..., ansible_runner.Runner], tmp_path: Path) -> None:
    variables = {**ledgers(tmp_path, 3, 0), "reconcile_require_approval": True}
    planned = job(variables, playbook="dsync.core.reconcile")
    assert planned.status == "successful", screen(planned)
    handed_on = artifacts(planned)
    assert handed_on["reconcile_summary"]["state"] == "waiting"
    variables["reconcile_approved_digest"] = "{{ reconcile_summary.plan.digest }}"
    applied = job({**variables, **handed_on}, playbook="dsync.core.reconcile")
    assert applied.status == "successful", screen(applied)
    assert artifacts(applied)["reconcile_summary"]["state"] == "applied"
    assert rows(tmp_path / "live.db") == rows(tmp_path / "goal.db")


def end_of_the_container(tmp_path: Path) -> None:
    """Kill what the runner has left: since ansible-core 2.19 tasks run in a session of their own, which ends with the container."""
    os.killpg(os.getpgid(int((tmp_path / "pid").read_text())), signal.SIGKILL)


def polite(tmp_path: Path) -> None:
    """Ask the module to end."""
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)


@pytest.mark.parametrize("way", ["container", "asked", "left alone"])
def test_a_cancelled_job_leaves_an_honest_journal(job: Callable[..., ansible_runner.Runner], tmp_path: Path, way: str) -> None:
    variables = ledgers(tmp_path, 40, 0.1 if way == "left alone" else 0.4)
    log = tmp_path / "log"
    run = job(variables, playbook="dsync.core.reconcile", cancel_callback=lambda: made(log) >= 4)
    assert (run.status, run.rc) == ("canceled", 254), screen(run)
    pid = int((tmp_path / "pid").read_text())
    if way != "left alone":
        {"container": end_of_the_container, "asked": polite}[way](tmp_path)
    wait_for(lambda: has_ended(pid))

    told = told_by_the_journal(job, tmp_path)
    of_status = {status: {one["id"] for one in told["changes"] if one["status"] == status} for status in STATUSES}
    assert told["changes_truncated"] == 0
    assert sum(map(len, of_status.values())) == 40
    live = rows(tmp_path / "live.db")
    assert of_status["done"] <= live <= of_status["done"] | of_status["maybe"]
    assert len(live) >= 4
    if way == "left alone":
        assert of_status["done"] == rows(tmp_path / "goal.db")
    else:
        assert of_status["not_attempted"], "the run was over before it was cancelled"
        assert len(of_status["maybe"]) <= 1
    assert told["run"]["ended"] is (way != "container")

    variables["reconcile_target"]["options"]["pause"] = 0
    finished = job(variables, playbook="dsync.core.reconcile")
    assert finished.status == "successful", screen(finished)
    assert rows(tmp_path / "live.db") == rows(tmp_path / "goal.db")


def test_progress_arrives_in_events_while_the_task_runs(job: Callable[..., ansible_runner.Runner], tmp_path: Path) -> None:
    run = job(ledgers(tmp_path, 20, 0.5), playbook="dsync.core.reconcile")
    assert run.status == "successful", screen(run)
    events: list[Event] = list(run.events)
    told = [event for event in events if event["stdout"].startswith("progress: [localhost] apply: ")]
    (ended,) = (
        event
        for event in events
        if event["event"] == "runner_on_ok" and event["event_data"]["resolved_action"] == "dsync.core.dsync_sync"
    )
    assert told, screen(run)
    assert all(event["counter"] < ended["counter"] and event["created"] < ended["created"] for event in told)


STATUSES = ("done", "maybe", "failed", "refused", "already_done", "not_attempted")


def told_by_the_journal(job: Callable[..., ansible_runner.Runner], tmp_path: Path) -> dict[str, Any]:
    """Return the result of the module that reads a journal, as another job."""
    path = tmp_path / "records" / "reconcile.journal"
    run = job(module="dsync.core.dsync_journal_info", module_args=f"path={path}", host_pattern="localhost")
    assert run.status == "successful", screen(run)
    (told,) = [event["event_data"]["res"] for event in run.events if event["event"] == "runner_on_ok"]
    return dict(told)


def made(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, also one that nobody has waited for yet."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < until, "it did not end"
        time.sleep(0.1)
