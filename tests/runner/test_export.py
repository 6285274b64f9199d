# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook export: a dataset becomes files that are its source of truth from then on; nothing secret, nothing overwritten."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.dsync.core.plugins.module_utils._module.argspec import export_spec
from conftest import ROOT, Play, statistic

ROLE = ROOT / "roles" / "export"
SECRET = "opal-17-in-the-source"
ADAPTER = f"""
from dsync import DSync, DSyncModel


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("region", "key")
    _sensitive = ("key",)
    _children = {{"device": "devices"}}
    name: str
    region: str
    key: str = "{SECRET}"
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("mtu",)
    name: str
    mtu: int | None = None


class Estate(DSync):
    site, device = Site, Device
    top_level = ["site"]

    def load(self):
        for name in ("nyc", "par"):
            site = self.site(name=name, region=f"region of {{name}}: 'x'")
            self.add(site)
            device = self.device(name=f"rtr-{{name}}", mtu=1500 if name == "par" else None)
            self.add(device)
            site.add_child(device)
"""


def options() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return {name.removeprefix("export_"): option for name, option in found.items()}


def test_variables_are_those_of_the_module_known_documented_and_used() -> None:
    spec, declared = export_spec(), options()
    assert declared["source"]["options"].keys() | declared.keys() == (spec.keys() - {"path", "progress", "format"}) | {
        "source",
        "directory",
    }
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    assert {name.removeprefix("export_") for name in variables["__export_known"]} == declared.keys() | {"hosts", "result"}
    text = "".join(path.read_text(encoding="utf-8") for path in ROLE.glob("tasks/*.yml")) + str(variables["__export_file"])
    assert {name for name in declared if not re.search(rf"\bexport_{name}\b", text)} == set()
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults == {f"export_{name}": option["default"] for name, option in declared.items() if "default" in option}


def test_a_dataset_becomes_its_source_of_truth(play: Play, tmp_path: Path) -> None:
    (tmp_path / "estate.py").write_text(ADAPTER)
    folder = tmp_path / "new" / "truth"
    folder.parent.mkdir()
    variables = {"export_source": {"adapter": "estate.py:Estate", "name": "estate"}, "export_directory": str(folder)}
    check = play("export", variables, "--check")
    assert check.returncode == 0, check.stdout + check.stderr
    assert not folder.exists()
    run = play("export", variables)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "site: key is not exported because it is sensitive or read-only." in " ".join((run.stdout + run.stderr).split())
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert written.keys() == {"data.yml", "mapping.yml", "models.yml"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert yaml.safe_load(written["data.yml"])["device"] == [
        {"name": "rtr-nyc", "site_name": "nyc", "mtu": None},
        {"name": "rtr-par", "site_name": "par", "mtu": 1500},
    ]
    for text in [*written.values(), run.stdout, run.stderr]:
        assert SECRET not in text

    for more, words in (
        (
            {},
            f"{folder}/data.yml, {folder}/models.yml, {folder}/mapping.yml on localhost exists already",
        ),
        ({"export_name": "other"}, f"{folder}/models.yml, {folder}/mapping.yml on localhost exists already"),
        ({"export_directory": "truth"}, '"truth" is not an absolute path.'),
        ({"export_excludes": []}, 'has no variable export_excludes (did you mean "export_exclude"?);'),
    ):
        refused = play("export", {**variables, **more})
        screen = " ".join((refused.stdout + refused.stderr).split())
        assert refused.returncode != 0, screen
        assert words in screen
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == written

    audited = {
        "audit_models_file": str(folder / "models.yml"),
        "audit_source": {"adapter": "file", "options": {"path": str(folder / "data.yml")}, "mapping": str(folder / "mapping.yml")},
        "audit_target": {"adapter": "file", "options": {"path": str(folder / "data.yml")}, "mapping": str(folder / "mapping.yml")},
    }
    audit = play("audit", audited)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert statistic(audit, "audit_summary")["in_sync"]
    own = {**audited, "audit_target": {"adapter": "estate.py:Estate"}, "audit_compare_attributes": {"site": ["region"]}}
    same = play("audit", own)
    assert same.returncode == 0, same.stdout + same.stderr
    assert statistic(same, "audit_summary")["in_sync"]


def test_all_files_have_the_mode_that_is_given(play: Play, tmp_path: Path) -> None:
    (tmp_path / "estate.py").write_text(ADAPTER)
    folder = tmp_path / "truth"
    variables = {"export_source": {"adapter": "estate.py:Estate"}, "export_directory": str(folder), "export_mode": "u=rw,g=r"}
    run = play("export", variables)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "data.yml": 0o640,
        "mapping.yml": 0o640,
        "models.yml": 0o640,
    }
    refused = play(
        "export", {**variables, "export_name": "other", "export_directory": str(tmp_path / "other"), "export_mode": "0044"}
    )
    assert refused.returncode != 0
    assert "mode: '0044' cannot be used; use octal digits such as '0644'" in " ".join((refused.stdout + refused.stderr).split())
