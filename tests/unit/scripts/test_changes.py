# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stages a run after a change leaves out: real commits in a repository of the test's own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import changes
import pytest
import run_tests
from stages import STAGES, When


def commit(repository: Path, file: str, date: str) -> None:
    (repository / file).parent.mkdir(parents=True, exist_ok=True)
    (repository / file).write_text(date)
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    when = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "PATH": "/usr/bin:/bin", "HOME": str(repository)}
    for command in (["add", "-A"], [*identity, "commit", "-qm", file]):
        subprocess.run(["git", "-C", repository, *command], env=when, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    commit(tmp_path, "old.txt", "2026-01-01T08:00:00+00:00")
    commit(tmp_path, "docs/first.md", "2026-01-02T08:00:00+00:00")
    commit(tmp_path, "docs/second.md", "2026-01-02T09:00:00+00:00")
    return tmp_path


def test_a_change_is_the_last_half_day_and_what_is_not_committed(repository: Path) -> None:
    (repository / "plugins").mkdir()
    (repository / "plugins" / "new.py").touch()
    (repository / "old.txt").write_text("changed")
    assert changes.changed_files(repository) == ["docs/first.md", "docs/second.md", "old.txt", "plugins/new.py"]
    assert changes.changed_files(repository, "HEAD") == ["old.txt", "plugins/new.py"]


def test_it_is_not_known_outside_of_git_for_an_unknown_commit_and_without_an_older_one(repository: Path, tmp_path: Path) -> None:
    assert changes.changed_files(repository, "nowhere") is None
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=1", repository.as_uri(), shallow], check=True)
    assert changes.changed_files(shallow) is None
    assert changes.changed_files(Path("/")) is None


def test_a_clean_tree_is_distinguished_from_a_changed_one(repository: Path) -> None:
    head, clean = changes.describe(repository)
    assert (len(head), clean) == (40, True)
    (repository / "stray").touch()
    assert changes.describe(repository) == (head, False)
    assert changes.describe(Path("/")) == ("", False)


def chosen(monkeypatch: pytest.MonkeyPatch, files: list[str] | None) -> set[str]:
    monkeypatch.setattr(changes, "changed_files", lambda _root, _base: files)
    stages, left_out = run_tests._chosen(run_tests._options(["--changed"]))
    assert {str(stage) for stage in stages} | {line.partition(":")[0] for line in left_out} == {
        str(stage) for stage in STAGES if stage.when is not When.QUICK
    }
    return {str(stage) for stage in stages if stage.when is When.ALL}


def test_a_change_of_plugins_has_sanity_and_one_of_docs_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "core-newest sanity" in chosen(monkeypatch, ["plugins/module_utils/dsync/plan.py"])
    of_docs = chosen(monkeypatch, ["docs/plans.md"])
    assert "docs docs" in of_docs
    assert not {name for name in of_docs if name.endswith((" sanity", " integration"))}
    assert chosen(monkeypatch, None) == {str(stage) for stage in STAGES if stage.when is When.ALL}
