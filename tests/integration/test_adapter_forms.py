# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to name an adapter, on this machine and on a host behind ssh that has no Ansible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from conftest import FIXTURES, HERE, THERE, Play, Played

LIBRARY = Path(__file__).parents[2] / "plugins" / "module_utils" / "dsync"
BOTH = (HERE, THERE)
PYTHONS = {HERE: "{}.{}".format(*sys.version_info[:2]), THERE: "3.10"}


def compared(name: str, source: str, target: str, **more: Any) -> dict[str, Any]:
    """Return a task that compares what two adapters load."""
    return {"name": name, "dsync.core.dsync_diff": {"source": {"adapter": source}, "target": {"adapter": target}}, **more}


def facts(played: Played, task: str, host: str) -> dict[str, str]:
    """What the source said, as the changes show that create it in an empty target."""
    return {change["ids"]["name"]: change["after"]["value"] for change in played.result(task, host)["changes"]}


def adapter_file(path: Path, text: str) -> Path:
    """Write an adapter whose facts are what ``facts()`` in the text returns, and an empty one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text) + FACTS)
    return path


FACTS = """

from dsync import DSync, DSyncModel

class Fact(DSyncModel):
    _modelname = "fact"
    _identifiers = ("name",)
    _attributes = ("value",)
    name: str
    value: str

class Facts(DSync):
    fact = Fact
    top_level = ["fact"]

    def load(self):
        for name, value in facts().items():
            self.add(self.fact(name=name, value=str(value)))

class Nothing(Facts):
    def load(self):
        pass
"""


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_collections_class(play: Play, pipelining: bool) -> None:
    task = compared("collection", "acme.netops.cmdb.Cmdb", "acme.netops.cmdb.Nothing")
    played = play([task], hosts="all", env={"ANSIBLE_PIPELINING": str(pipelining)}).ok()
    for host in BOTH:
        assert facts(played, "collection", host) == {
            "answer": "42",
            "version": "inner 1",
            "urls": "ansible.module_utils.urls",
            "one library": "True",
            "ssh": str(host == THERE),
            "python": PYTHONS[host],
            "ansible": "False",
        }


def test_an_importable_class(play: Play) -> None:
    environment = {"environment": {"PYTHONPATH": str(FIXTURES / "importable")}}
    task = compared("importable", "acme_cmdb.adapters:Cmdb", "acme_cmdb.adapters:Nothing", **environment)
    played = play([task], hosts="all").ok()
    for host in BOTH:
        assert facts(played, "importable", host) == {"shipped": "True", "flags": "True", "python": PYTHONS[host]}


def test_files_beside_the_playbook_and_elsewhere(play: Play, tmp_path: Path) -> None:
    adapter_file(tmp_path / "beside.py", "def facts(): return {'where': 'beside'}")
    adapter_file(tmp_path / "adapters" / "below.py", "def facts(): return {'where': 'below'}")
    adapter_file(tmp_path / "files" / "adapters" / "in_files.py", "def facts(): return {'where': 'in files'}")
    absolute = adapter_file(tmp_path / "other" / "absolute.py", "def facts(): return {'where': 'absolute'}")
    names = {"beside": "beside.py", "below": "adapters/below.py", "in files": "adapters/in_files.py", "absolute": str(absolute)}
    tasks = [compared(where, f"{name}:Facts", f"{name}:Nothing") for where, name in names.items()]
    played = play(tasks, hosts="all").ok()
    for host in BOTH:
        for where in names:
            assert facts(played, where, host) == {"where": where}


def test_a_roles_files(play: Play, tmp_path: Path) -> None:
    adapter_file(tmp_path / "files" / "cmdb.py", "def facts(): return {'where': 'the playbook'}")
    role = tmp_path / "roles" / "inventories"
    adapter_file(role / "files" / "cmdb.py", "from near import NEAR\ndef facts(): return {'where': NEAR}")
    (role / "files" / "near.py").write_text("NEAR = 'the role'")
    (role / "tasks").mkdir()
    task = "- name: role\n  dsync.core.dsync_diff: {source: {adapter: cmdb.py:Facts}, target: {adapter: cmdb.py:Nothing}}\n"
    (role / "tasks" / "main.yml").write_text(task)
    played = play([{"ansible.builtin.import_role": {"name": "inventories"}}], hosts="all").ok()
    for host in BOTH:
        assert facts(played, "role", host) == {"where": "the role"}


def test_two_directories_with_siblings_of_the_same_name(play: Play, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        adapter_file(tmp_path / folder / "side.py", NEIGHBOURLY.format(folder=folder))
        (tmp_path / folder / "common.py").write_text(f"WHO = 'common of {folder}'\nimport package.leaf as again")
        (tmp_path / folder / "package").mkdir()
        (tmp_path / folder / "package" / "__init__.py").write_text(f"WHO = 'package of {folder}'\nfrom .leaf import LEAF")
        (tmp_path / folder / "package" / "leaf.py").write_text(f"LEAF = 'leaf of {folder}'")
    one, two = (f"{folder}/side.py" for folder in ("one", "two"))
    played = play([compared("mixed", f"{one}:Facts", f"{two}:Facts")], hosts="all").ok()
    for host in BOTH:
        changes = played.result("mixed", host)["changes"]
        values = {(change["id"], change["before"]["value"], change["after"]["value"]) for change in changes}
        assert values == {(name, f"{name} of two", f"{name} of one") for name in ("common", "package", "leaf")}


NEIGHBOURLY = """
import common
import package.leaf
from package import WHO

def late():
    from common import again
    import json
    assert json.dumps({{}}) == "{{}}"
    return again

def facts():
    assert late() is package.leaf
    assert package.WHO == WHO
    return {{"common": common.WHO, "package": WHO, "leaf": package.LEAF}}
"""


def test_a_file_in_a_python_package(play: Play, tmp_path: Path) -> None:
    for folder in ("shop", "shop/adapters"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text(f"NAME = {folder!r}")
    (tmp_path / "shop" / "adapters" / "beside.py").write_text("NAME = 'beside'")
    (tmp_path / "shop" / "common.py").write_text("NAME = 'common'")
    adapter_file(
        tmp_path / "shop" / "adapters" / "cmdb.py",
        """
        import beside
        from . import NAME, beside as relative
        from .. import common
        from shop.common import NAME as absolute
        import shop.adapters.beside as by_full_name

        def facts():
            assert beside is relative is by_full_name
            return {"beside": beside.NAME, "package": NAME, "common": common.NAME, "absolute": absolute}
        """,
    )
    task = compared("package", "shop/adapters/cmdb.py:Facts", "shop/adapters/cmdb.py:Nothing")
    played = play([task], hosts="all").ok()
    for host in BOTH:
        expected = {"beside": "beside", "package": "shop/adapters", "common": "common", "absolute": "common"}
        assert facts(played, "package", host) == expected


def test_a_file_that_serves_both_sides_is_loaded_once(play: Play, tmp_path: Path) -> None:
    adapter_file(tmp_path / "once.py", COUNTING)
    played = play([compared("once", "once.py:Facts", "./once.py:Nothing")], hosts="all").ok()
    for host in BOTH:
        assert facts(played, "once", host) == {"times": "1"}


COUNTING = """
import sys
sys.loaded = getattr(sys, "loaded", 0) + 1
def facts(): return {"times": sys.loaded}
"""


def test_a_file_uses_a_collections_code_and_every_module_of_the_library(play: Play, tmp_path: Path) -> None:
    files = (path.relative_to(LIBRARY.parent).with_suffix("") for path in LIBRARY.rglob("*.py"))
    names = sorted(
        {".".join(file.parts).removesuffix(".__init__") for file in files} - {"dsync.testing", "dsync.testing.conformance"}
    )
    adapter_file(tmp_path / "mixed.py", MIXED.format(names=names))
    played = play([compared("mixed", "mixed.py:Facts", "mixed.py:Nothing")], hosts="all").ok()
    for host in BOTH:
        assert facts(played, "mixed", host) == {"answer": "42", "modules": str(len(names)), "same": "True"}


MIXED = """
import importlib
import dsync.adapters
import dsync.discovery
import dsync.report.render.formats
import dsync.shards
from ansible_collections.acme.base.plugins.module_utils import answers
from ansible.module_utils.common.text.converters import to_native

def facts():
    shipped = "ansible_collections.dsync.core.plugins.module_utils."
    same = [importlib.import_module(name) is importlib.import_module(shipped + name) for name in {names!r}]
    return {{"answer": to_native(answers.ANSWER), "modules": len(same), "same": all(same)}}
"""


def test_async_and_delegation(play: Play, tmp_path: Path) -> None:
    adapter_file(tmp_path / "later.py", "import os\ndef facts(): return {'ssh': 'SSH_CONNECTION' in os.environ}")
    later = compared("later", "later.py:Facts", "later.py:Nothing")
    delegated = compared("delegated", "later.py:Facts", "later.py:Nothing", delegate_to=HERE)
    played = play([{**later, "async": 60, "poll": 1}, delegated], hosts="all").ok()
    for host in BOTH:
        assert facts(played, "later", host) == {"ssh": str(host == THERE)}
        assert facts(played, "delegated", host) == {"ssh": "False"}


def test_defaults_of_the_action_groups(play: Play, tmp_path: Path) -> None:
    adapter_file(tmp_path / "group.py", "def facts(): return {'a': 1, 'b': 2}")
    defaults = {
        "group/dsync.core.dsync": {"target": {"adapter": "group.py:Nothing"}, "max_changes": 1},
        "group/dsync.core.dataset": {"adapter": "group.py:Facts", "exclude": [{"id": "b"}]},
    }
    tasks = [
        {"name": module, f"dsync.core.{module}": {"source": {"adapter": "group.py:Facts"}}, "check_mode": True}
        for module in ("dsync_diff", "dsync_sync")
    ]
    tasks += [
        {"name": "info", "dsync.core.dsync_info": {}},
        {"name": "export", "dsync.core.dsync_export": {"path": str(tmp_path / "facts.yml")}},
    ]
    played = play(tasks, module_defaults=defaults).ok()
    for module in ("dsync_diff", "dsync_sync"):
        result = played.result(module)
        assert (len(result["changes"]), result["changes_truncated"]) == (1, 1)
    assert [one["id"] for one in played.result("info")["objects"]] == ["a"]
    assert [one["name"] for one in yaml.safe_load((tmp_path / "facts.yml").read_text())] == ["a"]


def test_the_module_runs_ad_hoc(ansible_environment: dict[str, str]) -> None:
    """Arguments that are strings, as in an ad hoc command, name adapters as well."""
    arguments = 'source=\'{"adapter": "acme.netops.cmdb.Cmdb"}\' target=\'{"adapter": "acme.netops.cmdb.Nothing"}\''
    program = Path(sys.executable).with_name("ansible")
    done = subprocess.run(
        [
            program,
            "localhost",
            "-m",
            "dsync.core.dsync_diff",
            "-a",
            arguments,
            "-e",
            f"ansible_python_interpreter={sys.executable}",
        ],
        env=ansible_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"id": "answer"' in done.stdout
