# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The layers of docs/architecture.md: which file may import which, and the public names."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import dsync
import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "plugins" / "module_utils" / "dsync"
FILES = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py"))
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("| layer | what it holds |")[2].partition("\n\n")[0]
LAYERS = re.findall(r"^\| `([\w.]+)/?` \|", TABLE, re.MULTILINE)
FAMILY_TABLE = PAGE.partition("| family | what it holds | may import |")[2].partition("\n\n")[0]
FAMILIES = {
    name: set(re.findall(r"`([\w/]+)/`", others))
    for name, others in re.findall(r"^\| `([\w/]+)/` \|.*?\|(.*)\|$", FAMILY_TABLE, re.MULTILINE)
}
"""Family of adapters → the families that its files may import."""


def layer_of(name: str) -> str:
    return name.partition("/")[0]


def imports(name: str) -> Iterator[tuple[int, str]]:
    """Yield (level, module) of every import, those for annotations and those within functions included."""
    for node in ast.walk(ast.parse((LIBRARY / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.level, module) for module in names)
        elif isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)


def imported(name: str) -> set[str]:
    """Return the files of the library that a file imports."""
    return {file_of(name, level, module) for level, module in imports(name) if level}


def file_of(name: str, level: int, module: str) -> str:
    directory = Path(name).parent
    for _step in range(level - 1):
        directory = directory.parent
    base = (directory / module.replace(".", "/")).as_posix()
    return f"{base}.py" if f"{base}.py" in FILES else f"{base}/__init__.py"


def family_of(name: str) -> str:
    """Return the family that a file of the adapters is in; an empty string for the file that finds them."""
    parts = Path(name).parent.parts[1:]
    return "/".join(parts)


def roots(name: str) -> set[str]:
    return {module.split(".")[0] for level, module in imports(name) if level == 0}


def test_every_file_is_in_a_layer_and_every_layer_has_files() -> None:
    assert {layer_of(name) for name in FILES} == set(LAYERS)


@pytest.mark.parametrize("name", FILES)
def test_imports_only_go_down(name: str) -> None:
    own = LAYERS.index(layer_of(name))
    for other in imported(name):
        assert LAYERS.index(layer_of(other)) <= own, f"{name} imports {other}, whose layer is not below"


def test_every_family_of_adapters_is_in_the_table() -> None:
    assert {family_of(name) for name in FILES if name.startswith("adapters/")} - {""} == set(FAMILIES)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("adapters/")])
def test_a_family_of_adapters_imports_only_what_the_table_allows(name: str) -> None:
    own = family_of(name)
    for other in imported(name):
        if other.startswith("adapters/"):
            allowed = {own, *FAMILIES.get(own, {"core"})}
            assert family_of(other) in allowed, f"{name} imports {other}, of a family that it may not import"


def test_no_files_import_one_another_in_a_circle() -> None:
    TopologicalSorter({name: imported(name) - {name} for name in FILES}).prepare()  # raises CycleError, which names the files


@pytest.mark.parametrize("name", FILES)
def test_the_library_never_imports_ansible_and_imports_itself_relatively(name: str) -> None:
    assert not roots(name) & {"ansible", "ansible_collections", "dsync"}


@pytest.mark.parametrize("name", FILES)
def test_only_one_file_imports_pydantic(name: str) -> None:
    assert name == "_util/pydantic.py" or not roots(name) & {"pydantic", "pydantic_core"}


IO = {"os", "io", "pathlib", "socket", "subprocess", "tempfile", "shutil", "sqlite3", "urllib", "http"}
WITH_IO = ("storage/", "adapters/")
"""The layers that have to do with what is outside the process."""


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(WITH_IO)])
def test_comparing_and_planning_do_no_io(name: str) -> None:
    assert not roots(name) & IO


SPEAKING_SQL = {"adapters/sql/database.py", "adapters/sql/writing.py"}
"""Files in which create and delete are methods of SQLAlchemy's urls and tables."""

SPEAKING_HTTP = {f"adapters/estates/{name}.py" for name in ("nautobot/adapter", "nautobot/joins", "netbox/adapter")}
"""Files in which delete is a method of requests."""

PASSING_ON = {"adapters/diffsync/models.py"}
"""The file in which create and delete of an object call those of the DiffSync object that it represents."""


def test_only_one_file_calls_create_and_delete_of_a_model() -> None:
    callers = {name for name in FILES for node in ast.walk(ast.parse((LIBRARY / name).read_text())) if _writes(node)}
    assert callers - SPEAKING_SQL - SPEAKING_HTTP - PASSING_ON == {"apply/operations.py"}


def _writes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("create", "delete")


def test_the_tests_mirror_the_layers() -> None:
    layers = {layer.removesuffix(".py") for layer in LAYERS}
    directories = {path.name for path in (ROOT / "tests" / "unit").iterdir() if any(path.rglob("test_*.py"))}
    assert directories - {"module", "plugins", "scripts"} <= layers


@pytest.mark.parametrize("file", re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", PAGE.partition("## Where to look")[2]))
def test_files_that_the_page_names_are_there(file: str) -> None:
    assert file in FILES or (ROOT / file).is_file()


def test_public_names_are_exactly_those_that_are_exported() -> None:
    assert all(getattr(dsync, name) for name in dsync.__all__)
    public = {name for name, value in vars(dsync).items() if not name.startswith("_") and type(value).__name__ != "module"}
    assert public - {"annotations", "Any", "TYPE_CHECKING"} == set(dsync.__all__)
    with pytest.raises(AttributeError, match="no attribute 'load_plans'"):
        dsync.load_plans  # noqa: B018  # only its being looked up matters


def test_a_comparison_imports_neither_storage_nor_reports() -> None:
    code = "import sys, dsync; print(*(name for name in sys.modules if name.startswith(('dsync.storage', 'dsync.report'))))"
    path = {**os.environ, "PYTHONPATH": str(LIBRARY.parent)}
    ran = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_modules_reach_the_library_only_through_the_ansible_side_code() -> None:
    for path in (ROOT / "plugins" / "modules").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert ".module_utils.dsync" not in f".{node.module}", f"{path.name} goes round _module"
