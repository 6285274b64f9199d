# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives each adapter file its own neighbours.

An adapter file imports the files beside it by their plain names (``import models``). Two adapter files from two folders may
both have a neighbour ``models``, and both must be right, so each folder's files are loaded below a package of their own
(``dsync_files_0.models``) and their import statements are read that way.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import CodeType


def compile_with_neighbours(source: str, path: str, neighbours: Mapping[str, str]) -> CodeType:
    """Compile the text of a module whose neighbours (name → package in front of it) are loaded below other names.

    Raises:
        SyntaxError: the text is no Python of this interpreter's version.
    """
    if not neighbours:
        return compile(source, path, "exec", dont_inherit=True)
    tree = ast.fix_missing_locations(_Neighbourly(neighbours).visit(ast.parse(source, path)))
    return compile(tree, path, "exec", dont_inherit=True)


class _Neighbourly(ast.NodeTransformer):
    """Rewrites the imports of neighbours; every line keeps its number."""

    def __init__(self, neighbours: Mapping[str, str]) -> None:
        self._neighbours = neighbours

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
        return [ast.Import([ast.alias(full_name)]), ast.ImportFrom(self._neighbours[top], [ast.alias(top)], 0)]

    def _full_name(self, name: str) -> str:
        package = self._neighbours.get(name.split(".", 1)[0])
        return f"{package}.{name}" if package else name
