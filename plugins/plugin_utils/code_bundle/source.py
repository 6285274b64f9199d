# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python source files on the controller, which are parsed and never run: what they define and import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import decode_source
from pathlib import Path

from ...module_utils._module.errors import TaskFailure


@dataclass(frozen=True)
class Source:
    """A Python module on the controller.

    Attributes:
        name: the dotted name under which it is imported on the managed node.
        path: the file.
    """

    name: str
    path: Path

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The package that relative imports refer to."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @cached_property
    def code(self) -> bytes:
        """The content of the file. Raises TaskFailure if it cannot be read."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise TaskFailure(f"{self.path} on the controller cannot be read: {error.strerror}.") from error

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree. Raises TaskFailure if the file is not valid Python."""
        try:
            return ast.parse(decode_source(self.code), str(self.path))
        except SyntaxError as error:
            line = "" if error.lineno is None else f", line {error.lineno}"
            raise TaskFailure(f"{self.path}{line}: this is not valid Python: {error.msg}.") from error
        except ValueError as error:
            raise TaskFailure(f"{self.path}: this is not valid Python: {error}.") from error

    def classes(self) -> list[str]:
        """Return the names of the classes at the top level of the file, in its order."""
        return [node.name for node in self.tree.body if isinstance(node, ast.ClassDef)]

    def may_define(self, name: str) -> bool:
        """Return False only if the file certainly does not define a name."""
        return any(_binds(node, name) for node in ast.walk(self.tree))

    def imports(self) -> Iterator[tuple[str, bool]]:
        """Yield each dotted name that the file imports, and whether it was written relative to the file's package.

        ``from a import b`` yields ``a.b``; the caller finds out whether ``b`` is a module.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, False) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield from ((".".join([*base, alias.name]), node.level > 0) for alias in node.names)

    def _base(self, node: ast.ImportFrom) -> list[str]:
        named = node.module.split(".") if node.module else []
        package = self.package.split(".")
        return [*package[: len(package) - node.level + 1], *named] if node.level else named


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return node.name in (name, "__getattr__")
    if isinstance(node, ast.alias):
        return name in (node.asname, node.name) or node.name == "*"
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
