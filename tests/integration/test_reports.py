# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports that tasks write, and the filters and the test on what tasks have returned."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from conftest import HERE, THERE, Play, RunPlaybook
from generated import save, side, site
from test_demo import demo

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
EXAMPLE = "report.yml"

__all__ = ("demo",)

PASSWORD, TOKEN = "correct horse battery", "tok-4711-secret"
FILES = {"text": "drift.txt", "markdown": "drift.md", "html": "drift.html", "junit": "drift.xml", "json": "drift.json"}


def task(name: str, module: str, arguments: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"name": name, f"dsync.core.{module}": arguments, **keywords}


def said(name: str, expression: str) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.debug": {"msg": f"{{{{ {expression} }}}}"}}


def sides(tmp_path: Path, old: list[Any], new: list[Any], **options: Any) -> dict[str, Any]:
    source, target = save(tmp_path / "source.json", new), save(tmp_path / "target.json", old)
    return {"source": {**side(source), "name": "truth"}, "target": {**side(target, **options), "name": "box"}}


def test_reports_filters_and_the_test_in_one_play(play: Play, tmp_path: Path) -> None:
    new = [site("a", size=2, password=PASSWORD), site("new", note="hello"), *(site(f"s{place}") for place in range(20))]
    both = sides(tmp_path, [site("a", size=1, password="old"), site("gone")], new)
    both["target"]["secrets"] = {"token": TOKEN}
    new[1]["fields"]["note"] = f"hello {TOKEN}"
    save(tmp_path / "source.json", new)
    folder = tmp_path / "out"
    folder.mkdir()
    reports: list[dict[str, Any]] = [{"path": str(folder / name)} for name in FILES.values()]
    reports[2]["mode"] = "0644"
    reports[4] |= {"path": str(folder / "any"), "format": "json", "title": "All of it"}
    asked = [reports[0]["path"], *reports[1:]]  # a path is short for a dictionary with it
    tasks = [
        task("drift", "dsync_diff", {**both, "reports": asked, "fail_on_drift": True, "max_changes": 3}, register="drift",
             ignore_errors=True, check_mode=True),
        said("markdown", "drift | dsync.core.report(title='Drift')"),
        said("json", "drift | dsync.core.report('json')"),
        said("ids", "drift | dsync.core.changes(model='site', id='s*', action='create') | map(attribute='id')"),
        said("counts", "drift | dsync.core.counts"),
        said("in sync before", "drift is dsync.core.in_sync"),
        task("repair", "dsync_sync", {**both, "reports": [{"path": str(folder / "run.md")}]}, register="repair"),
        said("in sync after", "repair is dsync.core.in_sync"),
    ]  # fmt: skip
    played = play(tasks).ok()
    drift = played.result("drift")
    assert drift["reports"] == [{"path": said["path"], "format": kind} for said, kind in zip(reports, FILES, strict=True)]
    assert drift["msg"].startswith("Drift: 21 to create, 1 to update, 1 to delete")
    for report, mode in zip(reports, (0o600, 0o600, 0o644, 0o600, 0o600), strict=True):
        written = Path(report["path"])
        assert stat.S_IMODE(written.stat().st_mode) == mode
        assert not [secret for secret in (PASSWORD, TOKEN) if secret in written.read_text(encoding="utf-8")]
    data = json.loads((folder / "any").read_text(encoding="utf-8"))
    assert (data["title"], data["headline"]) == ("All of it", "23 changes: 21 to create, 1 to update, 1 to delete")
    assert (len(data["changes"]), data["changes_omitted"], data["problems"]) == (23, 0, [])
    root = ElementTree.parse(folder / "drift.xml").getroot()
    assert len(root.findall(".//failure")) == 23
    assert "box compared with truth" in (folder / "drift.html").read_text(encoding="utf-8")
    assert "23 changes: 23 made" in (folder / "run.md").read_text(encoding="utf-8")

    told = {name: played.result(name)["msg"] for name in ("markdown", "json", "ids", "counts", "in sync before", "in sync after")}
    assert told["markdown"].startswith("### Drift\n")
    assert "20 more changes are not shown, because the result" in told["markdown"]
    told["json"] = told["json"] if isinstance(told["json"], dict) else json.loads(told["json"])
    assert (told["json"]["changes_omitted"], told["json"]["problems"]) == (20, [])
    assert set(told["ids"]) <= {f"s{place}" for place in range(20)}
    assert (told["counts"]["total"], told["counts"]["by_model"]["site"]["creates"]) == (23, 21)
    assert (told["in sync before"], told["in sync after"]) == (False, True)
    assert "20 more changes are not in the result" in " ".join(played.screen.split())


def test_a_run_that_fails_has_its_report_too(play: Play, tmp_path: Path) -> None:
    both = sides(tmp_path, [], [site("good"), site("bad")], failing={"bad": "raise"})
    path = tmp_path / "report.json"
    arguments = {**both, "flags": ["continue_on_failure"], "reports": [{"path": str(path)}]}
    played = play([task("sync", "dsync_sync", arguments, ignore_errors=True)]).ok()
    data = json.loads(path.read_text(encoding="utf-8"))
    assert (data["in_sync"], data["outcomes"]["done"], data["outcomes"]["failed"]) == (False, 1, 1)
    assert data["problems"] == [played.result("sync")["msg"]]
    assert "refused bad" in {one["id"]: one["message"] for one in data["changes"]}["bad"]

    refused = {**both, "limits": {"create": 0}, "reports": [{"path": str(path)}]}
    played = play([task("sync", "dsync_sync", refused, ignore_errors=True)]).ok()
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["problems"] == played.result("sync")["refusals"]
    assert len(data["problems"]) == data["outcomes"]["not_attempted"] == 1


def test_a_report_is_written_where_the_task_runs(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "{{ inventory_hostname }}.html"
    both = sides(tmp_path, [site("a")], [site("b")])
    played = play([task("drift", "dsync_diff", {**both, "reports": [{"path": str(path)}]})], hosts="all").ok()
    for host in (HERE, THERE):
        written = played.result("drift", host)["reports"]
        assert written == [{"path": str(tmp_path / f"{host}.html"), "format": "html"}]
        assert "</html>" in (tmp_path / f"{host}.html").read_text(encoding="utf-8")


UNWRITABLE: dict[str, list[dict[str, Any]]] = {
    "preparing reports[0] failed: {here}/no/such/folder/a.md on here cannot be written": [{"path": "{here}/no/such/folder/a.md"}],
    "reports[1]: the ending of {here}/b.pdf does not determine the format": [{"path": "{here}/a.md"}, {"path": "{here}/b.pdf"}],
    "reports[0] and reports[1] are the same file": [{"path": "{here}/a.md"}, {"path": "{here}/../here/a.md"}],
    "undo and reports[0] are the same file": [{"path": "{here}/undo", "format": "json"}],
    "reports[0].mode: 644 cannot be used": [{"path": "{here}/a.md", "mode": 644}],
    "reports[0].mode: 'rw' cannot be used": [{"path": "{here}/a.md", "mode": "rw"}],
}
"""How the sentence begins that refuses these reports."""


def test_reports_that_cannot_be_written_are_refused_before_anything_is_done(play: Play, tmp_path: Path) -> None:
    here, log = tmp_path / "here", tmp_path / "log"
    here.mkdir()
    both = sides(tmp_path, [], [site("a")], log=str(log))
    tasks = []
    for words, reports in UNWRITABLE.items():
        asked = [{**one, "path": one["path"].format(here=here)} for one in reports]
        tasks.append(task(words, "dsync_sync", {**both, "undo": str(here / "undo"), "reports": asked}, ignore_errors=True))
    played = play(tasks).ok()
    for words in UNWRITABLE:
        result = played.result(words)
        assert result["msg"].startswith(words.format(here=here))
        assert "summary" not in result
    assert not log.exists() or not log.read_text()
    assert not list(here.iterdir())


def test_the_page_shows_the_example_and_it_does_what_the_page_says(run_playbook: RunPlaybook, demo: Path) -> None:
    shown = re.findall(r"<!-- file: examples/demo/(\S+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert shown == [(EXAMPLE, (ROOT / "examples" / "demo" / EXAMPLE).read_text(encoding="utf-8"))]
    done = run_playbook(demo / EXAMPLE, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"24 changes, 5 of them deletions"' in done.stdout
    assert {path.name for path in (demo / "reports").iterdir()} == {"drift.html", "drift.md", "drift.xml"}


def test_the_python_of_the_page_prints_a_report(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(block)
    library = {"PYTHONPATH": str(ROOT / "plugins" / "module_utils"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=library)
    assert done.stderr == ""
    assert '\n~ site nyc\n    city: "Boston" → "New York"\n' in done.stdout


def test_links_of_the_page_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
