# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The floors of docs/architecture.md: which file may import which, and the public names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dsync
import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "plugins" / "module_utils" / "dsync"
FILES = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py"))
TABLE = re.findall(r"^\| (\d) \| `([\w./]+)` \|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
PLACES = {name: (int(floor), position) for position, (floor, name) in enumerate(TABLE)}


def _runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node that is executed, which leaves out what stands under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            yield from _runtime_nodes(ast.Module(child.orelse, []))
            continue
        yield child
        yield from _runtime_nodes(child)


def _imports(name: str) -> Iterator[tuple[int, str]]:
    """Yield (level, module) of every import that is executed, also within functions."""
    for node in _runtime_nodes(ast.parse((LIBRARY / name).read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.level, module) for module in names)
        elif isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)


def _file_of(name: str, level: int, module: str) -> str:
    folder = Path(name).parent
    for _step in range(level - 1):
        folder = folder.parent
    base = (folder / module.replace(".", "/")).as_posix()
    return f"{base}.py" if f"{base}.py" in FILES else f"{base}/__init__.py"


def _roots(name: str) -> set[str]:
    return {module.split(".")[0] for level, module in _imports(name) if level == 0}


def test_every_file_has_its_place_in_the_table() -> None:
    assert sorted(PLACES) == FILES


@pytest.mark.parametrize("name", FILES)
def test_imports_only_go_down(name: str) -> None:
    for level, module in _imports(name):
        if level:
            imported = _file_of(name, level, module)
            assert PLACES[imported] < PLACES[name], f"{name} imports {imported}, which is not below it"


@pytest.mark.parametrize("name", FILES)
def test_the_library_never_imports_ansible_and_imports_itself_relatively(name: str) -> None:
    assert not _roots(name) & {"ansible", "ansible_collections", "dsync"}


@pytest.mark.parametrize("name", FILES)
def test_only_one_file_imports_pydantic(name: str) -> None:
    assert name == "_pydantic.py" or not _roots(name) & {"pydantic", "pydantic_core"}


IO = {"os", "io", "pathlib", "socket", "subprocess", "tempfile", "shutil", "sqlite3", "urllib", "http"}
TOUCHING = {"files.py", "stamp.py", "planfile.py", "journal.py", "baseline.py", "lock.py"}
"""The only files of the library that have to do with what is outside the process."""


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(("store/", "adapters/")) and name not in TOUCHING])
def test_comparing_and_planning_do_no_io(name: str) -> None:
    assert not _roots(name) & IO


SPEAKING_SQL = {"adapters/sql_database.py", "adapters/sql_writing.py"}
"""Files in which create and delete are methods of SQLAlchemy's urls and tables."""

SPEAKING_HTTP = {"adapters/nautobot.py", "adapters/nautobot_joins.py", "adapters/netbox.py"}
"""Files in which delete is a method of requests."""

PASSING_ON = {"bridge_models.py"}
"""The file in which create and delete of an object call those of the object of DiffSync's that it stands for."""


def test_only_one_file_calls_create_and_delete_of_a_model() -> None:
    callers = {name for name in FILES for node in ast.walk(ast.parse((LIBRARY / name).read_text())) if _writes(node)}
    assert callers - SPEAKING_SQL - SPEAKING_HTTP - PASSING_ON == {"making.py"}


def _writes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("create", "delete")


def test_public_names_are_exactly_those_that_are_exported() -> None:
    public = {name for name, value in vars(dsync).items() if not name.startswith("_") and type(value).__name__ != "module"}
    assert public - {"annotations"} == set(dsync.__all__)


def test_modules_reach_the_library_only_through_the_ansible_side_code() -> None:
    for path in (ROOT / "plugins" / "modules").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert ".module_utils.dsync" not in f".{node.module}", f"{path.name} goes round _module"
