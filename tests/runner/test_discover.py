# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook discover: its page does what it says, and wrong variables are refused."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dsync.core.plugins.module_utils._module.argspec import discover_spec
from conftest import ROOT, TIME_LIMIT, Play, program

ROLE = ROOT / "roles" / "discover"


def options() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return {name.removeprefix("discover_"): option for name, option in found.items()}


def test_variables_are_those_of_the_module_known_documented_and_used() -> None:
    spec, declared = discover_spec(), options()
    assert declared.keys() == spec.keys()
    for side in ("source", "target"):
        assert declared[side]["options"].keys() == spec[side]["options"].keys()
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    assert {name.removeprefix("discover_") for name in variables["__discover_known"]} == declared.keys() | {"hosts", "result"}
    text = "".join(path.read_text(encoding="utf-8") for path in ROLE.glob("tasks/*.yml"))
    assert {name for name in declared if not re.search(rf"\bdiscover_{name}\b", text)} == set()
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults == {f"discover_{name}": option["default"] for name, option in declared.items() if "default" in option}


def ran(command: list[str | Path], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )


def test_the_page_does_what_it_says(environment: dict[str, str], tmp_path: Path) -> None:
    page = (ROOT / "docs" / "discovery.md").read_text(encoding="utf-8").replace("/srv/estate", str(tmp_path))
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text)
    played = re.findall(r"```console\n\$ (.*?)\n```\n\n(?:<!-- output -->\n```text\n(.*?)```)", page, re.DOTALL)
    played += [(command, "") for command in re.findall(r"```console\n\$ (.*?)\n```", page) if command not in dict(played)]
    assert len(played) == 2
    for command, output in played:
        done = ran([program("ansible-playbook"), *command.split()[1:], "--diff"], tmp_path, environment)
        assert done.returncode == 0, done.stdout + done.stderr
        squeezed = " ".join(done.stdout.split())
        assert all(" ".join(line.split()) in squeezed for line in output.splitlines()), done.stdout
    for name, text in re.findall(r"<!-- output: (\S+) -->\n```yaml\n(.*?)```", page, re.DOTALL):
        assert text in (tmp_path / name).read_text()


NO_PLACES = {"adapter": "rest", "options": {"base_url": "http://127.0.0.1:9"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"discover_targets": {}}, 'has no variable discover_targets (did you mean "discover_target"?);'),
        ({"discover_source": NO_PLACES}, "source (rest): nothing is known of where its records are; name the places in tables."),
    ],
)
def test_wrong_variables_are_refused(play: Play, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    source = {"adapter": "file", "options": {"path": str(tmp_path / "export.csv")}}
    (tmp_path / "export.csv").write_text("name\na\n")
    refused = play("discover", {"discover_source": source, "discover_directory": str(tmp_path / "new"), **change})
    assert refused.returncode != 0, refused.stdout
    assert words in " ".join((refused.stdout + refused.stderr).split())
    assert not (tmp_path / "new").exists()
