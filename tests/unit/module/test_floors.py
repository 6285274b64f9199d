# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the host only two files know Ansible, and only documentation is above them."""

from __future__ import annotations

import ast
from pathlib import Path

PLUGINS = Path(__file__).parents[3] / "plugins"
COLLECTION = "ansible_collections.dsync.core.plugins."


def imports(path: Path) -> set[str]:
    """Return the names of the modules that a file imports from, relative ones with their dots."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {"." * node.level + (node.module or "") for node in nodes if isinstance(node, ast.ImportFrom)}


def test_two_files_import_ansible() -> None:
    files = (PLUGINS / "module_utils" / "_module").rglob("*.py")
    assert {file.name for file in files if any(name.startswith("ansible") for name in imports(file))} == {
        "entry.py",
        "lifecycle.py",
    }


def test_modules_import_only_the_code_below_them() -> None:
    for path in (PLUGINS / "modules").glob("*.py"):
        assert imports(path) - {"__future__"} == {f"{COLLECTION}module_utils._module.{name}" for name in ("entry", "argspec")}


def test_action_plugins_only_name_the_shared_one() -> None:
    for path in (PLUGINS / "action").glob("*.py"):
        assert imports(path) - {"__future__"} == {"..plugin_utils.action"}
