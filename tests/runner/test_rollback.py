# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rollback: it reverts the last run or a named one with the variables of reconcile, and refuses before it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.dsync.core.plugins.module_utils._module.argspec import SYNC_ONLY, argument_spec
from conftest import ROOT, Play, files, statistic

ROLE = ROOT / "roles" / "rollback"
OWN = {"directory", "name", "run", "statistic"}
LEFT_OUT = {
    *(
        "flags",
        "prune",
        "only_models",
        "only",
        "exclude",
        "compare_attributes",
        "protect",
        "push_down",
        *("shards", "shard_workers", "shard_store", "approved"),
        "empty_source",
        "baseline",
        "max_shrink",
        "progress",
    ),
    *("mode", "plan_src", "plan_digest", "undo_journal", "undo_run", "journal", "undo", "lock"),
}


def options() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return {name.removeprefix("rollback_"): option for name, option in found.items()}


def test_the_role_has_the_options_of_its_module() -> None:
    declared, module = options(), argument_spec(**SYNC_ONLY)
    assert declared.keys() - OWN == module.keys() - LEFT_OUT
    for name in declared.keys() - OWN:
        keys = {"type", "choices", *(() if name == "reports" else ("elements",))}  # a report may be a path
        assert {key: declared[name].get(key) for key in keys} == {key: module[name].get(key) for key in keys}, name
    for side in ("source", "target"):
        assert declared[side]["options"].keys() == module[side]["options"].keys()


def test_variables_are_known_documented_and_used() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    known = {name.removeprefix("rollback_") for name in variables["__rollback_known"]}
    assert known == options().keys() | {"hosts", "result", "summary"}
    text = "".join(path.read_text(encoding="utf-8") for path in ROLE.glob("[tv]a[rs]*/*.yml") if path.name != "check.yml")
    text = text[: text.index("__rollback_known:")] + text[text.index("__rollback_unknown:") :]
    assert {name for name in options() if not re.search(rf"\brollback_{name}\b", text)} == set()
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults == {f"rollback_{name}": option["default"] for name, option in options().items() if "default" in option}


def devices(path: Path) -> list[str]:
    return sorted(f"{device['name']} {device['mtu']}" for device in json.loads(path.read_text()))


def test_a_run_is_reverted_with_the_variables_of_reconcile(play: Play, tmp_path: Path) -> None:
    cmdb = tmp_path / "cmdb.json"
    variables = {**files(tmp_path, "reconcile"), "reconcile_directory": str(tmp_path / "runs")}
    before = devices(cmdb)
    ran = play("reconcile", variables)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done, run = devices(cmdb), statistic(ran, "reconcile_summary")["journal"]["run"]
    assert done != before

    for more, words in (
        ({"rollback_limits": {"delete": 0}}, "limits.delete: 0 is exceeded"),
        ({"rollback_limit": {}}, 'has no variable rollback_limit (did you mean "rollback_limits"?);'),
        ({"rollback_directory": "runs"}, '"runs" is not an absolute path.'),
        ({"rollback_run": "nobody"}, f"contains no run nobody (its last runs: {run})"),
    ):
        refused = play("rollback", {**variables, **more})
        screen = " ".join((refused.stdout + refused.stderr).split())
        assert refused.returncode != 0, screen
        assert words in screen
        assert devices(cmdb) == done

    check = play("rollback", variables, "--check", "--diff")
    assert check.returncode == 0, check.stdout + check.stderr
    assert (statistic(check, "rollback_summary")["state"], devices(cmdb)) == ("planned", done)
    assert "+++ after: cmdb as it was before the run\n" in check.stdout
    assert "+  rtr-1  mtu: 1400" in check.stdout

    reverted = play("rollback", {**variables, "rollback_run": run, "rollback_reports": [str(tmp_path / "back.md")]})
    assert reverted.returncode == 0, reverted.stdout + reverted.stderr
    told = statistic(reverted, "rollback_summary")
    assert (told["state"], told["outcomes"]["done"], told["reports"]) == ("reverted", 3, [str(tmp_path / "back.md")])
    assert told["changes"] == {"creates": 1, "updates": 1, "moves": 0, "deletes": 1, "total": 3}
    assert devices(cmdb) == before
    assert (tmp_path / "back.md").read_text().startswith("### cmdb, undo of a run\n")
