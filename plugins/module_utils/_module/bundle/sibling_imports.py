# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets each adapter file import its own sibling files.

An adapter file imports the files beside it by their plain names (``import models``). Two adapter files from two directories may
both have a sibling ``models``, so the files of each directory are loaded below a package of their own
(``dsync_files_0.models``), and their import statements are rewritten accordingly.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import CodeType


def compile_with_siblings(source: str, path: str, siblings: Mapping[str, str]) -> CodeType:
    """Compile the source of a module whose siblings (name → package in front of it) are loaded below other names.

    Raises:
        SyntaxError: the source is not valid for this version of Python.
    """
    if not siblings:
        return compile(source, path, "exec", dont_inherit=True)
    tree = ast.fix_missing_locations(_SiblingImports(siblings).visit(ast.parse(source, path)))
    return compile(tree, path, "exec", dont_inherit=True)


class _SiblingImports(ast.NodeTransformer):
    """Rewrites the imports of siblings; every line keeps its number."""

    def __init__(self, siblings: Mapping[str, str]) -> None:
        self._siblings = siblings

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level == 0 and node.module is not None:
            node.module = self._full_name(node.module)
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return [ast.copy_location(statement, node) for alias in node.names for statement in self._one(alias)]

    def _one(self, alias: ast.alias) -> list[ast.stmt]:
        """Return the statements that import one name and bind what the plain ``import`` would bind."""
        full_name = self._full_name(alias.name)
        if full_name == alias.name or alias.asname:
            return [ast.Import([ast.alias(full_name, alias.asname)])]
        top = alias.name.split(".", 1)[0]
        return [ast.Import([ast.alias(full_name)]), ast.ImportFrom(self._siblings[top], [ast.alias(top)], 0)]

    def _full_name(self, name: str) -> str:
        package = self._siblings.get(name.split(".", 1)[0])
        return f"{package}.{name}" if package else name
