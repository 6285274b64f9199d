# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks by their full names: audit, plan, approve, apply, verify; what stops them; and what they report."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dsync.core.plugins.module_utils._module.argspec import DIFF_ONLY, SYNC_ONLY, argument_spec
from conftest import ROOT, TIME_LIMIT, Play, files, ledgers, program, rows, statistic

ROLES = ("audit", "reconcile")
OWN = {
    "audit": {"fail_on_drift", "statistic"},
    "reconcile": {"directory", "name", "require_approval", "approved_digest", "statistic"},
}
LEFT_OUT = {  # a variable of its own decides about progress
    "audit": {"progress", "plan_dest", "plan_key", "mode", "shard_store", "compare_only"},
    "reconcile": {
        *("progress", "plan_src", "plan_digest", "journal", "undo", "lock", "baseline"),
        *("undo_journal", "undo_run", "lost_secrets", "shard_store", "approved"),
    },
}
CHANGES = {"creates": 1, "updates": 1, "moves": 0, "deletes": 1, "total": 3}


def options(role: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    found = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    assert all(name.startswith(f"{role}_") for name in found)
    return {name.removeprefix(f"{role}_"): option for name, option in found.items()}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_options_of_its_module(role: str) -> None:
    declared = options(role)
    module = argument_spec(**{"audit": DIFF_ONLY, "reconcile": SYNC_ONLY}[role])
    assert declared.keys() - OWN[role] == module.keys() - OWN[role] - LEFT_OUT[role]
    for name in declared.keys() - OWN[role]:
        keys = {"type", "choices", "required", *(() if name == "reports" else ("elements",))}  # a report may be a path
        assert {key: declared[name].get(key) for key in keys} == {key: module[name].get(key) for key in keys}, name
    for side in ("source", "target"):
        assert declared[side]["options"].keys() == module[side]["options"].keys()


OF_ITSELF = {"audit": {"hosts", "result", "summary"}, "reconcile": {"hosts", "planned", "applied", "summary"}}
"""What a role knows besides its options: what its playbook takes, and what it sets."""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_knows_its_own_variables(role: str) -> None:
    variables = yaml.safe_load((ROOT / "roles" / role / "vars" / "main.yml").read_text(encoding="utf-8"))
    assert all(name.startswith(f"__{role}_") for name in variables)
    assert {name.removeprefix(f"{role}_") for name in variables[f"__{role}_known"]} == options(role).keys() | OF_ITSELF[role]


@pytest.mark.parametrize("role", ROLES)
def test_defaults_of_the_modules_are_left_to_them(role: str) -> None:
    """So that module_defaults count; but when a run is verified, and when it fails, is for the role to say."""
    module = argument_spec(**{"audit": DIFF_ONLY, "reconcile": SYNC_ONLY}[role])
    assert {name for name, option in options(role).items() if "default" in option} & module.keys() <= {
        "verify",
        "fail_on_drift",
        "on_stale",
    }


def play_tasks(environment: dict[str, str], folder: Path, tasks: list[dict[str, Any]], *arguments: str, **keywords: Any) -> str:
    """Play tasks that use the roles, and return the screen."""
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks, **keywords}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    ran = subprocess.run(
        [program("ansible-playbook"), folder / "play.yml", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    return f"{ran.stdout}{ran.stderr}\nrc {ran.returncode}"


def test_module_defaults_count_in_roles(environment: dict[str, str], tmp_path: Path) -> None:
    variables = {**files(tmp_path, "audit"), **files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "records")}
    held = {"limits": {"delete": 0}, "max_changes": 2, "protect": [{"model": "device", "action": "create"}]}
    said = "{{ audit_result.refusals }} {{ audit_result.changes_truncated }} {{ audit_result.outcomes.refused }}"
    tasks = [
        {"ansible.builtin.include_role": {"name": "dsync.core.audit"}},
        {"ansible.builtin.debug": {"msg": said}},
        {"ansible.builtin.include_role": {"name": "dsync.core.reconcile"}},
    ]
    screen = play_tasks(environment, tmp_path, tasks, vars=variables, module_defaults={"group/dsync.core.dsync": held})
    assert "limits.delete: 0 is exceeded: 1 to delete" in screen.partition("dsync.core.reconcile")[0]
    assert "] 1 1" in screen
    assert "Nothing was changed. The run is refused: limits.delete: 0 is exceeded" in screen
    allowed = {**held, "limits": {"delete": 1}}
    screen = play_tasks(environment, tmp_path, tasks[2:], vars=variables, module_defaults={"group/dsync.core.dsync": allowed})
    assert "rc 0" in screen, screen
    assert [device["name"] for device in json.loads((tmp_path / "cmdb.json").read_text())] == ["rtr-1"]
    exported = {**files(tmp_path, "export"), "export_directory": str(tmp_path / "exported")}
    del exported["export_target"]
    without = {"group/dsync.core.dataset": {"exclude": [{"id": "sw-1"}], "mode": "0640"}}
    role = [{"ansible.builtin.include_role": {"name": "dsync.core.export"}}]
    assert "rc 0" in (screen := play_tasks(environment, tmp_path, role, vars=exported, module_defaults=without)), screen
    assert [device["name"] for device in yaml.safe_load((tmp_path / "exported/data.yml").read_text())] == ["rtr-1"]


def test_roles_are_chosen_by_tags(environment: dict[str, str], tmp_path: Path) -> None:
    variables = {**files(tmp_path, "audit"), **files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "records")}
    roles = [{"role": "dsync.core.audit"}, {"role": "dsync.core.reconcile"}]
    before = (tmp_path / "cmdb.json").read_bytes()
    screen = play_tasks(environment, tmp_path, [], "--tags", "audit", vars=variables, roles=roles)
    assert "Compare the target with its source]" in screen
    assert "rc 0" in screen, screen
    assert (tmp_path / "cmdb.json").read_bytes() == before
    screen = play_tasks(environment, tmp_path, [], "--tags", "reconcile", vars=variables, roles=roles)
    assert "Compare the target with its source]" not in screen
    assert "rc 0" in screen, screen
    assert (tmp_path / "cmdb.json").read_bytes() != before


@pytest.mark.parametrize("role", ROLES)
def test_misspelt_variables_are_refused(play: Play, tmp_path: Path, role: str) -> None:
    variables = {**files(tmp_path, role), f"{role}_limit": {"delete": 0}, f"{role}_colour": "red"}
    more = {"reconcile_directory": str(tmp_path / "records")} if role == "reconcile" else {}
    played = play(role, {**variables, **more})
    screen = " ".join((played.stdout + played.stderr).split())
    assert played.returncode != 0
    assert f'has no variable {role}_colour, {role}_limit (did you mean "{role}_limits"?); ansible-doc -t role' in screen
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_that_are_documented(role: str) -> None:
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    documented = {f"{role}_{name}": option["default"] for name, option in options(role).items() if "default" in option}
    assert defaults == documented


@pytest.mark.parametrize("role", ROLES)
def test_every_option_gets_to_a_module(role: str) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles" / role).glob("[tv]a[rs]*/*.yml"))
    assert {name for name in options(role) if not re.search(rf"\b{role}_{name}\b", text)} == set()


def test_an_audit_reports_and_changes_nothing(play: Play, tmp_path: Path) -> None:
    variables = files(tmp_path, "audit")
    reports = [tmp_path / f"drift.{ending}" for ending in ("md", "xml", "json", "html", "txt")]
    before = (tmp_path / "cmdb.json").read_bytes()
    played = play("audit", {**variables, "audit_reports": list(map(str, reports))}, "--check", "--diff")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "rtr-1  mtu: 1400" in played.stdout
    told = statistic(played, "audit_summary")
    assert told == {
        "in_sync": False,
        "changes": CHANGES,
        "by_model": {"device": CHANGES},
        "protected": 0,
        "refusals": [],
        "source": "truth",
        "target": "cmdb",
        "reports": [str(path) for path in reports],
    }
    assert all(path.stat().st_size for path in reports)
    assert (tmp_path / "cmdb.json").read_bytes() == before


def test_drift_is_a_failure_on_request(play: Play, tmp_path: Path) -> None:
    variables = {**files(tmp_path, "audit"), "audit_fail_on_drift": True, "audit_statistic": "nightly"}
    failed = play("audit", variables)
    assert failed.returncode != 0
    assert "cmdb differs from truth: 1 to create, 1 to update, 1 to delete (protected: 0)." in failed.stdout + failed.stderr
    assert statistic(failed, "nightly")["changes"] == CHANGES
    protected = play("audit", {**variables, "audit_protect": [{"model": "device"}]})
    assert protected.returncode == 0, protected.stdout + protected.stderr
    assert statistic(protected, "nightly")["in_sync"]
    assert statistic(protected, "nightly")["protected"] == 3


def test_an_audit_notices_what_the_source_has_lost_since_a_run(play: Play, tmp_path: Path) -> None:
    """Only a run writes the baseline, and an audit without one names it. Models may be JSON, as those of ``-e`` are."""
    variables = files(tmp_path, "audit")
    variables.update(audit_baseline=str(tmp_path / "runs" / "reconcile.baseline"), audit_max_shrink="10%")
    variables["audit_models"] = json.dumps(variables["audit_models"])
    alone = play("audit", variables)
    screen = " ".join((alone.stdout + alone.stderr).split())
    assert alone.returncode == 0, screen
    assert "a loss of objects cannot be detected; a successful run of dsync_sync with this baseline writes it." in screen
    run = {**files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "runs"), "reconcile_max_shrink": "10%"}
    assert play("reconcile", run).returncode == 0
    (tmp_path / "truth.json").write_text(json.dumps([{"name": "rtr-1", "role": "router", "mtu": 1500}]))
    shrunk = play("audit", variables)
    assert shrunk.returncode == 0, shrunk.stdout + shrunk.stderr
    (refused,) = statistic(shrunk, "audit_summary")["refusals"]
    assert refused.startswith("truth has shrunk: 1 device objects, 2 at the last successful run, 50% fewer; max_shrink is 10%")


def test_wrong_variables_are_reported_by_name_and_no_secret_is_shown(play: Play, tmp_path: Path) -> None:
    variables = files(tmp_path, "audit")
    del variables["audit_target"]["adapter"]
    variables["audit_target"]["secrets"] = {"token": "opal-17"}
    played = play("audit", variables, "-vvv")
    screen = played.stdout + played.stderr
    assert played.returncode != 0
    assert "missing required arguments: adapter found in audit_target" in screen
    assert "opal-17" not in screen


def test_secrets_are_not_shown(play: Play, tmp_path: Path) -> None:
    variables = files(tmp_path, "reconcile")
    variables["reconcile_target"]["secrets"] = {"token": "opal-17"}  # which this adapter does not know
    played = play(
        "reconcile", {**variables, "reconcile_directory": str(tmp_path / "records"), "reconcile_plan_key": "jade-19"}, "-vvv"
    )
    screen = played.stdout + played.stderr
    assert played.returncode != 0
    assert "opal-17" not in screen
    assert "jade-19" not in screen
    assert statistic(played, "reconcile_summary")["state"] == "failed"


def test_reconcile_plans_applies_verifies_and_has_nothing_left_to_do(play: Play, tmp_path: Path) -> None:
    variables = {**files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "records"), "reconcile_name": "cmdb"}
    variables["reconcile_reports"] = [{"path": str(tmp_path / "done.json")}]
    before = (tmp_path / "cmdb.json").read_bytes()

    check = play("reconcile", variables, "--check")
    assert check.returncode == 0, check.stdout + check.stderr
    assert statistic(check, "reconcile_summary")["state"] == "planned"
    assert not (tmp_path / "records").exists()
    assert (tmp_path / "cmdb.json").read_bytes() == before

    run = play("reconcile", variables)
    assert run.returncode == 0, run.stdout + run.stderr
    told = statistic(run, "reconcile_summary")
    assert (told["state"], told["outcomes"]["done"], told["undo"]["changes"]) == ("applied", 3, 3)
    assert told["journal"]["path"] == str(tmp_path / "records" / "cmdb.journal")
    assert {change["status"] for change in json.loads((tmp_path / "done.json").read_text())["changes"]} == {"done"}
    truth = {device["name"]: device for device in json.loads((tmp_path / "truth.json").read_text())}
    assert {device["name"]: device for device in json.loads((tmp_path / "cmdb.json").read_text())} == truth
    kept = (tmp_path / "records" / "cmdb.undo").read_bytes()

    again = play("reconcile", variables)
    assert "changed=0 " in again.stdout
    assert statistic(again, "reconcile_summary")["state"] == "in_sync"
    assert (tmp_path / "records" / "cmdb.undo").read_bytes() == kept


def test_reconcile_waits_for_approval_and_applies_what_was_approved(play: Play, tmp_path: Path) -> None:
    variables = {**ledgers(tmp_path, 3, 0), "reconcile_require_approval": True, "reconcile_only_models": ["site"]}
    waiting = play("reconcile", variables)
    assert waiting.returncode == 0, waiting.stdout + waiting.stderr
    told = statistic(waiting, "reconcile_summary")
    assert (told["state"], rows(tmp_path / "live.db")) == ("waiting", set())
    handed_on = {**variables, "reconcile_summary": told}  # as AWX hands statistics on to the next job

    wrong = play("reconcile", {**handed_on, "reconcile_approved_digest": f"sha256:{64 * '0'}"})
    assert wrong.returncode != 0
    assert f"reconcile-{16 * '0'}.plan on localhost does not exist, so no plan with the digest" in wrong.stdout + wrong.stderr
    assert statistic(wrong, "reconcile_summary")["state"] == "failed"
    assert rows(tmp_path / "live.db") == set()

    approved = {**handed_on, "reconcile_approved_digest": "{{ reconcile_summary.plan.digest }}"}
    check = play("reconcile", approved, "--check")
    assert check.returncode == 0, check.stdout + check.stderr
    assert rows(tmp_path / "live.db") == set()
    run = play("reconcile", approved)
    assert run.returncode == 0, run.stdout + run.stderr
    assert rows(tmp_path / "live.db") == rows(tmp_path / "goal.db")
    again = play("reconcile", approved)
    assert "changed=0 " in again.stdout
    assert statistic(again, "reconcile_summary")["outcomes"]["already_done"] == 3


def test_a_plan_that_waits_outlasts_other_nights(play: Play, tmp_path: Path) -> None:
    """Check mode, the same night again, and a night on which more has drifted: the first plan is approved, and applied."""
    variables = {**ledgers(tmp_path, 3, 0), "reconcile_require_approval": True}
    digest = statistic(play("reconcile", variables), "reconcile_summary")["plan"]["digest"]
    assert play("reconcile", variables, "--check").returncode == 0
    assert statistic(play("reconcile", variables), "reconcile_summary")["plan"]["digest"] == digest
    with contextlib.closing(sqlite3.connect(tmp_path / "goal.db", isolation_level=None)) as connection:
        connection.execute("insert into site values ('later', '', '')")
    second = statistic(play("reconcile", variables), "reconcile_summary")["plan"]
    assert second["digest"] != digest
    assert len(list((tmp_path / "records").glob("reconcile-*.plan"))) == 2
    applied = play("reconcile", {**variables, "reconcile_approved_digest": digest})
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert rows(tmp_path / "live.db") == rows(tmp_path / "goal.db") - {"later"}
    rest = play("reconcile", {**variables, "reconcile_approved_digest": second["digest"]})
    assert rest.returncode == 0, rest.stdout + rest.stderr
    assert rows(tmp_path / "live.db") == rows(tmp_path / "goal.db")


def test_limits_refuse_the_run_before_anything_is_written(play: Play, tmp_path: Path) -> None:
    variables = {**ledgers(tmp_path, 3, 0), "reconcile_limits": {"create": 2}, "reconcile_max_shrink": "5%"}
    check = play("reconcile", variables, "--check")
    assert check.returncode != 0
    assert "The run is refused: limits.create: 2 is exceeded: 3 to create" in check.stdout + check.stderr
    assert statistic(check, "reconcile_summary")["state"] == "refused"
    refused = play("reconcile", variables)
    assert refused.returncode != 0
    assert "Nothing was changed. The run is refused: limits.create: 2 is exceeded: 3 to create" in refused.stdout + refused.stderr
    assert rows(tmp_path / "live.db") == set()
    assert [path.suffix for path in (tmp_path / "records").iterdir() if path.suffix != ".lock"] == [".plan"]
    allowed = play("reconcile", {**variables, "reconcile_limits": {"create": 3}})
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr
    assert (tmp_path / "records" / "reconcile.baseline").exists()


def test_an_existing_directory_stays_as_it_is(play: Play, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    kept.chmod(0o775)
    (tmp_path / "link").symlink_to(kept)
    played = play("reconcile", {**files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "link")}, "--check")
    assert played.returncode == 0, played.stdout + played.stderr
    assert list(kept.iterdir()) == []
    assert play("reconcile", {**files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "link")}).returncode == 0
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir() if path.suffix != ".lock"} == {0o600}
    assert kept.stat().st_mode & 0o777 == 0o775


def test_a_directory_that_did_not_last_until_the_approval_is_reported(play: Play, tmp_path: Path) -> None:
    variables = {**files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "records")}
    played = play("reconcile", {**variables, "reconcile_approved_digest": f"sha256:{64 * '0'}"})
    assert played.returncode != 0
    assert (
        f"reconcile-{16 * '0'}.plan on localhost does not exist, so no plan with the digest sha256:{64 * '0'} waits there"
        in played.stdout + played.stderr
    )
    assert (tmp_path / "records").stat().st_mode & 0o777 == 0o700


def test_what_is_stale_and_skipped_is_not_called_in_sync(play: Play, tmp_path: Path) -> None:
    variables = {**files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "records")}
    variables["reconcile_protect"] = [{"model": "device", "action": action} for action in ("create", "delete")]
    waiting = play("reconcile", {**variables, "reconcile_require_approval": True})
    digest = statistic(waiting, "reconcile_summary")["plan"]["digest"]
    devices = (tmp_path / "cmdb.json").read_text()
    (tmp_path / "cmdb.json").write_text(devices.replace("1400", "1450"))
    approved = {**variables, "reconcile_approved_digest": digest, "reconcile_on_stale": "skip"}
    skipped = play("reconcile", approved)
    assert skipped.returncode == 0, skipped.stdout + skipped.stderr
    told = statistic(skipped, "reconcile_summary")
    assert (told["state"], told["outcomes"]["refused"]) == ("refused", 3)
    (tmp_path / "cmdb.json").write_text(devices)
    assert statistic(play("reconcile", approved), "reconcile_summary")["state"] == "applied"
    assert statistic(play("reconcile", variables), "reconcile_summary")["state"] == "in_sync"


def test_the_page_does_what_it_says(environment: dict[str, str], tmp_path: Path) -> None:
    page = (ROOT / "docs" / "roles.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text.replace("/srv/estate", str(tmp_path)))
    (tmp_path / "inventory.yml").write_text(
        json.dumps({"all": {"hosts": {"tools-1": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}})
    )
    before = (tmp_path / "export.csv").read_text()
    played = re.findall(
        r"(?:<!-- ends with: (\d) -->\n)?```console\n(.*?)```(?:\n\n<!-- output -->\n```text\n(.*?)```)?", page, re.DOTALL
    )
    assert len(played) == 6
    screen = ""
    for status, commands, output in played:
        digest = re.search(r"sha256:\w+", screen)
        ran = subprocess.run(
            ["bash", "-euc", re.sub(r"^\$ ", "", commands, flags=re.MULTILINE)],
            cwd=tmp_path,
            env={**environment, "ANSIBLE_SHOW_CUSTOM_STATS": "true", "DIGEST": digest[0] if digest else ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        screen = ran.stdout + ran.stderr
        assert ran.returncode == int(status or 0), screen
        assert all(line in screen for line in output.splitlines()), screen
        if "reconcile_approved_digest" in commands:
            after = (tmp_path / "export.csv").read_text()
    assert "sw-1,switch,9000" in after
    assert sorted((tmp_path / "export.csv").read_text().splitlines()) == sorted(before.splitlines())
    assert {path.suffix for path in (tmp_path / "runs").iterdir()} == {".plan", ".journal", ".undo", ".lock"}
