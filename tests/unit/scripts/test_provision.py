# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing a program while another apt-get holds the lock: apt-get is a stand-in that refuses as often as it is told to."""

from __future__ import annotations

from pathlib import Path

import provision
import pytest

APT_GET = """#!/bin/sh
echo "$2" >> '{folder}/calls'
[ "$2" = install ] || exit 0
[ "$(grep -c install '{folder}/calls')" -gt {refusals} ] || exit 100
printf '#!/bin/sh\\n' > '{folder}/wanted'
chmod +x '{folder}/wanted'
"""


@pytest.fixture(autouse=True)
def _no_root_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "APT_POLICY", tmp_path / "policy")
    monkeypatch.setattr(provision, "PAUSE", 0.0)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def apt_get(folder: Path, refusals: int) -> None:
    (folder / "apt-get").write_text(APT_GET.format(folder=folder, refusals=refusals))
    (folder / "apt-get").chmod(0o755)


def test_a_refused_installation_is_tried_again(tmp_path: Path) -> None:
    apt_get(tmp_path, refusals=2)
    assert provision.find("wanted", "package") == tmp_path / "wanted"
    assert (tmp_path / "calls").read_text().split() == ["update", "install"] * 3
    assert not (tmp_path / "policy").exists()


def test_one_that_is_refused_every_time_is_an_error_that_names_program_and_step(tmp_path: Path) -> None:
    apt_get(tmp_path, refusals=1000)
    with pytest.raises(provision.ProgramMissing, match="wanted is not on this machine, and apt-get install failed 10 times"):
        provision.find("wanted", "package")
