# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both action plugins do: find the adapters' code on the controller, and run the module with that code shipped along."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFileNotFound
from ansible.module_utils.common.validation import check_type_dict
from ansible.plugins.action import ActionBase

from ..module_utils._module.failure import TaskFailure
from ..module_utils._module.reference import Reference
from ..module_utils._module.spec import SHIPPED, SIDES
from .adapters import locate
from .cargo import pack
from .closure import closure
from .roots import Roots, own_code


class ShippingAction(ActionBase):
    """Runs the module of the same name on the host, with the code of the adapters that the controller has."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        try:
            module_args = {**self._task.args, SHIPPED: self._pack()}
        except TaskFailure as failure:
            return {**result, "failed": True, "msg": str(failure), "exception": traceback.format_exc()}
        wrap_async = self._task.async_val and not self._connection.has_native_async
        result.update(self._execute_module(module_args=module_args, task_vars=task_vars, wrap_async=wrap_async))
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _pack(self) -> str:
        roots = Roots()
        found = {}
        for side, name in self._adapters():
            try:
                source = locate(Reference.parse(name), roots, self._find_file)
            except TaskFailure as failure:
                raise TaskFailure(f"{side}: {failure}") from failure
            if source is not None:
                found[name] = source
        return pack({name: source.name for name, source in found.items()}, closure(found.values(), roots, own_code()))

    def _adapters(self) -> Iterator[tuple[str, str]]:
        """Yield the sides with the names of their adapters; what is missing is for the module to tell."""
        for side in SIDES:
            arguments = self._task.args.get(side)
            try:
                adapter = check_type_dict(arguments or {}).get("adapter")
            except TypeError as error:
                said = "a text that cannot be read as one" if isinstance(arguments, str) else repr(arguments)  # it may hold secrets
                raise TaskFailure(f"{side} should be a dictionary that names an adapter, and is {said}.") from error
            if isinstance(adapter, str):
                yield side, adapter

    def _find_file(self, path: str) -> tuple[Path | None, Sequence[str]]:
        try:
            return Path(self._find_needle("files", path)).resolve(), ()
        except AnsibleFileNotFound as error:
            return None, error.paths or [path]
