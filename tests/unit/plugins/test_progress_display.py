# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller shows of a task's progress: which lines, how often, and nothing that only looks like a number or a name."""

from __future__ import annotations

import json
import signal
import threading
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ansible", reason="the controller's side needs ansible-core")

from ansible_collections.dsync.core.plugins.plugin_utils import progress_display as progress_file
from ansible_collections.dsync.core.plugins.plugin_utils.progress_display import (
    ProgressDisplay,
    _signals_left_to_this_thread,
    crowd_factor,
    next_line_due,
    progress_line,
)

LOAD = {"stage": "load", "side": "source", "adapter": "netbox", "model": "device", "count": 12400, "rate": 1240.4}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (LOAD, "load source netbox: device 12,400 (1,240/s)"),
        ({**LOAD, "stage": "verify", "side": "target", "rate": 3.25}, "verify target netbox: device 12,400 (3.2/s)"),
        ({"stage": "load", "side": "source", "adapter": "netbox"}, "load source netbox"),
        ({"stage": "compare", "count": 40000, "total": 200000, "rate": 0}, "compare: 40,000/200,000"),
        ({"stage": "apply", "count": 300, "total": 1250, "rate": 48.0, "retries": 0}, "apply: 300/1,250 (48/s)"),
        ({"stage": "apply", "count": 300, "total": 1250, "rate": 48.0, "retries": 2}, "apply: 300/1,250 (48/s), 2 tried again"),
        ({"stage": "lock"}, "waiting for the lock"),
    ],
)
def test_the_lines(state: dict[str, Any], told: str) -> None:
    assert progress_line(state) == told


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        "apply",
        {},
        {"stage": "rm -rf"},
        {"stage": ["load"]},
        {"stage": "apply"},
        {"stage": "apply", "count": "1", "total": 2},
        {"stage": "apply", "count": True, "total": 2},
        {"stage": "compare", "count": -1, "total": 2},
    ],
)
def test_what_none_of_the_modules_writes_is_not_displayed(state: Any) -> None:
    assert progress_line(state) is None


def test_a_host_cannot_draw_on_the_screen() -> None:
    told = progress_line({**LOAD, "model": "\x1b[2J\r\nTASK [x]" + "y" * 100, "adapter": ["x"], "rate": "1\n"})
    assert told is not None
    assert told.startswith("load source: [2JTASK [x]yyy")
    assert told.isprintable()
    assert len(told) < 100


@pytest.mark.parametrize("shortest", [5.0, 10.0])
def test_some_forty_lines_in_the_first_hour_and_thirty_in_every_other(shortest: float) -> None:
    due, told = progress_file.FIRST, []
    while due <= 3 * 3600:
        told.append(due)
        due = next_line_due(due, shortest)
    assert told[:3] == ([5, 10, 15] if shortest == 5 else [5, 15, 25])
    gaps = [round(after - before, 6) for before, after in pairwise(told)]
    assert gaps == sorted(gaps)
    assert next(gap for when, gap in zip(told, gaps) if when >= 90) >= 30
    assert len([when for when in told if when <= 3600]) <= 42
    assert len([when for when in told if when > 2 * 3600]) == 30


@pytest.mark.parametrize(("hosts", "forks"), [(500, 5), (500, 50), (30, 100), (2000, 500)])
def test_many_hosts_together_tell_two_lines_a_second_at_most(hosts: int, forks: int) -> None:
    wait, at_once = crowd_factor(hosts, forks), min(hosts, forks)
    assert progress_file.FIRST * wait >= at_once / 2
    for elapsed in range(0, 3600, 5):
        assert at_once / (next_line_due(elapsed, 5.0 * wait) - elapsed) <= 2


def test_a_few_hosts_tell_as_often_as_one() -> None:
    assert crowd_factor(1, 5) == crowd_factor(500, 5) == crowd_factor(10, 50) == 1


@pytest.mark.parametrize("callback", ["default", "ansible.posix.jsonl", "acme.tools.report"])
@pytest.mark.parametrize(("delegate", "prefix"), [(None, "[cmdb-1]"), ("bastion", "[cmdb-1 -> bastion]")])
def test_the_lines_go_to_standard_error_beside_every_callback(
    callback: str, delegate: str | None, prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ansible.constants.DEFAULT_STDOUT_CALLBACK", callback)
    action: Any = SimpleNamespace(_task=SimpleNamespace(delegate_to=delegate))
    progress_file._line_writer(action, {"inventory_hostname": "cmdb-1"})("waiting for the lock")
    shown = capsys.readouterr()
    assert (shown.out, shown.err.strip()) == ("", f"progress: {prefix} waiting for the lock")


def test_a_teller_outlives_what_goes_wrong_and_ends_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "FIRST", 0.01)
    answers: list[Any] = [None, OSError("gone"), "no JSON", json.dumps(LOAD)]
    lines: list[str] = []
    said = threading.Event()

    def read() -> str | None:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def say(line: str) -> None:
        lines.append(line)
        said.set()

    teller = ProgressDisplay(read, say, shortest=0.01, patience=0.01)
    teller.start()
    assert said.wait(20)
    teller.end()
    assert not teller.is_alive()
    number = len(lines)
    time.sleep(0.1)
    assert set(lines) == {"load source netbox: device 12,400 (1,240/s)"}
    assert len(lines) == number


def test_a_read_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "FIRST", 0.0)
    begun, lines = threading.Event(), []
    go_on = threading.Event()

    def read() -> str:
        begun.set()
        go_on.wait(60)
        return json.dumps(LOAD)

    teller = ProgressDisplay(read, lines.append)
    teller.start()
    assert begun.wait(20)
    began = time.monotonic()
    teller.end()
    assert time.monotonic() - began < 60  # as the reading hangs
    go_on.set()
    teller.join(20)
    assert lines == []


def test_a_signal_is_left_to_the_thread_that_waits_for_the_module() -> None:
    """Else Ctrl-C ended ansible-playbook, while the worker went on waiting for a module that wrote all that was planned."""
    blocked: list[set[int]] = []

    def read() -> None:
        blocked.append({int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())})

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    teller = ProgressDisplay(read, print, wait=0.001)
    with _signals_left_to_this_thread():
        teller.start()
    try:
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
        deadline = time.monotonic() + 30
        while not blocked and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        teller.end()
    assert {signal.SIGINT, signal.SIGTERM} <= blocked[0]
