# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong with what a user gives ends in one clear sentence, and never in a traceback on the screen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest
from conftest import HERE, THERE, Play, Played, RunPlaybook, player
from test_results import task

SECRET, PASSWORD = "hidden-token-1", "hidden-password-2"
LONG_SECRET = "\n".join(f"line {number} of a key" for number in range(400))

ROOT = Path(__file__).parents[2]
FILES = {
    "bad.py": """
        import sys
        from typing import Any
        import dsync
        from dsync import DSync, DSyncModel

        class Vlan(DSyncModel):
            _modelname = "vlan"
            _identifiers = ("vid",)
            _attributes = ("name", "ports", "password")
            _sensitive = ("password",)
            _children = {"vlan": "vlans"}
            vid: int
            name: str = ""
            ports: list[dict[str, int]] = []
            password: int = 0
            vlans: list = []

        class Good(DSync):
            vlan = Vlan
            top_level = ["vlan"]
            def __init__(self, path="", limit=1):
                super().__init__()

        class Open(DSync):
            vlan = Vlan
            def __init__(self, region="", **kwargs):
                super().__init__(**kwargs)

        class Handing(Good):
            def __init__(self, region="", **kwargs):
                super().__init__(**kwargs)

        class Needs(Good):
            def __init__(self, url, token):
                super().__init__()

        class Refuses(Good):
            def __init__(self, token):
                raise ValueError(f"bad token {token}")

        class Rack(DSyncModel):
            _modelname = "rack"
            _identifiers = ("name",)
            name: str

        class Other(DSync):
            rack = Rack
            top_level = ["rack"]

        class Invalid(Good):
            def load(self):
                self.add(self.vlan(vid=7, name="ok"))
                self.add(self.vlan(vid=8, ports=[{"a": 1}, {"b": "x"}], password="hidden-" + "password-2"))

        class Twins(Good):
            def load(self):
                self.add(self.vlan(vid=7, name="one"))
                self.add(self.vlan(vid=7, name="two"))

        class Lost(Good):
            def load(self):
                parent = self.vlan(vid=1)
                self.add(parent)
                parent.add_child(self.vlan(vid=2))

        class Raises(Good):
            def __init__(self, token):
                super().__init__()
                self.token = token
            def load(self):
                self.add(self.vlan(vid=1, password=48151623))
                raise ConnectionError(f"no route with {self.token}\\nto 48151623")

        class Exits(Good):
            def load(self):
                sys.exit("enough")

        class Interrupted(Good):
            def load(self):
                raise KeyboardInterrupt

        class NoAdapter:
            pass

        not_a_class = Good()
    """,
    "empty.py": "VALUE = 1",
    "syntax.py": "class Cmdb:\n    def load(self)\n        pass\n",
    "uses_syntax.py": "import syntax\nclass Cmdb: pass\n",
    "needs_package.py": "import a_package_that_is_not_there\nclass Cmdb: pass\n",
    "wrong_name.py": "from json import no_such_name\nclass Cmdb: pass\n",
    "exits.py": "import sys\nsys.exit(4)\nclass Cmdb: pass\n",
    "declares.py": """
        from dsync import DSync, DSyncModel
        class Site(DSyncModel):
            _modelname = "site"
            _identifiers = ("nme",)
            name: str
        class Cmdb(DSync):
            site = Site
    """,
    "text.txt": "class Cmdb: pass",
}


class Case(NamedTuple):
    """A task's two sides, and the parts of the sentence that it should end in."""

    source: dict[str, Any]
    sentence: tuple[str, ...]
    target: dict[str, Any] = {"adapter": "bad.py:Good"}
    more: dict[str, Any] = {}


def bad(class_name: str, **side: Any) -> dict[str, Any]:
    return {"adapter": f"bad.py:{class_name}", **side}


CASES = {
    "unknown form": Case(
        {"adapter": "s-o-t"},
        ('source: "s-o-t" does not name an adapter.', "adapters/sot.py:SourceOfTruth", "acme.netops.cmdb.Cmdb"),
    ),
    "no built-in": Case({"adapter": "sot"}, ('source (sot): there is no built-in adapter "sot" (known: file,', "adapters/sot.py")),
    "no class named": Case({"adapter": "bad.py"}, ('source: "bad.py" does not name an adapter.',)),
    "neither file nor module": Case({"adapter": "my adapter:Cmdb"}, ('source: "my adapter" is neither a Python file nor',)),
    "missing file": Case(
        {"adapter": "no/file.py:Cmdb"},
        ('source: the adapter file "no/file.py" was not found on the controller; searched: /', "/files/no/file.py"),
    ),
    "missing absolute file": Case(
        {"adapter": "/no/file.py:Cmdb"}, ('source: the adapter file "/no/file.py" was not found on the controller',)
    ),
    "no Python file": Case({"adapter": "./text.txt:Cmdb"}, ('"./text.txt" is not a Python file', ".py")),
    "missing class": Case(bad("Goood"), ('bad.py has no class Goood (did you mean "Good"? known: Vlan, Good,',)),
    "no classes": Case({"adapter": "empty.py:Cmdb"}, ("empty.py has no class Cmdb (there are none).",)),
    "no adapter": Case(
        bad("NoAdapter"), ("NoAdapter in bad.py is not an adapter", "inherits from dsync.DSync", "known: ", "Good, Open")
    ),
    "no class": Case(bad("not_a_class"), ("not_a_class in bad.py is not an adapter",)),
    "missing collection": Case(
        {"adapter": "acme.absent.cmdb.Cmdb"},
        ("source: the collection acme.absent of the adapter", "not installed on the controller"),
    ),
    "missing module of a collection": Case(
        {"adapter": "acme.netops.inner.absent.Cmdb"},
        ("plugins/module_utils/inner/absent.py of the collection acme.netops, which has no such file",),
    ),
    "missing class of a collection": Case(
        {"adapter": "acme.netops.cmdb.Cmbd"}, ('cmdb.py has no class Cmbd (did you mean "Cmdb"? known: Cmdb, Nothing).',)
    ),
    "missing package": Case(
        {"adapter": "acme_absent.cmdb:Cmdb"},
        (": it needs the Python module acme_absent, which", "does not have. Install it there."),
    ),
    "missing class of a package": Case({"adapter": "json:Cmdb"}, ("source (json:Cmdb): json has no class Cmdb (there are none).",)),
    "foreign class": Case({"adapter": "json:JSONDecoder"}, ("JSONDecoder in json is not an adapter",)),
    "unknown option": Case(
        bad("Good", options={"pth": "x"}),
        ('source (bad.py:Good): Good takes no option pth (did you mean "path"? known: path, limit).',),
    ),
    "unknown secret": Case(bad("Good", secrets={"tokn": SECRET}), ("Good takes no option tokn",)),
    "unknown option of an open class": Case(
        bad("Open", options={"regio": 1}),
        ("Open does not take these options: ", "unexpected keyword argument 'regio' (did you mean"),
    ),
    "unknown option of a class that hands on": Case(
        bad("Handing", options={"lmit": 1}), ('Handing takes no option lmit (did you mean "limit"? known: region, path, limit).',)
    ),
    "missing option": Case(
        bad("Needs", options={"url": "u"}), ("Needs needs the option token; give it in options, or in secrets.",)
    ),
    "option given twice": Case(
        bad("Needs", options={"token": 1, "url": "u"}, secrets={"token": SECRET}), ("token is given in options and in secrets",)
    ),
    "constructor that raises": Case(
        bad("Refuses", secrets={"token": SECRET}), ("making Refuses raised ValueError: bad token ********", "bad.py, line")
    ),
    "no common model": Case(bad("Good"), ("no top-level model is common", "vlan", "rack"), bad("Other")),
    "invalid record": Case(
        bad("Invalid"),
        ('source (bad.py:Invalid): load() met a record that does not validate: vlan "8": ports.1.b: Input should be', "password: "),
    ),
    "invalid record of the target": Case(
        bad("Good"), ('target (bad.py:Invalid): load() met a record that does not validate: vlan "8"',), bad("Invalid")
    ),
    "duplicate objects": Case(bad("Twins"), ("source (bad.py:Twins): load() failed:", 'two vlan objects with the identity "7"')),
    "lost child": Case(bad("Lost"), ('"1" has the child vlan "2", which was never added',)),
    "load that raises": Case(
        bad("Raises", secrets={"token": SECRET}),
        ("load() raised ConnectionError: no route with ******** to ********", "bad.py, line"),
    ),
    "load that raises with a long secret": Case(
        bad("Raises", secrets={"token": LONG_SECRET}), ("load() raised ConnectionError: no route with ******** to ********",)
    ),
    "load that exits": Case(bad("Exits"), ("source (bad.py:Exits): load() called sys.exit('enough')",)),
    "load that is interrupted": Case(bad("Interrupted"), ("source (bad.py:Interrupted): load() was interrupted.",)),
    "syntax error": Case({"adapter": "syntax.py:Cmdb"}, ("syntax.py, line 2: this is not valid Python: expected ':'.",)),
    "syntax error beside": Case({"adapter": "uses_syntax.py:Cmdb"}, ("syntax.py, line 2: this is not valid Python",)),
    "missing import": Case(
        {"adapter": "needs_package.py:Cmdb"},
        ("needs the Python module a_package_that_is_not_there, which /", "needs_package.py, line 1"),
    ),
    "wrong import": Case(
        {"adapter": "wrong_name.py:Cmdb"}, ("importing wrong_name.py raised ImportError: cannot import name", "line 1")
    ),
    "file that exits": Case({"adapter": "exits.py:Cmdb"}, ("importing exits.py called sys.exit(4)", "exits.py, line 2")),
    "wrong declaration": Case({"adapter": "declares.py:Cmdb"}, ("importing declares.py failed:", "Site", "nme", "no such field")),
    "negative maximum": Case(bad("Good"), ("max_changes is -1; it should be 0 or more.",), more={"max_changes": -1}),
}


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(dedent(text))


def tasks(names: list[str]) -> list[dict[str, Any]]:
    modules = ("dsync.core.dsync_diff", "dsync.core.dsync_sync")
    return [
        {"name": name, modules[number % 2]: {"source": case.source, "target": case.target, **case.more}, "ignore_errors": True}
        for number, (name, case) in enumerate((name, CASES[name]) for name in names)
    ]


@pytest.fixture(scope="module")
def played(run_playbook: RunPlaybook, inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All cases, played once as anybody would."""
    folder = tmp_path_factory.mktemp("bad")
    write_files(folder)
    return player(run_playbook, inventory, folder)(tasks(list(CASES)))


@pytest.mark.parametrize("name", CASES)
def test_one_clear_sentence(played: Played, name: str) -> None:
    result = played.result(name)
    assert result["failed"]
    assert not result["changed"]
    for part in CASES[name].sentence:
        assert part in result["msg"]
    assert "\n" not in result["msg"]
    assert result["msg"].endswith((".", "?"))
    assert result["msg"].splitlines()[0] in played.screen


def test_the_screen_shows_no_traceback_and_no_secret(played: Played) -> None:
    assert played.returncode == 0, played.screen
    assert "Traceback" not in played.screen
    assert "MODULE FAILURE" not in played.screen
    assert SECRET not in played.screen
    assert PASSWORD not in played.screen
    assert "48151623" not in played.screen
    assert "of a key" not in played.screen
    assert "of a key" not in json.dumps(played.results)


TRACED = (
    "missing file",
    "missing class",
    "syntax error",
    "invalid record",
    "load that raises",
    "load that raises with a long secret",
    "unknown option",
    "wrong import",
)


def test_the_traceback_goes_to_the_exception(play: Play, tmp_path: Path) -> None:
    """Where Ansible is asked for tracebacks they are there, without secrets."""
    write_files(tmp_path)
    traced = play(tasks(list(TRACED)), env={"ANSIBLE_DISPLAY_TRACEBACK": "error"})
    for name in TRACED:
        assert "Traceback" in str(traced.result(name)["exception"]), name
    assert "bad.py" in str(traced.result("load that raises")["exception"])
    assert "raise ConnectionError" in traced.screen
    assert SECRET not in traced.screen
    assert PASSWORD not in traced.screen
    assert "48151623" not in traced.screen
    assert "of a key" not in traced.screen


def test_arguments_that_ansible_refuses(play: Play, tmp_path: Path) -> None:
    write_files(tmp_path)
    refused = {
        "no target": {"source": bad("Good")},
        "no adapter": {"source": {"options": {}}, "target": bad("Good")},
        "no dict": {"source": 7, "target": bad("Good")},
        "unknown flag": {"source": bad("Good"), "target": bad("Good"), "flags": ["skip"]},
        "unknown argument": {"source": bad("Good"), "target": bad("Good"), "sources": 1},
    }
    work = [{"name": name, "dsync.core.dsync_sync": arguments, "ignore_errors": True} for name, arguments in refused.items()]
    played = play(work)
    said = {name: played.result(name)["msg"] for name in refused}
    assert said["no target"] == "missing required arguments: target"
    assert said["no adapter"] == "missing required arguments: adapter found in source"
    assert said["no dict"] == "source should be a dictionary such as {adapter: file, options: {path: devices.csv}}, and is 7."
    assert "continue_on_failure" in said["unknown flag"]
    assert "Unsupported parameters" in said["unknown argument"]
    assert "_bundle" not in played.screen
    assert "Traceback" not in played.screen


@pytest.mark.parametrize("pydantic", [None, "2.5.3", "1.10.2"])
def test_pydantic_is_missing_or_too_old(play: Play, tmp_path: Path, pydantic: str | None) -> None:
    write_files(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(tmp_path / "venv")}))
    if pydantic:
        (packages / "pydantic").mkdir()
        (packages / "pydantic" / "__init__.py").write_text(f"VERSION = {pydantic!r}")
    python = str(tmp_path / "venv" / "bin" / "python")
    work = [
        {"name": module, f"dsync.core.{module}": {"source": bad("Good"), "target": bad("Good")}, "ignore_errors": True}
        for module in ("dsync_diff", "dsync_sync")
    ]
    played = play(work, vars={"ansible_python_interpreter": python}, env={"PYTHONPATH": ""})
    for module in ("dsync_diff", "dsync_sync"):
        said = played.result(module)["msg"]
        assert "Failed to import the required Python library (pydantic >= 2.6)" in said
        assert python in said
        assert (f"pydantic {pydantic} is too old" if pydantic else "No module named 'pydantic'") in said
    assert "Traceback" not in played.screen


def old_python() -> str:
    """Return an interpreter on which Ansible still runs modules, and which the code of a task is too new for."""
    places = [*Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9"), *filter(None, [shutil.which("python3.9")])]
    if not places:
        pytest.skip("there is no Python 3.9 on this machine")
    return str(places[0])


def test_python_is_too_old(play: Play, tmp_path: Path) -> None:
    write_files(tmp_path)
    python = old_python()
    work = task("It", "dsync_diff", {"source": bad("Good"), "target": bad("Good")}, ignore_errors=True)
    played = play([work], vars={"ansible_python_interpreter": python}, env={"PYTHONPATH": ""})
    assert played.result("It")["msg"] == (
        f"{python} on {HERE} is Python 3.9, and dsync.core requires Python 3.10 or newer; "
        "set ansible_python_interpreter to such a Python, which also has pydantic."
    )
    assert "Traceback" not in played.screen


def test_a_module_without_its_action_plugin(play: Play, tmp_path: Path) -> None:
    """ANSIBLE_LIBRARY makes a module known by its short name, and nothing else of the collection."""
    write_files(tmp_path)
    work = {"name": "It", "dsync_diff": {"source": bad("Good"), "target": bad("Good")}, "ignore_errors": True}
    played = play([work], env={"ANSIBLE_LIBRARY": str(ROOT / "plugins" / "modules")})
    assert played.result("It")["msg"] == (
        "The module was run without its action plugin, which adds its code to the task; "
        "install the collection and use the full name of the module, such as dsync.core.dsync_diff."
    )


def test_arguments_that_only_the_action_plugin_sets(play: Play, tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "victim.txt").write_text("mine")
    given = {"_progress": {"progress": False, "_progress": str(tmp_path / "victim.txt")}, "_bundle": {"_bundle": "eJw="}}
    sides = {"source": bad("Good"), "target": bad("Good")}
    played = play([task(name, "dsync_diff", {**sides, **more}, ignore_errors=True) for name, more in given.items()])
    for name in given:
        assert played.result(name)["msg"] == f"{name} is not an option of dsync.core.dsync_diff; omit it."
    assert (tmp_path / "victim.txt").read_text() == "mine"


NOISY = """
import logging, os, subprocess, sys, warnings
from dsync import DSync
from bad import Vlan

print('{"printed": "while imported"}')

class Noisy(DSync):
    vlan = Vlan
    top_level = ["vlan"]

    def load(self):
        print('{"printed": "by Python"}')
        print('}')
        os.write(1, b'{"printed": "to the file descriptor"}\\n')
        subprocess.run(["echo", '{"printed": "by a program"}'])
        print('{"printed": "to standard error"}', file=sys.stderr)
        logging.warning('{"logged": true}')
        warnings.warn("a warning")
        self.add(self.vlan(vid=len(sys.stdin.read())))
"""


def test_what_adapters_print_is_not_in_the_way(play: Play, tmp_path: Path) -> None:
    """Whether standard error is a stream of its own, as here, or ends up in the same terminal, as it does over ssh."""
    write_files(tmp_path)
    (tmp_path / "noisy.py").write_text(NOISY)
    sides = {"source": {"adapter": "noisy.py:Noisy"}, "target": bad("Good")}
    for pipelining in ("false", "true"):
        played = play([{"name": "noisy", "dsync.core.dsync_diff": sides}], hosts="all", env={"ANSIBLE_PIPELINING": pipelining}).ok()
        for host in (HERE, THERE):
            assert [change["id"] for change in played.result("noisy", host)["changes"]] == ["0"]
        assert "printed" not in played.screen
        assert os.linesep + "[WARNING]" not in played.screen


def test_a_missing_file_is_named_with_its_host(play: Play, tmp_path: Path) -> None:
    """By its absolute path: what a relative one starts from differs between hosts."""
    sides = {"source": {"adapter": "file", "options": {"path": "none.csv"}}, "models": {"site": {"identifiers": ["name"]}}}
    arguments = {**sides, "target": sides["source"], "reports": [{"path": "no/where.html"}]}
    tasks = [
        task("unread", "dsync_diff", {**arguments, "reports": []}, ignore_errors=True),
        task("unwritten", "dsync_diff", arguments, ignore_errors=True),
    ]
    played = play(tasks, hosts="all").ok()
    for host, folder in ((HERE, tmp_path), (THERE, Path.home())):
        missing = f"source (file): load() failed: {folder / 'none.csv'} on {host} does not exist; check the path; "
        assert played.result("unread", host)["msg"].startswith(missing)
        unwritten = f"preparing reports[0] failed: {folder / 'no' / 'where.html'} on {host} cannot be written: "
        assert played.result("unwritten", host)["msg"].startswith(unwritten)
