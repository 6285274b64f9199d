# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shipped: an adapter's file or collection module, and all that it imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("ansible", reason="the controller's side needs ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.bundle.format import Bundle
from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.plugin_utils.code_bundle.import_graph import ImportGraph, follow_imports
from ansible_collections.dsync.core.plugins.plugin_utils.code_bundle.roots import (
    BUILT_IN,
    DISCOVERY,
    FAMILIES,
    FOR_AUTHORS,
    SHARDS,
    Roots,
    families_of,
    own_code,
)

MODULE_UTILS = Path(__file__).parents[3] / "plugins" / "module_utils"
COLLECTION = "ansible_collections.dsync.core.plugins.module_utils"


def write(folder: Path, **files: str) -> None:
    """Write files; a double underscore in a name represents a slash."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def shipped(*adapters: Path) -> ImportGraph:
    roots = Roots()
    return follow_imports([roots.adapter_file(path) for path in adapters], roots)


def test_a_file_and_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        sot="import json, models\nfrom package import leaf\ndef late():\n    from late import x",
        models="import deeper",
        deeper="import models",
        late="x = 1",
        unused="x = 1",
        package__init="",
        package__leaf="from .other import x\nfrom . import json",
        package__other="import json",
        package__json="",
    )
    (tmp_path / "package" / "init.py").rename(tmp_path / "package" / "__init__.py")
    found = shipped(tmp_path / "sot.py")
    names = {"sot", "models", "deeper", "late", "package", "package.leaf", "package.other", "package.json"}
    assert found.sources.keys() == {f"dsync_files_0.{name}" for name in names}
    assert found.siblings["dsync_files_0.sot"] == dict.fromkeys(("models", "package", "late"), "dsync_files_0")
    assert found.siblings["dsync_files_0.package.other"] == {}


def test_a_directory_is_no_sibling_unless_the_module_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, sot="import yaml\nfrom plain import inner\nimport email.message", plain__inner="", yaml__unrelated="")
    (tmp_path / "email").mkdir()
    assert shipped(tmp_path / "sot.py").sources.keys() == {"dsync_files_0.sot", "dsync_files_0.plain.inner"}


@pytest.mark.parametrize("name", ["dsync", "ansible", "ansible_collections"])
def test_some_names_never_mean_a_neighbour(tmp_path: Path, name: str) -> None:
    write(tmp_path, **{"sot": f"import {name}", name: ""})
    assert shipped(tmp_path / "sot.py").sources.keys() == {"dsync_files_0.sot"}


def test_files_of_one_directory_share_their_siblings_and_others_do_not(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(tmp_path / folder, a="import models", b="import models", models="")
    found = shipped(*(tmp_path / name for name in ("one/a.py", "two/a.py", "one/b.py")))
    names = ("0.a", "0.b", "0.models", "1.a", "1.models")
    assert found.sources.keys() == {f"dsync_files_{name}" for name in names}


def test_ansibles_own_module_utilities(tmp_path: Path) -> None:
    write(tmp_path, sot="from ansible.module_utils.urls import open_url\nfrom ansible.module_utils.no_such import x")
    names = shipped(tmp_path / "sot.py").sources.keys()
    assert "ansible.module_utils.urls" in names
    assert "ansible.module_utils.common.text.converters" in names
    assert not any(name.startswith("ansible.plugins") or "no_such" in name for name in names)


def test_the_code_of_this_collection_travels_anyway(tmp_path: Path) -> None:
    write(tmp_path, sot="from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync\nimport dsync.flags")
    assert shipped(tmp_path / "sot.py").sources.keys() == {"dsync_files_0.sot"}


@pytest.mark.parametrize("text", ["class A(:\n", "x = '\0'", "# coding: no-such\n"])
def test_invalid_python_is_reported_with_its_file(tmp_path: Path, text: str) -> None:
    write(tmp_path, sot="import models", models=text)
    with pytest.raises(TaskFailure, match=r"models\.py.*not valid Python"):
        shipped(tmp_path / "sot.py")


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(TaskFailure, match=r"absent\.py on the controller cannot be read: No such file"):
        shipped(tmp_path / "absent.py")


def test_the_controller_needs_no_library_and_no_pydantic() -> None:
    code = f"""
        import sys
        sys.path[:] = {sys.path!r}
        sys.modules["pydantic"] = None
        import ansible_collections.dsync.core.plugins.action.dsync_sync
        assert not [name for name in sys.modules if ".module_utils.dsync" in name]
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)


def test_what_is_packed_can_be_unpacked(tmp_path: Path) -> None:
    write(tmp_path, sot="import models\nimport plain.inner", models="X = 'ü'", plain__inner="")
    found = shipped(tmp_path / "sot.py")
    bundle = Bundle.unpack(Bundle({"sot.py:Sot": "dsync_files_0.sot"}, found.modules()).pack())
    assert bundle.adapters == {"sot.py:Sot": "dsync_files_0.sot"}
    assert {name for name, code in bundle.modules.items() if code.package} == {"dsync_files_0", "dsync_files_0.plain"}
    assert bundle.modules["dsync_files_0.models"].source == "X = 'ü'".encode()
    assert bundle.modules["dsync_files_0.sot"].path == str(tmp_path / "sot.py")
    assert bundle.modules["dsync_files_0.sot"].siblings == {"models": "dsync_files_0", "plain": "dsync_files_0"}


def test_every_file_that_may_run_on_a_host_travels() -> None:
    names = {source.name for source in own_code({*FAMILIES, SHARDS, DISCOVERY}, about_reports=True)}
    for path in MODULE_UTILS.rglob("*.py"):
        parts = path.relative_to(MODULE_UTILS).with_suffix("").parts
        travels = ".".join([COLLECTION, *parts]).removesuffix(".__init__") in names
        assert travels is (parts[:2] != ("dsync", FOR_AUTHORS))
    assert {
        f"{COLLECTION}.{name}"
        for name in ("_module", "_module.run.lifecycle", "dsync", "dsync.adapter", "dsync.dataset.memory_store")
    } <= names


def shipped_for(families: Collection[str]) -> set[str]:
    return {source.name.removeprefix(f"{COLLECTION}.") for source in own_code(families)}


def test_what_only_adapters_of_records_need_stays_at_home_without_one() -> None:
    names = shipped_for({"diffsync"})
    assert "dsync.apply.apply" in names
    assert "dsync.adapters.diffsync.bridge" in names
    others = [name for name in names if name.startswith(("dsync.adapters.", "dsync.records"))]
    assert all(name.startswith("dsync.adapters.diffsync") for name in others)


def test_there_is_a_family_for_each_built_in_adapter_and_each_directory() -> None:
    from dsync import adapters

    assert BUILT_IN.keys() == adapters.BUILT_IN.keys()
    directory = MODULE_UTILS / "dsync" / "adapters"
    assert {path.parent.relative_to(directory).as_posix() for path in directory.rglob("*.py")} - {"."} == FAMILIES


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_adapter_runs_from_its_families_alone(name: str) -> None:
    """Whatever its files import, also within functions, is shipped."""
    from dsync import adapters

    names = shipped_for(BUILT_IN[name])
    sources = {source.name: source for source in own_code(BUILT_IN[name])}
    assert f"dsync.adapters.{adapters.BUILT_IN[name][0]}" in names
    for source in sources.values():
        for imported, relative in source.imports():
            if relative and source.name.startswith(f"{COLLECTION}.dsync."):
                assert {imported, imported.rpartition(".")[0]} & sources.keys(), f"{source.name} imports {imported}"


def test_a_task_is_sent_no_family_that_it_does_not_use() -> None:
    names = {name for name in shipped_for(BUILT_IN["file"]) if name.startswith("dsync.adapters.")}
    assert {name.split(".")[2] for name in names} == {"core", "documents", "file"}


def test_what_only_reports_need_stays_at_home_without_one() -> None:
    names = {source.name.removeprefix(f"{COLLECTION}.") for source in own_code(FAMILIES)}
    assert {name for name in names if name.startswith("dsync.report.render")} == {
        "dsync.report.render",
        "dsync.report.render.unified",
    }


@pytest.mark.parametrize(
    ("line", "families"),
    [
        ("from dsync import DSync", set()),
        ("from dsync.adapters import RecordAdapter, RecordModel", {"core"}),
        ("from dsync.adapters import Fields, Options", {"core"}),
        ("import dsync.records.path", {"core"}),
        ("from dsync.shards import Shard", {"shards"}),
        ("from dsync import shards", {"shards"}),
        ("from dsync.adapters.file import FileAdapter", BUILT_IN["file"]),
        ("from dsync.adapters import sql", BUILT_IN["sql"]),
        ("from dsync.adapters.documents.document import Document", {*BUILT_IN["file"], *BUILT_IN["inventory"], "memory"}),
        ("from dsync.adapters.estates.netbox import NetBoxAdapter", BUILT_IN["netbox"]),
        ("from dsync.adapters.diffsync import bridge", {"diffsync"}),
        ("from dsync.adapters import *", FAMILIES),
        ("from dsync.adapters import built_in", FAMILIES),
        (f"import {COLLECTION}.dsync.adapters", FAMILIES),
    ],
)
def test_an_adapter_is_sent_the_families_that_it_imports(tmp_path: Path, line: str, families: set[str]) -> None:
    write(tmp_path, cmdb=line)
    assert families_of(shipped(tmp_path / "cmdb.py").sources.values()) == families


def test_the_whole_engine_runs_from_what_was_packed(tmp_path: Path) -> None:
    """As on a host: beside what Ansible packs there is nothing but the bundle."""
    bare = tmp_path / "ansible_collections" / "dsync" / "core" / "plugins" / "module_utils" / "_module"
    (bare / "bundle").mkdir(parents=True)
    for name in ("__init__", *(f"bundle/{name}" for name in ("__init__", "compiled", "format", "importer"))):
        (bare / f"{name}.py").write_bytes((MODULE_UTILS / "_module" / f"{name}.py").read_bytes())
    whole = ImportGraph()
    whole.add(own_code({*FAMILIES, SHARDS, DISCOVERY}, about_reports=True))
    (tmp_path / "bundle").write_text(Bundle(modules=whole.modules()).pack())
    code = f"""
        import sys
        sys.path[:] = [{str(tmp_path)!r}, *(path for path in {sys.path!r} if "ansible_collections" not in path)]
        sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
        import importlib
        from {COLLECTION}._module.bundle.compiled import CompiledModules
        from {COLLECTION}._module.bundle.format import Bundle
        bundle = Bundle.unpack(open({str(tmp_path / "bundle")!r}).read())
        bundle.install(CompiledModules(None))
        for name in bundle.modules:
            if name.startswith("{COLLECTION}."):
                module = importlib.import_module(name)
                assert module.__name__ == name
        assert importlib.import_module("{COLLECTION}.dsync.adapter").__loader__.__class__.__name__ == "BundleLoader"
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)
