# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets as inventories: hosts, groups, variables, caching, what is never evaluated or shown, and what goes wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

PAGE = (Path(__file__).parents[2] / "docs" / "inventory_plugin.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
GRAPHS = re.findall(r"<!-- graph: ([^\n]+) -->\n```text\n(.*?)```", PAGE, re.DOTALL)

LOOKUP = "{{ lookup('ansible.builtin.pipe', 'touch evaluated') }}"
BLOCK = "{% if true %}evaluated{% endif %}"
SECRET = "hunter2-in-inventory"
DEVICES = {"device": {"identifiers": ["name"], "attributes": {"role": "str", "note": "str", "tags": "list[str]", "pin": "secret"}}}
RECORDS = [
    {"name": "rtr-1", "role": "router", "note": LOOKUP, "tags": [BLOCK], "pin": SECRET},
    {"name": "sw-1", "role": "switch", "note": BLOCK, "tags": [], "pin": SECRET},
]
SOURCE = {
    "plugin": "dsync.core.dsync",
    "adapter": "file",
    "options": {"path": "devices.json"},
    "models": DEVICES,
    "host_model": "device",
}

ADAPTER = f'''
from dsync import DSync, DSyncModel
from names import SITES


class Region(DSyncModel):
    _modelname = "region"
    _identifiers = ("name",)
    _children = {{"site": "sites"}}
    name: str
    sites: list[str] = []


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _attributes = ("domain", "key")
    _sensitive = ("key",)
    _children = {{"device": "devices"}}
    name: str
    domain: str
    key: str = "{SECRET}"
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("site", "name")
    _attributes = ("role", "pin")
    _sensitive = ("pin",)
    site: str
    name: str
    role: str
    pin: str = "{SECRET}"


class Sot(DSync):
    region, site, device = Region, Site, Device
    top_level = ["region"]

    def __init__(self, token, **kwargs):
        super().__init__(**kwargs)
        self.token = token

    def load(self):
        print("no part of the inventory")
        if self.token != "token-of-a-lookup":
            raise RuntimeError(f"{{self.token}} is refused")
        region = self.region(name="us east")
        self.add(region)
        for name in SITES:
            site = self.site(name=name, domain=f"{{name}}.example.com")
            self.add(site)
            region.add_child(site)
            device = self.device(site=name, name="rtr", role="router")
            self.add(device)
            site.add_child(device)
'''

BROKEN = """
from dsync import DSync, DSyncModel
from dsync.exceptions import LibraryMissing


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    name: str


class Unreachable(DSync):
    device = Device
    top_level = ["device"]

    def __init__(self, url):
        super().__init__()
        self.url = url

    def load(self):
        raise ConnectionError(f"no route to {self.url}")


class Lacking(DSync):
    device = Device
    top_level = ["device"]

    def load(self):
        raise LibraryMissing("frob is missing", "frob")
"""

TREE = """
from dsync import DSync, DSyncModel


class Region(DSyncModel):
    _modelname = "region"
    _identifiers = ("name",)
    _children = {"site": "sites"}
    name: str
    sites: list[str] = []


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    _children = {"device": "devices"}
    name: str
    devices: list[str] = []


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    name: str


class Tree(DSync):
    region, site, device = Region, Site, Device
    top_level = ["region"]

    def __init__(self, tree, **kwargs):
        super().__init__(**kwargs)
        self.tree = tree

    def load(self):
        for name, sites in self.tree.items():
            self.add(region := self.region(name=name))
            for name, devices in sites.items():
                self.add(site := self.site(name=name))
                region.add_child(site)
                for name in devices:
                    self.add(device := self.device(name=name))
                    site.add_child(device)
"""


@pytest.fixture
def run(tmp_path: Path, ansible_environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one of Ansible's programs in the directory of the test."""

    def call(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name(program), *arguments],
            cwd=tmp_path,
            env={**ansible_environment, "COLUMNS": "2000", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return call


def write(folder: Path, name: str = "dsync.yml", **more: Any) -> None:
    (folder / "devices.json").write_text(json.dumps(RECORDS))
    (folder / name).write_text(yaml.safe_dump({**SOURCE, **more}))


def listed(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def variables(found: dict[str, Any], host: str) -> dict[str, Any]:
    return plainly(found["_meta"]["hostvars"].get(host, {}))


def plainly(value: Any) -> Any:
    """Return a value of ``ansible-inventory --list`` without the marks of what is unsafe."""
    if isinstance(value, list):
        return [plainly(item) for item in value]
    if not isinstance(value, dict):
        return value
    return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {key: plainly(item) for key, item in value.items()}


def test_the_examples_of_the_page(run: Any, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    assert len(GRAPHS) == 2
    for arguments, graph in GRAPHS:
        for _time in ("read", "perhaps from the cache"):
            ran = run("ansible-inventory", "-i", *arguments.split(), "--graph")
            assert ran.returncode == 0, ran.stdout + ran.stderr
            assert ran.stdout == graph
            assert ran.stderr == ""
    assert list((tmp_path / ".cache").iterdir())


def test_data_in_a_directory_of_inventories(run: Any, tmp_path: Path) -> None:
    """Ansible reads every file of the directory, as the page says, and neither of the two ways out that it names."""
    (tmp_path / "inventory").mkdir()
    beside, elsewhere = tmp_path / "inventory" / "devices.csv", tmp_path / "devices.csv"
    plugin = tmp_path / "inventory" / "devices.dsync.yml"
    beside.write_text(FILES["devices.csv"])
    plugin.write_text(FILES["devices.dsync.yml"])
    devices = {"rtr-1", "sw-1", "sw-2"}

    def hosts(**variables: str) -> set[str]:
        found = listed(run("ansible-inventory", "-i", "inventory", "--list", **variables))
        return set(found["_meta"]["hostvars"]).union(found.get("ungrouped", {}).get("hosts", ()))

    assert hosts() > {*devices, "rtr-1,nyc,router,192.0.2.1"}
    assert hosts(ANSIBLE_INVENTORY_IGNORE=".csv") == devices
    beside.rename(elsewhere)
    plugin.write_text(FILES["devices.dsync.yml"].replace("path: devices.csv", "path: ../devices.csv"))
    assert hosts() == devices


@pytest.mark.parametrize("cached", [False, True])
def test_nothing_of_the_data_is_evaluated_and_nothing_secret_is_a_variable(run: Any, tmp_path: Path, cached: bool) -> None:
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "kept"} if cached else {}
    write(
        tmp_path,
        compose={"again": "note ~ ''", "in_a_list": "[note]"},
        keyed_groups=[{"key": "note", "prefix": "note"}],
        groups={"routers": "role == 'router'"},
        **kept,
    )
    (tmp_path / "play.yml").write_text(
        yaml.safe_dump(
            [
                {
                    "hosts": "routers",
                    "gather_facts": False,
                    "connection": "local",
                    "tasks": [
                        {"ansible.builtin.debug": {"msg": "<{{ note }}> <{{ again }}> <{{ in_a_list[0] }}> <{{ vars['note'] }}>"}},
                        {"ansible.builtin.debug": {"msg": "{{ hostvars['sw-1'].note }} {{ pin | default('no pin') }}"}},
                    ],
                }
            ]
        )
    )
    for _time in range(1 + cached):
        ran = run("ansible-playbook", "-i", "dsync.yml", "play.yml")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert " ".join([f"<{LOOKUP}>"] * 4) in ran.stdout
        assert f"{BLOCK} no pin" in ran.stdout
    assert not (tmp_path / "evaluated").exists()
    assert all(SECRET not in path.read_text() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert (tmp_path / "kept").exists() == cached


def test_a_custom_adapter_with_objects_above_the_hosts(run: Any, tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "sot.py").write_text(ADAPTER)
    (tmp_path / "adapters" / "names.py").write_text('SITES = ["nyc", "bos"]\n')
    source = {
        "plugin": "dsync.core.dsync",
        "adapter": "adapters/sot.py:Sot",
        "secrets": {"token": "{{ lookup('ansible.builtin.env', 'SOT_TOKEN') }}"},
        "host_model": "device",
        "hostname": "name ~ '.' ~ parents.site.domain",
        "vars_prefix": "sot_",
        "compose": {"place": "parents.region.name", "secrets_known": "[parents.site.key | default('none'), pin | default('none')]"},
    }
    (tmp_path / "a.dsync.yml").write_text(yaml.safe_dump(source))
    found = listed(run("ansible-inventory", "-i", "a.dsync.yml", "--list", SOT_TOKEN="token-of-a-lookup"))
    assert found["site_nyc"] == {"hosts": ["rtr.nyc.example.com"]}
    assert sorted(found["region_us_east"]["children"]) == ["site_bos", "site_nyc"]
    assert variables(found, "rtr.bos.example.com") == {
        "sot_site": "bos",
        "sot_name": "rtr",
        "sot_role": "router",
        "place": "us east",
        "secrets_known": ["none", "none"],
    }
    assert SECRET not in json.dumps(found)

    source.update(vars={"ansible_password": "pin", "role": "role"}, hostname=None, parents_prefix="", strict=True)
    del source["compose"]
    (tmp_path / "a.dsync.yml").write_text(yaml.safe_dump(source))
    found = listed(run("ansible-inventory", "-i", "a.dsync.yml", "--list", SOT_TOKEN="token-of-a-lookup"))
    assert variables(found, "bos__rtr") == {"ansible_password": SECRET, "role": "router"}
    assert found["bos"] == {"hosts": ["bos__rtr"]}
    assert found["us_east"] == {"children": ["nyc", "bos"]}

    ran = run("ansible-inventory", "-i", "a.dsync.yml", "--list", SOT_TOKEN="wrong-and-secret")
    assert ran.returncode != 0
    assert "adapter (adapters/sot.py:Sot): load() raised RuntimeError: ******** is refused" in ran.stderr
    assert "wrong-and-secret" not in ran.stdout + ran.stderr


def test_a_host_that_is_called_like_a_group_is_in_its_own_group(run: Any, tmp_path: Path) -> None:
    (tmp_path / "tree.py").write_text(TREE)
    source = {"plugin": "dsync.core.dsync", "adapter": "tree.py:Tree", "host_model": "device", "parents_prefix": ""}
    trees = ({"east": {"nyc": ["nyc", "rtr"]}}, {"east": {"nyc": ["bos"], "bos": ["rtr"]}}, {"nyc": {"nyc": ["nyc"]}})
    for tree, groups in zip(trees, ({"nyc": ["nyc", "rtr"]}, {"nyc": ["bos"], "bos": ["rtr"]}, {"nyc": ["nyc"]})):
        (tmp_path / "dsync.yml").write_text(yaml.safe_dump({**source, "options": {"tree": tree}}))
        found = listed(run("ansible-inventory", "-i", "dsync.yml", "--list"))
        assert {name: found[name]["hosts"] for name in groups} == groups
        assert all("children" not in found[name] for name in groups)


def test_two_adapters_with_modules_of_one_name(run: Any, tmp_path: Path) -> None:
    for folder, site in (("east", "nyc"), ("west", "sfo")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sot.py").write_text(ADAPTER)
        (tmp_path / folder / "names.py").write_text(f'SITES = ["{site}"]\n')
        source = {"plugin": "dsync.core.dsync", "adapter": "sot.py:Sot", "options": {"token": "token-of-a-lookup"}}
        (tmp_path / folder / "dsync.yml").write_text(yaml.safe_dump({**source, "host_model": "device"}))
    found = listed(run("ansible-inventory", "-i", "east/dsync.yml", "-i", "west/dsync.yml", "--list"))
    assert found["_meta"]["hostvars"].keys() == {"nyc__rtr", "sfo__rtr"}
    assert found["region_us_east"]["children"] == ["site_nyc", "site_sfo"]


def test_the_cache_is_used_until_it_is_flushed_or_the_declaration_changes(run: Any, tmp_path: Path) -> None:
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "kept"}
    write(tmp_path, **kept)
    arguments = ("ansible-inventory", "-i", "dsync.yml", "--list")
    first = listed(run(*arguments))
    assert variables(first, "sw-1") == {"role": "switch", "note": BLOCK}
    (tmp_path / "devices.json").write_text(json.dumps([{**RECORDS[0], "role": "spare"}]))
    assert listed(run(*arguments)) == first
    flushed = listed(run(*arguments, "--flush-cache"))
    assert variables(flushed, "rtr-1")["role"] == "spare"
    assert "sw-1" not in flushed["_meta"]["hostvars"]
    write(tmp_path, vars=["pin"], **kept)
    assert variables(listed(run(*arguments)), "sw-1") == {"pin": SECRET}


def test_the_cache_of_one_dataset_is_not_taken_for_another(run: Any, tmp_path: Path) -> None:
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "kept"}
    write(tmp_path, models=None, models_file="models.yml", options={"path": "{{ which }}.json"}, **kept)
    (tmp_path / "models.yml").write_text(yaml.safe_dump(DEVICES))
    for name, record in zip(("east", "west"), RECORDS):
        (tmp_path / f"{name}.json").write_text(json.dumps([record]))

    def hosts(which: str) -> dict[str, Any]:
        return listed(run("ansible-inventory", "-i", "dsync.yml", "--list", "-e", f"which={which}"))["_meta"]["hostvars"]

    assert hosts("east").keys() == {"rtr-1"}
    assert hosts("west").keys() == {"sw-1"}
    (tmp_path / "models.yml").write_text(yaml.safe_dump({"device": {"identifiers": ["name"], "attributes": {"role": "str"}}}))
    assert hosts("west")["sw-1"].keys() == {"role", "which"}
    (tmp_path / "west.json").write_text("[]")
    assert hosts("west").keys() == {"sw-1"}, "the cache is not used"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"host_model": "divice"}, 'host_model: there is no model "divice" (did you mean "device"? known: device).'),
    "option": ({"hostmodel": "device"}, 'there is no option "hostmodel" (did you mean "host_model"? known: '),
    "vars": ({"vars": ["rol"]}, 'vars: a device has no attribute "rol" (did you mean "role"? known: name, note, pin, role, tags).'),
    "shape": (
        {"vars": "role"},
        "vars should be a list of names of attributes, or a dictionary of variable to name of an attribute.",
    ),
    "adapter": ({"adapter": "fil"}, 'there is no built-in adapter "fil"'),
    "adapter_file": (
        {"adapter": "adapters/no.py:Sot"},
        'the adapter file "adapters/no.py" was not found on the controller; searched: /',
    ),
    "models_file": (
        {"models_file": "no.yml", "models": None},
        'models_file: the file "no.yml" was not found on the controller; searched: /',
    ),
    "models_list": (
        {"models": ["device"]},
        "models should be a dictionary that declares models, and is ['device']. Use models_file for the path of a file",
    ),
    "models_number": ({"models": 5}, "models should be a dictionary that declares models, and is 5."),
    "type": ({"models": {"device": {"identifiers": ["name"], "attributes": {"role": "string"}}}}, 'there is no type "string"'),
    "data": ({"options": {"path": "absent.json"}}, "absent.json"),
    "template": ({"options": {"path": "{{ nowhere }}"}}, "options cannot be evaluated: "),
    "name": ({"hostname": "role if tags else ''"}, "gives the device \"sw-1\" no name, but ''."),
    "expression": ({"hostname": "absent.x"}, 'hostname: absent.x cannot be evaluated for the device "rtr-1": '),
    "secret": ({"hostname": "pin"}, 'hostname: pin cannot be evaluated for the device "rtr-1": '),
    "twice": (
        {"hostname": "'same'"},
        'hostname: the device "rtr-1" and the device "sw-1" would both be called "same".',
    ),
    "strict": ({"strict": True, "compose": {"x": "absent.x"}}, "Could not set x for host rtr-1"),
    "address": (
        {"adapter": "broken.py:Unreachable", "options": {"url": f"https://u:{SECRET}@sot.example"}, "models": None},
        "no route to https://u:********@sot.example",
    ),
    "library": (
        {"adapter": "broken.py:Lacking", "options": {}, "models": None},
        "adapter (broken.py:Lacking): load() failed: frob is missing. Install the Python library frob for /",
    ),
    "import": (
        {"adapter": "unimportable.py:Sot", "options": {}, "models": None},
        "adapter (unimportable.py:Sot): it needs the Python module no_such_module, which /",
    ),
    "blank": (
        {"options": {"path": "blank.json"}},
        "blank.json, [0]: device: name is blank, so nothing identifies the object",
    ),
    "all": ({"hostname": "'all'"}, "hostname: 'all' gives the device \"rtr-1\" the name 'all', which no host can have."),
    "lines": ({"hostname": "name ~ '\\n' ~ role"}, "the name 'rtr-1\\nrouter', which no host can have."),
    "variable": ({"vars": {"ansible-host": "name"}}, 'vars: "ansible-host" is not a valid name of a variable.'),
    "prefix": ({"vars_prefix": "sot-"}, 'vars_prefix: "sot-name" is not a valid name of a variable.'),
    "no_group": (
        {"adapter": "tree.py:Tree", "options": {"tree": {"east": {"": ["rtr"]}}}, "models": None, "parents_prefix": ""},
        'parents_prefix: the site "" cannot become the group "": Invalid empty/false group name provided.',
    ),
    "circle": (
        {
            "adapter": "tree.py:Tree",
            "options": {"tree": {"a": {"b": ["x"]}, "b": {"a": ["y"]}}},
            "models": None,
            "parents_prefix": "",
        },
        "parents_prefix: the region \"b\" cannot become the group \"b\": Adding group 'a' as child to 'b' creates a recursive",
    ),
    "play": ({"adapter": "inventory", "options": {}}, "there is no play here whose inventory could be read"),
}


def test_every_mistake_is_reported_in_one_sentence(run: Any, tmp_path: Path) -> None:
    for name, (wrong, _said) in WRONG.items():
        write(tmp_path, f"{name}.dsync.yml", **wrong)
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "tree.py").write_text(TREE)
    (tmp_path / "blank.json").write_text(json.dumps([{**RECORDS[0], "name": " "}]))
    (tmp_path / "unimportable.py").write_text("import no_such_module\n\nclass Sot: pass\n")
    sources = [part for name in WRONG for part in ("-i", f"{name}.dsync.yml")]
    ran = run(
        "ansible-inventory", *sources, "--list", ANSIBLE_INVENTORY_ENABLED="auto", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="false"
    )
    told = re.split(r"\[WARNING\]: ", ran.stderr)
    for name, (_wrong, said) in WRONG.items():
        about = [warning for warning in told if f"{name}.dsync.yml" in warning and "Failed to parse" in warning]
        assert any(said in " ".join(warning.split()) for warning in about), f"{name}: {said}\n{about}"
        assert all("Traceback" not in warning for warning in about)
    assert SECRET not in ran.stdout + ran.stderr


def test_what_is_not_loaded_is_a_warning(run: Any, tmp_path: Path) -> None:
    write(tmp_path, "none.dsync.yml", mapping={"device": {"where": {"role": "none"}}})
    (tmp_path / "devices.json").write_text(json.dumps(RECORDS))
    ran = run("ansible-inventory", "-i", "none.dsync.yml", "--list")
    assert "mapping.device.where: there are records, but none of them has role: none" in " ".join(ran.stderr.split())


def test_attributes_that_are_no_variables_are_a_warning(run: Any, tmp_path: Path) -> None:
    """Except for the ones that the documentation names."""
    attributes = {"serial": "str", "port": "int", "role": "str", "tags": "list[str]"}
    models = {"device": {"identifiers": ["name"], "attributes": attributes}}
    write(tmp_path, "devices.dsync.yml", models=models)
    write(tmp_path, "prefixed.dsync.yml", models=models, vars_prefix="cmdb_")
    (tmp_path / "devices.json").write_text(json.dumps([{"name": "r1", "serial": "F1", "port": 22, "role": "core", "tags": ["a"]}]))
    ran = run("ansible-inventory", "-i", "devices.dsync.yml", "--list")
    assert variables(listed(ran), "r1") == {"role": "core"}
    assert "Ansible reserves the names port, serial, so the hosts have no such variables. Set vars_prefix" in " ".join(
        ran.stderr.split()
    )
    ran = run("ansible-inventory", "-i", "prefixed.dsync.yml", "--list")
    assert variables(listed(ran), "r1")["cmdb_serial"] == "F1"
    assert "reserves" not in ran.stderr


def test_only_files_of_its_own_names_are_taken_and_the_documentation_is_there(run: Any, tmp_path: Path) -> None:
    write(tmp_path, "devices.yml")
    ran = run("ansible-inventory", "-i", "devices.yml", "--list")
    assert ran.returncode != 0
    documented = run("ansible-doc", "-t", "inventory", "-j", "dsync.core.dsync")
    assert documented.returncode == 0, documented.stderr
    options = json.loads(documented.stdout)["dsync.core.dsync"]["doc"]["options"]
    assert {"host_model", "keyed_groups", "cache", "strict", "vars"} <= options.keys()
