# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that show what Ansible prints: every message of docs/troubleshooting.md is produced, and docs/bootstrap.md is followed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Play
from test_results import task

DOCS = Path(__file__).parents[2] / "docs"
HEADINGS = re.findall(r"^### (.+)$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
ELSEWHERE = {
    "Failed to import the required Python library (…)": "test_bad_input.py",
    "couldn't resolve module/action 'dsync.core.dsync_sync'": "Ansible's own",
    "A change of the collection has no effect after reinstalling it": "Ansible's own",
    "… is locked by …": "test_guards.py",
    "Type 'builtin_function_or_method' is unsupported": "Ansible's own",
    "A run was killed": "test_journal_info.py",
    "A task with the keyword timeout has ended, and the target still changes": "test_interruptions.py",
}
"""Headings whose message another test produces, or Ansible."""

DEVICE = {"device": {"identifiers": ["name"], "attributes": {"role": "str", "mtu": "int"}}}
CSV = "name,role,mtu\n"


def device(attributes: dict[str, str]) -> dict[str, Any]:
    return {"device": {"identifiers": ["name"], "attributes": attributes}}


def file(path: Path, **options: Any) -> dict[str, Any]:
    return {"adapter": "file", "name": path.name, "options": {"path": str(path), **options}}


@pytest.fixture
def cases(tmp_path: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return, by heading, the module and the arguments that produce its message."""
    contents = {
        "few.yml": "- {name: a, role: router, vlan: 1}\n",
        "few.csv": f"{CSV}a,router,1500\n",
        "many.csv": CSV + "".join(f"d{number},router,1500\n" for number in range(12)),
        "six.csv": CSV + "".join(f"d{number},router,1500\n" for number in range(6)),
        "none.csv": CSV,
        "bad.csv": f"{CSV}a,router,many\n",
        "twice.csv": f"{CSV}a,router,1\na,switch,2\n",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    few, many, six, none = (file(tmp_path / f"{name}.csv") for name in ("few", "many", "six", "none"))
    both: dict[str, Any] = {"models": DEVICE, "source": few, "target": many}
    plan = str(tmp_path / "plan")
    return {
        "… does not exist; check the path": ("dsync_sync", {**both, "source": file(tmp_path / "absent.csv")}),
        'there is no built-in adapter "…"': ("dsync_sync", {**both, "source": {**few, "adapter": "csv"}}),
        'the adapter file "…" was not found on the controller; searched: …': (
            "dsync_sync",
            {**both, "source": {"adapter": "absent.py:Cmdb"}},
        ),
        "the adapter … takes no option …": ("dsync_sync", {**both, "source": file(tmp_path / "few.csv", pth="")}),
        "this adapter reads records, so the task must declare models": ("dsync_sync", {"source": few, "target": many}),
        'there is no type "…"': ("dsync_sync", {**both, "models": device({"role": "string"})}),
        'no device has a field "…"': ("dsync_sync", {**both, "models": device({"rol": "str"})}),
        'the record has no "…"': (
            "dsync_sync",
            {**both, "models": device({"rol": "str"}), "source": file(tmp_path / "few.yml")},
        ),
        "Input should be a valid integer": ("dsync_sync", {**both, "source": file(tmp_path / "bad.csv")}),
        'two records represent the device "…"': ("dsync_sync", {**both, "source": file(tmp_path / "twice.csv")}),
        "… objects would be deleted, …%": ("dsync_sync", {**both, "source": six}),
        "… was loaded and has no device objects": ("dsync_sync", {**both, "source": none}),
        "limits.delete: … is exceeded": ("dsync_sync", {**both, "limits": {"delete": 1}}),
        "unknown action or model '…'": ("dsync_sync", {**both, "limits": {"delte": 1}}),
        "… is not the approved plan": ("dsync_sync", {**both, "plan": plan, "plan_digest": "sha256:0"}),
        "… does not match the plan; … stale": (
            "dsync_sync",
            {**both, "target": file(tmp_path / "changed" / "many.csv"), "plan": plan},
        ),
        "The task fails with Drift: …": ("dsync_diff", {**both, "fail_on_drift": True}),
        "the ending of … does not determine the format": ("dsync_diff", {**both, "reports": [{"path": "drift.pdf"}]}),
    }


@pytest.mark.long
def test_every_message_is_what_a_task_fails_with(play: Play, tmp_path: Path, cases: dict[str, tuple[str, dict[str, Any]]]) -> None:
    assert set(HEADINGS) == cases.keys() | ELSEWHERE.keys()
    (tmp_path / "changed").mkdir()
    (tmp_path / "changed" / "many.csv").write_text((tmp_path / "many.csv").read_text().replace("d3,router", "d3,firewall"))
    planned = task(
        "plan", "dsync_diff", {**cases["The task fails with Drift: …"][1], "fail_on_drift": False, "plan": str(tmp_path / "plan")}
    )
    failing = [task(heading, module, arguments, ignore_errors=True) for heading, (module, arguments) in cases.items()]
    played = play([planned, *failing]).ok()
    for heading in cases:
        message = heading.removeprefix("The task fails with ")
        assert re.search(".*".join(map(re.escape, message.split("…"))), played.result(heading)["msg"]), heading


def test_a_source_of_truth_is_bootstrapped(tmp_path: Path, run_playbook: Any) -> None:
    page = (DOCS / "bootstrap.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text)
    for changed in ("changed=1", "changed=0"):
        ran: subprocess.CompletedProcess[str] = run_playbook(tmp_path / "bootstrap.yml", cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert changed in ran.stdout
    (written,) = re.findall(r"<!-- output: sot.yml -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert (tmp_path / "sot.yml").read_text(encoding="utf-8") == written
