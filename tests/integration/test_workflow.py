# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of docs/plans.md, unchanged: audit, approve, apply, undo."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from ansible_collections.dsync.core.plugins.module_utils._module.argspec import SYNC_ONLY, argument_spec
from conftest import RunPlaybook
from test_demo import demo, rows_of_the_cmdb, rows_of_the_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "plans.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: examples/demo/(\S+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL))
LAST_BLOCK = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[-1]

__all__ = ("demo",)


def played(run_playbook: RunPlaybook, playbook: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Play a playbook from another directory, as a scheduler does."""
    return run_playbook(playbook, *arguments, cwd=playbook.parents[1])


def digest_shown(screen: str) -> str:
    (digest,) = set(re.findall(r"-e approved=(sha256:[0-9a-f]{64})", screen))
    return str(digest)


def test_the_page_shows_the_files() -> None:
    assert FILES.keys() == {"plan.yml", "apply.yml", "undo.yml"}
    for name, text in FILES.items():
        assert (Path(__file__).parents[2] / "examples" / "demo" / name).read_text(encoding="utf-8") == text


def test_the_nightly_task_has_no_option_that_is_not_there() -> None:
    ((task,),) = [yaml.safe_load(LAST_BLOCK)]
    assert task["dsync.core.dsync_sync"].keys() <= argument_spec(**SYNC_ONLY).keys()


@pytest.mark.parametrize("way", ["journal", pytest.param("undo", marks=pytest.mark.long)])
def test_audit_approve_apply_undo(run_playbook: RunPlaybook, demo: Path, way: str) -> None:
    cmdb, truth = demo / "cmdb.sqlite", rows_of_the_yaml(demo / "sot.yml")
    drifted = rows_of_the_cmdb(cmdb)

    audit = played(run_playbook, demo / "plan.yml", "--diff")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "24 changes: 24 to make, 0 protected" in audit.stdout
    digest = digest_shown(audit.stdout)

    unapproved = played(run_playbook, demo / "apply.yml", "-e", f"approved={digest[:-1]}{'1' if digest[-1] == '0' else '0'}")
    assert "is not the approved plan" in unapproved.stdout + unapproved.stderr
    assert rows_of_the_cmdb(cmdb) == drifted

    check = played(run_playbook, demo / "apply.yml", "-e", f"approved={digest}", "--check", "--diff")
    assert check.returncode == 0, check.stdout + check.stderr
    assert rows_of_the_cmdb(cmdb) == drifted
    assert {path.name for path in (demo / "records").iterdir()} == {"cmdb.plan", "cmdb.lock"}  # locked, to be read in peace

    run = played(run_playbook, demo / "apply.yml", "-e", f"approved={digest}")
    assert '"done": 24' in run.stdout
    assert rows_of_the_cmdb(cmdb) == truth
    again = played(run_playbook, demo / "apply.yml", "-e", f"approved={digest}")
    assert '"already_done": 24' in again.stdout
    assert "changed=0" in again.stdout

    if way == "undo":
        from_file = FILES["undo.yml"].replace("undo_journal:", "plan_src:", 1).replace("cmdb.journal", "cmdb.undo", 1)
        (demo / "undo.yml").write_text(from_file)
    undone = played(run_playbook, demo / "undo.yml")
    assert '"done": 24' in undone.stdout, undone.stdout + undone.stderr
    assert rows_of_the_cmdb(cmdb) == drifted
    assert "changed=0" in played(run_playbook, demo / "undo.yml").stdout


def test_what_somebody_changed_in_between_is_not_overwritten(run_playbook: RunPlaybook, demo: Path) -> None:
    digest = digest_shown(played(run_playbook, demo / "plan.yml").stdout)
    with closing(sqlite3.connect(demo / "cmdb.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE interface SET mtu = 1234 WHERE device_name = 'nyc1-rtr-01' AND name = 'xe-0/0/1'")
    before = rows_of_the_cmdb(demo / "cmdb.sqlite")
    run = played(run_playbook, demo / "apply.yml", "-e", f"approved={digest}")
    assert run.returncode != 0
    told = json.dumps(run.stdout + run.stderr)
    assert "its mtu is 1234, expected 1500" in told
    assert "Traceback" not in told
    assert rows_of_the_cmdb(demo / "cmdb.sqlite") == before
