# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Without a usable pydantic the library can be imported, and whatever needs it refuses with a clear message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dsync
import pytest
from dsync._util import pydantic as _pydantic

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pydantic", "pydantic_core"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
"""
OLD = """
import sys, types
old = types.ModuleType("pydantic")
old.VERSION = "1.10.13"
sys.modules["pydantic"] = old
"""
USE = """
import json, sys
import dsync, dsync._util.redaction, dsync.report.render.unified
from dsync._util import pydantic as _pydantic
problem = None
try:
    class Site(dsync.DSyncModel):
        _modelname = "site"
        _identifiers = ("name",)
        _attributes = ("contact",)
        name: str
        contact: str = ""
    class Backend(dsync.DSync):
        site = Site
        top_level = ["site"]
    Backend().add(Site(name="nyc"))
except dsync.PydanticMissing as error:
    problem = f"{isinstance(error, ImportError)}: {error}"
print(json.dumps([problem, _pydantic.HAS_PYDANTIC, _pydantic.PYDANTIC_PROBLEM, _pydantic.PYDANTIC_IMPORT_ERROR]))
"""


def _run(code: str) -> Any:
    place = str(Path(dsync.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": place},
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    ("obstacle", "words"), [(BLOCKER, "No module named 'pydantic'"), (OLD, "pydantic 1.10.13 is too old")], ids=["absent", "old"]
)
def test_a_model_without_a_usable_pydantic_is_refused(obstacle: str, words: str) -> None:
    problem, has, reason, trace = _run(obstacle + USE)
    assert not has
    assert problem.startswith(f"True: dsync needs pydantic {_pydantic.PYDANTIC_MINIMUM} or newer: ")
    assert words in problem
    assert words in reason
    assert trace.startswith("Traceback")


def test_with_pydantic_nothing_is_wrong() -> None:
    assert _run(USE) == [None, True, None, None]


@pytest.mark.parametrize("version", ["2.5.3", "1.10", "0.9.0"])
def test_old_versions_are_refused(version: str) -> None:
    with pytest.raises(ImportError, match=f"pydantic {version} is too old"):
        _pydantic._check_version(version)


@pytest.mark.parametrize("version", ["2.6", "2.6.0b1", "2.10.1", "3.0.0a1"])
def test_newer_versions_are_accepted(version: str) -> None:
    _pydantic._check_version(version)
