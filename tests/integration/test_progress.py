# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A long task reports its progress while it runs: on this machine, on a remote host, beside others, and only if it is enabled."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ADAPTERS = Path(__file__).parent / "fixtures" / "adapters"
SECRET = "hunter2-in-progress"
SLOW = f"{ADAPTERS / 'slow.py'}:Slow"
TASK: dict[str, Any] = {
    "name": "It",
    "dsync.core.dsync_sync": {
        "source": {"adapter": SLOW, "options": {"number": 1250, "pin": SECRET}},
        "target": {"adapter": SLOW, "options": {"pause": "{{ pause }}"}, "secrets": {"pin": SECRET}},
        "empty_source": "allow",
        "progress": "{{ told | default(omit) }}",
    },
    "no_log": "{{ hushed | default(false) }}",
    "async": "{{ job | default(0) }}",
    "poll": 1,
}
LINE = re.compile(
    r"progress: \[(\w+)\] (?:apply: ([\d,]+)/1,250|compare: [\d,/]+|load (?:source|target) Slow: device [\d,]+) \([\d,.]+/s\)"
)


def files_of_progress(home: Path) -> list[Path]:
    return [*Path("/tmp").glob("dsync-" + "[0-9a-f]" * 32 + "*"), *home.rglob("dsync-*")]


@pytest.fixture
def started(tmp_path: Path, ansible_environment: dict[str, str], inventory: Path) -> Any:
    """Start the playbook of the task on some hosts, besides the two of the inventory."""
    running: list[subprocess.Popen[str]] = []

    def start(hosts: dict[str, dict[str, Any]]) -> subprocess.Popen[str]:
        known = yaml.safe_load(inventory.read_text())["all"]["hosts"]
        found = {name: {**known["there" if name == "there" else "here"], **variables} for name, variables in hosts.items()}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": found}}))
        (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [TASK]}]))
        program = Path(sys.executable).with_name("ansible-playbook")
        process = subprocess.Popen(
            [program, "-i", "hosts.yml", "play.yml", "--forks", "10"],
            cwd=tmp_path,
            env={**ansible_environment, "PYTHONUNBUFFERED": "1", "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.long
def test_every_host_reports_its_progress_while_it_runs(started: Any, tmp_path: Path) -> None:
    before = files_of_progress(tmp_path)
    process = started(
        {
            "here": {"pause": 0.0056},
            "there": {"pause": 0.008},
            "off": {"pause": 0.0056, "dsync_progress": False},
            "on": {"pause": 0.0056, "dsync_progress": False, "told": True},
            "hushed": {"pause": 0.0056, "hushed": True},
            "job": {"pause": 0.0056, "job": 60},
        }
    )
    arrived = [(time.monotonic(), line.rstrip()) for line in process.stdout]
    screen = "\n".join(line for _when, line in arrived)
    assert process.wait() == 0, screen
    told: dict[str, float] = {}
    for when, line in arrived:
        if line.startswith("progress:"):
            found = LINE.fullmatch(line)
            assert found, line
            if found[2] is not None:
                assert 0 < int(found[2].replace(",", "")) < 1250
                told.setdefault(found[1], when)
    assert told.keys() == {"here", "there", "on"}, screen
    ended = {name: when for when, line in arrived for name in told if line == f"changed: [{name}]"}
    assert all(ended[name] - told[name] > 0.5 for name in told), screen
    assert screen.count("changed=1") == 6
    assert "ASYNC OK on job" in screen
    assert SECRET not in screen
    assert files_of_progress(tmp_path) == before


@pytest.mark.long
@pytest.mark.parametrize("callback", ["default", "minimal", "jsonl"])
def test_standard_output_holds_no_line_of_it(callback: str, run_playbook: Any, inventory: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "here", "gather_facts": False, "tasks": [TASK]}]))
    done = run_playbook(
        tmp_path / "play.yml", "-i", inventory, "-e", '{"pause": 0.0056}', env={"ANSIBLE_STDOUT_CALLBACK": callback}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "progress:" not in done.stdout, done.stdout
    if callback == "jsonl":
        assert json.loads(done.stdout) == {"here": {"changed": True}}, done.stdout + done.stderr
    assert LINE.search(done.stderr), done.stderr


def test_nothing_is_left_of_it_after_an_interruption(started: Any, tmp_path: Path) -> None:
    before = files_of_progress(tmp_path)
    process = started({"here": {"pause": 0.05}})
    limit = time.monotonic() + 30
    while not list((tmp_path / "local").rglob("dsync-*")):
        assert time.monotonic() < limit, "the module has written nothing"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    screen = process.communicate(timeout=30)[0]  # the module would go on for a minute
    assert process.returncode != 0
    assert "changed:" not in screen
    assert files_of_progress(tmp_path) == before
