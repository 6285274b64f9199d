# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines of examples/ci: what they would run, run in a clean directory with the collection as it is published."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
import yaml
from conftest import ROOT, TIME_LIMIT, program

EXAMPLE = ROOT / "examples" / "ci"
FILES = ("requirements.txt", "audit.yml", "sot.yml", "export.csv")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A directory with only the files of the example, as a pipeline checks a repository out."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in FILES:
        shutil.copy(EXAMPLE / name, folder)
    return folder


class Shell:
    """Runs commands as a pipeline does: each line after the one before it has succeeded, in the directory of the repository."""

    def __init__(self, repository: Path, environment: dict[str, str], tarball: Path) -> None:
        self.folder = repository
        self.environment = {
            **{name: value for name, value in environment.items() if name != "ANSIBLE_COLLECTIONS_PATH"},
            "ANSIBLE_COLLECTIONS_PATH": str(repository.parent / "collections"),
            "DSYNC_COLLECTION": str(tarball),
            "PYTHONWARNINGS": "ignore",
        }

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )


@pytest.fixture
def shell(repository: Path, environment: dict[str, str], tarball: Path) -> Shell:
    return Shell(repository, environment, tarball)


def gitlab() -> dict[str, Any]:
    return dict(yaml.safe_load((EXAMPLE / "gitlab-ci.yml").read_text(encoding="utf-8"))["audit"])


def github() -> list[dict[str, Any]]:
    return list(yaml.safe_load((EXAMPLE / "github-actions.yml").read_text(encoding="utf-8"))["jobs"]["audit"]["steps"])


def assert_drift_is_shown(repository: Path) -> None:
    suites = ElementTree.parse(repository / "reports" / "drift.xml")
    assert sum(case.find("failure") is not None for case in suites.iter("testcase")) == 3
    assert "1 to create, 1 to update, 1 to delete" in (repository / "reports" / "drift.md").read_text()


def test_gitlab(shell: Shell, repository: Path) -> None:
    job = gitlab()
    before = (repository / "export.csv").read_bytes()
    ran = shell.run("\n".join(job["script"]))
    assert ran.returncode != 0
    assert "export differs from source of truth" in ran.stdout + ran.stderr
    assert_drift_is_shown(repository)
    assert (repository / "export.csv").read_bytes() == before
    published = [*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()]
    assert all((repository / path).exists() for path in published)

    after = "\n".join(job["after_script"])
    assert shell.run(after).returncode == 0
    with gitlab_server() as (url, requests):
        merge_request = {"CI_API_V4_URL": url, "CI_PROJECT_ID": "7", "CI_MERGE_REQUEST_IID": "3", "DSYNC_COMMENT_TOKEN": "opal"}
        commented = shell.run(after, **merge_request)
    assert commented.returncode == 0, commented.stderr
    ((path, token, body),) = requests
    assert (path, token) == ("/projects/7/merge_requests/3/notes", "opal")
    assert parse_qs(body)["body"] == [(repository / "reports" / "drift.md").read_text()]

    (repository / "export.csv").write_text("name,role,mtu\nrtr-1,router,1500\nsw-1,switch,9000\n")
    clean = shell.run(job["script"][-1])
    assert clean.returncode == 0, clean.stdout + clean.stderr


def test_github(shell: Shell, repository: Path, tmp_path: Path) -> None:
    commands = {step["name"]: step for step in github() if "run" in step}
    summary = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    assert shell.run(commands["Install"]["run"]).returncode == 0
    audit = shell.run(commands["Audit"]["run"])
    assert audit.returncode != 0
    assert "export differs from source of truth" in audit.stdout + audit.stderr
    shown = commands["Show the report on the page of the run"]
    assert shown["if"] == "always()"
    assert shell.run(shown["run"], **summary).returncode == 0
    assert shell.run(f"cd /; {shown['run']}", **summary).returncode == 0, "without a report there is nothing to show"
    assert (tmp_path / "summary.md").read_text() == (repository / "reports" / "drift.md").read_text()
    assert_drift_is_shown(repository)
    published = [step["with"] for step in github() if step.get("if") == "always()" and "with" in step]
    assert {"report_paths": "reports/drift.xml"} in published
    assert {"name": "drift", "path": "reports/"} in published


@contextmanager
def gitlab_server() -> Iterator[tuple[str, list[tuple[str, str | None, str]]]]:
    """A server that takes comments on merge requests, and what it was sent."""
    requests: list[tuple[str, str | None, str]] = []

    class Notes(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            requests.append((self.path, self.headers["PRIVATE-TOKEN"], body))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()


def test_pipelines_are_in_the_form_that_their_services_read() -> None:
    job = gitlab()
    assert job.keys() <= {"image", "rules", "variables", "cache", "script", "after_script", "artifacts"}
    assert job["artifacts"]["when"] == "always"
    whole = yaml.safe_load((EXAMPLE / "github-actions.yml").read_text(encoding="utf-8"))
    assert whole.keys() == {"name", "on", "permissions", "jobs"}
    assert all(("uses" in step) != ("run" in step) for step in github())
    assert program("ansible-playbook").exists()


def test_the_page_shows_the_files() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL))
    assert shown == {f"examples/ci/{path.name}": path.read_text(encoding="utf-8") for path in EXAMPLE.iterdir()}
