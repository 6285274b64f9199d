# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interpreters the environments of this repository are made with."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest
import pythons


def test_the_interpreter_of_a_virtual_environment_is_the_one_that_it_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    version, base = "{}.{}".format(*sys.version_info), os.path.realpath(sys._base_executable)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.setenv("PYENV_ROOT", os.devnull)
    assert sys.prefix != sys.base_prefix, "the tests run in a virtual environment"
    assert pythons.find(version) == (Path(base), platform.python_version())


def test_what_does_not_say_that_it_is_the_version_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in (("wrong", "echo 2.7 /usr/bin/python2"), ("broken", "exit 1"), ("silent", "true")):
        program = tmp_path / name / "python3.99"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join(str(folder) for folder in sorted(tmp_path.iterdir())))
    monkeypatch.setenv("PYENV_ROOT", os.devnull)
    assert pythons.find_first(["3.99"]) is None
