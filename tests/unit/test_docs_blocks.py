# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every block of YAML, JSON and Python in the README and the docs: it can be read, tasks fit their modules, programs run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dsync
import pytest
import yaml
from ansible_collections.dsync.core.plugins.module_utils._module.argspec import (
    DIFF_ONLY,
    JOURNAL_INFO,
    PLAN_INFO,
    SYNC_ONLY,
    argument_spec,
    discover_spec,
    export_spec,
    info_spec,
)
from dsync.adapters.core.base import RecordModel
from dsync.adapters.rest.preset import merged
from dsync.records.definition import data_model

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
FENCED = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]+) -->\n)?^(?P<fence>```+)(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=fence)$", re.S | re.M
)
SPECS = {
    "dsync_diff": argument_spec(**DIFF_ONLY),
    "dsync_sync": argument_spec(**SYNC_ONLY),
    "dsync_discover": discover_spec(),
    "dsync_export": export_spec(),
    "dsync_info": info_spec(),
    "dsync_journal_info": JOURNAL_INFO,
    "dsync_plan_info": PLAN_INFO,
}
PRESETS = ROOT / "plugins/module_utils/dsync/adapters/rest/presets"
ELSEWHERE = ("awx.awx.", "community.")
"""Collections that pages show tasks of, and that need not be installed here."""

OF_A_SHELL = {"HOME", "PATH", "PWD"}
"""Variables that each shell has."""

PROGRAMS = [("migration.md", "['sw-1']\n")]
"""Pages that hold a program to run, and what it prints. That of python.md has a test of its own."""

SUITES = [("authors.md", "14 passed")]
"""Pages that hold an adapter with its tests, and what pytest says of them."""


class Loader(yaml.SafeLoader):
    """Takes Ansible's tags, such as ``!vault``, for texts."""


Loader.add_multi_constructor("!", lambda loader, tag, node: loader.construct_scalar(node))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    marker: str
    text: str

    @property
    def file(self) -> str:
        """The file that a reader makes of it, or an empty text."""
        return self.marker.removeprefix("file: ") if self.marker.startswith("file: ") else ""


def blocks(*languages: str) -> list[Any]:
    """Return the blocks in these languages, named by page and line."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCED.finditer(text):
            block = Block(page, text.count("\n", 0, match.start()) + 1, match["language"], match["marker"] or "", match["text"])
            if block.language in languages:
                found.append(pytest.param(block, id=f"{page.relative_to(ROOT)}:{block.line}"))
    return found


@pytest.mark.parametrize("block", blocks("yaml", "yml", "yaml+jinja"))
def test_yaml(block: Block) -> None:
    documents = list(yaml.load_all(block.text, Loader))
    assert documents
    for document in documents:
        for task in tasks(document):
            check_task(task)
        if isinstance(document, dict) and isinstance(document.get("models"), dict):
            data_model(document["models"], document.get("top_level"), base=RecordModel)


@pytest.mark.parametrize("block", blocks("json"))
def test_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block: Block) -> None:
    compile(block.text, str(block.page), "exec", dont_inherit=True)


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_a_reader_sees_what_each_file_is_called(page: Path) -> None:
    text, end = page.read_text(encoding="utf-8"), 0
    for match in FENCED.finditer(text):
        said, end = text[end : match.start()], match.end()
        if (match["marker"] or "").startswith("file: "):
            name = Path(match["marker"].removeprefix("file: ")).name
            assert f"{name}`" in said, f"nothing before the block says that it is {name}"


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_a_reader_knows_the_value_of_each_variable_of_a_command(page: Path) -> None:
    """C21: `-e reconcile_approved_digest=$DIGEST` is of use only where the page says what DIGEST is."""
    text, end, above = page.read_text(encoding="utf-8"), 0, ""
    for match in FENCED.finditer(text):
        above += text[end : match.start()]
        if match["language"] == "console":
            named = set(re.findall(r"\$\{?([A-Z][A-Z_]*)", match["text"])) - OF_A_SHELL
            assert {name for name in named if not re.search(rf"\b{name}=", above + match["text"])} == set()
        above, end = above + match["text"], match.end()


def tasks(document: object) -> Iterator[dict[str, Any]]:
    """Yield the tasks in a playbook or in a list of tasks, those in blocks and handlers too."""
    for item in document if isinstance(document, list) else ():
        if not isinstance(item, dict):
            continue
        inner = [item[key] for key in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always") if key in item]
        for listed in inner:
            yield from tasks(listed)
        if not inner and any("." in key for key in item):
            yield item


def of_presets(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the models of the presets that a task names, but for those in files of its own."""
    sides = [arguments[role] for role in ("source", "target") if isinstance(arguments.get(role), dict)] or [arguments]
    given = [one["preset"] for one in sides if "preset" in one]
    files = [PRESETS / f"{one['name'] if isinstance(one, dict) else one}.yml" for one in given if "./" not in str(one)]
    return {name: model for file in files for name, model in yaml.safe_load(file.read_text())["models"].items()}


def check_task(task: dict[str, Any]) -> None:
    """Fail unless the task's module is there and takes these arguments."""
    names = [key for key in task if key.count(".") >= 2]
    assert len(names) == 1, f"not one module, by its whole name: {list(task)}"
    collection, _dot, name = names[0].rpartition(".")
    if collection == "dsync.core":
        assert name in SPECS, f"no such module: {names[0]}"
        check_arguments(SPECS[name], task[names[0]], names[0])
        models = merged(of_presets(task[names[0]]), task[names[0]].get("models") or {})
        if isinstance(models, dict) and models:
            data_model(models, task[names[0]].get("top_level"), base=RecordModel)
    elif collection == "ansible.builtin":
        if importlib.util.find_spec("ansible"):
            where = [f"ansible.modules.{name}", f"ansible.plugins.action.{name}"]
            assert any(importlib.util.find_spec(module) for module in where), f"no such module: {names[0]}"
    else:
        assert names[0].startswith(ELSEWHERE), f"nothing is known of {names[0]}"


def check_arguments(spec: dict[str, Any], given: object, place: str) -> None:
    """Fail unless arguments are known, and choices are theirs, all the way down; what is templated is taken as it is."""
    if not isinstance(given, dict):
        assert isinstance(given, str), f"{place} is no dictionary"
        assert "{{" in given, f"{place} is no dictionary"
        return
    assert not given.keys() - spec.keys(), f"{place} takes no {', '.join(given.keys() - spec.keys())}"
    missing = [name for name, option in spec.items() if option.get("required") and name not in given]
    assert not missing, f"{place} lacks {', '.join(missing)}"
    for name, value in given.items():
        option, below = spec[name], f"{place}.{name}"
        values = value if isinstance(value, list) else [value]
        for one in values:
            if "options" in option:
                check_arguments(option["options"], one, below)
            if "choices" in option and "{{" not in str(one):
                assert one in option["choices"], f"{below}: {one}"


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"dsync.core.dsync_dif": {}}, "no such module"),
        ({"dsync.core.dsync_diff": {"source": {"adapter": "file"}}}, "lacks target"),
        ({"dsync.core.dsync_journal_info": {"path": "x", "pth": "y"}}, "takes no pth"),
        ({"dsync.core.dsync_diff": {"source": {"adaptor": "file"}, "target": "{{ cmdb }}"}}, "source takes no adaptor"),
        ({"dsync.core.dsync_diff": {"source": "{{ a }}", "target": "{{ b }}", "flags": ["skip"]}}, "flags: skip"),
        ({"dsync.core.dsync_diff": {"source": "{{ a }}", "target": "{{ b }}", "reports": [{"format": "pdf", "path": "x"}]}}, "pdf"),
        ({"debug": {}}, "not one module"),
        ({"acme.netops.do": {}}, "nothing is known"),
    ],
)
def test_what_does_not_fit_is_found(task: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_task(task)


def _write(page: str, folder: Path) -> None:
    for param in blocks("python"):
        (block,) = param.values
        if block.page.name == page and block.file:
            (folder / block.file).parent.mkdir(exist_ok=True)
            (folder / block.file).write_text(block.text, encoding="utf-8")


def _python(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(folder), str(Path(dsync.__file__).parents[1])))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("page", "said"), PROGRAMS)
def test_programs_run(page: str, said: str, tmp_path: Path) -> None:
    (program,) = (p.values[0] for p in blocks("python") if p.values[0].page.name == page and p.values[0].marker == "run: python")
    ran = _python("-W", "error", "-c", program.text, folder=tmp_path)
    assert (ran.stdout, ran.stderr) == (said, "")


@pytest.mark.parametrize(("page", "said"), SUITES)
def test_adapters_pass_their_suites(page: str, said: str, tmp_path: Path) -> None:
    _write(page, tmp_path)
    ran = _python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, "-c", os.devnull, tmp_path, folder=tmp_path
    )
    assert said in ran.stdout, ran.stdout


def test_no_program_is_left_unplayed() -> None:
    marked = {p.values[0].page.name for p in blocks("python") if p.values[0].marker == "run: python"}
    suites = {p.values[0].page.name for p in blocks("python") if p.values[0].file.startswith("test_")}
    assert marked == {"python.md", *(page for page, said in PROGRAMS)}
    assert suites == {"records.md", *(page for page, said in SUITES)}  # tests/integration/test_records.py plays that of records.md
